"""Closed-form fits against direct minimization, and a plane among outliers."""

import math

import numpy
import pytest
import torch

from matrix3d_core.errors import InvalidInput
from matrix3d_core.geometry.fitting import fit_plane, fit_scale, fit_scale_shift


def rand(*shape, seed=0):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_scale_and_shift_match_weighted_least_squares():
    source, target, weight = rand(4, 50), rand(4, 50, seed=1), rand(4, 50, seed=2)
    scale, shift = fit_scale_shift(source, target, weight)
    for b in range(4):
        root = weight[b].sqrt().numpy()
        design = numpy.stack((source[b].numpy(), numpy.ones(50)), axis=1) * root[:, None]
        expected = numpy.linalg.lstsq(design, target[b].numpy() * root, rcond=None)[0]
        assert (float(scale[b]), float(shift[b])) == pytest.approx(tuple(expected), abs=1e-12)


def test_scale_matches_weighted_least_squares():
    source, target, weight = rand(4, 50), rand(4, 50, seed=1), rand(4, 50, seed=2)
    for b in range(4):
        root = weight[b].sqrt().numpy()
        design = (source[b].numpy() * root)[:, None]
        expected = numpy.linalg.lstsq(design, target[b].numpy() * root, rcond=None)[0]
        assert float(fit_scale(source, target, weight)[b]) == pytest.approx(float(expected[0]), abs=1e-12)


def test_known_scale_and_shift_are_recovered_far_from_zero():
    source = 1e6 + rand(1000)
    scale, shift = fit_scale_shift(source, 2.5 * source - 3.0)
    # Inputs near 1e6 carry 1e-10 of rounding, divided by a spread of 0.3 and averaged; shift = 1e6 * that.
    assert float(scale) == pytest.approx(2.5, abs=1e-9)
    assert float(shift) == pytest.approx(-3.0, abs=1e-3)


def test_samples_of_weight_zero_may_hold_anything():
    source, target = rand(20), rand(20, seed=1)
    weight = torch.ones(20, dtype=torch.float64)
    expected = fit_scale_shift(source[2:], target[2:])
    source[0], target[1] = math.nan, math.inf
    weight[:2] = 0
    torch.testing.assert_close(fit_scale_shift(source, target, weight), expected, rtol=1e-12, atol=1e-12)
    assert math.isfinite(float(fit_scale(source, target, weight)))


def test_equal_sources_keep_scale_one():
    for value in (0.3, 1e-20, 1e8 / 3):
        source = torch.full((7,), value, dtype=torch.float64)
        scale, shift = fit_scale_shift(source, source + 2)
        assert float(scale) == 1.0
        assert float(shift) == pytest.approx(2.0)


def test_nothing_to_fit_changes_nothing():
    nothing = torch.zeros(5)
    assert [float(v) for v in fit_scale_shift(nothing, nothing + 1, nothing)] == [1.0, 0.0]
    assert float(fit_scale(nothing, nothing + 1)) == 1.0


def test_scale_fits_are_differentiable():
    args = (
        rand(2, 6).requires_grad_(),
        rand(2, 6, seed=1).requires_grad_(),
        (rand(2, 6, seed=2) + 0.1).requires_grad_(),
    )
    assert torch.autograd.gradcheck(fit_scale_shift, args)
    assert torch.autograd.gradcheck(fit_scale, args)


@pytest.mark.parametrize("weight", [-1.0, math.nan, math.inf])
def test_bad_weights_are_refused(weight):
    with pytest.raises(InvalidInput, match="weight must be finite"):
        fit_scale(torch.ones(3), torch.ones(3), torch.full((3,), weight))


def test_different_shapes_are_refused():
    with pytest.raises(InvalidInput, match="one shape"):
        fit_scale_shift(torch.ones(3), torch.ones(4))


def scattered_plane(share, count=4000):
    """Points on ``y = 1.6 + 0.1 x`` with a little noise, the rest scattered through a box above it."""
    rng = torch.Generator().manual_seed(7)
    x, z = torch.rand(2, count, generator=rng, dtype=torch.float64) * 10 - 5
    noise = torch.randn(count, generator=rng, dtype=torch.float64) * 0.005
    plane = torch.stack((x, 1.6 + 0.1 * x + noise, z), dim=-1)
    box = torch.rand(count, 3, generator=rng, dtype=torch.float64) * torch.tensor([10.0, 4.0, 10.0]) - 5
    on_plane = torch.rand(count, generator=rng, dtype=torch.float64) < share
    return torch.where(on_plane[:, None], plane, box), on_plane


@pytest.mark.parametrize("share", [1.0, 0.5, 0.25])
def test_plane_is_found_among_outliers(share):
    points, on_plane = scattered_plane(share)
    fit = fit_plane(points, inlier_distance=0.03, generator=torch.Generator().manual_seed(0))
    tilt = math.hypot(1, 0.1)
    expected = torch.tensor([-0.1 / tilt, 1 / tilt, 0], dtype=torch.float64)
    # 1000 points of noise 0.005 over a spread of 2.9: 0.005 / 2.9 / sqrt(1000) = 5e-5; ten of these.
    assert float((fit.normal - expected).norm()) < 5e-4
    assert fit.offset == pytest.approx(1.6 / tilt, abs=2e-3)
    assert bool(fit.is_inlier[on_plane].all())
    assert fit.inlier_share == pytest.approx(share, abs=0.03)


def test_plane_obeys_the_wanted_normal():
    """A wall with twice the floor's points is not the floor."""
    rng = torch.Generator().manual_seed(3)
    wall = torch.rand(2000, 3, generator=rng, dtype=torch.float64) * 4 - 2
    wall[:, 2] = 3
    floor = torch.rand(1000, 3, generator=rng, dtype=torch.float64) * 4 - 2
    floor[:, 1] = 1.5
    points = torch.cat((wall, floor))
    down = fit_plane(
        points,
        inlier_distance=0.01,
        near_normal=(0, 1, 0),
        max_angle_rad=math.radians(15),
        generator=torch.Generator().manual_seed(0),
    )
    # Some 5 wall points lie in the floor's band by chance: each pulls by 0.01 / 1000 at most.
    assert down.normal.tolist() == pytest.approx([0, 1, 0], abs=1e-4)
    assert down.offset == pytest.approx(1.5, abs=1e-4)
    up = fit_plane(
        points,
        inlier_distance=0.01,
        near_normal=(0, -1, 0),
        max_angle_rad=math.radians(15),
        generator=torch.Generator().manual_seed(0),
    )
    assert up.offset == pytest.approx(-down.offset, abs=1e-12)
    free = fit_plane(points, inlier_distance=0.01, generator=torch.Generator().manual_seed(0))
    assert free.normal.tolist() == pytest.approx([0, 0, 1], abs=1e-4)


def test_weights_decide_between_planes():
    points = torch.rand(3000, 3, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    points[:2000, 2], points[2000:, 1] = 3, 1.5
    weight = torch.ones(3000)
    weight[2000:] = 5
    fit = fit_plane(points, inlier_distance=0.01, weight=weight, generator=torch.Generator().manual_seed(0))
    assert fit.normal.tolist() == pytest.approx([0, 1, 0], abs=1e-4)
    assert fit.inlier_share == pytest.approx(5000 / 7000, abs=0.02)


def test_same_generator_gives_the_same_plane_on_many_points():
    points, _ = scattered_plane(0.4, count=50_000)
    fits = [
        fit_plane(points, inlier_distance=0.03, generator=torch.Generator().manual_seed(4)) for _ in range(2)
    ]
    assert torch.equal(fits[0].normal, fits[1].normal)
    assert fits[0].inlier_share == pytest.approx(0.4, abs=0.02)


def test_impossible_planes_are_refused():
    line = torch.arange(9.0)[:, None] * torch.ones(3)
    rng = torch.Generator().manual_seed(0)
    with pytest.raises(InvalidInput, match="no plane"):
        fit_plane(line, inlier_distance=0.1, generator=rng)
    with pytest.raises(InvalidInput, match="at least 3"):
        fit_plane(line[:2], inlier_distance=0.1, generator=rng)
    with pytest.raises(InvalidInput, match="finite"):
        fit_plane(line * math.nan, inlier_distance=0.1, generator=rng)
    with pytest.raises(InvalidInput, match="inlier_distance"):
        fit_plane(line, inlier_distance=0.0, generator=rng)
