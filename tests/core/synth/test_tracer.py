"""The tracer against its slow twin: every kind of shape, distances, normals, shadows and holes."""

from __future__ import annotations

import math

import numpy as np
import pytest
import slow_rays

from matrix3d_core.errors import InvalidInput
from matrix3d_core.synth.geometry import Geometry, Looks, Shape, geometry_of
from matrix3d_core.synth.scene import SceneBuilder, SurfaceClass

pytest.importorskip("numba")


def crowd(seed: int) -> SceneBuilder:
    """A few of every shape, some inside others."""
    random = np.random.default_rng(seed)
    b = SceneBuilder()
    paint = b.material("flat", (0.5, 0.5, 0.5))
    with b.object("crowd", SurfaceClass.OBJECT):
        for _ in range(9):
            x, up, z = random.uniform(-4, 4, 3)
            size, turn = random.uniform(0.2, 1.2, 3), float(random.uniform(0, 6))
            b.box((x, z), size[:2].tolist(), (up, up + size[2]), paint, yaw=turn)
            x, up, z = random.uniform(-4, 4, 3)
            b.ellipsoid((x, up, z), tuple(size), paint, yaw=turn)
            x, up, z = random.uniform(-4, 4, 3)
            b.cylinder(
                (x, z),
                size[0],
                (up, up + size[1]),
                paint,
                top_radius=float(random.choice((0, size[2], size[0]))),
            )
            b.beam(random.uniform(-4, 4, 3), random.uniform(-4, 4, 3), (0.1, 0.3), paint)
            b.quad(*random.uniform(-4, 4, (3, 3)), paint)
            b.triangles(random.uniform(-4, 4, (6, 3)), np.arange(6).reshape(2, 3), paint)
    return b


def rays(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    origins = random.uniform(-7, 7, (count, 3))
    directions = random.uniform(-3, 3, (count, 3)) - origins
    directions[:6] = np.concatenate((np.eye(3), -np.eye(3)))  # these divide by zero
    return origins, directions / np.linalg.norm(directions, axis=1, keepdims=True)


def trace(g: Geometry, looks: Looks, origins: np.ndarray, directions: np.ndarray) -> tuple[np.ndarray, ...]:
    from matrix3d_core.synth.kernels_hierarchy import hits

    count = len(origins)
    found = np.empty(count), np.empty(count, np.int64), np.empty(count, np.int64), np.empty((count, 3))
    hits(count, origins, directions, g, looks, *found)
    return found


def blocked(
    g: Geometry, looks: Looks, origins: np.ndarray, directions: np.ndarray, limits: np.ndarray
) -> np.ndarray:
    from matrix3d_core.synth.kernels_hierarchy import occlusions

    result = np.empty(len(origins), np.bool_)
    occlusions(len(origins), origins, directions, limits, g, looks, result)
    return result


def test_every_shape_is_hit_where_its_definition_says():
    scene = crowd(1).build()
    g = scene.geometry
    origins, directions = rays(140, 2)
    every = np.array(
        [
            [slow_rays.distance(o, d, k[0], row) for k, row in zip(g.kinds, g.table, strict=True)]
            for o, d in zip(origins, directions, strict=True)
        ]
    )
    expected = every.min(1)
    distance, shape, _, normal = trace(g, scene.looks, origins, directions)
    # Roots and linear systems of numpy have relative errors near 1e-12 at these sizes.
    np.testing.assert_allclose(distance, expected, rtol=1e-8)
    met = np.isfinite(expected)
    assert 60 < met.sum() < 138
    assert (shape[~met] == -1).all()
    assert {int(kind) for kind in g.kinds[shape[met], 0]} == set(range(6))
    np.testing.assert_allclose(every[met, shape[met]], expected[met], rtol=1e-8)
    np.testing.assert_allclose(np.linalg.norm(normal[met], axis=1), 1, rtol=1e-12)
    assert ((normal * directions).sum(1)[met] < 1e-9).all()  # towards where the ray comes from
    limits = np.where(met, expected, 5.0)
    assert blocked(g, scene.looks, origins, directions, limits * 1.0001)[met].all()
    assert not blocked(g, scene.looks, origins, directions, limits * 0.9999).any()


def test_normals_are_the_slope_of_the_distance():
    scene = crowd(3).build()
    origins, directions = rays(300, 4)
    g = scene.geometry
    distance, shape, _, normal = trace(g, scene.looks, origins, directions)
    side = np.cross(directions, (0.3, 0.5, 0.8))
    step = 1e-6
    moved, other, _, _ = trace(g, scene.looks, origins + step * side, directions)
    same = (shape >= 0) & (shape == other) & np.isclose(moved, distance, rtol=0, atol=1e-4)
    slope = (moved[same] - distance[same]) / step
    expected = -(normal * side).sum(1)[same] / (normal * directions).sum(1)[same]
    assert same.sum() > 80
    # Curvature adds step / radius, faces meet at edges: all but a few agree to 1e-4.
    assert np.mean(np.abs(slope - expected) < 1e-4 * (1 + np.abs(expected) ** 3)) > 0.95


def test_the_hierarchy_is_no_other_than_one_shape_after_another():
    b = crowd(5)
    with b.object("leaves", SurfaceClass.FOLIAGE):
        b.leaves((0, 0, 0), (3, 2, 3), 400, 0.3, b.material("twig", (0.1, 0.3, 0.05)))
    scene = b.build()
    g, (origins, directions) = scene.geometry, rays(400, 6)
    distance = trace(g, scene.looks, origins, directions)[0]
    alone = np.full(len(origins), np.inf)
    for k in range(len(g.kinds)):
        one = geometry_of(g.table[k : k + 1], g.kinds[k : k + 1, :5], g.corners)
        alone = np.minimum(alone, trace(one, scene.looks, origins, directions)[0])
    np.testing.assert_array_equal(distance, alone)


def test_holes_let_rays_and_light_through():
    b = SceneBuilder()
    with b.object("leaf", SurfaceClass.FOLIAGE):
        b.quad((0, 1, 2), (1, 0, 0), (0, -1, 0), b.material("leaf", (0.1, 0.3, 0.05)))
    pixels = np.full((4, 4, 4), 255, np.uint8)
    pixels[:2, :, 3] = 0
    with b.object("picture", SurfaceClass.OBJECT):
        b.quad((2, 1, 2), (1, 0, 0), (0, -1, 0), b.image(pixels, has_holes=True))
    scene = b.build()
    places = np.array([(0.5, 0.5), (0.05, 0.05), (0.95, 0.95), (0.3, 0.95), (2.5, 0.8), (2.5, 0.2)])  # x, up
    origins = np.stack((places[:, 0], -places[:, 1], 0 * places[:, 0]), 1)
    straight = np.tile((0.0, 0.0, 1.0), (6, 1))
    solid = np.array([True, False, False, False, False, True])
    distance = trace(scene.geometry, scene.looks, origins, straight)[0]
    np.testing.assert_array_equal(distance, np.where(solid, 2.0, np.inf))
    np.testing.assert_array_equal(
        blocked(scene.geometry, scene.looks, origins, straight, np.full(6, 9.0)), solid
    )


def test_shapes_far_off_or_not_finite_are_refused():
    table, kinds = np.zeros((2, 16)), np.zeros((2, 5), np.int32)
    kinds[:, 0] = Shape.QUAD
    table[1, 3] = math.nan
    with pytest.raises(InvalidInput, match=r"within 1e7 meters; 1 of 2 are not\. Check the vertices"):
        geometry_of(table, kinds)
