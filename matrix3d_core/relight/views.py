"""Albedo and normals of views, lifted to a world's Gaussians."""

from __future__ import annotations

import torch
from torch import Tensor

from ..checks import check_finite, check_shape
from ..errors import InvalidInput
from ..light.irradiance import linear_from_srgb
from ..progress import ProgressEvent, ProgressFn, no_progress
from ..raster.camera_view import render_view
from ..scene.gaussians import Gaussians
from ..scene.trajectory import Trajectory

__all__ = ["lift_albedo", "lift_normals", "lift_views", "normals_from_pictures"]

_BEHIND = 0.1  # of the distance: how far behind the surface in sight a Gaussian still counts as seen


def lift_views(
    world: Gaussians,
    pictures: Tensor,  # [T, H, W, 3]
    trajectory: Trajectory,
    *,
    progress: ProgressFn = no_progress,
) -> Tensor:  # [N, 3]
    """Return the mean of what views show of each Gaussian; NaN where no view sees it.

    Args:
        world: the Gaussians.
        pictures: ``[T, H, W, 3]``, one for each pose.
        trajectory: poses, and intrinsics where the views are no panoramas.
        progress: called before each view.

    Raises:
        InvalidInput: for another number of pictures than poses, sizes that the cameras don't take, or NaN.
    """
    size = check_shape("pictures", pictures, "T H W 3")
    check_finite("pictures", pictures)
    if size["T"] != len(trajectory):
        raise InvalidInput(
            f"there must be one picture for each pose; got {size['T']} pictures and {len(trajectory)} poses. Pick the "
            "poses that the pictures are for."
        )
    trajectory.check_frames("pictures", (size["H"], size["W"]))
    total, count = torch.zeros(len(world), 3), torch.zeros(len(world), 1)
    for frame, picture in enumerate(pictures):
        progress(ProgressEvent(frame, len(pictures), "lift views"))
        camera, pose = trajectory.camera(frame, (size["H"], size["W"])), trajectory.camera_from_world[frame]
        depth = render_view(world, pose, camera).depth_ray.double()
        local = world.means.double() @ pose[:3, :3].T + pose[:3, 3]
        surface, _ = camera.lookup(depth, local)
        values, inside = camera.lookup(picture.double(), local)
        reach = local.norm(dim=-1)
        seen = inside & (reach <= (1 + _BEHIND) * surface + 2 * world.scales.amax(-1))
        total[seen] += values[seen].float()
        count[seen] += 1
    return torch.where(count > 0, total / count.clamp_min(1), torch.nan)


def lift_albedo(
    world: Gaussians,
    pictures: Tensor | None,
    trajectory: Trajectory | None,
    *,
    progress: ProgressFn = no_progress,
) -> Tensor | None:  # [N, 3]
    """Return linear albedo of pictures in display color, see `lift_views`; None without pictures."""
    if pictures is None:
        return None
    return lift_views(world, linear_from_srgb(pictures), _needed(trajectory, "albedo"), progress=progress)


def lift_normals(
    world: Gaussians,
    pictures: Tensor | None,
    trajectory: Trajectory | None,
    *,
    progress: ProgressFn = no_progress,
) -> Tensor | None:  # [N, 3]
    """Return unit normals of pictures of normals, see `normals_from_pictures`; None without pictures."""
    if pictures is None:
        return None
    path = _needed(trajectory, "normals")
    lifted = lift_views(world, normals_from_pictures(pictures, path), path, progress=progress)
    return torch.nn.functional.normalize(lifted, dim=-1)


def _needed(trajectory: Trajectory | None, name: str) -> Trajectory:
    if trajectory is None:
        raise InvalidInput(f"{name} needs the trajectory of its views; got none. Connect their poses.")
    return trajectory


def normals_from_pictures(pictures: Tensor, trajectory: Trajectory) -> Tensor:  # [T, H, W, 3]
    """Return unit normals in the world of pictures of normals as models draw them.

    Red is to the right, green up and blue towards the camera, 0..1 for -1..1, in the frame of each camera.

    Raises:
        InvalidInput: for another number of pictures than poses.
    """
    check_shape("normals", pictures, f"{len(trajectory)} H W 3")
    local = (2 * pictures.double() - 1) * torch.tensor((1.0, -1.0, -1.0), dtype=torch.float64)
    turned = torch.einsum("thwc,tcd->thwd", local, trajectory.camera_from_world[:, :3, :3].double())
    return torch.nn.functional.normalize(turned, dim=-1).float()
