"""Fit Gaussians to the panoramic frames of a path."""

from __future__ import annotations

import functools
import math
import time
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ..checks import check_finite, check_shape, check_two_to_one
from ..errors import InvalidInput
from ..geometry.crops import upstream_crop_rotations
from ..metrics.image import psnr, ssim
from ..progress import ProgressEvent, ProgressFn, no_progress, report_while
from ..raster.splat import SPLAT_ENGINES, render_gaussians
from ..scene.gaussians import Gaussians
from ..scene.panorama import PanoramaGeometry
from ..scene.trajectory import Trajectory
from .config import OPTIMISE_PRESETS, OptimiseConfig, preset_config
from .initial import initial_gaussians
from .trainers import CpuTrainer, TorchTrainer, Trainer
from .views import Picture, ViewSampler, held_out_frames, key_frames, look

__all__ = ["OPTIMISE_PRESETS", "OptimiseConfig", "OptimiseResult", "optimise_gaussians", "preset_config"]

_PREVIEW_PX = 384
_REPORT_EVERY = 5  # steps between two progress reports: a step takes tens of milliseconds
_PSNR_MOST = 99.0  # equal pictures have an infinite ratio, which JSON cannot hold
_HELD_OUT_CROPS = (6, 9, 0, 3)  # the level ones: ahead, right, behind, left


@dataclass(frozen=True)
class OptimiseResult:
    """A fitted world.

    Attributes:
        gaussians: in the trajectory's frame and units.
        report: counts, quality on held-out frames, seconds per phase, engine, settings;
            JSON-serialisable.
        preview: ``[H, W, 3]`` the view ahead from the first pose.
    """

    gaussians: Gaussians
    report: dict[str, object]
    preview: Tensor


def optimise_gaussians(
    frames: Tensor,  # [T, H, W, 3]
    trajectory: Trajectory,
    *,
    geometry: PanoramaGeometry | None = None,
    depth_ray: Tensor | None = None,  # [T, H, W]
    mask: Tensor | None = None,  # [T, H, W]
    initial: Gaussians | None = None,
    config: OptimiseConfig | None = None,
    progress: ProgressFn = no_progress,
) -> OptimiseResult:
    """Fit Gaussians to equirectangular frames with known poses.

    Starts from ``initial``, or from discs on the panorama's surfaces and on what the key frames add (see
    `initial_gaussians`). Each step renders one crop of a key frame or of the source panorama and moves
    means, rotations, scales, opacities and colours against ``(1 - s) L1 + s (1 - SSIM)``. Frames half way
    between key frames are never trained on; the report states how well they are met.

    The result is the same on every run with the same inputs and seed on the CPU. The inputs are neither
    changed nor copied as a whole.

    Args:
        frames: ``[T, H, W, 3]`` float32 in [0, 1], 2:1, complete (holes filled).
        trajectory: a pose for each frame.
        geometry: the source panorama with its distance, which the first Gaussians and the sharpest
            colours come from.
        depth_ray: ``[T, H, W]`` ray distance of the frames, for what the panorama does not show.
        mask: ``[T, H, W]`` 1 where a frame shows the source panorama, 0 where it was filled.
        initial: Gaussians to continue from; view-dependent colour is reduced to its base.
        config: settings; the draft preset when None.
        progress: called every few steps, with preview pictures; raising in it cancels.

    Returns:
        The Gaussians, the report and a picture.

    Raises:
        InvalidInput: when sizes or lengths do not match, values are not finite, or there is nothing to
            start from.
        BackendUnavailable: when the engine asked for cannot run.
    """
    config = config or OptimiseConfig()
    _check(frames, trajectory, geometry, depth_ray, mask)
    clock = time.perf_counter()
    seconds: dict[str, float] = {}

    def lap(name: str) -> None:
        nonlocal clock
        now = time.perf_counter()
        seconds[name] = round(now - clock, 3)
        clock = now

    keys = key_frames(len(frames), config.key_frame_stride)
    held_out = held_out_frames(keys, config.held_out_max)
    progress(ProgressEvent(0, max(1, config.steps), "place initial Gaussians"))
    counts = {"given": 0}
    if initial is not None:
        initial.check_finite()
        if len(initial) == 0:
            raise InvalidInput("initial must hold at least one Gaussian; got none.")
        start, counts = initial, {"given": len(initial)}
    else:
        start, counts = initial_gaussians(
            geometry=geometry, frames=frames, depth_ray=depth_ray, mask=mask, trajectory=trajectory,
            key_frames=keys, max_gaussians=config.max_gaussians,
        )  # fmt: skip
    lap("initial")
    engine, trainer = _open(start, config)
    sampler = ViewSampler(frames, trajectory, keys, geometry=geometry, mask=mask, config=config)
    if isinstance(trainer, CpuTrainer):
        event = ProgressEvent(0, max(1, config.steps), "prepare the engine (compiles on first use)")
        progress(event)
        report_while(functools.partial(_compile, start, config), progress, event)
        lap("compile")
    losses = _train(trainer, sampler, trajectory, config, engine, progress)
    gaussians = trainer.gaussians()
    kept = gaussians.opacities >= config.min_opacity
    gaussians = gaussians.select(kept)
    lap("optimise")
    progress(ProgressEvent(config.steps, max(1, config.steps), "measure held-out frames"))
    quality = _measure(gaussians, frames, trajectory, held_out, config, engine)
    picture = _preview(gaussians, trajectory, engine)
    lap("measure")
    progress(ProgressEvent(config.steps, max(1, config.steps), "splats fitted", picture))
    report: dict[str, object] = {
        "engine": engine,
        "gaussians": len(gaussians),
        "gaussians_initial": counts,
        "gaussians_dropped": int((~kept).sum()),
        "steps": config.steps,
        "crop_size_px": config.crop_size_px,
        "seed": config.seed,
        "key_frames": keys,
        "held_out": quality,
        "loss": losses,
        "seconds": seconds,
        "sh_bases_dropped": 0 if initial is None else initial.sh.shape[1] - 1,
    }
    return OptimiseResult(gaussians, report, picture)


def _check(
    frames: Tensor,
    trajectory: Trajectory,
    geometry: PanoramaGeometry | None,
    depth_ray: Tensor | None,
    mask: Tensor | None,
) -> None:
    size = check_shape("frames", frames, "T H W 3")
    count, height, width = size["T"], size["H"], size["W"]
    check_two_to_one("frames", height, width)
    if count != len(trajectory):
        raise InvalidInput(
            f"frames and trajectory must have the same length; got {count} frames and {len(trajectory)} poses. "
            "Resample the trajectory or pick the frames that it was made for."
        )
    check_finite("frames", frames)
    for name, maps in (("depth", depth_ray), ("mask", mask)):
        if maps is None:
            continue
        if tuple(maps.shape) != (count, height, width):
            raise InvalidInput(
                f"{name} must have shape [{count}, {height}, {width}] like the frames; got {list(maps.shape)}."
            )
    if mask is not None:
        check_finite("mask", mask)
    if depth_ray is not None and bool((torch.isnan(depth_ray) | (depth_ray <= 0)).any()):
        raise InvalidInput("depth must be positive (inf where nothing is); got zero, negative or NaN values.")
    if geometry is not None:
        check_finite("geometry", geometry.rgb)


def _open(start: Gaussians, config: OptimiseConfig) -> tuple[str, Trainer]:
    """Pick the engine; with ``auto``, a CUDA device decides for the engine that uses it."""
    engine, render = SPLAT_ENGINES.load(config.engine, needs={"gradients"})
    if engine == "numba":
        return engine, CpuTrainer(start, config)
    on_cuda = engine == "gsplat" and torch.cuda.is_available()
    return engine, TorchTrainer(start, config, render, torch.device("cuda" if on_cuda else "cpu"))


def _compile(start: Gaussians, config: OptimiseConfig) -> None:
    """Take one step with a few Gaussians, thrown away: kernels are compiled here or read from disk."""
    pose = torch.eye(4, dtype=torch.float64)
    picture = Picture(torch.zeros(16, 32, 3), torch.ones(16, 32), pose, math.pi / 2)
    few = start.select(torch.arange(min(8, len(start))))
    CpuTrainer(few, replace(config, steps=1)).step(look(picture, pose[:3, :3], 16), 1.0)


def _train(
    trainer: Trainer,
    sampler: ViewSampler,
    trajectory: Trajectory,
    config: OptimiseConfig,
    engine: str,
    progress: ProgressFn,
) -> list[float]:
    """Run the steps; return the mean loss of each twentieth of them."""
    began = time.perf_counter()
    losses = []
    for step in range(config.steps):
        rate = config.rate_end ** (step / max(1, config.steps - 1))
        losses.append(trainer.step(sampler.draw(), rate))
        is_preview = (step + 1) % config.preview_every == 0
        if is_preview or step % _REPORT_EVERY == 0:
            left = (time.perf_counter() - began) / (step + 1) * (config.steps - step - 1)
            text = f"fit splats: step {step + 1} of {config.steps}, about {_duration(left)} left"
            picture = _preview(trainer.gaussians(), trajectory, engine) if is_preview else None
            progress(ProgressEvent(step + 1, config.steps, text, picture))
    part = max(1, math.ceil(len(losses) / 20))
    return [
        round(sum(losses[i : i + part]) / len(losses[i : i + part]), 6) for i in range(0, len(losses), part)
    ]


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"


def _preview(gaussians: Gaussians, trajectory: Trajectory, engine: str) -> Tensor:
    """Look ahead from the first pose."""
    first = Picture(torch.empty(0), torch.empty(0), trajectory.camera_from_world[0], math.pi / 2)
    view = look(first, torch.eye(3, dtype=torch.float64), _PREVIEW_PX)
    with torch.no_grad():
        frame = render_gaussians(
            gaussians, view.camera_from_world, view.K_px, _PREVIEW_PX, _PREVIEW_PX, engine=engine
        )
    return frame.rgb.clamp(0, 1)


def _measure(
    gaussians: Gaussians,
    frames: Tensor,
    trajectory: Trajectory,
    held_out: list[int],
    config: OptimiseConfig,
    engine: str,
) -> dict[str, object]:
    """Compare renders with crops of frames that were never trained on."""
    if not held_out:
        return {"frames": [], "psnr": None, "ssim": None}
    rotations = upstream_crop_rotations()
    ratios, similarities = [], []
    for frame in held_out:
        ones = torch.ones(frames.shape[1:3])
        picture = Picture(frames[frame].float(), ones, trajectory.camera_from_world[frame], math.pi / 2)
        for crop in _HELD_OUT_CROPS:
            view = look(picture, rotations[crop], config.crop_size_px)
            with torch.no_grad():
                drawn = render_gaussians(
                    gaussians, view.camera_from_world, view.K_px, view.size_px, view.size_px, engine=engine
                )
            target, _ = view.crop()
            ratios.append(min(psnr(drawn.rgb.clamp(0, 1), target), _PSNR_MOST))
            similarities.append(ssim(drawn.rgb.clamp(0, 1), target))
    return {
        "frames": held_out,
        "psnr": round(sum(ratios) / len(ratios), 3),
        "ssim": round(sum(similarities) / len(similarities), 4),
    }
