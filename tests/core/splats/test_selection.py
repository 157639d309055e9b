"""Crops against their definitions, point by point."""

import math

import pytest
import torch
from splat_scenes import random_gaussians

from matrix3d_core.errors import InvalidInput
from matrix3d_core.splats.selection import CROP_SHAPES, crop_gaussians, inside_shape


def is_inside(point, shape, center, size, radius, yaw):
    x, y, z = (p - c for p, c in zip(point, center, strict=True))
    if shape == "sphere":
        return x * x + y * y + z * z <= radius * radius
    if shape == "cylinder":
        return math.hypot(x, z) <= radius and abs(y) <= size[1] / 2
    right = x * math.cos(yaw) - z * math.sin(yaw)  # the box's own axes, turned to the right
    ahead = x * math.sin(yaw) + z * math.cos(yaw)
    return abs(right) <= size[0] / 2 and abs(y) <= size[1] / 2 and abs(ahead) <= size[2] / 2


@pytest.mark.parametrize("shape", CROP_SHAPES)
@pytest.mark.parametrize("keep", ["inside", "outside"])
def test_crop_is_the_definition(shape, keep):
    world = random_gaussians(800, bases=4)
    options = {"center": (3.0, -5.0, 8.0), "size": (40.0, 50.0, 22.0), "radius": 27.0}
    expected = [
        is_inside(p, shape, *options.values(), 0.6) == (keep == "inside") for p in world.means.tolist()
    ]
    assert 20 < sum(expected) < 780
    rest, report = crop_gaussians(world, shape, keep=keep, yaw_rad=0.6, **options)
    assert torch.equal(rest.sh, world.sh[torch.tensor(expected)])
    assert report["before"] == 800
    assert report["after"] == sum(expected)
    assert report["bounds"][1] == rest.means.amax(0).tolist()


def test_yaw_turns_the_box_to_the_right():
    ahead_right = torch.tensor([[2.0, 0.0, 2.0], [-2.0, 0.0, 2.0]])
    thin = {"size": (0.5, 1.0, 8.0), "yaw_rad": math.pi / 4}
    assert inside_shape(ahead_right, "box", **thin).tolist() == [True, False]


def test_nan_is_outside():
    assert not inside_shape(torch.full((1, 3), torch.nan), "sphere", radius=1e9)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"shape": "cone"}, "shape must be one of box, sphere, cylinder"),
        ({"keep": "both"}, "keep must be 'inside' or 'outside'"),
        ({"size": (1, 0, 1)}, "size of the box must be positive; got 1, 0, 1"),
        ({"shape": "sphere", "radius": -1.0}, "size of the sphere must be positive; got -1"),
        ({"center": (1e6, 0, 0)}, r"there are none inside this box. The world reaches from \(-"),
    ],
)
def test_wrong_crops_are_named(change, words):
    with pytest.raises(InvalidInput, match=words):
        crop_gaussians(random_gaussians(50), **{"shape": "box", **change})
