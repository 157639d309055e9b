"""Planted floaters are found, the world itself stays."""

from dataclasses import replace

import pytest
import torch
from small_worlds import room

from matrix3d_core.errors import InvalidInput
from matrix3d_core.scene.gaussians import Gaussians
from matrix3d_core.splats.clean import CleanConfig, clean_gaussians

WORLD = room()


def balls(means, size=0.05, opacity=0.9):
    count = len(means)
    quats = torch.tensor([1.0, 0, 0, 0]).expand(count, 4)
    gray = torch.full((count, 3), 0.5)
    return Gaussians.from_colors(
        means, quats, torch.full((count, 3), size), torch.full((count,), opacity), gray
    )


def mixed(*extra):
    return Gaussians.concatenate(WORLD, *extra)


def test_a_clean_world_stays_as_it_is():
    rest, report = clean_gaussians(WORLD)
    assert len(rest) == len(WORLD) == report["after"]
    assert torch.equal(rest.means, WORLD.means)
    assert torch.equal(rest.scales, WORLD.scales)


def test_lonely_splats_go():
    rng = torch.Generator().manual_seed(1)
    floaters = (torch.rand(40, 3, generator=rng) - 0.5) * torch.tensor(
        (2.0, 1.5, 4.0)
    )  # inside, off the walls
    rest, report = clean_gaussians(mixed(balls(floaters)))
    assert len(rest) == len(WORLD)
    assert report["outliers"] + report["clumps"] == 40
    assert torch.equal(rest.means, WORLD.means)


def test_clumps_go_and_large_things_stay():
    rng = torch.Generator().manual_seed(2)
    clump = torch.tensor((0.5, 0.0, 1.0)) + 0.03 * torch.randn(20, 3, generator=rng)
    thing = torch.tensor((-0.6, 0.3, -1.0)) + 0.1 * torch.randn(400, 3, generator=rng)
    config = CleanConfig(outlier_ratio=0)
    rest, report = clean_gaussians(mixed(balls(clump, 0.01), balls(thing, 0.02)), config)
    assert report["outliers"] == 0
    gone = report["clumps"]
    assert 20 <= gone <= 30  # the clump, and at most a few on the fringe of the bell-shaped thing
    assert not ((rest.means - torch.tensor((0.5, 0.0, 1.0))).norm(dim=-1) < 0.3).any()
    assert len(rest) >= len(WORLD) + 390


def test_faint_and_broken_splats_go():
    broken = balls(torch.zeros(4, 3))
    broken = replace(broken, quats_wxyz=broken.quats_wxyz.clone())
    broken.means[0, 0] = torch.nan
    broken.quats_wxyz[1] = 0
    broken.scales[2, 1] = -1
    broken.sh[3, 0, 0] = torch.inf
    faint = balls(WORLD.means[:7] + 0.01, opacity=0.01)
    rest, report = clean_gaussians(mixed(broken, faint))
    assert (report["invalid"], report["faint"], report["after"]) == (4, 7, len(WORLD))
    rest.check_finite()


def test_giants_are_cut_to_their_neighborhood():
    scales = WORLD.scales.clone()
    scales[5] = 3.0
    rest, report = clean_gaussians(replace(WORLD, scales=scales))
    assert report["clamped"] == 1
    assert len(rest) == len(WORLD)
    # The tiles are 0.12 apart; the median of 12 neighbors on a grid is its diagonal to twice the step.
    assert 8 * 0.12 <= float(rest.scales[5].max()) <= 8 * 0.24 * 1.01


def test_density_may_change_over_the_world():
    """Far away everything is sparse: the same room ten times larger around it is no floater."""
    outer = replace(WORLD, means=WORLD.means * 10, scales=WORLD.scales * 10)
    rest, _ = clean_gaussians(mixed(outer))
    assert len(rest) == 2 * len(WORLD)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"neighbors": 2}, "neighbors must be at least 4"),
        ({"min_opacity": 2.0}, "min_opacity must lie between 0 and 1"),
        ({"outlier_ratio": 0.5}, "outlier_ratio must be 0"),
        ({"max_size_ratio": -1.0}, "max_size_ratio must be 0"),
    ],
)
def test_wrong_numbers_are_named(change, words):
    with pytest.raises(InvalidInput, match=words):
        CleanConfig(**change)


def test_nothing_left_is_an_error():
    with pytest.raises(InvalidInput, match=r"all 30 were removed \(30 faint"):
        clean_gaussians(balls(torch.rand(30, 3), opacity=0.001))


def test_few_splats_are_left_alone():
    assert len(clean_gaussians(balls(torch.rand(3, 3)))[0]) == 3
