"""Upstream's tiles of the video VAE: overlapping by half, with linear ramps, and no wrap around the border."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from ..progress import ProgressEvent, ProgressFn, no_progress

__all__ = ["UPSTREAM_STRIDE", "UPSTREAM_TILE", "decode_tiles", "encode_tiles"]

UPSTREAM_TILE = (30, 52)
"""Rows and columns of a tile, in latents."""

UPSTREAM_STRIDE = (15, 26)
"""Rows and columns from one tile to the next."""

Tiles = list[tuple[slice, slice]]


def encode_tiles(
    encode: Callable[[Tensor], Tensor],
    pixels: Tensor,  # [T, H, W, 3]
    *,
    factor: int = 8,
    tile: tuple[int, int] = UPSTREAM_TILE,
    stride: tuple[int, int] = UPSTREAM_STRIDE,
    progress: ProgressFn = no_progress,
) -> Tensor:  # [1, C, t, h, w]
    """Encode the frames of one video tile by tile, whole in time.

    Args:
        encode: ``[T, h', w', 3]`` to ``[1, C, t, h' / factor, w' / factor]``.
        pixels: any type that ``encode`` takes; sides are multiples of ``factor``.
        factor: pixels per latent.
        tile: rows and columns of a tile, in latents.
        stride: rows and columns from one tile to the next.
        progress: called before each tile; raising in it cancels.

    Returns:
        float32 on the CPU.
    """
    height, width = pixels.shape[1] // factor, pixels.shape[2] // factor

    def work(rows: slice, columns: slice) -> Tensor:
        return encode(pixels[:, _times(rows, factor), _times(columns, factor)]).to("cpu", torch.float32)

    total: Tensor | None = None
    weight_sum = torch.zeros(height, width)
    for rows, columns in _reported(_tiles(height, width, tile, stride), "encode tile", progress):
        part = work(rows, columns)
        weight = _weight(rows, columns, (height, width), tile, stride, 1)
        if total is None:
            total = torch.zeros(*part.shape[:-2], height, width)
        total[..., rows, columns] += part * weight
        weight_sum[rows, columns] += weight
    assert total is not None
    return total / weight_sum


def decode_tiles(
    decode: Callable[[Tensor], Tensor],
    latent: Tensor,  # [1, C, t, h, w]
    *,
    factor: int = 8,
    tile: tuple[int, int] = UPSTREAM_TILE,
    stride: tuple[int, int] = UPSTREAM_STRIDE,
    progress: ProgressFn = no_progress,
) -> Tensor:  # [1, T, H, W, 3]
    """Decode one video's latent tile by tile, whole in time; the inverse of `encode_tiles`.

    Args:
        decode: ``[1, C, t, h', w']`` to ``[1, T, factor h', factor w', 3]``.
        latent: the video's latent.
        factor: pixels per latent.
        tile: rows and columns of a tile, in latents.
        stride: rows and columns from one tile to the next.
        progress: called before each tile; raising in it cancels.

    Returns:
        float32 on the CPU.
    """
    height, width = latent.shape[-2:]
    total: Tensor | None = None
    weight_sum = torch.zeros(height * factor, width * factor)
    for rows, columns in _reported(_tiles(height, width, tile, stride), "decode tile", progress):
        part = decode(latent[..., rows, columns]).to("cpu", torch.float32)
        weight = _weight(rows, columns, (height, width), tile, stride, factor)
        if total is None:
            total = torch.zeros(*part.shape[:2], height * factor, width * factor, part.shape[-1])
        part *= weight.unsqueeze(-1)
        total[:, :, _times(rows, factor), _times(columns, factor)] += part
        weight_sum[_times(rows, factor), _times(columns, factor)] += weight
        del part
    assert total is not None
    return total.div_(weight_sum.unsqueeze(-1))


def _tiles(height: int, width: int, tile: tuple[int, int], stride: tuple[int, int]) -> Tiles:
    return [
        (slice(top, min(top + tile[0], height)), slice(left, min(left + tile[1], width)))
        for top in _starts(height, tile[0], stride[0])
        for left in _starts(width, tile[1], stride[1])
    ]


def _starts(length: int, tile: int, stride: int) -> Iterator[int]:
    """Yield 0, stride, ... up to the first tile that reaches the end."""
    start = 0
    while True:
        yield start
        if start + tile >= length:
            return
        start += stride


def _weight(
    rows: slice,
    columns: slice,
    size: tuple[int, int],
    tile: tuple[int, int],
    stride: tuple[int, int],
    scale: int,
) -> Tensor:
    """Return a tile's weights: the smaller of its two ramps, of the width of the overlap."""
    ramps = [
        _ramp(span, size[axis], (tile[axis] - stride[axis]) * scale, scale)
        for axis, span in enumerate((rows, columns))
    ]
    return torch.minimum(ramps[0].unsqueeze(1), ramps[1].unsqueeze(0))


def _ramp(span: slice, length: int, border: int, scale: int) -> Tensor:
    size = (span.stop - span.start) * scale
    rising = ((torch.arange(size) + 1) / border).clamp(max=1)
    ramp = torch.ones(size)
    if span.start > 0:
        ramp = rising
    if span.stop < length:
        ramp = torch.minimum(ramp, rising.flip(0))
    return ramp


def _times(span: slice, factor: int) -> slice:
    return slice(span.start * factor, span.stop * factor)


def _reported(tiles: Tiles, what: str, progress: ProgressFn) -> Iterator[tuple[slice, slice]]:
    for index, tile in enumerate(tiles):
        progress(ProgressEvent(index, len(tiles), f"{what} {index + 1} of {len(tiles)}"))
        yield tile
