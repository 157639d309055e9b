"""Panorama frames as small JPEG files that a browser shows."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from ..checks import check_finite, check_shape
from ..errors import InvalidInput
from ..progress import ProgressEvent, ProgressFn, no_progress
from .images import write_image

__all__ = ["MOST_FRAMES", "shown_frames", "write_pano_frames", "write_panorama"]

MOST_FRAMES = 121
"""Maximum number of frames written of a video; longer ones are sampled evenly."""

MAX_WIDTH_PX = 2048


def shown_frames(count: int, most: int = MOST_FRAMES) -> list[int]:
    """Return which of ``count`` frames are written: all, or ``most`` from first to last, evenly spaced."""
    if count < 1 or most < 1:
        raise InvalidInput(f"frames and most must be at least 1; got {count} and {most}.")
    if count <= most:
        return list(range(count))
    return [round(k * (count - 1) / max(1, most - 1)) for k in range(most)]


def write_panorama(path: Path, panorama: Tensor, *, max_width: int, quality: int = 90) -> None:
    """Write one panorama ``[H, W, 3]`` in [0, 1], shrunk by averaging where it is wider than ``max_width``.

    Raises:
        InvalidInput: as `write_image`.
    """
    picture = panorama.detach().to("cpu", torch.float32)
    if picture.shape[1] > max_width:
        shape = (max(1, max_width // 2), max_width)
        picture = torch.nn.functional.interpolate(picture.permute(2, 0, 1)[None], shape, mode="area")
        picture = picture[0].permute(1, 2, 0)
    write_image(path, picture, quality=quality)


def write_pano_frames(
    folder: Path,
    stem: str,
    panoramas: Tensor,  # [T, H, W, 3]
    *,
    max_width: int = MAX_WIDTH_PX,
    most: int = MOST_FRAMES,
    quality: int = 90,
    progress: ProgressFn = no_progress,
) -> list[tuple[int, str]]:
    """Write frames as JPEG, shrunk by averaging where they are wider than ``max_width``.

    Args:
        folder: where, made if needed.
        stem: names begin with it; the frame's number follows.
        panoramas: ``[T, H, W, 3]`` in [0, 1], 2:1.
        max_width: pixels.
        most: maximum number of frames; see `shown_frames`.
        quality: of JPEG, 1 to 100.
        progress: called before each frame.

    Returns:
        Frame number and file name of each, in order.

    Raises:
        InvalidInput: for a wrong shape, a picture that is not 2:1, or values that are not finite.
    """
    size = check_shape("panorama", panoramas, "T H W 3")
    if size["W"] != 2 * size["H"] or size["H"] < 1:
        raise InvalidInput(f"panorama must be twice as wide as high; got {size['W']}x{size['H']}.")
    frames = shown_frames(size["T"], most)
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for index, frame in enumerate(frames):
        progress(ProgressEvent(index, len(frames), f"write frame {frame}"))
        check_finite(f"panorama, frame {frame},", panoramas[frame])
        name = f"{stem}f{frame:05}.jpg"
        write_panorama(folder / name, panoramas[frame], max_width=max_width, quality=quality)
        files.append((frame, name))
    progress(ProgressEvent(len(frames), len(frames), "frames written"))
    return files
