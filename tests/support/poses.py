"""Poses for tests, in degrees."""

from __future__ import annotations

import torch

from matrix3d_core.geometry.rotations import matrix_from_yaw_pitch_roll
from matrix3d_core.scene.trajectory import Trajectory

__all__ = ["pose_at"]


def pose_at(place, yaw=0.0, pitch=0.0, roll=0.0):
    """Return the world-to-camera pose ``[4, 4]`` of a camera at ``place``; angles in degrees."""
    angles = torch.tensor([yaw, pitch, roll], dtype=torch.float64).deg2rad()
    center = torch.tensor([place], dtype=torch.float64)
    return Trajectory.from_centers(matrix_from_yaw_pitch_roll(*angles)[None], center).camera_from_world[0]
