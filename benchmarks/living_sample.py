"""The sample's world that lives: a fountain that falls, clouds that drift, water that ripples, trees in the wind."""

from __future__ import annotations

import math

import torch

from matrix3d_core.depth.panorama_depth import geometry_from_depth
from matrix3d_core.layers.complete import split_panorama
from matrix3d_core.layers.splats import gaussians_from_layers
from matrix3d_core.layers.split import find_foreground
from matrix3d_core.motion.animate import AnimationConfig, animate, heading_of
from matrix3d_core.motion.fountain import FountainConfig, make_fountain
from matrix3d_core.scene.gaussians import Gaussians
from matrix3d_core.splats.moving import choose_moving
from matrix3d_core.synth.sample_scene import render_erp

__all__ = ["PERIOD_S", "living_sample", "make_it_live", "still_sample"]

PERIOD_S = 6.0
NOZZLE = (2.2, -0.03, 5.4)


def still_sample(rows: int = 512, most: int = 150_000) -> Gaussians:
    """Return the sample as an instant world."""
    rgb, depth = render_erp(torch.zeros(3, dtype=torch.float64), rows, 2 * rows, samples=2)
    geometry = geometry_from_depth(rgb, depth)
    return gaussians_from_layers(split_panorama(geometry, find_foreground(geometry, 2)), max_gaussians=most)


def make_it_live(world: Gaussians) -> Gaussians:
    """Return the world with the motions of the template; widget by widget as Animate World would give them."""
    slow = AnimationConfig(PERIOD_S, speed=math.radians(2.0), direction=heading_of(math.radians(70)))
    world = animate(world, choose_moving(world, "clouds"), "clouds", slow)
    basin = choose_moving(
        world, "ripple", shape="cylinder", center=(2.2, 1.18, 5.4), radius=0.9, size=(1, 0.12, 1)
    )
    world = animate(world, basin, "ripple", AnimationConfig(PERIOD_S, wavelength=0.25))
    for center, radius in (((3.6, 0.2, 9.0), 1.6), ((1.9, 0.0, 11.0), 2.2), ((-1.6, 0.0, 11.0), 2.2)):
        tree = choose_moving(world, "wind", shape="sphere", center=center, radius=radius)
        tree &= world.colors[:, 1] > 1.05 * world.colors[:, 0]  # green
        if bool(tree.any()):
            world = animate(world, tree, "wind", AnimationConfig(PERIOD_S, direction=(1, 0, 0)))
    water = make_fountain(NOZZLE, FountainConfig(height=0.5, drop=1.2, radius=0.6, period_s=PERIOD_S))
    return Gaussians.concatenate(world, water)


def living_sample(rows: int = 512, most: int = 150_000) -> Gaussians:
    """Return the sample, living."""
    return make_it_live(still_sample(rows, most))
