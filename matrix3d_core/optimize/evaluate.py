"""Evaluation of a fit on held-out frames, and its preview."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ..geometry.crops import upstream_crop_rotations
from ..metrics.image import psnr, ssim
from ..raster.camera_view import render_view
from ..scene.camera import Pinhole
from ..scene.gaussians import Gaussians
from ..scene.trajectory import Trajectory
from .report import HeldOutQuality
from .views import TrainingImage, View, view_of

__all__ = ["held_out_quality", "view_ahead"]

_PREVIEW_PX = 384
_PSNR_MOST = 99.0  # equal pictures have an infinite ratio, which JSON cannot hold
_HELD_OUT_CROPS = [6, 9, 0, 3]  # the level ones: ahead, right, behind, left


def held_out_quality(
    gaussians: Gaussians,
    frames: Tensor,  # [T, H, W, 3]
    trajectory: Trajectory,
    held_out: list[int],
    *,
    crop_size_px: int,
    backend: str,
) -> tuple[HeldOutQuality, float]:
    """Compare renders with crops of frames that were never trained on.

    Returns:
        ``frames``, mean ``psnr`` in dB and mean ``ssim``, both None without frames; the share of pixels far off.
    """
    if not held_out:
        return {"frames": [], "psnr": None, "ssim": None}, 0.0
    ratios, similarities, off = [], [], []
    for frame in held_out:
        for view in _views_of(frames, trajectory, frame, crop_size_px):
            with torch.no_grad():
                drawn = render_view(gaussians, view.camera_from_world, view.camera, backend=backend).rgb
            target, _ = view.crop()
            ratios.append(min(psnr(drawn.clamp(0, 1), target), _PSNR_MOST))
            similarities.append(ssim(drawn.clamp(0, 1), target))
            off.append(float(((drawn - target).abs().amax(-1) > 0.25).float().mean()))
    quality: HeldOutQuality = {
        "frames": held_out,
        "psnr": round(sum(ratios) / len(ratios), 3),
        "ssim": round(sum(similarities) / len(similarities), 4),
    }
    return quality, sum(off) / len(off)


def _views_of(frames: Tensor, trajectory: Trajectory, frame: int, crop_size_px: int) -> list[View]:
    size = (frames.shape[1], frames.shape[2])
    camera, pose = trajectory.camera(frame, size), trajectory.camera_from_world[frame]
    picture = TrainingImage(frames[frame].float(), torch.ones(size), pose, camera)
    rotations = upstream_crop_rotations()[_HELD_OUT_CROPS]
    return [
        view_of(picture, *view) for view in camera.perspective_views(rotations, crop_size_px, math.pi / 2)
    ]


def view_ahead(gaussians: Gaussians, trajectory: Trajectory, backend: str) -> Tensor:
    """Render the view ahead of the first pose, ``[384, 384, 3]``."""
    camera = Pinhole.from_fov(math.pi / 2, _PREVIEW_PX, _PREVIEW_PX)
    with torch.no_grad():
        seen = render_view(gaussians, trajectory.camera_from_world[0], camera, backend=backend)
    return seen.rgb.clamp(0, 1)
