"""Edges of a coarse map at the picture's size, against a slow reference; ground planes and what stands on them."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from room_worlds import room_distance, room_geometry

from matrix3d_core.depth.learned import kernels_refine
from matrix3d_core.depth.learned.ground import find_ground, snap_to_ceiling, snap_to_ground
from matrix3d_core.depth.learned.refine import enlarge_map, refine_distance
from matrix3d_core.depth.resample import resize_panorama
from matrix3d_core.errors import InvalidInput
from matrix3d_core.geometry.spherical import erp_directions

ROWS, SMALL = 512, 128


def blurred(values):
    """A map of ``SMALL`` rows as a network makes it: a window of three pixels smears every edge."""
    small = F.interpolate(values[None, None], (SMALL, 2 * SMALL), mode="area")
    return F.avg_pool2d(F.pad(small, (1, 1, 1, 1), mode="replicate"), 3, 1)[0, 0]


def test_silhouettes_take_one_of_both_sides():
    room = room_geometry(ROWS)
    truth = room.depth_ray.log()
    coarse = blurred(truth)
    fine, sky = refine_distance(coarse, torch.zeros_like(coarse), room.rgb)
    enlarged = F.interpolate(coarse[None, None], truth.shape, mode="bilinear")[0, 0]
    far, near = (F.max_pool2d(sign * truth[None, None], 17, 1, 8)[0, 0] * sign for sign in (1, -1))
    edge = (
        F.max_pool2d((F.max_pool2d(truth[None, None], 3, 1, 1)[0, 0] - truth > 0.2).float()[None], 9, 1, 4)[0]
        > 0
    )
    wrong = {}
    for name, found in (("enlarged", enlarged), ("fine", fine)):
        between = torch.minimum((found - far).abs(), (found - near).abs()) > 0.1
        wrong[name] = [float(between[edge].float().mean()), float((found - truth).abs()[edge].mean())]
    assert not sky.any()
    assert wrong["fine"][0] < 0.5 * wrong["enlarged"][0]
    assert wrong["fine"][1] < 0.5 * wrong["enlarged"][1]
    assert float((fine - truth).abs()[~edge].quantile(0.95)) < 0.02


def test_the_sky_follows_the_picture_and_has_no_part_in_distances():
    directions = erp_directions(ROWS, 2 * ROWS)
    distance = room_distance(directions, roof=False)
    is_sky = torch.isinf(distance)
    rgb = torch.where(is_sky[..., None], torch.tensor([0.6, 0.8, 1.0]), torch.tensor([0.3, 0.25, 0.2]))
    log_distance = torch.where(is_sky, 6.0, distance.log()).float()
    fine, sky = refine_distance(blurred(log_distance), blurred(is_sky.float()), rgb)
    union = (sky > 0.5) | is_sky
    assert float(((sky > 0.5) & is_sky).sum() / union.sum()) > 0.985
    kept = ~is_sky & (sky < 0.5)
    assert (
        float((fine - log_distance)[kept].abs().quantile(0.99)) < 0.1
    )  # a blurred sky at 6 would be far off


def reference(near, slope, trust, sky, colors, band, picture):
    """Every pixel by its definition, with an exact median."""
    height, width = near.shape
    rows, columns, _ = picture.shape
    reach, deviation, color = kernels_refine.RADIUS, kernels_refine.SPATIAL, kernels_refine.COLOR

    def place(row, column):
        if row < 0 or row >= height:
            row, column = (-1 - row if row < 0 else 2 * height - 1 - row), column + width // 2
        return row, column % width

    distances, shares = np.zeros((rows, columns)), np.zeros((rows, columns))
    for row in range(rows):
        for column in range(columns):
            v, u = (row + 0.5) * height / rows - 0.5, (column + 0.5) * width / columns - 0.5
            corners = [(math.floor(v) + i, math.floor(u) + j) for i in (0, 1) for j in (0, 1)]
            parts = [((1 - abs(v - i)) * (1 - abs(u - j)), place(i, j)) for i, j in corners]
            distances[row, column] = sum(part * near[at] for part, at in parts)
            shares[row, column] = sum(part * sky[at] for part, at in parts)
            if not any(band[at] for _, at in parts):
                continue
            taps = []
            for i in range(round(v) - reach, round(v) + reach + 1):
                for j in range(round(u) - reach, round(u) + reach + 1):
                    at = place(i, j)
                    unlike = ((picture[row, column] - colors[at]) ** 2).sum()
                    alike = max((1 / (1 + unlike / (2 * color**2))) ** 3, 1e-4)
                    weight = math.exp(-((v - i) ** 2 + (u - j) ** 2) / (2 * deviation**2)) * alike
                    turned = 1 if at[0] == i else -1
                    guess = near[at] + turned * (slope[at][0] * (u - j) + slope[at][1] * (v - i))
                    taps.append((max(guess, near[at] / 2), weight * trust[at], weight, sky[at]))
            shares[row, column] = sum(w * s for *_, w, s in taps) / sum(w for *_, w, _ in taps)
            taps = sorted(tap[:2] for tap in taps if tap[1] > 0)
            if taps:
                summed = np.cumsum([weight for _, weight in taps])
                middle = taps[int(np.searchsorted(summed, summed[-1] / 2))][0]
                same = [(value, weight) for value, weight in taps if middle / 1.1 < value < middle * 1.1]
                distances[row, column] = sum(v * w for v, w in same) / sum(w for _, w in same)
    return distances, shares


def test_the_kernel_does_what_its_reference_does():
    rng = np.random.default_rng(0)
    small, large = (10, 20), (16, 32)
    near = rng.choice([0.2, 0.5], small) * rng.uniform(0.99, 1.01, small)
    values = (near, rng.normal(0, 1e-3, (*small, 2)), rng.uniform(0, 1, small) * (rng.random(small) < 0.8))
    values = (*values, rng.uniform(0, 1, small), rng.uniform(0, 1, (*small, 3)))
    arrays = [np.ascontiguousarray(value, np.float32) for value in values]
    band, picture = rng.random(small) < 0.3, rng.uniform(0, 1, (*large, 3)).astype(np.float32)
    distances, shares = np.empty(large, np.float32), np.empty(large, np.float32)
    kernels_refine.choose_surfaces(*arrays, band, picture, distances, shares)
    wanted, wanted_shares = reference(*arrays, band, picture)
    np.testing.assert_allclose(shares, wanted_shares, atol=1e-5)
    # The median is found to 1/256 of the range: it may be another tap, of the other side where both weigh the same.
    close = np.isclose(distances, wanted, rtol=1e-3)
    assert close.mean() > 0.98


def test_ground_gives_meters_and_is_put_onto_its_plane():
    room = room_geometry(ROWS)
    directions = erp_directions(ROWS, 2 * ROWS)
    floor = (room.depth_ray * directions[..., 1] - 1.6).abs() < 1e-3
    waves = 0.06 * torch.sin(40 * directions[..., 0]) * torch.sin(40 * directions[..., 2])
    units = room.depth_ray.log() + waves - math.log(3.7)
    found = find_ground(units, floor.float() * 0.9)
    assert found.height * 3.7 == pytest.approx(1.6, rel=0.01)
    assert 0.5 < found.share < 0.9
    assert found.residual == pytest.approx(0.015, abs=0.01)

    scaled = units + math.log(1.6 / found.height)
    snapped = torch.exp(snap_to_ground(scaled, floor.float(), 1.6))
    near = floor & (room.depth_ray < 3.4)
    assert float((snapped * directions[..., 1] / 1.6 - 1).abs()[near].max()) < 0.01
    assert torch.equal(snapped[~floor], torch.exp(scaled[~floor]))  # walls and the pillar stay
    step = torch.where(floor & (directions[..., 0] > 0), scaled - 0.3, scaled)  # ground that is not level
    kept = snap_to_ground(step, floor.float(), 1.6)
    assert torch.equal(kept[directions[..., 0] > 0], step[directions[..., 0] > 0])


def test_a_ceiling_is_level_and_the_rest_stays():
    room = room_geometry(ROWS)
    directions = erp_directions(ROWS, 2 * ROWS)
    heights = room.depth_ray * -directions[..., 1]
    ceiling = (heights - heights[0, 0]).abs() < 1e-3
    waves = 0.06 * torch.sin(40 * directions[..., 0]) * torch.sin(40 * directions[..., 2])
    wavy = room.depth_ray.log() + waves
    snapped = snap_to_ceiling(wavy, ceiling.float())
    near = ceiling & (room.depth_ray < 2 * heights[0, 0])
    assert int(near.sum()) > 1000
    assert float((snapped.exp() * -directions[..., 1] / heights[0, 0] - 1).abs()[near].max()) < 0.015
    assert float((wavy.exp() * -directions[..., 1] / heights[0, 0] - 1).abs()[near].max()) > 0.04
    assert torch.equal(snapped[~ceiling], wavy[~ceiling])
    assert torch.equal(snap_to_ceiling(wavy, torch.zeros_like(wavy)), wavy)


def test_where_no_ground_is_seen_there_is_none():
    assert find_ground(torch.zeros(32, 64), torch.full((32, 64), 0.01)) is None
    with pytest.raises(InvalidInput, match="camera_height must be positive; got 0"):
        snap_to_ground(torch.zeros(32, 64), torch.zeros(32, 64), 0)


def test_what_is_smooth_is_only_enlarged():
    rows = torch.linspace(0, 1, SMALL)[:, None].expand(-1, 2 * SMALL)
    rgb = torch.rand(ROWS, 2 * ROWS, 3, generator=torch.Generator().manual_seed(0))
    fine, _ = refine_distance(rows, torch.zeros_like(rows), rgb)
    expected = -resize_panorama(torch.exp(-rows)[..., None].expand(-1, -1, 3), ROWS)[..., 0].log()
    torch.testing.assert_close(fine, expected, atol=1e-5, rtol=0)


def test_a_map_is_enlarged_as_a_panorama_is():
    values = torch.rand(6, 12, generator=torch.Generator().manual_seed(0))
    expected = resize_panorama(values[..., None].expand(-1, -1, 3), 16)[..., 0]  # along directions
    torch.testing.assert_close(enlarge_map(values, 16), expected, atol=1e-5, rtol=0)
    with pytest.raises(InvalidInput, match="values must be equirectangular"):
        enlarge_map(values[:, :11], 16)
