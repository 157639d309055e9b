"""Guidance for the next segment of a path from the last generated frame.

The source panorama covers less and less of the view along a long path, and generated frames have no depth.
Here the last one gets it without another model: where the source's mesh is visible from the frame's position,
the mesh's distance (so the scale fits by construction); elsewhere the background's distance, continued
smoothly. The frame is then a panorama with geometry like any other and is rendered
along the rest of the path. Pixels from the source keep precedence everywhere.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ..checks import check_two_to_one
from ..diffusion.conditioning import GuidanceClip, to_working
from ..errors import InvalidInput
from ..guidance.fill import fill_guidance
from ..guidance.render import GuidanceFrames, render_guidance
from ..guidance.scene_mesh import EDGE_THRESHOLD
from ..progress import ProgressFn, no_progress
from ..scene.panorama import PanoramaGeometry
from ..scene.trajectory import Trajectory
from .segments import Segment

__all__ = ["check_continuable", "continued_guidance", "geometry_of_frame"]

_LEAST_SEEN = 0.02  # with less of the frame seen, its distances would be invented
_MOST_MESH_ROWS = 1024  # of the source's mesh: finer than the frame, since coarse meshes lose far ground


def check_continuable(given: int, height: int, width: int, trajectory: Trajectory) -> None:
    """Raise before the long work begins when guidance cannot be rendered from generated frames.

    Args:
        given: frames of guidance.
        height: rows of the generated frames.
        width: their columns.
        trajectory: the path.

    Raises:
        InvalidInput: when there is not one pose per frame, or the frames are no whole panoramas.
    """
    if len(trajectory) != given:
        raise InvalidInput(
            f"trajectory must have one pose per frame; got {len(trajectory)} poses for {given} frames. "
            "Connect the one the guidance was rendered along."
        )
    check_two_to_one("the video", height, width)


def continued_guidance(
    clip: GuidanceClip,
    segment: Segment,
    frame: Tensor,  # [H, W, 3]
    geometry: PanoramaGeometry,
    trajectory: Trajectory,
    *,
    edge_threshold: float = EDGE_THRESHOLD,
    backend: str = "auto",
    progress: ProgressFn = no_progress,
) -> tuple[GuidanceClip, float]:
    """Fill the holes of a segment's guidance with a render of the last generated frame.

    Args:
        clip: the segment's guidance, rendered from the source; not changed.
        segment: the segment; its last known frame is ``frame``.
        frame: ``[H, W, 3]`` in [0, 1], twice as wide as high, of the clip's size.
        geometry: the source panorama.
        trajectory: the whole path; frames beyond its end are where it ends.
        edge_threshold: meshes are split where distances differ by more than this fraction.
        backend: mesh backend, a name of `MESH_BACKENDS` or ``"auto"``.
        progress: called between steps; raising in it cancels.

    Returns:
        The clip with more of it given, and the share of all its pixels that this added; 0 when the source
        sees too little of the frame for distances to be had.

    Raises:
        BackendUnavailable: when the backend asked for cannot run.
    """
    last = segment.start + segment.known - 1
    own = geometry_of_frame(
        frame, geometry, _from_pose(trajectory, 0, [last]), edge_threshold=edge_threshold, backend=backend
    )
    if own is None:
        return clip, 0.0
    rest = list(range(last + 1, segment.stop))
    rendered = render_guidance(
        own,
        _from_pose(trajectory, last, rest),
        height=frame.shape[0],
        edge_threshold=edge_threshold,
        backend=backend,
        progress=progress,
    )
    frames, mask = clip.frames.clone(), clip.mask.clone()
    is_bytes = frames.dtype == torch.uint8
    added = 0
    for offset, index in enumerate(range(segment.known, len(segment))):
        is_new = (mask[index] < (127.5 if is_bytes else 0.5)) & (rendered.mask[offset] >= 0.5)
        frames[index][is_new] = to_working(rendered.rgb[offset][is_new], eight_bit=is_bytes)
        mask[index][is_new] = 255 if is_bytes else 1
        added += int(is_new.sum())
    return GuidanceClip(frames, mask), added / mask.numel()


def geometry_of_frame(
    frame: Tensor,  # [H, W, 3]
    geometry: PanoramaGeometry,
    pose: Trajectory,
    *,
    edge_threshold: float = EDGE_THRESHOLD,
    backend: str = "auto",
) -> PanoramaGeometry | None:
    """Return a generated frame with distances, or None when the source sees too little of it.

    Args:
        frame: ``[H, W, 3]`` in [0, 1], twice as wide as high.
        geometry: the source panorama.
        pose: one pose in the panorama's frame, where the frame is seen from.
        edge_threshold: the source's mesh is split where distances differ by more than this fraction.
        backend: mesh backend.
    """
    seen = render_guidance(
        geometry,
        pose,
        height=frame.shape[0],
        mesh_height=max(frame.shape[0], min(geometry.height, _MOST_MESH_ROWS)),
        edge_threshold=edge_threshold,
        backend=backend,
    )
    if float(seen.mask.mean()) < _LEAST_SEEN:
        return None
    known = GuidanceFrames(frame.unsqueeze(0).float(), seen.mask, seen.depth_ray, seen.backend)
    filled = fill_guidance(known, pose, method="smooth", backend=backend)
    return PanoramaGeometry(
        frame.float(),
        filled.depth_ray[0],
        is_valid=seen.mask[0] >= 0.5,
        is_sky=torch.zeros(frame.shape[:2], dtype=torch.bool),
        is_metric=geometry.is_metric,
    )


def _from_pose(trajectory: Trajectory, base: int, wanted: list[int]) -> Trajectory:
    """Return some poses relative to the panorama (``base`` 0) or to another frame of the path.

    A path in the panorama's frame may begin away from its center; only another frame's is taken as origin.
    """
    poses = trajectory.camera_from_world
    if trajectory.frame_of_reference == "world" or base:
        poses = poses @ trajectory.world_from_camera[min(base, len(trajectory) - 1)]
    wanted = [min(index, len(trajectory) - 1) for index in wanted]
    return Trajectory(poses[wanted], frame_of_reference="panorama", name=trajectory.name)
