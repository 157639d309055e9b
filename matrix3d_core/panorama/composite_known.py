"""Composites the known guidance pixels over generated frames, which remain only in the holes."""

from __future__ import annotations

import torch
from torch import Tensor

from ..checks import check_finite, check_floating, check_shape, check_two_to_one
from ..errors import InvalidInput
from ..progress import ProgressEvent, ProgressFn, no_progress
from .color import fit_gain
from .resample import pad_erp, resize_erp

__all__ = ["composite_texels", "keep_weight"]

_GAIN_WIDTH = 256  # frames are compared at this width: small shifts between them average out
_ENOUGH_SHARE = 0.01  # of a frame's pixels that must be known for its own gain to count
_SMOOTH_FRAMES = 2.0  # standard deviation of the smoothing in time


def composite_texels(
    frames: Tensor,  # [T, h, w, 3]
    rendered: Tensor,  # [T, H, W, 3]
    mask: Tensor,  # [T, H, W]
    *,
    feather_px: int = 8,
    match_gain: bool = True,
    progress: ProgressFn = no_progress,
) -> Tensor:  # [T, H, W, 3]
    """Composite the guidance where it is known over the generated frames in its holes.

    The result has the guidance's size; generated frames are enlarged bicubically. The blend is in the
    known region, along the holes: a hole contains no guidance. Everything is continuous over the
    panorama's border and poles. One frame's worth of temporaries is held at a time.

    Args:
        frames: ``[T, h, w, 3]`` generated frames in [0, 1], 2:1.
        rendered: ``[T, H, W, 3]`` guidance in [0, 1]; its values in the holes do not matter.
        mask: ``[T, H, W]``, above 0.5 where the guidance is known.
        feather_px: width of the blend in pixels of the result, 0 for a hard edge.
        match_gain: match the colors of each generated frame to the guidance first, by one gain and offset
            per channel from the pixels known in both, smooth in time.
        progress: called after each frame with the frame as preview.

    Returns:
        ``[T, H, W, 3]`` float32 in [0, 1]. Away from the holes it is the guidance, bit for bit.

    Raises:
        InvalidInput: on wrong shapes, different lengths, values that are not finite, or a negative feather.
    """
    size = check_shape("guidance", rendered, "T H W 3")
    count, height, width = size["T"], size["H"], size["W"]
    check_two_to_one("guidance", height, width)
    if mask.shape != rendered.shape[:3]:
        raise InvalidInput(
            f"mask must have the guidance's shape [{count}, {height}, {width}]; got {list(mask.shape)}. "
            "Take both from the same MeshGuidanceRender."
        )
    given = check_shape("frames", frames, "T h w 3")
    if count < 1 or given["T"] != count:
        raise InvalidInput(
            f"frames and guidance must have the same length, at least 1; got {given['T']} frames and {count} of "
            "the guidance."
        )
    check_two_to_one("frames", given["h"], given["w"])
    if feather_px < 0:
        raise InvalidInput(f"feather_px must be 0 or more; got {feather_px}.")
    for name, tensor in (("frames", frames), ("guidance", rendered), ("mask", mask)):
        check_floating(name, tensor)
        for frame in tensor:
            check_finite(name, frame)

    steps = count * (2 if match_gain else 1)
    gains = _gains(frames, rendered, mask, progress, steps) if match_gain else None
    result = torch.empty(count, height, width, 3, dtype=torch.float32, device=rendered.device)
    for index in range(count):
        generated = resize_erp(frames[index].to(rendered.device, torch.float32), height, width)
        if gains is not None:
            generated = generated * gains[index, 0] + gains[index, 1]
        weight = keep_weight(mask[index], feather_px).unsqueeze(-1)
        known = rendered[index].float()
        blended = torch.lerp(generated.clamp(0, 1), known, weight)
        result[index] = torch.where(weight == 1, known, blended).clamp(0, 1)
        progress(ProgressEvent(steps - count + index + 1, steps, "composite frames", result[index]))
    return result


def keep_weight(mask: Tensor, feather_px: int) -> Tensor:  # [H, W] -> [H, W]
    """Return the weight of the guidance: 0 in the holes, rising to 1 over ``feather_px`` around them."""
    is_open = (mask <= 0.5).float()
    reach = (feather_px + 1) // 2
    if reach == 0:
        return 1 - is_open
    # Grow the holes by half of the feather, then average over a box as wide as it: 0 up to the hole's border.
    padded = pad_erp(is_open.unsqueeze(-1), 2 * reach)[..., 0][None, None]
    kernel = 2 * reach + 1
    grown = torch.nn.functional.max_pool2d(padded, (kernel, 1), stride=1)
    grown = torch.nn.functional.max_pool2d(grown, (1, kernel), stride=1)
    mean = torch.nn.functional.avg_pool2d(grown, (kernel, 1), stride=1)
    mean = torch.nn.functional.avg_pool2d(mean, (1, kernel), stride=1)[0, 0]
    # Averages of ones are exact up to rounding; snap them to exact 0 and 1.
    weight = ((1 - mean) * kernel**2).round() / kernel**2
    return weight.clamp(0, 1)


def _gains(
    frames: Tensor, rendered: Tensor, mask: Tensor, progress: ProgressFn, steps: int
) -> Tensor:  # [T, 2, 3]
    """Fit each frame, then smooth over time; frames with few known pixels rely on their neighbors."""
    count = frames.shape[0]
    gains = torch.empty(count, 2, 3, dtype=torch.float64)
    trust = torch.empty(count, dtype=torch.float64)
    width = min(_GAIN_WIDTH, frames.shape[2], rendered.shape[2])
    size = (width // 2, 2 * (width // 2))
    for index in range(count):
        is_known = (mask[index] > 0.5).float().cpu()
        share = _area(is_known.unsqueeze(-1), size)[..., 0]
        usable = share > 0.999
        known = _area(rendered[index].float().cpu() * is_known.unsqueeze(-1), size)
        generated = _area(frames[index].float().cpu(), size)
        gain, offset = fit_gain(generated[usable], known[usable])
        gains[index] = torch.stack((gain, offset))
        trust[index] = min(1.0, float(usable.float().mean()) / _ENOUGH_SHARE)
        progress(ProgressEvent(index + 1, steps, "match the colors"))
    times = torch.arange(count, dtype=torch.float64)
    weight = torch.exp(-0.5 * ((times[:, None] - times) / _SMOOTH_FRAMES) ** 2) * trust
    total = weight.sum(1, keepdim=True)
    smooth = (weight @ gains.flatten(1)) / total.clamp_min(1e-12)
    neutral = torch.tensor([1.0, 1.0, 1.0, 0.0, 0.0, 0.0], dtype=torch.float64)
    smooth = torch.where(total > 1e-6, smooth, neutral)
    return smooth.reshape(count, 2, 3).to(rendered.device, torch.float32)


def _area(image: Tensor, size: tuple[int, int]) -> Tensor:  # [H, W, C] -> [h, w, C]
    channels = image.movedim(-1, 0).unsqueeze(0)
    return torch.nn.functional.interpolate(channels, size, mode="area")[0].movedim(0, -1)
