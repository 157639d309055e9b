"""Where alpha and rank may stand, and what each means: alpha / rank, or alpha / sqrt(rank), worked out by hand."""

from __future__ import annotations

import json

import pytest
import torch
from safetensors.torch import save_file

from matrix3d_core.errors import FormatError
from matrix3d_core.lora.files import read_lora
from matrix3d_core.lora.scaling import stated_in

Q, K = "transformer.transformer_blocks.0.attn.to_q", "transformer.transformer_blocks.0.attn.to_k"


def pair(stem, rank=4, names=("lora_A", "lora_B")):
    return {
        f"{stem}.{names[0]}.weight": torch.randn(rank, 8),
        f"{stem}.{names[1]}.weight": torch.randn(6, rank),
    }


def factors(path):
    """Return alpha / rank by module, 1 where nothing is stated, and the lines of the report."""
    file = read_lora(path)
    return {
        stem: 1.0 if m.alpha is None else m.alpha / m.rank for stem, m in file.modules.items()
    }, "\n".join(file.scale)


def diffusers(fields):
    return {
        "lora_adapter_metadata": json.dumps({f"transformer.{name}": value for name, value in fields.items()})
    }


def simpletuner(fields):
    return {
        f"transformer.{name}": json.dumps(value) if isinstance(value, dict) else str(value)
        for name, value in fields.items()
    }


def nested(fields):
    return {"lora_config": json.dumps({"transformer": fields})}


def whole(fields):
    return {"peft_config": json.dumps(fields)}


def bare(fields):
    return {
        "rank" if name == "r" else name: json.dumps(value) if isinstance(value, dict) else str(value)
        for name, value in fields.items()
    }


@pytest.mark.parametrize("layout", [diffusers, simpletuner, nested, whole, bare])
@pytest.mark.parametrize(
    ("fields", "of_q", "of_k"),
    [
        ({"r": 4, "lora_alpha": 16}, 4, 4),
        ({"lora_alpha": 2}, 0.5, 0.5),
        ({"r": 4, "lora_alpha": 16, "use_rslora": True}, 8, 8),
        ({"r": 4, "lora_alpha": 16, "alpha_pattern": {"attn.to_q": 2}}, 0.5, 4),
        ({"r": 4, "lora_alpha": 16, "alpha_pattern": {"^transformer_blocks.0.attn.to_q": 2}}, 0.5, 4),
        ({"r": 4, "lora_alpha": 16, "alpha_pattern": {"^attn.to_q": 2}}, 4, 4),
        ({"r": 4, "lora_alpha": 16, "alpha_pattern": {"transformer_blocks.(0|1).attn.to_k": 1}}, 4, 0.25),
        (
            {"r": 64, "lora_alpha": 16, "rank_pattern": {"to_q": 4, "to_k": 4}, "alpha_pattern": {"to": 9}},
            4,
            4,
        ),
    ],
)
def test_every_layout_of_the_header(tmp_path, layout, fields, of_q, of_k):
    save_file({**pair(Q), **pair(K)}, tmp_path / "x.safetensors", metadata={"format": "pt", **layout(fields)})
    got, said = factors(tmp_path / "x.safetensors")
    assert got == {Q: of_q, K: of_k}
    assert "in the header, alpha / " in said


def test_a_config_beside_the_file(tmp_path):
    save_file(pair(Q), tmp_path / "adapter_model.safetensors")
    config = {"peft_type": "LORA", "r": 4, "lora_alpha": 6, "use_rslora": True, "init_lora_weights": "pissa"}
    (tmp_path / "adapter_config.json").write_text(json.dumps(config))
    got, said = factors(tmp_path / "adapter_model.safetensors")
    assert got == {Q: 3}  # 6 / sqrt(4)
    assert "Scale from adapter_config.json, alpha / sqrt(rank), rslora: 3 for 1 modules." in said
    assert "it fits only the residual weights" in said
    # Alone in the folder under any name; the header goes first; with neighbors only adapter_model is meant.
    (tmp_path / "adapter_model.safetensors").rename(tmp_path / "mine.safetensors")
    assert factors(tmp_path / "mine.safetensors")[0] == {Q: 3}
    save_file(pair(Q), tmp_path / "mine.safetensors", metadata=diffusers({"r": 4, "lora_alpha": 1}))
    assert factors(tmp_path / "mine.safetensors")[0] == {Q: 0.25}
    save_file(pair(Q), tmp_path / "other.safetensors")
    got, said = factors(tmp_path / "other.safetensors")
    assert got == {Q: 1}
    assert "Not used: adapter_config.json next to the file, as there are 2 files; an alpha in it" in said
    (tmp_path / "other.safetensors").rename(tmp_path / "adapter_model.safetensors")
    assert factors(tmp_path / "adapter_model.safetensors")[0] == {Q: 3}


@pytest.mark.parametrize(
    "content", ["", "[1]", '{"r": ', '{"a":' * 100_000, '{"r": 4, "lora_alpha": "many"}']
)
def test_a_broken_config_is_named(tmp_path, content):
    save_file(pair(Q), tmp_path / "adapter_model.safetensors")
    (tmp_path / "adapter_config.json").write_text(content)
    with pytest.raises(FormatError, match=r"adapter_config\.json.*(Get it again|remove it)"):
        read_lora(tmp_path / "adapter_model.safetensors")


def test_text_encoders_have_their_own(tmp_path):
    about = {
        "transformer.r": 4,
        "transformer.lora_alpha": 8,
        "text_encoder.r": 2,
        "text_encoder.lora_alpha": 64,
    }
    tensors = {**pair(Q), **pair("text_encoder.text_model.encoder.layers.0.self_attn.q_proj", 2)}
    save_file(tensors, tmp_path / "x.safetensors", metadata={"lora_adapter_metadata": json.dumps(about)})
    assert factors(tmp_path / "x.safetensors")[0][Q] == 2


def test_the_files_own_alpha_tensors_win(tmp_path):
    tensors = {**pair(Q), f"{Q}.alpha": torch.tensor(2.0)}
    save_file(tensors, tmp_path / "x.safetensors", metadata=diffusers({"r": 4, "lora_alpha": 16}))
    got, said = factors(tmp_path / "x.safetensors")
    assert got == {Q: 0.5}
    assert "Scale from the file's own alpha tensors, alpha / rank: 0.5; lora_adapter_metadata" in said


@pytest.mark.parametrize("names", [("lora_down", "lora_up"), ("lora_A", "lora_B")])
def test_kohyas_header_is_named_and_not_counted_twice(tmp_path, names):
    """Its trainers write an alpha tensor for each module; converters multiply it in and leave the header."""
    header = {"ss_network_alpha": "16", "ss_network_dim": "4", "ss_network_args": '{"conv_alpha": "1"}'}
    stem = "lora_unet_blocks_0_ffn_0" if names[0] == "lora_down" else "diffusion_model.blocks.0.ffn.0"
    save_file(pair(stem, names=names), tmp_path / "x.safetensors", metadata=header)
    got, said = factors(tmp_path / "x.safetensors")
    assert got == {stem: 1}
    assert (
        "Alpha in the header that is not used (ss_network_alpha = 16, ss_network_args: conv_alpha = 1)"
        in said
    )
    save_file(
        {**pair(stem, names=names), f"{stem}.alpha": torch.tensor(16.0)},
        tmp_path / "y.safetensors",
        metadata=header,
    )
    assert factors(tmp_path / "y.safetensors")[0] == {stem: 4}


def test_a_rank_that_is_not_the_tensors_is_said(tmp_path):
    save_file(pair(Q), tmp_path / "x.safetensors", metadata=simpletuner({"r": 16, "lora_alpha": 16}))
    got, said = factors(tmp_path / "x.safetensors")
    assert got == {Q: 1}
    assert (
        f"Not used: the stated alpha of 1 modules, whose rank is another; they have scale 1. {Q} has rank 4"
        in said
    )


def test_torch_files_carry_it_beside_their_tensors(tmp_path):
    torch.save({"lora_alpha": 16, "rank": 4, "state_dict": pair(Q)}, tmp_path / "x.pt")
    assert factors(tmp_path / "x.pt")[0] == {Q: 4}
    torch.save({"lora_config": {"lora_alpha": 2, "r": 4}, "state_dict": pair(Q)}, tmp_path / "y.pt")
    assert factors(tmp_path / "y.pt")[0] == {Q: 0.5}


def test_other_kinds_take_pefts_alpha_too(tmp_path):
    """LoKr and LoHa: alpha / r of the factor that has a rank."""
    parts = {"lokr_w1": torch.randn(2, 2), "lokr_w2_a": torch.randn(3, 4), "lokr_w2_b": torch.randn(4, 4)}
    save_file(
        {f"{Q}.{name}": tensor for name, tensor in parts.items()}, tmp_path / "adapter_model.safetensors"
    )
    config = {"peft_type": "LOKR", "r": 4, "alpha": 8}
    (tmp_path / "adapter_config.json").write_text(json.dumps(config))
    assert read_lora(tmp_path / "adapter_model.safetensors").modules[Q].alpha == 8


def test_the_bias_of_b_counts_as_often_as_its_product(tmp_path):
    bias = torch.randn(6)
    tensors = {**pair(Q), f"{Q}.lora_B.bias": bias, **pair(K), f"{K}.diff_b": bias.clone()}
    save_file(tensors, tmp_path / "x.safetensors", metadata=diffusers({"r": 4, "lora_alpha": 16}))
    modules = read_lora(tmp_path / "x.safetensors").modules
    torch.testing.assert_close(modules[Q].parts["diff_b"], 4 * bias)
    torch.testing.assert_close(modules[K].parts["diff_b"], bias)  # kohya's is a plain difference


def test_dora_without_magnitudes_is_said(tmp_path):
    save_file(
        pair(Q), tmp_path / "x.safetensors", metadata=diffusers({"r": 4, "lora_alpha": 4, "use_dora": True})
    )
    assert "it states use_dora, but holds no magnitudes" in factors(tmp_path / "x.safetensors")[1]
    save_file({**pair(Q), f"{Q}.dora_scale": torch.ones(5, 1)}, tmp_path / "y.safetensors")
    with pytest.raises(
        FormatError, match=r"must have one magnitude per row \(6\) or column \(8\); got \[5, 1\]"
    ):
        read_lora(tmp_path / "y.safetensors")


@pytest.mark.parametrize("value", ["nan", "inf", "-3", "0", "1e400", "9" * 400, [], {}])
def test_alphas_that_are_no_numbers(tmp_path, value):
    with pytest.raises(FormatError, match=r"x: lora_alpha \(.*\) must be a positive number below 1e6; got"):
        stated_in(whole({"lora_alpha": value}), None, tmp_path / "x")


@pytest.mark.parametrize("key", ["(a+)+b", "(.*)*", "a{5000}", "(", "x" * 500])
def test_patterns_that_could_take_for_ever(tmp_path, key):
    with pytest.raises(FormatError, match=r"x: alpha_pattern \(.*\) must name modules; got"):
        stated_in(whole({"lora_alpha": 1, "alpha_pattern": {key: 1}}), None, tmp_path / "x")
