"""Flat Gaussians in the surfaces that a picture with distances shows, one per cell of the sphere or block of pixels."""

from __future__ import annotations

import functools
import math

import torch
from torch import Tensor

from ...checks import check_shape
from ...geometry.rotations import quats_from_matrix
from ...scene.camera import Pinhole
from ...scene.gaussians import Gaussians
from .sources import SurfelSource

__all__ = [
    "OPACITY",
    "SIGMA_PER_SPACING",
    "STRETCH_MAX",
    "THICKNESS",
    "cells_of_sphere",
    "surfels_from_erp",
    "surfels_from_picture",
    "surfels_from_pinhole",
]

SIGMA_PER_SPACING = 0.6
"""Surfel size: standard deviation per distance between neighboring surfels."""
SKY_SIGMA_PER_SPACING = 0.9
"""The same in the sky, whose surfels keep their size: from 0.85 on their sum is flat to less than 1 in 255."""
OPACITY = 0.95
STRETCH_MAX = 8.0
"""How far a surfel may stretch on a surface seen at a grazing angle: 1 / cos of the angle, at most this."""
THICKNESS = 0.15
"""Third axis, as a share of the surfel's shorter axis."""
_EDGE_SLOPE = 0.2
"""Relative change of distance per cell above which a surface is not trusted to have a normal."""


@functools.lru_cache(maxsize=4)
def cells_of_sphere(rows: int) -> tuple[Tensor, Tensor, Tensor]:
    """Divide the sphere into cells of nearly equal solid angle: ``rows`` bands, split evenly along azimuth.

    Returns:
        ``band [M]`` int64, ``first [M]`` and ``last [M]`` float64: the share of the turn, 0..1 from the
        panorama's left border, at which each cell begins and ends. Row-major. About ``4 rows^2 / pi`` cells.
    """
    polar = (torch.arange(rows, dtype=torch.float64) + 0.5) * math.pi / rows
    counts = (2 * rows * torch.sin(polar)).round().clamp_min(3).long()
    band = torch.repeat_interleave(torch.arange(rows), counts)
    start = torch.cat((torch.zeros(1, dtype=torch.long), counts.cumsum(0)[:-1]))
    within = torch.arange(len(band)) - start[band]
    share = counts[band].double()
    return band, within / share, (within + 1) / share


def _cell_mean(image: Tensor, rows: int, band: Tensor, first: Tensor, last: Tensor) -> Tensor:
    """Average an ERP image ``[H, W, C]`` over cells, exactly for constant texels (summed-area table)."""
    height, width, channels = image.shape
    table = torch.zeros(height + 1, width + 1, channels, dtype=torch.float64)
    table[1:, 1:] = image.double().cumsum(0).cumsum(1)

    def at(row: Tensor, column: Tensor) -> Tensor:
        top, left = row.floor().clamp(0, height - 1), column.floor().clamp(0, width - 1)
        down, across = (row - top).unsqueeze(-1), (column - left).unsqueeze(-1)
        top, left = top.long(), left.long()
        upper = torch.lerp(table[top, left], table[top, left + 1], across)
        lower = torch.lerp(table[top + 1, left], table[top + 1, left + 1], across)
        return torch.lerp(upper, lower, down)

    top, bottom = band.double() * (height / rows), (band.double() + 1) * (height / rows)
    left, right = first * width, last * width
    total = at(bottom, right) - at(top, right) - at(bottom, left) + at(top, left)
    return (total / ((bottom - top) * (right - left)).unsqueeze(-1)).float()


def surfels_from_picture(source: SurfelSource, *, rows: int, use: Tensor, spread: float) -> Gaussians:
    """Turn pixels of a source into surfels as dense as ``rows`` bands of cells over the sphere.

    ``spread`` is for panoramas, see `surfels_from_erp`; pinhole pictures take `SIGMA_PER_SPACING`.
    """
    common = {"use": use, "flat_to_camera": source.facing, "world_from_camera": source.world_from_camera}
    if isinstance(source.camera, Pinhole):
        stride = max(1, round(math.pi / source.camera.pixel_rad / rows))
        return surfels_from_pinhole(source.rgb, source.depth_ray, source.camera, stride=stride, **common)
    return surfels_from_erp(
        source.rgb, source.depth_ray, rows=rows, spread=spread, grain_px=source.grain_px, **common
    )


def surfels_from_erp(
    rgb: Tensor,  # [H, W, 3]
    depth_ray: Tensor,  # [H, W]
    *,
    rows: int,
    use: Tensor | None = None,  # [H, W] bool
    flat_to_camera: Tensor | None = None,  # [H, W] bool
    world_from_camera: Tensor | None = None,  # [4, 4]
    spread: float = SIGMA_PER_SPACING,
    grain_px: int = 1,
) -> Gaussians:
    """Turn an equirectangular picture with distances into flat surfels, one per cell of equal solid angle.

    A surfel is tangent to the surface: ``1 / distance`` is linear along rays that meet a plane, so its slope
    gives the normal. Of the slopes to either side the smaller is taken, which keeps the surface's own
    at a depth edge. Where even that is steep, the surfel faces the camera.

    Args:
        rgb: ``[H, W, 3]`` in [0, 1].
        depth_ray: ``[H, W]`` positive, finite where used.
        rows: bands of cells (see `cells_of_sphere`); independent of the picture's size.
        use: pixels to turn into surfels; all when None. A cell is used when its middle is.
        flat_to_camera: pixels whose surfels face the camera whatever the slope and overlap more: the sky.
        world_from_camera: pose of the picture; the identity when None.
        spread: surfel size, see `SIGMA_PER_SPACING`.
        grain_px: rows per row of the map that the distances were enlarged from: slopes are taken across so many.

    Returns:
        Surfels in world units, up to the number of cells.
    """
    size = check_shape("rgb", rgb, "H W 3")
    check_shape("depth_ray", depth_ray, f"{size['H']} {size['W']}")
    height, width = size["H"], size["W"]
    band, first, last = cells_of_sphere(rows)
    pixel_row = ((band.double() + 0.5) * height / rows).floor().long().clamp(0, height - 1)
    pixel_column = ((first + last) / 2 * width).floor().long().clamp(0, width - 1)
    keep = torch.isfinite(depth_ray[pixel_row, pixel_column])
    if use is not None:
        keep &= use[pixel_row, pixel_column]
    band, first, last = (t[keep] for t in (band, first, last))
    pixel_row, pixel_column = pixel_row[keep], pixel_column[keep]
    is_flat = None if flat_to_camera is None else flat_to_camera[pixel_row, pixel_column]
    polar, azimuth = (band.double() + 0.5) * math.pi / rows, ((first + last) / 2 - 0.5) * math.tau
    ahead, east, _ = _frame(polar, azimuth)
    reach_px = max(grain_px, round(height / rows))
    here, plane = _erp_surface(depth_ray, pixel_row, pixel_column, reach_px, math.pi / rows, is_flat)
    followed = (plane * ahead).sum(-1)  # inverse depth on the pixel's plane along the cell's own ray
    here = torch.where((followed / here - 1).abs() < _EDGE_SLOPE, followed, here)
    # The plane n . p = c gives inverse depth = n . ray / c: its gradient is the normal, up to length.
    normal = torch.nn.functional.normalize(plane, dim=-1)
    facing = (normal * ahead).sum(-1).clamp(1e-3, 1.0)

    distance = 1 / here
    along = ahead - facing[:, None] * normal  # down the slope, as far from the viewing direction as it gets
    along = torch.where((along.norm(dim=-1, keepdim=True) < 1e-6), east, along)
    along = torch.nn.functional.normalize(along - (along * normal).sum(-1, keepdim=True) * normal, dim=-1)
    across = _wider_sky(spread * (math.pi / rows) * distance, is_flat)
    means, colors = ahead * distance[:, None], _cell_mean(rgb, rows, band, first, last)
    return _surfels(means, normal, along, across, facing, colors, world_from_camera)


def _erp_surface(
    depth_ray: Tensor, row: Tensor, column: Tensor, reach_px: int, spacing: float, is_flat: Tensor | None
) -> tuple[Tensor, Tensor]:  # [M], [M, 3]
    """Return inverse depth at pixels and its gradient in the ray; where it is steep, as if facing the camera."""
    here, slopes = _surface(depth_ray, row, column, reach_px=reach_px)
    steep = torch.stack(slopes).abs().amax(0) * spacing > _EDGE_SLOPE * here
    if is_flat is not None:
        steep |= is_flat
    across_slope, down_slope = (torch.where(steep, 0.0, slope) for slope in slopes)
    middle, east, south = _frame(*_pixel_angles(row, column, *depth_ray.shape))
    return here, here[:, None] * middle + across_slope[:, None] * east + down_slope[:, None] * south


def _frame(polar: Tensor, azimuth: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return the unit ray ``[M, 3]`` and the unit tangents to the east (right) and the south (down)."""
    polar, azimuth = polar.double(), azimuth.double()
    ring, height = torch.sin(polar), torch.cos(polar)
    sin, cos = torch.sin(azimuth), torch.cos(azimuth)
    ray = torch.stack((ring * sin, -height, ring * cos), dim=-1)
    east = torch.stack((cos, torch.zeros_like(cos), -sin), dim=-1)
    return ray, east, torch.stack((height * sin, ring, height * cos), dim=-1)


def _pixel_angles(row: Tensor, column: Tensor, height: int, width: int) -> tuple[Tensor, Tensor]:
    """Polar angle and azimuth of pixel centers, float64."""
    return (row.double() + 0.5) * (math.pi / height), ((column.double() + 0.5) / width - 0.5) * math.tau


def _surface(
    depth_ray: Tensor, row: Tensor, column: Tensor, *, reach_px: int
) -> tuple[Tensor, tuple[Tensor, Tensor]]:
    """Return inverse depth (1 / distance) at pixels and its slopes per radian to the east and the south.

    On a plane inverse depth is linear in the ray: ``q(r) = g . r`` with ``g = q r0 + a east + b south``. Each
    neighbor gives one equation; of the two on an axis, the one with the smaller slope is believed.
    """
    height, width = depth_ray.shape
    polar, azimuth = _pixel_angles(row, column, height, width)
    ray, east, south = _frame(polar, azimuth)
    here = 1 / depth_ray[row, column].double()

    def slope(other_row: Tensor, other_column: Tensor, axis: Tensor, known: Tensor | float) -> Tensor:
        beyond = (other_row < 0) | (other_row >= height)  # over the pole: the other side of the turn
        # The sine of a polar angle beyond 0 or pi is negative, which turns the ray to the other side by itself.
        other_ray, _, _ = _frame(*_pixel_angles(other_row, other_column, height, width))
        other_column = torch.where(beyond, other_column + width // 2, other_column) % width
        other_row = torch.where(other_row < 0, -1 - other_row, other_row)
        other_row = torch.where(other_row >= height, 2 * height - 1 - other_row, other_row)
        inverse_depth = 1 / depth_ray[other_row, other_column].double()
        rest = inverse_depth - here * (ray * other_ray).sum(-1)
        if isinstance(known, Tensor):
            rest = rest - known * (south * other_ray).sum(-1)
        return rest / (axis * other_ray).sum(-1)

    def smaller(a: Tensor, b: Tensor) -> Tensor:
        return torch.where(a.abs() < b.abs(), a, b)

    down = smaller(slope(row + reach_px, column, south, 0.0), slope(row - reach_px, column, south, 0.0))
    # As many columns as make about the same angle on this row.
    across = (reach_px / torch.sin(polar)).round().long().clamp(1, width // 8)
    right = smaller(slope(row, column + across, east, down), slope(row, column - across, east, down))
    return here, (right, down)


def surfels_from_pinhole(
    rgb: Tensor,  # [H, W, 3]
    depth_ray: Tensor,  # [H, W]
    camera: Pinhole,
    *,
    stride: int = 1,
    use: Tensor | None = None,  # [H, W] bool
    flat_to_camera: Tensor | None = None,  # [H, W] bool
    world_from_camera: Tensor | None = None,  # [4, 4]
) -> Gaussians:
    """Turn a pinhole picture with ray distances into surfels, one per ``stride`` x ``stride`` pixels.

    A surfel is in the plane of its neighbors' points; at an edge of the distance it faces the camera. Its size
    is the footprint of its pixels.
    """
    height, width = camera.size_px
    rows = torch.arange(stride // 2, height, stride)
    columns = torch.arange(stride // 2, width, stride)
    row, column = (g.flatten() for g in torch.meshgrid(rows, columns, indexing="ij"))
    keep = torch.isfinite(depth_ray[row, column])
    if use is not None:
        keep &= use[row, column]
    row, column = row[keep], column[keep]
    is_flat = None if flat_to_camera is None else flat_to_camera[row, column]
    here, ray, normal = _pinhole_surface(camera, depth_ray, row, column, stride, is_flat)
    facing = (normal * ray).sum(-1).clamp(1e-3, 1.0)
    side = torch.linalg.cross(normal, torch.tensor((0.0, 1.0, 0.0), dtype=torch.float64).expand_as(normal))
    side = torch.where(side.norm(dim=-1, keepdim=True) < 1e-6, torch.tensor((1.0, 0.0, 0.0)).double(), side)
    along = ray - facing[:, None] * normal
    along = torch.where(along.norm(dim=-1, keepdim=True) < 1e-6, side, along)
    along = torch.nn.functional.normalize(along, dim=-1)
    focal = math.sqrt(camera.focal_px[0] * camera.focal_px[1])
    across = SIGMA_PER_SPACING * stride / focal * here.norm(dim=-1) * ray[:, 2].clamp_min(0.1)
    pooled = torch.nn.functional.avg_pool2d(
        rgb.permute(2, 0, 1)[None].float(), stride, stride=1, padding=stride // 2, count_include_pad=False
    )[0].permute(1, 2, 0)
    return _surfels(
        here, normal, along, _wider_sky(across, is_flat), facing, pooled[row, column], world_from_camera
    )


def _pinhole_surface(
    camera: Pinhole, depth_ray: Tensor, row: Tensor, column: Tensor, stride: int, is_flat: Tensor | None
) -> tuple[Tensor, Tensor, Tensor]:  # [M, 3] each
    """Return points at pixels, their rays and the normals that their neighbors span, away from the camera."""
    height, width = camera.size_px
    unit = camera.rays()
    points = unit * torch.nan_to_num(depth_ray.double(), posinf=float("nan"))[..., None]
    left, right = (
        points[row, (column - stride).clamp_min(0)],
        points[row, (column + stride).clamp_max(width - 1)],
    )
    above, below = (
        points[(row - stride).clamp_min(0), column],
        points[(row + stride).clamp_max(height - 1), column],
    )
    here, ray = points[row, column], unit[row, column]
    normal = torch.nn.functional.normalize(torch.linalg.cross(below - above, right - left), dim=-1)
    distance = here.norm(dim=-1)
    jump = torch.stack([(p.norm(dim=-1) / distance - 1).abs() for p in (left, right, above, below)]).amax(0)
    turned = normal * torch.sign((normal * ray).sum(-1, keepdim=True))
    steep = ~(jump < _EDGE_SLOPE) | ~torch.isfinite(turned).all(-1)
    if is_flat is not None:
        steep |= is_flat
    return here, ray, torch.where(steep[:, None], ray, turned)


def _wider_sky(across: Tensor, is_flat: Tensor | None) -> Tensor:
    if is_flat is None:
        return across
    return torch.where(is_flat, SKY_SIGMA_PER_SPACING / SIGMA_PER_SPACING, 1.0) * across


def _surfels(
    means: Tensor,  # [M, 3]
    normal: Tensor,  # [M, 3]
    along: Tensor,  # [M, 3]
    across: Tensor,  # [M]
    facing: Tensor,  # [M]
    colors: Tensor,  # [M, 3]
    world_from_camera: Tensor | None,
) -> Gaussians:
    """Return flat Gaussians: ``across`` wide, stretched ``along`` the slope as their tilt asks for."""
    axes = torch.stack((along, torch.linalg.cross(normal, along), normal), dim=-1)
    scales = torch.stack((across / facing.clamp_min(1 / STRETCH_MAX), across, THICKNESS * across), dim=-1)
    if world_from_camera is not None:
        pose = world_from_camera.double()
        means, axes = means @ pose[:3, :3].T + pose[:3, 3], pose[:3, :3] @ axes
    opacities = torch.full((len(means),), OPACITY)
    return Gaussians.from_colors(
        means.float(), quats_from_matrix(axes).float(), scales.float(), opacities, colors
    )
