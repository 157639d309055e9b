"""Numbers in a distance map that mean "nothing here", found or named: marked as sky (infinite) or unknown (NaN)."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from ..checks import check_floating
from ..errors import InvalidInput

__all__ = ["far_from_text", "mark_missing", "values_from_text"]

_NO_SURFACE = 1e9
"""No surface is this far away in any unit: Blender writes 1e10, other renderers 1e11, 1e20, 1e30 or 3.4e38."""

_MARKS = (65504.0, *(65535.0 * step for step in (1.0, 0.1, 0.01, 0.001, 0.0001, 1 / 256, 1 / 5000, 1 / 4000)))
"""The largest half float; the largest 16-bit step in the usual units."""

_SAMPLE = 1 << 21  # values that are searched for a plateau
_LEAST_VALUES = 16  # distinct distances below a plateau; with fewer the map is a drawing
_SHARE, _TIMES, _GAP = 0.005, 8.0, 20.0
_OVERRIDE = "far_value changes that"


def far_from_text(text: str) -> float | str:
    """Return ``"auto"``, ``"none"`` or the distance that a text names.

    Raises:
        InvalidInput: when it is something else, or not positive.
    """
    word = text.strip().lower()
    if word in ("", "auto"):
        return "auto"
    if word == "none":
        return "none"
    (value,) = _numbers("far_value", "auto, none or one positive distance, such as 1000", word, 1)
    if not value > 0:
        raise InvalidInput(
            f"far_value must be auto, none or one positive distance, such as 1000; got {text!r}."
        )
    return value


def values_from_text(text: str) -> tuple[float, ...]:
    """Return the numbers of a text such as ``"-1, 65535"``; none for an empty one.

    Raises:
        InvalidInput: when a part is no number.
    """
    return _numbers("missing_value", "numbers with commas between, such as -1, 65535", text)


def _numbers(name: str, wanted: str, text: str, count: int = 0) -> tuple[float, ...]:
    try:
        values = tuple(float(part) for part in text.replace(";", ",").split(",") if part.strip())
    except ValueError:
        values = (math.nan,)
    if any(math.isnan(value) for value in values) or (count and len(values) != count):
        raise InvalidInput(f"{name} must be {wanted}; got {text!r}.")
    return values


def mark_missing(
    depth_ray: Tensor, *, far: float | str = "auto", missing: Sequence[float] = ()
) -> tuple[Tensor, list[str]]:
    """Mark values that are no distances: unknown becomes NaN, sky becomes infinity.

    ``"auto"`` takes for sky: 1e9 and more; the largest value when it is 65504 or 65535 in a usual unit; and a plateau
    at the largest value, where many pixels share it exactly although the distances below vary (a far clip), or where
    it is 20 times beyond all others.

    Args:
        depth_ray: ``[H, W]`` floating point.
        far: ``"auto"``, ``"none"``, or a distance: it and all beyond are sky.
        missing: values that are unknown (within 1e-4 of their size).

    Returns:
        The map (the input itself when nothing was marked) and what was done, a line each.

    Raises:
        InvalidInput: when ``far`` is none of these.
    """
    check_floating("depth_ray", depth_ray)
    notes: list[str] = []
    for value in missing:
        same = (
            (depth_ray - value).abs() <= 1e-4 * max(abs(value), 1e-3)
            if math.isfinite(value)
            else depth_ray == value
        )
        depth_ray = _mark(depth_ray, same, math.nan, f"missing_value {value:g}: {{}} px are unknown", notes)
    if far == "none":
        return depth_ray, notes
    if not isinstance(far, str):
        if not far > 0:
            raise InvalidInput(f"far must be auto, none or a positive distance; got {far}.")
        beyond = torch.isfinite(depth_ray) & (depth_ray >= far * (1 - 1e-5))
        return _mark(
            depth_ray, beyond, math.inf, f"far_value {far:g}: {{}} px at or beyond it are sky", notes
        ), notes
    if far != "auto":
        raise InvalidInput(f"far must be auto, none or a positive distance; got {far!r}.")
    is_distance = torch.isfinite(depth_ray) & (depth_ray > 0)
    beyond = is_distance & (depth_ray >= _NO_SURFACE)
    if bool(beyond.any()) and bool((is_distance & ~beyond).any()):
        text = f"found: {{}} px at {float(depth_ray[beyond].min()):g} or more are sky ({_OVERRIDE})"
        depth_ray = _mark(depth_ray, beyond, math.inf, text, notes)
    for _ in range(2):  # a clip below a mark of the format
        found = _far_plateau(depth_ray)
        if found is None:
            break
        at_top = depth_ray == found[0]
        text = f"found: {{}} px at {found[0]:g}, {found[1]}, are sky ({_OVERRIDE})"
        depth_ray = _mark(depth_ray, at_top, math.inf, text, notes)
    return depth_ray, notes


def _mark(depth_ray: Tensor, where: Tensor, value: float, text: str, notes: list[str]) -> Tensor:
    count = int(where.sum())
    notes.append(text.format(count))
    return depth_ray.masked_fill(where, value) if count else depth_ray


def _far_plateau(depth_ray: Tensor) -> tuple[float, str] | None:
    """Return the largest distance, and why, when it stands for what lies beyond."""
    usable = depth_ray[torch.isfinite(depth_ray) & (depth_ray > 0)]
    if not usable.numel():
        return None
    top = float(usable.max())
    below = usable[usable < top]
    if not below.numel():
        return None
    if any(abs(top - mark) <= 1e-6 * mark for mark in _MARKS):
        return top, "the largest number of its format"
    count = usable.numel() - below.numel()
    values, counts = torch.unique(below[:: math.ceil(below.numel() / _SAMPLE)], return_counts=True)
    if len(values) < _LEAST_VALUES:
        return None
    if top >= _GAP * float(values[-1]) and count >= _LEAST_VALUES:
        return top, f"{top / float(values[-1]):.0f} times beyond all others"
    often = float(counts.max()) * math.ceil(below.numel() / _SAMPLE)
    if count >= _SHARE * depth_ray.numel() and count >= _TIMES * often:
        return top, "the same for all of them, a far clip"
    return None
