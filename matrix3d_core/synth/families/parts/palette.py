"""Materials of the families by what they are: a coat of plaster, a brick, a varnished board.

Colors are display values (sRGB, 0..1); each call draws a shade of its own around the usual color, so that two houses
are never the same.
"""

from __future__ import annotations

import colorsys
from collections.abc import Sequence

import numpy as np

from ...scene import SceneBuilder

__all__ = ["Color", "Palette", "linear"]

Color = tuple[float, float, float]

PLASTERS: tuple[Color, ...] = (
    (0.86, 0.83, 0.76),
    (0.88, 0.84, 0.68),
    (0.85, 0.72, 0.52),
    (0.80, 0.62, 0.48),
    (0.75, 0.78, 0.74),
    (0.72, 0.75, 0.80),
    (0.90, 0.89, 0.86),
    (0.82, 0.70, 0.66),
    (0.66, 0.68, 0.62),
)
BRICKS: tuple[Color, ...] = (
    (0.55, 0.28, 0.20),
    (0.48, 0.25, 0.20),
    (0.62, 0.40, 0.28),
    (0.40, 0.27, 0.23),
    (0.66, 0.56, 0.42),
)
WOODS: tuple[Color, ...] = (
    (0.45, 0.30, 0.18),
    (0.60, 0.44, 0.28),
    (0.33, 0.21, 0.13),
    (0.72, 0.57, 0.38),
    (0.52, 0.26, 0.15),
    (0.80, 0.70, 0.55),
)
PAINTS: tuple[Color, ...] = (
    (0.16, 0.28, 0.42),
    (0.20, 0.36, 0.27),
    (0.50, 0.13, 0.12),
    (0.30, 0.20, 0.14),
    (0.88, 0.87, 0.84),
    (0.25, 0.27, 0.29),
    (0.60, 0.52, 0.36),
)
FABRICS: tuple[Color, ...] = (
    (0.52, 0.40, 0.30),
    (0.36, 0.38, 0.42),
    (0.62, 0.20, 0.18),
    (0.30, 0.38, 0.30),
    (0.76, 0.70, 0.60),
    (0.22, 0.28, 0.42),
    (0.70, 0.52, 0.26),
    (0.55, 0.55, 0.55),
    (0.40, 0.25, 0.33),
)
CARS: tuple[Color, ...] = (
    (0.10, 0.10, 0.11),
    (0.75, 0.76, 0.78),
    (0.92, 0.92, 0.91),
    (0.40, 0.41, 0.43),
    (0.14, 0.20, 0.36),
    (0.50, 0.08, 0.08),
    (0.26, 0.12, 0.09),
    (0.18, 0.30, 0.24),
)
GREENS: tuple[Color, ...] = (
    (0.22, 0.36, 0.12),
    (0.30, 0.42, 0.14),
    (0.16, 0.29, 0.13),
    (0.36, 0.44, 0.20),
    (0.26, 0.38, 0.22),
)


def linear(color: Sequence[float]) -> Color:
    """Return a display color in linear light."""
    r, g, b = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in color)
    return r, g, b


class Palette:
    """Materials of one scene; equal requests share one entry of the scene's table.

    Args:
        b: the scene's builder.
        rng: the scene's random numbers.
    """

    def __init__(self, b: SceneBuilder, rng: np.random.Generator) -> None:
        self.b, self.rng = b, rng
        self._made: dict[tuple[object, ...], int] = {}

    def get(
        self, kind: str, color: Color, color2: Color | None = None, scale: float = 1.0, **params: float
    ) -> int:
        """Return the material with exactly these values."""
        key = (kind, color, color2, scale, *sorted(params.items()))
        if key not in self._made:
            second = None if color2 is None else linear(color2)
            self._made[key] = self.b.material(kind, linear(color), second, scale=scale, **params)
        return self._made[key]

    def text(self, words: str, color: Color, background: Color, **params: float) -> int:
        """Return lettering for a quad."""
        return self.b.text(words, linear(color), linear(background), **params)

    def shade(self, color: Color, spread: float = 0.12) -> Color:
        """Return a color near another: other brightness, a little other hue and saturation."""
        h, s, v = colorsys.rgb_to_hsv(*color)
        h = (h + self.rng.normal(0, spread * 0.12)) % 1.0
        s = float(np.clip(s * (1 + self.rng.normal(0, spread)), 0, 0.9))
        v = float(np.clip(v * (1 + self.rng.normal(0, spread)), 0.03, 0.93))
        r, g, b = colorsys.hsv_to_rgb(h, s, v)
        return round(r, 4), round(g, 4), round(b, 4)

    def one(self, options: Sequence[Color], spread: float = 0.12) -> Color:
        """Return a shade of one of several colors."""
        return self.shade(options[int(self.rng.integers(len(options)))], spread)

    def _size(self, low: float, high: float) -> float:
        return round(float(self.rng.uniform(low, high)), 3)

    # Masonry

    def plaster(self, color: Color | None = None) -> int:
        """Return plaster of a house, with stains and cracks."""
        wear = {"cracks": self._size(0, 0.6), "stains": self._size(0.1, 0.8), "foot": self._size(0.0, 0.7)}
        return self.get("plaster", color or self.one(PLASTERS), None, 1.0, **wear)

    def wall_paint(self, color: Color | None = None) -> int:
        """Return the paint of a room's wall."""
        return self.get("plaster", color or self.one(PLASTERS), None, 1.0, cracks=0.0, stains=0.12, foot=0.0)

    def brick(self, color: Color | None = None) -> int:
        """Return brickwork."""
        joint = self.shade((0.66, 0.62, 0.56), 0.12)
        return self.get("brick", color or self.one(BRICKS), joint, self._size(0.9, 1.2))

    def stone(self, color: Color = (0.58, 0.54, 0.47)) -> int:
        """Return masonry: cut stone, or rough stones in mortar."""
        c = self.shade(color)
        if self.rng.uniform() < 0.5:
            return self.get("ashlar", c, None, self._size(0.8, 1.3))
        return self.get("rubble", c, self.shade((0.50, 0.47, 0.42), 0.1), self._size(0.7, 1.2))

    def concrete(self, color: Color = (0.60, 0.59, 0.57)) -> int:
        """Return concrete."""
        panel = self._size(1.5, 3.0) if self.rng.uniform() < 0.4 else 0.0
        return self.get("concrete", self.shade(color, 0.08), None, 1.0, panel=panel)

    # Floors and grounds

    def cobbles(self, color: Color = (0.42, 0.41, 0.39)) -> int:
        """Return cobblestones."""
        return self.get(
            "cobbles", self.shade(color), self.shade((0.24, 0.22, 0.19), 0.1), self._size(0.8, 1.4)
        )

    def paving(self, color: Color = (0.56, 0.54, 0.51)) -> int:
        """Return paving slabs."""
        length = self._size(0.2, 0.9)
        return self.get("paving", self.shade(color), None, 1.0, length=length, height=self._size(0.2, 0.7))

    def tiles(self, color: Color = (0.75, 0.72, 0.66)) -> int:
        """Return floor tiles."""
        c = self.shade(color, 0.15)
        checker = 1.0 if self.rng.uniform() < 0.3 else 0.0
        second = self.shade((0.22, 0.2, 0.2), 0.2) if checker else None
        return self.get("tiles", c, second, 1.0, size=self._size(0.2, 0.6), checker=checker)

    def floor(self) -> int:
        """Return the floor of a room."""
        kind = int(self.rng.integers(6))
        if kind < 3:
            return self.get(
                "planks", self.one(WOODS), None, self._size(0.6, 1.2), gloss=self._size(0.0, 0.05)
            )
        if kind == 3:
            return self.tiles()
        if kind == 4:
            return self.get("marble", self.shade((0.74, 0.70, 0.64), 0.12))
        return self.get("carpet", self.one(FABRICS, 0.2), None, 1.0, pattern=self._size(0.0, 0.3))

    def asphalt(self) -> int:
        """Return a road's surface."""
        return self.get("asphalt", self.shade((0.31, 0.31, 0.32), 0.15))

    def grass(self, color: Color = (0.38, 0.43, 0.24)) -> int:
        """Return a lawn or meadow."""
        return self.get(
            "grass", self.shade(color, 0.15), None, self._size(0.8, 1.3), dry=self._size(0.05, 0.6)
        )

    def soil(self, color: Color = (0.36, 0.28, 0.20)) -> int:
        """Return earth."""
        return self.get("soil", self.shade(color, 0.12))

    def litter(self, color: Color = (0.46, 0.33, 0.20)) -> int:
        """Return a forest floor of fallen leaves."""
        return self.get("leaf_litter", self.shade(color, 0.2))

    def gravel(self, color: Color = (0.58, 0.54, 0.48)) -> int:
        """Return gravel."""
        return self.get("gravel", self.shade(color, 0.1), None, self._size(0.7, 1.6))

    def sand(self, color: Color = (0.80, 0.66, 0.47)) -> int:
        """Return sand."""
        return self.get("sand", self.shade(color, 0.1), None, 1.0, ripples=self._size(0.1, 0.9))

    def rock(self, color: Color = (0.48, 0.45, 0.42)) -> int:
        """Return bare rock."""
        return self.get(
            "rock", self.shade(color, 0.12), None, self._size(0.7, 1.5), layers=self._size(0.1, 0.8)
        )

    def snow(self) -> int:
        """Return snow."""
        return self.get("snow", (0.90, 0.92, 0.95))

    def water(self, color: Color = (0.16, 0.25, 0.26)) -> int:
        """Return water with waves."""
        return self.get("water", self.shade(color, 0.15), None, 1.0, waves=self._size(0.15, 0.8))

    # Wood, metal, cloth

    def planks(self, color: Color | None = None) -> int:
        """Return boards."""
        return self.get("planks", color or self.one(WOODS), None, self._size(0.8, 1.4))

    def wood(self, color: Color | None = None) -> int:
        """Return furniture wood."""
        return self.get("wood", color or self.one(WOODS), None, self._size(0.8, 1.3))

    def bark(self, color: Color = (0.36, 0.30, 0.24)) -> int:
        """Return a tree's bark."""
        return self.get("bark", self.shade(color, 0.2))

    def paint(self, color: Color | None = None) -> int:
        """Return a painted surface."""
        return self.get("flat", color or self.one(PAINTS), None, 1.0, gloss=self._size(0.0, 0.05))

    def metal(self, color: Color = (0.42, 0.43, 0.45), rust: float = 0.0) -> int:
        """Return metal."""
        return self.get("metal", self.shade(color, 0.1), None, 1.0, rust=rust, gloss=self._size(0.05, 0.3))

    def black(self) -> int:
        """Return black iron, rubber or plastic."""
        return self.get("flat", self.shade((0.12, 0.12, 0.125), 0.2), None, 1.0, gloss=0.02)

    def white(self) -> int:
        """Return white paint or porcelain."""
        return self.get("flat", self.shade((0.88, 0.87, 0.84), 0.04), None, 1.0, gloss=0.02)

    def car_paint(self) -> int:
        """Return the varnish of a car."""
        return self.get("flat", self.one(CARS, 0.1), None, 1.0, gloss=0.12, bump=0.0)

    def fabric(self, color: Color | None = None) -> int:
        """Return cloth, plain, striped or checked."""
        style = (
            {}
            if self.rng.uniform() < 0.7
            else {str(self.rng.choice(["stripes", "checks"])): self._size(0.04, 0.2)}
        )
        return self.get("cloth", color or self.one(FABRICS), None, 1.0, **style)

    def leather(self, color: Color = (0.50, 0.33, 0.21)) -> int:
        """Return leather."""
        return self.get("mottled", self.shade(color, 0.2), None, 1.0, contrast=0.3, size=0.2, gloss=0.05)

    def carpet(self, color: Color | None = None) -> int:
        """Return a carpet with a pattern."""
        return self.get(
            "carpet", color or self.one(FABRICS), self.one(FABRICS), 1.0, pattern=self._size(0.1, 0.5)
        )

    def wallpaper(self) -> int:
        """Return paper with a pattern."""
        base = self.one(PLASTERS)
        return self.get("wallpaper", base, self.shade(base, 0.14), self._size(0.7, 1.6))

    def picture(self) -> int:
        """Return a painting or poster, over the whole quad."""
        style = float(self.rng.integers(4))
        return self.get(
            "picture", self.one(FABRICS, 0.3), self.one(GREENS, 0.4), 1.0, style=style, seed=self._size(0, 99)
        )

    def books(self) -> int:
        """Return a row of books' backs."""
        color = self.one(FABRICS, 0.3)
        return self.get("books", color, self.one(FABRICS, 0.3), self._size(0.7, 1.3), seed=self._size(0, 99))

    def chain_link(self) -> int:
        """Return wire netting, over a quad."""
        return self.get(
            "chain_link", self.shade((0.5, 0.52, 0.52), 0.15), None, 1.0, cell=self._size(0.06, 0.12)
        )

    def railing(self, color: Color = (0.14, 0.15, 0.15)) -> int:
        """Return upright bars between two rails, over a quad."""
        spacing, bar = self._size(0.1, 0.17), self._size(0.014, 0.03)
        return self.get("railing", self.shade(color, 0.2), None, 1.0, spacing=spacing, bar=bar)

    # Roofs and windows

    def roof(self) -> int:
        """Return roof tiles or slates."""
        color = self.one(((0.58, 0.32, 0.22), (0.50, 0.29, 0.22), (0.33, 0.33, 0.35), (0.42, 0.36, 0.32)))
        return self.get("roof_tiles", color, None, self._size(0.8, 1.3))

    def glass(self, lit: float = 0.0) -> int:
        """Return a pane that hides what is behind it and mirrors the sky; `lit` from inside by a lamp."""
        if lit > 0:
            return self.get("glass", self.shade((0.95, 0.76, 0.46), 0.1), None, 1.0, emission=round(lit, 2))
        return self.get("glass", self.shade((0.24, 0.27, 0.29), 0.25))

    def glow(self, color: Color = (1.0, 0.84, 0.58), strength: float = 1.0) -> int:
        """Return a surface that shines: lamps, lit signs."""
        return self.get("lamp", self.shade(color, 0.05), None, 1.0, emission=round(strength, 2))

    # Plants

    def leaf(self, color: Color | None = None) -> int:
        """Return a broad leaf with its outline cut out."""
        c = self.shade(color or self.one(GREENS, 0.2), 0.1)
        return self.get("leaf", c, None, 1.0, lobes=float(self.rng.integers(0, 4)))

    def twig(self, color: Color | None = None) -> int:
        """Return a few leaves on one card."""
        return self.get("twig", self.shade(color or self.one(GREENS, 0.2), 0.1))

    def blade(self, color: Color | None = None) -> int:
        """Return a blade of grass or a frond, on a long card."""
        return self.get("leaf", self.shade(color or self.one(GREENS, 0.2), 0.1), None, 1.0, lobes=0.0)

    def foliage(self, color: Color | None = None) -> int:
        """Return the inside of a crown or a hedge: dense leaves without holes."""
        return self.get("foliage", color or self.one(GREENS, 0.2), None, self._size(0.7, 1.5))
