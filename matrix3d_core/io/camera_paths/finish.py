"""Converts a raw path to a trajectory: direction, axes, rounding, names, times, scale; and reports each step."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from ...errors import FormatError, InvalidInput
from ...geometry.rotations import matrix_from_quats, nearest_rotation, quats_from_matrix, quats_slerp
from ...scene.camera import Equirect, camera_kind, camera_of, select_intrinsics
from ...scene.trajectory import Trajectory
from ..axes import OPENCV, axes_matrix
from ..dataset import crop_turns
from .raw import PATH_AXES, TIME_UNITS, PathOptions, RawPath, natural_order

__all__ = ["MOST_ROUNDING", "ImportedPath", "finish", "likely_frame"]

MOST_ROUNDING = 1e-2
"""Rotations whose numbers are off by at most this are made exact; larger errors are refused."""
_UNSPECIFIED = 1e-4
_UNEVEN = 1e-3
_MOST_RESAMPLED = 10_000
_CROP_NAME = re.compile(r"(.*?)(\d{5})_(\d\d)")
_AHEAD = {12: ("12 crops", 6), 6: ("6 cube faces", 0), 4: ("4 level crops", 0)}


@dataclass(frozen=True)
class ImportedPath:
    """A camera path and the report on its file.

    Attributes:
        trajectory: the path, OpenCV axes, world-to-camera.
        lines: the report: the detected format, changes, and how to override them.
    """

    trajectory: Trajectory
    lines: tuple[str, ...]


def finish(source: str, raw: RawPath, options: PathOptions, name: str) -> ImportedPath:
    """Turn a path into OpenCV axes, world-to-camera; see `PathOptions` for overrides.

    Raises:
        FormatError: when a pose is not rigid, or not finite after the conversions.
        InvalidInput: when an option cannot be met.
    """
    notes = list(raw.notes)
    matrices, worst = _rigid(source, raw.matrices)
    if worst > _UNSPECIFIED:
        notes.append(f"rotations were rounded (off by {worst:.2g}) and made exact again")
    raw = _in_order(replace(raw, matrices=matrices), notes)
    raw = _without_crops(raw, notes)
    pose = raw.pose if options.pose_convention == "auto" else options.pose_convention
    poses = _inverted(raw.matrices) if pose == "c2w" else raw.matrices
    camera, world = (raw.camera_axes, raw.world_axes) if options.axes == "auto" else PATH_AXES[options.axes]
    poses = _turned(poses, axes_matrix(OPENCV, camera), axes_matrix(OPENCV, world))
    scale = options.scale * (raw.unit or 1.0)
    if scale != 1.0:
        poses = poses.clone()
        poses[:, :3, 3] *= scale
    raw, poses, fps = _timed(source, raw, poses, options, notes)
    K_px, size_px = _kept_intrinsics(raw, options, notes)
    frame = raw.frame_of_reference or likely_frame(poses)
    try:
        trajectory = Trajectory(
            poses,
            K_px=K_px,
            image_size_px=size_px,
            fps=fps,
            frame_of_reference=frame,
            is_metric=raw.is_metric or raw.unit is not None,
            name=raw.name or name,
        )
    except InvalidInput as error:
        raise FormatError(f"{source}: {error}") from error
    if frame == "world" and not raw.is_own:
        notes.append(
            "the first pose is not at the origin: the panorama is assumed to be at the first pose, with its rotation "
            "(panorama_at changes it)"
        )
    lines = [
        f"read as {raw.kind}: {_reading(pose, camera, world)} (pose_convention and axes override it)",
        *notes,
    ]
    return ImportedPath(trajectory, tuple(lines))


def likely_frame(camera_from_world: Tensor) -> str:
    """Return the default frame of reference: ``panorama`` when a path begins at the origin."""
    distances = _inverted(camera_from_world)[:, :3, 3].norm(dim=-1)
    return "panorama" if float(distances[0]) <= 1e-6 * max(1.0, float(distances.max())) else "world"


def _reading(pose: str, camera: str, world: str) -> str:
    names = [name for name, codes in PATH_AXES.items() if codes == (camera, world)]
    axes = f"{names[0]} axes" if names else f"camera axes {camera}, world axes {world}"
    return f"{'camera-to-world' if pose == 'c2w' else 'world-to-camera'}, {axes}"


def _rigid(source: str, matrices: Tensor) -> tuple[Tensor, float]:
    """Return poses with exact rotations, and the largest error of a number."""
    if not torch.isfinite(matrices).all():
        bad = int((~torch.isfinite(matrices)).flatten(1).any(1).nonzero()[0])
        raise FormatError(f"{source}: frame {bad} holds NaN or infinity.")
    corner = torch.tensor([0.0, 0.0, 0.0, 1.0], dtype=torch.float64)
    off = (matrices[:, 3] - corner).abs().amax(-1)
    if float(off.max()) > 1e-6:
        frame = int(off.argmax())
        raise FormatError(
            f"{source}: frame {frame}: the last row of a pose must be 0 0 0 1; got {matrices[frame, 3].tolist()}. "
            "Poses are row-major; is this one transposed?"
        )
    rotations = matrices[:, :3, :3]
    skew = (rotations @ rotations.mT - torch.eye(3, dtype=torch.float64)).abs().amax((1, 2))
    determinants = torch.linalg.det(rotations)
    if bool(((skew <= 1e-6) & (determinants > 0)).all()) and float(off.max()) == 0:
        return matrices, 0.0
    is_huge = ~(skew < 10)
    nearest = nearest_rotation(
        torch.where(is_huge[:, None, None], torch.eye(3, dtype=torch.float64), rotations)
    )
    away = (rotations - nearest).abs().amax((1, 2))
    sizes = determinants.abs() ** (1 / 3)
    uniform = (rotations / sizes.clamp(min=1e-12)[:, None, None] - nearest).abs().amax((1, 2))
    # Rounding does not make all three axes of every frame longer by the same factor.
    is_scaled = (away > 1e-3) & (uniform < 0.1 * away)
    bad = is_huge | (away > MOST_ROUNDING) | (determinants <= 0)
    if bool(is_scaled.all()) and float(sizes.max() - sizes.min()) < 1e-4:
        bad = bad | is_scaled
    if bool(bad.any()):
        frame = int(bad.nonzero()[0])
        raise FormatError(
            f"{source}: frame {frame}: the 3x3 part must be a rotation; R R^T is off by {float(skew[frame]):.3g} "
            f"and det R = {float(determinants[frame]):.3g}. Remove scale or mirroring from the pose; rounding is "
            f"repaired up to {MOST_ROUNDING:g}."
        )
    exact = matrices.clone()
    exact[:, :3, :3] = torch.where((skew <= 1e-6)[:, None, None], rotations, nearest)
    exact[:, 3] = corner
    return exact, float(away.max())


def _in_order(raw: RawPath, notes: list[str]) -> RawPath:
    if raw.names is None:
        return raw
    order = natural_order(raw.names)
    if order == list(range(len(order))):
        return raw
    notes.append("poses were sorted by the names of their pictures")
    return _chosen(raw, order)


def _without_crops(raw: RawPath, notes: list[str]) -> RawPath:
    """Return the path of the panoramas when the file is a data set of their crops, else the path as it is."""
    found = [_CROP_NAME.fullmatch(re.sub(r"\.[^./]*$", "", name)) for name in raw.names or ()]
    if not found or not all(found):
        return raw
    places = [match[2] for match in found if match]
    count = places.count(places[0])
    if count not in _AHEAD or len(places) % count:
        return raw
    crops, ahead = _AHEAD[count]
    w2c = _inverted(raw.matrices) if raw.pose == "c2w" else raw.matrices
    w2c = _turned(w2c, axes_matrix(OPENCV, raw.camera_axes), axes_matrix(OPENCV, raw.world_axes))
    groups = w2c.reshape(-1, count, 4, 4)
    turns = crop_turns(crops)
    rotations = turns @ (turns[ahead].mT @ groups[:, ahead, :3, :3])[:, None]
    shift = (
        _inverted(w2c)[:, :3, 3].reshape(-1, count, 3) - _inverted(groups[:, ahead])[:, None, :3, 3]
    ).abs()
    span = float(_inverted(w2c)[:, :3, 3].abs().max())
    is_rig = float((rotations - groups[..., :3, :3]).abs().max()) < 1e-4 and float(shift.max()) <= 1e-4 * (
        1 + span
    )
    if not is_rig:
        return raw
    notes.append(f"its pictures are crops of panoramas ({crops}): one pose was kept for each {count}")
    kept = _chosen(raw, list(range(ahead, len(places), count)))
    return replace(kept, K_px=None, size_px=None)


def _chosen(raw: RawPath, order: list[int]) -> RawPath:
    parts: dict[str, Any] = {
        key: None if getattr(raw, key) is None else getattr(raw, key)[order] for key in ("K_px", "times")
    }
    names = None if raw.names is None else [raw.names[i] for i in order]
    return replace(raw, matrices=raw.matrices[order], names=names, **parts)


def _turned(poses: Tensor, camera: Tensor, world: Tensor) -> Tensor:
    """Convert world-to-camera poses to OpenCV axes; ``camera`` and ``world`` map the file's axes to them."""
    eye = torch.eye(3, dtype=torch.float64)
    if torch.equal(camera, eye) and torch.equal(world, eye):
        return poses
    turned = poses.clone()
    turned[:, :3, :3] = camera @ poses[:, :3, :3] @ world.mT
    turned[:, :3, 3] = poses[:, :3, 3] @ camera.mT
    if torch.linalg.det(camera) * torch.linalg.det(world) < 0:
        raise FormatError("camera and world axes must both be right-handed, or both left-handed.")
    return turned


def _inverted(poses: Tensor) -> Tensor:
    inverse = torch.eye(4, dtype=torch.float64).repeat(len(poses), 1, 1)
    inverse[:, :3, :3] = poses[:, :3, :3].mT
    inverse[:, :3, 3] = -(poses[:, :3, :3].mT @ poses[:, :3, 3:]).squeeze(-1)
    return inverse


def _timed(
    source: str, raw: RawPath, poses: Tensor, options: PathOptions, notes: list[str]
) -> tuple[RawPath, Tensor, float]:
    """Resample a path with times at an even rate when asked to; return it, its poses and its frames per second."""
    own_rate = options.fps or (12.0 if raw.fps is None else raw.fps)
    if raw.times is None or len(poses) < 2:
        return raw, poses, own_rate
    times = raw.times
    order = times.argsort(stable=True)
    if not torch.equal(order, torch.arange(len(times))):
        notes.append("poses were sorted by their times")
        times, poses = times[order], poses[order]
    is_new = torch.ones(len(times), dtype=torch.bool)
    is_new[1:] = times.diff() > 0
    if not bool(is_new.all()):
        notes.append(f"{int((~is_new).sum())} poses with the time of the previous one were dropped")
        times, poses = times[is_new], poses[is_new]
        raw = _chosen(raw, order[is_new].tolist())
        if len(times) < 2:
            return raw, poses, own_rate
    step = float(times.diff().median())
    base = _time_unit(step) if options.time_unit == "auto" else options.time_unit
    second = TIME_UNITS[base]
    if second is None:
        notes.append("its times count frames (time_unit overrides it)")
        return raw, poses, own_rate
    seconds = (times - times[0]) * second
    length, rate = float(seconds[-1]), 1 / (step * second)
    notes.append(f"its times are {base} (time_unit overrides it): {length:.3g} s, {rate:.4g} poses a second")
    if not options.fps:
        if float((times.diff() - step).abs().max()) > _UNEVEN * step:
            notes.append("poses are not evenly spaced in time; give fps to read them at an even rate")
        return raw, poses, min(1000.0, max(0.001, rate))
    count = math.floor(length * options.fps + 1e-6) + 1
    if count > _MOST_RESAMPLED:
        raise InvalidInput(
            f"{source}: {length:.4g} s at {options.fps:g} frames per second are {count} poses; at most "
            f"{_MOST_RESAMPLED} are made. Lower fps, or check time_unit ({base})."
        )
    at = torch.arange(count, dtype=torch.float64) / options.fps
    return replace(raw, K_px=None, size_px=None), _read_at(poses, seconds, at), options.fps


def _read_at(poses: Tensor, seconds: Tensor, at: Tensor) -> Tensor:
    lower = (torch.searchsorted(seconds, at, right=True) - 1).clamp(0, len(seconds) - 2)
    share = ((at - seconds[lower]) / (seconds[lower + 1] - seconds[lower])).clamp(0, 1)
    world = _inverted(poses)
    quats = quats_from_matrix(world[:, :3, :3])
    between = torch.eye(4, dtype=torch.float64).repeat(len(at), 1, 1)
    between[:, :3, :3] = matrix_from_quats(quats_slerp(quats[lower], quats[lower + 1], share))
    between[:, :3, 3] = torch.lerp(world[lower, :3, 3], world[lower + 1, :3, 3], share[:, None])
    return _inverted(between)


def _time_unit(step: float) -> str:
    """Guess the unit of times from their typical spacing: videos have 1 to 1000 pictures a second."""
    if step <= 1:
        return "frames" if step == 1 else "seconds"
    if step < 10:
        return "frames"
    return "milliseconds" if step < 1e3 else "microseconds" if step < 1e6 else "nanoseconds"


def _kept_intrinsics(
    raw: RawPath, options: PathOptions, notes: list[str]
) -> tuple[Tensor | None, tuple[int, int] | None]:
    if camera_kind(raw.K_px) is Equirect:
        return None, raw.size_px
    if options.intrinsics == "keep" or (options.intrinsics == "auto" and raw.is_own):
        return raw.K_px, raw.size_px
    if raw.size_px is not None and options.intrinsics == "auto":
        camera = camera_of(select_intrinsics(raw.K_px, 0), raw.size_px).as_pinhole("")
        notes.append(
            f"its pictures are perspective ({camera.width}x{camera.height}, "
            f"{math.degrees(camera.fov_x_rad):.1f} degrees wide): poses are used for panoramas (intrinsics 'keep' "
            "keeps the lens)"
        )
    return None, None
