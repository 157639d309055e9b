"""Clutter: anything anywhere, on open ground or in a hall, so that a network learns from shapes, not from layouts."""

from __future__ import annotations

import math
from collections.abc import Callable

from ..scene import SurfaceClass
from .parts import furniture, plants, props, vehicles, yards
from .parts.house import house, random_style
from .parts.interiors import Opening, ceiling_lamp, room_shell
from .parts.place import Place
from .parts.shapes import wall
from .parts.terrain import backdrop, rock
from .parts.weather import daylight

__all__ = ["build"]

_Maker = Callable[[Place], object]


def build(p: Place) -> None:
    """Build a hall or open ground full of things."""
    if p.chance(0.4):
        _hall(p)
    else:
        _ground(p)


def _any_material(p: Place) -> int:
    m = p.m
    masonry = (m.plaster, m.brick, m.stone, m.concrete, m.tiles, m.rock)
    return p.pick((*masonry, m.planks, m.wood, m.paint, m.metal, m.fabric, m.foliage))()


def _solid(p: Place) -> None:
    """Add one body, or a few on top of each other."""
    up = 0.0
    with p.object("block", SurfaceClass.OBJECT):
        for _ in range(p.pick((1, 1, 1, 2, 3))):
            size, high = p.u(0.2, 1.6), p.u(0.15, 1.8)
            kind, material, yaw = p.n(0, 3), _any_material(p), p.u(0, math.pi)
            if kind == 0:
                p.box((0, 0), (size, size * p.u(0.4, 1.5)), (up, up + high), material, yaw=yaw)
            elif kind == 1:
                p.cylinder(
                    (0, 0), size / 2, (up, up + high), material, top_radius=p.pick((None, size * p.u(0, 0.4)))
                )
            elif kind == 2:
                p.ellipsoid(
                    (0, up + high / 2, 0), (size / 2, high / 2, size * p.u(0.3, 0.6)), material, yaw=yaw
                )
            else:
                p.beam(
                    (-size, up, 0), (size * p.u(0.2, 1), up + high, p.u(-0.5, 0.5)), p.u(0.04, 0.3), material
                )
            up += high


def _boulder(p: Place) -> None:
    with p.object("boulder", SurfaceClass.TERRAIN):
        rock(p, p.u(0.3, 2.0), p.m.rock())


def _screen(p: Place) -> None:
    """Add a free-standing wall, with or without openings."""
    length, height = p.u(1.5, 9.0), p.u(1.0, 4.5)
    openings: list[Opening] = []
    x = p.u(0.3, 1.5)
    while x + 1.2 < length and p.chance(0.75):
        low = p.pick((0.0, 0.0, p.u(0.5, 1.1)))
        openings.append((x, x + p.u(0.7, 1.1), low, min(height - 0.2, low + p.u(0.9, 2.1))))
        x += p.u(1.5, 3.0)
    with p.object("wall", SurfaceClass.WALL):
        wall(
            p,
            length,
            (0.0, height),
            p.u(0.08, 0.4),
            [o for o in openings if o[3] > o[2] + 0.2],
            _any_material(p),
        )


def _scatter(
    p: Place, count: int, reach: tuple[float, float], makers: tuple[_Maker, ...], clear: float = 1.2
) -> None:
    """Put things at random places that keep off the middle."""
    for _ in range(count):
        x, z = p.u(-reach[0], reach[0]), p.u(-reach[1], reach[1])
        if math.hypot(x, z) > clear:
            p.pick(makers)(p.at(x, z, yaw=p.u(0, math.tau)))


def _ground(p: Place) -> None:
    daylight(p, evenings=0.25)
    m = p.m
    paved = (m.paving, m.asphalt, m.cobbles, m.concrete, m.planks)
    floor = p.pick((*paved, m.grass, m.gravel, m.sand, m.soil, m.litter))()
    with p.object("ground", SurfaceClass.GROUND):
        p.box((0, 0), (120, 120), (-0.4, 0.0), floor)
    reach = p.u(5, 18)
    things: tuple[_Maker, ...] = (
        _solid, _solid, _screen, props.lamp_post, props.bin_, props.bench, props.person, yards.statue, yards.well,
        props.road_sign, yards.stall, vehicles.car, vehicles.van, vehicles.bicycle, vehicles.cart, plants.planter,
        lambda q: props.fence(q, q.u(1.5, 8)), lambda q: props.railing(q, q.u(1.5, 6)),
        lambda q: plants.broadleaf(q, q.u(2.5, 10)), lambda q: plants.conifer(q, q.u(3, 14)),
        lambda q: plants.bush(q, q.u(0.3, 1.2)), lambda q: plants.hedge(q, q.u(1, 6), q.u(0.5, 2), 0.6),
        _boulder, lambda q: props.crates(q, q.n(1, 6)), furniture.chair,
        furniture.round_table,
    )  # fmt: skip
    _scatter(p, p.n(15, 60), (reach, reach), things)
    _scatter(p, p.n(5, 20), (reach * 2.5, reach * 2.5), things, clear=reach)
    for _ in range(p.n(0, 6)):
        away, turn = p.u(reach + 6, 45), p.u(0, math.tau)
        q = p.at(away * math.sin(turn), away * math.cos(turn), yaw=turn + p.u(-0.6, 0.6))
        house(q, p.u(5, 12), p.u(6, 12), random_style(p), detached=True)
    backdrop(p, p.u(70, 180), floor if p.chance(0.3) else None)
    p.walkable([(-reach, -reach), (reach, -reach), (reach, reach), (-reach, reach)])
    p.b.facts.insert(0, "a cluttered open place")


def _hall(p: Place) -> None:
    p.b.is_indoor = True
    daylight(p, evenings=0.3)
    width, depth, height = p.u(4, 18), p.u(4, 18), p.u(2.3, 6.5)
    openings: list[list[Opening]] = [[], [], [], []]
    for side, length in enumerate((width, depth, width, depth)):
        x = p.u(0.4, 1.5)
        while x + 2.0 < length and p.chance(0.8):
            low = p.pick((0.0, p.u(0.4, 1.2)))
            openings[side].append((x, x + p.u(0.8, 1.8), low, min(height - 0.2, low + p.u(1.2, 2.2))))
            x += p.u(2.2, 4.0)
    room_shell(
        p, width, depth, height, openings, wall=_any_material(p), floor=p.m.floor(), ceiling=_any_material(p)
    )
    things: tuple[_Maker, ...] = (
        _solid, _solid, _screen, furniture.chair, furniture.table, furniture.round_table, furniture.armchair,
        furniture.stool, furniture.office_chair, furniture.shelf, furniture.cabinet, furniture.wardrobe,
        furniture.sofa, furniture.bed, furniture.desk, props.person, plants.planter,
        lambda q: plants.bush(q, q.u(0.2, 0.5)), lambda q: props.crates(q, q.n(1, 5)),
    )  # fmt: skip
    area = width * depth
    _scatter(p, int(area * p.u(0.1, 0.35)) + 3, (width / 2 - 0.5, depth / 2 - 0.5), things, clear=1.0)
    for x in (-0.25, 0.25):
        ceiling_lamp(p.at(x * width, p.u(-0.3, 0.3) * depth), height, p.u(0.5, 1.2))
    with p.object("ground outside", SurfaceClass.TERRAIN):
        p.box((0, 0), (200, 200), (-0.8, -0.4), p.m.grass())
    p.b.facts.insert(0, "a cluttered hall")
