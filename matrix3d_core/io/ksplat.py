"""KSPLAT: the buffer of the GaussianSplats3D viewer, written to disk.

A header of 4096 bytes, one of 1024 bytes per section, then the sections. Level 0 keeps 32-bit floats and bytes
of color. Levels 1 and 2 keep 16-bit floats and positions as 16-bit offsets from the middle of a bucket; at
level 2 harmonics take a byte. Harmonics are ordered by band, then channel, then coefficient.

Source: M. Kellogg, GaussianSplats3D (github.com/mkkellogg/GaussianSplats3D, SplatBuffer), version 0.1.
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass

import numpy as np

from ..errors import FormatError
from ..scene.gaussians import SH_C0, Gaussians
from .atomic import BinarySource, BinaryTarget, open_atomically, read_source
from .columns import checked_gaussians, columns_to_write, rgba_bytes
from .findings import Findings, damage_as_format_error

__all__ = ["read_ksplat", "write_ksplat"]

_HEADER_BYTES, _SECTION_BYTES = 4096, 1024
# major, minor, -, sections at most, sections, Gaussians at most, Gaussians, level, -, center, SH range
_HEADER = struct.Struct("<BBxxIIIIHxx3f2f")
# Gaussians, at most, bucket: Gaussians, count, side, bytes; scale range, bytes, full and part-filled buckets, degree
_SECTION = struct.Struct("<IIIIfHxxIIIIH")
_REST_VALUES = (0, 9, 24, 45)
_MOST_SECTIONS = 1 << 16
_HIGHEST_DEGREE = 2  # what the format's viewer supports
_SH_RANGE = 1.5
_CHUNK = 1 << 14  # Gaussians at a time


def write_ksplat(target: BinaryTarget, gaussians: Gaussians) -> None:
    """Write Gaussians as KSPLAT level 0; a path appears only when the file is complete.

    Positions, scales, rotations and harmonics keep 32 bits; color and opacity take steps of 1/255 (colors
    are clamped to [0, 1]). Harmonics of degree 3 are left out: the format's viewer has none.

    Raises:
        InvalidInput: when the set is empty, or a value is NaN or infinite.
    """
    means, quats, scales, opacities, sh = columns_to_write(gaussians)
    count = len(means)
    degree = min(math.isqrt(sh.shape[1]) - 1, _HIGHEST_DEGREE)
    records = np.zeros(count, _record(0, degree))
    records["means"], records["scales"], records["quats"] = means, scales, quats
    records["rgba"] = rgba_bytes(sh, opacities)
    if degree:
        records["rest"] = _by_band(sh[:, 1:], degree)
    header = _HEADER.pack(0, 1, 1, 1, count, count, 0, 0, 0, 0, -_SH_RANGE, _SH_RANGE)
    section = _SECTION.pack(count, count, 0, 0, 0, 0, 0, records.nbytes, 0, 0, degree)
    with open_atomically(target) as file:
        file.write(header.ljust(_HEADER_BYTES, b"\0"))
        file.write(section.ljust(_SECTION_BYTES, b"\0"))
        file.write(records.tobytes())


def read_ksplat(
    source: BinarySource, *, drop_invalid: bool = False, findings: Findings | None = None
) -> Gaussians:
    """Read a KSPLAT file of level 0, 1 or 2, harmonics included. Axes are not changed.

    Args:
        source: path, or binary file open for reading.
        drop_invalid: leave out Gaussians with NaN or infinite values instead of refusing the file.
        findings: gets the level of the file.

    Raises:
        FormatError: when the version or the level is unknown, or the file is truncated or inconsistent.
    """
    data, name = read_source(source)
    with damage_as_format_error(name):
        return _read(memoryview(data), name, drop_invalid, findings or Findings())


def _read(data: memoryview, name: str, drop_invalid: bool, findings: Findings) -> Gaussians:
    if len(data) < _HEADER_BYTES:
        raise FormatError(f"{name}: is truncated: {len(data)} of {_HEADER_BYTES} header bytes.")
    major, minor, most, _, _, count, level, *_, low, high = _HEADER.unpack_from(data)
    if (major, minor) != (0, 1):
        raise FormatError(f"{name}: KSPLAT version must be 0.1; got {major}.{minor}. Is this a KSPLAT file?")
    if level > 2:
        raise FormatError(f"{name}: compression level must be 0, 1 or 2; got {level}.")
    if not 1 <= most <= _MOST_SECTIONS or len(data) < _HEADER_BYTES + most * _SECTION_BYTES:
        raise FormatError(
            f"{name}: is truncated, or claims {most} sections; {len(data)} bytes cannot hold them."
        )
    findings.note("layout", f"compression level {level}.")
    reach = (low or -_SH_RANGE, high or _SH_RANGE)
    sections = []
    offset = _HEADER_BYTES + most * _SECTION_BYTES
    for number in range(most):
        section = _read_section(data, name, number, level, offset)
        if section.count:
            sections.append(section)
        offset = section.end
    total = sum(section.count for section in sections)
    if total == 0 or total != count:
        raise FormatError(f"{name}: the header promises {count} Gaussians, its sections hold {total}.")
    bases = max((section.degree + 1) ** 2 for section in sections)
    fields = (
        np.empty((total, 3), np.float32),
        np.empty((total, 4), np.float32),
        np.empty((total, 3), np.float32),
        np.empty(total, np.float32),
        np.zeros((total, bases, 3), np.float32),
    )
    start = 0
    for section in sections:
        rows = slice(start, start + section.count)
        _unpack(data, name, section, level, reach, [values[rows] for values in fields])
        start += section.count
    return checked_gaussians(name, *fields, drop_invalid)


def _record(level: int, degree: int) -> np.dtype:
    real, place = ("<f4", "<f4") if level == 0 else ("<f2", "<u2")
    fields: list[tuple] = [("means", place, 3), ("scales", real, 3), ("quats", real, 4), ("rgba", "u1", 4)]
    if degree:
        fields.append(("rest", "u1" if level == 2 else real, _REST_VALUES[degree]))
    return np.dtype(fields)


def _by_band(rest: np.ndarray, degree: int) -> np.ndarray:  # [N, K - 1, 3] -> [N, 3 (K' - 1)]
    bands = [rest[:, d * d - 1 : (d + 1) ** 2 - 1] for d in range(1, degree + 1)]
    return np.concatenate([band.transpose(0, 2, 1).reshape(len(rest), -1) for band in bands], axis=1)


def _from_bands(values: np.ndarray, degree: int) -> np.ndarray:  # [N, 3 (K - 1)] -> [N, K - 1, 3]
    bands, start = [], 0
    for d in range(1, degree + 1):
        width = 3 * (2 * d + 1)
        bands.append(values[:, start : start + width].reshape(len(values), 3, -1).transpose(0, 2, 1))
        start += width
    return np.concatenate(bands, axis=1) if bands else np.empty((len(values), 0, 3), np.float32)


@dataclass(frozen=True)
class _Section:
    """Where a section's parts lie."""

    count: int
    degree: int
    bucket_size: int
    buckets: int
    side: float
    scale_range: int
    full: int
    partial: int
    start: int
    records: int
    end: int


def _read_section(data: memoryview, name: str, number: int, level: int, start: int) -> _Section:
    count, most, bucket_size, buckets, side, bucket_bytes, scale_range, _, full, partial, degree = (
        _SECTION.unpack_from(data, _HEADER_BYTES + number * _SECTION_BYTES)
    )
    if degree >= len(_REST_VALUES) or count > most:
        raise FormatError(
            f"{name}: section {number} is damaged: degree {degree}, {count} of {most} Gaussians."
        )
    records = start + 4 * partial + bucket_bytes * buckets
    end = records + most * _record(level, degree).itemsize
    if records + count * _record(level, degree).itemsize > len(data):
        raise FormatError(
            f"{name}: is truncated: section {number} promises {count} Gaussians up to byte {end}; "
            f"got {len(data)}."
        )
    if level > 0 and count and (bucket_bytes != 12 or full + partial > buckets):
        raise FormatError(f"{name}: section {number} is damaged: {full} + {partial} of {buckets} buckets.")
    return _Section(
        count, degree, bucket_size, buckets, side, scale_range or 32767, full, partial, start, records, end
    )


def _unpack(
    data: memoryview,
    name: str,
    section: _Section,
    level: int,
    reach: tuple[float, float],
    targets: list[np.ndarray],
) -> None:
    """Fill the rows of a section, some at a time."""
    whole = np.frombuffer(data, _record(level, section.degree), section.count, section.records)
    bucket_of = _Buckets(data, name, section) if level > 0 else None
    for start in range(0, section.count, _CHUNK):
        means, quats, scales, opacities, sh = (values[start : start + _CHUNK] for values in targets)
        records = whole[start : start + _CHUNK]
        with np.errstate(over="ignore", invalid="ignore"):  # such values are refused later
            means[:] = records["means"]
            if bucket_of is not None:
                step = np.float32(section.side / 2 / section.scale_range)
                means[:] = (means - np.float32(section.scale_range)) * step
                means += bucket_of.centers(start, len(means))
        quats[:], scales[:] = records["quats"], records["scales"]
        rgba = records["rgba"].astype(np.float32) / 255
        opacities[:] = rgba[:, 3]
        sh[:, 0] = (rgba[:, :3] - 0.5) / np.float32(SH_C0)
        if section.degree:
            rest = records["rest"].astype(np.float32)
            if level == 2:
                rest = np.float32(reach[0]) + rest * np.float32((reach[1] - reach[0]) / 255)
            sh[:, 1 : (section.degree + 1) ** 2] = _from_bands(rest, section.degree)


class _Buckets:
    """Which bucket each Gaussian lies in: full buckets first, then the others by their own sizes."""

    def __init__(self, data: memoryview, name: str, section: _Section) -> None:
        places = np.frombuffer(data, "<f4", 3 * section.buckets, section.start + 4 * section.partial)
        sizes = np.frombuffer(data, "<u4", section.partial, section.start).astype(np.int64)
        held = section.full * section.bucket_size + int(sizes.sum())
        if held < section.count:
            raise FormatError(f"{name}: its buckets hold {held} of {section.count} Gaussians.")
        self.ends = np.cumsum(np.concatenate([np.full(section.full, section.bucket_size), sizes]))
        self.middles = places.reshape(-1, 3)

    def centers(self, start: int, count: int) -> np.ndarray:  # [count, 3]
        """Return the middle of the bucket of some Gaussians."""
        return self.middles[np.searchsorted(self.ends, np.arange(start, start + count), side="right")]
