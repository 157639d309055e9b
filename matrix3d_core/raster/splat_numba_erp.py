"""Panoramas by the CPU splat backend, on rays instead of an image plane; see `splat_numba_kernels`.

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
from typing import NamedTuple

import numpy as np

from ..compiled import compiled, variant
from ..scene.camera import Equirect
from . import splat_numba_kernels as kernels
from .splat_numba_tiles import FAST, HALF, HUGE, ONE, STRIDE, TILE, TWO, ZERO, f4, span, u8

__all__ = ["EquirectView"]

# Three vectors, whose products with a ray are its offsets u and v and its length along the Gaussian's direction.
U, V, D = range(kernels.CAMERA_COLUMNS, kernels.CAMERA_COLUMNS + 9, 3)
ROW_LOW, ROW_HIGH, COLUMN, HALF_WIDTH, FIELDS = range(D + 3, D + 8)  # covered pixels
AHEAD = f4(1e-6)  # a ray at a right angle to the Gaussian's direction, or beyond
PI = f4(math.pi)


def _rays(height: int, width: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Sines and cosines of longitude per column (padded), radius and height of the ring per row."""
    azimuth = ((np.arange(width + STRIDE) + 0.5) / width - 0.5) * math.tau
    polar = (np.arange(height) + 0.5) / height * math.pi
    values = np.sin(azimuth), np.cos(azimuth), np.sin(polar), -np.cos(polar)
    return tuple(v.astype(np.float32) for v in values)  # type: ignore[return-value]


class EquirectView(NamedTuple):
    """A panorama camera at a pose, for kernels.

    Attributes:
        pose: ``[3, 4]`` float32 camera from world.
        height: of the picture, pixels.
        width: of the picture.
        sines: ``[W + STRIDE]`` of each column's longitude, padded because windows may run over the border.
        cosines: ``[W + STRIDE]`` of the same.
        rings: ``[H]`` length of each row's unit rays in the x-z plane.
        levels: ``[H]`` their y.
    """

    pose: np.ndarray
    height: int
    width: int
    sines: np.ndarray
    cosines: np.ndarray
    rings: np.ndarray
    levels: np.ndarray

    @property
    def record(self) -> int:
        """Columns of a projected Gaussian."""
        return 24

    @property
    def moments(self) -> int:
        """Columns of a pair's gradients: also g P u and g P v, P the exponent."""
        return kernels.CAMERA_MOMENTS + 2

    @classmethod
    def of(cls, camera: Equirect, pose: np.ndarray) -> EquirectView:
        """Return a camera whose pose has the rows ``pose [3, 4]``."""
        return cls(pose, *camera.size_px, *_rays(*camera.size_px))


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


@variant(kernels.fields, EquirectView)
def _fields(camera):
    return FIELDS


@variant(kernels.locate, EquirectView)
def _locate(camera, x, y, z):
    distance = math.sqrt(x * x + y * y + z * z)
    nearness = ONE / distance
    dx, dy, dz = x * nearness, y * nearness, z * nearness
    return distance, ((dx, dy, dz), _across(dx, dy, dz))


@variant(kernels.locate_again, EquirectView)
def _locate_again(camera, means, i, record):
    dx, dy, dz = record[D], record[D + 1], record[D + 2]
    return (dx, dy, dz), _across(dx, dy, dz)


@variant(kernels.is_in_view, EquirectView)
def _is_in_view(camera, x, y, z, radius):
    return True


@compiled(fastmath=FAST, inline="always")
def _axes_across(across, axes):
    """Axes in the frame of the camera that looks straight at the Gaussian: to the right, and down."""
    a00, a01, a02, a10, a11, a12, a20, a21, a22 = axes
    e1x, e1y, e1z, e2x, e2y, e2z = across
    return (
        (
            e1x * a00 + e1y * a10 + e1z * a20,
            e1x * a01 + e1y * a11 + e1z * a21,
            e1x * a02 + e1y * a12 + e1z * a22,
        ),
        (
            e2x * a00 + e2y * a10 + e2z * a20,
            e2x * a01 + e2y * a11 + e2z * a21,
            e2x * a02 + e2y * a12 + e2z * a22,
        ),
    )


@variant(kernels.footprint, EquirectView)
def _footprint(camera, local, depth, axes, scales):
    _, across = local
    j = f4(camera.height) / PI * (ONE / depth)
    (e0, e1, e2), (h0, h1, h2) = _axes_across(across, axes)
    s0, s1, s2 = scales
    return (j * s0 * e0, j * s1 * e1, j * s2 * e2), (j * s0 * h0, j * s1 * h1, j * s2 * h2)


@variant(kernels.place, EquirectView)
def _place(camera, local, record, slope, limit, a, c):
    height, width = camera.height, camera.width
    focal = f4(height) / PI
    (dx, dy, dz), (e1x, e1y, e1z, e2x, e2y, e2z) = local
    most = TWO * max(limit, ZERO)
    ring, right, down = math.sqrt(dx * dx + dz * dz), math.sqrt(most * a), math.sqrt(most * c)
    row_low, row_high, half_width = _bounds(dy, ring, right, down, focal, f4(height), f4(width))
    # Rounding of angles, in pixels.
    slack = f4(1e-3)
    row_low, row_high, half_width = row_low - slack, row_high + slack, half_width + slack
    column = (math.atan2(dx, dz) / (TWO * PI) + HALF) * width
    record[U] = focal * (e1x + slope * e2x)
    record[U + 1] = focal * (e1y + slope * e2y)
    record[U + 2] = focal * (e1z + slope * e2z)
    record[V], record[V + 1], record[V + 2] = focal * e2x, focal * e2y, focal * e2z
    record[D], record[D + 1], record[D + 2] = dx, dy, dz
    record[ROW_LOW], record[ROW_HIGH] = row_low, row_high
    record[COLUMN], record[HALF_WIDTH] = column, half_width


@variant(kernels.tile_range, EquirectView)
def _tile_range(camera, record, a, c):
    height, width = camera.height, camera.width
    tiles_x, tiles_y = (width + TILE - 1) // TILE, (height + TILE - 1) // TILE
    row_low, row_high = record[ROW_LOW], record[ROW_HIGH]
    column, half_width = record[COLUMN], record[HALF_WIDTH]
    # Written as comparisons that are false for NaN, so that a broken Gaussian is not drawn.
    hit = row_high > ZERO and row_low < height and half_width > ZERO and column >= ZERO
    if not (hit and record[kernels.LIMIT] > ZERO and a < HUGE and c < HUGE):
        return 0, -1, 0, -1
    top, bottom = int(max(row_low, ZERO)) // TILE, min(int(min(row_high, f4(height))) // TILE, tiles_y - 1)
    if half_width >= HALF * width - TILE:
        return 0, tiles_x - 1, top, bottom
    low, high = column - half_width, column + half_width
    if low < ZERO:
        low, high = low + width, high + width
    first, last = min(int(low) // TILE, tiles_x - 1), min(int(high) // TILE, tiles_x - 1)
    if high >= width:
        last = tiles_x + int(high - width) // TILE
    return first, min(last, first + tiles_x - 1), top, bottom


@variant(kernels.extent, EquirectView)
def _extent(camera, record, top, left, rows, columns, width):
    splat = (
        (record[U], record[U + 1], record[U + 2]),
        (record[V], record[V + 1], record[V + 2]),
        (record[D], record[D + 1], record[D + 2]),
        record[kernels.HALF_A],
        record[kernels.HALF_Q],
    )
    y_low, y_high = span(record[ROW_LOW], record[ROW_HIGH], top, rows)
    column, half_width = record[COLUMN], record[HALF_WIDTH]
    if half_width >= HALF * width - TILE:
        return splat, y_low, y_high, 0, columns - 1
    away = (f4(left) + HALF * columns - column) / f4(width)
    column += f4(width) * math.floor(away + HALF)
    x_low, x_high = span(column - half_width, column + half_width, left, columns)
    return splat, y_low, y_high, x_low, x_high


@compiled(fastmath=FAST, inline="always")
def _line(camera, splat, y):
    (ux, uy, uz), (vx, vy, vz), (wx, wy, wz), half_a, half_q = splat
    ring, level = camera.rings[y], camera.levels[y]
    u = ux * ring, uy * level, uz * ring
    v = vx * ring, vy * level, vz * ring
    w = wx * ring, wy * level, wz * ring
    return u, v, w, half_a, half_q


@variant(kernels.narrow_window, EquirectView)
def _narrow_window(camera, splat, x, y):
    return _line(camera, splat, y), u8(x)


@variant(kernels.scanline, EquirectView)
def _scanline(camera, splat, y, left, x_low, x_high, columns):
    return _line(camera, splat, y), x_low, x_high


@variant(kernels.window, EquirectView)
def _window(camera, line, x):
    return line, u8(x)


@variant(kernels.falloff, EquirectView)
def _falloff(camera, window, lane):
    ((ux, u0, uz), (vx, v0, vz), (wx, w0, wz), half_a, half_q), x = window
    sine, cosine = camera.sines[x + lane], camera.cosines[x + lane]
    w = wx * sine + wz * cosine + w0
    inverse = ONE / max(w, AHEAD)
    u = (ux * sine + uz * cosine + u0) * inverse
    v = (vx * sine + vz * cosine + v0) * inverse
    return half_a * u * u + half_q * v * v, u, v, w > AHEAD


@variant(kernels.no_moments, EquirectView)
def _no_moments(camera):
    nothing = (ZERO, ZERO, ZERO, ZERO, ZERO, ZERO, ZERO, ZERO)
    return nothing, nothing, (ZERO, ZERO)


@variant(kernels.add_pixel, EquirectView)
def _add_pixel(camera, moments, g, power, u, v, is_seen):
    s, su, suu, sv, suv, svv, spu, spv = moments
    # Offsets of unseen lanes are large but finite, so that 0 times them stays 0.
    u = u if is_seen else ZERO
    v = v if is_seen else ZERO
    power = power if is_seen else ZERO
    return (
        s + g,
        su + g * u,
        suu + g * u * u,
        sv + g * v,
        suv + g * u * v,
        svv + g * v * v,
        spu + g * power * u,
        spv + g * power * v,
    )


@variant(kernels.add_line, EquirectView)
def _add_line(camera, moments, line, more):
    s, su, suu, sv, suv, svv, spu, spv = moments
    r, ru, ruu, rv, ruv, rvv, rpu, rpv = more
    return s + r, su + ru, suu + ruu, sv + rv, suv + ruv, svv + rvv, spu + rpu, spv + rpv


@variant(kernels.store_moments, EquirectView)
def _store_moments(camera, moments, row):
    row[4], row[5], row[6], row[7], row[8], row[9], row[10], row[11] = moments


@variant(kernels.add_extra, EquirectView)
def _add_extra(camera, moments, row):
    return moments[0] + row[10], moments[1] + row[11]


@variant(kernels.center_backward, EquirectView)
def _center_backward(camera, slope, full_a, full_q, su, sv, extra):
    focal = f4(camera.height) / PI
    spu, spv = extra
    return (
        -focal * full_a * su - TWO / focal * (spu - slope * spv),
        -focal * (full_a * slope * su + full_q * sv) - TWO / focal * spv,
    )


@variant(kernels.projection_backward, EquirectView)
def _projection_backward(camera, local, depth, axes, scales, g_center, g_depth, g_p, g_q):
    g_t1, g_t2 = g_center
    focal = f4(camera.height) / PI
    (dx, dy, dz), (e1x, e1y, e1z, e2x, e2y, e2z) = local
    a00, a01, a02, a10, a11, a12, a20, a21, a22 = axes
    (e0, e1, e2), (h0, h1, h2) = _axes_across(local[1], axes)
    s0, s1, s2 = scales
    gp0, gp1, gp2 = g_p
    gq0, gq1, gq2 = g_q
    nearness = ONE / depth
    j = focal * nearness
    g_scales = j * (gp0 * e0 + gq0 * h0), j * (gp1 * e1 + gq1 * h1), j * (gp2 * e2 + gq2 * h2)
    (p0, p1, p2), (q0, q1, q2) = kernels.footprint(camera, local, depth, axes, scales)
    g_distance = g_depth - nearness * (gp0 * p0 + gp1 * p1 + gp2 * p2 + gq0 * q0 + gq1 * q1 + gq2 * q2)
    ge0, ge1, ge2 = gp0 * j * s0, gp1 * j * s1, gp2 * j * s2
    gh0, gh1, gh2 = gq0 * j * s0, gq1 * j * s1, gq2 * j * s2
    t0 = dx * a00 + dy * a10 + dz * a20
    t1 = dx * a01 + dy * a11 + dz * a21
    t2 = dx * a02 + dy * a12 + dz * a22
    g_t1 -= ge0 * t0 + ge1 * t1 + ge2 * t2  # the axes across the view turn towards -d
    g_t2 -= gh0 * t0 + gh1 * t1 + gh2 * t2
    g_t1 *= nearness
    g_t2 *= nearness
    view = camera.pose
    g_x = e1x * g_t1 + e2x * g_t2 + dx * g_distance
    g_y = e1y * g_t1 + e2y * g_t2 + dy * g_distance
    g_z = e1z * g_t1 + e2z * g_t2 + dz * g_distance
    g_mean = (
        view[1, 0] * g_y + view[0, 0] * g_x + view[2, 0] * g_z,
        view[1, 1] * g_y + view[0, 1] * g_x + view[2, 1] * g_z,
        view[1, 2] * g_y + view[0, 2] * g_x + view[2, 2] * g_z,
    )
    x0, x1, x2 = e1x * ge0 + e2x * gh0, e1x * ge1 + e2x * gh1, e1x * ge2 + e2x * gh2
    y0, y1, y2 = e1y * ge0 + e2y * gh0, e1y * ge1 + e2y * gh1, e1y * ge2 + e2y * gh2
    z0, z1, z2 = e1z * ge0 + e2z * gh0, e1z * ge1 + e2z * gh1, e1z * ge2 + e2z * gh2
    return (g_x, g_y, g_z), g_mean, (x0, x1, x2, y0, y1, y2, z0, z1, z2), g_scales
