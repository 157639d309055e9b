"""Meters from the camera's height: the ground that the network names, and its plane near the camera."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass

import torch
from torch import Tensor

from ...checks import check_shape, check_two_to_one
from ...errors import InvalidInput
from ...geometry.fitting import weighted_median
from ...geometry.spherical import erp_directions

__all__ = ["ClassGround", "find_ground", "snap_to_ceiling", "snap_to_ground"]

_LEAST_DIP_RAD = math.radians(
    12
)  # nearer the horizon, small errors of the distance move points far off the plane
_LEAST_SHARE = 0.02  # of the view that far below the horizon
_MOST_RESIDUAL = 0.15  # of the height; what is less level is no plane
_AGREES = 0.2  # largest error of the height, of the height, of what is the same plane
_FULL_TO, _NONE_FROM = 3.0, 8.0  # horizontal distance in camera heights over which the plane fades out


@dataclass(frozen=True)
class ClassGround:
    """The ground below the camera.

    Attributes:
        height: of the camera above it, in the unit of the distances.
        share: of the view more than 12 degrees below the horizon that is ground.
        residual: weighted median of the error of the height over it, of the height.
    """

    height: float
    share: float
    residual: float

    def as_dict(self) -> dict[str, float]:
        """Return the values by name."""
        return asdict(self)


def find_ground(log_distance: Tensor, ground: Tensor) -> ClassGround | None:
    """Return the height of the level plane on which most of the ground lies, or None where there is none: too little is
    seen, or it is not level.

    Args:
        log_distance: ``[H, W]`` natural logarithm of the ray distance, ``W == 2 * H``; y is down.
        ground: ``[H, W]`` probability that a pixel shows flat ground.

    Raises:
        InvalidInput: on wrong shapes.
    """
    down, area = _down_and_area(log_distance, ground)
    dips = down[:, 0] > math.sin(_LEAST_DIP_RAD)
    log_distance, ground, down, area = log_distance[dips], ground[dips].double(), down[dips], area[dips]
    weight = torch.where(ground > 0.5, ground * area, 0)
    share = float(weight.sum() / (area.sum() * weight.shape[1]))
    if share < _LEAST_SHARE:
        return None
    used = weight > 0
    heights, weight = (torch.exp(log_distance.double()) * down)[used], weight[used]
    height = weighted_median(heights, weight)
    residual = weighted_median((heights / height - 1).abs(), weight)
    return ClassGround(height, share, residual) if residual < _MOST_RESIDUAL else None


def snap_to_ground(log_distance: Tensor, ground: Tensor, camera_height: float) -> Tensor:
    """Put ground near the camera onto its plane where the distances agree with it.

    Args:
        log_distance: ``[H, W]``, scaled so that the plane is ``camera_height`` below the camera.
        ground: ``[H, W]`` probability that a pixel shows flat ground.
        camera_height: in the unit of the distances.

    Returns:
        ``[H, W]``: the plane out to three camera heights, fading into what was given at eight.

    Raises:
        InvalidInput: on wrong shapes, or when the height is not positive.
    """
    if not 0 < camera_height < math.inf:
        raise InvalidInput(f"camera_height must be positive; got {camera_height}.")
    down, _ = _down_and_area(log_distance, ground)
    below = down[:, 0] > 1e-3
    down = down[below]
    plane = math.log(camera_height) - down.log()
    reach = torch.sqrt(1 - down.square()) / down
    fade = ((_NONE_FROM - reach) / (_NONE_FROM - _FULL_TO)).clamp(0, 1)
    given = log_distance[below].double()
    agrees = (2 - 2 * (given - plane).abs() / math.log1p(_AGREES)).clamp(0, 1)
    share = fade * agrees * (3 * ground[below].double() - 1).clamp(0, 1)
    snapped = log_distance.clone()
    snapped[below] = torch.lerp(given, plane.expand_as(given), share).to(log_distance.dtype)
    return snapped


def snap_to_ceiling(log_distance: Tensor, ceiling: Tensor) -> Tensor:
    """Put a level ceiling onto its plane where the distances agree with it; without one nothing changes.

    Args:
        log_distance: ``[H, W]``, see `find_ground`.
        ceiling: ``[H, W]`` probability that a pixel shows ceiling.

    Raises:
        InvalidInput: on wrong shapes.
    """
    turned, ceiling = log_distance.flip(0), ceiling.flip(0)
    found = find_ground(turned, ceiling)
    return log_distance if found is None else snap_to_ground(turned, ceiling, found.height).flip(0)


def _down_and_area(log_distance: Tensor, ground: Tensor) -> tuple[Tensor, Tensor]:  # [H, 1], [H, 1]
    size = check_shape("log_distance", log_distance, "H W")
    check_two_to_one("log_distance", size["H"], size["W"])
    check_shape("ground", ground, f"{size['H']} {size['W']}")
    down = erp_directions(size["H"], 1, dtype=torch.float64)[..., 1]
    return down, torch.sqrt((1 - down.square()).clamp_min(0))
