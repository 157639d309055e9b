"""Upstream's photo projection and its 16-pixel blend after decoding, against slow oracles."""

import math

import numpy as np
import oracle_video as oracle
import pytest
import torch
from PIL import Image

from matrix3d_core.diffusion.circular import circular_decode
from matrix3d_core.panorama.photo import place_photo, project_upstream

CANVAS = (512, 1024)


def photo_u8(height, width, top=256):
    """Random levels: a wrong source pixel shows."""
    return np.random.default_rng(height).integers(0, top, (height, width, 3), dtype=np.uint8)


def ours(photo, fov_deg, **size):
    placed = place_photo(torch.tensor(photo / 255, dtype=torch.float32), *(math.radians(a) for a in fov_deg))
    canvas, mask = project_upstream(placed, **size)
    return canvas.numpy() * 255, mask.numpy()


@pytest.mark.parametrize(
    ("fov", "size", "top"),
    [
        ((90, 60), (48, 64), 256),
        ((70, 70), (61, 37), 256),
        ((120, 50), (200, 300), 60),
        ((25, 33), (40, 30), 256),
    ],
    ids=["90x60", "70 both, as --fov", "dark", "narrow"],
)
def test_photo_lands_where_upstream_puts_it(fov, size, top):
    photo = photo_u8(*size, top)
    expected, valid, slack = oracle.project_photo(photo, fov, *CANVAS)
    to_fill = oracle.fill_mask(valid)
    canvas, mask = ours(photo, fov, height=CANVAS[0], width=CANVAS[1])
    assert set(np.unique(mask)) == {0.0, 1.0}
    assert np.array_equal(mask == 1, to_fill)
    # Sources are floats near 1000 at most; closer to the middle of two pixels the rounding is anyone's.
    clear = valid & (slack > 1e-3)
    assert clear.sum() > 0.98 * valid.sum() > 1000
    assert np.abs(canvas[clear] - expected[clear]).max() < 0.01
    assert np.abs(canvas[~valid]).max() == 0


def test_canvas_and_mask_are_resized_by_pillows_default():
    fov, photo = (90, 60), photo_u8(480, 640)
    small, small_mask = ours(photo, fov, height=CANVAS[0], width=CANVAS[1])
    canvas, mask = ours(photo, fov)
    assert canvas.shape == (800, 1600, 3)
    image = Image.fromarray(np.round(small).astype(np.uint8)).resize((1600, 800))
    assert np.abs(canvas - np.asarray(image)).max() < 0.01
    gray = Image.fromarray((small_mask * 255).astype(np.uint8)).resize((1600, 800))
    assert np.abs(mask * 255 - np.asarray(gray)).max() < 0.01


@pytest.mark.parametrize("frames", [0, 3])
def test_decode_blends_sixteen_pixels(frames):
    draw = torch.Generator().manual_seed(frames)
    kernel = torch.randn(3, 4, 1, 3, 3, generator=draw)

    def decode(latent):
        # A convolution with zero padding, so that the border of a tile shows, then 8 pixels per latent.
        x = latent if latent.ndim == 5 else latent[:, :, None]
        x = torch.nn.functional.conv3d(x, kernel, padding=(0, 1, 1))
        x = x.repeat_interleave(8, -2).repeat_interleave(8, -1)
        x = x if latent.ndim == 5 else x[:, :, 0]
        return x.movedim(1, -1)

    shape = (1, 4, frames, 5, 9) if frames else (1, 4, 5, 9)
    latent = torch.randn(shape, generator=draw)
    seen = []

    def spy(part):
        seen.append(part)
        return decode(part)

    blended = circular_decode(spy, latent, seam_mode="upstream")
    (given,) = seen
    assert torch.equal(given, torch.cat((latent, latent[..., :2]), -1))
    expected = oracle.blended_decode(
        lambda part: decode(torch.tensor(part)).movedim(-1, 1).numpy(), latent.numpy()
    )
    # Values of size 10 in float32.
    assert np.allclose(blended.movedim(-1, 1).numpy(), expected, atol=1e-5)
    # It does something: without it the left border is another one.
    plain = decode(latent).movedim(-1, 1).numpy()
    assert np.abs(expected - plain)[..., :16].max() > 0.1
    # Pictures of different widths: sums of 36 products of about 0.6 in an order of the processor's kernel, so
    # at most 36 * 2^-24 * 36 * 0.6 apart.
    assert np.abs(expected - plain)[..., 16:-8].max() < 5e-5
