"""Adding a LoRA to a weight: with upstream's own rounding, and with DoRA's magnitudes."""

from __future__ import annotations

import torch
from torch import Tensor

from ..errors import InvalidInput

__all__ = ["merge_dora", "merge_upstream"]


def merge_upstream(
    weight: Tensor,  # [out, in...]
    A: Tensor,  # [r, in...]
    B: Tensor,  # [out, r, ...]
    alpha: float = 1.0,
) -> Tensor:  # [out, in...] bfloat16
    """Return ``bf16(W + bf16(alpha * bf16(B @ A)))``, as upstream merges its video LoRA.

    Everything is rounded to bfloat16 first, the product is rounded to bfloat16 before it is added, and
    nothing is divided by the rank: upstream trained with alpha equal to the rank. Computed on
    the device of ``weight``.

    Args:
        weight: ``[out, in]`` linear or ``[out, in, k...]`` convolution weight, any floating dtype; not
            changed.
        A: ``[r, in]`` (or ``[r, in, k...]``), any floating dtype.
        B: ``[out, r]`` (or ``[out, r, 1...]``), any floating dtype.
        alpha: factor of the product; upstream's is 1.

    Raises:
        InvalidInput: when the shapes do not match.

    Source: Matrix-3D, merge of ``pano_video_gen_480p.ckpt`` into the Wan DiT.
    """
    down, up = A.flatten(1), B.flatten(1)
    if up.shape[0] != weight.shape[0] or up.shape[1] != down.shape[0] or down.shape[1] != weight[0].numel():
        raise InvalidInput(
            f"B @ A must have the weight's shape {list(weight.shape)}; got B {list(B.shape)} and A "
            f"{list(A.shape)}."
        )
    down, up = (x.to(weight.device, torch.bfloat16) for x in (down, up))
    product = torch.mm(up, down).reshape(weight.shape)
    if alpha != 1.0:
        product = alpha * product
    return weight.to(torch.bfloat16) + product


def merge_dora(
    weight: Tensor,  # [out, in...]
    A: Tensor,  # [r, in...]
    B: Tensor,  # [out, r, ...]
    magnitudes: Tensor,  # [out, 1...] or [1, in, 1...]
    scale: float = 1.0,
) -> Tensor:  # [out, in...]
    """Return ``m V / |V|`` with ``V = W + scale * B @ A``: V's directions, with trained lengths.

    Args:
        weight: ``[out, in]`` linear or ``[out, in, k...]`` convolution weight; not changed. Its type and device
            are the result's.
        A: ``[r, in]`` (or ``[r, in, k...]``).
        B: ``[out, r]`` (or ``[out, r, 1...]``).
        magnitudes: one length per row, or, as some trainers of the kohya family choose, per column.
        scale: factor of the product, alpha / rank.

    Raises:
        InvalidInput: when the shapes do not match.

    Source: Liu et al., DoRA, 2024, equation 5, per output as peft and LyCORIS do.
    """
    out, down, up = weight.shape[0], A.flatten(1), B.flatten(1)
    per_row = magnitudes.shape[0] == out and magnitudes.numel() == out
    if down.shape[1] != weight[0].numel() or up.shape != (out, down.shape[0]):
        raise InvalidInput(
            f"B @ A must have the weight's shape {list(weight.shape)}; got B {list(B.shape)} and A "
            f"{list(A.shape)}."
        )
    if not per_row and magnitudes.numel() != weight.shape[1]:
        raise InvalidInput(
            f"magnitudes must be one per row ({out}) or column ({weight.shape[1]}); got {list(magnitudes.shape)}."
        )
    down, up, m = (x.to(weight.device, weight.dtype) for x in (down, up, magnitudes))
    merged = weight + scale * torch.mm(up, down).reshape(weight.shape)
    kept = 0 if per_row else 1
    lengths = merged.transpose(0, kept).flatten(1).norm(dim=1)
    shape = [1] * weight.ndim
    shape[kept] = -1
    tiny = torch.finfo(weight.dtype).eps  # a zero direction stays zero
    result: Tensor = merged * (m.reshape(-1) / lengths.clamp_min(tiny)).reshape(shape)
    return result
