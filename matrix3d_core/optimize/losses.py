"""What the optimizer minimizes, in plain differentiable torch."""

from __future__ import annotations

import torch
from torch import Tensor

from ..metrics.image import SSIM_WINDOW_PX, ssim_map
from .views import View

__all__ = ["depth_loss", "photometric_loss"]


def photometric_loss(
    picture: Tensor,  # [H, W, 3]
    target: Tensor,  # [H, W, 3]
    weight: Tensor,  # [H, W]
    ssim_lambda: float = 0.2,
) -> Tensor:
    """Return ``(1 - s) mean(w |a - b|) + s mean(w (1 - SSIM))``, a scalar.

    SSIM counts where its window fits and takes the weight of the window's middle.

    Source: B. Kerbl et al., 3D Gaussian Splatting, 2023, eq. (7), with per-pixel weights.
    """
    reach = SSIM_WINDOW_PX // 2
    absolute = (weight.unsqueeze(-1) * (picture - target).abs()).mean()
    inner = weight[reach:-reach, reach:-reach].unsqueeze(-1)
    return (1 - ssim_lambda) * absolute + ssim_lambda * (inner * (1 - ssim_map(picture, target))).mean()


def depth_loss(
    alpha: Tensor,  # [H, W]
    depth_sum: Tensor,  # [H, W]
    known: Tensor,  # [H, W, 2]
    view: View,
    depth_weight: float,
    normal_weight: float,
) -> Tensor:
    """Return ``d mean(w min(|D - D'| / D', 0.5)) + n mean(w (1 - cos angle of the normals))``.

    ``D`` is the expected depth of the render where it is at least half opaque, ``D'`` and ``w`` are ``known``.
    Normals are those of the surfaces that both depths span over neighboring pixels; across a jump of more than
    a twentieth none is taken.
    """
    depth, weight = known.unbind(-1)
    weight = weight * (alpha.detach() > 0.5)
    drawn = depth_sum / alpha.clamp_min(0.5)
    off = ((drawn - depth).abs() / depth).clamp_max(0.5)
    total = depth_weight * (weight * off).mean()
    if normal_weight > 0:
        rays, camera = view.camera.rays().to(depth), view.camera
        ours, _ = _normals(rays, camera.ray_from_depth(drawn), drawn)
        theirs, smooth = _normals(rays, camera.ray_from_depth(depth), depth)
        angle = 1 - (ours * theirs).sum(-1)
        total = total + normal_weight * (weight[1:, 1:] * smooth * angle).mean()
    return total


def _normals(
    rays: Tensor, depth_ray: Tensor, depth: Tensor
) -> tuple[Tensor, Tensor]:  # [H-1, W-1, 3], [H-1, W-1]
    points = rays * depth_ray[..., None]
    across, down = points[1:, 1:] - points[1:, :-1], points[1:, 1:] - points[:-1, 1:]
    normal = torch.nn.functional.normalize(torch.linalg.cross(across, down), dim=-1)
    here = depth[1:, 1:]
    jump = torch.maximum((here - depth[1:, :-1]).abs(), (here - depth[:-1, 1:]).abs())
    return normal, (jump < 0.05 * here).to(depth)
