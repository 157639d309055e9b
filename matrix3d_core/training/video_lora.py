"""Training of the panoramic video model: Wan image-to-video learns to complete guidance, by a LoRA or as a whole.

Source: Matrix-3D, 2025, section 6.2 (LoRA on Wan2.1-I2V-14B, base frozen, 6000 steps, rate 1e-4, 21 clips per step).
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from ..diffusion.conditioning import GuidanceClip
from ..errors import InvalidInput
from ..io.images import write_image
from ..progress import ProgressEvent, ProgressFn
from ..standalone.pipelines import DTYPES, PipelineSource, choose_device, opened_pipeline
from ..standalone.video import (
    VideoConfig,
    check_model,
    decode_frames,
    encode_first_frame,
    encode_text,
    sample_latents,
)
from .adapters import WAN_TARGETS, prepare_network, write_diffusers_lora, write_network, write_upstream_lora
from .clips import clip_names, iterate_clips
from .costs import Costs, estimate_costs, say_costs
from .flow import draw_level, flow_of, noised
from .loop import LoopConfig, LoopReport, RunOptions, Task, run_loop, tell_nobody
from .sample_cache import NO_TEXT, SampleCache
from .video_samples import VideoSampleConfig, encode_sample, sample_name, without_padding

__all__ = ["VideoEncoders", "VideoTraining", "train_video_lora", "train_video_network", "video_costs"]

WHAT = "training a video model"
_TOKENS, _IMAGE_TOKENS = 512, 257


@dataclass(frozen=True)
class VideoTraining:
    """Settings of a run; defaults are the paper's where it states them.

    Attributes:
        samples: what samples are made of.
        rank: of the LoRA; 0 trains all weights of the network.
        alpha: the LoRA is scaled by ``alpha / rank``; the rank when None.
        targets: modules with a LoRA, see `adapters.add_lora`.
        levels: how noise levels are drawn, see `flow.draw_level`.
        shift: of the levels, as of the sampler.
        drop_text: share of samples whose text is left out, for classifier-free guidance.
        roll: roll the videos by columns drawn at random; what CLIP sees of the first frame stays.
        held_out: clips, the last by name, that are shown in validation only.
        most_clips: clips that are used, the first by name; 0: all.
        checkpointing: compute blocks again in the backward pass, which saves memory.
        show_steps: sampling steps of validation pictures.
        loop: steps, batch and rate.
    """

    samples: VideoSampleConfig = field(default_factory=VideoSampleConfig)
    rank: int = 16
    alpha: float | None = None
    targets: tuple[str, ...] = WAN_TARGETS
    levels: str = "uniform"
    shift: float = 5.0
    drop_text: float = 0.0
    roll: bool = False
    held_out: int = 1
    most_clips: int = 0
    checkpointing: bool = True
    show_steps: int = 20
    loop: LoopConfig = field(default_factory=lambda: LoopConfig(steps=6000, batch=21, lr=1e-4))

    def __post_init__(self) -> None:
        if self.rank < 0 or self.held_out < 0 or self.most_clips < 0 or self.show_steps < 1:
            raise InvalidInput(
                "rank, held_out and most_clips must not be negative and show_steps at least 1; got "
                f"{self.rank}, {self.held_out}, {self.most_clips} and {self.show_steps}."
            )
        if not 0 <= self.drop_text < 1:
            raise InvalidInput(f"drop_text must be at least 0 and below 1; got {self.drop_text}.")
        draw_level(self.levels, self.shift, torch.Generator().manual_seed(0))


@dataclass(frozen=True)
class _Sample:
    """A sample and what was drawn for it."""

    parts: dict[str, Tensor]
    noise: Tensor
    level: float
    has_text: bool


def train_video_lora(
    clips: Path | str,
    out: Path | str,
    source: PipelineSource,
    config: VideoTraining | None = None,
    options: RunOptions | None = None,
) -> LoopReport:
    """Encode clips that are not encoded yet, and train.

    Writes ``checkpoint-N/``, ``validation-N.png`` (guidance, result, truth), and at the end
    ``video_lora.safetensors`` (upstream's names, for `PanoLoRA`) and ``video_lora_diffusers.safetensors``; of a whole
    network ``video_model.safetensors`` (its makers' names) and the folder ``transformer`` (diffusers').

    Args:
        clips: folder with the factory's shards or with clip folders.
        out: made when missing.
        source: a Wan image-to-video pipeline.
        config: see `VideoTraining`.
        options: see `RunOptions`.

    Raises:
        InvalidInput: when clips, model or settings do not fit, memory or disk do not suffice, or see `run_loop`.
        FormatError: when clips or weights are damaged.
        BackendUnavailable: when packages or weights are missing.
        TrainingDiverged: see `run_loop`.
    """
    with opened_pipeline("WanImageToVideoPipeline", source, WHAT) as pipeline:
        check_model(pipeline)
        device = choose_device(source.device)
        return train_video_network(
            pipeline,
            VideoEncoders.of(pipeline, device),
            clips,
            out,
            config,
            options,
            model=source.model,
            dtype=DTYPES[source.dtype],
            device=device,
        )


@dataclass(frozen=True)
class VideoEncoders:
    """What text and first frame become.

    Attributes:
        text: a prompt to states ``[tokens, D]``, padding zero.
        image: guidance to states of its first frame ``[tokens, D]``, or None.
    """

    text: Callable[[str], Tensor]
    image: Callable[[GuidanceClip], Tensor | None]

    @classmethod
    def of(cls, pipeline: Any, device: torch.device | str) -> VideoEncoders:
        """Return those of a Wan pipeline; they move to ``device`` when they are first used."""

        def text(prompt: str) -> Tensor:
            pipeline.text_encoder.to(device)
            return encode_text(pipeline, prompt, None, device)[0][0]

        def image(guidance: GuidanceClip) -> Tensor | None:
            if pipeline.image_encoder is not None:
                pipeline.image_encoder.to(device)
            states = encode_first_frame(pipeline, guidance, device)
            return None if states is None else states[0]

        return cls(text, image)


def train_video_network(
    pipeline: Any,
    encoders: VideoEncoders,
    clips: Path | str,
    out: Path | str,
    config: VideoTraining | None = None,
    options: RunOptions | None = None,
    *,
    model: str,
    dtype: torch.dtype,
    device: torch.device | str = "cpu",
) -> LoopReport:
    """Train the network of anything with a ``transformer`` and a ``vae`` of Wan; see `train_video_lora`.

    Args:
        pipeline: its two parts are used; ``text_encoder`` and ``image_encoder`` are dropped once clips are encoded.
        encoders: of text and first frame.
        clips: see `train_video_lora`.
        out: see `train_video_lora`.
        config: see `VideoTraining`.
        options: see `RunOptions`.
        model: a name for the VAE and the encoders; a cache of another one is refused.
        dtype: of the arithmetic.
        device: where it is computed.
    """
    from accelerate import Accelerator

    config, out, options = config or VideoTraining(), Path(out), options or RunOptions()
    names = clip_names(clips)[: config.most_clips or None]
    if len(names) <= config.held_out:
        raise InvalidInput(
            f"clips must be more than are held out; got {len(names)}, of which {config.held_out} are held out."
        )
    accelerator = Accelerator(cpu=torch.device(device).type == "cpu")
    costs = video_costs(pipeline.transformer, config, len(names), accelerator.num_processes)
    say_costs(costs, accelerator.device, out, options.tell if accelerator.is_main_process else tell_nobody)
    folder = Path(options.cache) if options.cache is not None else out / "samples"
    store = SampleCache(folder, {"model": model, **config.samples.settings()})
    _encode_clips(clips, names, store, pipeline, encoders, config, accelerator, options.progress)
    task = _VideoTask(pipeline, store, names, out, config, dtype, accelerator.device).task()
    return run_loop(
        task,
        out,
        config.loop,
        accelerator,
        options,
        finish=lambda report: _write(out, pipeline.transformer, config, report),
    )


def _encode_clips(
    clips: Path | str,
    names: Sequence[str],
    store: SampleCache,
    pipeline: Any,
    encoders: VideoEncoders,
    config: VideoTraining,
    accelerator: Any,
    progress: ProgressFn,
) -> None:
    """Encode the clips that have no sample yet, each process its share, and drop the encoders of text and picture."""
    stride, device = config.samples.stride, accelerator.device
    missing = [name for name in names if store.missing([sample_name(name, stride)])]
    mine = missing[accelerator.process_index :: accelerator.num_processes]
    if accelerator.is_main_process and store.missing([NO_TEXT]):
        store.write(NO_TEXT, {"text": without_padding(encoders.text(""))})
    if mine:
        pipeline.vae.to(device)
    for number, clip in enumerate(iterate_clips(clips, set(mine))):
        repeat = functools.partial(_repeat, progress, ProgressEvent(number, len(mine), "encode clips"))
        sample = encode_sample(
            clip, config.samples, pipeline, encoders.text, encoders.image, device=device, progress=repeat
        )
        store.write(sample_name(clip.name, stride), sample)
    progress(ProgressEvent(len(mine), len(mine), "encode clips"))
    accelerator.wait_for_everyone()
    pipeline.text_encoder = pipeline.image_encoder = None


def _repeat(progress: ProgressFn, event: ProgressEvent, _: ProgressEvent) -> None:
    """Report the clip instead of what is done inside of it."""
    progress(event)


class _VideoTask:
    """What the loop asks for."""

    def __init__(
        self,
        pipeline: Any,
        store: SampleCache,
        names: Sequence[str],
        out: Path,
        config: VideoTraining,
        dtype: torch.dtype,
        device: torch.device,
    ) -> None:
        self.pipeline, self.store, self.out, self.config, self.device = pipeline, store, out, config, device
        named = [sample_name(name, config.samples.stride) for name in sorted(names)]
        self.names, self.held_out = (
            named[: len(named) - config.held_out],
            named[len(named) - config.held_out :],
        )
        self.dtype = dtype
        self.network = pipeline.transformer
        prepare_network(self.network, config.rank, config.targets, config.alpha, config.loop.seed, device)
        if config.checkpointing:
            self.network.enable_gradient_checkpointing()

    def task(self) -> Task[_Sample]:
        """Return it."""
        config = self.config
        settings = {
            **config.samples.settings(),
            **{
                name: getattr(config, name)
                for name in ("rank", "alpha", "levels", "shift", "drop_text", "roll")
            },
            **{"targets": list(config.targets), "batch": config.loop.batch},
        }
        return Task(self.network, self.draw, self.losses, self.shape_of, self.validate, settings)

    def draw(self, rng: torch.Generator) -> _Sample:
        name = self.names[int(torch.randint(len(self.names), (), generator=rng))]
        parts = self.store.read(name)
        if self.config.roll:
            by = int(torch.randint(parts["latents"].shape[-1], (), generator=rng))
            parts = parts | {name: parts[name].roll(by, -1) for name in ("latents", "condition")}
        level = draw_level(self.config.levels, self.config.shift, rng)
        has_text = float(torch.rand((), generator=rng)) >= self.config.drop_text
        noise = torch.randn(parts["latents"].shape, generator=rng)
        return _Sample(parts, noise, level, has_text)

    @staticmethod
    def shape_of(sample: _Sample) -> tuple[int, ...]:
        return tuple(sample.parts["latents"].shape)

    def text_of(self, parts: dict[str, Tensor]) -> Tensor:  # [512, D]
        states = parts["text"].float()
        return F.pad(states, (0, 0, 0, _TOKENS - len(states)))

    def losses(self, samples: Sequence[_Sample]) -> Tensor:
        clean = torch.stack([s.parts["latents"].float() for s in samples]).to(self.device)
        condition = torch.stack([s.parts["condition"].float() for s in samples]).to(self.device)
        noise = torch.stack([s.noise for s in samples]).to(self.device)
        level = torch.tensor([s.level for s in samples], device=self.device)
        empty = self.store.read(NO_TEXT)
        text = torch.stack([self.text_of(s.parts if s.has_text else empty) for s in samples]).to(self.device)
        image = None
        if "image" in samples[0].parts:
            image = torch.stack([s.parts["image"].float() for s in samples]).to(self.device)
        with torch.autocast(self.device.type, self.dtype, enabled=self.dtype != torch.float32):
            answer = self.network(
                hidden_states=torch.cat((noised(clean, noise, level), condition), 1),
                timestep=1000 * level,
                encoder_hidden_states=text,
                encoder_hidden_states_image=image,
                return_dict=False,
            )[0]
        found: Tensor = (answer.float() - flow_of(clean, noise)).square().flatten(1).mean(1)
        return found

    def validate(self, done: int) -> None:
        """Write a picture: guidance, result and truth of the first, middle and last frame of held-out clips."""
        for number, name in enumerate(self.held_out or self.names[:1]):
            end = f"-{number + 1}" if len(self.held_out) > 1 else ""
            write_image(self.out / f"validation-{done}{end}.png", self.picture(self.store.read(name)))

    def picture(self, parts: dict[str, Tensor]) -> Tensor:  # [3 H, 3 W, 3]
        """Sample a clip's video and return its guidance, the result and the truth side by side."""
        rows, columns = (8 * n for n in parts["latents"].shape[-2:])
        settings = VideoConfig(
            height=rows, width=columns, steps=self.config.show_steps, cfg=1.0, shift=self.config.shift
        )
        rng = torch.Generator().manual_seed(self.config.loop.seed)
        noise = torch.randn((1, *parts["latents"].shape), generator=rng)
        image = parts["image"].float()[None] if "image" in parts else None
        condition, text = parts["condition"].float()[None], (self.text_of(parts)[None], None)
        with torch.autocast(self.device.type, self.dtype, enabled=self.dtype != torch.float32):
            made = sample_latents(
                self.network, noise, condition, text, image, config=settings, device=self.device
            )
        self.pipeline.vae.to(self.device)
        truth = F.interpolate(parts["frames"].float().movedim(-1, 1) / 255, (rows, columns)).movedim(1, -1)
        shown = [truth]
        for latent in (made, condition[:, 4:]):
            frames = decode_frames(self.pipeline, latent, settings, self.device)
            shown.insert(0, frames[[0, len(frames) // 2, -1]])
        return torch.cat([frames.flatten(0, 1) for frames in shown], 1)


def video_costs(network: Any, config: VideoTraining, clips: int, processes: int = 1) -> Costs:
    """Work out what a run takes; the network may be on the meta device."""
    rows, settings = max(config.samples.sizes), network.config
    latents = ((config.samples.frames - 1) // 4 + 1) * (rows // 8) * (rows // 4)
    states = _TOKENS * settings.text_dim + _IMAGE_TOKENS * (settings.image_dim or 0)
    sample = 2 * (36 * latents + states) + 9 * rows * rows // 2
    return estimate_costs(
        network,
        _probe,
        latents // 4,
        config.loop,
        rank=config.rank,
        targets=config.targets,
        checkpointing=config.checkpointing,
        samples=clips * sample,
        processes=processes,
    )


def _probe(network: Any, tokens: int) -> Tensor:
    settings = network.config
    image = torch.zeros(1, _IMAGE_TOKENS, settings.image_dim) if settings.image_dim else None
    answer: Tensor = network(
        hidden_states=torch.zeros(1, settings.in_channels, 1, 4, tokens),
        timestep=torch.ones(1),
        encoder_hidden_states=torch.zeros(1, _TOKENS, settings.text_dim),
        encoder_hidden_states_image=image,
        return_dict=False,
    )[0]
    return answer


def _write(out: Path, network: Any, config: VideoTraining, report: LoopReport) -> list[Path]:
    if not config.rank:
        return write_network(out, "video_model", network, report.weights)
    notes = {"rank": str(config.rank), "steps": str(config.loop.steps)}
    return [
        write_upstream_lora(out / "video_lora.safetensors", network, report.weights, notes),
        write_diffusers_lora(out / "video_lora_diffusers.safetensors", network, report.weights, notes),
    ]
