"""The bounding volume hierarchy, compiled: its construction, the closest hit and occlusion of a ray.

A node has eight children, whose boxes are met at once. Their bounds are float32, widened by more than the rounding of
any ray that starts within ten times the scene's extent; distances to shapes are float64.

Source: I. Wald, On fast Construction of SAH-based Bounding Volume Hierarchies, 2007 (binned surface area heuristic);
I. Wald, C. Benthin, S. Boulos, Getting Rid of Packets, 2008 (wide nodes, the widest child is split first).
"""

# mypy: ignore-errors
from __future__ import annotations

import math

import numpy as np

from ..compiled import compiled, sliced
from .kernels_alpha import is_solid_at
from .kernels_lanes import LANES, enter_boxes, first_lane
from .kernels_shapes import shape_distance, shape_surface

__all__ = ["LIGHTS", "STACK", "build", "hits", "occlusions", "trace"]

_LEAF, _BINS, _DEEPEST = 3, 16, 64

STACK = (LANES - 1) * _DEEPEST + 2 * LANES + 1
"""Entries of a traversal's stack: of the deepest hierarchy that `build` makes, then a node's boxes or last blockers."""

LIGHTS = LANES
"""Lights whose last blocker is kept."""

_NO_SHADOW, _PERFORATED = 1, 2
_INF = math.inf
f4 = np.float32


@compiled(inline="always")
def _half_area(low, high):
    x, y, z = high[0] - low[0], high[1] - low[1], high[2] - low[2]
    return x * y + y * z + z * x


@compiled()
def _split(bounds, order, begin, end, depth):
    """Partition a range of two or more shapes; return the first of the right part."""
    count = end - begin
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
def _bound(bounds, order, begin, end, box):
    """Write the low and high corner of a range of shapes; return half its area."""
    box[:3], box[3:] = _INF, -_INF
    for i in range(begin, end):
        for j in range(3):
            box[j] = min(box[j], bounds[order[i], j])
            box[j + 3] = max(box[j + 3], bounds[order[i], j + 3])
    return _half_area(box[:3], box[3:])


@compiled()
def build(bounds):
    """Return the order of the shapes in the leaves, and `geometry.Geometry`'s ``boxes`` and ``links``."""
    count = bounds.shape[0]
    order = np.arange(count)
    boxes = np.empty((count // 2 + 1, 6, LANES), np.float32)
    links = np.zeros((count // 2 + 1, LANES), np.int32)
    boxes[:, :3], boxes[:, 3:] = _INF, -_INF  # of a lane without shapes: no ray enters
    slack = 0.0
    for i in range(count):
        for j in range(6):
            slack = max(slack, abs(bounds[i, j]))
    slack = 4e-6 * slack + 1e-12
    todo = np.empty((STACK, 4), np.int64)  # node, range of its shapes, depth in splits
    parts, areas, corners = np.empty((LANES, 3), np.int64), np.empty(LANES), np.empty((LANES, 6))
    todo[0] = (0, 0, count, 0)
    made, waiting = 1, min(count, 1)
    while waiting:
        waiting -= 1
        node = todo[waiting, 0]
        parts[0] = todo[waiting, 1:]
        areas[0] = _bound(bounds, order, parts[0, 0], parts[0, 1], corners[0])
        used = 1
        while used < LANES:  # split the widest part
            widest = -1
            for k in range(used):
                if parts[k, 1] - parts[k, 0] > 1 and (widest < 0 or areas[k] > areas[widest]):
                    widest = k
            if widest < 0:
                break
            begin, end, depth = parts[widest]
            middle = _split(bounds, order, begin, end, depth)
            parts[widest], parts[used] = (begin, middle, depth + 1), (middle, end, depth + 1)
            areas[widest] = _bound(bounds, order, begin, middle, corners[widest])
            areas[used] = _bound(bounds, order, middle, end, corners[used])
            used += 1
        for k in range(used):
            begin, end, depth = parts[k]
            for j in range(3):
                boxes[node, j, k], boxes[node, j + 3, k] = corners[k, j] - slack, corners[k, j + 3] + slack
            if end - begin <= _LEAF:
                links[node, k] = ~(4 * begin + end - begin)
                continue
            links[node, k] = made
            todo[waiting] = (made, begin, end, depth)
            waiting += 1
            made += 1
    return order, boxes[:made].copy(), links[:made].copy()


@compiled(inline="always")
def _inverse(d):
    """Float32 inverse of a component, finite for zero."""
    if abs(d) < 1e-18:
        return f4(1e18) if d >= 0 else f4(-1e18)
    return f4(1.0 / d)


@compiled(allocates=False)
def trace(g, looks, ox, oy, oz, dx, dy, dz, limit, any_hit, light, stack, entries):
    """Closest hit up to ``limit``: distance (``limit`` without one), shape (-1: none), coordinates along its edges.

    With ``any_hit`` the first one found, of shapes that cast a shadow. What blocked the last ray to the same ``light``
    (0 to `LIGHTS` - 1) is looked at first.
    """
    x, y, z = f4(ox), f4(oy), f4(oz)
    ix, iy, iz = _inverse(dx), _inverse(dy), _inverse(dz)
    near_x, near_y, near_z = (0 if ix > 0 else 3), (1 if iy > 0 else 4), (2 if iz > 0 else 5)
    best, found, best_u, best_v, rank = limit, -1, 0.0, 0.0, -1
    stack[0], entries[0], waiting = 0, f4(0.0), 1
    last = STACK - LIGHTS + light
    if any_hit and stack[last] < 0:
        stack[1], entries[1], waiting = stack[last], f4(0.0), 2
    while waiting > 0:
        waiting -= 1
        if entries[waiting] * f4(0.999998) > f4(best):
            continue
        link = stack[waiting]
        if link < 0:
            first, size = ~link >> 2, ~link & 3
            for k in range(first, first + size):
                t, u, v = shape_distance(g.kinds[k, 0], ox, oy, oz, dx, dy, dz, g.table, k, g.cuts)
                if t < best or (t == best and g.kinds[k, 5] < rank):
                    flags = g.kinds[k, 3]
                    if any_hit and flags & _NO_SHADOW:
                        continue
                    if flags & _PERFORATED and not is_solid_at(g, looks, k, u, v):
                        continue
                    if any_hit:
                        stack[last] = ~(4 * k + 1)
                        return t, k, u, v
                    best, found, best_u, best_v, rank = t, k, u, v, g.kinds[k, 5]
            continue
        met = enter_boxes(
            g.boxes, link, near_x, near_y, near_z, x, y, z, ix, iy, iz, f4(best), entries, STACK - LANES
        )
        bottom = waiting
        while met != 0:  # onto the stack, the nearest on top
            lane = first_lane(met)
            met &= met - 1
            distance, at = entries[STACK - LANES + lane], waiting
            while at > bottom and entries[at - 1] < distance:
                stack[at], entries[at] = stack[at - 1], entries[at - 1]
                at -= 1
            stack[at], entries[at] = g.links[link, lane], distance
            waiting += 1
    return best, found, best_u, best_v


@compiled(allocates=False)
def _hits(begin, until, origins, directions, g, looks, distance, shape, material, normal, stack, entries):
    for i in range(begin, until):
        ox, oy, oz = origins[i, 0], origins[i, 1], origins[i, 2]
        dx, dy, dz = directions[i, 0], directions[i, 1], directions[i, 2]
        t, k, _, _ = trace(g, looks, ox, oy, oz, dx, dy, dz, _INF, False, 0, stack, entries)
        distance[i], shape[i], material[i] = t, k, 0
        normal[i, 0] = normal[i, 1] = normal[i, 2] = 0.0
        if k >= 0:
            nx, ny, nz, which = shape_surface(
                g.kinds[k, 0], g.kinds[k, 1], ox, oy, oz, dx, dy, dz, t, g.table[k], g.cuts
            )
            material[i] = which
            normal[i, 0], normal[i, 1], normal[i, 2] = nx, ny, nz


@sliced(grain=256)
def hits(begin, until, origins, directions, g, looks, distance, shape, material, normal):
    """Closest hit of each ray: distance, index of the shape (-1: none), its material (0) and unit normal."""
    stack, entries = np.zeros(STACK, np.int32), np.empty(STACK, np.float32)
    _hits(begin, until, origins, directions, g, looks, distance, shape, material, normal, stack, entries)


@compiled(allocates=False)
def _occlusions(begin, until, origins, directions, limits, g, looks, blocked, stack, entries):
    for i in range(begin, until):
        ox, oy, oz = origins[i, 0], origins[i, 1], origins[i, 2]
        dx, dy, dz = directions[i, 0], directions[i, 1], directions[i, 2]
        blocked[i] = trace(g, looks, ox, oy, oz, dx, dy, dz, limits[i], True, 0, stack, entries)[1] >= 0


@sliced(grain=256)
def occlusions(begin, until, origins, directions, limits, g, looks, blocked):
    """Whether anything that casts a shadow is nearer than the limit, for each ray."""
    stack, entries = np.zeros(STACK, np.int32), np.empty(STACK, np.float32)
    _occlusions(begin, until, origins, directions, limits, g, looks, blocked, stack, entries)
