import logging
import math

import pytest
import torch

from matrix3d_core.collision.surface import visible_distance
from matrix3d_core.errors import InvalidInput
from matrix3d_core.geometry.rotations import matrix_from_quats, matrix_from_yaw_pitch_roll
from matrix3d_core.geometry.spherical import erp_directions
from matrix3d_core.scene.panorama import PanoramaGeometry
from matrix3d_core.scene.trajectory import Trajectory
from matrix3d_core.trajectories.edit import transform
from matrix3d_core.trajectories.placement import relative_to_first
from matrix3d_core.trajectories.presets import make_preset
from matrix3d_core.trajectories.rescale import (
    adapt_to_scene,
    check_units,
    fit_to_depth,
    initial_yaw,
    rescale_upstream,
)


def panorama(depth, sky=None):
    sky = torch.zeros(depth.shape, dtype=torch.bool) if sky is None else sky
    return PanoramaGeometry(torch.zeros(*depth.shape, 3), depth, ~sky, sky)


def bumpy(seed=0, height=32):
    rng = torch.Generator().manual_seed(seed)
    return panorama(torch.rand(height, 2 * height, generator=rng) * 3 + 0.5)


def rotation(yaw=0.0, pitch=0.0, roll=0.0):
    angles = torch.deg2rad(torch.tensor([yaw, pitch, roll], dtype=torch.float64))
    return matrix_from_yaw_pitch_roll(*angles)


def walk(seed=0, count=9, start=(0.0, 0.0, 0.0)):
    rng = torch.Generator().manual_seed(seed)
    centers = torch.randn(count, 3, generator=rng, dtype=torch.float64).cumsum(0) * 40
    centers = centers - centers[0] + torch.tensor(start, dtype=torch.float64)
    quats = torch.randn(count, 4, generator=rng, dtype=torch.float64) * 0.2 + torch.tensor([1.0, 0, 0, 0])
    return Trajectory.from_centers(matrix_from_quats(quats), centers)


def upstream_factor_slowly(trajectory, depth):
    """Upstream's steps 1 to 3 with lists: inverse by hand, truncated lookups in a rolled depth."""
    height, width = depth.shape
    poses = trajectory.camera_from_world
    forward = poses[0, 2, :3].tolist()
    angle = math.acos(forward[2])
    angle = 2 * math.pi - angle if forward[0] < 0 else angle
    q = int(angle * 180 / math.pi / 360 * width + width // 2) % width
    rolled = [[float(depth[r, (c + q - width // 2) % width]) for c in range(width)] for r in range(height)]
    biggest = 0.0
    for pose in (poses @ torch.linalg.inv(poses[0])).tolist():
        p = [-sum(pose[k][axis] * pose[k][3] for k in range(3)) for axis in range(3)]
        size = math.sqrt(sum(v * v for v in p))
        if size < 1e-12:
            continue
        azimuth = math.acos(p[2] / size) / math.pi * 180
        azimuth = 360 - azimuth if p[0] < 0 else azimuth
        elevation = math.asin(p[1] / size) / math.pi * 180
        row = int((elevation + 90) / 180 * (height - 1))
        column = (int(azimuth / 360 * width) + width // 2) % width
        biggest = max(biggest, size / rolled[row][column])
    return 0.5 / biggest


@pytest.mark.parametrize("seed", range(6))
def test_upstream_rescaling_matches_the_slow_steps(seed):
    geometry, path = bumpy(seed), walk(seed, start=(5.0, -3.0, 100.0))
    result = rescale_upstream(path, geometry, turned=True)
    assert result.factor == pytest.approx(upstream_factor_slowly(path, geometry.depth_ray), rel=1e-12)
    assert torch.equal(result.trajectory.camera_from_world[0], torch.eye(4, dtype=torch.float64))
    relative = path.camera_from_world @ torch.linalg.inv(path.camera_from_world[0])
    centers = Trajectory(relative).centers * result.factor
    torch.testing.assert_close(result.trajectory.centers, centers, rtol=0, atol=1e-12)
    assert torch.isfinite(result.trajectory.camera_from_world).all()


def test_upstream_rescaling_of_its_own_sample():
    poses = torch.eye(4, dtype=torch.float64).repeat(81, 1, 1)
    poses[:, 2, 3] = -torch.arange(81, dtype=torch.float64) * 12.5
    result = rescale_upstream(Trajectory(poses), panorama(torch.full((64, 128), 3.0)))
    assert result.factor == pytest.approx(0.5 * 3 / 1000)
    assert result.yaw_rad == 0.0
    assert result.trajectory.centers[-1].tolist() == pytest.approx([0, 0, 1.5])


@pytest.mark.parametrize(("degrees", "columns"), [(50, 8), (-50, -9), (181, -32), (2, 0), (5.7, 1)], ids=str)
def test_the_panorama_is_rolled_by_whole_columns_and_the_path_turned_by_as_many(degrees, columns):
    """64 columns are 5.625 degrees each: int(50 / 360 * 64 + 32) % 64 - 32 = 8, and int(310 / 360 * 64 + 32) % 64 - 32 = -9."""
    geometry = bumpy(3)
    flat = Trajectory.from_centers(
        rotation(yaw=degrees).expand(9, 3, 3), transform(walk(3), rotation=rotation(yaw=50)).centers
    )
    rolled = rescale_upstream(flat, geometry, turned=True)
    here = rescale_upstream(flat, geometry)
    angle = columns * 360 / 64
    assert here.roll_columns == rolled.roll_columns == columns
    assert torch.equal(rolled.trajectory.camera_from_world[0], torch.eye(4, dtype=torch.float64))
    torch.testing.assert_close(
        transform(rolled.trajectory, rotation=rotation(yaw=angle)).camera_from_world,
        here.trajectory.camera_from_world,
    )
    # The rolled panorama, seen from the rolled path, is the panorama seen from the other.
    straight = erp_directions(geometry.height, geometry.width)
    torch.testing.assert_close(
        torch.roll(straight, -columns, 1).double(),
        straight.double() @ rotation(yaw=angle).mT,
        rtol=0,
        atol=1e-6,
    )
    assert math.cos(initial_yaw(here.trajectory) - math.radians(angle)) == pytest.approx(1)


@pytest.mark.parametrize("degrees", [0, 20, 90, 179, 181, 270, 359])
def test_initial_yaw(degrees):
    level = Trajectory.from_centers(rotation(yaw=degrees)[None], torch.zeros(1, 3))
    for exact in (False, True):
        assert initial_yaw(level, upstream_exact=exact) == pytest.approx(math.radians(degrees), abs=1e-7)


def test_initial_yaw_with_pitch_is_upstreams_angle_only_when_asked():
    tilted = Trajectory.from_centers(rotation(yaw=20, pitch=-10)[None], torch.zeros(1, 3))
    assert math.degrees(initial_yaw(tilted)) == pytest.approx(20)
    assert math.degrees(initial_yaw(tilted, upstream_exact=True)) == pytest.approx(22.27, abs=0.005)
    down = Trajectory.from_centers(rotation(pitch=-90)[None], torch.zeros(1, 3))
    assert initial_yaw(down) == 0.0


def test_relative_to_first_starts_at_the_very_identity():
    path = walk(4, start=(9.0, 9.0, 9.0))
    relative = relative_to_first(path)
    assert torch.equal(relative.camera_from_world[0], torch.eye(4, dtype=torch.float64))
    torch.testing.assert_close(relative.length, path.length)


@pytest.mark.parametrize("seed", range(4))
def test_fit_reaches_exactly_half_way_in_the_tightest_direction(seed):
    geometry, path = bumpy(seed), walk(seed, start=(5.0, 0.0, 0.0))
    result = fit_to_depth(path, geometry)
    centers = result.trajectory.centers
    ratio = centers[1:].norm(dim=-1) / visible_distance(geometry, centers[1:])
    assert float(ratio.max()) == pytest.approx(0.5)
    assert centers[0].tolist() == [0, 0, 0]
    assert torch.equal(result.trajectory.camera_from_world[:, :3, :3], path.camera_from_world[:, :3, :3])
    assert result.trajectory.frame_of_reference == "panorama"


def test_fit_ignores_sky_but_not_everywhere():
    depth = torch.full((32, 64), 2.0)
    sky = torch.zeros(32, 64, dtype=torch.bool)
    sky[:, 24:40] = True  # ahead
    path = make_preset("straight", distance=100.0)
    assert fit_to_depth(path, panorama(depth, sky)).trajectory.length == pytest.approx(1.0)
    assert fit_to_depth(path, panorama(depth, ~sky | sky)).trajectory.length == pytest.approx(1.0)


def test_a_path_on_the_spot_is_left_alone():
    path = make_preset("look_around", distance=1.0)
    for result in (fit_to_depth(path, bumpy()), rescale_upstream(path, bumpy())):
        assert result.factor == 1.0
        assert torch.equal(result.trajectory.camera_from_world, path.camera_from_world)


@pytest.mark.parametrize("factor", [1000.0, 0.001])
def test_units_a_thousand_times_off_are_noticed(factor):
    geometry = panorama(torch.full((16, 32), 2.0))
    path = make_preset("straight", distance=1.0 * factor)
    check = check_units(path, geometry)
    assert check.is_too_large == (factor > 1)
    assert check.factor == pytest.approx(1 / factor)
    assert "the units do not match" in check.problem
    assert f"multiply it by about {1 / factor:.3g}" in check.problem
    assert check_units(transform(path, scale=check.factor), geometry).problem is None


@pytest.mark.parametrize("distance", [0.01, 0.5, 1.0, 90.0])
def test_sensible_units_pass(distance):
    geometry = panorama(torch.full((16, 32), 2.0))
    assert check_units(make_preset("straight", distance=distance), geometry).problem is None
    assert check_units(make_preset("look_around", distance=distance), geometry).problem is None


def test_adapting_refuses_far_too_large_and_warns_of_far_too_small(caplog):
    geometry = panorama(torch.full((16, 32), 2.0))
    with pytest.raises(InvalidInput, match=r"500 times the scene's median distance of 2: .* about 0\.001"):
        adapt_to_scene(make_preset("straight", distance=1000.0), geometry)
    with caplog.at_level(logging.WARNING):
        tiny = make_preset("straight", distance=0.001)
        assert adapt_to_scene(tiny, geometry).trajectory is tiny
    assert "1/2e+03 of the scene's median distance" in caplog.text
    with pytest.raises(InvalidInput, match="geometry must be connected for rescale 'fit'"):
        adapt_to_scene(tiny, None, rescale="fit")
    with pytest.raises(InvalidInput, match="rescale must be one of none, fit, upstream"):
        adapt_to_scene(tiny, geometry, rescale="big")
    assert adapt_to_scene(make_preset("straight", distance=1000.0), None).factor == 1.0
    assert adapt_to_scene(
        make_preset("straight", distance=1000.0), geometry, rescale="fit"
    ).trajectory.length == pytest.approx(1)


def test_visible_distance_takes_the_nearest_of_nine_across_seam_and_poles():
    depth = torch.full((8, 16), 9.0)
    depth[3, 0], depth[0, 4] = 1.0, 2.0
    geometry = panorama(depth)
    directions = erp_directions(8, 16, dtype=torch.float64)
    seen = visible_distance(geometry, directions * 7)
    near = {(r, c % 16) for r in (2, 3, 4) for c in (-1, 0, 1)}
    top = {(r, c) for r in (0, 1) for c in (3, 4, 5)} | {(0, 11), (0, 12), (0, 13)}
    for r in range(8):
        for c in range(16):
            expected = 1.0 if (r, c) in near else 2.0 if (r, c) in top else 9.0
            assert float(seen[r, c]) == expected, (r, c)
