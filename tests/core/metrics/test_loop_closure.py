"""The error of a loop, with numbers known beforehand."""

from __future__ import annotations

import math

import pytest
import torch
from poses import pose_at
from tiny_world import look_from

from matrix3d_core.errors import InvalidInput
from matrix3d_core.metrics.loop_closure import measure_loop


def test_a_turned_end_is_no_error():
    first, _ = look_from((0.3, 0.1, 0.5), height=96)
    found = measure_loop(first, first.roll(-24, 1), pose_at((1, 2, 3)), pose_at((1, 2, 3), 45), length=7.0)
    assert found.psnr > 80  # turned by whole columns: only rounding
    assert found.angle_rad == pytest.approx(math.radians(45))
    assert found.position == pytest.approx(0, abs=1e-12)
    assert found.ssim == pytest.approx(1, abs=1e-6)
    wrong = measure_loop(first, first.roll(24, 1), pose_at((1, 2, 3)), pose_at((1, 2, 3), 45))
    assert wrong.psnr < 25, "turned the other way it would not fit"


def test_a_shifted_end_is_measured():
    first, _ = look_from((0, 0, 0), height=96)
    last = (first + 0.1).clamp(0, 1)
    last[first > 0.9] = first[first > 0.9] - 0.1
    found = measure_loop(first, last, pose_at((0, 0, 0)), pose_at((0.3, 0, 0.4)), length=10.0)
    assert found.position == pytest.approx(0.5)
    assert found.psnr == pytest.approx(20, abs=0.01)  # a difference of 0.1 everywhere
    assert found.report()["position_error_of_length"] == pytest.approx(0.05)
    assert found.picture.shape == (288, 192, 3)
    half = torch.zeros(96, 192)
    half[:48] = 1
    last[:48] = first[:48]
    assert measure_loop(first, last, pose_at((0, 0, 0)), pose_at((0, 0, 0)), mask=half).report()["psnr"] == 99


def test_different_sizes_are_refused():
    with pytest.raises(InvalidInput, match="same size"):
        measure_loop(torch.zeros(8, 16, 3), torch.zeros(16, 32, 3), pose_at((0, 0, 0)), pose_at((0, 0, 0)))
