"""What Preview Splats hands to the browser beside the world: walls, panorama, origins; and what it says of paths."""

from __future__ import annotations

from pathlib import Path

import pytest
from comfy_server import run_in_host

pytestmark = pytest.mark.host

CODE = f"""
sys.path.append({str(Path(__file__).resolve().parents[1] / "support")!r})
sys.path.append({str(Path(__file__).resolve().parents[2])!r})
import folder_paths, torch
nodes = load_nodes()
core = lambda name: submodule("matrix3d_core." + name)
from room_worlds import room_geometry, room_world

def ours(value, kind):
    "The same record, as the pack's own class."
    return kind(*(getattr(value, name) for name in kind.__dataclass_fields__))

Geometry = core("scene.panorama").PanoramaGeometry
Gaussians = core("scene.gaussians").Gaussians
adapters = submodule("nodes._adapters")
host = submodule("nodes._host")
geometry = ours(room_geometry(64), Geometry)
world = ours(room_world(3000), Gaussians)
origins = (torch.arange(len(world)) % 3).to(torch.uint8)
splat = adapters.splat_to_host(world.with_origins(origins))
temp = folder_paths.get_temp_directory()
Preview = nodes["SplatPreview"]

def shown(**inputs):
    return Preview.execute(splat, **inputs).ui["matrix3d_splat"][0]

def bytes_of(file):
    return open(os.path.join(temp, file["subfolder"], file["filename"]), "rb").read()

decode = core("collision.occupancy").decode_occupancy
recording = json.dumps({{"version": 1, "use": "keys", "keys": [[-2, 0, 0, 0, 0], [0, 0, 3.2, 0, 0], [8, 0, 3.2, 0, 0]]}})
"""


@pytest.fixture(scope="module")
def made(host_place, tmp_path_factory):
    code = (
        CODE
        + """
import gzip
first = shown(geometry=geometry)
walls = decode(bytes_of(first["walls"]))
flat = host.Types.MESH(
    torch.tensor([[[-3.0, 1, -2], [3, 1, -2], [0, -3, -2]]]), torch.tensor([[[0, 1, 2]]]))
mesh = shown(collider=flat)
mesh_walls = decode(bytes_of(mesh["walls"]))
same_axes = decode(bytes_of(shown(collider=flat, collider_axes="OpenCV (y down)")["walls"]))
path = shown(geometry=geometry, recording=recording, frames=41)
Trajectory = core("scene.trajectory").Trajectory
ways = torch.tensor([[0.6428, 0.7660], [0.7660, -0.6428]], dtype=torch.float64)  # 40 degrees to the right: ahead, right
ahead, right = torch.zeros(2, 3, dtype=torch.float64)
ahead[[0, 2]], right[[0, 2]] = ways
turn = torch.stack((right, torch.tensor([0.0, 1, 0], dtype=torch.float64), ahead), -1)
place = torch.tensor([3.0, 0, -2], dtype=torch.float64)
moved = Trajectory.from_centers(turn[None], place[None], frame_of_reference="world")
at_origin = Trajectory.from_centers(turn[None], place[None])
at_walls = place + torch.stack([3.9 * ahead, 4.1 * ahead, 2.9 * right, 3.1 * right, -1.9 * ahead, -2.1 * ahead])
placed = [shown(geometry=geometry, trajectory=one) for one in (moved, at_origin)]
placed = [decode(bytes_of(one["walls"])).blocks(at_walls, 0.0).tolist() for one in placed]
picture = shown(panorama=torch.rand(1, 32, 64, 3))
errors = []
for bad in (
    {"panorama": torch.rand(1, 32, 32, 3)},
    {"collider": host.Types.MESH(torch.zeros(1, 3, 3), torch.zeros(1, 0, 3, dtype=torch.int64))},
    {"collider": host.Types.MESH(torch.full((1, 3, 3), float("nan")), torch.tensor([[[0, 1, 2]]]))},
):
    try:
        shown(**bad)
        errors.append("")
    except Exception as error:
        errors.append(str(error))
point = torch.tensor([[0.0, 0, 1.0], [0, 0, 20.0]])
at_mesh = torch.tensor([[0.0, 0, 2.0], [0, 0, -2.0]])
result({
    "keys": sorted(first), "metric": first["is_metric"], "blocks": walls.blocks(point, 0.0).tolist(),
    "mesh": mesh_walls.blocks(at_mesh, 0.0).tolist(), "same_axes": same_axes.blocks(at_mesh, 0.0).tolist(),
    "placed": placed, "mesh_keys": sorted(mesh), "recorded": path["recorded"], "errors": errors,
    "origins": list(gzip.decompress(bytes_of(first["origins"])))[:5], "count": first["count"],
    "picture": picture["panorama"]["filename"], "jpeg": bytes_of(picture["panorama"])[:2] == bytes((0xFF, 0xD8)),
    "plain": sorted(shown()),
})
"""
    )
    return run_in_host(code, host_place, tmp_path_factory.mktemp("host") / "base")


def test_a_geometry_gives_walls_and_its_panorama(made):
    assert {"walls", "panorama", "origins"} <= set(made["keys"])
    assert made["metric"] is True
    assert made["blocks"] == [False, True]
    assert "walls" not in made["plain"]


def test_walls_stand_where_the_trajectory_says_its_panorama_is(made):
    # The room's walls are 4 ahead, 3 to the right and 2 behind of where its panorama was taken.
    at_first_pose, at_origin = made["placed"]
    assert at_first_pose == [False, True, False, True, False, True]
    assert at_origin != at_first_pose


def test_a_collider_is_turned_from_the_axes_of_3d_files(made):
    # The triangle lies at z = -2 in glTF's axes, which look the other way: ahead at z = 2 in ours.
    assert made["mesh"] == [True, False]
    assert made["same_axes"] == [False, True]
    assert "panorama" not in made["mesh_keys"]


def test_frames_of_a_path_inside_walls_are_named(made):
    recorded = made["recorded"]
    assert recorded["frames"] == 41
    assert recorded["hits"]
    assert recorded["hits"] == list(range(recorded["hits"][0], 41)), "the last key lies far outside"
    assert recorded["hits"][0] > 10


def test_origins_go_along_in_the_order_of_the_file(made):
    assert made["origins"] == [0, 1, 2, 0, 1]


def test_the_panorama_is_a_picture(made):
    assert made["picture"].endswith(".jpg")
    assert made["jpeg"]


def test_bad_input_is_named(made):
    wide, empty, broken = made["errors"]
    assert wide == "panorama must be twice as wide as high; got 32x32."
    assert "collider must hold at least 1 triangle" in empty
    assert "collider must be finite" in broken
