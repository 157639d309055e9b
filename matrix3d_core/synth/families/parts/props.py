"""Things in streets and yards: lamps, fences, benches, signs, stalls, fountains, people."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from ...scene import SurfaceClass
from .place import Place, Point
from .shapes import cushion, tube

__all__ = [
    "bench",
    "bin_",
    "bollards",
    "crates",
    "fence",
    "lamp_post",
    "person",
    "railing",
    "road_sign",
    "sag",
    "traffic_light",
    "wires",
]

_OBJECT = SurfaceClass.OBJECT


def lamp_post(p: Place, *, lit: float = 0.0, kind: int | None = None) -> None:
    """Add a street lamp: a lantern on a post, or an arm over the road (towards -z)."""
    kind = p.n(0, 2) if kind is None else kind
    metal = p.m.paint(p.m.shade(p.pick(((0.12, 0.14, 0.13), (0.4, 0.41, 0.42), (0.16, 0.24, 0.2)))))
    glow = p.m.glow((1.0, 0.80, 0.50), 3.5 * lit) if lit else p.m.get("flat", (0.86, 0.86, 0.82))
    with p.object("street lamp", _OBJECT):
        if kind == 0:
            h, z = p.u(3.2, 4.2), 0.0
            p.cylinder((0, 0), 0.11, (0, 0.5), metal, 0.07)
            p.cylinder((0, 0), 0.05, (0.5, h), metal)
            p.cylinder((0, 0), 0.11, (h, h + 0.42), glow, 0.2)
            p.cylinder((0, 0), 0.24, (h + 0.42, h + 0.62), metal, 0.03)
            p.beam((-0.25, h - 0.3, 0), (0.25, h - 0.3, 0), 0.03, metal)
        elif kind == 1:
            h, z = p.u(5.0, 8.0), -1.3
            p.cylinder((0, 0), 0.09, (0, h), metal, 0.05)
            tube(
                p,
                ((0, h - 0.2, 0), (0, h + 0.25, -0.25), (0, h + 0.35, -0.8), (0, h + 0.3, -1.4)),
                0.035,
                metal,
                6,
            )
            p.box((0, -1.35), (0.24, 0.6), (h + 0.2, h + 0.32), metal)
            p.box((0, -1.35), (0.2, 0.5), (h + 0.17, h + 0.2), glow)
        else:
            h, z = p.u(3.6, 4.6), 0.0
            p.cylinder((0, 0), 0.07, (0, h), metal, 0.05)
            p.ellipsoid((0, h + 0.2, 0), (0.22, 0.22, 0.22), glow)
    if lit:
        p.lamp((0, h - 0.15 if kind != 1 else h + 0.05, z), (2.6 * lit, 1.9 * lit, 1.1 * lit), 22.0)


def bin_(p: Place) -> None:
    """Add a litter bin or a wheeled bin."""
    if p.chance(0.5):
        with p.object("wheelie bin", _OBJECT):
            paint = p.m.paint(
                p.m.one(((0.15, 0.17, 0.16), (0.15, 0.3, 0.18), (0.2, 0.25, 0.45), (0.7, 0.6, 0.15)))
            )
            p.box((0, 0), (0.52, 0.6), (0.08, 0.98), paint)
            p.box((0, -0.02), (0.58, 0.72), (0.98, 1.06), paint)
            p.box((0, 0.3), (0.4, 0.1), (0.0, 0.2), p.m.black())
    else:
        with p.object("litter bin", _OBJECT):
            p.cylinder((0, 0), 0.2, (0.12, 0.85), p.m.metal(), 0.24)
            p.cylinder((0, 0), 0.06, (0, 0.12), p.m.black())
            p.cylinder((0, 0), 0.25, (0.85, 0.9), p.m.black())


def bench(p: Place, length: float = 1.7) -> None:
    """Add a bench that looks towards -z."""
    wood, iron = p.m.planks(), p.m.black()
    with p.object("bench", _OBJECT):
        for z in (-0.18, -0.05, 0.08, 0.21):
            p.box((0, z), (length, 0.1), (0.42, 0.46), wood)
        for up in (0.6, 0.73, 0.86):
            p.beam(
                (-length / 2, up, 0.27 + 0.1 * (up - 0.5)),
                (length / 2, up, 0.27 + 0.1 * (up - 0.5)),
                0.07,
                wood,
            )
        for x in (-length / 2 + 0.2, length / 2 - 0.2):
            p.beam((x, 0, -0.2), (x, 0.42, -0.18), 0.05, iron)
            p.beam((x, 0, 0.24), (x, 0.92, 0.32), 0.05, iron)
            p.beam((x, 0.4, -0.2), (x, 0.4, 0.26), 0.04, iron)


def bollards(p: Place, count: int, pitch: float, *, chain: bool = False) -> None:
    """Add a row of bollards along x from the frame."""
    stone, kind = p.m.concrete() if p.chance(0.4) else p.m.black(), p.n(0, 1)
    for k in range(count):
        with p.object("bollard", _OBJECT):
            p.cylinder((k * pitch, 0), 0.09, (0, 0.8), stone, 0.07)
            if kind:
                p.ellipsoid((k * pitch, 0.85, 0), (0.1, 0.1, 0.1), stone)
        if chain and k + 1 < count:
            sag(p, (k * pitch, 0.72, 0), ((k + 1) * pitch, 0.72, 0), 0.2, 0.02, "chain")


def sag(p: Place, start: Point, end: Point, drop: float, thickness: float, name: str = "wire") -> None:
    """Add a hanging wire or chain."""
    black = p.m.black()
    with p.object(name, _OBJECT):
        t = np.linspace(0, 1, 7)
        a, b = np.array(start), np.array(end)
        points = a + (b - a) * t[:, None] - np.array([0, 4 * drop, 0]) * (t * (1 - t))[:, None]
        for u, v in pairwise(points):
            p.beam(tuple(u), tuple(v), thickness, black)


def wires(p: Place, posts: Sequence[tuple[float, float]], height: float) -> None:
    """Add wooden posts with cross arms, and wires from one to the next."""
    wood = p.m.bark((0.40, 0.34, 0.28))
    for x, z in posts:
        with p.object("utility pole", _OBJECT):
            p.cylinder((x, z), 0.14, (-0.3, height), wood, 0.1)
            p.beam((x - 0.8, height - 0.5, z), (x + 0.8, height - 0.5, z), 0.1, wood)
            for d in (-0.7, 0.0, 0.7):
                p.cylinder((x + d, z), 0.04, (height - 0.45, height - 0.25), p.m.white())
    for (x0, z0), (x1, z1) in pairwise(posts):
        for d in (-0.7, 0.0, 0.7):
            sag(p, (x0 + d, height - 0.27, z0), (x1 + d, height - 0.27, z1), 0.4, 0.02)


def railing(p: Place, length: float, *, height: float = 1.0, card: bool | None = None) -> None:
    """Add an iron railing along x from the frame: bars as shapes, or as a perforated card between posts."""
    iron = p.m.paint(p.m.shade(p.pick(((0.11, 0.12, 0.12), (0.13, 0.2, 0.17), (0.5, 0.51, 0.52)))))
    with p.object("railing", _OBJECT):
        posts = max(1, round(length / 2.0))
        for k in range(posts + 1):
            p.box((k * length / posts, 0), (0.06, 0.06), (0, height + 0.04), iron)
        p.beam((0, height, 0), (length, height, 0), 0.05, iron)
        if p.chance(0.4) if card is None else card:
            p.quad((0, height - 0.03, 0), (length, 0, 0), (0, 0.12 - height, 0), p.m.railing())
            return
        p.beam((0, 0.12, 0), (length, 0.12, 0), 0.035, iron)
        if p.chance(0.35):
            p.beam((0, height * 0.55, 0), (length, height * 0.55, 0), 0.035, iron)
            return
        n = int(length / 0.14)
        for k in range(n):
            x = (k + 0.5) * length / n
            p.box((x, 0), (0.02, 0.02), (0.12, height), iron)


def fence(p: Place, length: float, kind: int | None = None, height: float | None = None) -> None:
    """Add a fence along x from the frame: pickets, rails, boards, wire netting or strands of wire."""
    kind = p.n(0, 4) if kind is None else kind
    wood = p.m.planks(p.m.one(((0.45, 0.34, 0.24), (0.84, 0.83, 0.80), (0.5, 0.47, 0.43))))
    h = height or (1.0, 1.2, 1.75, 1.6, 1.2)[kind] * p.u(0.85, 1.1)
    pitch = 2.2 if kind != 3 else 2.8
    posts = max(1, round(length / pitch))
    with p.object("fence", _OBJECT):
        post = wood if kind != 3 else p.m.metal()
        for k in range(posts + 1):
            p.box((k * length / posts, 0.05), (0.09, 0.09), (-0.2, h + 0.06), post)
        if kind == 0:
            n = int(length / 0.14)
            for k in range(n):
                x = (k + 0.5) * length / n
                p.box((x, -0.01), (0.08, 0.02), (0.08, h + 0.06 * (k % 2)), wood)
            for up in (0.3, h - 0.2):
                p.span((0, length), (0.0, 0.04), (up, up + 0.08), wood)
        elif kind == 1:
            for up in (0.35, 0.7, h - 0.06):
                p.beam((0, up, 0), (length, up, 0), 0.09, wood)
        elif kind == 2:
            n = int(length / 0.17)
            for k in range(n):
                x = (k + 0.5) * length / n
                p.box((x, 0.0), (0.155, 0.025), (0.05, h + p.u(-0.02, 0.02)), wood)
        elif kind == 3:
            p.quad((0, h, 0.05), (length, 0, 0), (0, 0.03 - h, 0), p.m.chain_link())
            p.beam((0, h, 0.05), (length, h, 0.05), 0.035, post)
        else:
            for up in (0.3, 0.55, 0.8, h - 0.05):
                p.beam((0, up, 0.0), (length, up, 0.0), 0.008, p.m.metal())


def road_sign(p: Place) -> None:
    """Add a traffic or street sign on a post."""
    metal = p.m.metal((0.6, 0.61, 0.62))
    with p.object("sign", _OBJECT):
        h = p.u(2.1, 2.8)
        p.cylinder((0, 0), 0.035, (0, h), metal)
        kind = p.n(0, 3)
        if kind == 0:
            p.at(0, -0.04).box((0, 0), (0.6, 0.015), (h - 0.6, h), p.m.get("flat", (0.1, 0.25, 0.6)))
        elif kind == 1:
            v = np.array([[-0.4, h - 0.65, -0.045], [0.4, h - 0.65, -0.045], [0, h + 0.02, -0.045]])
            p.mesh(v, np.array([[0, 1, 2]]), p.m.get("flat", (0.75, 0.1, 0.08)))
            p.mesh(
                v * (0.72, 1, 1) + np.array([[0, 0.07, -0.004], [0, 0.07, -0.004], [0, -0.12, -0.004]]),
                np.array([[0, 1, 2]]),
                p.m.white(),
            )
        elif kind == 2:
            tube(p, ((0, h - 0.3, -0.035), (0, h - 0.3, -0.05)), 0.32, p.m.get("flat", (0.75, 0.1, 0.08)), 16)
            tube(p, ((0, h - 0.3, -0.05), (0, h - 0.3, -0.056)), 0.24, p.m.white(), 16)
        else:
            words = p.pick(("MAIN STREET", "STATION", "CENTER", "PARKING", "ONE WAY", "MARKET SQ"))
            p.quad(
                (-0.6, h, -0.05),
                (1.2, 0, 0),
                (0, -0.35, 0),
                p.m.text(words, (0.95, 0.95, 0.95), p.m.one(((0.1, 0.25, 0.5), (0.1, 0.35, 0.2)))),
            )


def traffic_light(p: Place, *, lit: float = 1.0) -> None:
    """Add a traffic light that shows to -z."""
    black = p.m.black()
    with p.object("traffic light", _OBJECT):
        p.cylinder((0, 0), 0.06, (0, 3.4), p.m.metal())
        p.box((0, -0.12), (0.34, 0.2), (2.4, 3.4), black)
        on = p.n(0, 2)
        for k, c in enumerate(((0.1, 0.9, 0.3), (1.0, 0.7, 0.1), (1.0, 0.1, 0.06))):
            glow = (
                p.m.glow(c, 2.0 * lit)
                if k == on
                else p.m.get("flat", (0.25 * c[0], 0.25 * c[1], 0.25 * c[2]))
            )
            p.ellipsoid((0, 2.57 + 0.32 * k, -0.22), (0.11, 0.11, 0.05), glow)


def person(p: Place) -> None:
    """Add a person who stands or walks towards -z."""
    h = p.u(1.58, 1.86)
    s, skin = (
        h / 1.75,
        p.m.get("flat", p.m.shade(p.pick(((0.85, 0.65, 0.52), (0.6, 0.42, 0.3), (0.4, 0.27, 0.2))))),
    )
    top, trousers, black = (
        p.m.fabric(),
        p.m.fabric(p.m.one(((0.15, 0.18, 0.28), (0.12, 0.12, 0.13), (0.4, 0.34, 0.27)))),
        p.m.black(),
    )
    step = p.u(0.0, 0.22)
    with p.object("person", _OBJECT):
        for side in (-1, 1):
            x, z = 0.1 * s * side, step * side
            tube(
                p,
                ((x, 0.06, z), (x, 0.46 * s, z * 0.4 - 0.03), (x * 0.9, 0.92 * s, 0)),
                (0.055 * s, 0.07 * s, 0.095 * s),
                trousers,
                7,
            )
            p.ellipsoid((x, 0.05, z - 0.06), (0.05, 0.05, 0.13), black)
            hand = (0.29 * s * side, 0.82 * s, -step * side * 0.8 - 0.05)
            tube(
                p,
                ((0.19 * s * side, 1.42 * s, 0), (0.27 * s * side, 1.12 * s, 0.02), hand),
                (0.06 * s, 0.05 * s, 0.04 * s),
                top,
                7,
            )
            p.ellipsoid(hand, (0.045, 0.06, 0.05), skin)
        cushion(p, (0, 0), (0.42 * s, 0.25 * s), (0.86 * s, 1.5 * s), top, power=3)
        p.ellipsoid((0, 1.63 * s, 0), (0.085 * s, 0.12 * s, 0.1 * s), skin)
        p.ellipsoid(
            (0, 1.67 * s, 0.02),
            (0.092 * s, 0.1 * s, 0.105 * s),
            p.m.get("flat", p.m.shade((0.2, 0.14, 0.1), 0.4)),
        )


def crates(p: Place, count: int) -> None:
    """Add a pile of crates, sacks and barrels."""
    for _ in range(count):
        x, z, kind = p.u(-1.2, 1.2), p.u(-0.8, 0.8), p.n(0, 2)
        if kind == 0:
            with p.object("crate", _OBJECT):
                s = p.u(0.4, 0.8)
                p.box((x, z), (s, s), (0, s * 0.8), p.m.planks(), p.u(0, 1.5))
        elif kind == 1:
            with p.object("barrel", _OBJECT):
                wood = p.m.planks()
                p.cylinder((x, z), 0.24, (0, 0.42), wood, 0.3)
                p.cylinder((x, z), 0.3, (0.42, 0.85), wood, 0.24)
                p.cylinder((x, z), 0.29, (0.25, 0.3), p.m.black())
        else:
            with p.object("sack", _OBJECT):
                p.ellipsoid((x, 0.22, z), (0.32, 0.24, 0.26), p.m.fabric((0.6, 0.5, 0.36)))
