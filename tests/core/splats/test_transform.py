"""A world and its path moved together show the same pictures."""

import math
from dataclasses import replace

import pytest
import torch
from small_worlds import room, walk

from matrix3d_core.errors import InvalidInput
from matrix3d_core.geometry.pinhole import intrinsics_from_fov
from matrix3d_core.raster.splat import render_gaussians
from matrix3d_core.splats.transform import similarity, transform_gaussians, transform_path

K = intrinsics_from_fov(math.pi / 2, 40, 40)


def shot(world, path, index, near_z=0.01):
    return render_gaussians(
        world, path.camera_from_world[index], K, 40, 40, backend="torch", near_z=near_z
    ).rgb


def test_world_and_path_move_together():
    world, path = room(0.3, bases=16), walk()
    jitter = 0.02 * torch.rand(world.means.shape, generator=torch.Generator().manual_seed(0))
    world = replace(world, means=world.means + jitter)  # no two at one depth: their order would be chance
    matrix = similarity(yaw_rad=0.7, pitch_rad=-0.3, roll_rad=0.2, scale=1.7, translation=(3.0, -1.0, 2.0))
    moved, along = transform_gaussians(world, matrix), transform_path(path, matrix)
    assert along.frame_of_reference == "world"
    for index in (0, 5):
        # float32 positions of a few units: 1e-6 relative, times the focal length in pixels
        torch.testing.assert_close(shot(moved, along, index), shot(world, path, index), atol=2e-4, rtol=0)
    assert (shot(moved, path, 0) - shot(world, path, 0)).abs().mean() > 0.01


def test_positive_angles_turn_right_and_up():
    right = similarity(yaw_rad=math.pi / 2)[:3, :3] @ torch.tensor((0.0, 0, 1), dtype=torch.float64)
    up = similarity(pitch_rad=math.pi / 2)[:3, :3] @ torch.tensor((0.0, 0, 1), dtype=torch.float64)
    torch.testing.assert_close(right, torch.tensor((1.0, 0, 0), dtype=torch.float64))
    torch.testing.assert_close(up, torch.tensor((0.0, -1, 0), dtype=torch.float64))


def test_units_axes_and_translation_in_this_order():
    matrix = similarity(to_unit="cm", to_axes="RUB", translation=(1.0, 2.0, 3.0))
    point = matrix @ torch.tensor((0.5, 0.25, 2.0, 1.0), dtype=torch.float64)
    torch.testing.assert_close(point[:3], torch.tensor((51.0, -23.0, -197.0), dtype=torch.float64))
    there = similarity(from_unit="ft", to_unit="m")
    torch.testing.assert_close(there[0, 0], torch.tensor(0.3048, dtype=torch.float64))


def test_there_and_back():
    world = room(0.5, bases=9)
    matrix = similarity(yaw_rad=1.0, scale=0.3, translation=(1.0, 2.0, 3.0), to_axes="FRU")
    back = transform_gaussians(transform_gaussians(world, matrix), torch.linalg.inv(matrix))
    torch.testing.assert_close(back.means, world.means, atol=2e-6, rtol=2e-6)
    torch.testing.assert_close(back.scales, world.scales)
    torch.testing.assert_close(back.sh, world.sh, atol=2e-6, rtol=0)


def test_the_same_place_keeps_everything():
    world, path = room(0.5), walk()
    same = transform_gaussians(world, similarity())
    assert torch.equal(same.means, world.means)
    assert transform_path(path, similarity()).frame_of_reference == "panorama"


def test_a_mirror_takes_no_path_along():
    with pytest.raises(InvalidInput, match="mirror the numbers"):
        transform_path(walk(), similarity(to_axes="RUF"))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"scale": 0.0}, "scale must be positive"),
        ({"to_unit": "mile"}, "unit must be one of m, cm"),
        ({"to_axes": "RRD"}, "axes must be three"),
        ({"translation": (0.0, math.nan, 0.0)}, "translation must be finite"),
    ],
)
def test_wrong_numbers_are_named(change, words):
    with pytest.raises(InvalidInput, match=words):
        similarity(**change)


def test_shear_is_refused():
    matrix = torch.eye(4, dtype=torch.float64)
    matrix[0, 1] = 0.5
    with pytest.raises(InvalidInput, match="orthogonal"):
        transform_gaussians(room(0.5), matrix)
