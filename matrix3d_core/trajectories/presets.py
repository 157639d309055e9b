"""Camera path presets: upstream's four rails and others.

All start at the panorama's center facing its front: the first pose is the identity.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator

import torch

from ..errors import InvalidInput
from ..scene.panorama import PanoramaGeometry
from ..scene.trajectory import Trajectory
from .defaults import DEFAULT_FRAMES
from .motion import ease_in_out, window

__all__ = [
    "CLOSED_PRESETS",
    "PIVOT_FRACTION",
    "TRAJECTORY_PRESETS",
    "UPSTREAM_PRESETS",
    "make_preset",
    "pivot_distance",
    "preset_distance",
    "preset_heading",
    "preset_in_scene",
]

TRAJECTORY_PRESETS: dict[str, str] = {
    "straight": "Forward at constant speed.",
    "s_curve": "Forward in an S: a swing to the right, then one to the left, facing along the path.",
    "forward_right": "Forward on a 30-degree arc that bends to the right.",
    "forward_left": "Forward on a 30-degree arc that bends to the left.",
    "look_around_then_forward": "One full turn in place, then forward.",
    "look_around_then_back": "One full turn in place, then backward, facing the front.",
    "forward_then_turn_right": "Forward, through a 90-degree bend to the right.",
    "top_down_360": "Rise, look down and turn once, then return to the first pose.",
    "turn_back_180": "Half a turn in place, to the right.",
    "keep_turning_left": "A full circle to the left, back to the first pose.",
    "look_around": "One full turn in place, back to the first pose.",
    "long_forward": "Forward, eased in and out, 1.5 times as far as the other moves.",
    "fan": "Four loops from the start, to the front, right, back and left, with one turn of the view.",
}
"""Every preset, in menu order: name -> description."""

UPSTREAM_PRESETS = ("straight", "s_curve", "forward_right", "forward_left")
"""The presets that Matrix-3D has too (there: straight, s_curve, r_curve, l_curve)."""

CLOSED_PRESETS = ("top_down_360", "keep_turning_left", "look_around", "fan")
"""The presets whose last pose is exactly their first."""

PIVOT_FRACTION = 0.6
"""Upstream's default length of a move, as a fraction of the pivot distance."""

_ALIASES = {"r_curve": "forward_right", "l_curve": "forward_left"}
_HEADINGS = {"look_around_then_back": math.pi, "keep_turning_left": -math.pi / 2}
_LONG = 1.5
_ARC_RAD = math.radians(30.0)
_UPSTREAM_AMPLITUDE = 0.15
# sin(2 pi f) sin(pi f)^2 peaks at f = 1/3 with 3 sqrt(3) / 8.
_SWING = 8 / (3 * math.sqrt(3))

Rows = tuple[tuple[float, float, float], tuple[float, float, float], tuple[float, float, float]]
Pose = tuple[tuple[float, float, float], Rows]
"""Camera center, and world-from-camera rotation by rows."""


def pivot_distance(geometry: PanoramaGeometry, *, yaw_rad: float = 0.0) -> float:
    """Return the ray distance a little below the horizon, straight ahead: upstream's measure of a scene.

    Args:
        geometry: the panorama.
        yaw_rad: measure in this direction instead of the front; positive is to the right.

    Returns:
        The distance at row ``int((H // 2) * 1.05)``, column ``W // 2``, world units.

    Source: Matrix-3D, built-in rails.
    """
    height, width = geometry.height, geometry.width
    column = (width // 2 + math.floor(yaw_rad / math.tau * width + 0.5)) % width
    return float(geometry.depth_ray[int((height // 2) * 1.05), column])


def preset_heading(name: str) -> float:
    """Return the yaw (radians, right positive) towards which a preset travels farthest."""
    return _HEADINGS.get(_resolve(name), 0.0)


def preset_distance(name: str, geometry: PanoramaGeometry, fraction: float) -> float:
    """Return ``fraction`` of the pivot distance in the direction in which a preset travels farthest.

    Raises:
        InvalidInput: for an unknown name, or a fraction that is not positive.
    """
    if not (math.isfinite(fraction) and fraction > 0):
        raise InvalidInput(f"fraction must be positive and finite; got {fraction}.")
    return fraction * pivot_distance(geometry, yaw_rad=preset_heading(name))


def make_preset(
    name: str,
    *,
    frames: int = DEFAULT_FRAMES,
    distance: float,
    fps: float = 12.0,
    upstream_exact: bool = False,
    is_metric: bool = False,
) -> Trajectory:
    """Make the camera path of a preset.

    The first pose is the identity (except for upstream's S-curve). The presets of
    `CLOSED_PRESETS` end with a pose that is bit for bit their first.

    Args:
        name: a key of `TRAJECTORY_PRESETS`; upstream's ``r_curve`` and ``l_curve`` are accepted too.
        frames: poses in all, at least 1; a single frame is the first pose.
        distance: extent of the move, world units. Forward moves: the length along +z.
            ``forward_then_turn_right`` and ``keep_turning_left``: the farthest distance from the
            start. ``fan``: the reach of each loop. ``top_down_360`` rises half of it; ``long_forward`` goes
            1.5 times as far; rotations in place ignore it.
        fps: frames per second, for playback.
        upstream_exact: reproduce Matrix-3D's rail. ``straight`` and ``forward_right`` are the same
            either way. ``s_curve`` then swings by 0.15 units at any length and starts facing
            along the curve, not the front. ``l_curve`` is broken upstream: it moves to the right
            like ``r_curve`` with a mirrored basis (det -1), which is no camera; its positions are
            reproduced, with the rotation of ``r_curve``.
        is_metric: whether ``distance`` is in meters.

    Raises:
        InvalidInput: for an unknown name, a bad number, or ``upstream_exact`` with a preset that
            upstream does not have.
    """
    key = _resolve(name)
    if frames < 1:
        raise InvalidInput(f"frames must be at least 1; got {frames}.")
    if not (math.isfinite(distance) and distance > 0):
        raise InvalidInput(f"distance must be positive and finite; got {distance}.")
    if upstream_exact and key not in UPSTREAM_PRESETS:
        raise InvalidInput(
            f"upstream_exact must be off for {key!r}: Matrix-3D has only {', '.join(UPSTREAM_PRESETS)}. "
            "Switch it off or pick one of those."
        )
    times = [frame / (frames - 1) if frames > 1 else 0.0 for frame in range(frames)]
    if upstream_exact and key == "s_curve":
        poses: Iterable[Pose] = (_upstream_s_curve(f, distance) for f in times)
    elif upstream_exact and key == "forward_left":
        poses = (_forward_right(f, distance) for f in times)
    elif key == "forward_then_turn_right":
        poses = _along(_right_bend, [ease_in_out(f) for f in times], distance)
    else:
        poses = (_MOVES[key](f, distance) for f in times)
    centers, rotations = zip(*poses, strict=True)
    trajectory = Trajectory.from_centers(
        torch.tensor(rotations, dtype=torch.float64),
        torch.tensor(centers, dtype=torch.float64),
        fps=fps,
        is_metric=is_metric,
        name=key,
    )
    if key in CLOSED_PRESETS:
        # The last pose differs from the first by rounding only (sin 2 pi is not 0): make it exact.
        trajectory.camera_from_world[-1] = trajectory.camera_from_world[0]
    return trajectory


def preset_in_scene(
    name: str,
    geometry: PanoramaGeometry,
    *,
    fraction: float = PIVOT_FRACTION,
    frames: int = DEFAULT_FRAMES,
    fps: float = 12.0,
    upstream_exact: bool = False,
) -> Trajectory:
    """Make a preset whose distance is a fraction of the pivot distance in the direction it goes.

    Args:
        name: see `make_preset`.
        geometry: the panorama; the path takes over whether its units are meters.
        fraction: of `pivot_distance`; upstream's default is 0.6.
        frames: poses in all.
        fps: frames per second, for playback.
        upstream_exact: see `make_preset`.
    """
    return make_preset(
        name,
        frames=frames,
        distance=preset_distance(name, geometry, fraction),
        fps=fps,
        upstream_exact=upstream_exact,
        is_metric=geometry.is_metric,
    )


def _resolve(name: str) -> str:
    key = _ALIASES.get(name, name)
    if key not in TRAJECTORY_PRESETS:
        raise InvalidInput(f"preset must be one of {', '.join(TRAJECTORY_PRESETS)}; got {name!r}.")
    return key


def _turned(sine: float, cosine: float) -> Rows:
    """World-from-camera rotation about y whose forward axis is ``(sine, 0, cosine)``."""
    return (cosine, 0.0, sine), (0.0, 1.0, 0.0), (-sine, 0.0, cosine)


def _yawed(yaw: float, pitch: float = 0.0) -> Rows:
    """World-from-camera rotation ``R_yaw R_pitch``; positive turns right and looks up."""
    sy, cy, sp, cp = math.sin(yaw), math.cos(yaw), math.sin(pitch), math.cos(pitch)
    return (cy, sy * sp, sy * cp), (0.0, cp, -sp), (-sy, cy * sp, cy * cp)


def _once_around(progress: float) -> float:
    """Yaw of a full turn to the right; exactly 0 again when done."""
    return 0.0 if progress >= 1.0 else math.tau * progress


def _straight(f: float, distance: float) -> Pose:
    return (0.0, 0.0, distance * f), _turned(0.0, 1.0)


def _upstream_s_curve(f: float, distance: float) -> Pose:
    turn = math.tau * f
    slope = _UPSTREAM_AMPLITUDE * (math.tau / distance) * math.cos(turn)
    norm = math.sqrt(slope * slope + 1.0)
    return (_UPSTREAM_AMPLITUDE * math.sin(turn), 0.0, distance * f), _turned(slope / norm, 1.0 / norm)


def _s_curve(f: float, distance: float) -> Pose:
    """As upstream's at length 1, but scaled with the length and facing forward at both ends."""
    amplitude = _UPSTREAM_AMPLITUDE * distance * _SWING
    wave, envelope = math.sin(math.tau * f), math.sin(math.pi * f) ** 2
    slope = math.tau * math.cos(math.tau * f) * envelope + wave * math.pi * math.sin(math.tau * f)
    yaw = math.atan2(amplitude * slope, distance)
    return (amplitude * wave * envelope, 0.0, distance * f), _yawed(yaw)


def _forward_right(f: float, distance: float) -> Pose:
    radius, angle = distance / math.sin(_ARC_RAD), _ARC_RAD * f
    sine, cosine = math.sin(angle), math.cos(angle)
    return (radius * (1.0 - cosine), 0.0, radius * sine), _turned(sine, cosine)


def _forward_left(f: float, distance: float) -> Pose:
    (x, y, z), _ = _forward_right(f, distance)
    return (-x, y, z), _turned(-math.sin(_ARC_RAD * f), math.cos(_ARC_RAD * f))


def _look_around_then(sign: float) -> Callable[[float, float], Pose]:
    def move(f: float, distance: float) -> Pose:
        yaw = _once_around(ease_in_out(window(f, 0.0, 0.6)))
        travel = ease_in_out(window(f, 0.55, 1.0))  # starts moving while the turn ends
        return (0.0, 0.0, sign * distance * travel), _yawed(yaw)

    return move


def _top_down_360(f: float, distance: float) -> Pose:
    lift = ease_in_out(window(f, 0.0, 0.3), 0.5) - ease_in_out(window(f, 0.7, 1.0), 0.5)
    yaw = _once_around(ease_in_out(window(f, 0.1, 0.9)))
    return (0.0, -0.5 * distance * lift, 0.0), _yawed(yaw, -math.radians(60.0) * lift)


def _turn_back_180(f: float, distance: float) -> Pose:
    return (0.0, 0.0, 0.0), _yawed(math.pi * ease_in_out(f))


def _keep_turning_left(f: float, distance: float) -> Pose:
    radius, angle = distance / 2, math.tau * ease_in_out(f)
    center = (radius * (math.cos(angle) - 1.0), 0.0, radius * math.sin(angle))
    return center, _yawed(-angle)


def _look_around(f: float, distance: float) -> Pose:
    return (0.0, 0.0, 0.0), _yawed(_once_around(ease_in_out(f)))


def _long_forward(f: float, distance: float) -> Pose:
    return (0.0, 0.0, _LONG * distance * ease_in_out(f)), _turned(0.0, 1.0)


def _fan(f: float, distance: float) -> Pose:
    """The rose of four petals, passed so that the walk goes straight through the start from loop to loop."""
    turn = math.tau * ease_in_out(f)
    reach, angle = distance * math.sin(2 * turn), math.pi / 4 - turn
    yaw = _once_around(ease_in_out(window(f, 0.1, 1.0)))
    return (reach * math.sin(angle), 0.0, reach * math.cos(angle)), _yawed(yaw)


_MOVES: dict[str, Callable[[float, float], Pose]] = {
    "straight": _straight,
    "s_curve": _s_curve,
    "forward_right": _forward_right,
    "forward_left": _forward_left,
    "look_around_then_forward": _look_around_then(1.0),
    "look_around_then_back": _look_around_then(-1.0),
    "top_down_360": _top_down_360,
    "turn_back_180": _turn_back_180,
    "keep_turning_left": _keep_turning_left,
    "look_around": _look_around,
    "long_forward": _long_forward,
    "fan": _fan,
}


def _right_bend(s: float) -> float:
    """Yaw after a fraction ``s`` of the way: straight, 90 degrees to the right, straight."""
    x = window(s, 0.45, 0.85)
    return math.pi / 2 * x**3 * (10 - 15 * x + 6 * x * x)  # smootherstep: curvature without jumps


def _along(heading: Callable[[float], float], progress: list[float], distance: float) -> Iterator[Pose]:
    """Walk a path given by its yaw, scaled so that its farthest point is ``distance`` away."""
    whole = [step / 500 for step in range(501)]
    scale = distance / max(math.hypot(x, z) for x, z in _integrate(heading, whole))
    for s, (x, z) in zip(progress, _integrate(heading, progress), strict=True):
        yield (scale * x, 0.0, scale * z), _yawed(heading(s))


def _integrate(heading: Callable[[float], float], stops: list[float]) -> Iterator[tuple[float, float]]:
    """Integrate the unit tangent ``(sin yaw, cos yaw)`` from 0 to each of the rising ``stops``."""
    x = z = position = 0.0
    half = math.sqrt(0.6)
    for stop in stops:
        pieces = max(1, math.ceil((stop - position) / 0.005))
        step = (stop - position) / pieces
        for piece in range(pieces):
            middle = position + (piece + 0.5) * step
            # Three-point Gauss-Legendre: exact to degree 5, far below rounding at this step.
            for node, weight in ((-half, 5 / 18), (0.0, 8 / 18), (half, 5 / 18)):
                yaw = heading(middle + node * step / 2)
                x += weight * step * math.sin(yaw)
                z += weight * step * math.cos(yaw)
        position = stop
        yield x, z
