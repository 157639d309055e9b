"""Panoramic video along a camera path with Wan image-to-video through diffusers."""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..diffusion.conditioning import (
    GuidanceClip,
    clip_pixels,
    describe_conditioning,
    pack_mask,
    prepare_guidance,
    to_unit,
)
from ..diffusion.latent_roll import ROLL_MODES
from ..diffusion.schedule import flow_sigmas, round_timesteps
from ..diffusion.sizes import check_size, fit_frame_count, latent_frames, latent_size
from ..diffusion.video_codec import VIDEO_SEAM_MODES, decode_video, encode_video
from ..errors import InvalidInput
from ..io.video import write_mp4
from ..panorama.composite_known import composite_texels
from ..progress import ProgressEvent, ProgressFn, no_progress
from ..scene.panorama import PanoramaGeometry
from ..scene.trajectory import Trajectory
from ..video.continued_guidance import check_continuable, continued_guidance
from ..video.path import sample_path
from ..video.prompts import apply_prompt_preset
from ..video.segments import Segment, plan_segments
from .latent_roll import StepCounter, plan_rolls, rolled_network
from .parallel import distributed, enable_context_parallel
from .pipeline_lora import LoraChoice, apply_lora
from .pipelines import PipelineSource, choose_device, opened_pipeline, place, require_packages
from .world import WorldConfig, build_geometry, plan_path

__all__ = [
    "VIDEO_MODEL",
    "VideoConfig",
    "VideoResult",
    "check_model",
    "condition_latents",
    "decode_frames",
    "encode_first_frame",
    "encode_text",
    "latent_statistics",
    "make_panorama_video",
    "make_video",
    "sample_latents",
    "video_from_guidance",
]

WHAT = "making videos with Wan"
VIDEO_MODEL = "Wan-AI/Wan2.1-I2V-14B-480P-Diffusers"
_FACTOR = 8
_TOKENS = 512
_CHANNELS = 16


@dataclass(frozen=True)
class VideoConfig:
    """Settings of a panoramic video; the defaults are upstream's for 480 rows, the border aside.

    Attributes:
        height: rows; a multiple of 16.
        width: columns; a multiple of 16, twice the rows for a whole panorama.
        steps: sampling steps.
        cfg: classifier-free guidance; 1 leaves out the negative prompt and halves the time.
        shift: of the noise levels.
        seed: of the noise; segment n uses ``seed + n``.
        latent_roll: how the latent is rolled while sampling, one of `ROLL_MODES`; upstream does not.
        encode_seam_mode: how guidance is encoded, one of `VIDEO_SEAM_MODES`.
        decode_seam_mode: how the video is decoded, one of `VIDEO_SEAM_MODES`.
        tiled: with ``circular``: in wrap-around tiles, which needs less memory.
        transposed: resize guidance through upstream's transposed intermediate.
        blacken: black where the mask is below one half.
        bf16_timesteps: pass rounded timesteps to the network, as upstream does.
        frames_per_segment: maximum frames at once, 4k + 1.
        overlap: frames that a segment takes over from the one before, 4k + 1.
        fit_frames: what to do with a number of frames that is not 4k + 1, one of `FRAME_FITS`.
        use_frame: wrap the prompts in upstream's wording.
        texels: also write the video with the guidance's own pixels wherever there are any, at its size.
        fps: of the written video.
    """

    height: int = 480
    width: int = 960
    steps: int = 50
    cfg: float = 5.0
    shift: float = 5.0
    seed: int = 0
    latent_roll: str = "off"
    encode_seam_mode: str = "circular"
    decode_seam_mode: str = "circular"
    tiled: bool = True
    transposed: bool = True
    blacken: bool = True
    bf16_timesteps: bool = False
    frames_per_segment: int = 81
    overlap: int = 9
    fit_frames: str = "exact"
    use_frame: bool = True
    texels: bool = True
    fps: float = 24.0


@dataclass(frozen=True)
class VideoResult:
    """A panoramic video.

    Attributes:
        frames: ``[T, H, W, 3]`` float32 in [0, 1].
        latents: ``[1, 16, t, H/8, W/8]`` float32, normalized as the network has them.
        report: settings and numbers, JSON-serializable.
    """

    frames: Tensor
    latents: Tensor
    report: dict[str, Any] = field(default_factory=dict)


def make_video(
    prompt: str,
    frames: Tensor,  # [T, H0, W0, 3]
    mask: Tensor,  # [T, H0, W0]
    *,
    out_dir: str | Path,
    trajectory: Trajectory | None = None,
    geometry: PanoramaGeometry | None = None,
    start: Tensor | None = None,  # [H1, W1, 3]
    source: PipelineSource | None = None,
    config: VideoConfig | None = None,
    lora: LoraChoice | None = None,
    negative: str = "",
    progress: ProgressFn = no_progress,
) -> dict[str, Path]:
    """Load Wan, make a video from guidance, write it, and free Wan.

    Writes ``video.mp4``, ``latents.safetensors`` (``latents [1, 16, t, h, w]``, normalized), ``prompt.txt``
    and ``report.json``, with a trajectory also ``cameras.json``, with whole panoramas ``composite.mp4``; each
    appears under its name only when it is complete. Started by torchrun, every process takes a part of
    the work and the first one writes.

    Args:
        prompt: description of the scene.
        frames: ``[T, H0, W0, 3]`` guidance in [0, 1].
        mask: ``[T, H0, W0]``, 1 = seen.
        out_dir: made when missing.
        trajectory: the path of the guidance.
        geometry: the source panorama; with it and the path, guidance for later segments is also rendered
            from the last generated frame.
        start: the panorama, which becomes frame 0.
        source: the model; Wan 2.1 I2V 14B 480P from the hub's cache when None.
        config: settings.
        lora: a panorama video LoRA.
        negative: added to upstream's negative prompt, or all of it without ``config.use_frame``.
        progress: called between steps; raising in it cancels and frees the model.

    Returns:
        Path of each file by name; empty in all processes but the first.

    Raises:
        InvalidInput: for settings or guidance out of range, or a model that cannot see guidance.
        BackendUnavailable: when packages or weights are not here.
        FormatError: when weights are damaged.
        WeightsMismatch: when the LoRA does not fit the model.
    """
    source, config = source or PipelineSource(VIDEO_MODEL), config or VideoConfig()
    _check(config)
    if geometry is not None and trajectory is not None:
        check_continuable(len(frames), config.height, config.width, trajectory)
    folder = Path(out_dir)
    folder.mkdir(parents=True, exist_ok=True)
    with distributed(choose_device(source.device)) as process_group:
        report_progress = progress if process_group.is_first else no_progress
        clip = prepare_guidance(
            frames,
            mask,
            config.height,
            config.width,
            count=fit_frame_count(len(frames), config.fit_frames),
            start=start,
            transposed=config.transposed,
            blacken=config.blacken,
            progress=report_progress,
        )
        started = time.perf_counter()
        report_progress(ProgressEvent(0, 1, "load model"))
        with opened_pipeline("WanImageToVideoPipeline", source, WHAT) as pipeline:
            check_model(pipeline)
            lora_report = apply_lora(pipeline.transformer, lora).describe() if lora else ""
            device = place(pipeline, source)
            enable_context_parallel(
                pipeline.transformer, process_group, tokens=_count_tokens(config, len(clip))
            )
            report_progress(ProgressEvent(1, 1, "load model"))
            loaded = time.perf_counter()
            result = video_from_guidance(
                pipeline,
                prompt,
                clip,
                config=config,
                negative=negative,
                geometry=geometry,
                trajectory=trajectory,
                device=device,
                progress=report_progress,
            )
        if not process_group.is_first:
            return {}
    report = {
        **result.report,
        "model": source.model,
        "lora": lora_report,
        "processes": process_group.size,
        "seconds": {"load": round(loaded - started, 2), "make": round(time.perf_counter() - loaded, 2)},
    }
    files = _write(folder, prompt, result, trajectory, report, config, progress)
    if config.texels and config.width == 2 * config.height and frames.shape[2] == 2 * frames.shape[1]:
        count = min(len(frames), len(result.frames))
        whole = composite_texels(result.frames[:count], frames[:count], mask[:count], progress=progress)
        files["composite.mp4"] = folder / "composite.mp4"
        write_mp4(files["composite.mp4"], whole, fps=config.fps, progress=progress)
    return files


def make_panorama_video(
    panorama: Tensor,  # [H, W, 3]
    prompt: str,
    *,
    out_dir: str | Path,
    depth_ray: Tensor | None = None,  # [H', W']
    trajectory: Trajectory | None = None,
    world: WorldConfig,
    source: PipelineSource | None = None,
    config: VideoConfig | None = None,
    lora: LoraChoice | None = None,
    negative: str = "",
    progress: ProgressFn = no_progress,
) -> dict[str, Path]:
    """Give a panorama its geometry, render guidance along a path, and make the video; see `make_video`.

    Args:
        panorama: ``[H, W, 3]`` float32 in [0, 1], ``W == 2 * H``.
        prompt: description of the scene.
        out_dir: made when missing.
        depth_ray: ``[H', W']`` ray distances, or None for a ground plane and a sky dome.
        trajectory: the path; None takes the preset of ``world``.
        world: geometry, path and size of the guidance.
        source: the model.
        config: settings of the video.
        lora: a panorama video LoRA.
        negative: see `make_video`.
        progress: called between steps; raising in it cancels.

    Returns:
        Path of each file by name; also ``guidance.mp4`` and ``geometry.safetensors``.

    Raises:
        InvalidInput: for settings out of range.
        BackendUnavailable: when packages, weights or backends are not here.
        FormatError: when weights are damaged.
        WeightsMismatch: when the LoRA does not fit the model.
    """
    from ..guidance.render import render_guidance
    from ..io.geometry import write_geometry

    config = config or VideoConfig()
    _check(config)  # before the work on geometry, not after it
    require_packages(WHAT)
    geometry = build_geometry(panorama, depth_ray, world, progress)
    if trajectory is None:
        trajectory, _ = plan_path(geometry, world)
    plan_segments(
        fit_frame_count(len(trajectory), config.fit_frames), config.frames_per_segment, config.overlap
    )
    height = world.width // 2
    guidance = render_guidance(
        geometry,
        trajectory,
        height=height,
        mesh_height=height,
        edge_threshold=world.edge_threshold,
        backend=world.backend_mesh,
        progress=progress,
    )
    is_whole = config.width == 2 * config.height and len(trajectory) > config.frames_per_segment
    files = make_video(
        prompt,
        guidance.rgb,
        guidance.mask,
        out_dir=out_dir,
        trajectory=trajectory,
        geometry=geometry if is_whole else None,
        source=source,
        config=config,
        lora=lora,
        negative=negative,
        progress=progress,
    )
    if files:
        files |= {name: Path(out_dir) / name for name in ("guidance.mp4", "geometry.safetensors")}
        write_mp4(files["guidance.mp4"], guidance.rgb, fps=config.fps, progress=progress)
        write_geometry(files["geometry.safetensors"], geometry)
    return files


def video_from_guidance(
    pipeline: Any,
    prompt: str,
    clip: GuidanceClip,
    *,
    config: VideoConfig,
    negative: str = "",
    geometry: PanoramaGeometry | None = None,
    trajectory: Trajectory | None = None,
    device: torch.device | str = "cpu",
    progress: ProgressFn = no_progress,
) -> VideoResult:
    """Make a video from prepared guidance.

    Args:
        pipeline: a diffusers `WanImageToVideoPipeline` with a Wan 2.1 network, placed.
        prompt: description of the scene.
        clip: of `prepare_guidance`, in the size of ``config``.
        config: settings.
        negative: see `make_video`.
        geometry: see `make_video`.
        trajectory: see `make_video`.
        device: where the pipeline computes.
        progress: called between steps; raising in it cancels.

    Raises:
        InvalidInput: for settings out of range, or a model that cannot see guidance.
    """
    check_model(pipeline)
    _check(config)
    plan = plan_segments(len(clip), config.frames_per_segment, config.overlap)
    if config.use_frame:
        wanted, unwanted = apply_prompt_preset("video", prompt, negative)
    else:
        wanted, unwanted = prompt, negative
    progress(ProgressEvent(0, 1, "read prompt"))
    text = encode_text(pipeline, wanted, unwanted if config.cfg != 1.0 else None, device)
    progress(ProgressEvent(1, 1, "read prompt"))

    def generate(part: GuidanceClip, index: int) -> Tensor:
        condition = condition_latents(pipeline, part, config=config, device=device, progress=progress)
        image = encode_first_frame(pipeline, part, device)
        shape = (1, _CHANNELS, *condition.shape[2:])
        noise = torch.randn(shape, generator=torch.Generator("cpu").manual_seed(config.seed + index))
        return sample_latents(
            pipeline.transformer,
            noise,
            condition,
            text,
            image,
            config=config,
            device=device,
            phase=f"sample segment {index + 1} of {len(plan)}" if len(plan) > 1 else "sample video",
            progress=progress,
        )

    def decode(latents: Tensor) -> Tensor:
        made = decode_frames(pipeline, latents, config, device, progress)
        pipeline.maybe_free_model_hooks()
        return made

    def continue_guidance(part: GuidanceClip, segment: Segment, known: Tensor) -> GuidanceClip:
        assert geometry is not None
        assert trajectory is not None
        better, share = continued_guidance(part, segment, known[-1], geometry, trajectory, progress=progress)
        added[f"{segment.start}-{segment.stop - 1}"] = round(share, 4)
        return better

    added: dict[str, float] = {}
    continues = geometry is not None and trajectory is not None and len(plan) > 1
    video = sample_path(
        clip, plan, generate, decode, continue_guidance=continue_guidance if continues else None
    )
    report = {
        "config": asdict(config),
        "prompt": wanted,
        "negative": unwanted,
        "guidance": describe_conditioning(clip, factor=_FACTOR),
        "segments": [[segment.start, segment.stop] for segment in plan],
        "seams": [str(seam) for seam in video.seams],
        "guidance_added_share": added,
    }
    return VideoResult(video.frames, video.latents, report)


@torch.no_grad()
def sample_latents(
    network: Any,
    noise: Tensor,  # [1, 16, t, h, w]
    condition: Tensor,  # [1, 20, t, h, w]
    text: tuple[Tensor, Tensor | None],
    image: Tensor | None = None,
    *,
    config: VideoConfig,
    device: torch.device | str = "cpu",
    phase: str = "sample video",
    progress: ProgressFn = no_progress,
) -> Tensor:  # [1, 16, t, h, w]
    """Sample one segment: flow matching, Euler, classifier-free guidance.

    Args:
        network: a `WanTransformer3DModel` that takes 36 channels.
        noise: ``[1, 16, t, h, w]`` normal, float32.
        condition: mask (4 channels, 1 = given) and encoded guidance (16), of `condition_latents`.
        text: states of the prompt and of the negative one (None with cfg 1), ``[1, 512, D]``.
        image: CLIP states of frame 0, ``[1, tokens, D]``, when the network uses them.
        config: settings.
        device: where the network computes.
        phase: name for the progress.
        progress: called before the first and after each step; raising in it cancels.

    Returns:
        float32 on the CPU.
    """
    from diffusers import FlowMatchEulerDiscreteScheduler

    scheduler: Any = FlowMatchEulerDiscreteScheduler(shift=1.0)  # our levels are shifted already
    scheduler.set_timesteps(sigmas=flow_sigmas(config.steps, config.shift)[:-1].tolist(), device=device)
    scheduler.set_begin_index(0)
    plan = plan_rolls(config.latent_roll, config.steps, noise.shape[-1], config.seed)
    counter = StepCounter()
    dtype = network.dtype
    latents, condition = noise.to(device, torch.float32), condition.to(device, torch.float32)
    sides = [side.to(device, dtype) for side in text if side is not None]
    image = None if image is None else image.to(device, dtype)
    progress(ProgressEvent(0, config.steps, phase))
    with rolled_network(network, plan, counter):
        for step, timestep in enumerate(scheduler.timesteps):
            counter.step = step
            passed = round_timesteps(timestep) if config.bf16_timesteps else timestep
            given = torch.cat((latents, condition), 1).to(dtype)
            answers = [
                network(
                    hidden_states=given,
                    timestep=passed.expand(1),
                    encoder_hidden_states=states,
                    encoder_hidden_states_image=image,
                    return_dict=False,
                )[0].float()
                for states in sides
            ]
            flow = answers[0] if len(answers) == 1 else answers[1] + config.cfg * (answers[0] - answers[1])
            latents = scheduler.step(flow, timestep, latents, return_dict=False)[0]
            progress(ProgressEvent(step + 1, config.steps, phase))
    return torch.roll(latents.float().cpu(), -plan.final, -1)


@torch.no_grad()
def condition_latents(
    pipeline: Any,
    clip: GuidanceClip,
    *,
    config: VideoConfig,
    device: torch.device | str = "cpu",
    progress: ProgressFn = no_progress,
) -> Tensor:  # [1, 20, t, h, w]
    """Encode guidance: 4 channels of mask (1 = given) and 16 of latent, normalized as the network has them.

    Args:
        pipeline: its VAE encodes.
        clip: of `prepare_guidance`.
        config: how to treat the border.
        device: where the VAE computes.
        progress: called between tiles.
    """
    vae = pipeline.vae
    mean, deviation = latent_statistics(vae)

    def encode(pixels: Tensor) -> Tensor:
        video = (to_unit(pixels) * 2 - 1).movedim(-1, 0).unsqueeze(0)
        latent = vae.encode(video.to(device, vae.dtype)).latent_dist.mode()
        result: Tensor = (latent.float().cpu() - mean) / deviation
        return result

    latent = encode_video(
        encode,
        clip.frames,
        factor=_FACTOR,
        seam_mode=config.encode_seam_mode,
        tiled=config.tiled,
        progress=progress,
    )
    known = pack_mask(clip.mask, latent.shape[-2], latent.shape[-1], _FACTOR).unsqueeze(0)
    return torch.cat((known, latent), 1)


@torch.no_grad()
def decode_frames(
    pipeline: Any,
    latents: Tensor,  # [1, 16, t, h, w]
    config: VideoConfig,
    device: torch.device | str = "cpu",
    progress: ProgressFn = no_progress,
) -> Tensor:  # [T, H, W, 3]
    """Decode normalized latents to frames in [0, 1]; ``config`` says how the border is treated."""
    vae = pipeline.vae
    mean, deviation = latent_statistics(vae)

    def decode(part: Tensor) -> Tensor:
        raw = part.float() * deviation + mean
        video = vae.decode(raw.to(device, vae.dtype), return_dict=False)[0]
        result: Tensor = (video.float().cpu() / 2 + 0.5).clamp(0, 1).movedim(1, -1)
        return result

    return decode_video(
        decode,
        latents,
        factor=_FACTOR,
        seam_mode=config.decode_seam_mode,
        tiled=config.tiled,
        progress=progress,
    )


def latent_statistics(vae: Any) -> tuple[Tensor, Tensor]:
    """Return mean and deviation of the VAE's latents, ``[1, 16, 1, 1, 1]``."""
    mean, deviation = (torch.tensor(values) for values in (vae.config.latents_mean, vae.config.latents_std))
    return mean.view(1, -1, 1, 1, 1), deviation.view(1, -1, 1, 1, 1)


@torch.no_grad()
def encode_text(
    pipeline: Any, prompt: str, negative: str | None, device: torch.device | str
) -> tuple[Tensor, Tensor | None]:
    """Return the states ``[1, 512, D]`` of a prompt and of a negative one, None without; padding is zero."""
    result: tuple[Tensor, Tensor | None] = pipeline.encode_prompt(
        prompt=prompt,
        negative_prompt=negative,
        do_classifier_free_guidance=negative is not None,
        max_sequence_length=_TOKENS,
        device=torch.device(device),
    )
    return result


@torch.no_grad()
def encode_first_frame(pipeline: Any, clip: GuidanceClip, device: torch.device | str) -> Tensor | None:
    """Return CLIP's states ``[1, tokens, D]`` of the first frame; None where the network takes none."""
    if pipeline.transformer.config.image_dim is None:
        return None
    tower = pipeline.image_encoder
    pixels = clip_pixels(clip.frames[0]).unsqueeze(0).to(device, tower.dtype)
    result: Tensor | None = tower(pixel_values=pixels, output_hidden_states=True).hidden_states[-2]
    return result


def check_model(pipeline: Any) -> None:
    """Raise unless the pipeline's network takes guidance in the form it is given here.

    Raises:
        InvalidInput: for text-to-video, Wan 2.2's 5B and two-network models, or a missing CLIP tower.
    """
    network = pipeline.transformer
    if network is None or pipeline.transformer_2 is not None:
        raise InvalidInput(
            "model must have one network; this one has two (Wan 2.2 A14B). The panorama video LoRAs are for "
            "Wan 2.1 I2V 14B: take that."
        )
    channels, wanted = int(network.config.in_channels), 2 * _CHANNELS + 4
    if channels == 48:
        raise InvalidInput(
            "model must be Wan 2.1 I2V; this is Wan 2.2 5B, which needs an extra layer that diffusers does not "
            "have. Use it in ComfyUI, with PanoLoRA and PanoVideoSampler."
        )
    if channels != wanted:
        raise InvalidInput(
            f"model must take {wanted} channels (latent, mask, image latent); this one takes {channels} and "
            "cannot see guidance. Take Wan 2.1 I2V 14B."
        )
    if network.config.image_dim is not None and pipeline.image_encoder is None:
        raise InvalidInput(
            "model must have image_encoder, the CLIP tower that its network uses; it has none."
        )


def _check(config: VideoConfig) -> None:
    check_size(config.height, config.width, factor=_FACTOR)
    flow_sigmas(config.steps, config.shift)
    for name, value, known in (
        ("latent_roll", config.latent_roll, ROLL_MODES),
        ("encode_seam_mode", config.encode_seam_mode, VIDEO_SEAM_MODES),
        ("decode_seam_mode", config.decode_seam_mode, VIDEO_SEAM_MODES),
    ):
        if value not in known:
            raise InvalidInput(f"{name} must be one of {', '.join(known)}; got {value!r}.")


def _count_tokens(config: VideoConfig, frames: int) -> int:
    longest = max(
        len(segment) for segment in plan_segments(frames, config.frames_per_segment, config.overlap)
    )
    height, width = latent_size(config.height, config.width, factor=_FACTOR)
    return latent_frames(longest) * (height // 2) * (width // 2)


def _write(
    folder: Path,
    prompt: str,
    result: VideoResult,
    trajectory: Trajectory | None,
    report: dict[str, Any],
    config: VideoConfig,
    progress: ProgressFn,
) -> dict[str, Path]:
    from ..io.atomic import open_atomically
    from ..io.cameras_json import write_trajectory
    from ..io.tensors import write_tensors

    files = {name: folder / name for name in ("video.mp4", "latents.safetensors")}
    write_mp4(files["video.mp4"], result.frames, fps=config.fps, progress=progress)
    about = {
        "space": "Wan 2.1",
        "scale": "normalized, as the network has it",
        "shape": "batch channels time h w",
    }
    write_tensors(files["latents.safetensors"], {"latents": result.latents}, about)
    if trajectory is not None:
        files["cameras.json"] = folder / "cameras.json"
        write_trajectory(files["cameras.json"], trajectory, layout="matrix3d")
    for name, text in {"prompt.txt": prompt, "report.json": json.dumps(report, indent=2) + "\n"}.items():
        files[name] = folder / name
        with open_atomically(files[name]) as file:
            file.write(text.encode())
    return files
