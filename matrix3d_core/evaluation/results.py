"""Folders of results: which clips of which methods are there, in our own plain layout and in two benchmarks' layouts.

Our own::

    DIR/METHOD/CLIP/frames/*.png      generated pictures, or video.mp4 or composite.mp4
    DIR/METHOD/CLIP/truth/*.png       the true ones, or truth.mp4; or, once for all methods, DIR/truth/CLIP/frames/*.png
                                      or DIR/truth/CLIP/video.mp4
    DIR/METHOD/CLIP/cameras.json      the commanded path; or DIR/truth/CLIP/cameras.json; any format of camera paths
    DIR/METHOD/CLIP/poses.*           poses of the generated pictures, any format (VGGT, Depth Anything 3, COLMAP, ...)
    DIR/METHOD/CLIP/depth/*.npy       ray distance in every generated picture, any format of depth maps
    DIR/METHOD/CLIP/truth_depth/*.npy the true one; or DIR/truth/CLIP/depth/*.npy
    DIR/METHOD/CLIP/seconds.txt       how long it took, one number

All but the pictures are optional. A path with intrinsics makes the pictures perspective; without, 2:1 pictures are
panoramas.

PanoWorld's benchmark: ``master.csv`` beside the folder of results ``METHOD/CLIP/video.mp4``; both videos are brought to
its grid of 80 frames at 16 per second. EvoWorld's loop test: ``EPISODE/predictions[_N]`` and ``predictions_gt[_N]``.

Sources: ostadabbas/PanoWorld, scripts/build_eval_set; JiahaoPlus/EvoWorld, evoworld/metrics.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from ..checks import check_shape
from ..errors import FormatError, InvalidInput
from ..io.camera_paths.door import import_trajectory
from ..io.camera_paths.raw import PathOptions, natural_order
from ..io.depth_files import DEPTH_SUFFIXES, read_depth
from ..io.images import read_image
from ..io.video import read_mp4
from ..progress import ProgressEvent, ProgressFn, no_progress
from ..scene.camera import Camera, Equirect, Pinhole
from ..scene.trajectory import Trajectory

__all__ = ["Clip", "ClipFiles", "camera_of_frames", "find_results", "read_clip", "read_frames"]

_PICTURES = (".png", ".jpg", ".jpeg", ".webp")
_TRUTH = "truth"
_GRID_FPS, _GRID_FRAMES = 16, 80  # PanoWorld's
_ESTIMATED_M = 100.0  # what 1 stands for in PanoWorld's estimated depth
_MASTER_COLUMNS = {"clip_id", "video_path", "annotation_dir", "fps"}


@dataclass(frozen=True)
class ClipFiles:
    """Where a clip of a method is.

    Attributes:
        method, clip: names.
        frames, truth: picture files in order, or one video.
        commanded, poses: camera paths.
        depth, true_depth: depth maps in order.
        depth_unit: what 1 stands for in the true ones.
        seconds: how long making it took.
        options: how the camera paths are read.
        fps: of generated and true frames, when both are brought to PanoWorld's grid; None compares frame by frame.
        numbers: which poses of the path the frames have; None for all.
    """

    method: str
    clip: str
    frames: tuple[Path, ...]
    truth: tuple[Path, ...] = ()
    commanded: Path | None = None
    poses: Path | None = None
    depth: tuple[Path, ...] = ()
    true_depth: tuple[Path, ...] = ()
    depth_unit: float = 1.0
    seconds: float | None = None
    options: PathOptions | None = None
    fps: tuple[float, float] | None = None
    numbers: tuple[int, ...] | None = None


@dataclass(frozen=True)
class Clip:
    """A clip in memory; what is not there is None. Depth maps are ``[T, H, W]``."""

    frames: Tensor
    camera: Camera
    truth: Tensor | None = None
    commanded: Trajectory | None = None
    given: Trajectory | None = None
    depth: Tensor | None = None
    true_depth: Tensor | None = None

    def __post_init__(self) -> None:
        if self.commanded is not None and len(self.commanded) != len(self.frames):
            raise InvalidInput(
                f"there must be one commanded pose per frame; got {len(self.commanded)} poses and {len(self.frames)} "
                "frames. Trim the longer one."
            )


def find_results(folder: Path | str, master: Path | str | None = None) -> list[ClipFiles]:
    """List the clips in a folder of results, by method and name.

    Args:
        folder: see the module.
        master: PanoWorld's ``master.csv``; the folder then holds its results.

    Raises:
        InvalidInput: when there are none; the message describes the layout.
        FormatError: for a ``master.csv`` without its columns.
    """
    place = Path(folder)
    if not place.is_dir():
        raise InvalidInput(f"{place} must be a folder of results; it does not exist.")
    if master is not None:
        found = list(_panoworld(place, Path(master)))
    elif any(place.glob("*/predictions_gt*")):
        found = list(_evoworld(place))
    else:
        found = list(_own(place))
    if not found:
        raise InvalidInput(
            f"{place} must hold METHOD/CLIP/frames with pictures, or METHOD/CLIP/video.mp4; there is none. "
            "docs/metrics.md describes the layouts."
        )
    return found


def _folders(place: Path) -> list[Path]:
    inside = [path for path in place.iterdir() if path.is_dir() and not path.name.startswith((".", "_"))]
    return [inside[k] for k in natural_order([path.name for path in inside])]


def _pictures(*places: Path, suffixes: Collection[str] = _PICTURES) -> tuple[Path, ...]:
    """Return the first of these that is there: the pictures in a folder, or a video."""
    for place in places:
        if place.is_file():
            return (place,)
        if place.is_dir():
            files = [path for path in place.iterdir() if path.suffix.lower() in suffixes]
            if files:
                return tuple(files[k] for k in natural_order([path.name for path in files]))
    return ()


def _path_file(stem: str, *places: Path) -> Path | None:
    """Return the first camera path of that name; a folder is a COLMAP model."""
    found = (
        path
        for place in places
        for suffix in (".json", ".npz", ".npy", ".txt", "")
        if (path := place / f"{stem}{suffix}").exists()
    )
    return next(found, None)


def _own(place: Path) -> Iterator[ClipFiles]:
    for method in _folders(place):
        if method.name == _TRUTH:
            continue
        for clip in _folders(method):
            frames = _pictures(clip / "frames", clip / "composite.mp4", clip / "video.mp4")
            if not frames:
                continue
            true = place / _TRUTH / clip.name
            yield ClipFiles(
                method.name,
                clip.name,
                frames,
                _pictures(clip / "truth", clip / "truth.mp4", true / "frames", true / "video.mp4"),
                _path_file("cameras", clip, true),
                _path_file("poses", clip),
                _pictures(clip / "depth", suffixes=DEPTH_SUFFIXES),
                _pictures(clip / "truth_depth", true / "depth", suffixes=DEPTH_SUFFIXES),
                seconds=_seconds(clip / "seconds.txt"),
            )


def _seconds(path: Path) -> float | None:
    if not path.is_file():
        return None
    text = path.read_text(encoding="utf-8", errors="replace").strip()
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds < 1e12:
        raise FormatError(f"{path.name} must hold one number, seconds; got {text[:60]!r}.")
    return seconds


def _panoworld(place: Path, master: Path) -> Iterator[ClipFiles]:
    """Clips of PanoWorld's benchmark: ``clip_id`` is ``split::name`` in the table, ``split__name`` on the disk."""
    with master.open(newline="", encoding="utf-8-sig") as file:
        table = csv.DictReader(file)
        lacking = _MASTER_COLUMNS - set(table.fieldnames or ())
        if lacking:
            raise FormatError(
                f"{master.name} must be PanoWorld's table; it lacks {', '.join(sorted(lacking))}."
            )
        rows = list(table)
    for method in _folders(place):
        for row in rows:
            clip = method / row["clip_id"].replace("::", "__")
            if not (clip / "video.mp4").is_file():
                continue
            notes = master.parent / row["annotation_dir"]
            kind = "opengl" if row.get("pose_kind") == "habitat_gt" else "opencv"
            yield ClipFiles(
                method.name,
                row["clip_id"],
                (clip / "video.mp4",),
                _pictures(master.parent / row["video_path"]) if row["video_path"] else (),
                _path_file("camera_poses", notes) if row["annotation_dir"] else None,
                _path_file("camera_poses", clip),
                _pictures(clip / "depth", suffixes=DEPTH_SUFFIXES),
                _pictures(notes / "depth", suffixes=DEPTH_SUFFIXES) if row["annotation_dir"] else (),
                1.0 if row.get("depth_kind") == "habitat_gt" else _ESTIMATED_M,
                options=PathOptions(pose_convention="c2w", axes=kind),
                fps=(float(_GRID_FPS), float(row["fps"] or _GRID_FPS)),
            )


def _evoworld(place: Path) -> Iterator[ClipFiles]:
    """Segments of EvoWorld's test; pictures are paired by name, which is the number of the pose."""
    for episode in _folders(place):
        for true in _folders(episode):
            match = re.fullmatch(r"predictions_gt(_\d+)?", true.name)
            if match is None:
                continue
            segment = match[1] or ""
            frames = {path.name: path for path in _pictures(episode / f"predictions{segment}")}
            wanted = [path for path in _pictures(true) if path.name in frames]
            if not wanted:
                continue
            names = [path.stem for path in wanted]
            numbers = tuple(int(name) - 1 for name in names) if all(n.isdigit() for n in names) else None
            poses = episode / "camera_poses.txt"
            yield ClipFiles(
                place.name,
                f"{episode.name}{segment}",
                tuple(frames[path.name] for path in wanted),
                tuple(wanted),
                poses if poses.is_file() and numbers is not None else None,
                numbers=numbers,
            )


def read_clip(files: ClipFiles, *, progress: ProgressFn = no_progress) -> Clip:
    """Read a clip.

    Raises:
        InvalidInput: when pictures of one clip differ in size, or the camera is not theirs; the message names the clip.
        FormatError: when a file is damaged.
    """
    try:
        return _read(files, progress)
    except InvalidInput as error:
        raise InvalidInput(f"{files.method}/{files.clip}: {error}") from error


def _read(files: ClipFiles, progress: ProgressFn) -> Clip:
    frames = _read_pictures(files.frames, progress)
    assert frames is not None
    truth = _read_pictures(files.truth, progress)
    commanded, given = (
        None if path is None else import_trajectory(path, files.options).trajectory
        for path in (files.commanded, files.poses)
    )
    if files.numbers is not None and commanded is not None:
        commanded = commanded.select(torch.tensor(files.numbers))
    if files.fps is not None:
        ours, theirs = (_on_grid(fps) for fps in files.fps)
        given = _poses_at(given, ours, len(frames))
        commanded = None if truth is None else _poses_at(commanded, theirs, len(truth))
        frames = frames[ours.clamp(max=len(frames) - 1)]
        truth = None if truth is None else truth[theirs.clamp(max=len(truth) - 1)]
    depth, true_depth = (_read_all(paths, read_depth, progress) for paths in (files.depth, files.true_depth))
    if files.fps is not None and depth is not None and true_depth is not None:  # as PanoWorld pairs them
        count = min(len(depth), len(true_depth))
        depth, true_depth = depth[:count], true_depth[:count]
    true_depth = None if true_depth is None else true_depth * files.depth_unit
    camera = camera_of_frames(frames, commanded)
    return Clip(frames, camera, truth, commanded, given, depth, true_depth)


def camera_of_frames(frames: Tensor, commanded: Trajectory | None = None) -> Camera:  # frames: [T, H, W, 3]
    """Return the camera of frames: the path's; without one a panorama's for 2:1 pictures, else 90 degrees wide."""
    check_shape("frames", frames, "T H W 3")
    size = (frames.shape[1], frames.shape[2])
    if size[1] != 2 * size[0] and (commanded is None or commanded.image_size_px is None):
        return Pinhole.from_fov(torch.pi / 2, *size)
    return Equirect(size) if commanded is None else commanded.camera(0, size)


def _on_grid(fps: float) -> Tensor:
    """Return which frame is nearest in time to each of PanoWorld's 80."""
    return (torch.arange(_GRID_FRAMES, dtype=torch.float64) * fps / _GRID_FPS).round().long()


def _poses_at(path: Trajectory | None, frames: Tensor, count: int) -> Trajectory | None:
    """Select poses like frames; a path with another number of poses cannot be used."""
    if path is None or len(path) != count:
        return None
    return path.select(frames.clamp(max=count - 1))


def read_frames(place: Path | str, *, progress: ProgressFn = no_progress) -> Tensor:  # [T, H, W, 3]
    """Read the pictures in a folder, in the order of the numbers in their names, or a video.

    Raises:
        InvalidInput: when there are none, or they differ in size.
        FormatError: when a file is damaged.
    """
    frames = _read_pictures(_pictures(Path(place)), progress)
    if frames is None:
        raise InvalidInput(f"{place} must be a folder with pictures, or a video; there is none.")
    return frames


def _read_pictures(paths: tuple[Path, ...], progress: ProgressFn) -> Tensor | None:  # [T, H, W, 3]
    if len(paths) == 1 and paths[0].suffix.lower() not in _PICTURES:
        return read_mp4(paths[0], progress=progress)
    return _read_all(paths, read_image, progress)


def _read_all(
    paths: tuple[Path, ...], read: Callable[[Path], Tensor], progress: ProgressFn
) -> Tensor | None:  # [T, ...]
    """Read pictures or depth maps of one size; None for no files."""
    pictures: list[Tensor] = []
    for number, path in enumerate(paths):
        progress(ProgressEvent(number, len(paths), "read pictures"))
        pictures.append(read(path))
        if pictures[-1].shape != pictures[0].shape:
            sizes = (f"{p.shape[1]}x{p.shape[0]}" for p in (pictures[0], pictures[-1]))
            raise InvalidInput("pictures must have one size; got {} and {} ({}).".format(*sizes, path.name))
    return torch.stack(pictures) if pictures else None
