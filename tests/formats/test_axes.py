"""Axes: each code by the sign of known directions, and worlds that look the same from the same place."""

from __future__ import annotations

import itertools

import pytest
import torch
from splat_scenes import random_gaussians

from matrix3d_core.errors import InvalidInput
from matrix3d_core.geometry.harmonics import sh_basis
from matrix3d_core.geometry.rotations import matrix_from_quats
from matrix3d_core.io.axes import NAMED_AXES, axes_matrix, change_axes, is_axes, map_gaussians

EVERY_CODE = [
    "".join(order)
    for letters in itertools.product("RL", "UD", "FB")
    for order in itertools.permutations(letters)
]


@pytest.mark.parametrize(
    ("code", "right", "up", "forward"),
    [  # where a step to the right, up and ahead leads, from the manual of each program
        ("RDF", (1, 0, 0), (0, -1, 0), (0, 0, 1)),  # OpenCV
        ("RUB", (1, 0, 0), (0, 1, 0), (0, 0, -1)),  # OpenGL: the camera looks along -z
        ("RUF", (1, 0, 0), (0, 1, 0), (0, 0, 1)),  # Unity: z ahead
        ("FRU", (0, 1, 0), (0, 0, 1), (1, 0, 0)),  # Unreal: x ahead, z up
        ("RFU", (1, 0, 0), (0, 0, 1), (0, 1, 0)),  # Blender: y ahead, z up
    ],
)
def test_directions_of_the_named_axes(code, right, up, forward):
    assert code in NAMED_AXES.values()
    matrix = axes_matrix(code)
    for opencv, wanted in (((1, 0, 0), right), ((0, -1, 0), up), ((0, 0, 1), forward)):
        assert (matrix @ torch.tensor(opencv, dtype=torch.float64)).tolist() == list(wanted)


def test_unity_and_unreal_are_left_handed():
    handedness = {name: float(torch.linalg.det(axes_matrix(code))) for name, code in NAMED_AXES.items()}
    assert handedness == {"opencv": 1, "opengl": 1, "unity": -1, "unreal": -1, "blender": 1}


def covariances(gaussians):
    rotation = matrix_from_quats(gaussians.quats_wxyz.double())
    spread = rotation * gaussians.scales.double()[:, None, :]
    return spread @ spread.mT


def seen(gaussians, direction):
    """Color of every Gaussian when looked at along a direction."""
    basis = sh_basis(direction.double(), gaussians.sh.shape[1])
    return torch.einsum("k,nkc->nc", basis, gaussians.sh.double())


def assert_same_world(before, after, matrix):
    """The oracle: density and color of each Gaussian, as a mapped observer finds them."""
    torch.testing.assert_close(after.means.double(), before.means.double() @ matrix.mT, rtol=0, atol=1e-5)
    wanted = matrix @ covariances(before) @ matrix.mT
    error = (covariances(after) - wanted).abs().amax((1, 2)) / wanted.abs().amax((1, 2))
    assert error.max() < 2e-6  # quaternions in float32, their squares twice
    torch.testing.assert_close(after.quats_wxyz.norm(dim=-1), torch.ones(len(after)), rtol=0, atol=1e-6)
    rng = torch.Generator().manual_seed(3)
    for direction in torch.nn.functional.normalize(torch.randn(10, 3, generator=rng), dim=-1).double():
        # 16 products of float32 coefficients below 1.7.
        torch.testing.assert_close(
            seen(after, matrix @ direction), seen(before, direction), rtol=0, atol=5e-6
        )


@pytest.mark.parametrize("target", EVERY_CODE)
def test_worlds_look_the_same_in_any_axes(target):
    gaussians = random_gaussians(50, 16)
    assert_same_world(gaussians, change_axes(gaussians, target=target), axes_matrix(target))


@pytest.mark.parametrize("source", ["RUB", "RUF", "FRU", "RFU", "LBU"])
def test_there_and_back(source):
    gaussians = random_gaussians(50, 16)
    back = change_axes(change_axes(gaussians, target=source), source=source)
    assert torch.equal(back.means, gaussians.means)
    torch.testing.assert_close(back.sh, gaussians.sh, rtol=0, atol=1e-6)
    torch.testing.assert_close(
        (back.quats_wxyz * gaussians.quats_wxyz).sum(-1).abs(), torch.ones(50), rtol=0, atol=1e-6
    )


@pytest.mark.parametrize("target", ["RUB", "RUF", "LUB"])
def test_flipping_axes_rounds_nothing(target):
    gaussians = random_gaussians(50, 16)
    changed = change_axes(gaussians, target=target)
    assert torch.equal(changed.sh.abs(), gaussians.sh.abs())
    assert torch.equal(changed.quats_wxyz.abs().sort().values, gaussians.quats_wxyz.abs().sort().values)


@pytest.mark.parametrize("mirror", [1.0, -1.0])
def test_any_turn(mirror):
    rng = torch.Generator().manual_seed(9)
    matrix = mirror * matrix_from_quats(torch.randn(4, generator=rng, dtype=torch.float64))
    gaussians = random_gaussians(50, 9)
    assert_same_world(gaussians, map_gaussians(gaussians, matrix), matrix)


def test_the_same_axes_give_the_same_world():
    gaussians = random_gaussians(3)
    assert change_axes(gaussians, source="RUF", target="RUF") is gaussians


@pytest.mark.parametrize("code", ["", "RD", "RRF", "RDU", "rdf", "XYZ", "RDFB", None])
def test_wrong_codes_are_refused(code):
    assert not is_axes(code)
    with pytest.raises(InvalidInput, match="axes must be three of the letters R/L, U/D, F/B"):
        change_axes(random_gaussians(1), target=code)
