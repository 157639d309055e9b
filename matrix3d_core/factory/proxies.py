"""Collision of a walking camera with box proxies of a scene's objects.

Source: Z. Yang et al., Matrix-3D, 2025, section 5, step 3 (objects as bounding boxes, paths simulated step by step).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .walkable import WalkSurface

if TYPE_CHECKING:
    from ..synth.scene import Scene

__all__ = ["STEP_M", "BoxProxies", "Walker", "proxies_of"]

STEP_M = 0.35
"""Highest step that is walked over: curbs, stairs, and objects lower than this."""

_MOST_TESTS = 1 << 22
_COMPACT_M = 1.5
_PIECE_M = 1.0
_SMALL_M = 0.5
_RING_PIECES = 24


@dataclass(frozen=True)
class Walker:
    """The space that a walking camera needs: an upright column from a step above the ground to above the camera.

    Attributes:
        height: of the camera above the ground, meters.
        margin: to the sides and above, meters.
    """

    height: float = 1.6
    margin: float = 0.2


@dataclass(frozen=True)
class BoxProxies:
    """Axis-aligned boxes.

    Attributes:
        low: ``[N, 3]`` smallest x, y and z of each box, meters (y down).
        high: ``[N, 3]`` largest.
    """

    low: np.ndarray
    high: np.ndarray

    def hits(self, centers: np.ndarray, walker: Walker) -> np.ndarray:
        """Return ``[P]`` bool: which camera centers ``[P, 3]`` have a box within the walker's space."""
        return self.crosses(centers, centers, walker)

    def crosses(self, starts: np.ndarray, ends: np.ndarray, walker: Walker) -> np.ndarray:
        """Return ``[P]`` bool: which straight steps between camera centers ``[P, 3]`` pass through a box.

        Seen from above each step is intersected with the boxes grown by the margin; vertically the step takes the
        range of both its ends.
        """
        starts, ends = np.asarray(starts, np.float64), np.asarray(ends, np.float64)
        found = np.zeros(len(starts), bool)
        if not len(self.low) or not len(starts):
            return found
        rows = max(1, _MOST_TESTS // len(self.low))
        for first in range(0, len(starts), rows):
            part = slice(first, first + rows)
            found[part] = self._crosses(starts[part, None], ends[part, None], walker).any(1)
        return found

    def distance(self, centers: np.ndarray, walker: Walker) -> np.ndarray:
        """Return ``[P]`` meters, seen from above, from camera centers ``[P, 3]`` to the nearest box that the walker
        could meet there; inf where there is none."""
        centers = np.asarray(centers, np.float64)
        meets = self._at_height(centers[:, None, 1], centers[:, None, 1], walker)
        beyond = np.maximum(self.low - centers[:, None], centers[:, None] - self.high)[..., ::2].clip(min=0)
        away = np.where(meets, np.hypot(beyond[..., 0], beyond[..., 1]), np.inf)
        result: np.ndarray = away.min(1, initial=np.inf)
        return result

    def _at_height(self, start: np.ndarray, end: np.ndarray, walker: Walker) -> np.ndarray:
        """Return which boxes reach into the walker's heights between two camera heights (y down)."""
        top = np.minimum(start, end) - walker.margin
        bottom = np.maximum(start, end) + walker.height - STEP_M
        result: np.ndarray = (self.low[:, 1] <= bottom) & (self.high[:, 1] >= top)
        return result

    def _crosses(self, start: np.ndarray, end: np.ndarray, walker: Walker) -> np.ndarray:
        meets = self._at_height(start[..., 1], end[..., 1], walker)
        enter, leave = np.zeros(1), np.ones(1)
        for axis in (0, 2):
            low, high = self.low[:, axis] - walker.margin, self.high[:, axis] + walker.margin
            along = end[..., axis] - start[..., axis]
            still = along == 0
            slope = np.where(still, 1.0, along)
            first, second = (low - start[..., axis]) / slope, (high - start[..., axis]) / slope
            enter = np.maximum(enter, np.where(still, 0.0, np.minimum(first, second)))
            leave = np.minimum(leave, np.where(still, 1.0, np.maximum(first, second)))
            meets &= ~still | ((low <= start[..., axis]) & (start[..., axis] <= high))
        result: np.ndarray = meets & (enter <= leave)
        return result


def proxies_of(scene: Scene, surface: WalkSurface, walker: Walker) -> BoxProxies:
    """Return the box proxies that a walker on a surface can meet.

    An object up to 1.5 m wide is its bounding box. A larger one, which one may walk into, around or under (a room, an
    arch, a tree), is the boxes of its shapes, in pieces of at most 1 m; of shapes smaller than 0.5 m those in one cell
    of that size share a box.

    Args:
        scene: the scene.
        surface: where cameras walk; boxes out of reach are left out.
        walker: the space that the camera needs.
    """
    from ..synth.geometry import shape_bounds

    table, kinds = scene.geometry.table, scene.geometry.kinds
    low = np.array([found.low for found in scene.objects]).reshape(-1, 3)
    high = np.array([found.high for found in scene.objects]).reshape(-1, 3)
    is_compact = (high - low)[:, ::2].max(1, initial=0.0) <= _COMPACT_M
    is_large = ~is_compact[kinds[:, 2] - 1]
    reach = _Reach(surface, walker)
    bounds = shape_bounds(table, kinds)
    is_large &= reach.meets(bounds[:, :3], bounds[:, 3:])
    parts = [(low[is_compact], high[is_compact])]
    parts += [_pieces(*solid) for solid in _solids(table[is_large], kinds[is_large, 0])]
    low, high = (np.concatenate(corners) for corners in zip(*parts, strict=True))
    is_near = reach.meets(low, high)
    return _merged(low[is_near], high[is_near])


class _Reach:
    """The range in which a walker on a surface can meet something."""

    def __init__(self, surface: WalkSurface, walker: Walker) -> None:
        cells = np.argwhere(np.isfinite(surface.up))
        if not len(cells):
            cells = np.zeros((1, 2), np.int64)
        levels = np.nan_to_num(surface.up[tuple(cells.T)])
        first, last = (
            np.asarray(surface.corner) + surface.cell * index[::-1] for index in (cells.min(0), cells.max(0))
        )
        side = walker.margin + surface.cell
        top, bottom = levels.max() + walker.height + walker.margin, levels.min() + STEP_M
        self._low = np.array((first[0] - side, -top, first[1] - side))
        self._high = np.array((last[0] + side, -bottom, last[1] + side))

    def meets(self, low: np.ndarray, high: np.ndarray) -> np.ndarray:
        return np.asarray(((low <= self._high) & (high >= self._low)).all(1))


def _solids(table: np.ndarray, shapes: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield shapes of each kind as parallelepipeds: corner ``[N, 3]`` and edges ``[N, 3, 3]``, some of them zero."""
    from ..synth.geometry import Shape, shape_bounds

    for shape in Shape:
        rows = table[shapes == shape]
        if shape in (Shape.TRIANGLE, Shape.QUAD):
            yield rows[:, :3], np.stack((rows[:, 3:6], rows[:, 6:9], 0 * rows[:, :3]), 1)
        elif shape == Shape.BOX:
            size, cosine, sine, zero = rows[:, 6:9] - rows[:, 3:6], rows[:, 9], rows[:, 10], 0 * rows[:, 9]
            axes = np.stack((cosine, zero, -sine, zero, zero + 1, zero, sine, zero, cosine), 1).reshape(
                -1, 3, 3
            )
            yield rows[:, :3] + (rows[:, 3:6, None] * axes).sum(1), size[..., None] * axes
        elif shape == Shape.BEAM:
            edges = 2 * rows[:, 12:15, None] * rows[:, 3:12].reshape(-1, 3, 3)
            yield rows[:, :3] - edges.sum(1) / 2, edges
        elif shape == Shape.RING:
            angles = np.linspace(0, 2 * np.pi, _RING_PIECES + 1)
            x, z = (
                rows[:, k, None] + rows[:, 2, None] * wave
                for k, wave in ((0, np.cos(angles)), (1, np.sin(angles)))
            )
            corner = np.stack((x, np.broadcast_to(rows[:, 3, None], x.shape), z), -1)
            across = np.diff(corner, axis=1).reshape(-1, 3)
            down = np.zeros_like(across)
            down[:, 1] = np.repeat(rows[:, 4] - rows[:, 3], _RING_PIECES)
            yield corner[:, :-1].reshape(-1, 3), np.stack((across, down, 0 * down), 1)
        else:
            kinds = np.full((len(rows), 1), shape)
            bounds = shape_bounds(rows, kinds)
            yield bounds[:, :3], (bounds[:, 3:] - bounds[:, :3])[:, :, None] * np.eye(3)


def _pieces(corner: np.ndarray, edges: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Cut parallelepipeds into pieces of at most 1 m along each edge and return the boxes around them."""
    counts = np.maximum(1, np.ceil(np.linalg.norm(edges, axis=2) / _PIECE_M)).astype(int)
    which = np.repeat(np.arange(len(corner)), counts.prod(1))
    number = np.arange(len(which)) - np.repeat(np.cumsum(counts.prod(1)) - counts.prod(1), counts.prod(1))
    counts = counts[which]
    step = edges[which] / counts[..., None]
    index = np.stack(
        (number % counts[:, 0], number // counts[:, 0] % counts[:, 1], number // counts[:, :2].prod(1)), 1
    )
    start = corner[which] + (index[..., None] * step).sum(1)
    return start + np.minimum(step, 0).sum(1), start + np.maximum(step, 0).sum(1)


def _merged(low: np.ndarray, high: np.ndarray) -> BoxProxies:
    """Give small boxes in one cell a common box."""
    is_small = (high - low).max(1, initial=0.0) <= _SMALL_M
    cells = np.floor((low + high)[is_small] / 2 / _SMALL_M).astype(np.int64)
    unique, group = np.unique(cells, axis=0, return_inverse=True)
    lows, highs = np.full((len(unique), 3), np.inf), np.full((len(unique), 3), -np.inf)
    np.minimum.at(lows, group.reshape(-1), low[is_small])
    np.maximum.at(highs, group.reshape(-1), high[is_small])
    return BoxProxies(np.concatenate((low[~is_small], lows)), np.concatenate((high[~is_small], highs)))
