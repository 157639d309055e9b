"""Pictures of a set of Gaussians along a path."""

from __future__ import annotations

import torch
from torch import Tensor

from ..errors import InvalidInput
from ..geometry.pinhole import intrinsics_from_fov
from ..progress import ProgressEvent, ProgressFn, no_progress
from ..raster.splat import SPLAT_ENGINES, render_gaussians
from ..scene.gaussians import Gaussians
from ..scene.trajectory import Trajectory

__all__ = ["render_flight"]


def render_flight(
    gaussians: Gaussians,
    trajectory: Trajectory,
    *,
    height: int,
    width: int,
    fov_x_rad: float,
    stride: int = 1,
    engine: str = "auto",
    progress: ProgressFn = no_progress,
) -> tuple[Tensor, Tensor]:
    """Render a perspective flythrough: each pose's forward axis is where the camera looks.

    The trajectory's own intrinsics, if it has any, are not used.

    Args:
        gaussians: the world, in the trajectory's frame.
        trajectory: the path.
        height: rows of the frames, at least 1.
        width: columns.
        fov_x_rad: horizontal field of view, radians, below pi.
        stride: render every how many poses.
        engine: splat engine.
        progress: called before each frame, with the latest as preview; raising in it cancels.

    Returns:
        ``rgb [F, H, W, 3]`` in [0, 1] over black, and ``alpha [F, H, W]``.

    Raises:
        InvalidInput: for sizes, stride or field of view out of range.
    """
    if height < 1 or width < 1 or stride < 1:
        raise InvalidInput(
            f"height, width and stride must be at least 1; got {height}, {width} and {stride}."
        )
    K_px = intrinsics_from_fov(fov_x_rad, height, width)
    engine, _ = SPLAT_ENGINES.load(engine)  # auto may pick the GPU here, although the splats live on the CPU
    poses = trajectory.camera_from_world[::stride]
    rgb, alpha = torch.empty(len(poses), height, width, 3), torch.empty(len(poses), height, width)
    for index, pose in enumerate(poses):
        preview = rgb[index - 1] if index else None
        progress(ProgressEvent(index, len(poses), f"render splats {index + 1} of {len(poses)}", preview))
        with torch.no_grad():
            frame = render_gaussians(gaussians, pose, K_px, height, width, engine=engine)
        rgb[index], alpha[index] = frame.rgb.clamp(0, 1), frame.alpha.clamp(0, 1)
    progress(ProgressEvent(len(poses), len(poses), "splats rendered", rgb[-1]))
    return rgb, alpha
