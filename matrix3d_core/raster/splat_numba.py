"""The CPU splat engine: compiled tile rasteriser with a hand-written backward pass, projection included.

Forward: cull to the frustum, sort what is left by depth (radix), project, list each 16-px tile's
Gaussians nearest first, composite. Records stay in index order, because neighbours in index are
mostly neighbours in the picture, so a tile finds its own in few places of memory. Backward walks every
tile front to back once more: what lies behind a Gaussian is the finished pixel minus what came so far, so
nothing but the picture has to be kept. Gradients are first written per (Gaussian, tile) and then summed per
Gaussian in a fixed order: no atomics, the same bits on every run whatever the number of threads.

A Gaussian's projected quadratic form is kept as ``A u^2 + q dy^2`` with ``u = dx + k dy`` (completed
square). A row then costs one multiply-add per pixel, and thin slanted Gaussians lose no digits.

Inner loops handle `LANES` neighbouring pixels of a row at once; they touch one scratch array at fixed
offsets and index it with unsigned numbers, which is what lets the compiler turn them into vector code.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..compiled import compiled, sliced
from . import splat as contract

__all__ = ["Drawing", "Extras", "backward", "backward_with_extras", "forward", "median_index", "render"]

# Reassociation and fused multiply-add, but infinities and NaN keep their meaning: masked lanes may overflow.
FAST = {"reassoc", "contract", "arcp", "nsz", "afn"}

f4 = np.float32
u8 = np.uint64
i4 = np.int32

TILE = contract.TILE
LANES = 8
STRIDE = TILE + LANES  # windows may start at the last column and run over; that padding never counts
PLANE = TILE * STRIDE
RECORD = 16  # float32 per projected Gaussian: one cache line
GRADS = 10  # per (Gaussian, tile): r, g, b, z, and the moments v, v u, v u^2, v dy, v u dy, v dy^2
FIELDS = 13  # of them used
BATCH = 32  # Gaussians fetched at once by a tile; after each batch it looks whether it is finished

ALPHA_MAX = f4(contract.ALPHA_MAX)
ALPHA_MIN = f4(contract.ALPHA_MIN)
T_MIN = f4(contract.T_MIN)
LOWPASS = f4(contract.LOWPASS_PX2)
REACH = f4(contract.REACH)
FAR = f4(contract.FAR)

# exp(-s) on 0 <= s <= ln 255 as p(-s / 8)^8: Chebyshev fit of degree 5 on [-ln(255)/8, 0], 1e-7 relative.
_SPAN = math.log(255.0) / 8 * 1.01
_FIT = np.polynomial.chebyshev.Chebyshev.interpolate(np.exp, 5, domain=[-_SPAN, 0.0])
E0, E1, E2, E3, E4, E5 = (f4(c) for c in _FIT.convert(kind=np.polynomial.Polynomial).coef)
EIGHTH = f4(-0.125)
HALF, ONE, TWO, ZERO = f4(0.5), f4(1.0), f4(2.0), f4(0.0)
TINY, HUGE = f4(1e-30), f4(1e37)
MOST_ENTRIES = contract.MOST_ENTRIES


@compiled(fastmath=FAST, inline="always")
def _exp_minus(s):
    t = s * EIGHTH
    p = E0 + t * (E1 + t * (E2 + t * (E3 + t * (E4 + t * E5))))
    p = p * p
    p = p * p
    return p * p


@sliced(grain=1024, fastmath=FAST)
def _cull(begin, until, means, scales, opacities, view, camera, near_z, depth_key):
    """Camera depth of what is in view, 0 for the rest. camera = fx, fy, cx, cy, width, height, margin."""
    fx, fy, cx, cy, width, height, margin = camera
    right, left = (width - cx + margin) / fx, (-cx - margin) / fx
    bottom, top = (height - cy + margin) / fy, (-cy - margin) / fy
    norm_r, norm_l = math.sqrt(ONE + right * right), math.sqrt(ONE + left * left)
    norm_b, norm_t = math.sqrt(ONE + bottom * bottom), math.sqrt(ONE + top * top)
    for i in range(begin, until):
        px, py, pz = means[i, 0], means[i, 1], means[i, 2]
        z = view[2, 0] * px + view[2, 1] * py + view[2, 2] * pz + view[2, 3]
        key = ZERO
        if near_z < z < FAR and opacities[i] > ALPHA_MIN:
            x = view[0, 0] * px + view[0, 1] * py + view[0, 2] * pz + view[0, 3]
            y = view[1, 0] * px + view[1, 1] * py + view[1, 2] * pz + view[1, 3]
            radius = REACH * max(scales[i, 0], max(scales[i, 1], scales[i, 2]))
            if (
                x - z * right < radius * norm_r
                and z * left - x < radius * norm_l
                and y - z * bottom < radius * norm_b
                and z * top - y < radius * norm_t
            ):
                key = z
        depth_key[i] = key


@compiled()
def _sort_visible(depth_key):
    """Indices of the positive depths in index order, and the order that puts them nearest first.

    Equal depths stay in index order. Radix sort on the bits, which for positive floats sort like the values.
    """
    count = 0
    for i in range(depth_key.shape[0]):
        count += depth_key[i] > ZERO
    bits = depth_key.view(np.uint32)
    keys, index, visible = np.empty(count, np.uint32), np.empty(count, np.int32), np.empty(count, np.int32)
    histogram = np.zeros((3, 2048), np.int64)
    n = 0
    for i in range(depth_key.shape[0]):
        if depth_key[i] > ZERO:
            key = bits[i]
            keys[n] = key
            index[n] = n
            visible[n] = i
            n += 1
            histogram[0, key & 2047] += 1
            histogram[1, (key >> 11) & 2047] += 1
            histogram[2, key >> 22] += 1
    other_keys, other_index = np.empty_like(keys), np.empty_like(index)
    for step in range(3):
        total = 0
        for b in range(2048):
            here = histogram[step, b]
            histogram[step, b] = total
            total += here
        shift = 11 * step
        for n in range(count):
            b = (keys[n] >> shift) & 2047
            slot = histogram[step, b]
            histogram[step, b] = slot + 1
            other_keys[slot] = keys[n]
            other_index[slot] = index[n]
        keys, other_keys = other_keys, keys
        index, other_index = other_index, index
    return visible, index


@compiled(fastmath=FAST, inline="always")
def _axes(quats, scales, view, i):
    """Unit quaternion and the camera-space axes ``view R`` of one Gaussian."""
    w, x, y, z = quats[i, 0], quats[i, 1], quats[i, 2], quats[i, 3]
    inverse_norm = ONE / max(math.sqrt(w * w + x * x + y * y + z * z), f4(1e-12))
    w, x, y, z = w * inverse_norm, x * inverse_norm, y * inverse_norm, z * inverse_norm
    r00, r01, r02 = ONE - TWO * (y * y + z * z), TWO * (x * y - w * z), TWO * (x * z + w * y)
    r10, r11, r12 = TWO * (x * y + w * z), ONE - TWO * (x * x + z * z), TWO * (y * z - w * x)
    r20, r21, r22 = TWO * (x * z - w * y), TWO * (y * z + w * x), ONE - TWO * (x * x + y * y)
    a00 = view[0, 0] * r00 + view[0, 1] * r10 + view[0, 2] * r20
    a01 = view[0, 0] * r01 + view[0, 1] * r11 + view[0, 2] * r21
    a02 = view[0, 0] * r02 + view[0, 1] * r12 + view[0, 2] * r22
    a10 = view[1, 0] * r00 + view[1, 1] * r10 + view[1, 2] * r20
    a11 = view[1, 0] * r01 + view[1, 1] * r11 + view[1, 2] * r21
    a12 = view[1, 0] * r02 + view[1, 1] * r12 + view[1, 2] * r22
    a20 = view[2, 0] * r00 + view[2, 1] * r10 + view[2, 2] * r20
    a21 = view[2, 0] * r01 + view[2, 1] * r11 + view[2, 2] * r21
    a22 = view[2, 0] * r02 + view[2, 1] * r12 + view[2, 2] * r22
    return w, x, y, z, inverse_norm, a00, a01, a02, a10, a11, a12, a20, a21, a22


@sliced(grain=1024, fastmath=FAST)
def _project(
    begin, until, means, quats, scales, opacities, colours, view, camera, limits, is_antialiased,
    visible, records, boxes,
):  # fmt: skip
    """Fill one record per visible Gaussian and the range of tiles that it may touch."""
    fx, fy, cx, cy, width, height, _ = camera
    tiles_x, tiles_y = int(math.ceil(width / TILE)), int(math.ceil(height / TILE))
    for n in range(begin, until):
        i = visible[n]
        px, py, pz = means[i, 0], means[i, 1], means[i, 2]
        x = view[0, 0] * px + view[0, 1] * py + view[0, 2] * pz + view[0, 3]
        y = view[1, 0] * px + view[1, 1] * py + view[1, 2] * pz + view[1, 3]
        z = view[2, 0] * px + view[2, 1] * py + view[2, 2] * pz + view[2, 3]
        inverse_z = ONE / z
        tan_x = min(max(x * inverse_z, limits[0]), limits[1])
        tan_y = min(max(y * inverse_z, limits[2]), limits[3])
        _w, _x, _y, _z, _n, a00, a01, a02, a10, a11, a12, a20, a21, a22 = _axes(quats, scales, view, i)
        s0, s1, s2 = scales[i, 0], scales[i, 1], scales[i, 2]
        jx, jy = fx * inverse_z, fy * inverse_z
        p0, p1, p2 = (
            jx * (a00 - tan_x * a20) * s0,
            jx * (a01 - tan_x * a21) * s1,
            jx * (a02 - tan_x * a22) * s2,
        )
        q0, q1, q2 = (
            jy * (a10 - tan_y * a20) * s0,
            jy * (a11 - tan_y * a21) * s1,
            jy * (a12 - tan_y * a22) * s2,
        )
        a = p0 * p0 + p1 * p1 + p2 * p2
        b = p0 * q0 + p1 * q1 + p2 * q2
        c = q0 * q0 + q1 * q1 + q2 * q2
        m0, m1, m2 = p1 * q2 - p2 * q1, p2 * q0 - p0 * q2, p0 * q1 - p1 * q0
        # Lagrange's identity: a c - b^2 without the cancellation; then the low-pass on both diagonals.
        sharp = m0 * m0 + m1 * m1 + m2 * m2
        determinant = sharp + LOWPASS * (a + c) + LOWPASS * LOWPASS
        a += LOWPASS
        c += LOWPASS
        opacity = opacities[i]
        if is_antialiased:
            opacity *= math.sqrt(sharp / determinant)
        limit = math.log(max(opacity, TINY) / ALPHA_MIN)
        mx, my = fx * x * inverse_z + cx, fy * y * inverse_z + cy
        reach_x, reach_y = (
            math.sqrt(TWO * max(limit, ZERO) * a),
            math.sqrt(TWO * max(limit, ZERO) * c),
        )
        records[n, 0] = mx
        records[n, 1] = my
        records[n, 2] = max(HALF * c / determinant, TINY)  # A / 2
        records[n, 3] = -b / c  # k
        records[n, 4] = max(HALF / c, TINY)  # q / 2
        records[n, 5] = opacity
        records[n, 6] = limit
        records[n, 7] = colours[i, 0]
        records[n, 8] = colours[i, 1]
        records[n, 9] = colours[i, 2]
        records[n, 10] = z
        records[n, 11] = reach_x
        records[n, 12] = reach_y
        # First and last tile, after clipping to the picture; empty when the box misses it. Written as
        # comparisons that are false for NaN, so a broken Gaussian is not drawn.
        hit = mx + reach_x > ZERO and mx - reach_x < width and my + reach_y > ZERO and my - reach_y < height
        if hit and limit > ZERO and a < HUGE and c < HUGE:
            boxes[n, 0] = int(max(mx - reach_x, ZERO)) // TILE
            boxes[n, 1] = min(int(min(mx + reach_x, width)) // TILE, tiles_x - 1)
            boxes[n, 2] = int(max(my - reach_y, ZERO)) // TILE
            boxes[n, 3] = min(int(min(my + reach_y, height)) // TILE, tiles_y - 1)
        else:
            boxes[n, 0], boxes[n, 1], boxes[n, 2], boxes[n, 3] = 0, -1, 0, -1


@compiled()
def _list_tiles(boxes, nearest_first, tiles_x, tiles_y):
    """CSR lists of Gaussians per tile, nearest first, and per Gaussian where its entries ended up.

    Call it through `list_tiles`.

    Columns of tiles beyond the last one continue at the first: a panorama's boxes reach over the border.
    """
    count = boxes.shape[0]
    start = np.zeros(tiles_x * tiles_y + 1, np.int64)
    first = np.zeros(count + 1, np.int64)
    for n in range(count):
        x0, x1, y0, y1 = boxes[n, 0], boxes[n, 1], boxes[n, 2], boxes[n, 3]
        first[n + 1] = first[n] + (x1 - x0 + 1) * (y1 - y0 + 1)
        for ty in range(y0, y1 + 1):
            for tx in range(x0, x1 + 1):
                start[ty * tiles_x + (tx if tx < tiles_x else tx - tiles_x) + 1] += 1
    if first[count] > MOST_ENTRIES:
        return start, np.empty(0, np.int32), first, np.empty(0, np.int32)
    for t in range(tiles_x * tiles_y):
        start[t + 1] += start[t]
    fill = start[:-1].copy()
    members = np.empty(start[-1], np.int32)
    slots = np.empty(start[-1], np.int32)
    for n in nearest_first:
        x0, x1, y0, y1 = boxes[n, 0], boxes[n, 1], boxes[n, 2], boxes[n, 3]
        at = first[n]
        for ty in range(y0, y1 + 1):
            for tx in range(x0, x1 + 1):
                t = ty * tiles_x + (tx if tx < tiles_x else tx - tiles_x)
                members[fill[t]] = n
                slots[at] = fill[t]
                fill[t] += 1
                at += 1
    return start, members, first, slots


def list_tiles(
    boxes: np.ndarray, nearest_first: np.ndarray, height: int, width: int
) -> tuple[np.ndarray, ...]:
    """List the Gaussians of each tile; see `_list_tiles`.

    Raises:
        InvalidInput: when the lists would be too long.
    """
    lists: tuple[np.ndarray, ...] = _list_tiles(boxes, nearest_first, -(-width // TILE), -(-height // TILE))
    contract.check_entries(int(lists[2][-1]), height, width)
    return lists


def heaviest_first(start: np.ndarray) -> np.ndarray:
    """Return the order in which threads should take up tiles: long lists first, so that none is left at the end."""
    return np.argsort(start[:-1] - start[1:], kind="stable").astype(np.int32)


@compiled(fastmath=FAST, inline="always")
def _gather(records, members, k, last, near):
    """Copy the next few records of a tile's list side by side, so that waiting for memory overlaps."""
    for slot in range(last - k):
        record = records[members[k + slot]]
        for f in range(FIELDS):
            near[slot, f] = record[f]


@compiled(fastmath=FAST, inline="always")
def _span(low, high, origin, size):
    """First and last pixel whose centre lies between two image coordinates, clipped to the tile.

    Clipped before it becomes a whole number: what exceeds 64 bits, or is NaN, has no defined one.
    """
    first, last = f4(origin), f4(origin + size - 1)
    low, high = low - HALF, high - HALF
    low = low if low > first else first
    low = low if low <= last else last + ONE
    high = high if high < last else last
    high = high if high >= first else first - ONE
    return int(math.ceil(low)) - origin, int(math.floor(high)) - origin


@compiled(fastmath=FAST, inline="always")
def _add_window(tile, at, u_first, base_power, half_a, opacity, limit, c0, c1, c2, z):
    """Composite one Gaussian onto LANES pixels of a row."""
    for j in range(u8(LANES)):
        u = u_first + f4(i4(j))
        power = base_power + half_a * u * u
        alpha = min(ALPHA_MAX, opacity * _exp_minus(power))
        before = tile[at + j]
        weight = alpha * before if (power <= limit) & (before >= T_MIN) else ZERO
        tile[at + j] = before - weight
        tile[at + (u8(PLANE) + j)] += weight * c0
        tile[at + (u8(2 * PLANE) + j)] += weight * c1
        tile[at + (u8(3 * PLANE) + j)] += weight * c2
        tile[at + (u8(4 * PLANE) + j)] += weight * z


@sliced(grain=1, fastmath=FAST)
def _composite(
    begin, until, records, start, members, order, tiles_x, height, width, rgb, alpha_out, depth_out, ends
):
    for p in range(begin, until):
        t = order[p]
        top, left = (t // tiles_x) * TILE, (t % tiles_x) * TILE
        rows, columns = min(TILE, height - top), min(TILE, width - left)
        tile = np.zeros(5 * PLANE, np.float32)  # planes: transmittance, r, g, b, z
        near = np.empty((BATCH, FIELDS), np.float32)
        for y in range(rows):
            for x in range(columns):
                tile[y * STRIDE + x] = ONE
        k, stop = start[t], start[t + 1]
        while k < stop:
            last = min(k + BATCH, stop)
            _gather(records, members, k, last, near)
            for slot in range(last - k):
                mx, my, half_a, slope, half_q = (
                    near[slot, 0],
                    near[slot, 1],
                    near[slot, 2],
                    near[slot, 3],
                    near[slot, 4],
                )
                opacity, limit = near[slot, 5], near[slot, 6]
                c0, c1, c2, z = near[slot, 7], near[slot, 8], near[slot, 9], near[slot, 10]
                y_low, y_high = _span(my - near[slot, 12], my + near[slot, 12], top, rows)
                x_low, x_high = _span(mx - near[slot, 11], mx + near[slot, 11], left, columns)
                if x_high - x_low < LANES:
                    u_row = f4(left + x_low) + HALF - mx
                    for y in range(y_low, y_high + 1):
                        dy = f4(top + y) + HALF - my
                        _add_window(
                            tile, u8(y * STRIDE + x_low), u_row + slope * dy, half_q * dy * dy,
                            half_a, opacity, limit, c0, c1, c2, z,
                        )  # fmt: skip
                    continue
                for y in range(y_low, y_high + 1):
                    dy = f4(top + y) + HALF - my
                    base_power = half_q * dy * dy
                    centre = mx - slope * dy
                    half_width = math.sqrt(max(limit - base_power, ZERO) / half_a)
                    x, x_end = _span(centre - half_width, centre + half_width, left, columns)
                    while x <= x_end:
                        _add_window(
                            tile, u8(y * STRIDE + x), f4(left + x) + HALF - centre, base_power,
                            half_a, opacity, limit, c0, c1, c2, z,
                        )  # fmt: skip
                        x += LANES
            k = last
            clearest = ZERO
            for j in range(rows * STRIDE):
                clearest = max(clearest, tile[j])
            if clearest < T_MIN:
                break
        ends[t] = k
        for y in range(rows):
            for x in range(columns):
                at = y * STRIDE + x
                alpha_out[top + y, left + x] = ONE - tile[at]
                rgb[top + y, left + x, 0] = tile[PLANE + at]
                rgb[top + y, left + x, 1] = tile[2 * PLANE + at]
                rgb[top + y, left + x, 2] = tile[3 * PLANE + at]
                depth_out[top + y, left + x] = tile[4 * PLANE + at]


@compiled(fastmath=FAST, inline="always")
def _undo_window(tile, at, u_first, base_power, half_a, opacity, limit, c0, c1, c2, z):
    """Walk LANES pixels once more and sum the gradients of one Gaussian over them."""
    d0 = d1 = d2 = dz = sum_v = sum_vu = sum_vuu = ZERO
    for j in range(u8(LANES)):
        u = u_first + f4(i4(j))
        power = base_power + half_a * u * u
        full = opacity * _exp_minus(power)
        alpha = min(ALPHA_MAX, full)
        before = tile[at + j]
        alpha = alpha if (power <= limit) & (before >= T_MIN) else ZERO
        weight = alpha * before
        g0, g1 = tile[at + (u8(2 * PLANE) + j)], tile[at + (u8(3 * PLANE) + j)]
        g2, gz = tile[at + (u8(4 * PLANE) + j)], tile[at + (u8(5 * PLANE) + j)]
        light = c0 * g0 + c1 * g1 + c2 * g2 + z * gz
        behind = tile[at + (u8(PLANE) + j)] - weight * light
        tile[at + (u8(PLANE) + j)] = behind
        tile[at + j] = before - weight
        d_alpha = before * light - behind / (ONE - alpha)
        v = -d_alpha * alpha if full < ALPHA_MAX else ZERO  # d loss / d power
        vu = v * u
        d0 += weight * g0
        d1 += weight * g1
        d2 += weight * g2
        dz += weight * gz
        sum_v += v
        sum_vu += vu
        sum_vuu += vu * u
    return d0, d1, d2, dz, sum_v, sum_vu, sum_vuu


@sliced(grain=1, fastmath=FAST)
def _composite_backward(
    begin, until, records, start, members, order, tiles_x, height, width, rgb, alpha_out, depth_out, ends,
    g_rgb, g_alpha, g_depth, grads,
):  # fmt: skip
    for p in range(begin, until):
        t = order[p]
        top, left = (t // tiles_x) * TILE, (t % tiles_x) * TILE
        rows, columns = min(TILE, height - top), min(TILE, width - left)
        # Planes: transmittance; (what is still to come) . gradient; gradients r, g, b, z.
        tile = np.zeros(6 * PLANE, np.float32)
        near = np.empty((BATCH, FIELDS), np.float32)
        for y in range(rows):
            for x in range(columns):
                at = y * STRIDE + x
                g0, g1, g2 = (
                    g_rgb[top + y, left + x, 0],
                    g_rgb[top + y, left + x, 1],
                    g_rgb[top + y, left + x, 2],
                )
                gz = g_depth[top + y, left + x]
                tile[at] = ONE
                # The background is the last thing to come: d(alpha) / d(T_end) = -1.
                tile[PLANE + at] = (
                    rgb[top + y, left + x, 0] * g0
                    + rgb[top + y, left + x, 1] * g1
                    + rgb[top + y, left + x, 2] * g2
                    + depth_out[top + y, left + x] * gz
                    - (ONE - alpha_out[top + y, left + x]) * g_alpha[top + y, left + x]
                )
                tile[2 * PLANE + at] = g0
                tile[3 * PLANE + at] = g1
                tile[4 * PLANE + at] = g2
                tile[5 * PLANE + at] = gz
        k, stop = start[t], ends[t]
        while k < stop:
            last = min(k + BATCH, stop)
            _gather(records, members, k, last, near)
            for slot in range(last - k):
                mx, my, half_a, slope, half_q = (
                    near[slot, 0],
                    near[slot, 1],
                    near[slot, 2],
                    near[slot, 3],
                    near[slot, 4],
                )
                opacity, limit = near[slot, 5], near[slot, 6]
                c0, c1, c2, z = near[slot, 7], near[slot, 8], near[slot, 9], near[slot, 10]
                y_low, y_high = _span(my - near[slot, 12], my + near[slot, 12], top, rows)
                x_low, x_high = _span(mx - near[slot, 11], mx + near[slot, 11], left, columns)
                is_narrow = x_high - x_low < LANES
                d0 = d1 = d2 = dz = v = vu = vuu = vy = vuy = vyy = ZERO
                for y in range(y_low, y_high + 1):
                    dy = f4(top + y) + HALF - my
                    base_power = half_q * dy * dy
                    centre = mx - slope * dy
                    x, x_end = x_low, x_high
                    if not is_narrow:
                        half_width = math.sqrt(max(limit - base_power, ZERO) / half_a)
                        x, x_end = _span(centre - half_width, centre + half_width, left, columns)
                    while x <= x_end:
                        r0, r1, r2, rz, rv, rvu, rvuu = _undo_window(
                            tile, u8(y * STRIDE + x), f4(left + x) + HALF - centre, base_power,
                            half_a, opacity, limit, c0, c1, c2, z,
                        )  # fmt: skip
                        d0 += r0
                        d1 += r1
                        d2 += r2
                        dz += rz
                        v += rv
                        vu += rvu
                        vuu += rvuu
                        vy += rv * dy
                        vuy += rvu * dy
                        vyy += rv * dy * dy
                        x += LANES
                row = k + slot
                grads[row, 0] = d0
                grads[row, 1] = d1
                grads[row, 2] = d2
                grads[row, 3] = dz
                grads[row, 4] = v
                grads[row, 5] = vu
                grads[row, 6] = vuu
                grads[row, 7] = vy
                grads[row, 8] = vuy
                grads[row, 9] = vyy
            k = last
        for k in range(ends[t], start[t + 1]):
            for g in range(GRADS):
                grads[k, g] = ZERO


@compiled(fastmath=FAST, inline="always")
def _footprint_backward(p0, p1, p2, q0, q1, q2, g_a, g_b, g_c, v, is_antialiased):
    """Gradients of ``a = p.p, b = p.q, c = q.q`` and, when asked, of the anti-aliasing factor to p and q.

    The factor is ``sqrt(D / E)`` with ``D = |p x q|^2``, ``E = D + LOWPASS (a + c) + LOWPASS^2``; the gradient
    to its logarithm is ``-v``.
    """
    g_sharp = ZERO
    if is_antialiased:
        m0, m1, m2 = p1 * q2 - p2 * q1, p2 * q0 - p0 * q2, p0 * q1 - p1 * q0
        sharp = m0 * m0 + m1 * m1 + m2 * m2
        trace = p0 * p0 + p1 * p1 + p2 * p2 + q0 * q0 + q1 * q1 + q2 * q2
        inverse = ONE / (sharp + LOWPASS * trace + LOWPASS * LOWPASS)
        g_sharp = -v * (ONE / max(sharp, TINY) - inverse)  # times 2: D is a square
        g_a += HALF * v * inverse * LOWPASS
        g_c += HALF * v * inverse * LOWPASS
    else:
        m0 = m1 = m2 = ZERO
    gp0 = TWO * g_a * p0 + g_b * q0 + g_sharp * (q1 * m2 - q2 * m1)
    gp1 = TWO * g_a * p1 + g_b * q1 + g_sharp * (q2 * m0 - q0 * m2)
    gp2 = TWO * g_a * p2 + g_b * q2 + g_sharp * (q0 * m1 - q1 * m0)
    gq0 = TWO * g_c * q0 + g_b * p0 + g_sharp * (m1 * p2 - m2 * p1)
    gq1 = TWO * g_c * q1 + g_b * p1 + g_sharp * (m2 * p0 - m0 * p2)
    gq2 = TWO * g_c * q2 + g_b * p2 + g_sharp * (m0 * p1 - m1 * p0)
    return gp0, gp1, gp2, gq0, gq1, gq2


@compiled(fastmath=FAST, inline="always")
def _turn_backward(view, qw, qx, qy, qz, inverse_norm, e0, e1, e2, h0, h1, h2, b0, b1, b2):
    """Carry the gradient of the camera-space axes (rows e, h, b) back to the quaternion."""
    r00 = view[0, 0] * e0 + view[1, 0] * h0 + view[2, 0] * b0
    r01 = view[0, 0] * e1 + view[1, 0] * h1 + view[2, 0] * b1
    r02 = view[0, 0] * e2 + view[1, 0] * h2 + view[2, 0] * b2
    r10 = view[0, 1] * e0 + view[1, 1] * h0 + view[2, 1] * b0
    r11 = view[0, 1] * e1 + view[1, 1] * h1 + view[2, 1] * b1
    r12 = view[0, 1] * e2 + view[1, 1] * h2 + view[2, 1] * b2
    r20 = view[0, 2] * e0 + view[1, 2] * h0 + view[2, 2] * b0
    r21 = view[0, 2] * e1 + view[1, 2] * h1 + view[2, 2] * b1
    r22 = view[0, 2] * e2 + view[1, 2] * h2 + view[2, 2] * b2
    gw = TWO * (qx * (r21 - r12) + qy * (r02 - r20) + qz * (r10 - r01))
    gx = TWO * (qy * (r01 + r10) + qz * (r02 + r20) + qw * (r21 - r12)) - f4(4.0) * qx * (r11 + r22)
    gy = TWO * (qx * (r01 + r10) + qz * (r12 + r21) + qw * (r02 - r20)) - f4(4.0) * qy * (r00 + r22)
    gz = TWO * (qx * (r02 + r20) + qy * (r12 + r21) + qw * (r10 - r01)) - f4(4.0) * qz * (r00 + r11)
    along = gw * qw + gx * qx + gy * qy + gz * qz  # a longer quaternion is the same rotation
    return (
        (gw - along * qw) * inverse_norm,
        (gx - along * qx) * inverse_norm,
        (gy - along * qy) * inverse_norm,
        (gz - along * qz) * inverse_norm,
    )


@sliced(grain=1024, fastmath=FAST)
def _project_backward(
    begin, until, means, quats, scales, opacities, view, camera, limits, is_antialiased,
    visible, records, first, slots, grads,
    g_means, g_quats, g_scales, g_opacities, g_colours, g_views, screen,
):  # fmt: skip
    """Sum each visible Gaussian's gradients over its tiles and carry them back through the projection.

    ``g_views [V, 12]`` (camera-space mean, then ``d axes . axes^T``) and ``screen [V]`` (see `backward`) are
    filled when they have rows.
    """
    fx, fy, _cx, _cy, _width, _height, _ = camera
    for n in range(begin, until):
        if first[n] == first[n + 1]:  # touched no tile
            g_opacities[n] = ZERO
            for c in range(3):
                g_means[n, c] = g_scales[n, c] = g_colours[n, c] = ZERO
            for c in range(4):
                g_quats[n, c] = ZERO
            if g_views.shape[0]:
                for c in range(12):
                    g_views[n, c] = ZERO
            if screen.shape[0]:
                screen[n] = ZERO
            continue
        d0 = d1 = d2 = dz = v = vu = vuu = vy = vuy = vyy = ZERO
        screen_x = screen_y = ZERO
        slope, stretch = records[n, 3], records[n, 4] / records[n, 2]
        for at in range(first[n], first[n + 1]):
            k = slots[at]
            screen_x += abs(grads[k, 5])
            screen_y += abs(slope * grads[k, 5] + stretch * grads[k, 7])
            d0 += grads[k, 0]
            d1 += grads[k, 1]
            d2 += grads[k, 2]
            dz += grads[k, 3]
            v += grads[k, 4]
            vu += grads[k, 5]
            vuu += grads[k, 6]
            vy += grads[k, 7]
            vuy += grads[k, 8]
            vyy += grads[k, 9]
        g_colours[n, 0] = d0
        g_colours[n, 1] = d1
        g_colours[n, 2] = d2
        i = visible[n]
        g_opacities[n] = -v / opacities[i]  # what anti-aliasing takes away is a factor, so this holds with it
        # power = A/2 u^2 + q/2 dy^2, u = dx + k dy, A = 1 / (a - b^2/c), k = -b/c, q = 1/c.
        full_a, full_q = TWO * records[n, 2], TWO * records[n, 4]
        if screen.shape[0]:
            screen[n] = full_a * math.sqrt(screen_x * screen_x + screen_y * screen_y)
        g_mx = -full_a * vu
        g_my = -(full_a * slope * vu + full_q * vy)
        g_schur = -full_a * full_a * HALF * vuu
        g_slope = full_a * vuy
        g_a = g_schur
        g_b = TWO * slope * g_schur - full_q * g_slope
        g_c = slope * slope * g_schur - slope * full_q * g_slope - full_q * full_q * HALF * vyy

        px, py, pz = means[i, 0], means[i, 1], means[i, 2]
        x = view[0, 0] * px + view[0, 1] * py + view[0, 2] * pz + view[0, 3]
        y = view[1, 0] * px + view[1, 1] * py + view[1, 2] * pz + view[1, 3]
        z = view[2, 0] * px + view[2, 1] * py + view[2, 2] * pz + view[2, 3]
        inverse_z = ONE / z
        tan_x, tan_y = x * inverse_z, y * inverse_z
        free_x, free_y = limits[0] < tan_x < limits[1], limits[2] < tan_y < limits[3]
        tan_x, tan_y = min(max(tan_x, limits[0]), limits[1]), min(max(tan_y, limits[2]), limits[3])
        qw, qx, qy, qz, inverse_norm, a00, a01, a02, a10, a11, a12, a20, a21, a22 = _axes(
            quats, scales, view, i
        )
        s0, s1, s2 = scales[i, 0], scales[i, 1], scales[i, 2]
        jx, jy = fx * inverse_z, fy * inverse_z
        e0, e1, e2 = a00 - tan_x * a20, a01 - tan_x * a21, a02 - tan_x * a22
        h0, h1, h2 = a10 - tan_y * a20, a11 - tan_y * a21, a12 - tan_y * a22
        p0, p1, p2 = jx * e0 * s0, jx * e1 * s1, jx * e2 * s2
        q0, q1, q2 = jy * h0 * s0, jy * h1 * s1, jy * h2 * s2
        gp0, gp1, gp2, gq0, gq1, gq2 = _footprint_backward(
            p0, p1, p2, q0, q1, q2, g_a, g_b, g_c, v, is_antialiased
        )
        g_jx = gp0 * e0 * s0 + gp1 * e1 * s1 + gp2 * e2 * s2
        g_jy = gq0 * h0 * s0 + gq1 * h1 * s1 + gq2 * h2 * s2
        g_scales[n, 0] = gp0 * jx * e0 + gq0 * jy * h0
        g_scales[n, 1] = gp1 * jx * e1 + gq1 * jy * h1
        g_scales[n, 2] = gp2 * jx * e2 + gq2 * jy * h2
        ge0, ge1, ge2 = gp0 * jx * s0, gp1 * jx * s1, gp2 * jx * s2
        gh0, gh1, gh2 = gq0 * jy * s0, gq1 * jy * s1, gq2 * jy * s2
        g_tx = -(ge0 * a20 + ge1 * a21 + ge2 * a22) if free_x else ZERO
        g_ty = -(gh0 * a20 + gh1 * a21 + gh2 * a22) if free_y else ZERO
        g_x = (g_mx * fx + g_tx) * inverse_z
        g_y = (g_my * fy + g_ty) * inverse_z
        g_inverse_z = g_jx * fx + g_jy * fy + (g_mx * fx + g_tx) * x + (g_my * fy + g_ty) * y
        g_z = dz - inverse_z * inverse_z * g_inverse_z
        g_means[n, 0] = view[0, 0] * g_x + view[1, 0] * g_y + view[2, 0] * g_z
        g_means[n, 1] = view[0, 1] * g_x + view[1, 1] * g_y + view[2, 1] * g_z
        g_means[n, 2] = view[0, 2] * g_x + view[1, 2] * g_y + view[2, 2] * g_z
        # Camera-space axes, then world-space rotation R = view^T axes.
        b20, b21, b22 = -tan_x * ge0 - tan_y * gh0, -tan_x * ge1 - tan_y * gh1, -tan_x * ge2 - tan_y * gh2
        gw, gx, gy, gz = _turn_backward(
            view, qw, qx, qy, qz, inverse_norm, ge0, ge1, ge2, gh0, gh1, gh2, b20, b21, b22
        )
        g_quats[n, 0], g_quats[n, 1], g_quats[n, 2], g_quats[n, 3] = gw, gx, gy, gz
        if g_views.shape[0]:
            g_views[n, 0], g_views[n, 1], g_views[n, 2] = g_x, g_y, g_z
            g_views[n, 3] = ge0 * a00 + ge1 * a01 + ge2 * a02
            g_views[n, 4] = ge0 * a10 + ge1 * a11 + ge2 * a12
            g_views[n, 5] = ge0 * a20 + ge1 * a21 + ge2 * a22
            g_views[n, 6] = gh0 * a00 + gh1 * a01 + gh2 * a02
            g_views[n, 7] = gh0 * a10 + gh1 * a11 + gh2 * a12
            g_views[n, 8] = gh0 * a20 + gh1 * a21 + gh2 * a22
            g_views[n, 9] = b20 * a00 + b21 * a01 + b22 * a02
            g_views[n, 10] = b20 * a10 + b21 * a11 + b22 * a12
            g_views[n, 11] = b20 * a20 + b21 * a21 + b22 * a22


@sliced(grain=1, fastmath=FAST)
def _find_medians(
    begin, until, records, start, members, order, ends, tiles_x, height, width, visible, median
):
    """Per pixel, the Gaussian at which the transmittance falls to one half; -1 where it never does."""
    for p in range(begin, until):
        t = order[p]
        top, left = (t // tiles_x) * TILE, (t % tiles_x) * TILE
        rows, columns = min(TILE, height - top), min(TILE, width - left)
        clear = np.ones((TILE, TILE), np.float32)
        for y in range(rows):
            for x in range(columns):
                median[top + y, left + x] = -1
        for k in range(start[t], ends[t]):
            n = members[k]
            mx, my, half_a, slope, half_q = (
                records[n, 0],
                records[n, 1],
                records[n, 2],
                records[n, 3],
                records[n, 4],
            )
            opacity, limit = records[n, 5], records[n, 6]
            y_low, y_high = _span(my - records[n, 12], my + records[n, 12], top, rows)
            x_low, x_high = _span(mx - records[n, 11], mx + records[n, 11], left, columns)
            for y in range(y_low, y_high + 1):
                dy = f4(top + y) + HALF - my
                for x in range(x_low, x_high + 1):
                    before = clear[y, x]
                    u = f4(left + x) + HALF - mx + slope * dy
                    power = half_q * dy * dy + half_a * u * u
                    if before > HALF and power <= limit:
                        clear[y, x] = before - before * min(ALPHA_MAX, opacity * _exp_minus(power))
                        if clear[y, x] <= HALF:
                            median[top + y, left + x] = visible[n]


@dataclass(frozen=True)
class Drawing:
    """A finished picture and what the backward pass needs of how it came about.

    Attributes:
        rgb: ``[H, W, 3]`` float32 over black.
        alpha: ``[H, W]``.
        depth_sum: ``[H, W]`` sum of weight times camera depth.
        visible: ``[V]`` int32 indices of the Gaussians in view, ascending.
    """

    rgb: np.ndarray
    alpha: np.ndarray
    depth_sum: np.ndarray
    visible: np.ndarray
    inputs: tuple[np.ndarray, ...]
    camera: tuple[np.ndarray, tuple[np.float32, ...], np.ndarray]
    records: np.ndarray
    tiles: tuple[np.ndarray, ...]
    is_antialiased: bool = False


def _camera(
    camera_from_world: np.ndarray, K_px: np.ndarray, height: int, width: int
) -> tuple[np.ndarray, tuple[np.float32, ...], np.ndarray]:
    view = np.ascontiguousarray(camera_from_world[:3], dtype=np.float32)
    fx, fy, cx, cy = K_px[0, 0], K_px[1, 1], K_px[0, 2], K_px[1, 2]
    camera = tuple(f4(v) for v in (fx, fy, cx, cy, width, height, contract.MARGIN_PX))
    half = contract.TAN_LIMIT / 2
    limits = (
        (width / 2 - cx - half * width) / fx, (width / 2 - cx + half * width) / fx,
        (height / 2 - cy - half * height) / fy, (height / 2 - cy + half * height) / fy,
    )  # fmt: skip
    return view, camera, np.array(limits, dtype=np.float32)


def forward(
    means: np.ndarray,
    quats_wxyz: np.ndarray,
    scales: np.ndarray,
    opacities: np.ndarray,
    colours: np.ndarray,
    camera_from_world: np.ndarray,
    K_px: np.ndarray,
    height: int,
    width: int,
    near_z: float = contract.NEAR_Z,
    *,
    antialiased: bool = False,
) -> Drawing:
    """Draw contiguous float32 arrays; shapes as in `raster.splat.RenderFn`."""
    camera = _camera(camera_from_world, K_px, height, width)
    view, intrinsics, limits = camera
    depth_key = np.empty(len(means), np.float32)
    _cull(len(means), means, scales, opacities, view, intrinsics, f4(near_z), depth_key)
    visible, nearest_first = _sort_visible(depth_key)
    records = np.empty((len(visible), RECORD), np.float32)
    boxes = np.empty((len(visible), 4), np.int32)
    _project(
        len(visible), means, quats_wxyz, scales, opacities, colours, view, intrinsics, limits, antialiased,
        visible, records, boxes,
    )  # fmt: skip
    tiles_x, tiles_y = -(-width // TILE), -(-height // TILE)
    start, members, first, slots = list_tiles(boxes, nearest_first, height, width)
    order = heaviest_first(start)
    rgb = np.empty((height, width, 3), np.float32)
    alpha, depth_sum = np.empty((height, width), np.float32), np.empty((height, width), np.float32)
    ends = np.empty(tiles_x * tiles_y, np.int64)
    _composite(
        len(order), records, start, members, order, tiles_x, height, width, rgb, alpha, depth_sum, ends
    )
    inputs = (means, quats_wxyz, scales, opacities, colours)
    tiles = (start, members, order, ends, first, slots)
    return Drawing(rgb, alpha, depth_sum, visible, inputs, camera, records, tiles, antialiased)


def median_index(drawing: Drawing) -> np.ndarray:
    """Return ``[H, W]`` int32 indices of the Gaussians at which the transmittance falls to one half, or -1."""
    start, members, order, ends = drawing.tiles[:4]
    height, width = drawing.alpha.shape
    median = np.empty((height, width), np.int32)
    _find_medians(
        len(order), drawing.records, start, members, order, ends, -(-width // TILE), height, width,
        drawing.visible, median,
    )  # fmt: skip
    return median


@dataclass(frozen=True)
class Extras:
    """What `backward` can tell beyond the gradients of the Gaussians.

    Attributes:
        pose: ``[4, 4]`` float64 gradient of ``camera_from_world`` (last row 0), or None.
        screen: ``[V]`` float32 length of the screen-space gradient of each visible Gaussian's middle, its
            components summed as absolute values over tiles, or None: where Gaussians should be split.
    """

    pose: np.ndarray | None = None
    screen: np.ndarray | None = None


def pose_gradient(g_views: np.ndarray, means: np.ndarray, view: np.ndarray) -> np.ndarray:
    """Sum per-Gaussian contributions ``[V, 12]`` to the ``[4, 4]`` gradient of the pose."""
    rows = g_views.astype(np.float64)
    gradient = np.zeros((4, 4))
    gradient[:3, 3] = rows[:, :3].sum(0)
    turned = rows[:, 3:].sum(0).reshape(3, 3)  # axes = V R, so d/dV = d/d(axes) R^T = (d axes . axes^T) V
    through_means = np.stack([(rows[:, :3] * means[:, c : c + 1]).sum(0) for c in range(3)], axis=1)
    gradient[:3, :3] = turned @ view[:, :3] + through_means
    return gradient


def backward(
    drawing: Drawing, g_rgb: np.ndarray, g_alpha: np.ndarray, g_depth_sum: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Carry picture gradients back to the visible Gaussians.

    Returns:
        Gradients of means, quaternions, scales, opacities and colours, one row per entry of
        ``drawing.visible``; everything out of view has gradient 0.
    """
    return backward_with_extras(drawing, g_rgb, g_alpha, g_depth_sum)[0]


def backward_with_extras(
    drawing: Drawing,
    g_rgb: np.ndarray,
    g_alpha: np.ndarray,
    g_depth_sum: np.ndarray,
    *,
    pose: bool = False,
    screen: bool = False,
) -> tuple[tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray], Extras]:
    """Do what `backward` does and return, where asked, the gradient of the pose and of the screen position."""
    means, quats, scales, opacities = drawing.inputs[:4]
    view, intrinsics, limits = drawing.camera
    start, members, order, ends, first, slots = drawing.tiles
    height, width = drawing.alpha.shape
    count = len(drawing.visible)
    grads = np.empty((len(members), GRADS), np.float32)
    out = tuple(
        np.empty(shape, np.float32) for shape in ((count, 3), (count, 4), (count, 3), (count,), (count, 3))
    )
    g_views = np.empty((count if pose else 0, 12), np.float32)
    on_screen = np.empty(count if screen else 0, np.float32)
    _composite_backward(
        len(order), drawing.records, start, members, order, -(-width // TILE), height, width,
        drawing.rgb, drawing.alpha, drawing.depth_sum, ends, g_rgb, g_alpha, g_depth_sum, grads,
    )  # fmt: skip
    _project_backward(
        count, means, quats, scales, opacities, view, intrinsics, limits, drawing.is_antialiased,
        drawing.visible, drawing.records, first, slots, grads, *out, g_views, on_screen,
    )  # fmt: skip
    extras = Extras(
        pose_gradient(g_views, means[drawing.visible], view) if pose else None, on_screen if screen else None
    )
    return out, extras  # type: ignore[return-value]


class _Render(torch.autograd.Function):
    @staticmethod
    def forward(ctx, means, quats, scales, opacities, colours, pose, draw, go_back, median):
        arrays = [t.detach().contiguous().numpy() for t in (means, quats, scales, opacities, colours)]
        drawing = draw(*arrays, pose.detach().to("cpu", torch.float64).numpy())
        ctx.drawing, ctx.go_back, ctx.pose = drawing, go_back, pose.new_empty(0)
        pictures = [torch.from_numpy(a) for a in (drawing.rgb, drawing.alpha, drawing.depth_sum)]
        if median is None:
            return tuple(pictures)
        index = torch.from_numpy(median(drawing))
        ctx.mark_non_differentiable(index)
        return (*pictures, index)

    @staticmethod
    def backward(ctx, g_rgb, g_alpha, g_depth, *_):
        drawing = ctx.drawing
        pictures = (g.contiguous().numpy() for g in (g_rgb, g_alpha, g_depth))
        rows, extras = ctx.go_back(drawing, *pictures, pose=ctx.needs_input_grad[5])
        full = []
        for value, rows_of in zip(drawing.inputs, rows, strict=True):
            gradient = np.zeros(value.shape, np.float32)
            gradient[drawing.visible] = rows_of
            full.append(torch.from_numpy(gradient))
        g_pose = None if extras.pose is None else torch.from_numpy(extras.pose).to(ctx.pose)
        return (*full, g_pose, None, None, None)


def render(
    means: Tensor,
    quats_wxyz: Tensor,
    scales: Tensor,
    opacities: Tensor,
    colours: Tensor,
    camera_from_world: Tensor,
    K_px: Tensor | None,
    height: int,
    width: int,
    *,
    near_z: float = contract.NEAR_Z,
    antialiased: bool = False,
    median: bool = False,
) -> tuple[Tensor, ...]:
    """Draw Gaussians; see `raster.splat.RenderFn`."""
    draw: Callable[..., Any]
    go_back: Callable[..., Any]
    find: Callable[..., Any]
    if K_px is None:
        from . import splat_numba_erp as panorama

        draw = functools.partial(
            panorama.forward, height=height, width=width, near=near_z, antialiased=antialiased
        )
        go_back, find = panorama.backward_with_extras, panorama.median_index
    else:
        intrinsics = K_px.detach().to("cpu", torch.float64).numpy()
        draw = functools.partial(
            forward, K_px=intrinsics, height=height, width=width, near_z=near_z, antialiased=antialiased
        )
        go_back, find = backward_with_extras, median_index
    tensors = (t.to(torch.float32) for t in (means, quats_wxyz, scales, opacities, colours))
    result: tuple[Tensor, ...] = _Render.apply(
        *tensors, camera_from_world, draw, go_back, find if median else None
    )
    return result
