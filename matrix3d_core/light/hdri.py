"""High dynamic range from displayed pictures: exposures merged, and what is clipped given back its energy."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import torch
from torch import Tensor

from ..checks import check_shape, check_two_to_one
from ..errors import InvalidInput
from ..geometry.spherical import erp_directions
from .irradiance import row_solid_angles
from .sun import check_light
from .tone import CLIPPED, linear_from_display, luminance

__all__ = ["SUN_RADIUS_RAD", "add_sun", "merge_exposures", "restore_lamps"]

SUN_RADIUS_RAD = math.radians(0.2666)
"""Half the angle that the sun spans, seen from the earth."""

_NOISE = 0.02  # display value below which a dark exposure says nothing
_FEWEST_PIXELS = 64
_ALBEDO = 0.65  # of a room: what its surfaces send back of the light that falls on them
_MOST_LAMPS = 0.06  # share of the sphere that may be lamps; more is a white wall
_MOST_GAIN = 60.0


def merge_exposures(
    pictures: Tensor,  # [E, H, W, 3]
    *,
    curve: str,
    stops: Sequence[float] | None = None,
) -> tuple[Tensor, list[float]]:  # [H, W, 3]
    """Merge pictures of different exposures into one of linear light, that of the first picture's exposure.

    A pixel takes from each picture by how far it is from black and white there; where all are clipped, the darkest
    says how bright it is at least.

    Args:
        pictures: ``[E, H, W, 3]`` display color of one panorama, in any order.
        curve: tone curve, see `linear_from_display`.
        stops: ``[E]`` exposure of each in stops; None estimates them from what two neighbors in brightness
            both show.

    Returns:
        ``[H, W, 3]`` linear light and the exposures in stops over the first.

    Raises:
        InvalidInput: for pictures that are not 2:1 or not finite, another number of stops, or exposures that have no
            pixel in common.

    Source: P. Debevec and J. Malik, Recovering High Dynamic Range Radiance Maps from Photographs, 1997, with a known
        curve.
    """
    size = check_shape("pictures", pictures, "E H W 3")
    check_two_to_one("pictures", size["H"], size["W"])
    if not bool(torch.isfinite(pictures).all()):
        raise InvalidInput("pictures must be finite; got NaN or infinity.")
    shown = pictures.detach().to("cpu", torch.float32).clamp(0, 1)
    light = linear_from_display(shown, curve)
    weight = _trust(shown)
    found = _estimate_stops(light, weight) if stops is None else _checked_stops(stops, len(shown))
    gain = torch.tensor([2.0**stop for stop in found])[:, None, None, None]
    total = weight.sum(0)
    merged = (weight * light / gain).sum(0) / total.clamp_min(1e-6)
    darkest, brightest = int(gain.argmin()), int(gain.argmax())
    is_white = shown[darkest].amax(-1, keepdim=True) > 0.5
    rest = torch.where(is_white, light[darkest] / gain[darkest], light[brightest] / gain[brightest])
    return torch.where(total > 1e-4, merged, rest), found


def _trust(shown: Tensor) -> Tensor:  # [E, H, W, 3] -> [E, H, W, 1]
    """Return weights: 0 where any channel is clipped or all are black, most in the middle."""
    high, low = shown.amax(-1, keepdim=True), shown.amax(-1, keepdim=True)
    return ((CLIPPED - high) / 0.3).clamp(0, 1) * ((low - _NOISE) / 0.2).clamp(0, 1)


def _checked_stops(stops: Sequence[float], count: int) -> list[float]:
    values = [float(stop) for stop in stops]
    if len(values) != count or not all(math.isfinite(value) and abs(value) < 40 for value in values):
        raise InvalidInput(f"stops must be {count} finite numbers, one per exposure; got {list(stops)}.")
    return [value - values[0] for value in values]


def _estimate_stops(light: Tensor, weight: Tensor) -> list[float]:
    order = sorted(range(len(light)), key=lambda k: float(light[k].mean()))
    stops = [0.0] * len(light)
    for darker, brighter in itertools.pairwise(order):
        both = (weight[darker] * weight[brighter])[..., 0] > 0.05
        if int(both.sum()) < _FEWEST_PIXELS:
            raise InvalidInput(
                f"exposures {darker} and {brighter} must have pixels in common that are neither black nor white; got "
                f"{int(both.sum())}. Give the stops, or exposures that are closer to each other."
            )
        ratio = luminance(light[brighter])[both] / luminance(light[darker])[both]
        stops[brighter] = stops[darker] + math.log2(max(float(ratio.median()), 1e-6))
    return [stop - stops[0] for stop in stops]


def add_sun(panorama_linear: Tensor, towards: Tensor, irradiance: Tensor) -> Tensor:
    """Return a panorama with a sun that sends so much light.

    The disk is as large as the sun, at least some pixels: what matters is light times solid angle.

    Args:
        panorama_linear: ``[H, W, 3]`` linear light.
        towards: ``[3]`` unit vector towards the sun.
        irradiance: ``[3]`` on a surface that faces it, in the panorama's light times steradians; not negative.
    """
    check_light("panorama_linear", panorama_linear)
    height = len(panorama_linear)
    if not bool(torch.isfinite(irradiance).all() and (irradiance >= 0).all()):
        raise InvalidInput(f"irradiance must be finite and not negative; got {irradiance.tolist()}.")
    cosine = erp_directions(height, 2 * height, dtype=torch.float64) @ towards.double()
    radius = max(SUN_RADIUS_RAD, 1.2 * math.pi / height)
    disk = (cosine > math.cos(radius)).double() * row_solid_angles(height)[:, None]
    if float(disk.sum()) == 0:
        disk.flatten()[int(cosine.argmax())] = 1
    share = (disk > 0).double() / float(disk.sum())
    return panorama_linear + (share[..., None] * irradiance.double()).to(panorama_linear)


def restore_lamps(panorama_linear: Tensor, is_clipped: Tensor) -> tuple[Tensor, float]:  # [H, W, 3], [H, W]
    """Return a room's panorama with its clipped lamps and windows as bright as its walls need, and their gain.

    Walls and ceilings send back about two thirds of the light that falls on them; lamps must send the rest.

    Args:
        panorama_linear: ``[H, W, 3]`` linear light, clipped.
        is_clipped: ``[H, W]`` bool.
    """
    check_light("panorama_linear", panorama_linear)
    area = row_solid_angles(len(panorama_linear)).float()[:, None]
    share = float((is_clipped * area).sum()) / (4 * math.pi)
    light = luminance(panorama_linear.float()) * area
    lamps, rest = float((light * is_clipped).sum()), float((light * ~is_clipped).sum())
    if not 0 < share < _MOST_LAMPS or lamps <= 0:
        return panorama_linear, 1.0
    gain = min(_MOST_GAIN, max(1.0, rest * (1 - _ALBEDO) / _ALBEDO / lamps))
    return torch.where(is_clipped[..., None], gain * panorama_linear, panorama_linear), gain
