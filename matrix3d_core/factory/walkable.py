"""Where cameras may walk: the height of the walkable surface on a grid seen from above."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from ..synth.scene import Scene

__all__ = ["HEADROOM_M", "WalkSurface", "surface_of_polygons", "walk_surface_of"]

HEADROOM_M = 2.0
"""Free height that a surface needs above it to be walked on."""

_CELL_M = 0.1
_MOST_RAYS = 400_000
_MOST_LAYERS = 12
_NEXT_M = 1e-3
_FLOOR_SLOPE = math.cos(math.radians(30))


@dataclass(frozen=True)
class WalkSurface:
    """Height of the walkable surface over a grid in the horizontal plane.

    Attributes:
        up: ``[Z, X]`` meters above the plane y = 0 (up is -y), NaN where nothing is walkable.
        corner: x and z of the grid's first corner.
        cell: side of a cell, meters.
    """

    up: np.ndarray
    corner: tuple[float, float]
    cell: float

    @property
    def area(self) -> float:
        """Walkable area, square meters."""
        return float(np.isfinite(self.up).sum()) * self.cell**2

    def up_at(self, xz: np.ndarray) -> np.ndarray:
        """Return the height at points ``[..., 2]``, NaN where they are not walkable."""
        index = np.floor((xz - np.asarray(self.corner)) / self.cell).astype(np.int64)
        rows, columns = index[..., 1], index[..., 0]
        inside = (rows >= 0) & (rows < self.up.shape[0]) & (columns >= 0) & (columns < self.up.shape[1])
        found = self.up[rows.clip(0, self.up.shape[0] - 1), columns.clip(0, self.up.shape[1] - 1)]
        return np.where(inside, found, np.nan)


def surface_of_polygons(polygons: Iterable[tuple[np.ndarray, float]]) -> WalkSurface:
    """Return the surface of flat polygons; where they overlap, the highest.

    Args:
        polygons: corners ``[N, 2]`` in x and z with the height of each polygon, meters.
    """
    flat = [(np.asarray(corners, np.float64).reshape(-1, 2), float(up)) for corners, up in polygons]
    if not flat:
        return WalkSurface(np.full((1, 1), np.nan), (0.0, 0.0), _CELL_M)
    surface = _empty_grid(np.concatenate([corners for corners, _ in flat]))
    for corners, up in sorted(flat, key=lambda pair: pair[1]):
        first = np.floor((corners.min(0) - surface.corner) / surface.cell).astype(int)
        last = np.ceil((corners.max(0) - surface.corner) / surface.cell).astype(int)
        part = surface.up[first[1] : last[1], first[0] : last[0]]
        x = surface.corner[0] + surface.cell * (first[0] + 0.5 + np.arange(part.shape[1]))
        z = surface.corner[1] + surface.cell * (first[1] + 0.5 + np.arange(part.shape[0]))
        part[_is_inside(corners, x[None], z[:, None])] = up
    return surface


def _is_inside(corners: np.ndarray, x: np.ndarray, z: np.ndarray) -> np.ndarray:
    """Return where points lie in a polygon: a ray to the right crosses its outline an odd number of times."""
    inside = np.zeros(np.broadcast_shapes(x.shape, z.shape), bool)
    for (x0, z0), (x1, z1) in zip(corners, np.roll(corners, -1, 0), strict=True):
        if z0 != z1:
            inside ^= ((z0 > z) != (z1 > z)) & (x < x0 + (z - z0) * (x1 - x0) / (z1 - z0))
    return inside


def walk_surface_of(scene: Scene) -> WalkSurface:
    """Return the walkable regions that a scene declares; of one that declares none, the visible floor.

    That is the lowest surface above each cell that is nearly level, with 2 m of free height, of class ground; in a
    scene without that class, as users' files are, of any class but ceiling, foliage and water.
    """
    if scene.walkable:
        return surface_of_polygons((np.array(region.polygon), region.up) for region in scene.walkable)
    return _visible_floor(scene)


def _visible_floor(scene: Scene) -> WalkSurface:
    from ..synth.geometry import Shape, shape_bounds
    from ..synth.kernels_hierarchy import hits
    from ..synth.scene import SurfaceClass

    geometry = scene.geometry
    bounds = shape_bounds(geometry.table, geometry.kinds)
    surface = _empty_grid(np.concatenate((bounds[:, (0, 2)], bounds[:, (3, 5)])), _MOST_RAYS)
    classes = np.array([0, *(item.surface_class for item in scene.objects)])
    never = (SurfaceClass.SKY, SurfaceClass.CEILING, SurfaceClass.FOLIAGE, SurfaceClass.WATER)
    is_floor = classes == SurfaceClass.GROUND if SurfaceClass.GROUND in classes else ~np.isin(classes, never)
    rows, columns = (index.reshape(-1) for index in np.indices(surface.up.shape))
    origins = np.stack((columns + 0.5, 0.0 * rows, rows + 0.5), 1) * surface.cell
    origins += (surface.corner[0], float(bounds[:, 1].min()) - 2 * HEADROOM_M, surface.corner[1])
    above, cell = origins[:, 1].copy(), np.arange(len(origins))
    for _ in range(_MOST_LAYERS):
        distance, normal = np.empty(len(cell)), np.empty((len(cell), 3))
        shape, material = (np.empty(len(cell), np.int32) for _ in range(2))
        down = np.broadcast_to((0.0, 1.0, 0.0), origins.shape).copy()
        hits(len(cell), origins, down, geometry, scene.looks, distance, shape, material, normal)
        is_met = shape >= 0
        cell, shape, normal, above = cell[is_met], shape[is_met], normal[is_met], above[is_met]
        origins = origins[is_met] + distance[is_met, None] * (0.0, 1.0, 0.0)
        if not len(cell):
            break
        level = np.abs(normal[:, 1]) >= _FLOOR_SLOPE
        is_free = level & (origins[:, 1] - above >= HEADROOM_M) & is_floor[geometry.kinds[shape, 2]]
        surface.up.reshape(-1)[cell[is_free]] = -origins[is_free, 1]  # a lower one replaces it later
        is_solid = ~np.isin(geometry.kinds[shape, 0], (Shape.TRIANGLE, Shape.QUAD))
        above = np.maximum(
            above, np.where(is_solid, bounds[shape, 4], origins[:, 1])
        )  # rays do not see its inside
        origins[:, 1] += _NEXT_M
    return surface


def _empty_grid(xz: np.ndarray, most_cells: int = 4_000_000) -> WalkSurface:
    low, high = xz.min(0), xz.max(0)
    extent = np.maximum(high - low, 1e-3)
    cell = max(_CELL_M, math.sqrt(extent[0] * extent[1] / most_cells))
    columns, rows = (math.ceil(side / cell) + 1 for side in extent)
    return WalkSurface(np.full((rows, columns), np.nan), (float(low[0]), float(low[1])), cell)
