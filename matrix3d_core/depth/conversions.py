"""Distances from and to other people's formats: depth pictures, and the host's MoGe geometry."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from ..checks import check_floating, check_shape
from ..errors import InvalidInput
from ..geometry.spherical import erp_directions
from ..scene.panorama import PanoramaGeometry

__all__ = ["IMAGE_TYPES", "depth_from_image", "depth_from_moge", "describe_depth_image", "moge_from_geometry"]

IMAGE_TYPES = ("depth", "inverse depth")
"""What the gray value of a depth picture may stand for."""

_FULL = 0.5 / 255
_MOST_COLOR, _MOST_COLORED = 0.1, 0.02  # JPEG leaves gray within 0.02 of gray; a few borders may be off


def depth_from_image(
    image: Tensor,  # [H, W, C]
    *,
    kind: str = "depth",
    unit: float = 1.0,
    near: float = 0.0,
    far: float = 0.0,
) -> Tensor:  # [H, W]
    """Read distances from a gray depth picture.

    Relative depth (MiDaS, Depth Anything) has two unknowns: white is the nearest, black the farthest surface, not the
    sky. With ``far`` a value v of ``"inverse depth"`` is ``1 / (1 / far + v (1 / near - 1 / far))``, and one of
    ``"depth"`` is ``near + v (far - near)``.

    Args:
        image: ``[H, W, C]`` floating point; the channels are alike.
        kind: ``"depth"``: ``value * unit``, 0 is unknown; ``"inverse depth"`` (disparity):
            ``unit / value``, 0 is sky.
        unit: distance that the value 1 stands for.
        near: with ``far``: distance of the nearest surface; 0 takes ``unit`` (inverse depth) or 0 (depth).
        far: distance of the farthest surface; 0 when the values are not relative.

    Returns:
        ``[H, W]`` float32; unknown is 0, sky inf.

    Raises:
        InvalidInput: on a wrong shape or kind, a colored picture, a unit that is not positive, or far that is not
            beyond near.
    """
    check_shape("image", image, "H W C")
    check_floating("image", image)
    if kind not in IMAGE_TYPES:
        raise InvalidInput(f"kind must be one of {', '.join(IMAGE_TYPES)}; got {kind!r}.")
    if not 0 < unit < math.inf:
        raise InvalidInput(f"unit must be positive; got {unit}.")
    if not (0 <= near < math.inf and 0 <= far < math.inf):
        raise InvalidInput(f"near and far must be 0 (not used) or positive; got {near} and {far}.")
    _check_gray(image)
    value = image[..., 0].detach().to("cpu", torch.float32)
    if not far:
        if near:
            raise InvalidInput(
                f"near needs far, the distance of the farthest surface; got near {near} alone."
            )
        return value * unit if kind == "depth" else unit / value
    if kind == "inverse depth":
        near = near or unit
    if not near < far:
        raise InvalidInput(f"far must be beyond near; got near {near} and far {far}.")
    if kind == "depth":
        return near + value * (far - near)
    return 1 / (1 / far + value * (1 / near - 1 / far))


def describe_depth_image(image: Tensor, *, kind: str, unit: float, near: float, far: float) -> str:
    """Return one line that says how `depth_from_image` reads a picture, and what it may rather be."""
    if far:
        black, white = (near, far) if kind == "depth" else (far, near or unit)
        return f"{kind}, white is {white:g}, black {black:g}"
    low, high = (float(value) for value in image[..., 0].aminmax())
    text = f"{kind}, white is {unit:g}"
    if kind == "inverse depth" and low <= _FULL and high >= 1 - _FULL:
        text += (
            ", black is sky. It spans black to white, as relative depth (MiDaS, Depth Anything) does: if its farthest "
            "part is a wall, set depth_image_near and depth_image_far"
        )
    return text


def _check_gray(image: Tensor) -> None:
    """Refuse a colored picture: a color map of distances cannot be read back, and a photo holds none."""
    if image.shape[-1] < 3:
        return
    low, high = image[..., :3].detach().aminmax(dim=-1)
    share = float((high - low > _MOST_COLOR).float().mean())
    if share > _MOST_COLORED:
        raise InvalidInput(
            f"a depth picture must be gray; {share:.0%} of this one is colored. Save the depth as gray, not with a "
            "color map, or link the picture as the panorama."
        )


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

    Points use MoGe's spherical axes (z up, the picture's center along -x): ``(-z, x, -y)`` of ours.

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
