"""Sun and sky over the day: where the sun is, its color, and how the light of a sky changes with it.

A small model of its own: the sun's light is dimmed and reddened by the air on its way, the sky fades through twilight,
and turns warm near a low sun. Everything is relative to the light that a panorama was taken in.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import torch
from torch import Tensor

from ..light.irradiance import row_solid_angles
from ..light.sun import resized_light

__all__ = ["SkyLight", "air_transmission", "direction_of_sun", "sky_brightness", "sun_at_hour"]

_OPTICAL_DEPTH = (0.10, 0.19, 0.36)  # of clear air overhead: red, green, blue
_LATITUDE, _DECLINATION = math.radians(48), math.radians(15)
_TWILIGHT = ((-90, 0.035), (-18, 0.035), (-12, 0.05), (-6, 0.11), (0, 0.3), (6, 0.55), (15, 0.85), (30, 1.0))
_NIGHT = (0.55, 0.75, 1.35)  # color of the sky's light after the sun has set
_GLOW = (1.0, 0.55, 0.25)
_FIT_ROWS = 64
_LEAST_SKY_SR = 0.2
_RATIO = (0.15, 6.0)


def direction_of_sun(yaw_rad: float, elevation_rad: float) -> Tensor:  # [3]
    """Return the unit vector towards a sun; yaw 0 is ahead (+z), positive to the right; y is down."""
    level = math.cos(elevation_rad)
    return torch.tensor(
        (level * math.sin(yaw_rad), -math.sin(elevation_rad), level * math.cos(yaw_rad)), dtype=torch.float64
    )


def sun_at_hour(hour: float, noon_yaw_rad: float) -> tuple[float, float]:
    """Return yaw and elevation of the sun at an hour of a late summer's day at 48 degrees north, radians.

    Args:
        hour: solar time, 0 to 24; 12 is noon.
        noon_yaw_rad: where the sun is at noon (south), as yaw.

    Source: the spherical triangle of pole, zenith and sun.
    """
    turn = (hour - 12) * math.pi / 12
    up = math.sin(_LATITUDE) * math.sin(_DECLINATION) + math.cos(_LATITUDE) * math.cos(
        _DECLINATION
    ) * math.cos(turn)
    west = math.cos(_DECLINATION) * math.sin(turn)
    south = math.sin(_LATITUDE) * math.cos(_DECLINATION) * math.cos(turn) - math.cos(_LATITUDE) * math.sin(
        _DECLINATION
    )
    return noon_yaw_rad + math.atan2(west, south), math.asin(max(-1.0, min(1.0, up)))


def air_transmission(elevation_rad: float) -> Tensor:  # [3]
    """Return the share of the sun's light that comes through clear air; 0 below the horizon.

    Source: F. Kasten and A. Young, Revised optical air mass tables, 1989; exponential extinction.
    """
    degrees = math.degrees(elevation_rad)
    if degrees <= -0.5:
        return torch.zeros(3)
    mass = 1 / (math.sin(max(elevation_rad, 0.0)) + 0.50572 * (max(degrees, 0.0) + 6.07995) ** -1.6364)
    fade = min(1.0, degrees + 0.5) if degrees < 0.5 else 1.0
    return fade * torch.exp(-mass * torch.tensor(_OPTICAL_DEPTH))


def sky_brightness(elevation_rad: float) -> Tensor:  # [3]
    """Return the light of the sky over that of a day with a high sun: dimmer and bluer as the sun sets."""
    degrees = math.degrees(elevation_rad)
    value = 1.0
    for (low, a), (high, b) in itertools.pairwise(_TWILIGHT):
        if low <= degrees <= high:
            share = (degrees - low) / (high - low)
            value = math.exp((1 - share) * math.log(a) + share * math.log(b))
    blue = max(0.0, min(1.0, (6 - degrees) / 12))
    return value * torch.lerp(torch.ones(3), torch.tensor(_NIGHT), blue)


@dataclass(frozen=True)
class SkyLight:
    """The light of a sky as a smooth function of direction: a gradation with height, and lobes around the sun.

    Attributes:
        coefficients: ``[8, 3]`` of the functions, see `basis`.
        sun: ``[3]`` unit vector towards the sun.
    """

    coefficients: Tensor
    sun: Tensor

    @staticmethod
    def basis(rays: Tensor, sun: Tensor) -> Tensor:  # [..., 3], [3] -> [..., 8]
        """Return the functions: 1, height, its square and a bright horizon; lobes of four widths around the sun."""
        up = (-rays[..., 1]).clamp_min(0.0)
        cosine = (rays @ sun.to(rays)).clamp(-1, 1)
        ahead = cosine.clamp_min(0)
        parts = (
            torch.ones_like(up),
            up,
            up * up,
            1 / (up + 0.15),
            ahead**4,
            ahead**12,
            ahead**40,
            cosine * cosine,
        )
        return torch.stack(parts, -1)

    @classmethod
    def fit(cls, light: Tensor, is_sky: Tensor, sun: Tensor, rays: Tensor) -> SkyLight | None:
        """Fit a panorama's sky; None when there is too little of it.

        Args:
            light: ``[H, W, 3]`` linear light without the sun's disk.
            is_sky: ``[H, W]`` bool.
            sun: ``[3]`` unit vector towards the sun.
            rays: ``[H', W', 3]`` directions of the pixels of a panorama of at most 64 rows.
        """
        small = resized_light(light, _FIT_ROWS).double()
        seen = resized_light(is_sky[..., None].float(), _FIT_ROWS)[..., 0] > 0.95
        area = row_solid_angles(len(small))[:, None].expand_as(seen)[seen]
        if float(area.sum()) < _LEAST_SKY_SR:
            return None
        functions, value = cls.basis(rays.double()[seen], sun.double()), small[seen]
        weight = area.clone()
        solved = torch.zeros(functions.shape[1], 3, dtype=torch.float64)
        scale = 0.15 * float(value.mean()) + 1e-9
        for _ in range(4):
            system = (functions * weight[:, None]).mT @ functions
            system.diagonal().add_(1e-5 * float(system.trace()))
            solved = torch.linalg.solve(system, (functions * weight[:, None]).mT @ value)
            error = (value - functions @ solved).mean(-1)
            error = error / torch.where(
                error > 0, scale, 3 * scale
            )  # clouds are brighter than what they hide
            weight = area / (1 + error * error)
        return cls(solved, sun.double())

    def light(self, rays: Tensor, sun: Tensor | None = None) -> Tensor:  # [..., 3] -> [..., 3]
        """Return the smooth sky's light in some directions, with the sun elsewhere where one is given."""
        found = self.basis(rays.double(), self.sun if sun is None else sun.double()) @ self.coefficients
        least = 0.05 * self.coefficients[0].abs().mean() + 1e-6
        result: Tensor = found.clamp_min(float(least))
        return result

    def ratio(self, rays: Tensor, sun: Tensor) -> Tensor:  # [..., 3] -> [..., 3]
        """Return the sky's light with the sun elsewhere over that with it where it was."""
        return (self.light(rays, sun) / self.light(rays)).clamp(*_RATIO).float()


def sunset_glow(rays: Tensor, sun: Tensor, elevation_rad: float) -> Tensor:  # [..., 3] -> [..., 3]
    """Return the factor of the sky's light that a low sun makes warm, near it and the horizon."""
    degrees = math.degrees(elevation_rad)
    strength = max(0.0, 1 - abs(degrees - 1) / 11)
    up = (-rays[..., 1]).clamp(0, 1)
    ahead = (0.5 + 0.5 * (rays @ sun.to(rays))).clamp(0, 1)
    share = strength * torch.exp(-up / 0.25) * (0.25 + 0.75 * ahead**3)
    warm = torch.tensor(_GLOW).to(rays) * 2.4
    return 1 + share[..., None] * (warm - 1)
