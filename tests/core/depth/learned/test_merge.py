"""Views around the sphere and their merge: no seam, poles, factors, smooth errors, sky; the solver by its definition."""

from __future__ import annotations

import dataclasses
import itertools
import math

import numpy as np
import pytest
import torch
from room_worlds import room_distance

from matrix3d_core.depth.learned import merge
from matrix3d_core.depth.learned.merge import blend_views, merge_views
from matrix3d_core.depth.learned.views import VIEW_SETS, crop_views, make_views, sample_views
from matrix3d_core.errors import InvalidInput
from matrix3d_core.geometry.pinhole import intrinsics_from_fov, pinhole_directions
from matrix3d_core.geometry.rotations import matrix_from_yaw_pitch_roll
from matrix3d_core.geometry.spherical import erp_directions

HEIGHT = 128
DIRECTIONS = erp_directions(HEIGHT, 2 * HEIGHT)


def exact_views(views, size_px=112, *, roof=True, factors=0.0, bend=0.0):
    """Log distances of a room as views, each with a factor of its own and a smooth error; and what is no sky."""
    generator = torch.Generator().manual_seed(1)
    rays = pinhole_directions(intrinsics_from_fov(views.fov_rad, size_px, size_px), size_px, size_px)
    logs = torch.stack([room_distance(rays @ rotation, roof=roof).log() for rotation in views.rotations])
    known = torch.isfinite(logs).float()
    x = torch.linspace(-1, 1, size_px, dtype=torch.float64)
    waves = torch.stack(torch.broadcast_tensors(x[None], x[:, None], x[None] ** 2, x[:, None] ** 2))
    addends = factors * torch.randn(len(views), generator=generator, dtype=torch.float64)
    errors = bend * torch.randn(len(views), 4, generator=generator, dtype=torch.float64)
    logs = logs.nan_to_num(posinf=5.0) + addends[:, None, None] + torch.einsum("vk,kij->vij", errors, waves)
    return logs.float(), known, addends


def error_of(log_distance, *, roof=True):
    """Error of each pixel in percent or so, after the best common factor; NaN in the sky."""
    truth = room_distance(DIRECTIONS, roof=roof).log()
    error = torch.where(torch.isfinite(truth), log_distance - truth, torch.nan)
    return error - error.nanmedian()


@pytest.mark.parametrize("name", VIEW_SETS)
def test_views_cover_the_sphere_and_lead_back(name):
    views = make_views(name)
    found, weights = sample_views(crop_views(DIRECTIONS, views, 64), views, DIRECTIONS)
    assert float(weights.amax(0).min()) > 0.5  # every direction is well inside of a view
    seen = weights > 0.01
    expected = DIRECTIONS.expand(len(views), -1, -1, -1)
    # Both lookups are linear over a pixel of at most 0.09 radians' view: (0.09 / 2)^2 / 2 each.
    assert float((found - expected)[seen].abs().max()) < 0.003
    assert not found[weights == 0].any() or float(weights[found.abs().sum(-1) > 0].min()) == 0


@pytest.mark.parametrize("name", VIEW_SETS)
def test_exact_views_merge_without_seam_and_with_true_poles(name):
    views = make_views(name)
    logs, known, addends = exact_views(views, factors=0.3)
    merged = merge_views(logs, known, views, HEIGHT)
    error = error_of(merged.log_distance)
    assert float(error.abs().quantile(0.95)) < 0.01  # the rest are pixels at the edge of the pillar
    assert float((error[:, 0] - error[:, -1]).abs().max()) < 0.003  # the seam
    assert float(error[[0, -1]].abs().max()) < 0.01
    undone = addends + merged.log_factors
    torch.testing.assert_close(undone, undone.median().expand_as(undone), atol=0.01, rtol=0)
    assert float(merged.log_factors.sort().values[5:7].abs().min()) == 0  # the median view keeps its unit


@pytest.mark.parametrize("name", VIEW_SETS)
def test_views_turned_by_columns_give_the_panorama_turned(name):
    views = make_views(name)
    logs, known, _ = exact_views(views, 48, roof=False, factors=0.3, bend=0.05)
    normals = 0.5 * torch.nn.functional.normalize(erp_directions(64, 128) + 0.3, dim=-1)
    straight = merge_views(logs, known, views, 64, normals=normals).log_distance
    for columns in (1, 50):
        angle, zero = torch.tensor((columns / 128 * math.tau, 0.0), dtype=torch.float64)
        yaw = matrix_from_yaw_pitch_roll(angle, zero, zero)
        seen_from = dataclasses.replace(views, rotations=views.rotations @ yaw.mT)
        around = normals.roll(columns, 1) @ yaw.mT.float()
        turned = merge_views(logs, known, seen_from, 64, normals=around).log_distance
        # Rounded to float32, a place within 1e-5 of the border of two pixels may fall into either: a few of 8192.
        different = (turned - straight.roll(columns, 1)).abs()
        assert float(different.quantile(0.99)) < 1e-4
        assert float(different[:, [-1, 0, columns - 1, columns]].mean()) < 1e-3  # both seams


def test_smooth_errors_of_views_do_not_become_steps():
    views = make_views("rings")
    logs, known, _ = exact_views(views, factors=0.3, bend=0.05)
    error = error_of(merge_views(logs, known, views, HEIGHT).log_distance)
    assert float(error.abs().mean()) < 0.04  # of 0.05 in each of four terms
    inner = (error[:, 1:] - error[:, :-1]).abs()
    assert float(inner.quantile(0.9)) < 0.006
    assert float((error[:, 0] - error[:, -1]).abs().max()) < 0.006
    one_view = error_of(blend_views(logs[..., None], views, HEIGHT)[..., 0])  # without factors and gradients
    assert float(error.abs().mean()) < 0.3 * float(one_view.abs().mean())


def test_sky_has_no_say():
    views = make_views("rings")
    logs, known, _ = exact_views(views, roof=False, factors=0.3)
    merged = merge_views(logs, known, views, HEIGHT)
    error = error_of(merged.log_distance, roof=False)
    surface = torch.isfinite(error)
    assert 0.2 < float(surface.float().mean()) < 0.9
    assert bool(torch.isfinite(merged.log_distance).all())
    assert float(error[surface].abs().quantile(0.95)) < 0.02
    assert float(merged.weight[0].max()) == 0 < float(merged.weight[-1].min())


def test_views_that_agree_disagree_nowhere():
    views = make_views("moge")
    logs, known, _ = exact_views(views, factors=0.3)
    bent, _, _ = exact_views(views, factors=0.3, bend=0.05)
    calm, moved = (merge_views(value, known, views, HEIGHT).disagreement.median() for value in (logs, bent))
    assert float(calm) < 0.001 < 0.006 < float(moved)


def test_the_solver_finds_the_least_squares():
    height, width = 6, 12
    rng = np.random.default_rng(0)
    base, right, down = (rng.normal(size=(height, width)) for _ in range(3))
    weight, right_known, down_known = (rng.uniform(0, 1, size=(height, width)) for _ in range(3))
    down_known[-1] = 0
    solved, _ = merge._solve(base, weight, right, right_known, down, down_known, tolerance=1e-12)
    cosine = [math.cos((0.5 - (row + 0.5) / height) * math.pi) for row in range(height)]
    rows, wanted = [], []
    for row, column in itertools.product(range(height), range(width)):
        here = row * width + column
        terms = [(here, None, weight[row, column] / (weight[row, column] + 0.05), base[row, column])]
        terms[0] = (
            here,
            None,
            terms[0][2] * (math.pi / height / math.radians(25)) ** 2 * cosine[row],
            terms[0][3],
        )
        aside = row * width + (column + 1) % width
        terms.append((here, aside, right_known[row, column] / cosine[row], right[row, column]))
        if row + 1 < height:
            middle = math.cos((0.5 - (row + 1) / height) * math.pi)
            terms.append((here, here + width, down_known[row, column] * middle, down[row, column]))
        for first, second, strength, value in terms:
            line = np.zeros(height * width)
            line[first] = 1 if second is None else -1
            if second is not None:
                line[second] = 1
            rows.append(math.sqrt(strength) * line)
            wanted.append(math.sqrt(strength) * value)
    expected = np.linalg.lstsq(np.array(rows), np.array(wanted), rcond=None)[0].reshape(height, width)
    np.testing.assert_allclose(solved, expected, atol=1e-8)


def test_what_cannot_be_merged_is_refused():
    views = make_views("moge")
    logs = torch.zeros(12, 8, 8)
    with pytest.raises(InvalidInput, match=r"positive somewhere.*panorama of sky has no depth"):
        merge_views(logs, torch.zeros(12, 8, 8), views, 8)
    with pytest.raises(InvalidInput, match="log_distance must be finite"):
        merge_views(logs / 0, logs + 1, views, 8)
    with pytest.raises(InvalidInput, match="values must be of 12 views; got 3"):
        merge_views(logs[:3], logs[:3] + 1, views, 8)
    with pytest.raises(InvalidInput, match="views must be one of rings, moge, upstream; got 'cube'"):
        make_views("cube")
