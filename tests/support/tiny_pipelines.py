"""Tiny random diffusers pipelines, in folders as `save_pretrained` leaves them: FLUX, FLUX Fill, Wan I2V.

Everything is made here, tokenizers included; nothing is fetched. The transformers have one block of each
kind, the VAEs compress like the released ones (8x in space, 4x in time), so the paths of the code are
the real ones. Weights follow the seed.
"""

from __future__ import annotations

import json
from pathlib import Path

import torch

LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.,:;!?'-"
TEXT_WIDTH = 32
VISION_WIDTH = 32


def make_clip_tokenizer():
    """Return a CLIP tokenizer that spells words by letters."""
    from transformers import CLIPTokenizer

    tokens = [*LETTERS, *(f"{letter}</w>" for letter in LETTERS), "<|startoftext|>", "<|endoftext|>"]
    vocabulary = {token: index for index, token in enumerate(tokens)}
    return CLIPTokenizer(vocab=vocabulary, merges=[], model_max_length=77)


def make_t5_tokenizer():
    """Return a T5 tokenizer that spells words by letters."""
    from transformers import T5Tokenizer

    pieces = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("▁", -2.0)]
    pieces += [(letter, -3.0) for letter in LETTERS]
    return T5Tokenizer(vocab=pieces, extra_ids=0, model_max_length=512)


def make_flux(*, fill: bool = False, seed: int = 0):
    """Return a `FluxPipeline`, or a `FluxFillPipeline`, with random weights."""
    from diffusers import (
        AutoencoderKL,
        FlowMatchEulerDiscreteScheduler,
        FluxFillPipeline,
        FluxPipeline,
        FluxTransformer2DModel,
    )
    from transformers import CLIPTextConfig, CLIPTextModel, T5Config, T5EncoderModel

    torch.manual_seed(seed)
    clip = CLIPTextModel(
        CLIPTextConfig(
            vocab_size=2 * len(LETTERS) + 2,
            hidden_size=TEXT_WIDTH,
            intermediate_size=TEXT_WIDTH,
            num_hidden_layers=1,
            num_attention_heads=2,
            max_position_embeddings=77,
            bos_token_id=2 * len(LETTERS),
            eos_token_id=2 * len(LETTERS) + 1,
            pad_token_id=2 * len(LETTERS) + 1,
        )
    )
    t5 = T5EncoderModel(_t5_config(T5Config))
    transformer = FluxTransformer2DModel(
        patch_size=1,
        in_channels=384 if fill else 64,
        out_channels=64,
        num_layers=1,
        num_single_layers=1,
        attention_head_dim=16,
        num_attention_heads=2,
        joint_attention_dim=TEXT_WIDTH,
        pooled_projection_dim=TEXT_WIDTH,
        guidance_embeds=True,
        axes_dims_rope=(4, 6, 6),
    )
    vae = AutoencoderKL(
        in_channels=3,
        out_channels=3,
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        block_out_channels=(8, 8, 8, 8),
        layers_per_block=1,
        norm_num_groups=4,
        latent_channels=16,
        scaling_factor=0.3611,
        shift_factor=0.1159,
        use_quant_conv=False,
        use_post_quant_conv=False,
    )
    scheduler = FlowMatchEulerDiscreteScheduler(shift=3.0, use_dynamic_shifting=True)
    kind = FluxFillPipeline if fill else FluxPipeline
    return kind(
        scheduler=scheduler,
        vae=_calm(vae),
        text_encoder=clip,
        tokenizer=make_clip_tokenizer(),
        text_encoder_2=t5,
        tokenizer_2=make_t5_tokenizer(),
        transformer=_lively(transformer),
    )


def make_wan(*, seed: int = 0):
    """Return a `WanImageToVideoPipeline` of the Wan 2.1 kind (36 channels, CLIP vision) with random weights."""
    from diffusers import (
        AutoencoderKLWan,
        FlowMatchEulerDiscreteScheduler,
        WanImageToVideoPipeline,
        WanTransformer3DModel,
    )
    from transformers import (
        CLIPImageProcessor,
        CLIPVisionConfig,
        CLIPVisionModel,
        UMT5Config,
        UMT5EncoderModel,
    )

    torch.manual_seed(seed)
    transformer = WanTransformer3DModel(
        num_attention_heads=2,
        attention_head_dim=24,
        in_channels=36,
        out_channels=16,
        text_dim=TEXT_WIDTH,
        ffn_dim=64,
        num_layers=2,
        image_dim=VISION_WIDTH,
        added_kv_proj_dim=48,
    )
    vision = CLIPVisionModel(
        CLIPVisionConfig(
            hidden_size=VISION_WIDTH,
            intermediate_size=VISION_WIDTH,
            num_hidden_layers=2,
            num_attention_heads=2,
            image_size=224,
            patch_size=112,
        )
    )
    vae = AutoencoderKLWan(base_dim=8, z_dim=16, dim_mult=[1, 1, 1, 1], num_res_blocks=1)
    return WanImageToVideoPipeline(
        tokenizer=make_t5_tokenizer(),
        text_encoder=UMT5EncoderModel(_t5_config(UMT5Config)),
        vae=_calm(vae),
        scheduler=FlowMatchEulerDiscreteScheduler(shift=5.0),
        image_processor=CLIPImageProcessor(),
        image_encoder=vision,
        transformer=_lively(transformer),
    )


def save_pipeline(pipeline, folder: Path) -> Path:
    """Write a pipeline as a folder; return it."""
    pipeline.save_pretrained(folder)
    assert json.loads((folder / "model_index.json").read_text())["_class_name"] == type(pipeline).__name__
    return folder


def _t5_config(kind):
    return kind(
        vocab_size=4 + len(LETTERS),
        d_model=TEXT_WIDTH,
        d_kv=16,
        d_ff=TEXT_WIDTH,
        num_layers=1,
        num_heads=2,
        feed_forward_proj="gated-gelu",
    )


def _lively(transformer):
    """Let every input matter: fresh modules start with small or zero gates."""
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in transformer.parameters():
            if parameter.ndim > 1:
                fan_in = parameter[0].numel()
                parameter.copy_(torch.randn(parameter.shape, generator=generator) / fan_in**0.5)
    return transformer.eval()


def _calm(vae):
    """Leave the default initialization; switch training noise off."""
    return vae.eval()
