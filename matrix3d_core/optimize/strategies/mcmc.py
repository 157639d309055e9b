"""Markov chain Monte Carlo: what is nearly clear moves to where something is."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from .base import Growth, Population, Strategy

__all__ = ["MCMC", "relocate_and_sample"]


def relocate_and_sample(
    present: Population, *, most: int, min_opacity: float, random: torch.Generator
) -> Growth:
    """Markov chain Monte Carlo: those that are nearly clear move onto others; the number grows by 5 % up to ``most``.

    Whoever is joined shares opacity and size with the newcomers so that the picture stays the same.

    Source: S. Kheradmand et al., 3D Gaussian Splatting as Markov Chain Monte Carlo, 2024, eq. (9).
    """
    means, scales, opacities = present.means, present.scales, present.opacities
    count = len(means)
    dead = opacities < min_opacity
    weight = torch.where(dead, 0.0, opacities).double()
    weight[present.is_fixed] = 0
    dead = dead & ~present.is_fixed
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
    factor = _shrink(opacity, shared, number)
    scale = scale * factor[:, None].to(scale)
    return Growth(parents, means[parents].clone(), scale, shared.to(opacities), factor.to(opacities), is_new)


def _shrink(opacity: Tensor, shared: Tensor, number: Tensor) -> Tensor:
    """Return the factor ``[M]`` on the sizes of ``number`` Gaussians at one place that look as one did before."""
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
    return factor


MCMC = Strategy(relocate_and_sample, "move transparent splats onto others")
