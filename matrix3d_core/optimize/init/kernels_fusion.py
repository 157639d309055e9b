"""Compiled pieces of depth fusion: which of several pictures shows a point at the highest resolution."""

# mypy: ignore-errors
from __future__ import annotations

import math

import numpy as np

from ...compiled import sliced
from ...depth.kernels_plane_sweep import _project, _ray

__all__ = ["compare_views"]


@sliced(grain=1)
def compare_views(
    begin,
    until,
    depth_ray,
    world_from_camera,
    lens,
    maps,
    poses,
    lenses,
    pixel_rad,
    skip,
    agree,
    finest,
    votes,
):
    """For each pixel, find how finely other pictures show the same point, and how many say that it is there.

    ``depth_ray [H, W]`` (inf: none), ``maps [K, h, w]`` ray distances of the others, inf where they show nothing and
    1e30 in the sky, ``pixel_rad [K]``; map ``skip`` is left out. A point is on a map's surface when its distance lies
    within the range of the surfaces among the 3x3 pixels around, widened by the share ``agree``, and its own pixel
    isn't sky. ``finest [H, W]`` receives the footprint, inf where no
    other picture shows the point; ``votes [H, W]`` the number of maps that show it less those that look through it.
    """
    height, width = depth_ray.shape
    count, rows, columns = maps.shape
    for row in range(begin, until):
        for column in range(width):
            far = depth_ray[row, column]
            best, vote = np.inf, 0
            if far < 1e17:
                rx, ry, rz = _ray(row, column, height, width, lens)
                p = world_from_camera
                x = p[0, 0] * rx * far + p[0, 1] * ry * far + p[0, 2] * rz * far + p[0, 3]
                y = p[1, 0] * rx * far + p[1, 1] * ry * far + p[1, 2] * rz * far + p[1, 3]
                z = p[2, 0] * rx * far + p[2, 1] * ry * far + p[2, 2] * rz * far + p[2, 3]
                for k in range(count):
                    if k == skip:
                        continue
                    q = poses[k]
                    u = q[0, 0] * x + q[0, 1] * y + q[0, 2] * z + q[0, 3]
                    v = q[1, 0] * x + q[1, 1] * y + q[1, 2] * z + q[1, 3]
                    w = q[2, 0] * x + q[2, 1] * y + q[2, 2] * z + q[2, 3]
                    reach = math.sqrt(u * u + v * v + w * w)
                    at_row, at_column = _project(u, v, w, rows, columns, lenses[k])
                    if at_row < -1e8:
                        continue
                    r, c = int(round(at_row)), int(round(at_column))  # noqa: RUF046
                    low, high, whole, is_open = np.inf, 0.0, True, False
                    for dr in range(-1, 2):
                        for dc in range(-1, 2):
                            a = min(max(r + dr, 0), rows - 1)
                            b = min(max(c + dc, 0), columns - 1) if lenses[k, 0] > 0.0 else (c + dc) % columns
                            value = maps[k, a, b]
                            if value < 1e17:
                                low, high = min(low, value), max(high, value)
                            elif value < np.inf:
                                is_open = is_open or (dr == 0 and dc == 0)
                            else:
                                whole = False
                    if high == 0.0 and not whole:
                        continue
                    if reach < (1 - 2 * agree) * low:
                        vote -= whole
                    elif is_open:
                        continue
                    elif (1 - agree) * low <= reach <= (1 + agree) * high:
                        vote += 1
                        best = min(best, reach * pixel_rad[k])
            finest[row, column], votes[row, column] = best, vote
