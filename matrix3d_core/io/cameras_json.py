"""Camera paths as JSON: upstream's bare list of 4x4 matrices, and a layout that describes itself.

Both keep float64 values bit for bit.
"""

from __future__ import annotations

import json
import math
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..errors import FormatError, InvalidInput
from ..scene.trajectory import Trajectory

__all__ = ["LAYOUTS", "format_trajectory", "parse_trajectory", "read_trajectory", "write_trajectory"]

LAYOUTS = ("upstream", "matrix3d")
FORMAT_NAME = "matrix3d-trajectory"
FORMAT_VERSION = 1
AXES = "opencv: x right, y down, z forward"
CONVENTION = "world-to-camera, row-major 4x4"
MAX_BYTES = 100 * 1000 * 1000
MAX_FRAMES = 100_000


def read_trajectory(path: str | os.PathLike[str]) -> Trajectory:
    """Read a camera path in either layout; see `parse_trajectory`.

    Raises:
        FormatError: when the file is too large, not UTF-8, or not a camera path; the message
            leads with the file name.
    """
    path = Path(path)
    size = path.stat().st_size
    if size > MAX_BYTES:
        raise FormatError(
            f"{path.name}: a camera path must be at most {MAX_BYTES // 1_000_000} MB; "
            f"got {size / 1e6:.0f} MB. Is this the right file?"
        )
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise FormatError(f"{path.name}: must be UTF-8 text; byte {error.start} is not.") from error
    return parse_trajectory(text, source=path.name, name=path.stem)


def parse_trajectory(text: str, *, source: str = "JSON text", name: str = "trajectory") -> Trajectory:
    """Parse a camera path from JSON text.

    Accepts upstream's layout (a bare array of N row-major world-to-camera 4x4 matrices, OpenCV
    axes, no units) and this library's own (an object with ``"format": "matrix3d-trajectory"``).

    Args:
        text: the JSON.
        source: what messages call it, usually the file name.
        name: name of the result when the text does not give one.

    Raises:
        FormatError: naming the source and, where there is one, the line or the frame.
    """
    if len(text) > MAX_BYTES:
        raise FormatError(f"{source}: a camera path must be at most {MAX_BYTES // 1_000_000} MB of text.")
    try:
        data = json.loads(text)
    except json.JSONDecodeError as error:
        raise FormatError(
            f"{source}: line {error.lineno}, column {error.colno}: not valid JSON ({error.msg})."
        ) from error
    except (RecursionError, ValueError) as error:
        raise FormatError(f"{source}: not valid JSON ({error}).") from error
    fields: dict[str, Any] = {"name": name}
    if isinstance(data, Mapping):
        poses = _check_header(source, data)
        fields |= _described_fields(source, data, len(poses), name)
    elif isinstance(data, list):
        poses = _check_list(source, data)
    else:
        raise FormatError(
            f"{source}: must hold an array of 4x4 matrices or an object with "
            f'"format": "{FORMAT_NAME}"; got {type(data).__name__}.'
        )
    matrices = torch.stack([_matrix(source, f"frame {i}", pose, 4) for i, pose in enumerate(poses)])
    _hint_transposed(source, matrices)
    try:
        return Trajectory(matrices, **fields)
    except InvalidInput as error:
        raise FormatError(f"{source}: {error}") from error


def write_trajectory(
    path: str | os.PathLike[str], trajectory: Trajectory, *, layout: str = "matrix3d"
) -> None:
    """Write a camera path; the file appears whole or not at all.

    Args:
        path: target file; an existing one is replaced.
        trajectory: what to write.
        layout: ``"upstream"`` (poses only) or ``"matrix3d"`` (everything).

    Raises:
        InvalidInput: for an unknown layout.
        OSError: when the folder cannot be written.
    """
    path = Path(path)
    text = format_trajectory(trajectory, layout=layout)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
        os.chmod(temporary, 0o644)  # mkstemp makes it private; saved files follow the usual mode
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def format_trajectory(trajectory: Trajectory, *, layout: str = "matrix3d") -> str:
    """Return the JSON text of a camera path in one of `LAYOUTS`, indented by 4 as upstream writes it."""
    if layout not in LAYOUTS:
        raise InvalidInput(f"layout must be one of {', '.join(LAYOUTS)}; got {layout!r}.")
    poses = trajectory.camera_from_world.tolist()
    if layout == "upstream":
        return json.dumps(poses, indent=4)
    header: dict[str, Any] = {
        "format": FORMAT_NAME,
        "version": FORMAT_VERSION,
        "name": trajectory.name,
        "axes": AXES,
        "convention": CONVENTION,
        "frame_of_reference": trajectory.frame_of_reference,
        "is_metric": trajectory.is_metric,
        "fps": trajectory.fps,
        "image_size_px": None if trajectory.image_size_px is None else list(trajectory.image_size_px),
        "intrinsics_px": None if trajectory.K_px is None else trajectory.K_px.double().tolist(),
        "poses": poses,
    }
    return json.dumps(header, indent=4, ensure_ascii=False)


def _check_list(source: str, poses: Any) -> list[Any]:
    if not isinstance(poses, list):
        raise FormatError(f"{source}: poses must be an array of 4x4 matrices; got {type(poses).__name__}.")
    if not poses:
        raise FormatError(f"{source}: must hold at least 1 pose; got an empty array.")
    if len(poses) > MAX_FRAMES:
        raise FormatError(f"{source}: must hold at most {MAX_FRAMES} poses; got {len(poses)}.")
    if isinstance(poses[0], list) and poses[0] and type(poses[0][0]) in (int, float):
        raise FormatError(f"{source}: must be an array of 4x4 matrices; got a single matrix. Wrap it in [ ].")
    return poses


def _check_header(source: str, data: Mapping[str, Any]) -> list[Any]:
    if data.get("format") != FORMAT_NAME:
        raise FormatError(
            f'{source}: an object must have "format": "{FORMAT_NAME}"; got {data.get("format")!r}. '
            "Upstream files are a bare array of matrices."
        )
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
    if "poses" not in data:
        raise FormatError(f"{source}: poses are missing.")
    return _check_list(source, data["poses"])


def _described_fields(source: str, data: Mapping[str, Any], count: int, name: str) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "fps": _number(source, "fps", data.get("fps", 12.0)),
        "frame_of_reference": data.get("frame_of_reference", "panorama"),
        "is_metric": data.get("is_metric", False),
        "name": data.get("name", name),
    }
    for key, kind in (("frame_of_reference", str), ("is_metric", bool), ("name", str)):
        if not isinstance(fields[key], kind):
            raise FormatError(f"{source}: {key} must be a {kind.__name__}; got {fields[key]!r}.")
    intrinsics, size = data.get("intrinsics_px"), data.get("image_size_px")
    if size is not None:
        if not (isinstance(size, list) and len(size) == 2 and all(type(n) is int and n > 0 for n in size)):
            raise FormatError(f"{source}: image_size_px must be [height, width]; got {size!r}.")
        fields["image_size_px"] = (size[0], size[1])
    if intrinsics is not None:
        if not isinstance(intrinsics, list) or len(intrinsics) != count:
            got = len(intrinsics) if isinstance(intrinsics, list) else type(intrinsics).__name__
            raise FormatError(
                f"{source}: intrinsics_px must hold one 3x3 matrix per pose ({count}); got {got}."
            )
        fields["K_px"] = torch.stack(
            [_matrix(source, f"intrinsics_px[{i}]", m, 3) for i, m in enumerate(intrinsics)]
        )
    return fields


def _number(source: str, where: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise FormatError(f"{source}: {where} must be a number; got {value!r}.")
    try:
        return float(value)
    except OverflowError:
        return math.inf


def _matrix(source: str, where: str, rows: Any, size: int) -> Tensor:
    """Check one nested list and return it as float64 ``[size, size]``."""
    if not isinstance(rows, list) or len(rows) != size or any(not isinstance(r, list) for r in rows):
        got = (
            f"{type(rows).__name__} of length {len(rows)}"
            if isinstance(rows, list | str | dict)
            else repr(rows)
        )
        raise FormatError(f"{source}: {where} must be {size} rows of {size} numbers; got {got}.")
    if any(len(row) != size for row in rows):
        raise FormatError(
            f"{source}: {where} must be {size}x{size}; "
            f"got rows of {', '.join(str(len(r)) for r in rows)} numbers."
        )
    return torch.tensor([[_number(source, where, v) for v in row] for row in rows], dtype=torch.float64)


def _hint_transposed(source: str, matrices: Tensor) -> None:
    """Name the likely mistake when every pose has its translation in the last row."""
    corner = torch.tensor([0.0, 0.0, 0.0, 1.0], dtype=torch.float64)
    if (matrices[:, :, 3] == corner).all() and not (matrices[:, 3] == corner).all():
        raise FormatError(
            f"{source}: the matrices look transposed: the translation is in the last row. "
            "Poses are row-major; write each matrix row by row."
        )
