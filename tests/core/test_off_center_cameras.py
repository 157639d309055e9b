"""Every stage with a lens whose principal point is off the middle and whose focal lengths differ, by the definition.

A pixel ``(i, j)`` looks along ``K^-1 (i + 0.5, j + 0.5, 1)``, written out here once more. Stages with tests of their own:
rays of the reconstruction model (`tests/core/lrm`), the camera itself (`tests/core/scene/test_camera.py`).
"""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from tiny_lrm import tiny_latents, tiny_state, turning_path

from matrix3d_core.depth import kernels_plane_sweep as kernels
from matrix3d_core.depth import plane_sweep
from matrix3d_core.io.dataset import write_dataset
from matrix3d_core.lrm.decode import DecodeSettings, decode_latents
from matrix3d_core.lrm.weights import build_lrm, sort_weights
from matrix3d_core.raster.camera_view import render_view
from matrix3d_core.scene.camera import Equirect, Pinhole
from matrix3d_core.scene.gaussians import Gaussians
from matrix3d_core.scene.trajectory import Trajectory
from matrix3d_core.splats.evaluation_views import EvalView, reference_renders

FX, FY, CX, CY = 60.0, 90.0, 52.0, 20.0
HEIGHT, WIDTH = 64, 80
K = torch.tensor([[FX, 0, CX], [0, FY, CY], [0, 0, 1]], dtype=torch.float64)
CAMERA = Pinhole((HEIGHT, WIDTH), K)
PIXELS = [(0, 0), (79, 63), (3, 60), (52, 20), (70, 9)]


def ray(column, row):
    """Unit direction through the center of a pixel."""
    d = np.array([(column + 0.5 - CX) / FX, (row + 0.5 - CY) / FY, 1.0])
    return d / np.linalg.norm(d)


def path(centers):
    poses = torch.eye(4, dtype=torch.float64).repeat(len(centers), 1, 1)
    poses[:, :3, 3] = -torch.tensor(centers, dtype=torch.float64)
    return Trajectory(poses, K.repeat(len(centers), 1, 1), (HEIGHT, WIDTH))


# Plane sweep ------------------------------------------------------------------------------------------


def test_sweep_kernels_put_points_where_the_lens_does():
    lens, pose = CAMERA.kernel_values().numpy(), np.eye(4)
    for number, (column, row) in enumerate(PIXELS):
        shown = np.full((HEIGHT, WIDTH), np.inf)
        kernels.splat_distance(2.0 * ray(column, row)[None], pose, lens, shown)
        assert np.argwhere(np.isfinite(shown)).tolist() == [[row, column]], number
        assert shown[row, column] == pytest.approx(2.0)


def test_a_square_is_as_wide_and_as_high_as_each_focal_length_makes_it():
    covered = np.full((HEIGHT, WIDTH), np.inf)
    size = 0.2  # at a distance of 2: 6 columns and 9 rows
    kernels.cover_distance(
        np.array([[0.0, 0.0, 2.0]]), np.array([size]), np.eye(4), CAMERA.kernel_values().numpy(), covered
    )
    rows, columns = np.nonzero(np.isfinite(covered))
    # Pixel centers that lie in a square around the principal point, half of the sizes above to each side.
    assert [columns.min(), columns.max()] == [math.ceil(CX - 0.5 - 3), math.floor(CX - 0.5 + 3)]
    assert [rows.min(), rows.max()] == [math.ceil(CY - 0.5 - 4.5), math.floor(CY - 0.5 + 4.5)]


def test_a_point_is_forbidden_where_another_lens_sees_past_it():
    near, far = 1.0, 3.0
    column, row = 70, 9
    depth = np.full((HEIGHT, WIDTH), np.inf)
    depth[row, column] = near
    other = Pinhole(
        (HEIGHT, WIDTH), torch.tensor([[45.0, 0, 30], [0, 70, 35], [0, 0, 1]], dtype=torch.float64)
    )
    there = ray(column, row)
    x, y = int(45 * there[0] / there[2] + 30), int(70 * there[1] / there[2] + 35)
    wall = np.full((1, HEIGHT, WIDTH), near)
    wall[0, y - 1 : y + 2, x - 1 : x + 2] = far  # the nearest of 3x3 pixels counts
    forbidden = np.empty((HEIGHT, WIDTH), np.bool_)
    lens, theirs = CAMERA.kernel_values().numpy(), other.kernel_values().numpy()
    kernels.find_forbidden(
        HEIGHT,
        depth,
        np.eye(4),
        lens,
        wall,
        np.ones_like(wall, dtype=np.bool_),
        np.eye(4)[None],
        theirs[None],
        0.1,
        forbidden,
    )
    assert np.argwhere(forbidden).tolist() == [[row, column]]


def test_the_sweep_measures_a_wall_through_an_off_center_lens():
    """A painted wall at z = 3, seen from five places side by side; rays are those of the definition."""
    centers = [[0.15 * n, 0.0, 0.0] for n in range(5)]
    rays = np.array([[ray(c, r) for c in range(WIDTH)] for r in range(HEIGHT)])
    frames = []
    for x, _, _ in centers:
        at = rays[..., :2] / rays[..., 2:] * 3.0 + [x, 0.0]
        waves = [
            np.sin(9 * at[..., 0] + 2),
            np.sin(7 * at[..., 1] + 5 * at[..., 0]),
            np.cos(11 * at[..., 1] - 3 * at[..., 0]),
        ]
        frames.append(0.5 + 0.4 * np.stack(waves, -1))
    trajectory = path(centers)
    found = plane_sweep.plane_sweep_depth(
        torch.tensor(np.stack(frames), dtype=torch.float32), trajectory, [1, 2, 3], nearest=1.5, rows=64
    )
    expected = 3.0 / rays[..., 2]
    inner = (slice(8, -8), slice(16, -16))  # what neighbors see too
    error = np.abs(found[2].depth_ray.numpy()[inner] / expected[inner] - 1)
    # Levels are 1 / 64 of the range of 1 / distance apart: 3 % of this one. A lens taken as centered is off by 8 % and more.
    assert np.median(error) < 0.01
    assert np.quantile(error, 0.9) < 0.03


# Files ------------------------------------------------------------------------------------------------


def test_a_data_set_says_where_its_pixels_look(tmp_path):
    trajectory = path([[0.0, 0, 0], [0.5, 0, 0]])
    depth_ray = torch.full((2, HEIGHT, WIDTH), 2.0)
    write_dataset(tmp_path / "set", torch.rand(2, HEIGHT, WIDTH, 3), trajectory, depth_ray=depth_ray)
    read = json.loads((tmp_path / "set/transforms.json").read_text())
    lines = np.array(Image.open(tmp_path / "set/depths/00001.png")) / 1000
    for column, row in PIXELS:
        # What nerfstudio and COLMAP make of the file: x = (u - cx) / fx in front of the camera.
        d = np.array(
            [(column + 0.5 - read["cx"]) / read["fl_x"], (row + 0.5 - read["cy"]) / read["fl_y"], 1.0]
        )
        np.testing.assert_allclose(d / np.linalg.norm(d), ray(column, row), atol=1e-12)
        assert lines[row, column] == pytest.approx(2.0 * ray(column, row)[2], abs=6e-4)  # steps of 1 / 1000


# Splats -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("camera", [CAMERA, Equirect((32, 64))], ids=["pinhole", "equirect"])
def test_a_splat_is_drawn_where_the_camera_looks(camera):
    for column, row in [(3, 25), (40, 20), (60, 9)]:
        direction = ray(column, row)
        if camera is not CAMERA:
            turn, polar = (column + 0.5) / 64 * math.tau - math.pi, (row + 0.5) / 32 * math.pi
            direction = np.array(
                [math.sin(polar) * math.sin(turn), -math.cos(polar), math.sin(polar) * math.cos(turn)]
            )
        splat = Gaussians.from_colors(
            torch.tensor(2.5 * direction)[None].float(),
            torch.tensor([[1.0, 0, 0, 0]]),
            torch.full((1, 3), 0.01),
            torch.tensor([0.9]),
            torch.ones(1, 3),
        )
        seen = render_view(splat, torch.eye(4, dtype=torch.float64), camera, backend="torch")
        assert divmod(int(seen.alpha.argmax()), camera.width) == (row, column)
        assert float(seen.depth_ray[row, column]) == pytest.approx(2.5, rel=1e-5)


def test_a_view_to_judge_by_is_cut_along_its_own_rays():
    rays = Equirect((128, 256)).rays()
    frames = torch.stack((rays, rays.flip(-1))).float()
    turn = torch.tensor([[0.0, 0, -1], [0, 1, 0], [1, 0, 0]], dtype=torch.float64)  # looks right
    view = EvalView(torch.eye(4, dtype=torch.float64), CAMERA, 1, turn)
    cut = reference_renders((frames + 1) / 2, [view], path([[0.0, 0, 0], [1.0, 0, 0]]))[0] * 2 - 1
    for column, row in PIXELS:
        expected = (ray(column, row) @ turn.numpy())[::-1]
        np.testing.assert_allclose(
            cut[row, column], expected, atol=2e-4
        )  # a bilinear pixel: (pi / 128)^2 / 8


# Reconstruction model ---------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["perspective", "spherical"])
def test_the_depth_of_a_decoded_frame_is_the_distance_of_its_splats(kind):
    model = build_lrm(sort_weights(tiny_state(), "tiny"))
    model.config = replace(model.config, camera=kind)
    still = turning_path()
    K_px = torch.tensor([[40.0, 0, 50], [0, 60, 12], [0, 0, 1]], dtype=torch.float64).repeat(len(still), 1, 1)
    given = replace(still, K_px=K_px, image_size_px=(64, 128))
    result = decode_latents(
        model,
        tiny_latents(),
        given,
        DecodeSettings(frame_stride=1, min_opacity=0.0, range_cut=1.0, max_size=0.0, max_gaussians=0),
    )
    count = result.depth[0].numel()
    for frame in (0, 3):
        means = result.gaussians.means[frame * count : (frame + 1) * count].double()
        distance = (means - given.centers[frame]).norm(dim=-1)
        torch.testing.assert_close(distance, result.depth[frame].flatten().double(), rtol=1e-4, atol=1e-5)
