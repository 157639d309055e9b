"""Paths longer than the video model can take at once: overlapping segments and how they join."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ..checks import check_shape
from ..errors import InvalidInput

__all__ = [
    "Segment",
    "SegmentSeam",
    "crossfade_weights",
    "join_frames",
    "join_latents",
    "measure_segment_seam",
    "plan_segments",
]

_TIME_FACTOR = 4
_TINY = 1e-8


@dataclass(frozen=True)
class Segment:
    """Frames ``start .. stop - 1`` of the path; the first ``known`` were made by the segment before."""

    start: int
    stop: int
    known: int

    def __len__(self) -> int:
        return self.stop - self.start


def plan_segments(count: int, per_segment: int = 81, overlap: int = 9) -> list[Segment]:
    """Split a path into overlapping segments of nearly equal length.

    All lengths are 4k + 1, none exceeds ``per_segment``, and neighbors share exactly ``overlap`` frames.
    Lengths differ by at most 4, so no segment is very short and no frame is wasted: 161 frames become
    three of 61, 61 and 57, not 81, 81 and 17.

    Args:
        count: frames of the path, 4k + 1.
        per_segment: most frames at once, 4k + 1.
        overlap: frames carried over from one to the next, 4k + 1, less than ``per_segment``.

    Returns:
        The segments in order; a single one when the path is short enough.

    Raises:
        InvalidInput: when a number does not follow these rules.
    """
    for name, value in (("frames", count), ("frames_per_segment", per_segment), ("overlap", overlap)):
        if value < 1 or value % _TIME_FACTOR != 1:
            below = max(1, (value - 1) // _TIME_FACTOR * _TIME_FACTOR + 1)
            raise InvalidInput(
                f"{name} must be 4k + 1 (1, 5, 9, ...); got {value}. Nearest are {below} and "
                f"{below + _TIME_FACTOR}."
            )
    if overlap >= per_segment:
        raise InvalidInput(
            f"overlap must be less than frames_per_segment; got {overlap} of {per_segment}. "
            "5 to 17 frames are usual."
        )
    if count <= per_segment:
        return [Segment(0, count, 0)]
    hops = (count - overlap) // _TIME_FACTOR
    parts = -(-hops // ((per_segment - overlap) // _TIME_FACTOR))
    segments, start = [], 0
    for index in range(parts):
        hop = _TIME_FACTOR * (hops // parts + (index < hops % parts))
        segments.append(Segment(start, start + hop + overlap, overlap if index else 0))
        start += hop
    return segments


def crossfade_weights(overlap: int) -> Tensor:  # [overlap]
    """Return the later segment's weight in each shared frame: a linear ramp without 0 and 1."""
    return torch.arange(1, overlap + 1) / (overlap + 1)


def join_frames(joined: Tensor, later: Tensor, segment: Segment) -> None:
    """Write a segment into the path's frames, in place, cross-fading the shared ones.

    Args:
        joined: ``[T, H, W, 3]``, holding all frames before ``segment.start + segment.known``.
        later: ``[len(segment), H, W, 3]``.
        segment: where it goes.
    """
    check_shape("later", later, f"{len(segment)} {joined.shape[1]} {joined.shape[2]} {joined.shape[3]}")
    for index, weight in enumerate(crossfade_weights(segment.known).tolist()):
        joined[segment.start + index].lerp_(later[index], weight)
    joined[segment.start + segment.known : segment.stop] = later[segment.known :]


def join_latents(earlier: Tensor, later: Tensor, known: int) -> Tensor:  # [B, C, T, h, w]
    """Append a segment's latents to those of the path so far.

    Segments start at multiples of 4, so their latent frames fall on the path's; the shared ones are
    kept from the earlier segment, whose first frame is not a frame on its own.

    Args:
        earlier: ``[B, C, T1, h, w]`` latents of everything before.
        later: ``[B, C, T2, h, w]`` latents of the segment.
        known: its shared frames, 4k + 1.

    Returns:
        ``[B, C, T1 + T2 - (k + 1), h, w]``.
    """
    shared = (known - 1) // _TIME_FACTOR + 1
    return torch.cat((earlier, later[:, :, shared:].to(earlier)), 2)


@dataclass(frozen=True)
class SegmentSeam:
    """How well two segments meet.

    Attributes:
        frame: first shared frame.
        known: how many are shared.
        disagreement: mean absolute difference of the two versions of the shared frames, in [0, 1].
        step_ratio: largest change from frame to frame in and right after the cross-fade, relative to the
            median of the changes around it; about 1 when no seam shows.
    """

    frame: int
    known: int
    disagreement: float
    step_ratio: float

    def __str__(self) -> str:
        return (
            f"seam at frames {self.frame} to {self.frame + self.known - 1}: the two versions differ by "
            f"{self.disagreement * 255:.2f} of 255 on average; largest change from frame to frame "
            f"{self.step_ratio:.2f} times that around it"
        )


def measure_segment_seam(
    earlier: Tensor,  # [V, H, W, 3]
    later: Tensor,  # [V, H, W, 3]
    joined: Tensor,  # [T, H, W, 3]
    segment: Segment,
) -> SegmentSeam:
    """Measure how well a segment continues the one before.

    Args:
        earlier: the shared frames as the segment before made them.
        later: the same as the segment made them.
        joined: the path's frames with the segment written in.
        segment: the later one.
    """
    check_shape("later", later, " ".join(map(str, earlier.shape)))
    pairs = zip(earlier, later, strict=True)
    disagreement = sum(float((a - b).abs().mean()) for a, b in pairs) / max(1, segment.known)
    first = max(1, segment.start - segment.known)
    last = min(segment.stop, segment.start + 2 * segment.known + 1)
    changes = {t: float((joined[t] - joined[t - 1]).abs().mean()) for t in range(first, last)}
    seam = range(max(1, segment.start), min(last, segment.start + segment.known + 1))
    inside = [changes[t] for t in seam]
    around = torch.tensor([change for t, change in changes.items() if t not in seam] or inside)
    ratio = (max(inside) + _TINY) / (float(around.median()) + _TINY)
    return SegmentSeam(segment.start, segment.known, disagreement, ratio)
