"""Panoramas by the CPU splat backend, on rays instead of an image plane; see `splat_numba`.

What differs from a pinhole picture: a Gaussian's pixel offsets
``u, v`` are those of a pinhole camera that looks straight at it, so each pixel takes three dot products of its
ray; boxes of tiles go around the border; and turning that camera with the Gaussian's mean adds a term to the
gradient of the mean.

That term: with unit direction d, turned by small ``(t1, t2)`` across it, a ray's offsets in pixels move by
``du = -F t1 - u (t1 u + t2 v) / F`` (and v alike), F pixels per radian. As ``u P_u + v P_v = 2 P`` for the
quadratic form P, ``dP = -F (t1 P_u + t2 P_v) - 2 P (t1 u + t2 v) / F``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ..compiled import compiled, sliced
from ..scene.camera import Equirect
from .splat_numba_tiles import (
    ALPHA_MAX,
    ALPHA_MIN,
    BATCH,
    FAR,
    FAST,
    HALF,
    HUGE,
    LANES,
    LOWPASS,
    ONE,
    PLANE,
    STRIDE,
    T_MIN,
    TILE,
    TINY,
    TWO,
    ZERO,
    axes,
    exp_minus,
    f4,
    footprint_backward,
    gather,
    rotation_backward,
    span,
    u8,
)

__all__ = ["EquirectLens"]

RECORD = 24  # float32 per projected Gaussian
FIELDS = 21  # of them used while drawing
GRADS = 12  # r, g, b, z, then the moments v, v u, v u^2, v w, v u w, v w^2, v P u, v P w (w: second offset)
AHEAD = f4(1e-6)  # a ray at a right angle to the Gaussian's direction, or beyond


@sliced(grain=1024, fastmath=FAST)
def _cull(begin, until, means, opacities, view, near, depth_key):
    """Ray distance of what may be drawn, 0 for the rest."""
    for i in range(begin, until):
        px, py, pz = means[i, 0], means[i, 1], means[i, 2]
        x = view[0, 0] * px + view[0, 1] * py + view[0, 2] * pz + view[0, 3]
        y = view[1, 0] * px + view[1, 1] * py + view[1, 2] * pz + view[1, 3]
        z = view[2, 0] * px + view[2, 1] * py + view[2, 2] * pz + view[2, 3]
        distance = math.sqrt(x * x + y * y + z * z)
        depth_key[i] = distance if near < distance < FAR and opacities[i] > ALPHA_MIN else ZERO


@compiled(fastmath=FAST, inline="always")
def _across(x, y, z):
    """Unit vectors to the right (level) and down, across a unit vector; at a pole the right is x."""
    ring = math.sqrt(x * x + z * z)
    if ring < f4(1e-6):
        return ONE, ZERO, ZERO, ZERO, ZERO, -y
    rx, rz = z / ring, -x / ring
    return rx, ZERO, rz, -y * x / ring, ring, -y * z / ring


@compiled(fastmath=FAST, inline="always")
def _bounds(dy, ring, right, down, focal, height, width):
    """Rows and half the columns around the middle that a Gaussian reaching ``right, down`` pixels may touch.

    A point (u, v) of its own camera's picture lies at ``sin(elevation) = (dy + v ring) / |(u, v, 1)|`` and at the
    relative azimuth ``atan(u / (ring - v dy))``; both are taken at their extremes over the box.
    """
    most = f4(1e8)  # as good as infinite, and its square is finite
    u, v = min(right / focal, most), min(down / focal, most)
    elevation, tilt = math.atan2(dy, ring), math.atan(v)
    low, high = elevation - tilt, elevation + tilt
    if dy - v * ring > ZERO:
        low = math.atan2(dy - v * ring, math.sqrt((ring + v * dy) * (ring + v * dy) + u * u))
    if dy + v * ring < ZERO:
        high = math.atan2(dy + v * ring, math.sqrt((ring - v * dy) * (ring - v * dy) + u * u))
    middle = HALF * height
    half_width = width
    ahead = ring - v * abs(dy)
    if ahead > f4(1e-3):
        half_width = math.atan(u / ahead) * (width / f4(math.tau))
    elif dy > ZERO:  # around the pole below
        high = f4(math.pi)
    else:
        low = -f4(math.pi)
    return focal * low + middle, focal * high + middle, half_width


@sliced(grain=1024, fastmath=FAST)
def _project(
    begin, until, means, quats, scales, opacities, colors, view, height, width, is_antialiased, visible, records, boxes
):  # fmt: skip
    """Fill one record per visible Gaussian and the range of tiles that it may touch."""
    tiles_x, tiles_y = (width + TILE - 1) // TILE, (height + TILE - 1) // TILE
    pi = f4(math.pi)
    focal = f4(height) / pi
    for n in range(begin, until):
        i = visible[n]
        px, py, pz = means[i, 0], means[i, 1], means[i, 2]
        x = view[0, 0] * px + view[0, 1] * py + view[0, 2] * pz + view[0, 3]
        y = view[1, 0] * px + view[1, 1] * py + view[1, 2] * pz + view[1, 3]
        z = view[2, 0] * px + view[2, 1] * py + view[2, 2] * pz + view[2, 3]
        distance = math.sqrt(x * x + y * y + z * z)
        nearness = ONE / distance
        dx, dy, dz = x * nearness, y * nearness, z * nearness
        e1x, e1y, e1z, e2x, e2y, e2z = _across(dx, dy, dz)
        _w, _x, _y, _z, _n, a00, a01, a02, a10, a11, a12, a20, a21, a22 = axes(quats, scales, view, i)
        j0, j1, j2 = (
            focal * nearness * scales[i, 0],
            focal * nearness * scales[i, 1],
            focal * nearness * scales[i, 2],
        )
        p0 = j0 * (e1x * a00 + e1y * a10 + e1z * a20)
        p1 = j1 * (e1x * a01 + e1y * a11 + e1z * a21)
        p2 = j2 * (e1x * a02 + e1y * a12 + e1z * a22)
        q0 = j0 * (e2x * a00 + e2y * a10 + e2z * a20)
        q1 = j1 * (e2x * a01 + e2y * a11 + e2z * a21)
        q2 = j2 * (e2x * a02 + e2y * a12 + e2z * a22)
        a = p0 * p0 + p1 * p1 + p2 * p2
        b = p0 * q0 + p1 * q1 + p2 * q2
        c = q0 * q0 + q1 * q1 + q2 * q2
        m0, m1, m2 = p1 * q2 - p2 * q1, p2 * q0 - p0 * q2, p0 * q1 - p1 * q0
        sharp = m0 * m0 + m1 * m1 + m2 * m2
        determinant = sharp + LOWPASS * (a + c) + LOWPASS * LOWPASS
        a += LOWPASS
        c += LOWPASS
        opacity = opacities[i]
        if is_antialiased:
            opacity *= math.sqrt(sharp / determinant)
        limit = math.log(max(opacity, TINY) / ALPHA_MIN)
        slope = -b / c
        most = TWO * max(limit, ZERO)
        row_low, row_high, half_width = _bounds(
            dy,
            math.sqrt(dx * dx + dz * dz),
            math.sqrt(most * a),
            math.sqrt(most * c),
            focal,
            f4(height),
            f4(width),
        )
        # Rounding of angles, in pixels.
        slack = f4(1e-3)
        row_low, row_high, half_width = row_low - slack, row_high + slack, half_width + slack
        column = (math.atan2(dx, dz) / (TWO * pi) + HALF) * width
        records[n, 0], records[n, 1], records[n, 2] = (
            focal * (e1x + slope * e2x),
            focal * (e1y + slope * e2y),
            focal * (e1z + slope * e2z),
        )
        records[n, 3], records[n, 4], records[n, 5] = focal * e2x, focal * e2y, focal * e2z
        records[n, 6], records[n, 7], records[n, 8] = dx, dy, dz
        records[n, 9] = max(HALF * c / determinant, TINY)
        records[n, 10] = max(HALF / c, TINY)
        records[n, 11] = opacity
        records[n, 12] = limit
        records[n, 13], records[n, 14], records[n, 15] = colors[i, 0], colors[i, 1], colors[i, 2]
        records[n, 16] = distance
        records[n, 17], records[n, 18], records[n, 19], records[n, 20] = row_low, row_high, column, half_width
        records[n, 21] = slope
        # False for NaN, so that a broken Gaussian is not drawn.
        if not (a < HUGE and c < HUGE):
            row_high = -ONE
        if limit > ZERO and row_high > ZERO and row_low < height and half_width > ZERO and column >= ZERO:
            boxes[n, 2] = int(max(row_low, ZERO)) // TILE
            boxes[n, 3] = min(int(min(row_high, f4(height))) // TILE, tiles_y - 1)
            if half_width >= HALF * width - TILE:
                boxes[n, 0], boxes[n, 1] = 0, tiles_x - 1
            else:
                low, high = column - half_width, column + half_width
                if low < ZERO:
                    low, high = low + width, high + width
                first = min(int(low) // TILE, tiles_x - 1)
                last = min(int(high) // TILE, tiles_x - 1)
                if high >= width:
                    last = tiles_x + int(high - width) // TILE
                boxes[n, 0], boxes[n, 1] = first, min(last, first + tiles_x - 1)
        else:
            boxes[n, 0], boxes[n, 1], boxes[n, 2], boxes[n, 3] = 0, -1, 0, -1


@compiled(fastmath=FAST, inline="always")
def _columns(column, half_width, left, columns, width):
    """First and last column of a tile within a range of longitude; both in pixels of the tile."""
    if half_width >= HALF * width - TILE:
        return 0, columns - 1
    away = (f4(left) + HALF * columns - column) / f4(width)
    column += f4(width) * math.floor(away + HALF)
    return span(column - half_width, column + half_width, left, columns)


@compiled(fastmath=FAST, inline="always")
def _add_window(
    tile, at, sines, cosines, from_x, ux, u0, uz, vx, v0, vz, wx, w0, wz,
    half_a, half_q, opacity, limit, c0, c1, c2, z,
):  # fmt: skip
    """Composite one Gaussian onto LANES pixels of a row."""
    for j in range(u8(LANES)):
        sine, cosine = sines[from_x + j], cosines[from_x + j]
        w = wx * sine + wz * cosine + w0
        inverse = ONE / max(w, AHEAD)
        u = (ux * sine + uz * cosine + u0) * inverse
        v = (vx * sine + vz * cosine + v0) * inverse
        power = half_a * u * u + half_q * v * v
        alpha = min(ALPHA_MAX, opacity * exp_minus(power))
        before = tile[at + j]
        weight = alpha * before if (power <= limit) & (before >= T_MIN) & (w > AHEAD) else ZERO
        tile[at + j] = before - weight
        tile[at + (u8(PLANE) + j)] += weight * c0
        tile[at + (u8(2 * PLANE) + j)] += weight * c1
        tile[at + (u8(3 * PLANE) + j)] += weight * c2
        tile[at + (u8(4 * PLANE) + j)] += weight * z


@sliced(grain=1, fastmath=FAST)
def _composite(
    begin, until, records, start, members, order, tiles_x, height, width, sines, cosines, rings, levels,
    rgb, alpha_out, depth_out, ends,
):  # fmt: skip
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
            gather(records, members, k, last, near, FIELDS)
            for slot in range(last - k):
                y_low, y_high = span(near[slot, 17], near[slot, 18], top, rows)
                x_low, x_high = _columns(near[slot, 19], near[slot, 20], left, columns, width)
                for y in range(y_low, y_high + 1):
                    ring, level = rings[top + y], levels[top + y]
                    x = x_low
                    while x <= x_high:
                        _add_window(
                            tile, u8(y * STRIDE + x), sines, cosines, u8(left + x),
                            near[slot, 0] * ring, near[slot, 1] * level, near[slot, 2] * ring,
                            near[slot, 3] * ring, near[slot, 4] * level, near[slot, 5] * ring,
                            near[slot, 6] * ring, near[slot, 7] * level, near[slot, 8] * ring,
                            near[slot, 9], near[slot, 10], near[slot, 11], near[slot, 12],
                            near[slot, 13], near[slot, 14], near[slot, 15], near[slot, 16],
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
def _backward_window(
    tile, at, sines, cosines, from_x, ux, u0, uz, vx, v0, vz, wx, w0, wz,
    half_a, half_q, opacity, limit, c0, c1, c2, z,
):  # fmt: skip
    """Walk LANES pixels once more and sum the gradients of one Gaussian over them."""
    d0 = d1 = d2 = dz = s = su = suu = sv = suv = svv = spu = spv = ZERO
    for j in range(u8(LANES)):
        sine, cosine = sines[from_x + j], cosines[from_x + j]
        w = wx * sine + wz * cosine + w0
        inverse = ONE / max(w, AHEAD)
        u = (ux * sine + uz * cosine + u0) * inverse
        v = (vx * sine + vz * cosine + v0) * inverse
        power = half_a * u * u + half_q * v * v
        is_seen = (power <= limit) & (w > AHEAD)
        full = opacity * exp_minus(power)
        alpha = min(ALPHA_MAX, full)
        before = tile[at + j]
        alpha = alpha if is_seen & (before >= T_MIN) else ZERO
        weight = alpha * before
        g0, g1 = tile[at + (u8(2 * PLANE) + j)], tile[at + (u8(3 * PLANE) + j)]
        g2, gz = tile[at + (u8(4 * PLANE) + j)], tile[at + (u8(5 * PLANE) + j)]
        light = c0 * g0 + c1 * g1 + c2 * g2 + z * gz
        behind = tile[at + (u8(PLANE) + j)] - weight * light
        tile[at + (u8(PLANE) + j)] = behind
        tile[at + j] = before - weight
        d_alpha = before * light - behind / (ONE - alpha)
        # Offsets of unseen lanes are large but finite, so that 0 times them stays 0.
        d_power = -d_alpha * alpha if is_seen & (full < ALPHA_MAX) else ZERO
        u = u if is_seen else ZERO
        v = v if is_seen else ZERO
        power = power if is_seen else ZERO
        d0 += weight * g0
        d1 += weight * g1
        d2 += weight * g2
        dz += weight * gz
        s += d_power
        su += d_power * u
        suu += d_power * u * u
        sv += d_power * v
        suv += d_power * u * v
        svv += d_power * v * v
        spu += d_power * power * u
        spv += d_power * power * v
    return d0, d1, d2, dz, s, su, suu, sv, suv, svv, spu, spv


@sliced(grain=1, fastmath=FAST)
def _composite_backward(
    begin, until, records, start, members, order, tiles_x, height, width, sines, cosines, rings, levels,
    rgb, alpha_out, depth_out, ends, g_rgb, g_alpha, g_depth, grads,
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
            gather(records, members, k, last, near, FIELDS)
            for slot in range(last - k):
                y_low, y_high = span(near[slot, 17], near[slot, 18], top, rows)
                x_low, x_high = _columns(near[slot, 19], near[slot, 20], left, columns, width)
                d0 = d1 = d2 = dz = s = su = suu = sv = suv = svv = spu = spv = ZERO
                for y in range(y_low, y_high + 1):
                    ring, level = rings[top + y], levels[top + y]
                    x = x_low
                    while x <= x_high:
                        r0, r1, r2, rz, rs, rsu, rsuu, rsv, rsuv, rsvv, rspu, rspv = _backward_window(
                            tile, u8(y * STRIDE + x), sines, cosines, u8(left + x),
                            near[slot, 0] * ring, near[slot, 1] * level, near[slot, 2] * ring,
                            near[slot, 3] * ring, near[slot, 4] * level, near[slot, 5] * ring,
                            near[slot, 6] * ring, near[slot, 7] * level, near[slot, 8] * ring,
                            near[slot, 9], near[slot, 10], near[slot, 11], near[slot, 12],
                            near[slot, 13], near[slot, 14], near[slot, 15], near[slot, 16],
                        )  # fmt: skip
                        d0 += r0
                        d1 += r1
                        d2 += r2
                        dz += rz
                        s += rs
                        su += rsu
                        suu += rsuu
                        sv += rsv
                        suv += rsuv
                        svv += rsvv
                        spu += rspu
                        spv += rspv
                        x += LANES
                row = k + slot
                grads[row, 0] = d0
                grads[row, 1] = d1
                grads[row, 2] = d2
                grads[row, 3] = dz
                grads[row, 4] = s
                grads[row, 5] = su
                grads[row, 6] = suu
                grads[row, 7] = sv
                grads[row, 8] = suv
                grads[row, 9] = svv
                grads[row, 10] = spu
                grads[row, 11] = spv
            k = last
        for k in range(ends[t], start[t + 1]):
            for g in range(GRADS):
                grads[k, g] = ZERO


@sliced(grain=1024, fastmath=FAST)
def _project_backward(
    begin, until, means, quats, scales, opacities, view, height, is_antialiased, visible, records, first, slots, grads,
    g_means, g_quats, g_scales, g_opacities, g_colors, g_views, screen,
):  # fmt: skip
    """Sum each visible Gaussian's gradients over its tiles and carry them back through the projection."""
    focal = f4(height) / f4(math.pi)
    for n in range(begin, until):
        if first[n] == first[n + 1]:  # touched no tile
            g_opacities[n] = ZERO
            for c in range(3):
                g_means[n, c] = g_scales[n, c] = g_colors[n, c] = ZERO
            for c in range(4):
                g_quats[n, c] = ZERO
            if g_views.shape[0]:
                for c in range(12):
                    g_views[n, c] = ZERO
            if screen.shape[0]:
                screen[n] = ZERO
            continue
        d0 = d1 = d2 = dz = s = su = suu = sv = suv = svv = spu = spv = ZERO
        screen_x = screen_y = ZERO
        slope, stretch = records[n, 21], records[n, 10] / records[n, 9]
        for at in range(first[n], first[n + 1]):
            k = slots[at]
            screen_x += abs(grads[k, 5])
            screen_y += abs(slope * grads[k, 5] + stretch * grads[k, 7])
            d0 += grads[k, 0]
            d1 += grads[k, 1]
            d2 += grads[k, 2]
            dz += grads[k, 3]
            s += grads[k, 4]
            su += grads[k, 5]
            suu += grads[k, 6]
            sv += grads[k, 7]
            suv += grads[k, 8]
            svv += grads[k, 9]
            spu += grads[k, 10]
            spv += grads[k, 11]
        i = visible[n]
        g_colors[n, 0], g_colors[n, 1], g_colors[n, 2] = d0, d1, d2
        g_opacities[n] = -s / opacities[i]
        full_a, full_q = TWO * records[n, 9], TWO * records[n, 10]
        if screen.shape[0]:
            screen[n] = full_a * math.sqrt(screen_x * screen_x + screen_y * screen_y)
        g_t1 = -focal * full_a * su - TWO / focal * (spu - slope * spv)
        g_t2 = -focal * (full_a * slope * su + full_q * sv) - TWO / focal * spv
        g_schur = -full_a * full_a * HALF * suu
        g_slope = full_a * suv
        g_a = g_schur
        g_b = TWO * slope * g_schur - full_q * g_slope
        g_c = slope * slope * g_schur - slope * full_q * g_slope - full_q * full_q * HALF * svv

        dx, dy, dz_ = records[n, 6], records[n, 7], records[n, 8]
        e1x, e1y, e1z, e2x, e2y, e2z = _across(dx, dy, dz_)
        qw, qx, qy, qz, inverse_norm, a00, a01, a02, a10, a11, a12, a20, a21, a22 = axes(
            quats, scales, view, i
        )
        s0, s1, s2 = scales[i, 0], scales[i, 1], scales[i, 2]
        nearness = ONE / records[n, 16]
        j = focal * nearness
        e0 = e1x * a00 + e1y * a10 + e1z * a20
        e1 = e1x * a01 + e1y * a11 + e1z * a21
        e2 = e1x * a02 + e1y * a12 + e1z * a22
        h0 = e2x * a00 + e2y * a10 + e2z * a20
        h1 = e2x * a01 + e2y * a11 + e2z * a21
        h2 = e2x * a02 + e2y * a12 + e2z * a22
        p0, p1, p2 = j * e0 * s0, j * e1 * s1, j * e2 * s2
        q0, q1, q2 = j * h0 * s0, j * h1 * s1, j * h2 * s2
        gp0, gp1, gp2, gq0, gq1, gq2 = footprint_backward(
            p0, p1, p2, q0, q1, q2, g_a, g_b, g_c, s, is_antialiased
        )
        g_scales[n, 0] = j * (gp0 * e0 + gq0 * h0)
        g_scales[n, 1] = j * (gp1 * e1 + gq1 * h1)
        g_scales[n, 2] = j * (gp2 * e2 + gq2 * h2)
        g_distance = dz - nearness * (gp0 * p0 + gp1 * p1 + gp2 * p2 + gq0 * q0 + gq1 * q1 + gq2 * q2)
        ge0, ge1, ge2 = gp0 * j * s0, gp1 * j * s1, gp2 * j * s2
        gh0, gh1, gh2 = gq0 * j * s0, gq1 * j * s1, gq2 * j * s2
        t0 = dx * a00 + dy * a10 + dz_ * a20
        t1 = dx * a01 + dy * a11 + dz_ * a21
        t2 = dx * a02 + dy * a12 + dz_ * a22
        g_t1 -= ge0 * t0 + ge1 * t1 + ge2 * t2  # the axes across the view turn towards -d
        g_t2 -= gh0 * t0 + gh1 * t1 + gh2 * t2
        g_t1 *= nearness
        g_t2 *= nearness
        g_x = e1x * g_t1 + e2x * g_t2 + dx * g_distance
        g_y = e1y * g_t1 + e2y * g_t2 + dy * g_distance
        g_z = e1z * g_t1 + e2z * g_t2 + dz_ * g_distance
        g_means[n, 0] = view[0, 0] * g_x + view[1, 0] * g_y + view[2, 0] * g_z
        g_means[n, 1] = view[0, 1] * g_x + view[1, 1] * g_y + view[2, 1] * g_z
        g_means[n, 2] = view[0, 2] * g_x + view[1, 2] * g_y + view[2, 2] * g_z
        x0, x1, x2 = e1x * ge0 + e2x * gh0, e1x * ge1 + e2x * gh1, e1x * ge2 + e2x * gh2
        y0, y1, y2 = e1y * ge0 + e2y * gh0, e1y * ge1 + e2y * gh1, e1y * ge2 + e2y * gh2
        z0, z1, z2 = e1z * ge0 + e2z * gh0, e1z * ge1 + e2z * gh1, e1z * ge2 + e2z * gh2
        gw, gx, gy, gz = rotation_backward(
            view, qw, qx, qy, qz, inverse_norm, x0, x1, x2, y0, y1, y2, z0, z1, z2
        )
        g_quats[n, 0], g_quats[n, 1], g_quats[n, 2], g_quats[n, 3] = gw, gx, gy, gz
        if g_views.shape[0]:
            g_views[n, 0], g_views[n, 1], g_views[n, 2] = g_x, g_y, g_z
            g_views[n, 3] = x0 * a00 + x1 * a01 + x2 * a02
            g_views[n, 4] = x0 * a10 + x1 * a11 + x2 * a12
            g_views[n, 5] = x0 * a20 + x1 * a21 + x2 * a22
            g_views[n, 6] = y0 * a00 + y1 * a01 + y2 * a02
            g_views[n, 7] = y0 * a10 + y1 * a11 + y2 * a12
            g_views[n, 8] = y0 * a20 + y1 * a21 + y2 * a22
            g_views[n, 9] = z0 * a00 + z1 * a01 + z2 * a02
            g_views[n, 10] = z0 * a10 + z1 * a11 + z2 * a12
            g_views[n, 11] = z0 * a20 + z1 * a21 + z2 * a22


@sliced(grain=1, fastmath=FAST)
def _find_medians(
    begin, until, records, start, members, order, ends, tiles_x, height, width, sines, cosines, rings, levels,
    visible, median,
):  # fmt: skip
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
            record = records[n]
            y_low, y_high = span(record[17], record[18], top, rows)
            x_low, x_high = _columns(record[19], record[20], left, columns, width)
            for y in range(y_low, y_high + 1):
                ring, level = rings[top + y], levels[top + y]
                for x in range(x_low, x_high + 1):
                    sine, cosine = ring * sines[left + x], ring * cosines[left + x]
                    w = record[6] * sine + record[7] * level + record[8] * cosine
                    before = clear[y, x]
                    if w <= AHEAD or before <= HALF:
                        continue
                    u = (record[0] * sine + record[1] * level + record[2] * cosine) / w
                    v = (record[3] * sine + record[4] * level + record[5] * cosine) / w
                    power = record[9] * u * u + record[10] * v * v
                    if power <= record[12]:
                        clear[y, x] = before - before * min(ALPHA_MAX, record[11] * exp_minus(power))
                        if clear[y, x] <= HALF:
                            median[top + y, left + x] = visible[n]


def _rays(height: int, width: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Sines and cosines of longitude per column (padded), radius and height of the ring per row."""
    azimuth = ((np.arange(width + STRIDE) + 0.5) / width - 0.5) * math.tau
    polar = (np.arange(height) + 0.5) / height * math.pi
    values = np.sin(azimuth), np.cos(azimuth), np.sin(polar), -np.cos(polar)
    return tuple(v.astype(np.float32) for v in values)  # type: ignore[return-value]


@dataclass(frozen=True)
class EquirectLens:
    """A panorama camera at a pose, with the kernels that draw through it; see `splat_numba.Lens`."""

    view: np.ndarray
    rays: tuple[np.ndarray, ...]
    size_px: tuple[int, int]
    record: ClassVar[int] = RECORD
    moments: ClassVar[int] = GRADS

    @classmethod
    def of(cls, camera: Equirect, view: np.ndarray) -> EquirectLens:
        """Return the lens of a camera whose pose has the rows ``view [3, 4]``."""
        return cls(view, _rays(*camera.size_px), camera.size_px)

    def cull(self, inputs, near, depth_key):
        """Write the depth of what is in view, 0 for the rest."""
        means, _, _, opacities, _ = inputs
        _cull(len(means), means, opacities, self.view, f4(near), depth_key)

    def project(self, inputs, is_antialiased, visible, records, boxes):
        """Fill records and boxes of tiles of what is in view."""
        _project(len(visible), *inputs, self.view, *self.size_px, is_antialiased, visible, records, boxes)

    def composite(self, records, lists, order, rgb, alpha, depth_sum, ends):
        """Draw all tiles."""
        _composite(
            len(order), records, lists.start, lists.members, order, lists.columns, *self.size_px, *self.rays,
            rgb, alpha, depth_sum, ends,
        )  # fmt: skip

    def find_medians(self, state, median):
        """Write the index of each pixel's median Gaussian."""
        _find_medians(
            len(state.order), state.records, state.lists.start, state.lists.members, state.order, state.ends,
            state.lists.columns, *self.size_px, *self.rays, state.visible, median,
        )  # fmt: skip

    def composite_backward(self, state, pictures, grads):
        """Write the gradients of each Gaussian of each tile."""
        _composite_backward(
            len(state.order), state.records, state.lists.start, state.lists.members, state.order,
            state.lists.columns, *self.size_px, *self.rays, state.rgb, state.alpha, state.depth_sum, state.ends,
            *pictures, grads,
        )  # fmt: skip

    def project_backward(self, state, grads, rows, g_views, on_screen):
        """Sum them, and carry them back through the projection."""
        _project_backward(
            len(state.visible), *state.inputs[:4], self.view, self.size_px[0], state.is_antialiased,
            state.visible, state.records, state.lists.first, state.lists.slots, grads, *rows, g_views, on_screen,
        )  # fmt: skip
