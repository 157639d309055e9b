"""Inpaint the open pixels of one panorama from the background side of their border.

A hole is a disocclusion: the background behind a near object. Along the epipolar line of the source's
center it ends at the object on one side and at the background on the other. So the farther end is extended,
smoothly, and the nearer one is ignored. Where both ends are on one plane, such as ground seen at a shallow
angle, there is no occluder and both are extended.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from ..geometry.spherical import erp_directions, pixels_from_directions, sample_erp

__all__ = [
    "Copied",
    "Inpainted",
    "close_slivers",
    "farther_ends",
    "hidden_region",
    "inpaint_background",
    "pull_push",
    "solve_harmonic",
]

_SAME_SURFACE = 1.15  # a border this much nearer than the hole's far end belongs to the object in front
_SAME_PLANE = 0.25  # of the ends' difference in inverse distance: how far a plane may miss the far end
_NONE = 1e-30
_ACROSS = 1e-3  # conductance between two surfaces, of that within one
_TOLERANCE = 1e-3  # of the linear system: residual over right-hand side


@dataclass(frozen=True)
class Inpainted:
    """A panorama without open pixels.

    Attributes:
        rgb: ``[H, W, 3]``; outside of ``region`` as given.
        depth_ray: ``[H, W]``, finite; outside of ``region`` as given.
        region: ``[H, W]`` bool, where new content was made: the open pixels, and a rim of pixels of
            the objects in front, which get the background.
        border: ``[H, W]`` bool, background pixels that the new content continues.
        label: ``[H, W]`` the surface of each pixel of region and border; None where none was identified.
    """

    rgb: Tensor
    depth_ray: Tensor
    region: Tensor
    border: Tensor
    label: Tensor | None = None


@dataclass(frozen=True)
class Copied:
    """Colors found elsewhere, whose differences between neighbors are wanted.

    Attributes:
        rgb: ``[H, W, C]``.
        piece: ``[H, W]`` int32, which of several pictures they come from; -1 for none.
    """

    rgb: Tensor
    piece: Tensor


def inpaint_background(
    rgb: Tensor,  # [H, W, 3]
    depth_ray: Tensor,  # [H, W]
    is_open: Tensor,  # [H, W] bool
    epipole: Tensor | None,  # [3]
    *,
    rim_px: int = 0,
) -> Inpainted:
    """Extend the background into the open pixels.

    Color and inverse distance are the harmonic functions on the sphere that agree with the
    background on the border: as smooth as possible, within the border's range, without seam.

    Args:
        rgb: ``[H, W, 3]`` float32.
        depth_ray: ``[H, W]`` float32, finite and positive where not open.
        is_open: ``[H, W]`` bool.
        epipole: direction in the camera's frame to the viewpoint of the source; None when the camera is
            there, and all borders count alike.
        rim_px: how far to continue behind the objects in front.

    Returns:
        The filled panorama.
    """
    if not bool(is_open.any()):
        return Inpainted(rgb, depth_ray, is_open, torch.zeros_like(is_open))
    region, border = hidden_region(depth_ray, is_open, epipole, rim_px=rim_px)
    values = torch.cat((rgb, 1 / depth_ray.unsqueeze(-1)), dim=-1)
    solved = solve_harmonic(values, region, border)
    filled = torch.where(region.unsqueeze(-1), solved, values)
    # A hole without a border of its own has no distance: it is as far as the farthest surface.
    farthest = 1 / depth_ray[~region].max() if bool((~region).any()) else 1e-12
    filled_depth = torch.where(region, 1 / filled[..., 3].clamp(min=float(farthest)), depth_ray)
    return Inpainted(filled[..., :3].clamp(0, 1), filled_depth, region, border)


def hidden_region(
    depth_ray: Tensor,  # [H, W]
    is_open: Tensor,  # [H, W] bool
    epipole: Tensor | None,  # [3]
    *,
    rim_px: int = 0,
) -> tuple[Tensor, Tensor]:
    """Return what is to be filled and the background beside it, both ``[H, W]`` bool; see `Inpainted`.

    Arguments are those of `inpaint_background`.
    """
    far_end = farther_ends(depth_ray, is_open, epipole)
    region = is_open.clone()
    for _ in range(rim_px):
        reach = _spread_max(torch.where(region, far_end, 0.0))
        behind = ~region & (depth_ray * _SAME_SURFACE < reach)
        far_end = torch.where(behind, reach, far_end)
        region |= behind
    reach = _spread_max(torch.where(region, far_end, 0.0))
    border = ~region & (reach > 0) & (depth_ray * _SAME_SURFACE >= reach)
    return region, border


def close_slivers(
    rgb: Tensor,  # [H, W, 3]
    depth_ray: Tensor,  # [H, W]
    is_open: Tensor,  # [H, W] bool
    *,
    radius_px: int = 3,
) -> Tensor:  # [H, W] bool
    """Fill thin gaps, in place, with the mean of the farthest surface within a small window.

    Open pixels whose window is open for the most part belong to a wide hole and are left alone.

    Returns:
        ``[H, W]`` bool, what is still open.
    """
    height, width = depth_ray.shape
    pixel = is_open.flatten().nonzero().squeeze(1)
    if not len(pixel):
        return is_open.clone()
    offset = torch.arange(-radius_px, radius_px + 1)
    rows = (pixel // width).view(-1, 1, 1) + offset.view(1, -1, 1)
    columns = ((pixel % width).view(-1, 1, 1) + offset.view(1, 1, -1)).expand(-1, len(offset), -1)
    beyond = (rows < 0) | (rows >= height)
    rows = torch.where(rows < 0, -1 - rows, torch.where(rows >= height, 2 * height - 1 - rows, rows))
    near = (rows * width + torch.where(beyond, columns + width // 2, columns) % width).flatten(1)
    known = ~is_open.flatten()[near]
    distance = torch.where(known, depth_ray.flatten()[near], 0.0)
    farthest = distance.amax(1, keepdim=True)
    weight = (known & (distance * _SAME_SURFACE >= farthest)).to(rgb.dtype)
    is_thin = known.float().mean(1) > 0.4
    weight = weight[is_thin] / weight[is_thin].sum(1, keepdim=True)
    near, chosen = near[is_thin], pixel[is_thin]
    rgb.view(-1, 3)[chosen] = (rgb.view(-1, 3)[near] * weight.unsqueeze(-1)).sum(1)
    depth_ray.view(-1)[chosen] = (distance[is_thin] * weight).sum(1)
    left = is_open.clone()
    left.view(-1)[chosen] = False
    return left


def farther_ends(depth_ray: Tensor, is_open: Tensor, epipole: Tensor | None) -> Tensor:  # [H, W]
    """Find for every open pixel the distance at the farther end of its epipolar line.

    The panorama is looked up in a frame whose pole is the epipole, so that epipolar lines are columns.

    Returns:
        ``[H, W]`` distances on open pixels, next to nothing (1e-30) where no end is in front of the
        other; 0 on pixels that are not open.
    """
    height, width = depth_ray.shape
    if epipole is None:
        return torch.where(is_open, _NONE, 0.0).to(depth_ray)
    turn = _frame_with_pole(epipole)
    grid = erp_directions(height, width)
    values = torch.where(is_open, 0.0, depth_ray).unsqueeze(-1)
    lines = sample_erp(values, grid @ turn, mode="nearest").squeeze(-1)  # 0 where open

    row = torch.arange(height).unsqueeze(1).expand(height, width)
    before = torch.where(lines > 0, row, -1).cummax(0).values
    after = torch.where(lines > 0, row, height).flip(0).cummin(0).values.flip(0)
    end_before = torch.where(before < 0, 0.0, lines.gather(0, before.clamp(min=0)))
    end_after = torch.where(after >= height, 0.0, lines.gather(0, after.clamp(max=height - 1)))
    ends = torch.maximum(end_before, end_after)
    ends = torch.where(_are_coplanar(lines, before, after, end_before, end_after), _NONE, ends)
    ends = torch.where(lines > 0, 0.0, ends)
    # Nearest lookups there and back may miss by a pixel; take the farthest of the neighbors.
    ends = _spread_max(ends)

    columns, rows = pixels_from_directions(grid[is_open] @ turn.mT, height=height, width=width)
    found = torch.zeros_like(depth_ray)
    found[is_open] = ends[(rows + 0.5).long().clamp(0, height - 1), (columns + 0.5).long() % width]
    return torch.where(is_open & (found == 0), _NONE, found)


def _are_coplanar(
    lines: Tensor, before: Tensor, after: Tensor, end_before: Tensor, end_after: Tensor
) -> Tensor:  # [H, W] bool
    """Return where the surface at the nearer end of a gap in a column is flat and leads to the farther end.

    Along a great circle the inverse distance of a plane is ``A cos + B sin`` of the angle; two samples
    of the surface fix it, a third one between them must fit, and so must the far end.
    """
    height = lines.shape[0]
    step = max(2, round(height / 80))
    is_before_nearer = end_before < end_after
    nearer = torch.where(is_before_nearer, before, after)
    outward = torch.where(is_before_nearer, -step, step)

    def inverse_at(row: Tensor) -> Tensor:  # 0 where there is nothing
        distance = lines.gather(0, row.clamp(0, height - 1))
        return torch.where((distance > 0) & (row >= 0) & (row < height), 1 / distance.clamp(min=1e-30), 0.0)

    edge, middle, inner = (inverse_at(nearer + k * outward) for k in range(3))
    far = 1 / torch.maximum(end_before, end_after).clamp(min=1e-30)
    has_ends = (end_before > 0) & (end_after > 0) & (middle > 0) & (inner > 0)
    baseline = 2 * step / height * math.pi
    slope = (edge * math.cos(baseline) - inner) / math.sin(baseline)

    def plane_at(angle: Tensor | float) -> Tensor:
        angle = torch.as_tensor(angle)
        return edge * torch.cos(angle) + slope * torch.sin(angle)

    is_flat = (plane_at(-baseline / 2) - middle).abs() <= _SAME_PLANE * (inner - edge).abs()
    misses_by = (plane_at((after - before) / height * math.pi) - far).abs()
    return has_ends & is_flat & (misses_by <= _SAME_PLANE * (edge - far))


def _frame_with_pole(axis: Tensor) -> Tensor:  # [3, 3]
    """Return the rotation into a frame whose -y is ``axis``."""
    up = torch.nn.functional.normalize(axis.double(), dim=0)
    helper = torch.eye(3, dtype=torch.float64)[int(up.abs().argmin())]
    right = torch.nn.functional.normalize(torch.linalg.cross(up, helper), dim=0)
    forward = torch.linalg.cross(right, -up)
    return torch.stack((right, -up, forward)).float()


def _wrap(image: Tensor, margin: int) -> Tensor:  # [C, H, W] -> [C, H + 2m, W + 2m]
    """Pad a panorama by its own continuation over seam and poles."""
    width = image.shape[-1]
    across = image.roll(width // 2, dims=-1)
    tall = torch.cat((across[:, :margin].flip(1), image, across[:, -margin:].flip(1)), dim=1)
    return torch.cat((tall[..., -margin:], tall, tall[..., :margin]), dim=-1)


def _spread_max(image: Tensor) -> Tensor:  # [H, W]
    return torch.nn.functional.max_pool2d(_wrap(image[None], 1)[None], 3, stride=1)[0, 0]


def pull_push(values: Tensor, is_given: Tensor) -> Tensor:  # [H, W, C], [H, W] -> [H, W, C]
    """Spread given values over the whole panorama, coarse to fine.

    Args:
        values: ``[H, W, C]``.
        is_given: ``[H, W]`` bool, at least one.

    Returns:
        ``[H, W, C]``, the given values where there are some, the smoother the farther from them.

    Source: S. J. Gortler et al., The Lumigraph, 1996 (pull-push).
    """
    channels = values.shape[-1]
    weight = is_given.to(values.dtype)
    layers = [torch.cat((torch.where(is_given.unsqueeze(-1), values, 0.0), weight.unsqueeze(-1)), dim=-1)]
    layers = [layers[0].permute(2, 0, 1)]
    while min(layers[-1].shape[1:]) > 1:
        finer = layers[-1]
        finer = torch.nn.functional.pad(finer, (0, finer.shape[2] % 2, 0, finer.shape[1] % 2))
        layers.append(torch.nn.functional.avg_pool2d(finer[None], 2)[0] * 4)
    coarse = layers[-1]
    guess = coarse[:channels] / coarse[channels:].clamp(min=1e-12)
    guess = torch.where(coarse[channels:] > 0, guess, guess.mean((1, 2), keepdim=True))
    for layer in reversed(layers[:-1]):
        up = torch.nn.functional.interpolate(
            _wrap(guess, 1)[None], scale_factor=2, mode="bilinear", align_corners=False
        )[0, :, 2:-2, 2:-2]
        up = up[:, : layer.shape[1], : layer.shape[2]]
        share = layer[channels:].clamp(max=1)
        own = layer[:channels] / layer[channels:].clamp(min=1e-12)
        guess = torch.lerp(up, own, share)
    return guess.permute(1, 2, 0)


def solve_harmonic(
    values: Tensor,  # [H, W, C]
    region: Tensor,  # [H, W] bool
    border: Tensor,  # [H, W] bool
    label: Tensor | None = None,  # [H, W]
    copied: Copied | None = None,
) -> Tensor:  # [H, W, C]
    """Solve Laplace's equation on ``region`` with the values of ``border``, by conjugate gradients.

    Finite volumes on the latitude-longitude grid; other sides are insulated. Pixels of different ``label`` hardly
    conduct, so that each surface takes its colors from itself where it can. With ``copied`` it is Poisson's equation:
    the solution differs between neighbors as its colors do, where both are from one piece.
    """
    start = pull_push(values - copied.rgb, border) + copied.rgb if copied else pull_push(values, border)
    height, width, channels = values.shape
    inside = region.flatten().nonzero().squeeze(1)
    number = torch.full((height * width,), -1, dtype=torch.long)
    number[inside] = torch.arange(len(inside))
    row, column = inside // width, inside % width
    ring = torch.sin((torch.arange(height, dtype=torch.float64) + 0.5) / height * math.pi).float()
    side = torch.sin(torch.arange(height + 1, dtype=torch.float64) / height * math.pi).float()
    aspect = (width / (2 * height)) ** 2  # squared ratio of row to column step at the equator
    neighbors = (
        (row, (column + 1) % width, aspect / ring[row]),
        (row, (column - 1) % width, aspect / ring[row]),
        ((row + 1).clamp(max=height - 1), column, side[row + 1]),
        ((row - 1).clamp(min=0), column, side[row]),
    )
    flat, flat_border = values.reshape(-1, channels), border.flatten()
    links, conductances = [], []
    diagonal = torch.zeros(len(inside))
    right_side = torch.zeros(len(inside), channels)
    for other_row, other_column, conductance in neighbors:
        other = other_row * width + other_column
        is_given = flat_border[other]
        if label is not None:
            is_same = label.flatten()[other] == label.flatten()[inside]
            conductance = torch.where(is_same, conductance, _ACROSS * conductance)
        to_inside = torch.where(number[other] >= 0, conductance, 0.0)
        to_border = torch.where(is_given, conductance, 0.0)
        diagonal += to_inside + to_border
        if copied is not None:
            is_one = (copied.piece.flatten()[other] == copied.piece.flatten()[inside]).unsqueeze(-1)
            step = copied.rgb.reshape(-1, channels)[inside] - copied.rgb.reshape(-1, channels)[other]
            right_side += torch.where(is_one, (to_inside + to_border).unsqueeze(-1) * step, 0.0)
        right_side += torch.where(is_given.unsqueeze(-1), to_border.unsqueeze(-1) * flat[other], 0.0)
        links.append(number[other].clamp(min=0))
        conductances.append(to_inside.unsqueeze(-1))
    diagonal = diagonal.clamp(min=1e-20).unsqueeze(-1)

    def apply(x: Tensor) -> Tensor:
        result = diagonal * x
        for link, conductance in zip(links, conductances, strict=True):
            result -= conductance * x[link]
        return result

    # Scale the channels alike, so that one tolerance fits all.
    span = right_side.abs().amax(0, keepdim=True).clamp(min=1e-20)
    x = _conjugate_gradients(
        apply, right_side / span, start.reshape(-1, channels)[inside] / span, diagonal, 4 * (height + width)
    )
    result = values.reshape(-1, channels).clone()
    result[inside] = x * span
    return result.reshape(height, width, channels)


def _conjugate_gradients(
    apply: Callable[[Tensor], Tensor], right_side: Tensor, x: Tensor, diagonal: Tensor, steps: int
) -> Tensor:
    """Solve ``apply(x) = right_side`` column by column, with the diagonal as preconditioner."""
    residual = right_side - apply(x)
    scaled = residual / diagonal
    direction = scaled.clone()
    energy = (residual * scaled).sum(0)
    goal = _TOLERANCE**2 * (right_side * right_side / diagonal).sum(0)
    for _ in range(steps):
        if bool((energy <= goal).all()):
            break
        image = apply(direction)
        step = energy / (direction * image).sum(0).clamp(min=1e-30)
        x = x + step * direction
        residual = residual - step * image
        scaled = residual / diagonal
        energy, previous = (residual * scaled).sum(0), energy
        direction = scaled + (energy / previous.clamp(min=1e-30)) * direction
    return x
