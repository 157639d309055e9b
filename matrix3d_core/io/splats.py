"""Gaussian files of any format this library knows: which reader and writer belongs to which name."""

from __future__ import annotations

import os
from pathlib import Path

from ..errors import InvalidInput
from ..scene.gaussians import Gaussians
from .atomic import BinarySource, BinaryTarget
from .ply import read_ply, write_ply
from .spz import read_spz, write_spz

__all__ = ["SPLAT_FORMATS", "lighter_format", "read_gaussians", "write_gaussians"]

SPLAT_FORMATS = ("ply", "spz")
"""Formats that can be read and written; also the file suffixes, without the dot."""

_HEAVY_BYTES = 16_000_000


def lighter_format(gaussians: Gaussians) -> str:
    """Return ``"ply"`` while that file stays below 16 MB, else ``"spz"``, a tenth of the size."""
    floats = 14 + 3 * gaussians.sh.shape[1]
    return "ply" if 4 * floats * len(gaussians) < _HEAVY_BYTES else "spz"


def write_gaussians(target: BinaryTarget, gaussians: Gaussians, *, kind: str | None = None) -> None:
    """Write Gaussians as ``kind``, or as the suffix of the path says. See `write_ply` and `write_spz`.

    Raises:
        InvalidInput: for an unknown format, or what the writer refuses.
    """
    {"ply": write_ply, "spz": write_spz}[_kind(target, kind)](target, gaussians)


def read_gaussians(source: BinarySource, *, kind: str | None = None, drop_invalid: bool = False) -> Gaussians:
    """Read Gaussians of ``kind``, or as the suffix of the path says. See `read_ply` and `read_spz`.

    Raises:
        InvalidInput: for an unknown format.
        FormatError: when the content is not what the name says.
    """
    return {"ply": read_ply, "spz": read_spz}[_kind(source, kind)](source, drop_invalid=drop_invalid)


def _kind(file: object, kind: str | None) -> str:
    if kind is None:
        kind = Path(file).suffix[1:] if isinstance(file, (str, os.PathLike)) else ""
    if kind.lower() not in SPLAT_FORMATS:
        raise InvalidInput(f"splat format must be one of {', '.join(SPLAT_FORMATS)}; got {kind!r}.")
    return kind.lower()
