"""glTF with KHR_gaussian_splatting: Gaussians as points of a GLB, 32-bit floats, lossless.

The format's own axes are x left, y up, z forward (``LUF``): the panorama's front is +z, as the front of a glTF
asset is.

Source: Khronos, glTF 2.0 and KHR_gaussian_splatting. An early draft of the extension kept scales as logarithms;
files of it are known by their negative scales and read as such.
"""

from __future__ import annotations

import json
import logging
import math
import struct
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from ..errors import FormatError, InvalidInput
from ..geometry.rotations import matrix_from_quats
from ..scene.gaussians import Gaussians
from ..strict_json import brief, parse_json
from .atomic import BinarySource, BinaryTarget, open_atomically, read_source
from .axes import map_gaussians
from .columns import FARTHEST, checked_gaussians, columns_to_write, rgba_bytes
from .findings import Findings, damage_as_format_error
from .limits import check_budget, check_gaussians

__all__ = [
    "node_matrix",
    "placed_primitives",
    "read_accessor",
    "read_chunks",
    "read_glb",
    "write_chunks",
    "write_glb",
]

_log = logging.getLogger(__name__)

_NAME = "KHR_gaussian_splatting"
_MAGIC, _JSON, _BIN = 0x46546C67, 0x4E4F534A, 0x004E4942
_FLOAT, _POINTS, _ARRAY_BUFFER = 5126, 0, 34962
_WIDTH = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4}
_COMPONENTS = {5120: "i1", 5121: "u1", 5122: "<i2", 5123: "<u2", 5125: "<u4", 5126: "<f4"}
_REST_ORDERS = (1, 3, 5, 7)
_MOST_JSON = 16_000_000
_MOST_NODES = 20_000


def write_glb(target: BinaryTarget, gaussians: Gaussians) -> None:
    """Write Gaussians as a GLB; a path appears only when the file is complete. Axes are written as they are.

    Viewers that do not know the extension show colored points.

    Raises:
        InvalidInput: when the set is empty, a value is NaN or infinite, or the file would exceed 4 GB.
    """
    means, quats, scales, opacities, sh = columns_to_write(gaussians)
    count = len(means)
    columns: dict[str, np.ndarray] = {
        "POSITION": means,
        "COLOR_0": rgba_bytes(sh, opacities),
        f"{_NAME}:ROTATION": quats[:, [1, 2, 3, 0]],
        f"{_NAME}:SCALE": scales,
        f"{_NAME}:OPACITY": opacities.clip(0, 1)[:, None],
    }
    for degree in range(math.isqrt(sh.shape[1])):
        for order in range(_REST_ORDERS[degree]):
            columns[f"{_NAME}:SH_DEGREE_{degree}_COEF_{order}"] = sh[:, degree * degree + order]
    views, accessors, offset = [], [], 0
    for index, values in enumerate(columns.values()):
        views.append(
            {"buffer": 0, "byteOffset": offset, "byteLength": values.nbytes, "target": _ARRAY_BUFFER}
        )
        kind = next(k for k, width in _WIDTH.items() if width == values.shape[1])
        accessor = {"bufferView": index, "componentType": _FLOAT, "count": count, "type": kind}
        if values.dtype == np.uint8:
            accessor |= {"componentType": 5121, "normalized": True}
        accessors.append(accessor)
        offset += values.nbytes  # a multiple of 4
    accessors[0] |= {"min": means.min(axis=0).tolist(), "max": means.max(axis=0).tolist()}
    primitive = {
        "attributes": {name: index for index, name in enumerate(columns)},
        "mode": _POINTS,
        "extensions": {
            _NAME: {
                "kernel": "ellipse",
                "colorSpace": "srgb_rec709_display",
                "sortingMethod": "cameraDistance",
                "projection": "perspective",
            }
        },
    }
    document = {
        "asset": {"version": "2.0", "generator": "matrix3d"},
        "extensionsUsed": [_NAME],
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"mesh": 0, "name": "world"}],
        "meshes": [{"primitives": [primitive]}],
        "accessors": accessors,
        "bufferViews": views,
    }
    arrays = [np.ascontiguousarray(values).data.cast("B") for values in columns.values()]
    write_chunks(target, document, arrays, "Write PLY instead.")


def write_chunks(
    target: BinaryTarget, document: dict[str, Any], parts: Sequence[bytes | memoryview], way_out: str
) -> None:
    """Write a glTF document and its one buffer as a GLB; a path appears only when the file is complete.

    Args:
        target: path or binary file.
        document: without its buffer.
        parts: of the buffer, each a multiple of 4 bytes.
        way_out: what to do instead when it exceeds 4 GB.

    Raises:
        InvalidInput: when it does.
    """
    size = sum(map(len, parts))
    text = json.dumps({**document, "buffers": [{"byteLength": size}]}, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 4)
    total = 12 + 8 + len(text) + 8 + size
    if total >= 1 << 32:
        raise InvalidInput(f"a GLB must stay below 4 GB; got {total / 1e9:.1f} GB. {way_out}")
    with open_atomically(target) as file:
        file.write(struct.pack("<III", _MAGIC, 2, total))
        file.write(struct.pack("<II", len(text), _JSON) + text + struct.pack("<II", size, _BIN))
        for part in parts:
            file.write(part)


def read_glb(
    source: BinarySource,
    *,
    drop_invalid: bool = False,
    most: int | None = None,
    findings: Findings | None = None,
) -> Gaussians:
    """Read the Gaussians of a GLB, joined, transformed by its scene. Axes are left as they are.

    Nodes may move, turn and evenly scale what they hold. Attributes may be quantized as the extension allows.

    Args:
        source: path, or binary file open for reading.
        drop_invalid: leave out Gaussians with NaN or infinite values instead of refusing the file.
        most: Gaussians that the scene may hold, repeats included; None uses the default for the file's size.
        findings: receives assumptions about the file.

    Raises:
        FormatError: when the file is no GLB of version 2, is truncated, refers to what is not in it, needs a
            compression that is not supported, has no Gaussians or more than are read.
    """
    data, name = read_source(source)
    with damage_as_format_error(name):
        document, body = read_chunks(data, name)
        try:
            placed = placed_primitives(document, name, _is_splats, "Gaussians")
            _check_counts(document, placed, name, len(data), most)
            found = [
                _placed(
                    _read_primitive(document, body, primitive, name, drop_invalid, findings or Findings()),
                    matrix,
                    name,
                    drop_invalid,
                )
                for primitive, matrix in placed
            ]
        except (KeyError, IndexError, TypeError, AttributeError, ValueError, OverflowError) as error:
            if isinstance(error, FormatError):
                raise
            raise FormatError(
                f"{name}: its JSON is not valid glTF ({type(error).__name__}: {error})."
            ) from error
        if not found:
            listed = document.get("extensionsUsed")
            used = (
                ", ".join(map(str, listed[:20])) if isinstance(listed, list) and listed else "no extensions"
            )
            raise FormatError(f"{name}: has no Gaussians in its scene (no {_NAME}; it uses {used}).")
        return found[0] if len(found) == 1 else Gaussians.concatenate(*found)


def _check_counts(
    document: dict[str, Any],
    placed: list[tuple[dict[str, Any], np.ndarray]],
    name: str,
    size: int,
    most: int | None,
) -> None:
    """Refuse a scene of too many Gaussians before any is read: nodes may share a mesh as often as they like."""
    total = 0
    for primitive, _ in placed:
        total += max(0, int(document["accessors"][primitive["attributes"]["POSITION"]]["count"]))
    check_gaussians(name, total, size, most)


def read_chunks(data: bytes, name: str) -> tuple[dict[str, Any], memoryview]:
    """Return the document of a GLB and its binary part, empty where there is none."""
    if data[:4] != b"glTF":
        raise FormatError(f"{name}: does not begin with 'glTF' but {data[:4]!r}; is this a GLB file?")
    if len(data) < 20:
        raise FormatError(f"{name}: is truncated: {len(data)} bytes.")
    _, version, total, size, kind = struct.unpack_from("<IIIII", data)
    if version != 2:
        raise FormatError(f"{name}: GLB version must be 2; got {version}.")
    if total > len(data) or kind != _JSON or 20 + size > len(data):
        raise FormatError(
            f"{name}: is truncated: the header promises {total} bytes, the file has {len(data)}."
        )
    document = parse_json(data[20 : 20 + size], source=f"{name}: its JSON", most_bytes=_MOST_JSON)
    if not isinstance(document, dict):
        raise FormatError(f"{name}: its JSON must be an object; got {brief(document)}.")
    start = 20 + size
    if start + 8 > len(data):
        return document, memoryview(b"")
    size, kind = struct.unpack_from("<II", data, start)
    if kind != _BIN or start + 8 + size > len(data):
        raise FormatError(f"{name}: its binary part is truncated, or not the second one.")
    return document, memoryview(data)[start + 8 : start + 8 + size]


def _is_splats(primitive: dict[str, Any]) -> bool:
    return _NAME in primitive.get("extensions", {})


def placed_primitives(
    document: dict[str, Any], name: str, is_wanted: Callable[[dict[str, Any]], bool], what: str
) -> list[tuple[dict[str, Any], np.ndarray]]:
    """Return the primitives of a glTF scene that are wanted, called ``what`` in messages, with world matrices ``[4, "
    "4]``."""
    nodes, meshes = document.get("nodes", []), document.get("meshes", [])
    check_budget(name, "nodes", len(nodes), _MOST_NODES, "Join them in the program that made the file.")
    scenes = document.get("scenes", [])
    roots = scenes[document.get("scene", 0)].get("nodes", []) if scenes else range(len(nodes))
    found: list[tuple[dict[str, Any], np.ndarray]] = []
    waiting = [(index, np.eye(4)) for index in roots][::-1]
    visited = 0
    while waiting:
        index, above = waiting.pop()
        visited += 1
        if visited > len(nodes):
            raise FormatError(f"{name}: its nodes form a loop; a scene must be a tree.")
        node = nodes[index]
        matrix = above
        if node.keys() & {"matrix", "rotation", "scale", "translation"}:
            with np.errstate(over="ignore", invalid="ignore"):
                matrix = above @ node_matrix(node)
        waiting += [(child, matrix) for child in node.get("children", [])][::-1]
        if "mesh" in node:
            for primitive in meshes[node["mesh"]]["primitives"]:
                if is_wanted(primitive):
                    found.append((primitive, matrix))
                    check_budget(name, f"instances of {what}", len(found), _MOST_NODES, "Join them first.")
    return found


def node_matrix(node: dict[str, Any]) -> np.ndarray:  # [4, 4]
    """Return the matrix of a node to its parent."""
    if "matrix" in node:
        return np.array(node["matrix"], np.float64).reshape(4, 4).T
    matrix = np.eye(4)
    x, y, z, w = node.get("rotation", (0, 0, 0, 1))
    rotation = matrix_from_quats(torch.tensor([w, x, y, z], dtype=torch.float64)).numpy()
    matrix[:3, :3] = rotation * np.array(node.get("scale", (1, 1, 1)), np.float64)
    matrix[:3, 3] = node.get("translation", (0, 0, 0))
    return matrix


def _placed(part: Gaussians, matrix: np.ndarray, name: str, drop_invalid: bool) -> Gaussians:
    if np.array_equal(matrix, np.eye(4)):
        return part
    if not np.abs(matrix).max() <= FARTHEST:
        raise FormatError(
            f"{name}: a node moves or scales its Gaussians beyond {FARTHEST:g} units, or by NaN."
        )
    linear = matrix[:3, :3]
    size = float(np.abs(np.linalg.det(linear)) ** (1 / 3))
    if not size > 1 / FARTHEST or not np.abs(linear.T @ linear / size**2 - np.eye(3)).max() <= 1e-4:
        raise FormatError(f"{name}: a node scales its Gaussians non-uniformly, which they cannot represent.")
    # The nearest orthogonal matrix, as files round their numbers to 32 bits.
    left, _, right = np.linalg.svd(linear / size)
    turned = map_gaussians(part, torch.from_numpy(left @ right))
    means = turned.means.mul_(size).add_(torch.from_numpy(matrix[:3, 3]).to(turned.means))
    scales = turned.scales * size
    placed = Gaussians(means, turned.quats_wxyz, scales, turned.opacities, turned.sh)
    columns = [values.numpy() for values in placed.tensors()]
    return checked_gaussians(name, columns[0], columns[1], columns[2], columns[3], columns[4], drop_invalid)


def _read_primitive(
    document: dict[str, Any],
    body: memoryview,
    primitive: dict[str, Any],
    name: str,
    drop_invalid: bool,
    findings: Findings,
) -> Gaussians:
    extension, attributes = primitive["extensions"][_NAME], primitive["attributes"]
    if extension.get("extensions"):
        raise FormatError(
            f"{name}: its Gaussians are packed with {', '.join(extension['extensions'])}, which is not supported. "
            "Save it without compression."
        )
    if extension.get("kernel", "ellipse") != "ellipse":
        _log.warning("%s: kernel %r is not known; shown as ellipses.", name, extension["kernel"])
    if extension.get("colorSpace", "srgb_rec709_display") != "srgb_rec709_display":
        _log.warning("%s: colors are %s; shown as they are.", name, extension["colorSpace"])
        findings.notes["colors"] = f"{brief(extension['colorSpace'])}: shown as they are."
    count = int(document["accessors"][attributes["POSITION"]]["count"])

    def column(attribute: str, width: int) -> np.ndarray:
        key = attribute if attribute == "POSITION" else f"{_NAME}:{attribute}"
        if key not in attributes:
            raise FormatError(f"{name}: its Gaussians lack the attribute {key}.")
        return read_accessor(document, body, attributes[key], name, key, count, width)

    degrees = sum(f"{_NAME}:SH_DEGREE_{d}_COEF_0" in attributes for d in range(4))
    if degrees == 0:
        raise FormatError(f"{name}: its Gaussians lack the attribute {_NAME}:SH_DEGREE_0_COEF_0.")
    scales, opacities = column("SCALE", 3), column("OPACITY", 1)[:, 0]
    sh = np.empty((count, degrees**2, 3), np.float32)
    for degree in range(degrees):
        for order in range(_REST_ORDERS[degree]):
            sh[:, degree * degree + order] = column(f"SH_DEGREE_{degree}_COEF_{order}", 3)
    with np.errstate(over="ignore"):
        if (scales < 0).any():
            _log.warning(
                "%s: has negative scales; they are read as logarithms, as an early draft had them.", name
            )
            findings.notes["scale"] = "logarithms: some are negative, as in an early draft of the extension."
            scales = np.exp(scales)
            if (opacities < 0).any() or (opacities > 1).any():
                opacities = 1 / (1 + np.exp(-opacities))
    if ((opacities < 0) | (opacities > 1)).any():
        raise FormatError(
            f"{name}: opacities must lie between 0 and 1; the file breaks the extension's rule."
        )
    return checked_gaussians(
        name,
        column("POSITION", 3),
        np.ascontiguousarray(column("ROTATION", 4)[:, [3, 0, 1, 2]]),
        scales,
        opacities,
        sh,
        drop_invalid,
    )


def read_accessor(
    document: dict[str, Any], body: memoryview, index: int, name: str, key: str, count: int, width: int
) -> np.ndarray:  # [count, width] float32
    """Return the values of an accessor, named ``key`` in messages, which must be ``count`` of ``width`` components."""
    accessor = document["accessors"][index]
    if "sparse" in accessor or "bufferView" not in accessor:
        raise FormatError(f"{name}: {key} is sparse, which is not supported.")
    view = document["bufferViews"][accessor["bufferView"]]
    if view.get("buffer", 0) != 0 or "uri" in document["buffers"][0]:
        raise FormatError(f"{name}: {key} lies outside the file. Pack everything into one GLB.")
    if _WIDTH.get(accessor["type"]) != width or accessor["count"] != count:
        raise FormatError(
            f"{name}: {key} must hold {count} values of {width} components; "
            f"got {accessor['count']} of type {accessor['type']}."
        )
    dtype = np.dtype(_COMPONENTS[accessor["componentType"]])
    start = int(view.get("byteOffset", 0)) + int(accessor.get("byteOffset", 0))
    stride = int(view.get("byteStride", 0)) or width * dtype.itemsize
    if (
        count < 1
        or start < 0
        or stride < width * dtype.itemsize
        or start + stride * (count - 1) + width * dtype.itemsize > len(body)
    ):
        raise FormatError(f"{name}: {key} ends beyond the file's {len(body)} bytes of data; it is truncated.")
    stored = np.ndarray((count, width), dtype, body, start, (stride, dtype.itemsize))
    values = stored.astype(np.float32)
    if accessor.get("normalized") and dtype.kind in "iu":
        values = np.maximum(values / np.float32(np.iinfo(dtype).max), -1)
    return values
