"""Shortcuts of patterns give the same bits as the long way."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

pytest.importorskip("numba")

from matrix3d_core.synth import kernels_patterns as patterns
from matrix3d_core.synth.kernels_noise import lattice, nearest2, worley2
from matrix3d_core.synth.materials import MATERIAL_KINDS, material_row


def test_the_height_alone_is_the_height_with_the_color():
    rng = np.random.default_rng(1)
    kinds = [kind for kind in MATERIAL_KINDS if kind in patterns.__all__]
    assert len(kinds) > 30
    for kind in kinds:
        row = material_row(kind, (0.5, 0.4, 0.3))
        for _ in range(20):
            place = (
                *(float(value) for value in rng.uniform(-4, 4, 5)),
                *(float(value) for value in rng.random(2)),
            )
            size = float(rng.choice((0.0005, 0.01, 0.2)))
            full, alone = (getattr(patterns, kind)(row, *place, size, 131, only) for only in (False, True))
            assert full[4] == alone[4], kind


def test_cells_have_the_nearest_point_and_the_nearest_border():
    for x, y in np.random.default_rng(2).uniform(-20, 20, (300, 2)).tolist():
        i, j = math.floor(x), math.floor(y)
        points = {}
        for di, dj in itertools.product(range(-2, 3), repeat=2):
            shift = [0.12 + 0.76 * lattice(i + di, j + dj, k, 5) for k in (1, 2)]
            points[i + di, j + dj] = np.array((i + di + shift[0] - x, j + dj + shift[1] - y))
        ring = [cell for cell in points if max(abs(cell[0] - i), abs(cell[1] - j)) < 2]
        cell = min(ring, key=lambda c: np.hypot(*points[c]))
        near = points.pop(cell)
        border = min(np.dot((near + p) / 2, (p - near) / np.hypot(*(p - near))) for p in points.values())
        # Differences of numbers up to 20: 20 times the spacing of float64 at 1.
        np.testing.assert_allclose(
            worley2(x, y, 5), (np.hypot(*near), border, lattice(*cell, 3, 5)), rtol=0, atol=1e-13
        )
        assert nearest2(x, y, 5) == worley2(x, y, 5)[::2]
