"""Noise for patterns, compiled: functions of a position, the same on every machine.

Source: K. Perlin, An Image Synthesizer, 1985 (octaves); S. Worley, A Cellular Texture Basis Function, 1996.
"""

# mypy: ignore-errors
from __future__ import annotations

import math

import numpy as np

from ..compiled import compiled

__all__ = [
    "clamp",
    "fractal",
    "fractal2",
    "lattice",
    "mix",
    "nearest2",
    "noise",
    "noise2",
    "random",
    "step",
    "worley2",
]

u4 = np.uint32


@compiled(allocates=False)
def clamp(x, low, high):
    """Limit x."""
    return low if x < low else (high if x > high else x)


@compiled(allocates=False)
def mix(a, b, t):
    """Blend from a to b."""
    return a + (b - a) * t


@compiled(allocates=False)
def step(x, low, high):
    """Rise smoothly from 0 at low to 1 at high."""
    t = clamp((x - low) / (high - low), 0.0, 1.0)
    return t * t * (3.0 - 2.0 * t)


@compiled(allocates=False)
def _mixed(h):
    """Mix the bits of a uint32; products are cut to 32 bits at every step, as numba widens them."""
    h = u4(u4(h ^ (h >> u4(15))) * u4(0x2C1B3C6D))
    h = u4(u4(h ^ (h >> u4(12))) * u4(0x297A2D39))
    return u4(h ^ (h >> u4(15)))


@compiled(allocates=False)
def lattice(x, y, z, seed):
    """Random number in [0, 1) of integer coordinates."""
    h = u4(u4(x) * u4(0x9E3779B1)) ^ u4(
        u4(y) * u4(0x85EBCA77) + u4(z) * u4(0xC2B2AE3D) + u4(seed) * u4(0x27D4EB2F)
    )
    return (_mixed(h) >> u4(8)) * (1.0 / 16777216.0)


@compiled(allocates=False)
def random(state):
    """Next number in [0, 1) of a generator whose state is ``state[0]`` (uint32)."""
    state[0] = u4(state[0] * u4(747796405) + u4(2891336453))
    return (_mixed(state[0]) >> u4(8)) * (1.0 / 16777216.0)


@compiled(allocates=False)
def noise(x, y, z, seed):
    """Value noise in space, 0..1."""
    fx, fy, fz = math.floor(x), math.floor(y), math.floor(z)
    i, j, k = int(fx), int(fy), int(fz)
    x, y, z = x - fx, y - fy, z - fz
    x, y, z = x * x * (3.0 - 2.0 * x), y * y * (3.0 - 2.0 * y), z * z * (3.0 - 2.0 * z)
    a = mix(lattice(i, j, k, seed), lattice(i + 1, j, k, seed), x)
    b = mix(lattice(i, j + 1, k, seed), lattice(i + 1, j + 1, k, seed), x)
    c = mix(lattice(i, j, k + 1, seed), lattice(i + 1, j, k + 1, seed), x)
    d = mix(lattice(i, j + 1, k + 1, seed), lattice(i + 1, j + 1, k + 1, seed), x)
    return mix(mix(a, b, y), mix(c, d, y), z)


@compiled(allocates=False)
def noise2(x, y, seed):
    """Value noise in a plane, 0..1."""
    fx, fy = math.floor(x), math.floor(y)
    i, j = int(fx), int(fy)
    x, y = x - fx, y - fy
    x, y = x * x * (3.0 - 2.0 * x), y * y * (3.0 - 2.0 * y)
    a = mix(lattice(i, j, 0, seed), lattice(i + 1, j, 0, seed), x)
    b = mix(lattice(i, j + 1, 0, seed), lattice(i + 1, j + 1, 0, seed), x)
    return mix(a, b, y)


@compiled(allocates=False)
def fractal(x, y, z, octaves, seed, footprint):
    """Octaves of `noise`, 0..1 with mean one half; those finer than ``footprint`` (in cells) fade out."""
    total, weight, norm = 0.0, 1.0, 0.0
    for k in range(octaves):
        share = clamp(2.0 - 2.0 * footprint, 0.0, 1.0)
        norm += weight
        if share > 0.0:
            total += weight * share * (noise(x, y, z, seed + k) - 0.5)
        x, y, z = 2.03 * x + 13.7, 2.03 * y + 4.1, 2.03 * z - 7.1
        footprint *= 2.03
        weight *= 0.55
    return clamp(0.5 + 1.45 * total / norm, 0.0, 1.0)


@compiled(allocates=False)
def fractal2(x, y, octaves, seed, footprint):
    """`fractal` in a plane."""
    total, weight, norm = 0.0, 1.0, 0.0
    for k in range(octaves):
        share = clamp(2.0 - 2.0 * footprint, 0.0, 1.0)
        norm += weight
        if share > 0.0:
            total += weight * share * (noise2(x, y, seed + k) - 0.5)
        x, y = 2.03 * x + 13.7, 2.03 * y - 7.1
        footprint *= 2.03
        weight *= 0.55
    return clamp(0.5 + 1.45 * total / norm, 0.0, 1.0)


@compiled(allocates=False)
def _nearest(x, y, seed):
    """Nearest of scattered points, one in each cell: squared distance, where it is from here, and its cell."""
    fx, fy = math.floor(x), math.floor(y)
    i, j = int(fx), int(fy)
    best, near_x, near_y, cell_i, cell_j = 9.0, 0.0, 0.0, i, j
    for dj in range(-1, 2):
        for di in range(-1, 2):
            px = di + 0.12 + 0.76 * lattice(i + di, j + dj, 1, seed) - (x - fx)
            py = dj + 0.12 + 0.76 * lattice(i + di, j + dj, 2, seed) - (y - fy)
            square = px * px + py * py
            if square < best:
                best, near_x, near_y, cell_i, cell_j = square, px, py, i + di, j + dj
    return best, near_x, near_y, cell_i, cell_j


@compiled(allocates=False)
def nearest2(x, y, seed):
    """Distance to the nearest point and the cell's number, as of `worley2`."""
    best, _, _, i, j = _nearest(x, y, seed)
    return math.sqrt(best), lattice(i, j, 3, seed)


@compiled(allocates=False)
def worley2(x, y, seed):
    """Cells round scattered points: distance to the nearest, distance to the border between cells, cell's number."""
    best, near_x, near_y, cell_i, cell_j = _nearest(x, y, seed)
    fx, fy = math.floor(x), math.floor(y)
    i, j, distance, border = int(fx), int(fy), math.sqrt(best), 9.0
    for reach in range(1, 3):
        # Points two cells away are 1.12 away at least, and a border lies at half the difference or farther.
        if reach == 2 and distance + 2.0 * border < 1.11:
            break
        for dj in range(-reach, reach + 1):
            for di in range(-reach, reach + 1):
                if cell_i == i + di and cell_j == j + dj:
                    continue
                if reach == 2 and max(abs(di), abs(dj)) < 2:
                    continue
                px = di + 0.12 + 0.76 * lattice(i + di, j + dj, 1, seed) - (x - fx)
                py = dj + 0.12 + 0.76 * lattice(i + di, j + dj, 2, seed) - (y - fy)
                ax, ay = px - near_x, py - near_y
                length = math.sqrt(ax * ax + ay * ay)
                if length > 1e-9:
                    border = min(border, (0.5 * (near_x + px) * ax + 0.5 * (near_y + py) * ay) / length)
    return distance, border, lattice(cell_i, cell_j, 3, seed)
