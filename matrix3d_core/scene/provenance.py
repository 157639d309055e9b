"""Where the Gaussians of a world come from: what was seen, what was made up, and how to show it.

A world may carry one number per Gaussian (`Gaussians.origins`). Whoever selects, moves or joins Gaussians keeps it;
where several are fused into one, the heaviest has its say.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ..checks import check_shape
from ..errors import InvalidInput
from .gaussians import ORIGIN_UNKNOWN, Gaussians

__all__ = [
    "ORIGINS",
    "ORIGIN_COLORS",
    "ORIGIN_OBSERVED",
    "ORIGIN_SOURCE",
    "ORIGIN_UNKNOWN",
    "ORIGIN_UNOBSERVED",
    "UNKNOWN_COLOR",
    "color_by_origin",
    "count_origins",
    "provenance_colors",
]

ORIGINS = ("source", "observed", "unobserved")
"""Where a Gaussian comes from: a texel of the source panorama (or first picture); a frame that shows what the
source does not, at a distance that is known or that two frames agree on; a frame at a guessed distance, or a texel that
was filled in around a photo. Rendered and generated frames count alike."""
ORIGIN_SOURCE, ORIGIN_OBSERVED, ORIGIN_UNOBSERVED = range(3)

ORIGIN_COLORS = ((0.20, 0.68, 0.38), (0.95, 0.62, 0.12), (0.86, 0.20, 0.22))
"""Display colors of `ORIGINS`: source green, observed orange, unobserved red."""
UNKNOWN_COLOR = (0.55, 0.55, 0.60)
"""Display color of Gaussians of unknown origin: gray."""


def provenance_colors(origins: Tensor) -> Tensor:  # [N] -> [N, 3]
    """Return the display color of each origin, float32 in [0, 1].

    Args:
        origins: ``[N]`` integer, index into `ORIGINS`; anything else is unknown.

    Raises:
        InvalidInput: when it is not one row of integers.
    """
    check_shape("origins", origins, "N")
    if origins.is_floating_point() or origins.is_complex():
        raise InvalidInput(f"origins must be integers; got {origins.dtype}.")
    index = origins.long()
    is_known = (index >= 0) & (index < len(ORIGINS))
    palette = torch.tensor((*ORIGIN_COLORS, UNKNOWN_COLOR), device=origins.device)
    return palette[torch.where(is_known, index, len(ORIGINS))]


def color_by_origin(gaussians: Gaussians, origins: Tensor | None = None) -> Gaussians:
    """Return the same Gaussians, in the same order, in the color of their origin.

    A third of each one's brightness is kept, so that shapes stay readable; the hue shows the origin.

    Args:
        gaussians: the world.
        origins: ``[N]`` index into `ORIGINS`; None takes those that the world carries.

    Raises:
        InvalidInput: when there are none.
    """
    origins = gaussians.origins if origins is None else origins
    if origins is None:
        raise InvalidInput(
            "these splats must carry their origins to be colored by them; they do not. Take the splats that GS "
            "Optimize gives, or a PLY saved from them; other formats and core's own splat nodes lose the origins."
        )
    check_shape("origins", origins, f"{len(gaussians)}")
    hue = provenance_colors(origins).to(gaussians.means)
    gray = gaussians.colors.detach().mean(-1, keepdim=True).clamp(0, 1)
    mixed = (hue * (0.7 + 0.6 * (gray - 0.5))).clamp(0, 1)
    painted = Gaussians.from_colors(
        gaussians.means, gaussians.quats_wxyz, gaussians.scales, gaussians.opacities, mixed
    )
    return painted.with_origins(origins)


def count_origins(origins: Tensor | None) -> dict[str, int] | None:
    """Return the number of Gaussians of each origin, by name, unknown ones last; None for None."""
    if origins is None:
        return None
    counts = {name: int((origins == number).sum()) for number, name in enumerate(ORIGINS)}
    unknown = len(origins) - sum(counts.values())
    return counts | ({"unknown": unknown} if unknown else {})
