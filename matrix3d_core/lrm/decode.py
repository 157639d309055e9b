"""Video latents and a camera path to Gaussians and depth."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import torch
import torch.nn.functional as F
from torch import Tensor

from ..checks import check_finite, check_shape
from ..errors import BackendUnavailable, InvalidInput
from ..progress import ProgressEvent, ProgressFn, no_progress
from ..scene.gaussians import Gaussians
from ..scene.trajectory import Trajectory
from .attributes import depth_from_raw, frame_grid, gaussians_of_frame, map_camera
from .config import LRMConfig
from .decimate import DECIMATIONS, decimate
from .memory import MemoryPlan, plan_chunk
from .network import LatentLRM
from .rays import POSE_NORMALIZATIONS, ray_source

__all__ = [
    "DEFAULT_SETTINGS",
    "DecodeSettings",
    "LRMResult",
    "check_latents",
    "decode_latents",
    "fit_trajectory",
    "plan_decode",
]

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class DecodeSettings:
    """Settings for the conversion of the network's maps.

    Attributes:
        frame_stride: use every n-th frame; upstream uses every second.
        min_opacity: drop Gaussians below it; upstream drops none.
        max_size: drop Gaussians whose longest axis (one standard deviation) is longer, world units; 0
            drops none.
        range_cut: drop Gaussians beyond this fraction of the range limit (30 units): sky saturates
            at it. 1 drops none.
        max_gaussians: budget; 0 is none.
        decimation: how Gaussians are reduced to the budget, one of `DECIMATIONS`.
        pose_normalization: one of `POSE_NORMALIZATIONS`.
        pose_scale: units of the network per world unit: positions are multiplied by it, and the network's
            distances divided by it. Upstream's worlds have a geometric mean distance of 1.
        chunk: latent frames per call of a head; 0 = chosen by free memory.
        compile: compile layers and heads with torch.compile (minutes, then faster).
    """

    frame_stride: int = 2
    min_opacity: float = 0.0
    max_size: float = 0.0
    range_cut: float = 1.0
    max_gaussians: int = 0
    decimation: str = "voxel"
    pose_normalization: str = "upstream"
    pose_scale: float = 1.0
    chunk: int = 0
    compile: bool = False

    def __post_init__(self) -> None:
        if self.frame_stride < 1 or self.chunk < 0 or self.max_gaussians < 0:
            raise InvalidInput(
                "frame_stride must be at least 1, chunk and max_gaussians at least 0; got "
                f"{self.frame_stride}, {self.chunk} and {self.max_gaussians}."
            )
        if not (0 <= self.min_opacity < 1 and 0 < self.range_cut <= 1 and self.max_size >= 0):
            raise InvalidInput(
                "min_opacity must be in [0, 1), range_cut in (0, 1] and max_size at least 0; got "
                f"{self.min_opacity}, {self.range_cut} and {self.max_size}."
            )
        if not 0 < self.pose_scale < float("inf"):
            raise InvalidInput(f"pose_scale must be positive; got {self.pose_scale}.")
        if self.decimation not in DECIMATIONS or self.pose_normalization not in POSE_NORMALIZATIONS:
            raise InvalidInput(
                f"decimation must be one of {', '.join(DECIMATIONS)} and pose_normalization one of "
                f"{', '.join(POSE_NORMALIZATIONS)}; got {self.decimation!r} and {self.pose_normalization!r}."
            )


DEFAULT_SETTINGS = DecodeSettings(min_opacity=0.02, max_gaussians=1_500_000)
"""Defaults of LRMDecode and ``matrix3d decode-lrm``; `DecodeSettings()` keeps all Gaussians, as upstream does."""


@dataclass(frozen=True)
class LRMResult:
    """A world made in one pass.

    Attributes:
        gaussians: in the trajectory's frame and units, on the CPU.
        depth: ``[T, h, w]`` of every frame, world units, inf beyond the range cut: ray distance of both kinds
            of camera.
        plan: the memory that was planned for.
        video_size: rows and columns of the video's frames.
        report: lines of text.
    """

    gaussians: Gaussians
    depth: Tensor
    plan: MemoryPlan
    video_size: tuple[int, int]
    report: list[str] = field(default_factory=list)

    def depth_of_frames(self) -> Tensor:  # [T, H, W]
        """Return the depth at the size of the video's frames, each value repeated."""
        return F.interpolate(self.depth.unsqueeze(1), self.video_size, mode="nearest-exact")[:, 0]


def fit_trajectory(trajectory: Trajectory, frames: int) -> Trajectory:
    """Return the path with as many poses as the latent has frames.

    Up to three surplus poses are dropped at the end, up to three missing ones repeat the last, as the
    video nodes do with paths that are not 4 k + 1 long.

    Raises:
        InvalidInput: when they differ by more.
    """
    count = len(trajectory)
    if count == frames:
        return trajectory
    if abs(count - frames) > 3:
        raise InvalidInput(
            f"trajectory must be the path of the video; it has {count} poses and the latent has {frames} "
            f"frames ({(frames - 1) // 4 + 1} latent frames). Connect the path that the video was made with."
        )
    return trajectory.select(torch.arange(frames).clamp(max=count - 1))


def plan_decode(
    config: LRMConfig,
    latents: Tensor,
    settings: DecodeSettings,
    free_bytes: float,
    *,
    item_bytes: int = 2,
    weight_bytes: int = 2,
    parameters: int | None = None,
) -> MemoryPlan:
    """Return the latent frames per call and the memory needed; logs them.

    Args:
        config: of the model.
        latents: ``[B, C, t, h, w]``.
        settings: an explicit chunk takes precedence.
        free_bytes: on the device, weights not counted as used.
        item_bytes: of the arithmetic.
        weight_bytes: of the stored weights.
        parameters: of the model.
    """
    frames, rows, columns = (int(n) for n in latents.shape[-3:])
    plan = plan_chunk(
        config,
        frames,
        rows,
        columns,
        float("inf") if settings.chunk else free_bytes,
        most=settings.chunk or 8,
        item_bytes=item_bytes,
        weight_bytes=weight_bytes,
        parameters=parameters,
    )
    logger.info("LRM of %d x %dx%d latents %s", frames, columns, rows, plan.describe())
    return plan


def decode_latents(
    model: LatentLRM,
    latents: Tensor,  # [1, C, t, h, w]
    trajectory: Trajectory,
    settings: DecodeSettings | None = None,
    *,
    plan: MemoryPlan | None = None,
    dtype: torch.dtype = torch.float32,
    device: torch.device | str = "cpu",
    free_memory: Callable[[], None] = lambda: None,
    progress: ProgressFn = no_progress,
) -> LRMResult:
    """Decode a video's latents to Gaussians, in the trajectory's own frame and units.

    When the device runs out of memory, the heads are run with half as many latent frames at a time, down
    to one.

    Args:
        model: on ``device``.
        latents: ``[1, C, t, h, w]`` normalized, as the diffusion model sees them.
        trajectory: the path of the video, one pose per frame.
        settings: see `DecodeSettings`.
        plan: from `plan_decode`; None makes one without limit.
        dtype: of the arithmetic.
        device: where the model is.
        free_memory: called after running out of memory, before the next try.
        progress: called between the steps, at the end of the network with the first frame's depth.

    Raises:
        InvalidInput: for latents or a path that do not fit, or when no Gaussians are left.
        BackendUnavailable: when the memory does not suffice for one latent frame at a time.
    """
    settings, config = settings or DecodeSettings(), model.config
    sizes = check_latents(latents, config)
    started = time.perf_counter()
    path = fit_trajectory(trajectory, config.frames(sizes["t"]))
    plan = plan or plan_decode(config, latents, settings, float("inf"))
    progress(ProgressEvent(0, sizes["t"], f"LRM {plan.describe()}"))
    scale = config.pixels_per_latent
    scaled = _scaled(path, settings.pose_scale)
    rays = ray_source(
        scaled,
        config,
        scale * sizes["h"],
        scale * sizes["w"],
        rule=settings.pose_normalization,
        device=device,
    )
    if settings.compile:
        _compile(model)
    chunk, faults = plan.chunk, []
    while True:
        try:
            with torch.no_grad():
                values = latents.to(device=device, dtype=dtype)
                depth_raw, attributes = model(values, rays, chunk=chunk, progress=progress)
            break
        except torch.OutOfMemoryError as error:
            if chunk == 1:
                raise BackendUnavailable(
                    f"the device ran out of memory with one latent frame at a time; this {plan.describe()}. Free "
                    "memory on it, make the video smaller or shorter, or run on the CPU."
                ) from error
        except Exception as error:
            if not (settings.compile and _is_of_compiler(error)):
                raise
            cause = " ".join(str(error).split("\n")[:2])[:300]  # the rest is the compiler's own output
            faults.append(f"torch.compile failed ({cause}); the model ran uncompiled")
            logger.warning("LRM: %s", faults[-1])
            _uncompile(model)
            continue
        chunk = max(1, chunk // 2)
        logger.warning("LRM ran out of memory; trying again with %d latent frames at a time", chunk)
        free_memory()
    network_s = time.perf_counter() - started
    with torch.no_grad():
        depth = depth_from_raw(depth_raw[0], config.depth_max)  # [T, h, w]
        del depth_raw
        gaussians, distances, counts = _select(depth, attributes[0], path, config, settings, progress)
        del attributes
        if not len(gaussians):
            raise InvalidInput(
                f"no splats are left of {counts['all']}: lower min_opacity ({settings.min_opacity}) or raise "
                f"range_cut ({settings.range_cut}) or max_size ({settings.max_size})."
            )
        before = len(gaussians)
        if settings.max_gaussians and before > settings.max_gaussians:
            progress(ProgressEvent(0, 1, f"LRM: decimate {before} splats"))
            gaussians, _ = decimate(gaussians, distances, settings.max_gaussians, method=settings.decimation)
        world = (depth / settings.pose_scale).masked_fill(_is_cut(depth, config, settings), torch.inf).cpu()
        size = (int(depth.shape[1]), int(depth.shape[2]))
        cameras = (map_camera(config, path, frame, *size) for frame in range(len(path)))
        world = torch.stack([camera.ray_from_depth(far) for camera, far in zip(cameras, world, strict=True)])
    report = _report(path, trajectory, config, settings, counts, before, depth, gaussians)
    report += faults
    report.append(f"memory: {replace(plan, chunk=chunk).describe()}")
    total_s = time.perf_counter() - started
    report.append(f"time: {total_s:.1f} s, {network_s:.1f} s of it in the network")
    progress(ProgressEvent(1, 1, "LRM done"))
    video_size = (scale * sizes["h"], scale * sizes["w"])
    return LRMResult(gaussians.to("cpu"), world, plan, video_size, report)


def check_latents(latents: Tensor, config: LRMConfig) -> dict[str, int]:
    """Check one video's latents; return its sizes.

    Raises:
        InvalidInput: for another number of channels, several videos, or another aspect.
    """
    if not isinstance(latents, Tensor) or latents.ndim != 5:
        shape = list(latents.shape) if isinstance(latents, Tensor) else type(latents).__name__
        raise InvalidInput(
            f"latents must be a video's, [1, {config.latent_channels}, t, h, w]; got {shape}. Encode the frames with a "
            "video VAE (Wan 2.1)."
        )
    if latents.shape[1] != config.latent_channels:
        raise InvalidInput(
            f"latents must have {config.latent_channels} channels, those of Wan 2.1; got {latents.shape[1]}. Decode "
            "the video with its own VAE and encode it with wan_2.1_vae."
        )
    if latents.shape[0] != 1:
        raise InvalidInput(
            f"latents must be of one video; got a batch of {latents.shape[0]}. Pick one first."
        )
    sizes = check_shape("latents", latents, "B C t h w")
    if config.camera == "spherical" and sizes["w"] != 2 * sizes["h"]:
        raise InvalidInput(
            f"latents must be of panoramas, twice as wide as high; got {sizes['w']}x{sizes['h']}. This model is "
            "for equirectangular video."
        )
    check_finite("latents", latents)
    return sizes


def _scaled(trajectory: Trajectory, scale: float) -> Trajectory:
    if scale == 1:
        return trajectory
    poses = trajectory.camera_from_world.clone()
    poses[:, :3, 3] *= scale
    return replace(trajectory, camera_from_world=poses)


def _parts_to_compile(model: LatentLRM) -> list[torch.nn.Module]:
    return [model.dpt_head, model.dpt_head_gs, *model.transformer.layers, *model.transformer_gs.layers]


def _compile(model: LatentLRM) -> None:
    for module in _parts_to_compile(model):
        if module._compiled_call_impl is None:
            module.compile()


def _uncompile(model: LatentLRM) -> None:
    for module in _parts_to_compile(model):
        module._compiled_call_impl = None


def _is_of_compiler(error: Exception) -> bool:
    """Return whether an error is torch.compile's (no C++ compiler, no Triton, an unsupported graph)."""
    return type(error).__module__.startswith(("torch._dynamo", "torch._inductor"))


def _is_cut(depth: Tensor, config: LRMConfig, settings: DecodeSettings) -> Tensor:
    if settings.range_cut >= 1:
        return torch.zeros_like(depth, dtype=torch.bool)
    return depth > settings.range_cut * config.depth_max


def _select(
    depth: Tensor,  # [T, h, w]
    attributes: Tensor,  # [T, 14, h, w]
    path: Trajectory,
    config: LRMConfig,
    settings: DecodeSettings,
    progress: ProgressFn,
) -> tuple[Gaussians, Tensor, dict[str, int]]:
    """Return the kept Gaussians, their distances from their cameras, and the number dropped by each rule."""
    height, width = depth.shape[1:]
    counts = {"all": 0, "opacity": 0, "size": 0, "range": 0}
    parts: list[Gaussians] = []
    distances: list[Tensor] = []
    frames = range(0, len(depth), settings.frame_stride)
    for index, frame in enumerate(frames):
        progress(ProgressEvent(index, len(frames), "LRM: place splats"))
        grid = frame_grid(path, frame, config, height, width, depth.device)
        # Sizes follow the network's units; all lengths are converted to the world's.
        keep = depth[frame] > 0
        far = _is_cut(depth[frame], config, settings)
        counts["all"] += keep.numel()
        counts["range"] += int((keep & far).sum())
        keep &= ~far
        found = gaussians_of_frame(
            depth[frame] / settings.pose_scale,
            attributes[frame],
            path.camera_from_world[frame],
            grid,
            config,
            keep,
        )
        distance = (depth[frame] / settings.pose_scale)[keep]
        stays = found.opacities >= settings.min_opacity
        counts["opacity"] += int((~stays).sum())
        if settings.max_size:
            small = found.scales.amax(-1) <= settings.max_size
            counts["size"] += int((stays & ~small).sum())
            stays &= small
        if not bool(stays.all()):
            found, distance = found.select(stays), distance[stays]
        parts.append(found)
        distances.append(distance)
    return Gaussians.concatenate(*parts), torch.cat(distances), counts


def _report(
    path: Trajectory,
    given: Trajectory,
    config: LRMConfig,
    settings: DecodeSettings,
    counts: dict[str, int],
    before: int,
    depth: Tensor,
    gaussians: Gaussians,
) -> list[str]:
    taken = len(range(0, len(path), settings.frame_stride))
    lines = [f"splats: {len(gaussians)} of {counts['all']} from {taken} of {len(path)} frames"]
    dropped = [f"{counts[n]} by {n}" for n in ("opacity", "size", "range") if counts[n]]
    if before > len(gaussians):
        dropped.append(f"{before - len(gaussians)} by {settings.decimation} decimation")
    if dropped:
        lines.append(f"left out: {', '.join(dropped)}")
    near_limit = float((depth > 0.95 * config.depth_max).float().mean())
    sample = depth.flatten()[:: max(1, depth.numel() // 100_000)]
    middle = float(sample.median()) / settings.pose_scale
    limit = config.depth_max / settings.pose_scale
    lines.append(
        f"distances: median {middle:.3g}, limit {limit:.3g}, {near_limit:.1%} within 5 % of the limit"
    )
    if near_limit > 0.5:
        lines.append("note: most of the scene is at the range limit; lower pose_scale.")
    if path.length * settings.pose_scale > config.depth_max:
        lines.append("note: the path is longer than the range limit; lower pose_scale.")
    if len(given) != len(path):
        lines.append(f"note: {len(given)} poses given, {len(path)} used.")
    return lines
