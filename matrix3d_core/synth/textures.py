"""Procedural colors of the terrace: functions of the world point (or, for the sky, of the direction).

All edges are soft over a few centimeters and contrasts are moderate, so that a panorama of a
thousand columns resolves most of them.
"""

from __future__ import annotations

import numpy as np

from .scene_layout import GROUND_Y, Material

__all__ = ["SUN_DIRECTION", "albedo", "sky_color"]

SUN_DIRECTION = np.array([0.70, -0.66, -0.27]) / np.linalg.norm([0.70, -0.66, -0.27])
"""Unit vector towards the sun."""

_Array = np.ndarray


def _hash(ix: _Array, iy: _Array, iz: _Array, seed: int) -> _Array:
    """Random numbers in [0, 1) for integer lattice points."""
    h = ix.astype(np.uint32) * np.uint32(374761393) + iy.astype(np.uint32) * np.uint32(668265263)
    h = h + iz.astype(np.uint32) * np.uint32(2246822519) + np.uint32(seed * 3266489917 % 2**32)
    h = (h ^ (h >> np.uint32(15))) * np.uint32(2246822519)
    h = (h ^ (h >> np.uint32(13))) * np.uint32(3266489917)
    result: _Array = (h ^ (h >> np.uint32(16))) / np.float64(2**32)
    return result


def _noise(p: _Array, seed: int = 0) -> _Array:  # [N, 3] -> [N] in [0, 1]
    """Value noise on the unit lattice, smooth to the second derivative."""
    cell = np.floor(p)
    f = p - cell
    f = f * f * f * (f * (f * 6 - 15) + 10)
    i = cell.astype(np.int64)
    total = np.zeros(len(p))
    for corner in range(8):
        offset = (corner & 1, corner >> 1 & 1, corner >> 2 & 1)
        weight = np.ones(len(p))
        for k in range(3):
            weight = weight * (f[:, k] if offset[k] else 1 - f[:, k])
        total += weight * _hash(i[:, 0] + offset[0], i[:, 1] + offset[1], i[:, 2] + offset[2], seed)
    return total


def _fractal(p: _Array, octaves: int, seed: int = 0) -> _Array:
    """Sum of octaves of noise, [0, 1] with mean one half."""
    total, weight, norm = np.zeros(len(p)), 1.0, 0.0
    for k in range(octaves):
        total += weight * _noise(p * 2.0**k + 17.3 * k, seed + k)
        norm += weight
        weight *= 0.5
    return total / norm


def _smooth(x: _Array, low: float | _Array, high: float | _Array) -> _Array:
    t = np.clip((x - low) / (high - low), 0.0, 1.0)
    result: _Array = t * t * (3 - 2 * t)
    return result


def _mix(a: _Array, b: _Array, t: _Array) -> _Array:
    result: _Array = a + (b - a) * t[:, None]
    return result


def _color(*rgb: float) -> _Array:
    return np.array(rgb, dtype=np.float64)


def _joint(u: _Array, size: float, width: float) -> _Array:
    """1 on the joints of a row of tiles, 0 within, soft over the width."""
    distance = np.abs(u / size - np.round(u / size)) * size
    return 1 - _smooth(distance, 0.25 * width, width)


def _wall_coordinates(p: _Array, n: _Array) -> tuple[_Array, _Array]:
    """Meters along and up a wall."""
    along = np.where(np.abs(n[:, 0]) > np.abs(n[:, 2]), p[:, 2], p[:, 0])
    return along, GROUND_Y - p[:, 1]


def _ground(p: _Array, n: _Array) -> _Array:
    x, z = p[:, 0], p[:, 2]
    size = 0.8
    row = np.floor(z / size)
    shifted = x + 0.5 * size * (row % 2)
    column = np.floor(shifted / size)
    tint = _hash(column.astype(np.int64), row.astype(np.int64), np.zeros(len(p), np.int64), 3)
    tint2 = _hash(column.astype(np.int64), row.astype(np.int64), np.ones(len(p), np.int64), 5)
    stone = _color(0.60, 0.52, 0.41) * (0.84 + 0.24 * tint[:, None])
    stone = stone + (tint2 - 0.5)[:, None] * _color(0.05, 0.0, -0.05)
    stone = stone * (0.88 + 0.24 * _fractal(p * 2.3, 3, 11))[:, None]
    joint = np.maximum(_joint(shifted, size, 0.035), _joint(z, size, 0.035))
    paved = _mix(stone, _color(0.36, 0.32, 0.26) + 0 * stone, 0.75 * joint)
    # A band of darker stone frames the court and a medallion marks the camera's position.
    ring = np.hypot(x, z)
    band = _smooth(ring, 1.02, 1.06) * (1 - _smooth(ring, 1.24, 1.28))
    band = np.maximum(band, _smooth(ring, 2.18, 2.22) * (1 - _smooth(ring, 2.34, 2.38)))
    paved = _mix(paved, paved * _color(0.62, 0.55, 0.52), band)
    lawn = _grass(p, n)
    path = 1 - _smooth(np.abs(x) + 0.25 * _noise(p * 1.3, 8), 1.05, 1.3)
    gravel = _color(0.62, 0.56, 0.45) * (0.85 + 0.3 * _fractal(p * 3.0, 2, 9))[:, None]
    path = path * (z > 8.0) * (1 - _smooth(z, 34.0, 42.0))
    outside = _mix(lawn, gravel, path)
    inside = (x > -6.9) & (x < 5.4) & (z > -9.0) & (z < 8.5)
    return np.where(inside[:, None], paved, outside)


def _grass(p: _Array, n: _Array) -> _Array:
    near = _fractal(p * 1.7, 3, 21)
    wide = _fractal(p * 0.11, 2, 23)
    base = _mix(_color(0.20, 0.30, 0.09) + 0 * p, _color(0.36, 0.42, 0.14) + 0 * p, wide)
    return base * (0.75 + 0.5 * near)[:, None]


def _stone(p: _Array, n: _Array) -> _Array:
    base = _color(0.74, 0.66, 0.53) * (0.84 + 0.30 * _fractal(p * 1.9, 4, 31))[:, None]
    stain = _smooth(_fractal(p * np.array([1.5, 0.4, 1.5]), 3, 35), 0.5, 0.8)
    return _mix(base, base * _color(0.80, 0.78, 0.74), stain)


def _plaster(p: _Array, n: _Array) -> _Array:
    _, up = _wall_coordinates(p, n)
    base = _color(0.80, 0.66, 0.46) * (0.86 + 0.26 * _fractal(p * 0.8, 4, 41))[:, None]
    streak = _fractal(p * np.array([2.2, 0.25, 2.2]), 3, 43)
    base = base * (0.92 + 0.16 * streak)[:, None]
    return _mix(base, base * _color(0.82, 0.80, 0.80), 1 - _smooth(up, 0.4, 1.4))


def _ochre(p: _Array, n: _Array) -> _Array:
    along, up = _wall_coordinates(p, n)
    base = _color(0.72, 0.42, 0.27) * (0.84 + 0.3 * _fractal(p * 0.9, 4, 47))[:, None]
    dado = _color(0.62, 0.57, 0.50) * (0.88 + 0.2 * _fractal(p * 1.6, 3, 49))[:, None]
    low = 1 - _smooth(up, 0.93, 0.97)
    line = _smooth(up, 0.93, 0.97) * (1 - _smooth(up, 1.05, 1.09))
    # A painted frieze of lozenges under the ceiling.
    frieze = _smooth(up, 2.95, 3.0) * (1 - _smooth(up, 3.4, 3.45))
    u, v = along / 0.45, (up - 3.2) / 0.45
    lozenge = 1 - _smooth(np.abs(u - np.round(u)) + np.abs(v), 0.28, 0.42)
    color = _mix(base, dado, low)
    color = _mix(color, color * 0 + _color(0.86, 0.80, 0.68), line)
    color = _mix(color, color * 0 + _color(0.83, 0.76, 0.62), frieze)
    return _mix(color, color * 0 + _color(0.24, 0.38, 0.44), frieze * lozenge)


def _brick(p: _Array, n: _Array) -> _Array:
    along, up = _wall_coordinates(p, n)
    height, length = 0.16, 0.42
    row = np.floor(up / height)
    shifted = along + 0.5 * length * (row % 2)
    column = np.floor(shifted / length)
    tint = _hash(column.astype(np.int64), row.astype(np.int64), np.zeros(len(p), np.int64), 51)
    base = _mix(_color(0.55, 0.25, 0.17) + 0 * p, _color(0.66, 0.38, 0.26) + 0 * p, tint)
    base = base * (0.85 + 0.3 * _fractal(p * 2.5, 3, 53))[:, None]
    joint = np.maximum(_joint(shifted, length, 0.02), _joint(up, height, 0.02))
    return _mix(base, base * 0 + _color(0.60, 0.52, 0.43), 0.7 * joint)


def _leaves(p: _Array, n: _Array) -> _Array:
    clump = 0.5 * _fractal(p * 3.2, 3, 61) + 0.5 * _fractal(p * 7.5, 2, 62)
    wide = _noise(p * 0.7, 63)
    dark, light = _color(0.09, 0.18, 0.04) + 0 * p, _color(0.33, 0.44, 0.09) + 0 * p
    return _mix(dark, light, _smooth(clump, 0.32, 0.68)) * (0.8 + 0.4 * wide)[:, None]


def _cypress(p: _Array, n: _Array) -> _Array:
    clump = _fractal(p * np.array([2.6, 0.9, 2.6]), 3, 67)
    return _mix(_color(0.07, 0.13, 0.06) + 0 * p, _color(0.20, 0.28, 0.10) + 0 * p, _smooth(clump, 0.3, 0.7))


def _wood(p: _Array, n: _Array) -> _Array:
    grain = _fractal(p * np.array([6.0, 5.0, 0.9]), 3, 71)
    return _color(0.40, 0.26, 0.15) * (0.7 + 0.6 * grain)[:, None]


def _glass(p: _Array, n: _Array) -> _Array:
    x, up = p[:, 0], GROUND_Y - p[:, 1]
    pane = _mix(
        _color(0.10, 0.14, 0.19) + 0 * p, _color(0.36, 0.46, 0.56) + 0 * p, _smooth(up % 2.3, 0.7, 2.3)
    )
    pane = pane * (0.8 + 0.4 * _fractal(p * 0.9, 2, 73))[:, None]
    # Frames: every window is about 0.9 m wide, so bars are placed by the nearest center.
    centers = np.where(up < 2.8, np.array([-2.6, 3.2, 5.0])[:, None], np.nan)
    upper = np.array([-3.0, -0.9, 0.7, 2.4, 4.4])[:, None]
    low = np.nanmin(np.abs(x - np.where(np.isnan(centers), 99.0, centers)), 0)
    high = np.abs(x - upper).min(0)
    across = np.where(up < 2.8, low, high)
    half = np.where(up < 2.8, 0.45, 0.42)
    middle = np.where(up < 2.8, 1.75, 4.0)
    bar = np.maximum(1 - _smooth(across, 0.02, 0.045), _smooth(across, half - 0.07, half - 0.045))
    bar = np.maximum(bar, 1 - _smooth(np.abs(up - middle), 0.02, 0.045))
    return _mix(pane, pane * 0 + _color(0.72, 0.68, 0.60), bar)


def _paint(p: _Array, n: _Array) -> _Array:
    along, up = _wall_coordinates(p, n)
    slat = 0.5 + 0.5 * np.cos(up * (2 * np.pi / 0.16))
    plank = 0.5 + 0.5 * np.cos(along * (2 * np.pi / 0.35))
    shade = np.where(up > 2.9, 0.80 + 0.22 * slat, 0.86 + 0.14 * plank)
    base = _color(0.20, 0.37, 0.37) * (0.85 + 0.3 * _fractal(p * 2.0, 3, 79))[:, None]
    return base * shade[:, None]


def _clay(p: _Array, n: _Array) -> _Array:
    base = _color(0.68, 0.36, 0.22) * (0.82 + 0.34 * _fractal(p * 2.4, 3, 83))[:, None]
    beams = (n[:, 1] > 0.5) & (GROUND_Y - p[:, 1] > 3.0)
    slats = 0.55 + 0.35 * _smooth(np.abs((p[:, 2] / 0.8) % 1.0 - 0.5), 0.08, 0.16)
    timber = _color(0.50, 0.36, 0.24) * slats[:, None] * (0.85 + 0.3 * _fractal(p * 1.5, 2, 85))[:, None]
    return np.where(beams[:, None], timber, base)


def _water(p: _Array, n: _Array) -> _Array:
    ripple = _fractal(p * np.array([4.0, 1.0, 4.0]), 3, 87)
    return _mix(
        _color(0.12, 0.30, 0.33) + 0 * p, _color(0.38, 0.58, 0.60) + 0 * p, _smooth(ripple, 0.3, 0.75)
    )


def _hill(p: _Array, n: _Array) -> _Array:
    wood = _smooth(_fractal(p * 0.13, 4, 91), 0.44, 0.58)
    meadow = _mix(_color(0.24, 0.32, 0.09) + 0 * p, _color(0.44, 0.42, 0.16) + 0 * p, _noise(p * 0.07, 93))
    trees = _color(0.13, 0.21, 0.08) * (0.7 + 0.6 * _fractal(p * 0.45, 3, 95))[:, None]
    return _haze(_mix(meadow, trees, wood), p)


def _ridge(p: _Array, n: _Array) -> _Array:
    trees = _color(0.16, 0.23, 0.11) * (0.7 + 0.6 * _fractal(p * 0.4, 3, 97))[:, None]
    return _haze(trees, p)


def _haze(color: _Array, p: _Array) -> _Array:
    """Haze between the terrace and the hills, measured from the origin so that all viewpoints agree."""
    amount = 0.42 * (1 - np.exp(-np.linalg.norm(p, axis=1) / 90.0))
    return _mix(color, color * 0 + _color(0.46, 0.56, 0.66), amount)


_TEXTURES = {
    Material.GROUND: _ground,
    Material.STONE: _stone,
    Material.PLASTER: _plaster,
    Material.OCHRE: _ochre,
    Material.BRICK: _brick,
    Material.LEAVES: _leaves,
    Material.WOOD: _wood,
    Material.GLASS: _glass,
    Material.CLAY: _clay,
    Material.WATER: _water,
    Material.HILL: _hill,
    Material.RIDGE: _ridge,
    Material.GRASS: _grass,
    Material.PAINT: _paint,
    Material.CYPRESS: _cypress,
}


def albedo(points: _Array, normals: _Array, material: _Array) -> _Array:  # [N, 3], [N, 3], [N] -> [N, 3]
    """Return the diffuse color (linear light) of surface points."""
    color = np.zeros((len(points), 3))
    for kind, texture in _TEXTURES.items():
        at = np.flatnonzero(material == kind)
        if len(at):
            color[at] = texture(points[at], normals[at])
    return color


def sky_color(directions: _Array) -> _Array:  # [N, 3] unit -> [N, 3]
    """Return the display color of the sky: gradient, soft clouds on a far plane, glow round the sun."""
    up = np.clip(-directions[:, 1], 0.0, 1.0)
    zenith, middle, horizon = _color(0.20, 0.42, 0.74), _color(0.45, 0.66, 0.88), _color(0.84, 0.90, 0.93)
    base = _mix(horizon + 0 * directions, middle + 0 * directions, _smooth(up, 0.0, 0.35))
    base = _mix(base, zenith + 0 * directions, _smooth(up, 0.25, 1.0))
    plane = directions / (up + 0.16)[:, None] * np.array([1.0, 0.0, 1.0])
    field = _fractal(plane * 1.1 + 5.0, 5, 101)
    cloud = _smooth(field, 0.50, 0.74) * _smooth(up, 0.02, 0.16)
    lit = 0.86 + 0.16 * _smooth(_fractal(plane * 1.1 + 5.12, 4, 101), 0.35, 0.7)
    base = _mix(base, np.minimum(lit, 1.0)[:, None] * _color(0.99, 0.975, 0.95), 0.85 * cloud)
    towards = np.clip(directions @ SUN_DIRECTION, 0.0, 1.0)
    glow = 0.55 * towards**60 + 0.25 * towards**8
    base = base + glow[:, None] * _color(1.0, 0.93, 0.78) * 0.5
    sun_disk = _smooth(towards, np.cos(0.035), np.cos(0.022))
    result: _Array = np.clip(_mix(base, _color(1.0, 0.99, 0.93) + 0 * base, sun_disk), 0.0, 1.0)
    return result
