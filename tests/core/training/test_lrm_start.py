"""The reconstruction model begins with the colors that latents tell, at sizes that cover the surface."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from matrix3d_core.errors import InvalidInput
from matrix3d_core.geometry.spherical import erp_directions
from matrix3d_core.lrm.config import LRMConfig
from matrix3d_core.lrm.network import LatentLRM
from matrix3d_core.lrm.rays import ray_source
from matrix3d_core.scene.gaussians import SH_C0
from matrix3d_core.scene.trajectory import Trajectory
from matrix3d_core.training.clips import Clip
from matrix3d_core.training.lrm_start import fit_colors, start_with_colors

ROWS, FRAMES, RANK = 64, 9, 20


def clip(seed=0):
    """A smooth panorama that drifts, and latents that hold mean and slope of each block of 8x8 pixels, and noise."""
    generator = torch.Generator().manual_seed(seed)
    waves = torch.randn(3, 3, generator=generator)
    rays = erp_directions(ROWS, 2 * ROWS)
    frames = torch.stack([0.5 + 0.4 * torch.sin(rays @ waves.T * 2 + 0.03 * k) for k in range(FRAMES)]).clamp(
        0, 1
    )
    pictures = frames.movedim(-1, 1)
    means = F.avg_pool2d(pictures, 8)
    across = means - F.avg_pool2d(pictures.roll(4, -1), 8)
    down = means - F.avg_pool2d(pictures.roll(4, -2), 8)
    rest = torch.randn(FRAMES, 7, ROWS // 8, ROWS // 4, generator=generator)
    latents = torch.cat((2 * (means - 0.5), 4 * across, 4 * down, rest), 1)[::4].movedim(0, 1)
    poses = Trajectory(torch.eye(4, dtype=torch.float64).repeat(FRAMES, 1, 1))
    depth = torch.full((FRAMES, ROWS, 2 * ROWS), 3.0)
    return Clip((frames * 255).round().to(torch.uint8), depth, poses, {1: latents})


def model(width=160):
    torch.manual_seed(0)
    stages = (width // 8, width // 4, width // 2, width)
    sizes = {"features": 48, "head_hidden": 32, "head_out": 24}
    return LatentLRM(LRMConfig(width=width, heads=2, ffn=width, stages=stages, **sizes))


def attributes_of(network, data):
    latents = data.latents[1][None]
    rays = ray_source(data.trajectory, network.config, ROWS, 2 * ROWS)
    with torch.no_grad():
        return network(latents, rays)[1][0]


def test_colors_are_told_from_the_first_step_on():
    data = [clip(seed) for seed in range(3)]
    network, other = model(), clip(9)
    before = attributes_of(network, other)[:, 10:13]
    start_with_colors(network, data)
    shown = (0.5 + SH_C0 * attributes_of(network, other)[:, 10:13]).movedim(1, -1)
    true = F.interpolate(other.frames.float().movedim(-1, 1) / 255, shown.shape[1:3], mode="area").movedim(
        1, -1
    )
    error = (shown - true).square().mean((1, 2, 3))
    assert float(error.max()) < 10**-2.3
    assert float((0.5 + SH_C0 * before.movedim(1, -1) - true).square().mean()) > 10 * float(error.max())


def test_they_are_the_fit_itself():
    data = [clip(seed) for seed in range(3)]
    network, other = model(), clip(9)
    start_with_colors(network, data)
    inner, basis, added = fit_colors(data, RANK)
    tokens = F.unfold(other.latents[1][:, 1][None], 2, stride=2)[0]
    cells = basis @ (inner @ tokens) + added.view(3, -1).mean(1).repeat_interleave(16)[:, None]
    picture = F.fold(cells[None], (ROWS // 4, ROWS // 2), 4, stride=4)
    wanted = F.interpolate(picture, scale_factor=2, mode="bilinear", align_corners=True)[0]
    made = attributes_of(network, other)
    for frame in (2, 3, 4, 5):  # what the second latent frame tells
        shown = 0.5 + SH_C0 * made[frame, 10:13]
        off = float((shown - wanted).square().mean().sqrt())
        assert off < 0.2 * float(wanted.std()), frame  # normalizations differ from token to token
    sizes, opacity = torch.sigmoid(made[:, 3:6]), torch.sigmoid(made[:, 13])
    assert float(sizes.quantile(0.05)) > 0.8
    assert 0.7 < float(opacity.median()) < 0.9


def test_depth_can_still_be_learned():
    data = clip()
    network = model()
    start_with_colors(network, [data])
    latents, rays = data.latents[1][None], ray_source(data.trajectory, network.config, ROWS, 2 * ROWS)
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
    losses = []
    for _ in range(30):
        depth = network(latents, rays)[0].mean(2)
        loss = (depth - torch.linspace(-2, 1, depth.shape[2])[:, None]).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.75 * losses[0]
    assert all(layer.linear2.weight.abs().max() > 0 for layer in network.transformer.layers)


def test_a_narrow_model_is_refused():
    with pytest.raises(InvalidInput, match="width must be at least 128; got 96"):
        start_with_colors(model(96), [clip()])
