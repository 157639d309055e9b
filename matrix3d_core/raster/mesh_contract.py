"""Meshes seen from inside: the contract of the backends, and shading.

A backend is opened once per mesh and then asked for frames. Every backend gives the same picture: the
nearest surface along each ray, from either side, linearly interpolated vertex colors.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from ..checks import check_finite, check_shape
from ..errors import InvalidInput
from ..scene.mesh import Mesh

__all__ = [
    "MeshFrame",
    "MeshHits",
    "MeshRenderer",
    "OpenMesh",
    "check_pose",
    "check_size",
    "shade_hits",
]


@dataclass(frozen=True)
class MeshHits:
    """What rays found.

    Attributes:
        face: ``[...]`` int32, index of the nearest face, -1 where the ray leaves the mesh.
        weights: ``[..., 3]`` float32, barycentric weights of the face's corners; 0 on a miss.
        distance: ``[...]`` float32, Euclidean distance from the camera, inf on a miss.
    """

    face: Tensor
    weights: Tensor
    distance: Tensor


@dataclass(frozen=True)
class MeshFrame:
    """One equirectangular (or otherwise shaped) view of a mesh.

    Attributes:
        rgb: ``[H, W, 3]`` float32 in [0, 1]; 0 where nothing is seen.
        is_seen: ``[H, W]`` bool, True where the nearest surface has three visible corners.
        depth_ray: ``[H, W]`` float32 distance to the nearest surface, *seen or not*; inf on a miss.
    """

    rgb: Tensor
    is_seen: Tensor
    depth_ray: Tensor


class MeshRenderer(Protocol):
    """A backend holding one mesh. Not safe to use from two threads at once."""

    def render(self, camera_from_world: Tensor, height: int, width: int) -> MeshFrame:
        """Draw an equirectangular frame.

        Args:
            camera_from_world: ``[4, 4]`` rigid world-to-camera pose, OpenCV axes.
            height: rows, at least 1.
            width: columns, at least 1.
        """
        ...

    def cast(self, camera_from_world: Tensor, directions: Tensor) -> MeshHits:
        """Follow the rays with the given directions from the camera's center.

        Only backends with the feature ``"cast"`` offer this.

        Args:
            camera_from_world: ``[4, 4]`` rigid world-to-camera pose.
            directions: ``[..., 3]`` in the camera's frame, any length but zero.

        Returns:
            Hits of the leading shape of ``directions``.
        """
        ...


OpenMesh = Callable[[Mesh], MeshRenderer]
"""What a backend's ``load`` returns: builds whatever it needs for one mesh."""


def check_pose(camera_from_world: Tensor) -> Tensor:
    """Return a pose as a float64 CPU tensor ``[4, 4]``, or raise `InvalidInput`."""
    check_shape("camera_from_world", camera_from_world, "4 4")
    check_finite("camera_from_world", camera_from_world)
    return camera_from_world.detach().to("cpu", torch.float64)


def check_size(height: int, width: int) -> None:
    """Raise unless a frame has at least one pixel and fewer than 2**15 rows and 2**16 columns."""
    if not (1 <= height < 2**15 and 1 <= width < 2**16):
        raise InvalidInput(f"a frame must be 1x1 to 65535x32767 pixels; got {width}x{height}.")


def shade_hits(mesh: Mesh, hits: MeshHits) -> MeshFrame:
    """Color what rays found: interpolate vertex colors, black where a corner is not visible."""
    if mesh.faces.shape[0] == 0:
        return MeshFrame(torch.zeros_like(hits.weights), hits.face >= 0, hits.distance)
    corners = mesh.faces[hits.face.clamp(min=0).long()].long()  # [..., 3]
    is_seen = (hits.face >= 0) & mesh.is_visible[corners].all(-1)
    rgb = (mesh.colors[corners] * hits.weights.unsqueeze(-1)).sum(-2)
    return MeshFrame(rgb.masked_fill_(~is_seen.unsqueeze(-1), 0.0), is_seen, hits.distance)
