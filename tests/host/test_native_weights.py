"""Weights written under native names are the same networks in the host."""

from __future__ import annotations

import pytest
import torch
from safetensors.torch import save_file
from tiny_pipelines import _lively
from wan_answer import normal

from matrix3d_core.errors import InvalidInput
from matrix3d_core.standalone.native_weights import native_weights

pytestmark = pytest.mark.host


def lively_vae(vae):
    """Give each convolution what keeps variances; fresh ones nearly forget their input."""
    rng = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for parameter in vae.parameters():
            if parameter.ndim > 1 and parameter.shape[1:].numel() > 1:
                parameter.copy_(torch.randn(parameter.shape, generator=rng) / parameter[0].numel() ** 0.5)
    return vae.eval()


def make_wan():
    from diffusers import WanTransformer3DModel

    network = _lively(
        WanTransformer3DModel(
            num_attention_heads=2,
            attention_head_dim=128,
            in_channels=36,
            out_channels=16,
            text_dim=4096,
            ffn_dim=300,
            num_layers=2,
            image_dim=1280,
            added_kv_proj_dim=256,
        )
    )
    given = {
        "x": normal(1, 36, 3, 4, 8, seed=1),
        "t": torch.tensor([400.0]),
        "context": normal(1, 512, 4096, seed=2),  # diffusers counts on 512
        "image": normal(1, 257, 1280, seed=3),
    }
    answer = network(
        hidden_states=given["x"],
        timestep=given["t"],
        encoder_hidden_states=given["context"],
        encoder_hidden_states_image=given["image"],
        return_dict=False,
    )[0]
    return network, given, answer


def make_flux():
    from diffusers import FluxTransformer2DModel

    network = _lively(
        FluxTransformer2DModel(
            in_channels=64,
            num_layers=2,
            num_single_layers=1,
            attention_head_dim=128,
            num_attention_heads=2,
            joint_attention_dim=96,
            pooled_projection_dim=48,
            guidance_embeds=True,
        )
    )
    given = {
        "x": normal(1, 16, 4, 8, seed=1),
        "t": torch.tensor([0.4]),
        "context": normal(1, 7, 96, seed=2),
        "pooled": normal(1, 48, seed=3),
        "guidance": torch.tensor([3.0]),
    }
    from matrix3d_core.training.pano_lora import _call

    return network, given, _call(network, given["x"], given["t"], given["context"], given["pooled"], 3.0)


def make_wan_vae():
    from diffusers import AutoencoderKLWan

    vae = lively_vae(AutoencoderKLWan(base_dim=16, z_dim=16, dim_mult=[1, 2, 4, 4], num_res_blocks=2))
    given = {"video": normal(1, 3, 5, 32, 48, seed=1), "latent": normal(1, 16, 2, 4, 6, seed=2)}
    answer = {
        "latent": vae.encode(given["video"]).latent_dist.mode(),
        "video": vae._decode(given["latent"])[0],
    }
    return vae, given, answer


def make_flux_vae():
    from diffusers import AutoencoderKL

    vae = lively_vae(
        AutoencoderKL(
            down_block_types=("DownEncoderBlock2D",) * 4,
            up_block_types=("UpDecoderBlock2D",) * 4,
            block_out_channels=(32, 64, 128, 128),
            layers_per_block=2,
            latent_channels=16,
            use_quant_conv=False,
            use_post_quant_conv=False,
        )
    )
    given = {"latent": normal(1, 16, 4, 6, seed=2)}
    answer = {"picture": vae.decode(given["latent"]).sample}
    vae.encoder = None
    return vae, given, answer


@pytest.fixture(scope="module")
def found(in_host, tmp_path_factory):
    """What diffusers and the host answer, by kind."""
    folder = tmp_path_factory.mktemp("native")
    wanted = {}
    for kind, make in {
        "wan": make_wan,
        "flux": make_flux,
        "wan_vae": make_wan_vae,
        "flux_vae": make_flux_vae,
    }.items():
        with torch.no_grad():
            network, given, wanted[kind] = make()
        tensors = {name: tensor.contiguous() for name, tensor in native_weights(network).items()}
        save_file(tensors, folder / f"{kind}.weights.safetensors")
        save_file(given, folder / f"{kind}.inputs.safetensors")
    assert set(in_host.call("native_weights.answers", folder=folder, timeout=280)) == set(wanted)
    return {kind: (wanted[kind], torch.load(folder / f"{kind}.answer.pt")) for kind in wanted}


@pytest.mark.parametrize("kind", ["wan", "flux"])
def test_networks_answer_the_same(found, kind):
    wanted, got = found[kind]
    torch.testing.assert_close(got, wanted, rtol=1e-3, atol=1e-3)
    assert float(wanted.std()) > 0.1


@pytest.mark.parametrize(("kind", "parts"), [("wan_vae", ("latent", "video")), ("flux_vae", ("picture",))])
def test_vaes_answer_the_same(found, kind, parts):
    wanted, got = found[kind]
    for part in parts:
        size = float(wanted[part].std())
        assert size > 0.01
        shown = got[part].clamp(-1, 1) if part == "video" else got[part]  # as diffusers gives it
        torch.testing.assert_close(shown, wanted[part], rtol=1e-3, atol=1e-3 * size)


def test_other_networks_are_refused():
    with pytest.raises(InvalidInput, match="got Linear"):
        native_weights(torch.nn.Linear(1, 1))
