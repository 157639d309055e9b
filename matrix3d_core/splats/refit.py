"""Refits the remaining Gaussians after a reduction: a short optimization against the world's own pictures."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from ..progress import ProgressEvent, ProgressFn, no_progress
from ..scene.gaussians import Gaussians
from .evaluation_views import EvalView, draw

__all__ = ["refit"]

_RATES = (0.2, 0.1, 0.05)  # logit of opacity, log of scale, SH coefficient
_MAX_GROWTH = 8.0


def refit(
    gaussians: Gaussians,
    world: Gaussians,
    views: list[EvalView],
    *,
    steps: int,
    backend: str = "auto",
    seed: int = 0,
    progress: ProgressFn = no_progress,
    phase: str = "refit splats",
) -> Gaussians:
    """Optimize opacities, sizes and colors against the pictures of ``world``.

    Centers and rotations stay. Every step compares one view over a background of random color, so that holes
    count against any background.

    Args:
        gaussians: the remaining ones.
        world: the reference.
        views: the cameras.
        steps: how many views to go through, one each; 0 returns the input.
        backend: splat backend; must give gradients.
        seed: order of the views, and the backgrounds.
        progress: called before each step.
        phase: its name in reports.
    """
    if steps < 1 or not views:
        return gaussians
    random = torch.Generator().manual_seed(seed)
    targets: list[tuple[Tensor, Tensor]] = []
    with torch.no_grad():
        for view in views:
            progress(ProgressEvent(0, steps, phase))
            seen = draw(world, view, backend)
            targets.append((seen.rgb, seen.alpha))
    with torch.inference_mode(False), torch.enable_grad():
        base = Gaussians.from_columns(t.detach().clone() for t in gaussians.tensors())
        logit = torch.logit(base.opacities.clamp(0.005, 0.995)).requires_grad_(True)
        growth = torch.zeros_like(base.scales).requires_grad_(True)
        sh = base.sh.clone().requires_grad_(True)
        groups = [{"params": [p], "lr": r} for p, r in zip((logit, growth, sh), _RATES, strict=True)]
        optimizer = torch.optim.Adam(groups, eps=1e-15)
        limit = torch.tensor(_MAX_GROWTH).log().item()
        order: list[int] = []
        for step in range(steps):
            progress(ProgressEvent(step, steps, phase))
            order = order or torch.randperm(len(views), generator=random).tolist()
            number = order.pop()
            back = torch.rand(3, generator=random)
            grown = base.scales * growth.clamp(-limit, limit).exp()
            seen = draw(replace(base, opacities=logit.sigmoid(), scales=grown, sh=sh), views[number], backend)
            rgb, alpha = targets[number]
            hole = (1 - seen.alpha).unsqueeze(-1) * back
            wanted = (rgb + (1 - alpha).unsqueeze(-1) * back.to(rgb)).clamp(0, 1)
            loss = (seen.rgb + hole.to(seen.rgb) - wanted).abs().mean()
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            for group in optimizer.param_groups:
                group["lr"] *= 0.1 ** (1 / steps)
            optimizer.step()
        grown = base.scales * growth.detach().clamp(-limit, limit).exp()
    return replace(gaussians, opacities=logit.detach().sigmoid(), scales=grown, sh=sh.detach())
