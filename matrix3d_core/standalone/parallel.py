"""Several GPUs on one sampling run: torchrun starts the processes, diffusers splits the work."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch

from ..errors import BackendUnavailable, InvalidInput
from ..variables import variable

__all__ = ["ProcessGroup", "distributed", "enable_context_parallel"]


@dataclass(frozen=True)
class ProcessGroup:
    """The processes that work on one run.

    Attributes:
        rank: number of this one, from 0.
        size: how many there are; 1 without torchrun.
    """

    rank: int = 0
    size: int = 1

    @property
    def is_first(self) -> bool:
        """Whether this process writes the files and shows the progress."""
        return self.rank == 0


@contextlib.contextmanager
def distributed(device: torch.device) -> Iterator[ProcessGroup]:
    """Join the processes that torchrun started, and leave them at the end; alone without it.

    Args:
        device: CUDA talks through NCCL, anything else through Gloo.

    Raises:
        BackendUnavailable: when this torch has no distributed package.
    """
    size = int(variable("WORLD_SIZE", "1"))
    if size < 2 or not variable("RANK"):
        yield ProcessGroup()
        return
    if not torch.distributed.is_available():
        raise BackendUnavailable(f"torchrun started {size} processes; this torch cannot join them.")
    is_ours = not torch.distributed.is_initialized()
    if is_ours:
        if device.type == "cuda":
            torch.cuda.set_device(device)
        torch.distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")
    try:
        yield ProcessGroup(torch.distributed.get_rank(), torch.distributed.get_world_size())
    finally:
        if is_ours:
            torch.distributed.destroy_process_group()


def enable_context_parallel(network: Any, process_group: ProcessGroup, *, tokens: int) -> None:
    """Let diffusers split a network's tokens over the process group (Ulysses). Does nothing for a group of one.

    Every process holds all weights and a part of the tokens; attention swaps tokens for heads. Numbers of
    tokens or heads that the group's size does not divide are padded by diffusers.

    Args:
        network: a diffusers transformer, on its device, adapters put on.
        process_group: from `distributed`.
        tokens: of the run.

    Raises:
        BackendUnavailable: when there are no GPUs to work on.
        InvalidInput: for a network that diffusers cannot split.
    """
    if process_group.size == 1:
        return
    if not torch.accelerator.is_available():
        raise BackendUnavailable(
            f"torchrun started {process_group.size} processes; diffusers splits a network over GPUs only and torch "
            "sees none. Start it once, without torchrun."
        )
    from diffusers import ContextParallelConfig

    heads, name = int(network.config.num_attention_heads), type(network).__name__
    is_even = tokens % process_group.size == 0 and heads % process_group.size == 0
    config = ContextParallelConfig(ulysses_degree=process_group.size, ulysses_anything=not is_even)
    try:
        network.enable_parallelism(config=config)
    except (ValueError, NotImplementedError, RuntimeError) as error:
        reason = str(error).splitlines()[0][:300]
        raise InvalidInput(f"{name} cannot be split over {process_group.size} processes: {reason}") from error
