"""Views that cover a world: what they show, where they stand, and their depth and normals."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import pytest
import torch
from small_worlds import ROOM, room, walk

from matrix3d_core.errors import InvalidInput
from matrix3d_core.raster.camera_view import render_view
from matrix3d_core.scene.camera import Equirect, Pinhole
from matrix3d_core.scene.gaussians import Gaussians
from matrix3d_core.scene.trajectory import Trajectory
from matrix3d_core.splats.visible import visible_sums
from matrix3d_core.styles.covering_views import covering_views, free_places, views_report
from matrix3d_core.styles.view_maps import depth_picture, normal_picture, render_view_maps

WORLD = room(0.25)


def test_sums_are_those_of_each_gaussian_drawn_alone_in_white():
    """The slow twin: every weight read off a picture in which one Gaussian is white and all others black."""
    world, camera, pose = room(0.5), Pinhole.from_fov(math.pi / 2, 24, 32), walk(1).camera_from_world[0]
    maps = torch.rand(24, 32, 4, generator=torch.Generator().manual_seed(0))
    sums = visible_sums(world, pose, camera, maps)
    compared = 0
    for number in torch.nonzero(sums[:, 0] > 0).flatten().tolist()[::9]:
        colors = torch.zeros(len(world), 3)
        colors[number] = 1
        lit = render_view(Gaussians.from_colors(*world.tensors()[:4], colors), pose, camera).rgb[..., :1]
        torch.testing.assert_close(sums[number], (lit * maps).sum((0, 1)), atol=1e-4, rtol=1e-4)
        compared += 1
    assert compared > 10


def test_six_views_from_one_place_see_nearly_everything():
    """Six views of 110 degrees can show all directions, and the room has no other hidden parts."""
    found = covering_views(WORLD, walk(1), views=6, size_px=64, fov_rad=math.radians(110))
    assert found.coverage > 0.95
    assert len(found.trajectory) == 6
    lens, ones = found.trajectory.camera(0), torch.ones(64, 64, 1)
    shown = [
        visible_sums(WORLD, pose, lens, ones)[:, 0] > 0.05 for pose in found.trajectory.camera_from_world
    ]
    assert float(torch.stack(shown).any(0).float().mean()) > 0.95


def test_each_view_adds_and_one_covers_what_its_solid_angle_says():
    """A 90 degree view is one sixth of the sphere; 0.95 of its width is 0.155 of it; Gaussians have some size."""
    found = covering_views(WORLD, walk(1), views=5, size_px=64)
    counts = found.coverage_by_count
    assert all(after >= before for before, after in itertools.pairwise(counts))
    limit = 0.95
    share = 4 * math.asin(limit**2 / (1 + limit**2)) / (4 * math.pi)
    assert counts[0] == pytest.approx(share, rel=0.15)
    assert views_report(found) == {
        "views": 5,
        "coverage": round(found.coverage, 4),
        "coverage_by_count": [round(share, 4) for share in counts],
    }


def test_greedy_is_not_worse_than_any_other_first_view():
    """Against all candidates, each alone, as the definition says."""
    from matrix3d_core.styles import covering_views as module

    camera = Equirect((module._ROWS, 2 * module._ROWS))
    area = (camera.row_weights() * (2 / math.pi)).float()[:, None, None].expand(*camera.size_px, 1)
    seen = visible_sums(WORLD, walk(1).camera_from_world[0], camera, area)[:, 0]
    best = 0.0
    for rotation in module._directions():
        local = WORLD.means.double() @ rotation
        inside = (local[:, 2] > 0) & (local[:, :2].abs() <= 0.95 * local[:, 2:]).all(-1)
        best = max(best, float(seen[inside].sum() / seen.sum()))
    assert covering_views(WORLD, walk(1), views=1, size_px=32).coverage == pytest.approx(best, abs=0.01)


def test_places_around_the_origin_are_free_and_level():
    places = free_places(WORLD)
    half = torch.tensor(ROOM, dtype=torch.float64)
    assert len(places) == 7
    assert bool((places.abs() < 0.6 * half).all())
    assert bool((places[:, 1] == 0).all())
    assert float(places.norm(dim=-1).max()) > 0.3


def test_places_keep_half_of_the_way_to_a_wall_close_by():
    """The wall is 0.4 to the right; the cone around a heading meets it no nearer than that."""
    near = replace(WORLD, means=WORLD.means - torch.tensor((1.6, 0.0, 0.0)))
    right = free_places(near)[:, 0].max()
    assert 0.1 < float(right) < 0.25


def test_views_stand_on_the_path():
    path = walk(4, step=0.3)
    found = covering_views(WORLD, path, views=6, size_px=32)
    away = torch.cdist(found.trajectory.centers, path.centers).amin(1)
    assert float(away.max()) < 1e-9
    assert found.trajectory.image_size_px == (32, 32)
    assert found.trajectory.camera(3).fov_x_rad == pytest.approx(math.pi / 2)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"views": 0}, "views must lie in 1..256"),
        ({"views": 257}, "views must lie in 1..256"),
        ({"size_px": 8}, "at least 16 pixels"),
        ({"fov_rad": 3.0}, "field of view"),
    ],
)
def test_settings_out_of_range_are_refused(options, says):
    with pytest.raises(InvalidInput, match=says):
        covering_views(WORLD, **options)


def test_worlds_without_anything_to_see_are_refused():
    with pytest.raises(InvalidInput, match="at least 1 splat"):
        covering_views(WORLD.select(torch.zeros(0, dtype=torch.long)))
    clear = Gaussians(*WORLD.tensors()[:3], torch.zeros(len(WORLD)), WORLD.sh)
    with pytest.raises(InvalidInput, match="something must be seen"):
        covering_views(clear, walk(1))
    bad = WORLD.means.clone()
    bad[3, 1] = math.nan
    with pytest.raises(InvalidInput, match="finite"):
        covering_views(Gaussians(bad, *WORLD.tensors()[1:]))


def facing(yaw: float) -> Trajectory:
    found = covering_views(WORLD, walk(1), views=1, size_px=48)
    pose = torch.eye(4, dtype=torch.float64)
    pose[0, 0] = pose[2, 2] = math.cos(yaw)
    pose[0, 2], pose[2, 0] = -math.sin(yaw), math.sin(yaw)
    return Trajectory(pose[None], found.trajectory.K_px[:1], (48, 48))


def test_walls_face_the_camera_and_their_depth_is_where_they_are():
    """Ahead is the wall at z = 3, to the right the one at x = 2; both are seen face on."""
    for yaw, distance in ((0.0, ROOM[2]), (math.pi / 2, ROOM[0])):
        maps = render_view_maps(WORLD, facing(yaw))
        center = (0, 24, 24)
        torch.testing.assert_close(maps.normals[center], torch.tensor((0.0, 0.0, -1.0)), atol=2e-3, rtol=0)
        assert float(maps.depth_z[center]) == pytest.approx(distance, rel=0.01)
    maps = render_view_maps(WORLD, facing(0.0))
    floor = maps.normals[0, 46, 24]  # 44 degrees down: the floor at y = 1.5
    torch.testing.assert_close(floor, torch.tensor((0.0, -1.0, 0.0)), atol=0.02, rtol=0)
    shown = normal_picture(maps.normals)
    torch.testing.assert_close(shown[0, 46, 24], torch.tensor((0.5, 1.0, 0.5)), atol=0.02, rtol=0)
    torch.testing.assert_close(shown[0, 24, 24], torch.tensor((0.5, 0.5, 1.0)), atol=0.02, rtol=0)


def test_depth_pictures_are_white_near_and_black_where_nothing_is():
    depth = torch.full((2, 10, 10), 4.0)
    depth[0, :, :5], depth[1, :2] = 1.0, math.inf
    shown = depth_picture(depth)
    assert shown.shape == (2, 10, 10, 3)
    assert bool((shown[0, :, :5] == 1).all())
    assert bool((shown[1, :2] == 0).all())
    assert bool((shown[0, :, 5:] == 0).all())  # 4 is the farthest of all
    assert bool((depth_picture(torch.full((1, 4, 4), math.inf)) == 0).all())


def test_nothing_has_no_normal():
    maps = render_view_maps(WORLD.select(WORLD.means[:, 2] < -2.9), facing(0.0))
    assert bool((maps.alpha == 0).all())
    assert bool((normal_picture(maps.normals) == 0).all())
