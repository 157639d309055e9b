"""Training of the panorama model: FLUX learns panoramas from pictures with captions, by a LoRA or as a whole.

A panorama is a ring, so every sample is rolled by columns drawn at random.

Source: Matrix-3D, 2025, appendix (LoRA on FLUX with 1000 panoramas).
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from ..checks import check_two_to_one
from ..diffusion.circular import circular_decode, circular_encode
from ..diffusion.schedule import flow_sigmas
from ..errors import InvalidInput
from ..factory.shards import INDEX, read_first_frames
from ..io.images import IMAGE_SUFFIXES, read_image, write_image
from ..progress import ProgressEvent, ProgressFn
from ..standalone.latent_roll import pack_latent, unpack_latent
from ..standalone.pipelines import DTYPES, PipelineSource, choose_device, opened_pipeline
from .adapters import FLUX_TARGETS, prepare_network, write_diffusers_lora, write_network
from .clips import find_clips
from .costs import Costs, estimate_costs, say_costs
from .flow import draw_level, flow_of, noised
from .loop import LoopConfig, LoopReport, RunOptions, Task, run_loop, tell_nobody
from .sample_cache import NO_TEXT, SampleCache
from .video_samples import largest_size

__all__ = [
    "PanoEncoders",
    "PanoTraining",
    "Picture",
    "find_pictures",
    "pano_costs",
    "sample_panorama",
    "train_pano_lora",
    "train_pano_network",
]

WHAT = "training a panorama model"
_PATCH_PX, _CHANNELS, _TOKENS = 16, 16, 512


@dataclass(frozen=True)
class PanoTraining:
    """Settings of a run.

    Attributes:
        sizes: rows of the panoramas; a picture takes the largest that it has.
        rank: of the LoRA; 0 trains all weights of the network.
        alpha: the LoRA is scaled by ``alpha / rank``; the rank when None.
        targets: modules with a LoRA, see `adapters.add_lora`.
        levels: how noise levels are drawn, see `flow.draw_level`.
        shift: of the levels.
        guidance: FLUX's distilled guidance that the network is given.
        roll: roll the panoramas by columns drawn at random.
        drop_text: share of samples whose text is left out, for classifier-free guidance.
        prompts: texts of the validation pictures; none takes the caption of the first panorama.
        checkpointing: compute blocks again in the backward pass, which saves memory.
        show_steps: sampling steps of validation pictures.
        loop: steps, batch and rate.
    """

    sizes: tuple[int, ...] = (512,)
    rank: int = 16
    alpha: float | None = None
    targets: tuple[str, ...] = FLUX_TARGETS
    levels: str = "logit-normal"
    shift: float = 1.0
    guidance: float = 1.0
    roll: bool = True
    drop_text: float = 0.0
    prompts: tuple[str, ...] = ()
    checkpointing: bool = True
    show_steps: int = 20
    loop: LoopConfig = field(default_factory=lambda: LoopConfig(steps=2000, batch=4, lr=1e-4))

    def __post_init__(self) -> None:
        if not self.sizes or any(rows < _PATCH_PX or rows % _PATCH_PX for rows in self.sizes):
            raise InvalidInput(f"sizes must be multiples of {_PATCH_PX}; got {self.sizes}.")
        if self.rank < 0 or self.show_steps < 1:
            raise InvalidInput(
                f"rank must not be negative and show_steps at least 1; got {self.rank} and {self.show_steps}."
            )
        if not 0 <= self.drop_text < 1:
            raise InvalidInput(f"drop_text must be at least 0 and below 1; got {self.drop_text}.")
        draw_level(self.levels, self.shift, torch.Generator().manual_seed(0))


@dataclass(frozen=True)
class Picture:
    """A panorama to learn from.

    Attributes:
        name: of its own.
        source: a file, or the content of one.
        caption: what it shows.
    """

    name: str
    source: Path | bytes
    caption: str

    def read(self) -> Tensor:  # [H, W, 3]
        """Decode it.

        Raises:
            FormatError: when it is damaged.
            InvalidInput: when it is no panorama.
        """
        rgb = read_image(io.BytesIO(self.source) if isinstance(self.source, bytes) else self.source)
        check_two_to_one(self.name, *rgb.shape[:2])
        return rgb


def find_pictures(root: Path | str) -> Iterator[Picture]:
    """Find panoramas with captions.

    The first frames of the factory's shards or of clip folders, or all pictures below a folder that have a text file of
    the same name beside them.

    Raises:
        InvalidInput: when there is none, or a picture has no caption.
    """
    root = Path(root)
    if (root / INDEX).is_file():
        yield from (Picture(*found) for found in read_first_frames(root))
        return
    files = [path for path in sorted(root.rglob("*")) if path.suffix.lower() in IMAGE_SUFFIXES]
    captions = {path: path.with_suffix(".txt") for path in files}
    if any(text.is_file() for text in captions.values()):
        for path, text in captions.items():
            if not text.is_file():
                raise InvalidInput(
                    f"{path.name} must have its caption beside it, in {text.name}; there is none."
                )
            yield Picture(path.relative_to(root).as_posix(), path, text.read_text(encoding="utf-8").strip())
        return
    for folder in find_clips(root):
        frames = [
            path for path in sorted((folder / "frames").glob("*")) if path.suffix.lower() in IMAGE_SUFFIXES
        ]
        caption = folder / "caption.txt"
        if not frames or not caption.is_file():
            raise InvalidInput(f"{folder.name} must hold frames and caption.txt; it does not.")
        yield Picture(folder.name, frames[0], caption.read_text(encoding="utf-8").strip())


@dataclass(frozen=True)
class _Sample:
    """A sample and what was drawn for it."""

    parts: dict[str, Tensor]
    latents: Tensor  # [16, h, w], rolled
    noise: Tensor
    level: float


def train_pano_lora(
    pictures: Path | str,
    out: Path | str,
    source: PipelineSource,
    config: PanoTraining | None = None,
    options: RunOptions | None = None,
) -> LoopReport:
    """Encode panoramas that are not encoded yet, and train.

    Writes ``checkpoint-N/``, ``validation-N.png``, and at the end ``pano_lora.safetensors`` (diffusers' names, as
    upstream's, for `PanoLoRA`); of a whole network ``pano_model.safetensors`` (its makers'
    names) and the folder ``transformer`` (diffusers').

    Args:
        pictures: see `find_pictures`.
        out: made when missing.
        source: a FLUX pipeline.
        config: see `PanoTraining`.
        options: see `RunOptions`.

    Raises:
        InvalidInput: when pictures, model or settings do not fit, memory or disk do not suffice, or see `run_loop`.
        FormatError: when pictures or weights are damaged.
        BackendUnavailable: when packages or weights are missing.
        TrainingDiverged: see `run_loop`.
    """
    with opened_pipeline("FluxPipeline", source, WHAT) as pipeline:
        device = choose_device(source.device)
        return train_pano_network(
            pipeline,
            PanoEncoders.of(pipeline, device),
            pictures,
            out,
            config,
            options,
            model=source.model,
            dtype=DTYPES[source.dtype],
            device=device,
        )


@dataclass(frozen=True)
class PanoEncoders:
    """What picture and text become.

    Attributes:
        picture: ``[1, H, W, 3]`` in [0, 1] to the network's latents ``[1, 16, H/8, W/8]``.
        text: a prompt to states ``[tokens, D]`` and pooled ones ``[P]``.
        decode: the network's latents to a picture in [0, 1], for validation.
    """

    picture: Callable[[Tensor], Tensor]
    text: Callable[[str], tuple[Tensor, Tensor]]
    decode: Callable[[Tensor], Tensor]

    @classmethod
    def of(cls, pipeline: Any, device: torch.device | str) -> PanoEncoders:
        """Return those of a FLUX pipeline; they move to ``device`` when they are first used."""
        vae = pipeline.vae

        def picture(pixels: Tensor) -> Tensor:
            image = (pixels * 2 - 1).movedim(-1, 1).to(device, vae.dtype)
            latent = vae.to(device).encode(image).latent_dist.mode().float().cpu()
            result: Tensor = (latent - vae.config.shift_factor) * vae.config.scaling_factor
            return result

        def text(prompt: str) -> tuple[Tensor, Tensor]:
            for part in (pipeline.text_encoder, pipeline.text_encoder_2):
                part.to(device)
            states, pooled, _ = pipeline.encode_prompt(
                prompt, None, device=device, max_sequence_length=_TOKENS
            )
            return states[0], pooled[0]

        def decode(latent: Tensor) -> Tensor:
            scaled = latent / vae.config.scaling_factor + vae.config.shift_factor
            image = vae.to(device).decode(scaled.to(device, vae.dtype), return_dict=False)[0]
            made: Tensor = (image.float().cpu() / 2 + 0.5).clamp(0, 1).movedim(1, -1)
            return made

        return cls(picture, text, decode)


def train_pano_network(
    pipeline: Any,
    encoders: PanoEncoders,
    pictures: Path | str,
    out: Path | str,
    config: PanoTraining | None = None,
    options: RunOptions | None = None,
    *,
    model: str,
    dtype: torch.dtype,
    device: torch.device | str = "cpu",
) -> LoopReport:
    """Train the network of anything with a ``transformer`` of FLUX; see `train_pano_lora`.

    Args:
        pipeline: its ``transformer`` is trained; its text encoders are dropped once all is encoded.
        encoders: of pictures and texts.
        pictures: see `find_pictures`.
        out: see `train_pano_lora`.
        config: see `PanoTraining`.
        options: see `RunOptions`.
        model: a name for the encoders; a cache of another one is refused.
        dtype: of the arithmetic.
        device: where it is computed.
    """
    from accelerate import Accelerator

    config, out, options = config or PanoTraining(), Path(out), options or RunOptions()
    found = list(find_pictures(pictures))
    accelerator = Accelerator(cpu=torch.device(device).type == "cpu")
    costs = pano_costs(pipeline.transformer, config, len(found), accelerator.num_processes)
    say_costs(costs, accelerator.device, out, options.tell if accelerator.is_main_process else tell_nobody)
    folder = Path(options.cache) if options.cache is not None else out / "samples"
    store = SampleCache(folder, {"model": model, "sizes": list(config.sizes)})
    _encode(found, store, encoders, config, accelerator, options.progress)
    prompts = (
        [encoders.text(prompt) for prompt in config.prompts or (found[0].caption,)]
        if config.loop.validate_every
        else []
    )
    pipeline.text_encoder = pipeline.text_encoder_2 = None
    names = [picture.name for picture in found]
    task = _PanoTask(
        pipeline.transformer, encoders, store, names, prompts, out, config, dtype, accelerator.device
    ).task()
    return run_loop(
        task,
        out,
        config.loop,
        accelerator,
        options,
        finish=lambda report: _write(out, pipeline.transformer, config, report),
    )


@torch.no_grad()
def _encode(
    pictures: Sequence[Picture],
    store: SampleCache,
    encoders: PanoEncoders,
    config: PanoTraining,
    accelerator: Any,
    progress: ProgressFn,
) -> None:
    """Encode the pictures that have no sample yet, each process its share."""
    if config.drop_text and accelerator.is_main_process and store.missing([NO_TEXT]):
        states, pooled = encoders.text("")
        store.write(NO_TEXT, {"text": states.bfloat16(), "pooled": pooled.bfloat16()})
    missing = set(store.missing(picture.name for picture in pictures))
    todo = [picture for picture in pictures if picture.name in missing]
    mine = todo[accelerator.process_index :: accelerator.num_processes]
    for number, picture in enumerate(mine):
        progress(ProgressEvent(number, len(mine), "encode panoramas"))
        latents = circular_encode(encoders.picture, _pixels_of(picture, config), scale=8)[0]
        states, pooled = encoders.text(picture.caption)
        parts = {"latents": latents.half(), "text": states.bfloat16(), "pooled": pooled.bfloat16()}
        store.write(picture.name, parts)
    progress(ProgressEvent(len(mine), len(mine), "encode panoramas"))
    accelerator.wait_for_everyone()


def _pixels_of(picture: Picture, config: PanoTraining) -> Tensor:  # [1, H, W, 3]
    """Return a panorama at the largest size that it has."""
    rgb = picture.read()
    rows = largest_size(picture.name, rgb.shape[0], config.sizes)
    if rgb.shape[0] == rows:
        return rgb[None]
    planes = rgb.movedim(-1, 0)[None]
    return F.interpolate(planes, (rows, 2 * rows), mode="bilinear", antialias=True).clamp(0, 1).movedim(1, -1)


class _PanoTask:
    """What the loop asks for."""

    def __init__(
        self,
        network: Any,
        encoders: PanoEncoders,
        store: SampleCache,
        names: Sequence[str],
        prompts: Sequence[tuple[Tensor, Tensor]],
        out: Path,
        config: PanoTraining,
        dtype: torch.dtype,
        device: torch.device,
    ) -> None:
        self.network, self.encoders, self.store, self.names = network, encoders, store, sorted(names)
        self.prompts, self.out, self.config, self.dtype, self.device = prompts, out, config, dtype, device
        prepare_network(network, config.rank, config.targets, config.alpha, config.loop.seed, device)
        if config.checkpointing:
            self.network.enable_gradient_checkpointing()

    def task(self) -> Task[_Sample]:
        """Return it."""
        names = ("rank", "alpha", "levels", "shift", "guidance", "roll", "drop_text")
        settings = {name: getattr(self.config, name) for name in names}
        settings |= {"sizes": list(self.config.sizes), "targets": list(self.config.targets)}
        settings |= {"batch": self.config.loop.batch}
        return Task(self.network, self.draw, self.losses, self.shape_of, self.validate, settings)

    def draw(self, rng: torch.Generator) -> _Sample:
        parts = self.store.read(self.names[int(torch.randint(len(self.names), (), generator=rng))])
        latents = parts["latents"].float()
        if self.config.roll:
            latents = latents.roll(int(torch.randint(latents.shape[-1], (), generator=rng)), -1)
        level = draw_level(self.config.levels, self.config.shift, rng)
        if self.config.drop_text and float(torch.rand((), generator=rng)) < self.config.drop_text:
            parts = self.store.read(NO_TEXT)
        return _Sample(parts, latents, torch.randn(latents.shape, generator=rng), level)

    @staticmethod
    def shape_of(sample: _Sample) -> tuple[int, ...]:
        return tuple(sample.latents.shape)

    def losses(self, samples: Sequence[_Sample]) -> Tensor:
        clean, noise = (
            torch.stack([getattr(s, n) for s in samples]).to(self.device) for n in ("latents", "noise")
        )
        level = torch.tensor([s.level for s in samples], device=self.device)
        text, pooled = (
            torch.stack([s.parts[n].float() for s in samples]).to(self.device) for n in ("text", "pooled")
        )
        with torch.autocast(self.device.type, self.dtype, enabled=self.dtype != torch.float32):
            answer = _call(
                self.network, noised(clean, noise, level), level, text, pooled, self.config.guidance
            )
        return (answer.float() - flow_of(clean, noise)).square().flatten(1).mean(1)

    def validate(self, done: int) -> None:
        """Write a panorama for each prompt."""
        rows = max(self.config.sizes)
        for number, (states, pooled) in enumerate(self.prompts):
            rng = torch.Generator().manual_seed(self.config.loop.seed)
            noise = torch.randn(1, _CHANNELS, rows // 8, rows // 4, generator=rng).to(self.device)
            given = states.float()[None].to(self.device), pooled.float()[None].to(self.device)
            with torch.autocast(self.device.type, self.dtype, enabled=self.dtype != torch.float32):
                made = sample_panorama(
                    self.network,
                    noise,
                    *given,
                    steps=self.config.show_steps,
                    shift=self.config.shift,
                    guidance=self.config.guidance,
                )
                picture = circular_decode(self.encoders.decode, made.cpu())[0]
            end = f"-{number + 1}" if len(self.prompts) > 1 else ""
            write_image(self.out / f"validation-{done}{end}.png", picture)


@torch.no_grad()
def sample_panorama(
    network: Any,
    noise: Tensor,  # [1, 16, h, w]
    text: Tensor,  # [1, tokens, D]
    pooled: Tensor,  # [1, P]
    *,
    steps: int,
    shift: float = 1.0,
    guidance: float = 1.0,
) -> Tensor:  # [1, 16, h, w]
    """Sample a panorama's latents with Euler steps; they are rolled by a third before each, so that no seam forms."""
    levels = flow_sigmas(steps, shift).to(noise)
    latents = noise
    by = 2 * (noise.shape[-1] // 6)
    for now, then in pairwise(levels):
        latents = latents.roll(by, -1)
        flow = _call(network, latents, now.view(1), text, pooled, guidance)
        latents = latents + flow.to(latents) * (then - now)
    return latents.roll(-by * steps, -1)


def _call(
    network: Any, latents: Tensor, level: Tensor, text: Tensor, pooled: Tensor, guidance: float
) -> Tensor:  # [B, 16, h, w]
    """Return FLUX's answer for latents ``[B, 16, h, w]`` at levels ``[B]``."""
    rows, columns = (side // 2 for side in latents.shape[-2:])
    places = torch.zeros(rows, columns, 3, device=latents.device)
    places[..., 1], places[..., 2] = torch.meshgrid(
        torch.arange(rows, device=latents.device), torch.arange(columns, device=latents.device), indexing="ij"
    )
    value = None
    if network.config.guidance_embeds:
        value = torch.full((len(latents),), guidance, device=latents.device)
    answer = network(
        hidden_states=pack_latent(latents),
        timestep=level,
        guidance=value,
        pooled_projections=pooled,
        encoder_hidden_states=text,
        txt_ids=torch.zeros(text.shape[1], 3, device=latents.device),
        img_ids=places.reshape(-1, 3),
        return_dict=False,
    )[0]
    return unpack_latent(answer, rows, columns)


def pano_costs(network: Any, config: PanoTraining, pictures: int, processes: int = 1) -> Costs:
    """Work out what a run takes; the network may be on the meta device."""
    rows = max(config.sizes)
    latents = _CHANNELS * (rows // 8) * (rows // 4)
    states = _TOKENS * network.config.joint_attention_dim + network.config.pooled_projection_dim
    return estimate_costs(
        network,
        _probe,
        2 * (rows // _PATCH_PX) ** 2,
        config.loop,
        rank=config.rank,
        targets=config.targets,
        checkpointing=config.checkpointing,
        samples=pictures * 2 * (latents + states),
        processes=processes,
    )


def _probe(network: Any, tokens: int) -> Tensor:
    settings = network.config
    text = torch.zeros(1, _TOKENS, settings.joint_attention_dim)
    pooled = torch.zeros(1, settings.pooled_projection_dim)
    return _call(network, torch.zeros(1, _CHANNELS, 4, tokens), torch.ones(1), text, pooled, 1.0)


def _write(out: Path, network: Any, config: PanoTraining, report: LoopReport) -> list[Path]:
    if not config.rank:
        return write_network(out, "pano_model", network, report.weights)
    notes = {"rank": str(config.rank), "steps": str(config.loop.steps)}
    return [write_diffusers_lora(out / "pano_lora.safetensors", network, report.weights, notes)]
