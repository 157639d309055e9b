"""Scenes of users: GLB, glTF, OBJ and PLY with textures or vertex colors, as exported by Blender or Unreal."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import BackendUnavailable, FormatError, InvalidInput
from .scene import Environment, Scene, SceneBuilder, SurfaceClass

__all__ = ["SUFFIXES", "read_scene"]

SUFFIXES = (".glb", ".gltf", ".obj", ".ply")

_WORDS = {
    SurfaceClass.FOLIAGE: "leaf leaves foliage tree bush hedge plant shrub fern ivy canopy",
    SurfaceClass.WATER: "water river sea ocean lake pond pool",
    SurfaceClass.CEILING: "ceiling",
    SurfaceClass.GROUND: "floor ground street road pavement sidewalk path plaza carpet lawn grass",
    SurfaceClass.TERRAIN: "terrain landscape hill mountain rock cliff dune",
    SurfaceClass.WALL: "wall facade building house tower",
}
_LARGE_AREA = 4.0  # square meters of one height that make a floor or a ceiling
_HIGH = 1.8  # meters that make a wall


def read_scene(
    path: str | Path,
    *,
    meters_per_unit: float = 1.0,
    up_axis: str | None = None,
    environment: Environment | None = None,
    facts: tuple[str, ...] = (),
) -> Scene:
    """Read a scene.

    Frame: a file with y up looks along its -z (glTF); one with z up along its y. The lowest ground lies at height 0.
    Classes come from names of nodes and materials, else from normals: large flat faces that look up are ground. A mesh
    becomes one object for each class in it.

    Args:
        path: GLB, glTF, OBJ or PLY; the caller vouches for it.
        meters_per_unit: 1 for Blender and glTF, 0.01 for centimeters.
        up_axis: ``"y"`` or ``"z"``; None: y, but z for PLY.
        environment: light and air; None: a sunny day.
        facts: words for captions.

    Raises:
        InvalidInput: on a wrong argument or suffix.
        FormatError: when the file is broken, holds no triangles, or vertices that are not finite.
        BackendUnavailable: without trimesh.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise InvalidInput(f"a scene must be a file with {', '.join(SUFFIXES)}; got {path.name}.")
    if not meters_per_unit > 0:
        raise InvalidInput(f"meters_per_unit must be positive; got {meters_per_unit}.")
    axis = up_axis or ("z" if suffix == ".ply" else "y")
    if axis not in ("y", "z"):
        raise InvalidInput(f"up_axis must be 'y' or 'z'; got {up_axis!r}.")
    parts = list(_parts(path, axis, meters_per_unit))
    if not parts:
        raise FormatError(f"{path.name} holds no triangles. Export the scene with its meshes.")
    lowest = _lowest_ground(parts)
    builder = SceneBuilder(environment=environment or Environment(), facts=list(facts))
    linear = suffix in (".glb", ".gltf")
    for name, words, vertices, mesh in parts:
        _add_mesh(builder, name, words, vertices - (0.0, lowest, 0.0), mesh, linear)
    return builder.build()


def _parts(path: Path, axis: str, scale: float) -> Iterator[tuple[str, str, np.ndarray, Any]]:
    """Yield name, all names with the material's, vertices (x, up, z in meters) and mesh of nodes with triangles."""
    try:
        import trimesh
    except ImportError as error:
        raise BackendUnavailable(
            "scenes from files need the trimesh package, which is not installed."
        ) from error
    try:
        scene = trimesh.load_scene(path, process=False)
        nodes = [(node, *scene.graph[node]) for node in scene.graph.nodes_geometry]
    except Exception as error:  # the many readers of trimesh raise whatever their parsers do
        raise FormatError(
            f"{path.name} cannot be read as a scene: {error}. Export it again, best as GLB."
        ) from error
    for node, transform, key in nodes:
        mesh = scene.geometry[key]
        if not isinstance(mesh, trimesh.Trimesh) or not len(mesh.faces):
            continue
        x, y, z = (mesh.vertices @ transform[:3, :3].T + transform[:3, 3]).T * scale
        vertices = np.stack((x, y, -z) if axis == "y" else (x, z, y), 1)
        if not np.isfinite(vertices).all():
            raise FormatError(
                f"{path.name}: mesh {key} has vertices that are NaN or infinite. Export it again."
            )
        material = getattr(getattr(mesh.visual, "material", None), "name", None)
        yield str(node), f"{node} {key} {material or ''}", vertices, mesh


def _lowest_ground(parts: list[tuple[str, str, np.ndarray, Any]]) -> float:
    """Return the height of the lowest large flat part, else of the lowest vertex."""
    heights = []
    for _, _, vertices, mesh in parts:
        classes, middle = _classes_by_shape(vertices, mesh.faces)
        heights += middle[classes == SurfaceClass.GROUND].tolist()
    return float(np.percentile(heights, 5)) if heights else min(float(v[:, 1].min()) for _, _, v, _ in parts)


def _class_by_name(name: str) -> SurfaceClass | None:
    words = set(re.split(r"[^a-z]+", re.sub(r"([a-z])([A-Z])", r"\1 \2", name).lower()))
    words |= {word.removesuffix("s") for word in words}
    return next((kind for kind, known in _WORDS.items() if words & set(known.split())), None)


def _classes_by_shape(vertices: np.ndarray, faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the class and the height of every face, by its normal and the area at its height."""
    a, b, c = (vertices[faces[:, k]] for k in range(3))
    cross = np.cross(b - a, c - a)  # (x, up, z) is left-handed: a floor's normal points down in it
    area = 0.5 * np.linalg.norm(cross, axis=1)
    up = -cross[:, 1] / np.maximum(2 * area, 1e-300)
    middle = (a[:, 1] + b[:, 1] + c[:, 1]) / 3
    classes = np.full(len(faces), int(SurfaceClass.OBJECT))
    level = np.round(middle / 0.25).astype(np.int64)
    for flat, kind in ((up > 0.9, SurfaceClass.GROUND), (up < -0.9, SurfaceClass.CEILING)):
        levels, at = np.unique(level[flat], return_inverse=True)
        total = np.bincount(at, area[flat], len(levels))
        classes[flat] = np.where(total[at] >= _LARGE_AREA, int(kind), classes[flat])
    is_high = float(np.ptp(vertices[:, 1])) > _HIGH
    classes[(np.abs(up) < 0.2) & is_high] = SurfaceClass.WALL
    ground = middle[classes == SurfaceClass.GROUND]
    if len(ground):  # nothing hangs over less than a person
        low = (classes == SurfaceClass.CEILING) & (middle < ground.min() + _HIGH)
        classes[low] = SurfaceClass.OBJECT
    return classes, middle


def _add_mesh(
    builder: SceneBuilder, name: str, words: str, vertices: np.ndarray, mesh: Any, linear: bool
) -> None:
    material, uv, colors, has_holes = _look(builder, mesh, linear)
    faces = np.asarray(mesh.faces)
    known = _class_by_name(words) or (SurfaceClass.FOLIAGE if has_holes else None)
    classes = np.full(len(faces), known) if known else _classes_by_shape(vertices, faces)[0]
    for kind in np.unique(classes):
        builder.is_indoor |= kind == SurfaceClass.CEILING
        with builder.object(name, SurfaceClass(int(kind))):
            builder.triangles(vertices, faces[classes == kind], material, uv=uv, colors=colors)


def _look(
    builder: SceneBuilder, mesh: Any, linear: bool
) -> tuple[int, np.ndarray | None, np.ndarray | None, bool]:
    """Add the material of a mesh; return its index, uv, vertex colors, and whether it has holes."""
    visual = mesh.visual
    if visual.kind == "vertex":
        colors = np.asarray(visual.vertex_colors)[:, :3] / 255.0
        colors = colors if linear else colors**2.2
        return builder.material("vertex_color", colors.mean(0).tolist()), None, colors, False
    if visual.kind == "face":
        raise FormatError("colors of faces are not supported. Export vertex colors or a texture.")
    source = getattr(visual, "material", None)
    image = getattr(source, "baseColorTexture", None) or getattr(source, "image", None)
    factor = getattr(source, "baseColorFactor", None)
    if factor is None:
        factor = getattr(source, "diffuse", None)
    factor = np.ones(4) if factor is None else np.asarray(factor, np.float64) / 255.0
    uv = getattr(visual, "uv", None)
    if image is None or uv is None:
        color = np.clip(factor[:3] if linear else factor[:3] ** 2.2, 0.0, 1.0)
        return (
            builder.material("flat", (color * (1.0 if source is not None else 0.5)).tolist()),
            None,
            None,
            False,
        )
    pixels = np.asarray(image.convert("RGBA"))
    if linear and not np.allclose(factor[:3], 1.0):
        tinted = np.clip((pixels[..., :3] / 255.0) * factor[:3] ** (1 / 2.2), 0.0, 1.0)
        pixels = np.concatenate((np.round(255 * tinted).astype(np.uint8), pixels[..., 3:]), -1)
    has_holes = getattr(source, "alphaMode", None) in ("MASK", "BLEND") and int(pixels[..., 3].min()) < 128
    index = builder.image(pixels, has_holes=has_holes)
    return index, np.asarray(uv, np.float64) * (1.0, -1.0) + (0.0, 1.0), None, has_holes
