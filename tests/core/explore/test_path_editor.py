"""Drawn paths: what they mean, and that the quick check says what the stages after it will find."""

from __future__ import annotations

import json
import math

import pytest
import torch
from hall_world import hall

from matrix3d_core.errors import FormatError, InvalidInput
from matrix3d_core.explore.path_editor import (
    StudioScene,
    draw_map,
    drawn_path,
    keys_of_path,
    keys_of_preset,
    map_span,
    pose_of_key,
    rows_of_path,
    shrink,
)
from matrix3d_core.guidance.render import render_guidance
from matrix3d_core.scene.trajectory import Trajectory
from matrix3d_core.trajectories.clearance import measure_clearance
from matrix3d_core.trajectories.presets import make_preset


def drawing(*keys):
    return json.dumps({"version": 1, "use": "keys", "keys": [list(key) for key in keys]})


def test_a_drawing_becomes_a_path_through_its_keys():
    path = drawn_path(drawing((0, 0, 0, 0, 0), (1, -0.5, 2, 90, -10)), frames=21, ease=False)
    assert len(path) == 21
    assert path.centers[0].tolist() == pytest.approx([0, 0, 0])
    assert path.centers[-1].tolist() == pytest.approx([1, -0.5, 2])
    assert path.centers[10].tolist() == pytest.approx(
        [0.5, -0.25, 1]
    )  # two keys: a straight line at constant speed
    ahead = path.forwards[-1]
    assert ahead.tolist() == pytest.approx(
        [math.cos(math.radians(10)), math.sin(math.radians(10)), 0], abs=1e-9
    )
    assert drawn_path("", frames=5) is None
    assert drawn_path(drawing(), frames=5) is None
    assert len(drawn_path(drawing((1, 2, 3, 0, 0)), frames=4)) == 4


def test_closed_drawings_return():
    keys = ((0, 0, 0, 0, 0), (1, 0, 1, 0, 0), (-1, 0, 1, 0, 0))
    closed = drawn_path(drawing(*keys), frames=31, closed=True)
    assert torch.equal(closed.camera_from_world[0], closed.camera_from_world[-1])
    assert not torch.allclose(drawn_path(drawing(*keys), frames=31).centers[-1], closed.centers[-1])


def test_rows_and_poses_are_inverse():
    row = [1.0, -0.5, 2.0, 135.0, -20.0]
    pose = pose_of_key(row)
    assert rows_of_path(Trajectory(pose[None]))[0] == pytest.approx(row)
    assert (-(pose[:3, :3].T @ pose[:3, 3])).tolist() == pytest.approx(row[:3])


def test_the_quick_check_finds_what_guidance_and_clearance_will_find():
    geometry = hall(192)
    path = drawn_path(drawing((0, 0, 0, 0, 0), (-0.5, 0, 2.5, 40, 0)), frames=5)
    found = StudioScene.of(geometry).check(path, radius=0.3)
    guidance = render_guidance(geometry, path, height=192)
    weight = torch.sin((torch.arange(192) + 0.5) / 192 * math.pi)
    truth = 1 - (guidance.mask.mean(2) * weight).sum(1) / weight.sum()
    assert found.holes[0] == 0
    assert found.holes.tolist() == pytest.approx(truth.tolist(), abs=0.012)  # 64 instead of 192 rows
    assert float(found.holes.max()) > 0.02, "there is something to be found"
    exact = measure_clearance(path, geometry, radius=0.3)
    assert found.clearance.per_frame.tolist() == pytest.approx(exact.per_frame.tolist())
    assert found.report()["colliding"] == []


def test_a_world_path_is_checked_where_its_panorama_stands():
    scene = StudioScene.of(hall(96))
    path = drawn_path(drawing((0, 0, 0, 0, 0), (-0.5, 0, 2.5, 40, 0)), frames=5)
    here = scene.check(path, radius=0.3)
    world = pose_of_key([3, 0, -2, 40, 0])
    elsewhere = Trajectory(path.camera_from_world @ world, frame_of_reference="world")
    there = scene.check(elsewhere, radius=0.3)
    assert float(here.holes.max()) > 0.01
    assert there.holes.tolist() == pytest.approx(here.holes.tolist(), abs=1e-4)
    assert there.report()["clearance"] == pytest.approx(here.report()["clearance"], abs=1e-3)
    assert there.trajectory is elsewhere


def test_long_paths_are_read_off_between_frames():
    scene = StudioScene.of(hall(96))
    keys = drawing((0, 0, 0, 0, 0), (-0.5, 0, 2.5, 40, 0))
    few, many = (scene.check(drawn_path(keys, frames=count), radius=0.3).holes for count in (31, 121))
    assert many[::4].tolist() == pytest.approx(few.tolist(), abs=0.03)


def test_a_path_through_the_screen_collides():
    path = drawn_path(drawing((0, 0, 0, 0, 0), (2, 0, 2, 0, 0)), frames=41, ease=False)
    found = StudioScene.of(hall(192)).check(path, radius=0.2)
    # Its front is at z = 1, so a frame collides from z = 0.8 on: frame 16 of 40 equal steps of 0.05.
    assert found.clearance.colliding_frames[0] in (16, 17)
    assert found.clearance.colliding_frames[-1] == 40, "behind the screen nothing is known"
    assert found.clearance.per_frame[8] == pytest.approx(1 - 8 * 0.05, abs=0.02)


def test_a_small_copy_keeps_the_shapes():
    small = shrink(hall(192), 48)
    assert small.height == 48
    ratio = small.depth_ray / hall(48).depth_ray
    assert float((ratio - 1).abs().median()) < 0.01


def test_the_map_shows_the_walls_where_they_are():
    geometry = hall(192)
    geometry.rgb[:] = 0.2
    rows = geometry.rgb.shape[0]
    geometry.rgb[rows // 2 - 48 : rows // 2 + 8] = torch.tensor(
        [1.0, 0.0, 0.0]
    )  # the walls are red above the eye
    assert map_span(geometry) > 4
    picture = draw_map(geometry, center=(0.0, 0.0), span=10.0, size_px=200)
    assert picture.shape == (200, 200, 3)

    def redness(x, z):
        column, row = int((x / 10 + 0.5) * 200), int((0.5 - z / 10) * 200)
        patch = picture[row - 3 : row + 4, column - 3 : column + 4].reshape(-1, 3)
        return float((patch[:, 0] - patch[:, 1]).max())

    assert redness(-4, 2) > 0.5, "the left wall"
    assert redness(0, 4) > 0.5, "the wall ahead"
    assert redness(2, 1) > 0.5, "the front of the screen"
    assert redness(2, 3) < 0.1, "nothing is known behind the screen"
    assert redness(-1, -1) < 0.1, "floor"
    assert redness(4.6, 0) < 0.1
    moved = draw_map(geometry, center=(-4.0, 2.0), span=10.0, size_px=200)
    assert float((moved[97:104, 97:104, 0] - moved[97:104, 97:104, 1]).max()) > 0.5


def test_keys_to_edit_a_path_by():
    keys = keys_of_path(make_preset("straight", frames=81, distance=4.0), 5)
    assert [key[2] for key in keys] == pytest.approx([0, 1, 2, 3, 4])
    turn = keys_of_preset("look_around", hall(96), 0.5)
    assert len(turn) == 9
    assert [key[3] % 360 for key in turn] == pytest.approx([0, 45, 90, 135, 180, 225, 270, 315, 0], abs=3)
    with pytest.raises(InvalidInput, match="panorama's frame"):
        keys_of_path(Trajectory(torch.eye(4).double()[None], frame_of_reference="world"))


def test_bad_drawings_are_refused():
    with pytest.raises(FormatError, match="path: keys 0"):
        drawn_path('{"keys": [[1, 2]]}', frames=5)
    with pytest.raises(InvalidInput, match="at most 200"):
        drawn_path(drawing(*[(k, 0, 0, 0, 0) for k in range(201)]), frames=5)
    for bad in ([1, 2, 3], [1, 2, 3, 4, math.nan], "pose", [1, 2, 3, 4, True]):
        with pytest.raises(InvalidInput, match="five finite numbers"):
            pose_of_key(bad)
    for span, size in ((0, 100), (math.nan, 100), (5, 4096)):
        with pytest.raises(InvalidInput):
            draw_map(hall(16), center=(0.0, 0.0), span=span, size_px=size)
