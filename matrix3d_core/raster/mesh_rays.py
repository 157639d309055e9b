"""What the ray tracing backends share: world rays from a pose, and a second look at rays that slip through.

Tracers that intersect triangles one by one may lose a ray that passes exactly through a vertex or an
edge: rounding puts it outside of every triangle around it. A ray that misses is therefore sent again, up
to three times, turned by `NUDGE_RAD`. On an open mesh that costs time but finds nothing new except
within that angle of a border.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from ..scene.mesh import Mesh
from .mesh_contract import MeshHits, check_pose

__all__ = ["NUDGE_RAD", "Trace", "cast_rays"]

NUDGE_RAD = 4e-6
"""Angle of a second try: 60 steps of float32, 1/800 pixel of a 2048 x 1024 panorama."""

Trace = Callable[[Tensor, Tensor], tuple[Tensor, Tensor, Tensor, Tensor]]
"""From an origin ``[3]`` and unit directions ``[R, 3]``, float64 in the world's frame, to face (-1 = miss),
distance, and the weights of the face's second and third corner."""

_TURNS = ((0.577, 0.577, 0.577), (-0.707, 0.0, 0.707), (0.408, -0.816, 0.408))


def cast_rays(mesh: Mesh, trace: Trace, camera_from_world: Tensor, directions: Tensor) -> MeshHits:
    """Follow camera rays with a tracer; see `MeshRenderer.cast`."""
    shape = directions.shape[:-1]
    pose = check_pose(camera_from_world)
    origin = -(pose[:3, :3].mT @ pose[:3, 3])
    rays = torch.nn.functional.normalize(directions.to("cpu", torch.float64).reshape(-1, 3), dim=-1)
    rays = rays @ pose[:3, :3]
    if mesh.faces.shape[0] == 0 or rays.shape[0] == 0:
        face = torch.full(rays.shape[:1], -1, dtype=torch.int32)
        distance, second, third = torch.zeros(3, rays.shape[0]).unbind(0)
    else:
        face, distance, second, third = trace(origin, rays)
    for turn in _TURNS:
        missed = (face < 0).nonzero().squeeze(-1)
        if missed.numel() == 0 or mesh.faces.shape[0] == 0:
            break
        axis = torch.tensor(turn, dtype=torch.float64).expand(missed.numel(), 3)
        again = torch.nn.functional.normalize(
            rays[missed] + NUDGE_RAD * torch.linalg.cross(rays[missed], axis), dim=-1
        )
        found = trace(origin, again)
        for part, value in zip((face, distance, second, third), found, strict=True):
            part[missed] = value
    hit = face >= 0
    weights = torch.stack((1 - second - third, second, third), dim=-1).masked_fill_(~hit[:, None], 0.0)
    distance = distance.masked_fill(~hit, torch.inf)
    return MeshHits(face.reshape(shape), weights.reshape(*shape, 3), distance.reshape(shape))
