"""A panoramic video in a folder to Gaussian splats: what GSOptimize does, without a host."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ..errors import InvalidInput
from ..guidance.scene_mesh import EDGE_THRESHOLD
from ..progress import ProgressFn, no_progress
from ..scene.gaussians import Gaussians
from ..scene.panorama import PanoramaGeometry
from ..scene.trajectory import Trajectory

if TYPE_CHECKING:
    from ..optimize.config import OptimizeConfig

__all__ = ["SplatsResult", "VideoFolder", "fit_video", "read_video_folder"]

VIDEO_NAMES = ("composite.mp4", "video.mp4")
"""Frames to fit, best first: with the panorama's own pixels, or as the model made them."""

_MOST_POSES_OFF = 3  # a path that is not 4 k + 1 frames long is trimmed or padded by at most that many


@dataclass(frozen=True)
class VideoFolder:
    """A panoramic video with its path, geometry and depth.

    Attributes:
        frames: ``[T, H, W, 3]`` float32 in [0, 1].
        trajectory: their ``T`` poses.
        geometry: the source panorama with its distances, or None.
        depth_ray: ``[T, H, W]`` distance along the ray of every frame, inf for sky, or None.
        mask: ``[T, H, W]``, 1 where a frame shows the source panorama; None without a geometry.
    """

    frames: Tensor
    trajectory: Trajectory
    geometry: PanoramaGeometry | None = None
    depth_ray: Tensor | None = None
    mask: Tensor | None = None


@dataclass(frozen=True)
class SplatsResult:
    """What `fit_video` made.

    Attributes:
        gaussians: in the trajectory's frame and units.
        files: path of each written file by name.
    """

    gaussians: Gaussians
    files: dict[str, Path]


def read_video_folder(
    folder: str | Path,
    *,
    video: str | Path | None = None,
    edge_threshold: float = EDGE_THRESHOLD,
    backend_mesh: str = "auto",
    progress: ProgressFn = no_progress,
) -> VideoFolder:
    """Read a video and its path, and its geometry and depth where the folder has them.

    The folder holds ``composite.mp4`` or ``video.mp4``, and ``cameras.json``; also ``geometry.safetensors`` (see
    `matrix3d_core.io.geometry`), and a folder ``depth`` with one depth file per frame in the order of the names
    (distance along the ray in world units, inf or 0 for sky). Where there is a geometry, the mask is rendered from
    it, as MeshGuidanceRender does. Poses and frames may differ by three, which are dropped at the end.

    Args:
        folder: as `make_panorama_video` wrote it.
        video: another file with the frames.
        edge_threshold: depth jump that tears the scene mesh, see `mesh_from_panorama`.
        backend_mesh: mesh backend for the mask.
        progress: called between frames; raising in it cancels.

    Raises:
        InvalidInput: when the folder lacks the video or the path, or numbers and sizes do not match.
        FormatError: when a file is damaged.
        BackendUnavailable: when PyAV or the backend is not here.
    """
    from ..guidance.render import render_guidance
    from ..io.cameras_json import read_trajectory
    from ..io.geometry import read_geometry
    from ..io.video import read_mp4

    folder = Path(folder)
    file = Path(video) if video is not None else _find_video(folder)
    cameras = folder / "cameras.json"
    if not cameras.is_file():
        raise InvalidInput(
            f"{folder} must hold cameras.json, one pose per frame of {file.name}; there is none. `matrix3d video` and "
            "the node TrajectorySave write it."
        )
    trajectory, frames = read_trajectory(cameras), read_mp4(file, progress=progress)
    depth_ray = _read_depths(folder / "depth")
    count = min(len(frames), len(trajectory))
    if abs(len(frames) - len(trajectory)) > _MOST_POSES_OFF:
        raise InvalidInput(
            f"cameras.json must be the path of {file.name}, one pose per frame; got {len(trajectory)} poses and "
            f"{len(frames)} frames. Name the video of that path with --video."
        )
    if depth_ray is not None and tuple(depth_ray.shape[1:]) != tuple(frames.shape[1:3]):
        got, want = (f"{s[1]}x{s[0]}" for s in (depth_ray.shape[1:], frames.shape[1:3]))
        raise InvalidInput(f"depth must have the size of the frames, {want}; got {got}. Resize it.")
    if depth_ray is not None and abs(len(depth_ray) - len(frames)) > _MOST_POSES_OFF:
        raise InvalidInput(
            f"depth must hold one file per frame; got {len(depth_ray)} for {len(frames)} frames. Name them in order."
        )
    count = count if depth_ray is None else min(count, len(depth_ray))
    trajectory, frames = trajectory.select(slice(0, count)), frames[:count]
    geometry = mask = None
    if (folder / "geometry.safetensors").is_file():
        geometry = read_geometry(folder / "geometry.safetensors")
        height = frames.shape[1]
        mask = render_guidance(
            geometry,
            trajectory,
            height=height,
            mesh_height=height,
            edge_threshold=edge_threshold,
            backend=backend_mesh,
            progress=progress,
        ).mask
    return VideoFolder(frames, trajectory, geometry, None if depth_ray is None else depth_ray[:count], mask)


def fit_video(
    video: VideoFolder,
    *,
    out_dir: str | Path,
    initial: Gaussians | None = None,
    config: OptimizeConfig | None = None,
    resume: bool = True,
    progress: ProgressFn = no_progress,
) -> SplatsResult:
    """Fit Gaussians to a video and write ``world.ply``, ``world.spz``, ``preview.png`` and ``report.json``.

    Args:
        video: from `read_video_folder`.
        out_dir: made when missing; also holds the checkpoint of a fit that was stopped.
        initial: Gaussians to continue from.
        config: of the fit, the draft preset when None.
        resume: keep a checkpoint and resume from it after a stop; it is removed at the end.
        progress: called between steps; raising in it cancels.

    Raises:
        InvalidInput: when sizes or values are out of range.
        BackendUnavailable: when the backend asked for cannot run here.
    """
    from ..optimize.loop import optimize_gaussians
    from .outputs import write_world

    folder = Path(out_dir)
    folder.mkdir(parents=True, exist_ok=True)
    result = optimize_gaussians(
        video.frames,
        video.trajectory,
        geometry=video.geometry,
        depth_ray=video.depth_ray,
        mask=video.mask,
        initial=initial,
        config=config,
        checkpoint=folder if resume else None,
        progress=progress,
    )
    return SplatsResult(
        result.gaussians,
        write_world(folder, result.gaussians, result.preview, result.report, video.trajectory),
    )


def _find_video(folder: Path) -> Path:
    if not folder.is_dir():
        raise InvalidInput(f"VIDEO_DIR must be a folder that `matrix3d video` wrote; there is no {folder}.")
    for name in VIDEO_NAMES:
        if (folder / name).is_file():
            return folder / name
    raise InvalidInput(
        f"{folder} must hold {' or '.join(VIDEO_NAMES)}; it has neither. Name the file with --video, or make one with "
        "`matrix3d video`."
    )


def _read_depths(folder: Path) -> Tensor | None:
    from ..io.depth_files import DEPTH_SUFFIXES, read_depth

    if not folder.is_dir():
        return None
    maps = [read_depth(path) for path in sorted(folder.iterdir()) if path.suffix.lower() in DEPTH_SUFFIXES]
    if not maps:
        return None
    sizes = {tuple(depth.shape) for depth in maps}
    if len(sizes) > 1:
        raise InvalidInput(f"{folder}: all depth files must be of one size; got {len(sizes)} sizes.")
    stacked = torch.stack(maps)
    return torch.where(stacked > 0, stacked, torch.inf)
