"""Circular (wrap-around) encoding and decoding of panoramas: wrapped margins, tiles, upstream's blend.

Works on callables, so any autoencoder fits: ``decode(latent) -> image`` from ``[B, C, h, w]`` or
``[B, C, T, h, w]`` to ``[B, H, W, 3]`` or ``[B, T, H, W, 3]``, and ``encode(image) -> latent`` from
``[B, H, W, 3]`` (pictures, or the frames of one video) to the same kinds of latents. Time is never tiled:
video autoencoders are causal and keep their state inside.

The receptive field of an autoencoder: a margin of `DECODE_REACH` latent columns (`ENCODE_REACH_PX` pixels)
covers all convolutions of FLUX's and Wan's. Their attention, and FLUX's group normalization, cover the
whole picture, padding included, so a padded result only approximates that of a true ring. The exact
result takes the whole width with circular convolutions, `circular_convs.circular_convs`, and ``margin=0`` here.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from ..checks import check_finite
from ..errors import InvalidInput
from ..progress import ProgressEvent, ProgressFn, no_progress

__all__ = [
    "DECODE_REACH",
    "ENCODE_REACH_PX",
    "PICTURE_SEAM_MODES",
    "TilePlan",
    "check_video_length",
    "circular_decode",
    "circular_encode",
    "ring_plan",
    "strip_plan",
    "upstream_row_tiles",
]

DECODE_REACH = 18
"""Latent columns that a decoded pixel can depend on, to either side, through convolutions: 3x3 layers count
1 at the latent's scale, and 1/2, 1/4, 1/8 after each doubling. FLUX and Wan: 1 + 4 + 6 + 1/2 + 6/2 + 1/4 + 6/4
+ 1/8 + 6/8 + 1/8 = 17.25."""

ENCODE_REACH_PX = 120
"""Pixels that an encoded column can depend on, to either side: 3x3 layers count 1, 2, 4, 8 per halving.
FLUX and Wan: 1 + 4 + 2 + 8 + 4 + 16 + 8 + 32 + 32 + 8 = 115, rounded up to whole latent columns."""

PICTURE_SEAM_MODES = ("padded", "upstream")
"""What `circular_decode` does at the border."""

_UPSTREAM_COLUMNS = 2
_UPSTREAM_ROWS = 128


@dataclass(frozen=True)
class TilePlan:
    """How one axis is tiled: start and length of the tiles, and their blend weights.

    Attributes:
        starts: first index of each tile; on a ring it may exceed the end, or be negative.
        length: of every tile.
        weights: ``[tiles, length]`` float32, share of the tile in the result; at every position of
            the axis they sum to 1.
    """

    starts: tuple[int, ...]
    length: int
    weights: Tensor


def _profile(length: int, before: int, after: int) -> Tensor:  # [length]
    """Weight along a tile that shares ``before`` and ``after`` positions with its neighbors.

    The outer third of an overlap has weight 0, the inner third 1, with a ramp between. So all values
    with weight are at least a third of the overlap away from the tile's edge.
    """
    place = torch.arange(length, dtype=torch.float32) + 0.5

    def ramp(distance: Tensor, overlap: int) -> Tensor:
        if overlap <= 0:
            return torch.ones_like(distance)
        third = overlap / 3
        return ((distance - third) / max(third, 1e-6)).clamp(0, 1)

    return ramp(place, before) * ramp(length - place, after)


def strip_plan(size: int, tile: int, overlap: int) -> TilePlan:
    """Cut an axis with two ends into even tiles. The ends of the axis are not ramped.

    Args:
        size: length of the axis.
        tile: longest tile; 0, or the axis or more, makes one tile.
        overlap: least number of positions that neighbors share; less than ``tile``.

    Raises:
        InvalidInput: when the tile is not longer than twice the overlap.
    """
    if tile <= 0 or tile >= size:
        return TilePlan((0,), size, torch.ones(1, size))
    _check_tile(tile, overlap)
    count = math.ceil((size - overlap) / (tile - overlap))
    starts = [k * (size - tile) // (count - 1) for k in range(count)]
    rows = []
    for k, start in enumerate(starts):
        before = starts[k - 1] + tile - start if k else 0
        after = start + tile - starts[k + 1] if k + 1 < count else 0
        rows.append(_profile(tile, before, after))
    return _evened(tuple(starts), size, rows)


def ring_plan(size: int, tile: int, overlap: int) -> TilePlan:
    """Cut a closed ring into even tiles that all overlap both neighbors, the last with the first.

    Args:
        size: length of the ring.
        tile: longest tile; 0 makes one that covers it once, without overlap. A tile may not be longer
            than the ring: then one tile covers it once and the overlap again on either side.
        overlap: least number of positions that neighbors share; at most half of ``tile``.

    Raises:
        InvalidInput: when the tile is not longer than twice the overlap.
    """
    if tile <= 0 or tile >= size:
        length = size + 2 * overlap
        weights = torch.zeros(1, length)
        weights[0, overlap : overlap + size] = 1
        return TilePlan((-overlap,), length, weights)
    _check_tile(tile, overlap)
    count = math.ceil(size / (tile - overlap))
    starts = [k * size // count for k in range(count)]
    rows = []
    for k, start in enumerate(starts):
        earlier = starts[k - 1] - (size if k == 0 else 0)
        later = starts[(k + 1) % count] + (size if k + 1 == count else 0)
        rows.append(_profile(tile, earlier + tile - start, start + tile - later))
    return _evened(tuple(starts), size, rows)


def _check_tile(tile: int, overlap: int) -> None:
    if overlap < 0 or tile <= 2 * overlap:
        raise InvalidInput(
            f"a tile must be longer than twice its overlap; got {tile} and {overlap}. "
            "Make tiles larger, or set the tile size to 0 for no tiles."
        )


def _evened(starts: tuple[int, ...], size: int, rows: list[Tensor]) -> TilePlan:
    """Scale weights so that they sum to 1 everywhere (rounded overlaps differ by one)."""
    weights = torch.stack(rows)
    length = weights.shape[1]
    total = torch.zeros(size)
    places = [torch.arange(start, start + length) % size for start in starts]
    for place, row in zip(places, weights, strict=True):
        total.index_add_(0, place, row)
    weights = torch.stack([row / total[place] for place, row in zip(places, weights, strict=True)])
    return TilePlan(starts, length, weights)


def check_video_length(name: str, frames: int, factor: int) -> None:
    """Raise unless a video autoencoder that keeps every ``factor``-th frame takes all of the frames.

    Raises:
        InvalidInput: unless there are ``factor * k + 1`` frames.
    """
    if (frames - 1) % factor:
        fewer = (frames - 1) // factor * factor + 1
        raise InvalidInput(
            f"{name} must be {factor}k + 1 frames for this VAE (1, {factor + 1}, {2 * factor + 1}, ...); "
            f"got {frames}. Use {fewer} or {fewer + factor} frames, or encode pictures one by one."
        )


def circular_decode(
    decode: Callable[[Tensor], Tensor],
    latent: Tensor,  # [B, C, h, w] or [B, C, T, h, w]
    *,
    margin: int = DECODE_REACH,
    seam_mode: str = "padded",
    tile_height: int = 0,
    tile_width: int = 0,
    overlap: int = 12,
    progress: ProgressFn = no_progress,
) -> Tensor:  # [B, H, W, 3] or [B, T, H, W, 3]
    """Decode a panorama's latent as the ring it is.

    Each item of the batch is decoded on its own, tile by tile, whole in time. With tiles, the result
    equals the untiled one where the receptive field is at most a third of the overlap.

    Args:
        decode: ``[1, C, (T,) h', w']`` to ``[1, (T,) s h', s w', channels]``, any whole scale s.
        latent: columns wrap around, rows do not.
        margin: columns of the other side that are added left and right before, and cut off after
            decoding, when the whole width is decoded at once. 0 for none.
        seam_mode: ``"padded"``; or ``"upstream"``: no margin, but the 2 leftmost columns repeated on
            the right, and their decoded pixels blended into the left border (exactly upstream's formula), and
            rows in upstream's tiles (see `upstream_row_tiles`).
        tile_height: rows of a tile; 0 = all, with ``"upstream 16 px"`` upstream's 128.
        tile_width: columns of a tile; 0 = all. Not with ``"upstream 16 px"``.
        overlap: rows and columns that neighboring tiles share, at least. Not used by ``"upstream 16 px"``.
        progress: called before the first and after each tile; may raise to stop.

    Returns:
        float32 on the CPU.

    Raises:
        InvalidInput: for a latent of another shape or with NaN, an unknown mode, or tiles too small for the overlap.
    """
    if latent.ndim not in (4, 5):
        raise InvalidInput(f"latent must be [B, C, h, w] or [B, C, T, h, w]; got {list(latent.shape)}.")
    check_finite("latent", latent)
    if seam_mode not in PICTURE_SEAM_MODES:
        raise InvalidInput(f"seam_mode must be one of {', '.join(PICTURE_SEAM_MODES)}; got {seam_mode!r}.")
    height, width = latent.shape[-2:]
    if seam_mode != "padded":
        if 0 < tile_width < width:
            raise InvalidInput(
                f"tile width must be 0 with seam_mode {seam_mode!r}, which needs the whole width; got {tile_width}."
            )
        return _decode_upstream(decode, latent, tile_height, progress)
    rows = strip_plan(height, tile_height, overlap)
    columns = ring_plan(width, tile_width, overlap if 0 < tile_width < width else margin)
    items = []
    tick = _Ticker(latent.shape[0] * len(rows.starts) * len(columns.starts), "decode", progress)
    for index in range(latent.shape[0]):
        canvas = _Canvas(height, width, last=True)
        for y, row_weights in zip(rows.starts, rows.weights, strict=True):
            for x, column_weights in zip(columns.starts, columns.weights, strict=True):
                place = torch.arange(x, x + columns.length, device=latent.device) % width
                piece = latent[index : index + 1, ..., y : y + rows.length, :].index_select(-1, place)
                image = _enlarged(decode, piece)
                canvas.add(image, y, x, torch.outer(row_weights, column_weights))
                tick()
        items.append(canvas.take())
    return items[0] if len(items) == 1 else torch.cat(items)


def _enlarged(decode: Callable[[Tensor], Tensor], piece: Tensor) -> Tensor:
    """Decode a tile and check the size of the result."""
    image = decode(piece)
    if image.shape[-2] % piece.shape[-1] or image.shape[-3] % piece.shape[-2]:
        raise InvalidInput(
            f"decode must enlarge by a whole number; got {list(image.shape)} from {list(piece.shape)}."
        )
    return image


def upstream_row_tiles(height: int, tile: int = 0) -> list[tuple[int, int]]:
    """Return first row and number of rows of each tile as upstream's decoder cuts them.

    Tiles start every three quarters of a tile, even where the previous one already reaches the end: 100 rows
    are cut into 0 to 99 and 96 to 99.

    Args:
        height: rows of the latent.
        tile: rows of a tile; 0 = 128, those of FLUX's VAE.

    Raises:
        InvalidInput: for a tile of 1 row.
    """
    tile = tile or _UPSTREAM_ROWS
    if tile < 2:
        raise InvalidInput(f"tile height must be 0 or at least 2 with upstream's blend; got {tile}.")
    return [(y, min(tile, height - y)) for y in range(0, height, tile * 3 // 4)]


def _decode_upstream(
    decode: Callable[[Tensor], Tensor], latent: Tensor, tile_height: int, progress: ProgressFn
) -> Tensor:
    """Decode as upstream does: 2 columns more on the right, tiles of rows blended into the one above.

    Row ``y`` of ``n`` shared rows is ``above (1 - y/n) + below y/n``.
    """
    wide = torch.cat((latent, latent[..., :_UPSTREAM_COLUMNS]), -1)
    tiles = upstream_row_tiles(latent.shape[-2], tile_height)
    tick = _Ticker(latent.shape[0] * len(tiles), "decode", progress)
    items = []
    for index in range(latent.shape[0]):
        whole: Tensor | None = None
        for y, count in tiles:
            image = _enlarged(decode, wide[index : index + 1, ..., y : y + count, :]).to("cpu", torch.float32)
            scale = image.shape[-2] // wide.shape[-1]
            if whole is None:
                whole = image.new_empty(*image.shape[:-3], latent.shape[-2] * scale, *image.shape[-2:])
                filled = 0
            band = whole[..., y * scale : (y + count) * scale, :, :]
            shared = filled - y * scale
            share = (torch.arange(shared, dtype=torch.float32) / max(shared, 1))[:, None, None]
            band[..., :shared, :, :].mul_(1 - share).add_(image[..., :shared, :, :] * share)
            band[..., shared:, :, :] = image[..., shared:, :, :]
            filled = (y + count) * scale
            tick()
        assert whole is not None
        items.append(_blend_upstream(whole, wide.shape[-1]))
    return items[0] if len(items) == 1 else torch.cat(items)


def circular_encode(
    encode: Callable[[Tensor], Tensor],
    pixels: Tensor,  # [T, H, W, 3]
    *,
    scale: int = 8,
    margin_px: int = ENCODE_REACH_PX,
    tile_height_px: int = 0,
    tile_width_px: int = 0,
    overlap_px: int = 96,
    is_video: bool = False,
    progress: ProgressFn = no_progress,
) -> Tensor:  # [T, C, h, w] or [1, C, t, h, w]
    """Encode panoramas as the rings they are: pictures one by one, a video whole in time.

    Args:
        encode: ``[T', H', W', 3]`` to ``[1, C, (t,) H'/scale, W'/scale]``; T' is 1 for pictures.
        pixels: columns wrap around, rows do not. H and W must be multiples of ``scale``.
        scale: pixels per latent column and row.
        margin_px: columns of the other side that are added left and right before, and cut off after
            encoding, when the whole width is encoded at once; rounded up to the scale. 0 for none.
        tile_height_px: rows of a tile, rounded down to the scale; 0 = all.
        tile_width_px: columns of a tile, likewise.
        overlap_px: rows and columns that neighboring tiles share at least, rounded up to the scale.
        is_video: give all of ``pixels`` to ``encode`` at once, as frames of one video.
        progress: called before the first and after each tile; may raise to stop.

    Returns:
        float32 on the CPU.

    Raises:
        InvalidInput: for pictures of another shape or size, or tiles too small for the overlap.
    """
    if pixels.ndim != 4 or pixels.shape[0] == 0:
        raise InvalidInput(f"pixels must be [T, H, W, 3] with at least 1 picture; got {list(pixels.shape)}.")
    height_px, width_px = pixels.shape[1:3]
    if height_px % scale or width_px % scale:
        raise InvalidInput(
            f"a panorama's width and height must be multiples of {scale} to be encoded; got {width_px}x{height_px}. "
            "Resize it first (do not crop: the left and right border would no longer match)."
        )
    height, width = height_px // scale, width_px // scale
    overlap = -(-overlap_px // scale)
    rows = strip_plan(height, tile_height_px // scale, overlap)
    tile_width = tile_width_px // scale
    columns = ring_plan(width, tile_width, overlap if 0 < tile_width < width else -(-margin_px // scale))
    groups = [pixels] if is_video else list(pixels.split(1))

    items = []
    tick = _Ticker(len(groups) * len(rows.starts) * len(columns.starts), "encode", progress)
    for group in groups:
        canvas = _Canvas(height, width, last=False)
        for y, row_weights in zip(rows.starts, rows.weights, strict=True):
            for x, column_weights in zip(columns.starts, columns.weights, strict=True):
                place = torch.arange(x * scale, (x + columns.length) * scale, device=pixels.device) % width_px
                piece = group[:, y * scale : (y + rows.length) * scale].index_select(2, place)
                latent = encode(piece)
                if tuple(latent.shape[-2:]) != (rows.length, columns.length):
                    raise InvalidInput(
                        f"encode must shrink by {scale}; got {list(latent.shape)} from {list(piece.shape)}."
                    )
                canvas.add(latent, y, x, torch.outer(row_weights, column_weights))
                tick()
        items.append(canvas.take())
    return items[0] if len(items) == 1 else torch.cat(items)


class _Canvas:
    """Sums weighted tiles on a cylinder, on the CPU. Image tiles may be finer than the canvas's cells.

    The canvas is ``height`` x ``width`` cells. ``last`` says that channels come last (``[..., y, x, c]``),
    else rows and columns are the last two dimensions.
    """

    def __init__(self, height: int, width: int, *, last: bool) -> None:
        self.height, self.width, self.last = height, width, last
        self.sum: Tensor | None = None

    def add(self, tile: Tensor, y: int, x: int, weights: Tensor) -> None:
        """Add a tile whose first cell is row ``y``, column ``x``; columns wrap around."""
        tile = tile.to("cpu", torch.float32)
        rows, columns = weights.shape
        axis = -2 if self.last else -1
        scale = tile.shape[axis] // columns
        if bool((weights[:, -x : -x + self.width] == 1).all()) and rows == self.height and x <= 0:
            self.sum = tile.narrow(axis, -x * scale, self.width * scale)  # a single tile
            return
        if self.sum is None:
            shape = list(tile.shape)
            shape[axis - 1], shape[axis] = self.height * scale, self.width * scale
            self.sum = torch.zeros(shape)
        fine = weights.repeat_interleave(scale, 0).repeat_interleave(scale, 1)
        if self.last:
            fine = fine.unsqueeze(-1)
        place = torch.arange(x * scale, (x + columns) * scale) % (self.width * scale)
        band = self.sum.narrow(axis - 1, y * scale, rows * scale)
        leading = tile.shape[: tile.ndim + axis - 1]
        for index in itertools.product(*map(range, leading)):  # frame by frame, to save memory
            band[index].index_add_(axis, place, tile[index] * fine)

    def take(self) -> Tensor:
        """Return the sum."""
        if self.sum is None:
            raise InvalidInput("nothing was added to the canvas.")
        return self.sum.contiguous()


class _Ticker:
    """Counts tiles for the progress callback."""

    def __init__(self, total: int, phase: str, progress: ProgressFn) -> None:
        self.done, self.total, self.phase, self.progress = 0, total, phase, progress
        progress(ProgressEvent(0, total, phase))

    def __call__(self) -> None:
        self.done += 1
        self.progress(ProgressEvent(self.done, self.total, self.phase))


def _blend_upstream(image: Tensor, cells: int) -> Tensor:
    """Blend the decoded repeated columns into as many pixels at the left border, and drop them.

    Source: Matrix-3D, panorama generation: ``out[x] = extra[x] (1 - x/n) + out[x] x/n`` with n = 16.
    """
    count = _UPSTREAM_COLUMNS * (image.shape[-2] // cells)
    out, extra = image[..., :-count, :].clone(), image[..., -count:, :]
    share = (torch.arange(count, dtype=image.dtype) / count).unsqueeze(-1)
    out[..., :count, :] = extra * (1 - share) + out[..., :count, :] * share
    return out
