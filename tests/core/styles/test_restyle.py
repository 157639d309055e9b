"""Colors refitted to edited views: what is found again, what stays, and what is refused."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from small_worlds import room, walk

from matrix3d_core.errors import InvalidInput
from matrix3d_core.raster.camera_view import render_view
from matrix3d_core.scene.gaussians import Gaussians
from matrix3d_core.styles.covering_views import covering_views
from matrix3d_core.styles.observed_colors import color_spread, observe_colors
from matrix3d_core.styles.restyle import restyle_gaussians

WORLD = room(0.25)
PATH = covering_views(WORLD, walk(3, step=0.4), views=12, size_px=64, fov_rad=math.radians(100)).trajectory


def shots(world, path=PATH):
    drawn = [render_view(world, p, path.camera(k, (64, 64))) for k, p in enumerate(path.camera_from_world)]
    return torch.stack([seen.rgb.clamp(0, 1) for seen in drawn])


def edit(pictures):
    """An edit that all views share: mixed channels and another gamma."""
    mix = torch.tensor(((0.6, 0.3, 0.1), (0.1, 0.6, 0.2), (0.4, 0.1, 0.5)))
    return (pictures @ mix.mT) ** 1.3


def each_its_own(pictures, seed=0):
    """What differs from view to view: hue, gain, gamma, and light that varies over the picture."""
    rng = torch.Generator().manual_seed(seed)

    def draw(*shape):
        return 2 * torch.rand(*shape, generator=rng) - 1

    changed = []
    for picture in pictures:
        mix = torch.eye(3) + 0.15 * draw(3, 3)
        light = torch.nn.functional.interpolate(
            0.06 * draw(1, 3, 3, 3), picture.shape[:2], mode="bicubic", align_corners=False
        )[0].permute(1, 2, 0)
        own = (picture @ mix.mT).clamp(1e-4, 1) ** float(torch.exp(0.2 * draw(1))) * torch.exp(0.1 * draw(3))
        changed.append((own + light).clamp(0, 1))
    return torch.stack(changed)


def psnr(a, b):
    return -10 * math.log10(float((a - b).square().mean()))


BEFORE = shots(WORLD)
TRUE = edit(BEFORE)
MESSY = each_its_own(TRUE)


@pytest.fixture(scope="module")
def restyled():
    return restyle_gaussians(WORLD, MESSY, PATH)


def test_a_consistent_edit_is_found_again():
    """Pictures are linear in the colors, so an edit that some colors show exactly is found; these come close."""
    done = restyle_gaussians(WORLD, TRUE, PATH)
    assert psnr(shots(done.gaussians), TRUE) > 38
    assert psnr(TRUE, BEFORE) < 20  # there was something to do


def test_only_colors_change(restyled):
    marked = WORLD.with_labels(classes=torch.arange(len(WORLD)) % 5)
    done = restyle_gaussians(marked, MESSY, PATH).gaussians
    for before, after in zip(marked.tensors()[:4], done.tensors()[:4], strict=True):
        assert torch.equal(before, after)
    assert torch.equal(done.classes, marked.classes)
    assert torch.equal(done.sh, restyled.gaussians.sh)  # labels say nothing, and a run gives the same bits
    assert not torch.equal(done.sh, marked.sh)


def test_views_that_differ_agree_afterwards(restyled):
    assert restyled.spread_before > 0.03
    assert restyled.spread_after < 0.25 * restyled.spread_before
    report = restyled.report(len(PATH))
    assert report["views"] == 12
    assert report["seen"] > 0.95
    assert report["spread_after"] == round(restyled.spread_after, 5)


def test_matching_views_comes_closer_to_the_edit_they_share(restyled):
    plain = restyle_gaussians(WORLD, MESSY, PATH, correct=False)
    matched, averaged, given = (
        psnr(p, TRUE) for p in (shots(restyled.gaussians), shots(plain.gaussians), MESSY)
    )
    assert averaged > given + 1
    assert matched > averaged + 1


def test_what_a_single_view_made_up_has_little_say():
    """In each view a red square at another place; the other views know better."""
    rng, odd = torch.Generator().manual_seed(3), TRUE.clone()
    for picture in odd:
        row, column = (torch.rand(2, generator=rng) * 40).long().tolist()
        picture[row : row + 16, column : column + 16] = torch.tensor((1.0, 0.0, 0.0))
    done = restyle_gaussians(WORLD, odd, PATH)
    assert psnr(shots(done.gaussians), TRUE) > psnr(odd, TRUE) + 8


def test_splats_that_no_view_shows_change_like_their_neighbors():
    """All views look ahead; all colors become half as bright; splats behind follow."""
    path = PATH.select((PATH.forwards[:, 2] > 0.5).nonzero()[:, 0])
    done = restyle_gaussians(WORLD, 0.5 * shots(WORLD, path), path)
    hidden = ~done.is_seen
    assert int(hidden.sum()) > 50
    change = done.gaussians.colors[hidden] - WORLD.colors[hidden]
    seen_change = (done.gaussians.colors - WORLD.colors)[done.is_seen]
    assert float(change.mean()) == pytest.approx(float(seen_change.mean()), abs=0.06)
    assert bool((change.mean(-1) < 0).all())


def test_view_dependent_color_is_darkened_and_never_brightened():
    shiny = room(0.25, bases=4)
    dark = restyle_gaussians(shiny, 0.3 * shots(shiny), PATH).gaussians
    ratio = float(dark.sh[:, 1:].norm() / shiny.sh[:, 1:].norm())
    assert 0.2 < ratio < 0.45
    light = restyle_gaussians(shiny, (2 * shots(shiny)).clamp(0, 1), PATH).gaussians
    assert bool((light.sh[:, 1:].abs() <= shiny.sh[:, 1:].abs() + 1e-7).all())


def test_edited_panoramas_are_taken_as_well():
    path = walk(2, step=0.5)
    drawn = [render_view(WORLD, p, path.camera(0, (64, 128))).rgb.clamp(0, 1) for p in path.camera_from_world]
    wanted = edit(torch.stack(drawn))
    done = restyle_gaussians(WORLD, wanted, path)
    again = torch.stack(
        [render_view(done.gaussians, p, path.camera(0, (64, 128))).rgb for p in path.camera_from_world]
    )
    assert psnr(again, wanted) > 35


def test_views_of_another_size_are_resized_and_of_another_aspect_refused():
    larger = torch.nn.functional.interpolate(TRUE.permute(0, 3, 1, 2), (96, 96), mode="bilinear")
    done = restyle_gaussians(WORLD, larger.permute(0, 2, 3, 1), PATH)
    assert psnr(shots(done.gaussians), TRUE) > 28
    with pytest.raises(InvalidInput, match=r"aspect of the cameras, 64x64; got 64x48"):
        restyle_gaussians(WORLD, TRUE[:, :48], PATH)


def test_bad_input_is_refused():
    with pytest.raises(InvalidInput, match="one edited view for each pose; got 11 views and 12 poses"):
        restyle_gaussians(WORLD, TRUE[1:], PATH)
    bad = TRUE.clone()
    bad[2, 3, 4, 0] = math.nan
    with pytest.raises(InvalidInput, match="edited must be finite; 1 of"):
        restyle_gaussians(WORLD, bad, PATH)
    with pytest.raises(InvalidInput, match="at least 1 splat"):
        restyle_gaussians(WORLD.select(torch.zeros(0, dtype=torch.long)), TRUE, PATH)
    with pytest.raises(InvalidInput, match="show none"):
        restyle_gaussians(replace(WORLD, opacities=torch.zeros(len(WORLD))), TRUE, PATH)
    with pytest.raises(InvalidInput, match=r"\[T, H, W, 3\]"):
        restyle_gaussians(WORLD, TRUE[0], PATH)


def test_spread_is_the_standard_deviation_over_views():
    """Every view is of one gray of its own; a splat that k views see has the deviation of their grays."""
    grays = torch.linspace(0.2, 0.8, len(PATH))
    pictures = grays[:, None, None, None].expand(-1, 64, 64, 3)
    observed = observe_colors(WORLD, pictures, PATH)
    expected, total = 0.0, 0.0
    for number in range(len(WORLD)):
        rows = (observed.gaussian == number).nonzero()[:, 0]
        if len(rows) > 1:
            votes, values = observed.vote[rows], observed.color[rows, 0]
            mean = float((votes * values).sum() / votes.sum())
            expected += float((votes * (values - mean) ** 2).sum())
            total += float(votes.sum())
    assert color_spread(observed) == pytest.approx(math.sqrt(expected / total), rel=1e-4)
    plain = Gaussians.from_colors(*WORLD.tensors()[:4], torch.full((len(WORLD), 3), 0.4))
    assert color_spread(observe_colors(plain, torch.full((12, 64, 64, 3), 0.4), PATH)) < 1e-5
