"""Conditioning of the video model: guidance frames and mask in upstream's exact form.

Frames are resized and stored in 8 bits, as in a video file: 81 frames of 1440x720 with their mask
take 0.34 GB, and floats exist only for the piece that is being encoded.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn.functional import interpolate

from ..checks import check_shape
from ..errors import InvalidInput
from ..progress import ProgressEvent, ProgressFn, no_progress
from .sizes import latent_frames

__all__ = [
    "GuidanceClip",
    "black_where_masked",
    "carry_over",
    "clip_picture",
    "clip_picture_of",
    "clip_pixels",
    "describe_conditioning",
    "pack_mask",
    "prepare_guidance",
    "resize_guidance",
    "to_unit",
    "to_working",
]

_CLIP_SIZE = 224
_CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)
_CLIP_STD = (0.26862954, 0.26130258, 0.27577711)
_TIME_FACTOR = 4


@dataclass(frozen=True)
class GuidanceClip:
    """Guidance at the model's size.

    Attributes:
        frames: ``[T, H, W, 3]``, ``T = 4k + 1``; uint8 levels, or float32 in [0, 1].
        mask: ``[T, H, W]`` of the same type; 255 or 1 = given, 0 = to generate, continuous between.
    """

    frames: Tensor
    mask: Tensor

    def __len__(self) -> int:
        return self.frames.shape[0]

    def part(self, start: int, stop: int) -> GuidanceClip:
        """Return some of the frames, without a copy."""
        return GuidanceClip(self.frames[start:stop], self.mask[start:stop])


def to_unit(values: Tensor) -> Tensor:
    """Return uint8 levels as float32 in [0, 1]; floats as they are."""
    return values.float() / 255 if values.dtype == torch.uint8 else values


def to_working(values: Tensor, *, eight_bit: bool) -> Tensor:
    """Return [0, 1] floats as uint8 levels, half a level rounded up, or as float32."""
    if not eight_bit:
        return values.float()
    return (values.clamp(0, 1) * 255 + 0.5).floor().to(torch.uint8)


def resize_guidance(
    frames: Tensor,  # [T, H0, W0, 3]
    mask: Tensor,  # [T, H0, W0]
    height: int,
    width: int,
    *,
    transposed: bool = True,
    eight_bit: bool = True,
    progress: ProgressFn = no_progress,
) -> tuple[Tensor, Tensor]:
    """Resize guidance frames and mask as upstream does: bilinear over the whole footprint, in 8 bits.

    Upstream resizes twice, first to a picture ``height`` wide and ``width`` tall (its arguments are
    swapped), then to the target. The detail of the guidance is thereby limited to ``height`` columns;
    the released LoRAs were trained with it.

    Args:
        frames: ``[T, H0, W0, 3]`` in [0, 1].
        mask: ``[T, H0, W0]`` in [0, 1], 1 = seen.
        height: target rows.
        width: target columns.
        transposed: go through the transposed intermediate.
        eight_bit: round to 8-bit levels before, between and after, as pictures files do.
        progress: called before each frame; raising in it cancels.

    Returns:
        ``[T, height, width, 3]`` and ``[T, height, width]`` float32 in [0, 1].

    Raises:
        InvalidInput: when shapes do not fit together or a value is not finite.
    """
    clip = _resize(frames, mask, height, width, transposed, eight_bit, progress)
    return to_unit(clip.frames), to_unit(clip.mask)


def black_where_masked(frames: Tensor, mask: Tensor) -> Tensor:
    """Return frames with black where the mask says less than half seen.

    Args:
        frames: ``[..., 3]`` uint8 levels or floats in [0, 1].
        mask: ``[...]`` of the same type; below 0.5 (of 1) counts as not seen.

    Returns:
        A new tensor like ``frames``.
    """
    half = 127.5 if mask.dtype == torch.uint8 else 0.5
    return torch.where((mask < half).unsqueeze(-1), torch.zeros((), dtype=frames.dtype), frames)


def prepare_guidance(
    frames: Tensor,  # [T0, H0, W0, 3]
    mask: Tensor,  # [T0, H0, W0]
    height: int,
    width: int,
    *,
    count: int | None = None,
    start: Tensor | None = None,  # [H1, W1, 3]
    transposed: bool = True,
    blacken: bool = True,
    eight_bit: bool = True,
    progress: ProgressFn = no_progress,
) -> GuidanceClip:
    """Bring guidance into the form that gets encoded.

    Args:
        frames: ``[T0, H0, W0, 3]`` in [0, 1].
        mask: ``[T0, H0, W0]`` in [0, 1], 1 = seen.
        height: rows of the model's picture.
        width: columns of the model's picture.
        count: frames to return; the last is repeated or the rest dropped. None: all.
        start: the panorama at the beginning of the path. It becomes frame 0, with a full mask.
        transposed: see `resize_guidance`.
        blacken: set pixels to black where the resized mask is below one half.
        eight_bit: work in 8-bit levels. False keeps floats, at four times the memory.
        progress: called before each frame; raising in it cancels.

    Returns:
        A clip of ``count`` frames.

    Raises:
        InvalidInput: when shapes do not fit together or a value is not finite.
    """
    given = frames.shape[0] if isinstance(frames, Tensor) and frames.ndim else 0
    count = given if count is None else count
    clip = _resize(frames, mask, height, width, transposed, eight_bit, progress, count)
    if start is not None:
        check_shape("start panorama", start, "H W 3")
        whole = torch.ones(1, *start.shape[:2])
        first = _resize(start.unsqueeze(0), whole, height, width, transposed, eight_bit, no_progress)
        clip.frames[0], clip.mask[0] = first.frames[0], first.mask[0]
    if blacken:
        for index in range(len(clip)):
            clip.frames[index] = black_where_masked(clip.frames[index], clip.mask[index])
    return clip


def carry_over(clip: GuidanceClip, generated: Tensor) -> GuidanceClip:
    """Return the clip with its first frames replaced by generated ones, which count as given.

    Args:
        clip: the guidance; not changed.
        generated: ``[V, H, W, 3]`` in [0, 1], of the clip's size, ``V <= T``.
    """
    known = generated.shape[0]
    frames, mask = clip.frames.clone(), clip.mask.clone()
    is_bytes = frames.dtype == torch.uint8
    frames[:known] = to_working(generated, eight_bit=is_bytes)
    mask[:known] = 255 if is_bytes else 1
    return GuidanceClip(frames, mask)


def pack_mask(mask: Tensor, h: int, w: int, factor: int = 8) -> Tensor:  # [4, T_lat, h, w]
    """Pack the mask of ``4k + 1`` frames into four channels of ``k + 1`` latent frames.

    Each frame is looked up bilinearly at the latent's resolution (four pixels around the center of each
    ``factor x factor`` block, not their mean) and stays continuous. All four channels of latent frame 0 hold
    frame 0; channel ``c`` of latent frame ``t >= 1`` holds frame ``4 (t - 1) + 1 + c``.

    Args:
        mask: ``[T, H, W]`` uint8 levels or floats in [0, 1], 1 = given.
        h: latent rows, ``H / factor``.
        w: latent columns, ``W / factor``.
        factor: pixels per latent.

    Returns:
        ``[4, k + 1, h, w]`` float32, 1 = given.

    Raises:
        InvalidInput: when the mask is not ``4k + 1`` frames of ``factor`` times the latent's size.
    """
    size = check_shape("mask", mask, "T H W")
    if (size["H"], size["W"]) != (h * factor, w * factor):
        raise InvalidInput(
            f"mask must be {factor} times as large as the latent, {h * factor}x{w * factor}; "
            f"got {size['H']}x{size['W']}. Resize it with the frames."
        )
    if size["T"] < 1 or size["T"] % _TIME_FACTOR != 1:
        raise InvalidInput(f"mask must have 4k + 1 frames; got {size['T']}.")
    packed = torch.empty(_TIME_FACTOR, latent_frames(size["T"]), h, w)
    for index in range(size["T"]):
        small = interpolate(
            to_unit(mask[index]).float()[None, None], (h, w), mode="bilinear", align_corners=False
        )
        if index == 0:
            packed[:, 0] = small[0, 0]
        else:
            packed[(index - 1) % _TIME_FACTOR, (index - 1) // _TIME_FACTOR + 1] = small[0, 0]
    return packed


def clip_pixels(frame: Tensor) -> Tensor:  # [3, 224, 224]
    """Return a picture as the CLIP vision tower takes it: bicubic without antialias, its mean and deviation.

    Args:
        frame: ``[H, W, 3]`` uint8 levels or floats in [0, 1]; frame 0 of the prepared clip.
    """
    small = _clip_resize(frame)
    mean, deviation = (torch.tensor(values).view(3, 1, 1) for values in (_CLIP_MEAN, _CLIP_STD))
    return (small - mean) / deviation


def clip_picture(frame: Tensor) -> Tensor:  # [224, 224, 3]
    """Return the picture that `clip_pixels` normalizes, in [0, 1], for a tower that normalizes by itself."""
    return _clip_resize(frame).clamp(0, 1).movedim(0, -1).contiguous()


def clip_picture_of(frames: Tensor, height: int, width: int, *, transposed: bool = True) -> Tensor:
    """Return CLIP's input for a video that begins with a panorama: frame 0 at the model's size, squeezed.

    Args:
        frames: ``[T, H, W, 3]`` in [0, 1]; the first one counts and is taken as seen everywhere.
        height: rows of the model's picture.
        width: columns of the model's picture.
        transposed: see `resize_guidance`.

    Returns:
        ``[224, 224, 3]`` float32 in [0, 1].

    Raises:
        InvalidInput: when the shape is wrong or a value is not finite.
    """
    first = frames[:1]
    clip = _resize(first, torch.ones(first.shape[:3]), height, width, transposed, True, no_progress)
    return clip_picture(clip.frames[0])


def _clip_resize(frame: Tensor) -> Tensor:  # [3, 224, 224]
    check_shape("frame", frame, "H W 3")
    picture = to_unit(frame).double().movedim(-1, 0).unsqueeze(0)
    return interpolate(picture, (_CLIP_SIZE, _CLIP_SIZE), mode="bicubic", align_corners=False)[0].float()


def describe_conditioning(clip: GuidanceClip, *, factor: int) -> list[str]:
    """Return lines for the report: sizes, share given, and likely mistakes."""
    count, height, width = clip.mask.shape
    given = torch.tensor([float(to_unit(frame).mean()) for frame in clip.mask])
    lines = [
        f"frames: {count} of {width}x{height}, {latent_frames(count)} latent frames of "
        f"{width // factor}x{height // factor}",
        f"given: frame 0 {float(given[0]):.1%}, mean {float(given.mean()):.1%}, "
        f"least {float(given.min()):.1%} (frame {int(given.argmin())})",
    ]
    if float(given.max()) == 0:
        lines.append(
            "warning: the mask is 0 everywhere, so nothing of the frames is used and the video comes from the "
            "prompt alone. Is it inverted? 1 means visible."
        )
    elif float(given[0]) < 0.99:
        lines.append(
            "warning: frame 0 is not given completely; the models were trained with a whole first panorama. "
            "Connect start, or exact_first_frame of MeshGuidanceRender."
        )
    if count > 1 and float(given[1:].min()) == 1:
        lines.append("note: the mask is 1 everywhere, so there is nothing to inpaint.")
    if width != 2 * height:
        lines.append(f"note: {width}x{height} is not twice as wide as high, so not a whole panorama.")
    return lines


def _resize(
    frames: Tensor,
    mask: Tensor,
    height: int,
    width: int,
    transposed: bool,
    eight_bit: bool,
    progress: ProgressFn,
    count: int | None = None,
) -> GuidanceClip:
    given = _check(frames, mask)
    count = given if count is None else count
    kind = torch.uint8 if eight_bit else torch.float32
    clip = GuidanceClip(
        torch.empty(count, height, width, 3, dtype=kind), torch.empty(count, height, width, dtype=kind)
    )
    through = [(width, height)] if transposed else []
    for index in range(count):
        progress(ProgressEvent(index, count, f"resize guidance {index + 1} of {count}"))
        if index >= given:
            clip.frames[index], clip.mask[index] = clip.frames[given - 1], clip.mask[given - 1]
            continue
        steps = [*through, (height, width)]
        clip.frames[index] = _resize_one(frames[index], steps, eight_bit, f"frame {index}")
        clip.mask[index] = _resize_one(mask[index], steps, eight_bit, f"the mask of frame {index}")
    return clip


def _resize_one(picture: Tensor, sizes: list[tuple[int, int]], eight_bit: bool, name: str) -> Tensor:
    bad = int((~torch.isfinite(picture)).sum())
    if bad:
        raise InvalidInput(
            f"{name} must be finite; {bad} of {picture.numel()} values are NaN or infinite. "
            "Check the node that made it."
        )
    if eight_bit:
        image = Image.fromarray(to_working(picture.cpu(), eight_bit=True).numpy())
        for rows, columns in sizes:
            image = image.resize((columns, rows), Image.Resampling.BILINEAR)
        return torch.from_numpy(np.array(image))
    planes = picture.float().reshape(*picture.shape[:2], -1).movedim(-1, 0).unsqueeze(0)
    for size in sizes:
        planes = interpolate(planes, size, mode="bilinear", align_corners=False, antialias=True)
    return planes[0].movedim(0, -1).reshape(*sizes[-1], *picture.shape[2:])


def _check(frames: Tensor, mask: Tensor) -> int:
    size = check_shape("frames", frames, "T H W 3")
    if size["T"] < 1:
        raise InvalidInput("frames must hold at least 1 picture; got an empty batch.")
    masks = check_shape("mask", mask, "T H W")
    if masks["T"] != size["T"]:
        raise InvalidInput(
            f"mask must have one picture per frame; got {masks['T']} for {size['T']} frames. Connect both from "
            "the same MeshGuidanceRender."
        )
    if masks != size:
        raise InvalidInput(
            f"mask must be as large as the frames, {size['W']}x{size['H']}; got {masks['W']}x{masks['H']}. "
            "Connect both from the same MeshGuidanceRender."
        )
    return size["T"]
