"""Walks and key poses recorded in the browser, as the workflow stores them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from ..collision.occupancy import Occupancy
from ..errors import FormatError, InvalidInput
from ..geometry.rotations import (
    matrix_from_quats,
    matrix_from_yaw_pitch_roll,
    quats_from_matrix,
    quats_slerp,
)
from ..scene.trajectory import Trajectory
from ..strict_json import brief, parse_json
from .defaults import DEFAULT_FRAMES
from .edit import resample, smooth
from .spline import interpolate_rising, spline_trajectory

__all__ = ["RESAMPLE_BY", "RecordedView", "Recording", "parse_recording", "trajectory_from_recording"]

RESAMPLE_BY = ("distance", "time")
"""``distance``: constant speed along the path, pauses left out. ``time``: as recorded."""

VERSION = 1
MOST_SAMPLES = 20_000
_MOST_CHARACTERS = 4_000_000
_RATE_HZ = 100.0  # a corner walked at 1.4 units per second is cut by 5 mm at most
_MOST_POSES = 20_000  # sampled from long walks, unless that is fewer than 20 a second
_REACH_PER_S = 0.07  # smoothing for s seconds moves no pose by more than this many units times s
_TURN_PER_S = math.radians(4.0)  # nor rotates it by more than this
_FARTHEST = 1e6  # world units; larger values are errors
_LONGEST_S = 3600.0


@dataclass(frozen=True)
class RecordedView:
    """One recorded view.

    Attributes:
        camera_from_world: ``[4, 4]`` float64, OpenCV axes.
        fov_y_rad: vertical field of view.
    """

    camera_from_world: Tensor
    fov_y_rad: float

    def fov_x_rad(self, height: int, width: int) -> float:
        """Return the horizontal field of view of a picture with square pixels."""
        return 2 * math.atan(math.tan(self.fov_y_rad / 2) * width / height)


@dataclass(frozen=True)
class Recording:
    """A recording of the viewer. Poses are upright: position, yaw, pitch, in world units and radians.

    Attributes:
        times_s: ``[S]`` float64 rising times of the walk's samples.
        walk: ``[S, 5]`` x, y, z, yaw, pitch of the walk; S is 0 without one.
        keys: ``[K, 5]`` key poses in order; K is 0 without any.
        use: ``"walk"`` or ``"keys"``, which of them is the path.
        view: the last recorded view, if any.
        turn: ``[3, 3]`` float64 view-from-world rotation, when the view had rotated the world upright;
            None otherwise. ``walk`` and ``keys`` are in the view.
    """

    times_s: Tensor
    walk: Tensor
    keys: Tensor
    use: str = "walk"
    view: RecordedView | None = None
    turn: Tensor | None = None

    @property
    def has_path(self) -> bool:
        """Whether the chosen kind of path has poses."""
        return len(self.keys if self.use == "keys" else self.walk) > 0


def parse_recording(text: str, *, source: str = "recording") -> Recording:
    """Parse what the viewer stores: JSON with ``walk``, ``keys``, ``use`` and ``view``.

    ``walk`` is a list of [seconds, x, y, z, yaw, pitch] (times must not fall), ``keys`` a list of
    [x, y, z, yaw, pitch], ``view`` [x, y, z, yaw, pitch, vertical field of view] or absent. Angles
    are in degrees: positive is right and up. World units, OpenCV axes; with ``turn`` (3 rows of 3,
    the rotation from the world to the view) they are poses in a view that had rotated the world upright.
    Empty text is an empty recording.

    Raises:
        FormatError: naming the line of a syntax error, or the entry that is wrong.
    """
    if not text.strip():
        return Recording(torch.zeros(0, dtype=torch.float64), _rows([], 5), _rows([], 5))
    if len(text) > _MOST_CHARACTERS:
        raise FormatError(f"{source}: must be at most {_MOST_CHARACTERS} characters; got {len(text)}.")
    data = parse_json(text, source=source)
    if not isinstance(data, Mapping):
        raise FormatError(f"{source}: must be an object with walk, keys, use and view; got {brief(data)}.")
    if data.get("version", VERSION) != VERSION:
        raise FormatError(
            f"{source}: version must be {VERSION}; got {brief(data['version'])}. Record the path again."
        )
    use = data.get("use", "walk")
    if use not in ("walk", "keys"):
        raise FormatError(f"{source}: use must be 'walk' or 'keys'; got {brief(use)}.")
    turn = None if data.get("turn") is None else _rotation(source, data["turn"])
    walk = _rows(_table(source, "walk", data.get("walk", []), 6), 6)
    times = walk[:, 0].contiguous()
    if len(times) and (float(times.diff().min() if len(times) > 1 else 0.0) < 0 or float(times[0]) < 0):
        raise FormatError(f"{source}: the times of the walk must be 0 or more and never fall.")
    if len(times) and float(times[-1] - times[0]) > _LONGEST_S:
        raise FormatError(f"{source}: a walk must last at most {_LONGEST_S:.0f} seconds.")
    keys = _rows(_table(source, "keys", data.get("keys", []), 5), 5)
    view = data.get("view")
    shown = None
    if view is not None:
        row = _rows(_table(source, "view", [view], 6), 6)[0]
        if not 1.0 <= float(row[5]) <= 170.0:
            raise FormatError(
                f"{source}: the view's field of view must lie in 1..170; got {float(row[5]):g}."
            )
        poses = _turned(_trajectory(_radians(row[None, :5])), turn)
        shown = RecordedView(poses.camera_from_world[0], math.radians(float(row[5])))
    return Recording(times, _radians(walk[:, 1:]), _radians(keys), use, shown, turn)


def trajectory_from_recording(
    recording: Recording,
    *,
    frames: int = DEFAULT_FRAMES,
    smoothing_s: float = 0.1,
    resample_by: str = "distance",
    fps: float = 12.0,
    is_metric: bool = False,
    walls: Occupancy | None = None,
) -> Trajectory:
    """Convert a recording to a camera path of ``frames`` poses.

    A walk is sampled at even times, smoothed with a Gaussian over time (its first and last pose stay),
    and resampled. Smoothing for ``s`` seconds moves no pose by more than ``0.07 s`` units and rotates none
    by more than ``4 s`` degrees: with 0.1 s the path is the recorded one within 1 cm and half a degree,
    corners included. Key poses are joined by the same curve as hand-written keyframes, at constant
    speed along it.

    Args:
        recording: what was recorded; its chosen path must not be empty.
        frames: poses wanted, at least 1.
        smoothing_s: standard deviation of the Gaussian in seconds, for a walk; 0 leaves it as it is.
        resample_by: one of `RESAMPLE_BY`, for a walk.
        fps: frames per second, for playback.
        is_metric: whether positions are in meters.
        walls: occupied cells. A pose that smoothing would move closer to them than the body's radius
            keeps its recorded position.

    Raises:
        InvalidInput: when nothing was recorded, or an option is out of range.
    """
    if not recording.has_path:
        raise InvalidInput(
            f"the recording must hold a path; its {recording.use} is empty. Record a walk in the viewer first."
        )
    if frames < 1:
        raise InvalidInput(f"frames must be at least 1; got {frames}.")
    if not (math.isfinite(smoothing_s) and smoothing_s >= 0):
        raise InvalidInput(f"smoothing must be 0 or more seconds; got {smoothing_s}.")
    if resample_by not in RESAMPLE_BY:
        raise InvalidInput(f"resample_by must be one of {', '.join(RESAMPLE_BY)}; got {resample_by!r}.")
    if recording.use == "keys":
        key_poses = _trajectory(recording.keys)
        path = spline_trajectory(
            key_poses.centers,
            key_poses.camera_from_world[:, :3, :3].mT.contiguous(),
            frames=frames,
            fps=fps,
            is_metric=is_metric,
            name="recorded keys",
        )
        return _turned(path, recording.turn)
    poses = recording.walk.clone()
    poses[:, 3] = _unwrap(poses[:, 3])
    start, end = float(recording.times_s[0]), float(recording.times_s[-1])
    if end > start:
        count = max(2, math.ceil((end - start) * min(_RATE_HZ, max(20.0, _MOST_POSES / (end - start)))) + 1)
        at = torch.linspace(start, end, count, dtype=torch.float64)
        columns = [interpolate_rising(recording.times_s, column, at) for column in poses.unbind(-1)]
        poses = torch.stack(columns, dim=-1)
        rate = (count - 1) / (end - start)
    else:
        poses, rate = poses[-1:], _RATE_HZ
    walked = _trajectory(poses, fps=fps, is_metric=is_metric, name="recorded walk")
    steady = _hold(walked, smooth(walked, sigma_frames=smoothing_s * rate), smoothing_s, walls)
    if len(steady) == 1:
        repeated = steady.camera_from_world.repeat(frames, 1, 1)
        still = Trajectory(repeated, fps=fps, is_metric=is_metric, name="recorded walk")
        return _turned(still, recording.turn)
    return _turned(resample(steady, frames, by=resample_by), recording.turn)


def _turned(path: Trajectory, turn: Tensor | None) -> Trajectory:
    """Transform a path from a view to the world; ``turn`` is the rotation of the view."""
    if turn is None:
        return path
    view_from_world = torch.eye(4, dtype=torch.float64)
    view_from_world[:3, :3] = turn
    return replace(path, camera_from_world=path.camera_from_world @ view_from_world)


def _rotation(source: str, value: Any) -> Tensor:
    turn = _rows(_table(source, "turn", value, 3), 3)
    is_square = turn.shape == (3, 3)
    if not is_square or (turn @ turn.mT - torch.eye(3)).abs().max() > 1e-6 or torch.linalg.det(turn) < 0:
        raise FormatError(f"{source}: turn must be 3 rows of 3 that make a rotation; got {brief(value)}.")
    return turn


def _hold(walked: Trajectory, steady: Trajectory, smoothing_s: float, walls: Occupancy | None) -> Trajectory:
    """Limit the distance of smoothed poses from the recorded ones, and keep them out of walls."""
    if len(walked) < 3 or smoothing_s == 0:
        return steady
    moved = steady.centers - walked.centers
    reach = _REACH_PER_S * smoothing_s
    share = (reach / moved.norm(dim=-1).clamp(min=1e-12)).clamp(max=1.0)
    centers = walked.centers + share[:, None] * moved
    if walls is not None:
        radius = 0.98 * walls.radius
        bad = walls.blocks(centers, radius) & ~walls.blocks(walked.centers, radius)
        centers = torch.where(bad[:, None], walked.centers, centers)
    before = quats_from_matrix(walked.camera_from_world[:, :3, :3].mT)
    after = quats_from_matrix(steady.camera_from_world[:, :3, :3].mT)
    turned = 2 * torch.acos((before * after).sum(-1).abs().clamp(max=1.0))
    part = (_TURN_PER_S * smoothing_s / turned.clamp(min=1e-12)).clamp(max=1.0)
    rotations = matrix_from_quats(quats_slerp(before, after, part))
    return Trajectory.from_centers(
        rotations, centers, fps=walked.fps, is_metric=walked.is_metric, name=walked.name
    )


def _trajectory(poses: Tensor, **fields: Any) -> Trajectory:
    yaw, pitch = poses[:, 3], poses[:, 4]
    rotations = matrix_from_yaw_pitch_roll(yaw, pitch, torch.zeros_like(yaw))
    return Trajectory.from_centers(rotations, poses[:, :3], **fields)


def _unwrap(angles: Tensor) -> Tensor:
    """Unwrap angles, so that neighbors differ by at most half a turn."""
    steps = angles.diff()
    steps = steps - math.tau * torch.round(steps / math.tau)
    return torch.cat((angles[:1], angles[:1] + steps.cumsum(0)))


def _radians(poses: Tensor) -> Tensor:
    return torch.cat((poses[:, :3], poses[:, 3:].deg2rad()), dim=-1)


def _rows(table: list[list[float]], columns: int) -> Tensor:
    return torch.tensor(table, dtype=torch.float64).reshape(len(table), columns)


def _table(source: str, name: str, value: Any, columns: int) -> list[list[float]]:
    if not isinstance(value, list):
        raise FormatError(f"{source}: {name} must be a list; got {brief(value)}.")
    if len(value) > MOST_SAMPLES:
        raise FormatError(f"{source}: {name} must hold at most {MOST_SAMPLES} poses; got {len(value)}.")
    for number, row in enumerate(value):
        if not (isinstance(row, list) and len(row) == columns and all(map(_is_number, row))):
            raise FormatError(
                f"{source}: {name} {number} must be {columns} finite numbers below {_FARTHEST:g}; "
                f"got {brief(row)}."
            )
    return value


def _is_number(value: Any) -> bool:
    return not isinstance(value, bool) and isinstance(value, int | float) and abs(value) <= _FARTHEST
