"""Occupancy of a world for walking: a grid of solid cells from a panorama's geometry or from a mesh."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ..checks import check_shape
from ..errors import InvalidInput
from ..geometry.spherical import directions_from_pixels, pixels_from_directions, sample_erp
from ..progress import ProgressEvent, ProgressFn, no_progress
from ..scene.mesh import Mesh
from ..scene.panorama import PanoramaGeometry
from .occupancy import Occupancy

__all__ = ["meter_of", "walls_of_mesh", "walls_of_panorama"]

EYE_M = 1.6
_REACH_M = 20.0  # walls farther than this are not needed: out of walking reach of one panorama
_HEIGHT_M = 6.0  # above and below the eye
_CELL_M = 0.06
_MOST_CELLS = 5_000_000
_HULL_ROWS = 64
_HULL_RAD = math.radians(15)  # objects narrower than twice this can be walked around
_NEAR, _BEHIND = 0.7, 1.3  # thickness of a surface before and behind it, cells
_FLOOR_RAD = math.radians(20)  # around straight down
_CHUNK = 1 << 19


def meter_of(geometry: PanoramaGeometry) -> float:
    """Return world units per meter: 1 when metric, else from an eye height of 1.6 m above the ground below."""
    if geometry.is_metric:
        return 1.0
    rows = max(1, round(geometry.height * _FLOOR_RAD / math.pi))
    below = geometry.depth_ray[-rows:].to(torch.float64)
    pitch = (torch.arange(rows, dtype=torch.float64) + 0.5) * math.pi / geometry.height
    down = below * pitch.flip(0).cos()[:, None]
    return max(float(down.median()) / EYE_M, 1e-6)


def walls_of_panorama(
    geometry: PanoramaGeometry,
    *,
    world_from_panorama: Tensor | None = None,  # [4, 4]
    progress: ProgressFn = no_progress,
) -> Occupancy:
    """Return the solid cells of a panorama's geometry, inside a closed hull.

    Solid are cells at the surface of each pixel, and everything behind the hull: the gray-scale closing of the
    distances on the sphere, 15 degrees wide. So one can walk around an object narrower than 30 degrees although
    its back is unobserved, and never leave the world. Sky is no surface, only hull.

    Args:
        geometry: the panorama.
        world_from_panorama: its rigid pose, see `Trajectory.world_from_panorama`; None: at the world's origin.
        progress: called between slices of the grid.
    """
    pose = torch.eye(4, dtype=torch.float64) if world_from_panorama is None else world_from_panorama
    check_shape("world_from_panorama", pose, "4 4")
    turn, center = pose[:3, :3].to("cpu", torch.float64), pose[:3, 3].to("cpu", torch.float64)
    unit = meter_of(geometry)
    depth = geometry.depth_ray.to(torch.float64)
    hull = _closed(depth)
    points = torch.cat([(_directions(*d.shape) * d[..., None]).reshape(-1, 3) for d in (hull, depth)])
    reach = torch.tensor([_REACH_M, _HEIGHT_M, _REACH_M], dtype=torch.float64) * unit
    points = points @ turn.mT
    low = torch.maximum(points.amin(0), -reach)
    high = torch.minimum(points.amax(0), reach)
    cell, corner, size = _grid(low, high, unit)  # axes of the world, seen from the panorama's center
    log_depth = depth.log()
    slope_x = _gentle(log_depth, 1)
    slope_y = _gentle(log_depth, 0)
    fine_hull = sample_erp(hull[..., None], _directions(geometry.height, geometry.width))[..., 0]
    sky = geometry.is_sky.to(torch.float64)
    columns = (log_depth, slope_x, slope_y, sky, torch.maximum(fine_hull, depth))
    tables = [column.to(torch.float32).reshape(-1) for column in columns]
    solid = torch.zeros(size[2], size[1], size[0], dtype=torch.bool)
    x = corner[0] + cell * (torch.arange(size[0], dtype=torch.float32) + 0.5)
    y = corner[1] + cell * (torch.arange(size[1], dtype=torch.float32) + 0.5)
    slices = max(1, _CHUNK // (size[0] * size[1]))
    for start in range(0, size[2], slices):
        progress(ProgressEvent(start, size[2], "build the occupancy grid"))
        stop = min(start + slices, size[2])
        z = corner[2] + cell * (torch.arange(start, stop, dtype=torch.float32) + 0.5)
        at = torch.stack(torch.meshgrid(z, y, x, indexing="ij")[::-1], dim=-1)
        solid[start:stop] = _is_solid(at @ turn.float(), tables, geometry.height, cell)
    x0, y0, z0 = (torch.tensor(corner, dtype=torch.float64) + center).tolist()
    return Occupancy(solid, (x0, y0, z0), cell, is_outside_solid=True, unit=unit)


def walls_of_mesh(mesh: Mesh, *, unit: float = 1.0) -> Occupancy:
    """Return the cells that the triangles of a mesh pass through; everything outside its box is free.

    Args:
        mesh: in the world frame.
        unit: world units per meter.

    Raises:
        InvalidInput: when it has no triangles.
    """
    if len(mesh.faces) == 0:
        raise InvalidInput("collider must hold at least 1 triangle; got none.")
    vertices = mesh.vertices.to(torch.float64)
    corners = vertices[mesh.faces.long()]  # [M, 3, 3]
    used = corners.reshape(-1, 3)
    low, high = used.amin(0), used.amax(0)
    cell, origin, size = _grid(low, high, unit)
    solid = torch.zeros(size[2] * size[1] * size[0], dtype=torch.bool)
    edges = torch.stack(
        (corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0], corners[:, 2] - corners[:, 1]), dim=1
    )
    steps = (edges.norm(dim=-1).amax(-1) / (0.5 * cell)).ceil().clamp(min=1).long()
    corner = torch.tensor(origin, dtype=torch.float64)
    for count in steps.unique().tolist():
        chosen = corners[steps == count]
        a, b = torch.meshgrid(torch.arange(count + 1), torch.arange(count + 1), indexing="ij")
        inside = a + b <= count
        weights = torch.stack((count - a - b, a, b), dim=-1)[inside].to(torch.float64) / count  # [P, 3]
        most = max(1, _CHUNK // len(weights))
        for start in range(0, len(chosen), most):
            points = torch.einsum("pk,mkc->mpc", weights, chosen[start : start + most]).reshape(-1, 3)
            index = ((points - corner) / cell).floor().long()
            index = torch.minimum(index.clamp(min=0), torch.tensor(size) - 1)
            solid[index[:, 0] + size[0] * (index[:, 1] + size[1] * index[:, 2])] = True
    return Occupancy(solid.reshape(size[2], size[1], size[0]), origin, cell, unit=unit)


def _grid(low: Tensor, high: Tensor, unit: float) -> tuple[float, tuple[float, float, float], list[int]]:
    """Return cell, origin and size (x, y, z) of a grid around a box, within the budget of cells."""
    extent = (high - low).clamp(min=1e-6 * unit)
    cell = max(_CELL_M * unit, float((extent.prod() / _MOST_CELLS) ** (1 / 3)))
    while math.prod(math.ceil(e / cell) + 2 for e in extent.tolist()) > _MOST_CELLS:
        cell *= 1.1
    size = [math.ceil(e / cell) + 2 for e in extent.tolist()]
    x, y, z = ((low + high) / 2 - 0.5 * cell * torch.tensor(size, dtype=torch.float64)).tolist()
    return cell, (x, y, z), size


def _directions(height: int, width: int) -> Tensor:
    rows, columns = torch.meshgrid(
        torch.arange(height, dtype=torch.float64), torch.arange(width, dtype=torch.float64), indexing="ij"
    )
    return directions_from_pixels(columns, rows, height=height, width=width)


def _closed(depth: Tensor) -> Tensor:
    """Return the hull ``[h, 2h]`` of a distance map: its closing by a disk on the sphere."""
    rows = min(_HULL_ROWS, depth.shape[0])
    coarse = torch.nn.functional.adaptive_avg_pool2d(depth[None], (rows, 2 * rows))[0]
    directions = _directions(rows, 2 * rows).reshape(-1, 3)
    values = coarse.reshape(-1).to(torch.float32)
    directions = directions.to(torch.float32)
    for pick, nothing in ((torch.amax, -math.inf), (torch.amin, math.inf)):
        parts = []
        for part in directions.split(512):
            is_near = part @ directions.T > math.cos(_HULL_RAD)
            parts.append(pick(values.expand(len(part), -1).masked_fill(~is_near, nothing), -1))
        values = torch.cat(parts)
    # Where a flat wall is nearest, the closing fills it up to its edge: farther by 1 / cos at most.
    return values.reshape(rows, 2 * rows).to(torch.float64) * math.cos(_HULL_RAD)


def _gentle(values: Tensor, axis: int) -> Tensor:
    """Return the smaller slope to both neighbors, 0 where they differ in sign: a step is not a slope."""
    if axis == 1:
        after, before = values.roll(-1, 1) - values, values - values.roll(1, 1)
    else:
        rise = values.diff(dim=0)
        after = torch.cat((rise, torch.zeros_like(values[:1])))
        before = torch.cat((torch.zeros_like(values[:1]), rise))
    gentle = torch.where(after.abs() < before.abs(), after, before)
    return gentle * (after * before > 0)


def _is_solid(at: Tensor, tables: list[Tensor], height: int, cell: float) -> Tensor:
    """Decide for the middles ``[..., 3]`` of cells."""
    width = 2 * height
    columns, rows = pixels_from_directions(at, height=height, width=width)
    row, column = rows.round().clamp(0, height - 1), columns.round()
    index = row.long() * width + column.long() % width
    log_depth, slope_x, slope_y, sky, outer = (table[index] for table in tables)
    away = at.norm(dim=-1).clamp(min=1e-6)
    seen = torch.exp(log_depth + slope_x * (columns - column) + slope_y * (rows - row))
    level = (torch.hypot(at[..., 0], at[..., 2]) / away).clamp(min=1e-3)  # cosine of the pitch
    across, along = slope_x * (width / math.tau) / level, slope_y * (height / math.pi)
    gap = (away - seen) / (torch.sqrt(1 + across.square() + along.square()) * cell)  # along the normal, cells
    is_surface = (gap >= -_NEAR) & (gap <= _BEHIND) & (sky < 0.5)
    result: Tensor = is_surface | (away > torch.maximum(outer, seen))
    return result
