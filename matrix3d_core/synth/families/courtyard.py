"""A courtyard: walls of houses on all sides, balconies, stairs, a tree, bicycles, laundry and bins."""

from __future__ import annotations

import math

from ..scene import SurfaceClass
from .parts import furniture, plants, props, vehicles, yards
from .parts.house import facade, random_style
from .parts.landmarks import arcade
from .parts.place import Place
from .parts.shapes import gable_roof
from .parts.terrain import backdrop
from .parts.weather import daylight

__all__ = ["build"]


def _balcony(p: Place, x: float, up: float, width: float) -> None:
    """Add a balcony in front of a wall at z = 0."""
    with p.object("balcony", SurfaceClass.WALL):
        p.span((x - width / 2, x + width / 2), (-1.3, 0), (up - 0.15, up), p.m.concrete())
        for dx in (-width / 2 + 0.1, width / 2 - 0.1):
            p.beam((x + dx, up - 0.1, -1.2), (x + dx, up - 0.9, 0.0), 0.08, p.m.black())
    with p.object("railing", SurfaceClass.OBJECT):
        iron = p.m.railing()
        p.quad((x - width / 2, up + 1.0, -1.28), (width, 0, 0), (0, -0.95, 0), iron)
        for dx in (-width / 2, width / 2):
            p.quad((x + dx, up + 1.0, -1.28), (0, 0, 1.28), (0, -0.95, 0), iron)
        p.beam((x - width / 2, up + 1.0, -1.28), (x + width / 2, up + 1.0, -1.28), 0.05, p.m.black())
    if p.chance(0.5):
        plants.bush(p.at(x + width / 4, -0.9, up), 0.3)


def _stairs(p: Place, width: float, height: float) -> None:
    """Add an outside stair along x to a landing, with a railing."""
    stone = p.m.stone()
    n = max(2, round(height / 0.17))
    with p.object("stairs", SurfaceClass.WALL):
        for k in range(n):
            p.span((0.29 * k, 0.29 * (k + 1)), (-width, 0), (0, height * (k + 1) / n), stone)
        p.span((0.29 * n, 0.29 * n + 1.4), (-width, 0), (0, height), stone)
    with p.object("railing", SurfaceClass.OBJECT):
        iron = p.m.black()
        for k in range(0, n + 1, 2):
            up = height * k / n
            p.beam((0.29 * k, up, -width), (0.29 * k, up + 0.95, -width), 0.03, iron)
        p.beam((0, 0.95, -width), (0.29 * n, height + 0.95, -width), 0.045, iron)


def _wing(p: Place, length: float, kinds: tuple[str, ...], arcades: bool) -> float:
    """Add one side of the yard along x around the frame; return its height."""
    s = random_style(p, p.pick(kinds))
    s.jetty, s.ground = 0.0, "none" if arcades else p.pick(("door", "gate", "door"))
    total = sum(s.storeys)
    set_back = 2.6 if arcades else 0.0
    if arcades:
        spans = max(2, round(length / 3.2))
        low = s.storeys[0]
        arcade(p, spans, length / spans, low - length / spans / 2 - 0.2, low, 0.45, s.walls)
        with p.object("arcade ceiling", SurfaceClass.CEILING):
            p.span((-length / 2, length / 2), (0.45, set_back), (low - 0.05, low + 0.1), s.walls)
        with p.object("house", SurfaceClass.WALL):
            p.span((-length / 2, length / 2), (set_back, 9), (0, low), s.walls)
        first, s.storeys = low, s.storeys[1:]
    else:
        first = 0.0
    with p.object("house", SurfaceClass.WALL):
        p.span((-length / 2, length / 2), (0.2, 9), (first, total), s.walls)
        facade(p.at(0, 0, first), length, s)
        gable_roof(p, (-length / 2, length / 2), (0, 9), total, total + 3.2, s.roof, s.walls, overhang=0.35)
    if s.storeys and not arcades:
        for k in range(p.n(0, 3)):
            _balcony(p, (k - 1) * length / 3.2, s.storeys[0] + 0.1, p.u(1.8, 3.0))
    return total


def build(p: Place) -> None:
    """Build a yard between four wings."""
    width, depth = p.u(9, 18), p.u(9, 20)
    backdrop(p, 120, p.m.asphalt())
    floor = p.pick((p.m.cobbles, p.m.paving, p.m.gravel))()
    with p.object("yard", SurfaceClass.GROUND):
        p.box((0, 0), (width + 8, depth + 8), (-0.3, 0), floor)
    with p.object("lawn", SurfaceClass.GROUND):
        if p.chance(0.5):
            p.box(
                (p.u(-0.1, 0.1) * width, p.u(-0.1, 0.1) * depth),
                (width * 0.4, depth * 0.4),
                (0, 0.03),
                p.m.grass(),
            )
        else:
            p.cylinder((0, 0), 0.5, (0, 0.01), p.m.metal())
    p.walkable(
        [(-width / 2, -depth / 2), (width / 2, -depth / 2), (width / 2, depth / 2), (-width / 2, depth / 2)]
    )
    kinds = p.pick((("plaster", "plaster"), ("brick", "plaster"), ("timber", "stone"), ("stone", "plaster")))
    with_arcades = p.chance(0.5)
    for k in range(4):
        length, reach = (width, depth) if k % 2 == 0 else (depth, width)
        q = p.at(0, 0, yaw=k * math.pi / 2).at(0, reach / 2)
        if k == 2 and p.chance(0.3):
            with p.object("yard wall", SurfaceClass.WALL):
                q.span((-length / 2, length / 2), (0, 0.35), (0, p.u(2.2, 3.5)), p.m.brick())
            continue
        _wing(q, length + 0.2, kinds, with_arcades and k == 0)
    _stairs(p.at(-width / 2 + 1, depth / 2 - 0.02), 1.2, p.u(1.0, 2.6)) if not with_arcades else props.bench(
        p.at(0, depth / 2 - 0.5)
    )
    if p.chance(0.8):
        plants.broadleaf(p.at(p.u(-0.2, 0.2) * width, p.u(-0.2, 0.2) * depth), p.u(5, 10), bare=0.32)
    for _ in range(p.n(2, 6)):
        x, z = p.pick((-1, 1)) * (width / 2 - 0.6), p.u(-0.4, 0.4) * depth
        q = p.at(x, z, yaw=math.copysign(math.pi / 2, x))
        p.pick(
            (
                props.bin_,
                vehicles.bicycle,
                plants.planter,
                props.bench,
                lambda a: props.crates(a.at(0, -0.5), 3),
            )
        )(q)
    for _ in range(p.n(1, 3)):
        x, z = p.u(-0.3, 0.3) * width, p.u(-0.3, 0.3) * depth
        plants.bush(p.at(x, z), p.u(0.4, 0.9))
    if p.chance(0.5):
        q = p.at(p.u(-0.25, 0.25) * width, -depth * 0.3)
        _, d = furniture.table(q, 1.4, 0.8)
        for x in (-0.4, 0.4):
            furniture.chair(q.at(x, d / 2 + 0.2))
            furniture.chair(q.at(x, -d / 2 - 0.2, yaw=math.pi))
    for _ in range(p.n(0, 2)):
        up, z = p.u(4.5, 6.5), p.u(-0.3, 0.3) * depth
        props.sag(p, (-width / 2, up, z), (width / 2, up, z), 0.3, 0.015)
        with p.object("laundry", SurfaceClass.OBJECT):
            for k in range(p.n(4, 8)):
                x = -width / 2 + (k + 1) * width / 9
                p.quad(
                    (x, up - 0.2, z), (p.u(0.4, 0.8), 0, 0), (0, -p.u(0.5, 1.0), p.u(-0.1, 0.1)), p.m.fabric()
                )
    if p.chance(0.4):
        yards.well(p.at(p.u(-0.2, 0.2) * width, depth * 0.22))
    for _ in range(p.n(0, 2)):
        props.person(p.at(p.u(-0.4, 0.4) * width, p.u(-0.4, 0.4) * depth, yaw=p.u(0, 6)))
    props.lamp_post(p.at(width / 2 - 0.5, depth / 2 - 1.2), kind=0)
    p.b.facts.append("a courtyard between old houses" + (" with arcades" if with_arcades else ""))
    daylight(p)
