"""The sky behind what borders on it."""

from __future__ import annotations

import torch
from torch import Tensor

from ...scene.camera import Equirect
from ...scene.labels import ORIGIN_UNOBSERVED
from ...scene.panorama import PanoramaGeometry
from .sources import SurfelSource

__all__ = ["sky_behind"]

_SKY_BEHIND_DEG = 10.0


def sky_behind(geometry: PanoramaGeometry, world_from_camera: Tensor) -> SurfelSource:
    """Extend the sky behind what borders on it: off the path it is disoccluded beside roofs and trees.

    Last of all sources, so that it does not count as placed where frames show what is really there.
    """
    camera = Equirect((geometry.height, geometry.width))
    small = camera.downsampled(max(1, camera.height // 240))
    grow = max(1, round(_SKY_BEHIND_DEG / 180 * small.height))
    is_sky = geometry.is_sky[..., None].float()
    averaged = camera.crop(torch.cat((geometry.rgb.float() * is_sky, is_sky), -1), small)
    color, share = averaged.permute(2, 0, 1)[None].split((3, 1), dim=1)
    # Pure sky alone: pixels at an edge hold some of the roof.
    known = (share > 0.999).float()
    color = color * known
    for _ in range(grow + 1):
        around = torch.nn.functional.pad(torch.cat((color * known, known), 1), (1, 1, 0, 0), mode="circular")
        around = torch.nn.functional.avg_pool2d(torch.nn.functional.pad(around, (0, 0, 1, 1)), 3, stride=1)
        mean = around[:, :3] / around[:, 3:].clamp_min(1e-6)
        color = torch.where(known > 0, color, mean)
        known = torch.maximum(known, (around[:, 3:] > 0).float())
    size = camera.size_px
    rgb = torch.nn.functional.interpolate(color, size, mode="bilinear")[0].permute(1, 2, 0).contiguous()
    use = (torch.nn.functional.interpolate(known, size, mode="nearest-exact")[0, 0] > 0) & ~geometry.is_sky
    far = geometry.depth_ray[geometry.is_sky].median()
    return SurfelSource(rgb, far.expand(size), use, world_from_camera, "sky", ORIGIN_UNOBSERVED, camera)
