"""Where the panorama stands on a path from elsewhere."""

import math

import pytest
import torch

from matrix3d_core.errors import InvalidInput
from matrix3d_core.geometry.rotations import matrix_from_yaw_pitch_roll
from matrix3d_core.scene.panorama import PanoramaGeometry
from matrix3d_core.scene.trajectory import Trajectory
from matrix3d_core.trajectories.placement import (
    PANORAMA_PLACES,
    in_panorama_frame,
    place_panorama,
    relative_to_first,
)
from matrix3d_core.trajectories.rescale import rescale_upstream


def path(pitch=0.0, yaw=0.5):
    angles = torch.tensor([[yaw + 0.1 * k, pitch, 0.0] for k in range(4)], dtype=torch.float64)
    centers = torch.tensor([[3.0 + 0.2 * k, -1.0, 2.0 + 0.5 * k] for k in range(4)], dtype=torch.float64)
    return Trajectory.from_centers(matrix_from_yaw_pitch_roll(*angles.unbind(-1)), centers)


def test_the_frame_of_reference_is_what_is_asked_for():
    for where, frame in (("auto", "panorama"), ("at the origin", "panorama"), ("at the first pose", "world")):
        placed = place_panorama(path(), where)
        assert placed.frame_of_reference == frame
        assert torch.equal(placed.camera_from_world, path().camera_from_world)
    assert place_panorama(place_panorama(path(), "at the first pose"), "auto").frame_of_reference == "world"
    with pytest.raises(
        InvalidInput, match=r"panorama_at must be one of auto, at the first pose.*got 'there'"
    ):
        place_panorama(path(), "there")
    assert PANORAMA_PLACES[0] == "auto"


def test_kept_yaw_moves_a_level_path_to_the_origin_and_no_more():
    kept = place_panorama(path(), "at the first pose, yaw kept")
    assert kept.frame_of_reference == "panorama"
    assert torch.allclose(kept.centers, path().centers - path().centers[0], atol=1e-12)
    assert torch.allclose(kept.world_from_camera[:, :3, :3], path().world_from_camera[:, :3, :3], atol=1e-12)


def test_kept_yaw_levels_the_first_pose_as_upstream_does():
    tilted = path(pitch=0.3)
    kept = place_panorama(tilted, "at the first pose, yaw kept")
    assert torch.allclose(
        kept.forwards[0], torch.tensor([math.sin(0.5), 0.0, math.cos(0.5)]).double(), atol=1e-7
    )
    between = kept.camera_from_world[3] @ torch.linalg.inv(kept.camera_from_world[0])
    before = tilted.camera_from_world[3] @ torch.linalg.inv(tilted.camera_from_world[0])
    assert torch.allclose(between, before, atol=1e-12), "the path follows rigidly"
    sky = torch.zeros(16, 32, dtype=torch.bool)
    geometry = PanoramaGeometry(torch.zeros(16, 32, 3), torch.full((16, 32), 9.0), ~sky, sky)
    turned = path(yaw=3 * math.tau / 32)  # upstream rolls whole columns
    level = rescale_upstream(turned, geometry)
    scaled = level.trajectory.centers / level.factor
    assert torch.allclose(scaled, place_panorama(turned, "at the first pose, yaw kept").centers, atol=1e-9)


def test_in_the_panoramas_frame():
    assert in_panorama_frame(path()) is not None
    assert torch.equal(in_panorama_frame(path()).camera_from_world, path().camera_from_world)
    world = place_panorama(path(), "at the first pose")
    assert torch.equal(
        in_panorama_frame(world).camera_from_world, relative_to_first(path()).camera_from_world
    )
