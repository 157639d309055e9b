"""A suburb: a bent road between detached houses with front gardens, drives, porches and hedges; for judging only."""

from __future__ import annotations

import math

import numpy as np

from ..scene import SurfaceClass
from .parts import plants, props, vehicles, yards
from .parts.house import Style, house
from .parts.palette import Color
from .parts.place import Place
from .parts.shapes import gable_roof, tube
from .parts.terrain import hills, tree_ring
from .parts.weather import daylight

__all__ = ["build"]

BOARDS: tuple[Color, ...] = (
    (0.72, 0.78, 0.82),
    (0.86, 0.82, 0.66),
    (0.60, 0.68, 0.58),
    (0.82, 0.80, 0.78),
    (0.66, 0.42, 0.36),
    (0.44, 0.50, 0.56),
)


def _style(p: Place) -> Style:
    """Return a house of weatherboards, pale brick or render with a low roof."""
    m, kind = p.m, p.n(0, 2)
    if kind == 0:
        walls = m.get("planks", m.one(BOARDS, 0.08), None, 1.0, width=0.16, length=4.0, turn=0.0)
    elif kind == 1:
        walls = m.brick(m.one(((0.72, 0.58, 0.44), (0.60, 0.34, 0.28), (0.78, 0.72, 0.64))))
    else:
        walls = m.plaster(m.one(BOARDS, 0.06))
    s = Style(walls, m.white(), m.roof(), m.white())
    s.storeys = [p.u(2.7, 3.0)] if p.chance(0.5) else [p.u(2.6, 2.9), p.u(2.5, 2.7)]
    s.window, s.pitch = (p.u(1.0, 1.6), p.u(1.1, 1.4)), p.u(2.4, 3.4)
    s.shape, s.steep = p.pick(("gable", "hip", "cross")), p.u(0.45, 0.75)
    if p.chance(0.4):
        s.shutters = m.planks(m.one(((0.2, 0.3, 0.42), (0.3, 0.36, 0.28), (0.4, 0.16, 0.14))))
    return s


def _porch(p: Place, width: float) -> None:
    """Add a porch in front of a house: deck, posts, rails and a roof."""
    wood, deep = p.m.white() if p.chance(0.6) else p.m.wood(), p.u(1.6, 2.4)
    with p.object("porch floor", SurfaceClass.GROUND):
        p.span((-width / 2, width / 2), (-deep, -0.42), (0, 0.18), p.m.planks())
    for k in range(4):
        x = -width / 2 + 0.1 + k * (width - 0.2) / 3
        with p.object("porch post", SurfaceClass.OBJECT):
            p.box((x, -deep + 0.1), (0.13, 0.13), (0.18, 2.5), wood)
    with p.object("porch roof", SurfaceClass.CEILING):
        p.quad((-width / 2 - 0.2, 2.85, 0), (width + 0.4, 0, 0), (0, -0.35, -deep - 0.3), p.m.roof())
        p.span((-width / 2, width / 2), (-deep, -deep + 0.18), (2.4, 2.55), wood)
    for k in (0, 2):
        x = -width / 2 + 0.1 + k * (width - 0.2) / 3
        props.railing(p.at(x, -deep + 0.1, 0.18), (width - 0.2) / 3, height=0.9, card=False)


def _garage(p: Place) -> None:
    """Add a garage with a ribbed door."""
    walls, door = p.m.plaster(p.m.one(BOARDS)), p.m.white()
    with p.object("garage", SurfaceClass.WALL):
        p.span((-1.7, 1.7), (0, 5.8), (0, 2.5), walls)
        for k in range(7):
            p.span((-1.25, 1.25), (-0.05, 0), (0.05 + 0.3 * k, 0.33 + 0.3 * k), door)
        gable_roof(p, (-1.7, 1.7), (0, 5.8), 2.5, 3.5, p.m.roof(), walls, along_x=False)


def _swing(p: Place) -> None:
    """Add a swing of two triangles and a beam."""
    wood = p.m.wood()
    with p.object("swing", SurfaceClass.OBJECT):
        for x in (-1.3, 1.3):
            for z in (-0.9, 0.9):
                p.beam((x, 0, z), (x, 2.2, 0), 0.09, wood)
        p.beam((-1.4, 2.2, 0), (1.4, 2.2, 0), 0.1, wood)
        for x in (-0.5, 0.5):
            for d in (-0.2, 0.2):
                p.beam((x + d, 2.2, 0), (x + d, 0.5, 0), 0.012, p.m.black())
            p.box((x, 0), (0.5, 0.2), (0.46, 0.5), wood)


def _mailbox(p: Place) -> None:
    with p.object("mailbox", SurfaceClass.OBJECT):
        p.box((0, 0), (0.09, 0.09), (0, 1.05), p.m.wood())
        tube(p, ((0, 1.15, -0.24), (0, 1.15, 0.24)), 0.11, p.m.metal())


def _lot(p: Place, width: float) -> None:
    """Add a lot: its frame is in the middle of its front edge, z goes in."""
    set_back, wide = p.u(5.5, 9.0), min(width - 6.5, p.u(8, 12))
    shift = -p.u(1.2, 1.8)
    s = _style(p)
    house(p.at(shift, set_back, yaw=p.u(-0.06, 0.06)), wide, p.u(7.5, 9.5), s, detached=True)
    if p.chance(0.6):
        _porch(p.at(shift, set_back), wide * p.u(0.5, 0.8))
    side = width / 2 - 2.1
    if p.chance(0.7):
        _garage(p.at(side, set_back + p.u(0, 3)))
    with p.object("drive", SurfaceClass.GROUND):
        drive = p.pick((p.m.cobbles, p.m.concrete, p.m.gravel, p.m.paving))()
        p.span((side - 1.5, side + 1.5), (-0.1, set_back + 3), (-0.1, 0.03), drive)
        p.span((shift - 0.6, shift + 0.6), (-0.1, set_back), (-0.1, 0.03), p.m.paving())
    if p.chance(0.65):
        (vehicles.van if p.chance(0.1) else vehicles.car)(
            p.at(side, p.u(2.8, 4.0), 0.03, yaw=p.pick((0.0, math.pi)))
        )
    edge = p.n(0, 3)
    for a, b in ((-width / 2, shift - 0.8), (shift + 0.8, side - 1.7)):
        if b - a < 0.8:
            continue
        if edge == 0:
            props.fence(p.at(a, 0.15), b - a, 0, 0.9)
        elif edge == 1:
            plants.hedge(p.at((a + b) / 2, 0.4), b - a, p.u(0.7, 1.3), 0.5)
        elif edge == 2:
            with p.object("garden wall", SurfaceClass.WALL):
                p.span((a, b), (0.05, 0.3), (0, p.u(0.4, 0.9)), p.m.brick())
    if p.chance(0.7):
        q = p.at(-width / 2, 0.3, yaw=-math.pi / 2)
        plants.hedge(q.at(5, 0), 10, p.u(1.0, 1.8), 0.5) if p.chance(0.5) else props.fence(q, 10, 2)
    for _ in range(p.n(1, 3)):
        plants.broadleaf(
            p.at(p.u(-0.4, 0.25) * width, p.u(1.6, set_back - 2.4)),
            p.u(4, 8),
            dense=0.8 if abs(p.z) < 22 else 0.3,
            bare=0.35,
        )
    for _ in range(p.n(2, 5)):
        plants.bush(
            p.at(shift + p.u(-0.5, 0.5) * wide, set_back - 0.7 if p.chance(0.6) else p.u(1, 3)), p.u(0.3, 0.6)
        )
    if p.chance(0.5):
        plants.flowers(p.at(shift + p.pick((-2.0, 2.0)), set_back - 1.0), 0.7, 12)
    if p.chance(0.6):
        _mailbox(p.at(shift + 1.0, 0.0))
    if p.chance(0.25):
        _swing(p.at(-width * 0.3, set_back - 2.2, yaw=p.u(0, 1)))
    if p.chance(0.5):
        props.bin_(p.at(side - 1.9, p.u(0.4, 3)))
    plants.lawn_tufts(p.at(-1, set_back / 2), width * 0.5, set_back * 0.7, 10)
    if p.chance(0.4):
        yards.shed(p.at(-width * 0.35, set_back + 9, yaw=p.u(-0.2, 0.2)), 2.4, 2.0)


def build(p: Place) -> None:
    """Build a bent road with lots on both sides."""
    bend, period, half, road = p.u(2, 9), p.u(45, 80), 62.0, p.u(5.5, 7.0)
    phase = p.u(0, math.tau)

    def line(z: float) -> tuple[float, float]:
        x0 = bend * math.sin(phase)
        return bend * math.sin(z / period * math.tau / 2 + phase) - x0, bend * math.pi / period * math.cos(
            z / period * math.pi + phase
        )

    with p.object("land", SurfaceClass.TERRAIN):
        p.box((0, 0), (900, 900), (-0.5, -0.01), p.m.grass())
    z = np.linspace(-half - 20, half + 20, 90)
    x = np.array([line(float(v))[0] for v in z])
    k = np.arange(len(z) - 1)

    def strip(a: float, b: float, up: float, material: int, name: str) -> None:
        v = np.concatenate([np.stack([x + d, np.full_like(z, up), z], 1) for d in (a, b)])
        n = len(z)
        with p.object(name, SurfaceClass.GROUND):
            p.mesh(
                v,
                np.concatenate([np.stack([k, k + n, k + n + 1], 1), np.stack([k, k + n + 1, k + 1], 1)]),
                material,
            )

    strip(-road / 2, road / 2, 0.02, p.m.asphalt(), "road")
    gutter, walk = p.m.cobbles((0.5, 0.48, 0.46)), p.m.paving((0.62, 0.60, 0.57))
    for side in (-1, 1):
        strip(side * road / 2, side * (road / 2 + 0.4), 0.03, gutter, "gutter")
        strip(side * (road / 2 + 1.4), side * (road / 2 + 2.7), 0.035, walk, "sidewalk")
    p.walkable(
        [(line(float(v))[0] - road / 2, float(v)) for v in z[8:-8:6]]
        + [(line(float(v))[0] + road / 2, float(v)) for v in z[-9:7:-6]]
    )
    for side in (-1, 1):
        at = -half
        while at < half:
            width = p.u(17, 22)
            x0, slope = line(at + width / 2)
            q = p.at(x0 + side * (road / 2 + 3.0), at + width / 2, yaw=side * math.pi / 2 + math.atan(slope))
            _lot(q, width)
            at += width + 0.6
        for n in range(-2, 3):
            zz = 24.0 * n + p.u(-4, 4)
            q = p.at(line(zz)[0] + side * (road / 2 + 0.9), zz)
            plants.broadleaf(q, p.u(5, 9), dense=1.0 if abs(zz) < 30 else 0.3, bare=0.35) if p.chance(
                0.6
            ) else props.bollards(q.at(0, 0, yaw=-math.pi / 2), 4, 1.5)
            if p.chance(0.35):
                props.road_sign(
                    p.at(line(zz + 6)[0] + side * (road / 2 + 0.8), zz + 6, yaw=p.pick((0.0, math.pi)))
                )
    props.wires(p, [(line(v)[0] - road / 2 - 1.0, v) for v in (-66.0, -33.0, 0.5, 34.0, 66.0)], p.u(7, 8.5))
    for _ in range(p.n(2, 6)):
        zz, side = p.u(-50, 50), p.pick((-1, 1))
        vehicles.car(
            p.at(
                line(zz)[0] + side * (road / 2 - 1.1),
                zz,
                0.02,
                yaw=math.atan(line(zz)[1]) + (0.0 if side > 0 else math.pi),
            )
        )
    for _ in range(p.n(1, 4)):
        zz = p.u(-40, 40)
        props.person(p.at(line(zz)[0] + p.pick((-1, 1)) * (road / 2 + 2), zz, yaw=p.u(0, 6)))
    tree_ring(p, 105, 11, 70)
    hills(p, p.u(260, 400), p.u(25, 80), p.m.foliage())
    p.b.facts.append("a suburban road between detached houses with gardens")
    daylight(p, evenings=0.25)
