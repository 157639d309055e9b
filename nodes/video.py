"""Panoramic video: guidance to conditioning, and the sampler that is that plus sampling and decoding."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import torch

from ..matrix3d_core.diffusion.conditioning import (
    GuidanceClip,
    clip_picture_of,
    describe_conditioning,
    prepare_guidance,
)
from ..matrix3d_core.diffusion.latent_roll import ROLL_MODES
from ..matrix3d_core.diffusion.schedule import SAMPLING_PRESETS, SamplingPreset
from ..matrix3d_core.diffusion.sizes import FRAME_FITS, SIZE_PRESETS, fit_frame_count, resolve_size
from ..matrix3d_core.diffusion.video_codec import VIDEO_SEAM_MODES
from ..matrix3d_core.progress import ProgressFn
from ..matrix3d_core.scene.panorama import PanoramaGeometry
from ..matrix3d_core.scene.trajectory import Trajectory
from ..matrix3d_core.video.continued_guidance import check_continuable, continued_guidance
from ..matrix3d_core.video.path import sample_path
from ..matrix3d_core.video.prompts import PROMPT_PRESETS, apply_prompt_preset
from ..matrix3d_core.video.segments import Segment, plan_segments
from ._adapters import image_from_host, images_from_host
from ._host import io, progress_to_host
from ._host_models import (
    SAMPLERS,
    SCHEDULERS,
    VideoKind,
    check_clip_vision,
    check_video_model,
    condition_video,
    decode_video,
    encode_video,
    free_memory,
    prepare_video_model,
    sample_video,
    sampling_callback,
    video_kind,
)
from ._search import PANORAMA_WORDS, WORLD_WORDS
from ._types import GeometryType, TrajectoryType

__all__ = ["NODES", "PanoClipImage", "PanoPrompt", "PanoVideoConditioning", "PanoVideoSampler"]

_AUTO = "auto"
_ROLL_OF_MODEL = "as the model has it"
_OWN_SETTINGS = "as set below"
_RESIZE = (_AUTO, "upstream", "direct")
_BLACKEN = (_AUTO, "on", "off")


@dataclass(frozen=True)
class _Job:
    """What both nodes make of their inputs before anything long begins."""

    vae: Any
    kind: VideoKind
    clip_vision_output: Any
    encode_seam_mode: str
    tiled: bool
    progress: ProgressFn

    def condition(self, positive: Any, negative: Any, clip: GuidanceClip) -> tuple[Any, Any, dict]:
        """Encode guidance and put it into the conditioning."""
        encoded = encode_video(
            self.vae,
            clip.frames,
            self.kind,
            seam_mode=self.encode_seam_mode,
            tiled=self.tiled,
            progress=self.progress,
        )
        free_memory()
        return condition_video(positive, negative, clip, encoded, self.kind, self.clip_vision_output)


def _size_inputs() -> list[io.Input]:
    return [
        io.Combo.Input(
            "size",
            options=list(SIZE_PRESETS),
            default="480x960",
            tooltip="Rows x columns of the video. 480x960 and 720x1440 for the two 14B LoRAs, 704x1408 for 5B.",
        ),
        io.Int.Input(
            "width", default=960, min=16, max=8192, step=16, tooltip="Columns, with size custom only."
        ),
        io.Int.Input(
            "height", default=480, min=16, max=8192, step=16, tooltip="Rows, with size custom only."
        ),
    ]


def _switch_inputs() -> list[io.Input]:
    return [
        io.Combo.Input(
            "fit_frames",
            options=list(FRAME_FITS),
            default="exact",
            advanced=True,
            tooltip="When the number of frames is not 4k + 1 (5, 9, ... 81): exact refuses, trim drops the last "
            "ones, pad repeats the last one.",
        ),
        io.Combo.Input(
            "encode_seam_mode",
            options=list(VIDEO_SEAM_MODES),
            default="circular",
            advanced=True,
            tooltip="How the VAE treats the left/right border. circular: wrapped around. upstream: tiles of "
            "30x52 latents, no wrap. none: the host's own call, all at once.",
        ),
        io.Boolean.Input(
            "tiled",
            default=True,
            advanced=True,
            tooltip="With circular: use overlapping tiles that wrap around, which needs far less memory.",
        ),
        io.Combo.Input(
            "resize",
            options=list(_RESIZE),
            default=_AUTO,
            advanced=True,
            tooltip="upstream: through a transposed intermediate size, which blurs columns and with which the 14B "
            "LoRAs were trained. direct: in one step. auto: upstream for 14B, direct for 5B.",
        ),
        io.Combo.Input(
            "blacken",
            options=list(_BLACKEN),
            default=_AUTO,
            advanced=True,
            tooltip="Set guidance to black where the mask is below one half. auto: on for 14B, off for 5B (upstream).",
        ),
    ]


def _guidance_inputs() -> list[io.Input]:
    return [
        io.Image.Input(
            "frames", tooltip="Guidance frames, one panorama per pose, from Render Mesh Guidance."
        ),
        io.Mask.Input("mask", tooltip="1 where a frame is valid, from Render Mesh Guidance."),
    ]


def _optional_inputs() -> list[io.Input]:
    return [
        io.Image.Input(
            "start_image",
            optional=True,
            tooltip="The panorama at the beginning of the path; replaces frame 0, with a full mask.",
        ),
        io.ClipVisionOutput.Input(
            "clip_vision_output",
            optional=True,
            tooltip="CLIP Vision Encode of the start panorama (through Panorama CLIP Image for upstream's resize). "
            "Only used by Wan 2.1 I2V.",
        ),
    ]


def _begin(
    cls: type[io.ComfyNode],
    vae: Any,
    frames: torch.Tensor,
    mask: torch.Tensor,
    start_image: torch.Tensor | None,
    clip_vision_output: Any,
    switches: dict[str, Any],
    model: Any = None,
) -> tuple[_Job, GuidanceClip, list[str]]:
    """Check everything, then bring the guidance to the model's size."""
    kind = video_kind(vae)
    if model is not None:
        check_video_model(model, kind)
    if clip_vision_output is not None:
        check_clip_vision(clip_vision_output)
    height, width = resolve_size(switches["size"], switches["height"], switches["width"], factor=kind.factor)
    frames = images_from_host(frames, "frames")
    count = fit_frame_count(len(frames), switches["fit_frames"])
    progress = progress_to_host(cls.hidden.unique_id)
    is_first = not kind.fuses_first_frame
    clip = prepare_guidance(
        frames,
        _mask_from_host(mask),
        height,
        width,
        count=count,
        start=None if start_image is None else image_from_host(start_image, "start_image"),
        transposed=is_first if switches["resize"] == _AUTO else switches["resize"] == "upstream",
        blacken=is_first if switches["blacken"] == _AUTO else switches["blacken"] == "on",
        progress=progress,
    )
    lines = [f"model family: {kind.name}", *describe_conditioning(clip, factor=kind.factor)]
    if count != len(frames):
        lines.append(f"note: {len(frames)} frames given, {count} used.")
    job = _Job(vae, kind, clip_vision_output, switches["encode_seam_mode"], switches["tiled"], progress)
    return job, clip, lines


def _mask_from_host(mask: torch.Tensor) -> torch.Tensor:
    """Return a MASK batch as float32 on the CPU; a single mask may come without its batch."""
    mask = mask.detach().to("cpu", torch.float32)
    return mask.unsqueeze(0) if mask.ndim == 2 else mask


class PanoVideoConditioning(io.ComfyNode):
    """Guidance frames as conditioning for any sampler."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="PanoVideoConditioning",
            display_name="Panorama Video Conditioning",
            category="Matrix-3D/video",
            description="Conditions a Wan image-to-video model on guidance frames and mask along the camera path, "
            "encoded exactly as in the training of the panoramic video LoRAs. Connect the outputs to KSampler or any "
            "other sampler.",
            search_aliases=[
                *WORLD_WORDS,
                "pano video conditioning",
                "wan image to video",
                "wan i2v",
                "guidance conditioning",
                "masked video",
                "trajectory video",
            ],
            inputs=[
                io.Conditioning.Input("positive", tooltip="Description of the scene, from CLIP Text Encode."),
                io.Conditioning.Input("negative", tooltip="What to avoid, from CLIP Text Encode."),
                io.Vae.Input("vae", tooltip="wan_2.1_vae for the 14B models, wan2.2_vae for 5B."),
                *_guidance_inputs(),
                *_size_inputs(),
                *_switch_inputs(),
                *_optional_inputs(),
                io.Model.Input(
                    "model",
                    optional=True,
                    tooltip="Only checked: reports early when this model cannot use the guidance.",
                ),
            ],
            outputs=[
                io.Conditioning.Output(display_name="positive", tooltip="With the guidance."),
                io.Conditioning.Output(display_name="negative", tooltip="With the guidance."),
                io.Latent.Output(
                    display_name="latent",
                    tooltip="Empty latent of the right size; for 5B with the first frame fixed.",
                ),
                io.String.Output(display_name="report", tooltip="Sizes, valid fraction, and warnings."),
            ],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def execute(
        cls,
        positive: Any,
        negative: Any,
        vae: Any,
        frames: torch.Tensor,
        mask: torch.Tensor,
        start_image: torch.Tensor | None = None,
        clip_vision_output: Any = None,
        model: Any = None,
        **switches: Any,
    ) -> io.NodeOutput:
        begun = time.perf_counter()
        job, clip, lines = _begin(cls, vae, frames, mask, start_image, clip_vision_output, switches, model)
        if len(clip) > _TRAINED_FRAMES:
            lines.append(
                f"note: the models were trained with {_TRAINED_FRAMES} frames; PanoVideoSampler cuts longer paths "
                "into segments."
            )
        positive, negative, latent = job.condition(positive, negative, clip)
        lines.append(f"time: {time.perf_counter() - begun:.1f} s")
        return io.NodeOutput(positive, negative, latent, "\n".join(lines))


_TRAINED_FRAMES = 81


class PanoVideoSampler(io.ComfyNode):
    """Guidance frames to a finished panoramic video."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="PanoVideoSampler",
            display_name="Panorama Video Sampler",
            category="Matrix-3D/video",
            description="Generates a panoramic video along the camera path: Panorama Video Conditioning, the host's "
            "sampler, and seamless decoding in one node. Longer paths are split into overlapping segments.",
            search_aliases=[
                *WORLD_WORDS,
                "pano video sampler",
                "wan sampler",
                "panorama video",
                "video generation",
                "image to video",
                "ksampler",
                "long video",
                "text to 360 video",
                "image to vr video",
                "360 video",
            ],
            inputs=[
                io.Model.Input("model", tooltip="Wan 2.1 I2V 14B or Wan 2.2 5B, after Load Panorama LoRA."),
                io.Vae.Input("vae", tooltip="wan_2.1_vae for the 14B models, wan2.2_vae for 5B."),
                io.Conditioning.Input("positive", tooltip="Description of the scene, from CLIP Text Encode."),
                io.Conditioning.Input("negative", tooltip="What to avoid, from CLIP Text Encode."),
                *_guidance_inputs(),
                io.Int.Input(
                    "seed",
                    default=0,
                    min=0,
                    max=0xFFFFFFFFFFFFFFFF,
                    control_after_generate=True,
                    tooltip="Noise seed; segment n uses seed + n.",
                ),
                io.Combo.Input(
                    "preset",
                    options=[_OWN_SETTINGS, *SAMPLING_PRESETS],
                    default=_OWN_SETTINGS,
                    tooltip="Unless as set below, it overrides steps, cfg, sampler, scheduler, shift and "
                    "bf16_timesteps. The step-distilled ones need a step-distilled model or LoRA.",
                ),
                io.Int.Input(
                    "steps", default=50, min=1, max=1000, tooltip="Sampling steps; upstream uses 50."
                ),
                io.Float.Input(
                    "cfg",
                    default=5.0,
                    min=0.0,
                    max=100.0,
                    step=0.1,
                    round=0.01,
                    tooltip="Classifier-free guidance scale; upstream uses 5. 1 skips the negative prompt and halves "
                    "the time.",
                ),
                io.Combo.Input(
                    "sampler_name",
                    options=SAMPLERS,
                    default="euler",
                    tooltip="Sampler; upstream uses euler.",
                ),
                io.Combo.Input(
                    "scheduler",
                    options=SCHEDULERS,
                    default=SCHEDULERS[0],
                    tooltip="Scheduler of the noise levels: upstream's flow matching, or any of the host's.",
                ),
                io.Float.Input(
                    "shift",
                    default=5.0,
                    min=0.0,
                    max=100.0,
                    step=0.1,
                    round=0.01,
                    tooltip="Shift of the noise schedule; higher spends more steps on the layout. 0: the model's own.",
                ),
                *_size_inputs(),
                io.Combo.Input(
                    "latent_roll",
                    options=[_ROLL_OF_MODEL, *ROLL_MODES],
                    default=_ROLL_OF_MODEL,
                    tooltip="Roll the latent horizontally between steps, which hides the seam. Upstream does not for "
                    "video.",
                ),
                io.Int.Input(
                    "frames_per_segment",
                    default=_TRAINED_FRAMES,
                    min=5,
                    max=1001,
                    step=4,
                    tooltip="Maximum frames per segment, 4k + 1. Longer paths are split into segments of about equal "
                    "length.",
                ),
                io.Int.Input(
                    "overlap",
                    default=9,
                    min=1,
                    max=81,
                    step=4,
                    tooltip="Frames shared with the previous segment, 4k + 1; cross-faded.",
                ),
                *_switch_inputs(),
                io.Combo.Input(
                    "decode_seam_mode",
                    options=list(VIDEO_SEAM_MODES),
                    default="circular",
                    advanced=True,
                    tooltip="How the VAE treats the left/right border when decoding; see encode_seam_mode.",
                ),
                io.Boolean.Input(
                    "bf16_timesteps",
                    default=False,
                    advanced=True,
                    tooltip="Round timesteps to bfloat16, as upstream does (995.93 becomes 996).",
                ),
                io.Boolean.Input(
                    "rerender",
                    default=True,
                    advanced=True,
                    tooltip="With geometry and trajectory connected: from the second segment on, regions that the "
                    "source does not cover are rendered from the last generated frame.",
                ),
                *_optional_inputs(),
                GeometryType.Input(
                    "geometry", optional=True, tooltip="The source panorama with distances; for rerender."
                ),
                TrajectoryType.Input(
                    "trajectory", optional=True, tooltip="The path of the guidance; for rerender."
                ),
            ],
            outputs=[
                io.Latent.Output(display_name="latent", tooltip="Latent of the video; segments are joined."),
                io.Image.Output(display_name="frames", tooltip="The video, one panorama per pose."),
                io.String.Output(
                    display_name="report",
                    tooltip="Sizes, valid fraction, settings, seams between segments, time, and warnings.",
                ),
            ],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def execute(
        cls,
        model: Any,
        vae: Any,
        positive: Any,
        negative: Any,
        frames: torch.Tensor,
        mask: torch.Tensor,
        seed: int,
        preset: str,
        steps: int,
        cfg: float,
        sampler_name: str,
        scheduler: str,
        shift: float,
        latent_roll: str,
        frames_per_segment: int,
        overlap: int,
        decode_seam_mode: str,
        bf16_timesteps: bool,
        rerender: bool,
        start_image: torch.Tensor | None = None,
        clip_vision_output: Any = None,
        geometry: PanoramaGeometry | None = None,
        trajectory: Trajectory | None = None,
        **switches: Any,
    ) -> io.NodeOutput:
        begun = time.perf_counter()
        sampling = SAMPLING_PRESETS.get(preset) or SamplingPreset(
            steps, cfg, sampler_name, scheduler, shift, bf16_timesteps
        )
        count = fit_frame_count(len(frames), switches["fit_frames"])
        plan = plan_segments(count, frames_per_segment, overlap)
        job, clip, lines = _begin(cls, vae, frames, mask, start_image, clip_vision_output, switches, model)
        continues = rerender and len(plan) > 1 and geometry is not None and trajectory is not None
        if continues and trajectory is not None:
            _, height, width = clip.mask.shape
            check_continuable(len(frames), height, width, trajectory)
        lines += _describe_settings(sampling, plan, latent_roll, continues, clip_vision_output)
        ready = prepare_video_model(
            model, sampling, latent_roll=None if latent_roll == _ROLL_OF_MODEL else latent_roll
        )

        def generate(part: GuidanceClip, index: int) -> torch.Tensor:
            conditioned = job.condition(positive, negative, part)
            callback = sampling_callback(
                ready, sampling, cls.hidden.unique_id, segment=index, segments=len(plan)
            )
            latent = sample_video(ready, *conditioned, sampling, seed=seed + index, callback=callback)
            free_memory()
            return latent

        def decode_frames(latent: torch.Tensor) -> torch.Tensor:
            made = decode_video(
                vae, latent, job.kind, seam_mode=decode_seam_mode, tiled=job.tiled, progress=job.progress
            )
            free_memory()
            return made

        def continue_guidance(part: GuidanceClip, segment: Segment, known: torch.Tensor) -> GuidanceClip:
            if geometry is None or trajectory is None:
                return part
            better, share = continued_guidance(
                part, segment, known[-1], geometry, trajectory, progress=job.progress
            )
            lines.append(
                f"frames {segment.start} on: {share:.1%} more given, rendered from frame "
                f"{segment.start + segment.known - 1}"
            )
            return better

        video = sample_path(
            clip, plan, generate, decode_frames, continue_guidance=continue_guidance if continues else None
        )
        lines += [str(found) for found in video.seams]
        lines.append(f"time: {time.perf_counter() - begun:.1f} s")
        return io.NodeOutput({"samples": video.latents}, video.frames, "\n".join(lines))


def _describe_settings(
    sampling: SamplingPreset, plan: list[Segment], latent_roll: str, continues: bool, clip_vision_output: Any
) -> list[str]:
    """Say what is about to be done."""
    lines = [
        f"sampling: {sampling.steps} steps, cfg {sampling.cfg:g}, {sampling.sampler}, {sampling.scheduler}, "
        f"shift {sampling.shift:g}{', timesteps in bf16' if sampling.bf16_timesteps else ''}"
        f", latent roll: {latent_roll}",
    ]
    if len(plan) > 1:
        cuts = ", ".join(f"{segment.start} to {segment.stop - 1}" for segment in plan)
        lines.append(f"segments: {cuts}" + ("; guidance rendered again for each" if continues else ""))
        if clip_vision_output is not None:
            lines.append("note: all segments see the CLIP vision output of the start panorama.")
    return lines


class PanoClipImage(io.ComfyNode):
    """The start panorama as upstream shows it to CLIP."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="PanoClipImage",
            display_name="Panorama CLIP Image",
            category="Matrix-3D/video",
            description="Shows the start panorama to CLIP as upstream does: brought to the video's size with the "
            "guidance's own resize, then squeezed to 224x224 (bicubic, no antialias), so that CLIP Vision Encode "
            "need not resize or crop it.",
            search_aliases=[*PANORAMA_WORDS, "pano clip image", "clip vision", "resize for clip", "224"],
            inputs=[
                io.Image.Input(
                    "image", tooltip="The start panorama, or guidance frames, of which the first is used."
                ),
                *_size_inputs(),
                io.Combo.Input(
                    "resize",
                    options=list(_RESIZE[1:]),
                    default="upstream",
                    advanced=True,
                    tooltip="As in Panorama Video Sampler; its auto is upstream for the 14B models, the only ones "
                    "that use CLIP.",
                ),
            ],
            outputs=[io.Image.Output(display_name="image", tooltip="224x224, for CLIP Vision Encode.")],
        )

    @classmethod
    def execute(cls, image: torch.Tensor, size: str, width: int, height: int, resize: str) -> io.NodeOutput:
        frames = images_from_host(image, "image")[:1]
        height, width = resolve_size(size, height, width)
        return io.NodeOutput(
            clip_picture_of(frames, height, width, transposed=resize == "upstream").unsqueeze(0)
        )


class PanoPrompt(io.ComfyNode):
    """A description in the words that the LoRAs were trained with."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="PanoPrompt",
            display_name="Panorama Prompt",
            category="Matrix-3D/panorama",
            description="Formats a scene description with the prompt template of the panorama and video models, and "
            "outputs the matching negative prompt.",
            search_aliases=[
                *PANORAMA_WORDS,
                "pano prompt",
                "prompt preset",
                "prompt suffix",
                "negative prompt",
                "prompt helper",
                "text to 3d",
                "text to world",
                "prompt to world",
                "text to 360",
            ],
            inputs=[
                io.Combo.Input(
                    "preset",
                    options=list(PROMPT_PRESETS),
                    default="video",
                    tooltip="video: suffix and negative prompt of the 14B models. video 5B: two more negative words. "
                    "text to panorama: the text unchanged. image to panorama: the template for FLUX Fill.",
                ),
                io.String.Input(
                    "prompt", default="", multiline=True, tooltip="The scene, in a sentence or two."
                ),
                io.String.Input(
                    "extra_negative",
                    default="",
                    multiline=True,
                    optional=True,
                    tooltip="Appended to the negative prompt.",
                ),
            ],
            outputs=[
                io.String.Output(display_name="positive", tooltip="For the positive CLIP Text Encode."),
                io.String.Output(display_name="negative", tooltip="For the negative CLIP Text Encode."),
            ],
        )

    @classmethod
    def execute(cls, preset: str, prompt: str, extra_negative: str = "") -> io.NodeOutput:
        return io.NodeOutput(*apply_prompt_preset(preset, prompt, extra_negative or ""))


NODES = [PanoVideoConditioning, PanoVideoSampler, PanoClipImage, PanoPrompt]
