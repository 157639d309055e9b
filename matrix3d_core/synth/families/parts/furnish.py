"""Fill rooms with furniture: pieces stand at free stretches of wall or on the floor, and never in each other."""

from __future__ import annotations

import math

from ...scene import SurfaceClass
from . import furniture as f
from . import interiors as i
from .interiors import Shell
from .place import Place

__all__ = ["Layout", "furnish"]


class Layout:
    """What stands where in a room.

    Args:
        shell: the room; its free stretches of wall are used up.
    """

    def __init__(self, shell: Shell) -> None:
        self.shell, self.p = shell, shell.place
        self._free = [list(side) for side in shell.free]
        self._taken: list[tuple[float, float, float]] = []  # x, z, radius, local to the room

    def _clear(self, spots: list[tuple[float, float, float]]) -> bool:
        return all(math.hypot(x - a, z - b) > r + q for x, z, r in spots for a, b, q in self._taken)

    def _spots(self, q: Place, width: float, depth: float) -> list[tuple[float, float, float]]:
        """Cover a footprint with circles along its longer side, in the room's coordinates."""
        r = min(width, depth) / 2
        n = max(1, math.ceil(max(width, depth) / (2 * r)))
        base = self.p
        spots = []
        for k in range(n):
            t = (k + 0.5) / n - 0.5
            x, _, z = q.point(t * width if width >= depth else 0.0, 0, t * depth if depth > width else 0.0)
            dx, dz = x - base.x, z - base.z
            c, s = math.cos(base.yaw), math.sin(base.yaw)
            spots.append((c * dx - s * dz, s * dx + c * dz, r))
        return spots

    def at_wall(self, width: float, depth: float, gap: float = 0.02) -> Place | None:
        """Return a frame for a piece with its back to a wall, or None where none is free."""
        p = self.p
        options = [(k, n) for k in range(4) for n, (a, b) in enumerate(self._free[k]) if b - a >= width]
        for _ in range(min(6, 2 * len(options))):
            k, n = p.pick(options)
            a, b = self._free[k][n]
            start = a if p.chance(0.25) else p.u(a, b - width)
            q = self.shell.sides[k].at(start + width / 2, -depth / 2 - gap)
            spots = self._spots(q, width, depth)
            if self._clear(spots):
                self._taken += spots
                self._free[k][n : n + 1] = [r for r in ((a, start), (start + width, b)) if r[1] - r[0] > 0.4]
                return q
        return None

    def on_floor(
        self, width: float, depth: float, margin: float = 0.5, yaw: float | None = None
    ) -> Place | None:
        """Return a frame for a piece that stands free, or None."""
        p, s = self.p, self.shell
        for _ in range(12):
            turn = p.pick((0.0, math.pi / 2, math.pi, -math.pi / 2)) if yaw is None else yaw
            w, d = (width, depth) if abs(math.sin(turn)) < 0.5 else (depth, width)
            x_room, z_room = s.width / 2 - w / 2 - margin, s.depth / 2 - d / 2 - margin
            if min(x_room, z_room) <= 0:
                return None
            q = p.at(p.u(-x_room, x_room), p.u(-z_room, z_room), yaw=turn)
            spots = self._spots(q, width, depth)
            if self._clear(spots):
                self._taken += spots
                return q
        return None

    def pictures(self, count: int) -> None:
        """Hang pictures where walls are free, above low furniture too."""
        p = self.p
        for _ in range(count):
            k = p.n(0, 3)
            if self.shell.free[k]:
                a, b = p.pick(self.shell.free[k])
                w, h = p.u(0.3, 1.0), p.u(0.3, 0.8)
                if b - a > w + 0.2:
                    i.picture(self.shell.sides[k], p.u(a + w / 2, b - w / 2), p.u(1.5, 1.75), w, h)


def _chairs_around(q: Place, width: float, depth: float) -> None:
    """Put chairs at a table."""
    wood = q.m.wood()
    seat = q.m.fabric() if q.chance(0.5) else None
    n = max(1, int(width / 0.62))
    for k in range(n):
        x = (k - (n - 1) / 2) * width / n
        for side, yaw in ((-1, math.pi), (1, 0.0)):
            if q.chance(0.85):
                f.chair(q.at(x, side * (depth / 2 + q.u(0.08, 0.3)), yaw=yaw + q.u(-0.25, 0.25)), wood, seat)


def _living(room: Layout) -> None:
    p = room.p
    seats = p.n(2, 3)
    q = room.at_wall(seats * 0.68 + 0.5, 0.98) or room.on_floor(2.3, 0.98)
    if q:
        f.sofa(q, seats)
        front = q.at(0, -p.u(1.1, 1.5))
        i.rug(q.at(0, -1.3), p.u(2.0, 3.0), p.u(1.4, 2.0))
        f.table(front, p.u(0.8, 1.2), p.u(0.5, 0.65), p.u(0.38, 0.46))
        room._taken += room._spots(front, 1.1, 0.6)
    for _ in range(p.n(1, 2)):
        if q := room.on_floor(0.95, 0.95):
            f.armchair(q.at(0, 0, yaw=p.u(-0.4, 0.4)))
    width = p.u(1.2, 2.0)
    if q := room.at_wall(width, 0.45):
        f.cabinet(q, width, p.u(0.45, 0.75), top=False)
        f.television(q.at(0, 0.02), p.u(0.9, 1.0), p.u(0.9, 1.3))
    for _ in range(p.n(1, 2)):
        width = p.u(0.8, 1.6)
        if q := room.at_wall(width, 0.32):
            f.shelf(q, width)


def _bedroom(room: Layout) -> None:
    p = room.p
    width = p.pick((0.9, 1.4, 1.6, 1.8))
    if q := room.at_wall(width + 0.15, 2.12) or room.on_floor(width + 0.15, 2.1):
        f.bed(q, width)
        i.rug(q.at(0, -0.9), width + 1.0, 1.5)
    for _ in range(p.n(1, 2)):
        if q := room.at_wall(0.5, 0.42):
            f.cabinet(q, 0.46, 0.52, 0.4)
    width = p.u(1.0, 2.0)
    if q := room.at_wall(width, 0.62):
        f.wardrobe(q, width)
    if p.chance(0.6) and (q := room.at_wall(1.1, 0.48)):
        f.cabinet(q, 1.1, 0.85)
    if p.chance(0.5) and (q := room.at_wall(1.2, 0.8)):
        f.desk(q, 1.15)
        f.chair(q.at(0, -0.6, yaw=math.pi + p.u(-0.4, 0.4)))


def _dining(room: Layout) -> None:
    p = room.p
    w, d = p.u(1.4, 2.2), p.u(0.8, 1.0)
    if q := room.on_floor(w + 0.3, d + 1.2, 0.3):
        _chairs_around(q, *f.table(q, w, d))
    for _ in range(p.n(1, 3)):
        width = p.u(0.9, 1.6)
        if q := room.at_wall(width, 0.45):
            if p.chance(0.5):
                f.cabinet(q, width, p.u(0.8, 1.0))
            else:
                f.shelf(q.at(0, 0.06), width)


def _kitchen(room: Layout) -> None:
    p = room.p
    steel, top = p.m.metal((0.6, 0.61, 0.62)), p.m.get("marble", p.m.shade((0.4, 0.38, 0.36)))
    front = p.m.paint() if p.chance(0.5) else p.m.wood()
    for _ in range(2):
        width = p.pick((1.8, 2.4, 3.0))
        if q := room.at_wall(width, 0.62):
            with q.object("kitchen counter", SurfaceClass.OBJECT):
                q.box((0, 0.03), (width, 0.54), (0.1, 0.88), front)
                q.box((0, 0), (width, 0.62), (0.88, 0.92), top)
                for k in range(round(width / 0.6)):
                    x = -width / 2 + 0.6 * k + 0.3
                    q.box((x, -0.25), (0.58, 0.02), (0.12, 0.86), front)
                    q.box((x, -0.275), (0.3, 0.02), (0.78, 0.795), steel)
                if q.chance(0.6):
                    q.box((width * 0.2, 0), (0.56, 0.48), (0.92, 0.925), q.m.black())
                q.cylinder((-width * 0.25, 0.2), 0.015, (0.92, 1.2), steel)
                f._things_on(q, width, 0.5, 0.92)
            with q.object("wall cupboard", SurfaceClass.OBJECT):
                q.box((0, 0.14), (width, 0.34), (1.45, 2.1), front)
                for k in range(round(width / 0.6)):
                    q.box((-width / 2 + 0.6 * k + 0.3, -0.04), (0.57, 0.02), (1.47, 2.08), front)
    if q := room.at_wall(0.62, 0.66):
        with q.object("refrigerator", SurfaceClass.OBJECT):
            q.box((0, 0.02), (0.6, 0.6), (0.03, p.u(1.5, 1.9)), p.m.white() if p.chance(0.6) else steel)
            q.box((0.24, -0.3), (0.025, 0.03), (0.8, 1.2), steel)
    if q := room.on_floor(1.2, 1.6, 0.5):
        _chairs_around(q, *f.table(q, 1.1, 0.75))


def _study(room: Layout) -> None:
    p = room.p
    if q := room.at_wall(1.6, 0.8):
        f.desk(q.at(0, 0), 1.55, p.n(1, 2))
        f.office_chair(q.at(0, -0.75, yaw=math.pi + p.u(-0.6, 0.6)))
    for _ in range(p.n(2, 4)):
        width = p.u(0.8, 2.0)
        if q := room.at_wall(width, 0.32):
            f.shelf(q, width, p.u(1.6, min(2.3, room.shell.height - 0.2)))
    if q := room.on_floor(0.95, 0.95):
        f.armchair(q)


def _tables(room: Layout) -> None:
    p = room.p
    cloth, is_round = p.chance(0.5), p.chance(0.6)
    wood = p.m.wood()
    for _ in range(int(room.shell.width * room.shell.depth / p.u(5.5, 8.0))):
        if is_round:
            if q := room.on_floor(1.9, 1.9, 0.3):
                f.round_table(q, p.u(0.4, 0.6), cloth)
                turn = p.u(0, 1.5)
                for k in range(p.n(2, 4)):
                    a = turn + k * math.pi / 2
                    f.chair(q.at(0.72 * math.sin(a), 0.72 * math.cos(a), yaw=a + p.u(-0.2, 0.2)), wood)
        elif q := room.on_floor(1.3, 2.0, 0.3):
            _chairs_around(q, *f.table(q, 1.2, 0.75, wood=wood))


FURNISHINGS = {
    "living room": _living,
    "bedroom": _bedroom,
    "dining room": _dining,
    "kitchen": _kitchen,
    "study": _study,
    "restaurant": _tables,
}


def furnish(shell: Shell, use: str) -> Layout:
    """Fill a room for its use: one of `FURNISHINGS`."""
    room, p = Layout(shell), shell.place
    FURNISHINGS[use](room)
    for _ in range(p.n(1, 3)):
        if q := room.at_wall(0.5, 0.5):
            i.pot_plant(q)
    for _ in range(p.n(0, 3)):
        if q := room.at_wall(0.5, 0.4):
            i.bookish_clutter(q)
    if p.chance(0.6) and (q := room.at_wall(0.45, 0.45)):
        i.floor_lamp(q)
    room.pictures(p.n(2, 8))
    return room
