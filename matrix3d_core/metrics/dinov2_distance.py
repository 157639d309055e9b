"""DINOv2 distance: how unlike two pictures are to a network that saw photographs without labels.

It is this library's own number, not LPIPS and not comparable with it: the same idea (features normalized over channels,
compared place by place), on DINOv2's tokens and without learned weights.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ..errors import InvalidInput
from ..features.dinov2 import PATCH_PX, Dinov2

__all__ = ["dinov2_distance", "dinov2_video_features"]

_SHORT_PX = 224


def dinov2_distance(backbone: Dinov2, a: Tensor, b: Tensor) -> Tensor:  # [B, 3, H, W] twice -> [B]
    """Return 1 minus the cosine of the two pictures' tokens, averaged over all tokens and the layers 3, 6, 9 and 12.

    0 for equal pictures; at most 2. Pictures are resized so that the shorter side is 224 and both are multiples of 14.

    Args:
        backbone: on the pictures' device.
        a: ``[B, 3, H, W]`` in [0, 1].
        b: same shape.

    Raises:
        InvalidInput: for other shapes.

    Source: M. Oquab et al., DINOv2, 2023 (features); R. Zhang et al., The Unreasonable Effectiveness of Deep
    Features as a Perceptual Metric, 2018 (normalized features compared place by place).
    """
    if a.shape != b.shape or a.ndim != 4 or a.shape[1] != 3 or 0 in a.shape:
        raise InvalidInput(
            f"a and b must be two batches [B, 3, H, W] of one shape; got {list(a.shape)} and {list(b.shape)}."
        )
    factor = _SHORT_PX / min(a.shape[2:])
    size = tuple(max(1, round(side * factor / PATCH_PX)) * PATCH_PX for side in a.shape[2:])
    both = F.interpolate(torch.cat((a, b)).float(), size, mode="bilinear", antialias=True).clamp(0, 1)
    total = torch.zeros(len(a), device=a.device)
    layers = backbone(both)
    for tokens in layers:
        first, second = tokens.chunk(2)
        total += (1 - F.cosine_similarity(first, second, dim=-1)).mean((1, 2))
    return total / len(layers)


@torch.no_grad()
def dinov2_video_features(backbone: Dinov2, frames: Tensor) -> Tensor:  # [T, H, W, 3] -> [4, D]
    """Return features of a panoramic video, one row per quarter of the horizon, for a Frechet distance.

    A row is the mean over time of the last layer's mean token, and the mean size of its change from frame to frame. The
    distance between sets of such rows is this library's own number, not FVD and not comparable with it.

    Args:
        backbone: on the frames' device.
        frames: ``[T, H, W, 3]`` in [0, 1], at least 2.

    Raises:
        InvalidInput: for another shape.

    Source: T. Unterthiner et al., FVD: A new Metric for Video Generation, 2019 (a Frechet distance of video features).
    """
    if frames.ndim != 4 or frames.shape[-1] != 3 or len(frames) < 2:
        raise InvalidInput(f"frames must be [T, H, W, 3] with at least 2 frames; got {list(frames.shape)}.")
    height, width = frames.shape[1:3]
    middle = frames[:, height // 4 : height - height // 4].float()
    size = (_SHORT_PX // PATCH_PX // 2 * PATCH_PX,) * 2
    rows = []
    for part in middle.movedim(-1, 1).split(width // 4, -1)[:4]:
        pictures = F.interpolate(part, size, mode="bilinear", antialias=True).clamp(0, 1)
        tokens = backbone(pictures)[-1].flatten(1, -2).mean(1)
        rows.append(torch.cat((tokens.mean(0), tokens.diff(dim=0).abs().mean(0))))
    return torch.stack(rows)
