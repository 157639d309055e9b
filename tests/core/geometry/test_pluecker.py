"""Spherical Pluecker rays, in upstream's own frame and in OpenCV axes."""

import math

import pytest
import torch
from oracles_geometry import erp_direction

from matrix3d_core.errors import InvalidInput
from matrix3d_core.geometry.pluecker import spherical_pluecker
from matrix3d_core.geometry.rotations import matrix_from_yaw_pitch_roll

EPS = torch.finfo(torch.float64).eps


def poses(count=3):
    rng = torch.Generator().manual_seed(0)
    angles = torch.rand(3, count, generator=rng, dtype=torch.float64) * 4 - 2
    pose = torch.eye(4, dtype=torch.float64).repeat(count, 1, 1)
    pose[:, :3, :3] = matrix_from_yaw_pitch_roll(*angles).mT
    pose[:, :3, 3] = torch.randn(count, 3, generator=rng, dtype=torch.float64)
    return pose


def upstream_ray(pose, column, row, height, width):
    """Moment and direction of one pixel, from the published formula, in scalars."""
    theta = (2 * (column + 0.5) / width - 1) * math.pi
    phi = (2 * (row + 0.5) / height - 1) * math.pi / 2
    local = (math.cos(phi) * math.cos(theta), math.cos(phi) * math.sin(theta), math.sin(phi))
    return moment_and_direction(pose, local)


def moment_and_direction(pose, local):
    world_from_camera = torch.linalg.inv(pose).tolist()
    d = [sum(world_from_camera[i][k] * local[k] for k in range(3)) for i in range(3)]
    o = [world_from_camera[i][3] for i in range(3)]
    moment = (o[1] * d[2] - o[2] * d[1], o[2] * d[0] - o[0] * d[2], o[0] * d[1] - o[1] * d[0])
    return (*moment, *d)


@pytest.mark.parametrize("frame", ["upstream", "opencv"])
def test_rays_match_scalars(frame):
    height, width = 4, 8
    pose = poses()
    actual = spherical_pluecker(pose, height, width, frame=frame, dtype=torch.float64)
    for t in range(3):
        for row in range(height):
            for column in range(width):
                if frame == "upstream":
                    expected = upstream_ray(pose[t], column, row, height, width)
                else:
                    local = erp_direction(column, row, height, width)
                    expected = moment_and_direction(pose[t], local)
                assert actual[t, row, column].tolist() == pytest.approx(expected, abs=1e-13)


def test_upstream_frame_looks_along_x_at_the_center_and_opencv_along_z():
    still = torch.eye(4, dtype=torch.float64)[None]
    height, width = 64, 128
    upstream = spherical_pluecker(still, height, width)[0, height // 2, width // 2, 3:]
    opencv = spherical_pluecker(still, height, width, frame="opencv")[0, height // 2, width // 2, 3:]
    pixel = math.pi / height  # the middle pixel's center lies half a pixel off, in both angles
    assert upstream.tolist() == pytest.approx([1, 0, 0], abs=pixel)
    assert opencv.tolist() == pytest.approx([0, 0, 1], abs=pixel)


def test_the_two_frames_are_one_axis_swap_apart():
    still = torch.eye(4, dtype=torch.float64)[None]
    upstream = spherical_pluecker(still, 6, 12, dtype=torch.float64)[..., 3:]
    opencv = spherical_pluecker(still, 6, 12, frame="opencv", dtype=torch.float64)[..., 3:]
    torch.testing.assert_close(upstream[..., [1, 2, 0]], opencv, rtol=0, atol=4 * EPS)


@pytest.mark.parametrize("frame", ["upstream", "opencv"])
def test_moment_does_not_depend_on_the_point_of_the_ray(frame):
    pose = poses(1)
    rays = spherical_pluecker(pose, 4, 8, frame=frame, dtype=torch.float64)
    moment, direction = rays[..., :3], rays[..., 3:]
    center = torch.linalg.inv(pose[0])[:3, 3]
    elsewhere = torch.linalg.cross(center + 2.5 * direction, direction)
    torch.testing.assert_close(elsewhere, moment, rtol=0, atol=32 * EPS)
    assert float((moment * direction).sum(-1).abs().max()) < 16 * EPS


def test_default_is_float32_in_upstream_frame():
    pose = poses()
    rays = spherical_pluecker(pose, 4, 8)
    assert rays.dtype == torch.float32
    assert torch.equal(rays, spherical_pluecker(pose, 4, 8, frame="upstream", dtype=torch.float64).float())


def test_gradient_reaches_the_poses():
    pose = poses(1).requires_grad_()
    assert torch.autograd.gradcheck(lambda p: spherical_pluecker(p, 2, 4, dtype=torch.float64), (pose,))


def test_bad_arguments_are_refused():
    with pytest.raises(InvalidInput, match="T, 4, 4"):
        spherical_pluecker(torch.eye(4), 4, 8)
    with pytest.raises(InvalidInput, match="upstream, opencv"):
        spherical_pluecker(torch.eye(4)[None], 4, 8, frame="opengl")
