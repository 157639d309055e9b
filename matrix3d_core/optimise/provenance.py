"""Where the Gaussians of a world come from, as colours."""

from __future__ import annotations

import torch
from torch import Tensor

from ..checks import check_shape
from ..scene.gaussians import Gaussians
from .initial import ORIGINS

__all__ = ["ORIGIN_COLOURS", "colour_by_origin"]

ORIGIN_COLOURS = ((0.20, 0.68, 0.38), (0.95, 0.62, 0.12), (0.86, 0.20, 0.22))
"""Display colours of `ORIGINS`: source green, generated orange, filled red."""


def colour_by_origin(gaussians: Gaussians, origins: Tensor) -> Gaussians:
    """Return the same Gaussians, in the same order, in the colour of their origin.

    A third of each one's brightness is kept, so that shapes stay readable; the hue tells the origin.

    Args:
        gaussians: the world.
        origins: ``[N]`` index into `ORIGINS`.
    """
    check_shape("origins", origins, f"{len(gaussians)}")
    hue = torch.tensor(ORIGIN_COLOURS)[origins.long().clamp(0, len(ORIGINS) - 1)].to(gaussians.means)
    grey = gaussians.colours.detach().mean(-1, keepdim=True).clamp(0, 1)
    mixed = (hue * (0.7 + 0.6 * (grey - 0.5))).clamp(0, 1)
    return Gaussians.from_colours(
        gaussians.means, gaussians.quats_wxyz, gaussians.scales, gaussians.opacities, mixed
    )
