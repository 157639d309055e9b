"""Single poses to and from the camera dict of ComfyUI's 3D viewers (``LOAD3D_CAMERA``).

The viewer's world is right-handed with y up, and its camera looks down its own -z. A splat or
mesh of this library (y down, z forward) is shown there rotated by 180 degrees about x, so
``(x, y, z) -> (x, -y, -z)`` takes one frame to the other in both directions.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from ..checks import check_shape
from ..errors import InvalidInput
from ..geometry.rotations import matrix_from_quats, matrix_from_yaw_pitch_roll, quats_from_matrix
from ..strict_json import brief

__all__ = ["camera_info_from_pose", "fov_y_from_camera_info", "pose_from_camera_info"]

_FLIP = torch.tensor([1.0, -1.0, -1.0], dtype=torch.float64)
_FARTHEST = 1e12  # squares and products of it stay finite
DEFAULT_FOV_Y_RAD = math.radians(35.0)
"""The host's default when a camera has none."""


def pose_from_camera_info(info: Mapping[str, Any]) -> Tensor:  # [4, 4]
    """Convert a viewer camera to a world-to-camera pose.

    The quaternion decides when there is one; otherwise the camera looks from ``position`` at
    ``target`` with y up (looking straight up or down, the picture's top points along the old front).

    Returns:
        ``[4, 4]`` float64 ``camera_from_world`` with OpenCV axes.

    Raises:
        InvalidInput: when numbers are missing or not finite, or position and target coincide.
    """
    if not isinstance(info, Mapping):
        raise InvalidInput(f"camera must be a LOAD3D_CAMERA dict; got {type(info).__name__}.")
    eye = _vector(info, "position") * _FLIP
    quat = info.get("quaternion")
    if quat:
        q = torch.tensor([_component(quat, "quaternion", k, None) for k in "wxyz"], dtype=torch.float64)
        if float(q.norm()) < 1e-6:
            raise InvalidInput("camera quaternion must not be zero; got 0 0 0 0.")
        rotation = _FLIP[:, None] * matrix_from_quats(q) * _FLIP
    else:
        forward = _vector(info, "target") * _FLIP - eye
        if float(forward.norm()) < 1e-9:
            raise InvalidInput(
                "camera position and target must differ when there is no quaternion; "
                f"got {eye.mul(_FLIP).tolist()} for both."
            )
        yaw = torch.atan2(forward[0], forward[2])
        pitch = torch.atan2(-forward[1], torch.hypot(forward[0], forward[2]))
        rotation = matrix_from_yaw_pitch_roll(yaw, pitch, torch.zeros_like(yaw))
    pose = torch.eye(4, dtype=torch.float64)
    pose[:3, :3] = rotation.mT
    pose[:3, 3] = -(rotation.mT @ eye)
    return pose


def camera_info_from_pose(
    camera_from_world: Tensor,  # [4, 4]
    *,
    fov_y_rad: float = DEFAULT_FOV_Y_RAD,
    target_distance: float = 1.0,
) -> dict[str, Any]:
    """Convert a world-to-camera pose to a viewer camera, the inverse of `pose_from_camera_info`.

    Args:
        camera_from_world: ``[4, 4]`` rigid pose, OpenCV axes.
        fov_y_rad: vertical field of view.
        target_distance: distance of the orbit center in front of the camera, world units.
    """
    check_shape("camera_from_world", camera_from_world, "4 4")
    if not 0.0 < fov_y_rad < math.pi:
        raise InvalidInput(f"fov_y_rad must lie between 0 and pi; got {fov_y_rad}.")
    pose = camera_from_world.detach().to("cpu", torch.float64)
    rotation = pose[:3, :3].mT
    eye = -(rotation @ pose[:3, 3])
    target = eye + target_distance * rotation[:, 2]
    q = quats_from_matrix(_FLIP[:, None] * rotation * _FLIP)
    return {
        "position": _xyz(eye * _FLIP),
        "target": _xyz(target * _FLIP),
        "quaternion": {**_xyz(q[1:]), "w": float(q[0])},
        "fov": math.degrees(fov_y_rad),
        "zoom": 1.0,
        "cameraType": "perspective",
    }


def fov_y_from_camera_info(info: Mapping[str, Any]) -> float:
    """Return the vertical field of view in radians, zoom included; the host's 35 degrees when unset.

    Raises:
        InvalidInput: when the field of view is not below 180 degrees or the zoom not positive.
    """
    fov = _component(info, "lens", "fov", 0.0) if info.get("fov") else math.degrees(DEFAULT_FOV_Y_RAD)
    zoom = _component(info, "lens", "zoom", 1.0) if info.get("zoom") else 1.0
    if not (0 < fov < 180 and zoom > 0):
        raise InvalidInput(
            f"camera fov must lie between 0 and 180 degrees, its zoom be positive; got {fov:g} and {zoom:g}."
        )
    return 2 * math.atan(math.tan(math.radians(fov) / 2) / zoom)


def _xyz(vector: Tensor) -> dict[str, float]:
    return {key: float(value) + 0.0 for key, value in zip("xyz", vector, strict=True)}  # + 0.0 drops -0.0


def _vector(info: Mapping[str, Any], key: str) -> Tensor:
    part = info.get(key) or {}
    return torch.tensor([_component(part, key, axis, 0.0) for axis in "xyz"], dtype=torch.float64)


def _component(part: Any, key: str, axis: str, default: float | None) -> float:
    value = part.get(axis, default) if isinstance(part, Mapping) else None
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= _FARTHEST:
        raise InvalidInput(
            f"camera {key}.{axis} must be a finite number, at most {_FARTHEST:g}; got {brief(value)}."
        )
    return float(value)
