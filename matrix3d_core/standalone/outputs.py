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
from ..io.world_json import describe_world, write_world_info
from ..scene.gaussians import Gaussians
from ..scene.trajectory import Trajectory
from ..splats.coverage import measure_coverage

__all__ = ["write_world"]


def write_world(
    folder: Path,
    gaussians: Gaussians,
    preview: Tensor,  # [H, W, 3]
    report: Mapping[str, object],
    trajectory: Trajectory,
) -> dict[str, Path]:
    """Write ``world.ply``, ``world.spz``, ``world.world.json``, ``preview.png`` and ``report.json``.

    Each appears only when it is complete.

    Args:
        folder: which exists.
        gaussians: the world.
        preview: ``[H, W, 3]`` in [0, 1].
        report: JSON-serializable.
        trajectory: of the frames that the world was made from; for start pose, unit and coverage in the sidecar.

    Returns:
        Path of each file by name.
    """
    files = {name: folder / name for name in ("world.ply", "world.spz", "preview.png", "report.json")}
    write_ply(files["world.ply"], gaussians)
    write_spz(files["world.spz"], gaussians)
    info = describe_world(gaussians, trajectory=trajectory, coverage=measure_coverage(gaussians, trajectory))
    files["world.world.json"] = write_world_info(files["world.spz"], info)
    write_image(files["preview.png"], preview)
    with open_atomically(files["report.json"]) as file:
        file.write((json.dumps(report, indent=2) + "\n").encode())
    return files
