"""Plants: trees with trunks, branches and loose leaves, bushes, hedges, grass, palms and cacti."""

from __future__ import annotations

import math

import numpy as np

from ...scene import SurfaceClass
from .palette import Color
from .place import Place, Point
from .shapes import cushion, tube

__all__ = [
    "broadleaf",
    "bush",
    "cactus",
    "conifer",
    "dead_tree",
    "fern",
    "flowers",
    "hedge",
    "log",
    "palm",
    "tuft",
]

_FOLIAGE = SurfaceClass.FOLIAGE


def _trunk(p: Place, height: float, radius: float, bark: int, lean: float = 0.06) -> list[Point]:
    """Add a slightly bent trunk and return its points."""
    x, z = p.u(-lean, lean) * height, p.u(-lean, lean) * height
    points = [(x * t * t, height * t - 0.05, z * t * t) for t in (0.0, 0.12, 0.45, 0.75, 1.0)]
    tube(p, points, [radius * 1.5, radius, radius * 0.85, radius * 0.65, radius * 0.4], bark, 8)
    return points


def broadleaf(
    p: Place,
    height: float,
    *,
    dense: float = 1.0,
    color: Color | None = None,
    bark: Color | None = None,
    bare: float | None = None,
) -> None:
    """Add a tree with a crown of leaves.

    Args:
        p: its foot.
        height: meters.
        dense: factor of the count of leaves.
        color: of the leaves; None: some green.
        bark: of the trunk; None: brown.
        bare: share of the height without leaves; None: a third.
    """
    low = height * (bare if bare is not None else p.u(0.22, 0.4))
    material = p.m.bark(bark) if bark else p.m.bark()
    twig = p.m.twig(color)
    inner = p.m.foliage(p.m.shade(color) if color else None)
    with p.object("tree", _FOLIAGE):
        top = _trunk(p, height * 0.7, 0.022 * height + 0.03, material)[3]
    reach = height * p.u(0.24, 0.36)
    middle = (top[0], (low + height) / 2, top[2])
    half = (height - low) / 2
    with p.object("tree crown", _FOLIAGE):
        for k in range(p.n(9, 13) if dense > 0.2 else 8):
            a, t = k * 2.4 + p.u(0, 0.8), ((k * 0.618) % 1.0) * 1.7 - 0.85
            r = reach * math.sqrt(max(0.05, 1 - t * t)) * p.u(0.45, 0.8)
            tip = (middle[0] + r * math.cos(a), middle[1] + t * half * 0.85, middle[2] + r * math.sin(a))
            if dense >= 0.4:
                fork = (top[0] * 0.6, min(max(low * 0.9, tip[1] - r), height * 0.65), top[2] * 0.6)
                bend = (
                    (fork[0] + tip[0]) / 2,
                    (fork[1] + tip[1]) / 2 - 0.03 * height,
                    (fork[2] + tip[2]) / 2,
                )
                tube(p, (fork, bend, tip), (0.008 * height, 0.006 * height, 0.003 * height), material, 5)
            size = reach * p.u(0.42, 0.62)
            p.leaves(
                tip,
                (size, size * 0.75, size),
                int(62 * dense * p.u(0.8, 1.2)),
                0.065 * height * p.u(0.8, 1.1),
                twig,
            )
            if dense >= 0.1:
                p.ellipsoid(tip, (size * 0.5, size * 0.36, size * 0.5), inner)
        p.ellipsoid(middle, (reach * 0.42, half * 0.55, reach * 0.42), inner)


def conifer(p: Place, height: float, *, dense: float = 1.0, color: Color = (0.16, 0.25, 0.15)) -> None:
    """Add a fir or spruce."""
    bark, twig, inner = p.m.bark((0.30, 0.23, 0.18)), p.m.twig(color), p.m.foliage(p.m.shade(color))
    low, wide = height * p.u(0.04, 0.2), height * p.u(0.17, 0.26)
    with p.object("tree", _FOLIAGE):
        p.cylinder((0, 0), 0.016 * height + 0.03, (-0.1, height * 0.9), bark, 0.02)
    tiers = max(5, int(height * 0.9))
    with p.object("tree crown", _FOLIAGE):
        p.cylinder((0, 0), wide * 0.5, (low + 0.1 * height, height * 0.97), inner, 0.02)
        for k in range(tiers):
            t = k / tiers
            up, r = low + (height - low) * t, wide * (1 - t) ** 0.85 * p.u(0.85, 1.1)
            p.leaves(
                (0, up, 0),
                (r, 0.05 * height, r),
                int(34 * dense * (1 - 0.6 * t)),
                0.075 * height * (1 - 0.4 * t),
                twig,
            )
        p.cylinder((0, 0), 0.1, (height * 0.93, height), inner, 0.0)


def dead_tree(p: Place, height: float, dense: float = 1.0) -> None:
    """Add a tree without leaves."""
    bark = p.m.bark((0.45, 0.41, 0.36))
    with p.object("bare tree", _FOLIAGE):
        trunk = _trunk(p, height * 0.8, 0.02 * height + 0.03, bark, 0.1)
        for k in range(p.n(6, 11) if dense > 0.5 else 4):
            a, start = k * 2.4, trunk[p.n(2, 4)]
            r, rise = height * p.u(0.15, 0.32), height * p.u(0.05, 0.25)
            tip = (start[0] + r * math.cos(a), start[1] + rise, start[2] + r * math.sin(a))
            mid = ((start[0] + tip[0]) / 2, (start[1] + tip[1]) / 2 - 0.04 * height, (start[2] + tip[2]) / 2)
            tube(p, (start, mid, tip), (0.008 * height, 0.005 * height, 0.002 * height), bark, 5)
            for _ in range(3):
                end = (
                    tip[0] + p.u(-0.1, 0.1) * height,
                    tip[1] + p.u(0, 0.1) * height,
                    tip[2] + p.u(-0.1, 0.1) * height,
                )
                p.beam(mid if p.chance(0.5) else tip, end, 0.004 * height, bark)


def bush(p: Place, radius: float, color: Color | None = None, height: float | None = None) -> None:
    """Add a round bush."""
    h, twig = height or radius * p.u(0.8, 1.4), p.m.twig(color)
    with p.object("bush", _FOLIAGE):
        p.ellipsoid(
            (0, h * 0.42, 0),
            (radius * 0.75, h * 0.45, radius * 0.75),
            p.m.foliage(p.m.shade(color) if color else None),
        )
        p.leaves(
            (0, h * 0.5, 0), (radius, h * 0.55, radius), int(60 + 70 * radius), 0.12 + 0.07 * radius, twig
        )


def hedge(p: Place, length: float, height: float, depth: float, color: Color | None = None) -> None:
    """Add a trimmed hedge along x around the frame."""
    twig, inner = p.m.twig(color), p.m.foliage(p.m.shade(color) if color else None)
    with p.object("hedge", _FOLIAGE):
        p.box((0, 0), (length, depth), (0, height), inner)
        for k in range(max(1, round(length / 0.7))):
            x = -length / 2 + (k + 0.5) * length / max(1, round(length / 0.7))
            p.leaves((x, height * 0.55, 0), (0.45, height * 0.5, depth * 0.58), 26, 0.13, twig)


def tuft(p: Place, radius: float, height: float, count: int, color: Color | None = None) -> None:
    """Add blades of grass as thin triangles; part of the object that is open."""
    rng = p.rng
    a, r = rng.uniform(0, math.tau, count), radius * np.sqrt(rng.uniform(0, 1, count))
    foot = np.stack([r * np.cos(a), np.zeros(count), r * np.sin(a)], 1)
    turn, h = rng.uniform(0, math.tau, count), height * rng.uniform(0.5, 1.1, count)
    wide = np.stack([np.cos(turn), np.zeros(count), np.sin(turn)], 1) * (0.006 + 0.02 * height)
    bend = np.stack([rng.normal(0, 0.3, count) * h, h, rng.normal(0, 0.3, count) * h], 1)
    v = np.stack([foot - wide, foot + wide, foot + bend], 1).reshape(-1, 3)
    p.mesh(
        v, np.arange(3 * count).reshape(-1, 3), p.m.get("flat", color or p.m.shade((0.36, 0.44, 0.2), 0.2))
    )


def flowers(p: Place, radius: float, count: int) -> None:
    """Add a bed of flowers."""
    leaf, petals = (
        p.m.leaf(),
        [
            p.m.paint(p.m.one(((0.8, 0.2, 0.3), (0.9, 0.8, 0.2), (0.85, 0.85, 0.9), (0.5, 0.3, 0.7))))
            for _ in range(2)
        ],
    )
    with p.object("flowers", _FOLIAGE):
        p.leaves((0, 0.1, 0), (radius, 0.14, radius), count * 2, 0.12, leaf)
        for _ in range(count):
            a, r = p.u(0, math.tau), radius * math.sqrt(p.u(0, 1))
            x, z, up = r * math.cos(a), r * math.sin(a), p.u(0.18, 0.45)
            p.beam((x, 0, z), (x, up, z), 0.008, leaf)
            p.ellipsoid((x, up, z), (0.04, 0.025, 0.04), p.pick(petals))


def fern(p: Place, size: float) -> None:
    """Add a fern: bent fronds around the middle."""
    frond = p.m.blade(p.m.shade((0.26, 0.40, 0.14), 0.15))
    with p.object("fern", _FOLIAGE):
        for k in range(p.n(7, 12)):
            a = k * 2.4 + p.u(0, 0.5)
            out = (math.cos(a), math.sin(a))
            side, r, w = (-out[1], out[0]), size * p.u(0.7, 1.1), 0.26 * size
            for near, far, low, high in ((0.0, 0.55, 0.0, 0.5), (0.5, 1.0, 0.48, 0.38)):
                stem = (out[0] * near * r - side[0] * w / 2, low * size, out[1] * near * r - side[1] * w / 2)
                step = (out[0] * (far - near) * r, (high - low) * size, out[1] * (far - near) * r)
                tip = (stem[0] + step[0], stem[1] + step[1], stem[2] + step[2])
                p.quad(tip, (side[0] * w, 0, side[1] * w), (-step[0], -step[1], -step[2]), frond)


def log(p: Place, length: float, radius: float) -> None:
    """Add a fallen trunk along x."""
    with p.object("fallen trunk", SurfaceClass.OBJECT):
        tube(
            p,
            (
                (-length / 2, radius * 0.9, 0),
                (0, radius * 0.95, p.u(-0.1, 0.1)),
                (length / 2, radius * 0.8, 0),
            ),
            (radius, radius * 0.92, radius * 0.8),
            p.m.bark(),
            10,
        )
        for _ in range(p.n(0, 4)):
            x, up = p.u(-0.4, 0.4) * length, radius * 1.6
            p.beam(
                (x, radius, 0),
                (x + p.u(-0.3, 0.3), up + p.u(0.1, 0.5), p.u(-0.4, 0.4)),
                radius * 0.25,
                p.m.bark(),
            )


def palm(p: Place, height: float) -> None:
    """Add a palm tree."""
    bark, frond = p.m.bark((0.46, 0.38, 0.28)), p.m.blade(p.m.shade((0.28, 0.40, 0.16), 0.15))
    with p.object("palm", _FOLIAGE):
        top = _trunk(p, height, 0.16, bark, 0.12)[-1]
    with p.object("tree crown", _FOLIAGE):
        for k in range(p.n(11, 17)):
            a, rise, r = k * 2.4, p.u(-0.3, 0.7), p.u(1.6, 2.6)
            out, side = (math.cos(a), math.sin(a)), (-math.sin(a), math.cos(a))
            start = np.array(top)
            for t in range(3):
                step = np.array([out[0] * r / 3, (rise - 0.45 * t) * r / 3, out[1] * r / 3])
                for lift in (-0.22, 0.22):
                    wide = np.array([side[0] * 0.32, lift, side[1] * 0.32]) * (1 if lift > 0 else -1)
                    p.quad(tuple(start + step), tuple(wide), tuple(-step), frond)
                start = start + step


def cactus(p: Place, height: float) -> None:
    """Add a column cactus with arms, or a round one."""
    green = p.m.get("foliage", p.m.shade((0.30, 0.40, 0.24)), None, 0.5)
    r = 0.09 * height + 0.06
    with p.object("cactus", _FOLIAGE):
        if height < 0.8:
            for _ in range(p.n(1, 4)):
                p.ellipsoid(
                    (p.u(-0.3, 0.3), height * 0.4, p.u(-0.3, 0.3)),
                    (height * 0.4, height * 0.45, height * 0.4),
                    green,
                )
            return
        tube(
            p,
            ((0, -0.05, 0), (0, height * 0.5, 0), (0, height * 0.95, 0), (0, height, 0)),
            (r, r, r * 0.85, r * 0.3),
            green,
            10,
        )
        for k in range(p.n(0, 3)):
            a, up, out = k * 2.2 + p.u(0, 1), height * p.u(0.35, 0.6), r + p.u(0.25, 0.45)
            x, z, tip = out * math.cos(a), out * math.sin(a), up + height * p.u(0.2, 0.35)
            tube(
                p,
                (
                    (0, up, 0),
                    (x * 0.8, up + 0.03, z * 0.8),
                    (x, up + 0.2, z),
                    (x, tip, z),
                    (x, tip + 0.08, z),
                ),
                (r * 0.6, r * 0.6, r * 0.6, r * 0.55, r * 0.2),
                green,
                8,
            )


def lawn_tufts(p: Place, width: float, depth: float, count: int, height: float = 0.12) -> None:
    """Scatter tufts over a rectangle around the frame."""
    with p.object("grass", _FOLIAGE):
        for _ in range(count):
            tuft(p.at(p.u(-0.5, 0.5) * width, p.u(-0.5, 0.5) * depth), 0.18, height * p.u(0.6, 1.6), 12)


def planter(p: Place, length: float = 1.2) -> None:
    """Add a planter with bushes or flowers along x."""
    with p.object("planter", SurfaceClass.OBJECT):
        cushion(
            p, (0, 0), (length, 0.5), (0, 0.45), p.m.concrete() if p.chance(0.5) else p.m.wood(), power=12
        )
    if p.chance(0.5):
        flowers(p.at(0, 0, 0.42), 0.3, 14)
    else:
        bush(p.at(0, 0, 0.35), 0.4)
