"""Tiny random models in the files and key names of the released ones.

The released weights are many gigabytes. What a test needs of them is their layout: the host tells a model
family from the names and shapes in the file. These files have the real names, the real widths wherever
another model joins on (text 4096, pooled text 768, CLIP vision 1280, latent channels), and are narrow and
shallow elsewhere. Values are random, fixed by the seed and the name of the tensor, and scaled so that
activations keep about the size they have in a trained model: a decoded image is neither flat nor clipped,
and a sampled latent depends on the prompt and on the image. The attention in the middle of the VAEs is
weak, so that a pixel depends mostly on its surroundings, as in the released ones.
"""

from __future__ import annotations

import math
import os
import shutil
import struct
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

HOST_MODULE = Path(__file__).with_name("tiny_models_host.py")
"""What the host runs to load them."""
TEXT_DIM = 4096
"""Width of T5-XXL's and UMT5-XXL's output."""
POOLED_DIM = 768
MINI_TEXT_DIM = 256
"""Width of CLIP-L's pooled output."""
VISION_DIM = 1280
"""Width of CLIP vision H's tokens."""
MODEL_DIM = 256
"""Width of the tiny transformers: two heads of 128, which is what Wan and FLUX have."""
WAN_DIM = MODEL_DIM
FLUX_DIM = MODEL_DIM


@dataclass
class Table:
    """Names, shapes and sizes of a model's tensors, in the order they are added.

    ``std`` by name: the standard deviation of normal values; None means all ones.
    """

    shapes: dict[str, tuple[int, ...]] = field(default_factory=dict)
    std: dict[str, float | None] = field(default_factory=dict)

    def add(self, name: str, shape: tuple[int, ...], std: float | None) -> None:
        """Add one tensor."""
        self.shapes[name] = shape
        self.std[name] = std

    def layer(
        self, name: str, out_width: int, in_width: int, *kernel: int, gain: float = 1.0, bias: bool = True
    ) -> None:
        """Add a linear layer or, with a kernel, a convolution; unit input gives outputs of size ``gain``."""
        self.add(
            f"{name}.weight",
            (out_width, in_width, *kernel),
            gain / math.sqrt(in_width * math.prod(kernel)),
        )
        if bias:
            self.add(f"{name}.bias", (out_width,), 0.02 * gain)

    def norm(self, name: str, width: int, *, bias: bool = True, weight: str = "weight") -> None:
        """Add a normalization at its start values."""
        self.add(f"{name}.{weight}", (width,), None)
        if bias:
            self.add(f"{name}.bias", (width,), 0.0)

    def tensors(self, seed: str, dtype: torch.dtype = torch.float32) -> dict[str, Tensor]:
        """Return the values; each depends only on ``seed`` and its own name."""
        return {
            name: random_tensor(shape, self.std[name], f"{seed}/{name}").to(dtype)
            for name, shape in self.shapes.items()
        }


def random_tensor(shape: tuple[int, ...], std: float | None, seed: str) -> Tensor:
    """Return float32 normal values of size ``std`` (None: ones), fixed by the text ``seed``."""
    if std is None:
        return torch.ones(shape)
    generator = torch.Generator().manual_seed(zlib.crc32(seed.encode()))
    return torch.randn(shape, generator=generator) * std


# Diffusion models ------------------------------------------------------------------------------------


def wan_table(
    *, in_channels: int, out_channels: int, image: bool, dim: int = WAN_DIM, ffn: int = 512, blocks: int = 2
) -> Table:
    """Return the tensors of a Wan 2.1 / 2.2 transformer in its native names."""
    table = Table()
    table.layer("patch_embedding", dim, in_channels, 1, 2, 2)
    table.layer("text_embedding.0", dim, TEXT_DIM)
    table.layer("text_embedding.2", dim, dim)
    table.layer("time_embedding.0", dim, 256)
    table.layer("time_embedding.2", dim, dim)
    table.layer("time_projection.1", 6 * dim, dim)
    for index in range(blocks):
        block = f"blocks.{index}"
        table.add(f"{block}.modulation", (1, 6, dim), 0.1)
        for part in ("self_attn", "cross_attn"):
            for name in "qkvo":
                # All but some twenty of the 512 text tokens are padding, and attention is nearly even.
                gain = 6.0 if (part, name) == ("cross_attn", "v") else 1.0
                table.layer(f"{block}.{part}.{name}", dim, dim, gain=gain)
            table.norm(f"{block}.{part}.norm_q", dim, bias=False)
            table.norm(f"{block}.{part}.norm_k", dim, bias=False)
        if image:
            table.layer(f"{block}.cross_attn.k_img", dim, dim)
            table.layer(f"{block}.cross_attn.v_img", dim, dim)
            table.norm(f"{block}.cross_attn.norm_k_img", dim, bias=False)
        table.norm(f"{block}.norm3", dim)
        table.layer(f"{block}.ffn.0", ffn, dim)
        table.layer(f"{block}.ffn.2", dim, ffn)
    table.add("head.modulation", (1, 2, dim), 0.1)
    table.layer("head.head", 4 * out_channels, dim)
    if image:
        table.norm("img_emb.proj.0", VISION_DIM)
        table.layer("img_emb.proj.1", VISION_DIM, VISION_DIM)
        table.layer("img_emb.proj.3", dim, VISION_DIM)
        table.norm("img_emb.proj.4", dim)
    return table


def flux_table(
    *,
    in_channels: int,
    dim: int = FLUX_DIM,
    double: int = 2,
    single: int = 2,
    text: tuple[int, int] = (TEXT_DIM, POOLED_DIM),
) -> Table:
    """Return the tensors of a FLUX.1 transformer in Black Forest Labs' names.

    Args:
        in_channels: 64 for dev (2x2 patches of 16 latents), 384 for Fill (and 64 of image, 256 of mask).
        dim: Width; a multiple of 128, the width of one head.
        double: Number of blocks with separate text and image streams.
        single: Number of blocks with one stream.
        text: Widths of text states and of the pooled one.
    """
    table = Table()
    table.layer("img_in", dim, in_channels)
    for name, width in (("time_in", 256), ("vector_in", text[1]), ("guidance_in", 256)):
        table.layer(f"{name}.in_layer", dim, width)
        table.layer(f"{name}.out_layer", dim, dim)
    table.layer("txt_in", dim, text[0])
    for index in range(double):
        for stream in ("img", "txt"):
            block = f"double_blocks.{index}.{stream}"
            table.layer(f"{block}_mod.lin", 6 * dim, dim)
            table.layer(f"{block}_attn.qkv", 3 * dim, dim)
            table.norm(f"{block}_attn.norm.query_norm", 128, bias=False, weight="scale")
            table.norm(f"{block}_attn.norm.key_norm", 128, bias=False, weight="scale")
            table.layer(f"{block}_attn.proj", dim, dim)
            table.layer(f"{block}_mlp.0", 4 * dim, dim)
            table.layer(f"{block}_mlp.2", dim, 4 * dim)
    for index in range(single):
        block = f"single_blocks.{index}"
        table.layer(f"{block}.linear1", 7 * dim, dim)
        table.layer(f"{block}.linear2", dim, 5 * dim)
        table.norm(f"{block}.norm.query_norm", 128, bias=False, weight="scale")
        table.norm(f"{block}.norm.key_norm", 128, bias=False, weight="scale")
        table.layer(f"{block}.modulation.lin", 3 * dim, dim)
    table.layer("final_layer.linear", 64, dim)
    table.layer("final_layer.adaLN_modulation.1", 2 * dim, dim)
    return table


# VAEs ------------------------------------------------------------------------------------------------

_LATENT_GAIN = 4.0
"""Trained encoders give latents of size two to three (Wan 2.2: one), which the host scales to one."""
_PIXEL_GAIN = 0.6
"""Pixels are clipped at plus and minus one."""
_FRAME_GAIN = 1.0
"""The same for Wan, where causal padding takes a part of each convolution."""
_ATTENTION_GAIN = 0.1


def wan_vae_table(*, dim: int = 16, latent_channels: int = 16) -> Table:
    """Return the tensors of the Wan 2.1 video VAE (8x in space, 4x in time)."""
    table = Table()
    widths = [dim, dim, 2 * dim, 4 * dim, 4 * dim]
    top = widths[-1]
    table.layer("encoder.conv1", dim, 3, 3, 3, 3)
    index = 0
    for stage in range(4):
        width = widths[stage]
        for _ in range(2):
            _wan_residual(table, f"encoder.downsamples.{index}", width, widths[stage + 1])
            width, index = widths[stage + 1], index + 1
        if stage < 3:
            table.layer(f"encoder.downsamples.{index}.resample.1", width, width, 3, 3)
            if stage > 0:
                table.layer(f"encoder.downsamples.{index}.time_conv", width, width, 3, 1, 1)
            index += 1
    _wan_middle(table, "encoder.middle", top)
    _wan_head(table, "encoder.head", 2 * latent_channels, top, _LATENT_GAIN)
    table.layer("conv1", 2 * latent_channels, 2 * latent_channels, 1, 1, 1)
    table.layer("conv2", latent_channels, latent_channels, 1, 1, 1)
    table.layer("decoder.conv1", top, latent_channels, 3, 3, 3, gain=1 / _LATENT_GAIN)
    _wan_middle(table, "decoder.middle", top)
    index = 0
    for stage, width in enumerate([top, *(w // 2 for w in (top, top, 2 * dim))]):
        out = [top, top, 2 * dim, dim][stage]
        for _ in range(3):
            _wan_residual(table, f"decoder.upsamples.{index}", width, out)
            width, index = out, index + 1
        if stage < 3:
            table.layer(f"decoder.upsamples.{index}.resample.1", out // 2, out, 3, 3)
            if stage < 2:
                table.layer(f"decoder.upsamples.{index}.time_conv", 2 * out, out, 3, 1, 1)
            index += 1
    _wan_head(table, "decoder.head", 3, dim, _FRAME_GAIN)
    return table


def _wan_norm(table: Table, name: str, width: int, ones: int = 3) -> None:
    table.add(f"{name}.gamma", (width, *[1] * ones), None)


def _wan_residual(table: Table, name: str, in_width: int, out_width: int) -> None:
    _wan_norm(table, f"{name}.residual.0", in_width)
    table.layer(f"{name}.residual.2", out_width, in_width, 3, 3, 3)
    _wan_norm(table, f"{name}.residual.3", out_width)
    table.layer(f"{name}.residual.6", out_width, out_width, 3, 3, 3)
    if in_width != out_width:
        table.layer(f"{name}.shortcut", out_width, in_width, 1, 1, 1)


def _wan_middle(table: Table, name: str, width: int) -> None:
    _wan_residual(table, f"{name}.0", width, width)
    _wan_norm(table, f"{name}.1.norm", width, 2)
    table.layer(f"{name}.1.to_qkv", 3 * width, width, 1, 1)
    table.layer(f"{name}.1.proj", width, width, 1, 1, gain=_ATTENTION_GAIN)
    _wan_residual(table, f"{name}.2", width, width)


def _wan_head(table: Table, name: str, out_width: int, width: int, gain: float) -> None:
    _wan_norm(table, f"{name}.0", width)
    table.layer(f"{name}.2", out_width, width, 3, 3, 3, gain=gain)


def wan22_vae_table(*, dim: int = 16, latent_channels: int = 48) -> Table:
    """Return the tensors of the Wan 2.2 video VAE (16x in space, half of it by 2x2 patches; 4x in time)."""
    table = Table()
    widths = [dim, dim, 2 * dim, 4 * dim, 4 * dim]
    top = widths[-1]
    table.layer("encoder.conv1", dim, 12, 3, 3, 3)
    for stage in range(4):
        name, width = f"encoder.downsamples.{stage}.downsamples", widths[stage]
        for block in range(2):
            _wan_residual(table, f"{name}.{block}", width, widths[stage + 1])
            width = widths[stage + 1]
        if stage < 3:
            table.layer(f"{name}.2.resample.1", width, width, 3, 3)
            if stage > 0:
                table.layer(f"{name}.2.time_conv", width, width, 3, 1, 1)
    _wan_middle(table, "encoder.middle", top)
    _wan_head(table, "encoder.head", 2 * latent_channels, top, _LATENT_GAIN / 2)
    table.layer("conv1", 2 * latent_channels, 2 * latent_channels, 1, 1, 1)
    table.layer("conv2", latent_channels, latent_channels, 1, 1, 1)
    table.layer("decoder.conv1", top, latent_channels, 3, 3, 3, gain=2 / _LATENT_GAIN)
    _wan_middle(table, "decoder.middle", top)
    width = top
    for stage, out in enumerate([top, top, 2 * dim, dim]):
        name = f"decoder.upsamples.{stage}.upsamples"
        for block in range(3):
            _wan_residual(table, f"{name}.{block}", width, out)
            width = out
        if stage < 3:
            table.layer(f"{name}.3.resample.1", out, out, 3, 3)
            if stage < 2:
                table.layer(f"{name}.3.time_conv", 2 * out, out, 3, 1, 1)
    _wan_head(table, "decoder.head", 12, dim, _FRAME_GAIN)
    return table


def flux_vae_table(*, encoder_dim: int = 128, decoder_dim: int = 32, latent_channels: int = 16) -> Table:
    """Return the tensors of the FLUX.1 VAE (8x in space) in Black Forest Labs' names.

    ComfyUI reads the decoder's width from the file and takes 128 for the encoder's; 32 is the least that
    the group norms allow.
    """
    table = Table()
    steps = [1, 2, 4, 4]
    top = encoder_dim * steps[-1]
    table.layer("encoder.conv_in", encoder_dim, 3, 3, 3)
    width = encoder_dim
    for stage, step in enumerate(steps):
        for block in range(2):
            _kl_residual(table, f"encoder.down.{stage}.block.{block}", width, encoder_dim * step)
            width = encoder_dim * step
        if stage < 3:
            table.layer(f"encoder.down.{stage}.downsample.conv", width, width, 3, 3)
    _kl_middle(table, "encoder", top)
    table.norm("encoder.norm_out", top)
    table.layer("encoder.conv_out", 2 * latent_channels, top, 3, 3, gain=_LATENT_GAIN)
    top = decoder_dim * steps[-1]
    table.layer("decoder.conv_in", top, latent_channels, 3, 3, gain=1 / _LATENT_GAIN)
    _kl_middle(table, "decoder", top)
    width = top
    for stage, step in reversed(list(enumerate(steps))):
        for block in range(3):
            _kl_residual(table, f"decoder.up.{stage}.block.{block}", width, decoder_dim * step)
            width = decoder_dim * step
        if stage > 0:
            table.layer(f"decoder.up.{stage}.upsample.conv", width, width, 3, 3)
    table.norm("decoder.norm_out", width)
    table.layer("decoder.conv_out", 3, width, 3, 3, gain=_PIXEL_GAIN)
    return table


def _kl_residual(table: Table, name: str, in_width: int, out_width: int) -> None:
    table.norm(f"{name}.norm1", in_width)
    table.layer(f"{name}.conv1", out_width, in_width, 3, 3)
    table.norm(f"{name}.norm2", out_width)
    table.layer(f"{name}.conv2", out_width, out_width, 3, 3)
    if in_width != out_width:
        table.layer(f"{name}.nin_shortcut", out_width, in_width, 1, 1)


def _kl_middle(table: Table, name: str, width: int) -> None:
    _kl_residual(table, f"{name}.mid.block_1", width, width)
    table.norm(f"{name}.mid.attn_1.norm", width)
    for part in "qkv":
        table.layer(f"{name}.mid.attn_1.{part}", width, width, 1, 1)
    table.layer(f"{name}.mid.attn_1.proj_out", width, width, 1, 1, gain=_ATTENTION_GAIN)
    _kl_residual(table, f"{name}.mid.block_2", width, width)


# Encoders --------------------------------------------------------------------------------------------


def t5_table(
    *, vocabulary: int, relative_in_each: bool, ffn: int = 256, heads: int = 2, blocks: int = 2
) -> Table:
    """Return the tensors of a T5 encoder of T5-XXL's width in its published names.

    The host takes a T5 for an XXL when the last of its 24 blocks is 10240 wide; a thin tensor of that name
    is there for that, beside the blocks that are used.

    Args:
        vocabulary: Number of tokens.
        relative_in_each: Whether each block has its own position bias (UMT5), or only the first (T5).
        ffn: Width of the hidden layers.
        heads: Number of attention heads of 64.
        blocks: Number of blocks.
    """
    table = Table()
    inner = 64 * heads
    table.add("shared.weight", (vocabulary, TEXT_DIM), 1.0)
    for index in range(blocks):
        attention, feed = (f"encoder.block.{index}.layer.{part}" for part in (0, 1))
        for name in "qkv":
            # T5 does not divide the products of queries and keys by the root of their width, 64.
            gain = 1 / 8 if name == "q" else 1.0
            table.layer(f"{attention}.SelfAttention.{name}", inner, TEXT_DIM, gain=gain, bias=False)
        table.layer(f"{attention}.SelfAttention.o", TEXT_DIM, inner, bias=False)
        if relative_in_each or index == 0:
            table.add(f"{attention}.SelfAttention.relative_attention_bias.weight", (32, heads), 0.5)
        table.norm(f"{attention}.layer_norm", TEXT_DIM, bias=False)
        for name in ("wi_0", "wi_1"):
            table.layer(f"{feed}.DenseReluDense.{name}", ffn, TEXT_DIM, bias=False)
        table.layer(f"{feed}.DenseReluDense.wo", TEXT_DIM, ffn, bias=False)
        table.norm(f"{feed}.layer_norm", TEXT_DIM, bias=False)
    table.norm("encoder.final_layer_norm", TEXT_DIM, bias=False)
    table.add("encoder.block.23.layer.1.DenseReluDense.wi_1.weight", (10240, 1), 0.0)
    return table


def _clip_blocks(table: Table, name: str, width: int, ffn: int, blocks: int) -> None:
    for index in range(blocks):
        block = f"{name}.encoder.layers.{index}"
        for part in ("q_proj", "k_proj", "v_proj", "out_proj"):
            table.layer(f"{block}.self_attn.{part}", width, width)
        table.norm(f"{block}.layer_norm1", width)
        table.layer(f"{block}.mlp.fc1", ffn, width)
        table.layer(f"{block}.mlp.fc2", width, ffn)
        table.norm(f"{block}.layer_norm2", width)


def clip_l_table(*, vocabulary: int = 1024, ffn: int = 768, blocks: int = 2) -> Table:
    """Return the tensors of CLIP-L's text model in the names of transformers."""
    table = Table()
    table.add("text_model.embeddings.token_embedding.weight", (vocabulary, POOLED_DIM), 1.0)
    table.add("text_model.embeddings.position_embedding.weight", (77, POOLED_DIM), 0.3)
    _clip_blocks(table, "text_model", POOLED_DIM, ffn, blocks)
    table.norm("text_model.final_layer_norm", POOLED_DIM)
    table.layer("text_projection", POOLED_DIM, POOLED_DIM, bias=False)
    return table


def clip_vision_table(*, ffn: int = 1280, blocks: int = 2) -> Table:
    """Return the tensors of CLIP vision H (257 tokens of 1280) in the names of transformers.

    The host tells H by its 31st block, of which one norm is there for that.
    """
    table = Table()
    table.add("vision_model.embeddings.class_embedding", (VISION_DIM,), 1.0)
    table.layer("vision_model.embeddings.patch_embedding", VISION_DIM, 3, 14, 14, bias=False)
    table.add("vision_model.embeddings.position_embedding.weight", (257, VISION_DIM), 0.3)
    table.norm("vision_model.pre_layrnorm", VISION_DIM)
    _clip_blocks(table, "vision_model", VISION_DIM, ffn, blocks)
    table.norm("vision_model.post_layernorm", VISION_DIM)
    table.layer("visual_projection", 1024, VISION_DIM, bias=False)
    table.norm("vision_model.encoder.layers.30.layer_norm1", VISION_DIM, bias=False)
    return table


def moge_table(*, dim: int = 64, blocks: int = 4, widths: tuple[int, ...] = (32, 16, 16)) -> Table:
    """Return the tensors of MoGe 1 (version 2 has the same sockets): DINOv2 in Meta's names, four projections, upsampling, points and mask."""
    table = Table()
    table.add("backbone.cls_token", (1, 1, dim), 1.0)
    table.add("backbone.mask_token", (1, dim), 0.0)
    table.add("backbone.pos_embed", (1, 1 + 37 * 37, dim), 0.3)
    table.layer("backbone.patch_embed.proj", dim, 3, 14, 14)
    for index in range(blocks):
        name = f"backbone.blocks.{index}"
        table.norm(f"{name}.norm1", dim)
        table.layer(f"{name}.attn.qkv", 3 * dim, dim)
        table.layer(f"{name}.attn.proj", dim, dim)
        table.add(f"{name}.ls1.gamma", (dim,), None)
        table.norm(f"{name}.norm2", dim)
        table.layer(f"{name}.mlp.fc1", 4 * dim, dim)
        table.layer(f"{name}.mlp.fc2", dim, 4 * dim)
        table.add(f"{name}.ls2.gamma", (dim,), None)
    table.norm("backbone.norm", dim)
    table.add("image_mean", (1, 3, 1, 1), 0.0)
    table.add("image_std", (1, 3, 1, 1), None)
    for index in range(4):
        table.layer(f"head.projects.{index}", 512, dim, 1, 1, gain=0.5)
    wide = 512
    for index, width in enumerate(widths):
        name = f"head.upsample_blocks.{index}"
        table.layer(f"{name}.0.0", wide + 2, width, 2, 2)  # transposed: inputs first
        table.layer(f"{name}.0.1", width, width, 3, 3)
        table.shapes[f"{name}.0.0.bias"] = (width,)
        for part in (0, 3):
            table.norm(f"{name}.1.layers.{part}", width)
        for part in (2, 5):
            table.layer(f"{name}.1.layers.{part}", width, width, 3, 3)
        wide = width
    for index, width in enumerate((3, 1)):
        table.layer(f"head.output_block.{index}.0", 32, wide + 2, 3, 3)
        table.layer(f"head.output_block.{index}.2", width, 32, 1, 1, gain=0.2)
    return table


def _moge(seed: str) -> dict[str, Tensor]:
    """Random distances of about 1, on rays of a lens of 90 degrees; everything counts as seen."""
    tensors = moge_table().tensors(seed)
    first, last = tensors["head.output_block.0.0.weight"], tensors["head.output_block.0.2.weight"]
    first[:4] = 0
    tensors["head.output_block.0.0.bias"][:4] = 0
    last[:2] = 0
    for axis in (0, 1):  # the last two channels are the place in the picture, +-sqrt(1/2) at the edges
        for sign in (0, 1):
            first[2 * axis + sign, first.shape[1] - 2 + axis, 1, 1] = 1 - 2 * sign
            last[axis, 2 * axis + sign] = (1 - 2 * sign) * math.sqrt(2)
    tensors["head.output_block.1.2.bias"][:] = 5
    return tensors


# Tokenizer -------------------------------------------------------------------------------------------

_NORMAL, _UNKNOWN, _CONTROL, _BYTE = 1, 2, 3, 6
SPIECES: tuple[tuple[str, int], ...] = (
    ("<pad>", _CONTROL),
    ("</s>", _CONTROL),
    ("<unk>", _UNKNOWN),
    *((f"<0x{value:02X}>", _BYTE) for value in range(256)),
    ("\u2581", _NORMAL),
    *((chr(code), _NORMAL) for code in range(33, 127)),
)
"""Pieces of the tiny tokenizer with their kinds: padding, end and unknown where UMT5 has them, all bytes,
the word start, and the visible ASCII characters. Any text becomes its characters."""


def sentencepiece_model() -> bytes:
    """Return a SentencePiece model of the pieces in `SPIECES`.

    Source: sentencepiece_model.proto: ModelProto {pieces = 1, trainer_spec = 2, normalizer_spec = 3},
    SentencePiece {piece = 1, score = 2, type = 3}, TrainerSpec {model_type = 3, vocab_size = 4,
    byte_fallback = 35, unk_id = 40, bos_id = 41, eos_id = 42, pad_id = 43}, NormalizerSpec {name = 1}.
    """
    pieces = b"".join(
        _proto_bytes(1, _proto_bytes(1, text.encode()) + _proto_float(2, -1.0) + _proto_int(3, kind))
        for text, kind in SPIECES
    )
    trainer = b"".join(
        _proto_int(field, value)
        for field, value in ((3, 1), (4, len(SPIECES)), (35, 1), (40, 2), (41, -1), (42, 1), (43, 0))
    )
    return pieces + _proto_bytes(2, trainer) + _proto_bytes(3, _proto_bytes(1, b"identity"))


def _varint(value: int) -> bytes:
    value &= (1 << 64) - 1
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def _proto_int(number: int, value: int) -> bytes:
    return _varint(number << 3) + _varint(value)


def _proto_float(number: int, value: float) -> bytes:
    return _varint(number << 3 | 5) + struct.pack("<f", value)


def _proto_bytes(number: int, value: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(value)) + value


def upscaler_table(*, width: int = 8, scale: int = 2) -> Table:
    """Return the tensors of SRVGGNetCompact, which enlarges by ``scale``, with two inner convolutions."""
    table = Table()
    for layer, (old, new) in enumerate(((3, width), (width, width), (width, width), (width, 3 * scale**2))):
        table.layer(f"body.{2 * layer}", new, old, 3, 3, gain=0.1)
        if layer < 3:
            table.add(f"body.{2 * layer + 1}.weight", (new,), 0.2)
    return table


# Files -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class TinyModel:
    """One file: where it goes under the host's models folder, what is in it, and its released names."""

    file: str
    make: Callable[[str], dict[str, Tensor]]
    released: tuple[str, ...] = ()


def _plain(
    table: Callable[[], Table], dtype: torch.dtype = torch.float32
) -> Callable[[str], dict[str, Tensor]]:
    return lambda seed: table().tensors(seed, dtype)


def _umt5(seed: str) -> dict[str, Tensor]:
    tensors = t5_table(vocabulary=len(SPIECES), relative_in_each=True).tensors(seed, torch.float16)
    return {**tensors, "spiece_model": torch.frombuffer(bytearray(sentencepiece_model()), dtype=torch.uint8)}


MODELS: dict[str, TinyModel] = {
    "wan21_i2v": TinyModel(
        "diffusion_models/tiny_wan21_i2v.safetensors",
        _plain(lambda: wan_table(in_channels=36, out_channels=16, image=True)),
        (
            "wan2.1_i2v_480p_14B_fp16.safetensors",
            "wan2.1_i2v_480p_14B_fp8_e4m3fn.safetensors",
            "wan2.1_i2v_720p_14B_fp16.safetensors",
            "wan2.1_i2v_720p_14B_fp8_e4m3fn.safetensors",
            "matrix3d_mini_video.safetensors",
        ),
    ),
    "wan_vae": TinyModel(
        "vae/tiny_wan_vae.safetensors",
        _plain(wan_vae_table),
        ("wan_2.1_vae.safetensors", "matrix3d_mini_video_vae.safetensors"),
    ),
    "flux_dev": TinyModel(
        "diffusion_models/tiny_flux_dev.safetensors",
        _plain(lambda: flux_table(in_channels=64)),
        ("flux1-dev.safetensors",),
    ),
    "flux_fill": TinyModel(
        "diffusion_models/tiny_flux_fill.safetensors",
        _plain(lambda: flux_table(in_channels=384)),
        ("flux1-fill-dev.safetensors",),
    ),
    "flux_mini": TinyModel(
        "diffusion_models/tiny_flux_mini.safetensors",
        _plain(lambda: flux_table(in_channels=64, text=(MINI_TEXT_DIM, MINI_TEXT_DIM))),
        ("matrix3d_mini_pano.safetensors",),
    ),
    "flux_vae": TinyModel(
        "vae/tiny_flux_vae.safetensors",
        _plain(flux_vae_table, torch.float16),
        ("ae.safetensors",),
    ),
    "t5xxl": TinyModel(
        "text_encoders/tiny_t5xxl.safetensors",
        _plain(lambda: t5_table(vocabulary=2048, relative_in_each=False), torch.float16),
        ("t5xxl_fp16.safetensors", "t5xxl_fp8_e4m3fn.safetensors", "t5xxl_fp8_e4m3fn_scaled.safetensors"),
    ),
    "clip_l": TinyModel(
        "text_encoders/tiny_clip_l.safetensors",
        _plain(clip_l_table, torch.float16),
        ("clip_l.safetensors",),
    ),
    "umt5": TinyModel(
        "text_encoders/tiny_umt5.safetensors",
        _umt5,
        ("umt5_xxl_fp16.safetensors", "umt5_xxl_fp8_e4m3fn_scaled.safetensors"),
    ),
    "clip_vision_h": TinyModel(
        "clip_vision/tiny_clip_vision_h.safetensors",
        _plain(clip_vision_table, torch.float16),
        ("clip_vision_h.safetensors",),
    ),
    "wan22_5b": TinyModel(
        "diffusion_models/tiny_wan22_5b.safetensors",
        _plain(lambda: wan_table(in_channels=48, out_channels=48, image=False)),
        ("wan2.2_ti2v_5B_fp16.safetensors",),
    ),
    "wan22_vae": TinyModel(
        "vae/tiny_wan22_vae.safetensors", _plain(wan22_vae_table), ("wan2.2_vae.safetensors",)
    ),
    "upscaler": TinyModel("upscale_models/tiny_upscaler.safetensors", _plain(upscaler_table)),
    "moge": TinyModel(
        "geometry_estimation/tiny_moge.safetensors", _moge, ("moge_2_vitl_normal_fp16.safetensors",)
    ),
}
ALL = tuple(MODELS)


def write_tiny_models(models_dir: Path, kinds: Iterable[str] = ALL, seed: int = 0) -> dict[str, Path]:
    """Write tiny models into the subfolders of the host's models folder.

    Args:
        models_dir: The host's ``models`` folder; made when missing.
        kinds: Keys of `MODELS`. A file that is there already is kept as it is.
        seed: Fixes all values; other seeds give other models with the same shapes.

    Returns:
        The path of each file by kind.
    """
    paths = {}
    for kind in kinds:
        path = paths[kind] = models_dir / MODELS[kind].file
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            save_file(MODELS[kind].make(f"{seed}/{kind}"), path, metadata={"format": "pt"})
    return paths


def link_released_names(paths: dict[str, Path]) -> None:
    """Give each file its released names too, which the templates ask for; takes no more space."""
    for kind, path in paths.items():
        for name in MODELS[kind].released:
            link = path.with_name(name)
            if link.exists():
                continue
            try:
                os.link(path, link)
            except OSError:  # a file system without links
                shutil.copyfile(path, link)


def fill_models_folder(folder: Path) -> Path:
    """Write all tiny models, LoRAs and the reconstruction model, also under the names of the released ones."""
    from lora_files import write_released_loras
    from tiny_lrm import tiny_state, write_upstream_file

    from matrix3d_core.lrm.weights import convert_weights

    models = write_tiny_models(folder)
    link_released_names(models)
    write_released_loras(folder, models)
    (folder / "matrix3d_lrm").mkdir()
    upstream = folder / "matrix3d_lrm" / "pano_lrm_480p.pt"
    write_upstream_file(upstream, tiny_state())
    convert_weights(upstream, upstream.with_name("matrix3d_mini_lrm.safetensors"), dtype="fp32")
    return folder


def mount(base: Path, models_dir: Path) -> None:
    """Make a server over ``base`` find and load the models in ``models_dir``.

    Writes a custom node folder without nodes; see `tiny_models_host`.
    """
    folder = base / "custom_nodes" / "tiny_models"
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(HOST_MODULE, folder / HOST_MODULE.name)
    (folder / "__init__.py").write_text(
        f"from .{HOST_MODULE.stem} import use_models\n\n"
        f"use_models({str(models_dir)!r})\nNODE_CLASS_MAPPINGS = {{}}\n",
        encoding="utf-8",
    )


def extra_patch_embedding(dim: int = WAN_DIM, seed: int = 0) -> dict[str, Tensor]:
    """Return the layer that the 5B panorama LoRA file adds to the model, float32.

    It embeds 52 channels, the mask's 4 and the guidance's 48, and its result is added to the tokens.
    """
    table = Table()
    table.layer("patch_embedding_extra_concate", dim, 52, 1, 2, 2)
    return table.tensors(f"{seed}/extra")
