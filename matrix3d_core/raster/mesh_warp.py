"""Ray queries by warp-lang: one kernel, on CUDA or (single threaded) on the CPU."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..geometry.spherical import erp_directions
from ..scene.mesh import Mesh
from .mesh_contract import MeshFrame, MeshHits, check_size, shade_hits
from .mesh_rays import cast_rays

__all__ = ["WarpMesh", "open_mesh_cpu", "open_mesh_cuda"]

_FAR = 1e30


@functools.cache
def _warp() -> tuple[Any, Any]:
    """Import warp quietly and declare the kernel; warp compiles it once and keeps it on disk."""
    from . import splat_warp_kernels  # the one module that imports warp

    wp: Any = splat_warp_kernels.wp
    wp.config.quiet = True  # older releases
    wp.config.log_level = getattr(wp, "LOG_WARNING", 30)
    wp.init()

    def query(mesh, origin, directions, far, face, found):  # type: ignore[no-untyped-def]
        i = wp.tid()
        hit = wp.mesh_query_ray(mesh, origin, directions[i], far)
        face[i] = -1
        if hit.result:
            # warp gives the weights of the first two corners
            face[i] = hit.face
            found[i] = wp.vec3(hit.t, hit.v, 1.0 - hit.u - hit.v)

    vectors, numbers = wp.array(dtype=wp.vec3), wp.array(dtype=wp.int32)
    types = (wp.uint64, wp.vec3, vectors, wp.float32, numbers, vectors)
    names = ("mesh", "origin", "directions", "far", "face", "found")
    query.__annotations__ = dict(zip(names, types, strict=True))
    return wp, wp.kernel(query, module="unique")


class WarpMesh:
    """A mesh opened in warp on one device."""

    def __init__(self, mesh: Mesh, device: str) -> None:
        self._mesh, self._device = mesh, device
        wp, self._kernel = _warp()
        self._wp = wp
        if mesh.faces.shape[0]:
            points = np.ascontiguousarray(mesh.vertices.detach().cpu().float().numpy())
            indices = np.ascontiguousarray(mesh.faces.cpu().numpy().reshape(-1))
            self._tree = wp.Mesh(
                wp.array(points, dtype=wp.vec3, device=device),
                wp.array(indices, dtype=wp.int32, device=device),
            )

    def render(self, camera_from_world: Tensor, height: int, width: int) -> MeshFrame:
        """Draw an equirectangular frame; see `MeshRenderer.render`."""
        check_size(height, width)
        directions = erp_directions(height, width, dtype=torch.float64)
        return shade_hits(self._mesh, self.cast(camera_from_world, directions))

    def cast(self, camera_from_world: Tensor, directions: Tensor) -> MeshHits:
        """Follow rays; see `MeshRenderer.cast`."""
        return cast_rays(self._mesh, self._trace, camera_from_world, directions)

    def _trace(self, origin: Tensor, rays: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        wp, count = self._wp, rays.shape[0]
        directions = wp.array(rays.float().numpy(), dtype=wp.vec3, device=self._device)
        face = wp.empty(count, dtype=wp.int32, device=self._device)
        found = wp.zeros(count, dtype=wp.vec3, device=self._device)
        inputs = [self._tree.id, wp.vec3(*origin.tolist()), directions, _FAR, face, found]
        wp.launch(self._kernel, dim=count, inputs=inputs, device=self._device)
        distance, second, third = torch.from_numpy(found.numpy().copy()).unbind(-1)
        return torch.from_numpy(face.numpy().copy()), distance.clone(), second.clone(), third.clone()


def open_mesh_cuda(mesh: Mesh) -> WarpMesh:
    """Open a mesh on torch's current CUDA device."""
    return WarpMesh(mesh, f"cuda:{torch.cuda.current_device()}")


def open_mesh_cpu(mesh: Mesh) -> WarpMesh:
    """Open a mesh on the CPU."""
    return WarpMesh(mesh, "cpu")
