"""Ray against the terrace, compiled. Imported only when numba is there; `intersect_numpy` is its twin."""

from __future__ import annotations

import numpy as np

from .geometry import empty_looks
from .kernels_hierarchy import hits, occlusions
from .scene_layout import SceneTables

__all__ = ["closest_hit", "is_occluded"]


def closest_hit(
    origins: np.ndarray, directions: np.ndarray, tables: SceneTables
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """See `intersect_numpy.closest_hit`."""
    count = len(origins)
    distance, normal = np.empty(count), np.empty((count, 3))
    shape, material = np.empty(count, np.int64), np.empty(count, np.int64)
    hits(count, origins, directions, tables.geometry, empty_looks(), distance, shape, material, normal)
    return distance, material, normal


def is_occluded(origins: np.ndarray, directions: np.ndarray, tables: SceneTables) -> np.ndarray:
    """See `intersect_numpy.is_occluded`."""
    blocked = np.empty(len(origins), np.bool_)
    limits = np.full(len(origins), np.inf)
    occlusions(len(blocked), origins, directions, limits, tables.geometry, empty_looks(), blocked)
    return blocked
