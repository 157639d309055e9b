"""Compiled completion of a small picture from its own patches."""

# mypy: ignore-errors
from __future__ import annotations

import numpy as np

from ..compiled import compiled

__all__ = ["complete_picture", "patch_distance"]

f4 = np.float32
_RADIUS = 3  # patches of 7x7
_NOTHING = f4(1e9)
_LEAST_PIXELS = 8  # that two patches must have in common
_COARSEST = 4  # pixels, largest distance from a hole's inside to its border at the coarsest level
_MOST_LEVELS = 6


@compiled(inline="always")
def _random(state, bound):
    """Integer below ``bound`` (xorshift)."""
    x = state[0]
    x ^= x << np.uint32(13)
    x ^= x >> np.uint32(17)
    x ^= x << np.uint32(5)
    state[0] = x
    return int(x % np.uint32(bound))


@compiled()
def patch_distance(image, have, known, row, column, v, u, bound):
    """Mean squared difference of the patches at (row, column), where estimated, and at (v, u), where seen.

    ``image [h, w, 3]``; ``have, known [h, w]`` bool. 1e9 where fewer than 8 pixels are common, or when above ``bound``.
    """
    height, width = have.shape
    total, count = f4(0.0), 0
    top = max(-_RADIUS, -row, -v)
    low = min(_RADIUS, height - 1 - row, height - 1 - v)
    left = max(-_RADIUS, -column, -u)
    right = min(_RADIUS, width - 1 - column, width - 1 - u)
    most = bound * (2 * _RADIUS + 1) * (2 * _RADIUS + 1)
    for i in range(top, low + 1):
        for j in range(left, right + 1):
            if have[row + i, column + j] and known[v + i, u + j]:
                for c in range(3):
                    step = image[row + i, column + j, c] - image[v + i, u + j, c]
                    total += step * step
                count += 1
        if total > most:
            return _NOTHING
    return total / count if count >= _LEAST_PIXELS else _NOTHING


@compiled()
def _sources(known):
    """Pixels that may be copied: their patches are inside and seen for the most part."""
    height, width = known.shape
    is_source = np.zeros((height, width), np.bool_)
    found = np.empty(height * width, np.int32)
    count = 0
    whole = (2 * _RADIUS + 1) * (2 * _RADIUS + 1)
    for row in range(height):
        for column in range(width):
            if not known[row, column]:
                continue
            seen = 0
            for y in range(max(row - _RADIUS, 0), min(row + _RADIUS + 1, height)):
                for x in range(max(column - _RADIUS, 0), min(column + _RADIUS + 1, width)):
                    seen += known[y, x]
            if 5 * seen >= 4 * whole:
                is_source[row, column] = True
                found[count] = row * width + column
                count += 1
    return is_source, found[:count]


@compiled()
def _search(image, have, known, target, is_source, nearest, cost, state, forward):
    """One sweep of PatchMatch: candidates from the two pixels before, and random ones around the best."""
    height, width = target.shape
    step = -1 if forward else 1
    for i in range(height):
        row = i if forward else height - 1 - i
        for j in range(width):
            column = j if forward else width - 1 - j
            if not target[row, column]:
                continue
            at = nearest[row, column]
            best = patch_distance(image, have, known, row, column, at // width, at % width, _NOTHING)
            for side in range(2):
                y, x = (row + step, column) if side == 0 else (row, column + step)
                if not (0 <= y < height and 0 <= x < width) or not target[y, x]:
                    continue
                v = nearest[y, x] // width - (step if side == 0 else 0)
                u = nearest[y, x] % width - (step if side == 1 else 0)
                if 0 <= v < height and 0 <= u < width and is_source[v, u]:
                    found = patch_distance(image, have, known, row, column, v, u, best)
                    if found < best:
                        best, at = found, v * width + u
            reach = max(height, width)
            while reach >= 1:
                v = at // width + _random(state, 2 * reach + 1) - reach
                u = at % width + _random(state, 2 * reach + 1) - reach
                if 0 <= v < height and 0 <= u < width and is_source[v, u]:
                    found = patch_distance(image, have, known, row, column, v, u, best)
                    if found < best:
                        best, at = found, v * width + u
                reach //= 3
            nearest[row, column], cost[row, column] = at, best


@compiled()
def _vote(image, have, known, target, nearest, cost):
    """Set every target pixel to the mean of what the patches around it say."""
    height, width = target.shape
    made = np.zeros_like(image)
    for row in range(height):
        for column in range(width):
            if not target[row, column]:
                continue
            r, g, b, total = f4(0.0), f4(0.0), f4(0.0), f4(0.0)
            for i in range(-_RADIUS, _RADIUS + 1):
                for j in range(-_RADIUS, _RADIUS + 1):
                    y, x = row + i, column + j
                    if not (0 <= y < height and 0 <= x < width) or not target[y, x] or cost[y, x] >= _NOTHING:
                        continue
                    v, u = nearest[y, x] // width - i, nearest[y, x] % width - j
                    if not (0 <= v < height and 0 <= u < width) or not known[v, u]:
                        continue
                    weight = f4(1.0) / (cost[y, x] + f4(1e-3))
                    r += weight * image[v, u, 0]
                    g += weight * image[v, u, 1]
                    b += weight * image[v, u, 2]
                    total += weight
            if total > 0:
                made[row, column, 0], made[row, column, 1], made[row, column, 2] = (
                    r / total,
                    g / total,
                    b / total,
                )
                have[row, column] = True
    for row in range(height):
        for column in range(width):
            if target[row, column]:
                image[row, column] = made[row, column]


@compiled()
def _half(image, known, target):
    """Half the size: mean of what is known; unknown where less than half is, or where a target is."""
    height, width = (known.shape[0] + 1) // 2, (known.shape[1] + 1) // 2
    small = np.zeros((height, width, 3), np.float32)
    small_known, small_target = np.zeros((height, width), np.bool_), np.zeros((height, width), np.bool_)
    for row in range(height):
        for column in range(width):
            count = 0
            for y in range(2 * row, min(2 * row + 2, known.shape[0])):
                for x in range(2 * column, min(2 * column + 2, known.shape[1])):
                    small_target[row, column] |= target[y, x]
                    if known[y, x]:
                        small[row, column] += image[y, x]
                        count += 1
            if count >= 2 and not small_target[row, column]:
                small[row, column] /= count
                small_known[row, column] = True
    return small, small_known, small_target


@compiled()
def _depth_of(target):
    """Largest distance, in steps along rows and columns, from a target pixel to one that is none."""
    height, width = target.shape
    far = np.zeros((height, width), np.int32)
    for step in (1, -1):
        for i in range(height):
            row = i if step > 0 else height - 1 - i
            for j in range(width):
                column = j if step > 0 else width - 1 - j
                if not target[row, column]:
                    continue
                y, x = row - step, column - step
                above = far[y, column] if 0 <= y < height else 1000
                beside = far[row, x] if 0 <= x < width else 1000
                found = min(above, beside) + 1
                far[row, column] = found if step > 0 else min(far[row, column], found)
    return far.max()


@compiled()
def complete_picture(image, known, target, seed):
    """Fill ``target`` pixels of ``image [h, w, 3]``, in place, with ``known`` ones; return whether it could.

    Coarse to fine: at each level patches around the targets are searched among those seen, and every target
    pixel becomes the mean of what the patches that cover it say; at the end, the pixel its own patch says.
    """
    images, knowns, targets = [image], [known], [target]
    while len(images) < _MOST_LEVELS and _depth_of(targets[-1]) > _COARSEST:
        small = _half(images[-1], knowns[-1], targets[-1])
        if len(_sources(small[1])[1]) < 40:
            break
        images.append(small[0])
        knowns.append(small[1])
        targets.append(small[2])
    state = np.full(1, seed * 2 + 1, np.uint32)
    coarser = np.zeros((1, 1), np.int32)
    coarser_target = np.zeros((1, 1), np.bool_)
    for level in range(len(images) - 1, -1, -1):
        picture, seen, asked = images[level], knowns[level], targets[level]
        height, width = seen.shape
        is_source, sources = _sources(seen)
        if len(sources) < 20:
            return False
        nearest = np.zeros((height, width), np.int32)
        cost = np.full((height, width), _NOTHING, np.float32)
        have = seen.copy()
        is_coarsest = level == len(images) - 1
        for row in range(height):
            for column in range(width):
                if not asked[row, column]:
                    continue
                nearest[row, column] = sources[_random(state, len(sources))]
                if is_coarsest:
                    continue
                at = coarser[row // 2, column // 2]
                v = min(2 * (at // coarser.shape[1]) + row % 2, height - 1)
                u = min(2 * (at % coarser.shape[1]) + column % 2, width - 1)
                if coarser_target[row // 2, column // 2] and is_source[v, u]:
                    nearest[row, column] = v * width + u
                at = nearest[row, column]
                picture[row, column] = picture[at // width, at % width]
                have[row, column] = True
        rounds = 8 if is_coarsest else 3 if level > 0 else 2
        for index in range(rounds):
            _search(picture, have, seen, asked, is_source, nearest, cost, state, True)
            _search(picture, have, seen, asked, is_source, nearest, cost, state, False)
            if level > 0 or index < rounds - 1:
                _vote(picture, have, seen, asked, nearest, cost)
        coarser, coarser_target = nearest, asked
    height, width = known.shape
    for row in range(height):
        for column in range(width):
            if target[row, column]:
                image[row, column] = image[nearest[row, column] // width, nearest[row, column] % width]
    return True
