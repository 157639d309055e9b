"""A sample object: a wooden chair with a striped ball on it, 1 m high, made here."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from ..scene.mesh import Mesh, join_meshes

__all__ = ["sample_object"]

_WOOD, _RED, _WHITE = (0.62, 0.42, 0.25), (0.85, 0.15, 0.12), (0.9, 0.9, 0.86)
_SEAT, _BACK, _LEG = (0.5, 0.04, 0.5), (0.5, 0.5, 0.04), (0.05, 0.46, 0.05)
_CORNERS = torch.cartesian_prod(*[torch.tensor((-0.5, 0.5))] * 3)
# Corners counterclockwise from outside; the bits of a corner's number are its x, y and z.
_SIDES = ((0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3))
_TEXELS = 8  # of each color, a side
_RINGS, _SECTORS, _STRIPES = 24, 48, 6


def sample_object() -> Mesh:
    """Return the object in OpenCV axes, its base at y = 0, with a small texture."""
    parts = [_box(_SEAT, (0.0, -0.48, 0.0)), _box(_BACK, (0.0, -0.75, 0.23))]
    parts += [_box(_LEG, (x, -0.23, z)) for x in (-0.22, 0.22) for z in (-0.22, 0.22)]
    joined = join_meshes([*parts, _ball(0.16, (0.0, -0.66, -0.02))])
    palette = torch.tensor((_WOOD, _WHITE, _RED))
    number = torch.cdist(joined.colors, palette).argmin(-1)
    places = torch.stack(((number + 0.5) / len(palette), torch.full((len(number),), 0.5)), -1)
    texture = palette.repeat_interleave(_TEXELS, 0).expand(_TEXELS, -1, 3)
    return replace(joined, uvs=places, texture=texture.contiguous())


def _mesh(vertices: Tensor, faces: Tensor, colors: Tensor) -> Mesh:
    return Mesh(vertices.float(), faces.int(), colors.float(), torch.ones(len(vertices), dtype=torch.bool))


def _box(size: tuple[float, float, float], middle: tuple[float, float, float]) -> Mesh:
    faces = torch.tensor([(a, b, c) for a, b, c, _ in _SIDES] + [(a, c, d) for a, _, c, d in _SIDES])
    vertices = _CORNERS * torch.tensor(size) + torch.tensor(middle)
    return _mesh(vertices, faces, torch.tensor(_WOOD).expand(8, 3))


def _ball(radius: float, middle: tuple[float, float, float]) -> Mesh:
    polar = torch.arange(_RINGS + 1) * math.pi / _RINGS
    turn = torch.arange(_SECTORS) * math.tau / _SECTORS
    ring = polar.sin()[:, None]
    level = -polar.cos()[:, None].expand(-1, _SECTORS)
    points = torch.stack((ring * turn.cos(), level, ring * turn.sin()), -1)
    at = np.arange((_RINGS + 1) * _SECTORS).reshape(_RINGS + 1, _SECTORS)
    a, b = at[:-1], at[1:]
    c, d = np.roll(b, -1, 1), np.roll(a, -1, 1)
    faces = np.concatenate((np.stack((a, b, c), -1).reshape(-1, 3), np.stack((a, c, d), -1).reshape(-1, 3)))
    stripe = (torch.arange(_RINGS + 1) * _STRIPES // (_RINGS + 1)) % 2
    colors = torch.where(stripe[:, None] == 1, torch.tensor(_RED), torch.tensor(_WHITE))
    return _mesh(
        points.reshape(-1, 3) * radius + torch.tensor(middle),
        torch.from_numpy(faces),
        colors.repeat_interleave(_SECTORS, 0),
    )
