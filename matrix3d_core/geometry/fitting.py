"""Least squares in closed form: scale and shift between two depths, a similarity between two sets of points, and a
plane through noisy points; and the median of weighted values."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from ..checks import check_floating, check_shape
from ..errors import InvalidInput

__all__ = ["PlaneFit", "fit_plane", "fit_scale", "fit_scale_shift", "fit_similarity", "weighted_median"]

_SCORED_POINTS = 20_000  # hypotheses are scored on at most this many points


def fit_scale_shift(
    source: Tensor,  # [..., N]
    target: Tensor,  # [..., N]
    weight: Tensor | None = None,  # [..., N]
) -> tuple[Tensor, Tensor]:  # [...], [...]
    """Find ``scale`` and ``shift`` that minimize ``sum w (scale * source + shift - target)^2``.

    Samples of weight 0 are left out, whatever they hold. Where the remaining sources are all equal
    the scale is undefined: it is 1 there and the shift the mean difference. Where none remain
    the result is ``(1, 0)``.

    Args:
        source: ``[..., N]`` floating point.
        target: ``[..., N]``.
        weight: ``[..., N]`` non-negative, or None for all ones.

    Returns:
        ``scale`` and ``shift``, each ``[...]``, in the dtype of ``source``; differentiable.

    Raises:
        InvalidInput: on different shapes, or when a weight is negative or not finite.
    """
    source64, target64, weight64 = _weighted_samples(source, target, weight)
    total = weight64.sum(-1)
    share = weight64 / torch.where(total > 0, total, torch.ones_like(total)).unsqueeze(-1)
    mean_source = (share * source64).sum(-1)
    mean_target = (share * target64).sum(-1)
    centered = source64 - mean_source.unsqueeze(-1)  # centering first keeps digits when the spread is small
    variance = (share * centered * centered).sum(-1)
    covariance = (share * centered * (target64 - mean_target.unsqueeze(-1))).sum(-1)
    # Rounding of the mean leaves a variance of up to about (eps * size)^2 for equal values.
    floor = (8 * torch.finfo(torch.float64).eps * source64.abs().amax(-1)) ** 2
    is_flat = variance <= floor
    safe = torch.where(is_flat, torch.ones_like(variance), variance)
    scale = torch.where(is_flat, torch.ones_like(variance), covariance / safe)
    shift = mean_target - scale * mean_source
    return scale.to(source.dtype), shift.to(source.dtype)


def fit_scale(
    source: Tensor,  # [..., N]
    target: Tensor,  # [..., N]
    weight: Tensor | None = None,  # [..., N]
) -> Tensor:  # [...]
    """Find the ``scale`` that minimizes ``sum w (scale * source - target)^2``; 1 where source is all zero.

    Arguments as in `fit_scale_shift`.
    """
    source64, target64, weight64 = _weighted_samples(source, target, weight)
    energy = (weight64 * source64 * source64).sum(-1)
    safe = torch.where(energy > 0, energy, torch.ones_like(energy))
    scale = (weight64 * source64 * target64).sum(-1) / safe
    return torch.where(energy > 0, scale, torch.ones_like(scale)).to(source.dtype)


def fit_similarity(
    source: Tensor,  # [N, 3]
    target: Tensor,  # [N, 3]
) -> tuple[float, Tensor, Tensor]:  # scale, [3, 3], [3]
    """Find the scale, rotation and shift that minimize ``sum |scale R source + shift - target|^2``.

    Where the rotation is not determined (points on a line) it is one of the best. Sources all in one place get scale 1.

    Returns:
        ``scale``, ``rotation [3, 3]`` and ``shift [3]``, float64: ``target = scale * source @ rotation.mT + shift``.

    Raises:
        InvalidInput: for other shapes or no points.

    Source: S. Umeyama, Least-Squares Estimation of Transformation Parameters Between Two Point Patterns, 1991.
    """
    count = check_shape("source", source, "N 3")["N"]
    check_shape("target", target, f"{count} 3")
    if count < 1:
        raise InvalidInput("source must hold at least 1 point; got 0.")
    source64, target64 = source.detach().double(), target.detach().double()
    middle, aim = source64.mean(0), target64.mean(0)
    left, values, right = torch.linalg.svd((target64 - aim).mT @ (source64 - middle))
    signs = torch.ones(3, dtype=torch.float64, device=values.device)
    signs[2] = torch.sign(torch.linalg.det(left) * torch.linalg.det(right))  # no mirroring
    rotation = (left * signs) @ right
    energy = float((source64 - middle).square().sum())
    scale = float((values * signs).sum()) / energy if energy > 0 else 1.0
    return scale, rotation, aim - scale * rotation @ middle


@dataclass(frozen=True)
class PlaneFit:
    """The plane ``normal . x = offset``.

    Attributes:
        normal: ``[3]`` float64, unit length.
        offset: signed distance of the plane from the origin along ``normal``, world units.
        is_inlier: ``[N]`` bool, the points nearer to the plane than the inlier distance.
        inlier_share: weight of the inliers over the weight of all points, 0 to 1.
    """

    normal: Tensor
    offset: float
    is_inlier: Tensor
    inlier_share: float


def fit_plane(
    points: Tensor,  # [N, 3]
    *,
    inlier_distance: float,
    generator: torch.Generator,
    weight: Tensor | None = None,  # [N]
    near_normal: tuple[float, float, float] | None = None,
    max_angle_rad: float = math.pi / 2,
    rounds: int = 256,
) -> PlaneFit:
    """Fit the plane that most of the weight is on, ignoring the rest.

    Draws ``rounds`` triples, keeps the plane with the most inlier weight, and refines it by repeated
    least squares on its inliers. The same generator state gives the same plane.

    Args:
        points: ``[N, 3]`` floating point, finite, world units.
        inlier_distance: how far from the plane a point may be and still count, world units.
        generator: CPU generator that draws the triples.
        weight: ``[N]`` non-negative importance of each point, or None for all ones. Use it to undo
            uneven sampling, such as the crowding of panorama pixels at the poles.
        near_normal: direction that the normal must be close to; it also fixes the normal's sign.
            Without it the sign is chosen so that ``offset >= 0``.
        max_angle_rad: largest angle between ``normal`` and ``near_normal``.
        rounds: how many triples to draw.

    Returns:
        The plane and its inliers.

    Raises:
        InvalidInput: for fewer than 3 points of positive weight, values that are not finite, or when
            no plane within the angle was found.

    Source: M. Fischler, R. Bolles, Random sample consensus, 1981.
    """
    count = check_shape("points", points, "N 3")["N"]
    check_floating("points", points)
    if not inlier_distance > 0:
        raise InvalidInput(f"inlier_distance must be positive; got {inlier_distance}.")
    cloud = points.detach().to("cpu", torch.float64)
    mass = (
        torch.ones(count, dtype=torch.float64) if weight is None else weight.detach().to("cpu", torch.float64)
    )
    check_shape("weight", mass, f"{count}")
    if not bool(torch.isfinite(cloud).all() and torch.isfinite(mass).all() and (mass >= 0).all()):
        raise InvalidInput("points and weight must be finite, weights not negative. Drop the others first.")
    if int((mass > 0).sum()) < 3:
        raise InvalidInput(f"points must hold at least 3 of positive weight; got {int((mass > 0).sum())}.")
    axis = None
    if near_normal is not None:
        axis = torch.nn.functional.normalize(torch.tensor(near_normal, dtype=torch.float64), dim=0)

    normals, offsets = _draw_planes(cloud, mass, rounds, generator)
    keep = _is_near(normals, axis, max_angle_rad)
    normals, offsets = normals[keep], offsets[keep]
    if not len(normals):
        raise InvalidInput(
            f"no plane within {math.degrees(max_angle_rad):.1f} degrees of near_normal was found in {rounds} "
            "draws. Widen max_angle_rad, draw more, or check the points' axes."
        )
    judges = _draw(mass, _SCORED_POINTS, generator) if count > _SCORED_POINTS else torch.arange(count)
    judge_mass = torch.ones(len(judges), dtype=torch.float64) if count > _SCORED_POINTS else mass
    residual = (cloud[judges] @ normals.mT - offsets).abs()
    best = int((judge_mass @ (residual <= inlier_distance).to(torch.float64)).argmax())
    normal, offset = normals[best], offsets[best]

    for _ in range(10):
        is_inlier = (cloud @ normal - offset).abs() <= inlier_distance
        refined = _least_squares_plane(cloud[is_inlier], mass[is_inlier])
        if refined is None or not bool(_is_near(refined[0], axis, max_angle_rad)):
            break
        settled = bool((refined[0] @ normal).abs() > 1 - 1e-14)
        normal, offset = refined
        if settled:
            break
    flip = bool(normal @ axis < 0) if axis is not None else bool(offset < 0)
    if flip:
        normal, offset = -normal, -offset
    is_inlier = (cloud @ normal - offset).abs() <= inlier_distance
    share = float(mass[is_inlier].sum() / mass.sum())
    return PlaneFit(normal, float(offset), is_inlier.to(points.device), share)


def _weighted_samples(source: Tensor, target: Tensor, weight: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
    """Return float64 copies with the samples of weight 0 blanked, so that NaN there does no harm."""
    check_floating("source", source)
    if (
        source.ndim < 1
        or target.shape != source.shape
        or (weight is not None and weight.shape != source.shape)
    ):
        shapes = [list(t.shape) for t in (source, target, weight) if t is not None]
        raise InvalidInput(f"source, target and weight must have one shape [..., N]; got {shapes}.")
    if weight is None:
        weight = torch.ones_like(source)
    if not bool((torch.isfinite(weight) & (weight >= 0)).all()):
        raise InvalidInput("weight must be finite and not negative. Give samples to ignore the weight 0.")
    used = weight > 0
    zero = torch.zeros((), dtype=torch.float64, device=source.device)
    source64 = torch.where(used, source.to(torch.float64), zero)
    target64 = torch.where(used, target.to(torch.float64), zero)
    return source64, target64, weight.to(torch.float64)


def _draw(mass: Tensor, count: int, generator: torch.Generator) -> Tensor:
    """Draw indices with probability proportional to ``mass``, with replacement."""
    cumulative = mass.cumsum(0)
    ticket = torch.rand(count, dtype=torch.float64, generator=generator) * cumulative[-1]
    return torch.searchsorted(cumulative, ticket, right=True).clamp(max=len(mass) - 1)


def _draw_planes(
    cloud: Tensor, mass: Tensor, rounds: int, generator: torch.Generator
) -> tuple[Tensor, Tensor]:  # [R, 3], [R]
    corners = cloud[_draw(mass, 3 * rounds, generator).view(rounds, 3)]
    along, across = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    normals = torch.linalg.cross(along, across)
    area = normals.norm(dim=-1)
    keep = area > 1e-9 * along.norm(dim=-1) * across.norm(dim=-1)  # not three points on one line
    normals = normals[keep] / area[keep, None]
    return normals, (normals * corners[keep, 0]).sum(-1)


def _least_squares_plane(cloud: Tensor, mass: Tensor) -> tuple[Tensor, Tensor] | None:
    if len(cloud) < 3:
        return None
    center = (mass[:, None] * cloud).sum(0) / mass.sum()
    spread = (cloud - center) * mass.sqrt()[:, None]
    normal = torch.linalg.eigh(spread.mT @ spread).eigenvectors[:, 0]
    return normal, normal @ center


def _is_near(normals: Tensor, axis: Tensor | None, max_angle_rad: float) -> Tensor:  # [...]
    """Return which normals, of either sign, lie within an angle of an axis."""
    if axis is None:
        return torch.ones(normals.shape[:-1], dtype=torch.bool)
    return (normals @ axis).abs() >= math.cos(min(max_angle_rad, math.pi / 2))


def weighted_median(values: Tensor, weights: Tensor) -> float:  # [N], [N]
    """Return the value up to which half of the weight lies.

    Args:
        values: ``[N]``, at least one.
        weights: ``[N]``, not negative.
    """
    order = values.argsort()
    summed = weights[order].double().cumsum(0)
    return float(values[order[min(int((summed < summed[-1] / 2).sum()), len(order) - 1)]])
