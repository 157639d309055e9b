"""The host's MoGe on twelve views of a panorama, merged here: in MoGe's meters, which its own panorama node loses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from ...checks import check_floating, check_shape, check_two_to_one
from ...errors import InvalidInput
from ...geometry.crops import icosahedron_rotations
from ...progress import ProgressFn, no_progress
from ...scene.panorama import PanoramaGeometry
from ..conversions import moge_from_geometry
from ..resample import resize_panorama
from ..sky import fill_sky
from .merge import MergedViews, blend_views, merge_views
from .views import ViewSet

__all__ = ["merge_moge_views"]


def merge_moge_views(
    moge: Mapping[str, Any],
    rgb: Tensor,  # [H, W, 3]
    *,
    fov_rad: float,
    height: int = 960,
    progress: ProgressFn = no_progress,
) -> tuple[dict[str, Tensor], MergedViews]:
    """Merge MoGe's points of the twelve icosahedral views into a geometry of the panorama.

    The unit of the result is that of the median view, so that meters stay meters.

    Args:
        moge: the host's MOGE_GEOMETRY of twelve square pictures: ``points [12, h, h, 3]`` and, if there,
            ``mask [12, h, h]``, False for sky.
        rgb: ``[H, W, 3]`` the panorama.
        fov_rad: field of view of the views.
        height: most rows of the result.
        progress: called between steps.

    Returns:
        MOGE_GEOMETRY of one panorama, and what the merge says of itself.

    Raises:
        InvalidInput: when it is no such mapping, not of twelve square views, of a panorama, or of sky alone.
    """
    points = moge.get("points") if isinstance(moge, Mapping) else None
    if not isinstance(points, Tensor) or points.ndim != 4 or "intrinsics" not in moge or len(points) != 12:
        count = len(points) if isinstance(points, Tensor) else "no"
        raise InvalidInput(
            f"moge_geometry must be MoGe's of the twelve views of a panorama; got {count} pictures. Link Panorama "
            "Crops (icosahedron) to the host's MoGe Inference, with the same field of view, and that to this node."
        )
    size = check_shape("moge_geometry points", points, "V h h 3")
    check_floating("rgb", rgb)
    large = check_shape("rgb", rgb, "H W 3")
    check_two_to_one("rgb", large["H"], large["W"])
    distance = torch.linalg.vector_norm(points.detach().to("cpu", torch.float32), dim=-1)
    known = torch.isfinite(distance) & (distance > 0)
    mask = moge.get("mask")
    if mask is not None:
        check_shape("moge_geometry mask", mask, f"12 {size['h']} {size['h']}")
        known &= mask.detach().cpu() > 0.5
    views = ViewSet(icosahedron_rotations(), fov_rad)
    rows = min(height, large["H"])
    logs = torch.where(known, distance, torch.ones_like(distance)).log()
    merged = merge_views(logs, known.float(), views, rows, progress=progress)
    is_sky = blend_views(known[..., None].float(), views, rows)[..., 0] < 0.5
    depth_ray = fill_sky(merged.log_distance.exp(), ~is_sky)
    picture = resize_panorama(rgb.detach().to("cpu", torch.float32).clamp(0, 1), rows)
    return moge_from_geometry(PanoramaGeometry(picture, depth_ray, ~is_sky, is_sky)), merged
