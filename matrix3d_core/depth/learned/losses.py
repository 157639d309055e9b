"""The loss of the depth head: distance up to one scale per view, its edges and planes, sky, normals and classes.

Source: J. Wang et al., MoGe, 2024 (alignment per view, robust to the choice of scale); K. Xian et al., Structure-Guided
Ranking Loss, 2020, and R. Ranftl et al., Towards Robust Monocular Depth Estimation, 2020 (differences of the error at
several strides); A. Kendall and Y. Gal, What Uncertainties Do We Need, 2017 (Laplace likelihood).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from .head import HeadOutput

__all__ = ["DepthTargets", "LossWeights", "camera_loss", "depth_loss", "normals_of_distance"]

_STRIDES = (1, 2, 4, 8)
_PLANE_STEP = (
    0.05  # differences of log distance between neighbors above which there is an edge, not a surface
)


@dataclass(frozen=True)
class DepthTargets:
    """The truth of ``B`` views.

    Attributes:
        log_distance: ``[B, H, W]`` logarithm of the ray distance in camera heights, inf in the sky.
        surface_class: ``[B, H, W]`` int64, of `head.SURFACE_CLASSES`.
        normal: ``[B, 3, H, W]`` unit normals towards the camera, in the frame of ``rays``; zero in the sky.
        rays: ``[B, H, W, 3]`` unit directions at the pixels' centers, y down along gravity.
    """

    log_distance: Tensor
    surface_class: Tensor
    normal: Tensor
    rays: Tensor


@dataclass(frozen=True)
class LossWeights:
    """Weights of the terms; 0 leaves one out."""

    aligned: float = 1.0
    absolute: float = 0.2
    gradient: float = 1.0
    plane: float = 0.3
    sky: float = 0.5
    normal: float = 0.3
    surface_class: float = 0.2


def depth_loss(
    output: HeadOutput, targets: DepthTargets, weights: LossWeights
) -> tuple[Tensor, dict[str, float]]:
    """Return the loss, a scalar, and its terms before their weights."""
    known = torch.isfinite(targets.log_distance)
    truth = torch.where(known, targets.log_distance, 0.0)
    error = output.log_distance - truth
    shift = torch.stack(
        [e[k].median() if bool(k.any()) else e.new_zeros(()) for e, k in zip(error, known, strict=True)]
    )
    aligned = (error - shift.detach()[:, None, None]).abs()
    spread = output.log_uncertainty.clamp(-4, 2)
    sky = targets.surface_class == 0
    terms = {
        "aligned": _mean(aligned * torch.exp(-spread) + spread, known) + _mean(aligned, known),
        "absolute": _mean(error.abs(), known),
        "gradient": _differences(error, known),
        "plane": _mean(
            1
            - (normals_of_distance(output.log_distance, targets.rays) * targets.normal[:, :, :-1, :-1]).sum(
                1
            ),
            _smooth(truth, known),
        ),
        "sky": F.binary_cross_entropy_with_logits(output.sky_logit, sky.to(error)),
        "normal": _mean(1 - (output.normal * targets.normal).sum(1), known),
        "surface_class": F.cross_entropy(output.class_logits, targets.surface_class),
    }
    total = sum((getattr(weights, name) * value for name, value in terms.items()), error.new_zeros(()))
    return total, {name: float(value.detach()) for name, value in terms.items()}


def camera_loss(found: tuple[Tensor, Tensor], tan_half_fov: Tensor, down: Tensor) -> Tensor:
    """Return the mean absolute error of the field of view's logarithm plus the mean angle between the gravities.

    Args:
        found: what `DepthHead.estimate_camera` returns.
        tan_half_fov: ``[B]``.
        down: ``[B, 3]`` unit, in the camera's axes.
    """
    angle = torch.atan2(torch.linalg.cross(found[1], down).norm(dim=-1), (found[1] * down).sum(-1))
    return (torch.log(found[0]) - torch.log(tan_half_fov)).abs().mean() + angle.mean()


def normals_of_distance(log_distance: Tensor, rays: Tensor) -> Tensor:
    """Return ``[B, 3, H-1, W-1]`` unit normals towards the camera, from differences to the right and down.

    Args:
        log_distance: ``[B, H, W]``; only differences count.
        rays: ``[B, H, W, 3]`` unit directions.
    """
    points = torch.exp(log_distance - log_distance.detach().mean((1, 2), keepdim=True))[..., None] * rays
    right = points[:, :-1, 1:] - points[:, :-1, :-1]
    down = points[:, 1:, :-1] - points[:, :-1, :-1]
    normal = F.normalize(torch.linalg.cross(right, down), dim=-1, eps=1e-8)
    away = (normal * rays[:, :-1, :-1]).sum(-1, keepdim=True) > 0
    return torch.where(away, -normal, normal).movedim(-1, 1)


def _mean(values: Tensor, mask: Tensor) -> Tensor:
    return (values * mask).sum() / mask.sum().clamp_min(1)


def _differences(error: Tensor, known: Tensor) -> Tensor:
    total = error.new_zeros(())
    for stride in _STRIDES:
        for near, far in (
            ((slice(None), slice(None, -stride)), (slice(None), slice(stride, None))),
            (
                (slice(None), slice(None), slice(None, -stride)),
                (slice(None), slice(None), slice(stride, None)),
            ),
        ):
            total = total + _mean((error[far] - error[near]).abs().clamp_max(2.0), known[far] & known[near])
    return total / (2 * len(_STRIDES))


def _smooth(truth: Tensor, known: Tensor) -> Tensor:
    """Return ``[B, H-1, W-1]`` bool: both neighbors are known and on the same surface."""
    here, right, down = truth[:, :-1, :-1], truth[:, :-1, 1:], truth[:, 1:, :-1]
    flat = ((right - here).abs() < _PLANE_STEP) & ((down - here).abs() < _PLANE_STEP)
    return flat & known[:, :-1, :-1] & known[:, :-1, 1:] & known[:, 1:, :-1]
