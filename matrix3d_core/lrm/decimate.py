"""Decimates Gaussians: the frames of a video see the same surfaces many times."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from ..checks import check_shape
from ..errors import InvalidInput
from ..scene.gaussians import Gaussians

__all__ = ["DECIMATIONS", "decimate", "importance_of"]

DECIMATIONS = ("voxel", "importance")
"""``voxel``: one Gaussian per cell, cells grow with the distance from the camera. ``importance``: the most
important ones, the rest is dropped."""

_SEARCH_STEPS = 9
_LARGEST_CELL = 2.0
_FIRST_CELL = 1 / 256
"""Cell side per unit of distance, where the search begins; a panorama's pixel of 480 columns is 1 / 76."""


def importance_of(gaussians: Gaussians, distances: Tensor) -> Tensor:  # [N]
    """Return opacity times the area that a Gaussian covers, as seen from its own camera.

    Args:
        gaussians: ``[N]``.
        distances: ``[N]`` from the camera each came from.
    """
    check_shape("distances", distances, f"{len(gaussians)}")
    two = gaussians.scales.topk(2, dim=-1).values
    return gaussians.opacities * two.prod(dim=-1) / distances.clamp_min(1e-6).square()


def decimate(
    gaussians: Gaussians, distances: Tensor, most: int, *, method: str = "voxel"
) -> tuple[Gaussians, Tensor]:
    """Return at most ``most`` Gaussians, and the indices that they come from.

    ``voxel`` searches for the smallest cells that meet the budget. The most important Gaussian of each cell
    keeps its position; it gets the cell's mean color (weighted by importance) and the largest opacity,
    and grows by the spread of the centers it represents, so that surfaces stay closed.

    Args:
        gaussians: ``[N]``.
        distances: ``[N]`` from the camera each came from, positive.
        most: at least 1.
        method: one of `DECIMATIONS`.

    Raises:
        InvalidInput: for an unknown method or a budget below 1.
    """
    if method not in DECIMATIONS:
        raise InvalidInput(f"method must be one of {', '.join(DECIMATIONS)}; got {method!r}.")
    if most < 1:
        raise InvalidInput(f"most must be at least 1; got {most}.")
    importance = importance_of(gaussians, distances)
    everything = torch.arange(len(gaussians), device=importance.device)
    if len(gaussians) <= most:
        return gaussians, everything
    if method == "importance":
        chosen = importance.topk(most).indices.sort().values
        return gaussians.select(chosen), chosen
    low, high = _FIRST_CELL / 8, _FIRST_CELL
    cells = _cells(gaussians.means, distances, high)
    while cells[1] > most and high < _LARGEST_CELL:  # grow until it fits
        low, high = high, high * 2
        cells = _cells(gaussians.means, distances, high)
    if cells[1] > most:  # fewer than the octants and octaves that cells never cross
        merged, index = _merge(gaussians, importance, *cells)
        chosen = importance[index].topk(most).indices.sort().values
        return merged.select(chosen), index[chosen]
    for _ in range(_SEARCH_STEPS):
        if cells[1] > 0.97 * most:
            break
        middle = (low * high) ** 0.5
        found = _cells(gaussians.means, distances, middle)
        if found[1] <= most:
            high, cells = middle, found
        else:
            low = middle
    return _merge(gaussians, importance, *cells)


def _cells(means: Tensor, distances: Tensor, side: float) -> tuple[Tensor, int]:
    """Return the index of each Gaussian's cell, and how many cells there are."""
    level = torch.log2(distances.clamp_min(1e-6)).floor()
    size = torch.exp2(level) * side
    place = torch.floor(means.double() / size.double().unsqueeze(-1)).long()
    key = level.long()
    for axis in range(3):  # a hash without collisions for realistic worlds
        key = key * 2_654_435_761 + place[:, axis] + 1_013_904_223
    unique, inverse = torch.unique(key, return_inverse=True)
    return inverse, len(unique)


def _merge(gaussians: Gaussians, importance: Tensor, cell: Tensor, count: int) -> tuple[Gaussians, Tensor]:
    weight = importance.clamp_min(1e-12)
    best = torch.zeros(count, device=cell.device, dtype=weight.dtype).scatter_reduce_(0, cell, weight, "amax")
    index = torch.arange(len(cell), device=cell.device)
    leader = torch.full((count,), len(cell), device=cell.device, dtype=torch.long)
    is_best = weight >= best[cell]
    leader.scatter_reduce_(0, cell[is_best], index[is_best], "amin")
    total = torch.zeros(count, device=cell.device, dtype=weight.dtype).index_add_(0, cell, weight)
    share = (weight / total[cell]).unsqueeze(-1)
    sh = torch.zeros(count, *gaussians.sh.shape[1:], device=cell.device, dtype=weight.dtype)
    sh.index_add_(0, cell, gaussians.sh * share.unsqueeze(-1))
    opacity = torch.zeros(count, device=cell.device, dtype=weight.dtype)
    opacity.scatter_reduce_(0, cell, gaussians.opacities, "amax")
    away = (gaussians.means - gaussians.means[leader[cell]]).square().sum(-1, keepdim=True) / 3
    spread = torch.zeros(count, 1, device=cell.device, dtype=weight.dtype).index_add_(0, cell, away * share)
    kept = gaussians.select(leader)
    order = leader.argsort()
    scales = (kept.scales.square() + spread).sqrt()
    return replace(kept, sh=sh, opacities=opacity, scales=scales).select(order), leader[order]
