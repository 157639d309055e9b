"""Pictures along a path against single renders, and their geometry against planted splats."""

import math

import pytest
import torch
from small_worlds import ROOM, room, walk

from matrix3d_core.errors import Cancelled, InvalidInput
from matrix3d_core.geometry.pinhole import intrinsics_from_fov
from matrix3d_core.geometry.spherical import erp_directions
from matrix3d_core.raster.splat import render_gaussians
from matrix3d_core.scene.gaussians import Gaussians
from matrix3d_core.splats.render import PROJECTIONS, picture_size, render_path

WORLD, PATH = room(0.2), walk()


def dot(x, y, z):
    return Gaussians.from_colors(
        torch.tensor([[x, y, z]]),
        torch.tensor([[1.0, 0, 0, 0]]),
        torch.full((1, 3), 0.01),
        torch.ones(1) * 0.99,
        torch.ones(1, 3),
    )


def brightest(picture):
    row, column = divmod(int(picture.argmax()), picture.shape[1])
    return row + 0.5, column + 0.5


def test_frames_are_single_renders():
    shots = render_path(WORLD, PATH, height=30, width=50, fov_x_rad=1.2, stride=2, background=(0.2, 0.4, 0.6))
    K = intrinsics_from_fov(1.2, 30, 50)
    assert shots.rgb.shape == (3, 30, 50, 3)
    one = render_gaussians(WORLD, PATH.camera_from_world[4], K, 30, 50, background=(0.2, 0.4, 0.6))
    assert torch.equal(shots.rgb[2], one.rgb.clamp(0, 1))
    assert torch.equal(shots.alpha[2], one.alpha.clamp(0, 1))


def test_panorama_shows_distances_to_the_walls():
    shots = render_path(WORLD, PATH, projection="panorama", height=1, width=128, stride=5)
    assert shots.rgb.shape == (2, 64, 128, 3)
    directions = erp_directions(64, 128).float()
    exact = (torch.tensor(ROOM) / directions.abs()).amin(-1)
    close = (shots.depth_ray[0] / exact - 1).abs()
    assert close.median() < 0.02  # flat splats of sigma 0.11 seen at an angle; edges of the room are worse
    assert shots.alpha.mean() > 0.97


def test_eyes_stand_apart_and_see_parallax():
    world = dot(0.0, 0.0, 2.0)
    shots = render_path(world, walk(1), projection="stereo", height=64, width=256, eye_distance=0.2)
    left, right = shots.rgb[0, :, :128, 0], shots.rgb[0, :, 128:, 0]
    # focal 64 px, baseline 0.2, depth 2: a parallax of 6.4 px, half to each side of the middle
    assert abs(brightest(left)[1] - (64 + 3.2)) <= 1
    assert abs(brightest(right)[1] - (64 - 3.2)) <= 1
    assert abs(brightest(left)[1] - brightest(right)[1] - 6.4) <= 1.5


def test_vr180_is_the_front_half():
    world = dot(2.0 * math.sin(0.5), -0.3, 2.0 * math.cos(0.5))
    shots = render_path(world, walk(1), projection="vr180", height=1, width=256, eye_distance=0.0)
    assert shots.rgb.shape == (1, 128, 256, 3)
    left, right = shots.rgb[0, :, :128, 0], shots.rgb[0, :, 128:, 0]
    assert torch.equal(left, right)
    row, column = brightest(left)
    assert abs(column - (64 + 0.5 / math.pi * 128)) <= 1
    assert abs(row - (64 - math.atan(0.15) / math.pi * 128)) <= 1
    behind = render_path(dot(0.0, 0.0, -2.0), walk(1), projection="vr180", height=1, width=64)
    assert behind.alpha.max() == 0


def test_depth_is_along_the_ray():
    wall = room(0.1)
    shots = render_path(wall, walk(1), height=40, width=40)
    assert abs(float(shots.depth_ray[0, 20, 20]) - ROOM[2]) < 0.05
    # Near the left edge, 90 degrees wide, the ray is 1.4 times as long as the depth: a wall 2 to the left
    exact = ROOM[0] * math.hypot(1, 20 / 19.5)
    assert (
        abs(float(shots.depth_ray[0, 20, 0]) - exact) < 0.15
    )  # flat splats seen at 45 degrees, as far apart as 0.1
    empty = render_path(dot(0.0, 0.0, -5.0), walk(1), height=8, width=8, background=(1, 0, 0))
    assert torch.isinf(empty.depth_ray).all()
    assert empty.rgb[0, 0, 0].tolist() == [1, 0, 0]


def test_stop_passes_through():
    def stop(event):
        if event.done == 1:
            raise Cancelled("enough")

    with pytest.raises(Cancelled):
        render_path(WORLD, PATH, height=8, width=8, progress=stop)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"projection": "fisheye"}, "projection must be one of perspective, panorama, stereo, vr180"),
        ({"projection": "panorama", "width": 33}, "width of a panorama picture must be even; got 33"),
        ({"stride": 0}, "stride must be at least 1"),
        ({"eye_distance": -1.0}, "eye_distance must be 0 or more"),
        ({"background": (0, 0, 2)}, "background must be three numbers"),
        ({"fov_x_rad": 4.0}, "fov"),
    ],
)
def test_wrong_numbers_are_named(change, words):
    with pytest.raises(InvalidInput, match=words):
        render_path(WORLD, PATH, **{"height": 8, "width": 32, **change})


def test_sizes_follow_from_the_projection():
    assert [picture_size(p, 40, 100) for p in PROJECTIONS] == [(40, 100), (50, 100), (40, 100), (50, 100)]


@pytest.mark.parametrize("projection", PROJECTIONS)
def test_antialiased_dims_what_is_smaller_than_a_pixel(projection):
    plain, dimmed = (
        render_path(dot(0.0, 0.0, 2.0), walk(1), projection=projection, height=64, width=128, antialiased=on)
        for on in (False, True)
    )
    # Focal lengths (rows over pi for a round picture) make the sigma of 0.01 at 2 units so many pixels; the low-pass adds
    # 0.3 to its square, and opacity is multiplied by the ratio of the areas.
    focal = {"perspective": 64, "stereo": 32}.get(projection, 64 / math.pi)
    square = (0.005 * focal) ** 2
    assert float(dimmed.alpha.max() / plain.alpha.max()) == pytest.approx(square / (square + 0.3), rel=0.01)


@pytest.mark.parametrize("field", ["sh", "means", "scales", "opacities"])
def test_worlds_with_nan_are_refused(field):
    world = dot(0.0, 0.0, 2.0)
    getattr(world, field).view(-1)[0] = math.nan
    with pytest.raises(
        InvalidInput, match=rf"{field} must be finite; 1 of . .* Remove those splats with Clean Splats"
    ):
        render_path(world, walk(1), height=16, width=32)
