"""What pictures say of the Gaussians that they show: sums over pixels, each weighted with the Gaussian's part in it."""

from __future__ import annotations

import torch
from torch import Tensor

from ..checks import check_shape
from ..raster.camera_view import render_view
from ..scene.camera import Camera
from ..scene.gaussians import Gaussians

__all__ = ["visible_sums"]

_BEHIND = 0.02  # of the distance, and its own size: what lies farther behind the picture's surface shines through it


def visible_sums(
    gaussians: Gaussians,
    camera_from_world: Tensor,  # [4, 4]
    camera: Camera,
    maps: Tensor,  # [H, W, C]
    *,
    backend: str = "auto",
) -> Tensor:  # [N, C]
    """Sum maps over the pixels that show each Gaussian, weighted with its part in their color.

    A pixel is the sum of the Gaussians' colors, each times a weight. The sum of the weights times a map is the slope
    of the map's product with the picture by the color: one backward pass for three maps.

    Args:
        gaussians: the world.
        camera_from_world: ``[4, 4]`` pose.
        camera: lens and size.
        maps: ``[H, W, C]``; a map of ones gives how many pixels a Gaussian fills.
        backend: splat backend; must give gradients.

    Returns:
        ``[N, C]`` float32 on the CPU; 0 for Gaussians that are seen only through what stands before them.
    """
    check_shape("maps", maps, f"{camera.height} {camera.width} C")
    with torch.inference_mode(False), torch.enable_grad():  # a host may call from within inference mode
        means, quats_wxyz, scales, opacities, _ = (t.detach().clone() for t in gaussians.tensors())
        colors = torch.full((len(gaussians), 3), 0.5).to(means).requires_grad_(True)
        plain = Gaussians.from_colors(means, quats_wxyz, scales, opacities, colors)
        seen = render_view(plain, camera_from_world, camera, backend=backend)
        parts = maps.detach().clone().to(seen.rgb).split(3, -1)
        slopes = []
        for number, part in enumerate(parts):
            target = (seen.rgb[..., : part.shape[-1]] * part).sum()
            (slope,) = torch.autograd.grad(target, colors, retain_graph=number + 1 < len(parts))
            slopes.append(slope[:, : part.shape[-1]])
    pose = camera_from_world.double()
    local = gaussians.means.detach().double().cpu() @ pose[:3, :3].mT + pose[:3, 3]
    surface, _ = camera.lookup(seen.depth_ray.detach().double().cpu(), local)
    reach = local.norm(dim=-1)
    is_front = reach <= (1 + _BEHIND) * surface + 2 * gaussians.scales.detach().double().cpu().amax(-1)
    return torch.where(is_front[:, None], torch.cat(slopes, 1).cpu(), 0.0)
