"""The host's VAEs on panoramas: picks the core's way for one VAE and calls it in the host's terms."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

from torch import Tensor

from ..matrix3d_core.diffusion.circular import (
    DECODE_REACH,
    check_video_length,
    circular_decode,
    circular_encode,
)
from ..matrix3d_core.diffusion.circular_convs import circular_convs, resolve_seam_mode
from ..matrix3d_core.errors import InvalidInput
from ..matrix3d_core.progress import ProgressFn, no_progress

__all__ = ["DECODE_SEAM_MODES", "ENCODE_SEAM_MODES", "decode_panorama", "encode_panorama"]

ENCODE_SEAM_MODES = ("auto", "circular", "padded", "none")
DECODE_SEAM_MODES = ("auto", "circular", "padded", "upstream", "none")


def encode_panorama(
    vae: Any,
    pixels: Tensor,  # [T, H, W, 3]
    *,
    seam_mode: str = "auto",
    tile_height_px: int = 0,
    tile_width_px: int = 0,
    overlap_px: int = 96,
    margin: int = DECODE_REACH,
    progress: ProgressFn = no_progress,
) -> Tensor:  # [T, C, h, w] or [1, C, t, h, w]
    """Encode panoramas with a VAE of the host; frames of one video with a video VAE.

    Args:
        vae: the host's VAE.
        pixels: float32 in [0, 1].
        seam_mode: one of `ENCODE_SEAM_MODES`: ``circular`` lets the VAE's convolutions wrap around, ``padded`` adds
            ``margin`` latent columns of the other side, ``auto`` takes the first where it works.
        tile_height_px: rows of a tile; 0 = all.
        tile_width_px: columns of a tile; 0 = all. Tiles wrap around unless seam_mode is ``none``.
        overlap_px: what neighboring tiles share.
        margin: latent columns for ``padded``.
        progress: called between tiles; may raise to stop.

    Raises:
        InvalidInput: for sizes or frame counts that the VAE would crop, or a seam mode that does not fit.
    """
    network = _network(vae)
    how = resolve_seam_mode(seam_mode, network, tile_width_px)
    scale = vae.spacial_compression_encode()
    is_video = vae.latent_dim == 3 and not getattr(vae, "not_video", False)
    if is_video:
        check_video_length("images", pixels.shape[0], vae.temporal_compression_decode() or 1)
    with _wrapping(how, network):
        return circular_encode(
            vae.encode,
            pixels,
            scale=scale,
            margin_px=margin * scale if how == "padded" else 0,
            tile_height_px=tile_height_px,
            tile_width_px=tile_width_px,
            overlap_px=overlap_px,
            is_video=is_video,
            progress=progress,
        )


def decode_panorama(
    vae: Any,
    latent: Tensor,  # [B, C, h, w] or [B, C, T, h, w]
    *,
    seam_mode: str = "auto",
    tile_height_px: int = 0,
    tile_width_px: int = 0,
    overlap_px: int = 96,
    margin: int = DECODE_REACH,
    progress: ProgressFn = no_progress,
) -> Tensor:  # [B, H, W, 3] or [B T, H, W, 3]
    """Decode latents of panoramas with a VAE of the host; see `encode_panorama`.

    Args:
        vae: the host's VAE.
        latent: of pictures or videos.
        seam_mode: one of `DECODE_SEAM_MODES`; ``upstream`` decodes the 2 leftmost latent columns once more on
            the right and fades them into the left border.
        tile_height_px: rows of a tile in pixels; 0 = all.
        tile_width_px: columns of a tile in pixels; 0 = all.
        overlap_px: what neighboring tiles share.
        margin: latent columns for ``padded``.
        progress: called between tiles; may raise to stop.

    Raises:
        InvalidInput: for a latent of another shape, or a seam mode that does not fit.
    """
    network = _network(vae)
    if getattr(latent, "is_nested", False):
        raise InvalidInput("latent must be one picture or video; got several of different shapes in one.")
    if vae.latent_dim == 3 and latent.ndim == 4:
        latent = latent.unsqueeze(2)
    how = resolve_seam_mode(seam_mode, network, tile_width_px)
    scale = vae.spacial_compression_decode()
    with _wrapping(how, network):
        images = circular_decode(
            vae.decode,
            latent,
            margin=margin if how == "padded" else 0,
            seam_mode=how if how == "upstream" else "padded",
            tile_height=tile_height_px // scale,
            tile_width=tile_width_px // scale,
            overlap=-(-overlap_px // scale),
            progress=progress,
        )
    return images.flatten(0, -4) if images.ndim == 5 else images


def _network(vae: Any) -> Any:
    """Return the VAE's network.

    Raises:
        InvalidInput: when there is none, or it is not for pictures.
    """
    network = getattr(vae, "first_stage_model", None)
    if network is None or getattr(vae, "latent_dim", 0) not in (2, 3):
        raise InvalidInput("vae must be one for pictures or videos; got one without. Check the VAE loader.")
    return network


def _wrapping(how: str, network: Any) -> AbstractContextManager[None]:
    return circular_convs(network) if how == "circular" else nullcontext()
