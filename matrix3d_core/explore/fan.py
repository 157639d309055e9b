"""A camera path that covers the region around a panorama: loops in several directions that share the start."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..collision.surface import PanoramaSurface
from ..errors import InvalidInput
from ..geometry.rotations import matrix_from_yaw_pitch_roll
from ..guidance.scene_mesh import EDGE_THRESHOLD
from ..progress import ProgressEvent, ProgressFn, no_progress
from ..raster.mesh import MeshRenderer
from ..scene.panorama import PanoramaGeometry
from ..scene.trajectory import Trajectory
from ..trajectories.clearance import shorten_to_clear
from ..trajectories.defaults import DEFAULT_CLEARANCE, DEFAULT_FRAMES
from ..trajectories.motion import ease_in_out
from .next_view import hole_solid_angle, open_known_mesh
from .path_editor import shrink

__all__ = ["FanPath", "Loop", "fan_path"]

_LOOPS = 4
_WIDE, _NARROW = math.pi / 4, math.pi / 9  # half of a loop's angle
_WORTH = 1.2  # how much farther a narrow loop must go
_TURNS = 3  # of all loops together that are tried
_POINTS = 33  # of a loop
_SEEN_AT = (0.25, 0.5, 0.75)  # of a loop: where holes are counted
_SHORTEST = 0.1  # of the distance: a shorter loop is left out
_BASE_SR = 0.1  # what a loop counts where nothing unobserved comes into view
_SURFACE_ROWS, _VIEW_ROWS = 288, 48


@dataclass(frozen=True)
class Loop:
    """One loop of a fan.

    Attributes:
        yaw_rad: of its axis, right positive.
        reach: farthest distance from the start, world units.
        unseen_sr: mean solid angle without known surface along it, steradians.
    """

    yaw_rad: float
    reach: float
    unseen_sr: float


@dataclass(frozen=True)
class FanPath:
    """The path and its loops, in the order in which it goes through them."""

    trajectory: Trajectory
    loops: tuple[Loop, ...]

    def summary(self) -> str:
        """Return a line for the report."""
        parts = [f"{loop.reach:.2g} at {math.degrees(loop.yaw_rad):.0f}°" for loop in self.loops]
        return f"{len(parts)} loops, reach and direction: {', '.join(parts)}"


def fan_path(
    geometry: PanoramaGeometry,
    *,
    distance: float,
    clearance: float = DEFAULT_CLEARANCE,
    frames: int = DEFAULT_FRAMES,
    fps: float = 12.0,
    known: Tensor | None = None,  # [h, w]
    edge_threshold: float = EDGE_THRESHOLD,
    backend: str = "auto",
    progress: ProgressFn = no_progress,
) -> FanPath:
    """Make the preset ``fan`` for a scene: each loop as long as the clearance allows, in the directions that show most.

    Four loops, 90 degrees apart, are tried at three angles. Each is shrunk towards the start until it is clear; it goes
    out and comes back at a right angle, or at 40 degrees where it gets a fifth farther so. Loops that are blocked are
    left out. Of the three angles the one counts whose loops are long and show most unobserved space. The path passes
    the start between loops and ends with its first pose; the camera moves at constant speed, eased in and out, and
    turns once.

    Args:
        geometry: the panorama, free at its center.
        distance: maximum reach of a loop, world units.
        clearance: distance to keep from surfaces, world units.
        frames: poses of the path, at least 1.
        fps: frames per second, for playback.
        known: 1 where the geometry is observed, not inferred; all of it when None.
        edge_threshold: distance jump that splits the mesh, see `mesh_from_panorama`.
        backend: mesh backend.
        progress: called for each loop that is tried; raising in it cancels.

    Raises:
        InvalidInput: for numbers out of range, or when all loops are blocked.
    """
    if frames < 1:
        raise InvalidInput(f"frames must be at least 1; got {frames}.")
    if not (math.isfinite(distance) and distance > 0):
        raise InvalidInput(f"distance must be positive and finite; got {distance}.")
    small = shrink(geometry, min(_SURFACE_ROWS, geometry.height))
    surface = PanoramaSurface.of(small)
    renderer = open_known_mesh(geometry, known, edge_threshold, backend)
    fans: list[list[tuple[Loop, Tensor]]] = []
    for number in range(_TURNS * _LOOPS):
        progress(ProgressEvent(number, _TURNS * _LOOPS, f"try loop {number + 1} of {_TURNS * _LOOPS}"))
        turn, place = divmod(number, _LOOPS)
        if place == 0:
            fans.append([])
        yaw = math.tau * (place + turn / _TURNS) / _LOOPS
        points = _clear_loop(small, surface, yaw, distance, clearance)
        reach = float(points.norm(dim=-1).max())
        if reach >= _SHORTEST * distance:
            fans[-1].append((Loop(yaw, reach, _unseen(renderer, points)), points))
    chosen = max(fans, key=lambda fan: sum((loop.unseen_sr + _BASE_SR) * loop.reach for loop, _ in fan))
    if not chosen:
        raise InvalidInput(
            f"some loop must be free for {_SHORTEST * distance:.3g}; all come nearer than {clearance:.3g} to a surface "
            "before. Choose a smaller clearance or another viewpoint."
        )
    path = _join([loop for loop, _ in chosen], [points for _, points in chosen], frames, fps, geometry)
    path, share = shorten_to_clear(path, geometry, radius=clearance, method="scale")
    loops = tuple(Loop(loop.yaw_rad, share * loop.reach, loop.unseen_sr) for loop, _ in chosen)
    progress(ProgressEvent(_TURNS * _LOOPS, _TURNS * _LOOPS, "path chosen"))
    return FanPath(path, loops)


def _clear_loop(
    geometry: PanoramaGeometry, surface: PanoramaSurface, yaw: float, distance: float, clearance: float
) -> Tensor:  # [P, 3]
    """Return the points of the loop around a direction, wide or narrow, that is clear."""
    part = torch.linspace(0, 1, _POINTS, dtype=torch.float64)
    away = distance * (math.pi * part).sin()
    away[-1] = 0.0
    upright = torch.eye(3, dtype=torch.float64).expand(_POINTS, 3, 3)
    found: list[Tensor] = []
    for width in (_WIDE, _NARROW):
        angle = yaw + width * (1 - 2 * part)
        line = Trajectory.from_centers(
            upright, torch.stack((away * angle.sin(), torch.zeros_like(part), away * angle.cos()), -1)
        )
        line, share = shorten_to_clear(line, geometry, radius=clearance, method="scale", surface=surface)
        found.append(line.centers)
        if share * _WORTH >= 1:
            break
    reaches = [float(points.norm(dim=-1).max()) for points in found]
    return found[-1] if reaches[-1] > _WORTH * reaches[0] else found[0]


def _unseen(renderer: MeshRenderer, points: Tensor) -> float:
    """Return the mean solid angle without known surface along a loop."""
    total = 0.0
    for share in _SEEN_AT:
        pose = torch.eye(4, dtype=torch.float64)
        pose[:3, 3] = -points[round(share * (len(points) - 1))]
        total += hole_solid_angle(~renderer.render(pose, _VIEW_ROWS, 2 * _VIEW_ROWS).is_seen)
    return total / len(_SEEN_AT)


def _join(
    loops: list[Loop], parts: list[Tensor], frames: int, fps: float, geometry: PanoramaGeometry
) -> Trajectory:
    """Go through all loops at constant speed, turning towards each in its middle."""
    points = torch.cat([parts[0], *(part[1:] for part in parts[1:])])
    arcs = torch.cat((torch.zeros(1, dtype=torch.float64), points.diff(dim=0).norm(dim=-1).cumsum(0))).numpy()
    at = np.array([ease_in_out(frame / max(1, frames - 1)) for frame in range(frames)]) * arcs[-1]
    centers = np.stack([np.interp(at, arcs, column) for column in points.numpy().T], -1)
    middles = [arcs[k * (_POINTS - 1) + _POINTS // 2] for k in range(len(loops))]
    yaws = np.interp(at, [0.0, *middles, arcs[-1]], [0.0, *(loop.yaw_rad for loop in loops), math.tau])
    level = torch.zeros(frames, dtype=torch.float64)
    turns = matrix_from_yaw_pitch_roll(torch.from_numpy(yaws), level, level)
    path = Trajectory.from_centers(
        turns, torch.from_numpy(centers), fps=fps, is_metric=geometry.is_metric, name="fan"
    )
    path.camera_from_world[-1] = path.camera_from_world[0]
    return path
