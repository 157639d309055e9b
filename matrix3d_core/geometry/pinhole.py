"""Pinhole cameras: intrinsics, pixel rays, projection, and ray distance versus z-depth.

OpenCV axes: x right, y down, z forward. Pixel centers at half integers: pixel ``(i, j)`` looks along
``K^-1 (i + 0.5, j + 0.5, 1)``, so a centered camera has its principal point at ``(W / 2, H / 2)``.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ..checks import check_shape
from ..errors import InvalidInput

__all__ = [
    "depth_ray_from_z",
    "depth_z_from_ray",
    "intrinsics_from_fov",
    "pinhole_directions",
    "project_points",
]


def intrinsics_from_fov(fov_x_rad: float, height: int, width: int) -> Tensor:  # [3, 3]
    """Return the intrinsics of a centered camera with square pixels.

    Args:
        fov_x_rad: horizontal field of view between the outer edges of the picture, in (0, pi).
        height: rows, at least 1.
        width: columns, at least 1.

    Returns:
        ``[3, 3]`` float64, in pixels.

    Raises:
        InvalidInput: for a field of view or size out of range.
    """
    if not 0 < fov_x_rad < math.pi:
        raise InvalidInput(f"fov_x_rad must lie between 0 and pi; got {fov_x_rad}. Is it in degrees?")
    if height < 1 or width < 1:
        raise InvalidInput(f"height and width must be at least 1; got {width}x{height}.")
    focal_px = 0.5 * width / math.tan(0.5 * fov_x_rad)
    rows = [[focal_px, 0.0, 0.5 * width], [0.0, focal_px, 0.5 * height], [0.0, 0.0, 1.0]]
    return torch.tensor(rows, dtype=torch.float64)


def pinhole_directions(
    K_px: Tensor,  # [..., 3, 3]
    height: int,
    width: int,
) -> Tensor:  # [..., H, W, 3]
    """Return the unit direction of every pixel center in the camera frame.

    Args:
        K_px: ``[..., 3, 3]`` floating point, upper triangular (skew allowed), bottom row 0 0 1.
        height: rows.
        width: columns.

    Returns:
        ``[..., H, W, 3]`` unit vectors, dtype and device of ``K_px``, differentiable.
    """
    return torch.nn.functional.normalize(_rays_at_unit_z(K_px, height, width), dim=-1)


def depth_z_from_ray(
    depth_ray: Tensor,  # [..., H, W]
    K_px: Tensor,  # [..., 3, 3]
) -> Tensor:  # [..., H, W]
    """Convert distance along each pixel's ray to depth along the optical axis; infinity stays infinite."""
    return depth_ray / _ray_lengths(depth_ray, K_px)


def depth_ray_from_z(
    depth_z: Tensor,  # [..., H, W]
    K_px: Tensor,  # [..., 3, 3]
) -> Tensor:  # [..., H, W]
    """Convert depth along the optical axis to distance along each pixel's ray; infinity stays infinite."""
    return depth_z * _ray_lengths(depth_z, K_px)


def project_points(
    points_cam: Tensor,  # [..., 3]
    K_px: Tensor,  # [3, 3] or [B..., 3, 3]
) -> tuple[Tensor, Tensor]:  # [..., 2], [...]
    """Project points of the camera frame to the picture.

    Args:
        points_cam: ``[..., 3]``.
        K_px: ``[3, 3]`` for all points, or ``[B..., 3, 3]`` where ``B...`` are the first dimensions
            of ``points_cam``.

    Returns:
        ``xy_px`` ``[..., 2]``: pixel ``(i, j)`` covers ``[i, i + 1) x [j, j + 1)``; points on or
        behind the camera plane get infinity, which fails every test for being inside the picture.
        ``z`` ``[...]``: depth along the optical axis. Both differentiable, with zero gradient from
        ``xy_px`` for points behind.
    """
    check_shape("points_cam", points_cam, "... 3")
    check_shape("K_px", K_px, "... 3 3")
    batch = K_px.shape[:-2]
    K_px = K_px.to(points_cam).reshape(*batch, *(1,) * (points_cam.ndim - 1 - len(batch)), 3, 3)
    x, y, z = points_cam.unbind(-1)
    is_in_front = z > 0
    safe_z = torch.where(is_in_front, z, torch.ones_like(z))
    column = (K_px[..., 0, 0] * x + K_px[..., 0, 1] * y) / safe_z + K_px[..., 0, 2]
    row = K_px[..., 1, 1] * y / safe_z + K_px[..., 1, 2]
    xy_px = torch.stack((column, row), dim=-1)
    return torch.where(is_in_front.unsqueeze(-1), xy_px, torch.full_like(xy_px, math.inf)), z


def _rays_at_unit_z(K_px: Tensor, height: int, width: int) -> Tensor:  # [..., H, W, 3]
    check_shape("K_px", K_px, "... 3 3")
    columns = torch.arange(width, dtype=K_px.dtype, device=K_px.device) + 0.5
    rows = (torch.arange(height, dtype=K_px.dtype, device=K_px.device) + 0.5).unsqueeze(-1)
    focal_x, skew, center_x = (K_px[..., 0, k, None, None] for k in range(3))
    focal_y, center_y = K_px[..., 1, 1, None, None], K_px[..., 1, 2, None, None]
    y = (rows - center_y) / focal_y
    x = (columns - center_x - skew * y) / focal_x
    x, y = torch.broadcast_tensors(x, y)
    return torch.stack((x, y, torch.ones_like(x)), dim=-1)


def _ray_lengths(depth: Tensor, K_px: Tensor) -> Tensor:  # [..., H, W]
    size = check_shape("depth", depth, "... H W")
    # The rays are built in the precision of K, so that float64 intrinsics lose no precision.
    result: Tensor = _rays_at_unit_z(K_px, size["H"], size["W"]).norm(dim=-1).to(depth)
    return result
