"""Evaluation views of a world, and its renders from them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from ..errors import InvalidInput
from ..geometry.cubemap import cubemap_rotations
from ..geometry.rotations import matrix_from_yaw_pitch_roll
from ..progress import ProgressEvent, ProgressFn, no_progress
from ..raster.camera_view import CameraView, render_view
from ..scene.camera import Equirect, Pinhole
from ..scene.gaussians import Gaussians
from ..scene.trajectory import Trajectory

__all__ = [
    "EvalView",
    "centers_inside",
    "evaluation_views",
    "mean_psnr",
    "pictures",
    "reference_renders",
    "spread_places",
]

_FOV_RAD = math.pi / 2
_PARTS = 3  # of each 8 views, how many are held out


@dataclass(frozen=True)
class EvalView:
    """One pinhole view.

    Attributes:
        camera_from_world: ``[4, 4]`` float64.
        camera: lens and size.
        pose: index of its pose in the trajectory; -1 without a trajectory.
        rotation: ``[3, 3]`` camera of the view from that of the pose.
    """

    camera_from_world: Tensor
    camera: Pinhole
    pose: int
    rotation: Tensor


def centers_inside(gaussians: Gaussians, trajectory: Trajectory | None) -> Tensor:  # [P, 3]
    """Return viewpoints: along the path, or without one at the origin and a little around it."""
    if trajectory is not None:
        return trajectory.centers
    reach = 0.1 * float(gaussians.means.double().norm(dim=-1).median())
    steps = torch.tensor(((0, 0, 0), (1, 0, 0), (-1, 0, 0), (0, 0, 1), (0, 0, -1)), dtype=torch.float64)
    return steps * reach


def spread_places(gaussians: Gaussians, trajectory: Trajectory | None, count: int) -> Tensor:  # [P, 3]
    """Return at most ``count`` of the places of `centers_inside`, spread evenly."""
    places = centers_inside(gaussians, trajectory)
    return places[torch.linspace(0, len(places) - 1, min(count, len(places))).round().long()]


def evaluation_views(
    gaussians: Gaussians,
    trajectory: Trajectory | None,
    *,
    count: int,
    size_px: int,
) -> tuple[list[EvalView], list[EvalView]]:
    """Spread views over the path and over all directions; split them in two.

    Args:
        gaussians: the world, for a scale when there is no path.
        trajectory: viewpoints; None is around the origin.
        count: views to measure with, at least 1.
        size_px: side of the square pictures, 90 degrees wide, at least 16.

    Returns:
        ``count`` views to measure with and about half as many, at other poses where there are enough and with other
        rotations, to evaluate with.

    Raises:
        InvalidInput: for sizes out of range.
    """
    if count < 1 or size_px < 16:
        raise InvalidInput(f"there must be at least 1 view of 16 pixels; got {count} of {size_px}.")
    if trajectory is None:
        poses = torch.eye(4, dtype=torch.float64).repeat(5, 1, 1)
        poses[:, :3, 3] = -centers_inside(gaussians, None)
    else:
        poses = trajectory.camera_from_world
    lens = Pinhole.from_fov(_FOV_RAD, size_px, size_px)
    faces = cubemap_rotations()

    def look(share: float, number: int, turn: float) -> EvalView:
        pose = min(int(share * len(poses)), len(poses) - 1)
        yaw = matrix_from_yaw_pitch_roll(*torch.tensor((turn, 0.0, 0.0), dtype=torch.float64)).mT
        rotation = faces[(0, 2, 1, 3, 5, 0, 3, 2, 1, 4)[number % 10]] @ yaw  # level views twice as often
        camera = torch.eye(4, dtype=torch.float64)
        camera[:3, :3] = rotation
        return EvalView(camera @ poses[pose], lens, -1 if trajectory is None else pose, rotation)

    held = max(2, count // 2)
    measure = [look((k + 0.25) / count, k, 0.0 + k * 0.4) for k in range(count)]
    judge = [look((k + 0.8) / held, k, math.pi / 4 + k * 1.1) for k in range(held)]
    return measure, judge


def pictures(
    gaussians: Gaussians,
    views: list[EvalView],
    *,
    backend: str = "auto",
    progress: ProgressFn = no_progress,
    phase: str = "render views",
) -> Tensor:  # [V, S, S, 3]
    """Render a world from all views, clamped to [0, 1], over black."""
    frames: list[Tensor] = []
    for number, view in enumerate(views):
        progress(ProgressEvent(number, len(views), phase, frames[-1] if frames else None))
        with torch.no_grad():
            frames.append(draw(gaussians, view, backend).rgb.clamp(0, 1).cpu())
    return torch.stack(frames)


def draw(gaussians: Gaussians, view: EvalView, backend: str) -> CameraView:
    """Render one view."""
    return render_view(gaussians, view.camera_from_world, view.camera, backend=backend)


def reference_renders(
    frames: Tensor, views: list[EvalView], trajectory: Trajectory
) -> Tensor:  # [V, S, S, 3]
    """Crop the views from the panoramas ``[T, H, W, 3]`` that were seen along the path.

    Raises:
        InvalidInput: when there is not one panorama per pose.
    """
    if len(frames) != len(trajectory):
        raise InvalidInput(
            f"frames and trajectory must have the same length; got {len(frames)} frames and {len(trajectory)} poses."
        )
    panorama = Equirect((frames.shape[1], frames.shape[2]))
    cut = [panorama.crop(frames[v.pose].float(), v.camera, v.rotation) for v in views]
    return torch.stack(cut).clamp(0, 1)


def mean_psnr(a: Tensor, b: Tensor) -> float:  # [V, S, S, 3] each
    """Mean PSNR over the views, dB; capped at 99 where pictures are the same."""
    error = (a.double() - b.double()).square().flatten(1).mean(1)
    return float((-10 * torch.log10(error.clamp_min(10**-9.9))).mean())
