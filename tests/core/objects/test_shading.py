"""Light on objects and their shadows, beside closed forms."""

import math

import pytest
import torch

from matrix3d_core.errors import InvalidInput
from matrix3d_core.light.irradiance import linear_from_srgb, srgb_from_linear
from matrix3d_core.objects.shading import (
    apply_gain,
    direct_light,
    light_at,
    lit_object,
    normals_of,
    shadow_gain,
)
from matrix3d_core.scene.gaussians import Gaussians
from tests.support.small_worlds import room


def flat(points, colors, sigma, normal="y"):
    """Return flat splats whose shortest axis is y (ground, lids) or z."""
    count = len(points)
    scales = torch.full((count, 3), sigma)
    scales[:, 1 if normal == "y" else 2] = sigma / 20
    return Gaussians.from_colors(
        points.float(),
        torch.tensor((1.0, 0, 0, 0)).repeat(count, 1),
        scales,
        torch.full((count,), 0.95),
        colors,
    )


def disk(radius, height, spacing=0.02, color=0.0):
    steps = torch.arange(-radius, radius + 1e-9, spacing)
    x, z = torch.meshgrid(steps, steps, indexing="ij")
    inside = x.square() + z.square() <= radius**2
    points = torch.stack((x[inside], torch.full_like(x[inside], -height), z[inside]), -1)
    return flat(points, torch.full((len(points), 3), color), 0.6 * spacing)


def ground(distances):
    points = torch.stack(
        (torch.tensor(distances), torch.zeros(len(distances)), torch.zeros(len(distances))), -1
    )
    return flat(points, torch.full((len(distances), 3), 0.5), 0.01)


def test_light_from_everywhere_has_the_whole_sphere():
    light = direct_light(torch.full((32, 64, 3), 0.5))
    level = float(linear_from_srgb(torch.tensor(0.5)))
    torch.testing.assert_close(
        light.radiance.sum(0), torch.full((3,), 4 * math.pi * level).double(), rtol=1e-4, atol=0
    )
    assert float(light.directions.mean(0).norm()) < 0.03  # evenly spread


def test_a_sun_gets_its_share_of_the_directions():
    panorama = torch.full((32, 64, 3), 0.1)
    panorama[8, 40] = 40.0
    light = direct_light(panorama)
    energy = (
        linear_from_srgb(panorama)
        * (math.pi / 32) ** 2
        * torch.sin((torch.arange(32) + 0.5) * math.pi / 32)[:, None, None]
    )
    share = float(energy[8, 40, 0] / energy[..., 0].sum())
    biggest = light.directions[(light.directions @ light.directions.mT > 0.999).sum(1).argmax()]
    assert abs(float((light.directions @ biggest > 0.999).double().mean()) - share) < 0.02


@pytest.mark.parametrize(("radius", "height"), [(0.5, 0.5), (0.5, 1.5), (1.0, 0.4)])
def test_below_a_disk_as_much_light_is_missing_as_its_form_factor_says(radius, height):
    light = direct_light(torch.full((32, 64, 3), 0.7))
    viewer = torch.tensor((0.0, -2.0, 0.0))
    gain = shadow_gain(ground([0.0]), disk(radius, height), light, viewer=viewer)
    # A disk seen from a point below its middle, parallel to it: R^2 / (R^2 + h^2) of the irradiance;
    # a fifth of it comes back from the disk's own side.
    exact = 1 - 0.8 * radius**2 / (radius**2 + height**2)
    # 256 directions: the share of hits is off by about one in sqrt(256 / 2) at most.
    assert abs(float(gain[0, 0]) - exact) < 0.07


def test_a_shadow_fades_with_distance_and_ends():
    light = direct_light(torch.full((32, 64, 3), 0.7))
    gain = shadow_gain(
        ground([0.0, 0.6, 1.2, 40.0]), disk(0.5, 0.5), light, viewer=torch.tensor((0.0, -2.0, 0.0))
    )
    assert (gain[:-1, 0].diff() > 0).all()
    assert gain[-1, 0] == 1
    assert float(gain.min()) >= 0.02


def test_half_a_shadow_takes_half():
    light = direct_light(torch.full((32, 64, 3), 0.7))
    viewer = torch.tensor((0.0, -2.0, 0.0))
    whole, half = (
        shadow_gain(ground([0.0]), disk(0.5, 0.5), light, viewer=viewer, strength=s) for s in (1.0, 0.5)
    )
    torch.testing.assert_close(1 - half, (1 - whole) / 2)


def test_the_shadow_lies_opposite_the_sun():
    panorama = torch.full((64, 128, 3), 0.05)
    panorama[16, 96] = 200.0  # 45 degrees up, to the right (+x)
    light = direct_light(panorama)
    gain = shadow_gain(ground([-0.5, 0.5]), disk(0.2, 0.5), light, viewer=torch.tensor((0.0, -2.0, 0.0)))
    assert gain[0, 0] < 0.35
    assert gain[1, 0] > 0.9


def test_light_and_shadow_leave_what_they_do_not_reach_bit_by_bit_and_can_be_taken_back():
    world = room(bases=4)
    gain = torch.ones(len(world), 3).double()
    gain[:50] = torch.linspace(0.02, 0.9, 150).double().reshape(50, 3)
    changed = apply_gain(world, gain)
    assert torch.equal(changed.sh[50:], world.sh[50:])
    assert not torch.equal(changed.sh[:50], world.sh[:50])
    linear = linear_from_srgb(world.colors[:50].double().clamp(0, 1))
    torch.testing.assert_close(
        changed.colors[:50].double(), srgb_from_linear(linear * gain[:50]), atol=1e-6, rtol=1e-6
    )
    back = apply_gain(changed, gain, invert=True)
    torch.testing.assert_close(back.sh, world.sh, atol=2e-5, rtol=2e-5)


def test_a_ball_in_even_light_has_its_albedo_times_the_light():
    steps = torch.arange(2000).double()
    polar, turn = torch.acos(1 - 2 * (steps + 0.5) / 2000), steps * math.pi * (3 - math.sqrt(5))
    normals = torch.stack((polar.sin() * turn.cos(), polar.cos(), polar.sin() * turn.sin()), -1)
    ball = flat(0.3 * normals.float(), torch.full((2000, 3), 0.6), 0.01)
    lit = lit_object(ball, direct_light(torch.full((32, 64, 3), 0.5)), normals)
    expected = srgb_from_linear(linear_from_srgb(torch.tensor(0.6)) * linear_from_srgb(torch.tensor(0.5)))
    off = (lit.colors - expected).abs()
    assert float(off.median()) < 0.01
    assert float(off.max()) < 0.06
    assert lit_object(ball, direct_light(torch.full((32, 64, 3), 0.5)), normals, strength=0.0) is ball


def test_a_world_sends_its_own_light():
    from dataclasses import replace

    white = room()
    dark = replace(white, sh=torch.where(white.means[:, :1, None] > 1.9, white.sh, -1.7 + 0 * white.sh))
    light = light_at(dark, torch.zeros(3))
    mean = (light.directions * light.radiance.mean(-1, keepdim=True)).sum(0)
    assert float(torch.nn.functional.normalize(mean, dim=0)[0]) > 0.95


def test_normals_turn_outward():
    points = torch.tensor(((0.0, 1.0, 0.0), (0.0, -1.0, 0.0)))
    found = normals_of(flat(points, torch.zeros(2, 3), 0.1), torch.zeros(3))
    torch.testing.assert_close(found.float(), points)


@pytest.mark.parametrize(
    ("panorama", "says"),
    [
        (torch.zeros(16, 32, 3), "black"),
        (torch.full((16, 32, 3), torch.nan), "finite"),
        (torch.ones(16, 16, 3), "panorama"),
    ],
)
def test_a_panorama_without_light_is_refused(panorama, says):
    with pytest.raises(InvalidInput, match=says):
        direct_light(panorama)
