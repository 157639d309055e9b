"""Linear light from display color and back, and the irradiance on a surface under a panorama."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ..checks import check_finite, check_floating, check_shape, check_two_to_one
from ..geometry.harmonics import sh_basis
from ..geometry.spherical import erp_directions

__all__ = [
    "irradiance_from_panorama",
    "linear_from_srgb",
    "row_solid_angles",
    "shade",
    "srgb_from_linear",
]

_COSINE = (math.pi, *(3 * (2 * math.pi / 3,)), *(5 * (math.pi / 4,)))  # of the bases, band by band
_BAND_ROWS = 64


def linear_from_srgb(color: Tensor) -> Tensor:
    """Return linear light of display color, both 0..1, any shape.

    Source: IEC 61966-2-1 (sRGB).
    """
    return torch.where(color <= 0.04045, color / 12.92, ((color + 0.055) / 1.055) ** 2.4)


def srgb_from_linear(light: Tensor) -> Tensor:
    """Return display color of linear light, both 0..1, any shape; light above 1 becomes color above 1.

    Source: IEC 61966-2-1 (sRGB).
    """
    return torch.where(light <= 0.0031308, light * 12.92, 1.055 * light.clamp_min(1e-9) ** (1 / 2.4) - 0.055)


def row_solid_angles(height: int) -> Tensor:  # [H]
    """Return the solid angle of one pixel of each row of a panorama of ``2 height`` columns, steradians, float64."""
    edges = torch.linspace(0, math.pi, height + 1, dtype=torch.float64).cos()
    return (edges[:-1] - edges[1:]) * (math.pi / height)


def irradiance_from_panorama(panorama_linear: Tensor) -> Tensor:  # [H, W, 3] -> [9, 3]
    """Return the irradiance under a panorama as real harmonics of degree 2, for `shade`.

    Light from all around is good to about 1 %; that of a point, such as a sun, loses the sharpness of its terminator:
    it is off by up to 3/32 of the irradiance on a surface that faces it. Take a sun out first and add it by its cosine
    where that matters.

    Args:
        panorama_linear: ``[H, W, 3]`` linear light, twice as wide as high; lights may be far above 1.

    Returns:
        ``[9, 3]`` coefficients of the irradiance (already convolved with the cosine) in the basis of `sh_basis`, in
        the dtype of the panorama; light of 1 from everywhere is an irradiance of pi.

    Raises:
        InvalidInput: for another shape, whole numbers, NaN or infinity.

    Source: R. Ramamoorthi and P. Hanrahan, An Efficient Representation for Irradiance Environment Maps, 2001.
    """
    size = check_shape("panorama_linear", panorama_linear, "H W 3")
    check_floating("panorama_linear", panorama_linear)
    check_two_to_one("panorama_linear", size["H"], size["W"])
    check_finite("panorama_linear", panorama_linear)
    rows = row_solid_angles(size["H"]).to(panorama_linear.device)
    directions = erp_directions(size["H"], size["W"], device=panorama_linear.device)
    total = torch.zeros(9, 3, dtype=torch.float64, device=panorama_linear.device)
    for first in range(0, size["H"], _BAND_ROWS):  # in bands: the basis of all pixels would be nine panoramas
        band = slice(first, first + _BAND_ROWS)
        light = panorama_linear[band].double() * rows[band, None, None]
        total += sh_basis(directions[band].double(), 9).reshape(-1, 9).mT @ light.reshape(-1, 3)
    cosine = torch.tensor(_COSINE, dtype=torch.float64, device=total.device)
    return (cosine[:, None] * total).to(panorama_linear.dtype)


def shade(coefficients: Tensor, normals: Tensor) -> Tensor:  # [9, 3], [..., 3] -> [..., 3]
    """Return the irradiance on surfaces, at least 0; a matte surface sends back ``albedo / pi`` of it.

    Args:
        coefficients: ``[9, 3]`` from `irradiance_from_panorama`.
        normals: ``[..., 3]`` unit normals in the frame of the panorama.
    """
    check_shape("coefficients", coefficients, "9 3")
    return (sh_basis(normals, 9).to(coefficients.dtype) @ coefficients).clamp_min(0)
