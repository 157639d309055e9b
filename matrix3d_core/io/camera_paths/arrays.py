"""Poses as arrays: NPY, NPZ and JSON objects of VGGT, Depth Anything 3, Matrix-3D, MegaSaM, ViPE and LLFF.

Members are found by name; ``[T, 3, 4]`` is completed, a leading batch of one is dropped. Shapes are read and bounded
before memory is allocated.
"""

from __future__ import annotations

import math
import tokenize
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import torch

from ...errors import FormatError
from .raw import MAX_FRAMES, RawPath, check_count, matrix_of, pinhole

__all__ = ["is_object_of_arrays", "read_arrays", "read_object_of_arrays"]

_W2C = (
    "extrinsics",
    "extrinsic",
    "w2c",
    "w2cs",
    "world_to_camera",
    "world2cam",
    "camera_from_world",
    "viewmats",
    "arr_0",
)
_C2W = (
    "c2w",
    "c2ws",
    "cam_c2w",
    "cam2world",
    "cam2worlds",
    "camera_to_world",
    "world_from_camera",
    "camera_poses",
    "camtoworlds",
    "poses",
    "data",
)
_INTRINSICS = ("intrinsics", "intrinsic")
_MOST_NUMBERS = 32 * MAX_FRAMES
_FLAWS = (
    zipfile.BadZipFile,
    zipfile.LargeZipFile,
    zlib.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    ValueError,
    SyntaxError,
    tokenize.TokenError,
    TypeError,
    OverflowError,
    KeyError,
    IndexError,
    MemoryError,
    RecursionError,
)


def read_arrays(path: Path) -> RawPath:
    """Read a ``.npy`` or ``.npz`` file; nothing in it is executed (no Python objects)."""
    source = path.name
    try:
        with path.open("rb") as file:
            if file.read(4) == b"PK\x03\x04":
                return _read_zip(source, file)
            file.seek(0)
            return _as_path(source, "", _read_array(source, source, file), None)
    except FormatError:
        raise
    except _FLAWS as error:
        raise FormatError(f"{source}: is not a readable NPY or NPZ file ({error}).") from error


def is_object_of_arrays(data: Any) -> bool:
    """Return whether JSON is an object with a member of a known name."""
    return isinstance(data, Mapping) and any(key in data for key in (*_W2C, *_C2W))


def read_object_of_arrays(source: str, data: Mapping[str, Any]) -> RawPath:
    """Read ``{"extrinsics": [...]}`` and its kin."""
    key = next(key for key in (*_W2C, *_C2W) if key in data)
    poses = data[key]
    if not isinstance(poses, list):
        raise FormatError(f"{source}: {key} must be a list of matrices; got {type(poses).__name__}.")
    if len(poses) == 1 and isinstance(poses[0], list) and poses[0] and _is_nested(poses[0][0]):
        poses = poses[0]
    check_count(source, poses)
    matrices = torch.stack([matrix_of(source, f"{key}[{i}]", pose) for i, pose in enumerate(poses)])
    return RawPath(f"JSON with {key}", matrices, pose="w2c" if key in _W2C else "c2w")


def _is_nested(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], list)


def _read_zip(source: str, file: BinaryIO) -> RawPath:
    with zipfile.ZipFile(file) as archive:
        infos = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
        keys = [key for key in (*_W2C, *_C2W) if key in infos]
        if not keys:
            held = ", ".join(sorted(infos)[:12]) or "nothing"
            raise FormatError(
                f"{source}: must hold poses as one of {', '.join((*_W2C, *_C2W))}; got {held}. Rename the array."
            )
        arrays = {}
        for key in (keys[0], *(key for key in _INTRINSICS if key in infos)):
            with archive.open(infos[key]) as member:
                arrays[key] = _read_array(source, key, member)  # type: ignore[arg-type]
    return _as_path(source, keys[0], arrays.pop(keys[0]), next(iter(arrays.values()), None))


def _read_array(source: str, name: str, file: BinaryIO) -> np.ndarray:
    version = np.lib.format.read_magic(file)
    readers = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
    if version not in readers:
        raise FormatError(f"{source}: {name} has NPY version {version}; 1.0 and 2.0 are read.")
    shape, is_fortran, dtype = readers[version](file)
    if dtype.kind not in "fiu" or dtype.itemsize > 8:
        raise FormatError(f"{source}: {name} must hold real numbers; got {dtype}.")
    count = math.prod(shape)
    if any(n < 1 for n in shape) or count > _MOST_NUMBERS:
        raise FormatError(f"{source}: {name} must hold 1 to {MAX_FRAMES} poses; got shape {list(shape)[:8]}.")
    data = file.read(count * dtype.itemsize)
    if len(data) != count * dtype.itemsize:
        raise FormatError(f"{source}: {name} is truncated: {len(data)} of {count * dtype.itemsize} bytes.")
    values = np.frombuffer(data, dtype).astype(np.float64)
    return values.reshape(shape[::-1]).T if is_fortran else values.reshape(shape)


def _as_path(source: str, key: str, array: np.ndarray, intrinsics: np.ndarray | None) -> RawPath:
    while array.ndim > 3 and array.shape[0] == 1:
        array = array[0]
    if array.ndim == 2 and array.shape[1] == 17 and not key:
        return _read_llff(array)
    if array.ndim == 2 and array.shape[1] == 12:  # flat 3x4, as PanoWorld writes them
        array = array.reshape(-1, 3, 4)
    if array.ndim != 3 or array.shape[1:] not in ((3, 4), (4, 4)):
        raise FormatError(
            f"{source}: poses must have shape [T, 3, 4] or [T, 4, 4], or flat [T, 12]; got {list(array.shape)}."
        )
    check_count(source, range(len(array)))
    matrices = torch.eye(4, dtype=torch.float64).repeat(len(array), 1, 1)
    matrices[:, : array.shape[1]] = torch.from_numpy(array)
    notes = []
    if intrinsics is not None:
        while intrinsics.ndim > 3 and intrinsics.shape[0] == 1:
            intrinsics = intrinsics[0]
        if intrinsics.ndim == 3 and intrinsics.shape[1:] == (3, 3):
            for i, k in enumerate(intrinsics):
                pinhole(source, f"intrinsics {i}", *(float(k[at]) for at in ((0, 0), (1, 1), (0, 2), (1, 2))))
            notes.append("its intrinsics are not kept, as it does not give the size of the pictures")
    kind = f"an array {key}".strip()
    return RawPath(kind, matrices, pose="c2w" if key in _C2W else "w2c", notes=notes)


def _read_llff(table: np.ndarray) -> RawPath:
    """Source: Fyusion/LLFF: 3x5 with columns down, right, back, center and (h, w, f); then two bounds of depth."""
    matrices = torch.eye(4, dtype=torch.float64).repeat(len(table), 1, 1)
    matrices[:, :3] = torch.from_numpy(table[:, :15].reshape(-1, 3, 5)[:, :, :4])
    return RawPath("LLFF's poses_bounds.npy", matrices, pose="c2w", camera_axes="DRB", world_axes="RUB")
