"""Training of a small video VAE of Wan's architecture.

The encoder's latents end with the mean and deviation per channel that Wan 2.1 states, so that what is made for the
released VAE fits: its last layer and the decoder's first are rescaled to them.
"""

from __future__ import annotations

import contextlib
import functools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from ..errors import InvalidInput
from ..io.images import write_image
from ..io.tensors import write_tensors
from ..metrics.image import ssim_map
from ..minis.networks import VAE_WIDTH, make_video_vae
from ..standalone.native_weights import native_weights
from ..standalone.video import latent_statistics
from .linear_start import LEAST_WIDTH, start_linear
from .loop import LoopConfig, LoopReport, RunOptions, Task, run_loop

__all__ = [
    "VAETraining",
    "encode_latents",
    "fit_statistics",
    "picture_loss",
    "train_video_vae",
]

_STRIDE_PX, _STRIDE_FRAMES = 8, 4


@dataclass(frozen=True)
class VAETraining:
    """Settings of a run.

    Attributes:
        width: channels at full resolution, at least 12.
        crop_frames: frames of a crop, 4k + 1.
        crop_px: side of a crop.
        noise: deviation of noise on the normalized latents that the decoder gets used to, which makes them smooth.
        holes: share of crops with black holes, as guidance has.
        ssim_weight: of one minus SSIM beside the absolute error.
        edge_weight: of the error of differences between neighbors.
        precision: ``"fp32"`` or ``"bf16"`` arithmetic.
        stills: loop of a first stage on single frames, after which every frame is treated like a still.
        loop: of the stage on videos.
    """

    width: int = VAE_WIDTH
    crop_frames: int = 9
    crop_px: int = 80
    noise: float = 0.25
    holes: float = 0.25
    ssim_weight: float = 0.2
    edge_weight: float = 1.0
    precision: str = "bf16"
    stills: LoopConfig = field(
        default_factory=lambda: LoopConfig(
            steps=2400, batch=6, lr=6e-4, warmup=50, schedule="cosine", average=0.995
        )
    )
    loop: LoopConfig = field(
        default_factory=lambda: LoopConfig(steps=2600, lr=4e-4, warmup=50, schedule="cosine", average=0.995)
    )

    def __post_init__(self) -> None:
        if self.width < LEAST_WIDTH:
            raise InvalidInput(f"width must be at least {LEAST_WIDTH}; got {self.width}.")
        if self.crop_frames % _STRIDE_FRAMES != 1 or self.crop_px < 32 or self.crop_px % _STRIDE_PX:
            raise InvalidInput(
                f"crop_frames must be 4k + 1 and crop_px a multiple of {_STRIDE_PX} from 32; got {self.crop_frames} "
                f"and {self.crop_px}."
            )
        if not 0 <= self.noise < math.inf or not 0 <= self.holes <= 1:
            raise InvalidInput(
                f"noise must be at least 0 and holes a share; got {self.noise} and {self.holes}."
            )
        if self.precision not in ("fp32", "bf16"):
            raise InvalidInput(f"precision must be fp32 or bf16; got {self.precision!r}.")


@contextlib.contextmanager
def _in_two_dimensions(vae: Any) -> Iterator[None]:
    """Leave out the products with the zeros before a single frame; the result is the same in half the time."""
    from diffusers.models.autoencoders.autoencoder_kl_wan import WanCausalConv3d

    def convolve(layer: Any, x: Tensor, cache_x: Tensor | None = None) -> Tensor:
        side = layer.weight.shape[-1]
        return functional.conv2d(x[:, :, 0], layer.weight[:, :, -1], layer.bias, padding=side // 2)[
            :, :, None
        ]

    layers: list[Any] = [layer for layer in vae.modules() if isinstance(layer, WanCausalConv3d)]
    for layer in layers:
        layer.forward = functools.partial(convolve, layer)
    try:
        yield
    finally:
        for layer in layers:
            del layer.forward


def picture_loss(made: Tensor, wanted: Tensor, config: VAETraining) -> Tensor:
    """Return the loss of pictures ``[B, 3, H, W]`` in [-1, 1], ``[B]``: absolute error, its edges, one minus SSIM."""
    off = made - wanted
    total = off.abs().flatten(1).mean(1)
    if config.edge_weight:
        across, down = off[..., 1:] - off[..., :-1], off[..., 1:, :] - off[..., :-1, :]
        total = (
            total + config.edge_weight * (across.abs().flatten(1).mean(1) + down.abs().flatten(1).mean(1)) / 2
        )
    if config.ssim_weight:
        pairs = zip(made, wanted, strict=True)
        alike = [ssim_map(a.movedim(0, -1) / 2 + 0.5, b.movedim(0, -1) / 2 + 0.5).mean() for a, b in pairs]
        total = total + config.ssim_weight * (1 - torch.stack(alike))
    return total


def encode_latents(vae: Any, frames: Tensor) -> Tensor:  # [T, H, W, 3] -> [16, t, H/8, W/8]
    """Encode frames in [0, 1] to normalized latents; the picture's sides are not joined."""
    mean, deviation = latent_statistics(vae)
    raw = vae.encode((frames * 2 - 1).movedim(-1, 0)[None]).latent_dist.mode()
    result: Tensor = ((raw - mean) / deviation)[0]
    return result


@torch.no_grad()
def fit_statistics(vae: Any, clips: Sequence[Tensor]) -> None:
    """Rescale a VAE's latents to the mean and deviation per channel that its configuration states; the pictures stay.

    Args:
        vae: an `AutoencoderKLWan`; changed in place.
        clips: frames ``[T, H, W, 3]`` in [0, 1] to measure on.
    """
    latents = torch.cat([encode_latents(vae, clip).flatten(1) for clip in clips], 1)
    mean, deviation = latents.mean(1), latents.std(1).clamp_min(1e-6)
    wanted_mean, wanted = (v.flatten() for v in latent_statistics(vae))
    mean, deviation = mean * wanted + wanted_mean, deviation * wanted  # of the raw latents
    out, back = vae.quant_conv, vae.post_quant_conv
    channels = len(mean)
    scale = wanted / deviation
    out.weight[:channels] *= scale.view(-1, 1, 1, 1, 1)
    out.bias[:channels] = (out.bias[:channels] - mean) * scale + wanted_mean
    back.bias += back.weight[..., 0, 0, 0] @ (mean - wanted_mean / scale)
    back.weight /= scale.view(1, -1, 1, 1, 1)
    out.weight[channels:], out.bias[channels:] = 0, -30.0  # of the variance: none


@dataclass(frozen=True)
class _Crop:
    pixels: Tensor  # [3, T, h, w] in [-1, 1]
    noise: Tensor  # [16, t, h/8, w/8]


def _draw_crop(clips: Sequence[Tensor], config: VAETraining, frames: int, rng: torch.Generator) -> _Crop:
    """Cut frames out of a clip: any columns, the seam's too, at any speed it has frames for, mirrored at random."""

    def draw(most: int) -> int:
        return int(torch.randint(most, (), generator=rng))

    clip, side = clips[draw(len(clips))], config.crop_px
    stride = 1 + draw(max(1, (len(clip) - 1) // max(1, frames - 1)))
    first = draw(len(clip) - stride * (frames - 1))
    chosen = clip[first : first + stride * (frames - 1) + 1 : stride].roll(draw(clip.shape[2]), 2)
    top = draw(clip.shape[1] - side + 1)
    pixels = chosen[:, top : top + side, :side].movedim(-1, 0).float() / 127.5 - 1
    if draw(2):
        pixels = pixels.flip(-1)
    if draw(2):
        pixels = pixels.flip(1)
    if float(torch.rand((), generator=rng)) < config.holes:
        field = torch.randn((1, 1, 3, 4, 4), generator=rng)
        field = functional.interpolate(field, (frames, side, side), mode="trilinear")[0]
        pixels = torch.where(field > 0.5, -1.0, pixels)
    rows = side // _STRIDE_PX
    noise = torch.randn((16, (frames - 1) // _STRIDE_FRAMES + 1, rows, rows), generator=rng)
    return _Crop(pixels, config.noise * noise)


def train_video_vae(
    clips: Sequence[Tensor],
    out: Path | str,
    config: VAETraining | None = None,
    options: RunOptions | None = None,
    *,
    shown: Sequence[Tensor] = (),
) -> LoopReport:
    """Train a video VAE on crops.

    Writes ``checkpoint-N/``, ``validation-N.png`` (above the truth, below what is decoded), and at the end
    ``video_vae.safetensors`` (Wan's names, half precision) and the folder ``vae`` (diffusers').

    Args:
        clips: frames ``[T, H, W, 3]`` uint8.
        out: made when missing.
        config: see `VAETraining`.
        options: see `RunOptions`; nothing is encoded beforehand.
        shown: clips for validation pictures and for nothing else.

    Raises:
        InvalidInput: when clips are too few, short or small, or see `run_loop`.
        TrainingDiverged: see `run_loop`.
    """
    config, out = config or VAETraining(), Path(out)
    _check_clips(clips, config, config.crop_frames)
    torch.manual_seed(config.loop.seed)
    vae = make_video_vae(config.width)
    start_linear(vae)
    mean, deviation = latent_statistics(vae)

    def losses(crops: Sequence[_Crop]) -> Tensor:
        pixels = torch.stack([crop.pixels for crop in crops])
        with _arithmetic(config):
            raw = vae.encode(pixels).latent_dist.mode()
            noise = torch.stack([crop.noise for crop in crops]) * raw.detach().std((0, 2, 3, 4), keepdim=True)
            made = vae._decode(raw + noise)[0]
        shown, wanted = (values.float().movedim(2, 1).flatten(0, 1) for values in (made, pixels))
        spread = 1e-3 * ((raw - mean) / deviation).square().flatten(1).mean(1)
        total: Tensor = picture_loss(shown, wanted, config).view(len(crops), -1).mean(1) + spread
        return total

    def task(frames: int, folder: Path) -> Task[_Crop]:
        def validate(done: int) -> None:
            sheet = _sheet([clip[:frames] for clip in shown], lambda clip: _there_and_back(vae, clip))
            write_image(folder / f"validation-{done}.png", sheet)

        return Task(
            vae.train(),
            lambda rng: _draw_crop(clips, config, frames, rng),
            losses,
            validate=validate if len(shown) else None,
            settings=_settings(config),
        )

    def finish(report: LoopReport) -> list[Path]:
        vae.load_state_dict(report.weights)
        few, side = clips[:: max(1, len(clips) // 64)][:64], config.crop_px
        fit_statistics(vae.train(False), [clip[: config.crop_frames, :, :side].float() / 255 for clip in few])
        weights = {name: tensor.half() for name, tensor in native_weights(vae).items()}
        write_tensors(out / "video_vae.safetensors", weights)
        vae.save_pretrained(out / "vae")
        return [out / "video_vae.safetensors", out / "vae"]

    def keep_average(report: LoopReport) -> list[Path]:
        vae.load_state_dict(report.weights, strict=False)
        return []

    options = options or RunOptions()
    stills = out / "stills"
    with _in_two_dimensions(vae):
        _run(task(1, stills), stills, config.stills, keep_average, options, "train on stills")
    return _run(task(config.crop_frames, out), out, config.loop, finish, options)


def _settings(config: VAETraining) -> dict[str, Any]:
    return {name: value for name, value in asdict(config).items() if name not in ("stills", "loop")}


def _run(
    task: Task[_Crop],
    out: Path,
    loop: LoopConfig,
    finish: Callable[[LoopReport], list[Path]],
    options: RunOptions,
    phase: str = "train",
) -> LoopReport:
    from accelerate import Accelerator

    loop = replace(loop, at_once=max(loop.at_once, loop.batch))
    return run_loop(task, out, loop, Accelerator(cpu=True), options, finish=finish, phase=phase)


def _arithmetic(config: VAETraining) -> torch.autocast:
    return torch.autocast("cpu", torch.bfloat16, enabled=config.precision == "bf16")


def _check_clips(clips: Sequence[Tensor], config: VAETraining, frames: int) -> None:
    if not clips:
        raise InvalidInput("clips must hold at least one clip; got none.")
    for number, clip in enumerate(clips):
        if (
            clip.ndim != 4
            or clip.dtype != torch.uint8
            or len(clip) < frames
            or clip.shape[1] < config.crop_px
        ):
            raise InvalidInput(
                f"clips must be uint8 frames [T, H, W, 3], at least {frames} of {config.crop_px} rows; clip {number} "
                f"is {clip.dtype} {tuple(clip.shape)}."
            )


@torch.no_grad()
def _there_and_back(vae: Any, clip: Tensor) -> Tensor:  # [T, H, W, 3] in [0, 1]
    raw = vae.encode((clip * 2 - 1).movedim(-1, 0)[None]).latent_dist.mode()
    made: Tensor = (vae._decode(raw)[0][0] / 2 + 0.5).clamp(0, 1).movedim(0, -1)
    return made


def _sheet(clips: Sequence[Tensor], back: Callable[[Tensor], Tensor]) -> Tensor:
    """Return the last frames of clips above what becomes of them."""

    def columns() -> Iterator[Tensor]:
        for clip in clips:
            frames = clip.float() / 255
            yield torch.cat((frames[-1], back(frames)[-1]))

    return torch.cat(list(columns()), 1)
