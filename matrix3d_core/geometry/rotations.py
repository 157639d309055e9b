"""Rotations: yaw/pitch/roll, quaternions and matrices, with OpenCV axes (x right, y down, z forward)."""

from __future__ import annotations

import torch
from torch import Tensor

from ..checks import check_shape

__all__ = [
    "matrix_from_quats",
    "matrix_from_yaw_pitch_roll",
    "nearest_rotation",
    "quats_from_matrix",
    "quats_multiply",
    "quats_slerp",
]


def matrix_from_yaw_pitch_roll(
    yaw_rad: Tensor,  # [...]
    pitch_rad: Tensor,  # [...]
    roll_rad: Tensor,  # [...]
) -> Tensor:  # [..., 3, 3]
    """Build world-from-camera rotations from head angles.

    Positive yaw turns right, positive pitch looks up, positive roll tilts the head to the right
    (the picture turns anticlockwise). Applied to the camera in the order roll, pitch, yaw:
    ``R = R_yaw @ R_pitch @ R_roll``. All zero looks along +z with -y up.

    Returns:
        ``[..., 3, 3]`` whose columns are the camera's right, down and forward axes in the world.
    """
    zero, one = torch.zeros_like(yaw_rad), torch.ones_like(yaw_rad)

    def rows(*values: Tensor) -> Tensor:
        result: Tensor = torch.stack(values, dim=-1).unflatten(-1, (3, 3))
        return result

    cy, sy = torch.cos(yaw_rad), torch.sin(yaw_rad)
    cp, sp = torch.cos(pitch_rad), torch.sin(pitch_rad)
    cr, sr = torch.cos(roll_rad), torch.sin(roll_rad)
    yaw = rows(cy, zero, sy, zero, one, zero, -sy, zero, cy)
    pitch = rows(one, zero, zero, zero, cp, -sp, zero, sp, cp)
    roll = rows(cr, -sr, zero, sr, cr, zero, zero, zero, one)
    return yaw @ pitch @ roll


def matrix_from_quats(quats_wxyz: Tensor) -> Tensor:  # [..., 4] -> [..., 3, 3]
    """Convert quaternions (w, x, y, z; need not be unit length) to rotation matrices. Differentiable."""
    check_shape("quats_wxyz", quats_wxyz, "... 4")
    w, x, y, z = torch.nn.functional.normalize(quats_wxyz, dim=-1).unbind(-1)
    rows = (
        1 - 2 * (y * y + z * z),
        2 * (x * y - w * z),
        2 * (x * z + w * y),
        2 * (x * y + w * z),
        1 - 2 * (x * x + z * z),
        2 * (y * z - w * x),
        2 * (x * z - w * y),
        2 * (y * z + w * x),
        1 - 2 * (x * x + y * y),
    )
    result: Tensor = torch.stack(rows, dim=-1).unflatten(-1, (3, 3))
    return result


def quats_from_matrix(rotation: Tensor) -> Tensor:  # [..., 3, 3] -> [..., 4]
    """Convert rotation matrices to unit quaternions (w, x, y, z) with ``w >= 0``.

    Picks the largest of the four candidate pivots, so no division by a small number happens.
    Source: S. W. Shepperd, Quaternion from rotation matrix, 1978.
    """
    check_shape("rotation", rotation, "... 3 3")
    m00, m01, m02, m10, m11, m12, m20, m21, m22 = rotation.flatten(-2).unbind(-1)
    # Row k is 4 * q_k * (w, x, y, z): four times the outer product of the quaternion with itself.
    outer = torch.stack(
        (
            torch.stack((1 + m00 + m11 + m22, m21 - m12, m02 - m20, m10 - m01), dim=-1),
            torch.stack((m21 - m12, 1 + m00 - m11 - m22, m10 + m01, m02 + m20), dim=-1),
            torch.stack((m02 - m20, m10 + m01, 1 - m00 + m11 - m22, m21 + m12), dim=-1),
            torch.stack((m10 - m01, m02 + m20, m21 + m12, 1 - m00 - m11 + m22), dim=-1),
        ),
        dim=-2,
    )
    pivot = outer.diagonal(dim1=-2, dim2=-1).argmax(-1)
    row = outer.gather(-2, pivot[..., None, None].expand(*pivot.shape, 1, 4)).squeeze(-2)
    unit = torch.nn.functional.normalize(row, dim=-1)
    return torch.where(unit[..., :1] < 0, -unit, unit)


def nearest_rotation(matrix: Tensor) -> Tensor:  # [..., 3, 3]
    """Return the rotation nearest to each matrix (least sum of squared differences).

    Source: W. Kabsch, A solution for the best rotation to relate two sets of vectors, 1976.
    """
    check_shape("matrix", matrix, "... 3 3")
    left, _, right = torch.linalg.svd(matrix)
    flip = torch.ones(matrix.shape[:-1], dtype=matrix.dtype, device=matrix.device)
    flip[..., 2] = torch.linalg.det(left @ right).sign()
    result: Tensor = (left * flip[..., None, :]) @ right
    return result


def quats_multiply(left_wxyz: Tensor, right_wxyz: Tensor) -> Tensor:  # [..., 4]
    """Compose rotations: the result applies ``right`` first, then ``left`` (Hamilton product)."""
    aw, ax, ay, az = left_wxyz.unbind(-1)
    bw, bx, by, bz = right_wxyz.unbind(-1)
    return torch.stack(
        (
            aw * bw - ax * bx - ay * by - az * bz,
            aw * bx + ax * bw + ay * bz - az * by,
            aw * by - ax * bz + ay * bw + az * bx,
            aw * bz + ax * by - ay * bx + az * bw,
        ),
        dim=-1,
    )


def quats_slerp(start_wxyz: Tensor, end_wxyz: Tensor, fraction: Tensor) -> Tensor:  # [..., 4]
    """Interpolate unit quaternions along the shorter great arc.

    Args:
        start_wxyz: ``[..., 4]`` unit quaternions.
        end_wxyz: ``[..., 4]``.
        fraction: ``[...]`` in [0, 1].

    Source: K. Shoemake, Animating rotation with quaternion curves, 1985.
    """
    end_wxyz = torch.where((start_wxyz * end_wxyz).sum(-1, keepdim=True) < 0, -end_wxyz, end_wxyz)
    # The half-angle form of atan2 stays accurate for nearly equal inputs, where acos loses digits.
    angle = 2 * torch.atan2((start_wxyz - end_wxyz).norm(dim=-1), (start_wxyz + end_wxyz).norm(dim=-1))
    small = angle < 1e-6
    safe = torch.where(small, torch.ones_like(angle), angle)
    weight0 = torch.where(small, 1 - fraction, torch.sin((1 - fraction) * safe) / torch.sin(safe))
    weight1 = torch.where(small, fraction, torch.sin(fraction * safe) / torch.sin(safe))
    mixed = weight0.unsqueeze(-1) * start_wxyz + weight1.unsqueeze(-1) * end_wxyz
    return torch.nn.functional.normalize(mixed, dim=-1)
