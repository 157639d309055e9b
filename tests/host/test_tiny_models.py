"""The tiny models of the tests: the host takes them for the released families and samples with them."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from comfy_server import ComfyServer, HostPlace, run_in_host
from safetensors.torch import load_file
from tiny_models import MODELS, SPIECES, extra_patch_embedding, sentencepiece_model, write_tiny_models

# Each part returns a size of the difference relative to the size of the result, and one result's statistics.
_CODE = """
import torch
import nodes
from comfy_extras import nodes_flux, nodes_sd3, nodes_wan

logged = []
class Ear(logging.Handler):
    def emit(self, record):
        if record.levelno >= logging.WARNING:
            logged.append(record.getMessage())
logging.getLogger().addHandler(Ear())

def picture(seed, frames=1, height=64, width=128):
    values = torch.rand(frames, 3, height // 16, width // 16, generator=torch.Generator().manual_seed(seed))
    return torch.nn.functional.interpolate(values, (height, width), mode="bilinear").movedim(1, -1)

def looks(x):
    values = x.float()
    return {
        "shape": list(x.shape), "finite": bool(values.isfinite().all()), "std": float(values.std()),
        "clipped": float(((values <= 0) | (values >= 1)).float().mean()),
    }

def change(a, b):
    return float((a - b).std() / a.std())

def unet(name):
    return nodes.UNETLoader().load_unet(f"tiny_{name}.safetensors", "default")[0]

def vae_of(name):
    return nodes.VAELoader().load_vae(f"tiny_{name}.safetensors")[0]

def names(model):
    return [type(model.model).__name__, type(model.model.model_config).__name__]

def sample(model, positive, negative, latent, cfg=1.0):
    done = nodes.common_ksampler(model, 7, 2, cfg, "euler", "simple", positive, negative, latent)
    return done[0]["samples"]

def flux():
    clip = nodes.DualCLIPLoader().load_clip("tiny_clip_l.safetensors", "tiny_t5xxl.safetensors", "flux")[0]
    vae = vae_of("flux_vae")
    first, other = (
        nodes_flux.FluxGuidance.execute(nodes.CLIPTextEncode().encode(clip, text)[0], 3.5).args[0]
        for text in ("a meadow under clouds", "the hall of a castle at night")
    )
    stronger = nodes_flux.FluxGuidance.execute(first, 30.0).args[0]
    latent = nodes_sd3.EmptySD3LatentImage.execute(128, 64).args[0]
    dev = unet("flux_dev")
    plain = sample(dev, first, first, latent)
    kl = vae.encode(picture(0))
    report = {
        "text": [type(clip.cond_stage_model).__mro__[1].__name__, list(first[0][0].shape),
                 list(first[0][1]["pooled_output"].shape)],
        "family": names(dev),
        "vae": [type(vae.first_stage_model).__name__, list(kl.shape), float(kl.std())],
        "prompt": change(plain, sample(dev, other, first, latent)),
        "guidance": change(plain, sample(dev, stronger, first, latent)),
        "image": looks(vae.decode(plain)),
        "again": looks(vae.decode(kl)),
        "decoded": change(vae.decode(kl), vae.decode(vae.encode(picture(1)))),
    }
    fill, mask = unet("flux_fill"), torch.zeros(1, 64, 128)
    mask[:, :, 64:] = 1
    def inpaint(seed, mask):
        positive, negative, latent = nodes.InpaintModelConditioning().encode(
            first, first, picture(seed), vae, mask, noise_mask=False)
        return sample(fill, positive, negative, latent)
    filled = inpaint(0, mask)
    report["fill"] = {
        "family": names(fill), "latent": looks(filled), "image": change(filled, inpaint(1, mask)),
        "mask": change(filled, inpaint(0, 1 - mask)),
    }
    return report

def wan():
    clip = nodes.CLIPLoader().load_clip("tiny_umt5.safetensors", "wan")[0]
    vision = nodes.CLIPVisionLoader().load_clip("tiny_clip_vision_h.safetensors")[0]
    vae, model = vae_of("wan_vae"), unet("wan21_i2v")
    first, other, negative = (
        nodes.CLIPTextEncode().encode(clip, text)[0]
        for text in ("a meadow under clouds", "the hall of a castle", "\\u9759\\u6001, \\u6a21\\u7cca")
    )
    seen = [vision.encode_image(picture(seed)) for seed in (0, 1)]
    def video(text, vision_seed, seed):
        positive, negative_, latent = nodes_wan.WanImageToVideo.execute(
            text, negative, vae, 128, 64, 5, 1, start_image=picture(seed), clip_vision_output=seen[vision_seed]
        ).args
        return sample(model, positive, negative_, latent, cfg=2.0)
    plain = video(first, 0, 0)
    encoded = vae.encode(picture(0, 5))
    report = {
        "text": [type(clip.cond_stage_model).__mro__[1].__name__, list(first[0][0].shape)],
        "vision": list(seen[0].penultimate_hidden_states.shape),
        "family": names(model),
        "vae": [type(vae.first_stage_model).__module__, list(encoded.shape), float(encoded.std())],
        "prompt": change(plain, video(other, 0, 0)),
        "vision_image": change(plain, video(first, 1, 0)),
        "start_image": change(plain, video(first, 0, 1)),
        "image": looks(vae.decode(plain)),
        "again": looks(vae.decode(encoded)),
    }
    vae, model = vae_of("wan22_vae"), unet("wan22_5b")
    def video22(text, seed):
        latent = nodes_wan.Wan22ImageToVideoLatent.execute(vae, 128, 64, 5, 1, picture(seed)).args[0]
        return latent["samples"], sample(model, text, negative, latent, cfg=2.0)
    given, plain = video22(first, 0)
    encoded = vae.encode(picture(0, 5))
    report["wan22"] = {
        "family": names(model),
        "vae": [type(vae.first_stage_model).__module__, list(encoded.shape), float(encoded.std())],
        "prompt": change(plain, video22(other, 0)[1]),
        "start_image": change(plain[:, :, 1:], video22(first, 1)[1][:, :, 1:]),
        "first_frame": float((given - plain)[:, :, 0].abs().max()),
        "image": looks(vae.decode(plain)),
        "again": looks(vae.decode(encoded)),
    }
    return report

with torch.inference_mode():
    result({"flux": flux(), "wan": wan(), "logged": logged})
"""


@pytest.fixture(scope="module")
def facts(host_place: HostPlace, tiny_models_dir, tmp_path_factory) -> dict[str, Any]:
    """What the host says about the models, and what comes out of them."""
    return run_in_host(
        _CODE,
        host_place,
        tmp_path_factory.mktemp("base"),
        models=tiny_models_dir,
        timeout=400,
        environment={"OMP_NUM_THREADS": "1"},  # for tensors this small a second thread only waits
    )


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
