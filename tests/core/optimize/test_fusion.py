"""Fusion of key frames: votes and footprints as their definition says, surfaces from the nearest picture, no gaps."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from tiny_world import look_from, room_frames, straight_path

from matrix3d_core.depth.plane_sweep import PlaneSweepDepth
from matrix3d_core.optimize.init import kernels_fusion
from matrix3d_core.optimize.init.fusion import fuse_views, key_depth
from matrix3d_core.optimize.init.sources import SurfelSource
from matrix3d_core.scene.camera import Equirect, Pinhole
from matrix3d_core.scene.trajectory import Trajectory

INF = torch.inf


def compare_slowly(depth, world_from_camera, camera, maps, poses, cameras, skip, agree):
    """Return `compare_views`'s two results, pixel by pixel."""
    finest, votes = np.full(depth.shape, np.inf), np.zeros(depth.shape, int)
    points = (camera.rays() * depth[..., None]) @ world_from_camera[:3, :3].T + world_from_camera[:3, 3]
    for row, column in torch.isfinite(depth).nonzero().tolist():
        for k, other in enumerate(cameras):
            local = poses[k][:3, :3] @ points[row, column] + poses[k][:3, 3]
            (x, y), reach = other.project(local)
            x, y, reach = float(x) - 0.5, float(y) - 0.5, float(reach)
            inside = float(local[2]) > 0 and 0 <= x <= other.width - 1 and 0 <= y <= other.height - 1
            if k == skip or not (inside or other.wraps):
                continue
            r, c = round(min(max(y, 0), other.height - 1)), round(x)
            around = []
            for dr in (-1, 0, 1):
                for dc in (-1, 0, 1):
                    b = (c + dc) % other.width if other.wraps else min(max(c + dc, 0), other.width - 1)
                    around.append(float(maps[k, min(max(r + dr, 0), other.height - 1), b]))
            shown = [value for value in around if math.isfinite(value)]
            if not shown:
                continue
            if reach < (1 - 2 * agree) * min(shown):
                votes[row, column] -= len(shown) == 9
            elif (1 - agree) * min(shown) <= reach <= (1 + agree) * max(shown):
                votes[row, column] += 1
                finest[row, column] = min(finest[row, column], reach * other.pixel_rad)
    return finest, votes


@pytest.mark.parametrize("kind", ["panorama", "pinhole"])
def test_votes_and_footprints_match_the_definition(kind):
    rng = torch.Generator().manual_seed(3)
    camera = Equirect((10, 20)) if kind == "panorama" else Pinhole.from_fov(1.4, 12, 15)
    maps = 2.0 + 0.5 * torch.rand(4, *camera.size_px, generator=rng)
    maps[torch.rand(maps.shape, generator=rng) < 0.04] = INF
    maps[0] += 2.0
    maps[1], maps[2, :, ::2] = 4.0, 1.2
    depth = 2.0 + 0.5 * torch.rand(camera.size_px, generator=rng).double()
    depth[0, 0] = INF
    path = straight_path(4, step=0.1)
    pose = path.world_from_camera[1].clone()
    pose[:2, 3] = torch.tensor((0.03, 0.02))  # else rounding decides about points on the border
    given = (depth, pose, camera, maps, path.camera_from_world, [camera] * 4)
    seen = set()
    for skip in (-1, 3):
        finest, votes = np.empty(depth.shape), np.empty(depth.shape, np.int64)
        kernels_fusion.compare_views(
            camera.height,
            depth.numpy(),
            pose.numpy(),
            camera.kernel_values().numpy(),
            maps.numpy(),
            path.camera_from_world.numpy(),
            np.stack([camera.kernel_values().numpy()] * 4),
            np.full(4, camera.pixel_rad),
            skip,
            0.04,
            finest,
            votes,
        )
        expected_finest, expected_votes = compare_slowly(*given, skip, 0.04)
        assert np.array_equal(votes, expected_votes)
        np.testing.assert_allclose(finest, expected_finest, rtol=1e-12)
        seen |= set(votes.flatten().tolist())
    assert {-1, 0, 1} <= seen


def panorama(height, name="source", use=None) -> SurfelSource:
    """Return the room as seen from its middle."""
    rgb, distance = look_from((0.0, 0.0, 0.0), height=height)
    use = torch.ones_like(distance, dtype=torch.bool) if use is None else use
    pose = torch.eye(4, dtype=torch.float64)
    return SurfelSource(rgb, distance, use, pose, name, 0, Equirect((height, 2 * height)))


def shown(source: SurfelSource, points) -> torch.Tensor:  # [..., 3] -> [...]
    """Return which points lie within a pixel of one that becomes a surfel."""
    near = torch.nn.functional.max_pool2d(source.use.float()[None, None], 3, stride=1, padding=1)[0, 0]
    pose = torch.linalg.inv(source.world_from_camera)
    return source.camera.lookup(near, points @ pose[:3, :3].T + pose[:3, 3])[0] > 0


@pytest.mark.parametrize("rest", [1, 2], ids=["moving", "a camera that rests"])
def test_a_surface_comes_from_the_picture_that_is_nearest(rest):
    """The path leads 1.8 towards the wall at z = 3: from there the wall is 1.2 away instead of 3."""
    path = straight_path(4, step=0.6)
    path = Trajectory(torch.cat((path.camera_from_world, path.camera_from_world[-1:].repeat(rest - 1, 1, 1))))
    frames, distance = room_frames(path)
    keys = [0, *range(3, 3 + rest)]
    fused = fuse_views([panorama(48)], {key: distance[key] for key in keys}, frames, path)
    source, taken = fused[0], fused[1:]
    assert len(taken) == 1  # equally near ones: the first
    rays = source.camera.rays()
    points = rays * source.depth_ray[..., None].double()
    ahead = (points[..., 2] > 2.99) & (points[..., :2].abs() < 0.9).all(-1)
    behind = points[..., 2] < 0
    assert not source.use[ahead].any()
    assert source.use[behind].all()
    assert all(
        part.name == "filled" and torch.equal(part.world_from_camera, path.world_from_camera[3])
        for part in taken
    )
    # Dense points of the room: each is shown by one picture at least, and inside of the regions by one alone.
    dense = panorama(144)
    spots = dense.camera.rays() * dense.depth_ray[..., None].double()
    times = torch.stack([shown(part, spots) for part in fused]).sum(0)
    assert int(times.min()) >= 1
    assert float((times == 1).float().mean()) > 0.8


def test_a_surface_that_others_look_through_is_dropped():
    path = straight_path(4, step=0.5)
    frames, distance = room_frames(path)
    depths = {key: distance[key].clone() for key in range(4)}
    wrong = (slice(20, 28), slice(44, 52))  # ahead
    depths[3][wrong] = 0.7
    fused = fuse_views([panorama(48, use=torch.zeros(48, 96, dtype=torch.bool))], depths, frames, path)
    last = next(part for part in fused if torch.equal(part.world_from_camera, path.world_from_camera[3]))
    assert not last.use[21:27, 45:51].any()
    beside = last.use[20:28, 36:43]
    assert float(beside.float().mean()) > 0.9
    alone = fuse_views([], {3: depths[3]}, frames, path)
    assert alone == []  # none agrees with a single picture


def test_the_sky_stays():
    path = straight_path(2, step=1.8)
    frames, distance = room_frames(path)
    sky = panorama(48, "sky")
    assert fuse_views([sky], {1: distance[1]}, frames, path)[0] is sky


SMALL, LARGE = (12, 24), (24, 48)
CAMERA = Equirect(LARGE)


def trusted(swept, known=None, *, confident=True, sky=False, rgb=None):
    yes = torch.ones(SMALL, dtype=torch.bool)
    sweep = PlaneSweepDepth(torch.as_tensor(swept).expand(SMALL), yes & confident, yes & sky)
    known = None if known is None else torch.as_tensor(known).expand(SMALL)
    rgb = torch.full((*LARGE, 3), 0.5) if rgb is None else rgb
    return key_depth(sweep, known, rgb, CAMERA).depth_ray()


@pytest.mark.parametrize(
    ("swept", "known", "fields", "expected"),
    [
        (3.0, 2.9, {}, 2.9),  # the panorama is exact
        (5.0, 2.9, {}, 2.9),  # also where the sweep looks through
        (2.0, 2.9, {}, 2.0),  # something stands before it
        (2.0, 2.9, {"confident": False}, 2.9),
        (2.0, INF, {}, 2.0),
        (2.0, torch.nan, {}, 2.0),
        (2.0, torch.nan, {"confident": False}, INF),
        (2.0, None, {}, 2.0),
        (90.0, torch.nan, {"sky": True}, INF),
        (90.0, INF, {"sky": True}, INF),
        (90.0, 2.9, {"sky": True}, 2.9),
    ],
)
def test_which_distance_is_trusted(swept, known, fields, expected):
    result = trusted(swept, known, **fields)
    assert result.shape == LARGE
    torch.testing.assert_close(result, torch.full(LARGE, expected))


def test_at_a_jump_a_pixel_takes_the_side_of_its_color():
    """Columns 0 to 24 of 48 are red and near: the jump lies within a pixel of the small map."""
    near = torch.where(torch.arange(24) < 12, 2.0, 6.0)
    rgb = torch.zeros(*LARGE, 3)
    rgb[:, :25, 0], rgb[:, 25:, 2] = 1.0, 1.0
    result = trusted(near, near, rgb=rgb)
    torch.testing.assert_close(result[:, :25], torch.full((24, 25), 2.0))
    torch.testing.assert_close(result[:, 25:], torch.full((24, 23), 6.0))
    sky = torch.where(torch.arange(24) < 12, 2.0, INF)
    assert torch.equal(torch.isinf(trusted(near, sky, confident=False, rgb=rgb)), result > 4)
