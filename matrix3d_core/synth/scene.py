"""Scenes of the factory: what is in them, and a builder to put them together.

Frame of a scene: x right, y down, z forward, meters; the ground is near ``y = 0``. Positions given to the builder are
``(x, up, z)`` with heights above ``y = 0`` upwards; everything that a `Scene` holds is in its frame.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np

from ..errors import InvalidInput
from .geometry import CORNER_WIDTH, SHAPE_WIDTH, Geometry, Looks, Shape, ShapeFlag, geometry_of
from .materials import NUMBERS, Column, Holes, material_row

__all__ = ["Environment", "Lamp", "Scene", "SceneBuilder", "SceneObject", "SurfaceClass", "Walkable"]

_Pair = Sequence[float]
_Triple = Sequence[float]


class SurfaceClass(IntEnum):
    """What a surface is; ground is flat and walkable, terrain is hills, rocks and dunes."""

    SKY = 0
    GROUND = 1
    TERRAIN = 2
    WALL = 3
    CEILING = 4
    FOLIAGE = 5
    WATER = 6
    OBJECT = 7


@dataclass(frozen=True)
class Environment:
    """Light and air.

    Attributes:
        sun_direction: towards the sun or moon, in the scene's frame (y down), any length.
        sun_color: its light on a surface that faces it, linear; 1 makes white paper white at exposure 1.
        sky_top: color of the sky overhead, linear.
        sky_horizon: color at the horizon and of the haze, linear.
        clouds: 0 none to 1 overcast.
        haze: share of light lost per meter.
        ambient: light from everywhere that no surface blocks, linear; small, for what bounces more than once.
        stars: 0 none to 1 a clear night.
        exposure: factor of all light before the tone curve.
        seed: of clouds and stars.
    """

    sun_direction: tuple[float, float, float] = (0.5, -0.7, 0.4)
    sun_color: tuple[float, float, float] = (1.0, 0.94, 0.84)
    sky_top: tuple[float, float, float] = (0.18, 0.34, 0.68)
    sky_horizon: tuple[float, float, float] = (0.62, 0.74, 0.88)
    clouds: float = 0.35
    haze: float = 0.002
    ambient: float = 0.02
    stars: float = 0.0
    exposure: float = 1.0
    seed: int = 0


@dataclass(frozen=True)
class SceneObject:
    """One instance.

    Attributes:
        name: for captions.
        surface_class: of all its surfaces.
        low: ``[3]`` low corner of its bounding box in the scene's frame (y down).
        high: ``[3]`` high corner.
    """

    name: str
    surface_class: SurfaceClass
    low: tuple[float, float, float]
    high: tuple[float, float, float]


@dataclass(frozen=True)
class Walkable:
    """A region where cameras may walk, in addition to the visible ground: corners ``[N, 2]`` x, z and its height."""

    polygon: tuple[tuple[float, float], ...]
    up: float


@dataclass(frozen=True)
class Lamp:
    """A small light: ``position`` in the scene's frame, linear ``color`` of its light at 1 m, reach in meters."""

    position: tuple[float, float, float]
    color: tuple[float, float, float]
    range: float


@dataclass(frozen=True)
class Scene:
    """A scene to render.

    Attributes:
        geometry: the shapes; their instance ``k`` is ``objects[k - 1]``.
        looks: materials and images.
        objects: the instances.
        walkable: regions for cameras.
        lamps: small lights.
        environment: light and air.
        facts: words for a caption.
        is_indoor: whether it is a closed room.
    """

    geometry: Geometry
    looks: Looks
    objects: tuple[SceneObject, ...]
    walkable: tuple[Walkable, ...]
    lamps: tuple[Lamp, ...]
    environment: Environment
    facts: tuple[str, ...]
    is_indoor: bool


@dataclass
class _Object:
    name: str
    surface_class: SurfaceClass


@dataclass
class SceneBuilder:
    """Collects shapes, materials and lights; `build` makes the `Scene`.

    Attributes:
        environment: light and air; assign it.
        facts: words for a caption; append to it.
        is_indoor: whether the scene is a closed room; assign it.
    """

    environment: Environment = field(default_factory=Environment)
    facts: list[str] = field(default_factory=list)
    is_indoor: bool = False
    _materials: list[np.ndarray] = field(default_factory=list)
    _images: list[np.ndarray] = field(default_factory=list)
    _rows: list[np.ndarray] = field(default_factory=list)
    _kinds: list[np.ndarray] = field(default_factory=list)
    _corners: list[np.ndarray] = field(default_factory=list)
    _corner_count: int = 0
    _objects: list[_Object] = field(default_factory=list)
    _open: list[int] = field(default_factory=list)
    _walkable: list[Walkable] = field(default_factory=list)
    _lamps: list[Lamp] = field(default_factory=list)

    def material(
        self,
        kind: str,
        color: _Triple,
        color2: _Triple | None = None,
        *,
        scale: float = 1.0,
        **params: float,
    ) -> int:
        """Add a material and return its index; see `materials.material_row`."""
        self._materials.append(material_row(kind, color, color2, scale=scale, **params))
        return len(self._materials) - 1

    def image(self, pixels: np.ndarray, *, has_holes: bool = False, **params: float) -> int:
        """Add a material that shows a picture by uv.

        Args:
            pixels: ``[H, W, 3]`` or ``[H, W, 4]`` uint8, display color.
            has_holes: whether alpha below one half is a hole.
            params: see `material`.
        """
        if pixels.ndim != 3 or pixels.shape[2] not in (3, 4) or pixels.dtype != np.uint8 or pixels.size == 0:
            raise InvalidInput(
                f"pixels must be [H, W, 3] or [H, W, 4] uint8; got {pixels.dtype} {list(pixels.shape)}."
            )
        rgba = np.full((*pixels.shape[:2], 4), 255, np.uint8)
        rgba[..., : pixels.shape[2]] = pixels
        index = self.material("image", (1.0, 1.0, 1.0), None, **params)
        self._materials[index][Column.IMAGE] = len(self._images)
        self._materials[index][Column.HOLES] = Holes.IMAGE if has_holes else Holes.NONE
        self._images.append(rgba)
        return index

    def text(self, words: str, color: _Triple, background: _Triple, **params: float) -> int:
        """Add a material with lettering in one or more lines, for a quad; colors in linear light."""
        from .lettering import lettering

        return self.image(lettering(words, color, background), has_holes=False, **params)

    @contextmanager
    def object(self, name: str, surface_class: SurfaceClass) -> Iterator[int]:
        """Begin a new instance: the shapes added within belong to it. Yields its number, from 1."""
        self._objects.append(_Object(name, SurfaceClass(surface_class)))
        self._open.append(len(self._objects))
        try:
            yield self._open[-1]
        finally:
            self._open.pop()

    def box(self, center_xz: _Pair, size_xz: _Pair, up: _Pair, material: int, *, yaw: float = 0.0) -> None:
        """Add an upright box.

        Args:
            center_xz: middle.
            size_xz: whole size, meters.
            up: height of bottom and top.
            material: index.
            yaw: turn about the vertical, radians, from +z towards +x.
        """
        (x, z), (width, depth), (low, high) = center_xz, size_xz, up
        if not (width > 0 and depth > 0 and high > low):
            raise InvalidInput(f"a box must have a positive size; got {size_xz} and up {up}.")
        half = (0.5 * width, 0.5 * depth)
        corners = (-half[0], -high, -half[1], half[0], -low, half[1])
        self._add(Shape.BOX, (x, 0.0, z, *corners, math.cos(yaw), math.sin(yaw)), material)

    def beam(self, start: _Triple, end: _Triple, thickness: float | _Pair, material: int) -> None:
        """Add a box of any direction between two points, ``thickness`` meters thick (or two values: across, up)."""
        a, b = _down(start), _down(end)
        along = b - a
        length = float(np.linalg.norm(along))
        wide, high = thickness if isinstance(thickness, Sequence) else (thickness, thickness)
        if not (length > 0 and wide > 0 and high > 0):
            raise InvalidInput(
                f"a beam needs two different ends and a thickness; got {start}, {end}, {thickness}."
            )
        along = along / length
        across = np.cross(along, (0.0, 1.0, 0.0))
        reach = np.linalg.norm(across)
        across = across / reach if reach > 1e-6 else np.array((1.0, 0.0, 0.0))
        over = np.cross(along, across)
        half = (0.5 * wide, 0.5 * high, 0.5 * length)
        self._add(Shape.BEAM, (*(0.5 * (a + b)), *across, *over, *along, *half), material)

    def ellipsoid(self, center: _Triple, radii: float | _Triple, material: int, *, yaw: float = 0.0) -> None:
        """Add an ellipsoid with radii along x, up and z before the turn."""
        rx, ry, rz = radii if isinstance(radii, Sequence) else (radii, radii, radii)
        if not min(rx, ry, rz) > 0:
            raise InvalidInput(f"radii must be positive; got {radii}.")
        self._add(Shape.ELLIPSOID, (*_down(center), rx, ry, rz, math.cos(yaw), math.sin(yaw)), material)

    def cylinder(
        self,
        center_xz: _Pair,
        radius: float,
        up: _Pair,
        material: int,
        *,
        top_radius: float | None = None,
    ) -> None:
        """Add an upright capped cylinder, or a frustum or cone with ``top_radius``."""
        top = radius if top_radius is None else top_radius
        if not (radius >= 0 and top >= 0 and radius + top > 0 and up[1] > up[0]):
            raise InvalidInput(f"a cylinder needs a radius and a height; got {radius}, {top} and up {up}.")
        self._add(Shape.CYLINDER, (*center_xz, radius, top, -up[1], -up[0]), material)

    def quad(
        self,
        corner: _Triple,
        edge_u: _Triple,
        edge_v: _Triple,
        material: int,
        *,
        shading_normal: _Triple | None = None,
    ) -> None:
        """Add a parallelogram with two sides; uv is 0..1 along both edges, pictures have their top at v = 0.

        ``shading_normal`` (x, up, z) replaces its own for light, as leaves do with that of the crown.
        """
        u, v = _down(edge_u), _down(edge_v)
        normal = np.zeros(3) if shading_normal is None else _down(shading_normal)
        lengths = (float(np.linalg.norm(u)), float(np.linalg.norm(v)))
        if not min(lengths) > 0:
            raise InvalidInput(f"the edges of a quad must not be zero; got {edge_u} and {edge_v}.")
        tint = (len(self._rows) * 0.618034) % 1.0 * math.tau
        self._add(Shape.QUAD, (*_down(corner), *u, *v, *normal, tint, *lengths), material)

    def triangles(
        self,
        vertices: np.ndarray,
        faces: np.ndarray,
        material: int,
        *,
        uv: np.ndarray | None = None,
        colors: np.ndarray | None = None,
        smooth: bool = False,
    ) -> None:
        """Add a mesh.

        Args:
            vertices: ``[N, 3]`` x, up, z.
            faces: ``[M, 3]`` integers; either winding, faces have two sides. Those without an area are left out.
            material: index.
            uv: ``[N, 2]``; None: the pattern goes by position.
            colors: ``[N, 3]`` linear, for a material of kind ``vertex_color``.
            smooth: whether light goes by normals averaged over the faces at a vertex.
        """
        vertices, faces = np.asarray(vertices, np.float64), np.asarray(faces)
        if vertices.ndim != 2 or vertices.shape[1] != 3 or not np.isfinite(vertices).all():
            raise InvalidInput(
                f"vertices must be finite [N, 3]; got {list(vertices.shape)} with NaN or infinity."
            )
        if (
            faces.ndim != 2
            or faces.shape[1] != 3
            or (len(faces) and not 0 <= faces.min() <= faces.max() < len(vertices))
        ):
            raise InvalidInput(
                f"faces must be [M, 3] indices below {len(vertices)}; got {list(faces.shape)}."
            )
        points = vertices * (1.0, -1.0, 1.0)
        a, b, c = (points[faces[:, k]] for k in range(3))
        cross = np.cross(b - a, c - a)
        kept = np.linalg.norm(cross, axis=1) > 0
        faces, a, b, c, cross = faces[kept], a[kept], b[kept], c[kept], cross[kept]
        rows = np.zeros((len(faces), SHAPE_WIDTH))
        rows[:, :3], rows[:, 3:6], rows[:, 6:9] = a, b - a, c - a
        corners = None
        if uv is not None or colors is not None or smooth:
            corners = np.zeros((len(faces), CORNER_WIDTH))
            if colors is not None:
                corners[:, 15:] = np.asarray(colors, np.float64)[faces].reshape(-1, 9)
            if uv is not None:
                corners[:, :6] = np.asarray(uv, np.float64)[faces].reshape(-1, 6)
            if smooth:
                normals = np.zeros_like(points)
                for k in range(3):
                    np.add.at(normals, faces[:, k], cross)
                normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-300)
                corners[:, 6:15] = normals[faces].reshape(-1, 9)
        self._add_many(Shape.TRIANGLE, rows, material, corners)

    def heightfield(self, x: np.ndarray, z: np.ndarray, up: np.ndarray, material: int) -> None:
        """Add a smooth surface over a grid: ``x [W]`` and ``z [H]`` increasing, heights ``up [H, W]``."""
        x, z, up = (np.asarray(value, np.float64) for value in (x, z, up))
        if up.shape != (len(z), len(x)) or min(up.shape) < 2:
            raise InvalidInput(
                f"up must be [len(z), len(x)], at least 2x2; got {list(up.shape)} for {len(z)} and {len(x)}."
            )
        grid_x, grid_z = np.meshgrid(x, z)
        index = np.arange(up.size).reshape(up.shape)
        a, b, c, d = index[:-1, :-1], index[:-1, 1:], index[1:, 1:], index[1:, :-1]
        faces = np.concatenate(
            (np.stack((a, b, c), -1).reshape(-1, 3), np.stack((a, c, d), -1).reshape(-1, 3))
        )
        self.triangles(np.stack((grid_x, up, grid_z), -1).reshape(-1, 3), faces, material, smooth=True)

    def leaves(
        self,
        center: _Triple,
        radii: float | _Triple,
        count: int,
        size: float,
        material: int,
        *,
        seed: int = 0,
    ) -> None:
        """Fill an ellipsoid with cards of a perforated material, denser outwards, lit as one crown.

        Args:
            center: x, up, z.
            radii: along x, up, z, meters.
            count: cards.
            size: side of a card, meters, varied by a third.
            material: kind ``leaf`` or ``twig``.
            seed: of the places.
        """
        random = np.random.default_rng((seed, len(self._rows)))
        middle = _down(center)
        reach = np.broadcast_to(np.asarray(radii, np.float64), (3,))
        outward = random.standard_normal((count, 3))
        outward /= np.linalg.norm(outward, axis=1, keepdims=True)
        places = middle + outward * reach * random.uniform(0.35, 1.0, (count, 1)) ** 0.6
        facing = outward / reach
        facing /= np.linalg.norm(facing, axis=1, keepdims=True)
        normal = facing + 0.9 * random.standard_normal((count, 3))
        normal /= np.linalg.norm(normal, axis=1, keepdims=True)
        u = np.cross(normal, random.standard_normal((count, 3)))
        u /= np.linalg.norm(u, axis=1, keepdims=True)
        v = np.cross(normal, u)
        sides = size * random.uniform(0.67, 1.33, (count, 1))
        rows = np.zeros((count, SHAPE_WIDTH))
        rows[:, :3], rows[:, 3:6], rows[:, 6:9] = places - 0.5 * sides * (u + v), sides * u, sides * v
        shading = facing + 0.35 * normal
        rows[:, 9:12] = shading / np.linalg.norm(shading, axis=1, keepdims=True)
        rows[:, 12], rows[:, 13:15] = random.uniform(0, math.tau, count), sides
        self._add_many(Shape.QUAD, rows, material)

    def walkable(self, polygon_xz: Sequence[_Pair], up: float) -> None:
        """Add a region where cameras may walk, in addition to the visible ground."""
        if len(polygon_xz) < 3:
            raise InvalidInput(f"a walkable region needs at least 3 corners; got {len(polygon_xz)}.")
        self._walkable.append(Walkable(tuple((float(x), float(z)) for x, z in polygon_xz), float(up)))

    def lamp(self, position: _Triple, color: _Triple, *, range: float) -> None:
        """Add a point light at x, up, z; ``color`` is its light at 1 m, it ends at ``range`` meters."""
        x, y, z = (float(value) for value in _down(position))
        red, green, blue = (float(value) for value in color)
        self._lamps.append(Lamp((x, y, z), (red, green, blue), float(range)))

    def build(self) -> Scene:
        """Return the scene.

        Raises:
            InvalidInput: without any shape.
        """
        if not self._rows:
            raise InvalidInput("a scene must have at least one shape; got none. Add a ground first.")
        table, kinds = np.concatenate(self._rows), np.concatenate(self._kinds)
        corners = np.concatenate(self._corners) if self._corners else None
        geometry = geometry_of(table, kinds, corners)
        sizes = [image.size for image in self._images]
        firsts = np.cumsum([0, *sizes])[:-1]
        images = [(first, *image.shape[:2]) for first, image in zip(firsts, self._images, strict=True)]
        pixels = np.concatenate([image.ravel() for image in self._images]) if sizes else np.zeros(4, np.uint8)
        looks = Looks(
            np.stack(self._materials), np.array(images, np.int64).reshape(-1, 3), np.ascontiguousarray(pixels)
        )
        looks.materials[:, Column.MEAN : Column.MEAN + 3] = _mean_colors(looks)
        return Scene(
            geometry,
            looks,
            self._bounded(table, kinds),
            tuple(self._walkable),
            tuple(self._lamps),
            self.environment,
            tuple(self.facts),
            self.is_indoor,
        )

    def _bounded(self, table: np.ndarray, kinds: np.ndarray) -> tuple[SceneObject, ...]:
        from .geometry import shape_bounds

        bounds = shape_bounds(table, kinds)
        low = np.full((len(self._objects) + 1, 3), np.inf)
        high = np.full((len(self._objects) + 1, 3), -np.inf)
        np.minimum.at(low, kinds[:, 2], bounds[:, :3])
        np.maximum.at(high, kinds[:, 2], bounds[:, 3:])
        return tuple(
            SceneObject(item.name, item.surface_class, _triple(low[k]), _triple(high[k]))
            for k, item in enumerate(self._objects, 1)
        )

    def _add(self, shape: Shape, values: Sequence[float], material: int) -> None:
        row = np.zeros((1, SHAPE_WIDTH))
        row[0, : len(values)] = values
        self._add_many(shape, row, material)

    def _add_many(
        self, shape: Shape, rows: np.ndarray, material: int, corners: np.ndarray | None = None
    ) -> None:
        if not 0 <= material < len(self._materials):
            raise InvalidInput(f"material must be an index from material(); got {material}.")
        if not self._open:
            raise InvalidInput("a shape must belong to an object: add it inside `with builder.object(...)`.")
        if not np.isfinite(rows).all():
            raise InvalidInput(
                f"positions and sizes must be finite; got {rows[~np.isfinite(rows).all(1)][0]}."
            )
        look = self._materials[material]
        flags = ShapeFlag.PERFORATED if look[Column.HOLES] else 0
        if look[Column.KIND] in (NUMBERS["glass"], NUMBERS["water"]):
            flags |= ShapeFlag.NO_SHADOW
        kinds = np.empty((len(rows), 5), np.int32)
        kinds[:] = (shape, material, self._open[-1], flags, -1)
        if corners is not None:
            kinds[:, 4] = self._corner_count + np.arange(len(rows))
            self._corners.append(corners)
            self._corner_count += len(rows)
        self._rows.append(rows)
        self._kinds.append(kinds)


def _mean_colors(looks: Looks) -> np.ndarray:  # [M, 3]
    """Average the color of every material over places spread by low-discrepancy numbers."""
    from .kernels_light import Hit
    from .kernels_materials import paint

    count, places = len(looks.materials), 64
    steps = np.arange(places)[:, None] * (0.754878, 0.569840) % 1.0
    rows = np.zeros((count, places, Hit.WIDTH))
    rows[..., Hit.POINT], rows[..., Hit.POINT + 2] = 3 * steps[:, 0], 3 * steps[:, 1]
    rows[..., Hit.S], rows[..., Hit.R] = 3 * steps[:, 0], 3 * steps[:, 1]
    rows[..., Hit.U], rows[..., Hit.V] = steps[:, 0], steps[:, 1]
    rows[..., Hit.PIXEL], rows[..., Hit.MATERIAL] = 0.05, np.arange(count)[:, None]
    rows[..., Hit.COLOR : Hit.COLOR + 3] = looks.materials[:, None, Column.COLOR : Column.COLOR + 3]
    paint(looks, rows.reshape(-1, Hit.WIDTH))
    result: np.ndarray = rows[..., Hit.COLOR : Hit.COLOR + 3].mean(1)
    return result


def _down(position: _Triple) -> np.ndarray:
    """Turn x, up, z into x, y, z."""
    x, up, z = position
    return np.array((x, -up, z), np.float64)


def _triple(values: np.ndarray) -> tuple[float, float, float]:
    return float(values[0]), float(values[1]), float(values[2])
