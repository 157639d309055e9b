"""Wan 2.2 5B's second patch embedding, which the panoramic LoRA brings along.

The network gets ``patch_embedding(x48) + patch_embedding_extra_concate(y52)``, y being the packed mask and the
latents of the guidance. Core's Wan model asks its patch embedding how many channels it takes, and where
these are more than the latent has, it builds exactly that y out of ``concat_mask`` and
``concat_latent_image`` of the conditioning and appends it. So a module that takes 100 channels, put over the
patch embedding of a clone by the host's own object patch, is all there is: no wrapper, any sampler, and
whatever turns or cuts the network's input does it to x and y alike. The first frame is fused by
core's own noise mask: 0 on latent frame 0 keeps it and gives its tokens timestep 0.
"""

from __future__ import annotations

from typing import Any

import comfy.ops
import torch
from torch import Tensor, nn

from ..matrix3d_core.errors import InvalidInput, WeightsMismatch

__all__ = ["EXTRA_LAYER", "extra_channels", "has_extra_concat", "install_extra_concat"]

EXTRA_LAYER = "patch_embedding_extra_concate"
"""Upstream's name of the layer, spelling included."""

_PATCH_EMBEDDING = "diffusion_model.patch_embedding"
_MASK_CHANNELS = 4


class ExtraPatchEmbedding(nn.Module):
    """A patch embedding with another beside it for further channels; their tokens are added.

    ``base`` is the model's own module, untouched and shared; ``extra`` is cast to wherever its input is.
    """

    def __init__(self, base: Any, weight: Tensor, bias: Tensor) -> None:
        super().__init__()
        width, channels, *kernel = weight.shape
        self.base = base
        self.base_channels = int(base.weight.shape[1])
        # manual_cast: works when the rest of the model is loaded already and when it is loaded in parts.
        self.extra = comfy.ops.manual_cast.Conv3d(
            channels,
            width,
            kernel_size=tuple(kernel),
            stride=tuple(kernel),
            device="cpu",
            dtype=torch.float32,
        )
        self.extra.weight = nn.Parameter(weight.detach().to("cpu", torch.float32, copy=True), False)
        self.extra.bias = nn.Parameter(bias.detach().to("cpu", torch.float32, copy=True), False)

    @property
    def weight(self) -> Tensor:
        """A shape without values: core reads the number of input channels off it."""
        shape = list(self.extra.weight.shape)
        shape[1] += self.base_channels
        return torch.empty(shape, device="meta")

    def forward(self, x: Tensor) -> Tensor:
        """Embed ``[B, 48 + 52, T, h, w]``; without the further channels, as the base does."""
        if x.shape[1] == self.base_channels:
            unchanged: Tensor = self.base(x)
            return unchanged
        tokens: Tensor = self.base(x[:, : self.base_channels])
        more: Tensor = self.extra(x[:, self.base_channels :])
        return tokens + more.to(tokens.dtype)


def install_extra_concat(model: Any, weight: Tensor, bias: Tensor) -> None:
    """Give a clone of a Wan 2.2 5B model the second patch embedding.

    The model that it was cloned from stays as it is; a layer installed on the clone before is replaced.

    Args:
        model: the host's model patcher, already cloned.
        weight: ``[D, 52, 1, 2, 2]`` of ``patch_embedding_extra_concate``.
        bias: ``[D]``.

    Raises:
        InvalidInput: when the model has no patch embedding of Wan's kind.
        WeightsMismatch: when the layer does not fit the model.
    """
    try:
        base = model.get_model_object(_PATCH_EMBEDDING)
    except AttributeError:
        base = None
    if isinstance(base, ExtraPatchEmbedding):
        base = base.base
    shape = list(getattr(getattr(base, "weight", None), "shape", ()))
    if len(shape) != 5:
        kind = type(model.model).__name__
        raise InvalidInput(
            f"{EXTRA_LAYER} belongs to Wan 2.2 5B; got a model of kind {kind}, which has no video patch embedding. "
            "Connect the 5B model."
        )
    expected = [shape[0], shape[1] + _MASK_CHANNELS, *shape[2:]]
    if list(weight.shape) != expected or list(bias.shape) != [shape[0]]:
        raise WeightsMismatch(
            f"{EXTRA_LAYER}.weight must be {expected} and its bias [{shape[0]}] for this model; "
            f"got {list(weight.shape)} and {list(bias.shape)}. The file belongs to another model."
        )
    model.add_object_patch(_PATCH_EMBEDDING, ExtraPatchEmbedding(base, weight, bias))


def extra_channels(model: Any) -> int:
    """Return how many channels beyond the latent's the model's patch embedding takes; -1 when it has none."""
    try:
        embedding = model.get_model_object(_PATCH_EMBEDDING)
        return int(embedding.weight.shape[1]) - int(model.get_model_object("latent_format").latent_channels)
    except (AttributeError, IndexError):
        return -1


def has_extra_concat(model: Any) -> bool:
    """Return whether the layer is installed on a model patcher."""
    return isinstance(model.object_patches.get(_PATCH_EMBEDDING), ExtraPatchEmbedding)
