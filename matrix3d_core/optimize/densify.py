"""Where Gaussians are split, doubled, moved or dropped while a fit runs."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from ..geometry.rotations import matrix_from_quats

__all__ = ["Growth", "prune_and_split", "relocate_and_sample"]

_SPLIT_SHRINK = 1.6
_SPLIT_SHIFT = 0.6
_SHARE = 0.06  # of all Gaussians, at most this share is split at once


@dataclass(frozen=True)
class Growth:
    """The next set of Gaussians in terms of the present one.

    Attributes:
        parents: ``[M]`` int64 index of the present Gaussian that each comes from.
        means: ``[M, 3]``.
        scales: ``[M, 3]``.
        opacities: ``[M]``.
        shrink: ``[M]`` factor on the smallest size that a Gaussian may take.
        is_new: ``[M]`` bool, changed: its optimiser state starts afresh.
    """

    parents: Tensor
    means: Tensor
    scales: Tensor
    opacities: Tensor
    shrink: Tensor
    is_new: Tensor


def prune_and_split(
    means: Tensor, quats_wxyz: Tensor, scales: Tensor, opacities: Tensor, score: Tensor,
    *, most: int, min_opacity: float, fixed: Tensor | None = None,
) -> Growth:  # fmt: skip
    """Adaptive density control: drop what is nearly clear, split those with the largest screen gradient.

    A split Gaussian becomes two along its longest axis, each 1.6 times shorter there.

    Args:
        means: ``[N, 3]``.
        quats_wxyz: ``[N, 4]``.
        scales: ``[N, 3]``.
        opacities: ``[N]``.
        score: ``[N]`` mean length of the screen-space gradient, sums of absolute values; 0 where never seen.
        most: upper bound of the number.
        min_opacity: what is below is dropped.
        fixed: ``[N]`` bool, never split (the sky).

    Source: B. Kerbl et al., 3D Gaussian Splatting, 2023, section 5; Z. Ye et al., AbsGS, 2024 (absolute sums).
    """
    kept = (opacities >= min_opacity).nonzero()[:, 0]
    points = score[kept].clone()
    if fixed is not None:
        points[fixed[kept]] = 0
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
    axis = matrix_from_quats(quats_wxyz[split].double())[torch.arange(len(split)), :, longest].to(means.dtype)
    reach = scales[split, longest][:, None] * axis * _SPLIT_SHIFT
    side = torch.ones(len(split), 1, dtype=means.dtype)
    side[count:] = -1
    new_means[is_new] += side * reach
    shorter = new_scales[is_new]
    shorter[torch.arange(len(split)), longest] /= _SPLIT_SHRINK
    new_scales[is_new] = shorter
    shrink = torch.where(is_new, 1 / _SPLIT_SHRINK, 1.0).to(means.dtype)
    return Growth(parents, new_means, new_scales, opacities[parents].clone(), shrink, is_new)


def relocate_and_sample(
    means: Tensor, quats_wxyz: Tensor, scales: Tensor, opacities: Tensor,
    *, most: int, min_opacity: float, random: torch.Generator, fixed: Tensor | None = None,
) -> Growth:  # fmt: skip
    """Markov chain Monte Carlo: those that are nearly clear move onto others; the number grows by 5 % up to ``most``.

    Whoever is joined shares opacity and size with the newcomers so that the picture stays the same.

    Source: S. Kheradmand et al., 3D Gaussian Splatting as Markov Chain Monte Carlo, 2024, eq. (9).
    """
    count = len(means)
    dead = opacities < min_opacity
    weight = torch.where(dead, 0.0, opacities).double()
    if fixed is not None:
        weight[fixed] = 0
        dead = dead & ~fixed
    added = max(0, min(most - count, int(0.05 * count)))
    total = int(dead.sum()) + added
    identity = torch.arange(count)
    if total == 0 or float(weight.sum()) <= 0:
        still = torch.zeros(count, dtype=torch.bool)
        return Growth(
            identity, means.clone(), scales.clone(), opacities.clone(), torch.ones_like(opacities), still
        )
    ends = weight.cumsum(0)
    picks = torch.searchsorted(ends, torch.rand(total, generator=random, dtype=torch.float64) * ends[-1])
    picks = picks.clamp_max(count - 1)
    shares = torch.bincount(picks, minlength=count) + 1  # newcomers and the one that was there
    parents = torch.cat((identity, torch.zeros(added, dtype=torch.long)))
    parents[torch.cat((dead.nonzero()[:, 0], torch.arange(count, count + added)))] = picks
    is_new = (shares > 1)[parents]
    opacity, scale = opacities.double()[parents], scales[parents].clone()
    number = shares[parents]
    shared = 1 - (1 - opacity.clamp_max(1 - 1e-6)) ** (1 / number)
    factor = torch.ones_like(shared)
    for n in range(2, int(number.max()) + 1):
        here = number == n
        if n > 50 or not bool(here.any()):
            continue
        o, under = shared[here], torch.zeros(int(here.sum()), dtype=torch.float64)
        for i in range(1, n + 1):
            for k in range(i):
                under += math.comb(i - 1, k) * (-1) ** k * o ** (k + 1) / math.sqrt(k + 1)
        factor[here] = (opacity[here] / under.clamp_min(1e-9)).clamp(0.3, 1.0)
    scale = scale * factor[:, None].to(scale)
    return Growth(parents, means[parents].clone(), scale, shared.to(opacities), factor.to(opacities), is_new)
