"""Editing of camera paths: join, reverse, resample, smooth, transform."""

from __future__ import annotations

import math
from dataclasses import replace

import torch
from torch import Tensor

from ..checks import check_finite, check_shape
from ..errors import InvalidInput
from ..geometry.quaternions import aligned_quats, conjugate, turning_angles
from ..geometry.rotations import matrix_from_quats, quats_from_matrix, quats_multiply
from ..scene.camera import blend_intrinsics, join_intrinsics, select_intrinsics
from ..scene.trajectory import Trajectory
from .spline import interpolate_rising, path_through_frames

__all__ = ["is_closed", "join", "resample", "reverse", "sample_at", "smooth", "transform"]

_MOST_IN_WINDOWS = 4_000_000


def is_closed(trajectory: Trajectory) -> bool:
    """Return whether the path moves or rotates and its last pose equals its first bit for bit."""
    poses = trajectory.camera_from_world
    return len(poses) > 2 and torch.equal(poses[0], poses[-1]) and not torch.equal(poses[0], poses[1])


def reverse(trajectory: Trajectory) -> Trajectory:
    """Reverse a path in time; the poses stay the same. Twice gives the same bits."""
    return trajectory.select(torch.arange(len(trajectory) - 1, -1, -1))


def join(first: Trajectory, second: Trajectory, *, anchor: bool = True) -> Trajectory:
    """Concatenate two paths.

    Args:
        first: kept as it is; its fps, name and frame of reference are used.
        second: what follows.
        anchor: move ``second`` rigidly so that it starts with the last pose of ``first``.
            Otherwise it is not moved and the camera may jump.

    Returns:
        ``len(first) + len(second)`` poses, or one fewer when the second starts with the pose that
        the first ends with (always when anchored): a repeated pose would be a pause.

    Raises:
        InvalidInput: when units, frames of reference or intrinsics differ.
    """
    if first.is_metric != second.is_metric:
        metric, other = ("first", "second") if first.is_metric else ("second", "first")
        raise InvalidInput(
            f"both paths must have the same unit; the {metric} is in meters, the {other} is not."
        )
    if not anchor and first.frame_of_reference != second.frame_of_reference:
        raise InvalidInput(
            "both paths must have the same frame of reference; got "
            f"{first.frame_of_reference} and {second.frame_of_reference}. Anchor the second to the first."
        )
    if first.image_size_px != second.image_size_px:
        raise InvalidInput("both paths must have intrinsics for the same image size, or neither.")
    poses, follows = second.camera_from_world, slice(None)
    end = first.camera_from_world[-1]
    if anchor:
        poses = poses @ (second.world_from_camera[0] @ end)
        poses[:, 3] = torch.tensor([0.0, 0.0, 0.0, 1.0], dtype=torch.float64)
    scale = max(1.0, float(end[:3, 3].abs().max()))
    if anchor or bool((poses[0] - end).abs().max() <= 1e-9 * scale):
        follows = slice(1, None)
    K_px = join_intrinsics(first.K_px, select_intrinsics(second.K_px, follows))
    return replace(first, camera_from_world=torch.cat((first.camera_from_world, poses[follows])), K_px=K_px)


def resample(trajectory: Trajectory, frames: int, *, by: str = "time") -> Trajectory:
    """Change the number of frames; first and last pose stay bit for bit.

    Args:
        trajectory: the path.
        frames: poses wanted, at least 1 (then the first pose).
        by: ``"time"`` keeps the timing; ``"distance"`` gives constant speed along the path (where
            the camera only turns, a full turn counts as the whole length of the path).

    Returns:
        Poses on a smooth curve through the given ones; the playback fps is unchanged, so more
        frames play longer.
    """
    if frames < 1:
        raise InvalidInput(f"frames must be at least 1; got {frames}.")
    if by not in ("time", "distance"):
        raise InvalidInput(f"by must be 'time' or 'distance'; got {by!r}.")
    fraction = torch.arange(frames, dtype=torch.float64) / max(1, frames - 1)
    times = fraction * (len(trajectory) - 1)
    if by == "distance" and len(trajectory) > 1:
        times = _times_of_equal_steps(trajectory, fraction)
    return sample_at(trajectory, times)


def sample_at(trajectory: Trajectory, times: Tensor) -> Trajectory:
    """Sample a path at fractional frame numbers ``[N]``; whole numbers give those frames bit for bit."""
    times = times.clamp(0, len(trajectory) - 1)
    centers, rotations = path_through_frames(trajectory).at(times)
    made = Trajectory.from_centers(rotations, centers)
    nearest = times.round()
    exact = (times - nearest).abs() < 1e-12 * max(1, len(trajectory))
    poses = made.camera_from_world
    poses[exact] = trajectory.camera_from_world[nearest[exact].long()]
    return replace(trajectory, camera_from_world=poses, K_px=blend_intrinsics(trajectory.K_px, times))


def _times_of_equal_steps(trajectory: Trajectory, fraction: Tensor) -> Tensor:
    fine = torch.linspace(0, len(trajectory) - 1, 16 * (len(trajectory) - 1) + 1, dtype=torch.float64)
    centers, rotations = path_through_frames(trajectory).at(fine)
    steps, angles = centers.diff(dim=0).norm(dim=-1), turning_angles(quats_from_matrix(rotations))
    total = float(steps.sum())
    if total > 0:
        still = steps <= 1e-9 * total
        steps = torch.where(still, angles * (total / math.tau), steps)
    else:
        steps = angles
    if float(steps.sum()) == 0:
        return fraction * (len(trajectory) - 1)
    traveled = torch.cat((torch.zeros(1, dtype=torch.float64), steps.cumsum(0)))
    return interpolate_rising(traveled / traveled[-1], fine, fraction)


def smooth(trajectory: Trajectory, *, sigma_frames: float = 2.0) -> Trajectory:
    """Smooth a shaky path with a Gaussian over time.

    First and last pose stay bit for bit (at the ends the path is continued by its own point
    reflection); a path that returns to its first pose is smoothed across the join and stays closed.

    Args:
        trajectory: the path.
        sigma_frames: standard deviation in frames; 0 returns the path as it is.
    """
    if not (math.isfinite(sigma_frames) and sigma_frames >= 0):
        raise InvalidInput(f"sigma_frames must be 0 or more; got {sigma_frames}.")
    count = len(trajectory)
    if sigma_frames == 0 or count < 3:
        return trajectory
    reach = min(math.ceil(3 * sigma_frames), count - 2)
    offsets = torch.arange(-reach, reach + 1, dtype=torch.float64)
    weights = torch.exp(-0.5 * (offsets / sigma_frames) ** 2)
    weights = weights / weights.sum()
    centers = trajectory.centers
    quats = aligned_quats(quats_from_matrix(trajectory.camera_from_world[:, :3, :3].mT.contiguous()))
    closed = is_closed(trajectory)
    if closed:
        before, after = slice(count - 1 - reach, count - 1), slice(1, reach + 1)
        sign = torch.sign(
            (quats[0] * quats[-1]).sum()
        )  # after a full turn the quaternion has the opposite sign
        padded = torch.cat((centers[before], centers, centers[after]))
        turned = torch.cat((quats[before] * sign, quats, quats[after] * sign))
    else:
        front, back = centers[1 : reach + 1].flip(0), centers[-reach - 1 : -1].flip(0)
        padded = torch.cat((2 * centers[:1] - front, centers, 2 * centers[-1:] - back))
        front, back = quats[1 : reach + 1].flip(0), quats[-reach - 1 : -1].flip(0)
        turned = torch.cat((_reflect(quats[:1], front), quats, _reflect(quats[-1:], back)))
    windows = _weighted(padded, weights)
    spins = torch.nn.functional.normalize(_weighted(turned, weights), dim=-1)
    poses = Trajectory.from_centers(matrix_from_quats(spins), windows).camera_from_world
    if closed:
        poses[-1] = poses[0]
    else:
        poses[0], poses[-1] = trajectory.camera_from_world[0], trajectory.camera_from_world[-1]
    return replace(trajectory, camera_from_world=poses)


def _weighted(rows: Tensor, weights: Tensor) -> Tensor:
    """Return the weighted sum of every window of ``[N, C]`` rows, in blocks of bounded memory."""
    windows = rows.unfold(0, len(weights), 1)
    block = max(1, _MOST_IN_WINDOWS // (len(weights) * rows.shape[1]))
    return torch.cat([part @ weights for part in windows.split(block)])


def _reflect(pivot: Tensor, quats: Tensor) -> Tensor:
    """Reflect rotations about ``pivot``."""
    return quats_multiply(quats_multiply(pivot, conjugate(quats)), pivot)


def transform(
    trajectory: Trajectory,
    *,
    scale: float = 1.0,
    rotation: Tensor | None = None,  # [3, 3]
    translation: Tensor | None = None,  # [3]
) -> Trajectory:
    """Transform a path: every camera center moves to ``scale * rotation @ center + translation``.

    Cameras rotate with ``rotation``. Scaling is about the world's origin.

    Args:
        trajectory: the path.
        scale: positive factor.
        rotation: ``[3, 3]`` new-world-from-old-world rotation.
        translation: ``[3]`` world units, after scaling.
    """
    if not (math.isfinite(scale) and scale > 0):
        raise InvalidInput(f"scale must be positive; got {scale}.")
    turn = torch.eye(3, dtype=torch.float64)
    if rotation is not None:
        check_shape("rotation", rotation, "3 3")
        turn = rotation.detach().to("cpu", torch.float64)
    shift = torch.zeros(3, dtype=torch.float64)
    if translation is not None:
        check_shape("translation", translation, "3")
        check_finite("translation", translation)
        shift = translation.detach().to("cpu", torch.float64)
    poses = trajectory.camera_from_world.clone()
    poses[:, :3, :3] = poses[:, :3, :3] @ turn.mT
    poses[:, :3, 3] = scale * poses[:, :3, 3] - poses[:, :3, :3] @ shift
    return replace(trajectory, camera_from_world=poses)
