"""Layers as meshes: a grid of each layer's distances with its picture as texture, cut out by its mask."""

from __future__ import annotations

import torch
from torch import Tensor

from ..depth.resample import resized
from ..errors import InvalidInput
from ..geometry.spherical import directions_from_pixels
from ..guidance.inpaint import pull_push
from ..guidance.scene_mesh import depth_jumps
from ..scene.mesh import Mesh
from .layer import SKY, LayeredPanorama, PanoramaLayer

__all__ = ["meshes_from_layers"]


def meshes_from_layers(layered: LayeredPanorama, *, rows: int = 256) -> dict[str, Mesh]:
    """Return a textured mesh for each layer, by name, farthest first, in OpenCV axes.

    The texture has a fourth channel, 1 where the layer shows something; faces reach a little beyond, so that
    silhouettes are as fine as the picture. Where the distance jumps within a layer the faces are left out.

    Args:
        layered: the layers.
        rows: of quads from pole to pole, 8 to 2048.

    Raises:
        InvalidInput: for another number of rows.
    """
    if not 8 <= rows <= 2048:
        raise InvalidInput(f"rows must be 8 to 2048; got {rows}.")
    return {layer.name: _mesh(layer, rows) for layer in layered.layers if bool(layer.mask.any())}


def _mesh(layer: PanoramaLayer, rows: int) -> Mesh:
    columns = 2 * rows
    near = pull_push(1 / torch.where(layer.mask, layer.depth_ray, 1.0).unsqueeze(-1), layer.mask).squeeze(-1)
    depth = torch.where(layer.mask, layer.depth_ray, 1 / near)
    # Vertices at the corners of quads; the last column is the first one again, with the texture's other end.
    row, column = torch.meshgrid(torch.arange(rows + 1), torch.arange(columns + 1), indexing="ij")
    height, width = layer.mask.shape
    y, x = row * (height / rows), column * (width / columns)
    at = (y.long().clamp(max=height - 1), x.long() % width)
    rays = directions_from_pixels(x.double() - 0.5, y.double() - 0.5, height=height, width=width)
    vertices = (rays * depth[at].double().unsqueeze(-1)).float().reshape(-1, 3)
    uvs = torch.stack((column / columns, row / rows), -1).reshape(-1, 2)
    used = torch.nn.functional.adaptive_max_pool2d(layer.mask.float()[None, None], (rows, columns))[0, 0] > 0
    if layer.name != SKY:
        jumps = depth_jumps(resized(depth, (rows, columns)))
        used &= ~(jumps & _steep(depth[at]))
    corner = (row * (columns + 1) + column)[:-1, :-1][used]
    low = corner + columns + 1
    faces = torch.cat(
        (torch.stack((corner, low, corner + 1), -1), torch.stack((corner + 1, low, low + 1), -1))
    ).int()
    kept, faces = faces.unique(return_inverse=True)
    texture = torch.cat((layer.rgb, layer.mask.unsqueeze(-1).float()), -1)
    kept = kept.long()
    return Mesh(
        vertices[kept],
        faces.int(),
        torch.ones(len(kept), 3),
        torch.ones(len(kept), dtype=torch.bool),
        uvs[kept].float(),
        texture,
    )


def _steep(corners: Tensor) -> Tensor:  # [h + 1, w + 1] -> [h, w] bool
    """Return which quads lead from one surface to another."""
    four = torch.stack((corners[:-1, :-1], corners[1:, :-1], corners[:-1, 1:], corners[1:, 1:]))
    return four.amax(0) > 1.3 * four.amin(0)
