"""Moments, levels, pruning and merging, measured in pictures."""

import itertools

import numpy as np
import pytest
import torch
from small_worlds import room, walk
from splat_scenes import random_gaussians

from matrix3d_core.errors import InvalidInput
from matrix3d_core.scene.gaussians import Gaussians
from matrix3d_core.splats.evaluation_views import draw, evaluation_views, mean_psnr, pictures
from matrix3d_core.splats.levels import downsample, levels_of_detail
from matrix3d_core.splats.merge import merge_gaussians
from matrix3d_core.splats.moments import covariances, fuse_groups
from matrix3d_core.splats.prune import PruneConfig, prune_gaussians, removal_losses

WORLD, PATH = room(), walk()
SMALL = PruneConfig(size_px=64, views=8, refit_steps=24)


def score(world, truth):
    _, judge = evaluation_views(truth, PATH, count=12, size_px=64)
    return mean_psnr(pictures(world, judge), pictures(truth, judge))


def test_fused_moments_are_those_of_the_mass():
    world = random_gaussians(6, bases=4)
    group = torch.tensor((7, 3, 7, 9, 3, 7))
    fused = fuse_groups(world, group)
    assert len(fused) == 3
    assert torch.equal(fused.means[2], world.means[3])  # alone: as it was
    assert torch.equal(fused.quats_wxyz[2], world.quats_wxyz[3])
    members = [0, 2, 5]
    area = [float(s.sort().values[1:].double().prod()) for s in world.scales[members]]
    mass = np.array([float(world.opacities[m]) * a for m, a in zip(members, area, strict=True)])
    share = mass / mass.sum()
    means = world.means[members].double().numpy()
    center = share @ means
    spread = covariances(world)[members].numpy()
    whole = sum(
        w * (s + np.outer(m - center, m - center)) for w, s, m in zip(share, spread, means, strict=True)
    )
    np.testing.assert_allclose(fused.means[1].numpy(), center, rtol=1e-5)
    # float32 scales and quaternions: 1e-7 relative each, squared and summed over up to 40 units
    np.testing.assert_allclose(covariances(fused)[1].numpy(), whole, atol=1e-5 * np.abs(whole).max())
    color = np.tensordot(share, world.sh[members].double().numpy(), 1)
    np.testing.assert_allclose(fused.sh[1].numpy(), color, atol=1e-6)


def test_two_on_one_spot_let_the_same_light_through():
    one = random_gaussians(1)
    one = Gaussians(one.means, one.quats_wxyz, one.scales, torch.tensor([0.6]), one.sh)
    both = Gaussians.concatenate(one, one)
    torch.testing.assert_close(fuse_groups(both, torch.zeros(2)).opacities, torch.tensor([1 - 0.4 * 0.4]))
    copies = fuse_groups(both, torch.zeros(2), duplicates=True)
    torch.testing.assert_close(copies.opacities, torch.tensor([0.6]))


def test_removal_loss_is_what_removing_shows():
    """Against the definition: take one out, render, compare. Few and faint splats, so that no cut-off counts."""
    rng = torch.Generator().manual_seed(3)
    means = torch.tensor((0.0, 0.0, 3.0)) + 0.5 * torch.randn(8, 3, generator=rng)
    quats = torch.nn.functional.normalize(torch.randn(8, 4, generator=rng), dim=-1)
    scales, colors = 0.2 + 0.2 * torch.rand(8, 3, generator=rng), torch.rand(8, 3, generator=rng)
    opacities = 0.2 + 0.5 * torch.rand(8, generator=rng)
    world = Gaussians.from_colors(means, quats, scales, opacities, colors)
    look = evaluation_views(world, PATH, count=1, size_px=32)[0]
    estimate = removal_losses(world, look, probes=800, seed=1)
    back = torch.rand(3, generator=torch.Generator().manual_seed(1))

    def over(w):
        seen = draw(w, look[0], "auto")
        return seen.rgb + (1 - seen.alpha).unsqueeze(-1) * back

    whole = over(world)
    others = [torch.tensor([j for j in range(8) if j != i]) for i in range(8)]
    exact = torch.stack([(over(world.select(o)) - whole).square().sum().double() for o in others])
    # 800 probes: sqrt(2 / 800) = 5 % standard deviation, four of them; what ALPHA_MIN cuts is below that
    torch.testing.assert_close(estimate, exact, rtol=0.2, atol=1e-4 * float(exact.max()))


def test_pruning_keeps_the_picture_and_says_so():
    budget = len(WORLD) // 3
    rest, report = prune_gaussians(WORLD, budget, trajectory=PATH, config=SMALL)
    assert len(rest) == report["after"] <= budget
    assert report["before"] == len(WORLD)
    measured = score(rest, WORLD)
    assert measured > 28  # seen: 33
    assert abs(report["psnr_db"] - measured) < 3  # other views of the same room
    chance = torch.randperm(len(WORLD), generator=torch.Generator().manual_seed(0))[:budget]
    assert measured > score(WORLD.select(chance), WORLD) + 10
    assert set(report["before_refit_db"]) == {"remove", "fuse", "both"}


def test_pruning_takes_the_hidden_first():
    hidden = Gaussians(WORLD.means * 1.5, *WORLD.tensors()[1:])  # behind the walls, of the same colors
    both = Gaussians.concatenate(hidden, WORLD)
    config = PruneConfig(method="remove", size_px=64, views=16, refit_steps=0)
    rest, _ = prune_gaussians(both, len(WORLD), trajectory=PATH, config=config)
    inner = (rest.means.abs() <= torch.tensor((2.01, 1.51, 3.01))).all(-1)
    assert (
        inner.float().mean() > 0.75
    )  # 0.83; chance gives 0.5. Walls of opacity 0.95 show a little behind them


def test_frames_give_the_cost_against_the_truth():
    from matrix3d_core.geometry.cubemap import cubemap_rotations, erp_from_cubemap
    from matrix3d_core.geometry.pinhole import intrinsics_from_fov
    from matrix3d_core.raster.splat import render_gaussians

    frames = []
    for pose in PATH.camera_from_world:
        faces = []
        for rotation in cubemap_rotations():
            camera = torch.eye(4, dtype=torch.float64)
            camera[:3, :3] = rotation
            K = intrinsics_from_fov(np.pi / 2, 96, 96)
            faces.append(render_gaussians(WORLD, camera @ pose, K, 96, 96).rgb)
        frames.append(erp_from_cubemap(torch.stack(faces), 192, 384))
    _, report = prune_gaussians(WORLD, 2000, trajectory=PATH, frames=torch.stack(frames), config=SMALL)
    assert report["before_db"] > 30
    assert report["cost_db"] == pytest.approx(report["before_db"] - report["after_db"], abs=0.011)
    assert report["cost_db"] > 0


def test_a_small_world_comes_back_as_it_was():
    rest, report = prune_gaussians(WORLD, len(WORLD), trajectory=PATH, config=SMALL)
    assert torch.equal(rest.means, WORLD.means)
    assert report["psnr_db"] == 99.0


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"budget": 0}, "budget must be at least 1"),
        ({"frames": torch.zeros(2, 8, 16, 3), "trajectory": None}, "frames must come with their trajectory"),
        ({"frames": torch.zeros(2, 8, 16, 3)}, "same length; got 2 frames and 6 poses"),
    ],
)
def test_wrong_pruning_is_named(change, words):
    with pytest.raises(InvalidInput, match=words):
        prune_gaussians(WORLD, **{"budget": 10, "trajectory": PATH, "config": SMALL, **change})


def test_nan_is_sent_to_clean():
    broken = Gaussians(WORLD.means * torch.nan, *WORLD.tensors()[1:])
    for work in (
        lambda w: prune_gaussians(w, 9),
        lambda w: levels_of_detail(w, 1),
        lambda w: merge_gaussians([w]),
    ):
        with pytest.raises(InvalidInput, match="Clean Splats"):
            work(broken)


@pytest.mark.parametrize("cells", ["view", "grid"])
def test_levels_shrink_and_keep_the_picture(cells):
    worlds, report = levels_of_detail(WORLD, 2, cells=cells, trajectory=PATH, size_px=64, refit_steps=24)
    counts = [len(w) for w in worlds]
    assert counts == [row["splats"] for row in report["levels"]]
    for fine, coarse in itertools.pairwise(counts):
        assert fine / 6 < coarse <= fine / 4 + 1
    first = report["levels"][1]
    assert first["psnr_db"] > 26
    assert first["psnr_far_db"] >= first["psnr_db"]
    assert worlds[0] is WORLD


def test_fusing_alone_leaves_no_holes():
    _, judge = evaluation_views(WORLD, PATH, count=12, size_px=64)
    sparse = downsample(WORLD, len(WORLD) // 4, centers=PATH.centers)
    assert min(float(draw(sparse, v, "auto").alpha.mean()) for v in judge) > 0.9


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"levels": 0}, "levels must be 1 to 8"),
        ({"factor": 1.0}, "factor above 1"),
        ({"cells": "hexagons"}, "cells must be one of view, grid"),
        ({"chosen": 3}, "level must be one of 0 to 2; got 3"),
    ],
)
def test_wrong_levels_are_named(change, words):
    with pytest.raises(InvalidInput, match=words):
        levels_of_detail(WORLD, **{"levels": 2, "size_px": 16, **change})


@pytest.mark.parametrize("fuse", ["mahalanobis", "voxel"])
def test_a_world_merged_with_itself_is_itself(fuse):
    merged, report = merge_gaussians([WORLD, WORLD], fuse=fuse, voxel_size=0.01)
    assert report == {"parts": [len(WORLD)] * 2, "fused": len(WORLD), "after": len(WORLD)}
    assert score(merged, WORLD) > 50
    both, report = merge_gaussians([WORLD, WORLD], fuse="none")
    assert (len(both), report["fused"]) == (2 * len(WORLD), 0)


def test_overlapping_worlds_fuse_where_they_overlap():
    left = WORLD.select(WORLD.means[:, 0] < 0.5)
    right = WORLD.select(WORLD.means[:, 0] > -0.5)
    jitter = 0.01 * torch.randn(right.means.shape, generator=torch.Generator().manual_seed(0))
    # along the walls: a splat is 0.0024 thick, and what is off by more than that is another surface
    right = Gaussians(
        right.means + jitter * (right.means.abs() < torch.tensor((1.99, 1.49, 2.99))), *right.tensors()[1:]
    )
    merged, report = merge_gaussians([left, right])
    overlap = len(left) + len(right) - len(WORLD)
    assert report["fused"] == overlap
    assert score(merged, WORLD) > 30


def test_other_colors_and_far_worlds_are_no_duplicates():
    dark = Gaussians(*WORLD.tensors()[:4], WORLD.sh - 2)
    far = Gaussians(WORLD.means + 100, *WORLD.tensors()[1:])
    assert merge_gaussians([WORLD, dark, far])[1]["fused"] == 0


@pytest.mark.parametrize(
    ("parts", "change", "words"),
    [
        ([], {}, "at least 1 world"),
        ([WORLD], {"fuse": "glue"}, "fuse must be one of mahalanobis, voxel, none"),
        ([WORLD], {"voxel_size": 0.0}, "must be positive"),
    ],
)
def test_wrong_merges_are_named(parts, change, words):
    with pytest.raises(InvalidInput, match=words):
        merge_gaussians(parts, **change)


def test_pruning_works_inside_a_hosts_inference_mode():
    config = PruneConfig(method="remove", size_px=32, views=2, refit_steps=2)
    plain, _ = prune_gaussians(WORLD, 400, trajectory=PATH, config=config)
    with torch.inference_mode():
        world = Gaussians(*(t.clone() for t in WORLD.tensors()))
        rest, report = prune_gaussians(world, 400, trajectory=PATH, config=config)
    assert report["before"] > report["after"] == len(rest) == 400
    for a, b in zip(rest.tensors(), plain.tensors(), strict=True):  # the same code on the same bytes
        assert torch.equal(a, b)
