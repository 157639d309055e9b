"""Ray against the terrace with plain arrays: works everywhere, and is the slow twin of the compiled one."""

from __future__ import annotations

import numpy as np

from .scene_layout import GROUND_Y, HORIZON_RADIUS, RIDGE_HEIGHT, Material, SceneTables

__all__ = ["closest_hit", "is_occluded"]


def closest_hit(
    origins: np.ndarray,  # [N, 3]
    directions: np.ndarray,  # [N, 3]
    tables: SceneTables,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Find the first surface along each ray.

    Args:
        origins: ``[N, 3]`` float64, outside of everything solid, within the ring of hills.
        directions: ``[N, 3]`` float64; distances are in units of their length.
        tables: the scene.

    Returns:
        ``distance [N]`` (inf: sky), ``material [N]`` int64 and the outward unit ``normal [N, 3]``.
    """
    hit = _Hits(len(origins))
    with np.errstate(divide="ignore", invalid="ignore"):
        _ground(hit, origins, directions)
        for row in tables.boxes:
            near, far, axis, _ = _box_interval(origins, directions, row[:3], row[3:6])
            hit.keep(np.where(near <= far, near, np.inf), int(row[6]), _axis_normal(directions, axis))
        for row in tables.ellipsoids:
            _ellipsoid(hit, origins, directions, row)
        for row in tables.cylinders:
            _cylinder(hit, origins, directions, row)
        for row in tables.solids:
            _solid(hit, origins, directions, row, tables.cuts)
        _ridge(hit, origins, directions)
    return hit.distance, hit.material, hit.normal


def is_occluded(origins: np.ndarray, directions: np.ndarray, tables: SceneTables) -> np.ndarray:
    """Return whether each ray is blocked by anything but the far ridge, ``[N]`` bool."""
    distance, material, _ = closest_hit(origins, directions, tables)
    result: np.ndarray = np.isfinite(distance) & (material != Material.RIDGE)
    return result


class _Hits:
    """The nearest hit so far of every ray."""

    def __init__(self, count: int) -> None:
        self.distance = np.full(count, np.inf)
        self.material = np.zeros(count, np.int64)
        self.normal = np.zeros((count, 3))

    def keep(self, distance: np.ndarray, material: int | np.ndarray, normal: np.ndarray) -> None:
        nearer = (distance > 0) & (distance < self.distance)
        self.distance = np.where(nearer, distance, self.distance)
        self.material = np.where(nearer, material, self.material)
        self.normal = np.where(nearer[:, None], normal, self.normal)


def _axis_normal(directions: np.ndarray, axis: np.ndarray) -> np.ndarray:
    sign = -np.sign(directions)
    return np.where(np.arange(3) == axis[:, None], sign, 0.0)


def _slabs(o: np.ndarray, d: np.ndarray, low: np.ndarray, high: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    first, second = (low - o) / d, (high - o) / d
    inside = (low <= o) & (o <= high)
    near = np.where(d == 0, np.where(inside, -np.inf, np.inf), np.minimum(first, second))
    far = np.where(d == 0, np.where(inside, np.inf, -np.inf), np.maximum(first, second))
    return near, far


def _box_interval(
    origins: np.ndarray, directions: np.ndarray, low: np.ndarray, high: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    near, far = _slabs(origins, directions, low, high)
    return near.max(1), far.min(1), near.argmax(1), far.argmin(1)


def _ground(hit: _Hits, o: np.ndarray, d: np.ndarray) -> None:
    t = np.where(d[:, 1] > 0, (GROUND_Y - o[:, 1]) / d[:, 1], np.inf)
    x, z = o[:, 0] + t * d[:, 0], o[:, 2] + t * d[:, 2]
    up = np.array([0.0, -1.0, 0.0])
    hit.keep(np.where(x * x + z * z <= HORIZON_RADIUS**2, t, np.inf), Material.GROUND, up)


def _ellipsoid(hit: _Hits, o: np.ndarray, d: np.ndarray, row: np.ndarray) -> None:
    p, q = (o - row[:3]) / row[3:6], d / row[3:6]
    a, b, c = (q * q).sum(1), (p * q).sum(1), (p * p).sum(1) - 1
    t = (-b - np.sqrt(b * b - a * c)) / a
    normal = (p + t[:, None] * q) / row[3:6]
    normal = normal / np.sqrt((normal * normal).sum(1, keepdims=True))
    hit.keep(np.where((c > 0) & np.isfinite(t), t, np.inf), int(row[6]), normal)


def _cylinder(hit: _Hits, o: np.ndarray, d: np.ndarray, row: np.ndarray) -> None:
    center, radius, top, bottom = row[:2], row[2], row[3], row[4]
    p, q = o[:, ::2] - center, d[:, ::2]
    a, b, c = (q * q).sum(1), (p * q).sum(1), (p * p).sum(1) - radius**2
    t = (-b - np.sqrt(b * b - a * c)) / a
    y = o[:, 1] + t * d[:, 1]
    side = (p + t[:, None] * q) / radius
    normal = np.stack((side[:, 0], np.zeros(len(o)), side[:, 1]), 1)
    hit.keep(np.where((c > 0) & (top <= y) & (y <= bottom), t, np.inf), int(row[5]), normal)
    down = d[:, 1] > 0
    t = (np.where(down, top, bottom) - o[:, 1]) / d[:, 1]
    square = ((p + t[:, None] * q) ** 2).sum(1)
    material = np.where(down & (square < row[6] ** 2), int(row[7]), int(row[5]))
    normal = np.stack((np.zeros(len(o)), np.where(down, -1.0, 1.0), np.zeros(len(o))), 1)
    hit.keep(np.where(square <= radius**2, t, np.inf), material, normal)


def _cut_interval(o: np.ndarray, d: np.ndarray, cut: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    if cut[0] == 0:
        near, far, _, axis = _box_interval(o, d, cut[1:4], cut[4:7])
        return near, far, axis
    across, along = (2, 0) if cut[0] == 1 else (0, 2)
    p = np.stack((o[:, across] - cut[1], o[:, 1] - cut[2]), 1)
    q = np.stack((d[:, across], d[:, 1]), 1)
    a, b, c = (q * q).sum(1), (p * q).sum(1), (p * p).sum(1) - cut[3] ** 2
    discriminant = b * b - a * c
    root = np.sqrt(discriminant)
    hits = (a > 0) & (discriminant > 0)
    through = (a == 0) & (c <= 0)
    near = np.where(hits, (-b - root) / a, np.where(through, -np.inf, np.inf))
    far = np.where(hits, (-b + root) / a, np.where(through, np.inf, -np.inf))
    low, high = _slabs(o[:, along], d[:, along], cut[4], cut[5])
    axis = np.where(high < far, along, 3)
    return np.maximum(near, low), np.minimum(far, high), axis


def _solid(hit: _Hits, o: np.ndarray, d: np.ndarray, row: np.ndarray, cuts: np.ndarray) -> None:
    near, far, axis, _ = _box_interval(o, d, row[:3], row[3:6])
    empty = (near > far) | (far <= 0)
    t, source = np.maximum(near, 0.0), np.full(len(o), -1)
    first, end = int(row[7]), int(row[8])
    intervals = [_cut_interval(o, d, cuts[k]) for k in range(first, end)]
    for _ in intervals:  # each pass moves past at least one more cut
        for k, (a, b, exit_axis) in enumerate(intervals, first):
            within = (a <= t) & (t < b)
            t = np.where(within, b, t)
            axis = np.where(within, exit_axis, axis)
            source = np.where(within, k, source)
    t = np.where(empty | (t >= far), np.inf, t)
    cut = cuts[source]
    point = o + np.where(np.isfinite(t), t, 0.0)[:, None] * d
    along_x = cut[:, 0] == 1
    inward_y = -(point[:, 1] - cut[:, 2]) / cut[:, 3]
    inward_u = -(np.where(along_x, point[:, 2], point[:, 0]) - cut[:, 1]) / cut[:, 3]
    zero = np.zeros(len(o))
    round_wall = np.stack((np.where(along_x, zero, inward_u), inward_y, np.where(along_x, inward_u, zero)), 1)
    normal = np.where((axis == 3)[:, None], round_wall, _axis_normal(d, axis))
    material = np.where((axis == 2) & (source >= 0), cut[:, 7], row[6]).astype(np.int64)
    hit.keep(t, material, normal)


def _ridge(hit: _Hits, o: np.ndarray, d: np.ndarray) -> None:
    p, q = o[:, ::2], d[:, ::2]
    a, b, c = (q * q).sum(1), (p * q).sum(1), (p * p).sum(1) - HORIZON_RADIUS**2
    t = (-b + np.sqrt(b * b - a * c)) / a
    y = o[:, 1] + t * d[:, 1]
    at = -(p + np.where(np.isfinite(t), t, 0.0)[:, None] * q) / HORIZON_RADIUS
    normal = np.stack((at[:, 0], np.zeros(len(o)), at[:, 1]), 1)
    within = (GROUND_Y - RIDGE_HEIGHT <= y) & (y <= GROUND_Y) & np.isfinite(t)
    hit.keep(np.where(within, t, np.inf), Material.RIDGE, normal)
