"""Large things of squares, yards and harbors: stalls, cafes, fountains, statues, containers, cranes, sheds."""

from __future__ import annotations

import math

from ...scene import SurfaceClass
from . import furniture
from .place import Place
from .shapes import cushion, gable_roof, tube

__all__ = ["cafe", "container", "crane", "fountain", "shed", "stall", "statue", "well"]

_OBJECT = SurfaceClass.OBJECT


def stall(p: Place, width: float = 2.6) -> None:
    """Add a market stall with goods under a striped cloth; it sells towards -z."""
    wood = p.m.planks()
    cloth = p.m.get(
        "cloth",
        p.m.one(((0.7, 0.18, 0.15), (0.2, 0.42, 0.3), (0.25, 0.35, 0.6), (0.8, 0.6, 0.2))),
        (0.86, 0.84, 0.80),
        1.0,
        stripes=0.25,
    )
    with p.object("market stall", _OBJECT):
        for x in (-width / 2, width / 2):
            for z in (-0.8, 0.8):
                p.box((x, z), (0.06, 0.06), (0, 2.3 if z < 0 else 2.6), wood)
        p.quad((-width / 2 - 0.2, 2.65, 0.9), (width + 0.4, 0, 0), (0, -0.45, -2.1), cloth)
        p.quad((-width / 2 - 0.2, 2.2, -1.2), (width + 0.4, 0, 0), (0, -0.25, 0), cloth)
        p.box((0, -0.2), (width, 1.0), (0.75, 0.82), wood)
        p.box((0, -0.66), (width, 0.04), (0.1, 0.78), wood)
        for k in range(int(width / 0.45)):
            x = -width / 2 + 0.3 + 0.45 * k
            p.box((x, -0.35), (0.4, 0.5), (0.82, 0.95), wood)
            fruit = p.m.paint(
                p.m.one(
                    (
                        (0.8, 0.35, 0.08),
                        (0.65, 0.1, 0.08),
                        (0.45, 0.55, 0.15),
                        (0.85, 0.75, 0.2),
                        (0.4, 0.2, 0.35),
                    )
                )
            )
            for _ in range(9):
                p.ellipsoid((x + p.u(-0.15, 0.15), 0.96, -0.35 + p.u(-0.2, 0.2)), (0.05, 0.05, 0.05), fruit)


def cafe(p: Place, tables: int) -> None:
    """Add tables with chairs and parasols along x."""
    cloth = p.m.fabric()
    for k in range(tables):
        q = p.at((k - (tables - 1) / 2) * 2.3, p.u(-0.4, 0.4))
        furniture.round_table(q, 0.36)
        for a in (0.4, 2.0, 3.6, 5.2)[: p.n(2, 4)]:
            furniture.chair(q.at(0.65 * math.sin(a), 0.65 * math.cos(a), yaw=a))
        if p.chance(0.6):
            with p.object("parasol", _OBJECT):
                q.cylinder((0, 0.1), 0.025, (0, 2.6), p.m.white())
                q.cylinder((0, 0.1), 1.4, (2.15, 2.65), cloth, 0.03)


def fountain(p: Place, radius: float) -> None:
    """Add a round fountain with a basin, a column and a bowl."""
    stone, water = p.m.stone(), p.m.water((0.3, 0.42, 0.42))
    n = 16
    with p.object("fountain", _OBJECT):
        for k in range(n):
            a = k * math.tau / n
            q = p.at(radius * math.sin(a), radius * math.cos(a), yaw=a)
            q.box((0, 0), (2 * radius * math.tan(math.pi / n) + 0.08, 0.3), (0, 0.55), stone)
            q.box((0, 0), (2 * radius * math.tan(math.pi / n) + 0.12, 0.4), (0.55, 0.62), stone)
        p.cylinder((0, 0), radius * 0.16, (0, 1.5), stone, radius * 0.1)
        p.cylinder((0, 0), radius * 0.12, (1.3, 1.7), stone, radius * 0.42)
        p.cylinder((0, 0), radius * 0.07, (1.7, 2.5), stone, radius * 0.05)
        p.ellipsoid((0, 2.55, 0), (radius * 0.09, radius * 0.12, radius * 0.09), stone)
    with p.object("fountain water", SurfaceClass.WATER):
        p.cylinder((0, 0), radius * 0.98, (0.0, 0.42), water)
        p.cylinder((0, 0), radius * 0.39, (1.6, 1.68), water)


def statue(p: Place) -> None:
    """Add a bronze or stone figure on a pedestal."""
    stone, figure = p.m.stone(), p.m.metal((0.30, 0.42, 0.36)) if p.chance(0.6) else p.m.concrete()
    h = p.u(1.4, 2.4)
    with p.object("statue", _OBJECT):
        p.box((0, 0), (1.8, 1.8), (0, 0.3), stone)
        p.box((0, 0), (1.2, 1.2), (0.3, h), stone)
        p.box((0, 0), (1.4, 1.4), (h, h + 0.12), stone)
        for x in (-0.14, 0.14):
            tube(p, ((x, h + 0.1, 0), (x * 0.9, h + 1.1, 0)), (0.11, 0.14), figure)
        cushion(p, (0, 0), (0.6, 0.36), (h + 1.0, h + 1.95), figure, power=3)
        p.ellipsoid((0, h + 2.15, 0), (0.13, 0.17, 0.15), figure)
        tube(p, ((-0.28, h + 1.8, 0), (-0.45, h + 1.5, -0.1), (-0.3, h + 1.2, -0.25)), 0.075, figure)
        tube(p, ((0.28, h + 1.8, 0), (0.5, h + 1.95, -0.15), (0.6, h + 2.3, -0.25)), 0.075, figure)


def container(p: Place, levels: int = 1) -> None:
    """Add shipping containers, one on the other, along x."""
    for k in range(levels):
        with p.object("container", _OBJECT):
            paint = p.m.paint(
                p.m.one(
                    (
                        (0.55, 0.18, 0.12),
                        (0.15, 0.28, 0.45),
                        (0.2, 0.38, 0.28),
                        (0.75, 0.45, 0.12),
                        (0.6, 0.6, 0.58),
                    )
                )
            )
            low = 2.6 * k
            p.box((0, 0), (6.06, 2.34), (low + 0.02, low + 2.58), paint)
            for n in range(24):
                p.box((-2.9 + n * 0.252, 0), (0.11, 2.42), (low + 0.15, low + 2.45), paint)
            for x in (-3.0, 3.0):
                p.box((x, 0), (0.12, 2.44), (low, low + 2.6), paint)


def crane(p: Place, height: float) -> None:
    """Add a harbor crane of beams: a portal, a tower and a jib towards -z."""
    paint = p.m.paint(p.m.one(((0.75, 0.5, 0.1), (0.5, 0.15, 0.1), (0.25, 0.35, 0.45), (0.55, 0.56, 0.58))))
    for x in (-2.5, 2.5):
        for z in (-2.5, 2.5):
            with p.object("crane", _OBJECT):
                p.beam((x, 0, z), (x * 0.5, height * 0.4, z * 0.5), 0.45, paint)
    with p.object("crane", _OBJECT):
        for k in range(6):
            low, high = height * (0.4 + 0.1 * k), height * (0.5 + 0.1 * k)
            for sx, sz in ((-1, -1), (1, -1), (1, 1), (-1, 1)):
                p.beam((sx * 1.2, low, sz * 1.2), (sx * 1.2, high, sz * 1.2), 0.18, paint)
                p.beam((sx * 1.2, low, sz * 1.2), (sz * -1.2, high, sx * 1.2), 0.1, paint)
        p.box((0, -1.4), (2.0, 1.6), (height * 0.95, height * 0.95 + 2.2), paint)
        tip = (0.0, height * 1.25, -height * 0.9)
        for x in (-0.8, 0.8):
            p.beam((x, height, -1), tip, 0.2, paint)
            p.beam((x, height + 2.5, 1), tip, 0.12, paint)
            p.beam((x, height, 1), (x, height + 2.5, 1), 0.2, paint)
        p.beam(tip, (0, height * 0.35, tip[2]), 0.05, p.m.black())


def well(p: Place) -> None:
    """Add a well with a small roof."""
    stone, wood = p.m.stone(), p.m.planks()
    with p.object("well", _OBJECT):
        p.cylinder((0, 0), 0.85, (0, 0.8), stone)
        p.cylinder((0, 0), 0.65, (0.79, 0.805), p.m.black())
        for x in (-0.8, 0.8):
            p.box((x, 0), (0.12, 0.12), (0.8, 2.1), wood)
        p.cylinder((0, 0), 0.09, (1.6, 1.78), wood)
        for side in (-1, 1):
            p.quad((-1.1, 2.6, 0), (2.2, 0, 0), (0, -0.55, side * 0.9), p.m.roof())


def shed(p: Place, width: float, depth: float, height: float = 2.3) -> None:
    """Add a wooden shed with a door towards -z."""
    wood = p.m.planks()
    with p.object("shed", SurfaceClass.WALL):
        p.span((-width / 2, width / 2), (0, depth), (0, height), wood)
        p.span((-0.45, 0.45), (-0.04, 0), (0.05, min(2.0, height - 0.15)), p.m.planks())
        if width > 2.6:
            p.span((0.75, 1.2), (-0.05, 0), (1.1, 1.6), p.m.glass())
        gable_roof(
            p,
            (-width / 2, width / 2),
            (0, depth),
            height,
            height + depth * 0.25,
            p.m.roof(),
            wood,
            overhang=0.25,
        )
