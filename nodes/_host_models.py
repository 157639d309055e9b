"""The host's video models and VAEs: what they are, and how they condition, encode, sample and decode."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import comfy.latent_formats
import comfy.ldm.wan.vae
import comfy.ldm.wan.vae2_2
import comfy.model_base
import comfy.model_management
import comfy.model_sampling
import comfy.sample
import comfy.samplers
import comfy.utils
import latent_preview
import node_helpers
import torch
from comfy.patcher_extension import WrappersMP
from torch import Tensor

from ..matrix3d_core.diffusion import video_codec as codec
from ..matrix3d_core.diffusion.conditioning import GuidanceClip, pack_mask, to_unit
from ..matrix3d_core.diffusion.schedule import (
    UPSTREAM_SCHEDULE,
    SamplingPreset,
    describe_step,
    flow_sigmas,
    preview_frame,
    round_timesteps,
)
from ..matrix3d_core.diffusion.sizes import latent_frames, latent_size
from ..matrix3d_core.errors import InvalidInput
from ..matrix3d_core.progress import ProgressFn
from ._host import PromptServer
from ._host_roll import install_latent_roll
from ._host_wan5b import EXTRA_LAYER, extra_channels

__all__ = [
    "SAMPLERS",
    "SCHEDULERS",
    "VideoKind",
    "check_clip_vision",
    "check_video_model",
    "condition_video",
    "decode_video",
    "encode_video",
    "free_memory",
    "prepare_video_model",
    "sample_video",
    "video_kind",
]

SAMPLERS = comfy.samplers.SAMPLER_NAMES
SCHEDULERS = [UPSTREAM_SCHEDULE, *comfy.samplers.SCHEDULER_NAMES]

_TIMESTEP_KEY = "matrix3d_bf16_timesteps"
_CLIP_TOKENS = (257, 1280)


@dataclass(frozen=True)
class VideoKind:
    """A family of video models, recognized by its VAE.

    Attributes:
        name: for people.
        channels: of the latent.
        factor: pixels per latent.
        fuses_first_frame: latent frame 0 is kept while sampling (Wan 2.2 5B).
    """

    name: str
    channels: int
    factor: int
    fuses_first_frame: bool


_WAN21 = VideoKind("Wan 2.1", 16, 8, False)
_WAN22_5B = VideoKind("Wan 2.2 5B", 48, 16, True)


# What was connected ----------------------------------------------------------------------------------


def video_kind(vae: Any) -> VideoKind:
    """Return the family that a VAE belongs to.

    Raises:
        InvalidInput: when there is none, or it is no video VAE of Wan.
    """
    network = getattr(vae, "first_stage_model", None)
    if network is None:
        raise InvalidInput(
            "vae is missing: what is connected holds no VAE. Load wan_2.1_vae (or wan2.2_vae for the 5B model) with "
            "Load VAE."
        )
    channels, is_video = getattr(vae, "latent_channels", 0), getattr(vae, "latent_dim", 0) == 3
    for kind, known in (
        (_WAN21, comfy.ldm.wan.vae.WanVAE),
        (_WAN22_5B, comfy.ldm.wan.vae2_2.WanVAE),
    ):
        name = type(network).__name__
        if is_video and channels == kind.channels and (isinstance(network, known) or name == "TAEHV"):
            return kind
    what = "video" if is_video else "image"
    raise InvalidInput(
        f"vae must be a video VAE of Wan; got {type(network).__name__}, an {what} VAE with {channels} latent "
        "channels. Load wan_2.1_vae (or wan2.2_vae for the 5B model) with Load VAE."
    )


def check_video_model(model: Any, kind: VideoKind) -> None:
    """Raise unless a model takes the conditioning made for a VAE.

    Raises:
        InvalidInput: for another family, a text-to-video model, or a 5B model without the extra layer.
    """
    base, name = model.model, type(model.model).__name__
    if not isinstance(base, comfy.model_base.WAN21):
        raise InvalidInput(
            f"model must be a Wan image-to-video model; got {name}. Load Wan 2.1 I2V 14B, or Wan 2.2 5B, with Load "
            "Diffusion Model."
        )
    channels = int(model.get_model_object("latent_format").latent_channels)
    if channels != kind.channels:
        raise InvalidInput(
            f"model and vae must belong together; the model has {channels} latent channels, the VAE is that of "
            f"{kind.name} with {kind.channels}. Load the other VAE."
        )
    extra, wanted = extra_channels(model), kind.channels + 4
    if extra == wanted:
        return
    if kind.fuses_first_frame and extra == 0:
        raise InvalidInput(
            f"model must have the layer {EXTRA_LAYER} (weight [D, 52, 1, 2, 2] and bias [D]) to see the guidance; this "
            "Wan 2.2 5B model lacks it. It comes in pano_video_gen_720p_5b.safetensors: load that with PanoLoRA "
            "before this node."
        )
    if extra == 0:
        raise InvalidInput(
            f"model must be image-to-video, with {channels + wanted} input channels; got {name} with {channels}, which "
            "is text-to-video and cannot see the guidance. Load Wan 2.1 I2V 14B."
        )
    raise InvalidInput(
        f"model must take {channels + wanted} channels (latent, mask, image latent); got {name} with "
        f"{channels + extra}. Load Wan 2.1 I2V 14B."
    )


def check_clip_vision(output: Any) -> None:
    """Raise unless a CLIP vision output is of the tower that Wan was trained with.

    Raises:
        InvalidInput: when its tokens have another shape.
    """
    tokens = getattr(output, "penultimate_hidden_states", None)
    shape = tuple(tokens.shape[-2:]) if isinstance(tokens, Tensor) else None
    if shape != _CLIP_TOKENS:
        raise InvalidInput(
            f"clip_vision_output must hold 257 tokens of 1280 from CLIP ViT-H; got {list(shape) if shape else 'none'}. "
            "Load clip_vision_h with Load CLIP Vision."
        )


# Conditioning ----------------------------------------------------------------------------------------


def encode_video(
    vae: Any, frames: Tensor, kind: VideoKind, *, seam_mode: str, tiled: bool, progress: ProgressFn
) -> Tensor:  # [1, C, t, h, w]
    """Encode frames ``[T, H, W, 3]``, uint8 or float; floats are made of the piece in work only.

    The result is the host's raw latent, as its own VAE node gives it.
    """

    def encode(pixels: Tensor) -> Tensor:
        comfy.model_management.throw_exception_if_processing_interrupted()
        latent: Tensor = vae.encode(to_unit(pixels))
        return latent

    latent = codec.encode_video(
        encode, frames, factor=kind.factor, seam_mode=seam_mode, tiled=tiled, progress=progress
    )
    return latent.to(comfy.model_management.intermediate_device())


def decode_video(
    vae: Any, latent: Tensor, kind: VideoKind, *, seam_mode: str, tiled: bool, progress: ProgressFn
) -> Tensor:  # [T, H, W, 3]
    """Decode one video's latent ``[1, C, t, h, w]`` to frames in [0, 1]."""

    def decode(part: Tensor) -> Tensor:
        comfy.model_management.throw_exception_if_processing_interrupted()
        images: Tensor = vae.decode(part)
        return images

    return codec.decode_video(
        decode, latent, factor=kind.factor, seam_mode=seam_mode, tiled=tiled, progress=progress
    )


def condition_video(
    positive: Any,
    negative: Any,
    clip: GuidanceClip,
    encoded: Tensor,
    kind: VideoKind,
    clip_vision_output: Any = None,
) -> tuple[Any, Any, dict[str, Tensor]]:
    """Return positive, negative and an empty latent in the form the host wants.

    The host's mask says what to generate and it inverts it again for the network, so ours goes in inverted:
    the network sees 1 where the guidance is given.
    """
    frames, height, width = clip.mask.shape
    h, w = latent_size(height, width, factor=kind.factor)
    device = comfy.model_management.intermediate_device()
    known = pack_mask(clip.mask, h, w, kind.factor).unsqueeze(0)
    values: dict[str, Any] = {"concat_latent_image": encoded, "concat_mask": (1 - known).to(device)}
    if clip_vision_output is not None:
        values["clip_vision_output"] = clip_vision_output
    positive = node_helpers.conditioning_set_values(positive, values)
    negative = node_helpers.conditioning_set_values(negative, values)
    samples = torch.zeros(1, kind.channels, latent_frames(frames), h, w, device=device)
    latent = {"samples": samples}
    if kind.fuses_first_frame:
        # Zero in the network's own scale everywhere else, as core's node for this model leaves it.
        samples = comfy.latent_formats.Wan22().process_out(samples)
        samples[:, :, :1] = encoded[:, :, :1].to(samples)
        mask = torch.ones(1, 1, *samples.shape[2:], device=device)
        mask[:, :, 0] = 0
        latent = {"samples": samples, "noise_mask": mask}
    return positive, negative, latent


# Sampling --------------------------------------------------------------------------------------------


def prepare_video_model(model: Any, sampling: SamplingPreset, *, latent_roll: str | None) -> Any:
    """Return a clone with the shift, the latent roll (None: as the model has it) and the timesteps asked for."""
    clone = model.clone()
    if sampling.shift > 0:
        clone.add_object_patch("model_sampling", _flow_sampling(clone, sampling.shift))
    if latent_roll is not None:
        install_latent_roll(clone, latent_roll)
    if sampling.bf16_timesteps:
        clone.remove_wrappers_with_key(WrappersMP.DIFFUSION_MODEL, _TIMESTEP_KEY)
        clone.add_wrapper_with_key(WrappersMP.DIFFUSION_MODEL, _TIMESTEP_KEY, _with_rounded_timesteps)
    return clone


def _flow_sampling(model: Any, shift: float) -> Any:
    class FlowSampling(comfy.model_sampling.ModelSamplingDiscreteFlow, comfy.model_sampling.CONST):
        """Flow matching with a shift."""

    before = model.get_model_object("model_sampling")
    sampling = FlowSampling(model.model.model_config)
    sampling.set_parameters(shift=shift, multiplier=getattr(before, "multiplier", 1000))
    return sampling


def _with_rounded_timesteps(executor: Any, x: Tensor, timestep: Tensor, *args: Any, **kwargs: Any) -> Any:
    return executor(x, round_timesteps(timestep), *args, **kwargs)


def sample_video(
    model: Any,
    positive: Any,
    negative: Any,
    latent: dict[str, Tensor],
    sampling: SamplingPreset,
    *,
    seed: int,
    callback: Callable[..., None],
) -> Tensor:  # [1, C, t, h, w]
    """Sample with the host's own samplers, exactly as its KSampler does."""
    samples = latent["samples"]
    noise = comfy.sample.prepare_noise(samples, seed)
    sigmas, scheduler = None, sampling.scheduler
    if scheduler == UPSTREAM_SCHEDULE:
        shift = float(getattr(model.get_model_object("model_sampling"), "shift", 1.0))
        drops_one = sampling.sampler in comfy.samplers.KSampler.DISCARD_PENULTIMATE_SIGMA_SAMPLERS
        sigmas = flow_sigmas(sampling.steps + drops_one, shift)
        if drops_one:
            sigmas = torch.cat((sigmas[:-2], sigmas[-1:]))
        scheduler = "simple"  # KSampler wants a name it knows; the levels come from us
    sampled: Tensor = comfy.sample.sample(
        model,
        noise,
        sampling.steps,
        sampling.cfg,
        sampling.sampler,
        scheduler,
        positive,
        negative,
        samples,
        noise_mask=latent.get("noise_mask"),
        sigmas=sigmas,
        callback=callback,
        disable_pbar=not comfy.utils.PROGRESS_BAR_ENABLED,
        seed=seed,
    )
    return sampled


def sampling_callback(
    model: Any, sampling: SamplingPreset, node_id: str | None, *, segment: int = 0, segments: int = 1
) -> Callable[..., None]:
    """Return a callback that shows progress over all segments, a preview that moves through the video, and the ETA."""
    show = latent_preview.prepare_callback(model, sampling.steps * segments)
    start = time.perf_counter()

    def callback(step: int, denoised: Tensor, state: Tensor, total: int) -> None:
        comfy.model_management.throw_exception_if_processing_interrupted()
        if denoised.ndim == 5:
            index = preview_frame(step, total, denoised.shape[2])
            denoised = denoised[:, :, index : index + 1]
        show(segment * total + step, denoised, state, segments * total)
        text = describe_step(step + 1, total, time.perf_counter() - start, segment=segment, segments=segments)
        if node_id is not None and PromptServer.instance:
            PromptServer.instance.send_progress_text(text, node_id)

    return callback


def free_memory() -> None:
    """Give back what the stage before left in the allocator's hands."""
    comfy.model_management.soft_empty_cache()
