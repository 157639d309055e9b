"""Distances from and to other people's formats: depth pictures, and the host's MoGe geometry."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from ..checks import check_floating, check_shape
from ..errors import InvalidInput
from ..geometry.spherical import erp_directions
from ..scene.panorama import PanoramaGeometry

__all__ = ["IMAGE_KINDS", "depth_from_image", "depth_from_moge", "moge_from_geometry"]

IMAGE_KINDS = ("distance", "inverse distance")
"""What the grey value of a depth picture may stand for."""


def depth_from_image(image: Tensor, *, kind: str = "distance", unit: float = 1.0) -> Tensor:  # [H, W, C]
    """Read distances from the first channel of a depth picture.

    Args:
        image: ``[H, W, C]`` floating point.
        kind: ``"distance"``: ``value * unit``, 0 is unknown; ``"inverse distance"`` (disparity):
            ``unit / value``, 0 is sky.
        unit: distance that the value 1 stands for.

    Returns:
        ``[H, W]`` float32; unknown is 0, sky inf.

    Raises:
        InvalidInput: on a wrong shape or kind, or a unit that is not positive.
    """
    check_shape("image", image, "H W C")
    check_floating("image", image)
    if kind not in IMAGE_KINDS:
        raise InvalidInput(f"kind must be one of {', '.join(IMAGE_KINDS)}; got {kind!r}.")
    if not 0 < unit < float("inf"):
        raise InvalidInput(f"unit must be positive; got {unit}.")
    value = image[..., 0].detach().to("cpu", torch.float32)
    return value * unit if kind == "distance" else unit / value


def depth_from_moge(moge: Mapping[str, Any]) -> tuple[Tensor, Tensor]:  # [H, W], [H, W]
    """Take ray distance and mask out of the MoGe geometry of one panorama.

    Args:
        moge: the host's MOGE_GEOMETRY: ``depth [1, H, W]`` (ray distance for panoramas) and, if there,
            ``mask [1, H, W]``, False for sky.

    Returns:
        ``depth_ray [H, W]`` float32 and ``valid [H, W]`` bool.

    Raises:
        InvalidInput: when it is no such mapping, of several pictures, or of a perspective picture, whose
            depth means something else.
    """
    if not isinstance(moge, Mapping) or not isinstance(moge.get("depth"), Tensor):
        raise InvalidInput(
            "moge_geometry must be the host's MoGe result with a depth; got something else. "
            "Link the output of MoGe Panorama Inference."
        )
    if "intrinsics" in moge:
        raise InvalidInput(
            "moge_geometry must come from MoGe Panorama Inference; this one is of a perspective picture."
        )
    depth_ray = moge["depth"]
    size = check_shape("moge_geometry depth", depth_ray, "B H W")
    if size["B"] != 1:
        raise InvalidInput(f"moge_geometry must be of one picture; got {size['B']}.")
    mask = moge.get("mask")
    if mask is None:
        mask = torch.ones_like(depth_ray)
    check_shape("moge_geometry mask", mask, f"1 {size['H']} {size['W']}")
    return depth_ray[0].detach().to("cpu", torch.float32), mask[0].detach().cpu() > 0.5


def moge_from_geometry(geometry: PanoramaGeometry) -> dict[str, Tensor]:
    """Return the geometry as the host's MOGE_GEOMETRY of one panorama.

    Points use MoGe's spherical axes (z up, the picture's centre along -x): ``(-z, x, -y)`` of ours.

    Returns:
        ``image [1, H, W, 3]``, ``depth [1, H, W]``, ``mask [1, H, W]`` bool (False for sky) and
        ``points [1, H, W, 3]``.
    """
    x, y, z = (erp_directions(geometry.height, geometry.width) * geometry.depth_ray[..., None]).unbind(-1)
    return {
        "image": geometry.rgb[None],
        "depth": geometry.depth_ray[None],
        "mask": ~geometry.is_sky[None],
        "points": torch.stack((-z, x, -y), dim=-1)[None],
    }
