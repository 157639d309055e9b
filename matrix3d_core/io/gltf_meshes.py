"""glTF with meshes: a GLB of several named nodes, each a mesh with its texture.

What is written is unlit: a panorama's colors hold its light already. A texture with a fourth channel cuts its mesh out.

Source: Khronos, glTF 2.0 and KHR_materials_unlit.
"""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..errors import FormatError, InvalidInput
from ..light.irradiance import linear_from_srgb, srgb_from_linear
from ..scene.mesh import Mesh
from .atomic import BinaryTarget
from .findings import damage_as_format_error
from .gltf import placed_primitives, read_accessor, read_chunks, write_chunks
from .images import encode_image, read_picture

__all__ = ["read_meshes_glb", "write_meshes_glb"]

_FLOAT, _UNSIGNED = 5126, 5125
_VERTICES, _INDICES = 34962, 34963
_CUTOFF = 0.5
_TRIANGLES = 4
_PLAIN = 0.448  # linear, of a mesh without material


def write_meshes_glb(target: BinaryTarget, meshes: Mapping[str, Mesh]) -> None:
    """Write meshes as a GLB, one node each with the mesh's name; a path appears only when the file is complete.

    Axes are written as they are, see `for_gltf`; all meshes have textures.

    Raises:
        InvalidInput: without a mesh, for one without faces or texture, or when the file would exceed 4 GB.
    """
    if not meshes:
        raise InvalidInput("a GLB needs at least one mesh; got none.")
    blobs: list[bytes] = []
    document: dict[str, Any] = {
        "asset": {"version": "2.0", "generator": "matrix3d"},
        "extensionsUsed": ["KHR_materials_unlit"],
        "scene": 0,
        "scenes": [{"nodes": list(range(len(meshes)))}],
        **{key: [] for key in ("nodes", "meshes", "materials", "accessors", "bufferViews")},
    }
    for index, (name, mesh) in enumerate(meshes.items()):
        if not len(mesh.faces) or mesh.texture is None or mesh.uvs is None:
            raise InvalidInput(f"mesh {name!r} must have faces and a texture; leave it out.")
        positions = mesh.vertices.numpy().astype("<f4")
        attributes = {"POSITION": _add(document, blobs, positions, "VEC3")}
        document["accessors"][-1] |= {"min": positions.min(0).tolist(), "max": positions.max(0).tolist()}
        material: dict[str, Any] = {
            "name": name,
            "doubleSided": True,
            "extensions": {"KHR_materials_unlit": {}},
            "pbrMetallicRoughness": {"metallicFactor": 0.0},
        }
        attributes["TEXCOORD_0"] = _add(document, blobs, mesh.uvs.numpy().astype("<f4"), "VEC2")
        texture = _add_texture(document, blobs, mesh.texture)
        material["pbrMetallicRoughness"]["baseColorTexture"] = {"index": texture}
        if mesh.texture.shape[-1] == 4:
            material |= {"alphaMode": "MASK", "alphaCutoff": _CUTOFF}
        faces = _add(document, blobs, mesh.faces.numpy().astype("<u4").reshape(-1, 1), "SCALAR", _INDICES)
        document["materials"].append(material)
        primitive = {"attributes": attributes, "indices": faces, "material": index}
        document["meshes"].append({"name": name, "primitives": [primitive]})
        document["nodes"].append({"name": name, "mesh": index})
    write_chunks(target, document, blobs, "Take fewer rows.")


def _add(
    document: dict[str, Any], blobs: list[bytes], values: np.ndarray, kind: str, use: int = _VERTICES
) -> int:
    """Add an accessor with its own view and return its number."""
    view = _add_view(document, blobs, np.ascontiguousarray(values).tobytes(), target=use)
    component = _UNSIGNED if values.dtype == np.dtype("<u4") else _FLOAT
    document["accessors"].append(
        {"bufferView": view, "componentType": component, "count": len(values), "type": kind}
    )
    return len(document["accessors"]) - 1


def _add_view(document: dict[str, Any], blobs: list[bytes], data: bytes, **more: int) -> int:
    offset = sum(map(len, blobs))
    document["bufferViews"].append({"buffer": 0, "byteOffset": offset, "byteLength": len(data), **more})
    blobs.append(data + bytes(-len(data) % 4))
    return len(document["bufferViews"]) - 1


def _add_texture(document: dict[str, Any], blobs: list[bytes], texture: Tensor) -> int:
    view = _add_view(document, blobs, encode_image(texture, "PNG"))
    images, textures = document.setdefault("images", []), document.setdefault("textures", [])
    document.setdefault("samplers", [{"wrapS": 10497, "wrapT": 33071}])  # repeat across, clamp at the poles
    images.append({"bufferView": view, "mimeType": "image/png"})
    textures.append({"source": len(images) - 1, "sampler": 0})
    return len(textures) - 1


def read_meshes_glb(data: bytes, name: str = "the GLB") -> list[Mesh]:
    """Read the triangles of a GLB, one mesh for each primitive of its scene, transformed; axes are left as they are.

    Base color comes from texture, factor and vertex colors, as display color; a texture keeps its alpha where the
    material masks or blends. Textures repeat.

    Raises:
        FormatError: when the file is broken, refers to what is not in it, or is packed with an extension that is not
            supported.
    """
    with damage_as_format_error(name):
        document, body = read_chunks(data, name)
        packed = {"KHR_draco_mesh_compression", "EXT_meshopt_compression"} & {
            *document.get("extensionsRequired", [])
        }
        if packed:
            raise FormatError(f"{name}: is packed with {', '.join(packed)}. Export it without compression.")
        try:
            placed = placed_primitives(document, name, _is_triangles, "meshes")
            return [_read_mesh(document, body, primitive, matrix, name) for primitive, matrix in placed]
        except (KeyError, IndexError, TypeError, AttributeError, ValueError, OverflowError) as error:
            if isinstance(error, FormatError):
                raise
            raise FormatError(
                f"{name}: its JSON is not valid glTF ({type(error).__name__}: {error})."
            ) from error


def _is_triangles(primitive: dict[str, Any]) -> bool:
    return primitive.get("mode", _TRIANGLES) == _TRIANGLES and "POSITION" in primitive.get("attributes", {})


def _read_mesh(
    document: dict[str, Any], body: memoryview, primitive: dict[str, Any], matrix: np.ndarray, name: str
) -> Mesh:
    attributes = primitive["attributes"]
    count = int(document["accessors"][attributes["POSITION"]]["count"])

    def column(index: int, key: str, many: int, width: int) -> np.ndarray:
        return read_accessor(document, body, index, name, key, many, width)

    vertices = column(attributes["POSITION"], "POSITION", count, 3) @ matrix[:3, :3].T + matrix[:3, 3]
    if "indices" in primitive:
        many = int(document["accessors"][primitive["indices"]]["count"])
        order = column(primitive["indices"], "indices", many, 1)[:, 0].astype(np.int32)
    else:
        order = np.arange(count, dtype=np.int32)
    faces = order[: len(order) // 3 * 3].reshape(-1, 3)
    if np.linalg.det(matrix[:3, :3]) < 0:
        faces = faces[:, ::-1]
    material = document["materials"][primitive["material"]] if "material" in primitive else {}
    surface = material.get("pbrMetallicRoughness", {})
    factor = np.array(surface.get("baseColorFactor", (1, 1, 1, 1)), np.float64)[:3]
    colors = np.ones((count, 3))
    if "COLOR_0" in attributes:
        width = 4 if document["accessors"][attributes["COLOR_0"]]["type"] == "VEC4" else 3
        colors = column(attributes["COLOR_0"], "COLOR_0", count, width)[:, :3].astype(np.float64)
    elif not surface:
        colors *= _PLAIN
    texture, places = surface.get("baseColorTexture"), None
    picture = None
    if texture is not None and f"TEXCOORD_{texture.get('texCoord', 0)}" in attributes:
        key = f"TEXCOORD_{texture.get('texCoord', 0)}"
        places = torch.from_numpy(column(attributes[key], key, count, 2))
        picture = _read_texture(document, body, int(texture["index"]), name)
        picture[..., :3] = srgb_from_linear(
            linear_from_srgb(picture[..., :3]) * torch.from_numpy(factor).float()
        )
        if material.get("alphaMode", "OPAQUE") == "OPAQUE":
            picture = picture[..., :3]
    return Mesh(
        torch.from_numpy(vertices).float(),
        torch.from_numpy(faces.copy()),
        srgb_from_linear(torch.from_numpy(colors * factor).float()).clamp(0, 1),
        torch.ones(count, dtype=torch.bool),
        places,
        picture,
    )


def _read_texture(document: dict[str, Any], body: memoryview, index: int, name: str) -> Tensor:  # [H, W, 4]
    source = document["images"][document["textures"][index]["source"]]
    if "bufferView" not in source:
        raise FormatError(f"{name}: a texture lies outside the file. Pack everything into one GLB.")
    view = document["bufferViews"][source["bufferView"]]
    start = int(view.get("byteOffset", 0))
    found = read_picture(BytesIO(bytes(body[start : start + int(view["byteLength"])])))
    alpha = torch.ones_like(found.rgb[..., :1]) if found.missing is None else 1 - found.missing.unsqueeze(-1)
    return torch.cat((found.rgb, alpha), -1)
