"""Refined distances: propagation as its definition says, and silhouettes that move to where the frames have them."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from tiny_world import straight_path

from matrix3d_core.optimize.init import kernels_propagation
from matrix3d_core.optimize.init.fusion import KeyDepth
from matrix3d_core.optimize.init.refine import refine_depth
from matrix3d_core.scene.camera import Equirect, Pinhole
from matrix3d_core.scene.trajectory import Trajectory

AGREE, THROUGH, SHOWS, SMOOTH, SKY = 0.04, 0.05, 0.01, 0.01, 0.02


def bounded(camera, row, column):
    """Return a pixel within the picture: around it at the sides of a panorama, else the last one."""
    row = min(max(row, 0), camera.height - 1)
    return row, column % camera.width if camera.wraps else min(max(column, 0), camera.width - 1)


def place(camera, point):
    """Return row and column of a point, centers at integers; None outside."""
    (x, y), _ = camera.project(point)
    x, y = float(x) - 0.5, float(y) - 0.5
    if camera.wraps:
        return min(max(y, 0.0), camera.height - 1.0), x
    inside = float(point[2]) > 1e-6 and 0 <= x <= camera.width - 1 and 0 <= y <= camera.height - 1
    return (y, x) if inside else None


def price_slowly(camera, rgb, weights, row, column, near, others, poses):
    found = []
    for other, pose in zip(others, poses, strict=True):
        at = place(camera, pose[:3, :3] @ camera.rays()[row, column] + pose[:3, 3] * near)
        if at is None:
            continue
        top, left = math.floor(at[0]), math.floor(at[1])
        down, across = at[0] - top, at[1] - left
        total = 0.0
        for dr in (-1, 0, 1):
            for dc in (-1, 0, 1):
                corners = [
                    [other[bounded(camera, top + dr + a, left + dc + b)] for b in (0, 1)] for a in (0, 1)
                ]
                upper, lower = (torch.lerp(*pair, across) for pair in corners)
                color = torch.lerp(upper, lower, down)
                own = rgb[bounded(camera, row + dr, column + dc)]
                total += weights[dr + 1, dc + 1] * min(float((color - own).abs().sum()), 0.5)
        found.append(total / float(weights.sum()))
    best = sorted(found)[: (len(others) + 1) // 2]
    return sum(best) / len(best) if best else 0.25


def votes_slowly(camera, ray, near, maps, poses):
    shows = through = 0
    for inverse, pose in zip(maps, poses, strict=True):
        point = pose[:3, :3] @ ray + pose[:3, 3] * near
        at = place(camera, point)
        if at is None:
            continue
        row, column = round(at[0]), round(at[1])
        around = [
            float(inverse[bounded(camera, row + a, column + b)]) for a in (-1, 0, 1) for b in (-1, 0, 1)
        ]
        there = near / float(point.norm())
        if min(around) < 0:
            continue
        if there > max(around) * (1 + 2 * AGREE) + 1e-9:
            through += 1
        elif there >= min(around) * (1 - AGREE):
            shows += 1
    return shows, through


def propagate_slowly(camera, rgb, inverse, is_open, step, others, poses, maps, map_poses, may_be_sky):
    """Return `take_neighbors`'s three results, pixel by pixel."""
    out, price = inverse.clone(), torch.full(inverse.shape, -1.0)
    votes = torch.zeros(inverse.shape, dtype=torch.long)
    order = [(0, 0), (-1, 0), (-1, 1), (0, -1), (-1, -1), (0, 1), (1, -1), (1, 0), (1, 1)]
    for row, column in is_open.nonzero().tolist():
        near_by = [[rgb[bounded(camera, row + a, column + b)] for b in (-1, 0, 1)] for a in (-1, 0, 1)]
        off = torch.stack([torch.stack(line) for line in near_by]) - rgb[row, column]
        weights = 1 / (1 + 400 * off.abs().sum(-1).square())
        tried, least = [], math.inf
        candidates = []
        for dr, dc in order:
            r, c = row + dr * step, column + dc * step
            if not 0 <= r < camera.height or not (camera.wraps or 0 <= c < camera.width):
                continue
            candidates.append(float(inverse[bounded(camera, r, c)]))
        for near in candidates + [0.0] * bool(may_be_sky[row, column]):
            if near < 0 or any(abs(t - near) <= 0.02 * near for t in tried):
                continue
            tried.append(near)
            color = price_slowly(camera, rgb, weights, row, column, near, others, poses)
            shows, through = votes_slowly(camera, camera.rays()[row, column], near, maps, map_poses)
            apart = norm = 0.0
            for a, b in ((1, 0), (-1, 0), (0, 1), (0, -1)):
                theirs = float(inverse[bounded(camera, row + a, column + b)])
                if theirs >= 0:
                    far = abs(theirs - near) / max(theirs, near, 1e-9)
                    apart += float(weights[bounded(camera, row + a, 0)[0] - row + 1, b + 1]) * min(
                        10 * far, 1.0
                    )
                    norm += 1
            cost = color - SKY * (near == 0 and bool(may_be_sky[row, column]))
            cost += (THROUGH * through - SHOWS * shows) / len(maps) + SMOOTH * apart / (norm + 1e-6)
            if cost < least:
                least, out[row, column], price[row, column], votes[row, column] = (
                    cost,
                    near,
                    color,
                    shows - through,
                )
    return out, price, votes


@pytest.mark.parametrize("kind", ["panorama", "pinhole"])
@pytest.mark.parametrize("step", [1, 2])
def test_propagation_matches_the_definition(kind, step):
    rng = torch.Generator().manual_seed(5 + step)
    camera = Equirect((8, 16)) if kind == "panorama" else Pinhole.from_fov(1.2, 9, 11)
    size = camera.size_px
    path = straight_path(5, step=0.15).camera_from_world
    path[:, :2, 3] = 0.02 * torch.rand(5, 2, generator=rng).double()  # else rounding decides on borders
    poses = [path[k] @ torch.linalg.inv(path[2]) for k in (0, 1, 3, 4)]
    rgb, inverse = torch.rand(*size, 3, generator=rng), 0.2 + 0.4 * torch.rand(size, generator=rng)
    inverse[0, ::3], inverse[-1, 1::3] = -1.0, 0.0
    others = torch.rand(4, *size, 3, generator=rng)
    maps = 0.2 + 0.4 * torch.rand(2, *size, generator=rng)
    maps[0, 2, 3] = -1.0
    maps[:, :, : camera.width // 2] = 0.05  # looked through
    is_open = torch.rand(size, generator=rng) < 0.7
    may_be_sky = torch.rand(size, generator=rng) < 0.3
    lens = camera.kernel_values().numpy()
    stacked = np.stack([pose[:3].numpy() for pose in poses])
    out, price = np.empty(size, np.float32), np.full(size, -1, np.float32)
    votes = np.zeros(size, np.int64)
    kernels_propagation.take_neighbors(
        camera.height,
        rgb.numpy(),
        lens,
        inverse.numpy(),
        is_open.numpy(),
        step,
        others.numpy(),
        stacked,
        np.stack([lens] * 4),
        maps.numpy(),
        stacked[1:3],
        np.stack([lens] * 2),
        AGREE,
        *(np.float32(value) for value in (THROUGH, SHOWS, SMOOTH)),
        may_be_sky.numpy(),
        np.float32(SKY),
        out,
        price,
        votes,
    )
    given = camera, rgb, inverse, is_open, step, others, poses, maps, poses[1:3], may_be_sky
    expected, expected_price, expected_votes = propagate_slowly(*given)
    np.testing.assert_array_equal(out, expected.numpy())
    # Sums of 27 differences in float32.
    np.testing.assert_allclose(price, expected_price.numpy(), atol=27 * 2**-23)
    np.testing.assert_array_equal(votes, expected_votes.numpy())
    assert (out != inverse.numpy()).any()
    assert votes.min() < 0 < votes.max()
    assert bool(((out == 0) & (inverse.numpy() > 0)).any())


def board_before_a_wall(camera, path: Trajectory):
    """Return frames and distances of a board at z = 2, |x| and |y| < 0.6, before a wall at z = 5."""
    frames, depths = [], []
    for pose in path.world_from_camera:
        rays, center = camera.rays() @ pose[:3, :3].T, pose[:3, 3]
        found = []
        for z in (2.0, 5.0):
            reach = (z - center[2]) / rays[..., 2]
            x, y, _ = (center + rays * reach[..., None]).unbind(-1)
            waves = [
                0.5 + 0.3 * torch.sin(a * x + 2 * z) * torch.cos(b * y) for a, b in ((9, 7), (5, 13), (17, 4))
            ]
            found.append((reach, x, y, torch.stack(waves, -1)))
        on_board = (found[0][1].abs() < 0.6) & (found[0][2].abs() < 0.6)
        depths.append(torch.where(on_board, found[0][0], found[1][0]))
        frames.append(torch.where(on_board[..., None], found[0][3], found[1][3]))
    return torch.stack(frames).float(), torch.stack(depths).float()


@pytest.mark.parametrize("grown", [-3, 3], ids=["too small", "too large"])
def test_silhouettes_move_to_where_the_frames_have_them(grown):
    """The board's outline is off by 3 pixels all around in every key frame."""
    camera = Pinhole.from_fov(1.2, 64, 80)
    pose = torch.eye(4, dtype=torch.float64).repeat(9, 1, 1)
    pose[:, 0, 3], pose[:, 1, 3] = -0.06 * torch.arange(9), 0.03 * torch.arange(9)
    path = Trajectory(pose, K_px=camera.K_px.expand(9, 3, 3), image_size_px=camera.size_px)
    frames, depth = board_before_a_wall(camera, path)
    given = {}
    for key in (0, 4, 8):
        near = (depth[key] < 3).float()[None, None]
        sign = 1 if grown > 0 else -1
        size = 2 * abs(grown) + 1
        wide = sign * torch.nn.functional.max_pool2d(sign * near, size, stride=1, padding=abs(grown))[0, 0]
        ratio = camera.rays()[..., 2].float()
        inverse = torch.where(wide > 0.5, ratio / 2, ratio / 5)
        close = torch.nn.functional.max_pool2d(near, 13, stride=1, padding=6)[0, 0] > 0
        close &= -torch.nn.functional.max_pool2d(-near, 13, stride=1, padding=6)[0, 0] < 1
        given[key] = KeyDepth(inverse, torch.ones_like(close), close)
    refined = refine_depth(given, frames, path, 1.0)
    for key in given:
        before = (given[key].depth_ray() / depth[key] - 1).abs() > 0.15
        after = refined[key]
        wrong = (after.depth_ray() / depth[key] - 1).abs() > 0.15
        assert int(before.sum()) > 150
        assert int((wrong & after.is_known).sum()) < 0.15 * int(before.sum())
        assert float(after.is_known.float().mean()) > 0.9


def test_what_lies_away_from_jumps_stays():
    camera = Equirect((12, 24))
    path = straight_path(3)
    none = torch.zeros(camera.size_px, dtype=torch.bool)
    given = {key: KeyDepth(torch.rand(camera.size_px), ~none, none) for key in (0, 2)}
    refined = refine_depth(given, torch.rand(3, *camera.size_px, 3), path, None)
    for key, depth in given.items():
        assert torch.equal(refined[key].inverse, depth.inverse)
        assert refined[key].is_known.all()


def leaves_before_the_sky(camera, path: Trajectory):
    """Return frames and distances of dark leaves at z = 2 before a bright sky, with gaps of a few pixels."""
    frames, depths = [], []
    for pose in path.world_from_camera:
        rays, center = camera.rays() @ pose[:3, :3].T, pose[:3, 3]
        reach = (2.0 - center[2]) / rays[..., 2]
        x, y, _ = (center + rays * reach[..., None]).unbind(-1)
        pattern = torch.sin(31 * x + 3 * y) + torch.sin(47 * y - 5 * x) + torch.sin(19 * x + 23 * y)
        on_leaf = (pattern < 0.5) & (x.abs() < 0.8) & (y.abs() < 0.7)
        waves = 0.25 + 0.1 * torch.sin(40 * x) * torch.cos(35 * y)
        frames.append(torch.where(on_leaf, waves, 0.9 + 0.05 * rays[..., 1])[..., None].expand(-1, -1, 3))
        depths.append(torch.where(on_leaf, reach, torch.inf))
    return torch.stack(frames).float(), torch.stack(depths).float()


def test_gaps_between_leaves_become_sky():
    """The sweep knew one surface there, and sky is farther away than any neighbor that is tried: alone, none is found."""
    camera = Pinhole.from_fov(1.0, 96, 120)
    pose = torch.eye(4, dtype=torch.float64).repeat(9, 1, 1)
    pose[:, 0, 3], pose[:, 1, 3] = -0.06 * torch.arange(9), 0.03 * torch.arange(9)
    path = Trajectory(pose, K_px=camera.K_px.expand(9, 3, 3), image_size_px=camera.size_px)
    frames, depth = leaves_before_the_sky(camera, path)
    given = {}
    for key in (0, 4, 8):
        near = torch.isfinite(depth[key]).float()[None, None]
        crown = torch.nn.functional.max_pool2d(near, 7, stride=1, padding=3)[0, 0] > 0
        crown = -torch.nn.functional.max_pool2d(-crown.float()[None, None], 7, stride=1, padding=3)[0, 0] > 0
        inverse = torch.where(crown, camera.rays()[..., 2].float() / 2, 0.0)
        given[key] = KeyDepth(inverse, torch.ones_like(crown), crown)
    refined = refine_depth(given, frames, path, 1.0)
    for key in given:
        sky, crown = torch.isinf(depth[key]), ~given[key].sky()
        inner = (
            -torch.nn.functional.max_pool2d(-crown.float()[None, None], 25, stride=1, padding=12)[0, 0] > 0
        )
        assert int((sky & inner).sum()) > 1000
        assert float(refined[key].sky()[sky & inner].float().mean()) > 0.25
        assert float(refined[key].sky()[~sky].float().mean()) < 0.15
