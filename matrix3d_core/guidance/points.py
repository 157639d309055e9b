"""The panorama as a point cloud, splatted with a z-buffer: the baseline for meshes."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from ..geometry.spherical import pixels_from_directions
from ..raster.mesh_contract import MeshFrame, check_pose
from ..scene.mesh import Mesh

__all__ = ["open_points"]


def open_points(mesh: Mesh, height: int) -> Callable[[Tensor], MeshFrame]:
    """Return a function that draws a mesh's vertices as points at a pose.

    Each visible vertex paints the four pixels around it; the nearest point wins a pixel.
    """
    positions = mesh.vertices[mesh.is_visible].double()
    colors = mesh.colors[mesh.is_visible]

    def render(camera_from_world: Tensor) -> MeshFrame:
        pose = check_pose(camera_from_world)
        return _splat(positions @ pose[:3, :3].mT + pose[:3, 3], colors, height)

    return render


def _splat(points: Tensor, colors: Tensor, height: int) -> MeshFrame:
    """Draw points ``[N, 3]`` given in the camera's frame."""
    width = 2 * height
    distance = points.norm(dim=-1).float()
    columns, rows = pixels_from_directions(points, height=height, width=width)
    # A positive float's bits sort like the float; with the point's number below them the smallest key
    # of a pixel is its nearest point.
    key = (distance.view(torch.int32).long() << 32) | torch.arange(points.shape[0])
    empty = torch.iinfo(torch.int64).max
    nearest = torch.full((height * width,), empty, dtype=torch.int64)
    top, left = rows.floor().long(), columns.floor().long()
    for row in (top, top + 1):
        for column in (left, left + 1):
            inside = (row >= 0) & (row < height) & (distance > 0)
            pixel = (row * width + column % width)[inside]
            nearest.scatter_reduce_(0, pixel, key[inside], "amin")
    is_seen = nearest != empty
    winner = torch.where(is_seen, nearest & 0xFFFFFFFF, 0)
    shape = (height, width)
    if points.shape[0] == 0:
        return MeshFrame(torch.zeros(*shape, 3), is_seen.reshape(shape), torch.full(shape, torch.inf))
    rgb = torch.where(is_seen[:, None], colors[winner], 0.0)
    depth_ray = torch.where(is_seen, distance[winner], torch.inf)
    return MeshFrame(rgb.reshape(*shape, 3), is_seen.reshape(shape), depth_ray.reshape(shape))
