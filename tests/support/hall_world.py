"""The panorama of a hall with a screen in it, ray-cast exactly."""

from __future__ import annotations

import torch

from matrix3d_core.geometry.spherical import erp_directions
from matrix3d_core.scene.panorama import PanoramaGeometry

__all__ = ["HALL", "SCREEN", "hall"]

HALL = torch.tensor([4.0, 1.5, 4.0], dtype=torch.float64)
SCREEN = (torch.tensor([0.5, -1.5, 1.0]).double(), torch.tensor([4.0, 1.5, 1.3]).double())
"""From right of the middle to the right wall, floor to ceiling: what lies behind it is hidden from the origin."""


def hall(rows=96, screen=SCREEN):
    rays = erp_directions(rows, 2 * rows, dtype=torch.float64)
    distance = (HALL / rays.abs().clamp_min(1e-12)).amin(-1)
    if screen is not None:
        low, high = screen
        a, b = low / rays, high / rays
        near, far = torch.minimum(a, b).amax(-1), torch.maximum(a, b).amin(-1)
        hit = (near <= far) & (near > 0)
        distance = torch.where(hit, torch.minimum(distance, near), distance)
    none = torch.zeros(rows, 2 * rows, dtype=torch.bool)
    return PanoramaGeometry(torch.full((rows, 2 * rows, 3), 0.5), distance.float(), ~none, none)
