"""Few perspective views that show a whole world, for models that edit pictures.

Views are chosen one by one (greedy set cover): each time the one that adds most to what is covered, where every
further view of the same Gaussian counts half as much as the one before. A Gaussian counts as much as the places on
average see of it, and a view of it in full only when it is about as sharp as the sharpest one.

Source: G. L. Nemhauser, L. A. Wolsey, M. L. Fisher, An analysis of approximations for maximizing submodular set
functions, 1978: the greedy choice reaches at least 63 % of the best possible.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypedDict

import torch
from torch import Tensor

from ..errors import InvalidInput
from ..geometry.rotations import matrix_from_yaw_pitch_roll
from ..progress import ProgressEvent, ProgressFn, attentive, no_progress
from ..raster.camera_view import render_view
from ..scene.camera import Equirect, Pinhole
from ..scene.gaussians import Gaussians
from ..scene.trajectory import Trajectory
from ..splats.visible import visible_sums

__all__ = ["MOST_VIEWS", "CoveringViews", "ViewsReport", "covering_views", "free_places", "views_report"]

MOST_VIEWS = 256

_ROWS = 128  # of the panoramas that tell what a place sees
_MOST_PLACES = 9
_MOST_GAUSSIANS = 100_000  # of which coverage is counted
_SHARP = 0.25  # of the area on the sharpest picture, half of its resolution: more counts no more
_INSIDE = 0.95  # of the picture: what lies farther out is cut off
_PITCHES = (0.0, math.radians(40.0), math.radians(-40.0))
_YAWS = 8  # for each pitch
_AROUND = 6  # places around the origin
_HALF_WAY, _STEP = 0.5, 0.25  # of the free distance, and of the median distance all around
_CONE = math.cos(math.radians(25.0))
_LEAST_PX = 0.02  # less is not seen


@dataclass(frozen=True)
class CoveringViews:
    """Views of a world, the most useful first.

    Attributes:
        trajectory: their poses and intrinsics; square pictures.
        coverage: how much of what can be seen lies in at least one of them, 0 to 1.
        coverage_by_count: the same with only the first view, the first two, and so on.
    """

    trajectory: Trajectory
    coverage: float
    coverage_by_count: tuple[float, ...]


class ViewsReport(TypedDict):
    """How many views there are, and what share of what can be seen the first one, two, ... show."""

    views: int
    coverage: float
    coverage_by_count: list[float]


def views_report(found: CoveringViews) -> ViewsReport:
    """Return what the views show, rounded."""
    return {
        "views": len(found.trajectory),
        "coverage": round(found.coverage, 4),
        "coverage_by_count": [round(share, 4) for share in found.coverage_by_count],
    }


@attentive
def covering_views(
    gaussians: Gaussians,
    trajectory: Trajectory | None = None,
    *,
    views: int = 16,
    size_px: int = 512,
    fov_rad: float = math.pi / 2,
    backend: str = "auto",
    progress: ProgressFn = no_progress,
) -> CoveringViews:
    """Choose views that show as much of a world as so few can.

    Args:
        gaussians: the world; y points down.
        trajectory: views are taken from places spread over it; None: from the origin and places around it in free
            space, see `free_places`.
        views: how many, 1 to `MOST_VIEWS`.
        size_px: side of the square pictures, at least 16.
        fov_rad: field of view, 20 to 140 degrees in radians.
        backend: splat backend; must draw panoramas and give gradients.
        progress: called before each place and each view.

    Raises:
        InvalidInput: for numbers out of range, a world with NaN or without anything to see, or an unknown backend.
    """
    if not 1 <= views <= MOST_VIEWS:
        raise InvalidInput(f"views must lie in 1..{MOST_VIEWS}; got {views}.")
    if size_px < 16:
        raise InvalidInput(f"the side of the views must be at least 16 pixels; got {size_px}.")
    if not math.radians(20) - 1e-9 <= fov_rad <= math.radians(140) + 1e-9:
        raise InvalidInput(f"the field of view must lie in 20..140 degrees; got {math.degrees(fov_rad):g}.")
    if not len(gaussians):
        raise InvalidInput("the world must hold at least 1 splat to be viewed; got none.")
    gaussians.check_finite()
    if trajectory is None:
        places = free_places(gaussians, backend=backend)
    else:
        spread = torch.linspace(0, len(trajectory) - 1, min(len(trajectory), _MOST_PLACES)).round().long()
        places = trajectory.centers[spread]
    seen = _seen_from(gaussians, places, backend, progress)
    use = (seen.amax(0) > _LEAST_PX).nonzero()[:, 0]
    if not len(use):
        raise InvalidInput(
            "something must be seen from where the views are taken; the world is invisible from there."
        )
    use = use[:: math.ceil(len(use) / _MOST_GAUSSIANS)]
    rotations = _directions()
    inside = _inside(gaussians.means[use].detach().cpu().double(), places, rotations, fov_rad)
    chosen, covered = _greedy(seen[:, use], inside, views, progress)
    place, turn = (
        torch.tensor(chosen).div(len(rotations), rounding_mode="floor"),
        torch.tensor(chosen) % len(rotations),
    )
    lens = Pinhole.from_fov(fov_rad, size_px, size_px)
    path = Trajectory.from_centers(
        rotations[turn],
        places[place],
        K_px=lens.K_px.expand(len(chosen), 3, 3),
        image_size_px=lens.size_px,
        is_metric=trajectory is not None and trajectory.is_metric,
        name="covering views",
    )
    return CoveringViews(path, covered[-1], tuple(covered))


def free_places(gaussians: Gaussians, *, backend: str = "auto") -> Tensor:  # [P, 3]
    """Return the origin and level places around it: half way to what is there, a quarter of the usual distance at most.

    Raises:
        BackendUnavailable: when the backend draws no panoramas.
    """
    camera = Equirect((_ROWS, 2 * _ROWS))
    with torch.no_grad():
        depth = render_view(gaussians, torch.eye(4, dtype=torch.float64), camera, backend=backend).depth_ray
    depth, rays = depth.detach().cpu().double(), camera.rays()
    level = depth[3 * _ROWS // 8 : 5 * _ROWS // 8]
    met = level[level.isfinite()]
    if not len(met):
        return torch.zeros(1, 3, dtype=torch.float64)
    places = [torch.zeros(3, dtype=torch.float64)]
    for number in range(_AROUND):
        yaw = number * math.tau / _AROUND
        ahead = torch.tensor((math.sin(yaw), 0.0, math.cos(yaw)), dtype=torch.float64)
        free = depth[rays @ ahead > _CONE].min()
        places.append(ahead * min(_HALF_WAY * float(free), _STEP * float(met.median())))
    return torch.stack(places)


def _seen_from(gaussians: Gaussians, places: Tensor, backend: str, progress: ProgressFn) -> Tensor:  # [P, N]
    """Return the solid angle in which each place sees each Gaussian, in pixels of its panorama's horizon."""
    camera = Equirect((_ROWS, 2 * _ROWS))
    area = (camera.row_weights() * (2 / math.pi)).float()[:, None, None].expand(_ROWS, 2 * _ROWS, 1)
    found = []
    for number, place in enumerate(places):
        progress(ProgressEvent(number, len(places), "look around"))
        pose = torch.eye(4, dtype=torch.float64)
        pose[:3, 3] = -place
        found.append(visible_sums(gaussians, pose, camera, area, backend=backend)[:, 0].clamp_min(0))
    return torch.stack(found)


def _directions() -> Tensor:  # [D, 3, 3]
    """Return world-from-camera rotations all around, level, up and down."""
    yaws = torch.arange(_YAWS, dtype=torch.float64) * (math.tau / _YAWS)
    turns = [(yaw, pitch) for pitch in _PITCHES for yaw in yaws.tolist()]
    turns += [(0.0, math.pi / 2), (0.0, -math.pi / 2)]
    yaw, pitch = torch.tensor(turns, dtype=torch.float64).unbind(-1)
    return matrix_from_yaw_pitch_roll(yaw, pitch, torch.zeros_like(yaw))


def _inside(means: Tensor, places: Tensor, rotations: Tensor, fov_rad: float) -> Tensor:  # [P, D, N]
    """Return which Gaussians lie in the picture of each view."""
    limit = _INSIDE * math.tan(fov_rad / 2)
    views = []
    for place in places:
        local = torch.einsum("nk,dkc->dnc", means - place, rotations)
        views.append((local[..., 2] > 0) & (local[..., :2].abs() <= limit * local[..., 2:]).all(-1))
    return torch.stack(views)


def _greedy(seen: Tensor, inside: Tensor, views: int, progress: ProgressFn) -> tuple[list[int], list[float]]:
    """Return the numbers of the chosen views, place by place, and what is covered after each."""
    weight = seen.mean(0)
    sharp = (seen / (_SHARP * seen.amax(0)).clamp_min(1e-12)).clamp_max(1)  # [P, N]
    left = torch.ones_like(weight)  # halves with each view
    met, chosen, covered = torch.zeros_like(weight), list[int](), list[float]()
    for number in range(min(views, inside.shape[0] * inside.shape[1])):
        progress(ProgressEvent(number, views, "choose views"))
        gain = torch.stack(
            [
                part.to(weight) @ (weight * left * (1 - torch.exp2(-sharpness)))
                for part, sharpness in zip(inside, sharp, strict=True)
            ]
        ).flatten()
        gain[chosen] = -1.0
        best = int(gain.argmax())
        place, turn = divmod(best, inside.shape[1])
        score = sharp[place] * inside[place, turn]
        left, met = left * torch.exp2(-score), torch.maximum(met, score)
        chosen.append(best)
        covered.append(float((weight * met).sum() / weight.sum()))
    return chosen, covered
