"""Rays against shapes from the definition, one ray and one shape at a time: the slow twin of the compiled tracer."""

import itertools
import math

import numpy as np

from matrix3d_core.synth.geometry import Shape

FAR = math.inf


def _patch(origin, ray, corner, u, v, is_triangle):
    """Solve corner + a u + b v = origin + t ray."""
    matrix = np.stack((u, v, -ray), 1)
    if abs(np.linalg.det(matrix)) < 1e-12:
        return FAR
    a, b, t = np.linalg.solve(matrix, origin - corner)
    inside = a >= 0 and b >= 0 and (a + b <= 1 if is_triangle else a <= 1 and b <= 1)
    return t if inside and t > 0 else FAR


def _block(origin, ray, center, axes, half):
    """Nearest of the six faces of a box, for an origin outside of it."""
    if (np.abs(axes @ (origin - center)) < half).all():
        return FAR
    best = FAR
    for k, sign in itertools.product(range(3), (-1, 1)):
        i, j = (k + 1) % 3, (k + 2) % 3
        corner = center + sign * half[k] * axes[k] - half[i] * axes[i] - half[j] * axes[j]
        best = min(best, _patch(origin, ray, corner, 2 * half[i] * axes[i], 2 * half[j] * axes[j], False))
    return best


def _first_root(polynomial, allowed):
    roots = np.roots(polynomial)
    real = sorted(float(root.real) for root in roots if abs(root.imag) < 1e-9)
    return next((t for t in real if t > 0 and allowed(t)), FAR)


def _ellipsoid(origin, ray, row):
    turn = np.array(((row[6], 0, -row[7]), (0, 1, 0), (row[7], 0, row[6])))
    p, q = turn @ (origin - row[:3]) / row[3:6], turn @ ray / row[3:6]
    return FAR if p @ p < 1 else _first_root((q @ q, 2 * p @ q, p @ p - 1), lambda t: True)


def _frustum(origin, ray, row):
    x, z, low, high, top, bottom = row[:6]
    slope = (low - high) / (bottom - top)

    def radius(y):
        return high + slope * (y - top)

    p, q = origin[[0, 2]] - (x, z), ray[[0, 2]]
    r, change = radius(origin[1]), slope * ray[1]
    if top < origin[1] < bottom and p @ p < r * r:
        return FAR
    wall = (q @ q - change**2, 2 * (p @ q - r * change), p @ p - r * r)
    best = _first_root(wall, lambda t: top <= origin[1] + t * ray[1] <= bottom)
    for level, size in ((top, high), (bottom, low)):
        t = (level - origin[1]) / ray[1] if ray[1] else FAR
        if 0 < t < best and np.linalg.norm(p + t * q) <= size:
            best = t
    return best


def distance(origin, ray, kind, row):
    """Distance along a unit ray from outside of a shape to its surface, inf without a hit."""
    if kind in (Shape.TRIANGLE, Shape.QUAD):
        return _patch(origin, ray, row[:3], row[3:6], row[6:9], kind == Shape.TRIANGLE)
    if kind == Shape.BOX:
        c, s = row[9], row[10]
        axes = np.array(((c, 0, -s), (0, 1, 0), (s, 0, c)))
        middle = row[:3] + axes.T @ ((row[3:6] + row[6:9]) / 2)
        return _block(origin, ray, middle, axes, (row[6:9] - row[3:6]) / 2)
    if kind == Shape.BEAM:
        return _block(origin, ray, row[:3], row[3:12].reshape(3, 3), row[12:15])
    return {Shape.ELLIPSOID: _ellipsoid, Shape.CYLINDER: _frustum}[kind](origin, ray, row)
