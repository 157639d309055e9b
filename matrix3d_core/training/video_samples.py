"""Training samples of the video model: a clip's latents, and guidance rendered from its first frame and distances.

Source: Matrix-3D, 2025, section 6.2 (true depth of the first frame, 480x960 and 720x1440, 81 frames).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor

from ..depth.panorama_depth import geometry_from_depth
from ..diffusion.conditioning import GuidanceClip, prepare_guidance
from ..diffusion.sizes import check_size, fit_frame_count
from ..errors import InvalidInput
from ..guidance.render import GUIDANCE_MODES, render_guidance
from ..progress import ProgressFn, no_progress
from ..scene.trajectory import Trajectory
from ..standalone.video import VideoConfig, condition_latents
from ..trajectories.defaults import DEFAULT_FRAMES
from ..video.prompts import apply_prompt_preset
from .clips import CapturedClip

__all__ = [
    "VideoSampleConfig",
    "encode_sample",
    "guidance_of_clip",
    "largest_size",
    "sample_name",
    "select_frames",
    "size_of_clip",
    "without_padding",
]

_FACTOR, _FEWEST = 8, 5


@dataclass(frozen=True)
class VideoSampleConfig:
    """What a sample is made of.

    Attributes:
        sizes: rows of the videos; a clip takes the largest that its frames have.
        frames: most frames of a video, 4k + 1; a shorter clip gives a shorter video.
        stride: every how many frames of the clip are taken.
        guidance: one of `GUIDANCE_MODES`.
        use_mask: tell the network what is known; without, all of the guidance counts as known.
        use_frame: wrap captions in the wording of the released LoRAs.
    """

    sizes: tuple[int, ...] = (480,)
    frames: int = DEFAULT_FRAMES
    stride: int = 1
    guidance: str = "mesh"
    use_mask: bool = True
    use_frame: bool = True

    def __post_init__(self) -> None:
        if not self.sizes:
            raise InvalidInput("sizes must hold at least one number of rows; got none.")
        for rows in self.sizes:
            check_size(rows, 2 * rows, factor=_FACTOR)
        if self.frames < _FEWEST or self.stride < 1:
            raise InvalidInput(
                f"frames must be at least {_FEWEST} and stride at least 1; got {self.frames} and {self.stride}."
            )
        fit_frame_count(self.frames)
        if self.guidance not in GUIDANCE_MODES:
            raise InvalidInput(f"guidance must be one of {', '.join(GUIDANCE_MODES)}; got {self.guidance!r}.")

    def settings(self) -> dict[str, Any]:
        """Return all of it, JSON-serializable."""
        return {**asdict(self), "sizes": list(self.sizes)}


def sample_name(clip: str, stride: int) -> str:
    """Return the name of a clip's sample."""
    return clip if stride == 1 else f"{clip}_every{stride}"


def largest_size(what: str, height: int, sizes: Sequence[int]) -> int:
    """Return the largest of some numbers of rows that a panorama of ``height`` rows has.

    Raises:
        InvalidInput: when it is smaller than all; ``what`` names it.
    """
    fitting = [rows for rows in sizes if rows <= height]
    if not fitting:
        least = min(sizes)
        raise InvalidInput(
            f"{what} must be at least {2 * least}x{least}; got {2 * height}x{height}. Train at a smaller size, or "
            "leave it out."
        )
    return max(fitting)


def size_of_clip(clip: CapturedClip, config: VideoSampleConfig) -> int:
    """Return the rows of a clip's video.

    Raises:
        InvalidInput: when its frames are no panoramas or smaller than all sizes.
    """
    height, width = clip.frames.shape[1:3]
    if width != 2 * height:
        raise InvalidInput(
            f"{clip.name}: frames must be panoramas, twice as wide as high; got {width}x{height}."
        )
    return largest_size(f"{clip.name}: frames", height, config.sizes)


def select_frames(clip: CapturedClip, config: VideoSampleConfig) -> list[int]:
    """Return which frames of a clip are shown.

    Raises:
        InvalidInput: when there are too few.
    """
    there = len(range(0, len(clip.frames), config.stride))
    count = fit_frame_count(min(there, config.frames), "trim")
    if count < _FEWEST:
        raise InvalidInput(
            f"{clip.name}: must have at least {_FEWEST} frames, each {config.stride} after the last; got {there}."
        )
    return [config.stride * index for index in range(count)]


def guidance_of_clip(
    clip: CapturedClip, config: VideoSampleConfig, *, progress: ProgressFn = no_progress
) -> GuidanceClip:
    """Render a clip's first frame with its distances along the clip's path.

    Raises:
        InvalidInput: for a clip of a wrong size or length.
    """
    rows, chosen = size_of_clip(clip, config), select_frames(clip, config)
    geometry = geometry_from_depth(clip.frames[0].float() / 255, clip.depth[0])
    path = Trajectory(clip.trajectory.camera_from_world[chosen])
    guidance = render_guidance(geometry, path, height=rows, mode=config.guidance, progress=progress)
    mask = guidance.mask if config.use_mask else torch.ones_like(guidance.mask)
    return prepare_guidance(guidance.rgb, mask, rows, 2 * rows)


def encode_sample(
    clip: CapturedClip,
    config: VideoSampleConfig,
    pipeline: Any,
    encode_text: Callable[[str], Tensor],
    encode_image: Callable[[GuidanceClip], Tensor | None],
    *,
    device: torch.device | str = "cpu",
    progress: ProgressFn = no_progress,
) -> dict[str, Tensor]:
    """Encode a clip.

    Args:
        clip: with distances of its first frame.
        config: see `VideoSampleConfig`.
        pipeline: a Wan pipeline of diffusers; its VAE is on ``device``.
        encode_text: a prompt to states ``[tokens, D]``.
        encode_image: guidance to CLIP's states of its first frame ``[tokens, D]``, or None.
        device: where the VAE computes.
        progress: called between frames.

    Returns:
        ``latents [16, t, h, w]``, ``condition [20, t, h, w]`` (float16), ``text`` and ``image``, and ``frames``
        ``[3, H/2, W/2, 3]`` uint8: the first, middle and last, for validation pictures.

    Raises:
        InvalidInput: for a clip of a wrong size or length.
    """
    guidance = guidance_of_clip(clip, config, progress=progress)
    rows, chosen = guidance.frames.shape[1], select_frames(clip, config)
    shown = _resized(clip.frames[chosen], rows)
    settings = VideoConfig(height=rows, width=2 * rows)
    condition = condition_latents(pipeline, guidance, config=settings, device=device, progress=progress)[0]
    whole = GuidanceClip(shown, torch.full(shown.shape[:3], 255, dtype=torch.uint8))
    latents = condition_latents(pipeline, whole, config=settings, device=device, progress=progress)[0, 4:]
    prompt = apply_prompt_preset("video", clip.caption)[0] if config.use_frame else clip.caption
    parts = {
        "latents": latents.half(),
        "condition": condition.half(),
        "text": without_padding(encode_text(prompt)),
        "frames": _resized(shown[[0, len(shown) // 2, -1]], rows // 2),
    }
    image = encode_image(guidance)
    return parts if image is None else {**parts, "image": image.to(torch.bfloat16)}


def _resized(frames: Tensor, rows: int) -> Tensor:  # [T, H, W, 3] uint8
    """Return frames at another size, each pixel the mean of what it covers."""
    if frames.shape[1] == rows:
        return frames
    planes = frames.movedim(-1, 1).float()
    small = torch.nn.functional.interpolate(planes, (rows, 2 * rows), mode="bilinear", antialias=True)
    return small.round().clamp(0, 255).to(torch.uint8).movedim(1, -1).contiguous()


def without_padding(states: Tensor) -> Tensor:  # [tokens, D] -> [used tokens, D]
    """Return text states up to the last that is not zero, at least one, in bfloat16."""
    used = states.abs().amax(-1).nonzero()
    return states[: int(used[-1]) + 1 if len(used) else 1].to(torch.bfloat16).contiguous()
