"""Inputs that several nodes share."""

from __future__ import annotations

from typing import Any

from ..matrix3d_core.raster.registry import Registry
from ..matrix3d_core.raster.splat import SPLAT_BACKENDS
from ..matrix3d_core.trajectories.defaults import DEFAULT_FRAMES
from ._host import io

__all__ = ["backend_input", "fps_input", "frames_input", "splat_backend_input"]


def backend_input(backends: Registry[Any], what: str, which: str = "", **options: bool) -> Any:
    """Return the choice among the backends that draw ``what``; ``which`` says more of the one that auto takes."""
    return io.Combo.Input(
        "backend",
        options=["auto", *backends.names],
        default="auto",
        tooltip=f"What draws {what}. auto takes the best one that works here{which}; a named one is used or refused, "
        "never replaced.",
        **options,
    )


def splat_backend_input(**options: bool) -> Any:
    """Return the choice among the backends that draw splats."""
    return backend_input(SPLAT_BACKENDS, "the splats", " (gsplat on CUDA, numba on the CPU)", **options)


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
