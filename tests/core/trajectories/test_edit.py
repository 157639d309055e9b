import math

import pytest
import torch

from matrix3d_core.errors import InvalidInput
from matrix3d_core.geometry.rotations import matrix_from_quats, matrix_from_yaw_pitch_roll
from matrix3d_core.scene.trajectory import Trajectory
from matrix3d_core.trajectories.edit import is_closed, join, resample, reverse, smooth, transform
from matrix3d_core.trajectories.presets import CLOSED_PRESETS, TRAJECTORY_PRESETS, make_preset
from matrix3d_core.trajectories.report import describe_trajectory


def random_trajectory(seed=0, count=11, **fields):
    rng = torch.Generator().manual_seed(seed)
    quats = torch.randn(count, 4, generator=rng, dtype=torch.float64)
    return Trajectory.from_centers(
        matrix_from_quats(quats), torch.randn(count, 3, generator=rng, dtype=torch.float64), **fields
    )


def with_intrinsics(trajectory):
    count = len(trajectory)
    K_px = torch.eye(3, dtype=torch.float64).repeat(count, 1, 1)
    K_px[:, 0, 0] = torch.arange(count, dtype=torch.float64) + 100
    return Trajectory(trajectory.camera_from_world, K_px=K_px, image_size_px=(32, 32))


def test_reversing_twice_is_the_identity():
    trajectory = with_intrinsics(random_trajectory())
    once, twice = reverse(trajectory), reverse(reverse(trajectory))
    assert torch.equal(once.camera_from_world[0], trajectory.camera_from_world[-1])
    assert torch.equal(once.K_px[0], trajectory.K_px[-1])
    assert torch.equal(twice.camera_from_world, trajectory.camera_from_world)
    assert torch.equal(twice.K_px, trajectory.K_px)


def test_anchored_join_continues_from_the_last_pose():
    first, second = random_trajectory(1), random_trajectory(2, count=5)
    both = join(first, second)
    assert len(both) == 11 + 5 - 1
    assert torch.equal(both.camera_from_world[:11], first.camera_from_world)
    # Motion between frames, seen from the camera, is the second path's own.
    for k in range(1, 5):
        moved = both.camera_from_world[10 + k] @ both.world_from_camera[10]
        own = second.camera_from_world[k] @ second.world_from_camera[0]
        torch.testing.assert_close(moved, own, rtol=0, atol=1e-13)


def test_join_without_anchor_keeps_both_where_they_are():
    first, second = random_trajectory(1), random_trajectory(2)
    both = join(first, second, anchor=False)
    assert torch.equal(both.camera_from_world, torch.cat((first.camera_from_world, second.camera_from_world)))
    back = join(first, reverse(first), anchor=False)
    assert len(back) == 21  # the shared pose is there once


def test_join_refuses_what_does_not_go_together():
    first = random_trajectory()
    with pytest.raises(InvalidInput, match="same unit; the second is in meters"):
        join(first, random_trajectory(is_metric=True))
    with pytest.raises(InvalidInput, match="same frame of reference; got panorama and world"):
        join(first, random_trajectory(frame_of_reference="world"), anchor=False)
    with pytest.raises(InvalidInput, match="intrinsics for the same image size"):
        join(first, with_intrinsics(first))
    assert len(join(with_intrinsics(first), with_intrinsics(first)).K_px) == 21


@pytest.mark.parametrize("name", TRAJECTORY_PRESETS)
def test_resampling_keeps_what_it_can(name):
    move = make_preset(name, frames=41, distance=1.0)
    assert torch.equal(resample(move, 41).camera_from_world, move.camera_from_world)
    denser = resample(move, 161)
    assert torch.equal(denser.camera_from_world[::4], move.camera_from_world)
    for by in ("time", "distance"):
        other = resample(move, 30, by=by)
        assert torch.equal(other.camera_from_world[0], move.camera_from_world[0])
        assert torch.equal(other.camera_from_world[-1], move.camera_from_world[-1])
    # Between its frames the curve stays as close to the real path as a cubic can: O(step^3) at the
    # ends of a ramp. Worst seen: 9e-4 (forward_then_turn_right), 2.4e-3 where steps are five times as long (fan).
    real = make_preset(name, frames=161, distance=1.0)
    assert float((denser.centers - real.centers).norm(dim=-1).max()) < (5e-3 if name == "fan" else 2e-3)
    assert float((denser.forwards - real.forwards).norm(dim=-1).max()) < 2e-2


def test_resampling_by_distance_evens_out_the_speed():
    move = make_preset("keep_turning_left", distance=2.0)
    steps = resample(move, 161, by="distance").centers.diff(dim=0).norm(dim=-1)
    assert float(steps.max() / steps.min()) < 1.002


def test_resampling_by_distance_keeps_turns_on_the_spot():
    move = make_preset("look_around_then_forward", distance=2.0)
    even = resample(move, 201, by="distance")
    turned = even.camera_from_world[:, :3, :3].diff(dim=0).flatten(1).norm(dim=-1)
    # An even turn is 0.088 a step; the end of this one overlaps with setting off.
    assert float(turned.max()) < 0.2


def test_resampling_edges():
    move = with_intrinsics(random_trajectory())
    assert len(resample(move, 1)) == 1
    middle = resample(move, 21)
    assert middle.K_px[1, 0, 0] == 100.5
    still = Trajectory(torch.eye(4, dtype=torch.float64)[None])
    assert torch.equal(
        resample(still, 5, by="distance").camera_from_world, torch.eye(4, dtype=torch.float64).repeat(5, 1, 1)
    )
    with pytest.raises(InvalidInput, match="frames must be at least 1; got 0"):
        resample(move, 0)
    with pytest.raises(InvalidInput, match="by must be 'time' or 'distance'"):
        resample(move, 3, by="speed")


def test_smoothing_calms_noise_and_keeps_the_ends():
    clean = make_preset("forward_right", distance=2.0)
    rng = torch.Generator().manual_seed(0)
    noise = 0.01 * torch.randn(81, 3, generator=rng, dtype=torch.float64)
    shaky = Trajectory.from_centers(clean.camera_from_world[:, :3, :3].mT, clean.centers + noise)
    calm = smooth(shaky, sigma_frames=4)

    def shake(path):
        return float(path.centers.diff(n=2, dim=0).norm(dim=-1).mean())

    assert shake(calm) < 0.1 * shake(shaky)
    for end in (0, -1):
        assert torch.equal(calm.camera_from_world[end], shaky.camera_from_world[end])
    assert smooth(shaky, sigma_frames=0) is shaky


@pytest.mark.parametrize("name", CLOSED_PRESETS)
def test_smoothing_keeps_a_loop_closed(name):
    move = make_preset(name, distance=2.0)
    calm = smooth(move, sigma_frames=3)
    assert is_closed(calm)
    assert float((calm.forwards - move.forwards).norm(dim=-1).max()) < 0.1


def test_smoothing_a_steady_turn_changes_nothing_even_across_the_join():
    yaw = torch.linspace(0, math.tau, 41, dtype=torch.float64)
    zero = torch.zeros_like(yaw)
    turns = matrix_from_yaw_pitch_roll(yaw, zero, zero)
    turns[-1] = turns[0]
    steady = Trajectory.from_centers(turns, torch.zeros(41, 3))
    assert is_closed(steady)
    torch.testing.assert_close(smooth(steady).camera_from_world, steady.camera_from_world, rtol=0, atol=1e-13)


def test_smoothing_a_straight_walk_changes_nothing():
    move = make_preset("straight", distance=3.0)
    torch.testing.assert_close(smooth(move).camera_from_world, move.camera_from_world, rtol=0, atol=1e-14)


def test_transform_moves_centers_and_turns_cameras():
    move = random_trajectory()
    turn = matrix_from_quats(torch.tensor([0.3, -0.2, 0.9, 0.4], dtype=torch.float64))
    shift = torch.tensor([1.0, -2, 3], dtype=torch.float64)
    moved = transform(move, scale=2.5, rotation=turn, translation=shift)
    torch.testing.assert_close(moved.centers, 2.5 * move.centers @ turn.mT + shift, rtol=0, atol=1e-13)
    torch.testing.assert_close(moved.forwards, move.forwards @ turn.mT, rtol=0, atol=1e-13)
    with pytest.raises(InvalidInput, match="scale must be positive; got 0"):
        transform(move, scale=0.0)
    with pytest.raises(InvalidInput, match="scale must be positive; got nan"):
        transform(move, scale=math.nan)


def test_a_path_describes_itself():
    text = describe_trajectory(make_preset("keep_turning_left", distance=2.0, is_metric=True))
    assert "81 frames at 12 fps (6.8 s)" in text
    assert "reaches 2 m" in text
    assert "starts facing front, returns to its first pose" in text
    yaw = torch.tensor(math.radians(-20), dtype=torch.float64)
    left = matrix_from_yaw_pitch_roll(yaw, torch.zeros_like(yaw), torch.zeros_like(yaw))
    turned = transform(make_preset("straight", distance=1.0), rotation=left)
    assert "starts facing 20.0° left" in describe_trajectory(turned)
