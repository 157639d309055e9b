"""Upstream's tiles against the slow twin."""

import numpy as np
import oracle_video as slow
import pytest
import torch

from matrix3d_core.diffusion.tiles import decode_tiles, encode_tiles


def work(latent):  # [1, C, t, h, w]: depends on the place within the tile, so that blending shows
    rows, columns = torch.arange(latent.shape[-2]).view(-1, 1), torch.arange(latent.shape[-1])
    return latent + 0.1 * rows + 0.01 * columns


@pytest.mark.parametrize("size", [(30, 52), (45, 90), (44, 88), (60, 120), (7, 9)])
def test_decoding_blends_like_the_slow_twin(size):
    latent = torch.rand(1, 2, 1, *size, generator=torch.Generator().manual_seed(0))

    def decode(part):  # twice as large, channels last
        return work(part).repeat_interleave(2, -2).repeat_interleave(2, -1).movedim(1, -1)

    image = decode_tiles(decode, latent, factor=2)
    expected = slow.blend_tiles(
        lambda part: work(torch.as_tensor(part)).repeat_interleave(2, -2).repeat_interleave(2, -1).numpy(),
        latent.numpy(),
        2,
    )
    # Sums of at most 4 float32 products of values up to 10, then divided.
    np.testing.assert_allclose(image.movedim(-1, 1).numpy(), expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("size", [(30, 52), (45, 90), (7, 9)])
def test_encoding_blends_like_the_slow_twin(size):
    latent = torch.rand(1, 3, 4, *size, generator=torch.Generator().manual_seed(1))
    pixels = latent[0].movedim(0, -1).repeat_interleave(2, 1).repeat_interleave(2, 2)

    def encode(part):
        return work(part[:, ::2, ::2].movedim(-1, 0).unsqueeze(0))

    expected = slow.blend_tiles(lambda part: work(torch.as_tensor(part)).numpy(), latent.numpy(), 1)
    np.testing.assert_allclose(encode_tiles(encode, pixels, factor=2).numpy(), expected, rtol=0, atol=1e-5)


def test_a_tile_can_cancel():
    def stop(event):
        if event.done == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        encode_tiles(
            lambda p: torch.zeros(1, 1, 1, 30, 30), torch.zeros(1, 60, 30, 3), factor=1, progress=stop
        )
