"""Ray tracing on the CPU with Embree: an oracle independent of our own backends, and their fallback."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ..geometry.spherical import erp_directions
from ..scene.mesh import Mesh
from .mesh_contract import MeshFrame, MeshHits, check_size, shade_hits
from .mesh_rays import cast_rays

__all__ = ["EmbreeMesh", "open_mesh"]


class EmbreeMesh:
    """A mesh opened in Embree."""

    def __init__(self, mesh: Mesh) -> None:
        from embreex import mesh_construction, rtcore_scene

        self._mesh = mesh
        self._scene = rtcore_scene.EmbreeScene()
        # Embree keeps pointers to these arrays, so they must live as long as the scene.
        self._vertices = np.ascontiguousarray(mesh.vertices.detach().cpu().float().numpy())
        self._faces = np.ascontiguousarray(mesh.faces.cpu().numpy())
        if len(self._faces):
            self._triangles = mesh_construction.TriangleMesh(self._scene, self._vertices, self._faces)

    def render(self, camera_from_world: Tensor, height: int, width: int) -> MeshFrame:
        """Draw an equirectangular frame; see `MeshRenderer.render`."""
        check_size(height, width)
        directions = erp_directions(height, width, dtype=torch.float64)
        return shade_hits(self._mesh, self.cast(camera_from_world, directions))

    def cast(self, camera_from_world: Tensor, directions: Tensor) -> MeshHits:
        """Follow rays; see `MeshRenderer.cast`."""
        return cast_rays(self._mesh, self._trace, camera_from_world, directions)

    def _trace(self, origin: Tensor, rays: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        directions = rays.float().numpy()
        origins = np.ascontiguousarray(np.broadcast_to(origin.float().numpy(), directions.shape))
        hits = self._scene.run(origins, directions, query="INTERSECT", output=True)
        parts = (hits[name] for name in ("primID", "tfar", "u", "v"))
        face, distance, second, third = (torch.from_numpy(np.array(part)) for part in parts)
        return face.to(torch.int32), distance, second, third


def open_mesh(mesh: Mesh) -> EmbreeMesh:
    """Open a mesh in Embree; building its search tree takes seconds for a million faces."""
    return EmbreeMesh(mesh)
