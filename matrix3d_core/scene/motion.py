"""Motions: how Gaussians move in time, as records that a world carries beside them.

Each Gaussian names its motion by number (`Gaussians.motions`; 0 is still) and has a phase (`Gaussians.phases`, in
256ths of the period); `Gaussians.motion_table` holds the records. Every motion is a loop: at ``t + period_s`` it is
where it was at ``t``. What is written here is what `motion.at_time` and the viewer draw.

Parts of a `Motion`, by kind. ``u`` is the share of the period that has passed, ``s`` the same with the Gaussian's phase
added, both 0 to 1; ``p`` is its center as stored.

- ``flow``: travels ``amount`` along ``direction``, half of it before and half after p, fading in and out at the ends.
- ``fall``: starts on the plane through ``center`` across ``gravity`` with the velocity ``direction`` and falls freely.
- ``fountain``: is emitted at ``center`` and flies freely under ``gravity`` through p, where it is at the share
  `AT_HOME` of its life.
- ``fire``: rises ``amount`` along ``direction``, sways sideways, flickers and fades out.
- ``drift``: turns by ``amount`` radians about the axis ``direction`` through ``center``, half of it before and half
  after p, fading at the ends: clouds.
- ``ripple``: trochoidal waves in deep water: they run along ``direction``, about ``wavelength`` long and together
  ``amount`` high (crest above mean); ``gravity`` gives their speed and what is up; ``gloss`` is how much their slopes
  change the color.
- ``sway``: leans along ``direction`` by about ``amount`` in gusts that are ``wavelength`` long; nothing at ``center``,
  all of it ``height`` above (against ``gravity``), and everywhere where ``height`` is 0.
- ``flicker``: brightness changes by about the share ``amount``; ``gloss`` 0: all together, 1: each by itself.
- ``turn``: one rigid turn about the axis ``direction`` through ``center``.
- ``path``: rigid along the closed curve through ``points``, at constant speed; ``center`` is the object's own pivot,
  and with ``amount`` 1 it heads where it goes.
- ``color``: the Gaussian's own time-varying color (`Gaussians.color_waves`), as lifted from a video.

Source: G. B. Airy, Tides and waves, 1845 (deep water: angular frequency squared = g k); F. J. Gerstner, Theorie der
Wellen, 1802 (trochoidal waves).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from fractions import Fraction
from typing import Any

import torch
from torch import Tensor

from ..errors import InvalidInput

__all__ = [
    "AT_HOME",
    "LONGEST_PERIOD_S",
    "MOST_MOTIONS",
    "MOST_POINTS",
    "MOTION_KINDS",
    "Motion",
    "check_motion_table",
    "loop_s",
    "motion_from_dict",
    "motion_to_dict",
]

MOTION_KINDS = (
    "flow",
    "fall",
    "fountain",
    "fire",
    "drift",
    "ripple",
    "sway",
    "flicker",
    "turn",
    "path",
    "color",
)
"""What a motion may be; their order is that of the viewer's numbers."""

MOST_MOTIONS = 255
MOST_POINTS = 64
LONGEST_PERIOD_S = 3600.0
AT_HOME = (0.25, 0.75)
"""Of a fountain: the share of its life at which a Gaussian is at its stored center, and what its phase adds to it."""

Vector = tuple[float, float, float]
_NEEDS_DIRECTION = ("flow", "fire", "drift", "ripple", "sway", "turn")
_NEEDS_GRAVITY = ("fall", "fountain", "ripple", "path")
_HAS_NO_PLACE = ("flow", "fire", "flicker", "color")
_NEEDS_WAVELENGTH = ("ripple", "sway")


@dataclass(frozen=True)
class Motion:
    """How some Gaussians move; the module says what the parts mean for each kind. World axes and units, radians.

    Attributes:
        kind: one of `MOTION_KINDS`.
        period_s: after which all is as before, above 0, at most `LONGEST_PERIOD_S`.
        direction: a direction or axis of length 1, for ``fall`` a velocity.
        center: a point.
        gravity: acceleration of free fall, world units per second squared.
        amount: a length, an angle or a share.
        wavelength: world units.
        height: world units.
        gloss: a share.
        points: of a path, 2 to 64.
    """

    kind: str
    period_s: float
    direction: Vector = (0.0, 0.0, 0.0)
    center: Vector = (0.0, 0.0, 0.0)
    gravity: Vector = (0.0, 0.0, 0.0)
    amount: float = 0.0
    wavelength: float = 0.0
    height: float = 0.0
    gloss: float = 0.0
    points: tuple[Vector, ...] = ()

    def __post_init__(self) -> None:
        if self.kind not in MOTION_KINDS:
            raise InvalidInput(
                f"the kind of a motion must be one of {', '.join(MOTION_KINDS)}; got {self.kind!r}."
            )
        numbers = [self.amount, self.wavelength, self.height, self.gloss]
        numbers += [v for point in (self.direction, self.center, self.gravity, *self.points) for v in point]
        if not all(math.isfinite(value) for value in numbers):
            raise InvalidInput(f"the numbers of a motion ({self.kind}) must be finite; got {self}.")
        if not 0 < self.period_s <= LONGEST_PERIOD_S:
            raise InvalidInput(
                f"the period of a motion must be above 0 and at most {LONGEST_PERIOD_S:g} seconds; got "
                f"{self.period_s}."
            )
        if self.kind in _NEEDS_DIRECTION and abs(math.hypot(*self.direction) - 1) > 1e-3:
            raise InvalidInput(
                f"the direction of a motion ({self.kind}) must have length 1; got {list(self.direction)}."
            )
        if self.kind in _NEEDS_GRAVITY and not math.hypot(*self.gravity) > 0:
            raise InvalidInput(f"a motion ({self.kind}) must have gravity; got none.")
        if self.kind in _NEEDS_WAVELENGTH and not self.wavelength > 0:
            raise InvalidInput(
                f"the wavelength of a motion ({self.kind}) must be above 0; got {self.wavelength}."
            )
        if self.kind == "path" and not 2 <= len(self.points) <= MOST_POINTS:
            raise InvalidInput(f"a path must have 2 to {MOST_POINTS} points; got {len(self.points)}.")

    def mapped(self, turn: Tensor, factor: float = 1.0, shift: Tensor | None = None) -> Motion:
        """Return the motion of a world mapped by ``x' = factor * turn x + shift``.

        Args:
            turn: ``[3, 3]`` orthogonal; axes of rotation keep their sense in a mirror.
            factor: of all lengths, positive.
            shift: ``[3]``, world units; None for none.
        """
        matrix = turn.detach().to("cpu", torch.float64)
        move = (
            torch.zeros(3, dtype=torch.float64) if shift is None else shift.detach().to("cpu", torch.float64)
        )

        def along(vector: Vector, scale: float = 1.0, moved: Tensor | None = None) -> Vector:
            mapped = scale * (matrix @ torch.tensor(vector, dtype=torch.float64))
            x, y, z = (mapped if moved is None else mapped + moved).tolist()
            return (x + 0.0, y + 0.0, z + 0.0)

        is_axis = self.kind in ("turn", "drift")
        sense = -1.0 if is_axis and float(torch.linalg.det(matrix)) < 0 else 1.0
        return replace(
            self,
            direction=along(self.direction, factor if self.kind == "fall" else sense),
            center=self.center if self.kind in _HAS_NO_PLACE else along(self.center, factor, move),
            gravity=along(self.gravity, factor),
            amount=self.amount * (1.0 if self.kind in ("drift", "flicker", "path") else factor),
            wavelength=self.wavelength * factor,
            height=self.height * factor,
            points=tuple(along(point, factor, move) for point in self.points),
        )


def check_motion_table(table: Mapping[int, Motion]) -> None:
    """Raise `InvalidInput` unless the table numbers at most 255 motions from 1."""
    if len(table) > MOST_MOTIONS:
        raise InvalidInput(
            f"a world must have at most {MOST_MOTIONS} motions; got {len(table)}. Give several objects the same one."
        )
    for number, motion in table.items():
        if not (isinstance(motion, Motion) and 0 < number <= MOST_MOTIONS):
            raise InvalidInput(
                f"motion_table must map 1 to {MOST_MOTIONS} to motions; got {number}: {motion}."
            )


def loop_s(table: Mapping[int, Motion]) -> float:
    """Return after how many seconds all motions are as before: the least common multiple of their periods.

    Periods are taken as fractions with a denominator up to 10000. 0 for no motions.
    """
    whole = Fraction(0)
    for motion in table.values():
        period = Fraction(motion.period_s).limit_denominator(10_000)
        if period <= 0:
            continue
        if not whole:
            whole = period
            continue
        whole = Fraction(
            math.lcm(whole.numerator, period.numerator), math.gcd(whole.denominator, period.denominator)
        )
    return float(whole)


def motion_to_dict(motion: Motion) -> dict[str, Any]:
    """Return a motion as JSON values; what is 0 is left out."""
    found: dict[str, Any] = {"kind": motion.kind, "period_s": motion.period_s}
    for part in fields(motion)[2:]:
        value = getattr(motion, part.name)
        values = [v for point in value for v in point] if part.name == "points" else value
        if any(values) if isinstance(values, (tuple, list)) else values:
            found[part.name] = [list(point) for point in value] if part.name == "points" else value
    return {key: list(value) if isinstance(value, tuple) else value for key, value in found.items()}


def motion_from_dict(values: object) -> Motion:
    """Read what `motion_to_dict` gives.

    Raises:
        InvalidInput: when it is anything else, or no valid motion.
    """
    if not isinstance(values, dict) or not isinstance(values.get("kind"), str):
        raise InvalidInput("a motion must be an object with its kind.")
    parts: dict[str, Any] = {"kind": values["kind"]}
    for name in ("period_s", "amount", "wavelength", "height", "gloss"):
        if name in values:
            parts[name] = _number(values[name], name)
    for name in ("direction", "center", "gravity"):
        if name in values:
            parts[name] = _vector(values[name], name)
    points = values.get("points", [])
    if not isinstance(points, list):
        raise InvalidInput("points of a motion must be a list.")
    return Motion(**{"period_s": 0.0, **parts, "points": tuple(_vector(point, "points") for point in points)})


def _number(value: object, name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise InvalidInput(f"{name} of a motion must be a number; got {value!r}.")
    return float(value)


def _vector(value: object, name: str) -> Vector:
    if not isinstance(value, (list, tuple)) or len(value) != 3:
        raise InvalidInput(f"{name} of a motion must be three numbers; got {value!r}.")
    x, y, z = (_number(v, name) for v in value)
    return (x, y, z)
