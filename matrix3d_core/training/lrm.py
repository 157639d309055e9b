"""Training of the reconstruction model in the paper's two stages.

Stage 1 learns depth and color directly: SmoothL1 on depth, L1 on the colors of the harmonics.
Stage 2 freezes everything that affects depth (embeddings, the first four layers, the depth head) and learns the
attributes from renders: squared error and a perceptual term on crops of panoramas that the network saw
(context), between those (interpolated) and beyond them (extrapolated).

Choices that the paper leaves open are settings: the weights of the terms, whether depth or its
inverse is compared, and the share of the kinds of views. LPIPS is used where its weights are given; otherwise
1 - SSIM at two scales replaces it.

Source: Matrix-3D, 2025, section on the reconstruction model (stages, views, crops).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from ..errors import InvalidInput
from ..geometry.crops import crop_erp, upstream_crop_rotations
from ..geometry.pinhole import intrinsics_from_fov
from ..lrm.attributes import depth_from_raw, frame_grid, gaussians_of_frame
from ..lrm.config import LRMConfig
from ..lrm.network import LatentLRM
from ..lrm.rays import ray_source
from ..lrm.weights import write_weights
from ..metrics.image import SSIM_WINDOW_PX, ssim_map
from ..metrics.lpips import open_lpips
from ..raster.splat import render_gaussians
from ..scene.gaussians import SH_C0, Gaussians
from ..scene.trajectory import Trajectory
from .clips import Clip
from .costs import Costs, saved_bytes, say_costs
from .loop import LoopConfig, LoopReport, RunOptions, Task, run_loop, tell_nobody

__all__ = [
    "DEPTH_LOSSES",
    "TrainConfig",
    "freeze_depth",
    "held_out_psnr",
    "lrm_costs",
    "shape_loss",
    "stage1_loss",
    "stage2_loss",
    "train",
]

DEPTH_LOSSES = ("absolute", "inverse")
"""The paper's text has the first, its legend the second."""

_FEW_PX = (8, 16)  # latents on which costs are counted
_GAUSSIAN_BYTES = 4 * 14 * 6  # attributes, their gradients, and what the renderer keeps of them

VIEW_KINDS = ("context", "interpolated", "extrapolated")

_DEPTH_PARTS = (
    "video_conv.",
    "video_layer_norm.",
    "camera_conv.",
    "linear_proj.",
    "transformer_input_layernorm.",
    "transformer.",
    "dpt_head.",
    "deconv3d_dpt.",
)


@dataclass(frozen=True)
class TrainConfig:
    """Settings of a training run; defaults are the paper's where it states them.

    Attributes:
        stage: 1 or 2.
        freeze: in stage 2, what affects depth. Without, and from random weights, everything is trained at once,
            which the paper reports to fail.
        batch: clips of each step, over all processes; at least one for each.
        steps: optimizer steps in all, those before a resumed checkpoint included.
        lr: of AdamW with betas 0.9 and 0.95.
        grad_clip: largest norm of the gradient; 0 does not clip.
        depth_loss: one of `DEPTH_LOSSES`.
        depth_beta: where SmoothL1 changes from quadratic to linear, world units (or their inverse).
        color_weight: of the color term in stage 1.
        perceptual_weight: of the perceptual term in stage 2.
        opacity_weight: of the mean opacity in stage 2, see `shape_loss`.
        scale_weight: of the mean size in stage 2.
        views: renders per clip and step.
        crop_px: side of the renders.
        fov_deg: their field of view is drawn evenly from this range.
        frame_stride: Gaussians of every n-th frame are rendered.
        lpips: file or folder with the weights of LPIPS, see `metrics.lpips`; None takes SSIM.
        backend: splat backend.
        precision: ``"fp32"`` or ``"bf16"`` arithmetic; weights are float32.
        chunk: latent frames per call of a head.
        checkpointing: compute layers and heads again in the backward pass, which saves memory.
        save_every: steps between checkpoints; 0 only at the end.
        seed: everything drawn at step n follows from seed + n, so a resumed run equals an uninterrupted one.
    """

    stage: int = 1
    freeze: bool = True
    batch: int = 1
    steps: int = 20_000
    lr: float = 1e-4
    grad_clip: float = 0.1
    depth_loss: str = "absolute"
    depth_beta: float = 1.0
    color_weight: float = 1.0
    perceptual_weight: float = 0.05
    opacity_weight: float = 0.0
    scale_weight: float = 0.0
    views: int = 32
    crop_px: int = 512
    fov_deg: tuple[float, float] = (60.0, 120.0)
    frame_stride: int = 2
    lpips: str | None = None
    backend: str = "auto"
    precision: str = "bf16"
    chunk: int = 4
    checkpointing: bool = True
    save_every: int = 1000
    seed: int = 0

    def __post_init__(self) -> None:
        if self.stage not in (1, 2):
            raise InvalidInput(f"stage must be 1 or 2; got {self.stage}.")
        if self.depth_loss not in DEPTH_LOSSES or self.precision not in ("fp32", "bf16"):
            raise InvalidInput(
                f"depth_loss must be one of {', '.join(DEPTH_LOSSES)} and precision fp32 or bf16; got "
                f"{self.depth_loss!r} and {self.precision!r}."
            )
        if self.steps < 1 or self.views < 1 or self.crop_px < 2 * SSIM_WINDOW_PX or not self.lr > 0:
            raise InvalidInput(
                f"steps and views must be at least 1, crop_px at least {2 * SSIM_WINDOW_PX} and lr positive; got "
                f"{self.steps}, {self.views}, {self.crop_px} and {self.lr}."
            )
        low, high = self.fov_deg
        if not 0 < low <= high < 170:
            raise InvalidInput(f"fov_deg must be a range within 0 to 170; got {low} to {high}.")


@dataclass(frozen=True)
class _Sample:
    """The input of the network in one step, on the device."""

    clip: Clip
    stride: int
    latents: Tensor  # [1, C, t, h, w]
    path: Trajectory  # of the frames seen

    @property
    def seen(self) -> list[int]:
        """Frames of the clip that the network sees."""
        return [self.stride * i for i in range(len(self.path))]


# Losses -----------------------------------------------------------------------------------------------


def stage1_loss(
    depth: Tensor,  # [T, h, w]
    attributes: Tensor,  # [T, 14, h, w]
    true_depth: Tensor,  # [T, h, w]
    colors: Tensor,  # [T, h, w, 3]
    config: TrainConfig,
    depth_max: float,
) -> Tensor:
    """Return SmoothL1 of depth plus the colors' L1, a scalar.

    Distances beyond the range limit, sky included, are clamped to it.
    """
    wanted = true_depth.nan_to_num(depth_max, posinf=depth_max).clamp(1e-3, depth_max)
    if config.depth_loss == "inverse":
        depth, wanted = 1 / depth.clamp_min(1e-3), 1 / wanted
    shown = 0.5 + SH_C0 * attributes[:, 10:13].movedim(1, -1)
    color = (shown - colors).abs().mean()
    return F.smooth_l1_loss(depth, wanted, beta=config.depth_beta) + config.color_weight * color


def stage2_loss(
    picture: Tensor,  # [H, W, 3]
    target: Tensor,
    config: TrainConfig,
    lpips: Callable[[Tensor, Tensor], Tensor] | None = None,
) -> Tensor:
    """Return the squared error plus the perceptual term, a scalar."""
    error = F.mse_loss(picture, target)
    if not config.perceptual_weight:
        return error
    if lpips is not None:
        a, b = (2 * p.movedim(-1, 0).unsqueeze(0) - 1 for p in (picture, target))
        return error + config.perceptual_weight * lpips(a, b).mean()
    halves = (F.avg_pool2d(p.movedim(-1, 0), 2).movedim(0, -1) for p in (picture, target))
    unlike = 1 - ssim_map(picture, target).mean() / 2 - ssim_map(*halves).mean() / 2
    return error + config.perceptual_weight * unlike


def freeze_depth(model: LatentLRM) -> list[str]:
    """Stop gradients into everything that affects depth; return the names of the trained parameters."""
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(not name.startswith(_DEPTH_PARTS))
    return [name for name, parameter in model.named_parameters() if parameter.requires_grad]


# Samples ----------------------------------------------------------------------------------------------


def _draw_sample(clips: Sequence[Clip], rng: torch.Generator, device: torch.device | str) -> _Sample:
    clip = clips[int(torch.randint(len(clips), (), generator=rng))]
    strides = sorted(clip.latents)
    return _sample_of(clip, strides[int(torch.randint(len(strides), (), generator=rng))], device)


def _sample_of(clip: Clip, stride: int, device: torch.device | str) -> _Sample:
    latents = clip.latents[stride].unsqueeze(0).to(device, torch.float32)
    index = torch.arange(4 * (latents.shape[2] - 1) + 1) * stride
    path = replace(clip.trajectory, camera_from_world=clip.trajectory.camera_from_world[index])
    return _Sample(clip, stride, latents, path)


def view_frames(frames: int, seen: Sequence[int], kind: str) -> list[int]:
    """Return the frames of a clip that are of a kind of view; see `VIEW_KINDS`."""
    if kind == "context":
        return list(seen)
    if kind == "interpolated":
        return [i for i in range(seen[0], seen[-1]) if i not in set(seen)]
    return list(range(seen[-1] + 1, frames))


def _draw_views(sample: _Sample, config: TrainConfig, rng: torch.Generator) -> list[tuple[int, int, float]]:
    """Return ``(frame, crop of 12, field of view in radians)``, a third of each kind where there are any."""
    pools = [view_frames(len(sample.clip.frames), sample.seen, kind) for kind in VIEW_KINDS]
    pools = [pool for pool in pools if pool]
    low, high = (math.radians(v) for v in config.fov_deg)
    views = []
    for index in range(config.views):
        pool = pools[index % len(pools)]
        frame = pool[int(torch.randint(len(pool), (), generator=rng))]
        crop = int(torch.randint(12, (), generator=rng))
        views.append((frame, crop, low + (high - low) * float(torch.rand((), generator=rng))))
    return views


def _look(
    sample: _Sample, gaussians: Gaussians, view: tuple[int, int, float], size_px: int, backend: str
) -> tuple[Tensor, Tensor]:
    """Return a render and the same crop of the clip's panorama."""
    frame, crop, fov_rad = view
    turn = upstream_crop_rotations()[crop]
    K_px = intrinsics_from_fov(fov_rad, size_px, size_px)
    pose = sample.clip.trajectory.camera_from_world[frame].clone()
    pose[:3] = turn @ pose[:3]
    picture = render_gaussians(gaussians, pose, K_px, size_px, size_px, backend=backend).rgb
    panorama = sample.clip.frames[frame].float() / 255
    return picture, crop_erp(panorama, turn[None], K_px, size_px, size_px)[0].to(picture)


def _gaussians(
    depth: Tensor, attributes: Tensor, path: Trajectory, config: LRMConfig, stride: int
) -> Gaussians:
    height, width = depth.shape[1:]
    return Gaussians.concatenate(
        *(
            gaussians_of_frame(
                depth[i],
                attributes[i],
                path.camera_from_world[i],
                frame_grid(path, i, config, height, width, depth.device),
                config,
            )
            for i in range(0, len(depth), stride)
        )
    )


def _forward(model: Any, config: LRMConfig, sample: _Sample, settings: TrainConfig) -> tuple[Tensor, Tensor]:
    return _pass(model, config, sample.latents, sample.path, settings)


def _pass(
    model: Any, config: LRMConfig, latents: Tensor, path: Trajectory, settings: TrainConfig
) -> tuple[Tensor, Tensor]:
    scale = config.pixels_per_latent
    height, width = (scale * n for n in latents.shape[-2:])
    rays = ray_source(path, config, height, width, device=latents.device)
    values = latents.bfloat16() if settings.precision == "bf16" else latents
    depth_raw, attributes = model(values, rays, chunk=settings.chunk)
    return depth_from_raw(depth_raw[0], config.depth_max), attributes[0]


def _truth(sample: _Sample, like: Tensor) -> tuple[Tensor, Tensor]:
    """Return distances and colors of the frames seen, at the size of the maps ``like [T, h, w]``."""
    (height, width), device = like.shape[1:], like.device
    frames = sample.clip.frames[sample.seen].to(device).float() / 255
    colors = F.interpolate(frames.movedim(-1, 1), (height, width), mode="area").movedim(1, -1)
    depth = F.interpolate(
        sample.clip.depth[sample.seen, None].to(device), (height, width), mode="nearest-exact"
    )
    return depth[:, 0], colors


def held_out_psnr(
    model: LatentLRM,
    clip: Clip,
    settings: TrainConfig,
    *,
    count: int = 12,
    device: torch.device | str = "cpu",
) -> dict[str, float]:
    """Return the PSNR of renders at frames the network did not see, and its relative depth error.

    Args:
        model: on ``device``.
        clip: the largest stride's latents are used; frames that it leaves out or ends before are rendered.
        settings: crop size, backend, precision.
        count: views, spread evenly over those frames and the twelve directions.
        device: of the model.
    """
    sample = _sample_of(clip, max(clip.latents), device)
    others = [i for i in range(len(clip.frames)) if i not in set(sample.seen)] or sample.seen
    with torch.no_grad():
        depth, attributes = _forward(model, model.config, sample, settings)
        true_depth, _ = _truth(sample, depth)
        near = true_depth.isfinite() & (true_depth < model.config.depth_max)
        wrong = ((depth - true_depth).abs() / true_depth)[near].median()
        gaussians = _gaussians(depth, attributes, sample.path, model.config, settings.frame_stride)
        error = 0.0
        for index in range(count):
            view = (others[index * len(others) // count], (5 * index) % 12, math.radians(90))
            picture, target = _look(sample, gaussians, view, settings.crop_px, settings.backend)
            error += float(F.mse_loss(picture.clamp(0, 1), target)) / count
    return {"psnr_db": -10 * math.log10(max(error, 1e-12)), "median_relative_depth_error": float(wrong)}


# The run ----------------------------------------------------------------------------------------------


def train(
    model: LatentLRM,
    clips: Sequence[Clip],
    out_dir: Path | str,
    config: TrainConfig | None = None,
    options: RunOptions | None = None,
) -> LoopReport:
    """Train with accelerate: on the devices it was launched for.

    Writes ``checkpoint-N/`` while it runs (the two latest are kept) and ``lrm.safetensors`` at the end.

    Args:
        model: float32 weights; changed in place.
        clips: at least one.
        out_dir: made when missing.
        config: see `TrainConfig`.
        options: see `RunOptions`; clips are encoded already, so that it needs no cache.

    Raises:
        InvalidInput: without clips, when memory or disk do not suffice, or for a folder with another run, see
            `run_loop`.
        TrainingDiverged: see `run_loop`.
    """
    from accelerate import Accelerator

    config, options = config or TrainConfig(), options or RunOptions()
    if not clips:
        raise InvalidInput("clips must hold at least one clip; got none.")
    accelerator = Accelerator(cpu=not torch.cuda.is_available())
    device = accelerator.device
    model.train().requires_grad_(True).to(device)
    if config.stage == 2 and config.freeze:
        freeze_depth(model)
    model.is_checkpointing = config.checkpointing
    lpips = open_lpips(config.lpips, device) if config.lpips else None

    def draw(rng: torch.Generator) -> tuple[_Sample, torch.Generator]:
        return _draw_sample(clips, rng, device), rng

    def losses(samples: Sequence[tuple[_Sample, torch.Generator]]) -> Tensor:
        return torch.stack([_loss(model, sample, config, rng, lpips) for sample, rng in samples])

    def finish(report: LoopReport) -> list[Path]:
        path = out / "lrm.safetensors"
        write_weights(path, model.state_dict(), model.config, notes={"stage": str(config.stage)})
        return [path]

    out = Path(out_dir)
    loop = LoopConfig(
        steps=config.steps,
        batch=max(config.batch, accelerator.num_processes),
        lr=config.lr,
        betas=(0.9, 0.95),
        grad_clip=config.grad_clip,
        save_every=config.save_every,
        seed=config.seed,
    )
    costs = lrm_costs(model, clips, config, loop, accelerator.num_processes)
    say_costs(costs, device, out, options.tell if accelerator.is_main_process else tell_nobody)
    task = Task(model, draw, losses, settings={"stage": config.stage})
    phase = f"stage {config.stage}"
    return run_loop(
        task,
        out,
        loop,
        accelerator,
        options,
        finish=finish,
        phase=phase,
    )


def lrm_costs(
    model: LatentLRM, clips: Sequence[Clip], config: TrainConfig, loop: LoopConfig, processes: int = 1
) -> Costs:
    """Work out what a run takes, from what the model itself keeps and computes on a few small latents."""
    t, h, w = max((latent.shape[1:] for clip in clips for latent in clip.latents.values()), key=math.prod)
    device, size = next(model.parameters()).device, t * h * w
    pixels = size * (model.config.pixels_per_latent // 2) ** 2 * model.config.time_stride
    counts = [_count(model, config, frames, device) for frames in (2, 3, 4)]
    few = torch.tensor([frames * _FEW_PX[0] * _FEW_PX[1] for frames in (2, 3, 4)], dtype=torch.float64)
    kept, whole = (_line(few[:2], [count[i] for count in counts[:2]], size) for i in (0, 1))
    flops = float(
        torch.linalg.solve(torch.stack((few**0, few, few**2), 1), few.new_tensor([c[2] for c in counts]))
        @ few.new_tensor([1, size, size**2])
    )
    gaussians = 0 if config.stage == 1 else _GAUSSIAN_BYTES * pixels / config.frame_stride
    trained = sum(p.numel() for p in model.parameters() if p.requires_grad)
    frozen = sum(4 * p.numel() for p in model.parameters() if not p.requires_grad)
    return Costs(
        weights=frozen,
        trained=trained,
        states=16 * trained,
        activations=int(kept + (whole * min(1, config.chunk / t) if config.checkpointing else 0) + gaussians),
        samples=0,
        checkpoints=(loop.keep + 1) * 12 * trained,
        flops=flops * (4 if config.checkpointing else 3) * loop.steps * -(-loop.batch // processes),
    )


def _line(at: Tensor, values: Sequence[float], size: int) -> float:
    """Follow the line through two values to another place."""
    slope = (values[1] - values[0]) / float(at[1] - at[0])
    return values[0] + slope * (size - float(at[0]))


def _count(model: LatentLRM, config: TrainConfig, frames: int, device: torch.device) -> tuple[int, int, int]:
    """Return the bytes kept with and without checkpointing, and the operations, of a pass over small latents."""
    from torch.utils.flop_counter import FlopCounterMode

    poses = torch.eye(4, dtype=torch.float64).repeat(model.config.frames(frames), 1, 1)
    sample_latents = torch.zeros(1, model.config.latent_channels, frames, *_FEW_PX, device=device)

    def run() -> Tensor:
        depth, attributes = _pass(model, model.config, sample_latents, Trajectory(poses), config)
        return depth.sum() + attributes.sum()

    kept = []
    for is_short in (config.checkpointing, False):
        model.is_checkpointing = is_short
        kept.append(saved_bytes(run, model))
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        run()
    model.is_checkpointing = config.checkpointing
    return kept[0], kept[1], int(counter.get_total_flops())


def _loss(
    model: LatentLRM,
    sample: _Sample,
    config: TrainConfig,
    rng: torch.Generator,
    lpips: Callable[[Tensor, Tensor], Tensor] | None,
) -> Tensor:
    network = model.config
    depth, attributes = _forward(model, network, sample, config)
    if config.stage == 1:
        true_depth, colors = _truth(sample, depth)
        return stage1_loss(depth, attributes, true_depth, colors, config, network.depth_max)
    known = depth.detach() if config.freeze else depth
    gaussians = _gaussians(known, attributes, sample.path, network, config.frame_stride)
    total = shape_loss(gaussians, sample.path, config)
    for view in _draw_views(sample, config, rng):
        picture, target = _look(sample, gaussians, view, config.crop_px, config.backend)
        total = total + stage2_loss(picture, target, config, lpips).to(total) / config.views
    return total


def shape_loss(gaussians: Gaussians, path: Trajectory, config: TrainConfig) -> Tensor:
    """Return the weighted means of opacity and of size (its angle from the nearest camera), a scalar.

    Source: Wonderland (H. Liang et al., 2025) regularizes both, so that Gaussians are neither too many nor scattered.
    """
    total = gaussians.means.new_zeros(())
    if config.opacity_weight:
        total = total + config.opacity_weight * gaussians.opacities.mean()
    if config.scale_weight:
        away = torch.cdist(gaussians.means, path.centers.to(gaussians.means)).amin(1)
        size = gaussians.scales.mean(-1) / away.detach().clamp_min(1e-3)
        total = total + config.scale_weight * size.mean()
    return total
