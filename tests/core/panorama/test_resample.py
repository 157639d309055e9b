"""Reading pictures between their pixels, against scalar sums; shrinking against averages; wrapping."""

import math

import pytest
import torch

from matrix3d_core.errors import InvalidInput
from matrix3d_core.geometry.spherical import erp_directions
from matrix3d_core.panorama.resample import INTERPOLATIONS, Lookup, pad_erp, resample, resize_erp


def keys_kernel(x):
    """Keys' cubic convolution kernel with a = -1/2, as published: by distance."""
    x = abs(x)
    if x < 1:
        return 1.5 * x**3 - 2.5 * x**2 + 1
    if x < 2:
        return -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2
    return 0.0


def pixel(image, row, column, wraps):
    height, width = image.shape[:2]
    if not wraps:
        return image[min(max(row, 0), height - 1), min(max(column, 0), width - 1)]
    if row < 0:
        row, column = -1 - row, column + width // 2
    if row >= height:
        row, column = 2 * height - 1 - row, column + width // 2
    return image[row, column % width]


@pytest.mark.parametrize("wraps", [True, False])
@pytest.mark.parametrize("mode", INTERPOLATIONS)
def test_reading_matches_the_sum_over_all_near_pixels(wraps, mode):
    kernel = {
        "bicubic": keys_kernel,
        "bilinear": lambda x: max(0.0, 1 - abs(x)),
        "nearest": lambda x: float(-0.5 < x <= 0.5),
    }[mode]
    rng = torch.Generator().manual_seed(0)
    image = torch.rand(6, 12, 2, generator=rng, dtype=torch.float64)
    columns = torch.rand(60, generator=rng, dtype=torch.float64) * 12 - 0.5
    rows = torch.rand(60, generator=rng, dtype=torch.float64) * 6 - 0.5
    actual = Lookup(image, wraps=wraps).read(columns, rows, mode=mode)
    for k, (u, v) in enumerate(zip(columns.tolist(), rows.tolist(), strict=True)):
        expected = sum(
            kernel(u - j) * kernel(v - i) * pixel(image, i, j, wraps)
            for i in range(math.floor(v) - 2, math.floor(v) + 4)
            for j in range(math.floor(u) - 2, math.floor(u) + 4)
        )
        # 16 products of numbers up to 1, and coordinates good to a few ulp of 12.
        torch.testing.assert_close(actual[k], expected, rtol=0, atol=200 * torch.finfo(torch.float64).eps)


@pytest.mark.parametrize("density", [1.5, 2.0, 3.7, 7.0])
def test_shrinking_averages_over_the_pixel(density):
    """A flat picture of a slow wave, read with pixels that are `density` wide, against the wave's mean."""
    width = 256
    x = torch.arange(width, dtype=torch.float64)
    image = (0.5 + 0.4 * torch.cos(0.1 * x)).expand(8 * 8, -1)[..., None].contiguous()
    count = int((width - 40) / density)

    def coordinates(index, across, down):
        return 20 + (index + 0.5 + across) * density - 0.5, 32 + down * density

    lookup = Lookup(image, wraps=False)
    actual = resample(lookup, coordinates, torch.full((count,), density))[:, 0]
    center = 20 + (torch.arange(count) + 0.5).double() * density - 0.5
    # The pixels are samples, so the mean is over sqrt(d^2 - 1) of them: the wave times sinc.
    half = 0.5 * 0.1 * math.sqrt(density**2 - 1)
    expected = 0.5 + 0.4 * torch.cos(0.1 * center) * math.sin(half) / half
    # The mean of n samples misses that of the box by (w / n)^2 / 24 * f'', with w / n at most 2 pixels (levels
    # are boxes of 2) and f'' = 0.4 * 0.1^2; cubic reading of a wave this slow errs by less.
    torch.testing.assert_close(actual, expected, rtol=0, atol=2**2 / 24 * 0.004 * 1.5)


def test_fine_stripes_fade_to_gray_and_do_not_beat():
    stripes = (torch.arange(512) % 2).float().expand(16, -1)[..., None].contiguous()
    for density in (3.1, 4.0, 6.3, 17.0):
        count = int(480 / density)

        def coordinates(index, across, down, d=density):
            return 10 + (index + across) * d, 8 + down * d

        gray = resample(Lookup(stripes, wraps=False), coordinates, torch.full((count,), density))
        # The mean of n lookups that are a pixel or less apart leaves at most 1/n of the stripes, and n is 3 or more.
        assert float((gray - 0.5).abs().max()) < 0.5 / 3, density


def test_density_one_is_a_plain_lookup():
    image = torch.rand(8, 16, 3, generator=torch.Generator().manual_seed(0))
    index = torch.arange(128)

    def coordinates(chosen, across, down):
        return (chosen % 16 + across).double(), (chosen // 16 + down).double()

    same = resample(Lookup(image, wraps=True), coordinates, torch.ones(128))
    assert torch.equal(same.reshape(8, 16, 3), image)
    assert index.numel() == len(same)
    assert resample(Lookup(image, wraps=True), coordinates, torch.ones(0)).shape == (0, 3)


@pytest.mark.parametrize(("height", "width"), [(64, 128), (48, 96), (32, 64), (20, 40), (37, 74)])
def test_resized_directions_are_directions(height, width):
    """A panorama that holds its own directions keeps them at any size, at border and poles, too."""
    directions = erp_directions(32, 64, dtype=torch.float64)
    resized = resize_erp(directions, height, width)
    expected = erp_directions(height, width, dtype=torch.float64)
    # Third order of the step pi / 32 when enlarging; the kernel's mean curvature when shrinking.
    step = math.pi / min(32, height)
    torch.testing.assert_close(resized, expected, rtol=0, atol=step**2 / 20)


@pytest.mark.parametrize("columns", [1, 7, 32])
def test_resizing_commutes_with_turning(columns):
    image = torch.rand(2, 16, 32, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    turned = resize_erp(image.roll(columns, -2), 24, 48)
    # 24 of 16 rows: 2 pixels become 3, so an even number of columns stays whole.
    if columns % 2 == 0:
        expected = resize_erp(image, 24, 48).roll(columns * 3 // 2, -2)
        torch.testing.assert_close(turned, expected, rtol=0, atol=1e-12)
    whole = resize_erp(image.roll(columns, -2), 32, 64)
    torch.testing.assert_close(whole, resize_erp(image, 32, 64).roll(2 * columns, -2), rtol=0, atol=1e-12)


def test_padding_continues_over_border_and_pole():
    image = torch.arange(8.0).reshape(2, 4, 1)
    padded = pad_erp(image, 1)[..., 0]
    expected = torch.tensor(
        [[1, 2, 3, 0, 1, 2], [3, 0, 1, 2, 3, 0], [7, 4, 5, 6, 7, 4], [5, 6, 7, 4, 5, 6]], dtype=torch.float32
    )
    assert torch.equal(padded, expected)


def test_bad_arguments_are_refused():
    with pytest.raises(InvalidInput, match="twice as wide"):
        Lookup(torch.zeros(4, 7, 3), wraps=True)
    with pytest.raises(InvalidInput, match=r"must have shape \[H, W, C\]"):
        Lookup(torch.zeros(4, 8), wraps=True)
    with pytest.raises(InvalidInput, match="floating point"):
        Lookup(torch.zeros(4, 8, 3, dtype=torch.uint8), wraps=True)
    lookup = Lookup(torch.zeros(4, 8, 3), wraps=True)
    with pytest.raises(InvalidInput, match="interpolation must be one of"):
        resample(lookup, lambda i, a, d: (a, d), torch.ones(1), "cubic")
    with pytest.raises(InvalidInput, match="size must be equirectangular"):
        resize_erp(torch.zeros(4, 8, 3), 4, 7)
