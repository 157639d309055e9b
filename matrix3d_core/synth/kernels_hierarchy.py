"""The bounding volume hierarchy, compiled: its construction, the closest hit and occlusion of a ray.

Node bounds are float32, widened by more than the rounding of any ray that starts within ten times the scene's extent;
distances to shapes are float64.

Source: I. Wald, On fast Construction of SAH-based Bounding Volume Hierarchies, 2007 (binned surface area heuristic).
"""

# mypy: ignore-errors
from __future__ import annotations

import math

import numpy as np

from ..compiled import compiled, sliced
from .kernels_alpha import is_solid_at
from .kernels_shapes import shape_distance, shape_surface

__all__ = ["STACK", "build", "hits", "occlusions", "trace"]

STACK = 96
"""Entries of a traversal's stack: more than the deepest hierarchy that `build` makes."""

_LEAF, _BINS, _DEEPEST = 3, 16, 64
_NO_SHADOW, _PERFORATED = 1, 2
_INF = math.inf
f4 = np.float32


@compiled(inline="always")
def _half_area(low, high):
    x, y, z = high[0] - low[0], high[1] - low[1], high[2] - low[2]
    return x * y + y * z + z * x


@compiled()
def _split(bounds, order, begin, end, depth):
    """Partition a range of shapes; return the first of the right part, or ``begin`` for a leaf."""
    count = end - begin
    if count <= _LEAF:
        return begin
    low, high = np.full(3, _INF), np.full(3, -_INF)
    for i in range(begin, end):
        row = bounds[order[i]]
        for axis in range(3):
            middle = row[axis] + row[axis + 3]
            low[axis], high[axis] = min(low[axis], middle), max(high[axis], middle)
    best, best_axis, best_bin = _INF, -1, 0
    sizes = np.empty((3, _BINS), np.int64)
    boxes = np.empty((_BINS, 6))
    right = np.empty(_BINS)
    for axis in range(3):
        extent = high[axis] - low[axis]
        if not extent > 1e-30 or depth >= _DEEPEST - 24:
            continue
        sizes[axis] = 0
        boxes[:, :3], boxes[:, 3:] = _INF, -_INF
        scale = _BINS * (1.0 - 1e-12) / extent
        for i in range(begin, end):
            row = bounds[order[i]]
            k = int((row[axis] + row[axis + 3] - low[axis]) * scale)
            sizes[axis, k] += 1
            for j in range(3):
                boxes[k, j], boxes[k, j + 3] = min(boxes[k, j], row[j]), max(boxes[k, j + 3], row[j + 3])
        total, number = np.empty(6), 0
        total[:3], total[3:] = _INF, -_INF
        for k in range(_BINS - 1, 0, -1):
            number += sizes[axis, k]
            for j in range(3):
                total[j], total[j + 3] = min(total[j], boxes[k, j]), max(total[j + 3], boxes[k, j + 3])
            right[k] = number * _half_area(total[:3], total[3:]) if number else 0.0
        total[:3], total[3:] = _INF, -_INF
        number = 0
        for k in range(_BINS - 1):
            number += sizes[axis, k]
            for j in range(3):
                total[j], total[j + 3] = min(total[j], boxes[k, j]), max(total[j + 3], boxes[k, j + 3])
            if 0 < number < count:
                cost = number * _half_area(total[:3], total[3:]) + right[k + 1]
                if cost < best:
                    best, best_axis, best_bin = cost, axis, k
    if best_axis < 0:  # all centers at one place, or too deep: halves, which end within 24 levels
        return begin + count // 2
    scale = _BINS * (1.0 - 1e-12) / (high[best_axis] - low[best_axis])
    i, j = begin, end - 1
    while i <= j:
        row = bounds[order[i]]
        if int((row[best_axis] + row[best_axis + 3] - low[best_axis]) * scale) <= best_bin:
            i += 1
        else:
            order[i], order[j] = order[j], order[i]
            j -= 1
    return i


@compiled()
def build(bounds):
    """Return the order of the shapes in the leaves, and `geometry.Geometry`'s ``boxes`` and ``links``."""
    count = bounds.shape[0]
    order = np.arange(count)
    boxes, links = np.empty((max(1, count), 12), np.float32), np.zeros((max(1, count), 4), np.int32)
    boxes[:] = np.nan  # a child without shapes: no ray enters
    slack = 0.0
    for i in range(count):
        for j in range(6):
            slack = max(slack, abs(bounds[i, j]))
    slack = 4e-6 * slack + 1e-12
    made = 1
    todo = np.empty((4 * _DEEPEST, 4), np.int64)  # node and child to fill, range of shapes, depth
    depths = np.zeros(4 * _DEEPEST, np.int64)
    waiting = 0
    if count:
        middle = _split(bounds, order, 0, count, 0)
        todo[0] = (0, 0, 0, middle if middle > 0 else count)
        waiting = 1
        if middle > 0:
            todo[1] = (0, 1, middle, count)
            waiting = 2
    while waiting:
        waiting -= 1
        node, side, begin, end = todo[waiting]
        depth = depths[waiting] + 1
        low, high = np.full(3, _INF), np.full(3, -_INF)
        for i in range(begin, end):
            for j in range(3):
                low[j], high[j] = min(low[j], bounds[order[i], j]), max(high[j], bounds[order[i], j + 3])
        boxes[node, 6 * side : 6 * side + 3] = low - slack
        boxes[node, 6 * side + 3 : 6 * side + 6] = high + slack
        middle = _split(bounds, order, begin, end, depth)
        if middle == begin:
            links[node, 2 * side], links[node, 2 * side + 1] = begin, end - begin
            continue
        links[node, 2 * side] = made
        todo[waiting], depths[waiting] = (made, 0, begin, middle), depth
        todo[waiting + 1], depths[waiting + 1] = (made, 1, middle, end), depth
        waiting += 2
        made += 1
    return order, boxes[:made].copy(), links[:made].copy()


@compiled(inline="always")
def _inverse(d):
    """Float32 inverse of a component, finite for zero."""
    if abs(d) < 1e-18:
        return f4(1e18) if d >= 0 else f4(-1e18)
    return f4(1.0 / d)


@compiled(inline="always")
def _entry(boxes, node, at, ox, oy, oz, ix, iy, iz, limit):
    """Distance where a ray enters a child's box, or inf."""
    ax, bx = (boxes[node, at] - ox) * ix, (boxes[node, at + 3] - ox) * ix
    ay, by = (boxes[node, at + 1] - oy) * iy, (boxes[node, at + 4] - oy) * iy
    az, bz = (boxes[node, at + 2] - oz) * iz, (boxes[node, at + 5] - oz) * iz
    near, far = (ax, bx) if ax < bx else (bx, ax)
    low, high = (ay, by) if ay < by else (by, ay)
    near, far = (low if low > near else near), (high if high < far else far)
    low, high = (az, bz) if az < bz else (bz, az)
    near, far = (low if low > near else near), (high if high < far else far)
    if near <= far * f4(1.000002) and far >= f4(0.0) and near * f4(0.999998) <= limit:
        return near if near > f4(0.0) else f4(0.0)
    return f4(_INF)


@compiled()
def trace(g, looks, ox, oy, oz, dx, dy, dz, limit, any_hit, stack, entries):
    """Closest hit up to ``limit``: distance (``limit`` without one), shape (-1: none), coordinates along its edges.

    With ``any_hit`` the first one found, of shapes that cast a shadow.
    """
    x, y, z = f4(ox), f4(oy), f4(oz)
    ix, iy, iz = _inverse(dx), _inverse(dy), _inverse(dz)
    best, found, best_u, best_v, rank = limit, -1, 0.0, 0.0, -1
    node, waiting = 0, 0
    while node >= 0:
        reach = f4(best)
        first = _entry(g.boxes, node, 0, x, y, z, ix, iy, iz, reach)
        second = _entry(g.boxes, node, 6, x, y, z, ix, iy, iz, reach)
        side = 1 if second < first else 0
        following = -1
        for _ in range(2):
            enter = second if side == 1 else first
            if enter < f4(_INF) and enter * f4(0.999998) <= f4(best):
                link, size = g.links[node, 2 * side], g.links[node, 2 * side + 1]
                if size == 0:
                    if following < 0:
                        following = link
                    else:
                        stack[waiting], entries[waiting] = link, enter
                        waiting += 1
                for k in range(link, link + size):
                    t, u, v = shape_distance(g.kinds[k, 0], ox, oy, oz, dx, dy, dz, g.table[k], g.cuts)
                    if t < best or (t == best and g.kinds[k, 5] < rank):
                        flags = g.kinds[k, 3]
                        if any_hit and flags & _NO_SHADOW:
                            continue
                        if flags & _PERFORATED and not is_solid_at(g, looks, k, u, v):
                            continue
                        if any_hit:
                            return t, k, u, v
                        best, found, best_u, best_v, rank = t, k, u, v, g.kinds[k, 5]
            side = 1 - side
        node = following
        while node < 0 and waiting > 0:
            waiting -= 1
            if entries[waiting] * f4(0.999998) <= f4(best):
                node = stack[waiting]
    return best, found, best_u, best_v


@sliced(grain=256)
def hits(begin, until, origins, directions, g, looks, distance, shape, material, normal):
    """Closest hit of each ray: distance, index of the shape (-1: none), its material (0) and unit normal."""
    stack, entries = np.empty(STACK, np.int32), np.empty(STACK, np.float32)
    for i in range(begin, until):
        ox, oy, oz = origins[i, 0], origins[i, 1], origins[i, 2]
        dx, dy, dz = directions[i, 0], directions[i, 1], directions[i, 2]
        t, k, _, _ = trace(g, looks, ox, oy, oz, dx, dy, dz, _INF, False, stack, entries)
        distance[i], shape[i], material[i] = t, k, 0
        normal[i, 0] = normal[i, 1] = normal[i, 2] = 0.0
        if k >= 0:
            nx, ny, nz, which = shape_surface(
                g.kinds[k, 0], g.kinds[k, 1], ox, oy, oz, dx, dy, dz, t, g.table[k], g.cuts
            )
            material[i] = which
            normal[i, 0], normal[i, 1], normal[i, 2] = nx, ny, nz


@sliced(grain=256)
def occlusions(begin, until, origins, directions, limits, g, looks, blocked):
    """Whether anything that casts a shadow is nearer than the limit, for each ray."""
    stack, entries = np.empty(STACK, np.int32), np.empty(STACK, np.float32)
    for i in range(begin, until):
        ox, oy, oz = origins[i, 0], origins[i, 1], origins[i, 2]
        dx, dy, dz = directions[i, 0], directions[i, 1], directions[i, 2]
        blocked[i] = trace(g, looks, ox, oy, oz, dx, dy, dz, limits[i], True, stack, entries)[1] >= 0
