"""A square: houses around, a fountain or statue, arcades, market stalls, cafes and a church."""

from __future__ import annotations

import math

from ..scene import SurfaceClass
from .parts import plants, props, vehicles, yards
from .parts.house import house, random_style
from .parts.landmarks import arcade_house, church
from .parts.place import Place
from .parts.terrain import backdrop
from .parts.weather import daylight

__all__ = ["build"]


def _side(p: Place, length: float, kinds: tuple[str, ...], arcades: bool) -> None:
    """Add the houses of one side, along x around the frame."""
    x = -length / 2
    while x < length / 2 - 4:
        if arcades and p.chance(0.8):
            spans = p.n(3, 5)
            arcade_house(p.at(x + spans * 1.6, 0), spans)
            x += spans * 3.2 + 0.5
            continue
        width = p.u(6, 12)
        if not p.chance(0.08):
            house(p.at(x + width / 2, p.u(0, 0.5)), width, p.u(9, 12), random_style(p, p.pick(kinds)))
        x += width


def _life(p: Place, half: float) -> None:
    """Put people, stalls, benches, bicycles and tables on the square."""
    market = p.chance(0.5)
    for _ in range(p.n(3, 9) if market else 0):
        yards.stall(
            p.at(
                p.u(-0.6, 0.6) * half,
                p.u(-0.6, 0.6) * half,
                yaw=p.pick((0.0, math.pi / 2, math.pi, -math.pi / 2)),
            ),
            p.u(2.2, 3.4),
        )
    for _ in range(p.n(3, 14)):
        props.person(p.at(p.u(-0.9, 0.9) * half, p.u(-0.9, 0.9) * half, yaw=p.u(0, 6.3)))
    for _ in range(p.n(2, 6)):
        a = p.u(0, math.tau)
        props.bench(p.at(0.55 * half * math.sin(a), 0.55 * half * math.cos(a), yaw=a + math.pi))
    for _ in range(p.n(2, 5)):
        a = p.u(0, math.tau)
        plants.planter(p.at(0.7 * half * math.sin(a), 0.7 * half * math.cos(a), yaw=a))
    for _ in range(p.n(1, 5)):
        vehicles.bicycle(p.at(p.u(-0.8, 0.8) * half, p.pick((-1, 1)) * 0.82 * half, yaw=p.u(0, 3)))
    for _ in range(p.n(0, 2)):
        yards.cafe(p.at(p.u(-0.5, 0.5) * half, p.pick((-1, 1)) * (half - 3.0)), p.n(3, 5))
    for k in range(p.n(0, 6)):
        vehicles.car(p.at(-half + 3 + 3.0 * k, half - 4.5, yaw=p.u(-0.05, 0.05)))
    for _ in range(p.n(1, 4)):
        a = p.pick((0.0, math.pi / 2, math.pi, -math.pi / 2))
        props.railing(p.at(0, 0, yaw=a).at(p.u(-0.5, 0.2) * half, 0.78 * half), p.u(5, 14))


def build(p: Place) -> None:
    """Build a square."""
    half = p.u(15, 30)
    backdrop(p, 130, p.m.cobbles())
    with p.object("square", SurfaceClass.GROUND):
        p.box(
            (0, 0),
            (2 * half + 20, 2 * half + 20),
            (-0.3, 0),
            p.m.cobbles() if p.chance(0.5) else p.m.paving(),
        )
        if p.chance(0.5):
            band = p.m.paving((0.45, 0.42, 0.38))
            for k in range(-2, 3):
                p.box((k * half / 2.5, 0), (0.5, 2 * half), (0, 0.005), band)
                p.box((0, k * half / 2.5), (2 * half, 0.5), (0, 0.006), band)
    p.walkable([(-half, -half), (half, -half), (half, half), (-half, half)])
    kinds = p.pick(
        (
            ("timber", "plaster"),
            ("plaster", "stone"),
            ("brick", "plaster", "timber"),
            ("stone", "modern", "plaster"),
        )
    )
    has_church, arcades = p.chance(0.6), p.chance(0.45)
    for k in range(4):
        q = p.at(0, 0, yaw=k * math.pi / 2).at(0, half)
        if k == 0 and has_church:
            width = p.u(9, 15)
            church(q.at(p.u(-0.2, 0.2) * half, 1.0), width * p.u(1.6, 2.4), width, p.u(8, 14))
        elif not (k == 2 and p.chance(0.15)):
            _side(q, 2 * half, kinds, arcades and k % 2 == 1)
    middle = p.n(0, 3)
    if middle == 0:
        yards.fountain(p, p.u(1.8, 3.4))
    elif middle == 1:
        yards.statue(p)
    elif middle == 2:
        yards.well(p)
    lamp, n = p.n(0, 2), p.n(4, 8)
    for k in range(n):
        a = (k + 0.5) * math.tau / n
        props.lamp_post(
            p.at(0.72 * half * math.sin(a), 0.72 * half * math.cos(a), yaw=a + math.pi),
            kind=0 if lamp == 1 else lamp,
        )
    if p.chance(0.6):
        for _ in range(p.n(3, 8)):
            a, r = p.u(0, math.tau), p.u(0.4, 0.85) * half
            plants.broadleaf(p.at(r * math.sin(a), r * math.cos(a)), p.u(5, 10), bare=0.3)
    _life(p, half)
    p.b.facts.append(
        "a town square" + (" with a church" if has_church else "") + (" and arcades" if arcades else "")
    )
    daylight(p)
