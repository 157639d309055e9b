"""Distances as a picture."""

from __future__ import annotations

import torch
from torch import Tensor

from ..checks import check_shape

__all__ = ["colorize_depth"]

# Far to near, evenly spaced: night blue, violet, rose, orange, pale yellow; lightness rises steadily.
_COLORS = (
    (0.07, 0.09, 0.22),
    (0.27, 0.17, 0.47),
    (0.60, 0.22, 0.49),
    (0.88, 0.40, 0.36),
    (0.98, 0.68, 0.38),
    (0.99, 0.94, 0.74),
)
_SKY_COLOR = (0.025, 0.03, 0.06)
_GRID = 256 * 512


def colorize_depth(depth_ray: Tensor, is_sky: Tensor | None = None) -> Tensor:  # [H, W] -> [H, W, 3]
    """Paint distances: near is light, far is dark, sky nearly black.

    The color follows the inverse distance between the 1st and the 99th percentile, so that a single
    far or near pixel does not flatten the rest. A map of one value is painted in the middle color.

    Args:
        depth_ray: ``[H, W]``; values that are not finite and positive are painted as sky.
        is_sky: ``[H, W]`` bool, or None.

    Returns:
        ``[H, W, 3]`` float32 in [0, 1].
    """
    size = check_shape("depth_ray", depth_ray, "H W")
    usable = torch.isfinite(depth_ray) & (depth_ray > 0)
    if is_sky is not None:
        check_shape("is_sky", is_sky, f"{size['H']} {size['W']}")
        usable = usable & ~is_sky
    sky = torch.tensor(_SKY_COLOR, device=depth_ray.device)
    if not bool(usable.any()):
        return sky.expand(size["H"], size["W"], 3).clone()
    inverse = torch.where(usable, 1 / depth_ray, 0).float()
    shown = inverse[usable]
    shown = shown[:: max(1, len(shown) // _GRID)]  # percentiles need no more, and quantile() takes no more
    low, high = torch.quantile(shown, torch.tensor([0.01, 0.99], device=shown.device)).tolist()
    share = (inverse - low) / (high - low) if high > low * (1 + 1e-6) else torch.full_like(inverse, 0.5)
    colors = torch.tensor(_COLORS, device=depth_ray.device)
    position = share.clamp(0, 1) * (len(_COLORS) - 1)
    index = position.long().clamp(max=len(_COLORS) - 2)
    painted = torch.lerp(colors[index], colors[index + 1], (position - index).unsqueeze(-1))
    return torch.where(usable.unsqueeze(-1), painted, sky)
