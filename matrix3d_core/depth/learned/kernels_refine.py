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
_ACROSS = 2 * RADIUS + 1
_TAPS = _ACROSS**2
_MARGIN = RADIUS + 1  # a window begins at most this far outside of the map
_HIGHEST = np.iinfo(np.int32).max
f4, i4 = np.float32, np.int32


def choose_surfaces(near, slope, trust, sky, colors, band, picture, near_out, sky_out):
    """Give every pixel of the picture a distance and a share of sky.

    ``near [h, w]`` inverse distances, ``slope [h, w, 2]`` their change per column and row, ``trust [h, w]`` weights,
    ``sky [h, w]`` 0..1, ``colors [h, w, 3]``, ``band [h, w]`` where edges are, ``picture [H, W, 3]``; ``near_out`` and
    ``sky_out`` ``[H, W]`` receive inverse distances and the share of sky. All float32, ``band`` bool.
    """
    (height, width), (rows, columns) = near.shape, near_out.shape
    wanted = np.arange(-_MARGIN, height + _MARGIN)
    beyond = (wanted < 0) | (wanted >= height)
    mirrored = np.where(wanted < 0, -1 - wanted, np.where(beyond, 2 * height - 1 - wanted, wanted))
    mirrored = np.clip(mirrored, 0, height - 1)[:, None]  # in a map of fewer rows than the window
    turned = (np.arange(-_MARGIN, width + _MARGIN) + beyond[:, None] * (width // 2)) % width
    planes = np.stack((near, slope[..., 0], slope[..., 1], trust, sky, *np.moveaxis(colors, -1, 0)))
    planes = np.ascontiguousarray(planes[:, mirrored, turned])
    planes[1:3, beyond] *= -1  # beyond a pole rows and columns run back
    _choose(
        rows,
        planes,
        band[mirrored, turned],
        *_axis(rows, height),
        *_axis(columns, width),
        picture,
        near_out,
        sky_out,
    )


def _axis(large, small):
    """Place of each pixel in the small map, where its window begins, and the weights along the window."""
    place = ((np.arange(large) + 0.5) * small / large - 0.5).astype(f4)
    begin = np.rint(place).astype(np.int64) - RADIUS
    away = place[:, None] - (begin[:, None] + np.arange(_ACROSS))
    return place, begin, np.exp(away**2 * (-0.5 / SPATIAL**2)).astype(f4)


@compiled(inline="always")
def _middle(values, weights, low, high, total):
    """Weighted median to a fraction of the range that `_SIDE` does not notice, by halving it."""
    for _ in range(_HALVINGS):
        middle = f4(math.sqrt(low * high))
        below = f4(0.0)
        for k in range(_TAPS):
            if values[k] <= middle:
                below += weights[k]
        if below >= total * f4(0.5):
            high = middle
        else:
            low = middle
    return f4(math.sqrt(low * high))


@sliced(grain=1, fastmath={"reassoc", "contract", "arcp", "nsz", "afn"})
def _choose(
    begin, until, planes, band, v, first_row, along, u, first_column, across, picture, near_out, sky_out
):
    """Rows ``begin`` to ``until - 1`` of the picture; ``planes`` and ``band`` go on over their borders by `_MARGIN`.

    Pixels of one place share a window, which is copied once; each loop over it is one that compiles to vector code.
    """
    columns = near_out.shape[1]
    near, slope_x, slope_y, trust = (
        np.empty(_TAPS, f4),
        np.empty(_TAPS, f4),
        np.empty(_TAPS, f4),
        np.empty(_TAPS, f4),
    )
    sky, red, green, blue = np.empty(_TAPS, f4), np.empty(_TAPS, f4), np.empty(_TAPS, f4), np.empty(_TAPS, f4)
    right, down, spatial = np.empty(_TAPS, f4), np.empty(_TAPS, f4), np.empty(_TAPS, f4)
    values, weights, ends = np.empty(_TAPS, f4), np.empty(_TAPS, f4), np.empty(2, f4)
    bits, end_bits = values.view(i4), ends.view(i4)  # positive floats have the order of their bits
    for k in range(_TAPS):
        right[k], down[k] = k % _ACROSS, k // _ACROSS
    for row in range(begin, until):
        top = math.floor(v[row])
        low_part = v[row] - f4(top)
        top += _MARGIN
        copied = -_MARGIN - 1
        for column in range(columns):
            left = math.floor(u[column])
            right_part = u[column] - f4(left)
            left += _MARGIN
            value = share = f4(0.0)
            is_edge = False
            for i in range(2):
                for j in range(2):
                    y, x = top + i, left + j
                    is_edge |= band[y, x]
                    part = (low_part if i else f4(1) - low_part) * (right_part if j else f4(1) - right_part)
                    value += part * planes[0, y, x]
                    share += part * planes[4, y, x]
            near_out[row, column], sky_out[row, column] = value, share
            if not is_edge:
                continue
            if first_column[column] != copied:
                copied = first_column[column]
                for i in range(_ACROSS):
                    y = first_row[row] + _MARGIN + i
                    for j in range(_ACROSS):
                        x, k = copied + _MARGIN + j, i * _ACROSS + j
                        near[k], slope_x[k], slope_y[k] = planes[0, y, x], planes[1, y, x], planes[2, y, x]
                        trust[k], sky[k] = planes[3, y, x], planes[4, y, x]
                        red[k], green[k], blue[k] = planes[5, y, x], planes[6, y, x], planes[7, y, x]
            for i in range(_ACROSS):
                for j in range(_ACROSS):
                    spatial[i * _ACROSS + j] = along[row, i] * across[column, j]
            r, g, b = picture[row, column, 0], picture[row, column, 1], picture[row, column, 2]
            total = all_weights = share = f4(0.0)
            for k in range(_TAPS):
                dr, dg, db = r - red[k], g - green[k], b - blue[k]
                alike = f4(1) / (f4(1) + (dr * dr + dg * dg + db * db) * f4(0.5 / COLOR**2))
                cube = alike * alike * alike
                weight = spatial[k] * (cube if cube > f4(_LEAST) else f4(_LEAST))
                all_weights += weight
                share += weight * sky[k]
                weights[k] = weight * trust[k]
                total += weight * trust[k]
            sky_out[row, column] = share / all_weights
            if not total > f4(0):
                continue
            x, y = u[column] - f4(copied), v[row] - f4(first_row[row])
            for k in range(_TAPS):
                guess = near[k] + slope_x[k] * (x - right[k]) + slope_y[k] * (y - down[k])
                least = f4(0.5) * near[k]
                values[k] = guess if guess > least else least
            low, high = i4(_HIGHEST), i4(0)
            for k in range(_TAPS):
                low = min(low, bits[k] if weights[k] > f4(0) else i4(_HIGHEST))
                high = max(high, bits[k] if weights[k] > f4(0) else i4(0))
            end_bits[0], end_bits[1] = low, high
            middle = _middle(values, weights, ends[0], ends[1], total)
            value = total = f4(0.0)
            for k in range(_TAPS):
                if values[k] < middle * f4(_SIDE) and middle < values[k] * f4(_SIDE):
                    value += weights[k] * values[k]
                    total += weights[k]
            near_out[row, column] = value / total
