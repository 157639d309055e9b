"""Rolls the latent of a panorama between sampling steps, so that the left/right border moves.

A plan is computed before the first step from mode, number of steps, width and seed: by how many columns the
latent is rolled at each step. The caller rolls the network's input and rolls its output back; the sampler's own
state is never rolled. For a sampler that treats each latent value independently this equals rolling the state,
and it stays correct for samplers that keep earlier steps or add noise.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ..errors import InvalidInput

__all__ = [
    "ROLL_MODES",
    "UPSTREAM_START",
    "RollPlan",
    "roll_aligned",
    "roll_plan",
    "roll_tokens",
    "step_of_sigma",
]

ROLL_MODES = ("off", "upstream t2p", "upstream i2p", "every step")
"""The modes of `roll_plan`; see there."""

UPSTREAM_START = 0.6
"""Upstream rolls after every step ``i > 0.6 N``."""


@dataclass(frozen=True)
class RollPlan:
    """By how many columns the latent is rolled, step by step.

        Attributes:
            width: columns of the latent.
    offsets: for each step, the columns (0 to ``width - 1``) by which the latent that the network sees is
                rolled to the left relative to the start: ``torch.roll(x, -offset, -1)``.
            final: columns by which the result stays rolled to the left; 0 when the rolls are undone.
    """

    width: int
    offsets: tuple[int, ...]
    final: int

    @property
    def is_rolled(self) -> bool:
        """Whether there is any roll."""
        return any(self.offsets) or self.final != 0


def roll_plan(
    mode: str,
    steps: int,
    width: int,
    seed: int,
    *,
    start: float = UPSTREAM_START,
    multiple: int = 1,
) -> RollPlan:
    """Draw the rolls of one sampling run.

    Every roll is by ``multiple * k`` columns to the left with ``k = torch.randint(1, width // multiple)``,
    drawn in order from a CPU generator seeded with ``seed``; rolls add up. So the border moves at every
    roll. With ``multiple=1`` the draws are upstream's. Modes:

    - ``off``: no rolls.
    - ``upstream t2p``: a roll after every step ``i > start * steps`` (for 50 steps i = 31 ... 49, 19 rolls;
      the network first sees one at step 32). They are not undone: the result is rolled by their sum.
    - ``upstream i2p``: the same rolls, undone at the end.
    - ``every step``: a roll before every step, the first included; undone at the end. ``start`` is ignored.

    Args:
        mode: one of `ROLL_MODES`.
        steps: number of sampler steps, at least 0.
        width: columns of the latent.
        seed: the sampler's seed, 0 to 2^64 - 1.
        start: share of the steps after which upstream's rolls begin, 0 to 1.
        multiple: rolls are by multiples of this many columns; 2 keeps whole patches of FLUX and Wan.

    Returns:
        The plan.

    Raises:
        InvalidInput: for an unknown mode, numbers out of range, or a latent too narrow to roll.

    Source: Matrix-3D, panorama generation (its loop consistency for FLUX), behavior only.
    """
    if mode not in ROLL_MODES:
        raise InvalidInput(f"latent_roll must be one of {', '.join(ROLL_MODES)}; got {mode!r}.")
    if steps < 0 or not 0 <= start <= 1 or multiple < 1:
        raise InvalidInput(
            "steps must be at least 0, start in [0, 1] and multiple at least 1; "
            f"got {steps}, {start:g} and {multiple}."
        )
    if mode == "off" or steps == 0:
        return RollPlan(width, (0,) * steps, 0)
    if width // multiple < 2:
        raise InvalidInput(
            f"a latent must be at least {2 * multiple} columns wide to be rolled by multiples of {multiple}; "
            f"got {width}. Use a larger picture or latent_roll off."
        )
    generator = torch.Generator("cpu").manual_seed(seed)

    def draw() -> int:
        return multiple * int(torch.randint(1, width // multiple, (1,), generator=generator))

    rolled, offsets = 0, []
    for step in range(steps):
        if mode == "every step":
            rolled += draw()
        offsets.append(rolled % width)
        if mode != "every step" and step > start * steps:
            rolled += draw()
    return RollPlan(width, tuple(offsets), rolled % width if mode == "upstream t2p" else 0)


def step_of_sigma(
    sigmas: Sequence[float],  # [steps + 1]
    sigma: float,
) -> int:
    """Return the step that a noise level belongs to: the last whose starting level is not below it.

    A sampler may ask the network several times per step, at levels in between or at the next step's
    start; equal levels always give the same step. A level above the first gives step 0, one below the
    last start gives the last step. A rising schedule (noise is added) is read the other way round.

    Raises:
        InvalidInput: when there is no step or the level is not a number.
    """
    if len(sigmas) < 2 or math.isnan(sigma):
        raise InvalidInput(f"a schedule must have at least one step and sigma be a number; got {sigma}.")
    sign = 1.0 if sigmas[-1] > sigmas[0] else -1.0
    starts = [sign * float(level) for level in sigmas[:-1]]
    # Within float32 rounding of a step's start counts as that step.
    return max(0, bisect_right(starts, sign * sigma + 1e-6 * abs(sigma)) - 1)


def roll_aligned(
    value: Any,
    columns: int,
    height: int,
    width: int,
) -> Any:
    """Roll everything on the latent's grid to the left; return anything else as it is.

    On the grid are tensors of four or more dimensions whose last two are the latent's height and width, or
        the same whole multiple of both (pixels; rolled by that many times the columns).

        Args:
            value: a tensor, or dicts, lists and tuples of them; copied, never changed in place.
            columns: of the latent, to the left; any integer.
            height: rows of the latent.
            width: columns of the latent.
    """
    if isinstance(value, Tensor):
        if value.ndim < 4:
            return value
        times = value.shape[-1] // width
        if times < 1 or value.shape[-2:] != (height * times, width * times):
            return value
        return torch.roll(value, -columns * times, dims=-1)
    if isinstance(value, dict):
        return {k: roll_aligned(v, columns, height, width) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return type(value)([roll_aligned(v, columns, height, width) for v in value])
    return value


def roll_tokens(
    value: Any,
    columns: int,
    height: int,
    width: int,
    *,
    patch: int = 2,
) -> Any:
    """Roll residuals of a control network to the left, as `roll_aligned` does, and token rows as well.

    Tokens are ``[B, L, D]`` with one token per patch, in row order. A roll by part of a patch falls between
    two tokens; they are mixed linearly, which is as close as a grid of patches can get.

    Args: as of `roll_aligned`; ``patch`` is the side of the network's patches in latent pixels.
    """
    rows, row = -(-height // patch), -(-width // patch)
    if isinstance(value, Tensor):
        if value.ndim != 3 or value.shape[1] != rows * row:
            return roll_aligned(value, columns, height, width)
        grid = value.unflatten(1, (rows, row))
        whole, part = divmod(columns, patch)
        rolled = torch.roll(grid, -whole, dims=2)
        if part:
            rolled = torch.lerp(rolled, torch.roll(rolled, -1, dims=2), part / patch)
        return rolled.flatten(1, 2)
    if isinstance(value, dict):
        return {k: roll_tokens(v, columns, height, width, patch=patch) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return type(value)([roll_tokens(v, columns, height, width, patch=patch) for v in value])
    return value
