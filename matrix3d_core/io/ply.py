"""Gaussian PLY: the lossless exchange format of Gaussian splats, laid out as the host writes it.

Per Gaussian, as 32-bit little-endian floats: ``x y z nx ny nz f_dc_0..2 f_rest_0..(3K-4) opacity
scale_0..2 rot_0..3``. ``f_rest`` is channel-major (all of red, then green, then blue), opacity is a
logit, scales are natural logarithms, ``rot`` is wxyz. Normals are zero. Axes are written as they
are: OpenCV (x right, y down, z forward). A world that carries origins has one property more, ``origin``: 0 source,
1 generated, 2 filled, 255 unknown. It is a float as well, because some readers take every row for a row of floats;
they pass over it.

Three variants are read as well: PlayCanvas' compressed PLY (see `matrix3d_core.io.ply_compressed`), files
with a ``filter_3D`` column (Mip-Splatting, Gaussian Opacity Fields and Matrix-3D's optimisation), and files
whose opacities are probabilities (Matrix-3D's feed-forward stage).

Source: Kerbl et al., 3D Gaussian Splatting for Real-Time Radiance Field Rendering, 2023 (property
names); Turk, The PLY Polygon File Format, 1994; Yu et al., Mip-Splatting, 2024 (3D filter).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
import torch

from ..errors import FormatError, InvalidInput
from ..scene.gaussians import Gaussians
from ..scene.provenance import ORIGIN_UNKNOWN, ORIGINS
from .atomic import BinarySource, BinaryTarget, open_atomically, open_source
from .columns import UNIT, all_finite, checked_gaussians, make_unit
from .threads import in_order

__all__ = ["OPACITY_KINDS", "read_ply", "write_ply"]

OPACITY_KINDS = ("auto", "logit", "probability")
"""What a file's opacity column may hold; ``auto`` finds out."""

_log = logging.getLogger(__name__)

_SMALLEST_SCALE = 1e-8  # the host's own floors, so that both write the same bytes
_SMALLEST_OPACITY = 1e-6
_LONGEST_HEADER = 1 << 16
_KERNELS_FROM = 50_000  # Gaussians below which loading a compiled kernel takes longer than it saves
_CHUNK = 1 << 14  # Gaussians at a time: about a megabyte, which stays in the cache
_AHEAD = 3  # chunks in the hands of threads
_FEWEST_TO_TELL = 100  # Gaussians below which opacities are not called probabilities
_REST_COUNTS = {0: 1, 9: 4, 24: 9, 45: 16}  # f_rest properties -> SH bases
_TYPES = {
    "char": "i1", "int8": "i1", "uchar": "u1", "uint8": "u1", "short": "i2", "int16": "i2",
    "ushort": "u2", "uint16": "u2", "int": "i4", "int32": "i4", "uint": "u4", "uint32": "u4",
    "float": "f4", "float32": "f4", "double": "f8", "float64": "f8",
}  # fmt: skip
_MEANS = ("x", "y", "z")
_SCALES = ("scale_0", "scale_1", "scale_2")
_QUATS = ("rot_0", "rot_1", "rot_2", "rot_3")
_COLOURS = ("f_dc_0", "f_dc_1", "f_dc_2")
_ORIGIN = "origin"
_ORIGIN_NUMBERS = np.arange(len(ORIGINS), dtype=np.float32)
_NEEDED = (*_MEANS, *_COLOURS, "opacity", *_SCALES, *_QUATS)


# Writing -------------------------------------------------------------------------------------------


def write_ply(target: BinaryTarget, gaussians: Gaussians) -> None:
    """Write Gaussians as a binary PLY; a path appears only when the file is complete.

    Opacities are clamped to [1e-6, 1 - 1e-6] and scales to 1e-8 before their logarithm, as the host does.

    Args:
        target: path (its folder must exist) or binary file open for writing.
        gaussians: at least one, all values finite.

    Raises:
        InvalidInput: when the set is empty, or a value is NaN or infinite.
    """
    if len(gaussians) == 0:
        raise InvalidInput("gaussians must hold at least 1 Gaussian to be written; got 0.")
    bases = gaussians.sh.shape[1]
    names = [*_MEANS, "nx", "ny", "nz", *_COLOURS]
    names += [f"f_rest_{i}" for i in range(3 * (bases - 1))]
    names += ["opacity", *_SCALES, *_QUATS]
    header = ["ply", "format binary_little_endian 1.0"]
    origins = None if gaussians.origins is None else gaussians.origins.cpu().numpy()
    if origins is not None:
        names.append(_ORIGIN)
        header.append(f"comment {_ORIGIN}: 0 source, 1 generated, 2 filled, {ORIGIN_UNKNOWN} unknown")
    header += [f"element vertex {len(gaussians)}"]
    header += [f"property float {name}" for name in names]
    header += ["end_header", ""]
    columns = [t.detach().cpu().float().contiguous().numpy() for t in gaussians.tensors()]
    pack = _pack_rows
    if len(gaussians) >= _KERNELS_FROM:
        from .ply_numba import pack_rows as pack
    # A few tables in turns: threads fill the next ones while one is written.
    tables = np.zeros((_AHEAD + 1, min(_CHUNK, len(gaussians)), len(names)), dtype="<f4")

    def fill(start: int) -> np.ndarray:
        part = [values[start : start + _CHUNK] for values in columns]
        rows = tables[start // _CHUNK % len(tables)][: len(part[0])]
        if origins is not None:
            rows[:, -1] = origins[start : start + _CHUNK]
        if not _fill(rows, part, pack):
            gaussians.check_finite()
        return rows

    with open_atomically(target) as file:
        file.write("\n".join(header).encode("ascii"))
        for rows in in_order(fill, range(0, len(gaussians), _CHUNK), ahead=_AHEAD):
            file.write(rows.data.cast("B"))


def _fill(rows: np.ndarray, part: list[np.ndarray], pack: Callable[..., bool]) -> bool:
    """Store a chunk as the file has it; return whether all its values are finite."""
    means, quats, scales, opacities, sh = part
    # Logarithms of numbers that lie side by side take a third of the time.
    odds = opacities.clip(_SMALLEST_OPACITY, 1 - _SMALLEST_OPACITY)
    odds /= 1.0 - odds
    logits = np.log(odds, out=odds)
    sizes = np.maximum(scales, _SMALLEST_SCALE)
    np.log(sizes, out=sizes)
    is_finite = pack(rows, means, quats, sizes, logits, sh)
    return bool(is_finite) and all_finite(scales) and all_finite(opacities)  # infinite ones have been cut off


def _pack_rows(
    rows: np.ndarray,
    means: np.ndarray,
    quats: np.ndarray,
    sizes: np.ndarray,
    logits: np.ndarray,
    sh: np.ndarray,
) -> bool:
    """As `ply_numba.pack_rows`, which see."""
    bases = sh.shape[1]
    rest_end = 6 + 3 * bases
    _as_blocks(rows, 0, 3)[:] = _as_blocks(means, 0, 3)
    _as_blocks(rows, 6, 3)[:] = _as_blocks(sh.reshape(len(sh), -1), 0, 3)
    if bases > 1:
        rows[:, 9:rest_end].reshape(len(rows), 3, bases - 1)[...] = sh[:, 1:].transpose(0, 2, 1)
    rows[:, rest_end] = logits
    _as_blocks(rows, rest_end + 1, 3)[:] = _as_blocks(sizes, 0, 3)
    _as_blocks(rows, rest_end + 4, 4)[:] = _as_blocks(quats, 0, 4)
    return all_finite(rows)


def _as_blocks(table: np.ndarray, first: int, count: int) -> np.ndarray:  # [N, F] float32 -> [N] of bytes
    """Return some neighbouring columns of a contiguous table as one: copied four times as fast as number by number."""
    record = np.dtype(
        {
            "names": ["block"],
            "formats": [f"V{4 * count}"],
            "offsets": [4 * first],
            "itemsize": 4 * table.shape[1],
        }
    )
    return table.view(record)[:, 0]["block"]


# Reading -------------------------------------------------------------------------------------------


def read_ply(
    source: BinarySource,
    *,
    drop_invalid: bool = False,
    opacity: str = "auto",
    bake_filter: bool = True,
) -> Gaussians:
    """Read a Gaussian PLY, binary of either byte order, SH degree 0 to 3, plain or compressed.

    Properties may come in any order and of any scalar type; unknown ones and further elements are
    skipped. Rotations are made unit length. Axes are left as they are.

    Args:
        source: path, or binary file open for reading.
        drop_invalid: leave out Gaussians with NaN or infinite values or a zero rotation instead of
            refusing the file.
        opacity: one of `OPACITY_KINDS`. ``"auto"`` takes them for probabilities when all of at least 100
            lie in [0, 1] and spread over more than half of it: as logits they would all stand for 0.5 to 0.73.
        bake_filter: when the file has a ``filter_3D`` column f, widen the scales to
            ``sqrt(s^2 + f^2)`` and thin the opacities by ``sqrt(prod s^2 / prod s'^2)``, as the renderer that the
            file was made for does. Without it such a world looks thinner and harder than it was trained.

    Raises:
        FormatError: when the file is no PLY, is text, is cut short, lacks properties (they are
            listed), or holds invalid Gaussians.
        InvalidInput: for an unknown kind of opacity.
    """
    if opacity not in OPACITY_KINDS:
        raise InvalidInput(f"opacity must be one of {', '.join(OPACITY_KINDS)}; got {opacity!r}.")
    with open_source(source) as (file, size, name):
        header = _read_header(file, size, name)
        if header.is_compressed:
            from .ply_compressed import read_compressed

            return read_compressed(file, header, name, drop_invalid)
        raw = _read_columns(file, header, name)
    is_fine = raw.is_fine
    if opacity == "probability" or (opacity == "auto" and _are_probabilities(name, raw)):
        is_fine = False  # nobody has looked at these values yet
        raw.opacities = raw.logits
    if raw.filters is not None and bake_filter:
        raw.scales, raw.opacities = _bake(raw.scales, raw.opacities, raw.filters)
    fields = (raw.means, raw.quats, raw.scales, raw.opacities, raw.sh)
    if is_fine:
        origins = None if raw.origins is None else torch.from_numpy(raw.origins)
        return Gaussians(*(torch.from_numpy(values) for values in fields)).with_origins(origins)
    return checked_gaussians(name, *fields, drop_invalid, raw.origins)


@dataclass
class _Raw:
    """A file's columns; ``opacities`` are the logistic function of ``logits``."""

    means: np.ndarray
    quats: np.ndarray
    scales: np.ndarray
    logits: np.ndarray
    opacities: np.ndarray
    sh: np.ndarray
    filters: np.ndarray | None
    origins: np.ndarray | None
    is_fine: bool = True  # everything is finite and every rotation of unit length


def _read_columns(file: BinaryIO, header: PlyHeader, name: str) -> _Raw:
    """Read the vertex element in chunks, so that the file never lies in memory as a whole."""
    element = header.element("vertex")
    found, count = element.dtype.names or (), element.count
    rest = [f"f_rest_{i}" for i in range(sum(prop.startswith("f_rest_") for prop in found))]
    bases = _REST_COUNTS[len(rest)]
    raw = _Raw(
        np.empty((count, 3), np.float32),
        np.empty((count, 4), np.float32),
        np.empty((count, 3), np.float32),
        np.empty(count, np.float32),
        np.empty(count, np.float32),
        np.empty((count, bases, 3), np.float32),
        np.empty(count, np.float32) if "filter_3D" in found else None,
        np.empty(count, np.uint8) if _ORIGIN in found else None,
    )
    order = [f"f_rest_{c * (bases - 1) + k}" for k in range(bases - 1) for c in range(3)]
    columns = (*_MEANS, *_QUATS, *_SCALES, "opacity", *_COLOURS, *order)
    is_plain = all(element.dtype[prop] == np.dtype("<f4") for prop in found)
    unpack: Callable[..., bool] | None = None
    if is_plain and count >= _KERNELS_FROM:
        from .ply_numba import unpack_rows as unpack
    places = np.array([found.index(prop) for prop in columns])
    buffers = np.empty((_AHEAD + 1, min(_CHUNK, count), element.dtype.itemsize), np.uint8)

    def pieces() -> Iterator[tuple[slice, np.ndarray]]:
        file.seek(element.offset)
        for start in range(0, count, _CHUNK):
            part = buffers[start // _CHUNK % len(buffers)][: min(_CHUNK, count - start)]
            if file.readinto(part.data.cast("B")) != part.size:  # type: ignore[attr-defined]
                raise FormatError(f"{name}: could not be read to its end; did it change while it was read?")
            yield slice(start, start + len(part)), part

    def parse(piece: tuple[slice, np.ndarray]) -> bool:
        """Fill some rows; return whether all is finite and every rotation of unit length."""
        rows, part = piece
        records = part.reshape(-1).view(element.dtype)
        targets = (raw.means[rows], raw.quats[rows], raw.scales[rows], raw.logits[rows])
        harmonics = raw.sh[rows].reshape(len(part), -1)
        if unpack is not None:
            is_fine = unpack(part.view("<f4"), places, UNIT, *targets, harmonics)
        else:
            table = np.stack([records[prop].astype(np.float32, copy=False) for prop in columns], axis=1)
            is_fine = _unpack_rows(table, *targets, harmonics)
        scales, opacities = raw.scales[rows], raw.opacities[rows]
        with np.errstate(over="ignore"):  # a huge logarithm becomes inf and is caught below
            np.exp(scales, out=scales)
            np.negative(raw.logits[rows], out=opacities)
            np.exp(opacities, out=opacities)
        opacities += 1
        np.reciprocal(opacities, out=opacities)
        is_fine &= all_finite(scales)
        if raw.filters is not None:
            raw.filters[rows] = records["filter_3D"]
            is_fine &= all_finite(raw.filters[rows])
        if raw.origins is not None:
            numbers = records[_ORIGIN].astype(np.float32)
            raw.origins[rows] = np.where(np.isin(numbers, _ORIGIN_NUMBERS), numbers, ORIGIN_UNKNOWN)
        return bool(is_fine)

    for is_fine in in_order(parse, pieces(), ahead=_AHEAD):
        raw.is_fine &= is_fine
    return raw


def _unpack_rows(
    table: np.ndarray,
    means: np.ndarray,
    quats: np.ndarray,
    sizes: np.ndarray,
    logits: np.ndarray,
    sh: np.ndarray,
) -> bool:
    """As `ply_numba.unpack_rows`, which see, but for columns in the order of the targets."""
    means[:], quats[:], sizes[:] = table[:, :3], table[:, 3:7], table[:, 7:10]
    logits[:], sh[:] = table[:, 10], table[:, 11:]
    return make_unit(quats) and all_finite(table)


def _are_probabilities(name: str, raw: _Raw) -> bool:
    low, high = raw.logits.min(), raw.logits.max()
    if len(raw.logits) < _FEWEST_TO_TELL or not (low >= 0 and high <= 1 and high - low > 0.5):
        return False
    _log.warning(
        "%s: all opacities lie between 0 and 1; they are taken as they are, not as logits. "
        'Read it with opacity="logit" if that is wrong.',
        name,
    )
    return True


def _bake(scales: np.ndarray, opacities: np.ndarray, filters: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    wide = np.sqrt(scales**2 + filters[:, None] ** 2)
    with np.errstate(invalid="ignore", divide="ignore"):
        thinning = (scales.astype(np.float64) / wide).prod(axis=1)
    return wide, (opacities * thinning).astype(np.float32)


# Header --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class PlyElement:
    """One table of a PLY: where it lies and what a row holds."""

    dtype: np.dtype
    count: int
    offset: int


@dataclass(frozen=True)
class PlyHeader:
    """The tables of a Gaussian PLY by name."""

    elements: dict[str, PlyElement]

    def element(self, name: str) -> PlyElement:
        """Return a table that is known to be there."""
        return self.elements[name]

    @property
    def is_compressed(self) -> bool:
        """True for PlayCanvas' compressed layout."""
        return "packed_position" in (self.elements["vertex"].dtype.names or ())


def _read_header(file: BinaryIO, size: int, name: str) -> PlyHeader:
    data = file.read(_LONGEST_HEADER)
    if data[:3] != b"ply":
        raise FormatError(f"{name}: does not begin with 'ply' but {data[:4]!r}; is this a PLY file?")
    end = data.find(b"end_header")
    if end < 0 or (start := data.find(b"\n", end) + 1) == 0:
        raise FormatError(f"{name}: has no end_header in its first {len(data)} bytes.")
    order, offset = "<", start
    elements: list[tuple[str, int, list[tuple[str, str]]]] = []
    for line in data[:end].decode("ascii", "replace").splitlines()[1:]:
        match line.split():
            case ["format", kind, *rest]:
                order = _byte_order(name, kind)
                if rest != ["1.0"]:
                    raise FormatError(f"{name}: PLY version must be 1.0; got {' '.join(rest) or 'none'}.")
            case ["element", element, count]:
                elements.append((element, _count(name, count), []))
            case ["property", "list", *_] if elements:
                elements[-1][2].append((line.split()[-1], "list"))
            case ["property", kind, prop] if elements and kind in _TYPES:
                elements[-1][2].append((prop, order + _TYPES[kind]))
            case ["property", *_]:
                raise FormatError(f"{name}: header line {line!r} is not understood.")
    tables: dict[str, PlyElement] = {}
    for element, total, properties in elements:
        if any(kind == "list" for _, kind in properties):
            break  # cannot be skipped without reading it, and no Gaussian PLY has one before its Gaussians
        tables[element] = PlyElement(_dtype(name, properties), total, offset)
        offset += tables[element].dtype.itemsize * total
    header = PlyHeader(tables)
    if "vertex" not in tables:
        raise FormatError(f"{name}: has no readable vertex element; is this a Gaussian PLY?")
    if not header.is_compressed:
        _check_vertex(name, tables["vertex"], size)
    elif offset > size:
        raise FormatError(f"{name}: is cut short: the header promises {offset} bytes, the file has {size}.")
    return header


def _byte_order(name: str, kind: str) -> str:
    orders = {"binary_little_endian": "<", "binary_big_endian": ">"}
    if kind not in orders:
        raise FormatError(f"{name}: format must be binary; got {kind!r}. Save it again as binary PLY.")
    return orders[kind]


def _count(name: str, text: str) -> int:
    if not text.isdecimal():
        raise FormatError(f"{name}: element count must be a whole number; got {text!r}.")
    return int(text)


def _dtype(name: str, properties: list[tuple[str, str]]) -> np.dtype:
    try:
        return np.dtype(properties)
    except ValueError as error:
        raise FormatError(f"{name}: header names a property twice ({error}).") from error


def _check_vertex(name: str, vertex: PlyElement, size: int) -> None:
    found, count = vertex.dtype.names or (), vertex.count
    missing = [prop for prop in _NEEDED if prop not in found]
    if missing:
        raise FormatError(
            f"{name}: lacks the properties {', '.join(missing)} (found {', '.join(found) or 'none'}); "
            "is this a Gaussian PLY?"
        )
    rest = sorted(prop for prop in found if prop.startswith("f_rest_"))
    if len(rest) not in _REST_COUNTS or rest != sorted(f"f_rest_{i}" for i in range(len(rest))):
        raise FormatError(
            f"{name}: must hold f_rest_0 to f_rest_8, _23, _44 or none; got {len(rest)} of them."
        )
    if count == 0:
        raise FormatError(f"{name}: holds no Gaussians.")
    needed, left = count * vertex.dtype.itemsize, size - vertex.offset
    if needed > left:
        raise FormatError(
            f"{name}: is cut short: the header promises {count} Gaussians ({needed} bytes), "
            f"{max(0, left)} bytes follow it."
        )
