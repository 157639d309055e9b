"""Colors from spherical harmonics and their gradients, compiled: `raster.splat.colors_from_sh` for the CPU.

Gaussians without a gradient are skipped on the way back, so what is out of view costs next to nothing.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from ..compiled import compiled, sliced
from ..scene.gaussians import SH_C0

__all__ = ["colors_from_sh"]

f4 = np.float32

C0 = f4(SH_C0)
C1 = f4(math.sqrt(3 / (4 * math.pi)))
C2, C20 = f4(math.sqrt(15 / (4 * math.pi))), f4(math.sqrt(5 / (16 * math.pi)))
C33, C32 = f4(math.sqrt(35 / (32 * math.pi))), f4(math.sqrt(105 / (4 * math.pi)))
C31, C30 = f4(math.sqrt(21 / (32 * math.pi))), f4(math.sqrt(7 / (16 * math.pi)))
HALF, ONE, THREE, FIVE, SIX = f4(0.5), f4(1.0), f4(3.0), f4(5.0), f4(6.0)
TEN, FIFTEEN, ZERO = f4(10.0), f4(15.0), f4(0.0)


@compiled(inline="always")
def _basis(x, y, z, bases, out):
    """Values of the harmonics from degree 1 on."""
    out[1], out[2], out[3] = -C1 * y, C1 * z, -C1 * x
    if bases > 4:
        out[4], out[5], out[6] = C2 * x * y, -C2 * y * z, C20 * (THREE * z * z - ONE)
        out[7], out[8] = -C2 * x * z, HALF * C2 * (x * x - y * y)
    if bases > 9:
        out[9], out[10] = -C33 * y * (THREE * x * x - y * y), C32 * x * y * z
        out[11], out[12] = -C31 * y * (FIVE * z * z - ONE), C30 * z * (FIVE * z * z - THREE)
        out[13], out[14] = -C31 * x * (FIVE * z * z - ONE), HALF * C32 * z * (x * x - y * y)
        out[15] = -C33 * x * (x * x - THREE * y * y)


@compiled(inline="always")
def _basis_backward(x, y, z, bases, g):
    """Gradient of the direction, from that of each harmonic."""
    gx, gy, gz = -C1 * g[3], -C1 * g[1], C1 * g[2]
    if bases > 4:
        gx += C2 * (y * g[4] - z * g[7] + x * g[8])
        gy += C2 * (x * g[4] - z * g[5] - y * g[8])
        gz += SIX * C20 * z * g[6] - C2 * (y * g[5] + x * g[7])
    if bases > 9:
        ring, level = THREE * C33 * (x * x - y * y), C31 * (FIVE * z * z - ONE)
        gx += -SIX * C33 * x * y * g[9] + C32 * (y * g[10] + x * g[14]) * z - level * g[13] - ring * g[15]
        gy += -ring * g[9] + C32 * (x * g[10] - y * g[14]) * z - level * g[11] + SIX * C33 * x * y * g[15]
        gz += C32 * (x * y * g[10] + HALF * (x * x - y * y) * g[14]) - TEN * C31 * z * (y * g[11] + x * g[13])
        gz += C30 * (FIFTEEN * z * z - THREE) * g[12]
    return gx, gy, gz


@compiled(inline="always")
def _direction(means, center, i):
    x, y, z = means[i, 0] - center[0], means[i, 1] - center[1], means[i, 2] - center[2]
    nearness = ONE / max(math.sqrt(x * x + y * y + z * z), f4(1e-12))
    return x * nearness, y * nearness, z * nearness, nearness


@sliced(grain=1024)
def _shade(begin, until, sh, means, center, colors):
    bases = sh.shape[1]
    basis = np.empty(16, np.float32)
    for i in range(begin, until):
        x, y, z, _ = _direction(means, center, i)
        _basis(x, y, z, bases, basis)
        r, g, b = HALF + C0 * sh[i, 0, 0], HALF + C0 * sh[i, 0, 1], HALF + C0 * sh[i, 0, 2]
        for k in range(1, bases):
            r += basis[k] * sh[i, k, 0]
            g += basis[k] * sh[i, k, 1]
            b += basis[k] * sh[i, k, 2]
        colors[i, 0], colors[i, 1], colors[i, 2] = max(r, ZERO), max(g, ZERO), max(b, ZERO)


@sliced(grain=1024)
def _shade_backward(begin, until, sh, means, center, colors, g_colors, g_sh, g_means):
    bases = sh.shape[1]
    basis = np.empty(16, np.float32)
    g_basis = np.empty(16, np.float32)
    for i in range(begin, until):
        r = g_colors[i, 0] if colors[i, 0] > ZERO else ZERO
        g = g_colors[i, 1] if colors[i, 1] > ZERO else ZERO
        b = g_colors[i, 2] if colors[i, 2] > ZERO else ZERO
        if r == ZERO and g == ZERO and b == ZERO:
            continue
        x, y, z, nearness = _direction(means, center, i)
        _basis(x, y, z, bases, basis)
        g_sh[i, 0, 0], g_sh[i, 0, 1], g_sh[i, 0, 2] = C0 * r, C0 * g, C0 * b
        for k in range(1, bases):
            g_sh[i, k, 0] = basis[k] * r
            g_sh[i, k, 1] = basis[k] * g
            g_sh[i, k, 2] = basis[k] * b
            g_basis[k] = sh[i, k, 0] * r + sh[i, k, 1] * g + sh[i, k, 2] * b
        gx, gy, gz = _basis_backward(x, y, z, bases, g_basis)
        along = gx * x + gy * y + gz * z  # a Gaussian further away in the same direction looks the same
        g_means[i, 0] = (gx - along * x) * nearness
        g_means[i, 1] = (gy - along * y) * nearness
        g_means[i, 2] = (gz - along * z) * nearness


class _Shade(torch.autograd.Function):
    @staticmethod
    def forward(ctx, sh, means, center):
        arrays = [t.detach().contiguous().numpy() for t in (sh, means, center)]
        colors = np.empty((len(arrays[0]), 3), np.float32)
        _shade(len(colors), *arrays, colors)
        ctx.arrays = (*arrays, colors)
        return torch.from_numpy(colors)

    @staticmethod
    def backward(ctx, g_colors):
        sh, means, _, _ = ctx.arrays
        g_sh, g_means = np.zeros(sh.shape, np.float32), np.zeros(means.shape, np.float32)
        _shade_backward(len(sh), *ctx.arrays, g_colors.contiguous().numpy(), g_sh, g_means)
        g_center = -g_means.sum(0, dtype=np.float64).astype(np.float32)
        return torch.from_numpy(g_sh), torch.from_numpy(g_means), torch.from_numpy(g_center)


def colors_from_sh(sh: Tensor, means: Tensor, center: Tensor) -> Tensor:  # [N, K, 3] -> [N, 3]
    """Evaluate colors as `raster.splat.colors_from_sh` does; float32 on the CPU, degree 1 to 3."""
    result: Tensor = _Shade.apply(sh.to(torch.float32), means.to(torch.float32), center.to(torch.float32))
    return result
