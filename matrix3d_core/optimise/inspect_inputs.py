"""A look at the inputs of a fit before it starts: what will not work is said in words."""

from __future__ import annotations

import torch
from torch import Tensor

from ..errors import InvalidInput
from ..geometry.spherical import erp_directions, pixels_from_directions
from ..scene.panorama import PanoramaGeometry
from ..scene.trajectory import Trajectory

__all__ = ["check_distances", "find_faults", "nearest_distance"]

_SAMPLES = 3000
_SPREAD_MOST = 1e6
_SQUARE_ROOT_MOST, _SQUARE_ROOT_LEAST = 1e18, 1e-18  # squares of what is between them are float32 numbers


def nearest_distance(geometry: PanoramaGeometry | None, depth_ray: Tensor | None) -> float | None:
    """Return the distance of near surfaces: 2 % of what is known lies nearer. None when nothing is known."""
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


def find_faults(frames: Tensor, trajectory: Trajectory, geometry: PanoramaGeometry | None) -> list[str]:
    """Return a sentence for each thing that is suspicious about the inputs.

    Frames of one colour or all alike, too few frames, and poses that explain the frames worse than no motion at
    all or than the inverse motion would.
    """
    faults = []
    small = frames[:, ::8, ::8].float()
    if float(small.flatten(1).std(dim=1).max()) < 2e-3:
        faults.append("frames hold one single colour each; there is no detail to fit.")
    centres = trajectory.centres
    moved = float((centres - centres[0]).norm(dim=-1).max())
    if len(frames) > 1 and moved > 1e-6 and float((small - small[0]).abs().max()) < 2e-3:
        faults.append(
            "frames are all alike although the camera moves; are these the frames of this trajectory?"
        )
    if len(frames) < 3:
        faults.append(f"there are only {len(frames)} frames: none is left to judge the result by.")
    if moved <= 1e-6 and len(frames) > 1:
        faults.append("the camera does not move: what the first panorama hides stays unknown.")
    if geometry is not None and trajectory.K_px is None and moved > 1e-6 and not faults:
        faults += _pose_faults(frames, trajectory, geometry)
    return faults


def _pose_faults(frames: Tensor, trajectory: Trajectory, geometry: PanoramaGeometry) -> list[str]:
    """Compare the colours of known points with the frames: at the given, the inverse and the first pose."""
    height, width = geometry.depth_ray.shape
    known = (~geometry.is_sky).flatten().nonzero()[:, 0]
    if len(known) < 100:
        return []
    picks = known[torch.linspace(0, len(known) - 1, _SAMPLES).long()]
    points = (
        erp_directions(height, width, dtype=torch.float64) * geometry.depth_ray[..., None].double()
    ).reshape(-1, 3)[picks]
    start = torch.eye(4, dtype=torch.float64)
    if trajectory.frame_of_reference != "panorama":
        start = trajectory.world_from_camera[0]
    points = points @ start[:3, :3].T + start[:3, 3]
    colours = _blurred(geometry.rgb).reshape(-1, 3)[picks]
    far = (trajectory.centres - start[:3, 3]).norm(dim=-1)
    chosen = {int(far.argmax()), int((far - far.max() / 2).abs().argmin())}
    given = inverse = still = 0.0
    for frame in chosen:
        blurred = _blurred(frames[frame].float())
        pose = trajectory.camera_from_world[frame]
        relative = pose @ start
        for name, view in (
            ("given", pose),
            ("inverse", torch.linalg.inv(relative) @ torch.linalg.inv(start)),
        ):
            error = _difference(points, colours, view, blurred)
            if name == "given":
                given += error
            else:
                inverse += error
        still += _difference(points, colours, torch.linalg.inv(start), blurred)
    if given <= 0.02 * len(chosen):
        return []
    if inverse < 0.7 * given:
        return [
            "the poses look inverted: their inverses explain the frames better. Poses must be camera-from-world (w2c)."
        ]
    if still < 0.9 * given:
        return [
            "the poses do not explain the frames: the panorama's points would match better if the camera had not "
            "moved. Check that trajectory, geometry and frames belong together and share one scale."
        ]
    return []


def _blurred(rgb: Tensor) -> Tensor:
    reach = max(1, rgb.shape[0] // 120)
    pooled = torch.nn.functional.avg_pool2d(
        rgb.permute(2, 0, 1)[None], 2 * reach + 1, stride=1, padding=reach, count_include_pad=False
    )
    return pooled[0].permute(1, 2, 0)


def _difference(points: Tensor, colours: Tensor, camera_from_world: Tensor, image: Tensor) -> float:
    """Median over points of how far the colours are apart."""
    local = points @ camera_from_world[:3, :3].T + camera_from_world[:3, 3]
    height, width = image.shape[:2]
    column, row = pixels_from_directions(local, height=height, width=width)
    there = image[row.round().long().clamp(0, height - 1), column.round().long() % width]
    return float((there - colours).abs().mean(-1).mean())
