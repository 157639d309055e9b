"""Panoramic video through a VAE: as a ring, in upstream's tiles, or whole; the VAE is the caller's.

The console brings diffusers' VAE and the nodes the host's; how the left/right seam is treated is decided here.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from ..progress import ProgressFn, no_progress
from .circular import circular_decode, circular_encode
from .tiles import UPSTREAM_TILE, decode_tiles, encode_tiles

__all__ = ["VIDEO_SEAM_MODES", "decode_video", "encode_video"]

VIDEO_SEAM_MODES = ("circular", "upstream", "none")
"""How the VAE treats the left/right border. ``circular``: as a ring. ``upstream``: overlapping tiles
without a wrap. ``none``: one call for the whole picture."""


def encode_video(
    encode: Callable[[Tensor], Tensor],
    frames: Tensor,
    *,
    factor: int,
    seam_mode: str,
    tiled: bool,
    progress: ProgressFn = no_progress,
) -> Tensor:  # [1, C, t, h, w]
    """Encode the frames of one panoramic video.

    Args:
        encode: the VAE: ``[T, h, w, 3]`` of the frames' type to ``[1, C, t, h / factor, w / factor]``.
        frames: ``[T, H, W, 3]``, uint8 or float in [0, 1].
        factor: pixels per latent.
        seam_mode: one of `VIDEO_SEAM_MODES`.
        tiled: whether ``circular`` goes in tiles of upstream's size, which takes less memory.
        progress: called between tiles; may raise to stop.
    """
    if seam_mode == "none":
        return encode(frames)
    if seam_mode == "upstream":
        return encode_tiles(encode, frames, factor=factor, progress=progress)
    rows, columns = (side * factor if tiled else 0 for side in UPSTREAM_TILE)
    return circular_encode(
        encode,
        frames,
        scale=factor,
        tile_height_px=rows,
        tile_width_px=columns,
        is_video=True,
        progress=progress,
    )


def decode_video(
    decode: Callable[[Tensor], Tensor],
    latent: Tensor,
    *,
    factor: int,
    seam_mode: str,
    tiled: bool,
    progress: ProgressFn = no_progress,
) -> Tensor:  # [T, H, W, 3]
    """Decode the latent ``[1, C, t, h, w]`` of one panoramic video to float32 frames in [0, 1] in main memory.

    Args:
        decode: the VAE: a latent of any rows and columns to ``[1, T, H, W, 3]``.
        latent: of one video.
        factor: pixels per latent.
        seam_mode: one of `VIDEO_SEAM_MODES`.
        tiled: see `encode_video`.
        progress: called between tiles; may raise to stop.
    """
    if seam_mode == "none":
        frames = decode(latent)
    elif seam_mode == "upstream":
        frames = decode_tiles(decode, latent, factor=factor, progress=progress)
    else:
        rows, columns = UPSTREAM_TILE if tiled else (0, 0)
        frames = circular_decode(decode, latent, tile_height=rows, tile_width=columns, progress=progress)
    return frames[0].to("cpu", torch.float32).clamp_(0, 1)
