"""Panorama to walkable world in one call: what the nodes of the template do, without a host."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict, TypeVar

from torch import Tensor

from ..checks import check_shape
from ..errors import InvalidInput
from ..progress import ProgressFn, no_progress
from ..scene.gaussians import Gaussians
from ..scene.panorama import GeometryReport, PanoramaGeometry
from ..scene.trajectory import Trajectory

if TYPE_CHECKING:
    from ..guidance.fill import FilledFrames
    from ..guidance.render import GuidanceFrames
    from ..optimize.report import FitReport
from ..guidance.scene_mesh import EDGE_THRESHOLD
from ..trajectories.defaults import DEFAULT_CLEARANCE

__all__ = [
    "WORLD_SOURCES",
    "FittedStages",
    "PlannedPath",
    "SeenFractions",
    "WorldConfig",
    "WorldReport",
    "WorldResult",
    "build_filled",
    "build_gaussians",
    "build_geometry",
    "make_world",
    "plan_path",
]

Result = TypeVar("Result")

WORLD_SOURCES = ("auto", "depth", "learned", "grounded")
"""Where the distances come from, see `WorldConfig`."""


@dataclass(frozen=True)
class WorldConfig:
    """Settings of `make_world`; the defaults are those of the shipped workflow.

    Attributes:
        preset: name of the camera path, see `matrix3d_core.trajectories.presets.TRAJECTORY_PRESETS`.
        frames: length of the path; fewer than elsewhere (81), for a first world within two minutes.
        distance: length of the path, world units (meters, as both sources of geometry are metric here).
        edge_threshold: depth jump that splits the scene mesh, see `mesh_from_panorama`.
        width: columns of the guidance frames and of the scene mesh; rows are half of it.
        source: ``"auto"`` (depth when given, else learned when its networks are there, else grounded), ``"depth"``,
            ``"learned"`` or ``"grounded"``.
        camera_height: of the panorama's camera above the ground, meters.
        quality: optimizer preset, ``"draft"`` or ``"standard"``.
        max_gaussians: maximum number of Gaussians.
        seed: of all random numbers.
        backend_mesh: mesh backend, ``"auto"`` for the first usable.
        backend_splat: splat backend, likewise.
        flythrough_size_px: ``(height, width)`` of the video.
        clearance: the path is shortened to stay this far from every surface, meters; 0 switches it off.
        backbone: file of DINOv2-small for ``"learned"``; ``"auto"`` looks for it.
        fill: how disocclusions are inpainted, a name of `FILL_METHODS`.
    """

    preset: str = "fan"
    frames: int = 49
    distance: float = 3.0
    edge_threshold: float = EDGE_THRESHOLD
    width: int = 960
    source: str = "auto"
    camera_height: float = 1.6
    quality: str = "draft"
    max_gaussians: int = 300_000
    seed: int = 0
    backend_mesh: str = "auto"
    backend_splat: str = "auto"
    flythrough_size_px: tuple[int, int] = (360, 640)
    clearance: float = DEFAULT_CLEARANCE
    backbone: str = "auto"
    fill: str = "exemplar"


class PlannedPath(TypedDict):
    """A preset's path before and after it was kept clear; lengths and distances in world units."""

    preset: str
    wanted_length: float
    length: float
    min_clearance: float
    colliding_frames: list[int]


class SeenFractions(TypedDict):
    """How much of the frames guidance shows."""

    backend: str
    seen_fraction_mean: float
    seen_fraction_min: float


class FittedStages(TypedDict):
    """Guidance and fit."""

    guidance: SeenFractions
    optimize: FitReport


class WorldReport(FittedStages):
    """Numbers of every stage, JSON-serializable."""

    config: dict[str, Any]
    """Fields of `WorldConfig`."""
    geometry: GeometryReport
    trajectory: PlannedPath
    seconds: dict[str, float]


@dataclass(frozen=True)
class WorldResult:
    """What `make_world` made.

    Attributes:
        gaussians: the world.
        geometry: the panorama's geometry.
        trajectory: the camera path, after shortening.
        files: name to path of each written file.
        report: numbers of every stage.
    """

    gaussians: Gaussians
    geometry: PanoramaGeometry
    trajectory: Trajectory
    files: dict[str, Path]
    report: WorldReport


def make_world(
    panorama: Tensor,  # [H, W, 3]
    *,
    depth_ray: Tensor | None = None,  # [H', W']
    geometry: PanoramaGeometry | None = None,
    out_dir: str | Path,
    config: WorldConfig | None = None,
    progress: ProgressFn = no_progress,
) -> WorldResult:
    """Build a world from a panorama and write it.

    Writes ``world.ply``, ``world.spz``, ``world.world.json``, ``flythrough.mp4``, ``preview.png``, ``trajectory.json``
    and ``report.json`` into ``out_dir``; each file appears under its name only when it is complete.

    Args:
        panorama: ``[H, W, 3]`` float32 in [0, 1], ``W == 2 * H``.
        depth_ray: ``[H', W']`` ray distances (inf or NaN = sky or unknown), or None.
        geometry: the panorama with distances already, in place of making them.
        out_dir: made when missing.
        config: settings, `WorldConfig()` when None.
        progress: called between steps; raising in it cancels.

    Raises:
        InvalidInput: when the panorama is not 2:1 or a setting is out of range.
    """
    from ..io.cameras_json import write_trajectory
    from ..io.video import write_mp4
    from ..splats.render import render_path
    from .outputs import write_world

    config = config or WorldConfig()
    folder = Path(out_dir)
    folder.mkdir(parents=True, exist_ok=True)
    seconds: dict[str, float] = {}

    if geometry is None:
        geometry = _timed(seconds, "geometry", lambda: build_geometry(panorama, depth_ray, config, progress))
    trajectory, path_report = _timed(seconds, "trajectory", lambda: plan_path(geometry, config))
    gaussians, stage_report = build_gaussians(geometry, trajectory, config, seconds, progress)
    height, width = config.flythrough_size_px
    flight = _timed(
        seconds,
        "flythrough",
        lambda: render_path(
            gaussians,
            trajectory,
            height=height,
            width=width,
            fov_x_rad=math.pi / 2,
            backend=config.backend_splat,
            progress=progress,
        ),
    ).rgb

    report: WorldReport = {
        "config": asdict(config),
        "geometry": geometry.report,
        "trajectory": path_report,
        **stage_report,
        "seconds": {name: round(value, 2) for name, value in seconds.items()},
    }
    files = write_world(folder, gaussians, flight[len(flight) // 2], report, trajectory)
    files |= {name: folder / name for name in ("flythrough.mp4", "trajectory.json")}
    write_mp4(files["flythrough.mp4"], flight, fps=trajectory.fps, progress=progress)
    write_trajectory(files["trajectory.json"], trajectory, layout="matrix3d")
    return WorldResult(gaussians, geometry, trajectory, files, report)


def build_geometry(
    panorama: Tensor, depth_ray: Tensor | None, config: WorldConfig, progress: ProgressFn = no_progress
) -> PanoramaGeometry:
    """Give the panorama its distances: from ``depth_ray``, from the picture, or a ground plane and a dome."""
    from ..depth.learned.estimate import geometry_of_picture, load_learned
    from ..depth.panorama_depth import geometry_from_depth

    check_shape("panorama", panorama, "H W 3")
    if config.source not in WORLD_SOURCES:
        raise InvalidInput(f"source must be one of {', '.join(WORLD_SOURCES)}; got {config.source!r}.")
    if config.source == "depth" and depth_ray is None:
        raise InvalidInput("source 'depth' needs a depth file; got none. Give one, or use 'grounded'.")
    if depth_ray is None or config.source in ("learned", "grounded"):
        return geometry_of_picture(
            panorama,
            lambda: load_learned(backbone=config.backbone),
            source=config.source,
            camera_height=config.camera_height,
            progress=progress,
        )
    return geometry_from_depth(panorama, depth_ray, scale="camera height", camera_height=config.camera_height)


def plan_path(geometry: PanoramaGeometry, config: WorldConfig) -> tuple[Trajectory, PlannedPath]:
    """Place the preset path in the geometry and shorten it to keep its clearance."""
    from ..explore.fan import fan_path
    from ..trajectories.clearance import measure_clearance, shorten_to_clear
    from ..trajectories.presets import make_preset

    trajectory = make_preset(
        config.preset, frames=config.frames, distance=config.distance, is_metric=geometry.is_metric
    )
    wanted = trajectory.length
    if config.clearance > 0 and config.preset == "fan":
        trajectory = fan_path(
            geometry,
            distance=config.distance,
            clearance=config.clearance,
            frames=config.frames,
            edge_threshold=config.edge_threshold,
            backend=config.backend_mesh,
        ).trajectory
    elif config.clearance > 0:
        trajectory, _ = shorten_to_clear(trajectory, geometry, radius=config.clearance)
    clearance = measure_clearance(trajectory, geometry, radius=config.clearance)
    return trajectory, {
        "preset": config.preset,
        "wanted_length": wanted,
        "length": trajectory.length,
        "min_clearance": clearance.min_distance,
        "colliding_frames": list(clearance.colliding_frames),
    }


def build_filled(
    geometry: PanoramaGeometry,
    trajectory: Trajectory,
    config: WorldConfig,
    seconds: dict[str, float] | None = None,
    progress: ProgressFn = no_progress,
) -> tuple[GuidanceFrames, FilledFrames]:
    """Render guidance along the path and inpaint its holes; times go into ``seconds``."""
    from ..guidance.fill import fill_guidance
    from ..guidance.render import render_guidance

    times = {} if seconds is None else seconds
    height = config.width // 2
    guidance = _timed(
        times,
        "guidance",
        lambda: render_guidance(
            geometry,
            trajectory,
            height=height,
            mesh_height=height,
            edge_threshold=config.edge_threshold,
            backend=config.backend_mesh,
            progress=progress,
        ),
    )
    filled = _timed(
        times,
        "fill",
        lambda: fill_guidance(
            guidance, trajectory, method=config.fill, backend=config.backend_mesh, progress=progress
        ),
    )
    return guidance, filled


def build_gaussians(
    geometry: PanoramaGeometry,
    trajectory: Trajectory,
    config: WorldConfig,
    seconds: dict[str, float] | None = None,
    progress: ProgressFn = no_progress,
) -> tuple[Gaussians, FittedStages]:
    """Fit Gaussians to the filled guidance of a path; times go into ``seconds``."""
    from ..optimize.config import preset_config
    from ..optimize.loop import optimize_gaussians

    times = {} if seconds is None else seconds
    guidance, filled = build_filled(geometry, trajectory, config, times, progress)
    result = _timed(
        times,
        "optimize",
        lambda: optimize_gaussians(
            filled.rgb,
            trajectory,
            geometry=geometry,
            depth_ray=filled.depth_ray,
            mask=guidance.mask,
            config=preset_config(
                config.quality,
                max_gaussians=config.max_gaussians,
                seed=config.seed,
                backend=config.backend_splat,
            ),
            progress=progress,
        ),
    )
    return result.gaussians, {
        "guidance": {
            "backend": guidance.backend,
            "seen_fraction_mean": float(guidance.mask.mean()),
            "seen_fraction_min": float(guidance.mask.mean((1, 2)).min()),
        },
        "optimize": result.report,
    }


def _timed(seconds: dict[str, float], name: str, work: Callable[[], Result]) -> Result:
    start = time.perf_counter()
    result = work()
    seconds[name] = time.perf_counter() - start
    return result
