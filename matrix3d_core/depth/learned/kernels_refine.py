"""Compiled piece of the refinement: which of the surfaces around a pixel of the picture it belongs to."""

# mypy: ignore-errors
from __future__ import annotations

import math

import numpy as np

from ...compiled import compiled, sliced

__all__ = ["choose_surfaces"]

RADIUS = 4  # of the window, in pixels of the small map
SPATIAL = 2.0  # deviation in the same
COLOR = 0.1  # deviation of colors, Euclidean in RGB
_HALVINGS = 8
_LEAST = 1e-4  # of the weight of a color, so that a pixel unlike all others gets a distance
_SIDE = 1.1  # largest ratio of distances that are one surface
f4 = np.float32


@compiled(inline="always")
def _wrapped(row, column, height, width):
    """Pixel of the panorama, also beyond a pole."""
    if row < 0:
        row, column = -1 - row, column + width // 2
    elif row >= height:
        row, column = 2 * height - 1 - row, column + width // 2
    return min(max(row, 0), height - 1), column % width  # in a map of fewer rows than the window


@compiled(inline="always")
def _middle(values, weights, count, total):
    """Weighted median to a fraction of the range that `_SIDE` does not notice, by halving it."""
    low = high = values[0]
    for i in range(1, count):
        low, high = min(low, values[i]), max(high, values[i])
    for _ in range(_HALVINGS):
        middle = f4(math.sqrt(low * high))
        below = f4(0.0)
        for i in range(count):
            if values[i] <= middle:
                below += weights[i]
        if below >= total * f4(0.5):
            high = middle
        else:
            low = middle
    return f4(math.sqrt(low * high))


@sliced(grain=1, fastmath={"reassoc", "contract", "arcp", "nsz", "afn"})
def choose_surfaces(begin, until, near, slope, trust, sky, colors, band, picture, near_out, sky_out):
    """Rows ``begin`` to ``until - 1`` of the picture.

    ``near [h, w]`` inverse distances, ``slope [h, w, 2]`` their change per column and row, ``trust [h, w]`` weights,
    ``sky [h, w]`` 0..1, ``colors [h, w, 3]``, ``band [h, w]`` where edges are, ``picture [H, W, 3]``; ``near_out`` and
    ``sky_out`` ``[H, W]`` receive inverse distances and the share of sky. All float32, ``band`` bool.
    """
    height, width = near.shape
    rows, columns = near_out.shape
    side = 2 * RADIUS + 1
    values, weights, across = np.empty(side * side, f4), np.empty(side * side, f4), np.empty(side, f4)
    for row in range(begin, until):
        v = f4((row + 0.5) * height / rows - 0.5)
        top = math.floor(v)
        for column in range(columns):
            u = f4((column + 0.5) * width / columns - 0.5)
            left = math.floor(u)
            value = share = f4(0.0)
            is_edge = False
            for i in range(2):
                for j in range(2):
                    y, x = _wrapped(top + i, left + j, height, width)
                    is_edge |= band[y, x]
                    part = (f4(1) - abs(v - f4(top + i))) * (f4(1) - abs(u - f4(left + j)))
                    value += part * near[y, x]
                    share += part * sky[y, x]
            near_out[row, column], sky_out[row, column] = value, share
            if not is_edge:
                continue
            count, total, all_weights = 0, f4(0.0), f4(0.0)
            share = f4(0.0)
            first_row, first_column = round(v) - RADIUS, round(u) - RADIUS
            for j in range(side):
                across[j] = math.exp(-((u - f4(first_column + j)) ** 2) * f4(0.5 / SPATIAL**2))
            for i in range(first_row, first_row + side):
                down = v - f4(i)
                along = f4(math.exp(-down * down * f4(0.5 / SPATIAL**2)))
                for j in range(side):
                    y, x = _wrapped(i, first_column + j, height, width)
                    right = u - f4(first_column + j)
                    unlike = f4(0.0)
                    for channel in range(3):
                        difference = picture[row, column, channel] - colors[y, x, channel]
                        unlike += difference * difference
                    alike = f4(1) / (f4(1) + unlike * f4(0.5 / COLOR**2))
                    weight = along * across[j] * max(alike * alike * alike, f4(_LEAST))
                    all_weights += weight
                    share += weight * sky[y, x]
                    weight *= trust[y, x]
                    if weight > 0:
                        turned = f4(1) if i == y else f4(-1)  # beyond a pole, where rows and columns run back
                        guess = near[y, x] + turned * (slope[y, x, 0] * right + slope[y, x, 1] * down)
                        values[count] = max(guess, f4(0.5) * near[y, x])
                        weights[count] = weight
                        total += weight
                        count += 1
            sky_out[row, column] = share / all_weights
            if count == 0:
                continue
            middle = _middle(values, weights, count, total)
            value = total = f4(0.0)
            for i in range(count):
                if values[i] < middle * f4(_SIDE) and middle < values[i] * f4(_SIDE):
                    value += weights[i] * values[i]
                    total += weights[i]
            near_out[row, column] = value / total
