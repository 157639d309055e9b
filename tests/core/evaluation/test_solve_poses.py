"""Poses solved from frames of a textured room whose true poses are known."""

from __future__ import annotations

import math
import sys

import pytest
import torch
from poses import pose_at

from matrix3d_core.evaluation.solve_poses import solve_poses
from matrix3d_core.metrics.camera_error import camera_errors
from matrix3d_core.scene.camera import Equirect, Pinhole
from matrix3d_core.scene.trajectory import Trajectory

HALF = torch.tensor([3.0, 2.0, 4.0], dtype=torch.float64)
PATH = [((0, 0, -1), 0), ((0.3, 0.1, -0.6), 6), ((0.1, 0, -0.1), 15), ((-0.3, 0.05, 0.4), 24)]


def spotted_room(camera, pose, cells=24):
    """``[H, W, 3]``: a box whose walls are painted with a grid of random colors, seen from a pose."""
    grid = torch.rand(3, 2, cells, cells, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    world = Trajectory(pose[None]).world_from_camera[0]
    rays = camera.rays() @ world[:3, :3].mT
    center = world[:3, 3]
    distance, wall = torch.where(rays > 0, (HALF - center) / rays, (-HALF - center) / rays).abs().min(-1)
    share = ((center + rays * distance[..., None]) / HALF / 2 + 0.5).clamp(0, 1 - 1e-9) * cells
    across = torch.stack([share[..., [1, 2]], share[..., [0, 2]], share[..., [0, 1]]], -2)
    across = across.gather(-2, wall[..., None, None].expand(*wall.shape, 1, 2))[..., 0, :].long()
    far = (rays.gather(-1, wall[..., None])[..., 0] > 0).long()
    return grid[wall, far, across[..., 0], across[..., 1]].float()


def filmed(camera, path, samples=3):
    """Frames with anti-aliasing: drawn larger and averaged."""
    large = camera.resized(camera.height * samples, camera.width * samples)
    return torch.stack([large.crop(spotted_room(large, pose), camera) for pose in path.camera_from_world])


@pytest.fixture(scope="module")
def path():
    pytest.importorskip("pycolmap")
    return Trajectory(torch.stack([pose_at(*place) for place in PATH]))


def test_panoramas_are_solved_as_a_rig(path):
    camera = Equirect((160, 320))
    seen = []
    found = solve_poses(filmed(camera, path), camera, progress=lambda event: seen.append(event.phase))
    assert found.frames == (0, 1, 2, 3)
    assert found.reason == ""
    errors = camera_errors(found.trajectory, path)
    # a feature is good to a tenth of a pixel, which is 1.1 degrees; hundreds of them average
    assert math.degrees(errors.rotation_rad) < 0.3
    assert errors.translation < 0.02 * errors.reach
    assert [phase for phase in dict.fromkeys(seen) if phase][-3:] == [
        "find features",
        "match features",
        "solve poses",
    ]


def test_a_perspective_video_is_solved_with_its_lens(path):
    camera = Pinhole.from_fov(math.radians(80), 160, 200)
    found = solve_poses(filmed(camera, path), camera)
    errors = camera_errors(found.trajectory, path.select(torch.tensor(found.frames)))
    assert math.degrees(errors.rotation_rad) < 0.5
    assert errors.translation < 0.05 * errors.reach


@pytest.mark.parametrize("kind", ["flat", "still", "one"])
def test_what_cannot_be_solved_is_a_result(path, kind):
    camera = Equirect((96, 192))
    frames = {
        "flat": torch.full((3, 96, 192, 3), 0.5),
        "still": filmed(camera, path.select(torch.tensor([0, 0, 0]))),
        "one": torch.zeros(1, 96, 192, 3),
    }[kind]
    found = solve_poses(frames, camera)
    assert found.trajectory is None
    wanted = "one frame has no motion" if kind == "one" else "not solvable: 0 of 3 frames could be placed"
    assert found.reason == wanted


def test_without_the_package_the_reason_names_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "pycolmap", None)
    found = solve_poses(torch.zeros(3, 16, 32, 3), Equirect((16, 32)))
    assert found.reason == "needs the package pycolmap: pip install 'matrix3d[metrics]'"
