"""Shapes that several parts share: tubes, cushions, lofts, extrusions, walls with openings, roofs and arches."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from ...scene import SurfaceClass
from .place import Place, Point

__all__ = [
    "arch_wall",
    "cushion",
    "extrude",
    "gable_roof",
    "hip_roof",
    "loft",
    "prism",
    "tube",
    "wall",
    "wall_pieces",
]

Opening = tuple[float, float, float, float]  # from, to along the wall; low, high


def _grid_faces(rows: int, columns: int, closed: bool) -> np.ndarray:
    """Triangles of a grid of vertices; `closed` joins the last column to the first."""
    r, c = np.meshgrid(np.arange(rows - 1), np.arange(columns if closed else columns - 1), indexing="ij")
    a, d = r * columns + c, r * columns + (c + 1) % columns
    quads = np.stack([a, d, d + columns, a + columns], -1).reshape(-1, 4)
    return np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]])


def loft(p: Place, sections: np.ndarray, material: int, *, smooth: bool = True, caps: bool = True) -> None:
    """Add a skin over closed loops: ``[S, K, 3]`` sections of K points each, ``(x, up, z)``."""
    s, k = sections.shape[:2]
    vertices, faces = sections.reshape(-1, 3), _grid_faces(s, k, True)
    if not caps:
        p.mesh(vertices, faces, material, smooth=smooth)
        return
    ends = np.stack([sections[0].mean(0), sections[-1].mean(0)])
    fan = np.stack([np.arange(k), (np.arange(k) + 1) % k], 1)
    lids = [
        np.column_stack([fan[:, ::-1], np.full(k, s * k)]),
        np.column_stack([fan + (s - 1) * k, np.full(k, s * k + 1)]),
    ]
    p.mesh(np.concatenate([vertices, ends]), np.concatenate([faces, *lids]), material, smooth=smooth)


def tube(
    p: Place, points: Sequence[Point], radii: float | Sequence[float], material: int, sides: int = 7
) -> None:
    """Add a bent round tube through points."""
    path = np.asarray(points, np.float64)
    r = np.broadcast_to(np.asarray(radii, np.float64), (len(path),))
    tangent = np.gradient(path, axis=0)
    tangent /= np.maximum(np.linalg.norm(tangent, axis=1, keepdims=True), 1e-9)
    side = np.cross(tangent, [0.13, 0.31, 0.94] if abs(tangent[0, 1]) > 0.7 else [0.0, 1.0, 0.0])
    side /= np.maximum(np.linalg.norm(side, axis=1, keepdims=True), 1e-9)
    other = np.cross(tangent, side)
    angle = np.arange(sides) * 2 * math.pi / sides
    ring = side[:, None] * np.cos(angle)[:, None] + other[:, None] * np.sin(angle)[:, None]
    loft(p, path[:, None] + ring * r[:, None, None], material)


def cushion(
    p: Place,
    center: tuple[float, float],
    size: tuple[float, float],
    up: tuple[float, float],
    material: int,
    *,
    power: float = 4.0,
    yaw: float = 0.0,
    tilt: float = 0.0,
) -> None:
    """Add a box with soft edges (a superellipsoid); `tilt` leans its top back, along +z."""
    rows, columns = 9, 16
    lat = np.linspace(-math.pi / 2, math.pi / 2, rows)[:, None]
    lon = np.arange(columns)[None] * 2 * math.pi / columns

    def bent(t: np.ndarray) -> np.ndarray:
        result: np.ndarray = np.sign(t) * np.abs(t) ** (2 / power)
        return result

    x = bent(np.cos(lat)) * bent(np.cos(lon)) * size[0] / 2
    z = bent(np.cos(lat)) * bent(np.sin(lon)) * size[1] / 2
    y = bent(np.sin(lat)) * np.ones_like(lon) * (up[1] - up[0]) / 2
    y, z = y * math.cos(tilt) - z * math.sin(tilt), z * math.cos(tilt) + y * math.sin(tilt)
    v = np.stack([x, y + (up[0] + up[1]) / 2, z], -1).reshape(-1, 3)
    p.at(*center, yaw=yaw).mesh(v, _grid_faces(rows, columns, True), material, smooth=True)


def prism(p: Place, polygon: Sequence[tuple[float, float]], up: tuple[float, float], material: int) -> None:
    """Add a convex footprint, extruded upwards."""
    ring = np.array([[x, 0.0, z] for x, z in polygon])
    low, high = ring + np.array((0, up[0], 0)), ring + np.array((0, up[1], 0))
    loft(p, np.stack([low, high]), material, smooth=False)


def extrude(p: Place, outline: Sequence[tuple[float, float]], x: tuple[float, float], material: int) -> None:
    """Add a side view ``(z, up)``, star-shaped about its mean, extruded along x."""
    ring = np.array([[0.0, up, z] for z, up in outline])
    loft(p, np.stack([ring + np.array((end, 0, 0)) for end in x]), material, smooth=False)


def wall(
    p: Place,
    length: float,
    up: tuple[float, float],
    thickness: float,
    openings: Sequence[Opening],
    material: int,
) -> None:
    """Add a wall along local x from 0, z from 0 to the thickness, as boxes around its openings."""
    edges = sorted({0.0, length, *(o[0] for o in openings), *(o[1] for o in openings)})
    for start, end in pairwise(edges):
        if end - start < 1e-6:
            continue
        middle, low = (start + end) / 2, up[0]
        for hole in sorted((o for o in openings if o[0] < middle < o[1]), key=lambda o: o[2]):
            if hole[2] - low > 1e-6:
                p.span((start, end), (0.0, thickness), (low, hole[2]), material)
            low = hole[3]
        if up[1] - low > 1e-6:
            p.span((start, end), (0.0, thickness), (low, up[1]), material)


def wall_pieces(
    p: Place,
    name: str,
    length: float,
    height: float,
    thickness: float,
    openings: Sequence[Opening],
    material: int,
) -> None:
    """Add a wall as objects of their own between, and above, the openings that reach the floor: its doors."""
    doors = sorted(o for o in openings if o[2] < 0.05)
    start = 0.0
    for end, door in [*((d[0], d) for d in doors), (length, None)]:
        if end - start > 1e-3:
            inside = [(o[0] - start, o[1] - start, o[2], o[3]) for o in openings if start <= o[0] < end]
            with p.object(name, SurfaceClass.WALL):
                wall(p.at(start, 0), end - start, (0, height), thickness, inside, material)
        if door:
            start = door[1]
            if height - door[3] > 1e-3:
                with p.object(name, SurfaceClass.WALL):
                    p.span((door[0], door[1]), (0, thickness), (door[3], height), material)


def gable_roof(
    p: Place,
    x: tuple[float, float],
    z: tuple[float, float],
    eaves: float,
    ridge: float,
    material: int,
    gable: int,
    *,
    overhang: float = 0.4,
    along_x: bool = True,
) -> None:
    """Add a saddle roof with its gable walls; the ridge runs along x, or along z."""
    if not along_x:
        width, depth = x[1] - x[0], z[1] - z[0]
        q = p.at((x[0] + x[1]) / 2, (z[0] + z[1]) / 2, yaw=math.pi / 2)
        gable_roof(
            q,
            (-depth / 2, depth / 2),
            (-width / 2, width / 2),
            eaves,
            ridge,
            material,
            gable,
            overhang=overhang,
        )
        return
    middle, half = (z[0] + z[1]) / 2, (z[1] - z[0]) / 2
    slope = (ridge - eaves) / half
    out, thick = half + overhang, 0.14
    low = ridge - slope * out
    x0, x1 = x[0] - overhang * 0.6, x[1] + overhang * 0.6
    for side in (-1, 1):
        edge = middle + side * out
        ring = np.array(
            [[0, low, edge], [0, ridge, middle], [0, ridge + thick, middle], [0, low + thick, edge]]
        )
        loft(p, np.stack([ring + np.array((x0, 0, 0)), ring + np.array((x1, 0, 0))]), material, smooth=False)
    for end in x:
        v = np.array([[end, eaves, z[0]], [end, eaves, z[1]], [end, ridge - 0.02, middle]])
        p.mesh(v, np.array([[0, 1, 2]]), gable)


def hip_roof(
    p: Place,
    x: tuple[float, float],
    z: tuple[float, float],
    eaves: float,
    ridge: float,
    material: int,
    overhang: float = 0.4,
) -> None:
    """Add a roof that slopes to all four sides."""
    x0, x1, z0, z1 = x[0] - overhang, x[1] + overhang, z[0] - overhang, z[1] + overhang
    inset = min(x1 - x0, z1 - z0) / 2
    xa, xb, za, zb = x0 + inset, x1 - inset, z0 + inset, z1 - inset
    low = [(x0, eaves, z0), (x1, eaves, z0), (x1, eaves, z1), (x0, eaves, z1)]
    high = [(xa, ridge, za), (xb, ridge, za), (xb, ridge, zb), (xa, ridge, zb)]
    sides = [[i, (i + 1) % 4, (i + 1) % 4 + 4, i + 4] for i in range(4)] + [[3, 2, 1, 0]]
    faces = [t for a, b, c, d in sides for t in ((a, b, c), (a, c, d))]
    p.mesh(np.array([*low, *high]), np.array(faces), material)


def arch_wall(
    p: Place, span: float, spring: float, height: float, depth: float, material: int, steps: int = 10
) -> None:
    """Add the wall above a round arch: x from 0 to the span, z from 0 to the depth, open below."""
    angle = np.linspace(math.pi, 0, steps + 1)
    x = span / 2 + span / 2 * np.cos(angle)
    low = spring + span / 2 * np.sin(angle)
    v = [
        np.stack([x, row, np.full_like(x, z)], 1)
        for z in (0.0, depth)
        for row in (low, np.full_like(x, height))
    ]
    k = steps + 1
    front, back = np.arange(steps), np.arange(steps) + 2 * k
    faces = [
        strip
        for a, b in ((front, front + k), (back, back + k), (front, back))
        for strip in (np.stack([a, a + 1, b + 1], 1), np.stack([a, b + 1, b], 1))
    ]
    p.mesh(np.concatenate(v), np.concatenate(faces), material)
