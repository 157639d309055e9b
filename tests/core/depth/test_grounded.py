"""The stand-in without a model: ground plane and sky dome."""

from __future__ import annotations

import math

import pytest
import torch

from matrix3d_core.depth.describe import describe_geometry
from matrix3d_core.depth.grounded import grounded_distance, grounded_geometry
from matrix3d_core.errors import InvalidInput


def at_elevation(degrees: float, **settings: float) -> float:
    """Distance in the direction ``degrees`` above the horizon."""
    up = math.radians(degrees)
    ray = torch.tensor([math.cos(up) * 0.6, -math.sin(up), math.cos(up) * 0.8], dtype=torch.float64)
    return float(grounded_distance(ray, **settings))


def test_ground_below_dome_above():
    assert at_elevation(-90) == pytest.approx(1.6, rel=1e-6)
    # Well below the horizon the dome adds (d / R)^6 / 6 of the distance: 1e-4 at a quarter of the radius.
    for dip in (60, 45, 25):
        assert at_elevation(-dip) == pytest.approx(1.6 / math.sin(math.radians(dip)), rel=1e-4)
    for up in (0, 10, 90):
        assert at_elevation(up) == pytest.approx(20.0, rel=1e-12)


def test_distance_is_smooth_finite_and_never_beyond_the_dome():
    elevation = torch.linspace(-math.pi / 2, math.pi / 2, 20001, dtype=torch.float64)
    rays = torch.stack((torch.zeros_like(elevation), -torch.sin(elevation), torch.cos(elevation)), -1)
    distance = grounded_distance(rays, camera_height=1.6, dome_radius=20.0)
    assert bool(((distance >= 1.6 * (1 - 1e-7)) & (distance <= 20 + 1e-9)).all())
    assert bool((distance.diff() >= -1e-9).all())
    step = math.pi / 20000
    slope = distance.diff() / step
    # No corner: the slope changes by a bounded amount per step (a kink would change it at once by ~200).
    assert float(slope.diff().abs().max()) < 3.0


@pytest.mark.parametrize("horizon", [-10.0, 15.0])
def test_the_horizon_moves_and_straight_down_stays(horizon):
    radians = math.radians(horizon)
    assert at_elevation(horizon + 0.01, horizon_rad=radians) == pytest.approx(20, rel=1e-6)
    assert at_elevation(-90, horizon_rad=radians) == pytest.approx(1.6, rel=1e-6)
    assert at_elevation(horizon - 10, horizon_rad=radians) < 12


def test_geometry_claims_nothing_it_did_not_measure():
    geometry = grounded_geometry(torch.rand(16, 32, 3), camera_height=2.0)
    assert geometry.is_metric
    assert not bool(geometry.is_valid.any())
    assert not bool(geometry.is_sky.any())
    assert float(geometry.depth_ray[-1, 0]) == pytest.approx(2.0, rel=0.01)
    assert "assumed, not measured" in describe_geometry(geometry)
    assert grounded_geometry(torch.rand(16, 32, 3), height=8).height == 8


@pytest.mark.parametrize(
    ("settings", "match"),
    [
        ({"camera_height": 0.0}, "camera_height must be positive"),
        ({"camera_height": math.nan}, "camera_height must be positive"),
        ({"dome_radius": 1.0}, "dome_radius must be larger than camera_height"),
        ({"dome_radius": math.inf}, "dome_radius must be larger"),
        ({"horizon_rad": 1.0}, "within 45 degrees"),
        ({"height": 1}, "height must be 0"),
    ],
)
def test_impossible_settings_are_refused(settings, match):
    with pytest.raises(InvalidInput, match=match):
        grounded_geometry(torch.rand(8, 16, 3), **settings)


@pytest.mark.parametrize("rgb", [torch.rand(8, 15, 3), torch.rand(1, 2, 3), torch.full((8, 16, 3), math.inf)])
def test_bad_pictures_are_refused(rgb):
    with pytest.raises(InvalidInput, match="rgb must be"):
        grounded_geometry(rgb)
