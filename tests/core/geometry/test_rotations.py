"""Head angles, quaternions and matrices."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles_geometry import multiply, rotate_by_quaternion, turn

from matrix3d_core.errors import InvalidInput
from matrix3d_core.geometry.rotations import (
    matrix_from_quats,
    matrix_from_yaw_pitch_roll,
    quats_from_matrix,
    quats_multiply,
    quats_slerp,
)

EPS = torch.finfo(torch.float64).eps
angle = st.floats(-math.pi, math.pi)


def f64(*values):
    return torch.tensor(values, dtype=torch.float64)


def random_quats(count, seed=0):
    draws = torch.randn(count, 4, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return torch.nn.functional.normalize(draws, dim=-1)


def angle_between(a, b):
    """Angle of the rotation from a to b, accurate for small angles."""
    b = torch.where((a * b).sum(-1, keepdim=True) < 0, -b, b)
    return 4 * torch.asin(((a - b).norm(dim=-1) / 2).clamp(max=1))


def look(yaw=0.0, pitch=0.0, roll=0.0):
    return matrix_from_yaw_pitch_roll(*(f64(v)[0] for v in (yaw, pitch, roll)))


def test_yaw_turns_right_pitch_looks_up_roll_tilts_right():
    quarter = math.pi / 2
    forward, right = f64(0, 0, 1), f64(1, 0, 0)
    torch.testing.assert_close(look(yaw=quarter) @ forward, right, rtol=0, atol=2 * EPS)
    torch.testing.assert_close(look(pitch=quarter) @ forward, f64(0, -1, 0), rtol=0, atol=2 * EPS)
    torch.testing.assert_close(look(roll=quarter) @ right, f64(0, 1, 0), rtol=0, atol=2 * EPS)


@given(angle, angle, angle)
@settings(max_examples=100, deadline=None)
def test_angles_match_the_product_of_turns(yaw, pitch, roll):
    expected = multiply(multiply(turn("y", yaw), turn("x", pitch)), turn("z", roll))
    torch.testing.assert_close(look(yaw, pitch, roll), f64(*expected), rtol=0, atol=8 * EPS)


def test_quaternion_order_is_wxyz():
    half = math.pi / 8
    about_y = f64(math.cos(half), 0, math.sin(half), 0)
    torch.testing.assert_close(matrix_from_quats(about_y), look(yaw=math.pi / 4), rtol=0, atol=4 * EPS)


def test_matrix_from_quats_matches_rodrigues():
    vectors = torch.randn(50, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    for quat, vector in zip(random_quats(50) * 3.7, vectors, strict=True):
        expected = f64(*rotate_by_quaternion(quat.tolist(), vector.tolist()))
        # acos near w = 1 loses up to sqrt(eps) of the angle in the oracle.
        torch.testing.assert_close(matrix_from_quats(quat) @ vector, expected, rtol=0, atol=4e-8)


@pytest.mark.parametrize(
    "quat",
    [
        (1, 0, 0, 0),
        (0, 1, 0, 0),
        (0, 0, 1, 0),
        (0, 0, 0, 1),
        (0, 0.6, 0.8, 0),
        (1e-9, 1, 0, 0),
        (0.5, -0.5, 0.5, -0.5),
    ],
)
def test_half_turns_survive_the_round_trip(quat):
    back = quats_from_matrix(matrix_from_quats(f64(*quat)))
    assert float(angle_between(back, torch.nn.functional.normalize(f64(*quat), dim=-1))) < 16 * EPS


def test_matrix_and_quats_are_inverse():
    quats = random_quats(500)
    back = quats_from_matrix(matrix_from_quats(quats))
    assert bool((back[:, 0] >= 0).all())
    assert float(angle_between(back, quats).max()) < 32 * EPS


def test_multiplying_quaternions_multiplies_matrices():
    left, right = random_quats(100), random_quats(100, seed=1)
    expected = matrix_from_quats(left) @ matrix_from_quats(right)
    torch.testing.assert_close(
        matrix_from_quats(quats_multiply(left, right)), expected, rtol=0, atol=16 * EPS
    )


@pytest.mark.parametrize("fraction", [0.0, 0.25, 0.5, 1.0])
def test_slerp_turns_by_the_fraction(fraction):
    start, end = random_quats(100), random_quats(100, seed=1)
    middle = quats_slerp(start, end, torch.full((100,), fraction, dtype=torch.float64))
    whole = angle_between(start, end)
    torch.testing.assert_close(angle_between(start, middle), fraction * whole, rtol=0, atol=1e-7)
    torch.testing.assert_close(angle_between(middle, end), (1 - fraction) * whole, rtol=0, atol=1e-7)


def test_slerp_takes_the_shorter_way_and_stays_accurate_for_tiny_angles():
    start = f64(1, 0, 0, 0)
    tiny = f64(1, 1e-10, 0, 0)
    middle = quats_slerp(start, -tiny, f64(0.5)[0])
    torch.testing.assert_close(middle, f64(1, 0.5e-10, 0, 0), rtol=0, atol=EPS)


def test_gradients():
    quats = random_quats(4).requires_grad_()
    assert torch.autograd.gradcheck(matrix_from_quats, (quats,))
    angles = [f64(0.3, -1.0, 2.0).requires_grad_() for _ in range(3)]
    assert torch.autograd.gradcheck(matrix_from_yaw_pitch_roll, angles)


def test_slerp_gradient_is_finite_at_equal_ends():
    start = f64(1, 0, 0, 0).requires_grad_()
    end = f64(1, 1e-3, 0, 0).requires_grad_()
    quats_slerp(start, end, f64(0.5)[0]).sum().backward()
    assert bool(torch.isfinite(start.grad).all() and torch.isfinite(end.grad).all())


def test_wrong_shapes_are_refused():
    with pytest.raises(InvalidInput, match="quats_wxyz"):
        matrix_from_quats(torch.zeros(3))
    with pytest.raises(InvalidInput, match="rotation"):
        quats_from_matrix(torch.zeros(4, 4))
