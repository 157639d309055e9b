"""Every family: it builds, the same again for the same seed, with ground to stand on and a picture to learn from."""

import re

import numpy as np
import pytest
import torch

from matrix3d_core.errors import InvalidInput
from matrix3d_core.scene.camera import Equirect
from matrix3d_core.synth.describe import describe_scene
from matrix3d_core.synth.families import FAMILIES, make_scene
from matrix3d_core.synth.render import render_scene
from matrix3d_core.synth.scene import SceneBuilder, SurfaceClass
from matrix3d_core.synth.sets import SETS


def standpoint(scene):
    """A place on the walkable ground, away from the boxes of all objects: pose of a camera 1.6 m above it."""
    boxes = [
        (item.low, item.high)
        for item in scene.objects
        if item.surface_class not in (SurfaceClass.GROUND, SurfaceClass.TERRAIN, SurfaceClass.CEILING)
    ]
    low, high = (np.array(side) for side in zip(*boxes, strict=True))
    rng = np.random.default_rng(0)
    corners = np.array(scene.walkable[0].polygon)
    for _ in range(400):
        x, z = rng.uniform(corners.min(0), corners.max(0))
        eye = np.array((x, -scene.walkable[0].up - 1.6, z))
        if not ((low - 0.25 < eye) & (eye < high + 0.25)).all(1).any():
            return standpoint_at(x, z, scene.walkable[0].up)
    raise AssertionError("no free place")


def test_a_lake_may_lie_deep():
    assert any(item.name == "lake" for item in make_scene("mountains", 29).objects)  # its level is at -3.4 m


def standpoint_at(x, z, up=0.0):
    """The pose of a camera 1.6 m above a place."""
    pose = torch.eye(4, dtype=torch.float64)
    pose[:3, 3] = torch.tensor((-x, up + 1.6, -z), dtype=torch.float64)
    return pose


@pytest.mark.parametrize("family", FAMILIES)
def test_family_builds_scenes_to_learn_from(family):
    for seed in (3, 4):
        scene = make_scene(family, seed)
        assert 2000 < len(scene.geometry.kinds) < 60_000
        assert scene.walkable
        assert scene.facts
        assert family == "clutter" or scene.is_indoor == (family in ("rooms", "hall", "office", "apartment"))
        present = {item.surface_class for item in scene.objects}
        assert {SurfaceClass.GROUND, SurfaceClass.OBJECT} <= present
        assert present & {SurfaceClass.WALL, SurfaceClass.TERRAIN}
    frame = render_scene(scene, Equirect((64, 128)), standpoint(scene))
    assert 0.03 < frame.rgb.mean() < 0.8
    assert (frame.rgb > 0.99).all(-1).float().mean() < 0.2
    depth = frame.depth_ray[torch.isfinite(frame.depth_ray)]
    assert depth.min() > 0.2
    assert frame.surface_class.unique().numel() >= 3
    for caption in (describe_scene(scene), describe_scene(scene, frame)):
        assert re.fullmatch(r"[A-Z][^.]+\.( There (is|are) [^.]+\.)?", caption), caption


@pytest.mark.parametrize("family", ["rooms", "street", "mountains"])
def test_same_seed_gives_the_same_bits_and_another_seed_does_not(family):
    one, again, other = make_scene(family, 11), make_scene(family, 11), make_scene(family, 12)
    for table in ("table", "kinds"):
        assert np.array_equal(getattr(one.geometry, table), getattr(again.geometry, table))
    assert np.array_equal(one.looks.materials, again.looks.materials)
    assert (one.environment, one.facts, one.objects) == (again.environment, again.facts, again.objects)
    assert one.geometry.table.shape != other.geometry.table.shape


def test_sets_have_only_families_that_exist():
    assert {name for each in SETS.values() for name in each.families} == set(FAMILIES)


def test_an_unknown_family_is_refused():
    with pytest.raises(InvalidInput, match=r"family must be one of rooms, .*; got 'room'\."):
        make_scene("room", 0)


def test_a_caption_names_the_place_and_what_is_seen():
    b = SceneBuilder(facts=["a yard", "under a clear sky", "by day"])
    paint = b.material("flat", (0.5, 0.5, 0.5))
    with b.object("ground outside", SurfaceClass.GROUND):
        b.box((0, 0), (50, 50), (-1, 0), paint)
    for name, x in (("person", 3), ("person", 5), ("armchair", 300), ("bench", -3)):
        with b.object(name, SurfaceClass.OBJECT):
            b.box((x, 8), (1, 1), (0, 2), paint)
    scene = b.build()
    frame = render_scene(scene, Equirect((64, 128)), standpoint_at(0, 0))
    assert (
        describe_scene(scene, frame) == "A yard under a clear sky by day. There are two people and a bench."
    )
    assert (
        describe_scene(scene)
        == "A yard under a clear sky by day. There are two people, an armchair and a bench."
    )
    b.facts, b.is_indoor = ["a hall", "under a clear sky", "in the low evening sun"], True
    assert describe_scene(b.build()).startswith("A hall, in evening light. There are two people")
