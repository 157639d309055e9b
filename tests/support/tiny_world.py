"""A painted box room that can be looked at from anywhere inside: exact frames, distances and geometry."""

from __future__ import annotations

import torch

from matrix3d_core.geometry.spherical import erp_directions
from matrix3d_core.scene.panorama import PanoramaGeometry
from matrix3d_core.scene.trajectory import Trajectory

HALF = torch.tensor([2.0, 1.0, 3.0], dtype=torch.float64)


def look_from(center, rotation_world_from_camera=None, height=48):
    """Return ``rgb [H, 2H, 3]`` and ray distance ``[H, 2H]`` of a panorama taken at ``center``."""
    rays = erp_directions(height, 2 * height, dtype=torch.float64)
    if rotation_world_from_camera is not None:
        rays = rays @ rotation_world_from_camera.T
    center = torch.as_tensor(center, dtype=torch.float64)
    distance = torch.where(rays > 0, (HALF - center) / rays, (-HALF - center) / rays).abs().amin(-1)
    points = center + rays * distance[..., None]
    x, y, z = points.unbind(-1)
    rgb = torch.stack(
        (
            0.5 + 0.4 * torch.sin(2 * x + z),
            0.5 + 0.4 * torch.cos(3 * y - x),
            0.5 + 0.4 * torch.sin(2 * z) * y,
        ),
        -1,
    )
    return rgb.float(), distance.float()


def room_geometry(height=48) -> PanoramaGeometry:
    rgb, distance = look_from((0.0, 0.0, 0.0), height=height)
    return PanoramaGeometry(
        rgb, distance, torch.ones_like(distance).bool(), torch.zeros_like(distance).bool()
    )


def straight_path(count=5, step=0.15, **fields) -> Trajectory:
    pose = torch.eye(4, dtype=torch.float64).repeat(count, 1, 1)
    pose[:, 2, 3] = -step * torch.arange(count)
    return Trajectory(pose, **fields)


def room_frames(trajectory: Trajectory, height=48):
    """Return ``rgb [T, H, 2H, 3]`` and distances ``[T, H, 2H]`` along a path."""
    poses = trajectory.world_from_camera
    pairs = [look_from(pose[:3, 3], pose[:3, :3], height) for pose in poses]
    return torch.stack([rgb for rgb, _ in pairs]), torch.stack([distance for _, distance in pairs])
