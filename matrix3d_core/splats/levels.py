"""Levels of detail: coarser worlds for larger distances.

Neighbors in a cell are fused into one Gaussian that keeps their mass, center and spread. The cells are those of
a grid, or, for a world that is seen from inside, of shells around the viewer with cells of constant angular
size: distant regions are already coarse.
"""

from __future__ import annotations

from typing import Required, TypedDict

import torch
from torch import Tensor

from ..errors import InvalidInput
from ..geometry.rotations import matrix_from_quats
from ..progress import ProgressEvent, ProgressFn, attentive, no_progress
from ..scene.gaussians import Gaussians
from ..scene.trajectory import Trajectory
from .clean import valid_mask
from .evaluation_views import centers_inside, evaluation_views, mean_psnr, pictures
from .moments import fuse_groups
from .refit import refit

__all__ = ["CELLS", "LevelReport", "LevelsReport", "downsample", "levels_of_detail"]

CELLS = ("view", "grid")
"""``view``: cells of constant angular size from the path. ``grid``: cubes of one size."""

_STRICTNESS = ((0.25, 0.25), (0.5, 0.25), (2.0, 4.0))
"""Color differences that are not fused, and the cell size at which each is relaxed."""
_SEARCH = 24
_CLOSED = 3.0  # see fuse_groups


def downsample(
    gaussians: Gaussians, target: int, *, cells: str = "view", centers: Tensor | None = None
) -> Gaussians:
    """Fuse neighbors until about ``target`` Gaussians are left (at most that many where possible).

    Only Gaussians that lie in the same cell, face the same way and have a similar color are fused, so edges
    and textures stay.

    Args:
        gaussians: the world, on the CPU.
        target: number of Gaussians to keep, at least 1.
        cells: one of `CELLS`.
        centers: ``[P, 3]`` where the viewer may be; None is the origin.

    Raises:
        InvalidInput: for a target below 1 or unknown cells.
    """
    if target < 1:
        raise InvalidInput(f"the number of splats to keep must be at least 1; got {target}.")
    if cells not in CELLS:
        raise InvalidInput(f"cells must be one of {', '.join(CELLS)}; got {cells!r}.")
    if target >= len(gaussians):
        return gaussians
    means, reach = gaussians.means.detach().double(), _reach(gaussians, cells, centers)
    for color_step, largest in _STRICTNESS:
        kind = _kinds(gaussians, color_step)
        low, high = 1e-6, largest  # of the cells' edge as a share of the reach: too fine, coarse enough
        if len(torch.unique(_cell(means, reach, kind, high, cells))) <= target:
            break
    for _ in range(_SEARCH):
        middle = (low * high) ** 0.5
        if len(torch.unique(_cell(means, reach, kind, middle, cells))) > target:
            low = middle
        else:
            high = middle
    return fuse_groups(gaussians, _cell(means, reach, kind, high, cells), spread_factor=_CLOSED)


class LevelReport(TypedDict, total=False):
    """One level: its number of Gaussians and, beyond level 0, its PSNR against level 0."""

    level: Required[int]
    splats: Required[int]
    psnr_db: float
    psnr_far_db: float
    far_by: int


class LevelsReport(TypedDict):
    """The report of `levels_of_detail`; ``evaluated_on`` counts the views."""

    levels: list[LevelReport]
    evaluated_on: int


@attentive
def levels_of_detail(
    gaussians: Gaussians,
    levels: int,
    *,
    factor: float = 4.0,
    cells: str = "view",
    trajectory: Trajectory | None = None,
    size_px: int = 256,
    refit_steps: int = 48,
    chosen: int = 0,
    backend: str = "auto",
    progress: ProgressFn = no_progress,
) -> tuple[list[Gaussians], LevelsReport]:
    """Make a pyramid of worlds, each with a ``factor``-th of the Gaussians of the previous one.

    Args:
        gaussians: the world, level 0; on the CPU.
        levels: how many coarser ones to make, 1 to 8.
        factor: above 1.
        cells: see `downsample`.
        trajectory: where the viewer may be; None is around the origin.
        chosen: the level that will be used; must be one that is made.
        refit_steps: see `refit.refit`; 0 leaves the fused Gaussians as they are.
        size_px: side of the pictures that the levels are evaluated on.
        backend: splat backend.
        progress: called between levels.

    Returns:
        ``levels + 1`` worlds, the given one first, and a report with count and PSNR in dB against level 0 for
        each, at the full size of the pictures and at the half, the quarter and so on that a level is meant for.

    Raises:
        InvalidInput: for numbers out of range or Gaussians with NaN.
    """
    if not 1 <= levels <= 8 or not 1 < factor <= 64:
        raise InvalidInput(f"levels must be 1 to 8 and factor above 1, up to 64; got {levels} and {factor}.")
    if not 0 <= chosen <= levels:
        raise InvalidInput(
            f"level must be one of 0 to {levels}; got {chosen}. Make more levels or choose another."
        )
    if not len(gaussians):
        raise InvalidInput("the world must hold at least 1 splat; got none.")
    broken = int((~valid_mask(gaussians)).sum())
    if broken:
        raise InvalidInput(
            f"splats must be finite to be fused; {broken} are not. Clean them first (Clean Splats)."
        )
    measure, judge = evaluation_views(gaussians, trajectory, count=20, size_px=size_px)
    centers = centers_inside(gaussians, trajectory)
    full = pictures(gaussians, judge, backend=backend)
    worlds = [gaussians]
    rows: list[LevelReport] = [{"level": 0, "splats": len(gaussians)}]
    for level in range(1, levels + 1):
        progress(ProgressEvent(level - 1, levels, f"level {level} of {levels}", full[0]))
        target = max(1, round(len(gaussians) / factor**level))
        world = downsample(gaussians, target, cells=cells, centers=centers)
        phase = f"refit level {level} of {levels}"
        worlds.append(
            refit(
                world, gaussians, measure, steps=refit_steps, backend=backend, progress=progress, phase=phase
            )
        )
        seen = pictures(worlds[-1], judge, backend=backend)
        shrink = min(max(1, round(factor ** (level / 2))), size_px // 8)
        rows.append(
            {
                "level": level,
                "splats": len(worlds[-1]),
                "psnr_db": round(mean_psnr(seen, full), 2),
                "psnr_far_db": round(mean_psnr(_shrunk(seen, shrink), _shrunk(full, shrink)), 2),
                "far_by": shrink,
            }
        )
    progress(ProgressEvent(levels, levels, "levels made"))
    return worlds, {"levels": rows, "evaluated_on": len(judge)}


def _shrunk(frames: Tensor, by: int) -> Tensor:  # [V, S, S, 3]
    channels = frames.permute(0, 3, 1, 2)
    return torch.nn.functional.avg_pool2d(channels, by).permute(0, 2, 3, 1)


def _reach(gaussians: Gaussians, cells: str, centers: Tensor | None) -> Tensor:  # [N]
    """Unit of a cell's edge at each Gaussian: the world's size, or the distance to the viewer."""
    means = gaussians.means.detach().double()
    if cells == "grid":
        return (means.amax(0) - means.amin(0)).amax().clamp_min(1e-12).expand(len(means))
    places = torch.zeros(1, 3, dtype=torch.float64) if centers is None else centers.double()
    if len(places) > 16:
        places = places[torch.linspace(0, len(places) - 1, 16).long()]
    return torch.cdist(means, places).amin(1).clamp_min(1e-9)


def _kinds(gaussians: Gaussians, color_step: float) -> Tensor:  # [N] int64
    """A key of a Gaussian's normal (its thinnest axis, 7 kinds), its coarse color and its motion."""
    axes = matrix_from_quats(gaussians.quats_wxyz.double())
    thin = gaussians.scales.argmin(-1)
    normal = axes[torch.arange(len(thin)), :, thin]
    faces = normal.abs().argmax(-1)
    color = (gaussians.colors.double().clamp(0, 1) / color_step).floor().long()
    kind = ((color[:, 0] * 8 + color[:, 1]) * 8 + color[:, 2]) * 4 + faces * (color_step <= 1)
    return (
        kind if gaussians.motions is None else kind * 256 + gaussians.motions
    )  # what moves apart stays apart


def _cell(means: Tensor, reach: Tensor, kind: Tensor, share: float, cells: str) -> Tensor:  # [N] int64
    """Number the cells. Those of a view double their edge with the distance, like an octree."""
    edge = share * reach
    level = torch.zeros_like(kind)
    if cells == "view":
        level = edge.log2().floor().long()
        edge = torch.exp2(level.double())
    steps = (means / edge[:, None]).floor().long()
    key = torch.zeros(len(kind), dtype=torch.int64)
    for column in (
        *steps.unbind(-1),
        level,
        kind,
    ):  # mixed: a collision of two cells in 2^64 is harmless
        key = (key ^ column) * 0x9E3779B97F4A7C1
        key = key ^ (key >> 29)
    return key
