"""Axes of splat files, and conversion between them.

A code of three letters gives the directions of +x, +y and +z: Right or Left, Up or Down, Forward or Back. ``RDF`` is
OpenCV (what this library keeps in memory), ``RUB`` OpenGL and three.js, ``RUF`` Unity, ``FRU`` Unreal, ``RFU``
Blender. Codes whose axes form a left-handed frame (Unity, Unreal) mirror the numbers, not the world: text on
a wall stays readable in a viewer that uses them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

import torch
from torch import Tensor

from ..checks import check_shape
from ..errors import InvalidInput
from ..geometry.harmonics import sh_rotation
from ..geometry.rotations import quats_from_matrix, quats_multiply
from ..scene.gaussians import Gaussians

__all__ = [
    "NAMED_AXES",
    "OPENCV",
    "axes_matrix",
    "change_axes",
    "describe_axes",
    "is_axes",
    "map_gaussians",
    "turn_half_about_x",
]

OPENCV = "RDF"

NAMED_AXES: Mapping[str, str] = MappingProxyType(
    {"opencv": "RDF", "opengl": "RUB", "unity": "RUF", "unreal": "FRU", "blender": "RFU"}
)
"""Name of a program or library to the axes it uses."""

_DIRECTIONS = {
    "R": (1.0, 0.0, 0.0),
    "L": (-1.0, 0.0, 0.0),
    "D": (0.0, 1.0, 0.0),
    "U": (0.0, -1.0, 0.0),
    "F": (0.0, 0.0, 1.0),
    "B": (0.0, 0.0, -1.0),
}


def is_axes(code: object) -> bool:
    """Return whether ``code`` is three letters, one of each pair R/L, U/D, F/B."""
    return isinstance(code, str) and sorted(_PAIR.get(letter, "") for letter in code) == ["FB", "RL", "UD"]


def describe_axes(code: str) -> str:
    """Return a code with its description, such as ``RDF (x right, y down, z forward)``."""
    parts = (f"{axis} {_WORDS[letter]}" for axis, letter in zip("xyz", code, strict=True))
    return f"{code} ({', '.join(parts)})"


_WORDS = {"R": "right", "L": "left", "D": "down", "U": "up", "F": "forward", "B": "back"}
_PAIR = {letter: pair for pair in ("RL", "UD", "FB") for letter in pair}


def axes_matrix(target: str, source: str = OPENCV) -> Tensor:  # [3, 3]
    """Return the matrix that takes coordinates in ``source`` axes to those in ``target`` axes.

    Returns:
        ``[3, 3]`` float64 of zeros and plus or minus ones; its determinant is -1 between a right-handed and
        a left-handed code.

    Raises:
        InvalidInput: for a code that is not three letters of different pairs.
    """
    rows = []
    for code in (target, source):
        if not is_axes(code):
            raise InvalidInput(
                f"axes must be three of the letters R/L, U/D, F/B, one of each pair, such as RDF; got {code!r}."
            )
        rows.append(torch.tensor([_DIRECTIONS[letter] for letter in code], dtype=torch.float64))
    return rows[0] @ rows[1].mT + 0.0  # no negative zeros


def change_axes(gaussians: Gaussians, *, source: str = OPENCV, target: str = OPENCV) -> Gaussians:
    """Convert a world to other axes: means, rotations and harmonics.

    Between codes nothing is rounded but rotations and, where axes change places, harmonics of degree 2 and 3.

    Raises:
        InvalidInput: for a wrong code.
    """
    matrix = axes_matrix(target, source)
    return (
        gaussians
        if torch.equal(matrix, torch.eye(3, dtype=torch.float64))
        else map_gaussians(gaussians, matrix)
    )


def map_gaussians(gaussians: Gaussians, matrix: Tensor) -> Gaussians:
    """Apply an orthogonal map to every Gaussian: a rotation, or a mirror image.

    The covariance becomes ``M S M^T`` and the color seen along ``M d`` is the one that was seen along ``d``. A
    Gaussian is its own mirror image through its center, so for a mirror (determinant -1) the rotation
    ``-M R`` describes the mirrored ellipsoid.

    Args:
        gaussians: the world; not changed.
        matrix: ``[3, 3]`` orthogonal, new coordinates from old.

    Raises:
        InvalidInput: when ``matrix`` is not orthogonal.
    """
    check_shape("matrix", matrix, "3 3")
    exact = matrix.detach().to("cpu", torch.float64)
    bases = gaussians.sh.shape[1]
    turn = sh_rotation(exact, bases)
    proper = exact if torch.linalg.det(exact) > 0 else -exact
    quat = quats_from_matrix(proper).to(gaussians.quats_wxyz)
    sh = gaussians.sh
    if bases > 1:
        sh = torch.einsum("ij,njc->nic", turn.to(sh), sh)
    return replace(
        gaussians,
        means=gaussians.means @ exact.to(gaussians.means).mT,
        quats_wxyz=quats_multiply(quat, gaussians.quats_wxyz),
        sh=sh,
        motion_table={number: motion.mapped(exact) for number, motion in gaussians.motion_table.items()},
    )


def turn_half_about_x(gaussians: Gaussians) -> Gaussians:
    """Rotate a world by 180 degrees about the x axis: from OpenCV to OpenGL axes, or back.

    ``(x, y, z)`` becomes ``(x, -y, -z)``; rotations and view-dependent colors rotate with it. Doing it twice gives
    the same world (quaternions may change sign).
    """
    return change_axes(gaussians, target="RUB")
