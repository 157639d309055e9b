"""Perspective crops against the published axes and a scalar lookup."""

import math

import pytest
import torch
from oracles_geometry import erp_lookup

from matrix3d_core.errors import InvalidInput
from matrix3d_core.geometry.crops import crop_erp, icosahedron_rotations, upstream_crop_rotations
from matrix3d_core.geometry.pinhole import intrinsics_from_fov
from matrix3d_core.geometry.spherical import erp_directions

EPS = torch.finfo(torch.float64).eps
H = math.sqrt(0.5)

# As published for Matrix-3D: forward directions in the OpenCV panorama frame, index 0 to 11.
UPSTREAM_FORWARDS = [
    (0, 0, -1),
    (0, H, -H),
    (0, -H, -H),
    (-1, 0, 0),
    (-H, H, 0),
    (-H, -H, 0),
    (0, 0, 1),
    (0, H, H),
    (0, -H, H),
    (1, 0, 0),
    (H, H, 0),
    (H, -H, 0),
]


def test_upstream_crops_look_where_upstream_looks():
    rotations = upstream_crop_rotations()
    expected = torch.tensor(UPSTREAM_FORWARDS, dtype=torch.float64)
    torch.testing.assert_close(rotations[:, 2], expected, rtol=0, atol=0)


def test_upstream_crops_match_angles_in_the_spherical_frame():
    """Axes from cosines and sines of the angles, one scalar at a time, then to OpenCV."""
    rotations = upstream_crop_rotations()
    for index in range(12):
        h, p = math.radians(90 * (index // 3)), math.radians((0, 45, -45)[index % 3])
        flat = (math.cos(h), -math.sin(h), 0.0)
        z = (math.cos(p) * flat[0], math.cos(p) * flat[1], -math.sin(p))
        x = (-math.sin(h), -math.cos(h), 0.0)
        y = (-math.sin(p) * flat[0], -math.sin(p) * flat[1], -math.cos(p))
        for row, s in enumerate((x, y, z)):
            expected = torch.tensor((s[1], -s[2], -s[0]), dtype=torch.float64)
            torch.testing.assert_close(rotations[index, row], expected, rtol=0, atol=4 * EPS)


def test_straight_ahead_crop_is_the_identity():
    assert torch.equal(upstream_crop_rotations()[6], torch.eye(3, dtype=torch.float64))


@pytest.mark.parametrize("rotations", [upstream_crop_rotations(), icosahedron_rotations()])
def test_crops_are_upright_rotations(rotations):
    eye = torch.eye(3, dtype=torch.float64).expand(12, 3, 3)
    torch.testing.assert_close(rotations @ rotations.mT, eye, rtol=0, atol=8 * EPS)
    torch.testing.assert_close(torch.linalg.det(rotations), torch.ones(12, dtype=torch.float64))
    assert float(rotations[:, 0, 1].abs().max()) < 4 * EPS, "the right axis must be level"
    assert bool((rotations[:, 1, 1] > 0).all()), "the down axis must point down"


def test_icosahedron_forwards_are_its_corners():
    forwards = icosahedron_rotations()[:, 2]
    p = (1 + math.sqrt(5)) / 2
    length = math.hypot(1, p)
    # Spherical (0, 1, p), the first corner, is up and to the right of the border: x = s_y, y = -s_z, z = -s_x.
    assert forwards[0].tolist() == pytest.approx([1 / length, -p / length, 0], abs=4 * EPS)
    assert forwards[8].tolist() == pytest.approx([0, -1 / length, -p / length], abs=4 * EPS)
    cosines = (forwards @ forwards.mT).sort(dim=1, descending=True).values
    # Each corner has itself, five neighbors at acos(1/sqrt 5), five beyond, and its opposite.
    expected = torch.tensor([1.0] + [5**-0.5] * 5 + [-(5**-0.5)] * 5 + [-1.0], dtype=torch.float64)
    torch.testing.assert_close(cosines, expected.expand(12, 12), rtol=0, atol=8 * EPS)


def test_crop_matches_a_scalar_camera():
    panorama = torch.rand(12, 24, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    rotations = upstream_crop_rotations()[[2, 7]]
    K_px = intrinsics_from_fov(math.radians(80), 4, 5)
    actual = crop_erp(panorama, rotations, K_px, 4, 5)
    for view in range(2):
        for row in range(4):
            for column in range(5):
                ray = torch.linalg.inv(K_px) @ torch.tensor(
                    [column + 0.5, row + 0.5, 1.0], dtype=torch.float64
                )
                expected = erp_lookup(panorama, (rotations[view].mT @ ray).tolist())
                torch.testing.assert_close(actual[view, row, column], expected, rtol=0, atol=1e-6)


def test_crop_of_directions_holds_directions():
    """A panorama that stores its own viewing directions shows each crop's axis at its center, upright."""
    panorama = erp_directions(128, 256, dtype=torch.float64)
    rotations = upstream_crop_rotations()
    crops = crop_erp(panorama, rotations, intrinsics_from_fov(math.radians(90), 9, 9), 9, 9)
    step = math.pi / 128
    bound = step * step / 4  # bilinear error of a function with second derivatives up to 1 in both angles
    torch.testing.assert_close(crops[:, 4, 4], rotations[:, 2], rtol=0, atol=bound)
    assert bool(((crops[:, 4, 8] - crops[:, 4, 0]) * rotations[:, 0]).sum(-1).gt(0).all())
    assert bool(((crops[:, 8, 4] - crops[:, 0, 4]) * rotations[:, 1]).sum(-1).gt(0).all())


def test_upstream_border_is_replicated_asymmetrically():
    panorama = torch.rand(32, 64, 1, generator=torch.Generator().manual_seed(0))
    K_px = intrinsics_from_fov(math.radians(90), 8, 8)
    plain = crop_erp(panorama, upstream_crop_rotations(), K_px, 8, 8, "nearest")
    framed = crop_erp(panorama, upstream_crop_rotations(), K_px, 8, 8, "nearest", upstream_border=True)
    expected = plain.clone()
    for line in (0, 1):
        expected[:, line] = expected[:, 2]
        expected[:, :, line] = expected[:, :, 2]
    expected[:, 7] = expected[:, 6]
    expected[:, :, 7] = expected[:, :, 6]
    expected[:, :2, :2] = plain[:, 2:3, 2:3]
    expected[:, :2, 7] = plain[:, 2:3, 6]
    expected[:, 7, :2] = plain[:, 6:7, 2]
    assert torch.equal(framed, expected)


def test_no_views_give_an_empty_batch():
    empty = crop_erp(torch.zeros(4, 8, 3), torch.zeros(0, 3, 3), torch.eye(3), 5, 6)
    assert empty.shape == (0, 5, 6, 3)


def test_gradient_reaches_the_panorama():
    panorama = torch.rand(
        4, 8, 1, generator=torch.Generator().manual_seed(0), dtype=torch.float64, requires_grad=True
    )
    K_px = intrinsics_from_fov(1.0, 2, 2)
    assert torch.autograd.gradcheck(
        lambda p: crop_erp(p, upstream_crop_rotations()[:3], K_px, 2, 2), (panorama,)
    )


def test_bad_arguments_are_refused():
    panorama, K_px = torch.zeros(4, 8, 3), torch.eye(3)
    with pytest.raises(InvalidInput, match="rotation_camera_from_panorama"):
        crop_erp(panorama, torch.eye(3), K_px, 4, 4)
    with pytest.raises(InvalidInput, match="at least 4x4"):
        crop_erp(panorama, torch.eye(3)[None], K_px, 3, 4, upstream_border=True)
