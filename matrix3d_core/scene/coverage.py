"""Where in a world one can stand and still see it well: quality on a level grid."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from ..checks import check_shape
from ..errors import InvalidInput

__all__ = ["MOST_CELLS", "CoverageMap"]

MOST_CELLS = 10_000
"""Of a map."""


@dataclass(frozen=True)
class CoverageMap:
    """Quality of the places of a world.

    Attributes:
        quality: ``[R, C]`` float32 in 0..1; 1: nothing bad is seen from there, 0: far too much, or not measured. Rows
            follow +z, columns +x; at most `MOST_CELLS` cells.
        origin: x, y, z of the first cell's center, world units; y is the height of the eye.
        cell: distance between neighboring centers, world units.
    """

    quality: Tensor
    origin: tuple[float, float, float]
    cell: float

    def __post_init__(self) -> None:
        size = check_shape("quality", self.quality, "R C")
        if not 1 <= size["R"] * size["C"] <= MOST_CELLS:
            raise InvalidInput(f"quality must hold 1 to {MOST_CELLS} cells; got {size['R']}x{size['C']}.")
        if not bool(((self.quality >= 0) & (self.quality <= 1)).all()):  # NaN compares as false
            raise InvalidInput("quality must lie in 0..1; some of it does not.")
        if not (math.isfinite(self.cell) and self.cell > 0):
            raise InvalidInput(f"cell must be positive and finite; got {self.cell}.")
        if not all(math.isfinite(v) for v in self.origin):
            raise InvalidInput(f"origin must be finite; got {self.origin}.")

    def at(self, places: Tensor) -> Tensor:  # [N, 3] -> [N]
        """Return the quality at places, linear between cells, 0 outside of the map; their height does not count."""
        padded = torch.nn.functional.pad(self.quality.double(), (1, 1, 1, 1))
        first = torch.tensor(self.origin, dtype=torch.float64) - self.cell
        across, ahead = ((places.double() - first) / self.cell)[:, [0, 2]].unbind(-1)
        rows, columns = padded.shape
        inside = (across >= 0) & (across <= columns - 1) & (ahead >= 0) & (ahead <= rows - 1)
        column, row = (
            v.clamp(0, n - 1).floor().long().clamp(max=n - 2) for v, n in ((across, columns), (ahead, rows))
        )
        u, v = across - column, ahead - row
        low = torch.lerp(padded[row, column], padded[row, column + 1], u)
        high = torch.lerp(padded[row + 1, column], padded[row + 1, column + 1], u)
        return torch.lerp(low, high, v) * inside
