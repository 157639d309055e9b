"""Compiled pieces of the distance sweep: cost of hypotheses, semi-global smoothing, points into a picture."""

# mypy: ignore-errors
from __future__ import annotations

import math

import numpy as np

from ..compiled import compiled, sliced

__all__ = [
    "choose",
    "cover_distance",
    "find_forbidden",
    "match_cost",
    "smooth_columns",
    "smooth_rows",
    "splat_distance",
]

FAST = {"reassoc", "contract", "arcp", "nsz", "afn"}
f4 = np.float32


@compiled(inline="always")
def _ray(row, column, height, width, lens):
    """Unit ray through a pixel center; ``lens`` is `Camera.kernel_values` of a camera of that size."""
    if lens[0] > 0.0:
        y = (row + 0.5 - lens[5]) / lens[4]
        x = (column + 0.5 - lens[3] - lens[2] * y) / lens[1]
        s = 1.0 / math.sqrt(x * x + y * y + 1.0)
        return x * s, y * s, s
    turn, polar = ((column + 0.5) / width - 0.5) * math.tau, (row + 0.5) / height * math.pi
    ring = math.sin(polar)
    return ring * math.sin(turn), -math.cos(polar), ring * math.cos(turn)


@compiled(inline="always")
def _project(x, y, z, height, width, lens):
    """Pixel position (centers at integers) of a point; row -1e9 when it is not in the picture.

    Conditions are false for NaN, which has no pixel.
    """
    if lens[0] > 0.0:
        if not z > 1e-6:
            return -1e9, 0.0
        row = lens[4] * y / z + lens[5] - 0.5
        column = (lens[1] * x + lens[2] * y) / z + lens[3] - 0.5
        if not (0 <= row <= height - 1 and 0 <= column <= width - 1):
            return -1e9, 0.0
        return row, column
    if not abs(x) + abs(y) + abs(z) < 1e100:
        return -1e9, 0.0
    column = (math.atan2(x, z) / math.tau + 0.5) * width - 0.5
    row = (math.atan2(y, math.sqrt(x * x + z * z)) / math.pi + 0.5) * height - 0.5
    return min(max(row, 0.0), height - 1.0), column


@sliced(grain=1, fastmath=FAST)
def match_cost(
    begin, until, reference, others, poses, lens, lenses, inverse_depth, known, known_weight, cost
):
    """Compare each pixel with where its point at each distance lies in the other pictures.

    ``reference [H, W, C]``, ``others [N, H, W, C]`` features; ``poses [N, 3, 4]`` other camera from reference
    camera; ``lens [6]`` and ``lenses [N, 6]`` of the reference and the others; ``inverse_depth [D]`` ascending
    1 / distance; ``known [H, W]`` the same where known, else negative; ``cost [H, W, D]`` receives the mean over the
    better half of the pictures of the absolute difference.
    """
    height, width, channels = reference.shape
    count, levels = others.shape[0], inverse_depth.shape[0]
    half = (count + 1) // 2
    step = inverse_depth[1] - inverse_depth[0]
    for row in range(begin, until):
        found = np.empty(count, np.float32)
        for column in range(width):
            rx, ry, rz = _ray(row, column, height, width, lens)
            for level in range(levels):
                near = inverse_depth[level]
                seen = 0
                if known[row, column] >= 0 and abs(near - known[row, column]) > 6 * step:
                    cost[row, column, level] = f4(0.25) + known_weight
                    continue
                for n in range(count):
                    pose = poses[n]
                    # Direction of the point scaled by inverse_depth: finite for the farthest level too.
                    x = pose[0, 0] * rx + pose[0, 1] * ry + pose[0, 2] * rz + pose[0, 3] * near
                    y = pose[1, 0] * rx + pose[1, 1] * ry + pose[1, 2] * rz + pose[1, 3] * near
                    z = pose[2, 0] * rx + pose[2, 1] * ry + pose[2, 2] * rz + pose[2, 3] * near
                    v, u = _project(x, y, z, height, width, lenses[n])
                    if v < -1e8:
                        continue
                    top, left = math.floor(v), math.floor(u)
                    down, across = f4(v - top), f4(u - left)
                    below = min(top + 1, height - 1)
                    if lenses[n, 0] > 0.0:
                        right = min(left + 1, width - 1)
                    else:
                        left = left % width
                        right = (left + 1) % width
                    total = f4(0.0)
                    for c in range(channels):
                        upper = others[n, top, left, c] * (1 - across) + others[n, top, right, c] * across
                        lower = others[n, below, left, c] * (1 - across) + others[n, below, right, c] * across
                        total += abs(upper * (1 - down) + lower * down - reference[row, column, c])
                    total = min(total, f4(0.5))
                    at = seen
                    while at > 0 and found[at - 1] > total:
                        found[at] = found[at - 1]
                        at -= 1
                    found[at] = total
                    seen += 1
                total = f4(0.0)
                use = min(half, seen)
                for k in range(use):
                    total += found[k]
                value = total / use if use > 0 else f4(0.25)
                if known[row, column] >= 0:
                    value += known_weight * f4(min(abs(near - known[row, column]) / step, 4.0) * 0.25)
                cost[row, column, level] = value


@compiled(inline="always", fastmath=FAST)
def _advance(previous, cost, jump, slope, total, now):
    """One step of semi-global matching along a line; writes ``now`` and adds it to ``total``."""
    levels = cost.shape[0]
    least = previous[0]
    for k in range(1, levels):
        least = min(least, previous[k])
    for k in range(levels):
        best = min(previous[k], least + jump)
        if k > 0:
            best = min(best, previous[k - 1] + slope)
        if k + 1 < levels:
            best = min(best, previous[k + 1] + slope)
        now[k] = cost[k] + best - least
        total[k] += now[k]


@compiled(inline="always")
def _jump(reference, r0, c0, r1, c1, jump, slope):
    """Price of a jump in depth: lower across an edge in color."""
    edge = f4(0.0)
    for c in range(reference.shape[2]):
        edge += abs(reference[r0, c0, c] - reference[r1, c1, c])
    return max(slope * f4(1.5), jump / (f4(1.0) + f4(12.0) * edge))


@sliced(grain=1, fastmath=FAST)
def smooth_rows(begin, until, cost, guide, slope, jump, wraps, total):
    """Add both horizontal passes to ``total``; around a panorama each starts a part of a turn early."""
    width, levels = cost.shape[1:]
    lead = min(48, width) if wraps else 0
    for row in range(begin, until):
        previous, now = np.zeros(levels, np.float32), np.empty(levels, np.float32)
        dump = np.zeros(levels, np.float32)
        for way in range(2):
            previous[:] = 0.0
            for k in range(-lead, width):
                column = (k if way == 0 else width - 1 - k) % width
                before = (column - 1 if way == 0 else column + 1) % width
                price = _jump(guide, row, column, row, before, jump, slope)
                if k < 0:
                    _advance(previous, cost[row, column], price, slope, dump, now)
                else:
                    _advance(previous, cost[row, column], price, slope, total[row, column], now)
                previous, now = now, previous


@sliced(grain=1, fastmath=FAST)
def smooth_columns(begin, until, cost, guide, slope, jump, total):
    """Add both vertical passes to ``total``."""
    height, levels = cost.shape[0], cost.shape[2]
    for column in range(begin, until):
        previous, now = np.zeros(levels, np.float32), np.empty(levels, np.float32)
        for way in range(2):
            previous[:] = 0.0
            for k in range(height):
                row = k if way == 0 else height - 1 - k
                before = max(row - 1, 0) if way == 0 else min(row + 1, height - 1)
                price = _jump(guide, row, column, before, column, jump, slope)
                _advance(previous, cost[row, column], price, slope, total[row, column], now)
                previous, now = now, previous


@sliced(grain=1)
def choose(begin, until, total, cost, inverse_depth, out, price):
    """Take the best level of each pixel, refined by a parabola; ``price`` is its own matching cost."""
    width, levels = total.shape[1:]
    step = inverse_depth[1] - inverse_depth[0]
    for row in range(begin, until):
        for column in range(width):
            best = 0
            for k in range(1, levels):
                if total[row, column, k] < total[row, column, best]:
                    best = k
            shift = f4(0.0)
            if 0 < best < levels - 1:
                a, b, c = total[row, column, best - 1], total[row, column, best], total[row, column, best + 1]
                bend = a - 2 * b + c
                if bend > 1e-9:
                    shift = min(max(f4(0.5) * (a - c) / bend, f4(-0.5)), f4(0.5))
            out[row, column] = max(inverse_depth[best] + shift * step, inverse_depth[0])
            price[row, column] = cost[row, column, best]


@compiled()
def splat_distance(points, pose, lens, distance):
    """Draw points ``[N, 3]`` into ``distance [H, W]`` (inf beforehand): the nearest ray distance per pixel."""
    height, width = distance.shape
    for n in range(points.shape[0]):
        px, py, pz = points[n, 0], points[n, 1], points[n, 2]
        x = pose[0, 0] * px + pose[0, 1] * py + pose[0, 2] * pz + pose[0, 3]
        y = pose[1, 0] * px + pose[1, 1] * py + pose[1, 2] * pz + pose[1, 3]
        z = pose[2, 0] * px + pose[2, 1] * py + pose[2, 2] * pz + pose[2, 3]
        v, u = _project(x, y, z, height, width, lens)
        if v < -1e8:
            continue
        row, column = round(v), round(u) % width
        reach = math.sqrt(x * x + y * y + z * z)
        if reach < distance[row, column]:
            distance[row, column] = reach


@compiled()
def cover_distance(points, sizes, pose, lens, distance):
    """Draw points ``[N, 3]`` as squares of ``sizes [N]`` facing the camera into ``distance [H, W]``."""
    height, width = distance.shape
    for n in range(points.shape[0]):
        px, py, pz = points[n, 0], points[n, 1], points[n, 2]
        x = pose[0, 0] * px + pose[0, 1] * py + pose[0, 2] * pz + pose[0, 3]
        y = pose[1, 0] * px + pose[1, 1] * py + pose[1, 2] * pz + pose[1, 3]
        z = pose[2, 0] * px + pose[2, 1] * py + pose[2, 2] * pz + pose[2, 3]
        v, u = _project(x, y, z, height, width, lens)
        if v < -1e8:
            continue
        reach = math.sqrt(x * x + y * y + z * z)
        if not (reach > 0.0 and 0.0 <= sizes[n] < 1e100):
            continue
        if lens[0] > 0.0:
            tall, wide = 0.5 * sizes[n] * lens[4] / z, 0.5 * sizes[n] * lens[1] / z
        else:
            tall = 0.5 * sizes[n] / reach * height / math.pi
            wide = tall * reach / max(math.sqrt(x * x + z * z), 1e-6 * reach)
        tall, wide = min(tall, 8.0), min(wide, 0.5 * width)
        # The pixel that holds the point, and all whose middle the square covers.
        top, bottom = min(round(v), math.ceil(v - tall)), max(round(v), math.floor(v + tall))
        left, right = min(round(u), math.ceil(u - wide)), max(round(u), math.floor(u + wide))
        for row in range(max(top, 0), min(bottom, height - 1) + 1):
            for k in range(left, right + 1):
                if lens[0] > 0.0 and (k < 0 or k >= width):
                    continue
                column = k % width
                if reach < distance[row, column]:
                    distance[row, column] = reach


@sliced(grain=1)
def find_forbidden(
    begin, until, depth_ray, world_from_camera, lens, maps, confident, poses, lenses, margin, forbidden
):
    """Mark the pixels of a distance map whose points lie before a surface that another picture surely sees.

    ``maps [K, H, W]`` distances, ``confident [K, H, W]``, ``lenses [K, 6]`` of the other pictures. The picture looks
    through such a point, so it cannot be there. The nearest of the 3x3 neighbors counts, so that points at an edge
    are let through.
    """
    height, width = depth_ray.shape
    rows, columns = maps.shape[1], maps.shape[2]
    for row in range(begin, until):
        for column in range(width):
            rx, ry, rz = _ray(row, column, height, width, lens)
            far = depth_ray[row, column]
            p = world_from_camera
            x = p[0, 0] * rx * far + p[0, 1] * ry * far + p[0, 2] * rz * far + p[0, 3]
            y = p[1, 0] * rx * far + p[1, 1] * ry * far + p[1, 2] * rz * far + p[1, 3]
            z = p[2, 0] * rx * far + p[2, 1] * ry * far + p[2, 2] * rz * far + p[2, 3]
            stop = False
            for k in range(maps.shape[0]):
                q = poses[k]
                u = q[0, 0] * x + q[0, 1] * y + q[0, 2] * z + q[0, 3]
                v = q[1, 0] * x + q[1, 1] * y + q[1, 2] * z + q[1, 3]
                w = q[2, 0] * x + q[2, 1] * y + q[2, 2] * z + q[2, 3]
                at_row, at_column = _project(u, v, w, rows, columns, lenses[k])
                if at_row < -1e8:
                    continue
                r, c = int(round(at_row)), int(round(at_column))  # noqa: RUF046
                nearest, seen = np.inf, True
                for dr in range(-1, 2):
                    for dc in range(-1, 2):
                        a = min(max(r + dr, 0), rows - 1)
                        b = min(max(c + dc, 0), columns - 1) if lenses[k, 0] > 0.0 else (c + dc) % columns
                        nearest = min(nearest, maps[k, a, b])
                        seen = seen and confident[k, a, b]
                if seen and math.sqrt(u * u + v * v + w * w) < (1 - margin) * nearest:
                    stop = True
                    break
            forbidden[row, column] = stop
