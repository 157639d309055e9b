"""Perspective crops of a panorama: upstream's twelve, MoGe's icosahedral twelve, and any other."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ..checks import check_shape
from ..errors import InvalidInput
from .pinhole import pinhole_directions
from .spherical import sample_erp

__all__ = [
    "SPHERICAL_FROM_OPENCV",
    "crop_erp",
    "icosahedron_rotations",
    "replicate_upstream_border",
    "upstream_crop_rotations",
]

SPHERICAL_FROM_OPENCV = ((0.0, 0.0, -1.0), (1.0, 0.0, 0.0), (0.0, -1.0, 0.0))
"""Rows of the rotation from OpenCV panorama axes to MoGe's spherical frame (z up, +x at the ERP border)."""


def upstream_crop_rotations() -> Tensor:  # [12, 3, 3]
    """Return the twelve crop orientations that Matrix-3D reconstructs from.

    Yaw-major: yaw 0, 90, 180, 270 degrees starting at the ERP border (backwards) and turning to the
    right; for each, level, 45 degrees down, 45 degrees up. Index 6 looks straight ahead.

    Returns:
        ``[12, 3, 3]`` float64 camera-from-panorama rotations (OpenCV axes on both sides); the rows
        are the crop's right, down and forward axes. Zeros and ones are exact.

    Source: Matrix-3D, optimization stage (crops of key frames).
    """
    half = math.sqrt(0.5)
    quarter_turns = ((1.0, 0.0), (0.0, 1.0), (-1.0, 0.0), (0.0, -1.0))  # cos and sin of the yaw
    pitches = ((1.0, 0.0), (half, half), (half, -half))  # cos and sin, positive looks down
    frames = []
    for cos_yaw, sin_yaw in quarter_turns:
        ahead = torch.tensor((cos_yaw, -sin_yaw, 0.0), dtype=torch.float64)
        right = torch.tensor((-sin_yaw, -cos_yaw, 0.0), dtype=torch.float64)
        down = torch.tensor((0.0, 0.0, -1.0), dtype=torch.float64)
        for cos_pitch, sin_pitch in pitches:
            forward = cos_pitch * ahead + sin_pitch * down
            frames.append(torch.stack((right, cos_pitch * down - sin_pitch * ahead, forward)))
    return torch.stack(frames) @ torch.tensor(SPHERICAL_FROM_OPENCV, dtype=torch.float64)


def icosahedron_rotations() -> Tensor:  # [12, 3, 3]
    """Return the twelve view orientations of MoGe's panorama depth, at the corners of an icosahedron.

    Returns:
        ``[12, 3, 3]`` float64 camera-from-panorama rotations (OpenCV axes on both sides).

    Source: MoGe, panorama inference (views); Matrix-3D uses the same with a 100 degree field of view.
    """
    p = (1 + math.sqrt(5)) / 2
    corners = torch.tensor(
        [
            (0, 1, p),
            (0, -1, p),
            (0, 1, -p),
            (0, -1, -p),
            (1, p, 0),
            (-1, p, 0),
            (1, -p, 0),
            (-1, -p, 0),
            (p, 0, 1),
            (p, 0, -1),
            (-p, 0, 1),
            (-p, 0, -1),
        ],
        dtype=torch.float64,
    )
    forward = torch.nn.functional.normalize(corners, dim=-1)
    down_pole = torch.tensor((0.0, 0.0, -1.0), dtype=torch.float64).expand_as(forward)
    right = torch.nn.functional.normalize(torch.linalg.cross(down_pole, forward), dim=-1)
    down = torch.linalg.cross(forward, right)
    frames = torch.stack((right, down, forward), dim=1)
    return frames @ torch.tensor(SPHERICAL_FROM_OPENCV, dtype=torch.float64)


def crop_erp(
    panorama: Tensor,  # [H, W, C]
    rotation_camera_from_panorama: Tensor,  # [V, 3, 3]
    K_px: Tensor,  # [3, 3]
    height: int,
    width: int,
    mode: str = "bilinear",
    *,
    upstream_border: bool = False,
) -> Tensor:  # [V, height, width, C]
    """Look into a panorama through pinhole cameras.

    Args:
        panorama: ``[H, W, C]`` floating point, 2:1.
        rotation_camera_from_panorama: ``[V, 3, 3]`` rotations.
        K_px: ``[3, 3]`` intrinsics shared by all views.
        height: rows of each crop.
        width: columns of each crop.
        mode: ``"bilinear"`` or ``"nearest"``.
        upstream_border: overwrite the border as Matrix-3D does, for parity (it samples with
            ``mode="nearest"``): rows and columns 0 and 1 copy number 2, the last copies the one before.

    Returns:
        ``[V, height, width, C]``, dtype of ``panorama``; differentiable in it when bilinear.

    Raises:
        InvalidInput: on wrong shapes, or when ``upstream_border`` is asked of crops under 4x4.
    """
    check_shape("rotation_camera_from_panorama", rotation_camera_from_panorama, "V 3 3")
    check_shape("K_px", K_px, "3 3")
    rotation = rotation_camera_from_panorama.to(panorama.device, torch.float64)
    in_camera = pinhole_directions(K_px.to(rotation), height, width)
    crops = [sample_erp(panorama, in_camera @ view, mode=mode) for view in rotation]
    stacked = torch.stack(crops) if crops else panorama.new_zeros(0, height, width, panorama.shape[-1])
    return replicate_upstream_border(stacked) if upstream_border else stacked


def replicate_upstream_border(crops: Tensor) -> Tensor:  # [V, h, w, C]
    """Overwrite the border of crops as Matrix-3D does; see `crop_erp`."""
    height, width = crops.shape[1:3]
    if height < 4 or width < 4:
        raise InvalidInput(f"crops with upstream_border must be at least 4x4; got {width}x{height}.")
    rows = torch.arange(height, device=crops.device).clamp(2, height - 2)
    columns = torch.arange(width, device=crops.device).clamp(2, width - 2)
    return crops[:, rows][:, :, columns]
