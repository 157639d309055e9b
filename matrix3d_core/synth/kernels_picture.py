"""Pictures from gathered light, compiled: smooth light from all around, and the camera's response."""

# mypy: ignore-errors
from __future__ import annotations

import math

import numpy as np

from ..compiled import sliced
from .kernels_noise import clamp

__all__ = ["develop", "smooth_light"]

_INF = math.inf


@sliced(grain=1, allocates=False)
def smooth_light(begin, until, stride, wraps, pixel, point, normal, depth, light, result):
    """One pass of an edge-stopping blur over rows: 5 x 5 pixels, ``stride`` apart.

    Only pixels of the same surface share light: near its plane, with a similar normal.

    Source: H. Dammertz et al., Edge-Avoiding A-Trous Wavelet Transform for fast Global Illumination Filtering, 2010.
    """
    height, width = depth.shape
    for row in range(begin, until):
        for column in range(width):
            t = depth[row, column]
            if t == _INF:
                for j in range(3):
                    result[row, column, j] = light[row, column, j]
                continue
            nx, ny, nz = normal[row, column, 0], normal[row, column, 1], normal[row, column, 2]
            px, py, pz = point[row, column, 0], point[row, column, 1], point[row, column, 2]
            scale = np.float32(1.0 / (0.6 * pixel * t * stride + 1e-6))
            red = green = blue = total = np.float32(0.0)
            for i in range(-2, 3):
                y = row + i * stride
                if y < 0 or y >= height:
                    continue
                for j in range(-2, 3):
                    x = column + j * stride
                    if wraps:
                        x = x % width
                    elif x < 0 or x >= width:
                        continue
                    if depth[y, x] == _INF:
                        continue
                    a = nx * normal[y, x, 0] + ny * normal[y, x, 1] + nz * normal[y, x, 2]
                    if a < np.float32(0.7):
                        continue
                    off = (
                        nx * (point[y, x, 0] - px) + ny * (point[y, x, 1] - py) + nz * (point[y, x, 2] - pz)
                    ) * scale
                    weight = a * a * a * a / (np.float32(1.0) + off * off)
                    weight *= np.float32(3 - abs(i)) * np.float32(3 - abs(j))
                    red += weight * light[y, x, 0]
                    green += weight * light[y, x, 1]
                    blue += weight * light[y, x, 2]
                    total += weight
            result[row, column, 0], result[row, column, 1] = red / total, green / total
            result[row, column, 2] = blue / total


@sliced(grain=256, allocates=False)
def develop(begin, until, exposure, light, rgb):
    """Display color of pixels, from `kernels_light.gather`: all light, exposed, through a tone curve with a shoulder.

    Bright colors lose saturation, as in cameras: a part of each channel goes to the others before the curve.

    Source: K. Narkowicz, ACES Filmic Tone Mapping Curve, 2015.
    """
    for i in range(begin, until):
        r = exposure * (light[i, 0] + light[i, 3] * light[i, 6])
        g = exposure * (light[i, 1] + light[i, 4] * light[i, 7])
        b = exposure * (light[i, 2] + light[i, 5] * light[i, 8])
        gray = (r + g + b) / 3.0
        cross = 0.06 + 0.25 * gray / (gray + 2.5)
        for j in range(3):
            x = 0.62 * ((r if j == 0 else (g if j == 1 else b)) * (1.0 - cross) + gray * cross)
            curved = x * (2.51 * x + 0.03) / (x * (2.43 * x + 0.59) + 0.14)
            rgb[i, j] = np.float32(clamp(curved, 0.0, 1.0)) ** np.float32(1.0 / 2.2)
