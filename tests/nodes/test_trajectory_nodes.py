"""The trajectory nodes, executed inside a real host process."""

from __future__ import annotations

import json

import pytest

pytestmark = pytest.mark.host


@pytest.fixture(scope="module")
def report(in_host, tmp_path_factory):
    return in_host.call("trajectory_nodes.trajectories", base=tmp_path_factory.mktemp("nodes"))


def test_preset_stays_clear_when_asked(report):
    assert report["preset_length"] == pytest.approx(2.8, abs=0.01)  # the wall ahead is at 3
    assert "shortened to" in report["preset_report"]
    assert report["preset_metric"]
    assert report["free_length"] == pytest.approx(1.5 * 2 * 3, rel=0.01)
    assert report["units_length"] == pytest.approx(7.0)
    assert "geometry must be connected for distance_mode 'fraction of depth'" in report["no_geometry"]


def test_saved_paths_are_loaded_bit_for_bit(report):
    for layout in ("upstream", "matrix3d"):
        poses, yaw, is_metric = report[f"loaded_{layout}"]
        assert poses == report["made"]
        assert yaw == 0.0
        assert is_metric == (layout == "matrix3d")
    assert report["saved"]["upstream"].endswith("walk_00001_.json")
    assert report["saved"]["matrix3d"].endswith("walk_00002_.json")
    with open(report["saved"]["upstream"]) as file:
        assert json.load(file) == report["made"]
    assert report["menu"] == ["(pasted text)", "paths/matrix3d.json", "paths/upstream.json"]


def test_names_that_leave_the_hosts_folders_are_refused(report):
    assert "must stay inside the host's output folder" in report["outside"]
    parent, absolute, missing, fine = report["escape"]
    assert "must stay inside the host's input folder" in parent
    assert "must be a name inside the host's input folder" in absolute
    assert "does not exist" in missing
    assert fine is True
    assert "must stay inside" in report["escape_run"]


def test_paths_of_other_tools_and_where_the_panorama_stands(report):
    auto, first, yaw_kept, origin = report["placed"]
    assert [place[0] for place in report["placed"]] == ["world", "world", "panorama", "panorama"]
    assert auto[1] == first[1] == origin[1] == [1, 2, 5]
    assert yaw_kept[1] == [0, 0, 2]
    assert auto[2] == 2  # half a second each
    assert (
        "read as a TUM trajectory: camera-to-world, opencv axes (pose_convention and axes override it)"
        in auto[3]
    )
    assert "panorama_at changes it" in auto[3]
    assert "the panorama stands at the origin" in origin[3]
    # As world-to-camera the same numbers are minus the centers; twice as large; between them at 4 a second.
    assert report["pasted_rows"] == [[-2, -4, -z] for z in (6, 7, 8, 9, 10)]
    assert report["model"] == [[1, 2, 3]]
    assert report["folder"][0] is True
    assert "must stay inside" in report["folder"][1]
    assert report["same_folder"]
    assert "a bare list does not store the panorama's position" in report["bare"]


def test_foreign_units_are_refused_or_rescaled(report):
    assert "2 frames at 12 fps" in report["pasted"]
    assert "the units do not match" in report["far_too_large"]
    assert report["fitted"] == pytest.approx(1.5, rel=0.01)
    assert report["upstream"] == pytest.approx(1.5, rel=0.01)
    assert report["one_frame"] == 1
    assert (
        report["malformed"] == "FormatError: pasted text: line 2, column 3: not valid JSON (Expecting value)."
    )
    assert "a file or text must be given" in report["nothing"]


def test_keyframes_and_cameras(report):
    assert report["keys"] == [81, True]
    assert "keyframe 0 must have a position" in report["bad_keys"]
    assert report["camera"]["target"] == {"x": 0.0, "y": 0.0, "z": -1.0}
    assert report["camera"]["fov"] == pytest.approx(60)
    start, end, real_end = report["through"]
    assert start == [0, 0, 0]
    assert end == pytest.approx(real_end)
    assert "at least one camera must be connected" in report["no_camera"]
    assert "frame must lie in 0..80; got 81" in report["bad_frame"]


def test_edits(report):
    edits = report["edits"]
    assert edits["reverse"] == [81, pytest.approx(1), pytest.approx(2.8, abs=0.01)]
    assert edits["resample"] == [40, pytest.approx(1), 0]
    assert edits["smooth"] == [81, pytest.approx(1), 0]
    assert edits["scale"] == [81, pytest.approx(0.5), 0]
    assert report["joined"] == 161


def test_clearance_and_preview(report):
    length, text, shape, is_clear, shown = report["clearance"]
    assert length == pytest.approx(2.8, abs=0.01)
    assert "frames collide" in text
    assert "shortened to" in text
    assert shape[0] == 1
    assert shape[1] == 256
    assert shape[3] == 3
    assert is_clear is False
    assert "images" in shown
    assert report["preview"] == [[1, 256, shape[2], 3], "torch.float32", shown]


def test_every_node_says_what_it_is(report):
    assert report["ids"] == [
        "TrajectoryPreset",
        "TrajectoryFromKeyframes",
        "TrajectoryFromCamera",
        "TrajectoryLoad",
        "TrajectorySave",
        "TrajectoryToCamera",
        "TrajectoryEdit",
        "TrajectoryJoin",
        "TrajectoryClearance",
        "TrajectoryPreview",
    ]
    assert report["without_tooltip"] == []
    assert report["undescribed"] == []
    assert report["categories"] == ["Matrix-3D/trajectory"]


def test_a_camera_of_a_gltf_file_is_loaded(report):
    assert report["gltf"] == [[1, -2, 3]]  # y up and z backward there
