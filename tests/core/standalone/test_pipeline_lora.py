"""LoRA files of the usual namings on diffusers networks: exactly the weights merged by hand, or an error."""

from __future__ import annotations

import copy

import pytest
import torch
from native_wan import native_name
from safetensors.torch import save_file
from wan_answer import normal, wan_answer

from matrix3d_core import cli
from matrix3d_core.errors import InvalidInput, WeightsMismatch
from matrix3d_core.standalone.pipeline_lora import LoraChoice, apply_lora, native_slots

# Both add the same product in float32; peft adds it to the output, by hand it is added to the weight.
CLOSE = {"rtol": 1e-4, "atol": 1e-5}


@pytest.fixture(scope="module")
def flux_network(flux_folder):
    from diffusers import FluxTransformer2DModel

    return FluxTransformer2DModel.from_pretrained(flux_folder / "transformer", local_files_only=True)


def pair(weight, seed, rank=4):
    rows, columns = weight.shape[0], weight[0].numel()
    return normal(rank, columns, seed=seed) / columns**0.5, normal(rows, rank, seed=seed + 1) / 4


def targets_of_wan(network):
    """Upstream's targets: q, k, v, o and the two feed-forward layers of every block."""
    ends = (
        "to_q.weight",
        "to_k.weight",
        "to_v.weight",
        "to_out.0.weight",
        "net.0.proj.weight",
        "net.2.weight",
    )
    named = network.named_parameters()
    return {name: tensor for name, tensor in named if name.startswith("blocks.") and name.endswith(ends)}


def flux_answer(network):
    with torch.no_grad():
        return network(
            hidden_states=normal(1, 8, 64, seed=1),
            encoder_hidden_states=normal(1, 6, 32, seed=2),
            pooled_projections=normal(1, 32, seed=3),
            timestep=torch.tensor([0.5]),
            guidance=torch.tensor([4.0]),
            img_ids=torch.cartesian_prod(torch.zeros(1), torch.arange(2.0), torch.arange(4.0)),
            txt_ids=torch.zeros(6, 3),
            return_dict=False,
        )[0]


def merged_by_hand(network, additions):
    twin = copy.deepcopy(network)
    with torch.no_grad():
        for name, product in additions.items():
            parameter = twin.get_parameter(name)
            parameter += product.reshape(parameter.shape)
    return twin


WAN_NAMINGS = {
    "DiffSynth, as upstream's 480p": lambda n: (f"{n}.lora_A.default.weight", f"{n}.lora_B.default.weight"),
    "ComfyUI": lambda n: (f"diffusion_model.{n}.lora_A.weight", f"diffusion_model.{n}.lora_B.weight"),
    "kohya": lambda n: tuple(
        f"lora_unet_{n.replace('.', '_')}.lora_{part}.weight" for part in ("down", "up")
    ),
    "peft": lambda n: (f"base_model.model.{n}.lora_A.weight", f"base_model.model.{n}.lora_B.weight"),
}


@pytest.mark.parametrize("merge", ["adapter", "upstream"])
@pytest.mark.parametrize("naming", [*WAN_NAMINGS, "diffusers"])
def test_wan_namings_equal_the_hand_merged_weight(naming, merge, wan_network, tmp_path):
    tensors, additions = {}, {}
    for seed, (name, weight) in enumerate(targets_of_wan(wan_network).items()):
        rank = 3 if name.startswith("blocks.0") else 4  # ranks may differ inside a file
        A, B = (part.bfloat16().float() for part in pair(weight, 10 * seed, rank))
        if naming == "diffusers":
            keys = tuple(f"transformer.{name[:-7]}.lora_{part}.weight" for part in "AB")
        else:
            keys = WAN_NAMINGS[naming](native_name(name)[:-7])
        tensors |= dict(zip(keys, (A, B), strict=True))
        additions[name] = 0.5 * B @ A
    save_file(tensors, tmp_path / "x.safetensors")
    network = copy.deepcopy(wan_network)
    report = apply_lora(network, LoraChoice(tmp_path / "x.safetensors", 0.5, merge))
    assert len(report.targets) == 20  # 10 linears in each of 2 blocks
    expected, plain = wan_answer(merged_by_hand(wan_network, additions)), wan_answer(wan_network)
    assert float((expected - plain).abs().max()) > 0.1
    if merge == "adapter":
        torch.testing.assert_close(wan_answer(network), expected, **CLOSE)
    else:  # rounded to bfloat16 by definition; each weight is tested exactly below
        for name, product in additions.items():
            weight = wan_network.get_parameter(name)
            rounded = (weight.bfloat16() + (0.5 * (2 * product).bfloat16())).float()
            torch.testing.assert_close(network.get_parameter(name).data, rounded, rtol=2**-7, atol=1e-6)


def test_pickled_lora_files_are_read(wan_network, tmp_path):
    name, weight = next(iter(targets_of_wan(wan_network).items()))
    A, B = pair(weight, 0)
    native = native_name(name)[:-7]
    content = {f"{native}.lora_A.default.weight": A, f"{native}.lora_B.default.weight": B}
    torch.save({"state_dict": content}, tmp_path / "pano_video_gen_480p.ckpt")
    network = copy.deepcopy(wan_network)
    apply_lora(network, LoraChoice(tmp_path / "pano_video_gen_480p.ckpt"))
    expected = wan_answer(merged_by_hand(wan_network, {name: B @ A}))
    torch.testing.assert_close(wan_answer(network), expected, **CLOSE)


def flux_targets(network):
    names = [
        *(
            f"transformer_blocks.0.attn.{n}"
            for n in ("to_q", "to_k", "to_v", "to_out.0", "add_q_proj", "to_add_out")
        ),
        *("transformer_blocks.0.ff.net.0.proj", "transformer_blocks.0.norm1.linear"),
        *(f"single_transformer_blocks.0.{n}" for n in ("attn.to_q", "proj_mlp", "proj_out", "norm.linear")),
        *("x_embedder", "proj_out", "norm_out.linear", "time_text_embed.guidance_embedder.linear_1"),
    ]
    return {f"{name}.weight": network.get_parameter(f"{name}.weight") for name in names}


@pytest.mark.parametrize(
    "naming",
    [
        "transformer.{}.lora_{}.weight",  # diffusers and peft, as upstream's
        "{}.lora_{}.default.weight",  # DiffSynth
        "base_model.model.{}.lora_{}.weight",
    ],
)
def test_flux_in_diffusers_names(naming, flux_network, tmp_path):
    """With an alpha for every module, and ``proj_out``, which is the end of other modules' names, too."""
    tensors, additions = {}, {}
    for seed, (name, weight) in enumerate(flux_targets(flux_network).items()):
        A, B = pair(weight, 10 * seed)
        tensors |= {naming.format(name[:-7], part): value for part, value in (("A", A), ("B", B))}
        alpha = float(seed % 3 + 1)
        tensors[naming.partition("{}")[0] + f"{name[:-7]}.alpha"] = torch.tensor(alpha)
        additions[name] = alpha / 4 * B @ A
    save_file(tensors, tmp_path / "x.safetensors")
    network = copy.deepcopy(flux_network)
    apply_lora(network, LoraChoice(tmp_path / "x.safetensors"))
    expected = flux_answer(merged_by_hand(flux_network, additions))
    assert float((expected - flux_answer(flux_network)).abs().max()) > 0.1
    torch.testing.assert_close(flux_answer(network), expected, **CLOSE)


@pytest.mark.parametrize("kohya", [False, True], ids=["BFL", "kohya"])
def test_flux_in_its_makers_names_with_fused_weights(kohya, flux_network, tmp_path):
    """Fused q, k, v and the fused first layer of the single blocks are cut; scale and shift change places."""
    width = 32
    fused = {
        "double_blocks.0.img_attn.qkv": [f"transformer_blocks.0.attn.to_{x}" for x in "qkv"],
        "double_blocks.0.txt_attn.qkv": [f"transformer_blocks.0.attn.add_{x}_proj" for x in "qkv"],
        "single_blocks.0.linear1": [
            *(f"single_transformer_blocks.0.attn.to_{x}" for x in "qkv"),
            "single_transformer_blocks.0.proj_mlp",
        ],
        "final_layer.adaLN_modulation.1": ["norm_out.linear"],
        "double_blocks.0.txt_mlp.2": ["transformer_blocks.0.ff_context.net.2"],
    }
    tensors, additions = {}, {}
    for seed, (native, modules) in enumerate(fused.items()):
        weights = [flux_network.get_parameter(f"{module}.weight") for module in modules]
        A, B = pair(torch.cat(weights), 10 * seed)
        stem = f"lora_unet_{native.replace('.', '_')}" if kohya else f"diffusion_model.{native}"
        tensors |= {f"{stem}.lora_down.weight": A, f"{stem}.lora_up.weight": B}
        product = B @ A
        if native.startswith("final_layer"):
            product = torch.cat((product[width:], product[:width]))
        for module, part in zip(modules, product.split([len(w) for w in weights]), strict=True):
            additions[f"{module}.weight"] = part
    save_file(tensors, tmp_path / "x.safetensors")
    network = copy.deepcopy(flux_network)
    apply_lora(network, LoraChoice(tmp_path / "x.safetensors"))
    expected = flux_answer(merged_by_hand(flux_network, additions))
    torch.testing.assert_close(flux_answer(network), expected, **CLOSE)


def test_slots_know_every_matrix_of_the_networks(wan_network, flux_network):
    """All linear layers and convolutions have a place in the native layout."""
    for network in (wan_network, flux_network):
        slots, shapes = native_slots(network)
        placed = {slot.module for group in slots.values() for slot in group}
        matrices = {
            name
            for name, module in network.named_modules()
            if isinstance(module, torch.nn.Linear | torch.nn.Conv3d)
        }
        assert placed == matrices
        numbers = sum(torch.Size(shape).numel() for shape in shapes.values())
        assert numbers == sum(network.get_parameter(f"{name}.weight").numel() for name in matrices)


# Refusals --------------------------------------------------------------------------------------------


def test_a_lora_for_another_model_is_refused(wan_network, flux_network, tmp_path):
    tensors = {}
    for seed, (name, weight) in enumerate(targets_of_wan(wan_network).items()):
        A, B = pair(weight, seed)
        native = native_name(name)[:-7]
        tensors |= {f"{native}.lora_A.weight": A, f"{native}.lora_B.weight": B}
    assert tensors
    save_file(tensors, tmp_path / "wan.safetensors")
    with pytest.raises(WeightsMismatch, match=r"wan.safetensors is a LoRA for Wan .* the model is FLUX"):
        apply_lora(copy.deepcopy(flux_network), LoraChoice(tmp_path / "wan.safetensors"))


def test_a_lora_that_fits_in_part_is_refused_unless_told(wan_network, tmp_path):
    (name, weight), *_ = targets_of_wan(wan_network).items()
    A, B = pair(weight, 0)
    native = native_name(name)[:-7]
    tensors = {f"{native}.lora_A.weight": A, f"{native}.lora_B.weight": B}
    tensors |= {"blocks.7.ffn.0.lora_A.weight": A.clone(), "blocks.7.ffn.0.lora_B.weight": B.clone()}
    save_file(tensors, tmp_path / "x.safetensors")
    with pytest.raises(WeightsMismatch, match=r"1 of 2 targets do. 1 unexpected, first blocks.7.ffn.0"):
        apply_lora(copy.deepcopy(wan_network), LoraChoice(tmp_path / "x.safetensors"))
    network = copy.deepcopy(wan_network)
    assert len(apply_lora(network, LoraChoice(tmp_path / "x.safetensors", strict=False)).targets) == 1
    expected = wan_answer(merged_by_hand(wan_network, {name: B @ A}))
    torch.testing.assert_close(wan_answer(network), expected, **CLOSE)


def test_other_kinds_than_pairs_are_refused(wan_network, tmp_path):
    weight = wan_network.get_parameter("blocks.0.ffn.net.0.proj.weight")
    save_file({"blocks.0.ffn.0.diff": torch.zeros_like(weight)}, tmp_path / "x.safetensors")
    with pytest.raises(InvalidInput, match="must be a pair of A and B; got diff"):
        apply_lora(copy.deepcopy(wan_network), LoraChoice(tmp_path / "x.safetensors"))
    with pytest.raises(InvalidInput, match="lora_merge must be one of adapter, upstream; got 'mean'"):
        apply_lora(wan_network, LoraChoice(tmp_path / "x.safetensors", merge="mean"))


def test_lora_on_the_command_line_changes_the_panorama(flux_folder, flux_network, tmp_path, capsys):
    from safetensors.torch import load_file

    tensors = {}
    for seed, (name, weight) in enumerate(flux_targets(flux_network).items()):
        A, B = pair(weight, seed)
        tensors |= {f"transformer.{name[:-7]}.lora_{part}.weight": x for part, x in (("A", A), ("B", B))}
    save_file(tensors, tmp_path / "lora.safetensors")
    words = ["pano", "a room", "--model", str(flux_folder), "--dtype", "float32", "--device", "cpu"]
    words += ["--steps", "2", "--height", "32"]
    latents = []
    for strength in (None, "0", "1"):
        more = (
            []
            if strength is None
            else ["--lora", str(tmp_path / "lora.safetensors"), "--lora-strength", strength]
        )
        out = tmp_path / f"out{strength}"
        assert cli.main([*words, *more, "--out", str(out)]) == 0
        latents.append(load_file(out / "latent.safetensors")["samples"])
    torch.testing.assert_close(latents[1], latents[0], **CLOSE)
    assert float((latents[2] - latents[0]).abs().max()) > 0.01
    assert "16 of 16 targets matched" in (tmp_path / "out1" / "report.json").read_text()
    capsys.readouterr()
