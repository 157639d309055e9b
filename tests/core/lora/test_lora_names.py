"""Module names: every naming of LoRA files against tables written out by hand, none of them by a rule."""

from __future__ import annotations

import pytest

from matrix3d_core.lora.names import (
    Family,
    Place,
    family_of_model,
    family_of_names,
    name_table,
    naming_of,
    strip_prefix,
)

D = 8
FLUX = {
    "img_in.weight": (D, 64),
    "img_in.bias": (D,),
    "txt_in.weight": (D, 4096),
    "time_in.in_layer.weight": (D, 256),
    "time_in.out_layer.weight": (D, D),
    "vector_in.in_layer.weight": (D, 768),
    "vector_in.out_layer.weight": (D, D),
    "guidance_in.in_layer.weight": (D, 256),
    "guidance_in.out_layer.weight": (D, D),
    "double_blocks.7.img_mod.lin.weight": (48, D),
    "double_blocks.7.txt_mod.lin.weight": (48, D),
    "double_blocks.7.img_attn.qkv.weight": (24, D),
    "double_blocks.7.img_attn.qkv.bias": (24,),
    "double_blocks.7.txt_attn.qkv.weight": (24, D),
    "double_blocks.7.img_attn.proj.weight": (D, D),
    "double_blocks.7.txt_attn.proj.weight": (D, D),
    "double_blocks.7.img_attn.norm.query_norm.weight": (4,),
    "double_blocks.7.img_attn.norm.key_norm.weight": (4,),
    "double_blocks.7.txt_attn.norm.query_norm.weight": (4,),
    "double_blocks.7.txt_attn.norm.key_norm.weight": (4,),
    "double_blocks.7.img_mlp.0.weight": (32, D),
    "double_blocks.7.img_mlp.2.weight": (D, 32),
    "double_blocks.7.txt_mlp.0.weight": (32, D),
    "double_blocks.7.txt_mlp.2.weight": (D, 32),
    "single_blocks.12.linear1.weight": (56, D),
    "single_blocks.12.linear2.weight": (D, 40),
    "single_blocks.12.modulation.lin.weight": (24, D),
    "single_blocks.12.norm.query_norm.weight": (4,),
    "single_blocks.12.norm.key_norm.weight": (4,),
    "final_layer.linear.weight": (64, D),
    "final_layer.adaLN_modulation.1.weight": (16, D),
}
"""Parameters of a FLUX.1 transformer of width 8: one double block (number 7), one single block (12)."""

FLUX_DIFFUSERS = [
    ("x_embedder", "img_in.weight", None),
    ("context_embedder", "txt_in.weight", None),
    ("time_text_embed.timestep_embedder.linear_1", "time_in.in_layer.weight", None),
    ("time_text_embed.timestep_embedder.linear_2", "time_in.out_layer.weight", None),
    ("time_text_embed.text_embedder.linear_1", "vector_in.in_layer.weight", None),
    ("time_text_embed.text_embedder.linear_2", "vector_in.out_layer.weight", None),
    ("time_text_embed.guidance_embedder.linear_1", "guidance_in.in_layer.weight", None),
    ("time_text_embed.guidance_embedder.linear_2", "guidance_in.out_layer.weight", None),
    ("transformer_blocks.7.norm1.linear", "double_blocks.7.img_mod.lin.weight", None),
    ("transformer_blocks.7.norm1_context.linear", "double_blocks.7.txt_mod.lin.weight", None),
    ("transformer_blocks.7.attn.to_q", "double_blocks.7.img_attn.qkv.weight", (0, 8)),
    ("transformer_blocks.7.attn.to_k", "double_blocks.7.img_attn.qkv.weight", (8, 8)),
    ("transformer_blocks.7.attn.to_v", "double_blocks.7.img_attn.qkv.weight", (16, 8)),
    ("transformer_blocks.7.attn.add_q_proj", "double_blocks.7.txt_attn.qkv.weight", (0, 8)),
    ("transformer_blocks.7.attn.add_k_proj", "double_blocks.7.txt_attn.qkv.weight", (8, 8)),
    ("transformer_blocks.7.attn.add_v_proj", "double_blocks.7.txt_attn.qkv.weight", (16, 8)),
    ("transformer_blocks.7.attn.to_out.0", "double_blocks.7.img_attn.proj.weight", None),
    ("transformer_blocks.7.attn.to_add_out", "double_blocks.7.txt_attn.proj.weight", None),
    ("transformer_blocks.7.attn.norm_q", "double_blocks.7.img_attn.norm.query_norm.weight", None),
    ("transformer_blocks.7.attn.norm_added_k", "double_blocks.7.txt_attn.norm.key_norm.weight", None),
    ("transformer_blocks.7.ff.net.0.proj", "double_blocks.7.img_mlp.0.weight", None),
    ("transformer_blocks.7.ff.net.2", "double_blocks.7.img_mlp.2.weight", None),
    ("transformer_blocks.7.ff_context.net.0.proj", "double_blocks.7.txt_mlp.0.weight", None),
    ("transformer_blocks.7.ff_context.net.2", "double_blocks.7.txt_mlp.2.weight", None),
    ("single_transformer_blocks.12.attn.to_q", "single_blocks.12.linear1.weight", (0, 8)),
    ("single_transformer_blocks.12.attn.to_k", "single_blocks.12.linear1.weight", (8, 8)),
    ("single_transformer_blocks.12.attn.to_v", "single_blocks.12.linear1.weight", (16, 8)),
    ("single_transformer_blocks.12.proj_mlp", "single_blocks.12.linear1.weight", (24, 32)),
    ("single_transformer_blocks.12.proj_out", "single_blocks.12.linear2.weight", None),
    ("single_transformer_blocks.12.norm.linear", "single_blocks.12.modulation.lin.weight", None),
    ("proj_out", "final_layer.linear.weight", None),
]

WAN = {
    **{f"blocks.31.{part}.{m}.weight": (D, D) for part in ("self_attn", "cross_attn") for m in "qkvo"},
    "blocks.31.cross_attn.k_img.weight": (D, D),
    "blocks.31.cross_attn.v_img.weight": (D, D),
    "blocks.31.cross_attn.norm_k_img.weight": (D,),
    "blocks.31.norm3.weight": (D,),
    "blocks.31.ffn.0.weight": (16, D),
    "blocks.31.ffn.2.weight": (D, 16),
    "blocks.31.modulation": (1, 6, D),
    "text_embedding.0.weight": (D, 4096),
    "text_embedding.2.weight": (D, D),
    "time_embedding.0.weight": (D, 256),
    "time_embedding.2.weight": (D, D),
    "time_projection.1.weight": (48, D),
    "img_emb.proj.1.weight": (1280, 1280),
    "img_emb.proj.3.weight": (D, 1280),
    "head.head.weight": (64, D),
    "patch_embedding.weight": (D, 36, 1, 2, 2),
}

WAN_DIFFUSERS = [
    ("blocks.31.attn1.to_q", "blocks.31.self_attn.q.weight"),
    ("blocks.31.attn1.to_k", "blocks.31.self_attn.k.weight"),
    ("blocks.31.attn1.to_v", "blocks.31.self_attn.v.weight"),
    ("blocks.31.attn1.to_out.0", "blocks.31.self_attn.o.weight"),
    ("blocks.31.attn2.to_q", "blocks.31.cross_attn.q.weight"),
    ("blocks.31.attn2.to_k", "blocks.31.cross_attn.k.weight"),
    ("blocks.31.attn2.to_v", "blocks.31.cross_attn.v.weight"),
    ("blocks.31.attn2.to_out.0", "blocks.31.cross_attn.o.weight"),
    ("blocks.31.attn2.add_k_proj", "blocks.31.cross_attn.k_img.weight"),
    ("blocks.31.attn2.add_v_proj", "blocks.31.cross_attn.v_img.weight"),
    ("blocks.31.attn2.norm_added_k", "blocks.31.cross_attn.norm_k_img.weight"),
    ("blocks.31.ffn.net.0.proj", "blocks.31.ffn.0.weight"),
    ("blocks.31.ffn.net.2", "blocks.31.ffn.2.weight"),
    ("blocks.31.norm2", "blocks.31.norm3.weight"),
    ("blocks.31.scale_shift_table", "blocks.31.modulation"),
    ("condition_embedder.text_embedder.linear_1", "text_embedding.0.weight"),
    ("condition_embedder.text_embedder.linear_2", "text_embedding.2.weight"),
    ("condition_embedder.time_embedder.linear_1", "time_embedding.0.weight"),
    ("condition_embedder.time_embedder.linear_2", "time_embedding.2.weight"),
    ("condition_embedder.time_proj", "time_projection.1.weight"),
    ("condition_embedder.image_embedder.ff.net.0.proj", "img_emb.proj.1.weight"),
    ("condition_embedder.image_embedder.ff.net.2", "img_emb.proj.3.weight"),
    ("proj_out", "head.head.weight"),
]


@pytest.mark.parametrize(("name", "key", "rows"), FLUX_DIFFUSERS)
def test_diffusers_names_of_flux(name, key, rows):
    table = name_table(FLUX)
    assert table[name] == Place(key, rows)
    assert table[name.replace(".", "_")] == Place(key, rows)


def test_scale_and_shift_of_the_last_norm_change_places():
    assert name_table(FLUX)["norm_out.linear"] == Place("final_layer.adaLN_modulation.1.weight", None, True)
    assert not name_table(FLUX)["final_layer.adaLN_modulation.1"].is_swapped


@pytest.mark.parametrize(("name", "key"), WAN_DIFFUSERS)
def test_diffusers_names_of_wan(name, key):
    assert name_table(WAN)[name] == Place(key)


@pytest.mark.parametrize("shapes", [FLUX, WAN], ids=["flux", "wan"])
def test_native_names_lead_to_themselves(shapes):
    table = name_table(shapes)
    for key in shapes:
        if not key.endswith(".bias"):
            assert table[key.removesuffix(".weight")] == Place(key)


def test_fused_single_block_projection_has_a_name_of_its_own():
    assert name_table(FLUX)["single_blocks.12.linear1_qkv"] == Place(
        "single_blocks.12.linear1.weight", (0, 24)
    )


@pytest.mark.parametrize(
    ("stem", "name", "prefix"),
    [
        ("blocks.0.ffn.0", "blocks.0.ffn.0", ""),
        ("diffusion_model.blocks.0.ffn.0", "blocks.0.ffn.0", "diffusion_model."),
        ("base_model.model.blocks.0.ffn.0", "blocks.0.ffn.0", "base_model.model."),
        ("base_model.model.diffusion_model.img_in", "img_in", "base_model.model.diffusion_model."),
        ("transformer.x_embedder", "x_embedder", "transformer."),
        ("transformer_blocks.0.attn.to_q", "transformer_blocks.0.attn.to_q", ""),
        ("lora_unet_blocks_0_ffn_0", "blocks_0_ffn_0", "lora_unet_"),
        ("lora_unet__blocks_0_ffn_0", "blocks_0_ffn_0", "lora_unet__"),
        ("lora_transformer_transformer_blocks_0_x", "transformer_blocks_0_x", "lora_transformer_"),
        ("lycoris_x_embedder", "x_embedder", "lycoris_"),
    ],
)
def test_prefixes(stem, name, prefix):
    assert strip_prefix(stem) == (name, prefix)


@pytest.mark.parametrize(
    ("stem", "naming"),
    [
        ("blocks.0.self_attn.q", "native"),
        ("diffusion_model.blocks.0.self_attn.q", "native"),
        ("base_model.model.blocks.0.self_attn.q", "peft"),
        ("blocks.0.attn1.to_q", "diffusers"),
        ("transformer.blocks.0.ffn.net.0.proj", "diffusers"),
        ("transformer.transformer_blocks.0.attn.to_q", "diffusers"),
        ("single_transformer_blocks.0.proj_mlp", "diffusers"),
        ("double_blocks.0.img_attn.qkv", "BFL"),
        ("lora_unet_single_blocks_0_linear1", "kohya"),
        ("something.else", "other"),
    ],
)
def test_naming(stem, naming):
    assert naming_of([stem]) == naming


@pytest.mark.parametrize(
    ("stem", "size", "family", "says"),
    [
        ("blocks.0.self_attn.q", (5120, 5120), Family("Wan", 5120), "Wan 14B (width 5120)"),
        ("blocks.0.cross_attn.k_img", (5120, 5120), Family("Wan", 0, "I2V"), "Wan I2V"),
        ("lora_unet_blocks_3_ffn_0", (14336, 3072), Family("Wan", 3072), "Wan 2.2 5B (width 3072)"),
        ("blocks.0.attn1.to_k", (1536, 1536), Family("Wan", 1536), "Wan 1.3B (width 1536)"),
        (
            "transformer.transformer_blocks.0.attn.add_q_proj",
            (3072, 3072),
            Family("FLUX", 3072),
            "FLUX.1 (width 3072)",
        ),
        ("single_transformer_blocks.0.proj_mlp", (12288, 3072), Family("FLUX", 3072), "FLUX.1 (width 3072)"),
        ("lora_unet_double_blocks_0_img_attn_qkv", (9216, 3072), Family("FLUX", 3072), "FLUX.1 (width 3072)"),
        (
            "lora_unet_down_blocks_0_attentions_0_proj_in",
            (320, 320),
            Family("Stable Diffusion"),
            "Stable Diffusion",
        ),
        ("lora_te1_text_model_encoder_layers_0_mlp_fc1", (3072, 768), Family(), "an unknown kind of model"),
        ("what.ever", (3, 4), Family(), "an unknown kind of model"),
    ],
)
def test_families_of_files(stem, size, family, says):
    found = family_of_names({stem: size})
    assert found == family
    assert str(found) == says


@pytest.mark.parametrize(
    ("channels", "says"), [(36, "Wan I2V (width 8)"), (48, "Wan 2.2 TI2V (width 8)"), (16, "Wan (width 8)")]
)
def test_families_of_wan_models(channels, says):
    assert str(family_of_model({**WAN, "patch_embedding.weight": (D, channels, 1, 2, 2)})) == says


def test_families_of_flux_models():
    assert str(family_of_model(FLUX)) == "FLUX (width 8)"
    assert str(family_of_model({**FLUX, "img_in.weight": (D, 384)})) == "FLUX Fill (width 8)"


def test_what_contradicts():
    wan, flux = Family("Wan", 5120), Family("FLUX", 3072)
    assert wan.contradicts(flux)
    assert wan.contradicts(Family("Wan", 3072))
    assert not wan.contradicts(Family("Wan", 5120, "I2V"))
    assert not wan.contradicts(Family())
    assert not Family("Wan").contradicts(wan)
