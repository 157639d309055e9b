"""Slow, obvious twins for camera paths: scalars and loops, written from the definitions."""

from __future__ import annotations

import math


def upstream_rail(name: str, frames: int, distance: float) -> list[tuple[list[float], list[list[float]]]]:
    """Upstream's rails by scalar loops: camera center and world-from-camera columns (right, down, forward)."""
    poses = []
    for i in range(frames):
        f = i / (frames - 1)
        if name == "straight":
            center, forward = [0.0, 0.0, distance * f], [0.0, 0.0, 1.0]
        elif name == "s_curve":
            center = [0.15 * math.sin(2 * math.pi * f), 0.0, distance * f]
            slope = 0.15 * (2 * math.pi / distance) * math.cos(2 * math.pi * f)
            forward = [slope / math.sqrt(slope**2 + 1), 0.0, 1 / math.sqrt(slope**2 + 1)]
        else:
            radius, theta = distance / math.sin(math.pi / 6), math.pi / 6 * f
            side = -1 if name == "mirrored" else 1
            center = [side * radius * (1 - math.cos(theta)), 0.0, radius * math.sin(theta)]
            forward = [side * math.sin(theta), 0.0, math.cos(theta)]
        right = [forward[2], 0.0, -forward[0]]  # y cross forward
        poses.append((center, [right, [0.0, 1.0, 0.0], forward]))
    return poses


def point_triangle_distance(p: list[float], a: list[float], b: list[float], c: list[float]) -> float:
    """Distance of a point to a triangle by its Voronoi regions.

    Source: C. Ericson, Real-Time Collision Detection, 2005, section 5.1.5.
    """

    def sub(u: list[float], v: list[float]) -> list[float]:
        return [x - y for x, y in zip(u, v, strict=True)]

    def dot(u: list[float], v: list[float]) -> float:
        return sum(x * y for x, y in zip(u, v, strict=True))

    def away(q: list[float]) -> float:
        return math.dist(p, q)

    ab, ac, ap = sub(b, a), sub(c, a), sub(p, a)
    d1, d2 = dot(ab, ap), dot(ac, ap)
    if d1 <= 0 and d2 <= 0:
        return away(a)
    bp = sub(p, b)
    d3, d4 = dot(ab, bp), dot(ac, bp)
    if d3 >= 0 and d4 <= d3:
        return away(b)
    vc = d1 * d4 - d3 * d2
    if vc <= 0 and d1 >= 0 and d3 <= 0:
        return away([x + d1 / (d1 - d3) * y for x, y in zip(a, ab, strict=True)])
    cp = sub(p, c)
    d5, d6 = dot(ab, cp), dot(ac, cp)
    if d6 >= 0 and d5 <= d6:
        return away(c)
    vb = d5 * d2 - d1 * d6
    if vb <= 0 and d2 >= 0 and d6 <= 0:
        return away([x + d2 / (d2 - d6) * y for x, y in zip(a, ac, strict=True)])
    va = d3 * d6 - d5 * d4
    if va <= 0 and d4 - d3 >= 0 and d5 - d6 >= 0:
        w = (d4 - d3) / ((d4 - d3) + (d5 - d6))
        return away([x + w * (z - x) for x, z in zip(b, c, strict=True)])
    total = va + vb + vc
    v, w = vb / total, vc / total
    return away([x + v * y + w * z for x, y, z in zip(a, ab, ac, strict=True)])


def surface_distance(point: list[float], depth: list[list[float]], sky: list[list[bool]]) -> float:
    """Brute force over every point and triangle of a panorama's surface."""
    height, width = len(depth), len(depth[0])

    def vertex(r: int, c: int) -> list[float]:
        azimuth, polar = 2 * math.pi * ((c + 0.5) / width - 0.5), math.pi * (r + 0.5) / height
        d = depth[r][c]
        return [
            d * math.sin(polar) * math.sin(azimuth),
            -d * math.cos(polar),
            d * math.sin(polar) * math.cos(azimuth),
        ]

    best = math.inf
    for r in range(height):
        for c in range(width):
            if not sky[r][c]:
                best = min(best, math.dist(point, vertex(r, c)))
            if r == height - 1:
                continue
            corners = [(r, c), (r + 1, c), (r, (c + 1) % width), (r + 1, (c + 1) % width)]
            depths = [depth[i][j] for i, j in corners]
            if any(sky[i][j] for i, j in corners) or max(depths) > 1.5 * min(depths):
                continue
            v00, v10, v01, v11 = (vertex(i, j) for i, j in corners)
            best = min(
                best,
                point_triangle_distance(point, v00, v10, v01),
                point_triangle_distance(point, v01, v10, v11),
            )
    return best
