"""A local frame to build in: position and heading, with the scene's builder, materials and random numbers.

Local axes: x right, z away (a piece of furniture looks towards -z, a house has its front at z = 0 facing -z), heights
``up`` in meters above the frame's base. Points are ``(x, up, z)``, footprints ``(x, z)``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import TypeVar

import numpy as np

from ...scene import SceneBuilder, SurfaceClass
from .palette import Palette

__all__ = ["Place", "Point"]

Point = tuple[float, float, float]
_T = TypeVar("_T")


class Place:
    """A frame on the ground of a scene.

    Attributes:
        b: the builder that everything goes to.
        m: the materials of the scene.
        rng: the scene's random numbers.
        x, z: position in the world, meters.
        up: height of the base above y = 0.
        yaw: heading, radians about the vertical; 0 keeps the world's axes.
    """

    def __init__(
        self,
        b: SceneBuilder,
        m: Palette,
        rng: np.random.Generator,
        x: float = 0.0,
        z: float = 0.0,
        up: float = 0.0,
        yaw: float = 0.0,
    ) -> None:
        self.b, self.m, self.rng = b, m, rng
        self.x, self.z, self.up, self.yaw = float(x), float(z), float(up), float(yaw)
        self._cos, self._sin = math.cos(yaw), math.sin(yaw)

    def at(self, x: float, z: float, up: float = 0.0, yaw: float = 0.0) -> Place:
        """Return a frame within this one."""
        px, pu, pz = self.point(x, up, z)
        return Place(self.b, self.m, self.rng, px, pz, pu, self.yaw + yaw)

    def point(self, x: float, up: float, z: float) -> Point:
        """Return a local point in the world."""
        dx, _, dz = self.direction(x, 0.0, z)
        return self.x + dx, self.up + up, self.z + dz

    def direction(self, x: float, up: float, z: float) -> Point:
        """Return a local direction in the world."""
        return self._cos * x + self._sin * z, up, -self._sin * x + self._cos * z

    # Random numbers

    def u(self, low: float, high: float) -> float:
        """Return a random number between two."""
        return float(self.rng.uniform(low, high))

    def n(self, low: int, high: int) -> int:
        """Return a random whole number, both ends included."""
        return int(self.rng.integers(low, high + 1))

    def chance(self, share: float) -> bool:
        """Return True with this probability."""
        return bool(self.rng.uniform() < share)

    def pick(self, options: Sequence[_T]) -> _T:
        """Return one of several."""
        return options[int(self.rng.integers(len(options)))]

    # Shapes

    def object(self, name: str, surface_class: SurfaceClass) -> AbstractContextManager[object]:
        """Return the builder's context of one object."""
        return self.b.object(name, surface_class)

    def box(
        self,
        center: tuple[float, float],
        size: tuple[float, float],
        up: tuple[float, float],
        material: int,
        yaw: float = 0.0,
    ) -> None:
        """Add a box: footprint center and size, lowest and highest point."""
        x, _, z = self.point(center[0], 0.0, center[1])
        self.b.box((x, z), size, (self.up + up[0], self.up + up[1]), material, yaw=self.yaw + yaw)

    def span(
        self, x: tuple[float, float], z: tuple[float, float], up: tuple[float, float], material: int
    ) -> None:
        """Add a box from its ranges."""
        self.box(((x[0] + x[1]) / 2, (z[0] + z[1]) / 2), (x[1] - x[0], z[1] - z[0]), up, material)

    def cylinder(
        self,
        center: tuple[float, float],
        radius: float,
        up: tuple[float, float],
        material: int,
        top_radius: float | None = None,
    ) -> None:
        """Add an upright cylinder, cone or frustum."""
        x, _, z = self.point(center[0], 0.0, center[1])
        self.b.cylinder((x, z), radius, (self.up + up[0], self.up + up[1]), material, top_radius=top_radius)

    def ellipsoid(self, center: Point, radii: Point, material: int, yaw: float = 0.0) -> None:
        """Add an ellipsoid."""
        self.b.ellipsoid(self.point(*center), radii, material, yaw=self.yaw + yaw)

    def beam(self, start: Point, end: Point, thickness: float, material: int) -> None:
        """Add a beam between two points."""
        self.b.beam(self.point(*start), self.point(*end), thickness, material)

    def quad(self, corner: Point, edge_u: Point, edge_v: Point, material: int) -> None:
        """Add a parallelogram."""
        self.b.quad(self.point(*corner), self.direction(*edge_u), self.direction(*edge_v), material)

    def leaves(self, center: Point, radii: Point, count: int, size: float, material: int) -> None:
        """Add loose leaves within an ellipsoid."""
        self.b.leaves(self.point(*center), radii, count, size, material)

    def mesh(
        self,
        vertices: np.ndarray,
        faces: np.ndarray,
        material: int,
        *,
        uv: np.ndarray | None = None,
        smooth: bool = False,
    ) -> None:
        """Add triangles; vertices ``[V, 3]`` are local ``(x, up, z)``."""
        v = np.asarray(vertices, np.float64)
        world = np.empty_like(v)
        world[:, 0] = self.x + self._cos * v[:, 0] + self._sin * v[:, 2]
        world[:, 1] = self.up + v[:, 1]
        world[:, 2] = self.z - self._sin * v[:, 0] + self._cos * v[:, 2]
        self.b.triangles(world, np.asarray(faces), material, uv=uv, smooth=smooth)

    def lamp(self, position: Point, color: Point, reach: float) -> None:
        """Add a point light."""
        self.b.lamp(self.point(*position), color, range=reach)

    def walkable(self, polygon: Sequence[tuple[float, float]], up: float = 0.0) -> None:
        """Let cameras walk on a polygon."""
        corners = [self.point(x, 0.0, z) for x, z in polygon]
        self.b.walkable([(x, z) for x, _, z in corners], self.up + up)
