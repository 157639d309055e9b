"""How to show the labels of a world: what was seen and what was made up, classes, and single instances."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from ..checks import check_shape
from ..errors import InvalidInput
from .gaussians import SH_C0, Gaussians
from .labels import LABELS, ORIGINS

__all__ = [
    "CLASS_COLORS",
    "ORIGIN_COLORS",
    "UNKNOWN_COLOR",
    "color_by_label",
    "count_origins",
    "label_colors",
]

ORIGIN_COLORS = ((0.20, 0.68, 0.38), (0.95, 0.62, 0.12), (0.86, 0.20, 0.22))
"""Display colors of `ORIGINS`: source green, observed orange, unobserved red."""
CLASS_COLORS = (
    (0.36, 0.66, 0.95),
    (0.62, 0.47, 0.32),
    (0.80, 0.72, 0.60),
    (0.25, 0.62, 0.27),
    (0.12, 0.35, 0.75),
    (0.88, 0.32, 0.55),
)
"""Display colors of `scene.labels.CLASSES`: sky light blue, ground brown, wall beige, foliage green, water blue, object
pink."""
UNKNOWN_COLOR = (0.55, 0.55, 0.60)
"""Display color of Gaussians without a label of the kind: gray."""

_PALETTES = {"origins": ORIGIN_COLORS, "classes": CLASS_COLORS}
_TURN = 0.6180339887498949  # of the hue from one instance to the next: neighbors differ, and no hue comes twice soon


def label_colors(labels: Tensor, kind: str = "origins") -> Tensor:  # [N] -> [N, 3]
    """Return the display color of each label, float32 in [0, 1].

    Args:
        labels: ``[N]`` integer; numbers that mean nothing are `UNKNOWN_COLOR`.
        kind: one of `scene.labels.LABELS`.

    Raises:
        InvalidInput: when it is not one row of integers, or for another kind.
    """
    if kind not in LABELS:
        raise InvalidInput(f"kind must be one of {', '.join(LABELS)}; got {kind!r}.")
    check_shape(kind, labels, "N")
    if labels.is_floating_point() or labels.is_complex():
        raise InvalidInput(f"{kind} must be integers; got {labels.dtype}.")
    index, unknown = labels.long(), torch.tensor(UNKNOWN_COLOR, device=labels.device)
    if kind in _PALETTES:
        colors = torch.tensor((*_PALETTES[kind], UNKNOWN_COLOR), device=labels.device)
        is_known = (index >= 0) & (index < len(_PALETTES[kind]))
        return colors[torch.where(is_known, index, len(_PALETTES[kind]))]
    hue = (index.double() * _TURN % 1).float()
    wheel = torch.stack([(6 * hue + turn) % 6 for turn in (0, 4, 2)], -1)
    colors = 0.25 + 0.65 * ((wheel - 3).abs() - 1).clamp(0, 1)
    return torch.where((index == LABELS[kind].missing)[:, None], unknown, colors)


def color_by_label(gaussians: Gaussians, kind: str = "origins") -> Gaussians:
    """Return the same Gaussians, in the same order, in the color of their label.

    A third of each one's brightness is kept, so that shapes stay readable; the hue shows the label.

    Args:
        gaussians: the world.
        kind: one of `scene.labels.LABELS`.

    Raises:
        InvalidInput: when it carries none of that kind.
    """
    labels = gaussians.labels.get(kind)
    if labels is None:
        raise InvalidInput(
            f"these splats must carry their {kind} to be colored by them; they do not. Take splats that have them "
            "(GS Optimize gives origins, Label Splats classes and instances), or a PLY saved from them; other formats "
            "and core's own splat nodes lose them."
        )
    hue = label_colors(labels, kind).to(gaussians.means)
    gray = gaussians.colors.detach().mean(-1, keepdim=True).clamp(0, 1)
    mixed = (hue * (0.7 + 0.6 * (gray - 0.5))).clamp(0, 1)
    return replace(gaussians, sh=((mixed - 0.5) / SH_C0).unsqueeze(1))


def count_origins(origins: Tensor | None) -> dict[str, int] | None:
    """Return the number of Gaussians of each origin, by name, unknown ones last; None for None."""
    if origins is None:
        return None
    counts = {name: int((origins == number).sum()) for number, name in enumerate(ORIGINS)}
    unknown = len(origins) - sum(counts.values())
    return counts | ({"unknown": unknown} if unknown else {})
