"""Distances that are unusable: counted by kind, and filled from the nearest usable pixel on the sphere."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from ..checks import check_floating, check_shape, check_two_to_one
from ..errors import InvalidInput
from ..geometry.spherical import erp_directions

__all__ = ["DepthCounts", "count_unusable", "fill_from_nearest"]


@dataclass(frozen=True)
class DepthCounts:
    """How many pixels of a distance map fall into each class; the classes are disjoint.

    Attributes:
        usable: finite and positive.
        nan: not a number.
        infinite: plus infinity, which stands for sky.
        zero: exactly zero, the usual mark for "unknown".
        negative: below zero, minus infinity included.
    """

    usable: int
    nan: int
    infinite: int
    zero: int
    negative: int

    def as_dict(self) -> dict[str, int]:
        """Return the counts by name."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


def count_unusable(depth_ray: Tensor) -> DepthCounts:
    """Count the pixels of ``depth_ray`` (any shape) by kind."""
    check_floating("depth_ray", depth_ray)
    return DepthCounts(
        usable=int((torch.isfinite(depth_ray) & (depth_ray > 0)).sum()),
        nan=int(torch.isnan(depth_ray).sum()),
        infinite=int(torch.isposinf(depth_ray).sum()),
        zero=int((depth_ray == 0).sum()),
        negative=int((depth_ray < 0).sum()),
    )


def fill_from_nearest(depth_ray: Tensor, is_known: Tensor) -> Tensor:  # [H, W], [H, W] -> [H, W]
    """Give every unknown pixel the value of a near known one, across the seam and over the poles.

    Nearness is the angle between the pixels' directions. The search is jump flooding (over a pole it
    goes round along the row): nearly always it finds the nearest known pixel, sometimes one that is a
    little farther.

    Args:
        depth_ray: ``[H, W]`` floating point, ``W == 2 * H``; only known pixels are read.
        is_known: ``[H, W]`` bool, at least one True.

    Returns:
        ``[H, W]``, equal to ``depth_ray`` where known.

    Raises:
        InvalidInput: on a wrong shape, or when nothing is known.

    Source: G. Rong, T.-S. Tan, Jump flooding in GPU with applications to Voronoi diagram, 2006.
    """
    size = check_shape("depth_ray", depth_ray, "H W")
    height, width = size["H"], size["W"]
    check_two_to_one("depth_ray", height, width)
    check_shape("is_known", is_known, f"{height} {width}")
    if not bool(is_known.any()):
        raise InvalidInput("depth_ray must hold at least one usable distance; got none.")
    if bool(is_known.all()):
        return depth_ray.clone()
    seed = torch.where(
        is_known, torch.arange(height * width, device=depth_ray.device).view(height, width), -1
    )
    rows, columns = (~is_known).nonzero(as_tuple=True)
    directions = erp_directions(height, width, device=depth_ray.device).view(-1, 3)
    own = directions[rows * width + columns]
    best, nearness = seed[rows, columns], torch.full_like(own[:, 0], -2.0)
    step = 2 ** max(0, math.ceil(math.log2(width)) - 1)
    while step >= 1:
        for down in (-step, 0, step):
            for right in (-step, 0, step):
                candidate = seed[(rows + down).clamp(0, height - 1), (columns + right) % width]
                cosine = (directions[candidate.clamp(min=0)] * own).sum(-1)
                nearer = (candidate >= 0) & (cosine > nearness)
                best = torch.where(nearer, candidate, best)
                nearness = torch.where(nearer, cosine, nearness)
        seed[rows, columns] = best
        step //= 2
    return depth_ray.flatten()[seed.flatten()].view(height, width)
