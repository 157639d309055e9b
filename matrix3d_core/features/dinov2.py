"""DINOv2, the vision transformer whose frozen features the depth head and the perceptual distance read.

Parameters have the names of Hugging Face's ``Dinov2Model``, so that the published ``model.safetensors`` loads as it is.

Source: M. Oquab et al., DINOv2: Learning Robust Visual Features without Supervision, 2023; A. Dosovitskiy et al., An
Image is Worth 16x16 Words, 2021 (the transformer); H. Touvron et al., Going Deeper with Image Transformers, 2021 (layer
scale).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..checks import check_floating, check_shape
from ..errors import InvalidInput

__all__ = ["LAYERS", "PATCH_PX", "Dinov2", "Dinov2Config"]

PATCH_PX = 14
"""Side of the square that becomes one token."""

LAYERS = (2, 5, 8, 11)
"""Layers that are read unless others are asked for, of twelve."""

_MEAN, _DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_HEAD_WIDTH = 64
_EPSILON = 1e-6


@dataclass(frozen=True)
class Dinov2Config:
    """Size of a backbone; the default is DINOv2-small.

    Attributes:
        width: numbers per token, a multiple of 64: 384 small, 768 base, 1024 large.
        depth: layers: 12, 12, 24.
        grid: rows and columns of the learned positions.
    """

    width: int = 384
    depth: int = 12
    grid: int = 37


class Dinov2(nn.Module):
    """The backbone.

    Args:
        config: its size.
    """

    def __init__(self, config: Dinov2Config | None = None) -> None:
        super().__init__()
        self.config = config = config or Dinov2Config()
        self.embeddings = _Embeddings(config)
        self.encoder = _Encoder(config)
        self.layernorm = nn.LayerNorm(config.width, _EPSILON)

    def forward(
        self,
        images: Tensor,  # [B, 3, H, W]
        layers: Sequence[int] = LAYERS,
        *,
        dtype: torch.dtype | None = None,
    ) -> list[Tensor]:
        """Return the patch tokens after some layers, each through the final layer norm.

        Args:
            images: ``[B, 3, H, W]`` floating point in 0..1, ``H`` and ``W`` multiples of 14; they are normalized here.
            layers: numbers of layers, the first is 0; increasing.
            dtype: type of the matrix products, such as bfloat16; None keeps that of the weights.

        Returns:
            For each layer ``[B, H / 14, W / 14, width]`` in float32; differentiable.

        Raises:
            InvalidInput: on another shape, sides that are no multiples of 14, or layers that are not there.
        """
        size = check_shape("images", images, "B 3 H W")
        check_floating("images", images)
        if size["H"] % PATCH_PX or size["W"] % PATCH_PX or not size["H"] * size["W"]:
            raise InvalidInput(
                f"images must have sides that are multiples of {PATCH_PX}; got {size['W']}x{size['H']}. Resize them."
            )
        blocks = self.encoder.layer
        if not layers or list(layers) != sorted({*layers}) or not 0 <= layers[0] <= layers[-1] < len(blocks):
            raise InvalidInput(
                f"layers must be increasing numbers of 0..{len(blocks) - 1}; got {list(layers)}."
            )
        shape = (size["B"], size["H"] // PATCH_PX, size["W"] // PATCH_PX, self.config.width)
        mean, deviation = (images.new_tensor(v).reshape(3, 1, 1) for v in (_MEAN, _DEVIATION))
        kept = []
        with torch.autocast(images.device.type, dtype, enabled=dtype is not None):
            x = self.embeddings((images - mean) / deviation)
            for number in range(layers[-1] + 1):
                x = blocks[number](x)
                if number in layers:
                    kept.append(self.layernorm(x)[:, 1:].float().reshape(shape))
        return kept


class _Embeddings(nn.Module):
    """Patches to tokens, with the class token in front and the positions added."""

    def __init__(self, config: Dinov2Config) -> None:
        super().__init__()
        self.cls_token = nn.Parameter(torch.zeros(1, 1, config.width))
        self.mask_token = nn.Parameter(
            torch.zeros(1, config.width)
        )  # of the training; in the file, never used
        self.position_embeddings = nn.Parameter(torch.zeros(1, config.grid**2 + 1, config.width))
        self.patch_embeddings = nn.ModuleDict(
            {"projection": nn.Conv2d(3, config.width, kernel_size=PATCH_PX, stride=PATCH_PX)}
        )
        self.grid = config.grid

    def forward(self, pixels: Tensor) -> Tensor:  # [B, 3, H, W] -> [B, 1 + h w, width]
        patches = self.patch_embeddings["projection"](pixels)
        tokens = torch.cat((self.cls_token.expand(len(pixels), -1, -1), patches.flatten(2).mT), 1)
        return tokens + self._positions(*patches.shape[-2:])

    def _positions(self, rows: int, columns: int) -> Tensor:
        if rows == columns == self.grid:
            return self.position_embeddings
        first, rest = self.position_embeddings[:, :1], self.position_embeddings[:, 1:]
        square = rest.mT.unflatten(2, (self.grid, self.grid))
        resized = F.interpolate(square.float(), (rows, columns), mode="bicubic", align_corners=False)
        return torch.cat((first, resized.flatten(2).mT.to(first.dtype)), 1)


class _Encoder(nn.Module):
    """The layers."""

    def __init__(self, config: Dinov2Config) -> None:
        super().__init__()
        self.layer = nn.ModuleList(_Layer(config.width) for _ in range(config.depth))


class _Layer(nn.Module):
    """Attention and a perceptron, each added with a learned scale."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width, _EPSILON), nn.LayerNorm(width, _EPSILON)
        self.attention = _Attention(width)
        self.mlp = nn.ModuleDict({"fc1": nn.Linear(width, 4 * width), "fc2": nn.Linear(4 * width, width)})
        self.layer_scale1, self.layer_scale2 = _scale(width), _scale(width)

    def forward(self, x: Tensor) -> Tensor:  # [B, N, width]
        x = x + self.attention(self.norm1(x)) * self.layer_scale1["lambda1"]
        hidden = F.gelu(self.mlp["fc1"](self.norm2(x)))
        result: Tensor = x + self.mlp["fc2"](hidden) * self.layer_scale2["lambda1"]
        return result


class _Attention(nn.Module):
    """Every token looks at every other."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.attention = nn.ModuleDict({name: nn.Linear(width, width) for name in ("query", "key", "value")})
        self.output = nn.ModuleDict({"dense": nn.Linear(width, width)})

    def forward(self, x: Tensor) -> Tensor:  # [B, N, width]
        parts = (
            layer(x).unflatten(-1, (-1, _HEAD_WIDTH)).transpose(1, 2) for layer in self.attention.values()
        )
        seen: Tensor = F.scaled_dot_product_attention(*parts)
        result: Tensor = self.output["dense"](seen.transpose(1, 2).flatten(2))
        return result


def _scale(width: int) -> nn.ParameterDict:
    return nn.ParameterDict({"lambda1": nn.Parameter(torch.ones(width))})
