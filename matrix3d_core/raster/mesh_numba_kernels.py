"""The compiled part of `mesh_numba`: four kernels, single threaded, run on slices by a thread pool.

Faces come as *pairs* with corners a, b, c, d: the faces (a, b, c) and (c, b, d), which share the edge from
b to c, so that they share a search range and one of three edge tests. A face without a partner is a pair
whose second half is marked as absent.

Watertight by construction. A ray ``d`` from the camera hits a face with corners a, b, c when
``d . (b x c)``, ``d . (c x a)`` and ``d . (a x b)`` all have the sign of ``a . (b x c)`` or are zero.
Corners are float32, so their products are exact in float64 and ``b x c`` is exactly ``-(c x b)``: two
faces that share an edge get opposite numbers for it, and a ray between them always falls to one. This
needs strict arithmetic, so no fastmath here. There is no special case at the seam or the poles either:
only the search range, from approximate pixel coordinates of the corners, knows about them, and it is
always at least as large as the face.
"""

# mypy: ignore-errors
from __future__ import annotations

import math

import numpy as np

from ..compiled import compiled

__all__ = ["bound_pairs", "draw_band", "hit_rays", "project_vertices"]

f32 = np.float32

# atan(x) = x P(x^2) on [0, 1], fitted at Chebyshev nodes; the error is below 5e-7 rad.
_P0, _P1, _P2, _P3 = f32(0.9999993278), f32(-0.3332637452), f32(0.1987987216), f32(-0.1348040561)
_P4, _P5, _P6 = f32(0.0837415565), f32(-0.0368986292), f32(0.0078254829)
_HALF_PI, _PI, _TINY = f32(math.pi / 2), f32(math.pi), f32(1e-30)
_HALF, _ONE, _ZERO = f32(0.5), f32(1.0), f32(0.0)

_SKIP_RUN = 32  # columns that one distance test can rule out in a long search range


@compiled(inline="always")
def _atan2(y, x):
    """Return the angle of (x, y) to within 1e-6, without branches, so that loops become vector code."""
    ay, ax = abs(y), abs(x)
    high, low = max(ax, ay), min(ax, ay)
    a = low / (high + _TINY)
    s = a * a
    p = a * (_P0 + s * (_P1 + s * (_P2 + s * (_P3 + s * (_P4 + s * (_P5 + s * _P6))))))
    p = _HALF_PI - p if ay > ax else p
    p = _PI - p if x < _ZERO else p
    return -p if y < _ZERO else p


@compiled()
def project_vertices(vertices, pose, columns_per_rad, rows_per_rad, start, stop, out):
    """Move vertices ``[3, N]`` to the camera and find their pixel coordinates, good to 1e-6 rad.

    ``out`` is ``[N, 5]`` float32: x, y, z, column, row.
    """
    r00, r01, r02, t0 = pose[0, 0], pose[0, 1], pose[0, 2], pose[0, 3]
    r10, r11, r12, t1 = pose[1, 0], pose[1, 1], pose[1, 2], pose[1, 3]
    r20, r21, r22, t2 = pose[2, 0], pose[2, 1], pose[2, 2], pose[2, 3]
    columns_per_rad, rows_per_rad = f32(columns_per_rad), f32(rows_per_rad)
    column0, row0 = _PI * columns_per_rad - _HALF, _HALF_PI * rows_per_rad - _HALF
    for i in range(start, stop):
        px, py, pz = np.float64(vertices[0, i]), np.float64(vertices[1, i]), np.float64(vertices[2, i])
        x = f32(r00 * px + r01 * py + r02 * pz + t0)
        y = f32(r10 * px + r11 * py + r12 * pz + t1)
        z = f32(r20 * px + r21 * py + r22 * pz + t2)
        out[i, 0] = x
        out[i, 1] = y
        out[i, 2] = z
        out[i, 3] = _atan2(x, z) * columns_per_rad + column0
        out[i, 4] = _atan2(y, math.sqrt(x * x + z * z)) * rows_per_rad + row0


@compiled()
def _cone(v, i, j, k, height, width, margin):
    """Bound a face of any size: first row, last row, first column, last column.

    A cap smaller than a hemisphere that holds the corners holds the face; without one, everything.
    """
    ax, ay, az = np.float64(v[i, 0]), np.float64(v[i, 1]), np.float64(v[i, 2])
    bx, by, bz = np.float64(v[j, 0]), np.float64(v[j, 1]), np.float64(v[j, 2])
    cx, cy, cz = np.float64(v[k, 0]), np.float64(v[k, 1]), np.float64(v[k, 2])
    la = 1.0 / math.sqrt(ax * ax + ay * ay + az * az + 1e-60)
    lb = 1.0 / math.sqrt(bx * bx + by * by + bz * bz + 1e-60)
    lc = 1.0 / math.sqrt(cx * cx + cy * cy + cz * cz + 1e-60)
    x, y, z = ax * la + bx * lb + cx * lc, ay * la + by * lb + cy * lc, az * la + bz * lb + cz * lc
    n = 1.0 / math.sqrt(x * x + y * y + z * z + 1e-60)
    x, y, z = x * n, y * n, z * n
    cosine = min(
        (x * ax + y * ay + z * az) * la, (x * bx + y * by + z * bz) * lb, (x * cx + y * cy + z * cz) * lc
    )
    if not abs(cosine) <= 2.0:  # a corner is infinitely far or NaN
        return 1, 0, 1, 0
    if cosine < 0.05:
        return 0, height - 1, 0, width - 1
    radius = math.acos(min(1.0, cosine)) + 1e-6
    down = math.atan2(y, math.sqrt(x * x + z * z))
    row = (down / math.pi + 0.5) * height - 0.5
    reach = radius * height / math.pi + margin
    row0, row1 = max(0, math.ceil(row - reach)), min(height - 1, math.floor(row + reach))
    ring = math.cos(down)
    if math.sin(radius) >= ring * 0.9999 or abs(down) + radius >= 0.4999 * math.pi:
        return row0, row1, 0, width - 1
    side = math.asin(math.sin(radius) / ring) * width / math.tau + margin
    column = (math.atan2(x, z) / math.tau + 0.5) * width - 0.5
    column0, column1 = math.ceil(column - side), math.floor(column + side)
    if column1 - column0 >= width:
        return row0, row1, 0, width - 1
    return row0, row1, column0, column1


@compiled()
def bound_pairs(pairs, alone, v, height, width, margin, strip, first, last, box, count, reach):
    """Find the pixels that each pair of strips ``first`` to ``last - 1`` may cover.

    Faces whose corners lie within a 32nd of the turn have the longitudes of their corners (their sides
    are monotonic in longitude) and their latitudes plus the bulge of a great circle between two points
    ``s`` apart in longitude, at most ``s^2 / 15``. Any other face is bounded by a cone, alone.

    Args:
        pairs: ``[Q, 4]`` corners.
        alone: pairs from this one on are single faces.
        v: from `project_vertices`.
        height: rows.
        width: columns.
        margin: pixels added to every side.
        strip: pairs per strip.
        first: strip to begin with.
        last: strip to stop before.
        box: ``[2 Q, 4]`` int32, filled from twice each strip's start with: four times the pair plus 1
            for its first and 2 for its second face; row range (two halves of 16 bits); first and last
            column. Columns may lie outside ``0..width-1`` by less than one turn.
        count: ``[strips]`` entries written per strip; what misses every pixel center is left out.
        reach: ``[strips, 2]`` first and last row of the strip.
    """
    wide, half_turn = f32(width / 32.0), f32(width * 0.5)
    turn, pad, bottom = f32(width), f32(margin), f32(height - 1)
    bulge = f32((math.tau / width) ** 2 / 15.0 * height / math.pi)
    for s in range(first, last):
        n = 2 * s * strip
        strip_row0, strip_row1 = height, -1
        for q in range(s * strip, min(pairs.shape[0], (s + 1) * strip)):
            i, j, k, m = pairs[q, 0], pairs[q, 1], pairs[q, 2], pairs[q, 3]
            c0, c1, c2, c3 = v[i, 3], v[j, 3], v[k, 3], v[m, 3]
            left, right = min(min(c0, c1), min(c2, c3)), max(max(c0, c1), max(c2, c3))
            if right - left > half_turn:  # across the seam, or around a pole
                c0 = c0 + turn if c0 < half_turn else c0
                c1 = c1 + turn if c1 < half_turn else c1
                c2 = c2 + turn if c2 < half_turn else c2
                c3 = c3 + turn if c3 < half_turn else c3
                left, right = min(min(c0, c1), min(c2, c3)), max(max(c0, c1), max(c2, c3))
            span = right - left
            if span <= wide:
                r0, r1, r2, r3 = v[i, 4], v[j, 4], v[k, 4], v[m, 4]
                more = pad + span * span * bulge
                above = max(_ZERO, min(min(r0, r1), min(r2, r3)) - more)
                below = min(bottom, max(max(r0, r1), max(r2, r3)) + more)
                if not above <= below:  # also when a corner is NaN, which has no whole number
                    continue
                row0, row1 = math.ceil(above), math.floor(below)
                column0, column1 = math.ceil(left - pad), math.floor(right + pad)
                if row0 <= row1 and column0 <= column1:
                    box[n, 0] = 4 * q + (1 if q >= alone else 3)
                    box[n, 1] = row0 | (row1 << 16)
                    box[n, 2] = column0
                    box[n, 3] = column1
                    n += 1
                    strip_row0, strip_row1 = min(strip_row0, row0), max(strip_row1, row1)
                continue
            for half in range(1 if q >= alone else 2):
                corner = i if half == 0 else m
                row0, row1, column0, column1 = _cone(v, corner, j, k, height, width, margin)
                if row0 <= row1 and column0 <= column1:
                    box[n, 0] = 4 * q + half + 1
                    box[n, 1] = row0 | (row1 << 16)
                    box[n, 2] = column0
                    box[n, 3] = column1
                    n += 1
                    strip_row0, strip_row1 = min(strip_row0, row0), max(strip_row1, row1)
        count[s] = n - 2 * s * strip
        reach[s, 0] = strip_row0
        reach[s, 1] = strip_row1


@compiled(inline="always")
def _corner(v, i):
    """Return a corner in float64."""
    return np.float64(v[i, 0]), np.float64(v[i, 1]), np.float64(v[i, 2])


@compiled(inline="always")
def _side(ax, ay, az, bx, by, bz):
    """Return a x b, the normal of the plane through the camera and an edge; exactly -(b x a)."""
    return ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx


@compiled()
def draw_band(
    pairs,
    v,
    colors,
    shown,
    box,
    count,
    reach,
    strip,
    sin_column,
    cos_column,
    sin_row,
    cos_row,
    row_start,
    row_stop,
    nearest,
    weights,
    rgb,
    seen,
    depth,
):
    """Draw rows ``row_start`` to ``row_stop - 1``: nearest face per pixel, then its color.

    Args:
        pairs: ``[Q, 4]`` corners.
        v: from `project_vertices`.
        colors: ``[N, 3]``.
        shown: ``[Q, 2]`` uint8, whether all corners of the face are visible.
        box: from `bound_pairs`, with ``count`` and ``reach``.
        count: entries per strip.
        reach: rows per strip.
        strip: pairs per strip.
        sin_column: ``[W]`` sine of each column's azimuth; ``cos_column`` its cosine.
        cos_column: see above.
        sin_row: ``[H]`` sine of each row's elevation *downwards*; ``cos_row`` its cosine.
        cos_row: see above.
        row_start: first row of the band.
        row_stop: row to stop before.
        nearest: ``[H, W]`` int32, working space.
        weights: ``[H, W, 2]`` float32, working space.
        rgb: ``[H, W, 3]`` to fill; zeros before.
        seen: ``[H, W]`` to fill; zeros before.
        depth: ``[H, W]`` to fill.
    """
    width = sin_column.shape[0]
    nearest[row_start:row_stop] = -1
    depth[row_start:row_stop] = np.inf
    for s in range(count.shape[0]):
        if reach[s, 1] < row_start or reach[s, 0] >= row_stop:
            continue
        for n in range(2 * s * strip, 2 * s * strip + count[s]):
            row0, row1 = max(box[n, 1] & 0xFFFF, row_start), min(box[n, 1] >> 16, row_stop - 1)
            if row0 > row1:
                continue
            q, halves = box[n, 0] >> 2, box[n, 0] & 3
            bx, by, bz = _corner(v, pairs[q, 1])
            cx, cy, cz = _corner(v, pairs[q, 2])
            # p: the shared side. First face (a, b, c): q belongs to b, u to c. Second face (c, b, d):
            # r belongs to c, w to b. All are turned so that inside is positive.
            px, py, pz = _side(bx, by, bz, cx, cy, cz)
            qx = qy = qz = ux = uy = uz = rx = ry = rz = wx = wy = wz = 0.0
            volume0 = volume1 = 0.0
            sign0 = sign1 = 0.0
            if halves & 1:
                ax, ay, az = _corner(v, pairs[q, 0])
                volume0 = ax * px + ay * py + az * pz
                if volume0 != 0.0:
                    sign0 = 1.0 if volume0 > 0.0 else -1.0
                    volume0 = abs(volume0)
                    qx, qy, qz = _side(cx * sign0, cy * sign0, cz * sign0, ax, ay, az)
                    ux, uy, uz = _side(ax, ay, az, bx * sign0, by * sign0, bz * sign0)
            if halves & 2:
                dx, dy, dz = _corner(v, pairs[q, 3])
                volume1 = dx * px + dy * py + dz * pz
                if volume1 != 0.0:
                    sign1 = 1.0 if volume1 > 0.0 else -1.0
                    volume1 = abs(volume1)
                    # (c, b, d) winds against p, hence the other order of factors
                    rx, ry, rz = _side(dx, dy, dz, bx * sign1, by * sign1, bz * sign1)
                    wx, wy, wz = _side(cx * sign1, cy * sign1, cz * sign1, dx, dy, dz)
            column0, column1 = box[n, 2], box[n, 3]
            is_long = halves != 3 and column1 - column0 > 2 * _SKIP_RUN
            for y in range(row0, row1 + 1):
                dy, ring = sin_row[y], cos_row[y]
                c = column0
                while c <= column1:
                    x = c
                    if x < 0:
                        x += width
                    elif x >= width:
                        x -= width
                    dx, dz = ring * sin_column[x], ring * cos_column[x]
                    side = px * dx + py * dy + pz * dz
                    e0 = side * sign0
                    f0 = side * sign1
                    if e0 >= 0.0 and sign0 != 0.0:
                        e1 = qx * dx + qy * dy + qz * dz
                        e2 = ux * dx + uy * dy + uz * dz
                        if min(e1, e2) >= 0.0 and e0 + e1 + e2 > 0.0:
                            share = 1.0 / (e0 + e1 + e2)
                            t = f32(volume0 * share)
                            if t < depth[y, x]:
                                depth[y, x] = t
                                nearest[y, x] = 2 * q
                                weights[y, x, 0] = f32(e1 * share)
                                weights[y, x, 1] = f32(e2 * share)
                    if f0 >= 0.0 and sign1 != 0.0:
                        f1 = rx * dx + ry * dy + rz * dz
                        f2 = wx * dx + wy * dy + wz * dz
                        if min(f1, f2) >= 0.0 and f0 + f1 + f2 > 0.0:
                            share = 1.0 / (f0 + f1 + f2)
                            t = f32(volume1 * share)
                            if t < depth[y, x]:
                                depth[y, x] = t
                                nearest[y, x] = 2 * q + 1
                                weights[y, x, 0] = f32(f2 * share)
                                weights[y, x, 1] = f32(f0 * share)
                    if is_long:
                        # A long range holds one face only. Its edge functions change by at most |side|
                        # ring per radian; if one is this far below zero, so are the next columns.
                        step = ring * (_SKIP_RUN + 1) * math.tau / width
                        g0, g1, g2 = (
                            (e0, qx * dx + qy * dy + qz * dz, ux * dx + uy * dy + uz * dz)
                            if halves == 1
                            else (f0, rx * dx + ry * dy + rz * dz, wx * dx + wy * dy + wz * dz)
                        )
                        h1x, h1z, h2x, h2z = (qx, qz, ux, uz) if halves == 1 else (rx, rz, wx, wz)
                        if (
                            g0 < -step * math.sqrt(px * px + pz * pz)
                            or g1 < -step * math.sqrt(h1x * h1x + h1z * h1z)
                            or g2 < -step * math.sqrt(h2x * h2x + h2z * h2z)
                        ):
                            c += _SKIP_RUN - 1
                    c += 1
    for y in range(row_start, row_stop):
        for x in range(width):
            q, half = nearest[y, x] >> 1, nearest[y, x] & 1
            if q >= 0 and shown[q, half]:
                i, j, k = pairs[q, 0], pairs[q, 1], pairs[q, 2]
                if half == 1:
                    i, k = k, pairs[q, 3]
                w1, w2 = weights[y, x, 0], weights[y, x, 1]
                w0 = _ONE - w1 - w2
                seen[y, x] = True
                rgb[y, x, 0] = w0 * colors[i, 0] + w1 * colors[j, 0] + w2 * colors[k, 0]
                rgb[y, x, 1] = w0 * colors[i, 1] + w1 * colors[j, 1] + w2 * colors[k, 1]
                rgb[y, x, 2] = w0 * colors[i, 2] + w1 * colors[j, 2] + w2 * colors[k, 2]


@compiled()
def hit_rays(
    pairs,
    face_of,
    v,
    box,
    count,
    reach,
    strip,
    cell_start,
    rays,
    height,
    width,
    row_start,
    row_stop,
    face,
    weights,
    distance,
):
    """Follow rays sorted into the cells of a panorama grid, for cells of a band of rows.

    The same test as `draw_band`, for arbitrary unit directions. ``box`` must have been made with a
    margin of half a cell more, because rays lie anywhere in their cell.

    Args:
        pairs: ``[Q, 4]`` corners.
        face_of: ``[Q, 2]`` number of the face.
        v: from `project_vertices`.
        box: from `bound_pairs`, with ``count`` and ``reach``.
        count: entries per strip.
        reach: rows per strip.
        strip: pairs per strip.
        cell_start: ``[height * width + 1]`` where each cell's rays begin.
        rays: ``[R, 3]`` float64 unit directions, sorted by cell.
        height: rows of cells.
        width: columns of cells.
        row_start: first row of the band.
        row_stop: row to stop before.
        face: ``[R]`` to fill; -1 before.
        weights: ``[R, 3]`` to fill; zeros before.
        distance: ``[R]`` to fill; inf before.
    """
    for s in range(count.shape[0]):
        if reach[s, 1] < row_start or reach[s, 0] >= row_stop:
            continue
        for n in range(2 * s * strip, 2 * s * strip + count[s]):
            row0, row1 = max(box[n, 1] & 0xFFFF, row_start), min(box[n, 1] >> 16, row_stop - 1)
            if row0 > row1:
                continue
            q = box[n, 0] >> 2
            for half in range(2):
                if not box[n, 0] & (half + 1):
                    continue
                i, j, k = pairs[q, 0], pairs[q, 1], pairs[q, 2]
                if half == 1:
                    i, k = k, pairs[q, 3]
                ax, ay, az = _corner(v, i)
                bx, by, bz = _corner(v, j)
                cx, cy, cz = _corner(v, k)
                px, py, pz = _side(bx, by, bz, cx, cy, cz)
                volume = ax * px + ay * py + az * pz
                if volume == 0.0:
                    continue
                sign = 1.0 if volume > 0.0 else -1.0
                volume = abs(volume)
                px, py, pz = px * sign, py * sign, pz * sign
                qx, qy, qz = _side(cx * sign, cy * sign, cz * sign, ax, ay, az)
                ux, uy, uz = _side(ax, ay, az, bx * sign, by * sign, bz * sign)
                for y in range(row0, row1 + 1):
                    for c in range(box[n, 2], box[n, 3] + 1):
                        cell = y * width + c % width
                        for r in range(cell_start[cell], cell_start[cell + 1]):
                            dx, dy, dz = rays[r, 0], rays[r, 1], rays[r, 2]
                            e0 = px * dx + py * dy + pz * dz
                            e1 = qx * dx + qy * dy + qz * dz
                            e2 = ux * dx + uy * dy + uz * dz
                            if min(e0, min(e1, e2)) >= 0.0 and e0 + e1 + e2 > 0.0:
                                share = 1.0 / (e0 + e1 + e2)
                                t = f32(volume * share)
                                if t < distance[r]:
                                    distance[r] = t
                                    face[r] = face_of[q, half]
                                    weights[r, 0] = f32(e0 * share)
                                    weights[r, 1] = f32(e1 * share)
                                    weights[r, 2] = f32(e2 * share)
