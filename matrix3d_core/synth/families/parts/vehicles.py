"""Vehicles in usual sizes; their frames are on the ground in the middle, they head towards -z."""

from __future__ import annotations

import math

import numpy as np

from ...scene import SurfaceClass
from .place import Place
from .shapes import cushion, loft, tube

__all__ = ["bicycle", "boat", "bus", "car", "cart", "truck", "van"]

_OBJECT = SurfaceClass.OBJECT

# Side views from the front (z = -1) to the back (z = 1), in shares of half the length: belt line, then the corners of
# the roof.
BODIES = {
    "hatchback": (
        4.0,
        1.74,
        1.47,
        (0.62, 0.74, 0.80, 0.90, 0.94, 0.96, 0.95, 0.92),
        (-0.36, -0.02, 0.66, 0.97),
    ),
    "sedan": (4.6, 1.80, 1.44, (0.60, 0.72, 0.80, 0.90, 0.93, 0.95, 0.95, 0.90), (-0.28, 0.04, 0.42, 0.72)),
    "estate": (4.7, 1.82, 1.48, (0.62, 0.74, 0.82, 0.91, 0.95, 0.97, 0.97, 0.94), (-0.30, 0.0, 0.78, 0.98)),
    "suv": (4.5, 1.86, 1.70, (0.80, 0.95, 1.00, 1.08, 1.11, 1.12, 1.12, 1.06), (-0.34, -0.05, 0.70, 0.96)),
}


def _wheel(p: Place, x: float, z: float, radius: float, width: float = 0.2) -> None:
    black, rim = p.m.black(), p.m.metal((0.6, 0.61, 0.62))
    side = math.copysign(width / 2, x)
    tube(p, ((x - side, radius, z), (x + side, radius, z)), radius, black, 14)
    tube(p, ((x + side * 0.9, radius, z), (x + side * 1.06, radius, z)), radius * 0.62, rim, 10)


def _loop(width: float, low: float, high: float, z: float, power: float = 5.0, n: int = 12) -> np.ndarray:
    a = np.arange(n) * math.tau / n + math.pi / n
    c, s = np.cos(a), np.sin(a)
    x = np.sign(c) * np.abs(c) ** (2 / power) * width / 2
    up = (low + high) / 2 + np.sign(s) * np.abs(s) ** (2 / power) * (high - low) / 2
    return np.stack([x, up, np.full(n, z)], 1)


def car(p: Place, kind: str | None = None, *, lights: float = 0.0) -> None:
    """Add a car.

    Args:
        p: its middle.
        kind: one of `BODIES`; None: any.
        lights: strength of its lamps, 0 by day.
    """
    length, width, height, belt, roof = BODIES[kind or p.pick(tuple(BODIES))]
    half, paint, glass, black = length / 2, p.m.car_paint(), p.m.glass(), p.m.black()
    with p.object("car", _OBJECT):
        z = np.array([-1.0, -0.93, -0.7, -0.36, 0.0, 0.5, 0.85, 0.97]) * half
        narrow = (0.72, 0.9, 0.98, 1.0, 1.0, 1.0, 0.97, 0.88)
        loft(
            p,
            np.stack(
                [
                    _loop(width * n, 0.22 + 0.06 * (k in (0, 7)), h, d)
                    for k, (d, h, n) in enumerate(zip(z, belt, narrow, strict=True))
                ]
            ),
            paint,
        )
        p.box((0, 0), (width * 0.94, length * 0.82), (0.16, 0.3), black)
        a, b, c, d = (r * half for r in roof)
        low = belt[3] - 0.04
        top = height
        sections = [
            (a, low, low + 0.03, 0.90),
            (b, low, top - 0.04, 0.76),
            ((b + c) / 2, low, top, 0.77),
            (c, low, top - 0.05, 0.74),
            (d, low, low + 0.03, 0.84),
        ]
        loft(
            p,
            np.stack([_trapezoid(width * 0.94, width * s, lo, hi, zz) for zz, lo, hi, s in sections]),
            glass,
            smooth=False,
        )
        lid = [(b - 0.04, top - 0.05, 0.76), ((b + c) / 2, top - 0.005, 0.78), (c + 0.05, top - 0.06, 0.74)]
        loft(p, np.stack([_loop(width * s, hi - 0.05, hi + 0.02, zz, 4.0) for zz, hi, s in lid]), paint)
        for side in (-1, 1):
            foot, head = side * width * 0.455, side * width * 0.375
            for z0, z1 in ((a, b), ((b + c) / 2, (b + c) / 2), (d, c)):
                p.beam((foot, low, z0), (head, top - 0.05, z1), 0.055, paint)
            p.box((side * width * 0.53, a + 0.1), (0.16, 0.1), (low, low + 0.13), paint)
            _details(p, side, half, width, belt, lights)
        for zz, tag in ((-half - 0.015, 0), (half * 0.97 + 0.02, 1)):
            p.box(
                (0, zz),
                (0.5, 0.03),
                (0.42, 0.53),
                p.m.get("flat", (0.85, 0.8, 0.45) if tag else (0.86, 0.86, 0.84)),
            )
            p.box((0, zz * 0.992), (width * 0.8, 0.1), (0.25, 0.4), black)


def _trapezoid(bottom: float, top: float, low: float, high: float, z: float) -> np.ndarray:
    return np.array([[-bottom / 2, low, z], [bottom / 2, low, z], [top / 2, high, z], [-top / 2, high, z]])


def _details(p: Place, side: int, half: float, width: float, belt: tuple[float, ...], lights: float) -> None:
    """Add lamps, wheels and handles of one side of a car."""
    front = (
        p.m.glow((1.0, 0.95, 0.85), 3.0 * lights)
        if lights
        else p.m.get("flat", (0.85, 0.87, 0.88), gloss=0.2)
    )
    rear = (
        p.m.glow((1.0, 0.12, 0.06), 1.5 * lights)
        if lights
        else p.m.get("flat", (0.55, 0.08, 0.06), gloss=0.1)
    )
    p.ellipsoid((side * width * 0.34, belt[0] - 0.02, -half * 0.96), (0.17, 0.08, 0.09), front)
    p.box((side * width * 0.37, half * 0.965), (0.2, 0.08), (belt[7] - 0.27, belt[7] - 0.1), rear)
    p.box((side * width * 0.5, 0.15), (0.02, 0.16), (belt[4] - 0.14, belt[4] - 0.11), p.m.metal())
    for z in (-half * 0.64, half * 0.62):
        _wheel(p, side * (width / 2 - 0.09), z, 0.32)


def van(p: Place, *, lights: float = 0.0) -> None:
    """Add a delivery van."""
    paint, glass, black = p.m.car_paint() if p.chance(0.5) else p.m.white(), p.m.glass(), p.m.black()
    with p.object("van", _OBJECT):
        z = np.array([-2.65, -2.5, -1.75, -1.1, 0.0, 2.5, 2.6])
        tops = (0.9, 1.1, 1.25, 2.25, 2.35, 2.35, 2.3)
        loft(p, np.stack([_loop(1.95, 0.3, h, d, 7) for d, h in zip(z, tops, strict=True)]), paint)
        p.quad((-0.85, 1.28, -1.79), (1.7, 0, 0), (0, 0.85, 0.58), glass)
        for x in (-0.985, 0.985):
            p.quad((x, 1.3, -1.55), (0, 0, 1.1), (0, 0.6, 0.12), glass)
            p.box((x * 1.1, -1.5), (0.14, 0.1), (1.2, 1.5), black)
            for zz in (-1.65, 1.5):
                _wheel(p, x * 0.9, zz, 0.35)
            p.box(
                (x * 0.75, -2.62),
                (0.3, 0.08),
                (0.75, 0.92),
                p.m.glow(strength=2 * lights) if lights else p.m.white(),
            )
            p.box(
                (x * 0.93, 2.58),
                (0.1, 0.06),
                (0.8, 1.3),
                p.m.glow((1, 0.1, 0.05), lights) if lights else p.m.get("flat", (0.5, 0.08, 0.06)),
            )
        if p.chance(0.5):
            p.quad(
                (-0.99, 1.9, 2.0),
                (0, 0, -2.0),
                (0, -0.6, 0),
                p.m.text(
                    p.pick(("FRESH FRUIT", "PLUMBER", "EXPRESS", "LAUNDRY")),
                    (0.15, 0.2, 0.4),
                    (0.85, 0.85, 0.83),
                ),
            )
        p.box((0, 0), (1.9, 4.6), (0.22, 0.4), black)


def bus(p: Place, *, lights: float = 0.0) -> None:
    """Add a city bus."""
    paint, glass, black = (
        p.m.paint(p.m.one(((0.65, 0.12, 0.1), (0.85, 0.85, 0.8), (0.2, 0.4, 0.6), (0.85, 0.6, 0.1)))),
        p.m.glass(0.5 * lights),
        p.m.black(),
    )
    with p.object("bus", _OBJECT):
        cushion(p, (0, 0), (2.5, 11.5), (0.3, 3.0), paint, power=12)
        for x in (-1.255, 1.245):
            p.box((x + 0.005, 0), (0.02, 10.4), (1.15, 2.4), glass)
            for k in range(8):
                p.box((x + 0.005, -5.2 + 1.486 * k), (0.04, 0.09), (1.1, 2.45), black)
            for zz in (-3.6, 3.0):
                _wheel(p, math.copysign(1.12, x), zz, 0.48, 0.28)
        p.box((0, -5.72), (2.2, 0.06), (0.95, 2.5), glass)
        p.quad(
            (-0.7, 2.88, -5.76),
            (1.4, 0, 0),
            (0, -0.3, 0),
            p.m.text(
                p.pick(("12 CENTER", "7 STATION", "42 PORT")),
                (1.0, 0.7, 0.1),
                (0.02, 0.02, 0.02),
                emission=0.6,
            ),
        )


def truck(p: Place) -> None:
    """Add a lorry with a box or a canvas."""
    paint, black = p.m.car_paint(), p.m.black()
    with p.object("truck", _OBJECT):
        cushion(p, (0, -2.9), (2.3, 1.9), (0.55, 2.7), paint, power=9)
        p.box((0, -3.83), (2.0, 0.04), (1.5, 2.35), p.m.glass())
        p.box((0, 0.4), (0.9, 7.0), (0.5, 0.75), black)
        p.box((0, 1.0), (2.45, 5.6), (0.9, 3.3), p.m.white() if p.chance(0.5) else p.m.fabric())
        for x in (-1.0, 1.0):
            for zz in (-2.7, 1.9, 2.9):
                _wheel(p, x, zz, 0.46, 0.3)


def bicycle(p: Place) -> None:
    """Add a bicycle that leans on its stand."""
    paint, black = p.m.paint(), p.m.black()
    with p.object("bicycle", _OBJECT):
        for z in (-0.52, 0.52):
            ring = [
                (0.0, 0.34 + 0.32 * math.sin(a), z + 0.32 * math.cos(a)) for a in np.linspace(0, math.tau, 17)
            ]
            tube(p, ring, 0.02, black, 4)
            for k in range(6):
                turn = k * math.pi / 6
                p.beam(
                    (0, 0.34 - 0.31 * math.sin(turn), z - 0.31 * math.cos(turn)),
                    (0, 0.34 + 0.31 * math.sin(turn), z + 0.31 * math.cos(turn)),
                    0.006,
                    p.m.metal(),
                )
        crank, head, seat, rear = (0.0, 0.30, 0.06), (0.0, 0.78, -0.36), (0.0, 0.80, 0.22), (0.0, 0.34, 0.52)
        for a, b in (
            (crank, head),
            (head, seat),
            (seat, crank),
            (crank, rear),
            (seat, rear),
            ((0, 0.95, -0.32), (0, 0.34, -0.52)),
        ):
            p.beam(a, b, 0.035, paint)
        p.beam((-0.28, 0.98, -0.28), (0.28, 0.98, -0.28), 0.028, black)
        p.box((0, 0.24), (0.16, 0.26), (0.86, 0.92), black)


def cart(p: Place) -> None:
    """Add a handcart with crates."""
    wood = p.m.planks()
    with p.object("cart", _OBJECT):
        p.box((0, 0), (0.9, 1.6), (0.55, 0.62), wood)
        for x in (-0.45, 0.45):
            p.box((x, 0), (0.04, 1.6), (0.62, 0.9), wood)
            _wheel(p, x * 1.2, 0, 0.4, 0.06)
            p.beam((x * 0.8, 0.6, -0.8), (x * 0.8, 0.9, -1.6), 0.05, wood)
        for _ in range(5):
            p.ellipsoid(
                (p.u(-0.3, 0.3), 0.72, p.u(-0.6, 0.6)),
                (0.18, 0.14, 0.18),
                p.m.paint(p.m.one(((0.7, 0.3, 0.1), (0.6, 0.65, 0.2), (0.7, 0.1, 0.1)))),
            )


def boat(p: Place, length: float, *, mast: bool = False, cabin: bool = False) -> None:
    """Add a boat that floats at the frame's base."""
    w, paint, wood = length * 0.3, p.m.paint(), p.m.wood()
    with p.object("boat", _OBJECT):
        t = np.linspace(-1, 1, 7)
        wide = w * np.array([0.04, 0.55, 0.86, 1.0, 1.0, 0.92, 0.8])
        rise = 0.12 * length * (0.75 + 0.55 * np.clip(-t, 0, 1) ** 2)
        sections = [
            [[-b / 2, up, z], [-b * 0.32, -0.25, z], [0, -0.35, z], [b * 0.32, -0.25, z], [b / 2, up, z]]
            for b, up, z in zip(wide, rise, t * length / 2, strict=True)
        ]
        loft(p, np.array(sections), paint)
        deck = float(rise[3]) - 0.02
        p.box((0, 0.08 * length), (w * 0.98, length * 0.7), (deck - 0.1, deck), wood)
        if cabin:
            p.box((0, 0.1 * length), (w * 0.7, length * 0.3), (deck, deck + 1.7), p.m.white())
            p.box((0, 0.1 * length), (w * 0.72, length * 0.31), (deck + 0.85, deck + 1.4), p.m.glass())
            p.box((0, 0.1 * length), (w * 0.8, length * 0.36), (deck + 1.7, deck + 1.8), paint)
        else:
            for z in (-0.15, 0.1, 0.3):
                p.box((0, z * length), (w * 0.85, 0.25), (deck, deck + 0.12), wood)
        if mast:
            top = length * p.u(0.9, 1.3)
            p.cylinder((0, -0.1 * length), 0.06, (deck, top), p.m.metal(), 0.035)
            p.beam((0, deck + 1.3, -0.1 * length), (0, deck + 1.2, 0.35 * length), 0.08, wood)
            cushion(
                p, (0, 0.13 * length), (0.22, 0.44 * length), (deck + 1.25, deck + 1.5), p.m.fabric(), power=3
            )
            for end in (
                (0, deck, -0.48 * length),
                (0, deck, 0.48 * length),
                (w * 0.45, deck, 0),
                (-w * 0.45, deck, 0),
            ):
                p.beam((0, top * 0.97, -0.1 * length), end, 0.015, p.m.metal())
