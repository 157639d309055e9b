"""A small textured world of splats that is seen from inside: a room with a pillar, and a path in it."""

from __future__ import annotations

import math

import torch

from matrix3d_core.scene.gaussians import Gaussians
from matrix3d_core.scene.trajectory import Trajectory

ROOM = (2.0, 1.5, 3.0)
"""Half the room's size along x, y, z; the eye is at its center."""


def room(spacing: float = 0.12, bases: int = 1, *, sigma: float = 0.55) -> Gaussians:
    """Tile the six inner faces of `ROOM` with flat splats of smoothly varying color."""
    means, quats = [], []
    half = math.sqrt(0.5)
    turned = {0: (half, 0.0, half, 0.0), 1: (half, half, 0.0, 0.0), 2: (1.0, 0.0, 0.0, 0.0)}
    for axis in range(3):
        u, v = (k for k in range(3) if k != axis)
        nu, nv = (round(2 * ROOM[k] / spacing) for k in (u, v))
        a, b = torch.meshgrid(
            (torch.arange(nu) + 0.5) / nu * 2 - 1, (torch.arange(nv) + 0.5) / nv * 2 - 1, indexing="ij"
        )
        for side in (-1.0, 1.0):
            points = torch.empty(a.numel(), 3)
            points[:, u], points[:, v] = a.flatten() * ROOM[u], b.flatten() * ROOM[v]
            points[:, axis] = side * ROOM[axis]
            means.append(points)
            quats.append(torch.tensor(turned[axis]).expand(len(points), 4))
    centers = torch.cat(means)
    colors = 0.5 + 0.4 * torch.sin(
        centers @ torch.tensor(((1.7, 0.4, 0.9), (0.3, 2.1, 0.5), (0.8, 0.6, 1.4)))
    )
    count = len(centers)
    scales = torch.tensor((sigma * spacing, sigma * spacing, 0.02 * spacing)).repeat(count, 1)
    world = Gaussians.from_colors(centers, torch.cat(quats), scales, torch.full((count,), 0.95), colors)
    if bases > 1:
        rng = torch.Generator().manual_seed(0)
        sh = torch.cat((world.sh, 0.1 * torch.randn(count, bases - 1, 3, generator=rng)), 1)
        world = Gaussians(*world.tensors()[:4], sh)
    return world


def walk(count: int = 6, step: float = 0.1) -> Trajectory:
    """Go forward from the room's center."""
    poses = torch.eye(4, dtype=torch.float64).repeat(count, 1, 1)
    poses[:, 2, 3] = -step * torch.arange(count)
    return Trajectory(poses)


def ball(center, radius=0.4, color=(0.8, 0.2, 0.2), count=1500, seed=0) -> Gaussians:
    """Return a sphere of surfels that face outward."""
    rng = torch.Generator().manual_seed(seed)
    out = torch.nn.functional.normalize(torch.randn(count, 3, generator=rng), dim=-1)
    ahead = torch.tensor([0.0, 0.0, 1.0]).expand(count, 3)
    turn = torch.cat((1 + (ahead * out).sum(-1, keepdim=True), torch.linalg.cross(ahead, out)), -1)
    size = radius * math.sqrt(4 * math.pi / count)
    return Gaussians.from_colors(
        torch.tensor(center) + radius * out,
        torch.nn.functional.normalize(turn, dim=-1),
        torch.tensor([0.6 * size, 0.6 * size, 0.05 * size]).expand(count, 3),
        torch.full((count,), 0.95),
        torch.tensor(color).expand(count, 3).clone(),
    )
