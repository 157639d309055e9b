"""Kernels that draw splats on the CPU through any camera, forward and backward; see `splat_numba`.

A camera is a `NamedTuple` whose ``pose [3, 4]`` is camera from world. The functions at the top are what depends on the
kind of camera, with one `variant` for each: how a Gaussian is projected, which tiles and pixels it covers, and the
derivative of both. A projected Gaussian is one record: its first columns are the same for all cameras, from
`CAMERA_COLUMNS` on they are the camera's own.

At each pixel the exponent is ``P = half_a u^2 + half_q v^2`` with offsets u and v. The gradients of a (Gaussian, tile)
pair are those of r, g, b and depth, then moments of ``g = d loss / d P``: g, g u, g u^2, g v, g u v, g v^2, and from
`CAMERA_MOMENTS` on the camera's own.
"""

from __future__ import annotations

import math

import numpy as np

from ..compiled import compiled, sliced
from .splat_numba_tiles import (
    ALPHA_MAX,
    ALPHA_MIN,
    BATCH,
    FAR,
    FAST,
    HALF,
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
    footprint_backward,
    rotation_backward,
    to_camera,
    u8,
)

__all__ = [
    "CAMERA_COLUMNS",
    "CAMERA_MOMENTS",
    "add_extra",
    "add_line",
    "add_pixel",
    "center_backward",
    "composite",
    "composite_backward",
    "cull",
    "extent",
    "falloff",
    "fields",
    "find_medians",
    "footprint",
    "is_in_view",
    "locate",
    "locate_again",
    "narrow_window",
    "no_moments",
    "place",
    "project",
    "project_backward",
    "projection_backward",
    "scanline",
    "store_moments",
    "tile_range",
    "window",
]

HALF_A, HALF_Q, SLOPE, OPACITY, LIMIT, RED, GREEN, BLUE, DEPTH, CAMERA_COLUMNS = range(10)
CAMERA_MOMENTS = 10


def fields(camera):
    """Return how many columns of a record drawing needs."""
    raise NotImplementedError


def locate(camera, x, y, z):
    """Return the depth of a mean in camera space and the camera's own terms of the projection linearized there."""
    raise NotImplementedError


def locate_again(camera, means, i, record):
    """Return the camera's own terms of `locate` in the backward pass."""
    raise NotImplementedError


def is_in_view(camera, x, y, z, radius):
    """Return whether a sphere around a mean in camera space touches the view frustum."""
    raise NotImplementedError


def footprint(camera, local, depth, axes, scales):
    """Return the rows p and q of ``J A S``: Jacobian of the projection in pixels, axes in camera space, scales."""
    raise NotImplementedError


def place(camera, local, record, slope, limit, a, c):
    """Write the camera's columns of a record; ``a`` and ``c`` are the diagonal of the projected covariance."""
    raise NotImplementedError


def tile_range(camera, record, a, c):
    """Return first and last column and row of the tiles that a Gaussian may touch; ``0, -1, 0, -1`` when none."""
    raise NotImplementedError


def extent(camera, record, top, left, rows, columns, width):
    """Return what `scanline` needs of a record, and first and last row and column of a tile that it may touch."""
    raise NotImplementedError


def narrow_window(camera, splat, x, y):
    """Return what `window` does at a pixel, for a Gaussian that is at most one window wide on this tile."""
    raise NotImplementedError


def scanline(camera, splat, y, left, x_low, x_high, columns):
    """Return what `window` and `add_line` need of a row, and its first and last column of the tile."""
    raise NotImplementedError


def window(camera, line, x):
    """Return what `falloff` needs for pixels from column ``x`` of the picture on."""
    raise NotImplementedError


def falloff(camera, window, lane):
    """Return the exponent at a pixel of a window, the offsets u and v, and whether it is in front."""
    raise NotImplementedError


def no_moments(camera):
    """Return zeros for `add_pixel`, `add_line` and `add_extra`."""
    raise NotImplementedError


def add_pixel(camera, moments, g, power, u, v, is_seen):
    """Return the moments of a window with those of one more pixel."""
    raise NotImplementedError


def add_line(camera, moments, line, more):
    """Return the moments of a tile with those of one more window, ``more``."""
    raise NotImplementedError


def store_moments(camera, moments, row):
    """Write moments into a row of gradients."""
    raise NotImplementedError


def add_extra(camera, moments, row):
    """Return the camera's own moments with those of one more row of gradients."""
    raise NotImplementedError


def center_backward(camera, slope, full_a, full_q, su, sv, extra):
    """Return the gradient of where the mean is projected to, in a form of the camera's own, from moments."""
    raise NotImplementedError


def projection_backward(camera, local, depth, axes, scales, g_center, g_depth, g_p, g_q):
    """Carry gradients back through `footprint` and the projected mean.

    Returns:
        Gradients of the mean in camera space (3) and in the world (3), of the axes (9, row by row), of the scales (3).
    """
    raise NotImplementedError


@sliced(grain=1024, fastmath=FAST)
def cull(begin, until, camera, means, scales, opacities, near, depths):
    """Depth of what is in view, 0 for the rest."""
    for i in range(begin, until):
        x, y, z = to_camera(camera.pose, means, i)
        depth, _ = locate(camera, x, y, z)
        radius = REACH * max(scales[i, 0], max(scales[i, 1], scales[i, 2]))
        is_drawn = near < depth < FAR and opacities[i] > ALPHA_MIN and is_in_view(camera, x, y, z, radius)
        depths[i] = depth if is_drawn else ZERO


@sliced(grain=1024, fastmath=FAST)
def project(begin, until, camera, splats, is_antialiased, visible, records, boxes):
    """Fill one record per visible Gaussian and the range of tiles that it may touch."""
    means, quats, scales, opacities, colors = splats
    for n in range(begin, until):
        i = visible[n]
        record = records[n]
        x, y, z = to_camera(camera.pose, means, i)
        depth, local = locate(camera, x, y, z)
        _, rotated = axes(quats, camera.pose, i)
        scale = scales[i, 0], scales[i, 1], scales[i, 2]
        (p0, p1, p2), (q0, q1, q2) = footprint(camera, local, depth, rotated, scale)
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
        slope = -b / c
        place(camera, local, record, slope, limit, a, c)
        record[HALF_A] = max(HALF * c / determinant, TINY)
        record[HALF_Q] = max(HALF / c, TINY)
        record[SLOPE], record[OPACITY], record[LIMIT], record[DEPTH] = slope, opacity, limit, depth
        record[RED], record[GREEN], record[BLUE] = colors[i, 0], colors[i, 1], colors[i, 2]
        boxes[n, 0], boxes[n, 1], boxes[n, 2], boxes[n, 3] = tile_range(camera, record, a, c)


@compiled(fastmath=FAST, inline="always")
def _gather(camera, records, members, k, last, near):
    """Copy the next few records of a tile's list side by side, so that waiting for memory overlaps."""
    for slot in range(last - k):
        record = records[members[k + slot]]
        for f in range(fields(camera)):
            near[slot, f] = record[f]


@compiled(fastmath=FAST, inline="always")
def _add_window(camera, window, tile, at, opacity, limit, c0, c1, c2, depth):
    """Composite one Gaussian onto LANES pixels of a row."""
    for j in range(u8(LANES)):
        power, _, _, is_ahead = falloff(camera, window, j)
        alpha = min(ALPHA_MAX, opacity * exp_minus(power))
        before = tile[at + j]
        weight = alpha * before if (power <= limit) & (before >= T_MIN) & is_ahead else ZERO
        tile[at + j] = before - weight
        tile[at + (u8(PLANE) + j)] += weight * c0
        tile[at + (u8(2 * PLANE) + j)] += weight * c1
        tile[at + (u8(3 * PLANE) + j)] += weight * c2
        tile[at + (u8(4 * PLANE) + j)] += weight * depth


@sliced(grain=1, fastmath=FAST)
def composite(begin, until, camera, records, lists, pictures, ends):
    """Draw tiles, and note where in its list each was opaque."""
    rgb, alpha, depth = pictures
    height, width = alpha.shape
    for p in range(begin, until):
        t = lists.order[p]
        top, left = (t // lists.columns) * TILE, (t % lists.columns) * TILE
        rows, columns = min(TILE, height - top), min(TILE, width - left)
        tile = np.zeros(5 * PLANE, np.float32)  # planes: transmittance, r, g, b, depth
        near = np.empty((BATCH, fields(camera)), np.float32)
        for y in range(rows):
            for x in range(columns):
                tile[y * STRIDE + x] = ONE
        k, stop = lists.start[t], lists.start[t + 1]
        while k < stop:
            last = min(k + BATCH, stop)
            _gather(camera, records, lists.members, k, last, near)
            for slot in range(last - k):
                record = near[slot]
                opacity, limit, z = record[OPACITY], record[LIMIT], record[DEPTH]
                c0, c1, c2 = record[RED], record[GREEN], record[BLUE]
                splat, y_low, y_high, x_low, x_high = extent(camera, record, top, left, rows, columns, width)
                if x_high - x_low < LANES:
                    for y in range(y_low, y_high + 1):
                        pixels, at = (
                            narrow_window(camera, splat, left + x_low, top + y),
                            u8(y * STRIDE + x_low),
                        )
                        _add_window(camera, pixels, tile, at, opacity, limit, c0, c1, c2, z)
                    continue
                for y in range(y_low, y_high + 1):
                    line, x, x_end = scanline(camera, splat, top + y, left, x_low, x_high, columns)
                    while x <= x_end:
                        pixels, at = window(camera, line, left + x), u8(y * STRIDE + x)
                        _add_window(camera, pixels, tile, at, opacity, limit, c0, c1, c2, z)
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
                alpha[top + y, left + x] = ONE - tile[at]
                rgb[top + y, left + x, 0] = tile[PLANE + at]
                rgb[top + y, left + x, 1] = tile[2 * PLANE + at]
                rgb[top + y, left + x, 2] = tile[3 * PLANE + at]
                depth[top + y, left + x] = tile[4 * PLANE + at]


@sliced(grain=1, fastmath=FAST)
def find_medians(begin, until, camera, records, lists, ends, visible, median):
    """Per pixel, the Gaussian at which the transmittance falls to one half; -1 where it never does."""
    height, width = median.shape
    for p in range(begin, until):
        t = lists.order[p]
        top, left = (t // lists.columns) * TILE, (t % lists.columns) * TILE
        rows, columns = min(TILE, height - top), min(TILE, width - left)
        clear = np.ones((TILE, TILE), np.float32)
        median[top : top + rows, left : left + columns] = -1
        for k in range(lists.start[t], ends[t]):
            record = records[lists.members[k]]
            splat, y_low, y_high, x_low, x_high = extent(camera, record, top, left, rows, columns, width)
            for y in range(y_low, y_high + 1):
                line, x_first, x_last = scanline(camera, splat, top + y, left, x_low, x_high, columns)
                for x in range(x_first, x_last + 1):
                    before = clear[y, x]
                    power, _, _, is_ahead = falloff(camera, window(camera, line, left + x), u8(0))
                    if is_ahead and before > HALF and power <= record[LIMIT]:
                        clear[y, x] = before - before * min(ALPHA_MAX, record[OPACITY] * exp_minus(power))
                        if clear[y, x] <= HALF:
                            median[top + y, left + x] = visible[lists.members[k]]


@compiled(fastmath=FAST, inline="always")
def _backward_window(camera, window, tile, at, opacity, limit, c0, c1, c2, depth):
    """Walk LANES pixels once more and sum the gradients of one Gaussian over them."""
    d0 = d1 = d2 = dz = ZERO
    moments, _, _ = no_moments(camera)
    for j in range(u8(LANES)):
        power, u, v, is_ahead = falloff(camera, window, j)
        is_seen = (power <= limit) & is_ahead
        full = opacity * exp_minus(power)
        alpha = min(ALPHA_MAX, full)
        before = tile[at + j]
        alpha = alpha if is_seen & (before >= T_MIN) else ZERO
        weight = alpha * before
        g0, g1 = tile[at + (u8(2 * PLANE) + j)], tile[at + (u8(3 * PLANE) + j)]
        g2, gz = tile[at + (u8(4 * PLANE) + j)], tile[at + (u8(5 * PLANE) + j)]
        light = c0 * g0 + c1 * g1 + c2 * g2 + depth * gz
        behind = tile[at + (u8(PLANE) + j)] - weight * light
        tile[at + (u8(PLANE) + j)] = behind
        tile[at + j] = before - weight
        d_alpha = before * light - behind / (ONE - alpha)
        g = -d_alpha * alpha if is_seen & (full < ALPHA_MAX) else ZERO
        d0 += weight * g0
        d1 += weight * g1
        d2 += weight * g2
        dz += weight * gz
        moments = add_pixel(camera, moments, g, power, u, v, is_seen)
    return d0, d1, d2, dz, moments


@sliced(grain=1, fastmath=FAST)
def composite_backward(begin, until, camera, records, lists, ends, pictures, g_pictures, grads):
    """Write the gradients of each Gaussian of each tile."""
    rgb, alpha, depth = pictures
    g_rgb, g_alpha, g_depth = g_pictures
    height, width = alpha.shape
    for p in range(begin, until):
        t = lists.order[p]
        top, left = (t // lists.columns) * TILE, (t % lists.columns) * TILE
        rows, columns = min(TILE, height - top), min(TILE, width - left)
        # Planes: transmittance; (what is still to come) . gradient; gradients r, g, b, depth.
        tile = np.zeros(6 * PLANE, np.float32)
        near = np.empty((BATCH, fields(camera)), np.float32)
        for y in range(rows):
            for x in range(columns):
                at, row, column = y * STRIDE + x, top + y, left + x
                g0, g1, g2 = g_rgb[row, column, 0], g_rgb[row, column, 1], g_rgb[row, column, 2]
                gz = g_depth[row, column]
                tile[at] = ONE
                # The background is the last thing to come: d(alpha) / d(T_end) = -1.
                tile[PLANE + at] = (
                    rgb[row, column, 0] * g0
                    + rgb[row, column, 1] * g1
                    + rgb[row, column, 2] * g2
                    + depth[row, column] * gz
                    - (ONE - alpha[row, column]) * g_alpha[row, column]
                )
                tile[2 * PLANE + at] = g0
                tile[3 * PLANE + at] = g1
                tile[4 * PLANE + at] = g2
                tile[5 * PLANE + at] = gz
        k, stop = lists.start[t], ends[t]
        while k < stop:
            last = min(k + BATCH, stop)
            _gather(camera, records, lists.members, k, last, near)
            for slot in range(last - k):
                record = near[slot]
                opacity, limit, z = record[OPACITY], record[LIMIT], record[DEPTH]
                c0, c1, c2 = record[RED], record[GREEN], record[BLUE]
                splat, y_low, y_high, x_low, x_high = extent(camera, record, top, left, rows, columns, width)
                d0 = d1 = d2 = dz = ZERO
                _, moments, _ = no_moments(camera)
                for y in range(y_low, y_high + 1):
                    line, x, x_end = scanline(camera, splat, top + y, left, x_low, x_high, columns)
                    while x <= x_end:
                        pixels, at = window(camera, line, left + x), u8(y * STRIDE + x)
                        r0, r1, r2, rz, more = _backward_window(
                            camera, pixels, tile, at, opacity, limit, c0, c1, c2, z
                        )
                        d0 += r0
                        d1 += r1
                        d2 += r2
                        dz += rz
                        moments = add_line(camera, moments, line, more)
                        x += LANES
                row = grads[k + slot]
                row[0], row[1], row[2], row[3] = d0, d1, d2, dz
                store_moments(camera, moments, row)
            k = last
        grads[ends[t] : lists.start[t + 1]] = ZERO


@sliced(grain=1024, fastmath=FAST)
def project_backward(
    begin, until, camera, splats, is_antialiased, visible, records, lists, grads, g_splats, g_views, screen
):
    """Sum each visible Gaussian's gradients over its tiles and carry them back through the projection.

    ``g_views [V, 12]`` (camera-space mean, then ``d axes . axes^T``) and ``screen [V]`` (see `backward`) are
    filled when they have rows.
    """
    means, quats, scales, opacities, _ = splats
    g_means, g_quats, g_scales, g_opacities, g_colors = g_splats
    view, first = camera.pose, lists.first
    for n in range(begin, until):
        if first[n] == first[n + 1]:  # touched no tile
            g_means[n], g_quats[n], g_scales[n], g_opacities[n], g_colors[n] = ZERO, ZERO, ZERO, ZERO, ZERO
            if g_views.shape[0]:
                g_views[n] = ZERO
            if screen.shape[0]:
                screen[n] = ZERO
            continue
        record = records[n]
        d0 = d1 = d2 = dz = s = su = suu = sv = suv = svv = ZERO
        screen_x = screen_y = ZERO
        _, _, extra = no_moments(camera)
        slope, stretch = record[SLOPE], record[HALF_Q] / record[HALF_A]
        for at in range(first[n], first[n + 1]):
            row = grads[lists.slots[at]]
            screen_x += abs(row[5])
            screen_y += abs(slope * row[5] + stretch * row[7])
            d0 += row[0]
            d1 += row[1]
            d2 += row[2]
            dz += row[3]
            s += row[4]
            su += row[5]
            suu += row[6]
            sv += row[7]
            suv += row[8]
            svv += row[9]
            extra = add_extra(camera, extra, row)
        g_colors[n, 0], g_colors[n, 1], g_colors[n, 2] = d0, d1, d2
        i = visible[n]
        g_opacities[n] = -s / opacities[i]  # what anti-aliasing takes away is a factor, so this holds with it
        # power = A/2 u^2 + q/2 v^2, A = 1 / (a - b^2/c), u = dx + k dy, k = -b/c, q = 1/c.
        full_a, full_q = TWO * record[HALF_A], TWO * record[HALF_Q]
        if screen.shape[0]:
            screen[n] = full_a * math.sqrt(screen_x * screen_x + screen_y * screen_y)
        g_center = center_backward(camera, slope, full_a, full_q, su, sv, extra)
        g_schur = -full_a * full_a * HALF * suu
        g_slope = full_a * suv
        g_a = g_schur
        g_b = TWO * slope * g_schur - full_q * g_slope
        g_c = slope * slope * g_schur - slope * full_q * g_slope - full_q * full_q * HALF * svv

        local = locate_again(camera, means, i, record)
        quat, rotated = axes(quats, view, i)
        scale = scales[i, 0], scales[i, 1], scales[i, 2]
        depth = record[DEPTH]
        p, q = footprint(camera, local, depth, rotated, scale)
        g_p, g_q = footprint_backward(p, q, g_a, g_b, g_c, s, is_antialiased)
        (g_x, g_y, g_z), g_mean, g_axes, g_scale = projection_backward(
            camera, local, depth, rotated, scale, g_center, dz, g_p, g_q
        )
        g_scales[n, 0], g_scales[n, 1], g_scales[n, 2] = g_scale
        g_means[n, 0], g_means[n, 1], g_means[n, 2] = g_mean
        # Camera-space axes, then world-space rotation R = view^T axes.
        g_quats[n, 0], g_quats[n, 1], g_quats[n, 2], g_quats[n, 3] = rotation_backward(view, quat, g_axes)
        if g_views.shape[0]:
            a00, a01, a02, a10, a11, a12, a20, a21, a22 = rotated
            e0, e1, e2, h0, h1, h2, b0, b1, b2 = g_axes
            g_views[n, 0], g_views[n, 1], g_views[n, 2] = g_x, g_y, g_z
            g_views[n, 3] = e0 * a00 + e1 * a01 + e2 * a02
            g_views[n, 4] = e0 * a10 + e1 * a11 + e2 * a12
            g_views[n, 5] = e0 * a20 + e1 * a21 + e2 * a22
            g_views[n, 6] = h0 * a00 + h1 * a01 + h2 * a02
            g_views[n, 7] = h0 * a10 + h1 * a11 + h2 * a12
            g_views[n, 8] = h0 * a20 + h1 * a21 + h2 * a22
            g_views[n, 9] = b0 * a00 + b1 * a01 + b2 * a02
            g_views[n, 10] = b0 * a10 + b1 * a11 + b2 * a12
            g_views[n, 11] = b0 * a20 + b1 * a21 + b2 * a22
