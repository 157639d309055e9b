"""This library's own self-describing layout of a camera path."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from ...errors import FormatError
from .raw import RawPath, check_count, matrix_of, number_of

__all__ = ["AXES", "CONVENTION", "FORMAT_NAME", "FORMAT_VERSION", "is_own", "read_own"]

FORMAT_NAME = "matrix3d-trajectory"
FORMAT_VERSION = 1
AXES = "opencv: x right, y down, z forward"
CONVENTION = "world-to-camera, row-major 4x4"


def is_own(data: Any) -> bool:
    """Return whether JSON names a format, this one or another."""
    return isinstance(data, Mapping) and "format" in data


def read_own(source: str, data: Mapping[str, Any]) -> RawPath:
    """Read the layout; other formats and newer versions are refused."""
    if data["format"] != FORMAT_NAME:
        raise FormatError(f'{source}: an object must have "format": "{FORMAT_NAME}"; got {data["format"]!r}.')
    version = data.get("version")
    if isinstance(version, bool) or not isinstance(version, int) or version < 1:
        raise FormatError(f"{source}: version must be a whole number from 1; got {version!r}.")
    if version > FORMAT_VERSION:
        raise FormatError(
            f"{source}: version {version} is newer than this library reads ({FORMAT_VERSION}). "
            "Update the pack."
        )
    for key, known in (("axes", AXES), ("convention", CONVENTION)):
        if data.get(key, known) != known:
            raise FormatError(
                f"{source}: {key} must be {known!r}; got {data[key]!r}. Convert the poses first."
            )
    poses = data.get("poses")
    if poses is None:
        raise FormatError(f"{source}: poses are missing.")
    if not isinstance(poses, list):
        raise FormatError(f"{source}: poses must be an array of 4x4 matrices; got {type(poses).__name__}.")
    check_count(source, poses)
    fields: dict[str, Any] = {
        "fps": number_of(source, "fps", data.get("fps", 12.0)),
        "frame_of_reference": data.get("frame_of_reference", "panorama"),
        "is_metric": data.get("is_metric", False),
        "name": data.get("name"),
    }
    for key, kind in (("frame_of_reference", str), ("is_metric", bool), ("name", str | None)):
        if not isinstance(fields[key], kind):
            raise FormatError(
                f"{source}: {key} must be a {getattr(kind, '__name__', 'str')}; got {fields[key]!r}."
            )
    intrinsics, size = data.get("intrinsics_px"), data.get("image_size_px")
    if size is not None:
        if not (isinstance(size, list) and len(size) == 2 and all(type(n) is int and n > 0 for n in size)):
            raise FormatError(f"{source}: image_size_px must be [height, width]; got {size!r}.")
        fields["size_px"] = (size[0], size[1])
    if intrinsics is not None:
        if not isinstance(intrinsics, list) or len(intrinsics) != len(poses):
            got = len(intrinsics) if isinstance(intrinsics, list) else type(intrinsics).__name__
            raise FormatError(
                f"{source}: intrinsics_px must hold one 3x3 matrix per pose ({len(poses)}); got {got}."
            )
        fields["K_px"] = torch.stack(
            [matrix_of(source, f"intrinsics_px[{i}]", m, (3, 3)) for i, m in enumerate(intrinsics)]
        )
    matrices = torch.stack([matrix_of(source, f"frame {i}", pose) for i, pose in enumerate(poses)])
    return RawPath("this library's own JSON", matrices, is_own=True, **fields)
