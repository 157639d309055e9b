"""Lists of files that several nodes share; the one place where their suffixes meet the front end."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..matrix3d_core.errors import InvalidInput
from ._host import input_files, io, resolve_input_file

_PREVIEW_COLUMNS = 1024

UPLOAD_KEY = "matrix3d_upload"
"""In the options of an input: ``{"what": kind, "suffixes": [...]}``, which ``web/upload.mjs`` reads."""


def file_input(
    name: str, what: str, suffixes: tuple[str, ...], *, first: tuple[str, ...] = (), **options: Any
) -> Any:
    """Return a combo of the input folder's files with these suffixes, after the choices ``first``.

    The front end adds a button that uploads such a file and takes one dropped on the node. ``what``
    names its kind: ``"panorama"``, ``"depth"``, ``"splat"`` or ``"trajectory"``.
    """
    if first:
        options.setdefault("default", first[0])
    return io.Combo.Input(
        name,
        options=[*first, *input_files(suffixes)],
        extra_dict={UPLOAD_KEY: {"what": what, "suffixes": list(suffixes)}},
        **options,
    )


def load_width_input(things: str, default: int, **options: bool) -> Any:
    """Return the input for the columns to which a loader shrinks larger ``things``."""
    return io.Int.Input(
        "max_width",
        default=default,
        min=0,
        max=32768,
        step=2,
        tooltip=f"Wider {things} are downsampled to this many columns on loading. 0 keeps them.",
        **options,
    )


def preview_columns(question: dict[str, Any]) -> int:
    """Return how wide the preview of a loader with these values is: what it will load, at most 1024 columns."""
    return min(int(question.get("max_width", 0)) or _PREVIEW_COLUMNS, _PREVIEW_COLUMNS)


def file_state(name: str) -> object:
    """Return what tells one version of an input file from another."""
    try:
        state = (Path(name) if Path(name).is_absolute() else resolve_input_file(name)).stat()
    except (InvalidInput, OSError):
        return name
    return [name, state.st_mtime_ns, state.st_size]
