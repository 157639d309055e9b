"""A stand-in for depth that needs no model: flat ground below the camera, a dome around it.

Nothing is measured. Walls, trees and people end up painted on the dome and on the ground; only the
ground near the camera has a believable distance. Good for open places and for trying the route out.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ..checks import check_finite, check_floating, check_shape, check_two_to_one
from ..errors import InvalidInput
from ..geometry.spherical import erp_directions
from ..scene.panorama import GeometryReport, PanoramaGeometry
from .resample import resize_panorama

__all__ = ["grounded_distance", "grounded_geometry"]

_JOIN_POWER = 6.0  # how sharply the ground turns into the dome


def grounded_distance(
    directions: Tensor,  # [..., 3]
    *,
    camera_height: float = 1.6,
    dome_radius: float = 20.0,
    horizon_rad: float = 0.0,
) -> Tensor:  # [...]
    """Return the ray distance to a ground plane joined smoothly with a dome around the camera.

    The inverse distances ``g`` of the plane and ``1 / R`` of the dome are joined as
    ``(g^6 + R^-6)^(1/6)``: finite and smooth everywhere, never beyond the dome, 11 % nearer than both
    where they meet and within 1 % of either a third of the way off.

    Args:
        directions: ``[..., 3]`` unit vectors, y down.
        camera_height: of the camera above the ground, meters.
        dome_radius: meters, larger than the camera height.
        horizon_rad: elevation at which the horizon is seen, up positive; elevations are stretched so
            that straight down stays straight down.

    Raises:
        InvalidInput: when a value is out of range.
    """
    if not 0 < camera_height < math.inf:
        raise InvalidInput(f"camera_height must be positive; got {camera_height}.")
    if not camera_height < dome_radius < math.inf:
        raise InvalidInput(
            f"dome_radius must be larger than camera_height ({camera_height}); got {dome_radius}."
        )
    if not abs(horizon_rad) < math.pi / 4:
        raise InvalidInput(
            f"the horizon must lie within 45 degrees of level; got {math.degrees(horizon_rad):.1f}."
        )
    dip = torch.atan2(directions[..., 1], torch.hypot(directions[..., 0], directions[..., 2]))
    below = (dip + horizon_rad) / (math.pi / 2 + horizon_rad) * (math.pi / 2)
    towards_ground = torch.sin(below.clamp(min=0)) / camera_height
    result: Tensor = (towards_ground**_JOIN_POWER + dome_radius**-_JOIN_POWER) ** (-1 / _JOIN_POWER)
    return result


def grounded_geometry(
    rgb: Tensor,  # [H, W, 3]
    *,
    camera_height: float = 1.6,
    dome_radius: float = 20.0,
    horizon_rad: float = 0.0,
    height: int = 0,
) -> PanoramaGeometry:
    """Give a panorama a ground plane and a sky dome; see `grounded_distance`.

    Args:
        rgb: ``[H, W, 3]`` floating point in [0, 1], ``W == 2 * H``, level.
        camera_height: meters.
        dome_radius: meters.
        horizon_rad: elevation of the horizon in the picture, up positive; 0 is the middle row.
        height: rows of the result, 0 for those of the panorama.

    Returns:
        A metric geometry in which nothing counts as measured (``is_valid`` is False everywhere) and
        nothing as sky: the dome is a surface that one should not walk through.

    Raises:
        InvalidInput: on a wrong shape, NaN in the picture or a value out of range.
    """
    size = check_shape("rgb", rgb, "H W 3")
    check_floating("rgb", rgb)
    check_two_to_one("rgb", size["H"], size["W"])
    check_finite("rgb", rgb)
    if height < 0 or height == 1:
        raise InvalidInput(f"height must be 0 (the panorama's) or at least 2; got {height}.")
    rows = height or size["H"]
    depth_ray = grounded_distance(
        erp_directions(rows, 2 * rows, dtype=torch.float64),
        camera_height=camera_height,
        dome_radius=dome_radius,
        horizon_rad=horizon_rad,
    ).to(torch.float32)
    nothing = torch.zeros(rows, 2 * rows, dtype=torch.bool)
    report: GeometryReport = {
        "source": "grounded",
        "size": [2 * rows, rows],
        "camera_height": camera_height,
        "dome_radius": dome_radius,
        "horizon_deg": math.degrees(horizon_rad),
        "distance_min": float(depth_ray.min()),
        "distance_max": float(depth_ray.max()),
        "note": "assumed, not measured: ground plane and sky dome",
    }
    rgb = resize_panorama(rgb.detach().to("cpu", torch.float32).clamp(0, 1), rows).contiguous()
    return PanoramaGeometry(rgb, depth_ray, nothing, nothing.clone(), True, report)
