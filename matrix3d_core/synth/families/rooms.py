"""Rooms: a furnished room, sometimes with a second one behind an open door, and a view out of its windows."""

from __future__ import annotations

import math

from ..scene import SurfaceClass
from .parts import interiors as i
from .parts.furnish import furnish
from .parts.interiors import Opening, Shell, room_shell
from .parts.place import Place
from .parts.weather import daylight

__all__ = ["SIZES", "build", "chandelier", "room", "view_outside"]

USES = ("living room", "bedroom", "dining room", "kitchen", "study", "living room", "restaurant")
SIZES = {
    "living room": (4.0, 7.0, 3.6, 5.5),
    "bedroom": (3.2, 5.0, 3.0, 4.5),
    "dining room": (3.4, 5.5, 3.2, 4.5),
    "kitchen": (3.0, 5.0, 2.8, 4.2),
    "study": (3.0, 5.0, 3.0, 4.2),
    "restaurant": (7.0, 13.0, 6.0, 10.0),
}


def _windows(p: Place, length: float, height: float) -> list[Opening]:
    """Return windows of one kind along a wall."""
    low = p.pick((0.85, 0.85, 0.4, 1.1))
    high = min(height - 0.25, low + p.u(1.1, 1.7))
    width = p.u(0.8, 1.8)
    count = max(1, int((length - 0.8) / (width + p.u(0.5, 1.2))))
    pitch = length / count
    return [((k + 0.5) * pitch - width / 2, (k + 0.5) * pitch + width / 2, low, high) for k in range(count)]


def _fit_openings(shell: Shell, openings: list[list[Opening]], ajar: bool) -> None:
    """Put doors and windows in their openings, with curtains or blinds."""
    p = shell.place
    drape = p.n(0, 3)
    for q, side in zip(shell.sides, openings, strict=True):
        for a, b, low, high in side:
            if low < 0.05:
                i.door(q.at(a, 0), b - a, high, open_by=0.0 if ajar and p.chance(0.6) else p.u(1.1, 1.7))
                continue
            i.window(q.at(a, 0), b - a, low, high)
            if drape == 0:
                i.curtains(q.at(a, 0), b - a, high)
            elif drape == 1:
                i.blinds(q.at(a, 0), b - a, low, high)
            if low > 0.75 and p.chance(0.5):
                i.radiator(q, (a + b) / 2, (b - a) * 0.8)


def view_outside(p: Place, ground_up: float) -> None:
    """Add what windows show: lawn or street, hedges, trees and houses as simple bodies."""
    from .parts.plants import broadleaf

    with p.object("ground outside", SurfaceClass.TERRAIN):
        p.box(
            (0, 0), (160, 160), (ground_up - 0.3, ground_up), p.m.grass() if p.chance(0.6) else p.m.paving()
        )
    for k in range(p.n(5, 9)):
        a, r = k * 0.8 + p.u(0, 0.6), p.u(13, 34)
        q = p.at(r * math.sin(a), r * math.cos(a), ground_up, yaw=p.u(0, 6.28))
        if p.chance(0.5):
            broadleaf(q, p.u(5, 10), dense=0.5)
        else:
            w, h = p.u(7, 11), p.u(5, 10)
            with q.object("house outside", SurfaceClass.WALL):
                q.box((0, 0), (w, w * 0.8), (0, h), p.m.plaster() if p.chance(0.6) else p.m.brick())
                glass = p.m.glass()
                for x in (-0.3, 0.0, 0.3):
                    for up in range(1, int(h - 1), 3):
                        q.box((x * w, 0), (1.1, w * 0.8 + 0.06), (up, up + 1.4), glass)
                q.cylinder((0, 0), w * 0.75, (h, h + 2.5), p.m.roof(), 0.1)


def _columns(shell: Shell) -> None:
    """Add a gallery with railing and columns to a hall."""
    p, w, d = shell.place, shell.width / 2, shell.depth / 2
    stone, up = (
        p.m.get("marble", p.m.shade((0.8, 0.66, 0.42))) if p.chance(0.5) else p.m.white(),
        p.u(2.6, 3.2),
    )
    rail = p.m.railing(p.m.shade((0.3, 0.14, 0.08)))
    depth = min(2.2, w * 0.35)
    for x in (-w + depth, w - depth):
        for k in range(max(2, int(shell.depth / 3.2)) + 1):
            z = -d + 0.4 + k * (shell.depth - 0.8) / max(2, int(shell.depth / 3.2))
            with p.object("column", SurfaceClass.WALL):
                p.cylinder((x, z), 0.18, (0.15, shell.height), stone)
                p.cylinder((x, z), 0.26, (0, 0.15), stone)
                p.cylinder((x, z), 0.19, (up - 0.35, up - 0.15), stone, 0.3)
        outer = math.copysign(w, x)
        with p.object("gallery", SurfaceClass.CEILING):
            p.span((min(x, outer), max(x, outer)), (-d, d), (up - 0.15, up + 0.15), p.m.white())
        with p.object("railing", SurfaceClass.OBJECT):
            p.quad((x, up + 1.1, -d), (0, 0, 2 * d), (0, -0.95, 0), rail)
            p.beam((x, up + 1.12, -d), (x, up + 1.12, d), 0.08, p.m.wood((0.35, 0.15, 0.08)))


def chandelier(p: Place, height: float) -> None:
    """Hang a chandelier of rings of lamps, with chains of glass."""
    low, glow, brass = height - p.u(1.0, 1.8), p.m.glow(strength=1.6), p.m.metal((0.7, 0.55, 0.28))
    with p.object("chandelier", SurfaceClass.OBJECT):
        p.cylinder((0, 0), 0.02, (low, height), brass)
        for ring, (r, n) in enumerate(((0.75, 14), (0.5, 10), (0.25, 6))):
            up = low + 0.3 * ring
            for k in range(n):
                a = k * math.tau / n
                x, z = r * math.cos(a), r * math.sin(a)
                p.beam((0, up + 0.2, 0), (x, up, z), 0.018, brass)
                p.ellipsoid((x, up + 0.06, z), (0.035, 0.06, 0.035), glow)
                p.beam((x, up, z), (x * 0.7, up - 0.25, z * 0.7), 0.015, p.m.glow((1.0, 0.9, 0.72), 0.7))
    p.lamp((0, low - 0.4, 0), (1.8, 1.4, 0.9), 14.0)


def room(
    p: Place,
    use: str,
    size: tuple[float, float, float],
    doors: dict[int, float],
    *,
    skip: tuple[int, ...] = (),
    windows: tuple[int, ...] = (),
    ajar: bool = True,
) -> Shell:
    """Add a furnished room.

    Args:
        use: what it is for, one of `SIZES`.
        size: width, depth, height, meters.
        doors: per side the middle of a door, from the side's left end.
        skip: sides whose wall stands already.
        windows: sides with windows.
        ajar: whether doors stand open now and then.
    """
    width, depth, height = size
    lengths = (width, depth, width, depth)
    openings: list[list[Opening]] = [[] for _ in range(4)]
    for side, at in doors.items():
        openings[side].append((at - 0.45, at + 0.45, 0.0, 2.05))
    for side in windows:
        openings[side] = _windows(p, lengths[side], height)
    wall = p.m.wallpaper() if p.chance(0.25) else p.m.brick() if p.chance(0.08) else p.m.wall_paint()
    ceiling = p.m.planks() if p.chance(0.12) else p.m.wall_paint((0.88, 0.87, 0.85))
    shell = room_shell(
        p, width, depth, height, openings, wall=wall, floor=p.m.floor(), ceiling=ceiling, skip=skip
    )
    _fit_openings(shell, [[] if k in skip else side for k, side in enumerate(openings)], ajar)
    furnish(shell, use)
    return shell


def build(p: Place) -> None:
    """Build one or two furnished rooms."""
    use = p.pick(USES)
    is_hall = use == "restaurant"
    w0, w1, d0, d1 = SIZES[use]
    width, depth, height = p.u(w0, w1), p.u(d0, d1), p.u(3.6, 6.5) if is_hall else p.u(2.35, 3.1)
    daylight(p, evenings=0.3, indoors=p.u(1.3, 2.0))
    has_second = not is_hall and p.chance(0.55)
    doors = {1: depth / 2} if has_second else {}
    if p.chance(0.7):
        doors[2] = p.u(0.8, width - 0.8)
    windows = tuple(k for k in (0, 3) if p.chance(0.75))
    first = room(p, use, (width, depth, height), doors, windows=windows, ajar=not has_second)
    p.b.facts.insert(0, f"a {use}")
    if is_hall:
        if height > 4.8:
            _columns(first)
        chandelier(p, height)
        for x in (-0.3, 0.3):
            i.ceiling_lamp(p.at(x * width, p.u(-0.2, 0.2) * depth), height, 0.8)
    else:
        i.ceiling_lamp(p, height, p.u(0.5, 1.1))
    if has_second:
        other = p.pick([u for u in USES[:6] if u != use])
        wide, deep = p.u(*SIZES[other][:2]), p.u(2.7, depth)
        q = p.at(width / 2 + 0.2 + wide / 2, 0)
        room(
            q,
            other,
            (wide, deep, height),
            {3: deep / 2},
            skip=(3,),
            windows=tuple(k for k in (0, 1) if p.chance(0.7)),
        )
        i.ceiling_lamp(q, height, p.u(0.4, 1.0))
        p.walkable(
            [(width / 2 - 0.5, -0.3), (width / 2 + 0.7, -0.3), (width / 2 + 0.7, 0.3), (width / 2 - 0.5, 0.3)]
        )
        p.b.facts[0] += f" with a door to a {other}"
    view_outside(p, -p.pick((0.15, 0.3, 3.0, 6.0)))
