"""Three ray-traced scenes with exact ground truth for `quality_gsoptimize`: indoor, courtyard and open terrain.

They share nothing with the shipped sample but the tracer. Surfaces are matt and lit by one fixed light, so every
viewpoint sees the same color at the same point. World frame: x right, y down, z forward, meters; the path starts at
the origin, the ground is at ``y = 1.6``. Needs numba.
"""

from __future__ import annotations

import math
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numba as nb
import numpy as np
import torch
from torch import Tensor

from matrix3d_core.geometry.rotations import matrix_from_yaw_pitch_roll
from matrix3d_core.geometry.spherical import directions_from_pixels
from matrix3d_core.scene.camera import Camera, Equirect, Pinhole
from matrix3d_core.scene.trajectory import Trajectory
from matrix3d_core.synth.geometry import Geometry, Shape, ShapeFlag, empty_looks, geometry_of
from matrix3d_core.synth.kernels_hierarchy import hits, occlusions

__all__ = ["SCENES", "Scene", "Shots", "frames_of", "make_scene", "off_path_poses", "path_of", "shots_of"]

VERSION = 1  # of the pictures: part of the name of the cached files
SCENES = ("indoor", "courtyard", "terrain")
FLOOR_Y = 1.6
FRAMES, VIEWS, VIEW_PX = 81, 24, 320

# Materials.
FLOOR, WALL, CEILING, WOOD, CLOTH, PICTURE, BOOKS, METAL, LEAVES = range(1, 10)
PAVING, BRICK, PLASTER, ROOF, STONE, GRASS, ROCK, BARK, GLASS, HILL = range(10, 20)


@dataclass(frozen=True)
class Scene:
    """The scene as plain float64 arrays.

    Attributes:
        name: one of `SCENES`.
        room: ``[6]`` min xyz, max xyz of a room seen from inside, or empty.
        boxes: ``[B, 7]`` min xyz, max xyz, material.
        balls: ``[E, 7]`` ellipsoids: center xyz, radii xyz, material.
        columns: ``[C, 6]`` upright capped cylinders: x, z, radius, top y, bottom y, material.
        light: ``[4]`` direction to the sun, or position of a lamp, and 1 for a lamp.
        ground: material of the ground, 0 for none.
    """

    name: str
    room: np.ndarray
    boxes: np.ndarray
    balls: np.ndarray
    columns: np.ndarray
    light: np.ndarray
    ground: int


@dataclass(frozen=True)
class Shots:
    """The training data and the evaluation views of the benchmark.

    Attributes:
        frames: ``[T, H, W, 3]`` float32.
        depth_ray: ``[H, W]`` ray distance of frame 0, inf in the sky.
        trajectory: poses of the frames.
        views: ``[V, S, S, 3]`` pictures off the path.
        poses: ``[V, 4, 4]`` their camera-from-world poses.
        K_px: ``[3, 3]`` their intrinsics.
    """

    frames: Tensor
    depth_ray: Tensor
    trajectory: Trajectory
    views: Tensor
    poses: Tensor
    K_px: Tensor


class _Builder:
    def __init__(self) -> None:
        self.boxes: list[tuple[float, ...]] = []
        self.balls: list[tuple[float, ...]] = []
        self.columns: list[tuple[float, ...]] = []

    def box(self, x: tuple, up: tuple, z: tuple, material: int) -> None:
        self.boxes.append((x[0], FLOOR_Y - up[1], z[0], x[1], FLOOR_Y - up[0], z[1], material))

    def ball(self, x: float, up: float, z: float, radii: tuple, material: int) -> None:
        self.balls.append((x, FLOOR_Y - up, z, *radii, material))

    def column(self, x: float, z: float, radius: float, up: tuple, material: int) -> None:
        self.columns.append((x, z, radius, FLOOR_Y - up[1], FLOOR_Y - up[0], material))

    def scene(self, name: str, light: tuple, ground: int, room: tuple = ()) -> Scene:
        def table(rows: list, width: int) -> np.ndarray:
            return np.array(rows, np.float64).reshape(-1, width)

        return Scene(
            name,
            np.array(room, np.float64),
            table(self.boxes, 7),
            table(self.balls, 7),
            table(self.columns, 6),
            np.array(light, np.float64),
            ground,
        )


def make_scene(name: str) -> Scene:
    """Build one of `SCENES`."""
    return {"indoor": _indoor, "courtyard": _courtyard, "terrain": _terrain}[name]()


def _indoor() -> Scene:
    """A living room: table, chairs, sofa, shelves, pictures, a doorway nook, a lamp under the ceiling."""
    b = _Builder()
    # A wall that juts out on the left and hides a nook behind it; a pillar on the right.
    b.box((-3.4, -1.5), (0, 2.8), (2.7, 2.95), WALL)
    b.box((1.6, 1.95), (0, 2.8), (2.2, 2.55), WALL)
    # Table with four legs, bowls and books on it.
    b.box((0.75, 1.75), (0.70, 0.76), (0.5, 1.7), WOOD)
    for x in (0.80, 1.64):
        for z in (0.55, 1.59):
            b.box((x, x + 0.06), (0, 0.70), (z, z + 0.06), WOOD)
    b.ball(1.2, 0.84, 0.95, (0.16, 0.08, 0.16), METAL)
    b.box((1.0, 1.25), (0.76, 0.84), (1.25, 1.45), BOOKS)
    for x, z, back in ((0.45, 0.85, -1), (2.05, 1.1, 1)):  # chairs
        b.box((x - 0.2, x + 0.2), (0.42, 0.46), (z - 0.2, z + 0.2), WOOD)
        side = x - 0.2 if back < 0 else x + 0.16
        b.box((side, side + 0.04), (0.46, 0.92), (z - 0.2, z + 0.2), CLOTH)
        for dx in (-0.18, 0.15):
            for dz in (-0.18, 0.15):
                b.box((x + dx, x + dx + 0.03), (0, 0.42), (z + dz, z + dz + 0.03), WOOD)
    # Sofa along the left wall, cushions.
    b.box((-3.1, -2.3), (0, 0.42), (-0.9, 1.3), CLOTH)
    b.box((-3.3, -2.95), (0.3, 0.85), (-0.9, 1.3), CLOTH)
    b.ball(-2.75, 0.58, -0.5, (0.12, 0.2, 0.24), PICTURE)
    b.ball(-2.75, 0.58, 0.9, (0.12, 0.2, 0.24), BOOKS)
    # Shelves with books on the right wall and behind the camera.
    for up in (0.4, 0.85, 1.3, 1.75):
        b.box((2.95, 3.4), (up - 0.03, up), (-1.9, -0.3), WOOD)
        b.box((3.05, 3.35), (up, up + 0.28), (-1.8, -0.7), BOOKS)
    for z in (-1.93, -0.3):
        b.box((2.95, 3.4), (0, 2.0), (z, z + 0.03), WOOD)
    b.box((-1.6, 0.2), (0, 0.9), (-2.2, -1.75), WOOD)
    b.ball(-1.1, 1.12, -1.95, (0.17, 0.22, 0.17), METAL)
    b.box((-0.5, 0.0), (0.9, 1.0), (-2.1, -1.85), BOOKS)
    # Pictures on the walls, a window-like glass pane, a plant in the nook, a rug, a floor lamp.
    b.box((-0.9, 0.5), (1.2, 2.1), (5.15, 5.2), PICTURE)
    b.box((1.2, 2.4), (1.0, 2.2), (5.15, 5.2), GLASS)
    b.box((-3.42, -3.38), (1.2, 2.0), (-0.5, 0.9), PICTURE)
    b.box((3.36, 3.42), (1.2, 2.1), (0.6, 1.7), PICTURE)
    b.box((-1.3, 0.3), (0.0, 0.012), (0.2, 2.3), CLOTH)
    b.column(-2.7, 4.2, 0.22, (0, 0.45), METAL)
    b.ball(-2.7, 0.95, 4.2, (0.4, 0.55, 0.4), LEAVES)
    b.column(2.7, 3.9, 0.03, (0, 1.5), METAL)
    b.column(2.7, 3.9, 0.2, (1.5, 1.8), CLOTH)
    b.box((-0.4, 0.6), (0, 0.5), (4.2, 4.8), WOOD)
    b.ball(0.1, 0.68, 4.5, (0.2, 0.18, 0.2), METAL)
    return b.scene("indoor", (0.3, -1.0, 1.4, 1.0), 0, (-3.4, -1.3, -2.4, 3.4, FLOOR_Y, 5.2))


def _courtyard() -> Scene:
    """A paved court between brick and plaster fronts: arcade, stairs, planters, benches, a tree, a cart."""
    b = _Builder()
    b.box((-6.4, -5.6), (0, 6.2), (-6.0, 11.0), BRICK)
    b.box((5.6, 6.4), (0, 5.0), (-6.0, 11.0), PLASTER)
    b.box((-6.4, 6.4), (0, 5.6), (-6.8, -6.0), PLASTER)
    b.box((-6.4, 6.4), (0, 4.2), (10.6, 11.2), BRICK)
    b.box((-6.7, -5.4), (6.2, 6.5), (-6.2, 11.2), ROOF)
    b.box((5.4, 6.7), (5.0, 5.3), (-6.2, 11.2), ROOF)
    for z in (-4.5, -1.8, 0.9, 3.6, 6.3, 9.0):  # arcade on the right
        b.box((3.85, 4.2), (0, 2.7), (z, z + 0.35), STONE)
    b.box((3.75, 5.6), (2.7, 3.05), (-6.0, 11.0), STONE)
    for up, z in ((1.1, -3.2), (1.1, 0.6), (1.1, 4.4), (3.9, -3.2), (3.9, 0.6), (3.9, 4.4), (3.9, 8.0)):
        b.box((-5.62, -5.56), (up, up + 1.4), (z, z + 1.0), GLASS)  # windows on the left
        b.box((-5.6, -5.42), (up - 0.12, up), (z - 0.1, z + 1.1), STONE)
    for x in (-4.0, -1.0, 2.0):
        b.box((x, x + 1.0), (1.2, 2.7), (-6.02, -5.95), GLASS)
        b.box((x, x + 1.1), (1.0, 2.5), (10.55, 10.62), GLASS)
    for step in range(4):  # stairs at the back left
        b.box((-5.6, -3.4), (0.22 * step, 0.22 * (step + 1)), (6.2 + 0.5 * step, 10.6), STONE)
    for x, z in ((-2.6, 1.2), (2.5, 2.6), (-2.4, 4.8), (1.9, -2.2)):  # planters
        b.box((x - 0.4, x + 0.4), (0, 0.55), (z - 0.4, z + 0.4), WOOD)
        b.ball(x, 0.85, z, (0.45, 0.42, 0.45), LEAVES)
        b.ball(x + 0.1, 1.2, z - 0.1, (0.25, 0.3, 0.25), LEAVES)
    b.column(-3.2, -2.6, 0.16, (0, 2.3), BARK)  # the tree
    for dx, up, dz, r in (
        (0, 2.9, 0, 0.95),
        (0.7, 2.5, 0.3, 0.6),
        (-0.5, 2.5, 0.5, 0.65),
        (0, 2.4, -0.7, 0.6),
    ):
        b.ball(-3.2 + dx, up, -2.6 + dz, (r, 0.8 * r, r), LEAVES)
    b.column(0.9, 7.2, 0.9, (0, 0.6), STONE)  # the well
    b.column(0.9, 7.2, 0.72, (0.6, 0.62), GLASS)
    for dx in (-0.8, 0.72):
        b.box((0.9 + dx, 0.98 + dx), (0.6, 2.0), (7.16, 7.24), WOOD)
    b.box((0.0, 1.8), (2.0, 2.12), (6.8, 7.6), ROOF)
    b.box((2.3, 2.75), (0.38, 0.45), (-0.6, 0.9), WOOD)  # bench
    for z in (-0.5, 0.75):
        b.box((2.35, 2.7), (0, 0.38), (z, z + 0.08), STONE)
    b.box((-1.9, -1.2), (0, 0.7), (7.4, 8.2), WOOD)  # crates
    b.box((-1.8, -1.3), (0.7, 1.15), (7.5, 8.0), WOOD)
    b.ball(-1.0, 0.28, 7.0, (0.28, 0.28, 0.28), METAL)
    return b.scene("courtyard", (0.42, -0.80, -0.43, 0.0), PAVING)


def _terrain() -> Scene:
    """Grass, flat hills, rocks, scattered trees and a fence under an open sky."""
    b = _Builder()
    random = np.random.default_rng(5)
    for _ in range(22):  # hills: flat ellipsoids half in the ground, the near ones low
        angle, distance = random.uniform(0, math.tau), random.uniform(14, 75)
        x, z = distance * math.sin(angle), distance * math.cos(angle) + 1.5
        rx, rz = random.uniform(0.3, 0.5, 2) * distance
        b.ball(x, -0.3, z, (rx, 0.05 * distance + random.uniform(0.3, 2.0), rz), HILL)
    for _ in range(34):  # rocks
        angle, distance = random.uniform(0, math.tau), random.uniform(1.6, 11)
        x, z = distance * math.sin(angle), distance * math.cos(angle) + 1.5
        if abs(x) < 1.3 and -1 < z < 4.5:
            continue
        r = random.uniform(0.12, 0.55)
        b.ball(x, 0.3 * r, z, (r * random.uniform(0.8, 1.5), r * random.uniform(0.6, 1.2), r), ROCK)
    for _ in range(16):  # trees
        angle, distance = random.uniform(0, math.tau), random.uniform(4.5, 26)
        x, z, size = distance * math.sin(angle), distance * math.cos(angle) + 1.5, random.uniform(0.7, 1.4)
        b.column(x, z, 0.13 * size, (0, 1.7 * size), BARK)
        for _ in range(3):
            dx, dz = random.uniform(-0.6, 0.6, 2) * size
            r = random.uniform(0.7, 1.0) * size
            b.ball(x + dx, 2.1 * size + random.uniform(-0.3, 0.5), z + dz, (r, 0.85 * r, r), LEAVES)
    for k in range(7):  # a fence on the right
        b.box((1.9, 2.0), (0, 1.1), (-3 + 1.4 * k, -2.9 + 1.4 * k), WOOD)
    for up in (0.45, 0.9):
        b.box((1.93, 1.97), (up, up + 0.1), (-3.0, 5.5), WOOD)
    b.box((-5.2, -2.8), (0, 1.9), (4.4, 6.6), PLASTER)  # a hut
    b.box((-5.5, -2.5), (1.9, 2.15), (4.1, 6.9), ROOF)
    b.box((-2.82, -2.78), (0, 1.6), (5.1, 5.9), WOOD)
    return b.scene("terrain", (-0.55, -0.70, 0.45, 0.0), GRASS)


@nb.njit(inline="always")
def _hash(x, y, z, seed):
    h = np.uint32(x) * np.uint32(0x9E3779B1) + np.uint32(y) * np.uint32(0x85EBCA77)
    h = np.uint32(h + np.uint32(z) * np.uint32(0xC2B2AE3D) + np.uint32(seed) * np.uint32(0x27D4EB2F))
    h = np.uint32(h ^ (h >> np.uint32(15))) * np.uint32(0x2C1B3C6D)
    h = np.uint32(np.uint32(h) ^ (np.uint32(h) >> np.uint32(12))) * np.uint32(0x297A2D39)
    h = np.uint32(np.uint32(h) ^ (np.uint32(h) >> np.uint32(15)))
    return (h & np.uint32(0xFFFFFF)) / 16777216.0


@nb.njit
def _noise(x, y, z, seed):
    ix, iy, iz = math.floor(x), math.floor(y), math.floor(z)
    fx, fy, fz = x - ix, y - iy, z - iz
    fx, fy, fz = fx * fx * (3 - 2 * fx), fy * fy * (3 - 2 * fy), fz * fz * (3 - 2 * fz)
    total = 0.0
    for k in range(8):
        dx, dy, dz = k & 1, (k >> 1) & 1, k >> 2
        w = (fx if dx else 1 - fx) * (fy if dy else 1 - fy) * (fz if dz else 1 - fz)
        total += w * _hash(ix + dx, iy + dy, iz + dz, seed)
    return total


@nb.njit
def _fractal(x, y, z, octaves, seed):
    total, weight, norm = 0.0, 1.0, 0.0
    for k in range(octaves):
        s = 2.0**k
        total += weight * _noise(x * s + 13.7 * k, y * s, z * s - 7.1 * k, seed + k)
        norm += weight
        weight *= 0.5
    return total / norm


@nb.njit(inline="always")
def _step(x, low, high):
    t = min(max((x - low) / (high - low), 0.0), 1.0)
    return t * t * (3 - 2 * t)


@nb.njit(inline="always")
def _joint(u, size, width):
    """1 on a joint between tiles, 0 within."""
    return 1 - _step(abs(u / size - round(u / size)) * size, 0.3 * width, width)


@nb.njit
def _albedo(m, x, y, z, nx, ny, nz, c):
    """Write the linear color of a point of material m into c."""
    along = z if abs(nx) > abs(nz) else x
    up = FLOOR_Y - y
    r = g = b = 0.5
    if m == FLOOR:  # planks
        row = math.floor(x / 0.18)
        shift = z + 0.7 * _hash(int(row), 3, 1, 2)
        tone = 0.75 + 0.5 * _hash(int(row), math.floor(shift / 1.3), 0, 7)
        grain = 0.8 + 0.4 * _fractal(x * 14, 0.0, z * 2.0, 3, 11)
        k = tone * grain * (1 - 0.6 * max(_joint(x, 0.18, 0.012), _joint(shift, 1.3, 0.012)))
        r, g, b = 0.46 * k, 0.30 * k, 0.17 * k
    elif m == WALL:
        k = 0.9 + 0.2 * _fractal(x * 1.5, y * 1.5, z * 1.5, 3, 21)
        stripe = 0.5 + 0.5 * math.cos(along * (math.tau / 0.24))
        low = 1 - _step(up, 0.88, 0.92)
        k *= 1 - 0.12 * stripe * (1 - low)
        r, g, b = k * (0.72 - 0.22 * low), k * (0.68 - 0.18 * low), k * (0.56 - 0.18 * low)
        rail = _step(up, 0.88, 0.9) * (1 - _step(up, 0.96, 0.98))
        r, g, b = r * (1 - 0.5 * rail), g * (1 - 0.6 * rail), b * (1 - 0.6 * rail)
    elif m == CEILING:
        beam = _joint(z, 1.1, 0.11)
        k = (0.9 + 0.2 * _fractal(x, y, z, 3, 23)) * (1 - 0.55 * beam)
        r, g, b = 0.78 * k, 0.76 * k, 0.72 * k
    elif m == WOOD:
        k = 0.65 + 0.7 * _fractal(x * 9 + 2 * y, y * 9, z * 5, 3, 31)
        r, g, b = 0.45 * k, 0.28 * k, 0.14 * k
    elif m == CLOTH:
        check = 0.5 + 0.25 * math.cos(along * 42) + 0.25 * math.cos((y if abs(ny) < 0.5 else x + z) * 42)
        k = 0.75 + 0.3 * check + 0.2 * _fractal(x * 6, y * 6, z * 6, 2, 37)
        r, g, b = 0.42 * k, 0.15 * k + 0.08 * check, 0.16 * k
    elif m == PICTURE:
        v = _fractal(along * 3.1, up * 3.1, 0.0, 4, 41)
        w = _fractal(along * 2.3 + 9, up * 2.3, 4.0, 3, 45)
        r, g, b = (
            0.15 + 0.6 * _step(v, 0.35, 0.6),
            0.2 + 0.4 * _step(w, 0.4, 0.6),
            0.65 - 0.5 * _step(v, 0.4, 0.65),
        )
    elif m == BOOKS:
        book = math.floor(along / 0.055)
        h = _hash(book, math.floor(up / 0.45), 5, 3)
        tall = 0.7 + 0.3 * _hash(book, 2, 2, 9)
        k = (0.6 + 0.6 * tall) * (1 - 0.5 * _joint(along, 0.055, 0.008))
        r, g, b = k * (0.15 + 0.5 * h), k * (0.2 + 0.3 * _hash(book, 1, 4, 6)), k * (0.5 - 0.35 * h)
    elif m == METAL:
        ring = 0.5 + 0.5 * math.cos(up * 60)
        k = 0.8 + 0.4 * _fractal(x * 5, y * 5, z * 5, 3, 47)
        r, g, b = k * (0.5 - 0.15 * ring), k * 0.42, k * (0.30 + 0.2 * ring)
    elif m == LEAVES:
        v = _step(
            0.5 * _fractal(x * 4, y * 4, z * 4, 3, 51) + 0.5 * _noise(x * 13, y * 13, z * 13, 55), 0.33, 0.67
        )
        r, g, b = 0.07 + 0.22 * v, 0.13 + 0.33 * v, 0.03 + 0.06 * v
    elif m == PAVING:
        row = math.floor(z / 0.5)
        shift = x + 0.25 * (int(row) % 2)
        tint = _hash(math.floor(shift / 0.5), int(row), 0, 61)
        k = (0.8 + 0.35 * tint) * (0.85 + 0.3 * _fractal(x * 4, 0.0, z * 4, 3, 63))
        k *= 1 - 0.45 * max(_joint(shift, 0.5, 0.03), _joint(z, 0.5, 0.03))
        r, g, b = 0.48 * k, 0.44 * k, (0.38 + 0.06 * tint) * k
    elif m == BRICK:
        row = math.floor(up / 0.14)
        shift = along + 0.17 * (int(row) % 2)
        tint = _hash(math.floor(shift / 0.34), int(row), 1, 65)
        j = 0.75 * max(_joint(shift, 0.34, 0.018), _joint(up, 0.14, 0.018))
        k = 0.85 + 0.3 * _fractal(x * 3, y * 3, z * 3, 3, 67)
        r = k * ((0.50 + 0.16 * tint) * (1 - j) + 0.58 * j)
        g = k * ((0.22 + 0.12 * tint) * (1 - j) + 0.53 * j)
        b = k * ((0.15 + 0.08 * tint) * (1 - j) + 0.46 * j)
    elif m == PLASTER:
        k = 0.82 + 0.36 * _fractal(x * 0.9, y * 0.9, z * 0.9, 4, 71)
        stain = _step(_fractal(x * 2, y * 0.4, z * 2, 3, 75), 0.5, 0.8)
        r, g, b = k * (0.78 - 0.2 * stain), k * (0.66 - 0.16 * stain), k * (0.44 - 0.06 * stain)
    elif m == ROOF:
        wave = 0.7 + 0.3 * math.cos(along * (math.tau / 0.22))
        k = wave * (0.8 + 0.4 * _fractal(x * 2, y * 2, z * 2, 3, 77))
        r, g, b = 0.60 * k, 0.28 * k, 0.17 * k
    elif m == STONE:
        k = 0.8 + 0.4 * _fractal(x * 2.2, y * 2.2, z * 2.2, 4, 81)
        k *= 1 - 0.35 * _joint(up, 0.45, 0.02)
        r, g, b = 0.62 * k, 0.58 * k, 0.50 * k
    elif m == GRASS or m == HILL:
        fine = _fractal(x * 2.6, y * 2.6, z * 2.6, 4, 83)
        wide = _fractal(x * 0.15, y * 0.15, z * 0.15, 3, 87)
        k = 0.6 + 0.8 * fine
        r, g, b = k * (0.20 + 0.22 * wide), k * (0.30 + 0.14 * wide), k * 0.10
        if m == GRASS:  # a trodden path
            p = 1 - _step(abs(x - 0.6 * math.sin(0.5 * z)) + 0.3 * fine, 0.55, 0.85)
            r, g, b = r + p * (0.44 * k - r), g + p * (0.36 * k - g), b + p * (0.25 * k - b)
        else:
            wood = _step(_fractal(x * 0.2, y * 0.2, z * 0.2, 3, 89), 0.5, 0.6)
            r, g, b = r * (1 - 0.6 * wood), g * (1 - 0.45 * wood), b * (1 - 0.3 * wood)
    elif m == ROCK:
        k = 0.6 + 0.8 * _fractal(x * 4, y * 4, z * 4, 4, 91)
        moss = _step(_fractal(x * 2, y * 2, z * 2, 3, 95), 0.48, 0.66)
        r, g, b = k * (0.50 - 0.2 * moss), k * (0.48 - 0.1 * moss), k * (0.45 - 0.28 * moss)
    elif m == BARK:
        k = 0.6 + 0.8 * _fractal(x * 12, y * 3, z * 12, 3, 97)
        r, g, b = 0.30 * k, 0.23 * k, 0.17 * k
    elif m == GLASS:
        v = _fractal(along * 1.5, up * 1.5, 2.0, 3, 99)
        bar = max(_joint(along, 0.5, 0.04), _joint(up, 0.5, 0.04))
        r, g, b = (
            (0.12 + 0.2 * v) * (1 - bar) + 0.6 * bar,
            (0.2 + 0.25 * v) * (1 - bar) + 0.58 * bar,
            (0.3 + 0.3 * v) * (1 - bar) + 0.5 * bar,
        )
    c[0], c[1], c[2] = r, g, b


@nb.njit
def _paint(material, points, normals, colors):
    """Write the linear color of every point."""
    for k in range(len(material)):
        p, n = points[k], normals[k]
        _albedo(material[k], p[0], p[1], p[2], n[0], n[1], n[2], colors[k])


@nb.njit
def _paint_sky(rays, colors):
    """Write the display color of the sky."""
    for i in range(len(rays)):
        up = max(-rays[i, 1], 0.0)
        k = _step(up, 0.0, 0.5)
        s = 1 / (up + 0.2)
        field = _fractal(rays[i, 0] * s * 1.2 + 4, 0.0, rays[i, 2] * s * 1.2, 4, 7)
        cloud = _step(field, 0.45, 0.72) * _step(up, 0.02, 0.2)
        colors[i, 0] = (0.80 - 0.45 * k) * (1 - cloud) + 0.94 * cloud
        colors[i, 1] = (0.87 - 0.30 * k) * (1 - cloud) + 0.94 * cloud
        colors[i, 2] = (0.93 - 0.10 * k) * (1 - cloud) + 0.93 * cloud


def _geometry(scene: Scene) -> Geometry:
    """The scene's shapes for the library's tracer; the ground and the room cast no shadow."""
    boxes, balls, columns = scene.boxes, scene.balls, scene.columns
    one, none = np.ones((len(boxes), 1)), np.zeros((len(boxes), 3))
    parts = [
        (Shape.BOX, boxes[:, 6], np.hstack((none, boxes[:, :6], one))),
        (Shape.ELLIPSOID, balls[:, 6], np.hstack((balls[:, :6], np.ones((len(balls), 1))))),
        (Shape.CYLINDER, columns[:, 5], np.hstack((columns[:, :3], columns[:, 2:5]))),
    ]
    if scene.ground:
        parts.append((Shape.DISK, scene.ground, np.array(((0, FLOOR_Y, 0, 1000.0),))))
    if len(scene.room):
        low, high = scene.room[:3], scene.room[3:]
        for axis, faces in ((0, (WALL, WALL)), (1, (CEILING, FLOOR)), (2, (WALL, WALL))):
            edges = np.diag(high - low + 2e-6)[
                [k for k in range(3) if k != axis]
            ]  # no slit between the walls
            for side, material in enumerate(faces):
                corner = low - 1e-6
                corner[axis] = high[axis] if side else low[axis]
                parts.append((Shape.QUAD, material, np.hstack((corner, *edges))[None]))
    table = np.concatenate([np.pad(rows, ((0, 0), (0, 16 - rows.shape[1]))) for *_, rows in parts])
    kinds = np.zeros((len(table), 5), np.int32)
    kinds[:, 0] = np.concatenate([np.full(len(rows), shape) for shape, _, rows in parts])
    kinds[:, 1] = np.concatenate([np.broadcast_to(material, len(rows)) for _, material, rows in parts])
    kinds[len(boxes) + len(balls) + len(columns) :, 3] = ShapeFlag.NO_SHADOW
    return geometry_of(table, kinds)


def _steps(x: np.ndarray, low: float, high: float) -> np.ndarray:
    t = np.clip((x - low) / (high - low), 0.0, 1.0)
    return t * t * (3 - 2 * t)


def _shade(
    scene: Scene, geometry: Geometry, center: np.ndarray, rays: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the display color ``[N, 3]`` and the distance of unit rays."""
    count, looks = len(rays), empty_looks()
    distance, normal = np.empty(count), np.empty((count, 3))
    shape, material = np.empty(count, np.int64), np.empty(count, np.int64)
    hits(count, np.tile(center, (count, 1)), rays, geometry, looks, distance, shape, material, normal)
    distance[distance >= (400.0 if scene.ground else math.inf)] = math.inf
    color = np.empty((count, 3))
    met = np.isfinite(distance)
    color[~met] = _sky(rays[~met])
    normal, material = normal[met], material[met]
    points = center + distance[met, None] * rays[met]
    albedo = np.empty_like(points)
    _paint(material, points, normal, albedo)
    if scene.light[3] > 0:
        towards = scene.light[:3] - points
        far = np.linalg.norm(towards, axis=1)
        power = 2.4 / (0.6 + 0.35 * far * far)
    else:
        towards, far, power = np.tile(scene.light[:3], (len(points), 1)), np.full(len(points), 300.0), 1.15
    towards /= np.linalg.norm(towards, axis=1, keepdims=True)
    cosine, blocked = (normal * towards).sum(1), np.empty(len(points), np.bool_)
    occlusions(len(points), points + 1e-4 * normal, towards, far - 2e-4, geometry, looks, blocked)
    direct = np.where((cosine > 0) & ~blocked, cosine * power, 0.0)[:, None]
    sky = (0.42 + 0.14 * -normal[:, 1] + 0.05 * normal[:, 0])[:, None]
    sky *= 0.75 + 0.25 * _steps(FLOOR_Y - points[:, 1:2], 0.0, 0.5)  # darker near the floor
    lit = albedo * (direct * (1.05, 1.0, 0.88) + sky * (0.92, 1.0, 1.12))
    if scene.light[3] == 0:
        fog = 0.35 * (1 - np.exp(-np.hypot(points[:, :1], points[:, 2:]) / 90.0))
        lit = lit * (1 - fog) + fog * (0.5, 0.6, 0.7)
    color[met] = np.clip(lit, 0.0, 1.0) ** (1 / 2.2)
    return color, distance


def _sky(rays: np.ndarray) -> np.ndarray:
    colors = np.empty_like(rays)
    _paint_sky(rays, colors)
    return colors


def trace(
    scene: Scene, camera_from_world: Tensor, camera: Camera, *, samples: int = 4, distance: bool = False
) -> tuple[Tensor, Tensor]:
    """Trace the picture of a camera: ``rgb [H, W, 3]``, ray distance ``[H, W]``."""
    pose = camera_from_world.double()
    center, geometry = (-pose[:3, :3].mT @ pose[:3, 3]).numpy(), _geometry(scene)

    def rays(du: float, dv: float) -> np.ndarray:
        shift = torch.eye(3, dtype=torch.float64)
        shift[0, 2], shift[1, 2] = 0.5 - du, 0.5 - dv
        if isinstance(camera, Pinhole):
            local = Pinhole(camera.size_px, shift @ camera.K_px).rays()
        else:
            rows, columns = (torch.arange(size, dtype=torch.float64) for size in camera.size_px)
            grid = torch.meshgrid(columns + du - 0.5, rows + dv - 0.5, indexing="xy")
            local = directions_from_pixels(*grid, height=camera.height, width=camera.width)
        return np.ascontiguousarray((local @ pose[:3, :3]).reshape(-1, 3).numpy())

    total = sum(
        _shade(scene, geometry, center, rays((k + 0.5) / samples, (k * 0.618 + 0.31) % 1.0))[0]
        for k in range(samples)
    )
    rgb = torch.from_numpy(np.asarray(total) / samples).float().reshape(*camera.size_px, 3)
    if not distance:
        return rgb, torch.full((1, 1), math.inf)
    far = _shade(scene, geometry, center, rays(0.5, 0.5))[1]
    return rgb, torch.from_numpy(far).float().reshape(camera.size_px)


def path_of(name: str, count: int = FRAMES) -> Trajectory:
    """Return the walk through a scene: about 3 m forward in a gentle bend, the camera rotating with it."""
    s = torch.linspace(0, 1, count, dtype=torch.float64)
    bend = {"indoor": -0.35, "courtyard": 0.5, "terrain": 0.4}[name]
    length = {"indoor": 2.8, "courtyard": 4.0, "terrain": 3.6}[name]
    centers = torch.stack((bend * torch.sin(math.pi * s), -0.1 * torch.sin(math.pi * s) ** 2, length * s), -1)
    yaw = torch.atan(bend * math.pi / length * (torch.cos(math.pi * s) - 1))
    rotations = matrix_from_yaw_pitch_roll(yaw, torch.zeros_like(yaw), torch.zeros_like(yaw))
    return Trajectory.from_centers(rotations, centers, is_metric=True, name=name)


def off_path_poses(name: str, count: int = VIEWS) -> Tensor:  # [V, 4, 4]
    """Return camera-from-world poses 0.25 to 0.6 m off the path, at all yaws, level within 20 degrees."""
    random = torch.Generator().manual_seed(17)
    path = path_of(name)
    poses = torch.eye(4, dtype=torch.float64).repeat(count, 1, 1)
    for k in range(count):
        center = path.centers[int((k + 0.5) / count * len(path))].clone()
        u = torch.rand(3, generator=random, dtype=torch.float64)
        center += torch.stack(((0.25 + 0.35 * u[0]) * (1 if k % 2 else -1), 0.5 * (u[1] - 0.5), 0 * u[0]))
        yaw, pitch = torch.tensor(2.399963 * k), math.radians(20) * (2 * u[2] - 1)
        rotation = matrix_from_yaw_pitch_roll(yaw.double(), pitch, torch.zeros((), dtype=torch.float64)).mT
        poses[k, :3, :3], poses[k, :3, 3] = rotation, -rotation @ center
    return poses


def shots_of(name: str, *, height: int = 480, frames: int = FRAMES, cache: Path | None = None) -> Shots:
    """Return the data of a run, traced once and cached as 8-bit pictures."""
    folder = cache or Path(tempfile.gettempdir()) / "matrix3d-scenes"
    file = folder / f"{name}-{height}-{frames}-v{VERSION}.npz"
    scene, path, poses = make_scene(name), path_of(name, frames), off_path_poses(name)
    view, panorama = Pinhole.from_fov(math.pi / 2, VIEW_PX, VIEW_PX), Equirect((height, 2 * height))
    if not file.exists():
        rgb = np.empty((frames, height, 2 * height, 3), np.uint8)
        views = np.empty((len(poses), VIEW_PX, VIEW_PX, 3), np.uint8)
        for k, pose in enumerate(path.camera_from_world):
            rgb[k] = _bytes(trace(scene, pose, panorama)[0])
        for k, pose in enumerate(poses):
            views[k] = _bytes(trace(scene, pose, view)[0])
        far = trace(scene, path.camera_from_world[0], panorama, samples=1, distance=True)[1].numpy()
        folder.mkdir(parents=True, exist_ok=True)
        partial = file.with_suffix(".partial.npz")
        np.savez(partial, frames=rgb, views=views, depth_ray=far)
        partial.replace(file)
    with np.load(file) as stored:
        return Shots(
            torch.from_numpy(stored["frames"]).float() / 255,
            torch.from_numpy(stored["depth_ray"]),
            path,
            torch.from_numpy(stored["views"]).float() / 255,
            poses,
            view.K_px,
        )


def frames_of(name: str, height: int, frames: int) -> Tensor:
    """Return only the frames."""
    return shots_of(name, height=height, frames=frames).frames


def _bytes(rgb: Tensor) -> np.ndarray:
    return (rgb.clamp(0, 1) * 255).round().byte().numpy()
