"""Distances of panorama pixels: EXR, NPY, NPZ, PFM, float TIFF and 16-bit PNG files.

The readers return the numbers as stored. NaN, infinity, zero, negative values and no-data values are
handled by `matrix3d_core.depth`, not here.
"""

from __future__ import annotations

import io
import math
import os
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import IO, BinaryIO, NamedTuple

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ..checks import check_shape
from ..errors import FormatError, InvalidInput
from .atomic import open_atomically
from .depth_channels import choose_depth_channel
from .exr import list_channels, read_channels, write_map
from .foreign import as_format_error
from .limits import MOST_PIXELS, check_budget
from .tiff import TIFF_MAGIC, deep_tiff

__all__ = ["DEPTH_SUFFIXES", "DEPTH_WRITE_SUFFIXES", "DepthFile", "load_depth", "read_depth", "write_depth"]

_ARRAY_NAMES = ("depth", "depth_ray", "distance", "ray_depth", "depth_map", "depths", "distances", "range")
_NO_ARRAYS = "not a readable NumPy file"
_SMALLER = "Save one map of fewer pixels."
_MOST_PFM_HEADER = 256
_MOST_HEADER = 10_000  # bytes of an NPY header that are parsed


class DepthFile(NamedTuple):
    """A depth map and how it was read.

    Attributes:
        depth_ray: ``[H, W]`` float32, values as stored.
        read_as: one line: which data was read, and the input that changes it.
    """

    depth_ray: Tensor
    read_as: str


def read_depth(
    path: str | os.PathLike[str], *, png_scale: float = 0.001, channel: str = ""
) -> Tensor:  # [H, W]
    """Read one depth map; see `load_depth`, which also reports what it read."""
    return load_depth(path, png_scale=png_scale, channel=channel).depth_ray


def load_depth(path: str | os.PathLike[str], *, png_scale: float = 0.001, channel: str = "") -> DepthFile:
    """Read one depth map and report what was read.

    EXR: a layer or part called after depth, else a plain Z, else the only channel, else R of three equal ones; needs
    the OpenEXR package. NPY: the array. NPZ: the array called depth, depth_ray, distance or alike, else the only one
    that is a map. PNG: 16-bit gray times ``png_scale``. TIFF and PFM: the one channel of floats. Dimensions of size 1
    around the map are dropped.

    Memory: twice the map at most, and for EXR of several parts all of their channels; computed from the header
    before it is allocated.

    Args:
        path: the file; its suffix says the format.
        png_scale: the value of one step of a PNG; 0.001 reads millimeters as meters.
        channel: name of an EXR channel, layer or part, or of an NPZ array, instead of the choice above.

    Returns:
        ``[H, W]`` float32, values as stored (NaN, infinity, zero and negative included), and the line for a report.

    Raises:
        FormatError: when the content is not what the suffix claims, damaged, too large, not one map, or when its
            channel is ambiguous; the message lists the candidates.
        BackendUnavailable: for EXR without the OpenEXR package.
        InvalidInput: for another suffix or a scale that is not positive.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in DEPTH_SUFFIXES:
        raise InvalidInput(f"a depth file must end in {', '.join(DEPTH_SUFFIXES)}; got {path.name!r}.")
    if not path.is_file():
        raise FileNotFoundError(f"{path.name}: no such file")
    values, read_as = _READERS[suffix](path, channel, png_scale)
    return DepthFile(_as_map(values, path.name), read_as)


def write_depth(path: str | os.PathLike[str], depth: Tensor) -> None:  # [H, W]
    """Write one depth map as NPZ (compressed, array ``depth``), NPY or EXR (channel ``Z``), float32.

    The file appears under its name only when it is complete.

    Args:
        path: where to; the suffix says the format.
        depth: ``[H, W]``; infinity and NaN are kept.

    Raises:
        InvalidInput: on another shape or suffix.
        BackendUnavailable: for EXR without the OpenEXR package.
    """
    check_shape("depth", depth, "H W")
    path = Path(path)
    values = np.ascontiguousarray(depth.detach().to("cpu", torch.float32).numpy())
    write = _WRITERS.get(path.suffix.lower())
    if write is None:
        raise InvalidInput(f"depth must be written as {', '.join(_WRITERS)}; got {path.name!r}.")
    write(path, values)


def _write_npz(path: Path, values: np.ndarray) -> None:
    with open_atomically(path) as file:
        np.savez_compressed(file, depth=values)


def _write_npy(path: Path, values: np.ndarray) -> None:
    buffer = io.BytesIO()  # numpy writes past the file object and keeps the system's number to itself
    np.save(buffer, values)
    with open_atomically(path) as file:
        file.write(buffer.getbuffer())


def _map_shape(shape: tuple[int, ...], dtype: np.dtype, name: str) -> tuple[int, int]:
    """Return rows and columns of what must be one map of numbers; called before its values are read."""
    if dtype.hasobject:
        raise FormatError(f"{name}: not a readable NumPy file; it holds Python objects.")
    if dtype.kind not in "fiu":
        raise FormatError(f"{name}: must hold numbers; got {dtype}.")
    kept = list(shape)
    while len(kept) > 2 and kept[0] == 1:
        del kept[0]
    while len(kept) > 2 and kept[-1] == 1:
        del kept[-1]
    if len(kept) != 2 or 0 in kept:
        raise FormatError(f"{name}: must hold one map [H, W]; got shape {list(shape)}.")
    check_budget(name, "pixels", math.prod(kept), MOST_PIXELS, _SMALLER)
    return kept[0], kept[1]


def _as_map(values: np.ndarray, name: str) -> Tensor:
    rows_columns = _map_shape(values.shape, values.dtype, name)
    with np.errstate(over="ignore", invalid="ignore"):  # beyond float32: infinite
        return torch.from_numpy(np.array(values, dtype=np.float32).reshape(rows_columns))


def _npy_header(file: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype]:
    version = np.lib.format.read_magic(file)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    return read(file, max_header_size=_MOST_HEADER)


def _read_array(file: IO[bytes], size: int, name: str) -> np.ndarray:
    """Read an array of ``size`` bytes (its header included) once its header says that it is one map that fits in."""
    shape, is_fortran, dtype = _npy_header(file)
    _map_shape(shape, dtype, name)
    count = math.prod(shape)
    held = size - file.tell()
    if count * dtype.itemsize > held:
        raise FormatError(
            f"{name}: damaged or truncated; {list(shape)} of {dtype} need more than its {held} bytes."
        )
    values = np.empty(count, dtype)
    view = values.view(np.uint8).data
    while view:
        got = file.readinto(view[: 1 << 20])  # type: ignore[attr-defined]
        if not got:
            raise FormatError(f"{name}: damaged or truncated; {len(view)} bytes are missing.")
        view = view[got:]
    return values.reshape(shape, order="F" if is_fortran else "C")


def _read_npy(path: Path) -> tuple[np.ndarray, str]:
    with as_format_error(path.name, _NO_ARRAYS), path.open("rb") as file:
        values = _read_array(file, path.stat().st_size, path.name)
    return values, f"the array, {values.dtype}"


def _read_npz(path: Path, channel: str) -> tuple[np.ndarray, str]:
    with as_format_error(path.name, _NO_ARRAYS), zipfile.ZipFile(path) as archive:
        members = {
            m.filename.removesuffix(".npy"): m for m in archive.infolist() if m.filename.endswith(".npy")
        }
        if not members:
            raise FormatError(f"{path.name}: holds no array.")
        name = _array_name(path.name, archive, members, channel.strip())
        with archive.open(members[name]) as file:
            values = _read_array(file, members[name].file_size, path.name)
        others = f" of {len(members)} arrays (depth_channel names another)" if len(members) > 1 else ""
    return values, f"array {name}{others}"


def _array_name(
    file_name: str, archive: zipfile.ZipFile, members: dict[str, zipfile.ZipInfo], wanted: str
) -> str:
    listed = ", ".join(sorted(members))
    if wanted:
        if wanted not in members:
            raise FormatError(
                f"{file_name}: has no array called {wanted!r}; found {listed}. Change depth_channel."
            )
        return wanted
    named = [name for name in _ARRAY_NAMES if name in members]
    if named or len(members) == 1:
        return (named or list(members))[0]
    maps = [name for name, member in members.items() if _is_map(archive, member)]
    if len(maps) != 1:
        raise FormatError(
            f"{file_name}: which array holds the distances is not clear; found {listed}. Name it in depth_channel."
        )
    return maps[0]


def _is_map(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bool:
    with archive.open(member) as file:
        shape, _, dtype = _npy_header(file)
    return dtype.kind in "fiu" and sum(length > 1 for length in shape) == 2


def _read_png(path: Path, png_scale: float) -> tuple[np.ndarray, str]:
    if not 0 < png_scale < float("inf"):
        raise InvalidInput(f"png_scale must be positive; got {png_scale}.")
    with as_format_error(path.name, "damaged or truncated"), path.open("rb") as file:
        if file.read(8) != b"\x89PNG\r\n\x1a\n":
            raise FormatError(f"{path.name}: not a PNG.")
        file.seek(0)
        with Image.open(file, formats=("PNG",)) as picture:
            check_budget(path.name, "pixels", picture.width * picture.height, MOST_PIXELS, _SMALLER)
            if picture.mode not in ("I;16", "I;16B", "I;16L", "I"):
                raise FormatError(
                    f"{path.name}: a depth PNG must be 16-bit gray; got mode {picture.mode}. "
                    "Use 16 bits, or connect the picture as a depth image."
                )
            picture.load()
            values = np.asarray(picture).astype(np.float32)
    with np.errstate(over="ignore"):
        values *= np.float32(png_scale)
    return values, f"16-bit steps of {png_scale:g} (png_scale changes it)"


def _read_tiff(file: BinaryIO, name: str) -> tuple[np.ndarray, str]:
    if file.read(4) not in TIFF_MAGIC:
        raise FormatError(f"{name}: not a TIFF.")
    tiff = deep_tiff(file, name)
    if tiff is None or tiff.is_color or tiff.alpha or tiff.dtype.kind != "f":
        found = (
            "8 bits or fewer, or signed integers"
            if tiff is None
            else f"{tiff.samples} channels of {tiff.dtype.name}"
        )
        raise FormatError(
            f"{name}: a depth TIFF must hold one channel of floats; got {found}. Save it so, or as 16-bit PNG; a color "
            "picture is loaded as the panorama."
        )
    return tiff.read(1)[0][..., 0], f"{8 * tiff.dtype.itemsize}-bit floats of a TIFF"


def _read_pfm(file: BinaryIO, name: str) -> tuple[np.ndarray, str]:
    """Read a portable float map; its rows begin at the bottom. Source: P. Debevec, PFM image format."""
    head = file.read(_MOST_PFM_HEADER)
    found = re.match(rb"P([Ff])\s+(\d{1,9})\s+(\d{1,9})\s+([-+.\deE]{1,30})(?:\r\n|\s)", head)
    if not found:
        raise FormatError(f"{name}: not a PFM.")
    if found[1] == b"F":
        raise FormatError(
            f"{name}: a depth PFM must hold one channel (Pf); got a color picture (PF). Save one channel."
        )
    columns, rows, scale = int(found[2]), int(found[3]), float(found[4])
    if not (rows and columns and 0 < abs(scale) < math.inf):
        raise FormatError(f"{name}: damaged; {columns}x{rows} pixels with scale {scale:g}.")
    check_budget(name, "pixels", rows * columns, MOST_PIXELS, _SMALLER)
    held = file.seek(0, io.SEEK_END) - found.end()
    if held < 4 * rows * columns:
        raise FormatError(
            f"{name}: damaged or truncated; {columns}x{rows} floats need more than its {held} bytes."
        )
    file.seek(found.end())
    order = "<" if scale < 0 else ">"  # its magnitude is a unit without agreed meaning
    values = np.frombuffer(file.read(4 * rows * columns), f"{order}f4").reshape(rows, columns)
    return values[::-1], f"floats of a PFM, its scale {scale:g} not applied"


def _read_exr(path: Path, wanted: str) -> tuple[np.ndarray, str]:
    channels = list_channels(path)
    chosen = choose_depth_channel(path.name, channels, wanted)
    values = read_channels(path, chosen, outside=math.nan)
    if not all(np.array_equal(values[0], other, equal_nan=True) for other in values[1:]):
        raise FormatError(
            f"{path.name}: is a color picture, its R, G and B differ; a depth file holds one number per pixel. "
            "Load it as the panorama, or name a channel in depth_channel to take it anyway."
        )
    others = f" of {len(channels)} channels (depth_channel names another)" if len(channels) > 1 else ""
    return values[0], f"channel {chosen[0].full_name}{others}"


def _streamed(
    read: Callable[[BinaryIO, str], tuple[np.ndarray, str]],
) -> Callable[[Path, str, float], tuple[np.ndarray, str]]:
    def read_path(path: Path, _channel: str, _png_scale: float) -> tuple[np.ndarray, str]:
        with as_format_error(path.name, "damaged or truncated"), path.open("rb") as file:
            return read(file, path.name)

    return read_path


_READERS: dict[str, Callable[[Path, str, float], tuple[np.ndarray, str]]] = {
    ".exr": lambda path, channel, _: _read_exr(path, channel),
    ".npy": lambda path, *_: _read_npy(path),
    ".npz": lambda path, channel, _: _read_npz(path, channel),
    ".pfm": _streamed(_read_pfm),
    ".png": lambda path, _, png_scale: _read_png(path, png_scale),
    ".tif": _streamed(_read_tiff),
    ".tiff": _streamed(_read_tiff),
}
_WRITERS: dict[str, Callable[[Path, np.ndarray], None]] = {
    ".exr": write_map,
    ".npz": _write_npz,
    ".npy": _write_npy,
}

DEPTH_SUFFIXES = tuple(_READERS)
"""File names that `read_depth` takes."""

DEPTH_WRITE_SUFFIXES = tuple(_WRITERS)
"""File names that `write_depth` takes."""
