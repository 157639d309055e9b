"""The sky, compiled: gradient, clouds, sun, stars. ``env`` is `render.environment_row`."""

# mypy: ignore-errors
from __future__ import annotations

import math

from ..compiled import compiled
from .kernels_noise import clamp, fractal2, lattice, mix, step

__all__ = ["sky", "soft_sky"]


@compiled(inline="always")
def _gradient(env, dx, dy, dz):
    """Clear sky, brighter round the sun."""
    up = clamp(-dy, 0.0, 1.0)
    k = 1.0 - (1.0 - up) ** 3
    towards = clamp(dx * env[0] + dy * env[1] + dz * env[2], 0.0, 1.0)
    glow = 0.16 * towards**6 + 0.3 * towards**40
    return (
        mix(env[9], env[6], k) + glow * env[3],
        mix(env[10], env[7], k) + glow * env[4],
        mix(env[11], env[8], k) + glow * env[5],
        towards,
    )


@compiled(allocates=False)
def soft_sky(env, dx, dy, dz):
    """Light from the sky without its details, for surfaces."""
    r, g, b, _ = _gradient(env, dx, dy, dz)
    share = 0.75 * env[12] * env[12]
    return (
        mix(r, 0.55 * env[3] + 0.25 * env[9], share),
        mix(g, 0.55 * env[4] + 0.25 * env[10], share),
        mix(b, 0.55 * env[5] + 0.25 * env[11], share),
    )


@compiled(inline="always")
def _density(x, z, cover, seed):
    """Thickness of the clouds over a point of their plane."""
    a = fractal2(0.55 * x, 0.55 * z, 3, seed + 9, 0.0)
    field = fractal2(x + 0.9 * a, z - 0.9 * a, 6, seed, 0.0)
    return step(field * 0.75 + a * 0.25, 0.80 - 0.62 * cover, 1.0 - 0.55 * cover)


@compiled(allocates=False)
def sky(env, dx, dy, dz):
    """Light from a direction of the sky."""
    r, g, b, towards = _gradient(env, dx, dy, dz)
    up, seed = clamp(-dy, 0.0, 1.0), 131 * int(env[17])
    veil = 0.0
    if env[12] > 0.0 and up > 0.0:
        scale = 1.6 / (up + 0.1)
        x, z = dx * scale + 5.0, dz * scale
        cloud = _density(x, z, env[12], seed)
        veil = cloud * step(up, 0.0, 0.12) * 0.96
        if veil > 0.0:
            # Light falls through the part towards the sun: denser there is darker here.
            flat = 0.22 / max(0.25, math.sqrt(env[0] * env[0] + env[2] * env[2]))
            inner = _density(x + flat * env[0], z + flat * env[2], env[12], seed)
            lit = clamp(1.0 - 0.55 * inner + 0.25 * (1.0 - cloud), 0.25, 1.1) + 0.5 * towards**8 * (
                1.0 - cloud
            )
            gray = 0.25 + 0.2 * (1.0 - inner)
            r = mix(r, 0.78 * lit * env[3] + gray * env[9], veil)
            g = mix(g, 0.78 * lit * env[4] + gray * env[10], veil)
            b = mix(b, 0.78 * lit * env[5] + gray * env[11], veil)
        if up > 0.05:
            cirrus = fractal2(0.35 * x + 2.0, 1.9 * z + 0.5 * x, 5, seed + 21, 0.0)
            thin = 0.35 * env[12] * step(cirrus, 0.5, 0.8) * step(up, 0.05, 0.3) * (1.0 - veil)
            r, g, b = mix(r, 0.9 * env[3], thin), mix(g, 0.9 * env[4], thin), mix(b, 0.9 * env[5], thin)
    disk = 14.0 * step(towards, math.cos(0.0062), math.cos(0.0045)) + 0.7 * max(0.0, towards) ** 900
    disk *= (1.0 - veil) ** 3
    if env[15] > 0.0:
        i, j, k = math.floor(160.0 * dx), math.floor(160.0 * dy), math.floor(160.0 * dz)
        pick = lattice(int(i), int(j), int(k), seed + 3)
        if pick > 0.992:
            fx, fy, fz = 160.0 * dx - i - 0.5, 160.0 * dy - j - 0.5, 160.0 * dz - k - 0.5
            star = (
                env[15]
                * (1.0 - veil)
                * (pick - 0.992)
                * 90.0
                * max(0.0, 1.0 - 6.0 * (fx * fx + fy * fy + fz * fz))
            )
            r, g, b = r + star, g + star, b + 1.1 * star
    return r + disk * env[3], g + disk * env[4], b + disk * env[5]
