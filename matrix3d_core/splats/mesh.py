"""Mesh extraction: distances of the splats from many viewpoints, fused into a TSDF grid, and its zero surface.

From each viewpoint one panorama gives the distance in all directions. A voxel stores its truncated signed distance
in front of the surface; the mean over all viewpoints crosses zero on the surface. Unobserved cells have no
surface.

Source: B. Curless and M. Levoy, A Volumetric Method for Building Complex Models from Range Images, 1996;
S. Gibson, Constrained Elastic Surface Nets, 1998; P. Lindstrom, Out-of-Core Simplification of Large Polygonal
Models, 2000 (clusters with quadrics).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypedDict

import numpy as np
import torch
from torch import Tensor

from ..errors import InvalidInput
from ..geometry.spherical import erp_directions, pixels_from_directions
from ..light.irradiance import linear_from_srgb
from ..progress import ProgressEvent, ProgressFn, attentive, no_progress
from ..raster.splat import SPLAT_BACKENDS, render_gaussians_panorama
from ..scene.gaussians import Gaussians
from ..scene.mesh import Mesh
from ..scene.trajectory import Trajectory
from .clean import valid_mask
from .evaluation_views import spread_places

__all__ = [
    "MeshConfig",
    "MeshReport",
    "decimate",
    "for_gltf",
    "fuse_distances",
    "mesh_from_gaussians",
    "surface_nets",
]

_CHUNK = 1 << 20
_MAX_VOXELS = 1 << 26
_SIDE = 1 << 13  # more cells than `decimate` uses along any edge
_AGREE = 0.05
"""Expected and median distance differ by less than this share where a pixel shows one surface."""


@dataclass(frozen=True)
class MeshConfig:
    """Settings of `mesh_from_gaussians`.

    Attributes:
        resolution: voxels along the longest edge of what is covered, 8 to 1024.
        max_depth: maximum distance of the mesh from the path, world units; 0 is three times the median distance.
        views: panoramas taken along the path.
        rows: rows of a panorama.
        truncation: voxels on either side of a surface.
        min_faces: pieces with fewer triangles are left out.
        backend: splat backend.
    """

    resolution: int = 192
    max_depth: float = 0.0
    views: int = 12
    rows: int = 384
    truncation: float = 4.0
    min_faces: int = 100
    backend: str = "auto"

    def __post_init__(self) -> None:
        if not 8 <= self.resolution <= 1024:
            raise InvalidInput(f"resolution must lie between 8 and 1024; got {self.resolution}.")
        if not 0 <= self.max_depth < math.inf:
            raise InvalidInput(f"max_depth must be 0 (automatic) or more; got {self.max_depth}.")
        if self.views < 1 or self.rows < 16:
            raise InvalidInput(f"there must be at least 1 view of 16 rows; got {self.views} of {self.rows}.")
        if not 1 <= self.truncation <= 32:
            raise InvalidInput(f"truncation must lie between 1 and 32 voxels; got {self.truncation}.")


@dataclass(frozen=True)
class Sight:
    """What is seen from one viewpoint: ``depth_ray [H, W]`` (0 where nothing is known), ``rgb``, ``center [3]``."""

    depth_ray: Tensor
    rgb: Tensor
    center: Tensor


class MeshReport(TypedDict):
    """The report of `mesh_from_gaussians`: ``tolerance`` is the error bound of the surface, world units."""

    vertices: int
    faces: int
    voxel: float
    max_depth: float
    grid: list[int]
    tolerance: float
    bounds: list[list[float]]
    views: int
    backend: str


@attentive
def mesh_from_gaussians(
    gaussians: Gaussians,
    *,
    trajectory: Trajectory | None = None,
    config: MeshConfig | None = None,
    progress: ProgressFn = no_progress,
) -> tuple[Mesh, MeshReport]:
    """Extract a mesh with a color per vertex, its faces counter-clockwise seen from the path.

    Args:
        gaussians: the world, on the CPU.
        trajectory: viewpoints; None is around the origin.
        config: settings; None for the defaults.
        progress: called between panoramas.

    Returns:
        The mesh, in the world's frame, and a report: voxel size, bounds, counts, and ``tolerance``, the error
        bound of the surface, world units.

    Raises:
        InvalidInput: for Gaussians with NaN, or when no surface is found.
    """
    config = config or MeshConfig()
    if not len(gaussians):
        raise InvalidInput("the world must hold at least 1 splat; got none.")
    broken = int((~valid_mask(gaussians)).sum())
    if broken:
        raise InvalidInput(f"splats must be finite; {broken} are not. Clean them first (Clean Splats).")
    places = spread_places(gaussians, trajectory, config.views)
    backend, _ = SPLAT_BACKENDS.load(config.backend, needs={"panorama", "median"})
    sights: list[Sight] = []
    for number, place in enumerate(places):
        preview = sights[-1].rgb if sights else None
        progress(
            ProgressEvent(number, 2 * len(places), f"render panorama {number + 1} of {len(places)}", preview)
        )
        sights.append(_sight(gaussians, place, config.rows, backend))
    max_depth = config.max_depth or 3 * _median_distance(sights)
    low, high = _covered(sights, places, max_depth)
    voxel = float((high - low).amax()) / config.resolution
    shape = tuple(int(n) for n in ((high - low) / voxel).ceil().clamp_min(2).tolist())
    if math.prod(shape) > _MAX_VOXELS:
        raise InvalidInput(
            f"the grid must have at most {_MAX_VOXELS} voxels; got {'x'.join(map(str, shape))}. Lower the resolution."
        )

    def step(number: int) -> None:
        progress(ProgressEvent(len(places) + number, 2 * len(places), f"fuse {number + 1} of {len(places)}"))

    field, seen = fuse_distances(sights, low, voxel, shape, truncation=config.truncation * voxel, report=step)
    progress(ProgressEvent(2 * len(places), 2 * len(places), "extract the surface"))
    vertices, faces = surface_nets(field, seen)
    faces = _large_pieces(faces, len(vertices), config.min_faces)
    if not len(faces):
        raise InvalidInput(
            "the splats must show a surface; none was found. Raise max_depth or the resolution, or lower min_faces."
        )
    vertices, faces = _compact(vertices, faces)
    points = torch.from_numpy(vertices).double() * voxel + low + voxel / 2
    progress(ProgressEvent(2 * len(places), 2 * len(places), "color the surface"))
    colors = _colors(points, sights, config.truncation * voxel)
    mesh = Mesh(
        points.float(), torch.from_numpy(faces).int(), colors, torch.ones(len(points), dtype=torch.bool)
    )
    report: MeshReport = {
        "vertices": len(points),
        "faces": len(faces),
        "voxel": voxel,
        "max_depth": max_depth,
        "grid": list(shape),
        "tolerance": config.truncation * voxel,
        "bounds": [low.tolist(), high.tolist()],
        "views": len(places),
        "backend": backend,
    }
    return mesh, report


def _sight(gaussians: Gaussians, place: Tensor, rows: int, backend: str) -> Sight:
    pose = torch.eye(4, dtype=torch.float64)
    pose[:3, 3] = -place
    with torch.no_grad():
        seen = render_gaussians_panorama(gaussians, pose, rows, 2 * rows, backend=backend, median_depth=True)
    middle = seen.median_ray
    assert middle is not None
    is_one = (seen.alpha > 0.5) & ((seen.depth_ray / middle - 1).abs() < _AGREE)
    depth = torch.where(is_one & torch.isfinite(middle), seen.depth_ray, 0.0)
    color = seen.rgb / seen.alpha.clamp_min(1e-3).unsqueeze(-1)
    return Sight(depth.cpu(), color.clamp(0, 1).cpu(), place)


def _median_distance(sights: Sequence[Sight]) -> float:
    known = torch.cat([s.depth_ray[s.depth_ray > 0][::16] for s in sights])
    if not len(known):
        raise InvalidInput(
            "the splats must be visible from the path; none are. Connect the path of this world."
        )
    return float(known.median())


def _covered(sights: Sequence[Sight], places: Tensor, max_depth: float) -> tuple[Tensor, Tensor]:
    """Bounds of what is seen within reach of the path, with a margin."""
    points = []
    for sight in sights:
        directions = erp_directions(*sight.depth_ray.shape, dtype=torch.float64)
        near = (sight.depth_ray > 0) & (sight.depth_ray <= max_depth)
        points.append(sight.center + directions[near] * sight.depth_ray[near].double()[:, None])
    seen = torch.cat(points)
    if not len(seen):
        raise InvalidInput(
            f"surfaces must be within reach of the path; none are within {max_depth:g}. Raise it."
        )
    low, high = torch.minimum(seen.amin(0), places.amin(0)), torch.maximum(seen.amax(0), places.amax(0))
    margin = 0.02 * float((high - low).amax())
    return low - margin, high + margin


def fuse_distances(
    sights: Sequence[Sight],
    low: Tensor,  # [3]
    voxel: float,
    shape: tuple[int, ...],
    *,
    truncation: float,
    report: Callable[[int], None] = lambda _: None,
) -> tuple[np.ndarray, np.ndarray]:
    """Fuse panoramas of distances into a grid.

    Args:
        sights: the panorama of each viewpoint.
        low: corner of the grid; voxel ``(i, j, k)`` has its center at ``low + (i + 1/2, ...) * voxel``.
        voxel: edge of a voxel.
        shape: voxels along x, y, z.
        truncation: distance at which the value saturates, world units.
        report: called with the number of each panorama before it is fused.

    Returns:
        ``[X, Y, Z]`` float32 in [-1, 1], positive in front of surfaces, and ``[X, Y, Z]`` bool, True where
        any viewpoint observed it.
    """
    count = math.prod(shape)
    value, weight = torch.zeros(count), torch.zeros(count)
    for number, sight in enumerate(sights):
        report(number)
        depth = sight.depth_ray.double()
        for first in range(0, count, _CHUNK):
            index = torch.arange(first, min(first + _CHUNK, count))
            cell = torch.stack(
                (index // (shape[1] * shape[2]), index // shape[2] % shape[1], index % shape[2]), dim=-1
            )
            offset = low + (cell.double() + 0.5) * voxel - sight.center
            distance = offset.norm(dim=-1)
            there = _sample(depth, offset)
            gap = there - distance
            knows = (there > 0) & (gap > -truncation)
            share = torch.where(knows, 1 / (distance + voxel).square(), 0.0).float()
            part = slice(first, first + len(index))
            value[part] += share * (gap / truncation).clamp(-1, 1).float()
            weight[part] += share
    seen = weight > 0
    field = torch.where(seen, value / weight.clamp_min(1e-30), 1.0)
    return field.reshape(shape).numpy(), seen.reshape(shape).numpy()


def _sample(depth: Tensor, offset: Tensor) -> Tensor:  # [H, W], [N, 3] -> [N]
    """Distance along directions: bilinear where the four pixels around show one surface, else the nearest."""
    height, width = depth.shape
    u, v = pixels_from_directions(offset, height=height, width=width)
    column, row = u.floor().long(), v.floor().long()
    a, b = u - column, v - row
    top, bottom = row.clamp(0, height - 1), (row + 1).clamp(0, height - 1)
    left, right = column % width, (column + 1) % width
    corners = torch.stack((depth[top, left], depth[top, right], depth[bottom, left], depth[bottom, right]))
    shares = torch.stack(((1 - a) * (1 - b), a * (1 - b), (1 - a) * b, a * b))
    is_one = (corners.amin(0) > 0) & (corners.amax(0) < 1.1 * corners.amin(0))
    nearest = corners.gather(0, shares.argmax(0)[None])[0]
    return torch.where(is_one, (shares * corners).sum(0), nearest)


def surface_nets(field: np.ndarray, seen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Extract the zero surface of a grid: one vertex per cell that it passes, one quad per edge that it crosses.

    Args:
        field: ``[X, Y, Z]`` values at the voxel centers, positive outside.
        seen: ``[X, Y, Z]`` bool; a cell with an unseen corner carries no surface.

    Returns:
        ``[N, 3]`` float64 vertices in voxel indices, and ``[M, 3]`` int64 triangles, counter-clockwise seen
        from where the field is positive.
    """
    outside = field > 0
    corners = [(i, j, k) for i in (0, 1) for j in (0, 1) for k in (0, 1)]
    size = tuple(n - 1 for n in field.shape)

    def at(values: np.ndarray, corner: tuple[int, int, int]) -> np.ndarray:
        return values[tuple(slice(c, c + n) for c, n in zip(corner, size, strict=True))]

    known, some, every = np.ones(size, bool), np.zeros(size, bool), np.ones(size, bool)
    for corner in corners:
        known &= at(seen, corner)
        some |= at(outside, corner)
        every &= at(outside, corner)
    active = known & some & ~every
    cells = np.argwhere(active)
    if not len(cells):
        return np.empty((0, 3)), np.empty((0, 3), np.int64)
    number = np.full(size, -1, np.int64)
    number[active] = np.arange(len(cells))

    values = {c: field[tuple((cells + c).T)].astype(np.float64) for c in corners}
    total, crossings = np.zeros((len(cells), 3)), np.zeros(len(cells))
    for start in corners:
        for axis in range(3):
            if start[axis] == 0:
                end = (start[0] + (axis == 0), start[1] + (axis == 1), start[2] + (axis == 2))
                a, b = values[start], values[end]
                cut = (a > 0) != (b > 0)
                share = np.where(cut, a / np.where(cut, a - b, 1.0), 0.0)
                point = np.tile(np.array(start, np.float64), (len(cells), 1))
                point[:, axis] = share
                total += np.where(cut[:, None], point, 0.0)
                crossings += cut
    vertices = cells + total / crossings[:, None]

    faces = []
    for axis in range(3):
        u, v = (axis + 1) % 3, (axis + 2) % 3
        first, second = outside.take(range(size[axis]), axis), outside.take(range(1, size[axis] + 1), axis)
        edges = np.argwhere(first != second)
        inner = (edges[:, u] > 0) & (edges[:, v] > 0) & (edges[:, u] < size[u]) & (edges[:, v] < size[v])
        edges = edges[inner]
        ring = []
        for du, dv in ((1, 1), (0, 1), (0, 0), (1, 0)):  # counter-clockwise about the axis
            cell = edges.copy()
            cell[:, u] -= 1 - du
            cell[:, v] -= 1 - dv
            ring.append(number[tuple(cell.T)])
        quad = np.stack(ring, 1)
        whole = (quad >= 0).all(1)
        quad, rises = quad[whole], ~first[tuple(edges[whole].T)]  # rises: the outside lies towards +axis
        quad = np.where(rises[:, None], quad, quad[:, ::-1])
        faces += [quad[:, (0, 1, 2)], quad[:, (0, 2, 3)]]
    return vertices, np.concatenate(faces)


def _large_pieces(faces: np.ndarray, vertices: int, least: int) -> np.ndarray:
    if not len(faces) or least <= 1:
        return faces
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    pairs = np.concatenate((faces[:, :2], faces[:, 1:]))
    graph = coo_matrix((np.ones(len(pairs), np.int8), (pairs[:, 0], pairs[:, 1])), shape=(vertices, vertices))
    _, label = connected_components(graph, directed=False)
    sizes = np.bincount(label[faces[:, 0]], minlength=label.max() + 1)
    result: np.ndarray = faces[sizes[label[faces[:, 0]]] >= least]
    return result


def _compact(vertices: np.ndarray, faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    used, renamed = np.unique(faces, return_inverse=True)
    return vertices[used], renamed.reshape(faces.shape)


def _colors(points: Tensor, sights: Sequence[Sight], tolerance: float) -> Tensor:  # [N, 3]
    """Mean color of each point over the viewpoints that see it, near ones first."""
    total, weight = torch.zeros(len(points), 3), torch.full((len(points), 1), 1e-12)
    for sight in sights:
        offset = points - sight.center
        distance = offset.norm(dim=-1)
        height, width = sight.depth_ray.shape
        u, v = pixels_from_directions(offset, height=height, width=width)
        row, column = v.round().long().clamp(0, height - 1), u.round().long() % width
        gap = (sight.depth_ray[row, column].double() - distance).abs()
        share = torch.exp(-((gap / tolerance) ** 2)) / distance.square().clamp_min(1e-9)
        share = (share + 1e-9).float()[:, None]
        total += share * sight.rgb[row, column]
        weight += share
    return (total / weight).clamp(0, 1)


@attentive
def decimate(mesh: Mesh, faces: int, *, progress: ProgressFn = no_progress) -> Mesh:
    """Coarsen a mesh to at most ``faces`` triangles, as for a collider.

    Vertices in one cell of a grid become one, at the position closest to the planes of their
    triangles. Colors are averaged.

    Args:
        mesh: the mesh; returned as it is when it is small enough.
        faces: at least 4.
        progress: called before the work.

    Raises:
        InvalidInput: for fewer than 4.
    """
    if faces < 4:
        raise InvalidInput(f"the number of faces must be at least 4; got {faces}.")
    if len(mesh.faces) <= faces:
        return mesh
    progress(ProgressEvent(0, 1, "decimate the mesh"))
    points = mesh.vertices.double()
    corners = mesh.faces.long()
    low, size = points.amin(0), float((points.amax(0) - points.amin(0)).amax())
    fine, coarse = size / 4096, size
    for _ in range(18):
        middle = math.sqrt(fine * coarse)
        if len(_kept(_clusters(points, low, middle), corners)) > faces:
            fine = middle
        else:
            coarse = middle
    cluster = _clusters(points, low, coarse)
    groups = int(cluster.max()) + 1
    counts = torch.zeros(groups, dtype=torch.float64).index_add_(0, cluster, torch.ones(len(points)).double())
    center = torch.zeros(groups, 3, dtype=torch.float64).index_add_(0, cluster, points) / counts[:, None]
    colors = torch.zeros(groups, 3).index_add_(0, cluster, mesh.colors) / counts[:, None].float()
    a, b, c = (points[corners[:, k]] for k in range(3))
    normal = torch.linalg.cross(b - a, c - a)
    area = normal.norm(dim=-1, keepdim=True).clamp_min(1e-30)
    unit = normal / area
    matrix, vector = (
        torch.zeros(groups, 3, 3, dtype=torch.float64),
        torch.zeros(groups, 3, dtype=torch.float64),
    )
    for k in range(3):
        where = cluster[corners[:, k]]
        height = (unit * (a - center[where])).sum(-1, keepdim=True)
        matrix.index_add_(0, where, (unit * area).unsqueeze(-1) * unit.unsqueeze(-2))
        vector.index_add_(0, where, unit * area * height)
    move = (torch.linalg.pinv(matrix, rtol=0.1, hermitian=True) @ vector.unsqueeze(-1)).squeeze(-1)
    move = move.clamp(-coarse / 2, coarse / 2)
    kept = _kept(cluster, corners).numpy()
    used, renamed = np.unique(kept, return_inverse=True)
    index = torch.from_numpy(used)
    return Mesh(
        (center + move)[index].float(),
        torch.from_numpy(renamed.reshape(kept.shape)).int(),
        colors[index].clamp(0, 1),
        torch.ones(len(used), dtype=torch.bool),
    )


def _clusters(points: Tensor, low: Tensor, edge: float) -> Tensor:  # [N]
    cell = ((points - low) / edge).floor().long()
    key = (cell[:, 0] * _SIDE + cell[:, 1]) * _SIDE + cell[:, 2]
    result: Tensor = torch.unique(key, return_inverse=True)[1]
    return result


def _kept(cluster: Tensor, corners: Tensor) -> Tensor:  # [M', 3]
    """Triangles with three different clusters, each once."""
    face = cluster[corners]
    face = face[(face[:, 0] != face[:, 1]) & (face[:, 1] != face[:, 2]) & (face[:, 0] != face[:, 2])]
    first = face.argmin(1, keepdim=True)
    face = face.gather(1, (first + torch.arange(3)) % 3)  # the same orientation, smallest index first
    groups = int(cluster.max()) + 1
    if groups**3 >= 1 << 63:
        result: Tensor = torch.unique(face, dim=0)
        return result
    key = torch.unique((face[:, 0] * groups + face[:, 1]) * groups + face[:, 2])
    return torch.stack((key // (groups * groups), key // groups % groups, key % groups), dim=-1)


def for_gltf(mesh: Mesh) -> Mesh:
    """Write a mesh in glTF's axes (y up) and with linear colors, as its files hold them. Textures stay as they are."""
    flipped = mesh.vertices * torch.tensor((1.0, -1.0, -1.0))
    return replace(mesh, vertices=flipped, colors=linear_from_srgb(mesh.colors))
