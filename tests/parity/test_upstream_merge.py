"""The LoRA merge that repeats upstream's roundings, against exact sums rounded one by one."""

import numpy as np
import oracle_video as oracle
import pytest
import torch

from matrix3d_core.lora.merge import merge_upstream


def eighths(shape, seed, top):
    """Multiples of 1/8: with few of them, every sum of products is exact in float32, in any order."""
    return torch.randint(-top, top + 1, shape, generator=torch.Generator().manual_seed(seed)) / 8


@pytest.mark.parametrize("alpha", [1.0, 0.5, 0.7])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_merge_is_upstreams_to_the_bit(alpha, dtype):
    weight, a, b = (
        eighths((13, 9), 0, 900).to(dtype),
        eighths((4, 9), 1, 90).to(dtype),
        eighths((13, 4), 2, 90).to(dtype),
    )
    before = weight.clone()
    merged = merge_upstream(weight, a, b, alpha)
    assert torch.equal(weight, before)
    expected = oracle.merge_upstream(weight.double(), a.double(), b.double(), alpha)
    assert np.array_equal(merged.double().numpy(), expected)
    # The roundings show: a merge in float32, rounded once, is another one.
    once = (weight.float() + alpha * b.float() @ a.float()).to(torch.bfloat16)
    assert (merged.double() != once.double()).float().mean() > 0.02


def test_merge_of_ordinary_values():
    # Values of real size: sums of products differ in their last float32 bit with the order, which flips a
    # rounding of the product to bf16 about once in 2^16 times, by one step of the product.
    draw = torch.Generator().manual_seed(3)
    weight, a, b = (torch.randn(s, generator=draw) * 0.05 for s in ((48, 40), (16, 40), (48, 16)))
    merged = merge_upstream(weight, a, b).double().numpy()
    expected = oracle.merge_upstream(weight.double(), a.double(), b.double())
    assert (merged != expected).mean() < 0.002
    assert np.abs(merged - expected).max() <= 2**-8 * np.abs(expected).max()
