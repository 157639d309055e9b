"""Furniture in usual sizes. Each stands on its frame's base, its back at +z, and looks towards -z."""

from __future__ import annotations

import math

from ...scene import SurfaceClass
from .place import Place
from .shapes import cushion, tube

__all__ = [
    "armchair",
    "bed",
    "cabinet",
    "chair",
    "desk",
    "office_chair",
    "round_table",
    "shelf",
    "sofa",
    "stool",
    "table",
    "television",
    "wardrobe",
]

_OBJECT = SurfaceClass.OBJECT


def _legs(p: Place, width: float, depth: float, height: float, thick: float, material: int) -> None:
    x, z = width / 2 - thick, depth / 2 - thick
    for sx in (-x, x):
        for sz in (-z, z):
            p.box((sx, sz), (thick, thick), (0, height), material)


def _things_on(p: Place, width: float, depth: float, top: float) -> None:
    """Put plates, cups, books and bottles on a top, all part of the object that is open."""
    for _ in range(p.n(2, 6)):
        x, z = p.u(-0.42, 0.42) * width, p.u(-0.4, 0.4) * depth
        kind = p.n(0, 4)
        if kind == 0:
            p.cylinder((x, z), p.u(0.1, 0.14), (top, top + 0.02), p.m.white())
        elif kind == 1:
            p.cylinder((x, z), 0.04, (top, top + p.u(0.08, 0.12)), p.m.paint())
        elif kind == 2:
            up = top
            for _ in range(p.n(1, 3)):
                p.box((x, z), (p.u(0.14, 0.22), p.u(0.18, 0.28)), (up, up + 0.03), p.m.paint(), p.u(0, 3))
                up += 0.03
        elif kind == 3:
            green = p.m.get("glass", (0.12, 0.22, 0.12))
            p.cylinder((x, z), 0.037, (top, top + 0.2), green)
            p.cylinder((x, z), 0.037, (top + 0.2, top + 0.3), green, 0.013)
        else:
            p.ellipsoid((x, top + 0.06, z), (p.u(0.08, 0.13), 0.06, 0.1), p.m.paint())


def table(
    p: Place,
    width: float | None = None,
    depth: float | None = None,
    height: float = 0.74,
    wood: int | None = None,
) -> tuple[float, float]:
    """Add a table with things on it; return its width and depth."""
    w, d = width or p.u(1.1, 2.0), depth or p.u(0.7, 0.95)
    wood = p.m.wood() if wood is None else wood
    with p.object("table", _OBJECT):
        p.box((0, 0), (w, d), (height - 0.04, height), wood)
        _legs(p, w - 0.06, d - 0.06, height - 0.04, p.u(0.05, 0.08), wood)
        p.box((0, 0), (w - 0.16, d - 0.16), (height - 0.12, height - 0.04), wood)
        _things_on(p, w, d, height)
    return w, d


def round_table(p: Place, radius: float = 0.45, cloth: bool = False) -> None:
    """Add a round table, with a cloth to the floor if wished."""
    with p.object("table", _OBJECT):
        if cloth:
            white = p.m.fabric((0.86, 0.84, 0.80))
            p.cylinder((0, 0), radius * 1.08, (0.12, 0.74), white, radius)
            p.cylinder((0, 0), radius, (0.74, 0.755), white)
        else:
            metal = p.m.metal()
            p.cylinder((0, 0), radius, (0.71, 0.74), p.m.wood())
            p.cylinder((0, 0), 0.035, (0.02, 0.71), metal)
            p.cylinder((0, 0), radius * 0.5, (0, 0.03), metal)
        _things_on(p, radius * 1.2, radius * 1.2, 0.75)


def chair(p: Place, wood: int | None = None, seat: int | None = None) -> None:
    """Add a chair that looks towards -z."""
    wood = p.m.wood() if wood is None else wood
    w, back = 0.43, p.u(0.85, 0.98)
    with p.object("chair", _OBJECT):
        for x in (-0.19, 0.19):
            p.beam((x, 0, -0.19), (x, 0.45, -0.18), 0.036, wood)
            p.beam((x, 0, 0.2), (x * 0.95, back, 0.26), 0.036, wood)
        p.box((0, 0), (w, 0.42), (0.43, 0.47), wood if seat is None else seat)
        if back > 0.91:
            for k in range(4):
                x = -0.13 + 0.087 * k
                p.beam((x, 0.5, 0.22), (x, back - 0.03, 0.255), 0.02, wood)
        else:
            p.beam((-0.18, 0.62, 0.225), (0.18, 0.62, 0.225), 0.05, wood)
        p.beam((-0.19, back - 0.04, 0.255), (0.19, back - 0.04, 0.255), 0.06, wood)


def stool(p: Place, height: float = 0.7) -> None:
    """Add a bar stool."""
    metal = p.m.black()
    with p.object("stool", _OBJECT):
        p.cylinder((0, 0), 0.17, (height - 0.05, height), p.m.leather())
        for k in range(4):
            a = k * math.pi / 2 + 0.4
            p.beam(
                (0.1 * math.cos(a), height - 0.05, 0.1 * math.sin(a)),
                (0.2 * math.cos(a), 0, 0.2 * math.sin(a)),
                0.025,
                metal,
            )


def office_chair(p: Place) -> None:
    """Add a swivel chair."""
    black, cloth = p.m.black(), p.m.fabric()
    with p.object("office chair", _OBJECT):
        for k in range(5):
            a = k * math.tau / 5
            p.beam((0, 0.09, 0), (0.3 * math.cos(a), 0.05, 0.3 * math.sin(a)), 0.035, black)
        p.cylinder((0, 0), 0.03, (0.08, 0.44), p.m.metal())
        cushion(p, (0, 0), (0.48, 0.46), (0.43, 0.53), cloth)
        cushion(p, (0, 0.24), (0.44, 0.1), (0.58, 1.08), cloth, tilt=0.15)
        for x in (-0.27, 0.27):
            p.box((x, 0), (0.05, 0.26), (0.66, 0.7), black)
            p.box((x, 0.05), (0.04, 0.05), (0.46, 0.66), black)


def _seat(p: Place, name: str, seats: int, seat_width: float) -> float:
    """Add an upholstered seat for one or more; return its width."""
    cover = (
        p.m.leather(p.pick(((0.62, 0.45, 0.26), (0.40, 0.22, 0.14), (0.16, 0.15, 0.15))))
        if p.chance(0.4)
        else p.m.fabric()
    )
    arm, depth, height = p.u(0.16, 0.26), p.u(0.86, 0.98), p.u(0.76, 0.92)
    width = seats * seat_width + 2 * arm
    with p.object(name, _OBJECT):
        p.box((0, 0.02), (width - 0.06, depth - 0.12), (0.06, 0.28), cover)
        for x in (-(width - arm) / 2, (width - arm) / 2):
            cushion(p, (x, 0), (arm, depth), (0.05, p.u(0.56, 0.66)), cover, power=5)
        cushion(p, (0, depth / 2 - 0.13), (width - arm, 0.26), (0.1, height), cover, power=5, tilt=0.08)
        for k in range(seats):
            x = (k - (seats - 1) / 2) * seat_width
            cushion(p, (x, -0.06), (seat_width - 0.01, depth - 0.2), (0.26, 0.46), cover)
            cushion(p, (x, depth / 2 - 0.3), (seat_width - 0.02, 0.2), (0.42, height + 0.02), cover, tilt=0.2)
        for _ in range(p.n(0, seats)):
            x = p.u(-0.42, 0.42) * (width - 2 * arm)
            cushion(
                p,
                (x, 0.05),
                (0.44, 0.16),
                (0.44, 0.84),
                p.m.fabric(),
                power=2.6,
                yaw=p.u(-0.5, 0.5),
                tilt=0.4,
            )
    return width


def sofa(p: Place, seats: int = 3) -> float:
    """Add a sofa; return its width."""
    return _seat(p, "sofa", seats, p.u(0.58, 0.7))


def armchair(p: Place) -> float:
    """Add an armchair; return its width."""
    return _seat(p, "armchair", 1, p.u(0.52, 0.6))


def shelf(p: Place, width: float | None = None, height: float | None = None) -> float:
    """Add a bookcase with books and gaps; return its width. Its back stands at z = 0.15."""
    w, h, depth = width or p.u(0.8, 1.8), height or p.u(1.2, 2.2), 0.3
    wood = p.m.wood()
    levels = max(2, round(h / p.u(0.32, 0.4)))
    books = [p.m.books() for _ in range(3)]
    with p.object("bookcase", _OBJECT):
        p.span((-w / 2, w / 2), (depth / 2 - 0.01, depth / 2), (0, h), wood)
        for x in (-w / 2, w / 2 - 0.03):
            p.span((x, x + 0.03), (-depth / 2, depth / 2), (0, h), wood)
        for k in range(levels + 1):
            up = 0.05 + (h - 0.08) * k / levels
            p.span((-w / 2, w / 2), (-depth / 2, depth / 2), (up, up + 0.025), wood)
            if k < levels:
                _row(p, w, up + 0.025, (h - 0.08) / levels - 0.06, books)
    return w


def _row(p: Place, width: float, up: float, room: float, books: list[int]) -> None:
    """Fill one level of a bookcase."""
    x = -width / 2 + 0.05
    while x < width / 2 - 0.12:
        run = min(p.u(0.1, 0.4), width / 2 - 0.04 - x)
        if p.chance(0.72):
            tall = p.u(0.6, 0.95) * room
            p.span((x, x + run), (-0.08, 0.13), (up, up + tall), p.pick(books))
            front = p.pick(books)
            p.quad((x, up + tall, -0.081), (run, 0, 0), (0, -tall, 0), front)
        elif p.chance(0.5):
            p.cylinder(
                (x + 0.06, 0), p.u(0.03, 0.06), (up, up + p.u(0.4, 0.8) * room), p.m.paint(), p.u(0.02, 0.06)
            )
        x += run + p.u(0.0, 0.03)


def cabinet(p: Place, width: float = 1.2, height: float = 0.8, depth: float = 0.45, top: bool = True) -> None:
    """Add a chest or sideboard with doors and handles."""
    wood = p.m.wood() if p.chance(0.6) else p.m.paint()
    handle = p.m.metal()
    columns = max(1, round(width / 0.5))
    with p.object("cabinet", _OBJECT):
        p.box((0, 0), (width, depth), (0.06, height), wood)
        p.box((0, 0.03), (width - 0.06, depth - 0.08), (0, 0.06), wood)
        p.box((0, 0), (width + 0.03, depth + 0.03), (height, height + 0.025), wood)
        for k in range(columns):
            x = -width / 2 + (k + 0.5) * width / columns
            p.box((x, -depth / 2 - 0.008), (width / columns - 0.02, 0.016), (0.09, height - 0.03), wood)
            p.box((x + 0.1, -depth / 2 - 0.025), (0.1, 0.02), (height * 0.7, height * 0.7 + 0.015), handle)
        if top:
            _things_on(p, width, depth * 0.8, height + 0.025)


def wardrobe(p: Place, width: float = 1.2) -> None:
    """Add a wardrobe with panel doors."""
    wood, h = p.m.wood() if p.chance(0.6) else p.m.white(), p.u(1.9, 2.2)
    with p.object("wardrobe", _OBJECT):
        p.box((0, 0), (width, 0.58), (0, h), wood)
        p.box((0, -0.01), (width + 0.06, 0.62), (h, h + 0.05), wood)
        n = max(2, round(width / 0.5))
        for k in range(n):
            x = -width / 2 + (k + 0.5) * width / n
            p.box((x, -0.3), (width / n - 0.015, 0.02), (0.08, h - 0.02), wood)
            for low, high in ((0.15, h * 0.45), (h * 0.5, h - 0.1)):
                p.box((x, -0.312), (width / n - 0.16, 0.012), (low, high), wood)
            p.box((x + 0.15, -0.33), (0.02, 0.03), (h * 0.45, h * 0.52), p.m.metal())


def bed(p: Place, width: float = 1.6) -> None:
    """Add a bed, its head at +z."""
    wood, sheet, cover = p.m.wood(), p.m.fabric((0.85, 0.83, 0.8)), p.m.fabric()
    with p.object("bed", _OBJECT):
        p.box((0, 1.03), (width + 0.08, 0.06), (0, p.u(0.85, 1.25)), wood)
        p.box((0, 0), (width + 0.04, 2.02), (0.14, 0.3), wood)
        _legs(p, width, 2.0, 0.14, 0.07, wood)
        cushion(p, (0, 0), (width, 2.0), (0.26, 0.5), sheet, power=9)
        cushion(p, (0, -0.28), (width + 0.1, 1.5), (0.28, 0.56), cover, power=7)
        for x in (-width / 4, width / 4) if width > 1.3 else (0,):
            cushion(p, (x, 0.72), (0.62, 0.42), (0.47, 0.63), sheet, power=2.8)


def desk(p: Place, width: float = 1.5, screens: int = 1) -> None:
    """Add a desk with screen, keyboard and papers; one sits at its -z side."""
    wood, black, metal = p.m.wood(), p.m.black(), p.m.metal()
    with p.object("desk", _OBJECT):
        p.box((0, 0), (width, 0.78), (0.7, 0.735), wood)
        for x in (-width / 2 + 0.04, width / 2 - 0.04):
            p.box((x, 0), (0.05, 0.6), (0.03, 0.7), metal)
        p.box((width / 2 - 0.28, 0.05), (0.4, 0.55), (0.06, 0.62), p.m.white())
        for _ in range(p.n(1, 4)):
            p.box(
                (p.u(-0.45, 0.45) * width, p.u(-0.3, 0.0)),
                (0.21, 0.3),
                (0.735, 0.739),
                p.m.white(),
                p.u(-0.5, 0.5),
            )
        p.cylinder((p.u(-0.4, 0.4) * width, p.u(-0.1, 0.2)), 0.04, (0.735, 0.83), p.m.paint())
    for k in range(screens):
        x = (k - (screens - 1) / 2) * 0.62
        screen = p.m.glow((0.45, 0.6, 0.8), p.u(0.3, 0.7)) if p.chance(0.6) else p.m.black()
        with p.object("monitor", _OBJECT):
            q = p.at(x, 0.18, 0.735, p.u(-0.2, 0.2))
            q.box((0, 0), (0.56, 0.03), (0.12, 0.46), black)
            q.quad((-0.27, 0.445, -0.017), (0.54, 0, 0), (0, -0.31, 0), screen)
            q.box((0, 0.04), (0.05, 0.04), (0, 0.25), black)
            q.box((0, 0.03), (0.24, 0.18), (0, 0.012), black)
        with p.object("keyboard", _OBJECT):
            p.box((x, -0.14), (0.43, 0.14), (0.735, 0.752), black)


def television(p: Place, up: float, width: float = 1.1) -> None:
    """Add a flat screen, its foot or wall mount at `up`."""
    with p.object("television", _OBJECT):
        p.box((0, 0), (width, 0.05), (up, up + width * 0.57), p.m.black())
        screen = p.m.picture() if p.chance(0.3) else p.m.get("glass", (0.03, 0.03, 0.035))
        p.quad(
            (-width / 2 + 0.015, up + width * 0.57 - 0.015, -0.027),
            (width - 0.03, 0, 0),
            (0, 0.03 - width * 0.57, 0),
            screen,
        )
        p.beam((0, up, 0.0), (0, up - 0.06, 0.02), 0.06, p.m.black())


def desk_lamp_arm(p: Place, up: float) -> None:
    """Add a desk lamp with a bent arm."""
    metal = p.m.metal()
    with p.object("desk lamp", _OBJECT):
        p.cylinder((0, 0), 0.09, (up, up + 0.02), metal)
        tube(p, ((0, up, 0), (0.05, up + 0.25, 0), (-0.08, up + 0.42, -0.08)), 0.012, metal)
        p.cylinder((-0.08, -0.08), 0.09, (up + 0.36, up + 0.44), metal, 0.04)
