"""What is known of the distances in a photo, whoever estimates them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from ..checks import check_shape
from ..errors import InvalidInput

__all__ = ["PhotoDistance", "PhotoEstimator"]


@dataclass(frozen=True)
class PhotoDistance:
    """What a photo shows, pixel by pixel, at any size of the photo's shape.

    Attributes:
        depth_ray: ``[h, w]`` meters, as far as the estimator knows; anything in the sky.
        is_sky: ``[h, w]`` bool.
        is_ground: ``[h, w]`` bool, flat ground to stand on, or None when that is not known.
        source: what it comes from, for the report.
    """

    depth_ray: Tensor
    is_sky: Tensor
    is_ground: Tensor | None = None
    source: str = "depth"

    def __post_init__(self) -> None:
        size = check_shape("depth_ray", self.depth_ray, "h w")
        check_shape("is_sky", self.is_sky, f"{size['h']} {size['w']}")
        if self.is_ground is not None:
            check_shape("is_ground", self.is_ground, f"{size['h']} {size['w']}")
        surface = self.depth_ray[~self.is_sky]
        if not bool((torch.isfinite(surface) & (surface > 0)).all()):
            raise InvalidInput("depth_ray of a photo must be finite and positive outside of the sky.")


PhotoEstimator = Callable[[Tensor, Tensor, Tensor], PhotoDistance]
"""``(rgb [H, W, 3], K_px [3, 3], world_from_camera [3, 3])`` to distances; that world is level, y down."""
