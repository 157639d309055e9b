"""Points at Gaussians: the one that a ray meets first, and what belongs to it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..checks import check_finite, check_shape
from ..errors import InvalidInput
from ..geometry.rotations import matrix_from_quats
from ..scene.gaussians import Gaussians
from ..scene.labels import (
    CLASS_GROUND,
    CLASS_SKY,
    CLASS_WALL,
    CLASS_WATER,
    NO_INSTANCE,
    UNKNOWN,
)

__all__ = ["Hit", "first_hit", "grow_chosen", "object_at", "region_around"]

_OPAQUE = 0.5  # accumulated alpha at which a ray has met a surface
_FAINT = 1 / 255  # a smaller alpha is not drawn either
_LEAST_ALPHA = 0.05  # of one Gaussian, to count as met where no surface is
_NEIGHBORS = 16
_LINK = 2.0  # neighbors are connected up to this many times the sum of their extents
_FAR_COLOR = 3.0  # times the tolerance that a color may be off the seed's
_TOLERANCES = (0.25, 0.4, 0.6, 0.8, 1.0)  # shares of the tolerance that a region grows through
_BURST = 3.0  # a region that grows by more at one of them has left its object
_LEAST_REGION = 40  # splats
_GROUND = 0.02  # thickness of the ground, of the distance at which it is seen
_GROUND_CELLS = 8  # to each side
_LEAST_CELLS = 12  # of all of them, in which the ground is found
_LEVEL = math.cos(math.radians(55.0))  # what is less steep may be ground
_NEVER = (CLASS_SKY, CLASS_GROUND, CLASS_WALL, CLASS_WATER)  # not part of an object


@dataclass(frozen=True)
class Hit:
    """Where a ray meets a world.

    Attributes:
        index: of the Gaussian.
        distance: from the ray's origin, world units.
    """

    index: int
    distance: float


def first_hit(gaussians: Gaussians, origin: Tensor, direction: Tensor) -> Hit | None:
    """Return the Gaussian at which a ray's accumulated alpha passes one half.

    Along a ray a Gaussian's alpha is largest where its Mahalanobis distance to the ray is least; they are taken to be
    met there, in that order. Where the sum stays below one half, the one with the largest part counts.

    Args:
        gaussians: the world, on the CPU.
        origin: ``[3]`` world.
        direction: ``[3]`` world, of any length but 0.

    Returns:
        None where next to nothing is on the ray.

    Raises:
        InvalidInput: for a direction of length 0, or NaN.

    Source: B. Kerbl et al., 3D Gaussian Splatting for Real-Time Radiance Field Rendering, 2023, equations 2 and 3.
    """
    for name, values in (("origin", origin), ("direction", direction)):
        check_shape(name, values, "3")
        check_finite(name, values)
    ahead, start = direction.detach().double(), origin.detach().double()
    if float(ahead.norm()) == 0:
        raise InvalidInput("direction must not be 0.")
    ahead = ahead / ahead.norm()
    offset = gaussians.means.detach().double() - start
    along = offset @ ahead
    beside = (offset - along[:, None] * ahead).norm(dim=-1)
    near = torch.nonzero(beside <= 3.5 * gaussians.scales.detach().amax(-1)).flatten()
    if not len(near):
        return None
    axes = matrix_from_quats(gaussians.quats_wxyz[near].detach().double())
    inverse = 1 / gaussians.scales[near].detach().double().clamp_min(1e-9)
    to = (offset[near, None, :] @ axes)[:, 0] * inverse  # in units of its standard deviations
    way = (ahead @ axes) * inverse
    place = (to * way).sum(-1) / (way * way).sum(-1)
    off = (to - place[:, None] * way).square().sum(-1)
    alpha = gaussians.opacities[near].detach().double().clamp(0, 0.999) * torch.exp(-0.5 * off)
    alpha = torch.where((place > 0) & (alpha >= _FAINT), alpha, 0.0)
    order = place.argsort()
    left = torch.cumprod(1 - alpha[order], 0)
    reached = torch.nonzero(1 - left >= _OPAQUE)
    if len(reached):
        chosen = int(order[reached[0, 0]])
    else:
        weights = alpha[order] * torch.cat((left.new_ones(1), left[:-1]))
        if float(weights.max()) < _LEAST_ALPHA:
            return None
        chosen = int(order[weights.argmax()])
    return Hit(int(near[chosen]), float(place[chosen]))


def object_at(
    gaussians: Gaussians, origin: Tensor, direction: Tensor, *, tolerance: float = 0.15
) -> Tensor:  # [N] bool
    """Return the instance that a ray meets first, or `region_around` it where that Gaussian is in none.

    Returns:
        ``[N]`` bool; nothing where the ray meets nothing.

    Raises:
        InvalidInput: see `first_hit` and `region_around`.
    """
    hit = first_hit(gaussians, origin, direction)
    if hit is None:
        return torch.zeros(len(gaussians), dtype=torch.bool)
    instances = gaussians.label("instances")
    number = int(instances[hit.index])
    if number != NO_INSTANCE:
        return instances == number
    return region_around(gaussians, hit.index, hit.distance, tolerance=tolerance)


def region_around(
    gaussians: Gaussians, seed: int, reach: float, *, tolerance: float = 0.15
) -> Tensor:  # [N] bool
    """Return the Gaussians connected to one of them that look and stand like it.

    Neighbors are connected when their distance is a few times their size and their colors differ little. Ground, sky,
    walls and water by their class, and the ground by its height where classes are unknown, are never joined to what is
    none of them. What a region encloses belongs to it, whatever its color.

    Args:
        gaussians: the world, on the CPU.
        seed: index of the Gaussian.
        reach: how far from it the region may go, world units, such as the distance at which it is seen; positive.
        tolerance: largest difference of neighbors' colors in a channel, in (0, 1]; three times that to the seed's.

    Raises:
        InvalidInput: for an index, reach or tolerance out of range.
    """
    if not 0 <= seed < len(gaussians):
        raise InvalidInput(f"seed must be an index below {len(gaussians)}; got {seed}.")
    if not (0 < tolerance <= 1 and 0 < reach < math.inf):
        raise InvalidInput(
            f"tolerance must be above 0 and at most 1, reach positive; got {tolerance} and {reach}."
        )
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components
    from scipy.spatial import cKDTree

    candidates = torch.nonzero(_alike(gaussians, seed, reach)).flatten()
    first = int((candidates == seed).nonzero()[0, 0])
    part = gaussians.select(candidates)
    count = len(part)
    if count == 1:
        return _at(candidates, torch.ones(1, dtype=torch.bool), len(gaussians))
    means = part.means.detach().double().numpy()
    distance, near = cKDTree(means).query(means, k=min(count, _NEIGHBORS + 1), workers=-1)
    distance, near = torch.from_numpy(distance[:, 1:]), torch.from_numpy(near[:, 1:]).long()
    colors, size = part.colors.detach().clamp(0, 1), part.scales.detach().double().amax(-1)
    linked = distance <= _LINK * (size[near] + size[:, None])
    steps = (colors[near] - colors[:, None]).abs().amax(-1)
    from_seed = (colors - colors[first]).abs().amax(-1)

    def grown(most: float) -> Tensor:
        similar = from_seed <= _FAR_COLOR * most
        joined = linked & (steps <= most) & similar[near] & similar[:, None]
        rows = torch.arange(count)[:, None].expand_as(near)[joined].numpy()
        graph = coo_matrix((np.ones(len(rows), bool), (rows, near[joined].numpy())), shape=(count, count))
        groups = torch.from_numpy(connected_components(graph, directed=False)[1])
        found: Tensor = groups == groups[first]
        return found

    chosen = grown(tolerance * _TOLERANCES[0])
    for share in _TOLERANCES[1:]:
        wider = grown(tolerance * share)
        if int(wider.sum()) > _BURST * max(int(chosen.sum()), _LEAST_REGION):
            break  # it has burst into what is around it
        chosen = wider
    for _ in range(3):  # what it encloses
        chosen = chosen | (chosen[near].double().mean(-1) >= 0.75)
    return _at(candidates, chosen, len(gaussians))


def grow_chosen(gaussians: Gaussians, chosen: Tensor, reach: float) -> Tensor:  # [N] bool
    """Add what lies within a distance of the chosen Gaussians.

    Args:
        gaussians: the world, on the CPU.
        chosen: ``[N]`` bool.
        reach: world units; 0 adds nothing. Sky and ground by their class are only added to their like.

    Raises:
        InvalidInput: for a negative or infinite reach.
    """
    check_shape("chosen", chosen, f"{len(gaussians)}")
    if not 0 <= reach < math.inf:
        raise InvalidInput(f"reach must be 0 or more world units; got {reach}.")
    if reach == 0 or not bool(chosen.any()) or bool(chosen.all()):
        return chosen
    from scipy.spatial import cKDTree

    classes = gaussians.label("classes")
    held = classes[chosen].unique()
    may = ~chosen & ~torch.isin(
        classes, torch.tensor([n for n in (CLASS_SKY, CLASS_GROUND) if n not in held])
    )
    means = gaussians.means.detach().double().numpy()
    distance, _ = cKDTree(means[chosen.numpy()]).query(
        means[may.numpy()], distance_upper_bound=reach * (1 + 1e-9), workers=-1
    )
    grown = chosen.clone()
    grown[may] = torch.from_numpy(distance) < math.inf
    return grown


def _alike(gaussians: Gaussians, seed: int, reach: float) -> Tensor:  # [N] bool
    """Return what may belong to the seed's object, by class, height and distance."""
    means = gaussians.means.detach().double()
    near = (means - means[seed]).norm(dim=-1) <= reach
    classes = gaussians.label("classes")
    own = int(classes[seed])
    if own == UNKNOWN:
        allowed = ~torch.isin(classes, torch.tensor(_NEVER))
    else:
        allowed = (classes == own) | (classes == UNKNOWN)
    ground = _looks_like_ground(gaussians, seed, reach)
    by_height = (classes == UNKNOWN) & (ground != (own == CLASS_GROUND or bool(ground[seed])))
    alike: Tensor = near & allowed & ~by_height
    alike[seed] = True
    return alike


def _looks_like_ground(gaussians: Gaussians, seed: int, reach: float) -> Tensor:  # [N] bool
    """Return what is level and on the ground around the seed.

    The ground is a plane near the height, not above the seed, at which something level is found in most places.
    """
    offset = (gaussians.means.detach().double() - gaussians.means[seed].detach().double()) / reach
    level = _is_level(gaussians) & (offset[:, (0, 2)].abs().amax(-1) < 1) & (offset[:, 1] > -_GROUND)
    level &= offset[:, 1] < 1  # y points down
    if not bool(level.any()):
        return level
    place, heights = offset[level][:, (0, 2)], offset[level, 1]
    cell = ((place + 1) / 2 * _GROUND_CELLS).long().clamp(0, _GROUND_CELLS - 1)
    cell = cell[:, 0] * _GROUND_CELLS + cell[:, 1]
    step = (heights / _GROUND).floor().long() + 1
    held = torch.stack((step, cell), -1).unique(dim=0)
    steps, places = held[:, 0].unique(return_counts=True)
    if int(places.max()) < _LEAST_CELLS:
        return torch.zeros_like(level)
    height = (float(steps[places.argmax()]) - 0.5) * _GROUND
    near = (heights - height).abs() < 3 * _GROUND
    plane = _plane(place[near], heights[near], height)
    return level & ((offset[:, (0, 2)] @ plane[:2] + plane[2] - offset[:, 1]).abs() <= _GROUND)


def _is_level(gaussians: Gaussians) -> Tensor:  # [N] bool
    """Return which Gaussians are no flat things that stand steeply."""
    order = gaussians.scales.detach().sort(-1)
    axes = matrix_from_quats(gaussians.quats_wxyz.detach())
    upright = axes[torch.arange(len(axes)), 1, order.indices[:, 0]].abs()
    level: Tensor = (upright >= _LEVEL) | (order.values[:, 0] > 0.5 * order.values[:, 1])
    return level


def _plane(place: Tensor, heights: Tensor, height: float) -> Tensor:  # [3]
    """Fit ``heights = a x + b z + c`` from a level start, with weights that fall with the distance to the plane."""
    columns = torch.cat((place, torch.ones(len(place), 1, dtype=torch.float64)), -1)
    plane = torch.tensor([0.0, 0.0, height], dtype=torch.float64)
    for _ in range(5):
        weight = (1 + ((columns @ plane - heights) / _GROUND).square()) ** -2
        left = columns.T @ (weight[:, None] * columns) + 1e-6 * torch.eye(3, dtype=torch.float64)
        plane = torch.linalg.solve(left, columns.T @ (weight * heights))
    return plane


def _at(index: Tensor, chosen: Tensor, count: int) -> Tensor:
    whole = torch.zeros(count, dtype=torch.bool)
    whole[index[chosen]] = True
    return whole
