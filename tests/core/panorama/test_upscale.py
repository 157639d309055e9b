"""A network for flat pictures enlarges panoramas without a seam."""

from __future__ import annotations

import pytest
import torch

from matrix3d_core.errors import InvalidInput
from matrix3d_core.panorama.upscale import upscale_panoramas


def sharpen_twice(picture):
    """A stand-in for a network: a 5x5 filter that sees zeros beyond the border, then twice the size."""
    planes = picture.permute(0, 3, 1, 2)
    taps = torch.full((3, 1, 5, 5), -0.02)
    taps[:, :, 2, 2] = 1.48
    planes = torch.nn.functional.conv2d(planes, taps, padding=2, groups=3)
    return torch.nn.functional.interpolate(planes, scale_factor=2).permute(0, 2, 3, 1)


def panoramas(count=2, height=24):
    return torch.rand(count, height, 2 * height, 3, generator=torch.Generator().manual_seed(1))


def test_a_rolled_panorama_gives_the_rolled_result():
    plain, rolled = (upscale_panoramas(p, sharpen_twice) for p in (panoramas(), panoramas().roll(7, 2)))
    assert plain.shape == (2, 48, 96, 3)
    torch.testing.assert_close(rolled, plain.roll(14, 2), rtol=0, atol=1e-6)
    flat = sharpen_twice(panoramas()).clamp(0, 1)
    inside = (slice(None), slice(4, -4), slice(4, -4))
    torch.testing.assert_close(plain[inside], flat[inside], rtol=0, atol=1e-6)
    assert (
        float((plain - flat)[:, :, :4].abs().max()) > 0.05
    )  # where the network alone sees zeros beyond the border


@pytest.mark.parametrize("width", [48, 120])
def test_the_result_has_the_columns_asked_for(width):
    events = []
    made = upscale_panoramas(panoramas(), sharpen_twice, width=width, progress=events.append)
    assert made.shape == (2, width // 2, width, 3)
    assert [event.done for event in events] == [0, 1, 2]
    if width == 48:  # averages of the four pixels that each was made into
        whole = upscale_panoramas(panoramas(), sharpen_twice)
        four = whole.reshape(2, 24, 2, 48, 2, 3).mean((2, 4))
        torch.testing.assert_close(made, four, rtol=0, atol=1e-6)


def test_what_is_no_panorama_or_no_whole_factor_is_refused():
    with pytest.raises(InvalidInput, match="twice as wide"):
        upscale_panoramas(panoramas()[:, :, :30], sharpen_twice)
    with pytest.raises(InvalidInput, match="width must be even"):
        upscale_panoramas(panoramas(), sharpen_twice, width=31)
    with pytest.raises(InvalidInput, match="whole factor"):
        upscale_panoramas(panoramas(), lambda x: sharpen_twice(x)[:, :-1])
