"""Textures a mesh of a world from renders of the splats along the path.

Every texel is a point of the surface. It takes its color from the viewpoints that see it, with most weight on close,
frontal ones, so that details do not blur where pictures and surface disagree a little.
"""

from __future__ import annotations

from typing import TypedDict

import numpy as np
import torch
from torch import Tensor

from ..errors import InvalidInput
from ..geometry.spherical import sample_erp
from ..progress import ProgressEvent, ProgressFn, attentive, no_progress
from ..raster.splat import SPLAT_BACKENDS, render_gaussians_panorama
from ..scene.gaussians import Gaussians
from ..scene.mesh import Mesh
from ..scene.trajectory import Trajectory
from .atlas import GUTTER_PX, cover_texels, lay_out
from .evaluation_views import spread_places

__all__ = ["TEXTURE_SIZES", "TextureReport", "texture_mesh"]

TEXTURE_SIZES = (512, 1024, 2048, 4096, 8192)
"""Sides of a texture in texels."""

_CHUNK = 1 << 18
_PREFER = 4  # exponent of a viewpoint's weight
_SEAM = 0.05  # how far outside of its edge, as a share of its height, a triangle's texels are still its own


class TextureReport(TypedDict):
    """The report of `texture_mesh`: ``used`` is a share of the texture, ``rows`` those of the panoramas."""

    size: int
    charts: int
    texels_per_unit: float
    used: float
    rows: int


@attentive
def texture_mesh(
    mesh: Mesh,
    gaussians: Gaussians,
    *,
    trajectory: Trajectory | None = None,
    size_px: int = 2048,
    views: int = 12,
    tolerance: float,
    backend: str = "auto",
    progress: ProgressFn = no_progress,
) -> tuple[Mesh, TextureReport]:
    """Unwrap a mesh to a square texture and color it from the splats.

    Args:
        mesh: of the world, in its frame; its colors fill texels that no viewpoint sees.
        gaussians: the world.
        trajectory: viewpoints; None is around the origin.
        size_px: side of the texture, one of `TEXTURE_SIZES`.
        views: panoramas taken along the path. They are half as high as the texture, at most 2048 rows.
        tolerance: maximum distance of surface and splats for a visible texel, world units.
        backend: splat backend; must draw panoramas.
        progress: called between panoramas.

    Returns:
        A mesh of the same triangles in the same order, with `uvs` and `texture`; vertices on the border of two charts
        are there once for each. And a report: charts, texels per unit, share of the texture in use.

    Raises:
        InvalidInput: for an empty mesh or another size.
    """
    if size_px not in TEXTURE_SIZES:
        raise InvalidInput(f"texture must be one of {', '.join(map(str, TEXTURE_SIZES))}; got {size_px}.")
    if not len(mesh.faces):
        raise InvalidInput("the mesh must have at least 1 triangle to be textured; got none.")
    points, faces = mesh.vertices.double().numpy(), mesh.faces.long().numpy()
    atlas = lay_out(points, faces, size_px)
    owner, share = cover_texels(atlas.corners_px, size_px, margin_px=_SEAM)
    rows, columns = np.nonzero(owner >= 0)
    face = torch.from_numpy(owner[rows, columns])
    shares = torch.from_numpy(share[rows, columns])
    place, fallback, normal = _on_surface(mesh, face, shares)

    total = fallback * 1e-6
    weight = torch.full((len(face), 1), 1e-6)
    places = spread_places(gaussians, trajectory, views)
    name, _ = SPLAT_BACKENDS.load(backend, needs={"panorama"})
    height = min(size_px // 2, 2048)
    preview = None
    for number, center in enumerate(places):
        progress(ProgressEvent(number, len(places), f"texture {number + 1} of {len(places)}", preview))
        pose = torch.eye(4, dtype=torch.float64)
        pose[:3, 3] = -center
        with torch.no_grad():
            seen = render_gaussians_panorama(gaussians, pose, height, 2 * height, backend=name)
        rgb = (seen.rgb / seen.alpha.clamp_min(1e-3).unsqueeze(-1)).clamp(0, 1).cpu()
        depth = torch.where(seen.alpha > 0.5, seen.depth_ray, 0.0).cpu().unsqueeze(-1)
        preview = rgb
        for first in range(0, len(face), _CHUNK):
            part = slice(first, first + _CHUNK)
            offset = place[part].double() - center
            distance = offset.norm(dim=-1)
            ahead = offset.float()
            gap = (sample_erp(depth, ahead, mode="nearest")[:, 0] - distance.float()) / tolerance
            straight = (-(ahead * normal[part]).sum(-1) / distance.float().clamp_min(1e-9)).clamp_min(0.05)
            near = tolerance * straight / distance.float().clamp_min(1e-9)  # without unit
            vote = (torch.exp(-gap.square()) * near).pow(_PREFER).clamp_min(0).unsqueeze(-1)
            vote = vote / (near.pow(_PREFER).max() + 1e-30)
            total[part] += vote * sample_erp(rgb, ahead)
            weight[part] += vote
    texture = np.zeros((size_px, size_px, 3), np.float32)
    texture[rows, columns] = (total / weight).clamp(0, 1).numpy()
    _fill_gutter(texture, owner >= 0)
    progress(ProgressEvent(len(places), len(places), "mesh textured", torch.from_numpy(texture)))
    report: TextureReport = {
        "size": size_px,
        "charts": atlas.charts,
        "texels_per_unit": round(atlas.scale, 2),
        "used": round(len(face) / size_px**2, 3),
        "rows": height,
    }
    return _split(mesh, faces, atlas.corners_px / size_px, atlas.chart, torch.from_numpy(texture)), report


def _on_surface(mesh: Mesh, face: Tensor, shares: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return position, vertex color and normal ``[T, 3]`` of texels, from the shares of second and third corners."""
    corners = mesh.faces.long()[face]
    shares = torch.cat((1 - shares.sum(1, keepdim=True), shares), 1).unsqueeze(-1)
    place = (mesh.vertices[corners] * shares).sum(1)
    color = (mesh.colors[corners] * shares).sum(1).clamp(0, 1)
    a, b, c = (mesh.vertices[mesh.faces[:, k].long()] for k in range(3))
    normals = torch.nn.functional.normalize(torch.linalg.cross(b - a, c - a), dim=-1)
    return place, color, normals[face]


def _fill_gutter(texture: np.ndarray, known: np.ndarray) -> None:
    """Repeat the borders of charts outwards; the rest gets the mean color, so that coarse mip levels match."""
    known = known.copy()
    mean = texture[known].mean(0)
    for _ in range(GUTTER_PX + 2):
        total, count = np.zeros_like(texture), np.zeros(known.shape, np.float32)
        padded, there = np.pad(texture * known[..., None], ((1, 1), (1, 1), (0, 0))), np.pad(known, 1)
        for row in range(3):
            for column in range(3):
                part = slice(row, row + len(known)), slice(column, column + len(known))
                total += padded[part]
                count += there[part]
        new = ~known & (count > 0)
        texture[new] = total[new] / count[new][:, None]
        known |= new
    texture[~known] = mean


def _split(mesh: Mesh, faces: np.ndarray, uvs: np.ndarray, chart: np.ndarray, texture: Tensor) -> Mesh:
    """Duplicate vertices per chart: ``uvs [M, 3, 2]`` by corner become one per vertex."""
    vertices = len(mesh.vertices)
    key = (chart[:, None] * vertices + faces).reshape(-1)
    used, first, renamed = np.unique(key, return_index=True, return_inverse=True)
    old = torch.from_numpy(used % vertices)
    return Mesh(
        mesh.vertices[old],
        torch.from_numpy(renamed.reshape(faces.shape)).int(),
        mesh.colors[old],
        mesh.is_visible[old],
        uvs=torch.from_numpy(uvs.reshape(-1, 2)[first]).float(),
        texture=texture,
    )
