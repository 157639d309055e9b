"""The depth head: a small network from DINOv2 features to distance, confidence, sky, normals and surface class.

It sees the tokens of four layers of the backbone, the direction of every token's ray relative to gravity, and, for
sharp edges, the picture itself at half the resolution of the backbone's input. Attention over all tokens of a view
comes first, then convolutions at two, then at four times the resolution of the tokens.

Source: R. Ranftl et al., Vision Transformers for Dense Prediction, 2021 (several layers, fused from coarse to fine);
R. Wang et al., MoGe, 2024 (distance up to one scale per view); A. Kendall and Y. Gal, What Uncertainties Do We Need in
Bayesian Deep Learning for Computer Vision?, 2017 (the learned scale of a Laplace error as confidence).
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...checks import check_shape
from ...errors import FormatError, InvalidInput
from ...io.atomic import BinaryTarget
from ...io.checkpoints import read_checkpoint
from ...io.tensors import write_tensors
from ...strict_json import parse_json

__all__ = [
    "HEAD_STRIDE",
    "SURFACE_CLASSES",
    "DepthHead",
    "DepthHeadConfig",
    "HeadOutput",
    "read_head",
    "write_head",
]

SURFACE_CLASSES = ("sky", "ground", "terrain", "wall", "ceiling", "foliage", "water", "object")
"""Names of the classes in the order of ``class_logits``."""

HEAD_STRIDE = 4
"""Outputs per token along each axis."""

_HEADER_KEY = "matrix3d_depth_head"
_RAY_CHANNELS = 7
_MOST_DOWN = (
    0.03  # sine of the dip below the horizon beyond which the ground's distance is not a hint any more
)


@dataclass(frozen=True)
class DepthHeadConfig:
    """Sizes of a head.

    Attributes:
        feature_width: of the backbone's tokens.
        layers: which of the backbone's layers are read, from 0.
        width: of the tokens here.
        blocks: attention blocks.
        heads: of the attention.
        coarse: channels at the tokens' resolution.
        middle: channels at twice that.
        fine: channels at four times that.
        camera: channels of the branch that estimates the camera.
    """

    feature_width: int = 384
    layers: tuple[int, ...] = (2, 5, 8, 11)
    width: int = 192
    blocks: int = 2
    heads: int = 3
    coarse: int = 128
    middle: int = 80
    fine: int = 48
    camera: int = 64


@dataclass(frozen=True)
class HeadOutput:
    """What a head says of ``B`` views, at ``H' = 4 h`` times ``W' = 4 w`` of ``h x w`` tokens.

    Attributes:
        log_distance: ``[B, H', W']`` natural logarithm of the ray distance in camera heights, up to one addend per
            view; meaningless in the sky.
        log_uncertainty: ``[B, H', W']`` natural logarithm of the expected absolute error of ``log_distance``.
        sky_logit: ``[B, H', W']``, positive where sky is the likelier.
        normal: ``[B, 3, H', W']`` unit normals in the frame of ``rays``, towards the camera.
        class_logits: ``[B, 8, H', W']`` of `SURFACE_CLASSES`.
    """

    log_distance: Tensor
    log_uncertainty: Tensor
    sky_logit: Tensor
    normal: Tensor
    class_logits: Tensor


class DepthHead(nn.Module):
    """See the module."""

    def __init__(self, config: DepthHeadConfig | None = None) -> None:
        super().__init__()
        self.config = c = config or DepthHeadConfig()
        self.project = nn.ModuleList(nn.Linear(c.feature_width, c.width) for _ in c.layers)
        self.rays = nn.Sequential(nn.Linear(_RAY_CHANNELS, c.width), nn.GELU(), nn.Linear(c.width, c.width))
        self.blocks = nn.ModuleList(_Block(c.width, c.heads) for _ in range(c.blocks))
        self.norm = nn.LayerNorm(c.width)
        self.coarse = nn.Conv2d(c.width, c.coarse, 3, padding=1)
        self.shallow = nn.Conv2d(c.feature_width * 2, c.coarse, 1)
        self.coarse_residual = _Residual(c.coarse)
        self.stem_fine = nn.Sequential(_conv(3, 16, stride=2), nn.GELU(), _conv(16, 16), nn.GELU())
        self.stem_middle = nn.Sequential(_conv(16, 24, stride=2), nn.GELU())
        self.middle = _conv(c.coarse + 24, c.middle)
        self.middle_residual = _Residual(c.middle)
        self.fine = _conv(c.middle + 16 + _RAY_CHANNELS, c.fine)
        self.fine_residual = _Residual(c.fine)
        self.out = nn.Conv2d(c.fine, 6 + len(SURFACE_CLASSES), 1)
        self.camera = _CameraBranch(c.feature_width * len(c.layers), c.camera)
        with torch.no_grad():
            start = torch.zeros(6 + len(SURFACE_CLASSES))
            start[0] = math.log(4.0)  # camera heights: the middle of what views show
            self.out.weight.mul_(0.1)
            self.out.bias.copy_(start)  # type: ignore[union-attr]

    def forward(self, features: Sequence[Tensor], rays: Tensor, images: Tensor) -> HeadOutput:
        """Run the head on views.

        Args:
            features: one ``[B, h, w, feature_width]`` per layer of the configuration.
            rays: ``[B, h, w, 3]`` unit directions at the tokens' centers; x right, y down (along gravity), z forward;
                any heading.
            images: ``[B, 3, H, W]`` in [0, 1], the pictures that the backbone saw, any resolution.

        Raises:
            InvalidInput: when the shapes do not fit.
        """
        c = self.config
        size = check_shape("rays", rays, "B h w 3")
        batch, rows, columns = size["B"], size["h"], size["w"]
        if len(features) != len(c.layers):
            raise InvalidInput(f"features must be of {len(c.layers)} layers; got {len(features)}.")
        for value in features:
            check_shape("features", value, f"{batch} {rows} {columns} {c.feature_width}")
        check_shape("images", images, f"{batch} 3 H W")
        rays, heading = _turned_ahead(rays)
        tokens = sum(project(f) for project, f in zip(self.project, features, strict=True))
        x = (tokens + self.rays(_encoded(rays))).flatten(1, 2)
        for block in self.blocks:
            x = block(x)
        x = self.norm(x).reshape(batch, rows, columns, c.width).movedim(-1, 1)
        shallow = torch.cat((features[0], features[len(features) // 2]), dim=-1).movedim(-1, 1)
        x = self.coarse_residual(self.coarse(x) + self.shallow(shallow))
        small = F.interpolate(images.to(x) * 4 - 2, (8 * rows, 8 * columns), mode="area")
        fine = self.stem_fine(small)
        x = torch.cat((_twice(x), self.stem_middle(fine)), dim=1)
        x = self.middle_residual(self.middle(x))
        fine_rays = F.interpolate(
            rays.movedim(-1, 1), (HEAD_STRIDE * rows, HEAD_STRIDE * columns), mode="bilinear"
        ).movedim(1, -1)
        encoded = _encoded(F.normalize(fine_rays, dim=-1)).movedim(-1, 1).to(x)
        x = self.fine_residual(self.fine(torch.cat((_twice(x), fine, encoded), dim=1)))
        out = self.out(x).float()
        normal = torch.einsum("bji,bjhw->bihw", heading, F.normalize(out[:, 3:6], dim=1, eps=1e-4))
        return HeadOutput(out[:, 0], out[:, 1], out[:, 2], normal, out[:, 6:])

    def estimate_camera(self, features: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """Estimate the field of view and the direction of gravity of views whose camera is unknown.

        Args:
            features: one ``[B, n, n, feature_width]`` per layer, of square pictures centered on the optical axis.

        Returns:
            ``tan_half_fov [B]``, the tangent of half the field of view, and ``down [B, 3]``, the unit direction of
            gravity in the camera's axes (OpenCV: x right, y down, z forward).

        Raises:
            InvalidInput: when the pictures are not square.
        """
        size = check_shape("features", features[0], f"B h w {self.config.feature_width}")
        if size["h"] != size["w"]:
            raise InvalidInput(f"features must be of square pictures; got {size['w']}x{size['h']} tokens.")
        result: tuple[Tensor, Tensor] = self.camera(torch.cat(tuple(features), dim=-1).movedim(-1, 1))
        return result


class _CameraBranch(nn.Module):
    """Tokens to field of view and gravity: where in the picture things stand matters, so positions are given."""

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        self.project = nn.Conv2d(inputs, width, 1)
        self.convolutions = nn.Sequential(
            nn.GELU(), _conv(width + 2, width, stride=2), nn.GELU(), _conv(width, width, stride=2), nn.GELU(),
            nn.AdaptiveAvgPool2d(4), nn.Flatten(), nn.Linear(16 * width, 2 * width), nn.GELU(),
            nn.Linear(2 * width, 4),
        )  # fmt: skip

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        x = self.project(x)
        place = torch.linspace(-1, 1, x.shape[-1]).to(x)
        y, across = torch.meshgrid(place, place, indexing="ij")
        x = torch.cat((x, torch.stack((across, y))[None].expand(len(x), 2, -1, -1)), dim=1)
        out = self.convolutions(x).float()
        level = out.new_tensor([0.0, 1.0, 0.0])
        return torch.exp(out[:, 0].clamp(-2, 2)), F.normalize(out[:, 1:] + level, dim=-1, eps=1e-4)


class _Block(nn.Module):
    """Attention over all tokens of a view, then a perceptron on each."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.proj = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.mlp = nn.Sequential(nn.Linear(width, 3 * width), nn.GELU(), nn.Linear(3 * width, width))

    def forward(self, x: Tensor) -> Tensor:
        batch, count, width = x.shape
        q, k, v = self.qkv(self.norm1(x)).reshape(batch, count, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        seen = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(batch, count, width)
        x = x + self.proj(seen)
        result: Tensor = x + self.mlp(self.norm2(x))
        return result


class _Residual(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first, self.second = _conv(channels, channels), _conv(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        x = F.gelu(x)
        result: Tensor = x + self.second(F.gelu(self.first(x)))
        return result


def _conv(inputs: int, outputs: int, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, padding_mode="replicate")


def _twice(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2.0, mode="bilinear")


def _turned_ahead(rays: Tensor) -> tuple[Tensor, Tensor]:
    """Turn each view's rays about the vertical so that their mean has no x; return them and the ``[B, 3, 3]`` turns."""
    x, _, z = rays.flatten(1, 2).mean(1).unbind(-1)
    length = torch.hypot(x, z).clamp_min(1e-6)
    sine, cosine, zero = x / length, z / length, torch.zeros_like(x)
    rows = (cosine, zero, -sine, zero, zero + 1, zero, sine, zero, cosine)
    turn = torch.stack(rows, dim=-1).reshape(-1, 3, 3)
    return torch.einsum("bij,bhwj->bhwi", turn, rays), turn


def _encoded(rays: Tensor) -> Tensor:  # [B, h, w, 3] -> [B, h, w, 7]
    """Return direction, elevation, the logarithm of the distance to the ground plane, and the angle between pixels."""
    down = rays[..., 1:2]
    below = down.clamp_min(_MOST_DOWN)
    step = torch.linalg.vector_norm(rays[:, 1:, :, :] - rays[:, :-1, :, :], dim=-1).mean((1, 2))
    step = torch.log(step.clamp_min(1e-4) * 20)[:, None, None, None].expand_as(down)
    parts = (rays, torch.asin(down.clamp(-1, 1)), -torch.log(below), (down > _MOST_DOWN).to(rays), step)
    return torch.cat(parts, dim=-1)


def write_head(target: BinaryTarget, head: DepthHead, notes: dict[str, str] | None = None) -> None:
    """Write a head in half precision, with its configuration in the header.

    Args:
        target: path or binary file, safetensors.
        head: the network.
        notes: further texts for the header: data, figures, seed.
    """
    state = {name: value.half() for name, value in head.state_dict().items()}
    write_tensors(target, state, {_HEADER_KEY: json.dumps(asdict(head.config)), **(notes or {})})


def read_head(path: Path | str) -> DepthHead:
    """Read a head, ready for inference in float32.

    Raises:
        FormatError: when the file is missing, damaged, or not a head of this architecture.
    """
    path = Path(path)
    tensors, texts = read_checkpoint(path, "a depth head")
    if _HEADER_KEY not in texts:
        raise FormatError(
            f"{path.name} is not a depth head: its header has no {_HEADER_KEY}. Write one with `matrix3d train-depth`."
        )
    values = parse_json(texts[_HEADER_KEY], source=f"the header of {path.name}")
    try:
        config = DepthHeadConfig(**{**values, "layers": tuple(values["layers"])})
        head = DepthHead(config)
        head.load_state_dict({name: tensor.float() for name, tensor in tensors.items()})
    except (TypeError, KeyError, ValueError, RuntimeError) as error:
        raise FormatError(f"{path.name} does not fit its configuration ({str(error)[:200]}).") from error
    return head.train(False).requires_grad_(False)
