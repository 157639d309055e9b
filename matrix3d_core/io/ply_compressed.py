"""PlayCanvas' compressed PLY: 16 bytes per Gaussian, ranges per chunk of 256.

Three tables: ``chunk`` (least and most position, logarithm of scale and, in newer files, colour of 256
Gaussians), ``vertex`` (four packed 32-bit words) and, where there is view-dependent colour, ``sh`` (a byte per
coefficient, channel-major). Positions and scales take 11, 10 and 11 bits, rotations leave out the largest
component and keep the others in 10 bits, colour and opacity take 8 bits.

Source: PlayCanvas, PLY format of SuperSplat and splat-transform (developer.playcanvas.com, gaussian splatting).
"""

from __future__ import annotations

import math
from typing import BinaryIO

import numpy as np

from ..errors import FormatError
from ..scene.gaussians import SH_C0, Gaussians
from .columns import checked_gaussians
from .ply import PlyElement, PlyHeader

__all__ = ["read_compressed"]

_CHUNK = 256
_SH_REACH = 8.0  # coefficients lie in [-4, 4]
_WORDS = ("packed_position", "packed_rotation", "packed_scale", "packed_color")
_XYZ = ("x", "y", "z")


def read_compressed(file: BinaryIO, header: PlyHeader, name: str, drop_invalid: bool) -> Gaussians:
    """Read the Gaussians of a compressed PLY whose header has been read. See `matrix3d_core.io.ply.read_ply`.

    Raises:
        FormatError: when a table or a property is missing, or the counts do not fit each other.
    """
    vertex, chunk = header.element("vertex"), header.elements.get("chunk")
    count = vertex.count
    if count == 0:
        raise FormatError(f"{name}: holds no Gaussians.")
    if chunk is None or chunk.count != -(-count // _CHUNK):
        got = "none" if chunk is None else f"{chunk.count}"
        raise FormatError(
            f"{name}: a compressed PLY of {count} Gaussians must have {-(-count // _CHUNK)} chunks; got {got}."
        )
    ranges = _table(file, chunk)
    words = _table(file, vertex)
    needed = [f"{end}_{prefix}{axis}" for end in ("min", "max") for prefix in ("", "scale_") for axis in _XYZ]
    for table, names in ((ranges, needed), (words, _WORDS)):
        missing = [prop for prop in names if prop not in (table.dtype.names or ())]
        if missing:
            raise FormatError(f"{name}: a compressed PLY must have the properties {', '.join(missing)}.")
    position, rotation, scale, colour = (words[prop].astype(np.uint32) for prop in _WORDS)
    rgba = np.stack([(colour >> shift & 255) / np.float32(255) for shift in (24, 16, 8, 0)], axis=1)
    rgb = rgba[:, :3]
    if "min_r" in (ranges.dtype.names or ()):
        rgb = _in_range(rgb, ranges, "", "rgb")
    return checked_gaussians(
        name,
        _in_range(_unpack_11_10_11(position), ranges, "", "xyz"),
        _unpack_rotations(rotation),
        np.exp(_in_range(_unpack_11_10_11(scale), ranges, "scale_", "xyz")),
        np.ascontiguousarray(rgba[:, 3]),
        _harmonics(file, header, name, (rgb - 0.5) / SH_C0),
        drop_invalid,
    )


def _table(file: BinaryIO, element: PlyElement) -> np.ndarray:
    file.seek(element.offset)
    return np.frombuffer(file.read(element.count * element.dtype.itemsize), element.dtype)


def _in_range(fractions: np.ndarray, ranges: np.ndarray, prefix: str, axes: str) -> np.ndarray:  # [N, 3]
    """Stretch fractions between the least and the most value of their chunk."""
    ends = [
        np.stack([ranges[f"{end}_{prefix}{axis}"] for axis in axes], axis=1).astype(np.float32)
        for end in ("min", "max")
    ]
    low, high = (values.repeat(_CHUNK, axis=0)[: len(fractions)] for values in ends)
    return low + (high - low) * fractions


def _unpack_11_10_11(words: np.ndarray) -> np.ndarray:  # [N, 3] in [0, 1]
    parts = ((21, 2047), (11, 1023), (0, 2047))
    return np.stack([(words >> shift & mask) / np.float32(mask) for shift, mask in parts], axis=1)


def _unpack_rotations(words: np.ndarray) -> np.ndarray:  # [N, 4] wxyz
    stored = np.stack([(words >> shift & 1023) / np.float32(1023) for shift in (20, 10, 0)], axis=1)
    stored = (stored - 0.5) * np.float32(math.sqrt(2))
    largest = (words >> 30).astype(np.int64)[:, None]
    quats = np.empty((len(words), 4), np.float32)
    others = np.arange(3)[None] + (np.arange(3)[None] >= largest)
    np.put_along_axis(quats, others, stored, axis=1)
    np.put_along_axis(quats, largest, np.sqrt((1 - (stored**2).sum(1, keepdims=True)).clip(min=0)), axis=1)
    return quats


def _harmonics(file: BinaryIO, header: PlyHeader, name: str, base: np.ndarray) -> np.ndarray:  # [N, K, 3]
    element = header.elements.get("sh")
    if element is None:
        return base[:, None].astype(np.float32)
    table, total = _table(file, element), len(element.dtype.names or ())
    if total not in (9, 24, 45) or element.count != len(base):
        raise FormatError(
            f"{name}: sh must hold 9, 24 or 45 properties for {len(base)} Gaussians; "
            f"got {total} for {element.count}."
        )
    if any(element.dtype[i] != np.uint8 for i in range(total)):
        raise FormatError(f"{name}: sh must hold bytes (uchar).")
    stored = np.stack([table[f"f_rest_{i}"] for i in range(total)], axis=1).astype(np.float32)
    fraction = np.where(stored == 0, 0, np.where(stored == 255, 1, (stored + 0.5) / 256))
    rest = ((fraction - 0.5) * _SH_REACH).reshape(len(base), 3, -1).transpose(0, 2, 1)
    return np.concatenate([base[:, None], rest], axis=1).astype(np.float32)
