"""Rasterization of splats on the CPU, shared by all cameras: sorting, lists of tiles, footprints and their gradients.

See `splat_numba` for the whole.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from ..compiled import compiled
from . import splat_contract as contract

__all__ = [
    "ALPHA_MAX",
    "ALPHA_MIN",
    "BATCH",
    "FAR",
    "FAST",
    "HALF",
    "HUGE",
    "LANES",
    "LOWPASS",
    "ONE",
    "PLANE",
    "REACH",
    "STRIDE",
    "TILE",
    "TINY",
    "TWO",
    "T_MIN",
    "ZERO",
    "TileLists",
    "axes",
    "exp_minus",
    "f4",
    "footprint_backward",
    "list_tiles",
    "rotation_backward",
    "sort_visible",
    "span",
    "to_camera",
    "u8",
]

# Reassociation and fused multiply-add, but infinities and NaN keep their meaning: masked lanes may overflow.
FAST = {"reassoc", "contract", "arcp", "nsz", "afn"}

f4 = np.float32
u8 = np.uint64

TILE = contract.TILE
LANES = 8
STRIDE = TILE + LANES  # windows may start at the last column and run over; that padding never counts
PLANE = TILE * STRIDE
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
def exp_minus(s):
    """Return exp(-s) for 0 <= s <= ln 255."""
    t = s * EIGHTH
    p = E0 + t * (E1 + t * (E2 + t * (E3 + t * (E4 + t * E5))))
    p = p * p
    p = p * p
    return p * p


@compiled()
def sort_visible(depth_key):
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
def to_camera(view, means, i):
    """A mean in camera space."""
    px, py, pz = means[i, 0], means[i, 1], means[i, 2]
    x = view[0, 0] * px + view[0, 1] * py + view[0, 2] * pz + view[0, 3]
    y = view[1, 0] * px + view[1, 1] * py + view[1, 2] * pz + view[1, 3]
    z = view[2, 0] * px + view[2, 1] * py + view[2, 2] * pz + view[2, 3]
    return x, y, z


@compiled(fastmath=FAST, inline="always")
def axes(quats, view, i):
    """Unit quaternion and inverse length of one Gaussian's, and its axes in camera space, the rows of ``view R``."""
    w, x, y, z = quats[i, 0], quats[i, 1], quats[i, 2], quats[i, 3]
    inverse_norm = ONE / max(math.sqrt(w * w + x * x + y * y + z * z), f4(1e-12))
    w, x, y, z = w * inverse_norm, x * inverse_norm, y * inverse_norm, z * inverse_norm
    r00, r01, r02 = ONE - TWO * (y * y + z * z), TWO * (x * y - w * z), TWO * (x * z + w * y)
    r10, r11, r12 = TWO * (x * y + w * z), ONE - TWO * (x * x + z * z), TWO * (y * z - w * x)
    r20, r21, r22 = TWO * (x * z - w * y), TWO * (y * z + w * x), ONE - TWO * (x * x + y * y)
    return (w, x, y, z, inverse_norm), (
        view[0, 0] * r00 + view[0, 1] * r10 + view[0, 2] * r20,
        view[0, 0] * r01 + view[0, 1] * r11 + view[0, 2] * r21,
        view[0, 0] * r02 + view[0, 1] * r12 + view[0, 2] * r22,
        view[1, 0] * r00 + view[1, 1] * r10 + view[1, 2] * r20,
        view[1, 0] * r01 + view[1, 1] * r11 + view[1, 2] * r21,
        view[1, 0] * r02 + view[1, 1] * r12 + view[1, 2] * r22,
        view[2, 0] * r00 + view[2, 1] * r10 + view[2, 2] * r20,
        view[2, 0] * r01 + view[2, 1] * r11 + view[2, 2] * r21,
        view[2, 0] * r02 + view[2, 1] * r12 + view[2, 2] * r22,
    )


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


class TileLists(NamedTuple):
    """Which Gaussians each tile may show, nearest first.

    Attributes:
        start: ``[tiles + 1]`` where each tile's part of ``members`` begins.
        members: Gaussians, by their place among the visible ones.
        first: ``[V + 1]`` where each Gaussian's part of ``slots`` begins.
        slots: where in ``members`` it stands.
        columns: tiles side by side.
        order: in which threads process tiles, long lists first, so that none is left at the end.
    """

    start: np.ndarray
    members: np.ndarray
    first: np.ndarray
    slots: np.ndarray
    columns: int
    order: np.ndarray


def list_tiles(boxes: np.ndarray, nearest_first: np.ndarray, height: int, width: int) -> TileLists:
    """List the Gaussians of each tile.

    Args:
        boxes: ``[V, 4]`` first and last column and row of tiles of each Gaussian, last included.
        nearest_first: ``[V]`` their order.
        height: rows of the picture, pixels.
        width: columns.

    Raises:
        InvalidInput: when the lists would be too long.
    """
    columns = -(-width // TILE)
    start, members, first, slots = _list_tiles(boxes, nearest_first, columns, -(-height // TILE))
    contract.check_entries(int(first[-1]), height, width)
    order = np.argsort(start[:-1] - start[1:], kind="stable").astype(np.int32)
    return TileLists(start, members, first, slots, columns, order)


@compiled(fastmath=FAST, inline="always")
def span(low, high, origin, size):
    """First and last pixel whose center lies between two image coordinates, clipped to the tile.

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
def footprint_backward(p, q, g_a, g_b, g_c, v, is_antialiased):
    """Gradients of ``a = p.p, b = p.q, c = q.q`` and, when asked, of the anti-aliasing factor to p and q.

    The factor is ``sqrt(D / E)`` with ``D = |p x q|^2``, ``E = D + LOWPASS (a + c) + LOWPASS^2``; the gradient
    to its logarithm is ``-v``.
    """
    p0, p1, p2 = p
    q0, q1, q2 = q
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
    return (
        TWO * g_a * p0 + g_b * q0 + g_sharp * (q1 * m2 - q2 * m1),
        TWO * g_a * p1 + g_b * q1 + g_sharp * (q2 * m0 - q0 * m2),
        TWO * g_a * p2 + g_b * q2 + g_sharp * (q0 * m1 - q1 * m0),
    ), (
        TWO * g_c * q0 + g_b * p0 + g_sharp * (m1 * p2 - m2 * p1),
        TWO * g_c * q1 + g_b * p1 + g_sharp * (m2 * p0 - m0 * p2),
        TWO * g_c * q2 + g_b * p2 + g_sharp * (m0 * p1 - m1 * p0),
    )


@compiled(fastmath=FAST, inline="always")
def rotation_backward(view, quat, g_axes):
    """Carry the gradient of what `axes` returned back to the quaternion."""
    qw, qx, qy, qz, inverse_norm = quat
    e0, e1, e2, h0, h1, h2, b0, b1, b2 = g_axes
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
