"""Make training clips of the reconstruction model: pictures, distances and poses in, latents from the Wan VAE."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..diffusion.circular import circular_encode
from ..errors import FormatError, InvalidInput
from ..progress import ProgressEvent, ProgressFn, no_progress
from ..standalone.pipelines import choose_device, require_packages
from ..standalone.video import latent_statistics
from .clips import Clip, read_clip_parts, write_clip

__all__ = ["STRIDES", "encode_clip", "open_wan_encoder"]

STRIDES = (1, 2, 3)
"""Every how many frames the network may see a clip in training; the paper draws one of them."""

_FACTOR = 8
_FEWEST = 5  # two latent frames

Encode = Callable[[Tensor], Tensor]
"""``[T, H, W, 3]`` in [0, 1], T = 4 k + 1, to normalized latents ``[C, t, H / 8, W / 8]``."""


def open_wan_encoder(model: Path | str, *, device: str = "auto", dtype: torch.dtype | None = None) -> Encode:
    """Load the VAE of Wan 2.1 in diffusers' layout.

    Args:
        model: folder of the VAE, or of a pipeline with the folder ``vae`` in it.
        device: see `pipelines.choose_device`.
        dtype: None is bfloat16 on a GPU, else float32.

    Returns:
        A function that encodes panoramic frames as the ring they are.

    Raises:
        InvalidInput: when there is no such folder.
        FormatError: when it holds no VAE of Wan 2.1.
        BackendUnavailable: when packages are missing.
    """
    require_packages("encoding training clips")
    from diffusers import AutoencoderKLWan

    folder = Path(model).expanduser()
    folder = folder / "vae" if (folder / "vae").is_dir() else folder
    if not (folder / "config.json").is_file():
        raise InvalidInput(
            f"vae must be a folder of diffusers with config.json; there is none in {str(model)!r}."
        )
    place = choose_device(device)
    dtype = dtype or (torch.bfloat16 if place.type == "cuda" else torch.float32)
    try:
        vae: Any = AutoencoderKLWan.from_pretrained(str(folder), torch_dtype=dtype, local_files_only=True)
    except (OSError, ValueError, TypeError, RuntimeError) as error:
        raise FormatError(f"{folder.name}: holds no Wan VAE ({str(error).splitlines()[0][:200]}).") from error
    if vae.config.z_dim != 16:
        raise FormatError(
            f"{folder.name}: has latents of {vae.config.z_dim} channels; the model needs the 16 of Wan 2.1."
        )
    vae = vae.to(place).train(False).requires_grad_(False)
    mean, deviation = latent_statistics(vae)

    def encode_video(pixels: Tensor) -> Tensor:
        video = (pixels * 2 - 1).movedim(-1, 0).unsqueeze(0)
        latent = vae.encode(video.to(place, dtype)).latent_dist.mode()
        result: Tensor = (latent.float().cpu() - mean) / deviation
        return result

    def encode(frames: Tensor) -> Tensor:
        with torch.no_grad():
            return circular_encode(encode_video, frames, scale=_FACTOR, is_video=True)[0]

    return encode


def encode_clip(
    folder: Path | str,
    encode: Encode,
    *,
    strides: Sequence[int] = STRIDES,
    most_frames: int = 81,
    progress: ProgressFn = no_progress,
) -> Clip:
    """Encode a clip that has no latents yet and write them into its folder, so that it is done once.

    Args:
        folder: see `clips.read_clip_parts`.
        encode: such as `open_wan_encoder` gives.
        strides: which latents to make; those for which the clip has fewer than 5 frames are left out.
        most_frames: of the video that is encoded.
        progress: called before each stride.

    Raises:
        FormatError: when a part is missing or damaged.
        InvalidInput: when the parts do not fit each other, or the clip is too short or of a wrong size.
    """
    frames, depth, trajectory = read_clip_parts(folder)
    height, width = frames.shape[1:3]
    if height % 16 or width != 2 * height:
        raise InvalidInput(
            f"{Path(folder).name}: frames must be panoramas, twice as wide as high, of a height that 16 divides; got "
            f"{width}x{height}."
        )
    latents: dict[int, Tensor] = {}
    for number, stride in enumerate(strides):
        seen = frames[::stride][:most_frames]
        count = 4 * ((len(seen) - 1) // 4) + 1
        progress(ProgressEvent(number, len(strides), f"encode {Path(folder).name}, every {stride}. frame"))
        if count >= _FEWEST:
            latents[stride] = encode(seen[:count].float() / 255)
    if not latents:
        raise InvalidInput(
            f"{Path(folder).name}: a clip must have at least {_FEWEST} frames; got {len(frames)}."
        )
    clip = Clip(frames, depth, trajectory, latents)
    write_clip(folder, clip)
    progress(ProgressEvent(len(strides), len(strides), f"{Path(folder).name} encoded"))
    return clip
