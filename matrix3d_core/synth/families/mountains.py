"""Mountains: a valley or slope between high ridges, rocks, firs, snow, a lake and a hut."""

from __future__ import annotations

import math

import numpy as np

from ..scene import SurfaceClass
from .parts import plants, props
from .parts.place import Place
from .parts.shapes import gable_roof
from .parts.terrain import Noise, grid_land, hills, rock
from .parts.weather import daylight

__all__ = ["build", "hut"]


def hut(p: Place, width: float, depth: float) -> None:
    """Add a log hut on a stone base, with a veranda."""
    logs, stone, roof = p.m.wood((0.42, 0.29, 0.19)), p.m.stone(), p.m.planks((0.34, 0.30, 0.27))
    height = p.u(2.4, 2.9)
    with p.object("hut", SurfaceClass.WALL):
        p.box((0, 0), (width, depth), (-1.0, 0.4), stone)
        n = int((height - 0.4) / 0.22)
        for k in range(n):
            up = 0.4 + 0.22 * k
            p.box((0, 0), (width - 0.1, depth - 0.1), (up, up + 0.22), logs)
            for z in (-depth / 2, depth / 2):
                p.beam((-width / 2 - 0.25, up + 0.11, z), (width / 2 + 0.25, up + 0.11, z), 0.2, logs)
            for x in (-width / 2, width / 2):
                p.beam((x, up + 0.11, -depth / 2 - 0.25), (x, up + 0.11, depth / 2 + 0.25), 0.2, logs)
        top = 0.4 + 0.22 * n
        gable_roof(
            p,
            (-width / 2, width / 2),
            (-depth / 2, depth / 2),
            top,
            top + depth * 0.32,
            roof,
            logs,
            overhang=0.8,
        )
        p.span((-0.45, 0.45), (-depth / 2 - 0.16, -depth / 2), (0.4, 2.3), p.m.planks())
        for x in (-width * 0.32, width * 0.32):
            p.span((x - 0.4, x + 0.4), (-depth / 2 - 0.13, -depth / 2), (1.2, 2.0), p.m.glass())
            for side in (-0.62, 0.62):
                p.span(
                    (x + side - 0.2, x + side + 0.2),
                    (-depth / 2 - 0.17, -depth / 2 - 0.1),
                    (1.15, 2.05),
                    p.m.paint(),
                )
        p.box((width * 0.25, 0), (0.6, 0.6), (top, top + depth * 0.32 + 0.8), stone)
    props.bench(p.at(width * 0.3, -depth / 2 - 0.6, 0))


def build(p: Place) -> None:
    """Build an alpine meadow, a stony slope or a snow field."""
    kind = p.pick(("meadow", "stony", "snow", "lake"))
    noise, relief = Noise(p.rng), p.u(1.0, 3.5)
    heading, tilt = p.u(0, math.tau), p.u(0.0, 0.1)

    def up(x: np.ndarray, z: np.ndarray) -> np.ndarray:
        r = np.hypot(x, z)
        off = np.clip((r - 5) / 30, 0, 1)
        slope = tilt * (x * math.cos(heading) + z * math.sin(heading)) * off
        bowl = 26 * np.clip(r / 170 - 0.35, 0, None) ** 1.6 * (1.2 + noise(x, z, 70))
        basin = 2.4 * np.clip((26 - np.hypot(x - 42, z - 10)) / 14, 0, 1) if kind == "lake" else 0.0
        return np.asarray(
            off * (relief * noise(x, z, 22.0) + 0.25 * noise(x, z, 3.0, 3)) + slope + bowl - basin
        )

    base = {"meadow": p.m.grass, "lake": p.m.grass, "stony": p.m.gravel, "snow": p.m.snow}[kind]()
    grid_land(p, "slope", SurfaceClass.TERRAIN, 320, up, base, cells=96)
    with p.object("clearing", SurfaceClass.GROUND):
        p.cylinder((0, 0), 4.0, (-0.4, 0.02), base)
    p.walkable([(4.5 * math.cos(a), 4.5 * math.sin(a)) for a in np.linspace(0, math.tau, 12)[:-1]])
    trail = p.m.soil() if kind != "snow" else p.m.get("snow", (0.78, 0.8, 0.84))
    z = np.linspace(-26, 26, 41)
    x = 2.5 * np.sin(z / 9)
    edge = [np.stack([x + s, up(x + s, z) + 0.05, z], 1) for s in (-0.6, 0.6)]
    k = np.arange(40)
    with p.object("path", SurfaceClass.GROUND):
        p.mesh(
            np.concatenate(edge),
            np.concatenate([np.stack([k, k + 41, k + 42], 1), np.stack([k, k + 42, k + 1], 1)]),
            trail,
        )

    def spot(near: float, far: float) -> Place:
        a, r = p.u(0, math.tau), math.sqrt(p.u(near**2, far**2))
        sx, sz = r * math.sin(a), r * math.cos(a)
        if abs(sx - 2.5 * math.sin(sz / 9)) < 1.4:
            sx += 3.0
        return p.at(sx, sz, float(up(np.array(sx), np.array(sz))), yaw=p.u(0, 6.28))

    stone = p.m.rock()
    for _ in range(p.n(30, 70)):
        with p.object("rock", SurfaceClass.TERRAIN):
            rock(spot(3.5, 45), p.pick((p.u(0.3, 0.9), p.u(0.8, 2.5))), stone)
    for _ in range(p.n(4, 10)):
        with p.object("boulder", SurfaceClass.TERRAIN):
            rock(spot(12, 80), p.u(2.5, 7), stone, 0.8)
    for _ in range(p.n(8, 40) if kind != "stony" else p.n(0, 8)):
        plants.conifer(spot(10, 60), p.u(4, 14), dense=0.9)
    for _ in range(p.n(20, 60)):
        plants.conifer(spot(60, 160), p.u(7, 16), dense=0.3)
    if kind in ("meadow", "lake"):
        with p.object("grass", SurfaceClass.FOLIAGE):
            for _ in range(p.n(80, 160)):
                plants.tuft(spot(1.0, 16), p.u(0.1, 0.3), p.u(0.1, 0.35), 12)
        for _ in range(p.n(2, 8)):
            plants.flowers(spot(2, 10), 0.5, 10)
    if kind == "lake":
        level = float(up(np.array(42.0), np.array(10.0))) + 1.6
        with p.object("lake", SurfaceClass.WATER):
            p.cylinder(
                (42, 10),
                34,
                (min(-3.0, level - 1.0), level),
                p.m.water((0.12, 0.26, 0.30)),
            )
    if p.chance(0.6):
        q = spot(10, 22)
        hut(q.at(0, 0, 0.3), p.u(5, 8), p.u(4.5, 6))
    if p.chance(0.4):
        a = p.u(0, 6.28)
        props.fence(
            p.at(
                6 * math.sin(a),
                6 * math.cos(a),
                float(up(np.array(6 * math.sin(a)), np.array(6 * math.cos(a)))),
                yaw=a,
            ),
            p.u(5, 9),
            p.pick((1, 4)),
        )
    if p.chance(0.5):
        with p.object("signpost", SurfaceClass.OBJECT):
            q = p.at(2.8, p.u(-3, 3), yaw=p.u(0, 6))
            q.cylinder((0, 0), 0.05, (-0.3, 2.3), p.m.bark())
            for up_to, words in ((2.2, "SUMMIT 2 H"), (1.9, "LAKE 30 MIN")):
                q.quad(
                    (0.05, up_to, -0.06),
                    (0.9, 0, 0),
                    (0, -0.2, 0),
                    p.m.text(words, (0.1, 0.1, 0.1), (0.85, 0.7, 0.15)),
                )
    bare = p.m.rock(p.pick(((0.48, 0.47, 0.46), (0.42, 0.38, 0.35), (0.55, 0.50, 0.46))))
    hills(
        p,
        230,
        p.u(50, 110),
        p.m.foliage((0.20, 0.28, 0.16)) if kind != "snow" else bare,
        name="wooded slopes",
    )
    hills(
        p,
        400,
        p.u(220, 420),
        p.m.snow() if kind == "snow" or p.chance(0.4) else bare,
        rough=0.9,
        name="mountains",
    )
    place = {
        "meadow": "an alpine meadow",
        "stony": "a stony slope",
        "snow": "a snow field",
        "lake": "a meadow by a lake",
    }[kind]
    p.b.facts.append(f"{place} between high mountains")
    daylight(p, haze=0.5)
