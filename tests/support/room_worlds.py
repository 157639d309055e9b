"""A furnished box room for tests of the viewer: its splats, and its panorama with exact distances."""

from __future__ import annotations

import torch

from matrix3d_core.geometry.spherical import erp_directions
from matrix3d_core.scene.gaussians import Gaussians
from matrix3d_core.scene.panorama import PanoramaGeometry

ROOM = torch.tensor([[-3.0, -1.2, -2.0], [3.0, 1.6, 4.0]])  # x, y (down), z of its corners; meters
PILLAR = ((1.0, 2.0), 0.3)  # middle (x, z) and radius


def room_colors(points: torch.Tensor) -> torch.Tensor:  # [N, 3] -> [N, 3]
    """Checks of half a meter, each wall in its own hue; the pillar is red."""
    low, high = (points - ROOM[0]).abs(), (points - ROOM[1]).abs()
    wall = torch.cat((low, high), dim=-1).argmin(-1)
    hues = torch.tensor(
        [
            [0.35, 0.5, 0.75],
            [0.85, 0.85, 0.8],
            [0.75, 0.65, 0.35],
            [0.45, 0.7, 0.45],
            [0.5, 0.42, 0.36],
            [0.7, 0.5, 0.62],
        ]
    )
    check = ((points / 0.5 + 1e-4).floor().sum(-1) % 2)[:, None]
    colors = hues[wall] * (0.75 + 0.25 * check)
    off = torch.linalg.vector_norm(points[:, [0, 2]] - torch.tensor(PILLAR[0]), dim=-1) - PILLAR[1]
    red = torch.tensor([0.8, 0.2, 0.15]) * (0.75 + 0.25 * check)
    return torch.where((off.abs() < 0.05)[:, None], red, colors)


def room_distance(directions: torch.Tensor, *, roof: bool = True) -> torch.Tensor:  # [..., 3] -> [...]
    """Return the distance from the origin to the room's surfaces in float64; without a roof inf in the sky."""
    directions = directions.to(torch.float64)
    limits = torch.where(directions > 0, ROOM[1], ROOM[0]).to(torch.float64)
    planes = limits / directions.where(directions.abs() > 1e-12, torch.tensor(1e-12))
    depth = planes.amin(-1)
    if not roof:
        depth = torch.where((planes.argmin(-1) == 1) & (directions[..., 1] < 0), torch.inf, depth)
    (cx, cz), radius = PILLAR
    dx, dz = directions[..., 0], directions[..., 2]
    a, b, c = dx * dx + dz * dz, dx * cx + dz * cz, cx * cx + cz * cz - radius**2
    near = (b - (b * b - a * c).clamp(min=0).sqrt()) / a.clamp(min=1e-12)
    stands_there = (b * b > a * c) & (near > 0) & torch.isfinite(depth)
    return torch.where(stands_there, torch.minimum(depth, near), depth)


def room_geometry(height: int = 256) -> PanoramaGeometry:
    """Return the room's panorama from the origin, metric."""
    directions = erp_directions(height, 2 * height, dtype=torch.float64)
    depth = room_distance(directions)
    rgb = room_colors((directions * depth[..., None]).reshape(-1, 3).float()).reshape(height, 2 * height, 3)
    yes = torch.ones_like(depth, dtype=torch.bool)
    return PanoramaGeometry(rgb, depth.float(), yes, ~yes, is_metric=True)


def room_world(count: int = 40_000, seed: int = 0) -> Gaussians:
    """Return opaque round splats on the walls and on the pillar, as if seen from everywhere."""
    rng = torch.Generator().manual_seed(seed)
    size = ROOM[1] - ROOM[0]
    areas = torch.stack([size[1] * size[2], size[0] * size[2], size[0] * size[1]]).repeat(2)
    wall = torch.multinomial(areas, count, replacement=True, generator=rng)
    points = ROOM[0] + size * torch.rand(count, 3, generator=rng)
    side = (wall >= 3).long()
    points = points.scatter(1, (wall % 3)[:, None], ROOM[side, wall % 3][:, None])
    turns = torch.rand(count // 12, generator=rng) * 2 * torch.pi
    heights = ROOM[0, 1] + size[1] * torch.rand(count // 12, generator=rng)
    (cx, cz), radius = PILLAR
    pillar = torch.stack((cx + radius * turns.cos(), heights, cz + radius * turns.sin()), dim=-1)
    points = torch.cat((points, pillar))
    spacing = float((areas.sum() / count).sqrt())
    total = len(points)
    quats = torch.tensor([1.0, 0, 0, 0]).expand(total, 4)
    scales = torch.full((total, 3), 0.6 * spacing)
    return Gaussians.from_colors(points, quats, scales, torch.full((total,), 0.97), room_colors(points))
