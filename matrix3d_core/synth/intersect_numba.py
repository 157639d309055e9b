"""Ray against the terrace, compiled. Imported only when numba is there; `intersect_numpy` is its twin."""

# mypy: ignore-errors
from __future__ import annotations

import math

import numpy as np

from ..compiled import compiled, sliced
from .scene_layout import GROUND_Y, HORIZON_RADIUS, RIDGE_HEIGHT, Material, SceneTables

__all__ = ["closest_hit", "is_occluded"]

_GROUND, _RIDGE = int(Material.GROUND), int(Material.RIDGE)
_INF = math.inf


@compiled(inline="always")
def _slab(o, d, low, high):
    """Interval of one axis."""
    if d == 0.0:
        if low <= o <= high:
            return -_INF, _INF
        return _INF, -_INF
    a, b = (low - o) / d, (high - o) / d
    return (a, b) if a < b else (b, a)


@compiled()
def _box_interval(ox, oy, oz, dx, dy, dz, x0, y0, z0, x1, y1, z1):
    """Entry, exit, entry axis, exit axis; empty when entry > exit."""
    near, far = _slab(ox, dx, x0, x1)
    near_axis, far_axis = 0, 0
    a, b = _slab(oy, dy, y0, y1)
    if a > near:
        near, near_axis = a, 1
    if b < far:
        far, far_axis = b, 1
    a, b = _slab(oz, dz, z0, z1)
    if a > near:
        near, near_axis = a, 2
    if b < far:
        far, far_axis = b, 2
    return near, far, near_axis, far_axis


@compiled()
def _cut_interval(ox, oy, oz, dx, dy, dz, cut):
    """Entry, exit and exit axis of one cut; axis 3 is the round wall of a cylinder."""
    if cut[0] == 0.0:
        near, far, _, axis = _box_interval(
            ox, oy, oz, dx, dy, dz, cut[1], cut[2], cut[3], cut[4], cut[5], cut[6]
        )
        return near, far, axis
    along_x = cut[0] == 1.0
    across, d_across = (oz, dz) if along_x else (ox, dx)
    along, d_along = (ox, dx) if along_x else (oz, dz)
    u, v = across - cut[1], oy - cut[2]
    a = d_across * d_across + dy * dy
    b = u * d_across + v * dy
    c = u * u + v * v - cut[3] * cut[3]
    near, far, axis = _INF, -_INF, 3
    if a == 0.0:
        if c <= 0.0:
            near, far = -_INF, _INF
    else:
        discriminant = b * b - a * c
        if discriminant > 0.0:
            root = math.sqrt(discriminant)
            near, far = (-b - root) / a, (-b + root) / a
    low, high = _slab(along, d_along, cut[4], cut[5])
    near = max(near, low)
    if high < far:
        far, axis = high, (0 if along_x else 2)
    return near, far, axis


@compiled()
def _solid(ox, oy, oz, dx, dy, dz, solid, cuts, nearest):
    """First point outside all cuts: distance (inf: none), axis, index of the cut (-1: face)."""
    near, far, axis, _ = _box_interval(
        ox, oy, oz, dx, dy, dz, solid[0], solid[1], solid[2], solid[3], solid[4], solid[5]
    )
    if near > far or far <= 0.0 or near >= nearest:
        return _INF, 0, -1
    t, source = max(near, 0.0), -1
    first, end = int(solid[7]), int(solid[8])
    moved = True
    while moved:
        moved = False
        for k in range(first, end):
            a, b, exit_axis = _cut_interval(ox, oy, oz, dx, dy, dz, cuts[k])
            if a <= t < b:
                t, axis, source, moved = b, exit_axis, k, True
    if t >= far or t <= 0.0:
        return _INF, 0, -1
    return t, axis, source


@compiled()
def _trace(ox, oy, oz, dx, dy, dz, limit, any_hit, boxes, ellipsoids, cylinders, solids, cuts, out):
    """Closest hit nearer than ``limit``: distance, and material and normal in ``out[0], out[1:4]``."""
    best, material = limit, 0
    nx, ny, nz = 0.0, 0.0, 0.0
    if dy > 0.0:
        t = (GROUND_Y - oy) / dy
        if 0.0 < t < best:
            x, z = ox + t * dx, oz + t * dz
            if x * x + z * z <= HORIZON_RADIUS * HORIZON_RADIUS:
                best, material, nx, ny, nz = t, _GROUND, 0.0, -1.0, 0.0
                if any_hit:
                    return best
    for k in range(boxes.shape[0]):
        row = boxes[k]
        t, far, axis, _ = _box_interval(
            ox, oy, oz, dx, dy, dz, row[0], row[1], row[2], row[3], row[4], row[5]
        )
        if 0.0 < t < best and t <= far:
            best, material = t, int(row[6])
            if any_hit:
                return best
            nx, ny, nz = 0.0, 0.0, 0.0
            if axis == 0:
                nx = -1.0 if dx > 0 else 1.0
            elif axis == 1:
                ny = -1.0 if dy > 0 else 1.0
            else:
                nz = -1.0 if dz > 0 else 1.0
    for k in range(ellipsoids.shape[0]):
        row = ellipsoids[k]
        px, py, pz = (ox - row[0]) / row[3], (oy - row[1]) / row[4], (oz - row[2]) / row[5]
        qx, qy, qz = dx / row[3], dy / row[4], dz / row[5]
        a = qx * qx + qy * qy + qz * qz
        b = px * qx + py * qy + pz * qz
        c = px * px + py * py + pz * pz - 1.0
        discriminant = b * b - a * c
        if discriminant > 0.0 and c > 0.0 and b < 0.0:
            t = (-b - math.sqrt(discriminant)) / a
            if 0.0 < t < best:
                best, material = t, int(row[6])
                if any_hit:
                    return best
                nx, ny, nz = (px + t * qx) / row[3], (py + t * qy) / row[4], (pz + t * qz) / row[5]
                scale = 1.0 / math.sqrt(nx * nx + ny * ny + nz * nz)
                nx, ny, nz = nx * scale, ny * scale, nz * scale
    for k in range(cylinders.shape[0]):
        row = cylinders[k]
        u, w, radius = ox - row[0], oz - row[1], row[2]
        a = dx * dx + dz * dz
        b = u * dx + w * dz
        c = u * u + w * w - radius * radius
        if a > 0.0 and c > 0.0 and b < 0.0:
            discriminant = b * b - a * c
            if discriminant > 0.0:
                t = (-b - math.sqrt(discriminant)) / a
                y = oy + t * dy
                if 0.0 < t < best and row[3] <= y <= row[4]:
                    best, material = t, int(row[5])
                    if any_hit:
                        return best
                    nx, ny, nz = (u + t * dx) / radius, 0.0, (w + t * dz) / radius
        if dy != 0.0:
            t = ((row[3] if dy > 0 else row[4]) - oy) / dy
            x, z = u + t * dx, w + t * dz
            square = x * x + z * z
            if 0.0 < t < best and square <= radius * radius:
                inner = dy > 0 and square < row[6] * row[6]
                best, material = t, int(row[7] if inner else row[5])
                if any_hit:
                    return best
                nx, ny, nz = 0.0, (-1.0 if dy > 0 else 1.0), 0.0
    for k in range(solids.shape[0]):
        row = solids[k]
        t, axis, source = _solid(ox, oy, oz, dx, dy, dz, row, cuts, best)
        if 0.0 < t < best:
            best, material = t, int(row[6])
            if any_hit:
                return best
            nx, ny, nz = 0.0, 0.0, 0.0
            if axis == 0:
                nx = -1.0 if dx > 0 else 1.0
            elif axis == 1:
                ny = -1.0 if dy > 0 else 1.0
            elif axis == 2:
                nz = -1.0 if dz > 0 else 1.0
                if source >= 0:
                    material = int(cuts[source, 7])
            else:
                cut = cuts[source]
                ny = -(oy + t * dy - cut[2]) / cut[3]
                if cut[0] == 1.0:
                    nz = -(oz + t * dz - cut[1]) / cut[3]
                else:
                    nx = -(ox + t * dx - cut[1]) / cut[3]
    if any_hit:
        return best
    # The ridge is a ring seen from inside, behind everything else, so it comes last.
    a = dx * dx + dz * dz
    if a > 0.0:
        b = ox * dx + oz * dz
        c = ox * ox + oz * oz - HORIZON_RADIUS * HORIZON_RADIUS
        discriminant = b * b - a * c
        if discriminant > 0.0:
            t = (-b + math.sqrt(discriminant)) / a
            y = oy + t * dy
            if 0.0 < t < best and GROUND_Y - RIDGE_HEIGHT <= y <= GROUND_Y:
                best, material = t, _RIDGE
                nx, ny, nz = -(ox + t * dx) / HORIZON_RADIUS, 0.0, -(oz + t * dz) / HORIZON_RADIUS
    out[0], out[1], out[2], out[3] = material, nx, ny, nz
    return best


@sliced(grain=1024)
def _closest(
    begin, until, origins, directions, boxes, ellipsoids, cylinders, solids, cuts, distance, material, normal
):
    for i in range(begin, until):
        out = np.zeros(4)
        o, d = origins[i], directions[i]
        t = _trace(
            o[0], o[1], o[2], d[0], d[1], d[2], _INF, False, boxes, ellipsoids, cylinders, solids, cuts, out
        )
        distance[i] = t
        material[i] = int(out[0])
        normal[i, 0], normal[i, 1], normal[i, 2] = out[1], out[2], out[3]


@sliced(grain=1024)
def _occluded(begin, until, origins, directions, boxes, ellipsoids, cylinders, solids, cuts, blocked):
    for i in range(begin, until):
        out = np.zeros(4)
        o, d = origins[i], directions[i]
        t = _trace(
            o[0], o[1], o[2], d[0], d[1], d[2], _INF, True, boxes, ellipsoids, cylinders, solids, cuts, out
        )
        blocked[i] = t < _INF


def closest_hit(
    origins: np.ndarray, directions: np.ndarray, tables: SceneTables
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """See `intersect_numpy.closest_hit`."""
    count = origins.shape[0]
    distance, material, normal = np.empty(count), np.empty(count, np.int64), np.empty((count, 3))
    _closest(count, origins, directions, *_arrays(tables), distance, material, normal)
    return distance, material, normal


def is_occluded(origins: np.ndarray, directions: np.ndarray, tables: SceneTables) -> np.ndarray:
    """See `intersect_numpy.is_occluded`."""
    blocked = np.empty(origins.shape[0], np.bool_)
    _occluded(len(blocked), origins, directions, *_arrays(tables), blocked)
    return blocked


def _arrays(tables: SceneTables) -> tuple[np.ndarray, ...]:
    return tables.boxes, tables.ellipsoids, tables.cylinders, tables.solids, tables.cuts
