"""glTF with meshes: a GLB of several named nodes, each a mesh with its texture.

Materials are unlit: a panorama's colors hold its light already. A texture with a fourth channel cuts its mesh out.

Source: Khronos, glTF 2.0 and KHR_materials_unlit.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from torch import Tensor

from ..errors import InvalidInput
from ..scene.mesh import Mesh
from .atomic import BinaryTarget
from .gltf import write_chunks
from .images import encode_image

__all__ = ["write_meshes_glb"]

_FLOAT, _UNSIGNED = 5126, 5125
_VERTICES, _INDICES = 34962, 34963
_CUTOFF = 0.5


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
