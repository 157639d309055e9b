"""The panorama's pose relative to an imported camera path."""

from __future__ import annotations

from dataclasses import replace

import torch

from ..errors import InvalidInput
from ..geometry.rotations import matrix_from_yaw_pitch_roll
from ..scene.trajectory import Trajectory
from .edit import transform

__all__ = ["PANORAMA_PLACES", "in_panorama_frame", "keep_heading", "place_panorama", "relative_to_first"]

PANORAMA_PLACES = ("auto", "at the first pose", "at the first pose, yaw kept", "at the origin")
"""``at the first pose``: the panorama is at the first camera (frame of reference ``world``). ``yaw kept``: it is
upright there and faces the world's +z, as in Matrix-3D's user trajectories. ``at the origin``: the
poses are the panorama's own (frame of reference ``panorama``). ``auto`` leaves the frame of reference as it is."""


def place_panorama(trajectory: Trajectory, where: str) -> Trajectory:
    """Set the panorama's pose; camera poses change for ``yaw kept`` alone.

    Raises:
        InvalidInput: when ``where`` is none of `PANORAMA_PLACES`.
    """
    if where not in PANORAMA_PLACES:
        raise InvalidInput(f"panorama_at must be one of {', '.join(PANORAMA_PLACES)}; got {where!r}.")
    if where == "at the first pose, yaw kept":
        return keep_heading(trajectory)
    if where == "auto":
        return trajectory
    frame = "panorama" if where == "at the origin" else "world"
    return replace(trajectory, frame_of_reference=frame)


def relative_to_first(trajectory: Trajectory) -> Trajectory:
    """Express a path in the frame of its first camera; the first pose becomes exactly the identity."""
    poses = trajectory.camera_from_world @ trajectory.world_from_camera[0]
    poses[:, 3] = torch.tensor([0.0, 0.0, 0.0, 1.0], dtype=torch.float64)
    poses[0] = torch.eye(4, dtype=torch.float64)
    return replace(trajectory, camera_from_world=poses, frame_of_reference="panorama")


def in_panorama_frame(trajectory: Trajectory) -> Trajectory:
    """Express a path in its panorama's frame: a ``world`` path relative to its first pose, another one as it is."""
    return trajectory if trajectory.frame_of_reference == "panorama" else relative_to_first(trajectory)


def keep_heading(trajectory: Trajectory) -> Trajectory:
    """Move the first camera to the panorama's center, upright, keeping its heading; the path follows rigidly.

    Matrix-3D rolls the panorama by that heading and makes the path relative to its first pose; here the path is
    rotated, so that it matches the panorama as it is.

    Source: Matrix-3D, user trajectories.
    """
    x, _, z = trajectory.forwards[0]
    yaw = torch.atan2(x, z) if float(torch.hypot(x, z)) > 1e-9 else torch.zeros_like(x)
    turn = matrix_from_yaw_pitch_roll(yaw, torch.zeros_like(yaw), torch.zeros_like(yaw))
    return transform(relative_to_first(trajectory), rotation=turn)
