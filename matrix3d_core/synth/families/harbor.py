"""A harbor: quay, boats, cranes, containers, warehouses, ropes and railings at the water."""

from __future__ import annotations

import math

from ..scene import SurfaceClass
from .parts import plants, props, vehicles, yards
from .parts.house import Style, house, random_style
from .parts.place import Place
from .parts.terrain import hills, skyline
from .parts.weather import daylight

__all__ = ["build", "warehouse"]


def warehouse(p: Place, width: float, depth: float) -> None:
    """Add a warehouse of brick or sheet metal with gates."""
    m = p.m
    walls = m.brick() if p.chance(0.5) else m.metal((0.55, 0.57, 0.58), 0.3)
    s = Style(
        walls,
        m.concrete(),
        m.roof(),
        m.black(),
        storeys=[p.u(4.0, 5.5)],
        window=(1.3, 1.2),
        pitch=p.u(3, 4),
        ground="gate",
        steep=0.45,
    )
    if p.chance(0.5):
        s.storeys.append(3.4)
    s.shape = p.pick(("gable", "cross", "flat"))
    house(p, width, depth, s, name="warehouse")
    if p.chance(0.6):
        words = p.pick(("PIER 7", "FISH", "COLD STORE", "CARGO", "CUSTOMS", "DOCK B", "SHIPYARD"))
        with p.object("sign", SurfaceClass.OBJECT):
            p.quad(
                (-2, s.storeys[0] + 0.7, -0.1),
                (4, 0, 0),
                (0, -0.8, 0),
                m.text(words, (0.9, 0.88, 0.8), m.one(((0.15, 0.25, 0.4), (0.45, 0.12, 0.1)))),
            )


def _pier(p: Place, length: float) -> None:
    """Add a wooden pier from the quay towards +x, with posts, ropes and moored boats."""
    planks, wood = p.m.planks((0.46, 0.38, 0.30)), p.m.bark()
    with p.object("pier", SurfaceClass.GROUND):
        p.span((0, length), (-1.1, 1.1), (-0.12, 0.0), planks)
    p.walkable([(-0.5, -0.9), (length, -0.9), (length, 0.9), (-0.5, 0.9)])
    for k in range(int(length / 3)):
        for z in (-1.2, 1.2):
            with p.object("mooring post", SurfaceClass.OBJECT):
                p.cylinder((1.5 + 3 * k, z), 0.13, (-3, p.u(0.4, 1.0)), wood)
    for k in range(int(length / 5)):
        side = p.pick((-1, 1))
        boat_length = p.u(4, 9)
        x = 3 + 5 * k
        vehicles.boat(
            p.at(x, side * (boat_length / 2 + 1.9), -1.5 + 0.1),
            boat_length,
            mast=p.chance(0.5),
            cabin=boat_length > 6.5 and p.chance(0.5),
        )
        props.sag(p, (x, 0.4, side * 1.2), (x, -0.4, side * 2.4), 0.1, 0.03, "rope")


def _cargo(p: Place, half: float) -> None:
    """Put containers, cranes and trucks on the quay."""
    for k in range(p.n(3, 7)):
        z = -half + 12 * k + p.u(0, 3)
        if abs(z) > 6:
            for row in range(p.n(1, 3)):
                yards.container(p.at(-10 - 2.7 * row, z, yaw=p.u(-0.03, 0.03)), p.n(1, 3))
    for k in (-1, 1):
        yards.crane(p.at(-4.2, k * p.u(16, 34), yaw=-math.pi / 2), p.u(16, 26))
    for _ in range(p.n(1, 3)):
        vehicles.truck(p.at(-p.u(7, 9), p.pick((-1, 1)) * p.u(8, half), yaw=p.u(-0.2, 0.2)))


def build(p: Place) -> None:
    """Build a quay along z with the water at +x: a fishing port, a marina or a cargo port."""
    kind = p.pick(("fishing port", "marina", "cargo port"))
    half, quay, level = 70.0, p.u(10, 22), -1.5
    surface = p.m.concrete() if kind == "cargo port" else p.m.cobbles() if p.chance(0.5) else p.m.paving()
    with p.object("water", SurfaceClass.WATER):
        p.span((-60, 900), (-900, 900), (level - 2, level), p.m.water())
    with p.object("quay", SurfaceClass.GROUND):
        p.span((-quay - 60, 0), (-half * 3, half * 3), (level - 2, 0), surface)
        p.span((-0.5, 0.05), (-half * 3, half * 3), (-0.8, 0.12), p.m.stone())
    p.walkable([(-quay + 0.5, -half), (-0.8, -half), (-0.8, half), (-quay + 0.5, half)])
    z = -half
    while z < half:
        width = p.u(9, 20)
        q = p.at(-quay, z + width / 2, yaw=-math.pi / 2)
        if kind == "cargo port" or p.chance(0.3):
            warehouse(q, width - 0.4, 14)
        elif p.chance(0.85):
            width = min(width, 11)
            house(
                p.at(-quay, z + width / 2, yaw=-math.pi / 2),
                width,
                11,
                random_style(p, p.pick(("plaster", "brick", "timber", "plaster"))),
            )
        z += width
    if kind == "cargo port":
        _cargo(p, half)
    else:
        for k in range(p.n(2, 4)):
            _pier(p.at(0, -45 + 30 * k + p.u(-5, 5)), p.u(10, 28))
        for _ in range(p.n(3, 8)):
            plants.planter(p.at(-p.u(2, quay - 2), p.u(-half, half), yaw=p.u(0, 3)))
        for _ in range(p.n(0, 3)):
            yards.cafe(p.at(-quay + 2.2, p.u(-0.6, 0.6) * half, yaw=math.pi / 2), p.n(3, 5))
    for k in range(10):
        z = -half + k * half / 5 + p.u(0, 3)
        if p.chance(0.6):
            vehicles.boat(
                p.at(p.u(2.6, 4), z, level + 0.1, yaw=p.u(-0.1, 0.1)),
                p.u(5, 12),
                mast=p.chance(0.4),
                cabin=p.chance(0.5),
            )
        with p.object("mooring bollard", SurfaceClass.OBJECT):
            iron = p.m.black()
            p.cylinder((-0.7, z), 0.13, (0.1, 0.45), iron)
            p.cylinder((-0.7, z), 0.2, (0.45, 0.55), iron)
        props.sag(p, (-0.7, 0.4, z), (2.4, -0.6, z + 2.5), 0.25, 0.035, "rope")
    if p.chance(0.6):
        for _ in range(p.n(1, 4)):
            props.railing(p.at(-0.25, -half + p.u(5, 100), 0.1, yaw=-math.pi / 2), p.u(5, 15))
    lamp = p.n(0, 2)
    for k in range(7):
        props.lamp_post(p.at(-2.0, -half + 20 * k + p.u(0, 4), yaw=math.pi / 2), kind=lamp)
    for _ in range(p.n(3, 8)):
        props.crates(p.at(-p.u(1.5, quay - 2), p.u(-0.8, 0.8) * half), p.n(2, 5))
    for _ in range(p.n(3, 10)):
        props.person(p.at(-p.u(1.2, quay - 1), p.u(-0.8, 0.8) * half, yaw=p.u(0, 6.3)))
    for _ in range(p.n(2, 8)):
        vehicles.car(p.at(-quay + 2.6, p.u(-0.9, 0.9) * half, yaw=p.pick((0.0, math.pi))))
    for _ in range(p.n(1, 4)):
        props.bench(p.at(-2.6, p.u(-0.8, 0.8) * half, yaw=-math.pi / 2))
    if p.chance(0.6):
        q = p.at(p.u(120, 260), p.u(-150, 150))
        with p.object("lighthouse", SurfaceClass.WALL):
            q.cylinder((0, 0), 12, (level - 1, 0.6), p.m.rock())
            q.cylinder((0, 0), 3.2, (0.6, 20), p.m.white(), 2.2)
            q.cylinder((0, 0), 3.3, (8, 12), p.m.paint((0.6, 0.12, 0.1)), 2.8)
            q.cylinder((0, 0), 1.6, (20, 22.5), p.m.glass())
            q.cylinder((0, 0), 2.0, (22.5, 24), p.m.paint((0.6, 0.12, 0.1)), 0.1)
    skyline(p.at(-190, 0), 120, p.n(14, 24))
    if p.chance(0.7):
        hills(p, p.u(450, 620), p.u(40, 130), p.m.foliage() if p.chance(0.6) else p.m.rock())
    p.b.facts.append(f"the quay of a {kind}")
    daylight(p, evenings=0.25)
