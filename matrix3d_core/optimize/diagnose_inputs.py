"""Checks of the inputs of a fit before it starts; what is unlikely to work is reported in words."""

from __future__ import annotations

import torch
from torch import Tensor

from ..checks import check_finite, check_shape
from ..errors import InvalidInput
from ..scene.panorama import PanoramaGeometry
from ..scene.trajectory import Trajectory
from .compare_poses import diagnose_poses

__all__ = ["check_distances", "check_inputs", "diagnose_inputs", "nearest_distance"]

_SPREAD_MOST = 1e6
_SQUARE_ROOT_MOST, _SQUARE_ROOT_LEAST = 1e18, 1e-18  # squares of what is between them are float32 numbers


def nearest_distance(geometry: PanoramaGeometry | None, depth_ray: Tensor | None) -> float | None:
    """Return the distance of near surfaces: 2 % of what is known is nearer. None when nothing is known."""
    if geometry is not None:
        known = geometry.depth_ray[~geometry.is_sky]
    elif depth_ray is not None:
        known = depth_ray[0][torch.isfinite(depth_ray[0])]
    else:
        return None
    if known.numel() == 0:
        return None
    return float(known.double().flatten().kthvalue(max(1, known.numel() // 50)).values)


def check_distances(name: str, depth_ray: Tensor) -> None:
    """Refuse distances that no scene has; infinite ones, where nothing is, do not count.

    Raises:
        InvalidInput: when one is above a million times the median, or its square leaves float32.
    """
    known = depth_ray[torch.isfinite(depth_ray)]
    if known.numel() == 0:
        return
    least, most, median = float(known.min()), float(known.max()), float(known.median())
    if most > _SQUARE_ROOT_MOST or least < _SQUARE_ROOT_LEAST or most > _SPREAD_MOST * median:
        raise InvalidInput(
            f"{name}: distances must lie between {_SQUARE_ROOT_LEAST:g} and {_SQUARE_ROOT_MOST:g} and within a "
            f"million times their median; got {least:g} to {most:g}, median {median:g}. Scale them, or mark what is "
            "far away as sky."
        )


def check_inputs(
    frames: Tensor,
    trajectory: Trajectory,
    geometry: PanoramaGeometry | None,
    depth_ray: Tensor | None,
    mask: Tensor | None,
) -> None:
    """Check shapes and values of what a fit is given.

    Raises:
        InvalidInput: see `optimize_gaussians`.
    """
    size = check_shape("frames", frames, "T H W 3")
    count, height, width = size["T"], size["H"], size["W"]
    if count == 0:
        raise InvalidInput("frames must hold at least 1 picture; got none.")
    trajectory.check_frames("frames", (height, width))
    if count != len(trajectory):
        raise InvalidInput(
            f"frames and trajectory must have the same length; got {count} frames and {len(trajectory)} poses. "
            "Resample the trajectory or pick the frames that it was made for."
        )
    check_finite("frames", frames)
    _check_maps((count, height, width), depth_ray, mask)
    if geometry is not None:
        check_finite("geometry", geometry.rgb)
        check_distances("geometry", geometry.depth_ray.masked_fill(geometry.is_sky, torch.inf))


def _check_maps(shape: tuple[int, int, int], depth_ray: Tensor | None, mask: Tensor | None) -> None:
    for name, maps in (("depth", depth_ray), ("mask", mask)):
        if maps is None:
            continue
        if tuple(maps.shape) != shape:
            raise InvalidInput(
                f"{name} must have shape {list(shape)} like the frames; got {list(maps.shape)}."
            )
    if mask is not None:
        check_finite("mask", mask)
    if depth_ray is not None and bool((torch.isnan(depth_ray) | (depth_ray <= 0)).any()):
        raise InvalidInput("depth must be positive (inf where nothing is); got zero, negative or NaN values.")
    if depth_ray is not None:
        check_distances("depth", depth_ray)


def diagnose_inputs(frames: Tensor, trajectory: Trajectory, geometry: PanoramaGeometry | None) -> list[str]:
    """Return a sentence for each thing that is suspicious about the inputs.

    Frames of one color or all alike, too few frames, and poses that explain the frames clearly worse than another
    reading of them would; see `compare_poses`.
    """
    faults = []
    small = frames[:, ::8, ::8].float()
    if float(small.flatten(1).std(dim=1).max()) < 2e-3:
        faults.append("frames hold one single color each; there is no detail to fit.")
    centers = trajectory.centers
    moved = float((centers - centers[0]).norm(dim=-1).max())
    if len(frames) > 1 and moved > 1e-6 and float((small - small[0]).abs().max()) < 2e-3:
        faults.append(
            "frames are all alike although the camera moves; are these the frames of this trajectory?"
        )
    if len(frames) < 3:
        faults.append(f"there are only {len(frames)} frames: none is left to evaluate the result on.")
    if moved <= 1e-6 and len(frames) > 1:
        faults.append("the camera does not move: what the first panorama occludes stays unknown.")
    if geometry is not None and not faults:
        faults += diagnose_poses(frames, trajectory, geometry)
    return faults
