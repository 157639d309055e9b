"""Complete layers behind the nearer ones, without a model: surfaces of the background continued, and their texture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from ..checks import check_shape
from ..depth.resample import resize_panorama, resized
from ..errors import InvalidInput
from ..guidance.exemplar import complete_region
from ..guidance.hidden_geometry import dilate
from ..guidance.inpaint import Inpainted, pull_push
from ..optimize.init.sky import sky_behind
from ..optimize.init.sources import enlarged
from ..progress import ProgressEvent, ProgressFn, attentive, no_progress, report_while
from ..scene.labels import CLASS_SKY, UNKNOWN
from ..scene.panorama import PanoramaGeometry
from .layer import BACKGROUND, FOREGROUND, SKY, LayeredPanorama, PanoramaLayer

__all__ = ["complete_behind", "split_panorama"]

ROWS = 512  # at which hidden surfaces are made up
_RIM = 1 / 48  # of the rows: how far a foreground layer goes on behind a nearer one
_SAME_SURFACE = 1.15  # a border this much nearer than what goes on behind belongs to what hides
_BEHIND = 1.08  # what goes on behind a part is farther than it by this factor
_NEXT = 1.02  # the same of a layer behind the next one
_LIKE_SKY = 0.7  # of the sky's distance: what is continued so far out is sky


@attentive
def split_panorama(
    geometry: PanoramaGeometry,
    foreground: Sequence[Tensor],
    *,
    completed: Tensor | None = None,  # [L, H, W, 3]
    progress: ProgressFn = no_progress,
) -> LayeredPanorama:
    """Split a panorama into sky, background and foreground layers, each completed behind the nearer ones.

    Args:
        geometry: the panorama with its distances.
        foreground: masks of the foreground layers, ``[H, W]`` bool, farthest first, see `find_foreground`.
        completed: a picture of each layer, of any size, farthest first, without what hides it, such as an inpainting
            model makes; their colors are taken where a layer is hidden. None: the surfaces around are continued.
        progress: called between steps; raising in it cancels.

    Returns:
        The layers. There is a sky where the geometry has one.

    Raises:
        InvalidInput: for masks of another size, pictures of another number, or when no background is left.
    """
    size = geometry.height, geometry.width
    for mask in foreground:
        check_shape("foreground mask", mask, f"{size[0]} {size[1]}")
    count = len(foreground) + 1 + bool(geometry.is_sky.any())
    if completed is not None and len(completed) != count:
        names = (SKY,) * bool(geometry.is_sky.any()) + (BACKGROUND,) + (FOREGROUND,) * len(foreground)
        raise InvalidInput(
            f"completed must hold a picture for each of the {count} layers ({', '.join(names)}); got {len(completed)}."
        )
    total = 2 + len(foreground)
    nearer = torch.zeros(size, dtype=torch.bool)
    parts: list[PanoramaLayer] = []
    for index in reversed(range(len(foreground))):
        mask = foreground[index] & ~nearer
        layer = _foreground_layer(f"{FOREGROUND} {index + 1}", geometry, mask, nearer)
        parts.insert(0, layer)
        nearer = nearer | mask
        progress(ProgressEvent(len(foreground) - index, total, "complete foreground", layer.rgb))
    event = ProgressEvent(total - 2, total, "complete background")
    sky, hidden = geometry.is_sky, nearer & ~geometry.is_sky
    if bool((sky | hidden).all()):
        raise InvalidInput(
            "foreground must leave some background; the masks cover all of it. Give smaller masks."
        )
    rgb, depth, new = report_while(
        lambda: complete_behind(geometry.rgb, geometry.depth_ray, hidden), progress, event
    )
    is_sky_behind = torch.zeros_like(sky)
    if bool(sky.any()):
        is_sky_behind = new & (depth > _LIKE_SKY * float(geometry.depth_ray[sky].median()))
    shown = ~sky & ~is_sky_behind & ~(new & hidden & (depth < geometry.depth_ray))
    classes = None
    if geometry.classes is not None:
        classes = torch.where(new, UNKNOWN, geometry.classes)
    parts.insert(0, PanoramaLayer(BACKGROUND, rgb, shown, depth, new & shown, classes))
    if bool(sky.any()):
        parts.insert(0, _sky_layer(geometry))
    if completed is not None:
        parts = [
            replace(
                part,
                rgb=torch.where(part.is_filled.unsqueeze(-1), resize_panorama(picture, size[0]), part.rgb),
            )
            for part, picture in zip(parts, completed, strict=True)
        ]
    progress(ProgressEvent(total, total, "layers complete", rgb))
    return LayeredPanorama(tuple(parts), geometry.is_metric)


def complete_behind(
    rgb: Tensor, depth_ray: Tensor, hidden: Tensor, far_end: Tensor | None = None
) -> tuple[Tensor, Tensor, Tensor]:
    """Continue what lies around ``hidden`` pixels behind them; see `complete_region`.

    Args:
        rgb: ``[H, W, 3]``.
        depth_ray: ``[H, W]``, with the distance of what hides.
        hidden: ``[H, W]`` bool.
        far_end: ``[H, W]`` distance of what goes on behind each hidden pixel, 0 elsewhere: nothing clearly nearer is
            continued. None: all around is.

    Returns:
        Color ``[H, W, 3]``, distance ``[H, W]`` and ``[H, W]`` bool, where they are new: the hidden pixels and mixed
        ones beside them. Made at no more than 512 rows and enlarged; elsewhere as given.
    """
    if not bool(hidden.any()):
        return rgb, depth_ray, hidden
    size = rgb.shape[:2]
    rows = min(size[0], ROWS)
    small = rows, 2 * rows
    region = torch.nn.functional.adaptive_max_pool2d(hidden.float()[None, None], small)[0, 0] > 0
    region = dilate(region, 1)  # pixels at a silhouette have colors of both sides
    near = resized(depth_ray, small)
    border = dilate(region, 1) & ~region
    seen = near
    if far_end is not None:
        # Around each hidden pixel only what is as far as what goes on behind it: else the near part goes on itself.
        reach = resized(far_end, small)
        least = pull_push(reach.unsqueeze(-1), reach > 0).squeeze(-1) / _SAME_SURFACE
        border &= near >= least
        seen = torch.where(region, _BEHIND * near, near)  # what hides isn't behind itself
    planes = torch.nn.functional.interpolate(rgb.permute(2, 0, 1)[None], small, mode="area")[0]
    made = complete_region(
        planes.permute(1, 2, 0).contiguous(), near, region, border, torch.eye(4, dtype=torch.float64), seen
    )
    return _enlarge(made, rgb, depth_ray)


def _enlarge(made: Inpainted, rgb: Tensor, depth_ray: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    size = rgb.shape[:2]
    new = resized(made.region.float(), size) > 0.5
    color = torch.nn.functional.interpolate(made.rgb.permute(2, 0, 1)[None], size, mode="bilinear")[0]
    color = torch.where(new.unsqueeze(-1), color.permute(1, 2, 0), rgb)
    return color, torch.where(new, enlarged(made.depth_ray, size), depth_ray), new


def _foreground_layer(name: str, geometry: PanoramaGeometry, mask: Tensor, nearer: Tensor) -> PanoramaLayer:
    """Return what a mask shows, continued smoothly a little way behind nearer layers."""
    reach = max(1, round(geometry.height * _RIM))
    filled = nearer & dilate(mask, reach)
    rgb, depth = geometry.rgb, geometry.depth_ray
    if bool(filled.any()):
        values = torch.cat((rgb, 1 / depth.unsqueeze(-1)), -1)
        smooth = pull_push(values, mask)
        rgb = torch.where(filled.unsqueeze(-1), smooth[..., :3], rgb)
        depth = torch.where(filled, torch.maximum(1 / smooth[..., 3], _NEXT * depth), depth)
    return PanoramaLayer(name, rgb, mask | filled, depth, filled, geometry.classes)


def _sky_layer(geometry: PanoramaGeometry) -> PanoramaLayer:
    behind = sky_behind(geometry, torch.eye(4, dtype=torch.float64))
    sky = geometry.is_sky
    rgb = torch.where(sky.unsqueeze(-1), geometry.rgb, behind.rgb)
    depth = torch.where(sky, geometry.depth_ray, behind.depth_ray)
    classes = torch.full(sky.shape, CLASS_SKY, dtype=torch.uint8)
    return PanoramaLayer(SKY, rgb, sky | behind.use, depth, behind.use, classes)
