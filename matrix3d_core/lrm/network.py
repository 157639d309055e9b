"""The network: latents and rays to depth and Gaussian attributes, under the published names.

Tokens of latents and of rays are joined, pass four layers (depth) and four more (attributes); a DPT head on
each four makes maps of eight pixels per token for every latent frame, and a temporal deconvolution spreads
them over the frames. Works for any number of frames, size and batch.

To save memory, rays are made window by window, heads run a few latent frames at a time, and the
deconvolution is applied to each of these and added up, so the wide maps of all frames never exist together.

Source: Matrix-3D, reconstruction model (sizes and order); R. Ranftl et al., Vision Transformers for Dense
Prediction, 2021 (heads); A. Vaswani et al., Attention Is All You Need, 2017 (layers, norm after addition).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from ..checks import check_shape
from ..errors import InvalidInput
from ..progress import ProgressEvent, ProgressFn, no_progress
from .config import LRMConfig

__all__ = ["CastOps", "LatentLRM", "RaySource", "temporal_windows"]

RaySource = Callable[[int, int], Tensor]
"""``rays(first, last)``: rays ``[B, last - first, H, W, 6]`` of frames first .. last - 1, float32."""


class CastOps:
    """Layers of torch whose weights follow the input's type, so storage and arithmetic may differ.

    The network takes any namespace with these five names, such as the host's own.
    """

    class Linear(nn.Linear):
        """`torch.nn.Linear`."""

        def forward(self, input: Tensor) -> Tensor:
            """Apply the layer in the input's type."""
            return F.linear(input, _like(self.weight, input), _like(self.bias, input))

    class LayerNorm(nn.LayerNorm):
        """`torch.nn.LayerNorm`."""

        def forward(self, input: Tensor) -> Tensor:
            """Apply the layer in the input's type."""
            weight, bias = _like(self.weight, input), _like(self.bias, input)
            return F.layer_norm(input, self.normalized_shape, weight, bias, self.eps)

    class Conv2d(nn.Conv2d):
        """`torch.nn.Conv2d`."""

        def forward(self, input: Tensor) -> Tensor:
            """Apply the layer in the input's type."""
            result: Tensor = self._conv_forward(input, _like(self.weight, input), _like(self.bias, input))
            return result

    class Conv3d(nn.Conv3d):
        """`torch.nn.Conv3d`."""

        def forward(self, input: Tensor) -> Tensor:
            """Apply the layer in the input's type."""
            result: Tensor = self._conv_forward(input, _like(self.weight, input), _like(self.bias, input))
            return result

    class ConvTranspose2d(nn.ConvTranspose2d):
        """`torch.nn.ConvTranspose2d`."""

        def forward(self, input: Tensor, output_size: list[int] | None = None) -> Tensor:
            """Apply the layer in the input's type."""
            weight, bias = _like(self.weight, input), _like(self.bias, input)
            return F.conv_transpose2d(input, weight, bias, self.stride, self.padding)  # type: ignore[arg-type]


def _like(weight: Tensor | None, input: Tensor) -> Any:
    return None if weight is None else weight.to(device=input.device, dtype=input.dtype)


def temporal_windows(latent_frames: int, kernel: int = 4, padding: int = 2) -> list[tuple[int, int]]:
    """Return the frames that each latent frame's pose tokens see, ``(first, last + 1)``.

    Latent frame t sees ``4 t - 2 .. 4 t + 1``; frames before the first count as zeros.
    """
    return [(kernel * t - padding, kernel * t - padding + kernel) for t in range(latent_frames)]


class _Attention(nn.Module):
    """Self-attention with the parameter names of `torch.nn.MultiheadAttention`."""

    def __init__(self, width: int, heads: int, ops: Any, kind: dict[str, Any]) -> None:
        super().__init__()
        self.heads = heads
        self.in_proj_weight = nn.Parameter(torch.empty(3 * width, width, **kind))
        self.in_proj_bias = nn.Parameter(torch.zeros(3 * width, **kind))
        self.out_proj = ops.Linear(width, width, **kind)
        if not self.in_proj_weight.is_meta:
            nn.init.xavier_uniform_(self.in_proj_weight)

    def forward(self, x: Tensor) -> Tensor:  # [B, N, D]
        joined = F.linear(x, _like(self.in_proj_weight, x), _like(self.in_proj_bias, x))
        q, k, v = joined.unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4).unbind(0)  # [B, H, N, d]
        result: Tensor = self.out_proj(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))
        return result


class _Layer(nn.Module):
    """A transformer layer whose norms come after the additions; exact GELU, no dropout."""

    def __init__(self, config: LRMConfig, ops: Any, kind: dict[str, Any]) -> None:
        super().__init__()
        width = config.width
        self.self_attn = _Attention(width, config.heads, ops, kind)
        self.linear1 = ops.Linear(width, config.ffn, **kind)
        self.linear2 = ops.Linear(config.ffn, width, **kind)
        self.norm1 = ops.LayerNorm(width, **kind)
        self.norm2 = ops.LayerNorm(width, **kind)

    def forward(self, x: Tensor) -> Tensor:  # [B, N, D]
        x = self.norm1(x + self.self_attn(x))
        result: Tensor = self.norm2(x + self.linear2(F.gelu(self.linear1(x))))
        return result


class _Stack(nn.Module):
    def __init__(self, count: int, config: LRMConfig, ops: Any, kind: dict[str, Any]) -> None:
        super().__init__()
        self.layers = nn.ModuleList(_Layer(config, ops, kind) for _ in range(count))


class _Residual(nn.Module):
    """``x + conv(relu(conv(relu(x))))``."""

    def __init__(self, width: int, ops: Any, kind: dict[str, Any]) -> None:
        super().__init__()
        self.conv1 = ops.Conv2d(width, width, 3, padding=1, **kind)
        self.conv2 = ops.Conv2d(width, width, 3, padding=1, **kind)

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.conv2(F.relu(self.conv1(F.relu(x)), inplace=True)) + x
        return result


class _Fusion(nn.Module):
    """Adds a finer scale to the fused coarser ones, and doubles the size."""

    def __init__(self, width: int, ops: Any, kind: dict[str, Any], *, has_skip: bool) -> None:
        super().__init__()
        self.out_conv = ops.Conv2d(width, width, 1, **kind)
        if has_skip:
            self.resConfUnit1 = _Residual(width, ops, kind)
        self.resConfUnit2 = _Residual(width, ops, kind)

    def forward(self, x: Tensor, skip: Tensor | None = None) -> Tensor:
        if skip is not None:
            x = x + self.resConfUnit1(skip)
        # The 1x1 convolution and the interpolation commute, as the weights of the latter sum to 1: the
        # convolution goes first, on a quarter of the pixels.
        x = self.out_conv(self.resConfUnit2(x))
        return F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=True)


class _Scratch(nn.Module):
    def __init__(self, config: LRMConfig, ops: Any, kind: dict[str, Any], *, published: bool) -> None:
        super().__init__()
        rn = [
            ops.Conv2d(channels, config.features, 3, padding=1, bias=False, **kind)
            for channels in config.stages
        ]
        for index, conv in enumerate(rn, 1):
            setattr(self, f"layer{index}_rn", conv)
        if published:
            self.layer_rn = nn.ModuleList(rn)  # the same tensors under a second name
        for index in range(1, 5):
            fusion = _Fusion(config.features, ops, kind, has_skip=published or index < 4)
            setattr(self, f"refinenet{index}", fusion)


class _DPT(nn.Module):
    def __init__(self, config: LRMConfig, ops: Any, kind: dict[str, Any], *, published: bool) -> None:
        super().__init__()
        width, (a, b, c, d) = config.width, config.stages
        self.scratch = _Scratch(config, ops, kind, published=published)
        self.head = nn.Sequential(
            ops.Conv2d(config.features, config.head_hidden, 3, padding=1, **kind),
            ops.Conv2d(config.head_hidden, config.head_hidden, 3, padding=1, **kind),
            nn.ReLU(inplace=True),
            ops.Conv2d(config.head_hidden, config.head_out, 1, **kind),
        )
        self.act_postprocess = nn.ModuleList(
            nn.Sequential(*stage)
            for stage in (
                (ops.Conv2d(width, a, 1, **kind), ops.ConvTranspose2d(a, a, 4, stride=4, **kind)),
                (ops.Conv2d(width, b, 1, **kind), ops.ConvTranspose2d(b, b, 2, stride=2, **kind)),
                (ops.Conv2d(width, c, 1, **kind),),
                (ops.Conv2d(width, d, 1, **kind), ops.Conv2d(d, d, 3, stride=2, padding=1, **kind)),
            )
        )

    def forward(self, maps: Sequence[Tensor]) -> Tensor:  # 4 x [n, D, h, w] -> [n, head_out, 8 h, 8 w]
        scratch: Any = self.scratch

        def stage(index: int) -> Tensor:
            result: Tensor = getattr(scratch, f"layer{index + 1}_rn")(
                self.act_postprocess[index](maps[index])
            )
            return result

        skip = stage(2)
        x = scratch.refinenet4(stage(3))[..., : skip.shape[-2], : skip.shape[-1]]  # one more when odd
        x = scratch.refinenet3(x, skip)
        x = scratch.refinenet2(x, stage(1))
        x = scratch.refinenet1(x, stage(0))
        result: Tensor = self.head(x)
        return result


class _Head(nn.Module):
    def __init__(self, config: LRMConfig, ops: Any, kind: dict[str, Any], *, published: bool) -> None:
        super().__init__()
        self.dpt = _DPT(config, ops, kind, published=published)

    def forward(self, maps: Sequence[Tensor]) -> Tensor:
        result: Tensor = self.dpt(maps)
        return result


class _TemporalDeconv(nn.Module):
    """Transposed convolution over time, kernel 5, stride 4, padding 2: ``t`` maps to ``4 (t - 1) + 1``."""

    KERNEL, PADDING = 5, 2

    def __init__(self, channels: int, out: int, stride: int, kind: dict[str, Any]) -> None:
        super().__init__()
        self.stride = stride
        self.weight = nn.Parameter(torch.empty(channels, out, self.KERNEL, 1, 1, **kind))
        if not self.weight.is_meta:
            nn.init.kaiming_uniform_(self.weight, a=5**0.5)

    def add(self, total: Tensor, features: Tensor, first: int) -> Tensor:
        """Add what latent frames ``first ..`` contribute to the frames around them.

        Args:
            total: ``[B, T, C, H, W]`` float32; changed in place unless gradients are recorded.
            features: ``[B, n, channels, H, W]``, the head's output.
            first: index of the first of the n latent frames.
        """
        weight = self.weight.to(device=features.device, dtype=torch.float32)[..., 0, 0]  # [c, C, 5]
        for offset in range(features.shape[1]):
            center = self.stride * (first + offset)
            frames = [center - self.PADDING + k for k in range(self.KERNEL)]
            taps = [k for k, frame in enumerate(frames) if 0 <= frame < total.shape[1]]
            kernel = weight[:, :, taps].permute(2, 1, 0)  # [taps, C, c]
            made = torch.einsum("koc,bchw->bkohw", kernel, features[:, offset].float())
            start = frames[taps[0]]
            if torch.is_grad_enabled():
                padding = (0, 0, 0, 0, 0, 0, start, total.shape[1] - start - len(taps))
                total = total + F.pad(made, padding)
            else:
                total[:, start : start + len(taps)] += made
        return total


class LatentLRM(nn.Module):
    """The latent reconstruction model.

    Args:
        config: sizes and conventions.
        ops: namespace of layers, see `CastOps`.
        published: hold also the published tensors that are unused (a template layer, a norm, one
            residual unit per head) and the second names of four convolutions per head.
        dtype: of the parameters.
        device: of the parameters.
    """

    def __init__(
        self,
        config: LRMConfig | None = None,
        *,
        ops: Any = CastOps,
        published: bool = False,
        dtype: torch.dtype | None = None,
        device: torch.device | str | None = None,
    ) -> None:
        super().__init__()
        config = config or LRMConfig()
        self.config = config
        self.is_checkpointing = False
        kind: dict[str, Any] = {"dtype": dtype, "device": device}
        width = config.width
        self.video_conv = ops.Conv2d(config.latent_channels, width, config.patch, stride=config.patch, **kind)
        self.video_layer_norm = ops.LayerNorm(width, **kind)
        self.camera_conv = ops.Conv3d(6, width, config.pose_kernel, stride=config.pose_kernel, **kind)
        self.linear_proj = ops.Linear(2 * width, width, **kind)
        self.transformer_input_layernorm = ops.LayerNorm(width, bias=False, **kind)
        if published:
            self.camera_layer_norm = ops.LayerNorm(width, **kind)
            self.encoder_layer = _Layer(config, ops, kind)
        self.transformer = _Stack(config.trunk_layers, config, ops, kind)
        self.transformer_gs = _Stack(config.gs_layers, config, ops, kind)
        self.deconv3d_dpt = _TemporalDeconv(config.head_out, config.depth_channels, config.time_stride, kind)
        self.deconv3d_sh = _TemporalDeconv(
            config.head_out, config.attribute_channels, config.time_stride, kind
        )
        self.dpt_head = _Head(config, ops, kind, published=published)
        self.dpt_head_gs = _Head(config, ops, kind, published=published)

    # Pieces ------------------------------------------------------------------------------------------

    def embed_latents(self, latents: Tensor) -> Tensor:  # [B, C, t, h, w] -> [B, t h/2 w/2, D]
        """Return the latent tokens, normalized; frame by frame, then row by row."""
        batch, _, frames = latents.shape[:3]
        maps = self.video_conv(latents.transpose(1, 2).flatten(0, 1))  # [B t, D, h/2, w/2]
        tokens = maps.flatten(2).transpose(1, 2).unflatten(0, (batch, frames)).flatten(1, 2)
        result: Tensor = self.video_layer_norm(tokens)
        return result

    def embed_rays(
        self,
        rays: RaySource,
        frames: int,
        device: torch.device | str | None = None,
        progress: ProgressFn = no_progress,
    ) -> Tensor:
        """Return the pose tokens ``[B, t h/2 w/2, D]`` float32, one window of frames at a time."""
        config = self.config
        windows = temporal_windows(config.latent_frames(frames), config.time_stride, config.time_stride // 2)
        tokens = []
        for index, (first, last) in enumerate(windows):
            progress(ProgressEvent(index, len(windows), "LRM: rays"))
            inside = rays(max(0, first), min(last, frames)).to(device, torch.float32)  # [B, n, H, W, 6]
            window = inside.permute(0, 4, 1, 2, 3)
            before, behind = max(0, -first), max(0, last - frames)
            if before or behind:
                window = F.pad(window, (0, 0, 0, 0, before, behind))
            tokens.append(self.camera_conv(window).flatten(2).transpose(1, 2))  # [B, h/2 w/2, D]
        return torch.cat(tokens, dim=1)

    def join(self, latent_tokens: Tensor, pose_tokens: Tensor) -> Tensor:  # [B, N, D]
        """Return the input tokens of the first layer."""
        joined = self.linear_proj(torch.cat((latent_tokens, pose_tokens.to(latent_tokens.dtype)), dim=-1))
        result: Tensor = self.transformer_input_layernorm(joined)
        return result

    def run_layers(
        self, tokens: Tensor, room: str, progress: ProgressFn = no_progress
    ) -> list[Tensor]:  # [B, N, D] -> 4 x [B, N, D]
        """Pass the tokens through ``"transformer"`` or ``"transformer_gs"``; return each layer's output."""
        outputs, layers = [], getattr(self, room).layers
        for index, layer in enumerate(layers):
            progress(
                ProgressEvent(
                    index, len(layers), f"LRM: {'depth' if room == 'transformer' else 'splat'} layers"
                )
            )
            tokens = self._call(layer, tokens)
            outputs.append(tokens)
        return outputs

    def run_head(
        self,
        outputs: Sequence[Tensor],
        room: str,
        size: tuple[int, int, int],
        chunk: int,
        progress: ProgressFn = no_progress,
    ) -> Tensor:
        """Convert four layers' tokens to maps over all frames, ``chunk`` latent frames at a time.

        Args:
            outputs: four times ``[B, N, D]``.
            room: ``"dpt_head"`` (depth) or ``"dpt_head_gs"`` (attributes).
            size: latent frames, and rows and columns of tokens.
            chunk: latent frames at a time, at least 1.
            progress: called before each of them.

        Returns:
            ``[B, T, C, 8 h, 8 w]`` float32, raw.
        """
        head = getattr(self, room)
        deconv = self.deconv3d_dpt if room == "dpt_head" else self.deconv3d_sh
        (frames, rows, columns), batch = size, outputs[0].shape[0]
        maps = [o.unflatten(1, (frames, rows, columns)) for o in outputs]  # [B, t, h, w, D]
        total = torch.zeros(
            batch,
            self.config.frames(frames),
            deconv.weight.shape[1],
            8 * rows,
            8 * columns,
            dtype=torch.float32,
            device=outputs[0].device,
        )
        for first in range(0, frames, chunk):
            progress(ProgressEvent(first, frames, f"LRM: {'depth' if room == 'dpt_head' else 'splat'} maps"))
            count = min(chunk, frames - first)
            part = [m[:, first : first + count].flatten(0, 1).permute(0, 3, 1, 2) for m in maps]
            features = self._call(head, part).unflatten(0, (batch, count))
            total = deconv.add(total, features, first)
            del features, part
        return total

    def _call(self, module: nn.Module, argument: Any) -> Tensor:
        if self.is_checkpointing and torch.is_grad_enabled():
            result: Tensor = checkpoint(module, argument, use_reentrant=False)
        else:
            result = module(argument)
        return result

    # The whole ---------------------------------------------------------------------------------------

    def forward(
        self,
        latents: Tensor,  # [B, C, t, h, w]
        rays: Tensor | RaySource,
        *,
        chunk: int | None = None,
        progress: ProgressFn = no_progress,
    ) -> tuple[Tensor, Tensor]:
        """Return raw depth and raw attributes of every frame.

        The arithmetic is done in the latents' type; rays, the temporal deconvolution and the outputs
        are float32.

        Args:
            latents: ``[B, C, t, h, w]``, in the scale that the VAE's diffusion model sees (normalized).
            rays: ``[B, T, 8 h, 8 w, 6]`` moment and direction of every pixel, ``T = 4 (t - 1) + 1``, or a
                function that gives a few frames of them at a time.
            chunk: latent frames per call of a head; None takes all at once.
            progress: called between the steps.

        Returns:
            ``depth [B, T, 3, 4 h, 4 w]`` and ``attributes [B, T, 14, 4 h, 4 w]``.

        Raises:
            InvalidInput: for shapes that do not fit.
        """
        config = self.config
        sizes = check_shape("latents", latents, f"B {config.latent_channels} t h w")
        frames, rows, columns = sizes["t"], sizes["h"], sizes["w"]
        if (
            frames < 1
            or rows < config.patch
            or columns < config.patch
            or rows % config.patch
            or columns % config.patch
        ):
            raise InvalidInput(
                f"latents must have at least 1 frame, and rows and columns that are multiples of {config.patch}; "
                f"got {frames} frames of {columns}x{rows}."
            )
        if isinstance(rays, Tensor):
            scale = config.pixels_per_latent
            shape = f"{sizes['B']} {config.frames(frames)} {scale * rows} {scale * columns} 6"
            check_shape("rays", rays, shape)
            source: RaySource = lambda first, last: rays[:, first:last]  # noqa: E731
        else:
            source = rays
        size = (frames, rows // config.patch, columns // config.patch)
        chunk = frames if chunk is None else max(1, chunk)
        poses = self.embed_rays(source, config.frames(frames), latents.device, progress)
        tokens = self.join(self.embed_latents(latents), poses)
        del poses
        outputs = self.run_layers(tokens, "transformer", progress)
        tokens = outputs[-1]
        depth = self.run_head(outputs, "dpt_head", size, chunk, progress)
        del outputs
        outputs = self.run_layers(tokens, "transformer_gs", progress)
        del tokens
        return depth, self.run_head(outputs, "dpt_head_gs", size, chunk, progress)
