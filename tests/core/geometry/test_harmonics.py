"""Spherical harmonics: values against scipy, turned coefficients against turned directions."""

from __future__ import annotations

import math

import pytest
import torch

from matrix3d_core.errors import InvalidInput
from matrix3d_core.geometry.harmonics import sh_basis, sh_rotation
from matrix3d_core.geometry.rotations import matrix_from_quats


def unit_vectors(count, seed=0):
    rng = torch.Generator().manual_seed(seed)
    vectors = torch.randn(count, 3, generator=rng, dtype=torch.float64)
    return torch.nn.functional.normalize(vectors, dim=-1)


def random_rotation(seed):
    rng = torch.Generator().manual_seed(seed)
    return matrix_from_quats(torch.randn(4, generator=rng, dtype=torch.float64))


def test_basis_is_the_real_harmonics_with_the_phase():
    special = pytest.importorskip("scipy.special")
    directions = unit_vectors(50)
    polar, azimuth = torch.acos(directions[:, 2]), torch.atan2(directions[:, 1], directions[:, 0])
    columns = []
    for degree in range(4):
        for order in range(-degree, degree + 1):
            value = special.sph_harm_y(degree, abs(order), polar.numpy(), azimuth.numpy())  # has the phase
            part = value.real if order >= 0 else value.imag
            columns.append(torch.from_numpy(part) * (1 if order == 0 else math.sqrt(2)))
    torch.testing.assert_close(sh_basis(directions, 16), torch.stack(columns, -1), rtol=0, atol=1e-13)


@pytest.mark.parametrize("mirror", [1.0, -1.0])
@pytest.mark.parametrize("bases", [1, 4, 9, 16])
def test_turned_coefficients_give_the_value_of_the_direction_before(bases, mirror):
    rng = torch.Generator().manual_seed(bases)
    coefficients = torch.randn(bases, generator=rng, dtype=torch.float64)
    for seed in range(20):
        matrix = mirror * random_rotation(seed)
        turned = sh_rotation(matrix, bases) @ coefficients
        for direction in unit_vectors(5, seed):
            before = sh_basis(direction, bases) @ coefficients
            after = sh_basis(matrix @ direction, bases) @ turned
            # Some dozen products of float64 numbers below 3.
            assert abs(float(after - before)) < 1e-13


def test_turns_compose_and_keep_length():
    first, second = random_rotation(1), random_rotation(2)
    whole = sh_rotation(second @ first, 16)
    torch.testing.assert_close(whole, sh_rotation(second, 16) @ sh_rotation(first, 16), rtol=0, atol=1e-13)
    torch.testing.assert_close(whole @ whole.mT, torch.eye(16, dtype=torch.float64), rtol=0, atol=1e-13)


def test_flips_are_exact():
    flip = sh_rotation(torch.diag(torch.tensor([1.0, -1.0, -1.0])), 16)
    signs = torch.tensor([1, -1, -1, 1, -1, 1, 1, -1, 1, -1, 1, -1, -1, 1, -1, 1], dtype=torch.float64)
    assert torch.equal(flip, torch.diag(signs))


def test_what_is_no_turn_is_refused():
    with pytest.raises(InvalidInput, match="must be orthogonal; M M\\^T is off by 3"):
        sh_rotation(2 * torch.eye(3), 4)
    with pytest.raises(InvalidInput, match="bases must be 1, 4, 9 or 16"):
        sh_basis(torch.zeros(2, 3), 5)
