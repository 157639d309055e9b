"""Irradiance of a panorama against the integral over the sphere, and sRGB against its definition."""

from __future__ import annotations

import math

import pytest
import torch

from matrix3d_core.errors import InvalidInput
from matrix3d_core.geometry.spherical import erp_directions
from matrix3d_core.light.irradiance import (
    irradiance_from_panorama,
    linear_from_srgb,
    row_solid_angles,
    shade,
    srgb_from_linear,
)


def integrated(panorama, normal):
    """Irradiance by definition: every pixel's light times the cosine times its solid angle."""
    directions = erp_directions(*panorama.shape[:2], dtype=torch.float64)
    cosine = (directions @ normal).clamp_min(0)
    return (panorama.double() * (cosine * row_solid_angles(len(panorama))[:, None])[..., None]).sum((0, 1))


def normals(count):
    rng = torch.Generator().manual_seed(3)
    return torch.nn.functional.normalize(torch.randn(count, 3, generator=rng, dtype=torch.float64), dim=-1)


def test_pixels_cover_the_sphere():
    assert float(row_solid_angles(32).sum()) * 64 == pytest.approx(4 * math.pi, rel=1e-12)


def test_even_light_gives_pi():
    found = shade(irradiance_from_panorama(torch.full((64, 128, 3), 2.0, dtype=torch.float64)), normals(20))
    # The bases are summed at pixel centers: an error of a quarter of a row's angle squared.
    torch.testing.assert_close(
        found, torch.full_like(found, 2 * math.pi), rtol=(math.pi / 64) ** 2 / 4, atol=0
    )


def test_light_of_low_degree_matches_the_integral():
    directions = erp_directions(96, 192, dtype=torch.float64)
    x, y, z = directions.unbind(-1)
    light = torch.stack((2 + x - 0.5 * y, 1 + 0.8 * x * z - 0.3 * y * y, 1.5 - y + 0.2 * x * y), -1)
    coefficients = irradiance_from_panorama(light)
    for normal in normals(12):
        expected = integrated(light, normal)
        torch.testing.assert_close(
            shade(coefficients, normal), expected, rtol=2 * (math.pi / 96) ** 2, atol=0
        )


def test_sky_and_ground_stay_within_what_degree_2_leaves_out():
    up = -erp_directions(96, 192, dtype=torch.float64)[..., 1:2]
    light = torch.where(
        up > 0, torch.tensor((0.5, 0.7, 1.0)).double(), torch.tensor((0.2, 0.15, 0.1)).double()
    )
    coefficients = irradiance_from_panorama(light)
    step = (light.amax((0, 1)) - light.amin((0, 1))) * math.pi
    for normal in normals(12):
        # A step's harmonics of odd degree above 1 have no cosine part; up to sampling nothing is left out.
        off = (shade(coefficients, normal) - integrated(light, normal)).abs()
        assert bool((off < 0.012 * step).all()), (normal, off / step)


def test_a_sun_is_softened_by_3_32_at_most():
    rows = 64
    panorama = torch.zeros(rows, 2 * rows, 3, dtype=torch.float64)
    panorama[16, 40] = 1 / row_solid_angles(rows)[16]
    sun = erp_directions(rows, 2 * rows, dtype=torch.float64)[16, 40]
    coefficients = irradiance_from_panorama(panorama)
    truth = (normals(200) @ sun).clamp_min(0)
    # 1/4 + cos/2 + 5/32 (3 cos^2 - 1), minus max(cos, 0): largest at the terminator, 3/32.
    off = (shade(coefficients, normals(200))[:, 0] - truth).abs()
    assert float(off.max()) < 3 / 32 + 1e-3
    assert float(shade(coefficients, sun)[0]) == pytest.approx(1 / 4 + 1 / 2 + 5 / 16, rel=1e-6)


def test_shade_is_never_negative_and_keeps_shape_and_dtype():
    panorama = torch.zeros(16, 32, 3)
    panorama[2, 5] = 500
    found = shade(irradiance_from_panorama(panorama), normals(60).float().reshape(3, 20, 3))
    assert found.shape == (3, 20, 3)
    assert found.dtype == torch.float32
    assert float(found.min()) == 0


@pytest.mark.parametrize(
    ("panorama", "words"),
    [
        (torch.zeros(8, 15, 3), "equirectangular"),
        (torch.zeros(8, 16), r"shape \[H, W, 3\]"),
        (torch.zeros(8, 16, 3, dtype=torch.uint8), "floating point"),
        (torch.full((8, 16, 3), math.nan), "must be finite; 384 of 384"),
    ],
)
def test_what_is_no_panorama_of_light_is_refused(panorama, words):
    with pytest.raises(InvalidInput, match=words):
        irradiance_from_panorama(panorama)


def test_srgb_is_the_standards_curve():
    # IEC 61966-2-1: both parts, and where they meet.
    color = torch.tensor((0.0, 0.02, 0.04045, 0.5, 1.0), dtype=torch.float64)
    light = torch.tensor((0.0, 0.02 / 12.92, 0.04045 / 12.92, ((0.5 + 0.055) / 1.055) ** 2.4, 1.0)).double()
    torch.testing.assert_close(linear_from_srgb(color), light, rtol=1e-7, atol=0)
    every = torch.linspace(0, 1, 1000, dtype=torch.float64)
    # The standard's two constants meet to 1e-8 of light only; times the slope 12.92.
    torch.testing.assert_close(srgb_from_linear(linear_from_srgb(every)), every, rtol=0, atol=1e-6)
