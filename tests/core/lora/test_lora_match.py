"""Fitting files to models: counts, first names, refusals and what is handed to the host."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from matrix3d_core.errors import InvalidInput, WeightsMismatch
from matrix3d_core.lora.files import sort_tensors
from matrix3d_core.lora.match import match, named_tensors

D = 8
WAN = {
    **{
        f"blocks.{n}.{p}.{m}.weight": (D, D)
        for n in range(3)
        for p in ("self_attn", "cross_attn")
        for m in "qkvo"
    },
    **{
        f"blocks.{n}.{p}.{m}.bias": (D,)
        for n in range(3)
        for p in ("self_attn", "cross_attn")
        for m in "qkvo"
    },
    **{f"blocks.{n}.ffn.0.weight": (16, D) for n in range(3)},
    **{f"blocks.{n}.ffn.2.weight": (D, 16) for n in range(3)},
    "patch_embedding.weight": (D, 36, 1, 2, 2),
}
SMALL = {**WAN, "patch_embedding.weight": (D, 48, 1, 2, 2)}  # laid out like the 5B
FLUX = {
    "img_in.weight": (D, 64),
    "double_blocks.0.img_attn.qkv.weight": (3 * D, D),
    "double_blocks.0.img_attn.qkv.bias": (3 * D,),
    "single_blocks.0.linear1.weight": (7 * D, D),
    "single_blocks.0.linear2.weight": (D, 5 * D),
    "final_layer.adaLN_modulation.1.weight": (2 * D, D),
}


def pair(stem, out=D, into=D, rank=2, down=".lora_A.weight", up=".lora_B.weight"):
    rng = torch.Generator().manual_seed(len(stem))
    return {
        stem + down: torch.randn(rank, into, generator=rng),
        stem + up: torch.randn(out, rank, generator=rng),
    }


def pairs(*stems, **options):
    return {name: tensor for stem in stems for name, tensor in pair(stem, **options).items()}


def fit(tensors, shapes=WAN, **options):
    return match(sort_tensors(tensors, Path("some/pano.safetensors")), shapes, **options)


def test_a_whole_fit():
    report = fit(
        {**pairs(*(f"blocks.{n}.self_attn.q" for n in range(3))), **pair("blocks.0.ffn.0", 16, rank=4)}
    )
    report.check(strict=True)
    assert (len(report.targets), report.total, report.ranks) == (4, 4, (2, 4))
    assert report.missing == ("blocks.1.ffn.0.weight", "blocks.2.ffn.0.weight")
    assert report.describe().splitlines() == [
        "pano.safetensors: 4 of 4 targets matched.",
        "Made for Wan (width 8), native names, rank 2, 4; the model is Wan I2V (width 8).",
        "Not in the file, though other blocks have it: 2, first blocks.1.ffn.0.weight.",
    ]


def test_a_half_fit_is_refused_or_told():
    report = fit(pairs("blocks.2.self_attn.q", "blocks.3.self_attn.q", "blocks.4.self_attn.q"))
    with pytest.raises(WeightsMismatch) as caught:
        report.check()
    assert str(caught.value) == (
        "pano.safetensors must fit the model as a whole; 1 of 3 targets do. 2 unexpected, first "
        "blocks.3.self_attn.q. 2 missing, first blocks.0.self_attn.q.weight. Choose the LoRA that was made for this "
        "model, or turn strict off to apply what fits."
    )
    report.check(strict=False)
    assert "Left out: 2 unexpected, first blocks.3.self_attn.q." in report.describe()


def test_another_family_is_named():
    report = fit(pairs("transformer.single_transformer_blocks.0.attn.to_q"))
    for strict in (True, False):
        with pytest.raises(WeightsMismatch) as caught:
            report.check(strict=strict)
        assert str(caught.value).startswith(
            "pano.safetensors is a LoRA for FLUX (width 8); the model is Wan I2V (width 8). 1 unexpected, first "
            "transformer.single_transformer_blocks.0.attn.to_q."
        )


def test_another_size_is_named():
    report = fit(pairs("blocks.0.self_attn.q", "blocks.1.self_attn.q", out=5120, into=5120))
    for strict in (True, False):
        with pytest.raises(WeightsMismatch) as caught:
            report.check(strict=strict)
        assert str(caught.value).startswith(
            "pano.safetensors is a LoRA for Wan 14B (width 5120); the model is Wan I2V (width 8). 2 with another size, "
            "first blocks.0.self_attn.q: made for 5120x5120, the model's blocks.0.self_attn.q.weight is 8x8."
        )


def test_one_wrong_size_is_refused_or_told():
    report = fit({**pair("blocks.0.self_attn.q"), **pair("blocks.0.ffn.0", 17)})
    with pytest.raises(
        WeightsMismatch, match=r"first blocks\.0\.ffn\.0: made for 17x8, the model's .* is 16x8"
    ):
        report.check()
    report.check(strict=False)
    assert [t.place.key for t in report.targets] == ["blocks.0.self_attn.q.weight"]


def test_nothing_known():
    report = fit(pairs("what.ever", "no.idea"))
    with pytest.raises(WeightsMismatch, match=r"none of its 2 targets does\. 2 unexpected, first what"):
        report.check(strict=False)


def test_unneeded_tensors_are_listed():
    tensors = {
        **pair("blocks.0.self_attn.q"),
        **pair("lora_te1_text_model_encoder_layers_0_mlp_fc1"),
        "img_emb.proj.0.weight": torch.zeros(3),
        "blocks.0.self_attn.q.base_layer.weight": torch.zeros(D, D),
    }
    report = fit(tensors)
    report.check()
    assert len(report.ignored) == 3
    assert "Not needed and ignored: 3, first lora_te1_text_model" in report.describe()


def test_a_whole_weight_among_the_pairs_is_unexpected():
    with pytest.raises(WeightsMismatch, match=r"1 unexpected, first blocks\.0\.ffn\.0\.weight"):
        fit({**pair("blocks.0.self_attn.q"), "blocks.0.ffn.0.weight": torch.zeros(16, D)}).check()


def test_one_target_named_twice():
    with pytest.raises(WeightsMismatch, match=r"blocks\.0\.self_attn\.q and diffusion_model\..* both mean"):
        fit(pairs("blocks.0.self_attn.q", "diffusion_model.blocks.0.self_attn.q"))


def test_bias_differences_need_a_bias():
    ok = {**pair("blocks.0.self_attn.q"), "blocks.0.self_attn.q.diff_b": torch.zeros(D)}
    fit(ok).check()
    for stem, numbers in (("blocks.0.self_attn.q", 3), ("blocks.0.ffn.0", 16)):
        with pytest.raises(WeightsMismatch, match="another size"):
            fit({**pair("blocks.1.self_attn.q"), f"{stem}.diff_b": torch.zeros(numbers)}).check()


# The 5B ----------------------------------------------------------------------------------------------

CONCAT = {
    "patch_embedding_extra_concate.weight": torch.zeros(D, 52, 1, 2, 2),
    "patch_embedding_extra_concate.bias": torch.zeros(D),
}


def test_the_small_models_embedding():
    report = fit({**pair("blocks.0.self_attn.q"), **CONCAT}, SMALL)
    report.check()
    assert report.brings_extra_concat
    assert not report.lacks
    assert "Brings patch_embedding_extra_concate" in report.describe()


def test_the_small_models_embedding_is_missed():
    report = fit(pair("blocks.0.self_attn.q"), SMALL)
    with pytest.raises(WeightsMismatch) as caught:
        report.check()
    assert str(caught.value).startswith(
        "pano.safetensors lacks patch_embedding_extra_concate.weight [8, 52, 1, 2, 2] and .bias [8], through which the "
        "5B model takes its guidance"
    )
    report.check(strict=False)
    assert "Note: the file lacks patch_embedding_extra_concate.weight" in report.describe()
    fit(pair("blocks.0.self_attn.q"), SMALL, has_extra_concat=True).check()


@pytest.mark.parametrize("end", ["weight", "bias"])
def test_half_of_the_small_models_embedding(end):
    one = {name: tensor for name, tensor in CONCAT.items() if not name.endswith(end)}
    with pytest.raises(WeightsMismatch, match=rf"lacks patch_embedding_extra_concate\.{end} \[8"):
        fit({**pair("blocks.0.self_attn.q"), **one}, SMALL).check()


def test_an_embedding_of_another_size():
    wrong = {**CONCAT, "patch_embedding_extra_concate.weight": torch.zeros(D, 36, 1, 2, 2)}
    with pytest.raises(WeightsMismatch, match=r"must have shape \[8, 52, 1, 2, 2\].*got \[8, 36, 1, 2, 2\]"):
        fit({**pair("blocks.0.self_attn.q"), **wrong}, SMALL)


def test_the_embedding_on_another_model_is_unexpected():
    with pytest.raises(WeightsMismatch, match=r"2 unexpected, first patch_embedding_extra_concate\.weight"):
        fit({**pair("blocks.0.self_attn.q"), **CONCAT}, WAN).check()


# What the host is handed -----------------------------------------------------------------------------


def test_parts_of_fused_weights_get_their_rows():
    names = ["attn.to_q", "attn.to_k", "attn.to_v"]
    tensors = pairs(*(f"transformer.transformer_blocks.0.{name}" for name in names))
    tensors |= pair("transformer.single_transformer_blocks.0.proj_mlp", 4 * D)
    tensors["transformer.transformer_blocks.0.attn.to_k.lora_B.bias"] = torch.arange(8.0)
    report = fit(tensors, FLUX)
    report.check()
    given, places = named_tensors(report.targets)
    qkv = "diffusion_model.double_blocks.0.img_attn.qkv"
    assert places == {
        f"{qkv}@0": (f"{qkv}.weight", (0, 0, 8)),
        f"{qkv}@8": (f"{qkv}.weight", (0, 8, 8)),
        f"{qkv}@8@bias": (f"{qkv}.bias", (0, 8, 8)),
        f"{qkv}@16": (f"{qkv}.weight", (0, 16, 8)),
        "diffusion_model.single_blocks.0.linear1@24": (
            "diffusion_model.single_blocks.0.linear1.weight",
            (0, 24, 32),
        ),
    }
    assert torch.equal(
        given[f"{qkv}@16.lora_up.weight"], tensors["transformer.transformer_blocks.0.attn.to_v.lora_B.weight"]
    )
    assert torch.equal(given[f"{qkv}@8@bias.diff"], torch.arange(8.0))
    assert len(given) == 9


def test_scale_and_shift_are_swapped_on_the_way():
    tensors = pair("transformer.norm_out.linear", 2 * D)
    report = fit({**tensors, **pair("transformer.x_embedder", D, 64)}, FLUX)
    given, places = named_tensors(report.targets)
    name = "diffusion_model.final_layer.adaLN_modulation.1"
    assert places[name] == f"{name}.weight"
    up = tensors["transformer.norm_out.linear.lora_B.weight"]
    assert torch.equal(given[f"{name}.lora_up.weight"], torch.cat((up[8:], up[:8])))
    lokr = {
        "transformer.norm_out.linear.lokr_w1": torch.ones(2, 2),
        "transformer.norm_out.linear.lokr_w2": torch.ones(2, 2),
    }
    with pytest.raises(InvalidInput, match="must be a plain pair to be renamed; got lokr_w1, lokr_w2"):
        named_tensors(fit(lokr, FLUX).targets)


def test_names_that_only_the_host_knows():
    there = ("diffusion_model.blocks.0.ffn.0.weight", (0, 4, 8))
    host = {"odd_name": there, "blocks.0.self_attn.q": "must not be asked"}
    report = fit({**pair("odd_name", 8), **pair("blocks.0.self_attn.q")}, host_names=host)
    report.check()
    _, places = named_tensors(report.targets)
    assert places == {
        "diffusion_model.blocks.0.ffn.0@4": there,
        "diffusion_model.blocks.0.self_attn.q": "diffusion_model.blocks.0.self_attn.q.weight",
    }
