"""Panorama pixels and directions: the mapping, its inverse, and lookups at seam and poles."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles_geometry import erp_direction, erp_lookup, erp_pixel

from matrix3d_core.errors import InvalidInput
from matrix3d_core.geometry.spherical import (
    directions_from_pixels,
    erp_directions,
    pixels_from_directions,
    sample_erp,
)

EPS = torch.finfo(torch.float64).eps


def random(*shape, seed=0):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def random_directions(count, seed=0):
    return torch.randn(count, 3, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def awkward_directions():
    """Poles, seam, axes, and points a hair away from them."""
    tiny = 1e-9
    rows = [(0, 1, 0), (0, -1, 0), (0, 0, 1), (0, 0, -1), (1, 0, 0), (-1, 0, 0)]
    rows += [(tiny, 1, 0), (0, -1, -tiny), (tiny, 0, -1), (-tiny, 0, -1), (-tiny, -1, tiny), (0.3, -2, -0.3)]
    return torch.tensor(rows, dtype=torch.float64)


def test_directions_match_the_spherical_definition():
    height, width = 6, 12
    expected = [[erp_direction(i, j, height, width) for i in range(width)] for j in range(height)]
    actual = erp_directions(height, width, dtype=torch.float64)
    # Angles up to 2 pi are good to a few ulp; sine and cosine pass that on with slope 1.
    torch.testing.assert_close(actual, torch.tensor(expected, dtype=torch.float64), rtol=0, atol=8 * EPS)


def test_center_right_border_and_top_look_where_they_should():
    u_center, u_right, u_border = 0.5, 0.75, 0.0
    width, height = 12, 6
    columns = torch.tensor([u_center, u_right, u_border], dtype=torch.float64) * width - 0.5
    rows = torch.full((3,), height / 2 - 0.5, dtype=torch.float64)
    looks = directions_from_pixels(columns, rows, height=height, width=width)
    expected = torch.tensor([[0, 0, 1], [1, 0, 0], [0, 0, -1]], dtype=torch.float64)
    torch.testing.assert_close(looks, expected, rtol=0, atol=4 * EPS)
    assert bool((erp_directions(height, width)[0, :, 1] < 0).all()), "row 0 must look up, which is -y"


def test_pixels_match_asin_oracle():
    directions = torch.cat((random_directions(200), awkward_directions()))
    columns, rows = pixels_from_directions(directions, height=16, width=32)
    for direction, column, row in zip(directions.tolist(), columns.tolist(), rows.tolist(), strict=True):
        slow_column, slow_row = erp_pixel(direction, 16, 32)
        assert column == pytest.approx(slow_column, abs=32 * EPS)
        # asin loses half the digits at the poles: sqrt(eps) radians, times 16 rows per pi.
        assert row == pytest.approx(slow_row, abs=16 * math.sqrt(EPS))


@given(st.floats(-0.5, 31.5), st.floats(-0.49, 15.49))
@settings(max_examples=200, deadline=None)
def test_pixels_and_directions_are_inverse(column, row):
    pixel = torch.tensor([column, row], dtype=torch.float64)
    direction = directions_from_pixels(pixel[0], pixel[1], height=16, width=32)
    back_column, back_row = pixels_from_directions(direction, height=16, width=32)
    turn = abs(float(back_column) - column)
    # A ring of radius sin(0.01 / 16 * pi) divides the rounding of the azimuth.
    assert min(turn, 32 - turn) < 32 * 8 * EPS / math.sin(0.01 / 16 * math.pi)
    assert float(back_row) == pytest.approx(row, abs=16 * 8 * EPS)


def test_zero_vector_maps_straight_ahead():
    column, row = pixels_from_directions(torch.zeros(3), height=8, width=16)
    assert (float(column), float(row)) == (7.5, 3.5)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_lookup_matches_slow_definition(dtype):
    panorama = random(16, 32, 3)
    directions = torch.cat((random_directions(300), awkward_directions())).to(dtype)
    expected = torch.stack([erp_lookup(panorama, d) for d in directions.tolist()])
    actual = sample_erp(panorama.to(dtype), directions)
    # Coordinates are good to a few ulp of the width (a hair off the pole, of the azimuth; the oracle's
    # asin costs sqrt(eps) of a row there); color changes by at most 1 per pixel.
    atol = 8 * 32 * torch.finfo(dtype).eps + 16 * math.sqrt(EPS)
    torch.testing.assert_close(actual.double(), expected, rtol=0, atol=atol)


def test_lookup_at_pixel_centers_returns_the_pixels():
    panorama = random(8, 16, 2)
    directions = erp_directions(8, 16, dtype=torch.float64)
    torch.testing.assert_close(sample_erp(panorama, directions), panorama, rtol=0, atol=64 * EPS)
    torch.testing.assert_close(sample_erp(panorama, directions, mode="nearest"), panorama, rtol=0, atol=0)


def test_poles_return_the_mean_of_opposite_pixels():
    panorama = random(8, 16, 1)
    pole = sample_erp(panorama, torch.tensor([[0.0, -1.0, 0.0], [0.0, 1.0, 0.0]], dtype=torch.float64))
    # The azimuth of the pole is 0, between columns 7 and 8; half a turn away lie columns 15 and 0.
    for value, row in zip(pole[:, 0].tolist(), (0, 7), strict=True):
        assert value == pytest.approx(float(panorama[row, [7, 8, 15, 0], 0].mean()), abs=16 * EPS)


def test_lookup_is_continuous_across_seam_and_poles():
    panorama = random(8, 16, 3)
    step = 1e-7
    seam = torch.tensor([[step, 0.3, -1], [-step, 0.3, -1]], dtype=torch.float64)
    over_pole = torch.tensor([[step, -1, step], [-step, -1, -step]], dtype=torch.float64)
    for pair in (seam, over_pole):
        first, second = sample_erp(panorama, pair)
        # 2 step radians are 16 / pi * step pixels of the row or column, at most 1 of color per pixel.
        assert float((first - second).abs().max()) <= 8 * step


@pytest.mark.parametrize("columns", [1, 7, 16, 31])
@pytest.mark.parametrize("mode", ["bilinear", "nearest"])
def test_turning_the_camera_equals_rolling_the_panorama(columns, mode):
    panorama = random(16, 32, 3, seed=columns)
    directions = random_directions(500, seed=columns)
    angle = torch.tensor(math.tau * columns / 32, dtype=torch.float64)
    c, s, zero, one = angle.cos(), angle.sin(), angle * 0, angle * 0 + 1
    turn = torch.stack((c, zero, s, zero, one, zero, -s, zero, c)).view(3, 3)
    turned = sample_erp(panorama, directions @ turn.mT, mode=mode)
    rolled = sample_erp(panorama.roll(-columns, dims=1), directions, mode=mode)
    torch.testing.assert_close(turned, rolled, rtol=0, atol=1e-12)


def test_flipping_left_and_right_mirrors_the_lookup():
    panorama = random(16, 32, 3)
    directions = random_directions(200)
    mirrored = directions * torch.tensor([-1.0, 1.0, 1.0], dtype=torch.float64)
    torch.testing.assert_close(
        sample_erp(panorama.flip(1), mirrored), sample_erp(panorama, directions), rtol=0, atol=1e-12
    )


def test_gradients_of_the_lookup():
    panorama = random(4, 8, 2).requires_grad_()
    directions = random_directions(12, seed=3).requires_grad_()
    assert torch.autograd.gradcheck(sample_erp, (panorama, directions))


def test_gradients_of_the_mapping():
    columns, rows = (random(6) * 8).requires_grad_(), (random(6, seed=1) * 4).requires_grad_()
    assert torch.autograd.gradcheck(
        lambda c, r: directions_from_pixels(c, r, height=4, width=8), (columns, rows)
    )
    directions = random_directions(6).requires_grad_()
    assert torch.autograd.gradcheck(lambda d: pixels_from_directions(d, height=4, width=8), (directions,))


def test_gradients_are_finite_near_the_poles():
    directions = awkward_directions()[6:].requires_grad_()
    sample_erp(random(8, 16, 3), directions).sum().backward()
    assert bool(torch.isfinite(directions.grad).all())


@pytest.mark.parametrize(
    ("panorama", "mode", "says"),
    [
        (torch.zeros(8, 15, 3), "bilinear", "twice as wide"),
        (torch.zeros(1, 2, 3), "bilinear", "at least 4x2"),
        (torch.zeros(8, 16), "bilinear", "H, W, C"),
        (torch.zeros(8, 16, 3, dtype=torch.uint8), "bilinear", "floating point"),
        (torch.zeros(8, 16, 3), "cubic", "'bilinear' or 'nearest'"),
    ],
)
def test_bad_panoramas_are_refused(panorama, mode, says):
    with pytest.raises(InvalidInput, match=says):
        sample_erp(panorama, torch.zeros(1, 3), mode=mode)


def test_sizes_below_one_are_refused():
    with pytest.raises(InvalidInput, match="at least 1"):
        erp_directions(0, 4)
