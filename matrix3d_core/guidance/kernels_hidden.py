"""Compiled pieces of hidden geometry: connected holes, and which surface each hidden pixel continues."""

# mypy: ignore-errors
from __future__ import annotations

import math

import numpy as np

from ..compiled import compiled, sliced

__all__ = ["add_carving", "choose_labels", "connected", "plane_votes", "sweep_columns", "sweep_rows"]

f4 = np.float32
_CHANGE = f4(0.15)  # cost of going from one surface to another where they meet
_JUMP = f4(1.0)  # and of a jump between them, per unit of log distance
_MOST_JUMP = f4(1.5)
_FORBIDDEN = f4(20.0)


@compiled()
def connected(mask):
    """Number the 8-connected regions of a panorama's mask ``[H, W]`` from 0; -1 elsewhere. Columns wrap."""
    height, width = mask.shape
    found = np.full((height, width), -1, np.int32)
    stack = np.empty(height * width, np.int32)
    count = 0
    for start in range(height * width):
        if not mask[start // width, start % width] or found[start // width, start % width] >= 0:
            continue
        found[start // width, start % width] = count
        stack[0] = start
        top = 1
        while top > 0:
            top -= 1
            row, column = stack[top] // width, stack[top] % width
            for y in range(max(row - 1, 0), min(row + 2, height)):
                for k in range(-1, 2):
                    x = (column + k) % width
                    if mask[y, x] and found[y, x] < 0:
                        found[y, x] = count
                        stack[top] = y * width + x
                        top += 1
        count += 1
    return found, count


@sliced(grain=1)
def plane_votes(begin, until, own, is_asked, radius, count, found):
    """Give each pixel asked for the most frequent plane of its window; ``count`` where none has a fourth of it.

    ``own [H, W]`` plane of each pixel, -1 where it is not to be counted, ``count`` for no plane; ``found [H, W]``.
    """
    height, width = own.shape
    for row in range(begin, until):
        votes = np.zeros(count + 1, np.int32)
        for column in range(width):
            if not is_asked[row, column]:
                continue
            votes[:] = 0
            total = 0
            for y in range(max(row - radius, 0), min(row + radius + 1, height)):
                for k in range(-radius, radius + 1):
                    label = own[y, (column + k) % width]
                    if label >= 0:
                        votes[label] += 1
                        total += 1
            best = count
            for label in range(count):
                if 4 * votes[label] >= total and total > 0 and (best == count or votes[label] > votes[best]):
                    best = label
            found[row, column] = best


@compiled(inline="always")
def _inverse(label, planes, smooth, far, row, column, rays):
    """1 / distance at which a label's surface is met; negative where it is not."""
    if label < planes.shape[0]:
        return (
            planes[label, 0] * rays[row, column, 0]
            + planes[label, 1] * rays[row, column, 1]
            + planes[label, 2] * rays[row, column, 2]
        )
    return smooth[row, column] if label == planes.shape[0] else far


@sliced(grain=1)
def add_carving(
    begin, until, part, candidates, planes, smooth, far, rays, turn, shift, reference, slack, total
):
    """Add the cost of standing in front of what another camera sees, or of being behind the farthest distance.

    ``part [H, W]`` number of the connected hole, -1 outside; ``candidates [N, M]`` labels of each hole, -1 for none;
    ``turn [3, 3], shift [3]`` reference camera from this camera; ``reference [h, w]`` distances, 0 where it sees
    nothing; ``total [H, W, M]``.
    """
    width = part.shape[1]
    tall, wide = reference.shape
    for row in range(begin, until):
        for column in range(width):
            hole = part[row, column]
            if hole < 0:
                continue
            for k in range(candidates.shape[1]):
                label = candidates[hole, k]
                if label < 0:
                    continue
                near = _inverse(label, planes, smooth, far, row, column, rays)
                if near < f4(0.8) * far:
                    total[row, column, k] += 3 * _FORBIDDEN
                    continue
                x, y, z = (
                    rays[row, column, 0] / near,
                    rays[row, column, 1] / near,
                    rays[row, column, 2] / near,
                )
                a = turn[0, 0] * x + turn[0, 1] * y + turn[0, 2] * z + shift[0]
                b = turn[1, 0] * x + turn[1, 1] * y + turn[1, 2] * z + shift[1]
                c = turn[2, 0] * x + turn[2, 1] * y + turn[2, 2] * z + shift[2]
                distance = math.sqrt(a * a + b * b + c * c)
                v = int(math.acos(min(max(-b / max(distance, 1e-12), -1.0), 1.0)) / math.pi * tall)
                u = int((math.atan2(a, c) / math.tau + 0.5) * wide)
                least = 1e30
                for i in range(max(v - 1, 0), min(v + 2, tall)):
                    for j in range(-1, 2):
                        least = min(least, reference[i, (u + j) % wide])
                if distance < least * (1 - slack):
                    total[row, column, k] += _FORBIDDEN


@compiled(inline="always")
def _step(hole, before, row, column, part, border, candidates, planes, smooth, far, rays, keep, old, new):
    """Costs of one pixel's labels along one path that comes from the pixel before."""
    many = candidates.shape[1]
    y, x = before
    from_hole, from_border = part[y, x] == hole, border[y, x]
    if not from_hole and from_border < 0:
        for k in range(many):
            new[k] = f4(0.0)
        return
    least = f4(1e9)
    for k in range(many):
        label = candidates[hole, k]
        new[k] = f4(1e9)
        if label < 0:
            continue
        here = max(_inverse(label, planes, smooth, far, row, column, rays), f4(1e-6))
        for m in range(many):
            other = candidates[hole, m]
            if other < 0 or (not from_hole and other != from_border):
                continue
            cost = old[m] * keep if from_hole else f4(0.0)
            if m != k:
                there = max(_inverse(other, planes, smooth, far, row, column, rays), f4(1e-6))
                cost += _CHANGE + min(_JUMP * abs(math.log(here / there)), _MOST_JUMP)
            new[k] = min(new[k], cost)
        least = min(least, new[k])
    for k in range(many):
        new[k] = f4(0.0) if least > 1e8 else min(new[k] - least, f4(2.0))


@compiled()
def sweep_rows(part, border, candidates, planes, smooth, far, rays, keep, down, total):
    """Add the path costs of the three directions that come from the row above (``down = 1``) or below (-1)."""
    height, width = part.shape
    many = candidates.shape[1]
    old, new = np.zeros((3, width, many), np.float32), np.zeros((3, width, many), np.float32)
    for index in range(1, height):
        row = index if down > 0 else height - 1 - index
        for column in range(width):
            hole = part[row, column]
            if hole < 0:
                continue
            for side in range(3):
                x = (column + side - 1) % width
                _step(
                    hole,
                    (row - down, x),
                    row,
                    column,
                    part,
                    border,
                    candidates,
                    planes,
                    smooth,
                    far,
                    rays,
                    keep,
                    old[side, x],
                    new[side, column],
                )
                for k in range(many):
                    total[row, column, k] += new[side, column, k]
        old, new = new, old


@sliced(grain=1)
def sweep_columns(begin, until, part, border, candidates, planes, smooth, far, rays, keep, total):
    """Add the path costs from the left and from the right, once around."""
    width = part.shape[1]
    many = candidates.shape[1]
    for row in range(begin, until):
        old, new = np.zeros(many, np.float32), np.zeros(many, np.float32)
        for step in (1, -1):
            old[:] = 0
            for index in range(2 * width):
                column = (step * index) % width
                hole = part[row, column]
                if hole < 0:
                    continue
                before = (row, (column - step) % width)
                _step(
                    hole,
                    before,
                    row,
                    column,
                    part,
                    border,
                    candidates,
                    planes,
                    smooth,
                    far,
                    rays,
                    keep,
                    old,
                    new,
                )
                if index >= width:
                    for k in range(many):
                        total[row, column, k] += new[k]
                old, new = new, old


@sliced(grain=1)
def choose_labels(begin, until, part, candidates, total, found):
    """Write the label of least cost into ``found [H, W]`` where there is a hole."""
    width = part.shape[1]
    for row in range(begin, until):
        for column in range(width):
            hole = part[row, column]
            if hole < 0:
                continue
            best = 0
            for k in range(candidates.shape[1]):
                if candidates[hole, k] >= 0 and total[row, column, k] < total[row, column, best]:
                    best = k
            found[row, column] = candidates[hole, best]
