"""Alignment of a monocular distance to a known one, against answers that are known."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from matrix3d_core.depth.alignment import (
    _smooth_rows,
    align_depth,
    align_frames,
    align_scale_shift,
    nearness_weight,
)
from matrix3d_core.errors import InvalidInput
from matrix3d_core.scene.camera import Equirect, Pinhole
from matrix3d_core.scene.trajectory import Trajectory


def truth(height=24, width=48):
    row, column = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    return (3 + torch.sin(column * math.tau / width) + 0.05 * row).double()


def test_scale_and_shift_come_back():
    aim = truth()
    region = torch.rand(aim.shape, generator=torch.Generator().manual_seed(0)) < 0.4
    scale, shift = align_scale_shift((aim - 0.4) / 1.7, aim, region)
    assert scale == pytest.approx(1.7, rel=1e-9)
    assert shift == pytest.approx(0.4, rel=1e-9)


def test_scale_and_shift_weigh_as_the_formula_says():
    aim = truth()
    rng = torch.Generator().manual_seed(1)
    region = torch.rand(aim.shape, generator=rng) < 0.5
    guess = aim * (1 + 0.2 * torch.rand(aim.shape, generator=rng))
    weight = nearness_weight(aim, region)[region].numpy()
    rows = np.stack((weight * guess[region].numpy(), weight), -1)
    expected = np.linalg.lstsq(rows, weight * aim[region].numpy(), rcond=None)[0]
    assert np.allclose(align_scale_shift(guess, aim, region), expected, rtol=1e-8)


@pytest.mark.parametrize("exact", [False, True])
def test_a_smooth_error_is_taken_out_everywhere(exact):
    """Known on the left two thirds; the error is a factor that varies slowly over the picture."""
    aim = truth()
    row, column = torch.meshgrid(torch.arange(24), torch.arange(48), indexing="ij")
    factor = torch.exp(0.15 * torch.sin(column * math.tau / 48 + 0.5) + 0.004 * row)
    guess = aim * factor / 2
    region = torch.ones_like(aim, dtype=torch.bool)
    region[:, 20:30] = False
    before = ((2 * guess / aim) - 1).abs().mean()
    result, _ = align_depth(guess, aim, region, upstream_exact=exact)
    error = (result.double() / aim - 1).abs()
    inside = error[2:, 2:][region[2:, 2:]]
    assert float(inside.mean()) < 0.01  # the bound, 1 %
    assert float(error.mean()) < 0.25 * float(before)


@pytest.mark.parametrize("factor", [0.5, 3.0])
def test_scaled_input_is_met_within_a_percent(factor):
    aim = truth()
    region = torch.zeros_like(aim, dtype=torch.bool)
    region[4:20, 6:30] = True
    result, _ = align_depth(aim * factor + 0.3, aim, region)
    assert float((result.double() / aim - 1).abs().max()) < 0.01


OFF_CENTER = Pinhole((40, 60), torch.tensor([[50.0, 0, 22], [0, 35.0, 26], [0, 0, 1]], dtype=torch.float64))


@pytest.mark.parametrize("camera", [OFF_CENTER, Equirect((40, 80))], ids=["pinhole", "equirect"])
def test_frames_are_aligned_along_the_path(camera):
    """A sphere around the start, seen from a moving camera: each frame's own scale and shift are taken out."""
    poses = torch.eye(4, dtype=torch.float64).repeat(3, 1, 1)
    poses[:, 2, 3] = -0.1 * torch.arange(3)
    rays = camera.rays()
    along = 0.1 * torch.arange(3, dtype=torch.float64)[:, None, None] * rays[..., 2]
    off = (0.1 * torch.arange(3, dtype=torch.float64)[:, None, None]).square() - 3.0**2
    true = -along + (along.square() - off).sqrt()  # of |center + d ray| = 3
    lens = {} if camera.wraps else {"K_px": camera.K_px.repeat(3, 1, 1), "image_size_px": camera.size_px}
    given = true.float() * torch.tensor([1.0, 0.5, 2.0])[:, None, None]
    given[2] += 0.3
    aligned = align_frames(given, Trajectory(poses, **lens), [0, 1, 2])
    # Points fall on pixels that are up to half a pixel off; along the sphere's slope that is below a percent.
    assert float((aligned / true - 1).abs().max()) < 0.01


@pytest.mark.parametrize("exact", [False, True])
def test_sky_is_not_compared_and_stands_twice_as_far_as_anything(exact):
    """What the sky holds in either map does not matter; elsewhere it is as if it had been filled by hand."""
    aim = truth()
    sky = torch.zeros_like(aim, dtype=torch.bool)
    sky[:6, 10:40] = True
    region = torch.ones_like(sky)
    guess = (aim - 0.2) / 1.5
    by_hand = torch.where(sky, 2 * guess[~sky].max(), guess)
    expected, facts = align_depth(by_hand, aim, region & ~sky, upstream_exact=exact)
    for filler in (torch.inf, torch.nan, 0.0, 1e-3):
        given = torch.where(sky, torch.tensor(filler, dtype=guess.dtype), guess)
        result, found = align_depth(given, torch.where(sky, 50.0, aim), region, sky=sky, upstream_exact=exact)
        assert torch.equal(result[~sky], expected[~sky])
        assert found == facts
        assert (result[sky] == 2 * expected[~sky].max()).all()
    near_sky, _ = align_depth(torch.where(sky, 1e-3, guess), aim, region, upstream_exact=exact)
    assert (
        float((near_sky / aim - 1).abs()[~sky].max()) > 0.05
    )  # without the mask it degrades what is beside it


def test_rows_count_as_upstreams():
    height, width = 9, 12
    across = (height - 2) * (width - 3)  # columns 2..W-2 with their right neighbors, rows 1..H-2
    down = (height - 3) * (width - 2)
    laplacian = (height - 3) * (width - 3)
    rows = _smooth_rows(height, width, wraps=False, upstream_exact=True)
    assert rows.shape == (across + down + laplacian, height * width)
    touched = np.unique(rows.nonzero()[1])
    first_row_or_column = (touched < width) | (touched % width == 0)
    assert not first_row_or_column.any()
    assert np.abs(rows @ np.ones(height * width)).max() == 0


def test_neighbors_meet_across_the_border():
    rows = _smooth_rows(4, 6, wraps=True, upstream_exact=False).toarray()
    assert any(row[0] == 1 and row[5] == -1 and (row != 0).sum() == 2 for row in rows)


def test_bad_inputs_are_named():
    aim = truth()
    everything = torch.ones_like(aim, dtype=torch.bool)
    with pytest.raises(InvalidInput, match="positive and finite"):
        align_depth(torch.zeros_like(aim), aim, everything)
    with pytest.raises(InvalidInput, match="at least 2 pixels"):
        align_depth(aim, aim, ~everything)
