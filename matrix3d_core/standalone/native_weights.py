"""Weights of diffusers networks under the names that their makers' files have, as ComfyUI reads them.

FLUX (Black Forest Labs' names), Wan, the Wan 2.1 VAE and FLUX's VAE.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from ..errors import InvalidInput
from ..lora.names import FLUX_DOUBLE, FLUX_SINGLE, FLUX_SWAPPED, FLUX_TOP, WAN_BLOCK, WAN_TOP

__all__ = ["native_weights"]

_PARAMETERS = ("weight", "bias", "gamma")
_RESIDUAL = {"norm1": "residual.0", "conv1": "residual.2", "norm2": "residual.3", "conv2": "residual.6"}
_VAE_TOP = {
    "quant_conv": "conv1",
    "post_quant_conv": "conv2",
    "conv_in": "conv1",
    "norm_out": "head.0",
    "conv_out": "head.2",
}
_VAE_ATTENTION = (
    *(("to_q", "q"), ("to_k", "k"), ("to_v", "v")),
    *(("to_out.0", "proj_out"), ("group_norm", "norm")),
)


def native_weights(network: Any) -> dict[str, Tensor]:
    """Return a network's tensors under its makers' names.

    Args:
        network: a `FluxTransformer2DModel`, `WanTransformer3DModel`, `AutoencoderKLWan` or `AutoencoderKL` of
            diffusers; of the last only the decoder where it has no encoder.

    Raises:
        InvalidInput: for another network.
    """
    kinds: dict[str, Callable[[Any], dict[str, Tensor]]] = {
        "FluxTransformer2DModel": _flux,
        "WanTransformer3DModel": _wan,
        "AutoencoderKLWan": _wan_vae,
        "AutoencoderKL": _flux_vae,
    }
    kind = type(network).__name__
    if kind not in kinds:
        raise InvalidInput(f"network must be one of {', '.join(kinds)}; got {kind}.")
    return {name: tensor.detach() for name, tensor in kinds[kind](network).items()}


def _split(name: str) -> tuple[str, str]:
    """Split a parameter's name into module and what it is; one without a module ends in its own name."""
    module, _, end = name.rpartition(".")
    return (module, f".{end}") if end in _PARAMETERS else (name, "")


def _wan(network: Any) -> dict[str, Tensor]:
    blocks, top = ({there: native for native, there in table} for table in (WAN_BLOCK, WAN_TOP))
    found = {}
    for name, tensor in network.state_dict().items():
        module, end = _split(name)
        block = re.match(r"blocks\.\d+\.", module)
        start, rest, table = (block[0], module[block.end() :], blocks) if block else ("", module, top)
        found[f"{start}{table.get(rest, rest)}{end}"] = tensor
    return found


def _flux(network: Any) -> dict[str, Tensor]:
    state = dict(network.state_dict())
    found: dict[str, Tensor] = {}
    for index in range(network.config.num_layers):
        there, here = f"transformer_blocks.{index}.", f"double_blocks.{index}."
        for end in ("weight", "bias"):
            for stream, pattern in (("img", "to_{}"), ("txt", "add_{}_proj")):
                parts = [state.pop(f"{there}attn.{pattern.format(kind)}.{end}") for kind in "qkv"]
                found[f"{here}{stream}_attn.qkv.{end}"] = torch.cat(parts)
        _rename(state, found, there, here, FLUX_DOUBLE)
    for index in range(network.config.num_single_layers):
        there, here = f"single_transformer_blocks.{index}.", f"single_blocks.{index}."
        for end in ("weight", "bias"):
            names = (*(f"attn.to_{kind}" for kind in "qkv"), "proj_mlp")
            found[f"{here}linear1.{end}"] = torch.cat([state.pop(f"{there}{name}.{end}") for name in names])
        _rename(state, found, there, here, FLUX_SINGLE)
    native, swapped = FLUX_SWAPPED
    for end in ("weight", "bias"):
        found[f"{native}.{end}"] = torch.cat(state.pop(f"{swapped}.{end}").chunk(2)[::-1])
    _rename(state, found, "", "", FLUX_TOP)
    if state:
        raise InvalidInput(f"network must be FLUX as published; {min(state)} has no name there.")
    return found


def _rename(
    state: dict[str, Tensor],
    found: dict[str, Tensor],
    there: str,
    here: str,
    table: tuple[tuple[str, str], ...],
) -> None:
    """Move the tensors that a table names from diffusers' names to native ones."""
    for native, name in table:
        for end in ("weight", "bias"):
            if (tensor := state.pop(f"{there}{name}.{end}", None)) is not None:
                last = "scale" if native.endswith("_norm") else end
                found[f"{here}{native}.{last}"] = tensor


def _wan_vae(network: Any) -> dict[str, Tensor]:
    return {_wan_vae_name(name, network): tensor for name, tensor in network.state_dict().items()}


def _wan_vae_name(name: str, network: Any) -> str:
    module, end = _split(name)
    half, _, rest = module.partition(".")
    if half not in ("encoder", "decoder"):
        return f"{_VAE_TOP[module]}{end}"
    if rest in _VAE_TOP:
        return f"{half}.{_VAE_TOP[rest]}{end}"
    place, part = _wan_vae_place(half, rest, network)
    if part in _RESIDUAL:
        part = _RESIDUAL[part]
    elif part == "conv_shortcut":
        part = "shortcut"
    return f"{half}.{place}.{part}{end}"


def _wan_vae_place(half: str, rest: str, network: Any) -> tuple[str, str]:
    """Return the native place of a block, and what remains of the name."""
    words = rest.split(".")
    if words[0] == "mid_block":
        number = 1 if words[1] == "attentions" else 2 * int(words[2])
        return f"middle.{number}", ".".join(words[3:])
    if words[0] == "down_blocks":
        return f"downsamples.{words[1]}", ".".join(words[2:])
    layers = network.config.num_res_blocks + 1
    first = int(words[1]) * (layers + 1)  # its residual blocks, and what doubles the size
    if words[2] == "resnets":
        return f"upsamples.{first + int(words[3])}", ".".join(words[4:])
    return f"upsamples.{first + layers}", ".".join(words[4:])


def _flux_vae(network: Any) -> dict[str, Tensor]:
    stages = len(network.config.block_out_channels)
    found = {}
    for name, tensor in network.state_dict().items():
        half, _, rest = name.partition(".")
        rest = re.sub(r"^mid_block\.resnets\.(\d)", lambda m: f"mid.block_{int(m[1]) + 1}", rest)
        rest = re.sub(r"^mid_block\.attentions\.0\.", "mid.attn_1.", rest)
        rest = re.sub(r"^down_blocks\.(\d)\.resnets\.", r"down.\1.block.", rest)
        rest = re.sub(r"^down_blocks\.(\d)\.downsamplers\.0", r"down.\1.downsample", rest)
        rest = re.sub(r"^up_blocks\.(\d)\.resnets\.", lambda m: f"up.{stages - 1 - int(m[1])}.block.", rest)
        rest = re.sub(
            r"^up_blocks\.(\d)\.upsamplers\.0", lambda m: f"up.{stages - 1 - int(m[1])}.upsample", rest
        )
        rest = rest.replace("conv_shortcut", "nin_shortcut").replace("conv_norm_out", "norm_out")
        for there, native in (
            ("to_q", "q"),
            ("to_k", "k"),
            ("to_v", "v"),
            ("to_out.0", "proj_out"),
            ("group_norm", "norm"),
        ):
            rest = rest.replace(f"attn_1.{there}.", f"attn_1.{native}.")
        is_projection = "attn_1." in rest and rest.endswith("weight") and tensor.ndim == 2
        found[f"{half}.{rest}"] = tensor[..., None, None] if is_projection else tensor
    return found
