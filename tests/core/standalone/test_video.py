"""Panoramic videos through diffusers on a tiny random Wan pipeline: end to end, conditioning, segments, several processes."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import programs
import pytest
import torch
from safetensors.torch import load_file

from matrix3d_core import cli
from matrix3d_core.diffusion.conditioning import prepare_guidance
from matrix3d_core.errors import BackendUnavailable, InvalidInput
from matrix3d_core.io.cameras_json import read_trajectory
from matrix3d_core.io.images import write_image
from matrix3d_core.standalone.pipelines import PipelineSource
from matrix3d_core.standalone.video import (
    VideoConfig,
    condition_latents,
    make_video,
    sample_latents,
    video_from_guidance,
)

ROOT = Path(__file__).resolve().parents[3]
SMALL = VideoConfig(32, 64, steps=2, tiled=False)


@pytest.fixture(scope="module")
def wan(wan_folder):
    from diffusers import WanImageToVideoPipeline

    pipeline = WanImageToVideoPipeline.from_pretrained(wan_folder, local_files_only=True)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def guidance(count=9, height=32, seed=0):
    generator = torch.Generator().manual_seed(seed)
    frames = torch.rand(count, height, 2 * height, 3, generator=generator)
    mask = (torch.rand(count, height, 2 * height, generator=generator) > 0.3).float()
    mask[0] = 1
    return frames, mask


def read_video(path):
    import av

    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(stream)]
        return torch.stack([torch.from_numpy(frame) for frame in frames]), float(stream.average_rate)


# End to end ------------------------------------------------------------------------------------------


def test_panorama_to_video_on_the_command_line(wan_folder, tmp_path, capsys):
    generator = torch.Generator().manual_seed(0)
    write_image(tmp_path / "panorama.png", torch.rand(64, 128, 3, generator=generator))
    (tmp_path / "prompt.txt").write_text("a quiet room\n")
    out = tmp_path / "out"
    words = f"--model {wan_folder} --dtype float32 --device cpu --size 32x64 --frames 9 --steps 2 --fps 12"
    words += " --guidance-width 128 --distance 0.5 --clearance 0"
    assert cli.main(["video", str(tmp_path / "panorama.png"), "--out", str(out), *words.split()]) == 0
    output = capsys.readouterr()
    names = {"video.mp4", "latents.safetensors", "cameras.json", "prompt.txt", "report.json"}
    names |= {"guidance.mp4", "composite.mp4", "geometry.safetensors"}
    assert {path.name for path in out.iterdir()} == names
    assert {line.rpartition("/")[2] for line in output.out.splitlines()} == names
    assert "sample video: 100%" in output.err
    frames, rate = read_video(out / "video.mp4")
    assert (tuple(frames.shape), rate) == ((9, 32, 64, 3), 12.0)
    assert tuple(read_video(out / "composite.mp4")[0].shape) == (9, 64, 128, 3)
    latents = load_file(out / "latents.safetensors")["latents"]
    assert latents.shape == (1, 16, 3, 4, 8)
    assert torch.isfinite(latents).all()
    trajectory = read_trajectory(out / "cameras.json")
    assert len(trajectory) == 9
    assert trajectory.length == pytest.approx(0.5, rel=1e-6)
    report = json.loads((out / "report.json").read_text())
    assert report["prompt"].startswith("a quiet room The video is of high quality")
    assert report["negative"].startswith("The video is not of a high quality")
    assert report["segments"] == [[0, 9]]
    assert report["processes"] == 1


def test_video_needs_a_prompt(tmp_path, capsys):
    write_image(tmp_path / "panorama.png", torch.rand(8, 16, 3))
    assert cli.main(["video", str(tmp_path / "panorama.png"), "--out", str(tmp_path / "o")]) == 2
    assert "--prompt must describe the scene; got none, and there is no" in capsys.readouterr().err


@pytest.mark.parametrize("size", ["480", "480*960", "ax960"])
def test_size_is_two_numbers(size, tmp_path, capsys):
    write_image(tmp_path / "panorama.png", torch.rand(8, 16, 3))
    words = ["video", str(tmp_path / "panorama.png"), "--prompt", "x", "--out", str(tmp_path), "--size", size]
    assert cli.main(words) == 2
    assert "--size must be HEIGHTxWIDTH, such as 480x960" in capsys.readouterr().err


def test_upstreams_settings_are_the_defaults():
    """Fact sheet 6.4 and 6.1."""
    config = VideoConfig()
    assert (config.steps, config.cfg, config.shift, config.seed) == (50, 5.0, 5.0, 0)
    assert (config.height, config.width, config.transposed, config.blacken) == (480, 960, True, True)
    assert (config.latent_roll, config.fps, config.frames_per_segment) == ("off", 24.0, 81)


# What the network gets -------------------------------------------------------------------------------


def test_the_network_gets_latent_mask_and_guidance_in_this_order(wan):
    frames, mask = guidance()
    clip = prepare_guidance(frames, mask, 32, 64)
    condition = condition_latents(wan, clip, config=replace(SMALL, encode_seam_mode="none"))
    seen = []

    def note(module, positional, named):
        seen.append({name: value for name, value in named.items() if isinstance(value, torch.Tensor)})

    hook = wan.transformer.register_forward_pre_hook(note, with_kwargs=True)
    try:
        video_from_guidance(wan, "a room", clip, config=replace(SMALL, encode_seam_mode="none", steps=3))
    finally:
        hook.remove()
    assert len(seen) == 6  # 3 steps, prompt and negative prompt
    noise = torch.randn(1, 16, 3, 4, 8, generator=torch.Generator().manual_seed(0))
    assert torch.equal(seen[0]["hidden_states"][:, :16], noise)
    for given in seen:
        assert given["hidden_states"].shape == (1, 36, 3, 4, 8)
        assert torch.equal(given["hidden_states"][:, 16:], condition)
        assert given["encoder_hidden_states"].shape == (1, 512, 32)
    # Shift 5 of three even levels: 1, 5 (2/3) / (1 + 4 (2/3)) = 10/11, 5/7.
    timesteps = [float(given["timestep"]) for given in seen[::2]]
    assert timesteps == pytest.approx([1000, 1000 * 10 / 11, 1000 * 5 / 7], rel=1e-6)
    # The mask is ours, four frames per latent frame, and continuous: diffusers' own pipeline would say
    # 1 for the first frame and 0 for all others.
    assert bool((condition[:, :4, 0] == 1).all())
    assert 0 < float(condition[:, :4, 1:].mean()) < 1
    assert torch.equal(
        condition[0, 2, 1],
        torch.nn.functional.interpolate(clip.mask[3][None, None].float() / 255, (4, 8), mode="bilinear")[
            0, 0
        ],
    )


def test_guidance_is_normalized_as_diffusers_pipeline_does_it(wan):
    """Against the pipeline's own conditioning of a first frame with black after it."""
    frames, _ = guidance(5)
    mask = torch.zeros(5, 32, 64)
    mask[0] = 1
    clip = prepare_guidance(frames, mask, 32, 64, transposed=False, eight_bit=False)
    ours = condition_latents(wan, clip, config=replace(SMALL, encode_seam_mode="none"))
    # The pipeline fills the other frames with 0, which is gray; the frames are black here, so -1.
    video = torch.full((1, 3, 5, 32, 64), -1.0)
    video[:, :, 0] = frames[0].movedim(-1, 0) * 2 - 1
    raw = wan.vae.encode(video).latent_dist.mode()
    mean = torch.tensor(wan.vae.config.latents_mean).view(1, 16, 1, 1, 1)
    deviation = torch.tensor(wan.vae.config.latents_std).view(1, 16, 1, 1, 1)
    torch.testing.assert_close(ours[:, 4:], (raw - mean) / deviation, rtol=1e-4, atol=1e-4)


def test_bf16_timesteps_are_upstreams(wan):
    """Fact sheet 6.4: 1000, 996, 992, ... 92.5."""
    timesteps = []
    hook = wan.transformer.register_forward_pre_hook(
        lambda module, positional, named: timesteps.append(float(named["timestep"])), with_kwargs=True
    )
    noise, condition, text = torch.zeros(1, 16, 1, 2, 2), torch.zeros(1, 20, 1, 2, 2), torch.zeros(1, 512, 32)
    image = torch.zeros(1, 5, 32)
    config = VideoConfig(16, 16, cfg=1.0, bf16_timesteps=True)
    try:
        sample_latents(wan.transformer, noise, condition, (text, None), image, config=config)
    finally:
        hook.remove()
    assert len(timesteps) == 50
    assert (timesteps[:3], timesteps[-1]) == ([1000.0, 996.0, 992.0], 92.5)


def test_cfg_1_leaves_out_the_negative_prompt(wan):
    clip = prepare_guidance(*guidance(5), 32, 64)
    calls = []
    hook = wan.transformer.register_forward_hook(lambda *_: calls.append(1))
    try:
        video_from_guidance(wan, "a room", clip, config=replace(SMALL, cfg=1.0))
    finally:
        hook.remove()
    assert len(calls) == SMALL.steps


@pytest.mark.parametrize("mode", ["none", "upstream", "circular"])
def test_every_codec_mode_runs(wan, mode):
    clip = prepare_guidance(*guidance(5), 32, 64)
    result = video_from_guidance(
        wan, "a room", clip, config=replace(SMALL, encode_seam_mode=mode, decode_seam_mode=mode, steps=1)
    )
    assert result.frames.shape == (5, 32, 64, 3)
    assert 0 <= float(result.frames.min()) <= float(result.frames.max()) <= 1


def test_circular_decode_closes_the_border(wan):
    from matrix3d_core.standalone.video import decode_frames

    latents = torch.randn(1, 16, 2, 4, 24, generator=torch.Generator().manual_seed(0))
    config = replace(SMALL, height=32, width=192)

    def decoded(mode, columns):
        frames = decode_frames(wan, latents.roll(columns, -1), replace(config, decode_seam_mode=mode))
        return frames.roll(-8 * columns, 2)

    def moved(mode):
        return float((decoded(mode, 0) - decoded(mode, 9)).abs().mean())

    # Not 0: the attention in the middle of the VAE also sees the margins. Seen: 0.05.
    assert moved("circular") < 0.1 * moved("none")


def test_long_paths_are_cut_and_joined(wan):
    clip = prepare_guidance(*guidance(17), 32, 64)
    config = replace(SMALL, frames_per_segment=9, overlap=1)
    result = video_from_guidance(wan, "a room", clip, config=config)
    assert result.report["segments"] == [[0, 9], [8, 17]]
    assert result.frames.shape == (17, 32, 64, 3)
    assert result.latents.shape == (1, 16, 5, 4, 8)
    assert len(result.report["seams"]) == 1
    first = video_from_guidance(wan, "a room", clip.part(0, 9), config=config)
    torch.testing.assert_close(result.frames[:8], first.frames[:8], rtol=0, atol=1e-5)


# Refusals --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "count", "says"),
    [
        ({"height": 40}, 9, "height and width must be multiples of 16"),
        ({}, 8, "number of frames must be 4k \\+ 1"),
        ({"steps": 0}, 9, "steps must be at least 1"),
        ({"shift": 0.0}, 9, "shift must be positive"),
        ({"encode_seam_mode": "wrapped"}, 9, "encode_seam_mode must be one of circular"),
        ({"overlap": 9, "frames_per_segment": 9}, 13, "overlap must be less than"),
    ],
)
def test_wrong_settings_are_refused(changes, count, says, wan_folder, tmp_path):
    source = PipelineSource(str(wan_folder), dtype="float32", device="cpu")
    with pytest.raises(InvalidInput, match=says):
        make_video("x", *guidance(count), out_dir=tmp_path, source=source, config=replace(SMALL, **changes))
    assert not list(tmp_path.iterdir())


def test_a_mask_of_another_length_is_refused(wan_folder, tmp_path):
    frames, mask = guidance(9)
    source = PipelineSource(str(wan_folder), dtype="float32", device="cpu")
    with pytest.raises(InvalidInput, match="mask must have one picture per frame; got 5 for 9 frames"):
        make_video("x", frames, mask[:5], out_dir=tmp_path, source=source, config=SMALL)


@pytest.mark.parametrize(
    ("channels", "image_dim", "second", "says"),
    [
        (16, None, False, "must take 36 channels .* takes 16 and cannot see guidance"),
        (48, None, False, "this is Wan 2.2 5B"),
        (36, None, True, "this one has two"),
    ],
)
def test_networks_that_cannot_see_guidance_are_refused(channels, image_dim, second, says):
    from types import SimpleNamespace

    from matrix3d_core.standalone.video import check_model

    network = SimpleNamespace(config=SimpleNamespace(in_channels=channels, image_dim=image_dim))
    pipeline = SimpleNamespace(transformer=network, transformer_2=network if second else None)
    with pytest.raises(InvalidInput, match=says):
        check_model(pipeline)


# Native weights, several processes -------------------------------------------------------------------


def test_native_weights_from_one_file(wan, wan_folder, tmp_path):
    """The same network from a file with native names, with the folder's configuration."""
    from native_wan import native_names

    from matrix3d_core.standalone.pipelines import opened_pipeline

    file = tmp_path / "wan.safetensors"
    native_names(wan.transformer, file)
    source = PipelineSource(str(wan_folder), transformer=str(file), dtype="float32", device="cpu")
    with opened_pipeline("WanImageToVideoPipeline", source, "a test") as pipeline:
        there = pipeline.transformer.state_dict()
        for name, tensor in wan.transformer.state_dict().items():
            assert torch.equal(tensor, there[name]), name


def run_two(tmp_path, wan_folder, *, height, width, pretend=True):
    given = tmp_path / "given.pt"
    torch.save(guidance(9, height), given)
    settings = {
        "pretend": pretend,
        "given": str(given),
        "out": str(tmp_path / "two"),
        "model": str(wan_folder),
        "height": height,
        "width": width,
    }
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    return subprocess.run(
        [*command, *programs.command("make_video", json.dumps(settings))[1:]],
        env=programs.environment(OMP_NUM_THREADS="1"),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="Gloo between two local processes")
def test_two_processes_give_what_one_gives(wan_folder, tmp_path):
    """On the CPU with Gloo; what NCCL and real GPUs do is not seen here."""
    height, width = 32, 64
    done = run_two(tmp_path, wan_folder, height=height, width=width)
    assert done.returncode == 0, done.stderr[-3000:]
    counts = sorted(line for line in done.stdout.splitlines() if line.startswith("FILES"))
    assert counts[0] == "FILES 0"  # only the first process writes
    assert counts[1] != "FILES 0"
    source = PipelineSource(str(wan_folder), dtype="float32", device="cpu")
    config = VideoConfig(height, width, steps=2)
    make_video("a room", *guidance(9, height), out_dir=tmp_path / "one", source=source, config=config)
    one, two = (load_file(tmp_path / name / "latents.safetensors")["latents"] for name in ("one", "two"))
    torch.testing.assert_close(two, one, rtol=1e-5, atol=1e-5)  # float32 sums over other head counts
    assert json.loads((tmp_path / "two" / "report.json").read_text())["processes"] == 2


@pytest.mark.parametrize(
    ("tokens", "heads", "size", "pads"), [(24, 2, 2, False), (9, 2, 2, True), (24, 40, 3, True)]
)
def test_numbers_that_do_not_divide_are_left_to_diffusers_padding(tokens, heads, size, pads, monkeypatch):
    """Only what is asked of diffusers: its padding computes sizes on a CUDA device."""
    from types import SimpleNamespace

    from matrix3d_core.standalone.parallel import ProcessGroup, enable_context_parallel

    asked = []
    network = SimpleNamespace(
        config=SimpleNamespace(num_attention_heads=heads),
        enable_parallelism=lambda *, config: asked.append(config),
    )
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: True)
    monkeypatch.setattr(torch.accelerator, "device_count", lambda: size)
    enable_context_parallel(network, ProcessGroup(0, size), tokens=tokens)
    assert [(config.ulysses_degree, config.ulysses_anything) for config in asked] == [(size, pads)]


def test_several_processes_without_gpus_are_refused():
    from matrix3d_core.standalone.parallel import ProcessGroup, enable_context_parallel

    if torch.accelerator.is_available():
        pytest.skip("there is a GPU")
    with pytest.raises(BackendUnavailable, match=r"torchrun started 2 processes; .* over GPUs only"):
        enable_context_parallel(None, ProcessGroup(0, 2), tokens=8)
