"""Holes of perforated materials, compiled: leaves, fences, railings and pictures with alpha."""

# mypy: ignore-errors
from __future__ import annotations

import math

import numpy as np

from ..compiled import compiled
from .materials import Column

__all__ = ["is_solid_at", "surface_uv"]

_SCALE, _HOLES, _IMAGE, _OWN = int(Column.SCALE), int(Column.HOLES), int(Column.IMAGE), int(Column.OWN)


@compiled(inline="always")
def surface_uv(g, k, u, v):
    """Texture coordinates of a hit from the coordinates along the shape's edges."""
    detail = g.kinds[k, 4]
    if g.kinds[k, 0] != 0 or detail < 0:
        return u, v
    row, w = g.corners[detail], 1.0 - u - v
    return w * row[0] + u * row[2] + v * row[4], w * row[1] + u * row[3] + v * row[5]


@compiled(allocates=False)
def _is_leaf(u, v, lobes):
    """A pointed leaf on a card: stem at v = 1, tip at v = 0, with a wavy edge."""
    along = 1.0 - v
    if along < 0.14:
        return abs(u - 0.5) < 0.02
    s = (along - 0.14) / 0.86
    half = 0.5 * math.sin(math.pi * s**0.75) * (1.0 - 0.25 * s)
    if lobes > 0.0:
        half *= 1.0 - 0.3 * abs(math.sin(math.pi * lobes * s))
    return abs(u - 0.5) < half


@compiled(allocates=False)
def _is_twig(u, v, seed):
    """Several leaves on one card, for foliage that is not seen from close by."""
    for k in range(7):
        turn = 2.399963 * k + seed
        cx, cy = 0.5 + 0.27 * math.cos(turn), 0.5 + 0.27 * math.sin(turn)
        x, y = u - cx, v - cy
        c, s = math.cos(turn), math.sin(turn)
        a, b = (c * x + s * y) / 0.24, (c * y - s * x) / 0.105
        if abs(b) < 1.0 - a * a:
            return True
    return abs(u - 0.5) < 0.012


@compiled(allocates=False)
def is_solid_at(g, looks, k, u, v):
    """Tell whether a perforated shape has material where a ray meets it."""
    row = looks.materials[g.kinds[k, 1]]
    holes = int(row[_HOLES])
    u, v = surface_uv(g, k, u, v)
    if holes == 1:
        return _is_leaf(u, v, row[_OWN])
    if holes == 2:
        return _is_twig(u, v, g.table[k, 12])
    if holes == 5:
        first, height, width = looks.images[int(row[_IMAGE])]
        x, y = int((u % 1.0) * width), int((v % 1.0) * height)
        at = first + 4 * (max(0, min(y, height - 1)) * width + max(0, min(x, width - 1)))
        return looks.pixels[at + 3] > np.uint8(127)
    x, y = u, v  # meters on the card
    if g.kinds[k, 0] == 1:
        x, y = u * g.table[k, 13], v * g.table[k, 14]
    size, bar = row[_OWN] * row[_SCALE], row[_OWN + 1] * row[_SCALE]
    if holes == 3:
        a, b = ((x + y) / size) % 1.0, ((x - y) / size) % 1.0
        return min(a, b) * size < 1.414 * bar
    rail = row[_OWN + 2] * row[_SCALE]
    high = g.table[k, 14]
    return x % size < bar or y < rail or y > high - rail or abs(y - 0.15 * high) < 0.4 * rail
