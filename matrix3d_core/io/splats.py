"""Gaussian files of any format this library knows: which reader and writer belongs to which name, in which axes."""

from __future__ import annotations

import logging
import math
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ..errors import FormatError, InvalidInput
from ..scene.gaussians import Gaussians
from .atomic import BinarySource, BinaryTarget, open_source
from .axes import OPENCV, change_axes, describe_axes
from .findings import Findings
from .gltf import read_glb, write_glb
from .ksplat import read_ksplat, write_ksplat
from .ply import read_ply, write_ply
from .sog import read_sog, write_sog
from .splat import read_splat, write_splat
from .spz import TAGGED_AXES, read_spz, write_spz
from .world_json import find_world_info

__all__ = [
    "PREVIEW_FORMATS",
    "SPLAT_FORMATS",
    "keeps_origins",
    "lighter_format",
    "load_gaussians",
    "read_gaussians",
    "usual_axes",
    "write_gaussians",
]

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Format:
    """One file format.

    Attributes:
        write: writes Gaussians as they are.
        read: reads them as they are; takes ``drop_invalid``, ``findings`` and ``options``.
        axes: what programs expect when a file says nothing.
        options: which of `load_gaussians`' keywords the reader takes.
    """

    write: Callable[..., None]
    read: Callable[..., Gaussians]
    axes: str = OPENCV
    options: tuple[str, ...] = ()


_FORMATS = {
    "ply": _Format(write_ply, read_ply, options=("opacity", "scale", "points")),
    "spz": _Format(write_spz, read_spz, options=("most",)),
    "splat": _Format(write_splat, read_splat),
    "ksplat": _Format(write_ksplat, read_ksplat),
    "sog": _Format(write_sog, read_sog, options=("most",)),
    "glb": _Format(write_glb, read_glb, "LUF", ("most",)),
}

SPLAT_FORMATS = tuple(_FORMATS)
"""Formats that can be read and written; also the file suffixes, without the dot."""

PREVIEW_FORMATS = ("ply", "spz")
"""Formats that the viewer is given."""

_HEAVY_BYTES = 16_000_000


def lighter_format(gaussians: Gaussians) -> str:
    """Return ``"ply"`` while that file stays below 16 MB, else ``"spz"``, a tenth of the size."""
    floats = 14 + 3 * gaussians.sh.shape[1] + (gaussians.origins is not None)
    return "ply" if 4 * floats * len(gaussians) < _HEAVY_BYTES else "spz"


def keeps_origins(kind: str) -> bool:
    """Return whether files of a format say where each Gaussian comes from: PLY alone."""
    return _known(kind) == "ply"


def usual_axes(kind: str) -> str:
    """Return the axes that programs expect in a format: glTF's are x left, y up, z forward, others OpenCV's."""
    return _FORMATS[_known(kind)].axes


def write_gaussians(
    target: BinaryTarget,
    gaussians: Gaussians,
    *,
    kind: str | None = None,
    axes: str | None = None,
    spz_version: int = 3,
) -> None:
    """Write a world as ``kind``, or as the suffix of the path says. See the writers of the formats.

    Origins that the world carries are lost in all formats but PLY; a warning is logged then.

    Args:
        target: path (its folder must exist) or binary file open for writing.
        gaussians: the world, OpenCV axes.
        kind: one of `SPLAT_FORMATS`.
        axes: axes of the file (three letters, see `matrix3d_core.io.axes`); None takes `usual_axes`. An SPZ of
            version 4, and one of version 3 whose axes are unusual, is tagged with them where the format has a tag.
        spz_version: 3 or 4.

    Raises:
        InvalidInput: for an unknown format or axes, or what the writer refuses.
    """
    kind = _kind(target, kind)
    axes = axes or usual_axes(kind)
    turned = change_axes(gaussians, target=axes)
    if gaussians.origins is not None and not keeps_origins(kind):
        _log.warning("%s has no room for the origins of splats; only PLY keeps them.", kind.upper())
    if kind == "spz":
        has_tag = axes in TAGGED_AXES and (spz_version > 3 or axes != OPENCV)
        write_spz(target, turned, version=spz_version, axes=axes if has_tag else None)
    else:
        _FORMATS[kind].write(target, turned)


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
    """Read a world of any format and turn it to OpenCV axes. See `load_gaussians`, which also says what it found."""
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
) -> tuple[Gaussians, dict[str, object]]:
    """Read a world of any format, turn it to OpenCV axes, and say what the file was taken for.

    Args:
        source: path, or binary file open for reading.
        kind: one of `SPLAT_FORMATS`; None takes the suffix of the path, and for a stream its first bytes.
        axes: axes of the file. None takes what the file says (SPZ, comments of a PLY), else what the ``world.json``
            beside it says, else `usual_axes`.
        drop_invalid: leave out invalid Gaussians instead of refusing the file.
        opacity: for PLY, see `read_ply`.
        scale: for PLY, see `read_ply`.
        points: for PLY, read a plain point cloud, see `read_ply`.
        most: Gaussians that a packed file (SPZ, SOG, GLB) may hold; None takes what is usual for its size, see
            `limits.check_gaussians`.

    Returns:
        The world, and a report: ``format``, ``splats``, ``sh_degree``, and sentences about ``axes``, ``opacity``,
        ``scale``, ``antialiased``, ``layout`` and ``repaired``, where there is something to say.

    Raises:
        InvalidInput: for an unknown format or axes.
        FormatError: when the content is not what the name says.
    """
    options = {"opacity": opacity, "scale": scale, "points": points, "most": most}
    if kind is None and not isinstance(source, (str, os.PathLike)):
        with open_source(source) as (file, size, name):
            head = file.read(8)
            file.seek(0)
            kind = _sniff(head, size, name)
            return load_gaussians(file, kind=kind, axes=axes, drop_invalid=drop_invalid, **options)  # type: ignore[arg-type]
    kind = _kind(source, kind)
    form = _FORMATS[kind]
    is_path = isinstance(source, (str, os.PathLike))
    info = find_world_info(source) if is_path and axes is None else None  # type: ignore[arg-type]
    findings = Findings(logits_known=info is not None)
    taken = {key: options[key] for key in form.options}
    gaussians = form.read(source, drop_invalid=drop_invalid, findings=findings, **taken)
    if axes is not None:
        chosen, why = axes, "as asked for."
    elif findings.axes is not None:
        chosen, why = findings.axes, findings.said.get("axes", "the file says so.")
    elif info is not None:
        chosen, why = info.axes, "the world.json beside it says so."
    else:
        chosen, why = form.axes, findings.said.get("axes", f"usual for {kind.upper()}.")
    findings.said["axes"] = f"{describe_axes(chosen)}: {why}" + ("" if axes else " To choose: axes.")
    report = {
        "format": kind.upper(),
        "splats": len(gaussians),
        "sh_degree": math.isqrt(gaussians.sh.shape[1]) - 1,
        **({"antialiased": "the file does not say."} if kind in ("ply", "spz", "sog") else {}),
    }
    if "sh_degree" in findings.said:
        findings.say("sh_degree", f"{report['sh_degree']} here.")
    return change_axes(gaussians, source=chosen), report | findings.said


def _sniff(head: bytes, size: int, name: str) -> str:
    """Tell the format from the first bytes; SPLAT has none that tell, so it is what is left."""
    marks = {b"ply": "ply", b"\x1f\x8b": "spz", b"NGSP": "spz", b"PK": "sog", b"glTF": "glb"}
    for mark, kind in marks.items():
        if head.startswith(mark):
            return kind
    if head[:2] == b"\0\1" and size > 4096:
        return "ksplat"
    if size and size % 32 == 0:
        return "splat"
    raise FormatError(
        f"{name}: begins with {head[:4]!r}, which no splat format does ({', '.join(SPLAT_FORMATS)})."
    )


def _kind(file: object, kind: str | None) -> str:
    if kind is None:
        kind = Path(file).suffix[1:] if isinstance(file, (str, os.PathLike)) else ""
    return _known(kind)


def _known(kind: str) -> str:
    if kind.lower() not in _FORMATS:
        raise InvalidInput(f"splat format must be one of {', '.join(SPLAT_FORMATS)}; got {kind!r}.")
    return kind.lower()
