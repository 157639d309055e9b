"""The sample scene: exact distances, the same colors from everywhere, and the shipped files."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from oracle_scene import is_solid

from matrix3d_core.errors import InvalidInput
from matrix3d_core.geometry.spherical import directions_from_pixels
from matrix3d_core.synth import sample_scene
from matrix3d_core.synth.sample_scene import CAMERA_HEIGHT, render_erp, render_pinhole, trace
from matrix3d_core.synth.scene_layout import terrace

ASSETS = Path(__file__).resolve().parents[3] / "assets" / "sample"


def random_rays(count: int, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Rays from open places of the terrace (free of pots and fountain) in all directions."""
    rng = torch.Generator().manual_seed(seed)
    origins = torch.rand(count, 3, generator=rng, dtype=torch.float64) * torch.tensor([3.0, 2.0, 5.0])
    origins -= torch.tensor([1.5, 1.0, 1.5])
    directions = torch.randn(count, 3, generator=rng, dtype=torch.float64)
    return origins, torch.nn.functional.normalize(directions, dim=-1)


def test_rays_end_exactly_where_the_scene_becomes_solid():
    origins, directions = random_rays(600)
    _, distance = trace(origins, directions)
    end = distance.clamp(max=300.0).numpy()[:, None]
    start, ray = origins.numpy()[:, None], directions.numpy()[:, None]

    def solid_at(t: np.ndarray) -> np.ndarray:
        points = start + t[..., None] * ray
        return is_solid(points.reshape(-1, 3), terrace()).reshape(t.shape)

    hits = torch.isfinite(distance).numpy()
    # 1e-6 m is far above rounding at 100 m (1e-14 * 100) and far below every feature of the scene.
    assert solid_at(end + 1e-6)[hits].all()
    assert not solid_at(np.linspace(0, 1, 300) * (end - 1e-6)).any()
    assert 0.2 < hits.mean() < 0.9  # the rays did meet both the scene and the sky


def test_compiled_and_plain_intersection_agree():
    pytest.importorskip("numba")
    origins, directions = random_rays(4000, seed=1)
    # Axis-parallel rays divide by zero: the awkward ones.
    axes = torch.cat((torch.eye(3), -torch.eye(3))).double()
    origins, directions = torch.cat((origins, origins[:6])), torch.cat((directions, axes))
    fast_rgb, fast = trace(origins, directions, backend="numba")
    slow_rgb, slow = trace(origins, directions, backend="numpy")
    torch.testing.assert_close(fast, slow, rtol=1e-12, atol=0)
    torch.testing.assert_close(fast_rgb, slow_rgb, rtol=0, atol=1e-6)


def test_a_point_has_one_color_from_every_viewpoint():
    first, directions = random_rays(3000, seed=2)
    rgb, distance = trace(first, directions)
    hit = torch.isfinite(distance)
    points = (first + distance[:, None] * directions)[hit]
    second = random_rays(3000, seed=3)[0][hit]
    other_rgb, other_distance = trace(second, points - second)
    seen = (other_distance - (points - second).norm(dim=-1)).abs() < 1e-7
    assert int(seen.sum()) > 800
    error = (rgb[hit][seen] - other_rgb[seen]).abs().amax(-1)
    # Points agree to about 1e-13 m; only one in thousands may sit on a shadow's edge or a tile's border.
    assert float((error < 1e-4).double().mean()) > 0.998


def test_sky_depends_on_the_direction_alone():
    origins, directions = random_rays(500, seed=4)
    rgb, distance = trace(origins, directions)
    moved, moved_distance = trace(origins + 0.1, directions)
    sky = torch.isinf(distance) & torch.isinf(moved_distance)
    assert int(sky.sum()) > 50
    torch.testing.assert_close(rgb[sky], moved[sky], rtol=0, atol=1e-6)


def test_panorama_distance_is_that_of_the_pixel_center():
    rgb, depth_ray = render_erp(torch.tensor([0.3, -0.2, 1.0]), 16, 32, samples=1)
    rows, columns = torch.meshgrid(torch.arange(16.0), torch.arange(32.0), indexing="ij")
    directions = directions_from_pixels(columns.double(), rows.double(), height=16, width=32)
    expected_rgb, expected = trace(torch.tensor([0.3, -0.2, 1.0]).double(), directions)
    torch.testing.assert_close(depth_ray.double(), expected, rtol=1e-6, atol=0)  # one rounding to float32
    torch.testing.assert_close(rgb, expected_rgb, rtol=0, atol=1e-6)


def test_turning_the_camera_rolls_the_panorama():
    quarter = torch.tensor([[0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [-1.0, 0.0, 0.0]])  # looks along +x
    _, straight = render_erp(torch.zeros(3), 8, 16, samples=1)
    _, turned = render_erp(torch.zeros(3), 8, 16, samples=1, rotation_world_from_camera=quarter)
    torch.testing.assert_close(turned, straight.roll(-4, dims=1), rtol=1e-5, atol=0)


def test_pinhole_and_panorama_see_the_same():
    angle = 0.4
    rotation = torch.tensor(
        [[math.cos(angle), 0, math.sin(angle)], [0, 1, 0], [-math.sin(angle), 0, math.cos(angle)]],
        dtype=torch.float64,
    )
    center = torch.tensor([0.5, -0.1, 1.5], dtype=torch.float64)
    pose = torch.eye(4, dtype=torch.float64)
    pose[:3, :3], pose[:3, 3] = rotation.mT, -(rotation.mT @ center)
    K_px = torch.tensor([[20.0, 0, 16.0], [0, 22.0, 12.0], [0, 0, 1]])
    rgb, depth_ray = render_pinhole(pose, K_px, 24, 32, samples=1)
    for row, column in ((0, 0), (12, 16), (23, 31), (5, 20)):
        local = torch.tensor([(column + 0.5 - 16) / 20, (row + 0.5 - 12) / 22, 1.0], dtype=torch.float64)
        expected_rgb, expected = trace(center, rotation @ local)
        torch.testing.assert_close(depth_ray[row, column].double(), expected, rtol=1e-6, atol=0)
        torch.testing.assert_close(rgb[row, column], expected_rgb, rtol=0, atol=1e-5)


def test_rendering_is_deterministic_and_smooths_edges():
    once = render_erp(torch.zeros(3), 12, 24, samples=4)[0]
    assert torch.equal(once, render_erp(torch.zeros(3), 12, 24, samples=4)[0])
    assert not torch.equal(once, render_erp(torch.zeros(3), 12, 24, samples=1)[0])


@pytest.mark.parametrize("samples", [1, 3, 4, 9])
def test_color_samples_average_to_the_pixel_center(samples):
    offsets = np.array(sample_scene._subpixels(samples))
    assert offsets.shape == (samples, 2)
    np.testing.assert_allclose(offsets.mean(0), 0, atol=1e-12)
    assert np.abs(offsets).max() <= 0.75


def test_the_terrace_is_as_promised():
    _, down = trace(torch.zeros(3), torch.tensor([0.0, 1.0, 0.0]))
    assert float(down) == pytest.approx(CAMERA_HEIGHT, abs=1e-12)
    _, depth_ray = render_erp(torch.zeros(3), 64, 128, samples=1)
    finite = depth_ray[torch.isfinite(depth_ray)]
    assert float(finite.min()) >= 0.8
    assert 40 <= float(finite.max()) <= 90
    assert 0.2 < float(torch.isinf(depth_ray).float().mean()) < 0.6
    for along in torch.linspace(0, 3, 7):  # three meters ahead are free to walk
        _, around = render_erp(torch.tensor([0.0, 0.0, float(along)]), 16, 32, samples=1)
        assert float(around.min()) > 0.8


@pytest.mark.parametrize(
    ("origin", "direction"),
    [([0, 0, 0], [0, 0, 0]), ([math.nan, 0, 0], [0, 0, 1]), ([0, 0, 0], [0, math.inf, 0])],
)
def test_impossible_rays_are_refused(origin, direction):
    with pytest.raises(InvalidInput, match="finite and directions not zero"):
        trace(torch.tensor(origin, dtype=torch.float64), torch.tensor(direction, dtype=torch.float64))


def test_wrong_arguments_are_refused():
    with pytest.raises(InvalidInput, match="backend must be auto, numba or numpy"):
        trace(torch.zeros(3), torch.ones(3), backend="gpu")
    with pytest.raises(InvalidInput, match="samples must be at least 1"):
        render_erp(torch.zeros(3), 2, 4, samples=0)
    with pytest.raises(InvalidInput, match="height and width"):
        render_erp(torch.zeros(3), 0, 4)


def test_shipped_distances_are_the_scenes():
    with np.load(ASSETS / "terrace_depth.npz", allow_pickle=False) as shipped:
        depth_ray, metadata = shipped["depth"], json.loads(str(shipped["metadata"]))
    assert depth_ray.shape == (512, 1024)
    assert depth_ray.dtype == np.float32
    assert metadata["units"] == "meters"
    rng = torch.Generator().manual_seed(5)
    rows, columns = torch.randint(512, (500,), generator=rng), torch.randint(1024, (500,), generator=rng)
    directions = directions_from_pixels(columns.double(), rows.double(), height=512, width=1024)
    _, expected = trace(torch.zeros(3).double(), directions)
    np.testing.assert_allclose(depth_ray[rows, columns], expected.numpy(), rtol=1e-6)


def test_shipped_picture_is_the_scenes():
    image = pytest.importorskip("PIL.Image")
    with image.open(ASSETS / "terrace.jpg") as opened:
        shipped = torch.from_numpy(np.array(opened)).float() / 255
    assert shipped.shape == (1024, 2048, 3)
    rng = torch.Generator().manual_seed(6)
    rows = torch.randint(1024, (300,), generator=rng).double()
    columns = torch.randint(2048, (300,), generator=rng).double()
    total = torch.zeros(300, 3)
    offsets = sample_scene._subpixels(9)
    for dx, dy in offsets:
        directions = directions_from_pixels(columns + dx, rows + dy, height=1024, width=2048)
        total += trace(torch.zeros(3).double(), directions)[0]
    error = (shipped[rows.long(), columns.long()] - total / len(offsets)).abs().amax(-1)
    # JPEG at quality 95 moves pixels by a few steps of 1/255, more on edges.
    assert float(error.mean()) < 3 / 255
    assert float(error.quantile(0.99)) < 16 / 255


def test_shipped_files_are_small():
    assert sum(path.stat().st_size for path in ASSETS.iterdir()) < 4e6
