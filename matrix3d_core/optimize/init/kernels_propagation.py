"""Compiled pieces of depth refinement: each pixel takes the distance of the neighbor that fits it best."""

# mypy: ignore-errors
from __future__ import annotations

import math

import numpy as np

from ...compiled import compiled, sliced
from ...depth.kernels_plane_sweep import _project, _ray

__all__ = ["take_neighbors"]

FAST = {"reassoc", "contract", "arcp", "nsz", "afn"}
f4 = np.float32
_WORST = f4(0.5)  # color difference, summed over channels, beyond which all are equally unlike
_DISTINCT = 0.02


@compiled(inline="always", fastmath=FAST)
def _patch_difference(rgb, row, column, weights, other, v, u, wraps):
    """Weighted mean over 3x3 pixels of the color difference to a picture, shifted by one offset."""
    height, width = other.shape[:2]
    top, left = math.floor(v), math.floor(u)
    down, across = f4(v - top), f4(u - left)
    total, norm = f4(0.0), f4(0.0)
    for dr in range(-1, 2):
        a = min(max(top + dr, 0), height - 1)
        b = min(max(top + dr + 1, 0), height - 1)
        r = min(max(row + dr, 0), height - 1)
        for dc in range(-1, 2):
            weight = weights[3 * dr + dc + 4]
            if wraps:
                c0, c1, c = (left + dc) % width, (left + dc + 1) % width, (column + dc) % width
            else:
                c0, c1 = min(max(left + dc, 0), width - 1), min(max(left + dc + 1, 0), width - 1)
                c = min(max(column + dc, 0), width - 1)
            off = f4(0.0)
            for k in range(3):
                upper = other[a, c0, k] * (1 - across) + other[a, c1, k] * across
                lower = other[b, c0, k] * (1 - across) + other[b, c1, k] * across
                off += abs(upper * (1 - down) + lower * down - rgb[r, c, k])
            total += weight * min(off, _WORST)
            norm += weight
    return total / norm


@compiled(inline="always", fastmath=FAST)
def _moved(pose, ray, near):
    """Point on a ray in another camera's frame, scaled by its inverse distance: finite in the sky too."""
    x = pose[0, 0] * ray[0] + pose[0, 1] * ray[1] + pose[0, 2] * ray[2] + pose[0, 3] * near
    y = pose[1, 0] * ray[0] + pose[1, 1] * ray[1] + pose[1, 2] * ray[2] + pose[1, 3] * near
    z = pose[2, 0] * ray[0] + pose[2, 1] * ray[1] + pose[2, 2] * ray[2] + pose[2, 3] * near
    return x, y, z


@compiled(inline="always", fastmath=FAST)
def _view_cost(rgb, row, column, ray, near, weights, others, poses, lenses, found):
    """Mean over the better half of the pictures."""
    height, width = rgb.shape[:2]
    seen = 0
    for n in range(others.shape[0]):
        x, y, z = _moved(poses[n], ray, near)
        v, u = _project(x, y, z, height, width, lenses[n])
        if v < -1e8:
            continue
        value = _patch_difference(rgb, row, column, weights, others[n], v, u, lenses[n, 0] <= 0.0)
        at = seen
        while at > 0 and found[at - 1] > value:
            found[at] = found[at - 1]
            at -= 1
        found[at] = value
        seen += 1
    use = min((others.shape[0] + 1) // 2, seen)
    total = f4(0.0)
    for k in range(use):
        total += found[k]
    return total / use if use > 0 else f4(0.25)


@compiled(inline="always", fastmath=FAST)
def _map_votes(ray, near, height, width, maps, poses, lenses, agree):
    """How many maps of inverse distance show the point, and how many look through it."""
    shows, through = 0, 0
    for n in range(maps.shape[0]):
        x, y, z = _moved(poses[n], ray, near)
        v, u = _project(x, y, z, height, width, lenses[n])
        if v < -1e8:
            continue
        there = near / math.sqrt(x * x + y * y + z * z)
        r, c = int(round(v)), int(round(u))  # noqa: RUF046
        low, high, known = 1e30, -1.0, True
        for dr in range(-1, 2):
            for dc in range(-1, 2):
                a = min(max(r + dr, 0), height - 1)
                b = min(max(c + dc, 0), width - 1) if lenses[n, 0] > 0.0 else (c + dc) % width
                value = maps[n, a, b]
                known = known and value >= 0
                low, high = min(low, value), max(high, value)
        if not known:
            continue
        if there > high * (1 + 2 * agree) + 1e-9:
            through += 1
        elif there >= low * (1 - agree):
            shows += 1
    return shows, through


@sliced(grain=1, fastmath=FAST)
def take_neighbors(
    begin,
    until,
    rgb,
    lens,
    inverse,
    is_open,
    step,
    others,
    poses,
    lenses,
    maps,
    map_poses,
    map_lenses,
    agree,
    through_price,
    shows_gain,
    smooth_price,
    may_be_sky,
    sky_gain,
    out,
    price,
    votes,
):
    """Let each open pixel take the inverse distance of a neighbor ``step`` pixels away that fits it better.

    ``rgb [H, W, 3]``, ``inverse [H, W]`` (0: sky, -1: unknown), ``is_open [H, W]``, ``others [N, H, W, 3]`` pictures
    with ``poses [N, 3, 4]`` from this camera and ``lenses [N, 6]``; ``maps [K, H, W]`` inverse distances of other
    key frames with ``map_poses``, ``map_lenses``. Pixels of ``may_be_sky [H, W]`` try the sky too, at a price less
    by ``sky_gain``: at the distance of the leaves around it matches as well. ``out``, ``price`` and ``votes [H, W]``
    receive the result, its color difference, and how many maps show it less those that look through it.
    """
    height, width = inverse.shape
    wraps = lens[0] <= 0.0
    for row in range(begin, until):
        found = np.empty(others.shape[0], np.float32)
        weights = np.empty(9, np.float32)
        tried = np.empty(10, np.float32)  # nine places and the sky
        ray = np.empty(3)
        for column in range(width):
            out[row, column] = inverse[row, column]
            if not is_open[row, column]:
                continue
            ray[0], ray[1], ray[2] = _ray(row, column, height, width, lens)
            for dr in range(-1, 2):
                r = min(max(row + dr, 0), height - 1)
                for dc in range(-1, 2):
                    c = (column + dc) % width if wraps else min(max(column + dc, 0), width - 1)
                    off = f4(0.0)
                    for k in range(3):
                        off += abs(rgb[r, c, k] - rgb[row, column, k])
                    weights[3 * dr + dc + 4] = f4(1.0) / (f4(1.0) + f4(400.0) * off * off)
            count, best, least = 0, f4(-1.0), f4(1e30)
            for k in range(10 if may_be_sky[row, column] else 9):
                dr, dc = (k // 3 - 1) * step, (k % 3 - 1) * step
                if k == 0 or k == 9:
                    dr, dc = 0, 0
                elif k == 4:
                    dr, dc = -step, -step
                r = row + dr
                c = (column + dc) % width if wraps else column + dc
                if r < 0 or r >= height or c < 0 or c >= width:
                    continue
                near = inverse[r, c] if k < 9 else f4(0.0)
                if near < 0:
                    continue
                is_new = True
                for t in range(count):
                    if abs(tried[t] - near) <= _DISTINCT * near and (k != 0):
                        is_new = False
                        break
                if not is_new:
                    continue
                tried[count] = near
                count += 1
                if k == 0 and price[row, column] >= 0:
                    color = price[row, column]  # as in the round before
                else:
                    color = _view_cost(rgb, row, column, ray, near, weights, others, poses, lenses, found)
                cost = color
                if near == 0 and may_be_sky[row, column]:
                    cost -= sky_gain
                if cost - shows_gain >= least:
                    continue  # whatever the maps say
                shows, through = _map_votes(ray, near, height, width, maps, map_poses, map_lenses, agree)
                if maps.shape[0] > 0:
                    cost += (through_price * through - shows_gain * shows) / maps.shape[0]
                # Neighbors of like color lie on the same surface.
                total, norm = f4(0.0), f4(1e-6)
                for j in range(4):
                    rr = row + (j == 0) - (j == 1)
                    cc = column + (j == 2) - (j == 3)
                    rr = min(max(rr, 0), height - 1)
                    cc = cc % width if wraps else min(max(cc, 0), width - 1)
                    theirs = inverse[rr, cc]
                    if theirs < 0:
                        continue
                    weight = weights[3 * (rr - row) + (j == 2) - (j == 3) + 4]
                    apart = abs(theirs - near) / max(max(theirs, near), f4(1e-9))
                    total += weight * min(apart * f4(10.0), f4(1.0))
                    norm += f4(1.0)
                cost += smooth_price * total / norm
                if cost < least:
                    least, best = cost, near
                    price[row, column] = color
                    votes[row, column] = shows - through
            out[row, column] = best
