"""The sun of panoramas: its disk, glow and absence."""

from __future__ import annotations

import math

import pytest
import torch

from matrix3d_core.errors import InvalidInput
from matrix3d_core.geometry.spherical import erp_directions
from matrix3d_core.light.sun import find_sun, guess_sky
from matrix3d_core.relight.daylight import direction_of_sun

ROWS = 128
PIXEL_DEG = 180 / ROWS


def sky_with(yaw_deg, elevation_deg, *, disk=True, clip=True):
    """A blue gradient with a glow and a disk of two pixels, over a dark ground."""
    rays = erp_directions(ROWS, 2 * ROWS)
    sun = direction_of_sun(math.radians(yaw_deg), math.radians(elevation_deg)).float()
    up, cosine = (-rays[..., 1]).clamp_min(0), (rays @ sun).clamp(-1, 1)
    gray = 0.45 - 0.2 * up + 0.12 * cosine.clamp_min(0) ** 6 + 0.2 * cosine.clamp_min(0) ** 40
    light = gray[..., None] * torch.tensor((0.8, 0.95, 1.15))
    if disk:
        light = torch.where((cosine > math.cos(math.radians(1.2 * PIXEL_DEG)))[..., None], 50.0, light)
    light = torch.where((rays[..., 1] > 0)[..., None], torch.tensor((0.12, 0.1, 0.06)), light)
    return (light.clamp_max(1) if clip else light), sun.double()


def off_deg(found, truth):
    return math.degrees(math.acos(min(1.0, float(found.direction @ truth))))


@pytest.mark.parametrize("clip", [True, False])
@pytest.mark.parametrize(("yaw", "elevation"), [(0, 40), (179.5, 20), (-75, 8), (30, 85)])
def test_a_disk_is_found_within_a_pixel(yaw, elevation, clip):
    panorama, sun = sky_with(yaw, elevation, clip=clip)
    found = find_sun(panorama)
    assert found.found_by == "disk"
    assert found.confidence > 0.5
    assert off_deg(found, sun) < PIXEL_DEG


def test_without_a_disk_the_glow_tells():
    panorama, sun = sky_with(60, 35, disk=False)
    found = find_sun(panorama)
    assert found.found_by == "glow"
    assert off_deg(found, sun) < 3
    assert math.degrees(found.elevation_rad) == pytest.approx(35, abs=3)
    assert math.degrees(found.yaw_rad) == pytest.approx(60, abs=4)


def test_a_white_cloud_is_no_disk():
    panorama, sun = sky_with(60, 35)
    rays = erp_directions(ROWS, 2 * ROWS)
    cloud = rays @ direction_of_sun(math.radians(-60), math.radians(40)).float() > math.cos(math.radians(9))
    panorama[cloud] = 0.85  # as large as 9 degrees around, less bright than the sun
    assert off_deg(find_sun(panorama), sun) < PIXEL_DEG


def test_a_gray_room_has_no_sun():
    found = find_sun(torch.full((64, 128, 3), 0.3), is_sky=torch.zeros(64, 128, dtype=torch.bool))
    assert found.found_by == "brightest"
    assert found.confidence < 0.1


def test_an_even_sky_has_none_that_is_sure():
    panorama = torch.full((64, 128, 3), 0.6)
    panorama[32:] = 0.1
    assert find_sun(panorama).confidence < 0.3


def test_sky_ends_at_the_first_thing():
    panorama = torch.full((32, 64, 3), 0.7)
    panorama[16:] = 0.1
    panorama[8:10, 20:30] = torch.tensor((0.2, 0.1, 0.05))  # a branch
    sky = guess_sky(panorama)
    assert bool(sky[:8].all())
    assert not bool(sky[8:, 20:30].any())
    assert not bool(sky[16:].any())


@pytest.mark.parametrize(
    ("panorama", "words"),
    [
        (torch.zeros(8, 15, 3), "equirectangular"),
        (torch.full((8, 16, 3), math.inf), "must be finite"),
        (torch.zeros(8, 16, 3, dtype=torch.long), "floating point"),
    ],
)
def test_what_is_no_panorama_is_refused(panorama, words):
    with pytest.raises(InvalidInput, match=words):
        find_sun(panorama)


def test_another_size_of_mask_is_refused():
    with pytest.raises(InvalidInput, match="is_sky must have shape"):
        find_sun(torch.zeros(8, 16, 3), is_sky=torch.zeros(4, 8, dtype=torch.bool))
