"""Bare JSON lists: upstream's 4x4 matrices, 3x4 ones of VGGT and Depth Anything 3, splat trainers' cameras."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from ...errors import FormatError
from .raw import RawPath, check_count, matrix_of, number_of, pinhole
from .text import rows_as_path

__all__ = ["is_bare_list", "is_trainer_list", "read_bare_list", "read_trainer_list"]


def is_bare_list(data: Any) -> bool:
    """Return whether JSON is a list whose first entry is a list, or invalid (the error then names it)."""
    return isinstance(data, list)


def read_bare_list(source: str, data: Any) -> RawPath:
    """Read ``[T][4][4]``, ``[T][3][4]`` or flat rows of 16, 12 or 19 numbers (CameraCtrl's)."""
    check_count(source, data)
    first = data[0]
    if isinstance(first, list) and len(first) == 4 and type(first[0]) in (int, float):
        raise FormatError(f"{source}: must be an array of 4x4 matrices; got a single matrix. Wrap it in [ ].")
    if isinstance(first, list) and len(first) == 19:
        return rows_as_path(
            source, [[number_of(source, f"row {i}", v) for v in row] for i, row in enumerate(data)]
        )
    matrices = torch.stack([matrix_of(source, f"frame {i}", pose) for i, pose in enumerate(data)])
    corner = torch.tensor([0.0, 0.0, 0.0, 1.0], dtype=torch.float64)
    if (matrices[:, :, 3] == corner).all() and not (matrices[:, 3] == corner).all():
        raise FormatError(
            f"{source}: the matrices look transposed: the translation is in the last row. "
            "Poses are row-major; write each matrix row by row."
        )
    is_short = isinstance(first, list) and len(first) in (3, 12)
    kind = "a list of 3x4 matrices (VGGT, Depth Anything 3)" if is_short else "a bare list of 4x4 matrices"
    return RawPath(kind, matrices)


def is_trainer_list(data: Any) -> bool:
    """Return whether JSON is a list of objects with position and rotation."""
    return isinstance(data, list) and bool(data) and isinstance(data[0], Mapping) and "rotation" in data[0]


def read_trainer_list(source: str, data: Any) -> RawPath:
    """Read ``cameras.json`` of 3D Gaussian Splatting and similar trainers.

    Each entry has id, img_name, width, height, fx, fy, the camera's ``position`` and its ``rotation``, rows of the
    camera-to-world rotation, OpenCV axes.

    Source: graphdeco-inria/gaussian-splatting, the file next to each trained model.
    """
    check_count(source, data, "camera")
    matrices, names, intrinsics, sizes = [], [], [], set()
    for i, camera in enumerate(data):
        where = f"camera {i}"
        if not isinstance(camera, Mapping) or not {"position", "rotation"} <= set(camera):
            raise FormatError(f"{source}: {where} must have position and rotation.")
        pose = torch.eye(4, dtype=torch.float64)
        pose[:3, :3] = matrix_of(source, f"{where} rotation", camera["rotation"], (3, 3))
        pose[:3, 3] = matrix_of(source, f"{where} position", [camera["position"]], (1, 3))[0]
        matrices.append(pose)
        names.append(str(camera.get("img_name", camera.get("id", i))))
        if {"fx", "fy", "width", "height"} <= set(camera):
            fx, fy, width, height = (
                number_of(source, f"{where} {key}", camera[key]) for key in ("fx", "fy", "width", "height")
            )
            center = [
                number_of(source, where, camera.get(k, d)) for k, d in (("cx", width / 2), ("cy", height / 2))
            ]
            intrinsics.append(pinhole(source, where, fx, fy, *center))
            sizes.add((int(height), int(width)))
    is_whole = len(intrinsics) == len(matrices) and len(sizes) == 1 and min(next(iter(sizes))) > 0
    return RawPath(
        "a splat trainer's cameras.json",
        torch.stack(matrices),
        pose="c2w",
        names=names,
        K_px=torch.stack(intrinsics) if is_whole else None,
        size_px=next(iter(sizes)) if is_whole else None,
    )
