"""Plain point clouds as Gaussians: a round, opaque one for each point, sized by the distance to its neighbors."""

from __future__ import annotations

from typing import BinaryIO

import numpy as np

from ..errors import FormatError
from ..scene.gaussians import SH_C0, Gaussians
from .columns import FARTHEST, checked_gaussians
from .ply_dialects import point_colors
from .ply_header import PlyHeader, read_rows

__all__ = ["gaussians_of_points"]

_CHUNK = 1 << 14
_NEIGHBORS = 3
_GRAY = 0.5
_MOST_OF_USUAL = 10.0  # maximum size of isolated points, relative to the median
_LEAST_OF_USUAL = 0.05  # minimum size, for points that coincide


def gaussians_of_points(file: BinaryIO, header: PlyHeader, name: str) -> Gaussians:
    """Read the vertices of a PLY as Gaussians; colors are gray where the file has none.

    A Gaussian's standard deviation is half of the mean distance to the three nearest points, within 1/20 and 10 times
    of the file's median.

    Raises:
        FormatError: when the file ends early, or a point is NaN, infinite or beyond any scene.
    """
    element = header.element("vertex")
    colors = point_colors(element.stored)
    steps = 1.0
    if colors is not None and element.stored[colors[0]][0] in "iu":
        steps = float(np.iinfo(element.stored[colors[0]]).max)
    means = np.empty((element.count, 3), np.float32)
    shades = np.full((element.count, 3), _GRAY, np.float32)
    for rows, records in read_rows(file, header, element, name, chunk=_CHUNK, buffers=1):
        for axis, prop in enumerate("xyz"):
            means[rows, axis] = records[prop]
        for channel, prop in enumerate(colors or ()):
            shades[rows, channel] = records[prop] / steps
    if not np.abs(means).max() <= FARTHEST:
        raise FormatError(f"{name}: holds points that are NaN, infinite or beyond {FARTHEST:g} units.")
    count = len(means)
    quats = np.zeros((count, 4), np.float32)
    quats[:, 0] = 1
    sizes = _sizes(means)
    scales = np.repeat(sizes[:, None], 3, axis=1)
    sh = ((shades - np.float32(0.5)) / np.float32(SH_C0))[:, None]
    return checked_gaussians(name, means, quats, scales, np.ones(count, np.float32), sh, False)


def _sizes(means: np.ndarray) -> np.ndarray:  # [N]
    from scipy.spatial import cKDTree

    if len(means) == 1:
        return np.ones(1, np.float32)
    near = min(_NEIGHBORS, len(means) - 1)
    points = means.astype(np.float64)
    tree = cKDTree(points)
    distance = np.empty(len(points), np.float32)
    for start in range(0, len(points), _CHUNK):
        rows = slice(start, start + _CHUNK)
        distance[rows] = tree.query(points[rows], k=near + 1)[0][:, 1:].mean(axis=1)
    usual = float(np.median(distance[distance > 0])) if (distance > 0).any() else 1.0
    return distance.clip(_LEAST_OF_USUAL * usual, _MOST_OF_USUAL * usual) / 2
