"""The sky, compiled: gradient, clouds, sun, stars."""

# mypy: ignore-errors
from __future__ import annotations

import math

from ..compiled import compiled
from .kernels_noise import clamp, fractal2, mix, step

__all__ = ["sky"]


@compiled()
def sky(env, dx, dy, dz):
    """Linear light from a direction of the sky; ``env`` as `render.environment_row` gives it."""
    up = clamp(-dy, 0.0, 1.0)
    k = 1.0 - (1.0 - up) ** 3
    r, g, b = mix(env[9], env[6], k), mix(env[10], env[7], k), mix(env[11], env[8], k)
    towards = clamp(dx * env[0] + dy * env[1] + dz * env[2], 0.0, 1.0)
    if env[12] > 0.0 and up > 0.0:
        scale = 1.0 / (up + 0.12)
        field = fractal2(1.1 * dx * scale + 5.0, 1.1 * dz * scale, 5, int(env[17]), 0.0)
        cloud = step(field, 0.78 - 0.5 * env[12], 0.98 - 0.45 * env[12]) * step(up, 0.0, 0.18)
        lit = 0.75 + 0.35 * towards**4
        r = mix(r, 0.8 * (lit * env[3] + 0.3 * env[9]), 0.9 * cloud)
        g = mix(g, 0.8 * (lit * env[4] + 0.3 * env[10]), 0.9 * cloud)
        b = mix(b, 0.8 * (lit * env[5] + 0.3 * env[11]), 0.9 * cloud)
    glow = 0.35 * towards**24 + 1.2 * towards**600 + 12.0 * step(towards, math.cos(0.0065), math.cos(0.0045))
    return r + glow * env[3], g + glow * env[4], b + glow * env[5]
