"""What a densification strategy is given and what it gives back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

__all__ = ["Growth", "PlanFn", "Population", "Strategy"]


@dataclass(frozen=True)
class Population:
    """The Gaussians as they are now, on the CPU.

    Attributes:
        means: ``[N, 3]``.
        quats_wxyz: ``[N, 4]`` unit.
        scales: ``[N, 3]``.
        opacities: ``[N]``.
        score: ``[N]`` mean length of the screen-space gradient, sums of absolute values; 0 where never seen.
        is_fixed: ``[N]`` bool, never split nor moved (the sky).
    """

    means: Tensor
    quats_wxyz: Tensor
    scales: Tensor
    opacities: Tensor
    score: Tensor
    is_fixed: Tensor


@dataclass(frozen=True)
class Growth:
    """The next set of Gaussians in terms of the present one.

    Attributes:
        parents: ``[M]`` int64 index of the present Gaussian that each comes from.
        means: ``[M, 3]``.
        scales: ``[M, 3]``.
        opacities: ``[M]``.
        shrink: ``[M]`` factor on the smallest size that a Gaussian may take.
        is_new: ``[M]`` bool, changed: its optimizer state is reset.
    """

    parents: Tensor
    means: Tensor
    scales: Tensor
    opacities: Tensor
    shrink: Tensor
    is_new: Tensor


class PlanFn(Protocol):
    """Decides what is split, moved, added and dropped."""

    def __call__(
        self, present: Population, *, most: int, min_opacity: float, random: torch.Generator
    ) -> Growth:
        """Return the next set of at most ``most`` Gaussians; below ``min_opacity`` counts as clear."""
        ...


@dataclass(frozen=True)
class Strategy:
    """A way to densify.

    Attributes:
        plan: what happens at each densification.
        summary: what it does, one clause for users.
        uses_screen_gradient: True when ``Population.score`` must be gathered during the steps.
    """

    plan: PlanFn
    summary: str = ""
    uses_screen_gradient: bool = False
