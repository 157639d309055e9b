"""Which surfaces of a world the sun reaches: a shadow map over the world's own surfels.

The map looks along the sun's rays. It is finer near a center than far away, as worlds made from panoramas are: a point
at distance r from the ray through the center lies at ``r / (r + near)`` of the map. Rays of the sun stay points in it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from ..geometry.rotations import matrix_from_quats
from ..geometry.spherical import erp_directions
from ..scene.gaussians import Gaussians

__all__ = ["Surface", "surface_of_gaussians", "surface_of_panorama", "visibility"]

_REACH = 1.3  # standard deviations that a surfel covers on either side
_MOST_ACROSS = 9  # points across a surfel in the map
_BIAS_PX, _BIAS_SIZE = 3.0, 1.0  # a surface doesn't shade itself within so many pixels or of its own size
_SOLID = 0.3  # opacity from which on something casts a shadow


@dataclass(frozen=True)
class Surface:
    """Small flat pieces of surface.

    Attributes:
        points: ``[N, 3]`` float32 centers.
        across: ``[N, 3]`` from the center to the edge along one axis.
        along: ``[N, 3]`` the same along the other.
        normals: ``[N, 3]`` unit normals, towards the center of the world.
        casts: ``[N]`` bool, what casts shadows.
    """

    points: Tensor
    across: Tensor
    along: Tensor
    normals: Tensor
    casts: Tensor

    @property
    def sizes(self) -> Tensor:  # [N]
        """Half the longer side."""
        return torch.maximum(self.across.norm(dim=-1), self.along.norm(dim=-1))


def surface_of_gaussians(gaussians: Gaussians, center: Tensor, is_sky: Tensor) -> Surface:
    """Return a world's Gaussians as surfels across their shortest axes, facing the center; the sky casts nothing."""
    turn = matrix_from_quats(gaussians.quats_wxyz.float())
    order = gaussians.scales.argsort(dim=-1, descending=True)
    axes = turn.mT.gather(1, order[..., None].expand(-1, -1, 3))
    scales = gaussians.scales.gather(1, order)
    normals = axes[:, 2]
    to_center = center.to(gaussians.means) - gaussians.means
    normals = torch.where(((normals * to_center).sum(-1) < 0)[:, None], -normals, normals)
    casts = ~is_sky & (gaussians.opacities >= _SOLID)
    return Surface(
        gaussians.means.float(),
        _REACH * scales[:, :1] * axes[:, 0],
        _REACH * scales[:, 1:2] * axes[:, 1],
        torch.nn.functional.normalize(normals, dim=-1),
        casts,
    )


def surface_of_panorama(depth_ray: Tensor) -> Surface:  # [H, W]
    """Return a panorama's pixels as surfels; those without a finite distance cast nothing."""
    height, width = depth_ray.shape
    known = torch.isfinite(depth_ray)
    rays = erp_directions(height, width)
    inverse = torch.where(known, 1 / depth_ray.clamp_min(1e-6), torch.zeros(()))
    points = rays * torch.where(known, depth_ray, torch.ones(()))[..., None]

    def slope(values: Tensor, axis: int) -> Tensor:
        """Return the smaller of the changes to both sides, which stays on the surface at a depth edge."""
        after = torch.roll(values, -1, axis) - values
        before = values - torch.roll(values, 1, axis)
        if axis == 0:
            after[-1], before[0] = before[-1].clone(), after[0].clone()
        return torch.where(after.abs() < before.abs(), after, before)

    # On a plane the inverse distance is linear in the ray: n . ray / c.
    polar = (torch.arange(height) + 0.5) * (math.pi / height)
    east = torch.nn.functional.normalize(
        torch.stack((rays[..., 2], 0 * rays[..., 0], -rays[..., 0]), -1), dim=-1
    )
    down = torch.linalg.cross(east, rays)
    down = torch.where((down[..., 1:2] < 0), -down, down)
    step = math.pi / height
    by_east = slope(inverse, 1) / (step * torch.sin(polar)[:, None].clamp_min(1e-3))
    by_down = slope(inverse, 0) / step
    plane = inverse[..., None] * rays + by_east[..., None] * east + by_down[..., None] * down
    normals = -torch.nn.functional.normalize(plane, dim=-1)
    reach = 0.5 * step * points.norm(dim=-1)
    stretch = (1 / (normals * rays).sum(-1).abs().clamp_min(0.15))[..., None]
    across = torch.nn.functional.normalize(torch.linalg.cross(normals, rays) + 1e-6 * east, dim=-1)
    along = torch.linalg.cross(across, normals)
    return Surface(
        points.reshape(-1, 3),
        (reach[..., None] * across).reshape(-1, 3),
        (reach[..., None] * stretch * along).reshape(-1, 3),
        normals.reshape(-1, 3),
        known.reshape(-1),
    )


def visibility(surface: Surface, towards: Tensor, center: Tensor, *, size: int, near: float) -> Tensor:  # [N]
    """Return how much of the sun each piece of surface sees, 0..1; 0 for what faces away from it.

    Args:
        surface: the world.
        towards: ``[3]`` unit vector towards the sun.
        center: ``[3]`` around which the map is finest.
        size: rows and columns of the map.
        near: distance from the center up to which it is fine.
    """
    towards = towards.to(surface.points)
    across, over = _plane(towards)
    frame = torch.stack((across, over, towards), -1)
    local = (surface.points - center.to(surface.points)) @ frame
    depths = _map(surface, local, frame, size, near)
    radius = local[:, :2].norm(dim=-1)
    pixel = (2 / size) * (radius + near) ** 2 / near  # world units that a pixel spans along the radius
    cosine = surface.normals @ towards
    slope = (1 - cosine.square()).clamp_min(0).sqrt() / cosine.clamp_min(0.1)
    lift = _BIAS_SIZE * surface.sizes.clamp_max(4 * near) + _BIAS_PX * pixel
    height = local[:, 2] + lift * slope.clamp(0.5, 4.0)
    at = _pixels(local[:, :2], size, near)
    seen = torch.zeros(len(local))
    for dx, dy in ((0, 0), (1, 0), (-1, 0), (0, 1), (0, -1)):
        column = (at[:, 0] + dx).round().long().clamp(0, size - 1)
        row = (at[:, 1] + dy).round().long().clamp(0, size - 1)
        seen += (height >= depths[row * size + column]).float() / 5
    return torch.where(cosine > 0, seen, torch.zeros(()))


def _plane(towards: Tensor) -> tuple[Tensor, Tensor]:
    """Return two unit vectors across a direction."""
    least = torch.zeros(3).to(towards)
    least[int(towards.abs().argmin())] = 1
    across = torch.nn.functional.normalize(torch.linalg.cross(towards, least), dim=0)
    return across, torch.linalg.cross(towards, across)


def _pixels(offset: Tensor, size: int, near: float) -> Tensor:  # [N, 2] -> [N, 2]
    radius = offset.norm(dim=-1, keepdim=True)
    result: Tensor = (offset / (radius + near) * 0.5 + 0.5) * size - 0.5
    return result


def _map(surface: Surface, local: Tensor, frame: Tensor, size: int, near: float) -> Tensor:  # [size * size]
    """Return the height of what is nearest to the sun in each pixel, -inf where nothing is."""
    depths = torch.full((size * size,), -math.inf)
    use = surface.casts
    place, first, second = local[use], surface.across[use] @ frame, surface.along[use] @ frame
    radius = place[:, :2].norm(dim=-1)
    finest = (2 / size) * (radius + near)  # a pixel across the radius, where it is smallest
    reach = torch.maximum(first[:, :2].norm(dim=-1), second[:, :2].norm(dim=-1))
    count = (2 * reach / finest).ceil().clamp(1, _MOST_ACROSS).long() | 1
    for across in range(1, _MOST_ACROSS + 1, 2):
        these = count == across
        if not bool(these.any()):
            continue
        steps = (torch.arange(across) - (across - 1) / 2) * (2 / max(across - 1, 1))
        for a in steps.tolist():
            for b in steps.tolist():
                point = place[these] + a * first[these] + b * second[these]
                at = _pixels(point[:, :2], size, near).round().long().clamp(0, size - 1)
                depths.scatter_reduce_(0, at[:, 1] * size + at[:, 0], point[:, 2], "amax")
    return depths
