"""Inputs that all nodes which make camera paths share."""

from __future__ import annotations

from typing import Any

from ..matrix3d_core.trajectories.defaults import DEFAULT_FRAMES
from ._host import io

__all__ = ["fps_input", "frames_input"]


def frames_input(least: int = 1) -> Any:
    """Return the input for a path's number of poses."""
    return io.Int.Input(
        "frames",
        default=DEFAULT_FRAMES,
        min=least,
        max=10000,
        tooltip="Number of poses. 81 is what the Matrix-3D video model makes.",
    )


def fps_input(**options: Any) -> Any:
    """Return the input for a path's speed of playback; ``options`` such as ``advanced`` go to the host."""
    return io.Float.Input(
        "fps",
        default=12.0,
        min=0.1,
        max=240.0,
        step=0.1,
        tooltip="Frames per second, for playback.",
        **options,
    )
