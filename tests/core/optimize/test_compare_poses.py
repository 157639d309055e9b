"""Geometry and frames against the poses: right ones pass silently, wrong readings are named, degraded frames do not count."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from tiny_world import look_from, room_frames

from matrix3d_core.geometry.crops import crop_erp
from matrix3d_core.geometry.pinhole import intrinsics_from_fov
from matrix3d_core.geometry.rotations import matrix_from_yaw_pitch_roll
from matrix3d_core.optimize.compare_poses import compare_poses, diagnose_poses
from matrix3d_core.scene.panorama import PanoramaGeometry
from matrix3d_core.scene.trajectory import Trajectory

ELSEWHERE = (0.5, 0.1, -1.0)
ROWS = 96


def path(start=ELSEWHERE, yaw=0.6, pitch=0.0, count=12, step=0.1, frame="panorama"):
    turns = [
        matrix_from_yaw_pitch_roll(*torch.tensor([yaw + 0.05 * k, pitch, 0.0]).double()) for k in range(count)
    ]
    centers = (
        torch.tensor(start).double()
        + torch.tensor([[0.3 * step * k, 0.0, step * k] for k in range(count)]).double()
    )
    return Trajectory.from_centers(torch.stack(turns), centers, frame_of_reference=frame)


def geometry_at(center, turn=None):
    rgb, distance = look_from(center, turn, ROWS)
    known = torch.ones_like(distance).bool()
    return PanoramaGeometry(rgb, distance, known, ~known)


def first_geometry(trajectory):
    return geometry_at(trajectory.centers[0], trajectory.world_from_camera[0, :3, :3])


RIGHT = {
    "at the first pose": lambda p: (replace(p, frame_of_reference="world"), first_geometry(p)),
    "at the first pose, tilted": lambda p: (path(pitch=0.3, frame="world"), first_geometry(path(pitch=0.3))),
    "at the origin": lambda p: (p, geometry_at((0.0, 0.0, 0.0))),
    "a turn at the origin": lambda p: (path((0.0, 0.0, 0.0), step=0.0), geometry_at((0.0, 0.0, 0.0))),
    "hardly moving": lambda p: (path((0.0, 0.0, 0.0), 0.0, step=0.002), geometry_at((0.0, 0.0, 0.0))),
}


@pytest.mark.parametrize("name", RIGHT)
def test_right_poses_pass_silently(name):
    trajectory, geometry = RIGHT[name](path())
    frames, _ = room_frames(trajectory, ROWS)
    assert diagnose_poses(frames, trajectory, geometry) == []
    assert float(compare_poses(frames, trajectory, geometry)["given"].max()) < 0.01


@pytest.mark.parametrize(
    ("geometry", "frame", "said"),
    [
        (first_geometry(path()), "panorama", "'at the first pose'"),
        (geometry_at(ELSEWHERE), "panorama", "'at the first pose, yaw kept'"),
        (geometry_at(ELSEWHERE), "world", "'at the first pose, yaw kept'"),
        (geometry_at((0.0, 0.0, 0.0)), "world", "'at the origin'"),
    ],
)
def test_a_panorama_elsewhere_is_named(geometry, frame, said):
    frames, _ = room_frames(path(), ROWS)
    (fault,) = diagnose_poses(frames, path(frame=frame), geometry)
    assert fault.startswith("the poses contradict the frames")
    assert f"Set panorama_at of Load Trajectory to {said}" in fault


def test_other_wrong_readings_are_named():
    frames, _ = room_frames(path(), ROWS)
    geometry = first_geometry(path())
    inverted = Trajectory(path().world_from_camera, frame_of_reference="world")
    assert "look inverted" in diagnose_poses(frames, inverted, geometry)[0]
    flip = torch.diag(torch.tensor([1.0, -1.0, -1.0, 1.0])).double()
    opengl = Trajectory(flip @ path().camera_from_world @ flip, frame_of_reference="world")
    assert "OpenGL" in diagnose_poses(frames, opengl, geometry)[0]
    other_units = path(frame="world")
    other_units.camera_from_world[:, :3, 3] *= 30
    (fault,) = diagnose_poses(frames, other_units, geometry)
    assert "do not explain the frames" in fault


FLIP = torch.diag(torch.tensor([1.0, -1.0, -1.0, 1.0])).double()
PAIRS = {
    "inverted, at the origin": (
        Trajectory(path().world_from_camera, frame_of_reference="world"),
        geometry_at((0.0, 0.0, 0.0)),
        "pose to 'c2w' and panorama_at to 'at the origin'",
    ),
    "inverted, at the first pose": (
        Trajectory(path().world_from_camera),
        first_geometry(path()),
        "pose to 'c2w' and panorama_at to 'at the first pose'",
    ),
    "OpenGL, at the origin": (
        Trajectory(FLIP @ path().camera_from_world @ FLIP, frame_of_reference="world"),
        geometry_at((0.0, 0.0, 0.0)),
        "axes to 'opengl' and panorama_at to 'at the origin'",
    ),
    "inverted, OpenGL": (
        Trajectory(FLIP @ path().world_from_camera @ FLIP, frame_of_reference="world"),
        first_geometry(path()),
        "pose to 'c2w' and axes to 'opengl'",
    ),
}


@pytest.mark.parametrize("name", PAIRS)
def test_two_wrong_readings_at_once_are_named_as_that_pair(name):
    trajectory, geometry, settings = PAIRS[name]
    frames, _ = room_frames(path(), ROWS)
    (fault,) = diagnose_poses(frames, trajectory, geometry)
    assert f"Set {settings} in Load Trajectory" in fault


def degrade(frames, seed=0):
    """A quarter of the frames is noise or black, all flicker in brightness and color, and half is smeared or repainted."""
    rng = torch.Generator().manual_seed(seed)
    gains = 0.7 + 0.6 * torch.rand(len(frames), 1, 1, 3, generator=rng)
    degraded = frames * gains + 0.1 * torch.randn(frames.shape, generator=rng)
    degraded[1::8] = torch.rand(degraded[1::8].shape, generator=rng)
    degraded[4::8] = 0.0
    degraded[2::4, :, 40:80] = torch.rand(3, generator=rng)
    degraded[3::4] = torch.nn.functional.avg_pool2d(degraded[3::4].movedim(-1, 1), 9, 1, 4).movedim(1, -1)
    return degraded.clamp(0, 1)


def wrong_depth(geometry, seed=0):
    """Distances off by up to 20 %, smoothly, as a network's are."""
    rng = torch.Generator().manual_seed(seed)
    coarse = 1 + 0.2 * (2 * torch.rand(1, 1, 4, 8, generator=rng) - 1)
    factor = torch.nn.functional.interpolate(coarse, geometry.depth_ray.shape, mode="bilinear")[0, 0]
    return replace(geometry, depth_ray=geometry.depth_ray * factor)


@pytest.mark.parametrize("seed", range(6))
def test_degraded_frames_and_rough_depth_trigger_nothing_and_hide_nothing(seed):
    for name in ("at the first pose", "at the origin"):
        trajectory, geometry = RIGHT[name](path(count=24, step=0.05))
        frames, _ = room_frames(trajectory, ROWS)
        frames, geometry = degrade(frames, seed), wrong_depth(geometry, seed)
        assert diagnose_poses(frames, trajectory, geometry) == []
        other = {"panorama": "world", "world": "panorama"}[trajectory.frame_of_reference]
        (fault,) = diagnose_poses(frames, replace(trajectory, frame_of_reference=other), geometry)
        assert f"'{name}'" in fault


def test_perspective_frames_are_compared_too():
    trajectory = path(frame="world")
    panoramas, _ = room_frames(trajectory, ROWS)
    K = intrinsics_from_fov(1.5, 64, 64)
    frames = torch.stack([crop_erp(p, torch.eye(3).double()[None], K, 64, 64)[0] for p in panoramas])
    lens = {"K_px": K.expand(12, 3, 3), "image_size_px": (64, 64)}
    geometry = first_geometry(trajectory)
    assert diagnose_poses(frames, replace(trajectory, **lens), geometry) == []
    (fault,) = diagnose_poses(frames, replace(trajectory, frame_of_reference="panorama", **lens), geometry)
    assert "'at the first pose'" in fault


def test_nothing_to_compare_is_no_contradiction():
    frames, _ = room_frames(path(), ROWS)
    assert compare_poses(torch.zeros_like(frames), path(), first_geometry(path())) == {}
    sky = first_geometry(path())
    sky = replace(sky, is_sky=torch.ones_like(sky.is_sky), is_valid=torch.zeros_like(sky.is_valid))
    assert compare_poses(frames, path(), sky) == {}
    assert diagnose_poses(frames, path(), sky) == []
