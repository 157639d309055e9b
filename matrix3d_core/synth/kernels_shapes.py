"""Where a ray meets one shape, and the surface there, compiled. The rows are those of `geometry.Shape`."""

# mypy: ignore-errors
from __future__ import annotations

import math

from ..compiled import compiled

__all__ = ["shape_distance", "shape_surface"]

_INF = math.inf
_TRIANGLE, _QUAD, _BOX, _BEAM, _ELLIPSOID, _CYLINDER, _DISK, _RING, _SOLID = range(9)


@compiled(inline="always")
def _slab(o, d, low, high):
    """Interval of one axis."""
    if d == 0.0:
        if low <= o <= high:
            return -_INF, _INF
        return _INF, -_INF
    a, b = (low - o) / d, (high - o) / d
    return (a, b) if a < b else (b, a)


@compiled(allocates=False)
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


@compiled(allocates=False)
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


@compiled(allocates=False)
def _solid(ox, oy, oz, dx, dy, dz, row, cuts):
    """First point outside all cuts: distance (inf: none), axis, index of the cut (-1: face)."""
    near, far, axis, _ = _box_interval(ox, oy, oz, dx, dy, dz, row[0], row[1], row[2], row[3], row[4], row[5])
    if near > far or far <= 0.0:
        return _INF, 0, -1
    t, source = max(near, 0.0), -1
    first, end = int(row[6]), int(row[7])
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


@compiled(inline="always")
def _parallelogram(ox, oy, oz, dx, dy, dz, table, k, is_triangle):
    """Distance, inf without a hit, and coordinates along both edges (Moeller and Trumbore 1997)."""
    ax, ay, az, bx, by, bz = table[k, 3], table[k, 4], table[k, 5], table[k, 6], table[k, 7], table[k, 8]
    px, py, pz = dy * bz - dz * by, dz * bx - dx * bz, dx * by - dy * bx
    determinant = ax * px + ay * py + az * pz
    if determinant != 0.0:
        scale = 1.0 / determinant
        sx, sy, sz = ox - table[k, 0], oy - table[k, 1], oz - table[k, 2]
        u = (sx * px + sy * py + sz * pz) * scale
        if 0.0 <= u <= 1.0:
            qx, qy, qz = sy * az - sz * ay, sz * ax - sx * az, sx * ay - sy * ax
            v = (dx * qx + dy * qy + dz * qz) * scale
            if v >= 0.0 and (u + v if is_triangle else v) <= 1.0:
                t = (bx * qx + by * qy + bz * qz) * scale
                if t > 0.0:
                    return t, u, v
    return _INF, 0.0, 0.0


@compiled(inline="always")
def _turned(ox, oy, oz, row, c, s):
    """A point from the shape's center, in the shape's axes."""
    x, z = ox - row[0], oz - row[2]
    return c * x - s * z, oy - row[1], s * x + c * z


@compiled(allocates=False)
def _cylinder(ox, oy, oz, dx, dy, dz, row):
    """Distance and part hit: 0 side, 1 cap."""
    u, w = ox - row[0], oz - row[1]
    low_radius, high_radius, top, bottom = row[2], row[3], row[4], row[5]
    best, part = _INF, 0
    if low_radius == high_radius:
        a = dx * dx + dz * dz
        b = u * dx + w * dz
        c = u * u + w * w - low_radius * low_radius
    else:
        slope = (low_radius - high_radius) / (bottom - top)
        radius, change = high_radius + slope * (oy - top), slope * dy
        a = dx * dx + dz * dz - change * change
        b = u * dx + w * dz - radius * change
        c = u * u + w * w - radius * radius
    discriminant = b * b - a * c
    if discriminant > 0.0:
        if low_radius == high_radius:
            if a > 0.0 and c > 0.0 and b < 0.0:
                t = (-b - math.sqrt(discriminant)) / a
                y = oy + t * dy
                if t > 0.0 and top <= y <= bottom:
                    best = t
        elif a != 0.0:
            root = math.sqrt(discriminant)
            for side in range(2):
                t = (-b - root if side == 0 else -b + root) / a
                y = oy + t * dy
                if 0.0 < t < best and top <= y <= bottom:
                    # Outer side only: the radius must shrink along the ray where it enters.
                    if a * t + b < 0.0:
                        best = t
    if dy != 0.0:
        t = ((top if dy > 0 else bottom) - oy) / dy
        x, z = u + t * dx, w + t * dz
        limit = high_radius if dy > 0 else low_radius
        if 0.0 < t < best and x * x + z * z <= limit * limit:
            best, part = t, 1
    return best, part


@compiled(allocates=False)
def _beam_interval(ox, oy, oz, dx, dy, dz, row):
    """`_box_interval` in the axes of a beam."""
    x, y, z = ox - row[0], oy - row[1], oz - row[2]
    return _box_interval(
        row[3] * x + row[4] * y + row[5] * z,
        row[6] * x + row[7] * y + row[8] * z,
        row[9] * x + row[10] * y + row[11] * z,
        row[3] * dx + row[4] * dy + row[5] * dz,
        row[6] * dx + row[7] * dy + row[8] * dz,
        row[9] * dx + row[10] * dy + row[11] * dz,
        -row[12],
        -row[13],
        -row[14],
        row[12],
        row[13],
        row[14],
    )


@compiled(inline="always")
def shape_distance(kind, ox, oy, oz, dx, dy, dz, table, k, cuts):
    """Distance to shape ``k``, inf without a hit, and the coordinates along both edges of a triangle or quad."""
    if kind <= _QUAD:
        t, u, v = _parallelogram(ox, oy, oz, dx, dy, dz, table, k, kind == _TRIANGLE)
    else:
        t, u, v = _solid_distance(kind, ox, oy, oz, dx, dy, dz, table[k], cuts), 0.0, 0.0
    return t, u, v


@compiled(allocates=False)
def _solid_distance(kind, ox, oy, oz, dx, dy, dz, row, cuts):
    """Distance to a shape other than a triangle or quad."""
    if kind == _BOX:
        c, s = row[9], row[10]
        x, y, z = _turned(ox, oy, oz, row, c, s)
        near, far, _, _ = _box_interval(
            x, y, z, c * dx - s * dz, dy, s * dx + c * dz, row[3], row[4], row[5], row[6], row[7], row[8]
        )
        return near if 0.0 < near <= far else _INF
    if kind == _BEAM:
        near, far, _, _ = _beam_interval(ox, oy, oz, dx, dy, dz, row)
        return near if 0.0 < near <= far else _INF
    if kind == _ELLIPSOID:
        c, s = row[6], row[7]
        x, y, z = _turned(ox, oy, oz, row, c, s)
        px, py, pz = x / row[3], y / row[4], z / row[5]
        qx, qy, qz = (c * dx - s * dz) / row[3], dy / row[4], (s * dx + c * dz) / row[5]
        a = qx * qx + qy * qy + qz * qz
        b = px * qx + py * qy + pz * qz
        e = px * px + py * py + pz * pz - 1.0
        discriminant = b * b - a * e
        if discriminant > 0.0 and e > 0.0 and b < 0.0:
            t = (-b - math.sqrt(discriminant)) / a
            if t > 0.0:
                return t
        return _INF
    if kind == _CYLINDER:
        return _cylinder(ox, oy, oz, dx, dy, dz, row)[0]
    if kind == _DISK:
        if dy > 0.0:
            t = (row[1] - oy) / dy
            x, z = ox + t * dx - row[0], oz + t * dz - row[2]
            if t > 0.0 and x * x + z * z <= row[3] * row[3]:
                return t
        return _INF
    if kind == _RING:
        x, z = ox - row[0], oz - row[1]
        a = dx * dx + dz * dz
        if a > 0.0:
            b = x * dx + z * dz
            e = x * x + z * z - row[2] * row[2]
            discriminant = b * b - a * e
            if discriminant > 0.0:
                t = (-b + math.sqrt(discriminant)) / a
                y = oy + t * dy
                if t > 0.0 and row[3] <= y <= row[4]:
                    return t
        return _INF
    return _solid(ox, oy, oz, dx, dy, dz, row, cuts)[0]


@compiled(inline="always")
def _facing(axis, dx, dy, dz):
    """Unit normal of a face across an axis, towards where the ray comes from."""
    if axis == 0:
        return (-1.0 if dx > 0 else 1.0), 0.0, 0.0
    if axis == 1:
        return 0.0, (-1.0 if dy > 0 else 1.0), 0.0
    return 0.0, 0.0, (-1.0 if dz > 0 else 1.0)


@compiled(allocates=False)
def shape_surface(kind, material, ox, oy, oz, dx, dy, dz, t, row, cuts):
    """Outward unit normal where a ray meets a shape at ``t``, and the material there.

    Triangles and quads have two sides: their normal faces the ray.
    """
    if kind <= _QUAD:
        ax, ay, az, bx, by, bz = row[3], row[4], row[5], row[6], row[7], row[8]
        nx, ny, nz = ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx
        scale = 1.0 / math.sqrt(nx * nx + ny * ny + nz * nz)
        if nx * dx + ny * dy + nz * dz > 0.0:
            scale = -scale
        return nx * scale, ny * scale, nz * scale, material
    if kind == _BOX:
        c, s = row[9], row[10]
        x, y, z = _turned(ox, oy, oz, row, c, s)
        ex, ez = c * dx - s * dz, s * dx + c * dz
        _, _, axis, _ = _box_interval(x, y, z, ex, dy, ez, row[3], row[4], row[5], row[6], row[7], row[8])
        nx, ny, nz = _facing(axis, ex, dy, ez)
        return c * nx + s * nz, ny, c * nz - s * nx, material
    if kind == _BEAM:
        _, _, axis, _ = _beam_interval(ox, oy, oz, dx, dy, dz, row)
        k = 3 + 3 * axis
        nx, ny, nz = row[k], row[k + 1], row[k + 2]
        sign = -1.0 if nx * dx + ny * dy + nz * dz > 0.0 else 1.0
        return sign * nx, sign * ny, sign * nz, material
    if kind == _ELLIPSOID:
        c, s = row[6], row[7]
        x, y, z = _turned(ox, oy, oz, row, c, s)
        px, py, pz = x / row[3], y / row[4], z / row[5]
        qx, qy, qz = (c * dx - s * dz) / row[3], dy / row[4], (s * dx + c * dz) / row[5]
        nx, ny, nz = (px + t * qx) / row[3], (py + t * qy) / row[4], (pz + t * qz) / row[5]
        scale = 1.0 / math.sqrt(nx * nx + ny * ny + nz * nz)
        nx, ny, nz = nx * scale, ny * scale, nz * scale
        return c * nx + s * nz, ny, c * nz - s * nx, material
    if kind == _CYLINDER:
        _, part = _cylinder(ox, oy, oz, dx, dy, dz, row)
        u, w = ox - row[0], oz - row[1]
        x, z = u + t * dx, w + t * dz
        if part == 1:
            inner = dy > 0 and x * x + z * z < row[6] * row[6]
            return 0.0, (-1.0 if dy > 0 else 1.0), 0.0, (int(row[7]) if inner else material)
        if row[2] == row[3]:
            return x / row[2], 0.0, z / row[2], material
        slope = (row[2] - row[3]) / (row[5] - row[4])
        radius = math.sqrt(x * x + z * z)
        scale = 1.0 / math.sqrt(1.0 + slope * slope)
        if radius == 0.0:
            return 0.0, -1.0, 0.0, material
        return x / radius * scale, -slope * scale, z / radius * scale, material
    if kind == _DISK:
        return 0.0, -1.0, 0.0, material
    if kind == _RING:
        return -(ox - row[0] + t * dx) / row[2], 0.0, -(oz - row[1] + t * dz) / row[2], material
    _, axis, source = _solid(ox, oy, oz, dx, dy, dz, row, cuts)
    if axis < 3:
        nx, ny, nz = _facing(axis, dx, dy, dz)
        return nx, ny, nz, (int(cuts[source, 7]) if axis == 2 and source >= 0 else material)
    cut = cuts[source]
    ny = -(oy + t * dy - cut[2]) / cut[3]
    if cut[0] == 1.0:
        return 0.0, ny, -(oz + t * dz - cut[1]) / cut[3], material
    return -(ox + t * dx - cut[1]) / cut[3], ny, 0.0, material
