"""The CUDA splat engine: the `gsplat` package (1.4 or newer), behind the common contract.

Not run on the CPU-only machines where the rest is tested; the parity test is marked ``gpu``. It culls a
little less than the contract says (no widened-frustum test), which shows only for huge Gaussians beside
the camera.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ..errors import InvalidInput
from . import splat as contract

__all__ = ["open_gsplat"]


def open_gsplat() -> contract.RenderFn:
    """Import gsplat and draw one Gaussian with it, so that a broken extension shows here and not later.

    The wheel compiles its extension on first use, which needs nvcc and takes minutes.
    """
    from gsplat import rasterization

    def render(
        means: Tensor,
        quats_wxyz: Tensor,
        scales: Tensor,
        opacities: Tensor,
        colours: Tensor,
        camera_from_world: Tensor,
        K_px: Tensor | None,
        height: int,
        width: int,
        *,
        near_z: float = contract.NEAR_Z,
        antialiased: bool = False,
        median: bool = False,
    ) -> tuple[Tensor, ...]:
        if K_px is None or median:
            raise InvalidInput(
                "the gsplat engine must not be asked for panoramas or median depth; choose auto."
            )
        return _render(
            rasterization, means, quats_wxyz, scales, opacities, colours, camera_from_world, K_px, height, width,
            near_z, antialiased,
        )  # fmt: skip

    one = torch.tensor([[0.0, 0.0, 2.0]]), torch.tensor([[1.0, 0.0, 0.0, 0.0]]), torch.full((1, 3), 0.1)
    K_px = torch.tensor([[8.0, 0.0, 8.0], [0.0, 8.0, 8.0], [0.0, 0.0, 1.0]])
    render(*one, torch.ones(1), torch.ones(1, 3), torch.eye(4), K_px, 16, 16)
    return render


def _render(
    rasterization: Any,
    means: Tensor,
    quats_wxyz: Tensor,
    scales: Tensor,
    opacities: Tensor,
    colours: Tensor,
    camera_from_world: Tensor,
    K_px: Tensor,
    height: int,
    width: int,
    near_z: float,
    antialiased: bool,
) -> tuple[Tensor, Tensor, Tensor]:
    """Draw on the GPU; inputs from elsewhere are moved there and the pictures back."""
    home = means.device
    if len(means) == 0:
        return torch.zeros(height, width, 3).to(means), *torch.zeros(2, height, width).to(means)
    gpu = home if home.type == "cuda" else torch.device("cuda")
    inputs = [t.to(gpu, torch.float32) for t in (means, quats_wxyz, scales, opacities, colours)]
    cameras = [t.to(gpu, torch.float32).unsqueeze(0) for t in (camera_from_world, K_px.detach())]
    picture, alpha, _ = rasterization(
        *inputs,
        *cameras,
        width,
        height,
        near_plane=near_z,
        eps2d=contract.LOWPASS_PX2,
        packed=False,
        render_mode="RGB+D",  # D is the sum of weight times depth
        rasterize_mode="antialiased" if antialiased else "classic",
    )
    picture, alpha = picture[0].to(home), alpha[0, ..., 0].to(home)
    return picture[..., :3], alpha, picture[..., 3]
