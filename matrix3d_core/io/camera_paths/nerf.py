"""NeRF's JSON: nerfstudio's `transforms.json` and camera paths, Blender's (NeRF synthetic), instant-ngp's.

Cameras are OpenGL's (x right, y up, z back), camera-to-world. ``applied_transform`` and ``applied_scale`` are
undone; a file without them has a world whose z is up.

Source: nerfstudio documentation, "Data conventions"; the NeRF synthetic data set.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch

from ...errors import FormatError
from ...scene.trajectory import FRAMES_OF_REFERENCE
from ..axes import OPENCV
from .raw import RawPath, check_count, matrix_of, number_of, pinhole

__all__ = ["is_camera_path", "is_transforms", "read_camera_path", "read_transforms"]


def is_transforms(data: Any) -> bool:
    """Return whether JSON is a `transforms.json`."""
    frames = data.get("frames") if isinstance(data, Mapping) else None
    return isinstance(frames, list) and any(
        isinstance(f, Mapping) and "transform_matrix" in f for f in frames
    )


def read_transforms(source: str, data: Mapping[str, Any]) -> RawPath:
    """Read a `transforms.json`; poses come in the order of the picture names."""
    frames = data["frames"]
    check_count(source, frames, "frame")
    matrices, names, intrinsics, sizes = [], [], [], set()
    for i, frame in enumerate(frames):
        if not isinstance(frame, Mapping) or "transform_matrix" not in frame:
            raise FormatError(f"{source}: frame {i} must have a transform_matrix.")
        matrices.append(matrix_of(source, f"frame {i} transform_matrix", frame["transform_matrix"]))
        names.append(str(frame.get("file_path", "")))
        found = _intrinsics(source, f"frame {i}", {**data, **frame})
        if found is not None:
            intrinsics.append(found[0])
            sizes.add(found[1])
    is_whole = len(intrinsics) == len(matrices) and len(sizes) == 1
    poses, notes = torch.stack(matrices), []
    is_turned = "applied_transform" in data
    if is_turned:
        turn = matrix_of(source, "applied_transform", data["applied_transform"])
        if (turn[:3, :3] @ turn[:3, :3].mT - torch.eye(3, dtype=torch.float64)).abs().max() > 1e-3:
            raise FormatError(f"{source}: applied_transform must be a rotation; got {turn[:3].tolist()}.")
        poses = torch.linalg.inv(turn) @ poses
        notes.append("the file's applied_transform was undone")
    if "applied_scale" in data:
        factor = number_of(source, "applied_scale", data["applied_scale"])
        if not factor > 0:
            raise FormatError(f"{source}: applied_scale must be positive; got {factor:g}.")
        poses[:, :3, 3] /= factor
        notes.append(f"positions were divided by the file's applied_scale, {factor:g}")
    if data.get("camera_model", "OPENCV") not in ("OPENCV", "PINHOLE", "SIMPLE_PINHOLE", "EQUIRECTANGULAR"):
        notes.append(f"its lens model {data['camera_model']} is ignored")
    own = data.get("matrix3d")
    own = own if isinstance(own, Mapping) else {}
    frame_of_reference = own.get("frame_of_reference")
    return RawPath(
        "this library's transforms.json (nerfstudio)"
        if own
        else "nerfstudio transforms.json"
        if is_turned or "fl_x" in data or "camera_model" in data
        else "Blender or NeRF transforms.json",
        poses,
        pose="c2w",
        camera_axes="RUB",
        world_axes=OPENCV if is_turned else "RFU",
        names=names if all(names) else None,
        fps=number_of(source, "fps", own["fps"]) if "fps" in own else None,
        K_px=torch.stack(intrinsics) if is_whole else None,
        size_px=next(iter(sizes)) if is_whole else None,
        frame_of_reference=frame_of_reference if frame_of_reference in FRAMES_OF_REFERENCE else None,
        is_own=bool(own),
        is_metric=own.get("is_metric") is True,
        notes=notes,
    )


def is_camera_path(data: Any) -> bool:
    """Return whether JSON is a camera path of nerfstudio's viewer."""
    return isinstance(data, Mapping) and isinstance(data.get("camera_path"), list)


def read_camera_path(source: str, data: Mapping[str, Any]) -> RawPath:
    """Read the camera path that nerfstudio's viewer exports: ``camera_to_world``, 16 numbers each."""
    frames = data["camera_path"]
    check_count(source, frames, "camera")
    matrices = []
    for i, frame in enumerate(frames):
        if not isinstance(frame, Mapping) or "camera_to_world" not in frame:
            raise FormatError(f"{source}: camera {i} must have camera_to_world.")
        matrices.append(matrix_of(source, f"camera {i} camera_to_world", frame["camera_to_world"]))
    fps = number_of(source, "fps", data["fps"]) if data.get("fps") else None
    return RawPath(
        "a camera path of nerfstudio's viewer",
        torch.stack(matrices),
        pose="c2w",
        camera_axes="RUB",
        world_axes="RFU",
        fps=fps,
        notes=["it is in nerfstudio's own centered and scaled world; set scale to change that"],
    )


def _intrinsics(source: str, where: str, camera: Mapping[str, Any]) -> tuple[Any, tuple[int, int]] | None:
    if camera.get("camera_model") == "EQUIRECTANGULAR":
        return None
    size = [camera.get(key) for key in ("h", "w")]
    if any(value is None for value in size):
        if "fl_x" in camera or "camera_angle_x" in camera:  # no picture size: only checked
            key = "fl_x" if "fl_x" in camera else "camera_angle_x"
            if not number_of(source, f"{where} {key}", camera[key]) > 0:
                raise FormatError(f"{source}: {where} {key} must be positive; got {camera[key]}.")
        return None
    height, width = (number_of(source, f"{where} {key}", v) for key, v in zip("hw", size, strict=True))
    if not (1 <= height <= 1e6 and 1 <= width <= 1e6):
        raise FormatError(f"{source}: {where} must have a picture size w, h; got {width:g}x{height:g}.")
    if "fl_x" in camera:
        fx = number_of(source, f"{where} fl_x", camera["fl_x"])
    elif "camera_angle_x" in camera:
        angle = number_of(source, f"{where} camera_angle_x", camera["camera_angle_x"])
        if not 0 < angle < math.pi:
            raise FormatError(f"{source}: {where} camera_angle_x must lie in 0..pi; got {angle:g}.")
        fx = width / 2 / math.tan(angle / 2)
    else:
        return None
    fy, cx, cy = (
        number_of(source, f"{where} {key}", camera.get(key, default))
        for key, default in (("fl_y", fx), ("cx", width / 2), ("cy", height / 2))
    )
    return pinhole(source, where, fx, fy, cx, cy), (int(height), int(width))
