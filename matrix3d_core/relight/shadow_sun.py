"""The sun of a panorama with distances: disk, glow and shadows together, and how strong it is."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ..checks import check_shape
from ..errors import InvalidInput
from ..light.irradiance import shade
from ..light.sun import SkyGlow, Sun, check_light, climb, find_sun, resized_light, sphere_grid
from ..light.tone import luminance
from ..progress import ProgressEvent, ProgressFn, no_progress
from .shadows import Surface, surface_of_panorama, visibility

__all__ = ["find_sun_of_scene", "near_distance", "sun_irradiance"]

_ROWS, _MAP = 64, 96
_STEP_RAD = math.radians(11)
_LOWEST_RAD = math.radians(3)
_STRONG = 3.0  # light of the sun over that of the sky, as assumed for the comparison
_STARTS = 3
_SURE = 0.6
_FINE_ROWS, _FINE_MAP, _EDGE, _WINDOW, _FEWEST = 256, 768, 5, 21, 40
_FEWEST_SHARE, _GRAZING = 0.05, 0.1
_LEAST_GAIN, _QUANTILE = 0.1, 0.6  # errors of the shadows' places make the sun weaker, not stronger
_LEAST = 0.25  # correlation below which shadows say nothing


def find_sun_of_scene(
    panorama_linear: Tensor,  # [H, W, 3]
    depth_ray: Tensor,  # [H, W]
    *,
    is_sky: Tensor | None = None,  # [H, W]
    progress: ProgressFn = no_progress,
) -> Sun:
    """Find the sun: its disk where it is in sight, else where it explains shadows and the glow of the sky best.

    Every direction's shadows are cast through the surfaces that the panorama shows, and the light that they would leave
    is compared with what is there (correlation of logarithms). What stands behind what the panorama shows casts none.

    Args:
        panorama_linear: ``[H, W, 3]`` linear light.
        depth_ray: ``[H, W]`` ray distance; infinite or not used where it is sky.
        is_sky: ``[H, W]`` bool; None: where the distance is infinite.
        progress: called between steps; raising in it cancels.

    Raises:
        InvalidInput: for wrong shapes, NaN, or distances without any surface.
    """
    check_light("panorama_linear", panorama_linear)
    size = panorama_linear.shape[:2]
    check_shape("depth_ray", depth_ray, f"{size[0]} {size[1]}")
    depth = depth_ray.detach().to("cpu", torch.float32)
    sky = torch.isinf(depth) if is_sky is None else is_sky.detach().to("cpu").bool()
    depth = torch.where(sky, torch.inf, depth)
    if bool(torch.isnan(depth).any() or (depth <= 0).any()):
        raise InvalidInput("depth_ray must be positive and not NaN; repair it first (Panorama Depth).")
    light = panorama_linear.detach().to("cpu", torch.float32)
    if bool(sky.any()):  # a room has no sun
        plain = find_sun(light, is_sky=sky)
        if plain.found_by in ("disk", "brightest") or bool(sky.all()):
            return plain
    else:
        return find_sun(light, is_sky=sky)
    scene = _Scene(light, depth, sky)
    grid = sphere_grid(_STEP_RAD, lowest_rad=_LOWEST_RAD)
    values = []
    for k, towards in enumerate(grid):
        values.append(scene.score(towards))
        progress(ProgressEvent(k + 1, len(grid) + _STARTS, "find the sun"))
    order = sorted(range(len(grid)), key=lambda k: -values[k])
    found = []
    for k, start in enumerate(order[:_STARTS]):
        found.append(climb(grid[start], _STEP_RAD, scene.score))
        progress(ProgressEvent(len(grid) + k + 1, len(grid) + _STARTS, "find the sun"))
    best, _value = max(found, key=lambda item: item[1])
    shadows = scene.shadows(best)
    if shadows < _LEAST:
        return plain
    return Sun(best, min(1.0, max(0.0, shadows) / _SURE) * 0.9, "shadows")


class _Scene:
    """A small copy of a panorama, to compare shadows with."""

    def __init__(self, light: Tensor, depth: Tensor, sky: Tensor) -> None:
        stride = max(1, len(depth) // _ROWS)
        small = depth[stride // 2 :: stride, stride // 2 :: stride]
        self.surface: Surface = surface_of_panorama(small)
        self.near = near_distance(small)
        known = torch.isfinite(small)
        polar = (torch.arange(len(small)) + 0.5) * (math.pi / len(small))
        self._weight = (torch.sin(polar)[:, None] * known).flatten()
        values = luminance(resized_light(light, len(small))).flatten()
        self._light = values.clamp_min(1e-3 * max(float(values.mean()), 1e-9)).log()
        self._glow = SkyGlow(light, sky)

    def shadows(self, towards: Tensor) -> float:
        """Return the correlation of the light with what a sun and its shadows would leave."""
        towards = towards.float()
        seen = visibility(self.surface, towards, torch.zeros(3), size=_MAP, near=self.near)
        lit = torch.log1p(_STRONG * seen * (self.surface.normals @ towards).clamp_min(0))
        return _correlation(lit, self._light, self._weight)

    def score(self, towards: Tensor) -> float:
        return self.shadows(towards) + 0.5 * self._glow.explained(towards)


def near_distance(depth_ray: Tensor) -> float:
    """Return the distance that half of the surfaces are nearer than."""
    known = depth_ray[torch.isfinite(depth_ray)]
    return float(known.median()) if len(known) else 1.0


def _correlation(a: Tensor, b: Tensor, weight: Tensor) -> float:
    total = weight.sum().clamp_min(1e-12)
    a, b = a - (weight * a).sum() / total, b - (weight * b).sum() / total
    spread = ((weight * a * a).sum() * (weight * b * b).sum()).sqrt()
    return float((weight * a * b).sum() / spread) if float(spread) > 0 else 0.0


def sun_irradiance(
    panorama_linear: Tensor,  # [H, W, 3]
    depth_ray: Tensor,  # [H, W]
    towards: Tensor,  # [3]
    ambient: Tensor,  # [9, 3]
) -> tuple[Tensor, float]:  # [3], share
    """Return the irradiance of the sun on a surface that faces it, from how much darker its shadows are.

    Wherever sun and shade lie side by side on one flat surface, what the sun adds is measured by what is there without
    it, whose irradiance is known. Pixels at the shadows' edges are left out.

    Args:
        panorama_linear: ``[H, W, 3]`` linear light.
        depth_ray: ``[H, W]`` ray distance, infinite in the sky.
        towards: ``[3]`` unit vector towards the sun.
        ambient: ``[9, 3]`` irradiance of everything but the sun.

    Returns:
        ``[3]`` irradiance in the panorama's light times steradians, and the share of the sphere where it was
        measured; zeros without any.
    """
    rows = min(_FINE_ROWS, len(panorama_linear))
    stride = len(panorama_linear) // rows
    depth = depth_ray[stride // 2 :: stride, stride // 2 :: stride].float()
    light = resized_light(panorama_linear.float(), len(depth))
    surface, towards = surface_of_panorama(depth), towards.float()
    seen = visibility(surface, towards, torch.zeros(3), size=_FINE_MAP, near=near_distance(depth))
    known = torch.isfinite(depth)
    cosine = (surface.normals @ towards).reshape(depth.shape)
    seen = torch.where(known & (cosine > _GRAZING), seen.reshape(depth.shape), 0.5)
    inside = {
        "lit": -_pooled(-seen[..., None], _EDGE, "max")[..., 0] > 0.999,
        "shade": _pooled(seen[..., None], _EDGE, "max")[..., 0] < 0.001,
    }
    normals = surface.normals.reshape(*depth.shape, 3)
    parts = torch.cat(
        (torch.ones_like(light[..., :1]), light, normals, depth[..., None], cosine[..., None]), -1
    )
    lit, dark = (
        _pooled(torch.where(mask[..., None], parts, torch.zeros(())), _WINDOW, "mean")
        for mask in inside.values()
    )
    least = torch.minimum(lit[..., 0], dark[..., 0])
    lit, dark = (part / part[..., :1].clamp_min(1e-9) for part in (lit, dark))
    same = (lit[..., 4:7] * dark[..., 4:7]).sum(-1) > 0.97
    use = (least > _FEWEST_SHARE) & same
    if int(use.sum()) < _FEWEST:
        return torch.zeros(3), 0.0
    around = shade(ambient.float(), torch.nn.functional.normalize(dark[use][:, 4:7], dim=-1))
    more = (lit[use][:, 1:4] - dark[use][:, 1:4]) / dark[use][:, 1:4].clamp_min(1e-6)
    value = more / lit[use][:, 8:9].clamp_min(_GRAZING) * around
    polar = (torch.arange(len(depth)) + 0.5) * (math.pi / len(depth))
    weight = (torch.sin(polar)[:, None] * least)[use]
    measured = value.amin(-1) > _LEAST_GAIN * around.amin(-1)
    if int(measured.sum()) < _FEWEST:
        return torch.zeros(3), 0.0
    values = [_weighted_quantile(value[measured, k], weight[measured], _QUANTILE) for k in range(3)]
    return torch.stack(values), float(measured.sum()) / use.numel()


def _pooled(values: Tensor, window: int, how: str) -> Tensor:  # [H, W, C] -> [H, W, C]
    """Return means or maxima over windows; columns wrap."""
    reach = window // 2
    planes = torch.nn.functional.pad(values.permute(2, 0, 1)[None], (reach, reach, 0, 0), mode="circular")
    planes = torch.nn.functional.pad(planes, (0, 0, reach, reach), mode="replicate")
    pool = torch.nn.functional.max_pool2d if how == "max" else torch.nn.functional.avg_pool2d
    return pool(planes, window, 1)[0].permute(1, 2, 0)


def _weighted_quantile(values: Tensor, weight: Tensor, share: float) -> Tensor:
    order = values.argsort()
    total = weight[order].cumsum(0)
    return values[order][int((total >= share * total[-1]).nonzero()[0])]
