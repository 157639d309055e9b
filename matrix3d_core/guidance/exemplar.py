"""Texture of what is hidden: patches of the same surface beside the hole, on the surface itself.

Every plane is unrolled to a picture in its own coordinates, so that bricks and boards keep their size and direction;
other surfaces are taken as the panorama shows them. In that picture the hidden pixels are completed from patches of the
seen ones, coarse to fine. The patches give the differences of neighbors, what is seen beside the hole the colors.

Source: Y. Wexler et al., Space-Time Completion of Video, 2007; C. Barnes et al., PatchMatch, 2009; J.-B. Huang et al.,
Image Completion using Planar Structure Guidance, 2014; P. Perez et al., Poisson Image Editing, 2003.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from ..compiled import in_slices
from ..geometry.spherical import erp_directions, pixels_from_directions, sample_erp
from .hidden_geometry import HiddenSurface, continue_surfaces
from .inpaint import Copied, Inpainted, hidden_region, solve_harmonic

__all__ = ["complete_region", "inpaint_by_example", "most_of_3x3", "paint_hidden"]

_LEAST_PIXELS = 24
_OCTAVES = 2  # distances of one chart, so that its texels fit
_MARGIN = 0.75  # of a chart's extent: how far around the hole examples are looked for
_LEAST_MARGIN, _MOST_MARGIN = 24, 128  # texels
_MOST_SIDE = 512
_ON_PLANE = 0.03
_SAME_SURFACE = 1.15  # factor of distance between neighbors of one surface that is no plane


@dataclass(frozen=True)
class _Chart:
    """A picture of one surface.

    Attributes:
        image: ``[h, w, 3]``.
        known: ``[h, w]`` bool, where it is seen.
        target: ``[h, w]`` bool, what is asked for.
        pixels: ``[N]`` pixels of the panorama: hidden ones, and those seen beside them.
        places: ``[N, 2]`` their column and row in the chart, centers at integers.
    """

    image: Tensor
    known: Tensor
    target: Tensor
    pixels: Tensor
    places: Tensor


def inpaint_by_example(
    rgb: Tensor,  # [H, W, 3]
    depth_ray: Tensor,  # [H, W]
    is_open: Tensor,  # [H, W] bool
    epipole: Tensor | None,  # [3]
    reference_from_camera: Tensor,  # [4, 4]
    reference: Tensor,  # [h, w]
    *,
    rim_px: int = 0,
) -> Inpainted:
    """Continue the surfaces of the background into the open pixels, and their texture.

    Args:
        rgb: ``[H, W, 3]`` float32.
        depth_ray: ``[H, W]`` float32, finite and positive where not open.
        is_open: ``[H, W]`` bool.
        epipole: as for `inpaint_background`.
        reference_from_camera: as for `continue_surfaces`.
        reference: likewise.
        rim_px: how far to continue behind the objects in front.

    Returns:
        The filled panorama, with labels.
    """
    if not bool(is_open.any()):
        return Inpainted(rgb, depth_ray, is_open, torch.zeros_like(is_open))
    region, border = hidden_region(depth_ray, is_open, epipole, rim_px=rim_px)
    region, border = _past_mixed_pixels(depth_ray, region, border)
    return complete_region(rgb, depth_ray, region, border, reference_from_camera, reference)


def complete_region(
    rgb: Tensor,  # [H, W, 3]
    depth_ray: Tensor,  # [H, W]
    region: Tensor,  # [H, W] bool
    border: Tensor,  # [H, W] bool
    reference_from_camera: Tensor,  # [4, 4]
    reference: Tensor,  # [h, w]
) -> Inpainted:
    """Continue the surfaces of ``border`` and their texture into ``region``; see `inpaint_by_example`."""
    inverse = (1 / depth_ray).unsqueeze(-1)
    smooth = solve_harmonic(inverse, region, border).squeeze(-1).clamp(min=float(inverse[~region].min()))
    surface = continue_surfaces(depth_ray, smooth, region, border, ~region, reference_from_camera, reference)
    return Inpainted(
        paint_hidden(rgb, surface, ~region),
        torch.where(region, 1 / surface.inverse, depth_ray),
        region,
        (surface.label >= 0) & ~region,
        surface.label,
    )


def _past_mixed_pixels(depth_ray: Tensor, region: Tensor, border: Tensor) -> tuple[Tensor, Tensor]:
    """Add the border to the region and return the next one: pixels at a silhouette have colors of both sides."""
    inverse = torch.where(border, 1 / depth_ray, 0.0)
    nearest = most_of_3x3(inverse)
    grown = region | border
    return grown, ~grown & (nearest > 0) & (1 / depth_ray <= _SAME_SURFACE * nearest)


def paint_hidden(rgb: Tensor, surface: HiddenSurface, background: Tensor) -> Tensor:
    """Return the panorama with the hidden pixels painted.

    Args:
        rgb: ``[H, W, 3]``, seen pixels.
        surface: where the hidden pixels lie.
        background: ``[H, W]`` bool, seen pixels that may be copied.

    Returns:
        ``[H, W, 3]``; as given where nothing is hidden.
    """
    from .kernels_exemplar import complete_picture

    height, width = background.shape
    charts = [chart for chart in _charts(rgb, surface, _erode(background)) if int(chart.known.sum()) >= 60]
    charts.sort(key=lambda chart: -int(chart.target.sum()))
    done = [False] * len(charts)

    def work(begin: int, until: int) -> None:
        for k in range(begin, until):
            chart = charts[k]
            done[k] = complete_picture(
                chart.image.numpy(), chart.known.numpy(), chart.target.numpy(), 1 + len(chart.pixels)
            )

    in_slices(work, len(charts))
    made = torch.zeros(height * width, 3)
    piece = torch.full((height * width,), -1, dtype=torch.int32)
    for k, (chart, has_worked) in enumerate(zip(charts, done, strict=True)):
        if has_worked:
            piece[chart.pixels] = k
            made[chart.pixels] = _look_up(chart.image, chart.places)
    region = surface.part >= 0
    border = (surface.label >= 0) & ~region
    copied = Copied(made.reshape(height, width, 3), piece.reshape(height, width))
    solved = solve_harmonic(rgb, region, border, surface.label, copied)
    return torch.where(region.unsqueeze(-1), solved.clamp(0, 1), rgb)


def _charts(rgb: Tensor, surface: HiddenSurface, inside: Tensor) -> list[_Chart]:
    """Return the charts of all hidden pixels in groups of one hole, one surface and similar distance."""
    height, width = surface.label.shape
    rays = erp_directions(height, width)
    hidden = (surface.part >= 0).flatten().nonzero().squeeze(1)
    label, inverse = surface.label.flatten()[hidden].long(), surface.inverse.flatten()[hidden]
    count = len(surface.planes)
    octave = torch.floor(-torch.log2(inverse.clamp(min=1e-12)) / _OCTAVES).long()
    octave = torch.where(label < count, octave - octave.min(), 0)
    group = (surface.part.flatten()[hidden].long() * (count + 2) + label) * 64 + octave.clamp(max=63)
    group = group.unique(return_inverse=True)[1]
    beside, its_group = _beside(surface, hidden, group)
    pieces = _pieces(surface, inside)
    order, order_beside = group.argsort(stable=True), its_group.argsort(stable=True)
    groups = int(group.max()) + 1
    chosen = order.split(group.bincount(minlength=groups).tolist())
    chosen_beside = order_beside.split(its_group.bincount(minlength=groups).tolist())
    charts: list[_Chart] = []
    for inner, outer in zip(chosen, chosen_beside, strict=True):
        if len(inner) < _LEAST_PIXELS:
            continue
        pixels, ring, index = hidden[inner], beside[outer], int(label[inner[0]])
        if index < count:
            charts.append(_plane_chart(rgb, surface, inside, rays, pixels, ring, surface.planes[index]))
        else:
            same = pieces.flatten()[ring].unique()
            usable = torch.isin(pieces, same[same >= 0]) if index == count else surface.seen == index
            charts.append(_picture_chart(rgb, inside & usable, pixels, ring))
    return charts


def _beside(surface: HiddenSurface, hidden: Tensor, group: Tensor) -> tuple[Tensor, Tensor]:
    """Return the pixels seen beside hidden ones of the same surface, and the groups of these."""
    height, width = surface.label.shape
    groups = torch.full((height, width), -1, dtype=torch.long)
    groups.view(-1)[hidden] = group
    is_border = (surface.label >= 0) & (surface.part < 0)
    row, column = is_border.nonzero(as_tuple=True)
    own, found = surface.label[row, column], torch.full_like(row, -1)
    for dy in (-1, 0, 1):
        for dx in (-1, 0, 1):
            y, x = (row + dy).clamp(0, height - 1), (column + dx) % width
            found = torch.where(surface.label[y, x] == own, torch.maximum(found, groups[y, x]), found)
    kept = found >= 0
    return (row * width + column)[kept], found[kept]


def _pieces(surface: HiddenSurface, inside: Tensor) -> Tensor:  # [H, W] int32
    """Number the connected parts of what is seen and on no plane; -1 elsewhere. They end where distances jump."""
    from .kernels_hidden import connected

    is_even = most_of_3x3(surface.inverse) <= -_SAME_SURFACE * most_of_3x3(-surface.inverse)
    whole = inside & (surface.seen == len(surface.planes))
    number = torch.from_numpy(connected((whole & is_even).numpy())[0])
    # The pixels beside an edge belong to the part next to them.
    beside = torch.where(surface.part >= 0, -1, most_of_3x3(number.float()).int())
    return torch.where(number >= 0, number, beside)


def _plane_chart(
    rgb: Tensor,
    surface: HiddenSurface,
    inside: Tensor,
    rays: Tensor,
    hidden: Tensor,
    beside: Tensor,
    plane: Tensor,
) -> _Chart:
    """Unroll a plane around some hidden pixels and those beside them."""
    height, width = inside.shape
    normal = plane / plane.norm()
    helper = torch.eye(3)[int(normal.abs().argmin())]
    first = torch.nn.functional.normalize(torch.linalg.cross(normal, helper), dim=0)
    axes = torch.stack((first, torch.linalg.cross(normal, first)), 1)  # [3, 2]
    pixels, inverse = torch.cat((hidden, beside)), surface.inverse.flatten()[hidden]
    distance = 1 / (rays.reshape(-1, 3)[pixels] @ plane).clamp(min=float(inverse.min()))
    flat = (rays.reshape(-1, 3)[pixels] * distance.unsqueeze(1)) @ axes
    low, high = flat.amin(0), flat.amax(0)
    texel = float(distance.quantile(0.25)) * math.pi / height
    extent = float((high - low).max())
    margin = min(max(_MARGIN * extent, _LEAST_MARGIN * texel), _MOST_MARGIN * texel)
    texel = max(texel, (extent + 2 * margin) / _MOST_SIDE)
    low = low - margin
    columns, rows = (int(v) for v in torch.ceil((high + margin - low) / texel) + 1)
    places = (flat - low) / texel
    v, u = torch.meshgrid(torch.arange(rows), torch.arange(columns), indexing="ij")
    on = (low + torch.stack((u, v), -1) * texel) @ axes.mT + normal / plane.norm()
    directions = on / on.norm(dim=-1, keepdim=True)
    column, row = pixels_from_directions(directions, height=height, width=width)
    at = (row + 0.5).long().clamp(0, height - 1) * width + (column + 0.5).long() % width
    known = inside.flatten()[at] & (
        ((directions @ plane) / surface.inverse.flatten()[at] - 1).abs() < _ON_PLANE
    )
    target = _splat(places, rows, columns)
    known &= ~target
    image = torch.where(known.unsqueeze(-1), sample_erp(rgb, directions), 0.0)
    return _Chart(image.contiguous(), known, target, pixels, places)


def _picture_chart(rgb: Tensor, usable: Tensor, hidden: Tensor, beside: Tensor) -> _Chart:
    """Cut out the panorama around some hidden pixels and those beside them."""
    height, width = usable.shape
    pixels = torch.cat((hidden, beside))
    row, column = pixels // width, pixels % width
    # Begin at the widest gap between their columns.
    used = torch.zeros(width, dtype=torch.bool)
    used[column] = True
    taken = used.nonzero().squeeze(1)
    gaps = torch.cat((taken[1:], taken[:1] + width)) - taken
    start = int(taken[(int(gaps.argmax()) + 1) % len(taken)])
    across = (column - start) % width
    extent = max(int(across.max()) + 1, int(row.max() - row.min()) + 1)
    margin = int(min(max(_MARGIN * extent, _LEAST_MARGIN), _MOST_MARGIN))
    top, low = max(int(row.min()) - margin, 0), min(int(row.max()) + margin + 1, height)
    columns = min(int(across.max()) + 1 + 2 * margin, width)
    left = start - margin
    picked = (torch.arange(columns) + left) % width
    target = torch.zeros(low - top, columns, dtype=torch.bool)
    places = torch.stack(((column - left) % width, row - top), 1)
    inside_crop = places[:, 0] < columns
    pixels, places = pixels[inside_crop], places[inside_crop]
    target[places[:, 1], places[:, 0]] = True
    known = usable[top:low][:, picked] & ~target
    image = torch.where(known.unsqueeze(-1), rgb[top:low][:, picked], 0.0)
    return _Chart(image.contiguous(), known, target, pixels, places.float())


def _splat(places: Tensor, rows: int, columns: int) -> Tensor:  # [rows, columns] bool
    """Mark the texels that places are interpolated from, and small gaps between them."""
    target = torch.zeros(rows, columns, dtype=torch.bool)
    corner = places.floor().long()
    for dy in (0, 1):
        for dx in (0, 1):
            target[(corner[:, 1] + dy).clamp(0, rows - 1), (corner[:, 0] + dx).clamp(0, columns - 1)] = True
    pool = torch.nn.functional.max_pool2d
    grown = pool(target.float()[None, None], 5, 1, 2)
    return -pool(-grown, 5, 1, 2)[0, 0] > 0.5


def _look_up(image: Tensor, places: Tensor) -> Tensor:  # [N, 3]
    """Interpolate a chart."""
    rows, columns = image.shape[:2]
    corner = places.floor().long()
    share = (places - corner).unsqueeze(-1)
    x0, y0 = corner[:, 0].clamp(0, columns - 1), corner[:, 1].clamp(0, rows - 1)
    x1, y1 = (x0 + 1).clamp(max=columns - 1), (y0 + 1).clamp(max=rows - 1)
    upper = torch.lerp(image[y0, x0], image[y0, x1], share[:, 0])
    lower = torch.lerp(image[y1, x0], image[y1, x1], share[:, 0])
    return torch.lerp(upper, lower, share[:, 1])


def _erode(mask: Tensor) -> Tensor:
    return -most_of_3x3(-mask.float()) > 0.5


def most_of_3x3(values: Tensor) -> Tensor:  # [H, W]
    """Return the largest of 3x3 pixels; columns wrap."""
    wide = torch.cat((values[:, -1:], values, values[:, :1]), 1)
    return torch.nn.functional.max_pool2d(wide[None, None], 3, 1, (1, 0))[0, 0]
