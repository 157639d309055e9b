"""Pinhole cameras: pixel centers, projection, ray distance and z-depth."""

import math

import pytest
import torch

from matrix3d_core.errors import InvalidInput
from matrix3d_core.geometry.pinhole import (
    depth_ray_from_z,
    depth_z_from_ray,
    intrinsics_from_fov,
    pinhole_directions,
    project_points,
)

EPS = torch.finfo(torch.float64).eps


def skewed_K():
    return torch.tensor([[50.0, 3.0, 17.0], [0.0, 40.0, 11.0], [0.0, 0.0, 1.0]], dtype=torch.float64)


def test_field_of_view_spans_the_outer_edges():
    K_px = intrinsics_from_fov(math.radians(90), 20, 40)
    expected = torch.tensor([[20.0, 0, 20], [0, 20.0, 10], [0, 0, 1]], dtype=torch.float64)
    torch.testing.assert_close(K_px, expected, rtol=4 * EPS, atol=0)
    edge, _ = project_points(torch.tensor([-1.0, 0, 1], dtype=torch.float64), K_px)
    assert edge.tolist() == pytest.approx([0.0, 10.0], abs=64 * EPS)


def test_directions_match_the_inverse_matrix_at_half_integers():
    K_px = skewed_K()
    actual = pinhole_directions(K_px, 4, 5)
    for row in range(4):
        for column in range(5):
            ray = torch.linalg.inv(K_px) @ torch.tensor([column + 0.5, row + 0.5, 1.0], dtype=torch.float64)
            torch.testing.assert_close(actual[row, column], ray / ray.norm(), rtol=0, atol=16 * EPS)


def test_projection_and_directions_are_inverse():
    K_px = torch.stack((skewed_K(), intrinsics_from_fov(1.0, 6, 8)))
    directions = pinhole_directions(K_px, 6, 8)
    xy_px, z = project_points(directions * 3.0, K_px)
    rows, columns = torch.meshgrid(torch.arange(6) + 0.5, torch.arange(8) + 0.5, indexing="ij")
    expected = torch.stack((columns, rows), dim=-1).double().expand(2, 6, 8, 2)
    torch.testing.assert_close(xy_px, expected, rtol=0, atol=64 * EPS)
    torch.testing.assert_close(z, directions[..., 2] * 3.0, rtol=0, atol=0)


def test_points_behind_land_nowhere_and_have_no_gradient():
    points = torch.tensor(
        [[0.5, 0.5, -1.0], [0.0, 0.0, 0.0], [0.0, 0.0, 2.0]], dtype=torch.float64, requires_grad=True
    )
    xy_px, _ = project_points(points, skewed_K())
    assert bool(torch.isinf(xy_px[:2]).all())
    xy_px[2].sum().backward()
    assert bool(torch.isfinite(points.grad).all())
    assert points.grad[:2].abs().sum() == 0


def test_z_depth_is_the_ray_distance_seen_along_the_axis():
    K_px = skewed_K()
    depth_ray = torch.rand(4, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64) + 1
    depth_z = depth_z_from_ray(depth_ray, K_px)
    for row in range(4):
        for column in range(5):
            ray = torch.linalg.inv(K_px) @ torch.tensor([column + 0.5, row + 0.5, 1.0], dtype=torch.float64)
            cosine = float(ray[2] / ray.norm())
            assert float(depth_z[row, column]) == pytest.approx(
                float(depth_ray[row, column]) * cosine, rel=16 * EPS
            )
    torch.testing.assert_close(depth_ray_from_z(depth_z, K_px), depth_ray, rtol=4 * EPS, atol=0)


def test_missing_depth_stays_infinite():
    nothing = torch.full((3, 4), math.inf)
    assert bool(torch.isinf(depth_z_from_ray(nothing, skewed_K())).all())
    assert bool(torch.isinf(depth_ray_from_z(nothing, skewed_K())).all())


def test_gradients():
    K_px = skewed_K().requires_grad_()
    assert torch.autograd.gradcheck(lambda k: pinhole_directions(k, 2, 3), (K_px,))
    points = torch.tensor([[0.1, -0.2, 1.0], [0.4, 0.3, 2.0]], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(project_points, (points, K_px))


@pytest.mark.parametrize("fov", [0.0, math.pi, 90.0])
def test_field_of_view_out_of_range_is_refused(fov):
    with pytest.raises(InvalidInput, match="fov_x_rad must lie"):
        intrinsics_from_fov(fov, 4, 4)


def test_size_zero_is_refused():
    with pytest.raises(InvalidInput, match="at least 1"):
        intrinsics_from_fov(1.0, 0, 4)
