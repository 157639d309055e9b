"""Distances at the size of the picture, with the picture's edges.

A network sees a panorama at a third of its size or less, so its edges are wide: between a wall and what is behind it
lie distances of neither. Near such an edge every pixel of the picture takes the surface of those pixels around it that
have its color and lie in no edge themselves: the weighted median, then the mean of what is within 10 % of it. Elsewhere
the inverse distance is interpolated, which is exact on planes.

Source: J. Kopf et al., Joint Bilateral Upsampling, 2007 (weights by place and color); Z. Ma et al., Constant Time
Weighted Median Filtering for Stereo Matching and Beyond, 2013 (the median instead of the mean).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ...checks import check_finite, check_shape, check_two_to_one
from ..resample import resize_panorama

__all__ = ["enlarge_map", "refine_distance"]

_BEND = 0.06  # second difference of the log distance, from where on it is an edge
_SKY_BAND = (0.05, 0.95)
_PURE = 6  # power of the share of surface: a pixel half of sky has the distance of neither
_WIDTH = 3  # pixels of the small map by which edges are widened


def refine_distance(
    log_distance: Tensor,  # [h, w]
    sky: Tensor,  # [h, w]
    rgb: Tensor,  # [H, W, 3]
    *,
    weight: Tensor | None = None,  # [h, w]
) -> tuple[Tensor, Tensor]:  # [H, W], [H, W]
    """Bring a merged map to the size of the picture.

    Args:
        log_distance: ``[h, w]`` natural logarithm of the ray distance, ``w == 2 * h``, finite everywhere.
        sky: ``[h, w]`` probability of sky, 0..1.
        rgb: ``[H, W, 3]`` the panorama in 0..1, ``H >= h``.
        weight: ``[h, w]`` how much each distance counts, 0 for none; None counts all that is no sky.

    Returns:
        ``[H, W]`` float32 log distance and ``[H, W]`` float32 probability of sky.

    Raises:
        InvalidInput: on wrong shapes or values that are not finite.
    """
    from . import kernels_refine as kernels

    size = check_shape("log_distance", log_distance, "h w")
    check_two_to_one("log_distance", size["h"], size["w"])
    check_shape("sky", sky, f"{size['h']} {size['w']}")
    check_finite("log_distance", log_distance)
    large = check_shape("rgb", rgb, "H W 3")
    colors = resize_panorama(rgb, size["h"])
    log_distance, sky = log_distance.float(), sky.float().clamp(0, 1)
    near = torch.exp(-log_distance)
    bend = torch.maximum(*(_second_difference(log_distance, axis).abs() for axis in (0, 1)))
    surface = (1 - sky).pow(_PURE)
    known = surface if weight is None else weight.float() * surface
    around = F.max_pool2d(_wrap(bend, 1), 3, 1)[0, 0]  # the middle of a ramp does not bend, its ends do
    trust = known / (1 + (around / _BEND).pow(4))
    in_band = (bend > _BEND) | ((sky > _SKY_BAND[0]) & (sky < _SKY_BAND[1]))
    band = F.max_pool2d(_wrap(in_band.float(), _WIDTH), 2 * _WIDTH + 1, 1)[0, 0] > 0
    slope = torch.stack([_least_difference(near, axis) for axis in (1, 0)], dim=-1)
    picture = F.avg_pool2d(_wrap(rgb.movedim(-1, 0), 1), 3, 1)[0].movedim(0, -1)
    near_out = torch.empty(large["H"], large["W"])
    sky_out = torch.empty_like(near_out)
    arrays = (near, slope, trust, sky, colors.float(), band, picture.float(), near_out, sky_out)
    kernels.choose_surfaces(*(value.contiguous().numpy() for value in arrays))
    return -near_out.log(), sky_out


def enlarge_map(values: Tensor, rows: int) -> Tensor:  # [h, w] -> [rows, 2 * rows]
    """Bring a map to a larger size, bilinear, also over its borders.

    Raises:
        InvalidInput: on a wrong shape.
    """
    size = check_shape("values", values, "h w")
    check_two_to_one("values", size["h"], size["w"])
    wide = _wrap(values, 1)[0, 0]
    for axis, large in ((1, 2 * rows), (0, rows)):
        place = (torch.arange(large, dtype=torch.float64) + 0.5) * values.shape[
            axis
        ] / large + 0.5  # in `wide`
        first = place.floor().long()
        share = (place - first).to(wide.dtype).unflatten(0, (1, -1) if axis == 1 else (-1, 1))
        wide = torch.lerp(wide.index_select(axis, first), wide.index_select(axis, first + 1), share)
    return wide


def _wrap(values: Tensor, margin: int) -> Tensor:  # [H, W] or [C, H, W] -> [1, C, H + 2 m, W + 2 m]
    """Continue a panorama over its borders: around the sides, and beyond the poles half a turn away."""
    values = values.reshape(1, -1, *values.shape[-2:])
    over = torch.roll(values, values.shape[-1] // 2, dims=-1).flip(-2)
    tall = torch.cat((over[..., -margin:, :], values, over[..., :margin, :]), dim=-2)
    return F.pad(tall, (margin, margin, 0, 0), mode="circular")


def _neighbors(values: Tensor, axis: int) -> tuple[Tensor, Tensor]:
    wide = _wrap(values, 1)[0, 0]
    inner = slice(1, -1)
    if axis == 0:
        return wide[:-2, inner], wide[2:, inner]
    return wide[inner, :-2], wide[inner, 2:]


def _second_difference(values: Tensor, axis: int) -> Tensor:
    before, after = _neighbors(values, axis)
    return before + after - 2 * values


def _least_difference(values: Tensor, axis: int) -> Tensor:
    """Return the smaller of the steps to both neighbors, 0 where they have different signs: no slope over an edge."""
    before, after = _neighbors(values, axis)
    back, ahead = values - before, after - values
    least = torch.where(back.abs() < ahead.abs(), back, ahead)
    return torch.where(back * ahead > 0, least, torch.zeros_like(values))
