"""A camera path as its file stores it, before any conversion, and the user's overrides."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from ...errors import FormatError, InvalidInput
from ...strict_json import brief
from ..axes import OPENCV

__all__ = [
    "INTRINSICS_CHOICES",
    "MAX_FRAMES",
    "PATH_AXES",
    "POSE_DIRECTIONS",
    "TIME_UNITS",
    "PathOptions",
    "RawPath",
    "check_count",
    "matrix_of",
    "natural_order",
    "number_of",
    "pinhole",
]

MAX_FRAMES = 100_000
POSE_DIRECTIONS = ("auto", "c2w", "w2c")
PATH_AXES = {
    "opencv": (OPENCV, OPENCV),
    "opengl": ("RUB", "RUB"),
    "blender": ("RUB", "RFU"),
    "unreal": ("FRU", "FRU"),
    "unity": ("RUF", "RUF"),
    "pytorch3d": ("LUF", "LUF"),
}
"""Name to the axes of cameras and of the world (codes as in `axes`); Blender's and nerfstudio's cameras are OpenGL's
in a world whose z is up."""
TIME_UNITS = {"seconds": 1.0, "milliseconds": 1e-3, "microseconds": 1e-6, "nanoseconds": 1e-9, "frames": None}
INTRINSICS_CHOICES = ("auto", "keep", "drop")


@dataclass(frozen=True)
class PathOptions:
    """How to read a path; every default follows the format.

    Attributes:
        pose_convention: one of `POSE_DIRECTIONS`.
        axes: ``auto`` or a key of `PATH_AXES`.
        scale: camera positions are multiplied by it.
        fps: frames per second: paths with times are read at them, others are played at them. 0 keeps the file's.
        time_unit: ``auto`` or a key of `TIME_UNITS`: the unit of the file's times.
        intrinsics: ``keep``, ``drop``, or ``auto``: kept for files of this library, dropped for others.
        camera: name of the camera, where a file has several; the first one by default.
    """

    pose_convention: str = "auto"
    axes: str = "auto"
    scale: float = 1.0
    fps: float = 0.0
    time_unit: str = "auto"
    intrinsics: str = "auto"
    camera: str = ""

    def __post_init__(self) -> None:
        for name, options in (
            ("pose_convention", POSE_DIRECTIONS),
            ("axes", ("auto", *PATH_AXES)),
            ("time_unit", ("auto", *TIME_UNITS)),
            ("intrinsics", INTRINSICS_CHOICES),
        ):
            if getattr(self, name) not in options:
                raise InvalidInput(
                    f"{name} must be one of {', '.join(options)}; got {getattr(self, name)!r}."
                )
        if not (math.isfinite(self.scale) and self.scale > 0):
            raise InvalidInput(f"scale must be positive; got {self.scale}.")
        if not 0 <= self.fps <= 1000:
            raise InvalidInput(f"fps must lie in 0..1000, 0 = as in the file; got {self.fps}.")


@dataclass(frozen=True)
class RawPath:
    """A path as its file holds it.

    Attributes:
        kind: name of the format in the report.
        matrices: ``[T, 4, 4]`` float64.
        pose: ``c2w`` or ``w2c``, by the format.
        camera_axes, world_axes: codes as in `axes`.
        names: of the pictures, when there are any; poses are sorted by them.
        times: ``[T]`` as the file counts them.
        fps: of the file, if stated.
        unit: meters per unit where the format fixes it; the path then comes out in meters.
        K_px, size_px: intrinsics of pinhole cameras that share one picture size.
        frame_of_reference: when the file states it.
        is_own: whether this library wrote the file.
        is_metric, name: as in `Trajectory`.
        notes: sentences for the report.
    """

    kind: str
    matrices: Tensor
    pose: str = "w2c"
    camera_axes: str = OPENCV
    world_axes: str = OPENCV
    names: Sequence[str] | None = None
    times: Tensor | None = None
    fps: float | None = None
    unit: float | None = None
    K_px: Tensor | None = None
    size_px: tuple[int, int] | None = None
    frame_of_reference: str | None = None
    is_own: bool = False
    is_metric: bool = False
    name: str | None = None
    notes: list[str] = field(default_factory=list)


def check_count(source: str, items: Sequence[Any], what: str = "pose") -> None:
    """Refuse empty paths, and more than `MAX_FRAMES` poses."""
    if not items:
        raise FormatError(f"{source}: must hold at least 1 {what}; got an empty array.")
    if len(items) > MAX_FRAMES:
        raise FormatError(
            f"{source}: must hold at most {MAX_FRAMES} {what}s; got {len(items)}. Keep every n-th."
        )


def number_of(source: str, where: str, value: Any) -> float:
    """Return a finite JSON number as float."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < math.inf:
        raise FormatError(f"{source}: {where} must be a number; got {brief(value)}.")
    return float(value)


def matrix_of(source: str, where: str, rows: Any, shape: tuple[int, int] = (4, 4)) -> Tensor:
    """Return a nested list as float64 ``[rows, columns]``; a 3x4 pose, or one written flat, is completed to 4x4."""
    height, width = shape
    if isinstance(rows, list) and shape == (4, 4):
        if len(rows) in (12, 16) and not any(isinstance(v, list) for v in rows):
            rows = [rows[k : k + 4] for k in range(0, len(rows), 4)]
        if len(rows) == 3 and all(isinstance(row, list) and len(row) == 4 for row in rows):
            rows = [*rows, [0.0, 0.0, 0.0, 1.0]]
    if not isinstance(rows, list) or len(rows) != height or any(not isinstance(r, list) for r in rows):
        got = (
            f"{type(rows).__name__} of length {len(rows)}"
            if isinstance(rows, list | str | dict)
            else repr(rows)
        )
        raise FormatError(f"{source}: {where} must be {height} rows of {width} numbers; got {got}.")
    if any(len(row) != width for row in rows):
        lengths = ", ".join(str(len(r)) for r in rows)
        raise FormatError(f"{source}: {where} must be {height}x{width}; got rows of {lengths} numbers.")
    return torch.tensor([[number_of(source, where, v) for v in row] for row in rows], dtype=torch.float64)


def pinhole(source: str, where: str, fx: float, fy: float, cx: float, cy: float) -> Tensor:  # [3, 3]
    """Return intrinsics; focal lengths must be positive and all four finite."""
    if not (0 < fx < math.inf and 0 < fy < math.inf and math.isfinite(cx) and math.isfinite(cy)):
        raise FormatError(
            f"{source}: {where} must have positive focal lengths and a finite center; "
            f"got fx {fx:g}, fy {fy:g}, cx {cx:g}, cy {cy:g}."
        )
    return torch.tensor([[fx, 0.0, cx], [0.0, fy, cy], [0.0, 0.0, 1.0]], dtype=torch.float64)


def natural_order(names: Sequence[str]) -> list[int]:
    """Return the indices that sort names in natural order: ``r_2`` before ``r_10``."""

    def key(index: int) -> list[tuple[int, int, str]]:
        parts = re.findall(r"\d{1,18}|\D+|\d", names[index])
        return [(0, int(p), "") if p.isascii() and p.isdigit() else (1, 0, p) for p in parts]

    return sorted(range(len(names)), key=key)
