"""Converts the network's raw maps to Gaussians: activations, positions and orientations.

| channels | meaning |
|---|---|
| 0-2 | unused |
| 3-5 | size, see `gaussian_scales` |
| 6-9 | rotation, quaternion x y z w in the camera's axes |
| 10-12 | constant spherical-harmonic coefficient of red, green, blue |
| 13 | opacity before the sigmoid |

Source: Matrix-3D, reconstruction model (activations).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ..checks import check_shape
from ..geometry.rotations import quats_from_matrix, quats_multiply
from ..scene.camera import Camera, Equirect
from ..scene.gaussians import Gaussians
from ..scene.trajectory import Trajectory
from .config import LRMConfig

__all__ = [
    "Grid",
    "depth_from_raw",
    "frame_grid",
    "gaussian_scales",
    "gaussians_of_frame",
    "grid_of",
    "map_camera",
    "quats_from_xyzw",
]

_QUAT_EPSILON = 1e-8
_NO_INTRINSICS = (
    "trajectory must have intrinsics for a model of perspective cameras; it has none. "
    "Use a panorama model, or a path with K."
)


@dataclass(frozen=True)
class Grid:
    """The pixel grid of one frame's Gaussians.

    Attributes:
        rays: ``[h, w, 3]`` point at depth 1 in the camera's axes: unit directions of a panorama (depth is
            the distance), directions with z = 1 of a pinhole picture (depth is z).
        scale_factor: a Gaussian's size per unit of depth and of its activation.
    """

    rays: Tensor
    scale_factor: float


def depth_from_raw(raw: Tensor, depth_max: float) -> Tensor:  # [..., 3, h, w] -> [..., h, w]
    """Return depth in pose units: the channels' mean through a sigmoid, times the range limit."""
    return depth_max * torch.sigmoid(raw.float().mean(dim=-3))


def gaussian_scales(raw: Tensor, depth: Tensor, factor: float, config: LRMConfig) -> Tensor:
    """Return standard deviations ``(min + (max - min) sigmoid(raw)) * depth * factor``.

    Args:
        raw: ``[..., 3]``.
        depth: ``[...]`` in pose units.
        factor: of `Grid`.
        config: ``scale_min`` and ``scale_max``.
    """
    span = config.scale_max - config.scale_min
    return (config.scale_min + span * torch.sigmoid(raw)) * (depth * factor).unsqueeze(-1)


def quats_from_xyzw(raw: Tensor) -> Tensor:  # [..., 4]
    """Return unit quaternions w x y z of raw ones in the order x y z w; zeros become the identity."""
    norm = raw.norm(dim=-1, keepdim=True)
    unit = (raw / norm.clamp_min(_QUAT_EPSILON))[..., [3, 0, 1, 2]]
    nothing = torch.tensor([1.0, 0.0, 0.0, 0.0]).to(unit)
    return torch.where(norm < _QUAT_EPSILON, nothing, unit)


def grid_of(config: LRMConfig, camera: Camera, device: torch.device | str | None = None) -> Grid:
    """Return the pixels of one frame's map.

    Args:
        config: of the model.
        camera: of the map, see `map_camera`.
        device: where the rays are wanted.

    Raises:
        InvalidInput: when a perspective model gets a panorama's camera.
    """
    # Upstream puts half of the picture's size in place of panoramas' focal lengths.
    fx, fy = 0.5 * camera.width, 0.5 * camera.height
    if config.camera == "perspective":
        fx, fy = camera.as_pinhole(_NO_INTRINSICS).focal_px
    depth_one = camera.ray_from_depth(torch.ones(camera.size_px, dtype=torch.float64))
    rays = camera.rays() * depth_one.unsqueeze(-1)
    return Grid(rays.to(device=device, dtype=torch.float32), config.scale_unit * (1 / fx + 1 / fy))


def map_camera(config: LRMConfig, trajectory: Trajectory, frame: int, height: int, width: int) -> Camera:
    """Return the camera of a frame of a path as the model assumes it, at the size of a map.

    Raises:
        InvalidInput: when a perspective model gets a path without intrinsics.
    """
    if config.camera == "spherical":
        return Equirect((height, width))
    return trajectory.camera(frame, (height, width)).as_pinhole(_NO_INTRINSICS)


def frame_grid(
    trajectory: Trajectory, frame: int, config: LRMConfig, height: int, width: int, device: torch.device
) -> Grid:
    """Return the pixels of one frame of a path."""
    return grid_of(config, map_camera(config, trajectory, frame, height, width), device)


def gaussians_of_frame(
    depth: Tensor,  # [h, w]
    attributes: Tensor,  # [14, h, w]
    camera_from_world: Tensor,  # [4, 4]
    grid: Grid,
    config: LRMConfig,
    keep: Tensor | None = None,  # [h, w] bool
) -> Gaussians:
    """Place one frame's Gaussians in the world; differentiable in depth and attributes.

    Args:
        depth: ``[h, w]`` activated, in pose units.
        attributes: ``[14, h, w]`` raw.
        camera_from_world: ``[4, 4]`` pose of the frame, in the frame of reference that is wanted.
        grid: the frame's pixels.
        config: of the model.
        keep: pixels to take; None takes all, row by row.

    Raises:
        InvalidInput: for shapes that do not fit.
    """
    sizes = check_shape("depth", depth, "h w")
    check_shape("attributes", attributes, f"{config.attribute_channels} {sizes['h']} {sizes['w']}")
    pose = camera_from_world.to("cpu", torch.float64)
    rotation = pose[:3, :3].mT
    center = -(rotation @ pose[:3, 3])
    where = slice(None) if keep is None else keep.flatten()
    raw = attributes.flatten(1).mT[where].float()  # [N, 14]
    distance = depth.flatten()[where].float()
    local = grid.rays.flatten(0, 1)[where] * distance.unsqueeze(-1)
    turn = quats_from_matrix(rotation).to(local)
    return Gaussians(
        means=local @ rotation.mT.to(local) + center.to(local),
        quats_wxyz=quats_multiply(turn.expand(len(raw), 4), quats_from_xyzw(raw[:, 6:10])),
        scales=gaussian_scales(raw[:, 3:6], distance, grid.scale_factor, config),
        opacities=torch.sigmoid(raw[:, 13]),
        sh=raw[:, 10:13].unsqueeze(1),
    )
