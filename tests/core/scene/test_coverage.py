"""Coverage maps: quality between cells, and what is refused."""

from __future__ import annotations

import pytest
import torch

from matrix3d_core.errors import InvalidInput
from matrix3d_core.scene.coverage import CoverageMap


def test_quality_is_linear_between_cells_and_zero_outside():
    map = CoverageMap(torch.tensor([[0.2, 1.0], [0.6, 0.0]]), (1.0, 0.0, -2.0), 0.5)
    places = torch.tensor(
        [[1.0, 7, -2], [1.5, 0, -2], [1.0, 0, -1.5], [1.25, 0, -2], [1.25, 0, -1.75], [0.5, 0, -2], [9, 0, 9]]
    )
    assert map.at(places).tolist() == pytest.approx([0.2, 1.0, 0.6, 0.6, 0.45, 0.0, 0.0])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"quality": torch.tensor([[1.5]])}, "quality must lie in 0..1"),
        ({"quality": torch.tensor([[float("nan")]])}, "quality must lie in 0..1"),
        ({"quality": torch.zeros(0, 3)}, "quality must hold 1 to 10000 cells; got 0x3"),
        ({"cell": 0.0}, "cell must be positive and finite; got 0.0"),
        ({"origin": (0.0, float("inf"), 0.0)}, "origin must be finite"),
    ],
)
def test_bad_maps_are_refused(change, message):
    with pytest.raises(InvalidInput, match=message):
        CoverageMap(**{"quality": torch.ones(1, 1), "origin": (0.0, 0.0, 0.0), "cell": 1.0, **change})
