"""Shadows, relighting, lamps, fog and lifted views on small worlds whose light is known."""

from __future__ import annotations

import math

import pytest
import torch

from matrix3d_core.errors import InvalidInput
from matrix3d_core.geometry.rotations import quats_from_matrix
from matrix3d_core.geometry.spherical import erp_directions
from matrix3d_core.light.irradiance import irradiance_from_panorama, shade
from matrix3d_core.light.sun import Sun
from matrix3d_core.light.tone import display_from_linear, linear_from_display
from matrix3d_core.relight.daylight import air_transmission, direction_of_sun, sky_brightness, sun_at_hour
from matrix3d_core.relight.environment import Environment, environment_from_light, environment_from_pictures
from matrix3d_core.relight.lights import lamps_from_text, lights_from_host
from matrix3d_core.relight.relight import Fog, Lamp, NewLight, relight_world
from matrix3d_core.relight.shadow_sun import find_sun_of_scene, sun_irradiance
from matrix3d_core.relight.shadows import surface_of_gaussians, surface_of_panorama, visibility
from matrix3d_core.relight.views import lift_albedo, lift_normals
from matrix3d_core.scene.gaussians import Gaussians
from matrix3d_core.scene.labels import CLASS_GROUND, CLASS_OBJECT, CLASS_SKY
from matrix3d_core.scene.trajectory import Trajectory

ALBEDO, SKY, SUN = 0.3, 0.4, torch.tensor((2.5, 2.4, 2.2))
OLD, NEW = (
    direction_of_sun(math.radians(90), math.radians(45)),
    direction_of_sun(math.radians(-90), math.radians(45)),
)
ROWS = 128


def plate(center, across, over, count_a, count_b):
    """Surfels of a rectangle around a center; ``across`` and ``over`` are its half edges."""
    a = (torch.arange(count_a) + 0.5) / count_a * 2 - 1
    b = (torch.arange(count_b) + 0.5) / count_b * 2 - 1
    points = center + a[:, None, None] * across + b[None, :, None] * over
    axes = torch.nn.functional.normalize(torch.stack((across, over)), dim=-1)
    turn = torch.stack((axes[0], axes[1], torch.linalg.cross(axes[0], axes[1])), -1)
    scales = torch.tensor((float(across.norm()) / count_a, float(over.norm()) / count_b, 1e-3))
    count = count_a * count_b
    quats = quats_from_matrix(turn.double()).float().expand(count, 4)
    return points.reshape(-1, 3), quats, scales.expand(count, 3)


def v(x, y, z):
    return torch.tensor((float(x), float(y), float(z)))


def lit_world(sun, *, sky=SKY):
    """Ground 1.6 below the center, a roof of 2 x 2 over it at x = 2, and a shell of sky; lit by the definition."""
    ground = plate(v(0, 1.6, 0), v(6, 0, 0), v(0, 0, 6), 120, 120)
    roof = plate(v(2, 0.6, 0), v(1, 0, 0), v(0, 0, 1), 30, 30)
    rays = erp_directions(16, 32).reshape(-1, 3)
    rays = rays[rays[:, 1] < 0]
    shell = (
        50 * rays,
        v(1, 0, 0).new_tensor((1, 0, 0, 0)).expand(len(rays), 4),
        torch.full((len(rays), 3), 5.0),
    )
    means, quats, scales = (torch.cat(parts) for parts in zip(ground, roof, shell, strict=True))
    classes = torch.cat(
        (
            torch.full((14400,), CLASS_GROUND),
            torch.full((900,), CLASS_OBJECT),
            torch.full((len(rays),), CLASS_SKY),
        )
    )
    shadow = means - sun.float() * (means[:, 1:2] - 0.6) / float(
        sun[1]
    )  # where the ray to the sun passes the roof
    under = (shadow[:, 0] - 2).abs().lt(1) & shadow[:, 2].abs().lt(1) & (means[:, 1] > 1)
    facing = torch.where(
        classes == CLASS_GROUND, max(0.0, -float(sun[1])), 0.0
    )  # the roof is seen from below
    up_light, down_light = math.pi * sky, math.pi * ALBEDO * sky
    ambient = torch.where(classes == CLASS_OBJECT, down_light, up_light)
    irradiance = ambient[:, None] + ((~under) * facing)[:, None] * SUN
    light = ALBEDO / math.pi * irradiance
    light[classes == CLASS_SKY] = sky
    colors = display_from_linear(light, "filmic")
    world = Gaussians.from_colors(means, quats.contiguous(), scales, torch.full((len(means),), 0.95), colors)
    return world.with_labels(classes=classes), under & (classes == CLASS_GROUND)


def environment(sun=OLD, strength=SUN, *, sky=SKY):
    """The panorama of that world's center, without the roof: even sky over ground that sends back as much as it does."""
    rays = erp_directions(ROWS, 2 * ROWS)
    is_sky = rays[..., 1] < 0
    light = torch.where(is_sky[..., None], torch.full((3,), sky), torch.full((3,), ALBEDO * sky))
    return Environment(light, Sun(sun, 1.0, "given"), strength, True, is_sky, {})


def mean_error(world, truth, mask):
    return float((world.colors - truth.colors)[mask].abs().mean())


def test_shadows_lie_where_rays_to_the_sun_meet_a_roof():
    world, under = lit_world(OLD)
    surface = surface_of_gaussians(world, torch.zeros(3), world.classes == CLASS_SKY)
    seen = visibility(surface, OLD.float(), torch.zeros(3), size=512, near=3.0)
    ground = world.classes == CLASS_GROUND
    wrong = (seen.lt(0.5) != under)[ground]
    # The edge of the shadow, 4 x 2 meters around, is uncertain by a surfel of 0.1 on both sides.
    assert float(wrong.float().sum()) * 0.01 < 8 * 0.2
    assert float(seen[ground & ~under].mean()) > 0.98
    assert float(seen[under].mean()) < 0.15


def test_what_faces_away_sees_no_sun_and_sky_casts_none():
    world, _ = lit_world(OLD)
    surface = surface_of_gaussians(world, torch.zeros(3), world.classes == CLASS_SKY)
    seen = visibility(surface, OLD.float(), torch.zeros(3), size=256, near=3.0)
    assert float(seen[world.classes == CLASS_OBJECT].mean()) > 0.98
    below = visibility(surface, v(0, 1, 0), torch.zeros(3), size=256, near=3.0)
    assert float(below[world.classes != CLASS_SKY].max()) == 0


def test_normals_of_a_panorama_are_those_of_its_plane():
    rays = erp_directions(64, 128)
    depth = torch.where(rays[..., 1] > 0.1, 1.6 / rays[..., 1].clamp_min(0.1), torch.inf)
    surface = surface_of_panorama(depth)
    inner = (rays[..., 1] > 0.2).reshape(-1)
    # Slopes of 1 / distance by differences of one row: an error of half a row's angle.
    assert float((surface.normals[inner] - v(0, -1, 0)).norm(dim=-1).max()) < math.pi / 64
    assert not bool(surface.casts[~(rays[..., 1] > 0.1).reshape(-1)].any())


def test_another_sun_gives_the_world_rendered_under_it():
    world, under = lit_world(OLD)
    truth, new_under = lit_world(NEW)
    relit = relight_world(world, environment(), NewLight(sun=NEW))
    ground = world.classes == CLASS_GROUND
    for mask, was in ((under, 0.03), (new_under, 0.03), (ground, 0.01)):
        assert mean_error(relit, truth, mask) < 0.3 * max(mean_error(world, truth, mask), was), was
    assert mean_error(relit, truth, ground) < 0.008  # edges of two shadows, a surfel wide


def test_geometry_and_labels_stay_bit_for_bit():
    world, _ = lit_world(OLD)
    world = world.with_labels(instances=torch.arange(len(world)) % 5)
    relit = relight_world(world, environment(), NewLight(sun=NEW, fog=Fog(20.0)))
    for name in ("means", "quats_wxyz", "scales", "opacities", "classes", "instances"):
        assert torch.equal(getattr(relit, name), getattr(world, name)), name
    assert relit.sh.shape == world.sh.shape
    assert not torch.equal(relit.sh, world.sh)


def test_the_same_light_changes_nothing():
    world, _ = lit_world(OLD)
    relit = relight_world(world, environment(), NewLight())
    assert float((relit.colors - world.colors).abs().max()) < 1e-4


def test_night_is_dark_and_a_lamp_falls_off_with_the_square():
    world, _ = lit_world(OLD)
    night = relight_world(world, environment(), NewLight(sun=direction_of_sun(0.0, -0.5)))
    ground = world.classes == CLASS_GROUND
    assert float(night.colors[ground].mean()) < 0.4 * float(world.colors[ground].mean())
    lamp = Lamp((-3.0, 0.6, 0.0), (4.0, 4.0, 4.0), range=1e6)
    lit = relight_world(world, environment(), NewLight(sun=direction_of_sun(0.0, -0.5), lamps=[lamp]))
    gained = (linear_from_display(lit.colors, "filmic") - linear_from_display(night.colors, "filmic"))[:, 1]
    way = torch.tensor(lamp.position) - world.means
    expected = ALBEDO * 4 * way[:, 1].abs() / way.norm(dim=-1) ** 3
    near = ground & (way.norm(dim=-1) < 3)
    torch.testing.assert_close(gained[near], expected[near], rtol=0.06, atol=0.004)


def test_what_shines_by_itself_keeps_its_light():
    world, _ = lit_world(OLD)
    shown = world.colors.clone()
    shown[15000] = display_from_linear(torch.full((3,), 6.0), "filmic")  # of the dark roof
    world = Gaussians.from_colors(*world.tensors()[:4], shown).with_labels(classes=world.classes)
    night = relight_world(world, environment(), NewLight(sun=direction_of_sun(0.0, -0.5)))
    assert float((night.colors - world.colors)[15000].abs().max()) < 0.01
    assert float(night.colors[15001].mean()) < 0.5 * float(world.colors[15001].mean())


def test_fog_hides_by_distance():
    world, _ = lit_world(OLD)
    fogged = relight_world(world, environment(), NewLight(fog=Fog(4.0, (1.0, 1.0, 1.0))))
    ground = (world.classes == CLASS_GROUND).nonzero()[:, 0]
    before, after = (linear_from_display(w.colors[ground], "filmic") for w in (world, fogged))
    clear = torch.exp(-world.means[ground].norm(dim=-1) / 4)[:, None]
    torch.testing.assert_close(after, clear * before + 1 - clear, rtol=0.01, atol=0.005)


def test_given_albedo_replaces_the_colors():
    world, _ = lit_world(OLD)
    albedo = torch.full((len(world), 3), math.nan)
    albedo[:100] = 0.6
    plain, given = (relight_world(world, environment(), NewLight(sun=NEW), albedo=a) for a in (None, albedo))
    ratio = linear_from_display(given.colors, "filmic") / linear_from_display(plain.colors, "filmic")
    torch.testing.assert_close(ratio[:100], torch.full((100, 3), 2.0), rtol=0.02, atol=0)
    assert torch.equal(given.colors[200:], plain.colors[200:])


def test_views_are_lifted_to_what_they_see():
    world, _ = lit_world(OLD)
    path = Trajectory(torch.eye(4, dtype=torch.float64)[None], fps=1.0)
    pictures = torch.zeros(1, 64, 128, 3)
    pictures[0, 32:] = 1.0
    albedo = lift_albedo(world, pictures, path)
    ground = world.classes == CLASS_GROUND
    hidden = ground & (world.means[:, 0] > 3) & (world.means[:, 0] < 5) & (world.means[:, 2].abs() < 1)
    seen = ground & (world.means.norm(dim=-1) < 3) & (world.means[:, 0] < 0)
    assert float((albedo[seen] == 1).all(-1).float().mean()) > 0.97
    assert float(torch.isnan(albedo[hidden]).any(-1).float().mean()) > 0.6  # behind the roof
    up = torch.tensor((0.5, 1.0, 0.5)).expand(1, 64, 128, 3)
    facing = lift_normals(world, up, path)
    torch.testing.assert_close(facing[seen].nanmean(0), v(0, -1, 0), rtol=0, atol=1e-5)
    with pytest.raises(InvalidInput, match="albedo needs the trajectory"):
        lift_albedo(world, pictures, None)
    with pytest.raises(InvalidInput, match="one picture for each pose; got 2"):
        lift_albedo(world, pictures.expand(2, -1, -1, -1), path)


def rendered(sun, rows=ROWS, *, hidden=True):
    """Light and distances of the center's panorama: ground, four walls, and a sky without a disk."""
    rays = erp_directions(rows, 2 * rows)
    center = torch.zeros(3)
    boxes = [
        (v(2, 0.1, -2), v(3, 1.6, -1)),
        (v(-4, -1, 2), v(-3, 1.6, 4)),
        (v(1, -2, 3), v(3, 1.6, 4)),
        (v(-2, 0, -4), v(0, 1.6, -3)),
    ]
    depth, normal = (
        torch.where(rays[..., 1] > 0.01, 1.6 / rays[..., 1].clamp_min(0.01), torch.inf),
        torch.zeros(rows, 2 * rows, 3),
    )
    normal[..., 1] = -1

    def hit(start, way):
        best, axis = torch.full(way.shape[:-1], torch.inf), torch.zeros(way.shape[:-1], dtype=torch.long)
        for low, high in boxes:
            a, b = (low - start) / way, (high - start) / way
            first, last = torch.minimum(a, b), torch.maximum(a, b)
            enter, side = first.max(-1)
            closer = (enter < last.min(-1).values) & (enter > 1e-4) & (enter < best)
            best, axis = torch.where(closer, enter, best), torch.where(closer, side, axis)
        return best, axis

    near, axis = hit(center, rays)
    is_box = near < depth
    depth = torch.where(is_box, near, depth)
    facing = torch.nn.functional.one_hot(axis, 3).float() * -rays.sign()
    normal = torch.where(is_box[..., None], facing, normal)
    points = rays * depth.nan_to_num(posinf=1.0)[..., None] + 1e-3 * normal
    shadow = torch.isfinite(hit(points, sun.float().expand_as(points))[0])
    falls = (normal @ sun.float()).clamp_min(0) * ~shadow
    light = 0.25 / math.pi * (math.pi * 0.5 + falls[..., None] * SUN)
    light[~torch.isfinite(depth)] = 0.5
    return light, depth


@pytest.mark.parametrize(("yaw", "elevation"), [(100, 40), (-30, 25)])
def test_shadows_tell_the_sun(yaw, elevation):
    sun = direction_of_sun(math.radians(yaw), math.radians(elevation))
    light, depth = rendered(sun)
    found = find_sun_of_scene(light, depth)
    assert found.found_by == "shadows"
    assert math.degrees(math.acos(min(1.0, float(found.direction @ sun)))) < 3


def test_shadows_tell_how_strong_the_sun_is():
    sun = direction_of_sun(math.radians(100), math.radians(40))
    light, depth = rendered(sun, 256)
    around = irradiance_from_panorama(torch.full((16, 32, 3), 0.5))
    strength, share = sun_irradiance(light, depth, sun, around)
    assert share > 0.005
    torch.testing.assert_close(strength, SUN, rtol=0.1, atol=0)


def test_a_true_hdri_keeps_its_sun():
    calm = environment()
    made = Environment(calm.light, Sun(OLD, 1.0, "given"), SUN, True, calm.is_sky, {})
    found = environment_from_light(made.hdri())
    assert math.degrees(math.acos(min(1.0, float(found.sun.direction @ OLD)))) < 1
    torch.testing.assert_close(found.sun_irradiance, SUN, rtol=0.1, atol=0)
    ball = shade(found.ambient(), v(0, -1, 0))
    torch.testing.assert_close(ball, torch.full((3,), math.pi * SKY), rtol=0.05, atol=0)


def test_a_clipped_sun_gets_the_strength_of_a_clear_day():
    bright = environment().hdri()
    found = environment_from_pictures(display_from_linear(bright, "filmic")[None])
    assert found.report["sun_strength_from"] == "a typical clear day"
    up = shade(found.ambient(), v(0, -1, 0)).mean()
    assert float(found.sun_irradiance.mean() / up) == pytest.approx(3, rel=0.05)


def test_the_sun_of_the_day():
    yaw, noon = sun_at_hour(12, 0.4)
    assert yaw == pytest.approx(0.4)
    assert math.degrees(noon) == pytest.approx(90 - 48 + 15)
    assert math.degrees(sun_at_hour(0, 0.0)[1]) == pytest.approx(-(90 - 48 - 15))
    assert sun_at_hour(18, 0.0)[0] > sun_at_hour(14, 0.0)[0] > 0  # to the right of south: west
    levels = [float(air_transmission(math.radians(e)).mean()) for e in (-5, 1, 10, 45, 90)]
    assert levels == sorted(levels)
    assert levels[0] == 0
    evening = air_transmission(math.radians(3))
    assert float(evening[0]) > 2 * float(evening[2])
    skies = [float(sky_brightness(math.radians(e)).mean()) for e in (-90, -12, -3, 10, 60)]
    assert skies == sorted(skies)
    assert skies[-1] == pytest.approx(1)


def test_the_hosts_lights_become_lamps_and_a_sun():
    lamps, sun = lights_from_host(
        [
            {
                "type": "directional",
                "position": {"x": 0, "y": 10, "z": 0},
                "target": {"x": 0, "y": 0, "z": 0},
            },
            {
                "type": "point",
                "color": "#ff0000",
                "intensity": 2.0,
                "position": {"x": 1, "y": 2, "z": 3},
                "range": 7.0,
            },
            {"type": "spot", "position": {"x": 0, "y": 1, "z": 0}},
        ]
    )
    torch.testing.assert_close(sun, torch.tensor((0.0, -1.0, 0.0), dtype=torch.float64))
    assert lamps[0] == Lamp((1.0, -2.0, -3.0), (2.0, 0.0, 0.0), 7.0)
    assert lamps[1].range == 30
    assert lights_from_host([]) == ([], None)
    for bad, words in (
        ("x", "must be a list"),
        ([3], "must hold dicts"),
        ([{"type": "area"}], "must be one of"),
        ([{"type": "point", "intensity": math.nan}], "intensity of a light must be a finite"),
        ([{"type": "point", "color": "red"}], "must be #rrggbb"),
        ([{"type": "point", "position": 3}], "must hold x, y and z"),
    ):
        with pytest.raises(InvalidInput, match=words):
            lights_from_host(bad)


def test_lamps_as_text():
    lamps = lamps_from_text("1 2 3\n\n# a comment\n-1, 0, 2, 5, #ffffff\n")
    assert [lamp.position for lamp in lamps] == [(1.0, 2.0, 3.0), (-1.0, 0.0, 2.0)]
    assert lamps[1].color == (5.0, 5.0, 5.0)
    for bad in ("1 2", "a b c", "1 2 3 4 red", "1 2 nan", "1 2 3 4 #fff000 6"):
        with pytest.raises(InvalidInput, match=r"line 1 of lamps|must be #rrggbb"):
            lamps_from_text(bad)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"sun": torch.zeros(3)}, "sun must be a direction"),
        ({"sun_gain": -1.0}, "sun_gain must be 0 or more"),
        ({"fog": Fog(0.0)}, "fog distance must be above 0"),
        ({"lamps": [Lamp((0.0, math.nan, 0.0), (1.0, 1.0, 1.0))]}, "a lamp needs a finite position"),
    ],
)
def test_bad_light_is_refused(change, words):
    world, _ = lit_world(OLD)
    with pytest.raises(InvalidInput, match=words):
        relight_world(world, environment(), NewLight(**change))


def test_worlds_without_anything_or_without_sky():
    world, _ = lit_world(OLD)
    with pytest.raises(InvalidInput, match="at least one Gaussian"):
        relight_world(world.select(torch.zeros(len(world), dtype=torch.bool)), environment(), NewLight())
    indoor = world.select(world.classes != CLASS_SKY)
    relit = relight_world(indoor, environment(), NewLight(sun=NEW))
    assert bool(torch.isfinite(relit.sh).all())
    only_sky = relight_world(
        world.select(world.classes == CLASS_SKY), environment(), NewLight(sun=NEW, fog=Fog(9.0))
    )
    assert bool(torch.isfinite(only_sky.sh).all())
