"""Real spherical harmonics of degree 0 to 3 and how their coefficients turn with the world."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ..checks import check_shape
from ..errors import InvalidInput

__all__ = ["sh_basis", "sh_rotation"]

_BASES = (1, 4, 9, 16)


def sh_basis(directions: Tensor, bases: int) -> Tensor:  # [..., 3] -> [..., bases]
    """Evaluate the real harmonics in unit directions, band by band, order -l to l.

    Args:
        directions: ``[..., 3]`` unit vectors.
        bases: 1, 4, 9 or 16 (degree 0 to 3).

    Source: real spherical harmonics with the Condon-Shortley phase, as the 3DGS file format uses them.
    """
    check_shape("directions", directions, "... 3")
    if bases not in _BASES:
        raise InvalidInput(f"bases must be 1, 4, 9 or 16 (degree 0 to 3); got {bases}.")
    x, y, z = directions.unbind(-1)
    values = [torch.full_like(x, math.sqrt(1 / (4 * math.pi)))]
    if bases > 1:
        c1 = math.sqrt(3 / (4 * math.pi))
        values += [-c1 * y, c1 * z, -c1 * x]
    if bases > 4:
        c2 = math.sqrt(15 / (4 * math.pi))
        c20 = math.sqrt(5 / (16 * math.pi))
        values += [c2 * x * y, -c2 * y * z, c20 * (3 * z * z - 1), -c2 * x * z, c2 / 2 * (x * x - y * y)]
    if bases > 9:
        c33, c32 = math.sqrt(35 / (32 * math.pi)), math.sqrt(105 / (4 * math.pi))
        c31, c30 = math.sqrt(21 / (32 * math.pi)), math.sqrt(7 / (16 * math.pi))
        values += [
            -c33 * y * (3 * x * x - y * y),
            c32 * x * y * z,
            -c31 * y * (5 * z * z - 1),
            c30 * z * (5 * z * z - 3),
            -c31 * x * (5 * z * z - 1),
            c32 / 2 * z * (x * x - y * y),
            -c33 * x * (x * x - 3 * y * y),
        ]
    return torch.stack(values, dim=-1)


def sh_rotation(matrix: Tensor, bases: int) -> Tensor:  # [3, 3] -> [bases, bases]
    """Return the matrix that turns harmonic coefficients with the world.

    A function f on the sphere becomes ``f'(d) = f(M^T d)``; its coefficients become ``D c``. As the
    harmonics are orthonormal, ``D_ij`` is the integral of ``Y_i(d) Y_j(M^T d)`` over the sphere. The
    integrand is a polynomial of degree 6 at most, which 4 Gauss-Legendre nodes in z times 8 equal steps
    around sum up exactly. Bands do not mix. Mirrors (determinant -1) are covered by the same formula.

    Args:
        matrix: ``[3, 3]`` orthogonal, new axes from old.
        bases: 1, 4, 9 or 16.

    Returns:
        ``[bases, bases]`` float64; entries that are 0 or +-1 up to rounding are exactly that, so that
        swapping or flipping axes loses nothing.

    Raises:
        InvalidInput: when ``matrix`` is not orthogonal.
    """
    check_shape("matrix", matrix, "3 3")
    turn = matrix.detach().to("cpu", torch.float64)
    off = float((turn @ turn.mT - torch.eye(3, dtype=torch.float64)).abs().max())
    if not off < 1e-5:
        raise InvalidInput(f"matrix must be orthogonal; M M^T is off by {off:.3g}. Take out its scale.")
    directions, weights = _sphere_nodes()
    before = sh_basis(directions @ turn, bases)  # rows are M^T d
    exact = sh_basis(directions, bases).mT @ (weights[:, None] * before)
    exact = exact * _same_band(bases)
    whole = exact.round()
    return torch.where((exact - whole).abs() < 1e-9, whole, exact)


def _sphere_nodes() -> tuple[Tensor, Tensor]:  # [32, 3], [32]
    inner, outer = (math.sqrt(3 / 7 - sign * 2 / 7 * math.sqrt(6 / 5)) for sign in (1, -1))
    heavy, light = ((18 + sign * math.sqrt(30)) / 36 for sign in (1, -1))
    z = torch.tensor((-outer, -inner, inner, outer), dtype=torch.float64)
    weights = torch.tensor((light, heavy, heavy, light), dtype=torch.float64) * (2 * math.pi / 8)
    azimuth = torch.arange(8, dtype=torch.float64) * (2 * math.pi / 8)
    level = torch.sqrt(1 - z * z)[:, None]
    nodes = torch.stack(
        (level * torch.cos(azimuth), level * torch.sin(azimuth), z[:, None].expand(-1, 8)), dim=-1
    )
    return nodes.reshape(-1, 3), weights[:, None].expand(-1, 8).reshape(-1)


def _same_band(bases: int) -> Tensor:  # [bases, bases]
    band = torch.arange(bases, dtype=torch.float64).sqrt().floor()
    return (band[:, None] == band).double()
