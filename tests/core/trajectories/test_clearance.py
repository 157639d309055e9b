import math

import pytest
import torch
from oracles_cameras import surface_distance

from matrix3d_core.collision.surface import PanoramaSurface
from matrix3d_core.errors import Cancelled, InvalidInput
from matrix3d_core.geometry.rotations import matrix_from_quats, matrix_from_yaw_pitch_roll
from matrix3d_core.geometry.spherical import erp_directions
from matrix3d_core.scene.panorama import PanoramaGeometry
from matrix3d_core.scene.trajectory import Trajectory
from matrix3d_core.trajectories.clearance import measure_clearance, shorten_to_clear
from matrix3d_core.trajectories.edit import is_closed, join, transform
from matrix3d_core.trajectories.presets import make_preset


def panorama(depth, sky=None):
    sky = torch.zeros(depth.shape, dtype=torch.bool) if sky is None else sky
    return PanoramaGeometry(torch.zeros(*depth.shape, 3), depth.float(), ~sky, sky)


def room(height=64, half=(2.0, 1.5, 3.0)):
    """The inside of a box around the origin."""
    directions = erp_directions(height, 2 * height, dtype=torch.float64)
    return panorama((torch.tensor(half, dtype=torch.float64) / directions.abs()).amin(-1))


def random_scene(seed, height):
    """Smooth bumps, a near box that stands before them, and some sky."""
    rng = torch.Generator().manual_seed(seed)
    coarse = torch.rand(1, 1, 4, 8, generator=rng) * 2 + 1
    depth = torch.nn.functional.interpolate(coarse, (height, 2 * height), mode="bilinear")[0, 0]
    depth[height // 2 :, height // 4 : height // 2] *= 0.4
    sky = torch.zeros(height, 2 * height, dtype=torch.bool)
    sky[: height // 4, height:] = True
    return panorama(depth, sky)


@pytest.mark.parametrize(("seed", "height"), [(0, 6), (1, 9), (2, 20), (3, 33)])
def test_distances_match_brute_force(seed, height):
    geometry = random_scene(seed, height)
    rng = torch.Generator().manual_seed(seed)
    points = torch.randn(12, 3, generator=rng, dtype=torch.float64)
    points[0] = 0
    depth, sky = geometry.depth_ray.double().tolist(), geometry.is_sky.tolist()
    expected = torch.tensor([surface_distance(p, depth, sky) for p in points.tolist()], dtype=torch.float64)
    surface = PanoramaSurface.of(geometry)
    # Plane distances lose digits on slivers; worst seen 3e-15.
    torch.testing.assert_close(surface.distances(points), expected, rtol=0, atol=1e-12)
    for radius in (0.05, 0.5, 1.0):
        assert torch.equal(surface.is_nearer_than(points, radius), expected < radius)


def test_a_flat_wall_is_met_between_its_samples():
    # 16 rows: wall samples lie up to 0.4 apart, so the nearest sample alone would be far off.
    geometry = room(16)
    walk = make_preset("straight", distance=2.9)
    report = measure_clearance(walk, geometry, radius=0.3)
    # The chords of a coarse surface lie inside the wall, by at most the box's sagitta at the corners
    # between walls; on the flat part they are exact.
    assert report.per_frame[0] == pytest.approx(1.5, abs=0.02)
    assert report.min_distance == pytest.approx(0.1, abs=1e-6)
    assert report.frame == 80
    nearest_sample = (erp_directions(16, 32, dtype=torch.float64) * geometry.depth_ray[..., None]).flatten(
        0, 1
    )
    assert float((nearest_sample - walk.centers[-1]).norm(dim=-1).min()) > 0.15


def test_report_names_the_frames_that_collide():
    walk = make_preset("straight", frames=11, distance=4.0)  # through the wall at z = 3
    report = measure_clearance(walk, room(), radius=0.5)
    # z = 0.4 i: frame 7 is at 2.8 (0.2 from the wall), frame 8 at 3.2 behind it.
    assert report.colliding_frames == (7, 8, 9, 10)
    assert report.is_beyond.tolist() == [False] * 8 + [True] * 3
    assert not report.is_clear
    assert "4 of 11 frames collide" in report.summary()
    assert "7-10" in report.summary()
    assert "3 of them are behind" in report.summary()
    clear = measure_clearance(make_preset("straight", distance=1.0), room(), radius=0.5)
    assert clear.is_clear
    assert "no frame comes nearer than 0.5" in clear.summary()


def test_sky_is_no_obstacle():
    depth = torch.full((32, 64), 2.0)
    everything = torch.ones(32, 64, dtype=torch.bool)
    report = measure_clearance(
        make_preset("straight", distance=50.0), panorama(depth, everything), radius=1.0
    )
    assert report.min_distance == math.inf
    assert report.is_clear


def test_a_gap_between_near_and_far_is_no_wall():
    # A post of 8 columns at distance 1 before a far wall: no surface joins the two.
    depth = torch.full((64, 128), 10.0)
    depth[:, 60:68] = 1.0
    surface = PanoramaSurface.of(panorama(depth))
    beside = torch.tensor([[math.sin(0.5), 0.0, math.cos(0.5)]], dtype=torch.float64) * 4
    post = erp_directions(64, 128, dtype=torch.float64)[:, 60:68].flatten(0, 1)
    to_post = float((post - beside).norm(dim=-1).min())
    assert float(surface.distances(beside)[0]) == pytest.approx(to_post, rel=1e-3)


@pytest.mark.parametrize("radius", [0.0, 0.1, 0.5])
def test_a_cut_path_is_clear_and_no_shorter_than_it_must_be(radius):
    walk = make_preset("long_forward", distance=4.0)
    cut, share = shorten_to_clear(walk, room(), radius=radius)
    assert len(cut) == len(walk)
    assert cut.length == pytest.approx(share * walk.length)
    assert measure_clearance(cut, room(), radius=radius).is_clear
    # The wall is at 3. Without a radius only what one sees counts, and the nearest pixel looks half a
    # pixel past straight ahead: 3 / cos(pi / 128)^2 = 3.0018.
    assert 3 - radius - 0.005 < cut.length < (3 - radius + 1e-6 if radius else 3.0019)
    # Same timing, smaller steps: the soft start and end stay.
    before, after = walk.centers[:, 2], cut.centers[:, 2]
    torch.testing.assert_close(after, before * share, rtol=0, atol=1e-9)


def test_cutting_slows_the_walk_and_leaves_the_turn_before_it_alone():
    walk = make_preset("look_around_then_forward", distance=6.0)
    cut, share = shorten_to_clear(walk, room(), radius=0.5)
    assert share == pytest.approx(2.5 / 6, abs=0.01)
    # Rotations are those of the same place on the path: this one still turns as it sets off.
    start = int((walk.centers[:, 2] > 0).nonzero()[0]) - 1
    assert torch.equal(cut.camera_from_world[: start + 1], walk.camera_from_world[: start + 1])
    assert float((cut.forwards[-1] - walk.forwards[-1]).abs().max()) < 1e-12
    turned = cut.camera_from_world[:, :3, :3].diff(dim=0).flatten(1).norm(dim=-1)
    assert float(turned.max()) < 0.3


def test_a_cut_bend_keeps_its_poses_on_the_old_path():
    walk = make_preset("forward_right", frames=201, distance=4.0)
    cut, _ = shorten_to_clear(walk, room(), radius=0.4)
    gaps = torch.cdist(cut.centers, walk.centers)
    nearest = gaps.argmin(1)
    assert float(gaps.amin(1).max()) < 0.02  # half a step
    assert float((cut.forwards - walk.forwards[nearest]).norm(dim=-1).max()) < 0.01


def test_turns_after_a_dropped_walk_still_turn():
    walk = join(make_preset("straight", distance=4.0), make_preset("turn_back_180", distance=1.0))
    cut, _ = shorten_to_clear(walk, room(), radius=0.5)
    assert len(cut) == len(walk)
    assert measure_clearance(cut, room(), radius=0.5).is_clear
    assert float(cut.forwards[-1, 2]) == pytest.approx(-1)
    again = join(walk, make_preset("straight", distance=1.0))
    held, _ = shorten_to_clear(again, room(), radius=0.5)
    assert torch.equal(held.centers[-80:], held.centers[-1:].expand(80, 3))


def test_a_loop_is_shrunk_and_stays_closed():
    loop = make_preset("keep_turning_left", distance=4.0)
    small, share = shorten_to_clear(loop, room(), radius=0.3)
    assert is_closed(small)
    assert measure_clearance(small, room(), radius=0.3).is_clear
    assert share == pytest.approx(1.7 / 4, abs=0.02)  # the wall on the left is at 2
    torch.testing.assert_close(small.forwards, loop.forwards, rtol=0, atol=1e-12)


def test_a_thin_wall_between_two_frames_is_noticed():
    far = torch.full((64, 128), 10.0)
    far[:, 60:68] = 1.0  # a post ahead; two frames, one before it and one behind
    ends = torch.tensor([[0, 0, 0], [0, 0, 3.0]], dtype=torch.float64)
    jump = Trajectory.from_centers(torch.eye(3).repeat(2, 1, 1), ends)
    short, share = shorten_to_clear(jump, panorama(far), radius=0.1)
    assert share < 0.31
    assert short.centers[1, 2] < 0.91


def test_a_post_is_noticed_though_both_frames_are_clear():
    far = torch.full((64, 128), 10.0)
    far[:, 60:68] = 1.0
    ends = torch.tensor([[-1, 0, 1.5], [1, 0, 1.5]], dtype=torch.float64)  # passes behind the post
    jump = Trajectory.from_centers(torch.eye(3).repeat(2, 1, 1), ends)
    assert measure_clearance(jump, panorama(far), radius=0.1).is_clear
    short, share = shorten_to_clear(jump, panorama(far), radius=0.1)
    assert 0.2 < share < 0.45
    assert short.centers[1, 0] < -0.2


@pytest.mark.parametrize("away", [[-0.3, 0.1, -0.7], [0.2, 0.3, 0.4], [0.123, 0.456, -0.2]])
def test_a_loop_away_from_the_center_keeps_its_first_pose_to_the_bit(away):
    away = torch.tensor(away, dtype=torch.float64)
    turn = matrix_from_quats(torch.tensor([0.9, 0.1, 0.4, -0.1], dtype=torch.float64))
    loop = transform(make_preset("keep_turning_left", distance=4.0), rotation=turn, translation=away)
    small, share = shorten_to_clear(loop, room(), radius=0.3)
    assert share < 1
    assert is_closed(small)
    assert torch.equal(small.camera_from_world[0], loop.camera_from_world[0])


def test_clear_paths_and_turns_come_back_untouched():
    for name in ("straight", "look_around"):
        walk = make_preset(name, distance=1.0)
        same, share = shorten_to_clear(walk, room(), radius=0.2)
        assert same is walk
        assert share == 1.0


@pytest.mark.parametrize("method", ["cut", "scale"])
def test_either_method_can_be_asked_for(method):
    walk = make_preset("forward_right", distance=4.0)
    short, share = shorten_to_clear(walk, room(), radius=0.4, method=method)
    assert 0 < share < 1
    assert measure_clearance(short, room(), radius=0.4).is_clear


def test_a_world_path_has_the_panorama_at_its_first_pose():
    walk = make_preset("straight", distance=4.0)
    start = torch.eye(4, dtype=torch.float64)
    start[:3, :3] = matrix_from_yaw_pitch_roll(*torch.tensor([1.0, 0.2, -0.1], dtype=torch.float64))
    start[:3, 3] = torch.tensor([5.0, -2.0, 7.0])
    foreign = Trajectory(walk.camera_from_world @ torch.linalg.inv(start), frame_of_reference="world")
    at_home, elsewhere = (measure_clearance(path, room(), radius=0.5) for path in (walk, foreign))
    assert elsewhere.colliding_frames == at_home.colliding_frames
    assert torch.allclose(elsewhere.per_frame, at_home.per_frame)
    for method in ("cut", "scale"):
        here, share = shorten_to_clear(walk, room(), radius=0.5, method=method)
        there, same_share = shorten_to_clear(foreign, room(), radius=0.5, method=method)
        assert same_share == pytest.approx(share)
        assert 0 < share < 1
        assert there.frame_of_reference == "world"
        assert torch.allclose(there.camera_from_world @ start, here.camera_from_world, atol=1e-6)


def test_bad_arguments_are_named():
    walk = make_preset("straight", distance=1.0)
    with pytest.raises(InvalidInput, match=r"radius must be 0 or more; got -1"):
        measure_clearance(walk, room(), radius=-1.0)
    with pytest.raises(InvalidInput, match="method must be one of auto, cut, scale"):
        shorten_to_clear(walk, room(), radius=0.1, method="bend")
    with pytest.raises(InvalidInput, match=r"first frame must keep 5 from the surface; it is 1\.5 away"):
        shorten_to_clear(walk, room(), radius=5.0)


def test_progress_can_cancel():
    def stop(_):
        raise Cancelled("stop")

    with pytest.raises(Cancelled):
        measure_clearance(make_preset("straight", distance=1.0), room(), radius=0.1, progress=stop)
