"""Pinhole pictures by the CPU splat backend; see `splat_numba_kernels`."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from ..compiled import variant
from ..scene.camera import Pinhole
from . import splat_contract as contract
from . import splat_numba_kernels as kernels
from .splat_numba_tiles import HALF, HUGE, LANES, ONE, TILE, TWO, ZERO, f4, span, to_camera

__all__ = ["PinholeView"]

MIDDLE_X, MIDDLE_Y, REACH_X, REACH_Y, FIELDS = range(kernels.CAMERA_COLUMNS, kernels.CAMERA_COLUMNS + 5)
MARGIN = f4(contract.MARGIN_PX)


class PinholeView(NamedTuple):
    """A pinhole camera at a pose, for kernels.

    Attributes:
        pose: ``[3, 4]`` float32 camera from world.
        fx: focal length along rows, pixels.
        fy: along columns.
        cx: principal point, column.
        cy: row.
        height: of the picture, pixels.
        width: of the picture.
        tan_left: least x / z at which the projection is linearized; see `TAN_LIMIT`.
        tan_right: greatest x / z.
        tan_top: least y / z.
        tan_bottom: greatest y / z.
    """

    pose: np.ndarray
    fx: np.float32
    fy: np.float32
    cx: np.float32
    cy: np.float32
    height: np.float32
    width: np.float32
    tan_left: np.float32
    tan_right: np.float32
    tan_top: np.float32
    tan_bottom: np.float32

    @property
    def record(self) -> int:
        """Columns of a projected Gaussian: one cache line."""
        return 16

    @property
    def moments(self) -> int:
        """Columns of a pair's gradients."""
        return kernels.CAMERA_MOMENTS

    @classmethod
    def of(cls, camera: Pinhole, pose: np.ndarray) -> PinholeView:
        """Return a camera whose pose has the rows ``pose [3, 4]``."""
        (fx, fy), (cx, cy), (height, width) = camera.focal_px, camera.principal_px, camera.size_px
        reach_x, reach_y = contract.TAN_LIMIT / 2 * width, contract.TAN_LIMIT / 2 * height
        tan_x = (width / 2 - cx - reach_x) / fx, (width / 2 - cx + reach_x) / fx
        tan_y = (height / 2 - cy - reach_y) / fy, (height / 2 - cy + reach_y) / fy
        return cls(pose, *(f4(v) for v in (fx, fy, cx, cy, height, width, *tan_x, *tan_y)))


@variant(kernels.fields, PinholeView)
def _fields(camera):
    return FIELDS


@variant(kernels.locate, PinholeView)
def _locate(camera, x, y, z):
    inverse_z = ONE / z
    tan_x = min(max(x * inverse_z, camera.tan_left), camera.tan_right)
    tan_y = min(max(y * inverse_z, camera.tan_top), camera.tan_bottom)
    return z, (x, y, inverse_z, tan_x, tan_y)


@variant(kernels.locate_again, PinholeView)
def _locate_again(camera, means, i, record):
    x, y, z = to_camera(camera.pose, means, i)
    _, local = kernels.locate(camera, x, y, z)
    return local


@variant(kernels.is_in_view, PinholeView)
def _is_in_view(camera, x, y, z, radius):
    right, left = (camera.width - camera.cx + MARGIN) / camera.fx, (-camera.cx - MARGIN) / camera.fx
    bottom, top = (camera.height - camera.cy + MARGIN) / camera.fy, (-camera.cy - MARGIN) / camera.fy
    return (
        x - z * right < radius * math.sqrt(ONE + right * right)
        and z * left - x < radius * math.sqrt(ONE + left * left)
        and y - z * bottom < radius * math.sqrt(ONE + bottom * bottom)
        and z * top - y < radius * math.sqrt(ONE + top * top)
    )


@variant(kernels.footprint, PinholeView)
def _footprint(camera, local, depth, axes, scales):
    a00, a01, a02, a10, a11, a12, a20, a21, a22 = axes
    s0, s1, s2 = scales
    _, _, inverse_z, tan_x, tan_y = local
    jx, jy = camera.fx * inverse_z, camera.fy * inverse_z
    return (
        jx * (a00 - tan_x * a20) * s0,
        jx * (a01 - tan_x * a21) * s1,
        jx * (a02 - tan_x * a22) * s2,
    ), (
        jy * (a10 - tan_y * a20) * s0,
        jy * (a11 - tan_y * a21) * s1,
        jy * (a12 - tan_y * a22) * s2,
    )


@variant(kernels.place, PinholeView)
def _place(camera, local, record, slope, limit, a, c):
    x, y, inverse_z, _, _ = local
    record[MIDDLE_X] = camera.fx * x * inverse_z + camera.cx
    record[MIDDLE_Y] = camera.fy * y * inverse_z + camera.cy
    record[REACH_X] = math.sqrt(TWO * max(limit, ZERO) * a)
    record[REACH_Y] = math.sqrt(TWO * max(limit, ZERO) * c)


@variant(kernels.tile_range, PinholeView)
def _tile_range(camera, record, a, c):
    mx, my, reach_x, reach_y = record[MIDDLE_X], record[MIDDLE_Y], record[REACH_X], record[REACH_Y]
    height, width = camera.height, camera.width
    # Written as comparisons that are false for NaN, so a broken Gaussian is not drawn.
    hit = mx + reach_x > ZERO and mx - reach_x < width and my + reach_y > ZERO and my - reach_y < height
    if not (hit and record[kernels.LIMIT] > ZERO and a < HUGE and c < HUGE):
        return 0, -1, 0, -1
    return (
        int(max(mx - reach_x, ZERO)) // TILE,
        min(int(min(mx + reach_x, width)) // TILE, int(math.ceil(width / TILE)) - 1),
        int(max(my - reach_y, ZERO)) // TILE,
        min(int(min(my + reach_y, height)) // TILE, int(math.ceil(height / TILE)) - 1),
    )


@variant(kernels.extent, PinholeView)
def _extent(camera, record, top, left, rows, columns, width):
    mx, my, reach_x, reach_y = record[MIDDLE_X], record[MIDDLE_Y], record[REACH_X], record[REACH_Y]
    y_low, y_high = span(my - reach_y, my + reach_y, top, rows)
    x_low, x_high = span(mx - reach_x, mx + reach_x, left, columns)
    splat = (
        mx,
        my,
        record[kernels.HALF_A],
        record[kernels.HALF_Q],
        record[kernels.SLOPE],
        record[kernels.LIMIT],
    )
    return splat, y_low, y_high, x_low, x_high


@variant(kernels.narrow_window, PinholeView)
def _narrow_window(camera, splat, x, y):
    mx, my, half_a, half_q, slope, _ = splat
    dy = f4(y) + HALF - my
    return f4(x) + HALF - mx + slope * dy, half_q * dy * dy, half_a


@variant(kernels.scanline, PinholeView)
def _scanline(camera, splat, y, left, x_low, x_high, columns):
    mx, my, half_a, half_q, slope, limit = splat
    dy = f4(y) + HALF - my
    base_power, center = half_q * dy * dy, mx - slope * dy
    x, x_end = x_low, x_high
    if x_high - x_low >= LANES:  # what is wider than a window is clipped row by row
        half_width = math.sqrt(max(limit - base_power, ZERO) / half_a)
        x, x_end = span(center - half_width, center + half_width, left, columns)
    return (center, base_power, half_a, dy), x, x_end


@variant(kernels.window, PinholeView)
def _window(camera, line, x):
    center, base_power, half_a, _ = line
    return f4(x) + HALF - center, base_power, half_a


@variant(kernels.falloff, PinholeView)
def _falloff(camera, window, lane):
    u_first, base_power, half_a = window
    u = u_first + f4(np.int32(lane))
    return base_power + half_a * u * u, u, ZERO, True


@variant(kernels.no_moments, PinholeView)
def _no_moments(camera):
    return (ZERO, ZERO, ZERO), (ZERO, ZERO, ZERO, ZERO, ZERO, ZERO), ()


@variant(kernels.add_pixel, PinholeView)
def _add_pixel(camera, moments, g, power, u, v, is_seen):
    s, su, suu = moments
    gu = g * u
    return s + g, su + gu, suu + gu * u


@variant(kernels.add_line, PinholeView)
def _add_line(camera, moments, line, more):
    s, su, suu, sv, suv, svv = moments
    r, ru, ruu = more
    dy = line[3]
    return s + r, su + ru, suu + ruu, sv + r * dy, suv + ru * dy, svv + r * dy * dy


@variant(kernels.store_moments, PinholeView)
def _store_moments(camera, moments, row):
    row[4], row[5], row[6], row[7], row[8], row[9] = moments


@variant(kernels.add_extra, PinholeView)
def _add_extra(camera, moments, row):
    return moments


@variant(kernels.center_backward, PinholeView)
def _center_backward(camera, slope, full_a, full_q, su, sv, extra):
    return -full_a * su, -(full_a * slope * su + full_q * sv)


@variant(kernels.projection_backward, PinholeView)
def _projection_backward(camera, local, depth, axes, scales, g_center, g_depth, g_p, g_q):
    g_mx, g_my = g_center
    x, y, inverse_z, tan_x, tan_y = local
    a00, a01, a02, a10, a11, a12, a20, a21, a22 = axes
    s0, s1, s2 = scales
    gp0, gp1, gp2 = g_p
    gq0, gq1, gq2 = g_q
    fx, fy = camera.fx, camera.fy
    jx, jy = fx * inverse_z, fy * inverse_z
    e0, e1, e2 = a00 - tan_x * a20, a01 - tan_x * a21, a02 - tan_x * a22
    h0, h1, h2 = a10 - tan_y * a20, a11 - tan_y * a21, a12 - tan_y * a22
    g_jx = gp0 * e0 * s0 + gp1 * e1 * s1 + gp2 * e2 * s2
    g_jy = gq0 * h0 * s0 + gq1 * h1 * s1 + gq2 * h2 * s2
    ge0, ge1, ge2 = gp0 * jx * s0, gp1 * jx * s1, gp2 * jx * s2
    gh0, gh1, gh2 = gq0 * jy * s0, gq1 * jy * s1, gq2 * jy * s2
    free_x = camera.tan_left < x * inverse_z < camera.tan_right
    free_y = camera.tan_top < y * inverse_z < camera.tan_bottom
    g_tx = -(ge0 * a20 + ge1 * a21 + ge2 * a22) if free_x else ZERO
    g_ty = -(gh0 * a20 + gh1 * a21 + gh2 * a22) if free_y else ZERO
    g_x = (g_mx * fx + g_tx) * inverse_z
    g_y = (g_my * fy + g_ty) * inverse_z
    g_inverse_z = g_jx * fx + g_jy * fy + (g_mx * fx + g_tx) * x + (g_my * fy + g_ty) * y
    g_z = g_depth - inverse_z * inverse_z * g_inverse_z
    b0, b1, b2 = -tan_x * ge0 - tan_y * gh0, -tan_x * ge1 - tan_y * gh1, -tan_x * ge2 - tan_y * gh2
    g_scales = gp0 * jx * e0 + gq0 * jy * h0, gp1 * jx * e1 + gq1 * jy * h1, gp2 * jx * e2 + gq2 * jy * h2
    view = camera.pose
    g_mean = (
        view[0, 0] * g_x + view[1, 0] * g_y + view[2, 0] * g_z,
        view[0, 1] * g_x + view[1, 1] * g_y + view[2, 1] * g_z,
        view[0, 2] * g_x + view[1, 2] * g_y + view[2, 2] * g_z,
    )
    return (g_x, g_y, g_z), g_mean, (ge0, ge1, ge2, gh0, gh1, gh2, b0, b1, b2), g_scales
