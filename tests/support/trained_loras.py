"""LoRA files as the training commands write them, for the tiny models of the host."""

from __future__ import annotations

from pathlib import Path

import torch
from lora_files import RANK, Change
from native_wan import native_name

from matrix3d_core.training.adapters import (
    FLUX_TARGETS,
    WAN_TARGETS,
    add_lora,
    write_diffusers_lora,
    write_upstream_lora,
)


def _adapters(network, targets):
    """Put adapters on a network, give them values, and return A and B by module."""
    add_lora(network, RANK, targets)
    rng = torch.Generator().manual_seed(5)
    weights = {name: p for name, p in network.named_parameters() if p.requires_grad}
    pairs = {}
    for name, parameter in weights.items():
        module, _, part = name.partition(".lora_")
        size = 0.25 if part[0] == "B" else parameter.shape[1] ** -0.5
        parameter.data = size * torch.randn(parameter.shape, generator=rng)
        pairs.setdefault(module, {})[part[0]] = parameter.data
    return weights, pairs


def write_trained_wan(path: Path) -> list[Change]:
    """Write a file in upstream's names for the tiny Wan 2.1 I2V; return its changes."""
    from diffusers import WanTransformer3DModel

    network = WanTransformer3DModel(
        num_attention_heads=2,
        attention_head_dim=128,
        in_channels=36,
        out_channels=16,
        text_dim=64,
        ffn_dim=512,
        num_layers=2,
        image_dim=64,
        added_kv_proj_dim=256,
    )
    weights, pairs = _adapters(network, WAN_TARGETS)
    write_upstream_lora(path, network, weights, {})
    keys = {module: native_name(f"{module}.") + "weight" for module in pairs}
    return [Change(module, keys[module], slice(None), pair["A"], pair["B"]) for module, pair in pairs.items()]


def write_trained_flux(path: Path) -> list[Change]:
    """Write a file in diffusers' names for the tiny FLUX; return its changes."""
    from diffusers import FluxTransformer2DModel

    network = FluxTransformer2DModel(
        in_channels=64,
        num_layers=2,
        num_single_layers=2,
        attention_head_dim=128,
        num_attention_heads=2,
        joint_attention_dim=64,
        pooled_projection_dim=64,
        guidance_embeds=True,
    )
    weights, pairs = _adapters(network, FLUX_TARGETS)
    write_diffusers_lora(path, network, weights, {})
    changes = []
    for module, pair in pairs.items():
        kind, block, _, end = module.split(".", 3)
        fused = {"to_q": 0, "to_k": 1, "to_v": 2}.get(end)
        rows = slice(None) if fused is None else slice(256 * fused, 256 * (fused + 1))
        if kind == "single_transformer_blocks":
            key = f"single_blocks.{block}.linear1.weight"
        else:
            key = f"double_blocks.{block}.img_attn.{'proj' if fused is None else 'qkv'}.weight"
        changes.append(Change(module, key, rows, pair["A"], pair["B"]))
    return changes
