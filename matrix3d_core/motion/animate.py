"""Gives Gaussians their motions: what flows, falls, ripples, drifts, sways, burns, flickers, turns, follows a path."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ..checks import check_shape
from ..errors import InvalidInput
from ..geometry.rotations import matrix_from_yaw_pitch_roll
from ..scene.gaussians import Gaussians
from ..scene.labels import STILL
from ..scene.motion import MOST_MOTIONS, MOST_POINTS, Motion, loop_s
from ..scene.trajectory import Trajectory
from .base import copies_over_base

__all__ = [
    "ANIMATIONS",
    "EARTH_GRAVITY",
    "AnimationConfig",
    "animate",
    "heading_of",
    "motion_report",
    "path_points",
    "set_motion",
]

EARTH_GRAVITY = 9.81
"""Meters per second squared."""

UP = (0.0, -1.0, 0.0)
_NEVER_FASTER = 1e4
_RIPPLE_HEIGHT, _RIPPLE_GLOSS, _STEEPEST = 0.02, 1.5, 0.03
_GUST_LENGTH, _SWAY = 4.0, 0.06
_FIRE_LIFE_S, _FLAME = 0.8, 0.8  # of the height of what burns
_FLICKER = 0.35


@dataclass(frozen=True)
class AnimationConfig:
    """How strongly and how fast. World units and seconds.

    Attributes:
        period_s: of the loop. Lives of things that fall or burn are as long as physics says and fit into it.
        speed: of what flows and drifts, world units per second, for clouds radians per second; None: usual.
        strength: factor of the usual height of waves, lean in the wind, flames and change of brightness, 0 or more.
        direction: where it flows, drifts, blows or runs; where what falls is thrown. Any length but 0.
        wavelength: of ripples.
        units_per_meter: for gravity.
        points: of a path, world units.
        keeps_base: keep a still, smooth copy below what flows and drifts, so that no hole opens where it fades.
    """

    period_s: float = 6.0
    speed: float | None = None
    strength: float = 1.0
    direction: Sequence[float] = (0.0, 0.0, 1.0)
    wavelength: float = 0.8
    units_per_meter: float = 1.0
    points: Sequence[Sequence[float]] = ()
    keeps_base: bool = True

    def __post_init__(self) -> None:
        if self.speed is not None and not 0 < self.speed <= _NEVER_FASTER:
            raise InvalidInput(f"the speed of a motion must be above 0 and finite; got {self.speed}.")
        if not 0 <= self.strength <= 1000:
            raise InvalidInput(f"the strength of a motion must be 0 to 1000; got {self.strength}.")
        if not 0 < self.units_per_meter < math.inf:
            raise InvalidInput(f"units_per_meter must be positive; got {self.units_per_meter}.")
        if not (math.isfinite(self.period_s) and self.period_s > 0):
            raise InvalidInput(f"the period of a motion must be above 0 seconds; got {self.period_s}.")

    @property
    def heading(self) -> Tensor:  # [3]
        """The direction, of length 1."""
        way = torch.tensor(tuple(self.direction), dtype=torch.float64)
        check_shape("direction", way, "3")
        if not (bool(torch.isfinite(way).all()) and float(way.norm()) > 1e-9):
            raise InvalidInput(
                f"the direction of a motion must be three numbers, not all 0; got {way.tolist()}."
            )
        heading: Tensor = way / way.norm()
        return heading

    @property
    def gravity(self) -> tuple[float, float, float]:
        """Acceleration of free fall, world units per second squared; y points down."""
        return (0.0, EARTH_GRAVITY * self.units_per_meter, 0.0)

    def life(self, physical_s: float) -> float:
        """Return the share of the period that is nearest to a time, as seconds."""
        return self.period_s / max(1, round(self.period_s / physical_s))


def _flow(means: Tensor, c: AnimationConfig) -> Motion:
    speed = 0.4 * c.units_per_meter if c.speed is None else c.speed
    return Motion("flow", c.period_s, _vector(c.heading), amount=speed * c.period_s)


def _fall(means: Tensor, c: AnimationConfig) -> Motion:
    gravity = c.gravity[1]
    top, bottom = (float(means[:, 1].quantile(q)) for q in (0.01, 0.99))
    fall_s = math.sqrt(2 * max(bottom - top, 1e-3) / gravity)
    speed = 0.0 if c.speed is None else c.speed
    level = c.heading * torch.tensor((1.0, 0.0, 1.0), dtype=torch.float64)
    return Motion("fall", c.life(fall_s), _vector(speed * level), (0.0, top, 0.0), c.gravity)


def _ripple(means: Tensor, c: AnimationConfig) -> Motion:
    height = c.strength * min(_RIPPLE_HEIGHT * c.units_per_meter, _STEEPEST * c.wavelength)
    gloss = _RIPPLE_GLOSS
    way = _level(c.heading)
    return Motion("ripple", c.period_s, way, (0, 0, 0), c.gravity, height, c.wavelength, gloss=gloss)


def _clouds(means: Tensor, c: AnimationConfig) -> Motion:
    speed = math.radians(1.0) if c.speed is None else c.speed
    ahead = _level(c.heading)
    axis = (-ahead[2], 0.0, ahead[0])  # through the eye, so that what is overhead goes where it should
    tilt = torch.tensor(axis, dtype=torch.float64)
    return Motion("drift", c.period_s, _vector(tilt), amount=speed * c.period_s)


def _wind(means: Tensor, c: AnimationConfig) -> Motion:
    base, top = (float(means[:, 1].quantile(q)) for q in (0.98, 0.02))
    sway, gust = c.strength * _SWAY * c.units_per_meter, _GUST_LENGTH * c.units_per_meter
    return Motion(
        "sway",
        c.period_s,
        _level(c.heading),
        (0, base, 0),
        c.gravity,
        sway,
        gust,
        height=max(base - top, 1e-6),
    )


def _fire(means: Tensor, c: AnimationConfig) -> Motion:
    height = float(means[:, 1].quantile(0.98) - means[:, 1].quantile(0.02))
    rise = max(c.strength * _FLAME * height, 1e-6)
    return Motion("fire", c.life(_FIRE_LIFE_S), UP, amount=rise, gloss=_FLICKER * c.strength)


def _flicker(means: Tensor, c: AnimationConfig) -> Motion:
    return Motion("flicker", c.period_s, amount=_FLICKER * c.strength)


def _sun(means: Tensor, c: AnimationConfig) -> Motion:
    """Once around, over the zenith and below the ground, on the circle that the sun is on."""
    place = means.mean(0)
    level = torch.stack([place[0], place[1] * 0, place[2]])
    if float(level.norm()) < 1e-6 * float(place.norm()):
        level = c.heading
    axis = torch.linalg.cross(level, torch.tensor(UP, dtype=torch.float64))
    return Motion("turn", c.period_s, _vector(axis / axis.norm()))


def _turn(means: Tensor, c: AnimationConfig) -> Motion:
    return Motion("turn", c.period_s, (0.0, 1.0, 0.0), _vector(means.mean(0)))


def _path(means: Tensor, c: AnimationConfig) -> Motion:
    points = tuple(_vector(torch.tensor(tuple(p), dtype=torch.float64)) for p in c.points)
    return Motion(
        "path", c.period_s, center=_vector(means.mean(0)), gravity=c.gravity, amount=1.0, points=points
    )


_MAKERS: dict[str, Callable[[Tensor, AnimationConfig], Motion]] = {
    "flow": _flow,
    "fall": _fall,
    "ripple": _ripple,
    "clouds": _clouds,
    "wind": _wind,
    "fire": _fire,
    "flicker": _flicker,
    "sun": _sun,
    "turn": _turn,
    "path": _path,
}
ANIMATIONS = tuple(_MAKERS)
"""What `animate` can make of some Gaussians: water that flows, falls and ripples, clouds that drift, foliage in the
wind, fire, lamps that flicker, a sun that moves, an instance that turns or goes along a path."""

_OVER_A_BASE = {"flow": False, "clouds": True}  # whether the base is that of a sky


def animate(
    gaussians: Gaussians, chosen: Tensor, kind: str, config: AnimationConfig | None = None
) -> Gaussians:
    """Give some Gaussians of a world a motion.

    Args:
        gaussians: the world, on the CPU, y down.
        chosen: ``[N]`` bool.
        kind: one of `ANIMATIONS`.
        config: speed, strength and so on.

    Returns:
        The world with the motion; where a still base is kept, with two Gaussians more for each that moves.

    Raises:
        InvalidInput: when nothing is chosen, for an unknown kind, or numbers out of range.
    """
    config = config or AnimationConfig()
    if kind not in _MAKERS:
        raise InvalidInput(f"kind must be one of {', '.join(ANIMATIONS)}; got {kind!r}.")
    check_chosen(gaussians, chosen)
    motion = _MAKERS[kind](gaussians.means[chosen].detach().double(), config)
    if config.keeps_base and kind in _OVER_A_BASE:
        gaussians, chosen = copies_over_base(gaussians, chosen, is_sky=_OVER_A_BASE[kind])
        return set_motion(gaussians, chosen, motion, phases=gaussians.label("phases")[chosen])
    return set_motion(gaussians, chosen, motion)


def heading_of(yaw_rad: float, pitch_rad: float = 0.0) -> tuple[float, float, float]:
    """Return the direction so far to the right of +z and so far up."""
    return _vector(
        matrix_from_yaw_pitch_roll(*torch.tensor((yaw_rad, pitch_rad, 0.0), dtype=torch.float64))[:, 2]
    )


def path_points(trajectory: Trajectory) -> tuple[tuple[float, float, float], ...]:
    """Return at most 64 places along a camera path, for an object to go through."""
    count = len(trajectory)
    index = torch.linspace(0, count - 1, min(count, MOST_POINTS)).round().long()
    return tuple(_vector(center) for center in trajectory.centers[index])


def check_chosen(gaussians: Gaussians, chosen: Tensor) -> None:
    """Raise `InvalidInput` unless at least one Gaussian is chosen."""
    check_shape("chosen", chosen, f"{len(gaussians)}")
    if not bool(chosen.any()):
        raise InvalidInput(
            "at least 1 splat must be chosen to move; none is. Label the splats (Label Splats), or choose by shape, "
            "instance or masks."
        )


def set_motion(
    gaussians: Gaussians, chosen: Tensor, motion: Motion, *, phases: Tensor | None = None
) -> Gaussians:
    """Return the world in which some Gaussians have a motion; one that the world has already keeps its number.

    Args:
        gaussians: the world.
        chosen: ``[N]`` bool, M of them.
        motion: what they do from now on.
        phases: ``[M]`` 0 to 255; None spreads them evenly over the period in a fixed order that looks random.

    Raises:
        InvalidInput: when nothing is chosen, or the world would have more than 255 motions.
    """
    check_chosen(gaussians, chosen)
    motions = torch.where(chosen, STILL, gaussians.label("motions").long())
    used = set(motions.unique().tolist())
    table = {number: known for number, known in gaussians.motion_table.items() if number in used}
    number = next((n for n, known in table.items() if known == motion), 0)
    number = number or next((n for n in range(1, MOST_MOTIONS + 1) if n not in used | set(table)), 0)
    if not number:
        raise InvalidInput(
            f"a world must have at most {MOST_MOTIONS} motions; give several objects the same one."
        )
    count = int(chosen.sum())
    if phases is None:
        phases = torch.randperm(count, generator=torch.Generator().manual_seed(0)) * 256 // count
    own = gaussians.label("phases").clone()
    own[chosen] = phases.to(torch.uint8)
    motions[chosen] = number
    return replace(gaussians.with_labels(motions=motions, phases=own), motion_table={**table, number: motion})


def motion_report(gaussians: Gaussians) -> dict[str, object]:
    """Return the loop of a world and how many Gaussians have each motion."""
    numbers = gaussians.label("motions")
    motions = [
        {"kind": motion.kind, "period_s": round(motion.period_s, 4), "splats": int((numbers == number).sum())}
        for number, motion in gaussians.motion_table.items()
    ]
    return {"loop_s": loop_s(gaussians.motion_table), "splats": len(gaussians), "motions": motions}


def _vector(values: Tensor) -> tuple[float, float, float]:
    x, y, z = (float(v) + 0.0 for v in values)
    return (x, y, z)


def _level(way: Tensor) -> tuple[float, float, float]:
    """Return a direction without its vertical part, of length 1."""
    level = way * torch.tensor((1.0, 0.0, 1.0), dtype=torch.float64)
    if float(level.norm()) < 1e-6:
        raise InvalidInput(f"the direction of this motion must not be vertical; got {_vector(way)}.")
    return _vector(level / level.norm())
