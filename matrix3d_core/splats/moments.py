"""Fuses groups of Gaussians to one each by moment matching: same mass, center and spread."""

from __future__ import annotations

from dataclasses import fields

import torch
from torch import Tensor

from ..checks import check_shape
from ..geometry.rotations import matrix_from_quats, quats_from_matrix
from ..scene.gaussians import Gaussians

__all__ = ["covariances", "fuse_groups"]

_OWN = ("means", "quats_wxyz", "scales", "opacities", "sh")
_MAX_OPACITY = 0.9999
"""Optical depth of an opaque Gaussian is infinite; it is clamped to this."""


def covariances(gaussians: Gaussians) -> Tensor:  # [N, 3, 3]
    """Return the covariance of every Gaussian in the world, float64."""
    half = matrix_from_quats(gaussians.quats_wxyz.double()) * gaussians.scales.double().unsqueeze(-2)
    return half @ half.mT


def fuse_groups(
    gaussians: Gaussians, group: Tensor, *, duplicates: bool = False, spread_factor: float = 1.0
) -> Gaussians:
    """Fuse the Gaussians that share a group number; one alone in its group stays as it is, bit for bit.

    Mass is opacity times the area of the largest cross section. Center and covariance of a group are those of
    its mass; colors are its mean. The opacity is chosen so that the group transmits as much light as its
    members did: optical depth times area is kept, or with ``duplicates``, where all members represent the same
    surface, the mean of the opacities.

    Args:
        gaussians: the world.
        group: ``[N]`` integer, any numbers.
        duplicates: the members are copies of one surface and not pieces of it.
        spread_factor: factor of the variance of the members' centers. 1 keeps the moments. 3 keeps
            a surface closed: where n x n tiles of spacing d and sigma d / 2 become one of spacing n d, their
            centers vary by (n^2 - 1) d^2 / 12, and n d / 2 squared is d^2 / 4 plus three times that.

    Returns:
        One Gaussian per group, in ascending order of the group numbers. Further channels of the world are
        copied from the heaviest member.
    """
    count = check_shape("group", group, "N")["N"]
    check_shape("means", gaussians.means, f"{count} 3")
    _, member_of, sizes = torch.unique(group, return_inverse=True, return_counts=True)
    groups = len(sizes)
    opacity = gaussians.opacities.double()
    area = _area(gaussians.scales.double())
    mass = (opacity * area).clamp_min(1e-300)

    def total(values: Tensor) -> Tensor:
        return torch.zeros(groups, *values.shape[1:], dtype=torch.float64).index_add_(0, member_of, values)

    whole = total(mass)
    share = mass / whole[member_of]
    means = gaussians.means.double()
    center = total(share[:, None] * means)
    offset = means - center[member_of]
    spread = covariances(gaussians) + spread_factor * offset.unsqueeze(-1) * offset.unsqueeze(-2)
    variances, axes = torch.linalg.eigh(total(share[:, None, None] * spread))
    scales = variances.clamp_min(1e-24).sqrt()
    axes = axes * torch.where(torch.linalg.det(axes) < 0, -1.0, 1.0)[:, None, None]
    if duplicates:
        fused_opacity = total(share * opacity)
    else:
        depth = -torch.log1p(-opacity.clamp(0, _MAX_OPACITY))
        fused_opacity = -torch.expm1(-total(depth * area) / _area(scales).clamp_min(1e-300))
    sh = total(share[:, None, None] * gaussians.sh.double())

    heaviest = _heaviest(mass, member_of, groups)
    alone = sizes == 1
    result = {name: getattr(gaussians, name) for name in _OWN}
    fused = dict(zip(_OWN, (center, quats_from_matrix(axes), scales, fused_opacity, sh), strict=True))
    for name, values in fused.items():
        own = result[name][heaviest]
        is_alone = alone.view(-1, *[1] * (own.ndim - 1))
        result[name] = torch.where(is_alone, own, values.to(own.dtype))
    for field in fields(gaussians):
        extra = getattr(gaussians, field.name)
        if field.name not in _OWN:
            is_channel = isinstance(extra, Tensor) and extra.ndim and len(extra) == count
            result[field.name] = extra[heaviest] if is_channel else extra
    return Gaussians(**result)


def _area(scales: Tensor) -> Tensor:  # [N, 3] -> [N]
    return scales.sort(dim=-1).values[:, 1:].prod(-1)


def _heaviest(mass: Tensor, member_of: Tensor, groups: int) -> Tensor:  # [G]
    """Index of the heaviest member of each group; the first of equals."""
    order = torch.argsort(mass, descending=True, stable=True)
    first = torch.full((groups,), len(mass), dtype=torch.long)
    rank = torch.arange(len(mass))
    best = first.scatter_reduce(0, member_of[order], rank, "amin")
    return order[best]
