"""Views, turned panoramas and cube faces, against directions and against the geometry room's lookups."""

import math

import pytest
import torch

from matrix3d_core.errors import InvalidInput
from matrix3d_core.geometry.crops import crop_erp, icosahedron_rotations, upstream_crop_rotations
from matrix3d_core.geometry.cubemap import FACE_NAMES, cubemap_rotations
from matrix3d_core.geometry.pinhole import pinhole_directions
from matrix3d_core.geometry.rotations import matrix_from_yaw_pitch_roll
from matrix3d_core.geometry.spherical import erp_directions
from matrix3d_core.panorama.views import (
    CROP_SETS,
    crop_set,
    cube_faces,
    cut_crops,
    faces_of_all,
    intrinsics_from_fovs,
    panorama_from_faces,
    panoramas_from_faces,
    perspective_views,
    render_views,
    rotate_panorama,
)

STEP = math.pi / 64  # of the panorama of directions below
SLACK = (
    STEP**2 / 8
)  # a box of one pixel moves a direction by at most step^2 / 24 per axis; cubic reading less


@pytest.fixture(scope="module")
def directions():
    """A panorama that holds its own viewing directions."""
    return erp_directions(64, 128, dtype=torch.float64)


def rotation(yaw, pitch, roll):
    angles = torch.tensor((yaw, pitch, roll), dtype=torch.float64).deg2rad()
    return matrix_from_yaw_pitch_roll(*angles)


@pytest.mark.parametrize("angles", [(0, 0, 0), (180, 0, 0), (37, 20, -50), (0, 90, 0), (120, -90, 15)])
@pytest.mark.parametrize(("fov", "size"), [(90, 40), (60, 40), (120, 12), (100, 6)])
def test_views_show_the_directions_of_their_pixels(directions, angles, fov, size):
    """Ahead, over the border, oblique and into both poles; finer and coarser than the panorama."""
    R = rotation(*angles)
    K = intrinsics_from_fovs(math.radians(fov), None, size, size)
    view = render_views(directions, R[None], K, size, size)[0]
    expected = pinhole_directions(K, size, size) @ R.mT
    # Averaging over a pixel of angle a shortens directions: 1 - a^2 / 12 or so.
    pixel = 1 / float(K[0, 0])
    torch.testing.assert_close(view, expected, rtol=0, atol=SLACK + pixel**2 / 8)


def test_fine_views_equal_the_plain_lookup(directions):
    noise = torch.rand(16, 32, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    K = intrinsics_from_fovs(math.radians(90), None, 24, 24)  # 12 px per radian against 5 of the panorama
    for mode in ("bilinear", "nearest"):
        actual = render_views(noise, upstream_crop_rotations().mT, K, 24, 24, mode=mode)
        expected = crop_erp(noise, upstream_crop_rotations(), K, 24, 24, mode)
        torch.testing.assert_close(actual, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("angles", [(10, 0, 0), (0, 90, 0), (33, -25, 60), (180, 12, -8)])
def test_turned_directions_are_rotated(directions, angles):
    R = rotation(*angles)
    turned = rotate_panorama(directions, R)
    torch.testing.assert_close(turned, directions @ R.mT, rtol=0, atol=SLACK)


def test_turn_by_whole_columns_changes_no_bit():
    noise = torch.rand(16, 32, 3, generator=torch.Generator().manual_seed(0))
    turned = rotate_panorama(noise, rotation(5 * 360 / 32, 0, 0))
    assert torch.equal(turned, noise.roll(-5, 1))


def test_crops_are_upstreams_two_sets():
    assert torch.equal(crop_set(CROP_SETS[0]), icosahedron_rotations())
    assert torch.equal(crop_set(CROP_SETS[1]), upstream_crop_rotations())
    noise = torch.rand(1, 16, 32, 3, generator=torch.Generator().manual_seed(0))
    K = intrinsics_from_fovs(math.radians(90), None, 8, 8)
    expected = crop_erp(noise[0], upstream_crop_rotations(), K, 8, 8, "nearest", upstream_border=True)
    actual = cut_crops(noise, CROP_SETS[1], 8, fov_rad=math.pi / 2, mode="nearest", upstream_border=True)
    assert torch.equal(actual, expected)


def test_faces_come_in_order_and_go_back(directions):
    faces = cube_faces(directions, 32)
    for k, name in enumerate(FACE_NAMES):
        axis = cubemap_rotations()[k, 2]
        center = faces[k, 15:17, 15:17].mean((0, 1))
        assert float(torch.nn.functional.normalize(center, dim=0) @ axis) > 0.999, name
    back = panorama_from_faces(faces, 64, 128)
    # Once through the faces (32 px per 90 degrees: bilinear error step^2 / 8 per axis) and two averages.
    torch.testing.assert_close(back, directions, rtol=0, atol=2 * (math.pi / 64) ** 2)
    smaller = panorama_from_faces(faces, 16, 32)
    torch.testing.assert_close(
        smaller, erp_directions(16, 32, dtype=torch.float64), rtol=0, atol=(math.pi / 16) ** 2 / 8
    )


def test_batches_keep_their_order():
    rng = torch.Generator().manual_seed(0)
    pair = torch.rand(2, 16, 32, 3, generator=rng)
    views = perspective_views(
        pair,
        yaw_rad=0.0,
        pitch_rad=0.1,
        roll_rad=0.0,
        fov_x_rad=1.0,
        fov_y_rad=None,
        height=4,
        width=6,
        count=4,
    )
    assert views.shape == (8, 4, 6, 3)
    for index in range(8):
        R = rotation(90.0 * (index % 4), math.degrees(0.1), 0)
        K = intrinsics_from_fovs(1.0, None, 4, 6)
        expected = render_views(pair[index // 4], R[None], K, 4, 6)[0].clamp(0, 1)
        torch.testing.assert_close(views[index], expected, rtol=0, atol=1e-5)
    faces = faces_of_all(pair, 8)
    assert faces.shape == (12, 8, 8, 3)
    torch.testing.assert_close(faces[6:], cube_faces(pair[1], 8).clamp(0, 1), rtol=0, atol=0)
    assert panoramas_from_faces(faces).shape == (2, 16, 32, 3)


def test_yaw_step_turns_right():
    pano = erp_directions(16, 32)[None] * 0.5 + 0.5
    views = perspective_views(
        pano,
        yaw_rad=0.0,
        pitch_rad=0.0,
        roll_rad=0.0,
        fov_x_rad=0.3,
        fov_y_rad=None,
        height=1,
        width=1,
        count=2,
        yaw_step_rad=math.radians(30),
    )
    x = (views[1, 0, 0, 0] - 0.5) * 2
    assert float(x) == pytest.approx(0.5, abs=0.02)


BASE = {
    "yaw_rad": 0.0,
    "pitch_rad": 0.0,
    "roll_rad": 0.0,
    "fov_x_rad": 1.0,
    "fov_y_rad": None,
    "height": 4,
    "width": 4,
}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"fov_x_rad": 0.0}, "between 0.1 and 179 degrees; got 0"),
        ({"fov_x_rad": math.pi}, "got 180"),
        ({"fov_x_rad": math.nan}, "field of view"),
        ({"fov_y_rad": 4.0}, "field of view"),
        ({"height": 0}, "at least 1x1"),
        ({"yaw_rad": math.nan}, "yaw, pitch and roll must be finite"),
        ({"count": 0}, "count must be at least 1"),
        ({"mode": "lanczos"}, "interpolation must be one of"),
    ],
)
def test_bad_views_are_refused(change, words):
    with pytest.raises(InvalidInput, match=words):
        perspective_views(torch.zeros(1, 4, 8, 3), **{**BASE, **change})


def test_bad_pictures_are_refused():
    with pytest.raises(InvalidInput, match="empty batch"):
        perspective_views(torch.zeros(0, 4, 8, 3), **BASE)
    with pytest.raises(InvalidInput, match="twice as wide"):
        perspective_views(torch.zeros(1, 4, 9, 3), **BASE)
    with pytest.raises(InvalidInput, match="finite"):
        perspective_views(torch.full((1, 4, 8, 3), math.nan), **BASE)
    with pytest.raises(InvalidInput, match="six to a panorama; got 7"):
        panoramas_from_faces(torch.zeros(7, 4, 4, 3))
    with pytest.raises(InvalidInput, match="must be square; got 5x4"):
        panoramas_from_faces(torch.zeros(6, 4, 5, 3))
    with pytest.raises(InvalidInput, match="crop set must be one of"):
        cut_crops(torch.zeros(1, 4, 8, 3), "all", 8, fov_rad=1.0)
    with pytest.raises(InvalidInput, match="width must be even"):
        panoramas_from_faces(torch.zeros(6, 4, 4, 3), 7)
