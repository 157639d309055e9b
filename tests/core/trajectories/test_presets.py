import itertools
import math

import numpy as np
import pytest
import torch
from oracles_cameras import upstream_rail

from matrix3d_core.errors import InvalidInput
from matrix3d_core.scene.panorama import PanoramaGeometry
from matrix3d_core.trajectories.motion import ease_in_out
from matrix3d_core.trajectories.presets import (
    CLOSED_PRESETS,
    TRAJECTORY_PRESETS,
    UPSTREAM_PRESETS,
    make_preset,
    pivot_distance,
    preset_heading,
    preset_in_scene,
)

IDENTITY = torch.eye(4, dtype=torch.float64)


def panorama(depth: torch.Tensor, *, is_metric: bool = False) -> PanoramaGeometry:
    seen = torch.ones(depth.shape, dtype=torch.bool)
    return PanoramaGeometry(torch.zeros(*depth.shape, 3), depth, seen, ~seen, is_metric)


def assert_rail(trajectory, expected):
    pose = trajectory.world_from_camera
    for frame, (center, (right, down, forward)) in enumerate(expected):
        columns = torch.tensor([right, down, forward, center], dtype=torch.float64).mT
        # The same formulas in the same precision; only the inversion of the pose adds a rounding.
        torch.testing.assert_close(pose[frame, :3], columns, rtol=0, atol=4e-16 * (1 + trajectory.length))


@pytest.mark.parametrize("distance", [0.07, 0.6, 25.0])
@pytest.mark.parametrize("name", ["straight", "s_curve", "forward_right", "r_curve"])
def test_upstream_rails_match_the_formulas(name, distance):
    actual = make_preset(name, frames=81, distance=distance, upstream_exact=True)
    assert_rail(actual, upstream_rail(name.replace("r_curve", "forward_right"), 81, distance))


def test_upstream_rails_are_bit_exact_where_a_matrix_is_the_formula():
    rail = make_preset("s_curve", distance=0.6, upstream_exact=True)
    for frame, (_, (right, down, forward)) in enumerate(upstream_rail("s_curve", 81, 0.6)):
        rows = torch.tensor([right, down, forward], dtype=torch.float64)  # w2c rows are c2w columns
        assert torch.equal(rail.camera_from_world[frame, :3, :3], rows)
    straight = make_preset("straight", distance=1000.0).camera_from_world
    assert straight[:, 2, 3].tolist() == [-(1000.0 * (i / 80)) for i in range(81)]


def test_straight_and_forward_right_are_upstreams_by_default():
    for name in ("straight", "forward_right"):
        exact = make_preset(name, distance=1.3, upstream_exact=True)
        assert torch.equal(make_preset(name, distance=1.3).camera_from_world, exact.camera_from_world)


def test_forward_left_is_the_proper_mirror_image():
    left = make_preset("forward_left", distance=2.0)
    assert_rail(left, upstream_rail("mirrored", 81, 2.0))
    assert left.centers[-1, 0] < -0.5
    assert left.forwards[-1, 0] == pytest.approx(-0.5, abs=1e-15)


def test_upstreams_left_curve_goes_right():
    exact = make_preset("l_curve", distance=2.0, upstream_exact=True)
    right = make_preset("r_curve", distance=2.0)
    assert torch.equal(exact.camera_from_world, right.camera_from_world)
    assert exact.name == "forward_left"


@pytest.mark.parametrize("distance", [0.01, 1.0, 300.0])
def test_s_curve_scales_with_its_length_and_faces_forward(distance):
    curve = make_preset("s_curve", frames=601, distance=distance)
    x = curve.centers[:, 0]
    assert torch.equal(curve.camera_from_world[0], IDENTITY)
    assert curve.forwards[-1, 2] == pytest.approx(1.0)
    assert float(x.max()) == pytest.approx(0.15 * distance, rel=1e-4)
    assert float(x.min()) == pytest.approx(-0.15 * distance, rel=1e-4)
    assert int(x.argmax()) < int(x.argmin())  # right first, as upstream
    # It looks where it goes: central differences agree to O(1 / frames^2).
    along = torch.nn.functional.normalize(curve.centers[2:] - curve.centers[:-2], dim=-1)
    assert float((along - curve.forwards[1:-1]).abs().max()) < 1e-3


@pytest.mark.parametrize("frames", [1, 2, 3, 81, 200])
@pytest.mark.parametrize("name", TRAJECTORY_PRESETS)
def test_every_preset_is_rigid_and_starts_at_the_identity(name, frames):
    move = make_preset(name, frames=frames, distance=1.7, fps=24)
    assert len(move) == frames
    assert move.fps == 24
    assert torch.equal(move.camera_from_world[0], IDENTITY)
    rotation = move.camera_from_world[:, :3, :3]
    determinant = torch.linalg.det(rotation)
    torch.testing.assert_close(determinant, torch.ones_like(determinant), rtol=0, atol=1e-14)
    eye = torch.eye(3, dtype=torch.float64).expand_as(rotation)
    torch.testing.assert_close(rotation @ rotation.mT, eye, rtol=0, atol=1e-14)


@pytest.mark.parametrize("frames", [2, 81, 100])
@pytest.mark.parametrize("name", CLOSED_PRESETS)
def test_loops_return_to_the_very_bits_of_the_first_pose(name, frames):
    move = make_preset(name, frames=frames, distance=0.123)
    assert torch.equal(move.camera_from_world[-1], move.camera_from_world[0])


@pytest.mark.parametrize("name", [n for n in TRAJECTORY_PRESETS if n not in UPSTREAM_PRESETS])
def test_moves_have_no_jumps_in_speed_or_turning(name):
    def jumps(frames):
        move = make_preset(name, frames=frames, distance=2.0)
        speed = move.centers.diff(dim=0) * (frames - 1)
        rotation = move.camera_from_world[:, :3, :3].mT
        spin = rotation.diff(dim=0) * (frames - 1)
        at_ends = [speed[0].norm(), speed[-1].norm(), spin[0].norm(), spin[-1].norm()]
        changes = [v.diff(dim=0).flatten(1).norm(dim=-1).max() for v in (speed, spin)]
        return [float(v) for v in (*changes, max(at_ends))]

    coarse, fine = jumps(401), jumps(1601)
    # Velocities without jumps: four times the frames, a quarter of the change per frame.
    for at_401, at_1601 in zip(coarse, fine, strict=True):
        assert at_1601 <= 0.3 * at_401 + 1e-9


@pytest.mark.parametrize(
    ("name", "end", "yaw"),
    [
        ("look_around_then_forward", (0, 0, 2), 0),
        ("look_around_then_back", (0, 0, -2), 0),
        ("turn_back_180", (0, 0, 0), math.pi),
        ("look_around", (0, 0, 0), 0),
        ("long_forward", (0, 0, 3), 0),
        ("keep_turning_left", (0, 0, 0), 0),
        ("fan", (0, 0, 0), 0),
        ("top_down_360", (0, 0, 0), 0),
    ],
)
def test_moves_end_where_their_names_say(name, end, yaw):
    move = make_preset(name, distance=2.0)
    torch.testing.assert_close(move.centers[-1], torch.tensor(end, dtype=torch.float64), rtol=0, atol=1e-12)
    forward = torch.tensor([math.sin(yaw), 0, math.cos(yaw)], dtype=torch.float64)
    torch.testing.assert_close(move.forwards[-1], forward, rtol=0, atol=1e-12)


def headings(move):
    angle = torch.atan2(move.forwards[:, 0], move.forwards[:, 2])
    return np.unwrap(angle.numpy()).tolist()


def test_moves_feel_as_named():
    ahead = make_preset("look_around_then_forward", distance=2.0)
    yaw = headings(ahead)
    turned_by = next(i for i, a in enumerate(yaw) if abs(a - math.tau) < 1e-9)
    assert max(yaw) == pytest.approx(math.tau)  # once around, to the right ...
    assert float(ahead.centers[turned_by].norm()) < 0.05 * 2.0  # ... before it has gone far

    right = make_preset("forward_then_turn_right", distance=2.0)
    assert headings(right)[-1] == pytest.approx(math.pi / 2)
    assert right.centers[-1, 0] > 0.5
    assert right.centers[-1, 2] > 1.0
    assert float(right.centers.norm(dim=-1).max()) == pytest.approx(2.0, rel=1e-4)
    along = torch.nn.functional.normalize(right.centers[41:-1] - right.centers[39:-3], dim=-1)
    assert float((along - right.forwards[40:-2]).abs().max()) < 5e-3

    left = make_preset("keep_turning_left", distance=2.0)
    yaw = headings(left)
    assert all(b <= a + 1e-12 for a, b in itertools.pairwise(yaw))
    assert float(left.centers[:, 0].max()) <= 1e-12  # never to the right of the start
    assert float(left.centers.norm(dim=-1).max()) == pytest.approx(2.0, rel=1e-3)

    down = make_preset("top_down_360", distance=2.0)
    middle = down.forwards[40]
    assert down.centers[40, 1] == pytest.approx(-1.0)  # up is -y
    assert math.asin(float(middle[1])) == pytest.approx(math.radians(60))  # looking down


def test_fan_goes_through_four_loops_and_straight_through_the_start_between_them():
    fan = make_preset("fan", frames=2001, distance=2.0)
    away = fan.centers.norm(dim=-1)
    tips = [i for i in range(1, 2000) if away[i - 1] <= away[i] > away[i + 1]]
    assert [float(away[i]) for i in tips] == pytest.approx([2.0] * 4, abs=1e-4)
    ways = [math.degrees(math.atan2(float(fan.centers[i, 0]), float(fan.centers[i, 2]))) for i in tips]
    # Front, right, back, left.
    assert [(way + 1) % 360 - 1 for way in ways] == pytest.approx([0, 90, 180, 270], abs=0.5)
    starts = [i for i in range(50, 1950) if away[i - 1] > away[i] <= away[i + 1]]
    assert len(starts) == 3
    for i in starts:  # half way from tip to tip, and there without a bend
        before, after = fan.centers[i] - fan.centers[i - 8], fan.centers[i + 8] - fan.centers[i]
        assert float(torch.cosine_similarity(before, after, dim=0)) > 0.99


def test_ease_starts_and_ends_exactly_and_is_smooth():
    assert ease_in_out(0.0) == 0.0
    assert ease_in_out(1.0) == 1.0
    assert ease_in_out(0.5) == pytest.approx(0.5, abs=1e-15)
    steps = [ease_in_out((i + 1) / 1000) - ease_in_out(i / 1000) for i in range(1000)]
    assert min(steps) > 0
    assert steps[0] < 1e-6
    assert max(abs(b - a) for a, b in itertools.pairwise(steps)) < 2e-5  # peak 1.5 / ramp / 0.8 / 1e6


@pytest.mark.parametrize("height", [2, 8, 64, 1024])
def test_pivot_is_read_just_below_the_horizon(height):
    width = 2 * height
    depth = (torch.arange(height * width, dtype=torch.float32) + 1).reshape(height, width)
    geometry = panorama(depth)
    row = int((height // 2) * 1.05)
    if height == 1024:
        assert row == 537
    assert pivot_distance(geometry) == float(depth[row, width // 2])
    assert pivot_distance(geometry, yaw_rad=math.pi / 2) == float(depth[row, width * 3 // 4])
    assert pivot_distance(geometry, yaw_rad=math.pi) == float(depth[row, 0])


def test_preset_in_scene_measures_where_it_goes():
    depth = torch.full((32, 64), 4.0)
    depth[:, :16] = 1.0  # behind, on the left half of the border
    geometry = panorama(depth, is_metric=True)
    assert preset_in_scene("straight", geometry).length == pytest.approx(0.6 * 4.0)
    back = preset_in_scene("look_around_then_back", geometry, fraction=0.5)
    assert preset_heading("look_around_then_back") == math.pi
    assert back.length == pytest.approx(0.5 * 1.0)
    assert back.is_metric


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"name": "sideways"}, "preset must be one of straight"),
        ({"frames": 0}, "frames must be at least 1; got 0"),
        ({"distance": 0.0}, "distance must be positive"),
        ({"distance": math.nan}, "distance must be positive"),
        ({"distance": math.inf}, "distance must be positive"),
        ({"name": "look_around", "upstream_exact": True}, "upstream_exact must be off for 'look_around'"),
    ],
)
def test_bad_arguments_are_named(arguments, message):
    with pytest.raises(InvalidInput, match=message):
        make_preset(**{"name": "straight", "distance": 1.0, **arguments})
