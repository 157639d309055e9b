"""A world in another light: the sun elsewhere, evening, night with lamps, fog.

Every Gaussian's color is taken as what its surface sends back of the light that falls on it: it is divided by the old
light and multiplied by the new. Both are the irradiance of the panorama and that of the sun, whose shadows are cast
through the world's own surfaces. What sends back more than it gets is a lamp and keeps its light.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from ..checks import check_shape
from ..errors import InvalidInput
from ..geometry.spherical import erp_directions
from ..light.irradiance import irradiance_from_panorama, shade
from ..light.sun import Sun, resized_light
from ..light.tone import display_from_linear, linear_from_display, luminance
from ..progress import ProgressEvent, ProgressFn, attentive, no_progress
from ..scene.gaussians import SH_C0, Gaussians
from ..scene.labels import CLASS_SKY
from ..splats.sky import find_sky_splats
from .daylight import SkyLight, air_transmission, sky_brightness, sunset_glow
from .environment import Environment
from .shadows import Surface, surface_of_gaussians, visibility

__all__ = ["Fog", "Lamp", "NewLight", "relight_report", "relight_world"]

_MAP = 1024
_GLOWING = 3.0  # what sends back so many times more than it gets is a lamp
_BRIGHTEST = 0.75  # albedo of nearly all surfaces at most
_LEAST_ALBEDO = 0.01
_FEWEST, _LEAST_CLEAR = 200, 0.08
_SMALLEST = 0.06  # squared distance to a lamp, square meters


@dataclass(frozen=True)
class Lamp:
    """A small light.

    Attributes:
        position: ``[3]`` in the world.
        color: linear, its irradiance over pi at a distance of 1.
        range: where its light ends, world units.
    """

    position: tuple[float, float, float]
    color: tuple[float, float, float]
    range: float = 30.0


@dataclass(frozen=True)
class Fog:
    """Air that hides what is far.

    Attributes:
        distance: world units at which two thirds of a thing are hidden.
        color: linear; None: that of the new sky at the horizon.
    """

    distance: float
    color: tuple[float, float, float] | None = None


@dataclass(frozen=True)
class NewLight:
    """The light to come.

    Attributes:
        sun: ``[3]`` unit vector towards the sun; None keeps it where it is. Below the horizon it is night.
        sun_gain: factor of the sun's light, beyond what its height does.
        sky_gain: factor of the sky's light, the same.
        lamps: small lights; they cast no shadows.
        fog: None for clear air.
    """

    sun: Tensor | None = None
    sun_gain: float = 1.0
    sky_gain: float = 1.0
    lamps: Sequence[Lamp] = ()
    fog: Fog | None = None


@attentive
def relight_world(
    world: Gaussians,
    environment: Environment,
    new: NewLight,
    *,
    curve: str = "filmic",
    center: Tensor | None = None,  # [3]
    albedo: Tensor | None = None,  # [N, 3]
    normals: Tensor | None = None,  # [N, 3]
    progress: ProgressFn = no_progress,
) -> Gaussians:
    """Return the world in another light. Only colors change; where things are, and labels, stay bit for bit.

    Args:
        world: Gaussians; the class ``sky`` says what is sky, else the farthest shell does.
        environment: the light that the world was made in.
        new: the light to come.
        curve: tone curve of the world's colors.
        center: ``[3]`` place of the panorama that the environment was taken from; None: the origin.
        albedo: ``[N, 3]`` linear, where it is known (not NaN); else it follows from the colors.
        normals: ``[N, 3]`` unit normals where they are known (not NaN); else the shortest axes of the Gaussians.
        progress: called between steps; raising in it cancels.

    Raises:
        InvalidInput: for an empty world, NaN, numbers that are none, or a lamp or fog without a size.
    """
    _check(world, new)
    middle = torch.zeros(3) if center is None else center.float()
    is_sky = _sky_of(world, middle)
    surface = surface_of_gaussians(world, middle, is_sky)
    if normals is not None:
        known = torch.isfinite(normals).all(-1, keepdim=True)
        surface = replace(surface, normals=torch.where(known, normals.float(), surface.normals))
    old_sun = environment.sun.direction
    sun = old_sun if new.sun is None else torch.nn.functional.normalize(new.sun.double(), dim=0)
    old_color = linear_from_display(world.colors, curve)
    air, clear = _haze(old_color, world.means.float() - middle, is_sky)
    seen_color, old_color = old_color, ((old_color - (1 - clear) * air) / clear).clamp_min(0.1 * old_color)
    steps = 5
    progress(ProgressEvent(0, steps, "light of the sky"))
    sky = _Skies(environment, sun, new)
    before, after = (
        shade(irradiance_from_panorama(light), surface.normals) for light in (sky.before, sky.after)
    )
    progress(ProgressEvent(1, steps, "old shadows"))
    near = _near(surface, middle)
    has_sun = bool((environment.sun_irradiance > 0).any())
    if has_sun and environment.sun.elevation_rad > 0:
        falls = (surface.normals @ old_sun.float()).clamp_min(0)[:, None] * environment.sun_irradiance
        seen = visibility(surface, old_sun.float(), middle, size=_MAP, near=near)
        dark, most = luminance(before), luminance(before + falls)
        # What would have to send back more than surfaces do is not in the shade.
        needed = (math.pi * luminance(old_color) / _BRIGHTEST - dark) / (most - dark).clamp_min(1e-6)
        before = before + torch.maximum(seen, needed.clamp(0, 1))[:, None] * falls
    progress(ProgressEvent(2, steps, "new shadows"))
    strength = sky.sun_irradiance
    if bool((strength > 0).any()):
        after = after + _sunlight(surface, sun, strength, middle, near)
    progress(ProgressEvent(3, steps, "lamps"))
    own = (math.pi * old_color / before.clamp_min(1e-6)).clamp_min(_LEAST_ALBEDO)
    is_lamp = (own > _GLOWING).all(-1, keepdim=True)
    reflected = torch.where(is_lamp, 0.0, own)
    glowing = torch.where(is_lamp, old_color, 0.0)
    if albedo is not None:
        check_shape("albedo", albedo, f"{len(world)} 3")
        reflected = torch.where(torch.isfinite(albedo), albedo.float().clamp(0, 1), reflected)
    for lamp in new.lamps:
        after = after + _lamplight(surface, lamp)
    color = reflected * after / math.pi + glowing
    color = clear * color + (1 - clear) * air * sky.horizon() / sky.horizon(sky.before).clamp_min(1e-6)
    rays = torch.nn.functional.normalize(world.means.float() - middle, dim=-1)
    color = torch.where(is_sky[:, None], sky.recolored(seen_color, rays), color)
    if new.fog is not None:
        color = _fogged(color, world.means.float() - middle, is_sky, new.fog, sky)
    progress(ProgressEvent(4, steps, "colors"))
    shown = display_from_linear(color, curve)
    gain = (shown / world.colors.clamp_min(1 / 255)).clamp(0, 4)
    sh = torch.cat((((shown - 0.5) / SH_C0)[:, None], world.sh[:, 1:] * gain[:, None]), 1).to(world.sh.dtype)
    progress(ProgressEvent(steps, steps, "world relit"))
    return replace(world, sh=sh)


def relight_report(environment: Environment, new: NewLight) -> dict[str, Any]:
    """Return what the light was and what it is now, for JSON."""
    sun = environment.sun if new.sun is None else Sun(new.sun / new.sun.norm(), 1.0, "given")
    return {
        "before": environment.report,
        "sun_yaw_deg": round(math.degrees(sun.yaw_rad), 2),
        "sun_elevation_deg": round(math.degrees(sun.elevation_rad), 2),
        "is_night": sun.elevation_rad < 0,
        "lamps": len(new.lamps),
        "fog_distance": None if new.fog is None else new.fog.distance,
    }


def _check(world: Gaussians, new: NewLight) -> None:
    if not len(world):
        raise InvalidInput("the world must hold at least one Gaussian; got none. Load or fit one first.")
    world.check_finite()
    if new.sun is not None and not (bool(torch.isfinite(new.sun).all()) and float(new.sun.norm()) > 0):
        raise InvalidInput(f"sun must be a direction, finite and not zero; got {new.sun.tolist()}.")
    for name, value in (("sun_gain", new.sun_gain), ("sky_gain", new.sky_gain)):
        if not 0 <= value < math.inf:
            raise InvalidInput(f"{name} must be 0 or more and finite; got {value}.")
    for lamp in new.lamps:
        numbers = (*lamp.position, *lamp.color, lamp.range)
        if not (all(map(math.isfinite, numbers)) and lamp.range > 0 and min(lamp.color) >= 0):
            raise InvalidInput(
                f"a lamp needs a finite position, a color of 0 or more and a range above 0; got {lamp}."
            )
    if new.fog is not None and not 0 < new.fog.distance < math.inf:
        raise InvalidInput(f"fog distance must be above 0 and finite; got {new.fog.distance}.")


def _sky_of(world: Gaussians, center: Tensor) -> Tensor:  # [N] bool
    if world.classes is not None and bool((world.classes == CLASS_SKY).any()):
        return world.classes == CLASS_SKY
    return find_sky_splats(world, center)


def _near(surface: Surface, center: Tensor) -> float:
    far = (surface.points[surface.casts] - center).norm(dim=-1)
    return max(float(far.median()), 1e-3) if len(far) else 1.0


class _Skies:
    """The sky before and after, as panoramas of light and as factors for what shows it."""

    def __init__(self, environment: Environment, sun: Tensor, new: NewLight) -> None:
        self.sun = sun
        self.elevation = math.asin(max(-1.0, min(1.0, -float(sun[1]))))
        has_sun = bool((environment.sun_irradiance > 0).any())
        old_elevation = environment.sun.elevation_rad if has_sun else self.elevation
        moved = new.sun is not None
        small = resized_light(environment.light.float(), 64)
        self.rays = erp_directions(*small.shape[:2])
        sky = environment.is_sky
        self._model = (
            SkyLight.fit(environment.light, sky, environment.sun.direction, self.rays) if has_sun else None
        )
        self._dimming = torch.full((3,), float(new.sky_gain))
        self._glow_at = self.elevation if moved else None
        self.sun_irradiance = environment.sun_irradiance * new.sun_gain
        if moved:
            self._dimming = (
                self._dimming * sky_brightness(self.elevation) / sky_brightness(max(old_elevation, 0.0))
            )
            through = air_transmission(old_elevation)
            if has_sun:
                self.sun_irradiance = (
                    self.sun_irradiance * air_transmission(self.elevation) / through.clamp_min(0.02)
                )
        is_sky = resized_light(sky[..., None].float(), 64)
        self.before = small
        surfaces = small * self._surface_gain(environment)
        self.after = torch.lerp(surfaces, self.recolored(small, self.rays), is_sky)

    def _surface_gain(self, environment: Environment) -> Tensor:
        """Return the factor of the light that surfaces around send, from the light that falls on level ground."""
        up = torch.tensor((0.0, -1.0, 0.0))
        sky = shade(irradiance_from_panorama(self.before), up)
        old = sky + environment.sun_irradiance * max(0.0, math.sin(environment.sun.elevation_rad))
        new = sky * self._dimming + self.sun_irradiance * max(0.0, math.sin(self.elevation))
        return new / old.clamp_min(1e-6)

    def recolored(self, light: Tensor, rays: Tensor) -> Tensor:  # [..., 3], [..., 3] -> [..., 3]
        """Return the new light of sky that had some light before."""
        gain = self._dimming.expand_as(light)
        if self._model is not None:
            gain = gain * self._model.ratio(rays, self.sun)
        if self._glow_at is not None:
            gain = gain * sunset_glow(rays, self.sun, self._glow_at)
        return light * gain

    def horizon(self, light: Tensor | None = None) -> Tensor:  # [3]
        """Return the mean light just above the horizon: the new one, or that of ``light``."""
        light = self.after if light is None else light
        return light[len(light) * 3 // 8 : len(light) // 2].mean((0, 1))


def _haze(color: Tensor, offset: Tensor, is_sky: Tensor) -> tuple[Tensor, Tensor]:  # [3], [N, 1]
    """Return the color of the air and the share of each thing's own light that comes through it.

    Air makes the darkest of what is far brighter: of far surfaces by distance, the darkest twentieth tells how much.
    """
    distance = offset.norm(dim=-1)
    clear = torch.ones(len(color), 1)
    up = -offset[:, 1] / distance.clamp_min(1e-9)
    low = is_sky & (up > 0.02) & (up < 0.25)
    things = ~is_sky & (distance > 0)
    if int(low.sum()) < _FEWEST or int(things.sum()) < _FEWEST:
        return torch.zeros(3), clear
    air = color[low].median(0).values
    reach, light = distance[things], luminance(color[things]) / luminance(air).clamp_min(1e-6)
    far = reach.median() * torch.tensor((3.0, 6.0, 12.0, 24.0))
    found = []
    for least, most in itertools.pairwise([*far.tolist(), math.inf]):
        there = (reach >= least) & (reach < most)
        if int(there.sum()) >= _FEWEST:
            darkest = float(light[there].sort().values[int(there.sum()) // 20].clamp(0, 0.95))
            found.append(-math.log(1 - darkest) / float(reach[there].median()))
    if not found:
        return torch.zeros(3), clear
    clear[:, 0] = torch.exp(-min(found) * distance)
    clear[is_sky] = 1
    return air, clear.clamp_min(_LEAST_CLEAR)


def _sunlight(surface: Surface, towards: Tensor, irradiance: Tensor, center: Tensor, near: float) -> Tensor:
    towards = towards.float()
    seen = visibility(surface, towards, center, size=_MAP, near=near)
    falls = seen * (surface.normals @ towards).clamp_min(0)
    return falls[:, None] * irradiance


def _lamplight(surface: Surface, lamp: Lamp) -> Tensor:  # [N, 3]
    """Return a lamp's irradiance: the inverse square of the distance, fading out towards its range."""
    way = torch.tensor(lamp.position) - surface.points
    square = way.square().sum(-1)
    far = square.sqrt().clamp_min(1e-6)
    cosine = ((surface.normals * way).sum(-1) / far).clamp_min(0)
    fade = (1 - far / lamp.range).clamp_min(0).square()
    return (math.pi * cosine * fade / square.clamp_min(_SMALLEST))[:, None] * torch.tensor(lamp.color)


def _fogged(color: Tensor, offset: Tensor, is_sky: Tensor, fog: Fog, sky: _Skies) -> Tensor:
    """Mix the fog's color in by the distance from the center, over the sky by how low it is."""
    distance = offset.norm(dim=-1)
    up = (-offset[:, 1] / distance.clamp_min(1e-9)).clamp_min(0)
    clear = torch.exp(-distance / fog.distance)
    layer = torch.exp(-3 / (up + 0.02) * min(1.0, 20 / fog.distance) * 0.5)
    clear = torch.where(is_sky, layer, clear)[:, None]
    own = sky.horizon() if fog.color is None else torch.tensor(fog.color)
    return clear * color + (1 - clear) * own
