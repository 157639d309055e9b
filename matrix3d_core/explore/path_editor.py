"""Paths drawn by hand over a panorama: conversion to a camera path, and checks against the scene.

The node and the live preview of its widget call the same functions, so they agree.
"""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass, field
from typing import TypedDict

import numpy as np
import torch
from torch import Tensor

from ..collision.surface import PanoramaSurface
from ..errors import InvalidInput
from ..geometry.rotations import matrix_from_yaw_pitch_roll
from ..geometry.spherical import erp_directions, sample_erp
from ..guidance.render import panorama_from_inside
from ..guidance.scene_mesh import mesh_from_panorama, resample_geometry
from ..progress import ProgressFn, no_progress
from ..raster.mesh import MeshFrame, MeshRenderer, open_mesh_renderer
from ..scene.panorama import PanoramaGeometry
from ..scene.trajectory import Trajectory
from ..trajectories.clearance import ClearanceReport, measure_clearance
from ..trajectories.edit import resample
from ..trajectories.placement import in_panorama_frame
from ..trajectories.presets import preset_in_scene
from ..trajectories.recording import parse_recording
from ..trajectories.spline import spline_trajectory

__all__ = [
    "MOST_FRAMES",
    "MOST_KEYS",
    "PathCheck",
    "PathReport",
    "StudioScene",
    "draw_map",
    "drawn_path",
    "keys_of_path",
    "keys_of_preset",
    "map_span",
    "pose_of_key",
    "rows_of_path",
    "shrink",
]

MOST_KEYS = 200
MOST_FRAMES = 1000
"""Of a path that is checked live; longer ones are checked when the graph runs."""

_ROWS = 288  # of the small copy that paths are checked against
_MOST_DRAWN = 49  # frames whose holes are counted; in longer paths the others are interpolated
_HOLE_ROWS = 64
_KEYS_SHOWN = 9
_BACKGROUND = (17, 19, 23)


def drawn_path(
    text: str,
    *,
    frames: int,
    closed: bool = False,
    ease: bool = True,
    fps: float = 12.0,
    is_metric: bool = False,
) -> Trajectory | None:
    """Convert a drawing to a camera path: a smooth curve through its key poses, in the panorama's frame.

    Args:
        text: the layout of `parse_recording`; its ``keys`` count: [x, y, z, yaw, pitch], world units, degrees.
        frames: poses wanted.
        closed: return to the first key.
        ease: ease in and out.
        fps: frames per second, for playback.
        is_metric: whether positions are in meters.

    Returns:
        The path, or None when there are no keys.

    Raises:
        FormatError: when the text is something else.
        InvalidInput: for too many keys.
    """
    keys = parse_recording(text, source="path").keys
    if len(keys) > MOST_KEYS:
        raise InvalidInput(f"a drawn path must have at most {MOST_KEYS} key poses; got {len(keys)}.")
    if not len(keys):
        return None
    rotations = matrix_from_yaw_pitch_roll(
        keys[:, 3], keys[:, 4], torch.zeros(len(keys), dtype=torch.float64)
    )
    return spline_trajectory(
        keys[:, :3],
        rotations,
        frames=frames,
        closed=closed and len(keys) > 2,
        ease=ease,
        fps=fps,
        is_metric=is_metric,
        name="drawn path",
    )


def pose_of_key(key: list[float]) -> Tensor:  # [4, 4]
    """Return the world-to-camera pose of [x, y, z, yaw, pitch] in world units and degrees."""
    is_key = (
        isinstance(key, list)
        and len(key) == 5
        and all(isinstance(v, int | float) and not isinstance(v, bool) and abs(v) < 1e6 for v in key)
    )
    if not is_key:
        raise InvalidInput("a pose must be five finite numbers: x, y, z, yaw, pitch.")
    row = torch.tensor(key, dtype=torch.float64)
    yaw, pitch = row[3:].deg2rad()
    turn = matrix_from_yaw_pitch_roll(yaw, pitch, torch.zeros_like(yaw))
    return Trajectory.from_centers(turn[None], row[None, :3]).camera_from_world[0]


def rows_of_path(trajectory: Trajectory) -> list[list[float]]:
    """Return each pose as [x, y, z, yaw, pitch], world units and degrees; roll is dropped."""
    x, y, z = trajectory.forwards.unbind(-1)
    yaw = torch.atan2(x, z).rad2deg()
    pitch = torch.atan2(-y, torch.hypot(x, z)).rad2deg()
    table = torch.cat((trajectory.centers, torch.stack((yaw, pitch), -1)), -1)
    return [[round(value, 4) + 0.0 for value in row] for row in table.tolist()]


def keys_of_path(trajectory: Trajectory, count: int = _KEYS_SHOWN) -> list[list[float]]:
    """Return at most ``count`` key poses for editing a path, evenly spaced along it."""
    if trajectory.frame_of_reference != "panorama":
        raise InvalidInput("the path must be in the panorama's frame; place it in a world after the studio.")
    few = (
        resample(trajectory, min(count, len(trajectory)), by="distance")
        if len(trajectory) > 1
        else trajectory
    )
    return rows_of_path(few)


def keys_of_preset(name: str, geometry: PanoramaGeometry, fraction: float) -> list[list[float]]:
    """Return the key poses of a preset, ``fraction`` of the depth long."""
    path = preset_in_scene(name, geometry, fraction=fraction, frames=8 * _KEYS_SHOWN + 1)
    return keys_of_path(path, 2 * _KEYS_SHOWN - 1 if name == "fan" else _KEYS_SHOWN)


class PathReport(TypedDict):
    """What a path would meet, rounded, JSON-serializable; a distance to nothing but sky is None."""

    frames: int
    length: float
    unit: str
    holes_mean: float
    holes_most: float
    clearance_least: float | None
    colliding: list[int]
    holes: list[float]
    """Share of each frame."""
    clearance: list[float | None]


@dataclass(frozen=True)
class PathCheck:
    """The checks of a path.

    Attributes:
        trajectory: the path.
        holes: ``[T]`` share of each frame that the panorama's geometry cannot show.
        clearance: distances to surfaces.
    """

    trajectory: Trajectory
    holes: Tensor
    clearance: ClearanceReport

    def report(self) -> PathReport:
        """Return all numbers."""
        per_frame = self.clearance.per_frame.tolist()
        return {
            "frames": len(self.trajectory),
            "length": round(self.trajectory.length, 4),
            "unit": self.clearance.unit,
            "holes_mean": round(float(self.holes.mean()), 4),
            "holes_most": round(float(self.holes.max()), 4),
            "clearance_least": _or_none(self.clearance.min_distance),
            "colliding": list(self.clearance.colliding_frames),
            "holes": [round(v, 4) for v in self.holes.tolist()],
            "clearance": [_or_none(v) for v in per_frame],
        }


def _or_none(value: float) -> float | None:
    return round(value, 4) if math.isfinite(value) else None


@dataclass
class StudioScene:
    """A panorama that paths are drawn over, indexed for fast checks. Thread-safe.

    Attributes:
        geometry: a copy of at most 288 rows.
        surface: its surface.
        renderer: of its scene mesh.
    """

    geometry: PanoramaGeometry
    surface: PanoramaSurface
    renderer: MeshRenderer
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @classmethod
    def of(cls, geometry: PanoramaGeometry, *, backend: str = "auto") -> StudioScene:
        """Index ``geometry``."""
        small = shrink(geometry, min(_ROWS, geometry.height))
        mesh = mesh_from_panorama(small, height=small.height, close_poles=True, wrap_edges=True)
        return cls(small, PanoramaSurface.of(small), open_mesh_renderer(mesh, backend=backend)[1])

    def check(
        self, trajectory: Trajectory, *, radius: float, progress: ProgressFn = no_progress
    ) -> PathCheck:
        """Measure holes and clearance of a path; one in a ``world`` frame has the panorama at its first pose."""
        inside = in_panorama_frame(trajectory)
        clearance = measure_clearance(
            inside, self.geometry, radius=radius, surface=self.surface, progress=progress
        )
        count = len(trajectory)
        drawn = torch.linspace(0, count - 1, min(count, _MOST_DRAWN)).round().long().unique()
        weight = torch.sin((torch.arange(_HOLE_ROWS) + 0.5) / _HOLE_ROWS * math.pi)
        shares = []
        for frame in drawn.tolist():
            seen = self.view(inside.camera_from_world[frame], _HOLE_ROWS).is_seen
            shares.append(1 - float((seen.float().mean(1) * weight).sum() / weight.sum()))
        between = np.interp(np.arange(count), drawn.numpy(), np.array(shares))
        holes = torch.from_numpy(between).float().clamp(0, 1)
        return PathCheck(trajectory, holes, clearance)

    def view(self, camera_from_world: Tensor, rows: int) -> MeshFrame:
        """Render a panorama of the scene at a pose, as guidance is: at the panorama's center, the panorama itself."""
        if float(camera_from_world[:3, 3].norm()) <= 1e-6 * float(self.geometry.depth_ray.min()):
            return panorama_from_inside(self.geometry, camera_from_world, rows)
        with self._lock:
            return self.renderer.render(camera_from_world, rows, 2 * rows)


def shrink(geometry: PanoramaGeometry, rows: int) -> PanoramaGeometry:
    """Return a geometry at fewer rows."""
    if rows == geometry.height:
        return geometry
    rgb, depth_ray = resample_geometry(geometry, rows)
    rays = erp_directions(rows, 2 * rows)
    filled = torch.zeros_like(geometry.is_sky) if geometry.is_filled is None else geometry.is_filled
    flags = torch.stack((geometry.is_valid, geometry.is_sky, filled), -1).float()
    is_valid, is_sky, is_filled = (sample_erp(flags, rays, mode="nearest") > 0.5).unbind(-1)
    classes = geometry.classes
    if classes is not None:
        classes = sample_erp(classes[..., None].float(), rays, mode="nearest")[..., 0].to(torch.uint8)
    return PanoramaGeometry(
        rgb, depth_ray, is_valid, is_sky, geometry.is_metric, is_filled=is_filled, classes=classes
    )


def map_span(geometry: PanoramaGeometry) -> float:
    """Return a suitable width for the map of a scene, world units: it covers most surfaces."""
    points = erp_directions(geometry.height, geometry.width) * geometry.depth_ray.unsqueeze(-1)
    level = points[~geometry.is_sky] if bool((~geometry.is_sky).any()) else points.reshape(-1, 3)
    away = level[:, [0, 2]].norm(dim=-1)
    stride = max(1, len(away) // 100_000)
    return 2.4 * float(away[::stride].quantile(0.7))


def draw_map(
    geometry: PanoramaGeometry, *, center: tuple[float, float], span: float, size_px: int
) -> Tensor:  # [S, S, 3]
    """Draw the panorama's surface from above, forward (+z) up, right (+x) right.

    Surfaces more than a little above the eye (ceilings, tree crowns) are left out; of the rest the highest counts.

    Args:
        geometry: the panorama.
        center: x and z of the map's middle.
        span: width of the map, world units.
        size_px: rows and columns, 32 to 2048.

    Raises:
        InvalidInput: for a size or span out of range.
    """
    if not 32 <= size_px <= 2048:
        raise InvalidInput(f"the map must be 32 to 2048 pixels wide; got {size_px}.")
    if not (math.isfinite(span) and 0 < span < 1e6 and all(math.isfinite(c) for c in center)):
        raise InvalidInput(f"the map must have a positive width; got {span} at {center}.")
    rays = erp_directions(geometry.height, geometry.width)
    depth = geometry.depth_ray.cpu()
    points = (rays * depth.unsqueeze(-1)).numpy()
    ground = (
        float(np.quantile(points[..., 1][geometry.is_sky.cpu().numpy() == 0], 0.95))
        if not bool(geometry.is_sky.all())
        else 1.0
    )
    use = (~geometry.is_sky.cpu().numpy()) & (points[..., 1] > -0.35 * abs(ground))
    scale = size_px / span
    u = (points[..., 0] - center[0]) * scale + size_px / 2
    v = size_px / 2 - (points[..., 2] - center[1]) * scale
    margin = 8
    use &= (u > -margin) & (u < size_px + margin) & (v > -margin) & (v < size_px + margin)
    picture = np.empty((size_px, size_px, 3), np.uint8)
    picture[:] = _BACKGROUND
    if not use.any():
        return torch.from_numpy(picture).float() / 255
    x, y, height = u[use], v[use], -points[..., 1][use]
    # Spacing of neighboring pixels: along the ground, it grows with the distance squared.
    away = np.hypot(points[..., 0], points[..., 2])[use]
    step = math.pi / geometry.height
    spread = step * np.maximum(away, away**2 / max(abs(ground), 1e-6)) * scale
    reach = np.clip(np.ceil(spread / 2), 0, 6).astype(np.int64)
    rgb = (geometry.rgb.cpu().numpy()[use].clip(0, 1) * 200 + 30).astype(np.uint8)
    cells, tops, which = [], [], []
    for size in np.unique(reach):
        some = np.flatnonzero(reach == size)
        offsets = np.arange(-size, size + 1)
        columns = np.floor(x[some])[:, None, None].astype(np.int64) + offsets[None, None, :]
        rows = np.floor(y[some])[:, None, None].astype(np.int64) + offsets[None, :, None]
        rows, columns = np.broadcast_arrays(rows, columns)
        inside = (rows >= 0) & (rows < size_px) & (columns >= 0) & (columns < size_px)
        cells.append((rows * size_px + columns)[inside])
        owner = np.broadcast_to(some[:, None, None], rows.shape)[inside]
        which.append(owner)
        tops.append(height[owner])
    cell, top, index = np.concatenate(cells), np.concatenate(tops), np.concatenate(which)
    order = np.argsort(top, kind="stable")
    picture.reshape(-1, 3)[cell[order]] = rgb[index[order]]
    return torch.from_numpy(picture).float() / 255
