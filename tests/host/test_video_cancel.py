"""The video nodes on a running host: as a graph, stopped halfway, and without a VAE."""

from __future__ import annotations

import time

import pytest

pytestmark = [pytest.mark.host, pytest.mark.slow]


def video_prompt(comfy, **sampler):
    """Guidance of the host's own blank pictures through the tiny Wan 2.1; key = node id."""
    size = {"width": 64, "height": 32}
    settings = {
        "size": "custom",
        "encode_seam_mode": "none",
        "decode_seam_mode": "none",
        "steps": 2,
        "cfg": 1.0,
        **size,
        **sampler,
    }
    return {
        "model": comfy.node("UNETLoader", unet_name="tiny_wan21_i2v.safetensors"),
        "vae": comfy.node("VAELoader", vae_name="tiny_wan_vae.safetensors"),
        "clip": comfy.node("CLIPLoader", clip_name="tiny_umt5.safetensors", type="wan"),
        "words": comfy.node("PanoPrompt", prompt="a harbor"),
        "positive": comfy.node("CLIPTextEncode", clip=["clip", 0], text=["words", 0]),
        "negative": comfy.node("CLIPTextEncode", clip=["clip", 0], text=["words", 1]),
        "frames": comfy.node("EmptyImage", batch_size=9, color=0x808080, **size),
        "mask": comfy.node("ImageToMask", image=["frames", 0], channel="red"),
        "video": comfy.node(
            "PanoVideoSampler",
            **{name: [name, 0] for name in ("model", "vae", "positive", "negative", "frames", "mask")},
            **settings,
        ),
        "look": comfy.node("PreviewImage", images=["video", 1]),
    }


def test_a_graph_runs_and_a_stopped_one_lets_the_next_run(comfy):
    first = comfy.run(video_prompt(comfy), timeout=600)
    assert len(first["look"]["images"]) == 9

    long = comfy.post_until(video_prompt(comfy, steps=1000), "video", 0.004, timeout=600)
    start = time.monotonic()
    comfy.interrupt()
    entry = comfy.wait(long, 120)
    assert entry["status"]["status_str"] == "error"
    assert any(kind == "execution_interrupted" for kind, _ in entry["status"]["messages"])
    assert time.monotonic() - start < 60  # a step, on a machine shared with other work

    again = comfy.run(video_prompt(comfy, seed=1), timeout=600)
    assert len(again["look"]["images"]) == 9


def test_a_missing_vae_is_named_before_anything_runs(comfy):
    prompt = video_prompt(comfy)
    del prompt["video"]["inputs"]["vae"]
    with pytest.raises(Exception, match="vae") as error:
        comfy.post(prompt)
    assert "Required input is missing" in str(error.value) or "required_input_missing" in str(error.value)
