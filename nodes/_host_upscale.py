"""The host's upscale models on pictures of any size."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from comfy_extras.nodes_upscale_model import ImageUpscaleWithModel
from torch import Tensor

__all__ = ["enlarge_with"]


def enlarge_with(upscale_model: Any) -> Callable[[Tensor], Tensor]:
    """Return what the host's own node does to pictures ``[B, H, W, 3]``: tiles, smaller ones when memory runs out."""

    def enlarge(pictures: Tensor) -> Tensor:
        made: Tensor = ImageUpscaleWithModel.execute(upscale_model, pictures).args[0]
        return made

    return enlarge
