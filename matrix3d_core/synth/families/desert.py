"""Desert: dunes or stony plains, rocks and table mountains, cacti, palms, ruins and tents."""

from __future__ import annotations

import math

import numpy as np

from ..scene import SurfaceClass
from .parts import plants, props
from .parts.landmarks import arcade
from .parts.palette import Color
from .parts.place import Place
from .parts.terrain import Noise, grid_land, hills, rock
from .parts.weather import daylight

__all__ = ["build"]


def _ruin(p: Place, stone: int) -> None:
    """Add broken walls, columns and blocks."""
    for k in range(p.n(3, 6)):
        x, h = k * 2.6 - 5, p.u(0.8, 4.2)
        with p.object("broken column", SurfaceClass.WALL):
            p.cylinder((x, 0), 0.38, (-0.3, h), stone, 0.33)
            p.box((x, 0), (1.0, 1.0), (-0.4, 0.25), stone)
            if h > 3.6:
                p.box((x, 0), (0.9, 0.9), (h, h + 0.3), stone)
    for _ in range(p.n(2, 4)):
        length, x, z = p.u(2, 6), p.u(-6, 6), p.u(2, 7)
        with p.object("broken wall", SurfaceClass.WALL):
            q = p.at(x, z, yaw=p.pick((0.0, math.pi / 2)) + p.u(-0.05, 0.05))
            for n in range(int(length / 0.6)):
                q.box((n * 0.6, 0), (0.61, 0.55), (-0.4, p.u(0.4, 2.4)), stone)
    for _ in range(p.n(4, 10)):
        with p.object("stone block", SurfaceClass.OBJECT):
            p.box(
                (p.u(-7, 7), p.u(-3, 7)),
                (p.u(0.4, 1.1), p.u(0.4, 0.8)),
                (-0.2, p.u(0.2, 0.7)),
                stone,
                p.u(0, 3),
            )
    if p.chance(0.5):
        arcade(p.at(0, 9), p.n(2, 4), 3.0, 2.4, 4.4, 0.7, stone)


def _mesa(p: Place, reach: float, height: float, material: int) -> None:
    """Add a table mountain of layers."""
    sides = 14
    shape = 1 + 0.25 * p.rng.uniform(-1, 1, sides)
    with p.object("table mountain", SurfaceClass.TERRAIN):
        from .parts.shapes import loft

        a = np.arange(sides) * math.tau / sides
        rings = [
            np.stack(
                [reach * s * shape * np.cos(a), np.full(sides, up * height), reach * s * shape * np.sin(a)], 1
            )
            for s, up in ((1.6, -0.05), (1.15, 0.28), (1.0, 0.32), (0.95, 0.7), (0.86, 0.72), (0.82, 1.0))
        ]
        loft(p, np.stack(rings), material, smooth=False)


def _tent(p: Place) -> None:
    """Add a pavilion tent with an awning and jars."""
    cloth = p.m.fabric((0.72, 0.62, 0.48))
    with p.object("tent", SurfaceClass.WALL):
        p.cylinder((0, 0), 2.2, (0, 1.9), cloth, 2.0)
        p.cylinder((0, 0), 2.4, (1.9, 3.4), cloth, 0.05)
        p.quad((-1.2, 2.0, -1.9), (2.4, 0, 0), (0, -0.2, -2.2), cloth)
        for x in (-1.15, 1.15):
            p.beam((x, 0, -4.0), (x, 1.82, -4.0), 0.05, p.m.wood())
    props.crates(p.at(0, -2.9), 4)


def build(p: Place) -> None:
    """Build a sand desert, a stony desert with cacti, or a canyon land."""
    kind = p.pick(("dunes", "cacti", "canyon", "oasis"))
    noise, relief, wind = Noise(p.rng), p.u(1.5, 6.0), p.u(0, math.tau)
    shade: Color = p.pick(((0.82, 0.67, 0.47), (0.80, 0.56, 0.36), (0.85, 0.76, 0.60), (0.70, 0.52, 0.38)))

    def up(x: np.ndarray, z: np.ndarray) -> np.ndarray:
        r = np.hypot(x, z)
        off = np.clip((r - 6) / 22, 0, 1)
        along = x * math.cos(wind) + z * math.sin(wind) + 9 * noise(x, z, 60, 2)
        wave = (along / 46.0) % 1.0
        crest = np.where(wave < 0.72, wave / 0.72, (1 - wave) / 0.28)
        crest = crest * crest * (3 - 2 * crest)
        dune = (
            relief * crest * (0.6 + 0.5 * noise(x + 500, z, 80, 2))
            if kind in ("dunes", "oasis")
            else 0.4 * relief * noise(x, z, 30)
        )
        return np.asarray(off * (dune + 0.1 * noise(x, z, 4.0, 2)) + 4 * np.clip(r / 200 - 0.5, 0, 1))

    ground = p.m.sand(shade) if kind in ("dunes", "oasis") or p.chance(0.4) else p.m.gravel(shade)
    grid_land(
        p,
        "dunes" if kind == "dunes" else "desert",
        SurfaceClass.TERRAIN,
        320,
        up,
        ground,
        cells=110,
        warp=1.7,
    )
    with p.object("clearing", SurfaceClass.GROUND):
        p.cylinder((0, 0), 5.5, (-0.4, 0.02), ground)
    p.walkable([(6 * math.cos(a), 6 * math.sin(a)) for a in np.linspace(0, math.tau, 13)[:-1]])

    def spot(near: float, far: float) -> Place:
        a, r = p.u(0, math.tau), math.sqrt(p.u(near**2, far**2))
        sx, sz = r * math.sin(a), r * math.cos(a)
        return p.at(sx, sz, float(up(np.array(sx), np.array(sz))), yaw=p.u(0, 6.28))

    stone = p.m.rock(p.m.shade(shade, 0.15))
    for _ in range(p.n(4, 20) if kind in ("dunes", "oasis") else p.n(40, 90)):
        with p.object("rock", SurfaceClass.TERRAIN):
            rock(spot(2.5, 45), p.pick((p.u(0.2, 0.7), p.u(0.6, 2.2))), stone)
    if kind == "cacti" or p.chance(0.25):
        for _ in range(p.n(15, 50)):
            plants.cactus(spot(3, 60), p.pick((p.u(0.3, 0.8), p.u(1.5, 5))))
    for _ in range(p.n(8, 30)):
        q = spot(2, 40)
        if p.chance(0.5):
            plants.bush(q, p.u(0.25, 0.7), (0.46, 0.45, 0.28))
        else:
            with p.object("dry grass", SurfaceClass.FOLIAGE):
                plants.tuft(q, 0.3, p.u(0.3, 0.7), 30, (0.66, 0.58, 0.36))
    if kind == "oasis":
        for _ in range(p.n(8, 18)):
            plants.palm(spot(4, 25), p.u(4, 10))
        with p.object("pool", SurfaceClass.WATER):
            p.cylinder((14, 8), 7.0, (-1.0, 0.3), p.m.water((0.15, 0.32, 0.32)))
    if p.chance(0.5):
        _ruin(spot(11, 20), p.m.stone(p.m.shade(shade, 0.1)))
    if p.chance(0.35):
        _tent(spot(9, 16))
    if p.chance(0.4):
        a = p.u(0, 3.1)
        line = [
            (25 * k * math.cos(a) + 7 * math.sin(a), 25 * k * math.sin(a) - 7 * math.cos(a))
            for k in range(-4, 5)
        ]
        props.wires(p, line, p.u(6.5, 8.5))
    for k in range(p.n(3, 7) if kind == "canyon" else p.n(0, 2)):
        a, r = k * 1.3 + p.u(0, 0.8), p.u(70, 240)
        _mesa(p.at(r * math.sin(a), r * math.cos(a)), p.u(14, 50), p.u(15, 55), stone)
    hills(p, p.u(330, 480), p.u(20, 120), stone, rough=0.9)
    words = {
        "dunes": "sand dunes",
        "cacti": "a stony desert with cacti",
        "canyon": "a desert with table mountains",
        "oasis": "an oasis with palms between dunes",
    }
    p.b.facts.append(words[kind])
    daylight(p, evenings=0.3, haze=0.8)
