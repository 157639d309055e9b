"""Panorama to HDRI and World Relight inside of the real host's interpreter."""

from __future__ import annotations

import json

import pytest

pytestmark = pytest.mark.host


@pytest.fixture(scope="module")
def seen(in_host):
    return in_host.call("light_nodes.lights")


def test_the_sun_is_found_and_saved(seen):
    assert seen["angles"] == pytest.approx([30, 40], abs=1.5)  # half a pixel
    assert seen["most"] > 20
    assert seen["saved"] < 0.025  # 1 in 128 of the largest channel at most, which is twice another at most


def test_night_is_darker_and_a_lamp_of_the_host_brighter(seen):
    day, night, lamp = (seen[name][0] for name in ("day", "night", "lamp"))
    assert night < 0.5 * day
    assert lamp > night + 0.02
    assert seen["night"][1]["is_night"]
    assert not seen["day"][1]["is_night"]
    assert seen["lamp"][1]["lamps"] == 1


def test_the_hosts_directional_light_is_the_sun(seen):
    # 45 degrees up, to the right: y up there, y down here.
    assert seen["given_sun"]["sun_yaw_deg"] == pytest.approx(90)
    assert seen["given_sun"]["sun_elevation_deg"] == pytest.approx(45)


def test_an_hdri_brings_its_own_sun(seen):
    before = json.loads(seen["hdri_day"])["before"]
    assert before["sun_strength_from"] == "its disk"
    assert [before["sun_yaw_deg"], before["sun_elevation_deg"]] == pytest.approx([30, 40], abs=1.5)


def test_fog_and_albedo_change_colors(seen):
    assert seen["as it is"] == pytest.approx(0.4, abs=1e-3)
    assert seen["fog"] > seen["as it is"] + 0.01
    assert seen["albedo"] > seen["day"][0] + 0.1


def test_errors_say_what_to_do(seen):
    for message, words in zip(
        seen["errors"],
        ("equirectangular", "stops must be numbers", "albedo needs the trajectory", "line 1 of lamps"),
        strict=True,
    ):
        assert words in message
