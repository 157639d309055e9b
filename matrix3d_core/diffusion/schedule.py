"""Noise levels and step counts of the panoramic video models."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ..errors import InvalidInput

__all__ = [
    "SAMPLING_PRESETS",
    "UPSTREAM_SCHEDULE",
    "SamplingPreset",
    "describe_step",
    "flow_sigmas",
    "preview_frame",
    "round_timesteps",
]

UPSTREAM_SCHEDULE = "upstream flow-match"
"""Name of `flow_sigmas` in a list of schedulers."""


def flow_sigmas(steps: int, shift: float = 5.0) -> Tensor:  # [steps + 1]
    """Return the noise levels of flow matching with a shift, from 1 down to the final 0.

    ``s = linspace(1, 0, steps + 1)`` without its last value, ``sigma = shift s / (1 + (shift - 1) s)``. The
    network's timestep is ``1000 sigma``.

    Args:
        steps: how many, at least 1.
        shift: larger spends more steps at high noise; 1 is no shift. Upstream uses 5.

    Returns:
        ``[steps + 1]`` float32, falling.

    Raises:
        InvalidInput: for a number of steps or a shift that is not positive.

    Source: Esser et al., Scaling Rectified Flow Transformers, 2024, eq. (23).
    """
    if steps < 1:
        raise InvalidInput(f"steps must be at least 1; got {steps}.")
    if not 0 < shift < float("inf"):
        raise InvalidInput(f"shift must be positive; got {shift}. 1 means no shift, upstream uses 5.")
    level = torch.linspace(1, 0, steps + 1, dtype=torch.float64)
    return (shift * level / (1 + (shift - 1) * level)).float()


def round_timesteps(timesteps: Tensor) -> Tensor:
    """Round timesteps to bfloat16 and back, as upstream passes them to the network: 995.93 becomes 996."""
    return timesteps.to(torch.bfloat16).to(timesteps.dtype)


@dataclass(frozen=True)
class SamplingPreset:
    """A consistent set of sampling settings.

    Attributes:
        steps: sampling steps.
        cfg: classifier-free guidance; 1 evaluates the positive prompt only.
        sampler: the host's name of the solver.
        scheduler: the host's name of the schedule, or `UPSTREAM_SCHEDULE`.
        shift: of the noise levels.
        bf16_timesteps: pass timesteps rounded by `round_timesteps`.
    """

    steps: int
    cfg: float
    sampler: str
    scheduler: str
    shift: float
    bf16_timesteps: bool = False


SAMPLING_PRESETS = {
    "upstream": SamplingPreset(50, 5.0, "euler", UPSTREAM_SCHEDULE, 5.0, bf16_timesteps=True),
    "step-distilled, 4 steps": SamplingPreset(4, 1.0, "euler", UPSTREAM_SCHEDULE, 5.0),
    "step-distilled, 8 steps": SamplingPreset(8, 1.0, "euler", UPSTREAM_SCHEDULE, 5.0),
}
"""The step-distilled ones need a model or LoRA that was distilled to few steps without guidance."""


def preview_frame(step: int, total: int, frames: int) -> int:
    """Return the latent frame to preview after a step: from the second to the last as sampling proceeds.

    Frame 0 is given, so it would look finished from the start.
    """
    return min(frames - 1, 1 + step * (frames - 1) // max(1, total))


def describe_step(done: int, total: int, seconds: float, *, segment: int = 0, segments: int = 1) -> str:
    """Return a line with the progress of sampling and the estimated time left.

    Args:
        done: steps of this segment that are finished, at least 1.
        total: steps of each segment.
        seconds: since this segment's first step began.
        segment: number of the segment, from 0.
        segments: how many there are.
    """
    pace = seconds / done
    left = pace * (total - done + (segments - segment - 1) * total)
    where = f"segment {segment + 1} of {segments}, " if segments > 1 else ""
    return f"{where}step {done} of {total}, {pace:.1f} s per step, {_duration(left)} left"


def _duration(seconds: float) -> str:
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02} min"
