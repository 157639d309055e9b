"""The unit of a panorama's distances: geometric mean 1, or meters from a known camera height."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass

import torch
from torch import Tensor

from ..checks import check_shape, check_two_to_one
from ..errors import InvalidInput
from ..geometry.fitting import fit_plane
from ..geometry.spherical import erp_directions

__all__ = ["GroundFit", "fit_ground", "geometric_mean"]

_MIN_DIP_RAD = math.radians(15)  # nearer the horizon, noise in the distance moves points off the plane
_MAX_TILT_RAD = math.radians(20)
_MIN_SHARE = 0.15
_TOLERANCE = 0.03  # of the camera height
_GRID_HEIGHT = 192


@dataclass(frozen=True)
class GroundFit:
    """The ground below the camera.

    Attributes:
        height: distance from the camera to the ground plane, in the units of the depth.
        factor: what to multiply distances with so that the height becomes the one given.
        tilt_deg: angle between the ground's normal and straight down.
        inlier_share: share of the directions more than 15 degrees below the horizon that are on the plane.
        residual: root mean square distance of those points from the plane, over ``height``.
    """

    height: float
    factor: float
    tilt_deg: float
    inlier_share: float
    residual: float

    def as_dict(self) -> dict[str, float]:
        """Return the values by name."""
        return asdict(self)


def geometric_mean(depth_ray: Tensor, is_used: Tensor) -> float:
    """Return ``exp(mean(log depth))`` over the used pixels, each pixel counted once as in Matrix-3D.

    Raises:
        InvalidInput: when no pixel is used.
    """
    if not bool(is_used.any()):
        raise InvalidInput("depth_ray must hold at least one usable distance; got none.")
    return float(depth_ray[is_used].to(torch.float64).log().mean().exp())


def fit_ground(
    depth_ray: Tensor,  # [H, W]
    is_used: Tensor,  # [H, W]
    *,
    camera_height: float = 1.6,
    seed: int = 0,
) -> GroundFit:
    """Find the ground plane below the camera and the factor that gives it the known height.

    Only directions more than 15 degrees below the horizon are considered, weighted by their solid
    angle. The most common height of these points starts the search; random samples and least squares
    refine it to a plane tilted by at most 20 degrees.

    Args:
        depth_ray: ``[H, W]`` ray distances, ``W == 2 * H``, any unit.
        is_used: ``[H, W]`` bool: measured, finite, positive, not sky.
        camera_height: of the camera above the ground, in the wanted unit (meters).
        seed: of the random samples.

    Returns:
        The plane's height, the factor, and how well it fits.

    Raises:
        InvalidInput: when the camera height is not positive, or no ground is found: fewer than 15 % of
            those directions are on one plane.
    """
    if not 0 < camera_height < math.inf:
        raise InvalidInput(f"camera_height must be positive; got {camera_height}.")
    size = check_shape("depth_ray", depth_ray, "H W")
    check_two_to_one("depth_ray", size["H"], size["W"])
    check_shape("is_used", is_used, f"{size['H']} {size['W']}")
    directions = erp_directions(size["H"], size["W"], dtype=torch.float64)
    stride = max(1, size["H"] // _GRID_HEIGHT)
    grid = (slice(stride // 2, None, stride), slice(stride // 2, None, stride))
    ray, distance = (
        directions[grid].reshape(-1, 3),
        depth_ray[grid].detach().to("cpu", torch.float64).reshape(-1),
    )
    below = ray[:, 1] > math.sin(_MIN_DIP_RAD)
    solid_angle = torch.sqrt(1 - ray[:, 1].square())
    keep = below & is_used[grid].cpu().reshape(-1)
    if int(keep.sum()) < 16:
        raise _no_ground("too few usable pixels lie below the horizon")
    points, mass = ray[keep] * distance[keep, None], solid_angle[keep]
    rough = _common_height(points[:, 1], mass)
    try:
        plane = fit_plane(
            points / rough,
            inlier_distance=_TOLERANCE,
            generator=torch.Generator().manual_seed(seed),
            weight=mass,
            near_normal=(0.0, 1.0, 0.0),
            max_angle_rad=_MAX_TILT_RAD,
        )
    except InvalidInput as error:
        raise _no_ground(str(error)) from error
    share = float(mass[plane.is_inlier].sum() / solid_angle[below].sum())
    if share < _MIN_SHARE or plane.offset <= 0:
        raise _no_ground(
            f"the best plane holds {share:.0%} of the view below the horizon, needed {_MIN_SHARE:.0%}"
        )
    miss = (points[plane.is_inlier] / rough) @ plane.normal - plane.offset
    weight = mass[plane.is_inlier]
    residual = math.sqrt(float((weight * miss.square()).sum() / weight.sum())) / plane.offset
    height = plane.offset * rough
    tilt = math.degrees(math.acos(min(1.0, float(plane.normal[1]))))
    return GroundFit(height, camera_height / height, tilt, share, residual)


def _common_height(heights: Tensor, mass: Tensor) -> float:
    """Return the height below the camera at which most of the view is, to a few percent."""
    log_height = heights.log()
    low = float(log_height.min())
    bins = ((log_height - low) / _TOLERANCE).long()
    histogram = torch.zeros(int(bins.max()) + 1, dtype=torch.float64).index_add_(0, bins, mass)
    smooth = torch.nn.functional.conv1d(
        histogram[None, None], torch.ones(1, 1, 3, dtype=torch.float64), padding=1
    )
    return math.exp(low + (int(smooth.argmax()) + 0.5) * _TOLERANCE)


def _no_ground(why: str) -> InvalidInput:
    return InvalidInput(
        f"camera height needs a visible, roughly level ground below the camera; {why.rstrip('.')}. "
        "Use scale 'as given' or 'geometric mean 1'."
    )
