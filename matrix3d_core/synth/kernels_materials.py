"""Color and height of surfaces, compiled; the parameters are a row of `materials.Column`."""

# mypy: ignore-errors
from __future__ import annotations

import math
from collections import namedtuple

from ..compiled import compiled
from . import kernels_patterns as patterns
from .kernels_noise import clamp, fractal, fractal2, lattice, mix, step
from .materials import NUMBERS, Column

__all__ = ["paint"]

_KIND, _SCALE, _SEED, _IMAGE = int(Column.KIND), int(Column.SCALE), int(Column.SEED), int(Column.IMAGE)
_COLOR, _COLOR2, _OWN = int(Column.COLOR), int(Column.COLOR2), int(Column.OWN)
_BUMP, _THIN = int(Column.BUMP), int(Column.THIN)
_K = namedtuple("_K", NUMBERS)(**NUMBERS)


@compiled(allocates=False)
def _image_at(looks, index, u, v):
    """Linear color of an image, repeated, between pixels."""
    first, height, width = looks.images[index]
    x, y = (u - math.floor(u)) * width - 0.5, (v - math.floor(v)) * height - 0.5
    i, j = math.floor(x), math.floor(y)
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


@compiled(allocates=False)
def _books(m, s, r, f, seed):
    """Backs of books, each with a color and lines."""
    width, height = m[_OWN], m[_OWN + 1]
    shelf = math.floor(r / height)
    at = s / width + 0.35 * math.sin(1.7 * s / width)
    i = math.floor(at)
    a, b = at - i, r / height - shelf
    hue, tall = lattice(i, shelf, 1, seed), 0.62 + 0.34 * lattice(i, shelf, 2, seed)
    dark = 0.25 + 0.9 * lattice(i, shelf, 3, seed)
    t = 2.0 * hue - 1.0
    edge = step(min(a, 1.0 - a), 0.0, 0.14)
    worn = 0.75 + 0.5 * fractal2(16.0 * s, 16.0 * r, 3, seed + 5, 16.0 * f)
    line = 1.0 if abs(b - 0.15 - 0.3 * hue) < 0.012 or abs(b - 0.55 * tall) < 0.05 * (hue > 0.5) else 0.0
    k = dark * worn * (0.35 + 0.65 * edge)
    if b > tall:
        return 0.02, 0.018, 0.015, 0.0
    return (
        k * mix(mix(m[_COLOR], m[_COLOR2], hue), 0.75, 0.6 * line),
        k * mix(mix(m[_COLOR + 1], m[_COLOR2 + 1], abs(t)), 0.6, 0.6 * line),
        k * mix(mix(m[_COLOR + 2], m[_COLOR2 + 2], 1.0 - hue), 0.25, 0.6 * line),
        0.01 * edge,
    )


@compiled(allocates=False)
def _painting(m, u, v, seed):
    """A framed landscape or abstract by uv."""
    border = min(min(u, 1.0 - u), min(v, 1.0 - v))
    if border < m[_OWN + 1]:
        k = (
            0.5
            + 0.8 * fractal2(30.0 * u, 30.0 * v, 2, seed, 0.0)
            - (0.3 if border < 0.15 * m[_OWN + 1] else 0.0)
        )
        return 0.30 * k, 0.2 * k, 0.09 * k, 0.01
    a = fractal2(2.3 * u, 2.3 * v, 6, seed + 1, 0.0)
    b = fractal2(3.7 * u + 2.0 * a, 3.7 * v, 5, seed + 2, 0.0)
    stroke = fractal2(60.0 * u + 8.0 * a, 22.0 * v + 8.0 * b, 3, seed + 4, 0.0)
    if m[_OWN] < 0.5:  # sky above hills
        hills = 0.45 + 0.5 * (fractal2(3.0 * u, 0.0, 5, seed + 5, 0.0) - 0.5)
        near = 0.75 + 0.4 * (fractal2(5.0 * u, 3.0, 4, seed + 6, 0.0) - 0.5)
        t = 0.0 if v < hills else (0.6 if v < near else 1.0)
        k = (0.9 if t == 0.0 else 0.55 + 0.6 * b) * (0.75 + 0.5 * stroke)
        warm = a if t == 0.0 else 0.3 * b
        return (
            k * (mix(m[_COLOR2], m[_COLOR], t) + 0.25 * warm),
            k * (mix(m[_COLOR2 + 1], m[_COLOR + 1], t) + 0.12 * warm),
            k * mix(m[_COLOR2 + 2], m[_COLOR + 2], t),
            0.001 * stroke,
        )
    t, q, k = step(a, 0.42, 0.5), step(b, 0.5, 0.53), 0.75 + 0.5 * stroke
    return (
        k * mix(mix(m[_COLOR], m[_COLOR2], t), 0.7, 0.8 * q),
        k * mix(mix(m[_COLOR + 1], m[_COLOR2 + 1], t), 0.2 + 0.3 * t, 0.8 * q),
        k * mix(mix(m[_COLOR + 2], m[_COLOR2 + 2], t), 0.08, 0.8 * q),
        0.001 * stroke,
    )


@compiled(inline="always")
def _pattern(kind, m, x, y, z, s, r, u, v, f, seed, only_height):
    """The kind's pattern; see `kernels_patterns`."""
    if kind == _K.flat:
        return patterns.flat(m, x, y, z, s, r, u, v, f, seed, only_height)
    if kind == _K.mottled:
        return patterns.mottled(m, x, y, z, s, r, u, v, f, seed, only_height)
    if kind == _K.brick:
        return patterns.brick(m, x, y, z, s, r, u, v, f, seed, only_height)
    if kind == _K.planks:
        return patterns.planks(m, x, y, z, s, r, u, v, f, seed, only_height)
    if kind == _K.ashlar:
        return patterns.ashlar(m, x, y, z, s, r, u, v, f, seed, only_height)
    if kind == _K.rubble:
        return patterns.rubble(m, x, y, z, s, r, u, v, f, seed, only_height)
    if kind == _K.tiles:
        return patterns.tiles(m, x, y, z, s, r, u, v, f, seed, only_height)
    if kind == _K.paving:
        return patterns.paving(m, x, y, z, s, r, u, v, f, seed, only_height)
    if kind == _K.roof_tiles:
        return patterns.roof_tiles(m, x, y, z, s, r, u, v, f, seed, only_height)
    if kind == _K.plaster:
        return patterns.plaster(m, x, y, z, s, r, u, v, f, seed, only_height)
    if kind == _K.cobbles:
        return patterns.cobbles(m, x, y, z, s, r, u, v, f, seed, only_height)
    if kind == _K.asphalt:
        return patterns.asphalt(m, x, y, z, s, r, u, v, f, seed, only_height)
    if kind == _K.concrete:
        return patterns.concrete(m, x, y, z, s, r, u, v, f, seed, only_height)
    if kind == _K.grass:
        return patterns.grass(m, x, y, z, s, r, u, v, f, seed, only_height)
    if kind == _K.soil:
        return patterns.soil(m, x, y, z, s, r, u, v, f, seed, only_height)
    if kind == _K.leaf_litter:
        return patterns.leaf_litter(m, x, y, z, s, r, u, v, f, seed, only_height)
    if kind == _K.sand:
        return patterns.sand(m, x, y, z, s, r, u, v, f, seed, only_height)
    if kind == _K.gravel:
        return patterns.gravel(m, x, y, z, s, r, u, v, f, seed, only_height)
    if kind == _K.rock:
        return patterns.rock(m, x, y, z, s, r, u, v, f, seed, only_height)
    if kind == _K.bark:
        return patterns.bark(m, x, y, z, s, r, u, v, f, seed, only_height)
    if kind == _K.wood:
        return patterns.wood(m, x, y, z, s, r, u, v, f, seed, only_height)
    if kind == _K.leaf:
        return patterns.leaf(m, x, y, z, s, r, u, v, f, seed, only_height)
    if kind == _K.twig:
        return patterns.twig(m, x, y, z, s, r, u, v, f, seed, only_height)
    if kind == _K.foliage:
        return patterns.foliage(m, x, y, z, s, r, u, v, f, seed, only_height)
    if kind == _K.water:
        return patterns.water(m, x, y, z, s, r, u, v, f, seed, only_height)
    if kind == _K.glass:
        return patterns.glass(m, x, y, z, s, r, u, v, f, seed, only_height)
    if kind == _K.cloth:
        return patterns.cloth(m, x, y, z, s, r, u, v, f, seed, only_height)
    if kind == _K.carpet:
        return patterns.carpet(m, x, y, z, s, r, u, v, f, seed, only_height)
    if kind == _K.wallpaper:
        return patterns.wallpaper(m, x, y, z, s, r, u, v, f, seed, only_height)
    if kind == _K.metal:
        return patterns.metal(m, x, y, z, s, r, u, v, f, seed, only_height)
    if kind == _K.marble:
        return patterns.marble(m, x, y, z, s, r, u, v, f, seed, only_height)
    if kind == _K.snow:
        return patterns.snow(m, x, y, z, s, r, u, v, f, seed, only_height)
    if kind == _K.chain_link or kind == _K.railing:
        return patterns.wire(m, x, y, z, s, r, u, v, f, seed, only_height)
    return patterns.lamp(m, x, y, z, s, r, u, v, f, seed, only_height)


@compiled(allocates=False)
def surface_color(looks, m, x, y, z, s, r, u, v, f, only_height):
    """Linear reflectance and height in meters of a surface point.

    ``x, y, z`` in space and ``s, r`` along and up the surface in meters, ``u, v`` on its card, size ``f`` of a pixel.
    With ``only_height`` the color may be anything.
    """
    kind, seed = int(m[_KIND]), 131 * int(m[_SEED])
    if kind == _K.image:
        red, green, blue = _image_at(looks, int(m[_IMAGE]), u, v)
        return red, green, blue, 0.0
    if kind == _K.picture:
        return _painting(m, u, v, seed)
    scale = 1.0 / m[_SCALE]
    x, y, z, s, r, f = scale * x, scale * y, scale * z, scale * s, scale * r, scale * f
    if kind == _K.books:
        return _books(m, s, r, f, seed)
    k, t, k2, warm, high = _pattern(kind, m, x, y, z, s, r, u, v, f, seed, only_height)
    if only_height:
        return 0.0, 0.0, 0.0, high / scale
    if kind != _K.lamp:  # nothing is evenly clean
        grime = 0.82 + 0.36 * fractal(0.6 * x, 0.6 * y, 0.6 * z, 4, seed + 77, 0.6 * f)
        k, k2 = k * grime, k2 * grime
    k, k2 = (1.0 - t) * k, t * k2
    return (
        clamp((k * m[_COLOR] + k2 * m[_COLOR2]) * (1.0 + warm), 0.0, 0.95),
        clamp(k * m[_COLOR + 1] + k2 * m[_COLOR2 + 1], 0.0, 0.95),
        clamp((k * m[_COLOR + 2] + k2 * m[_COLOR2 + 2]) * (1.0 - warm), 0.0, 0.95),
        high / scale,
    )


@compiled(allocates=False)
def paint(looks, rows):
    """Write the color of hits (rows of `kernels_light.Hit`) and tilt their normals by the slope of the pattern.

    Source: J. Blinn, Simulation of Wrinkled Surfaces, 1978.
    """
    for i in range(len(rows)):
        row = rows[i]
        if row[24] < 0.0:
            continue
        m = looks.materials[int(row[25])]
        if int(m[_KIND]) == _K.vertex_color:
            continue
        f = row[20]
        is_bumped = f < 0.03 and m[_BUMP] > 0.0 and m[_THIN] == 0.0
        e = max(0.0012, 0.6 * f)
        high = p = q = 0.0
        for k in range(3 if is_bumped else 1):
            d, a = (e if k == 1 else 0.0), (e if k == 2 else 0.0)
            red, green, blue, up = surface_color(
                looks,
                m,
                row[0] + d * row[10] + a * row[13],
                row[1] + d * row[11] + a * row[14],
                row[2] + d * row[12] + a * row[15],
                row[16] + d,
                row[17] + a,
                row[18],
                row[19],
                f,
                k > 0,
            )
            if k == 0:
                row[21], row[22], row[23], high = red, green, blue, up
            elif k == 1:
                p = up
            else:
                q = up
        if is_bumped:
            power = m[_BUMP] * (1.0 - step(f, 0.012, 0.03)) / e
            p, q = clamp(power * (p - high), -1.2, 1.2), clamp(power * (q - high), -1.2, 1.2)
            x, y, z = (
                row[7] - p * row[10] - q * row[13],
                row[8] - p * row[11] - q * row[14],
                row[9] - p * row[12] - q * row[15],
            )
            scale = 1.0 / math.sqrt(x * x + y * y + z * z)
            row[7], row[8], row[9] = x * scale, y * scale, z * scale
