"""A panorama as the light of a place: high dynamic range, with its sun."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ..checks import check_finite, check_shape
from ..errors import InvalidInput
from ..geometry.spherical import pixels_from_directions
from ..light.hdri import add_sun, merge_exposures, restore_lamps
from ..light.irradiance import irradiance_from_panorama, row_solid_angles, shade
from ..light.sun import Sun, check_light, find_sun, guess_sky
from ..light.tone import CLIPPED, luminance
from ..progress import ProgressFn, no_progress
from ..scene.panorama import PanoramaGeometry
from .shadow_sun import find_sun_of_scene, sun_irradiance

__all__ = ["Environment", "environment_from_light", "environment_from_pictures", "stops_from_text"]

_CLEAR_DAY = 3.0  # irradiance of the sun over that of the rest on level ground, where nothing tells it
_HALF_TRUSTED = 0.005  # share of the sphere where shadows tell the sun's strength
_LEAST_CONFIDENCE = 0.3
_CALM = 8.0  # times the mean light of the sky: what is brighter is the sun itself


@dataclass(frozen=True)
class Environment:
    """The light of a place.

    Attributes:
        light: ``[H, W, 3]`` float32 linear light from everywhere but the sun.
        sun: where the sun is; its confidence says whether there is one.
        sun_irradiance: ``[3]`` of the sun on a surface that faces it, zeros without one.
        is_sun_open: whether the sun shines on the panorama's own center.
        is_sky: ``[H, W]`` bool, where the panorama shows sky.
        report: how it was found.
    """

    light: Tensor
    sun: Sun
    sun_irradiance: Tensor
    is_sun_open: bool
    is_sky: Tensor
    report: dict[str, Any]

    def hdri(self) -> Tensor:  # [H, W, 3]
        """Return the panorama with its sun, as an environment map of the center."""
        if not self.is_sun_open:
            return self.light
        return add_sun(self.light, self.sun.direction, self.sun_irradiance)

    def ambient(self) -> Tensor:  # [9, 3]
        """Return the irradiance of everything but the sun."""
        return irradiance_from_panorama(self.light)


def stops_from_text(text: str) -> list[float] | None:
    """Return exposures such as ``-2 0 2``; None for an empty text.

    Raises:
        InvalidInput: for words that are no finite numbers.
    """
    words = text.replace(",", " ").split()
    try:
        values = [float(word) for word in words]
    except ValueError:
        values = [math.nan]
    if not all(map(math.isfinite, values)):
        raise InvalidInput(f"stops must be numbers, one per exposure, such as -2 0 2; got {text[:60]!r}.")
    return values or None


def environment_from_pictures(
    pictures: Tensor,  # [E, H, W, 3]
    *,
    curve: str = "filmic",
    stops: Sequence[float] | None = None,
    geometry: PanoramaGeometry | None = None,
    progress: ProgressFn = no_progress,
) -> Environment:
    """Estimate the light of a place from one displayed panorama, or from several exposures.

    Args:
        pictures: ``[E, H, W, 3]`` display color, 0..1.
        curve: tone curve of the pictures, see `light.tone.TONE_CURVES`.
        stops: exposures; None estimates them.
        geometry: distances of the panorama: shadows then tell the sun's direction and strength, and its sky is known.
        progress: called between steps; raising in it cancels.

    Raises:
        InvalidInput: for pictures that are not 2:1, NaN, or exposures that do not fit together.
    """
    check_shape("pictures", pictures, "E H W 3")
    check_finite("pictures", pictures)
    light, found = merge_exposures(pictures, curve=curve, stops=stops)
    darkest = pictures[min(range(len(found)), key=lambda k: found[k])]
    clipped = darkest.detach().to("cpu", torch.float32).amin(-1) >= CLIPPED
    result = environment_from_light(light, geometry=geometry, is_clipped=clipped, progress=progress)
    if len(pictures) > 1:
        result.report["exposure_stops"] = [round(stop, 3) for stop in found]
    return result


def environment_from_light(
    panorama_linear: Tensor,  # [H, W, 3]
    *,
    geometry: PanoramaGeometry | None = None,
    is_clipped: Tensor | None = None,  # [H, W]
    progress: ProgressFn = no_progress,
) -> Environment:
    """Estimate sun and lamps of a panorama of linear light; see `environment_from_pictures`.

    What is far brighter than the sky around it is taken out as the sun's own disk. Where it isn't clipped (a true
    HDRI), its light is the sun's.
    """
    check_light("panorama_linear", panorama_linear)
    light = panorama_linear.detach().to("cpu", torch.float32).clamp_min(0)
    height, width = light.shape[:2]
    clipped = torch.zeros(height, width, dtype=torch.bool) if is_clipped is None else is_clipped
    if geometry is None:
        sky = guess_sky(light)
        sun = find_sun(light, is_sky=sky)
        depth = None
    else:
        sky, depth = _fitted(geometry.is_sky, height), _fitted(geometry.depth_ray, height)
        depth = torch.where(sky, torch.inf, depth)
        sun = find_sun_of_scene(light, depth, is_sky=sky, progress=progress)
    report: dict[str, Any] = {"sun_found_by": sun.found_by, "sun_confidence": round(sun.confidence, 3)}
    has_sun = sun.found_by != "brightest" and sun.confidence >= _LEAST_CONFIDENCE
    if not has_sun:
        light, gain = restore_lamps(light, clipped)
        report |= {"sun": "none found", "lamps_gain": round(gain, 3)}
        return Environment(light, sun, torch.zeros(3), False, sky, report)
    calm, disk = _without_disk(light, sky)
    strength, share = torch.zeros(3), 0.0
    if is_clipped is None and float(luminance(disk)) > 0:
        strength, measured = disk, "its disk"
    else:
        ambient = irradiance_from_panorama(calm)
        if depth is not None:
            strength, share = sun_irradiance(calm, depth, sun.direction, ambient)
        up = shade(ambient, torch.tensor((0.0, -1.0, 0.0)))
        typical = _CLEAR_DAY * up.mean() * torch.tensor((1.05, 1.0, 0.92))
        trust = share / (share + _HALF_TRUSTED)
        measured = "shadows" if trust > 0.5 else "a typical clear day"
        strength = torch.exp(
            trust * strength.clamp_min(1e-6).log() + (1 - trust) * typical.clamp_min(1e-6).log()
        )
    report |= {
        "sun_yaw_deg": round(math.degrees(sun.yaw_rad), 2),
        "sun_elevation_deg": round(math.degrees(sun.elevation_rad), 2),
        "sun_irradiance": [round(float(value), 4) for value in strength],
        "sun_strength_from": measured,
    }
    return Environment(calm, sun, strength, _is_open(sun, sky), sky, report)


def _fitted(values: Tensor, height: int) -> Tensor:  # [h, w] -> [H, W]
    """Return a map of the panorama's size by nearest neighbors."""
    own = len(values)
    if own == height:
        return values.cpu()
    rows = ((torch.arange(height) + 0.5) * own / height).long().clamp_max(own - 1)
    columns = ((torch.arange(2 * height) + 0.5) * own / height).long().clamp_max(2 * own - 1)
    return values.cpu()[rows][:, columns]


def _without_disk(light: Tensor, sky: Tensor) -> tuple[Tensor, Tensor]:  # [H, W, 3], [3]
    """Return light without what is far brighter than the sky, and the irradiance of that."""
    if not bool(sky.any()):
        return light, torch.zeros(3)
    bright = luminance(light)
    most = _CALM * float(bright[sky].mean())
    over = sky & (bright > most)
    calm = torch.where(over[..., None], light * (most / bright.clamp_min(1e-9))[..., None], light)
    disk = ((light - calm) * row_solid_angles(len(light)).float()[:, None, None]).sum((0, 1))
    return calm, disk


def _is_open(sun: Sun, sky: Tensor) -> bool:
    column, row = pixels_from_directions(sun.direction, height=len(sky), width=2 * len(sky))
    at = int(row.round().clamp(0, len(sky) - 1)), int(column.round()) % (2 * len(sky))
    return sun.found_by == "disk" or bool(sky[at])
