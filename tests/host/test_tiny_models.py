"""The tiny models of the tests: the host takes them for the released families and samples with them."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from comfy_server import ComfyServer, HostProcess
from safetensors.torch import load_file
from tiny_models import MODELS, SPIECES, extra_patch_embedding, sentencepiece_model, write_tiny_models


@pytest.fixture(scope="module")
def facts(in_host: HostProcess, tiny_models_dir) -> dict[str, Any]:
    """What the host says about the models, and what comes out of them."""
    return in_host.call("tiny_families.facts", timeout=400, models=tiny_models_dir)


def _is_alive(image: dict[str, Any]) -> None:
    """A picture: numbers, neither flat nor clipped."""
    assert image["finite"]
    assert image["std"] > 0.05
    assert image["clipped"] < 0.25


@pytest.mark.host
def test_the_host_knows_each_family(facts):
    flux, wan = facts["flux"], facts["wan"]
    assert flux["family"] == ["Flux", "Flux"]
    assert flux["fill"]["family"] == ["Flux", "FluxInpaint"]
    assert wan["family"] == ["WAN21", "WAN21_I2V"]
    assert wan["wan22"]["family"] == ["WAN22", "WAN22_T2V"]
    assert flux["vae"][:2] == ["AutoencodingEngine", [1, 16, 8, 16]]
    assert wan["vae"][:2] == ["comfy.ldm.wan.vae", [1, 16, 2, 8, 16]]
    assert wan["wan22"]["vae"][:2] == ["comfy.ldm.wan.vae2_2", [1, 48, 2, 4, 8]]
    assert flux["text"] == ["FluxClipModel", [1, 256, 4096], [1, 768]]
    assert wan["text"] == ["WanT5Model", [1, 512, 4096]]
    assert wan["vision"] == [1, 257, 1280]


@pytest.mark.host
def test_the_host_misses_nothing_in_them(facts):
    about_weights = ("missing", "unexpected", "left over", "not loaded")
    assert [line for line in facts["logged"] if any(word in line.lower() for word in about_weights)] == []


@pytest.mark.host
def test_flux_follows_prompt_and_guidance(facts):
    flux = facts["flux"]
    assert flux["prompt"] > 0.05
    assert flux["guidance"] > 0.01
    assert flux["decoded"] > 0.3
    assert flux["image"]["shape"] == [1, 64, 128, 3]
    _is_alive(flux["image"])
    _is_alive(flux["again"])
    # The latent format divides by about this: a latent of a trained encoder becomes one of size one.
    assert 1 < flux["vae"][2] < 6


@pytest.mark.host
def test_flux_fill_follows_image_and_mask(facts):
    fill = facts["flux"]["fill"]
    assert fill["latent"]["finite"]
    assert fill["latent"]["shape"] == [1, 16, 8, 16]
    assert fill["image"] > 0.05
    assert fill["mask"] > 0.05


@pytest.mark.host
def test_wan_follows_prompt_and_both_uses_of_the_image(facts):
    wan = facts["wan"]
    assert wan["prompt"] > 0.01
    assert wan["vision_image"] > 0.01
    assert wan["start_image"] > 0.05
    assert wan["image"]["shape"] == [1, 5, 64, 128, 3]
    _is_alive(wan["image"])
    _is_alive(wan["again"])


@pytest.mark.host
def test_wan_22_follows_prompt_and_image_and_keeps_the_first_frame(facts):
    wan = facts["wan"]["wan22"]
    assert wan["prompt"] > 0.01
    assert wan["start_image"] > 0.02
    assert wan["first_frame"] < 1e-4
    assert wan["image"]["shape"] == [1, 5, 64, 128, 3]
    _is_alive(wan["image"])
    _is_alive(wan["again"])


@pytest.mark.host
def test_a_server_has_them_under_the_released_names(comfy: ComfyServer):
    prompt = {
        "clip": comfy.node(
            "DualCLIPLoader",
            clip_name1="clip_l.safetensors",
            clip_name2="t5xxl_fp16.safetensors",
            type="flux",
        ),
        "text": comfy.node("CLIPTextEncode", clip=["clip", 0], text="a meadow"),
        "model": comfy.node("UNETLoader", unet_name="flux1-dev.safetensors"),
        "vae": comfy.node("VAELoader", vae_name="ae.safetensors"),
        "latent": comfy.node("EmptySD3LatentImage", width=64, height=64),
        "sample": comfy.node(
            "KSampler",
            model=["model", 0],
            positive=["text", 0],
            negative=["text", 0],
            latent_image=["latent", 0],
            steps=1,
            cfg=1.0,
        ),
        "decode": comfy.node("VAEDecode", samples=["sample", 0], vae=["vae", 0]),
        "see": comfy.node("PreviewImage", images=["decode", 0]),
    }
    assert len(comfy.run(prompt)["see"]["images"]) == 1
    for folder, kind in (("unet_name", "UNETLoader"), ("vae_name", "VAELoader")):
        offered = str(comfy.object_info(kind)[kind]["input"]["required"][folder])
        assert "wan2.2" in offered


def test_values_depend_on_seed_kind_and_name_alone(tmp_path):
    kinds = ["wan22_5b", "umt5"]
    first = write_tiny_models(tmp_path / "1", kinds)
    again = write_tiny_models(tmp_path / "2", reversed(kinds))
    other = write_tiny_models(tmp_path / "3", kinds, seed=1)
    for kind in kinds:
        assert first[kind].read_bytes() == again[kind].read_bytes()
        assert first[kind].name == MODELS[kind].file.split("/")[1]
    one, two = load_file(first["wan22_5b"]), load_file(other["wan22_5b"])
    assert {name: value.shape for name, value in one.items()} == {name: v.shape for name, v in two.items()}
    assert not torch.equal(one["head.head.weight"], two["head.head.weight"])
    assert not torch.equal(one["blocks.0.ffn.0.weight"], one["blocks.1.ffn.0.weight"])


def test_the_tokenizer_is_one():
    sentencepiece = pytest.importorskip("sentencepiece")
    processor = sentencepiece.SentencePieceProcessor(model_proto=sentencepiece_model(), add_eos=True)
    text = "A hall, 4 m high. \u9759\u6001"
    ids = processor.encode(text)
    assert processor.get_piece_size() == len(SPIECES)
    assert (processor.pad_id(), processor.eos_id(), processor.unk_id()) == (0, 1, 2)
    assert ids[-1] == 1
    assert 2 not in ids
    assert processor.decode(ids) == text


def test_the_extra_layer_has_its_published_shape():
    layer = extra_patch_embedding(dim=256)
    assert {name: tuple(value.shape) for name, value in layer.items()} == {
        "patch_embedding_extra_concate.weight": (256, 52, 1, 2, 2),
        "patch_embedding_extra_concate.bias": (256,),
    }
