"""A large hall or a long passage: warehouse, market, gym, nave, concourse, garage or school hallway."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from ..scene import SurfaceClass
from .parts import furniture, plants, props, vehicles, yards
from .parts import interiors as i
from .parts.interiors import Opening, Shell
from .parts.landmarks import arcade
from .parts.place import Place
from .parts.shapes import wall, wall_pieces
from .parts.terrain import backdrop
from .parts.weather import daylight

__all__ = ["build"]

_OBJECT, _WALL, _CEILING = SurfaceClass.OBJECT, SurfaceClass.WALL, SurfaceClass.CEILING
_THICK = 0.3
_SIGNS = "EXIT,GATE 4,HALL B,TICKETS,BAKERY,BOOKS,COFFEE,INFO,FLOWERS,SHOES,12".split(",")


def _screed(p: Place) -> int:
    """Return concrete, mostly smooth and stained."""
    if p.chance(0.25):
        return p.m.concrete()
    gray = p.m.shade((0.62, 0.61, 0.59))
    return p.m.get(
        "plaster", gray, None, 1.0, cracks=round(p.u(0, 0.7), 2), stains=round(p.u(0.1, 0.9), 2), foot=0.0
    )


def _profile(form: str, half: float, height: float, rise: float) -> list[tuple[float, float]]:
    """Return the cross section ``(x, up)`` of the ceiling, from left to right, ending beyond the walls."""
    n = {"flat": 4, "gable": 4, "barrel": 9, "steps": 5}[form]
    points: list[tuple[float, float]] = []
    for k in range(n + 1):
        x = half * (2 * k / n - 1)
        if form == "steps":
            level = height + rise * max(0, 2 - abs(k - 2)) / 2
            points += [(x, points[-1][1] if points else height), (x, level)]
            continue
        bow = {"flat": 0.0, "gable": 1 - abs(x) / half, "barrel": math.cos(math.pi / 2 * x / half)}[form]
        points.append((x, height + rise * bow))
    return [(-half - _THICK, height), *points, (half + _THICK, height)]


def _roof(p: Place, size: tuple[float, float, float], form: str, skylights: bool) -> None:
    """Add the ceiling by bays, with skylights near its middle, and beams or trusses below."""
    width, depth, height = size
    w, d = width / 2, depth / 2
    rise = 0.0 if form == "flat" else width * p.u(0.1, 0.28)
    line = _profile(form, w, height, rise)
    cover = (
        _screed(p)
        if height < 2.7
        else p.pick((p.m.planks, p.m.wall_paint, p.m.plaster, p.m.wall_paint, p.m.concrete, p.m.metal))()
    )
    bays = max(2, round(depth / p.u(3.0, 6.0)))
    pitch, rib = depth / bays, p.u(0.3, 1.0)
    with p.object("ceiling", _CEILING):
        for (x0, u0), (x1, u1) in itertools.pairwise(line):
            if math.hypot(x1 - x0, u1 - u0) < 1e-6:
                continue
            is_open = skylights and abs(x0 + x1) < width * 0.55 and x1 - x0 > 0.5
            for k in range(bays):
                z0, z1 = (
                    -d + k * pitch - (0.3 if k == 0 else 0),
                    -d + (k + 1) * pitch + (0.3 if k == bays - 1 else 0),
                )
                for a, b in ((z0, z0 + rib), (z1 - rib, z1)) if is_open else ((z0, z1),):
                    v = np.array([(x0, u0, a), (x1, u1, a), (x1, u1, b), (x0, u0, b)])
                    p.mesh(v, np.array([[0, 1, 2], [0, 2, 3]]), cover)
    if rise:
        gable = p.m.plaster()
        with p.object("gable", _WALL):
            v = np.array([(0, height, 0), *((x, up, 0) for x, up in line)])
            faces = np.array([(0, k, k + 1) for k in range(1, len(line))])
            for z in (-d, d):
                p.mesh(v + np.array((0, 0, z)), faces, gable)
    if form == "steps" or p.chance(0.25) or height < 3.2:
        return
    steel = p.m.wood() if p.chance(0.4) else p.m.paint()
    thick = p.u(0.12, 0.3)
    top = [(x, up) for x, up in line if abs(x) <= w + 1e-6]
    for k in range(1, bays):
        z = -d + k * pitch
        with p.object("truss", _CEILING):
            p.beam((-w, height - thick / 2, z), (w, height - thick / 2, z), thick, steel)
            for (x0, u0), (x1, u1) in itertools.pairwise(top):
                if u1 - u0 or rise:
                    p.beam((x0, u0 - thick / 2, z), (x1, u1 - thick / 2, z), thick, steel)
                    if u0 > height + 0.3:
                        p.beam((x0, height, z), (x0, u0, z), thick * 0.6, steel)
                        p.beam((x0, u0, z), (x1, height, z), thick * 0.4, steel)


def _lights(p: Place, size: tuple[float, float, float], strength: float, up: float | None = None) -> None:
    """Hang rows of lamps, of which at most four give light by themselves."""
    width, depth, height = size
    up = height - p.u(0.3, max(0.4, min(2.0, height - 3.0))) if up is None else up
    glow = p.m.glow(p.pick(((1.0, 0.97, 0.9), (1.0, 0.86, 0.62), (0.85, 0.95, 1.0))), 1.8)
    rows, round_, rod = max(2, int(depth / p.u(4, 7))), p.chance(0.5), p.m.black()
    xs = (0.0,) if width < 7 else (-width / 4, width / 4)
    for x in xs if up < height - 0.15 else ():
        with p.object("lamp rail", _CEILING):
            p.beam((x, height, -depth / 2), (x, height, depth / 2), 0.08, rod)
    for k in range(rows):
        z = (k + 0.5) * depth / rows - depth / 2
        for x in xs:
            with p.object("lamp", _OBJECT if up < height - 0.2 else _CEILING):
                if up < height - 0.15:
                    p.cylinder((x, z), 0.015, (up, height), rod)
                if round_:
                    p.cylinder((x, z), min(0.3, height / 14), (up - 0.1, up), glow, 0.06)
                else:
                    p.box((x, z), (0.2, min(2.4, 0.6 * depth / rows)), (up - 0.08, up), glow)
    count = 4 if depth > 10 else 2
    power = strength * (0.12 * height**2 + 0.6)
    for k in range(count):
        x = 0.0 if width < 7 else width / 5 * (-1) ** k
        color = (power, 0.93 * power, 0.8 * power)
        p.lamp((x, up - 0.3, (k + 0.5) * depth / count - depth / 2), color, max(9.0, 0.6 * depth + height))


def _windows(p: Place, length: float, height: float, style: str) -> list[Opening]:
    """Return the windows of one long wall."""
    if style == "none":
        return []
    width = {"front": 3.2, "high": p.u(1.2, 3.0), "tall": p.u(0.9, 1.8), "slits": 0.25, "usual": 1.6}[style]
    gap = 0.25 if style == "front" else p.u(0.8, 3.0)
    low, high = {
        "front": (0.15, min(height - 0.3, 7.0)),
        "high": (height * 0.62, height - 0.3),
        "tall": (min(1.6, height * 0.3), height * 0.85),
        "slits": (0.8, height - 0.4),
        "usual": (0.9, min(height - 0.3, 2.4)),
    }[style]
    count = max(1, int((length - 0.6) / (width + gap)))
    pitch = length / count
    return [
        ((k + 0.5) * pitch - width / 2, (k + 0.5) * pitch + width / 2, low, high)
        for k in range(count)
        if style == "front" or p.chance(0.92)
    ]


def _shell(
    p: Place,
    size: tuple[float, float, float],
    styles: tuple[str, str, str, str],
    floor: int,
    *,
    form: str | None = None,
    skylights: float = 0.35,
    gates: int = 0,
    hole: Opening | None = None,
) -> Shell:
    """Add floor, walls, windows and ceiling; `gates` roller doors in the south wall, a `hole` in the north one."""
    width, depth, height = size
    lengths, w, d = (width, depth, width, depth), width / 2, depth / 2
    sides = (
        p.at(-w, d),
        p.at(w, d, yaw=math.pi / 2),
        p.at(w, -d, yaw=math.pi),
        p.at(-w, -d, yaw=-math.pi / 2),
    )
    openings = [_windows(p, n, height, s) for n, s in zip(lengths, styles, strict=True)]
    gate = min(height - 0.4, p.u(2.8, 4.5))
    doors = [
        ((k + 0.5) * width / gates - 1.5, (k + 0.5) * width / gates + 1.5, 0.0, gate) for k in range(gates)
    ]
    doors = doors or [(w - 0.9, w + 0.9, 0.0, min(2.2, height - 0.15))]
    for k, extra in ((2, doors), (0, [hole] if hole else [])):
        cut = [o for o in openings[k] if all(o[1] < e[0] - 0.2 or o[0] > e[1] + 0.2 for e in extra)]
        openings[k] = cut + extra
    with p.object("floor", SurfaceClass.GROUND):
        p.box((0, 0), (width + 2 * _THICK, depth + 2 * _THICK), (-0.2, 0), floor)
    masonry = p.pick(
        (p.m.brick, p.m.plaster, p.m.wall_paint, lambda: _screed(p), p.m.wall_paint, p.m.stone)
    )()
    band = p.m.paint() if p.chance(0.45) else None
    dado = p.u(0.9, 1.6)
    for k, (q, length) in enumerate(zip(sides, lengths, strict=True)):
        moved = [(o[0] + _THICK, o[1] + _THICK, o[2], o[3]) for o in openings[k]]
        wall_pieces(q.at(-_THICK, 0), "wall", length + 2 * _THICK, height, _THICK, moved, masonry)
        if band is not None:
            with p.object("paint band", _WALL):
                low = [o for o in openings[k] if o[2] < dado]
                wall(
                    q.at(0, -0.012), length, (0, dado), 0.012, [(*o[:3], max(o[3], dado)) for o in low], band
                )
        for a, b, low_, high in openings[k]:
            if low_ > 0.05:
                i.window(q.at(a, 0), b - a, low_, high, depth=_THICK)
            elif gates and k == 2:
                _roller_door(q.at(a, 0), b - a, high)
            elif k == 2:
                i.door(q.at(a, 0), b - a, high, open_by=p.pick((0.0, 0.0, 1.4)))
    form = form or p.pick(("flat", "gable", "gable", "barrel", "steps"))
    is_bright = p.chance(skylights)
    if is_bright:
        p.b.environment = replace(p.b.environment, exposure=0.65 * p.b.environment.exposure)
    _roof(p, size, form, is_bright)
    _outside(p, w + _THICK, d + _THICK)
    p.walkable([(-w + 0.3, -d + 0.3), (w - 0.3, -d + 0.3), (w - 0.3, d - 0.3), (-w + 0.3, d - 0.3)])
    return Shell(p, width, depth, height, sides, lengths)


def _outside(p: Place, w: float, d: float) -> None:
    """Add what the windows show: the land, and trees and plain houses on each side at some distance."""
    q = p.at(0, 0, -p.pick((0.05, 0.2, 0.2, 3.0, 6.0)))
    backdrop(q, p.u(90, 160), p.pick((q.m.grass, q.m.paving, q.m.asphalt))())
    for k in range(4):
        side = q.at(0, 0, yaw=k * math.pi / 2)
        reach, across = (d, w) if k % 2 == 0 else (w, d)
        for _ in range(p.n(1, 3)):
            t = side.at(p.u(-across, across), reach + p.u(9, 30), yaw=p.u(-0.3, 0.3))
            if p.chance(0.6):
                plants.broadleaf(t, p.u(5, 9), dense=0.5)
                continue
            wide, high = p.u(7, 12), p.u(5, 11)
            with t.object("house outside", _WALL):
                t.box((0, 0), (wide, 9), (0, high), p.m.plaster() if p.chance(0.6) else p.m.brick())
                for x in (-0.3, 0.0, 0.3):
                    for up in range(1, int(high - 1), 3):
                        t.box((x * wide, 0), (1.1, 9.06), (up, up + 1.4), p.m.glass())


def _roller_door(q: Place, width: float, height: float) -> None:
    """Add a roller door of slats, shut or partly up."""
    paint, low = q.m.metal() if q.chance(0.5) else q.m.paint(), q.pick((0.02, 0.02, height * q.u(0.3, 0.9)))
    with q.object("roller door", _WALL):
        q.span((0, width), (0.12, 0.16), (low, height), paint)
        for k in range(int((height - low) / 0.3)):
            q.span((0, width), (0.1, 0.12), (low + 0.3 * k, low + 0.3 * k + 0.22), paint)


def _pile(q: Place, width: float, depth: float, high: float) -> None:
    """Stack cartons on a pallet; part of the object that is open."""
    wood, card = q.m.planks(), q.m.paint(q.m.shade((0.62, 0.48, 0.33), 0.2))
    q.box((0, 0), (width, depth), (0.0, 0.13), wood)
    n = q.n(1, 3)
    for k in range(n):
        x = (k + 0.5) * width / n - width / 2
        material = card if q.chance(0.7) else q.m.paint()
        q.box((x, 0), (width / n - 0.03, depth * q.u(0.7, 1)), (0.13, 0.13 + high * q.u(0.45, 1)), material)


def _rack(q: Place, levels: int, step: float, steel: int, beam: int) -> None:
    """Add one bay of a pallet rack, 2.7 m along z."""
    with q.object("rack", _OBJECT):
        for z in (-1.35, 1.35):
            for x in (-0.5, 0.5):
                q.box((x, z), (0.09, 0.09), (0, levels * step + 0.3), steel)
            for k in range(levels):
                q.beam((-0.5, k * step + 0.2, z), (0.5, (k + 1) * step, z), 0.04, steel)
        for k in range(levels):
            if k:
                for x in (-0.5, 0.5):
                    q.box((x, 0), (0.05, 2.7), (k * step - 0.12, k * step), beam)
            for z in (-0.66, 0.66):
                if q.chance(0.78):
                    _pile(q.at(0, z, k * step, yaw=math.pi / 2), 1.15, 0.95, step - 0.4)


def _forklift(q: Place) -> None:
    """Add a forklift that looks towards -z."""
    body, black = q.m.paint(q.m.shade((0.85, 0.55, 0.1))), q.m.black()
    with q.object("forklift", _OBJECT):
        q.box((0, 0.3), (1.1, 1.7), (0.2, 0.95), body)
        for x in (-0.48, 0.48):
            q.beam((x, 0.95, -0.4), (x, 2.1, -0.2), 0.07, black)
            q.beam((x, 0.95, 1.0), (x, 2.1, 0.8), 0.07, black)
            q.beam((x * 0.7, 0.05, -0.7), (x * 0.7, 2.4, -0.7), 0.1, black)
            q.box((x * 0.6, -1.3), (0.12, 1.2), (0.06, 0.11), black)
            for z in (-0.3, 0.9):
                q.ellipsoid((x, 0.28, z), (0.12, 0.28, 0.28), black)
        q.box((0, 0.3), (1.1, 1.1), (2.1, 2.16), black)
        q.box((0, 0.4), (0.5, 0.5), (0.95, 1.2), black)


def _gallery(q: Place, length: float, deep: float, up: float, stairs: bool) -> None:
    """Add a gallery along a side (its frame) with columns, railing and stairs at its right end."""
    slab, stone = _screed(q), q.m.white() if q.chance(0.5) else q.m.stone()
    round_, radius = q.chance(0.5), q.u(0.12, 0.28)
    with q.object("gallery", _CEILING):
        q.span((0, length), (-deep, 0), (up - 0.25, up), slab)
    with q.object("gallery floor", SurfaceClass.GROUND):
        q.span((0, length), (-deep, 0), (up, up + 0.02), q.m.floor())
    count = max(2, round(length / q.u(3, 5.5)))
    for k in range(count):
        x = (k + 0.5) * length / count
        with q.object("column", _WALL):
            if round_:
                q.cylinder((x, -deep + 0.35), radius, (0, up - 0.25), stone)
            else:
                q.box((x, -deep + 0.35), (2 * radius, 2 * radius), (0, up - 0.25), stone)
    props.railing(q.at(0, -deep + 0.06, up), length, card=True)
    if q.chance(0.4):
        q.walkable(
            [(0.4, -deep + 0.45), (length - 0.4, -deep + 0.45), (length - 0.4, -0.4), (0.4, -0.4)], up + 0.02
        )
    if stairs:
        steps = int(up / 0.17)
        tread = _screed(q)
        for k in range(steps):
            x = length - 0.2 - 0.28 * (steps - k)
            with q.object("stairs", _OBJECT):
                q.span(
                    (x, x + 0.28), (-deep - 1.3, -deep), (max(0.0, 0.17 * k - 0.15), 0.17 * (k + 1)), tread
                )


def _people(p: Place, size: tuple[float, float, float], count: int) -> None:
    for _ in range(count):
        props.person(p.at(p.u(-0.42, 0.42) * size[0], p.u(-0.45, 0.45) * size[1], yaw=p.u(0, math.tau)))


def _lines(p: Place, size: tuple[float, float, float], color: int) -> None:
    """Paint a field on the floor."""
    w, d = size[0] / 2 - 1.5, size[1] / 2 - 1.5
    with p.object("floor lines", SurfaceClass.GROUND):
        for x in (-w, w):
            p.box((x, 0), (0.07, 2 * d), (0, 0.003), color)
        for z in (-d, 0, d):
            p.box((0, z), (2 * w, 0.07), (0, 0.003), color)
        for k in range(24):
            a, b = k * math.tau / 24, (k + 1) * math.tau / 24
            start, end = ((1.8 * math.cos(t), -0.027, 1.8 * math.sin(t)) for t in (a, b))
            p.beam(start, end, 0.06, color)


def _warehouse(p: Place) -> None:
    size = (p.u(13, 32), p.u(16, 48), p.u(5, 11))
    width, depth, height = size
    sides = ("none", p.pick(("high", "none")), "none", p.pick(("high", "slits", "none")))
    shell = _shell(p, size, sides, _screed(p), gates=max(1, int(width / 7)))
    steel, beam = p.m.paint((0.16, 0.28, 0.5)), p.m.paint((0.85, 0.4, 0.1))
    step, aisle, free = p.u(1.3, 2.0), p.u(2.6, 4.0), p.u(5, 8)
    levels = max(2, min(5, int((height - 0.8) / step)))
    for c in range(int((width - 1.4) / (1.1 + aisle)) + 1):
        for k in range(int((depth - free - 1.5) / 2.75)):
            if p.chance(0.9):
                q = p.at(-width / 2 + 0.8 + c * (1.1 + aisle), depth / 2 - 2.4 - 2.75 * k)
                _rack(q, levels, step, steel, beam)
    for _ in range(p.n(2, 9)):
        q = p.at(p.u(-0.45, 0.45) * width, -depth / 2 + p.u(1.5, free), yaw=p.u(0, 0.3))
        with q.object("pallet", _OBJECT):
            _pile(q, 1.2, 1.0, p.u(0.3, 1.8))
    _forklift(p.at(p.u(-0.3, 0.3) * width, -depth / 2 + p.u(2, free), yaw=p.u(0, math.tau)))
    if height > 6 and p.chance(0.4):
        _gallery(shell.sides[2], width, 2.2, min(height - 2.2, 5.0), False)
    _lights(p, size, p.u(0.7, 1.3))
    _people(p, size, p.n(0, 4))


def _market(p: Place) -> None:
    size = (p.u(12, 28), p.u(16, 44), p.u(4.5, 10))
    width, depth, height = size
    long = p.pick(("high", "tall", "none"))
    shell = _shell(
        p,
        size,
        ("front", long, p.pick(("front", "none")), long),
        p.pick((p.m.tiles, lambda: _screed(p), p.m.paving))(),
    )
    is_fair, rows = p.chance(0.45), max(2, int(width / p.u(4.5, 6)))
    for c in range(rows):
        for k in range(int((depth - 4) / 3.6)):
            x, z = (c + 0.5) * width / rows - width / 2, -depth / 2 + 3.2 + 3.6 * k
            q = p.at(x, z, yaw=math.pi / 2 * (-1) ** c)
            if p.chance(0.2):
                continue
            if not is_fair:
                yards.stall(q, p.u(2.2, 3.0))
                continue
            tint = p.m.paint()
            for a, b, e, f in ((-1.5, 1.5, 1.0, 1.05), (-1.5, -1.45, -0.6, 1.0)):
                with q.object("booth wall", _WALL):
                    q.span((a, b), (e, f), (0, 2.5), tint)
            i.picture(q.at(0, 1.0), 0.0, 1.5, 1.6, 1.2)
            furniture.table(q.at(0.2, 0.2), 1.2, 0.6)
    if height > 6 and p.chance(0.5):
        _gallery(shell.sides[1], depth, 2.5, p.u(3, 3.8), False)
    _lights(p, size, p.u(0.7, 1.3))
    _people(p, size, p.n(3, 12))


def _gym(p: Place) -> None:
    size = (p.u(11, 24), p.u(16, 42), p.u(5, 9))
    width, depth, height = size
    sides = ("none", p.pick(("high", "tall", "front")), "none", p.pick(("high", "none")))
    floor = (
        p.m.planks()
        if p.chance(0.6)
        else p.m.paint(p.m.shade(p.pick(((0.3, 0.45, 0.35), (0.3, 0.4, 0.55), (0.6, 0.4, 0.3)))))
    )
    shell = _shell(p, size, sides, floor)
    _lines(p, size, p.m.white())
    white, wood = p.m.white(), p.m.wood()
    for sign in (-1, 1):
        q = p.at(0, sign * (depth / 2 - 1.2), yaw=0 if sign > 0 else math.pi)
        with q.object("goal", _OBJECT):
            for x in (-1.5, 1.5):
                q.box((x, 0), (0.08, 0.08), (0, 2.0), white)
                q.beam((x, 2.0, 0), (x, 0.0, 0.9), 0.05, white)
            q.box((0, 0), (3.08, 0.08), (2.0, 2.08), white)
            q.quad((-1.5, 2.0, 0.05), (3.0, 0, 0), (0, -2.0, 0.85), p.m.chain_link())
        with q.object("basket", _OBJECT):
            q.box((0, 0.1), (1.8, 0.05), (2.9, 3.95), white)
            q.beam((0, 3.4, 0.1), (0, 3.6, 1.2), 0.1, p.m.black())
            q.cylinder((0, -0.2), 0.23, (3.02, 3.05), p.m.paint((0.85, 0.35, 0.1)))
    for k in range(int(depth / 3)):
        q = shell.sides[3].at(1.5 + 3 * k, -0.08)
        if p.chance(0.4):
            with q.object("wall bars", _OBJECT):
                for up in range(2, 16):
                    q.beam((-0.5, 0.16 * up, 0), (0.5, 0.16 * up, 0), 0.035, wood)
                for x in (-0.5, 0.5):
                    q.box((x, 0), (0.05, 0.12), (0, 2.6), wood)
        elif p.chance(0.7):
            with q.object("bench", _OBJECT):
                q.box((0, -0.3), (2.6, 0.28), (0.3, 0.35), wood)
                for x in (-1, 1):
                    q.box((x, -0.3), (0.08, 0.24), (0, 0.3), wood)
    if height > 5.6 and p.chance(0.5):
        _gallery(shell.sides[1], depth, 2.2, 3.0, True)
    for _ in range(p.n(2, 6)):
        q = p.at(p.u(-0.4, 0.4) * width, p.u(-0.4, 0.4) * depth, yaw=p.u(0, 3))
        with q.object("vaulting box", _OBJECT):
            if p.chance(0.5):
                q.ellipsoid((0, 0.13, 0), (0.13, 0.13, 0.13), p.m.leather())
            else:
                q.box((0, 0), (1.6, 0.5), (0, p.u(0.2, 1.1)), p.m.wood())
    _lights(p, size, p.u(0.7, 1.3))
    _people(p, size, p.n(0, 8))


def _nave(p: Place) -> None:
    size = (p.u(11, 20), p.u(18, 42), p.u(7, 14))
    width, depth, height = size
    w, d = width / 2, depth / 2
    floor, apse = p.pick((p.m.tiles, p.m.stone, p.m.paving, p.m.floor))(), p.u(2.2, width * 0.28)
    top, is_library = height * p.u(0.65, 0.85), p.chance(0.4)
    sides = (p.pick(("none", "tall")), "tall", "slits", "tall")
    form = p.pick(("gable", "barrel", "barrel", "flat"))
    _shell(p, size, sides, floor, form=form, skylights=0.1, hole=(w - apse, w + apse, 0.0, top))
    stone = p.m.stone() if p.chance(0.6) else p.m.plaster()
    with p.object("apse floor", SurfaceClass.GROUND):
        p.cylinder((0, d), apse + 0.6, (-0.25, -0.002), floor)
    with p.object("apse ceiling", _CEILING):
        p.cylinder((0, d + 0.2), apse + 0.6, (top, top + 0.2), stone)
    parts = 9
    for k in range(parts):
        a = (k + 0.5) * math.pi / parts - math.pi / 2
        q = p.at(0, d + _THICK - 0.05, yaw=a).at(0, apse * 0.99)
        half = apse * math.tan(math.pi / parts / 2) + 0.03
        cut = [(half - 0.25, half + 0.25, 1.5, top - 0.8)] if k % 2 == 0 else []
        wall_pieces(q.at(-half, 0), "apse wall", 2 * half, top, 0.35, cut, stone)
    with p.object("altar", _OBJECT):
        p.box((0, d), (1.8, 0.8), (0, 1.0), p.m.get("marble", p.m.shade((0.74, 0.70, 0.64))))
    spans, aisle = max(3, round(depth / p.u(3.2, 4.6))), width * p.u(0.22, 0.28)
    span = (depth - 0.6) / spans
    for x in (-w + aisle, w - aisle):
        spring = min(height - span / 2 - 0.4, p.u(2.8, 5.0))
        arcade(
            p.at(x - 0.3, 0, yaw=math.pi / 2),
            spans,
            span,
            spring,
            min(height, spring + span / 2 + p.u(0.4, 1.5)),
            0.6,
            stone,
        )
    wood = p.m.wood()
    inner = w - aisle - 0.8
    for k in range(int((depth - 6) / 1.1)):
        z = d - 4 - 1.1 * k
        for s in (-1, 1):
            q = p.at(s * (inner / 2 + 0.5), z, yaw=math.pi)
            if is_library and k % 2 == 0:
                furniture.shelf(q, max(0.9, inner - 1.2), 2.2)
            elif not is_library and inner > 1.6 and p.chance(0.95):
                with q.object("pew", _OBJECT):
                    q.box((0, 0), (inner - 1.0, 0.4), (0.42, 0.46), wood)
                    q.box((0, 0.22), (inner - 1.0, 0.05), (0.3, 0.95), wood)
                    for x in (-inner / 2 + 0.5, inner / 2 - 0.5):
                        q.box((x, 0), (0.06, 0.5), (0, 0.95), wood)
    _lights(p, size, p.u(0.5, 1.1), up=p.u(3.2, min(6, height - 1)))
    _people(p, size, p.n(0, 5))


def _concourse(p: Place) -> None:
    size = (p.u(13, 26), p.u(20, 55), p.u(7, 14))
    width, depth, height = size
    ends = ("front", p.pick(("high", "none")), p.pick(("front", "none")), p.pick(("high", "none")))
    shell = _shell(p, size, ends, p.pick((p.m.tiles, p.m.floor, p.m.paving))(), skylights=0.7)
    up, deep = p.u(3.2, 4.2), p.u(2.2, width * 0.22)
    for k in (1, 3):
        if p.chance(0.85):
            _gallery(shell.sides[k], depth, deep, up, p.chance(0.5))
        z = 1.0
        while z < depth - 5:
            run, q = p.u(3, 5), shell.sides[k].at(z, 0)
            with q.object("shop", _WALL):
                q.span((0, run), (-0.06, 0), (0, 2.9), p.m.paint())
                q.span(
                    (0.25, run - 0.25),
                    (-0.08, -0.06),
                    (0.4, 2.3),
                    p.m.glass(p.u(0.4, 1.0) if p.chance(0.7) else 0.0),
                )
                q.quad(
                    (0.4, 2.8, -0.07),
                    (run - 0.8, 0, 0),
                    (0, -0.4, 0),
                    p.m.text(p.pick(_SIGNS), (0.9, 0.9, 0.86), p.m.shade((0.2, 0.2, 0.25))),
                )
            z += run + p.u(0.4, 3)
    for _ in range(p.n(3, 9)):
        q = p.at(p.u(-0.2, 0.2) * width, p.u(-0.42, 0.42) * depth, yaw=p.pick((0.0, math.pi / 2, math.pi)))
        p.pick((props.bench, props.bench, props.bin_, i.pot_plant, furniture.round_table, yards.stall))(q)
    for z in (-depth / 4, depth / 4):
        with p.object("hanging sign", _OBJECT):
            p.box((0, z), (2.4, 0.12), (3.4, 4.1), p.m.black())
            p.beam((-width / 2, height - 0.1, z), (width / 2, height - 0.1, z), 0.12, p.m.black())
            for x in (-1, 1):
                p.cylinder((x, z), 0.02, (4.1, height), p.m.black())
            p.quad(
                (-1.1, 4.05, z - 0.065),
                (2.2, 0, 0),
                (0, -0.6, 0),
                p.m.text(p.pick(_SIGNS), (0.95, 0.9, 0.5), (0.1, 0.12, 0.2)),
            )
    _lights(p, size, p.u(0.6, 1.2))
    _people(p, size, p.n(4, 14))


def _garage(p: Place) -> None:
    size = (p.u(15, 34), p.u(16, 44), p.u(2.25, 2.65))
    width, depth, height = size
    _shell(
        p,
        size,
        ("none", p.pick(("none", "usual")), "none", p.pick(("none", "usual"))),
        p.pick((lambda: _screed(p), lambda: _screed(p), p.m.asphalt))(),
        form="flat",
        skylights=0.0,
        gates=1,
    )
    thick, coat, white = p.u(0.25, 0.45), _screed(p), p.m.white()
    band, round_ = p.m.paint(), p.chance(0.3)
    xs = [s * (width / 2 - 5.3) for s in (-1, 1)] + ([0.0] if width > 20 else [])
    bays = int(depth / 5.2)
    cars = 0
    for k in range(bays):
        z = (k + 0.5) * depth / bays - depth / 2
        for x in xs:
            q = p.at(x, z - depth / bays / 2 + 0.3)
            with q.object("column", _WALL):
                for a, b, m in ((0.0, 1.0, band), (1.0, height, coat)):
                    if round_:
                        q.cylinder((0, 0), thick, (a, b), m)
                    else:
                        q.box((0, 0), (2 * thick, 2 * thick), (a, b), m)
        for s in (-1, 1):
            for o in (-1.25, 1.25):
                q = p.at(s * (width / 2 - 2.7), z + o, yaw=s * math.pi / 2 + p.pick((0, math.pi)))
                with q.object("marking", SurfaceClass.GROUND):
                    q.box((1.25, 0), (0.1, 4.8), (0, 0.003), white)
                if cars < 12 and p.chance(0.55):
                    vehicles.car(q)
                    cars += 1
    for _ in range(p.n(1, 4)):
        x, r = p.u(-0.3, 0.3) * width, p.u(0.04, 0.1)
        with p.object("pipe", _CEILING):
            p.beam((x, height - 0.02 - r, -depth / 2), (x, height - 0.02 - r, depth / 2), 2 * r, p.m.metal())
    _lights(p, size, p.u(0.8, 1.6), up=height - 0.01)
    _people(p, size, p.n(0, 3))


def _hallway(p: Place) -> None:
    size = (p.u(2.0, 4.2), p.u(12, 42), p.u(2.5, 3.6))
    width, depth, height = size
    sides = (p.pick(("front", "usual", "none")), p.pick(("none", "usual", "none")), "none", "none")
    form = "barrel" if p.chance(0.15) else "flat"
    shell = _shell(p, size, sides, p.m.floor(), form=form, skylights=0.0)
    paint, black = p.m.paint(), p.m.black()
    for k in (1, 3):
        z = 0.6
        while z < depth - 3:
            q = shell.sides[k].at(z, 0)
            kind = p.n(0, 4) if k == 3 or sides[1] == "none" else 4
            if kind <= 1:
                n = p.n(2, 7)
                with q.object("locker", _OBJECT):
                    q.span((0, 0.4 * n), (-0.4, 0), (0.05, 1.9), paint)
                    for c in range(n):
                        q.span((0.4 * c + 0.015, 0.4 * c + 0.385), (-0.415, -0.4), (0.1, 1.87), paint)
                        q.span((0.4 * c + 0.32, 0.4 * c + 0.35), (-0.44, -0.415), (0.95, 1.1), black)
                z += 0.4 * n
            elif kind == 2:
                with q.object("door", _WALL):
                    q.span((0, 1.1), (-0.04, 0), (0, 2.15), p.m.white())
                    q.span((0.08, 1.02), (-0.06, -0.04), (0.01, 2.07), p.m.wood())
                    q.ellipsoid((0.9, 1.0, -0.09), (0.03, 0.03, 0.03), p.m.metal())
                z += 1.1
            elif kind == 3:
                i.picture(q, 0.7, 1.5, 1.3, 0.9)
                z += 1.4
            elif width > 2.6 and p.chance(0.5):
                props.bench(q.at(1.0, -0.45))
                z += 2.0
            z += p.u(0.3, 2.0)
    _lights(p, size, p.u(0.5, 1.0), up=height - 0.01)
    _people(p, (size[0] - 1, size[1], height), p.n(0, 4))


_KINDS: dict[str, Callable[[Place], None]] = {
    "a warehouse with racks": _warehouse,
    "a market hall": _market,
    "a sports hall": _gym,
    "a nave with columns": _nave,
    "a concourse with galleries": _concourse,
    "a parking garage": _garage,
    "a school hallway": _hallway,
}


def build(p: Place) -> None:
    """Build one hall of a random kind."""
    kind = p.pick(tuple(_KINDS))
    daylight(p, evenings=0.2, indoors=p.u(1.4, 2.0))
    _KINDS[kind](p)
    p.b.facts.insert(0, kind)
