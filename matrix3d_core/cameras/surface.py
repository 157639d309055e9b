"""The visible surface of a panorama: distances to it from anywhere, and how far one sees."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from ..checks import check_shape
from ..geometry.spherical import erp_directions, pixels_from_directions
from ..scene.panorama import PanoramaGeometry

__all__ = ["PanoramaSurface", "visible_distance"]

_BLOCK = 16
_SHEET_RATIO = 1.5
_BATCH = 24


def visible_distance(geometry: PanoramaGeometry, directions: Tensor) -> Tensor:  # [..., 3] -> [...]
    """Return how far one sees from the panorama's centre along each direction.

    The nearest of the 3x3 pixels around the direction, so a thin thing is not missed between two
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
    """Triangles between neighbouring pixels of a panorama, without its sky.

    Two triangles per square of four pixels, columns wrapping, as the scene mesh has them. A square
    that spans a depth jump (farthest corner more than 1.5 times the nearest) is no surface; its
    corner points still count. Searched by blocks with bounding boxes, so distances are exact.

    Attributes:
        vertices: ``[H, W, 3]`` float64 points, world units.
        is_solid: ``[H, W]`` bool, False for sky.
        face_reach: ``[H - 1, W]`` where the square below and right of a pixel is surface, the distance
            from that pixel to the square's farthest corner; -inf where it is none.
        lower: ``[B, 3]`` bounding boxes of the blocks' solid points ...
        upper: ``[B, 3]`` ... (+inf and -inf where a block has none).
        corners: ``[B, 2]`` first row and column of each block.
        geometry: the panorama it was made from.
    """

    vertices: Tensor
    is_solid: Tensor
    face_reach: Tensor
    lower: Tensor
    upper: Tensor
    corners: Tensor
    geometry: PanoramaGeometry

    @classmethod
    def of(cls, geometry: PanoramaGeometry) -> PanoramaSurface:
        """Index the surface of ``geometry``."""
        height, width = geometry.height, geometry.width
        depth = geometry.depth_ray.detach().to("cpu", torch.float64)
        solid = ~geometry.is_sky.cpu()
        vertices = erp_directions(height, width, dtype=torch.float64) * depth.unsqueeze(-1)
        quads = torch.stack((depth[:-1], depth[1:], depth[:-1].roll(-1, 1), depth[1:].roll(-1, 1)))
        whole = solid[:-1] & solid[1:] & solid[:-1].roll(-1, 1) & solid[1:].roll(-1, 1)
        is_face = whole & (quads.amax(0) <= _SHEET_RATIO * quads.amin(0))
        others = (vertices[1:], vertices[:-1].roll(-1, 1), vertices[1:].roll(-1, 1))
        reach = torch.stack([(other - vertices[:-1]).norm(dim=-1) for other in others]).amax(0)
        reach = reach.masked_fill(~is_face, -math.inf)
        rows = torch.arange(0, max(1, height - 1), _BLOCK)
        columns = torch.arange(0, width, _BLOCK)
        down = (torch.arange(len(rows) * _BLOCK + 1)).clamp(max=height - 1)
        across = torch.arange(len(columns) * _BLOCK + 1) % width
        points, there = vertices[down][:, across], solid[down][:, across].unsqueeze(-1)

        def highest(values: Tensor) -> Tensor:
            pooled = functional.max_pool2d(values.movedim(-1, 0)[None], _BLOCK + 1, _BLOCK)
            return pooled[0].flatten(1).mT

        upper = highest(points.masked_fill(~there, -math.inf))
        lower = -highest((-points).masked_fill(~there, -math.inf))
        corners = torch.cartesian_prod(rows, columns)
        full = torch.isfinite(upper[:, 0])
        return cls(vertices, solid, reach, lower[full], upper[full], corners[full], geometry)

    def distances(self, points: Tensor) -> Tensor:  # [N, 3] -> [N]
        """Return the distance of each point to the surface; inf when there is nothing but sky."""
        check_shape("points", points, "N 3")
        points = points.to(torch.float64)
        found = torch.full((len(points),), math.inf, dtype=torch.float64)
        if not len(self.lower):
            return found
        for n, point in enumerate(points):
            bound, order = self._box_distances(point).sort()
            best, start, batch = math.inf, 0, 4
            while start < len(order) and float(bound[start]) < best:
                best = self._nearest(point, order[start : start + batch], best)
                start, batch = start + batch, _BATCH
            found[n] = best
        return found

    def is_nearer_than(self, points: Tensor, radius: float) -> Tensor:  # [N, 3] -> [N] bool
        """Tell for each point whether the surface is nearer than ``radius``; quicker than distances."""
        near = torch.zeros(len(points), dtype=torch.bool)
        for n, point in enumerate(points.to(torch.float64)):
            blocks = (self._box_distances(point) < radius).nonzero().flatten()
            for start in range(0, len(blocks), _BATCH):
                if self._nearest(point, blocks[start : start + _BATCH], radius) < radius:
                    near[n] = True
                    break
        return near

    def is_beyond(self, points: Tensor) -> Tensor:  # [N, 3] -> [N] bool
        """Tell for each point whether it lies behind what is seen from the panorama's centre."""
        size = points.to(torch.float64).norm(dim=-1)
        return (size > 0) & (size > visible_distance(self.geometry, points))

    def _box_distances(self, point: Tensor) -> Tensor:
        outside = torch.maximum(self.lower - point, point - self.upper).clamp(min=0)
        return outside.norm(dim=-1)

    def _nearest(self, point: Tensor, blocks: Tensor, best: float) -> float:
        """Distance of one point to the solid points and faces of ``blocks``, or ``best`` if smaller."""
        height, width = self.is_solid.shape
        step = torch.arange(_BLOCK + 1)
        rows = (self.corners[blocks, 0, None] + step)[:, :, None]
        columns = ((self.corners[blocks, 1, None] + step) % width)[:, None, :]
        below = rows.clamp(max=height - 1)
        distance = (self.vertices[below, columns] - point).norm(dim=-1)
        best = min(best, float(distance.masked_fill(~self.is_solid[below, columns], math.inf).min()))
        if height < 2:
            return best
        reach = self.face_reach[rows[:, :-1].clamp(max=height - 2), columns[:, :, :-1]]
        # Only squares that can hold a nearer point than the best corner are worth their triangles.
        worth = (rows[:, :-1] < height - 1) & (distance[:, :-1, :-1] - reach < best) & (reach >= 0)
        which, down, across = worth.nonzero(as_tuple=True)
        if not len(which):
            return best
        row, column = rows[which, down, 0], columns[which, 0, across]
        right = (column + 1) % width
        a, b = self.vertices[row, column] - point, self.vertices[row + 1, column] - point
        c, d = self.vertices[row, right] - point, self.vertices[row + 1, right] - point
        nearest = torch.minimum(_distance_from_origin(a, b, c), _distance_from_origin(c, b, d))
        return min(best, float(nearest.min()))


def _distance_from_origin(a: Tensor, b: Tensor, c: Tensor) -> Tensor:  # 3 x [..., 3] -> [...]
    """Distance of the origin to triangles: to the plane where its foot is inside, else to an edge."""
    normal = torch.linalg.cross(b - a, c - a)
    area = normal.norm(dim=-1)
    inside = (
        ((torch.linalg.cross(a, b) * normal).sum(-1) >= 0)
        & ((torch.linalg.cross(b, c) * normal).sum(-1) >= 0)
        & ((torch.linalg.cross(c, a) * normal).sum(-1) >= 0)
        & (area > 0)
    )
    height = (a * normal).sum(-1).abs() / area.clamp(min=1e-300)
    edges = torch.minimum(torch.minimum(_to_segment(a, b), _to_segment(b, c)), _to_segment(c, a))
    return torch.where(inside, height, edges)


def _to_segment(a: Tensor, b: Tensor) -> Tensor:
    along = b - a
    t = (-(a * along).sum(-1) / (along * along).sum(-1).clamp(min=1e-300)).clamp(0, 1)
    return torch.addcmul(a, t.unsqueeze(-1), along).norm(dim=-1)
