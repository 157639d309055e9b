"""SPZ: Gaussians in about a tenth of a PLY's size, with bounded loss.

Written as version 3 (gzip), which the host, Spark and other readers take; versions 1 to 3 and the
zstd container of version 4 are read. Per attribute, one block for all Gaussians: positions (24-bit fixed
point), alphas (8 bits), colours (8 bits), scales (8 bits of a logarithm), rotations (three 10-bit
components, the largest left out), SH (8 bits, of which degree 1 keeps 5 and higher degrees 4).

Axes are written as they are, OpenCV (x right, y down, z forward), as the host does; the format's own
default is OpenGL's, see `matrix3d_core.io.axes`.

Source: Niantic, SPZ file format (README of github.com/nianticlabs/spz), versions 1 to 4.
"""

from __future__ import annotations

import gzip
import io
import math
import struct
import zlib
from dataclasses import dataclass

import numpy as np

from ..errors import BackendUnavailable, FormatError, InvalidInput
from ..scene.gaussians import Gaussians
from .atomic import BinarySource, BinaryTarget, open_atomically, read_source
from .ply import checked_gaussians

__all__ = ["read_spz", "write_spz"]

_MAGIC = 0x5053474E  # "NGSP"
_HEADER = struct.Struct("<IIIBBBB")  # magic, version, count, SH degree, fractional bits, flags, reserved
_HEADER_4 = struct.Struct("<IIIBBBBI12x")  # the same up to flags, then streams, offset of their table
_VERSION = 3
_FRACTIONAL_BITS = 12  # 0.24 mm steps over +-2 km; fewer when the world is larger
_COLOUR_SCALE = 0.15
_COMPONENT_MAX = 511
_MOST_GAUSSIANS = 1 << 28
_DEFLATE_RATIO = 1032  # deflate cannot shrink further, so a larger promise is a lie


def write_spz(
    target: BinaryTarget, gaussians: Gaussians, *, sh_bits: tuple[int, int] = (5, 4), level: int = 6
) -> None:
    """Write Gaussians as SPZ version 3; a path appears only when the file is complete.

    Steps: positions ``2 ** -12`` (coarser beyond 2047 units, by powers of two), opacity 1/255,
    colour ``1 / (0.15 * 255)`` of an SH coefficient, scale a factor ``exp(1 / 16)``, rotation
    components ``sqrt(0.5) / 511``. Values outside the range are clamped: scales to
    [4.5e-5, 379], SH above degree 0 to [-1, 1).

    Args:
        target: path (its folder must exist) or binary file open for writing.
        gaussians: at least one, all values finite.
        sh_bits: bits kept of degree 1 and of higher degrees, 1 to 8; fewer compress better.
        level: gzip effort, 1 to 9.

    Raises:
        InvalidInput: when the set is empty, a value is NaN or infinite, a position is beyond 4 million
            units, or a setting is out of range.
    """
    if not 1 <= len(gaussians) < _MOST_GAUSSIANS:
        raise InvalidInput(f"gaussians must hold 1 to {_MOST_GAUSSIANS - 1} Gaussians; got {len(gaussians)}.")
    if not all(1 <= bits <= 8 for bits in sh_bits) or not 1 <= level <= 9:
        raise InvalidInput(f"sh_bits must be 1 to 8 and level 1 to 9; got {sh_bits} and {level}.")
    gaussians.check_finite()
    means, quats, scales, opacities, sh = (t.detach().cpu().float().numpy() for t in gaussians.tensors())
    fractional_bits = _fractional_bits(float(np.abs(means).max()))
    degree = math.isqrt(sh.shape[1]) - 1
    header = _HEADER.pack(_MAGIC, _VERSION, len(means), degree, fractional_bits, 0, 0)
    blocks = (
        _pack_positions(means, fractional_bits),
        _to_byte(opacities * 255),
        _to_byte(sh[:, 0] * (_COLOUR_SCALE * 255) + 127.5),
        _to_byte((np.log(scales.clip(min=1e-9)) + 10) * 16),
        _pack_rotations(quats),
        _pack_sh(sh[:, 1:], sh_bits),
    )
    with (
        open_atomically(target) as file,
        gzip.GzipFile(filename="", mode="wb", fileobj=file, compresslevel=level, mtime=0) as packed,
    ):
        packed.write(header)
        for block in blocks:
            packed.write(block.tobytes())


def read_spz(source: BinarySource, *, drop_invalid: bool = False) -> Gaussians:
    """Read an SPZ file of version 1 to 4, SH degree 0 to 3. Axes are left as they are.

    Args:
        source: path, or binary file open for reading.
        drop_invalid: leave out Gaussians with NaN or infinite values instead of refusing the file.

    Raises:
        FormatError: when the file is no SPZ, is damaged or cut short, promises more than it can hold,
            or is of a newer version or a higher SH degree.
        BackendUnavailable: for version 4 when the package ``zstandard`` is not installed.
    """
    data, name = read_source(source)
    if data[:2] == b"\x1f\x8b":
        packed = _unpack_gzip(data, name)
    elif data[:4] == struct.pack("<I", _MAGIC):
        packed = _unpack_streams(data, name)
    else:
        raise FormatError(f"{name}: begins with {data[:4]!r}, neither gzip nor 'NGSP'; is this an SPZ file?")
    count, blocks = packed.count, packed.blocks
    colours = (blocks[2].reshape(count, 1, 3).astype(np.float32) / 255 - 0.5) / _COLOUR_SCALE
    rest = (blocks[5].reshape(count, -1, 3).astype(np.float32) - 128) / 128
    return checked_gaussians(
        name,
        _unpack_positions(blocks[0], packed),
        _unpack_rotations(blocks[4], packed),
        np.exp(blocks[3].reshape(count, 3).astype(np.float32) / 16 - 10),
        blocks[1].astype(np.float32) / 255,
        np.concatenate([colours, rest], axis=1),
        drop_invalid,
    )


# Writing -------------------------------------------------------------------------------------------


def _fractional_bits(largest: float) -> int:
    for bits in range(_FRACTIONAL_BITS, 0, -1):
        if largest * (1 << bits) <= (1 << 23) - 1:
            return bits
    raise InvalidInput(
        f"positions must lie within 4 million units to fit SPZ; got {largest:.3g}. Write PLY instead."
    )


def _to_byte(values: np.ndarray) -> np.ndarray:
    return np.rint(values).clip(0, 255).astype(np.uint8)


def _pack_positions(means: np.ndarray, fractional_bits: int) -> np.ndarray:  # [N, 9] uint8
    fixed = np.rint(means.astype(np.float64) * (1 << fractional_bits)).astype("<i4")
    return np.ascontiguousarray(fixed).view(np.uint8).reshape(-1, 3, 4)[..., :3]


def _pack_rotations(quats_wxyz: np.ndarray) -> np.ndarray:  # [N] uint32
    quats = quats_wxyz[:, [1, 2, 3, 0]].astype(np.float64)
    norms = np.linalg.norm(quats, axis=1, keepdims=True)
    quats = np.where(norms > 0, quats / np.where(norms > 0, norms, 1), [0, 0, 0, 1])
    largest = np.abs(quats).argmax(axis=1)
    is_negative = np.take_along_axis(quats, largest[:, None], axis=1) < 0
    quats = np.where(is_negative, -quats, quats)  # the one left out is read back as positive
    magnitude = np.rint(np.abs(quats) * (_COMPONENT_MAX * math.sqrt(2))).clip(0, _COMPONENT_MAX)
    fields = magnitude.astype(np.uint32) | ((quats < 0).astype(np.uint32) << 9)
    packed = largest.astype(np.uint32)
    for component in range(4):
        packed = np.where(component == largest, packed, (packed << 10) | fields[:, component])
    return packed.astype("<u4")


def _pack_sh(rest: np.ndarray, sh_bits: tuple[int, int]) -> np.ndarray:  # [N, K - 1, 3] uint8
    steps = np.full((1, rest.shape[1], 1), 1 << (8 - sh_bits[1]))
    steps[:, :3] = 1 << (8 - sh_bits[0])
    return (np.rint(rest * 128 / steps) * steps + 128).clip(0, 255).astype(np.uint8)


# Reading -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Packed:
    """A file's header and its six blocks as bytes."""

    version: int
    count: int
    fractional_bits: int
    blocks: list[np.ndarray]


def _block_sizes(version: int, count: int, degree: int) -> list[int]:
    position = 6 if version == 1 else 9
    rotation = 4 if version >= 3 else 3
    return [
        position * count,
        count,
        3 * count,
        3 * count,
        rotation * count,
        3 * ((degree + 1) ** 2 - 1) * count,
    ]


def _check_header(name: str, version: int, versions: range, count: int, degree: int, bits: int) -> None:
    if version not in versions:
        raise FormatError(f"{name}: SPZ version must be 1 to 4; got {version} in this container.")
    if degree > 3:
        raise FormatError(
            f"{name}: SH degree must be 0 to 3; got {degree}. Reduce it with the tool that wrote it."
        )
    if not 0 <= bits <= 23:
        raise FormatError(f"{name}: fractional bits must be 0 to 23; got {bits}. The file is damaged.")
    if not 1 <= count < _MOST_GAUSSIANS:
        raise FormatError(f"{name}: must hold 1 to {_MOST_GAUSSIANS - 1} Gaussians; the header says {count}.")


def _unpack_gzip(data: bytes, name: str) -> _Packed:
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as stream:
            header = stream.read(_HEADER.size)
            if len(header) < _HEADER.size:
                raise FormatError(f"{name}: is cut short: {len(header)} of {_HEADER.size} header bytes.")
            magic, version, count, degree, bits, _, _ = _HEADER.unpack(header)
            if magic != _MAGIC:
                raise FormatError(f"{name}: unpacks to {header[:4]!r}, not 'NGSP'; is this an SPZ file?")
            _check_header(name, version, range(1, 4), count, degree, bits)
            sizes = _block_sizes(version, count, degree)
            if sum(sizes) > len(data) * _DEFLATE_RATIO:
                raise FormatError(
                    f"{name}: the header promises {count} Gaussians, more than {len(data)} bytes can hold."
                )
            body = stream.read(sum(sizes))
    except (EOFError, OSError, zlib.error) as error:
        raise FormatError(f"{name}: cannot be unpacked ({error}); it is damaged or cut short.") from error
    if len(body) < sum(sizes):
        raise FormatError(
            f"{name}: is cut short: {count} Gaussians need {sum(sizes)} bytes; got {len(body)}."
        )
    everything = np.frombuffer(body, np.uint8)
    return _Packed(version, count, bits, np.split(everything, np.cumsum(sizes)[:-1]))


def _unpack_streams(data: bytes, name: str) -> _Packed:
    try:
        import zstandard
    except ImportError as error:
        raise BackendUnavailable(
            f"{name}: SPZ version 4 needs the package 'zstandard'; install it with pip, or save as version 3."
        ) from error
    if len(data) < _HEADER_4.size:
        raise FormatError(f"{name}: is cut short: {len(data)} of {_HEADER_4.size} header bytes.")
    _, version, count, degree, bits, _, streams, table = _HEADER_4.unpack_from(data)
    _check_header(name, version, range(4, 5), count, degree, bits)
    sizes = _block_sizes(version, count, degree)
    filled = [i for i, size in enumerate(sizes) if size]  # empty blocks have no stream
    if streams != len(filled) or not _HEADER_4.size <= table <= len(data) - 16 * streams:
        raise FormatError(f"{name}: its table of {streams} streams at byte {table} does not fit the header.")
    blocks = [np.empty(0, np.uint8)] * len(sizes)
    offset = table + 16 * streams
    for number, index in enumerate(filled):
        packed_size, size = struct.unpack_from("<QQ", data, table + 16 * number)
        chunk = data[offset : offset + packed_size]
        offset += packed_size
        if size != sizes[index] or len(chunk) != packed_size:
            raise FormatError(
                f"{name}: stream {number} is cut short or of a wrong size ({size}, not {sizes[index]})."
            )
        try:
            content = zstandard.ZstdDecompressor().stream_reader(chunk).read(size)
        except zstandard.ZstdError as error:
            raise FormatError(
                f"{name}: stream {number} cannot be unpacked ({error}); it is damaged."
            ) from error
        if len(content) != size:
            raise FormatError(f"{name}: stream {number} holds {len(content)} bytes instead of {size}.")
        blocks[index] = np.frombuffer(content, np.uint8)
    return _Packed(version, count, bits, blocks)


def _unpack_positions(block: np.ndarray, packed: _Packed) -> np.ndarray:  # [N, 3] float32
    if packed.version == 1:
        return block.view("<f2").reshape(-1, 3).astype(np.float32)
    padded = np.zeros((packed.count, 3, 4), np.uint8)
    padded[..., 1:] = block.reshape(-1, 3, 3)  # in the upper bytes, so that the shift brings the sign along
    fixed = padded.view("<i4")[..., 0] >> 8
    return (fixed / (1 << packed.fractional_bits)).astype(np.float32)


def _unpack_rotations(block: np.ndarray, packed: _Packed) -> np.ndarray:  # [N, 4] float32 wxyz
    if packed.version < 3:
        xyz = block.reshape(-1, 3).astype(np.float32) / 127.5 - 1
        w = np.sqrt((1 - (xyz**2).sum(axis=1, keepdims=True)).clip(min=0))
        return np.concatenate([w, xyz], axis=1)
    words = block.view("<u4").astype(np.int64)
    largest = words >> 30
    quats = np.zeros((packed.count, 4), np.float64)  # xyzw
    for component in (3, 2, 1, 0):
        is_stored = component != largest
        magnitude = (words & _COMPONENT_MAX) / (_COMPONENT_MAX * math.sqrt(2))
        value = np.where(words >> 9 & 1, -magnitude, magnitude)
        quats[:, component] = np.where(is_stored, value, 0)
        words = np.where(is_stored, words >> 10, words)
    left_out = np.sqrt((1 - (quats**2).sum(axis=1)).clip(min=0))
    np.put_along_axis(quats, largest[:, None], left_out[:, None], axis=1)
    return quats[:, [3, 0, 1, 2]].astype(np.float32)
