"""What a fit can do beyond the plain one: go on after a stop, grow, compensate, use pinhole frames, tell origins."""

from __future__ import annotations

import json
import math
import re
import sys
from dataclasses import replace

import pytest
import torch
from tiny_world import look_from, room_frames, room_geometry, straight_path

from matrix3d_core.depth.plane_sweep import can_plane_sweep, plane_sweep_depth
from matrix3d_core.errors import Cancelled, FormatError, InvalidInput, Matrix3DError
from matrix3d_core.geometry.crops import crop_erp
from matrix3d_core.geometry.pinhole import intrinsics_from_fov
from matrix3d_core.optimize import checkpoint, loop
from matrix3d_core.optimize.compensation import ExposureModel, pose_from_twist
from matrix3d_core.optimize.init import init_gaussians
from matrix3d_core.optimize.loop import OptimizeConfig, optimize_gaussians
from matrix3d_core.optimize.strategies import STRATEGIES
from matrix3d_core.optimize.strategies.adc import prune_and_split
from matrix3d_core.optimize.strategies.base import Population
from matrix3d_core.optimize.strategies.mcmc import relocate_and_sample
from matrix3d_core.optimize.trainer_cpu import CpuTrainer
from matrix3d_core.optimize.views import choose_key_frames
from matrix3d_core.scene.label_colors import ORIGIN_COLORS, color_by_label
from matrix3d_core.scene.labels import ORIGINS
from matrix3d_core.scene.trajectory import Trajectory

QUICK = OptimizeConfig(steps=24, max_gaussians=1200, crop_size_px=32, key_frame_stride=2, preview_every=50)


def world(count=5, **fields):
    path = straight_path(count, **fields)
    frames, distance = room_frames(path)
    return (
        frames,
        path,
        {"geometry": room_geometry(), "depth_ray": distance, "mask": torch.ones(distance.shape)},
    )


def same(a, b) -> bool:
    return all(torch.equal(x, y) for x, y in zip(a.tensors(), b.tensors(), strict=True))


GROWING = replace(
    QUICK, densify="adc", densify_every=6, exposure="affine", refine_poses=True, depth_weight=0.1
)


@pytest.mark.parametrize("config", [QUICK, GROWING], ids=["plain", "everything"])
def test_going_on_after_a_stop_gives_the_same_bits(config, tmp_path):
    frames, path, extras = world()
    whole = optimize_gaussians(frames, path, **extras, config=config)

    def stop(event):
        if event.phase.startswith("fit splats: step 16"):
            raise Cancelled("stop")

    with pytest.raises(Cancelled):
        optimize_gaussians(frames, path, **extras, config=config, checkpoint=tmp_path, progress=stop)
    assert len(list(tmp_path.iterdir())) == 1
    rest = optimize_gaussians(frames, path, **extras, config=config, checkpoint=tmp_path)
    assert rest.report["resumed_at"] == 16
    assert same(rest.gaussians, whole.gaussians)
    assert torch.equal(rest.gaussians.origins, whole.gaussians.origins)
    assert rest.report["loss"] == whole.report["loss"]
    assert not list(tmp_path.iterdir())  # taken away at the end


@pytest.mark.parametrize("other", ["settings", "frames", "version"])
def test_a_checkpoint_of_another_fit_is_left_alone_and_named_where_it_may_be_meant(
    other, tmp_path, caplog, monkeypatch
):
    frames, path, extras = world()

    def stop(event):
        if event.done >= 10:
            raise Cancelled("stop")

    with pytest.raises(Cancelled):
        optimize_gaussians(frames, path, **extras, config=QUICK, checkpoint=tmp_path, progress=stop)
    (file,) = tmp_path.iterdir()
    config = QUICK
    if other == "settings":
        config = replace(QUICK, seed=1)
    elif other == "frames":
        frames = frames.flip(0)
    else:
        monkeypatch.setattr(checkpoint, "_VERSION", checkpoint._VERSION + 1)
    fitted = optimize_gaussians(frames, path, **extras, config=config, checkpoint=tmp_path)
    assert fitted.report["resumed_at"] == 0
    said = [line for line in fitted.report["warnings"] if file.name in line]
    if other == "frames":
        assert said == []  # another video in the same folder
        return
    assert "This fit starts from step 0: " in said[0]
    assert ("at step 11, has others" if other == "settings" else "must be of version 3; got 2") in said[0]
    assert said[0] in caplog.text
    monkeypatch.undo()
    file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(FormatError, match="Delete it"):
        optimize_gaussians(frames, path, **extras, config=QUICK, checkpoint=tmp_path)


def test_memory_is_stated_first_and_running_out_makes_crops_smaller(monkeypatch):
    frames, path, extras = world()
    calls, plain = [], CpuTrainer.step

    def step(self, view, rate):
        calls.append(view.camera.height)
        if view.camera.height > 64:
            raise MemoryError
        return plain(self, view, rate)

    monkeypatch.setattr(CpuTrainer, "step", step)
    events = []
    config = replace(QUICK, steps=4, crop_size_px=128)
    monkeypatch.setattr(loop, "_compile", lambda *_: None)
    result = optimize_gaussians(frames, path, **extras, config=config, progress=events.append)
    assert "GB will be needed" in events[0].phase
    assert result.report["crop_size_px"] == 64
    assert any("memory ran out" in line for line in result.report["warnings"])
    assert calls == [128, 64, 64, 64, 64]

    def fail(*_):
        raise MemoryError

    monkeypatch.setattr(CpuTrainer, "step", fail)
    with pytest.raises(Matrix3DError, match="Lower max_gaussians"):
        optimize_gaussians(frames, path, **extras, config=config)


@pytest.mark.parametrize("way", STRATEGIES)
@pytest.mark.parametrize("backend", ["numba", "torch"])
def test_growing_keeps_below_the_cap(way, backend):
    frames, path, extras = world()
    config = replace(
        QUICK,
        densify=way,
        densify_every=4,
        init_ratio=0.5,
        max_gaussians=700,
        backend=backend,
        steps=24 if backend == "numba" else 10,
        held_out_max=0 if backend == "torch" else 2,
    )
    result = optimize_gaussians(frames, path, **extras, config=config)
    first = sum(result.report["gaussians_initial"].values())
    assert first < len(result.gaussians) <= 700
    assert len(result.gaussians.origins) == len(result.gaussians)
    result.gaussians.check_finite()


def surfels(count=40, seed=0):
    rng = torch.Generator().manual_seed(seed)
    means = torch.randn(count, 3, generator=rng)
    quats = torch.nn.functional.normalize(torch.randn(count, 4, generator=rng), dim=-1)
    scales = 0.05 + 0.2 * torch.rand(count, 3, generator=rng)
    opacities = 0.1 + 0.8 * torch.rand(count, generator=rng)
    still = torch.zeros(count, dtype=torch.bool)
    return Population(means, quats, scales, opacities, torch.zeros(count), still)


def test_splitting_drops_the_clear_and_keeps_the_middle_in_place():
    present = surfels()
    present.opacities[5] = 0.001
    present.score[7] = 1.0
    plan = prune_and_split(present, most=100, min_opacity=0.02)
    assert 5 not in plan.parents.tolist()
    assert plan.parents.tolist().count(7) == 2
    pair = (plan.parents == 7).nonzero()[:, 0]
    torch.testing.assert_close(plan.means[pair].mean(0), present.means[7], rtol=0, atol=1e-6)
    assert float(plan.scales[pair].max()) < float(present.scales[7].max())
    assert plan.is_new.sum() == 2
    full = prune_and_split(replace(present, score=torch.ones(40)), most=41, min_opacity=0.02)
    assert len(full.parents) <= 41


def test_moving_shares_opacity_so_that_light_stays():
    present = surfels()
    present.opacities[:10] = 0.001
    plan = relocate_and_sample(present, most=42, min_opacity=0.02, random=torch.Generator().manual_seed(1))
    assert len(plan.parents) == 42
    assert not set(plan.parents.tolist()) & set(range(10))
    through = torch.ones(40, dtype=torch.float64)
    for parent, opacity in zip(plan.parents.tolist(), plan.opacities.tolist(), strict=True):
        through[parent] *= 1 - opacity
    # The middle of a group lets as much light through as the one Gaussian did.
    torch.testing.assert_close(through[10:], 1 - present.opacities[10:].double(), rtol=0, atol=1e-5)


def flicker(frames):
    gains = torch.tensor([1.0, 0.8, 1.15, 0.9, 0.75])[:, None, None, None]
    return (frames * gains).clamp(0, 1)


@pytest.mark.parametrize("mode", ["gain", "affine", "grid"])
def test_exposure_is_taken_out(mode):
    """Frames flicker; the panorama does not. The world should have the panorama's colors."""
    frames, path, extras = world()
    config = replace(QUICK, steps=160, source_ratio=0.3, held_out_max=0)
    truth = optimize_gaussians(frames, path, **extras, config=config).gaussians.colors
    plain = optimize_gaussians(flicker(frames), path, **extras, config=config).gaussians.colors
    helped = optimize_gaussians(
        flicker(frames), path, **extras, config=replace(config, exposure=mode)
    ).gaussians.colors
    # Seen: 0.75 to 0.81 after 160 steps; without the change 1.
    assert float((helped - truth).abs().mean()) < 0.87 * float((plain - truth).abs().mean())


def test_color_changes_start_at_none_and_have_right_slopes():
    rgb = torch.rand(6, 7, 3, generator=torch.Generator().manual_seed(0))
    for mode in ("gain", "affine", "grid"):
        changed, parameters = ExposureModel(mode, 3).apply(rgb, 1)
        torch.testing.assert_close(changed, rgb)
        (slope,) = torch.autograd.grad(changed.sum(), parameters)
        assert float(slope.abs().max()) > 0
    same_picture, none = ExposureModel("off", 3).apply(rgb, 1)
    assert none is None
    assert same_picture is rgb


def test_a_twist_is_a_rigid_motion():
    motion = pose_from_twist(torch.tensor([0.1, -0.2, 0.3, 1.0, 2.0, 3.0], dtype=torch.float64))
    torch.testing.assert_close(motion[:3, :3] @ motion[:3, :3].T, torch.eye(3, dtype=torch.float64))
    assert motion[:3, 3].tolist() == [1.0, 2.0, 3.0]


def test_poses_are_pulled_back():
    """Poses of the frames are turned by about a degree; refining takes part of the loss away."""
    frames, path, extras = world()
    rng = torch.Generator().manual_seed(2)
    bent = path.camera_from_world.clone()
    for k in range(1, len(bent)):
        twist = torch.cat((0.015 * torch.randn(3, generator=rng), torch.zeros(3))).double()
        bent[k] = pose_from_twist(twist) @ bent[k]
    wrong = Trajectory(bent)
    config = replace(QUICK, steps=200, source_ratio=0.3, held_out_max=0)
    plain = optimize_gaussians(frames, wrong, geometry=extras["geometry"], config=config)
    refined = optimize_gaussians(
        frames, wrong, geometry=extras["geometry"], config=replace(config, refine_poses=True)
    )
    assert refined.report["poses"]["rotation_max_deg"] > 0.2
    assert refined.report["loss"][-1] < plain.report["loss"][-1]


@pytest.mark.skipif(not can_plane_sweep(), reason="needs numba")
def test_distances_come_from_the_frames():
    path = straight_path(9, step=0.1)
    frames, distance = room_frames(path, height=96)
    found = plane_sweep_depth(frames, path, [0, 4, 8], nearest=0.7, farthest=20.0, rows=96)
    assert sorted(found) == [0, 4, 8]
    error = (found[4].depth_ray / distance[4] - 1).abs()
    # Half of the pixels within 5 %: the paint is smooth, and ahead the camera's motion shows nothing.
    assert float(error.median()) < 0.05
    assert float(error[found[4].is_confident].median()) <= float(error.median()) + 1e-6
    known = torch.where(
        torch.rand(distance[4].shape, generator=torch.Generator().manual_seed(0)) < 0.5,
        distance[4],
        torch.nan,
    )
    helped = plane_sweep_depth(frames, path, [4], known_depth={4: known}, nearest=0.7, farthest=20.0, rows=96)
    assert float((helped[4].depth_ray / distance[4] - 1).abs().median()) < 0.02


@pytest.mark.skipif(not can_plane_sweep(), reason="needs numba")
@pytest.mark.parametrize("part", [(slice(-2, None), slice(None)), (slice(None), slice(-1, None))])
def test_the_sweep_sees_every_row_and_column(part):
    """98 x 196 pixels averaged to 32 x 65: what the last two rows or the last column show changes the distances."""
    path = straight_path(5, step=0.1)
    frames, _ = room_frames(path, height=98)
    sweep = {"nearest": 0.7, "farthest": 20.0, "levels": 16, "rows": 33}
    plain = plane_sweep_depth(frames, path, [2], **sweep)[2].depth_ray
    assert plain.shape == (32, 65)
    frames[:, *part] = torch.rand(frames[:, *part].shape, generator=torch.Generator().manual_seed(0))
    changed = plane_sweep_depth(frames, path, [2], **sweep)[2].depth_ray
    assert bool((changed != plain)[-2:].any() if part[1] == slice(None) else (changed != plain)[:, -2:].any())


def test_a_camera_on_the_spot_gives_no_distance():
    path = straight_path(4, step=0.0)
    assert plane_sweep_depth(room_frames(path)[0], path, [0, 3]) == {}


def test_frames_alone_are_enough():
    path = straight_path(9, step=0.1)
    frames, _ = room_frames(path, height=96)
    config = replace(QUICK, steps=80, max_gaussians=4000, crop_size_px=64)
    result = optimize_gaussians(frames, path, config=config)
    assert result.report["distances_from_frames"]
    assert result.report["held_out"]["psnr"] > 20


@pytest.mark.skipif(not can_plane_sweep(), reason="needs numba")
def test_no_wall_of_a_room_is_taken_for_sky(monkeypatch):
    """Without sky the farthest distance tried is that of a wall: it must not join the shell that keeps its place."""
    seen = []
    plain = loop.init_gaussians

    def place(**given):
        seen.append(given["swept_depth"])
        return plain(**given)

    monkeypatch.setattr(loop, "init_gaussians", place)
    path = straight_path(9)
    optimize_gaussians(room_frames(path)[0], path, geometry=room_geometry(), config=replace(QUICK, steps=0))
    assert seen[0]
    assert not any(bool(found.is_sky.any()) for found in seen[0].values())


def test_pinhole_frames_with_intrinsics():
    size, K_px = (40, 56), intrinsics_from_fov(math.radians(80), 40, 56)
    poses = straight_path(6, step=0.08).camera_from_world
    path = Trajectory(poses, K_px=K_px.expand(6, 3, 3).clone(), image_size_px=size)
    frames, depth = [], []
    for pose in poses:
        rgb, distance = look_from(-pose[:3, :3].T @ pose[:3, 3], height=192)
        both = torch.cat((rgb, distance[..., None]), -1)
        crop = crop_erp(both, torch.eye(3, dtype=torch.float64)[None], K_px, *size)[0]
        frames.append(crop[..., :3])
        depth.append(crop[..., 3])
    frames, depth = torch.stack(frames), torch.stack(depth)
    config = replace(QUICK, steps=120, max_gaussians=3000, crop_size_px=32)
    first = optimize_gaussians(frames, path, depth_ray=depth, config=replace(config, steps=0))
    fitted = optimize_gaussians(frames, path, depth_ray=depth, config=config)
    assert first.report["held_out"]["psnr"] > 18
    assert fitted.report["held_out"]["psnr"] > first.report["held_out"]["psnr"]
    with pytest.raises(Matrix3DError, match="intrinsics are for, 56x40; got 40x40"):
        optimize_gaussians(frames[:, :, :40], path, config=config)


def test_a_world_is_extended_where_frames_look_past_it():
    frames, path, extras = world()
    start = init_gaussians(geometry=extras["geometry"], max_gaussians=1000).gaussians
    half = start.select(start.means[:, 0] < 0)
    given = {"initial": half, "depth_ray": extras["depth_ray"], "config": replace(QUICK, steps=0)}
    left = optimize_gaussians(frames, path, **given)
    grown = optimize_gaussians(frames, path, **{**given, "config": replace(QUICK, steps=0, extend=True)})
    assert grown.report["gaussians_initial"]["given"] == len(half)
    added = grown.gaussians.means[len(half) :]
    assert len(added) > 100
    assert float((added[:, 0] > -0.2).float().mean()) > 0.95
    assert grown.report["held_out"]["psnr"] > left.report["held_out"]["psnr"] + 3


def test_a_world_that_is_extended_gives_way_slowly():
    """Frames that contradict it: what is there stays with 0, moves less with a small share than with all rates."""
    frames, path, extras = world()
    start = init_gaussians(geometry=extras["geometry"], max_gaussians=1000).gaussians
    moved = {}
    for share in (0.0, 0.1, 1.0):
        config = replace(QUICK, steps=20, extend=True, lr_scale_existing=share, min_opacity=0.0)
        grown = optimize_gaussians(
            1 - frames, path, initial=start, depth_ray=extras["depth_ray"], config=config
        ).gaussians
        moved[share] = float((grown.colors[: len(start)] - start.colors).abs().mean())
    assert moved[0.0] < 1e-6
    assert 1e-4 < moved[0.1] < 0.3 * moved[1.0]


def test_whole_panoramas_teach_too():
    frames, path, extras = world()
    config = replace(QUICK, steps=60, source_ratio=0.0, view_mode="panorama", panorama_rows=48)
    first = optimize_gaussians(frames, path, **extras, config=replace(config, steps=0))
    fitted = optimize_gaussians(frames, path, **extras, config=config)
    assert fitted.report["held_out"]["psnr"] > first.report["held_out"]["psnr"]


def test_origins_follow_the_gaussians():
    frames, path, extras = world()
    extras["mask"][2, :, 20:40] = 0.0
    extras["depth_ray"] = extras["depth_ray"].clone()
    extras["depth_ray"][2, :, 20:40] *= 1.5  # something that the panorama does not show
    placed = init_gaussians(
        geometry=extras["geometry"],
        frames=frames,
        depth_ray=extras["depth_ray"],
        mask=extras["mask"],
        trajectory=path,
        key_frames=[0, 2, 4],
        max_gaussians=1000,
    )
    assert len(placed.gaussians.origins) == len(placed.gaussians) == sum(placed.counts.values())
    assert int((placed.gaussians.origins == 1).sum()) == placed.counts["filled"] > 0
    result = optimize_gaussians(frames, path, **extras, config=QUICK)
    assert sum(result.report["origins"].values()) == len(result.gaussians)
    assert set(result.report["origins"]) == set(ORIGINS)
    painted = color_by_label(result.gaussians)
    observed = painted.colors[result.gaussians.origins == 1]
    hue = torch.tensor(ORIGIN_COLORS[1])
    torch.testing.assert_close(
        torch.nn.functional.normalize(observed, dim=-1).mean(0),
        torch.nn.functional.normalize(hue, dim=-1),
        rtol=0,
        atol=0.05,
    )


def test_suspicious_inputs_are_said_in_words():
    frames, path, extras = world(step=0.3)
    config = replace(QUICK, steps=2)

    def warnings(**change):
        given = {"frames": frames, "trajectory": path, **extras, "config": config, **change}
        return " ".join(json.loads(json.dumps(optimize_gaussians(**given).report))["warnings"])

    assert "inverted" not in warnings()
    assert "single color" in warnings(frames=torch.full_like(frames, 0.4))
    assert "all alike" in warnings(frames=frames[:1].expand_as(frames).contiguous())
    backwards = Trajectory(torch.linalg.inv(path.camera_from_world))
    assert "look inverted" in warnings(trajectory=backwards)
    two = Trajectory(path.camera_from_world[:2])
    assert "only 2 frames" in warnings(
        frames=frames[:2], trajectory=two, depth_ray=extras["depth_ray"][:2], mask=extras["mask"][:2]
    )


def test_a_moving_thing_is_noticed():
    frames, path, extras = world()
    moving = frames.clone()
    for k in range(5):
        moving[k, 18:34, 10 + 14 * k : 26 + 14 * k] = torch.tensor([1.0, 0.0, 1.0])
    result = optimize_gaussians(moving, path, **extras, config=replace(QUICK, steps=60))
    assert any("something moves" in line for line in result.report["warnings"])


def test_key_frames_by_stride_parallax_and_all():
    path = straight_path(21, step=0.1)
    assert choose_key_frames(path, "stride", 10, held_out_max=4) == ([0, 10, 20], [5, 15])
    keys, held_out = choose_key_frames(path, "all", 10, held_out_max=1)
    assert held_out == [15]
    assert keys == [k for k in range(21) if k != 15]
    near, _ = choose_key_frames(path, "parallax", 1, nearest=2.0)
    far, _ = choose_key_frames(path, "parallax", 1, nearest=10.0)
    assert len(near) > len(far)
    assert near[0] == 0
    assert near[-1] == 20


def test_the_plot_is_a_picture():
    frames, path, extras = world()
    result = optimize_gaussians(frames, path, **extras, config=QUICK)
    assert result.curves.shape == (320, 640, 3)
    assert 0 <= float(result.curves.min()) < float(result.curves.max()) <= 1


@pytest.mark.parametrize("factor", [1e30, 1e-30])
def test_absurd_distances_are_refused(factor):
    frames, path, extras = world()
    geometry = replace(extras["geometry"], depth_ray=extras["geometry"].depth_ray * factor)
    with pytest.raises(InvalidInput, match=r"geometry: distances must lie between 1e-18 and 1e\+18"):
        optimize_gaussians(frames, path, geometry=geometry, config=QUICK)
    depth = extras["depth_ray"].clone()
    depth[1, 3, 4] *= 1e7
    with pytest.raises(
        InvalidInput, match=r"depth: .* a million times their median; got .* mark what is far"
    ):
        optimize_gaussians(frames, path, **{**extras, "depth_ray": depth}, config=QUICK)


def _full(folder):
    """Let no file of this process grow: what a full disk does, for the writer."""
    import resource

    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limit[1]))
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, limit)


def _no_folder(folder):
    """Nothing can be made below a file."""
    folder.write_text("a file")
    return lambda: None


@pytest.mark.skipif(sys.platform == "win32", reason="needs resource limits")
@pytest.mark.parametrize("degrade", [_full, _no_folder])
def test_a_fit_outlives_a_disk_that_takes_no_checkpoint(tmp_path, degrade):
    frames, path, extras = world()
    config = replace(QUICK, checkpoint_every=5)
    whole = optimize_gaussians(frames, path, **extras, config=config)  # also compiles, which writes files
    folder = tmp_path / "checkpoints"
    restore = degrade(folder)
    try:
        fitted = optimize_gaussians(frames, path, **extras, config=config, checkpoint=folder)
        with pytest.raises(Cancelled, match="stop"):
            optimize_gaussians(
                frames, path, **extras, config=config, checkpoint=folder, progress=_stop_at(12)
            )
    finally:
        restore()
    for a, b in zip(fitted.gaussians.tensors(), whole.gaussians.tensors(), strict=True):
        assert torch.equal(a, b)  # the same code on the same bytes
    said = [line for line in fitted.report["warnings"] if "checkpoint" in line]
    assert len(said) == 1
    assert re.match(
        rf"gs-\w+\.safetensors: the checkpoint cannot be written to {folder} \(.+\)\. Free", said[0]
    )
    assert not [p for p in tmp_path.rglob("*") if "partial" in p.name]


def _stop_at(step):
    def stop(event):
        if event.done >= step:
            raise Cancelled("stop")

    return stop
