"""Depth errors up to one scale, as papers on monocular depth report them.

Source: D. Eigen et al., Depth Map Prediction from a Single Image, 2014 (delta, AbsRel); the scale is the one that
brings the median of the logarithms together.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ..errors import InvalidInput
from ..geometry.fitting import weighted_median

__all__ = ["depth_figures"]

DELTA = 1.25


def depth_figures(
    depth: Tensor, truth: Tensor, *, weight: Tensor | None = None, align: bool = True
) -> dict[str, float]:
    """Return ``delta`` (share of pixels within a factor of 1.25), ``abs_rel`` and ``rmse_log``.

    Args:
        depth: ray distance or depth, any shape, positive.
        truth: of the same shape; pixels that are not finite and positive do not count.
        weight: of the pixels, such as their solid angle; None weighs all alike.
        align: multiply by the factor that makes the (weighted) median of ``log(depth / truth)`` zero.

    Raises:
        InvalidInput: on different shapes, or when the truth has no pixel to compare.
    """
    if depth.shape != truth.shape or (weight is not None and weight.shape != truth.shape):
        raise InvalidInput(
            f"depth, truth and weight must have one shape; got {list(depth.shape)}, {list(truth.shape)}."
        )
    known = torch.isfinite(truth) & (truth > 0) & torch.isfinite(depth) & (depth > 0)
    if not bool(known.any()):
        raise InvalidInput(
            "truth must hold at least one finite positive distance where depth has one; got none."
        )
    log_error = (depth[known].double().log() - truth[known].double().log()).flatten()
    share = torch.ones_like(log_error) if weight is None else weight[known].double().flatten()
    share = share / share.sum()
    if align:
        log_error = log_error - weighted_median(log_error, share)
    ratio = torch.exp(log_error)
    return {
        "delta": float((share * (torch.maximum(ratio, 1 / ratio) < DELTA)).sum()),
        "abs_rel": float((share * (ratio - 1).abs()).sum()),
        "rmse_log": float((share * log_error.square()).sum().sqrt()),
    }
