"""Objects placed, erased and edited inside of the real host's interpreter."""

from __future__ import annotations

import json

import pytest

pytestmark = pytest.mark.host


@pytest.fixture(scope="module")
def seen(in_host, tmp_path_factory):
    return in_host.call("object_nodes.places_and_erases", base=tmp_path_factory.mktemp("objects"))


@pytest.mark.parametrize("kind", ["file", "mesh", "splat"])
def test_a_file_a_mesh_and_splats_become_an_instance_with_a_collider(seen, kind):
    has_more, names, corners, report = seen[kind]
    assert has_more
    assert list(names.values()) == ["box"]
    assert corners == 3
    placed = json.loads(report)
    assert placed["size"][1] == pytest.approx(0.5, abs=0.03)
    assert placed["position"][1] == pytest.approx(1.5, abs=0.05)


def test_a_mesh_of_the_host_stands_upright(seen):
    assert seen["upright"]


def test_a_sun_of_high_dynamic_range_casts_a_shadow(seen):
    assert json.loads(seen["sun"])["shadowed"] > 0


def test_colliders_are_joined(seen):
    assert seen["joined"] == [1, 24, 3]


def test_what_was_erased_leaves_a_view_that_can_be_edited(seen):
    image, mask, poses, report = seen["erased"]
    assert image == [1, *mask[1:], 3]
    assert poses == 1
    assert json.loads(report)["erased"] > 100
    assert json.loads(seen["edited"])["recolored"] > 0


def test_bad_input_says_what_to_do(seen):
    says = (
        "another unit",
        "triangles with an area",
        "it has: none",
        "it has: none",
        "Paint what may change",
        "one edited view for each pose",
        "number and size",
    )
    for message, part in zip(seen["errors"], says, strict=True):
        assert part in message
