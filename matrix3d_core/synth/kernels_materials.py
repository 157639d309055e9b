"""Color of surfaces, compiled; the parameters are a row of `materials.Column`."""

# mypy: ignore-errors
from __future__ import annotations

import numpy as np

from ..compiled import compiled
from .kernels_noise import fractal, mix
from .materials import NUMBERS, Column

__all__ = ["albedo"]

_KIND, _SCALE, _SEED, _IMAGE = int(Column.KIND), int(Column.SCALE), int(Column.SEED), int(Column.IMAGE)
_COLOR, _COLOR2 = int(Column.COLOR), int(Column.COLOR2)
_PICTURE = NUMBERS["image"]


@compiled()
def image_at(looks, index, u, v):
    """Linear color of an image, repeated, between pixels."""
    first, height, width = looks.images[index]
    x, y = (u % 1.0) * width - 0.5, (v % 1.0) * height - 0.5
    i, j = int(np.floor(x)), int(np.floor(y))
    fx, fy = x - i, y - j
    r = g = b = 0.0
    for dj in range(2):
        for di in range(2):
            at = first + 4 * (((j + dj) % height) * width + (i + di) % width)
            w = (fx if di else 1.0 - fx) * (fy if dj else 1.0 - fy) / 255.0
            r += w * looks.pixels[at]
            g += w * looks.pixels[at + 1]
            b += w * looks.pixels[at + 2]
    return r**2.2, g**2.2, b**2.2


@compiled()
def albedo(looks, material, x, y, z, s, r, u, v, footprint):
    """Linear reflectance of a surface point: world position, meters in its plane, texture coordinates, pixel's size."""
    row = looks.materials[material]
    if int(row[_KIND]) == _PICTURE:
        return image_at(looks, int(row[_IMAGE]), u, v)
    scale = 1.0 / row[_SCALE]
    f = fractal(
        3.0 * x * scale, 3.0 * y * scale, 3.0 * z * scale, 6, int(row[_SEED]), 3.0 * footprint * scale
    )
    k, t = 0.6 + 0.8 * f, 0.25 * f
    return (
        k * mix(row[_COLOR], row[_COLOR2], t),
        k * mix(row[_COLOR + 1], row[_COLOR2 + 1], t),
        k * mix(row[_COLOR + 2], row[_COLOR2 + 2], t),
    )
