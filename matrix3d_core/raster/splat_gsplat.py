"""The CUDA splat backend: the `gsplat` package (1.4 or newer), behind the common contract.

Not run on the CPU-only machines where the rest is tested; the parity test is marked ``gpu``. It culls a
little less than the contract says (no widened-frustum test), which shows only for huge Gaussians beside
the camera.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ..errors import InvalidInput
from ..scene.camera import Equirect, Pinhole
from . import splat_contract as contract

__all__ = ["open_gsplat"]


def open_gsplat() -> contract.SplatRenderer:
    """Import gsplat and draw one Gaussian with it, so that a broken extension shows here and not later.

    The wheel compiles its extension on first use, which needs nvcc and takes minutes.
    """
    from gsplat import rasterization

    def render(splats: contract.SplatInputs, view: contract.SplatView) -> tuple[Tensor, ...]:
        if isinstance(view.camera, Equirect) or view.median:
            raise InvalidInput(
                "the gsplat backend must not be asked for panoramas or median depth; choose auto."
            )
        return _render(rasterization, splats, view, view.camera)

    render(*contract.trial())
    return render


def _render(
    rasterization: Any, splats: contract.SplatInputs, view: contract.SplatView, camera: Pinhole
) -> tuple[Tensor, Tensor, Tensor]:
    """Draw on the GPU; inputs from elsewhere are moved there and the pictures back."""
    home = splats.means.device
    if len(splats.means) == 0:
        return torch.zeros(*camera.size_px, 3).to(splats.means), *torch.zeros(2, *camera.size_px).to(
            splats.means
        )
    gpu = home if home.type == "cuda" else torch.device("cuda")
    picture, alpha, _ = rasterization(
        *(t.to(gpu, torch.float32) for t in splats),
        *(t.to(gpu, torch.float32).unsqueeze(0) for t in (view.camera_from_world, camera.K_px)),
        camera.width,
        camera.height,
        near_plane=view.near_z,
        eps2d=contract.LOWPASS_PX2,
        packed=False,
        render_mode="RGB+D",  # D is the sum of weight times depth
        rasterize_mode="antialiased" if view.antialiased else "classic",
    )
    picture, alpha = picture[0].to(home), alpha[0, ..., 0].to(home)
    return picture[..., :3], alpha, picture[..., 3]
