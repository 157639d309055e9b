"""The small models that come with the pack: the host offers them, reads them and takes their encoders."""

from __future__ import annotations

import pytest
import torch
from safetensors.torch import save_file
from wan_answer import normal

from matrix3d_core.minis.encoders import PANO_GUIDANCE, pano_text, video_image, video_text
from matrix3d_core.minis.files import MINI_FILES, MINI_MODELS
from matrix3d_core.minis.networks import open_mini_video
from matrix3d_core.training.minis import FLUX_SCALE, FLUX_SHIFT

pytestmark = pytest.mark.host

LOADERS = {
    "vae": ("VAELoader", "vae_name"),
    "diffusion_models": ("UNETLoader", "unet_name"),
    "loras": ("PanoLoRA", "lora_name"),
    "matrix3d_lrm": ("LRMLoader", "lrm_name"),
}


def test_the_host_offers_them(comfy):
    for file in MINI_FILES.values():
        folder, _, name = file.partition("/")
        loader, widget = LOADERS[folder]
        choices = comfy.object_info(loader)[loader]["input"]["required"][widget]
        found = choices[0] if isinstance(choices[0], list) else choices[1]["options"]
        assert name in found, (loader, found)


def test_they_are_small_enough():
    assert sum((MINI_MODELS / name).stat().st_size for name in MINI_FILES.values()) <= 64e6


def test_nodes_encode_as_training_did(in_host, tmp_path):
    picture = torch.rand(1, 64, 128, 3, generator=torch.Generator().manual_seed(0))
    save_file({"picture": picture}, tmp_path / "picture.safetensors")
    file = in_host.call("minis.encoded", text="A harbor, by night.", folder=tmp_path)
    found = torch.load(file, weights_only=True)
    states, pooled = pano_text("A harbor, by night.")
    wanted = {
        "pano": states[None],
        "pooled": pooled[None],
        "guidance": torch.tensor(PANO_GUIDANCE),
        "video": video_text("A harbor, by night.")[None],
        "image": video_image(picture[0])[None],
    }
    assert found.keys() == wanted.keys()
    for name, value in wanted.items():
        assert torch.equal(found[name], value), name


def test_panorama_latents_are_scaled_as_the_hosts_flux(in_host):
    assert in_host.call("minis.flux_latents") == [FLUX_SCALE, FLUX_SHIFT]


def test_the_host_and_diffusers_answer_the_same(in_host, tmp_path):
    pytest.importorskip("diffusers", reason="needs diffusers (extra 'generate')")
    given = {
        "x": normal(1, 36, 3, 4, 8, seed=1),
        "t": torch.tensor([400.0]),
        "context": video_text("a harbor")[None],
        "image": normal(1, 257, 1280, seed=3),
    }
    inputs = tmp_path / "given.safetensors"
    save_file(given, inputs)
    file = in_host.call("minis.answer", model=MINI_MODELS / MINI_FILES["video"], inputs=inputs)
    found = torch.load(file, weights_only=True)
    with torch.no_grad():
        wanted = open_mini_video().transformer(
            hidden_states=given["x"],
            timestep=given["t"],
            encoder_hidden_states=given["context"],
            encoder_hidden_states_image=given["image"],
            return_dict=False,
        )[0]
    torch.testing.assert_close(found, wanted, rtol=1e-3, atol=1e-3 * float(wanted.abs().max()))
