"""A river through a town or meadows: banks, a stone or iron bridge, trees at the water, railings and boats."""

from __future__ import annotations

import math

import numpy as np

from ..scene import SurfaceClass
from .parts import plants, props, vehicles
from .parts.house import house, random_style
from .parts.place import Place
from .parts.shapes import arch_wall
from .parts.terrain import hills, rock, skyline, tree_ring
from .parts.weather import daylight

__all__ = ["build"]


def _stone_bridge(p: Place, river: float, width: float, rise: float) -> None:
    """Add a bridge of round arches across the river, along x from -river / 2."""
    stone, spans = p.m.stone(), math.ceil(river / max(3.0, 2 * (rise + 1.8)))
    span = river / spans
    spring = rise - span / 2 - 0.45
    for k in range(spans):
        with p.object("bridge", SurfaceClass.WALL):
            arch_wall(p.at(k * span - river / 2, -width / 2), span, spring, rise - 0.02, width, stone, 14)
    for k in range(spans + 1):
        x = k * span - river / 2
        with p.object("bridge pier", SurfaceClass.WALL):
            p.box((x, 0), (1.2, width + 1.2), (-4, spring + 0.3), stone)
    with p.object("bridge deck", SurfaceClass.GROUND):
        p.span((-river / 2 - 4, river / 2 + 4), (-width / 2, width / 2), (rise - 0.1, rise), p.m.cobbles())
    for z in (-width / 2, width / 2 - 0.35):
        with p.object("parapet", SurfaceClass.WALL):
            p.span((-river / 2 - 4, river / 2 + 4), (z, z + 0.35), (rise, rise + 0.95), stone)


def _iron_bridge(p: Place, river: float, width: float, rise: float) -> None:
    """Add a foot bridge of steel trusses."""
    paint = p.m.paint(p.m.one(((0.25, 0.36, 0.30), (0.45, 0.15, 0.12), (0.5, 0.52, 0.53))))
    a, b = -river / 2 - 2, river / 2 + 2
    with p.object("bridge deck", SurfaceClass.GROUND):
        p.span((a, b), (-width / 2, width / 2), (rise - 0.2, rise), p.m.planks())
    for z in (-width / 2, width / 2):
        with p.object("bridge", SurfaceClass.OBJECT):
            n = int(river / 2.2)
            p.beam((a, rise - 0.2, z), (b, rise - 0.2, z), 0.3, paint)
            for k in range(n):
                x0, x1 = a + (b - a) * k / n, a + (b - a) * (k + 1) / n
                h0, h1 = (1.1 + 1.6 * math.sin(math.pi * t) for t in (k / n, (k + 1) / n))
                p.beam((x0, rise + h0, z), (x1, rise + h1, z), 0.16, paint)
                p.beam((x0, rise - 0.1, z), (x0, rise + h0, z), 0.12, paint)
                p.beam((x0, rise, z), (x1, rise + h1, z) if k < n / 2 else (x1, rise, z), 0.08, paint)
            p.beam((a, rise + 1.0, z), (b, rise + 1.0, z), 0.06, paint)


def _bank(p: Place, side: int, river: float, is_town: bool) -> None:
    """Add one bank: a quay wall with railing and houses, or a slope with reeds, grass and trees."""
    edge = side * river / 2
    far = side * (river / 2 + 320)
    with p.object("bank", SurfaceClass.GROUND):
        p.span(
            (min(edge, far), max(edge, far)),
            (-400, 400),
            (-4, 0),
            (p.m.paving() if p.chance(0.6) else p.m.cobbles()) if is_town else p.m.grass(),
        )
    yaw = side * math.pi / 2
    if is_town:
        with p.object("quay wall", SurfaceClass.WALL):
            p.span(
                (min(edge, edge + side * 0.5), max(edge, edge + side * 0.5)),
                (-90, 90),
                (-4, 0.05),
                p.m.stone(),
            )
        for k in range(-4, 4):
            if abs(k * 16 + 8) > 7:
                q = p.at(edge + side * 0.3, k * 16, yaw=-math.pi / 2)
                props.railing(q, 15.5) if p.chance(0.8) else props.bollards(q, 8, 2.0, chain=True)
        z, front = -75.0, river / 2 + p.u(7, 14)
        while z < 75:
            width = p.u(6, 11)
            if p.chance(0.92):
                house(p.at(side * front, z + width / 2, yaw=yaw), width, 11, random_style(p))
            z += width
        for k in range(6):
            z = -60 + 24 * k + p.u(-3, 3)
            props.lamp_post(p.at(side * (river / 2 + 1.0), z, yaw=-yaw), kind=0)
            if p.chance(0.7):
                plants.broadleaf(p.at(side * (river / 2 + 3.0), z + 12), p.u(6, 11), bare=0.3)
            if p.chance(0.5):
                props.bench(p.at(side * (river / 2 + 2.2), z + 6, yaw=-yaw))
            if p.chance(0.5):
                vehicles.car(p.at(side * (front - 2.2), z + p.u(0, 9), yaw=p.pick((0.0, math.pi))))
        return
    for _ in range(p.n(30, 55)):
        q = p.at(side * (river / 2 + p.u(2.5, 55)), p.u(-70, 70), yaw=p.u(0, 6))
        plants.broadleaf(q, p.u(5, 13), dense=0.5 if abs(q.x) < river else 0.22)
    for _ in range(p.n(10, 20)):
        plants.bush(p.at(side * (river / 2 + p.u(1, 20)), p.u(-50, 50)), p.u(0.4, 1.2))
    with p.object("reeds", SurfaceClass.FOLIAGE):
        for _ in range(120):
            plants.tuft(p.at(side * (river / 2 + p.u(-0.5, 0.6)), p.u(-60, 60), -0.3), 0.4, p.u(0.8, 1.7), 14)
    with p.object("grass", SurfaceClass.FOLIAGE):
        for _ in range(140):
            plants.tuft(p.at(side * (river / 2 + p.u(0.8, 14)), p.u(-30, 30)), 0.25, p.u(0.15, 0.5), 12)
    stone = p.m.rock()
    for _ in range(p.n(8, 20)):
        with p.object("rock", SurfaceClass.TERRAIN):
            rock(p.at(side * (river / 2 + p.u(-1.5, 0.8)), p.u(-50, 50), -0.5), p.u(0.4, 1.8), stone)
    if p.chance(0.5):
        props.fence(p.at(side * (river / 2 + 6), -20, yaw=-math.pi / 2), p.u(20, 40), p.pick((1, 4)))


def build(p: Place) -> None:
    """Build a river along z; cameras stand on its right bank and on the bridge."""
    river, is_town = p.u(9, 26), p.chance(0.55)
    level = -p.u(1.0, 2.4)
    with p.object("river", SurfaceClass.WATER):
        p.span(
            (-river / 2 - 1, river / 2 + 1), (-420, 420), (level - 1, level), p.m.water((0.18, 0.24, 0.20))
        )
    _bank(p, 1, river, is_town)
    _bank(p, -1, river, is_town if p.chance(0.8) else not is_town)
    bridge, rise = p.at(0, p.u(-12, 12)), max(0.3, 2.0 + level + river * 0.04)
    width = p.u(3, 6)
    (_stone_bridge if p.chance(0.6) else _iron_bridge)(bridge, river, width, rise)
    bridge.walkable(
        [
            (-river / 2 - 3, -width / 2 + 0.6),
            (river / 2 + 3, -width / 2 + 0.6),
            (river / 2 + 3, width / 2 - 0.6),
            (-river / 2 - 3, width / 2 - 0.6),
        ],
        rise,
    )
    for side in (-1, 1):
        with p.object("ramp", SurfaceClass.GROUND):
            x0, x1 = side * (river / 2 + 4), side * (river / 2 + 4 + rise * 6)
            v = np.array(
                [[x0, rise, -width / 2], [x0, rise, width / 2], [x1, 0.01, width / 2], [x1, 0.01, -width / 2]]
            )
            bridge.mesh(v, np.array([[0, 1, 2], [0, 2, 3]]), p.m.cobbles())
    near = river / 2 + 1.2
    p.walkable([(near, -45), (near + 4.5, -45), (near + 4.5, 45), (near, 45)])
    for _ in range(p.n(1, 4)):
        vehicles.boat(
            p.at(p.u(-0.35, 0.35) * river, p.u(-40, 40), level + 0.1, yaw=p.u(-0.3, 0.3)),
            p.u(4, 7),
            cabin=p.chance(0.3),
        )
    for _ in range(p.n(1, 6)):
        props.person(p.at(near + p.u(0, 4), p.u(-40, 40), yaw=p.u(0, 6)))
    if is_town:
        skyline(p, 190, 22)
    else:
        tree_ring(p, 120, 12, 60)
    hills(p, p.u(260, 420), p.u(25, 90), p.m.foliage() if p.chance(0.7) else p.m.grass())
    p.b.facts.append("a river with a bridge " + ("in a town" if is_town else "between meadows"))
    daylight(p)
