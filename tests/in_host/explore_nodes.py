"""What the nodes of the browser's viewers give back to the graph."""

from __future__ import annotations

import json
import os
from typing import Any

import pack
import torch
from comfy_execution.graph_utils import ExecutionBlocker

from matrix3d_core.scene.gaussians import Gaussians
from matrix3d_core.scene.trajectory import Trajectory


def previews() -> dict[str, Any]:
    nodes = pack.nodes(unique_id="7")
    node = nodes["SplatPreview"]
    world = Gaussians.from_colors(
        torch.tensor([[0.0, 0, 4], [2, 0, 4]]),
        torch.tensor([[1.0, 0, 0, 0]] * 2),
        torch.full((2, 3), 0.3),
        torch.full((2,), 0.95),
        torch.tensor([[0.1, 0.2, 1.0], [1.0, 0.1, 0.1]]),
    )
    splat = pack.module("nodes._adapters").splat_to_host(world)
    given = Trajectory(torch.eye(4, dtype=torch.float64).repeat(3, 1, 1), is_metric=True)

    def waits(value):
        return isinstance(value, ExecutionBlocker)

    def ui(output):
        return output.ui["matrix3d_splat"][0]

    first = node.execute(splat=splat)
    report = {"empty": [waits(value) for value in first.args]}
    passed = node.execute(splat=splat, trajectory=given)
    report["passed_on"] = [passed.args[1] is given, waits(passed.args[2])]
    report["drawn"] = ui(passed)["path"]
    report["same_file"] = [ui(first)["filename"], ui(passed)["filename"]]
    os.unlink(first.args[0].get_source())
    report["gone"] = ui(node.execute(splat=splat))["filename"]
    text = json.dumps(
        {
            "version": 1,
            "use": "keys",
            "keys": [[0, 0, 0, 0, 0], [0, 0, 2, 0, 0]],
            "view": [0, 0, 0, 26.565, 0, 65],
        }
    )
    done = node.execute(
        splat=splat, trajectory=given, frames=5, view_width=320, view_height=180, recording=text
    )
    report["path"] = done.args[1].centers[:, 2].tolist()
    report["metric"] = done.args[1].is_metric
    view = done.args[2]
    report["view"] = [list(view.shape), view[0, 90, 160].tolist()]  # red lies straight ahead at atan(2 / 4)
    report["camera"] = done.args[3]
    both = node.execute(splat=splat, compare=splat)
    report["compare"] = [ui(both)["filename"], ui(both)["compare"]["filename"]]
    report["of_a_file"] = list(node.execute(splat=done.args[0], recording=text).args[2][0, 270, 480].shape)
    pano = nodes["PanoPreview"]
    pack.stand_in_graph(pano, "8")
    frames = torch.zeros(3, 64, 128, 3)
    for number in range(3):
        frames[number, :, 64 + 16 : 64 + 48, number] = 1  # to the right, another color in each frame
    options = dict(panorama=frames, yaw=90, pitch=0, fov=60, width=32, height=16)
    given, view, mask = (
        done := pano.execute(**options, frame=1, all_frames=False, paint="mask1:8x4:4,3,1,8")
    ).args
    report["mask"] = [list(mask.shape), mask[0, 8, 72].item(), mask[0, 24, 40].item(), mask[0, 40, 40].item()]
    report["pano"] = [given is frames, list(view.shape), view[0, 8, 16].tolist()]
    report["last"] = pano.execute(**options, frame=99, all_frames=False).args[1][0, 8, 16].tolist()
    report["all"] = list(pano.execute(**options, frame=0, all_frames=True).args[1].shape)
    again = pano.execute(**options, frame=2, all_frames=False)
    report["files"] = [done.ui["matrix3d_pano"], again.ui["matrix3d_pano"] == done.ui["matrix3d_pano"]]
    return report
