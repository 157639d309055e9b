"""The three sets of procedural scenes: *train*, *dev* and *judge*, by family and seed.

This is the one file that names them. Networks learn from *train*; settings are chosen and ablations measured on *dev*;
*judge* is for the final figures alone, its worst family included. No family is in two sets, and no seed range either.

What the sets still share: the ray tracer, the kinds of materials, sky and weather, and the toolkit of parts from which
families are put together (a chair or a tree of *judge* has the construction of one of *train*, with other sizes and
colors). The families of *judge* have their own layouts and palettes: rooms that are joined by doorways, detached houses
with gardens, rows of fruit trees with loose leaves behind wire and picket fences.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

__all__ = ["SETS", "SceneSet", "SetName", "open_families", "scenes_of"]

SetName = Literal["train", "dev", "judge"]


@dataclass(frozen=True)
class SceneSet:
    """Scenes that are used for one purpose.

    Attributes:
        families: names of families in `synth.families`.
        seeds: the seeds of each family.
    """

    families: tuple[str, ...]
    seeds: range


SETS: dict[SetName, SceneSet] = {
    "train": SceneSet(
        (
            "rooms",
            "street",
            "square",
            "forest",
            "mountains",
            "desert",
            "harbor",
            "night_street",
            "clutter",
            "alley",
            "hall",
            "depot",
        ),
        range(0, 100_000),
    ),
    "dev": SceneSet(("courtyard", "river", "office"), range(200_000, 200_040)),
    "judge": SceneSet(("apartment", "suburb", "orchard"), range(300_000, 300_024)),
}


def open_families() -> list[str]:
    """Return the families that anything may be made of: all but those of *judge*."""
    return [family for name, found in SETS.items() if name != "judge" for family in found.families]


def scenes_of(name: SetName) -> Iterator[tuple[str, int]]:
    """Yield family and seed of every scene of a set: all families of the first seed, then of the next."""
    for seed in SETS[name].seeds:
        for family in SETS[name].families:
            yield family, seed
