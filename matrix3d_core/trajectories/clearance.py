"""Clearance of a camera path from the panorama's surfaces, and shortening a path to keep it."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ..collision.surface import PanoramaSurface
from ..errors import InvalidInput
from ..geometry.rotations import matrix_from_quats, quats_from_matrix, quats_slerp
from ..progress import ProgressEvent, ProgressFn, no_progress
from ..scene.panorama import PanoramaGeometry
from ..scene.trajectory import Trajectory
from .edit import transform
from .placement import in_panorama_frame

__all__ = ["ClearanceReport", "measure_clearance", "shorten_to_clear"]

METHODS = ("auto", "cut", "scale")
_MAX_SAMPLES = 512
_HALVINGS = 10


@dataclass(frozen=True)
class ClearanceReport:
    """The clearance measured along a path.

    Attributes:
        min_distance: smallest distance of a camera to the surface, world units; inf with only sky.
        frame: the frame where that is.
        colliding_frames: frames nearer than ``radius`` or behind the visible surface, rising.
        per_frame: ``[T]`` float64 distance to the surface at each frame.
        is_beyond: ``[T]`` bool, the frame is occluded from the panorama's center.
        radius: the clearance asked for.
        unit: "m" for metric geometry, else "units".
    """

    min_distance: float
    frame: int
    colliding_frames: tuple[int, ...]
    per_frame: Tensor
    is_beyond: Tensor
    radius: float
    unit: str = "units"

    @property
    def is_clear(self) -> bool:
        """True when no frame collides."""
        return not self.colliding_frames

    def summary(self) -> str:
        """Return a few lines for the report."""
        count = len(self.per_frame)
        lines = [f"minimum distance {self.min_distance:.3g} {self.unit} at frame {self.frame} of {count}"]
        if self.is_clear:
            lines.append(f"no frame comes nearer than {self.radius:.3g} {self.unit}")
        else:
            lines.append(
                f"{len(self.colliding_frames)} of {count} frames collide "
                f"(nearer than {self.radius:.3g} {self.unit}, or behind a surface): "
                f"{_ranges(self.colliding_frames)}"
            )
        behind = int(self.is_beyond.sum())
        if behind:
            lines.append(f"{behind} of them are behind the visible surface")
        return "\n".join(lines)


def measure_clearance(
    trajectory: Trajectory,
    geometry: PanoramaGeometry,
    *,
    radius: float,
    surface: PanoramaSurface | None = None,
    progress: ProgressFn = no_progress,
) -> ClearanceReport:
    """Measure how far each camera of a path stays from the surface that the panorama shows.

    The surface is the triangles between neighboring pixels (see `PanoramaSurface`), without sky.
    A frame collides when it is nearer to it than ``radius``, or when it is farther from the
    panorama's center than the surface in its direction (the nearest of 3x3 pixels): that space
    is unobserved.

    Args:
        trajectory: the path; one in a ``world`` frame has the panorama at its first pose.
        geometry: the panorama.
        radius: clearance to keep, world units, 0 or more.
        surface: that of ``geometry``, where it was indexed before.
        progress: called as frames are done.

    Raises:
        InvalidInput: for a negative radius.
    """
    _check(radius)
    return _measure(in_panorama_frame(trajectory), surface or PanoramaSurface.of(geometry), radius, progress)


def shorten_to_clear(
    trajectory: Trajectory,
    geometry: PanoramaGeometry,
    *,
    radius: float,
    method: str = "auto",
    surface: PanoramaSurface | None = None,
    progress: ProgressFn = no_progress,
) -> tuple[Trajectory, float]:
    """Shorten a path until it keeps ``radius`` from the surface, between its frames too.

    The number of frames stays. A clear path is returned as it is.

    Args:
        trajectory: the path; its first pose must be clear.
        geometry: the panorama.
        radius: clearance to keep, world units.
        method: ``"cut"``: end the walk where it is still clear, slower instead of shorter in time;
            rotations in place are kept, walks after the cut are dropped. ``"scale"``: shrink
            the whole path towards its first position, shape and rotations kept. ``"auto"``: scale a
            path that returns to its start, so that it stays closed; cut any other.
        surface: that of ``geometry``, where it was indexed before.
        progress: called between steps.

    Returns:
        The path and the kept share of its length, in (0, 1].

    Raises:
        InvalidInput: when the first frame collides already, or an argument is wrong.
    """
    _check(radius)
    if method not in METHODS:
        raise InvalidInput(f"method must be one of {', '.join(METHODS)}; got {method!r}.")
    if trajectory.frame_of_reference != "panorama":
        inside = in_panorama_frame(trajectory)
        shortened, share = shorten_to_clear(
            inside, geometry, radius=radius, method=method, surface=surface, progress=progress
        )
        if share == 1.0:
            return trajectory, 1.0
        poses = shortened.camera_from_world @ trajectory.panorama_from_world
        return replace(trajectory, camera_from_world=poses), share
    surface = surface or PanoramaSurface.of(geometry)
    centers = trajectory.centers
    if bool(_collides(surface, centers[:1], radius)[0]):
        distance = float(surface.distances(centers[:1])[0])
        raise InvalidInput(
            f"the first frame must keep {radius:.3g} from the surface; it is {distance:.3g} away"
            + (" and behind it" if bool(surface.is_beyond(centers[:1])[0]) else "")
            + ". Choose a smaller radius or another start."
        )
    length = trajectory.length
    if length == 0.0:
        return trajectory, 1.0
    returns = float((centers[-1] - centers[0]).norm()) <= 1e-9 * length
    progress(ProgressEvent(0, 1, "check the path"))
    if method == "scale" or (method == "auto" and returns):
        share = _clear_scale(surface, centers, radius, progress)
        shortened = _scaled(trajectory, share)
    else:
        share = _clear_share(surface, centers, radius, progress)
        shortened = _cut(trajectory, share)
    if share == 1.0:
        return trajectory, 1.0
    return shortened, shortened.length / length


def _check(radius: float) -> None:
    if not (math.isfinite(radius) and radius >= 0):
        raise InvalidInput(f"radius must be 0 or more; got {radius}.")


def _measure(
    trajectory: Trajectory, surface: PanoramaSurface, radius: float, progress: ProgressFn
) -> ClearanceReport:
    centers, count = trajectory.centers, len(trajectory)
    per_frame = torch.empty(count, dtype=torch.float64)
    for start in range(0, count, 8):
        progress(ProgressEvent(start, count, "measure clearance"))
        per_frame[start : start + 8] = surface.distances(centers[start : start + 8])
    progress(ProgressEvent(count, count, "measure clearance"))
    beyond = surface.is_beyond(centers)
    frame = int(per_frame.argmin())
    colliding = tuple(((per_frame < radius) | beyond).nonzero().flatten().tolist())
    unit = "m" if surface.geometry.is_metric else "units"
    return ClearanceReport(float(per_frame[frame]), frame, colliding, per_frame, beyond, radius, unit)


def _collides(surface: PanoramaSurface, points: Tensor, radius: float) -> Tensor:
    hits = surface.is_beyond(points)
    if radius > 0:
        rest = (~hits).nonzero().flatten()
        hits[rest] = surface.is_nearer_than(points[rest], radius)
    return hits


def _arcs(centers: Tensor) -> Tensor:
    steps = centers.diff(dim=0).norm(dim=-1)
    return torch.cat((torch.zeros(1, dtype=torch.float64), steps.cumsum(0)))


def _points_at(centers: Tensor, arcs: Tensor, at: Tensor) -> Tensor:
    """Points of the polyline at arc lengths ``at`` ``[N]``."""
    index = (torch.searchsorted(arcs, at.contiguous(), right=True) - 1).clamp(0, len(arcs) - 2)
    width = arcs[index + 1] - arcs[index]
    fraction = ((at - arcs[index]) / torch.where(width > 0, width, torch.ones_like(width))).clamp(0, 1)
    return torch.lerp(centers[index], centers[index + 1], fraction.unsqueeze(-1))


def _fine(arcs: Tensor, radius: float) -> Tensor:
    """Arc lengths to test: all frames, and steps of a quarter radius between them."""
    length = float(arcs[-1])
    wanted = 4 * length / radius if radius > 0 else _MAX_SAMPLES
    count = int(min(max(wanted, 64), _MAX_SAMPLES))
    result: Tensor = torch.cat((arcs, torch.linspace(0, length, count, dtype=torch.float64))).unique()
    return result


def _clear_share(surface: PanoramaSurface, centers: Tensor, radius: float, progress: ProgressFn) -> float:
    """Largest share of the way from the start that is clear throughout."""
    arcs = _arcs(centers)
    tests = _fine(arcs, radius)
    for start in range(0, len(tests), 32):
        progress(ProgressEvent(start, len(tests), "check the path"))
        some = tests[start : start + 32]
        hits = _collides(surface, _points_at(centers, arcs, some), radius)
        if bool(hits.any()):
            first = start + int(hits.nonzero()[0])
            low, high = float(tests[max(0, first - 1)]), float(tests[first])
            for _ in range(_HALVINGS):
                middle = (low + high) / 2
                point = _points_at(centers, arcs, torch.tensor([middle], dtype=torch.float64))
                low, high = (low, middle) if bool(_collides(surface, point, radius)[0]) else (middle, high)
            return low / float(arcs[-1])
    return 1.0


def _clear_scale(surface: PanoramaSurface, centers: Tensor, radius: float, progress: ProgressFn) -> float:
    """A scale, near the largest, at which the whole path is clear."""
    arcs = _arcs(centers)
    points = _points_at(centers, arcs, _fine(arcs, radius))
    origin = centers[0]

    def clear(scale: float) -> bool:
        scaled = origin + scale * (points - origin)
        if bool(surface.is_beyond(scaled).any()):
            return False
        return not any(bool(surface.is_nearer_than(some, radius).any()) for some in scaled.split(32))

    if clear(1.0):
        return 1.0
    low, high = 0.0, 1.0
    for step in range(19, 0, -1):
        progress(ProgressEvent(19 - step, 19, "shrink the path"))
        if clear(step / 20):
            low = step / 20
            break
        high = step / 20
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if clear(middle) else (low, middle)
    return low


def _scaled(trajectory: Trajectory, scale: float) -> Trajectory:
    origin = trajectory.centers[0]
    scaled = transform(trajectory, scale=scale, translation=(1 - scale) * origin)
    poses = scaled.camera_from_world.clone()
    same = (trajectory.camera_from_world == trajectory.camera_from_world[0]).flatten(1).all(1)
    poses[same] = trajectory.camera_from_world[0]  # a closed path stays closed to the bit
    return replace(trajectory, camera_from_world=poses)


def _cut(trajectory: Trajectory, share: float) -> Trajectory:
    """End the walk after ``share`` of its length.

    Walks before the cut and rotations in place keep their frames. The walk with the cut is slowed
    down to end there in the same time, each pose taken from the same position of the old path;
    later walks keep the position and later rotations are unchanged.
    """
    centers = trajectory.centers
    arcs = _arcs(centers)
    length = float(arcs[-1])
    cut = share * length
    moving = arcs.diff() > 1e-9 * length
    step = int(
        (torch.searchsorted(arcs, torch.tensor(cut, dtype=torch.float64), right=True) - 1).clamp(
            0, len(moving) - 1
        )
    )
    while step < len(moving) - 1 and not bool(moving[step]):
        step += 1
    first, last = step, step + 1
    while first > 0 and bool(moving[first - 1]):
        first -= 1
    while last < len(moving) and bool(moving[last]):
        last += 1
    start, end = float(arcs[first]), float(arcs[last])
    slower = (cut - start) / (end - start)
    walk = start + slower * (arcs[first : last + 1] - start)
    frames = torch.arange(first, last + 1, dtype=torch.float64)
    index = (torch.searchsorted(arcs[first : last + 1].contiguous(), walk, right=True) - 1).clamp(
        0, last - first - 1
    )
    within = (walk - arcs[first + index]) / (arcs[first + index + 1] - arcs[first + index])
    times = frames[0] + index + within.clamp(0, 1)

    rotations = trajectory.camera_from_world[:, :3, :3].mT.clone()
    new_centers, new_rotations = centers.clone(), rotations.clone()
    new_centers[first : last + 1] = _points_at(centers, arcs, walk)
    new_rotations[first : last + 1] = _rotations_between(rotations, times)
    new_centers[last:] = new_centers[last]
    turned = new_rotations[last] @ rotations[last].mT
    for frame in range(last + 1, len(centers)):
        if bool(moving[frame - 1]):  # a dropped walk: hold the position, and rotate on from here
            new_rotations[frame] = new_rotations[frame - 1]
            turned = new_rotations[frame] @ rotations[frame].mT
        else:
            new_rotations[frame] = turned @ rotations[frame]
    made = Trajectory.from_centers(new_rotations, new_centers).camera_from_world
    made[: first + 1] = trajectory.camera_from_world[: first + 1]
    return replace(trajectory, camera_from_world=made)


def _rotations_between(rotations: Tensor, times: Tensor) -> Tensor:
    quats = quats_from_matrix(rotations.contiguous())
    lower = times.floor().long().clamp(0, len(quats) - 1)
    upper = (lower + 1).clamp(max=len(quats) - 1)
    return matrix_from_quats(quats_slerp(quats[lower], quats[upper], times - lower))


def _ranges(frames: tuple[int, ...]) -> str:
    """``(3, 4, 5, 9)`` -> ``"3-5, 9"``."""
    parts: list[str] = []
    start = previous = None
    for frame in (*frames, None):
        if previous is not None and frame == previous + 1:
            previous = frame
            continue
        if start is not None:
            parts.append(str(start) if start == previous else f"{start}-{previous}")
        start = previous = frame
    return ", ".join(parts)
