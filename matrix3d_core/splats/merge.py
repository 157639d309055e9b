"""Merges worlds and fuses duplicates."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict

import numpy as np
import torch
from torch import Tensor

from ..errors import InvalidInput
from ..progress import ProgressEvent, ProgressFn, no_progress
from ..scene.gaussians import Gaussians
from .clean import valid_mask
from .moments import covariances, fuse_groups

__all__ = ["FUSE_MODES", "MergeReport", "merge_gaussians"]

FUSE_MODES = ("mahalanobis", "voxel", "none")
"""How duplicates are found: by overlap of the Gaussians themselves, by a shared cell, or not at all."""

_CANDIDATES = 4


class MergeReport(TypedDict):
    """The report of `merge_gaussians`."""

    parts: list[int]
    fused: int
    after: int


def merge_gaussians(
    parts: Sequence[Gaussians],
    *,
    fuse: str = "mahalanobis",
    distance: float = 1.0,
    voxel_size: float = 0.05,
    color_tolerance: float = 0.25,
    progress: ProgressFn = no_progress,
) -> tuple[Gaussians, MergeReport]:
    """Merge worlds that are in the same frame.

    Gaussians of one part are never fused with each other. Between a part and what was joined before it,
    ``mahalanobis`` fuses pairs that are each other's best match, closer than ``distance`` standard deviations
    of both together, of similar size and color; ``voxel`` fuses Gaussians of different parts in one cell.

    Args:
        parts: at least one world, on the CPU; lower SH degrees are padded.
        fuse: one of `FUSE_MODES`.
        distance: Mahalanobis distance below which two Gaussians are the same, positive.
        voxel_size: edge of the cells, world units.
        color_tolerance: largest difference in any of red, green and blue between duplicates.
        progress: called between parts.

    Returns:
        The joined world and a report with the counts.

    Raises:
        InvalidInput: for no parts, an unknown mode, or numbers that are not positive.
    """
    if not parts:
        raise InvalidInput("there must be at least 1 world to merge; got none.")
    if fuse not in FUSE_MODES:
        raise InvalidInput(f"fuse must be one of {', '.join(FUSE_MODES)}; got {fuse!r}.")
    if not (0 < distance < float("inf") and 0 < voxel_size < float("inf")):
        raise InvalidInput(f"distance and voxel_size must be positive; got {distance} and {voxel_size}.")
    for number, part in enumerate(parts):
        broken = int((~valid_mask(part)).sum())
        if broken:
            raise InvalidInput(
                f"world {number + 1} must be finite; {broken} of its splats are not. Clean it first (Clean Splats)."
            )
    joined, fused = parts[0], 0
    for number, part in enumerate(parts[1:]):
        progress(ProgressEvent(number, len(parts) - 1, f"merge world {number + 2} of {len(parts)}"))
        both = Gaussians.concatenate(joined, part)
        if fuse == "mahalanobis":
            group = _pairs(joined, part, both, distance, color_tolerance)
        elif fuse == "voxel":
            group = _shared_cells(both, len(joined), voxel_size, color_tolerance)
        else:
            group = torch.arange(len(both))
        joined = fuse_groups(both, group, duplicates=True) if fuse != "none" else both
        fused += len(both) - len(joined)
    progress(ProgressEvent(1, 1, "worlds merged"))
    report: MergeReport = {"parts": [len(p) for p in parts], "fused": fused, "after": len(joined)}
    return joined, report


def _pairs(first: Gaussians, second: Gaussians, both: Gaussians, most: float, tolerance: float) -> Tensor:
    """Group numbers ``[N1 + N2]``: mutual best matches share that of the first."""
    from scipy.spatial import cKDTree

    group = torch.arange(len(both))
    if not len(first) or not len(second):
        return group
    count = len(first)
    a, b = first.means.double().numpy(), second.means.double().numpy()
    near = min(_CANDIDATES, count)
    index = cKDTree(a).query(b, k=near, workers=-1)[1].reshape(len(b), near)
    spread = covariances(both)
    sizes = both.scales.double().prod(-1).pow(1 / 3)
    best = torch.full((len(b),), torch.inf, dtype=torch.float64)
    match = torch.zeros(len(b), dtype=torch.long)
    for column in range(near):
        j = torch.from_numpy(np.ascontiguousarray(index[:, column]))
        offset = second.means.double() - first.means.double()[j]
        total = spread[count:] + spread[j]
        total = total + 1e-12 * total.diagonal(dim1=1, dim2=2).amax(1)[:, None, None] * torch.eye(3)
        value = (offset * torch.linalg.solve(total, offset.unsqueeze(-1)).squeeze(-1)).sum(-1)
        ratio = (sizes[count:] / sizes[j]).log().abs()
        apart = (both.colors[count:] - both.colors[j]).abs().amax(-1)
        fits = (value < most**2) & (ratio < np.log(3.0)) & (apart <= tolerance)
        value = torch.where(fits, value, torch.inf)
        better = value < best
        best, match = torch.where(better, value, best), torch.where(better, j, match)
    found = torch.nonzero(torch.isfinite(best)).squeeze(-1)
    order = found[torch.argsort(best[found], stable=True)]  # each of the first has one best match
    taken = torch.full((count,), len(b), dtype=torch.long)
    taken = taken.scatter_reduce(0, match[order], torch.arange(len(order)), "amin")
    winners = order[taken[taken < len(order)]] if len(order) else order
    group[count + winners] = match[winners]
    return group


def _shared_cells(both: Gaussians, count: int, voxel_size: float, tolerance: float) -> Tensor:
    cell = (both.means.double() / voxel_size).floor().long()
    color = (both.colors.double().clamp(0, 1) / max(tolerance, 1e-3)).floor().long()
    _, key = torch.unique(torch.cat((cell, color), 1), dim=0, return_inverse=True)
    cells = int(key.max()) + 1
    has = torch.zeros(2, cells, dtype=torch.bool)
    has[0, key[:count]] = True
    has[1, key[count:]] = True
    shared = (has[0] & has[1])[key]
    return torch.where(shared, key, cells + torch.arange(len(key)))
