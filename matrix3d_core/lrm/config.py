"""Sizes and conventions of a latent reconstruction model, and how they are read from its weights."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

from ..errors import InvalidInput, WeightsMismatch
from ..geometry.pluecker import PLUECKER_FRAMES

__all__ = ["CAMERAS", "LRMConfig", "config_from_shapes"]

CAMERAS = ("spherical", "perspective")
"""What the frames of the video are: panoramas (Matrix-3D), or pinhole pictures (Wonderland)."""


@dataclass(frozen=True)
class LRMConfig:
    """Everything that a checkpoint fixes; the defaults are those of the released ``pano_lrm_480p.pt``.

    Attributes:
        width: of the tokens.
        heads: of the attention; not visible in the weights.
        ffn: hidden width of a layer's feed-forward part.
        trunk_layers: of the shared part, 4 (one per stage of the depth head).
        gs_layers: of the attribute branch, 4 (one per stage of its head).
        latent_channels: of the video latent.
        patch: latents per token, each way.
        pose_kernel: frames, rows and columns of rays per token; equals its stride.
        stages: channels of the four scales of a head.
        features: channels in which the scales are fused.
        head_hidden: channels of a head's first two convolutions at full size.
        head_out: channels from a head to the temporal deconvolution.
        depth_channels: averaged to one.
        attribute_channels: 14, see `attributes`.
        camera: one of `CAMERAS`.
        pluecker_frame: of spherical rays, see `spherical_pluecker`.
        depth_max: range limit in pose units.
        scale_min: of a Gaussian's size, see `attributes.gaussian_scales`.
        scale_max: of a Gaussian's size.
        scale_unit: factor of the pixel size.

    Source: Matrix-3D, reconstruction model; W. Liang et al., Wonderland, 2024 (perspective form).
    """

    width: int = 1024
    heads: int = 4
    ffn: int = 2048
    trunk_layers: int = 4
    gs_layers: int = 4
    latent_channels: int = 16
    patch: int = 2
    pose_kernel: tuple[int, int, int] = (4, 16, 16)
    stages: tuple[int, int, int, int] = (96, 192, 384, 768)
    features: int = 1024
    head_hidden: int = 512
    head_out: int = 256
    depth_channels: int = 3
    attribute_channels: int = 14
    camera: str = "spherical"
    pluecker_frame: str = "upstream"
    depth_max: float = 30.0
    scale_min: float = 0.5
    scale_max: float = 25.0
    scale_unit: float = 0.1 / 5

    def __post_init__(self) -> None:
        for field in fields(self):  # what a header states may be of any type
            value, default = getattr(self, field.name), field.default
            parts = value if isinstance(value, tuple) and isinstance(default, tuple) else (value,)
            wanted = str if isinstance(default, str) else (int, float) if isinstance(default, float) else int
            if any(isinstance(x, bool) or not isinstance(x, wanted) or _is_too_big(x) for x in parts):
                kind = (
                    "text" if wanted is str else "a number" if isinstance(default, float) else "whole numbers"
                )
                raise InvalidInput(
                    f"{field.name} must be {kind}, such as {default!r}; got {str(value)[:60]!r}."
                )
        if self.camera not in CAMERAS:
            raise InvalidInput(f"camera must be one of {', '.join(CAMERAS)}; got {self.camera!r}.")
        if self.pluecker_frame not in PLUECKER_FRAMES:
            raise InvalidInput(
                f"pluecker_frame must be one of {', '.join(PLUECKER_FRAMES)}; got {self.pluecker_frame!r}."
            )
        if self.heads < 1 or self.width % self.heads:
            raise InvalidInput(f"width must be a multiple of heads; got {self.width} and {self.heads}.")
        if len(self.stages) != 4 or self.trunk_layers != 4 or self.gs_layers != 4:
            raise InvalidInput(
                "a head takes 4 stages from 4 layers; got "
                f"{len(self.stages)} stages, {self.trunk_layers} and {self.gs_layers} layers."
            )
        if self.attribute_channels != 14 or self.depth_channels < 1 or self.patch < 1:
            raise InvalidInput(
                "attribute_channels must be 14, depth_channels and patch at least 1; got "
                f"{self.attribute_channels}, {self.depth_channels} and {self.patch}."
            )
        if not (0 < self.scale_min < self.scale_max and self.depth_max > 0 and self.scale_unit > 0):
            raise InvalidInput(
                "scale_min < scale_max, scale_unit and depth_max must be positive; got "
                f"{self.scale_min}, {self.scale_max}, {self.scale_unit} and {self.depth_max}."
            )

    @property
    def pixels_per_latent(self) -> int:
        """Ray pixels per latent, 8: the rays lie on the frames' own grid."""
        return self.pose_kernel[1] // self.patch

    @property
    def time_stride(self) -> int:
        """Frames per latent frame, 4."""
        return self.pose_kernel[0]

    def latent_frames(self, frames: int) -> int:
        """Return how many latent frames a video of ``frames`` frames has."""
        return (frames - 1) // self.time_stride + 1

    def frames(self, latent_frames: int) -> int:
        """Return the number of video frames of a latent of ``latent_frames``."""
        return (latent_frames - 1) * self.time_stride + 1

    def grid(self, latent_height: int, latent_width: int) -> tuple[int, int]:
        """Return rows and columns of the Gaussians of one frame: 8 per token, 4 per latent."""
        return latent_height // self.patch * 8, latent_width // self.patch * 8

    def to_json(self) -> str:
        """Return the configuration for a file's header."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> LRMConfig:
        """Read what `to_json` wrote; unknown names are ignored.

        Raises:
            InvalidInput: when it is no JSON object or a value is out of range.
        """
        try:
            values = json.loads(text)
        except ValueError as error:
            raise InvalidInput(f"the configuration must be a JSON object; got {text[:60]!r}.") from error
        if not isinstance(values, dict):
            raise InvalidInput(f"the configuration must be a JSON object; got {text[:60]!r}.")
        known = {field.name for field in fields(cls)}
        kept: dict[str, Any] = {
            k: tuple(v) if isinstance(v, list) else v for k, v in values.items() if k in known
        }
        return cls(**kept)


def _is_too_big(value: Any) -> bool:
    return not isinstance(value, str) and not -1e9 < value < 1e9  # NaN is neither


def config_from_shapes(
    shapes: Mapping[str, Sequence[int]], header: Mapping[str, Any] | None = None
) -> LRMConfig:
    """Read the sizes from the weights, and the rest from the file's header.

    Args:
        shapes: of the tensors by published name.
        header: values of `LRMConfig` that the file states (``heads``, ``camera``, ``depth_max``, ...);
            None takes the released model's.

    Raises:
        WeightsMismatch: when a tensor that defines a size is missing or has another number of dimensions.
    """

    def shape(name: str, dims: int) -> Sequence[int]:
        found = shapes.get(name)
        if found is None or len(found) != dims:
            got = "nothing" if found is None else list(found)
            raise WeightsMismatch(
                f"{name} must be there with {dims} dimensions; got {got}. The file is incomplete or another model."
            )
        return found

    def count(room: str) -> int:
        return len({name.split(".")[2] for name in shapes if name.startswith(f"{room}.layers.")})

    video, rays = shape("video_conv.weight", 4), shape("camera_conv.weight", 5)
    head = "dpt_head.dpt."
    first = f"{head}head.0.weight"
    sizes: dict[str, Any] = {
        "width": int(video[0]),
        "latent_channels": int(video[1]),
        "patch": int(video[2]),
        "pose_kernel": tuple(int(n) for n in rays[2:]),
        "ffn": int(shape("transformer.layers.0.linear1.weight", 2)[0]),
        "trunk_layers": count("transformer"),
        "gs_layers": count("transformer_gs"),
        "stages": tuple(int(shape(f"{head}act_postprocess.{i}.0.weight", 4)[0]) for i in range(4)),
        "features": int(shape(first, 4)[1]),
        "head_hidden": int(shape(first, 4)[0]),
        "head_out": int(shape(f"{head}head.3.weight", 4)[0]),
        "depth_channels": int(shape("deconv3d_dpt.weight", 5)[1]),
        "attribute_channels": int(shape("deconv3d_sh.weight", 5)[1]),
    }
    from_header = {field.name for field in fields(LRMConfig)} - set(sizes)
    try:
        return LRMConfig(**sizes, **{k: v for k, v in (header or {}).items() if k in from_header})
    except InvalidInput as error:
        raise WeightsMismatch(f"the weights are of no known reconstruction model: {error}") from error
