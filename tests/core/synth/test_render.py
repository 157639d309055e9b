"""Factory scenes: what a camera sees of simple shapes, from the definition."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from matrix3d_core.errors import InvalidInput
from matrix3d_core.scene.camera import Equirect, Pinhole
from matrix3d_core.synth.materials import MATERIAL_KINDS
from matrix3d_core.synth.render import render_scene
from matrix3d_core.synth.scene import Environment, SceneBuilder, SurfaceClass

pytest.importorskip("numba")

from matrix3d_core.synth.kernels_light import Hit
from matrix3d_core.synth.kernels_materials import paint


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


def test_every_material_has_structure_that_does_not_depend_on_the_viewpoint():
    b = SceneBuilder()
    b.environment = Environment(sun_direction=(0.2, -0.3, -1.0))
    kinds = [kind for kind, record in MATERIAL_KINDS.items() if kind not in ("image", "vertex_color", "lamp")]
    for k, kind in enumerate(kinds):
        with b.object(kind, SurfaceClass.OBJECT):
            corner = (1.1 * (k % 8) - 4.4, 4.4 - 1.1 * (k // 8), 5.0)
            b.quad(corner, (1, 0, 0), (0, -1, 0), b.material(kind, (0.4, 0.3, 0.2)))
    scene = b.build()
    frame = render_scene(scene, Pinhole.from_fov(1.6, 360, 400), pose_at(0, 2, 0), light_rays=0)
    assert torch.isfinite(frame.rgb).all()
    gray = frame.rgb.mean(-1)
    for k, kind in enumerate(kinds, 1):
        seen = gray[frame.instance == k]
        assert len(seen) > 60, kind
        assert float(seen.std()) > (0.004 if kind in ("flat", "snow", "tiles") else 0.006), kind
    # The same points from another place: matt colors are functions of the surface point.
    rows = np.zeros((2, Hit.WIDTH))
    rows[:, :3], rows[:, 16:18], rows[:, 25] = (0.3, -0.2, 5), (0.3, 0.2), 2
    rows[:, 20] = (0.01, 0.0101)  # pixels of almost the same size
    paint(scene.looks, rows)
    np.testing.assert_allclose(rows[0, 21:24], rows[1, 21:24], rtol=0.02)


def lit_floor(environment: Environment, *shapes, lamp=None, indoor=False, light_rays=0) -> torch.Tensor:
    """Linear-ish gray of a floor of 16 m seen from 6 m above, 33 x 33 pixels of half a meter; row is -z."""
    b = SceneBuilder(environment=environment, is_indoor=indoor)
    paint = b.material("flat", (0.5, 0.5, 0.5), bump=0.0)
    with b.object("floor", SurfaceClass.GROUND):
        b.quad((-20, 0, -20), (40, 0, 0), (0, 0, 40), paint)
    with b.object("things", SurfaceClass.OBJECT):
        for center, size, up in shapes:
            b.box(center, size, up, paint)
    if lamp is not None:
        b.lamp(lamp, (6, 6, 6), range=12)
    pose = torch.eye(4, dtype=torch.float64)
    pose[:3, :3] = torch.tensor(((1.0, 0, 0), (0, 0, -1), (0, 1, 0)))  # looks down
    pose[:3, 3] = -pose[:3, :3] @ torch.tensor((0.0, -8.25, 0.0), dtype=torch.float64)
    return render_scene(
        b.build(), Pinhole.from_fov(math.pi / 2, 33, 33), pose, light_rays=light_rays
    ).rgb.mean(-1)


DARK = Environment(
    sun_color=(0, 0, 0),
    sky_top=(0, 0, 0),
    sky_horizon=(0, 0, 0),
    clouds=0,
    haze=0,
    ambient=0.01,
    exposure=2.0,
)


def test_the_sun_casts_shadows_away_from_it():
    sunny = Environment(sun_direction=(1, -1, 0), haze=0, clouds=0)
    gray = lit_floor(sunny, ((0, 0), (1, 1), (2, 3)))  # 2 to 3 m up: the shadow lies 2 to 3 m towards -x
    row = 16
    assert float(gray[row, 11]) < 0.75 * float(gray[row, 21])
    assert float(gray[row, 6]) == pytest.approx(float(gray[row, 26]), abs=0.05)


def test_lamps_light_what_they_see():
    open_floor = lit_floor(DARK, lamp=(0, 2, 0))
    walled = lit_floor(DARK, ((1, 0), (0.2, 9), (0, 3)), lamp=(0, 2, 0))
    assert float(open_floor[16, 22]) > float(open_floor[16, 30]) > float(lit_floor(DARK)[16, 22])
    assert float(walled[16, 22]) < 0.5 * float(open_floor[16, 22])
    assert float(walled[16, 12]) == pytest.approx(float(open_floor[16, 12]), abs=0.02)


def test_light_from_all_around_is_weaker_where_less_of_the_sky_is_seen():
    cloudy = Environment(
        sun_color=(0, 0, 0), sky_top=(0.5, 0.5, 0.5), sky_horizon=(0.5, 0.5, 0.5), clouds=0, haze=0
    )
    free = lit_floor(cloudy, light_rays=24)
    pit = lit_floor(cloudy, ((2, 0), (2, 12), (0, 6)), ((-2, 0), (2, 12), (0, 6)), light_rays=24)
    middle = slice(13, 20)
    assert float(pit[middle, 16].mean()) < 0.85 * float(free[middle, 16].mean())
    # A floor that sees the whole sky gets its color: 0.5 * 0.5 and a little for what bounced, through the tone curve.
    assert float(free[middle, middle].std()) < 0.03


def test_water_mirrors_a_wall_and_haze_hides_it():
    def view(haze: float) -> torch.Tensor:
        b = SceneBuilder()
        b.environment = Environment(sun_direction=(0, -1, -1), haze=haze, clouds=0)
        with b.object("lake", SurfaceClass.WATER):
            b.quad((-60, 0, -5), (120, 0, 0), (0, 0, 65), b.material("water", (0.02, 0.05, 0.05), waves=0.0))
        with b.object("wall", SurfaceClass.WALL):
            b.box((0, 40), (120, 1), (0, 30), b.material("flat", (0.7, 0.05, 0.05)))
        return render_scene(b.build(), Pinhole.from_fov(0.6, 32, 32), pose_at(0, 1.6, 0), light_rays=0).rgb

    clear, hazy = view(0.0), view(0.05)
    mirrored = clear[18, 4:28].mean(0)  # just below the shore, where water mirrors most of the light
    assert float(mirrored[0]) > 1.5 * float(mirrored[2])
    wall = clear[8, 4:28].mean(0), hazy[8, 4:28].mean(0)
    assert float(wall[0][0] - wall[0][2]) > 3 * float(wall[1][0] - wall[1][2])
