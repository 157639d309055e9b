"""Spherical Pluecker rays: the camera conditioning of the feed-forward reconstruction."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ..checks import check_shape
from ..errors import InvalidInput
from .spherical import erp_directions

__all__ = ["PLUECKER_FRAMES", "spherical_pluecker"]

PLUECKER_FRAMES = ("upstream", "opencv")


def spherical_pluecker(
    camera_from_world: Tensor,  # [T, 4, 4]
    height: int,
    width: int,
    *,
    frame: str = "upstream",
    dtype: torch.dtype = torch.float32,
) -> Tensor:  # [T, H, W, 6]
    """Return moment and direction ``(o x d, d)`` of every panorama pixel's ray in the world.

    ``frame="upstream"`` reproduces Matrix-3D, and its released weights need it: the pixel's direction
    is written in local axes (forward, right, down) but then turned by an OpenCV camera-to-world
    rotation as if it were (right, down, forward). So a camera with identity rotation sees the picture
    center along world +x, not +z. ``frame="opencv"`` is the consistent version.

    Poses are used as they are; moving them to the first camera's frame is up to the caller.

    Args:
        camera_from_world: ``[T, 4, 4]`` world-to-camera poses.
        height: rows of the panorama.
        width: columns of the panorama.
        frame: one of `PLUECKER_FRAMES`.
        dtype: of the result; the arithmetic is float64.

    Returns:
        ``[T, H, W, 6]``: the moment in world units, then the unit direction; differentiable in the poses.

    Raises:
        InvalidInput: for a wrong shape or an unknown frame.

    Source: Matrix-3D, reconstruction model (camera embedding).
    """
    count = check_shape("camera_from_world", camera_from_world, "T 4 4")["T"]
    if frame not in PLUECKER_FRAMES:
        raise InvalidInput(f"frame must be one of {', '.join(PLUECKER_FRAMES)}; got {frame!r}.")
    poses = camera_from_world.to(torch.float64)
    if frame == "opencv":
        local = erp_directions(height, width, dtype=torch.float64, device=poses.device)
    else:
        local = _forward_right_down(height, width, poses.device)
    rays = torch.empty(count, height, width, 6, dtype=dtype, device=poses.device)
    for index, pose in enumerate(poses):  # one frame at a time: 81 of 480x960 are 0.9 GB in float32
        rotation = pose[:3, :3]
        origin = -(rotation.mT @ pose[:3, 3])
        direction = local @ rotation  # each row d becomes R^T d
        moment = torch.linalg.cross(origin.expand_as(direction), direction)
        rays[index] = torch.cat((moment, direction), dim=-1).to(dtype)
    return rays


def _forward_right_down(height: int, width: int, device: torch.device) -> Tensor:  # [H, W, 3]
    columns = torch.arange(width, dtype=torch.float64, device=device)
    rows = torch.arange(height, dtype=torch.float64, device=device)
    theta = (2 * (columns + 0.5) / width - 1) * math.pi
    phi = ((2 * (rows + 0.5) / height - 1) * (0.5 * math.pi)).unsqueeze(-1)
    ring = torch.cos(phi)
    x, y, z = torch.broadcast_tensors(ring * torch.cos(theta), ring * torch.sin(theta), torch.sin(phi))
    return torch.stack((x, y, z), dim=-1)
