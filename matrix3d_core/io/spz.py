"""SPZ: Gaussians in about a tenth of a PLY's size, with bounded loss.

Written as version 3 (gzip), which the host, Spark and other readers take, or version 4 (zstd streams that
unpack in parallel); versions 1 to 4 are read. Per attribute, one block for all Gaussians: positions (24-bit
fixed point), alphas (8 bits), colors (8 bits), scales (8 bits of a logarithm), rotations (three 10-bit
components, the largest left out), SH (8 bits, of which degree 1 keeps 5 and higher degrees 4).

Axes are written as they are, OpenCV (x right, y down, z forward), as the host and splat-transform do; the
format's own default is OpenGL's. A tag says which ones a file has: the extension SPZ_ADOBE_coordinate_system.

Source: Niantic, SPZ file format (README of github.com/nianticlabs/spz and its extensions), versions 1 to 4;
RFC 1951 and 1952 (one gzip member may be made of blocks that were packed separately).
"""

from __future__ import annotations

import math
import struct
import zlib
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..errors import BackendUnavailable, FormatError, InvalidInput
from ..scene.gaussians import Gaussians
from .atomic import BinarySource, BinaryTarget, open_atomically, read_source
from .columns import checked_gaussians
from .findings import Findings, damage_as_format_error
from .limits import check_gaussians
from .ply_dialects import note_antialiased
from .threads import in_threads

__all__ = ["TAGGED_AXES", "read_spz", "write_spz"]

TAGGED_AXES = (
    "LDB",
    "RDB",
    "LUB",
    "RUB",
    "LDF",
    "RDF",
    "LUF",
    "RUF",
    "LFD",
    "RFD",
    "LFU",
    "RFU",
    "LBD",
    "RBD",
    "LBU",
    "RBU",
)
"""Axes that the tag can name, in the order of their numbers from 1."""

_MAGIC = 0x5053474E  # "NGSP"
_HEADER = struct.Struct("<IIIBBBB")  # magic, version, count, SH degree, fractional bits, flags, reserved
_HEADER_4 = struct.Struct("<IIIBBBBI12x")  # the same up to flags, then streams, offset of their table
_TAG = struct.Struct("<III")  # kind, bytes that follow, axes
_AXES_KIND = 0xADBE0003
_IS_ANTIALIASED, _HAS_EXTENSIONS = 1, 2  # flags
_HIGHEST_DEGREE, _KEPT_DEGREE = 4, 3
_MOST_EXTENSION_BYTES = 1 << 20
_FRACTIONAL_BITS = 12  # 0.24 mm steps over +-2 km; fewer when the world is larger
_COLOR_SCALE = 0.15
_COMPONENT_MAX = 511
_MOST_GAUSSIANS = 1 << 28
_MOST_RATIO = 1032  # deflate cannot compress further, so a larger claim is false
_CHUNK = 1 << 15  # Gaussians at a time
_PIECE = 1 << 20  # bytes that are deflated at a time
_WINDOW = 1 << 15
_SAMPLE = 1 << 16


def write_spz(
    target: BinaryTarget,
    gaussians: Gaussians,
    *,
    version: int = 3,
    axes: str | None = None,
    sh_bits: tuple[int, int] = (5, 4),
    level: int = 6,
) -> None:
    """Write Gaussians as SPZ; a path appears only when the file is complete.

    Steps: positions ``2 ** -12`` (coarser beyond 2047 units, by powers of two), opacity 1/255,
    color ``1 / (0.15 * 255)`` of an SH coefficient, scale a factor ``exp(1 / 16)``, rotation
    components ``sqrt(0.5) / 511``. Values outside the range are clamped: scales to
    [4.5e-5, 379], SH above degree 0 to [-1, 1). The same input gives the same bytes.

    Args:
        target: path (its folder must exist) or binary file open for writing.
        gaussians: at least one, all values finite.
        version: 3 or 4; 4 needs the package ``zstandard`` and newer readers.
        axes: axes that the values have, one of `TAGGED_AXES`, to be written into the file; None writes no tag.
            Readers that know the tag convert the world to their own axes.
        sh_bits: bits kept of degree 1 and of higher degrees, 1 to 8; fewer compress better.
        level: effort of gzip or zstd, 1 to 9.

    Raises:
        InvalidInput: when the set is empty, a value is NaN or infinite, a position is beyond 4 million
            units, or a setting is out of range.
        BackendUnavailable: for version 4 when the package ``zstandard`` is not installed.
    """
    if not 1 <= len(gaussians) < _MOST_GAUSSIANS:
        raise InvalidInput(f"gaussians must hold 1 to {_MOST_GAUSSIANS - 1} Gaussians; got {len(gaussians)}.")
    if not all(1 <= bits <= 8 for bits in sh_bits) or not 1 <= level <= 9 or version not in (3, 4):
        raise InvalidInput(
            f"sh_bits must be 1 to 8, level 1 to 9 and version 3 or 4; got {sh_bits}, {level} and {version}."
        )
    if axes is not None and axes not in TAGGED_AXES:
        raise InvalidInput(
            f"axes of an SPZ must be one of {', '.join(TAGGED_AXES)}; got {axes!r}. Turn the world first."
        )
    gaussians.check_finite()
    columns = [t.detach().cpu().float().contiguous().numpy() for t in gaussians.tensors()]
    count, bases = columns[4].shape[:2]
    bits = _fractional_bits(float(np.abs(columns[0]).max()))
    sizes = _block_sizes(version, count, math.isqrt(bases) - 1)
    body = np.empty(sum(sizes), np.uint8)
    blocks = np.split(body, np.cumsum(sizes)[:-1])

    def pack(rows: slice) -> None:
        parts = _pack_rows([values[rows] for values in columns], bits, sh_bits)
        for block, part in zip(blocks, parts, strict=True):
            bytes_each = len(block) // count
            block[rows.start * bytes_each : rows.start * bytes_each + part.size] = part.reshape(-1)

    in_threads(pack, (slice(i, min(i + _CHUNK, count)) for i in range(0, count, _CHUNK)))
    tag = b"" if axes is None else _TAG.pack(_AXES_KIND, 4, TAGGED_AXES.index(axes) + 1)
    header = (_MAGIC, version, count, math.isqrt(bases) - 1, bits, _HAS_EXTENSIONS if tag else 0)
    if version == 3:
        pieces = _gzip([_HEADER.pack(*header, 0), body.data, tag], level)
    else:
        pieces = _zstd_streams(header, blocks, tag, level)
    with open_atomically(target) as file:
        for piece in pieces:
            file.write(piece)


def read_spz(
    source: BinarySource,
    *,
    drop_invalid: bool = False,
    most: int | None = None,
    findings: Findings | None = None,
) -> Gaussians:
    """Read an SPZ file of version 1 to 4, SH degree 0 to 4. Axes are left as they are.

    Of degree 4 the last band is dropped.

    Args:
        source: path, or binary file open for reading.
        drop_invalid: leave out Gaussians with NaN or infinite values instead of refusing the file.
        most: Gaussians that the file may hold; None takes what is usual for its size.
        findings: receives the axes that the file states, and other notes.

    Raises:
        FormatError: when the file is no SPZ, is damaged or truncated, claims more than it can hold or than is read,
            or is of a newer version or a higher SH degree.
        BackendUnavailable: for version 4 when the package ``zstandard`` is not installed.
    """
    data, name = read_source(source)
    with damage_as_format_error(name):
        return _read(data, name, drop_invalid, most, findings or Findings())


def _read(data: bytes, name: str, drop_invalid: bool, most: int | None, findings: Findings) -> Gaussians:
    if data[:2] == b"\x1f\x8b":
        packed = _unpack_gzip(data, name, most)
    elif data[:4] == struct.pack("<I", _MAGIC):
        packed = _unpack_streams(data, name, most)
    else:
        raise FormatError(f"{name}: begins with {data[:4]!r}, neither gzip nor 'NGSP'; is this an SPZ file?")
    findings.axes = packed.axes
    note_antialiased(bool(packed.flags & _IS_ANTIALIASED), findings)
    count, blocks = packed.count, packed.blocks
    stored_bases = 1 + len(blocks[5]) // (3 * count)
    bases = min(stored_bases, (_KEPT_DEGREE + 1) ** 2)
    if bases < stored_bases:
        findings.note("sh_degree", "degree 4 in the file; the last band is dropped.")
    fields = (
        np.empty((count, 3), np.float32),
        np.empty((count, 4), np.float32),
        np.empty((count, 3), np.float32),
        np.empty(count, np.float32),
        np.empty((count, bases, 3), np.float32),
    )

    def unpack(rows: slice) -> None:
        means, quats, scales, opacities, sh = (values[rows] for values in fields)
        positions, alphas, colors, sizes, rotations, rest = (
            block.reshape(count, -1)[rows] for block in blocks
        )
        means[...] = _unpack_positions(positions, packed)
        quats[...] = _unpack_rotations(rotations, packed)
        scales[...] = _SCALE_OF_BYTE[sizes]
        opacities[...] = alphas[:, 0]
        opacities /= 255
        sh[:, 0] = _COLOR_OF_BYTE[colors]
        if bases > 1:
            np.subtract(rest.reshape(len(rest), -1, 3)[:, : bases - 1], np.float32(128), out=sh[:, 1:])
            sh[:, 1:] /= 128

    in_threads(unpack, (slice(i, min(i + _CHUNK, count)) for i in range(0, count, _CHUNK)))
    return checked_gaussians(name, *fields, drop_invalid)


_SCALE_OF_BYTE = np.exp(np.arange(256) / 16 - 10).astype(np.float32)
_COLOR_OF_BYTE = ((np.arange(256) / 255 - 0.5) / _COLOR_SCALE).astype(np.float32)


# Writing -------------------------------------------------------------------------------------------


def _fractional_bits(largest: float) -> int:
    for bits in range(_FRACTIONAL_BITS, 0, -1):
        if largest * (1 << bits) <= (1 << 23) - 1:
            return bits
    raise InvalidInput(
        f"positions must lie within 4 million units to fit SPZ; got {largest:.3g}. Write PLY instead."
    )


def _pack_rows(columns: list[np.ndarray], bits: int, sh_bits: tuple[int, int]) -> list[np.ndarray]:
    """Return the six blocks of some Gaussians, each a contiguous array of bytes."""
    means, quats, scales, opacities, sh = columns
    # A power of two changes only the exponent of a float, so nothing is lost before the rounding.
    fixed = np.rint(means * np.float32(1 << bits)).astype("<i4")
    return [
        np.ascontiguousarray(fixed.view(np.uint8).reshape(-1, 3, 4)[..., :3]),
        _to_byte(opacities * np.float32(255)),
        _to_byte(sh[:, 0] * np.float32(_COLOR_SCALE * 255) + np.float32(127.5)),
        _to_byte((np.log(np.maximum(scales, np.float32(1e-9))) + 10) * 16),
        _pack_rotations(quats).view(np.uint8),
        _pack_sh(sh[:, 1:], sh_bits),
    ]


def _to_byte(values: np.ndarray) -> np.ndarray:
    result: np.ndarray = np.rint(values).clip(0, 255).astype(np.uint8)
    return result


def _pack_rotations(quats_wxyz: np.ndarray) -> np.ndarray:  # [N] uint32
    quats = np.ascontiguousarray(quats_wxyz.T)[[1, 2, 3, 0]]  # xyzw, one row per component
    norms = np.sqrt((quats * quats).sum(axis=0))
    quats[3, norms == 0] = 1
    quats /= np.where(norms > 0, norms, 1)
    magnitudes = np.abs(quats)
    largest = magnitudes.argmax(axis=0)
    left_out = np.take_along_axis(quats, largest[None], axis=0)[0]  # is read back as positive
    fields = np.rint(magnitudes * np.float32(_COMPONENT_MAX * math.sqrt(2))).astype(np.uint32)
    np.minimum(fields, _COMPONENT_MAX, out=fields)
    fields |= ((quats < 0) != (left_out < 0)).astype(np.uint32) << 9
    packed = largest.astype(np.uint32)
    for component in range(4):
        packed = np.where(component == largest, packed, (packed << 10) | fields[component])
    result: np.ndarray = packed.astype("<u4")
    return result


def _pack_sh(rest: np.ndarray, sh_bits: tuple[int, int]) -> np.ndarray:  # [N, K - 1, 3] uint8
    steps = np.full((1, rest.shape[1], 1), 1 << (8 - sh_bits[1]), np.float32)
    steps[:, :3] = 1 << (8 - sh_bits[0])
    return (np.rint(rest * (128 / steps)) * steps + 128).clip(0, 255).astype(np.uint8)


def _gzip(parts: list[bytes | memoryview], level: int) -> list[bytes]:
    """Pack into one gzip member, pieces in parallel, each primed with the window of the previous one."""
    whole = np.concatenate([np.frombuffer(part, np.uint8) for part in parts])

    def deflate(start: int) -> bytes:
        piece = whole[start : start + _PIECE]
        window = whole[max(0, start - _WINDOW) : start].tobytes()
        options = (level, zlib.DEFLATED, -zlib.MAX_WBITS, 8, _strategy(piece, level))
        packer = zlib.compressobj(*options, window) if window else zlib.compressobj(*options)
        is_last = start + _PIECE >= len(whole)
        packed = packer.compress(piece.data)
        return packed + packer.flush(zlib.Z_FINISH if is_last else zlib.Z_SYNC_FLUSH)

    head = b"\x1f\x8b\x08" + bytes(6) + b"\xff"  # deflate, no name, no time, unknown system
    pieces = in_threads(deflate, range(0, len(whole), _PIECE))
    return [head, *pieces, struct.pack("<II", zlib.crc32(whole.data), len(whole) & 0xFFFFFFFF)]


def _strategy(piece: np.ndarray, level: int) -> int:
    """Return whether to search for repeats: not where a sample shows savings below a sixteenth.

    Quantized positions, rotations and colors seldom repeat; without the search they pack six times as fast.
    """
    middle = max(0, len(piece) - _SAMPLE) // 2
    sample = piece[middle : middle + _SAMPLE].tobytes()
    plain, searched = (
        len(packer.compress(sample) + packer.flush())
        for packer in (
            zlib.compressobj(level, zlib.DEFLATED, -zlib.MAX_WBITS, 8, strategy)
            for strategy in (zlib.Z_HUFFMAN_ONLY, zlib.Z_DEFAULT_STRATEGY)
        )
    )
    return zlib.Z_HUFFMAN_ONLY if searched > plain * 15 / 16 else zlib.Z_DEFAULT_STRATEGY


def _zstd_streams(header: tuple[int, ...], blocks: list[np.ndarray], tag: bytes, level: int) -> list[bytes]:
    zstandard = _zstandard("SPZ version 4")
    filled = [block for block in blocks if block.size]  # empty blocks have no stream

    def compress(block: np.ndarray) -> bytes:
        result: bytes = zstandard.ZstdCompressor(level=level, write_checksum=True).compress(block.data)
        return result

    streams = in_threads(compress, filled)
    start = _HEADER_4.pack(*header, len(filled), _HEADER_4.size + len(tag))
    table = b"".join(struct.pack("<QQ", len(s), b.size) for s, b in zip(streams, filled, strict=True))
    return [start, tag, table, *streams]


def _zstandard(what: str) -> Any:
    try:
        import zstandard
    except ImportError as error:
        raise BackendUnavailable(
            f"{what} needs the package 'zstandard'; install it with pip, or save as version 3."
        ) from error
    return zstandard


# Reading -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Packed:
    """A file's header and its six blocks as bytes."""

    version: int
    count: int
    fractional_bits: int
    blocks: list[np.ndarray] = field(repr=False)
    axes: str | None = None
    flags: int = 0


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
    if degree > _HIGHEST_DEGREE:
        raise FormatError(
            f"{name}: SH degree must be 0 to {_HIGHEST_DEGREE}; got {degree}. Reduce it with the tool that wrote it."
        )
    if not 0 <= bits <= 23:
        raise FormatError(f"{name}: fractional bits must be 0 to 23; got {bits}. The file is damaged.")
    if not 1 <= count < _MOST_GAUSSIANS:
        raise FormatError(f"{name}: must hold 1 to {_MOST_GAUSSIANS - 1} Gaussians; the header says {count}.")


def _check_promise(name: str, count: int, unpacked: int, size: int, most: int | None) -> None:
    if unpacked > size * _MOST_RATIO:
        raise FormatError(f"{name}: the header promises {count} Gaussians, more than {size} bytes can hold.")
    check_gaussians(name, count, size, most)


def _unpack_gzip(data: bytes, name: str, most: int | None) -> _Packed:
    stream = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
    try:
        header = stream.decompress(data, _HEADER.size)
        if len(header) < _HEADER.size:
            raise FormatError(f"{name}: is truncated: {len(header)} of {_HEADER.size} header bytes.")
        magic, version, count, degree, bits, flags, _ = _HEADER.unpack(header)
        if magic != _MAGIC:
            raise FormatError(f"{name}: unpacks to {header[:4]!r}, not 'NGSP'; is this an SPZ file?")
        _check_header(name, version, range(1, 4), count, degree, bits)
        sizes = _block_sizes(version, count, degree)
        _check_promise(name, count, sum(sizes), len(data), most)
        body = stream.decompress(stream.unconsumed_tail, sum(sizes))
        is_short = len(body) < sum(sizes)
        after = b"" if is_short else stream.decompress(stream.unconsumed_tail, _MOST_EXTENSION_BYTES)
    except zlib.error as error:
        raise FormatError(f"{name}: cannot be unpacked ({error}); it is damaged or truncated.") from error
    if is_short:
        raise FormatError(
            f"{name}: is truncated: {count} Gaussians need {sum(sizes)} bytes; got {len(body)}."
        )
    if not stream.eof and len(after) < _MOST_EXTENSION_BYTES:
        raise FormatError(f"{name}: ends before its check sum; it is damaged or truncated.")
    blocks = np.split(np.frombuffer(body, np.uint8), np.cumsum(sizes)[:-1])
    axes = _tagged_axes(after, name) if flags & _HAS_EXTENSIONS else None
    return _Packed(version, count, bits, blocks, axes, flags)


def _unpack_streams(data: bytes, name: str, most: int | None) -> _Packed:
    zstandard = _zstandard(f"{name}: SPZ version 4")
    if len(data) < _HEADER_4.size:
        raise FormatError(f"{name}: is truncated: {len(data)} of {_HEADER_4.size} header bytes.")
    _, version, count, degree, bits, flags, streams, table = _HEADER_4.unpack_from(data)
    _check_header(name, version, range(4, 5), count, degree, bits)
    sizes = _block_sizes(version, count, degree)
    _check_promise(name, count, sum(sizes), len(data), most)
    filled = [i for i, size in enumerate(sizes) if size]  # empty blocks have no stream
    offset = table + 16 * streams
    if streams != len(filled) or not _HEADER_4.size <= table or offset > len(data):
        raise FormatError(f"{name}: its table of {streams} streams at byte {table} does not fit the header.")
    chunks: list[bytes] = []
    for number, index in enumerate(filled):
        packed_size, size = struct.unpack_from("<QQ", data, table + 16 * number)
        chunk = data[offset : offset + packed_size]
        offset += packed_size
        if size != sizes[index] or len(chunk) != packed_size:
            raise FormatError(
                f"{name}: stream {number} is truncated or of a wrong size ({size}, not {sizes[index]})."
            )
        try:
            promised = zstandard.frame_content_size(chunk)
        except zstandard.ZstdError as error:
            raise FormatError(
                f"{name}: stream {number} cannot be unpacked ({error}); it is damaged."
            ) from error
        if promised not in (size, -1):
            raise FormatError(f"{name}: stream {number} holds {promised} bytes instead of {size}.")
        chunks.append(chunk)

    def unpack(job: tuple[int, bytes]) -> np.ndarray:
        number, chunk = job
        size = sizes[filled[number]]
        try:
            content = zstandard.ZstdDecompressor().decompress(chunk, max_output_size=size)
        except zstandard.ZstdError as error:
            raise FormatError(
                f"{name}: stream {number} cannot be unpacked ({error}); it is damaged."
            ) from error
        if len(content) != size:
            raise FormatError(f"{name}: stream {number} holds {len(content)} bytes instead of {size}.")
        return np.frombuffer(content, np.uint8)

    blocks = [np.empty(0, np.uint8)] * len(sizes)
    for index, block in zip(filled, in_threads(unpack, enumerate(chunks)), strict=True):
        blocks[index] = block
    axes = _tagged_axes(data[_HEADER_4.size : table], name) if flags & _HAS_EXTENSIONS else None
    return _Packed(version, count, bits, blocks, axes, flags)


def _tagged_axes(records: bytes, name: str) -> str | None:
    """Find the axes among the extensions; others are skipped."""
    offset = 0
    while offset + 8 <= len(records):
        kind, size = struct.unpack_from("<II", records, offset)
        if offset + 8 + size > len(records):
            raise FormatError(f"{name}: extension {kind:#x} is truncated; the file is damaged.")
        if kind == _AXES_KIND:
            number = int.from_bytes(records[offset + 8 : offset + 8 + size], "little")
            if size != 4 or number > len(TAGGED_AXES):
                raise FormatError(
                    f"{name}: names axes number {number}, which do not exist; the file is damaged."
                )
            return TAGGED_AXES[number - 1] if number else None
        offset += 8 + size
    return None


def _unpack_positions(block: np.ndarray, packed: _Packed) -> np.ndarray:  # [N, 3] float32
    if packed.version == 1:
        return np.ascontiguousarray(block).view("<f2").astype(np.float32)
    padded = np.zeros((len(block), 3, 4), np.uint8)
    padded[..., 1:] = block.reshape(-1, 3, 3)  # in the upper bytes, so that the shift brings the sign along
    fixed = padded.view("<i4")[..., 0] >> 8
    return fixed.astype(np.float32) * np.float32(2.0**-packed.fractional_bits)  # 24 bits: exact


def _unpack_rotations(block: np.ndarray, packed: _Packed) -> np.ndarray:  # [N, 4] float32 wxyz
    quats = np.empty((len(block), 4), np.float32)
    if packed.version < 3:
        quats[:, 1:] = block.astype(np.float32) / np.float32(127.5) - 1
        quats[:, 0] = np.sqrt((1 - (quats[:, 1:] ** 2).sum(axis=1)).clip(min=0))
        return quats
    words = np.ascontiguousarray(block).view("<u4")[:, 0].astype(np.uint32)
    largest = words >> 30
    left_out = np.ones(len(words), np.float32)
    columns = {}
    for component in (3, 2, 1, 0):
        value = _COMPONENT_OF_FIELD[words & 1023]
        is_left_out = component == largest
        value[is_left_out] = 0
        words = np.where(is_left_out, words, words >> 10)
        left_out -= value * value
        columns[component] = value
    left_out = np.sqrt(left_out.clip(min=0))
    for component in range(4):
        quats[:, (component + 1) % 4] = np.where(component == largest, left_out, columns[component])
    return quats


_COMPONENT_OF_FIELD = (
    (np.arange(1024) & _COMPONENT_MAX)
    / (_COMPONENT_MAX * math.sqrt(2))
    * np.where(np.arange(1024) >> 9, -1, 1)
).astype(np.float32)
