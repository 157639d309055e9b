"""What the optimiser minimises, in plain differentiable torch."""

from __future__ import annotations

from torch import Tensor

from ..metrics.image import SSIM_WINDOW_PX, ssim_map

__all__ = ["photometric_loss"]


def photometric_loss(
    picture: Tensor,  # [H, W, 3]
    target: Tensor,  # [H, W, 3]
    weight: Tensor,  # [H, W]
    ssim_share: float = 0.2,
) -> Tensor:
    """Return ``(1 - s) mean(w |a - b|) + s mean(w (1 - SSIM))``, a scalar.

    SSIM counts where its window fits and takes the weight of the window's middle.

    Source: B. Kerbl et al., 3D Gaussian Splatting, 2023, eq. (7), with per-pixel weights.
    """
    reach = SSIM_WINDOW_PX // 2
    absolute = (weight.unsqueeze(-1) * (picture - target).abs()).mean()
    inner = weight[reach:-reach, reach:-reach].unsqueeze(-1)
    return (1 - ssim_share) * absolute + ssim_share * (inner * (1 - ssim_map(picture, target))).mean()
