"""An orchard: rows of fruit trees with loose leaves, wire and picket fences, sheds and crates; for judging only."""

from __future__ import annotations

import math

import numpy as np

from ..scene import SurfaceClass
from .parts import plants, props, vehicles, yards
from .parts.house import Style, house
from .parts.palette import Color
from .parts.place import Place
from .parts.shapes import cushion, tube
from .parts.terrain import Noise, grid_land, hills, tree_ring
from .parts.weather import daylight

__all__ = ["build"]

CROPS: dict[str, tuple[Color, Color]] = {  # leaves, fruit
    "apple": ((0.33, 0.45, 0.19), (0.72, 0.16, 0.12)),
    "pear": ((0.40, 0.48, 0.22), (0.72, 0.70, 0.26)),
    "orange": ((0.16, 0.33, 0.14), (0.90, 0.50, 0.08)),
    "cherry in autumn": ((0.66, 0.34, 0.10), (0.40, 0.06, 0.10)),
    "plum in bloom": ((0.88, 0.78, 0.82), (0.90, 0.84, 0.86)),
}


def _fruit_tree(p: Place, leaves: Color, fruit: Color, height: float, detail: float) -> None:
    """Add a low tree: a short trunk, a vase of branches, separate leaves and fruit."""
    bark, leaf, ball = p.m.bark((0.40, 0.35, 0.30)), p.m.leaf(leaves), p.m.paint(p.m.shade(fruit))
    fork = p.u(0.7, 1.1)
    with p.object("fruit tree", SurfaceClass.FOLIAGE):
        tube(p, ((0, -0.05, 0), (p.u(-0.05, 0.05), fork / 2, 0), (0, fork, 0)), (0.13, 0.1, 0.09), bark, 8)
    with p.object("tree crown", SurfaceClass.FOLIAGE):
        for k in range(p.n(5, 7)):
            a, reach = k * math.tau / 6 + p.u(-0.3, 0.3), height * p.u(0.28, 0.42)
            tip = (reach * math.cos(a), height * p.u(0.6, 0.95), reach * math.sin(a))
            elbow = (tip[0] * 0.55, (fork + tip[1]) * 0.48, tip[2] * 0.55)
            if detail > 0.3:
                tube(p, ((0, fork - 0.1, 0), elbow, tip), (0.06, 0.045, 0.02), bark, 5)
            for spot, size in ((elbow, 0.45), (tip, 0.6)):
                p.leaves(spot, (size, size * 0.8, size), int(60 * detail), 0.1 if detail > 0.6 else 0.2, leaf)
                for _ in range(int(5 * detail)):
                    x, y, z = (c + p.u(-0.45, 0.45) for c in spot)
                    p.ellipsoid((x, y, z), (0.042, 0.045, 0.042), ball)


def _ladder(p: Place) -> None:
    """Lean a ladder."""
    wood, top = p.m.wood(), p.u(2.2, 3.0)
    with p.object("ladder", SurfaceClass.OBJECT):
        for x in (-0.22, 0.22):
            p.beam((x * 1.2, 0, -0.8), (x * 0.8, top, 0.1), 0.05, wood)
        for k in range(int(top / 0.3)):
            t = (k + 0.6) / (top / 0.3)
            p.beam((-0.24, top * t, -0.8 + 0.9 * t), (0.24, top * t, -0.8 + 0.9 * t), 0.03, wood)


def _hive(p: Place) -> None:
    paint = p.m.paint(p.m.one(((0.85, 0.82, 0.7), (0.4, 0.55, 0.65), (0.8, 0.65, 0.25))))
    with p.object("beehive", SurfaceClass.OBJECT):
        for x in (-0.2, 0.2):
            p.box((x, 0), (0.08, 0.4), (0, 0.3), p.m.wood())
        for k in range(p.n(2, 3)):
            p.box((0, 0), (0.5, 0.46), (0.3 + 0.26 * k, 0.55 + 0.26 * k), paint)
        p.box((0, 0), (0.56, 0.52), (0.55 + 0.26 * k, 0.62 + 0.26 * k), p.m.metal())


def _harvest(p: Place, fruit: Color) -> None:
    """Add crates full of fruit and a basket."""
    wood, ball = p.m.planks(), p.m.paint(p.m.shade(fruit))
    for k in range(p.n(2, 5)):
        q = p.at(0.62 * k, p.u(-0.15, 0.15), yaw=p.u(-0.2, 0.2))
        with q.object("fruit crate", SurfaceClass.OBJECT):
            for x in (-0.26, 0.26):
                q.box((x, 0), (0.02, 0.36), (0, 0.28), wood)
            for z in (-0.17, 0.17):
                for up in (0.02, 0.12, 0.21):
                    q.box((0, z), (0.52, 0.015), (up, up + 0.06), wood)
            for _ in range(16):
                q.ellipsoid((q.u(-0.2, 0.2), q.u(0.2, 0.28), q.u(-0.12, 0.12)), (0.045, 0.045, 0.045), ball)


def _scarecrow(p: Place) -> None:
    wood = p.m.wood()
    with p.object("scarecrow", SurfaceClass.OBJECT):
        p.box((0, 0), (0.06, 0.06), (0, 1.7), wood)
        p.beam((-0.75, 1.3, 0), (0.75, 1.3, 0), 0.05, wood)
        cushion(p, (0, 0), (0.5, 0.24), (0.7, 1.42), p.m.fabric(), power=3)
        for side in (-1, 1):
            tube(p, ((0.2 * side, 1.32, 0), (0.65 * side, 1.28, 0)), 0.09, p.m.fabric())
        p.ellipsoid((0, 1.62, 0), (0.13, 0.16, 0.13), p.m.fabric((0.75, 0.66, 0.46)))
        p.cylinder((0, 0), 0.26, (1.72, 1.75), p.m.fabric((0.7, 0.58, 0.3)))
        p.cylinder((0, 0), 0.14, (1.75, 1.92), p.m.fabric((0.7, 0.58, 0.3)), 0.1)


def _tractor(p: Place) -> None:
    paint, black = p.m.paint(p.m.one(((0.7, 0.12, 0.1), (0.15, 0.4, 0.18), (0.15, 0.3, 0.6)))), p.m.black()
    with p.object("tractor", SurfaceClass.OBJECT):
        cushion(p, (0, -0.9), (0.7, 1.7), (0.6, 1.3), paint, power=8)
        p.box((0, 0.4), (0.5, 1.6), (0.5, 0.75), black)
        for x in (-0.75, 0.75):
            for z, r, w in ((0.7, 0.72, 0.38), (-1.3, 0.4, 0.22)):
                tube(p, ((x - w / 2, r, z), (x + w / 2, r, z)), r, black, 16)
                tube(p, ((x - w * 0.53, r, z), (x + w * 0.53, r, z)), r * 0.55, paint, 12)
            p.box((x, 0.75), (0.4, 1.2), (1.42, 1.5), paint)
            for z in (0.2, 1.1):
                p.beam((x * 0.8, 1.2, z), (x * 0.75, 2.4, z), 0.05, black)
        p.box((0, 0.65), (1.3, 1.2), (2.4, 2.46), paint)
        p.box((0, 0.7), (0.5, 0.5), (0.9, 1.05), black)
        tube(p, ((0.2, 1.2, -1.0), (0.2, 2.1, -1.0)), 0.035, black)


def build(p: Place) -> None:
    """Build rows of trees along z with lanes of grass, a yard and fences around."""
    crop = p.pick(tuple(CROPS))
    leaves, fruit = CROPS[crop]
    noise, relief = Noise(p.rng), p.u(0.2, 1.2)

    def up(x: np.ndarray, z: np.ndarray) -> np.ndarray:
        off = np.clip((np.hypot(x, z) - 40) / 60, 0, 1)
        return np.asarray(-0.04 + off * (relief * 3 * noise(x, z, 70, 2) + 1.0))

    grid_land(p, "meadow", SurfaceClass.TERRAIN, 320, up, p.m.grass(), cells=48)
    lane, row = p.m.grass((0.40, 0.46, 0.24)), p.m.soil() if p.chance(0.5) else p.m.litter()
    pitch, along, columns = p.u(3.6, 5.0), p.u(2.8, 4.2), p.n(3, 4)
    with p.object("lane", SurfaceClass.GROUND):
        p.box((0, 0), (2 * columns * pitch + 8, 66), (-0.3, 0.0), lane)
        for c in range(-columns, columns):
            p.box(((c + 0.5) * pitch, 0), (1.2, 62), (0, 0.015), row)
    p.walkable(
        [(-pitch * columns, -30), (pitch * columns, -30), (pitch * columns, 30), (-pitch * columns, 30)]
    )
    for c in range(-columns, columns):
        x = (c + 0.5) * pitch
        for k in range(int(60 / along)):
            z = -30 + along * (k + 0.5)
            if p.chance(0.06):
                continue
            r = math.hypot(x, z)
            q = p.at(x + p.u(-0.2, 0.2), z + p.u(-0.3, 0.3), yaw=p.u(0, 6))
            _fruit_tree(
                q, p.m.shade(leaves, 0.1), fruit, p.u(2.8, 4.0), 1.0 if r < 8 else 0.4 if r < 15 else 0.15
            )
        if c % 2 == 0 and p.chance(0.5):
            with p.object("trellis wire", SurfaceClass.OBJECT):
                for h in (0.8, 1.5):
                    p.beam((x, h, -30), (x, h, 30), 0.01, p.m.metal())
    with p.object("fallen leaves", SurfaceClass.FOLIAGE):
        fallen = p.m.leaf(p.m.shade(leaves, 0.25))
        for c in range(-2, 2):
            for _ in range(8):
                p.leaves(
                    ((c + 0.5) * pitch + p.u(-1, 1), 0.06, p.u(-14, 14)), (1.2, 0.05, 1.2), 24, 0.08, fallen
                )
        p.leaves((0, 1.8, 0), (7, 1.6, 7), 60, 0.07, fallen)
    with p.object("grass", SurfaceClass.FOLIAGE):
        for _ in range(120):
            plants.tuft(p.at(p.u(-2, 2) * pitch, p.u(-18, 18)), 0.25, p.u(0.1, 0.4), 12)
    for _ in range(p.n(2, 5)):
        q = p.at(p.n(-2, 1) * pitch + pitch * 0.5 + p.u(0.7, 1.1), p.u(-14, 14), yaw=p.u(0, 3))
        p.pick((_ladder, lambda a: _harvest(a, fruit), lambda a: _harvest(a, fruit)))(q)
    for k in range(p.n(2, 6)):
        _hive(p.at(-pitch * columns - 1.0, -12 + 2.2 * k))
    half = columns * pitch + 2.5
    kind = p.pick((3, 0, 4, 3, 1))
    for side in (-1, 1):
        for z in range(-32, 32, 16):
            props.fence(p.at(side * half, z + 16, yaw=math.pi / 2), 15.8, kind)
        for x in np.arange(-half, half - 3, 8):
            if abs(x + 4) > 5:
                props.fence(p.at(float(x), side * 32), 7.8, kind)
    yards.shed(p.at(half - 3.2, 27, yaw=p.u(-0.2, 0.2)), p.u(3, 4.5), 3.0)
    q = p.at(p.u(-15, 15), 46, up=float(up(np.array(0.0), np.array(46.0))))
    boards = p.m.planks(p.m.one(((0.50, 0.18, 0.14), (0.42, 0.34, 0.28))))
    barn = Style(
        boards,
        p.m.white(),
        p.m.roof(),
        p.m.white(),
        storeys=[4.2],
        window=(0.8, 0.8),
        pitch=4.0,
        ground="gate",
        steep=0.8,
    )
    house(q.at(0, 0, -1.0), p.u(10, 15), 9, barn, detached=True, name="barn")
    if p.chance(0.6):
        _tractor(p.at(p.pick((-1, 0, 1)) * pitch, p.u(9, 20), yaw=p.u(-0.2, 0.2)))
    if p.chance(0.5):
        _scarecrow(p.at(p.pick((-1, 1)) * pitch, p.u(-12, 12), yaw=p.u(0, 6)))
    if p.chance(0.4):
        vehicles.cart(p.at(pitch, p.u(-14, -4)))
    if p.chance(0.5):
        props.person(p.at(p.pick((-1, 0)) * pitch, p.u(6, 14), yaw=p.u(0, 6)))
    props.wires(p, [(half + 6, -60.0), (half + 6, -30.0), (half + 6, 0.0), (half + 6, 30.0)], 7.5)
    tree_ring(p, 120, 12, 60)
    hills(p, p.u(260, 420), p.u(30, 110), p.m.foliage() if p.chance(0.6) else p.m.grass())
    p.b.facts.append(
        f"an orchard of {crop.split()[0]} trees"
        + (" in autumn" if "autumn" in crop else " in bloom" if "bloom" in crop else "")
    )
    daylight(p, evenings=0.2)
