"""Shape, type and range checks at the public doors."""

import math
import re

import pytest
import torch

from matrix3d_core.checks import check_finite, check_floating, check_shape, check_two_to_one
from matrix3d_core.errors import (
    BackendUnavailable,
    Cancelled,
    FormatError,
    InvalidInput,
    Matrix3DError,
    WeightsMismatch,
)


def test_names_are_bound_to_sizes():
    assert check_shape("x", torch.zeros(2, 3, 4, 3), "... N 3") == {"N": 4}
    assert check_shape("x", torch.zeros(4, 3), "N 3") == {"N": 4}
    assert check_shape("x", torch.zeros(5, 5), "N N") == {"N": 5}
    assert check_shape("x", torch.zeros(()), "") == {}
    assert check_shape("x", torch.zeros(0, 3), "N 3") == {"N": 0}


@pytest.mark.parametrize(
    ("shape", "spec"),
    [((4, 2), "N 3"), ((3,), "N 3"), ((1, 4, 3), "N 3"), ((4, 5), "N N"), ((3,), "... N 3"), ((2,), "")],
)
def test_other_shapes_are_refused_with_both_shapes_named(shape, spec):
    with pytest.raises(InvalidInput) as caught:
        check_shape("cloud", torch.zeros(shape), spec)
    assert str(caught.value).startswith("cloud must have shape [")
    assert str(list(shape)) in str(caught.value)


def test_only_tensors_have_shapes():
    with pytest.raises(InvalidInput, match="must be a tensor; got list"):
        check_shape("x", [1, 2], "N")


def test_bad_values_are_counted():
    with pytest.raises(InvalidInput, match="2 of 3 values"):
        check_finite("x", torch.tensor([1.0, math.nan, math.inf]))
    check_finite("x", torch.zeros(0))


def test_whole_numbers_are_not_floating_point():
    with pytest.raises(InvalidInput, match="uint8"):
        check_floating("x", torch.zeros(2, dtype=torch.uint8))
    check_floating("x", torch.zeros(2, dtype=torch.float16))


@pytest.mark.parametrize(("height", "width"), [(1, 2), (0, 0), (4, 9), (8, 4)])
def test_only_two_to_one_is_equirectangular(height, width):
    with pytest.raises(InvalidInput, match=f"got {width}x{height}"):
        check_two_to_one("panorama", height, width)
    check_two_to_one("panorama", 2, 4)


@pytest.mark.parametrize(
    ("width", "height", "advice"),
    [
        (512, 250, "Resize or pad it to 2:1 first"),
        (512, 260, "Resize or pad it to 2:1 first"),
        (
            256,
            256,
            "two eyes, one above the other (over-under stereo): choose one eye in Load Panorama with eye",
        ),
        (1024, 256, "two eyes side by side (stereo): choose one eye in Load Panorama with eye"),
        (1536, 256, "a strip of six cube faces: use Cubemap to Panorama"),
        (256, 1536, "a strip of six cube faces: use Cubemap to Panorama"),
        (768, 512, "Six cube faces in two rows go through Cubemap to Panorama; an ordinary photo goes"),
        (512, 768, "Six cube faces in two columns"),
        (1024, 768, "A cross of cube faces goes through Cubemap to Panorama; an ordinary photo goes"),
        (768, 1024, "A cross of cube faces"),
        (
            1920,
            1080,
            "An ordinary photo goes through Project Photo to Panorama; a panorama that lacks rows is padded",
        ),
        (1080, 1920, "An ordinary photo goes through Project Photo"),
        (3000, 1000, "only a part of the sphere: pad it above and below"),
    ],
)
def test_the_way_out_fits_the_shape(width, height, advice):
    with pytest.raises(InvalidInput, match=re.escape(advice)):
        check_two_to_one("picture.jpg", height, width)


def test_errors_are_also_the_builtin_kinds():
    for error, kind in ((InvalidInput, ValueError), (FormatError, ValueError), (WeightsMismatch, ValueError)):
        assert issubclass(error, Matrix3DError)
        assert issubclass(error, kind)
    assert issubclass(BackendUnavailable, RuntimeError)
    assert issubclass(Cancelled, Matrix3DError)


def test_errors_have_a_short_name_wherever_the_package_lies():
    from matrix3d_core import errors
    from matrix3d_core.diffusion.circular_convs import BorderLost

    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type)]
    assert len(kinds) >= 6
    assert {kind.__module__ for kind in (*kinds, BorderLost)} == {"matrix3d"}
