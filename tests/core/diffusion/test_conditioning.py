"""Guidance and mask as the video model gets them, against slow twins and hand-made cases."""

import numpy as np
import oracle_video as slow
import pytest
import torch

from matrix3d_core.diffusion.conditioning import (
    GuidanceClip,
    black_where_masked,
    carry_over,
    clip_picture,
    clip_pixels,
    describe_conditioning,
    pack_mask,
    prepare_guidance,
    resize_guidance,
    to_unit,
)
from matrix3d_core.errors import InvalidInput


def guidance(count=5, height=24, width=48, seed=0):
    rng = torch.Generator().manual_seed(seed)
    frames = torch.rand(count, height, width, 3, generator=rng)
    mask = (torch.rand(count, height, width, generator=rng) > 0.4).float()
    return frames, mask


@pytest.mark.parametrize("transposed", [True, False])
@pytest.mark.parametrize("size", [(24, 48), (48, 96), (16, 32), (32, 32)])
def test_prepared_frames_are_the_oracles(size, transposed):
    frames, mask = guidance()
    clip = prepare_guidance(frames, mask, *size, transposed=transposed)
    rgb, seen = slow.normalized_guidance(frames.numpy(), mask.numpy(), *size, transposed=transposed)
    # Both are 8-bit levels on the way; what is left is float32 of k/255.
    np.testing.assert_allclose(to_unit(clip.frames).numpy() * 2 - 1, rgb, rtol=0, atol=3e-7)
    np.testing.assert_allclose(to_unit(clip.mask).numpy() * 2 - 1, seen, rtol=0, atol=3e-7)


def test_the_transposed_way_limits_columns():
    """Stripes two pixels wide in 96 columns cannot pass through 24 columns, but do when resized directly."""
    stripes = torch.arange(96).div(2, rounding_mode="floor").remainder(2).float()
    frames = stripes.view(1, 1, 96, 1).expand(1, 24, 96, 3)
    whole = torch.ones(1, 24, 96)
    through, _ = resize_guidance(frames, whole, 24, 96)
    direct, _ = resize_guidance(frames, whole, 24, 96, transposed=False)
    assert through.std() < 0.15
    assert torch.equal(direct, frames)


def test_floats_follow_the_unrounded_filter():
    frames, mask = guidance(1)
    exact, seen = resize_guidance(frames, mask, 16, 32, transposed=False, eight_bit=False)
    for channel in range(3):
        expected = slow.triangle_resize_image(frames[0, ..., channel].double().tolist(), 16, 32)
        # Two passes of at most 8 products in float32, values up to 1.
        np.testing.assert_allclose(exact[0, ..., channel].numpy(), expected, rtol=0, atol=1e-6)
    rounded, _ = resize_guidance(frames, mask, 16, 32, transposed=False)
    assert (
        rounded - exact
    ).abs().max() <= 2 / 255  # input, between the passes, and output: half a level each
    assert seen.dtype == torch.float32


def test_the_mask_stays_continuous():
    frames, mask = guidance(1)
    _, seen = resize_guidance(frames, mask, 32, 64)
    assert ((seen > 0.1) & (seen < 0.9)).any()


def test_the_start_panorama_is_frame_0_with_nothing_missing():
    frames, mask = guidance()
    mask[0] = 0
    start = torch.rand(32, 64, 3, generator=torch.Generator().manual_seed(7))
    clip = prepare_guidance(frames, mask, 32, 64, start=start, transposed=False)
    assert (to_unit(clip.frames[0]) - start).abs().max() <= 0.5 / 255 + 1e-6  # rounded to a level
    assert (clip.mask[0] == 255).all()
    without = prepare_guidance(frames, mask, 32, 64, transposed=False)
    assert torch.equal(clip.frames[1:], without.frames[1:])
    assert (without.frames[0] == 0).all()
    exact = prepare_guidance(frames, mask, 32, 64, start=start, transposed=False, eight_bit=False)
    assert torch.equal(exact.frames[0], start)


def test_the_start_panorama_may_have_another_size():
    frames, mask = guidance()
    start = torch.rand(40, 80, 3)
    clip = prepare_guidance(frames, mask, 32, 64, start=start)
    alone, _ = resize_guidance(start[None], torch.ones(1, 40, 80), 32, 64)
    assert torch.equal(to_unit(clip.frames[0]), alone[0])


@pytest.mark.parametrize("kind", ["bytes", "floats"])
def test_black_where_less_than_half_seen(kind):
    mask = torch.tensor([0, 127, 128, 255], dtype=torch.uint8)
    frames = torch.full((4, 3), 200, dtype=torch.uint8)
    if kind == "floats":
        mask, frames = to_unit(mask), to_unit(frames)
    black = black_where_masked(frames, mask)
    assert (black[:2] == 0).all()
    assert torch.equal(black[2:], frames[2:])


def test_blackening_can_be_left_out_and_inputs_are_not_changed():
    frames, mask = guidance()
    before = frames.clone(), mask.clone()
    kept = prepare_guidance(frames, mask, 24, 48, transposed=False, blacken=False)
    assert (kept.frames[mask == 0] > 0).any()
    assert torch.equal(frames, before[0])
    assert torch.equal(mask, before[1])


@pytest.mark.parametrize(("count", "frames_out"), [(5, 5), (1, 1), (9, 9)])
def test_frames_are_dropped_or_the_last_repeated(count, frames_out):
    frames, mask = guidance(5)
    clip = prepare_guidance(frames, mask, 24, 48, count=count, transposed=False)
    assert len(clip) == frames_out
    whole = prepare_guidance(frames, mask, 24, 48, transposed=False)
    for t in range(count):
        assert torch.equal(clip.frames[t], whole.frames[min(t, 4)])
        assert torch.equal(clip.mask[t], whole.mask[min(t, 4)])


@pytest.mark.parametrize("factor", [8, 16])
@pytest.mark.parametrize("count", [1, 5, 9])
def test_packed_mask_is_the_oracles(count, factor):
    mask = torch.rand(count, 4 * factor, 8 * factor, generator=torch.Generator().manual_seed(1))
    packed = pack_mask(mask, 4, 8, factor)
    expected = slow.packed_mask((mask.double() * 2 - 1).numpy(), 4, 8)
    np.testing.assert_allclose(packed.numpy(), expected, rtol=0, atol=2e-7)


def test_packed_mask_order_by_hand():
    mask = torch.arange(9).view(9, 1, 1).expand(9, 16, 16) / 8
    packed = pack_mask(mask, 2, 2)
    assert (packed[:, 0] == 0).all()
    assert [float(packed[c, 1, 0, 0] * 8) for c in range(4)] == [1, 2, 3, 4]
    assert [float(packed[c, 2, 0, 0] * 8) for c in range(4)] == [5, 6, 7, 8]


def test_packed_mask_looks_at_four_pixels_not_at_all():
    mask = torch.zeros(1, 16, 16)
    mask[0, 0, 0] = 1
    assert (pack_mask(mask, 2, 2) == 0).all()
    mask[0, 3, 3] = 1
    assert float(pack_mask(mask, 2, 2)[0, 0, 0, 0]) == 0.25


def test_bytes_and_floats_pack_alike():
    levels = torch.randint(0, 256, (5, 16, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(2))
    assert torch.equal(pack_mask(levels, 2, 4), pack_mask(to_unit(levels), 2, 4))


def test_clip_pixels_are_the_oracles():
    frame = torch.rand(60, 120, 3, generator=torch.Generator().manual_seed(3))
    expected = slow.clip_pixels(frame.double().numpy() * 2 - 1)
    # One rounding to float32, divided by a deviation of 0.26.
    np.testing.assert_allclose(clip_pixels(frame).numpy(), expected, rtol=0, atol=1e-6)


def test_clip_picture_is_the_same_picture_in_unit_range():
    frame = torch.rand(60, 120, 3, generator=torch.Generator().manual_seed(3))
    picture = clip_picture(frame)
    assert picture.shape == (224, 224, 3)
    mean = torch.tensor([0.48145466, 0.4578275, 0.40821073])
    deviation = torch.tensor([0.26862954, 0.26130258, 0.27577711])
    expected = (clip_pixels(frame).movedim(0, -1) * deviation + mean).clamp(0, 1)
    torch.testing.assert_close(picture, expected, rtol=0, atol=1e-6)


def test_carried_frames_count_as_given():
    frames, mask = guidance(9)
    clip = prepare_guidance(frames, mask, 24, 48, transposed=False)
    generated = torch.rand(5, 24, 48, 3)
    carried = carry_over(clip, generated)
    assert (to_unit(carried.frames[:5]) - generated).abs().max() <= 0.5 / 255 + 1e-6
    assert (carried.mask[:5] == 255).all()
    assert torch.equal(carried.frames[5:], clip.frames[5:])
    assert torch.equal(carried.mask[5:], clip.mask[5:])
    assert not torch.equal(clip.frames[:5], carried.frames[:5])


def test_report_speaks_of_what_looks_wrong():
    frames, mask = guidance(5)
    lines = "\n".join(describe_conditioning(prepare_guidance(frames, mask, 16, 32), factor=8))
    assert "frames: 5 of 32x16, 2 latent frames of 4x2" in lines
    assert "frame 0 is not given completely" in lines
    dark = "\n".join(describe_conditioning(prepare_guidance(frames, mask * 0, 16, 32), factor=8))
    assert "the mask is 0 everywhere" in dark
    assert "inverted" in dark
    full = "\n".join(describe_conditioning(prepare_guidance(frames, mask * 0 + 1, 16, 16), factor=8))
    assert "nothing to inpaint" in full
    assert "not twice as wide" in full


def nan_frames():
    frames, mask = guidance()
    frames[3, 0, 0, 0] = torch.nan
    return frames, mask


def nan_mask():
    frames, mask = guidance()
    mask[2, 0, :2] = torch.inf
    return frames, mask


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (nan_frames, "frame 3 must be finite; 1 of 3456"),
        (nan_mask, "the mask of frame 2 must be finite; 2 of 1152"),
        (lambda: (guidance()[0], guidance(4)[1]), "one picture per frame; got 4 for 5 frames"),
        (lambda: (guidance()[0], guidance(5, 12, 24)[1]), "as large as the frames, 48x24; got 24x12"),
        (lambda: (guidance()[0][0], guidance()[1]), r"frames must have shape \[T, H, W, 3\]"),
        (lambda: (guidance()[0], guidance()[1][..., None]), r"mask must have shape \[T, H, W\]"),
        (lambda: (guidance()[0][:0], guidance()[1][:0]), "at least 1 picture"),
    ],
)
def test_bad_guidance_is_refused(make, says):
    with pytest.raises(InvalidInput, match=says):
        prepare_guidance(*make(), 16, 32)


def test_masks_that_do_not_fit_the_latent_are_refused():
    with pytest.raises(InvalidInput, match="8 times as large as the latent, 16x32; got 16x16"):
        pack_mask(torch.ones(5, 16, 16), 2, 4)
    with pytest.raises(InvalidInput, match=r"4k \+ 1 frames; got 4"):
        pack_mask(torch.ones(4, 16, 32), 2, 4)


def test_progress_can_cancel():
    def stop(event):
        if event.done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prepare_guidance(*guidance(), 16, 32, progress=stop)


def test_parts_share_memory():
    clip = GuidanceClip(torch.zeros(9, 4, 8, 3, dtype=torch.uint8), torch.zeros(9, 4, 8, dtype=torch.uint8))
    part = clip.part(4, 9)
    assert len(part) == 5
    assert part.frames.data_ptr() == clip.frames[4].data_ptr()
