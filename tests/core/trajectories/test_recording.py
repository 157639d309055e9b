from __future__ import annotations

import json
import math

import pytest
import torch

from matrix3d_core.collision.occupancy import Occupancy
from matrix3d_core.errors import FormatError, InvalidInput
from matrix3d_core.trajectories.recording import parse_recording, trajectory_from_recording


def line(seconds=4.0, speed=1.4, rate=30):
    """A walk straight ahead while the head turns right by 10 degrees a second across the wrap at 180."""
    count = int(seconds * rate) + 1
    times = [k / rate for k in range(count)]
    return [[t, 0, 0, speed * t, (169.5 + 10 * t + 180) % 360 - 180, 5] for t in times]


def parse(**parts):
    return parse_recording(json.dumps({"version": 1, **parts}))


def test_empty_text_is_an_empty_recording():
    empty = parse_recording(" ")
    assert not empty.has_path
    assert empty.view is None
    with pytest.raises(InvalidInput, match="Record a walk"):
        trajectory_from_recording(empty)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_a_straight_walk_comes_back(smoothing):
    path = trajectory_from_recording(parse(walk=line()), frames=41, smoothing_s=smoothing, is_metric=True)
    assert len(path) == 41
    assert path.is_metric
    expected = torch.linspace(0, 5.6, 41, dtype=torch.float64)
    # A Gaussian leaves straight lines alone; what remains is its end effect, far below a millimeter.
    assert torch.allclose(path.centers[:, 2], expected, atol=1e-3)
    assert path.centers[:, :2].abs().max() < 1e-9
    yaw = torch.atan2(path.forwards[:, 0], path.forwards[:, 2]).rad2deg() % 360
    assert torch.allclose(yaw, torch.linspace(169.5, 209.5, 41, dtype=torch.float64), atol=0.2)
    pitch = torch.asin(-path.forwards[:, 1]).rad2deg()
    assert torch.allclose(pitch, torch.full_like(pitch, 5.0), atol=0.01)


def corner(seconds=4.0, rate=50):
    """Straight ahead, at half time at a right angle to the left, while the head makes a jump of 60 degrees."""
    rows = []
    for k in range(int(seconds * rate) + 1):
        t = k / rate
        ahead, left = 1.4 * min(t, seconds / 2), 1.4 * max(t - seconds / 2, 0)
        rows.append([t, -left, 0, ahead, -60 * min(max((t - seconds / 2) / 0.1, 0), 1), 0])
    return rows


@pytest.mark.parametrize("smoothing", [0.1, 0.5])
def test_corners_are_kept_as_far_as_the_smoothing_says(smoothing):
    path = trajectory_from_recording(
        parse(walk=corner()), frames=201, smoothing_s=smoothing, resample_by="time"
    )
    reach, turn = 0.07 * smoothing, 4 * smoothing
    x, z = path.centers[:, 0], path.centers[:, 2]
    # Off the way that was walked: x = 0 up to z = 2.8, then z = 2.8.
    off = torch.where(z < 2.8 - (-x), x.abs(), (z - 2.8).abs())
    assert off.max() <= reach + 0.003
    assert off.max() > 0.2 * reach, "it is smoothed at all"
    yaw = torch.atan2(path.forwards[:, 0], path.forwards[:, 2]).rad2deg()
    time = torch.linspace(0, 4, 201, dtype=torch.float64)
    walked = -60 * ((time - 2) / 0.1).clamp(0, 1)
    assert (yaw - walked).abs().max() <= turn + 0.1


def test_smoothing_does_not_bring_the_path_into_a_wall():
    solid = torch.ones(
        40, 1, 60, dtype=torch.bool
    )  # a block around whose corner one walks as near as one can
    walls = Occupancy(solid, (-6.0 - 0.25, -0.05, 2.8 - 0.25 - 4.0), 0.1)
    walked = parse(walk=corner())
    free, held = (
        trajectory_from_recording(walked, frames=201, smoothing_s=3.0, resample_by="time", walls=w)
        for w in (None, walls)
    )
    assert walls.blocks(free.centers, 0.2).any()
    assert not walls.blocks(held.centers, 0.24).any()


def test_distance_leaves_pauses_out_and_time_keeps_them():
    rows = [[0, 0, 0, 0, 0, 0], [1, 0, 0, 1, 0, 0], [4, 0, 0, 1, 0, 0], [5, 0, 0, 2, 0, 0]]
    even = trajectory_from_recording(parse(walk=rows), frames=21, smoothing_s=0)
    steps = even.centers.diff(dim=0).norm(dim=-1)
    assert torch.allclose(steps, torch.full_like(steps, 0.1), atol=0.01)
    timed = trajectory_from_recording(parse(walk=rows), frames=21, smoothing_s=0, resample_by="time")
    assert torch.allclose(timed.centers[5:16, 2], torch.ones(11, dtype=torch.float64), atol=0.02)


def test_key_poses_are_met_in_their_order():
    keys = [[0, 0, 0, 0, 0], [1, 0, 1, 90, 0], [2, 0, 0, 180, -10]]
    path = trajectory_from_recording(parse(keys=keys, use="keys"), frames=101)
    assert torch.equal(path.centers[0], torch.zeros(3, dtype=torch.float64))
    assert torch.allclose(path.centers[-1], torch.tensor([2.0, 0, 0], dtype=torch.float64), atol=1e-12)
    nearest = (path.centers - torch.tensor([1.0, 0, 1.0])).norm(dim=-1)
    assert nearest.min() < 0.02
    assert 40 < int(nearest.argmin()) < 60
    assert path.forwards[-1, 1] == pytest.approx(math.sin(math.radians(10)), abs=1e-9)  # looks down: +y


def test_one_sample_stands_still():
    path = trajectory_from_recording(parse(walk=[[0.5, 1, 2, 3, 90, 0]]), frames=5)
    assert torch.allclose(path.centers, torch.tensor([1.0, 2, 3], dtype=torch.float64).expand(5, 3))


def test_the_view_keeps_its_field_of_view():
    view = parse(view=[1, 2, 3, 90, 0, 65]).view
    assert math.degrees(view.fov_y_rad) == pytest.approx(65)
    assert view.fov_x_rad(540, 540) == pytest.approx(view.fov_y_rad)
    half = math.tan(view.fov_x_rad(540, 960) / 2) / math.tan(view.fov_y_rad / 2)
    assert half == pytest.approx(960 / 540)
    # Looking right (+x): the world's +x is the camera's +z.
    assert torch.allclose(
        view.camera_from_world[2], torch.tensor([1.0, 0, 0, -1.0], dtype=torch.float64), atol=1e-12
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "line 1"),
        ("[]", "must be an object"),
        ('{"version": 2}', "version must be 1"),
        ('{"use": "both"}', "use must be"),
        ('{"walk": 3}', "walk must be a list"),
        ('{"walk": [[0, 0, 0, 0, 0]]}', "walk 0 must be 6"),
        ('{"walk": [[0, 0, 0, NaN, 0, 0]]}', "line 1, column 21: numbers must be finite"),
        ('{"walk": [[0, 0, 0, 1' + "0" * 400 + ", 0, 0]]}", "line 1, column 21: numbers must be finite"),
        ('{"keys": [[0, 0, 0, 0, true]]}', "keys 0 must be 5"),
        ('{"keys": [[0, 0, 1e9, 0, 0]]}', "keys 0 must be 5"),
        ('{"walk": [[1, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0]]}', "never fall"),
        ('{"walk": [[0, 0, 0, 0, 0, 0], [99999, 0, 0, 0, 0, 0]]}', "at most 3600"),
        ('{"view": [0, 0, 0, 0, 0, 0]}', "field of view"),
        ("[" * 100_000, "JSON"),
    ],
)
def test_broken_text_is_named(text, words):
    with pytest.raises(FormatError, match=words):
        parse_recording(text)


@pytest.mark.parametrize(
    "option", [{"frames": 0}, {"smoothing_s": -1.0}, {"smoothing_s": math.nan}, {"resample_by": "x"}]
)
def test_options_out_of_range(option):
    with pytest.raises(InvalidInput):
        trajectory_from_recording(parse(walk=line()), **option)


def test_poses_of_a_turned_view_are_taken_to_the_world():
    """A file with z up, shown upright: its y goes ahead (view +z) and its z up (view -y)."""
    turn = [[1, 0, 0], [0, 0, -1], [0, 1, 0]]
    rows = [[1.0, 2.0, 3.0, 0.0, 0.0], [1.0, 2.0, 5.0, 0.0, 0.0]]
    text = json.dumps({"use": "keys", "keys": rows, "view": [*rows[0], 65.0], "turn": turn})
    recording = parse_recording(text)
    path = trajectory_from_recording(recording, frames=2)
    # x stays, 3 ahead is y = 3, 2 down is z = -2; the camera looks along the file's +y with -z below it.
    expected = torch.tensor([[1.0, 3.0, -2.0], [1.0, 5.0, -2.0]], dtype=torch.float64)
    torch.testing.assert_close(path.centers, expected, rtol=0, atol=1e-9)
    axes = torch.tensor([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]], dtype=torch.float64)
    torch.testing.assert_close(path.camera_from_world[0, :3, :3], axes, rtol=0, atol=1e-9)
    torch.testing.assert_close(recording.view.camera_from_world, path.camera_from_world[0], rtol=0, atol=1e-9)


@pytest.mark.parametrize(
    "turn", [[[1, 0, 0], [0, 1, 0], [0, 0, -1]], [[2, 0, 0], [0, 1, 0], [0, 0, 1]], [[1, 0, 0]]]
)
def test_a_turn_must_be_a_rotation(turn):
    with pytest.raises(FormatError, match="turn must be 3 rows of 3 that make a rotation"):
        parse_recording(json.dumps({"turn": turn}))


def test_an_hour_of_walking_is_read_in_bounded_memory_and_more_is_refused(monkeypatch):
    from matrix3d_core.trajectories import edit

    rows = [[3.6 * k, 0.05 * k, 0.0, 0.1 * k, 0.0, 0.0] for k in range(1001)]
    sizes = []
    monkeypatch.setattr(
        edit,
        "_weighted",
        lambda rows, weights, of=edit._weighted: sizes.append(len(rows)) or of(rows, weights),
    )
    path = trajectory_from_recording(parse_recording(json.dumps({"walk": rows})), frames=9, smoothing_s=1.0)
    assert len(path) == 9
    assert max(sizes) <= 3600 * 20 + 1 + 2 * 60, "20 poses a second, and three deviations at either end"
    with pytest.raises(FormatError, match="a walk must last at most 3600 seconds"):
        parse_recording(json.dumps({"walk": [*rows, [3601, 0, 0, 0, 0, 0]]}))
    with pytest.raises(FormatError, match="walk must hold at most 20000 poses; got 20001"):
        parse_recording(json.dumps({"walk": [[0, 0, 0, 0, 0, 0]] * 20_001}))
