"""Named tensors as safetensors files."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from .atomic import BinaryTarget, open_atomically

__all__ = ["write_tensors"]


def write_tensors(
    target: BinaryTarget, tensors: Mapping[str, Tensor], metadata: Mapping[str, str] | None = None
) -> None:
    """Write tensors with their names; the file appears under its name only when it is complete.

    Args:
        target: path or binary file.
        tensors: any shapes and types.
        metadata: texts for the header.
    """
    from safetensors.torch import save

    plain = {name: tensor.detach().to("cpu").contiguous() for name, tensor in tensors.items()}
    with open_atomically(target) as file:
        file.write(save(plain, metadata=dict(metadata or {}) or None))
