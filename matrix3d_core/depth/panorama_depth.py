"""From a panorama and a distance map to a geometry that the rest of the route can trust."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from ..checks import check_finite, check_floating, check_shape, check_two_to_one
from ..errors import InvalidInput
from ..scene.panorama import GeometryReport, PanoramaGeometry
from .missing import mark_missing
from .repair import count_unusable, fill_from_nearest
from .resample import resample_depth, resize_panorama
from .scale import fit_ground, geometric_mean
from .sky import SKY_FACTOR, fill_sky, small_islands

__all__ = ["MOST_DISTANCE", "SCALE_MODES", "geometry_from_depth"]

SCALE_MODES = ("as given", "geometric mean 1", "camera height")
"""How the unit of the distances is chosen."""

MOST_DISTANCE = 1e9
"""Distances of a geometry are below this and above its inverse: beyond, single precision has no room for a scene."""

_MOST_GIVEN = 1e30
_SKY_RULES = ("upstream", "none")


def geometry_from_depth(
    rgb: Tensor,  # [H, W, 3]
    depth_ray: Tensor,  # [h, w]
    *,
    valid: Tensor | None = None,  # [h, w]
    sky: str = "upstream",
    repair_components: bool = True,
    scale: str = "as given",
    camera_height: float = 1.6,
    height: int = 0,
    is_metric: bool = False,
    upstream_exact: bool = False,
    source: str = "depth",
    far: float | str = "auto",
    missing: Sequence[float] = (),
    read_as: str = "",
) -> PanoramaGeometry:
    """Repair, complete and scale the distances of a panorama; count everything that was done.

    Steps: (0) numbers that mean "nothing here" are marked as `mark_missing` says; (1) the distances are brought to the
    size of the panorama (or both to ``height`` rows); (2) NaN, zero and negative distances become unknown; infinity
    and pixels outside of ``valid`` are sky; (3) sky gets twice the largest known distance, unknown pixels the distance
    of the nearest known pixel; (4) small islands in front of the sky become sky; (5) everything is scaled.

    Args:
        rgb: ``[H, W, 3]`` floating point in [0, 1], ``W == 2 * H``.
        depth_ray: ``[h, w]`` Euclidean distances along the rays, ``w == 2 * h``; any size and unit; NaN,
            zero and negative: unknown; inf: sky.
        valid: ``[h, w]`` bool, False for sky (MoGe's mask), or None.
        sky: ``"upstream"`` as above; ``"none"`` treats what would be sky as unknown instead.
        repair_components: do step 4. Without any sky there is nothing to do.
        scale: one of `SCALE_MODES`. ``"geometric mean 1"`` counts measured pixels only;
            ``"camera height"`` needs a visible ground and makes the result metric.
        camera_height: meters, for ``"camera height"``.
        height: rows to work at, 0 for those of the panorama.
        is_metric: the distances are meters already (kept unless the scale changes).
        upstream_exact: as Matrix-3D does it: nearest resampling, islands below 1600 pixels at any size,
            not joined over the seam, looked for even without sky; unknown pixels become sky too.
        source: where the distances came from, for the report.
        far: ``"auto"`` finds the number that stands for sky, ``"none"`` looks for none, a distance is sky from there
            on. ``upstream_exact`` looks for none.
        missing: numbers that stand for unknown, besides NaN, zero and negative ones.
        read_as: how the distances were read, for the report.

    Returns:
        The geometry; its ``report`` holds counts, extremes, percentiles, what was marked, the factor and the ground
        fit.

    Raises:
        InvalidInput: on a wrong shape, NaN in the picture, a panorama or map that is not 2:1, no usable
            distance at all, distances of 1e9 units and more, an unknown mode, or no ground for ``"camera height"``.
    """
    if scale not in SCALE_MODES:
        raise InvalidInput(f"scale must be one of {', '.join(SCALE_MODES)}; got {scale!r}.")
    if sky not in _SKY_RULES:
        raise InvalidInput(f"sky must be one of {', '.join(_SKY_RULES)}; got {sky!r}.")
    _check_pair(rgb, depth_ray)
    depth_ray, marked = mark_missing(
        depth_ray.detach().to("cpu", torch.float32),
        far="none" if upstream_exact and far == "auto" else far,
        missing=missing,
    )
    rgb, depth_ray, valid, given = _same_size(rgb, depth_ray, valid, height, upstream_exact)
    usable = torch.isfinite(depth_ray) & (depth_ray > 0)
    is_known = usable & valid
    if not bool(is_known.any()):
        counts = given["given_counts"]
        raise InvalidInput(
            f"depth_ray must hold at least one usable distance; got none among {sum(counts.values())} pixels "
            f"({_list(counts)}). Is this the right file?"
        )
    _check_range(depth_ray[is_known], _MOST_GIVEN)
    is_sky = (torch.isposinf(depth_ray) | ~valid | (~usable & upstream_exact)) & (sky == "upstream")
    unknown = ~is_known & ~is_sky
    repaired = fill_from_nearest(depth_ray, is_known) if bool(unknown.any()) else depth_ray
    repaired = fill_sky(repaired, ~is_sky)
    islands = torch.zeros_like(is_sky)
    if repair_components and (upstream_exact or bool(is_sky.any())):
        islands = _islands(repaired, upstream_exact)
        repaired = torch.where(islands, repaired.max(), repaired)
        is_sky = is_sky | islands
    is_valid = is_known & ~islands
    factor, ground = _scale_factor(repaired, is_valid & ~is_sky, scale, camera_height)
    result = (repaired.to(torch.float64) * factor).to(torch.float32)
    surface = result[~is_sky] if bool((~is_sky).any()) else result
    _check_range(surface, MOST_DISTANCE)
    report: GeometryReport = {
        "source": source,
        "size": [rgb.shape[1], rgb.shape[0]],
        **given,
        "unknown_filled": int(unknown.sum()),
        "sky_pixels": int(is_sky.sum()),
        "sky_rule": f"{SKY_FACTOR:g} x largest distance" if sky == "upstream" else "none",
        "island_pixels_to_sky": int(islands.sum()),
        "scale": scale,
        "factor": factor,
        "distance_min": float(surface.min()),
        "distance_max": float(surface.max()),
        "distance_geometric_mean": geometric_mean(result, ~is_sky)
        if bool((~is_sky).any())
        else float(result[0, 0]),
    }
    measured = result[is_valid & ~is_sky]
    report["distance_percentiles"] = _percentiles(measured if measured.numel() else surface)
    if marked:
        report["marked"] = marked
    if read_as:
        report["read_as"] = read_as
    if ground is not None:
        report["ground"] = ground
    metric = scale == "camera height" or (is_metric and scale == "as given")
    return PanoramaGeometry(rgb, result, is_valid, is_sky, metric, report)


def _check_range(distances: Tensor, most: float) -> None:
    low, high = float(distances.min()), float(distances.max())
    if not 1 / most < low <= high < most:
        raise InvalidInput(
            f"distances must lie between {1 / most:g} and {most:g} units; got {low:g} to {high:g}. "
            "Use scale 'geometric mean 1', or name what is no distance in far_value or missing_value."
        )


def _percentiles(distances: Tensor) -> list[float]:
    """Return the 5th, 50th and 95th percentile."""
    return [float(value) for value in np.percentile(distances.numpy(), (5, 50, 95))]


def _check_pair(rgb: Tensor, depth_ray: Tensor) -> None:
    size = check_shape("rgb", rgb, "H W 3")
    check_floating("rgb", rgb)
    check_two_to_one("rgb", size["H"], size["W"])
    check_finite("rgb", rgb)
    depth_size = check_shape("depth_ray", depth_ray, "h w")
    check_floating("depth_ray", depth_ray)
    check_two_to_one("depth_ray", depth_size["h"], depth_size["w"])


def _same_size(
    rgb: Tensor, depth_ray: Tensor, valid: Tensor | None, height: int, upstream_exact: bool
) -> tuple[Tensor, Tensor, Tensor, GeometryReport]:
    """Bring what was given to one size on the CPU, and count the input's classes."""
    depth_rows, depth_columns = depth_ray.shape
    if valid is None:
        valid = torch.ones_like(depth_ray, dtype=torch.bool)
    check_shape("valid", valid, f"{depth_rows} {depth_columns}")
    if height < 0 or height == 1:
        raise InvalidInput(f"height must be 0 (the panorama's) or at least 2; got {height}.")
    rows = height or rgb.shape[0]
    given: GeometryReport = {
        "given_size": [depth_columns, depth_rows],
        "given_counts": count_unusable(depth_ray).as_dict(),
        "given_outside_mask": int((~valid).sum()),
    }
    depth_new = resample_depth(depth_ray, rows, mode="nearest" if upstream_exact else "surface")
    valid_new = resample_depth(valid.detach().cpu().float(), rows, mode="nearest") > 0.5
    rgb = resize_panorama(rgb.detach().to("cpu", torch.float32).clamp(0, 1), rows)
    return rgb.contiguous(), depth_new, valid_new, given


def _islands(depth_ray: Tensor, upstream_exact: bool) -> Tensor:
    if upstream_exact:
        return small_islands(depth_ray, min_pixels=1600, wrap=False)
    return small_islands(depth_ray)


def _scale_factor(
    depth_ray: Tensor, is_used: Tensor, scale: str, camera_height: float
) -> tuple[float, dict[str, float] | None]:
    if scale == "geometric mean 1":
        return 1 / geometric_mean(depth_ray, is_used), None
    if scale == "camera height":
        fit = fit_ground(depth_ray, is_used, camera_height=camera_height)
        return fit.factor, fit.as_dict()
    return 1.0, None


def _list(counts: dict[str, int]) -> str:
    return ", ".join(f"{value} {name}" for name, value in counts.items() if value)
