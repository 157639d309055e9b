"""Removes invalid, faint and floating Gaussians from a world, and limits oversized ones.

A world seen from inside is dense near the camera and sparse far away, so nothing here is measured in world
units: a Gaussian is compared with the spacing of its own neighborhood, the median distance to its nearest
neighbors.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypedDict

import numpy as np
import torch
from torch import Tensor

from ..errors import InvalidInput
from ..progress import ProgressEvent, ProgressFn, no_progress
from ..scene.gaussians import Gaussians

__all__ = ["CleanConfig", "CleanReport", "clean_gaussians", "valid_mask"]


@dataclass(frozen=True)
class CleanConfig:
    """How strict `clean_gaussians` is; 0 switches a step off.

    Attributes:
        min_opacity: Gaussians below it are removed.
        neighbors: how many nearest neighbors make a neighborhood, at least 4.
        outlier_ratio: Gaussians whose spacing is this many times that of their neighbors are removed.
        min_cluster: connected clusters of fewer Gaussians are removed.
        link_ratio: two neighbors are connected when no farther apart than this many spacings.
        max_size_ratio: standard deviations are clamped to this many spacings.
    """

    min_opacity: float = 0.02
    neighbors: int = 12
    outlier_ratio: float = 4.0
    min_cluster: int = 30
    link_ratio: float = 3.0
    max_size_ratio: float = 8.0

    def __post_init__(self) -> None:
        if self.neighbors < 4:
            raise InvalidInput(f"neighbors must be at least 4; got {self.neighbors}.")
        if not 0 <= self.min_opacity <= 1:
            raise InvalidInput(f"min_opacity must lie between 0 and 1; got {self.min_opacity}.")
        for name in ("outlier_ratio", "link_ratio", "max_size_ratio", "min_cluster"):
            value = getattr(self, name)
            if not 0 <= value < float("inf"):
                raise InvalidInput(f"{name} must be 0 (off) or more; got {value}.")
        if 0 < self.outlier_ratio < 1:
            raise InvalidInput(f"outlier_ratio must be 0 (off) or at least 1; got {self.outlier_ratio}.")


def valid_mask(gaussians: Gaussians) -> Tensor:  # [N]
    """Return which Gaussians can be drawn: finite, with a rotation, and with a positive size."""
    finite = torch.stack([torch.isfinite(t).flatten(1).all(1) for t in gaussians.tensors()[:3]])
    rest = torch.isfinite(gaussians.opacities) & torch.isfinite(gaussians.sh).flatten(1).all(1)
    turned = gaussians.quats_wxyz.norm(dim=-1) > 1e-12
    result: Tensor = finite.all(0) & rest & turned & (gaussians.scales > 0).all(1)
    return result


class CleanReport(TypedDict, total=False):
    """The number of Gaussians before, removed or clamped by each step of `clean_gaussians`, and after."""

    before: int
    invalid: int
    faint: int
    outliers: int
    clumps: int
    clamped: int
    after: int


def clean_gaussians(
    gaussians: Gaussians, config: CleanConfig | None = None, progress: ProgressFn = no_progress
) -> tuple[Gaussians, CleanReport]:
    """Remove floaters and invalid Gaussians, and clamp oversized ones.

    In this order: Gaussians that cannot be drawn (NaN, no rotation, no size), faint ones, outliers (alone,
    far from a neighborhood that is dense), clumps (small connected clusters, away from everything else),
    and then oversized ones, which stay but are clamped. Opacities are clamped to [0, 1] and rotations made unit.

    Args:
        gaussians: the world, on the CPU; may hold NaN.
        config: how strict; None for the defaults.
        progress: called between the steps.

    Returns:
        The clean world, in its old order, and a report: how many each step removed.

    Raises:
        InvalidInput: when no Gaussians would be left.
    """
    config = config or CleanConfig()
    if not len(gaussians):
        raise InvalidInput("the world must hold at least 1 splat; got none.")
    steps = 4
    report: CleanReport = {"before": len(gaussians)}
    good = valid_mask(gaussians)
    report["invalid"] = int((~good).sum())
    world = _tidy(gaussians.select(good))
    faint = world.opacities < config.min_opacity
    report["faint"] = int(faint.sum())
    world = world.select(~faint)
    _refuse_empty(world, report)

    progress(ProgressEvent(1, steps, "clean splats: neighborhoods"))
    distance, index = _nearest(world.means, config.neighbors)
    report["outliers"] = report["clumps"] = 0
    if distance is not None and config.outlier_ratio:
        spacing = np.median(distance, axis=1)
        around = np.median(spacing[index], axis=1)
        stray = distance.mean(1) > config.outlier_ratio * np.maximum(around, 1e-30)
        report["outliers"] = int(stray.sum())
        world = world.select(torch.from_numpy(~stray))
        _refuse_empty(world, report)
        distance, index = _nearest(world.means, config.neighbors)

    progress(ProgressEvent(2, steps, "clean splats: clumps"))
    if distance is not None and config.min_cluster > 1 and config.link_ratio:
        small = _in_small_clump(distance, index, config)
        report["clumps"] = int(small.sum())
        world = world.select(torch.from_numpy(~small))
        _refuse_empty(world, report)
        distance, index = _nearest(world.means, config.neighbors)

    progress(ProgressEvent(3, steps, "clean splats: sizes"))
    report["clamped"] = 0
    if distance is not None and config.max_size_ratio:
        most = torch.from_numpy(config.max_size_ratio * np.median(distance, axis=1)).to(world.scales)[:, None]
        most = most.clamp_min(torch.finfo(world.scales.dtype).tiny)
        report["clamped"] = int((world.scales > most).any(1).sum())
        scales = torch.minimum(world.scales, most)
        world = replace(world, scales=scales)
    report["after"] = len(world)
    progress(ProgressEvent(steps, steps, "splats cleaned"))
    return world, report


def _tidy(world: Gaussians) -> Gaussians:
    quats = torch.nn.functional.normalize(world.quats_wxyz, dim=-1)
    return replace(world, quats_wxyz=quats, opacities=world.opacities.clamp(0, 1))


def _refuse_empty(world: Gaussians, report: CleanReport) -> None:
    if len(world) == 0:
        taken = ", ".join(f"{count} {name}" for name, count in report.items() if name != "before" and count)
        raise InvalidInput(
            f"cleaning must leave at least 1 splat; all {report['before']} were removed ({taken}). Be less strict."
        )


def _nearest(means: Tensor, count: int) -> tuple[np.ndarray | None, np.ndarray]:  # [N, k] each
    """Distances and indices of the nearest neighbors, the Gaussian itself left out; None for too few."""
    from scipy.spatial import cKDTree

    points = means.detach().double().numpy()
    count = min(count, len(points) - 1)
    if count < 4:
        return None, np.empty((len(points), 0), np.int64)
    distance, index = cKDTree(points).query(points, k=count + 1, workers=-1)
    return distance[:, 1:], index[:, 1:]


def _in_small_clump(distance: np.ndarray, index: np.ndarray, config: CleanConfig) -> np.ndarray:  # [N] bool
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    spacing = np.median(distance, axis=1)
    linked = distance <= config.link_ratio * np.minimum(spacing[:, None], spacing[index])
    start, slot = np.nonzero(linked)
    graph = coo_matrix((np.ones(len(start), np.int8), (start, index[start, slot])), shape=(len(index),) * 2)
    _, label = connected_components(graph, directed=False)
    sizes = np.bincount(label)
    least = min(config.min_cluster, int(sizes.max()))  # a world of small clumps keeps its largest
    result: np.ndarray = sizes[label] < least
    return result
