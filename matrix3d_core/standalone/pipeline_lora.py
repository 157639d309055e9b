"""LoRA files on the networks of diffusers pipelines, in any naming, all of it or an error."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..errors import InvalidInput, WeightsMismatch
from ..lora.files import read_lora
from ..lora.match import LoraReport, LoraTarget, match
from ..lora.merge import merge_upstream
from ..lora.names import Place, name_table

__all__ = ["LORA_MERGES", "LoraChoice", "apply_lora", "native_slots"]

LORA_MERGES = ("adapter", "upstream")
"""``adapter``: applied at run time, through peft. ``upstream``: added to the weights once, with upstream's
rounding to bfloat16 and without dividing by the rank; needs no peft and costs nothing per step."""

_ADAPTER = "panorama"
_WAN_BLOCK = (
    *(f"{attention}.{name}" for attention in ("self_attn", "cross_attn") for name in "qkvo"),
    *("cross_attn.k_img", "cross_attn.v_img", "ffn.0", "ffn.2"),
)
_WAN_TOP = (
    *("patch_embedding", "text_embedding.0", "text_embedding.2", "time_embedding.0", "time_embedding.2"),
    *("time_projection.1", "img_emb.proj.1", "img_emb.proj.3", "head.head"),
)
_FLUX_DOUBLE = tuple(
    f"{stream}_{part}" for stream in ("img", "txt") for part in ("mod.lin", "attn.proj", "mlp.0", "mlp.2")
)
_FLUX_TOP = (
    *("img_in", "txt_in", "final_layer.linear", "final_layer.adaLN_modulation.1"),
    *(f"{name}.{part}_layer" for name in ("time_in", "vector_in", "guidance_in") for part in ("in", "out")),
)


@dataclass(frozen=True)
class LoraChoice:
    """A LoRA to put on a network.

    Attributes:
        path: the file, safetensors or torch.
        strength: factor of its product.
        merge: one of `LORA_MERGES`.
        strict: refuse a file that fits only in part.
    """

    path: str | Path
    strength: float = 1.0
    merge: str = "adapter"
    strict: bool = True


@dataclass(frozen=True)
class Pair:
    """The update of one module: ``scale * B @ A``, and with DoRA the lengths ``[out]`` of the sum's rows."""

    A: Tensor
    B: Tensor
    scale: float
    magnitudes: Tensor | None = None


@dataclass(frozen=True)
class Slot:
    """A module of a diffusers network and where its weight lies in the native layout."""

    module: str
    place: Place


def apply_lora(network: Any, choice: LoraChoice) -> LoraReport:
    """Put a LoRA on a diffusers transformer (FLUX or Wan).

    Args:
        network: a `FluxTransformer2DModel` or `WanTransformer3DModel`; changed in place.
        choice: the file and how to apply it.

    Returns:
        What was matched.

    Raises:
        FormatError: when the file cannot be read.
        WeightsMismatch: when it belongs to another model, or, strict, fits only in part.
        InvalidInput: for settings out of range, or kinds of LoRA other than pairs.
    """
    if choice.merge not in LORA_MERGES:
        raise InvalidInput(f"lora_merge must be one of {', '.join(LORA_MERGES)}; got {choice.merge!r}.")
    file = read_lora(Path(choice.path).expanduser())
    slots, shapes = native_slots(network)
    report = match(file, shapes)
    report.check(strict=choice.strict)
    pairs: dict[str, Pair] = {}
    for target in report.targets:
        pairs |= _pairs_of(target, slots[target.place.key], file.path.name)
    if choice.merge == "upstream":
        odd = [module for module, pair in pairs.items() if pair.magnitudes is not None]
        if odd:
            raise InvalidInput(
                f"merge upstream needs plain pairs of A and B; {file.path.name} has magnitudes (DoRA) for "
                f"{len(odd)} modules, first {odd[0]}. Use merge adapter."
            )
        for module, pair in pairs.items():
            weight = network.get_submodule(module).weight
            merged = merge_upstream(weight.data, pair.A, pair.B, choice.strength)
            weight.data = merged.to(weight.dtype)
        return report
    _add_adapter(network, pairs, choice.strength)
    return report


def native_slots(network: Any) -> tuple[dict[str, list[Slot]], dict[str, tuple[int, ...]]]:
    """Return a diffusers network's modules by the native parameter that holds them, and those shapes.

    One native parameter can hold several modules: FLUX's ``qkv`` is three of diffusers'.

    Raises:
        InvalidInput: for a network that is neither FLUX nor Wan.
    """
    weights = {
        name: tuple(module.weight.shape)
        for name, module in network.named_modules()
        if isinstance(getattr(module, "weight", None), Tensor) and module.weight.ndim >= 2
    }
    kind = type(network).__name__
    if kind.startswith("Wan"):
        table = name_table(dict.fromkeys(_wan_keys(network.config.num_layers), (1, 1)))
    elif kind.startswith("Flux"):
        width = network.config.num_attention_heads * network.config.attention_head_dim
        table = name_table(_flux_shapes(network.config.num_layers, network.config.num_single_layers, width))
    else:
        raise InvalidInput(f"a LoRA goes on a FLUX or Wan network; got {kind}.")
    slots: dict[str, list[Slot]] = {}
    shapes: dict[str, tuple[int, ...]] = {}
    for module, shape in weights.items():
        place = table.get(module)
        if place is not None:
            slots.setdefault(place.key, []).append(Slot(module, place))
            rows = shapes.get(place.key, (0,))[0] + shape[0]
            shapes[place.key] = (rows, *shape[1:])
    return slots, shapes


def _wan_keys(blocks: int) -> list[str]:
    names = [f"blocks.{index}.{name}" for index in range(blocks) for name in _WAN_BLOCK]
    return [f"{name}.weight" for name in (*names, *_WAN_TOP)]


def _flux_shapes(double: int, single: int, width: int) -> dict[str, tuple[int, ...]]:
    """Return the native parameters; only the shapes that hold several of diffusers' modules matter here."""
    shapes: dict[str, tuple[int, ...]] = dict.fromkeys((f"{name}.weight" for name in _FLUX_TOP), (1, 1))
    for index in range(double):
        block = f"double_blocks.{index}"
        shapes |= dict.fromkeys((f"{block}.{name}.weight" for name in _FLUX_DOUBLE), (1, 1))
        for stream in ("img", "txt"):
            shapes[f"{block}.{stream}_attn.qkv.weight"] = (3 * width, width)
    for index in range(single):
        block = f"single_blocks.{index}"
        shapes[f"{block}.linear1.weight"] = (7 * width, width)
        shapes[f"{block}.linear2.weight"] = shapes[f"{block}.modulation.lin.weight"] = (1, 1)
    return shapes


def _pairs_of(target: LoraTarget, slots: list[Slot], file_name: str) -> dict[str, Pair]:
    """Return the update of each diffusers module; a fused native weight is split into its parts."""
    module, place = target.module, target.place
    if not (module.is_plain_pair or module.is_dora):
        raise InvalidInput(
            f"{file_name}: {module.stem} must be a pair of A and B; got {', '.join(sorted(module.parts))}. "
            "Use it in ComfyUI, whose LoRA code knows more kinds."
        )
    A, B = module.parts["down"], module.parts["up"]
    scale = 1.0 if module.alpha is None else module.alpha / A.shape[0]
    magnitudes = module.parts.get("dora_scale")
    if magnitudes is not None and (magnitudes.shape[0] != B.shape[0] or magnitudes.numel() != B.shape[0]):
        raise InvalidInput(
            f"{file_name}: {module.stem} must have one magnitude per output ({B.shape[0]}), as peft's DoRA; got "
            f"{list(magnitudes.shape)}. Use it in ComfyUI."
        )
    first, count = place.rows or (0, B.shape[0])
    pairs = {}
    for slot in slots:
        start, rows = slot.place.rows or (0, B.shape[0])
        if start < first or start + rows > first + count:
            continue
        inside = slice(start - first, start - first + rows)
        part, lengths = B[inside], None if magnitudes is None else magnitudes.reshape(-1)[inside]
        if place.is_swapped != slot.place.is_swapped:
            part = torch.cat(part.chunk(2)[::-1])
            lengths = None if lengths is None else torch.cat(lengths.chunk(2)[::-1])
        pairs[slot.module] = Pair(A, part.contiguous(), scale, lengths)
    if not pairs:
        raise WeightsMismatch(f"{file_name}: {module.stem} fits no single module of this network.")
    return pairs


def _add_adapter(network: Any, pairs: dict[str, Pair], strength: float) -> None:
    """Add pairs as peft adapters. Every module gets its own rank and alpha, by its whole name."""
    tensors: dict[str, Tensor] = {}
    ranks: dict[str, int] = {}
    alphas: dict[str, float] = {}
    use_dora = any(pair.magnitudes is not None for pair in pairs.values())
    for module, pair in pairs.items():
        tensors[f"{module}.lora_A.weight"], tensors[f"{module}.lora_B.weight"] = pair.A, pair.B
        exact = f"^{re.escape(module)}"  # peft would also match a plain name as a suffix
        ranks[exact], alphas[exact] = pair.A.shape[0], pair.scale * pair.A.shape[0]
        if use_dora:  # all modules or none; their present lengths leave plain pairs unchanged
            tensors[f"{module}.lora_magnitude_vector"] = (
                _lengths(network.get_submodule(module).weight, pair, strength)
                if pair.magnitudes is None
                else pair.magnitudes
            )
    first = next(iter(ranks))
    config = {
        "r": ranks[first],
        "lora_alpha": alphas[first],
        "rank_pattern": ranks,
        "alpha_pattern": alphas,
        "target_modules": "|".join(re.escape(module) for module in pairs),
        "use_dora": use_dora,
    }
    network.load_lora_adapter(tensors, prefix=None, adapter_name=_ADAPTER, metadata=config)
    wrapped = {name for name, module in network.named_modules() if hasattr(module, "lora_A")}
    if wrapped != set(pairs):
        odd = sorted(wrapped ^ set(pairs))
        raise WeightsMismatch(
            f"peft put the LoRA on {len(wrapped)} modules, not on the {len(pairs)} it was made for; first {odd[0]}. "
            "Use merge upstream."
        )
    network.set_adapters(_ADAPTER, weights=strength)


def _lengths(weight: Tensor, pair: Pair, strength: float) -> Tensor:
    """Return the lengths ``[out]`` of the rows of a weight with a plain pair on it."""
    product = pair.B.flatten(1).float() @ pair.A.flatten(1).float()
    result: Tensor = (
        weight.detach().flatten(1).float() + strength * pair.scale * product.to(weight.device)
    ).norm(dim=1)
    return result
