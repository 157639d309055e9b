"""Square views that cover the sphere, and the way back from them to the panorama's directions."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from ...checks import check_shape
from ...errors import InvalidInput
from ...geometry.crops import crop_erp, icosahedron_rotations
from ...geometry.pinhole import intrinsics_from_fov
from ...geometry.rotations import matrix_from_yaw_pitch_roll

__all__ = ["VIEW_SETS", "ViewSet", "crop_views", "make_views", "sample_views"]

_RIM = 0.35  # share of the half side, from the border inward, over which a view's weight rises from 0 to 1
_SAME_SURFACE = math.log(1.1)  # largest difference of neighboring log distances that still is one surface


@dataclass(frozen=True)
class ViewSet:
    """Directions of views.

    Attributes:
        rotations: ``[V, 3, 3]`` float64 camera-from-panorama rotations, OpenCV axes, upright.
        fov_rad: field of view of the square views along both sides.
    """

    rotations: Tensor
    fov_rad: float

    def __len__(self) -> int:
        return len(self.rotations)


def _rings() -> Tensor:
    """Six level views, and three looking 60 degrees up and down, in between and ahead."""
    yaw = [60.0 * k for k in range(6)] + 2 * [120.0 * k for k in range(3)]
    pitch = 6 * [0.0] + 3 * [60.0] + 3 * [-60.0]
    angles = (torch.deg2rad(torch.tensor(a, dtype=torch.float64)) for a in (yaw, pitch, [0.0] * 12))
    return matrix_from_yaw_pitch_roll(*angles).mT


VIEW_SETS: dict[str, tuple[Callable[[], Tensor], float]] = {
    "rings": (_rings, 100.0),
    "moge": (icosahedron_rotations, 90.0),
    "upstream": (icosahedron_rotations, 100.0),
}
"""Rotations and field of view in degrees. ``rings`` looks level where walls stand, for the depth head; ``moge`` are the
twelve views of the host's MoGe panorama node, ``upstream`` those of Matrix-3D."""


def make_views(name: str) -> ViewSet:
    """Return a set of twelve views by its name in `VIEW_SETS`.

    Raises:
        InvalidInput: for another name.
    """
    if name not in VIEW_SETS:
        raise InvalidInput(f"views must be one of {', '.join(VIEW_SETS)}; got {name!r}.")
    rotations, fov_deg = VIEW_SETS[name]
    return ViewSet(rotations(), math.radians(fov_deg))


def crop_views(panorama: Tensor, views: ViewSet, size_px: int) -> Tensor:  # [H, W, C] -> [V, size, size, C]
    """Look into a panorama through the views. A panorama finer than the views is averaged first, against aliasing."""
    height = panorama.shape[0]
    per_pixel = 2 * math.tan(views.fov_rad / 2) / size_px  # radians in the middle of a view
    shrink = int(per_pixel / (math.pi / height))
    if shrink > 1:
        size = (max(2, height // shrink), max(4, height // shrink * 2))
        panorama = F.interpolate(panorama.movedim(-1, 0)[None], size, mode="area")[0].movedim(0, -1)
    K_px = intrinsics_from_fov(views.fov_rad, size_px, size_px)
    return crop_erp(panorama, views.rotations, K_px, size_px, size_px)


def sample_views(
    values: Tensor,  # [V, h, h, C]
    views: ViewSet,
    directions: Tensor,  # [H, W, 3]
    *,
    as_surface: bool = False,
) -> tuple[Tensor, Tensor]:
    """Look values of views up in directions of the panorama.

    Args:
        values: ``[V, h, h, C]``, of any square size.
        views: where they look.
        directions: ``[H, W, 3]`` unit vectors.
        as_surface: the first channel is a log distance and the others weights: where its neighbors differ by more than
            10 %, all channels take the nearest pixel instead of inventing distances between two surfaces.

    Returns:
        ``[V, H, W, C]`` values, 0 outside of a view, and ``[V, H, W]`` weights: 0 outside and at the border of a view,
        1 in its middle, smooth between.

    Raises:
        InvalidInput: on wrong shapes.
    """
    size = check_shape("values", values, "V h h C")
    check_shape("directions", directions, "H W 3")
    if size["V"] != len(views):
        raise InvalidInput(f"values must be of {len(views)} views; got {size['V']}.")
    sampled, weights = [], []
    tangent = math.tan(views.fov_rad / 2)
    flat = directions.to(values.dtype)
    for rotation, value in zip(views.rotations.to(values.dtype), values, strict=True):
        in_view = flat @ rotation.T
        z = in_view[..., 2:]
        place = torch.where(
            z > 1e-3, in_view[..., :2] / (z * tangent).clamp_min(1e-6), torch.full_like(z, 9.0)
        )
        inside = 1 - place.abs().amax(dim=-1)
        sampled.append(
            _look_up(value.movedim(-1, 0), place, as_surface).movedim(0, -1) * (inside > 0)[..., None]
        )
        rise = (inside / _RIM).clamp(0, 1)
        weights.append(rise * rise * (3 - 2 * rise))
    return torch.stack(sampled), torch.stack(weights)


def _look_up(value: Tensor, place: Tensor, as_surface: bool) -> Tensor:  # [C, h, h], [H, W, 2] -> [C, H, W]
    smooth = _sample(value, place, "bilinear")
    if not as_surface:
        return smooth
    first = value[None, :1]
    spread = F.max_pool2d(first, 3, 1, 1) + F.max_pool2d(-first, 3, 1, 1)
    near = _sample(torch.cat((value, spread[0])), place, "nearest")
    return torch.where(near[-1:] < _SAME_SURFACE, smooth, near[:-1])


def _sample(value: Tensor, place: Tensor, mode: str) -> Tensor:
    return F.grid_sample(value[None], place[None], mode=mode, padding_mode="border", align_corners=False)[0]
