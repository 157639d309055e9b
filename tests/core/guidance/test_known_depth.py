"""What a panorama's distance says of frames along a path, against traced distances; where a panorama is cut."""

from __future__ import annotations

import functools
import math

import torch

from matrix3d_core.depth.panorama_depth import geometry_from_depth
from matrix3d_core.geometry.spherical import erp_directions
from matrix3d_core.guidance.known_depth import known_depth
from matrix3d_core.guidance.scene_mesh import depth_jumps, mesh_from_panorama
from matrix3d_core.scene.camera import Pinhole
from matrix3d_core.scene.panorama import PanoramaGeometry
from matrix3d_core.scene.trajectory import Trajectory
from matrix3d_core.synth.sample_scene import render_erp, render_pinhole

ROWS = 96
AT = torch.tensor([0.4, 0.1, 0.7], dtype=torch.float64)


def path(**fields) -> Trajectory:
    """Return the terrace's origin and a second place."""
    poses = torch.eye(4, dtype=torch.float64).repeat(2, 1, 1)
    poses[1, :3, 3] = -AT
    return Trajectory(poses, **fields)


@functools.cache
def terrace():
    """Return the terrace's geometry, two panoramas of it and the ray distances of the second."""
    pairs = [render_erp(center, ROWS, 2 * ROWS, samples=2) for center in (torch.zeros(3), AT)]
    geometry = geometry_from_depth(*pairs[0], repair_components=False)
    return geometry, torch.stack([rgb for rgb, _ in pairs]), pairs[1][1]


def check(known, truth, *, least_share):
    """Nearly all that is known is right, most is known, and the sky is where it is."""
    finite = torch.isfinite(known)
    right = (known / truth - 1).abs() < 0.03
    assert float(right[finite].float().mean()) > 0.96  # the rest: silhouettes, one pixel wide
    sky = torch.isinf(truth)
    assert float((known == torch.inf)[sky].float().mean()) > 0.7  # none is known within two pixels of a jump
    assert float((known == torch.inf)[~sky].float().mean()) < 0.02
    assert float((~torch.isnan(known)).float().mean()) > least_share


def test_known_distances_are_the_traced_ones():
    geometry, frames, truth = terrace()
    known = known_depth(geometry, frames, path(), [1], rows=ROWS)
    assert list(known) == [1]
    check(known[1], truth, least_share=0.7)


def test_what_the_panorama_does_not_show_is_not_known():
    geometry, frames, _ = terrace()
    frames = frames.clone()
    frames[1, 70:86, 20:50] = torch.tensor([0.9, 0.1, 0.9])
    plain = known_depth(geometry, terrace()[1], path(), [1], rows=ROWS)[1]
    painted = known_depth(geometry, frames, path(), [1], rows=ROWS)[1]
    block = torch.zeros(painted.shape, dtype=torch.bool)
    block[70:86, 20:50] = True
    assert float(torch.isfinite(plain[block]).float().mean()) > 0.8
    assert torch.isnan(painted[block]).all()
    away = torch.ones_like(block)
    away[68:88, 18:52] = False  # half a window around
    torch.testing.assert_close(painted[away], plain[away], rtol=0, atol=0, equal_nan=True)


def test_rows_of_the_result():
    geometry, frames, truth = terrace()
    known = known_depth(geometry, frames, path(), [0, 1], rows=ROWS // 2)
    assert known[0].shape == known[1].shape == (ROWS // 2, ROWS)
    finite = torch.isfinite(known[1])
    low, high = (
        -torch.nn.functional.max_pool2d(-truth[None], 2)[0],
        torch.nn.functional.max_pool2d(truth[None], 2)[0],
    )
    between = (known[1] > 0.97 * low) & (known[1] < 1.03 * high)
    assert float(between[finite].float().mean()) > 0.97


def test_pinhole_frames():
    geometry, _, _ = terrace()
    camera = Pinhole.from_fov(math.radians(80), ROWS, ROWS)
    trajectory = path(K_px=camera.K_px.repeat(2, 1, 1), image_size_px=camera.size_px)
    rgb, truth = render_pinhole(trajectory.camera_from_world[1], camera.K_px, ROWS, ROWS, samples=2)
    known = known_depth(geometry, torch.stack((rgb, rgb)), trajectory, [1], rows=ROWS)[1]
    check(known, truth, least_share=0.5)


def ground(height=ROWS) -> torch.Tensor:  # [H, 2H]
    """Return the distance of level ground 1.6 below under a dome, with a box across the panorama's border."""
    rays = erp_directions(height, 2 * height, dtype=torch.float64)
    distance = torch.where(rays[..., 1] > 0, 1.6 / rays[..., 1].clamp_min(1e-9), 200.0)
    middle, half = height // 2, height // 6
    box = torch.zeros_like(distance, dtype=torch.bool)
    box[middle - half : middle + half, :half] = True
    box[middle - half : middle + half, -half:] = True
    return torch.where(box, torch.minimum(distance, torch.tensor(2.5)), distance).float()


def test_grazing_ground_is_no_jump_and_the_edge_of_a_box_is():
    distance = ground()
    jumps = depth_jumps(distance)
    middle, half = ROWS // 2, ROWS // 6
    away = slice(2 * half, 2 * ROWS - 2 * half)
    assert not jumps[middle + 1 :, away].any()  # the first row below the horizon borders on the sky
    assert float(distance[middle + 1, ROWS]) > 1.9 * float(distance[middle + 3, ROWS])
    assert jumps[middle - half : middle, [half - 1, half, -half - 1, -half]].all()
    assert not jumps[middle - half + 1 : middle, [0, 1, -2, -1]].any()  # the border itself is within the box
    cut = distance.roll(half, dims=1)  # now the box's edge is the border
    assert torch.equal(depth_jumps(cut), jumps.roll(half, dims=1))
    assert depth_jumps(cut)[middle - half : middle, [0, -1]].all()


def test_a_mesh_for_grazing_views_keeps_far_ground():
    distance = ground()
    rgb, yes = torch.full((*distance.shape, 3), 0.5), torch.ones_like(distance, dtype=torch.bool)
    geometry = PanoramaGeometry(rgb, distance, yes, ~yes)
    plain, whole = (
        mesh_from_panorama(geometry, height=ROWS, grazing=grazing).is_visible.reshape(distance.shape)
        for grazing in (False, True)
    )
    middle, side = ROWS // 2, ROWS
    assert not plain[middle + 1 : middle + 4, side].any()
    assert whole[middle + 1 :, side].all()
    half = ROWS // 6
    assert not whole[middle - half : middle, [half - 1, half]].any()
