"""Multi-view depth by plane sweep: every distance is tried, neighbors along the path vote.

For a pixel of a key frame, its point at each of many distances is looked up in a few other frames, whose poses
are known; where the colors agree, the surface may be. Semi-global smoothing resolves what a single pixel cannot.
Where the panorama's own distance is known, it joins the vote. Works on panoramas and on pinhole frames.

Source: R. Collins, A space-sweep approach to true multi-image matching, 1996; H. Hirschmueller, Stereo processing
by semi-global matching, 2008 (formulas).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..errors import BackendUnavailable
from ..progress import ProgressEvent, ProgressFn, no_progress
from ..scene.camera import Camera
from ..scene.trajectory import Trajectory
from .resample import resized

__all__ = ["PlaneSweepDepth", "can_plane_sweep", "frames_beside", "plane_sweep_depth"]

_SLOPE, _JUMP = 0.02, 0.35
_REACHES = (-5.0, -2.5, -1.2, -0.6, 0.6, 1.2, 2.5, 5.0)
"""Baselines to the frames that are compared. The better half of them counts, so that occlusion in some does no harm."""
_KNOWN_WEIGHT = 0.4
_AGREE = 0.06  # two key frames agree when a point's distance differs by at most this share
_LOCAL_MEAN = 0.7  # share of the local mean taken out of the colors: flicker of the exposure counts less


@dataclass(frozen=True)
class PlaneSweepDepth:
    """What the sweep found for one key frame.

    Attributes:
        depth_ray: ``[h, w]`` ray distance.
        is_confident: ``[h, w]`` bool, another key frame agrees with it and the colors match.
        is_sky: ``[h, w]`` bool, as far as the farthest distance tried.
    """

    depth_ray: Tensor
    is_confident: Tensor
    is_sky: Tensor


def can_plane_sweep() -> bool:
    """Tell whether the compiled kernels can be used here."""
    from importlib.util import find_spec

    return find_spec("numba") is not None


def plane_sweep_depth(
    frames: Tensor,  # [T, H, W, 3]
    trajectory: Trajectory,
    keys: Sequence[int],
    *,
    known_depth: Mapping[int, Tensor] | None = None,  # key -> [h, w]
    nearest: float | None = None,
    farthest: float | None = None,
    levels: int = 64,
    rows: int = 160,
    progress: ProgressFn = no_progress,
) -> dict[int, PlaneSweepDepth]:
    """Find the ray distance of key frames.

    Args:
        frames: ``[T, H, W, 3]`` panoramas, or pinhole frames when the trajectory carries intrinsics.
        trajectory: their poses. A path of no length gives nothing.
        keys: which frames to do.
        known_depth: ray distances of key frames that are known already, at any size; inf: sky, NaN: unknown.
        nearest: least distance to try, world units; guessed from the path when None.
        farthest: distance of what does not move; guessed when None.
        levels: how many distances, even in 1 / distance.
        rows: work at about this many rows (frames are averaged down).
        progress: called before each key frame.

    Returns:
        Key frame to what was found; empty when the camera never moves.

    Raises:
        BackendUnavailable: without numba.
    """
    if not can_plane_sweep():
        raise BackendUnavailable(
            "distances from frames need the numba package, which is not installed. Install it or connect a depth."
        )
    from . import kernels_plane_sweep as kernels

    along = _length_along(trajectory)
    length = float(along[-1])
    if length <= 1e-9:
        return {}
    baseline = _baseline(length, nearest)
    is_guess = nearest is None
    nearest = nearest if nearest is not None else 0.4 * length
    farthest = farthest if farthest is not None else 60 * length
    levels = 2 * levels if is_guess else levels  # far surfaces are close together in 1 / distance
    size = (frames.shape[1], frames.shape[2])
    factor = max(1, round(size[0] / rows))
    inverse_depth = np.linspace(1 / farthest, 1 / nearest, levels)
    cache: dict[int, np.ndarray] = {}

    def camera(frame: int) -> Camera:
        return trajectory.camera(frame, size).downsampled(factor)

    def small(frame: int) -> Tensor:
        return trajectory.camera(frame, size).crop(frames[frame].float(), camera(frame))

    def features(frame: int) -> np.ndarray:
        if frame not in cache:
            cache[frame] = _features(small(frame), camera(frame))
        return cache[frame]

    found: dict[int, tuple[np.ndarray, np.ndarray]] = {}
    for number, key in enumerate(keys):
        progress(ProgressEvent(number, len(keys), f"estimate depth of key frame {number + 1} of {len(keys)}"))
        reference = features(key)
        others = _frames_beside(along, key, baseline, _REACHES)
        if not others:
            continue
        poses = [trajectory.camera_from_world[n] @ trajectory.world_from_camera[key] for n in others]
        own, lens = camera(key), camera(key).kernel_values().numpy()
        height, width = reference.shape[:2]
        known = np.full((height, width), -1.0)
        if known_depth is not None and key in known_depth:
            near = 1 / resized(known_depth[key], (height, width)).double().numpy()
            known = np.where(np.isnan(near), -1.0, np.clip(near, inverse_depth[0], inverse_depth[-1]))
        cost = np.empty((height, width, levels), np.float32)
        total = np.zeros_like(cost)
        best, price = np.empty((height, width), np.float32), np.empty((height, width), np.float32)
        theirs = np.stack([features(n) for n in others])
        turns = np.stack([p[:3].numpy() for p in poses])
        lenses = np.stack([camera(n).kernel_values().numpy() for n in others])
        weight = np.float32(_KNOWN_WEIGHT)
        kernels.match_cost(height, reference, theirs, turns, lens, lenses, inverse_depth, known, weight, cost)
        guide = np.ascontiguousarray(small(key).numpy())
        slope, jump = np.float32(_SLOPE), np.float32(_JUMP)
        kernels.smooth_rows(height, cost, guide, slope, jump, own.wraps, total)
        kernels.smooth_columns(width, cost, guide, slope, jump, total)
        kernels.choose(height, total, cost, inverse_depth, best, price)
        found[key] = _without_outliers(best, own), price
        for old in [n for n in cache if n < key and along[key] - along[n] > 3 * baseline]:
            del cache[old]
    limit = 1.5 * inverse_depth[0] + 0.5 * (inverse_depth[1] - inverse_depth[0])
    return _cross_check(found, trajectory, limit, {key: camera(key) for key in found})


def _without_outliers(inverse_depth: np.ndarray, camera: Camera) -> np.ndarray:  # [H, W]
    """Replace what is far off the median of the 5x5 pixels around by that median: single wrong points float."""
    image = torch.from_numpy(inverse_depth)[None, None]
    height, width = inverse_depth.shape
    around = torch.nn.functional.unfold(camera.pad(image, 2), 5).reshape(25, height, width)
    median = around.median(dim=0).values
    off = (image[0, 0] - median).abs() > 0.1 * median
    return torch.where(off, median, image[0, 0]).numpy()


def _features(rgb: Tensor, camera: Camera) -> np.ndarray:
    """Colors less most of their local mean."""
    planes, reach = rgb.permute(2, 0, 1)[None], 4
    mean = torch.nn.functional.avg_pool2d(camera.pad(planes, reach), 2 * reach + 1, stride=1)
    return (planes - _LOCAL_MEAN * mean)[0].permute(1, 2, 0).contiguous().numpy()


def frames_beside(
    trajectory: Trajectory, key: int, nearest: float | None, reaches: Sequence[float] = _REACHES
) -> list[int]:
    """Return the frames that a frame is compared with: at short baselines, where matches are unique, and at long ones,
    where they are exact.

    Args:
        trajectory: poses of the frames.
        key: the frame.
        nearest: least distance of a surface, world units; guessed from the path when None.
        reaches: how far along the path, in baselines.
    """
    along = _length_along(trajectory)
    return _frames_beside(along, key, _baseline(float(along[-1]), nearest), reaches)


def _length_along(trajectory: Trajectory) -> Tensor:  # [T]
    steps = trajectory.centers.diff(dim=0).norm(dim=-1)
    return torch.cat((torch.zeros(1, dtype=torch.float64), steps.cumsum(0)))


def _baseline(length: float, nearest: float | None) -> float:
    if nearest is None:
        return 0.25 * length
    return min(max(0.35 * nearest, 0.02 * length), 0.25 * length)


def _frames_beside(along: Tensor, key: int, baseline: float, reaches: Sequence[float]) -> list[int]:
    picks = []
    for reach in reaches:
        frame = int((along - (along[key] + reach * baseline)).abs().argmin())
        if frame != key and frame not in picks and abs(float(along[frame] - along[key])) > 0.2 * baseline:
            picks.append(frame)
    return picks


def _cross_check(
    found: dict[int, tuple[np.ndarray, np.ndarray]],
    trajectory: Trajectory,
    sky_inverse_depth: float,
    cameras: Mapping[int, Camera],
) -> dict[int, PlaneSweepDepth]:
    """Keep as confident what the key frame before or after sees at the same place."""
    result = {}
    keys = sorted(found)
    for number, key in enumerate(keys):
        best, price = found[key]
        depth = torch.from_numpy(1 / best).double()
        points = cameras[key].rays() * depth[..., None]
        agreed = torch.zeros(depth.shape, dtype=torch.bool)
        for other in {keys[max(number - 1, 0)], keys[min(number + 1, len(keys) - 1)]} - {key}:
            pose = trajectory.camera_from_world[other] @ trajectory.world_from_camera[key]
            local = points @ pose[:3, :3].T + pose[:3, 3]
            theirs, inside = cameras[other].lookup(torch.from_numpy(1 / found[other][0]).double(), local)
            agreed |= inside & ((theirs / local.norm(dim=-1) - 1).abs() < _AGREE)
        is_sky = torch.from_numpy(best <= sky_inverse_depth)
        confident = agreed & torch.from_numpy(price < 0.12)
        result[key] = PlaneSweepDepth(depth.float(), confident | (is_sky & agreed), is_sky)
    return result
