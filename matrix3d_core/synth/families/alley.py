"""A narrow lane: walls within reach on both sides, balconies, arches, passages, cables and laundry overhead."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise

from ..scene import SurfaceClass
from .parts import plants, props, vehicles, yards
from .parts.house import WORDS, house, random_style
from .parts.place import Place
from .parts.shapes import arch_wall, tube
from .parts.terrain import backdrop
from .parts.weather import daylight, night

__all__ = ["build"]

_WALL, _OBJECT = SurfaceClass.WALL, SurfaceClass.OBJECT
_TOWNS = {  # kinds of houses, share of walls without storeys of windows
    "plastered": (("plaster", "plaster", "stone"), 0.25),
    "half-timbered": (("timber", "timber", "plaster"), 0.12),
    "brick": (("brick", "brick", "modern"), 0.45),
    "stone": (("stone", "stone", "plaster"), 0.35),
    "mixed": (("plaster", "brick", "timber", "stone", "modern"), 0.3),
    "backyard": (("brick", "modern", "plaster"), 0.8),
}
_Maker = Callable[[Place], None]
_SMALL: tuple[_Maker, ...] = (
    props.bin_,
    props.person,
    lambda p: plants.planter(p, 0.8),
    lambda p: plants.bush(p, 0.25),
    lambda p: props.crates(p.at(0, -0.3), 2),
    lambda p: vehicles.bicycle(p.at(0, 0, yaw=math.pi / 2)),
)
_LARGE: tuple[_Maker, ...] = (
    yards.stall,
    lambda p: props.bench(p.at(0, 0.1)),
    lambda p: yards.cafe(p.at(0, -0.4), 1),
    lambda p: vehicles.car(p.at(0, -0.5, yaw=math.pi / 2)),
    lambda p: vehicles.cart(p.at(0, -0.3, yaw=math.pi / 2)),
)
_NARROWEST, _WIDEST = 1.6, 5.0
_EDGE = 0.01


@dataclass(frozen=True)
class _Leg:
    """A straight part of the lane from the middle of its begin; turn -1, 0, 1: towards -x, +z, +x."""

    x: float
    z: float
    turn: int
    length: float
    width: float

    def place(self, p: Place) -> Place:
        return p.at(self.x, self.z, yaw=self.turn * math.pi / 2)

    def range(self, axis: int) -> tuple[float, float]:
        begin, way = (self.x, self.z)[axis], (self.turn, 1 - abs(self.turn))[axis] * self.length
        side = 0.0 if way else self.width / 2
        return begin + min(way, 0.0) - side, begin + max(way, 0.0) + side


@dataclass(frozen=True)
class _Edge:
    """A straight stretch of the lane's outline at `line` of `axis`, solid towards `sign`, along the other axis."""

    axis: int
    line: float
    sign: int
    start: float
    end: float

    def point(self, along: float, out: float) -> tuple[float, float]:
        across = self.line + self.sign * out
        return (across, along) if self.axis == 0 else (along, across)

    def place(self, p: Place, along: float, out: float = 0.0, yaw: float = 0.0) -> Place:
        turn = math.pi / 2 * self.sign if self.axis == 0 else 0.0 if self.sign > 0 else math.pi
        return p.at(*self.point(along, out), yaw=turn + yaw)


class _Lane:
    """The legs of a lane, and the walls that stand beside them: from and to in x and z, height."""

    def __init__(self, legs: list[_Leg]) -> None:
        self.legs = legs
        self.walls: list[tuple[float, float, float, float, float]] = []

    def has(self, x: float, z: float) -> bool:
        return any(a < x < b and c < z < d for a, b, c, d in ((*g.range(0), *g.range(1)) for g in self.legs))

    def height(self, x: float, z: float) -> float:
        """Return the height of the wall at a point, 0 without one."""
        return max((h for a, b, c, d, h in self.walls if a <= x <= b and c <= z <= d), default=0.0)

    def edges(self, axis: int) -> list[_Edge]:
        """Return the outline across an axis."""
        lines, cuts = (sorted({v for g in self.legs for v in g.range(k)}) for k in (axis, 1 - axis))
        found: list[_Edge] = []
        for line in lines:
            for sign in (-1, 1):
                for start, end in pairwise(cuts):
                    edge = _Edge(axis, line, sign, start, end)
                    middle = (start + end) / 2
                    if not self.has(*edge.point(middle, -_EDGE)) or self.has(*edge.point(middle, _EDGE)):
                        continue
                    if found and found[-1] == replace(edge, start=found[-1].start, end=start):
                        edge = replace(edge, start=found.pop().start)
                    found.append(edge)
        return found

    def room(self, edge: _Edge, start: float, end: float) -> float:
        """Return how deep a house may be that shares the block with one behind it."""
        points = [start + (end - start) * k / 8 for k in range(1, 8)]
        depth = 0.1
        while depth < 5.0 and not any(self.has(*edge.point(a, 2 * depth + 0.3)) for a in points):
            depth += 0.1
        return depth


def _legs(p: Place) -> list[_Leg]:
    """Return the legs of a lane from the frame onwards, with or without a side lane."""
    x, z, turn = 0.0, 0.0, 0
    width = p.pick((p.u(_NARROWEST, 2.4), p.u(2.0, 3.5), p.u(3.0, _WIDEST)))
    legs: list[_Leg] = []
    for _ in range(p.n(2, 5)):
        leg = _Leg(x, z, turn, p.u(7, 14), width)
        legs.append(leg)
        turn = p.pick((-1, 0, 0, 1)) if leg.turn == 0 else p.pick((0, 0, leg.turn))
        width = min(max(width * p.u(0.6, 1.6), _NARROWEST), _WIDEST)
        back, aside = (width / 2, 0.0) if turn != leg.turn else (1.0, p.u(-0.35, 0.35) * leg.width)
        x, _, z = leg.place(p).point(aside, 0.0, leg.length - back)
    if p.chance(0.45):
        leg = p.pick(legs)
        x, _, z = leg.place(p).point(0.0, 0.0, leg.length * p.u(0.35, 0.65))
        side = p.pick((-1, 1)) if leg.turn == 0 else 0
        legs.append(_Leg(x, z, side, leg.width / 2 + p.u(3, 8), p.u(1.3, 3.0)))
    return legs


def _masonry(p: Place) -> int:
    return p.pick((p.m.plaster, p.m.plaster, p.m.brick, p.m.stone, p.m.concrete, p.m.planks))()


def _blank(p: Place, width: float, depth: float, height: float, lit: float) -> None:
    """Add a wall without storeys: doors, barred windows, roller doors, posters and lettering."""
    material, trim, is_windowed = _masonry(p), p.m.concrete(), p.chance(0.6)
    with p.object("wall", _WALL):
        p.span((-width / 2, width / 2), (0, depth), (0, height), material)
        if p.chance(0.4):
            p.span((-width / 2, width / 2), (-0.05, 0), (height - 0.18, height), p.m.concrete())
        if p.chance(0.3):
            p.span((-width / 2, width / 2), (-0.03, 0), (0, p.u(0.3, 1.1)), _masonry(p))
    slots = int(width / 1.9)
    for k in range(slots):
        q = p.at((k + 0.5) * width / slots - width / 2, 0)
        kind, w = p.n(0, 7), p.u(0.7, 1.5)
        with q.object("wall", _WALL):
            for sill in (3.6, 6.4, 9.2) if is_windowed else ():
                if sill + 1.6 < height and p.chance(0.7):
                    q.span((-w / 2 - 0.07, w / 2 + 0.07), (-0.05, 0), (sill - 0.07, sill + 1.27), trim)
                    q.span(
                        (-w / 2, w / 2),
                        (-0.06, 0),
                        (sill, sill + 1.2),
                        p.m.glass(p.u(0.3, 1.0) if lit else 0.0),
                    )
            if kind == 0:
                q.span((-0.7, 0.7), (-0.35, 0), (0, 0.15), p.m.concrete())
                q.span((-0.55, 0.55), (-0.07, 0), (0, 2.2), p.m.concrete())
                q.span((-0.45, 0.45), (-0.09, 0), (0, 2.1), p.m.planks() if p.chance(0.5) else p.m.paint())
            elif kind == 1 and height > 2.9:
                metal, high = p.m.metal((0.6, 0.6, 0.58)) if p.chance(0.6) else p.m.paint(), p.u(2.1, 2.6)
                for n in range(int(high / 0.13)):
                    q.span((-0.85, 0.85), (-0.05 - 0.02 * (n % 2), 0), (0.13 * n, 0.13 * (n + 1)), metal)
                q.span((-0.9, 0.9), (-0.3, 0), (high, high + 0.28), metal)
            elif kind in (2, 3) and height > 2.4:
                low, board = p.pick((0.25, 1.0, 1.3)), p.m.planks() if kind == 3 else p.m.glass()
                high = low + p.u(0.5, 1.0)
                q.span((-w / 2 - 0.08, w / 2 + 0.08), (-0.05, 0), (low - 0.08, high + 0.08), trim)
                q.span((-w / 2, w / 2), (-0.06, 0), (low, high), board)
                for n in range(int(w / 0.14) if kind == 2 else 0):
                    x = -w / 2 + 0.14 * (n + 0.5)
                    q.beam((x, low, -0.1), (x, high, -0.1), 0.02, p.m.black())
            elif kind == 4:
                for n in range(p.n(1, 3)):
                    x, up = -0.8 + 0.55 * n, p.u(1.5, 2.0)
                    q.quad((x, up, -0.04), (0.5, 0, 0), (0, -0.7, 0), p.m.picture())
            elif kind == 5 and height > 2.2:
                ink = p.m.one(((0.9, 0.3, 0.2), (0.2, 0.4, 0.8), (0.1, 0.1, 0.1), (0.9, 0.85, 0.3)))
                words = p.m.text(p.pick(WORDS), ink, p.m.one(((0.75, 0.73, 0.7), (0.3, 0.4, 0.35))))
                q.quad((-0.8, p.u(1.3, 2.1), -0.04), (p.u(1.0, 1.6), 0, 0), (0, -p.u(0.4, 0.7), 0), words)
            else:
                q.span((-0.2, 0.2), (-0.12, 0), (1.1, 1.6), p.m.metal())


def _row(p: Place, lane: _Lane, edge: _Edge, town: str, tall: int, lit: float) -> None:
    """Add the houses and walls along a stretch of the outline."""
    kinds, blanks = _TOWNS[town]
    start, end = edge.start, edge.end
    while start < end - 0.05 and lane.height(*edge.point(start + 0.05, 0.1)):
        start += 0.05
    while end > start + 0.05 and lane.height(*edge.point(end - 0.05, 0.1)):
        end -= 0.05
    if not lane.has(*edge.point(edge.start - _EDGE, -_EDGE)):
        start -= 0.3
    if not lane.has(*edge.point(edge.end + _EDGE, -_EDGE)):
        end += 0.3
    wide = min(g.width for g in lane.legs if _touches(g, edge))
    while end - start > 0.02:
        width = p.u(3.4, 7.5)
        if end - start - width < 3.0:
            width = min(end - start, 9.0)
        middle = start + width / 2
        depth = lane.room(edge, start, start + width)
        if width < 3.2 or depth < 1.0 or p.chance(blanks):
            height = p.u(2.2, 4.0) if p.chance(0.2) else p.u(4.0, 3.0 * tall + 1)
            _blank(edge.place(p, middle), width, depth, height, lit)
        else:
            s = random_style(p, p.pick(kinds), 0.35 * lit)
            s.storeys = [s.storeys[0], *([s.storeys[-1]] * (max(2, tall + p.n(-1, 1)) - 1))]
            s.jetty = min(s.jetty, 0.28 * wide / len(s.storeys))
            s.ground = p.pick(("door", "door", "gate", "shop" if wide > 3.2 else "none"))
            height = sum(s.storeys)
            house(edge.place(p, middle, p.pick((0.0, 0.0, p.u(0, 0.12)))), width, depth, s)
        (a, c), (b, d) = edge.point(start, 0), edge.point(start + width, depth)
        lane.walls.append((min(a, b), max(a, b), min(c, d), max(c, d), height))
        start += width


def _touches(leg: _Leg, edge: _Edge) -> bool:
    (x0, x1), (z0, z1) = leg.range(0), leg.range(1)
    x, z = edge.point((edge.start + edge.end) / 2, -_EDGE)
    return x0 <= x <= x1 and z0 <= z <= z1


def _on_wall(p: Place, wide: float, top: float, lit: float) -> None:
    """Add something to a wall at z = 0 that reaches over the lane towards -z."""
    kind, up = p.n(0, 8), p.u(2.5, max(2.6, min(top - 1.2, 9.0)))
    reach = min(p.u(0.5, 1.2), 0.42 * wide)
    if lit and p.chance(0.35):
        kind = 0
    if kind == 0:
        with p.object("wall lamp", _OBJECT):
            p.beam((0, 2.9, 0.3), (0, 2.9, -0.45), 0.04, p.m.black())
            glow = p.m.glow((1.0, 0.8, 0.5), 3.5 * lit) if lit else p.m.white()
            p.cylinder((0, -0.4), 0.09, (2.5, 2.82), glow, 0.14)
            p.cylinder((0, -0.4), 0.17, (2.82, 2.95), p.m.black(), 0.03)
        if lit:
            p.lamp((0, 2.42, -0.45), (0.8 * lit, 0.6 * lit, 0.36 * lit), 16.0)
    elif kind in (1, 2) and top > 3.8:
        width, iron = p.u(1.2, 2.6), p.m.railing() if p.chance(0.6) else p.m.planks()
        with p.object("balcony", _WALL):
            p.span((-width / 2, width / 2), (-reach, 0.25), (up - 0.14, up), p.m.concrete())
            p.quad((-width / 2, up + 0.95, -reach), (width, 0, 0), (0, -0.95, 0), iron)
            for x in (-width / 2, width / 2):
                p.quad((x, up + 0.95, -reach), (0, 0, reach + 0.2), (0, -0.95, 0), iron)
                p.beam((x * 0.9, up - 0.1, -reach * 0.8), (x * 0.9, up - 0.6, 0.1), 0.06, p.m.black())
        if p.chance(0.5):
            plants.bush(p.at(p.u(-0.3, 0.3) * width, -reach / 2, up), 0.22)
    elif kind == 3:
        cloth, width, low = p.m.fabric(), p.u(1.4, 3.0), p.u(2.25, 2.5)
        with p.object("awning", _OBJECT):
            p.quad((-width / 2, low + 0.5, 0.15), (width, 0, 0), (0, -0.5, -reach - 0.15), cloth)
            p.quad((-width / 2, low, -reach), (width, 0, 0), (0, -0.18, 0), cloth)
    elif kind == 4:
        ink, board = p.m.one(((0.92, 0.88, 0.72), (0.95, 0.8, 0.2))), p.m.paint()
        words = p.m.text(p.pick(WORDS), ink, (0.16, 0.2, 0.24), emission=0.8 if lit else 0.0)
        with p.object("hanging sign", _OBJECT):
            p.beam((0, 3.25, 0.3), (0, 3.25, -reach - 0.1), 0.04, p.m.black())
            p.span((-0.02, 0.02), (-reach - 0.05, -0.08), (2.55, 3.23), board)
            p.quad((0.026, 3.2, -reach), (0, 0, reach - 0.12), (0, -0.6, 0), words)
            p.quad((-0.026, 3.2, -0.12), (0, 0, 0.12 - reach), (0, -0.6, 0), words)
    elif kind == 5:
        with p.object("pipe", _OBJECT):
            p.cylinder((0, -0.06), p.u(0.04, 0.07), (0, top), p.m.metal(rust=p.u(0, 0.6)))
    elif kind == 6:
        with p.object("cable", _OBJECT):
            tube(
                p,
                [(x, up - 0.1 * (k % 2), -0.03) for k, x in enumerate((-1.5, -0.5, 0.5, 1.5))],
                0.02,
                p.m.black(),
            )
    else:
        with p.object("air conditioner", _OBJECT):
            p.span((-0.4, 0.4), (-0.36, 0.2), (up, up + 0.55), p.m.white())
            p.span((-0.3, 0.3), (-0.37, -0.35), (up + 0.08, up + 0.47), p.m.metal())


def _across(p: Place, wide: float, top: float) -> None:
    """Add something from wall to wall over the frame, along z from it."""
    kind, half = p.n(0, 7), wide / 2 + 0.2
    up = p.u(2.9, max(3.0, min(top - 0.3, 8.0)))
    if kind == 0 and top > 4.5:
        low, deep, material = p.u(2.35, 3.3), p.u(1.5, 5.0), _masonry(p)
        high = min(top, low + p.u(2.4, 5.5))
        with p.object("passage ceiling", SurfaceClass.CEILING):
            p.span(
                (-half, half), (0, deep), (low, low + 0.15), p.pick((p.m.planks, p.m.plaster, p.m.concrete))()
            )
            for k in range(int(deep / 0.6) if p.chance(0.5) else 0):
                p.span((-half, half), (0.6 * k + 0.2, 0.6 * k + 0.34), (low - 0.12, low), p.m.wood())
        with p.object("passage", _WALL):
            p.span((-half, half), (-0.04, deep + 0.04), (low + 0.15, high), material)
            for z in (-0.06, deep):
                p.span((-0.4, 0.4), (z, z + 0.06), (low + 0.9, min(high - 0.3, low + 2.1)), p.m.glass())
    elif kind in (1, 2) and top > 3.6:
        spring = p.u(2.1, max(2.2, min(4.5, top - wide / 2 - 0.5)))
        deep = p.u(0.3, 0.8) if kind == 1 else p.u(1.0, 3.0)
        with p.object("arch", _WALL):
            arch_wall(
                p.at(-wide / 2 - 0.1, 0),
                wide + 0.2,
                spring,
                spring + wide / 2 + p.u(0.4, 1.2),
                deep,
                _masonry(p),
            )
    elif kind in (3, 4):
        tilt = p.u(-0.8, 0.8)
        props.sag(p, (-half, up, 0), (half, up, tilt), 0.05, 0.015)
        with p.object("laundry", _OBJECT):
            x = -wide / 2 + p.u(0.1, 0.3)
            while x < wide / 2 - 0.5:
                w = p.u(0.3, 0.8)
                t = (x + w / 2) / (2 * half) + 0.5
                p.quad(
                    (x, up - 0.04, tilt * t), (w, 0, 0), (0, -p.u(0.4, 0.9), p.u(-0.12, 0.12)), p.m.fabric()
                )
                x += w + p.u(0.05, 0.5)
    elif kind == 5:
        with p.object("strut", _WALL):
            p.beam(
                (-half, up, 0), (half, up, 0), p.u(0.1, 0.35), p.m.wood() if p.chance(0.5) else p.m.metal()
            )
    else:
        for _ in range(p.n(1, 4)):
            props.sag(p, (-half, up + p.u(-0.3, 0.3), 0), (half, up, p.u(-2, 2)), p.u(0.05, 0.3), 0.02)


def _furnish(p: Place, lane: _Lane, leg: _Leg, clutter: float, lit: float) -> None:
    """Add the things above a leg and on its ground."""
    q, wide = leg.place(p), leg.width

    def top(side: int, z: float) -> float:
        x, _, at = q.point(side * (wide / 2 + 0.15), 0.0, z)
        return lane.height(x, at)

    count = int(leg.length * p.u(0.6, 1.8))
    for k in range(count):
        side, z = 2 * (k % 2) - 1, 0.5 + (k + p.u(0.2, 0.8)) * (leg.length - 1) / count
        if min(top(side, z - 0.6), top(side, z + 0.6)) > 3.3:
            _on_wall(q.at(side * wide / 2, z, yaw=side * math.pi / 2), wide, top(side, z), lit)
    for _ in range(p.n(1, int(leg.length / 2.0))):
        z = p.u(0.3, leg.length - 1.0)
        if (least := min(top(side, z + d) for side in (-1, 1) for d in (0.0, 0.9))) > 3.2:
            _across(q.at(0, z), wide, least)
    count = int(leg.length * clutter)
    for k in range(count):
        side, z = p.pick((-1, 1)), 0.8 + (k + p.u(0.3, 0.7)) * (leg.length - 1.6) / count
        if top(side, z):
            is_large = wide > 3.4 and p.chance(0.2)
            at = q.at(side * (wide / 2 - (0.6 if is_large else 0.36)), z, yaw=side * math.pi / 2)
            p.pick(_LARGE if is_large else _SMALL)(at)


def build(p: Place) -> None:
    """Build a lane."""
    lane, lit = _Lane(_legs(p)), p.u(0.7, 1.2) if p.chance(0.25) else 0.0
    town, tall, m = p.pick(tuple(_TOWNS)), p.n(2, 5), p.m
    backdrop(p, p.u(70, 130), m.paving())
    floors = [p.pick((m.cobbles, m.cobbles, m.paving, m.asphalt, m.soil, m.concrete))() for _ in range(2)]
    gutter = p.pick((m.paving, m.concrete, m.cobbles))() if p.chance(0.5) else None
    for k, leg in enumerate(lane.legs):
        q, half = leg.place(p), leg.width / 2
        with p.object("lane", SurfaceClass.GROUND):
            up = 0.004 * k
            q.span((-half - 1, half + 1), (-1, leg.length + 1), (-0.3, up), p.pick(floors))
            if gutter is not None:
                q.span((-0.15, 0.15), (0, leg.length), (0, up + 0.003), gutter)
            q.cylinder((p.u(-0.5, 0.5), p.u(0.3, 0.7) * leg.length), 0.31, (0, up + 0.006), m.metal())
        x, z = half - 0.3, leg.length - 0.3
        q.walkable([(-x, 0.3), (x, 0.3), (x, z), (-x, z)])
    ends = {0: p.chance(0.35), len(lane.legs) - 1: p.chance(0.35)}
    for axis in (1, 0):  # the houses across z own the corners of the blocks
        for edge in lane.edges(axis):
            is_open = edge.axis == 1 and edge.sign < 0 and edge.line == 0.0 and ends[0]
            last = lane.legs[-1]
            if ends[len(lane.legs) - 1] and edge.axis == (0 if last.turn else 1):
                is_open |= edge.sign == (last.turn or 1) and _touches(last, edge)
            if not is_open:
                _row(p, lane, edge, town, tall, lit)
            elif p.chance(0.65):  # across a place beyond
                far = edge.place(p, (edge.start + edge.end) / 2, p.u(5, 16))
                for x in (-9.0, 0.0, 9.0):
                    house(
                        far.at(x, p.u(0, 0.4)), 9.0, 8.0, random_style(p, p.pick(_TOWNS[town][0]), 0.35 * lit)
                    )
    clutter = p.pick((0.1, 0.3, 0.6))
    for leg in lane.legs:
        _furnish(p, lane, leg, clutter, lit)
    p.b.facts.append(f"a narrow lane between {town} houses")
    if lit:
        night(p, dusk=0.5)
    else:
        daylight(p)
        air = p.b.environment
        p.b.environment = replace(
            air, exposure=air.exposure * p.u(1.3, 2.6), haze=air.haze * p.pick((1.0, 1.0, 4.0))
        )
