"""Display color from linear light and back, through a choice of tone curves."""

from __future__ import annotations

import torch
from torch import Tensor

from ..errors import InvalidInput
from .irradiance import linear_from_srgb, srgb_from_linear

__all__ = ["CLIPPED", "TONE_CURVES", "display_from_linear", "linear_from_display", "luminance"]

TONE_CURVES = ("srgb", "filmic")
"""``srgb`` is the standard's curve, light above 1 clips. ``filmic`` has a toe and a shoulder, as cameras and most
renderers do."""
CLIPPED = 0.985
"""Display value from which on a channel counts as clipped."""

_A, _B, _C, _D, _E = 2.51, 0.03, 2.43, 0.59, 0.14
_EXPOSED = 0.62  # of the filmic curve: middle gray stays where sRGB has it
_MOST = 0.995  # display value that the filmic curve's shoulder is inverted up to


def linear_from_display(color: Tensor, curve: str) -> Tensor:  # [..., 3] -> [..., 3]
    """Return linear light of display colors 0..1.

    Source: IEC 61966-2-1 (sRGB); K. Narkowicz, ACES Filmic Tone Mapping Curve, 2015, solved for the light.

    Raises:
        InvalidInput: for an unknown curve.
    """
    _check(curve)
    color = color.clamp(0, 1)
    if curve == "srgb":
        return linear_from_srgb(color)
    y = color.clamp_max(_MOST) ** 2.2
    # y (C x^2 + D x + E) = A x^2 + B x, of which one root is positive.
    a, b, c = _A - _C * y, _B - _D * y, -_E * y
    return (-b + (b * b - 4 * a * c).clamp_min(0).sqrt()) / (2 * a) / _EXPOSED


def display_from_linear(light: Tensor, curve: str) -> Tensor:  # [..., 3] -> [..., 3]
    """Return display colors 0..1 of linear light, the inverse of `linear_from_display`.

    Raises:
        InvalidInput: for an unknown curve.
    """
    _check(curve)
    light = light.clamp_min(0)
    if curve == "srgb":
        return srgb_from_linear(light).clamp(0, 1)
    x = _EXPOSED * light
    result: Tensor = (x * (_A * x + _B) / (x * (_C * x + _D) + _E)).clamp(0, 1) ** (1 / 2.2)
    return result


def luminance(light: Tensor) -> Tensor:  # [..., 3] -> [...]
    """Return the luminance of linear light with sRGB's primaries."""
    weights = torch.tensor((0.2126, 0.7152, 0.0722), dtype=light.dtype, device=light.device)
    return light @ weights


def _check(curve: str) -> None:
    if curve not in TONE_CURVES:
        raise InvalidInput(f"tone_curve must be one of {', '.join(TONE_CURVES)}; got {curve!r}.")
