"""Classes and instances from masks on views, by hand and from neighbors."""

from __future__ import annotations

import math

import pytest
import torch
from small_worlds import ROOM as HALF
from small_worlds import room, walk

from matrix3d_core.errors import InvalidInput
from matrix3d_core.geometry.spherical import erp_directions
from matrix3d_core.raster.camera_view import render_view
from matrix3d_core.scene.camera import Pinhole
from matrix3d_core.scene.gaussians import Gaussians
from matrix3d_core.scene.labels import CLASS_GROUND, CLASS_WATER, NO_INSTANCE, UNKNOWN
from matrix3d_core.scene.trajectory import Trajectory
from matrix3d_core.splats.labeling import fill_classes, find_instance, label_gaussians, mask_votes

WORLD = room(0.25)


def floor_mask(rows=64):
    """Panoramas along the walk: where the floor of the room is seen."""
    rays = erp_directions(rows, 2 * rows).double()
    masks = []
    for center in walk(3).centers:
        reach = torch.stack(
            [
                ((torch.sign(rays[..., k]) * HALF[k] - center[k]) / rays[..., k]).abs().nan_to_num(math.inf)
                for k in range(3)
            ],
            -1,
        )
        masks.append((reach.argmin(-1) == 1) & (rays[..., 1] > 0))
    return torch.stack(masks).float()


def test_a_mask_on_panoramas_finds_the_splats_of_the_floor():
    votes = mask_votes(WORLD, floor_mask(), walk(3))
    on_floor = WORLD.means[:, 1] > HALF[1] - 1e-3
    inner = on_floor & (WORLD.means[:, 0].abs() < HALF[0] - 0.3) & (WORLD.means[:, 2].abs() < HALF[2] - 0.3)
    assert bool(votes.chosen()[inner].all())
    away = ~on_floor & (WORLD.means[:, 1] < HALF[1] - 0.3)
    assert not bool(votes.chosen()[away].any())
    assert bool((votes.seen > 0).all())


def test_votes_are_the_weights_of_the_pixels_one_by_one():
    """Against each Gaussian drawn white among black ones, in one small view."""
    world, path = room(0.5), walk(1)
    lens = Pinhole.from_fov(math.pi / 2, 24, 32)
    path = Trajectory(path.camera_from_world, K_px=lens.K_px[None], image_size_px=(24, 32))
    mask = (torch.arange(24)[:, None] + torch.arange(32) > 30).float()
    votes = mask_votes(world, mask[None], path)
    compared = 0
    for number in torch.nonzero(votes.seen).flatten().tolist()[::9]:
        colors = torch.zeros(len(world), 3)
        colors[number] = 1
        drawn = render_view(
            Gaussians.from_colors(*world.tensors()[:4], colors), path.camera_from_world[0], lens
        )
        weight = drawn.rgb[..., 0].double()
        assert float(votes.seen[number]) == pytest.approx(float(weight.sum()), rel=1e-3, abs=1e-3)
        inside = float((weight * mask).sum() / weight.sum().clamp_min(1e-9))
        assert float(votes.inside[number]) == pytest.approx(inside, abs=2e-3)
        compared += 0.01 < inside < 0.99
    assert compared >= 2


def test_what_is_hidden_is_not_chosen():
    behind = Gaussians(WORLD.means * 2, WORLD.quats_wxyz, 2 * WORLD.scales, *WORLD.tensors()[3:])
    world = Gaussians.concatenate(WORLD, behind)
    chosen = mask_votes(world, torch.ones(1, 64, 128), walk(1)).chosen()
    assert float(chosen[: len(WORLD)].float().mean()) > 0.99
    assert float(chosen[len(WORLD) :].float().mean()) < 0.1


def test_labels_by_choice_and_names():
    floor, wall = WORLD.means[:, 1] > 1.4, WORLD.means[:, 2] > 2.9
    world = label_gaussians(WORLD, floor, label="ground")
    world = label_gaussians(world, wall, label="water", instance="cascade")
    assert torch.equal(world.classes == CLASS_WATER, wall)
    assert torch.equal(world.classes == CLASS_GROUND, floor & ~wall)
    assert set(world.classes[~floor & ~wall].tolist()) == {UNKNOWN}
    assert world.instance_names == {1: "cascade"}
    assert torch.equal(world.instances == 1, wall)
    more = label_gaussians(world, floor, instance="cascade")
    assert torch.equal(more.instances == 1, wall | floor)
    assert find_instance(more, "cascade") == 1
    assert find_instance(more, "other") == 2
    other = label_gaussians(more, floor | wall, instance="other")
    assert other.instance_names == {2: "other"}  # nothing is left of the first
    none = label_gaussians(other, floor | wall, instance="", label="unknown")
    assert none.instance_names == {}
    assert set(none.instances.tolist()) == {NO_INSTANCE}
    assert set(none.classes.tolist()) == {UNKNOWN}


def test_neighbors_fill_what_has_no_class():
    floor = WORLD.means[:, 1] > 1.4
    random = torch.rand(len(WORLD), generator=torch.Generator().manual_seed(0))
    whole = torch.where(floor, 1, 2).to(torch.uint8)
    given = WORLD.with_labels(classes=torch.where(random < 0.3, whole, UNKNOWN))
    filled = fill_classes(given)
    assert bool((filled.classes != UNKNOWN).all())
    assert torch.equal(filled.classes[random < 0.3], whole[random < 0.3])
    assert float((filled.classes == whole).float().mean()) > 0.93  # all but the corners
    assert fill_classes(WORLD) is WORLD
    assert torch.equal(
        fill_classes(given, neighbors=10_000).classes != UNKNOWN, torch.ones(len(WORLD)).bool()
    )


def test_bad_input():
    with pytest.raises(InvalidInput, match="one mask for each pose; got 2 masks and 3 poses"):
        mask_votes(WORLD, torch.zeros(2, 32, 64), walk(3))
    with pytest.raises(InvalidInput, match="masks"):
        mask_votes(WORLD, torch.zeros(1, 32, 32), walk(1))
    with pytest.raises(InvalidInput, match="finite"):
        mask_votes(WORLD, torch.full((1, 32, 64), math.nan), walk(1))
    with pytest.raises(InvalidInput, match="at least 1 splat to be labeled"):
        mask_votes(WORLD.select(torch.zeros(len(WORLD), dtype=torch.bool)), torch.zeros(1, 32, 64), walk(1))
    with pytest.raises(InvalidInput, match="none is"):
        label_gaussians(WORLD, torch.zeros(len(WORLD), dtype=torch.bool), label="sky")
    with pytest.raises(InvalidInput, match="label must be one of sky"):
        label_gaussians(WORLD, torch.ones(len(WORLD), dtype=torch.bool), label="Sky")
    with pytest.raises(InvalidInput, match="name of an instance"):
        label_gaussians(WORLD, torch.ones(len(WORLD), dtype=torch.bool), instance="a\nb")
    with pytest.raises(InvalidInput, match="neighbors must be at least 1"):
        fill_classes(WORLD, neighbors=0)
