"""The families of procedural scenes: each endless by seed."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ...errors import InvalidInput
from ..scene import Scene, SceneBuilder
from . import (
    alley,
    apartment,
    clutter,
    courtyard,
    depot,
    desert,
    forest,
    hall,
    harbor,
    mountains,
    night_street,
    office,
    orchard,
    river,
    rooms,
    square,
    street,
    suburb,
)
from .parts.palette import Palette
from .parts.place import Place

__all__ = ["FAMILIES", "Family", "make_scene"]


@dataclass(frozen=True)
class Family:
    """A kind of scene.

    Attributes:
        build: adds a scene's contents; its random numbers are those of the frame.
        is_indoor: whether its cameras stand in a building.
    """

    build: Callable[[Place], None]
    is_indoor: bool = False


FAMILIES: dict[str, Family] = {
    "rooms": Family(rooms.build, is_indoor=True),
    "street": Family(street.build),
    "square": Family(square.build),
    "forest": Family(forest.build),
    "mountains": Family(mountains.build),
    "desert": Family(desert.build),
    "harbor": Family(harbor.build),
    "night_street": Family(night_street.build),
    "clutter": Family(clutter.build),
    "alley": Family(alley.build),
    "hall": Family(hall.build, is_indoor=True),
    "depot": Family(depot.build),
    "courtyard": Family(courtyard.build),
    "river": Family(river.build),
    "office": Family(office.build, is_indoor=True),
    "apartment": Family(apartment.build, is_indoor=True),
    "suburb": Family(suburb.build),
    "orchard": Family(orchard.build),
}
"""Every family by name; `synth.sets` says which set each belongs to."""


def make_scene(family: str, seed: int) -> Scene:
    """Build one scene; the same family and seed give the same scene.

    Args:
        family: a name in `FAMILIES`.
        seed: any whole number.

    Raises:
        InvalidInput: for an unknown family.
    """
    if family not in FAMILIES:
        raise InvalidInput(f"family must be one of {', '.join(FAMILIES)}; got {family!r}.")
    digest = hashlib.sha256(f"{family} {int(seed)}".encode()).digest()
    rng = np.random.default_rng(int.from_bytes(digest[:16], "little"))
    builder = SceneBuilder()
    builder.is_indoor = FAMILIES[family].is_indoor
    FAMILIES[family].build(Place(builder, Palette(builder, rng), rng))
    return builder.build()
