"""Depth errors against numbers worked out by hand."""

import math

import pytest
import torch

from matrix3d_core.errors import InvalidInput
from matrix3d_core.metrics.depth import depth_figures


def test_figures_by_hand():
    truth = torch.tensor([1.0, 2.0, 4.0, 8.0, math.inf])
    depth = torch.tensor(
        [3.0, 6.0, 12.0, 48.0, 5.0]
    )  # three times too far, the last six times; sky does not count
    figures = depth_figures(depth, truth)
    assert figures["delta"] == pytest.approx(0.75)
    assert figures["abs_rel"] == pytest.approx(0.25)  # one of four is twice the truth
    assert figures["rmse_log"] == pytest.approx(math.log(2) / 2)
    plain = depth_figures(depth, truth, align=False)
    assert plain["delta"] == 0.0
    assert plain["abs_rel"] == pytest.approx((2 + 2 + 2 + 5) / 4)
    weighted = depth_figures(depth, truth, weight=torch.tensor([1.0, 1.0, 1.0, 9.0, 1.0]))
    assert weighted["delta"] == pytest.approx(0.75)  # now the scale is the last pixel's
    assert weighted["abs_rel"] == pytest.approx(0.25 * 0.5)


def test_nothing_to_compare():
    with pytest.raises(InvalidInput, match="at least one finite positive distance"):
        depth_figures(torch.ones(2), torch.full((2,), math.inf))
    with pytest.raises(InvalidInput, match="one shape"):
        depth_figures(torch.ones(2), torch.ones(3))
