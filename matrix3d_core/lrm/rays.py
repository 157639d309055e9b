"""Pluecker rays: the camera conditioning of the network."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from ..errors import InvalidInput
from ..geometry.pluecker import spherical_pluecker
from ..scene.camera import Camera
from ..scene.trajectory import Trajectory
from .attributes import map_camera
from .config import LRMConfig
from .network import RaySource

__all__ = ["POSE_NORMALIZATIONS", "network_poses", "perspective_pluecker", "ray_source"]

POSE_NORMALIZATIONS = ("upstream", "first frame", "none")
"""Frame of reference of the network's poses; the Gaussians are in the trajectory's frame in any case.

``upstream``: relative to the first camera, unless it has identity rotation (then as they are).
``first frame``: always relative to the first camera, position included.
"""

_SAME = 1e-6


def network_poses(trajectory: Trajectory, rule: str = "upstream") -> Tensor:  # [T, 4, 4]
    """Return the world-to-camera poses passed to the network, float64.

    Upstream checks whether the first camera-to-world matrix has exactly 1 in its top left corner; here 1
    within 1e-6, the precision of a pose read from a text file.

    Raises:
        InvalidInput: for an unknown rule.

    Source: Matrix-3D, reconstruction script (poses).
    """
    if rule not in POSE_NORMALIZATIONS:
        raise InvalidInput(f"rule must be one of {', '.join(POSE_NORMALIZATIONS)}; got {rule!r}.")
    poses = trajectory.camera_from_world
    is_rotated = abs(float(poses[0, 0, 0]) - 1) > _SAME
    if rule == "first frame" or (rule == "upstream" and is_rotated):
        return poses @ trajectory.world_from_camera[0]
    return poses


def perspective_pluecker(
    camera_from_world: Tensor,  # [T, 4, 4]
    cameras: Sequence[Camera],
    *,
    dtype: torch.dtype = torch.float32,
) -> Tensor:  # [T, H, W, 6]
    """Return moment and direction ``(o x d, d)`` of every pixel of pinhole cameras.

    Args:
        camera_from_world: ``[T, 4, 4]`` world-to-camera poses.
        cameras: one per pose, all of the rays' size.
        dtype: of the result; the arithmetic is float64.

    Source: W. Liang et al., Wonderland, 2024, section 3.
    """
    poses = camera_from_world.to(torch.float64)
    rays = torch.empty(len(poses), *cameras[0].size_px, 6, dtype=dtype, device=poses.device)
    for index, (pose, camera) in enumerate(zip(poses, cameras, strict=True)):
        direction = camera.rays().to(poses.device) @ pose[:3, :3]
        origin = -(pose[:3, :3].mT @ pose[:3, 3])
        moment = torch.linalg.cross(origin.expand_as(direction), direction)
        rays[index] = torch.cat((moment, direction), dim=-1).to(dtype)
    return rays


def ray_source(
    trajectory: Trajectory,
    config: LRMConfig,
    height: int,
    width: int,
    *,
    rule: str = "upstream",
    device: torch.device | str = "cpu",
) -> RaySource:
    """Return a function that makes the rays of a few frames when they are needed.

    Args:
        trajectory: the path; with intrinsics where ``config.camera`` is perspective.
        config: of the model.
        height: rows of rays, 8 per latent.
        width: columns of rays.
        rule: one of `POSE_NORMALIZATIONS`.
        device: where the rays are made.

    Raises:
        InvalidInput: when a perspective model gets a path without intrinsics, or for an unknown rule.
    """
    poses = network_poses(trajectory, rule)
    if config.camera == "spherical":

        def spherical(first: int, last: int) -> Tensor:
            part = _to(poses[first:last], device)
            return spherical_pluecker(part, height, width, frame=config.pluecker_frame).unsqueeze(0)

        return spherical
    cameras = [map_camera(config, trajectory, frame, height, width) for frame in range(len(trajectory))]

    def perspective(first: int, last: int) -> Tensor:
        return perspective_pluecker(_to(poses[first:last], device), cameras[first:last]).unsqueeze(0)

    return perspective


def _to(poses: Tensor, device: torch.device | str) -> Tensor:
    """Move poses to a device; for one without float64 (mps) rays are made on the CPU."""
    return poses if torch.device(device).type == "mps" else poses.to(device)
