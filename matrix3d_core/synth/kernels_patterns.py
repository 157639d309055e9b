"""Patterns of materials, compiled: masonry, wood, ground, plants, cloth.

Every pattern takes a row of the material table, a position in meters (``x, y, z`` in space, ``s, r`` along and up its
surface, ``u, v`` on its card) and the size of a pixel there. It returns the brightness of the first color, the share
and brightness of the second, a shift towards warm (positive) or cold, and the height of the surface in meters. With
``only_height`` the other numbers may be anything: slopes need none of them, and colors cost most of the time.
"""

# mypy: ignore-errors
from __future__ import annotations

import math

from ..compiled import compiled
from .kernels_noise import clamp, fractal, fractal2, lattice, mix, nearest2, noise2, step, worley2
from .materials import Column

__all__ = [
    "ashlar",
    "asphalt",
    "bark",
    "brick",
    "carpet",
    "cloth",
    "cobbles",
    "concrete",
    "flat",
    "foliage",
    "glass",
    "grass",
    "gravel",
    "lamp",
    "leaf",
    "leaf_litter",
    "marble",
    "metal",
    "mottled",
    "paving",
    "planks",
    "plaster",
    "rock",
    "roof_tiles",
    "rubble",
    "sand",
    "snow",
    "soil",
    "tiles",
    "twig",
    "wallpaper",
    "water",
    "wire",
    "wood",
]

_OWN = int(Column.OWN)


@compiled(inline="always")
def _line(distance, width, f):
    """Share of a joint of some width at a distance from its middle, for a pixel of size f."""
    soft = max(0.2 * width, 0.7 * f)
    return (1.0 - step(distance, 0.5 * width - 0.5 * soft, 0.5 * width + soft)) * min(1.0, width / soft)


@compiled(inline="always")
def _to_edge(x, size):
    """Distance to the nearest multiple of a size."""
    share = x / size
    return abs(share - math.floor(share + 0.5)) * size


@compiled(inline="always")
def _crack(s, r, seed, f):
    """Thin branching lines where a warped noise crosses its middle."""
    a = 0.35 * noise2(2.1 * s, 2.1 * r, seed + 5)
    field = abs(fractal2(0.8 * s + a, 0.8 * r - a, 5, seed, 0.8 * f) - 0.5)
    return 1.0 - step(field, 0.002, 0.007 + 0.6 * f)


@compiled(inline="always")
def _grain(s, r, seed, size, f, only_height):
    """Wood along s: dark share and brightness."""
    warp = fractal2(0.9 * s, 7.0 * r, 3, seed, 7.0 * f)
    ring = r / size + 3.0 * warp
    wave = abs(ring - math.floor(ring) - 0.5) * 2.0
    fine = 0.0 if only_height else fractal2(5.0 * s, 230.0 * r, 2, seed + 9, 200.0 * f)
    fade = clamp(2.0 - 3.0 * f / size, 0.0, 1.0)
    dark = fade * step(wave, 0.45, 1.0) * (0.35 + 0.5 * warp) + (1.0 - fade) * 0.2
    ks, kr = s / 0.9, r / 0.11
    d, pick = nearest2(ks, kr, seed + 3)
    knot = (1.0 - step(d, 0.05, 0.22)) if pick > 0.86 else 0.0
    return clamp(dark + 0.8 * knot, 0.0, 1.0), 0.82 + 0.36 * fine


@compiled(allocates=False)
def flat(m, x, y, z, s, r, u, v, f, seed, only_height):
    """Paint."""
    a = fractal(9.0 * x, 9.0 * y, 9.0 * z, 3, seed, 9.0 * f)
    return 0.9 + 0.2 * a, 0.12 * a, 1.0, 0.0, 0.0004 * a


@compiled(allocates=False)
def mottled(m, x, y, z, s, r, u, v, f, seed, only_height):
    """Spots."""
    k = 1.0 / m[_OWN + 1]
    b = fractal(9.0 * x, 9.0 * y, 9.0 * z, 3, seed + 7, 9.0 * f)
    if only_height:
        return 0.0, 0.0, 0.0, 0.0, 0.002 * b
    a = fractal(k * x, k * y, k * z, 5, seed, k * f)
    return 0.8 + 0.4 * b, m[_OWN] * step(a, 0.38, 0.62), 0.8 + 0.4 * b, 0.0, 0.002 * b


@compiled(allocates=False)
def _bond(s, r, length, height, joint, bond, variation, seed, f):
    """Courses of blocks."""
    wobble = 0.25 * joint * (noise2(9.0 * s, 9.0 * r, seed + 2) - 0.5)
    course = math.floor(r / height)
    i = int(course)
    at = s + bond * length * (i & 1) + (0.0 if bond > 0.0 else length * lattice(i, 7, 7, seed))
    j = math.floor(at / length)
    edge = min(_to_edge(at, length), _to_edge(r, height)) + wobble
    gap = _line(edge, joint, f)
    tint, odd, warm = lattice(j, i, 1, seed), lattice(j, i, 2, seed), lattice(j, i, 3, seed)
    k = 1.0 + variation * (tint - 0.55) - (0.35 * variation if odd > 0.86 else 0.0)
    face = fractal2(14.0 * s + 3.0 * tint, 14.0 * r, 4, seed + 11, 14.0 * f)
    k *= 0.78 + 0.44 * face
    k *= 1.0 - 0.25 * (1.0 - step(edge, 0.5 * joint, 2.2 * joint + f))
    high = 0.5 * joint * (1.0 - gap) + 0.12 * joint * face + 0.2 * joint * tint
    return k, 0.92 * gap, 0.75 + 0.5 * face, variation * 0.35 * (warm - 0.5), high


@compiled(allocates=False)
def brick(m, x, y, z, s, r, u, v, f, seed, only_height):
    """Bricks."""
    k, t, k2, warm, h = _bond(s, r, m[_OWN], m[_OWN + 1], m[_OWN + 2], m[_OWN + 3], m[_OWN + 4], seed, f)
    if only_height:
        return 0.0, 0.0, 0.0, 0.0, h
    white = step(fractal2(0.9 * s, 1.6 * r, 4, seed + 31, 1.6 * f), 0.6, 0.8)  # lime that washed out
    return k, clamp(t + 0.22 * white, 0.0, 1.0), k2, warm, h


@compiled(allocates=False)
def planks(m, x, y, z, s, r, u, v, f, seed, only_height):
    """Boards."""
    if m[_OWN + 3] > 0.5:
        s, r = r, s
    width, length, gap = m[_OWN], m[_OWN + 1], m[_OWN + 2]
    i = math.floor(r / width)
    at = s + length * lattice(i, 3, 3, seed)
    j = math.floor(at / length)
    tint, warm = lattice(i, j, 4, seed), lattice(i, j, 5, seed)
    edge = _line(min(_to_edge(r, width), _to_edge(at, length)), gap, f)
    dark, k = _grain(s + 9.1 * tint, r + 3.7 * warm, seed + (i & 7), 0.02, f, only_height)
    k *= 1.0 + m[_OWN + 4] * (tint - 0.5)
    return k * (1.0 - 0.55 * dark), edge, 1.0, 0.12 * (warm - 0.5), 0.002 * (1.0 - edge) - 0.0004 * dark


@compiled(allocates=False)
def ashlar(m, x, y, z, s, r, u, v, f, seed, only_height):
    """Cut stone."""
    length, height = m[_OWN], m[_OWN + 1]
    i = math.floor(r / height)
    stretch = length * (0.75 + 0.5 * lattice(i, 1, 1, seed))
    at = s + stretch * lattice(i, 2, 2, seed)
    k, t, k2, warm, h = _bond(at, r, stretch, height, m[_OWN + 2], 0.0, m[_OWN + 3], seed + i, f)
    if only_height:
        return 0.0, 0.0, 0.0, 0.0, h
    streak = step(fractal2(2.4 * s, 0.3 * r, 4, seed + 41, 2.4 * f), 0.52, 0.75)
    return k * (1.0 - 0.3 * streak), t, k2, warm, h


@compiled(allocates=False)
def rubble(m, x, y, z, s, r, u, v, f, seed, only_height):
    """Rough stones."""
    size = m[_OWN]
    a = 0.12 * size * (fractal2(4.0 * s / size, 4.0 * r / size, 2, seed + 5, 4.0 * f / size) - 0.5)
    _, border, tint = worley2((s + a) / size, 1.35 * (r - a) / size, seed)
    border *= size
    gap = _line(border, m[_OWN + 1], f)
    face = fractal2(9.0 * s + 5.0 * tint, 9.0 * r, 5, seed + 11, 9.0 * f)
    k = (1.0 + m[_OWN + 2] * (tint - 0.5)) * (0.6 + 0.8 * face)
    dome = step(border, 0.0, 0.3 * size)
    return (
        k,
        0.9 * gap,
        0.7 + 0.6 * face,
        0.3 * m[_OWN + 2] * (tint * 7.3 % 1.0 - 0.5),
        0.05 * size * (dome + face),
    )


@compiled(allocates=False)
def tiles(m, x, y, z, s, r, u, v, f, seed, only_height):
    """Tiles."""
    size, joint = m[_OWN], m[_OWN + 1]
    i, j = math.floor(s / size), math.floor(r / size)
    gap = _line(min(_to_edge(s, size), _to_edge(r, size)), joint, f)
    if only_height:
        return 0.0, 0.0, 0.0, 0.0, 0.002 * (1.0 - gap)
    tint = lattice(i, j, 1, seed)
    cloud = fractal2(6.0 * s + 3.0 * tint, 6.0 * r, 4, seed + 3, 6.0 * f)
    k = (1.0 + m[_OWN + 3] * (tint - 0.5)) * (0.88 + 0.24 * cloud)
    other = m[_OWN + 2] if (i + j) & 1 else 0.0
    dirt = 0.15 * step(fractal2(0.9 * s, 0.9 * r, 4, seed + 9, 0.9 * f), 0.5, 0.7)
    return k * (1.0 - 0.6 * gap) * (1.0 - dirt), other, k * (1.0 - 0.6 * gap), 0.0, 0.002 * (1.0 - gap)


@compiled(allocates=False)
def paving(m, x, y, z, s, r, u, v, f, seed, only_height):
    """Slabs."""
    k, t, k2, warm, h = _bond(s, r, m[_OWN], m[_OWN + 1], m[_OWN + 2], 0.5, m[_OWN + 3], seed, f)
    if only_height:
        return 0.0, 0.0, 0.0, 0.0, h
    stain = step(fractal2(0.6 * s, 0.6 * r, 5, seed + 21, 0.6 * f), 0.48, 0.72)
    moss = 0.35 * step(fractal2(1.3 * s, 1.3 * r, 4, seed + 23, 1.3 * f), 0.58, 0.75)
    return k * (1.0 - 0.3 * stain), clamp(t + moss * (1.0 - t) * 0.5, 0.0, 1.0), k2, warm, h


@compiled(allocates=False)
def roof_tiles(m, x, y, z, s, r, u, v, f, seed, only_height):
    """Roof tiles."""
    width, height = m[_OWN], m[_OWN + 1]
    i = math.floor(r / height)
    a = r / height - i
    at = s + 0.5 * width * (i & 1)
    j = math.floor(at / width)
    b = at / width - j
    tint, warm = lattice(i, j, 1, seed), lattice(i, j, 2, seed)
    fade = clamp(2.0 - 5.0 * f / width, 0.0, 1.0)
    wave = 0.5 - 0.5 * math.cos(math.tau * b)
    if only_height:
        return 0.0, 0.0, 0.0, 0.0, fade * (0.03 * wave + 0.03 * (1.0 - a)) * width / 0.2
    low = mix(0.8, 1.0, 1.0 - fade + fade * step(a, 0.0, 0.2))
    side = 1.0 - 0.35 * fade * (1.0 - step(min(b, 1.0 - b), 0.01, 0.1))
    face = fractal2(8.0 * s, 8.0 * r, 4, seed + 3, 8.0 * f)
    moss = step(fractal2(0.8 * s, 0.8 * r, 5, seed + 9, 0.8 * f), 0.55, 0.78)
    k = (1.0 + m[_OWN + 2] * (tint - 0.5)) * low * low * side * (0.8 + 0.4 * face)
    return (
        k,
        0.45 * moss,
        0.7 + 0.6 * face,
        0.25 * (warm - 0.5),
        fade * (0.03 * wave + 0.03 * (1.0 - a)) * width / 0.2,
    )


@compiled(allocates=False)
def plaster(m, x, y, z, s, r, u, v, f, seed, only_height):
    """Plaster."""
    trowel = fractal2(5.0 * s, 5.0 * r, 5, seed, 5.0 * f)
    sandy = fractal2(110.0 * s, 110.0 * r, 2, seed + 3, 110.0 * f)
    crack = 0.0
    if m[_OWN] > 0.0:
        where = fractal2(0.35 * s, 0.35 * r, 3, seed + 11, 0.3 * f)
        where = step(where, 0.62 - 0.2 * m[_OWN], 0.72 - 0.2 * m[_OWN])
        if where > 0.0:
            crack = m[_OWN] * where * _crack(s, r, seed + 13, f)
    high = 0.003 * trowel + 0.0008 * sandy - 0.003 * crack
    if only_height:
        return 0.0, 0.0, 0.0, 0.0, high
    rough = fractal2(24.0 * s, 24.0 * r, 3, seed + 17, 24.0 * f)
    k = (0.84 + 0.32 * trowel) * (0.9 + 0.2 * rough) * (0.93 + 0.14 * sandy)
    t = m[_OWN + 1] * 0.6 * step(fractal2(2.0 * s, 0.28 * r, 4, seed + 5, 2.0 * f), 0.52, 0.78)
    t += m[_OWN + 1] * 0.5 * step(fractal2(0.5 * s, 0.5 * r, 5, seed + 7, 0.5 * f), 0.55, 0.75)
    t += m[_OWN + 2] * 0.7 * (1.0 - step(-y + 0.5 * trowel - 0.3, 0.05, 0.6)) * step(abs(r), -1.0, 0.0)
    return k * (1.0 - 0.55 * crack), clamp(t, 0.0, 0.9), k, 0.0, high


@compiled(allocates=False)
def cobbles(m, x, y, z, s, r, u, v, f, seed, only_height):
    """Cobblestones."""
    size = m[_OWN]
    d, border, tint = worley2(s / size, r / size, seed)
    fade = clamp(2.0 - 2.0 * f / size, 0.0, 1.0)
    high = fade * 0.25 * size * step(border, 0.0, 0.4)
    if only_height:
        return 0.0, 0.0, 0.0, 0.0, high
    gap = 1.0 - step(border, 0.05, 0.14 + f / size)
    face = fractal2(22.0 * s, 22.0 * r, 3, seed + 3, 22.0 * f)
    k = (1.0 + m[_OWN + 1] * (tint - 0.5)) * (0.75 + 0.5 * face) * (1.1 - 0.3 * fade * d)
    wide = fractal2(0.4 * s, 0.4 * r, 4, seed + 5, 0.4 * f)
    warm = 0.25 * (tint * 5.7 % 1.0 - 0.5)
    return k * (0.75 + 0.5 * wide), fade * gap, 0.7 + 0.6 * face, warm, high


@compiled(allocates=False)
def asphalt(m, x, y, z, s, r, u, v, f, seed, only_height):
    """Asphalt."""
    stones = fractal2(90.0 * s, 90.0 * r, 2, seed, 90.0 * f)
    crack = m[_OWN] * _crack(0.8 * s, 0.8 * r, seed + 9, f) if m[_OWN] > 0.0 else 0.0
    high = 0.004 * stones - 0.004 * crack
    if only_height:
        return 0.0, 0.0, 0.0, 0.0, high
    wide = fractal2(0.5 * s, 0.5 * r, 5, seed + 3, 0.5 * f)
    _, border, pick = worley2(0.22 * s, 0.22 * r, seed + 7)
    patch = m[_OWN + 1] * (0.3 if pick > 0.7 else 0.0)
    seam = m[_OWN + 1] * (0.4 if pick > 0.6 else 0.0) * (1.0 - step(border, 0.004, 0.012 + f))
    k = (0.7 + 0.6 * wide) * (1.0 - patch) * (1.0 - 0.6 * clamp(seam + crack, 0.0, 1.0))
    return k, 0.9 * step(stones, 0.52, 0.72), 0.8 + 0.4 * wide, 0.0, high


@compiled(allocates=False)
def concrete(m, x, y, z, s, r, u, v, f, seed, only_height):
    """Concrete."""
    fine = fractal2(40.0 * s, 40.0 * r, 3, seed + 3, 40.0 * f)
    d, pick = nearest2(26.0 * s, 26.0 * r, seed + 5)
    pore = (1.0 - step(d, 0.06, 0.16 + 26.0 * f)) if pick > 0.75 else 0.0
    joint = 0.0
    if m[_OWN] > 0.0:
        joint = _line(min(_to_edge(s, 1.6 * m[_OWN]), _to_edge(r, m[_OWN])), 0.015, f)
    high = 0.0015 * fine - 0.002 * pore - 0.006 * joint
    if only_height:
        return 0.0, 0.0, 0.0, 0.0, high
    wide = fractal2(0.8 * s, 0.8 * r, 6, seed, 0.8 * f)
    streak = m[_OWN + 1] * step(fractal2(2.6 * s, 0.22 * r, 4, seed + 7, 2.6 * f), 0.5, 0.78)
    k = (0.75 + 0.5 * wide) * (0.9 + 0.2 * fine) * (1.0 - 0.5 * pore) * (1.0 - 0.6 * joint)
    return k, 0.6 * streak, k, 0.0, high


@compiled(allocates=False)
def grass(m, x, y, z, s, r, u, v, f, seed, only_height):
    """Lawn."""
    turn = 6.0 * noise2(0.9 * x, 0.9 * z, seed + 3)
    c, d = math.cos(turn), math.sin(turn)
    a, b = c * x + d * z, c * z - d * x
    blade = fractal2(34.0 * a, 190.0 * b, 2, seed + 5, 120.0 * f)
    clump = step(fractal2(11.0 * x, 11.0 * z, 4, seed + 9, 11.0 * f), 0.1, 0.9)
    high = 0.02 * clump + 0.008 * blade
    if only_height:
        return 0.0, 0.0, 0.0, 0.0, high
    tuft = fractal2(2.2 * x, 2.2 * z, 3, seed, 2.2 * f)
    other = fractal2(150.0 * b + 3.0, 40.0 * a, 2, seed + 6, 110.0 * f)
    wide = fractal2(0.17 * x, 0.17 * z, 4, seed + 7, 0.17 * f)
    k = (0.35 + 1.3 * max(blade, other) * clump * 1.6) * (0.7 + 0.6 * tuft)
    dry = m[_OWN] * clamp(step(wide, 0.42, 0.68) + 0.9 * step(blade, 0.62, 0.8), 0.0, 1.0)
    return k, dry, k, 0.25 * (tuft - 0.5), high


@compiled(allocates=False)
def soil(m, x, y, z, s, r, u, v, f, seed, only_height):
    """Earth."""
    rough = fractal2(6.0 * x, 6.0 * z, 6, seed, 6.0 * f)
    d, pick = nearest2(17.0 * x, 17.0 * z, seed + 5)
    stone = (1.0 - step(d, 0.16, 0.3 + 17.0 * f)) if pick < m[_OWN] else 0.0
    high = 0.03 * rough + 0.01 * stone
    if only_height:
        return 0.0, 0.0, 0.0, 0.0, high
    wide = fractal2(0.35 * x, 0.35 * z, 4, seed + 3, 0.35 * f)
    k = (0.5 + 1.0 * rough) * (0.75 + 0.5 * wide)
    return (
        k,
        clamp(0.9 * stone + 0.3 * step(wide, 0.5, 0.7), 0.0, 1.0),
        k * (0.6 + 1.3 * pick),
        0.0,
        high,
    )


@compiled(allocates=False)
def leaf_litter(m, x, y, z, s, r, u, v, f, seed, only_height):
    """Fallen leaves."""
    size = m[_OWN]
    wx = 0.3 * size * (noise2(3.0 * x / size, 3.0 * z / size, seed + 8) - 0.5)
    _, border, tint = worley2((x + wx) / size, 1.5 * (z - wx) / size, seed)
    _, below, under = worley2(1.3 * x / size + 9.0, 0.8 * z / size, seed + 4)
    top = under < 0.6 or tint > 0.5
    pick, edge = (tint, border) if top else (under, below)
    fade = clamp(2.0 - 2.0 * f / size, 0.0, 1.0)
    high = fade * 0.015 * (edge + (0.5 if top else 0.0))
    if only_height:
        return 0.0, 0.0, 0.0, 0.0, high
    vein = fractal2(40.0 * x, 40.0 * z, 2, seed + 6, 40.0 * f)
    dark = 1.0 - 0.65 * fade * (1.0 - step(edge, 0.02, 0.16))
    wide = fractal2(0.4 * x, 0.4 * z, 4, seed + 3, 0.4 * f)
    k = dark * (0.45 + 0.95 * pick) * (0.75 + 0.5 * vein) * (0.7 + 0.6 * wide)
    return k, step(pick * 3.7 % 1.0, 0.55, 0.9), k, 0.5 * (pick * 9.1 % 1.0 - 0.4), high


@compiled(allocates=False)
def sand(m, x, y, z, s, r, u, v, f, seed, only_height):
    """Sand."""
    period = m[_OWN + 1]
    warp = fractal2(0.9 * x, 0.9 * z, 4, seed, 0.9 * f)
    phase = (0.3 * x + z + 0.9 * warp + 0.25 * noise2(5.0 * x, 2.0 * z, seed + 3)) / period
    wave = 0.5 + 0.5 * math.sin(math.tau * phase)
    ripple = (
        m[_OWN]
        * clamp(2.0 - 4.0 * f / period, 0.0, 1.0)
        * step(noise2(0.25 * x, 0.25 * z, seed + 5), 0.1, 0.6)
    )
    grains = fractal2(150.0 * x, 150.0 * z, 2, seed + 7, 150.0 * f)
    high = 0.1 * period * ripple * wave + 0.001 * grains
    if only_height:
        return 0.0, 0.0, 0.0, 0.0, high
    wide = fractal2(0.12 * x, 0.12 * z, 5, seed + 9, 0.12 * f)
    k = (0.85 + 0.3 * grains) * (0.85 + 0.3 * wide)
    return (
        k,
        clamp(0.35 * ripple * (1.0 - wave) + 0.3 * step(warp, 0.5, 0.7), 0.0, 1.0),
        k,
        0.0,
        high,
    )


@compiled(allocates=False)
def gravel(m, x, y, z, s, r, u, v, f, seed, only_height):
    """Pebbles."""
    size = m[_OWN]
    _d, border, tint = worley2(s / size, r / size, seed)
    fade = clamp(2.0 - 2.0 * f / size, 0.0, 1.0)
    high = fade * 0.35 * size * step(border, 0.0, 0.45)
    if only_height:
        return 0.0, 0.0, 0.0, 0.0, high
    gap = fade * (1.0 - step(border, 0.02, 0.2))
    wide = fractal2(0.5 * s, 0.5 * r, 5, seed + 3, 0.5 * f)
    face = fractal2(60.0 * s, 60.0 * r, 2, seed + 5, 60.0 * f)
    k = (1.0 + fade * m[_OWN + 1] * 1.2 * (tint - 0.5)) * (0.7 + 0.6 * wide) * (0.85 + 0.3 * face)
    return k, gap, 0.5, fade * 0.3 * (tint * 7.1 % 1.0 - 0.5), high


@compiled(allocates=False)
def rock(m, x, y, z, s, r, u, v, f, seed, only_height):
    """Rock."""
    big = fractal(0.9 * x, 0.9 * y, 0.9 * z, 5, seed, 0.9 * f)
    fine = fractal(11.0 * x, 11.0 * y, 11.0 * z, 4, seed + 3, 11.0 * f)
    edge = abs(fractal(1.7 * x, 1.7 * y, 1.7 * z, 4, seed + 5, 1.7 * f) - 0.5)
    crack = 1.0 - step(edge, 0.0, 0.03 + f)
    high = 0.05 * big + 0.012 * fine - 0.02 * crack
    if only_height:
        return 0.0, 0.0, 0.0, 0.0, high
    band = 0.5 + 0.5 * math.sin(7.0 * y + 9.0 * big)
    band = mix(0.5, band, clamp(2.0 - 4.0 * f, 0.0, 1.0))
    lichen = m[_OWN + 1] * step(fractal(3.1 * x, 3.1 * y, 3.1 * z, 4, seed + 7, 3.1 * f), 0.55, 0.66)
    k = (0.55 + 0.9 * big) * (0.7 + 0.6 * fine) * (1.0 - 0.35 * m[_OWN] * band) * (1.0 - 0.45 * crack)
    return k, lichen, 0.6 + 0.8 * fine, 0.2 * (band - 0.5), high


@compiled(allocates=False)
def bark(m, x, y, z, s, r, u, v, f, seed, only_height):
    """Bark."""
    width = m[_OWN]
    warp = 0.6 * noise2(3.0 * s / width * 0.3, 0.12 * r / width, seed + 3)
    ridge = abs(fractal2(s / width + warp, 0.16 * r / width, 3, seed, f / width) - 0.5) * 2.0
    high = 0.3 * width * step(ridge, 0.0, 0.5)
    if only_height:
        return 0.0, 0.0, 0.0, 0.0, high
    deep = 1.0 - step(ridge, 0.03, 0.28 + f / width)
    fine = fractal2(60.0 * s, 14.0 * r, 3, seed + 5, 50.0 * f)
    moss = step(fractal(1.3 * x, 1.3 * y, 1.3 * z, 4, seed + 7, 1.3 * f), 0.56, 0.75)
    return (0.6 + 0.8 * fine) * (1.0 - 0.25 * moss), 0.85 * deep, 0.8 + 0.4 * fine, -0.12 * moss, high


@compiled(allocates=False)
def wood(m, x, y, z, s, r, u, v, f, seed, only_height):
    """Wood."""
    dark, k = _grain(s, r, seed, m[_OWN], f, only_height)
    return k, dark, k, 0.0, -0.0004 * dark


@compiled(allocates=False)
def leaf(m, x, y, z, s, r, u, v, f, seed, only_height):
    """A leaf on a card."""
    along, across = 1.0 - v, abs(u - 0.5)
    rib = 1.0 - step(across, 0.006, 0.022)
    side = (along - 0.55 * across) * 9.0
    vein = (1.0 - step(abs(side - math.floor(side + 0.5)), 0.03, 0.12)) * step(across, 0.0, 0.05)
    spot = fractal2(7.0 * u + 3.0 * x, 7.0 * v + 3.0 * z, 4, seed, 0.0)
    tint = noise2(5.0 * x + 3.0 * y, 5.0 * z - 2.0 * y, seed + 3)
    k = (0.65 + 0.7 * tint) * (0.8 + 0.4 * spot)
    return (
        k,
        clamp(0.55 * rib + 0.35 * vein + 0.6 * step(tint, 0.55, 0.9), 0.0, 1.0),
        k,
        0.35 * (tint - 0.5),
        0.0,
    )


@compiled(allocates=False)
def twig(m, x, y, z, s, r, u, v, f, seed, only_height):
    """Leaves on a card."""
    tint = noise2(7.0 * x + 4.0 * y, 7.0 * z - 5.0 * y, seed + 3)
    inner = noise2(16.0 * u + 5.0 * x, 16.0 * v + 5.0 * z, seed)
    k = (0.5 + 0.9 * tint) * (0.65 + 0.7 * inner)
    return k, step(tint + 0.3 * inner, 0.6, 1.1), k, 0.3 * (inner - 0.5), 0.0


@compiled(allocates=False)
def foliage(m, x, y, z, s, r, u, v, f, seed, only_height):
    """Hedges and distant crowns."""
    size = m[_OWN]
    k = 1.0 / size
    deep = fractal(2.1 * x, 2.1 * y, 2.1 * z, 3, seed, 2.1 * f)
    leaves = fractal(0.8 * k * x, 0.8 * k * y, 0.8 * k * z, 3, seed + 3, 0.8 * k * f)
    high = 0.6 * size * leaves + 0.03 * deep
    if only_height:
        return 0.0, 0.0, 0.0, 0.0, high
    blade = fractal(2.3 * k * x + y, 2.3 * k * y + z, 2.3 * k * z + x, 2, seed + 5, 2.3 * k * f)
    bright = step(0.6 * leaves + 0.4 * blade, 0.3, 0.7)
    return (
        (0.25 + 1.1 * bright) * (0.5 + deep),
        0.7 * step(leaves * deep * 4.0, 0.8, 1.5),
        (0.3 + bright) * (0.5 + deep),
        0.3 * (blade - 0.5),
        high,
    )


@compiled(allocates=False)
def wire(m, x, y, z, s, r, u, v, f, seed, only_height):
    """Fences and railings: worn metal."""
    a = fractal(6.0 * x, 6.0 * y, 6.0 * z, 4, seed, 6.0 * f)
    return 0.7 + 0.6 * a, 0.5 * step(a, 0.55, 0.75), 1.0, 0.2 * (a - 0.5), 0.0


@compiled(allocates=False)
def water(m, x, y, z, s, r, u, v, f, seed, only_height):
    """Water: waves as height."""
    k = 1.0 / m[_OWN + 1]
    wave = fractal2(k * x, 0.7 * k * z, 4, seed, 0.5 * k * f)
    high = 0.12 * m[_OWN] * m[_OWN + 1] * wave
    if only_height:
        return 0.0, 0.0, 0.0, 0.0, high
    deep = fractal2(0.1 * x, 0.1 * z, 3, seed + 3, 0.1 * f)
    return 0.7 + 0.6 * deep, deep, 0.7 + 0.6 * deep, 0.0, high


@compiled(allocates=False)
def glass(m, x, y, z, s, r, u, v, f, seed, only_height):
    """A pane: curtains and dim shapes behind it."""
    high = 0.0006 * noise2(1.7 * s, 1.7 * r, seed + 5)
    if only_height:
        return 0.0, 0.0, 0.0, 0.0, high
    blob = fractal2(1.1 * s, 1.1 * r, 3, seed, 1.1 * f)
    fold = 0.5 + 0.5 * math.sin(55.0 * s + 9.0 * noise2(2.0 * s, 0.6 * r, seed + 3))
    curtain = step(abs(u - 0.5), 0.26, 0.32) * m[_OWN]
    return (
        (0.35 + 0.9 * blob) * mix(1.0, 1.6 + 0.8 * fold, curtain),
        0.6 * step(blob, 0.45, 0.7),
        1.0,
        0.0,
        high,
    )


@compiled(allocates=False)
def cloth(m, x, y, z, s, r, u, v, f, seed, only_height):
    """Woven cloth."""
    size = m[_OWN]
    a, b = math.sin(math.pi * s / size), math.sin(math.pi * r / size)
    fade = clamp(2.0 - 3.0 * f / size, 0.0, 1.0)
    weave = fade * 0.3 * (a * b)
    wide = 0.0 if only_height and m[_OWN + 3] == 0.0 else fractal2(2.2 * s, 2.2 * r, 4, seed, 2.2 * f)
    fold = m[_OWN + 3] * math.sin(17.0 * s + 3.0 * wide)
    t = 0.0
    if m[_OWN + 1] > 0.0:
        t = step(abs((s / m[_OWN + 1]) % 1.0 - 0.5), 0.22, 0.26)
    if m[_OWN + 2] > 0.0:
        t = 0.5 * step(abs((s / m[_OWN + 2]) % 1.0 - 0.5), 0.22, 0.26)
        t += 0.5 * step(abs((r / m[_OWN + 2]) % 1.0 - 0.5), 0.22, 0.26)
    k = (0.8 + 0.4 * wide) * (1.0 + weave) * (1.0 + 0.3 * fold)
    return k, t, k, 0.0, 0.25 * size * weave + 0.01 * fold


@compiled(allocates=False)
def carpet(m, x, y, z, s, r, u, v, f, seed, only_height):
    """A carpet with medallions."""
    size = m[_OWN]
    a, b = s / size, r / size
    i, j = math.floor(a), math.floor(b)
    pile = fractal2(130.0 * s, 130.0 * r, 2, seed, 130.0 * f)
    if only_height:
        return 0.0, 0.0, 0.0, 0.0, 0.004 * pile
    a, b = abs(a - i - 0.5), abs(b - j - 0.5)
    d = a + b + 0.08 * math.cos(26.0 * math.atan2(b + 1e-9, a))
    ring = step(abs((d * 4.2) % 1.0 - 0.5), 0.2, 0.3)
    wear = fractal2(1.1 * s, 1.1 * r, 4, seed + 3, 1.1 * f)
    k = (0.65 + 0.7 * pile) * (0.8 + 0.4 * wear)
    return (
        k,
        clamp(ring * step(lattice(int(i), int(j), 2, seed) + wear, 0.2, 0.7), 0.0, 1.0),
        k,
        0.2 * (wear - 0.5),
        0.004 * pile,
    )


@compiled(allocates=False)
def wallpaper(m, x, y, z, s, r, u, v, f, seed, only_height):
    """Printed paper."""
    size = m[_OWN]
    a = s / size
    i = math.floor(a)
    b = r / size + 0.5 * (i & 1)
    p, q = abs(a - i - 0.5), b - math.floor(b) - 0.5
    turn, d = math.atan2(q, p + 1e-9), math.sqrt(p * p + q * q)
    flower = step(0.27 + 0.09 * math.cos(6.0 * turn) + 0.03 * math.cos(14.0 * turn) - d, 0.0, 0.02 + f / size)
    heart = step(d, 0.09, 0.11 + f / size)
    stem = 1.0 - step(abs(p - 0.06 * math.sin(12.0 * q)), 0.012, 0.03 + f / size)
    t = clamp(flower * heart + 0.6 * stem * (1.0 - flower), 0.0, 1.0)
    if only_height:
        return 0.0, 0.0, 0.0, 0.0, 0.0003 * t
    worn = fractal2(1.2 * s, 1.2 * r, 4, seed, 1.2 * f)
    fine = fractal2(80.0 * s, 80.0 * r, 2, seed + 3, 80.0 * f)
    k = (0.9 + 0.2 * worn) * (0.95 + 0.1 * fine)
    return k, t, k, 0.1 * (worn - 0.5), 0.0003 * t


@compiled(allocates=False)
def metal(m, x, y, z, s, r, u, v, f, seed, only_height):
    """Metal."""
    wide = fractal(2.0 * x, 2.0 * y, 2.0 * z, 5, seed + 3, 2.0 * f)
    rust = m[_OWN] * step(wide, 0.62 - 0.25 * m[_OWN], 0.7 - 0.2 * m[_OWN])
    pit = fractal(26.0 * x, 26.0 * y, 26.0 * z, 3, seed + 5, 26.0 * f)
    high = 0.0015 * rust * pit
    if only_height:
        return 0.0, 0.0, 0.0, 0.0, high
    brush = fractal2(1.3 * s, 320.0 * r, 2, seed, 300.0 * f)
    return (
        (1.0 + m[_OWN + 1] * (brush - 0.5)) * (0.85 + 0.3 * wide),
        rust,
        0.55 + 0.9 * pit,
        0.0,
        high,
    )


@compiled(allocates=False)
def marble(m, x, y, z, s, r, u, v, f, seed, only_height):
    """Polished stone."""
    warp = fractal(1.3 * x, 1.3 * y, 1.3 * z, 5, seed, 1.3 * f)
    a = abs(fractal(1.1 * x + 1.5 * warp, 1.1 * y, 1.1 * z - 1.5 * warp, 4, seed + 3, 2.2 * f) - 0.5)
    vein = 1.0 - step(a, 0.0, 0.04)
    return 0.82 + 0.36 * warp, m[_OWN] * vein, 0.8 + 0.4 * warp, 0.15 * (warp - 0.5), 0.0


@compiled(allocates=False)
def snow(m, x, y, z, s, r, u, v, f, seed, only_height):
    """Snow."""
    soft = fractal2(0.9 * x, 0.9 * z, 5, seed, 0.9 * f)
    glint = fractal2(70.0 * x, 70.0 * z, 2, seed + 3, 70.0 * f)
    return (
        (0.9 + 0.15 * soft) * (0.97 + 0.06 * glint),
        0.5 * step(1.0 - soft, 0.45, 0.75),
        1.0,
        0.0,
        0.08 * soft + 0.001 * glint,
    )


@compiled(allocates=False)
def lamp(m, x, y, z, s, r, u, v, f, seed, only_height):
    """A glowing surface."""
    return 1.0, 0.0, 1.0, 0.0, 0.0
