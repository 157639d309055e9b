"""The sample scene as a membership question, answered point by point: an oracle for its ray tracer."""

from __future__ import annotations

import numpy as np

GROUND_Y, RING_RADIUS, RING_HEIGHT = 1.6, 80.0, 3.4


def is_solid(points: np.ndarray, tables) -> np.ndarray:  # [N, 3] -> [N]
    """Tell whether each point lies inside of something; no ray is ever intersected here."""
    x, y, z = points.T
    radius = np.sqrt(x**2 + z**2)
    inside = (y >= GROUND_Y) & (radius <= RING_RADIUS)
    inside |= (radius >= RING_RADIUS) & (y >= GROUND_Y - RING_HEIGHT)
    for x0, y0, z0, x1, y1, z1, _ in tables.boxes:
        inside |= _in_box(x, y, z, x0, y0, z0, x1, y1, z1)
    for cx, cy, cz, rx, ry, rz, _ in tables.ellipsoids:
        inside |= ((x - cx) / rx) ** 2 + ((y - cy) / ry) ** 2 + ((z - cz) / rz) ** 2 <= 1
    for cx, cz, r, top, bottom, *_ in tables.cylinders:
        inside |= ((x - cx) ** 2 + (z - cz) ** 2 <= r * r) & (top <= y) & (y <= bottom)
    for *box, _, first, end in tables.solids:
        wall = _in_box(x, y, z, *box)
        for kind, *numbers, _ in tables.cuts[int(first) : int(end)]:
            if kind == 0:
                wall &= ~_in_box(x, y, z, *numbers)
            else:
                across, along = (z, x) if kind == 1 else (x, z)
                center, up, r, low, high, _ = numbers
                hole = (across - center) ** 2 + (y - up) ** 2 <= r * r
                wall &= ~(hole & (low <= along) & (along <= high))
        inside |= wall
    return inside


def _in_box(x, y, z, x0, y0, z0, x1, y1, z1):
    return (x0 <= x) & (x <= x1) & (y0 <= y) & (y <= y1) & (z0 <= z) & (z <= z1)
