"""Initial Gaussians: flat surfels on the surfaces that a panorama and the filled frames of a path show."""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from ..checks import check_shape
from ..depth.plane_sweep import PlaneSweepDepth, look_up, sweep_rays
from ..errors import InvalidInput
from ..geometry.pinhole import pinhole_directions
from ..geometry.rotations import quats_from_matrix
from ..raster.splat import render_gaussians, render_gaussians_panorama
from ..scene.gaussians import Gaussians
from ..scene.panorama import PanoramaGeometry
from ..scene.provenance import ORIGIN_OBSERVED, ORIGIN_SOURCE, ORIGIN_UNOBSERVED, ORIGINS
from ..scene.trajectory import Trajectory

__all__ = [
    "ORIGINS",
    "ORIGIN_OBSERVED",
    "ORIGIN_SOURCE",
    "ORIGIN_UNOBSERVED",
    "GaussianInit",
    "cells_of_sphere",
    "extend_gaussians",
    "init_gaussians",
    "surfels_from_erp",
    "surfels_from_pinhole",
]  # fmt: skip

SIGMA_PER_SPACING = 0.6
"""Surfel size: standard deviation per distance between neighbouring surfels."""
SKY_SIGMA_PER_SPACING = 0.9
"""The same in the sky, whose surfels keep their size: from 0.85 on their sum is flat to less than 1 in 255."""
OPACITY = 0.95
STRETCH_MAX = 8.0
"""How far a surfel may stretch on a surface seen at a grazing angle: 1 / cos of the angle, at most this."""
THICKNESS = 0.15
"""Third axis, as a share of the surfel's shorter axis."""
_EDGE_SLOPE = 0.2
"""Relative change of distance per cell above which a surface is not trusted to have a normal."""
_COVERED = 0.04
"""A filled point within this share of its distance of a surface that another frame shows is the same point."""
_SKY_DENSITY = 0.6
_SKY_BEHIND_DEG = 10.0
_COARSE_SIGMA_PER_SPACING = 0.7  # where the picture is smooth, a flat sum matters more than sharpness
_SMOOTH = 0.012  # colours that are off the mean of their neighbourhood by less look the same twice as coarse


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

    A surfel lies in the surface: ``1 / distance`` is linear along rays that meet a plane, so its slope
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
    here, slopes = _surface(depth_ray, pixel_row, pixel_column, reach_px=max(grain_px, round(height / rows)))
    steep = torch.stack(slopes).abs().amax(0) * math.pi / rows > _EDGE_SLOPE * here
    if flat_to_camera is not None:
        steep |= flat_to_camera[pixel_row, pixel_column]
    across_slope, down_slope = (torch.where(steep, 0.0, slope) for slope in slopes)
    middle, pixel_east, pixel_south = _frame(*_pixel_angles(pixel_row, pixel_column, height, width))
    plane = here[:, None] * middle + across_slope[:, None] * pixel_east + down_slope[:, None] * pixel_south
    followed = (plane * ahead).sum(-1)  # inverse_depth on the pixel's plane along the cell's own ray
    here = torch.where((followed / here - 1).abs() < _EDGE_SLOPE, followed, here)
    # The plane n . p = c gives inverse_depth = n . ray / c: its gradient is the normal, up to length.
    normal = torch.nn.functional.normalize(plane, dim=-1)
    facing = (normal * ahead).sum(-1).clamp(1e-3, 1.0)

    distance = 1 / here
    along = ahead - facing[:, None] * normal  # down the slope, as far from the viewing direction as it gets
    along = torch.where((along.norm(dim=-1, keepdim=True) < 1e-6), east, along)
    along = torch.nn.functional.normalize(along - (along * normal).sum(-1, keepdim=True) * normal, dim=-1)
    axes = torch.stack((along, torch.linalg.cross(normal, along), normal), dim=-1)
    spacing = math.pi / rows
    across = spread * spacing * distance
    if flat_to_camera is not None:
        is_sky = flat_to_camera[pixel_row, pixel_column]
        across = torch.where(is_sky, SKY_SIGMA_PER_SPACING / SIGMA_PER_SPACING, 1.0) * across
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
    """Return inverse_depth (1 / distance) at pixels and its slopes per radian to the east and the south.

    On a plane inverse_depth is linear in the ray: ``q(r) = g . r`` with ``g = q r0 + a east + b south``. Each
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


@dataclass(frozen=True)
class GaussianInit:
    """Where a fit starts.

    Attributes:
        gaussians: the surfels, in the trajectory's frame.
        origins: ``[N]`` uint8, index into `ORIGINS`.
        is_sky: ``[N]`` bool, surfels of the sky shell, which keep their distance.
        counts: how many came from where: ``source``, ``sky``, ``filled``.
        lr_scale: ``[N]`` float32, share of the learning rates for each; None: all of them.
    """

    gaussians: Gaussians
    origins: Tensor
    is_sky: Tensor
    counts: dict[str, int]
    lr_scale: Tensor | None = None


def init_gaussians(
    *,
    geometry: PanoramaGeometry | None = None,
    frames: Tensor | None = None,  # [T, H, W, 3]
    depth_ray: Tensor | None = None,  # [T, H, W]
    mask: Tensor | None = None,  # [T, H, W]
    trajectory: Trajectory | None = None,
    key_frames: Sequence[int] = (),
    swept_depth: Mapping[int, PlaneSweepDepth] | None = None,
    max_gaussians: int = 300_000,
    adaptive_density: bool = False,
) -> GaussianInit:
    """Lay surfels over everything that the panorama and the key frames show, in the trajectory's frame.

    The panorama's own texels come first (or, without a panorama, the first key frame's). Then, key frame by key
    frame, what is new: pixels whose point no earlier one shows. Sky lies at its own stand-in distance, facing
    the centre, with fewer and larger surfels.

    Args:
        geometry: the source panorama.
        frames: the filled frames.
        depth_ray: their ray distances.
        mask: 1 where a frame shows the source panorama; only what is below one half can be new. Without it
            ``depth_ray`` serves the first picture only.
        trajectory: poses of the frames; the panorama is at the origin of a ``panorama`` trajectory and
            at the first pose of a ``world`` one.
        key_frames: frames to search for new content, ascending.
        swept_depth: distances of key frames that `plane_sweep_depth` found, at any size.
        max_gaussians: the finest even density that keeps below this is used, but no finer than the pictures.
        adaptive_density: use surfels of twice the size where a picture is so smooth that it makes no difference.

    Raises:
        InvalidInput: when there is neither a panorama nor a distance to start from.
    """
    if max_gaussians < 100:
        raise InvalidInput(f"max_gaussians must be at least 100; got {max_gaussians}.")
    swept_depth = dict(swept_depth or {})
    is_pinhole = trajectory is not None and trajectory.K_px is not None
    pieces: list[SurfelSource] = []
    if geometry is not None:
        start = torch.eye(4, dtype=torch.float64) if trajectory is None else trajectory.world_from_panorama
        distance, sky = geometry.depth_ray, geometry.is_sky
        pieces.append(SurfelSource(geometry.rgb, distance, ~sky, start, "source", ORIGIN_SOURCE, None))
        pieces.append(SurfelSource(geometry.rgb, distance, sky, start, "sky", ORIGIN_SOURCE, None))
        shown = [KnownDepth(distance, torch.linalg.inv(start), 0.0, None)]
    elif frames is not None and trajectory is not None and (depth_ray is not None or swept_depth):
        first = min(swept_depth) if depth_ray is None else 0
        distance = (
            _resized(swept_depth[first].depth_ray, frames.shape[1:3]) if depth_ray is None else depth_ray[0]
        )
        sky = torch.zeros_like(distance, dtype=torch.bool)
        if depth_ray is None:
            sky = _resized(swept_depth[first].is_sky.float(), frames.shape[1:3]) > 0.5
        elif is_pinhole:
            sky = ~torch.isfinite(distance)
        start = trajectory.world_from_camera[first]
        K_px = trajectory.K_px[first] if trajectory.K_px is not None else None
        for name, use in (("source", ~sky), ("sky", sky)):
            pieces.append(SurfelSource(frames[first], distance, use, start, name, ORIGIN_SOURCE, K_px))
        focal = 0.0 if K_px is None else float(K_px[0, 0])
        shown = [KnownDepth(distance, trajectory.camera_from_world[first], focal, None)]
    else:
        raise InvalidInput(
            "initial Gaussians need a distance to start from; got no geometry, no depth and no initial splat. "
            "Connect one of them."
        )
    if (
        depth_ray is not None
        and (mask is not None or is_pinhole)
        and trajectory is not None
        and frames is not None
    ):
        everything = torch.zeros(frames.shape[:3]) if mask is None else mask
        new = find_disocclusions(shown, depth_ray, everything, trajectory, key_frames)
        for frame, pixels in new.items():
            pose = trajectory.world_from_camera[frame]
            K_px = trajectory.K_px[frame] if trajectory.K_px is not None else None
            pieces.append(
                SurfelSource(frames[frame], depth_ray[frame], pixels, pose, "filled", ORIGIN_OBSERVED, K_px)
            )
    elif swept_depth and trajectory is not None and frames is not None:
        pieces += sweep_disocclusions(pieces, shown, swept_depth, frames, trajectory)
    if geometry is not None and bool(geometry.is_sky.any()):
        pieces.append(_sky_behind(geometry, pieces[0].world_from_camera))
    gaussians, origins, is_sky, counts = _surfels(pieces, max_gaussians, adaptive_density)
    return GaussianInit(gaussians, origins, is_sky, counts)


def extend_gaussians(
    world: Gaussians,
    *,
    frames: Tensor,  # [T, H, W, 3]
    trajectory: Trajectory,
    depths: Mapping[int, Tensor],
    skies: Mapping[int, Tensor] | None = None,
    max_gaussians: int,
    engine: str = "auto",
) -> GaussianInit:
    """Add surfels to a world where key frames look past it: pixels that it covers by less than half.

    Args:
        world: Gaussians that exist already; they come first and keep their origins.
        frames: the frames.
        trajectory: their poses, in the world's frame.
        depths: key frame to ray distance, at any size; inf or absent sky adds nothing.
        skies: key frame to ``[h, w]`` bool, what belongs to the sky shell.
        max_gaussians: of all together.
        engine: splat engine that draws the world.
    """
    pieces: list[SurfelSource] = []
    shown: list[KnownDepth] = []
    for frame in sorted(depths):
        depth = _resized(depths[frame], frames.shape[1:3])
        height, width = depth.shape
        pose = trajectory.camera_from_world[frame]
        K_px = None if trajectory.K_px is None else trajectory.K_px[frame]
        with torch.no_grad():
            if K_px is None:
                alpha = render_gaussians_panorama(world, pose, height // 2, height, engine=engine).alpha
            else:
                alpha = render_gaussians(world, pose, K_px, height, width, engine=engine).alpha
        focal = 0.0 if K_px is None else float(K_px[0, 0])
        back = trajectory.world_from_camera[frame]
        points = (sweep_rays(height, width, focal) * depth[..., None]) @ back[:3, :3].T + back[:3, 3]
        new = (_resized(alpha, (height, width)) < 0.5) & torch.isfinite(depth)
        for other in shown:
            local = points @ other.camera_from_world[:3, :3].T + other.camera_from_world[:3, 3]
            theirs, inside = look_up(other.depth_ray, local, other.focal)
            new &= ~(inside & ((theirs / local.norm(dim=-1) - 1).abs() < _COVERED))
        new = remove_specks(new)
        sky = torch.zeros_like(new)
        if skies is not None and frame in skies:
            sky = _resized(skies[frame].float(), (height, width)) > 0.5
        for name, use in (("filled", new & ~sky), ("sky", new & sky)):
            if bool(use.any()):
                pieces.append(SurfelSource(frames[frame], depth, use, back, name, ORIGIN_OBSERVED, K_px))
        shown.append(KnownDepth(torch.where(new, depth, torch.inf), pose, focal, None))
    room = max_gaussians - len(world)
    counts = {"given": len(world), "sky": 0, "filled": 0}
    origins = world.known_origins()
    is_sky = torch.zeros(len(world), dtype=torch.bool)
    if not pieces or room < 100:
        return GaussianInit(world, origins, is_sky, counts)
    added, more_origins, more_sky, found = _surfels(pieces, room, adaptive_density=False)
    counts |= {"sky": found["sky"], "filled": found["filled"]}
    return GaussianInit(
        Gaussians.concatenate(world, added),
        torch.cat((origins, more_origins)),
        torch.cat((is_sky, more_sky)),
        counts,
    )


@dataclass(frozen=True)
class SurfelSource:
    """Pixels of one picture that become surfels."""

    rgb: Tensor
    depth_ray: Tensor
    use: Tensor
    world_from_camera: Tensor
    name: str
    origin: int
    K_px: Tensor | None
    sky: Tensor | None = None  # [H, W] bool, pixels that join the sky shell
    origins: Tensor | None = None  # [H, W] uint8 instead of one origin for all
    grain_px: int = 1  # rows per row of the map that the distances were enlarged from


@dataclass(frozen=True)
class KnownDepth:
    """A distance map that tells what is placed already; ``is_confident`` None: everywhere."""

    depth_ray: Tensor
    camera_from_world: Tensor
    focal: float
    is_confident: Tensor | None


def _surfels(
    pieces: list[SurfelSource], max_gaussians: int, adaptive_density: bool
) -> tuple[Gaussians, Tensor, Tensor, dict[str, int]]:
    rough = [
        _is_smooth(p) if adaptive_density and p.name == "source" and p.K_px is None else None for p in pieces
    ]
    rows = max_gaussians
    if adaptive_density:
        rows = max(p.rgb.shape[0] for p in pieces)
    # How far fine surfels reach into smooth parts depends on the density, which depends on how many there are.
    for _ in range(2 if adaptive_density else 1):
        spheres = 0.0
        for piece, smooth in zip(pieces, rough, strict=True):
            if piece.K_px is not None:
                # The share of the sphere that a pixel near the middle covers, counted like even cells.
                spheres += float(piece.use.sum()) / (4 / math.pi) / (float(piece.K_px[0, 0]) * math.pi) ** 2
                continue
            spheres += sum(_share(use) * density**2 for density, use, _ in _layers(piece, smooth, rows))
        rows = min(rows, _rows_for(max_gaussians, spheres))
    parts, origins, skies = [], [], []
    counts = {"source": 0, "sky": 0, "filled": 0}
    for piece, smooth in zip(pieces, rough, strict=True):
        drawn: list[Gaussians] = []
        if piece.K_px is not None:
            stride = max(1, round(float(piece.K_px[0, 0]) * math.pi / rows))
            faces = piece.use if piece.name == "sky" else piece.sky
            drawn.append(
                surfels_from_pinhole(
                    piece.rgb,
                    piece.depth_ray,
                    piece.K_px,
                    stride=stride,
                    use=piece.use,
                    flat_to_camera=faces,
                    world_from_camera=piece.world_from_camera,
                )
            )
        else:
            for density, use, spread in _layers(piece, smooth, rows):
                drawn.append(
                    surfels_from_erp(
                        piece.rgb,
                        piece.depth_ray,
                        rows=max(8, int(density * rows)),
                        use=use,
                        flat_to_camera=piece.use if piece.name == "sky" else piece.sky,
                        world_from_camera=piece.world_from_camera,
                        spread=spread,
                        grain_px=piece.grain_px,
                    )
                )
        for part in drawn:
            parts.append(part)
            origin = torch.full((len(part),), piece.origin, dtype=torch.uint8)
            sky = torch.full((len(part),), piece.name == "sky")
            view = torch.linalg.inv(piece.world_from_camera.double())
            local = part.means.double() @ view[:3, :3].T + view[:3, 3]
            focal = 0.0 if piece.K_px is None else float(piece.K_px[0, 0])
            if piece.origins is not None:
                origin, _ = look_up(piece.origins, local, focal)
            if piece.sky is not None:
                sky, _ = look_up(piece.sky, local, focal)
            origins.append(origin)
            skies.append(sky)
            counts[piece.name] += len(part)
    return Gaussians.concatenate(*parts), torch.cat(origins), torch.cat(skies), counts


def _layers(piece: SurfelSource, smooth: Tensor | None, rows: int) -> list[tuple[float, Tensor, float]]:
    """Return the densities, in terms of ``rows``, that a piece is laid at: each with its pixels and surfel size."""
    if piece.name == "sky":
        return [(_SKY_DENSITY, piece.use, SIGMA_PER_SPACING)]
    if smooth is None:
        return [(1.0, piece.use, SIGMA_PER_SPACING)]
    # The fine ones reach a little into the smooth part: no gap where the two meet.
    reach = 2 * max(1, round(piece.use.shape[0] / rows)) + 1
    fine = (~smooth).float()[None, None]
    fine = torch.nn.functional.max_pool2d(fine, (2 * reach + 1, 1), stride=1, padding=(reach, 0))
    fine = torch.nn.functional.max_pool2d(fine, (1, 2 * reach + 1), stride=1, padding=(0, reach))[0, 0] > 0
    return [(1.0, piece.use & fine, SIGMA_PER_SPACING), (0.5, piece.use & smooth, _COARSE_SIGMA_PER_SPACING)]


def _is_smooth(piece: SurfelSource) -> Tensor:  # [H, W] bool
    """Where surfels of twice the size would show the same: the picture is nearly linear over a few pixels."""
    grey = piece.rgb.permute(2, 0, 1)[None].float()
    padded = torch.nn.functional.pad(grey, (2, 2, 2, 2), mode="replicate")
    rest = (grey - torch.nn.functional.avg_pool2d(padded, 5, stride=1)).abs().amax(1, keepdim=True)
    busy = torch.nn.functional.max_pool2d(rest, 5, stride=1, padding=2)[0, 0] > _SMOOTH
    inverse_depth = 1 / piece.depth_ray[None, None]
    bounded = torch.nn.functional.pad(inverse_depth, (2, 2, 2, 2), mode="replicate")
    high, low = (
        torch.nn.functional.max_pool2d(bounded, 5, stride=1),
        -torch.nn.functional.max_pool2d(-bounded, 5, stride=1),
    )
    return ~busy & ((high - low)[0, 0] < 0.1 * inverse_depth[0, 0])


def surfels_from_pinhole(
    rgb: Tensor,  # [H, W, 3]
    depth_ray: Tensor,  # [H, W]
    K_px: Tensor,  # [3, 3]
    *,
    stride: int = 1,
    use: Tensor | None = None,  # [H, W] bool
    flat_to_camera: Tensor | None = None,  # [H, W] bool
    world_from_camera: Tensor | None = None,  # [4, 4]
) -> Gaussians:
    """Turn a pinhole picture with ray distances into surfels, one per ``stride`` x ``stride`` pixels.

    A surfel lies in the plane of its neighbours' points; at an edge of the distance it faces the camera. Its size
    is the footprint of its pixels.
    """
    height, width = depth_ray.shape
    rows = torch.arange(stride // 2, height, stride)
    columns = torch.arange(stride // 2, width, stride)
    row, column = (g.flatten() for g in torch.meshgrid(rows, columns, indexing="ij"))
    keep = torch.isfinite(depth_ray[row, column])
    if use is not None:
        keep &= use[row, column]
    row, column = row[keep], column[keep]
    rays = pinhole_directions(K_px.double(), height, width)
    unit = torch.nn.functional.normalize(rays, dim=-1)
    far = torch.nan_to_num(depth_ray.double(), posinf=float("nan"))
    points = unit * far[..., None]
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
    if flat_to_camera is not None:
        steep |= flat_to_camera[row, column]
    normal = torch.where(steep[:, None], ray, turned)
    facing = (normal * ray).sum(-1).clamp(1e-3, 1.0)
    along = ray - facing[:, None] * normal
    side = torch.linalg.cross(normal, torch.tensor((0.0, 1.0, 0.0), dtype=torch.float64).expand_as(normal))
    side = torch.where(side.norm(dim=-1, keepdim=True) < 1e-6, torch.tensor((1.0, 0.0, 0.0)).double(), side)
    along = torch.nn.functional.normalize(
        torch.where(along.norm(dim=-1, keepdim=True) < 1e-6, side, along), dim=-1
    )
    axes = torch.stack((along, torch.linalg.cross(normal, along), normal), dim=-1)
    across = SIGMA_PER_SPACING * stride / float(K_px[0, 0]) * distance * ray[:, 2].clamp_min(0.1)
    if flat_to_camera is not None:
        is_sky = flat_to_camera[row, column]
        across = torch.where(is_sky, SKY_SIGMA_PER_SPACING / SIGMA_PER_SPACING, 1.0) * across
    scales = torch.stack((across / facing.clamp_min(1 / STRETCH_MAX), across, THICKNESS * across), dim=-1)
    if world_from_camera is not None:
        pose = world_from_camera.double()
        here, axes = here @ pose[:3, :3].T + pose[:3, 3], pose[:3, :3] @ axes
    pooled = torch.nn.functional.avg_pool2d(
        rgb.permute(2, 0, 1)[None].float(), stride, stride=1, padding=stride // 2, count_include_pad=False
    )[0].permute(1, 2, 0)
    return Gaussians.from_colours(
        here.float(), quats_from_matrix(axes).float(), scales.float(), torch.full((len(here),), OPACITY),
        pooled[row, column],
    )  # fmt: skip


def _resized(depth: Tensor, size: Sequence[int]) -> Tensor:  # [h, w] -> [H, W]
    """Nearest pixel, so that no distance appears that was not there."""
    return torch.nn.functional.interpolate(depth[None, None], tuple(size), mode="nearest-exact")[0, 0]


def _sky_behind(geometry: PanoramaGeometry, world_from_camera: Tensor) -> SurfelSource:
    """Let the sky go on behind what borders on it: beside a roof or a tree it comes into sight off the path.

    Last of all pieces, so that it does not count as placed where frames show what is really there.
    """
    height, width = geometry.height, geometry.width
    factor = max(1, height // 240)
    grow = max(1, round(_SKY_BEHIND_DEG / 180 * height / factor))
    share = torch.nn.functional.avg_pool2d(geometry.is_sky.float()[None, None], factor)
    colour = torch.nn.functional.avg_pool2d(
        (geometry.rgb.float() * geometry.is_sky[..., None]).permute(2, 0, 1)[None], factor
    )
    # Pure sky alone: pixels at an edge hold some of the roof.
    known = (share > 0.999).float()
    colour = colour * known
    for _ in range(grow + 1):
        around = torch.nn.functional.pad(torch.cat((colour * known, known), 1), (1, 1, 0, 0), mode="circular")
        around = torch.nn.functional.avg_pool2d(torch.nn.functional.pad(around, (0, 0, 1, 1)), 3, stride=1)
        mean = around[:, :3] / around[:, 3:].clamp_min(1e-6)
        colour = torch.where(known > 0, colour, mean)
        known = torch.maximum(known, (around[:, 3:] > 0).float())
    size = (height, width)
    rgb = torch.nn.functional.interpolate(colour, size, mode="bilinear")[0].permute(1, 2, 0).contiguous()
    use = (torch.nn.functional.interpolate(known, size, mode="nearest-exact")[0, 0] > 0) & ~geometry.is_sky
    far = geometry.depth_ray[geometry.is_sky].median()
    return SurfelSource(rgb, far.expand(size), use, world_from_camera, "sky", ORIGIN_UNOBSERVED, None)


def _enlarged(depth: Tensor, size: Sequence[int]) -> Tensor:  # [h, w] -> [H, W]
    """Enlarge distances so that planes stay planes; at edges the nearest pixel's."""
    near = torch.nn.functional.interpolate(1 / depth[None, None], tuple(size), mode="bilinear")[0, 0]
    plain = _resized(depth, size)
    return torch.where((near * plain - 1).abs() < _COVERED, 1 / near, plain)


def sweep_disocclusions(
    placed: list[SurfelSource],
    shown: list[KnownDepth],
    swept_depth: Mapping[int, PlaneSweepDepth],
    frames: Tensor,
    trajectory: Trajectory,
) -> list[SurfelSource]:
    """Find what key frames show and nothing placed so far covers.

    What is placed is drawn into each key frame. Where it leaves a hole, something has come into sight: it is placed
    however narrow, or it would stay black, as from one key frame to the next an edge uncovers but a pixel or two. A
    point before a surface which a confident picture shows cannot be there, as the picture looks through it: such a hole
    takes the distance of what lies beside it, the farther side first. Before what is placed, only confident points are.
    """
    from ..depth import kernels_plane_sweep as kernels

    pieces = []
    size = frames.shape[1:3]
    small = tuple(next(iter(swept_depth.values())).depth_ray.shape)
    wraps = trajectory.K_px is None
    maps, confidents, poses, focals = [], [], [], []
    for other in shown:  # the least distance of each block: only what is clearly before it is forbidden
        factor = max(1, round(other.depth_ray.shape[0] / small[0]))
        pooled = -torch.nn.functional.max_pool2d(-other.depth_ray[None, None].float(), factor, ceil_mode=True)
        maps.append(_resized(pooled[0, 0], small).numpy())
        confidents.append(np.ones(small, np.bool_))
        poses.append(other.camera_from_world.numpy())
        focals.append(other.focal * small[0] / other.depth_ray.shape[0])
    points, sizes = [], []
    for piece in placed:
        more, their = _points_of(piece, max(1, piece.use.shape[0] // (3 * small[0])))
        points.append(more)
        sizes.append(their)
    for frame in sorted(swept_depth):
        found = swept_depth[frame]
        K_px = None if trajectory.K_px is None else trajectory.K_px[frame]
        focal = 0.0 if K_px is None else float(K_px[0, 0]) * small[0] / size[0]
        pose = trajectory.world_from_camera[frame]
        view = trajectory.camera_from_world[frame].numpy()
        depth, confident = found.depth_ray.clone(), found.is_confident
        covered, forbidden = np.full(small, np.inf), np.empty(small, np.bool_)
        for some, their in zip(points, sizes, strict=True):
            kernels.cover_distance(some.numpy(), their.numpy(), view, focal, covered)
        kernels.find_forbidden(
            small[0], depth.numpy(), pose.numpy(), focal, np.stack(maps), np.stack(confidents), np.stack(poses),
            np.array(focals, np.float64), 2 * _COVERED, forbidden,
        )  # fmt: skip
        there = torch.from_numpy(covered).float()
        wrong = torch.from_numpy(forbidden)
        hole = torch.isinf(there)
        nearer = remove_specks(confident & ~wrong & ~hole & (depth < (1 - 2 * _COVERED) * there))
        depth = fill_from_background(torch.where(hole, depth, there), hole & wrong, wraps=wraps)
        kept = hole | nearer
        depth[nearer] = found.depth_ray[nearer]
        if bool(kept.any()):
            limit = found.depth_ray[found.is_sky].min() if bool(found.is_sky.any()) else torch.inf
            sky = _resized((depth >= limit).float(), size) > 0.5
            trusted = confident & ~wrong
            origin = torch.where(_resized(trusted.float(), size) > 0.5, ORIGIN_OBSERVED, ORIGIN_UNOBSERVED)
            origin[sky] = ORIGIN_OBSERVED
            big, far = _resized(kept.float(), size) > 0.5, _enlarged(depth, size)
            pieces.append(
                SurfelSource(
                    frames[frame],
                    far,
                    big,
                    pose,
                    "filled",
                    ORIGIN_UNOBSERVED,
                    K_px,
                    sky,
                    origin.to(torch.uint8),
                    max(1, round(size[0] / small[0])),
                )
            )
            # At the resolution of the sweep: one point per pixel that was a hole.
            K_small = None if K_px is None else K_px * (small[0] / size[0])
            new = replace(pieces[-1], depth_ray=depth, use=kept, K_px=K_small)
            more, their = _points_of(new, 1)
            points.append(more)
            sizes.append(their)
        maps.append(found.depth_ray.numpy())
        confidents.append(confident.numpy())
        poses.append(view)
        focals.append(focal)
    return pieces


def _points_of(piece: SurfelSource, stride: int) -> tuple[Tensor, Tensor]:  # [N, 3], [N]
    """Return every ``stride``-th pixel's point in the world and its footprint.

    That of the source is stretched where the surface slants; what was found by a sweep is too noisy for that.
    """
    depth, use = piece.depth_ray[::stride, ::stride].double(), piece.use[::stride, ::stride]
    height, width = piece.depth_ray.shape
    focal = 0.0 if piece.K_px is None else float(piece.K_px[0, 0])
    rays = sweep_rays(height, width, focal)[::stride, ::stride]
    local = rays * depth[..., None]
    pixel = stride * (math.pi / height if focal == 0.0 else 1 / focal)
    plain = pixel * depth
    spread = plain
    if piece.name != "filled":
        beside = (local[1:] - local[:-1]).norm(dim=-1)
        # Of the neighbours above and below the nearer: the other may lie beyond an edge.
        reach = torch.minimum(torch.cat((beside, beside[-1:])), torch.cat((beside[:1], beside)))
        spread = torch.maximum(plain, torch.minimum(reach, 2 * plain))
    pose = piece.world_from_camera.double()
    use = use & torch.isfinite(depth)
    return local[use] @ pose[:3, :3].T + pose[:3, 3], spread[use]


def fill_from_background(depth: Tensor, unknown: Tensor, *, wraps: bool) -> Tensor:  # [H, W]
    """Fill unknown pixels from their neighbours, the farthest of those known, ring by ring."""
    depth = torch.where(unknown, 0.0, depth)
    while bool((unknown := depth <= 0).any()) and bool((depth > 0).any()):
        padded = torch.nn.functional.pad(
            depth[None, None], (1, 1, 0, 0), mode="circular" if wraps else "replicate"
        )
        padded = torch.nn.functional.pad(padded, (0, 0, 1, 1), mode="replicate")
        depth = torch.where(unknown, torch.nn.functional.max_pool2d(padded, 3, stride=1)[0, 0], depth)
    return depth


def remove_specks(pixels: Tensor) -> Tensor:
    """Drop pixels without enough neighbours of their kind."""
    around = torch.nn.functional.avg_pool2d(pixels.float()[None, None], 3, stride=1, padding=1)[0, 0]
    return pixels & (around > 0.4)


def _share(pixels: Tensor) -> float:
    """Share of the sphere that a mask ``[H, W]`` covers."""
    polar = (torch.arange(pixels.shape[0]) + 0.5) * math.pi / pixels.shape[0]
    weight = torch.sin(polar)
    return float((pixels.float().mean(1) * weight).sum() / weight.sum())


def _rows_for(max_gaussians: int, spheres: float) -> int:
    """Bands of cells such that shares of the sphere, at their densities, make at most that many surfels."""
    return max(8, int(math.sqrt(0.985 * max_gaussians * math.pi / 4 / max(spheres, 1e-3))))


def find_disocclusions(
    shown: list[KnownDepth],
    depth_ray: Tensor,  # [T, H, W]
    mask: Tensor,  # [T, H, W]
    trajectory: Trajectory,
    key_frames: Sequence[int],
) -> dict[int, Tensor]:  # frame -> [H, W] bool
    """Find the pixels of each key frame that show something which no earlier picture shows."""
    new: dict[int, Tensor] = {}
    shown = list(shown)
    for frame in key_frames:
        pixels = (mask[frame] < 0.5) & torch.isfinite(depth_ray[frame])
        row, column = pixels.nonzero(as_tuple=True)
        height, width = pixels.shape
        focal = 0.0 if trajectory.K_px is None else float(trajectory.K_px[frame, 0, 0])
        ray = sweep_rays(height, width, focal)[row, column]
        pose = trajectory.world_from_camera[frame]
        points = (ray * depth_ray[frame][row, column, None]) @ pose[:3, :3].T + pose[:3, 3]
        open_ = torch.ones(len(points), dtype=torch.bool)
        for other in shown:
            view = other.camera_from_world
            local = points @ view[:3, :3].T + view[:3, 3]
            nearest, inside = look_up(other.depth_ray, local, other.focal)
            reach = local.norm(dim=-1)
            open_ &= ~(inside & ((nearest - reach).abs() < _COVERED * reach))
        fresh = torch.zeros_like(pixels)
        fresh[row[open_], column[open_]] = True
        if fresh.any():
            new[frame] = fresh
        shown.append(KnownDepth(depth_ray[frame], trajectory.camera_from_world[frame], focal, None))
    return new
