"""The paper's Tables 2, 3 and 4, and one of the other numbers, as markdown, csv and JSON."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import FormatError
from .measure import METRICS, Measures, summarize
from .run import MethodResult

__all__ = [
    "OF_VIDEO",
    "OF_WORLD",
    "TABLES",
    "Table",
    "clips_csv",
    "format_measures",
    "format_table",
    "format_world",
    "paper_tables",
    "read_long_csv",
    "report_of",
    "tables_csv",
    "views_of_tables",
]

_VIDEO = ("psnr", "ssim", "lpips", "fid", "fvd", "r_err", "t_err")
_OTHER = ("dinov2", "seam", "pole", "loop_psnr", "loop_ssim", "end_psnr", "ate", "abs_rel", "delta")
TABLES = {
    "2": ("Panoramic video generation and camera-guided generation", _VIDEO),
    "3": ("3D world reconstruction, four level crops of 90 degrees", ("psnr", "lpips", "ssim", "seconds")),
    "4": ("Input conditions", _VIDEO),
    "other": ("Other metrics", _OTHER),
}
"""Title and columns; 2, 3 and 4 are numbered as in the paper."""

_PANORAMIC, _GUIDED = "Panoramic video generation models", "Camera-guided generation models"
_LONG_COLUMNS = (
    "clip_id", "split", "method", "input_kind", "metric_name", "value", "strata_json", "run_id"
)  # fmt: skip
_PANOWORLD = {
    "vq_psnr": "psnr",
    "vq_ssim": "ssim",
    "vq_lpips": "lpips",
    "vq_fid": "fid",
    "vq_fvd": "fvd",
    "traj_ate": "ate",
    "depth_abs_rel/raw": "abs_rel",
    "depth_delta1_25/raw": "delta",
}


@dataclass(frozen=True)
class Table:
    """A table of methods.

    Attributes:
        number: key of `TABLES`.
        title: what it shows.
        columns: keys of `METRICS`.
        rows: group (may be empty), method, and its numbers.
    """

    number: str
    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, str, Measures], ...]


def views_of_tables(numbers: Sequence[str]) -> list[str]:
    """Return the views of `evaluate_clips` that tables need."""
    needed = {"2": ("whole", "ahead"), "3": ("level",), "4": ("whole",), "other": ("whole",)}
    return [v for v in ("whole", "ahead", "level") if any(v in needed[n] for n in numbers)]


def paper_tables(methods: Sequence[MethodResult], numbers: Sequence[str] = tuple(TABLES)) -> list[Table]:
    """Arrange results as the paper does.

    Table 2 has panoramic methods as they are (R_err and T_err only below), and then all methods in perspective: videos
    as they are, panoramas cropped to one 90-degree view ahead. Tables 3 and 4 have one row per method; Table 3 compares
    four level crops of 90 degrees and adds the time.
    """
    tables = []
    for number in numbers:
        title, columns = TABLES[number]
        rows: list[tuple[str, str, Measures]] = []
        if number == "2":
            rows += [
                (_PANORAMIC, m.name, _uncommanded(m.summary["whole"])) for m in methods if m.is_panoramic
            ]
            rows += [
                (_GUIDED, f"{m.name} Persp." if m.is_panoramic else m.name, m.summary["ahead"])
                for m in methods
            ]
        else:
            view = "level" if number == "3" else "whole"
            rows += [("", m.name, m.summary[view]) for m in methods]
        known = [row for row in rows if row[2].values or row[2].missing]
        tables.append(Table(number, title, columns, tuple(known)))
    return tables


def _uncommanded(measures: Measures) -> Measures:
    """Drop R_err and T_err, which the paper gives for perspective crops alone."""
    own = ("r_err", "t_err")
    values = {k: v for k, v in measures.values.items() if k not in own}
    missing = {k: v for k, v in measures.missing.items() if k not in own}
    return Measures(values, missing, {}, measures.notes)


def format_table(table: Table) -> str:
    """Return a table as markdown; below it, what n/a stands for, and the notes. A dash is what does not apply."""
    titles = ["Method", *(_title(key) for key in table.columns)]
    lines = [f"{table.title}" if table.number == "other" else f"Table {table.number}: {table.title}", ""]
    lines += [f"| {' | '.join(titles)} |", f"|---{'|---:' * len(table.columns)}|"]
    group = ""
    for row_group, name, measures in table.rows:
        if row_group != group:
            lines.append(f"| *{row_group}* |{' |' * len(table.columns)}")
            group = row_group
        cells = [_cell(measures, key) for key in table.columns]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    reasons: dict[str, None] = {}
    for _, name, measures in table.rows:
        for key in table.columns:
            if key not in measures.values and key in measures.missing and _cell(measures, key) == "n/a":
                reasons.setdefault(f"{METRICS[key].title} n/a: {measures.missing[key]}")
        for note in measures.notes:
            if not note.startswith(tuple(m.title for k, m in METRICS.items() if k not in table.columns)):
                reasons.setdefault(f"{name}: {note}")
    if reasons:
        lines += ["", *(f"- {reason}" for reason in reasons)]
    return "\n".join(lines)


OF_VIDEO = tuple(
    key for key in METRICS if key not in ("seconds", "range_worst", "range_median", "abs_rel", "delta")
)
OF_WORLD = ("psnr", "ssim", "lpips", "fid", "dinov2", "seam", "pole", "range_worst", "range_median")
"""What `format_measures` shows of one video or one world."""


def format_measures(measures: Measures, title: str, keys: Sequence[str]) -> str:
    """Return numbers as a markdown table, one per line, or why they are n/a."""
    lines = [title, "", "| Metric | Value | |", "|---|---:|---|"]
    for key in keys:
        if key in measures.values:
            lines.append(f"| {_title(key)} | {_cell(measures, key)} | |")
        elif key in measures.missing:
            lines.append(f"| {_title(key)} | n/a | {measures.missing[key]} |")
    if measures.notes:
        lines += ["", *(f"- {note}" for note in measures.notes)]
    return "\n".join(lines)


def format_world(found: Mapping[str, Measures]) -> str:
    """Return what `evaluate_world` found as markdown tables, one per view."""
    titles = {"whole": "World, whole pictures", "level": "World, four level crops of 90 degrees"}
    return "\n\n".join(format_measures(found[view], title, OF_WORLD) for view, title in titles.items())


def _title(key: str) -> str:
    metric = METRICS[key]
    unit = f" [{metric.unit}]" if metric.unit else ""
    return f"{metric.title}{unit} {'↑' if metric.is_better_high else '↓'}"


def _cell(measures: Measures, key: str) -> str:
    if key in measures.values:
        return f"{measures.values[key]:.{METRICS[key].digits}f}"
    return "n/a" if key in measures.missing else "-"


def tables_csv(tables: Sequence[Table]) -> str:
    """Return all tables as one csv: ``table, group, method, metric, unit, value, not_available``."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("table", "group", "method", "metric", "unit", "value", "not_available"))
    for table in tables:
        for group, name, measures in table.rows:
            for key in table.columns:
                value = measures.values.get(key)
                why = "" if value is not None else measures.missing.get(key, "does not apply")
                shown = "" if value is None else f"{value:.6g}"
                writer.writerow(
                    (table.number, group, name, METRICS[key].title, METRICS[key].unit, shown, why)
                )
    return text.getvalue()


def clips_csv(methods: Sequence[MethodResult]) -> str:
    """Return every number of every clip in the layout of PanoWorld's ``results_long.csv``, NaN for n/a.

    ``metric_name`` has the benchmark's name where it has one; of cropped panoramas it ends with ``@ahead`` or
    ``@level``. FID and FVD are rows without ``clip_id``, of the split ``all``.
    """
    names = {ours: theirs for theirs, ours in _PANOWORLD.items()}
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_LONG_COLUMNS)
    for method in methods:
        rows = [(clip, views) for clip, views in method.clips.items()]
        for clip, views in [*rows, ("", method.summary)]:
            for view, measures in views.items():
                for key in METRICS:
                    if (key in ("fid", "fvd")) != (
                        clip == ""
                    ) or key not in measures.values | measures.missing:
                        continue
                    value = measures.values.get(key, math.nan)
                    name = names.get(key, key) + ("" if view == "whole" else f"@{view}")
                    strata = "{}" if clip else json.dumps({"bucket": "all"})
                    split = clip.split("::")[0] if "::" in clip else "" if clip else "all"
                    writer.writerow((clip, split, method.name, "", name, f"{value:.6f}", strata, "matrix3d"))
    return text.getvalue()


def read_long_csv(path: Path | str) -> list[MethodResult]:
    """Read PanoWorld's ``results_long.csv``, or ours: one result per method, with the views that are in it.

    Of rows for the same clip and metric the last one counts, as later runs are appended; NaN is n/a.

    Raises:
        FormatError: for another table, or a value that is no number.
    """
    path = Path(path)
    names = {**_PANOWORLD, **{key: key for key in METRICS}}
    found: dict[str, MethodResult] = {}
    with path.open(newline="", encoding="utf-8-sig") as file:
        table = csv.DictReader(file)
        lacking = set(_LONG_COLUMNS[:6]) - set(table.fieldnames or ())
        if lacking:
            raise FormatError(
                f"{path.name} must be a results_long.csv; it lacks {', '.join(sorted(lacking))}."
            )
        for line, row in enumerate(table, 2):
            name, _, view = (row["metric_name"] or "").partition("@")
            key, clip = names.get(name), row["clip_id"]
            if key is None or (not clip and row["split"] != "all"):
                continue
            try:
                value = float(row["value"])
            except (TypeError, ValueError) as error:
                raise FormatError(
                    f"{path.name}: line {line}: value must be a number; got {row['value']!r}."
                ) from error
            method = found.setdefault(row["method"], MethodResult(row["method"], True))
            place = method.clips.setdefault(clip, {}) if clip else method.summary
            measures = place.setdefault(view or "whole", Measures())
            measures.values.pop(key, None)
            measures.missing.pop(key, None)
            if math.isfinite(value):
                measures.values[key] = value
            else:
                measures.missing[key] = f"not measured in {path.name}"
    for method in found.values():
        for view in ("whole", "ahead", "level"):
            together = summarize([views[view] for views in method.clips.values() if view in views])
            method.summary[view] = together | method.summary.get(view, Measures())
    return list(found.values())


def report_of(tables: Sequence[Table], methods: Sequence[MethodResult]) -> dict[str, Any]:
    """Return tables and clips, JSON-serializable."""
    return {
        "tables": {
            table.number: [
                {"group": group, "method": name} | measures.report() for group, name, measures in table.rows
            ]
            for table in tables
        },
        "units": {key: metric.unit for key, metric in METRICS.items()},
        "clips": {
            method.name: {
                clip: {view: measures.report() for view, measures in views.items()}
                for clip, views in method.clips.items()
            }
            for method in methods
        },
    }
