"""Sky splats are found by their distance, against what the initialization knows."""

from __future__ import annotations

from dataclasses import replace

import torch

from matrix3d_core.depth.panorama_depth import geometry_from_depth
from matrix3d_core.optimize.init import init_gaussians
from matrix3d_core.scene.camera import Equirect
from matrix3d_core.scene.gaussians import Gaussians
from matrix3d_core.splats.sky import find_sky_splats

CENTER = torch.zeros(3)


def test_the_shell_of_a_world_is_found():
    rays = Equirect((64, 128)).rays()
    down = rays[..., 1].float()
    # a floor 1.6 below, a wall of 3 m around it 12 m away, and sky
    floor = torch.where(down > 1e-3, 1.6 / down.clamp_min(1e-3), torch.inf)
    level = rays[..., [0, 2]].norm(dim=-1).float()
    wall = torch.where((down / level > -1.4 / 12), 12 / level, torch.inf)
    depth = torch.minimum(floor, wall)
    made = init_gaussians(geometry=geometry_from_depth(torch.rand(64, 128, 3), depth), max_gaussians=4000)
    found = find_sky_splats(made.gaussians, CENTER)
    assert torch.equal(found, made.is_sky)
    assert 0.2 < float(found.float().mean()) < 0.6


def test_a_world_without_a_shell_has_no_sky():
    rng = torch.Generator().manual_seed(0)
    means = torch.randn(5000, 3, generator=rng) * 4
    world = Gaussians.from_colors(
        means,
        torch.tensor([1.0, 0, 0, 0]).repeat(5000, 1),
        torch.full((5000, 3), 0.01),
        torch.full((5000,), 0.9),
        torch.full((5000, 3), 0.5),
    )
    assert not find_sky_splats(world, CENTER).any()
    shell = replace(world, means=10 * torch.nn.functional.normalize(means, dim=-1))
    assert not find_sky_splats(shell, CENTER).any(), "nothing is in front of it"
    assert not find_sky_splats(world.select(torch.arange(1)), CENTER).any()
