"""COLMAP and nerfstudio data sets: a thing at a known place is seen where each file's camera says."""

from __future__ import annotations

import json
import math
import struct

import numpy as np
import pytest
import torch
from PIL import Image
from splat_scenes import random_gaussians

from matrix3d_core.errors import InvalidInput
from matrix3d_core.geometry.pinhole import intrinsics_from_fov
from matrix3d_core.geometry.rotations import matrix_from_quats, matrix_from_yaw_pitch_roll
from matrix3d_core.geometry.spherical import erp_directions
from matrix3d_core.io.colmap import PosedImage, write_colmap
from matrix3d_core.io.dataset import (
    DatasetConfig,
    points_from_gaussians,
    points_from_geometry,
    write_dataset,
)
from matrix3d_core.io.depth_files import read_depth
from matrix3d_core.io.nerfstudio import format_transforms
from matrix3d_core.scene.camera import Equirect, Pinhole
from matrix3d_core.scene.panorama import PanoramaGeometry
from matrix3d_core.scene.trajectory import Trajectory

HEIGHT = 128
BALL, RADIUS = torch.tensor([1.0, -0.7, 2.5], dtype=torch.float64), 0.12
EYES = torch.tensor([[0.0, 0, 0], [0.3, 0.1, 0.5], [-0.4, 0.2, 1.0]], dtype=torch.float64)


def path(**fields):
    angles = torch.tensor([[0.0, 0, 0], [0.5, -0.2, 0.1], [-1.0, 0.3, -0.2]], dtype=torch.float64)
    rotations = torch.stack([matrix_from_yaw_pitch_roll(*row) for row in angles])
    return Trajectory.from_centers(rotations, EYES, **fields)


def panoramas(trajectory, height=HEIGHT):
    """A white ball before gray, and its ray distance (5 elsewhere)."""
    frames, distances = [], []
    for pose in trajectory.camera_from_world:
        center = pose[:3, :3] @ BALL + pose[:3, 3]
        rays = erp_directions(height, 2 * height, dtype=torch.float64)
        along = rays @ center
        reach = RADIUS**2 - (center @ center - along**2)
        is_hit = (reach > 0) & (along > 0)
        frames.append(torch.where(is_hit[..., None], 1.0, 0.3).expand(-1, -1, 3))
        distances.append(torch.where(is_hit, along - reach.clamp(min=0).sqrt(), 5.0))
    return torch.stack(frames).float(), torch.stack(distances).float()


def ball_in(path):
    """Return the middle of the ball in a picture, in pixels, or None when it is not wholly inside."""
    is_ball = np.asarray(Image.open(path).convert("L")) > 200
    border = np.concatenate(
        [is_ball[:2].ravel(), is_ball[-2:].ravel(), is_ball[:, :2].ravel(), is_ball[:, -2:].ravel()]
    )
    if is_ball.sum() < 6 or border.any():
        return None
    rows, columns = np.nonzero(is_ball)
    return np.array([columns.mean() + 0.5, rows.mean() + 0.5])


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    trajectory = path()
    frames, distances = panoramas(trajectory)
    target = tmp_path_factory.mktemp("data") / "ball"
    points = torch.stack([BALL, -BALL]).float(), torch.tensor([[1.0, 0, 0.5], [0, 1, 0]])
    count = write_dataset(
        target, frames, trajectory, mask=(distances < 5).float(), depth_ray=distances, points=points
    )
    assert count == 36
    assert [p.name for p in target.parent.iterdir()] == ["ball"]
    return target


def colmap_by_hand(folder):
    """Read a binary model by the letter of its definition."""
    data, place = (folder / "cameras.bin").read_bytes(), 8
    cameras = {}
    for _ in range(struct.unpack_from("<Q", data)[0]):
        number, model, width, height, *values = struct.unpack_from("<iiQQ4d", data, place)
        assert model == 1  # PINHOLE
        cameras[number] = (width, height, values)
        place += 56
    assert place == len(data)
    data, place = (folder / "images.bin").read_bytes(), 8
    images = {}
    for _ in range(struct.unpack_from("<Q", data)[0]):
        _, *pose, camera = struct.unpack_from("<i7di", data, place)
        end = data.index(b"\0", place + 64)
        images[data[place + 64 : end].decode()] = (np.array(pose[:4]), np.array(pose[4:]), cameras[camera])
        assert struct.unpack_from("<Q", data, end + 1) == (0,)
        place = end + 9
    assert place == len(data)
    return images


def test_colmap_cameras_see_the_ball_where_the_pictures_show_it(dataset):
    images = colmap_by_hand(dataset / "sparse" / "0")
    assert len(images) == 36
    seen = 0
    for name, (quat, shift, (width, height, (fx, fy, cx, cy))) in images.items():
        shown = ball_in(dataset / "images" / name)
        if shown is None:
            continue
        assert np.asarray(Image.open(dataset / "images" / name)).shape[:2] == (height, width)
        x, y, z = matrix_from_quats(torch.from_numpy(quat)).numpy() @ BALL.numpy() + shift
        assert z > 0
        # The picture is sampled at 1 / 0.4 degrees, and a ball's outline is not centered on its center: a pixel.
        assert np.abs(shown - [fx * x / z + cx, fy * y / z + cy]).max() < 1
        seen += 1
    assert seen >= 6  # crops overlap: each frame's ball lies in some


def test_nerfstudio_cameras_see_the_ball_where_the_pictures_show_it(dataset):
    document = json.loads((dataset / "transforms.json").read_text())
    assert document["camera_model"] == "OPENCV"
    world = np.array(document["applied_transform"]) @ [*BALL.tolist(), 1]
    assert world[2] == -BALL[1]  # z is up
    seen = 0
    for frame in document["frames"]:
        shown = ball_in(dataset / frame["file_path"])
        if shown is None:
            continue
        x, y, z = (np.linalg.inv(frame["transform_matrix"]) @ [*world, 1])[:3]
        assert z < 0  # looks along -z
        u = document["fl_x"] * x / -z + document["cx"]
        v = document["fl_y"] * -y / -z + document["cy"]
        assert np.abs(shown - [u, v]).max() < 1
        seen += 1
        mask = np.asarray(Image.open(dataset / frame["mask_path"]))
        assert set(np.unique(mask)) == {0, 255}
        assert mask[int(v), int(u)] == 255
        assert (mask == 255).mean() < 0.1
        depth = read_depth(dataset / frame["depth_file_path"])
        # Sampled at the nearest pixel of a ball: less than its radius apart.
        assert abs(float(depth[int(v), int(u)]) - (-z - RADIUS)) < RADIUS
        # Behind it a sphere of radius 5: along the axis the depth of a pixel at 45 degrees is 5 / sqrt(2) or less.
        assert (
            abs(
                float(depth[0, depth.shape[1] // 2])
                - 5 / math.hypot(1, (0.5 - document["cy"]) / document["fl_y"])
            )
            < 1e-3
        )
    assert seen >= 6


@pytest.mark.parametrize("layout", ["colmap", "colmap text"])
def test_pycolmap_reads_it(tmp_path, layout):
    pycolmap = pytest.importorskip("pycolmap")
    trajectory = path()
    frames, _ = panoramas(trajectory, 32)
    gaussians = random_gaussians(50)
    write_dataset(
        tmp_path / "d",
        frames,
        trajectory,
        points=points_from_gaussians(gaussians),
        config=DatasetConfig(layout),
    )
    model = pycolmap.Reconstruction(str(tmp_path / "d" / "sparse" / "0"))
    kept = gaussians.select(gaussians.opacities > 0.1)
    assert (model.num_cameras(), model.num_images(), model.num_points3D()) == (1, 36, len(kept))
    by_hand = {image.name: image for image in model.images.values()}
    xyz = np.stack([model.points3D[i].xyz for i in sorted(model.points3D)])
    np.testing.assert_array_equal(xyz, kept.means.double().numpy())
    images = sorted(by_hand)
    assert images[:2] == ["00000_00.png", "00000_01.png"]
    for name in images:
        image = by_hand[name]
        pose = image.cam_from_world() if callable(image.cam_from_world) else image.cam_from_world
        frame = int(name[:5])
        center = -pose.rotation.matrix().T @ pose.translation
        np.testing.assert_allclose(center, EYES[frame].numpy(), atol=1e-12)
    ahead = by_hand["00000_06.png"]
    u, v = ahead.project_point(np.array([0.0, 0.0, 3.0]))
    assert (u, v) == pytest.approx((10, 10))  # 20 pixels wide, looking along +z


def test_panoramas_for_nerfstudio(tmp_path):
    trajectory = path()
    frames, distances = panoramas(trajectory)
    config = DatasetConfig("nerfstudio", "whole panoramas", stride=2, kind="jpg")
    assert write_dataset(tmp_path / "d", frames, trajectory, depth_ray=distances, config=config) == 2
    document = json.loads((tmp_path / "d" / "transforms.json").read_text())
    assert document["camera_model"] == "EQUIRECTANGULAR"
    assert [f["file_path"] for f in document["frames"]] == ["images/00000.jpg", "images/00002.jpg"]
    assert not (tmp_path / "d" / "sparse").exists()
    world = np.array(document["applied_transform"]) @ [*BALL.tolist(), 1]
    for frame in document["frames"]:
        column, row = ball_in(tmp_path / "d" / frame["file_path"])
        # Rays as nerfstudio makes them: theta = -pi x, phi = pi (1/2 - y) with y upwards, in OpenGL's camera axes.
        theta = -math.pi * (column - document["cx"]) / document["fl_x"]
        phi = math.pi * (0.5 + (row - document["cy"]) / document["fl_y"])
        ray = np.array([-math.sin(theta) * math.sin(phi), math.cos(phi), -math.cos(theta) * math.sin(phi)])
        pose = np.array(frame["transform_matrix"])
        wanted = world - pose[:3, 3]
        assert pose[:3, :3] @ ray @ wanted / np.linalg.norm(wanted) > math.cos(math.pi / HEIGHT)


def test_perspective_frames_go_as_they_are(tmp_path):
    K_px = intrinsics_from_fov(1.0, 20, 30).repeat(3, 1, 1)
    K_px[2, 0, 0] += 1
    trajectory = path(K_px=K_px, image_size_px=(20, 30))
    frames = torch.rand(3, 20, 30, 3, generator=torch.Generator().manual_seed(0))
    assert write_dataset(tmp_path / "d", frames, trajectory) == 3
    images = colmap_by_hand(tmp_path / "d" / "sparse" / "0")
    assert [images[f"0000{i}.png"][2][2][0] for i in range(3)] == K_px[:, 0, 0].tolist()
    assert images["00001.png"][2][:2] == (30, 20)
    stored = np.asarray(Image.open(tmp_path / "d" / "images" / "00001.png"))
    np.testing.assert_array_equal(stored, (frames[1] * 255).round().numpy().astype(np.uint8))
    document = json.loads((tmp_path / "d" / "transforms.json").read_text())
    assert [frame["fl_x"] for frame in document["frames"]] == K_px[:, 0, 0].tolist()
    assert "fl_x" not in document


def test_points_of_a_panorama_lie_on_it():
    rgb = torch.rand(16, 32, 3, generator=torch.Generator().manual_seed(0))
    sky = torch.zeros(16, 32, dtype=torch.bool)
    sky[:5] = True
    geometry = PanoramaGeometry(rgb, torch.full((16, 32), 2.0), ~sky, sky)
    places, colors = points_from_geometry(geometry, 100)
    assert places.shape == colors.shape == (100, 3)
    torch.testing.assert_close(places.norm(dim=-1), torch.full((100,), 2.0, dtype=torch.float64))
    assert (places[:, 1] > -2 * math.cos(5 / 16 * math.pi)).all()  # none in the sky, which is above
    # Turned a quarter to the right at (3, 0, -2): its front is the world's +x, its right the world's -z.
    pose = torch.tensor([[0.0, 0, 1, 3], [0, 1, 0, 0], [-1, 0, 0, -2], [0, 0, 0, 1]], dtype=torch.float64)
    moved, _ = points_from_geometry(geometry, 100, world_from_panorama=pose)
    x, y, z = places.unbind(-1)
    torch.testing.assert_close(moved, torch.stack((3 + z, y, -2 - x), -1))


def test_cube_faces_cover_everything(tmp_path):
    trajectory = path()
    frames, _ = panoramas(trajectory, 32)
    write_dataset(
        tmp_path / "d", frames, trajectory, config=DatasetConfig("colmap", "6 cube faces", stride=3)
    )
    rays = torch.nn.functional.normalize(torch.randn(500, 3, dtype=torch.float64), dim=-1)
    covered = torch.zeros(500, dtype=torch.long)
    for quat, _, (width, height, (fx, fy, cx, cy)) in colmap_by_hand(
        tmp_path / "d" / "sparse" / "0"
    ).values():
        x, y, z = (rays @ matrix_from_quats(torch.from_numpy(quat)).mT).unbind(-1)
        u, v = fx * x / z + cx, fy * y / z + cy
        covered += (z > 0) & (u >= 0) & (u < width) & (v >= 0) & (v < height)
    assert (covered == 1).all()


def test_refusals_and_interruptions_leave_nothing(tmp_path):
    trajectory = path()
    frames, distances = panoramas(trajectory, 16)
    with pytest.raises(InvalidInput, match="COLMAP's readers need crops"):
        write_dataset(tmp_path / "d", frames, trajectory, config=DatasetConfig("colmap", "whole panoramas"))
    with pytest.raises(InvalidInput, match=r"frames must have shape \[3, H, W, 3\]"):
        write_dataset(tmp_path / "d", frames[:2], trajectory)
    with pytest.raises(InvalidInput, match="twice as wide"):
        write_dataset(tmp_path / "d", frames[:, :, :20], trajectory)
    with pytest.raises(InvalidInput, match=r"mask must have shape"):
        write_dataset(tmp_path / "d", frames, trajectory, mask=distances[:, :4])
    with pytest.raises(InvalidInput, match="layout must be one of"):
        DatasetConfig("blender")

    def stop(event):
        if event.done == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_dataset(tmp_path / "d", frames, trajectory, progress=stop)
    bad = torch.tensor([[math.nan, 0, 0]]), torch.zeros(1, 3)
    with pytest.raises(InvalidInput, match="points must be finite"):
        write_dataset(tmp_path / "d", frames, trajectory, points=bad)
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "d").mkdir()
    with pytest.raises(InvalidInput, match="d exists already"):
        write_dataset(tmp_path / "d", frames, trajectory)


def test_models_that_cannot_be_written(tmp_path):
    pose = torch.eye(4, dtype=torch.float64)
    camera = Pinhole.from_fov(1.0, 4, 4)
    with pytest.raises(InvalidInput, match="is a panorama, which has no pinhole camera"):
        write_colmap(tmp_path, [PosedImage("a.png", pose, Equirect((4, 8)))])
    with pytest.raises(InvalidInput, match="got one twice"):
        write_colmap(tmp_path, [PosedImage("a.png", pose, camera)] * 2)
    with pytest.raises(InvalidInput, match="at least 1 picture"):
        write_colmap(tmp_path, [])
    with pytest.raises(InvalidInput, match="must be a file name"):
        PosedImage("a\nb.png", pose, camera)
    skewed = camera.K_px.clone()
    skewed[0, 1] = 0.1
    with pytest.raises(InvalidInput, match="must have no skew"):
        PosedImage("a.png", pose, Pinhole((4, 4), skewed))
    with pytest.raises(InvalidInput, match="all perspective or all panoramas"):
        format_transforms([PosedImage("a.png", pose, camera), PosedImage("b.png", pose, Equirect((4, 8)))])
    assert list(tmp_path.iterdir()) == []
