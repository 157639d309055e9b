"""The terrace: layout of the walls, arches, pots and hills of the sample scene.

World frame of the sample panorama: x right, y down, z forward, meters, origin at the camera. The
ground is the plane ``y = 1.6``. Below, heights above the ground (``up``) are used instead of ``y``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from functools import cached_property

import numpy as np

from .geometry import SHAPE_WIDTH, Geometry, Shape, ShapeFlag, geometry_of

__all__ = ["GROUND_Y", "HORIZON_RADIUS", "Material", "SceneTables", "terrace"]

GROUND_Y = 1.6
"""Meters from the camera down to the ground."""

HORIZON_RADIUS = 80.0
"""Radius of the wooded ridge that ends the ground."""

RIDGE_HEIGHT = 3.4


class Material(IntEnum):
    """The material of a surface; selects its texture."""

    SKY = 0
    GROUND = 1
    STONE = 2
    PLASTER = 3
    OCHRE = 4
    BRICK = 5
    LEAVES = 6
    WOOD = 7
    GLASS = 8
    CLAY = 9
    WATER = 10
    HILL = 11
    RIDGE = 12
    GRASS = 13
    PAINT = 14
    CYPRESS = 15


@dataclass(frozen=True)
class SceneTables:
    """The scene as plain float64 arrays, the form that both intersectors read.

    Attributes:
        boxes: ``[B, 7]`` min xyz, max xyz, material.
        ellipsoids: ``[E, 7]`` center xyz, radii xyz, material.
        cylinders: ``[C, 8]`` upright, capped: center x, center z, radius, top y, bottom y, material,
            radius of the inner disk of the top cap (0: none), material of that disk.
        solids: ``[S, 9]`` box with openings: min xyz, max xyz, material, first cut, end of cuts.
        cuts: ``[K, 8]`` kind (0 box, 1 cylinder along x, 2 cylinder along z), then a box's min xyz and
            max xyz, or a cylinder's center across, center y, radius, low and high end, 0; last the
            material of the face at the bottom of the recess.
    """

    boxes: np.ndarray
    ellipsoids: np.ndarray
    cylinders: np.ndarray
    solids: np.ndarray
    cuts: np.ndarray

    @cached_property
    def geometry(self) -> Geometry:
        """The shapes for the compiled tracer: ground, all tables in order, and the ridge, which casts no shadow."""
        boxes, balls, columns, solids = self.boxes, self.ellipsoids, self.cylinders, self.solids
        plain = np.zeros((len(boxes), 3)), np.ones((len(boxes), 1)), np.zeros((len(boxes), 1))
        radius = columns[:, 2:3]
        parts = (
            (Shape.DISK, Material.GROUND, np.array(((0, GROUND_Y, 0, HORIZON_RADIUS),))),
            (Shape.BOX, boxes[:, 6], np.hstack((plain[0], boxes[:, :6], *plain[1:]))),
            (Shape.ELLIPSOID, balls[:, 6], np.hstack((balls[:, :6], np.ones((len(balls), 1))))),
            (
                Shape.CYLINDER,
                columns[:, 5],
                np.hstack((columns[:, :2], radius, radius, columns[:, 3:5], columns[:, 6:8])),
            ),
            (Shape.SOLID, solids[:, 6], np.hstack((solids[:, :6], solids[:, 7:9]))),
            (
                Shape.RING,
                Material.RIDGE,
                np.array(((0, 0, HORIZON_RADIUS, GROUND_Y - RIDGE_HEIGHT, GROUND_Y),)),
            ),
        )
        table = np.concatenate(
            [np.pad(rows, ((0, 0), (0, SHAPE_WIDTH - rows.shape[1]))) for *_, rows in parts]
        )
        kinds = np.zeros((len(table), 5), np.int32)
        kinds[:, 0] = np.concatenate([np.full(len(rows), shape) for shape, _, rows in parts])
        kinds[:, 1] = np.concatenate([np.broadcast_to(material, len(rows)) for _, material, rows in parts])
        kinds[-1, 3] = ShapeFlag.NO_SHADOW
        return geometry_of(table, kinds, cuts=self.cuts)


@dataclass
class _Builder:
    boxes: list[tuple[float, ...]] = field(default_factory=list)
    ellipsoids: list[tuple[float, ...]] = field(default_factory=list)
    cylinders: list[tuple[float, ...]] = field(default_factory=list)
    solids: list[tuple[float, ...]] = field(default_factory=list)
    cuts: list[tuple[float, ...]] = field(default_factory=list)

    def box(
        self, x: tuple[float, float], up: tuple[float, float], z: tuple[float, float], material: int
    ) -> None:
        self.boxes.append((x[0], GROUND_Y - up[1], z[0], x[1], GROUND_Y - up[0], z[1], material))

    def ball(
        self, x: float, up: float, z: float, radii: float | tuple[float, float, float], material: int
    ) -> None:
        rx, ry, rz = radii if isinstance(radii, tuple) else (radii, radii, radii)
        self.ellipsoids.append((x, GROUND_Y - up, z, rx, ry, rz, material))

    def column(
        self,
        x: float,
        z: float,
        radius: float,
        up: tuple[float, float],
        material: int,
        inner_disk: tuple[float, int] = (0.0, 0),
    ) -> None:
        self.cylinders.append((x, z, radius, GROUND_Y - up[1], GROUND_Y - up[0], material, *inner_disk))

    def solid(
        self,
        x: tuple[float, float],
        up: tuple[float, float],
        z: tuple[float, float],
        material: int,
        cuts: list[tuple[float, ...]],
    ) -> None:
        first = len(self.cuts)
        self.cuts += cuts
        self.solids.append(
            (x[0], GROUND_Y - up[1], z[0], x[1], GROUND_Y - up[0], z[1], material, first, len(self.cuts))
        )

    def tables(self) -> SceneTables:
        arrays = (self.boxes, self.ellipsoids, self.cylinders, self.solids, self.cuts)
        return SceneTables(*(np.array(rows, dtype=np.float64) for rows in arrays))


def _box_cut(
    x: tuple[float, float], up: tuple[float, float], z: tuple[float, float], material: int
) -> tuple[float, ...]:
    return (0, x[0], GROUND_Y - up[1], z[0], x[1], GROUND_Y - up[0], z[1], material)


def _arch_cut(
    kind: int, across: float, up: float, radius: float, along: tuple[float, float], material: int
) -> tuple[float, ...]:
    return (kind, across, GROUND_Y - up, radius, along[0], along[1], 0, material)


def _house(b: _Builder) -> None:
    """The house behind the camera: two floors of recessed windows, a door, a cornice."""
    face = -4.6
    cuts = [
        _box_cut((0.0, 1.4), (-0.1, 2.0), (face - 0.35, face + 0.1), Material.PAINT),
        _arch_cut(2, 0.7, 2.0, 0.7, (face - 0.35, face + 0.1), Material.PAINT),
    ]
    upper, lower = (-3.0, -0.9, 0.7, 2.4, 4.4), (-2.6, 3.2, 5.0)
    for x in upper:
        cuts.append(_box_cut((x - 0.42, x + 0.42), (3.3, 4.5), (face - 0.22, face + 0.1), Material.GLASS))
    for x in lower:
        cuts.append(_box_cut((x - 0.45, x + 0.45), (1.0, 2.3), (face - 0.22, face + 0.1), Material.GLASS))
    b.solid((-6.9, 6.6), (0.0, 5.3), (-9.0, face), Material.PLASTER, cuts)
    for x, low, high, half in [(x, 3.3, 4.5, 0.42) for x in upper] + [(x, 1.0, 2.3, 0.45) for x in lower]:
        b.box((x - half - 0.1, x + half + 0.1), (low - 0.1, low), (face, face + 0.1), Material.STONE)
        if low > 3:
            b.box((x - half - 0.4, x - half - 0.02), (low, high), (face, face + 0.06), Material.PAINT)
            b.box((x + half + 0.02, x + half + 0.4), (low, high), (face, face + 0.06), Material.PAINT)
    b.box((-6.9, 6.6), (0.0, 0.45), (face, face + 0.08), Material.STONE)
    b.box((-6.9, 6.6), (2.75, 2.9), (face, face + 0.1), Material.STONE)
    b.box((-7.2, 6.9), (5.3, 5.6), (-9.3, face + 0.35), Material.STONE)
    b.box((-0.15, 1.55), (0.0, 0.14), (face, face + 0.5), Material.STONE)


def _arcade(b: _Builder) -> None:
    """The arcade on the left: columns, four arches, a walk behind them."""
    arches = [_arch_cut(1, z, 2.15, 1.33, (-5.0, -3.0), Material.STONE) for z in (-3.0, 0.2, 3.4, 6.6)]
    b.solid((-4.2, -3.75), (2.15, 3.75), (-4.6, 8.4), Material.STONE, arches)
    for z in (-1.4, 1.8, 5.0, 8.2):
        b.box((-4.24, -3.72), (0.0, 0.22), (z - 0.26, z + 0.26), Material.STONE)
        b.column(-3.98, z, 0.17, (0.22, 2.0), Material.STONE)
        b.box((-4.25, -3.7), (2.0, 2.15), (z - 0.27, z + 0.27), Material.STONE)
    b.box((-4.24, -3.72), (0.0, 2.15), (-4.6, -4.3), Material.STONE)
    b.box((-6.9, -6.5), (0.0, 3.75), (-4.6, 8.6), Material.OCHRE)
    b.box((-6.9, -3.5), (3.75, 4.0), (-4.6, 8.7), Material.CLAY)
    b.solid(
        (-6.5, -4.2),
        (0.0, 3.75),
        (8.3, 8.6),
        Material.OCHRE,
        [
            _box_cut((-6.0, -4.8), (0.9, 2.2), (8.0, 9.0), Material.STONE),
            _arch_cut(2, -5.4, 2.2, 0.6, (8.0, 9.0), Material.STONE),
        ],
    )
    b.box((-6.5, -6.05), (0.0, 0.45), (0.4, 2.8), Material.WOOD)
    for z in (-1.4, 3.4, 5.6):
        _potted(b, -6.0, z, 0.24, 0.4, 0.34)


def _potted(b: _Builder, x: float, z: float, radius: float, height: float, bush: float) -> None:
    b.column(x, z, radius, (0.0, height), Material.CLAY, (radius * 0.85, Material.LEAVES))
    b.column(x, z, radius * 1.12, (height * 0.82, height * 0.96), Material.CLAY)
    b.ball(x, height + bush * 0.78, z, bush, Material.LEAVES)


def _garden(b: _Builder) -> None:
    """The raised garden on the right: brick retaining wall, steps, trees."""
    for low, high in ((-4.6, 1.4), (3.9, 8.0)):
        b.box((5.0, 5.3), (0.0, 0.95), (low, high), Material.BRICK)
        b.box((4.93, 5.37), (0.95, 1.05), (low, high), Material.STONE)
    for step in range(3):
        x = 4.1 + 0.42 * step
        b.box((x, 5.4), (0.3 * step, 0.3 * (step + 1)), (1.4, 3.9), Material.STONE)
    b.box((5.3, 16.0), (0.0, 0.9), (-9.0, 12.0), Material.GRASS)
    for z in (1.15, 4.15):
        b.box((4.35, 4.95), (0.0, 0.5), (z - 0.3, z + 0.3), Material.STONE)
        b.column(4.65, z, 0.05, (0.5, 1.2), Material.WOOD)
        b.ball(4.65, 0.85, z, 0.36, Material.LEAVES)
        b.ball(4.65, 1.45, z, 0.28, Material.LEAVES)
    b.box((4.3, 4.85), (0.38, 0.46), (-2.7, -0.9), Material.WOOD)
    b.box((4.77, 4.85), (0.46, 0.9), (-2.7, -0.9), Material.WOOD)
    for z in (-2.6, -1.1):
        b.box((4.36, 4.8), (0.0, 0.38), (z, z + 0.1), Material.STONE)
    for x, z, size in ((8.2, -3.2, 1.0), (9.4, 2.9, 1.25), (7.6, 7.3, 0.9)):
        b.column(x, z, 0.14 * size, (0.9, 0.9 + 1.7 * size), Material.WOOD)
        for dx, dup, dz, r in (
            (0, 2.3, 0, 1.0),
            (0.7, 1.9, 0.3, 0.75),
            (-0.6, 1.9, 0.5, 0.7),
            (0.1, 1.95, -0.8, 0.7),
        ):
            b.ball(x + dx * size, 0.9 + dup * size, z + dz * size, r * size, Material.LEAVES)


def _front(b: _Builder) -> None:
    """The low wall at the far end of the terrace, its gate, the lawn and the cypresses."""
    for low, high in ((-3.72, -1.15), (1.15, 5.37)):
        b.box((low, high), (0.0, 0.55), (8.05, 8.35), Material.STONE)
        b.box((low, high), (0.55, 0.64), (7.98, 8.42), Material.STONE)
    for x in (-1.4, 1.4):
        b.box((x - 0.28, x + 0.28), (0.0, 1.05), (7.92, 8.48), Material.STONE)
        b.box((x - 0.34, x + 0.34), (1.05, 1.15), (7.86, 8.54), Material.STONE)
        b.ball(x, 1.4, 8.2, 0.26, Material.STONE)
    for x, z, r, h in (
        (-3.2, 11.5, 0.55, 2.6),
        (3.3, 11.0, 0.5, 2.4),
        (-3.6, 15.5, 0.6, 2.9),
        (3.8, 15.0, 0.6, 2.8),
        (-4.2, 20.5, 0.7, 3.0),
        (4.3, 20.0, 0.7, 3.1),
    ):
        b.ball(x, h, z, (r, h, r), Material.CYPRESS)
    for x, z, r in (
        (-9.0, 14.0, 1.7),
        (-12.0, 20.0, 2.2),
        (10.0, 19.0, 1.9),
        (-11.0, 5.0, 2.0),
        (14.0, 25.0, 2.4),
    ):
        b.column(x, z, 0.22, (0.0, r), Material.WOOD)
        b.ball(x, r * 1.6, z, (r, r * 0.9, r), Material.LEAVES)


def _court(b: _Builder) -> None:
    """Free-standing objects: the fountain and pots."""
    x, z = 2.2, 5.4
    b.column(x, z, 1.05, (0.0, 0.42), Material.STONE, (0.85, Material.WATER))
    b.column(x, z, 0.14, (0.42, 1.15), Material.STONE)
    b.ball(x, 1.22, z, (0.5, 0.14, 0.5), Material.STONE)
    b.ball(x, 1.48, z, 0.15, Material.STONE)
    _potted(b, -2.5, 2.3, 0.3, 0.5, 0.42)
    _potted(b, -2.4, 6.9, 0.3, 0.5, 0.42)
    _potted(b, 2.9, 1.3, 0.27, 0.45, 0.36)
    _potted(b, -2.1, -3.4, 0.32, 0.55, 0.45)
    _potted(b, 2.3, -3.7, 0.3, 0.5, 0.4)
    b.box((-1.0, -0.2), (0.0, 0.45), (-3.75, -3.35), Material.WOOD)


def _distance(b: _Builder) -> None:
    """A ring of hills, a tower on one of them."""
    hills = (
        (-38, 66, 42, 13, 22),
        (12, 82, 40, 10, 24),
        (58, 58, 36, 15, 22),
        (82, 8, 26, 12, 40),
        (60, -52, 36, 14, 26),
        (5, -82, 48, 12, 24),
        (-58, -50, 36, 16, 26),
        (-80, 12, 24, 13, 42),
    )
    for x, z, rx, ry, rz in hills:
        b.ball(x, 0.0, z, (rx, ry, rz), Material.HILL)
    b.box((-24.6, -22.4), (8.0, 17.5), (57.0, 59.2), Material.PLASTER)
    b.box((-24.9, -22.1), (17.5, 18.0), (56.7, 59.5), Material.STONE)
    b.ball(-23.5, 18.0, 58.1, (1.2, 1.5, 1.2), Material.CLAY)


def terrace() -> SceneTables:
    """Build the tables of the sample scene."""
    builder = _Builder()
    for part in (_house, _arcade, _garden, _front, _court, _distance):
        part(builder)
    return builder.tables()
