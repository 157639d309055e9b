"""Initial Gaussians: surfels on the surfaces that a panorama and the filled frames of a path show."""

from __future__ import annotations

from .assemble import GaussianInit, extend_gaussians, init_gaussians
from .surfels import cells_of_sphere, surfels_from_erp, surfels_from_pinhole

__all__ = [
    "GaussianInit",
    "cells_of_sphere",
    "extend_gaussians",
    "init_gaussians",
    "surfels_from_erp",
    "surfels_from_pinhole",
]
