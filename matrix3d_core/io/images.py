"""Pictures: files to ``[H, W, 3]`` float tensors and back."""

from __future__ import annotations

import io
import logging
import os
import warnings
from pathlib import Path
from typing import BinaryIO

import numpy as np
import torch
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor

from ..checks import check_finite, check_shape
from ..errors import FormatError, InvalidInput
from .atomic import BinarySource, BinaryTarget, open_atomically

__all__ = ["IMAGE_SUFFIXES", "read_image", "write_image"]

logger = logging.getLogger(__name__)

IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff")
"""File names that `read_image` is meant for; the content decides."""

_FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP"}
_BAND_ROWS = 256
_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PNG_COLOUR_TYPES_WITH_MORE_THAN_GREY = (2, 4, 6)


def read_image(source: BinarySource, *, max_width: int = 0) -> Tensor:  # [H, W, 3]
    """Read a PNG, JPEG, WebP, BMP or TIFF picture.

    Eight bits become ``value / 255``, sixteen ``value / 65535`` with all bits kept; 16-bit colour PNG
    needs the ``av`` package for that, without it they are read as 8 bits and the log says so. An alpha
    channel is dropped, the colours under it are kept. Grey becomes three equal channels. The EXIF
    orientation is applied. Of an animation the first frame is read. Colour profiles are ignored.

    Memory: the result takes ``12 * H * W`` bytes, reading needs up to ``5 * H * W`` bytes more (12 for
    16 bits); 16384x8192 pixels peak near 2.3 GB. With ``max_width`` the result is smaller and JPEG is
    decoded at a reduced size from the start.

    Args:
        source: path or binary file.
        max_width: a wider picture is shrunk to this many columns, keeping its shape; 0 keeps the size.

    Returns:
        ``[H, W, 3]`` float32 in [0, 1], contiguous, on the CPU.

    Raises:
        FormatError: when the file is not a picture, is damaged, or holds more than 178 million pixels.
        InvalidInput: when ``max_width`` is negative.
    """
    if max_width < 0:
        raise InvalidInput(f"max_width must be 0 (keep the size) or positive; got {max_width}.")
    name = _name_of(source)
    try:
        with warnings.catch_warnings():
            # Large panoramas are what this reader is for; Pillow still refuses twice its limit.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(source) as picture:
                return _read_opened(picture, source, max_width)
    except UnidentifiedImageError as error:
        raise FormatError(f"{name}: not a picture in a known format (PNG, JPEG, WebP, BMP, TIFF).") from error
    except Image.DecompressionBombError as error:
        raise FormatError(f"{name}: too large to read; {error} Shrink the file first.") from error
    except FileNotFoundError:
        raise
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        if isinstance(error, FormatError):
            raise
        raise FormatError(f"{name}: damaged or cut off; {error}.") from error


def write_image(target: BinaryTarget, rgb: Tensor, *, quality: int = 95) -> None:
    """Write a picture with 8 bits per channel; the suffix says PNG, JPEG or WebP (a file object: PNG).

    The file appears under its name only when it is complete.

    Args:
        target: path or binary file.
        rgb: ``[H, W, 3]`` floating point; values outside [0, 1] are clipped.
        quality: of JPEG and WebP, 1 to 100.

    Raises:
        InvalidInput: on another shape or suffix, or when a value is NaN or infinite.
    """
    check_shape("rgb", rgb, "H W 3")
    check_finite("rgb", rgb)
    is_path = isinstance(target, (str, os.PathLike))
    suffix = Path(target).suffix.lower() if is_path else ".png"  # type: ignore[arg-type]
    if suffix not in _FORMATS:
        raise InvalidInput(f"a picture must be written as {', '.join(_FORMATS)}; got {suffix!r}.")
    values = (rgb.detach().to("cpu", torch.float32).clamp(0, 1) * 255).round().to(torch.uint8).numpy()
    options = {} if suffix == ".png" else {"quality": quality}
    buffer = (
        io.BytesIO()
    )  # Pillow writes JPEGs past the file object and does not notice a disk that takes only a part
    Image.fromarray(values).save(buffer, format=_FORMATS[suffix], **options)
    with open_atomically(target) as file:
        file.write(buffer.getbuffer())


def _name_of(source: BinarySource) -> str:
    if isinstance(source, (str, os.PathLike)):
        return Path(source).name
    return Path(str(getattr(source, "name", "") or "stream")).name


def _read_opened(picture: Image.Image, source: BinarySource, max_width: int) -> Tensor:
    if 0 < max_width < picture.width:
        size = (max_width, max(1, round(picture.height * max_width / picture.width)))
        picture.draft("RGB", size)  # JPEG only: decode at 1/2, 1/4 or 1/8, still at least this size
    deep = _read_deep_png(picture, source)
    if deep is not None:
        return _shrink(deep, max_width)
    picture.load()
    upright = ImageOps.exif_transpose(picture)
    if upright.mode in ("I;16", "I;16B", "I;16L", "I", "F"):
        return _shrink(_from_grey(upright), max_width)
    if upright.mode == "P" and "transparency" in upright.info:
        upright = upright.convert("RGBA")
    if upright.mode in ("RGBA", "RGBX"):
        upright = upright.convert("RGB")
    if 0 < max_width < upright.width:
        height = max(1, round(upright.height * max_width / upright.width))
        upright = upright.convert("RGB").resize((max_width, height), Image.Resampling.BOX)
    values = np.empty((upright.height, upright.width, 3), np.float32)
    for top in range(0, upright.height, _BAND_ROWS):  # in bands, so that only the result is held in float
        bottom = min(top + _BAND_ROWS, upright.height)
        band = upright.crop((0, top, upright.width, bottom)).convert("RGB")
        np.divide(np.asarray(band), np.float32(255), out=values[top:bottom])
    return torch.from_numpy(values)


def _from_grey(picture: Image.Image) -> Tensor:
    values = np.asarray(picture).astype(np.float32)
    if picture.mode != "F":
        values /= np.float32(65535)
    values = np.clip(np.nan_to_num(values, nan=0.0), 0, 1)
    return torch.from_numpy(values)[..., None].expand(-1, -1, 3).contiguous()


def _read_deep_png(picture: Image.Image, source: BinarySource) -> Tensor | None:
    """Return a 16-bit colour PNG with all its bits, or None for any other picture.

    Pillow keeps only the high byte of each channel of these.
    """
    if picture.format != "PNG":
        return None
    head, data = _png_head(source)
    if len(head) < 26 or head[:8] != _PNG_SIGNATURE or head[24] != 16:
        return None
    if head[25] not in _PNG_COLOUR_TYPES_WITH_MORE_THAN_GREY:
        return None
    try:
        import av
    except ImportError:
        logger.warning("%s: read with 8 of its 16 bits; install the av package to keep all", _name_of(source))
        return None
    picture.verify()  # checksums of all chunks; a damaged file raises here
    with av.open(data, mode="r", format="png_pipe") as container:
        frame = next(container.decode(video=0))
        # ya16 (grey with alpha) has no array form of its own; its grey is asked for.
        wanted = {"rgb48be": "rgb48le", "rgba64be": "rgba64le"}.get(frame.format.name, "gray16le")
        values: np.ndarray = frame.to_ndarray(format=wanted)
    if values.ndim == 2:
        values = np.repeat(values[..., None], 3, axis=2)
    return torch.from_numpy(np.divide(values[..., :3], np.float32(65535), dtype=np.float32))


def _png_head(source: BinarySource) -> tuple[bytes, str | BinaryIO]:
    """Return the first bytes, and something that `av.open` takes."""
    if isinstance(source, (str, os.PathLike)):
        with open(source, "rb") as file:
            return file.read(32), str(source)
    position = source.tell()
    source.seek(0)
    data = source.read()
    source.seek(position)
    return data[:32], io.BytesIO(data)


def _shrink(rgb: Tensor, max_width: int) -> Tensor:
    height, width = rgb.shape[:2]
    if not 0 < max_width < width:
        return rgb
    size = (max(1, round(height * max_width / width)), max_width)
    channels = rgb.permute(2, 0, 1).unsqueeze(0)
    return torch.nn.functional.interpolate(channels, size, mode="area")[0].permute(1, 2, 0).contiguous()
