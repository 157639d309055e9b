"""Pinhole pictures by the CPU splat backend; see `splat_numba`."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ..compiled import compiled, sliced
from ..scene.camera import Pinhole
from . import splat_contract as contract
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
    REACH,
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
    i4,
    rotation_backward,
    span,
    u8,
)

__all__ = ["PinholeLens"]

RECORD = 16  # float32 per projected Gaussian: one cache line
GRADS = 10  # per (Gaussian, tile): r, g, b, z, and the moments v, v u, v u^2, v dy, v u dy, v dy^2
FIELDS = 13  # of them used


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


@sliced(grain=1024, fastmath=FAST)
def _project(
    begin, until, means, quats, scales, opacities, colors, view, camera, limits, is_antialiased,
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
        _w, _x, _y, _z, _n, a00, a01, a02, a10, a11, a12, a20, a21, a22 = axes(quats, scales, view, i)
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
        records[n, 7] = colors[i, 0]
        records[n, 8] = colors[i, 1]
        records[n, 9] = colors[i, 2]
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


@compiled(fastmath=FAST, inline="always")
def _add_window(tile, at, u_first, base_power, half_a, opacity, limit, c0, c1, c2, z):
    """Composite one Gaussian onto LANES pixels of a row."""
    for j in range(u8(LANES)):
        u = u_first + f4(i4(j))
        power = base_power + half_a * u * u
        alpha = min(ALPHA_MAX, opacity * exp_minus(power))
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
            gather(records, members, k, last, near, FIELDS)
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
                y_low, y_high = span(my - near[slot, 12], my + near[slot, 12], top, rows)
                x_low, x_high = span(mx - near[slot, 11], mx + near[slot, 11], left, columns)
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
                    center = mx - slope * dy
                    half_width = math.sqrt(max(limit - base_power, ZERO) / half_a)
                    x, x_end = span(center - half_width, center + half_width, left, columns)
                    while x <= x_end:
                        _add_window(
                            tile, u8(y * STRIDE + x), f4(left + x) + HALF - center, base_power,
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
def _backward_window(tile, at, u_first, base_power, half_a, opacity, limit, c0, c1, c2, z):
    """Walk LANES pixels once more and sum the gradients of one Gaussian over them."""
    d0 = d1 = d2 = dz = sum_v = sum_vu = sum_vuu = ZERO
    for j in range(u8(LANES)):
        u = u_first + f4(i4(j))
        power = base_power + half_a * u * u
        full = opacity * exp_minus(power)
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
            gather(records, members, k, last, near, FIELDS)
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
                y_low, y_high = span(my - near[slot, 12], my + near[slot, 12], top, rows)
                x_low, x_high = span(mx - near[slot, 11], mx + near[slot, 11], left, columns)
                is_narrow = x_high - x_low < LANES
                d0 = d1 = d2 = dz = v = vu = vuu = vy = vuy = vyy = ZERO
                for y in range(y_low, y_high + 1):
                    dy = f4(top + y) + HALF - my
                    base_power = half_q * dy * dy
                    center = mx - slope * dy
                    x, x_end = x_low, x_high
                    if not is_narrow:
                        half_width = math.sqrt(max(limit - base_power, ZERO) / half_a)
                        x, x_end = span(center - half_width, center + half_width, left, columns)
                    while x <= x_end:
                        r0, r1, r2, rz, rv, rvu, rvuu = _backward_window(
                            tile, u8(y * STRIDE + x), f4(left + x) + HALF - center, base_power,
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


@sliced(grain=1024, fastmath=FAST)
def _project_backward(
    begin, until, means, quats, scales, opacities, view, camera, limits, is_antialiased,
    visible, records, first, slots, grads,
    g_means, g_quats, g_scales, g_opacities, g_colors, g_views, screen,
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
                g_means[n, c] = g_scales[n, c] = g_colors[n, c] = ZERO
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
        g_colors[n, 0] = d0
        g_colors[n, 1] = d1
        g_colors[n, 2] = d2
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
        qw, qx, qy, qz, inverse_norm, a00, a01, a02, a10, a11, a12, a20, a21, a22 = axes(
            quats, scales, view, i
        )
        s0, s1, s2 = scales[i, 0], scales[i, 1], scales[i, 2]
        jx, jy = fx * inverse_z, fy * inverse_z
        e0, e1, e2 = a00 - tan_x * a20, a01 - tan_x * a21, a02 - tan_x * a22
        h0, h1, h2 = a10 - tan_y * a20, a11 - tan_y * a21, a12 - tan_y * a22
        p0, p1, p2 = jx * e0 * s0, jx * e1 * s1, jx * e2 * s2
        q0, q1, q2 = jy * h0 * s0, jy * h1 * s1, jy * h2 * s2
        gp0, gp1, gp2, gq0, gq1, gq2 = footprint_backward(
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
        gw, gx, gy, gz = rotation_backward(
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
            y_low, y_high = span(my - records[n, 12], my + records[n, 12], top, rows)
            x_low, x_high = span(mx - records[n, 11], mx + records[n, 11], left, columns)
            for y in range(y_low, y_high + 1):
                dy = f4(top + y) + HALF - my
                for x in range(x_low, x_high + 1):
                    before = clear[y, x]
                    u = f4(left + x) + HALF - mx + slope * dy
                    power = half_q * dy * dy + half_a * u * u
                    if before > HALF and power <= limit:
                        clear[y, x] = before - before * min(ALPHA_MAX, opacity * exp_minus(power))
                        if clear[y, x] <= HALF:
                            median[top + y, left + x] = visible[n]


@dataclass(frozen=True)
class PinholeLens:
    """A pinhole camera at a pose, with the kernels that draw through it; see `splat_numba.Lens`."""

    view: np.ndarray
    camera: tuple[np.float32, ...]
    limits: np.ndarray
    size_px: tuple[int, int]
    record: ClassVar[int] = RECORD
    moments: ClassVar[int] = GRADS

    @classmethod
    def of(cls, camera: Pinhole, view: np.ndarray) -> PinholeLens:
        """Return the lens of a camera whose pose has the rows ``view [3, 4]``."""
        (fx, fy), (cx, cy), (height, width) = camera.focal_px, camera.principal_px, camera.size_px
        values = tuple(f4(v) for v in (fx, fy, cx, cy, width, height, contract.MARGIN_PX))
        half = contract.TAN_LIMIT / 2
        limits = (
            (width / 2 - cx - half * width) / fx, (width / 2 - cx + half * width) / fx,
            (height / 2 - cy - half * height) / fy, (height / 2 - cy + half * height) / fy,
        )  # fmt: skip
        return cls(view, values, np.array(limits, dtype=np.float32), camera.size_px)

    def cull(self, inputs, near, depth_key):
        """Write the depth of what is in view, 0 for the rest."""
        means, _, scales, opacities, _ = inputs
        _cull(len(means), means, scales, opacities, self.view, self.camera, f4(near), depth_key)

    def project(self, inputs, is_antialiased, visible, records, boxes):
        """Fill records and boxes of tiles of what is in view."""
        _project(
            len(visible),
            *inputs,
            self.view,
            self.camera,
            self.limits,
            is_antialiased,
            visible,
            records,
            boxes,
        )

    def composite(self, records, lists, order, rgb, alpha, depth_sum, ends):
        """Draw all tiles."""
        _composite(
            len(order), records, lists.start, lists.members, order, lists.columns, *self.size_px,
            rgb, alpha, depth_sum, ends,
        )  # fmt: skip

    def find_medians(self, state, median):
        """Write the index of each pixel's median Gaussian."""
        _find_medians(
            len(state.order), state.records, state.lists.start, state.lists.members, state.order, state.ends,
            state.lists.columns, *self.size_px, state.visible, median,
        )  # fmt: skip

    def composite_backward(self, state, pictures, grads):
        """Write the gradients of each Gaussian of each tile."""
        _composite_backward(
            len(state.order), state.records, state.lists.start, state.lists.members, state.order,
            state.lists.columns, *self.size_px, state.rgb, state.alpha, state.depth_sum, state.ends,
            *pictures, grads,
        )  # fmt: skip

    def project_backward(self, state, grads, rows, g_views, on_screen):
        """Sum them, and carry them back through the projection."""
        _project_backward(
            len(state.visible), *state.inputs[:4], self.view, self.camera, self.limits, state.is_antialiased,
            state.visible, state.records, state.lists.first, state.lists.slots, grads, *rows, g_views, on_screen,
        )  # fmt: skip
