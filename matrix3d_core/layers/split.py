"""Which pixels of a panorama stand in front: masks of the foreground, from depth edges and classes, or given.

Sky and ground are taken away; what is left falls into parts that end where the distance jumps. A part is foreground
when it is near enough for a step to show what is behind it, narrower than a wall around the viewer, and mostly
bordered by what is farther. What hides another part is in a nearer layer.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ..checks import check_two_to_one
from ..depth.resample import resized
from ..depth.scale import fit_ground
from ..errors import InvalidInput
from ..geometry.spherical import erp_directions
from ..guidance.exemplar import most_of_3x3
from ..scene.labels import CLASS_GROUND, CLASS_SKY, CLASS_WALL, CLASS_WATER
from ..scene.panorama import PanoramaGeometry
from .layer import MOST_LAYERS

__all__ = ["find_foreground", "given_foreground"]

_ROWS = 512
_JUMP = 1.12  # factor of distance between neighbors that are two things
_REACH = 10.0  # heights of the camera above the ground: what is farther hides little for a step
_WIDEST_DEG = 120.0  # of azimuth
_WIDEST_WALL_DEG = 60.0  # of what is known to be a wall for the most part
_OPEN = 0.4  # share of a part's border, ground left out, that must be before something farther
_ABOVE_GROUND = 0.06  # of the camera's height
_LEAST = 1.5e-4  # of the panorama's pixels
_FARTHER = 0.02  # a neighbor one step farther counts as if its distance were off by so much
_TOUCH_PX = 4  # of border: what hides less of another part does not hide it


def find_foreground(geometry: PanoramaGeometry, layers: int = 1) -> list[Tensor]:
    """Return the masks of foreground layers, ``[H, W]`` bool each, farthest first; empty ones are left out.

    Args:
        geometry: the panorama with its distances; its classes help where it has some.
        layers: how many at most, 0 to 8; parts that hide each other go into different ones.

    Raises:
        InvalidInput: for another number of layers.
    """
    from ..guidance.kernels_hidden import connected

    if not 0 <= layers <= MOST_LAYERS - 2:
        raise InvalidInput(f"foreground layers must be 0 to {MOST_LAYERS - 2}; got {layers}.")
    rows = min(_ROWS, geometry.height)
    small = rows, 2 * rows
    depth, sky = resized(geometry.depth_ray, small), resized(geometry.is_sky.float(), small) > 0.5
    height, unit = _above_ground(depth, sky)
    ground = height < _ABOVE_GROUND * unit
    classes = None if geometry.classes is None else resized(geometry.classes.float(), small).to(torch.uint8)
    if classes is not None:
        ground |= (classes == CLASS_GROUND) | (classes == CLASS_WATER)
        sky = sky | (classes == CLASS_SKY)
    far = torch.where(sky, torch.inf, depth)
    solid = ~sky & ~ground
    # Parts end at the far side of jumps, so that near and thin things stay whole.
    part = torch.from_numpy(connected((solid & (far <= _JUMP * -most_of_3x3(-far))).numpy())[0]).long()
    part = _adopt(part, solid, far)
    if not bool((part >= 0).any()):
        return []
    order = _order(part, far, _stands_out(part, far, ground, classes, unit), layers)
    masks = [(part >= 0) & (order[part.clamp(min=0)] == level) for level in range(1, layers + 1)]
    size = geometry.height, geometry.width
    return [_enlarge(mask, geometry, depth, size) & ~geometry.is_sky for mask in masks if bool(mask.any())]


def given_foreground(geometry: PanoramaGeometry, masks: Tensor) -> list[Tensor]:
    """Return given masks ``[L, h, w]``, farthest first, as those of foreground layers; empty ones are left out.

    They are enlarged to the panorama, and the sky does not count.

    Raises:
        InvalidInput: for too many masks, or one that is not twice as wide as high.
    """
    count, height, width = masks.shape
    if count > MOST_LAYERS - 2:
        raise InvalidInput(f"foreground must be at most {MOST_LAYERS - 2} masks; got {count}.")
    check_two_to_one("foreground", height, width)
    size = geometry.height, geometry.width
    found = [(resized(mask, size) > 0.5) & ~geometry.is_sky for mask in masks]
    return [mask for mask in found if bool(mask.any())]


def _stands_out(
    part: Tensor, far: Tensor, ground: Tensor, classes: Tensor | None, unit: float
) -> Tensor:  # [N] bool
    """Return which parts are foreground: near, not too wide, and mostly in front of something."""
    number = int(part.max()) + 1
    open_, border = _borders(part, far, ground, number)
    pixels = torch.bincount(part[part >= 0], minlength=number)
    found = torch.zeros(number, dtype=torch.bool)
    for k in ((pixels > _LEAST * part.numel()) & (open_ > _OPEN * border)).nonzero().squeeze(1).tolist():
        here = part == k
        is_wall = classes is not None and float((classes[here] == CLASS_WALL).float().mean()) > 0.5
        widest = _WIDEST_WALL_DEG if is_wall else _WIDEST_DEG
        found[k] = float(far[here].quantile(0.25)) < _REACH * unit and _extent_deg(here.any(0)) < widest
    return found


def _above_ground(depth: Tensor, sky: Tensor) -> tuple[Tensor, float]:
    """Return each pixel's height above the ground, and the camera's; without a ground nothing is on it."""
    down = erp_directions(*depth.shape)[..., 1] * depth
    try:
        camera = fit_ground(depth, ~sky).height
    except InvalidInput:
        near = depth[~sky].sort().values
        camera = float(near[len(near) // 10]) if len(near) else 1.0
        return torch.full_like(depth, torch.inf), camera
    return camera - down, camera


def _adopt(part: Tensor, solid: Tensor, far: Tensor) -> Tensor:
    """Give pixels at the far side of jumps to the part beside them that they are nearest to in distance."""
    for _ in range(3):
        open_ = solid & (part < 0)
        best = torch.full_like(far, _JUMP)
        found = part.clone()
        for dy, dx in ((0, 1), (0, -1), (1, 0), (-1, 0), (1, 1), (1, -1), (-1, 1), (-1, -1)):
            other, ratio = part.roll((dy, dx), (0, 1)), far.roll((dy, dx), (0, 1)) / far
            ratio = torch.maximum(ratio, 1 / ratio)
            better = open_ & (other >= 0) & (ratio < best)
            best, found = torch.where(better, ratio, best), torch.where(better, other, found)
        part = found
    return part


def _borders(part: Tensor, far: Tensor, ground: Tensor, number: int) -> tuple[Tensor, Tensor]:
    """Count for each part the sides of border pixels that are before something farther, and all but the ground's."""
    open_ = torch.zeros(number, dtype=torch.long)
    border = torch.zeros(number, dtype=torch.long)
    for dy, dx in ((0, 1), (0, -1), (1, 0), (-1, 0)):
        other, there = part.roll((dy, dx), (0, 1)), far.roll((dy, dx), (0, 1))
        edge = (part >= 0) & (other != part)
        farther = edge & (there > _JUMP * far)
        on_ground = edge & ground.roll((dy, dx), (0, 1)) & ~farther
        open_ += torch.bincount(part[farther], minlength=number)
        border += torch.bincount(part[edge & ~on_ground], minlength=number)
    return open_, border


def _order(part: Tensor, far: Tensor, keep: Tensor, layers: int) -> Tensor:  # [N]
    """Return the layer of each part, 1 the farthest; 0: background. What hides another is one nearer."""
    kept = torch.where(part >= 0, keep[part.clamp(min=0)], False)
    pairs = []
    for dy, dx in ((0, 1), (0, -1), (1, 0), (-1, 0)):
        other = part.roll((dy, dx), (0, 1))
        hides = (
            kept & kept.roll((dy, dx), (0, 1)) & (other != part) & (far.roll((dy, dx), (0, 1)) > _JUMP * far)
        )
        pairs.append(torch.stack((part[hides], other[hides])))
    pair, count = torch.cat(pairs, 1).unique(dim=1, return_counts=True)
    pair = pair[:, count > _TOUCH_PX]
    order = keep.long()
    for _ in range(layers - 1):
        nearer = order.clone()
        nearer.scatter_reduce_(0, pair[0], order[pair[1]] + 1, "amax")
        order = nearer.clamp(max=layers)
    return order


def _enlarge(mask: Tensor, geometry: PanoramaGeometry, depth: Tensor, size: tuple[int, int]) -> Tensor:
    """Enlarge a mask: each fine pixel follows the coarse neighbor whose distance is most like its own."""
    if mask.shape == size:
        return mask
    best = torch.full(size, torch.inf)
    found = torch.zeros(size, dtype=torch.bool)
    for dy in (-1, 0, 1):
        for dx in (-1, 0, 1):
            there = resized(depth.roll((dy, dx), (0, 1)), size)
            value = resized(mask.roll((dy, dx), (0, 1)).float(), size) > 0.5
            miss = (there / geometry.depth_ray).log().abs() + _FARTHER * (abs(dy) + abs(dx))
            better = miss < best
            best, found = torch.where(better, miss, best), torch.where(better, value, found)
    return found


def _extent_deg(used: Tensor) -> float:  # [W] bool
    """Return the degrees of azimuth that columns span, across the seam where that is shorter."""
    taken = used.nonzero().squeeze(1)
    gaps = torch.cat((taken[1:], taken[:1] + len(used))) - taken
    return float(len(used) - gaps.max() + 1) / len(used) * 360
