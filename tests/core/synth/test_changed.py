"""Scenes with an object more or less."""

import pytest
import torch

from matrix3d_core.errors import InvalidInput
from matrix3d_core.scene.camera import Equirect
from matrix3d_core.synth.changed import join_scenes, without_instances
from matrix3d_core.synth.render import render_scene
from matrix3d_core.synth.scene import SceneBuilder, SurfaceClass

CAMERA = Equirect((32, 64))


def scene(box=None):
    builder = SceneBuilder()
    gray, red = builder.material("flat", (0.4, 0.4, 0.4)), builder.material("flat", (0.8, 0.1, 0.1))
    if box is None or box == "with floor":
        with builder.object("floor", SurfaceClass.GROUND):
            builder.box((0, 0), (20, 20), (-1, -0.5), gray)
    if box is not None:
        with builder.object("box", SurfaceClass.OBJECT):
            builder.box((0, 2), (1, 1), (-0.5, 0.5), red)
    return builder.build()


def look(one):
    pose = torch.eye(4, dtype=torch.float64)
    pose[1, 3] = 0.5
    return render_scene(one, CAMERA, pose, light_rays=0)


def test_a_scene_joined_with_an_object_looks_like_the_one_built_with_it():
    together, built = look(join_scenes(scene(), scene("alone"))), look(scene("with floor"))
    for name in ("rgb", "depth_ray", "instance", "surface_class"):
        assert torch.equal(getattr(together, name), getattr(built, name)), name
    assert (built.instance == 2).any()


def test_without_the_object_it_looks_like_the_one_built_without():
    without, built = look(without_instances(scene("with floor"), [2])), look(scene())
    for name in ("rgb", "depth_ray", "instance"):
        assert torch.equal(getattr(without, name), getattr(built, name)), name


def test_unknown_instances_and_all_of_them_are_refused():
    with pytest.raises(InvalidInput, match="from 1 to 2"):
        without_instances(scene("with floor"), [3])
    with pytest.raises(InvalidInput, match="at least one shape"):
        without_instances(scene("with floor"), [1, 2])
