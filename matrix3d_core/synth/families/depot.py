"""A depot or other working ground: sheds, stations, building sites, farm yards, sports grounds and platforms.

Large plain walls stand near and far, canopies and floors overhead leave strips of sky.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from ..scene import SurfaceClass
from .parts import plants, props, vehicles, yards
from .parts.house import house, random_style
from .parts.palette import Color
from .parts.place import Place
from .parts.shapes import gable_roof, tube
from .parts.terrain import Noise, backdrop
from .parts.weather import daylight, night

__all__ = ["build"]

_OBJECT, _WALL = SurfaceClass.OBJECT, SurfaceClass.WALL
_CEILING, _GROUND = SurfaceClass.CEILING, SurfaceClass.GROUND

_GRAYS: tuple[Color, ...] = ((0.74, 0.75, 0.74), (0.52, 0.55, 0.58), (0.86, 0.86, 0.84), (0.28, 0.29, 0.31))
_HUES: tuple[Color, ...] = ((0.24, 0.34, 0.46), (0.30, 0.40, 0.32), (0.56, 0.24, 0.18), (0.78, 0.62, 0.22))
SHEETS: tuple[Color, ...] = (*_GRAYS, *_HUES, (0.82, 0.78, 0.68), (0.62, 0.55, 0.42))
WORDS = (
    "GATE 3,LOADING,DOCK 12,WORKSHOP,KEEP CLEAR,STORE B,TICKETS,PLATFORM 2,CAR WASH,DIESEL,EXIT,NO ENTRY,"
    "HALL 4,DANGER,SITE OFFICE,WEST STAND,ARRIVALS,FREIGHT,TIMBER,SERVICE"
).split(",")


def _wall_material(p: Place) -> int:
    m, kind = p.m, p.n(0, 9)
    if kind < 6:
        return (m.concrete, m.brick, m.plaster, m.stone, m.wall_paint, m.planks)[kind]()
    if kind == 6:
        return m.concrete(m.one(((0.75, 0.74, 0.70), (0.42, 0.41, 0.40))))
    color = m.one(SHEETS)
    return m.planks(color) if kind == 7 else m.paint(color) if kind == 8 else m.metal(color, p.u(0, 0.5))


def _sign(p: Place, width: float, up: float) -> None:
    """Add lettering before a face at z = 0, from x = 0."""
    dark, light = (
        p.m.one(((0.12, 0.2, 0.36), (0.42, 0.1, 0.08), (0.08, 0.09, 0.1), (0.1, 0.3, 0.2))),
        (0.9, 0.88, 0.82),
    )
    ink = (
        (light, dark) if p.chance(0.6) else (dark, p.m.shade((0.85, 0.75, 0.35) if p.chance(0.3) else light))
    )
    with p.object("sign", _OBJECT):
        p.quad((0, up, -0.04), (width, 0, 0), (0, -width * p.u(0.18, 0.3), 0), p.m.text(p.pick(WORDS), *ink))


def _front(p: Place, length: float, height: float, *, depth: float = 8.0, pitched: bool = False) -> None:
    """Add a shed along x around the frame: a large plain front at z = 0 with few gates, windows and letters."""
    wall, trim, glass = _wall_material(p), p.m.concrete(), p.m.glass()
    band = _wall_material(p) if p.chance(0.4) else wall
    split = height * p.u(0.2, 0.6)
    with p.object("shed", _WALL):
        p.span((-length / 2, length / 2), (0, depth), (-0.1, split), wall)
        p.span((-length / 2, length / 2), (0.03, depth), (split, height), band)
        if pitched:
            span = ((-length / 2, length / 2), (0.03, depth))
            gable_roof(p, *span, height, height + p.u(0.12, 0.3) * depth, p.m.roof(), band, overhang=0.3)
        else:
            p.span((-length / 2 - 0.1, length / 2 + 0.1), (-0.1, depth), (height, height + 0.25), trim)
        x, door = -length / 2 + p.u(0.5, 3), p.m.planks(p.m.one(SHEETS))
        while x < length / 2 - 4.2:
            kind, w = p.n(0, 4), p.u(2.4, 4.0)
            if kind == 0:
                top = min(height - 0.4, p.u(2.6, 4.2))
                p.span((x - 0.12, x + w + 0.12), (-0.07, 0.1), (0, top + 0.12), trim)
                p.span((x, x + w), (-0.09, 0.1), (0.02, top), door)
                for k in range(int(top / 0.35)):
                    p.span((x, x + w), (-0.105, -0.08), (0.35 * k + 0.3, 0.35 * k + 0.33), trim)
            elif kind == 1:
                up = (height * 0.62, height * 0.82)
                p.span((x, x + w), (-0.04, 0.1), up, glass)
                for k in range(5):
                    p.box((x + k * w / 4, 0), (0.06, 0.14), up, trim)
            elif kind == 2:
                p.span((x, x + 1.0), (-0.05, 0.1), (0, 2.1), p.m.paint())
                p.cylinder((x + 1.6, -0.08), 0.06, (0, height), trim)
            x += w + p.u(0.3, 7.0)
    for _ in range(p.n(0, 2)):
        width = min(p.u(1.2, 4.5), 0.6 * length)
        _sign(p.at(p.u(-0.5 * length, 0.5 * length - width), 0), width, p.u(0.5, 0.9) * height)
    if p.chance(0.35):
        _ladder(p.at(p.u(-0.4, 0.4) * length, -0.35), height + 0.8)


def _ladder(p: Place, height: float) -> None:
    steel = p.m.metal()
    with p.object("ladder", _OBJECT):
        for x in (-0.22, 0.22):
            p.beam((x, 0, -0.1), (x, height, 0.05), 0.04, steel)
        for k in range(int(height / 0.3)):
            p.beam((-0.22, 0.3 * k + 0.2, -0.07), (0.22, 0.3 * k + 0.2, -0.07), 0.025, steel)


def _canopy(
    p: Place,
    width: float,
    depth: float,
    height: float,
    *,
    lit: float = 0.0,
    columns: tuple[int, int] | None = None,
) -> None:
    """Add a flat roof on columns around the frame, with beams below it and strips of sky between its slabs."""
    steel = p.m.paint(p.m.one(SHEETS)) if p.chance(0.6) else p.m.concrete()
    sheet = p.pick((p.m.white, p.m.concrete, p.m.metal, lambda: p.m.planks(p.m.one(SHEETS)), p.m.planks))()
    nx, nz = columns or (max(2, round(width / p.u(4, 7)) + 1), max(2, round(depth / 7) + 1))
    round_, r, inset = p.chance(0.5), p.u(0.09, 0.28), p.u(0.4, 1.2)
    xs = np.linspace(-width / 2 + inset, width / 2 - inset, nx)
    zs = np.linspace(-depth / 2 + inset, depth / 2 - inset, nz) if nz > 1 else np.zeros(1)
    for x in xs:
        for z in zs:
            with p.object("column", _OBJECT):
                if round_:
                    p.cylinder((x, z), r, (0, height), steel)
                else:
                    p.box((x, z), (2 * r, 2 * r), (0, height), steel)
                p.box((x, z), (3 * r, 3 * r), (0, 0.12), steel)
    slabs, gap, thick = p.n(1, 4), p.pick((0.0, 0.0, p.u(0.15, 0.9))), p.u(0.15, 0.7)
    with p.object("canopy", _CEILING):
        for k in range(slabs):
            a, b = (-width / 2 + (k + j) * width / slabs for j in (0, 1))
            p.span((a + gap / 2, b - gap / 2), (-depth / 2, depth / 2), (height, height + thick), sheet)
        for x in xs:
            p.box((x, 0), (0.16, depth), (height - p.u(0.15, 0.3), height + 0.02), steel)
        for z in zs:
            p.box((0, z), (width, 0.14), (height - 0.18, height + 0.02), steel)
        glow = p.m.glow((1.0, 0.95, 0.85), 3.0 * lit) if lit else p.m.white()
        for x in (xs[1:] + xs[:-1]) / 2:
            p.box((x, 0.4), (1.2, 0.16), (height - 0.06, height), glow)
    if p.chance(0.6):
        paint = p.m.paint(p.m.one(SHEETS))
        with p.object("canopy edge", _WALL):
            for z in (-depth / 2, depth / 2):
                p.box((0, z), (width, 0.1), (height - 0.15, height + thick + 0.1), paint)
    if lit:
        for x in np.linspace(-width / 3, width / 3, 2):
            p.lamp((x, height - 0.4, 0.4), (3.0 * lit, 2.7 * lit, 2.2 * lit), 20.0)


def _pallets(p: Place) -> None:
    wood = p.m.planks()
    with p.object("pallet stack", _OBJECT):
        for k in range(p.n(1, 12)):
            for x in (-0.5, 0.0, 0.5):
                p.box((x, 0), (0.12, 0.8), (0.14 * k, 0.14 * k + 0.1), wood)
            p.box((0, 0), (1.2, 0.8), (0.14 * k + 0.1, 0.14 * k + 0.14), wood, p.u(-0.03, 0.03))
        if p.chance(0.5):
            p.box((0, 0), (1.1, 0.76), (0.14 * k + 0.14, 0.14 * k + p.u(0.5, 1.4)), _wall_material(p))


def _goods(p: Place) -> None:
    """Add something that stands in any yard."""
    q = p.at(0, 0, yaw=p.pick((0.0, 0.5 * math.pi, p.u(0, math.tau))))
    kind = p.n(0, 8)
    if kind < 2:
        _pallets(q)
    elif kind == 2:
        yards.container(p.at(0, 0, yaw=p.pick((0.0, math.pi / 2))), p.n(1, 2))
    elif kind == 3:
        with q.object("tank", _OBJECT):
            tube(q, ((-1.1, 0.8, 0), (1.1, 0.8, 0)), 0.7, q.m.metal(q.m.one(SHEETS), 0.3), 16)
            for x in (-0.7, 0.7):
                q.box((x, 0), (0.2, 1.1), (0, 0.45), q.m.concrete())
    elif kind == 4:
        with q.object("wall", _WALL):
            q.box((0, 0), (q.u(2, 6), q.u(0.12, 0.4)), (0, q.u(0.8, 3.6)), _wall_material(q))
    else:
        p.pick((props.bin_, props.person, props.road_sign, vehicles.van, vehicles.car, vehicles.cart))(q)


def _depot(p: Place, hx: float, hz: float, lit: float) -> None:
    for _ in range(p.n(2, 5)):
        q = p.at(p.u(-0.8, 0.8) * hx, p.u(-0.7, 0.7) * hz, yaw=p.pick((0.0, math.pi / 2)))
        for row in range(p.n(1, 3)):
            yards.container(q.at(p.u(-0.4, 0.4), row * p.u(2.7, 4.6)), p.n(1, 3))
    for k in range(p.n(2, 4)):
        vehicles.truck(p.at(-0.6 * hx + 5 * k, hz - 6, yaw=p.u(-0.06, 0.06)))
    _canopy(p.at(p.u(-0.3, 0.3) * hx, hz - 3.2), p.u(9, 20), 6.0, p.u(3.6, 5.2), lit=lit)
    with p.object("loading ramp", _WALL):
        x = p.u(-0.8, 0.4) * hx
        p.span((x, x + p.u(4, 9)), (-hz, -hz + p.u(1.5, 3)), (0, p.u(0.9, 1.3)), p.m.concrete())


def _bus_station(p: Place, hx: float, hz: float, lit: float) -> None:
    depth, count = p.u(3.0, 5.0), 3 if hz > 11 else 2
    for k in range(count):
        z = (k - (count - 1) / 2) * (depth + p.u(4.5, 6.5))
        q = p.at(p.u(-2, 2), z)
        _canopy(q, 1.6 * hx, depth, p.u(2.8, 4.2), lit=lit, columns=(p.n(3, 7), p.n(1, 2)))
        if p.chance(0.8):
            vehicles.bus(q.at(p.u(-0.5, 0.5) * hx, depth / 2 + 2.0, yaw=math.pi / 2), lights=lit)
        for _ in range(p.n(1, 3)):
            _shelter(q.at(p.u(-0.7, 0.7) * hx, p.u(-0.3, 0.3)))
            props.bench(q.at(p.u(-0.7, 0.7) * hx, 0, yaw=p.pick((0.0, math.pi))))


def _shelter(p: Place) -> None:
    """Add a back wall and sides of glass, with a poster."""
    glass, steel = p.m.glass(), p.m.metal()
    for x, z, w, d in ((0, 0.6, 3.0, 0.03), (-1.5, 0.1, 0.03, 1.0), (1.5, 0.1, 0.03, 1.0)):
        with p.object("shelter", _WALL):
            p.box((x, z), (w, d), (0.15, 2.2), glass)
            p.box((x, z), (w + 0.04, d + 0.04), (2.2, 2.27), steel)
            for s in (-1, 1):
                p.box((x + s * (w - 0.03) / 2, z + s * (d - 0.03) / 2), (0.05, 0.05), (0, 2.3), steel)
    with p.object("poster", _OBJECT):
        p.quad((-0.5, 1.95, 0.56), (1.0, 0, 0), (0, -1.4, 0), p.m.picture())


def _filling_station(p: Place, hx: float, hz: float, lit: float) -> None:
    _canopy(p, p.u(12, 20), p.u(8, 12), p.u(4.3, 5.6), lit=lit, columns=(p.n(2, 4), p.n(1, 2)))
    paint, black = p.m.paint(p.m.one(SHEETS)), p.m.black()
    for x in (-5.2, -1.8, 1.8, 5.2)[:: p.n(1, 2)]:
        for z in (-2.2, 2.2):
            with p.object("pump", _OBJECT):
                p.box((x, z), (0.9, 0.5), (0, 1.9), paint)
                p.box((x, z), (0.7, 0.54), (1.1, 1.7), black)
            props.sag(p, (x + 0.45, 1.4, z), (x + 0.5, 0.9, z), 0.5, 0.03, "hose")
        if p.chance(0.5):
            p.pick((vehicles.car, vehicles.van))(p.at(x + 1.8, p.u(-2, 2), yaw=p.pick((0.0, math.pi))))
    _front(p.at(p.u(-4, 4), 8.5), p.u(8, 14), p.u(3.0, 4.0), depth=5.0)


def _building_site(p: Place, hx: float, hz: float, lit: float) -> None:
    """Add a concrete frame with floors that have holes, scaffolding, heaps, a crane."""
    concrete, bay, floors = p.m.concrete(), p.u(3.2, 5.5), p.n(1, 3)
    nx, nz, high = max(1, int(1.6 * hx / bay)), max(1, int(1.2 * hz / bay)), p.u(2.8, 3.6)
    q = p.at(p.u(-3, 3) - nx * bay / 2, p.u(-2, 2) - nz * bay / 2)
    for i in range(nx + 1):
        for j in range(nz + 1):
            with p.object("column", _WALL):
                q.box((i * bay, j * bay), (0.36, 0.36), (0, high * floors + 0.7), concrete)
    for floor in range(1, floors + 1):
        with p.object("floor slab", _CEILING):
            for i in range(nx):
                for j in range(nz):
                    if p.chance(0.7):
                        up = (high * floor - 0.22, high * floor)
                        q.span((i * bay, (i + 1) * bay), (j * bay, (j + 1) * bay), up, concrete)
            for i in range(nx + 1):
                q.box(
                    (i * bay, nz * bay / 2),
                    (0.28, nz * bay),
                    (high * floor - 0.45, high * floor - 0.01),
                    concrete,
                )
            for j in range(nz + 1):
                q.box(
                    (nx * bay / 2, j * bay),
                    (nx * bay, 0.28),
                    (high * floor - 0.46, high * floor - 0.02),
                    concrete,
                )
    block = _wall_material(p)
    for i in range(nx):
        for j in range(nz + 1):
            if p.chance(0.3):
                with p.object("wall", _WALL):
                    top = p.pick((high - 0.46, p.u(0.8, 2.2)))
                    reach = (i * bay + 0.2, (i + p.u(0.5, 0.95)) * bay)
                    q.span(reach, (j * bay - 0.1, j * bay + 0.1), (0, top), block)
            if p.chance(0.3):
                with p.object("prop", _OBJECT):
                    rusty = p.m.metal((0.5, 0.3, 0.15), 0.6)
                    q.cylinder(
                        (i * bay + p.u(1, 2.5), min(j + 0.25, nz - 0.25) * bay), 0.04, (0, high - 0.2), rusty
                    )
        if lit:
            q.lamp(((i + 0.5) * bay, high - 0.7, 0.5 * bay), (2.6 * lit, 2.4 * lit, 2.0 * lit), 18.0)
    _scaffold(q.at(0, -1.5), nx * bay, floors)
    sand = p.pick((p.m.sand, p.m.gravel, p.m.soil))()
    for _ in range(p.n(2, 4)):
        _heap(p.at(p.pick((-1, 1)) * p.u(0.6, 0.85) * hx, p.u(-0.8, 0.8) * hz), p.u(1.2, 3.0), sand)
    yards.crane(p.at(p.pick((-1, 1)) * (hx + 9), p.u(-10, 10), yaw=p.u(0, math.tau)), p.u(18, 30))
    for k in range(p.n(2, 6)):
        _barrier(p.at(-0.8 * hx + 2.4 * k, -hz + p.u(1.5, 4.0), yaw=p.u(-0.3, 0.3)))


def _heap(p: Place, radius: float, material: int) -> None:
    noise, grid = Noise(p.rng), np.linspace(-radius, radius, 21)
    away = np.hypot(grid[None], grid[:, None]) / radius
    bumps = 1 + 0.25 * noise(grid[None], grid[:, None], 1.2)
    up = radius * 0.55 * (1.05 - away) * bumps - 0.03
    with p.object("heap", SurfaceClass.TERRAIN):
        p.b.heightfield(grid + p.x, grid + p.z, up.clip(-0.2, None), material)


def _barrier(p: Place) -> None:
    with p.object("barrier", _OBJECT):
        p.box((0, 0), (2.0, 0.5), (0, 0.3), p.m.concrete())
        p.box((0, 0), (2.0, 0.22), (0.3, 0.95), p.pick((p.m.concrete, p.m.white, p.m.paint))())


def _scaffold(p: Place, length: float, floors: int) -> None:
    """Add poles, rails, braces and decks along x from the frame, 1 m deep."""
    steel, wood, n = p.m.metal((0.6, 0.61, 0.6), 0.2), p.m.planks(), max(2, round(length / 2.4))
    top = 2.1 * (floors + 1)
    for k in range(n + 1):
        for z in (0.0, 1.0):
            with p.object("scaffold pole", _OBJECT):
                p.cylinder((k * length / n, z), 0.03, (0, top + 1.0), steel)
    for level in range(1, floors + 2):
        with p.object("scaffold pole", _OBJECT):
            for z in (0.0, 1.0):
                p.beam((0, 2.1 * level - 0.06, z), (length, 2.1 * level - 0.06, z), 0.05, steel)
            for rail in (0.5, 1.0):
                p.beam((0, 2.1 * level + rail, 0), (length, 2.1 * level + rail, 0), 0.045, steel)
            p.beam((0, 2.1 * level, 0), (length / n, 2.1 * level + 2.0, 0), 0.04, steel)
        with p.object("scaffold deck", _CEILING):
            p.span((0, length), (0.05, 0.95), (2.1 * level - 0.03, 2.1 * level + 0.02), wood)


def _farm(p: Place, hx: float, hz: float, lit: float) -> None:
    for k in range(p.n(1, 3)):
        with p.object("silo", _WALL):
            r, h, x = p.u(1.3, 2.8), p.u(5, 13), -0.6 * hx + 6 * k
            q = p.at(x, 0.7 * hz)
            q.cylinder((0, 0), r, (0, h), p.pick((p.m.concrete, p.m.metal, p.m.white))())
            q.cylinder((0, 0), r * 1.03, (h, h + r * 0.6), p.m.metal(), 0.15)
        _ladder(q.at(0, -r - 0.15), h)
    q = p.at(p.u(-0.3, 0.3) * hx, p.u(-0.4, 0.2) * hz)
    width, depth = p.u(9, 16), p.u(6, 10)
    _canopy(q, width, depth, p.u(3.6, 5.0), lit=lit)
    with p.object("wall", _WALL):
        q.box((0, depth / 2 + 0.2), (width, 0.2), (0, p.u(2, 3.6)), _wall_material(p))
    straw = p.m.get("carpet", p.m.shade((0.72, 0.60, 0.34)), p.m.shade((0.6, 0.48, 0.26)), pattern=0.2)
    for _ in range(p.n(5, 14)):
        x, z = p.u(-0.4, 0.4) * width, p.u(0.0, 0.4) * depth
        with p.object("hay bale", _OBJECT):
            if p.chance(0.5):
                tube(q, ((x - 0.6, 0.62, z), (x + 0.6, 0.62, z)), 0.65, straw, 16)
            else:
                for k in range(p.n(1, 3)):
                    q.box((x, z), (2.0, 1.0), (0.8 * k, 0.8 * k + 0.79), straw, p.u(-0.05, 0.05))
    for _ in range(p.n(1, 3)):
        _tractor(p.at(p.u(-0.8, 0.8) * hx, p.u(-0.8, -0.4) * hz, yaw=p.u(0, math.tau)))


def _tractor(p: Place) -> None:
    paint, black = p.m.paint(p.m.one(((0.15, 0.4, 0.15), (0.6, 0.1, 0.08), (0.12, 0.25, 0.5)))), p.m.black()
    with p.object("tractor", _OBJECT):
        p.box((0, -1.0), (0.8, 1.9), (0.7, 1.45), paint)
        p.box((0, 0.6), (1.3, 1.4), (0.8, 1.5), paint)
        p.box((0, 0.6), (1.25, 1.35), (1.5, 2.5), p.m.glass())
        p.box((0, 0.6), (1.4, 1.5), (2.5, 2.62), paint)
        for x in (-0.85, 0.85):
            tube(p, ((x - 0.2, 0.8, 0.8), (x + 0.2, 0.8, 0.8)), 0.8, black, 16)
            tube(p, ((x * 0.8 - 0.12, 0.45, -1.5), (x * 0.8 + 0.12, 0.45, -1.5)), 0.45, black, 14)


def _sports(p: Place, hx: float, hz: float, lit: float) -> None:
    white, net = p.m.white(), p.m.chain_link()
    with p.object("pitch", _GROUND):
        p.box((0, 0), (1.5 * hx, 1.5 * hz), (-0.1, 0.006), p.pick((p.m.grass, p.m.asphalt, p.m.sand))())
        for s in (-1, 0, 1):
            p.box((0.7 * hx * s, 0), (0.08, 1.4 * hz), (0, 0.012), white)
            p.box((0, 0.7 * hz * s), (1.4 * hx, 0.08), (0, 0.011), white)
    for s in (-1, 1):
        q = p.at(s * 0.7 * hx, p.u(-1, 1), yaw=s * math.pi / 2)
        with p.object("goal", _OBJECT):
            w, h = p.u(1.5, 3.6), p.u(2.0, 2.4)
            for x in (-w, w):
                q.cylinder((x, 0), 0.05, (0, h), white)
                q.beam((x, h, 0), (x, 0.0, 1.4), 0.04, white)
            q.beam((-w, h, 0), (w, h, 0), 0.1, white)
            q.quad((-w, h, 0), (2 * w, 0, 0), (0, -h, 1.4), net)
        props.fence(p.at(-0.9 * hx, s * 0.85 * hz), 1.8 * hx * p.u(0.4, 1), 3, p.u(2.5, 4.5))
    concrete, steps = p.m.concrete(), p.n(2, 5)
    with p.object("stand", _WALL):
        for k in range(steps):
            z = 0.86 * hz - 0.8 * (steps - k)
            p.span((-0.5 * hx, 0.4 * hx), (z, z + 0.8), (0, 0.45 * (k + 1)), concrete)
    if p.chance(0.6):
        roof = p.at(-0.05 * hx, 0.86 * hz - 2)
        _canopy(roof, 0.9 * hx, 4.6, 0.45 * steps + p.u(2.3, 3), lit=lit, columns=(p.n(3, 6), 2))
    for _ in range(p.n(2, 5)):
        props.bench(p.at(p.u(-0.8, 0.8) * hx, -0.8 * hz, yaw=math.pi))
        with p.object("floodlight mast", _OBJECT):
            p.cylinder((p.pick((-0.8, 0.8)) * hx, p.u(-0.8, 0.8) * hz), 0.1, (0, p.u(8, 12)), p.m.metal())


def _platform(p: Place, hx: float, hz: float, lit: float) -> None:
    """Add a platform along x, 0.9 m high, with tracks and wagons at both sides."""
    width, up = p.u(5, 9), 0.9
    q = p.at(0, 0, up)
    with p.object("platform", _GROUND):
        p.box((0, 0), (4 * hx, width), (-0.1, up), p.pick((p.m.paving, p.m.asphalt, p.m.concrete))())
        for s in (-1, 1):
            z = s * (width / 2 - 0.25)
            q.span((-2 * hx, 2 * hx), (z - 0.25, z + 0.25), (-0.2, 0.01), p.m.concrete((0.75, 0.74, 0.7)))
    q.walkable([(-hx, 0.5 - width / 2), (hx, 0.5 - width / 2), (hx, width / 2 - 0.5), (-hx, width / 2 - 0.5)])
    size, columns = (hx * p.u(0.9, 1.9), width * p.u(0.7, 1.15)), (p.n(4, 8), p.n(1, 2))
    _canopy(q.at(p.u(-0.3, 0.3) * hx, 0), *size, p.u(2.9, 4.2), lit=lit, columns=columns)
    for x in (-0.85, 0.85):
        props.lamp_post(q.at(x * hx, p.u(-1, 1), yaw=p.u(0, math.tau)), lit=lit)
    has_building = p.pick((0, 1))
    steel, wood = p.m.metal((0.4, 0.33, 0.28), 0.6), p.m.planks((0.32, 0.27, 0.23))
    for s in (-1, 1):
        if s == has_building:
            _front(p.at(0, width / 2 - 0.3), 2.4 * hx, p.u(4, 8), pitched=p.chance(0.5))
            continue
        for track in range(p.n(1, 2)):
            t = p.at(0, s * (width / 2 + 1.7 + 4.2 * track))
            with p.object("track", SurfaceClass.TERRAIN):
                t.span((-2 * hx, 2 * hx), (-1.6, 1.6), (-0.1, 0.03), p.m.gravel((0.42, 0.38, 0.34)))
                for z in (-0.72, 0.72):
                    t.span((-2 * hx, 2 * hx), (z - 0.035, z + 0.035), (0.1, 0.25), steel)
                for k in range(int(4 * hx / 0.65)):
                    t.box((-2 * hx + 0.65 * k, 0), (0.25, 2.5), (0, 0.1), wood)
            if p.chance(0.65):
                _wagons(t.at(p.u(-1, 0.2) * hx, 0))
    for _ in range(p.n(2, 6)):
        things = (props.bench, props.person, props.bin_, props.road_sign, _pallets)
        p.pick(things)(q.at(p.u(-0.9, 0.9) * hx, p.u(-0.2, 0.2) * width, yaw=p.pick((0.0, math.pi))))
    if width > 7:
        _front(q.at(p.u(-0.6, 0.6) * hx, -0.8), p.u(3, 6), 2.7, depth=1.8)


def _wagons(p: Place) -> None:
    paint, glass, black, plain = _wall_material(p), p.m.glass(), p.m.black(), p.chance(0.5)
    for k in range(p.n(1, 3)):
        q = p.at(14.4 * k, 0)
        with p.object("wagon", _OBJECT):
            q.box((0, 0), (13.8, 2.7), (1.0, 3.7), paint)
            q.box((0, 0), (13.9, 2.3), (3.7, 3.95), p.m.metal())
            q.box((0, 0), (14.4, 0.6), (0.7, 1.05), black)
            for x in (-4.6, -2.9, 2.9, 4.6):
                tube(q, ((x, 0.7, -0.85), (x, 0.7, 0.85)), 0.45, black, 12)
            door, up, w = (p.m.planks(SHEETS[1]), (1.1, 3.5), 2.2) if plain else (glass, (2.0, 3.0), 1.2)
            for x in (-4.5, 0.0, 4.5) if plain else np.arange(-5.6, 5.7, 1.6):
                q.box((float(x), 0), (w, 2.76), up, door)


KINDS = {
    "the yard of a depot": _depot,
    "a bus station": _bus_station,
    "a filling station": _filling_station,
    "a building site": _building_site,
    "a farm yard": _farm,
    "a sports ground": _sports,
    "a railway platform": _platform,
}


def _side(p: Place, length: float, kind: str, lit: float) -> None:
    """Bound the yard along x around the frame: sheds, plain walls, fences, houses or trees."""
    x = -length / 2
    while x < length / 2 - 3:
        w = min(p.u(7, 24), length / 2 - x)
        q, what = p.at(x + w / 2, p.u(0, 1.5)), p.n(0, 9)
        if what < 5:
            high, out = p.u(3.4, 9.5), p.u(2.0, 4.0)
            pitched = p.chance(0.6 if "farm" in kind else 0.25)
            _front(q, w - p.u(0, 0.8), high, depth=p.u(6, 12), pitched=pitched)
            if p.chance(0.45):
                roof, count = min(high - 0.6, p.u(2.6, 4.4)), max(2, int(w / 4))
                _canopy(q.at(0, -0.15 - out / 2), 0.9 * w, out, roof, lit=lit, columns=(count, 1))
        elif what == 5:
            with p.object("wall", _WALL):
                q.box((0, 0), (w, p.u(0.15, 0.4)), (-0.1, p.u(1.0, 4.5)), _wall_material(p))
            if p.chance(0.4):
                _sign(q.at(-1, -0.2), p.u(1, 2.5), 0.9)
        elif what == 6:
            props.fence(q.at(-w / 2, 0), w, p.pick((2, 3, 4)), p.u(1.2, 3.0))
        elif what == 7:
            s = random_style(p, p.pick(("brick", "plaster", "modern", "stone")), 0.3 * lit)
            s.ground = p.pick(("gate", "door"))
            house(q, w, p.u(8, 11), s, name="office")
        elif what == 8:
            for k in range(int(w / 5)):
                p.pick((plants.broadleaf, plants.conifer))(q.at(5 * k - w / 2 + 2, p.u(0, 3)), p.u(4, 10))
        x += w


def build(p: Place) -> None:
    """Build a working ground of one of `KINDS`, by day, dusk or night."""
    kind = p.pick(tuple(KINDS))
    lit = p.u(0.7, 1.3) if p.chance(0.22) else 0.0
    hx, hz, m = p.u(7.5, 19), p.u(7, 14), p.m
    grounds: tuple[Callable[[], int], ...] = (m.asphalt, m.concrete, m.gravel, m.paving, m.cobbles)
    if "farm" in kind or "site" in kind or "sports" in kind:
        grounds += (m.soil, m.grass, m.sand)
    ground = p.pick(grounds)()
    backdrop(p, p.u(70, 160), ground if p.chance(0.3) else None)
    with p.object("ground", _GROUND):
        p.box((0, 0), (2 * hx + 6, 2 * hz + 6), (-0.3, 0), ground)
        for _ in range(p.n(0, 4)):
            patch = p.pick(grounds)()
            p.box((p.u(-0.8, 0.8) * hx, p.u(-0.8, 0.8) * hz), (p.u(1, 9), p.u(1, 6)), (-0.1, 0.004), patch)
    for _ in range(p.pick((0, 0, 3, 6))):
        with p.object("puddle", SurfaceClass.WATER):
            x, z, water = (
                p.u(-0.9, 0.9) * hx,
                p.u(-0.9, 0.9) * hz,
                m.get("water", (0.2, 0.22, 0.22), waves=0.05),
            )
            for _ in range(4):
                p.cylinder((x + p.u(-0.8, 0.8), z + p.u(-0.5, 0.5)), p.u(0.3, 0.9), (-0.05, 0.009), water)
    if "platform" not in kind:
        p.walkable([(-hx, -hz), (hx, -hz), (hx, hz), (-hx, hz)])
    KINDS[kind](p, hx, hz, lit)
    out = max(0.5, 13.5 - hz) if "platform" in kind else 0.5
    for k, (near, length) in enumerate(((hz, hx), (hx, hz), (hz, hx), (hx, hz))):
        if not (k % 2 and "platform" in kind) and not p.chance(0.1):
            _side(p.at(0, 0, yaw=k * math.pi / 2).at(0, near + out), 2 * length, kind, lit)
    for _ in range(0 if "platform" in kind else p.n(3, 9)):
        _goods(p.at(p.pick((-1, 1)) * p.u(0.45, 0.92) * hx, p.u(-0.9, 0.9) * hz))
    for _ in range(p.n(3, 5)):
        q = p.at(p.u(-0.95, 0.95) * hx, p.pick((-1, 1)) * (hz + out - 1.2), yaw=p.u(0, math.tau))
        props.lamp_post(q, lit=lit)
    for sx, sz in ((-1, -1), (1, -1), (1, 1), (-1, 1)):
        q = p.at(sx * (hx + p.u(1, 4)), sz * (hz + out + p.u(1, 4)))
        p.pick((plants.broadleaf, plants.conifer))(q, p.u(4, 10))
        plants.bush(p.at(sx * (hx - 0.3), p.u(-0.9, 0.9) * (hz + out)), p.u(0.4, 1.1))
    if p.chance(0.4):
        props.wires(p, [(-1.6 * hx, hz + 6), (0.0, hz + 6.5), (1.6 * hx, hz + 6)], p.u(8, 11))
    p.b.facts.append(kind)
    if lit:
        night(p)
    else:
        daylight(p, evenings=0.25, haze=p.pick((1.0, 1.0, 3.0)), indoors=p.pick((1.0, 1.25)))
