"""Coverage of a world: from which places around its path it still looks whole, by the world's own account.

Without truth a world still tells three things about a view: where it has holes, where it shows splats from behind or
splats that no training view showed, and where it shows them at a higher resolution than any training view did. The
resolution of a view at a splat is its projected area per area, ``cos / distance^2``, which covers grazing angles too.

Views are not rendered: splats are thinned to points with area and normal, binned by direction and distance, and the
bins composited front to back. At a few degrees per pixel that finds what a render finds, in milliseconds.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ..errors import InvalidInput
from ..geometry.rotations import matrix_from_quats
from ..progress import ProgressEvent, ProgressFn, no_progress
from ..scene.coverage import CoverageMap
from ..scene.gaussians import Gaussians
from ..scene.trajectory import Trajectory
from .sky import find_sky_splats

__all__ = ["measure_coverage"]

_ROWS = 32  # of a view, half its columns; of equal height in the sine of the elevation, so that all pixels are equal
_SEEN_ROWS = 96  # where it is decided what a camera saw: obliquely a pixel holds many distances
_BINS, _NEAREST, _BIN = 40, 0.1, 1.22  # of distance; the last holds all beyond
_MOST_PLACES = 300  # each takes about 10 ms
_MOST_CAMERAS = 16  # of the path
_FINENESS = 0.03  # of thinned points, as a share of the distance from which they are seen
_MARGIN = 1.0  # least distance to the region from which points are thinned, world units
_HOLE_ALPHA = 0.5  # below it the part that is missing counts
_SEEN_LIGHT = 0.1  # light that reaches a splat, for a camera to have seen it
_BALL = 3  # in place of the axis that a splat faces
_LIKE_A_BALL = 0.5  # thinnest to middle axis: such splats have no side
_FINE, _TOO_FINE = (
    2.0,
    5.0,
)  # times the resolution of the best training view: where that is bad in part, and all of it
_LEVEL = math.sin(math.radians(-3.0))  # above, the sky shell is sky; below, it shows through a hole
_MOST_BAD = 0.1  # share of the sphere at which the quality is 0


@dataclass(frozen=True)
class _Points:
    """Thinned splats.

    Attributes:
        places: ``[N, 3]``.
        areas: ``[N]`` that hide what is behind.
        normals: ``[N, 3]``.
        is_ball: ``[N]`` has no side.
        best: ``[2, N]`` resolution of the best training view of either side, first that of the normal; 0 without one.
    """

    places: Tensor
    areas: Tensor
    normals: Tensor
    is_ball: Tensor
    best: Tensor


def measure_coverage(
    gaussians: Gaussians,
    trajectory: Trajectory,
    *,
    reach: float = 3.0,
    cell: float = 0.5,
    is_sky: Tensor | None = None,  # [N]
    progress: ProgressFn = no_progress,
) -> CoverageMap:
    """Measure from which places near a path a world looks whole.

    Places lie on a level grid around the path at the height of the nearest camera. Of all directions from a place,
    those are bad that show a hole (what is there covers less than half; sky above the horizon is none), a splat from a
    side that no camera of the path saw, or one at more than twice the resolution at which the best camera saw it. The
    quality falls from 1 without bad directions to 0 at a tenth of the sphere.

    Args:
        gaussians: the world, on the CPU, finite.
        trajectory: the frames that it was made from, in its frame.
        reach: how far from the path the places lie, world units.
        cell: distance between places; larger where that would be more than 300.
        is_sky: ``[N]`` bool; None finds the sky shell, see `find_sky_splats`.
        progress: called for each row of places; raising in it cancels.

    Raises:
        InvalidInput: when ``reach`` or ``cell`` is not positive.
    """
    if not (math.isfinite(reach) and math.isfinite(cell) and 0 < cell <= reach):
        raise InvalidInput(f"cell must be positive and reach at least as large; got {cell} and {reach}.")
    centers = trajectory.centers
    low, high = centers.amin(0) - reach, centers.amax(0) + reach
    extent = (high - low)[[0, 2]]
    cell = max(cell, math.sqrt(float(extent.prod()) / _MOST_PLACES))
    columns, rows = ((extent / cell).floor().long() + 1).tolist()
    quality = torch.zeros(rows, columns)
    is_sky = find_sky_splats(gaussians, centers[0]) if is_sky is None else is_sky
    few = centers[
        torch.linspace(0, len(centers) - 1, min(len(centers), _MOST_CAMERAS)).round().long().unique()
    ]
    points = _thin(gaussians.select((~is_sky).nonzero()[:, 0]), few, reach)
    points = _seen_from(points, few)
    sky = _sky_pixels(gaussians.means[is_sky].double() - centers[0])
    for row in range(rows):
        progress(ProgressEvent(row, rows, f"measure coverage, row {row + 1} of {rows}"))
        for column in range(columns):
            place = low + torch.tensor([column, 0, row], dtype=torch.float64) * cell
            away = (few[:, [0, 2]] - place[[0, 2]]).norm(dim=-1)
            nearest = int(away.argmin())
            if float(away[nearest]) <= reach:
                place[1] = few[nearest, 1]
                quality[row, column] = 1 - min(_bad_share(points, sky, place) / _MOST_BAD, 1.0)
    progress(ProgressEvent(rows, rows, "coverage measured"))
    return CoverageMap(quality, (float(low[0]), float(centers[:, 1].median()), float(low[2])), cell)


def _thin(solid: Gaussians, cameras: Tensor, reach: float) -> _Points:
    """Join splats that lie closer together than places can tell and face the same way; split those that are larger."""
    means, (thin, middle, long) = solid.means.double(), solid.scales.double().sort(-1).values.unbind(-1)
    order = solid.scales.argsort(-1)[:, None].expand(-1, 3, 3)
    normals, across, along = matrix_from_quats(solid.quats_wxyz.double()).gather(-1, order).unbind(-1)
    # A surfel's normal has no sign: take the one that points along its largest part, so that they add up.
    facing = normals.abs().max(-1).indices
    normals = normals * torch.where(normals.gather(-1, facing[:, None]) < 0, -1.0, 1.0)
    kind = torch.where(thin > _LIKE_A_BALL * middle, _BALL, facing)
    areas = solid.opacities.double() * math.tau * middle * long
    level = torch.cdist(means[:, [0, 2]].float(), cameras[:, [0, 2]].float()).double().amin(-1) - reach
    height = (means[:, 1:2] - cameras[None, :, 1]).abs().amin(-1)
    edge = _FINENESS * torch.hypot(level.clamp_min(0), height).clamp_min(_MARGIN)

    parts = torch.arange(len(means))
    steps = torch.linspace(-1.6, 1.6, 5, dtype=torch.float64)
    weights = torch.softmax(-steps.square() / 2, 0)
    for axis, size in ((across, middle), (along, long)):
        large = size[parts] > edge[parts]
        few, many = (~large).nonzero()[:, 0], large.nonzero()[:, 0].repeat_interleave(len(steps))
        shift, weight = steps.repeat(len(many) // len(steps)), weights.repeat(len(many) // len(steps))
        spread = means[many] + (shift * size[parts[many]])[:, None] * axis[parts[many]]
        means, areas = torch.cat((means[few], spread)), torch.cat((areas[few], areas[many] * weight))
        parts = torch.cat((parts[few], parts[many]))

    edge, kind = torch.exp2(edge.log2().floor())[parts], kind[parts]
    cells = ((means - cameras[0]) / edge[:, None]).floor().long().clamp(-(2**15), 2**15 - 1) + 2**15
    key = ((edge.log2().long() + 64) * 4 + kind) << 48 | cells[:, 0] << 32 | cells[:, 1] << 16 | cells[:, 2]
    _, group = torch.unique(key, return_inverse=True)
    count = int(group.max()) + 1 if len(group) else 0

    def total(values: Tensor) -> Tensor:
        return torch.zeros(count, *values.shape[1:], dtype=torch.float64).index_add_(0, group, values)

    whole = total(areas).clamp_min(1e-30)
    places = total(areas[:, None] * means) / whole[:, None]
    normals = total(areas[:, None] * normals[parts])
    normals = normals / normals.norm(dim=-1, keepdim=True).clamp_min(1e-30)
    is_ball = torch.zeros(count, dtype=torch.int64).index_copy_(0, group, kind) == _BALL
    return _Points(places.float(), whole.float(), normals.float(), is_ball, torch.zeros(2, count))


def _look(points: _Points, place: Tensor, rows: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return the pixel and bin of each point from a place, its cosine (of balls 1), and its resolution."""
    offsets = points.places - place.float()
    away = offsets.norm(dim=-1).clamp_min(1e-6)
    ahead = offsets / away[:, None]
    depth = ((away / _NEAREST).log() / math.log(_BIN)).long().clamp_(0, _BINS - 1)
    cosine = -(points.normals * ahead).sum(-1)
    cosine = torch.where(points.is_ball, 1.0, cosine)
    return _pixels(ahead, rows) * _BINS + depth, cosine, cosine.abs() / away.square()


def _pixels(ahead: Tensor, rows: int) -> Tensor:  # [N, 3] -> [N]
    row = ((ahead[:, 1] + 1) * (rows / 2)).long().clamp_(0, rows - 1)
    column = ((torch.atan2(ahead[:, 0], ahead[:, 2]) / math.pi + 1) * rows).long()
    return row * 2 * rows + column.clamp_(0, 2 * rows - 1)


def _light(points: _Points, index: Tensor, resolution: Tensor, rows: int) -> tuple[Tensor, Tensor, Tensor]:
    """Composite front to back.

    Returns:
        ``[P, B]`` light that reaches each bin, each bin's optical depth, and ``[N]`` the part of each point in it.
    """
    hidden = points.areas * resolution * (2 * rows * rows / (4 * math.pi))
    thick = torch.zeros(2 * rows * rows * _BINS).index_add_(0, index, hidden).view(-1, _BINS)
    before = thick.cumsum(-1) - thick
    return (-before).exp(), thick, hidden


def _seen_from(points: _Points, cameras: Tensor) -> _Points:
    """Note the resolution of the camera that saw each side of a point best."""
    best = torch.zeros_like(points.best)
    for camera in cameras:
        index, cosine, resolution = _look(points, camera, _SEEN_ROWS)
        light, _, _ = _light(points, index, resolution, _SEEN_ROWS)
        seen = torch.where(light.view(-1)[index] > _SEEN_LIGHT, resolution, 0.0)
        best = torch.maximum(best, torch.stack((seen * (cosine >= 0), seen * (cosine < 0))))
    return replace(points, best=best)


def _sky_pixels(rays: Tensor) -> Tensor:  # [N, 3] -> [P]
    """Return which pixels show the sky shell, and lie above the horizon or little below it."""
    is_sky = torch.zeros(2 * _ROWS * _ROWS, dtype=torch.bool)
    is_sky[_pixels(rays / rays.norm(dim=-1, keepdim=True).clamp_min(1e-12), _ROWS)] = True
    down = (torch.arange(_ROWS) + 0.5) * (2 / _ROWS) - 1
    return is_sky & (down < -_LEVEL).repeat_interleave(2 * _ROWS)


def _bad_share(points: _Points, sky: Tensor, place: Tensor) -> float:
    """Return the share of directions in which a place shows something bad."""
    index, cosine, resolution = _look(points, place, _ROWS)
    light, thick, hidden = _light(points, index, resolution, _ROWS)
    best = torch.where(cosine < 0, points.best[1], points.best[0])
    magnified = (resolution / best.clamp_min(1e-12)).sqrt()
    bad = ((magnified - _FINE) / (_TOO_FINE - _FINE)).clamp(0, 1)
    worse = torch.zeros_like(thick).view(-1).index_add_(0, index, hidden * bad).view_as(thick)
    shown = light * -torch.expm1(-thick)
    covered = shown.sum(-1)
    share = (shown * worse / thick.clamp_min(1e-12)).sum(-1) / covered.clamp_min(1e-6)
    hole = torch.where(sky, 0.0, (1 - covered / _HOLE_ALPHA).clamp_min(0))
    return float(torch.where(covered < _HOLE_ALPHA, hole, share).mean())
