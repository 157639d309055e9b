"""The nodes that extend a world, inside the host: sockets, defaults, bad input in words."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.host


@pytest.fixture(scope="module")
def report(in_host, tmp_path_factory):
    return in_host.call("extend_nodes.extensions", base=tmp_path_factory.mktemp("extend"))


def test_world_extend_goes_on_from_the_last_pose(report):
    assert report["shapes"] == [[1, 48, 96, 3], [1, 48, 96], [1, 48, 96]]
    assert report["start"] == [pytest.approx([0, 0, 1]), "world", True]
    # In a ball of radius 3, 1 ahead of its middle: 2 ahead, 4 behind.
    assert report["ahead"] == pytest.approx([2, 4], rel=0.06)


def test_a_stored_pose_comes_first_and_is_made_upright(report):
    assert report["moved"][0] == pytest.approx([0.5, 0, 0])
    assert report["moved"][1] == pytest.approx([1, 0, 0], abs=1e-9)
    is_fine, complaint = report["valid"]
    assert is_fine
    assert "pose must be" in complaint
    assert "Extend from here" in report["nowhere"]


def test_paths_are_placed_and_proposed_in_the_world(report):
    assert report["placed"] == [pytest.approx([1, 0, 0]), "world"]  # 0.5 ahead of a start that looks right
    assert report["best"] == [5, "world", 3]


def test_a_loop_of_nothing_has_no_error(report):
    psnr, position, angle, shape = report["loop"]
    assert (psnr, position, angle) == (99, 0, pytest.approx(0, abs=1e-6))
    assert shape == [1, 144, 96, 3]


def test_the_studio_waits_hands_on_and_draws(report):
    assert report["studio_empty"] == [True, "m"]
    assert report["studio_given"] == [True, 5]
    assert report["same_token"]
    z, is_metric, frames = report["studio_drawn"]
    assert z == pytest.approx([0, 0.25, 0.5, 0.75, 1])
    assert is_metric
    assert frames == 5
