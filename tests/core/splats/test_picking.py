"""What a ray meets first, and which splats belong to it."""

from __future__ import annotations

import math

import pytest
import torch
from small_worlds import ROOM, ball, room
from splat_scenes import random_gaussians

from matrix3d_core.errors import InvalidInput
from matrix3d_core.geometry.rotations import matrix_from_quats
from matrix3d_core.raster.camera_view import render_view
from matrix3d_core.scene.camera import Pinhole
from matrix3d_core.scene.gaussians import Gaussians
from matrix3d_core.scene.labels import CLASS_GROUND, CLASS_OBJECT, CLASS_SKY, UNKNOWN
from matrix3d_core.splats.picking import first_hit, grow_chosen, object_at, region_around

EYE = torch.zeros(3)


BALL = ball((0.3, 1.1, 1.5))  # it touches the floor at y = 1.5
WALLS = room(0.1)
WORLD = Gaussians.concatenate(WALLS, BALL)
IS_BALL = torch.arange(len(WORLD)) >= len(WALLS)


def met_one_by_one(world, origin, direction):
    """The definition: Gaussians along the ray by where they are densest on it, composited until half is opaque."""
    way = direction.double() / direction.double().norm()
    found = []
    for n in range(len(world)):
        turn = matrix_from_quats(world.quats_wxyz[n].double())
        inverse = turn @ torch.diag(world.scales[n].double() ** -2) @ turn.mT
        offset = world.means[n].double() - origin.double()
        t = float(way @ inverse @ offset / (way @ inverse @ way))
        off = offset - t * way
        alpha = min(0.999, float(world.opacities[n])) * math.exp(-0.5 * float(off @ inverse @ off))
        if t > 0 and alpha >= 1 / 255:
            found.append((t, n, alpha))
    left, heaviest = 1.0, (0.0, None)
    for t, n, alpha in sorted(found):
        heaviest = max(heaviest, (left * alpha, n))
        left *= 1 - alpha
        if left <= 0.5:
            return n, t
    return (heaviest[1], None) if heaviest[0] >= 0.05 else (None, None)


def test_the_first_hit_is_the_definition():
    world, met = random_gaussians(300, seed=3), 0
    world = Gaussians(world.means, world.quats_wxyz, 20 * world.scales, *world.tensors()[3:])
    rng = torch.Generator().manual_seed(1)
    for _ in range(40):
        origin, direction = 5 * torch.randn(3, generator=rng), torch.randn(3, generator=rng)
        hit, (index, distance) = first_hit(world, origin, direction), met_one_by_one(world, origin, direction)
        assert (None if hit is None else hit.index) == index
        if distance is not None:
            assert hit.distance == pytest.approx(distance, rel=1e-6)
            met += 1
    assert met > 10


def test_the_hit_lies_on_the_drawn_surface():
    lens = Pinhole.from_fov(math.pi / 2, 257, 257)
    depth = render_view(WORLD, torch.eye(4, dtype=torch.float64), lens).depth_ray
    for row, column in ((128, 128), (210, 154), (240, 40), (32, 224)):
        way = torch.tensor(((column + 0.5) / 128.5 - 1, (row + 0.5) / 128.5 - 1, 1.0))
        assert first_hit(WORLD, EYE, way).distance == pytest.approx(float(depth[row, column]), rel=0.03)


def test_a_ray_into_the_open_meets_nothing():
    assert first_hit(BALL, EYE, torch.tensor([0.0, -1.0, 0.0])) is None
    assert first_hit(BALL, EYE, -BALL.means.mean(0)) is None  # nor behind
    assert not bool(object_at(BALL, EYE, torch.tensor([0.0, -1.0, 0.0])).any())


def test_a_click_selects_the_ball_and_neither_floor_nor_walls():
    chosen = object_at(WORLD, EYE, torch.tensor([0.3, 1.0, 1.5]))
    assert float(chosen[IS_BALL].float().mean()) > 0.93  # what lies on the floor looks like the floor
    assert int((chosen & ~IS_BALL).sum()) == 0


def test_a_click_on_the_floor_selects_the_floor_around_it():
    chosen = object_at(WORLD, EYE, torch.tensor([-0.6, 1.5, 0.5]))
    floor = WORLD.means[:, 1] > ROOM[1] - 1e-3
    assert int((chosen & ~floor & ~IS_BALL).sum()) == 0
    assert int((chosen & IS_BALL).sum()) < 0.02 * len(BALL)
    assert (
        float(
            chosen[floor & ((WORLD.means[:, (0, 2)] - torch.tensor([-0.6, 0.5])).norm(dim=-1) < 0.4)]
            .float()
            .mean()
        )
        > 0.99
    )


def test_the_same_color_next_to_it_needs_its_class():
    """A gray ball on a gray floor: without classes its height tells them apart, with classes those do."""
    floor = WALLS.select(WALLS.means[:, 1] > ROOM[1] - 1e-3)
    floor = Gaussians.from_colors(*floor.tensors()[:4], torch.full((len(floor), 3), 0.5))
    gray = ball((0.0, 1.1, 1.5), color=(0.5, 0.5, 0.5))
    world = Gaussians.concatenate(floor, gray)
    is_ball = torch.arange(len(world)) >= len(floor)
    for known in (False, True):
        if known:
            world = world.with_labels(classes=torch.where(is_ball, CLASS_OBJECT, CLASS_GROUND))
        chosen = object_at(world, EYE, torch.tensor([0.0, 1.0, 1.5]))
        assert int((chosen & ~is_ball).sum()) == 0
        assert float(chosen[is_ball].float().mean()) > (0.995 if known else 0.93)


def test_an_instance_is_selected_whole():
    half = IS_BALL & (WORLD.means[:, 0] > 0.3)
    world = WORLD.with_labels(instances=torch.where(half, 7, 0))
    chosen = object_at(world, EYE, torch.tensor([0.45, 1.0, 1.3]))
    assert torch.equal(chosen, half)


def test_tolerance_and_reach_bound_a_region():
    striped = BALL.means[:, 0] > 0.3
    colors = torch.where(striped[:, None], torch.tensor([0.9, 0.2, 0.2]), torch.tensor([0.6, 0.2, 0.2]))
    world = Gaussians.from_colors(*BALL.tensors()[:4], colors)
    seed = int(BALL.means[:, 0].argmax())
    assert torch.equal(region_around(world, seed, 2.0, tolerance=0.1), striped)
    assert bool(region_around(world, seed, 2.0, tolerance=0.4).all())
    near = region_around(world, seed, 0.3, tolerance=0.4)
    assert bool(((world.means - world.means[seed]).norm(dim=-1)[near] <= 0.3).all())
    assert 10 < int(near.sum()) < len(world) / 2


def test_a_gap_or_a_drift_of_color_ends_a_region():
    other = ball((0.3 + 0.8 + 0.15, 1.1, 1.5))  # beside it, with a gap
    both = Gaussians.concatenate(BALL, other)
    seed = int(BALL.means[:, 0].argmax())
    is_first = torch.arange(len(both)) < len(BALL)
    assert torch.equal(region_around(both, seed, 2.0), is_first)
    across = (BALL.means[:, 0] - BALL.means[:, 0].amin()) / 0.8
    colors = torch.stack((0.1 + 0.8 * across, *2 * (torch.full((len(BALL),), 0.2),)), -1)  # no step, a slope
    world = Gaussians.from_colors(*BALL.tensors()[:4], colors)
    chosen = region_around(world, seed, 2.0, tolerance=0.15)
    assert float((colors[seed] - colors[chosen]).abs().max()) <= 3 * 0.15 + 0.05  # and what it encloses
    assert 0.3 < float(chosen.float().mean()) < 0.8


def test_what_a_region_encloses_belongs_to_it():
    spot = (BALL.means - BALL.means[BALL.means[:, 1].argmin()]).norm(dim=-1) < 0.035
    assert 3 <= int(spot.sum()) <= 12
    colors = torch.where(spot[:, None], torch.tensor([0.1, 0.9, 0.1]), BALL.colors)
    world = Gaussians.from_colors(*BALL.tensors()[:4], colors)
    assert bool(region_around(world, int(BALL.means[:, 0].argmax()), 2.0).all())


def test_growing_adds_what_is_near_but_no_sky():
    chosen = IS_BALL & (WORLD.means[:, 1] < 1.0)
    classes = torch.where(WORLD.means[:, 0] > 0.4, CLASS_SKY, UNKNOWN)
    world = WORLD.with_labels(classes=torch.where(chosen, UNKNOWN, classes))
    grown = grow_chosen(world, chosen, 0.1)
    distance = torch.cdist(world.means, world.means[chosen]).amin(-1)
    assert torch.equal(grown, chosen | ((distance <= 0.1) & (world.classes != CLASS_SKY)))
    assert int(grown.sum()) > int(chosen.sum())
    assert grow_chosen(world, chosen, 0.0) is chosen


def test_bad_input():
    with pytest.raises(InvalidInput, match="direction must not be 0"):
        first_hit(WORLD, EYE, torch.zeros(3))
    with pytest.raises(InvalidInput, match="origin"):
        first_hit(WORLD, torch.tensor([0.0, math.nan, 0.0]), torch.ones(3))
    with pytest.raises(InvalidInput, match="seed must be an index below"):
        region_around(WORLD, len(WORLD), 1.0)
    with pytest.raises(InvalidInput, match="tolerance must be above 0"):
        region_around(WORLD, 0, 1.0, tolerance=0.0)
    with pytest.raises(InvalidInput, match="0 or more world units"):
        grow_chosen(WORLD, IS_BALL, -1.0)
