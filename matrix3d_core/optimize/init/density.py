"""How fine surfels are: pictures become as many as fit, coarser where it makes no visible difference."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from ...scene.camera import Pinhole
from ...scene.gaussians import Gaussians
from ...scene.labels import CLASS_SKY, NO_INSTANCE, UNKNOWN
from .sources import SurfelSource
from .surfels import SIGMA_PER_SPACING, surfels_from_picture

__all__ = ["PlacedSurfels", "make_surfels"]

_SKY_DENSITY = 0.6
_COARSE_SIGMA_PER_SPACING = 0.7  # where the picture is smooth, a flat sum matters more than sharpness
_SMOOTH = 0.012  # colors that are off the mean of their neighborhood by less look the same twice as coarse


@dataclass(frozen=True)
class PlacedSurfels:
    """Surfels with the origin and, of the sky, the class of each; which are sky; and how many of each origin."""

    gaussians: Gaussians
    is_sky: Tensor  # [N] bool
    counts: dict[str, int]


def make_surfels(sources: list[SurfelSource], max_gaussians: int, *, adaptive: bool) -> PlacedSurfels:
    """Turn sources into surfels at the finest density that keeps below ``max_gaussians``.

    With ``adaptive``, panoramas that are a world's source get surfels of twice the size where they are smooth.
    """
    smooth = [_is_smooth(s) if adaptive and s.name == "source" else None for s in sources]
    rows = max(s.rgb.shape[0] for s in sources) if adaptive else max_gaussians
    # How far fine surfels reach into smooth parts depends on the density, which depends on how many there are.
    for _ in range(2 if adaptive else 1):
        spheres = sum(_spheres(s, part, rows) for s, part in zip(sources, smooth, strict=True))
        rows = min(rows, _rows_for(max_gaussians, spheres))
    parts, skies, instances = [], [], []
    counts = {"source": 0, "sky": 0, "filled": 0}
    for source, calm in zip(sources, smooth, strict=True):
        for part in _surfels_of(source, calm, rows):
            labeled, sky, instance = _with_labels(source, part)
            parts.append(labeled)
            instances.append(instance)
            skies.append(sky)
            counts[source.name] += len(part)
    made = Gaussians.concatenate(*parts)
    if any(source.instances is not None for source in sources):
        made = made.with_labels(instances=torch.cat(instances))  # numbers that are the same in all sources
    return PlacedSurfels(made, torch.cat(skies), counts)


def _with_labels(source: SurfelSource, part: Gaussians) -> tuple[Gaussians, Tensor, Tensor]:
    """Return surfels of a source with origin and class, which of them are sky, and their instances."""
    view = torch.linalg.inv(source.world_from_camera.double())
    local = part.means.double() @ view[:3, :3].T + view[:3, 3]

    def look_up(pixels: Tensor | None, other: Tensor) -> Tensor:
        return other if pixels is None else source.camera.lookup(pixels, local)[0]

    count = len(part)
    origins = look_up(source.origins, torch.full((count,), source.origin, dtype=torch.uint8))
    sky = look_up(source.sky, torch.full((count,), source.name == "sky"))
    classes = look_up(source.classes, torch.full((count,), UNKNOWN, dtype=torch.uint8))
    instances = look_up(source.instances, torch.full((count,), NO_INSTANCE, dtype=torch.int32))
    return part.with_labels(origins=origins, classes=torch.where(sky, CLASS_SKY, classes)), sky, instances


def _spheres(source: SurfelSource, smooth: Tensor | None, rows: int) -> float:
    """Return how many whole spheres of cells at full density a source takes."""
    layers = _layers(source, smooth, rows)
    return sum(source.camera.sphere_share(use) * density**2 for density, use, _ in layers)


def _surfels_of(source: SurfelSource, smooth: Tensor | None, rows: int) -> list[Gaussians]:
    """Return the surfels of a source, layer by layer, for ``rows`` bands of cells."""
    return [
        surfels_from_picture(source, rows=max(8, int(density * rows)), use=use, spread=spread)
        for density, use, spread in _layers(source, smooth, rows)
    ]


def _layers(source: SurfelSource, smooth: Tensor | None, rows: int) -> list[tuple[float, Tensor, float]]:
    """Return the densities, in terms of ``rows``, that a source is covered at: each with its pixels and surfel size."""
    if isinstance(source.camera, Pinhole):
        return [(1.0, source.use, SIGMA_PER_SPACING)]  # one surfel per square of pixels throughout
    if source.name == "sky":
        return [(_SKY_DENSITY * source.density, source.use, SIGMA_PER_SPACING)]
    if smooth is None:
        return [(source.density, source.use, SIGMA_PER_SPACING)]
    # The fine ones reach a little into the smooth part: no gap where the two meet.
    reach = 2 * max(1, round(source.camera.height / rows)) + 1
    fine = (~smooth).float()[None, None]
    fine = torch.nn.functional.max_pool2d(fine, (2 * reach + 1, 1), stride=1, padding=(reach, 0))
    fine = torch.nn.functional.max_pool2d(fine, (1, 2 * reach + 1), stride=1, padding=(0, reach))[0, 0] > 0
    return [
        (1.0, source.use & fine, SIGMA_PER_SPACING),
        (0.5, source.use & smooth, _COARSE_SIGMA_PER_SPACING),
    ]


def _is_smooth(source: SurfelSource) -> Tensor:  # [H, W] bool
    """Where surfels of twice the size would show the same: the picture is nearly linear over a few pixels."""
    gray = source.rgb.permute(2, 0, 1)[None].float()
    padded = torch.nn.functional.pad(gray, (2, 2, 2, 2), mode="replicate")
    rest = (gray - torch.nn.functional.avg_pool2d(padded, 5, stride=1)).abs().amax(1, keepdim=True)
    busy = torch.nn.functional.max_pool2d(rest, 5, stride=1, padding=2)[0, 0] > _SMOOTH
    inverse_depth = 1 / source.depth_ray[None, None]
    bounded = torch.nn.functional.pad(inverse_depth, (2, 2, 2, 2), mode="replicate")
    high, low = (
        torch.nn.functional.max_pool2d(bounded, 5, stride=1),
        -torch.nn.functional.max_pool2d(-bounded, 5, stride=1),
    )
    return ~busy & ((high - low)[0, 0] < 0.1 * inverse_depth[0, 0])


def _rows_for(max_gaussians: int, spheres: float) -> int:
    """Bands of cells such that shares of the sphere, at their densities, make at most that many surfels."""
    return max(8, int(math.sqrt(0.985 * max_gaussians * math.pi / 4 / max(spheres, 1e-3))))
