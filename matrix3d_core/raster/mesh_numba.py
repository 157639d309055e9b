"""The CPU mesh backend: a watertight z-buffer drawn straight into the panorama.

Per frame: vertices are moved to the camera once and given approximate pixel coordinates; faces, in pairs
and strips, are bounded by those of their corners, and those that hold no pixel center are dropped; then
bands of rows are drawn, each by one thread that owns its part of the z-buffer, and colored while still
in cache. Threads come from a pool of plain Python threads running kernels that release the GIL, so two
meshes may be drawn at once from different threads of a host (numba's own thread layers forbid that).
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from ..compiled import in_slices
from ..geometry.spherical import pixels_from_directions
from ..scene.mesh import Mesh
from .mesh_contract import MeshFrame, MeshHits, check_pose, check_size
from .mesh_numba_kernels import bound_pairs, draw_band, hit_rays, project_vertices

__all__ = ["NumbaMesh", "open_mesh", "pair_faces"]

_STRIP = 512  # pairs of faces bounded and skipped together


def pair_faces(faces: np.ndarray) -> tuple[np.ndarray, np.ndarray, int]:
    """Pair faces that share an edge the way grid meshes write them.

    A grid lists all first halves (a, b, c) of its cells, then, from some position on, all second halves
    (c, b, d) in the same order. Whatever does not fit that pattern stays alone.

    Returns:
        Corners ``[Q, 4]`` (a single face repeats its last), face numbers ``[Q, 2]`` (likewise), and the
        first pair that is a single face.
    """
    total = len(faces)
    partner = (faces[1:, :2] == faces[:1, [2, 1]]).all(1).nonzero()[0]
    shift = int(partner[0]) + 1 if len(partner) else total
    first = np.arange(min(shift, total - shift))
    first = first[(faces[first + shift, :2] == faces[first][:, [2, 1]]).all(1)]
    single = np.ones(total, np.bool_)
    single[first] = single[first + shift] = False
    rest = single.nonzero()[0]
    face_of = np.concatenate((np.stack((first, first + shift), 1), np.stack((rest, rest), 1)))
    pairs = np.concatenate((faces[face_of[:, 0]], faces[face_of[:, 1], 2:]), axis=1)
    return np.ascontiguousarray(pairs, np.int32), np.ascontiguousarray(face_of, np.int32), len(first)


class NumbaMesh:
    """A mesh opened in the CPU backend."""

    def __init__(self, mesh: Mesh) -> None:
        vertices = mesh.vertices.detach().cpu().float().numpy()
        self._vertices = np.ascontiguousarray(vertices.T)
        faces = np.ascontiguousarray(mesh.faces.cpu().numpy())
        pairs, self._face_of, self._alone = pair_faces(faces)
        self._pairs = pairs.view(np.uint32)  # unsigned, so that indexing need not look for negatives
        self._colors = np.ascontiguousarray(mesh.colors.detach().cpu().float().numpy())
        visible = mesh.is_visible.cpu().numpy()
        self._shown = visible[faces].all(-1).astype(np.uint8)[self._face_of]
        strips = -(-len(pairs) // _STRIP)
        self._projected = np.empty((len(vertices), 5), np.float32)
        self._box = np.empty((2 * len(pairs), 4), np.int32)
        self._count = np.zeros(strips, np.int32)
        self._reach = np.zeros((strips, 2), np.int32)
        self._per_size: dict[tuple[int, int], tuple[np.ndarray, ...]] = {}

    def render(self, camera_from_world: Tensor, height: int, width: int) -> MeshFrame:
        """Draw an equirectangular frame; see `MeshRenderer.render`."""
        check_size(height, width)
        # Pixel coordinates are float32 and good to 1e-6 rad.
        self._bound(camera_from_world, height, width, margin=width * 1e-6 + 1e-3)
        rgb = np.zeros((height, width, 3), np.float32)
        seen = np.zeros((height, width), np.bool_)
        depth = np.empty((height, width), np.float32)
        sin_column, cos_column, sin_row, cos_row, nearest, weights = self._tables(height, width)

        def draw(start: int, stop: int) -> None:
            draw_band(
                self._pairs,
                self._projected,
                self._colors,
                self._shown,
                self._box,
                self._count,
                self._reach,
                _STRIP,
                sin_column,
                cos_column,
                sin_row,
                cos_row,
                start,
                stop,
                nearest,
                weights,
                rgb,
                seen,
                depth,
            )

        in_slices(draw, height)
        return MeshFrame(torch.from_numpy(rgb), torch.from_numpy(seen), torch.from_numpy(depth))

    def cast(self, camera_from_world: Tensor, directions: Tensor) -> MeshHits:
        """Follow rays; see `MeshRenderer.cast`. Rays are sorted into cells, then faces meet cells."""
        shape = directions.shape[:-1]
        rays = torch.nn.functional.normalize(directions.to("cpu", torch.float64).reshape(-1, 3), dim=-1)
        height = min(1024, max(2, math.isqrt(max(1, rays.shape[0] // 2))))
        width = 2 * height
        columns, rows = pixels_from_directions(rays, height=height, width=width)
        cell = (rows + 0.5).floor().long().clamp(0, height - 1) * width
        cell += (columns + 0.5).floor().long() % width
        order = torch.argsort(cell)
        starts = torch.searchsorted(cell[order], torch.arange(height * width + 1)).numpy()
        sorted_rays = rays[order].contiguous().numpy()
        self._bound(camera_from_world, height, width, margin=0.5 + width * 1e-6 + 1e-3)
        face = np.full(len(sorted_rays), -1, np.int32)
        weights = np.zeros((len(sorted_rays), 3), np.float32)
        distance = np.full(len(sorted_rays), np.inf, np.float32)

        def hit(start: int, stop: int) -> None:
            hit_rays(
                self._pairs,
                self._face_of,
                self._projected,
                self._box,
                self._count,
                self._reach,
                _STRIP,
                starts,
                sorted_rays,
                height,
                width,
                start,
                stop,
                face,
                weights,
                distance,
            )

        in_slices(hit, height)
        back = torch.empty_like(order)
        back[order] = torch.arange(len(order))
        found = (torch.from_numpy(part)[back] for part in (face, weights, distance))
        return MeshHits(*(part.reshape(*shape, *part.shape[1:]) for part in found))

    def _bound(self, camera_from_world: Tensor, height: int, width: int, margin: float) -> None:
        """Fill the projected vertices and the faces' pixel ranges for a pose."""
        pose = check_pose(camera_from_world).numpy()

        def project(start: int, stop: int) -> None:
            project_vertices(
                self._vertices, pose, width / math.tau, height / math.pi, start, stop, self._projected
            )

        def bound(start: int, stop: int) -> None:
            bound_pairs(
                self._pairs,
                self._alone,
                self._projected,
                height,
                width,
                margin,
                _STRIP,
                start,
                stop,
                self._box,
                self._count,
                self._reach,
            )

        in_slices(project, self._vertices.shape[1], 1024)
        in_slices(bound, len(self._count))

    def _tables(self, height: int, width: int) -> tuple[np.ndarray, ...]:
        """Return what depends on the size only, kept for the last size.

        Sine and cosine of each column's azimuth, of each row's angle below the horizon, and working
        space for the nearest face and its weights.
        """
        if (height, width) not in self._per_size:
            azimuth = ((np.arange(width) + 0.5) / width - 0.5) * math.tau
            down = ((np.arange(height) + 0.5) / height - 0.5) * math.pi
            tables = (np.sin(azimuth), np.cos(azimuth), np.sin(down), np.cos(down))
            space = (np.empty((height, width), np.int32), np.empty((height, width, 2), np.float32))
            self._per_size = {(height, width): (*tables, *space)}
        return self._per_size[height, width]


def open_mesh(mesh: Mesh) -> NumbaMesh:
    """Open a mesh in the CPU backend; the kernels are compiled on first use and kept on disk."""
    return NumbaMesh(mesh)
