"""Transforms a world and its camera path: rotation, scale, translation, axes and units."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from ..checks import check_finite, check_shape
from ..errors import InvalidInput
from ..geometry.rotations import matrix_from_yaw_pitch_roll
from ..io.axes import OPENCV, axes_matrix, map_gaussians
from ..scene.gaussians import Gaussians
from ..scene.trajectory import Trajectory

__all__ = ["METERS_PER_UNIT", "similarity", "transform_gaussians", "transform_path"]

METERS_PER_UNIT = {"m": 1.0, "cm": 0.01, "mm": 0.001, "km": 1000.0, "ft": 0.3048, "in": 0.0254}
"""Length units by name."""


def similarity(
    *,
    yaw_rad: float = 0.0,
    pitch_rad: float = 0.0,
    roll_rad: float = 0.0,
    scale: float = 1.0,
    translation: Sequence[float] = (0.0, 0.0, 0.0),
    from_axes: str = OPENCV,
    to_axes: str = OPENCV,
    from_unit: str = "m",
    to_unit: str = "m",
) -> Tensor:  # [4, 4]
    """Return the map ``x' = s M x + t`` that does, in this order: rotation, scale, axes and unit, translation.

    Args:
        yaw_rad: rotation of the world to the right about the vertical; pitch is up, roll to the right.
        pitch_rad: see ``yaw_rad``.
        roll_rad: see ``yaw_rad``.
        scale: factor of all lengths, positive.
        translation: added last, so in the new axes and units.
        from_axes: axes that the world is in.
        to_axes: axes of the result.
        from_unit: one of `METERS_PER_UNIT`, the world's unit.
        to_unit: the result's unit.

    Returns:
        ``[4, 4]`` float64; its upper left 3x3 is a rotation (or a mirror, between axes of different
        handedness) times a factor.

    Raises:
        InvalidInput: for a factor that is not positive, unknown axes or units, or values not finite.
    """
    for unit in (from_unit, to_unit):
        if unit not in METERS_PER_UNIT:
            raise InvalidInput(f"unit must be one of {', '.join(METERS_PER_UNIT)}; got {unit!r}.")
    factor = scale * METERS_PER_UNIT[from_unit] / METERS_PER_UNIT[to_unit]
    if not 0 < factor < math.inf:
        raise InvalidInput(f"scale must be positive and finite; got {scale}.")
    angles = torch.tensor((yaw_rad, pitch_rad, roll_rad), dtype=torch.float64)
    move = torch.tensor(tuple(translation), dtype=torch.float64)
    check_shape("translation", move, "3")
    check_finite("the angles", angles)
    check_finite("translation", move)
    # The angles are given in OpenCV axes: rotate there, whatever the axes of the world.
    inward, outward = axes_matrix(OPENCV, from_axes), axes_matrix(to_axes, OPENCV)
    result = torch.eye(4, dtype=torch.float64)
    result[:3, :3] = factor * (outward @ matrix_from_yaw_pitch_roll(*angles) @ inward)
    result[:3, 3] = move
    return result


def _split(matrix: Tensor) -> tuple[Tensor, float, Tensor]:
    check_shape("matrix", matrix, "4 4")
    exact = matrix.detach().to("cpu", torch.float64)
    check_finite("matrix", exact)
    factor = float(torch.linalg.det(exact[:3, :3]).abs()) ** (1 / 3)
    if not factor > 0:
        raise InvalidInput("matrix must be invertible; its determinant is 0.")
    return exact[:3, :3] / factor, factor, exact[:3, 3]


def transform_gaussians(gaussians: Gaussians, matrix: Tensor) -> Gaussians:
    """Apply a similarity to a world: positions, sizes, rotations, view-dependent colors and motions.

    Args:
        gaussians: the world; not changed.
        matrix: ``[4, 4]`` a rotation or mirror times a positive factor, and a translation.

    Raises:
        InvalidInput: when ``matrix`` shears or scales non-uniformly.
    """
    turn, factor, move = _split(matrix)
    moved = gaussians
    if not torch.equal(turn, torch.eye(3, dtype=torch.float64)):
        moved = map_gaussians(gaussians, turn)
    means = (moved.means.double() * factor + move.to(moved.means.device)).to(moved.means.dtype)
    scales = gaussians.scales * factor
    eye = torch.eye(3, dtype=torch.float64)
    table = {number: motion.mapped(eye, factor, move) for number, motion in moved.motion_table.items()}
    return replace(moved, means=means, scales=scales, motion_table=table)


def transform_path(trajectory: Trajectory, matrix: Tensor, *, is_metric: bool | None = None) -> Trajectory:
    """Transform a camera path with its world, so that it shows the same pictures.

    Args:
        trajectory: the path.
        matrix: as given to `transform_gaussians`.
        is_metric: whether the new unit is a meter; None keeps the trajectory's value unless it is scaled.

    Raises:
        InvalidInput: for a mirror: no rigid camera sees a mirrored world unmirrored.
    """
    turn, factor, move = _split(matrix)
    if torch.linalg.det(turn) < 0:
        raise InvalidInput(
            "a trajectory must keep its handedness; these axes mirror the numbers. Transform the splats alone."
        )
    rotation = trajectory.camera_from_world[:, :3, :3] @ turn.mT
    centers = trajectory.centers @ turn.mT * factor + move
    pose = torch.eye(4, dtype=torch.float64).repeat(len(trajectory), 1, 1)
    pose[:, :3, :3] = rotation
    pose[:, :3, 3] = -(rotation @ centers.unsqueeze(-1)).squeeze(-1)
    metric = trajectory.is_metric and abs(factor - 1) < 1e-12 if is_metric is None else is_metric
    is_same = torch.equal(matrix.double().cpu(), torch.eye(4, dtype=torch.float64))
    frame = trajectory.frame_of_reference if is_same else "world"
    return replace(trajectory, camera_from_world=pose, is_metric=metric, frame_of_reference=frame)
