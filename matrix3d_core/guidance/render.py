"""Guidance: renders of the panorama's geometry along a path, with masks of what it covers."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from ..errors import InvalidInput
from ..geometry.spherical import erp_directions, sample_erp
from ..progress import ProgressEvent, ProgressFn, no_progress, report_while
from ..raster.mesh import MeshFrame, open_mesh_renderer
from ..scene.panorama import PanoramaGeometry
from ..scene.trajectory import Trajectory
from .points import open_points
from .scene_mesh import EDGE_THRESHOLD, mesh_from_panorama, resample_geometry
from .upstream_cubemap import open_upstream

__all__ = [
    "GUIDANCE_MODES",
    "GuidanceFrames",
    "describe_guidance",
    "panorama_from_inside",
    "render_guidance",
]

GUIDANCE_MODES = ("mesh", "points", "upstream")
"""``mesh``: the closed scene mesh straight to the panorama. ``points``: its vertices as splatted
points, for comparison. ``upstream``: Matrix-3D's cubemap path with its quirks, for parity."""

_SAME_PLACE = 1e-6  # of the nearest surface: a camera this close to the source's center sees the panorama
RenderPose = Callable[[Tensor], MeshFrame]


@dataclass(frozen=True)
class GuidanceFrames:
    """Renders of the panorama's geometry along a path.

    Attributes:
        rgb: ``[T, H, W, 3]`` float32 in [0, 1], 0 where nothing is seen.
        mask: ``[T, H, W]`` float32, 1 = seen, 0 = not.
        depth_ray: ``[T, H, W]`` float32, distance of what is seen, inf elsewhere.
        backend: the mesh backend that drew them, ``"points"`` in that mode.
    """

    rgb: Tensor
    mask: Tensor
    depth_ray: Tensor
    backend: str


def render_guidance(
    geometry: PanoramaGeometry,
    trajectory: Trajectory,
    *,
    height: int,
    mesh_height: int | None = None,
    edge_threshold: float = EDGE_THRESHOLD,
    mode: str = "mesh",
    backend: str = "auto",
    exact_first_frame: bool = True,
    progress: ProgressFn = no_progress,
) -> GuidanceFrames:
    """Render the scene mesh along a path, straight to equirectangular frames of ``height x 2 height``.

    A trajectory in the ``panorama`` frame of reference is used as it is;
    one in a ``world`` frame is taken relative to its first pose, where the panorama is.

    Args:
        geometry: the panorama.
        trajectory: the path; intrinsics, if any, do not matter here.
        height: rows of the frames, at least 2.
        mesh_height: rows of vertices, ``height`` when None.
        edge_threshold: see `mesh_from_panorama`.
        mode: one of `GUIDANCE_MODES`.
        backend: a name of `MESH_BACKENDS` or ``"auto"``; not used by ``points``.
        exact_first_frame: give poses at the panorama's own center the panorama itself (rotated with
            the camera), with a full mask, instead of the mesh with its black edges. In mode ``upstream``
            only frame 0, whatever its pose, as upstream does.
        progress: called before each frame and at the end, with the latest frame as preview; raising
            in it cancels.

    Returns:
        Frames of the trajectory's length.

    Raises:
        InvalidInput: for a size, threshold or mode out of range.
        BackendUnavailable: when the backend asked for cannot run.
    """
    if height < 2:
        raise InvalidInput(f"height must be at least 2 rows; got {height}.")
    if mode not in GUIDANCE_MODES:
        raise InvalidInput(f"mode must be one of {', '.join(GUIDANCE_MODES)}; got {mode!r}.")
    total = len(trajectory)
    progress(ProgressEvent(0, total, "build scene mesh"))
    name, render = _open(geometry, height, mesh_height or height, edge_threshold, mode, backend)
    poses = _relative_poses(trajectory)
    rgb = torch.zeros(total, height, 2 * height, 3)
    mask = torch.zeros(total, height, 2 * height)
    depth_ray = torch.full((total, height, 2 * height), torch.inf)
    has_drawn = False
    for index in range(total):
        preview = rgb[index - 1] if index else None
        event = ProgressEvent(index, total, f"render guidance {index + 1} of {total}", preview)
        progress(event)
        if exact_first_frame and _shows_panorama(poses[index], index, geometry, mode):
            frame = panorama_from_inside(geometry, poses[index], height)
        elif has_drawn:
            frame = render(poses[index])
        else:  # a backend may compile its kernels now
            frame = report_while(functools.partial(render, poses[index]), progress, event)
            has_drawn = True
        rgb[index] = frame.rgb
        mask[index] = frame.is_seen
        depth_ray[index] = torch.where(frame.is_seen, frame.depth_ray, torch.inf)
    progress(ProgressEvent(total, total, "guidance rendered", rgb[-1]))
    return GuidanceFrames(rgb, mask, depth_ray, name)


def _open(
    geometry: PanoramaGeometry, height: int, mesh_height: int, edge_threshold: float, mode: str, backend: str
) -> tuple[str, RenderPose]:
    """Build the mesh and return the name of what draws it and a function from pose to frame."""
    is_mesh = mode == "mesh"
    mesh = mesh_from_panorama(
        geometry, height=mesh_height, edge_threshold=edge_threshold, close_poles=is_mesh, wrap_edges=is_mesh
    )
    if mode == "points":
        return "points", open_points(mesh, height)
    if mode == "upstream":
        return open_upstream(mesh, height, backend=backend, far=1.1 * float(geometry.depth_ray.max()))
    name, renderer = open_mesh_renderer(mesh, backend=backend)
    return name, lambda pose: renderer.render(pose, height, 2 * height)


def _relative_poses(trajectory: Trajectory) -> Tensor:  # [T, 4, 4]
    """Return poses in the panorama's frame."""
    if trajectory.frame_of_reference == "panorama":
        return trajectory.camera_from_world
    return trajectory.camera_from_world @ trajectory.world_from_panorama


def _shows_panorama(pose: Tensor, index: int, geometry: PanoramaGeometry, mode: str) -> bool:
    """Return whether a frame is the panorama itself rather than a render."""
    if mode == "upstream":
        return index == 0
    return float(pose[:3, 3].norm()) <= _SAME_PLACE * float(geometry.depth_ray.min())


def panorama_from_inside(geometry: PanoramaGeometry, pose: Tensor, height: int) -> MeshFrame:
    """Return the panorama at a size, as seen by a camera at its center with the rotation of ``pose``.

    Exact when the size is the panorama's own and the rotation is the identity; else colors are averaged
    or interpolated within a surface (see `resample_geometry`) and distances looked up.
    """
    rgb, depth_ray = resample_geometry(geometry, height)
    rotation = pose[:3, :3]
    if not torch.allclose(rotation, torch.eye(3, dtype=rotation.dtype), rtol=0, atol=1e-9):
        directions = erp_directions(height, 2 * height, dtype=torch.float64) @ rotation  # R^T d, row vectors
        rgb = sample_erp(rgb, directions)
        depth_ray = sample_erp(depth_ray.unsqueeze(-1), directions, mode="nearest").squeeze(-1)
    return MeshFrame(rgb, torch.ones_like(depth_ray, dtype=torch.bool), depth_ray)


def describe_guidance(frames: GuidanceFrames, seconds: float) -> str:
    """Return the report: backend, size, share seen per frame, time."""
    seen = frames.mask.flatten(1).mean(1)
    count, height, width = frames.mask.shape
    finite = frames.depth_ray[torch.isfinite(frames.depth_ray)]
    reach = f"{float(finite.min()):.3g} to {float(finite.max()):.3g}" if finite.numel() else "none"
    return "\n".join(
        (
            f"backend: {frames.backend}",
            f"frames: {count} of {width}x{height}",
            f"seen per frame: mean {float(seen.mean()):.1%}, least {float(seen.min()):.1%} "
            f"(frame {int(seen.argmin())})",
            f"distance seen: {reach}",
            f"time: {seconds:.2f} s, {seconds / count * 1e3:.0f} ms per frame",
        )
    )
