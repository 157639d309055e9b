"""Super-resolution of panoramas by a network for flat pictures: no seam at the border."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from ..checks import check_shape, check_two_to_one
from ..errors import InvalidInput
from ..progress import ProgressEvent, ProgressFn, no_progress
from ..scene.camera import Equirect

__all__ = ["upscale_panoramas"]

_REACH_PX = 32  # more than a network of 17 convolutions sees, and the overlap of the host's tiles


def upscale_panoramas(
    panoramas: Tensor,  # [N, H, W, 3]
    enlarge: Callable[[Tensor], Tensor],
    *,
    width: int = 0,
    progress: ProgressFn = no_progress,
) -> Tensor:
    """Enlarge panoramas one by one; each is continued around its border first, so that both ends fit.

    Args:
        panoramas: ``[N, H, W, 3]`` in [0, 1], 2:1.
        enlarge: returns pictures ``[1, h, w, 3]`` enlarged by a whole factor.
        width: columns of the result, even, pixels averaged or interpolated; 0: as the network enlarges.
        progress: called before each; may raise to stop.

    Returns:
        ``[N, width / 2, width, 3]`` float32 in [0, 1] on the CPU.

    Raises:
        InvalidInput: when the pictures are no panoramas, or width or the network's factor is out of range.
    """
    size = check_shape("panoramas", panoramas, "N H W 3")
    check_two_to_one("panoramas", size["H"], size["W"])
    if width < 0 or width % 2:
        raise InvalidInput(f"width must be even and not negative; got {width}.")
    camera = Equirect((size["H"], size["W"]))
    results = []
    for index, panorama in enumerate(panoramas):
        progress(ProgressEvent(index, len(panoramas), f"upscale panorama {index + 1} of {len(panoramas)}"))
        wide = camera.pad(panorama.permute(2, 0, 1)[None].float(), _REACH_PX).permute(0, 2, 3, 1)
        large = enlarge(wide).detach().float().cpu()
        factor, rest = divmod(large.shape[1], wide.shape[1])
        if factor < 1 or rest or large.shape[2] != factor * wide.shape[2]:
            raise InvalidInput(
                f"an upscale model must enlarge by a whole factor; got {large.shape[2]}x{large.shape[1]} from "
                f"{wide.shape[2]}x{wide.shape[1]}. Use another model."
            )
        edge = factor * _REACH_PX
        inner = large[0, edge:-edge, edge:-edge]
        full = Equirect((inner.shape[0], inner.shape[1]))
        results.append(full.crop(inner, full.resized(width // 2, width)) if width else inner)
    progress(ProgressEvent(len(panoramas), len(panoramas), "panoramas upscaled"))
    return torch.stack(results).clamp(0, 1)
