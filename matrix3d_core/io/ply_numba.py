"""Rows of a Gaussian PLY to and from columns, compiled: for files so large that numpy's passes matter.

`matrix3d_core.io.ply` does the same with numpy alone, for small files and as the oracle of these.
"""

from __future__ import annotations

import math

import numpy as np

from ..compiled import compiled

__all__ = ["pack_rows", "unpack_rows"]


@compiled()
def pack_rows(
    rows: np.ndarray,  # [N, F] float32: filled, but for the columns that are not named here
    means: np.ndarray,  # [N, 3] float32
    quats: np.ndarray,  # [N, 4] float32
    sizes: np.ndarray,  # [N, 3] float32, logarithms
    logits: np.ndarray,  # [N] float32
    sh: np.ndarray,  # [N, K, 3] float32
) -> bool:
    """Store Gaussians in the layout of a file's rows; return whether all values are finite."""
    is_finite = True
    more = sh.shape[1] - 1
    after = 9 + 3 * more
    for n in range(len(rows)):
        row = rows[n]
        for c in range(3):
            row[c] = means[n, c]
            row[6 + c] = sh[n, 0, c]
            row[after + 1 + c] = sizes[n, c]
            for k in range(more):
                row[9 + c * more + k] = sh[n, k + 1, c]
        row[after] = logits[n]
        for c in range(4):
            row[after + 4 + c] = quats[n, c]
        for f in range(len(row)):
            is_finite &= math.isfinite(row[f])
    return is_finite


@compiled()
def unpack_rows(
    table: np.ndarray,  # [N, F] float32
    places: np.ndarray,  # [11 + 3 K] int: columns of means, quats, sizes, logit, sh in the order of the targets
    tolerance: float,  # of a rotation's length, below which it is not normalized
    means: np.ndarray,  # [N, 3] float32
    quats: np.ndarray,  # [N, 4] float32
    sizes: np.ndarray,  # [N, 3] float32
    logits: np.ndarray,  # [N] float32
    sh: np.ndarray,  # [N, 3 K] float32
) -> bool:
    """Fill columns from a file's rows, rotations of unit length; return whether all is finite and no rotation zero."""
    is_fine = True
    for n in range(len(table)):
        row = table[n]
        square = np.float32(0)
        for c in range(3):
            means[n, c] = row[places[c]]
            sizes[n, c] = row[places[7 + c]]
            is_fine &= math.isfinite(means[n, c]) & math.isfinite(sizes[n, c])
        for c in range(4):
            quats[n, c] = row[places[3 + c]]
            square += quats[n, c] * quats[n, c]
        logits[n] = row[places[10]]
        is_fine &= math.isfinite(logits[n])
        for c in range(sh.shape[1]):
            sh[n, c] = row[places[11 + c]]
            is_fine &= math.isfinite(sh[n, c])
        length = math.sqrt(square)
        is_fine &= (length > 0) & math.isfinite(length)
        if is_fine and abs(length - 1) >= tolerance:
            for c in range(4):
                quats[n, c] /= length
    return is_fine
