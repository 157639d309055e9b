"""Automatic filter of clips on exposure, detail, motion and depth range.

Source: Z. Yang et al., Matrix-3D, 2025, section 5, step 4 (which asks a video language model about detail and motion;
here they are measured on pixels and exact distances).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from ..checks import check_shape
from ..errors import InvalidInput
from ..scene.camera import Equirect
from ..scene.trajectory import Trajectory

__all__ = ["ClipMeasures", "FilterConfig", "measure_clip", "refusals_of"]

_LUMA = (0.2126, 0.7152, 0.0722)
_ROWS = 96  # frames are measured at this size, so that thresholds hold for all sizes


@dataclass(frozen=True)
class FilterConfig:
    """Bounds of `ClipMeasures`; a clip outside of one is refused.

    Attributes:
        min_brightness: of the mean brightness, in every frame.
        max_brightness: of the same.
        max_clipped: largest share of black or white pixels in a frame.
        min_detail: smallest mean gradient of a frame, per pixel of 96 rows.
        min_motion_deg: smallest mean parallax between the ends of the path, degrees.
        min_distance_m: of the 1st percentile of all distances.
        min_depth_ratio: of the 95th to the 5th percentile of the distances.
        max_sky: largest share of sky on the sphere.
    """

    min_brightness: float = 0.06
    max_brightness: float = 0.9
    max_clipped: float = 0.5
    min_detail: float = 0.006
    min_motion_deg: float = 5.0
    min_distance_m: float = 0.25
    min_depth_ratio: float = 2.0
    max_sky: float = 0.7


@dataclass(frozen=True)
class ClipMeasures:
    """What the filter looks at; of several frames the worst counts. Shares are of the sphere.

    Attributes:
        darkest: mean brightness of the darkest frame, 0..1.
        brightest: of the brightest.
        clipped: share of pixels below 1/255 or above 254/255.
        detail: mean length of the brightness gradient, per pixel of 96 rows.
        motion_deg: mean angle by which the surfaces of the first frame move until the last pose, degrees.
        near_m: 1st percentile of the distances, meters.
        depth_ratio: 95th to 5th percentile of the distances; 1 without a surface.
        sky: share of sky.
    """

    darkest: float
    brightest: float
    clipped: float
    detail: float
    motion_deg: float
    near_m: float
    depth_ratio: float
    sky: float


def measure_clip(frames: Tensor, depth: Tensor, trajectory: Trajectory) -> ClipMeasures:
    """Measure panoramic frames.

    Args:
        frames: ``[F, H, W, 3]`` in [0, 1], some frames of a clip, the first included.
        depth: ``[F, H, W]`` their ray distances, meters, inf for sky.
        trajectory: poses of these frames.

    Raises:
        InvalidInput: when the shapes do not fit each other.
    """
    size = check_shape("frames", frames, "F H W 3")
    check_shape("depth", depth, f"{size['F']} {size['H']} {size['W']}")
    if len(trajectory) != size["F"]:
        raise InvalidInput(f"trajectory must have one pose per frame, {size['F']}; got {len(trajectory)}.")
    camera = Equirect((_ROWS, 2 * _ROWS))
    weights = camera.row_weights().float()[:, None] / (camera.height * camera.width)
    small = F.interpolate(frames.movedim(-1, 1).float(), camera.size_px, mode="area")
    luma = (small * torch.tensor(_LUMA)[:, None, None]).sum(1)  # [F, h, w]
    brightness = (luma * weights).sum((1, 2))
    clipped = (((luma < 1 / 255) | (luma > 254 / 255)) * weights).sum((1, 2))
    across, down = luma - luma.roll(1, 2), luma.diff(dim=1, append=luma[:, -1:])
    detail = (torch.hypot(across, down) * weights).sum((1, 2))
    near = F.interpolate(depth[:, None].float(), camera.size_px, mode="nearest")[:, 0]
    is_sky = ~torch.isfinite(near)
    known = near[~is_sky]
    shares = torch.tensor((0.01, 0.05, 0.95))
    near_m, low, high = known.quantile(shares).tolist() if len(known) else (math.inf, 1.0, 1.0)
    return ClipMeasures(
        darkest=float(brightness.min()),
        brightest=float(brightness.max()),
        clipped=float(clipped.max()),
        detail=float(detail.min()),
        motion_deg=_parallax_deg(near[0], trajectory, camera),
        near_m=near_m,
        depth_ratio=high / low,
        sky=float((is_sky * weights).sum((1, 2)).max()),
    )


def _parallax_deg(depth: Tensor, trajectory: Trajectory, camera: Equirect) -> float:
    """Return the mean angle between the directions of the first frame's points from the first and the last pose."""
    rays = camera.rays()
    points = torch.where(torch.isfinite(depth), depth, 1e6).double()[..., None] * rays
    step = trajectory.centers[-1] - trajectory.centers[0]
    moved = points - trajectory.camera_from_world[0, :3, :3] @ step
    cosine = (moved * rays).sum(-1) / moved.norm(dim=-1).clamp(min=1e-9)
    angle = cosine.clamp(-1, 1).acos().rad2deg().mean(1)
    return float((angle * camera.row_weights()).mean())


def refusals_of(measures: ClipMeasures, config: FilterConfig | None = None) -> list[str]:
    """Return why a clip is refused: none, or some of exposure, detail, motion, depth range."""
    bounds, found = config or FilterConfig(), measures
    checks = {
        "exposure": found.darkest >= bounds.min_brightness
        and found.brightest <= bounds.max_brightness
        and found.clipped <= bounds.max_clipped,
        "detail": found.detail >= bounds.min_detail,
        "motion": found.motion_deg >= bounds.min_motion_deg,
        "depth range": found.near_m >= bounds.min_distance_m
        and found.depth_ratio >= bounds.min_depth_ratio
        and found.sky <= bounds.max_sky,
    }
    return [reason for reason, holds in checks.items() if not holds]
