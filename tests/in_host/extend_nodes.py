"""The nodes that extend a world, and those that plan and draw a path there."""

from __future__ import annotations

import json
from typing import Any

import pack
import torch
from comfy_execution.graph_utils import ExecutionBlocker

from matrix3d_core.geometry.spherical import erp_directions
from matrix3d_core.scene.gaussians import Gaussians
from matrix3d_core.scene.trajectory import Trajectory


def extensions() -> dict[str, Any]:
    nodes = pack.nodes(unique_id="7")
    to_host = pack.module("nodes._adapters").splat_to_host
    rays = erp_directions(24, 48).reshape(-1, 3)
    ball = Gaussians.from_colors(
        rays * 3,
        torch.tensor([[1.0, 0, 0, 0]]).repeat(len(rays), 1),
        torch.full((len(rays), 3), 0.2),
        torch.full((len(rays),), 0.99),
        rays * 0.5 + 0.5,
    )
    path = Trajectory(torch.eye(4, dtype=torch.float64).repeat(2, 1, 1), is_metric=True)
    path.camera_from_world[1, 2, 3] = -1.0
    extend = nodes["WorldExtend"]
    made = extend.execute(splat=to_host(ball), width=96, trajectory=path, max_splat_size=20.0).args
    report = {"shapes": [list(made[0].shape), list(made[1].shape), list(made[4].shape)]}
    report["start"] = [made[3].centers[0].tolist(), made[3].frame_of_reference, made[3].is_metric]
    report["ahead"] = made[2].depth_ray[24, 48].item(), made[2].depth_ray[24, 0].item()
    moved = extend.execute(
        splat=to_host(ball), width=96, trajectory=path, pose="[0.5, 0, 0, 90, 30]", max_splat_size=20.0
    ).args
    report["moved"] = [moved[3].centers[0].tolist(), moved[3].forwards[0].tolist()]
    report["valid"] = [extend.validate_inputs(pose="") is True, extend.validate_inputs(pose="[1]")]
    report["nowhere"] = pack.message(lambda: extend.execute(splat=to_host(ball), width=96))
    local = nodes["TrajectoryPreset"].execute("straight", 5, "units", 0.5, False, 0.1, False, 12.0).args[0]
    placed = nodes["TrajectoryPlace"].execute(local, moved[3]).args[0]
    report["placed"] = [placed.centers[-1].tolist(), placed.frame_of_reference]
    best = nodes["NextBestPath"].execute(made[2], 5, 1.0, 0.3, 4, 0, known=made[1], start_pose=made[3])
    report["best"] = [len(best.args[0]), best.args[0].frame_of_reference, list(best.args[1].shape)[-1]]
    loop = nodes["LoopError"].execute(made[0], made[3], made[0], made[3])
    report["loop"] = [loop.args[0], loop.args[1], loop.args[2], list(loop.args[3].shape)]
    studio = nodes["TrajectoryStudio"]
    nothing = studio.execute(made[2], 5, 0.3, False, True)
    report["studio_empty"] = [
        isinstance(nothing.args[0], ExecutionBlocker),
        nothing.ui["matrix3d_studio"][0]["unit"],
    ]
    given = studio.execute(made[2], 5, 0.3, False, True, trajectory=local)
    report["studio_given"] = [given.args[0] is local, len(given.ui["matrix3d_studio"][0]["given"])]
    report["same_token"] = (
        given.ui["matrix3d_studio"][0]["token"] == nothing.ui["matrix3d_studio"][0]["token"]
    )
    drawn = studio.execute(made[2], 5, 0.3, False, False, path='{"keys": [[0,0,0,0,0],[0,0,1,0,0]]}')
    report["studio_drawn"] = [
        drawn.args[0].centers[:, 2].tolist(),
        drawn.args[0].is_metric,
        json.loads(drawn.args[2])["frames"],
    ]
    return report
