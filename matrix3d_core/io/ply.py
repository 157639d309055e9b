"""Gaussian PLY: the lossless exchange format of Gaussian splats, laid out as the host writes it.

Per Gaussian, as 32-bit little-endian floats: ``x y z nx ny nz f_dc_0..2 f_rest_0..(3K-4) opacity
scale_0..2 rot_0..3``. ``f_rest`` is channel-major (all of red, then green, then blue), opacity is a
logit, scales are natural logarithms, ``rot`` is wxyz. Normals are zero. Axes are written as they
are: OpenCV (x right, y down, z forward).

Source: Kerbl et al., 3D Gaussian Splatting for Real-Time Radiance Field Rendering, 2023 (property
names); Turk, The PLY Polygon File Format, 1994.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from ..errors import FormatError, InvalidInput
from ..scene.gaussians import Gaussians
from .atomic import BinarySource, BinaryTarget, open_atomically, read_source

__all__ = ["read_ply", "write_ply"]

_SMALLEST_SCALE = 1e-8  # the host's own floors, so that both write the same bytes
_SMALLEST_OPACITY = 1e-6
_LONGEST_HEADER = 1 << 16
_REST_COUNTS = {0: 1, 9: 4, 24: 9, 45: 16}  # f_rest properties -> SH bases
_TYPES = {
    "char": "i1", "int8": "i1", "uchar": "u1", "uint8": "u1", "short": "i2", "int16": "i2",
    "ushort": "u2", "uint16": "u2", "int": "i4", "int32": "i4", "uint": "u4", "uint32": "u4",
    "float": "f4", "float32": "f4", "double": "f8", "float64": "f8",
}  # fmt: skip
_NEEDED = (
    "x", "y", "z", "f_dc_0", "f_dc_1", "f_dc_2", "opacity",
    "scale_0", "scale_1", "scale_2", "rot_0", "rot_1", "rot_2", "rot_3",
)  # fmt: skip


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
    gaussians.check_finite()
    table = _table(gaussians)
    bases = gaussians.sh.shape[1]
    names = ["x", "y", "z", "nx", "ny", "nz", "f_dc_0", "f_dc_1", "f_dc_2"]
    names += [f"f_rest_{i}" for i in range(3 * (bases - 1))]
    names += ["opacity", "scale_0", "scale_1", "scale_2", "rot_0", "rot_1", "rot_2", "rot_3"]
    header = ["ply", "format binary_little_endian 1.0", f"element vertex {len(gaussians)}"]
    header += [f"property float {name}" for name in names]
    header += ["end_header", ""]
    with open_atomically(target) as file:
        file.write("\n".join(header).encode("ascii"))
        file.write(table.data.cast("B"))


def _table(gaussians: Gaussians) -> np.ndarray:  # [N, 14 + 3K] float32, stored values
    means, quats, scales, opacities, sh = (t.detach().cpu().float().numpy() for t in gaussians.tensors())
    count, bases = sh.shape[:2]
    table = np.zeros((count, 14 + 3 * bases), dtype="<f4")
    table[:, 0:3] = means
    table[:, 6:9] = sh[:, 0]
    rest_end = 6 + 3 * bases
    table[:, 9:rest_end] = sh[:, 1:].transpose(0, 2, 1).reshape(count, -1)
    opacities = opacities.clip(_SMALLEST_OPACITY, 1 - _SMALLEST_OPACITY)
    table[:, rest_end] = np.log(opacities / (1.0 - opacities))
    table[:, rest_end + 1 : rest_end + 4] = np.log(scales.clip(min=_SMALLEST_SCALE))
    table[:, rest_end + 4 :] = quats
    return table


def read_ply(source: BinarySource, *, drop_invalid: bool = False) -> Gaussians:
    """Read a Gaussian PLY, binary of either byte order, SH degree 0 to 3.

    Properties may come in any order and of any scalar type; unknown ones and further elements are
    skipped. Rotations are made unit length. Axes are left as they are.

    Args:
        source: path, or binary file open for reading.
        drop_invalid: leave out Gaussians with NaN or infinite values or a zero rotation instead of
            refusing the file.

    Raises:
        FormatError: when the file is no PLY, is text, is cut short, lacks properties (they are
            listed), or holds invalid Gaussians.
    """
    data, name = read_source(source)
    header = _read_header(data, name)
    columns = np.frombuffer(data, header.dtype, count=header.count, offset=header.offset)

    def stack(*names: str) -> np.ndarray:
        return np.stack([columns[n].astype(np.float32) for n in names], axis=1)

    rest_count = sum(n.startswith("f_rest_") for n in columns.dtype.names or ())
    sh = stack("f_dc_0", "f_dc_1", "f_dc_2")[:, None]
    if rest_count:
        rest = stack(*(f"f_rest_{i}" for i in range(rest_count)))
        sh = np.concatenate([sh, rest.reshape(header.count, 3, -1).transpose(0, 2, 1)], axis=1)
    logits = columns["opacity"].astype(np.float32)
    with np.errstate(over="ignore"):  # a huge logarithm becomes inf and is caught below
        scales = np.exp(stack("scale_0", "scale_1", "scale_2"))
        opacities = np.where(np.isnan(logits), np.nan, 1 / (1 + np.exp(-logits)))
    return checked_gaussians(
        name,
        stack("x", "y", "z"),
        stack("rot_0", "rot_1", "rot_2", "rot_3"),
        scales,
        opacities,
        sh,
        drop_invalid,
    )


def checked_gaussians(
    name: str,
    means: np.ndarray,  # [N, 3]
    quats_wxyz: np.ndarray,  # [N, 4], any length
    scales: np.ndarray,  # [N, 3]
    opacities: np.ndarray,  # [N]
    sh: np.ndarray,  # [N, K, 3]
    drop_invalid: bool,
) -> Gaussians:
    """Build Gaussians from a file's values; refuse or drop the invalid ones."""
    norms = np.linalg.norm(quats_wxyz, axis=1, keepdims=True)
    fields = (means, quats_wxyz / np.where(norms > 0, norms, 1), scales, opacities, sh)
    is_good = norms[:, 0] > 0
    for values in fields:
        is_good &= np.isfinite(values).reshape(len(values), -1).all(axis=1)
    bad = int((~is_good).sum())
    if bad and not drop_invalid:
        raise FormatError(
            f"{name}: {bad} of {len(is_good)} Gaussians hold NaN, infinity or a zero rotation "
            f"(first: number {int(np.argmin(is_good))}). Read it with drop_invalid to leave them out."
        )
    if bad == len(is_good):
        raise FormatError(f"{name}: holds no valid Gaussian.")
    if bad:
        fields = tuple(values[is_good] for values in fields)
    return Gaussians(*(torch.from_numpy(np.ascontiguousarray(v, dtype=np.float32)) for v in fields))


@dataclass(frozen=True)
class _Header:
    """Where the Gaussians lie in the file."""

    dtype: np.dtype
    count: int
    offset: int


def _read_header(data: bytes, name: str) -> _Header:
    if data[:3] != b"ply":
        raise FormatError(f"{name}: does not begin with 'ply' but {data[:4]!r}; is this a PLY file?")
    end = data.find(b"end_header", 0, _LONGEST_HEADER)
    if end < 0 or (start := data.find(b"\n", end) + 1) == 0:
        raise FormatError(f"{name}: has no end_header in its first {min(len(data), _LONGEST_HEADER)} bytes.")
    order, offset = "<", start
    elements: list[tuple[str, int, list[tuple[str, str]]]] = []
    for line in data[:end].decode("ascii", "replace").splitlines()[1:]:
        match line.split():
            case ["format", kind, *_]:
                order = _byte_order(name, kind)
            case ["element", element, count]:
                elements.append((element, _count(name, count), []))
            case ["property", "list", *_] if elements:
                elements[-1][2].append((line.split()[-1], "list"))
            case ["property", kind, prop] if elements and kind in _TYPES:
                elements[-1][2].append((prop, order + _TYPES[kind]))
            case ["property", *_]:
                raise FormatError(f"{name}: header line {line!r} is not understood.")
    for element, total, properties in elements:
        if any(kind == "list" for _, kind in properties):
            break  # cannot be skipped without reading it, and no Gaussian PLY has one
        dtype = _dtype(name, properties)
        if element == "vertex":
            _check_vertex(name, elements, dtype, total, len(data) - offset)
            return _Header(dtype, total, offset)
        offset += dtype.itemsize * total
    raise FormatError(f"{name}: has no readable vertex element; is this a Gaussian PLY?")


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


def _check_vertex(
    name: str, elements: list[tuple[str, int, list[tuple[str, str]]]], dtype: np.dtype, count: int, left: int
) -> None:
    found = dtype.names or ()
    if "packed_position" in found or any(element == "chunk" for element, _, _ in elements):
        raise FormatError(
            f"{name}: is a compressed PLY, which is not supported. Convert it to a plain PLY or to SPZ."
        )
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
    if count * dtype.itemsize > left:
        raise FormatError(
            f"{name}: is cut short: the header promises {count} Gaussians ({count * dtype.itemsize} bytes), "
            f"{left} bytes follow it."
        )
