"""The automatic filter: what it measures, and which clips it refuses for which reason."""

from __future__ import annotations

import math

import pytest
import torch
from poses import pose_at

from matrix3d_core.errors import InvalidInput
from matrix3d_core.factory.filters import FilterConfig, measure_clip, refusals_of
from matrix3d_core.geometry.spherical import erp_directions
from matrix3d_core.scene.trajectory import Trajectory

ROWS = 64


def clip(*, brightness=0.5, contrast=0.2, step=1.0, depth=None, frames=3):
    """A checkered sphere whose lower half is ground 1.6 m below, walked forward."""
    rows, columns = torch.meshgrid(torch.arange(ROWS), torch.arange(2 * ROWS), indexing="ij")
    checks = ((rows // 4 + columns // 4) % 2 - 0.5) * 2 * contrast
    rgb = (brightness + checks)[..., None].expand(-1, -1, 3).clamp(0, 1)
    if depth is None:
        down = erp_directions(ROWS, 2 * ROWS)[..., 1]
        depth = torch.where(down > 0.03, 1.6 / down, math.inf).float()
    poses = torch.eye(4, dtype=torch.float64).repeat(frames, 1, 1)
    poses[:, 2, 3] = -torch.linspace(0, step, frames, dtype=torch.float64)
    return rgb.expand(frames, -1, -1, -1), depth.expand(frames, -1, -1), Trajectory(poses)


def test_measures_are_those_of_the_definition():
    depth = torch.full((ROWS, 2 * ROWS), 4.0)
    found = measure_clip(*clip(brightness=0.5, contrast=0.25, step=2.0, depth=depth))
    assert found.darkest == pytest.approx(0.5, abs=1e-3)
    assert found.clipped == 0
    assert found.sky == 0
    assert found.near_m == 4
    assert found.depth_ratio == 1
    # Seen from 2 m off the middle of a sphere of 4 m; the mean over all directions by fine numerical integration.
    theta = (torch.arange(100_000, dtype=torch.float64) + 0.5) * math.pi / 100_000
    moved = torch.atan2(4 * theta.sin(), 4 * theta.cos() - 2)
    expected = ((moved - theta) * theta.sin()).mean() * math.pi / 2
    assert found.motion_deg == pytest.approx(math.degrees(expected), rel=2e-3)
    dark = measure_clip(*clip(brightness=0.1, contrast=0.1, step=0.0))
    assert dark.clipped == pytest.approx(0.5, abs=0.05)  # half of the checks are black
    assert dark.motion_deg < 1e-5
    assert 0.45 < dark.sky < 0.55


def test_of_several_frames_the_worst_counts():
    frames, depth, trajectory = clip()
    frames, depth = frames.clone(), depth.clone()
    frames[1], frames[2] = 0.01, 1.0
    depth[1] = math.inf
    found = measure_clip(frames, depth, trajectory)
    assert found.darkest == pytest.approx(0.01, abs=1e-4)
    assert found.brightest == pytest.approx(1, abs=1e-4)
    assert found.clipped == pytest.approx(1, abs=1e-4)
    assert found.detail < 1e-6
    assert found.sky == pytest.approx(1, abs=1e-4)


def test_the_scenes_axes_do_not_matter():
    frames, depth, trajectory = clip()
    other = Trajectory(trajectory.camera_from_world @ pose_at((1, 2, 3), pitch=80))
    moved = [measure_clip(frames, depth, path).motion_deg for path in (trajectory, other)]
    assert moved[1] == pytest.approx(moved[0], rel=1e-6)


@pytest.mark.parametrize(
    ("changes", "reasons"),
    [
        ({}, []),
        ({"brightness": 0.02, "contrast": 0.015}, ["exposure"]),
        ({"brightness": 0.97, "contrast": 0.02}, ["exposure"]),
        ({"contrast": 0.005}, ["detail"]),
        ({"step": 0.05}, ["motion"]),
        ({"depth": torch.full((ROWS, 2 * ROWS), 3.0)}, ["depth range"]),
        ({"depth": torch.full((ROWS, 2 * ROWS), math.inf)}, ["motion", "depth range"]),
    ],
    ids=["good", "dark", "burnt out", "blank", "still", "inside of a ball", "sky alone"],
)
def test_each_bound_refuses_what_breaks_it(changes, reasons):
    assert refusals_of(measure_clip(*clip(**changes))) == reasons


def test_a_surface_in_the_face_is_refused_and_bounds_can_be_moved():
    _, depth, _ = clip()
    depth = depth[0].clone()
    depth[27:37, 27:37] = 0.1  # 2 % of all distances
    measures = measure_clip(*clip(depth=depth))
    assert refusals_of(measures) == ["depth range"]
    assert refusals_of(measures, FilterConfig(min_distance_m=0.05)) == []


def test_what_does_not_fit_is_refused():
    frames, depth, trajectory = clip()
    with pytest.raises(InvalidInput, match="depth must have shape"):
        measure_clip(frames, depth[:, 1:], trajectory)
    with pytest.raises(InvalidInput, match="one pose per frame, 3; got 2"):
        measure_clip(frames, depth, trajectory.select(slice(2)))
