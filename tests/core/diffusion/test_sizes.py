"""Sizes, frame counts, schedules, prompts."""

import pytest
import torch
from oracle_video import flow_sigmas as slow_sigmas
from oracle_video import timesteps as slow_timesteps

from matrix3d_core.diffusion.schedule import SAMPLING_PRESETS, flow_sigmas, round_timesteps
from matrix3d_core.diffusion.sizes import (
    SIZE_PRESETS,
    check_size,
    fit_frame_count,
    latent_frames,
    latent_size,
    resolve_size,
)
from matrix3d_core.errors import InvalidInput
from matrix3d_core.video.prompts import PROMPT_PRESETS, apply_prompt_preset


@pytest.mark.parametrize(("preset", "factor"), [("480x960", 8), ("720x1440", 8), ("704x1408 (5B)", 16)])
def test_presets_fit_their_model(preset, factor):
    assert resolve_size(preset, 1, 1, factor=factor) == SIZE_PRESETS[preset]


def test_custom_size_is_what_was_asked_for():
    assert resolve_size("custom", 32, 64) == (32, 64)
    assert latent_size(480, 960) == (60, 120)
    assert latent_size(704, 1408, factor=16) == (44, 88)


@pytest.mark.parametrize(
    ("height", "width", "factor", "says"),
    [
        (480, 950, 8, "multiples of 16 .* got 480x950. Nearest is 480x944"),
        (8, 16, 8, "Nearest is 16x16"),
        (720, 1440, 16, "multiples of 32 .* got 720x1440. Nearest is 704x1440"),
        (0, 0, 8, "multiples of 16"),
        (-16, 32, 8, "Nearest is 16x32"),
    ],
)
def test_sizes_the_model_cannot_take_are_refused(height, width, factor, says):
    with pytest.raises(InvalidInput, match=says):
        check_size(height, width, factor=factor)


def test_unknown_preset_names_the_known_ones():
    with pytest.raises(InvalidInput, match="480x960, 720x1440"):
        resolve_size("1080p", 1, 1)


@pytest.mark.parametrize(
    ("count", "trimmed", "padded"),
    [(1, 1, 1), (2, 1, 5), (5, 5, 5), (80, 77, 81), (81, 81, 81), (83, 81, 85)],
)
def test_frame_counts_are_trimmed_or_padded_to_4k_plus_1(count, trimmed, padded):
    assert fit_frame_count(count, "trim") == trimmed
    assert fit_frame_count(count, "pad") == padded
    if count != trimmed:
        with pytest.raises(InvalidInput, match=f"got {count}. Give {trimmed} or {padded}, or set fit_frames"):
            fit_frame_count(count)
    else:
        assert fit_frame_count(count) == count


def test_no_frames_and_unknown_fit_are_refused():
    with pytest.raises(InvalidInput, match="at least 1"):
        fit_frame_count(0, "pad")
    with pytest.raises(InvalidInput, match="exact, trim, pad"):
        fit_frame_count(5, "stretch")


def test_latent_frames():
    assert [latent_frames(n) for n in (1, 5, 9, 81)] == [1, 2, 3, 21]


@pytest.mark.parametrize(("steps", "shift"), [(50, 5.0), (4, 5.0), (8, 1.0), (30, 8.0), (1, 5.0)])
def test_schedule_matches_the_slow_definition(steps, shift):
    expected = torch.tensor(slow_sigmas(steps, shift), dtype=torch.float64)
    # One rounding to float32 of a value up to 1.
    torch.testing.assert_close(flow_sigmas(steps, shift).double(), expected, rtol=0, atol=6e-8)


def test_upstream_numbers():
    times = flow_sigmas(50)[:-1] * 1000
    assert [round(float(t), 2) for t in (times[0], times[1], times[2], times[-1])] == [
        1000.0,
        995.93,
        991.74,
        92.59,
    ]
    rounded = round_timesteps(times)
    assert rounded[:3].tolist() == [1000, 996, 992]
    assert float(rounded[-1]) == 92.5
    assert rounded.tolist() == slow_timesteps(50)
    assert flow_sigmas(50)[-1] == 0


@pytest.mark.parametrize(("steps", "shift"), [(0, 5.0), (4, 0.0), (4, float("nan")), (4, float("inf"))])
def test_schedules_that_make_no_sense_are_refused(steps, shift):
    with pytest.raises(InvalidInput, match="must be"):
        flow_sigmas(steps, shift)


def test_presets_of_sampling():
    upstream = SAMPLING_PRESETS["upstream"]
    assert (upstream.steps, upstream.cfg, upstream.shift, upstream.sampler) == (50, 5.0, 5.0, "euler")
    assert upstream.bf16_timesteps
    distilled = [p for name, p in SAMPLING_PRESETS.items() if name != "upstream"]
    assert all(4 <= p.steps <= 8 and p.cfg == 1 for p in distilled)


def test_prompts_are_upstreams():
    positive, negative = apply_prompt_preset("video", "A {small} harbor.")
    assert positive == (
        "A {small} harbor. The video is of high quality, and the view is very clear. High quality, masterpiece, "
        "best quality, highres, ultra-detailed, fantastic."
    )
    assert negative == (
        "The video is not of a high quality, it has a low resolution. Distortion. strange artifacts."
    )
    positive_5b, negative_5b = apply_prompt_preset("video 5B", "A {small} harbor.")
    assert positive_5b == positive
    assert negative_5b == negative + " flickering. worst quality. low quality"
    assert apply_prompt_preset("image to panorama", "a harbor") == (
        "A high quality 360 panorama photo of a harbor HDR, RAW, 360 consistent, omnidirectional",
        "",
    )
    assert apply_prompt_preset("text to panorama", " as it is\n") == (" as it is\n", "")


def test_prompt_extras_and_empty_prompts():
    assert apply_prompt_preset("video", "x", " blurry ")[1].endswith("artifacts. blurry")
    assert apply_prompt_preset("text to panorama", "x", "blurry")[1] == "blurry"
    for preset in PROMPT_PRESETS:
        positive = apply_prompt_preset(preset, "")[0]
        assert positive == positive.strip()
        assert "{" not in positive
    with pytest.raises(InvalidInput, match="preset must be one of video"):
        apply_prompt_preset("poem", "x")
