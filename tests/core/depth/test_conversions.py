"""Depth pictures and the host's MoGe geometry."""

from __future__ import annotations

import math

import pytest
import torch

from matrix3d_core.depth.conversions import depth_from_image, depth_from_moge, moge_from_geometry
from matrix3d_core.errors import InvalidInput
from matrix3d_core.scene.panorama import PanoramaGeometry


def test_gray_as_distance_or_its_inverse():
    image = torch.tensor([[[0.0], [0.25], [1.0]]])
    assert depth_from_image(image, unit=10).tolist() == [[0.0, 2.5, 10.0]]
    assert depth_from_image(image, kind="inverse depth", unit=2).tolist() == [[math.inf, 8.0, 2.0]]
    for settings in ({"kind": "z"}, {"unit": 0.0}, {"unit": math.inf}):
        with pytest.raises(InvalidInput):
            depth_from_image(image, **settings)


def test_relative_depth_has_a_near_and_a_far_end():
    """By definition: white is the nearest, black the farthest; inverse distance is linear between 1/far and 1/near."""
    image = torch.tensor([[[0.0], [0.5], [1.0]]])
    inverse = depth_from_image(image, kind="inverse depth", near=1.5, far=6.0)
    torch.testing.assert_close(inverse, torch.tensor([[6.0, 1 / (0.5 / 6 + 0.5 / 1.5), 1.5]]))
    assert torch.equal(depth_from_image(image, kind="inverse depth", unit=1.5, far=6.0), inverse)
    assert depth_from_image(image, near=1.5, far=6.5).tolist() == [[1.5, 4.0, 6.5]]
    for settings, match in (
        ({"near": 2.0}, "near needs far"),
        ({"near": 6.0, "far": 6.0}, "far must be beyond near"),
        ({"far": math.nan}, "near and far must be 0"),
    ):
        with pytest.raises(InvalidInput, match=match):
            depth_from_image(image, kind="inverse depth", **settings)


def test_a_colored_picture_is_no_depth():
    rng = torch.Generator().manual_seed(0)
    gray = torch.rand(8, 16, 1, generator=rng).expand(-1, -1, 3)
    noisy = gray + 0.02 * torch.rand(8, 16, 3, generator=rng)  # as JPEG leaves it
    assert depth_from_image(noisy).shape == (8, 16)
    with pytest.raises(InvalidInput, match=r"a depth picture must be gray; \d+% of this one is colored"):
        depth_from_image(torch.rand(8, 16, 3, generator=rng))


def geometry() -> PanoramaGeometry:
    rng = torch.Generator().manual_seed(0)
    sky = torch.zeros(8, 16, dtype=torch.bool)
    sky[:2] = True
    return PanoramaGeometry(
        torch.rand(8, 16, 3, generator=rng), 1 + torch.rand(8, 16, generator=rng), ~sky, sky
    )


def test_moge_round_trip():
    ours = geometry()
    depth, valid = depth_from_moge(moge_from_geometry(ours))
    assert torch.equal(depth, ours.depth_ray)
    assert torch.equal(valid, ~ours.is_sky)


def test_moge_points_use_its_own_axes():
    """From MoGe's definition: th = 2 pi (1 - u), ph = pi v, (sin ph cos th, sin ph sin th, cos ph)."""
    ours = geometry()
    points = moge_from_geometry(ours)["points"][0]
    for row, column in ((0, 0), (3, 5), (7, 15), (4, 8)):
        theta, phi = math.tau * (1 - (column + 0.5) / 16), math.pi * (row + 0.5) / 8
        ray = (math.sin(phi) * math.cos(theta), math.sin(phi) * math.sin(theta), math.cos(phi))
        expected = torch.tensor(ray) * ours.depth_ray[row, column]
        torch.testing.assert_close(points[row, column], expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("moge", "match"),
    [
        (None, "must be the host's MoGe result"),
        ({"points": torch.ones(1, 4, 8, 3)}, "must be the host's MoGe result"),
        ({"depth": torch.ones(1, 4, 8), "intrinsics": torch.eye(3)}, "perspective"),
        ({"depth": torch.ones(2, 4, 8)}, "of one picture; got 2"),
        ({"depth": torch.ones(4, 8)}, r"must have shape \[B, H, W\]"),
        ({"depth": torch.ones(1, 4, 8), "mask": torch.ones(1, 4, 9)}, "mask must have shape"),
    ],
)
def test_other_geometries_are_refused(moge, match):
    with pytest.raises(InvalidInput, match=match):
        depth_from_moge(moge)
