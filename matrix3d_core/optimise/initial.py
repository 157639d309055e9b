"""Initial Gaussians: flat discs on the surfaces that a panorama and the filled frames of a path show."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from ..checks import check_shape
from ..errors import InvalidInput
from ..geometry.rotations import quats_from_matrix
from ..geometry.spherical import pixels_from_directions
from ..scene.gaussians import Gaussians
from ..scene.panorama import PanoramaGeometry
from ..scene.trajectory import Trajectory

__all__ = ["InitialPart", "cells_of_sphere", "discs_from_erp", "initial_gaussians"]

SIGMA_PER_SPACING = 0.6
"""Disc size: standard deviation per distance between neighbouring discs."""
OPACITY = 0.95
STRETCH_MAX = 8.0
"""How far a disc may stretch on a surface seen at a grazing angle: 1 / cos of the angle, at most this."""
THICKNESS = 0.15
"""Third axis, as a share of the disc's shorter axis."""
_EDGE_SLOPE = 0.2
"""Relative change of distance per cell above which a surface is not trusted to have a normal."""
_COVERED = 0.04
"""A filled point within this share of its distance of a surface that another frame shows is the same point."""
_SKY_DENSITY = 0.5

InitialPart = tuple[Gaussians, str]


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


def discs_from_erp(
    rgb: Tensor,  # [H, W, 3]
    depth_ray: Tensor,  # [H, W]
    *,
    rows: int,
    use: Tensor | None = None,  # [H, W] bool
    flat_to_camera: Tensor | None = None,  # [H, W] bool
    world_from_camera: Tensor | None = None,  # [4, 4]
) -> Gaussians:
    """Turn an equirectangular picture with distances into flat discs, one per cell of equal solid angle.

    A disc lies in the surface: ``1 / distance`` is linear along rays that meet a plane, so its slope
    gives the normal. Of the slopes to either side the smaller is taken, which keeps the surface's own
    at a depth edge. Where even that is steep, the disc faces the camera.

    Args:
        rgb: ``[H, W, 3]`` in [0, 1].
        depth_ray: ``[H, W]`` positive, finite where used.
        rows: bands of cells (see `cells_of_sphere`); independent of the picture's size.
        use: pixels to turn into discs; all when None. A cell is used when its middle is.
        flat_to_camera: pixels whose discs face the camera whatever the slope, such as sky.
        world_from_camera: pose of the picture; the identity when None.

    Returns:
        Discs in world units, up to the number of cells.
    """
    size = check_shape("rgb", rgb, "H W 3")
    check_shape("depth_ray", depth_ray, f"{size['H']} {size['W']}")
    height, width = size["H"], size["W"]
    band, first, last = cells_of_sphere(rows)
    polar = (band.double() + 0.5) * math.pi / rows
    azimuth = ((first + last) / 2 - 0.5) * math.tau
    pixel_row = ((band.double() + 0.5) * height / rows).floor().long().clamp(0, height - 1)
    pixel_column = ((first + last) / 2 * width).floor().long().clamp(0, width - 1)
    keep = torch.isfinite(depth_ray[pixel_row, pixel_column])
    if use is not None:
        keep &= use[pixel_row, pixel_column]
    band, first, last, polar, azimuth = (t[keep] for t in (band, first, last, polar, azimuth))
    pixel_row, pixel_column = pixel_row[keep], pixel_column[keep]
    ahead, east, _ = _frame(polar, azimuth)
    here, slopes = _surface(depth_ray, pixel_row, pixel_column, reach_px=max(1, round(height / rows)))
    steep = torch.stack(slopes).abs().amax(0) * math.pi / rows > _EDGE_SLOPE * here
    if flat_to_camera is not None:
        steep |= flat_to_camera[pixel_row, pixel_column]
    across_slope, down_slope = (torch.where(steep, 0.0, slope) for slope in slopes)
    middle, pixel_east, pixel_south = _frame(*_pixel_angles(pixel_row, pixel_column, height, width))
    plane = here[:, None] * middle + across_slope[:, None] * pixel_east + down_slope[:, None] * pixel_south
    followed = (plane * ahead).sum(-1)  # closeness on the pixel's plane along the cell's own ray
    here = torch.where((followed / here - 1).abs() < _EDGE_SLOPE, followed, here)
    # The plane n . p = c gives closeness = n . ray / c: its gradient is the normal, up to length.
    normal = torch.nn.functional.normalize(plane, dim=-1)
    facing = (normal * ahead).sum(-1).clamp(1e-3, 1.0)

    distance = 1 / here
    along = ahead - facing[:, None] * normal  # down the slope, as far from the viewing direction as it gets
    along = torch.where((along.norm(dim=-1, keepdim=True) < 1e-6), east, along)
    along = torch.nn.functional.normalize(along - (along * normal).sum(-1, keepdim=True) * normal, dim=-1)
    axes = torch.stack((along, torch.linalg.cross(normal, along), normal), dim=-1)
    spacing = math.pi / rows
    across = SIGMA_PER_SPACING * spacing * distance
    scales = torch.stack((across / facing.clamp_min(1 / STRETCH_MAX), across, THICKNESS * across), dim=-1)
    means = ahead * distance[:, None]
    if world_from_camera is not None:
        pose = world_from_camera.double()
        means = means @ pose[:3, :3].T + pose[:3, 3]
        axes = pose[:3, :3] @ axes
    return Gaussians.from_colours(
        means.float(),
        quats_from_matrix(axes).float(),
        scales.float(),
        torch.full((len(means),), OPACITY),
        _cell_mean(rgb, rows, band, first, last),
    )


def _frame(polar: Tensor, azimuth: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return the unit ray ``[M, 3]`` and the unit tangents to the east (right) and the south (down)."""
    polar, azimuth = polar.double(), azimuth.double()
    ring, height = torch.sin(polar), torch.cos(polar)
    sin, cos = torch.sin(azimuth), torch.cos(azimuth)
    ray = torch.stack((ring * sin, -height, ring * cos), dim=-1)
    east = torch.stack((cos, torch.zeros_like(cos), -sin), dim=-1)
    return ray, east, torch.stack((height * sin, ring, height * cos), dim=-1)


def _pixel_angles(row: Tensor, column: Tensor, height: int, width: int) -> tuple[Tensor, Tensor]:
    """Polar angle and azimuth of pixel centres, float64."""
    return (row.double() + 0.5) * (math.pi / height), ((column.double() + 0.5) / width - 0.5) * math.tau


def _surface(
    depth_ray: Tensor, row: Tensor, column: Tensor, *, reach_px: int
) -> tuple[Tensor, tuple[Tensor, Tensor]]:
    """Return closeness (1 / distance) at pixels and its slopes per radian to the east and the south.

    On a plane closeness is linear in the ray: ``q(r) = g . r`` with ``g = q r0 + a east + b south``. Each
    neighbour gives one equation; of the two on an axis, the one with the smaller slope is believed.
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
        closeness = 1 / depth_ray[other_row, other_column].double()
        rest = closeness - here * (ray * other_ray).sum(-1)
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


def initial_gaussians(
    *,
    geometry: PanoramaGeometry | None = None,
    frames: Tensor | None = None,  # [T, H, W, 3]
    depth_ray: Tensor | None = None,  # [T, H, W]
    mask: Tensor | None = None,  # [T, H, W]
    trajectory: Trajectory | None = None,
    key_frames: Sequence[int] = (),
    max_gaussians: int = 300_000,
) -> tuple[Gaussians, dict[str, int]]:
    """Lay discs over everything that the panorama and the key frames show, in the trajectory's frame.

    The panorama's own texels come first (or, without a panorama, frame 0's). Then, key frame by key
    frame, what is new: pixels that the mask leaves open and whose point no earlier one shows. Sky lies
    at its own stand-in distance, facing the centre, with fewer and larger discs.

    Args:
        geometry: the source panorama.
        frames: the filled frames.
        depth_ray: their ray distances.
        mask: 1 where a frame shows the source panorama; without it only the first picture is used.
        trajectory: poses of the frames; the panorama is at the origin of a ``panorama`` trajectory and
            at the first pose of a ``world`` one.
        key_frames: frames to search for new content, ascending.
        max_gaussians: the finest even density that keeps below this is used.

    Returns:
        The Gaussians, and how many came from where: ``source``, ``sky``, ``filled``.

    Raises:
        InvalidInput: when there is neither a panorama nor a distance to start from.
    """
    if max_gaussians < 100:
        raise InvalidInput(f"max_gaussians must be at least 100; got {max_gaussians}.")
    if geometry is not None:
        rgb, distance, sky = geometry.rgb, geometry.depth_ray, geometry.is_sky
        start = torch.eye(4, dtype=torch.float64)
        if trajectory is not None and trajectory.frame_of_reference != "panorama":
            start = trajectory.world_from_camera[0]
    elif frames is not None and depth_ray is not None and trajectory is not None:
        rgb, distance, start = frames[0], depth_ray[0], trajectory.world_from_camera[0]
        sky = torch.zeros_like(distance, dtype=torch.bool)
    else:
        raise InvalidInput(
            "initial Gaussians need a distance to start from; got no geometry, no depth and no initial splat. "
            "Connect one of them."
        )
    new = _new_content(distance, start, depth_ray, mask, trajectory, key_frames)
    rows = _rows_for(max_gaussians, _share(~sky), _share(sky), sum(_share(pixels) for pixels in new.values()))
    parts, counts = [], {}
    parts.append(discs_from_erp(rgb, distance, rows=rows, use=~sky, world_from_camera=start))
    counts["source"] = len(parts[-1])
    parts.append(
        discs_from_erp(
            rgb,
            distance,
            rows=max(8, int(rows * _SKY_DENSITY)),
            use=sky,
            flat_to_camera=sky,
            world_from_camera=start,
        )
    )
    counts["sky"] = len(parts[-1])
    for frame, pixels in new.items():
        assert frames is not None
        assert depth_ray is not None
        assert trajectory is not None
        pose = trajectory.world_from_camera[frame]
        parts.append(
            discs_from_erp(frames[frame], depth_ray[frame], rows=rows, use=pixels, world_from_camera=pose)
        )
    counts["filled"] = sum(len(part) for part in parts[2:])
    return Gaussians.concatenate(*parts), counts


def _share(pixels: Tensor) -> float:
    """Share of the sphere that a mask ``[H, W]`` covers."""
    polar = (torch.arange(pixels.shape[0]) + 0.5) * math.pi / pixels.shape[0]
    weight = torch.sin(polar)
    return float((pixels.float().mean(1) * weight).sum() / weight.sum())


def _rows_for(max_gaussians: int, source: float, sky: float, filled: float) -> int:
    """Bands of cells such that shares of the sphere, at their densities, make at most that many discs."""
    spheres = source + sky * _SKY_DENSITY**2 + filled
    return max(8, int(math.sqrt(0.985 * max_gaussians * math.pi / 4 / max(spheres, 1e-3))))


def _new_content(
    distance: Tensor,
    start: Tensor,
    depth_ray: Tensor | None,
    mask: Tensor | None,
    trajectory: Trajectory | None,
    key_frames: Sequence[int],
) -> dict[int, Tensor]:  # frame -> [H, W] bool
    """Find the pixels of each key frame that show something which no earlier picture shows."""
    new: dict[int, Tensor] = {}
    if depth_ray is None or mask is None or trajectory is None:
        return new
    shown = [(distance, torch.linalg.inv(start))]
    for frame in key_frames:
        pixels = (mask[frame] < 0.5) & torch.isfinite(depth_ray[frame])
        row, column = pixels.nonzero(as_tuple=True)
        height, width = pixels.shape
        ray, _, _ = _frame(*_pixel_angles(row, column, height, width))
        pose = trajectory.world_from_camera[frame]
        points = (ray * depth_ray[frame][row, column, None]) @ pose[:3, :3].T + pose[:3, 3]
        open_ = torch.ones(len(points), dtype=torch.bool)
        for seen_distance, camera_from_world in shown:
            view = camera_from_world
            local = points @ view[:3, :3].T + view[:3, 3]
            columns, rows = pixels_from_directions(
                local, height=seen_distance.shape[0], width=seen_distance.shape[1]
            )
            nearest = seen_distance[
                rows.round().long().clamp(0, seen_distance.shape[0] - 1),
                columns.round().long() % seen_distance.shape[1],
            ]
            reach = local.norm(dim=-1)
            open_ &= ~((nearest - reach).abs() < _COVERED * reach)
        fresh = torch.zeros_like(pixels)
        fresh[row[open_], column[open_]] = True
        if fresh.any():
            new[frame] = fresh
        shown.append((depth_ray[frame], trajectory.camera_from_world[frame]))
    return new
