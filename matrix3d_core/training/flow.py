"""Flow matching: how noisy a sample is, what the network sees, and what it should answer.

At level s a sample is ``(1 - s) x + s n``, and the network is asked for the flow ``n - x``.

Source: Y. Lipman et al., Flow Matching for Generative Modeling, 2023; P. Esser et al., Scaling Rectified Flow
Transformers, 2024 (levels, shift).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ..errors import InvalidInput

__all__ = ["LEVELS", "draw_level", "flow_of", "noised"]

LEVELS = ("uniform", "logit-normal")
"""How levels are drawn before they are shifted; ``logit-normal`` prefers the middle."""


def draw_level(kind: str, shift: float, rng: torch.Generator) -> float:
    """Draw how noisy a sample is, 0 (clean) to 1 (noise).

    Args:
        kind: one of `LEVELS`.
        shift: as of the sampler's schedule; above 1 prefers noisy ones: ``s -> shift s / (1 + (shift - 1) s)``.
        rng: what it is drawn from.

    Raises:
        InvalidInput: for another kind, or a shift that is not positive.
    """
    if kind not in LEVELS:
        raise InvalidInput(f"levels must be one of {', '.join(LEVELS)}; got {kind!r}.")
    if not (shift > 0 and math.isfinite(shift)):
        raise InvalidInput(f"shift must be positive; got {shift}.")
    if kind == "uniform":
        level = float(torch.rand((), generator=rng))
    else:
        level = float(torch.sigmoid(torch.randn((), generator=rng)))
    return shift * level / (1 + (shift - 1) * level)


def noised(clean: Tensor, noise: Tensor, level: Tensor) -> Tensor:
    """Return samples ``[B, ...]`` at their levels ``[B]``."""
    level = level.view(-1, *[1] * (clean.ndim - 1)).to(clean)
    return (1 - level) * clean + level * noise


def flow_of(clean: Tensor, noise: Tensor) -> Tensor:
    """Return what the network should answer, the same at every level."""
    return noise - clean
