"""What one panorama shows at its silhouettes: pixels that a mesh leaves out there, and the sides of objects.

A mesh has no vertices at depth edges, so it loses the outermost pixels of every object, and all of what is thin:
leaves, rails, a view through a window. Here each such pixel is a small quad at its own distance, joined to its
neighbors on the same surface. An object is as deep as half of its visible width: its silhouette is extruded away from
the viewpoint by that much.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ..geometry.spherical import directions_from_pixels, erp_directions
from ..scene.mesh import Mesh
from .scene_mesh import EDGE_THRESHOLD, STATED_ROWS, depth_edges, grid_faces

__all__ = ["close_objects", "visible_widths"]

_PURE = 1.04  # a pixel between two surfaces differs from both by more than this factor
_SLOPE, _ALIKE = 1.06, 3  # unless as many neighbors differ by less: a surface seen at a shallow angle
_IN_FRONT = 1.1  # a neighbor farther by this factor is behind
_DEPTH_OF_WIDTH = 0.5
_MOST_DEPTH = 0.12  # of the distance


def close_objects(rgb: Tensor, depth_ray: Tensor, is_seen: Tensor, camera_from_world: Tensor) -> Mesh:
    """Return quads at depth edges and the sides of objects, in the world.

    Args:
        rgb: ``[H, W, 3]``.
        depth_ray: ``[H, W]``, finite and positive where seen.
        is_seen: ``[H, W]`` bool.
        camera_from_world: ``[4, 4]`` pose of the panorama.
    """
    height, width = depth_ray.shape
    distance = torch.where(is_seen, depth_ray, torch.inf)
    low, high = (
        _window(distance, smallest=True),
        _window(torch.where(is_seen, depth_ray, 0.0), smallest=False),
    )
    is_edge = depth_edges(
        torch.where(is_seen, depth_ray, high), EDGE_THRESHOLD * STATED_ROWS / height, wrap=True
    )
    is_edge = _window(is_edge.float(), smallest=False) > 0
    is_pure = is_seen & (
        (depth_ray <= _PURE * low) | (depth_ray * _PURE >= high) | (_neighbors_alike(distance) >= _ALIKE)
    )
    joined = _joined(rgb, depth_ray, is_edge & is_pure, is_pure, camera_from_world)
    rows, columns = (is_edge & is_pure).nonzero(as_tuple=True)
    corners = ((-0.5, -0.5), (0.5, -0.5), (0.5, 0.5), (-0.5, 0.5))
    at = depth_ray[rows, columns]
    quads = [torch.stack([_point(rows + dy, columns + dx, at, height, width) for dy, dx in corners], 1)]
    colors = [rgb[rows, columns]]
    wide = visible_widths(distance)
    for dy, dx in ((0, 1), (0, -1), (1, 0), (-1, 0)):
        beyond = distance.roll((-dy, -dx), (0, 1))
        is_side = is_seen & (beyond > _IN_FRONT * depth_ray) & (depth_ray <= _PURE * low)
        if dy:
            is_side[-1 if dy > 0 else 0] = False
        rows, columns = is_side.nonzero(as_tuple=True)
        at = depth_ray[rows, columns]
        deep = torch.minimum(_DEPTH_OF_WIDTH * wide[rows, columns], _MOST_DEPTH * at)
        back = torch.minimum(at + deep, beyond[rows, columns])
        ends = ((dy / 2 - dx / 2, dx / 2 - dy / 2), (dy / 2 + dx / 2, dx / 2 + dy / 2))
        near, far = (
            [_point(rows + ey, columns + ex, r, height, width) for ey, ex in ends] for r in (at, back)
        )
        quads.append(torch.stack((near[0], near[1], far[1], far[0]), 1))
        inner = (rows - dy).clamp(0, height - 1), (columns - dx) % width  # the outermost pixel may be mixed
        is_same = (depth_ray[inner] / at - 1).abs() < _IN_FRONT - 1
        colors.append(torch.where(is_same.unsqueeze(1), rgb[inner], rgb[rows, columns]))
    pose = camera_from_world.double()
    vertices = (torch.cat(quads).reshape(-1, 3) - pose[:3, 3]) @ pose[:3, :3]  # R^T (x - t)
    first = torch.arange(0, len(vertices), 4, dtype=torch.int32).unsqueeze(1)
    faces = torch.cat((first + torch.tensor((0, 1, 2)), first + torch.tensor((0, 2, 3)))).int()
    color = torch.cat(colors).repeat_interleave(4, 0)
    count = len(joined.vertices)
    return Mesh(
        torch.cat((joined.vertices, vertices.float())),
        torch.cat((joined.faces, faces + count)),
        torch.cat((joined.colors, color)),
        torch.ones(count + len(vertices), dtype=torch.bool),
    )


def _joined(rgb: Tensor, depth_ray: Tensor, is_edge: Tensor, is_usable: Tensor, pose: Tensor) -> Mesh:
    """Return the faces between usable pixels of one surface, where one of them is at a depth edge."""
    height, width = depth_ray.shape
    faces = grid_faces(height, width)
    faces = faces[is_edge.flatten()[faces].any(1) & is_usable.flatten()[faces].all(1)]
    far = depth_ray.flatten()[faces]
    faces = faces[far.amax(1) <= _IN_FRONT * far.amin(1)]
    used, faces = faces.unique(return_inverse=True)
    points = (erp_directions(height, width, dtype=torch.float64) * depth_ray.unsqueeze(-1)).reshape(-1, 3)[
        used
    ]
    vertices = (points - pose[:3, 3].double()) @ pose[:3, :3].double()
    return Mesh(
        vertices.float(), faces.int(), rgb.reshape(-1, 3)[used], torch.ones(len(used), dtype=torch.bool)
    )


def visible_widths(distance: Tensor) -> Tensor:  # [H, W]
    """Return how wide the surface at each pixel is along its row, between jumps of distance, world units.

    A run that goes on over the border of the picture ends there.
    """
    height, width = distance.shape
    nearer = torch.minimum(distance[:, 1:], distance[:, :-1])
    jumps = distance.diff(dim=1).abs() > (_IN_FRONT - 1) * nearer
    edge = torch.ones(height, 1, dtype=torch.bool)
    jumps = torch.cat((edge, jumps, edge), 1)  # before each column
    place = torch.arange(width + 1)
    start = torch.where(jumps, place, 0).cummax(1).values[:, :-1]
    stop = torch.where(jumps, place, width).flip(1).cummin(1).values.flip(1)[:, 1:]
    ring = torch.sin((torch.arange(height) + 0.5) / height * math.pi).unsqueeze(1)
    return (stop - start) * (math.tau / width) * ring * distance


def _neighbors_alike(distance: Tensor) -> Tensor:  # [H, W]
    """Count the eight neighbors at nearly the same distance."""
    count = torch.zeros_like(distance, dtype=torch.uint8)
    for dy in (-1, 0, 1):
        for dx in (-1, 0, 1):
            if dy or dx:
                ratio = distance.roll((dy, dx), (0, 1)) / distance
                count += (ratio < _SLOPE) & (ratio * _SLOPE > 1)
    return count


def _point(rows: Tensor, columns: Tensor, distance: Tensor, height: int, width: int) -> Tensor:  # [N, 3]
    directions = directions_from_pixels(columns.double(), rows.double(), height=height, width=width)
    return directions * distance.double().unsqueeze(-1)


def _window(image: Tensor, *, smallest: bool) -> Tensor:  # [H, W]
    """Extreme of 3x3 pixels; columns wrap."""
    sign = -1 if smallest else 1
    wide = torch.cat((image[:, -1:], image, image[:, :1]), 1) * sign
    return torch.nn.functional.max_pool2d(wide[None, None], 3, 1, (1, 0))[0, 0] * sign
