import json
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from matrix3d_core.errors import FormatError, InvalidInput
from matrix3d_core.geometry.quaternions import quats_from_rotvec, rotvec_from_quats, turning_angles
from matrix3d_core.geometry.rotations import matrix_from_quats, matrix_from_yaw_pitch_roll, quats_from_matrix
from matrix3d_core.trajectories.keyframes import look_at, parse_keyframes
from matrix3d_core.trajectories.spline import path_through_frames, spline_trajectory


def yawed(*degrees):
    yaw = torch.deg2rad(torch.tensor(degrees, dtype=torch.float64))
    return matrix_from_yaw_pitch_roll(yaw, torch.zeros_like(yaw), torch.zeros_like(yaw))


def random_keys(seed, count):
    rng = torch.Generator().manual_seed(seed)
    positions = torch.randn(count, 3, generator=rng, dtype=torch.float64)
    return positions, matrix_from_quats(torch.randn(count, 4, generator=rng, dtype=torch.float64))


@pytest.mark.parametrize("closed", [False, True])
@pytest.mark.parametrize("ease", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_even_pace_meets_every_keyframe(seed, ease, closed):
    positions, rotations = random_keys(seed, 6)
    segments = 6 if closed else 5
    path = spline_trajectory(
        positions, rotations, frames=segments * 10 + 1, speed_profile="per segment", closed=closed, ease=False
    )
    poses = path.world_from_camera
    for key in range(6):
        # Arc length is inverted on a table: positions are good to its rounding, not to the bit.
        torch.testing.assert_close(poses[key * 10, :3, 3], positions[key], rtol=0, atol=1e-11)
        torch.testing.assert_close(poses[key * 10, :3, :3], rotations[key], rtol=0, atol=1e-11)
    eased = spline_trajectory(positions, rotations, frames=101, closed=closed, ease=ease)
    assert torch.equal(eased.camera_from_world[0], path.camera_from_world[0])
    assert torch.equal(eased.camera_from_world[-1], path.camera_from_world[-1])
    assert torch.equal(path.camera_from_world[0], path.camera_from_world[-1]) == closed


@pytest.mark.parametrize("seed", range(5))
def test_distance_pace_passes_near_every_keyframe_at_constant_speed(seed):
    positions, rotations = random_keys(seed, 5)
    path = spline_trajectory(positions, rotations[:1].expand(5, 3, 3), frames=2001)
    steps = path.centers.diff(dim=0).norm(dim=-1)
    # Chord against arc: relative error (step * curvature)^2 / 24; worst seen 1.005 in a hairpin.
    assert float(steps.max() / steps.min()) < 1.01
    for key in positions:
        assert float((path.centers - key).norm(dim=-1).min()) <= 0.51 * float(steps.max())


def test_two_keyframes_give_a_straight_line_and_one_a_still():
    positions = torch.tensor([[0.0, 0, 0], [0, 0, 4]], dtype=torch.float64)
    path = spline_trajectory(positions, yawed(0, 90), frames=5)
    assert path.centers[:, 2].tolist() == pytest.approx([0, 1, 2, 3, 4])
    turned = torch.atan2(path.forwards[:, 0], path.forwards[:, 2])
    assert torch.rad2deg(turned).tolist() == pytest.approx([0, 22.5, 45, 67.5, 90])
    still = spline_trajectory(positions[1:], yawed(30), frames=4, closed=True)
    assert torch.equal(still.camera_from_world[0], still.camera_from_world[3])
    assert len(spline_trajectory(positions, yawed(0, 90), frames=1)) == 1


def test_turning_on_the_spot_stops_the_walk_without_a_jump():
    positions = torch.tensor([[0.0, 0, 0], [0, 0, 2], [0, 0, 2], [2, 0, 2]], dtype=torch.float64)
    path = spline_trajectory(positions, yawed(0, 0, 90, 90), frames=4001)
    speed = path.centers.diff(dim=0) * 4000
    spin = path.camera_from_world[:, :3, :3].mT.diff(dim=0) * 4000
    assert float(speed.diff(dim=0).norm(dim=-1).max()) < 0.02 * float(speed.norm(dim=-1).max())
    assert float(spin.diff(dim=0).flatten(1).norm(dim=-1).max()) < 0.02 * float(
        spin.flatten(1).norm(dim=-1).max()
    )
    here = (path.centers - positions[1]).norm(dim=-1) < 1e-9
    assert int(here.sum()) > 100  # it stands while it turns
    assert float(path.centers[:, 0].min()) > -1e-9  # and does not swing past the corner


def test_rotation_does_not_overshoot_its_keyframes():
    positions = torch.zeros(4, 3, dtype=torch.float64)
    path = spline_trajectory(positions, yawed(0, 0, 60, 60), frames=301)
    yaw = torch.rad2deg(torch.atan2(path.forwards[:, 0], path.forwards[:, 2]))
    assert float(yaw.min()) > -1e-9
    assert float(yaw.max()) < 60 + 1e-9
    assert float(yaw.diff().min()) > -1e-9


def test_full_turn_on_the_spot_through_keyframes_closes():
    path = spline_trajectory(torch.zeros(4, 3, dtype=torch.float64), yawed(0, 90, 180, -90), closed=True)
    assert torch.equal(path.camera_from_world[0], path.camera_from_world[-1])
    assert float(turning_angles(quats_from_matrix(path.camera_from_world[:, :3, :3])).sum()) == pytest.approx(
        math.tau
    )


@pytest.mark.parametrize("seed", range(3))
def test_path_through_frames_meets_them(seed):
    positions, rotations = random_keys(seed, 9)
    trajectory = spline_trajectory(positions, rotations, frames=9, speed_profile="per segment")
    centers, turned = path_through_frames(trajectory).at(torch.arange(9, dtype=torch.float64))
    torch.testing.assert_close(centers, positions, rtol=0, atol=1e-11)
    torch.testing.assert_close(turned, rotations, rtol=0, atol=1e-11)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(-1.8, 1.8), min_size=3, max_size=3))
def test_rotation_vectors_and_quaternions_are_inverse(values):
    rotvec = torch.tensor(values, dtype=torch.float64)  # |v| < pi
    torch.testing.assert_close(rotvec_from_quats(quats_from_rotvec(rotvec)), rotvec, rtol=0, atol=1e-14)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"frames": 0}, "at least 1 keyframe and 1 frame; got 2 and 0"),
        ({"speed_profile": "slow"}, "speed_profile must be one of constant, per segment; got 'slow'"),
        ({"positions": torch.full((2, 3), math.nan, dtype=torch.float64)}, "positions must be finite"),
        (
            {"positions": torch.zeros(3, 3, dtype=torch.float64)},
            "rotations_world_from_camera must have shape",
        ),
    ],
)
def test_bad_arguments_are_named(change, message):
    given_arguments = {
        "positions": torch.zeros(2, 3, dtype=torch.float64),
        "rotations_world_from_camera": yawed(0, 1),
    }
    with pytest.raises(InvalidInput, match=message):
        spline_trajectory(**(given_arguments | change))


def test_keyframes_are_read_from_text():
    text = json.dumps(
        [
            {"position": [1, 2, 3]},
            {"position": [0, 0, 0], "yaw": 90, "pitch": 0, "roll": 0},
            {"position": [0, 0, 0], "look_at": [0, 5, 0.0001]},
            {"position": [0, 0, 0], "look_at": [0, 0, 2], "roll": 90},
        ]
    )
    positions, rotations = parse_keyframes(text)
    assert positions[0].tolist() == [1, 2, 3]
    torch.testing.assert_close(rotations[0], torch.eye(3, dtype=torch.float64))
    torch.testing.assert_close(rotations[1][:, 2], torch.tensor([1.0, 0, 0], dtype=torch.float64))
    assert float(rotations[2][1, 2]) == pytest.approx(1.0)  # y is down: it looks down
    torch.testing.assert_close(rotations[3][:, 0], torch.tensor([0.0, 1, 0], dtype=torch.float64))


def test_look_at_is_upright():
    eye, target = torch.tensor([1.0, 0.5, -2]), torch.tensor([4.0, -1, 3])
    rotation = look_at(eye, target)
    forward = torch.nn.functional.normalize((target - eye).double(), dim=0)
    torch.testing.assert_close(rotation[:, 2], forward)
    assert float(rotation[1, 0]) == pytest.approx(0, abs=1e-15)  # the right axis is level
    assert float(rotation[1, 1]) > 0
    assert float(torch.linalg.det(rotation)) == pytest.approx(1)
    with pytest.raises(InvalidInput, match="must differ"):
        look_at(eye, eye)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[{]", "keyframes: line 1, column 3: not valid JSON"),
        ("[]", "list of 1 or more keyframes"),
        ("{}", "list of 1 or more keyframes"),
        ("[3]", "keyframe 0 must be an object"),
        ('[{"yaw": 1}]', "keyframe 0 must have a position"),
        ('[{"position": [0, 0]}]', r"keyframe 0 position must be three numbers \[x, y, z\]; got \[0, 0\]"),
        ('[{"position": [0, 0, NaN]}]', "line 1, column 22: numbers must be finite"),
        ('[{"position": [0, 0, 1' + "0" * 400 + "]}]", "line 1, column 22: numbers must be finite"),
        ('[{"position": [0, 0, true]}]', "keyframe 0 position must be finite"),
        ('[{"position": [0,0,0], "yaw": "left"}]', "keyframe 0 yaw must be finite numbers"),
        ('[{"position": [0,0,0], "lookat": [1,0,0]}]', "may hold.*got 'lookat'"),
        ('[{"position": [0,0,0], "look_at": [0,0,0]}]', "keyframe 0: look_at must differ"),
        ('[{"position": [0,0,0], "look_at": [0,0,1], "yaw": 3}]', "either look_at or yaw and pitch"),
    ],
)
def test_bad_keyframes_are_named(text, message):
    with pytest.raises(FormatError, match=message):
        parse_keyframes(text)
