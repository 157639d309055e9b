"""Pinhole rasterizing on CUDA by nvdiffrast, when the user has installed it: six padded faces, one panorama.

Each face sees a little more than 90 degrees, so every panorama ray lies well inside the face it is
looked up in and no lookup crosses from one face to the next: there are no seams. Lookups keep
visibility and distance from the nearest texel, and interpolate color within what is visible.
nvdiffrast comes under Nvidia's own source license and is never installed by this pack.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ..errors import BackendUnavailable
from ..geometry.cubemap import cubemap_rotations
from ..geometry.spherical import erp_directions
from ..scene.mesh import Mesh
from .mesh_contract import MeshFrame, MeshHits, check_pose, check_size

__all__ = ["NvdiffrastMesh", "face_size", "lookup_faces", "open_mesh", "projection"]

_PADDING_PX = 4  # texels around the 90-degree square
_NEAR, _FAR = 1e-3, 1e6


def face_size(height: int) -> int:
    """Return the texels along a 90-degree face that match a panorama's resolution, a multiple of 8."""
    return -(-height * 2 // 3 // 8) * 8  # a face's center has height / pi texels per radian times its tangent


def projection(size: int) -> Tensor:  # [4, 4]
    """Return the clip matrix of a padded face: 90 degrees plus `_PADDING_PX` on each side.

    Camera axes are OpenCV's; nvdiffrast's first row is at clip y = -1, so y needs no flip.
    """
    scale = 0.5 * size / (0.5 * size + _PADDING_PX)
    depth, shift = (_FAR + _NEAR) / (_FAR - _NEAR), -2 * _FAR * _NEAR / (_FAR - _NEAR)
    return torch.tensor([[scale, 0, 0, 0], [0, scale, 0, 0], [0, 0, depth, shift], [0, 0, 1, 0]])


def lookup_faces(faces: Tensor, height: int, width: int) -> MeshFrame:  # [6, S, S, 5]
    """Assemble a panorama from padded faces that hold color, visibility and ray distance (0 = miss)."""
    padded = faces.shape[1]
    size = padded - 2 * _PADDING_PX
    directions = erp_directions(height, width, dtype=torch.float64).to(faces.device)
    rotations = cubemap_rotations().to(faces.device)
    local = torch.einsum("fij,hwj->fhwi", rotations, directions)
    which = local[..., 2].argmax(0, keepdim=True)
    x, y, z = local.gather(0, which[..., None].expand(-1, -1, -1, 3))[0].unbind(-1)
    column = (0.5 * x / z + 0.5) * size + _PADDING_PX - 0.5
    row = (0.5 * y / z + 0.5) * size + _PADDING_PX - 0.5
    face = which[0]
    nearest = faces[face, row.round().long(), column.round().long()]
    is_seen = nearest[..., 3] > 0.5
    row0, column0 = row.floor().long(), column.floor().long()
    down, across = (row - row0).float(), (column - column0).float()
    color = torch.zeros_like(nearest[..., :3])
    total = torch.zeros_like(nearest[..., :1])
    for r, c, weight in (
        (row0, column0, (1 - down) * (1 - across)),
        (row0, column0 + 1, (1 - down) * across),
        (row0 + 1, column0, down * (1 - across)),
        (row0 + 1, column0 + 1, down * across),
    ):
        texel = faces[face, r, c]
        share = weight.unsqueeze(-1) * (texel[..., 3:4] > 0.5)
        color += share * texel[..., :3]
        total += share
    rgb = torch.where(is_seen.unsqueeze(-1), color / total.clamp(min=1e-6), 0.0)
    distance = nearest[..., 4]
    depth_ray = torch.where(distance > 0, distance, torch.inf)
    return MeshFrame(rgb.cpu(), is_seen.cpu(), depth_ray.cpu())


class NvdiffrastMesh:
    """A mesh opened in nvdiffrast."""

    def __init__(self, mesh: Mesh) -> None:
        import nvdiffrast.torch as dr

        self._dr: Any = dr
        self._context = dr.RasterizeCudaContext()
        self._vertices = mesh.vertices.cuda().float()
        self._faces = mesh.faces.cuda().contiguous()
        alpha = mesh.is_visible.float().unsqueeze(-1)
        self._rgba = torch.cat((mesh.colors, alpha), dim=-1).cuda().float()

    def render(self, camera_from_world: Tensor, height: int, width: int) -> MeshFrame:
        """Draw an equirectangular frame; see `MeshRenderer.render`."""
        check_size(height, width)
        pose = check_pose(camera_from_world)
        size = face_size(height)
        if self._faces.shape[0] == 0:
            empty = torch.zeros(6, size + 2 * _PADDING_PX, size + 2 * _PADDING_PX, 5, device="cuda")
            return lookup_faces(empty, height, width)
        faces = [self._face(rotation, pose, size) for rotation in cubemap_rotations()]
        return lookup_faces(torch.stack(faces), height, width)

    def _face(self, rotation: Tensor, pose: Tensor, size: int) -> Tensor:  # [S, S, 5]
        matrix = (rotation @ pose[:3, :3]).float().cuda()
        shift = (rotation @ pose[:3, 3]).float().cuda()
        camera = self._vertices @ matrix.mT + shift
        homogeneous = torch.cat((camera, torch.ones_like(camera[:, :1])), dim=-1)
        clip = (homogeneous @ projection(size).cuda().mT).contiguous()
        padded = size + 2 * _PADDING_PX
        raster, _ = self._dr.rasterize(self._context, clip[None], self._faces, (padded, padded))
        distance = camera.norm(dim=-1, keepdim=True)
        # Position, not distance, is linear over a face; take the norm after interpolating.
        attributes = torch.cat((self._rgba, camera), dim=-1)[None].contiguous()
        values, _ = self._dr.interpolate(attributes, raster, self._faces)
        hit = raster[0, ..., 3:] > 0
        is_seen = (hit & (values[0, ..., 3:4] > 0.999)).float()
        distance = values[0, ..., 4:7].norm(dim=-1, keepdim=True) * hit
        return torch.cat((values[0, ..., :3] * is_seen, is_seen, distance), dim=-1)

    def cast(self, camera_from_world: Tensor, directions: Tensor) -> MeshHits:
        """Refuse: a rasterizer cannot follow arbitrary rays."""
        raise BackendUnavailable("nvdiffrast cannot follow single rays; use warp, numba or embreex.")


def open_mesh(mesh: Mesh) -> NvdiffrastMesh:
    """Open a mesh in nvdiffrast on the current CUDA device."""
    return NvdiffrastMesh(mesh)
