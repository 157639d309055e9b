"""Training: losses, what is frozen, views, resuming; a dwarf model gets better on one clip."""

import json
import math

import pytest
import torch
from tiny_lrm import turning_path
from torch.utils.flop_counter import FlopCounterMode

from matrix3d_core import cli
from matrix3d_core.errors import FormatError, InvalidInput
from matrix3d_core.lrm.config import LRMConfig
from matrix3d_core.lrm.network import LatentLRM
from matrix3d_core.lrm.weights import build_lrm, read_lrm_weights
from matrix3d_core.scene.gaussians import SH_C0, Gaussians
from matrix3d_core.scene.trajectory import Trajectory
from matrix3d_core.training.clips import Clip, find_clips, read_clip, stand_in_latents, write_clip
from matrix3d_core.training.costs import saved_bytes
from matrix3d_core.training.loop import LoopConfig, RunOptions
from matrix3d_core.training.lrm import (
    TrainConfig,
    _draw_views,
    _forward,
    _sample_of,
    freeze_depth,
    held_out_psnr,
    lrm_costs,
    shape_loss,
    stage1_loss,
    stage2_loss,
    train,
    view_frames,
)

QUICK = {
    "precision": "fp32",
    "crop_px": 24,
    "views": 3,
    "chunk": 3,
    "checkpointing": False,
    "backend": "torch",
}


def room(count=11, height=64):
    """A colored ball room of radius 2 seen from a short path: every color and distance in closed form."""
    from matrix3d_core.geometry.spherical import erp_directions

    centers = torch.zeros(count, 3, dtype=torch.float64)
    centers[:, 2] = torch.linspace(0, 0.6, count, dtype=torch.float64)
    path = Trajectory.from_centers(torch.eye(3, dtype=torch.float64).repeat(count, 1, 1), centers)
    d = erp_directions(height, 2 * height, dtype=torch.float64)
    along = torch.einsum("hwc,tc->thw", d, centers)
    distance = -along + (along.square() - centers.square().sum(-1)[:, None, None] + 4).sqrt()
    point = centers[:, None, None] + distance.unsqueeze(-1) * d
    colors = 0.5 + 0.3 * torch.sin(2 * point)
    frames = (colors * 255).round().to(torch.uint8)
    latents = {
        1: stand_in_latents(frames[:9].float() / 255),
        2: stand_in_latents(frames[:9:2].float() / 255),
    }
    return Clip(frames, distance.float(), path, latents)


def dwarf(width=32):
    torch.manual_seed(0)
    return LatentLRM(
        LRMConfig(
            width=width, heads=2, ffn=64, stages=(8, 8, 16, 16), features=24, head_hidden=16, head_out=16
        )
    )


def test_stage_1_by_hand():
    config = TrainConfig(color_weight=2.0, depth_beta=1.0)
    depth = torch.tensor([[[1.0, 5.0]]])
    truth = torch.tensor([[[1.5, math.inf]]])
    attributes = torch.zeros(1, 14, 1, 2)
    attributes[0, 10:13] = 0.2 / SH_C0
    colors = torch.full((1, 1, 2, 3), 0.6)
    smooth = (0.5 * 0.5**2 + (25 - 0.5)) / 2  # sky counts as the range limit, 30
    assert float(stage1_loss(depth, attributes, truth, colors, config, 30.0)) == pytest.approx(
        smooth + 2 * 0.1
    )
    inverse = TrainConfig(color_weight=0.0, depth_loss="inverse")
    smooth = (0.5 * (1 - 1 / 1.5) ** 2 + 0.5 * (1 / 5 - 1 / 30) ** 2) / 2
    assert float(stage1_loss(depth, attributes, truth, colors, inverse, 30.0)) == pytest.approx(smooth)


def test_stage_2_by_hand():
    rng = torch.Generator().manual_seed(0)
    a, b = torch.rand(24, 24, 3, generator=rng), torch.rand(24, 24, 3, generator=rng)
    mse = float((a - b).square().mean())
    assert float(stage2_loss(a, b, TrainConfig(perceptual_weight=0.0))) == pytest.approx(mse)
    assert float(stage2_loss(a, a, TrainConfig())) == pytest.approx(0, abs=1e-6)
    inputs = []

    def lpips(x, y):
        inputs.append((x, y))
        return torch.tensor([[[[3.0]]]])

    assert float(stage2_loss(a, b, TrainConfig(perceptual_weight=0.1), lpips)) == pytest.approx(mse + 0.3)
    assert inputs[0][0].shape == (1, 3, 24, 24)
    torch.testing.assert_close(inputs[0][0][0].movedim(0, -1), 2 * a - 1)
    assert float(stage2_loss(a, b, TrainConfig())) > mse


def test_stage_2_only_learns_attributes():
    model = dwarf()
    learning = freeze_depth(model)
    assert {name.split(".")[0] for name in learning} == {"transformer_gs", "dpt_head_gs", "deconv3d_sh"}
    frozen = {name: p.clone() for name, p in model.named_parameters() if not p.requires_grad}
    assert any(name.startswith("transformer.layers.3") for name in frozen)


def test_views_are_a_third_of_each_kind_with_their_field_of_view():
    clip = room()
    sample = _sample_of(clip, 2, "cpu")
    assert sample.seen == [0, 2, 4, 6, 8]
    assert view_frames(11, sample.seen, "interpolated") == [1, 3, 5, 7]
    assert view_frames(11, sample.seen, "extrapolated") == [9, 10]
    assert torch.equal(sample.path.camera_from_world, clip.trajectory.camera_from_world[::2][:5])
    views = _draw_views(sample, TrainConfig(views=300), torch.Generator().manual_seed(0))
    assert [
        sum(v[0] in view_frames(11, sample.seen, k) for v in views)
        for k in ("context", "interpolated", "extrapolated")
    ] == [100] * 3
    assert {v[1] for v in views} == set(range(12))
    fov = torch.tensor([math.degrees(v[2]) for v in views])
    assert 60 <= float(fov.min()) < 65
    assert 115 < float(fov.max()) <= 120


def test_clips_survive_their_folder(tmp_path):
    clip = room()
    write_clip(tmp_path / "a" / "one", clip)
    (folder,) = find_clips(tmp_path)
    again = read_clip(folder)
    assert torch.equal(again.frames, clip.frames)
    torch.testing.assert_close(again.depth, clip.depth, rtol=1e-3, atol=0)  # kept as float16
    assert set(again.latents) == {1, 2}
    torch.testing.assert_close(again.trajectory.camera_from_world, clip.trajectory.camera_from_world)
    with pytest.raises(InvalidInput, match="found none below"):
        find_clips(tmp_path / "a" / "one" / "x")
    (folder / "clip.safetensors").write_bytes(b"no")
    with pytest.raises(FormatError, match=r"one/clip\.safetensors cannot be read"):
        read_clip(folder)
    with pytest.raises(InvalidInput, match="trajectory must have 11 poses"):
        Clip(clip.frames, clip.depth, turning_path(9), clip.latents)
    with pytest.raises(InvalidInput, match="latents of stride 2 are of 17 frames; the clip has 11"):
        Clip(clip.frames, clip.depth, clip.trajectory, {2: torch.zeros(16, 3, 8, 16)})


def visible(folder):
    return sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))


def test_a_stopped_run_goes_on_as_if_nothing_had_happened(tmp_path):
    clip, config = room(9, 32), TrainConfig(steps=4, lr=1e-3, save_every=2, **QUICK)
    clip = Clip(clip.frames, clip.depth, clip.trajectory, {1: clip.latents[1]})
    whole = train(dwarf(), [clip], tmp_path / "whole", config)
    assert len(whole.losses) == 4

    class Stop(Exception):
        pass

    def stop(event):
        if event.done == 3:
            raise Stop

    with pytest.raises(Stop):
        train(dwarf(), [clip], tmp_path / "cut", config, RunOptions(progress=stop))
    assert visible(tmp_path / "cut") == ["checkpoint-2", "checkpoint-3"]
    rest = train(dwarf(), [clip], tmp_path / "cut", config, RunOptions(resume=True))
    assert rest.first_step == 3
    assert rest.losses == whole.losses[3:]
    a, b = (read_lrm_weights(tmp_path / name / "lrm.safetensors").tensors for name in ("whole", "cut"))
    for name in a:
        assert torch.equal(a[name], b[name]), name
    assert visible(tmp_path / "cut") == ["checkpoint-3", "checkpoint-4", "lrm.safetensors"]
    with pytest.raises(InvalidInput, match="checkpoint-4 is of a run with stage 1, not 2"):
        train(dwarf(), [clip], tmp_path / "cut", TrainConfig(stage=2, **QUICK), RunOptions(resume=True))


def test_a_run_outlives_a_disk_that_takes_no_checkpoint(tmp_path, caplog):
    clip, config = room(9, 32), TrainConfig(steps=2, lr=1e-3, save_every=1, **QUICK)
    clip = Clip(clip.frames, clip.depth, clip.trajectory, {1: clip.latents[1]})
    (tmp_path / ".checkpoint-1.partial").write_text("a file where the folder should go")
    report = train(dwarf(), [clip], tmp_path, config)
    assert len(report.losses) == 2
    assert read_lrm_weights(tmp_path / "lrm.safetensors").tensors
    assert (tmp_path / "checkpoint-2").is_dir()
    assert not (tmp_path / "checkpoint-1").exists()
    assert "checkpoint-1 could not be written: " in caplog.text


def test_what_a_run_takes_is_counted_on_small_latents():
    """Predicted from 2 to 4 latent frames of 8x16; counted on 5 of 12x24."""
    model, config = dwarf(), TrainConfig(**{**QUICK, "chunk": 9})
    poses = torch.eye(4, dtype=torch.float64).repeat(17, 1, 1)
    latents = torch.randn(16, 5, 12, 24)
    clip = Clip(
        torch.zeros(17, 32, 64, 3, dtype=torch.uint8), torch.ones(17, 32, 64), Trajectory(poses), {1: latents}
    )
    loop = LoopConfig(steps=7, batch=3)
    found = lrm_costs(model, [clip], config, loop, processes=2)

    def run():
        depth, attributes = _forward(model, model.config, _sample_of(clip, 1, "cpu"), config)
        return depth.sum() + attributes.sum()

    assert found.activations == pytest.approx(saved_bytes(run, model), rel=0.03)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        run()
    # the coarsest map of a head is rounded up: 12 latents have 3 rows of it, 8 have 2
    assert found.flops == pytest.approx(3 * counter.get_total_flops() * 7 * 2, rel=0.02)
    assert found.trained == sum(p.numel() for p in model.parameters())
    freeze_depth(model)
    second = lrm_costs(model, [clip], TrainConfig(stage=2, **QUICK), loop)
    assert second.trained < found.trained
    assert second.weights == 4 * (found.trained - second.trained)


def test_opacity_and_size_are_regularized_by_hand():
    gaussians = Gaussians(
        torch.tensor([[0.0, 0, 2], [0, 0, 6]]),
        torch.tensor([[1.0, 0, 0, 0]]).expand(2, 4),
        torch.tensor([[0.1, 0.2, 0.3], [0.3, 0.3, 0.3]]),
        torch.tensor([0.2, 0.6]),
        torch.zeros(2, 1, 3),
    )
    poses = torch.eye(4, dtype=torch.float64).repeat(2, 1, 1)
    poses[1, 2, 3] = -3  # the second camera stands at z = 3
    config = TrainConfig(stage=2, opacity_weight=2.0, scale_weight=10.0)
    wanted = 2 * 0.4 + 10 * (0.2 / 1 + 0.3 / 3) / 2
    assert float(shape_loss(gaussians, Trajectory(poses), config)) == pytest.approx(wanted)
    assert float(shape_loss(gaussians, Trajectory(poses), TrainConfig(stage=2))) == 0


def test_all_at_once_moves_depth_too(tmp_path):
    clip, model = room(9, 32), dwarf()
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    config = TrainConfig(stage=2, freeze=False, batch=2, steps=2, lr=1e-3, opacity_weight=0.1, **QUICK)
    train(model, [clip], tmp_path, config)
    moved = {n.split(".")[0] for n, p in model.named_parameters() if not torch.equal(p.detach(), before[n])}
    assert {"transformer", "dpt_head", "deconv3d_dpt", "video_conv"} < moved


def test_stage_2_leaves_depth_alone_and_moves_the_rest(tmp_path):
    clip, model = room(9, 32), dwarf()
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    train(model, [clip], tmp_path, TrainConfig(stage=2, steps=2, lr=1e-3, **QUICK))
    moved = {n.split(".")[0] for n, p in model.named_parameters() if not torch.equal(p.detach(), before[n])}
    assert moved == {"transformer_gs", "dpt_head_gs", "deconv3d_sh"}
    found = held_out_psnr(
        build_lrm(read_lrm_weights(tmp_path / "lrm.safetensors")), clip, TrainConfig(**QUICK), count=2
    )
    assert found["psnr_db"] > 3


@pytest.mark.parametrize(
    "settings",
    [{"stage": 3}, {"depth_loss": "x"}, {"precision": "fp64"}, {"crop_px": 8}, {"fov_deg": (60.0, 180.0)}],
)
def test_settings_out_of_range(settings):
    with pytest.raises(InvalidInput, match=next(iter(settings))):
        TrainConfig(**settings)
    with pytest.raises(InvalidInput, match="at least one clip"):
        train(dwarf(), [], "unused")


def test_both_commands(tmp_path, capsys):
    """convert-lrm and train-lrm from the shell, one step each stage."""
    clip = room(9, 32)
    write_clip(
        tmp_path / "clips" / "room", Clip(clip.frames, clip.depth, clip.trajectory, {1: clip.latents[1]})
    )
    words = f"train-lrm {tmp_path / 'clips'} --out {tmp_path / 's1'} --width 16 --steps 1 --precision fp32"
    assert cli.main(words.split()) == 0
    trained = tmp_path / "s1" / "lrm.safetensors"
    assert capsys.readouterr().out.strip() == str(trained)
    state = json.loads((tmp_path / "s1" / "checkpoint-1" / "trainer.json").read_text())
    assert state["step"] == 1
    words = f"convert-lrm {trained} {tmp_path / 'slim.safetensors'} --dtype fp16"
    assert cli.main(words.split()) == 0
    said = capsys.readouterr()
    assert said.out.strip().endswith("slim.safetensors")
    assert "M parameters, float32, spherical cameras" in said.err
    assert read_lrm_weights(tmp_path / "slim.safetensors").config.width == 16
    assert cli.main(["convert-lrm", str(tmp_path / "gone.pt"), str(tmp_path / "x.safetensors")]) == 2
    assert "gone.pt does not exist" in capsys.readouterr().err
