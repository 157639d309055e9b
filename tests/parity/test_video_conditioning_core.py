"""Guidance, mask packing, schedule and tiles of the video stage against the slow oracles, without the host."""

import numpy as np
import oracle_video as oracle
import pytest
import torch

from matrix3d_core.diffusion.conditioning import (
    black_where_masked,
    clip_picture_of,
    clip_pixels,
    pack_mask,
    prepare_guidance,
    resize_guidance,
)
from matrix3d_core.diffusion.schedule import flow_sigmas, round_timesteps
from matrix3d_core.diffusion.tiles import decode_tiles, encode_tiles


def guidance(frames, height, width, seed, kind="continuous"):
    """Random 8-bit guidance as floats: a seam-free pattern with noise, and a mask of a kind."""
    draw = np.random.default_rng(seed)
    rgb = draw.integers(0, 256, (frames, height, width, 3)) / 255
    mask = draw.integers(0, 256, (frames, height, width)) / 255
    if kind == "binary":
        mask = (mask > 0.5).astype(float)
    if kind == "one column":
        mask = np.zeros_like(mask)
        mask[:, :, width // 3] = 1
    return torch.tensor(rgb, dtype=torch.float32), torch.tensor(mask, dtype=torch.float32)


CASES = [
    (1, (24, 48), (32, 64), "continuous"),
    (5, (64, 128), (32, 64), "binary"),
    (5, (37, 71), (48, 96), "continuous"),
    (9, (50, 101), (32, 64), "one column"),
]


@pytest.mark.parametrize("transposed", [True, False])
@pytest.mark.parametrize(("frames", "size", "target", "kind"), CASES)
def test_guidance_is_prepared_to_the_bit(frames, size, target, kind, transposed):
    rgb, mask = guidance(frames, *size, frames, kind)
    expected_rgb, expected_mask = oracle.normalized_guidance(rgb, mask, *target, transposed=transposed)
    clip = prepare_guidance(rgb, mask, *target, transposed=transposed)
    assert clip.frames.dtype == torch.uint8
    assert np.array_equal(clip.frames.numpy(), np.round((expected_rgb + 1) * 127.5))
    assert np.array_equal(clip.mask.numpy(), np.round((expected_mask + 1) * 127.5))
    small_rgb, small_mask = resize_guidance(rgb, mask, *target, transposed=transposed)
    # Levels over 255 in float32.
    assert np.allclose(small_mask.numpy(), (expected_mask + 1) / 2, atol=1e-7)
    blackened = black_where_masked(small_rgb, small_mask)
    assert np.allclose(blackened.numpy(), (expected_rgb + 1) / 2, atol=1e-7)


@pytest.mark.parametrize("transposed", [True, False])
def test_float_mode_is_the_unrounded_filter(transposed):
    rgb, mask = guidance(1, 20, 40, 1)
    _, small = resize_guidance(rgb, mask, 16, 32, transposed=transposed, eight_bit=False)
    expected = mask[0].numpy()
    if transposed:
        expected = oracle.triangle_resize_image(expected, 32, 16)
    expected = oracle.triangle_resize_image(expected, 16, 32)
    assert np.allclose(small[0].numpy(), expected, atol=2e-6)  # float32 sums of up to ten taps


@pytest.mark.parametrize("factor", [8, 16])
@pytest.mark.parametrize(("frames", "size", "target", "kind"), CASES)
def test_mask_is_packed_in_upstreams_order(frames, size, target, kind, factor):
    rgb, mask = guidance(frames, *size, 7, kind)
    _, signed = oracle.normalized_guidance(rgb, mask, *target)
    h, w = target[0] // factor, target[1] // factor
    clip = prepare_guidance(rgb, mask, *target)
    expected = oracle.packed_mask(signed, h, w)
    packed = pack_mask(clip.mask, h, w, factor)
    assert packed.shape == expected.shape
    assert np.abs(packed.numpy() - expected).max() < 1e-6
    assert expected.max() > 0.01


def test_start_panorama_becomes_frame_zero():
    rgb, mask = guidance(5, 40, 80, 3)
    start = guidance(1, 30, 60, 4)[0]
    clip = prepare_guidance(rgb, mask, 32, 64, start=start[0])
    expected_rgb, expected_mask = oracle.normalized_guidance(rgb, mask, 32, 64)
    first, _ = oracle.normalized_guidance(start, np.ones(start.shape[:3]), 32, 64)
    expected_rgb[0], expected_mask[0] = first[0], 1.0
    assert np.array_equal(clip.frames.numpy(), np.round((expected_rgb + 1) * 127.5))
    assert np.array_equal(clip.mask.numpy(), np.round((expected_mask + 1) * 127.5))


@pytest.mark.parametrize("size", [(32, 64), (240, 480)])
def test_clip_pixels_are_upstreams(size):
    rgb, _ = guidance(1, *size, 5)
    expected = oracle.clip_pixels(rgb[0].double().numpy() * 2 - 1)
    ours = clip_pixels(rgb[0])
    # Float32 sums of sixteen taps, divided by a deviation of 0.26.
    assert np.abs(ours.reshape(expected.shape).numpy() - expected).max() < 2e-5


@pytest.mark.parametrize("transposed", [True, False])
@pytest.mark.parametrize("size", [(160, 320), (512, 1024)])
def test_clip_sees_frame_zero_of_the_prepared_video(size, transposed):
    rgb, _ = guidance(2, *size, 6)
    frames, _ = oracle.normalized_guidance(rgb, np.ones(rgb.shape[:3]), 48, 96, transposed=transposed)
    mean, std = (np.array(v) for v in (oracle.CLIP_MEAN, oracle.CLIP_STD))
    expected = oracle.clip_pixels(frames[0]).transpose(1, 2, 0) * std + mean
    picture = clip_picture_of(rgb, 48, 96, transposed=transposed)
    assert np.abs(picture.numpy() - expected.clip(0, 1)).max() < 5e-6  # float32, undone normalization
    other = clip_picture_of(rgb, 48, 96, transposed=not transposed)
    assert np.abs(other.numpy() - expected.clip(0, 1)).max() > 0.01  # the way there is seen


@pytest.mark.parametrize(("steps", "shift"), [(50, 5.0), (4, 5.0), (1, 5.0), (30, 8.0), (7, 1.0)])
def test_schedule_is_upstreams(steps, shift):
    sigmas = flow_sigmas(steps, shift)
    assert np.allclose(sigmas.numpy(), oracle.flow_sigmas(steps, shift), rtol=2e-7, atol=1e-7)
    passed = round_timesteps(torch.tensor([1000 * s for s in oracle.flow_sigmas(steps, shift)[:-1]]))
    assert passed.double().tolist() == oracle.timesteps(steps, shift)


def test_tiles_are_blended_as_upstream_does():
    draw = torch.Generator().manual_seed(0)
    tile, stride, scale = (6, 10), (3, 5), 4
    latent = torch.randn(1, 2, 3, 14, 23, generator=draw)

    def decode(part):
        # Knows its tile, so that the weights of every pixel show: mean of the tile added.
        image = part.repeat_interleave(scale, -2).repeat_interleave(scale, -1) + part.mean()
        return image.movedim(1, -1)

    ours = decode_tiles(decode, latent, factor=scale, tile=tile, stride=stride)
    expected = oracle.blend_tiles(
        lambda part: decode(torch.tensor(part)).movedim(-1, 1).numpy(),
        latent.double().numpy(),
        scale,
        tile,
        stride,
    )
    assert np.allclose(ours.movedim(-1, 1).numpy(), expected, atol=1e-5)

    pixels = torch.rand(3, 14 * scale, 23 * scale, 3, generator=draw)

    def encode(part):
        mean = part.reshape(3, part.shape[1] // scale, scale, part.shape[2] // scale, scale, 3).mean((2, 4))
        return (mean + part.mean()).movedim(-1, 0)[None]

    ours = encode_tiles(encode, pixels, factor=scale, tile=tile, stride=stride)
    total, weight_sum = np.zeros((1, 3, 3, 14, 23)), np.zeros((14, 23))
    for rows, columns, weights in oracle.tile_weights(14, 23, tile, stride):
        part = pixels[:, rows.start * scale : rows.stop * scale, columns.start * scale : columns.stop * scale]
        total[..., rows, columns] += encode(part).double().numpy() * weights
        weight_sum[rows, columns] += weights
    assert np.allclose(ours.numpy(), total / weight_sum, atol=1e-5)
