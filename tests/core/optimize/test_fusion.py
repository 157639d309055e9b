"""Fusion of key frames: votes and footprints as their definition says, surfaces from the nearest picture, no gaps."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from tiny_world import look_from, room_frames, straight_path

from matrix3d_core.depth.plane_sweep import PlaneSweepDepth
from matrix3d_core.optimize.init import kernels_fusion
from matrix3d_core.optimize.init.disocclusions import sweep_disocclusions
from matrix3d_core.optimize.init.fusion import KeyDepth, fuse_views, key_depth
from matrix3d_core.optimize.init.sources import KnownDepth, SurfelSource
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
            shown = [value for value in around if value < 1e17]
            whole = all(map(math.isfinite, around))
            if not (shown or whole):
                continue
            if reach < (1 - 2 * agree) * min([*shown, INF]):
                votes[row, column] -= whole
            elif 1e17 < around[4] < INF:
                continue  # the sky, of which the surfaces beside it may be this point
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
    maps[torch.rand(maps.shape, generator=rng) < 0.1] = 1e30
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


def test_the_sky_looks_through_what_stands_before_it():
    """A key frame takes a patch along that others know to be sky, and the panorama too."""
    path = straight_path(4, step=0.5)
    frames, distance = room_frames(path)
    patch = (slice(20, 28), slice(44, 52))  # ahead
    depths = {key: distance[key].clone() for key in range(4)}
    skies = {key: torch.zeros_like(distance[key], dtype=torch.bool) for key in range(4)}
    for key in range(3):
        skies[key][18:30, 40:56] = True
        depths[key][skies[key]] = INF
    depths[3][patch] = 0.7
    none = panorama(48, use=torch.zeros(48, 96, dtype=torch.bool))

    def kept(skies):
        fused = fuse_views([none], depths, frames, path, skies)
        return fused[-1].use[21:27, 45:51]

    depths[2][patch], skies[2][patch] = distance[3][patch] * 0 + 1.2, False  # one agrees
    assert kept({}).all()
    assert not kept(skies).any()


def test_the_sky_stays():
    path = straight_path(2, step=1.8)
    frames, distance = room_frames(path)
    sky = panorama(48, "sky")
    assert fuse_views([sky], {1: distance[1]}, frames, path)[0] is sky


def test_holes_follow_refined_sky():
    """The sweep has one surface below and sky above; at full resolution there is sky between leaves, and a leaf."""
    camera, path = Equirect((24, 48)), straight_path(2)
    depth, inverse = torch.full((12, 24), 3.0), torch.full((24, 48), 1 / 3)
    depth[:6], inverse[:12] = 60.0, 0.0
    sweep = PlaneSweepDepth(depth, torch.ones_like(depth, dtype=torch.bool), depth > 10)
    gap, leaf = (slice(15, 18), slice(10, 13)), (slice(6, 9), slice(30, 33))
    inverse[gap], inverse[leaf] = 0.0, 0.5
    none = torch.zeros(24, 48, dtype=torch.bool)
    known = KnownDepth(torch.full((24, 48), 0.01), torch.eye(4, dtype=torch.float64), camera)
    frames = torch.rand(2, 24, 48, 3)
    (plain,) = sweep_disocclusions([], [known], {0: sweep}, frames, path)
    (found,) = sweep_disocclusions([], [known], {0: sweep}, frames, path, {0: KeyDepth(inverse, ~none, none)})
    assert found.sky[gap].all()
    assert (found.depth_ray[gap] == 60).all()
    assert not found.sky[leaf].any()
    assert (found.depth_ray[leaf] == 2).all()
    none[gap] = none[leaf] = True
    assert torch.equal(found.sky[~none], plain.sky[~none])
    assert torch.equal(found.depth_ray[~none], plain.depth_ray[~none])


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
