"""Next best view: the direction in which a short walk uncovers most of the unobserved space."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TypedDict

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from ..checks import check_shape
from ..errors import InvalidInput
from ..geometry.rotations import matrix_from_yaw_pitch_roll
from ..guidance.scene_mesh import EDGE_THRESHOLD, mesh_from_panorama
from ..progress import ProgressEvent, ProgressFn, no_progress
from ..raster.mesh import MeshRenderer, open_mesh_renderer
from ..scene.panorama import PanoramaGeometry
from ..scene.trajectory import Trajectory
from ..trajectories.clearance import shorten_to_clear
from ..trajectories.defaults import DEFAULT_FRAMES
from ..trajectories.plot import plot_trajectory
from ..trajectories.spline import spline_trajectory

__all__ = ["Candidate", "DirectionReport", "NextPath", "NextViewReport", "hole_solid_angle", "propose_path"]

_MESH_ROWS = 160
_VIEW_ROWS = 64
_EVALUATED_AT = (0.5, 1.0)  # of the way: where holes are counted
_MIN_PATH = 0.05  # of the step: a direction that is blocked sooner is rejected


@dataclass(frozen=True)
class Candidate:
    """One direction that was tried.

    Attributes:
        yaw_rad: of the direction, right positive.
        distance: free distance in that direction, world units; 0 when it is blocked.
        unseen_sr: mean solid angle without known surface along the path, steradians.
        score: what the directions are ranked by: ``unseen_sr``, 0 for blocked ones.
    """

    yaw_rad: float
    distance: float
    unseen_sr: float
    score: float


class DirectionReport(TypedDict):
    """One direction: its angle, the length of its path, and the share of the sphere that it uncovers."""

    heading_deg: float
    distance: float
    unseen_share: float


class NextViewReport(TypedDict):
    """All directions, and which one was chosen."""

    best: int
    heading_deg: float
    length: float
    candidates: list[DirectionReport]


@dataclass(frozen=True)
class NextPath:
    """The proposed path.

    Attributes:
        trajectory: in the panorama's frame; starts at its center with identity rotation.
        candidates: all directions, in the order of their angle.
        best: index of the chosen one.
        picture: ``[H, W, 3]`` the map from above with the scores.
    """

    trajectory: Trajectory
    candidates: tuple[Candidate, ...]
    best: int
    picture: Tensor

    def report(self) -> NextViewReport:
        """Return every direction with its numbers."""
        return {
            "best": self.best,
            "heading_deg": round(math.degrees(self.candidates[self.best].yaw_rad), 2),
            "length": round(self.trajectory.length, 4),
            "candidates": [
                {
                    "heading_deg": round(math.degrees(way.yaw_rad), 2),
                    "distance": round(way.distance, 4),
                    "unseen_share": round(way.unseen_sr / (4 * math.pi), 5),
                }
                for way in self.candidates
            ],
        }


def hole_solid_angle(is_open: Tensor) -> float:
    """Return the solid angle of the marked pixels of a panorama ``[H, W]``, steradians."""
    size = check_shape("is_open", is_open, "H W")
    edges = torch.linspace(0, math.pi, size["H"] + 1, dtype=torch.float64).cos()
    return float((is_open.double().sum(1) * (edges[:-1] - edges[1:])).sum() * math.tau / size["W"])


def propose_path(
    geometry: PanoramaGeometry,
    *,
    step: float,
    clearance: float,
    known: Tensor | None = None,  # [h, w]
    directions: int = 12,
    frames: int = DEFAULT_FRAMES,
    fps: float = 12.0,
    seed: int = 0,
    edge_threshold: float = EDGE_THRESHOLD,
    backend: str = "auto",
    progress: ProgressFn = no_progress,
) -> NextPath:
    """Propose the next path from the panorama's center: straight, level, collision-free, towards unobserved space.

    ``directions`` headings, evenly spaced from a seeded first one, are followed until a surface is nearer than
    ``clearance``, ``step`` at most. Half way and at the end a panorama of the scene mesh is rendered; pixels without
    known surface are unobserved. The heading with most of them wins, of equals the one with the smallest turn.

    Args:
        geometry: the panorama, free at its center.
        step: maximum length, world units.
        clearance: distance to keep from surfaces, world units.
        known: 1 where the geometry is observed, not inferred; all of it when None.
        directions: headings to try, 3 to 72.
        frames: poses of the path.
        fps: frames per second, for playback.
        seed: rotates all headings by a common angle.
        edge_threshold: distance jump that splits the mesh, see `mesh_from_panorama`.
        backend: mesh backend.
        progress: called for each heading; raising in it cancels.

    Raises:
        InvalidInput: for settings out of range, or when every heading is blocked.
    """
    if not 3 <= directions <= 72:
        raise InvalidInput(f"directions must lie in 3..72; got {directions}.")
    if not (math.isfinite(step) and step > 0):
        raise InvalidInput(f"step must be positive; got {step}.")
    if frames < 2:
        raise InvalidInput(f"frames must be at least 2; got {frames}.")
    renderer = open_known_mesh(geometry, known, edge_threshold, backend)
    phase = float(np.random.default_rng(seed).random()) * math.tau / directions
    tried: list[Candidate] = []
    for number in range(directions):
        progress(ProgressEvent(number, directions, f"evaluate direction {number + 1} of {directions}"))
        yaw = phase + math.tau * number / directions
        yaw -= math.tau * round(yaw / math.tau)
        tried.append(_try(geometry, renderer, yaw, step, clearance))
    open_ones = [k for k, way in enumerate(tried) if way.distance > _MIN_PATH * step]
    if not open_ones:
        raise InvalidInput(
            f"some direction must be free for {_MIN_PATH * step:.3g}; all {directions} come nearer than "
            f"{clearance:.3g} to a surface before. Choose a smaller clearance or another viewpoint."
        )
    best = max(open_ones, key=lambda k: (round(tried[k].score, 6), -abs(tried[k].yaw_rad)))
    way = tried[best]
    path = _walk(way.yaw_rad, way.distance, frames, fps, geometry.is_metric)
    picture = _draw(path, geometry, tried, best)
    progress(ProgressEvent(directions, directions, "path proposed", picture))
    return NextPath(path, tuple(tried), best, picture)


def open_known_mesh(
    geometry: PanoramaGeometry,
    known: Tensor | None,
    edge_threshold: float,
    backend: str,
    rows: int = _MESH_ROWS,
) -> MeshRenderer:
    """Open a renderer of the scene mesh in which inferred geometry is not visible."""
    rows = min(rows, geometry.height)
    mesh = mesh_from_panorama(
        geometry, height=rows, edge_threshold=edge_threshold, close_poles=True, wrap_edges=True
    )
    if known is not None:
        check_shape("known", known, "h w")
        small = torch.nn.functional.interpolate(known[None, None].float(), (rows, 2 * rows), mode="area")[
            0, 0
        ]
        is_known = small > 0.5
        flags = torch.cat((is_known.flatten(), is_known[0].any()[None], is_known[-1].any()[None]))
        mesh = replace(mesh, is_visible=mesh.is_visible & flags)
    return open_mesh_renderer(mesh, backend=backend)[1]


def _try(
    geometry: PanoramaGeometry, renderer: MeshRenderer, yaw: float, step: float, clearance: float
) -> Candidate:
    line = _walk(yaw, step, 2, 12.0, geometry.is_metric)
    line, _ = shorten_to_clear(line, geometry, radius=clearance, method="cut")
    distance = line.length
    if distance <= _MIN_PATH * step:
        return Candidate(yaw, 0.0, 0.0, 0.0)
    unseen = 0.0
    for share in _EVALUATED_AT:
        pose = torch.eye(4, dtype=torch.float64)
        pose[0, 3], pose[2, 3] = -share * distance * math.sin(yaw), -share * distance * math.cos(yaw)
        frame = renderer.render(pose, _VIEW_ROWS, 2 * _VIEW_ROWS)
        unseen += hole_solid_angle(~frame.is_seen) / len(_EVALUATED_AT)
    return Candidate(yaw, distance, unseen, unseen)


def _walk(yaw: float, distance: float, frames: int, fps: float, is_metric: bool) -> Trajectory:
    """A path from the center to ``distance`` in the direction, turning from the front towards it."""
    end = torch.tensor([math.sin(yaw), 0.0, math.cos(yaw)], dtype=torch.float64) * distance
    angles = torch.tensor([0.0, yaw], dtype=torch.float64)
    turns = matrix_from_yaw_pitch_roll(angles, torch.zeros(2).double(), torch.zeros(2).double())
    positions = torch.stack((torch.zeros(3, dtype=torch.float64), end))
    return spline_trajectory(
        positions, turns, frames=frames, fps=fps, is_metric=is_metric, ease=True, name="next best path"
    )


def _draw(path: Trajectory, geometry: PanoramaGeometry, tried: list[Candidate], best: int) -> Tensor:
    """The map, and a list of the directions with bars of their scores below it."""
    map_picture = plot_trajectory(path, geometry, height_px=448)
    _, width = map_picture.shape[:2]
    row_px, top = 17, 30
    columns = 2 if len(tried) > 6 else 1
    per_column = math.ceil(len(tried) / columns)
    panel = Image.new("RGB", (width, top + per_column * row_px + 12), (24, 26, 30))
    draw = ImageDraw.Draw(panel)
    font = ImageFont.load_default(13)
    draw.text(
        (16, 8),
        "Newly visible by heading (share of the view):",
        font=font,
        fill=(232, 234, 237),
    )
    most = max((way.score for way in tried), default=0.0) or 1.0
    column_px = width // columns
    for k, way in enumerate(tried):
        x, y = 16 + (k // per_column) * column_px, top + (k % per_column) * row_px
        color = (255, 170, 80) if k == best else (120, 150, 190)
        draw.text((x, y), f"{math.degrees(way.yaw_rad):+4.0f}°", font=font, fill=(232, 234, 237))
        bar = (column_px - 220) * way.score / most
        draw.rectangle((x + 52, y + 3, x + 52 + max(1, bar), y + 12), fill=color)
        label = f"{way.unseen_sr / (4 * math.pi):.1%}, {way.distance:.2g} far" if way.distance else "blocked"
        draw.text((x + 58 + bar, y), label, font=font, fill=color if k == best else (150, 156, 164))
    low = torch.from_numpy(np.array(panel)).float() / 255
    return torch.cat((map_picture, low))
