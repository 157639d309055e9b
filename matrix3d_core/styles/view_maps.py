"""Pictures of a world with depth and normals, as ControlNets and edit models take them."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ..checks import check_shape
from ..errors import InvalidInput
from ..geometry.rotations import matrix_from_quats
from ..progress import ProgressEvent, ProgressFn, attentive, no_progress
from ..raster.camera_view import render_view
from ..scene.camera import Camera
from ..scene.gaussians import Gaussians
from ..scene.trajectory import Trajectory

__all__ = ["ViewMaps", "depth_picture", "normal_picture", "render_view_maps"]

_RANGE = (0.01, 0.99)  # quantiles of the inverse depth that become black and white


@dataclass(frozen=True)
class ViewMaps:
    """What the cameras of a trajectory see.

    Attributes:
        rgb: ``[T, H, W, 3]`` over black, 0 to 1.
        alpha: ``[T, H, W]`` coverage, 0 to 1.
        depth_ray: ``[T, H, W]`` world units, inf where nothing is.
        depth_z: ``[T, H, W]`` the same along the optical axis; of a panorama the ray distance.
        normals: ``[T, H, W, 3]`` unit normals towards the camera in its axes (x right, y down, z forward), 0 where
            nothing is.
    """

    rgb: Tensor
    alpha: Tensor
    depth_ray: Tensor
    depth_z: Tensor
    normals: Tensor


@attentive
def render_view_maps(
    gaussians: Gaussians,
    trajectory: Trajectory,
    *,
    size_px: tuple[int, int] | None = None,
    backend: str = "auto",
    progress: ProgressFn = no_progress,
) -> ViewMaps:
    """Draw a world through the cameras of a trajectory.

    Args:
        gaussians: the world.
        trajectory: poses; with intrinsics perspective, else panoramas.
        size_px: rows and columns; None: those that the intrinsics are for.
        backend: splat backend.
        progress: called before each view, with the latest as preview.

    Raises:
        InvalidInput: without any size, or for a world with NaN.
    """
    gaussians.check_finite()
    found: list[tuple[Tensor, ...]] = []
    for frame, pose in enumerate(trajectory.camera_from_world):
        preview = found[-1][0] if found else None
        progress(ProgressEvent(frame, len(trajectory), "render views", preview))
        camera = trajectory.camera(frame, size_px)
        with torch.no_grad():
            seen = render_view(gaussians, pose, camera, backend=backend)
            rgb, alpha = seen.rgb.clamp(0, 1).cpu(), seen.alpha.clamp(0, 1).cpu()
            depth = seen.depth_ray.cpu()
            normals = _normals(gaussians, pose, camera, backend)
        found.append((rgb, alpha, depth, camera.depth_from_ray(depth), normals))
    return ViewMaps(*(torch.stack(maps) for maps in zip(*found, strict=True)))


def _normals(gaussians: Gaussians, pose: Tensor, camera: Camera, backend: str) -> Tensor:  # [H, W, 3]
    """Return normals: the mean of the Gaussians' thinnest axes, drawn like colors."""
    axes = matrix_from_quats(gaussians.quats_wxyz.double())
    thin, middle = gaussians.scales.double().sort(-1).values[:, :2].unbind(-1)
    thinnest = gaussians.scales.argmin(-1)[:, None, None].expand(-1, 3, 1)
    pose = pose.to(axes)
    normal = axes.gather(-1, thinnest)[..., 0] @ pose[:3, :3].mT
    local = gaussians.means.double() @ pose[:3, :3].mT + pose[:3, 3]
    normal = normal * -torch.sign((normal * local).sum(-1, keepdim=True))
    flat = (1 - (thin / middle.clamp_min(1e-30)).square())[
        :, None
    ]  # balls have no side: they face the camera
    ahead = -torch.nn.functional.normalize(local, dim=-1)
    normal = torch.nn.functional.normalize(flat * normal + (1 - flat) * ahead, dim=-1)
    drawn = Gaussians.from_colors(*gaussians.tensors()[:4], (normal / 2 + 0.5).to(gaussians.means))
    seen = render_view(drawn, pose.cpu(), camera, backend=backend)
    mean = 2 * seen.rgb - seen.alpha[..., None]
    return torch.nn.functional.normalize(mean, dim=-1).float().cpu()


def depth_picture(depth_z: Tensor) -> Tensor:  # [T, H, W] -> [T, H, W, 3]
    """Return depth as depth ControlNets take it: inverse, near is white, nothing is black, one scale for all views.

    Raises:
        InvalidInput: for another shape.
    """
    check_shape("depth_z", depth_z, "T H W")
    inverse = torch.where(depth_z > 0, 1 / depth_z, 0.0)
    met = inverse[inverse > 0]
    if not len(met):
        return torch.zeros(*depth_z.shape, 3)
    few = met[:: max(1, len(met) // 1_000_000)].float()
    low, high = torch.quantile(few, torch.tensor(_RANGE)).tolist()
    gray = ((inverse - low) / max(high - low, 1e-12 * high)).clamp(0, 1)
    picture: Tensor = gray.float()[..., None].expand(*gray.shape, 3).contiguous()
    return picture


def normal_picture(normals: Tensor) -> Tensor:  # [T, H, W, 3] -> [T, H, W, 3]
    """Return normals as normal ControlNets take them: red right, green up, blue towards the camera; nothing is black.

    Raises:
        InvalidInput: for another shape.
    """
    if normals.ndim != 4 or normals.shape[-1] != 3:
        raise InvalidInput(f"normals must have shape [T, H, W, 3]; got {list(normals.shape)}.")
    shown: Tensor = normals * torch.tensor((1.0, -1.0, -1.0)) / 2 + 0.5
    is_empty = (normals == 0).all(-1, keepdim=True)
    return shown.masked_fill(is_empty, 0.0)
