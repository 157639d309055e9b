"""The nodes that go on from a place, inside the host: sockets, defaults, bad input in words."""

from __future__ import annotations

import pytest
from comfy_server import run_in_host

pytestmark = pytest.mark.host

_CODE = """
import torch
from types import SimpleNamespace
from comfy_execution.graph_utils import ExecutionBlocker
from server import PromptServer

PromptServer.instance = None
nodes = load_nodes()
for node in nodes.values():
    node.hidden = SimpleNamespace(unique_id="7", prompt=None, extra_pnginfo=None)
Gaussians = submodule("matrix3d_core.scene.gaussians").Gaussians
Trajectory = submodule("matrix3d_core.scene.trajectory").Trajectory
Panorama = submodule("matrix3d_core.scene.panorama").PanoramaGeometry
to_host = submodule("nodes._adapters").splat_to_host
directions = submodule("matrix3d_core.geometry.spherical").erp_directions
rays = directions(24, 48).reshape(-1, 3)
ball = Gaussians.from_colors(rays * 3, torch.tensor([[1.0, 0, 0, 0]]).repeat(len(rays), 1),
    torch.full((len(rays), 3), 0.2), torch.full((len(rays),), 0.99), rays * 0.5 + 0.5)
path = Trajectory(torch.eye(4, dtype=torch.float64).repeat(2, 1, 1), is_metric=True)
path.camera_from_world[1, 2, 3] = -1.0
extend = nodes["WorldExtend"]
made = extend.execute(splat=to_host(ball), width=96, trajectory=path, max_splat=20.0).args
report = {"shapes": [list(made[0].shape), list(made[1].shape), list(made[4].shape)]}
report["start"] = [made[3].centers[0].tolist(), made[3].frame_of_reference, made[3].is_metric]
report["ahead"] = made[2].depth_ray[24, 48].item(), made[2].depth_ray[24, 0].item()
moved = extend.execute(splat=to_host(ball), width=96, trajectory=path, pose="[0.5, 0, 0, 90, 30]", max_splat=20.0).args
report["moved"] = [moved[3].centers[0].tolist(), moved[3].forwards[0].tolist()]
report["valid"] = [extend.validate_inputs(pose="") is True, extend.validate_inputs(pose="[1]")]
try:
    extend.execute(splat=to_host(ball), width=96)
except ValueError as error:
    report["nowhere"] = str(error)
local = nodes["TrajectoryPreset"].execute("straight", 5, "units", 0.5, False, 0.1, False, 12.0).args[0]
placed = nodes["TrajectoryPlace"].execute(local, moved[3]).args[0]
report["placed"] = [placed.centers[-1].tolist(), placed.frame_of_reference]
best = nodes["NextBestPath"].execute(made[2], 5, 1.0, 0.3, 4, 0, known=made[1], start=made[3])
report["best"] = [len(best.args[0]), best.args[0].frame_of_reference, list(best.args[1].shape)[-1]]
loop = nodes["LoopError"].execute(made[0], made[3], made[0], made[3])
report["loop"] = [loop.args[0], loop.args[1], loop.args[2], list(loop.args[3].shape)]
studio = nodes["TrajectoryStudio"]
nothing = studio.execute(made[2], 5, 0.3, False, True)
report["studio_empty"] = [isinstance(nothing.args[0], ExecutionBlocker), nothing.ui["matrix3d_studio"][0]["unit"]]
given = studio.execute(made[2], 5, 0.3, False, True, trajectory=local)
report["studio_given"] = [given.args[0] is local, len(given.ui["matrix3d_studio"][0]["given"])]
report["same_token"] = given.ui["matrix3d_studio"][0]["token"] == nothing.ui["matrix3d_studio"][0]["token"]
drawn = studio.execute(made[2], 5, 0.3, False, False, path='{"keys": [[0,0,0,0,0],[0,0,1,0,0]]}')
report["studio_drawn"] = [drawn.args[0].centers[:, 2].tolist(), drawn.args[0].is_metric, json.loads(drawn.args[2])["frames"]]
result(report)
"""


@pytest.fixture(scope="module")
def report(host_place, tmp_path_factory):
    return run_in_host(_CODE, host_place, tmp_path_factory.mktemp("extend") / "base")


def test_world_extend_goes_on_from_the_last_pose(report):
    assert report["shapes"] == [[1, 48, 96, 3], [1, 48, 96], [1, 48, 96]]
    assert report["start"] == [pytest.approx([0, 0, 1]), "world", True]
    # In a ball of radius 3, 1 ahead of its middle: 2 ahead, 4 behind.
    assert report["ahead"] == pytest.approx([2, 4], rel=0.06)


def test_a_stored_pose_comes_first_and_is_made_upright(report):
    assert report["moved"][0] == pytest.approx([0.5, 0, 0])
    assert report["moved"][1] == pytest.approx([1, 0, 0], abs=1e-9)
    is_fine, complaint = report["valid"]
    assert is_fine
    assert "pose must be" in complaint
    assert "Extend from here" in report["nowhere"]


def test_paths_are_placed_and_proposed_in_the_world(report):
    assert report["placed"] == [pytest.approx([1, 0, 0]), "world"]  # 0.5 ahead of a start that looks right
    assert report["best"] == [5, "world", 3]


def test_a_loop_of_nothing_has_no_error(report):
    psnr, position, angle, shape = report["loop"]
    assert (psnr, position, angle) == (99, 0, pytest.approx(0, abs=1e-6))
    assert shape == [1, 144, 96, 3]


def test_the_studio_waits_hands_on_and_draws(report):
    assert report["studio_empty"] == [True, "m"]
    assert report["studio_given"] == [True, 5]
    assert report["same_token"]
    z, is_metric, frames = report["studio_drawn"]
    assert z == pytest.approx([0, 0.25, 0.5, 0.75, 1])
    assert is_metric
    assert frames == 5
