"""Edited views back in a world: colors on surfaces, new surfaces, and everything else as it was."""

import math

import pytest
import torch

from matrix3d_core.errors import InvalidInput
from matrix3d_core.objects.edited_views import apply_edited_views
from matrix3d_core.raster.camera_view import render_view
from matrix3d_core.scene.camera import Pinhole
from matrix3d_core.scene.trajectory import Trajectory
from tests.support.small_worlds import room

SIZE = 96
LENS = Pinhole.from_fov(math.radians(60), SIZE, SIZE)


def views(count=1):
    poses = torch.eye(4, dtype=torch.float64).repeat(count, 1, 1)
    poses[:, 0, 3] = 0.2 * torch.arange(count)
    return Trajectory(poses, K_px=LENS.K_px.expand(count, 3, 3), image_size_px=(SIZE, SIZE))


@pytest.fixture(scope="module")
def world():
    return room(0.1)


def shown(world, path):
    return torch.stack([render_view(world, pose, LENS).rgb.clamp(0, 1) for pose in path.camera_from_world])


def patch(path, low=36, high=60):
    masks = torch.zeros(len(path), SIZE, SIZE)
    masks[:, low:high, low:high] = 1
    return masks


def test_a_repainted_wall_has_the_new_color_from_beside_too(world):
    path = views(2)
    masks = patch(path)
    images = torch.where(masks[..., None] > 0, torch.tensor((0.9, 0.1, 0.1)), shown(world, path))
    edited = apply_edited_views(world, images, masks, path, refit_steps=80)
    assert edited.report["psnr_after"] > edited.report["psnr_before"] + 8
    assert edited.report["new"] == edited.report["removed"] == 0
    kept = ~edited.is_changed
    for name in ("means", "quats_wxyz", "scales", "opacities"):
        assert torch.equal(getattr(edited.world, name), getattr(world, name))
    assert torch.equal(edited.world.sh[kept], world.sh[kept])
    aside = torch.eye(4, dtype=torch.float64)
    aside[0, 3] = -0.3
    center = render_view(edited.world, aside, LENS).rgb[40:50, 34:44].mean((0, 1))
    assert float(center[0]) > 0.7
    assert float(center[1]) < 0.3


def test_with_depth_something_new_stands_before_the_wall(world):
    path = views()
    masks = patch(path)
    images = torch.where(masks[..., None] > 0, torch.tensor((0.1, 0.9, 0.1)), shown(world, path))
    seen = render_view(world, path.camera_from_world[0], LENS)
    depth = torch.where(masks > 0, 1.5, seen.depth_ray[None])
    # Another unit: around the mask the factor is found.
    edited = apply_edited_views(
        world, images, masks, path, depth_ray=7 * depth, instance="cube", refit_steps=20
    )
    new = edited.world.instances > 0
    assert edited.world.instance_names[int(edited.world.instances.max())] == "cube"
    assert int(new.sum()) == edited.report["new"] > 100
    reach = edited.world.means[new].norm(dim=-1)
    torch.testing.assert_close(reach, torch.full_like(reach, 1.5), atol=0.05, rtol=0)


def test_with_depth_something_that_stood_there_is_gone(world):
    path = views()
    seen = render_view(world, path.camera_from_world[0], LENS)
    masks = patch(path)
    near = apply_edited_views(
        world,
        seen.rgb[None].clamp(0, 1),
        masks,
        path,
        depth_ray=torch.where(masks > 0, 1.5, seen.depth_ray[None]),
        refit_steps=0,
    )
    back = apply_edited_views(
        near.world, seen.rgb[None].clamp(0, 1), masks, path, depth_ray=seen.depth_ray[None], refit_steps=0
    )
    assert back.report["removed"] > 0.8 * near.report["new"]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"masks": torch.zeros(1, SIZE, SIZE)}, "empty"),
        ({"masks": torch.ones(1, SIZE, SIZE)}, "cover everything"),
        ({"masks": torch.zeros(1, 8, 8)}, "number and size"),
        (
            {"images": torch.zeros(2, SIZE, SIZE, 3), "masks": torch.ones(2, SIZE, SIZE)},
            "one edited view for each pose",
        ),
        ({"depth_ray": torch.ones(1, 8, 8)}, "depth_ray must be of"),
        ({"images": torch.full((1, SIZE, SIZE, 3), torch.nan)}, "finite"),
    ],
)
def test_views_that_do_not_fit_say_why(world, change, says):
    given = {"images": torch.zeros(1, SIZE, SIZE, 3), "masks": patch(views()), **change}
    with pytest.raises(InvalidInput, match=says):
        apply_edited_views(world, given.pop("images"), given.pop("masks"), views(), **given)
