"""From the network's raw maps to Gaussians: activations, places and orientations.

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
from ..errors import InvalidInput
from ..geometry.rotations import quats_from_matrix, quats_multiply
from ..geometry.spherical import erp_directions
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
    "quats_from_xyzw",
]

_QUAT_EPSILON = 1e-8


@dataclass(frozen=True)
class Grid:
    """One frame's pixels as the Gaussians see them.

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
    """Return unit quaternions w x y z of raw ones in the order x y z w; zeros become no rotation."""
    norm = raw.norm(dim=-1, keepdim=True)
    unit = (raw / norm.clamp_min(_QUAT_EPSILON))[..., [3, 0, 1, 2]]
    nothing = torch.tensor([1.0, 0.0, 0.0, 0.0]).to(unit)
    return torch.where(norm < _QUAT_EPSILON, nothing, unit)


def grid_of(
    config: LRMConfig,
    height: int,
    width: int,
    *,
    K_px: Tensor | None = None,  # [3, 3]
    image_size_px: tuple[int, int] | None = None,
    device: torch.device | str | None = None,
) -> Grid:
    """Return the pixels of one frame's map.

    Args:
        config: of the model.
        height: rows of the map.
        width: columns of the map.
        K_px: intrinsics of a perspective model's frame.
        image_size_px: height and width that ``K_px`` belongs to.
        device: where the rays are wanted.

    Raises:
        InvalidInput: when a perspective model gets no intrinsics.
    """
    if config.camera == "spherical":
        fx = fy = 0.5  # of the picture's size; upstream puts this in place of panoramas' intrinsics
        rays = erp_directions(height, width, device=device)
    else:
        if K_px is None or image_size_px is None:
            raise InvalidInput("K_px and image_size_px must be given for perspective cameras; got None.")
        K = K_px.to("cpu", torch.float64)
        fx, fy = float(K[0, 0]) / image_size_px[1], float(K[1, 1]) / image_size_px[0]
        cx, cy = float(K[0, 2]) / image_size_px[1], float(K[1, 2]) / image_size_px[0]
        u = (torch.arange(width, dtype=torch.float64) + 0.5) / width
        v = ((torch.arange(height, dtype=torch.float64) + 0.5) / height).unsqueeze(-1)
        x, y = torch.broadcast_tensors((u - cx) / fx, (v - cy) / fy)
        rays = torch.stack((x, y, torch.ones_like(x)), dim=-1).to(device=device, dtype=torch.float32)
    return Grid(rays, config.scale_unit * (1 / (fx * width) + 1 / (fy * height)))


def frame_grid(
    trajectory: Trajectory, frame: int, config: LRMConfig, height: int, width: int, device: torch.device
) -> Grid:
    """Return the pixels of one frame of a path."""
    K_px = None if trajectory.K_px is None else trajectory.K_px[frame]
    return grid_of(config, height, width, K_px=K_px, image_size_px=trajectory.image_size_px, device=device)


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
    centre = -(rotation @ pose[:3, 3])
    where = slice(None) if keep is None else keep.flatten()
    raw = attributes.flatten(1).mT[where].float()  # [N, 14]
    distance = depth.flatten()[where].float()
    local = grid.rays.flatten(0, 1)[where] * distance.unsqueeze(-1)
    turn = quats_from_matrix(rotation).to(local)
    return Gaussians(
        means=local @ rotation.mT.to(local) + centre.to(local),
        quats_wxyz=quats_multiply(turn.expand(len(raw), 4), quats_from_xyzw(raw[:, 6:10])),
        scales=gaussian_scales(raw[:, 3:6], distance, grid.scale_factor, config),
        opacities=torch.sigmoid(raw[:, 13]),
        sh=raw[:, 10:13].unsqueeze(1),
    )
