"""Resampling of flat pictures and panoramas: sharp where enlarged, averaged over the pixel where shrunk.

A pixel is the average over its area. A result pixel that covers ``r`` source pixels along an edge
is the mean over a box of ``sqrt(r^2 - 1)`` source pixels (the source pixels are averages already), taken
with up to 4x4 lookups; beyond ``r = 4`` these read a copy of the source that was shrunk by a power of two.
For ``r <= 1`` a single interpolated lookup is left.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from ..checks import check_floating, check_shape, check_two_to_one
from ..errors import InvalidInput

__all__ = [
    "INTERPOLATIONS",
    "CoordinatesFn",
    "Lookup",
    "PlannedReads",
    "pad_erp",
    "plan_reads",
    "resample",
    "resize_erp",
]

INTERPOLATIONS = ("bicubic", "bilinear", "nearest")
"""How values between pixels are read; ``nearest`` never averages."""

CoordinatesFn = Callable[[Tensor, Tensor, Tensor], tuple[Tensor, Tensor]]
"""``(index [N], across [N], down [N]) -> (columns_px [N], rows_px [N])``: source coordinates of a result
pixel, with an offset in result pixels."""

_PAD_PX = 2  # a cubic lookup reads two pixels beyond
_CHUNK = 1 << 17  # result pixels at a time; a chunk of cubic lookups takes some 40 MB
_MOST_PER_AXIS = 4


class Lookup:
    """A picture that can be read between its pixels, at several sizes.

    Args:
        image: ``[H, W, C]`` floating point; not changed.
        wraps: True for an equirectangular panorama (2:1), read over its border and poles; False for a
            flat picture, whose edge pixels continue outwards.

    Raises:
        InvalidInput: on a wrong shape or dtype.
    """

    def __init__(self, image: Tensor, *, wraps: bool) -> None:
        size = check_shape("image", image, "H W C")
        check_floating("image", image)
        if wraps:
            check_two_to_one("panorama", size["H"], size["W"])
        self.wraps = wraps
        self.height, self.width = size["H"], size["W"]
        self._image = image
        self._levels: dict[int, tuple[Tensor, int, int]] = {}

    def read(self, columns_px: Tensor, rows_px: Tensor, *, level: int = 0, mode: str = "bicubic") -> Tensor:
        """Read at continuous pixel coordinates of the full size (integers are pixel centers).

        Args:
            columns_px: ``[N]``; panoramas: in ``[-0.5, W - 0.5]``.
            rows_px: ``[N]``.
            level: the source is first shrunk by ``2 ** level``.
            mode: one of `INTERPOLATIONS`.

        Returns:
            ``[N, C]`` in the dtype of the picture, differentiable in it.
        """
        flat, height, width = self._level(level)
        if level:
            columns_px = (columns_px + 0.5) * (width / self.width) - 0.5
            rows_px = (rows_px + 0.5) * (height / self.height) - 0.5
        columns_px = columns_px.clamp(-0.5, width - 0.5)
        rows_px = rows_px.clamp(-0.5, height - 0.5)
        column, across = _taps(columns_px, mode, flat.dtype)
        row, down = _taps(rows_px, mode, flat.dtype)
        stride = width + 2 * _PAD_PX
        steps = torch.arange(across.shape[1], device=flat.device)
        index = (row + _PAD_PX)[:, None, None] * stride + (column + _PAD_PX)[:, None, None]
        index = (index + steps[:, None] * stride + steps).flatten(1)
        weights = (down[:, :, None] * across[:, None, :]).flatten(1)
        return torch.nn.functional.embedding_bag(index, flat, per_sample_weights=weights, mode="sum")

    def _level(self, level: int) -> tuple[Tensor, int, int]:
        if level not in self._levels:
            image = self._image
            if level:
                height = max(2 if self.wraps else 1, round(self.height / 2**level))
                width = 2 * height if self.wraps else max(1, round(self.width / 2**level))
                channels = image.movedim(-1, 0).unsqueeze(0)
                image = torch.nn.functional.interpolate(channels, (height, width), mode="area")[0].movedim(
                    0, -1
                )
            padded = pad_erp(image, _PAD_PX) if self.wraps else _pad_flat(image, _PAD_PX)
            flat = padded.reshape(-1, padded.shape[-1]).contiguous()
            self._levels[level] = flat, image.shape[0], image.shape[1]
        return self._levels[level]


def _taps(position: Tensor, mode: str, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """Return the first pixel read and the weights ``[N, taps]``."""
    if mode == "nearest":
        return torch.floor(position + 0.5).long(), torch.ones(*position.shape, 1, dtype=dtype)
    floor = torch.floor(position)
    t = (position - floor).to(dtype)
    if mode == "bilinear":
        return floor.long(), torch.stack((1 - t, t), dim=-1)
    if mode != "bicubic":
        raise InvalidInput(f"interpolation must be one of {', '.join(INTERPOLATIONS)}; got {mode!r}.")
    # Keys' kernel with a = -1/2 (Catmull-Rom): exact for quadratics.
    weights = (
        ((2 - t) * t - 1) * t,
        (3 * t - 5) * t * t + 2,
        ((4 - 3 * t) * t + 1) * t,
        (t - 1) * t * t,
    )
    return floor.long() - 1, 0.5 * torch.stack(weights, dim=-1)


def pad_erp(image: Tensor, pad_px: int, pad_rows_px: int | None = None) -> Tensor:  # [..., H, W, C]
    """Continue a panorama beyond its border (it wraps) and its poles (the far side, half a turn away).

    Args:
        image: ``[..., H, W, C]``, W even.
        pad_px: columns on each side, at most W.
        pad_rows_px: rows above and below, at most H; the same number without it.
    """
    rows = pad_px if pad_rows_px is None else pad_rows_px
    width = image.shape[-2]
    if rows:
        above = image[..., :rows, :, :].flip(-3).roll(width // 2, -2)
        below = image[..., image.shape[-3] - rows :, :, :].flip(-3).roll(width // 2, -2)
        image = torch.cat((above, image, below), dim=-3)
    return torch.cat((image[..., width - pad_px :, :], image, image[..., :pad_px, :]), dim=-2)


def _pad_flat(image: Tensor, pad_px: int) -> Tensor:
    height, width = image.shape[:2]
    rows = torch.arange(-pad_px, height + pad_px, device=image.device).clamp(0, height - 1)
    columns = torch.arange(-pad_px, width + pad_px, device=image.device).clamp(0, width - 1)
    return image[rows][:, columns]


def resample(
    lookup: Lookup,
    coordinates: CoordinatesFn,
    density: Tensor,  # [N]
    mode: str = "bicubic",
) -> Tensor:  # [N, C]
    """Sample a picture at many coordinates, averaging over the footprint of each result pixel.

    Args:
        lookup: the source.
        coordinates: source coordinates of the result pixels; see `CoordinatesFn`.
        density: ``[N]`` source pixels along the edge of each result pixel; above 1 means shrinking.
        mode: one of `INTERPOLATIONS`.

    Returns:
        ``[N, C]`` in the dtype of the source.

    Raises:
        InvalidInput: for an unknown mode.
    """
    parts = [part.read(lookup, mode) for part in plan_reads(lookup, coordinates, density, mode)]
    return torch.cat(parts) if parts else lookup.read(density, density)  # an empty result of the right kind


@dataclass(frozen=True)
class PlannedReads:
    """Sampling coordinates of result pixels, reusable for several pictures of one size.

    Attributes:
        count: result pixels.
        groups: result pixels of one level: their index (None for all), the level, and the coordinates.
    """

    count: int
    groups: tuple[tuple[Tensor | None, int, tuple[tuple[Tensor, Tensor], ...]], ...]

    def read(self, lookup: Lookup, mode: str = "bicubic") -> Tensor:  # [count, C]
        """Sample a picture at these coordinates."""
        result: Tensor | None = None
        for member, level, places in self.groups:
            total = lookup.read(*places[0], level=level, mode=mode)
            for columns, rows in places[1:]:
                total = total + lookup.read(columns, rows, level=level, mode=mode)
            if len(places) > 1:
                total = total / len(places)
            if member is None:
                return total
            if result is None:
                result = total.new_zeros(self.count, total.shape[1])
            result = result.index_copy(0, member, total)
        assert result is not None  # a plan has at least one group
        return result


def plan_reads(
    lookup: Lookup, coordinates: CoordinatesFn, density: Tensor, mode: str = "bicubic"
) -> Iterator[PlannedReads]:
    """Yield the sampling coordinates of `resample`, some hundred thousand result pixels at a time."""
    if mode not in INTERPOLATIONS:
        raise InvalidInput(f"interpolation must be one of {', '.join(INTERPOLATIONS)}; got {mode!r}.")
    for start in range(0, density.shape[0], _CHUNK):
        index = torch.arange(start, min(start + _CHUNK, density.shape[0]), device=density.device)
        yield _plan_chunk(lookup, coordinates, index, density[index].double(), mode)


def _plan_chunk(
    lookup: Lookup, coordinates: CoordinatesFn, index: Tensor, density: Tensor, mode: str
) -> PlannedReads:
    level = torch.ceil(torch.log2((density / _MOST_PER_AXIS).clamp_min(1)) - 1e-9)
    level = level.clamp(max=math.floor(math.log2(max(1, min(lookup.height, lookup.width) // 2))))
    width = ((density / 2**level) ** 2 - 1).clamp_min(0).sqrt()  # of the box, in pixels of the level
    count = torch.ceil(width - 1e-9).clamp(1, _MOST_PER_AXIS)
    if mode == "nearest":
        level, width, count = torch.zeros_like(level), torch.zeros_like(width), torch.ones_like(count)
    box = width / (density / 2**level)  # of the box, in result pixels
    kind = level * 8 + count
    kinds = kind.unique().tolist()
    groups = []
    for value in kinds:
        member = None if len(kinds) == 1 else (kind == value).nonzero()[:, 0]
        chosen, size = (index, box) if member is None else (index[member], box[member])
        offsets = [(k + 0.5) / (int(value) % 8) - 0.5 for k in range(int(value) % 8)]
        places = _places(lookup, coordinates, chosen, size, offsets)
        groups.append((member, int(value) // 8, places))
    return PlannedReads(len(index), tuple(groups))


def _places(
    lookup: Lookup, coordinates: CoordinatesFn, index: Tensor, box: Tensor, offsets: list[float]
) -> tuple[tuple[Tensor, Tensor], ...]:
    if (
        len(offsets) < 3 or lookup.wraps
    ):  # a panorama's coordinates jump at its border and reverse at its poles
        return tuple(coordinates(index, box * across, box * down) for down in offsets for across in offsets)
    none, half = torch.zeros_like(box), box / 2
    column, row = coordinates(index, none, none)
    right, left = coordinates(index, half, none), coordinates(index, -half, none)
    lower, upper = coordinates(index, none, half), coordinates(index, none, -half)
    return tuple(
        (
            column + across * (right[0] - left[0]) + down * (lower[0] - upper[0]),
            row + across * (right[1] - left[1]) + down * (lower[1] - upper[1]),
        )
        for down in offsets
        for across in offsets
    )


def resize_erp(images: Tensor, height: int, width: int) -> Tensor:  # [..., h, w, C] -> [..., H, W, C]
    """Resize panoramas: bicubic, antialiased, continuous over border and poles.

    Args:
        images: ``[..., h, w, C]`` floating point, each 2:1.
        height: rows of the result.
        width: columns of the result, ``2 * height``.

    Returns:
        ``[..., height, width, C]``, the same dtype; values may overshoot a little.

    Raises:
        InvalidInput: when a size is not 2:1.
    """
    check_shape("images", images, "... h w C")
    rows, columns, channels = images.shape[-3:]
    check_two_to_one("panorama", rows, columns)
    check_two_to_one("size", height, width)
    if (rows, columns) == (height, width):
        return images
    lead = images.shape[:-3]
    # Margins that are whole pixels before and after, and hold the kernel (2 pixels, wider when shrinking).
    reach = 3 * math.ceil(max(1.0, rows / height))
    step_rows, step_columns = rows // math.gcd(rows, height), columns // math.gcd(columns, width)
    pad_rows = min(rows, math.ceil(reach / step_rows) * step_rows)
    pad_columns = min(columns, math.ceil(reach / step_columns) * step_columns)
    padded = pad_erp(images.reshape(-1, rows, columns, channels), pad_columns, pad_rows).movedim(-1, 1)
    top, left = pad_rows * height // rows, pad_columns * width // columns
    size = (height + 2 * top, width + 2 * left)
    resized = torch.nn.functional.interpolate(
        padded, size, mode="bicubic", antialias=True, align_corners=False
    )
    result = resized[:, :, top : top + height, left : left + width].movedim(1, -1)
    return result.reshape(*lead, height, width, channels).contiguous()
