"""A world in another look: colors refitted to edited views, geometry as it is."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypedDict

import torch
from torch import Tensor

from ..checks import check_finite
from ..errors import InvalidInput
from ..progress import ProgressEvent, ProgressFn, attentive, no_progress
from ..raster.splat import SPLAT_BACKENDS, colors_from_sh
from ..raster.splat_contract import SplatInputs, SplatView
from ..scene.camera import Camera
from ..scene.gaussians import SH_C0, Gaussians
from ..scene.trajectory import Trajectory
from .consensus import Consensus, find_consensus
from .observed_colors import ObservedColors, color_spread, observe_colors, picture_weight

__all__ = ["RestyleReport", "Restyled", "restyle_gaussians"]

_STEPS = 8  # of conjugate gradients
_PRIOR = 0.02  # of a Gaussian's pixels: pull towards what the views agree on
_NEIGHBORS = 8
_ALIKE = 0.1  # difference of color at which a neighbor's change counts less
_ASPECT = 0.02  # models round sides to multiples of 16 and the like


class RestyleReport(TypedDict):
    """Standard deviation of a splat's color over views in the edited views and afterwards, and what they cover."""

    views: int
    splats: int
    seen: float
    spread_before: float
    spread_after: float


@dataclass(frozen=True)
class Restyled:
    """The world in its new look, and how well the views agree with it.

    Attributes:
        gaussians: means, rotations, scales, opacities and labels are the very same.
        spread_before: standard deviation over views of a Gaussian's color, in the edited views.
        spread_after: the same in pictures of the new world.
        is_seen: ``[N]`` which Gaussians some view shows; the others follow their neighbors.
    """

    gaussians: Gaussians
    spread_before: float
    spread_after: float
    is_seen: Tensor

    def report(self, views: int) -> RestyleReport:
        """Return the numbers, rounded."""
        return {
            "views": views,
            "splats": len(self.gaussians),
            "seen": round(float(self.is_seen.float().mean()), 4),
            "spread_before": round(self.spread_before, 5),
            "spread_after": round(self.spread_after, 5),
        }


@attentive
def restyle_gaussians(
    gaussians: Gaussians,
    edited: Tensor,  # [T, H, W, 3]
    trajectory: Trajectory,
    *,
    correct: bool = True,
    backend: str = "auto",
    progress: ProgressFn = no_progress,
) -> Restyled:
    """Give a world the colors that edited views of it show.

    First each Gaussian gets the color that the views agree on (`find_consensus`), then all together are fitted to the
    views' pixels by least squares (conjugate gradients: pictures are linear in the colors), views brought to what all
    agree on. View-dependent color stays, darkened where the new color is darker.

    Args:
        gaussians: the world.
        edited: ``[T, H, W, 3]`` edited views, 0 to 1; of another size with the same aspect they are resized.
        trajectory: poses of the views, and intrinsics where they are no panoramas.
        correct: bring views whose color or light differs as a whole to what all agree on.
        backend: splat backend; must give gradients.
        progress: called for each view.

    Raises:
        InvalidInput: for another number of views than poses, another aspect, NaN, or a world without Gaussians.
    """
    if not len(gaussians):
        raise InvalidInput("the world must hold at least 1 splat to be restyled; got none.")
    gaussians.check_finite()
    pictures = _fitting(edited, trajectory)
    observed = observe_colors(gaussians, pictures, trajectory, backend=backend, progress=progress)
    agreed = find_consensus(observed, correct=correct)
    is_seen = observed.is_seen
    if not bool(is_seen.any()):
        raise InvalidInput(
            "the views must show some of the world; they show none. Are poses and splats of one world?"
        )
    start = torch.where(is_seen[:, None], agreed.color, gaussians.colors.detach().cpu()).clamp(0, 1)
    solver = _Solver(gaussians, pictures, trajectory, observed, agreed, backend)
    color = solver.solve(start, progress)
    color = torch.where(is_seen[:, None], color, _like_neighbors(gaussians, color, is_seen)).clamp(0, 1)
    restyled = _with_colors(gaussians, color)
    drawn = [solver.draw(frame, solver.colors_from(restyled, frame)) for frame in range(len(trajectory))]
    after = observe_colors(
        gaussians, drawn, trajectory, backend=backend, progress=progress, phase="measure spread"
    )
    return Restyled(restyled, color_spread(observed), color_spread(after), is_seen)


def _fitting(edited: Tensor, trajectory: Trajectory) -> list[Tensor]:  # T of [H, W, 3]
    """Return the views at the size of the trajectory's cameras."""
    if edited.ndim != 4 or edited.shape[-1] != 3:
        raise InvalidInput(f"edited must have shape [T, H, W, 3]; got {list(edited.shape)}.")
    check_finite("edited", edited)
    if len(edited) != len(trajectory):
        raise InvalidInput(
            f"there must be one edited view for each pose; got {len(edited)} views and {len(trajectory)} poses. Keep "
            "the batch as it came from World Views, or pick the poses of the views with Edit Trajectory."
        )
    height, width = edited.shape[1:3]
    size = trajectory.image_size_px or (height, 2 * height)
    if abs(width * size[0] - height * size[1]) > _ASPECT * height * size[1]:
        raise InvalidInput(
            f"edited views must have the aspect of the cameras, {size[1]}x{size[0]}; got {width}x{height}. Crop or pad "
            "them back to what World Views gave."
        )
    moved = edited.detach().cpu().float().clamp(0, 1).permute(0, 3, 1, 2)
    if (height, width) != size:
        moved = torch.nn.functional.interpolate(
            moved, size, mode="bilinear", antialias=True, align_corners=False
        )
    return list(moved.permute(0, 2, 3, 1).contiguous())


class _Solver:
    """Least squares of all views' pixels over the colors of all Gaussians."""

    def __init__(
        self,
        gaussians: Gaussians,
        pictures: list[Tensor],
        trajectory: Trajectory,
        observed: ObservedColors,
        agreed: Consensus,
        backend: str,
    ) -> None:
        with torch.inference_mode(False):  # a host may call from within inference mode
            means, quats_wxyz, scales, opacities, _ = (t.detach().clone() for t in gaussians.tensors())
            self._splats = SplatInputs(means, quats_wxyz, scales, opacities, torch.zeros_like(means))
        self._gaussians, self._pictures, self._trajectory, self._agreed = (
            gaussians,
            pictures,
            trajectory,
            agreed,
        )
        self._observed = observed
        _, self._render = SPLAT_BACKENDS.load(
            backend, needs={"cpu"} if not gaussians.means.is_cuda else set()
        )

    def solve(self, start: Tensor, progress: ProgressFn) -> Tensor:  # [N, 3]
        """Return the colors that the corrected views show, near ``start`` where they say little."""
        views, total = len(self._pictures), (1 + _STEPS) * len(self._pictures)
        looks = _with_colors(self._gaussians, start)
        right, size = torch.zeros_like(start), torch.zeros(len(start), 1)
        weights = []
        for frame, picture in enumerate(self._pictures):
            progress(ProgressEvent(frame, total, "refit colors", picture))
            colors = self.colors_from(looks, frame)
            target = self._agreed.corrections[frame].of_picture(picture)
            with torch.no_grad():
                rgb, alpha = self._drawn(frame, colors)
            weights.append((alpha.pow(4) * self._border(frame))[..., None] * self._agreement(frame))
            slopes = self._pull(frame, [weights[-1] * (target - rgb), weights[-1] * alpha[..., None]])
            right, size = right + slopes[0], size + slopes[1][:, :1]
        size = size.clamp_min(1e-6)
        found, residual = torch.zeros_like(start), right
        ahead = scaled = residual / size
        energy = (residual * scaled).sum()
        for step in range(_STEPS):
            product = _PRIOR * size * ahead
            for frame in range(views):
                progress(ProgressEvent((1 + step) * views + frame, total, "refit colors"))
                with torch.no_grad():
                    rgb, _ = self._drawn(frame, ahead)
                product = product + self._pull(frame, [weights[frame] * rgb])[0]
            length = energy / (ahead * product).sum().clamp_min(1e-20)
            found, residual = found + length * ahead, residual - length * product
            scaled = residual / size
            before, energy = energy, (residual * scaled).sum()
            ahead = scaled + (energy / before.clamp_min(1e-20)) * ahead
        return start + found

    def colors_from(self, world: Gaussians, frame: int) -> Tensor:  # [N, 3]
        """Return the colors of a world as a view sees them."""
        center = self._trajectory.centers[frame]
        return colors_from_sh(world.sh.detach(), world.means.detach(), center.to(world.means))

    def draw(self, frame: int, colors: Tensor) -> Tensor:  # [N, 3] -> [H, W, 3]
        """Return the picture of a view."""
        with torch.no_grad():
            return self._drawn(frame, colors)[0].clamp(0, 1)

    def _agreement(self, frame: int) -> Tensor:  # [H, W, 1]
        """Return where a view shows what the others do: a picture of its Gaussians' agreement."""
        rows, seen = self._observed.views()[frame], torch.ones(len(self._gaussians), 3)
        seen[self._observed.gaussian[rows]] = self._agreed.agreement[rows, None]
        with torch.no_grad():
            rgb, alpha = self._drawn(frame, seen)
        return (rgb[..., :1] / alpha.clamp_min(1e-3)[..., None]).clamp(0, 1).square()

    def _border(self, frame: int) -> Tensor:  # [H, W]
        """Return the weight of a view's pixels."""
        height, width = self._pictures[frame].shape[:2]
        y, x = torch.meshgrid(
            (torch.arange(height) + 0.5) / height, (torch.arange(width) + 0.5) / width, indexing="ij"
        )
        return picture_weight(torch.stack((x, y), -1), self._camera(frame))

    def _camera(self, frame: int) -> Camera:
        height, width = self._pictures[frame].shape[:2]
        return self._trajectory.camera(frame, (height, width))

    def _drawn(self, frame: int, colors: Tensor) -> tuple[Tensor, Tensor]:
        view = SplatView(self._trajectory.camera_from_world[frame], self._camera(frame))
        rgb, alpha, *_ = self._render(self._splats._replace(colors=colors), view)
        return rgb, alpha

    def _pull(self, frame: int, maps: list[Tensor]) -> list[Tensor]:
        """Return for each map the sums over pixels, weighted with each Gaussian's part: the transpose of drawing."""
        with torch.inference_mode(False), torch.enable_grad():
            colors = torch.zeros(len(self._gaussians), 3, requires_grad=True)
            rgb, _ = self._drawn(frame, colors)
            pulled: list[Tensor] = []
            for number, part in enumerate(maps):
                keep = number + 1 < len(maps)
                pulled += torch.autograd.grad((rgb * part.clone()).sum(), colors, retain_graph=keep)
        return pulled


def _with_colors(gaussians: Gaussians, color: Tensor) -> Gaussians:
    """Return the world with other base colors; what depends on the view is darkened like them, never brightened."""
    old = gaussians.colors.detach().mean(-1).clamp_min(1e-3)
    gain = (color.mean(-1) / old).clamp(0, 1)[:, None, None]
    sh = torch.cat((((color - 0.5) / SH_C0)[:, None], gaussians.sh.detach()[:, 1:] * gain), 1)
    return replace(gaussians, sh=sh.to(gaussians.sh))


def _like_neighbors(gaussians: Gaussians, color: Tensor, known: Tensor) -> Tensor:  # [N, 3]
    """Return colors in which unknown ones change like known neighbors of like color."""
    from scipy.spatial import cKDTree

    if bool(known.all()):
        return color
    old, means = gaussians.colors.detach(), gaussians.means.detach().double().numpy()
    there, count = known.numpy(), min(_NEIGHBORS, int(known.sum()))
    away, near = cKDTree(means[there]).query(means[~there], k=count, workers=-1)
    near = torch.from_numpy(near.reshape(-1, count))
    away = torch.from_numpy(away.reshape(-1, count)).float()
    change = (color - old)[known][near]
    unlike = (old[known][near] - old[~known][:, None]).norm(dim=-1)
    weight = torch.exp(-0.5 * (unlike / _ALIKE).square()) + 1e-3
    weight = weight / (away.square() + away.square().mean(-1, keepdim=True) + 1e-12)
    filled = color.clone()
    filled[~known] = old[~known] + (change * weight[..., None]).sum(1) / weight.sum(1, keepdim=True)
    return filled
