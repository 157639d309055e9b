"""Matrix-3D's own way from mesh to panorama, kept for parity: six faces, then a lookup with its quirks.

Deliberately kept: 90-degree faces without overlap, validity from interpolated alpha above 0.999,
invalid texels as infinity so that a lookup touching one is invalid (an erosion by one texel), face
coordinates mapped with ``align_corners=True`` although texel centers are at half integers (an error
of up to half a texel), later faces overwriting earlier ones, colors rounded to 8 bits. One difference:
the nearest surface is dropped when it is before the near plane (0.001) or beyond the far plane; a
rasterizer would show the surface behind the former.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from ..geometry.cubemap import cubemap_rotations
from ..geometry.pinhole import pinhole_directions
from ..geometry.spherical import erp_directions
from ..raster.mesh import MeshFrame, MeshRenderer, open_mesh_renderer
from ..scene.mesh import Mesh

__all__ = ["FACE_SIZE_PX", "assemble_faces", "open_upstream", "render_face"]

FACE_SIZE_PX = 512
NEAR = 1e-3
ALPHA_VALID = 0.999


def open_upstream(
    mesh: Mesh, height: int, *, backend: str = "auto", far: float, face_size: int | None = None
) -> tuple[str, Callable[[Tensor], MeshFrame]]:
    """Open a mesh for upstream's cubemap path.

    Args:
        mesh: the scene mesh, without pole caps for parity.
        height: rows of the panorama (upstream: 1024).
        backend: a mesh backend that can follow arbitrary rays.
        far: z-depth beyond which nothing is drawn; upstream uses 1.1 times the largest distance.
        face_size: texels along a face's edge, `FACE_SIZE_PX` when None.

    Returns:
        The backend's name, and a function from a pose to a frame.
    """
    name, renderer = open_mesh_renderer(mesh, backend=backend, needs={"cast"})
    size = face_size or FACE_SIZE_PX
    rgba = torch.cat((torch.round(mesh.colors * 255) / 255, mesh.is_visible.float().unsqueeze(-1)), dim=-1)

    def render(camera_from_world: Tensor) -> MeshFrame:
        faces = [
            render_face(mesh, rgba, renderer, camera_from_world, rotation, face_size=size, far=far)
            for rotation in cubemap_rotations()
        ]
        return assemble_faces(torch.stack(faces), height)

    return name, render


def render_face(
    mesh: Mesh,
    rgba: Tensor,  # [N, 4]
    renderer: MeshRenderer,
    camera_from_world: Tensor,  # [4, 4]
    rotation: Tensor,  # [3, 3] face from camera
    *,
    face_size: int,
    far: float,
) -> Tensor:  # [S, S, 4]
    """Draw one 90-degree face: color and ray distance, all infinite where the texel is not valid."""
    half = 0.5 * face_size
    K_px = torch.tensor([[half, 0, half], [0, half, half], [0, 0, 1]], dtype=torch.float64)
    pose = torch.eye(4, dtype=torch.float64)
    pose[:3, :3] = rotation
    directions = pinhole_directions(K_px, face_size, face_size)
    hits = renderer.cast(pose @ camera_from_world.to(torch.float64), directions)
    corners = mesh.faces[hits.face.clamp(min=0).long()].long()
    color = (rgba[corners] * hits.weights.unsqueeze(-1)).sum(-2)
    depth_z = hits.distance * directions[..., 2]
    valid = (hits.face >= 0) & (color[..., 3] > ALPHA_VALID) & (depth_z > NEAR) & (depth_z < far)
    texels = torch.cat((color[..., :3], hits.distance.unsqueeze(-1)), dim=-1)
    return torch.where(valid.unsqueeze(-1), texels, torch.inf)


def assemble_faces(faces: Tensor, height: int) -> MeshFrame:  # [6, S, S, 4]
    """Look the faces up along the panorama's rays, exactly as upstream does."""
    width = 2 * height
    directions = erp_directions(height, width, dtype=torch.float64)
    assembled = torch.full((height, width, 4), torch.inf)
    for face, rotation in zip(faces, cubemap_rotations(), strict=True):
        local = directions @ rotation.mT
        x, y, z = local.unbind(-1)
        # Face coordinates 0..1, as a 90-degree camera with f = c = 1/2 projects them.
        u, v = 0.5 * x / z + 0.5, 0.5 * y / z + 0.5
        inside = (z > 0) & (u >= 0) & (u <= 1) & (v >= 0) & (v <= 1)
        grid = torch.stack((u[inside], v[inside]), dim=-1) * 2 - 1
        assembled[inside] = _grid_sample(face, grid.float())
    is_seen = torch.isfinite(assembled[..., 0])
    assembled = torch.where(is_seen.unsqueeze(-1), assembled, 0.0)
    return MeshFrame(assembled[..., :3], is_seen, torch.where(is_seen, assembled[..., 3], torch.inf))


def _grid_sample(face: Tensor, grid: Tensor) -> Tensor:  # [S, S, C], [N, 2] -> [N, C]
    """Look up texels bilinearly; -1 and 1 are the centers of the outermost texels."""
    looked_up = torch.nn.functional.grid_sample(
        face.permute(2, 0, 1)[None],
        grid[None, None],
        mode="bilinear",
        padding_mode="zeros",
        align_corners=True,
    )
    return looked_up[0, :, 0].mT
