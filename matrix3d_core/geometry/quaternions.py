"""Quaternion helpers for curves of rotations (wxyz, float64)."""

from __future__ import annotations

import math

import torch
from torch import Tensor

__all__ = ["aligned_quats", "conjugate", "quats_from_rotvec", "rotvec_from_quats", "turning_angles"]


def turning_angles(quats_wxyz: Tensor) -> Tensor:  # [K, 4] -> [K - 1]
    """Return the angles (radians) between neighboring rotations."""
    left, right = quats_wxyz[:-1], quats_wxyz[1:]
    right = torch.where((left * right).sum(-1, keepdim=True) < 0, -right, right)
    return 4 * torch.atan2((left - right).norm(dim=-1), (left + right).norm(dim=-1))


def aligned_quats(quats: Tensor) -> Tensor:
    """Flip signs so that neighbors are on the same half of the sphere."""
    flips = torch.where((quats[:-1] * quats[1:]).sum(-1) < 0, -1.0, 1.0).to(quats.dtype).cumprod(0)
    return torch.cat((quats[:1], quats[1:] * flips.unsqueeze(-1)))


def conjugate(quats: Tensor) -> Tensor:
    """Invert unit quaternions."""
    return quats * torch.tensor([1.0, -1.0, -1.0, -1.0], dtype=quats.dtype)


def quats_from_rotvec(rotvec: Tensor) -> Tensor:
    """Rotation vector (axis times angle) to quaternion."""
    half = rotvec.norm(dim=-1, keepdim=True) / 2
    return torch.cat((torch.cos(half), rotvec / 2 * torch.sinc(half / math.pi)), dim=-1)


def rotvec_from_quats(quats: Tensor) -> Tensor:
    """Quaternion to the rotation vector of the shorter turn."""
    quats = torch.where(quats[..., :1] < 0, -quats, quats)
    w, v = quats[..., :1], quats[..., 1:]
    size = v.norm(dim=-1, keepdim=True)
    angle = 2 * torch.atan2(size, w)
    return v * torch.where(size > 1e-12, angle / size.clamp(min=1e-12), 2.0 / w.clamp(min=0.5))
