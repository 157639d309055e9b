"""Views of a world, styles and the restyled world, inside of the real host's interpreter."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.host


@pytest.fixture(scope="module")
def seen(in_host, tmp_path_factory):
    """What the nodes gave, all from one interpreter."""
    return in_host.call("style_nodes.styles", base=tmp_path_factory.mktemp("style") / "base")


def test_views_come_as_pictures_with_depth_and_normals(seen):
    pictures = [6, 64, 64, 3]
    assert seen["shapes"] == [pictures, pictures, pictures, [6, 64, 64], [6, 64, 64], pictures, pictures]
    assert seen["poses"] == [6, [64, 64], 2]
    assert seen["views"]["views"] == 6
    assert seen["views"]["coverage"] == seen["views"]["coverage_by_count"][-1] > 0.85


def test_a_world_takes_the_look_of_its_views_and_keeps_its_walls(seen):
    assert all(seen["same"])
    day, night, pictures = seen["luma"]
    assert night < 0.6 * day
    assert night == pytest.approx(pictures, abs=0.05)
    assert seen["restyled"]["views"] == 6
    assert 0.8 < seen["restyled"]["seen"] <= 1


def test_errors_say_what_is_wrong(seen):
    says = (
        "one edited view for each pose; got 4 views and 6 poses",
        "aspect of the cameras, 64x64; got 64x48",
        "edited must be finite",
        "at least 1 splat to be restyled",
        "at least 1 splat to be viewed",
        "must have a reference",
        "must hold more than one color",
    )
    for error, expected in zip(seen["errors"], says, strict=True):
        assert expected in str(error)
