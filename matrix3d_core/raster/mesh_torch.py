"""The reference mesh backend: plain torch, float64, every ray against every face of its neighborhood.

Slow and obvious: the other backends are tested against it. Rays are taken in small tiles; a face is
dropped for a tile only when its bounding cone and the tile's cannot meet. Coverage is inclusive on all
edges, with a tolerance of 1e-13 relative so that a ray through an edge finds one of its two faces.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ..geometry.spherical import erp_directions
from ..scene.mesh import Mesh
from .mesh_contract import MeshFrame, MeshHits, check_pose, check_size, shade_hits

__all__ = ["TorchMesh", "open_mesh"]

_TILE = 16  # rays per side of a tile of an image
_PAIRS = 2_000_000  # ray-face pairs looked at together; 16 float64 temporaries of this size live at once
_SLACK = 1e-13


class TorchMesh:
    """A mesh opened in the reference backend."""

    def __init__(self, mesh: Mesh) -> None:
        self._mesh = mesh
        self._vertices = mesh.vertices.to(torch.float64)
        self._faces = mesh.faces.long()

    def render(self, camera_from_world: Tensor, height: int, width: int) -> MeshFrame:
        """Draw an equirectangular frame; see `MeshRenderer.render`."""
        check_size(height, width)
        directions = erp_directions(height, width, dtype=torch.float64)
        return shade_hits(self._mesh, self.cast(camera_from_world, directions))

    def cast(self, camera_from_world: Tensor, directions: Tensor) -> MeshHits:
        """Follow rays; see `MeshRenderer.cast`."""
        pose = check_pose(camera_from_world)
        corners = (self._vertices @ pose[:3, :3].mT + pose[:3, 3])[self._faces]  # [M, 3, 3] camera frame
        axis, spread = _cones(corners)
        shape = directions.shape[:-1]
        rays = torch.nn.functional.normalize(directions.to(torch.float64).reshape(-1, 3), dim=-1)
        face = torch.full(rays.shape[:1], -1, dtype=torch.int32)
        weights = torch.zeros(rays.shape[0], 3, dtype=torch.float32)
        distance = torch.full(rays.shape[:1], torch.inf, dtype=torch.float32)
        for tile in _tiles(shape):
            near = _near_faces(rays[tile], axis, spread)
            for start in range(0, near.numel(), max(1, _PAIRS // tile.numel())):
                some = near[start : start + max(1, _PAIRS // tile.numel())]
                found, bary, how_far = _nearest(rays[tile], corners[some])
                better = how_far < distance[tile]
                rows = tile[better]
                face[rows] = some[found[better]].to(torch.int32)
                weights[rows] = bary[better].float()
                distance[rows] = how_far[better].float()
        return MeshHits(face.reshape(shape), weights.reshape(*shape, 3), distance.reshape(shape))


def _tiles(shape: torch.Size) -> list[Tensor]:
    """Split flat ray indices into square tiles of the last two axes (runs, for fewer axes)."""
    index = torch.arange(shape.numel())
    if index.numel() == 0:
        return []
    if len(shape) < 2:
        return list(index.split(_TILE * _TILE))
    images = index.reshape(-1, shape[-2], shape[-1])
    strips = [strip for image in images for strip in image.split(_TILE, dim=0)]
    return [tile.reshape(-1) for strip in strips for tile in strip.split(_TILE, dim=1)]


def _cones(corners: Tensor) -> tuple[Tensor, Tensor]:
    """Bound each face, as seen from the origin, by an axis ``[M, 3]`` and a half angle ``[M]``.

    A cap smaller than a hemisphere that holds the corners holds the whole face. Where no such cap
    exists (or the camera touches a corner) the half angle is pi.
    """
    unit = torch.nn.functional.normalize(corners, dim=-1)
    axis = torch.nn.functional.normalize(unit.sum(1), dim=-1)
    cosine = (unit * axis.unsqueeze(1)).sum(-1).amin(1)
    spread = torch.acos(cosine.clamp(-1, 1)) + 1e-6
    return axis, torch.where(cosine > 0.01, spread, torch.full_like(spread, torch.pi))


def _near_faces(rays: Tensor, axis: Tensor, spread: Tensor) -> Tensor:
    """Return the indices of the faces whose cone may meet the cone of the given unit rays."""
    middle = torch.nn.functional.normalize(rays.sum(0), dim=-1)
    reach = float(torch.acos((rays @ middle).amin().clamp(-1, 1))) + 1e-6
    if not bool(middle.norm() > 0.5):
        return torch.arange(axis.shape[0])
    apart = torch.acos((axis @ middle).clamp(-1, 1))
    return (apart <= spread + reach).nonzero().squeeze(-1)


def _nearest(rays: Tensor, corners: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return per ray the nearest of the faces, its weights and its distance (inf on a miss).

    The ray ``s d`` meets the face where ``s d = w0 a + w1 b + w2 c`` with weights that are not
    negative and sum to 1. By Cramer's rule ``w_i`` is proportional to ``d . (b x c)`` and so on.
    """
    if corners.shape[0] == 0:
        none = torch.zeros(rays.shape[0], dtype=torch.long)
        return none, torch.zeros_like(rays), torch.full(rays.shape[:1], torch.inf, dtype=rays.dtype)
    a, b, c = corners.unbind(1)
    sides = torch.stack((torch.linalg.cross(b, c), torch.linalg.cross(c, a), torch.linalg.cross(a, b)), dim=1)
    volume = (a * sides[:, 0]).sum(-1)  # [F]
    sides = sides * torch.sign(volume)[:, None, None]
    part = torch.einsum("rk,fsk->rfs", rays, sides)  # [R, F, 3], times d's share of each corner
    total = part.sum(-1)
    scale = sides.norm(dim=-1).amax(-1) * _SLACK
    inside = (part.amin(-1) >= -scale) & (total > 0) & (volume != 0)
    distance = torch.where(inside, volume.abs() / torch.where(inside, total, 1.0), torch.inf)
    best, face = distance.min(dim=1)
    picked = part.gather(1, face[:, None, None].expand(-1, 1, 3)).squeeze(1).clamp(min=0)
    weights = picked / picked.sum(-1, keepdim=True).clamp(min=1e-300)
    return face, weights, best


def open_mesh(mesh: Mesh) -> TorchMesh:
    """Open a mesh in the reference backend."""
    return TorchMesh(mesh)
