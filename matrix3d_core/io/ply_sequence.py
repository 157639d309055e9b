"""Folders of numbered PLY files, one for each frame: how programs of 4D Gaussians exchange what moves.

Files are taken in the order of the last number in their names; ``sequence.json`` beside them holds the frames per
second where it is known.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable
from pathlib import Path

from ..errors import FormatError, InvalidInput
from ..progress import ProgressEvent, ProgressFn, no_progress
from ..scene.gaussians import Gaussians
from ..scene.sequence import GaussianSequence
from ..strict_json import parse_json
from .atomic import open_atomically
from .splats import read_gaussians, write_gaussians

__all__ = ["MOST_FRAMES", "find_ply_frames", "read_ply_sequence", "write_ply_sequence"]

MOST_FRAMES = 10_000
_INDEX = "sequence.json"
_MAX_BYTES = 10_000
_NUMBER = re.compile(r"(\d+)(?=\D*$)")


def write_ply_sequence(
    folder: str | os.PathLike[str],
    frames: Iterable[Gaussians],
    count: int,
    *,
    fps: float,
    axes: str | None = None,
    progress: ProgressFn = no_progress,
) -> list[Path]:
    """Write frames as ``frame_00000.ply`` and so on, and what their speed is; one frame is in memory at a time.

    Args:
        folder: made if it is not there; files of another sequence must not be in it.
        frames: the worlds, OpenCV axes.
        count: how many, 1 to 10000.
        fps: frames per second, positive.
        axes: of the files; None: OpenCV.
        progress: called before each frame.

    Raises:
        InvalidInput: for a count or speed out of range, a folder with frames, or what `write_ply` refuses.
    """
    if not 1 <= count <= MOST_FRAMES:
        raise InvalidInput(f"a sequence must have 1 to {MOST_FRAMES} frames; got {count}.")
    if not 0 < fps < float("inf"):
        raise InvalidInput(f"fps must be positive; got {fps}.")
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    if find_ply_frames(target):
        raise InvalidInput(f"{target.name}: must hold no PLY files yet. Choose another folder.")
    written = []
    for index, world in enumerate(frames):
        progress(ProgressEvent(index, count, "write frames"))
        path = target / f"frame_{index:05d}.ply"
        write_gaussians(path, world, kind="ply", axes=axes)
        written.append(path)
    with open_atomically(target / _INDEX) as file:
        file.write((json.dumps({"fps": fps, "frames": len(written)}) + "\n").encode())
    return written


def find_ply_frames(folder: str | os.PathLike[str]) -> list[Path]:
    """Return the numbered PLY files of a folder in the order of their numbers."""
    found = [
        (int(match[1]), path.name, path)
        for path in Path(folder).iterdir()
        if path.suffix.lower() == ".ply" and path.is_file() and (match := _NUMBER.search(path.stem))
    ]
    return [path for _, _, path in sorted(found)]


def read_ply_sequence(
    folder: str | os.PathLike[str],
    *,
    fps: float | None = None,
    stride: int = 1,
    most: int = MOST_FRAMES,
    axes: str | None = None,
    progress: ProgressFn = no_progress,
) -> GaussianSequence:
    """Read a folder of numbered PLY files. The frames' numbers of Gaussians may differ.

    Args:
        folder: with at least one ``.ply`` whose name has a number.
        fps: frames per second of the files; None takes those of ``sequence.json``, else 24.
        stride: read every n-th.
        most: number of frames to read at most.
        axes: of the files; None: see `read_gaussians`.
        progress: called before each file.

    Raises:
        InvalidInput: for a stride, number or speed out of range.
        FormatError: when there are no such files, or one cannot be read.
    """
    if stride < 1 or most < 1:
        raise InvalidInput(f"stride and the number of frames must be at least 1; got {stride} and {most}.")
    paths = find_ply_frames(folder)[::stride][: min(most, MOST_FRAMES)]
    if not paths:
        raise FormatError(f"{Path(folder).name}: must hold PLY files with numbers in their names; got none.")
    frames = []
    for index, path in enumerate(paths):
        progress(ProgressEvent(index, len(paths), "read frames"))
        frames.append(read_gaussians(path, axes=axes))
    return GaussianSequence(tuple(frames), (_speed(Path(folder)) if fps is None else fps) / stride)


def _speed(folder: Path) -> float:
    path = folder / _INDEX
    if not path.is_file():
        return 24.0
    if path.stat().st_size > _MAX_BYTES:
        raise FormatError(f"{_INDEX}: must be at most {_MAX_BYTES} bytes; got {path.stat().st_size}.")
    data = parse_json(path.read_bytes(), source=_INDEX, most_bytes=_MAX_BYTES)
    fps = data.get("fps") if isinstance(data, dict) else None
    if isinstance(fps, bool) or not isinstance(fps, (int, float)) or not 0 < fps < float("inf"):
        raise FormatError(f"{_INDEX}: fps must be a positive number; got {fps!r}.")
    return float(fps)
