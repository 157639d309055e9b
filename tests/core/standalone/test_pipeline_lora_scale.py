"""Alpha, patterns, rslora and DoRA against diffusers and peft: files that they write, put on by both."""

from __future__ import annotations

import copy
import json

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from wan_answer import normal, wan_answer

from matrix3d_core.errors import InvalidInput
from matrix3d_core.standalone.pipeline_lora import LoraChoice, apply_lora

# peft adds the same product in float32 to the output, in one or the other order.
CLOSE = {"rtol": 1e-4, "atol": 1e-5}
TARGETS = ["attn1.to_q", "attn2.to_v", "ffn.net.0.proj"]
CONFIGS = {
    "alpha": {"r": 4, "lora_alpha": 16},
    "patterns": {
        "r": 4,
        "lora_alpha": 2,
        "rank_pattern": {"blocks.1.attn1.to_q": 2, "ffn.net.0.proj": 6},
        "alpha_pattern": {"^blocks.0.attn1.to_q": 10, "blocks.1.attn1.to_q": 3, "attn2.to_(k|v)": 1.5},
    },
    "rslora": {"r": 9, "lora_alpha": 6, "use_rslora": True},
    "dora": {"r": 4, "lora_alpha": 8, "use_dora": True},
    "dora, rslora and patterns": {
        "r": 4,
        "lora_alpha": 8,
        "use_dora": True,
        "use_rslora": True,
        "rank_pattern": {"attn2.to_v": 2},
        "alpha_pattern": {"attn2.to_v": 5},
    },
}
FACTORS = {
    "alpha": "alpha / rank: 4 for 6 modules",
    "patterns": "alpha / rank: 0.3333 to 2.5 for 6 modules",  # 2 / 6 (ffn), 10 / 4 (blocks.0 to_q)
    "rslora": "alpha / sqrt(rank), rslora: 2 for 6 modules",
    "dora": "alpha / rank: 2 for 6 modules",
    "dora, rslora and patterns": "alpha / sqrt(rank), rslora: 3.536 to 4 for 6 modules",
}


def trained(network, config):
    """Return a network with a peft adapter whose every number was drawn."""
    from peft import LoraConfig

    network = copy.deepcopy(network)
    network.add_adapter(LoraConfig(**config, target_modules=TARGETS), adapter_name="default")
    with torch.no_grad():
        for seed, (name, parameter) in enumerate(network.named_parameters()):
            if ".lora_A." in name or ".lora_B." in name:
                parameter.copy_(normal(*parameter.shape, seed=seed) / parameter.shape[1] ** 0.5 / 2)
            elif "magnitude" in name:
                parameter.mul_(1 + normal(*parameter.shape, seed=seed) / 4)
    return network


def write(network, folder, layout):
    """Write a network's adapter as diffusers, SimpleTuner or peft do; return the file."""
    from diffusers import WanPipeline
    from peft import get_peft_model_state_dict

    folder.mkdir()
    layers = get_peft_model_state_dict(network, adapter_name="default")
    config = network.peft_config["default"]
    if layout == "peft":
        content = {f"base_model.model.{name}": tensor for name, tensor in layers.items()}
        save_file(content, folder / "adapter_model.safetensors", {"format": "pt"})
        config.save_pretrained(folder)
        return folder / "adapter_model.safetensors"
    WanPipeline.save_lora_weights(
        folder, layers, transformer_lora_adapter_metadata=config.to_dict(), weight_name="x.safetensors"
    )
    path = folder / "x.safetensors"
    if layout == "SimpleTuner":  # one entry for each field, in text
        with safe_open(path, framework="pt") as file:
            about = json.loads(file.metadata()["lora_adapter_metadata"])
        entries = {
            name: json.dumps(value) if isinstance(value, dict) else str(value)
            for name, value in about.items()
        }
        save_file(load_file(path), path, {"format": "pt", **entries})
    return path


@pytest.mark.parametrize("kind", CONFIGS)
@pytest.mark.parametrize("layout", ["diffusers", "SimpleTuner", "peft"])
def test_a_trained_adapter_comes_back_as_it_was(kind, layout, wan_network, tmp_path):
    pytest.importorskip("peft", reason="needs peft (extra 'generate')")
    source = trained(wan_network, CONFIGS[kind])
    path = write(source, tmp_path / "x", layout)
    expected, plain = wan_answer(source), wan_answer(wan_network)
    if layout == "diffusers":  # by diffusers' own reader, to be sure of the oracle
        twin = copy.deepcopy(wan_network)
        twin.load_lora_adapter(path.parent, weight_name=path.name, prefix="transformer")
        torch.testing.assert_close(wan_answer(twin), expected, **CLOSE)
    assert float((expected - plain).abs().max()) > 0.05
    network = copy.deepcopy(wan_network)
    report = apply_lora(network, LoraChoice(path))
    torch.testing.assert_close(wan_answer(network), expected, **CLOSE)
    assert FACTORS[kind] in report.describe()
    assert {
        "diffusers": "lora_adapter_metadata",
        "SimpleTuner": "transformer.lora_alpha",
        "peft": "adapter_config",
    }[layout] in report.describe()
    assert ("DoRA: 6 modules have magnitudes." in report.describe()) == ("dora" in kind)


def test_magnitudes_beside_plain_pairs_leave_those_plain(wan_network, tmp_path):
    """peft has DoRA for all modules or none; kohya's files may mix."""
    source = trained(wan_network, CONFIGS["dora"])
    path = write(source, tmp_path / "x", "diffusers")
    with safe_open(path, framework="pt") as file:
        header = file.metadata()
    tensors = load_file(path)
    plain = "transformer.blocks.0.ffn.net.0.proj"
    del tensors[f"{plain}.lora_magnitude_vector"]
    save_file(tensors, path, header)
    network = copy.deepcopy(wan_network)
    apply_lora(network, LoraChoice(path))
    module = source.get_submodule("blocks.0.ffn.net.0.proj")
    product = 2 * module.lora_B["default"].weight @ module.lora_A["default"].weight
    with torch.no_grad():
        layer = network.get_submodule("blocks.0.ffn.net.0.proj")
        x = normal(3, product.shape[1], seed=5)
        torch.testing.assert_close(layer(x), layer.base_layer(x) + x @ product.T, **CLOSE)


def test_magnitudes_need_the_adapter_and_one_per_row(wan_network, tmp_path):
    path = write(trained(wan_network, CONFIGS["dora"]), tmp_path / "x", "diffusers")
    with pytest.raises(
        InvalidInput, match=r"merge upstream needs plain pairs .* magnitudes \(DoRA\) for 6 modules"
    ):
        apply_lora(copy.deepcopy(wan_network), LoraChoice(path, merge="upstream"))
    A, B = normal(4, 48, seed=1), normal(48, 4, seed=2)
    stem = "lora_unet_blocks_0_self_attn_q"
    columns = {
        f"{stem}.lora_down.weight": A,
        f"{stem}.lora_up.weight": B,
        f"{stem}.dora_scale": torch.ones(1, 48),
    }
    save_file(columns, tmp_path / "columns.safetensors")
    with pytest.raises(
        InvalidInput, match=r"must have one magnitude per output \(48\), as peft's DoRA; got \[1, 48\]"
    ):
        apply_lora(copy.deepcopy(wan_network), LoraChoice(tmp_path / "columns.safetensors"))
