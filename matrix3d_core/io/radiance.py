"""Radiance files (.hdr), and tone mapping of light to display values."""

from __future__ import annotations

import itertools
import re
from typing import BinaryIO

import numpy as np

from ..errors import FormatError
from .limits import MOST_PIXELS, check_budget

__all__ = ["HDR_MAGIC", "encode_rgbe", "floats_from_rgbe", "read_rgbe", "tone_map"]

HDR_MAGIC = b"#?"
"""The first two bytes of a Radiance picture."""

_MOST_HEADER = 65536
_KNEE = 0.5


def read_rgbe(file: BinaryIO, name: str) -> tuple[np.ndarray, float]:
    """Read a Radiance picture: ``[H, W, 4]`` uint8 (three mantissas and the exponent), top row first, and its factor.

    Flat, old and new run lengths are read. The picture's light is ``floats_from_rgbe`` times the factor, which undoes
    the file's ``EXPOSURE``.

    Raises:
        FormatError: when it is damaged, holds XYZ or another row order, or more pixels than are read.

    Source: G. Ward, Real Pixels, Graphics Gems II; the Radiance reference, file formats.
    """
    head = file.read(_MOST_HEADER)
    end = re.search(rb"\r?\n\r?\n([^\n]{1,80})\n", head)
    if not end:
        raise FormatError(f"{name}: damaged or truncated; the Radiance header has no end.")
    lines = head[: end.start()].decode("latin-1").splitlines()
    if any(line.startswith("FORMAT=") and "xyze" in line for line in lines):
        raise FormatError(
            f"{name}: a Radiance picture in XYZ is not read. Convert it to RGB (ra_xyze -r) first."
        )
    size = re.fullmatch(rb"\s*([-+])Y\s+(\d{1,9})\s+([-+])X\s+(\d{1,9})\s*", end[1])
    if not size:
        raise FormatError(f"{name}: a Radiance picture must be stored in rows (-Y H +X W). Convert it first.")
    rows, columns = int(size[2]), int(size[4])
    check_budget(name, "pixels", rows * columns, MOST_PIXELS, "Shrink the picture first.")
    if not rows * columns:
        raise FormatError(f"{name}: damaged; it has no pixels.")
    factor = 1.0
    for line in lines:
        found = re.fullmatch(r"EXPOSURE\s*=\s*([-+.\deE]{1,30})\s*", line)
        factor /= _positive(found[1]) if found else 1.0
    file.seek(file.tell() - len(head) + end.end())
    packed = np.frombuffer(file.read(rows * columns * 8 + 8 * rows), np.uint8)  # twice the uncompressed size
    if packed.size < rows:
        raise FormatError(f"{name}: damaged or truncated; its pixels are missing.")
    from .radiance_numba import decode_rgbe

    rgbe = np.zeros((rows, columns, 4), np.uint8)
    done = decode_rgbe(packed, rgbe)
    if done < rows:
        raise FormatError(f"{name}: damaged or truncated in row {done} of {rows}.")
    return rgbe[:: -1 if size[1] == b"+" else 1, :: -1 if size[3] == b"-" else 1], factor


def _positive(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        return 1.0
    return value if 1e-30 < value < 1e30 else 1.0


def floats_from_rgbe(rgbe: np.ndarray) -> np.ndarray:  # [..., 4] -> [..., 3]
    """Return ``mantissa * 2 ** (exponent - 136)`` as float32; 0 where the exponent is 0."""
    exponent = rgbe[..., 3:].astype(np.int32)
    with np.errstate(over="ignore"):
        return np.where(
            exponent > 0, np.ldexp(rgbe[..., :3].astype(np.float32), exponent - 136), np.float32(0)
        )


def encode_rgbe(light: np.ndarray) -> bytes:  # [H, W, 3]
    """Return a Radiance picture of ``[H, W, 3]`` linear light, run lengths in the new form; good to 1 in 256.

    Args:
        light: finite; negative values become 0, and so does light below 1e-32.

    Source: G. Ward, Real Pixels, Graphics Gems II; the Radiance reference, file formats.
    """
    height, width, _ = light.shape
    light = np.clip(light, 0, 1e38).astype(np.float64)
    most = light.max(-1)
    mantissa, exponent = np.frexp(most)
    scale = np.where(most > 1e-32, mantissa * 256 / np.maximum(most, 1e-300), 0)
    rgbe = np.empty((height, width, 4), np.uint8)
    rgbe[..., :3] = np.minimum(light * scale[..., None], 255).astype(np.uint8)
    rgbe[..., 3] = np.where(most > 1e-32, exponent + 128, 0)
    head = f"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n-Y {height} +X {width}\n".encode()
    if not 8 <= width < 32768:
        return head + rgbe.tobytes()
    rows = [bytes((2, 2, width >> 8, width & 255)) + b"".join(map(_run_lengths, row.T)) for row in rgbe]
    return head + b"".join(rows)


def _run_lengths(values: np.ndarray) -> bytes:
    """Return one component of a row: runs of four and more as count + 128 and value, the rest as count and values."""
    edges = np.flatnonzero(np.diff(values)) + 1
    starts = np.concatenate(([0], edges, [len(values)]))
    parts: list[bytes] = []
    loose = bytearray()

    def flush() -> None:
        for first in range(0, len(loose), 128):
            part = loose[first : first + 128]
            parts.append(bytes((len(part),)) + bytes(part))
        loose.clear()

    for begin, end in itertools.pairwise(starts.tolist()):
        count, value = end - begin, int(values[begin])
        if count < 4:
            loose += bytes((value,)) * count
            continue
        flush()
        while count:
            part = min(count, 127)
            parts.append(bytes((128 + part, value)))
            count -= part
    flush()
    return b"".join(parts)


def tone_map(rgb: np.ndarray, exposure: float) -> None:  # [..., 3], in place
    """Tone-map light to display values in [0, 1], in place.

    Light times ``2 ** exposure`` is kept up to 0.5 and rolls off above (``0.5 + 0.5 (1 - exp(1 - 2 x))``, smooth at
    0.5), then gets sRGB's curve: middle gray 0.18 becomes 0.46, as in a renderer's standard view. NaN becomes 0.

    Args:
        rgb: float32 light; negative values become 0.
        exposure: in stops; +1 doubles the light.

    Source: IEC 61966-2-1 (sRGB).
    """
    np.nan_to_num(rgb, copy=False, nan=0.0, posinf=3e38, neginf=0.0)
    with np.errstate(over="ignore"):
        rgb *= np.float32(2.0**exposure)
    np.clip(rgb, 0, 100, out=rgb)
    high = rgb > _KNEE
    rgb[high] = 1 - 0.5 * np.exp(1 - 2 * rgb[high])
    low = rgb <= 0.0031308
    dark = 12.92 * rgb[low]
    np.power(rgb, np.float32(1 / 2.4), out=rgb)
    rgb *= np.float32(1.055)
    rgb -= np.float32(0.055)
    rgb[low] = dark
