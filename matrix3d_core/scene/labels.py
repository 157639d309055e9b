"""Labels: what is known of each Gaussian beside what is drawn: its origin, class, instance, motion and phase.

Each is one whole number per Gaussian (`Gaussians.labels`). Whoever selects, moves or joins Gaussians keeps them; where
several are fused into one, the heaviest has its say.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch

from ..errors import InvalidInput

__all__ = [
    "CLASSES",
    "CLASS_FOLIAGE",
    "CLASS_GROUND",
    "CLASS_OBJECT",
    "CLASS_SKY",
    "CLASS_WALL",
    "CLASS_WATER",
    "LABELS",
    "LONGEST_NAME",
    "MOST_NAMES",
    "NO_INSTANCE",
    "ORIGINS",
    "ORIGIN_OBSERVED",
    "ORIGIN_SOURCE",
    "ORIGIN_UNKNOWN",
    "ORIGIN_UNOBSERVED",
    "STILL",
    "UNKNOWN",
    "LabelKind",
    "check_instance_names",
]

UNKNOWN = ORIGIN_UNKNOWN = 255
"""The origin or class of a Gaussian of which it is not known."""
NO_INSTANCE = 0
"""The instance of a Gaussian that belongs to none."""
STILL = 0
"""The motion of a Gaussian that does not move."""

ORIGINS = ("source", "observed", "unobserved")
"""Where a Gaussian comes from: a texel of the source panorama (or first picture); a frame that shows what the
source does not, at a distance that is known or that two frames agree on; a frame at a guessed distance, or a texel that
was filled in around a photo. Rendered and generated frames count alike."""
ORIGIN_SOURCE, ORIGIN_OBSERVED, ORIGIN_UNOBSERVED = range(3)

CLASSES = ("sky", "ground", "wall", "foliage", "water", "object")
"""What a Gaussian shows. ``wall`` is anything built and upright, ``object`` whatever stands in the scene besides."""
CLASS_SKY, CLASS_GROUND, CLASS_WALL, CLASS_FOLIAGE, CLASS_WATER, CLASS_OBJECT = range(6)


@dataclass(frozen=True)
class LabelKind:
    """A kind of label.

    Attributes:
        name: of one, which is also the name of its property in PLY files.
        dtype: of the numbers.
        missing: the number of a Gaussian that has none.
        numbers: how many there are, from 0; others mean `missing`.
        what: the numbers' meaning, for the header of a file.
    """

    name: str
    dtype: torch.dtype
    missing: int
    numbers: int
    what: str


def _names(names: tuple[str, ...]) -> str:
    return ", ".join(f"{number} {name}" for number, name in enumerate(names)) + f", {UNKNOWN} unknown"


LABELS = {
    "origins": LabelKind("origin", torch.uint8, UNKNOWN, len(ORIGINS), _names(ORIGINS)),
    "classes": LabelKind("class", torch.uint8, UNKNOWN, len(CLASSES), _names(CLASSES)),
    "instances": LabelKind(
        "instance", torch.int32, NO_INSTANCE, 1 << 24, "0 none, others as listed in world.json"
    ),
    "motions": LabelKind("motion", torch.uint8, STILL, 256, "0 still, others as listed in world.json"),
    "phases": LabelKind("phase", torch.uint8, 0, 256, "of its motion, in 256ths of the period"),
}
"""By the name of the column in `Gaussians`. Instances stay below 2 ** 24, which a float32 holds exactly."""

MOST_NAMES, LONGEST_NAME = 200, 40
"""Bounds of the names of a world's instances: all fit into the header of a PLY."""


def check_instance_names(names: Mapping[int, str]) -> None:
    """Raise `InvalidInput` unless each instance's name is one line of text, and there are not too many."""
    if len(names) > MOST_NAMES:
        raise InvalidInput(f"instance_names must be at most {MOST_NAMES}; got {len(names)}.")
    for number, name in names.items():
        if not 0 < number < LABELS["instances"].numbers:
            raise InvalidInput(
                f"instance_names must be of instances from 1 to {LABELS['instances'].numbers - 1}; got {number}."
            )
        if not (0 < len(name) <= LONGEST_NAME and name.isprintable() and name == name.strip()):
            raise InvalidInput(
                f"the name of an instance must be 1 to {LONGEST_NAME} printable characters without spaces around them; "
                f"got {name!r}."
            )
