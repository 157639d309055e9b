"""Holding keys in a viewer on a page, and waiting until its picture rests, however slow the machine is."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

__all__ = ["VIEWER", "Held", "hold", "hold_undisturbed", "settle"]

VIEWER = "window.matrix3d.viewers[0]"

_WATCH = """
viewer => {
    window.held = { longest: 0 };
    for (const kind of ["keydown", "keyup"]) {
        window.addEventListener(kind, e => { if (!e.repeat && e.key !== "Shift") window.held[kind] ??= e.timeStamp; },
            { capture: true });
    }
    delete viewer.motion.advance;
    const advance = viewer.motion.advance.bind(viewer.motion);
    viewer.motion.advance = (seconds, now) => {
        window.held.longest = Math.max(window.held.longest, seconds);
        advance(seconds, now);
    };
}
"""


@dataclass
class Held:
    """How keys were held, as the page saw it.

    Attributes:
        seconds: between the time stamps of the first key's going down and coming up.
        longest_step: seconds of the longest time integrated in one step; of a second or more, the page stood
            still, and the viewer takes that for a pause.
    """

    seconds: float
    longest_step: float


def settle(page: Any, viewer: str = VIEWER) -> None:
    """Wait until a viewer in viewDirection shows its picture at rest: nothing moves; all splats, all pixels, sorted."""
    page.wait_for_function(
        f"() => {{ const v = {viewer}; return v?.isVisible && v.stats().isSettled && !v.quality.restTimer; }}",
        timeout=120_000,
    )


def hold(page: Any, seconds: float, *keys: str) -> Held:
    """Hold keys, modifiers first, for about that long; return once the walk has come to rest."""
    page.evaluate(f"() => ({_WATCH})({VIEWER})")
    try:
        for key in keys:
            page.keyboard.down(key)
        time.sleep(seconds)
    finally:
        for key in reversed(keys):
            page.keyboard.up(key)
    page.wait_for_function(f"() => {VIEWER}.motion.eye.velocity.every(v => v === 0)", timeout=60_000)
    settle(page)
    return Held(
        *page.evaluate(
            "() => [(window.held.keyup - window.held.keydown) / 1000, window.held.longest]",
        )
    )


def hold_undisturbed(
    page: Any, start: Callable[[], Any], seconds: float, *keys: str, at_most: float = math.inf
) -> float:
    """Go to a start and hold keys there; return for how long in seconds.

    Starts again, five times at most, when the machine stood still meanwhile: for a second or more at a
    time, or so that the keys were held for longer than ``at_most`` seconds.
    """
    for _ in range(5):
        start()
        held = hold(page, seconds, *keys)
        if held.longest_step < 1 and held.seconds < at_most:
            break
    return held.seconds
