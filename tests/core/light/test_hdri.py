"""Tone curves, exposures and the energy of suns and lamps."""

from __future__ import annotations

import math

import pytest
import torch

from matrix3d_core.errors import InvalidInput
from matrix3d_core.light.hdri import add_sun, merge_exposures, restore_lamps
from matrix3d_core.light.irradiance import irradiance_from_panorama, row_solid_angles, shade
from matrix3d_core.light.tone import TONE_CURVES, display_from_linear, linear_from_display
from matrix3d_core.relight.daylight import direction_of_sun


@pytest.mark.parametrize("curve", TONE_CURVES)
def test_curves_and_their_inverses_cancel(curve):
    color = torch.linspace(0, 0.99, 500, dtype=torch.float64)[:, None].expand(-1, 3)
    back = display_from_linear(linear_from_display(color, curve), curve)
    # Next to black sRGB's two pieces meet to 1e-8 of light only.
    torch.testing.assert_close(back, color, rtol=0, atol=1e-6)
    assert bool((linear_from_display(color, curve).diff(dim=0) > 0).all())


def test_filmic_is_the_published_curve():
    x = 0.62 * 1.3  # by hand: x (2.51 x + 0.03) / (x (2.43 x + 0.59) + 0.14)
    expected = (x * (2.51 * x + 0.03) / (x * (2.43 * x + 0.59) + 0.14)) ** (1 / 2.2)
    assert float(display_from_linear(torch.full((3,), 1.3), "filmic")[0]) == pytest.approx(expected, rel=1e-6)


def test_an_unknown_curve_is_refused():
    with pytest.raises(InvalidInput, match="tone_curve must be one of srgb, filmic"):
        linear_from_display(torch.zeros(3), "log")


def scene():
    rng = torch.Generator().manual_seed(1)
    return torch.exp(2.2 * torch.randn(32, 64, 1, generator=rng)) * torch.tensor((1.0, 0.8, 0.6)) * 0.2


@pytest.mark.parametrize("curve", TONE_CURVES)
@pytest.mark.parametrize("known", [True, False])
def test_exposures_merge_to_the_light(curve, known):
    light, stops = scene(), [0.0, -3.0, 3.0]
    pictures = torch.stack([display_from_linear(light * 2**stop, curve) for stop in stops])
    pictures = (pictures * 255).round() / 255
    merged, found = merge_exposures(pictures, curve=curve, stops=stops if known else None)
    assert found == pytest.approx(stops, abs=0.05)
    good = (light.amax(-1) < 4) & (light.amin(-1) > 0.01)
    # 8 bits: half a step of 255 where the curves are at their flattest that is trusted.
    assert float((merged / light - 1)[good].abs().max()) < 0.06
    assert float((merged / light - 1)[good].abs().median()) < 0.01


def test_exposures_without_a_common_pixel_are_refused():
    with pytest.raises(InvalidInput, match="must have pixels in common"):
        merge_exposures(torch.stack((torch.zeros(8, 16, 3), torch.ones(8, 16, 3))), curve="srgb")
    with pytest.raises(InvalidInput, match="stops must be 1 finite numbers"):
        merge_exposures(torch.zeros(1, 8, 16, 3), curve="srgb", stops=[0, 1])
    with pytest.raises(InvalidInput, match="must be finite"):
        merge_exposures(torch.full((1, 8, 16, 3), math.nan), curve="srgb")


@pytest.mark.parametrize(("yaw", "elevation"), [(0.3, 0.5), (3.14, 0.01), (1.0, 1.57)])
def test_a_sun_brings_its_irradiance(yaw, elevation):
    towards, irradiance = direction_of_sun(yaw, elevation), torch.tensor((5.0, 4.0, 3.0))
    panorama = add_sun(torch.full((128, 256, 3), 0.1), towards, irradiance)
    added = ((panorama - 0.1).double() * row_solid_angles(128)[:, None, None]).sum((0, 1))
    torch.testing.assert_close(added, irradiance.double(), rtol=1e-4, atol=0)
    facing = shade(irradiance_from_panorama(panorama - 0.1), towards.float())
    # Harmonics of degree 2 make a sun 1/16 too bright on what faces it; the disk is two pixels wide.
    torch.testing.assert_close(facing, irradiance * 17 / 16, rtol=0.01, atol=0)


def test_a_negative_sun_is_refused():
    with pytest.raises(InvalidInput, match="irradiance must be finite and not negative"):
        add_sun(torch.zeros(8, 16, 3), direction_of_sun(0, 0), torch.tensor((-1.0, 0, 0)))


def test_lamps_get_what_walls_need():
    room, lamps = torch.full((64, 128, 3), 0.35), torch.zeros(64, 128, dtype=torch.bool)
    lamps[4:14, 30:60] = True
    room[lamps] = 1.0
    bright, gain = restore_lamps(room, lamps)
    area = row_solid_angles(64)[:, None]
    flux = lambda mask: float((bright[..., 1] * area * mask).sum())  # noqa: E731
    # Walls send back 0.65 of what falls on them, lamps send the rest.
    assert flux(lamps) / (flux(lamps) + flux(~lamps)) == pytest.approx(0.35, abs=1e-4)
    assert gain > 1
    assert torch.equal(bright[~lamps], room[~lamps])
    assert restore_lamps(room, torch.ones_like(lamps))[1] == 1.0  # a white wall is no lamp
