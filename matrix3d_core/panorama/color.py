"""Color matching of two pictures of the same scene: one gain and offset per channel."""

from __future__ import annotations

import torch
from torch import Tensor

from ..checks import check_shape

__all__ = ["fit_gain"]

_ROUNDS = 12
_TUKEY = 4.685  # 95 % efficient for normal errors
_FEWEST = 24  # samples
_STIFFNESS = 2e-4  # variance (of values in 0..1) below which the gain stays near 1
_GAIN_RANGE = (0.5, 2.0)
_LEAST_CORRELATION = 0.5


def fit_gain(source: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:  # [N, C], [N, C] -> [C], [C]
    """Find ``gain * source + offset`` that is nearest to ``target`` for most samples.

    Iteratively reweighted least squares with Tukey's weights: outliers do not count. A gain needs
    contrast; where there is little, only the offset changes. Pictures without correlation are not matched.

    Args:
        source: ``[N, C]``; samples that are not finite are ignored.
        target: ``[N, C]``.

    Returns:
        ``gain [C]`` in 0.5..2 and ``offset [C]``, float64; 1 and 0 with fewer than 24 samples, or
        when the channels' mean correlation is below 0.5.

    Source: J. W. Tukey's biweight; P. W. Holland and R. E. Welsch, Robust regression using iteratively
        reweighted least-squares, 1977.
    """
    size = check_shape("source", source, "N C")
    check_shape("target", target, f"{size['N']} {size['C']}")
    x, y = source.double(), target.double()
    usable = torch.isfinite(x).all(-1) & torch.isfinite(y).all(-1)
    x, y = x[usable], y[usable]
    gain, offset = torch.ones(size["C"]).double(), torch.zeros(size["C"]).double()
    if len(x) < _FEWEST:
        return gain, offset
    if _resemblance(x, y) < _LEAST_CORRELATION:
        return gain, offset
    offset = (y - x).median(dim=0).values
    for _ in range(_ROUNDS):
        residual = y - (gain * x + offset)
        spread = 1.4826 * residual.abs().median(dim=0).values
        limit = _TUKEY * spread.clamp_min(1 / 1024)
        weight = (1 - (residual / limit) ** 2).clamp_min(0) ** 2
        total = weight.sum(0).clamp_min(1e-9)
        mean_x, mean_y = (weight * x).sum(0) / total, (weight * y).sum(0) / total
        variance = (weight * (x - mean_x) ** 2).sum(0) / total
        covariance = (weight * (x - mean_x) * (y - mean_y)).sum(0) / total
        gain = ((covariance + _STIFFNESS) / (variance + _STIFFNESS)).clamp(*_GAIN_RANGE)
        offset = mean_y - gain * mean_x
    return gain, offset


def _resemblance(x: Tensor, y: Tensor) -> float:
    """Return the mean correlation of the channels; two flat colors resemble each other."""
    x, y = x - x.mean(0), y - y.mean(0)
    energy = ((x * x).mean(0) + _STIFFNESS) * ((y * y).mean(0) + _STIFFNESS)
    return float((((x * y).mean(0) + _STIFFNESS) / energy.sqrt()).mean())
