"""TIFF pictures of 16 bits and of floats, which Pillow reduces to 8 bits or does not read."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
from PIL import Image

from ..errors import FormatError
from .limits import MOST_PIXELS, check_budget

__all__ = ["TIFF_MAGIC", "DeepTiff", "deep_tiff"]

TIFF_MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
"""The first four bytes of a TIFF: either byte order, of 32 or 64 bits."""

_TYPES = {
    1: "B",
    2: "B",
    3: "H",
    4: "I",
    7: "B",
    13: "I",
    16: "Q",
}  # BYTE, ASCII, SHORT, LONG, UNDEFINED, IFD, LONG8
_W, _H, _BITS, _PACKING, _MEANING, _SAMPLES, _ROWS, _PLANAR = 256, 257, 258, 259, 262, 277, 278, 284
_ORIENTATION, _PREDICTOR, _EXTRA, _FORMAT, _XMP = 274, 317, 338, 339, 700
_PLAIN, _LZW, _DEFLATE, _PACKBITS, _OLD_DEFLATE, _ZSTD = 1, 5, 8, 32773, 32946, 50000
_PACKINGS = {
    3: "CCITT",
    4: "CCITT",
    6: "JPEG",
    7: "JPEG",
    34676: "LogLuv",
    34677: "LogLuv",
    34712: "JPEG 2000",
    34887: "LERC",
    34925: "LZMA",
    50001: "WebP",
    50002: "JPEG XL",
}
_MEANINGS = {
    3: "a palette",
    5: "CMYK",
    6: "YCbCr",
    8: "Lab",
    32844: "LogL",
    32845: "LogLuv",
    32803: "a sensor's mosaic",
}
_WAY_OUT = "Save it as 16-bit RGB with LZW, Deflate or no compression."
_MOST_SAMPLES, _MOST_TAGS = 16, 4096
_BLOCK_BYTES = 1 << 24


@dataclass(frozen=True)
class DeepTiff:
    """The header of a TIFF picture with more than 8 bits.

    Attributes:
        width: columns as stored.
        height: rows as stored.
        dtype: of one sample, in the file's byte order.
        is_color: whether its samples begin with red, green and blue; else with gray.
        alpha: 0 none, 1 premultiplied, 2 plain; the channel after the colors.
        orientation: 1 to 8, as in EXIF.
        xmp: the XMP packet, if any.
    """

    width: int
    height: int
    dtype: np.dtype
    is_color: bool
    alpha: int
    orientation: int
    xmp: bytes
    file: BinaryIO
    name: str
    tags: dict[int, tuple]

    @property
    def samples(self) -> int:
        """Return the channels of one pixel."""
        return int(self.tags.get(_SAMPLES, (1,))[0])

    def read(self, channels: int = 3) -> tuple[np.ndarray, np.ndarray | None]:
        """Return ``[H, W, channels]`` float32 colors as a viewer turns them, and ``[H, W]`` alpha, if any.

        Integers are divided by their largest value, floats as stored; gray fills three equal channels, or one.

        Memory: the result, one strip or tile packed and unpacked.

        Raises:
            FormatError: when strips are missing or damaged, or are packed in a way that is not read.
        """
        shape = (self.width, self.height) if self.orientation > 4 else (self.height, self.width)
        rgb = np.empty((*shape, channels), np.float32)
        alpha = np.empty((*shape, 1), np.float32) if self.alpha else None
        # Views that have the rows and columns of the file.
        stored = _ORIENTATIONS[_UNDONE.get(self.orientation, self.orientation)]
        colors, seen = stored(rgb), None if alpha is None else stored(alpha)
        count = 3 if self.is_color else 1
        for (top, left, channel), block in _blocks(self):
            rows = max(0, min(block.shape[0], self.height - top))
            inside = (slice(top, top + rows), slice(left, min(left + block.shape[1], self.width)))
            block = block[:rows, : self.width - left]
            if channel is None:
                colors[inside] = block[..., :count]
                if seen is not None:
                    seen[inside] = block[..., count : count + 1]
            elif channel < count:
                colors[inside][..., channel : channel + 1 if count == 3 else channels] = block
            elif channel == count and seen is not None:
                seen[inside] = block
        for part in (rgb, alpha):
            if part is not None and self.dtype.kind == "u":
                part *= np.float32(1 / (256**self.dtype.itemsize - 1))
        if self.dtype.kind == "u" and self.tags[_MEANING][0] == 0:
            np.subtract(1, rgb, out=rgb)
        if alpha is not None and self.alpha == 1:
            for row, weight in zip(rgb, alpha, strict=True):
                row /= np.maximum(weight, np.float32(1e-6))
        return rgb, None if alpha is None else alpha[..., 0]


_ORIENTATIONS: dict[int, Callable[[np.ndarray], np.ndarray]] = {
    1: lambda v: v,
    2: lambda v: v[:, ::-1],
    3: lambda v: v[::-1, ::-1],
    4: lambda v: v[::-1],
    5: lambda v: v.swapaxes(0, 1),
    6: lambda v: v[::-1].swapaxes(0, 1),
    7: lambda v: v[::-1, ::-1].swapaxes(0, 1),
    8: lambda v: v[:, ::-1].swapaxes(0, 1),
}
_UNDONE = {6: 8, 8: 6}  # the others are their own inverse


def deep_tiff(file: BinaryIO, name: str) -> DeepTiff | None:
    """Read the header of a TIFF's first picture; None when its samples have 8 bits or fewer, or are signed.

    Raises:
        FormatError: when the header is damaged, absurd, or names a kind that is not read.
    """
    tags, order = _tags(file, name)
    bits, formats = set(tags.get(_BITS, (1,))), set(tags.get(_FORMAT, (1,)))
    if max(bits) <= 8 or not formats <= {1, 3, 4}:
        return None
    kind = "f" if formats == {3} else "u"
    if (
        len(bits) > 1
        or len(formats) > 1
        or (kind, *bits) not in {("u", 16), ("u", 32), ("f", 16), ("f", 32), ("f", 64)}
    ):
        depth = "/".join(map(str, sorted(bits)))
        raise FormatError(
            f"{name}: a TIFF of {depth}-bit {'float' if kind == 'f' else 'integer'} samples is not read. {_WAY_OUT}"
        )
    width, height = tags.get(_W, (0,))[0], tags.get(_H, (0,))[0]
    samples, meaning = tags.get(_SAMPLES, (1,))[0], tags.get(_MEANING, (1,))[0]
    if not width or not height:
        raise FormatError(f"{name}: damaged; it has no pixels.")
    check_budget(name, "pixels", width * height, MOST_PIXELS, "Shrink the picture first.")
    check_budget(name, "channels", samples, _MOST_SAMPLES, "Save the colors alone.")
    colors = {0: 1, 1: 1, 2: 3}.get(meaning)
    if colors is None or samples < colors:
        what = _MEANINGS.get(meaning, f"photometric {meaning}") if colors is None else f"{samples} channels"
        raise FormatError(f"{name}: a TIFF of {next(iter(bits))} bits with {what} is not read. {_WAY_OUT}")
    packing = tags.get(_PACKING, (1,))[0]
    if packing not in (_PLAIN, _LZW, _DEFLATE, _OLD_DEFLATE, _PACKBITS, _ZSTD):
        what = _PACKINGS.get(packing, f"number {packing}")
        raise FormatError(f"{name}: TIFF compression {what} is not read with more than 8 bits. {_WAY_OUT}")
    extra = tags.get(_EXTRA, (0,))[0] if samples > colors else 0
    alpha = (1 if extra == 1 else 2) if samples > colors else 0
    orientation = tags.get(_ORIENTATION, (1,))[0]
    orientation = orientation if orientation in _ORIENTATIONS else 1
    tags.setdefault(_MEANING, (1,))
    dtype = np.dtype(f"{order}{kind}{next(iter(bits)) // 8}")
    xmp = bytes(tags.get(_XMP, ()))
    return DeepTiff(width, height, dtype, colors == 3, alpha, orientation, xmp, file, name, tags)


def _tags(file: BinaryIO, name: str) -> tuple[dict[int, tuple], str]:
    """Return the tags of the first directory that hold whole numbers, and the byte order."""
    size = file.seek(0, io.SEEK_END)
    file.seek(0)
    head = file.read(16)
    order = "<" if head[:2] == b"II" else ">"
    (version,) = struct.unpack(f"{order}H", head[2:4])
    is_big = version == 43
    at = struct.unpack(f"{order}{'Q' if is_big else 'I'}", head[8:16] if is_big else head[4:8])[0]
    entry, count_kind, offset_kind = (20, "Q", "Q") if is_big else (12, "H", "I")
    file.seek(at)
    (count,) = struct.unpack(f"{order}{count_kind}", file.read(struct.calcsize(count_kind)))
    check_budget(name, "tags", count, _MOST_TAGS, "It is damaged.")
    directory = file.read(count * entry)
    tags: dict[int, tuple] = {}
    for k in range(count):
        tag, kind, number = struct.unpack_from(f"{order}HH{offset_kind}", directory, k * entry)
        if kind not in _TYPES:
            continue
        length = number * struct.calcsize(_TYPES[kind])
        inline = directory[(k + 1) * entry - struct.calcsize(offset_kind) : (k + 1) * entry]
        if length > len(inline):
            (where,) = struct.unpack(f"{order}{offset_kind}", inline)
            if where + length > size:
                raise FormatError(f"{name}: damaged or truncated; tag {tag} is beyond its end.")
            if tag != _XMP and length > 1 << 26:
                raise FormatError(f"{name}: damaged; tag {tag} has {number} values.")
            file.seek(where)
            inline = file.read(length)
        tags[tag] = tuple(np.frombuffer(inline[:length], f"{order}{_TYPES[kind]}").tolist())
    return tags, order


def _blocks(tiff: DeepTiff) -> Iterator[tuple[tuple[int, int, int | None], np.ndarray]]:
    """Yield strips or tiles in pieces: top, left, channel (None: all of them), and ``[h, w, samples]`` values."""
    tags = tiff.tags
    samples = tiff.samples
    is_planar = tags.get(_PLANAR, (1,))[0] == 2 and samples > 1
    is_tiled = 322 in tags
    columns = tags[322][0] if is_tiled else tiff.width
    rows = tags[323][0] if is_tiled else min(tags.get(_ROWS, (tiff.height,))[0], tiff.height)
    offsets, lengths = (tags[324], tags[325]) if is_tiled else (tags[273], tags[279])
    if not columns or not rows or columns > tiff.width + 4096 or rows > tiff.height + 4096:
        raise FormatError(f"{tiff.name}: damaged; its tiles are {columns}x{rows}.")
    places = [(top, left) for top in range(0, tiff.height, rows) for left in range(0, tiff.width, columns)]
    planes = range(samples) if is_planar else [None]
    wanted = [(top, left, plane) for plane in planes for top, left in places]
    if len(offsets) < len(wanted) or len(lengths) < len(wanted):
        raise FormatError(f"{tiff.name}: damaged; {len(offsets)} strips of {len(wanted)} are listed.")
    inside = 1 if is_planar else samples
    for (top, left, plane), offset, length in zip(wanted, offsets, lengths, strict=False):
        high = rows if is_tiled else min(rows, tiff.height - top)
        for done, piece in _unpacked(tiff, offset, length, (high, columns, inside)):
            yield (top + done, left, plane), piece


def _unpacked(
    tiff: DeepTiff, offset: int, length: int, shape: tuple[int, int, int]
) -> Iterator[tuple[int, np.ndarray]]:
    """Yield the rows of one strip or tile in pieces of about 16 MB."""
    rows, columns, samples = shape
    row_bytes = columns * samples * tiff.dtype.itemsize
    step = max(1, _BLOCK_BYTES // row_bytes)
    packing = tiff.tags.get(_PACKING, (1,))[0]
    tiff.file.seek(offset)
    left = length
    inflate = zlib.decompressobj() if packing in (_DEFLATE, _OLD_DEFLATE) else None
    whole = None if packing == _PLAIN or inflate else _through_pillow(tiff, length, packing, rows, row_bytes)
    for done in range(0, rows, step):
        wanted = min(step, rows - done) * row_bytes
        if whole is not None:
            data = whole[done * row_bytes : done * row_bytes + wanted]
        elif inflate is None:
            data = tiff.file.read(min(wanted, left))
            left -= len(data)
        else:
            pieces, missing = [], wanted
            while missing:
                packed = inflate.unconsumed_tail or tiff.file.read(min(left, 1 << 20))
                left -= 0 if inflate.unconsumed_tail else len(packed)
                piece = inflate.decompress(packed, missing)
                if not piece and not packed:
                    break
                pieces.append(piece)
                missing -= len(piece)
            data = b"".join(pieces)
        if len(data) < wanted:
            raise FormatError(f"{tiff.name}: damaged or truncated; a strip holds too few bytes.")
        yield done, _undo(tiff, data, (wanted // row_bytes, columns, samples))


def _through_pillow(tiff: DeepTiff, length: int, packing: int, rows: int, row_bytes: int) -> bytes:
    """Unpack one strip with Pillow's libtiff, as rows of bytes: a little TIFF of 8-bit gray around it."""
    packed = tiff.file.read(length)
    samples = (
        4 if row_bytes % 4 == 0 else 1
    )  # four bytes are one pixel of CMYK: as bytes, without alpha's meaning
    meaning = 5 if samples == 4 else 1
    fields = [
        (_W, row_bytes // samples),
        (_H, rows),
        (_BITS, 8),
        (_PACKING, packing),
        (_MEANING, meaning),
        (273, 0),
    ]
    fields += [(_SAMPLES, samples), (_ROWS, rows), (279, len(packed))]
    bits_at = 8 + 2 + 12 * len(fields) + 4
    entries = []
    for tag, value in fields:
        value = bits_at + 8 if tag == 273 else value
        many = tag == _BITS and samples == 4
        entries.append(
            struct.pack("<HHII", tag, 3, 4, bits_at) if many else struct.pack("<HHII", tag, 4, 1, value)
        )
    head = (
        b"II*\0"
        + struct.pack("<IH", 8, len(fields))
        + b"".join(entries)
        + bytes(4)
        + struct.pack("<4H", 8, 8, 8, 8)
    )
    with Image.open(io.BytesIO(head + packed), formats=("TIFF",)) as picture:
        return picture.tobytes()


def _undo(tiff: DeepTiff, data: bytes, shape: tuple[int, int, int]) -> np.ndarray:
    rows, _, samples = shape
    predictor = tiff.tags.get(_PREDICTOR, (1,))[0]
    if predictor == 3 and tiff.dtype.kind == "f":
        size = tiff.dtype.itemsize
        planes = np.frombuffer(data, np.uint8).reshape(rows, -1, samples)
        summed = np.cumsum(planes, axis=1, dtype=np.uint8).reshape(rows, size, -1)
        return summed.transpose(0, 2, 1).copy().view(f">f{size}").reshape(shape)
    values = np.frombuffer(data, tiff.dtype).reshape(shape)
    if predictor == 2:
        whole = values.view(values.dtype.str.replace("f", "u")).astype(f"u{tiff.dtype.itemsize}")
        whole = np.cumsum(whole, axis=1, dtype=whole.dtype)
        return whole.view(f"f{tiff.dtype.itemsize}") if tiff.dtype.kind == "f" else whole
    if predictor != 1:
        raise FormatError(f"{tiff.name}: TIFF predictor {predictor} is not read. {_WAY_OUT}")
    return values
