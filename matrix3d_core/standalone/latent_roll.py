"""Rolls the latent of a panorama under a diffusers network while it is being sampled."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from ..diffusion.latent_roll import RollPlan, roll_plan

__all__ = ["StepCounter", "pack_latent", "plan_rolls", "rolled_network", "unpack_latent"]


class StepCounter:
    """Which step is being sampled; the sampling loop counts."""

    def __init__(self) -> None:
        self.step = 0


def plan_rolls(mode: str, steps: int, width: int, seed: int) -> RollPlan:
    """Return the rolls of a run: upstream's modes as upstream draws them, the other by whole 2x2 patches."""
    return roll_plan(mode, steps, width, seed, multiple=2 if mode == "every step" else 1)


def unpack_latent(packed: Tensor, rows: int, columns: int) -> Tensor:  # [B, C, 2 rows, 2 columns]
    """Return FLUX's tokens ``[B, rows * columns, 4 C]`` as a latent; each holds a 2x2 patch, channels first."""
    batch, _, width = packed.shape
    patches = packed.view(batch, rows, columns, width // 4, 2, 2)
    return patches.permute(0, 3, 1, 4, 2, 5).reshape(batch, width // 4, 2 * rows, 2 * columns)


def pack_latent(latent: Tensor) -> Tensor:  # [B, h/2 * w/2, 4 C]
    """Return a latent ``[B, C, h, w]`` as FLUX's tokens; the inverse of `unpack_latent`."""
    batch, channels, height, width = latent.shape
    patches = latent.view(batch, channels, height // 2, 2, width // 2, 2)
    return patches.permute(0, 2, 4, 1, 3, 5).reshape(batch, height * width // 4, 4 * channels)


@contextmanager
def rolled_network(
    network: Any, plan: RollPlan, counter: StepCounter, *, packed_rows: int = 0
) -> Iterator[None]:
    """Roll the network's input to the left by the plan's offset, and its output back.

    All channels of the input are rolled together: the noisy latent and any image and mask latents.

    Args:
        network: a module called with ``hidden_states=...`` that returns a tuple.
        plan: offsets by step; its width is the latent's.
        counter: the current step.
        packed_rows: rows of 2x2 patches when the input is FLUX's tokens; 0 when it is a latent ``[..., w]``.
    """
    if not plan.is_rolled:
        yield
        return

    def roll(values: Tensor, columns: int) -> Tensor:
        if not packed_rows:
            return torch.roll(values, -columns, -1)
        latent = unpack_latent(values, packed_rows, plan.width // 2)
        return pack_latent(torch.roll(latent, -columns, -1))

    def offset() -> int:
        return plan.offsets[min(counter.step, len(plan.offsets) - 1)]

    def before(module: Any, positional: Any, named: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        return positional, {**named, "hidden_states": roll(named["hidden_states"], offset())}

    def after(module: Any, positional: Any, named: Any, answer: Any) -> Any:
        return (roll(answer[0], -offset()), *answer[1:])

    hooks = (
        network.register_forward_pre_hook(before, with_kwargs=True),
        network.register_forward_hook(after, with_kwargs=True),
    )
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
