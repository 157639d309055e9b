"""Upstream's merge arithmetic against a twin of scalar loops, bit for bit."""

from __future__ import annotations

import pytest
import torch
from oracle_video import merge_upstream as merge_slowly

from matrix3d_core.errors import InvalidInput
from matrix3d_core.lora.merge import merge_dora, merge_upstream


@pytest.mark.parametrize("alpha", [1.0, 0.5, 0.3, -2.0])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_every_rounding_is_upstreams(dtype, alpha):
    rng = torch.Generator().manual_seed(5)
    # Few bits per factor: sums of products are then exact in float32 in any order, and no order of summing
    # can hide behind the last bit. Products still have more bits than bfloat16.
    A = torch.randint(-15, 16, (4, 24), generator=rng) / 64
    B = torch.randint(-15, 16, (20, 4), generator=rng) / 64
    W = torch.randn(20, 24, generator=rng)
    expected = torch.from_numpy(
        merge_slowly(W.to(dtype).double().numpy(), A.double().numpy(), B.double().numpy(), alpha)
    )
    actual = merge_upstream(W.to(dtype), A.to(dtype), B.to(dtype), alpha)
    assert actual.dtype == torch.bfloat16
    torch.testing.assert_close(actual.double(), expected, rtol=0, atol=0)
    in_one_rounding = (W.to(dtype).double() + alpha * (B.double() @ A.double())).bfloat16().double()
    assert (in_one_rounding != expected).any()  # the order of roundings matters for these numbers


def test_the_weight_is_left_as_it_is():
    W, A, B = torch.randn(6, 5), torch.randn(2, 5), torch.randn(6, 2)
    before = W.clone()
    merge_upstream(W, A, B)
    assert torch.equal(W, before)


def test_convolutions():
    W, A, B = torch.randn(6, 5, 1, 2, 2), torch.randn(3, 5, 1, 2, 2), torch.randn(6, 3, 1, 1, 1)
    actual = merge_upstream(W, A, B)
    product = torch.einsum("or,richw->oichw", B[:, :, 0, 0, 0].bfloat16(), A.bfloat16())
    # The einsum may sum in another order: one step of bfloat16 at the size of the sum.
    torch.testing.assert_close(actual, W.bfloat16() + product, rtol=2**-8, atol=2**-7)


@pytest.mark.parametrize(("a", "b"), [((2, 4), (6, 2)), ((3, 5), (6, 2)), ((2, 5), (5, 2))])
def test_wrong_shapes(a, b):
    with pytest.raises(InvalidInput, match=r"B @ A must have the weight's shape \[6, 5\]; got B"):
        merge_upstream(torch.zeros(6, 5), torch.zeros(a), torch.zeros(b))


@pytest.mark.parametrize("shape", [(6, 4), (6, 4, 3, 3)])
def test_dora_gives_rows_or_columns_their_trained_lengths(shape):
    rng = torch.Generator().manual_seed(2)
    W = torch.randn(shape, generator=rng, dtype=torch.float64)
    A = torch.randn(2, *shape[1:], generator=rng, dtype=torch.float64)
    B = torch.randn(6, 2, generator=rng, dtype=torch.float64)
    V = W + 0.5 * (B @ A.flatten(1)).reshape(shape)
    rows = torch.rand(6, *[1] * (len(shape) - 1), generator=rng, dtype=torch.float64) + 1
    merged = merge_dora(W, A, B, rows, 0.5)
    for i in range(6):  # same direction, new length
        torch.testing.assert_close(merged[i], V[i] / V[i].norm() * rows[i].flatten()[0])
    columns = torch.rand(1, 4, *[1] * (len(shape) - 2), generator=rng, dtype=torch.float64) + 1
    merged = merge_dora(W, A, B, columns, 0.5)
    for j in range(4):
        torch.testing.assert_close(merged[:, j], V[:, j] / V[:, j].norm() * columns[0, j].flatten()[0])
    with pytest.raises(
        InvalidInput, match=r"magnitudes must be one per row \(6\) or column \(4\); got \[5, 1\]"
    ):
        merge_dora(W, A, B, torch.ones(5, 1))
