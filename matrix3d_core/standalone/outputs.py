"""The files of a finished world, the same for all commands that make one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

from ..io.atomic import open_atomically
from ..io.images import write_image
from ..io.ply import write_ply
from ..io.spz import write_spz
from ..scene.gaussians import Gaussians

__all__ = ["write_world"]


def write_world(
    folder: Path,
    gaussians: Gaussians,
    preview: Tensor,  # [H, W, 3]
    report: Mapping[str, object],
) -> dict[str, Path]:
    """Write ``world.ply``, ``world.spz``, ``preview.png`` and ``report.json``, each only when it is complete.

    Args:
        folder: which exists.
        gaussians: the world.
        preview: ``[H, W, 3]`` in [0, 1].
        report: JSON-serializable.

    Returns:
        Path of each file by name.
    """
    files = {name: folder / name for name in ("world.ply", "world.spz", "preview.png", "report.json")}
    write_ply(files["world.ply"], gaussians)
    write_spz(files["world.spz"], gaussians)
    write_image(files["preview.png"], preview)
    with open_atomically(files["report.json"]) as file:
        file.write((json.dumps(report, indent=2) + "\n").encode())
    return files
