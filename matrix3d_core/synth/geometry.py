"""Shapes that rays meet: rows of one table, and the bounding volume hierarchy over them."""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

import numpy as np

from ..errors import InvalidInput
from .materials import Column

__all__ = ["Geometry", "Looks", "Shape", "ShapeFlag", "empty_looks", "geometry_of"]

SHAPE_WIDTH, CORNER_WIDTH = 16, 24


class Shape(IntEnum):
    """What a row of the table of shapes holds; positions in world axes (y down).

    TRIANGLE: a corner and two edges (9 numbers).
    QUAD: the same of a parallelogram, a normal for shading (zero: its own), a random number, lengths of both edges.
    BOX: pivot, low and high corner from the pivot, cosine and sine of the yaw about it.
    BEAM: a box of any direction: center, three unit axes, half sizes.
    ELLIPSOID: center, radii, cosine and sine of the yaw.
    CYLINDER: upright and capped: center x and z, lower and upper radius, y of top and bottom, radius and material of an
    inner disk of the top cap.
    DISK: center and radius, seen from above.
    RING: an upright cylinder without caps, seen from inside: center x and z, radius, y of top and bottom.
    SOLID: low and high corner of a box with openings, first and last + 1 of its cuts.
    """

    TRIANGLE = 0
    QUAD = 1
    BOX = 2
    BEAM = 3
    ELLIPSOID = 4
    CYLINDER = 5
    DISK = 6
    RING = 7
    SOLID = 8


class ShapeFlag(IntEnum):
    """Bits of a shape's flags."""

    NO_SHADOW = 1
    PERFORATED = 2


class Geometry(NamedTuple):
    """What rays are traced against, in the order of the hierarchy's leaves.

    Attributes:
        boxes: ``[N, 6, 8]`` float32 of the eight children of each node: low x, y, z, high x, y, z.
        links: ``[N, 8]`` int32 of the children: a node, or of a leaf ``~(4 * first shape + count)``.
        table: ``[P, 16]`` float64 numbers of the shapes, see `Shape`.
        kinds: ``[P, 6]`` int32: shape, material, instance, flags, row of ``corners`` or -1, rank. Of surfaces at the
            same distance the one of the lowest rank is hit.
        corners: ``[T, 24]`` float64 of triangles: uv of the corners (6), their normals (9) and linear colors (9).
        cuts: ``[K, 8]`` float64 openings of solids: kind (0 box, 1 cylinder along x, 2 cylinder along z), then a
            box's low and high corner, or a cylinder's center across, center y, radius, low and high end, 0; last the
            material of the face at the bottom of the recess.
    """

    boxes: np.ndarray
    links: np.ndarray
    table: np.ndarray
    kinds: np.ndarray
    corners: np.ndarray
    cuts: np.ndarray


class Looks(NamedTuple):
    """What the kernels need for color and holes.

    Attributes:
        materials: ``[M, Column.WIDTH]`` float64, see `materials.Column`.
        images: ``[I, 3]`` int64: first byte in ``pixels``, height, width.
        pixels: uint8 RGBA of all images, one after the other.
    """

    materials: np.ndarray
    images: np.ndarray
    pixels: np.ndarray


def empty_looks() -> Looks:
    """Return looks for shapes without holes, whose color comes from elsewhere."""
    return Looks(np.zeros((1, Column.WIDTH)), np.zeros((0, 3), np.int64), np.zeros(4, np.uint8))


def geometry_of(
    table: np.ndarray,
    kinds: np.ndarray,
    corners: np.ndarray | None = None,
    cuts: np.ndarray | None = None,
) -> Geometry:
    """Build the hierarchy over shapes.

    Args:
        table: ``[P, 16]`` float64, see `Shape`.
        kinds: ``[P, 5]`` int32: shape, material, instance, flags, row of ``corners`` or -1.
        corners: see `Geometry`.
        cuts: see `Geometry`.

    Raises:
        InvalidInput: when a shape is not finite or farther than 1e7 meters away.
    """
    from .kernels_hierarchy import build

    with np.errstate(all="ignore"):
        bounds = shape_bounds(table, kinds)
    bad = int((~(np.abs(bounds) < 1e7).all(1)).sum())
    if bad:
        raise InvalidInput(
            f"shapes must be finite and within 1e7 meters; {bad} of {len(table)} are not. "
            "Check the vertices and the unit of length."
        )
    order, boxes, links = build(bounds)
    kinds = np.concatenate((kinds, np.arange(len(kinds), dtype=np.int32)[:, None]), 1)
    return Geometry(
        boxes,
        links,
        np.ascontiguousarray(table[order], np.float64),
        np.ascontiguousarray(kinds[order], np.int32),
        np.zeros((0, CORNER_WIDTH)) if corners is None else np.ascontiguousarray(corners, np.float64),
        np.zeros((0, 8)) if cuts is None else np.ascontiguousarray(cuts, np.float64),
    )


def shape_bounds(table: np.ndarray, kinds: np.ndarray) -> np.ndarray:  # [P, 16], [P, 5] -> [P, 6]
    """Return the axis-aligned low and high corner of every shape."""
    bounds = np.empty((len(table), 6))
    for shape in Shape:
        at = np.flatnonzero(kinds[:, 0] == shape)
        if len(at):
            bounds[at, :3], bounds[at, 3:] = _BOUNDS[shape](table[at])
    return bounds


_Bounds = tuple[np.ndarray, np.ndarray]


def _triangle(rows: np.ndarray) -> _Bounds:
    points = rows[:, None, :3] + np.stack((0 * rows[:, 3:6], rows[:, 3:6], rows[:, 6:9]), 1)
    return points.min(1), points.max(1)


def _quad(rows: np.ndarray) -> _Bounds:
    u, v = rows[:, 3:6], rows[:, 6:9]
    points = rows[:, None, :3] + np.stack((0 * u, u, v, u + v), 1)
    return points.min(1), points.max(1)


def _box(rows: np.ndarray) -> _Bounds:
    low, high, c, s = rows[:, 3:6], rows[:, 6:9], rows[:, 9], rows[:, 10]
    x = np.stack((low[:, 0], high[:, 0], low[:, 0], high[:, 0]), 1)
    z = np.stack((low[:, 2], low[:, 2], high[:, 2], high[:, 2]), 1)
    turned_x, turned_z = c[:, None] * x + s[:, None] * z, c[:, None] * z - s[:, None] * x
    corner_low = np.stack((turned_x.min(1), low[:, 1], turned_z.min(1)), 1)
    corner_high = np.stack((turned_x.max(1), high[:, 1], turned_z.max(1)), 1)
    return rows[:, :3] + corner_low, rows[:, :3] + corner_high


def _beam(rows: np.ndarray) -> _Bounds:
    axes = np.abs(rows[:, 3:12].reshape(-1, 3, 3))
    reach = (axes * rows[:, 12:15, None]).sum(1)
    return rows[:, :3] - reach, rows[:, :3] + reach


def _ellipsoid(rows: np.ndarray) -> _Bounds:
    radii, c, s = rows[:, 3:6], rows[:, 6], rows[:, 7]
    x = np.sqrt((c * radii[:, 0]) ** 2 + (s * radii[:, 2]) ** 2)
    z = np.sqrt((s * radii[:, 0]) ** 2 + (c * radii[:, 2]) ** 2)
    reach = np.stack((x, radii[:, 1], z), 1)
    return rows[:, :3] - reach, rows[:, :3] + reach


def _cylinder(rows: np.ndarray) -> _Bounds:
    radius = np.maximum(rows[:, 2], rows[:, 3])
    return _round(rows[:, 0], rows[:, 1], radius, rows[:, 4], rows[:, 5])


def _disk(rows: np.ndarray) -> _Bounds:
    return _round(rows[:, 0], rows[:, 2], rows[:, 3], rows[:, 1], rows[:, 1])


def _ring(rows: np.ndarray) -> _Bounds:
    return _round(rows[:, 0], rows[:, 1], rows[:, 2], rows[:, 3], rows[:, 4])


def _round(x: np.ndarray, z: np.ndarray, radius: np.ndarray, top: np.ndarray, bottom: np.ndarray) -> _Bounds:
    return np.stack((x - radius, top, z - radius), 1), np.stack((x + radius, bottom, z + radius), 1)


def _solid(rows: np.ndarray) -> _Bounds:
    return rows[:, :3], rows[:, 3:6]


_BOUNDS = {
    Shape.TRIANGLE: _triangle,
    Shape.QUAD: _quad,
    Shape.BOX: _box,
    Shape.BEAM: _beam,
    Shape.ELLIPSOID: _ellipsoid,
    Shape.CYLINDER: _cylinder,
    Shape.DISK: _disk,
    Shape.RING: _ring,
    Shape.SOLID: _solid,
}
