"""Large buildings of squares: a church, a town hall with arcades, city walls."""

from __future__ import annotations

import math

from ...scene import SurfaceClass
from .house import Style, facade, random_style
from .place import Place
from .shapes import arch_wall, gable_roof, tube

__all__ = ["arcade", "arcade_house", "church"]


def arcade(
    p: Place, spans: int, span: float, spring: float, height: float, depth: float, material: int
) -> None:
    """Add pillars and round arches along x around the frame, from z = 0 to the depth."""
    width = spans * span
    for k in range(spans + 1):
        x = k * span - width / 2
        with p.object("pillar", SurfaceClass.WALL):
            if depth > 0.3 and p.m is not None and material % 2:
                p.cylinder((x, depth / 2), 0.24, (0, spring), material)
                p.box((x, depth / 2), (0.62, depth), (0, 0.2), material)
            else:
                p.box((x, depth / 2), (0.5, depth), (0, spring), material)
            p.box((x, depth / 2), (0.64, depth + 0.1), (spring - 0.18, spring), material)
    with p.object("arches", SurfaceClass.WALL):
        for k in range(spans):
            x = k * span - width / 2
            arch_wall(p.at(x + 0.25, 0), span - 0.5, spring, height, depth, material)
            p.span((x - 0.25, x + 0.25), (0, depth), (spring, height), material)
        p.span((width / 2 - 0.25, width / 2 + 0.25), (0, depth), (spring, height), material)


def arcade_house(p: Place, spans: int, s: Style | None = None, name: str = "arcade") -> None:
    """Add a house whose first storey opens in arcades, with a covered walk of 3 m behind them."""
    s = s or random_style(p, p.pick(("plaster", "stone", "brick")))
    span, walk = p.u(2.6, 3.6), p.u(2.6, 3.4)
    low, width = p.u(3.6, 4.4), spans * span + 0.5
    spring = low - span / 2 - 0.1
    arcade(p, spans, span, spring, low, 0.5, s.walls)
    upper = Style(
        **{**s.__dict__, "storeys": s.storeys[1:] or [2.9], "ground": "none", "jetty": 0.0, "timber": None}
    )
    with p.object("arcade ceiling", SurfaceClass.CEILING):
        p.span((-width / 2, width / 2), (0.5, walk), (low - 0.05, low + 0.1), s.walls)
    with p.object("arcade floor", SurfaceClass.GROUND):
        p.span((-width / 2, width / 2), (0.0, walk), (-0.2, 0.06), p.m.tiles())
    with p.object(name, SurfaceClass.WALL):
        first = Style(**{**s.__dict__, "storeys": [low], "jetty": 0.0})
        p.span((-width / 2, width / 2), (walk + 0.2, 10), (0, low), s.walls)
        facade(p.at(0, walk), width, first, ground="shop")
    with p.object(name, SurfaceClass.WALL):
        total = sum(upper.storeys)
        p.span((-width / 2, width / 2), (0.2, 10), (low, low + total), s.walls)
        facade(p.at(0, 0, low), width, upper, ground="none")
        gable_roof(p, (-width / 2, width / 2), (0, 10), low + total, low + total + 3.5, s.roof, s.walls)


def _lancet(p: Place, x: float, width: float, low: float, high: float, trim: int, glass: int) -> None:
    """Add a pointed window on a wall face at z = 0."""
    p.span((x - width / 2, x + width / 2), (-0.02, 0.02), (low, high), glass)
    for side in (-1, 1):
        p.span((x + side * width / 2 - 0.1, x + side * width / 2 + 0.1), (-0.12, 0.02), (low, high), trim)
        p.beam((x + side * width / 2, high, -0.05), (x, high + width * 0.8, -0.05), 0.2, trim)
        p.beam((x + side * width / 4, high - 0.1, -0.02), (x, high + width * 0.3, -0.02), 0.3, glass)
    p.span((x - 0.04, x + 0.04), (-0.06, 0.02), (low, high), trim)
    p.span((x - width / 2 - 0.15, x + width / 2 + 0.15), (-0.2, 0.02), (low - 0.15, low), trim)


def church(p: Place, length: float, width: float, height: float) -> None:
    """Add a church along z: a front with portal and rose, buttresses, a tower and pointed windows."""
    stone, trim, glass, roof = (
        p.m.stone(),
        p.m.concrete((0.62, 0.57, 0.48)),
        p.m.get("glass", (0.10, 0.12, 0.15)),
        p.m.roof(),
    )
    ridge = height + width * 0.7
    with p.object("church", SurfaceClass.WALL):
        p.span((-width / 2, width / 2), (0, length), (0, height), stone)
        gable_roof(
            p, (-width / 2, width / 2), (0, length), height, ridge, roof, stone, along_x=False, overhang=0.3
        )
        bays = max(3, int(length / 5))
        for x, yaw in ((width / 2, -math.pi / 2), (-width / 2, math.pi / 2)):
            q = p.at(x, length / 2, yaw=yaw)
            for k in range(bays):
                at = (k + 0.5) * length / bays - length / 2
                _lancet(q, at, 1.5, 2.5, height * 0.72, trim, glass)
            for k in range(bays + 1):
                at = k * length / bays - length / 2
                q.span((at - 0.35, at + 0.35), (-1.1, 0), (0, height * 0.5), stone)
                q.span((at - 0.3, at + 0.3), (-0.6, 0), (height * 0.5, height * 0.9), stone)
        for k in range(4):  # the portal, set back in steps
            w = 3.4 - 0.6 * k
            for side in (-1, 1):
                p.span((side * w / 2 - 0.15, side * w / 2 + 0.15), (-0.6 + 0.12 * k, 0), (0, 3.0), trim)
                p.beam((side * w / 2, 3.0, -0.3 + 0.08 * k), (0, 3.0 + w * 0.7, -0.3 + 0.08 * k), 0.3, trim)
        p.span((-0.75, 0.75), (-0.08, 0), (0, 3.1), p.m.planks((0.28, 0.18, 0.12)))
        tube(p, ((0, height * 0.8, 0.1), (0, height * 0.8, -0.06)), width * 0.17, glass, 18)
        for k in range(9):
            a = k * math.tau / 9
            p.beam(
                (0, height * 0.8, -0.08),
                (width * 0.17 * math.cos(a), height * 0.8 + width * 0.17 * math.sin(a), -0.08),
                0.12,
                trim,
            )
        for x in (-width * 0.33, width * 0.33):
            _lancet(p, x, 1.2, 3.0, height * 0.65, trim, glass)
        p.span((-2.4, 2.4), (-1.4, 0), (0, 0.16), trim)
        p.span((-2.0, 2.0), (-1.0, 0), (0.16, 0.32), trim)
    side, w = p.pick((-1, 1)), width * 0.42
    tall = ridge * p.u(1.15, 1.6)
    with p.object("church tower", SurfaceClass.WALL):
        q = p.at(side * (width / 2 + w / 2 - 0.4), w / 2 + p.u(0, 3))
        q.box((0, 0), (w, w), (0, tall), stone)
        for yaw in (0, math.pi / 2, math.pi, -math.pi / 2):
            face = q.at(0, 0, yaw=yaw).at(0, -w / 2)
            for low in (0.3, 0.55, 0.78):
                _lancet(face, 0, w * 0.24, tall * low, tall * (low + 0.1), trim, glass)
                face.span(
                    (-w / 2 - 0.1, w / 2 + 0.1),
                    (-0.12, 0.1),
                    (tall * (low - 0.06), tall * (low - 0.06) + 0.25),
                    trim,
                )
            if yaw == 0:
                tube(face, ((0, tall * 0.95, 0.05), (0, tall * 0.95, -0.06)), w * 0.16, p.m.white(), 16)
        q.cylinder((0, 0), w * 0.72, (tall, tall + w * p.u(1.0, 2.6)), roof, 0.02)
