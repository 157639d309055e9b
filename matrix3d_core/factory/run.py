"""The factory: makes the shards that are missing, on this machine or a Ray cluster, and describes the result."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import InvalidInput
from ..io.atomic import naming_the_file
from ..machine import usable_cores
from ..progress import ProgressEvent, ProgressFn, no_progress
from .clip import Captioner
from .contact_sheet import write_contact_sheets
from .job import FactoryJob, make_shard
from .processes import in_processes
from .ray_workers import on_ray
from .shards import INDEX, read_index, shard_name, write_index

__all__ = ["TABLE_COLUMNS", "FactoryReport", "run_factory", "table_of"]

TABLE_COLUMNS = ("Dataset", "#Samples", "Diversity", "Cam. Pose", "Depth", "Text", "Resolution", "Video")
"""Columns of table 1 of the paper (Z. Yang et al., Matrix-3D, 2025)."""


@dataclass(frozen=True)
class FactoryReport:
    """What a folder of shards holds.

    Attributes:
        index: its ``index.json``.
        made: shards that this run made; the others were there.
        refusals: routes and clips that were refused on the way, by reason, of all shards.
        sheets: contact sheets with the first frame of every clip.
    """

    index: dict[str, Any]
    made: int
    refusals: Counter[str]
    sheets: tuple[Path, ...]


def run_factory(
    job: FactoryJob,
    out: Path | str,
    *,
    workers: int = 1,
    ray: str = "",
    captioner: Captioner | None = None,
    progress: ProgressFn = no_progress,
) -> FactoryReport:
    """Make the shards of a job that a folder does not hold yet, ``index.json`` and the contact sheets.

    Args:
        job: what to make.
        out: folder; made when missing. More clips of the same settings can be added by a later run.
        workers: processes of this machine; 1 works in this process.
        ray: address of a Ray cluster that works instead, see `ray_workers.on_ray`.
        captioner: replaces the scenes' own descriptions; with several workers a function that they can import.
        progress: called once per frame; with several workers when shards are finished, at least every half second.

    Raises:
        InvalidInput: when the folder holds shards of other settings, or no clip is found.
        DiskError: when the disk refuses a file.
        BackendUnavailable: without a needed package or cluster.
    """
    if workers < 1:
        raise InvalidInput(f"workers must be at least 1; got {workers}.")
    out = Path(out).resolve()
    with naming_the_file(out):
        out.mkdir(parents=True, exist_ok=True)
    records = _present(job, out)
    _remove_partial(out)
    todo = [number for number in range(job.shards) if number not in records]
    alone = not ray and (workers == 1 or len(todo) < 2)
    threads = 0 if alone else 1 if ray else max(1, usable_cores() // workers)
    task = functools.partial(make_shard, job, out, captioner=captioner, threads=threads)

    def tell(frames_done: int = 0) -> None:
        done = sum(record["nsamples"] for record in records.values())
        frames = job.clip.route.frames
        progress(ProgressEvent(done * frames + frames_done, job.clips * frames, "make clips"))

    def made() -> Iterator[dict[str, Any]]:
        if alone:
            for number in todo:
                yield task(number, progress=lambda event: tell(event.done))
        elif ray:
            yield from on_ray(task, todo, ray, workers, tell)
        else:
            yield from in_processes(task, todo, workers, tell)

    if records:  # a run that fails at once leaves no settings behind
        write_index(out, records.values(), job.settings())
    for record in made():
        records[int(record["url"][6:-4])] = record
        write_index(out, records.values(), job.settings())
    tell()
    _remove_partial(out)
    refusals: Counter[str] = Counter()
    for record in records.values():
        refusals.update(record["refusals"])
    return FactoryReport(read_index(out), len(todo), refusals, tuple(write_contact_sheets(out)))


def _remove_partial(out: Path) -> None:
    """Remove what killed workers left."""
    for partial in out.glob(".shard-*.partial"):
        partial.unlink(missing_ok=True)


def _present(job: FactoryJob, out: Path) -> dict[int, dict[str, Any]]:
    """Return the records of shards that are complete, by number."""
    if not (out / INDEX).is_file():
        return {}
    index = read_index(out)
    wanted, given = _flat(job.settings()), _flat(index["settings"])
    if other := next((key for key in (wanted | given) if wanted.get(key) != given.get(key)), ""):
        raise InvalidInput(
            f"{out.name} must hold shards of the same settings; its {other} is {given.get(other)!r}, not "
            f"{wanted.get(other)!r}. Choose another folder."
        )
    listed = {shard["url"]: shard for shard in index["shardlist"]}
    found: dict[int, dict[str, Any]] = {}
    for number in range(job.shards):
        path = out / shard_name(number)
        record = listed.get(path.name)
        if record is None or not path.is_file() or path.stat().st_size != record["filesize"]:
            continue
        if record["nsamples"] == len(job.clips_of(number)):
            found[number] = record
    return found


def _flat(settings: Any, name: str = "") -> dict[str, Any]:
    """Return nested settings by dotted names."""
    if not isinstance(settings, dict):
        return {name: settings}
    return {
        key: value
        for part in settings
        for key, value in _flat(settings[part], f"{name}.{part}".strip(".")).items()
    }


def table_of(report: FactoryReport, name: str = "This run") -> str:
    """Return the paper's table 1 for a folder of shards, in Markdown."""
    shards, settings = report.index["shardlist"], report.index["settings"]
    scenes = {scene for shard in shards for scene in shard["scenes"]}
    families = {scene.rpartition("-")[0] for scene in scenes}
    count = sum(shard["nsamples"] for shard in shards)
    rows = settings["clip"]["height"]
    diversity = f"{_counted(len(families), 'family', 'families')}, {_counted(len(scenes), 'scene', 'scenes')}"
    if settings["scene_file"]:
        diversity = "1 scene"
    row = (name, str(count), diversity, "✓", "✓", "✓", f"{rows}x{2 * rows}", "✓")
    lines = (TABLE_COLUMNS, ("---",) * len(row), row)
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _counted(count: int, one: str, many: str) -> str:
    return f"{count} {one if count == 1 else many}"
