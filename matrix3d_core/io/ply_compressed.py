"""PlayCanvas' compressed PLY: 16 bytes per Gaussian, ranges per chunk of 256.

Three tables: ``chunk`` (minimum and maximum of position, logarithm of scale and, in newer files, color of 256
Gaussians), ``vertex`` (four packed 32-bit words) and, where there is view-dependent color, ``sh`` (a byte per
coefficient, channel-major). Positions and scales take 11, 10 and 11 bits, rotations leave out the largest
component and keep the others in 10 bits, color and opacity take 8 bits.

Source: PlayCanvas, PLY format of SuperSplat and splat-transform (developer.playcanvas.com, gaussian splatting).
"""

from __future__ import annotations

import math
from typing import BinaryIO

import numpy as np

from ..errors import FormatError
from ..scene.gaussians import SH_C0, Gaussians
from .columns import checked_gaussians
from .ply_header import PlyElement, PlyHeader

__all__ = ["read_compressed"]

_CHUNK = 256
_CHUNKS = 64  # at a time
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
    ranges = _table(file, chunk, slice(0, chunk.count))
    needed = [f"{end}_{prefix}{axis}" for end in ("min", "max") for prefix in ("", "scale_") for axis in _XYZ]
    for table, names in ((chunk, needed), (vertex, _WORDS)):
        missing = [prop for prop in names if prop not in (table.dtype.names or ())]
        if missing:
            raise FormatError(f"{name}: a compressed PLY must have the properties {', '.join(missing)}.")
    rest = _checked_rest(header, name, count)
    fields = (
        np.empty((count, 3), np.float32),
        np.empty((count, 4), np.float32),
        np.empty((count, 3), np.float32),
        np.empty(count, np.float32),
        np.empty((count, 1 + len(rest.dtype.names or ()) // 3 if rest else 1, 3), np.float32),
    )
    for start in range(0, count, _CHUNK * _CHUNKS):
        rows = slice(start, min(start + _CHUNK * _CHUNKS, count))
        means, quats, scales, opacities, sh = (values[rows] for values in fields)
        words = _table(file, vertex, rows)
        part = ranges[start // _CHUNK :][:_CHUNKS]
        position, rotation, scale, color = (words[prop].astype(np.uint32) for prop in _WORDS)
        rgba = np.stack([(color >> shift & 255) / np.float32(255) for shift in (24, 16, 8, 0)], axis=1)
        rgb = rgba[:, :3]
        if "min_r" in (ranges.dtype.names or ()):
            rgb = _in_range(rgb, part, "", "rgb")
        with np.errstate(over="ignore", invalid="ignore"):  # such values are refused later
            means[:] = _in_range(_unpack_11_10_11(position), part, "", "xyz")
            np.exp(_in_range(_unpack_11_10_11(scale), part, "scale_", "xyz"), out=scales)
            sh[:, 0] = (rgb - 0.5) / SH_C0
        quats[:] = _unpack_rotations(rotation)
        opacities[:] = rgba[:, 3]
        if rest is not None:
            sh[:, 1:] = _harmonics(_table(file, rest, rows))
    return checked_gaussians(name, *fields, drop_invalid)


def _table(file: BinaryIO, element: PlyElement, rows: slice) -> np.ndarray:
    size = element.dtype.itemsize
    file.seek(element.offset + rows.start * size)
    return np.frombuffer(file.read((rows.stop - rows.start) * size), element.dtype)


def _in_range(fractions: np.ndarray, ranges: np.ndarray, prefix: str, axes: str) -> np.ndarray:  # [N, 3]
    """Scale fractions to the minimum and maximum of their chunk."""
    ends = [
        np.stack([ranges[f"{end}_{prefix}{axis}"] for axis in axes], axis=1).astype(np.float32)
        for end in ("min", "max")
    ]
    low, high = (values.repeat(_CHUNK, axis=0)[: len(fractions)] for values in ends)
    result: np.ndarray = low + (high - low) * fractions
    return result


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


def _checked_rest(header: PlyHeader, name: str, count: int) -> PlyElement | None:
    """Return the table of harmonics, or None."""
    element = header.elements.get("sh")
    if element is None:
        return None
    total = len(element.dtype.names or ())
    if total not in (9, 24, 45) or element.count != count:
        raise FormatError(
            f"{name}: sh must hold 9, 24 or 45 properties for {count} Gaussians; got {total} for {element.count}."
        )
    if any(element.dtype[i] != np.uint8 for i in range(total)):
        raise FormatError(f"{name}: sh must hold bytes (uchar).")
    return element


def _harmonics(table: np.ndarray) -> np.ndarray:  # [N] records of bytes -> [N, K - 1, 3]
    total = len(table.dtype.names or ())
    stored = np.stack([table[f"f_rest_{i}"] for i in range(total)], axis=1).astype(np.float32)
    fraction = np.where(stored == 0, 0, np.where(stored == 255, 1, (stored + 0.5) / 256))
    return ((fraction - 0.5) * _SH_REACH).reshape(len(table), 3, -1).transpose(0, 2, 1)
