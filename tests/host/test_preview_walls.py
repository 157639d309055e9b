"""What Preview Splats hands to the browser beside the world: walls, panorama, origins; and what it says of paths."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.host


@pytest.fixture(scope="module")
def made(in_host, tmp_path_factory):
    return in_host.call("preview_walls.previews", base=tmp_path_factory.mktemp("walls"))


def test_a_geometry_gives_walls_and_its_panorama(made):
    assert {"walls", "panorama", "origins"} <= set(made["keys"])
    assert made["metric"] is True
    assert made["blocks"] == [False, True]
    assert "walls" not in made["plain"]


def test_walls_stand_where_the_trajectory_says_its_panorama_is(made):
    # The room's walls are 4 ahead, 3 to the right and 2 behind of where its panorama was taken.
    at_first_pose, at_origin = made["placed"]
    assert at_first_pose == [False, True, False, True, False, True]
    assert at_origin != at_first_pose


def test_a_collider_is_turned_from_the_axes_of_3d_files(made):
    # The triangle lies at z = -2 in glTF's axes, which look the other way: ahead at z = 2 in ours.
    assert made["mesh"] == [True, False]
    assert made["same_axes"] == [False, True]
    assert "panorama" not in made["mesh_keys"]


def test_frames_of_a_path_inside_walls_are_named(made):
    recorded = made["recorded"]
    assert recorded["frames"] == 41
    assert recorded["hits"]
    assert recorded["hits"] == list(range(recorded["hits"][0], 41)), "the last key lies far outside"
    assert recorded["hits"][0] > 10


def test_origins_go_along_in_the_order_of_the_file(made):
    assert made["origins"] == [0, 1, 2, 0, 1]


def test_the_panorama_is_a_picture(made):
    assert made["picture"].endswith(".jpg")
    assert made["jpeg"]


def test_bad_input_is_named(made):
    wide, empty, broken = made["errors"]
    assert wide == "panorama must be twice as wide as high; got 32x32."
    assert "collider must hold at least 1 triangle" in empty
    assert "collider must be finite" in broken
