"""Other sizes: no steps on surfaces, nothing invented between them."""

from __future__ import annotations

import math

import pytest
import torch

from matrix3d_core.depth.resample import resample_depth, resize_panorama
from matrix3d_core.errors import InvalidInput
from matrix3d_core.geometry.spherical import erp_directions, sample_erp


def plane_and_wall(height: int) -> torch.Tensor:
    rays = erp_directions(height, 2 * height, dtype=torch.float64)
    floor = torch.where(rays[..., 1] > 0, 1.6 / rays[..., 1].clamp(min=1e-9), math.inf)
    return torch.minimum(floor, torch.tensor(30.0, dtype=torch.float64)).float()


@pytest.mark.parametrize("height", [48, 100, 256])
def test_a_plane_stays_a_plane(height):
    coarse, exact = plane_and_wall(128), plane_and_wall(height)
    surface = resample_depth(coarse, height)
    nearest = resample_depth(coarse, height, mode="nearest")
    below = slice(int(0.62 * height), None)
    error = (surface / exact - 1).abs()[below]
    # 1/d is a sine of the latitude; linear interpolation over a step h errs by h^2 / 8 of it at most.
    assert float(error.max()) < (math.pi / 128) ** 2 / 8 * 1.2
    assert float(error.mean()) < 0.1 * float((nearest / exact - 1).abs()[below].mean())


def test_smooth_surfaces_are_interpolated_over_seam_and_poles():
    rng = torch.Generator().manual_seed(0)
    depth = 5 + 0.2 * torch.rand(8, 16, generator=rng)
    directions = erp_directions(20, 40, dtype=torch.float64)
    expected = 1 / sample_erp(1 / depth[..., None], directions)[..., 0]  # knows about seam and poles
    torch.testing.assert_close(resample_depth(depth, 20), expected)


def test_no_distance_between_two_surfaces_is_invented():
    depth = torch.full((16, 32), 10.0)
    depth[:, 8:20] = 2.0
    for height in (11, 23, 64):
        values = resample_depth(depth, height)
        assert bool(((values - 10).abs().minimum((values - 2).abs()) < 1e-5).all())


@pytest.mark.parametrize("bad", [math.nan, math.inf, 0.0, -3.0])
@pytest.mark.parametrize(("row", "column"), [(3, 5), (0, 0), (7, 15)])
def test_unusable_pixels_spread_no_further_than_nearest(bad, row, column):
    depth = torch.full((8, 16), 4.0)
    depth[row, column] = bad
    big, plain = resample_depth(depth, 32), resample_depth(depth, 32, mode="nearest")
    same = torch.isclose(big, torch.tensor(4.0)) | (big == bad) | (torch.isnan(big) & math.isnan(bad))
    assert bool(same.all())
    assert torch.equal(torch.isclose(big, torch.tensor(4.0)), plain == 4.0)


def test_the_right_size_is_returned_as_it_is():
    depth, rgb = torch.rand(8, 16), torch.rand(8, 16, 3)
    assert resample_depth(depth, 8) is depth
    assert resize_panorama(rgb, 8) is rgb


def test_pictures_are_averaged_down_and_interpolated_up():
    rgb = torch.rand(8, 16, 3, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(resize_panorama(rgb, 4)[1, 2], rgb[2:4, 4:6].mean((0, 1)))
    big = resize_panorama(rgb, 16)
    assert big.shape == (16, 32, 3)
    # Row 4 of 16 lies at row 1.75 of 8, column 0 of 32 at column -0.25 of 16: over the seam.
    upper, lower = (0.25 * rgb[row, -1] + 0.75 * rgb[row, 0] for row in (1, 2))
    torch.testing.assert_close(big[4, 0], 0.25 * upper + 0.75 * lower)


def test_wrong_arguments_are_refused():
    with pytest.raises(InvalidInput, match="mode must be"):
        resample_depth(torch.ones(4, 8), 8, mode="cubic")
    with pytest.raises(InvalidInput, match="equirectangular"):
        resample_depth(torch.ones(4, 9), 8)
