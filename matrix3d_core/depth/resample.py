"""Change the size of a panorama and of its distances."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from ..checks import check_shape, check_two_to_one
from ..errors import InvalidInput
from ..geometry.spherical import erp_directions, pixels_from_directions, sample_erp

__all__ = ["resample_depth", "resize_panorama", "resized"]

_SAME_SURFACE = 1.1  # largest ratio of four neighboring distances that still is one surface


def resample_depth(depth_ray: Tensor, height: int, *, mode: str = "surface") -> Tensor:  # [h, w] -> [H, 2 H]
    """Bring a distance map to another size without inventing distances between two surfaces.

    Args:
        depth_ray: ``[h, w]`` floating point, ``w == 2 * h``; may hold NaN, infinity, zero.
        height: rows wanted.
        mode: ``"nearest"``, or ``"surface"``: where the four neighbors are usable and within 10 % of
            each other, the inverse distance is interpolated (exact on distant planes, no steps on the
            ground), elsewhere nearest.

    Returns:
        ``[H, 2 H]``; the input itself when the size is right already.
    """
    size = check_shape("depth_ray", depth_ray, "h w")
    check_two_to_one("depth_ray", size["h"], size["w"])
    if mode not in ("surface", "nearest"):
        raise InvalidInput(f"mode must be 'surface' or 'nearest'; got {mode!r}.")
    if size["h"] == height:
        return depth_ray
    directions = erp_directions(height, 2 * height, dtype=torch.float64, device=depth_ray.device)
    nearest = sample_erp(depth_ray[..., None], directions, mode="nearest")[..., 0]
    if mode == "nearest":
        return nearest
    usable = torch.isfinite(depth_ray) & (depth_ray > 0)
    inverse = torch.where(usable, 1 / depth_ray, 0)
    columns, rows = pixels_from_directions(directions, height=size["h"], width=size["w"])
    left, top = columns.floor(), rows.floor()
    taps = [
        _over_the_poles(inverse, top.long() + down, left.long() + right)
        for down in (0, 1)
        for right in (0, 1)
    ]
    low, high = torch.stack(taps).aminmax(dim=0)
    smooth = (low > 0) & (high <= _SAME_SURFACE * low)
    across, down = (columns - left).to(inverse.dtype), (rows - top).to(inverse.dtype)
    blended = torch.lerp(torch.lerp(taps[0], taps[1], across), torch.lerp(taps[2], taps[3], across), down)
    return torch.where(smooth, 1 / blended, nearest)


def _over_the_poles(values: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """Look up pixels at most one row beyond a pole, where the picture continues half a turn away."""
    height, width = values.shape
    beyond = (rows < 0) | (rows >= height)
    mirrored = torch.where(rows < 0, -1 - rows, torch.where(rows >= height, 2 * height - 1 - rows, rows))
    return values[mirrored, torch.where(beyond, columns + width // 2, columns) % width]


def resize_panorama(rgb: Tensor, height: int) -> Tensor:  # [h, w, 3] -> [H, 2 H, 3]
    """Bring a picture to another size: averaging when it shrinks, bilinear over the seam when it grows."""
    size = check_shape("rgb", rgb, "h w 3")
    check_two_to_one("rgb", size["h"], size["w"])
    if size["h"] == height:
        return rgb
    if height < size["h"]:
        channels = rgb.permute(2, 0, 1).unsqueeze(0)
        small = torch.nn.functional.interpolate(channels, (height, 2 * height), mode="area")
        return small[0].permute(1, 2, 0).contiguous()
    return sample_erp(rgb, erp_directions(height, 2 * height, device=rgb.device))


def resized(depth: Tensor, size: Sequence[int]) -> Tensor:  # [h, w] -> [H, W]
    """Nearest pixel, so that no distance appears that was not there."""
    return torch.nn.functional.interpolate(depth[None, None], tuple(size), mode="nearest-exact")[0, 0]
