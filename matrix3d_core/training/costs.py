"""What a training run will take: memory, disk and time, worked out before it starts.

Activations are counted, not guessed: the network is built again with one and with two heads of the same layers, and
what its forward pass keeps for the backward pass is added up on few tokens. Both grow linearly, so that the network's
own size follows.
"""

from __future__ import annotations

import functools
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..errors import InvalidInput
from ..machine import memory_bytes
from .adapters import add_lora, lora_modules
from .loop import LoopConfig

__all__ = [
    "Costs",
    "activation_bytes",
    "estimate_costs",
    "saved_bytes",
    "say_costs",
    "training_flops",
]

_GB = 1e9
_FEW = (16, 32)  # tokens
_ADAM = 16  # float32 weight, gradient and two moments
_SPARE = 1.1  # workspaces, fragments

Probe = Callable[[Any, int], Tensor]
"""Runs a network on so many tokens and returns its answer."""


@dataclass(frozen=True)
class Costs:
    """What a run takes.

    Attributes:
        weights: bytes of the network as it is held.
        trained: number of trained parameters.
        states: bytes of their float32 copies, gradients, moments and running average.
        activations: bytes that a forward pass keeps for the backward pass.
        samples: bytes of encoded samples on the disk.
        checkpoints: bytes of the checkpoints that are kept, and the one being written.
        flops: floating-point operations of all steps, of one process.
    """

    weights: int
    trained: int
    states: int
    activations: int
    samples: int
    checkpoints: int
    flops: float

    @property
    def memory(self) -> int:
        """Bytes of memory in all."""
        return int(_SPARE * (self.weights + self.states + self.activations))

    def lines(self, flops_per_s: float = 0.0) -> list[str]:
        """Return what is taken, as text; time where the device's speed is known."""
        memory = (
            f"memory: {_gb(self.memory)} (weights {_gb(self.weights)}, {self.trained:,} trained parameters with "
            f"gradients and moments {_gb(self.states)}, activations {_gb(self.activations)})"
        )
        disk = f"disk: {_gb(self.samples)} encoded samples, {_gb(self.checkpoints)} checkpoints"
        if not flops_per_s:
            return [memory, disk]
        hours = self.flops / flops_per_s / 3600
        took = f"{hours:.1f} h" if hours >= 1 else f"{60 * hours:.1f} min"
        return [
            memory,
            disk,
            f"time: {took} at this device's {flops_per_s / 1e12:.2f} TFLOP/s, if nothing else waits",
        ]


def _gb(count: float) -> str:
    return f"{count / _GB:.1f} GB" if count >= 0.1 * _GB else f"{count / 1e6:.1f} MB"


def estimate_costs(
    network: Any,
    probe: Probe,
    tokens: int,
    loop: LoopConfig,
    *,
    rank: int,
    targets: Sequence[str],
    checkpointing: bool,
    samples: int,
    processes: int = 1,
) -> Costs:
    """Work out what a run takes.

    Args:
        network: a FLUX or Wan network of diffusers, before adapters; may be on the meta device.
        probe: see `Probe`.
        tokens: of the largest sample.
        loop: steps and batch.
        rank: of the LoRA; 0 when all weights are trained.
        targets: see `adapters.add_lora`.
        checkpointing: blocks are computed again in the backward pass.
        samples: bytes of encoded samples.
        processes: that share a batch.
    """
    if rank:
        sizes = dict(network.named_modules())
        modules = (sizes[name] for name in lora_modules(network, targets))
        trained = sum(rank * (module.in_features + module.out_features) for module in modules)
        weights = sum(p.numel() * p.element_size() for p in network.parameters())
    else:
        trained = sum(p.numel() for p in network.parameters())
        weights = 0  # in the states
    kept = activation_bytes(network, probe, tokens, rank=rank, targets=targets, checkpointing=checkpointing)
    per_parameter = _ADAM + 4 * bool(loop.average)
    share = -(-loop.batch // processes)
    return Costs(
        weights,
        trained,
        per_parameter * trained,
        loop.at_once * kept,
        samples,
        (loop.keep + 1) * (per_parameter - 4) * trained,
        loop.steps * share * training_flops(network, tokens, is_lora=bool(rank), checkpointing=checkpointing),
    )


def saved_bytes(run: Callable[[], Tensor], network: Any) -> int:
    """Return the bytes that a forward pass keeps for the backward pass, the network's own weights left out."""
    seen = {p.untyped_storage().data_ptr() for p in network.parameters()}
    held: list[Tensor] = []  # or another tensor could take the place of one that was counted
    total = 0

    def pack(value: Tensor) -> Tensor:
        nonlocal total
        storage = value.untyped_storage()
        if storage.data_ptr() not in seen:
            seen.add(storage.data_ptr())
            total += storage.nbytes()
            held.append(value)
        return value

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda value: value):
        run()
    held.clear()
    return total


def activation_bytes(
    network: Any, probe: Probe, tokens: int, *, rank: int, targets: Sequence[str], checkpointing: bool
) -> int:
    """Return the bytes that a forward pass of one sample keeps, with what computing a block again needs."""
    heads, layers = network.config.num_attention_heads, _layers(network)
    copies = 0 if rank else 2 * sum(p.numel() for p in network.parameters())  # of float32 weights in bfloat16
    whole = _fit(network, probe, tokens, heads, rank, targets, checkpointing=False)
    if not checkpointing:
        return int(copies + whole)
    return int(
        copies + _fit(network, probe, tokens, heads, rank, targets, checkpointing=True) + whole / layers
    )


def _layers(network: Any) -> int:
    return int(network.config.num_layers + network.config.get("num_single_layers", 0))


def _fit(
    network: Any,
    probe: Probe,
    tokens: int,
    heads: int,
    rank: int,
    targets: Sequence[str],
    *,
    checkpointing: bool,
) -> float:
    """Count with one and two heads on few tokens, and follow ``a + b tokens + c heads + d tokens heads``."""
    counts = {}
    for count in (1, 2):
        twin = _narrow(network, count)
        if rank:
            add_lora(twin, min(rank, 4), targets)
        if checkpointing:
            twin.enable_gradient_checkpointing()
        twin.train()
        for few in _FEW:
            with torch.autocast("cpu", torch.bfloat16):
                counts[count, few] = saved_bytes(functools.partial(probe, twin, few), twin)
    first, last = _FEW
    far = (tokens - first) / (last - first)
    at = {c: counts[c, first] + far * (counts[c, last] - counts[c, first]) for c in (1, 2)}
    return at[1] + (at[2] - at[1]) * (heads - 1)


def _narrow(network: Any, heads: int) -> Any:
    """Return a network of the same layers with fewer heads, its weights random and bfloat16.

    So that no copies of weights in the type of the arithmetic are counted, which grow with the square of the heads.
    """
    settings = {name: value for name, value in network.config.items() if not name.startswith("_")}
    was = settings["num_attention_heads"]
    settings["num_attention_heads"] = heads
    if "ffn_dim" in settings:
        settings["ffn_dim"] = settings["ffn_dim"] * heads // was
    if settings.get("added_kv_proj_dim"):
        settings["added_kv_proj_dim"] = settings["added_kv_proj_dim"] * heads // was
    return type(network).from_config(settings).bfloat16()


def training_flops(network: Any, tokens: int, *, is_lora: bool, checkpointing: bool) -> float:
    """Return the floating-point operations of one sample, forward and backward.

    Twice the weights of the blocks per token, and attention's two products of tokens with tokens. The backward pass
    takes twice the forward pass, or once where the weights are frozen (LoRA); checkpointing adds a forward pass.
    """
    config = network.config
    width = config.num_attention_heads * config.attention_head_dim
    inner = sum(p.numel() for name, p in network.named_parameters() if "blocks." in name)
    products = 2 * inner * tokens
    attention = 4 * _layers(network) * tokens**2 * width
    again = 1 if checkpointing else 0
    total: float = products * (1 + again + (1 if is_lora else 2)) + attention * (1 + again + 2)
    return total


def say_costs(costs: Costs, device: torch.device, out: Path, tell: Callable[[str], None]) -> None:
    """Tell what a run takes, and refuse one that does not fit.

    Raises:
        InvalidInput: when memory or disk do not suffice; says what is missing and what would help.
    """
    for line in costs.lines(_speed(device)):
        tell(line)
    if device.type == "cuda":
        free: int | None = torch.cuda.mem_get_info(device)[0]
        wanted = costs.memory
    else:
        free = memory_bytes()["available"]
        wanted = costs.memory - costs.weights  # they are held already
    if free is not None and wanted > free:
        raise InvalidInput(
            f"{costs.lines()[0]}; {_gb(free)} are free. Take a smaller size, fewer frames, a lower rank, fewer "
            "samples at once, or gradient checkpointing."
        )
    there = next(folder for folder in (out, *out.resolve().parents) if folder.exists())
    on_disk = shutil.disk_usage(there).free
    if costs.samples + costs.checkpoints > on_disk:
        raise InvalidInput(
            f"{costs.lines()[1]}; {_gb(on_disk)} are free. Free some space, write to another disk, or "
            "train on fewer samples."
        )


def _speed(device: torch.device) -> float:
    """Return the floating-point operations per second of a large matrix product in bfloat16."""
    side = 8192 if device.type == "cuda" else 1024
    a = torch.randn(side, side, device=device).bfloat16()
    taken = []
    for _ in range(3):
        begun = time.perf_counter()
        float((a @ a)[0, 0])
        taken.append(time.perf_counter() - begun)
    return 2 * side**3 / min(taken)
