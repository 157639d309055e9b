"""Factory scenes: what a camera sees of simple shapes, from the definition."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from matrix3d_core.errors import InvalidInput
from matrix3d_core.scene.camera import Equirect, Pinhole
from matrix3d_core.synth.render import render_scene
from matrix3d_core.synth.scene import SceneBuilder, SurfaceClass

pytest.importorskip("numba")


def pose_at(x: float, up: float, z: float) -> torch.Tensor:
    pose = torch.eye(4, dtype=torch.float64)
    pose[:3, 3] = -torch.tensor((x, -up, z), dtype=torch.float64)
    return pose


def test_distances_normals_and_classes_are_those_of_the_shapes():
    b = SceneBuilder()
    paint = b.material("flat", (0.5, 0.5, 0.5))
    with b.object("floor", SurfaceClass.GROUND):
        b.quad((-50, 0, -50), (100, 0, 0), (0, 0, 100), paint)
    with b.object("wall", SurfaceClass.WALL):
        b.box((0, 5.5), (40, 1), (0, 30), paint)
    camera = Equirect((32, 64))
    frame = render_scene(b.build(), camera, pose_at(0, 1.6, 0))
    rays = camera.rays()
    floor = torch.where(rays[..., 1] > 0, 1.6 / rays[..., 1], math.inf)
    wall = torch.where(rays[..., 2] > 0, 5 / rays[..., 2], math.inf)
    wall = torch.where(((wall * rays[..., 0]).abs() < 20) & (wall * -rays[..., 1] < 28.4), wall, math.inf)
    floor = torch.where(
        ((floor * rays[..., 0]).abs() < 50) & ((floor * rays[..., 2]).abs() < 50), floor, math.inf
    )
    expected = torch.minimum(floor, wall)
    torch.testing.assert_close(
        frame.depth_ray.double(), expected, rtol=1e-6, atol=0
    )  # one rounding to float32
    sees_wall, sees_floor = wall < floor, floor < wall
    assert 100 < int(sees_wall.sum())
    assert 400 < int(sees_floor.sum())
    assert (frame.surface_class[sees_wall] == SurfaceClass.WALL).all()
    assert (frame.instance[sees_wall] == 2).all()
    assert (frame.surface_class[sees_floor] == SurfaceClass.GROUND).all()
    assert (frame.instance[sees_floor] == 1).all()
    assert (frame.normal[sees_wall] == torch.tensor((0.0, 0.0, -1.0))).all()
    assert (frame.normal[sees_floor] == torch.tensor((0.0, -1.0, 0.0))).all()
    sky = torch.isinf(expected)
    assert not frame.surface_class[sky].any()
    assert not frame.instance[sky].any()
    assert not frame.normal[sky].any()
    assert frame.rgb.min() >= 0
    assert frame.rgb.max() <= 1
    assert torch.isfinite(frame.rgb).all()
    pinhole = Pinhole.from_fov(math.pi / 2, 16, 16)
    straight = render_scene(b.build(), pinhole, pose_at(0, 1.6, 0), samples=3).depth_ray
    z = pinhole.depth_from_ray(straight)
    torch.testing.assert_close(z[:8], torch.full((8, 16), 5.0), rtol=1e-6, atol=0)


def test_same_seed_same_bits_and_another_seed_other_jitter(monkeypatch):
    b = SceneBuilder()
    with b.object("ball", SurfaceClass.OBJECT):
        b.ellipsoid((0, 1, 3), 1.0, b.material("mottled", (0.5, 0.3, 0.1)))
    scene, camera = b.build(), Equirect((64, 128))
    first = render_scene(scene, camera, pose_at(0, 1.6, 0), samples=2, seed=3)
    monkeypatch.setattr("matrix3d_core.compiled.thread_count", lambda: 1)
    again = render_scene(scene, camera, pose_at(0, 1.6, 0), samples=2, seed=3)
    assert torch.equal(first.rgb, again.rgb)
    assert torch.equal(first.depth_ray, again.depth_ray)
    other = render_scene(scene, camera, pose_at(0, 1.6, 0), samples=2, seed=4)
    assert not torch.equal(first.rgb, other.rgb)
    assert torch.equal(first.depth_ray, other.depth_ray)


def test_objects_know_their_boxes():
    b = SceneBuilder()
    paint = b.material("flat", (0.5, 0.5, 0.5))
    with b.object("post", SurfaceClass.OBJECT):
        b.cylinder((2, 3), 0.5, (0, 2), paint, top_radius=0.1)
        b.box((2, 3), (2, 1), (2, 2.5), paint, yaw=math.pi / 2)
    item = b.build().objects[0]
    assert (item.name, item.surface_class) == ("post", SurfaceClass.OBJECT)
    np.testing.assert_allclose(item.low, (1.5, -2.5, 2), atol=1e-12)
    np.testing.assert_allclose(item.high, (2.5, 0, 4), atol=1e-12)


def test_interruption_between_bands():
    b = SceneBuilder()
    with b.object("ball", SurfaceClass.OBJECT):
        b.ellipsoid((0, 1, 3), 1.0, b.material("flat", (0.5, 0.3, 0.1)))
    seen = []

    def stop(event):
        seen.append(event.done)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        render_scene(b.build(), Equirect((256, 512)), pose_at(0, 1, 0), samples=4, progress=stop)
    assert 0 < seen[0] < 256 * 512
    assert len(seen) == 1


def test_wrong_input_is_refused():
    b = SceneBuilder()
    with pytest.raises(InvalidInput, match="at least one shape"):
        b.build()
    with pytest.raises(InvalidInput, match="kind must be one of flat, mottled"):
        b.material("jelly", (0.5, 0.5, 0.5))
    with pytest.raises(InvalidInput, match="three numbers from 0 to 1"):
        b.material("flat", (0.5, 0.5, 1.5))
    with pytest.raises(InvalidInput, match=r"brick takes the parameters .*bond.*got 'pond'"):
        b.material("brick", (0.5, 0.5, 0.5), pond=1)
    paint = b.material("flat", (0.5, 0.5, 0.5))
    with pytest.raises(InvalidInput, match=r"inside `with builder\.object"):
        b.box((0, 0), (1, 1), (0, 1), paint)
    with b.object("box", SurfaceClass.OBJECT):
        with pytest.raises(InvalidInput, match="positive size"):
            b.box((0, 0), (1, 1), (1, 0), paint)
        with pytest.raises(InvalidInput, match="index from material"):
            b.box((0, 0), (1, 1), (0, 1), 7)
        with pytest.raises(InvalidInput, match="must be finite"):
            b.ellipsoid((math.nan, 0, 0), 1.0, paint)
        b.box((0, 0), (1, 1), (0, 1), paint)
    with pytest.raises(InvalidInput, match="samples must be at least 1"):
        render_scene(b.build(), Equirect((2, 4)), pose_at(0, 1, 0), samples=0)
