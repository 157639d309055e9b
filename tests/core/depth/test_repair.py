"""Unusable distances: counting and filling."""

from __future__ import annotations

import math

import pytest
import torch

from matrix3d_core.depth.repair import count_unusable, fill_from_nearest
from matrix3d_core.errors import InvalidInput
from matrix3d_core.geometry.spherical import erp_directions


def test_every_kind_is_counted_once():
    values = torch.tensor([1.0, 2.0, math.nan, math.inf, 0.0, -0.0, -1.0, -math.inf])
    counts = count_unusable(values)
    assert counts.as_dict() == {"usable": 2, "nan": 1, "infinite": 1, "zero": 2, "negative": 2}
    assert sum(counts.as_dict().values()) == len(values)


@pytest.mark.parametrize("known_share", [0.003, 0.05, 0.5, 0.97])
@pytest.mark.parametrize("seed", range(3))
def test_filling_takes_the_nearest_known_pixel_on_the_sphere(seed, known_share):
    rng = torch.Generator().manual_seed(seed)
    height, width = 24, 48
    known = torch.rand(height, width, generator=rng) < known_share
    known[11, 7] = True
    depth = torch.arange(height * width, dtype=torch.float32).view(height, width) + 1  # names its pixel
    filled = fill_from_nearest(torch.where(known, depth, math.nan), known)

    assert torch.equal(filled[known], depth[known])
    rays = erp_directions(height, width, dtype=torch.float64).view(-1, 3)
    angles = torch.acos((rays @ rays.mT).clamp(-1, 1))
    angles[:, ~known.view(-1)] = 9.0
    best = angles.amin(1)
    taken = angles[torch.arange(height * width), filled.view(-1).long() - 1]
    # Jump flooding may take a pixel that is a little farther; it must be rare and never far.
    step = math.pi / height
    assert float((taken <= best + 1e-9).double().mean()) > 0.97
    assert float((taken - best).max()) < 2 * step


def test_filling_crosses_the_seam_and_the_poles():
    depth = torch.full((8, 16), math.nan)
    known = torch.zeros(8, 16, dtype=torch.bool)
    depth[4, 15], depth[4, 7] = 5.0, 9.0
    known[4, 15] = known[4, 7] = True
    assert float(fill_from_nearest(depth, known)[4, 1]) == 5.0
    depth[:], known[:] = math.nan, False
    depth[0, 2], depth[4, 10] = 3.0, 8.0  # column 10 is half a turn from column 2
    known[0, 2] = known[4, 10] = True
    assert float(fill_from_nearest(depth, known)[1, 10]) == 3.0


def test_filling_leaves_its_input_alone():
    depth, known = torch.ones(4, 8), torch.ones(4, 8, dtype=torch.bool)
    result = fill_from_nearest(depth, known)
    result[0, 0] = 7
    assert float(depth[0, 0]) == 1


def test_nothing_known_is_refused():
    with pytest.raises(InvalidInput, match="at least one usable distance"):
        fill_from_nearest(torch.ones(4, 8), torch.zeros(4, 8, dtype=torch.bool))
