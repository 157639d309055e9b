"""A world in 4D as one set of Gaussians per frame."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ..errors import InvalidInput
from .gaussians import Gaussians

__all__ = ["GaussianSequence"]


@dataclass(frozen=True)
class GaussianSequence:
    """Worlds at equal steps of time, played in a loop. Their numbers of Gaussians may differ.

    Attributes:
        frames: at least one.
        fps: frames per second, positive.
    """

    frames: tuple[Gaussians, ...]
    fps: float

    def __post_init__(self) -> None:
        if not self.frames:
            raise InvalidInput("a sequence must hold at least 1 frame; got none.")
        if not 0 < self.fps < math.inf:
            raise InvalidInput(f"fps must be positive; got {self.fps}.")

    def __len__(self) -> int:
        return len(self.frames)

    def at(self, t_s: float) -> Gaussians:
        """Return the frame that is shown at a time, seconds."""
        if not math.isfinite(t_s):
            raise InvalidInput(f"the time must be a finite number of seconds; got {t_s}.")
        return self.frames[math.floor(t_s * self.fps + 1e-6) % len(self.frames)]
