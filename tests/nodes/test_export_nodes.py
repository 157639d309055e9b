"""DatasetExport inside of the real host's interpreter: host values in, a whole folder in the output folder."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from comfy_server import run_in_host

pytestmark = pytest.mark.host

CODE = r"""
import types
import torch
nodes = load_nodes()
import folder_paths
Trajectory = submodule("matrix3d_core.scene.trajectory").Trajectory
PanoramaGeometry = submodule("matrix3d_core.scene.panorama").PanoramaGeometry
Types = submodule("nodes._host").Types
node = nodes["DatasetExport"]
node.hidden = types.SimpleNamespace(unique_id=None, prompt=None, extra_pnginfo=None)
path = Trajectory(torch.eye(4, dtype=torch.float64).repeat(3, 1, 1))
frames = torch.rand(3, 16, 32, 4)
splat = Types.SPLAT(torch.rand(1, 5, 3), torch.ones(1, 5, 3), torch.tensor([1.0, 0, 0, 0]).expand(1, 5, 4),
                    torch.ones(1, 5, 1), torch.zeros(1, 5, 1, 3))
rgb, distance = torch.rand(16, 32, 3), torch.full((16, 32), 2.0)
geometry = PanoramaGeometry(rgb, distance, distance > 0, distance < 0)

def error(**more):
    try:
        node.execute(frames, path, **more)
    except Exception as caught:
        return [type(caught).__name__, str(caught)]

first = node.execute(frames, path, stride=2, crops="4 level crops", mask=torch.ones(3, 16, 32),
                     depth=torch.full((3, 16, 32), 2.0), splat=splat).result
second = node.execute(frames, path, filename_prefix="matrix3d/dataset", layout="colmap text", geometry=geometry,
                      max_points=7, picture_format="jpg").result
result({
    "output": folder_paths.get_output_directory(),
    "first": list(first), "second": list(second),
    "errors": [error(filename_prefix="../out"), error(crops="whole panoramas"), error(mask=torch.ones(2, 16, 32))],
})
"""


@pytest.fixture(scope="module")
def run(host_place, tmp_path_factory):
    """What the node gave, all from one interpreter."""
    return run_in_host(CODE, host_place, tmp_path_factory.mktemp("export") / "base")


def test_a_folder_below_the_output_folder(run):
    folder, count = run["first"]
    assert count == 8
    folder = Path(folder)
    assert folder.parent == Path(run["output"]) / "matrix3d"
    assert sorted(p.name for p in folder.iterdir()) == [
        "depths",
        "images",
        "masks",
        "sparse",
        "sparse_pc.ply",
        "transforms.json",
    ]
    assert len(json.loads((folder / "transforms.json").read_text())["frames"]) == 8
    assert len(list((folder / "masks").iterdir())) == len(list((folder / "depths").iterdir())) == 8


def test_a_second_run_takes_another_name(run):
    folder, count = Path(run["second"][0]), run["second"][1]
    assert count == 36
    assert folder != Path(run["first"][0])
    text = (folder / "sparse" / "0" / "points3D.txt").read_text()
    assert len([line for line in text.splitlines() if not line.startswith("#")]) == 7
    assert (folder / "images" / "00002_11.jpg").is_file()


def test_errors_say_what_to_do(run):
    outside, whole, lengths = run["errors"]
    assert outside[0] == whole[0] == lengths[0] == "InvalidInput"
    assert "must stay inside the host's output folder" in outside[1]
    assert "COLMAP's readers need crops" in whole[1]
    assert "mask must have shape [3, 16, 32]" in lengths[1]
