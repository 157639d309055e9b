"""Meshes as Gaussians: flat ones in the surface, with the color of the texture there."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from ..errors import InvalidInput
from ..geometry.rotations import quats_from_matrix
from ..scene.gaussians import Gaussians
from ..scene.mesh import Mesh

__all__ = ["gaussians_from_meshes"]

_SPREAD = 2.2  # standard deviations of a Gaussian by those of the piece of surface that it stands for
_THICKNESS = 0.1  # of the smaller standard deviation in the surface
_OPACITY = 0.98
_CUTOFF = 0.5  # of alpha: less is a hole
_MOST_ACROSS = 512  # pieces along the edge of one triangle
_SAMPLES = ((1 / 3, 1 / 3), (2 / 3, 1 / 6), (1 / 6, 2 / 3), (1 / 6, 1 / 6))


def gaussians_from_meshes(meshes: Sequence[Mesh], *, max_gaussians: int = 60_000) -> Gaussians:
    """Cover the triangles of meshes with flat Gaussians of nearly equal area.

    Large triangles are divided evenly into smaller ones of the same form; each piece becomes a Gaussian with the
    moments of the piece, spread until their sum is flat. Of triangles smaller than a piece, one stands for the area of
    those around it. The third axis of each Gaussian is the triangle's normal, to the side from which its corners are
    counterclockwise.

    Args:
        meshes: one object, in one frame (OpenCV axes). Colors come from the texture where there is one, else from the
            vertices; texels with alpha below one half are holes.
        max_gaussians: no more than this.

    Returns:
        Gaussians of SH degree 0.

    Raises:
        InvalidInput: without a triangle that has an area, for vertices that are not finite, or fewer than 10 Gaussians.
    """
    if max_gaussians < 10:
        raise InvalidInput(f"max_gaussians must be at least 10; got {max_gaussians}.")
    areas = [_areas(mesh) for mesh in meshes]
    total = float(sum(area.sum() for area in areas))
    if not 0 < total < math.inf:
        raise InvalidInput(
            "the object must have triangles with an area and finite vertices; it has none. Export it as a mesh with "
            "faces, not as points or curves."
        )
    cell = 1.3 * total / max_gaussians
    while True:
        pieces = [_pieces(area, cell) for area in areas]
        if sum(len(faces) for faces, _, _ in pieces) <= max_gaussians:
            break
        cell *= 1.1
    parts = [_surfels(mesh, *piece, cell) for mesh, piece in zip(meshes, pieces, strict=True)]
    found = Gaussians.concatenate(*parts)
    if not len(found):
        raise InvalidInput("the object must be visible; its texture is transparent everywhere.")
    return found


def _areas(mesh: Mesh) -> Tensor:  # [M] float64
    corners = mesh.vertices.double()[mesh.faces.long()]
    cross = torch.linalg.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    area: Tensor = cross.norm(dim=-1) / 2
    return area


def _pieces(area: Tensor, cell: float) -> tuple[Tensor, Tensor, Tensor]:
    """Divide triangles.

    Returns:
        ``faces [P]`` the triangle of each piece; ``shares [P, 3, 3]`` the pieces' corners as shares of the triangle's;
        ``grown [P]`` how much larger than the piece its Gaussian must be, in area.
    """
    count = (area / cell).sqrt().ceil().clamp(1, _MOST_ACROSS).long()
    faces, shares, grown = [], [], []
    small = ((area < cell) & (area > 0)).nonzero()[:, 0]
    if len(small):
        passed = (area[small].cumsum(0) / cell).floor()  # one for each cell of area that is passed
        taken = passed.diff(prepend=passed.new_zeros(1)) > 0
        if not bool(taken.any()):
            taken[area[small].argmax()] = True
        small = small[taken]
        faces.append(small)
        shares.append(torch.eye(3, dtype=torch.float64).expand(len(small), 3, 3))
        grown.append(cell / area[small])
    for number in count[area >= cell].unique().tolist():
        chosen = ((count == number) & (area >= cell)).nonzero()[:, 0]
        corners = _divided(number)
        faces.append(chosen.repeat_interleave(len(corners)))
        shares.append(corners.repeat(len(chosen), 1, 1))
        grown.append(torch.ones(len(chosen) * len(corners), dtype=torch.float64))
    if not faces:
        return torch.zeros(0, dtype=torch.long), torch.zeros(0, 3, 3).double(), torch.zeros(0).double()
    return torch.cat(faces), torch.cat(shares), torch.cat(grown)


def _divided(count: int) -> Tensor:  # [count ** 2, 3, 3]
    """Return the corners of the pieces of a triangle divided ``count`` times along each edge, as shares of its own."""
    found = []
    for i in range(count):
        for j in range(count - i):
            a, b, c = (i, j), (i + 1, j), (i, j + 1)
            found.append((a, b, c))
            if i + j < count - 1:
                found.append(((i + 1, j + 1), c, b))
    steps = torch.tensor(found, dtype=torch.float64) / count
    return torch.cat((1 - steps.sum(-1, keepdim=True), steps), -1)


def _surfels(mesh: Mesh, faces: Tensor, shares: Tensor, grown: Tensor, cell: float) -> Gaussians:
    corners = mesh.vertices.double()[mesh.faces.long()[faces]]  # [P, 3, 3]
    points = shares @ corners
    middle = points.mean(1)
    around = points - middle.unsqueeze(1)
    # A triangle's second moments are those of its corners about the middle, a quarter of them.
    moments = around.mT @ around / 12 * grown[:, None, None] * _SPREAD**2
    normal = torch.nn.functional.normalize(
        torch.linalg.cross(points[:, 1] - points[:, 0], points[:, 2] - points[:, 0]), dim=-1
    )
    _, vectors = torch.linalg.eigh(moments)
    along = vectors[:, :, 2]
    across = torch.linalg.cross(normal, along)
    axes = torch.stack((along, across, normal), -1)
    spread = (axes.mT @ moments @ axes).diagonal(dim1=1, dim2=2)[:, :2].clamp_min(1e-6 * cell).sqrt()
    scales = torch.cat((spread, _THICKNESS * spread[:, 1:]), 1)
    rgb, alpha = _colors(mesh, faces, shares, cell)
    found = Gaussians.from_colors(
        middle.float(),
        quats_from_matrix(axes).float(),
        scales.float(),
        torch.full((len(middle),), _OPACITY),
        rgb.clamp(0, 1),
    )
    return found.select(alpha >= _CUTOFF)


def _colors(mesh: Mesh, faces: Tensor, shares: Tensor, cell: float) -> tuple[Tensor, Tensor]:  # [P, 3], [P]
    index = mesh.faces.long()[faces]
    if mesh.uvs is None or mesh.texture is None:
        return (shares.float() @ mesh.colors[index]).mean(1), torch.ones(len(faces))
    texture, size = mesh.texture.float(), mesh.texture.shape[:2]
    uvs = mesh.uvs.double()[index]
    a, b = uvs[:, 1] - uvs[:, 0], uvs[:, 2] - uvs[:, 0]
    texels = (a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]).abs() / 2 * size[0] * size[1]
    per_area = float(texels.sum() / _areas(mesh)[faces].sum().clamp_min(1e-30))
    picture = texture.permute(2, 0, 1)[None]
    block = min(int(math.sqrt(per_area * cell / len(_SAMPLES))), *size)  # texels that a sample stands for
    if block > 1:
        picture = torch.nn.functional.avg_pool2d(picture, block, ceil_mode=True, count_include_pad=False)
    total = torch.zeros(len(faces), picture.shape[1])
    for second, third in _SAMPLES:
        weight = torch.tensor((1 - second - third, second, third), dtype=torch.float64)
        place = ((weight @ shares).unsqueeze(1) @ uvs).squeeze(1)
        place = torch.where((place < 0) | (place > 1), place - place.floor(), place)  # textures repeat
        grid = (2 * place - 1).float()[None, None]
        total += torch.nn.functional.grid_sample(picture, grid, padding_mode="border", align_corners=False)[
            0, :, 0
        ].mT
    total /= len(_SAMPLES)
    return total[:, :3], total[:, 3] if total.shape[1] == 4 else torch.ones(len(faces))
