"""The nodes that measure videos and worlds."""

from __future__ import annotations

import json
from typing import Any

import pack
import torch

from matrix3d_core.geometry.rotations import matrix_from_yaw_pitch_roll
from matrix3d_core.geometry.spherical import erp_directions
from matrix3d_core.scene.gaussians import Gaussians
from matrix3d_core.scene.trajectory import Trajectory


def path(turn_deg: float = 0.0) -> Trajectory:
    """Three poses ahead; all but the first turned."""
    angles = torch.tensor([0.0, turn_deg, turn_deg], dtype=torch.float64).deg2rad()
    zero = torch.zeros(3, dtype=torch.float64)
    centers = torch.tensor([[0.0, 0, 0], [0, 0, 0.1], [0, 0, 0.2]], dtype=torch.float64)
    return Trajectory.from_centers(matrix_from_yaw_pitch_roll(angles, zero, zero), centers, is_metric=True)


def metrics() -> dict[str, Any]:
    nodes = pack.nodes(unique_id="7")
    video, world = nodes["VideoMetrics"], nodes["WorldMetrics"]
    gray = torch.full((3, 32, 64, 3), 0.4)
    full = video.execute(gray + 0.1, gray, path(), path(2.0))
    report: dict[str, Any] = {"video": json.loads(full.args[2]), "table": full.args[0], "psnr": full.args[1]}
    report["shown"] = full.ui["text"][0] == full.args[0]
    alone = video.execute(gray)
    report["alone"] = json.loads(alone.args[2])
    report["no_psnr"] = alone.args[1] != alone.args[1]  # NaN
    report["lengths"] = pack.message(lambda: video.execute(gray, gray[:2]))
    report["poses"] = pack.message(lambda: video.execute(gray, gray, path().select(slice(0, 2))))

    rays = erp_directions(24, 48).reshape(-1, 3)
    ball = Gaussians.from_colors(
        rays * 3,
        torch.tensor([[1.0, 0, 0, 0]]).repeat(len(rays), 1),
        torch.full((len(rays), 3), 0.2),
        torch.full((len(rays),), 0.99),
        torch.full((len(rays), 3), 0.4),
    )
    splat = pack.module("nodes._adapters").splat_to_host(ball)
    seen = world.execute(splat, path(), gray, "sample", limit=0.5)
    report["world"] = json.loads(seen.args[3])
    report["numbers"] = [seen.args[1], seen.args[2]]
    report["world_table"] = seen.args[0]
    report["neither"] = world.execute(splat, path()).args[0]
    report["no_scene"] = pack.message(lambda: world.execute(splat, path(), gray, "castle"))
    report["frames"] = pack.message(lambda: world.execute(splat, path(), gray[:2]))
    return report
