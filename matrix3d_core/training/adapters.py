"""LoRA adapters on the networks of diffusers pipelines: added by peft, written in the names that the pack reads."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ..errors import InvalidInput
from ..io.tensors import write_tensors
from ..standalone.native_weights import native_weights
from ..standalone.pipeline_lora import native_slots

__all__ = [
    "FLUX_TARGETS",
    "WAN_TARGETS",
    "add_lora",
    "lora_modules",
    "prepare_network",
    "write_diffusers_lora",
    "write_network",
    "write_upstream_lora",
]

WAN_TARGETS = ("q", "k", "v", "o", "ffn.0", "ffn.2")
"""Upstream's, in Wan's native names; the keys and values of the image branch are not among them."""

FLUX_TARGETS = ("to_q", "to_k", "to_v", "to_out.0")
"""The attention of both kinds of blocks, in diffusers' names."""

_NAME = re.compile(r"(?P<module>.+)\.lora_(?P<part>[AB])\.\w+\.weight")


def lora_modules(network: Any, targets: Sequence[str]) -> list[str]:
    """Return the linear modules of a network whose names, native or diffusers', end with one of the targets.

    Raises:
        InvalidInput: when a target names no module.
    """
    native = {
        slot.module: key.removesuffix(".weight")
        for key, slots in native_slots(network)[0].items()
        for slot in slots
    }
    linear = [name for name, module in network.named_modules() if isinstance(module, nn.Linear)]
    modules: set[str] = set()
    for target in targets:
        ends = f".{target}"
        found = {name for name in linear if f".{name}".endswith(ends) or native.get(name, "").endswith(ends)}
        if not found:
            raise InvalidInput(f"targets must name modules of the network; {target!r} names none.")
        modules |= found
    return sorted(modules)


def add_lora(
    network: Any, rank: int, targets: Sequence[str], *, alpha: float | None = None, seed: int = 0
) -> None:
    """Freeze a network and put trainable float32 adapters on it; they change nothing yet.

    Args:
        network: a FLUX or Wan network of diffusers; changed in place.
        rank: of every adapter.
        targets: see `lora_modules`.
        alpha: adapters are scaled by ``alpha / rank``; the rank when None.
        seed: of their first values.

    Raises:
        InvalidInput: for a rank below 1, or when a target names no module.
    """
    from peft import LoraConfig

    if rank < 1:
        raise InvalidInput(f"rank must be at least 1; got {rank}.")
    scale: Any = alpha or rank
    pattern = "|".join(re.escape(name) for name in lora_modules(network, targets))
    network.requires_grad_(False)
    torch.manual_seed(seed)
    network.add_adapter(LoraConfig(r=rank, lora_alpha=scale, target_modules=pattern))
    for parameter in network.parameters():
        if parameter.requires_grad:
            parameter.data = parameter.data.float()


def prepare_network(
    network: Any,
    rank: int,
    targets: Sequence[str],
    alpha: float | None,
    seed: int,
    device: torch.device | str,
) -> None:
    """Put a network on its device with a LoRA, or, for rank 0, all of it float32 and trainable."""
    if rank:
        add_lora(network, rank, targets, alpha=alpha, seed=seed)
    else:
        network.float().requires_grad_(True)
    network.to(device).train()


def _scaled(network: Any, weights: Mapping[str, Tensor]) -> dict[str, dict[str, Tensor]]:
    """Return A and B by diffusers module; B holds the scale, so that the update is ``B @ A``."""
    pairs: dict[str, dict[str, Tensor]] = {}
    for name, value in weights.items():
        found = _NAME.fullmatch(name)
        if found is None:
            raise InvalidInput(f"weights must be of adapters; got {name}.")
        module = network.get_submodule(found["module"])
        scale = next(iter(module.scaling.values())) if found["part"] == "B" else 1.0
        pairs.setdefault(found["module"], {})[found["part"]] = value.float() * scale
    return pairs


def write_diffusers_lora(
    path: Path, network: Any, weights: Mapping[str, Tensor], notes: Mapping[str, str]
) -> Path:
    """Write adapters in diffusers' names (``transformer.blocks.0.attn1.to_q.lora_A.weight``); return the file."""
    pairs = _scaled(network, weights)
    named = {
        f"transformer.{m}.lora_{part}.weight": v for m, pair in pairs.items() for part, v in pair.items()
    }
    write_tensors(path, named, notes)
    return path


def write_upstream_lora(
    path: Path, network: Any, weights: Mapping[str, Tensor], notes: Mapping[str, str]
) -> Path:
    """Write adapters of Wan in upstream's names (``blocks.0.self_attn.q.lora_A.default.weight``); return the file."""
    native = {slot.module: key for key, slots in native_slots(network)[0].items() for slot in slots}
    named = {
        f"{native[module].removesuffix('.weight')}.lora_{part}.default.weight": value
        for module, pair in _scaled(network, weights).items()
        for part, value in pair.items()
    }
    write_tensors(path, named, notes)
    return path


def write_network(out: Path, name: str, network: Any, weights: Mapping[str, Tensor]) -> list[Path]:
    """Write a whole trained network in half precision under its makers' names, and as a folder of diffusers.

    Args:
        out: folder of the run.
        name: of the file with the makers' names, without its ending.
        network: gets the weights.
        weights: trained ones.

    Returns:
        The file and the folder.
    """
    network.load_state_dict(dict(weights), strict=False)
    native = {key: tensor.half() for key, tensor in native_weights(network).items()}
    write_tensors(out / f"{name}.safetensors", native)
    network.save_pretrained(out / "transformer")
    return [out / f"{name}.safetensors", out / "transformer"]
