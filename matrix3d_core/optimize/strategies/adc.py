"""Adaptive density control: split where the picture asks for more."""

from __future__ import annotations

import torch

from ...geometry.rotations import matrix_from_quats
from .base import Growth, Population, Strategy

__all__ = ["ADC", "prune_and_split"]

_SPLIT_SHRINK = 1.6
_SPLIT_SHIFT = 0.6
_SHARE = 0.06  # of all Gaussians, at most this share is split at once


def prune_and_split(
    present: Population, *, most: int, min_opacity: float, random: torch.Generator | None = None
) -> Growth:
    """Adaptive density control: drop what is nearly clear, split those with the largest screen gradient.

    A split Gaussian becomes two along its longest axis, each 1.6 times shorter there.

    Args:
        present: the Gaussians.
        most: upper bound of the number.
        min_opacity: what is below is dropped.
        random: not used.

    Source: B. Kerbl et al., 3D Gaussian Splatting, 2023, section 5; Z. Ye et al., AbsGS, 2024 (absolute sums).
    """
    means, scales, opacities = present.means, present.scales, present.opacities
    kept = (opacities >= min_opacity).nonzero()[:, 0]
    points = present.score[kept].clone()
    points[present.is_fixed[kept]] = 0
    room = min(most - len(kept), int(_SHARE * len(kept)))
    count = max(0, min(room, int((points > 0).sum())))
    chosen = torch.topk(points, count).indices.sort().values if count else torch.zeros(0, dtype=torch.long)
    parents = torch.cat((kept, kept[chosen]))
    is_new = torch.zeros(len(parents), dtype=torch.bool)
    is_new[chosen] = True
    is_new[len(kept) :] = True
    new_means, new_scales = means[parents].clone(), scales[parents].clone()
    split = parents[is_new]
    longest = scales[split].argmax(-1)
    turns = matrix_from_quats(present.quats_wxyz[split].double())
    axis = turns[torch.arange(len(split)), :, longest].to(means.dtype)
    reach = scales[split, longest][:, None] * axis * _SPLIT_SHIFT
    side = torch.ones(len(split), 1, dtype=means.dtype)
    side[count:] = -1
    new_means[is_new] += side * reach
    shorter = new_scales[is_new]
    shorter[torch.arange(len(split)), longest] /= _SPLIT_SHRINK
    new_scales[is_new] = shorter
    shrink = torch.where(is_new, 1 / _SPLIT_SHRINK, 1.0).to(means.dtype)
    return Growth(parents, new_means, new_scales, opacities[parents].clone(), shrink, is_new)


ADC = Strategy(prune_and_split, "split splats where the picture asks for more", uses_screen_gradient=True)
