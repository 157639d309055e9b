"""Noise levels and what the network is asked for."""

import math

import pytest
import torch

from matrix3d_core.diffusion.schedule import flow_sigmas
from matrix3d_core.errors import InvalidInput
from matrix3d_core.training.flow import draw_level, flow_of, noised


def levels(kind, shift, count=4000):
    rng = torch.Generator().manual_seed(0)
    return torch.tensor([draw_level(kind, shift, rng) for _ in range(count)])


def test_levels_follow_their_distributions():
    even = levels("uniform", 1.0)
    assert float(even.mean()) == pytest.approx(0.5, abs=4 * math.sqrt(1 / 12 / 4000))
    shifted = levels("uniform", 5.0)
    torch.testing.assert_close(shifted, 5 * even / (1 + 4 * even))
    bell = torch.logit(levels("logit-normal", 1.0))
    assert float(bell.mean()) == pytest.approx(0, abs=4 / math.sqrt(4000))
    assert float(bell.std()) == pytest.approx(1, abs=4 / math.sqrt(2 * 4000))


def test_levels_are_shifted_as_the_sampler_shifts_them():
    even = torch.linspace(1, 0, 11)[:-1]
    torch.testing.assert_close(
        flow_sigmas(10, 5.0)[:-1].float(), 5 * even / (1 + 4 * even), rtol=1e-5, atol=1e-6
    )


def test_going_along_the_flow_removes_the_noise():
    rng = torch.Generator().manual_seed(1)
    clean, noise = torch.randn(2, 3, 4, generator=rng), torch.randn(2, 3, 4, generator=rng)
    level = torch.tensor([0.2, 0.9])
    seen = noised(clean, noise, level)
    torch.testing.assert_close(seen[1], 0.1 * clean[1] + 0.9 * noise[1])
    torch.testing.assert_close(seen - level.view(2, 1, 1) * flow_of(clean, noise), clean)


def test_bad_levels():
    rng = torch.Generator()
    with pytest.raises(InvalidInput, match="levels must be one of"):
        draw_level("x", 1.0, rng)
    with pytest.raises(InvalidInput, match="shift must be positive"):
        draw_level("uniform", 0.0, rng)
