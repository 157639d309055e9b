"""Border and pole errors against slow twins, and what they say about pictures known by construction."""

import math

import pytest
import torch

from matrix3d_core.errors import InvalidInput
from matrix3d_core.geometry.spherical import erp_directions
from matrix3d_core.metrics.seam import describe_seam, pole_error, seam_error

FLOOR = 0.25 / 255


def smooth_world(height=64, frequency=2.0):
    """A smooth function of direction, so without border and poles."""
    x, y, z = erp_directions(height, 2 * height, dtype=torch.float64).unbind(-1)
    colors = [0.5 + 0.3 * torch.sin(frequency * a + 0.4) for a in (x + y, z - y, x - z)]
    return torch.stack(colors, -1)[None]


def slow_seam(images):
    """From the definition, one pixel at a time."""
    count, height, width, channels = images.shape

    def step(t, a, b):
        total = 0.0
        for y in range(height):
            for c in range(channels):
                total += abs(float(images[t, y, a % width, c]) - float(images[t, y, b % width, c]))
        return total / (height * channels)

    borders = [step(t, width - 1, 0) for t in range(count)]
    inners = [sum(step(t, k - 1, k) for k in range(-8, 9) if k != 0) / 16 for t in range(count)]
    mean = sum(borders) / count, sum(inners) / count
    return (mean[0] + FLOOR) / (mean[1] + FLOOR), [
        (b + FLOOR) / (i + FLOOR) for b, i in zip(borders, inners, strict=True)
    ]


def slow_spread(row):
    """Root of the variance along a row, variances averaged over channels."""
    total = 0.0
    for c in range(row.shape[-1]):
        values = [float(v) for v in row[:, c]]
        mean = sum(values) / len(values)
        total += sum((v - mean) ** 2 for v in values) / len(values)
    return math.sqrt(total / row.shape[-1])


def slow_pole(image):
    def ratio(rows):
        expected = 0.0
        for k in range(1, 5):
            shrink = math.sin(0.5 * math.pi / image.shape[0]) / math.sin((k + 0.5) * math.pi / image.shape[0])
            expected += slow_spread(rows[k]) * shrink / 4
        return (slow_spread(rows[0]) + FLOOR) / (expected + FLOOR)

    return ratio(image), ratio(image.flip(0))


def test_numbers_are_those_of_the_definition():
    images = torch.rand(2, 12, 20, 3, generator=torch.Generator().manual_seed(0))
    seam, pole = seam_error(images), pole_error(images)
    total, each = slow_seam(images)
    # float64 sums of a few hundred terms.
    assert seam.error == pytest.approx(total, rel=1e-12)
    assert list(seam.per_image) == pytest.approx(each, rel=1e-12)
    for image, worst in zip(images, pole.per_image, strict=True):
        assert worst == pytest.approx(max(slow_pole(image)), rel=1e-12)
    single = pole_error(images[:1])
    assert (single.top, single.bottom) == pytest.approx(slow_pole(images[0]), rel=1e-12)
    assert pole.error == max(pole.top, pole.bottom)


def test_a_smooth_world_has_neither():
    """Second-order terms at the pole: (frequency * angle)^2 with angles up to 4.5 rows of 64, below 0.2."""
    world = smooth_world()
    assert seam_error(world).error == pytest.approx(1, abs=0.05)
    assert pole_error(world).error == pytest.approx(1, abs=0.1)
    for columns in (1, 30, 64):
        # Where the slope itself is least, the step there is below those beside it.
        assert 0.7 < seam_error(torch.roll(world, columns, 2)).error < 1.1


def test_a_step_at_the_border_is_seen_wherever_it_comes_from():
    world = smooth_world()
    errors = []
    for step in (0.0, 0.02, 0.1):
        ramp = torch.linspace(-step / 2, step / 2, world.shape[2], dtype=torch.float64)[:, None]
        errors.append(seam_error(world + ramp).error)
    assert errors[0] < 2 < errors[1] < errors[2]
    assert errors[2] > 4
    turned = torch.roll(world + ramp, 40, 2)  # the line is inside now; the border is smooth
    assert 0.7 < seam_error(turned).error < 1.1


def test_a_picture_that_ignores_the_sphere_has_poles():
    flat = 0.5 + 0.3 * torch.sin(torch.arange(128) * math.tau * 5 / 128)
    picture = flat[None, None, :, None].expand(1, 64, 128, 3)
    # All rows alike: expected is the mean of 1/3, 1/5, 1/7, 1/9 (sines of small angles), 0.197;
    # the floor of a quarter level against a spread of 0.21 * 0.197 takes 2 %.
    assert pole_error(picture).error == pytest.approx(1 / 0.197, rel=0.04)
    assert seam_error(picture).error < 2


def test_flat_pictures_are_perfect():
    flat = torch.full((2, 16, 32, 3), 0.3)
    assert seam_error(flat).error == pole_error(flat).error == 1


def test_report_names_the_worst_picture():
    world = smooth_world()
    broken = world.clone()
    broken[:, :, 0] = 0
    broken[:, -1, ::2] = 0
    images = torch.cat((world, broken, world))
    text = describe_seam(seam_error(images), pole_error(images))
    seam, pole = seam_error(broken), pole_error(broken)
    assert (
        f"worst of 3 pictures: border {seam.error:.2f} in number 1, poles {pole.error:.2f} in number 1"
        in text
    )
    assert "worst" not in describe_seam(seam_error(world), pole_error(world))


@pytest.mark.parametrize(
    ("function", "shape", "says"),
    [
        (seam_error, (1, 8, 17, 3), "at least 18 columns wide"),
        (pole_error, (1, 9, 18, 3), "at least 10 rows high"),
        (seam_error, (8, 18, 3), r"images must have shape \[T, H, W, C\]"),
        (seam_error, (0, 16, 32, 3), "at least 18 columns"),
    ],
)
def test_bad_pictures_are_refused(function, shape, says):
    with pytest.raises(InvalidInput, match=says):
        function(torch.zeros(shape))
    with pytest.raises(InvalidInput, match="finite"):
        function(torch.full((1, 16, 32, 3), math.nan))
