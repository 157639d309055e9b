"""Fréchet distance between two sets of features: what FID and FVD are."""

from __future__ import annotations

import torch
from torch import Tensor

from ..checks import check_finite, check_shape
from ..errors import InvalidInput

__all__ = ["frechet_distance"]


def frechet_distance(a: Tensor, b: Tensor) -> float:  # [N, D], [M, D]
    """Return the squared Fréchet distance between the normal distributions fitted to two sets of features.

    ``|mean_a - mean_b|^2 + tr(A + B - 2 (A B)^(1/2))`` with the unbiased covariances ``A`` and ``B``. The trace of the
    root is the sum of the singular values of ``X Y^T``, where ``X^T X = A`` and ``Y^T Y = B``: exact also for fewer
    samples than dimensions, where the root of the product loses digits.

    Args:
        a: ``[N, D]`` features of one set, ``N >= 2``.
        b: ``[M, D]`` of the other, ``M >= 2``.

    Raises:
        InvalidInput: for other shapes, fewer than two samples, or NaN.

    Source: M. Heusel et al., GANs Trained by a Two Time-Scale Update Rule, 2017, eq. (6); T. Unterthiner et al.,
    Towards Accurate Generative Models of Video, 2018.
    """
    width = check_shape("a", a, "N D")["D"]
    check_shape("b", b, f"M {width}")
    if min(len(a), len(b)) < 2:
        raise InvalidInput(f"a and b must hold at least 2 samples each; got {len(a)} and {len(b)}.")
    check_finite("a", a)
    check_finite("b", b)
    shift = a.double().mean(0) - b.double().mean(0)
    roots = []
    for samples in (a, b):
        spread = samples.double() - samples.double().mean(0)
        roots.append(torch.linalg.qr(spread, mode="r")[1] / (len(samples) - 1) ** 0.5)
    overlap = torch.linalg.svdvals(roots[0] @ roots[1].mT).sum()
    total = shift.square().sum() + roots[0].square().sum() + roots[1].square().sum() - 2 * overlap
    return max(0.0, float(total))
