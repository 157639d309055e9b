"""Log distances of overlapping views to one panorama without seams.

Every view knows the distance up to a factor, and errs smoothly besides. First the views get factors that make them
agree where they overlap: the weighted median of the difference of each pair, then least squares over all pairs. Then
one map is found whose gradients are those of the views, each where it is far from its border, and which stays near
their average at large (a screened Poisson equation on the sphere). Where no view knows anything the map is smooth.

Source: P. Perez et al., Poisson Image Editing, 2003; M. Rey-Area et al., 360MonoDepth, 2022 (overlapping views aligned,
then blended by gradients); R. Wang et al., MoGe, 2024 (twelve views of a panorama merged by their gradients); the
solver: J. Shewchuk, An Introduction to the Conjugate Gradient Method, 1994.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ...checks import check_finite, check_shape
from ...errors import InvalidInput
from ...geometry.fitting import weighted_median
from ...geometry.spherical import erp_directions
from ...progress import ProgressEvent, ProgressFn, no_progress
from .views import ViewSet, sample_views

__all__ = ["MergedViews", "blend_views", "merge_views"]

_SHARPNESS = 4  # power of the weights for gradients: the view that sees a place best decides
_SCREEN_RAD = math.radians(25)  # below this size the gradients decide, above it the average of the views
_LEAST_WEIGHT = 1e-3  # of gradients where no view knows anything
_GRAZING = 0.06  # cosine to a normal below which it says nothing of the distance
_NORMAL_ERROR = 2.0  # change of the log distance per radian by which a normal and the distances may differ
_PRIOR = 0.01  # pull of the factors to 1, of the whole sphere's weight
_MOST_STEPS = 200


@dataclass(frozen=True)
class MergedViews:
    """A panorama's distances.

    Attributes:
        log_distance: ``[H, W]`` float32, finite everywhere.
        weight: ``[H, W]`` float32, 0 where no view knows anything.
        disagreement: ``[H, W]`` float32, weighted standard deviation of the aligned views' log distances.
        log_factors: ``[V]`` float64, what was added to each view; their weighted median is 0.
        steps: of the solver.
    """

    log_distance: Tensor
    weight: Tensor
    disagreement: Tensor
    log_factors: Tensor
    steps: int

    def describe(self) -> str:
        """Return two lines of text."""
        deviation = float(self.disagreement[self.weight > 0].median())
        factors = ", ".join(f"{math.exp(value):.3f}" for value in self.log_factors.tolist())
        return f"views differ by {deviation:.1%} where they overlap\nfactors: {factors}"


def merge_views(
    log_distance: Tensor,  # [V, h, h]
    confidence: Tensor,  # [V, h, h]
    views: ViewSet,
    height: int,
    *,
    normals: Tensor | None = None,  # [H, W, 3]
    progress: ProgressFn = no_progress,
) -> MergedViews:
    """Merge the distances of views into a panorama of ``height`` rows.

    Args:
        log_distance: ``[V, h, h]`` natural logarithm of the ray distance, up to one addend per view; finite, also where
            ``confidence`` is 0.
        confidence: ``[V, h, h]`` weights of any unit, 0 for pixels that know nothing (sky).
        views: where the views look.
        height: rows of the result.
        normals: ``[height, 2 * height, 3]`` normals of the surfaces, as long as they are certain, 0 to 1; they
            correct the gradients within a surface, not those of edges.
        progress: called between steps.

    Raises:
        InvalidInput: on wrong shapes, values that are not finite, negative weights, or when all weights are 0.
    """
    size = check_shape("log_distance", log_distance, "V h h")
    check_shape("confidence", confidence, f"{size['V']} {size['h']} {size['h']}")
    check_finite("log_distance", log_distance)
    check_finite("confidence", confidence)
    if bool((confidence < 0).any()) or not bool((confidence > 0).any()):
        raise InvalidInput(
            "confidence must be positive somewhere and negative nowhere. A panorama of sky has no depth."
        )
    directions = erp_directions(height, 2 * height)
    progress(ProgressEvent(0, 3, "place views"))
    values = torch.stack((log_distance, confidence / confidence.max()), dim=-1).to(torch.float32)
    sampled, rim = sample_views(values, views, directions, as_surface=True)
    logs, weights = sampled[..., 0], sampled[..., 1] * rim
    progress(ProgressEvent(1, 3, "align views"))
    area = torch.sqrt((1 - directions[..., 1:2].square()).clamp_min(0))[..., 0]
    factors = _align(logs, weights, area)
    logs += factors.to(logs.dtype)[:, None, None]
    total = weights.sum(0)
    base = (weights * logs).sum(0) / total.clamp_min(1e-9)
    spread = ((weights * (logs - base).square()).sum(0) / total.clamp_min(1e-9)).sqrt()
    base = torch.where(total > 0, base, (area * total * base).sum() / (area * total).sum())
    progress(ProgressEvent(2, 3, "merge views"))
    gradients = _gradients(logs, weights)
    if normals is not None:
        check_shape("normals", normals, f"{height} {2 * height} 3")
        gradients = _with_normals(gradients, normals.to(torch.float32), directions)
    solved, steps = _solve(
        base.double().numpy(), total.double().numpy(), *(g.double().numpy() for g in gradients)
    )
    progress(ProgressEvent(3, 3, "merge views"))
    return MergedViews(torch.from_numpy(solved).to(torch.float32), total, spread, factors, steps)


def blend_views(values: Tensor, views: ViewSet, height: int) -> Tensor:  # [V, h, h, C] -> [H, 2 H, C]
    """Return the average of the views' values in each direction, each view counted less towards its border."""
    sampled, rim = sample_views(values, views, erp_directions(height, 2 * height))
    return (sampled * rim[..., None]).sum(0) / rim.sum(0)[..., None].clamp_min(1e-9)


def _align(logs: Tensor, weights: Tensor, area: Tensor) -> Tensor:  # [V, H, W], [V, H, W], [H, W] -> [V]
    """Return what to add to each view so that pairs agree; the weighted median of the addends is 0."""
    count = len(logs)
    matrix, right = torch.zeros(count, count, dtype=torch.float64), torch.zeros(count, dtype=torch.float64)
    mass = (weights * area).sum((1, 2)).double()
    for a in range(count):
        for b in range(a + 1, count):
            both = torch.minimum(weights[a], weights[b]) * area
            inside = both > 0
            if not bool(inside.any()):
                continue
            weight = both[inside]
            difference = weighted_median(logs[a][inside] - logs[b][inside], weight)
            pull = float(weight.sum())
            matrix[a, a] += pull
            matrix[b, b] += pull
            matrix[a, b] -= pull
            matrix[b, a] -= pull
            right[a] -= pull * difference
            right[b] += pull * difference
    matrix += torch.diag(_PRIOR * mass + 1e-6 * mass.sum())
    addends: Tensor = torch.linalg.solve(matrix, right)
    return addends - weighted_median(addends, mass)


def _gradients(logs: Tensor, weights: Tensor) -> tuple[Tensor, ...]:
    """Return the gradients to the right and downward and how much is known of them, each ``[H, W]``.

    A gradient is that of a single view at both pixels; the last row has none downward.
    """
    result = []
    for axis in (2, 1):
        ahead = torch.roll(weights, -1, dims=axis)
        both = torch.minimum(weights, ahead)
        if axis == 1:
            both[:, -1] = 0
        sharp = both.pow(_SHARPNESS)
        total = sharp.sum(0)
        step = ((torch.roll(logs, -1, dims=axis) - logs) * sharp).sum(0) / total.clamp_min(1e-12)
        known = both.amax(0)
        result += [step, known / (known + 0.05)]
    return tuple(result)


def _with_normals(gradients: tuple[Tensor, ...], normals: Tensor, directions: Tensor) -> tuple[Tensor, ...]:
    """Replace gradients by those of the plane that a normal says, where the two are about the same.

    On a plane the distance along a ray is its offset over the cosine between ray and normal.
    """
    result = list(gradients)
    for place, axis in ((0, 1), (2, 0)):
        along = torch.roll(directions, -1, dims=axis)
        step, trust = torch.zeros_like(gradients[place]), torch.zeros_like(gradients[place])
        for normal in (normals, torch.roll(normals, -1, dims=axis)):
            certain = torch.linalg.vector_norm(normal, dim=-1)
            normal = normal / certain.clamp_min(1e-6)[..., None]
            here, there = ((normal * ray).sum(-1).abs() for ray in (directions, along))
            least = torch.minimum(here, there)
            step += 0.5 * (here.clamp_min(_GRAZING).log() - there.clamp_min(_GRAZING).log())
            trust += 0.5 * certain.square() * ((least - _GRAZING) / _GRAZING).clamp(0, 1)
        off = (gradients[place] - step) / _NORMAL_ERROR / math.pi * len(normals)
        share = trust / (1 + off.square())
        result[place] = torch.lerp(gradients[place], step, share)
    return tuple(result)


def _solve(
    base: np.ndarray,
    weight: np.ndarray,
    right: np.ndarray,
    right_known: np.ndarray,
    down: np.ndarray,
    down_known: np.ndarray,
    *,
    tolerance: float = 1e-4,
) -> tuple[np.ndarray, int]:
    """Minimize the weighted squares of gradient errors and of the distance to ``base``, over the sphere's area.

    Conjugate gradients, with the solution for equal weights everywhere (Fourier series along the rows, a tridiagonal
    system for each frequency) as preconditioner.
    """
    height, width = base.shape
    latitude = (0.5 - (np.arange(height) + 0.5) / height) * math.pi
    cosine = np.cos(latitude)[:, None]
    across = 1 / cosine
    between = np.cos(latitude - math.pi / height / 2)[:, None]
    between[-1] = 0
    screen = (math.pi / height / _SCREEN_RAD) ** 2 * cosine
    weight_x = across * np.maximum(right_known, _LEAST_WEIGHT)
    weight_y = between * np.maximum(down_known, _LEAST_WEIGHT)
    weight_base = screen * np.maximum(weight / (weight + 0.05), _LEAST_WEIGHT)

    def divergence(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        fallen: np.ndarray = np.roll(x, 1, axis=1) - x - y
        fallen[1:] += y[:-1]
        return fallen

    def apply(u: np.ndarray) -> np.ndarray:
        y = np.zeros_like(u)
        y[:-1] = u[1:] - u[:-1]
        change: np.ndarray = (
            divergence(weight_x * (np.roll(u, -1, axis=1) - u), weight_y * y) + weight_base * u
        )
        return change

    inverse = _fast_inverse(across, between, screen, width)
    wanted = divergence(weight_x * right, weight_y * down) + weight_base * base
    u = base.copy()
    residual = wanted - apply(u)
    first = np.linalg.norm(wanted) + 1e-30
    z = inverse(residual)
    direction, product = z, np.vdot(residual, z)
    for step in range(_MOST_STEPS):
        if np.linalg.norm(residual) <= tolerance * first:
            return u, step
        applied = apply(direction)
        length = product / np.vdot(direction, applied)
        u = u + length * direction
        residual = residual - length * applied
        z = inverse(residual)
        previous, product = product, np.vdot(residual, z)
        direction = z + product / previous * direction
    return u, _MOST_STEPS


def _fast_inverse(
    across: np.ndarray, between: np.ndarray, screen: np.ndarray, width: int
) -> Callable[[np.ndarray], np.ndarray]:
    """Return the inverse of the operator with weight 1 everywhere."""
    frequency = 2 - 2 * np.cos(2 * math.pi * np.arange(width // 2 + 1) / width)
    above = np.zeros_like(between)
    above[1:] = between[:-1]
    diagonal = across * frequency + between + above + screen
    height = len(diagonal)
    upper = np.empty_like(diagonal)  # of the factorization: what is left of the row below
    pivot = np.empty_like(diagonal)
    pivot[0] = diagonal[0]
    for row in range(1, height):
        upper[row - 1] = -between[row - 1] / pivot[row - 1]
        pivot[row] = diagonal[row] + between[row - 1] * upper[row - 1]

    def inverse(values: np.ndarray) -> np.ndarray:
        spectrum = np.fft.rfft(values, axis=1)
        spectrum[0] /= pivot[0]
        for row in range(1, height):
            spectrum[row] = (spectrum[row] + between[row - 1] * spectrum[row - 1]) / pivot[row]
        for row in range(height - 2, -1, -1):
            spectrum[row] -= upper[row] * spectrum[row + 1]
        result: np.ndarray = np.fft.irfft(spectrum, width, axis=1)
        return result

    return inverse
