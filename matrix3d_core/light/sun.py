"""Where the sun is in a panorama: its disk, or the glow of the sky around it.

The disk is good to a fraction of a degree. The glow of a clear or lightly clouded sky around a sun that a house or a
cloud hides is good to a few degrees, as long as some sky near it is in sight. An even overcast sky and a closed room
have no sun; the confidence is low there.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from ..checks import check_finite, check_floating, check_shape, check_two_to_one
from ..geometry.spherical import erp_directions
from .irradiance import row_solid_angles
from .tone import luminance

__all__ = ["SkyGlow", "Sun", "check_light", "climb", "find_sun", "guess_sky", "resized_light", "sphere_grid"]

_DISK_ROWS, _GLOW_ROWS = 512, 64  # at which disk and glow are looked for
_LARGEST_DISK_SR = (
    0.012  # a clipped sun with its aureole: 7 degrees across; larger bright areas are clouds and walls
)
_NEAR_RAD, _RING_RAD = math.radians(6), math.radians(11)
_AS_BRIGHT = 0.9  # of the peak: what still is the disk
_CONTRAST = 1.1  # of a disk over the light around it, and over every other spot of the sky
_HDR_CONTRAST, _LEAST_PEAK = (
    2.5,
    0.95,
)  # where light goes beyond 1, a disk is far brighter than the light around it
_LEAST_SKY_SR = 0.1
_AROUND_RAD = math.radians(20)
_FINEST_RAD = math.radians(0.3)


@dataclass(frozen=True)
class Sun:
    """A sun, or what comes nearest to one.

    Attributes:
        direction: ``[3]`` float64 unit vector towards it, in the frame of the panorama (y down).
        confidence: 0 to 1; below 0.3 it is a guess.
        found_by: ``disk``, ``glow``, ``shadows``, ``brightest`` (no sign of a sun: where most light comes from), or
            ``given``.
    """

    direction: Tensor
    confidence: float
    found_by: str

    @property
    def elevation_rad(self) -> float:
        """Height above the horizon; negative below it."""
        return math.asin(max(-1.0, min(1.0, -float(self.direction[1]))))

    @property
    def yaw_rad(self) -> float:
        """Direction along the horizon, 0 ahead (+z), positive to the right."""
        return math.atan2(float(self.direction[0]), float(self.direction[2]))


def check_light(name: str, panorama: Tensor) -> None:
    """Raise `InvalidInput` unless a panorama is ``[H, W, 3]``, floating point, 2:1 and finite."""
    size = check_shape(name, panorama, "H W 3")
    check_floating(name, panorama)
    check_two_to_one(name, size["H"], size["W"])
    check_finite(name, panorama)


def find_sun(panorama_linear: Tensor, *, is_sky: Tensor | None = None) -> Sun:  # [H, W, 3], [H, W]
    """Find the sun of a panorama by its disk, else by the glow of the sky, else where most light comes from.

    Args:
        panorama_linear: ``[H, W, 3]`` linear light, clipped or not.
        is_sky: ``[H, W]`` bool; None guesses it, see `guess_sky`.

    Raises:
        InvalidInput: for another shape, or values that are NaN or infinite.
    """
    check_light("panorama_linear", panorama_linear)
    light = panorama_linear.detach().to("cpu", torch.float32)
    if is_sky is not None:
        check_shape("is_sky", is_sky, f"{light.shape[0]} {light.shape[1]}")
    sky = guess_sky(light) if is_sky is None else is_sky.detach().to("cpu").bool()
    disk = _find_disk(
        resized_light(light, _DISK_ROWS), resized_light(sky[..., None].float(), _DISK_ROWS)[..., 0] > 0.25
    )
    if disk is not None:
        return disk
    glow = SkyGlow(light, sky)
    return _find_glow(glow) if glow.is_usable else _brightest(resized_light(light, _GLOW_ROWS))


def guess_sky(panorama_linear: Tensor) -> Tensor:  # [H, W, 3] -> [H, W]
    """Guess which pixels are sky: from the top of each column down to the first that is dark or warm in color.

    A pixel may be sky when it is bluish or gray and at least a third as bright as the upper half; rooms with white
    ceilings look so, too: give a mask where one is known.
    """
    light = luminance(panorama_linear)
    height = len(light)
    upper = light[: height // 2]
    red, blue = panorama_linear[..., 0], panorama_linear[..., 2]
    may = light > upper.quantile(0.6) / 3 if upper.numel() < 1 << 24 else light > upper.mean() / 3
    may &= blue > 0.85 * red
    may[height // 2 :] = False
    return may.int().cummin(0).values.bool()


def sphere_grid(step_rad: float, *, lowest_rad: float = -math.pi / 2) -> Tensor:  # [G, 3]
    """Return directions about ``step_rad`` apart, none lower than ``lowest_rad`` above the horizon, float64."""
    count = max(8, round(4 * math.pi / step_rad**2))
    k = torch.arange(count, dtype=torch.float64) + 0.5
    up = 1 - 2 * k / count
    around, level = math.tau * 0.6180339887498949 * k, (1 - up * up).sqrt()
    grid = torch.stack((level * around.sin(), -up, level * around.cos()), -1)
    return grid[up >= math.sin(lowest_rad)]


def resized_light(values: Tensor, rows: int) -> Tensor:  # [H, W, C] -> [rows, 2 rows, C]
    """Return a panorama averaged down to so many rows, or as it is when it has no more."""
    if values.shape[0] <= rows:
        return values
    planes = values.permute(2, 0, 1)[None]
    return torch.nn.functional.interpolate(planes, (rows, 2 * rows), mode="area")[0].permute(1, 2, 0)


def _find_disk(light: Tensor, sky: Tensor) -> Sun | None:
    """Return the brightest spot of the sky if it is compact and stands out, or None."""
    bright = luminance(light)
    rays, area = (
        erp_directions(*bright.shape),
        row_solid_angles(len(bright)).float()[:, None].expand_as(bright),
    )
    open_sky = sky & (rays[..., 1] < 0.05)
    left = torch.where(open_sky, bright, torch.zeros(()))
    peak = float(left.max())
    if peak <= 0:
        return None
    towards = rays.reshape(-1, 3)[int(left.argmax())]
    for _ in range(2):  # again around the middle of the spot
        cosine = rays @ towards
        near, ring = cosine > math.cos(_NEAR_RAD), cosine > math.cos(_RING_RAD)
        around = bright[ring & ~near & sky]
        if len(around) < 8:
            return None
        floor = max(float(around.median()), _AS_BRIGHT * peak)
        spot = near & sky & (bright > floor)
        weight = torch.where(spot, (bright - float(around.median())) * area, torch.zeros(()))
        if float(weight.sum()) <= 0:
            return None
        towards = torch.nn.functional.normalize((weight[..., None] * rays).sum((0, 1)), dim=0)
    left[near | ring] = 0
    second, least = max(float(left.max()), 1e-6), float(around.quantile(0.8))
    contrast = _CONTRAST if peak <= 1.001 else _HDR_CONTRAST
    if float((spot * area).sum()) > _LARGEST_DISK_SR or peak < _LEAST_PEAK or peak < contrast * least:
        return None
    if peak < _CONTRAST * second:
        return None
    return Sun(towards.double(), min(1.0, 0.5 + 2 * (peak / second - _CONTRAST)), "disk")


class SkyGlow:
    """How well a sun in some direction explains the light of a sky.

    The sky is fitted by a gradation with height and lobes around the sun; clouds are brighter than what they hide, so
    that pixels above the fit count less.

    Source: the form of the CIE general sky, ISO 15469: a gradation and an indicatrix, here as a sum.
    """

    def __init__(self, panorama_linear: Tensor, is_sky: Tensor) -> None:
        small = resized_light(panorama_linear, _GLOW_ROWS)
        open_sky = resized_light(is_sky[..., None].float(), _GLOW_ROWS)[..., 0] > 0.95
        self.solid_angle = float((open_sky * row_solid_angles(len(small))[:, None]).sum())
        rays = erp_directions(*open_sky.shape, dtype=torch.float64)
        self._rays, self._light = rays[open_sky], luminance(small).double()[open_sky]
        self._area = row_solid_angles(len(small))[:, None].expand_as(open_sky)[open_sky]
        up = (-self._rays[:, 1]).clamp_min(0.02)
        self._even = torch.stack((torch.ones_like(up), up, up**2, up**3, 1 / (up + 0.1)), -1)
        self._scale = max(0.07 * float(self._light.mean()), 1e-6) if self.is_usable else 1.0
        self._plain = self._misfit(self._even) if self.is_usable else 1.0

    @property
    def is_usable(self) -> bool:
        """Whether there is enough sky."""
        return self.solid_angle >= _LEAST_SKY_SR and len(self._light) >= 32

    def explained(self, towards: Tensor) -> float:
        """Return the share of the misfit without a sun that a sun in direction ``[3]`` takes away, 0..1."""
        if not self.is_usable:
            return 0.0
        cosine = (self._rays @ towards.double()).clamp(-1, 1)
        ahead = cosine.clamp_min(0)
        glow = torch.stack((ahead**4, ahead**12, ahead**40, cosine**2), -1)
        misfit = self._misfit(torch.cat((self._even, glow), -1))
        return max(0.0, 1 - misfit / max(self._plain, 1e-12))

    def seen_around(self, towards: Tensor) -> float:
        """Return the share of the 20 degrees around a direction that is sky."""
        near = self._rays @ towards.double() > math.cos(_AROUND_RAD)
        return min(1.0, float(self._area[near].sum()) / (math.tau * (1 - math.cos(_AROUND_RAD))))

    def _misfit(self, basis: Tensor) -> float:
        weight = self._area
        for _ in range(3):
            system = (basis * weight[:, None]).mT @ basis
            system.diagonal().add_(1e-9 * float(system.trace()))
            solved = torch.linalg.solve(system, (basis * weight[:, None]).mT @ self._light)
            error = self._light - basis @ solved
            error = error / torch.where(error > 0, self._scale, 3 * self._scale)
            weight = self._area / (1 + error * error)
        return float((self._area * torch.log1p(error * error)).sum() / self._area.sum())


def _find_glow(glow: SkyGlow) -> Sun:
    step = math.radians(8)
    grid = sphere_grid(step, lowest_rad=0.0)
    values = [glow.explained(towards) for towards in grid]
    best = grid[values.index(max(values))]
    best, value = climb(best, step, glow.explained)
    certainty = min(1.0, 2 * value) * min(1.0, 1.5 * glow.seen_around(best))
    return Sun(best, 0.8 * certainty, "glow")


def climb(start: Tensor, step_rad: float, score: Callable[[Tensor], float]) -> tuple[Tensor, float]:
    """Follow a score of directions uphill from a start to a third of a degree; return the direction and its score."""
    best, value, step = start, score(start), step_rad / 2
    while step > _FINEST_RAD:
        near = _around(best, step)
        values = [score(towards) for towards in near]
        if values and max(values) > value:
            best, value = near[values.index(max(values))], max(values)
        else:
            step /= 2
    return best, value


def _around(direction: Tensor, step_rad: float) -> Tensor:  # [3] -> [8, 3]
    """Return eight directions around one, none below the horizon."""
    across = torch.linalg.cross(direction, torch.tensor((0.31, 0.17, 0.93), dtype=torch.float64))
    across = across / across.norm()
    over = torch.linalg.cross(direction, across)
    turns = torch.arange(8, dtype=torch.float64) * (math.tau / 8)
    near = direction + math.tan(step_rad) * (turns.cos()[:, None] * across + turns.sin()[:, None] * over)
    near = torch.nn.functional.normalize(near, dim=-1)
    return near[near[:, 1] <= 0]


def _brightest(light: Tensor) -> Sun:
    """Return where most light comes from: the mean direction, weighted by light squared."""
    weight = luminance(light).double() ** 2 * row_solid_angles(len(light))[:, None]
    mean = (weight[..., None] * erp_directions(*weight.shape, dtype=torch.float64)).sum((0, 1))
    total = float(weight.sum())
    if total <= 0 or float(mean.norm()) < 1e-9 * total:
        return Sun(torch.tensor((0.0, -1.0, 0.0), dtype=torch.float64), 0.0, "brightest")
    return Sun(mean / mean.norm(), min(0.25, 0.25 * float(mean.norm()) / total), "brightest")
