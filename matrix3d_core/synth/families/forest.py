"""A forest: trunks and loose leaves from near to far, ferns, fallen trunks, stones and a path."""

from __future__ import annotations

import math

import numpy as np

from ..scene import SurfaceClass
from .parts import plants
from .parts.place import Place
from .parts.terrain import Noise, grid_land, hills, rock, tree_ring
from .parts.weather import daylight

__all__ = ["build"]


def _path(z: np.ndarray | float, bend: float, phase: float) -> np.ndarray:
    return np.asarray(bend * np.sin(np.asarray(z) / 17.0 + phase))


def build(p: Place) -> None:
    """Build a forest of broad-leaf trees, firs or both around a path along z."""
    kind = p.pick(("broadleaf", "conifer", "mixed", "birch", "bare"))
    noise, bend, phase, relief = Noise(p.rng), p.u(1, 6), p.u(0, 6), p.u(0.2, 1.6)
    wide = p.u(1.2, 2.6)

    def up(x: np.ndarray, z: np.ndarray) -> np.ndarray:
        d = np.abs(x - _path(z, bend, phase))
        off = np.clip((d - wide * 0.6) / 4.0, 0, 1)
        far = np.clip(np.hypot(x, z) / 90 - 0.4, 0, 1)
        return np.asarray(
            off * (relief * (0.5 + noise(x, z, 14.0)) + 0.08 * noise(x, z, 1.7, 2))
            + 6 * far * (0.3 + noise(x, z, 60, 2))
        )

    floor = p.m.litter() if kind != "conifer" or p.chance(0.4) else p.m.soil((0.33, 0.26, 0.18))
    if p.chance(0.35):
        floor = p.m.grass((0.26, 0.34, 0.14))
    grid_land(p, "forest floor", SurfaceClass.TERRAIN, 110, up, floor, cells=60)
    trail = p.m.soil() if p.chance(0.6) else p.m.gravel()
    z = np.linspace(-45, 45, 61)
    x = _path(z, bend, phase)
    strip = np.concatenate([np.stack([x + s * wide / 2, np.full_like(z, 0.015), z], 1) for s in (-1, 1)])
    k = np.arange(60)
    with p.object("path", SurfaceClass.GROUND):
        p.mesh(
            strip, np.concatenate([np.stack([k, k + 61, k + 62], 1), np.stack([k, k + 62, k + 1], 1)]), trail
        )
    p.walkable(
        [(float(a) - wide / 2, float(b)) for a, b in zip(x, z, strict=True)]
        + [(float(a) + wide / 2, float(b)) for a, b in zip(x[::-1], z[::-1], strict=True)]
    )
    color = p.m.one(
        ((0.28, 0.40, 0.13), (0.36, 0.46, 0.15), (0.62, 0.42, 0.12), (0.55, 0.28, 0.1), (0.22, 0.34, 0.14)),
        0.1,
    )

    def spot(near: float, far: float, clear: float) -> Place:
        while True:
            a, r = p.u(0, math.tau), math.sqrt(p.u(near**2, far**2))
            sx, sz = r * math.sin(a), r * math.cos(a)
            if abs(sx - float(_path(sz, bend, phase))) > wide / 2 + clear:
                return p.at(sx, sz, float(up(np.array(sx), np.array(sz))), yaw=p.u(0, 6.28))

    def tree(q: Place, dense: float) -> None:
        one = p.pick(("broadleaf", "conifer")) if kind == "mixed" else kind
        if one == "conifer":
            plants.conifer(q, p.u(9, 22), dense=dense)
        elif one == "bare":
            plants.dead_tree(q, p.u(7, 15), dense)
        elif one == "birch":
            plants.broadleaf(
                q,
                p.u(8, 15),
                dense=0.7 * dense,
                color=p.m.shade(color, 0.1),
                bark=(0.78, 0.76, 0.72),
                bare=0.4,
            )
        else:
            plants.broadleaf(q, p.u(9, 20), dense=dense, color=p.m.shade(color, 0.1), bare=p.u(0.25, 0.5))

    for _ in range(p.n(14, 21)):
        tree(spot(2.5, 17, 0.8), 1.0)
    for _ in range(p.n(28, 40)):
        tree(spot(15, 36, 0.9), 0.36)
    for _ in range(p.n(60, 90)):
        tree(spot(34, 85, 1.0), 0.16)
    for _ in range(p.n(15, 35)):
        plants.fern(spot(2, 20, 0.4), p.u(0.4, 0.9))
    for _ in range(p.n(4, 14)):
        plants.bush(spot(3, 30, 0.9), p.u(0.4, 1.3))
    for _ in range(p.n(1, 5)):
        plants.log(spot(3, 22, 1.6), p.u(2, 6), p.u(0.12, 0.35))
    stone = p.m.rock()
    for _ in range(p.n(4, 16)):
        with p.object("stone", SurfaceClass.TERRAIN):
            rock(spot(2, 28, 0.7), p.u(0.3, 1.8), stone)
    with p.object("grass", SurfaceClass.FOLIAGE):
        for _ in range(p.n(60, 160)):
            plants.tuft(spot(1.2, 18, 0.1), p.u(0.1, 0.3), p.u(0.12, 0.45), 14)
    for _ in range(p.n(0, 6)):
        with p.object("tree stump", SurfaceClass.OBJECT):
            spot(2, 18, 0.7).cylinder((0, 0), p.u(0.15, 0.35), (-0.1, p.u(0.25, 0.6)), p.m.bark())
    tree_ring(p, 92, 20, 110)
    hills(p, 240, p.u(20, 60), p.m.foliage())
    words = {
        "broadleaf": "of broad-leaf trees",
        "conifer": "of firs",
        "mixed": "of firs and broad-leaf trees",
        "birch": "of birches",
        "bare": "of bare trees",
    }
    p.b.facts.append(f"a path through a forest {words[kind]}")
    daylight(p, evenings=0.25, haze=2.0)
