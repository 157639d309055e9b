"""A reconstruction model that begins with the colors that its latents tell linearly, which need not be learned then.

Latents of a small VAE hold the colors of blocks of pixels nearly linearly. Tokens carry them in channels of their own
past layers that add nothing yet, beside constants that keep the normalizations from changing them; the attribute head's
finest scale turns them to colors. Everything else is random as before, and all of it is trained.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from ..errors import InvalidInput
from ..lrm.network import LatentLRM
from ..scene.gaussians import SH_C0
from .clips import Clip

__all__ = ["fit_colors", "start_with_colors"]

# Size of the channels' values; the constants rule the normalizations.
_LATENT, _CONSTANT, _FREE = 0.1, 2.0, 0.4
_CONSTANTS = 32
_SIDE = 4  # cells of a token that the finest scale makes, each way
_COLOR, _SIZE, _OPACITY = slice(10, 13), slice(3, 6), 13  # of the attributes
_LARGE, _DENSE = 2.5, 1.5  # before their sigmoids: nearly the largest size, half a pixel, and 0.8
_FRAMES = range(-2, 2)  # around a latent frame's own, that it gives its colors to
_MOST_TOKENS = 200_000
_RIDGE = 1e-3


def fit_colors(clips: Sequence[Clip], rank: int) -> tuple[Tensor, Tensor, Tensor]:
    """Fit the colors of a token's 4x4 cells to its latents.

    Args:
        clips: with latents; the smallest stride's are used.
        rank: of the fit, at most 48.

    Returns:
        ``[rank, 64]`` and ``[48, rank]``, whose product maps the latents of a token (channel, row, column) to its
        colors (color, row, column), and ``[48]``, what is added.
    """
    given, wanted = [], []
    for clip in clips:
        stride = min(clip.latents)
        latents = clip.latents[stride].float()  # [C, t, h, w]
        frames = clip.frames[:: max(1, stride)].float().movedim(-1, 1) / 255
        count, rows, columns = latents.shape[1], latents.shape[2] // 2, latents.shape[3] // 2
        cells = (_SIDE * rows, _SIDE * columns)
        fine = F.interpolate(frames, (2 * cells[0], 2 * cells[1]), mode="area")
        smooth = F.avg_pool2d(F.pad(fine, (1, 1, 1, 1), mode="replicate"), 2, stride=1)[..., :-1, :-1]
        # The head enlarges its cells with aligned corners, so they are taken from there.
        colors = F.interpolate(smooth, cells, mode="bilinear", align_corners=True)
        for index in range(count):
            near = [4 * index + k for k in _FRAMES if 0 <= 4 * index + k < len(frames)]
            picture = colors[near].mean(0)
            given.append(_patches(latents[:, index], 2))
            wanted.append(_patches(picture, _SIDE))
    x, y = torch.cat(given), torch.cat(wanted)
    keep = torch.randperm(len(x), generator=torch.Generator().manual_seed(0))[:_MOST_TOKENS]
    x, y = x[keep].double(), y[keep].double()
    x_mean, y_mean = x.mean(0), y.mean(0)
    x, y = x - x_mean, y - y_mean
    square = x.T @ x + _RIDGE * len(x) * torch.eye(x.shape[1], dtype=torch.float64)
    weight = torch.linalg.solve(square, x.T @ y).T  # [48, 64]
    _, _, axes = torch.linalg.svd(x @ weight.T, full_matrices=False)
    basis = axes[:rank].T  # [48, rank]
    inner = basis.T @ weight
    return inner.float(), basis.float(), (y_mean - basis @ (inner @ x_mean)).float()


def _patches(picture: Tensor, side: int) -> Tensor:  # [C, H, W] -> [N, C side side]
    return F.unfold(picture[None], side, stride=side)[0].T


@torch.no_grad()
def start_with_colors(model: LatentLRM, clips: Sequence[Clip]) -> None:
    """Set a random model's weights so that its Gaussians have the colors of `fit_colors`.

    Args:
        model: changed in place; with 16 latent channels at least 128 channels wide.
        clips: to fit on.

    Raises:
        InvalidInput: when the model is too narrow for the latents.
    """
    config = model.config
    width, inputs = config.width, config.latent_channels * config.patch**2
    if width < inputs + _CONSTANTS + 32 or config.head_hidden < 6 or config.features < 3:
        raise InvalidInput(f"width must be at least {inputs + _CONSTANTS + 32}; got {width}.")
    constants = slice(inputs, inputs + _CONSTANTS)
    free = slice(inputs + _CONSTANTS, width)
    signs = torch.ones(_CONSTANTS)
    signs[::2] = -1

    # Tokens: latents, constants, and what is learned of latents and rays
    conv = model.video_conv
    conv.weight[:inputs] = _LATENT * torch.eye(inputs).view(inputs, *conv.weight.shape[1:])
    conv.weight[constants] = 0
    conv.bias.zero_()
    conv.bias[constants] = _CONSTANT * signs
    conv.weight[free] *= _FREE / (3**-0.5)  # kaiming's bound; latents have unit size
    join = model.linear_proj
    own = torch.zeros_like(join.weight)
    own[: free.start, : free.start] = torch.eye(free.start)
    own[free] = join.weight[free]
    join.weight.copy_(own)
    join.bias.zero_()
    size = (
        (_CONSTANTS * _CONSTANT**2 + inputs * _LATENT**2 + (width - free.start) * _FREE**2) / width
    ) ** 0.5
    norms = [model.video_layer_norm, model.transformer_input_layernorm]
    for stack in (model.transformer, model.transformer_gs):
        layers: Any = stack.layers
        for layer in layers:
            norms += [layer.norm1, layer.norm2]
            for silent in (layer.self_attn.out_proj, layer.linear2):
                silent.weight.zero_()
                silent.bias.zero_()
    for norm in norms:
        norm.weight.fill_(size)

    # The finest scale of the attribute head: colors of 4x4 cells, past all that is fused with them
    dpt: Any = model.dpt_head_gs.dpt
    narrow, enlarge = dpt.act_postprocess[0]
    rank = narrow.weight.shape[0]
    inner, basis, added = fit_colors(clips, rank)
    narrow.weight.zero_()
    narrow.weight[:, :inputs, 0, 0] = inner / _LATENT
    narrow.bias.zero_()
    enlarge.weight[:, :3] = basis.T.reshape(rank, 3, _SIDE, _SIDE)
    scratch = dpt.scratch
    for index in range(1, 5):
        entry = getattr(scratch, f"layer{index}_rn")
        entry.weight[:3] = 0
        if index == 1:
            entry.weight[range(3), range(3), 1, 1] = 1
        fusion = getattr(scratch, f"refinenet{index}")
        for unit in (getattr(fusion, name, None) for name in ("resConfUnit1", "resConfUnit2")):
            if unit is not None:
                unit.conv2.weight[:3] = 0
                unit.conv2.bias[:3] = 0
        _pass_on(fusion.out_conv, 3)
    first, second, _, last = dpt.head
    _pass_on(first, 3)
    for sign, rows in ((1, slice(0, 3)), (-1, slice(3, 6))):  # what is negative would not pass the ReLU
        second.weight[rows] = 0
        second.weight[rows, :3, 1, 1] = sign * torch.eye(3)
        second.bias[rows] = 0
    last.weight[:3] = 0
    last.weight[:3, :3, 0, 0], last.weight[:3, 3:6, 0, 0] = torch.eye(3), -torch.eye(3)
    last.bias[:3] = 0
    last.weight[3], last.bias[3] = 0, 1  # a constant, for sizes and opacities
    frames = model.deconv3d_sh.weight[..., 0, 0]  # [c, 14, 5]
    frames[:, _COLOR] = 0
    for tap, offset in enumerate(range(-2, 3)):
        if offset in _FRAMES:
            frames[:3, _COLOR, tap] = torch.eye(3) / SH_C0
            frames[3, _SIZE, tap], frames[3, _OPACITY, tap] = _LARGE, _DENSE
    enlarge.bias[:3] = added.view(3, -1).mean(1) - 0.5  # attributes count colors from gray


def _pass_on(conv: Any, count: int) -> None:
    """Let a convolution hand on its first channels as they are."""
    weight, bias = conv.weight, conv.bias
    middle = weight.shape[-1] // 2
    weight[:count] = 0
    weight[range(count), range(count), middle, middle] = 1
    bias[:count] = 0
