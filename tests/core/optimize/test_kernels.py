"""The compiled loss, crop and optimizer steps against their plain torch twins."""

from __future__ import annotations

import math

import pytest
import torch
from tiny_world import look_from, room_geometry, straight_path

from matrix3d_core.optimize import kernels_numba
from matrix3d_core.optimize.config import OptimizeConfig
from matrix3d_core.optimize.init import init_gaussians
from matrix3d_core.optimize.losses import photometric_loss
from matrix3d_core.optimize.trainer_cpu import CpuTrainer
from matrix3d_core.optimize.trainer_torch import TorchTrainer
from matrix3d_core.optimize.views import (
    TrainingImage,
    View,
    ViewSampler,
    held_out_frames,
    key_frames,
    perspective_crop,
)
from matrix3d_core.raster.splat import SPLAT_BACKENDS
from matrix3d_core.scene.camera import Equirect


@pytest.mark.parametrize("size", [(11, 11), (24, 41)])
@pytest.mark.parametrize("share", [0.0, 0.2, 1.0])
def test_loss_and_gradient_match_autograd(size, share):
    rng = torch.Generator().manual_seed(0)
    picture = torch.rand(*size, 3, generator=rng)
    target = (picture + 0.2 * torch.randn(*size, 3, generator=rng)).clamp(0, 1)
    weight = torch.rand(size, generator=rng)
    leaf = picture.double().requires_grad_()
    expected = photometric_loss(leaf, target.double(), weight.double(), share)
    expected.backward()
    loss, gradient = kernels_numba.loss_and_gradient(picture.numpy(), target.numpy(), weight.numpy(), share)
    assert loss == pytest.approx(float(expected.detach()), rel=5e-6)  # seen: 1.3e-6
    # float32 sums of 121 terms; variances as E[x^2] - E[x]^2 lose about 1e-7 / C2 = 1e-4. Seen: 2e-6.
    assert (torch.from_numpy(gradient) - leaf.grad).norm() < 2e-5 * leaf.grad.norm()


@pytest.mark.parametrize(("yaw", "crop"), [(0.0, 6), (2.5, 1), (0.0, 0), (-1.0, 11)])
def test_crop_matches_the_panorama_lookup(yaw, crop):
    rng = torch.Generator().manual_seed(crop)
    panorama, weight = torch.rand(20, 40, 3, generator=rng), torch.rand(20, 40, generator=rng)
    sampler_crop = _crops()[crop] @ _yaw(yaw)
    view = perspective_crop(
        panorama_image(panorama, weight, fov_rad=math.radians(100)),
        sampler_crop,
        33,
    )
    rgb, weights = view.crop()
    got, got_weight = torch.empty(33, 33, 3), torch.empty(33, 33)
    kernels_numba.crop_panorama(
        33,
        panorama.numpy(),
        weight.numpy(),
        sampler_crop.contiguous().numpy(),
        view.camera.focal_px[0],
        got.numpy(),
        got_weight.numpy(),
    )
    # Both in float64 up to the blend: a pixel coordinate is good to 1e-13, a blend to 4 ulp.
    torch.testing.assert_close(got, rgb, rtol=0, atol=2e-6)
    torch.testing.assert_close(got_weight, weights, rtol=0, atol=2e-6)


def _crops():
    from matrix3d_core.geometry.crops import upstream_crop_rotations

    return upstream_crop_rotations()


def panorama_image(rgb, weight, pose=None, fov_rad=math.pi / 2):
    pose = torch.eye(4, dtype=torch.float64) if pose is None else pose
    return TrainingImage(rgb, weight, pose, Equirect((rgb.shape[0], rgb.shape[1])), fov_rad)


def _yaw(angle):
    c, s = math.cos(angle), math.sin(angle)
    return torch.tensor([[c, 0, s], [0, 1, 0], [-s, 0, c]], dtype=torch.float64)


def view_of_room(size=40) -> View:
    rgb, _ = look_from((0.1, 0.05, 0.3))
    pose = torch.eye(4, dtype=torch.float64)
    pose[:3, 3] = -torch.tensor([0.1, 0.05, 0.3])
    return perspective_crop(panorama_image(rgb, torch.ones(48, 96), pose), _crops()[6], size)


@pytest.mark.parametrize("lr_scale", [None, (1.0, 0.3, 0.0)])
def test_compiled_steps_match_torch_adam(lr_scale):
    """The same view again and again: what is in view must move as torch.optim.Adam moves it."""
    start = init_gaussians(geometry=room_geometry(), max_gaussians=800).gaussians
    config = OptimizeConfig(steps=6, crop_size_px=40)
    view = view_of_room()
    shares = None if lr_scale is None else torch.tensor(lr_scale).repeat(len(start))[: len(start)]
    fast = CpuTrainer(start, config, lr_scale=shares)
    plain = TorchTrainer(start, config, SPLAT_BACKENDS.load("numba")[1], torch.device("cpu"), lr_scale=shares)
    for step in range(6):
        loss_fast, loss_plain = fast.step(view, 0.9**step), plain.step(view, 0.9**step)
        assert loss_fast == pytest.approx(loss_plain, rel=2e-4)
    moved = False
    for a, b, first in zip(
        fast.gaussians().tensors(), plain.gaussians().tensors(), start.tensors(), strict=True
    ):
        scale = (b - first).abs().max()
        moved |= bool(scale > 1e-3)
        # Adam divides by the size of the gradient, so a gradient that is nothing but rounding still moves by
        # a full step: compare the typical step, not the worst.
        assert (a - b).abs().mean() < 0.01 * scale + 1e-7
    assert moved
    if shares is not None:
        far = [(g.gaussians().means - start.means).norm(dim=-1) for g in (fast, plain)]
        for moves in far:
            assert float(moves[shares == 0].max()) < 1e-6  # means are kept as steps from where they were
            assert float(moves[shares == 1].mean()) > 2 * float(moves[shares == 0.3].mean()) > 0


def test_what_is_out_of_view_does_not_move():
    start = init_gaussians(geometry=room_geometry(), max_gaussians=800).gaussians
    trainer = CpuTrainer(start, OptimizeConfig(steps=3, crop_size_px=40))
    before = trainer.gaussians()
    for _ in range(3):
        trainer.step(view_of_room(), 1.0)
    after = trainer.gaussians()
    behind = before.means[:, 2] < -0.5
    assert int(behind.sum()) > 100
    for a, b in zip(before.select(behind).tensors(), after.select(behind).tensors(), strict=True):
        assert torch.equal(a, b)
    assert not torch.equal(before.means, after.means)


@pytest.mark.parametrize("trainer", ["fast", "plain"])
def test_parameters_stay_sane(trainer):
    """Huge learning rates against a random target."""
    start = init_gaussians(geometry=room_geometry(), max_gaussians=500).gaussians
    config = OptimizeConfig(
        steps=8,
        crop_size_px=32,
        lr_scales=3.0,
        lr_opacities=30.0,
        lr_colors=3.0,
        lr_quats=3.0,
        lr_means=1.0,
    )
    rng = torch.Generator().manual_seed(0)
    noise = panorama_image(torch.rand(48, 96, 3, generator=rng), torch.ones(48, 96), fov_rad=1.5)
    view = perspective_crop(noise, _crops()[6], 32)
    if trainer == "fast":
        subject = CpuTrainer(start, config)
    else:
        subject = TorchTrainer(start, config, SPLAT_BACKENDS.load("numba")[1], torch.device("cpu"))
    for _ in range(8):
        subject.step(view, 1.0)
    result = subject.gaussians()
    result.check_finite()
    size = start.scales.median(dim=-1).values[:, None]
    assert bool((result.scales <= 10.01 * size).all())
    assert bool((result.scales >= 0.05 * size).all())
    assert 0 <= float(result.colors.min()) <= float(result.colors.max()) <= 1 + 1e-6
    assert 0 < float(result.opacities.min()) <= float(result.opacities.max()) < 1
    torch.testing.assert_close(result.quats_wxyz.norm(dim=-1), torch.ones(len(start)), rtol=0, atol=1e-5)


def test_a_broken_gradient_is_skipped():
    start = init_gaussians(geometry=room_geometry(), max_gaussians=500).gaussians
    trainer = CpuTrainer(start, OptimizeConfig(steps=2, crop_size_px=32))
    poisoned = panorama_image(torch.full((48, 96, 3), torch.nan), torch.ones(48, 96), fov_rad=1.5)
    trainer.step(perspective_crop(poisoned, _crops()[6], 32), 1.0)
    trainer.gaussians().check_finite()


def test_key_and_held_out_frames():
    assert key_frames(1, 8) == [0]
    assert key_frames(49, 8) == [0, 8, 16, 24, 32, 40, 48]
    assert key_frames(20, 8) == [0, 8, 16, 19]
    assert held_out_frames([0, 8, 16, 19], 9) == [4, 12, 17]
    assert held_out_frames([0, 1, 2], 9) == []
    assert held_out_frames(list(range(0, 81, 8)), 4) == [12, 28, 52, 68]
    for count, stride, most in ((81, 8, 4), (49, 5, 3), (7, 2, 2)):
        keys = key_frames(count, stride)
        assert not set(keys) & set(held_out_frames(keys, most))


def test_views_repeat_for_a_seed_and_differ_for_another():
    frames = torch.rand(9, 16, 32, 3)
    keys = key_frames(9, 4)

    def draw(seed):
        sampler = ViewSampler(
            frames,
            straight_path(9),
            keys,
            geometry=room_geometry(16),
            mask=None,
            config=OptimizeConfig(seed=seed),
        )
        return torch.stack([sampler.draw().camera_from_world for _ in range(40)])

    assert torch.equal(draw(3), draw(3))
    assert not torch.equal(draw(3), draw(4))


def test_every_direction_is_looked_at():
    sampler = ViewSampler(
        torch.rand(1, 16, 32, 3),
        straight_path(1),
        [0],
        geometry=room_geometry(16),
        mask=None,
        config=OptimizeConfig(),
    )
    forwards = torch.stack([sampler.draw().camera_from_world[2, :3] for _ in range(400)])
    corners = torch.cartesian_prod(*[torch.tensor([-1.0, 1.0], dtype=torch.float64)] * 3) / math.sqrt(3)
    poles = torch.tensor([[0.0, 1.0, 0.0], [0.0, -1.0, 0.0]], dtype=torch.float64)
    assert float((torch.cat((corners, poles)) @ forwards.T).amax(1).min()) > math.cos(math.radians(25))
