"""What views agree on, from colors that are known: no picture is drawn here."""

from __future__ import annotations

import pytest
import torch

from matrix3d_core.styles.consensus import find_consensus
from matrix3d_core.styles.observed_colors import ObservedColors

COUNT, VIEWS = 4000, 8


def observed(change, *, seen=0.6):
    """Views that each show a random part of all Gaussians, at random places; ``change`` takes color, place, view."""
    rng = torch.Generator().manual_seed(1)
    true = 0.15 + 0.7 * torch.rand(COUNT, 3, generator=rng)
    numbers, colors, places, starts = [], [], [], [0]
    for view in range(VIEWS):
        shown = (torch.rand(COUNT, generator=rng) < seen).nonzero()[:, 0]
        place = torch.rand(len(shown), 2, generator=rng)
        numbers.append(shown)
        places.append(place)
        colors.append(change(true[shown], place, view))
        starts.append(starts[-1] + len(shown))
    gaussian = torch.cat(numbers)
    votes = 0.1 + 0.8 * torch.rand(len(gaussian), generator=rng)
    return true, ObservedColors(gaussian, tuple(starts), torch.cat(colors), votes, torch.cat(places), COUNT)


def off(found, true, rows):
    return float((found.color - true)[rows.is_seen].square().mean().sqrt())


def gains(color, place, view):
    """Gains of the channels whose mean over all views is 1, and a shift."""
    share = (view - (VIEWS - 1) / 2) / VIEWS
    return color * (1 + 0.3 * share * torch.tensor((1.0, -1.0, 0.5))) + 0.05 * share


def light(color, place, view):
    """Light that rises to the right in half of the views and falls in the other."""
    side = 1 if view % 2 else -1
    return color + 0.2 * side * (place[:, :1] - 0.5)


def test_views_that_agree_stay_as_they_are():
    true, rows = observed(lambda color, place, view: color)
    found = find_consensus(rows)
    assert off(found, true, rows) < 1e-4
    assert float(found.agreement.min()) > 0.99
    picture = torch.rand(20, 30, 3, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(found.corrections[3].of_picture(picture), picture, atol=2e-3, rtol=0)


def test_gains_of_whole_views_are_taken_away():
    true, rows = observed(gains)
    plain, matched = find_consensus(rows, correct=False), find_consensus(rows)
    assert off(matched, true, rows) < 0.25 * off(plain, true, rows)


def test_contrast_is_not_lost():
    """Noise in the views makes every fit a little flatter; round after round that would end in gray."""
    rng = torch.Generator().manual_seed(5)
    true, rows = observed(lambda color, place, view: color + 0.1 * torch.randn(color.shape, generator=rng))
    found = find_consensus(rows).color[rows.is_seen]
    assert float(found.std(0).mean() / true[rows.is_seen].std(0).mean()) == pytest.approx(1.0, abs=0.1)


def test_light_that_varies_over_the_picture_is_taken_away():
    true, rows = observed(light)
    plain, matched = find_consensus(rows, correct=False), find_consensus(rows)
    assert off(matched, true, rows) < 0.4 * off(plain, true, rows)
    field = matched.corrections[1].field.mean(0)
    assert float(field[:, 2].mean()) > 0.05  # what falls to the left is brightened there
    assert float(field[:, -3].mean()) < -0.05


def test_an_outlier_has_no_say_and_does_not_agree():
    """One view shows a third of what it sees in red."""

    def odd(color, place, view):
        is_odd = (view == 2) & (place[:, :1] < 0.3)
        return torch.where(is_odd, torch.tensor((1.0, 0.0, 0.0)), color)

    true, rows = observed(odd)
    found = find_consensus(rows)
    assert off(found, true, rows) < 0.05
    third = rows.views()[2]
    left = rows.place[third][:, 0] < 0.3
    assert float(found.agreement[third][left].mean()) < 0.25
    assert float(found.agreement[third][~left].mean()) > 0.55  # its map gives way to the red a little
    other = rows.views()[5]
    assert float(found.agreement[other].mean()) > 0.95


def test_a_single_view_is_believed():
    rng = torch.Generator().manual_seed(2)
    color = torch.rand(50, 3, generator=rng)
    rows = ObservedColors(
        torch.arange(50), (0, 50), color, torch.ones(50), torch.rand(50, 2, generator=rng), 60
    )
    found = find_consensus(rows)
    torch.testing.assert_close(found.color[:50], color, atol=1e-6, rtol=0)
    assert bool((found.color[50:] == 0).all())
    assert int(rows.is_seen.sum()) == 50
    assert not bool(rows.is_shared.any())
