"""Units: geometric mean 1, and meters from the camera's height."""

from __future__ import annotations

import math

import pytest
import torch

from matrix3d_core.depth.scale import fit_ground, geometric_mean
from matrix3d_core.errors import InvalidInput
from matrix3d_core.geometry.spherical import erp_directions

HEIGHT = 96
ALL = torch.ones(HEIGHT, 2 * HEIGHT, dtype=torch.bool)


def room(camera_height: float, tilt_rad: float = 0.0) -> torch.Tensor:
    """Distances in a room with walls 4 units away and the ceiling 2 above, on a tilted floor."""
    rays = erp_directions(HEIGHT, 2 * HEIGHT, dtype=torch.float64)
    normal = torch.tensor([math.sin(tilt_rad), math.cos(tilt_rad), 0.0], dtype=torch.float64)
    towards = rays @ normal
    floor = torch.where(towards > 1e-9, camera_height / towards, math.inf)
    walls = 4 / rays[..., [0, 2]].abs().amax(-1)
    ceiling = torch.where(rays[..., 1] < -1e-9, -2 / rays[..., 1], math.inf)
    return torch.minimum(torch.minimum(floor, walls), ceiling).float()


def test_geometric_mean_counts_used_pixels_once():
    depth = torch.tensor([[1.0, 4.0], [1000.0, 2.0]])
    used = torch.tensor([[True, True], [False, True]])
    assert geometric_mean(depth, used) == pytest.approx(2.0, rel=1e-12)
    with pytest.raises(InvalidInput):
        geometric_mean(depth, torch.zeros_like(used))


@pytest.mark.parametrize("unit", [0.001, 0.37, 1.0, 1000.0])
@pytest.mark.parametrize("tilt_deg", [0.0, 6.0])
def test_the_factor_turns_the_ground_into_the_given_height(unit, tilt_deg):
    fit = fit_ground(room(1.6, math.radians(tilt_deg)) * unit, ALL, camera_height=1.7)
    # Exact plane: only float32 rounding of the distances and the few wall points within 3 % remain.
    assert fit.height == pytest.approx(1.6 * unit, rel=5e-3)
    assert fit.factor == pytest.approx(1.7 / fit.height, rel=1e-12)
    assert fit.tilt_deg == pytest.approx(tilt_deg, abs=0.3)
    assert fit.inlier_share > 0.5
    assert fit.residual < 0.01


def test_noise_and_clutter_do_not_move_the_ground_much():
    rng = torch.Generator().manual_seed(0)
    depth = room(1.6) * (1 + 0.01 * torch.randn(HEIGHT, 2 * HEIGHT, generator=rng))
    depth[60:80, 20:60] *= 0.6  # something stands there
    depth[70:, 100:120] = 3.0
    fit = fit_ground(depth, ALL)
    assert fit.factor == pytest.approx(1.0, abs=0.01)
    assert fit.residual < 0.03


def test_pixels_count_by_what_they_cover_not_by_number():
    """A table below the camera fills most pixel rows below the horizon but less of the view than the floor."""
    depth = room(1.6)
    rays = erp_directions(HEIGHT, 2 * HEIGHT)
    over_table = rays[..., 1] > math.sin(math.radians(45))
    depth[over_table] = 1.0 / rays[..., 1][over_table]
    below = rays[..., 1] > math.sin(math.radians(15))
    assert int(over_table.sum()) > 0.55 * int(below.sum())
    assert fit_ground(depth, ALL).height == pytest.approx(1.6, rel=0.01)


def test_the_same_input_gives_the_same_answer():
    assert fit_ground(room(1.2), ALL) == fit_ground(room(1.2), ALL)


@pytest.mark.parametrize(
    ("depth", "used"),
    [
        (torch.ones(HEIGHT, 2 * HEIGHT), ALL),  # a ball: no plane anywhere
        (room(1.6), torch.zeros_like(ALL)),
        (room(1.6, math.radians(50)), ALL),  # far too steep for ground
    ],
)
def test_without_ground_it_refuses_and_says_what_else_to_do(depth, used):
    with pytest.raises(
        InvalidInput, match=r"visible, roughly level ground.*'as given' or 'geometric mean 1'"
    ):
        fit_ground(depth, used)


@pytest.mark.parametrize("height", [0.0, -1.0, math.nan, math.inf])
def test_impossible_camera_heights_are_refused(height):
    with pytest.raises(InvalidInput, match="camera_height must be positive"):
        fit_ground(room(1.6), ALL, camera_height=height)
