"""Materials of factory scenes: their kinds, parameters and the table that the compiled kernels read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np

from ..errors import InvalidInput

__all__ = ["MATERIAL_KINDS", "Column", "Holes", "MaterialKind", "material_row"]


class Column(IntEnum):
    """Columns of the material table; a kind's own parameters start at ``OWN``."""

    KIND = 0
    COLOR = 1
    COLOR2 = 4
    SCALE = 7
    GLOSS = 8
    EMISSION = 9
    BUMP = 10
    HOLES = 11
    IMAGE = 12
    SEED = 13
    THIN = 14
    MEAN = 15
    OWN = 20
    WIDTH = 28


class Holes(IntEnum):
    """Shapes of the holes of perforated materials."""

    NONE = 0
    LEAF = 1
    TWIG = 2
    CHAIN_LINK = 3
    RAILING = 4
    IMAGE = 5


COMMON = {
    "gloss": Column.GLOSS,
    "emission": Column.EMISSION,
    "bump": Column.BUMP,
    "seed": Column.SEED,
    "thin": Column.THIN,
}
"""Parameters that every kind takes: mirror share straight on (0..1), emitted light (1: as bright as white paper in the
sun), strength of the bumps, seed of the pattern, share of light that passes through (leaves, curtains)."""


@dataclass(frozen=True)
class MaterialKind:
    """One kind of material.

    Attributes:
        what: the pattern and its two colors.
        color2: the second color where none is given, as factors of the first, or absolute if negative.
        own: the kind's own parameters and their defaults, at most 8; lengths in meters at scale 1.
        common: defaults of `COMMON`, zero where not named (``bump``: 1).
        holes: the shape of its holes.
    """

    what: str
    color2: tuple[float, float, float] = (0.6, 0.6, 0.6)
    own: dict[str, float] = field(default_factory=dict)
    common: dict[str, float] = field(default_factory=dict)
    holes: Holes = Holes.NONE


MATERIAL_KINDS: dict[str, MaterialKind] = {
    "flat": MaterialKind("paint of one color, slightly uneven"),
    "mottled": MaterialKind("spots of two colors", own={"contrast": 0.5, "size": 0.3}),
    "brick": MaterialKind(
        "bricks in mortar (second color)",
        (-0.56, -0.52, -0.46),
        {"length": 0.25, "height": 0.075, "joint": 0.011, "bond": 0.5, "variation": 0.35},
    ),
    "planks": MaterialKind(
        "boards with grain, gaps of the second color",
        (0.2, 0.2, 0.2),
        {"width": 0.14, "length": 2.2, "gap": 0.004, "turn": 0.0, "variation": 0.3},
    ),
    "ashlar": MaterialKind(
        "cut stone in courses, joints of the second color",
        (0.5, 0.5, 0.5),
        {"length": 0.62, "height": 0.3, "joint": 0.012, "variation": 0.25},
    ),
    "rubble": MaterialKind(
        "rough stones in mortar (second color)",
        (0.55, 0.53, 0.5),
        {"size": 0.3, "joint": 0.03, "variation": 0.4},
    ),
    "tiles": MaterialKind(
        "square tiles with joints; the second color on every other one by ``checker``",
        (0.4, 0.4, 0.4),
        {"size": 0.3, "joint": 0.005, "checker": 0.0, "variation": 0.12},
        {"gloss": 0.04},
    ),
    "paving": MaterialKind(
        "slabs or setts in running bond",
        (0.45, 0.43, 0.4),
        {"length": 0.4, "height": 0.4, "joint": 0.012, "variation": 0.25},
    ),
    "roof_tiles": MaterialKind(
        "curved or flat roof tiles in rows",
        (0.35, 0.33, 0.33),
        {"width": 0.2, "height": 0.26, "variation": 0.35},
    ),
    "plaster": MaterialKind(
        "plaster with cracks and stains (second color)",
        (0.62, 0.58, 0.52),
        {"cracks": 0.4, "stains": 0.5, "foot": 0.4},
    ),
    "cobbles": MaterialKind(
        "round stones, soil between them (second color)", (0.35, 0.32, 0.28), {"size": 0.12, "variation": 0.4}
    ),
    "asphalt": MaterialKind("road surface", (1.5, 1.5, 1.5), {"cracks": 0.4, "patches": 0.4}),
    "concrete": MaterialKind(
        "concrete with stains and pores", (0.6, 0.58, 0.55), {"panel": 0.0, "stains": 0.5}
    ),
    "grass": MaterialKind("lawn, dry patches of the second color", (1.9, 1.3, 1.2), {"dry": 0.35}),
    "soil": MaterialKind("earth with small stones", (1.7, 1.6, 1.5), {"stones": 0.3}),
    "leaf_litter": MaterialKind("fallen leaves on soil", (0.4, 0.35, 0.3), {"size": 0.06}),
    "sand": MaterialKind("sand with ripples", (0.8, 0.76, 0.7), {"ripples": 0.6, "period": 0.12}),
    "gravel": MaterialKind("pebbles", (0.45, 0.43, 0.4), {"size": 0.03, "variation": 0.5}),
    "rock": MaterialKind(
        "weathered rock, layers and lichen of the second color",
        (0.7, 0.72, 0.6),
        {"layers": 0.4, "lichen": 0.3},
    ),
    "bark": MaterialKind("furrowed bark", (0.35, 0.33, 0.32), {"furrows": 0.035}),
    "wood": MaterialKind("wood grain", (0.5, 0.45, 0.4), {"grain": 0.02}, {"gloss": 0.02}),
    "leaf": MaterialKind(
        "one leaf on a card, with holes round it",
        (1.5, 1.35, 0.9),
        {"lobes": 0.0},
        {"thin": 0.35},
        Holes.LEAF,
    ),
    "twig": MaterialKind("a few leaves on a card", (1.5, 1.35, 0.9), {}, {"thin": 0.35}, Holes.TWIG),
    "foliage": MaterialKind("a closed hedge or a distant crown", (2.2, 1.8, 1.5), {"size": 0.07}),
    "chain_link": MaterialKind(
        "a fence of wire diamonds on a card", own={"cell": 0.07, "wire": 0.005}, holes=Holes.CHAIN_LINK
    ),
    "railing": MaterialKind(
        "upright bars on a card", own={"spacing": 0.13, "bar": 0.022, "rail": 0.04}, holes=Holes.RAILING
    ),
    "water": MaterialKind(
        "rippled water with reflection", (0.5, 0.6, 0.6), {"waves": 0.5, "period": 0.6}, {"gloss": 1.0}
    ),
    "glass": MaterialKind(
        "a pane: reflection over a dark or lit (``emission``) inside",
        (0.5, 0.5, 0.55),
        {"inside": 0.5},
        {"gloss": 1.0},
    ),
    "cloth": MaterialKind(
        "woven cloth, stripes or checks of the second color",
        (0.7, 0.7, 0.7),
        {"weave": 0.004, "stripes": 0.0, "checks": 0.0, "folds": 0.0},
    ),
    "carpet": MaterialKind(
        "pile with a border and pattern of the second color", (0.5, 0.5, 0.6), {"pattern": 0.25}
    ),
    "wallpaper": MaterialKind(
        "printed paper, ornament of the second color", (0.75, 0.75, 0.8), {"repeat": 0.24}
    ),
    "metal": MaterialKind(
        "metal, rust of the second color", (0.9, 0.5, 0.3), {"rust": 0.0, "brushed": 0.3}, {"gloss": 0.3}
    ),
    "marble": MaterialKind(
        "polished stone, veins of the second color", (0.5, 0.5, 0.52), {"veins": 0.6}, {"gloss": 0.06}
    ),
    "snow": MaterialKind("snow with hollows", (0.8, 0.85, 0.95), {}),
    "books": MaterialKind("backs of books on a shelf", (0.4, 0.5, 0.9), {"width": 0.035, "height": 0.3}),
    "picture": MaterialKind("a painting over the whole card", (0.3, 0.5, 0.9), {"style": 0.0, "frame": 0.05}),
    "lamp": MaterialKind("a glowing surface", (1.0, 1.0, 1.0), {}, {"emission": 2.0}),
    "image": MaterialKind("a picture from pixels, repeated by uv", (1.0, 1.0, 1.0), {}),
    "vertex_color": MaterialKind("colors of a mesh's corners", (1.0, 1.0, 1.0), {}, {"bump": 0.0}),
}
"""Kinds by name; their position is their number in the kernels."""

NUMBERS = {name: number for number, name in enumerate(MATERIAL_KINDS)}


def material_row(
    kind: str,
    color: Sequence[float],
    color2: Sequence[float] | None = None,
    *,
    scale: float = 1.0,
    **params: float,
) -> np.ndarray:  # [Column.WIDTH]
    """Return one row of the material table.

    Args:
        kind: a name in `MATERIAL_KINDS`.
        color: diffuse reflectance in linear light, 0..1 per channel.
        color2: the kind's second color; None: as the kind says.
        scale: factor of all lengths of the pattern.
        params: the kind's own or `COMMON` ones.

    Raises:
        InvalidInput: on an unknown kind or parameter or a color out of range.
    """
    if kind not in MATERIAL_KINDS:
        raise InvalidInput(f"kind must be one of {', '.join(MATERIAL_KINDS)}; got {kind!r}.")
    if not scale > 0:
        raise InvalidInput(f"scale must be positive; got {scale}.")
    record = MATERIAL_KINDS[kind]
    row = np.zeros(Column.WIDTH)
    first = _color("color", color)
    second = _second(first, record.color2) if color2 is None else _color("color2", color2)
    row[Column.KIND], row[Column.SCALE], row[Column.HOLES] = NUMBERS[kind], scale, record.holes
    row[Column.COLOR : Column.COLOR + 3], row[Column.COLOR2 : Column.COLOR2 + 3] = first, second
    values = {"bump": 1.0, **record.common, **record.own, **params}
    places = {**COMMON, **{name: Column.OWN + k for k, name in enumerate(record.own)}}
    for name, value in values.items():
        if name not in places:
            raise InvalidInput(
                f"{kind} takes the parameters {', '.join(places)}; got {name!r}. See MATERIAL_KINDS."
            )
        row[places[name]] = float(value)
    return row


def _color(name: str, color: Sequence[float]) -> np.ndarray:
    value = np.asarray(color, np.float64)
    if value.shape != (3,) or not (np.isfinite(value).all() and (value >= 0).all() and (value <= 1).all()):
        raise InvalidInput(f"{name} must be three numbers from 0 to 1 in linear light; got {color}.")
    return value


def _second(first: np.ndarray, factors: tuple[float, float, float]) -> np.ndarray:
    given = np.array(factors)
    result: np.ndarray = np.where(given < 0, -given, np.minimum(first * given, 0.95))
    return result
