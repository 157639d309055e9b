"""Where a small video VAE of Wan's architecture starts: as a linear code, from which training goes faster."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

__all__ = ["LEAST_WIDTH", "polynomials", "start_linear"]

LEAST_WIDTH = 12
"""Channels at full resolution that the code takes."""

_CHANNELS, _CONSTANT = 16, 8.0
_SCALES = torch.tensor([4.0, 1.5, 1.5, 1.0, 1.0, *(0.2,) * 4, *(0.6,) * 3, *(0.4,) * 4])  # rough deviations
_COLORS = torch.tensor([[1, 1, 1], [1, 0, -1], [0.5, -1, 0.5]]) / torch.tensor([[3.0], [2.0], [1.5]]).sqrt()


@torch.no_grad()
def start_linear(vae: Any) -> None:
    """Set the weights of an `AutoencoderKLWan` so that it begins as a linear code of single frames.

    The encoder fits polynomials to each block of 8 x 8 pixels (luma of degree 3, chroma of degree 1: 16 numbers), and
    the decoder blurs the blocks' means. A latent is of its last frame and is decoded to all of its frames. What a
    normalization takes away is kept by a constant in one channel, and a SiLU is linear in the difference of x and -x.
    """
    encoder, decoder = vae.encoder, vae.decoder
    for name, weight in vae.named_parameters():
        if name.endswith(("conv2.weight", "conv2.bias", "proj.weight", "proj.bias", "time_conv.bias")):
            weight.zero_()
        elif name.endswith("time_conv.weight"):
            weight.zero_()
            size = weight.shape[1]
            weight[..., 2, 0, 0] = torch.eye(size).repeat(len(weight) // size, 1)
        elif weight.ndim == 5 and weight.shape[2] == 3:
            weight[:, :, :2] = 0
    _set_rows(encoder.conv_in, _at_center(_COLORS))
    blocks, downs = encoder.down_blocks, (2, 5, 8)
    for level, place in enumerate(downs, start=1):
        rows = _next_polynomials(level)
        if level == len(downs):
            rows = torch.cat((rows, -rows))
            blocks[place].resample[1].bias[len(rows)] = _CONSTANT
        _set_rows(blocks[place].resample[1], rows)
    for layer in (blocks[3], blocks[6]):
        _set_rows(
            layer.conv_shortcut, _at_center(torch.eye(_CHANNELS)[:, : layer.conv_shortcut.weight.shape[1]])
        )
    scale = torch.eye(_CHANNELS) * _CONSTANT / encoder.conv_out.weight.shape[1] ** 0.5
    _set_rows(encoder.conv_out, _at_center(torch.cat((scale, -scale), 1)))
    for layer in (vae.quant_conv, vae.post_quant_conv):
        layer.weight.zero_()
        layer.bias.zero_()
        layer.weight[:_CHANNELS, :_CHANNELS, 0, 0, 0] = torch.eye(_CHANNELS)

    means = torch.zeros(3, _CHANNELS)
    means[:, :3] = _COLORS.T * _SCALES[:3] / 8
    _set_rows(decoder.conv_in, _at_center(means))
    blur = torch.tensor([0.25, 0.5, 0.25])
    blur = torch.eye(3)[..., None, None] * blur[:, None] * blur
    for number, block in enumerate(decoder.up_blocks):
        for layer in block.resnets:
            if hasattr(layer.conv_shortcut, "weight"):
                _set_rows(layer.conv_shortcut, _at_center(torch.eye(3)))
        if block.upsamplers is not None:
            conv = block.upsamplers[0].resample[1]
            last = number == len(decoder.up_blocks) - 2
            _set_rows(conv, torch.cat((blur, -blur)) if last else blur)
            if last:
                conv.bias[6] = _CONSTANT
    scale = torch.eye(3) * _CONSTANT / decoder.conv_out.weight.shape[1] ** 0.5
    _set_rows(decoder.conv_out, _at_center(torch.cat((scale, -scale), 1)))


def polynomials(level: int) -> Tensor:  # [k, side, side, 3]
    """Return orthonormal functions on blocks of 2^level pixels: luma and both chromas of degree 0, then 1, and on."""
    side = 2**level
    at = (torch.arange(side) - (side - 1) / 2) / max(1, side)
    rows: list[Tensor] = []
    for degree in range(4):
        for color in range(3 if degree < 2 else 1):
            for power in range(degree + 1):
                row = (at[:, None] ** power * at ** (degree - power))[..., None] * _COLORS[color]
                for other in rows:
                    row = row - (row * other).sum() * other
                if row.norm() > 1e-4:
                    rows.append(row / row.norm())
    return torch.stack(rows)


def _next_polynomials(level: int) -> Tensor:  # [k, k', 3, 3]
    """Return the convolution of stride 2 that makes a level's coefficients of those of the level below."""
    wanted, given = polynomials(level), polynomials(level - 1)
    half = 2 ** (level - 1)
    kernel = torch.zeros(len(wanted), len(given), 3, 3)
    for row in range(2):
        for column in range(2):
            part = wanted[:, row * half :, column * half :][:, :half, :half]
            kernel[:, :, row, column] = part.flatten(1) @ given.flatten(1).T
    if level == 3:
        kernel /= _SCALES.view(-1, 1, 1, 1)
    return kernel


def _at_center(matrix: Tensor) -> Tensor:  # [k, k'] -> [k, k', 3, 3]
    kernel = torch.zeros(*matrix.shape, 3, 3)
    kernel[..., 1, 1] = matrix
    return kernel


def _set_rows(layer: Any, rows: Tensor) -> None:
    """Set the first rows of a convolution, without a bias, from the first channels alone."""
    weight = layer.weight if layer.weight.ndim == 4 else layer.weight[:, :, -1]
    if weight.shape[-1] == 1:
        rows = rows[..., 1:2, 1:2]
    weight[: len(rows)] = 0
    weight[: len(rows), : rows.shape[1]] = rows
    layer.bias[: len(rows)] = 0
