"""PSNR and SSIM against scalar definitions."""

from __future__ import annotations

import math

import pytest
import torch

from matrix3d_core.errors import InvalidInput
from matrix3d_core.metrics.image import psnr, ssim, ssim_map


def pair(height=19, width=23, channels=3, noise=0.2, seed=0):
    rng = torch.Generator().manual_seed(seed)
    a = torch.rand(height, width, channels, generator=rng, dtype=torch.float64)
    return a, (a + noise * torch.randn(a.shape, generator=rng, dtype=torch.float64)).clamp(0, 1)


def ssim_slowly(a, b):
    """Mean over all 11x11 windows that fit: weighted statistics by explicit double loops."""
    weights = [
        [math.exp(-((i - 5) ** 2 + (j - 5) ** 2) / (2 * 1.5**2)) for j in range(11)] for i in range(11)
    ]
    total_weight = sum(map(sum, weights))
    values = []
    for channel in range(a.shape[2]):
        for top in range(a.shape[0] - 10):
            for left in range(a.shape[1] - 10):
                cells = [
                    (
                        weights[i][j] / total_weight,
                        float(a[top + i, left + j, channel]),
                        float(b[top + i, left + j, channel]),
                    )
                    for i in range(11)
                    for j in range(11)
                ]
                mean_a, mean_b = sum(w * x for w, x, _ in cells), sum(w * y for w, _, y in cells)
                var_a = sum(w * (x - mean_a) ** 2 for w, x, _ in cells)
                var_b = sum(w * (y - mean_b) ** 2 for w, _, y in cells)
                cov = sum(w * (x - mean_a) * (y - mean_b) for w, x, y in cells)
                top_part = (2 * mean_a * mean_b + 1e-4) * (2 * cov + 9e-4)
                values.append(top_part / ((mean_a**2 + mean_b**2 + 1e-4) * (var_a + var_b + 9e-4)))
    return sum(values) / len(values)


def test_ssim_matches_slow_definition():
    a, b = pair(14, 16)
    # Variances by E[x^2] - E[x]^2 lose about 1e-15 against C2 = 9e-4.
    assert ssim(a, b) == pytest.approx(ssim_slowly(a, b), abs=1e-11)


def test_ssim_of_equal_pictures_is_one_and_symmetric():
    a, b = pair()
    assert ssim(a, a) == pytest.approx(1.0, abs=1e-12)
    assert ssim(a, b) == pytest.approx(ssim(b, a), abs=1e-14)
    assert ssim(a, 1 - a) < 0


def test_ssim_gradient():
    a, b = pair(12, 13, 1)
    assert torch.autograd.gradcheck(lambda x: ssim_map(x, b).mean(), (a.requires_grad_(),))


def test_ssim_sees_structure_that_psnr_does_not():
    a, _ = pair(32, 32)
    shifted = (a + 0.05).clamp(0, 1)
    rng = torch.Generator().manual_seed(1)
    noisy = (a + 0.05 * torch.sign(torch.randn(a.shape, generator=rng, dtype=torch.float64))).clamp(0, 1)
    assert psnr(a, shifted) == pytest.approx(psnr(a, noisy), abs=0.3)
    assert ssim(a, shifted) > ssim(a, noisy)


def test_psnr_by_hand():
    a = torch.zeros(2, 2, 3)
    b = torch.full((2, 2, 3), 0.1)
    assert psnr(a, b) == pytest.approx(20.0, abs=1e-5)
    assert math.isinf(psnr(a, a))


def test_psnr_counts_only_the_mask():
    a, b = torch.zeros(2, 2, 3), torch.zeros(2, 2, 3)
    b[0, 0] = 1.0
    b[1, 1] = 0.01
    mask = torch.tensor([[0, 0], [0, 1]])
    assert psnr(a, b, mask) == pytest.approx(40.0, abs=1e-4)
    assert psnr(a, b, mask.bool()) == psnr(a, b, mask.float())


def test_wrong_pictures_are_named():
    a, b = pair()
    with pytest.raises(InvalidInput, match="shape of a"):
        psnr(a, b[1:])
    with pytest.raises(InvalidInput, match="mask must have shape"):
        psnr(a, b, torch.ones(3, 3))
    with pytest.raises(InvalidInput, match="at least one pixel"):
        psnr(a, b, torch.zeros(19, 23))
    with pytest.raises(InvalidInput, match="at least 11x11"):
        ssim(a[:10], b[:10])
    with pytest.raises(InvalidInput, match="shape of a"):
        ssim(a, b[..., :1])
