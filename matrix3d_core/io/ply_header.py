"""Headers of PLY files and the rows after them: binary of either byte order, and text.

Source: Turk, The PLY Polygon File Format, 1994.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

import numpy as np

from ..errors import FormatError
from .limits import check_budget

__all__ = ["PlyElement", "PlyHeader", "read_ply_header", "read_rows"]

_LONGEST_HEADER = 1 << 16
_LONGEST_COUNT = 18  # digits
_LONGEST_LINE = 1 << 16  # bytes of a row of text
_MOST_LISTS = 1_000_000  # rows of lists that are skipped to reach the rows after them
_END = re.compile(rb"(?:\r\n|\n|\r)end_header[ \t]*(\r\n|\n|\r)")
_TYPES = {
    "char": "i1",
    "int8": "i1",
    "uchar": "u1",
    "uint8": "u1",
    "short": "i2",
    "int16": "i2",
    "ushort": "u2",
    "uint16": "u2",
    "int": "i4",
    "int32": "i4",
    "uint": "u4",
    "uint32": "u4",
    "float": "f4",
    "float32": "f4",
    "double": "f8",
    "float64": "f8",
}
_ORDERS = {"binary_little_endian": "<", "binary_big_endian": ">", "ascii": ""}


@dataclass(frozen=True)
class PlyElement:
    """One table of a PLY: its position and the type of a row.

    Attributes:
        dtype: of a row; of text, all columns as float64.
        count: rows.
        offset: of the first row: bytes from the file's start, of text lines after the header.
        stored: of each column as the header names it, such as ``"u1"``.
    """

    dtype: np.dtype
    count: int
    offset: int
    stored: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class PlyHeader:
    """The header of a PLY.

    Attributes:
        elements: tables of plain columns by name.
        lists: rows of the elements with lists, such as a mesh's ``face``.
        comments: texts of its comments, in order.
        is_text: whether the rows are text.
        start: bytes of the header.
    """

    elements: dict[str, PlyElement]
    lists: dict[str, int]
    comments: tuple[str, ...]
    is_text: bool
    start: int

    def element(self, name: str) -> PlyElement:
        """Return a table that is known to be there."""
        return self.elements[name]

    @property
    def is_compressed(self) -> bool:
        """True for PlayCanvas' compressed layout."""
        return "packed_position" in (self.elements["vertex"].dtype.names or ())


def read_ply_header(file: BinaryIO, size: int, name: str) -> PlyHeader:
    """Read the header of a PLY with a ``vertex`` element.

    Args:
        file: at its start.
        size: of the file, bytes.
        name: for messages.

    Raises:
        FormatError: when it is no PLY, its header is not recognized, or the file is too short for its header.
    """
    data = file.read(_LONGEST_HEADER)
    if data[:3] != b"ply":
        raise FormatError(f"{name}: does not begin with 'ply' but {data[:4]!r}; is this a PLY file?")
    end = _END.search(data)
    if end is None:
        raise FormatError(f"{name}: has no end_header in its first {len(data)} bytes.")
    order = "<"
    comments: list[str] = []
    elements: list[tuple[str, int, list[tuple[str, str]]]] = []
    for line in data[: end.start()].decode("ascii", "replace").splitlines()[1:]:
        match line.split():
            case ["format", kind, *rest]:
                if kind not in _ORDERS:
                    raise FormatError(
                        f"{name}: PLY format must be ascii or binary of either byte order; got {kind!r}."
                    )
                order = _ORDERS[kind]
                if rest != ["1.0"]:
                    raise FormatError(f"{name}: PLY version must be 1.0; got {' '.join(rest) or 'none'}.")
            case ["comment" | "obj_info", *words]:
                comments.append(" ".join(words))
            case ["element", element, number]:
                if any(element == known for known, _, _ in elements):
                    raise FormatError(f"{name}: header names the element {element!r} twice.")
                elements.append((element, _count(name, number), []))
            case ["property", "list", sizes, kind, prop] if elements and {sizes, kind} <= _TYPES.keys():
                elements[-1][2].append((prop, f"list {_TYPES[sizes]} {_TYPES[kind]}"))
            case ["property", kind, prop] if elements and kind in _TYPES:
                elements[-1][2].append((prop, _TYPES[kind]))
            case ["property" | "element", *_]:
                raise FormatError(f"{name}: header line {line!r} is not recognized.")
    is_text = not order
    tables: dict[str, PlyElement] = {}
    lists: dict[str, int] = {}
    offset = 0 if is_text else end.end()
    for element, count, properties in elements:
        if any(kind.startswith("list") for _, kind in properties):
            lists[element] = count
            if is_text:
                offset += count
            elif not _follows(elements, element):
                break  # nothing of interest follows
            else:
                offset += _bytes_of_lists(file, offset, size, count, properties, order, name)
            continue
        dtype = _dtype(name, [(prop, "f8" if is_text else order + kind) for prop, kind in properties])
        tables[element] = PlyElement(dtype, count, offset, dict(properties))
        offset += count if is_text else dtype.itemsize * count
    header = PlyHeader(tables, lists, tuple(comments), is_text, end.end())
    if "vertex" not in tables:
        raise FormatError(f"{name}: has no readable vertex element; is this a Gaussian PLY?")
    if is_text and sum(_least_text(table) for table in tables.values()) > size - end.end():
        raise FormatError(
            f"{name}: is truncated: the header promises {tables['vertex'].count} rows of text, "
            f"{size - end.end()} bytes follow it."
        )
    if not is_text and header.is_compressed and offset > size:
        raise FormatError(f"{name}: is truncated: the header promises {offset} bytes, the file has {size}.")
    return header


def _count(name: str, text: str) -> int:
    if not text.isdecimal() or len(text) > _LONGEST_COUNT:
        shown = repr(text) if len(text) <= 40 else f"one of {len(text)} letters"
        raise FormatError(f"{name}: element count must be a whole number; got {shown}.")
    return int(text)


def _dtype(name: str, properties: list[tuple[str, str]]) -> np.dtype:
    try:
        return np.dtype(properties)
    except ValueError as error:
        raise FormatError(f"{name}: header names a property twice ({error}).") from error


def _least_text(table: PlyElement) -> int:
    return 2 * len(table.dtype.names or ()) * table.count - 1  # a digit and a space for each number


def _follows(elements: list[tuple[str, int, list[tuple[str, str]]]], element: str) -> bool:
    names = [known for known, _, _ in elements]
    return "vertex" in names[names.index(element) + 1 :]


def _bytes_of_lists(
    file: BinaryIO,
    offset: int,
    size: int,
    count: int,
    properties: list[tuple[str, str]],
    order: str,
    name: str,
) -> int:
    """Return how many bytes the rows of an element with lists take; each has a length of its own."""
    check_budget(name, "rows of lists before its vertices", count, _MOST_LISTS, "Save it without its faces.")
    steps: list[tuple[struct.Struct | None, int]] = []
    for _, kind in properties:
        _, *parts = kind.split() if kind.startswith("list") else ("", kind)
        width = np.dtype(parts[-1]).itemsize
        steps.append((struct.Struct(order + np.dtype(parts[0]).char) if len(parts) == 2 else None, width))
    at = offset
    for _ in range(count):
        for length, width in steps:
            times = 1
            if length is not None:
                file.seek(at)
                head = file.read(length.size)
                if len(head) < length.size:
                    raise FormatError(f"{name}: is truncated within the lists before its vertices.")
                times, at = int(length.unpack(head)[0]), at + length.size
            at += max(0, times) * width
    if at > size:
        raise FormatError(f"{name}: is truncated within the lists before its vertices.")
    return at - offset


def read_rows(
    file: BinaryIO, header: PlyHeader, element: PlyElement, name: str, *, chunk: int, buffers: int
) -> Iterator[tuple[slice, np.ndarray]]:
    """Yield the rows of a table in pieces, as records; of text, numbers become float64.

    Args:
        file: the file that ``header`` was read from.
        header: its header.
        element: one of its tables.
        name: for messages.
        chunk: rows of a piece.
        buffers: how many pieces are in use at a time; older ones are overwritten.

    Raises:
        FormatError: when the file ends early, or a row of text is not as many numbers as there are columns.
    """
    if header.is_text:
        yield from _rows_of_text(file, header, element, name, chunk)
        return
    file.seek(element.offset)
    store = np.empty((buffers, min(chunk, element.count), element.dtype.itemsize), np.uint8)
    for start in range(0, element.count, chunk):
        part = store[start // chunk % buffers][: min(chunk, element.count - start)]
        if file.readinto(part.data.cast("B")) != part.size:  # type: ignore[attr-defined]
            raise FormatError(f"{name}: could not be read to its end; did it change while it was read?")
        yield slice(start, start + len(part)), part.reshape(-1).view(element.dtype)


def _rows_of_text(
    file: BinaryIO, header: PlyHeader, element: PlyElement, name: str, chunk: int
) -> Iterator[tuple[slice, np.ndarray]]:
    columns = len(element.dtype.names or ())
    file.seek(header.start)
    lines = _lines(file, name)
    for _ in range(element.offset):
        if not next(lines, b""):
            break
    for start in range(0, element.count, chunk):
        count = min(chunk, element.count - start)
        rows = [line.split() for line, _ in zip(lines, range(count), strict=False)]
        for number, row in enumerate(rows):
            if len(row) != columns:
                raise FormatError(
                    f"{name}: row {start + number} of its text must hold {columns} numbers; got {len(row)}."
                )
        if len(rows) < count:
            raise FormatError(
                f"{name}: is truncated: the header promises {element.count} rows, {start + len(rows)} follow it."
            )
        try:
            values = np.array([[float(word) for word in row] for row in rows])
        except ValueError as error:
            raise FormatError(
                f"{name}: rows {start} to {start + count - 1} of its text hold something other than numbers ({error})."
            ) from error
        yield slice(start, start + count), values.reshape(-1).view(element.dtype)


def _lines(file: BinaryIO, name: str) -> Iterator[bytes]:
    """Yield the lines that are not empty."""
    while line := file.readline(_LONGEST_LINE):
        if len(line) == _LONGEST_LINE:
            raise FormatError(f"{name}: a row of its text must be shorter than {_LONGEST_LINE} bytes.")
        if line.strip():
            yield line
