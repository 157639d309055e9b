"""What colors pictures from several views give to each Gaussian, and how much they differ."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ..progress import ProgressEvent, ProgressFn, no_progress
from ..scene.camera import Camera
from ..scene.gaussians import Gaussians
from ..scene.trajectory import Trajectory
from ..splats.visible import visible_sums

__all__ = ["LEAST_PX", "ObservedColors", "color_spread", "observe_colors", "picture_weight"]

LEAST_PX = 0.05
"""A Gaussian that fills less of a view is not seen by it."""

_FULL_PX = 1.0  # this much of a view has half a vote
_FEATHER, _LEAST_WEIGHT = 0.15, 0.02  # of the picture's sides; of the weight at its middle


@dataclass(frozen=True)
class ObservedColors:
    """One row for each pair of a view and a Gaussian that it shows.

    Attributes:
        gaussian: ``[M]`` number of the Gaussian; views follow each other.
        starts: where the rows of each view begin, and ``M``.
        color: ``[M, 3]`` mean color of the pixels that show it, weighted with its part in them.
        vote: ``[M]`` weight in 0..1, more the more pixels show it.
        place: ``[M, 2]`` x and y of its center in the picture, as a share of width and height.
        count: how many Gaussians there are.
    """

    gaussian: Tensor
    starts: tuple[int, ...]
    color: Tensor
    vote: Tensor
    place: Tensor
    count: int

    def views(self) -> list[slice]:
        """Return the rows of each view."""
        return [slice(a, b) for a, b in zip(self.starts, self.starts[1:], strict=False)]

    def total(self, values: Tensor) -> Tensor:  # [M] or [M, C] -> [N] or [N, C]
        """Sum values over the views of each Gaussian."""
        return torch.zeros(self.count, *values.shape[1:]).index_add_(0, self.gaussian, values)

    def mean(self, values: Tensor, weight: Tensor) -> Tensor:  # [M, C], [M] -> [N, C]
        """Return the weighted mean over the views of each Gaussian; 0 where none sees it."""
        return self.total(values * weight[:, None]) / self.total(weight).clamp_min(1e-12)[:, None]

    @property
    def is_seen(self) -> Tensor:  # [N]
        """Which Gaussians some view sees."""
        return self.total(self.vote) > 0

    @property
    def is_shared(self) -> Tensor:  # [N]
        """Which Gaussians several views see."""
        return self.total(torch.ones_like(self.vote)) > 1.5


def observe_colors(
    gaussians: Gaussians,
    pictures: Sequence[Tensor] | Tensor,  # T of [H, W, 3]
    trajectory: Trajectory,
    *,
    backend: str = "auto",
    progress: ProgressFn = no_progress,
    phase: str = "read views",
) -> ObservedColors:
    """Read each Gaussian's color off every picture that shows it.

    Args:
        gaussians: the world.
        pictures: one for each pose.
        trajectory: poses, and intrinsics where the pictures are no panoramas.
        backend: splat backend; must give gradients.
        progress: called before each view.
        phase: its name in reports.
    """
    rows: list[tuple[Tensor, ...]] = []
    for frame, picture in enumerate(pictures):
        progress(ProgressEvent(frame, len(trajectory), phase, picture))
        pose = trajectory.camera_from_world[frame]
        camera = trajectory.camera(frame, (picture.shape[0], picture.shape[1]))
        maps = torch.cat((picture, torch.ones_like(picture[..., :1])), -1)
        sums = visible_sums(gaussians, pose, camera, maps, backend=backend)
        seen = (sums[:, 3] > LEAST_PX).nonzero()[:, 0]
        local = gaussians.means[seen].detach().cpu().double() @ pose[:3, :3].mT + pose[:3, 3]
        place = camera.project(local)[0] / torch.tensor((camera.width, camera.height))
        pixels = sums[seen, 3]
        color = (sums[seen, :3] / pixels[:, None]).clamp(0, 1)
        place = place.nan_to_num(0.5).clamp(0, 1).float()
        rows.append((seen, color, pixels / (pixels + _FULL_PX), place))
    starts = [0]
    for row in rows:
        starts.append(starts[-1] + len(row[0]))
    gaussian, color, vote, place = (torch.cat(column) for column in zip(*rows, strict=True))
    return ObservedColors(gaussian, tuple(starts), color, vote, place, len(gaussians))


def picture_weight(place: Tensor, camera: Camera) -> Tensor:  # [..., 2] -> [...]
    """Return how much places of a picture count, in shares of its sides: less towards borders, where views end.

    A panorama has no border at its sides.
    """
    away = torch.minimum(place, 1 - place)
    away = away[..., 1] if camera.wraps else away.amin(-1)
    ramp = (away / _FEATHER).clamp(0, 1)
    return _LEAST_WEIGHT + (1 - _LEAST_WEIGHT) * ramp.square() * (3 - 2 * ramp)


def color_spread(observed: ObservedColors) -> float:
    """Return the standard deviation of a Gaussian's color over the views that show it: root mean square of them all.

    Gaussians that a single view shows do not count.
    """
    shared = observed.is_shared[observed.gaussian]
    vote = observed.vote * shared
    off = observed.color - observed.mean(observed.color, vote)[observed.gaussian]
    return float(((off.square().mean(-1) * vote).sum() / vote.sum().clamp_min(1e-12)).sqrt())
