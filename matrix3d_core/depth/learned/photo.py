"""Distances and camera of a perspective photo: the head on the pinhole view."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from ...checks import check_shape
from ...features.dinov2 import PATCH_PX, Dinov2
from ...scene.camera import Pinhole
from ..photo_distance import PhotoDistance
from .head import SURFACE_CLASSES, DepthHead
from .refine import refine_distance

__all__ = ["PhotoCamera", "estimate_photo", "estimate_photo_camera"]

_LONG_TOKENS = 37
_SQUARE_TOKENS = 28
_ENLARGED = 6
_FRAME = 4
_GROUND = SURFACE_CLASSES.index("ground")
_MOST_HEIGHTS = 250.0  # camera heights; farther surfaces are put there
_LEAST_FOV_RAD, _MOST_FOV_RAD = math.radians(20), math.radians(120)
_MOST_TILT_RAD = math.radians(40)


@dataclass(frozen=True)
class PhotoCamera:
    """What the head thinks of a photo's camera.

    Attributes:
        fov_x_rad: horizontal field of view of the whole photo.
        pitch_rad: up.
        roll_rad: head tilted to the right.
    """

    fov_x_rad: float
    pitch_rad: float
    roll_rad: float


def estimate_photo_camera(
    rgb: Tensor,  # [H, W, 3]
    backbone: Dinov2,
    head: DepthHead,
) -> PhotoCamera:
    """Estimate field of view and tilt of a photo whose optical axis is in its middle, from its middle square."""
    size = check_shape("photo", rgb, "H W 3")
    height, width = size["H"], size["W"]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    square = rgb[top : top + side, left : left + side]
    pixels = _resized(square, _SQUARE_TOKENS, _SQUARE_TOKENS)
    with torch.inference_mode():
        tangent, down = head.estimate_camera(backbone(pixels, head.config.layers))
    x, y, z = down[0].double().tolist()
    fov = 2 * math.atan(float(tangent[0]) * width / side)
    # Gravity of a camera that looks up by p and is tilted to the right by r: (sin r cos p, cos r cos p, -sin p).
    pitch = math.asin(max(-1.0, min(1.0, -z)))
    roll = math.atan2(x, y)
    return PhotoCamera(
        min(max(fov, _LEAST_FOV_RAD), _MOST_FOV_RAD),
        min(max(pitch, -_MOST_TILT_RAD), _MOST_TILT_RAD),
        min(max(roll, -_MOST_TILT_RAD), _MOST_TILT_RAD),
    )


def estimate_photo(
    rgb: Tensor,  # [H, W, 3]
    K_px: Tensor,  # [3, 3]
    world_from_camera: Tensor,  # [3, 3]
    backbone: Dinov2,
    head: DepthHead,
    *,
    camera_height: float = 1.6,
) -> PhotoDistance:
    """Estimate the distances of a photo.

    Args:
        rgb: ``[H, W, 3]`` floating point in [0, 1].
        K_px: its intrinsics in pixels.
        world_from_camera: rotation to level axes, y down.
        backbone: the features' network.
        head: reads them.
        camera_height: meters; the head estimates in camera heights.

    Returns:
        Distances with the photo's own edges, about 900 pixels along the longer side.
    """
    size = check_shape("photo", rgb, "H W 3")
    height, width = size["H"], size["W"]
    scale = _LONG_TOKENS / max(height, width)
    rows, columns = max(4, round(height * scale)), max(4, round(width * scale))
    pixels = _resized(rgb, rows, columns)
    camera = Pinhole((height, width), K_px).resized(rows, columns)
    rays = (camera.rays() @ world_from_camera.double().mT).float()[None]
    with torch.inference_mode():
        found = head(backbone(pixels, head.config.layers), rays, pixels)
    log_distance = found.log_distance[0].clamp(max=math.log(_MOST_HEIGHTS)).clone()
    log_distance, sky = _sharpened(log_distance, torch.sigmoid(found.sky_logit[0]).clone(), rgb)
    ground = torch.softmax(found.class_logits[0], dim=0)[_GROUND].clone()
    is_ground = F.interpolate(ground[None, None], log_distance.shape, mode="bilinear")[0, 0] > 0.5
    is_sky = sky > 0.5
    return PhotoDistance(torch.exp(log_distance) * camera_height, is_sky, is_ground & ~is_sky, "learned")


def _sharpened(
    log_distance: Tensor, sky: Tensor, rgb: Tensor
) -> tuple[Tensor, Tensor]:  # [h, w] -> [k h, k w]
    """Move the edges to those of the picture, `_ENLARGED` times as fine: `refine_distance` on a frame of 2:1 whose rest
    repeats the photo's border."""
    rows, columns = log_distance.shape
    size = (_ENLARGED * rows, _ENLARGED * columns)
    pixels = F.interpolate(
        rgb.float().movedim(-1, 0)[None], size, mode="bilinear", antialias=True, align_corners=False
    )
    height = max(rows, (columns + 1) // 2) + 2 * _FRAME
    top, left = (height - rows) // 2, (2 * height - columns) // 2
    margins = (left, 2 * height - columns - left, top, height - rows - top)

    def framed(values: Tensor, scale: int = 1) -> Tensor:
        return F.pad(values, tuple(scale * margin for margin in margins), mode="replicate")[0]

    near, shares = framed(log_distance[None, None])[0], framed(sky[None, None])[0]
    fine, fine_sky = refine_distance(near, shares, framed(pixels, _ENLARGED).movedim(0, -1).contiguous())
    window = (
        slice(_ENLARGED * top, _ENLARGED * (top + rows)),
        slice(_ENLARGED * left, _ENLARGED * (left + columns)),
    )
    return fine[window].contiguous(), fine_sky[window].contiguous()


def _resized(rgb: Tensor, rows: int, columns: int) -> Tensor:  # [1, 3, 14 rows, 14 columns]
    pixels = rgb.float().clamp(0, 1).movedim(-1, 0)[None]
    size = (rows * PATCH_PX, columns * PATCH_PX)
    return F.interpolate(pixels, size, mode="bilinear", antialias=True, align_corners=False).clamp(0, 1)
