"""Smooth camera paths through keyframes, and interpolation between frames of a path."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import torch
from torch import Tensor

from ..checks import check_finite, check_shape
from ..errors import InvalidInput
from ..geometry.quaternions import (
    aligned_quats,
    conjugate,
    quats_from_rotvec,
    rotvec_from_quats,
    turning_angles,
)
from ..geometry.rotations import matrix_from_quats, quats_from_matrix, quats_multiply
from ..scene.trajectory import Trajectory
from .defaults import DEFAULT_FRAMES
from .motion import ease_in_out

__all__ = ["SPEED_PROFILES", "PosePath", "interpolate_rising", "path_through_frames", "spline_trajectory"]

SPEED_PROFILES = ("constant", "per segment")
_SAMPLES_PER_SEGMENT = 256


@dataclass(frozen=True)
class PosePath:
    """A continuous camera path over a clock.

    Attributes:
        knots: ``[K]`` float64 rising times of the given poses.
        positions: ``[K, 3]`` float64 camera centers at the knots.
        velocities: ``[K, 3]`` d position / d time at the knots.
        quats_wxyz: ``[K, 4]`` world-from-camera rotations at the knots.
        spins: ``[K, 3]`` angular velocities at the knots, camera frame, radians per unit time.
    """

    knots: Tensor
    positions: Tensor
    velocities: Tensor
    quats_wxyz: Tensor
    spins: Tensor

    def at(self, times: Tensor) -> tuple[Tensor, Tensor]:
        """Return camera centers ``[N, 3]`` and world-from-camera rotations ``[N, 3, 3]`` at ``times``."""
        return _hermite(self.knots, self.positions, self.velocities, times), self.rotations_at(times)

    def rotations_at(self, times: Tensor) -> Tensor:
        """Return world-from-camera rotations ``[N, 3, 3]`` at ``times`` ``[N]``.

        Cumulative cubic Bezier curves on the rotations: exact at the knots, with continuous
        angular velocity.
        Source: M.-J. Kim, M.-S. Kim and S. Y. Shin, A general construction scheme for unit
        quaternion curves with simple high order derivatives, 1995.
        """
        if len(self.knots) == 1:
            return matrix_from_quats(self.quats_wxyz).expand(len(times), 3, 3)
        index, t, width = _locate(self.knots, times)
        start, end = self.quats_wxyz[index], self.quats_wxyz[index + 1]
        third = width.unsqueeze(-1) / 3
        first, last = third * self.spins[index], third * self.spins[index + 1]
        middle = rotvec_from_quats(
            quats_multiply(
                quats_from_rotvec(-first),
                quats_multiply(conjugate(start), quats_multiply(end, quats_from_rotvec(-last))),
            )
        )
        t = t.unsqueeze(-1)
        quat = quats_multiply(start, quats_from_rotvec(first * (1 - (1 - t) ** 3)))
        quat = quats_multiply(quat, quats_from_rotvec(middle * (3 * t**2 - 2 * t**3)))
        return matrix_from_quats(quats_multiply(quat, quats_from_rotvec(last * t**3)))


def spline_trajectory(
    positions: Tensor,  # [K, 3]
    rotations_world_from_camera: Tensor,  # [K, 3, 3]
    *,
    frames: int = DEFAULT_FRAMES,
    closed: bool = False,
    ease: bool = False,
    speed_profile: str = "constant",
    fps: float = 12.0,
    is_metric: bool = False,
    frame_of_reference: str = "panorama",
    name: str = "keyframes",
) -> Trajectory:
    """Make a smooth camera path through keyframes.

    Positions follow a centripetal Catmull-Rom curve (no cusps, no loops between keyframes) that
    passes through every keyframe; rotations interpolate smoothly. The first frame is
    exactly the first keyframe and the last frame the last (closed: again the first).

    Args:
        positions: ``[K, 3]`` camera centers, ``K >= 1``.
        rotations_world_from_camera: ``[K, 3, 3]``; neighbors are joined by the shorter rotation,
            so one of more than 180 degrees needs a keyframe in between.
        frames: poses to make, at least 1.
        closed: return to the first keyframe at the end.
        ease: ease in and out.
        speed_profile: ``"constant"``: constant speed along the path; where the camera rotates in place, a
            full turn takes as long as the whole path. ``"per segment"``: equal time between keyframes.
        fps: frames per second, for playback.
        is_metric: whether positions are in meters.
        frame_of_reference: frame of the positions.
        name: name of the result.

    Raises:
        InvalidInput: on wrong shapes, values that are not finite, or unknown options.

    Source: C. Yuksel, S. Schaefer and J. Keyser, Parameterization and applications of Catmull-Rom
    curves, 2011; monotone timing: F. N. Fritsch and J. Butland, 1984.
    """
    count = check_shape("positions", positions, "K 3")["K"]
    check_shape("rotations_world_from_camera", rotations_world_from_camera, f"{count} 3 3")
    if count < 1 or frames < 1:
        raise InvalidInput(f"a spline needs at least 1 keyframe and 1 frame; got {count} and {frames}.")
    if speed_profile not in SPEED_PROFILES:
        raise InvalidInput(
            f"speed_profile must be one of {', '.join(SPEED_PROFILES)}; got {speed_profile!r}."
        )
    check_finite("positions", positions)
    check_finite("rotations_world_from_camera", rotations_world_from_camera)
    points = positions.detach().to("cpu", torch.float64)
    turns = rotations_world_from_camera.detach().to("cpu", torch.float64)
    closed = closed and count > 1
    if closed:
        points, turns = torch.cat((points, points[:1])), torch.cat((turns, turns[:1]))
    quats = aligned_quats(quats_from_matrix(turns))
    curve = _ArcCurve.through(points, closed)
    clock = _clock(curve.knots_arc, quats, speed_profile)
    times = torch.tensor(
        [frame / (frames - 1) if frames > 1 else 0.0 for frame in range(frames)], dtype=torch.float64
    )
    if ease:
        times = torch.tensor([ease_in_out(t) for t in times.tolist()], dtype=torch.float64)
    speed = _monotone_slopes(clock, curve.knots_arc.unsqueeze(-1), closed)
    centers = curve.at(_hermite(clock, curve.knots_arc.unsqueeze(-1), speed, times).squeeze(-1))
    path = PosePath(clock, points, torch.zeros_like(points), quats, _spins(clock, quats, closed))
    rotations = path.rotations_at(times)
    ends = [(0, 0)] if frames == 1 else [(0, 0), (-1, -1)]
    for frame, key in ends:
        centers[frame], rotations[frame] = points[key], turns[key]
    return Trajectory.from_centers(
        rotations, centers, fps=fps, is_metric=is_metric, frame_of_reference=frame_of_reference, name=name
    )


def path_through_frames(trajectory: Trajectory) -> PosePath:
    """Return a smooth path through frame ``i`` of ``trajectory`` at time ``i``.

    The camera does not move between two frames at the same place.
    """
    knots = torch.arange(len(trajectory), dtype=torch.float64)
    points = trajectory.centers
    quats = aligned_quats(quats_from_matrix(trajectory.camera_from_world[:, :3, :3].mT.contiguous()))
    closed = len(trajectory) > 2 and torch.equal(
        trajectory.camera_from_world[0], trajectory.camera_from_world[-1]
    )
    return PosePath(knots, points, _slopes(knots, points, closed), quats, _spins(knots, quats, closed))


@dataclass(frozen=True)
class _ArcCurve:
    """A centripetal Catmull-Rom curve that is read by arc length."""

    knots: Tensor  # [U] centripetal parameters of the distinct points
    points: Tensor  # [U, 3]
    tangents: tuple[Tensor, Tensor]  # [U, 3] on leaving and on arriving at each point
    table_u: Tensor  # [S] parameters ...
    table_arc: Tensor  # [S] ... the arc length there ...
    table_slope: Tensor  # [S] ... and d parameter / d arc length
    knots_arc: Tensor  # [K] arc length at each keyframe

    @classmethod
    def through(cls, points: Tensor, closed: bool) -> _ArcCurve:
        chords = points.diff(dim=0).norm(dim=-1)
        extent = float(chords.sum())
        distinct = torch.cat((torch.tensor([True]), chords > 1e-9 * extent))
        which = distinct.long().cumsum(0) - 1
        unique = points[distinct]
        knots = torch.cat((torch.zeros(1, dtype=torch.float64), chords[distinct[1:]].sqrt().cumsum(0)))
        tangents = _piecewise_slopes(knots, unique, which[1:][~distinct[1:]].tolist(), closed)
        if len(unique) == 1:
            zero = torch.zeros(1, dtype=torch.float64)
            return cls(knots, unique, tangents, zero, zero, zero, torch.zeros(len(points), dtype=zero.dtype))
        fraction = torch.arange(_SAMPLES_PER_SEGMENT, dtype=torch.float64) / _SAMPLES_PER_SEGMENT
        table_u = (knots[:-1, None] + fraction * knots.diff()[:, None]).flatten()
        table_u = torch.cat((table_u, knots[-1:]))
        steps = _hermite(knots, unique, tangents, table_u).diff(dim=0).norm(dim=-1)
        table_arc = torch.cat((torch.zeros(1, dtype=torch.float64), steps.cumsum(0)))
        slope = _monotone_slopes(table_arc, table_u.unsqueeze(-1), False).squeeze(-1)
        return cls(
            knots, unique, tangents, table_u, table_arc, slope, table_arc[::_SAMPLES_PER_SEGMENT][which]
        )

    def at(self, arc: Tensor) -> Tensor:
        if len(self.points) == 1:
            return self.points.expand(len(arc), 3).clone()
        u = _hermite(self.table_arc, self.table_u[:, None], self.table_slope[:, None], arc).squeeze(-1)
        return _hermite(self.knots, self.points, self.tangents, u)


def interpolate_rising(x: Tensor, y: Tensor, at: Tensor) -> Tensor:
    """Interpolate ``y`` over non-decreasing ``x`` ``[S]`` linearly at ``at`` ``[N]``, clamped at the ends."""
    index = (torch.searchsorted(x, at.contiguous(), right=True) - 1).clamp(0, len(x) - 2)
    width = x[index + 1] - x[index]
    fraction = ((at - x[index]) / torch.where(width > 0, width, torch.ones_like(width))).clamp(0, 1)
    return torch.lerp(y[index], y[index + 1], fraction)


def _clock(knots_arc: Tensor, quats: Tensor, speed_profile: str) -> Tensor:
    """Time of each keyframe, 0 to 1."""
    if len(knots_arc) == 1:
        return torch.zeros(1, dtype=torch.float64)
    lengths, angles = knots_arc.diff(), turning_angles(quats)
    total = float(lengths.sum())
    cost = torch.maximum(lengths, angles * (total / math.tau if total > 0 else 1.0))
    if speed_profile == "per segment" or float(cost.sum()) == 0:
        cost = torch.ones_like(cost)
    cost = cost.clamp(min=1e-6 * float(cost.sum()))  # a repeated keyframe still takes time
    clock = torch.cat((torch.zeros(1, dtype=torch.float64), cost.cumsum(0)))
    return clock / clock[-1]


def _locate(knots: Tensor, times: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return the segment of each time, the fraction within it and its width."""
    index = (torch.searchsorted(knots, times.contiguous(), right=True) - 1).clamp(0, len(knots) - 2)
    width = knots[index + 1] - knots[index]
    return index, (times - knots[index]) / width, width


def _hermite(knots: Tensor, values: Tensor, slopes: Tensor | tuple[Tensor, Tensor], times: Tensor) -> Tensor:
    """Interpolate ``values`` ``[K, C]`` with ``slopes`` ``[K, C]`` at ``times`` ``[N]`` by cubics.

    Two slopes: on leaving each knot, and on arriving there.
    """
    if len(knots) == 1:
        return values.expand(len(times), -1).clone()
    leaving, arriving = slopes if isinstance(slopes, tuple) else (slopes, slopes)
    index, t, width = _locate(knots, times)
    t, width = t.unsqueeze(-1), width.unsqueeze(-1)
    rise = values[index + 1] - values[index]
    first, last = width * leaving[index], width * arriving[index + 1]
    return values[index] + t * (3 * rise * t - 2 * rise * t * t + (1 - t) * (first * (1 - t) - last * t))


def _piecewise_slopes(knots: Tensor, values: Tensor, stops: list[int], closed: bool) -> tuple[Tensor, Tensor]:
    """Catmull-Rom slopes, on leaving and on arriving; at the points ``stops`` the curve may have a corner."""
    breaks = sorted({0, *stops, len(knots) - 1})
    if len(breaks) == 2:
        whole = _slopes(knots, values, closed and len(knots) > 2)
        return whole, whole
    leaving, arriving = torch.zeros_like(values), torch.zeros_like(values)
    for start, end in itertools.pairwise(breaks):
        piece = _slopes(knots[start : end + 1], values[start : end + 1], False)
        leaving[start:end], arriving[start + 1 : end + 1] = piece[:-1], piece[1:]
    return leaving, arriving


def _slopes(knots: Tensor, values: Tensor, closed: bool) -> Tensor:
    """Catmull-Rom slopes for any knot spacing: the parabola through three neighbors.

    Zero where a neighbor has the same value, so that a pause stays constant.
    """
    if len(knots) == 1:
        return torch.zeros_like(values)
    width = knots.diff().unsqueeze(-1)
    secant = values.diff(dim=0) / width
    if closed:
        secant = torch.cat((secant[-1:], secant, secant[:1]))
        width = torch.cat((width[-1:], width, width[:1]))
    inner = (secant[:-1] * width[1:] + secant[1:] * width[:-1]) / (width[:-1] + width[1:])
    still = (secant == 0).all(-1, keepdim=True)
    inner = torch.where(still[:-1] | still[1:], torch.zeros_like(inner), inner)
    if closed:
        return inner
    if len(knots) == 2:
        return secant.expand(2, -1)
    start, end = (3 * secant[:1] - inner[:1]) / 2, (3 * secant[-1:] - inner[-1:]) / 2
    start = torch.where(still[:1], torch.zeros_like(start), start)
    end = torch.where(still[-1:], torch.zeros_like(end), end)
    return torch.cat((start, inner, end))


def _monotone_slopes(knots: Tensor, values: Tensor, closed: bool) -> Tensor:
    """Slopes that never overshoot: harmonic mean of the neighboring secants, zero at an extremum."""
    if len(knots) == 1:
        return torch.zeros_like(values)
    return _limit(knots, values.diff(dim=0) / knots.diff().unsqueeze(-1), closed)


def _limit(knots: Tensor, secant: Tensor, closed: bool) -> Tensor:
    width = knots.diff().unsqueeze(-1)
    ends = secant[:1], secant[-1:]
    if closed:
        secant = torch.cat((secant[-1:], secant, secant[:1]))
        width = torch.cat((width[-1:], width, width[:1]))
    before, after = width[:-1] + 2 * width[1:], 2 * width[:-1] + width[1:]
    same = secant[:-1] * secant[1:] > 0
    safe = torch.where(same, secant[1:] * before + secant[:-1] * after, torch.ones_like(secant[1:]))
    inner = torch.where(
        same, secant[:-1] * secant[1:] * (before + after) / safe, torch.zeros_like(secant[1:])
    )
    return inner if closed else torch.cat((ends[0], inner, ends[1]))


def _spins(knots: Tensor, quats: Tensor, closed: bool) -> Tensor:
    """Angular velocity at each knot, in that camera's own frame, limited like `_monotone_slopes`."""
    if len(knots) == 1:
        return torch.zeros(1, 3, dtype=torch.float64)
    turn = rotvec_from_quats(quats_multiply(conjugate(quats[:-1]), quats[1:]))
    # A turn's axis has the same coordinates before and after it, so both neighbors compare directly.
    return _limit(knots, turn / knots.diff().unsqueeze(-1), closed)
