"""Fit Gaussians to the panoramic frames of a path."""

from __future__ import annotations

import contextlib
import functools
import logging
import math
import time
import traceback
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import torch
from torch import Tensor

from ..depth.alignment import align_frames
from ..depth.plane_sweep import PlaneSweepDepth, can_plane_sweep, plane_sweep_depth
from ..errors import InvalidInput, Matrix3DError
from ..guidance.known_depth import known_depth
from ..machine import peak_memory_gb
from ..progress import ProgressEvent, ProgressFn, no_progress, report_while
from ..raster.splat import SPLAT_BACKENDS
from ..scene.camera import Equirect
from ..scene.gaussians import Gaussians
from ..scene.label_colors import count_origins
from ..scene.panorama import PanoramaGeometry
from ..scene.trajectory import Trajectory
from .checkpoint import (
    checkpoint_path,
    fingerprint,
    read_checkpoint,
    unusable_checkpoints,
    write_checkpoint,
)
from .compensation import FrameCorrections
from .config import OPTIMIZE_PRESETS, OptimizeConfig, for_filled_frames, preset_config
from .curves import draw_curves
from .diagnose_inputs import check_inputs, diagnose_inputs, nearest_distance
from .evaluate import held_out_quality, view_ahead
from .frame_registration import FrameRegistration
from .init import GaussianInit, extend_gaussians, init_gaussians
from .init.fusion import KeyDepth, key_depth
from .init.refine import refine_depth
from .report import FitReport
from .trainer_cpu import CpuTrainer
from .trainer_torch import TorchTrainer
from .trainers import Trainer, part_of
from .views import TrainingImage, ViewSampler, choose_key_frames, perspective_crop

__all__ = [
    "OPTIMIZE_PRESETS",
    "OptimizeConfig",
    "OptimizeResult",
    "optimize_gaussians",
    "preset_config",
    "view_ahead",
]

_log = logging.getLogger(__name__)
_MOST_SWEPT = 18  # key frames whose distances are found
_REPORT_EVERY = 5  # steps between two progress reports: a step takes tens of milliseconds


@dataclass(frozen=True)
class OptimizeResult:
    """A fitted world.

    Attributes:
        gaussians: in the trajectory's frame and units.
        report: counts, quality on held-out frames, seconds per phase, backend, settings.
        preview: ``[H, W, 3]`` the view ahead from the first pose.
        curves: ``[320, 640, 3]`` a plot of loss, held-out PSNR and count.
    """

    gaussians: Gaussians
    report: FitReport
    preview: Tensor
    curves: Tensor = field(default_factory=lambda: torch.zeros(0, 0, 3))


def optimize_gaussians(
    frames: Tensor,  # [T, H, W, 3]
    trajectory: Trajectory,
    *,
    geometry: PanoramaGeometry | None = None,
    depth_ray: Tensor | None = None,  # [T, H, W]
    mask: Tensor | None = None,  # [T, H, W]
    initial: Gaussians | None = None,
    config: OptimizeConfig | None = None,
    checkpoint: str | Path | None = None,
    progress: ProgressFn = no_progress,
    watch: Callable[[int, Gaussians], None] | None = None,
) -> OptimizeResult:
    """Fit Gaussians to panoramic or pinhole frames with known poses.

    Starts from ``initial``, or from surfels on the panorama's surfaces and on what the key frames add (see
    `init_gaussians`). What the key frames add is at ``depth_ray``, or, without one, at distances found from
    the frames themselves (`plane_sweep_depth`). Each step renders one crop of a key frame or of the source
    panorama and moves means, rotations, scales, opacities and colors against ``(1 - s) L1 + s (1 - SSIM)``.
    Frames half way between key frames are never trained on; the report states how well they are met.

    The result is the same on every run with the same inputs and seed on the CPU. The inputs are neither
    changed nor copied as a whole. What a fit held is freed when it is cancelled, also while the error that
    cancelled it is still kept.

    Args:
        frames: ``[T, H, W, 3]`` float32 in [0, 1], complete (holes filled); 2:1 panoramas, or pinhole frames when
            the trajectory carries intrinsics.
        trajectory: a pose for each frame.
        geometry: the source panorama with its distance, which the first Gaussians and the sharpest
            colors come from.
        depth_ray: ``[T, H, W]`` ray distance of the frames, for what the panorama does not show.
        mask: ``[T, H, W]`` 1 where a frame shows the source panorama, 0 where it was filled.
        initial: Gaussians to continue from; view-dependent color is reduced to its base.
        config: settings; the draft preset when None.
        checkpoint: folder for a checkpoint. It is written every ``checkpoint_every`` steps and on a cancel, taken
            up by the next fit of the same inputs and settings (the same bits as an unbroken one, on the CPU),
            and removed at the end. Where it cannot be written, the report's warnings say so and the fit continues;
            they also name checkpoints of the same frames with other settings, and of another version.
        progress: called every few steps, with preview pictures; raising in it cancels.
        watch: called every ``preview_every`` steps with the step and the Gaussians as they are then.

    Returns:
        The Gaussians, the report and a picture.

    Raises:
        InvalidInput: when sizes or lengths do not match, values are not finite, or there is nothing to
            start from.
        BackendUnavailable: when the backend asked for cannot run.
    """
    with torch.inference_mode(False), torch.enable_grad():
        # What was made in a host's inference mode cannot be part of a gradient: poses are copied.
        trajectory = replace(trajectory, camera_from_world=trajectory.camera_from_world.clone())
        fit = _Fit(frames, trajectory, geometry, depth_ray, mask, config or OptimizeConfig(), progress)
        fit.watch = watch
        try:
            return fit.run(initial, None if checkpoint is None else Path(checkpoint))
        except BaseException as error:
            traceback.clear_frames(error.__traceback__)  # a host may keep the error, and with it the fit
            raise
        finally:
            del fit


class _Fit:
    """One run of `optimize_gaussians`."""

    def __init__(
        self,
        frames: Tensor,
        trajectory: Trajectory,
        geometry: PanoramaGeometry | None,
        depth_ray: Tensor | None,
        mask: Tensor | None,
        config: OptimizeConfig,
        progress: ProgressFn,
    ) -> None:
        check_inputs(frames, trajectory, geometry, depth_ray, mask)
        if depth_ray is not None and mask is not None:
            config = for_filled_frames(config, len(frames))
        self.frames, self.trajectory, self.geometry = frames, trajectory, geometry
        self.depth_ray, self.mask, self.config, self.progress = depth_ray, mask, config, progress
        self.seconds: dict[str, float] = {}
        self._clock = time.perf_counter()
        self.warnings: list[str] = []
        for warning in diagnose_inputs(frames, trajectory, geometry):
            self._warn(warning)  # before the minutes of a fit
        self.nearest = nearest_distance(geometry, depth_ray)
        self.keys, self.held_out = choose_key_frames(
            trajectory,
            config.key_frame_mode,
            config.key_frame_stride,
            nearest=self.nearest,
            held_out_max=config.held_out_max,
        )
        self.growth = torch.Generator().manual_seed(config.seed + 1)
        self.losses: list[float] = []
        self.ratios: list[tuple[int, float]] = []
        self.counts: list[tuple[int, int]] = []
        self.first_step = 0
        self.is_unsaved = False
        self.file: Path | None = None
        self.name, self.inputs = "", ""
        self.crop_px = config.crop_size_px
        self.swept: dict[int, PlaneSweepDepth] = {}
        self.trusted: dict[int, KeyDepth] = {}
        scale = self.nearest or trajectory.length / 6 or 1.0
        self.corrections = FrameCorrections(config, len(self.keys), scale)
        self.given = frames
        self.registration: FrameRegistration | None = None
        if config.refine_frames != "off":
            self.registration = FrameRegistration(frames, trajectory, geometry)
        self.memory_gb = _memory_gb(frames, self.keys, config)
        self.watch: Callable[[int, Gaussians], None] | None = None

    def _warn(self, warning: str) -> None:
        self.warnings.append(warning)
        _log.warning("%s", warning)

    def _record_time(self, name: str) -> None:
        now = time.perf_counter()
        self.seconds[name] = round(self.seconds.get(name, 0.0) + now - self._clock, 3)
        self._clock = now

    def _report(self, done: int, text: str, preview: Tensor | None = None) -> None:
        self.progress(ProgressEvent(done, max(1, self.config.steps), text, preview))

    def run(self, initial: Gaussians | None, folder: Path | None) -> OptimizeResult:
        """Initialize, prepare, train and evaluate."""
        self._report(0, f"initialize Gaussians (about {self.memory_gb:.1f} GB will be needed)")
        start = self._initialize(initial)
        backend, trainer, sampler = self._prepare(start)
        self._open_checkpoint(folder, start)
        self._resume(trainer, sampler)
        try:
            self._train(trainer, sampler, backend)
        except (MemoryError, torch.OutOfMemoryError) as error:
            raise Matrix3DError(
                _OUT_OF_MEMORY.format(count=self.config.max_gaussians, crop=self.crop_px)
            ) from error
        result = self._evaluate(trainer, backend, start)
        if self.file is not None:
            with contextlib.suppress(OSError):
                self.file.unlink()
        self._report(self.config.steps, "splats fitted", result.preview)
        return result

    def _initialize(self, initial: Gaussians | None) -> GaussianInit:
        """Return where the fit starts: given Gaussians, or surfels on what is known."""
        config = self.config
        if self.registration is not None:
            self.frames = self.registration.to_geometry(lambda text: self._report(0, text))
            self._record_time("register")
        if self.depth_ray is not None and config.depth_type == "monocular":
            self.depth_ray = align_frames(
                self.depth_ray,
                self.trajectory,
                self.keys,
                geometry=self.geometry,
                progress=lambda event: self._report(0, event.phase),
            )
            self._record_time("align")
        if initial is not None:
            initial.check_finite()
            if len(initial) == 0:
                raise InvalidInput("initial must hold at least one Gaussian; got none.")
            start = replace(self._given(initial), sh_bases_dropped=initial.sh.shape[1] - 1)
        else:
            self._plane_sweep()
            share = config.init_ratio if config.densify != "off" else 1.0
            start = init_gaussians(
                geometry=self.geometry,
                frames=self.frames,
                depth_ray=self.depth_ray,
                mask=self.mask,
                trajectory=self.trajectory,
                key_frames=self.keys,
                swept_depth=self.swept,
                trusted=self.trusted,
                max_gaussians=max(100, int(share * config.max_gaussians)),
                adaptive_density=config.adaptive_density,
            )
        self._record_time("initial")
        return start

    def _given(self, initial: Gaussians) -> GaussianInit:
        """Start from a world that exists, grown by what the frames show beyond it where that is asked for."""
        if not self.config.extend:
            count = len(initial)
            none = torch.zeros(count, dtype=torch.bool)
            return GaussianInit(initial.with_labels(origins=initial.label("origins")), none, {"given": count})
        flat = Gaussians.from_colors(*initial.tensors()[:4], initial.colors)
        initial = flat.with_labels(**initial.labels)
        if self.depth_ray is not None:
            depths, skies = {key: self.depth_ray[key] for key in self.keys}, {}
        else:
            self._plane_sweep()
            depths = {key: found.depth_ray for key, found in self.swept.items()}
            skies = {key: found.is_sky for key, found in self.swept.items()}
        placed = extend_gaussians(
            initial,
            frames=self.frames,
            trajectory=self.trajectory,
            depths=depths,
            skies=skies,
            max_gaussians=self.config.max_gaussians,
            backend=self.config.backend,
        )
        # These frames show little of what the world was made from: existing Gaussians learn slowly.
        lr_scale = torch.ones(len(placed.gaussians))
        lr_scale[: len(initial)] = self.config.lr_scale_existing
        return replace(placed, lr_scale=lr_scale)

    def _plane_sweep(self) -> None:
        """Find distances from the frames, where none were given and the camera moves."""
        if self.depth_ray is not None or self.config.depth_from_frames == "off" or not can_plane_sweep():
            return
        if len(self.frames) < 3:
            return
        nearest, farthest, known = None, None, {}
        size = (self.frames.shape[1], self.frames.shape[2])
        keys = sorted({*self.keys[:: math.ceil(len(self.keys) / _MOST_SWEPT)], self.keys[-1]})

        def report(event: ProgressEvent) -> None:
            self._report(0, event.phase)

        if self.geometry is not None:
            nearest = 0.5 * self.nearest if self.nearest else None
            farthest = float(self.geometry.depth_ray.max())
            known = known_depth(self.geometry, self.frames, self.trajectory, keys, progress=report)
        swept_depth = plane_sweep_depth(
            self.frames,
            self.trajectory,
            keys,
            known_depth=known,
            nearest=nearest,
            farthest=farthest,
            progress=report,
        )
        if self.geometry is not None and not bool(self.geometry.is_sky.any()):
            # Indoors the farthest distance tried is a wall, which must not join a sky shell.
            none = torch.zeros_like
            swept_depth = {
                key: replace(found, is_sky=none(found.is_sky)) for key, found in swept_depth.items()
            }
        self.swept = swept_depth
        depths = {
            key: key_depth(found, known.get(key), self.frames[key].float(), self.trajectory.camera(key, size))
            for key, found in swept_depth.items()
        }
        self.trusted = refine_depth(depths, self.frames, self.trajectory, nearest, progress=report)
        self._record_time("distances")

    def _known_inverse_depth(self) -> dict[int, Tensor]:
        """Return what is known of the distance of key frames, for the depth term."""
        if self.config.depth_weight + self.config.normal_weight == 0:
            return {}
        known: dict[int, Tensor] = {}
        for frame in self.keys:
            if self.depth_ray is not None:
                depth, confident = self.depth_ray[frame], torch.isfinite(self.depth_ray[frame]).float()
            elif frame in self.trusted:
                depth = self.trusted[frame].depth_ray()
                confident = torch.isfinite(depth).float()
            else:
                continue
            known[frame] = (
                torch.stack((1 / depth, confident, torch.zeros_like(depth)), -1).float().contiguous()
            )
        return known

    def _prepare(self, start: GaussianInit) -> tuple[str, Trainer, ViewSampler]:
        """Return the backend, the trainer and the sampler; what is compiled on first use is compiled here."""
        config = self.config
        backend, trainer = _open(start, config, self.corrections)
        sampler = ViewSampler(
            self.frames,
            self.trajectory,
            self.keys,
            geometry=self.geometry,
            mask=self.mask,
            config=config,
            is_filled=self.depth_ray is not None,
            inverse_depth=self._known_inverse_depth(),
        )
        if isinstance(trainer, CpuTrainer):
            event = ProgressEvent(0, max(1, config.steps), "prepare the backend (compiles on first use)")
            self.progress(event)
            report_while(functools.partial(_compile, start.gaussians, config), self.progress, event)
            self._record_time("compile")
        return backend, trainer, sampler

    def _train(self, trainer: Trainer, sampler: ViewSampler, backend: str) -> None:
        """Run the steps."""
        config = self.config
        began = time.perf_counter()
        step = self.first_step
        try:
            while step < config.steps:
                self._register_key_frames(step, trainer, sampler, backend)
                if not self._step(step, trainer, sampler):
                    continue
                step += 1
                if self._densifies_at(step):
                    self.counts.append((step, trainer.densify(self.growth)))
                is_preview = step % config.preview_every == 0
                if is_preview or (step - 1) % _REPORT_EVERY == 0:
                    left = (time.perf_counter() - began) / (step - self.first_step) * (config.steps - step)
                    text = f"fit splats: step {step} of {config.steps}, about {_duration(left)} left"
                    picture = (
                        view_ahead(trainer.gaussians(), self.trajectory, backend) if is_preview else None
                    )
                    self._report(step, text, picture)
                if is_preview and self.watch is not None:
                    self.watch(step, trainer.gaussians())
                if config.checkpoint_every and step % config.checkpoint_every == 0:
                    self._save(step, trainer, sampler)
        except BaseException:
            if step > self.first_step:
                self._save(step, trainer, sampler)
            raise

    def _register_key_frames(self, step: int, trainer: Trainer, sampler: ViewSampler, backend: str) -> None:
        """Register the key frames to the Gaussians, where that is due."""
        registration = self.registration
        if registration is None or not registration.is_due(step / self.config.steps):
            return
        self._report(step, "register key frames to the splats")
        registration.to_gaussians(trainer.gaussians(), trainer.traits.is_sky.cpu(), self.keys, backend)
        self._show_registered(sampler)

    def _show_registered(self, sampler: ViewSampler) -> None:
        """Train on the key frames as registered."""
        if self.registration is not None:
            for frame in self.registration.warps:
                sampler.replace_picture(self.keys.index(frame), *self.registration.shown(frame))

    def _densifies_at(self, step: int) -> bool:
        config = self.config
        is_due = config.densify != "off" and step % config.densify_every == 0
        return is_due and config.densify_from * config.steps <= step <= config.densify_until * config.steps

    def _step(self, step: int, trainer: Trainer, sampler: ViewSampler) -> bool:
        """Take one step; False when memory ran out, after which views are half as large."""
        config = self.config
        decay = config.lr_final ** (step / max(1, config.steps - 1))
        view = sampler.draw()
        try:
            self.losses.append(trainer.step(view, decay))
        except (MemoryError, torch.OutOfMemoryError):
            if self.crop_px < 128:
                raise
        else:
            return True
        self._resize_views(self.crop_px // 2, trainer, sampler)
        self.warnings.append(f"memory ran out at step {step}: crops are {self.crop_px} pixels from there on.")
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        return False

    def _resize_views(self, crop_px: int, trainer: Trainer, sampler: ViewSampler) -> None:
        self.crop_px = crop_px
        sampler.resize(crop_px)
        trainer.shrink_views(crop_px)

    def _open_checkpoint(self, folder: Path | None, start: GaussianInit) -> None:
        """Name the checkpoint after the inputs and the settings."""
        if folder is None:
            return
        others = (
            [self.depth_ray, self.mask]
            if self.geometry is None
            else [self.geometry.rgb, self.geometry.depth_ray]
        )
        self.name = fingerprint(self.config, self.given, self.trajectory, *others, start.gaussians.means)
        self.inputs = fingerprint(None, self.given, self.trajectory)
        self.file = checkpoint_path(folder, self.name)

    def _save(self, step: int, trainer: Trainer, sampler: ViewSampler) -> None:
        if self.file is None:
            return
        tensors = {f"trainer.{key}": value for key, value in trainer.state().items()}
        tensors |= {f"sampler.{key}": value for key, value in sampler.state().items()}
        if self.registration is not None:
            tensors |= {f"frames.{key}": value for key, value in self.registration.state().items()}
        tensors["growth"] = self.growth.get_state()
        tensors["losses"] = torch.tensor(self.losses, dtype=torch.float64)
        facts = {
            "fingerprint": self.name,
            "inputs": self.inputs,
            "step": step,
            "counts": self.counts,
            "crop_px": self.crop_px,
        }
        try:
            write_checkpoint(self.file, tensors, facts)
        except Matrix3DError as error:  # worth less than the fit; said once
            if not self.is_unsaved:
                self.is_unsaved = True
                self._warn(f"{error} The fit continues; after an interruption it would restart.")

    def _resume(self, trainer: Trainer, sampler: ViewSampler) -> None:
        if self.file is None:
            return
        stored = read_checkpoint(self.file, self.name)
        if stored is None:
            for warning in unusable_checkpoints(self.file.parent, self.inputs):
                self._warn(warning)
            return
        tensors, facts = stored
        trainer.load(part_of(tensors, "trainer"))
        sampler.load(part_of(tensors, "sampler"))
        if self.registration is not None:
            self.registration.load(part_of(tensors, "frames"))
            self._show_registered(sampler)
        self.growth.set_state(tensors["growth"])
        self.losses = tensors["losses"].tolist()
        self.counts = [(int(a), int(b)) for a, b in facts["counts"]]
        self.first_step = int(facts["step"])
        if facts["crop_px"] != self.crop_px:
            self._resize_views(int(facts["crop_px"]), trainer, sampler)
        self._report(self.first_step, f"resume at step {self.first_step}")

    def _evaluate(self, trainer: Trainer, backend: str, start: GaussianInit) -> OptimizeResult:
        """Drop transparent Gaussians, evaluate the rest and write the report."""
        config = self.config
        gaussians = trainer.gaussians()
        kept = gaussians.opacities >= config.min_opacity
        gaussians = gaussians.select(kept)
        self._record_time("optimize")
        self._report(config.steps, "evaluate held-out frames")
        quality, share_off = held_out_quality(
            gaussians,
            self.given,
            self.trajectory,
            self.held_out,
            crop_size_px=config.crop_size_px,
            backend=backend,
        )
        if quality["psnr"] is not None:
            self.ratios.append((config.steps, quality["psnr"]))
        if share_off > 0.03:
            self.warnings.append(
                f"{share_off:.0%} of the held-out pixels differ strongly from the fitted world: something moves, or "
                "the frames do not show one rigid scene."
            )
        self.warnings += [] if self.registration is None else self.registration.warnings()
        picture = view_ahead(gaussians, self.trajectory, backend)
        parts = _means_of_parts(self.losses)
        counts = [*self.counts, (config.steps, len(gaussians))]
        curves = draw_curves(parts, self.ratios, counts, config.steps)
        self._record_time("measure")
        poses = self.corrections.poses
        report: FitReport = {
            "backend": backend,
            "gaussians": len(gaussians),
            "gaussians_dropped": int((~kept).sum()),
            "origins": count_origins(gaussians.origins),
            "steps": config.steps,
            "crop_size_px": self.crop_px,
            "seed": config.seed,
            "key_frames": self.keys,
            "distances_from_frames": sorted(self.swept),
            "held_out": quality,
            "loss": parts,
            "warnings": self.warnings,
            "exposure": self.corrections.exposure.report(),
            "poses": None if poses is None else poses.report(),
            "frames": None if self.registration is None else self.registration.report(),
            "settings": asdict(config),
            "seconds": self.seconds,
            "gaussians_initial": start.counts,
            "resumed_at": self.first_step,
            "memory_gb": {"estimate": round(self.memory_gb, 2), "peak": peak_memory_gb()},
            "sh_bases_dropped": start.sh_bases_dropped,
        }
        return OptimizeResult(gaussians, report, picture, curves)


_OUT_OF_MEMORY = (
    "memory ran out with {count} splats at most and crops of {crop} pixels. Lower max_gaussians first, then crop_size, "
    "or use fewer key frames (a larger stride)."
)


def _memory_gb(frames: Tensor, keys: list[int], config: OptimizeConfig) -> float:
    """Estimate what a fit holds at most beside its inputs."""
    pixels = frames.shape[1] * frames.shape[2]
    # Parameters, two moments, values in use, gradients, previews; weights and inverse_depth of key frames; a crop.
    per_gaussian, per_pixel = 4 * (14 * 6 + 20), 4 * (1 + 3)
    crop = config.crop_size_px**2 * 4 * 60
    copies = 0 if config.refine_frames == "off" else frames.numel() * 4
    return (
        config.max_gaussians * per_gaussian + len(keys) * pixels * per_pixel + crop + copies
    ) / 2**30 + 0.5


def _means_of_parts(losses: list[float]) -> list[float]:
    """Mean loss of each twentieth of the steps."""
    part = max(1, math.ceil(len(losses) / 20))
    return [
        round(sum(losses[i : i + part]) / len(losses[i : i + part]), 6) for i in range(0, len(losses), part)
    ]


def _open(start: GaussianInit, config: OptimizeConfig, frames: FrameCorrections) -> tuple[str, Trainer]:
    """Pick the backend; with ``auto``, a CUDA device decides for the backend that uses it."""
    needs = {"gradients"} | ({"pose"} if config.refine_poses else set())
    needs |= {"panorama"} if config.view_mode == "panorama" else set()
    backend, render = SPLAT_BACKENDS.load(config.backend, needs=needs)
    extras = {
        "is_sky": start.is_sky,
        "lr_scale": start.lr_scale,
        "corrections": frames,
    }
    features = SPLAT_BACKENDS.backend(backend).features
    if "fused_step" in features:
        return backend, CpuTrainer(start.gaussians, config, **extras)
    device = torch.device("cpu" if "cpu" in features else "cuda")
    return backend, TorchTrainer(start.gaussians, config, render, device, **extras)


def _compile(start: Gaussians, config: OptimizeConfig) -> None:
    """Take one step with a few Gaussians, thrown away: kernels are compiled here or read from disk."""
    pose = torch.eye(4, dtype=torch.float64)
    picture = TrainingImage(torch.zeros(16, 32, 3), torch.ones(16, 32), pose, Equirect((16, 32)), math.pi / 2)
    few = start.select(torch.arange(min(8, len(start))))
    CpuTrainer(few, replace(config, steps=1)).step(perspective_crop(picture, pose[:3, :3], 16), 1.0)


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"
