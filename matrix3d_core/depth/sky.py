"""Sky: its stand-in distance, and small islands in it that are not worth a surface."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ..checks import check_shape
from ..errors import InvalidInput

__all__ = ["SKY_FACTOR", "component_sizes", "fill_sky", "small_islands"]

SKY_FACTOR = 2.0
"""The sky is this many times as far away as the farthest known surface."""

_ISLAND_PIXELS, _ISLAND_AT = 1600, 2048 * 1024
_NEAR_SKY = 0.99


def fill_sky(depth_ray: Tensor, is_known: Tensor) -> Tensor:  # [H, W], [H, W] -> [H, W]
    """Set every pixel that is not known to twice the largest known distance.

    Raises:
        InvalidInput: when nothing is known.

    Source: Matrix-3D, panorama depth, the rule for pixels outside of the mask.
    """
    if not bool(is_known.any()):
        raise InvalidInput("depth_ray must hold at least one usable distance; got none.")
    return torch.where(is_known, depth_ray, SKY_FACTOR * depth_ray[is_known].max())


def small_islands(depth_ray: Tensor, *, min_pixels: int | None = None, wrap: bool = True) -> Tensor:
    """Mark connected regions in front of the sky that are too small to keep.

    Pixels nearer than 0.99 of the largest distance are grouped (a pixel touches its 8 neighbors);
    groups with fewer than ``min_pixels`` are marked.

    Args:
        depth_ray: ``[H, W]`` finite distances with the sky filled in.
        min_pixels: None scales the rule of 1600 pixels at 2048x1024 to this size.
        wrap: join groups across the left and right border. Matrix-3D does not.

    Returns:
        ``[H, W]`` bool.

    Source: Matrix-3D, depth repair.
    """
    size = check_shape("depth_ray", depth_ray, "H W")
    if min_pixels is None:
        min_pixels = max(1, round(_ISLAND_PIXELS * size["H"] * size["W"] / _ISLAND_AT))
    in_front = depth_ray < _NEAR_SKY * depth_ray.max()
    sizes = component_sizes(in_front, wrap=wrap)
    return in_front & (sizes < min_pixels)


def component_sizes(mask: Tensor, *, wrap: bool) -> Tensor:  # [H, W] -> [H, W]
    """Return for every True pixel the size of its 8-connected region, 0 elsewhere; int64.

    Works on runs of pixels: runs of neighboring rows that touch are joined until nothing changes.
    """
    size = check_shape("mask", mask, "H W")
    height, width = size["H"], size["W"]
    picture = mask.detach().cpu().numpy().astype(bool)
    edges = np.diff(np.pad(picture, ((0, 0), (1, 1))).astype(np.int8), axis=1)
    row, start = np.nonzero(edges == 1)
    _, end = np.nonzero(edges == -1)  # exclusive
    if not len(row):
        return torch.zeros(height, width, dtype=torch.int64)
    upper, lower = _touching_runs(row, start, end, width)
    if wrap:
        a, b = _touching_over_seam(row, start, end, height, width)
        upper, lower = np.concatenate((upper, a)), np.concatenate((lower, b))
    label = _join(len(row), upper, lower)
    pixels = np.bincount(label, weights=end - start, minlength=len(row)).astype(np.int64)
    result = np.zeros(height * width, np.int64)
    result[picture.ravel()] = np.repeat(pixels[label], end - start)
    return torch.from_numpy(result.reshape(height, width)).to(mask.device)


def _touching_runs(
    row: np.ndarray, start: np.ndarray, end: np.ndarray, width: int
) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of runs in neighboring rows that share an edge or a corner."""
    stride = width + 2
    first = np.searchsorted(row * stride + end, (row + 1) * stride + start, side="left")
    last = np.searchsorted(row * stride + start, (row + 1) * stride + end, side="right")
    count = np.maximum(last - first, 0)
    upper = np.repeat(np.arange(len(row)), count)
    offset = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
    return upper, np.repeat(first, count) + offset


def _touching_over_seam(
    row: np.ndarray, start: np.ndarray, end: np.ndarray, height: int, width: int
) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of a run at the right border and one at the left border, rows at most one apart."""
    at_left, at_right = np.full(height + 2, -1), np.full(height + 2, -1)
    runs = np.arange(len(row))
    at_left[row[start == 0] + 1] = runs[start == 0]
    at_right[row[end == width] + 1] = runs[end == width]
    pairs = [(at_right[1:-1], np.roll(at_left, -shift)[1:-1]) for shift in (-1, 0, 1)]
    a, b = (np.concatenate(side) for side in zip(*pairs, strict=True))
    both = (a >= 0) & (b >= 0)
    return a[both], b[both]


def _join(count: int, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Label the components of a graph: hook larger roots onto smaller ones and shorten paths, repeatedly."""
    label = np.arange(count)
    while True:
        low, high = np.minimum(label[a], label[b]), np.maximum(label[a], label[b])
        if np.array_equal(low, high):
            return label
        np.minimum.at(label, high, low)
        while not np.array_equal(label, label[label]):
            label = label[label]
