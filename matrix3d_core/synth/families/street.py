"""A street: houses in rows, sidewalks, parked cars, lamps, trees and the things people leave outside."""

from __future__ import annotations

import math

from ..scene import SurfaceClass
from .parts import plants, props, vehicles, yards
from .parts.house import Style, house, random_style
from .parts.place import Place
from .parts.terrain import backdrop
from .parts.weather import daylight

__all__ = ["build", "build_street"]

CHARACTERS = {  # kinds of houses; road and sidewalk widths; share of asphalt, of trees, of gaps between the houses
    "old town": (("timber", "timber", "plaster", "stone"), (3.5, 6.5), (0.9, 2.0), 0.1, 0.15, 0.06),
    "mixed": (("plaster", "brick", "timber", "stone", "modern"), (5.5, 8.0), (1.6, 3.2), 0.7, 0.4, 0.12),
    "brick": (("brick", "brick", "modern"), (6.0, 9.0), (1.8, 3.0), 0.95, 0.35, 0.08),
    "avenue": (("plaster", "plaster", "stone", "modern"), (9.0, 14.0), (3.0, 5.0), 0.9, 0.9, 0.05),
    "business": (("modern", "brick", "modern"), (8.0, 12.0), (2.5, 4.0), 1.0, 0.3, 0.1),
}
PHRASES = {
    "old town": "a narrow street of old half-timbered and plastered houses",
    "mixed": "a street between houses of brick, plaster and timber",
    "brick": "a street of brick houses",
    "avenue": "a wide avenue with trees",
    "business": "a street of offices and shops",
}


def _ground(p: Place, half: float, road: float, walk: float, has_asphalt: bool) -> None:
    """Add the road with markings and covers, curbs and sidewalks."""
    surface = p.m.asphalt() if has_asphalt else p.m.cobbles() if p.chance(0.6) else p.m.paving()
    with p.object("road", SurfaceClass.GROUND):
        p.span((-road / 2, road / 2), (-half, half), (-0.3, 0), surface)
        white = p.m.get("flat", (0.78, 0.78, 0.75))
        if has_asphalt and road > 5.5:
            style = p.n(0, 2)
            z = -half
            while z < half and style < 2:
                p.span((-0.06, 0.06), (z, z + (3.0 if style else 1.6)), (0, 0.004), white)
                z += 6.0 if style else 4.0
            at = p.u(-0.6, 0.6) * half
            if p.chance(0.5):
                for k in range(int(road / 1.0)):
                    x = -road / 2 + 0.5 + k
                    p.span((x - 0.25, x + 0.25), (at, at + 3.0), (0, 0.004), white)
        for _ in range(p.n(2, 6)):
            p.cylinder(
                (p.u(-0.4, 0.4) * road, p.u(-0.9, 0.9) * half),
                0.31,
                (0, 0.006),
                p.m.metal((0.25, 0.24, 0.23)),
            )
    pavement = p.m.paving() if p.chance(0.7) else p.m.concrete() if p.chance(0.5) else p.m.cobbles()
    curb = p.m.concrete((0.66, 0.65, 0.62))
    for side in (-1, 1):
        a, b = side * road / 2, side * (road / 2 + walk)
        with p.object("sidewalk", SurfaceClass.GROUND):
            p.span((min(a, b), max(a, b)), (-half, half), (-0.3, 0.12), pavement)
            p.span((min(a, a + side * 0.15), max(a, a + side * 0.15)), (-half, half), (-0.3, 0.125), curb)
    p.walkable([(-road / 2, -half), (road / 2, -half), (road / 2, half), (-road / 2, half)])
    for x in (-road / 2 - walk, road / 2 + 0.2):
        p.walkable([(x, -half), (x + walk - 0.2, -half), (x + walk - 0.2, half), (x, half)], 0.12)


def _row(
    p: Place,
    side: int,
    half: float,
    front: float,
    kinds: tuple[str, ...],
    gaps: float,
    lit: float,
    same: bool,
) -> None:
    """Add the houses of one side."""
    z = -half - p.u(0, 3)
    shared: Style | None = None
    yaw = side * math.pi / 2
    while z < half:
        width, depth = p.u(5.2, 11.0), p.u(9, 13)
        middle = z + width / 2
        q = p.at(side * (front + p.pick((0.0, 0.0, 0.0, p.u(0, 0.6)))), middle, 0.12, yaw=yaw)
        if p.chance(gaps) and abs(middle) < half - 8:
            _gap(q, width)
        else:
            style = shared if same and shared and p.chance(0.7) else random_style(p, p.pick(kinds), lit)
            shared = style
            if style.shape == "flat":
                width = max(width, 8.0)
                q = p.at(side * front, z + width / 2, 0.12, yaw=yaw)
            house(q, width - (0.0 if p.chance(0.8) else 0.5), depth, style)
        z += width


def _gap(p: Place, width: float) -> None:
    """Fill a gap between two houses: a garden behind a wall or a fence, with trees."""
    with p.object("yard", SurfaceClass.GROUND):
        p.span((-width / 2, width / 2), (0, 14), (-0.3, 0.0), p.m.grass() if p.chance(0.6) else p.m.gravel())
    kind = p.n(0, 2)
    if kind == 0:
        stone = p.m.stone()
        with p.object("garden wall", SurfaceClass.WALL):
            p.span((-width / 2, width / 2 - 1.2), (0, 0.3), (0, p.u(1.2, 2.2)), stone)
    elif kind == 1:
        props.fence(p.at(-width / 2, 0.1), width - 1.2)
    else:
        plants.hedge(p.at(-0.6, 0.3), width - 1.2, p.u(1.0, 1.8), 0.5)
    for _ in range(p.n(1, 3)):
        plants.broadleaf(p.at(p.u(-0.4, 0.4) * width, p.u(3, 10)), p.u(4, 9), dense=0.8)
    with p.object("back wall", SurfaceClass.WALL):
        p.span((-width / 2, width / 2), (14, 14.3), (0, 3.0), p.m.brick())


def _cars(p: Place, half: float, road: float, walk: float, lights: float, density: float) -> None:
    """Park cars at the curbs and let some drive."""
    inside = road > 6.5
    for side in (-1, 1):
        if road < 4.5 and side == 1:
            continue
        x = side * (road / 2 - 1.1 if inside else road / 2 + 0.2)
        z = -half + p.u(2, 8)
        while z < half - 4:
            if p.chance(density):
                q = p.at(x, z, 0.0, yaw=0.0 if side > 0 else math.pi)
                (vehicles.van if p.chance(0.12) else vehicles.car)(
                    q, lights=lights if p.chance(0.15) else 0.0
                )
            z += p.u(5.4, 7.5)
    if road > 7.5:
        for _ in range(p.n(0, 5)):
            side = p.pick((-1, 1))
            q = p.at(side * road * 0.17, p.u(-0.9, 0.9) * half, yaw=0.0 if side > 0 else math.pi)
            kind = p.pick((vehicles.car, vehicles.car, vehicles.bus, vehicles.van))
            kind(q, lights=lights)


def _along(p: Place, half: float, road: float, walk: float, trees: float, lit: float) -> None:
    """Add lamps, trees and small things along both sidewalks."""
    kind, lamps = p.n(0, 2), p.u(16, 28)
    has_trees = p.chance(trees)
    color = p.m.one(((0.30, 0.42, 0.16), (0.24, 0.36, 0.13), (0.50, 0.40, 0.12), (0.35, 0.45, 0.2)), 0.15)
    for side in (-1, 1):
        yaw = side * math.pi / 2 + math.pi
        z = -half + p.u(2, lamps)
        while z < half:
            props.lamp_post(p.at(side * (road / 2 + 0.4), z, 0.12, yaw=yaw + math.pi), lit=lit, kind=kind)
            if has_trees and walk > 1.5:
                q = p.at(side * (road / 2 + 0.7), z + lamps / 2, 0.12)
                plants.broadleaf(q, p.u(5, 9.5), color=color, bare=0.32)
            z += lamps * p.u(0.95, 1.05)
        for _ in range(int(half / 4)):
            q = p.at(side * (road / 2 + walk - p.u(0.3, 0.6)), p.u(-1, 1) * half, 0.12, yaw=yaw + math.pi)
            near = p.at(
                side * (road / 2 + 0.45), p.u(-1, 1) * half, 0.12, yaw=yaw + p.pick((0.0, math.pi / 2))
            )
            thing = p.n(0, 8)
            if thing == 0:
                props.bin_(q)
            elif thing == 1 and walk > 2:
                props.bench(q.at(0, -0.1))
            elif thing == 2:
                vehicles.bicycle(q.at(0, 0.1, yaw=math.pi / 2))
            elif thing == 3:
                props.road_sign(near.at(0, 0, yaw=p.pick((math.pi / 2, -math.pi / 2))))
            elif thing == 4:
                plants.planter(q)
            elif thing == 5:
                props.person(
                    p.at(side * (road / 2 + p.u(0.4, walk)), p.u(-1, 1) * half, 0.12, yaw=p.u(0, 6.3))
                )
            elif thing == 6 and walk > 2.6:
                yards.cafe(
                    p.at(side * (road / 2 + walk - 1.0), p.u(-0.9, 0.9) * half, 0.12, yaw=yaw), p.n(2, 4)
                )
            elif thing == 7:
                props.bollards(
                    p.at(side * (road / 2 + 0.3), p.u(-0.8, 0.6) * half, 0.12, yaw=-math.pi / 2),
                    p.n(3, 7),
                    1.6,
                    chain=p.chance(0.4),
                )
            else:
                props.railing(
                    p.at(side * (road / 2 + 0.3), p.u(-0.7, 0.7) * half, 0.12, yaw=-math.pi / 2), p.u(3, 8)
                )


def build_street(p: Place, *, lit: float = 0.0) -> str:
    """Build a street along z and return its character; `lit` is the strength of lamps and windows at night."""
    character = p.pick(tuple(CHARACTERS))
    kinds, roads, walks, asphalt, trees, gaps = CHARACTERS[character]
    road, walk, half = p.u(*roads), p.u(*walks), p.u(38, 60)
    backdrop(p, p.u(110, 160), p.m.asphalt())
    _ground(p, half + 14, road, walk, p.chance(asphalt))
    same = p.chance(0.3)
    for side in (-1, 1):
        _row(p, side, half, road / 2 + walk, kinds, gaps, 0.35 * min(lit, 1.0), same)
    for end, yaw in ((half + 14, 0.0), (-half - 14, math.pi)):
        if p.chance(0.65):
            for k in (-1, 0, 1):
                style = random_style(p, p.pick(kinds), 0.35 * min(lit, 1.0))
                house(p.at(9.5 * k + p.u(-0.3, 0.3), end, 0.0, yaw=yaw), 9.4, 10, style)
    _cars(p, half, road, walk, lit, p.pick((0.2, 0.6, 0.85)))
    _along(p, half, road, walk, trees, lit)
    if p.chance(0.35):
        for _ in range(p.n(1, 4)):
            z, up = p.u(-0.8, 0.8) * half, p.u(5.5, 7.0)
            reach = road / 2 + walk
            props.sag(p, (-reach, up, z), (reach, up, z + p.u(-3, 3)), 0.5, 0.02)
    if road > 8 and p.chance(0.5):
        props.traffic_light(p.at(road / 2 + 0.4, p.u(-0.3, 0.3) * half, 0.12), lit=1.0)
    return character


def build(p: Place) -> None:
    """Build a street by day."""
    character = build_street(p)
    p.b.facts.append(PHRASES[character])
    daylight(p)
