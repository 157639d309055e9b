"""A whole path through the video model, segment by segment; the caller provides the model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from ..diffusion.conditioning import GuidanceClip, carry_over
from ..errors import InvalidInput
from .segments import Segment, SegmentSeam, join_frames, join_latents, measure_segment_seam

__all__ = ["Continue", "PathVideo", "sample_path"]

Generate = Callable[[GuidanceClip, int], Tensor]
"""Guidance of a segment and its number to latents ``[1, C, t, h, w]``."""

Decode = Callable[[Tensor], Tensor]
"""Latents to frames ``[T, H, W, 3]`` in [0, 1]."""

Continue = Callable[[GuidanceClip, Segment, Tensor], GuidanceClip]
"""Guidance of a segment, the segment, and its known frames ``[V, H, W, 3]`` to better guidance."""


@dataclass(frozen=True)
class PathVideo:
    """The generated video of a path.

    Attributes:
        frames: ``[T, H, W, 3]`` float32 in [0, 1].
        latents: ``[1, C, t, h, w]``, of all segments, each latent frame from one of them.
        seams: one per place where two segments meet.
    """

    frames: Tensor
    latents: Tensor
    seams: list[SegmentSeam]


def sample_path(
    clip: GuidanceClip,
    plan: list[Segment],
    generate: Generate,
    decode: Decode,
    *,
    continue_guidance: Continue | None = None,
) -> PathVideo:
    """Sample and decode the segments of a path in order and join them.

    The last frames of a segment become the first of the next one's guidance, as given; after that one is
    generated, both versions of these frames are cross-faded.

    Args:
        clip: guidance of the whole path.
        plan: of `plan_segments`, for as many frames as the clip has.
        generate: conditions and samples the model.
        decode: decodes latents.
        continue_guidance: makes better guidance for a segment out of what the ones before showed.

    Raises:
        InvalidInput: when plan and clip do not match, or the model returned NaN.
    """
    if not plan or plan[-1].stop != len(clip):
        raise InvalidInput(f"plan must end with the clip, at {len(clip)} frames. Make it with plan_segments.")
    latents = _checked(generate(clip.part(0, plan[0].stop), 0))
    frames = decode(latents)
    if len(plan) == 1:
        return PathVideo(frames, latents, [])
    joined = torch.zeros(len(clip), *frames.shape[1:])
    joined[: len(frames)] = frames
    seams = []
    for index, segment in enumerate(plan[1:], start=1):
        known = slice(segment.start, segment.start + segment.known)
        part = clip.part(segment.start, segment.stop)
        if continue_guidance is not None:
            part = continue_guidance(part, segment, joined[known])
        made = _checked(generate(carry_over(part, joined[known]), index))
        earlier = joined[known].clone()
        frames = decode(made)
        join_frames(joined, frames, segment)
        latents = join_latents(latents, made, segment.known)
        seams.append(measure_segment_seam(earlier, frames[: segment.known], joined, segment))
    return PathVideo(joined, latents, seams)


def _checked(latents: Tensor) -> Tensor:
    bad = int((~torch.isfinite(latents)).sum())
    if bad:
        raise InvalidInput(
            f"the model must give finite latents; {bad} of {latents.numel()} are NaN or infinite. A float16 model "
            "or VAE may overflow: load it in bfloat16, and check that the LoRA is for this model."
        )
    return latents
