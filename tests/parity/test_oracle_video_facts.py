"""The video oracles against numbers observed on upstream itself, and against simpler arithmetic."""

import numpy as np
import oracle_video as oracle
import pytest
import torch
import torch.nn.functional as F


def test_schedule_has_the_observed_times():
    times = oracle.timesteps(50, rounded=False)
    assert len(times) == 50
    assert [round(times[i], 2) for i in (0, 1, 2, 49)] == [1000.0, 995.93, 991.74, 92.59]
    rounded = oracle.timesteps(50)
    assert [rounded[i] for i in (0, 1, 2, 49)] == [1000.0, 996.0, 992.0, 92.5]
    assert oracle.flow_sigmas(50)[-1] == 0.0


def test_rounding_to_bf16_is_torchs():
    values = torch.randn(2000, generator=torch.Generator().manual_seed(0), dtype=torch.float32) * 1000
    ties = torch.tensor([1 + 1 / 256, 1 + 3 / 256, -(1 + 1 / 256), 0.0, 257.0, 259.0])
    values = torch.cat([values, ties])
    ours = [oracle.round_to_bf16(float(v)) for v in values]
    assert ours == values.to(torch.bfloat16).double().tolist()


def test_rotation_happens_after_the_last_nineteen_of_fifty_steps():
    rolls = oracle.rolls_after_steps(50, 128, seed=380)
    assert [i for i, k in enumerate(rolls) if k] == list(range(31, 50))
    assert all(1 <= k <= 127 for k in rolls if k)
    # Two columns leave one choice.
    assert set(oracle.rolls_after_steps(50, 2, seed=1)) == {0, 1}


def test_rotation_is_upstreams_padded_roll_cropped():
    x = np.arange(40.0).reshape(2, 20)
    for k in range(1, 20):
        pad = 2  # 10 %
        wide = np.concatenate([x[:, -pad:], x, x[:, :pad]], -1)
        direct = np.stack([wide[:, pad + (i + k) % 20] for i in range(20)], -1)
        assert np.array_equal(oracle.roll_left(x, k), direct)
        assert np.array_equal(oracle.roll_left(x, k), torch.roll(torch.tensor(x), -k, -1).numpy())


def test_undone_rotation_of_an_equivariant_step_leaves_nothing():
    x = np.random.default_rng(0).normal(size=(3, 4, 16))
    mask = np.random.default_rng(1).normal(size=(3, 4, 16))
    step = lambda a, b, i: 0.9 * a + 0.1 * b + 0.01 * i  # noqa: E731
    plain = x
    for i in range(20):
        plain = step(plain, mask, i)
    turned, given = oracle.rotated_run(x, step, 20, 5, undo=True, concat=mask)
    assert np.array_equal(turned, plain)
    assert not np.array_equal(given[-1][1], mask)
    left, _ = oracle.rotated_run(x, lambda a, b, i: a, 20, 5, undo=False)
    assert np.array_equal(left, oracle.roll_left(x, sum(oracle.rolls_after_steps(20, 16, 5))))


def test_photo_of_90_by_60_degrees_covers_the_observed_rectangle():
    covered = [
        (r, c)
        for r in range(0, 512)
        for c in (*range(380, 388), *range(508, 516), *range(636, 644), 0, 1023)
        if oracle.photo_source(c, r, (90, 60), (640, 480))
    ]
    rows, columns = [r for r, _ in covered], [c for _, c in covered]
    assert (min(columns), max(columns)) == (384, 639)
    assert (min(rows), max(rows)) == (171, 340)
    # Nothing behind the camera, and the canvas center sees the photo's.
    middle = [oracle.photo_source(c, r, (90, 60), (640, 480)) for c in (511, 512) for r in (255, 256)]
    assert np.allclose(np.mean(middle, 0), (320, 240))


def test_photo_is_seen_upright_and_unmirrored():
    photo = np.zeros((40, 60, 3))
    photo[:20, :, 0] = 1  # upper half
    photo[:, 30:, 1] = 1  # right half
    canvas, valid, _ = oracle.project_photo(photo, (90, 60), 32, 64)
    rows, columns = np.where(valid)
    assert canvas[rows.min(), 31, 0] == 1
    assert canvas[rows.max(), 31, 0] == 0
    assert canvas[15, columns.max(), 1] == 1
    assert canvas[15, columns.min(), 1] == 0


def test_fill_mask_leaves_a_ring_of_three():
    valid = np.zeros((20, 40), bool)
    valid[4:16, 10:30] = True
    to_fill = oracle.fill_mask(valid)
    assert (~to_fill).sum() == (12 - 6) * (20 - 6)
    assert not to_fill[7, 13]
    assert to_fill[6, 13]


@pytest.mark.parametrize(("height", "width"), [(8, 16), (7, 11), (3, 5)])
def test_mask_is_shrunk_as_torch_interpolates(height, width):
    mask = np.random.default_rng(0).uniform(-1, 1, (24, 40))
    torchs = F.interpolate(
        torch.tensor(mask)[None, None], size=(height, width), mode="bilinear", align_corners=False
    )
    # Both in float64.
    assert np.allclose(oracle.shrink_mask(mask, height, width), (torchs[0, 0].numpy() + 1) / 2, atol=1e-12)


@pytest.mark.parametrize("frames", [1, 5, 9, 81])
def test_mask_frames_are_packed_as_four_repeats_and_a_reshape(frames):
    values = np.linspace(-1, 1, frames)
    mask = np.broadcast_to(values[:, None, None], (frames, 8, 16))
    packed = oracle.packed_mask(mask, 1, 2)
    repeated = np.concatenate([np.repeat(values[:1], 4), values[1:]])
    assert packed.shape == (4, (frames + 3) // 4, 1, 2)
    assert np.allclose(packed[:, :, 0, 1], (repeated.reshape(-1, 4).T + 1) / 2)


def test_token_counts_are_the_observed_ones():
    for (height, width), tokens in {(480, 960): 37_800, (720, 1440): 85_050}.items():
        assert ((81 - 1) // 4 + 1) * (height // 16) * (width // 16) == tokens
    assert 21 * (704 // 32) * (1408 // 32) == 20_328


def test_network_input_has_the_hosts_order():
    one = lambda n, v: np.full((n, 2, 3, 4), float(v))  # noqa: E731
    stacked = oracle.network_input(one(16, 1), one(4, 2), one(16, 3))
    assert stacked[:, 0, 0, 0].tolist() == [1.0] * 16 + [2.0] * 4 + [3.0] * 16
    extra = oracle.extra_input_5b(np.ones((5, 32, 64)), one(48, 7)[:, :, :2, :])
    assert extra.shape == (52, 2, 2, 4)
    assert (extra[:4] == 1).all()


@pytest.mark.parametrize(
    ("size", "target"), [((64, 128), (48, 96)), ((30, 62), (48, 96)), ((100, 200), (32, 64))]
)
def test_pil_resizes_with_the_stretched_triangle(size, target):
    picture = np.random.default_rng(0).integers(0, 256, size, dtype=np.uint8)
    pil = oracle.resize_picture(picture, *target, transposed=False)
    floats = oracle.triangle_resize_image(picture, *target)
    # PIL rounds to a level after each of its two passes; the second pass averages the first's errors.
    assert np.abs(pil - floats).max() <= 1.0 + 1e-6


def test_transposed_intermediate_limits_the_columns():
    picture = np.zeros((48, 96), np.uint8)
    picture[:, ::2] = 255  # every second column: gone when 48 columns hold 96
    assert np.ptp(oracle.resize_picture(picture, 48, 96, transposed=False)) == 255
    assert np.ptp(oracle.resize_picture(picture, 48, 96, transposed=True)[:, 4:-4]) <= 1


def test_masked_pixels_are_black_per_8_bit_level():
    frames, mask = np.full((1, 16, 32, 3), 200 / 255), np.full((1, 16, 32), 127 / 255)
    mask[0, 8:] = 128 / 255
    rgb, signed = oracle.normalized_guidance(frames, mask, 16, 32, transposed=False)
    assert (rgb[0, :8] == -1).all()
    assert np.allclose(rgb[0, 8:], 200 / 255 * 2 - 1)
    assert np.allclose(signed[0, 0], 127 / 255 * 2 - 1)


def test_clip_pixels_are_torchs_bicubic():
    frame = np.random.default_rng(0).uniform(-1, 1, (48, 96, 3))
    x = torch.tensor(frame).permute(2, 0, 1)[None]
    torchs = F.interpolate(x, size=(224, 224), mode="bicubic", align_corners=False)[0]
    mean, std = (torch.tensor(v, dtype=x.dtype)[:, None, None] for v in (oracle.CLIP_MEAN, oracle.CLIP_STD))
    assert np.allclose(oracle.clip_pixels(frame), (((torchs + 1) / 2 - mean) / std).numpy(), atol=1e-9)


def test_tile_weights_sum_to_something_everywhere_and_ramp_where_they_overlap():
    for height, width in ((60, 120), (90, 180), (30, 52), (20, 53)):
        total = np.zeros((height, width))
        for rows, columns, weights in oracle.tile_weights(height, width):
            total[rows, columns] += weights
        assert total.min() > 0
        assert total[0, 0] == total[-1, -1] == 1.0
    # A tile with neighbors on all sides has the smaller of the two ramps in its corner.
    inner = [
        w for rows, columns, w in oracle.tile_weights(60, 120) if (rows.start, columns.start) == (15, 26)
    ]
    assert inner[0][0, 0] == pytest.approx(1 / 26)
    assert inner[0][0, 3] == pytest.approx(1 / 15)
    assert oracle.tile_starts(60, 30, 15) == [0, 15, 30]
    assert oracle.tile_starts(120, 52, 26) == [0, 26, 52, 78]
    ramp = oracle.tile_ramp(30, 15, is_first=False, is_last=False)
    assert ramp[0] == pytest.approx(1 / 15)
    assert ramp[14] == ramp[15] == 1.0
    assert ramp[-1] == pytest.approx(1 / 15)
    assert oracle.tile_ramp(30, 15, is_first=True, is_last=True) == [1.0] * 30


def test_blended_tiles_of_a_local_decoder_are_the_decoder():
    latent = np.random.default_rng(0).normal(size=(2, 60, 120))
    decode = lambda part: np.repeat(np.repeat(part, 8, -2), 8, -1)  # noqa: E731
    assert np.allclose(oracle.blend_tiles(decode, latent, 8), decode(latent))


def test_16_pixel_blend_starts_with_the_repeated_columns():
    latent = np.arange(10.0)[None, None, :]
    wide = np.concatenate([np.zeros(80), np.ones(16)])[None, None, :]
    out = oracle.blended_decode(lambda _: wide, latent)
    assert out.shape == (1, 1, 80)
    assert np.allclose(out[0, 0, :18], [*(1 - x / 16 for x in range(16)), 0, 0])
    plain = oracle.blended_decode(lambda part: np.repeat(part, 8, -1), latent)
    assert np.allclose(plain, np.repeat(latent, 8, -1))


def test_merge_rounds_the_product_before_the_sum():
    # 256 + 1.00390625: product rounds to 1, then 257 is a tie of 256 and 258 and goes to the even 256.
    merged = oracle.merge_upstream([[256.0]], [[1.00390625]], [[1.0]])
    assert merged.tolist() == [[256.0]]
    rng = np.random.default_rng(0)
    w, a, b = (
        torch.tensor(rng.integers(-64, 64, s) / 64).to(torch.bfloat16) for s in ((7, 5), (3, 5), (7, 3))
    )
    torchs = w + b @ a  # products of such numbers are exact in float32
    assert np.array_equal(oracle.merge_upstream(w.double(), a.double(), b.double()), torchs.double().numpy())


def test_to_video_bytes_truncates():
    assert oracle.to_video_bytes(np.array([-1, -0.9999, 0.0, 0.999, 1.0, 3.0])).tolist() == [
        0,
        0,
        127,
        254,
        255,
        255,
    ]
