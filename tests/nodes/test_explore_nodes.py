"""The nodes of the browser's viewers inside the host: what they give back to the graph."""

from __future__ import annotations

import pytest
from comfy_server import run_in_host

pytestmark = pytest.mark.host

_PREVIEW = """
import json, torch
from types import SimpleNamespace
from comfy_execution.graph_utils import ExecutionBlocker

from server import PromptServer

PromptServer.instance = None
nodes = load_nodes()
node = nodes["SplatPreview"]
node.hidden = SimpleNamespace(unique_id="7")
world = submodule("matrix3d_core.scene.gaussians").Gaussians.from_colors(
    torch.tensor([[0.0, 0, 4], [2, 0, 4]]), torch.tensor([[1.0, 0, 0, 0]] * 2), torch.full((2, 3), 0.3),
    torch.full((2,), 0.95), torch.tensor([[0.1, 0.2, 1.0], [1.0, 0.1, 0.1]]))
splat = submodule("nodes._adapters").splat_to_host(world)
Trajectory = submodule("matrix3d_core.scene.trajectory").Trajectory
given = Trajectory(torch.eye(4, dtype=torch.float64).repeat(3, 1, 1), is_metric=True)
waits = lambda value: isinstance(value, ExecutionBlocker)
ui = lambda output: output.ui["matrix3d_splat"][0]

first = node.execute(splat=splat)
report = {"empty": [waits(value) for value in first.args]}
passed = node.execute(splat=splat, trajectory=given)
report["passed_on"] = [passed.args[1] is given, waits(passed.args[2])]
report["drawn"] = ui(passed)["path"]
report["same_file"] = [ui(first)["filename"], ui(passed)["filename"]]
os.unlink(first.args[0].get_source())
report["gone"] = ui(node.execute(splat=splat))["filename"]
text = json.dumps({"version": 1, "use": "keys", "keys": [[0, 0, 0, 0, 0], [0, 0, 2, 0, 0]],
                   "view": [0, 0, 0, 26.565, 0, 65]})
done = node.execute(splat=splat, trajectory=given, frames=5, view_width=320, view_height=180, recording=text)
report["path"] = done.args[1].centers[:, 2].tolist()
report["metric"] = done.args[1].is_metric
view = done.args[2]
report["view"] = [list(view.shape), view[0, 90, 160].tolist()]  # red lies straight ahead at atan(2 / 4)
report["camera"] = done.args[3]
both = node.execute(splat=splat, compare=splat)
report["compare"] = [ui(both)["filename"], ui(both)["compare"]["filename"]]
report["of_a_file"] = list(node.execute(splat=done.args[0], recording=text).args[2][0, 270, 480].shape)
pano = nodes["PanoPreview"]
pano.hidden = SimpleNamespace(unique_id="8")
frames = torch.zeros(3, 64, 128, 3)
for number in range(3):
    frames[number, :, 64 + 16 : 64 + 48, number] = 1  # to the right, another color in each frame
options = dict(panorama=frames, yaw=90, pitch=0, fov=60, width=32, height=16)
given, view, mask = (done := pano.execute(**options, frame=1, all_frames=False, paint="mask1:8x4:4,3,1,8")).args
report["mask"] = [list(mask.shape), mask[0, 8, 72].item(), mask[0, 24, 40].item(), mask[0, 40, 40].item()]
report["pano"] = [given is frames, list(view.shape), view[0, 8, 16].tolist()]
report["last"] = pano.execute(**options, frame=99, all_frames=False).args[1][0, 8, 16].tolist()
report["all"] = list(pano.execute(**options, frame=0, all_frames=True).args[1].shape)
again = pano.execute(**options, frame=2, all_frames=False)
report["files"] = [done.ui["matrix3d_pano"], again.ui["matrix3d_pano"] == done.ui["matrix3d_pano"]]
result(report)
"""


@pytest.fixture(scope="module")
def report(host_place, tmp_path_factory):
    return run_in_host(_PREVIEW, host_place, tmp_path_factory.mktemp("explore") / "base")


def test_preview_gives_path_view_and_camera(report):
    assert report["empty"] == [False, True, True, True]
    assert report["passed_on"] == [True, True]
    assert len(report["drawn"]) == 3
    assert report["drawn"][0][:6] == [1, 0, 0, 0, 0, 1]
    assert report["same_file"][0] == report["same_file"][1]
    assert report["gone"].endswith(".ply")
    assert report["path"] == pytest.approx([0, 0.5, 1, 1.5, 2], abs=1e-9)
    assert report["metric"]
    shape, color = report["view"]
    assert shape == [1, 180, 320, 3]
    assert color[0] > 0.7
    assert color[2] < 0.3
    assert report["camera"]["fov"] == pytest.approx(65)
    assert report["camera"]["target"]["x"] == pytest.approx(0.4472, abs=1e-3)  # 1 ahead: sin 26.565 degrees
    assert report["camera"]["target"]["z"] == pytest.approx(-0.8944, abs=1e-3)
    assert report["of_a_file"] == [3]
    assert len(set(report["compare"])) == 2


def test_pano_preview_gives_what_is_seen(report):
    same, shape, color = report["pano"]
    assert same
    assert shape == [1, 16, 32, 3]
    assert color == pytest.approx([0, 1, 0], abs=1e-6)
    shape, painted, below, clear = report["mask"]
    assert shape == [1, 64, 128]
    assert (painted, below, clear) == (1, pytest.approx(1, abs=0.05), 0)
    assert report["last"] == pytest.approx([0, 0, 1], abs=1e-6)
    assert report["all"] == [3, 16, 32, 3]
    files, is_kept = report["files"]
    assert is_kept
    assert [file["frame"] for file in files] == [0, 1, 2]
    assert all(file["type"] == "temp" and file["filename"].endswith(".jpg") for file in files)
