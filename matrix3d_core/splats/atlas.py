"""UV atlas: packs the triangles of a mesh into a square texture.

Connected triangles that face the same of the six axis directions make a chart, which is the projection along that
axis: no angle is worse than 55 degrees, so no triangle is shrunk to less than 0.58. Where a projection would overlap
itself, the occluded triangles get a chart of their own. Charts are packed into shelves at the largest scale that fits.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["Atlas", "cover_texels", "lay_out"]

GUTTER_PX = 2
"""Texels around each chart that repeat its border, for texture filtering."""
_ROUNDS = 4
_TILES = 8.0  # a chart is at most this part of the side of a square that could hold all
_SEARCH = 24
_NEAR = 2.5  # triangles this many edges apart in depth cover each other


@dataclass(frozen=True)
class Atlas:
    """The layout of the triangles in the texture.

    Attributes:
        corners_px: ``[M, 3, 2]`` float64 columns and rows of the triangles' corners; texel centers at half integers.
        chart: ``[M]`` int64, which chart a triangle is in.
        scale: texels per world unit.
        charts: how many there are.
    """

    corners_px: np.ndarray
    chart: np.ndarray
    scale: float
    charts: int


def lay_out(points: np.ndarray, faces: np.ndarray, size_px: int) -> Atlas:
    """Pack a mesh.

    Args:
        points: ``[N, 3]`` float64 vertices.
        faces: ``[M, 3]`` int64 triangles, at least one.
        size_px: side of the picture in texels.
    """
    corners = points[faces]  # [M, 3, 3]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    length = np.linalg.norm(normals, axis=1, keepdims=True)
    normals = normals / np.maximum(length, 1e-300)
    pairs = _neighbors(faces)
    side = _smooth(_sides(normals), normals, pairs)
    area = float((0.5 * length).sum())
    tile = max(area, 1e-300) ** 0.5 / _TILES
    layer = np.zeros(len(faces), np.int64)  # raised where a chart would cover itself
    edge = np.linalg.norm(corners - corners[:, (1, 2, 0)], axis=2).mean()
    for attempt in range(_ROUNDS):
        flat, depth = _project(corners, side)
        cell = np.floor(flat.mean(1) / tile).astype(np.int64)
        kind = _renumbered(np.column_stack((side, layer, cell)))
        chart = _pieces(kind, pairs)
        placed, scale = _pack(flat, chart, size_px)
        if attempt + 1 == _ROUNDS:
            break
        hidden = _covered(placed, depth, chart, size_px, _NEAR * edge)
        if not hidden.any():
            break
        layer[hidden] += 1
    return Atlas(placed, chart, scale, int(chart.max()) + 1)


def cover_texels(
    corners_px: np.ndarray, size_px: int, margin_px: float = 1e-9
) -> tuple[np.ndarray, np.ndarray]:
    """Return the triangle that covers each texel's center; of several, the first.

    Args:
        corners_px: ``[M, 3, 2]`` float64.
        size_px: side of the picture.
        margin_px: texel centers this far outside of a triangle belong to it as well, for seams.

    Returns:
        ``[S, S]`` int64 triangle, -1 where there is none, and ``[S, S, 2]`` float32: the shares of its second and
        third corner.
    """
    owner = np.full(size_px * size_px, -1, np.int64)
    share = np.zeros((size_px * size_px, 2), np.float32)
    low = np.floor(corners_px.min(1) - 0.5).astype(np.int64)
    high = np.ceil(corners_px.max(1) - 0.5).astype(np.int64)
    span = (high - low + 1).max(1)
    a, u, v = corners_px[:, 0], corners_px[:, 1] - corners_px[:, 0], corners_px[:, 2] - corners_px[:, 0]
    area = u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0]
    usable = np.abs(area) > 1e-12
    longest = np.maximum(np.linalg.norm(u, axis=1), np.linalg.norm(v, axis=1))
    slack = margin_px * longest / np.maximum(np.abs(area), 1e-12)
    least = 1
    while least <= size_px * 2:
        # Triangles of about one size together: each covers the same number of texels.
        group = np.nonzero(usable & (span <= 2 * least) & (span > (0 if least == 1 else least)))[0]
        for row in range(2 * least) if len(group) else ():
            for column in range(2 * least):
                x, y = low[group, 0] + column, low[group, 1] + row
                offset = np.column_stack((x + 0.5, y + 0.5)) - a[group]
                second = (offset[:, 0] * v[group, 1] - offset[:, 1] * v[group, 0]) / area[group]
                third = (u[group, 0] * offset[:, 1] - u[group, 1] * offset[:, 0]) / area[group]
                rim = -slack[group]
                inside = (second >= rim) & (third >= rim) & (second + third <= 1 - rim)
                inside &= (x >= 0) & (y >= 0) & (x < size_px) & (y < size_px)
                texel, face = (y * size_px + x)[inside], group[inside]
                free = (owner[texel] < 0) | (owner[texel] > face)
                texel, face = texel[free][::-1], face[free][::-1]  # the last write wins: the first triangle
                owner[texel] = face
                share[texel] = np.column_stack((second[inside][free], third[inside][free]))[::-1]
        least *= 2
    return owner.reshape(size_px, size_px), share.reshape(size_px, size_px, 2)


def _neighbors(faces: np.ndarray) -> np.ndarray:  # [P, 2]
    """Pairs of triangles that share an edge."""
    edges = np.sort(np.concatenate((faces[:, (0, 1)], faces[:, (1, 2)], faces[:, (2, 0)])), axis=1)
    owner = np.tile(np.arange(len(faces)), 3)
    key = edges[:, 0] * (faces.max() + 1) + edges[:, 1]
    order = np.argsort(key, kind="stable")
    same = np.nonzero(key[order][1:] == key[order][:-1])[0]
    return np.column_stack((owner[order[same]], owner[order[same + 1]]))


def _sides(normals: np.ndarray) -> np.ndarray:  # [M]: 2 * axis + (1 where the normal points backwards)
    axis = np.abs(normals).argmax(1)
    result: np.ndarray = 2 * axis + (normals[np.arange(len(axis)), axis] < 0)
    return result


def _smooth(side: np.ndarray, normals: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    """Assign triangles to the majority side of their neighbors, where that does not shrink them much."""
    along = np.stack((normals, -normals), 2).reshape(-1, 6)  # +x, -x, +y, -y, +z, -z
    for _ in range(_ROUNDS):
        votes = np.zeros((len(side), 6), np.int64)
        for here, there in (pairs.T, pairs.T[::-1]):
            np.add.at(votes, (here, side[there]), 1)
        wanted = votes.argmax(1)
        rows = np.arange(len(side))
        follow = (votes[rows, wanted] >= 2) & (along[rows, wanted] > 0.35)
        side = np.where(follow, wanted, side)
    return side


def _project(corners: np.ndarray, side: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return ``[M, 3, 2]`` coordinates in the plane that a triangle faces, and ``[M]`` its depth."""
    axis = side // 2
    rows = np.arange(len(side))[:, None]
    flat = np.stack(
        (
            corners[rows, (0, 1, 2), ((axis + 1) % 3)[:, None]],
            corners[rows, (0, 1, 2), ((axis + 2) % 3)[:, None]],
        ),
        -1,
    )
    flat[..., 0] *= np.where(side % 2, -1.0, 1.0)[:, None]  # not mirrored
    depth = corners.mean(1)[rows[:, 0], axis]
    return flat, depth


def _renumbered(rows: np.ndarray) -> np.ndarray:
    return np.unique(rows, axis=0, return_inverse=True)[1].reshape(-1)


def _pieces(kind: np.ndarray, pairs: np.ndarray) -> np.ndarray:  # [M]
    """Label the connected components of triangles of one kind."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    same = pairs[kind[pairs[:, 0]] == kind[pairs[:, 1]]]
    ones = np.ones(len(same), np.int8)
    graph = coo_matrix((ones, (same[:, 0], same[:, 1])), shape=(len(kind),) * 2)
    result: np.ndarray = connected_components(graph, directed=False)[1].astype(np.int64)
    return result


def _pack(flat: np.ndarray, chart: np.ndarray, size_px: int) -> tuple[np.ndarray, float]:
    """Place the charts on shelves at the largest scale that fits."""
    count = int(chart.max()) + 1
    low = np.full((count, 2), np.inf)
    high = np.full((count, 2), -np.inf)
    np.minimum.at(low, chart, flat.min(1))
    np.maximum.at(high, chart, flat.max(1))
    extent = high - low
    lies = extent[:, 0] < extent[:, 1]  # rotated, so that no chart is higher than wide
    extent = np.where(lies[:, None], extent[:, ::-1], extent)
    area = float(extent.prod(1).sum())
    best = (area + 1e-300) ** -0.5 * size_px
    small, large, place, scale = 0.0, 2 * best, None, 0.0
    for _ in range(_SEARCH):
        middle = (small + large) / 2
        tried = _shelves(extent * middle, size_px)
        if tried is None:
            large = middle
        else:
            small, place, scale = middle, tried, middle
    if place is None:  # more charts than texels: all of them on top of each other
        place = np.full((count, 2), float(GUTTER_PX))
    local = flat - low[chart][:, None]
    local = np.where(lies[chart][:, None, None], local[..., ::-1], local)
    return local * scale + place[chart][:, None], scale


def _shelves(extent: np.ndarray, size_px: int) -> np.ndarray | None:  # [C, 2]
    """Corner of each chart without its gutter, or None when they do not fit."""
    room = np.ceil(extent + 2 * GUTTER_PX + 1).astype(np.int64)
    if (room > size_px).any():
        return None
    place = np.empty((len(room), 2))
    x = y = height = 0
    for number in np.lexsort((np.arange(len(room)), -room[:, 0], -room[:, 1])).tolist():
        width, rows = room[number]
        if x + width > size_px:
            x, y, height = 0, y + height, 0
        if y + rows > size_px:
            return None
        height = max(height, int(rows))
        place[number] = x + GUTTER_PX + 0.5, y + GUTTER_PX + 0.5
        x += int(width)
    return place


def _covered(
    placed: np.ndarray, depth: np.ndarray, chart: np.ndarray, size_px: int, near: float
) -> np.ndarray:
    """Return which triangles overlap another one of their chart at another depth."""
    owner, _ = cover_texels(placed, size_px)
    middle = placed.mean(1)
    column, row = (np.clip(np.floor(middle[:, k]).astype(np.int64), 0, size_px - 1) for k in (0, 1))
    found = owner[row, column]
    other = np.where(found < 0, np.arange(len(found)), found)
    result: np.ndarray = (chart[other] == chart) & (np.abs(depth[other] - depth) > near)
    return result
