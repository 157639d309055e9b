"""The visible surface of a panorama: distances to it from any point, and visible distances."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..checks import check_shape
from ..geometry.spherical import erp_directions, pixels_from_directions
from ..scene.panorama import PanoramaGeometry

__all__ = ["PanoramaSurface", "visible_distance"]

_BLOCK = 16
_SHEET_RATIO = 1.5
_BATCH = 24


def visible_distance(geometry: PanoramaGeometry, directions: Tensor) -> Tensor:  # [..., 3] -> [...]
    """Return the visible distance from the panorama's center along each direction.

    The nearest of the 3x3 pixels around the direction, so thin objects are not missed between two
    pixels; columns wrap, rows beyond a pole continue on the other side. Sky is infinitely far.

    Returns:
        ``[...]`` float64 ray distances, inf where all nine pixels are sky.
    """
    height, width = geometry.height, geometry.width
    depth = geometry.depth_ray.to(torch.float64).masked_fill(geometry.is_sky, math.inf)
    columns, rows = pixels_from_directions(directions.to(torch.float64), height=height, width=width)
    row0, column0 = rows.round().long().clamp(0, height - 1), columns.round().long()
    nearest = torch.full(rows.shape, math.inf, dtype=torch.float64)
    for down in (-1, 0, 1):
        row = row0 + down
        beyond = (row < 0) | (row >= height)
        row = torch.where(row < 0, -1 - row, torch.where(row >= height, 2 * height - 1 - row, row))
        for across in (-1, 0, 1):
            column = torch.where(beyond, column0 + across + width // 2, column0 + across) % width
            nearest = torch.minimum(nearest, depth[row, column])
    return nearest


@dataclass(frozen=True)
class PanoramaSurface:
    """Triangles between neighboring pixels of a panorama, without its sky.

    Two triangles per square of four pixels, columns wrapping, as the scene mesh has them. A square
    that spans a depth jump (farthest corner more than 1.5 times the nearest) is no surface; its
    corner points still count. Searched by blocks with bounding boxes, so distances are exact.
    The arrays are NumPy's: the search is many small steps, which it does with less overhead.

    Attributes:
        vertices: ``[H, W, 3]`` float64 points, world units.
        is_solid: ``[H, W]`` bool, False for sky.
        face_reach: ``[H - 1, W]`` where the square below and right of a pixel is surface, the distance
            from that pixel to the square's farthest corner; -inf where it is none.
        lower: ``[B, 3]`` lower corners of the boxes around the solid points of each block ...
        upper: ``[B, 3]`` ... and upper corners; blocks without solid points are left out.
        corners: ``[B, 2]`` first row and column of each block.
        geometry: the panorama it was made from.
    """

    vertices: np.ndarray
    is_solid: np.ndarray
    face_reach: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    corners: np.ndarray
    geometry: PanoramaGeometry

    @classmethod
    def of(cls, geometry: PanoramaGeometry) -> PanoramaSurface:
        """Index the surface of ``geometry``."""
        height, width = geometry.height, geometry.width
        depth = geometry.depth_ray.detach().to("cpu", torch.float64)
        vertices = (erp_directions(height, width, dtype=torch.float64) * depth.unsqueeze(-1)).numpy()
        solid = (~geometry.is_sky).cpu().numpy()
        corner_depths, corner_solid = _squares(depth.numpy()), _squares(solid)
        is_face = corner_solid.all(0) & (corner_depths.max(0) <= _SHEET_RATIO * corner_depths.min(0))
        corner_points = _squares(vertices)
        reach = np.linalg.norm(corner_points[1:] - corner_points[0], axis=-1).max(0)
        face_reach = np.where(is_face, reach, -np.inf)

        rows, columns = np.arange(0, max(1, height - 1), _BLOCK), np.arange(0, width, _BLOCK)
        lower, upper, corners = [], [], []
        for row in rows:
            for column in columns:
                across = np.arange(column, column + _BLOCK + 1) % width
                inside = solid[row : row + _BLOCK + 1][:, across]
                if inside.any():
                    points = vertices[row : row + _BLOCK + 1][:, across][inside]
                    lower.append(points.min(0))
                    upper.append(points.max(0))
                    corners.append((row, column))
        shape = (len(corners), 3)
        boxes = np.array(lower).reshape(shape), np.array(upper).reshape(shape)
        return cls(
            vertices, solid, face_reach, *boxes, np.array(corners, dtype=np.int64).reshape(-1, 2), geometry
        )

    def distances(self, points: Tensor) -> Tensor:  # [N, 3] -> [N]
        """Return the distance of each point to the surface; inf when there is nothing but sky."""
        check_shape("points", points, "N 3")
        found = np.full(len(points), math.inf)
        for n, point in enumerate(points.double().numpy()):
            bound = self._box_distances(point[None])[0]
            order = bound.argsort()
            best, start, batch = math.inf, 0, 4
            while start < len(order) and bound[order[start]] < best:
                best = self._nearest(point, order[start : start + batch], best)
                start, batch = start + batch, _BATCH
            found[n] = best
        return torch.from_numpy(found)

    def is_nearer_than(self, points: Tensor, radius: float) -> Tensor:  # [N, 3] -> [N] bool
        """Return whether the surface is nearer than ``radius``, per point; faster than distances."""
        near = np.zeros(len(points), dtype=bool)
        array = points.double().numpy()
        for first in range(0, len(points), 64):
            bounds = self._box_distances(array[first : first + 64])
            for n in np.flatnonzero((bounds < radius).any(1)):
                near[first + n] = self._is_near(array[first + n], bounds[n], radius)
        return torch.from_numpy(near)

    def is_beyond(self, points: Tensor) -> Tensor:  # [N, 3] -> [N] bool
        """Return whether each point is occluded from the panorama's center."""
        size = points.to(torch.float64).norm(dim=-1)
        result: Tensor = (size > 0) & (size > visible_distance(self.geometry, points))
        return result

    def _is_near(self, point: np.ndarray, bound: np.ndarray, radius: float) -> bool:
        blocks = np.flatnonzero(bound < radius)
        blocks = blocks[bound[blocks].argsort()]
        starts = range(0, len(blocks), 4)
        return any(self._nearest(point, blocks[s : s + 4], radius) < radius for s in starts)

    def _box_distances(self, points: np.ndarray) -> np.ndarray:  # [n, 3] -> [n, B]
        away = [
            np.maximum(np.maximum(self.lower[:, k] - p[:, None], p[:, None] - self.upper[:, k]), 0.0)
            for k, p in enumerate(points.T)
        ]
        result: np.ndarray = np.sqrt(away[0] ** 2 + away[1] ** 2 + away[2] ** 2)
        return result

    def _nearest(self, point: np.ndarray, blocks: np.ndarray, best: float) -> float:
        """Distance of one point to the solid points and faces of ``blocks``, or ``best`` if smaller."""
        height, width = self.is_solid.shape
        step = np.arange(_BLOCK + 1)
        rows = (self.corners[blocks, 0, None] + step)[:, :, None]
        columns = ((self.corners[blocks, 1, None] + step) % width)[:, None, :]
        below = np.minimum(rows, height - 1)
        away = self.vertices[below, columns] - point
        distance = np.sqrt(np.einsum("...k,...k->...", away, away))
        best = min(best, float(np.where(self.is_solid[below, columns], distance, math.inf).min()))
        if height < 2:
            return best
        reach = self.face_reach[np.minimum(rows[:, :-1], height - 2), columns[:, :, :-1]]
        # Test triangles only of squares that can hold a point nearer than the best corner.
        worth = (rows[:, :-1] < height - 1) & (distance[:, :-1, :-1] - reach < best) & (reach >= 0)
        which, down, across = worth.nonzero()
        if not len(which):
            return best
        row, column = rows[which, down, 0], columns[which, 0, across]
        right = (column + 1) % width
        a, b = self.vertices[row, column] - point, self.vertices[row + 1, column] - point
        c, d = self.vertices[row, right] - point, self.vertices[row + 1, right] - point
        return min(
            best, float(_distance_from_origin(a, b, c).min()), float(_distance_from_origin(c, b, d).min())
        )


def _squares(grid: np.ndarray) -> np.ndarray:  # [H, W, ...] -> [4, H - 1, W, ...]
    """The four corners of each square of neighboring pixels, columns wrapping."""
    right = np.roll(grid, -1, axis=1)
    return np.stack((grid[:-1], grid[1:], right[:-1], right[1:]))


def _distance_from_origin(a: np.ndarray, b: np.ndarray, c: np.ndarray) -> np.ndarray:  # 3 x [N, 3] -> [N]
    """Distance of the origin to triangles: to the plane where its foot is inside, else to an edge."""
    normal = np.cross(b - a, c - a)
    area = np.linalg.norm(normal, axis=-1)
    inside = area > 0
    for u, v in ((a, b), (b, c), (c, a)):
        inside &= _dot(np.cross(u, v), normal) >= 0
    height = np.abs(_dot(a, normal)) / np.maximum(area, 1e-300)
    edges = np.minimum(np.minimum(_to_segment(a, b), _to_segment(b, c)), _to_segment(c, a))
    result: np.ndarray = np.where(inside, height, edges)
    return result


def _to_segment(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    along = b - a
    t = np.clip(-_dot(a, along) / np.maximum(_dot(along, along), 1e-300), 0, 1)
    result: np.ndarray = np.linalg.norm(a + t[:, None] * along, axis=-1)
    return result


def _dot(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    result: np.ndarray = np.einsum("nk,nk->n", u, v)
    return result
