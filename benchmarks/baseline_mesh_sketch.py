"""The first sketch of the CPU mesh backend, kept as the baseline of `speed_mesh`.

The method: edge functions on each pixel's ray in float64; the search range of every face from its
bounding cone; faces sorted serially into bands of eight rows; one parallel loop over bands that colors
as it draws. It knows translation only.
"""

from __future__ import annotations

import math

import numba as nb
import numpy as np

BAND = 8


@nb.njit(parallel=True, fastmath=True, cache=True)
def _bounds(v, f, o, height, width, rows, cols):
    for i in nb.prange(f.shape[0]):
        a0, a1, a2 = v[f[i, 0], 0] - o[0], v[f[i, 0], 1] - o[1], v[f[i, 0], 2] - o[2]
        b0, b1, b2 = v[f[i, 1], 0] - o[0], v[f[i, 1], 1] - o[1], v[f[i, 1], 2] - o[2]
        c0, c1, c2 = v[f[i, 2], 0] - o[0], v[f[i, 2], 1] - o[1], v[f[i, 2], 2] - o[2]
        la = 1.0 / math.sqrt(a0 * a0 + a1 * a1 + a2 * a2 + 1e-20)
        lb = 1.0 / math.sqrt(b0 * b0 + b1 * b1 + b2 * b2 + 1e-20)
        lc = 1.0 / math.sqrt(c0 * c0 + c1 * c1 + c2 * c2 + 1e-20)
        x, y, z = a0 * la + b0 * lb + c0 * lc, a1 * la + b1 * lb + c1 * lc, a2 * la + b2 * lb + c2 * lc
        n = 1.0 / math.sqrt(x * x + y * y + z * z + 1e-20)
        x *= n
        y *= n
        z *= n
        m = min(
            (x * a0 + y * a1 + z * a2) * la,
            min((x * b0 + y * b1 + z * b2) * lb, (x * c0 + y * c1 + z * c2) * lc),
        )
        r = math.acos(min(1.0, max(-1.0, m))) + 1e-5
        lat = math.asin(max(-1.0, min(1.0, -y)))
        rows[i, 0] = max(0, math.ceil((0.5 - (lat + r) / math.pi) * height - 0.5))
        rows[i, 1] = min(height - 1, math.floor((0.5 - (lat - r) / math.pi) * height - 0.5))
        ring = math.cos(lat)
        s = math.sin(min(r, 0.5 * math.pi))
        if r >= 0.5 * math.pi or s >= ring or abs(lat) + r >= 0.5 * math.pi:
            cols[i, 0] = 0
            cols[i, 1] = width - 1
        else:
            side = math.asin(s / ring)
            lon = math.atan2(x, z)
            cols[i, 0] = math.ceil(((lon - side) / (2 * math.pi) + 0.5) * width - 0.5)
            cols[i, 1] = math.floor(((lon + side) / (2 * math.pi) + 0.5) * width - 0.5)
        if cols[i, 1] < cols[i, 0]:
            rows[i, 1] = rows[i, 0] - 1


@nb.njit(cache=True)
def _bin(rows, height):
    bands = (height + BAND - 1) // BAND
    count = np.zeros(bands + 1, np.int64)
    for i in range(rows.shape[0]):
        if rows[i, 1] >= rows[i, 0]:
            for b in range(rows[i, 0] // BAND, rows[i, 1] // BAND + 1):
                count[b + 1] += 1
    for b in range(bands):
        count[b + 1] += count[b]
    position = count.copy()
    out = np.empty(count[bands], np.int32)
    for i in range(rows.shape[0]):
        if rows[i, 1] >= rows[i, 0]:
            for b in range(rows[i, 0] // BAND, rows[i, 1] // BAND + 1):
                out[position[b]] = i
                position[b] += 1
    return count, out


@nb.njit(parallel=True, cache=True)
def _draw(v, f, col, o, sl, cl, sn, cs, rows, cols, start, entries, height, width, depth, tri, rgb):
    for b in nb.prange(start.shape[0] - 1):
        y0 = b * BAND
        y1 = min(height, y0 + BAND)
        for k in range(start[b], start[b + 1]):
            i = entries[k]
            if rows[i, 0] > rows[i, 1]:
                continue
            a0, a1, a2 = v[f[i, 0], 0] - o[0], v[f[i, 0], 1] - o[1], v[f[i, 0], 2] - o[2]
            b0, b1, b2 = v[f[i, 1], 0] - o[0], v[f[i, 1], 1] - o[1], v[f[i, 1], 2] - o[2]
            c0, c1, c2 = v[f[i, 2], 0] - o[0], v[f[i, 2], 1] - o[1], v[f[i, 2], 2] - o[2]
            n00, n01, n02 = b1 * c2 - b2 * c1, b2 * c0 - b0 * c2, b0 * c1 - b1 * c0
            n10, n11, n12 = c1 * a2 - c2 * a1, c2 * a0 - c0 * a2, c0 * a1 - c1 * a0
            n20, n21, n22 = a1 * b2 - a2 * b1, a2 * b0 - a0 * b2, a0 * b1 - a1 * b0
            det = a0 * n00 + a1 * n01 + a2 * n02
            if det == 0:
                continue
            s = 1.0 if det > 0 else -1.0
            size = abs(det)
            for y in range(max(y0, rows[i, 0]), min(y1, rows[i, 1] + 1)):
                dy = -sl[y]
                ring = cl[y]
                e0y, e1y, e2y = n01 * dy, n11 * dy, n21 * dy
                for unwrapped in range(cols[i, 0], cols[i, 1] + 1):
                    x = unwrapped
                    if x < 0:
                        x += width
                    elif x >= width:
                        x -= width
                    dx, dz = ring * sn[x], ring * cs[x]
                    e0 = s * (n00 * dx + e0y + n02 * dz)
                    e1 = s * (n10 * dx + e1y + n12 * dz)
                    e2 = s * (n20 * dx + e2y + n22 * dz)
                    if e0 >= 0 and e1 >= 0 and e2 >= 0:
                        w = e0 + e1 + e2
                        if w > 0:
                            t = size / w
                            if t < depth[y, x]:
                                depth[y, x] = t
                                tri[y, x] = i
                                iw = 1.0 / w
                                e0 *= iw
                                e1 *= iw
                                e2 *= iw
                                for c in range(3):
                                    rgb[y, x, c] = (
                                        e0 * col[f[i, 0], c] + e1 * col[f[i, 1], c] + e2 * col[f[i, 2], c]
                                    )


class SketchMesh:
    """The sketch, opened on a mesh for one frame size."""

    def __init__(self, vertices, faces, colors, height, width):
        self.v, self.f, self.col = vertices, faces, colors
        self.height, self.width = height, width
        self.rows, self.cols = np.empty((len(faces), 2), np.int32), np.empty((len(faces), 2), np.int32)
        lat = (0.5 - (np.arange(height) + 0.5) / height) * np.pi
        lon = ((np.arange(width) + 0.5) / width - 0.5) * 2 * np.pi
        self.trigonometry = (np.sin(lat), np.cos(lat), np.sin(lon), np.cos(lon))

    def render(self, center):
        """Return color, hit and distance seen from ``center``."""
        o, height, width = np.asarray(center, np.float64), self.height, self.width
        _bounds(self.v, self.f, o, height, width, self.rows, self.cols)
        start, entries = _bin(self.rows, height)
        depth = np.full((height, width), np.inf, np.float32)
        tri = np.full((height, width), -1, np.int32)
        rgb = np.zeros((height, width, 3), np.float32)
        _draw(
            self.v,
            self.f,
            self.col,
            o,
            *self.trigonometry,
            self.rows,
            self.cols,
            start,
            entries,
            height,
            width,
            depth,
            tri,
            rgb,
        )
        return rgb, tri >= 0, depth
