"""The networks of the small models, as diffusers builds and reads them."""

from __future__ import annotations

import tempfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch

from ..errors import InvalidInput
from .encoders import IMAGE_WIDTH, PANO_TEXT, VIDEO_TEXT
from .files import MINI_FILES, MINI_MODELS

__all__ = [
    "LAYERS",
    "VAE_WIDTH",
    "make_pano_network",
    "make_video_network",
    "make_video_vae",
    "open_mini_vae",
    "open_mini_video",
]

LAYERS = (2, 3, 6)
"""Blocks of the panorama model, double and single, and of the video model."""

VAE_WIDTH = 16
"""Channels of the video VAE at full resolution."""

_FLOW_SIZE = 0.65  # deviation of the flow, over that of a normalized token of which a quarter is not zero
_HEADS, _HEAD = 2, 128  # the host's FLUX fixes the width of a head


def make_pano_network(double: int = LAYERS[0], single: int = LAYERS[1]) -> Any:
    """Return a `FluxTransformer2DModel` with random weights."""
    from diffusers import FluxTransformer2DModel

    return FluxTransformer2DModel(
        in_channels=64,
        num_layers=double,
        num_single_layers=single,
        attention_head_dim=_HEAD,
        num_attention_heads=_HEADS,
        joint_attention_dim=PANO_TEXT[1],
        pooled_projection_dim=PANO_TEXT[1],
        guidance_embeds=True,
    )


def make_video_network(layers: int = LAYERS[2]) -> Any:
    """Return a `WanTransformer3DModel` for image to video that begins by copying its guidance; the rest is random."""
    from diffusers import WanTransformer3DModel

    width = _HEADS * _HEAD
    network = WanTransformer3DModel(
        num_attention_heads=_HEADS,
        attention_head_dim=_HEAD,
        in_channels=36,
        out_channels=16,
        text_dim=VIDEO_TEXT[1],
        ffn_dim=3 * width,
        num_layers=layers,
        image_dim=IMAGE_WIDTH,
        added_kv_proj_dim=width,
    )
    _start_copying(network)
    return network


@torch.no_grad()
def _start_copying(network: Any) -> None:
    """Set weights so that the flow is right wherever the guidance is, which need not be learned then.

    The noisy latents minus the guidance's are the flow times the noise level. The first channels of a token hold that
    difference, the last normalization takes the level away, and the blocks add nothing yet.
    """
    embed, out, latents = network.patch_embedding.weight, network.proj_out, 16
    given = latents + 4  # the guidance's channels come after the noisy ones and the mask
    embed *= 0.1
    embed[: 4 * latents] = 0
    out.weight.zero_()
    out.bias.zero_()
    for place in range(4):  # of a patch, row by row
        for channel in range(latents):
            at = place * latents + channel
            embed[at, channel, 0, place // 2, place % 2] = 1
            embed[at, given + channel, 0, place // 2, place % 2] = -1
            out.weight[at, at] = _FLOW_SIZE
    network.patch_embedding.bias.zero_()
    network.scale_shift_table.zero_()
    silent = [network.condition_embedder.time_embedder.linear_2]
    for block in network.blocks:
        block.scale_shift_table.zero_()
        block.scale_shift_table[:, [2, 5]] = 1  # what attention and feed-forward add counts in full
        silent += [block.attn1.to_out[0], block.attn2.to_out[0], block.ffn.net[2]]
    for layer in silent:
        layer.weight.zero_()
        layer.bias.zero_()


def make_video_vae(width: int = VAE_WIDTH) -> Any:
    """Return an `AutoencoderKLWan` with random weights and Wan 2.1's latent statistics."""
    from diffusers import AutoencoderKLWan

    return AutoencoderKLWan(base_dim=width, z_dim=16, dim_mult=[1, 2, 4, 4], num_res_blocks=2)


def open_mini_video(models: Path = MINI_MODELS, *, dtype: torch.dtype = torch.float32) -> SimpleNamespace:
    """Open the small video model and its VAE, without the LoRA.

    Args:
        models: a folder laid out like the host's.
        dtype: of the weights.

    Returns:
        ``transformer`` and ``vae`` of diffusers; texts and pictures are for `encoders.video_text` and `video_image`.

    Raises:
        InvalidInput: when a file is missing.
    """
    transformer = _read(make_video_network(), models / MINI_FILES["video"], dtype)
    return SimpleNamespace(transformer=transformer, vae=open_mini_vae(models, dtype=dtype))


def open_mini_vae(models: Path = MINI_MODELS, *, dtype: torch.dtype = torch.float32) -> Any:
    """Open the small video VAE, an `AutoencoderKLWan`; see `open_mini_video`."""
    return _read(make_video_vae(), models / MINI_FILES["video_vae"], dtype)


def _read(network: Any, file: Path, dtype: torch.dtype) -> Any:
    """Return a network of the same configuration with a file's weights, which have their makers' names."""
    if not file.is_file():
        raise InvalidInput(f"models must hold {file.name}; there is none in {file.parent}.")
    with tempfile.TemporaryDirectory() as folder:
        network.save_config(folder)
        found = type(network).from_single_file(
            str(file), config=folder, torch_dtype=dtype, local_files_only=True
        )
    return found.train(False).requires_grad_(False)
