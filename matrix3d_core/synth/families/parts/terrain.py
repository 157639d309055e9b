"""Land: noise, heightfields, rocks and the far backdrop of hills, woods and towns."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from ...scene import SurfaceClass
from .place import Place
from .shapes import loft

__all__ = ["Noise", "backdrop", "grid_land", "hills", "rock", "skyline"]


class Noise:
    """Smooth noise over the plane, from the scene's random numbers.

    Args:
        rng: random numbers.
    """

    def __init__(self, rng: np.random.Generator) -> None:
        self._table = rng.uniform(-1, 1, (256, 256))

    def __call__(self, x: np.ndarray, z: np.ndarray, size: float, octaves: int = 4) -> np.ndarray:
        """Return values about -1..1 for points in meters; features are about as large as `size`."""
        total, weight = np.zeros(np.broadcast(x, z).shape), 1.0
        for k in range(octaves):
            total += weight * self._one(x / size * 2**k + 37.2 * k, z / size * 2**k + 11.7 * k)
            weight *= 0.48
        return total / 1.5

    def _one(self, x: np.ndarray, z: np.ndarray) -> np.ndarray:
        i, j = np.floor(x).astype(int), np.floor(z).astype(int)
        u, v = x - i, z - j
        u, v = u * u * (3 - 2 * u), v * v * (3 - 2 * v)
        t = self._table
        a, b = t[i % 256, j % 256], t[(i + 1) % 256, j % 256]
        c, d = t[i % 256, (j + 1) % 256], t[(i + 1) % 256, (j + 1) % 256]
        result: np.ndarray = a + (b - a) * u + (c - a) * v + (a - b - c + d) * u * v
        return result


def grid_land(
    p: Place,
    name: str,
    surface_class: SurfaceClass,
    reach: float,
    up: Callable[[np.ndarray, np.ndarray], np.ndarray],
    material: int,
    *,
    cells: int = 64,
    warp: float = 2.2,
) -> None:
    """Add a heightfield over a square of twice the reach, finer towards its middle.

    Args:
        up: heights of points ``(x, z)``, meters.
        warp: power of the spacing: 1 is even.
    """
    t = np.linspace(-1, 1, cells + 1)
    axis = np.sign(t) * np.abs(t) ** warp * reach
    x, z = np.meshgrid(axis, axis)
    with p.object(name, surface_class):
        p.b.heightfield(axis + p.x, axis + p.z, up(x, z) + p.up, material)


def rock(p: Place, size: float, material: int, flat: float = 0.7) -> None:
    """Add a rock of about this diameter; part of the object that is open."""
    rows, columns = 7, 11
    lat = np.linspace(-math.pi / 2, math.pi / 2, rows)[:, None]
    lon = np.arange(columns)[None] * math.tau / columns
    r = size / 2 * (1 + 0.28 * p.rng.normal(0, 1, (rows, columns)).clip(-1.5, 1.5))
    r[0], r[-1] = r[0].mean(), r[-1].mean()
    stretch = p.u(0.7, 1.4)
    x, z = r * np.cos(lat) * np.cos(lon) * stretch, r * np.cos(lat) * np.sin(lon)
    up = r * np.sin(lat) * flat + size * 0.18
    loft(p, np.stack([x, up, z], -1), material, smooth=size < 1.0, caps=False)


def hills(
    p: Place,
    distance: float,
    height: float,
    material: int,
    *,
    rough: float = 0.6,
    steps: int = 72,
    name: str = "hills",
) -> None:
    """Add a ring of hills or mountains around the frame, from its base up."""
    noise = Noise(p.rng)
    a = np.arange(steps) * math.tau / steps
    sections = []
    for t, h in ((0.0, -0.05), (0.25, 0.35), (0.5, 0.75), (0.8, 1.0), (1.2, 0.6)):
        r = distance * (1 + t * height / distance * 1.1)
        crest = height * (0.55 + 0.45 * noise(np.cos(a) * 10, np.sin(a) * 10, 4.0, 5) * rough / 0.6)
        wave = 1 + 0.12 * noise(np.cos(a) * 20 + t * 9, np.sin(a) * 20, 3.0)
        sections.append(
            np.stack(
                [
                    r * wave * np.cos(a),
                    np.maximum(crest * h, -1.0)
                    * (1 + 0.2 * noise(np.cos(a) * 30, np.sin(a) * 30 + t * 5, 2.0)),
                    r * wave * np.sin(a),
                ],
                1,
            )
        )
    with p.object(name, SurfaceClass.TERRAIN):
        loft(p, np.stack(sections), material, smooth=True, caps=False)


def skyline(p: Place, distance: float, count: int, low: float = 7.0, high: float = 22.0) -> None:
    """Add a ring of far houses and towers."""
    for k in range(count):
        a, r = (k + p.u(0, 0.8)) * math.tau / count, distance * p.u(0.85, 1.4)
        q = p.at(r * math.sin(a), r * math.cos(a), yaw=a + p.u(-0.2, 0.2))
        w, h = p.u(8, 22), p.u(low, high) if p.chance(0.85) else p.u(high, 2.5 * high)
        with p.object("far house", SurfaceClass.WALL):
            q.box((0, 0), (w, 12), (-1, h), p.m.plaster() if p.chance(0.6) else p.m.brick())
            glass, n = p.m.glass(), int(w / 2.6)
            for floor in range(int((h - 1) / 3.1)):
                up = 1.0 + 3.1 * floor
                if r < 160:
                    for c in range(n):
                        q.box(((c + 0.5) * w / n - w / 2, 0), (1.2, 12.1), (up, up + 1.5), glass)
                else:
                    q.box((0, 0), (w * 0.9, 12.1), (up, up + 1.3), glass)
            if p.chance(0.6):
                from .shapes import gable_roof

                gable_roof(q, (-w / 2, w / 2), (-6, 6), h, h + p.u(3, 5), p.m.roof(), p.m.plaster())


def tree_ring(p: Place, distance: float, height: float, count: int) -> None:
    """Add a far wood as round bodies of foliage."""
    shades = [p.m.foliage() for _ in range(4)]
    for k in range(count):
        a, r, h = (k + p.u(0, 1)) * math.tau / count, distance * p.u(0.85, 1.3), height * p.u(0.6, 1.2)
        x, z = r * math.sin(a), r * math.cos(a)
        with p.object("far trees", SurfaceClass.FOLIAGE):
            p.ellipsoid((x, h * 0.5, z), (h * p.u(0.4, 0.7), h * 0.55, h * p.u(0.4, 0.7)), p.pick(shades))


def backdrop(p: Place, distance: float = 120.0, ground: int | None = None) -> None:
    """Add the ground to the horizon, and woods, houses or hills there."""
    with p.object("land", SurfaceClass.TERRAIN):
        q = p.m.grass() if ground is None else ground
        for r0, r1 in ((-0.06, 700.0),):
            p.box((0, 0), (2 * r1, 2 * r1), (r0 - 0.5, r0), q)
    kind = p.n(0, 3)
    if kind in (0, 3):
        skyline(p, distance, p.n(24, 40))
    if kind in (1, 3):
        tree_ring(p, distance * 1.1, p.u(8, 14), 60)
    if kind in (1, 2):
        hills(p, distance * p.u(2.0, 3.5), p.u(25, 90), p.m.foliage() if p.chance(0.6) else p.m.grass())
