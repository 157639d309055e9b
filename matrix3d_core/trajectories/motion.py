"""Timing of camera moves: ease in and out, and windows of a longer move."""

from __future__ import annotations

__all__ = ["ease_in_out", "window"]


def ease_in_out(time: float, ramp: float = 0.2) -> float:
    """Return the distance covered at ``time`` by a move that eases in and out.

    The speed rises by a smoothstep over the first ``ramp`` of the time, stays constant and falls
    the same way, so speed and acceleration have no jumps. 0 gives exactly 0, 1 gives exactly 1.

    Args:
        time: fraction of the duration; clamped to [0, 1].
        ramp: fraction of the duration spent on each ramp, in (0, 0.5].
    """
    if time >= 1.0:
        return 1.0
    if time > 0.5:
        return 1.0 - ease_in_out(1.0 - time, ramp)
    if time <= 0.0:
        return 0.0
    top_speed = 1.0 / (1.0 - ramp)
    if time >= ramp:
        return (time - ramp / 2) * top_speed
    x = time / ramp
    return ramp * x**3 * (1.0 - x / 2) * top_speed  # integral of 3 x^2 - 2 x^3


def window(time: float, start: float, end: float) -> float:
    """Map ``time`` from [start, end] to [0, 1], clamped outside."""
    return min(max((time - start) / (end - start), 0.0), 1.0)
