"""The scene mesh: one vertex per panorama pixel, invisible at depth discontinuities."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ..checks import check_shape
from ..errors import InvalidInput
from ..geometry.spherical import erp_directions
from ..scene.mesh import Mesh
from ..scene.panorama import PanoramaGeometry

__all__ = [
    "EDGE_THRESHOLD",
    "STATED_ROWS",
    "depth_edges",
    "depth_jumps",
    "grid_faces",
    "mesh_from_panorama",
    "resample_geometry",
]

EDGE_THRESHOLD = 0.05
"""Relative jump of distance between neighbors that is an edge, in a panorama of 1024 rows (Matrix-3D's value)."""

STATED_ROWS = 1024
"""Rows of the panorama for which thresholds of depth edges are stated."""
_SAME_SURFACE = 1.05  # pixels whose distances differ by no more than this factor are averaged together
_MOST_TAPS = 8  # samples per axis below one vertex; 16384 columns to 2048 takes them all


def mesh_from_panorama(
    geometry: PanoramaGeometry,
    *,
    height: int,
    edge_threshold: float = EDGE_THRESHOLD,
    close_poles: bool = False,
    wrap_edges: bool = False,
    grazing: bool = False,
) -> Mesh:
    """Build the scene mesh of a panorama, resampled to ``height x 2 height`` vertices.

    Vertices are row-major, at the pixel centers' rays times their distance, in the panorama's frame.
    Faces, for rows ``r`` of ``0..H-2`` and all columns ``c`` with wrap: first all
    ``(r,c) (r+1,c) (r,c+1)``, then all ``(r,c+1) (r+1,c) (r+1,c+1)``. Vertices at a depth edge (see
    `depth_edges`) are black and not visible.

    Args:
        geometry: the panorama.
        height: rows of vertices, at least 2. The panorama's own height means no resampling.
        edge_threshold: a vertex whose 3x3 distances vary by more than this fraction is an edge, as stated for
            1024 rows: neighbors of a coarser mesh are farther apart, so the bound grows with ``1024 / height``
            and the same surfaces stay whole at every size.
        close_poles: add one vertex and a fan of faces at each pole, upper then lower, so that the mesh
            is closed. The new vertex lies in the middle of the outermost row; it is visible unless that
            row itself holds a jump.
        wrap_edges: look for depth edges across the panorama's border too. Upstream does not.
        grazing: keep surfaces seen at a grazing angle whole: cut at `depth_jumps` instead of `depth_edges`;
            ``edge_threshold`` and ``wrap_edges`` do not matter then.

    Returns:
        ``H * W`` vertices (plus 2) and ``2 (H - 1) W`` faces (plus ``2 W``).

    Raises:
        InvalidInput: for a height below 2 or a threshold that is not positive.

    Source: Matrix-3D (arXiv 2508.08086), mesh of the condition renders.
    """
    if height < 2:
        raise InvalidInput(f"height must be at least 2 rows of vertices; got {height}.")
    if not edge_threshold > 0:
        raise InvalidInput(f"edge_threshold must be positive; got {edge_threshold}.")
    rgb, depth_ray = resample_geometry(geometry, height)
    threshold = edge_threshold * STATED_ROWS / height
    is_visible = ~(depth_jumps(depth_ray) if grazing else depth_edges(depth_ray, threshold, wrap=wrap_edges))
    colors = rgb * is_visible.unsqueeze(-1)
    positions = (erp_directions(height, 2 * height, dtype=torch.float64) * depth_ray.unsqueeze(-1)).float()
    faces = grid_faces(height, 2 * height)
    flat = [positions.reshape(-1, 3), colors.reshape(-1, 3), is_visible.reshape(-1)]
    if close_poles:
        caps = [
            _pole(positions[row], rgb[row], depth_ray[row], is_visible[row], threshold) for row in (0, -1)
        ]
        flat = [torch.cat((part, *(cap[k] for cap in caps))) for k, part in enumerate(flat)]
        faces = torch.cat((faces, _fans(height, 2 * height)))
    return Mesh(flat[0], faces, flat[1], flat[2])


def depth_edges(depth_ray: Tensor, threshold: float, *, wrap: bool = False) -> Tensor:  # [H, W] -> [H, W]
    """Mark pixels where the 3x3 maximum minus minimum exceeds ``threshold`` times the distance.

    Rows beyond the image do not count. Columns beyond it do only with ``wrap``.
    """
    check_shape("depth_ray", depth_ray, "H W")
    padded = depth_ray[None, None]
    if wrap:
        padded = torch.cat((padded[..., -1:], padded, padded[..., :1]), dim=-1)

    def highest(values: Tensor) -> Tensor:  # max_pool2d pads with -inf
        pooled = torch.nn.functional.max_pool2d(values, 3, stride=1, padding=1)[0, 0]
        return pooled[:, 1:-1] if wrap else pooled

    return (highest(padded) + highest(-padded)) / depth_ray > threshold


def depth_jumps(depth_ray: Tensor, threshold: float = 0.05) -> Tensor:  # [H, W] -> [H, W]
    """Mark pixels of a panorama where the inverse distance bends by more than ``threshold`` of itself.

    On a plane inverse distance is linear in the ray, so that ground seen at a grazing angle is no edge, however fast
    its distance grows from row to row.
    """
    check_shape("depth_ray", depth_ray, "H W")
    near = 1 / depth_ray.double()
    found = torch.zeros_like(depth_ray, dtype=torch.bool)
    around = torch.cat((near[:, -1:], near, near[:, :1]), 1)
    tall = torch.cat((near[:1], near, near[-1:]))
    for before, after in ((around[:, :-2], around[:, 2:]), (tall[:-2], tall[2:])):
        bend = (before - 2 * near + after).abs()
        found |= bend > threshold * torch.maximum(torch.maximum(before, after), near)
    return found


def grid_faces(height: int, width: int) -> Tensor:  # [2 (H - 1) W, 3] int32
    """Return the faces of a row-major grid that wraps around, all first halves before all second ones."""
    index = torch.arange(height * width, dtype=torch.int32).reshape(height, width)
    right = index.roll(-1, dims=1)
    first = torch.stack((index[:-1], index[1:], right[:-1]), dim=-1)
    second = torch.stack((right[:-1], index[1:], right[1:]), dim=-1)
    return torch.cat((first.reshape(-1, 3), second.reshape(-1, 3)))


def _fans(height: int, width: int) -> Tensor:  # [2 W, 3] int32
    """Return the faces that join the outermost rows to two vertices appended after the grid."""
    column = torch.arange(width, dtype=torch.int32)
    right = column.roll(-1)
    top, low = height * width, (height - 1) * width
    upper = torch.stack((torch.full_like(column, top), column, right), dim=-1)
    lower = torch.stack((torch.full_like(column, top + 1), low + right, low + column), dim=-1)
    return torch.cat((upper, lower))


def _pole(
    positions: Tensor, rgb: Tensor, depth_ray: Tensor, is_visible: Tensor, threshold: float
) -> tuple[Tensor, Tensor, Tensor]:
    """Return position, color and visibility of the vertex that closes one outermost row."""
    spread = (depth_ray.amax() - depth_ray.amin()) / depth_ray.mean()
    seen = (is_visible.any() & (spread <= threshold)).reshape(1)
    chosen = is_visible if bool(seen) else torch.ones_like(is_visible)
    # The middle of a ring that lies in a plane (a ceiling, the ground) lies in that plane too.
    middle = positions.double().mean(0, keepdim=True).float()
    return middle, rgb[chosen].mean(0, keepdim=True) * seen, seen


def resample_geometry(geometry: PanoramaGeometry, height: int) -> tuple[Tensor, Tensor]:
    """Return ``[h, 2h, 3]`` colors and ``[h, 2h]`` ray distances of a panorama at another size.

    The source pixel below each new center decides which surface the new pixel shows. Color and
    inverse distance are averaged over the source pixels under the new one (bilinearly when enlarging),
    counting only those of that same surface: sky or not sky alike, and distances within 5 %. So no
    value mixes two surfaces, and a plane stays a plane (its inverse distance is linear).
    """
    if height == geometry.height:
        return geometry.rgb, geometry.depth_ray
    rows, row_weights, middle_row = _taps(geometry.height, height, wrap=False)
    columns, column_weights, middle_column = _taps(geometry.width, 2 * height, wrap=True)
    anchor = geometry.depth_ray[middle_row][:, middle_column]
    anchor_sky = geometry.is_sky[middle_row][:, middle_column]
    # The anchor has a tiny weight, so that the sum is never empty.
    total = torch.full_like(anchor, 1e-6)
    color = geometry.rgb[middle_row][:, middle_column] * 1e-6
    inverse = 1e-6 / anchor
    for i in range(rows.shape[1]):
        for j in range(columns.shape[1]):
            r, c = rows[:, i, None], columns[None, :, j]
            depth = geometry.depth_ray[r, c]
            same = (depth <= anchor * _SAME_SURFACE) & (anchor <= depth * _SAME_SURFACE)
            same &= geometry.is_sky[r, c] == anchor_sky
            weight = same * (row_weights[:, i, None] * column_weights[None, :, j])
            total += weight
            color += weight.unsqueeze(-1) * geometry.rgb[r, c]
            inverse += weight / depth
    return color / total.unsqueeze(-1), total / inverse


def _taps(source: int, target: int, *, wrap: bool) -> tuple[Tensor, Tensor, Tensor]:
    """Return, per target pixel of one axis, sources and weights ``[n, k]``, and the middle source."""
    step = source / target
    start = torch.arange(target, dtype=torch.float64) * step
    if step > 1:
        count = min(_MOST_TAPS, math.ceil(step))
        index = torch.floor(start[:, None] + (torch.arange(count) + 0.5) / count * step).long()
        weight = torch.full_like(index, 1.0 / count, dtype=torch.float32)
    else:
        position = start + 0.5 * step - 0.5
        first = torch.floor(position)
        share = (position - first).float()
        index = torch.stack((first.long(), first.long() + 1), dim=1)
        weight = torch.stack((1 - share, share), dim=1)
    index = index % source if wrap else index.clamp(0, source - 1)
    middle = torch.floor(start + 0.5 * step).long().clamp(0, source - 1)
    return index, weight, middle
