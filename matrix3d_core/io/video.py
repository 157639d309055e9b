"""Frame batches to MP4 files and back, through PyAV (which brings its own FFmpeg)."""

from __future__ import annotations

import contextlib
import os
from fractions import Fraction
from pathlib import Path

import torch
from torch import Tensor

from ..checks import check_shape
from ..errors import BackendUnavailable, FormatError, InvalidInput
from ..progress import ProgressEvent, ProgressFn, no_progress
from .atomic import naming_the_file

__all__ = ["read_mp4", "write_mp4"]


def write_mp4(
    path: str | Path,
    frames: Tensor,  # [T, H, W, 3]
    *,
    fps: float = 24.0,
    crf: int = 18,
    progress: ProgressFn = no_progress,
) -> None:
    """Write frames as H.264, 4:2:0, playable by browsers.

    Odd sizes are cropped by one row or column, as the pixel format needs even ones. The file
    appears under its name only when it is complete.

    Args:
        path: where to write; the folder must exist.
        frames: ``[T, H, W, 3]`` floating point in [0, 1], ``T >= 1``, at least 2x2 pixels.
        fps: frames per second, positive.
        crf: constant rate factor of x264, 0 (lossless) to 51.
        progress: called once per frame.

    Raises:
        InvalidInput: on a wrong shape or rate.
        BackendUnavailable: when PyAV is not installed.
    """
    size = check_shape("frames", frames, "T H W 3")
    if size["T"] < 1 or size["H"] < 2 or size["W"] < 2:
        raise InvalidInput(f"frames must hold at least one picture of 2x2 pixels; got {list(frames.shape)}.")
    if not 0 < fps < 1000:
        raise InvalidInput(f"fps must lie between 0 and 1000; got {fps}.")
    try:
        import av
    except ImportError as error:
        raise BackendUnavailable("writing MP4 needs the package 'av'; install it with pip.") from error

    height, width = size["H"] // 2 * 2, size["W"] // 2 * 2
    target = Path(path)
    partial = target.with_name(f".{target.name}.partial")
    try:
        with naming_the_file(target):
            with av.open(str(partial), "w", format="mp4", options={"movflags": "faststart"}) as container:
                stream = container.add_stream("libx264", rate=Fraction(fps).limit_denominator(1001))
                stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
                stream.options = {"crf": str(crf), "preset": "medium"}
                for number, frame in enumerate(frames):
                    pixels = (frame[:height, :width].detach().clamp(0, 1) * 255).round().to(torch.uint8)
                    picture = av.VideoFrame.from_ndarray(pixels.cpu().contiguous().numpy(), format="rgb24")
                    container.mux(stream.encode(picture))
                    progress(ProgressEvent(number + 1, size["T"], "write video"))
                container.mux(stream.encode())
            os.replace(partial, target)
    finally:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)


def read_mp4(path: str | Path, *, progress: ProgressFn = no_progress) -> Tensor:  # [T, H, W, 3]
    """Read all frames of a video's first picture stream, of any codec that PyAV's FFmpeg decodes.

    Args:
        path: of the file.
        progress: called once per frame.

    Returns:
        ``[T, H, W, 3]`` float32 in [0, 1].

    Raises:
        FormatError: when the file is missing, damaged, or holds no pictures.
        BackendUnavailable: when PyAV is not installed.
    """
    try:
        import av
    except ImportError as error:
        raise BackendUnavailable("reading MP4 needs the package 'av'; install it with pip.") from error

    path = Path(path)
    if not path.is_file():
        raise FormatError(f"{path} must be a video file; there is none.")
    frames: list[Tensor] = []
    try:
        with av.open(str(path)) as container:
            if not container.streams.video:
                raise FormatError(f"{path.name} must hold a video; it has no pictures.")
            total = max(1, container.streams.video[0].frames)
            for picture in container.decode(video=0):
                frames.append(torch.from_numpy(picture.to_ndarray(format="rgb24")))
                progress(ProgressEvent(min(len(frames), total), total, "read video"))
    except av.error.FFmpegError as error:
        raise FormatError(f"{path.name} is truncated or no video ({error}). Write it again.") from error
    if not frames:
        raise FormatError(f"{path.name} must hold at least one frame; got none.")
    return torch.stack(frames).float() / 255
