"""Lists of files that several nodes share; the one place where their suffixes meet the front end."""

from __future__ import annotations

from typing import Any

from ._host import input_files, io

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
