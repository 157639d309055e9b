"""Prunes a world to a budget with the least visible loss, and reports the PSNR loss.

The change of a picture when one Gaussian is removed is known exactly: every pixel is linear in the opacity of
each Gaussian, so ``opacity * d pixel / d opacity`` is the change. Its square, summed over all pixels, is
estimated with one backward pass per view by giving every pixel and channel a random sign: the expected square
of the signed sum is the sum of the squares.

Source: M. Hutchinson, A stochastic estimator of the trace, 1990 (the signs).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Required, TypedDict

import torch
from torch import Tensor

from ..errors import InvalidInput
from ..progress import ProgressEvent, ProgressFn, attentive, no_progress
from ..scene.gaussians import Gaussians
from ..scene.trajectory import Trajectory
from .clean import valid_mask
from .evaluation_views import (
    EvalView,
    centers_inside,
    draw,
    evaluation_views,
    mean_psnr,
    pictures,
    reference_renders,
)
from .levels import downsample
from .refit import refit

__all__ = ["METHODS", "PruneConfig", "PruneReport", "prune_gaussians", "removal_losses"]


METHODS = ("auto", "remove", "fuse", "both")
"""``remove`` drops the least visible; ``fuse`` joins neighbors; ``both`` does half of the reduction with each;
``auto`` tries them and keeps the best PSNR."""


@dataclass(frozen=True)
class PruneConfig:
    """Settings of `prune_gaussians`.

    Attributes:
        method: one of `METHODS`.
        views: pictures to measure with; half as many others evaluate.
        size_px: side of the pictures.
        refit_steps: see `refit.refit`; 0 leaves the rest as it is.
        backend: splat backend.
        seed: for the random signs and backgrounds.
    """

    method: str = "auto"
    views: int = 24
    size_px: int = 256
    refit_steps: int = 72
    backend: str = "auto"
    seed: int = 0

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise InvalidInput(f"method must be one of {', '.join(METHODS)}; got {self.method!r}.")
        if self.refit_steps < 0:
            raise InvalidInput(f"refit_steps must be 0 or more; got {self.refit_steps}.")


def removal_losses(
    gaussians: Gaussians,
    views: list[EvalView],
    *,
    backend: str = "auto",
    seed: int = 0,
    probes: int = 2,
    progress: ProgressFn = no_progress,
    phase: str = "score splats",
) -> Tensor:  # [N]
    """Estimate the squared error, summed over pixels, channels and views, of removing each Gaussian.

    Args:
        gaussians: the world.
        views: the cameras.
        backend: splat backend; must give gradients.
        seed: for the random signs.
        probes: random signs per view. One Gaussian's estimate has a relative standard deviation of about
            ``sqrt(2 / (probes * views that see it))``.
        progress: called before each view.
        phase: its name in reports.

    Returns:
        ``[N]`` float64, 0 for Gaussians that no view sees.
    """
    random = torch.Generator().manual_seed(seed)
    with torch.inference_mode(False), torch.enable_grad():  # a host may call from within inference mode
        total = torch.zeros(len(gaussians), dtype=torch.float64)
        for number, view in enumerate(views):
            progress(ProgressEvent(number, len(views), phase))
            opacities = gaussians.opacities.detach().clone().requires_grad_(True)
            copy = Gaussians.from_columns(t.detach().clone() for t in gaussians.tensors())
            seen = draw(replace(copy, opacities=opacities), view, backend)
            back = torch.rand(3, generator=random).to(seen.rgb)  # so that holes count against any background
            rgb = seen.rgb + (1 - seen.alpha).unsqueeze(-1) * back
            for probe in range(probes):
                signs = (torch.randint(0, 2, rgb.shape, generator=random) * 2 - 1).to(rgb)
                (slope,) = torch.autograd.grad(
                    (rgb * signs).sum(), opacities, retain_graph=probe + 1 < probes
                )
                total += (slope * opacities.detach()).double().cpu().square() / probes
    return total


class PruneReport(TypedDict, total=False):
    """The report of `prune_gaussians`; steps not done or measured are left out."""

    before: Required[int]
    unseen: int
    method: str
    before_refit_db: dict[str, float]
    after: int
    psnr_db: float
    evaluated_on: int
    before_db: float
    after_db: float
    cost_db: float


@attentive
def prune_gaussians(
    gaussians: Gaussians,
    budget: int,
    *,
    trajectory: Trajectory | None = None,
    frames: Tensor | None = None,
    config: PruneConfig | None = None,
    progress: ProgressFn = no_progress,
) -> tuple[Gaussians, PruneReport]:
    """Prune a world to ``budget`` Gaussians with the least change of its pictures.

    Args:
        gaussians: the world, on the CPU.
        budget: maximum number of Gaussians, at least 1.
        trajectory: viewpoints; None is around the origin.
        frames: optional ``[T, H, W, 3]`` panoramas along the trajectory, to measure the loss against the
            ground truth and not only against the world before.
        config: settings; None for the defaults.
        progress: called between views.

    Returns:
        The Gaussians that stay and a report: counts; ``method`` that was used and the results of the others;
        ``psnr_db`` between the pictures after and before on held-out views; with
        ``frames`` also ``before_db``, ``after_db`` and ``cost_db`` against them. Within the budget, the
        world is returned as it is.

    Raises:
        InvalidInput: for a budget below 1, frames without a trajectory or of another length, or NaN.
    """
    config = config or PruneConfig()
    if budget < 1:
        raise InvalidInput(f"budget must be at least 1; got {budget}.")
    if frames is not None and trajectory is None:
        raise InvalidInput(
            "frames must come with their trajectory; got frames alone. Connect the trajectory."
        )
    if not len(gaussians):
        raise InvalidInput("the world must hold at least 1 splat; got none.")
    broken = int((~valid_mask(gaussians)).sum())
    if broken:
        raise InvalidInput(
            f"splats must be finite to be scored; {broken} are not. Clean them first (Clean Splats)."
        )
    measure, judge = evaluation_views(gaussians, trajectory, count=config.views, size_px=config.size_px)
    truth = None if frames is None or trajectory is None else reference_renders(frames, judge, trajectory)
    backend = config.backend
    before = pictures(gaussians, judge, backend=backend, progress=progress, phase="render before")
    report: PruneReport = {"before": len(gaussians)}
    rest = gaussians
    if budget < len(gaussians):
        loss = removal_losses(gaussians, measure, backend=backend, seed=config.seed, progress=progress)
        report["unseen"] = int((loss == 0).sum())
        centers = centers_inside(gaussians, trajectory)
        wanted = pictures(gaussians, measure, backend=backend, progress=progress, phase="render before")
        scores: dict[str, float] = {}
        for method in METHODS[1:] if config.method == "auto" else (config.method,):
            less = _reduced(gaussians, loss, budget, method, centers)
            seen = pictures(less, measure, backend=backend, progress=progress, phase=f"try {method}")
            scores[method] = round(mean_psnr(seen, wanted), 2)
            if scores[method] == max(scores.values()):
                rest = less
        report["method"] = max(scores, key=lambda name: scores[name])
        report["before_refit_db"] = scores
        rest = refit(
            rest,
            gaussians,
            measure,
            steps=config.refit_steps,
            backend=backend,
            seed=config.seed,
            progress=progress,
        )
    after = pictures(rest, judge, backend=backend, progress=progress, phase="render after")
    report["after"] = len(rest)
    report["psnr_db"] = round(mean_psnr(after, before), 2)
    report["evaluated_on"] = len(judge)
    if truth is not None:
        first, last = mean_psnr(before, truth), mean_psnr(after, truth)
        report["before_db"] = round(first, 2)
        report["after_db"] = round(last, 2)
        report["cost_db"] = round(first - last, 2)
    return rest, report


def _reduced(gaussians: Gaussians, loss: Tensor, budget: int, method: str, centers: Tensor) -> Gaussians:
    """Keep at most ``budget``; in the old order, fused ones in that of their cells."""
    removed_to = {"remove": budget, "fuse": len(gaussians), "both": round((budget * len(gaussians)) ** 0.5)}
    kept = torch.argsort(loss, descending=True, stable=True)[: removed_to[method]].sort().values
    rest = gaussians if method == "fuse" else gaussians.select(kept)
    return rest if len(rest) <= budget else downsample(rest, budget, centers=centers)
