"""What both trainers share: strategies, depth along the view's own axis, cameras off their center."""

from __future__ import annotations

import math

import pytest
import torch
from tiny_world import room_geometry, straight_path

from matrix3d_core.optimize.config import OptimizeConfig
from matrix3d_core.optimize.init import init_gaussians, surfels_from_pinhole
from matrix3d_core.optimize.strategies import STRATEGIES
from matrix3d_core.optimize.strategies.base import Growth, Strategy
from matrix3d_core.optimize.trainer_cpu import CpuTrainer
from matrix3d_core.optimize.trainer_torch import TorchTrainer
from matrix3d_core.optimize.trainers import known_depth
from matrix3d_core.optimize.views import TrainingImage, ViewSampler, perspective_crop, view_of
from matrix3d_core.raster.splat import SPLAT_BACKENDS
from matrix3d_core.scene.camera import Equirect, Pinhole
from matrix3d_core.scene.trajectory import Trajectory

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
        view = view_of(wall(OFF_CENTER)[0], OFF_CENTER.window(3, 5, 16, 20))
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
    start = start.with_labels(origins=torch.arange(len(start)) % 3, instances=torch.arange(len(start)))
    if backend == "compiled":
        trainer = CpuTrainer(start, config)
    else:
        render = SPLAT_BACKENDS.load("torch")[1]
        trainer = TorchTrainer(start, config, render, torch.device("cpu"))
    before = trainer.gaussians()
    assert trainer.densify(torch.Generator()) == len(start) - len(start) // 2
    for value, old in zip(trainer.gaussians().tensors(), before.tensors(), strict=True):
        torch.testing.assert_close(value, old[::2], rtol=1e-5, atol=1e-6)  # logarithms and back: a few ulp
    for kind in ("origins", "instances"):
        assert torch.equal(trainer.gaussians().labels[kind], start.labels[kind][::2])
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


def sampler_of(camera, source_rows=48, **settings):
    poses = straight_path(3).camera_from_world
    lens = {} if camera.wraps else {"K_px": camera.K_px.repeat(3, 1, 1), "image_size_px": camera.size_px}
    return ViewSampler(
        torch.rand(3, *camera.size_px, 3),
        Trajectory(poses, **lens),
        [0, 1, 2],
        geometry=room_geometry(source_rows),
        mask=None,
        config=OptimizeConfig(source_ratio=0.0, crop_size_px=20, **settings),
    )


@pytest.mark.parametrize(
    ("camera", "pictures"),
    [(Equirect((48, 96)), 2), (Equirect((64, 128)), 2), (OFF_CENTER, 3)],
    ids=["panorama", "finer panorama", "pinhole"],
)
def test_a_panorama_with_the_sources_pose_is_not_trained_on_twice(camera, pictures):
    assert len(sampler_of(camera).pictures) == pictures


def test_views_of_pinhole_frames_are_windows_or_whole():
    windows, sampler = set(), sampler_of(OFF_CENTER)
    for _ in range(20):
        view = sampler.draw()
        windows.add(view.camera.size_px)
        rgb, _ = view.crop()
        left, top = (int(v) for v in OFF_CENTER.K_px[:2, 2] - view.camera.K_px[:2, 2])
        assert torch.equal(rgb, view.picture.rgb[top : top + 20, left : left + 20])
    assert windows == {(20, 20)}
    whole = sampler_of(OFF_CENTER, view_mode="panorama", panorama_rows=16).draw()
    assert whole.camera == OFF_CENTER.resized(12, 16)
