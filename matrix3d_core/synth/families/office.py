"""An office floor: desks in rows, glass partitions, columns, ceiling panels, meeting room, shelves and plants."""

from __future__ import annotations

import math

from ..scene import SurfaceClass
from .parts import furniture as f
from .parts import interiors as i
from .parts.furnish import Layout
from .parts.interiors import Opening, room_shell
from .parts.place import Place
from .parts.weather import daylight
from .rooms import view_outside

__all__ = ["build"]


def _ceiling(p: Place, width: float, depth: float, height: float) -> None:
    """Add light panels, vents, pipes and sprinklers below the ceiling."""
    strength = p.u(0.6, 1.2)
    panel = p.m.glow((0.98, 0.97, 0.92), 1.5 * strength)
    rows, columns = max(2, int(depth / 2.4)), max(2, int(width / 2.4))
    for r in range(rows):
        for c in range(columns):
            x, z = (c + 0.5) * width / columns - width / 2, (r + 0.5) * depth / rows - depth / 2
            with p.object("light panel", SurfaceClass.CEILING):
                p.box((x, z), (1.2, 0.3), (height - 0.03, height), panel)
            if (r + c) % 2 == 0:
                p.lamp((x, height - 0.3, z), (0.6 * strength, 0.6 * strength, 0.56 * strength), 7.0)
    with p.object("ceiling grid", SurfaceClass.CEILING):
        bar = p.m.white()
        for k in range(int(width / 0.6)):
            p.box((-width / 2 + 0.6 * k, 0), (0.02, depth), (height - 0.012, height), bar)
        for k in range(int(depth / 0.6)):
            p.box((0, -depth / 2 + 0.6 * k), (width, 0.02), (height - 0.012, height), bar)
    if p.chance(0.4):
        with p.object("duct", SurfaceClass.CEILING):
            p.box(
                (p.u(-0.3, 0.3) * width, 0),
                (0.5, depth),
                (height - 0.45, height - 0.1),
                p.m.metal((0.65, 0.66, 0.67)),
            )


def _partition(p: Place, length: float, height: float) -> None:
    """Add a partition with glass in its upper part, as posts, rails and a thin screen."""
    black = p.m.black()
    with p.object("partition", SurfaceClass.WALL):
        p.span((0, length), (0, 0.06), (0, 0.95), p.m.white())
        for k in range(int(length / 1.2) + 1):
            p.span((1.2 * k, 1.2 * k + 0.05), (0, 0.06), (0.95, height), black)
        for up in (0.95, 2.1, height - 0.06):
            p.span((0, length), (0, 0.06), (up, up + 0.05), black)


def build(p: Place) -> None:
    """Build an open office."""
    width, depth, height = p.u(8, 16), p.u(7, 13), p.u(2.6, 3.3)
    daylight(p, indoors=p.u(1.3, 1.8))
    openings: list[list[Opening]] = [[] for _ in range(4)]
    for side in (0, 1) if p.chance(0.5) else (0,):
        length = width if side == 0 else depth
        n = int(length / 2.2)
        openings[side] = [
            (
                (k + 0.5) * length / n - 0.95,
                (k + 0.5) * length / n + 0.95,
                p.pick((0.8, 0.8, 0.3)),
                height - 0.3,
            )
            for k in range(n)
        ]
    openings[2] = [(width / 2 - 0.5, width / 2 + 0.5, 0.0, 2.1)]
    carpet = (
        p.m.get("carpet", p.m.shade((0.36, 0.38, 0.40), 0.2), None, 1.0, pattern=0.05)
        if p.chance(0.6)
        else p.m.floor()
    )
    shell = room_shell(
        p,
        width,
        depth,
        height,
        openings,
        wall=p.m.wall_paint((0.84, 0.84, 0.82)),
        floor=carpet,
        ceiling=p.m.wall_paint((0.88, 0.88, 0.87)),
    )
    for side in (0, 1):
        for a, b, low, high in openings[side]:
            i.window(shell.sides[side].at(a, 0), b - a, low, high)
    i.door(shell.sides[2].at(width / 2 - 0.5, 0), 1.0, 2.1, open_by=0.0 if p.chance(0.5) else 1.3)
    _ceiling(p, width, depth, height)
    room = Layout(shell)
    for x in (-width / 4, width / 4) if width > 11 else ():
        with p.object("column", SurfaceClass.WALL):
            p.box((x, 0), (0.4, 0.4), (0, height), p.m.concrete())
        room._taken.append((x, 0.0, 0.35))
    if p.chance(0.6):
        q = p.at(-width / 2 + 3.6, depth / 2 - 3.6, yaw=0)
        _partition(q.at(-3.5, 0), 3.2, min(2.6, height))
        table = q.at(-1.9, 1.9)
        f.table(table, 2.4, 1.1)
        for k in range(3):
            for z, yaw in ((-0.85, math.pi), (0.85, 0.0)):
                f.office_chair(table.at(-0.8 + 0.8 * k, z, yaw=yaw + p.u(-0.3, 0.3)))
        room._taken += [(-width / 2 + 1.9, depth / 2 - 1.9, 2.0)]
    screens = p.n(1, 2)
    for _ in range(int(width * depth / 9)):
        if spot := room.on_floor(1.6, 1.9, 0.35, yaw=p.pick((0.0, math.pi))):
            f.desk(spot.at(0, 0.3), 1.5, screens)
            f.office_chair(spot.at(p.u(-0.2, 0.2), -0.5, yaw=math.pi + p.u(-0.8, 0.8)))
            if p.chance(0.5):
                with p.object("screen wall", SurfaceClass.OBJECT):
                    spot.box((0, 0.72), (1.55, 0.04), (0.5, 1.25), p.m.fabric())
    for _ in range(p.n(2, 5)):
        w = p.u(0.8, 1.6)
        if spot := room.at_wall(w, 0.45):
            p.pick(
                (
                    lambda a, n: f.shelf(a, n),
                    lambda a, n: f.cabinet(a, n, p.u(0.75, 1.3)),
                    lambda a, n: f.wardrobe(a, n),
                )
            )(spot, w)
    for _ in range(p.n(2, 5)):
        if spot := room.at_wall(0.5, 0.5):
            i.pot_plant(spot)
    if spot := room.at_wall(0.6, 0.5):
        with p.object("copier", SurfaceClass.OBJECT):
            spot.box((0, 0), (0.6, 0.5), (0.1, 0.95), p.m.white())
            spot.box((0, 0), (0.58, 0.48), (0.95, 1.05), p.m.black())
    room.pictures(p.n(2, 6))
    wall = shell.sides[3]
    with p.object("whiteboard", SurfaceClass.OBJECT):
        wall.span(
            (depth / 2 - 1.2, depth / 2 + 1.2),
            (-0.03, 0),
            (0.9, 2.0),
            p.m.get("flat", (0.93, 0.93, 0.94), gloss=0.05),
        )
        words = p.m.text(
            p.pick(("PLAN A", "SPRINT 12", "Q3 GOALS", "IDEAS")), (0.1, 0.2, 0.6), (0.93, 0.93, 0.94)
        )
        wall.quad((depth / 2 - 0.8, 1.85, -0.035), (1.2, 0, 0), (0, -0.4, 0), words)
    p.b.facts.insert(0, "an open office with desks and screens")
    view_outside(p, -p.pick((0.2, 4.0, 9.0, 15.0)))
