"""An apartment: rooms on both sides of a hall, joined by doorways, lived in; for judging only.

The layout is its own: a hall, rooms cut off along it with random widths, openings without leaves, a balcony.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from ..scene import SurfaceClass
from .parts import furniture, interiors
from .parts.furnish import Layout
from .parts.interiors import Opening, Shell, room_shell
from .parts.palette import Color
from .parts.place import Place
from .parts.shapes import cushion, tube
from .parts.terrain import skyline, tree_ring
from .parts.weather import daylight

__all__ = ["build"]

_OBJECT = SurfaceClass.OBJECT
WALLS: tuple[Color, ...] = (
    (0.91, 0.90, 0.87),
    (0.70, 0.77, 0.76),
    (0.80, 0.74, 0.64),
    (0.55, 0.62, 0.56),
    (0.86, 0.78, 0.72),
    (0.34, 0.42, 0.50),
)
WOOD: tuple[Color, ...] = ((0.76, 0.62, 0.45), (0.38, 0.25, 0.17), (0.58, 0.40, 0.25), (0.86, 0.80, 0.70))
CLOTH: tuple[Color, ...] = ((0.28, 0.40, 0.42), (0.72, 0.58, 0.30), (0.62, 0.62, 0.60), (0.58, 0.30, 0.24))


def _corner_sofa(p: Place) -> None:
    """Add a sofa of two arms at a right angle."""
    cloth = p.m.fabric(p.m.one(CLOTH))
    with p.object("sofa", _OBJECT):
        for x, z, w, d in ((0.0, 0.0, 2.5, 0.95), (-0.78, -1.2, 0.95, 1.5)):
            cushion(p, (x, z), (w, d), (0.06, 0.43), cloth, power=9)
        cushion(p, (0, 0.4), (2.5, 0.2), (0.3, 0.82), cloth, power=6)
        cushion(p, (-1.18, -0.7), (0.2, 2.4), (0.3, 0.82), cloth, power=6)
        for x in (-0.6, 0.1, 0.8):
            cushion(p, (x, 0.2), (0.5, 0.2), (0.42, 0.86), p.m.fabric(p.m.one(CLOTH)), power=2.5, tilt=0.35)


def _piano(p: Place) -> None:
    """Add an upright piano with its stool."""
    black = p.m.get("flat", p.m.shade((0.12, 0.08, 0.06), 0.4), None, 1.0, gloss=0.1)
    with p.object("piano", _OBJECT):
        p.box((0, 0.12), (1.45, 0.34), (0, 1.2), black)
        p.box((0, -0.15), (1.45, 0.3), (0.62, 0.72), black)
        p.box((0, -0.2), (1.24, 0.14), (0.72, 0.735), p.m.white())
        for x in (-0.68, 0.68):
            p.box((x, -0.2), (0.07, 0.1), (0, 0.62), black)
    furniture.stool(p.at(0, -0.7), 0.5)


def _bath(p: Place) -> None:
    """Add a bathtub with a screen and taps."""
    white, steel = p.m.white(), p.m.metal((0.7, 0.71, 0.72))
    with p.object("bathtub", _OBJECT):
        for x in (-0.82, 0.82):
            p.box((x, 0), (0.08, 0.75), (0, 0.56), white)
        for z in (-0.35, 0.35):
            p.box((0, z), (1.72, 0.07), (0, 0.56), white)
        p.box((0, 0), (1.7, 0.7), (0.0, 0.16), white)
        tube(p, ((-0.7, 0.56, 0.32), (-0.7, 0.76, 0.32), (-0.55, 0.74, 0.2)), 0.02, steel)
    with p.object("shower rod", _OBJECT):
        tube(p, ((-0.86, 1.95, -0.36), (0, 1.95, -0.36), (0.86, 1.95, -0.36)), 0.014, steel)
        cloth = p.m.fabric()
        for k in range(7):
            p.cylinder((0.25 + 0.09 * k, -0.36 + 0.03 * (k % 2)), 0.045, (0.35, 1.95), cloth)


def _basin(p: Place) -> None:
    """Add a washbasin under a mirror."""
    with p.object("washbasin", _OBJECT):
        p.cylinder((0, 0.02), 0.09, (0, 0.7), p.m.white())
        p.cylinder((0, 0), 0.2, (0.68, 0.86), p.m.white(), 0.27)
        tube(p, ((0, 0.86, 0.2), (0, 1.02, 0.18), (0, 1.0, 0.05)), 0.015, p.m.metal())
    with p.object("mirror", _OBJECT):
        p.span((-0.35, 0.35), (0.2, 0.22), (1.2, 1.95), p.m.get("glass", (0.5, 0.52, 0.53)))


def _appliance(p: Place) -> None:
    """Add a washing machine."""
    with p.object("washing machine", _OBJECT):
        p.box((0, 0), (0.6, 0.58), (0.02, 0.85), p.m.white())
        tube(p, ((0, 0.45, -0.285), (0, 0.45, -0.31)), 0.17, p.m.metal(), 16)
        tube(p, ((0, 0.45, -0.3), (0, 0.45, -0.318)), 0.13, p.m.black(), 16)


def _coats(p: Place) -> None:
    """Add a coat rack with coats and shoes below."""
    with p.object("coat rack", _OBJECT):
        p.span((-0.5, 0.5), (0.1, 0.13), (1.65, 1.75), p.m.wood(p.m.one(WOOD)))
        for k in range(4):
            x = -0.4 + 0.27 * k
            if p.chance(0.7):
                cushion(
                    p, (x, 0.02), (0.3, 0.14), (p.u(0.75, 1.0), 1.66), p.m.fabric(p.m.one(CLOTH)), power=3
                )
    for k in range(p.n(1, 4)):
        with p.object("shoe", _OBJECT):
            p.ellipsoid((-0.4 + 0.22 * k, 0.05, -0.02), (0.05, 0.05, 0.13), p.m.leather())


def _crib(p: Place) -> None:
    """Add a crib of bars with a blanket."""
    wood = p.m.wood(p.m.one(WOOD))
    with p.object("crib", _OBJECT):
        p.box((0, 0), (1.2, 0.62), (0.3, 0.42), p.m.fabric(p.m.one(CLOTH)))
        for z in (-0.32, 0.32):
            for k in range(15):
                p.box((-0.6 + k * 1.2 / 14, z), (0.018, 0.018), (0.1, 0.92), wood)
            for up in (0.2, 0.92):
                p.beam((-0.62, up, z), (0.62, up, z), 0.045, wood)
        for x in (-0.61, 0.61):
            p.box((x, 0), (0.035, 0.66), (0, 1.0), wood)


def _living(room: Layout) -> None:
    p = room.p
    if q := room.at_wall(2.5, 1.0):
        _corner_sofa(q)
        interiors.rug(q.at(0.3, -1.4), 2.4, 1.7)
        furniture.round_table(q.at(0.5, -1.45), 0.36)
    if q := room.at_wall(1.5, 0.4):
        furniture.cabinet(q, 1.5, 0.5, 0.38, top=False)
        furniture.television(q, 0.62, 1.2)
    if p.chance(0.4) and (q := room.at_wall(1.5, 1.0)):
        _piano(q.at(0, 0.2))
    if q := room.at_wall(1.2, 0.32):
        furniture.shelf(q, 1.2, 2.0)


def _sleeping(room: Layout) -> None:
    p = room.p
    if q := room.at_wall(1.6, 2.12):
        furniture.bed(q, 1.4)
    if q := room.at_wall(1.5, 0.62):
        furniture.wardrobe(q, 1.5)
    if p.chance(0.5):
        if q := room.at_wall(1.25, 0.68):
            _crib(q)
    elif q := room.at_wall(1.0, 0.5):
        furniture.cabinet(q, 0.95, 0.78)


def _cooking(room: Layout) -> None:
    p = room.p
    wood, top = p.m.wood(p.m.one(WOOD)), p.m.get("marble", p.m.shade((0.82, 0.80, 0.76)))
    if q := room.at_wall(2.4, 0.65) or room.at_wall(1.8, 0.65):
        with q.object("kitchen unit", _OBJECT):
            q.box((0, 0.02), (1.8, 0.6), (0.08, 0.86), wood)
            q.box((0, 0), (1.8, 0.64), (0.86, 0.9), top)
            for k in range(3):
                q.box((-0.6 + 0.6 * k, -0.3), (0.56, 0.02), (0.12, 0.84), wood)
            for k in range(3):
                q.box((-0.6 + 0.6 * k, 0.2), (0.58, 0.28), (2.0, 2.05), wood)
                q.cylinder((-0.7 + 0.5 * k, 0.2), 0.06, (2.05, 2.2), p.m.paint())
            q.box((0.6, 0.05), (0.58, 0.5), (0.9, 0.91), p.m.black())
        with q.object("hood", _OBJECT):
            q.box((0.6, 0.15), (0.6, 0.36), (1.55, 1.65), p.m.metal())
            q.box((0.6, 0.22), (0.25, 0.22), (1.65, 2.3), p.m.metal())
    if q := room.at_wall(0.62, 0.64):
        _appliance(q)
    if q := room.on_floor(1.2, 1.9, 0.35):
        width, depth = furniture.table(q, 1.1, 0.8, wood=wood)
        for side, yaw in ((-1, math.pi), (1, 0.0)):
            furniture.chair(q.at(p.u(-0.2, 0.2), side * (depth / 2 + 0.2), yaw=yaw), wood)
        if p.chance(0.5):
            furniture.chair(q.at(width / 2 + 0.25, 0, yaw=math.pi / 2), wood)


def _washing(room: Layout) -> None:
    if q := room.at_wall(1.75, 0.78):
        _bath(q)
    if q := room.at_wall(0.6, 0.5):
        _basin(q)
    if q := room.at_wall(0.45, 0.7):
        with q.object("toilet", _OBJECT):
            q.box((0, 0.26), (0.38, 0.16), (0.36, 0.78), q.m.white())
            q.cylinder((0, -0.05), 0.14, (0, 0.38), q.m.white(), 0.2)
            q.cylinder((0, -0.06), 0.21, (0.38, 0.42), q.m.white())


USES: dict[str, Callable[[Layout], None]] = {
    "living room": _living,
    "bedroom": _sleeping,
    "kitchen": _cooking,
    "bathroom": _washing,
}


def _one(
    p: Place, use: str, size: tuple[float, float, float], door: float, front: tuple[float, float]
) -> Shell:
    """Add one room; its side 2 (at -z) has the doorway at `door`, side 0 the window. `front` is the opening's size."""
    width, depth, height = size
    wide, tall = front
    openings: list[list[Opening]] = [[], [], [(door - wide / 2, door + wide / 2, 0.0, tall)], []]
    if use == "bathroom":
        openings[0] = [(width / 2 - 0.35, width / 2 + 0.35, 1.5, 2.1)]
    else:
        w = min(width - 0.8, p.u(1.2, 2.4))
        openings[0] = [
            (width / 2 - w / 2, width / 2 + w / 2, p.pick((0.9, 0.6, 0.15)), min(height - 0.3, 2.25))
        ]
    paint = p.m.tiles((0.8, 0.82, 0.8)) if use == "bathroom" else p.m.wall_paint(p.m.one(WALLS, 0.06))
    floor = p.m.tiles() if use in ("bathroom", "kitchen") else p.m.planks(p.m.one(WOOD))
    shell = room_shell(
        p,
        width,
        depth,
        height,
        openings,
        wall=paint,
        floor=floor,
        ceiling=p.m.wall_paint((0.9, 0.9, 0.89)),
        thickness=0.1,
    )
    for a, b, low, high in openings[0]:
        side = shell.sides[0].at(a, 0)
        interiors.window(side, b - a, low, high, 0.1)
        if use != "bathroom" and p.chance(0.6):
            interiors.curtains(side, b - a, high)
    if wide < 1.0 and p.chance(0.75):
        interiors.door(
            shell.sides[2].at(door - wide / 2, -0.04), wide, tall, open_by=p.pick((-1.5, -1.2, -0.5))
        )
    room = Layout(shell)
    USES[use](room)
    for _ in range(p.n(0, 2)):
        if q := room.at_wall(0.45, 0.45):
            interiors.pot_plant(q)
    if use != "bathroom":
        room.pictures(p.n(1, 5))
        if q := room.at_wall(0.45, 0.4):
            interiors.floor_lamp(q) if p.chance(0.5) else interiors.bookish_clutter(q)
    interiors.ceiling_lamp(p, height, p.u(0.4, 0.9))
    return shell


def build(p: Place) -> None:
    """Build a hall along x with three rooms on one side and two on the other."""
    height, hall_depth = p.u(2.4, 2.9), p.u(1.5, 2.1)
    daylight(p, evenings=0.3, indoors=p.u(1.4, 2.0))
    length, rows = p.u(8.5, 11.5), []
    for uses in (["living room", "kitchen", "bathroom"], ["bedroom", p.pick(("living room", "bedroom"))]):
        p.rng.shuffle(uses)
        shares = [{"bathroom": p.u(0.5, 0.6)}.get(use, p.u(0.9, 1.3)) for use in uses]
        rows.append([(use, share / sum(shares) * length) for use, share in zip(uses, shares, strict=True)])
    openings: list[list[Opening]] = [[], [], [], [(hall_depth / 2 - 0.45, hall_depth / 2 + 0.45, 0.0, 2.05)]]
    for side, row, yaw in ((0, rows[0], 0.0), (2, rows[1], math.pi)):
        x, depth = 0.0, p.u(3.2, 4.8)
        for use, share in row:
            width = share - 0.2
            is_open = use in ("living room", "kitchen") and p.chance(0.6)
            front = (min(width - 0.6, p.u(1.2, 2.0)), 2.2) if is_open else (0.88, 2.05)
            door = p.u(front[0] / 2 + 0.2, width - front[0] / 2 - 0.2)
            at = x + share / 2 - length / 2
            spot = p.at(0, 0, yaw=yaw).at(at, hall_depth / 2 + 0.2 + depth / 2)
            _one(spot, use, (width, depth, height), width - door, front)
            begin = x + 0.1 + door - front[0] / 2
            openings[side].append((begin, begin + front[0], 0.0, front[1]))
            middle = begin + front[0] / 2 - length / 2
            near, far = hall_depth / 2 - 0.4, hall_depth / 2 + 0.8
            p.at(0, 0, yaw=yaw).walkable(
                [(middle - 0.3, near), (middle + 0.3, near), (middle + 0.3, far), (middle - 0.3, far)]
            )
            x += share
    shell = room_shell(
        p,
        length,
        hall_depth,
        height,
        openings,
        wall=p.m.wall_paint(p.m.one(WALLS, 0.06)),
        floor=p.m.planks(p.m.one(WOOD)),
        ceiling=p.m.wall_paint((0.9, 0.9, 0.89)),
        thickness=0.1,
    )
    interiors.door(shell.sides[3].at(hall_depth / 2 - 0.45, 0), 0.9, 2.05)
    hall = Layout(shell)
    if q := hall.at_wall(1.1, 0.3):
        _coats(q)
    if q := hall.at_wall(0.8, 0.3):
        furniture.cabinet(q, 0.78, 0.85, 0.28)
    hall.pictures(3)
    for x in (-length / 4, length / 4):
        interiors.ceiling_lamp(p.at(x, 0), height, 0.5)
    floor = -p.pick((0.3, 3.2, 6.4, 12.0))
    with p.object("ground outside", SurfaceClass.TERRAIN):
        p.box((0, 0), (500, 500), (floor - 0.3, floor), p.m.asphalt() if p.chance(0.5) else p.m.grass())
    skyline(p.at(0, 0, floor), p.u(28, 45), 18, 5, 15)
    tree_ring(p.at(0, 0, floor), 20, 7, 14)
    p.b.facts.insert(0, "an apartment with a hall and several rooms")
