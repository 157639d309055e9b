"""The whole fit on a tiny world: it learns, repeats, keeps its hands off what it must not see, and stops."""

from __future__ import annotations

import gc
import json
import math
import weakref
from dataclasses import replace

import pytest
import torch
from tiny_world import room_frames, room_geometry, straight_path

from matrix3d_core.errors import Cancelled, InvalidInput
from matrix3d_core.geometry.rotations import matrix_from_quats, matrix_from_yaw_pitch_roll
from matrix3d_core.optimize.config import for_filled_frames
from matrix3d_core.optimize.init import GaussianInit, init_gaussians
from matrix3d_core.optimize.loop import OptimizeConfig, optimize_gaussians, preset_config
from matrix3d_core.optimize.views import key_frames
from matrix3d_core.scene.gaussians import SH_C0, Gaussians
from matrix3d_core.scene.trajectory import Trajectory

QUICK = OptimizeConfig(steps=30, max_gaussians=1500, crop_size_px=32, key_frame_stride=2, preview_every=10)


def world(count=5):
    path = straight_path(count)
    frames, distance = room_frames(path)
    return (
        frames,
        path,
        {"geometry": room_geometry(), "depth_ray": distance, "mask": torch.ones(distance.shape)},
    )


def degraded(gaussians: Gaussians, seed=0) -> Gaussians:
    """Gray, jittered and turned."""
    rng = torch.Generator().manual_seed(seed)
    size = gaussians.scales.median(dim=-1).values[:, None]
    return replace(
        gaussians,
        means=gaussians.means + 0.5 * size * torch.randn(gaussians.means.shape, generator=rng),
        sh=0.3 * torch.randn(gaussians.sh.shape, generator=rng),
        opacities=torch.full_like(gaussians.opacities, 0.5),
    )


def same(a: Gaussians, b: Gaussians) -> bool:
    return all(
        x.shape == y.shape and torch.equal(x, y) for x, y in zip(a.tensors(), b.tensors(), strict=True)
    )


def test_recovers_a_world_from_noise():
    frames, path, extras = world()
    start = init_gaussians(geometry=extras["geometry"], max_gaussians=1500).gaussians
    settings = replace(QUICK, steps=250, crop_size_px=48, lr_colors=0.05)
    before = optimize_gaussians(frames, path, initial=degraded(start), config=replace(settings, steps=0))
    after = optimize_gaussians(frames, path, initial=degraded(start), config=settings)
    assert before.report["held_out"]["psnr"] < 16  # seen: 12.3
    assert after.report["held_out"]["psnr"] > 27  # seen: 30.3
    assert after.report["loss"][-1] < 0.25 * after.report["loss"][0]


def test_fit_improves_on_the_initial_surfels():
    frames, path, extras = world()
    first = optimize_gaussians(frames, path, **extras, config=replace(QUICK, steps=0))
    fitted = optimize_gaussians(frames, path, **extras, config=replace(QUICK, steps=150))
    assert fitted.report["held_out"]["psnr"] > first.report["held_out"]["psnr"] + 2
    assert fitted.report["held_out"]["ssim"] > first.report["held_out"]["ssim"]


def test_same_seed_same_bits():
    frames, path, extras = world()
    a, b = (optimize_gaussians(frames, path, **extras, config=QUICK) for _ in range(2))
    assert same(a.gaussians, b.gaussians)
    assert torch.equal(a.preview, b.preview)
    other = optimize_gaussians(frames, path, **extras, config=replace(QUICK, seed=1))
    assert not same(a.gaussians, other.gaussians)


def test_held_out_frames_are_never_trained_on():
    frames, path, extras = world()
    clean = optimize_gaussians(frames, path, **extras, config=QUICK)
    assert clean.report["held_out"]["frames"] == [1, 3]
    for poisoned_frame, is_trained_on in ((1, False), (3, False), (2, True)):
        poisoned = frames.clone()
        poisoned[poisoned_frame] = 1 - poisoned[poisoned_frame]
        result = optimize_gaussians(poisoned, path, **extras, config=QUICK)
        assert same(result.gaussians, clean.gaussians) != is_trained_on
        if not is_trained_on:
            assert result.report["held_out"]["psnr"] < clean.report["held_out"]["psnr"] - 3


def test_inputs_are_left_alone():
    frames, path, extras = world()
    start = init_gaussians(geometry=extras["geometry"], max_gaussians=500).gaussians
    kept = [
        t.clone()
        for t in (frames, extras["mask"], extras["depth_ray"], extras["geometry"].rgb, *start.tensors())
    ]
    optimize_gaussians(frames, path, **extras, initial=start, config=QUICK)
    now = (frames, extras["mask"], extras["depth_ray"], extras["geometry"].rgb, *start.tensors())
    assert all(torch.equal(a, b) for a, b in zip(kept, now, strict=True))


@pytest.mark.parametrize("at", [0, 1, 4])
def test_cancel_goes_through_and_frees_memory(at):
    frames, path, extras = world()
    calls = []

    def stop(event):
        calls.append(event)
        if len(calls) > at:
            raise Cancelled("stop")

    with pytest.raises(Cancelled):
        optimize_gaussians(frames, path, **extras, config=QUICK, progress=stop)
    assert len(calls) == at + 1
    alive = weakref.ref(frames)
    del frames
    gc.collect()
    assert alive() is None


@pytest.mark.parametrize("phase", ["prepare", "step 6 "])
def test_a_cancelled_fit_is_freed_while_its_error_is_kept(phase, monkeypatch):
    frames, path, extras = world()
    made = []
    init = GaussianInit.__init__

    def watched(self, *args, **kwargs):
        init(self, *args, **kwargs)
        made.append(weakref.ref(self.gaussians.means))

    def stop(event):
        if phase in event.phase:
            raise Cancelled("stop")

    monkeypatch.setattr(GaussianInit, "__init__", watched)
    with pytest.raises(Cancelled) as kept:
        optimize_gaussians(frames, path, **extras, config=QUICK, progress=stop)
    assert kept.value.__traceback__ is not None
    assert made
    assert all(means() is None for means in made)


def test_progress_has_time_left_and_pictures():
    frames, path, extras = world()
    events = []
    optimize_gaussians(frames, path, **extras, config=QUICK, progress=events.append)
    assert all(0 <= e.done <= e.total for e in events)
    assert [e.done for e in events] == sorted(e.done for e in events)
    assert any("left" in e.phase for e in events)
    pictures = [e.preview for e in events if e.preview is not None]
    assert len(pictures) >= 3
    assert all(p.shape == (384, 384, 3) and 0 <= float(p.min()) <= float(p.max()) <= 1 for p in pictures)


def test_report_is_json_with_counts_and_times():
    frames, path, extras = world()
    result = optimize_gaussians(frames, path, **extras, config=QUICK)
    report = json.loads(json.dumps(result.report, allow_nan=False))
    assert report["backend"] == "numba"
    assert report["gaussians"] == len(result.gaussians)
    assert report["gaussians"] + report["gaussians_dropped"] == sum(report["gaussians_initial"].values())
    assert report["key_frames"] == [0, 2, 4]
    assert set(report["seconds"]) == {"initial", "compile", "optimize", "measure"}
    assert report["steps"] == 30


def test_a_world_trajectory_carries_the_panorama_to_its_first_pose():
    turn = matrix_from_yaw_pitch_roll(*torch.tensor([0.7, 0.2, 0.1], dtype=torch.float64))
    at_origin = straight_path(3)
    moved = torch.eye(4, dtype=torch.float64)
    moved[:3, :3], moved[:3, 3] = turn, torch.tensor([3.0, -1.0, 2.0])
    elsewhere = Trajectory(at_origin.camera_from_world @ torch.linalg.inv(moved), frame_of_reference="world")
    frames, distance = room_frames(at_origin)
    common = {"geometry": room_geometry(), "depth_ray": distance, "config": replace(QUICK, steps=0)}
    here = optimize_gaussians(frames, at_origin, **common).gaussians
    there = optimize_gaussians(frames, elsewhere, **common).gaussians
    expected = here.means.double() @ turn.T + moved[:3, 3]
    torch.testing.assert_close(there.means.double(), expected, rtol=0, atol=2e-6)
    axes = turn.float() @ matrix_from_quats(here.quats_wxyz)
    torch.testing.assert_close(matrix_from_quats(there.quats_wxyz), axes, rtol=0, atol=1e-5)
    # And the fit sees the same pictures there.
    slow = for_filled_frames(QUICK, len(frames))  # at full rates rounding grows to more than the bound
    fitted = optimize_gaussians(frames, elsewhere, **{**common, "config": slow})
    reference = optimize_gaussians(frames, at_origin, **{**common, "config": slow})
    assert fitted.report["held_out"]["psnr"] == pytest.approx(reference.report["held_out"]["psnr"], abs=0.3)


def test_one_frame_two_frames_and_a_path_on_the_spot():
    for count, step in ((1, 0.1), (2, 0.1), (4, 0.0)):
        path = straight_path(count, step)
        frames, distance = room_frames(path)
        result = optimize_gaussians(frames, path, geometry=room_geometry(), depth_ray=distance, config=QUICK)
        result.gaussians.check_finite()
        if count <= 2:
            assert result.report["held_out"] == {"frames": [], "psnr": None, "ssim": None}


def test_depth_of_the_frames_is_enough_to_start():
    frames, path, extras = world()
    result = optimize_gaussians(frames, path, depth_ray=extras["depth_ray"], config=replace(QUICK, steps=60))
    assert result.report["held_out"]["psnr"] > 20


def test_constant_frames_stay_constant():
    frames, path, extras = world()
    gray = torch.full_like(frames, 0.4)
    extras["geometry"] = replace(extras["geometry"], rgb=torch.full_like(extras["geometry"].rgb, 0.4))
    result = optimize_gaussians(gray, path, **extras, config=QUICK)
    result.gaussians.check_finite()
    json.dumps(result.report, allow_nan=False)
    assert float((result.gaussians.colors - 0.4).abs().mean()) < 0.1


def test_continuing_reduces_color_to_its_base():
    frames, path, extras = world()
    start = init_gaussians(geometry=extras["geometry"], max_gaussians=500).gaussians
    bands = torch.zeros(len(start), 4, 3)
    bands[:, :1] = start.sh
    bands[:, 1:] = 0.1
    result = optimize_gaussians(
        frames, path, initial=replace(start, sh=bands), config=replace(QUICK, steps=0)
    )
    assert result.report["sh_bases_dropped"] == 3
    assert result.gaussians.sh.shape[1] == 1
    torch.testing.assert_close(result.gaussians.colors, 0.5 + SH_C0 * bands[:, 0], rtol=0, atol=1e-5)


def test_the_slow_backend_can_fit_too():
    frames, path, extras = world()
    settings = replace(QUICK, steps=3, max_gaussians=300, held_out_max=0, preview_every=100, backend="torch")
    result = optimize_gaussians(frames, path, **extras, config=settings)
    assert result.report["backend"] == "torch"
    result.gaussians.check_finite()


def test_wrong_inputs_are_named():
    frames, path, extras = world()
    cases = [
        ({"frames": frames[:3]}, "same length; got 3 frames and 5 poses"),
        ({"frames": frames[:, :, :90]}, "twice as wide"),
        ({"frames": frames[..., 0]}, "frames must have shape"),
        ({"frames": frames * torch.nan}, "frames must be finite"),
        ({"depth_ray": extras["depth_ray"][:2]}, "depth must have shape"),
        ({"depth_ray": -extras["depth_ray"]}, "depth must be positive"),
        ({"mask": extras["mask"][:, :10]}, "mask must have shape"),
        (
            {
                "initial": Gaussians(
                    *(t[:0] for t in init_gaussians(geometry=extras["geometry"]).gaussians.tensors())
                )
            },
            "at least one",
        ),
    ]
    for change, words in cases:
        with pytest.raises(InvalidInput, match=words):
            optimize_gaussians(**{"frames": frames, "trajectory": path, **extras, "config": QUICK, **change})
    with pytest.raises(InvalidInput, match="no geometry, no depth and no initial"):
        optimize_gaussians(frames, path, config=replace(QUICK, depth_from_frames="off"))


def test_settings_are_checked():
    for change, words in (
        ({"steps": -1}, "steps"),
        ({"crop_size_px": 4}, "crop_size_px"),
        ({"ssim_lambda": 1.5}, "ssim_lambda"),
        ({"lr_means": math.nan}, "lr_means"),
        ({"source_fov_deg": 170.0}, "source_fov_deg"),
        ({"rate_means": 0.1}, "rate_means is called lr_means now"),
        ({"lr_mean": 0.1}, "must be one of .*lr_means.*; got 'lr_mean'"),
    ):
        with pytest.raises(InvalidInput, match=words):
            preset_config("draft", **change)
    with pytest.raises(InvalidInput, match="preset must be one of draft, standard"):
        preset_config("best")


def test_poses_are_refined_inside_a_hosts_inference_mode():
    config = replace(QUICK, steps=2, max_gaussians=200, backend="torch", refine_poses=True)
    with torch.inference_mode():
        frames, path, extras = world()
        assert path.camera_from_world.is_inference()
        result = optimize_gaussians(frames, path, **extras, config=config)
    assert result.report["poses"]["shift_max"] > 0


@pytest.mark.parametrize(("count", "stride"), [(5, 4), (49, 4), (81, 6), (240, 8)])
def test_filled_guidance_has_key_frames_all_along_the_path(count, stride):
    """A loop of a fan of 49 frames has 12 frames: three of them are key frames."""
    assert for_filled_frames(preset_config("draft"), count).key_frame_stride == stride
    assert len(key_frames(count, stride)) >= min(count // 4, 12)


def test_filled_guidance_is_fitted_at_lower_rates():
    path = straight_path(3)
    frames, distance = room_frames(path)
    given = {"geometry": room_geometry(), "depth_ray": distance, "config": replace(QUICK, steps=0)}
    plain = optimize_gaussians(frames, path, **given).report["settings"]
    filled = optimize_gaussians(frames, path, mask=torch.ones(distance.shape), **given).report["settings"]
    assert filled["lr_means"] == pytest.approx(plain["lr_means"] / 4)
    assert filled["adam_eps_pixels"] > plain["adam_eps_pixels"]
    assert filled["lr_colors"] == plain["lr_colors"]
