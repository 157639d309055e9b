"""Painted masks: the text that the browser writes, at any size."""

from __future__ import annotations

import pytest
import torch

from matrix3d_core.errors import FormatError
from matrix3d_core.io.painted_mask import parse_painted_mask, write_painted_mask


def test_runs_are_read_row_by_row():
    # 4 clear, 3 painted, 1 clear, then all of the second row painted.
    mask = parse_painted_mask("mask1:8x4:4,3,1,8", 4)
    assert mask[0].tolist() == [0, 0, 0, 0, 1, 1, 1, 0]
    assert mask[1].tolist() == [1] * 8
    assert float(mask[2:].sum()) == 0
    assert (
        parse_painted_mask("mask1:1024x512:0,b8jk", 512).mean() == 1
    )  # what the browser writes for everything
    assert parse_painted_mask("", 4).shape == (4, 8)


def test_round_trip():
    mask = torch.rand(16, 32, generator=torch.Generator().manual_seed(0)) > 0.7
    assert torch.equal(parse_painted_mask(write_painted_mask(mask), 16) > 0.5, mask)
    assert write_painted_mask(torch.zeros(4, 8, dtype=torch.bool)) == ""


@pytest.mark.parametrize("height", [4, 64])
def test_other_sizes_keep_place_and_share(height):
    mask = torch.zeros(16, 32, dtype=torch.bool)
    mask[4:8, 24:] = True
    mask[4:8, :4] = True  # across the border
    other = parse_painted_mask(write_painted_mask(mask), height)
    assert other.shape == (height, 2 * height)
    assert float(other.mean()) == pytest.approx(48 / 512, rel=0.05)
    row = other[3 * height // 8]
    assert float(row[0]) > 0.9
    assert float(row[-1]) > 0.9
    assert float(row[height]) == 0


def test_other_texts_are_refused():
    for bad in ("x", "mask1:8x8:1", "mask1:8x4:40", "mask1:8x4:!", "mask1:99998x49999:1"):
        with pytest.raises(FormatError):
            parse_painted_mask(bad, 4)
