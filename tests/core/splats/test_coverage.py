"""Coverage from the world alone: whole inside a room, bad outside, at holes, too near, and behind what hid it."""

from __future__ import annotations

import math

import pytest
import torch
from small_worlds import ROOM, room, walk

from matrix3d_core.errors import InvalidInput
from matrix3d_core.geometry.rotations import quats_from_matrix
from matrix3d_core.scene.gaussians import Gaussians
from matrix3d_core.scene.trajectory import Trajectory
from matrix3d_core.splats.coverage import measure_coverage

MOST_BAD = 0.1  # share of the sphere at which the quality is 0


def at(coverage, x, z):
    return float(coverage.at(torch.tensor([[x, 0.0, z]]))[0])


def measure(world, trajectory, **options):
    none = torch.zeros(len(world), dtype=torch.bool)
    return measure_coverage(world, trajectory, **{"is_sky": none, **options})


def test_a_room_is_whole_from_inside_and_bad_from_behind_its_walls():
    coverage = measure(room(), walk(), cell=1.0)
    assert at(coverage, 0, 0.25) > 0.95
    for x, z in ((1.2, 0), (-1.2, 1), (0, -1.5)):
        assert at(coverage, x, z) > 0.7, (x, z)  # a wall is nearer than half as far as before
    for x, z in ((2.9, 0), (-2.9, 0), (0, 3.9)):
        assert at(coverage, x, z) == 0, (x, z)


def test_a_hole_costs_its_share_of_the_sphere():
    world = room()
    gone = (world.means[:, 2] > ROOM[2] - 1e-3) & (world.means[:, :2].abs() < 0.48).all(-1)
    coverage = measure(world.select((~gone).nonzero()[:, 0]), lookout(), reach=2.0)
    # A square of half side a at distance d covers 4 asin(a^2 / (a^2 + d^2)) steradians.
    for z in (0.0, 1.0):
        share = 4 * math.asin(0.42**2 / (0.42**2 + (ROOM[2] - z) ** 2)) / (4 * math.pi)
        # Pixels are 5 degrees wide, the hole is 16 and 24.
        assert 1 - at(coverage, 0, z) == pytest.approx(share / MOST_BAD, rel=0.4), z


def wall(z, *, half, spacing=0.1, turn=None):
    """A square of splats at a distance ahead."""
    ticks = torch.arange(-half, half + 1e-6, spacing)
    x, y = torch.meshgrid(ticks, ticks, indexing="ij")
    means = torch.stack((x.flatten(), y.flatten(), torch.full((x.numel(),), z)), -1)
    quats = quats_from_matrix(torch.eye(3)).expand(len(means), 4)
    scales = torch.tensor((0.6 * spacing, 0.6 * spacing, 0.02 * spacing)).expand(len(means), 3)
    return Gaussians.from_colors(
        means, quats, scales, torch.full((len(means),), 0.95), torch.rand(len(means), 3)
    )


def joined(*worlds):
    return Gaussians(
        *(torch.cat(columns) for columns in zip(*(w.tensors()[:5] for w in worlds), strict=True))
    )


def lookout(*places):
    centers = torch.tensor(places or [[0.0, 0, 0]], dtype=torch.float64)
    return Trajectory.from_centers(torch.eye(3).double().expand(len(centers), 3, 3), centers)


def test_what_is_far_nearer_than_any_camera_was_is_bad():
    # In a hall whose far wall is 3 away the camera stays at the center; 0.6 from it a quarter of the sphere shows it at
    # up to 5 times the resolution.
    coverage = measure(room(), lookout(), reach=2.5)
    assert at(coverage, 0, 1.0) > 0.9
    assert at(coverage, 0, 2.5) < 0.3
    again = measure(room(), lookout([0.0, 0, 0], [0.0, 0, 2.5]), reach=2.5)
    assert at(again, 0, 2.5) > 0.8


def test_what_a_screen_hid_from_all_cameras_is_bad_behind_it():
    world = joined(room(), wall(1.0, half=1.0), wall(1.1, half=1.0))
    hidden = measure(world, lookout(), reach=2.0)
    seen = measure(world, lookout([0.0, 0, 0], [0.0, 0, 2.0]), reach=2.0)
    assert at(hidden, 0, 0) > 0.9
    assert at(hidden, 0, 2.0) < 0.1
    assert min(at(seen, 0, 0), at(seen, 0, 2.0)) > 0.6


def test_sky_is_no_hole_above_the_horizon():
    rays = torch.nn.functional.normalize(
        torch.randn(40000, 3, generator=torch.Generator().manual_seed(0)), dim=-1
    )
    ground = wall(1.6, half=25.0, spacing=0.2)  # the horizon is 3.7 degrees lower than the eye
    means = ground.means[:, [0, 2, 1]]  # level, 1.6 below the eye
    quats = torch.tensor([math.sqrt(0.5), math.sqrt(0.5), 0, 0]).expand(len(means), 4)
    ground = Gaussians(means, quats, *ground.tensors()[2:5])
    shell = Gaussians.from_colors(
        500 * rays,
        torch.tensor([[1.0, 0, 0, 0]]).expand(40000, 4),
        torch.full((40000, 3), 10.0),
        torch.ones(40000),
        0 * rays,
    )
    world = joined(ground, shell)
    is_sky = torch.arange(len(world)) >= len(ground)
    assert at(measure_coverage(world, lookout(), is_sky=is_sky, reach=1.0), 0, 0) > 0.8
    pit = ~is_sky & (world.means[:, [0, 2]].norm(dim=-1) < 3.0)
    left = (~pit).nonzero()[:, 0]
    assert at(measure_coverage(world.select(left), lookout(), is_sky=is_sky[left], reach=1.0), 0, 0) == 0


def test_settings_are_checked_and_progress_is_reported():
    with pytest.raises(InvalidInput, match="cell must be positive and reach at least as large; got 2 and 1"):
        measure(room(0.5), walk(), reach=1, cell=2)
    events = []
    coverage = measure(room(0.5), walk(), reach=1.0, progress=events.append)
    assert [event.done for event in events] == list(range(len(coverage.quality) + 1))
