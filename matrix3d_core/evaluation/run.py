"""Evaluate all clips of all methods in a folder of results."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from ..errors import InvalidInput
from ..geometry.crops import upstream_crop_rotations
from ..metrics.networks import MetricNetworks
from ..progress import ProgressEvent, ProgressFn, no_progress
from ..scene.camera import Camera
from .measure import Measures, measure_cameras, measure_depth, measure_pictures, measure_sphere, summarize
from .results import Clip, ClipFiles, read_clip

__all__ = ["VIEWS", "MethodResult", "evaluate_clips", "measure_clip"]

_FOV_RAD = math.pi / 2
VIEWS = {"whole": (), "ahead": (6,), "level": (6, 9, 0, 3)}
"""How pictures are compared: as they are; panoramas cropped to one 90-degree view ahead; or to four level ones. The
numbers are those of `upstream_crop_rotations`."""


@dataclass
class MethodResult:
    """One method.

    Attributes:
        name: of its folder.
        is_panoramic: whether its pictures are panoramas.
        clips: clip to view to its numbers.
        summary: view to the numbers of all clips together.
    """

    name: str
    is_panoramic: bool
    clips: dict[str, dict[str, Measures]] = field(default_factory=dict)
    summary: dict[str, Measures] = field(default_factory=dict)


def evaluate_clips(
    clips: Sequence[ClipFiles],
    networks: MetricNetworks | None = None,
    *,
    views: Iterable[str] = tuple(VIEWS),
    solve: bool = False,
    progress: ProgressFn = no_progress,
) -> list[MethodResult]:
    """Measure every clip, one in memory at a time, and summarize by method.

    Args:
        clips: from `find_results`.
        networks: for FID, FVD, LPIPS and the DINOv2 distance; what is missing is n/a.
        views: which of `VIEWS`; for perspective pictures all are the whole picture.
        solve: solve poses from the frames of clips that have a commanded path but no poses.
        progress: called between clips and inside of them; raising in it stops.

    Raises:
        InvalidInput: for a broken clip; the message names it.
    """
    found: dict[str, MethodResult] = {}
    for number, files in enumerate(clips):
        label = f"{files.method}/{files.clip}"
        progress(ProgressEvent(number, len(clips), f"clip {label}"))
        clip = read_clip(files, progress=progress)
        method = found.setdefault(files.method, MethodResult(files.method, clip.camera.wraps))
        try:
            measured = measure_clip(clip, networks, views, solve=solve, progress=progress)
        except InvalidInput as error:
            raise InvalidInput(f"{label}: {error}") from error
        for one in measured.values():
            if files.seconds is None:
                one.missing["seconds"] = "needs seconds.txt"
            else:
                one.values["seconds"] = files.seconds
        method.clips[files.clip] = measured
    for method in found.values():
        for view in views:
            method.summary[view] = summarize([clip[view] for clip in method.clips.values()])
    progress(ProgressEvent(len(clips), len(clips), "clips measured"))
    return list(found.values())


def measure_clip(
    clip: Clip,
    networks: MetricNetworks | None,
    views: Iterable[str],
    *,
    solve: bool = False,
    progress: ProgressFn = no_progress,
) -> dict[str, Measures]:
    """Measure a clip in some of `VIEWS`; see `evaluate_clips`."""
    shared = measure_cameras(
        clip.commanded,
        clip.given,
        frames=clip.frames if solve else None,
        camera=clip.camera,
        progress=progress,
    )
    shared |= measure_sphere(clip.frames, clip.commanded) | measure_depth(clip.depth, clip.true_depth)
    found: dict[str, Measures] = {}
    whole: Measures | None = None
    for view in views:
        is_whole = view == "whole" or not clip.camera.wraps
        if is_whole and whole is not None:
            found[view] = whole
            continue
        if clip.truth is None:
            keys = ("psnr", "ssim", "lpips", "fid", "fvd", "dinov2", "end_psnr")
            measured = Measures(missing=dict.fromkeys(keys, "needs true frames"))
        else:
            cut = (lambda x: x) if is_whole else _cropper(clip.camera, VIEWS[view])
            used = networks
            if used is not None and len(VIEWS[view]) > 1:  # several views of a frame are no video
                used = replace(used, fid=None, fvd=None)
            measured = measure_pictures(cut(clip.frames), cut(clip.truth), used, progress=progress)
        found[view] = measured | shared
        if is_whole:
            whole = found[view]
    return found


def _cropper(camera: Camera, numbers: tuple[int, ...]) -> Callable[[Tensor], Tensor]:
    """Return a function that crops panoramas ``[T, H, W, 3]`` to ``[T V, S, S, 3]``; of any size."""
    turns = upstream_crop_rotations()[list(numbers)]

    def crop(pictures: Tensor) -> Tensor:
        own = camera.resized(pictures.shape[1], pictures.shape[2])
        side = max(16, round(2 * math.tan(_FOV_RAD / 2) * own.width / math.tau))
        lenses = own.perspective_views(turns, side, _FOV_RAD)
        return torch.stack([own.crop(picture.float(), *lens) for lens in lenses for picture in pictures])

    return crop
