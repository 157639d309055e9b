"""What lies behind: planes of the background, continued into the holes to where they meet.

A plane's inverse distance is linear in the ray: ``1 / r = g . ray``. Planes are found on the background beside the
holes (RANSAC). Each hidden pixel continues one of those that reach the border of its hole: paths from the border in
eight directions, along which changing from one plane to another costs little where both meet and much where they do
not, and standing in front of what another camera sees costs more. So does sky below all sky beside the hole. Where no
plane fits, the distance is as smooth as possible, from the borders where none fits either.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..geometry.spherical import erp_directions
from .inpaint import solve_harmonic

__all__ = ["HiddenSurface", "continue_surfaces", "dilate", "find_planes"]

_ON_PLANE = 0.02  # relative error of distance
_BESIDE = 0.1  # the same for a pixel whose neighbors are on the plane
_TRIALS = 600
_SAMPLES = 6000
_MOST_PLANES = 20
_LEAST_SHARE = 0.012  # of the samples, for a plane
_BAND = 1 / 6  # of the height: how far from a hole its planes are looked for
_MOST_LABELS = 6
_LEAST_BORDER = 0.04  # of a hole's border, for a plane to be continued into it
_KEEP = 0.99  # per pixel at 480 rows: how long a border's vote lasts
_NO_SKY = np.float32(60.0)  # cost of sky below all sky on the border
_NO_PLANE = 2.0  # cost of the smooth guess; a path from the border costs at most 2
_SKY = 1.3  # the sky's distances vary by at most this factor, and half as much before it is empty
_SLACK = 0.04  # relative error of another camera's distances


@dataclass(frozen=True)
class HiddenSurface:
    """Which surface every pixel belongs to.

    Attributes:
        label: ``[H, W]`` int32, for hidden pixels and those seen beside them: the plane, ``len(planes)`` where
            none fits, ``len(planes) + 1`` for the sky; -1 elsewhere.
        seen: ``[H, W]`` int32, the same for all seen pixels of the background, each by its own distance.
        part: ``[H, W]`` int32, number of the connected hole, -1 elsewhere.
        planes: ``[K, 3]`` vectors g in the camera's frame, ``1 / distance = g . ray``.
        inverse: ``[H, W]`` 1 / distance; of hidden pixels, else as given.
    """

    label: Tensor
    seen: Tensor
    part: Tensor
    planes: Tensor
    inverse: Tensor


def find_planes(rays: Tensor, inverse: Tensor, is_used: Tensor, seed: int = 0) -> Tensor:  # [K, 3]
    """Find planes among the pixels of ``is_used``, most supported first.

    Args:
        rays: ``[H, W, 3]`` unit directions.
        inverse: ``[H, W]`` 1 / distance.
        is_used: ``[H, W]`` bool.
        seed: of the trials.

    Returns:
        ``[K, 3]`` with ``1 / distance = g . ray``, at most 20.

    Source: M. Fischler, R. Bolles, Random sample consensus, 1981.
    """
    height, width = inverse.shape
    pixels = is_used.flatten().nonzero().squeeze(1)
    if len(pixels) < 12:
        return torch.zeros(0, 3)
    random = torch.Generator().manual_seed(seed)
    samples = pixels[torch.randint(len(pixels), (min(_SAMPLES, len(pixels)),), generator=random)]
    ray, value = rays.reshape(-1, 3)[samples], inverse.flatten()[samples]
    # Three points of one neighborhood: trials on one surface.
    reach = max(2, height // 40)
    first = pixels[torch.randint(len(pixels), (_TRIALS,), generator=random)]
    row, column = first // width, first % width
    corners = [first]
    for _ in range(2):
        step = torch.randint(-reach, reach + 1, (2, _TRIALS), generator=random)
        corners.append((row + step[0]).clamp(0, height - 1) * width + (column + step[1]) % width)
    corner = torch.stack(corners, 1)
    usable = is_used.flatten()[corner].all(1)
    matrix = rays.reshape(-1, 3)[corner[usable]].double()
    right = inverse.flatten()[corner[usable]].double()
    volume = torch.linalg.det(matrix).abs()
    solid = volume > 1e-9
    trials = torch.linalg.solve(matrix[solid], right[solid]).float()
    if not len(trials):
        return torch.zeros(0, 3)
    misses = (trials @ ray.mT) / value - 1
    is_on = misses.abs() < _ON_PLANE
    free = torch.ones(len(samples), dtype=torch.bool)
    planes: list[Tensor] = []
    for _ in range(_MOST_PLANES):
        support = (is_on & free).sum(1)
        best = int(support.argmax())
        if int(support[best]) < max(12, _LEAST_SHARE * len(samples)):
            break
        plane, on = trials[best], is_on[best] & free
        for _ in range(3):  # refine on what lies on it
            weighted = ray[on] / value[on, None]
            plane = (
                torch.linalg.lstsq(weighted.double(), torch.ones(len(weighted), 1, dtype=torch.float64))
                .solution[:, 0]
                .float()
            )
            on = ((ray @ plane) / value - 1).abs() < _ON_PLANE
            on &= free
            if int(on.sum()) < 6:
                break
        free &= ~on & ~is_on[best]
        planes.append(plane)
    return torch.stack(planes) if planes else torch.zeros(0, 3)


def continue_surfaces(
    depth_ray: Tensor,  # [H, W]
    smooth: Tensor,  # [H, W]
    region: Tensor,  # [H, W] bool
    border: Tensor,  # [H, W] bool
    background: Tensor,  # [H, W] bool
    reference_from_camera: Tensor,  # [4, 4]
    reference: Tensor,  # [h, w]
) -> HiddenSurface:
    """Continue the surfaces on the border of holes into them.

    Args:
        depth_ray: ``[H, W]``, finite and positive outside of ``region``.
        smooth: ``[H, W]`` 1 / distance of the smooth guess.
        region: ``[H, W]`` bool, the hidden pixels.
        border: ``[H, W]`` bool, seen pixels next to them that belong to the background.
        background: ``[H, W]`` bool, seen pixels that may support a plane.
        reference_from_camera: ``[4, 4]`` rigid transform to the camera of ``reference``.
        reference: ``[h, w]`` distances that another camera sees, 0 for none; nothing hidden stands in front of them.

    Returns:
        Labels and distances.
    """
    from .kernels_hidden import (
        add_carving,
        choose_labels,
        connected,
        plane_votes,
        sweep_columns,
        sweep_rows,
    )

    height, width = depth_ray.shape
    rays = erp_directions(height, width)
    inverse = 1 / depth_ray
    reach = max(2, round(height * _BAND))
    band = dilate(region, reach) & background
    # What was continued beyond the sky before counts as sky: else each hole would reach farther than the last one.
    sky = float(reference.max())
    near_sky = inverse.clamp(min=1 / sky) if sky > 0 else inverse
    is_far = _farthest_layer(near_sky, ~region)
    far = float(near_sky[is_far].mean()) if bool(is_far.any()) else float(near_sky[~region].min())
    planes = find_planes(rays, inverse, band & ~is_far)
    count = len(planes)
    own = torch.full((height, width), count, dtype=torch.int32)
    least = torch.full((height, width), _ON_PLANE)
    for index, plane in enumerate(planes):
        miss = ((rays @ plane) / inverse - 1).abs()
        better = miss < least
        own[better], least[better] = index, miss[better]
    own[is_far] = count + 1
    own[~background | region] = -1
    ring = dilate(region, 1) & background
    asked = ring.numpy()
    labels = np.full((height, width), -1, np.int32)
    radius = max(2, round(height / 120))
    plane_votes(height, own.numpy(), asked, radius, count + 2, labels)
    labels[labels == count + 2] = count
    for index, plane in enumerate(planes):
        misses = (((rays @ plane) / inverse - 1).abs() > _BESIDE).numpy()
        labels[(labels == index) & misses] = count
    # What stands in front is not continued, but a plane may be: it would be seen before the objects that hide it.
    labels[(labels >= count) & ~border.numpy()] = -1
    part, parts = connected(region.numpy())
    candidates = _candidates(part, parts, labels, count)
    total = np.zeros((height, width, _MOST_LABELS), np.float32)
    arrays = planes.numpy().astype(np.float32), smooth.numpy(), np.float32(far), rays.numpy()
    turn, shift = reference_from_camera[:3, :3].numpy(), reference_from_camera[:3, 3].numpy()
    height_in_reference = (rays @ reference_from_camera[:3, :3].float().mT)[..., 1]  # y is down
    lowest = _lowest(part, parts, labels == count + 1, height_in_reference.numpy())
    prior = np.where(candidates == count, np.float32(_NO_PLANE), np.float32(0))[part]
    prior += (
        (candidates == count + 1)[part] & (height_in_reference.numpy() > lowest[part])[..., None]
    ) * _NO_SKY
    total += prior * (part >= 0)[..., None]
    add_carving(height, part, candidates, *arrays, turn, shift, reference.numpy(), _SLACK, total)
    keep = np.float32(_KEEP ** (480 / height))
    sweep_columns(height, part, labels, candidates, *arrays, keep, total)
    for down in (1, -1):
        sweep_rows(part, labels, candidates, *arrays, keep, down, total)
    chosen = np.full((height, width), -1, np.int32)
    choose_labels(height, part, candidates, total, chosen)
    for _ in range(2):  # the most frequent one around: paths leave ragged boundaries
        before = chosen.copy()
        plane_votes(height, before, region.numpy(), radius, count + 2, chosen)
        chosen = np.where(chosen == count + 2, before, chosen)
    labels = np.where(part >= 0, chosen, labels)
    label = torch.from_numpy(labels)
    result = torch.where(region, smooth, inverse)
    for index, plane in enumerate(planes):
        here = region & (label == index)
        result[here] = rays[here] @ plane
    result[region & (label == count + 1)] = far
    rest = region & (label == count)
    around = dilate(rest, 1) & ~rest & (label >= 0)
    result = (
        solve_harmonic(result.unsqueeze(-1), rest, around, label).squeeze(-1) if bool(rest.any()) else result
    )
    # Planes reach the horizon, and a hole without a border of its own has no distance: both end behind the sky.
    result = torch.where(region, result.clamp(min=0.5 * far), result)
    return HiddenSurface(label, own, torch.from_numpy(part), planes, result)


def _farthest_layer(inverse: Tensor, is_seen: Tensor) -> Tensor:  # [H, W] bool
    """Return where the sky is: what is farthest, when a gap in distance is before it."""
    far = float(inverse[is_seen].min())
    is_far = is_seen & (inverse < _SKY * far)
    in_gap = is_seen & (inverse >= _SKY * far) & (inverse < 1.25 * _SKY * far)
    return is_far & (int(in_gap.sum()) < 0.01 * int(is_far.sum()))


def _lowest(part: np.ndarray, parts: int, is_sky: np.ndarray, down: np.ndarray) -> np.ndarray:  # [N]
    """Return for each hole how far down the sky on its border reaches, as the y of a direction."""
    found = np.full(max(parts, 1), -1, np.float32)
    for hole, row, column in _border_of_holes(part, is_sky):
        np.maximum.at(found, hole, down[row, column])
    return found


def _border_of_holes(part: np.ndarray, asked: np.ndarray) -> Iterator[tuple[np.ndarray, ...]]:
    """Yield hole, row and column of the pixels asked for that touch a hole, once for each of nine neighbors."""
    height, width = part.shape
    row, column = np.nonzero(asked)
    for dy in (-1, 0, 1):
        for dx in (-1, 0, 1):
            hole = part[np.clip(row + dy, 0, height - 1), (column + dx) % width]
            there = hole >= 0
            yield hole[there], row[there], column[there]


def _candidates(part: np.ndarray, parts: int, labels: np.ndarray, count: int) -> np.ndarray:  # [N, M] int32
    """Return for each hole the labels on its border, most frequent first; the smooth one is always there."""
    votes = np.zeros((max(parts, 1), count + 2), np.int64)
    for hole, row, column in _border_of_holes(part, (labels >= 0) & (part < 0)):
        np.add.at(votes, (hole, labels[row, column]), 1)
    total = votes.sum(1, keepdims=True)
    votes[votes < _LEAST_BORDER * total] = 0
    votes[:, count] = np.maximum(votes[:, count], 1)  # the smooth guess
    order = np.argsort(-votes, axis=1, kind="stable")[:, :_MOST_LABELS]
    found = np.full((len(votes), _MOST_LABELS), -1, np.int32)
    chosen = np.where(np.take_along_axis(votes, order, 1) > 0, order, -1)
    found[:, : chosen.shape[1]] = chosen
    has_smooth = (found == count).any(1)
    found[~has_smooth, -1] = count
    return found


def dilate(mask: Tensor, reach: int) -> Tensor:
    """Spread a mask by ``reach`` pixels along rows and columns; columns wrap."""
    wide = torch.cat((mask[:, -reach:], mask, mask[:, :reach]), 1).float()[None, None]
    pool = torch.nn.functional.max_pool2d
    return pool(pool(wide, (1, 2 * reach + 1), 1), (2 * reach + 1, 1), 1, (reach, 0))[0, 0] > 0
