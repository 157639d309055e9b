"""One video or one world measured, without a folder of results."""

from __future__ import annotations

import torch
from torch import Tensor

from ..errors import InvalidInput
from ..metrics.networks import MetricNetworks
from ..progress import ProgressEvent, ProgressFn, attentive, no_progress
from ..raster.camera_view import render_view
from ..scene.gaussians import Gaussians
from ..scene.trajectory import Trajectory
from .measure import Measures, summarize
from .navigable import Truth, navigable_range
from .results import Clip, camera_of_frames
from .run import measure_clip

__all__ = ["evaluate_video", "evaluate_world"]


def evaluate_video(
    frames: Tensor,  # [T, H, W, 3]
    truth: Tensor | None = None,  # [T, H, W, 3]
    *,
    commanded: Trajectory | None = None,
    given: Trajectory | None = None,
    networks: MetricNetworks | None = None,
    solve: bool = False,
    progress: ProgressFn = no_progress,
) -> Measures:
    """Measure one generated video.

    Args:
        frames: panoramas (2:1), or perspective pictures of ``commanded``'s intrinsics.
        truth: the true frames, for PSNR, SSIM, LPIPS, FID and the DINOv2 distance.
        commanded: camera path that was asked for, for R_err, T_err, ATE and loop closure.
        given: poses of the generated frames, from any estimator.
        networks: see `open_networks`.
        solve: solve the poses from the frames where none are given.
        progress: called between steps; raising in it stops.

    Raises:
        InvalidInput: for different numbers of frames, other sizes, or NaN.
    """
    camera = camera_of_frames(frames, commanded)
    clip = Clip(frames, camera, truth, commanded, given)
    return summarize([measure_clip(clip, networks, ["whole"], solve=solve, progress=progress)["whole"]])


@attentive
def evaluate_world(
    gaussians: Gaussians,
    frames: Tensor | None,  # [T, H, W, 3]
    trajectory: Trajectory,
    *,
    networks: MetricNetworks | None = None,
    truth: Truth | None = None,
    step: float = 0.5,
    limit: float = 20.0,
    backend: str = "auto",
    progress: ProgressFn = no_progress,
) -> dict[str, Measures]:
    """Measure a world: its renders along a path against the true frames, and its navigable range.

    Args:
        gaussians: the world, in the trajectory's frame.
        frames: ``[T, H, W, 3]`` true pictures from the poses of the path, never trained on for an honest number; None
            leaves them out.
        trajectory: one pose per frame; the navigable range starts at the panorama's.
        networks: see `open_networks`.
        truth: see `navigable_range`; None leaves it out.
        step: see `navigable_range`.
        limit: see `navigable_range`.
        backend: splat backend; panoramas need one that can draw them.
        progress: called between steps; raising in it stops.

    Returns:
        View to numbers: ``whole``, and ``level``, the four level crops of Table 3.

    Raises:
        InvalidInput: when there is not one frame per pose, or frames are not those of the path's cameras.
        BackendUnavailable: when the backend cannot run here or draws no panoramas.
    """
    keys = ("range_worst", "range_median")
    walked = Measures(missing=dict.fromkeys(keys, "needs a scene that can be looked at from anywhere"))
    found = {"whole": Measures(), "level": Measures()}
    if frames is not None:
        trajectory.check_frames("frames", (frames.shape[1], frames.shape[2]))
        camera = camera_of_frames(frames, trajectory)
        if len(frames) != len(trajectory):
            raise InvalidInput(
                f"there must be one true frame per pose; got {len(frames)} frames and {len(trajectory)} poses."
            )
        drawn = torch.empty_like(frames, dtype=torch.float32)
        for number, pose in enumerate(trajectory.camera_from_world):
            progress(
                ProgressEvent(number, len(trajectory), "render splats", drawn[number - 1] if number else None)
            )
            with torch.no_grad():
                own = trajectory.camera(number, camera.size_px)
                drawn[number] = render_view(gaussians, pose, own, backend=backend).rgb.clamp(0, 1)
        clip = Clip(drawn, camera, frames)
        measured = measure_clip(clip, networks, list(found), progress=progress)
        found = {view: summarize([one]) for view, one in measured.items()}
    if truth is not None:
        start = trajectory.panorama_from_world
        ranges = navigable_range(
            gaussians, truth, start, step=step, limit=limit, backend=backend, progress=progress
        )
        walked = Measures({"range_worst": ranges.worst, "range_median": ranges.median})
        walked.notes.append(
            f"{ranges.reached} of {len(ranges.directions)} directions reach a surface or the limit of {limit:g}"
        )
        walked.details["navigable_range"] = ranges.report()
    return {view: one | walked for view, one in found.items()}
