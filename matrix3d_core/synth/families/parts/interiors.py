"""Inside of buildings: shells of rooms with doors and windows, and what is fixed to walls and ceilings."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from ...scene import SurfaceClass
from .place import Place
from .shapes import tube, wall_pieces

__all__ = [
    "Shell",
    "bookish_clutter",
    "ceiling_lamp",
    "curtains",
    "door",
    "floor_lamp",
    "picture",
    "pot_plant",
    "radiator",
    "room_shell",
    "rug",
    "window",
]

_OBJECT, _WALL = SurfaceClass.OBJECT, SurfaceClass.WALL
Opening = tuple[float, float, float, float]


@dataclass(frozen=True)
class Shell:
    """A room: its frame is in the middle of the floor.

    Attributes:
        place: the frame.
        width, depth, height: inner size along x, z and up, meters.
        free: for each side the free stretches of wall ``(from, to)`` along the side, without doors and windows.
        sides: for each side a frame at the left end of the wall, as seen from inside: x along the wall, -z into the
            room; the wall's inner face is at z = 0.
    """

    place: Place
    width: float
    depth: float
    height: float
    sides: tuple[Place, Place, Place, Place]
    lengths: tuple[float, float, float, float]
    free: list[list[tuple[float, float]]] = field(default_factory=list)


def door(p: Place, width: float, height: float, *, open_by: float = 0.0) -> None:
    """Add frame and leaf of a door in an opening: x from 0, in the wall's inner face z = 0; open by an angle."""
    frame, leaf = p.m.white() if p.chance(0.5) else p.m.wood(), p.m.white() if p.chance(0.5) else p.m.wood()
    with p.object("door frame", _WALL):
        for x in (-0.07, width):
            p.span((x, x + 0.07), (-0.02, 0.14), (0, height + 0.07), frame)
    with p.object("door frame", _WALL):
        p.span((0, width), (-0.02, 0.14), (height, height + 0.07), frame)
    q = p.at(0.0, 0.05, yaw=open_by)
    with p.object("door", _WALL):
        q.span((0.0, width), (0, 0.04), (0.01, height), leaf)
        for low, high in ((0.12, 0.9), (1.02, height - 0.14)):
            for z in (-0.006, 0.04):
                q.span((0.12, width - 0.12), (z, z + 0.006), (low, high), leaf)
        for z in (-0.05, 0.08):
            q.ellipsoid((width - 0.08, 1.02, z), (0.028, 0.028, 0.028), p.m.metal((0.6, 0.55, 0.4)))


def window(p: Place, width: float, low: float, high: float, depth: float = 0.2) -> None:
    """Add frame, bars and sill of a window that one sees through, in an opening that begins at x = 0."""
    frame, t = p.m.white() if p.chance(0.75) else p.m.wood(), 0.06
    with p.object("window", _WALL):
        for x in (0.0, width - t):
            p.span((x, x + t), (depth * 0.4, depth * 0.7), (low, high), frame)
        for up in (low, high - t):
            p.span((0, width), (depth * 0.4, depth * 0.7), (up, up + t), frame)
        bars = max(1, round(width / p.u(0.55, 0.9)))
        for k in range(1, bars):
            x = k * width / bars
            p.span((x - 0.03, x + 0.03), (depth * 0.4, depth * 0.7), (low, high), frame)
        if p.chance(0.5):
            up = low + (high - low) * 0.68
            p.span((0, width), (depth * 0.45, depth * 0.65), (up, up + 0.04), frame)
        p.span((-0.05, width + 0.05), (-0.14, depth * 0.4), (low - 0.03, low), frame)


def curtains(p: Place, width: float, high: float) -> None:
    """Add a rod and two curtains in folds, in front of a window that begins at x = 0."""
    cloth, drop = p.m.fabric(), p.u(0.02, 0.12)
    with p.object("curtain", _OBJECT):
        tube(
            p,
            ((-0.3, high + 0.12, -0.1), (width / 2, high + 0.12, -0.1), (width + 0.3, high + 0.12, -0.1)),
            0.014,
            p.m.metal(),
        )
        for side, edge in ((1, -0.25), (-1, width + 0.25)):
            folds = p.n(4, 7)
            for k in range(folds):
                p.cylinder((edge + side * 0.075 * k, -0.1 + 0.02 * (k % 2)), 0.045, (drop, high + 0.1), cloth)


def blinds(p: Place, width: float, low: float, high: float) -> None:
    """Add a Venetian blind, let down for a part."""
    white, end = p.m.white(), low + (high - low) * p.u(0.0, 0.6)
    with p.object("blind", _OBJECT):
        for k in range(int((high - end) / 0.06)):
            up = high - 0.06 * k
            p.beam((0.03, up, 0.02), (width - 0.03, up, 0.02), 0.022, white)


def picture(p: Place, x: float, up: float, width: float, height: float) -> None:
    """Hang a framed picture on a wall (inner face at z = 0)."""
    frame, t = p.m.wood() if p.chance(0.6) else p.m.black(), p.u(0.02, 0.06)
    art = p.m.picture()
    if p.chance(0.15):
        art = p.m.text(
            p.pick(("HOME", "OPEN", "CAFE", "WELCOME", "FRESH COFFEE", "PARIS")),
            p.m.shade((0.2, 0.2, 0.2)),
            p.m.shade((0.8, 0.76, 0.66)),
        )
    with p.object("picture", _OBJECT):
        p.span((x - width / 2, x + width / 2), (-0.03, 0), (up - height / 2, up + height / 2), frame)
        p.quad(
            (x - width / 2 + t, up + height / 2 - t, -0.032),
            (width - 2 * t, 0, 0),
            (0, 2 * t - height, 0),
            art,
        )


def radiator(p: Place, x: float, width: float) -> None:
    """Add a ribbed radiator at a wall."""
    white = p.m.white()
    with p.object("radiator", _OBJECT):
        n = int(width / 0.06)
        for k in range(n):
            p.box((x - width / 2 + (k + 0.5) * width / n, -0.1), (0.04, 0.09), (0.12, 0.68), white)
        for up in (0.16, 0.62):
            p.box((x, -0.1), (width, 0.04), (up, up + 0.03), white)


def rug(p: Place, width: float, depth: float) -> None:
    """Lay a rug."""
    with p.object("rug", SurfaceClass.GROUND):
        if p.chance(0.2):
            p.cylinder((0, 0), min(width, depth) / 2, (0.0, 0.012), p.m.carpet())
        else:
            p.box((0, 0), (width, depth), (0.0, 0.012), p.m.carpet())


def ceiling_lamp(p: Place, height: float, strength: float = 1.0) -> None:
    """Hang a lamp of a random form from the ceiling, with its light."""
    kind, metal = p.n(0, 3), p.m.metal()
    glow = p.m.glow(strength=strength)
    with p.object("ceiling lamp", _OBJECT):
        if kind == 0:
            low = height - p.u(0.5, 0.9)
            p.cylinder((0, 0), 0.008, (low + 0.2, height), p.m.black())
            p.cylinder((0, 0), 0.22, (low, low + 0.2), p.m.fabric(), 0.12)
            p.ellipsoid((0, low + 0.04, 0), (0.08, 0.06, 0.08), glow)
        elif kind == 1:
            low = height - 0.12
            p.cylinder((0, 0), 0.2, (height - 0.12, height), glow)
        elif kind == 2:
            low = height - 0.45
            p.cylinder((0, 0), 0.012, (low + 0.1, height), metal)
            for k in range(5):
                a = k * math.tau / 5
                x, z = 0.3 * math.cos(a), 0.3 * math.sin(a)
                tube(p, ((0, low + 0.12, 0), (x * 0.6, low, z * 0.6), (x, low + 0.08, z)), 0.01, metal, 5)
                p.ellipsoid((x, low + 0.15, z), (0.05, 0.07, 0.05), glow)
        else:
            low = height - 0.4
            p.cylinder((0, 0), 0.012, (low, height), metal)
            p.ellipsoid((0, low, 0), (0.14, 0.12, 0.14), glow)
            if p.chance(0.5):
                wood = p.m.wood()
                for k in range(5):
                    a = k * math.tau / 5 + 0.3
                    p.at(0, 0, yaw=a).box((0.38, 0), (0.5, 0.13), (low + 0.14, low + 0.155), wood)
    p.lamp((0, low - 0.1, 0), (1.0 * strength, 0.86 * strength, 0.66 * strength), 9.0)


def floor_lamp(p: Place, strength: float = 0.5) -> None:
    """Add a standing lamp."""
    metal, h = p.m.metal(), p.u(1.35, 1.7)
    with p.object("floor lamp", _OBJECT):
        p.cylinder((0, 0), 0.14, (0, 0.03), metal)
        p.cylinder((0, 0), 0.013, (0.03, h), metal)
        p.cylinder((0, 0), 0.2, (h - 0.22, h + 0.06), p.m.glow((0.95, 0.80, 0.56), strength), 0.13)
    p.lamp((0, h - 0.3, 0), (strength, 0.8 * strength, 0.55 * strength), 5.0)


def pot_plant(p: Place, height: float | None = None) -> None:
    """Add a plant in a pot."""
    h = height or p.u(0.5, 1.7)
    r = 0.1 + 0.07 * h
    leaf, pot = p.m.leaf(), p.m.paint() if p.chance(0.5) else p.m.get("plaster", p.m.shade((0.6, 0.35, 0.24)))
    with p.object("potted plant", SurfaceClass.FOLIAGE):
        top = 0.12 + 0.16 * h
        p.cylinder((0, 0), r * 0.75, (0, top), pot, r)
        p.cylinder((0, 0), r * 0.9, (top - 0.01, top + 0.005), p.m.soil())
        stems = p.n(2, 5)
        for _ in range(stems):
            x, z, up = p.u(-0.2, 0.2) * h, p.u(-0.2, 0.2) * h, top + p.u(0.3, 0.8) * (h - top)
            p.beam((0, top, 0), (x, up, z), 0.014, p.m.bark())
            p.leaves((x, up, z), (0.2 * h, 0.25 * h, 0.2 * h), p.n(12, 30), p.u(0.09, 0.2), leaf)


def bookish_clutter(p: Place) -> None:
    """Put a crate, basket, bag or stack of things on the floor."""
    kind = p.n(0, 3)
    with p.object(("box", "basket", "bag", "stack of books")[kind], _OBJECT):
        if kind == 0:
            p.box(
                (0, 0),
                (p.u(0.3, 0.5), p.u(0.25, 0.4)),
                (0, p.u(0.2, 0.4)),
                p.m.paint(p.m.shade((0.62, 0.48, 0.33))),
            )
        elif kind == 1:
            p.cylinder((0, 0), 0.16, (0, p.u(0.25, 0.45)), p.m.fabric((0.6, 0.46, 0.28)), 0.21)
        elif kind == 2:
            p.ellipsoid((0, 0.2, 0), (0.24, 0.21, 0.16), p.m.fabric())
        else:
            for k in range(p.n(3, 9)):
                p.box((0, 0), (0.2, 0.27), (0.03 * k, 0.03 * k + 0.028), p.m.paint(), p.u(-0.3, 0.3))


def _free(length: float, openings: Sequence[Opening]) -> list[tuple[float, float]]:
    """Stretches of a wall that no opening takes."""
    free, start = [], 0.15
    for o in sorted(openings):
        if o[0] - 0.2 - start > 0.5:
            free.append((start, o[0] - 0.2))
        start = o[1] + 0.2
    if length - 0.15 - start > 0.5:
        free.append((start, length - 0.15))
    return free


def room_shell(
    p: Place,
    width: float,
    depth: float,
    height: float,
    openings: Sequence[Sequence[Opening]],
    *,
    wall: int,
    floor: int,
    ceiling: int,
    thickness: float = 0.2,
    skip: Sequence[int] = (),
) -> Shell:
    """Add floor, ceiling, walls with their openings and skirting of one room around the frame.

    Args:
        openings: per side (north +z, east +x, south -z, west -x) ``(from, to, low, high)`` from the left end of the
            wall as seen from inside; those that begin at the floor are doors.
        skip: sides whose wall a neighboring room has already.
    """
    with p.object("floor", SurfaceClass.GROUND):
        p.box((0, 0), (width + thickness, depth + thickness), (-0.12, 0), floor)
    with p.object("ceiling", SurfaceClass.CEILING):
        p.box((0, 0), (width + 2 * thickness, depth + 2 * thickness), (height, height + 0.2), ceiling)
    w, d = width / 2, depth / 2
    sides = (
        p.at(-w, d),
        p.at(w, d, yaw=math.pi / 2),
        p.at(w, -d, yaw=math.pi),
        p.at(-w, -d, yaw=-math.pi / 2),
    )
    lengths = (width, depth, width, depth)
    skirting = p.m.white() if p.chance(0.6) else p.m.wood()
    cornice = p.m.white() if p.chance(0.4) else None
    for k, (q, length) in enumerate(zip(sides, lengths, strict=True)):
        if k not in skip:
            wall_pieces(
                q.at(-thickness, 0),
                "wall",
                length + 2 * thickness,
                height,
                thickness,
                [(o[0] + thickness, o[1] + thickness, o[2], o[3]) for o in openings[k]],
                wall,
            )
        start = 0.0
        doors = [(o[0], o[1]) for o in sorted(openings[k]) if o[2] < 0.05]
        with p.object("skirting", _WALL):
            for low, high in [*doors, (length, length)]:
                if low - start > 0.05:
                    q.span((start, low), (-0.015, 0), (0, 0.1), skirting)
                start = high
        if cornice is not None:
            with p.object("cornice", _WALL):
                q.span((0, length), (-0.05, 0), (height - 0.07, height), cornice)
    p.walkable([(-w + 0.3, -d + 0.3), (w - 0.3, -d + 0.3), (w - 0.3, d - 0.3), (-w + 0.3, d - 0.3)])
    return Shell(
        p, width, depth, height, sides, lengths, [_free(n, o) for n, o in zip(lengths, openings, strict=True)]
    )
