"""Gaussian files of any format this library knows: dispatch to readers and writers, and conversion of axes."""

from __future__ import annotations

import logging
import math
import os
from pathlib import Path

from ..errors import FormatError, InvalidInput
from ..scene.gaussians import Gaussians
from .atomic import BinarySource, BinaryTarget, open_source
from .axes import change_axes, describe_axes
from .findings import Findings
from .ply import labels_named
from .splat_formats import FORMATS, format_named
from .world_json import WorldInfo, find_world_info

__all__ = [
    "PREVIEW_FORMATS",
    "SAVE_FORMATS",
    "SPLAT_FORMATS",
    "held_labels",
    "holds_splats",
    "keeps_labels",
    "lighter_format",
    "load_gaussians",
    "read_gaussians",
    "usual_axes",
    "write_gaussians",
]

_log = logging.getLogger(__name__)

SAVE_FORMATS = tuple(form.name for form in FORMATS)
"""Formats that can be written."""

SPLAT_FORMATS = tuple(form.name for form in FORMATS if form.read is not None)
"""Those that can also be read; each is the suffix of its files, without the dot."""

_OF_PREVIEW = {form.preview: form.name for form in FORMATS if form.preview}
PREVIEW_FORMATS = tuple(_OF_PREVIEW.values())
"""Formats for the viewer."""

_HEAVY_BYTES = 16_000_000


def lighter_format(gaussians: Gaussians) -> str:
    """Return the exact format of a preview while its file stays below 16 MB, else that of large worlds."""
    floats = 14 + 3 * gaussians.sh.shape[1] + len(gaussians.labels)
    floats += 0 if gaussians.color_waves is None else 3 * gaussians.color_waves.shape[1]
    return _OF_PREVIEW["exact" if 4 * floats * len(gaussians) < _HEAVY_BYTES else "large"]


def keeps_labels(kind: str) -> bool:
    """Return whether files of a format store the labels of each Gaussian."""
    return format_named(kind).keeps_labels


def held_labels(kind: str, head: bytes) -> list[str]:
    """Return the kinds of labels that a file stores, by its format and first 4096 bytes."""
    return labels_named(head) if kind in SPLAT_FORMATS and keeps_labels(kind) else []


def holds_splats(kind: str, head: bytes) -> bool:
    """Return whether a file holds splats, by its format and first 4096 bytes: PLY and GLB may hold meshes as well."""
    marks = {"ply": (b"f_dc_0", b"packed_position", b"x_0"), "glb": (b"KHR_gaussian_splatting",)}
    return kind in SPLAT_FORMATS and (kind not in marks or any(mark in head for mark in marks[kind]))


def usual_axes(kind: str) -> str:
    """Return the axes that programs expect in a format: glTF's are x left, y up, z forward, others OpenCV's."""
    return format_named(kind).axes


def write_gaussians(
    target: BinaryTarget,
    gaussians: Gaussians,
    *,
    kind: str | None = None,
    axes: str | None = None,
    info: WorldInfo | None = None,
) -> list[str]:
    """Write a world as ``kind``, or the suffix of the path. See the writers of the formats.

    What the format cannot store is lost; the log names it as well.

    Args:
        target: path (its folder must exist) or binary file open for writing.
        gaussians: the world, OpenCV axes.
        kind: one of `SAVE_FORMATS`.
        axes: axes of the file (three letters, see `matrix3d_core.io.axes`); None takes `usual_axes`. An SPZ of
            version 4, and one of version 3 whose axes are unusual, is tagged with them where the format has a tag.
        info: metadata of an HTML page; other formats have a ``world.json`` next to them.

    Returns:
        A sentence on each thing that the file cannot store.

    Raises:
        InvalidInput: for an unknown format or axes, or what the writer refuses.
    """
    form = format_named(_kind(target, kind))
    if form.is_page and axes not in (None, form.axes):
        raise InvalidInput(
            f"axes of {form.title} must be None: a page shows the world upright; got {axes!r}."
        )
    axes = axes or form.axes
    options = {"axes": axes, "info": info}
    lost = form.write(
        target, change_axes(gaussians, target=axes), **{key: options[key] for key in form.write_options}
    )
    losses = [lost] if lost else []
    moves = ("motions", "phases") if form.is_page else ()  # a page plays them
    lost_labels = [] if form.keeps_labels else [kind for kind in gaussians.labels if kind not in moves]
    if gaussians.color_waves is not None and not (form.keeps_labels or form.is_page):
        lost_labels.append("time-varying colors")
    if lost_labels:
        keeping = ", ".join(name for name in SPLAT_FORMATS if keeps_labels(name))
        losses.append(
            f"{form.title} cannot store the {' and '.join(lost_labels)} of splats; save as {keeping} to keep them."
        )
    for sentence in losses:
        _log.warning("%s", sentence)
    return losses


def read_gaussians(
    source: BinarySource,
    *,
    kind: str | None = None,
    axes: str | None = None,
    drop_invalid: bool = False,
    opacity: str = "auto",
    scale: str = "auto",
    points: bool = False,
    most: int | None = None,
) -> Gaussians:
    """Read a world of any format and convert it to OpenCV axes. See `load_gaussians`, which also returns a report."""
    options = {"opacity": opacity, "scale": scale, "points": points, "most": most}
    return load_gaussians(source, kind=kind, axes=axes, drop_invalid=drop_invalid, **options)[0]  # type: ignore[arg-type]


def load_gaussians(
    source: BinarySource,
    *,
    kind: str | None = None,
    axes: str | None = None,
    drop_invalid: bool = False,
    opacity: str = "auto",
    scale: str = "auto",
    points: bool = False,
    most: int | None = None,
) -> tuple[Gaussians, dict[str, int | str]]:
    """Read a world of any format, convert it to OpenCV axes, and report how the file was interpreted.

    Args:
        source: path, or binary file open for reading.
        kind: one of `SPLAT_FORMATS`; None uses the suffix of the path, and for a stream its first bytes.
        axes: axes of the file. None uses those of the file (SPZ, comments of a PLY), else of the ``world.json``
            next to it, else `usual_axes`.
        drop_invalid: leave out invalid Gaussians instead of refusing the file.
        opacity: for PLY, see `read_ply`.
        scale: for PLY, see `read_ply`.
        points: for PLY, read a plain point cloud, see `read_ply`.
        most: Gaussians that a packed file (SPZ, SOG, GLB) may hold; None uses the default for its size, see
            `limits.check_gaussians`.

    Returns:
        The world, and a report by topic, whatever the reader found: ``format``, ``splats``, ``sh_degree``, and
        sentences about ``axes``, ``opacity``, ``scale``, ``antialiased``, ``layout`` and ``repaired``, where apt.

    Raises:
        InvalidInput: for an unknown format or axes.
        FormatError: when the content is not of the format.
    """
    options = {"opacity": opacity, "scale": scale, "points": points, "most": most}
    if kind is None and not isinstance(source, (str, os.PathLike)):
        with open_source(source) as (file, size, name):
            head = file.read(8)
            file.seek(0)
            kind = _sniff(head, size, name)
            return load_gaussians(file, kind=kind, axes=axes, drop_invalid=drop_invalid, **options)  # type: ignore[arg-type]
    form = format_named(_kind(source, kind), to_read=True)
    assert form.read is not None
    is_path = isinstance(source, (str, os.PathLike))
    info = find_world_info(source) if is_path and axes is None else None  # type: ignore[arg-type]
    findings = Findings(logits_known=info is not None)
    taken = {key: options[key] for key in form.read_options}
    gaussians = form.read(source, drop_invalid=drop_invalid, findings=findings, **taken)
    if axes is not None:
        chosen, why = axes, "as asked for."
    elif findings.axes is not None:
        chosen, why = findings.axes, findings.notes.get("axes", "by the file.")
    elif info is not None:
        chosen, why = info.axes, "by the world.json next to it."
    else:
        chosen, why = form.axes, findings.notes.get("axes", f"usual for {form.title}.")
    findings.notes["axes"] = f"{describe_axes(chosen)}: {why}" + ("" if axes else " To choose: axes.")
    degree = math.isqrt(gaussians.sh.shape[1]) - 1
    report: dict[str, int | str] = {"format": form.title, "splats": len(gaussians), "sh_degree": degree}
    if form.says_antialiased:
        report["antialiased"] = "not stated in the file."
    if "sh_degree" in findings.notes:
        findings.note("sh_degree", f"{degree} here.")
    return change_axes(gaussians, source=chosen), {**report, **findings.notes}


def _sniff(head: bytes, size: int, name: str) -> str:
    """Detect the format from the first bytes; formats without magic are tried last."""
    for form in sorted(FORMATS, key=lambda form: not form.magic):
        if form.read is not None and head.startswith(form.magic or b"") and form.fits(size):
            return form.name
    raise FormatError(
        f"{name}: begins with {head[:4]!r}, which no splat format does ({', '.join(SPLAT_FORMATS)})."
    )


def _kind(file: object, kind: str | None) -> str:
    if kind is not None:
        return kind
    return Path(file).suffix[1:] if isinstance(file, (str, os.PathLike)) else ""
