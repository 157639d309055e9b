"""Crops a world to a box, a sphere or an upright cylinder."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict

import torch
from torch import Tensor

from ..errors import InvalidInput
from ..geometry.rotations import matrix_from_yaw_pitch_roll
from ..scene.gaussians import Gaussians

__all__ = ["CROP_SHAPES", "CropReport", "crop_gaussians", "inside_shape"]

CROP_SHAPES = ("box", "sphere", "cylinder")
"""The box may be rotated about the vertical; the cylinder is upright."""


def inside_shape(
    points: Tensor,  # [N, 3]
    shape: str,
    *,
    center: Sequence[float] = (0.0, 0.0, 0.0),
    size: Sequence[float] = (1.0, 1.0, 1.0),
    radius: float = 1.0,
    yaw_rad: float = 0.0,
) -> Tensor:  # [N]
    """Return which points are inside a shape, its surface included.

    Args:
        points: ``[N, 3]`` in the world, OpenCV axes (y points down).
        shape: one of `CROP_SHAPES`.
        center: middle of the shape, world units.
        size: edge lengths of the box along its own x, y and z; of a cylinder only y counts, its height.
        radius: of the sphere and the cylinder.
        yaw_rad: rotation of the box to the right about the vertical.

    Returns:
        ``[N]`` bool. Points that are not finite lie outside.

    Raises:
        InvalidInput: for an unknown shape, or a size that is not positive.
    """
    if shape not in CROP_SHAPES:
        raise InvalidInput(f"shape must be one of {', '.join(CROP_SHAPES)}; got {shape!r}.")
    used = {"box": tuple(size), "sphere": (radius,), "cylinder": (radius, size[1])}[shape]
    if not all(0 < value < float("inf") for value in used):
        raise InvalidInput(
            f"the size of the {shape} must be positive; got {', '.join(f'{v:g}' for v in used)}."
        )
    offset = points.detach().double() - torch.as_tensor(center, dtype=torch.float64, device=points.device)
    if shape == "sphere":
        inside: Tensor = offset.norm(dim=-1) <= radius
        return inside
    half = torch.as_tensor(size, dtype=torch.float64, device=points.device) / 2
    if shape == "cylinder":
        inside = (offset[:, (0, 2)].norm(dim=-1) <= radius) & (offset[:, 1].abs() <= half[1])
        return inside
    turn = matrix_from_yaw_pitch_roll(*torch.tensor((yaw_rad, 0.0, 0.0), dtype=torch.float64)).to(
        points.device
    )
    return ((offset @ turn).abs() <= half).all(-1)


class CropReport(TypedDict):
    """The report of `crop_gaussians`."""

    before: int
    after: int
    bounds: list[list[float]]


def crop_gaussians(
    gaussians: Gaussians,
    shape: str,
    *,
    keep: str = "inside",
    center: Sequence[float] = (0.0, 0.0, 0.0),
    size: Sequence[float] = (1.0, 1.0, 1.0),
    radius: float = 1.0,
    yaw_rad: float = 0.0,
) -> tuple[Gaussians, CropReport]:
    """Keep the Gaussians whose centers lie inside (or outside) of a shape; see `inside_shape`.

    Returns:
        The rest, in their old order, and a report with the counts and the bounds of the result.

    Raises:
        InvalidInput: as `inside_shape`, for an unknown ``keep``, or when no Gaussians would be left.
    """
    if keep not in ("inside", "outside"):
        raise InvalidInput(f"keep must be 'inside' or 'outside'; got {keep!r}.")
    inside = inside_shape(gaussians.means, shape, center=center, size=size, radius=radius, yaw_rad=yaw_rad)
    kept = inside if keep == "inside" else ~inside
    if not kept.any():
        raise InvalidInput(
            f"the crop must leave at least 1 splat; there are none {keep} this {shape}. "
            f"The world reaches from {_corner(gaussians.means, 0)} to {_corner(gaussians.means, 1)}."
        )
    rest = gaussians.select(kept)
    low, high = rest.means.amin(0).tolist(), rest.means.amax(0).tolist()
    return rest, {"before": len(gaussians), "after": len(rest), "bounds": [low, high]}


def _corner(means: Tensor, which: int) -> str:
    finite = means[torch.isfinite(means).all(-1)]
    if not len(finite):
        return "nowhere"
    values = finite.amin(0) if which == 0 else finite.amax(0)
    return "(" + ", ".join(f"{v:.3g}" for v in values.tolist()) + ")"
