"""Align a monocular distance map to one that is known: scale and shift first, then smoothly, pixel by pixel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from ..checks import check_shape
from ..errors import InvalidInput
from ..progress import ProgressEvent, ProgressFn, no_progress
from ..scene.camera import Equirect
from ..scene.panorama import PanoramaGeometry
from ..scene.trajectory import Trajectory

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

__all__ = ["align_depth", "align_frames", "align_scale_shift", "nearness_weight"]

_LEAST = 1e-3
_KNOWN_WEIGHT = 0.5


def nearness_weight(known: Tensor, region: Tensor) -> Tensor:  # [H, W], [H, W] -> [H, W]
    """Return ``exp(-(d - min) / (max - min))`` over the region: 1 at the nearest, 1 / e at the farthest."""
    inside = known[region]
    low, high = inside.min(), inside.max()
    return torch.exp(-(known - low) / (high - low).clamp_min(1e-12))


def align_scale_shift(depth: Tensor, known: Tensor, region: Tensor) -> tuple[float, float]:
    """Return a and b that minimize ``sum w^2 (a D + b - D')^2`` over the region, w = `nearness_weight`.

    Raises:
        InvalidInput: when fewer than two pixels, or pixels of one distance, are compared.

    Source: Matrix-3D, optimization stage (first step of the alignment).
    """
    ours, theirs = depth.double()[region], known.double()[region]
    if len(ours) < 2:
        raise InvalidInput(f"at least 2 pixels must be known in both depths; got {len(ours)}.")
    weight = nearness_weight(known.double(), region)[region].square()
    total = weight.sum()
    mean, aim = (weight * ours).sum() / total, (weight * theirs).sum() / total
    spread = (weight * (ours - mean).square()).sum()
    if float(spread) <= 1e-12 * float(total) * float(mean.abs() + 1e-12) ** 2:
        scale = float(aim / mean) if float(mean) else 1.0
        return scale, 0.0
    scale = float((weight * (ours - mean) * (theirs - aim)).sum() / spread)
    return scale, float(aim) - scale * float(mean)


def align_depth(
    depth: Tensor,  # [H, W]
    known: Tensor,  # [H, W]
    region: Tensor,  # [H, W]
    *,
    sky: Tensor | None = None,  # [H, W]
    wraps: bool = True,
    upstream_exact: bool = False,
    tolerance: float = 5e-6,
) -> tuple[Tensor, dict[str, float]]:
    """Align a ray distance map to another that is known in part.

    First ``a D + b`` (see `align_scale_shift`; at least 0.001). Then the logarithm is solved for on all pixels at
    once: its differences to the right and down and its Laplacian stay as they are, with weight 1, and on the
    region it is that of the known distance, with weight half of `nearness_weight`.

    Args:
        depth: ``[H, W]`` positive, finite: the monocular estimate; any value in the sky.
        known: ``[H, W]`` distances to meet; any value outside of the region.
        region: ``[H, W]`` bool, where both are to be trusted.
        sky: ``[H, W]`` bool or None. Its pixels are never compared; they take part in the solution with twice the
            largest other distance, and come out as twice the largest aligned one.
        wraps: neighbors across the left and right border count as such (a panorama).
        upstream_exact: the rows of equations as Matrix-3D has them: no wrap, none on the first row and column.
        tolerance: of the solver.

    Returns:
        The aligned distance ``[H, W]`` float32, and ``scale``, ``shift``, ``region_share``.

    Raises:
        InvalidInput: for wrong shapes, values that are not positive and finite, or an empty region.

    Source: Matrix-3D, optimization stage.
    """
    size = check_shape("depth", depth, "H W")
    height, width = size["H"], size["W"]
    check_shape("known", known, f"{height} {width}")
    check_shape("region", region, f"{height} {width}")
    sky = torch.zeros_like(region, dtype=torch.bool) if sky is None else sky.bool()
    check_shape("sky", sky, f"{height} {width}")
    if not bool((sky | (torch.isfinite(depth) & (depth > 0))).all()):
        raise InvalidInput("depth must be positive and finite outside of the sky; fill holes first.")
    region = region.bool() & ~sky & torch.isfinite(known) & (known > 0)
    if bool(region.any()):
        depth = torch.where(sky, 2 * depth[~sky].max(), depth)
    scale, shift = align_scale_shift(depth, known, region)
    moved = (scale * depth.double() + shift).clamp_min(_LEAST)
    from scipy.sparse import coo_matrix, vstack
    from scipy.sparse.linalg import lsmr

    start = moved.log().numpy().ravel()
    smooth = _smooth_rows(height, width, wraps and not upstream_exact, upstream_exact)
    weight = _KNOWN_WEIGHT * nearness_weight(known.double(), region)[region].numpy()
    at = np.flatnonzero(region.numpy().ravel())
    anchors = coo_matrix((weight, (np.arange(len(at)), at)), shape=(len(at), height * width)).tocsr()
    rows = vstack((smooth, anchors)).tocsr()
    aims = np.concatenate((smooth @ start, weight * known.double().log()[region].numpy()))
    solved = lsmr(rows, aims, x0=start, atol=tolerance, btol=tolerance)[0]
    result = torch.from_numpy(np.exp(solved).reshape(height, width).astype(np.float32))
    result = torch.where(sky, 2 * result[~sky].max(), result)
    facts = {"scale": scale, "shift": shift, "region_share": float(region.float().mean())}
    return result, facts


def _smooth_rows(height: int, width: int, wraps: bool, upstream_exact: bool) -> csr_matrix:
    """Differences across and down, and the five-point Laplacian, of a picture in row-major order."""
    from scipy.sparse import coo_matrix

    index = np.arange(height * width).reshape(height, width)
    groups: list[list[tuple[np.ndarray, float]]] = []
    if upstream_exact:
        inner = slice(1, height - 1)
        groups.append([(index[inner, 3:], 1.0), (index[inner, 2:-1], -1.0)])
        groups.append([(index[3:, 1 : width - 1], 1.0), (index[2:-1, 1 : width - 1], -1.0)])
        r, c = slice(2, height - 1), slice(2, width - 1)
        groups.append(
            [
                (index[r, c], -4.0),
                (index[1 : height - 2, c], 1.0),
                (index[3:height, c], 1.0),
                (index[r, 1 : width - 2], 1.0),
                (index[r, 3:width], 1.0),
            ]
        )
    else:
        right = np.roll(index, -1, axis=1)
        left = np.roll(index, 1, axis=1)
        last = width if wraps else width - 1
        groups.append([(right[:, :last], 1.0), (index[:, :last], -1.0)])
        groups.append([(index[1:], 1.0), (index[:-1], -1.0)])
        columns = slice(0, width) if wraps else slice(1, width - 1)
        groups.append(
            [
                (index[1:-1, columns], -4.0),
                (index[:-2, columns], 1.0),
                (index[2:, columns], 1.0),
                (left[1:-1, columns], 1.0),
                (right[1:-1, columns], 1.0),
            ]
        )
    row, column, value, first = [], [], [], 0
    for group in groups:
        count = group[0][0].size
        for pixels, factor in group:
            row.append(np.arange(first, first + count))
            column.append(pixels.ravel())
            value.append(np.full(count, factor))
        first += count
    data = (np.concatenate(value), (np.concatenate(row), np.concatenate(column)))
    return coo_matrix(data, shape=(first, height * width)).tocsr()


def align_frames(
    depth_ray: Tensor,  # [T, H, W]
    trajectory: Trajectory,
    keys: Sequence[int],
    *,
    geometry: PanoramaGeometry | None = None,
    progress: ProgressFn = no_progress,
) -> Tensor:  # [T, H, W]
    """Align the monocular distances of key frames to one another, each to the one before.

    The first is met by the panorama's own distance where there is one, else it is taken as it is. Then each key
    frame is aligned (`align_depth`) to the points of the previous one, projected into its view, and those of
    the panorama.

    Args:
        depth_ray: ``[T, H, W]`` monocular ray distances, each with a scale and shift of its own; inf: sky.
        trajectory: poses of the frames, panoramas or, with intrinsics, pinhole pictures.
        keys: frames to align, ascending.
        geometry: the source panorama with the distance that sets the scale.
        progress: called before each key frame.

    Returns:
        Distances of the key frames, inf in the sky and in all other frames.
    """
    from . import kernels_plane_sweep as kernels

    size = (depth_ray.shape[1], depth_ray.shape[2])
    result = torch.full(depth_ray.shape, torch.inf)
    points: list[Tensor] = []
    if geometry is not None:
        start = trajectory.world_from_panorama
        own = Equirect((geometry.height, geometry.width)).rays() * geometry.depth_ray[..., None]
        points.append(own[geometry.is_valid & ~geometry.is_sky] @ start[:3, :3].T + start[:3, 3])
    for number, key in enumerate(keys):
        progress(ProgressEvent(number, len(keys), f"align depth of key frame {number + 1} of {len(keys)}"))
        estimate, camera = depth_ray[key], trajectory.camera(key, size)
        sky = ~torch.isfinite(estimate)
        aligned = estimate.clone()
        if points and not bool(sky.all()):
            shown = np.full(size, np.inf)
            pose, lens = trajectory.camera_from_world[key], camera.kernel_values().numpy()
            kernels.splat_distance(torch.cat(points).numpy(), pose.numpy(), lens, shown)
            known = torch.from_numpy(shown)
            # A far point seen through a gap between near ones is not what is seen there.
            near = -torch.nn.functional.max_pool2d(-known[None, None].clamp_max(1e9), 3, stride=1, padding=1)[
                0, 0
            ]
            region = torch.isfinite(known) & (known < 1.05 * near) & ~sky
            if int(region.sum()) >= 100:
                aligned, _ = align_depth(estimate, known, region, sky=sky, wraps=camera.wraps)
                aligned[sky] = torch.inf
        result[key] = aligned
        pose = trajectory.world_from_camera[key]
        fresh = (camera.rays() * aligned[..., None])[~sky] @ pose[:3, :3].T + pose[:3, 3]
        points = ([points[0]] if geometry is not None else []) + [fresh]
    return result
