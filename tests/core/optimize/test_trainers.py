"""What both trainers share: strategies, depth along the view's own axis, cameras off their center."""

from __future__ import annotations

import math

import pytest
import torch
from tiny_world import room_geometry

from matrix3d_core.optimize.config import OptimizeConfig
from matrix3d_core.optimize.init import init_gaussians, surfels_from_pinhole
from matrix3d_core.optimize.strategies import STRATEGIES
from matrix3d_core.optimize.strategies.base import Growth, Strategy
from matrix3d_core.optimize.trainer_cpu import CpuTrainer
from matrix3d_core.optimize.trainer_torch import TorchTrainer
from matrix3d_core.optimize.trainers import known_depth
from matrix3d_core.optimize.views import TrainingImage, perspective_crop, pinhole_window
from matrix3d_core.raster.splat import SPLAT_BACKENDS
from matrix3d_core.scene.camera import Equirect, Pinhole

HERE = torch.eye(4, dtype=torch.float64)
OFF_CENTER = Pinhole((24, 32), torch.tensor([[30.0, 0, 9], [0, 20.0, 17], [0, 0, 1]], dtype=torch.float64))


def wall(camera, distance=2.0):
    """A wall straight ahead, square to the axis: a picture of it whose distances are known everywhere."""
    far = distance / camera.rays()[..., 2].clamp_min(1e-3)
    near = torch.stack((1 / far, torch.ones_like(far), torch.zeros_like(far)), -1).float()
    picture = TrainingImage(
        torch.rand(*camera.size_px, 3), torch.ones(camera.size_px), HERE, camera, inverse_depth=near
    )
    return picture, far


@pytest.mark.parametrize("way", ["window", "crop", "compiled crop"])
def test_known_depth_lies_along_the_views_axis(way):
    if way == "window":
        view = pinhole_window(wall(OFF_CENTER)[0], 3, 5, 16, 20)
        depth, weight = known_depth(view).unbind(-1)
    else:
        view = perspective_crop(wall(Equirect((128, 256)))[0], torch.eye(3, dtype=torch.float64), 24)
        trainer = CpuTrainer(
            init_gaussians(geometry=room_geometry(), max_gaussians=100).gaussians, OptimizeConfig()
        )
        known = known_depth(view) if way == "crop" else trainer._known_depth(view)
        depth, weight = known.unbind(-1)
    assert float(weight.min()) > 1 - 1e-5
    # Bilinear in 1 / distance, whose second derivative is below 1 / distance: off by (pi / 128)^2 / 8 of it.
    torch.testing.assert_close(depth, torch.full_like(depth, 2.0), rtol=2e-3, atol=0)


def drop_every_other(present, *, most, min_opacity, random):
    kept = torch.arange(0, len(present.means), 2)
    still = torch.zeros(len(kept), dtype=torch.bool)
    return Growth(
        kept, present.means[kept], present.scales[kept], present.opacities[kept], torch.ones(len(kept)), still
    )


@pytest.mark.parametrize("backend", ["compiled", "torch"])
def test_a_strategy_of_ones_own_is_a_function(backend, monkeypatch):
    monkeypatch.setitem(STRATEGIES, "adc", Strategy(drop_every_other))
    start = init_gaussians(geometry=room_geometry(), max_gaussians=400).gaussians
    config = OptimizeConfig(densify="adc", crop_size_px=32)
    origins = (torch.arange(len(start)) % 3).to(torch.uint8)
    if backend == "compiled":
        trainer = CpuTrainer(start, config, origins=origins)
    else:
        render = SPLAT_BACKENDS.load("torch")[1]
        trainer = TorchTrainer(start, config, render, torch.device("cpu"), origins=origins)
    before = trainer.gaussians()
    assert trainer.densify(torch.Generator()) == len(start) - len(start) // 2
    for value, old in zip(trainer.gaussians().tensors(), before.tensors(), strict=True):
        torch.testing.assert_close(value, old[::2], rtol=1e-5, atol=1e-6)  # logarithms and back: a few ulp
    assert torch.equal(trainer.origins(), origins[::2])
    picture = TrainingImage(torch.rand(48, 96, 3), torch.ones(48, 96), HERE, Equirect((48, 96)), math.pi / 2)
    assert math.isfinite(trainer.step(perspective_crop(picture, torch.eye(3, dtype=torch.float64), 32), 1.0))


def test_surfels_of_an_off_center_camera_lie_on_the_wall():
    picture, far = wall(OFF_CENTER)
    made = surfels_from_pinhole(picture.rgb, far, OFF_CENTER)
    assert len(made) == 24 * 32
    torch.testing.assert_close(made.means[:, 2], torch.full((len(made),), 2.0), rtol=1e-6, atol=0)
    column, row = torch.meshgrid(torch.arange(32) + 0.5, torch.arange(24) + 0.5, indexing="xy")
    expected = torch.stack(((column - 9) / 30 * 2, (row - 17) / 20 * 2), -1).reshape(-1, 2)
    torch.testing.assert_close(made.means[:, :2], expected, rtol=1e-5, atol=1e-5)
