"""The compiled part of `mesh_numba`: four kernels, single threaded, run on slices by a thread pool.

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

__all__ = ["bound_faces", "draw_band", "hit_rays", "project_vertices"]

f32 = np.float32

# atan(x) = x P(x^2) on [0, 1], fitted at Chebyshev nodes; the error is below 5e-7 rad.
_P0, _P1, _P2, _P3 = f32(0.9999993278), f32(-0.3332637452), f32(0.1987987216), f32(-0.1348040561)
_P4, _P5, _P6 = f32(0.0837415565), f32(-0.0368986292), f32(0.0078254829)
_HALF_PI, _PI, _TINY = f32(math.pi / 2), f32(math.pi), f32(1e-30)
_HALF, _ONE, _ZERO = f32(0.5), f32(1.0), f32(0.0)

_SKIP_RUN = 32  # columns that one distance test can rule out in a long search range


@compiled(nogil=True, inline="always")
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


@compiled(nogil=True)
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


@compiled(nogil=True)
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


@compiled(nogil=True)
def bound_faces(faces, v, height, width, margin, strip, first, last, box, count, reach):
    """Find the pixels that each face of strips ``first`` to ``last - 1`` may cover.

    A face whose corners lie within a 32nd of the turn has the longitudes of its corners (its sides
    are monotonic in longitude) and their latitudes plus the bulge of a great circle between two points
    ``s`` apart in longitude, at most ``s^2 / 15``. Any other face is bounded by a cone.

    Args:
        faces: ``[M, 3]``.
        v: from `project_vertices`.
        height: rows.
        width: columns.
        margin: pixels added to every side.
        strip: faces per strip.
        first: strip to begin with.
        last: strip to stop before.
        box: ``[M, 4]`` int32, filled from each strip's start with face, row range (two halves of 16
            bits), first and last column. Columns may lie outside ``0..width-1`` by less than one turn.
        count: ``[strips]`` entries written per strip; faces that miss every pixel centre are left out.
        reach: ``[strips, 2]`` first and last row of the strip.
    """
    wide, half_turn = f32(width / 32.0), f32(width * 0.5)
    turn, pad, bottom = f32(width), f32(margin), f32(height - 1)
    bulge = f32((math.tau / width) ** 2 / 15.0 * height / math.pi)
    for s in range(first, last):
        start = s * strip
        n = start
        strip_row0, strip_row1 = height, -1
        for f in range(start, min(faces.shape[0], start + strip)):
            i, j, k = faces[f, 0], faces[f, 1], faces[f, 2]
            c0, c1, c2 = v[i, 3], v[j, 3], v[k, 3]
            left, right = min(c0, min(c1, c2)), max(c0, max(c1, c2))
            if right - left > half_turn:  # across the seam, or around a pole
                c0 = c0 + turn if c0 < half_turn else c0
                c1 = c1 + turn if c1 < half_turn else c1
                c2 = c2 + turn if c2 < half_turn else c2
                left, right = min(c0, min(c1, c2)), max(c0, max(c1, c2))
            span = right - left
            if span <= wide:
                r0, r1, r2 = v[i, 4], v[j, 4], v[k, 4]
                more = pad + span * span * bulge
                low = math.ceil(max(_ZERO, min(r0, min(r1, r2)) - more))
                high = math.floor(min(bottom, max(r0, max(r1, r2)) + more))
                low_column, high_column = math.ceil(left - pad), math.floor(right + pad)
                if low > high or low_column > high_column:
                    continue
                row0, row1, column0, column1 = low, high, low_column, high_column
            else:
                row0, row1, column0, column1 = _cone(v, i, j, k, height, width, margin)
                if row0 > row1 or column0 > column1:
                    continue
            box[n, 0] = f
            box[n, 1] = row0 | (row1 << 16)
            box[n, 2] = column0
            box[n, 3] = column1
            n += 1
            strip_row0, strip_row1 = min(strip_row0, row0), max(strip_row1, row1)
        count[s] = n - start
        reach[s, 0] = strip_row0
        reach[s, 1] = strip_row1


@compiled(nogil=True)
def draw_band(
    faces, v, colours, shown, box, count, reach, strip, sin_column, cos_column, sin_row, cos_row,
    row_start, row_stop, nearest, weights, rgb, seen, depth,
):  # fmt: skip
    """Draw rows ``row_start`` to ``row_stop - 1``: nearest face per pixel, then its colour.

    Args:
        faces: ``[M, 3]``.
        v: from `project_vertices`.
        colours: ``[N, 3]``.
        shown: ``[M]`` uint8, whether all corners of the face are visible.
        box: from `bound_faces`, with ``count`` and ``reach``.
        count: entries per strip.
        reach: rows per strip.
        strip: faces per strip.
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
        for n in range(s * strip, s * strip + count[s]):
            row0, row1 = max(box[n, 1] & 0xFFFF, row_start), min(box[n, 1] >> 16, row_stop - 1)
            if row0 > row1:
                continue
            f = box[n, 0]
            i, j, k = faces[f, 0], faces[f, 1], faces[f, 2]
            ax, ay, az = np.float64(v[i, 0]), np.float64(v[i, 1]), np.float64(v[i, 2])
            bx, by, bz = np.float64(v[j, 0]), np.float64(v[j, 1]), np.float64(v[j, 2])
            cx, cy, cz = np.float64(v[k, 0]), np.float64(v[k, 1]), np.float64(v[k, 2])
            px, py, pz = by * cz - bz * cy, bz * cx - bx * cz, bx * cy - by * cx
            qx, qy, qz = cy * az - cz * ay, cz * ax - cx * az, cx * ay - cy * ax
            ux, uy, uz = ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx
            volume = ax * px + ay * py + az * pz
            if volume == 0.0:
                continue
            if volume < 0.0:
                volume = -volume
                px, py, pz, qx, qy, qz, ux, uy, uz = -px, -py, -pz, -qx, -qy, -qz, -ux, -uy, -uz
            column0, column1 = box[n, 2], box[n, 3]
            is_long = column1 - column0 > 2 * _SKIP_RUN
            for y in range(row0, row1 + 1):
                dy, ring = sin_row[y], cos_row[y]
                py_, qy_, uy_ = py * dy, qy * dy, uy * dy
                c = column0
                while c <= column1:
                    x = c
                    if x < 0:
                        x += width
                    elif x >= width:
                        x -= width
                    dx, dz = ring * sin_column[x], ring * cos_column[x]
                    e0 = px * dx + py_ + pz * dz
                    e1 = qx * dx + qy_ + qz * dz
                    e2 = ux * dx + uy_ + uz * dz
                    if min(e0, min(e1, e2)) >= 0.0:
                        total = e0 + e1 + e2
                        if total > 0.0:
                            share = 1.0 / total
                            t = f32(volume * share)
                            if t < depth[y, x]:
                                depth[y, x] = t
                                nearest[y, x] = f
                                weights[y, x, 0] = f32(e1 * share)
                                weights[y, x, 1] = f32(e2 * share)
                    elif is_long:
                        # The edge functions change by at most |n| ring per radian; if one is this far
                        # below zero, so are the next columns.
                        step = ring * (_SKIP_RUN + 1) * math.tau / width
                        if (
                            e0 < -step * math.sqrt(px * px + pz * pz)
                            or e1 < -step * math.sqrt(qx * qx + qz * qz)
                            or e2 < -step * math.sqrt(ux * ux + uz * uz)
                        ):
                            c += _SKIP_RUN - 1
                    c += 1
    for y in range(row_start, row_stop):
        for x in range(width):
            f = nearest[y, x]
            if f >= 0 and shown[f]:
                i, j, k = faces[f, 0], faces[f, 1], faces[f, 2]
                w1, w2 = weights[y, x, 0], weights[y, x, 1]
                w0 = _ONE - w1 - w2
                seen[y, x] = True
                rgb[y, x, 0] = w0 * colours[i, 0] + w1 * colours[j, 0] + w2 * colours[k, 0]
                rgb[y, x, 1] = w0 * colours[i, 1] + w1 * colours[j, 1] + w2 * colours[k, 1]
                rgb[y, x, 2] = w0 * colours[i, 2] + w1 * colours[j, 2] + w2 * colours[k, 2]


@compiled(nogil=True)
def hit_rays(
    faces, v, box, count, reach, strip, cell_start, rays, height, width, row_start, row_stop,
    face, weights, distance,
):  # fmt: skip
    """Follow rays sorted into the cells of a panorama grid, for cells of a band of rows.

    The same test as `draw_band`, for arbitrary unit directions. ``box`` must have been made with a
    margin of half a cell more, because rays lie anywhere in their cell.

    Args:
        faces: ``[M, 3]``.
        v: from `project_vertices`.
        box: from `bound_faces`, with ``count`` and ``reach``.
        count: entries per strip.
        reach: rows per strip.
        strip: faces per strip.
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
        for n in range(s * strip, s * strip + count[s]):
            row0, row1 = max(box[n, 1] & 0xFFFF, row_start), min(box[n, 1] >> 16, row_stop - 1)
            if row0 > row1:
                continue
            f = box[n, 0]
            i, j, k = faces[f, 0], faces[f, 1], faces[f, 2]
            ax, ay, az = np.float64(v[i, 0]), np.float64(v[i, 1]), np.float64(v[i, 2])
            bx, by, bz = np.float64(v[j, 0]), np.float64(v[j, 1]), np.float64(v[j, 2])
            cx, cy, cz = np.float64(v[k, 0]), np.float64(v[k, 1]), np.float64(v[k, 2])
            px, py, pz = by * cz - bz * cy, bz * cx - bx * cz, bx * cy - by * cx
            qx, qy, qz = cy * az - cz * ay, cz * ax - cx * az, cx * ay - cy * ax
            ux, uy, uz = ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx
            volume = ax * px + ay * py + az * pz
            if volume == 0.0:
                continue
            if volume < 0.0:
                volume = -volume
                px, py, pz, qx, qy, qz, ux, uy, uz = -px, -py, -pz, -qx, -qy, -qz, -ux, -uy, -uz
            for y in range(row0, row1 + 1):
                for c in range(box[n, 2], box[n, 3] + 1):
                    cell = y * width + c % width
                    for r in range(cell_start[cell], cell_start[cell + 1]):
                        dx, dy, dz = rays[r, 0], rays[r, 1], rays[r, 2]
                        e0 = px * dx + py * dy + pz * dz
                        e1 = qx * dx + qy * dy + qz * dz
                        e2 = ux * dx + uy * dy + uz * dz
                        if min(e0, min(e1, e2)) >= 0.0:
                            total = e0 + e1 + e2
                            if total > 0.0:
                                share = 1.0 / total
                                t = f32(volume * share)
                                if t < distance[r]:
                                    distance[r] = t
                                    face[r] = f
                                    weights[r, 0] = f32(e0 * share)
                                    weights[r, 1] = f32(e1 * share)
                                    weights[r, 2] = f32(e2 * share)
