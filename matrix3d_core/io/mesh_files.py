"""Mesh files of objects: GLB, and by trimesh glTF, OBJ, PLY and STL, with textures or colors.

Their y points up; they are turned to OpenCV axes (y down).
"""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from ..errors import BackendUnavailable, FormatError, InvalidInput
from ..light.irradiance import srgb_from_linear
from ..scene.mesh import Mesh
from .gltf_meshes import read_meshes_glb

__all__ = ["MESH_FORMATS", "read_meshes"]

MESH_FORMATS = ("glb", "gltf", "obj", "ply", "stl")
"""Endings of files that `read_meshes` reads; a glTF and an OBJ without the files beside them have no textures."""

_MOST_BYTES = 512_000_000
_MOST_FACES = 5_000_000
_GRAY = 0.7


def read_meshes(data: bytes, kind: str, *, y_up: bool = True) -> list[Mesh]:
    """Read the meshes of an object.

    Args:
        data: the file.
        kind: one of `MESH_FORMATS`.
        y_up: whether its y points up and its z backward; False: its axes are OpenCV's already.

    Returns:
        One mesh for each material, transformed by the file's scene, in OpenCV axes; those without faces are left out.

    Raises:
        InvalidInput: for another format.
        FormatError: for a file that is broken, too large, or holds no faces.
        BackendUnavailable: for other files than GLB without trimesh.
    """
    if kind not in MESH_FORMATS:
        raise InvalidInput(f"a mesh file must be one of {', '.join(MESH_FORMATS)}; got {kind!r}.")
    if len(data) > _MOST_BYTES:
        raise FormatError(
            f"a mesh file must be at most {_MOST_BYTES / 1e6:g} MB; got {len(data) / 1e6:.0f} MB."
        )
    found = read_meshes_glb(data) if kind == "glb" else _read_other(data, kind)
    found = [mesh for mesh in found if len(mesh.faces)]
    if not found:
        raise FormatError(
            "the file holds no mesh with faces. Export the object as a mesh, not as points or curves."
        )
    if sum(len(mesh.faces) for mesh in found) > _MOST_FACES:
        raise FormatError(f"the object must have at most {_MOST_FACES} triangles. Decimate it first.")
    if not all(bool(torch.isfinite(mesh.vertices).all()) for mesh in found):
        raise FormatError("the mesh has vertices that are NaN or infinite. Export it again.")
    turn = torch.tensor((1.0, -1.0, -1.0) if y_up else (1.0, 1.0, 1.0))
    return [replace(mesh, vertices=mesh.vertices * turn) for mesh in found]


def _read_other(data: bytes, kind: str) -> list[Mesh]:
    try:
        import trimesh
    except ImportError as error:
        raise BackendUnavailable(
            f"{kind} files need the trimesh package, which is not installed. Export the object as GLB."
        ) from error
    try:
        scene = trimesh.load_scene(io.BytesIO(data), file_type=kind, process=False)
        placed = [
            (scene.geometry[key], matrix) for matrix, key in map(scene.graph.get, scene.graph.nodes_geometry)
        ]
    except Exception as error:  # the many readers of trimesh raise whatever their parsers do
        raise FormatError(f"the mesh cannot be read: {error}. Export it again, best as GLB.") from error
    return [
        _mesh(mesh, np.asarray(matrix), linear=kind == "gltf")
        for mesh, matrix in placed
        if isinstance(mesh, trimesh.Trimesh) and len(mesh.faces)
    ]


def _mesh(mesh: Any, matrix: np.ndarray, *, linear: bool) -> Mesh:
    vertices = np.asarray(mesh.vertices) @ matrix[:3, :3].T + matrix[:3, 3]
    faces = np.asarray(mesh.faces)
    if np.linalg.det(matrix[:3, :3]) < 0:
        faces = faces[:, ::-1]
    colors, uvs, texture = _look(mesh, len(vertices), linear)
    return Mesh(
        torch.tensor(vertices, dtype=torch.float32),
        torch.tensor(faces.copy(), dtype=torch.int32),
        torch.tensor(np.clip(colors, 0, 1), dtype=torch.float32),
        torch.ones(len(vertices), dtype=torch.bool),
        None if uvs is None else torch.tensor(uvs, dtype=torch.float32),
        None if texture is None else torch.tensor(texture, dtype=torch.float32),
    )


def _look(mesh: Any, count: int, linear: bool) -> tuple[np.ndarray, np.ndarray | None, np.ndarray | None]:
    """Return display colors of the vertices and, where there is a picture, its places and texels."""
    visual = mesh.visual
    if visual.kind == "face":
        mesh.visual = visual = visual.to_color() if hasattr(visual, "to_color") else visual
    if visual.kind in ("vertex", "face"):
        colors = np.asarray(visual.vertex_colors, np.float64)[:, :3] / 255
        return _display(colors, linear), None, None
    source = getattr(visual, "material", None)
    image = getattr(source, "baseColorTexture", None) or getattr(source, "image", None)
    factor = getattr(source, "baseColorFactor", None)
    factor = getattr(source, "diffuse", None) if factor is None else factor
    factor = np.ones(4) if factor is None else np.asarray(factor, np.float64)
    factor = factor / 255 if factor.max() > 1 else factor
    color = _display(factor[:3], linear)
    uvs = getattr(visual, "uv", None)
    if image is None or uvs is None:
        color = color if source is not None else np.full(3, _GRAY)
        return np.tile(color, (count, 1)), None, None
    texels = np.asarray(image.convert("RGBA"), np.float32) / 255
    texels[..., :3] *= color.astype(np.float32)
    if getattr(source, "alphaMode", None) not in ("MASK", "BLEND") or texels[..., 3].min() > 0.5:
        texels = texels[..., :3]
    places = np.asarray(uvs, np.float64) * (1.0, -1.0) + (0.0, 1.0)  # trimesh counts v from below
    return np.tile(color, (count, 1)), places, texels


def _display(colors: np.ndarray, is_linear: bool) -> np.ndarray:
    return srgb_from_linear(torch.from_numpy(colors)).numpy() if is_linear else colors
