"""Houses: storeys with recessed windows, doors, shops, timber frames, balconies and roofs.

The frame of a house is the middle of its front at the ground: x along the front, z into the house.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from itertools import pairwise

from ...scene import SurfaceClass
from .place import Place
from .shapes import gable_roof, hip_roof, tube, wall

__all__ = ["Style", "facade", "house", "random_style"]

WORDS = (
    "BAKERY", "CAFE", "BOOKS", "HOTEL", "PHARMACY", "FLOWERS", "BARBER", "MARKET", "SHOES", "BAR", "PIZZA", "OPTICIAN",
    "BANK", "ANTIQUES", "TEA HOUSE", "MUSIC", "TOYS", "BUTCHER", "RESTAURANT", "TRAVEL", "WINE", "TAILOR", "BIKES",
    "NO 24", "PHOTO", "KIOSK", "APOTHEKE", "GALLERY", "SALE", "CLOCKS",
)  # fmt: skip


@dataclass
class Style:
    """How a house is built.

    Attributes:
        walls: material of the walls; `upper`, of the storeys above the first, if another.
        trim: of frames around windows, cornices.
        timber: of the visible frame; None: no timber frame.
        roof: material; `shape`: gable, cross (gable to the street), hip, flat.
        storeys: height of each, from the ground, meters.
        window: width and height; `pitch`: distance between windows.
        shutters: material or None. lit: share of lit windows. jetty: how far each storey juts out.
        ground: door, shop, gate or garage in the first storey.
    """

    walls: int
    trim: int
    roof: int
    frame: int
    upper: int | None = None
    timber: int | None = None
    shape: str = "gable"
    storeys: list[float] = field(default_factory=lambda: [3.0, 2.8])
    window: tuple[float, float] = (1.0, 1.5)
    pitch: float = 2.2
    shutters: int | None = None
    lit: float = 0.0
    jetty: float = 0.0
    ground: str = "door"
    bars: int = 1
    steep: float = 0.9


def random_style(p: Place, kind: str | None = None, lit: float = 0.0) -> Style:
    """Return a style: half-timbered, brick, plaster, stone or modern."""
    m = p.m
    kind = kind or p.pick(("timber", "brick", "plaster", "plaster", "stone", "modern"))
    n = p.n(2, 4)
    trim = m.white() if p.chance(0.5) else m.concrete((0.70, 0.66, 0.58))
    frame = m.white() if p.chance(0.7) else m.paint()
    s = Style(m.plaster(), trim, m.roof(), frame, lit=lit, bars=p.n(1, 2), steep=p.u(0.7, 1.15))
    s.storeys = [p.u(2.9, 3.6), *(p.u(2.6, 3.1) for _ in range(n - 1))]
    s.window, s.pitch = (p.u(0.85, 1.25), p.u(1.2, 1.75)), p.u(1.9, 2.9)
    s.shape = p.pick(("gable", "gable", "gable", "cross", "hip"))
    if kind == "timber":
        s.timber, s.upper = (
            m.wood(m.shade(p.pick(((0.20, 0.13, 0.09), (0.30, 0.18, 0.11), (0.16, 0.15, 0.14))))),
            m.plaster(m.one(((0.90, 0.86, 0.74), (0.88, 0.85, 0.80), (0.84, 0.72, 0.50)))),
        )
        s.walls = s.upper if p.chance(0.6) else m.stone()
        s.storeys = [p.u(2.6, 3.1), *(p.u(2.3, 2.7) for _ in range(n - 1))]
        s.window, s.pitch, s.bars = (p.u(0.75, 1.0), p.u(1.0, 1.3)), p.u(1.5, 2.1), 2
        s.jetty = p.pick((0.0, 0.12, 0.25))
        s.shape = p.pick(("gable", "cross"))
    elif kind == "brick":
        s.walls = m.brick()
    elif kind == "stone":
        s.walls = m.stone()
    elif kind == "modern":
        s.walls = p.pick((m.concrete, m.brick, m.plaster))()
        s.shape, s.window, s.pitch, s.frame = "flat", (p.u(1.4, 2.4), p.u(1.4, 1.9)), p.u(2.8, 3.6), m.black()
        s.storeys = [p.u(3.2, 4.0), *[p.u(2.9, 3.3)] * p.n(2, 5)]
    if kind in ("plaster", "stone") and p.chance(0.4):
        s.shutters = m.planks(
            m.one(((0.22, 0.36, 0.28), (0.45, 0.2, 0.15), (0.35, 0.38, 0.42), (0.5, 0.42, 0.3)))
        )
    s.ground = p.pick(("door", "door", "shop", "shop", "gate"))
    return s


def _pane(p: Place, s: Style) -> int:
    return p.m.glass(p.u(0.25, 1.1)) if p.chance(s.lit) else p.m.glass()


def _window(p: Place, x: float, low: float, s: Style, size: tuple[float, float] | None = None) -> None:
    """Add pane, frame, bars, sill and shutters of a window in its opening, the front face at z = 0."""
    w, h = size or s.window
    a, b, high, t = x - w / 2, x + w / 2, low + h, 0.07
    p.span((a, b), (0.15, 0.17), (low, high), _pane(p, s))
    for lo, hi in ((a, a + t), (b - t, b)):
        p.span((lo, hi), (0.09, 0.15), (low, high), s.frame)
    for lo in (low, high - t):
        p.span((a, b), (0.09, 0.15), (lo, lo + t), s.frame)
    if w > 0.7:
        p.span((x - 0.035, x + 0.035), (0.1, 0.15), (low, high), s.frame)
    if s.bars > 1 or h > 1.5:
        up = low + h * (0.66 if s.bars == 1 else 0.5)
        p.span((a, b), (0.11, 0.15), (up, up + 0.045), s.frame)
    p.span((a - 0.08, b + 0.08), (-0.09, 0.1), (low - 0.06, low), s.trim)
    if s.timber is None:
        p.span((a - 0.1, b + 0.1), (-0.03, 0.02), (high, high + 0.14), s.trim)
    if s.shutters is not None and w < 1.4:
        for lo in (a - w / 2 - 0.02, b + 0.02):
            p.span((lo, lo + w / 2), (-0.05, -0.01), (low, high), s.shutters)
    if p.chance(0.05):
        p.span((a, b), (-0.3, -0.1), (low - 0.05, low + 0.15), p.m.wood())
        p.leaves((x, low + 0.25, -0.2), (w / 2, 0.2, 0.16), 24, 0.12, p.m.leaf())


def _door(p: Place, x: float, width: float, height: float, s: Style) -> None:
    """Add leaf, step and frame of a house door in its opening."""
    leaf = p.m.paint() if p.chance(0.6) else p.m.wood()
    a, b = x - width / 2, x + width / 2
    p.span((a, b), (0.14, 0.2), (0, height), leaf)
    for lo, hi in ((0.25, height * 0.42), (height * 0.5, height - 0.2)):
        for c in (x - width / 4, x + width / 4):
            p.span(
                (c - width / 5, c + width / 5),
                (0.12, 0.14),
                (lo, hi),
                leaf if lo < 0.5 or p.chance(0.4) else _pane(p, s),
            )
    for lo, hi in ((a - 0.12, a), (b, b + 0.12)):
        p.span((lo, hi), (-0.05, 0.1), (0, height + 0.12), s.trim)
    p.span((a - 0.12, b + 0.12), (-0.08, 0.1), (height, height + 0.15), s.trim)
    p.span((a - 0.15, b + 0.15), (-0.4, 0.0), (0, 0.14), p.m.concrete())
    p.ellipsoid((b - 0.12, 1.05, 0.1), (0.035, 0.035, 0.035), p.m.metal())


def _shop(p: Place, x: float, width: float, height: float, s: Style) -> None:
    """Add a shop window with goods, its door and its sign in an opening."""
    a, b = x - width / 2, x + width / 2
    paint = p.m.paint()
    p.span((a, b), (0.12, 0.2), (0, 0.45), paint)
    glass = (
        p.m.glass(p.u(0.5, 1.3))
        if s.lit > 0.2
        else p.m.glass(p.u(0.1, 0.35))
        if p.chance(0.5)
        else p.m.glass()
    )
    p.span((a, b), (0.15, 0.17), (0.45, height), glass)
    n = max(2, round(width / 1.3))
    for k in range(n + 1):
        c = a + k * width / n
        p.span((c - 0.05, c + 0.05), (0.06, 0.16), (0.0, height), paint)
    p.span((a, b), (0.06, 0.16), (height - 0.1, height), paint)
    board, ink = (
        p.m.one(((0.16, 0.28, 0.42), (0.50, 0.13, 0.12), (0.12, 0.12, 0.12), (0.2, 0.36, 0.27))),
        (0.92, 0.88, 0.72),
    )
    if p.chance(0.4):
        board, ink = ink, board
    words = p.m.text(p.pick(WORDS), ink, board, emission=0.8 if s.lit > 0.2 else 0.0)
    p.span((a, b), (-0.1, 0.0), (height + 0.05, height + 0.6), p.m.paint(board))
    wide = min(width, 3.2)
    p.quad((x - wide / 2, height + 0.58, -0.105), (wide, 0, 0), (0, -0.5, 0), words)
    if p.chance(0.4):
        cloth = p.m.get(
            "cloth",
            p.m.one(((0.6, 0.2, 0.18), (0.25, 0.4, 0.3), (0.75, 0.7, 0.6))),
            (0.8, 0.78, 0.72),
            1.0,
            stripes=0.24,
        )
        out = p.u(0.9, 1.5)
        p.quad((a, height + 0.05, -0.1), (width, 0, 0), (0, -0.55, -out), cloth)
        p.quad((a, height - 0.5, -0.1 - out), (width, 0, 0), (0, -0.2, 0), cloth)
    if p.chance(0.35):
        p.beam((b, height + 0.9, 0), (b, height + 0.9, -0.9), 0.03, p.m.black())
        text = p.m.text(p.pick(WORDS), ink, board)
        for z in (-0.85, -0.15):
            p.beam((b, height + 0.9, z), (b, height + 0.75, z), 0.015, p.m.black())
        p.quad((b, height + 0.75, -0.85), (0, 0, 0.7), (0, -0.5, 0), text)


def _timbers(p: Place, width: float, low: float, high: float, xs: list[float], s: Style) -> None:
    """Add the visible frame of a storey: sills, posts, rails, braces."""
    t, wood, half = 0.17, s.timber, width / 2
    assert wood is not None
    w, h = s.window
    sill = low + (high - low) * 0.34
    for up in (low, high - t):
        p.span((-half, half), (-0.025, 0.01), (up, up + t), wood)
    posts = sorted(
        {-half + t / 2, half - t / 2, *(x + d for x in xs for d in (-w / 2 - t / 2, w / 2 + t / 2))}
    )
    for x in posts:
        p.span((x - t / 2, x + t / 2), (-0.02, 0.01), (low + t, high - t), wood)
    for a, b in pairwise(posts):
        is_window = any(a < x < b for x in xs)
        if b - a < 0.3:
            continue
        rails = (sill - t * 0.8, sill + h + 0.02) if is_window else (sill + 0.1,)
        for up in rails:
            p.span((a, b), (-0.018, 0.01), (up, up + t * 0.7), wood)
        if is_window and p.chance(0.7):
            p.beam((a + 0.05, low + t, 0.0), (b - 0.05, sill - t * 0.8, 0.0), (0.1), wood)
            p.beam((b - 0.05, low + t, 0.0), (a + 0.05, sill - t * 0.8, 0.0), (0.1), wood)
        elif not is_window and b - a > 0.5:
            start, end = (a, b) if p.chance(0.5) else (b, a)
            p.beam((start, low + t, 0.0), (end, high - t, 0.0), 0.12, wood)


def facade(p: Place, width: float, s: Style, *, ground: str | None = None, blind: bool = False) -> None:
    """Add the front of all storeys, its face at z = 0, x around the frame; part of the object that is open."""
    low = 0.0
    n = max(1, int((width - 0.5) / s.pitch))
    xs = [(k - (n - 1) / 2) * (width - 0.3) / n for k in range(n)]
    ground = ground or s.ground
    for k, height in enumerate(s.storeys):
        q = p.at(0, -s.jetty * k)
        w, h = s.window[0], min(s.window[1], height - 1.1)
        sill = low + (height - h) * 0.5 if s.timber is None or k == 0 else low + height * 0.34
        openings, windows, special = [], [] if blind else list(xs), None
        if k == 0 and ground != "none":
            special = p.n(0, n - 1)
            x, wide, tall = xs[special], 1.1, 2.15
            if ground == "shop" and width > 3.4:
                x, wide, tall = 0.0 if n < 4 else xs[1], min(width - 1.0, 4.2), min(height - 0.75, 2.7)
            elif ground in ("gate", "garage"):
                wide, tall = min(2.5, width - 0.8), min(height - 0.4, 2.6)
                x = max(-width / 2 + wide / 2 + 0.3, min(width / 2 - wide / 2 - 0.3, x))
            windows = [c for c in windows if abs(c - x) > (wide + w) / 2 + 0.15]
            openings.append((x - wide / 2 + width / 2, x + wide / 2 + width / 2, 0.0, tall))
        openings += [(c - w / 2 + width / 2, c + w / 2 + width / 2, sill, sill + h) for c in windows]
        material = s.walls if k == 0 or s.upper is None else s.upper
        wall(q.at(-width / 2, 0), width, (low, low + height), 0.22, openings, material)
        for c in windows:
            _window(q, c, sill, s, (w, h))
        if special is not None:
            if ground == "shop" and width > 3.4:
                _shop(q, x, wide, tall, s)
            elif ground in ("gate", "garage"):
                q.span(
                    (x - wide / 2, x + wide / 2),
                    (0.15, 0.2),
                    (0, tall),
                    p.m.planks(p.m.one(((0.3, 0.2, 0.14), (0.25, 0.3, 0.28), (0.7, 0.68, 0.62)))),
                )
            else:
                _door(q, x, wide, tall, s)
        if s.timber is not None and k > 0:
            _timbers(q, width, low, low + height, windows, s)
        elif k > 0 and s.shape != "flat":
            q.span((-width / 2, width / 2), (-0.06, 0.0), (low - 0.08, low + 0.08), s.trim)
        low += height


def _roof(p: Place, width: float, depth: float, total: float, s: Style, front: float) -> float:
    """Add the roof; return its highest point."""
    x, z = (-width / 2, width / 2), (front, depth)
    gable = s.walls if s.upper is None else s.upper
    if s.shape == "flat":
        for a, b in (
            (x, (front, front + 0.2)),
            (x, (depth - 0.2, depth)),
            ((x[0], x[0] + 0.2), z),
            ((x[1] - 0.2, x[1]), z),
        ):
            p.span(a, b, (total, total + 0.45), s.walls)
        p.span((x[0] - 0.03, x[1] + 0.03), (front - 0.05, front + 0.25), (total + 0.45, total + 0.52), s.trim)
        if p.chance(0.5):
            p.box((p.u(-0.2, 0.2) * width, depth / 2), (2.4, 2.0), (total, total + 2.2), p.m.metal())
        return total + 2.2
    run = (depth - front) / 2 if s.shape == "gable" else width / 2
    ridge = total + s.steep * min(run, 6.0)
    if s.shape == "hip":
        ridge = total + s.steep * 0.7 * min(run, width / 2, 5.0)
        hip_roof(p, x, z, total - 0.05, ridge, s.roof)
    else:
        gable_roof(p, x, z, total, ridge, s.roof, gable, along_x=s.shape == "gable")
    if s.shape == "gable":
        for k in range(p.n(0, max(0, int(width / 3.5)))):
            _dormer(p, -width / 2 + (k + 0.5) * width / max(1, int(width / 3.5)), total, front, s)
        tube(
            p,
            (
                (x[0], total - 0.3, front - 0.42),
                (0, total - 0.3, front - 0.42),
                (x[1], total - 0.3, front - 0.42),
            ),
            0.07,
            p.m.metal(),
            6,
        )
        p.cylinder((x[1] - 0.12, front - 0.07), 0.045, (0, total - 0.2), p.m.metal())
    if s.shape == "cross" and width > 4.5:
        _window(p.at(0, front - 0.16), 0, total + 0.5, s, (0.9, 1.1))
    for _ in range(p.n(0, 2)):
        cx, cz = p.u(-0.35, 0.35) * width, (front + depth) / 2 + p.u(-0.2, 0.2) * depth
        p.box((cx, cz), (0.5, 0.45), (total, ridge + p.u(0.3, 0.9)), p.m.brick())
    return ridge


def _dormer(p: Place, x: float, eaves: float, front: float, s: Style) -> None:
    """Add a window with a small roof in the front slope."""
    set_back = 0.7
    low = eaves + s.steep * set_back
    q = p.at(x, front + set_back, low)
    q.span((-0.65, 0.65), (0, 1.8), (-0.3, 1.25), s.walls if s.upper is None else s.upper)
    _window(q.at(0, -0.17), 0, 0.1, s, (0.8, 0.95))
    gable_roof(q, (-0.7, 0.7), (0.0, 2.2), 1.25, 1.25 + 0.55, s.roof, s.walls, overhang=0.12, along_x=False)


def house(
    p: Place, width: float, depth: float, s: Style, *, detached: bool = False, name: str = "house"
) -> float:
    """Add a whole house; return the height of its roof.

    Args:
        p: the middle of its front at the ground.
        width, depth: meters.
        s: how it is built.
        detached: whether its other sides have windows too.
        name: for captions.
    """
    total, front = sum(s.storeys), -s.jetty * (len(s.storeys) - 1)
    with p.object(name, SurfaceClass.WALL):
        low = 0.0
        for k, height in enumerate(s.storeys):
            material = s.walls if k == 0 or s.upper is None else s.upper
            inset = 0.21 if detached else 0.0
            p.span(
                (-width / 2 + inset, width / 2 - inset),
                (0.2 - s.jetty * k, depth - inset),
                (low, low + height),
                material,
            )
            if s.jetty and k:
                p.span(
                    (-width / 2, width / 2),
                    (-s.jetty * k, 0.3 - s.jetty * k),
                    (low - 0.12, low + 0.02),
                    s.timber or s.trim,
                )
            low += height
        facade(p, width, s)
        if detached:
            facade(p.at(0, depth, yaw=math.pi), width, s, ground="door")
            for x, yaw in ((width / 2, -math.pi / 2), (-width / 2, math.pi / 2)):
                facade(p.at(x, depth / 2, yaw=yaw), depth, s, ground="none")
        return _roof(p, width, depth, total, s, front)
