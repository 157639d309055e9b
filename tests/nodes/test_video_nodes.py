"""The video nodes in the real host, on tiny random models: what reaches the network, and what is refused."""

from __future__ import annotations

import pytest
import torch
from safetensors.torch import save_file
from tiny_models import extra_patch_embedding, wan_table

pytestmark = pytest.mark.host


@pytest.fixture(scope="module")
def given(tiny_models_dir, tiny_models, tmp_path_factory):
    """The folder and the files of the tiny models, and two more files."""
    folder = tmp_path_factory.mktemp("video")
    files = {kind: str(path) for kind, path in tiny_models.items()}
    files["t2v"] = str(folder / "t2v.safetensors")
    save_file(wan_table(in_channels=16, out_channels=16, image=False).tensors("t2v"), files["t2v"])
    files["extra"] = str(folder / "extra.safetensors")
    save_file(extra_patch_embedding(), files["extra"])

    return {"models": tiny_models_dir, "files": files}


@pytest.fixture(scope="module")
def wan21(in_host, given):
    """What happened with the tiny Wan 2.1 I2V model."""
    return in_host.call("video_nodes.wan21", timeout=900, **given)


def test_the_network_gets_36_channels(wan21):
    assert wan21["channels"] == 36
    # The mask goes in as 1 - m and is turned back by core.
    assert wan21["mask channels"] <= 1.2e-7
    assert wan21["latent channels"] == 0
    assert wan21["two prompts see the same guidance"]
    assert wan21["prompt untouched"] == [True, True]
    assert wan21["conditioning can be used twice"]


def test_the_first_frame_is_exact_and_the_unseen_is_black(wan21):
    assert wan21["first frame"] <= 6e-8  # levels over 255, both in float32
    assert wan21["black"] == 0
    assert wan21["latent"] == [[1, 16, 3, 4, 8], 0, ["samples"]]
    assert "frames: 9 of 64x32, 3 latent frames of 8x4" in wan21["report"]
    assert "given: frame 0 100.0%" in wan21["report"]


def test_conditioning_plus_ksampler_is_the_sampler_to_the_bit(wan21):
    assert wan21["same as KSampler"]
    assert wan21["same with shift"]
    assert wan21["decoded"] == [[9, 32, 64, 3], True]


def test_upstreams_schedule_in_the_host(wan21):
    # Schedules differ by a rounding of float32; four steps amplify that by less than 100.
    assert wan21["upstream schedule"] < 1e-5
    assert wan21["preset"]
    # shift 5, four steps: s = 1, 3/4, 1/2, 1/4
    assert wan21["timesteps"] == pytest.approx([1000, 937.5, 5000 / 6, 625], abs=1e-3)
    assert wan21["rounded timesteps"] == torch.tensor(wan21["timesteps"]).bfloat16().tolist()
    assert wan21["rounded timesteps"][2] == 832


def test_seam_handling_of_the_sampler(wan21):
    assert wan21["seam"] == [True, True, False]


@pytest.mark.parametrize("mode", ["circular", "upstream"])
def test_other_codec_modes(wan21, mode):
    shape, finite, spread = wan21[mode]
    assert shape == [9, 32, 64, 3]
    assert finite
    assert spread > 0.01


def test_long_paths_carry_frames_over(wan21):
    segments = wan21["segments"]
    assert segments["latent"] == [1, 16, 4, 4, 8]
    assert segments["frames"] == [13, 32, 64, 3]
    assert segments["calls"] == 4
    assert segments["known"][0] == 1  # frames 0 to 4 of the second segment
    assert segments["known"][1] < 1
    assert segments["first is as alone"] == [True, 0]
    assert "segments: 0 to 8, 4 to 12" in segments["report"]
    assert "seam at frames 4 to 8" in segments["report"]


def test_frames_are_padded_on_request(wan21):
    shape, report = wan21["padded"]
    assert shape == [9, 32, 64, 3]
    assert "7 frames given, 9 used" in report


def test_the_shared_model_stays_clean(wan21):
    assert wan21["model unchanged"]
    assert wan21["options left"] == [[], []]


def test_stopping_halfway_frees_memory_and_the_next_run_works(wan21):
    assert wan21["stopped"].startswith("InterruptProcessingException")
    assert wan21["steps before stop"] <= 3
    assert wan21["left after stop"] <= 0
    assert wan21["works after stop"]


@pytest.fixture(scope="module")
def wan22(in_host, given):
    """What happened with the tiny Wan 2.2 5B model."""
    return in_host.call("video_nodes.wan22", timeout=900, **given)


def test_5b_without_the_layer_says_what_is_missing(wan22):
    for text in (wan22["without"], wan22["conditioning without"]):
        assert text.startswith("InvalidInput: model must have the layer patch_embedding_extra_concate")
        assert "pano_video_gen_720p_5b.safetensors: load that with PanoLoRA" in text
    assert wan22["found"] == [True, False, 52, 0]


def test_5b_gets_the_mask_and_the_raw_guidance_beside_the_latent(wan22):
    seen = wan22["input"]
    assert seen["channels"] == 100
    assert seen["mask"] <= 1.2e-7
    assert seen["latent"] == 0
    assert seen["raw"] == 0  # not blackened by the mask, resized directly
    # One float32 product and sum each: 1e-3 would be a wrong weight.
    assert wan22["tokens"] < 1e-4


def test_5b_keeps_its_first_frame(wan22):
    seen = wan22["input"]
    assert max(seen["first frame"]) <= 1e-6
    for times in seen["times"]:
        assert times[0] == 0
        assert times[1] == times[2] > 0
    assert seen["end"] < 1e-5  # through the scale of the latents and back


def test_5b_sampler_is_conditioning_plus_ksampler(wan22):
    assert wan22["same as KSampler"]
    assert wan22["decoded"] == [9, 64, 128, 3]
    assert wan22["cfg"]
    assert wan22["turned"]
    assert wan22["long"] == [[1, 48, 4, 4, 8], [13, 64, 128, 3]]


def test_5b_layer_leaves_no_trace_on_the_shared_model(wan22):
    assert wan22["model unchanged"] == [True, False, "Conv3d"]
    assert wan22["and back"]
    assert wan22["replaced by zeros"] < 1e-5


def test_5b_layers_that_do_not_fit_are_refused(wan22):
    assert "weight must be [" in wan22["wrong shape"]
    assert "belongs to another model" in wan22["wrong shape"]
    assert "belongs to Wan 2.2 5B; got a model of kind Flux" in wan22["wrong model"]


@pytest.fixture(scope="module")
def bad(in_host, given):
    """The answers to bad inputs."""
    return in_host.call("video_nodes.bad_inputs", timeout=900, **given)


@pytest.mark.parametrize(
    ("case", "says"),
    [
        ("width", "must be multiples of 16 for a VAE of 8 pixels per latent; got 32x72. Nearest is 32x64"),
        ("height", "multiples of 16 .* got 40x64"),
        ("frames", r"must be 4k \+ 1 .*; got 8. Give 5 or 9, or set fit_frames to trim .* or pad"),
        ("no frames", "at least 1 picture"),
        ("mask length", "mask must have one picture per frame; got 3 for 5 frames"),
        ("mask size", "mask must be as large as the frames, 64x32; got 32x16"),
        ("one mask", "one picture per frame; got 1 for 5"),
        ("nan frames", "frames must be finite; 1 of 30720 values"),
        ("nan mask", "the mask of frame 2 must be finite; 1 of 2048"),
        ("clip size", "multiples of 16 .* got 30x50"),
        ("start batch", "start_image must be a single picture; got a batch of 2"),
        ("start nan", "start_image must be finite"),
        ("flux", "model must be a Wan image-to-video model; got Flux. Load Wan 2.1 I2V 14B"),
        (
            "t2v",
            "model must be image-to-video, with 36 input channels; got WAN21 with 16, which is text-to-video",
        ),
        ("5b model", "the model has 48 latent channels, the VAE is that of Wan 2.1 with 16"),
        ("flux vae", "vae must be a video VAE of Wan; got AutoencodingEngine, an image VAE with 16"),
        ("5b vae", "the model has 16 latent channels, the VAE is that of Wan 2.2 5B with 48"),
        ("5b vae size", "patch_embedding_extra_concate"),
        ("no vae", "vae is missing"),
        ("empty vae", "vae is missing"),
        ("clip vision", r"257 tokens of 1280 from CLIP ViT-H; got \[50, 768\]"),
        ("segment", r"frames_per_segment must be 4k \+ 1 .*; got 10"),
        ("overlap", "overlap must be less than frames_per_segment; got 9 of 5"),
        ("trajectory", "trajectory must have one pose per frame; got 7 poses for 9 frames"),
        ("not a panorama", "the video must be equirectangular, twice as wide as it is high"),
        ("nan model", "the model must give finite latents; .* load it in bfloat16"),
        ("conditioning: width", "multiples of 16"),
        ("conditioning: frames", r"must be 4k \+ 1"),
        ("conditioning: mask length", "one picture per frame"),
        ("conditioning: nan frames", "must be finite"),
        ("conditioning: flux vae", "video VAE of Wan"),
        ("conditioning: no vae", "vae is missing"),
        ("conditioning: clip vision", "257 tokens"),
    ],
)
def test_bad_inputs_are_refused_with_the_way_out(bad, case, says):
    import re

    assert bad[case].startswith("InvalidInput"), bad[case]
    assert re.search(says, bad[case]), bad[case]


def test_good_inputs_pass_before_and_after_bad_ones(bad):
    assert bad["accepted"] == "accepted"
    assert bad["works afterwards"] == "accepted"


def test_an_all_black_mask_is_allowed_and_warned_of(bad):
    assert bad["black"] == "accepted"
    assert "the mask is 0 everywhere" in bad["black report"]


def test_small_helpers(bad):
    assert bad["clip image"] == [[1, 224, 224, 3], True, True]
    assert bad["prompt"] == [
        "A high quality 360 panorama photo of a harbor HDR, RAW, 360 consistent, omnidirectional",
        "blurry",
    ]
