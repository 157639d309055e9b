"""The first sketch of the CPU splat backend, kept as the baseline of `speed_splat`.

The method: projection in torch (its gradients by autograd); 16-pixel tiles; Gaussian-outer, pixel-inner
loops clipped to the Gaussian's box; backward back to front, undoing the transmittance by division.
It knows no camera pose, no culling, no depth and no background.
"""

from __future__ import annotations

import math

import numba as nb
import numpy as np
import torch

TS = 16
f4 = nb.float32


@nb.njit(cache=True, parallel=True)
def _count(m, r, W, H, box):
    for i in nb.prange(m.shape[0]):
        x0 = max(0, math.floor(m[i, 0] - r[i, 0]))
        x1 = min(W - 1, math.ceil(m[i, 0] + r[i, 0]))
        y0 = max(0, math.floor(m[i, 1] - r[i, 1]))
        y1 = min(H - 1, math.ceil(m[i, 1] + r[i, 1]))
        if r[i, 0] <= 0:
            x1 = x0 - 1
        box[i, 0] = x0
        box[i, 1] = x1
        box[i, 2] = y0
        box[i, 3] = y1


@nb.njit(cache=True)
def _bin(order, box, tw, th):
    nt = tw * th
    start = np.zeros(nt + 1, np.int64)
    for k in range(order.shape[0]):
        i = order[k]
        if box[i, 1] < box[i, 0] or box[i, 3] < box[i, 2]:
            continue
        for ty in range(box[i, 2] // TS, box[i, 3] // TS + 1):
            for tx in range(box[i, 0] // TS, box[i, 1] // TS + 1):
                start[ty * tw + tx + 1] += 1
    for t in range(nt):
        start[t + 1] += start[t]
    pos = start[:-1].copy()
    ids = np.empty(start[nt], np.int32)
    for k in range(order.shape[0]):
        i = order[k]
        if box[i, 1] < box[i, 0] or box[i, 3] < box[i, 2]:
            continue
        for ty in range(box[i, 2] // TS, box[i, 3] // TS + 1):
            for tx in range(box[i, 0] // TS, box[i, 1] // TS + 1):
                t = ty * tw + tx
                ids[pos[t]] = i
                pos[t] += 1
    return start, ids


@nb.njit(cache=True, parallel=True, fastmath=True)
def _fwd(m, con, op, col, box, start, ids, tw, W, H, out, Tout, last):
    for t in nb.prange(start.shape[0] - 1):
        ty = (t // tw) * TS
        tx = (t % tw) * TS
        T = np.ones((TS, TS), np.float32)
        acc = np.zeros((3, TS, TS), np.float32)
        la = np.full((TS, TS), -1, np.int32)
        ye = min(H, ty + TS)
        xe = min(W, tx + TS)
        alive = (ye - ty) * (xe - tx)
        for k in range(start[t], start[t + 1]):
            i = ids[k]
            mx, my, a, b, c, o = m[i, 0], m[i, 1], con[i, 0], con[i, 1], con[i, 2], op[i]
            c0, c1, c2 = col[i, 0], col[i, 1], col[i, 2]
            xs = max(tx, box[i, 0])
            xq = min(xe - 1, box[i, 1])
            for y in range(max(ty, box[i, 2]), min(ye - 1, box[i, 3]) + 1):
                dy = f4(y) + f4(0.5) - my
                for x in range(xs, xq + 1):
                    Tc = T[y - ty, x - tx]
                    if Tc < f4(1e-4):
                        continue
                    dx = f4(x) + f4(0.5) - mx
                    s = f4(0.5) * (a * dx * dx + c * dy * dy) + b * dx * dy
                    if s < f4(0.0) or s > f4(5.55):
                        continue
                    al = min(f4(0.999), o * math.exp(-s))
                    if al < f4(1.0 / 255.0):
                        continue
                    w = al * Tc
                    acc[0, y - ty, x - tx] += w * c0
                    acc[1, y - ty, x - tx] += w * c1
                    acc[2, y - ty, x - tx] += w * c2
                    Tc *= f4(1.0) - al
                    T[y - ty, x - tx] = Tc
                    la[y - ty, x - tx] = k
                    if Tc < f4(1e-4):
                        alive -= 1
            if alive == 0:
                break
        for y in range(ty, ye):
            for x in range(tx, xe):
                Tout[y, x] = T[y - ty, x - tx]
                last[y, x] = la[y - ty, x - tx]
                for ch in range(3):
                    out[y, x, ch] = acc[ch, y - ty, x - tx]


@nb.njit(cache=True, parallel=True, fastmath=True)
def _bwd(m, con, op, col, box, start, ids, tw, W, H, Tout, last, g, gT, gi):
    for t in nb.prange(start.shape[0] - 1):
        ty = (t // tw) * TS
        tx = (t % tw) * TS
        ye = min(H, ty + TS)
        xe = min(W, tx + TS)
        T = np.empty((TS, TS), np.float32)
        S = np.zeros((3, TS, TS), np.float32)  # color behind
        hi = -1
        for y in range(ty, ye):
            for x in range(tx, xe):
                T[y - ty, x - tx] = Tout[y, x]
                hi = max(hi, last[y, x])
        for k in range(start[t + 1] - 1, start[t] - 1, -1):
            if k > hi:
                for q in range(9):
                    gi[k, q] = 0
                continue
            i = ids[k]
            mx, my, a, b, c, o = m[i, 0], m[i, 1], con[i, 0], con[i, 1], con[i, 2], op[i]
            c0, c1, c2 = col[i, 0], col[i, 1], col[i, 2]
            s0 = s1 = s2 = s3 = s4 = s5 = s6 = s7 = s8 = f4(0)
            xs = max(tx, box[i, 0])
            xq = min(xe - 1, box[i, 1])
            for y in range(max(ty, box[i, 2]), min(ye - 1, box[i, 3]) + 1):
                dy = f4(y) + f4(0.5) - my
                for x in range(xs, xq + 1):
                    if k > last[y, x]:
                        continue
                    dx = f4(x) + f4(0.5) - mx
                    s = f4(0.5) * (a * dx * dx + c * dy * dy) + b * dx * dy
                    if s < f4(0.0) or s > f4(5.55):
                        continue
                    e = math.exp(-s)
                    al = min(f4(0.999), o * e)
                    if al < f4(1.0 / 255.0):
                        continue
                    yy = y - ty
                    xx = x - tx
                    ra = f4(1.0) / (f4(1.0) - al)
                    Tb = T[yy, xx] * ra  # transmittance before this splat
                    g0, g1, g2 = g[y, x, 0], g[y, x, 1], g[y, x, 2]
                    w = al * Tb
                    s0 += w * g0
                    s1 += w * g1
                    s2 += w * g2
                    behind = S[0, yy, xx] * g0 + S[1, yy, xx] * g1 + S[2, yy, xx] * g2
                    da = Tb * (c0 * g0 + c1 * g1 + c2 * g2) - ra * behind - ra * Tout[y, x] * gT[y, x]
                    S[0, yy, xx] += w * c0
                    S[1, yy, xx] += w * c1
                    S[2, yy, xx] += w * c2
                    T[yy, xx] = Tb
                    if o * e < f4(0.999):
                        s3 += da * e
                        ds = -da * o * e
                        s4 += ds * f4(0.5) * dx * dx
                        s5 += ds * dx * dy
                        s6 += ds * f4(0.5) * dy * dy
                        s7 -= ds * (a * dx + b * dy)
                        s8 -= ds * (b * dx + c * dy)
            gi[k, 0] = s0
            gi[k, 1] = s1
            gi[k, 2] = s2
            gi[k, 3] = s3
            gi[k, 4] = s4
            gi[k, 5] = s5
            gi[k, 6] = s6
            gi[k, 7] = s7
            gi[k, 8] = s8


@nb.njit(cache=True)
def _reduce(ids, gi, n):
    G = np.zeros((n, 9), np.float32)
    for k in range(ids.shape[0]):
        i = ids[k]
        for q in range(9):
            G[i, q] += gi[k, q]
    return G


class _Raster(torch.autograd.Function):
    @staticmethod
    def forward(ctx, m, con, o, col, r, z, W, H):
        a = [t.detach().contiguous().numpy() for t in (m, con, o, col)]
        box = np.empty((m.shape[0], 4), np.int32)
        _count(a[0], r.numpy(), W, H, box)
        order = np.argsort(z.numpy(), kind="stable").astype(np.int32)
        tw, th = (W + TS - 1) // TS, (H + TS - 1) // TS
        start, ids = _bin(order, box, tw, th)
        out, T = np.empty((H, W, 3), np.float32), np.empty((H, W), np.float32)
        last = np.empty((H, W), np.int32)
        _fwd(*a, box, start, ids, tw, W, H, out, T, last)
        ctx.saved = a, box, start, ids, tw, T, last, W, H
        return torch.from_numpy(out), torch.from_numpy(T)

    @staticmethod
    def backward(ctx, g, gT):
        a, box, start, ids, tw, T, last, W, H = ctx.saved
        gi = np.empty((ids.shape[0], 9), np.float32)
        _bwd(*a, box, start, ids, tw, W, H, T, last, g.contiguous().numpy(), gT.contiguous().numpy(), gi)
        G = _reduce(ids, gi, a[0].shape[0])
        parts = (G[:, 7:9], G[:, 4:7], G[:, 3], G[:, :3])
        return (*[torch.from_numpy(np.ascontiguousarray(x)) for x in parts], None, None, None, None)


def project(mean, scales, q, o, f, W, H, eps=0.3):
    """Project with the camera at the origin, looking along +z."""
    q = torch.nn.functional.normalize(q, dim=-1)
    w, x, y, z = q.unbind(-1)
    rows = [
        1 - 2 * (y * y + z * z),
        2 * (x * y - w * z),
        2 * (x * z + w * y),
        2 * (x * y + w * z),
        1 - 2 * (x * x + z * z),
        2 * (y * z - w * x),
        2 * (x * z - w * y),
        2 * (y * z + w * x),
        1 - 2 * (x * x + y * y),
    ]
    M = torch.stack(rows, -1).view(-1, 3, 3) * scales[:, None, :]
    X, Y, Z = mean.unbind(-1)
    iz = 1 / Z
    tx, ty = (X * iz).clamp(-1.3, 1.3), (Y * iz).clamp(-1.3, 1.3)
    j0 = f * iz
    r0 = j0[:, None] * M[:, 0] - (j0 * tx)[:, None] * M[:, 2]
    r1 = j0[:, None] * M[:, 1] - (j0 * ty)[:, None] * M[:, 2]
    a, b, c = (r0 * r0).sum(-1) + eps, (r0 * r1).sum(-1), (r1 * r1).sum(-1) + eps
    det = a * c - b * b
    con = torch.stack([c / det, -b / det, a / det], -1)
    m2 = torch.stack([f * X * iz + W / 2, f * Y * iz + H / 2], -1)
    with torch.no_grad():
        k = torch.sqrt(2 * torch.log((o * 255).clamp(min=1.0001))).clamp(max=3.33)
        r = torch.stack([k * a.sqrt(), k * c.sqrt()], -1)
    return m2, con, r, Z.detach()


def render(mean, q, scales, o, col, f, W, H):
    """Return picture and transmittance; everything positive-definite, everything in front."""
    m2, con, r, z = project(mean, scales, q, o, f, W, H)
    return _Raster.apply(m2, con, o, col, r, z, W, H)
