"""Pictures: files to ``[H, W, 3]`` float tensors and back."""

from __future__ import annotations

import io
import logging
import math
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
import torch
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor

from ..checks import check_finite, check_shape
from ..errors import FormatError, InvalidInput
from .atomic import BinarySource, BinaryTarget, open_atomically
from .exif import ExifLens, lens_from_exif
from .exr import EXR_MAGIC, read_attributes, read_colors
from .foreign import as_format_error
from .gpano import GPano, gpano_from_attributes, gpano_from_xmp
from .limits import MOST_PIXELS, check_budget
from .radiance import HDR_MAGIC, floats_from_rgbe, read_rgbe, tone_map
from .tiff import TIFF_MAGIC, DeepTiff, deep_tiff

__all__ = [
    "FLOAT_KINDS",
    "IMAGE_SUFFIXES",
    "DecodedImage",
    "encode_image",
    "read_image",
    "read_picture",
    "to_uint8",
    "write_image",
]

logger = logging.getLogger(__name__)

IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff", ".hdr", ".exr")
"""Suffixes that `read_image` supports; the content decides."""

FLOAT_KINDS = ("auto", "linear light", "display values")
"""Meaning of a float file's numbers: linear light, which is tone-mapped, or display values, clamped to 0 to 1."""

_MOST_STOPS = 64
_PILLOW_FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF")  # none that starts another program
_FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP"}
_BAND_ROWS = 16
_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PNG_COLOR_TYPES_WITH_MORE_THAN_GRAY = (2, 4, 6)


class DecodedImage(NamedTuple):
    """A decoded image with the metadata of its file.

    Attributes:
        rgb: ``[H, W, 3]`` float32 in [0, 1].
        missing: ``[H, W]`` float32, 1 where the file is transparent; None without an alpha channel.
        full_width: columns of the picture before it was shrunk.
        gpano: its tags about the sphere, if any.
        read_as: one line: kind, bits, and how light was tone-mapped.
        lens: of its EXIF tags, if they tell.
    """

    rgb: Tensor
    missing: Tensor | None
    full_width: int
    gpano: GPano | None
    read_as: str
    lens: ExifLens | None = None


def read_image(source: BinarySource, *, max_width: int = 0) -> Tensor:  # [H, W, 3]
    """Read a picture's colors; see `read_picture`, which also keeps alpha and the GPano tags.

    A warning is logged when the file shows only a part of the sphere: `load_panorama` places it.
    """
    picture = read_picture(source, max_width=max_width)
    if picture.gpano and picture.gpano.is_part:
        logger.warning(
            "%s: its GPano tags say that it is a crop of a panorama; read as it is", _name_of(source)
        )
    return picture.rgb


def read_picture(
    source: BinarySource, *, max_width: int = 0, exposure: float = 0.0, floats: str = FLOAT_KINDS[0]
) -> DecodedImage:
    """Read a PNG, JPEG, WebP, BMP, GIF, TIFF, Radiance (.hdr) or OpenEXR picture.

    Eight bits become ``value / 255``, sixteen ``value / 65535`` with all bits kept; 16-bit color PNG
    needs the ``av`` package for that, without it they are read as 8 bits with a warning. Light (Radiance, EXR, a
    float TIFF with values above 1) is converted to display values by `tone_map`. Gray becomes three equal channels.
    The EXIF orientation is applied. Of an animation the first frame is read. Color profiles are ignored.

    Memory: the result takes ``12 * H * W`` bytes (16 with alpha), reading needs at most as much again (an EXR of
    several parts is decoded whole). With ``max_width`` the result is smaller and JPEG is decoded at a reduced size
    from the start. Pixels are limited (`MOST_PIXELS`), and are checked before memory is allocated.

    Args:
        source: path or binary file (EXR: a path).
        max_width: a wider picture is shrunk to this many columns, keeping its shape; 0 keeps the size.
        exposure: in stops, for light.
        floats: one of `FLOAT_KINDS`: what the numbers of a float file are; ``"auto"`` as above.

    Raises:
        FormatError: when the file is not a picture, is damaged, of a kind that is not read, or too large.
        InvalidInput: when ``max_width`` is negative, the exposure is not finite or the kind unknown.
        BackendUnavailable: for EXR without the OpenEXR package.
    """
    if max_width < 0:
        raise InvalidInput(f"max_width must be 0 (keep the size) or positive; got {max_width}.")
    if not abs(exposure) <= _MOST_STOPS:
        raise InvalidInput(
            f"exposure must lie between -{_MOST_STOPS} and {_MOST_STOPS} stops; got {exposure}."
        )
    if floats not in FLOAT_KINDS:
        raise InvalidInput(f"floats must be one of {', '.join(FLOAT_KINDS)}; got {floats!r}.")
    name = _name_of(source)
    with as_format_error(name, "damaged or truncated"), _opened(source) as file:
        head = file.read(4)
        file.seek(0)
        if head == EXR_MAGIC:
            if not isinstance(source, (str, os.PathLike)):
                raise FormatError(
                    f"{name}: an EXR picture is read from a path only. Save it to a file first."
                )
            values, alpha, layer = read_colors(Path(source))
            light = _Light(
                f"EXR{f', layer {layer}' if layer else ''}",
                exposure,
                "linear light" if floats == "auto" else floats,
            )
            gpano = gpano_from_attributes(read_attributes(Path(source)))
            return light.picture(values, alpha, gpano, max_width)
        if head[:2] == HDR_MAGIC:
            rgbe, factor = read_rgbe(file, name)
            light = _Light(
                "Radiance HDR", exposure + math.log2(factor), "linear light" if floats == "auto" else floats
            )
            return light.picture(rgbe, None, None, max_width)
        deep = deep_tiff(file, name) if head in TIFF_MAGIC else None
        if deep is not None:
            return _from_tiff(deep, exposure, floats, max_width)
        file.seek(0)
        return _from_pillow(file, name, max_width)


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
    is_path = isinstance(target, (str, os.PathLike))
    suffix = Path(target).suffix.lower() if is_path else ".png"  # type: ignore[arg-type]
    if suffix not in _FORMATS:
        raise InvalidInput(f"a picture must be written as {', '.join(_FORMATS)}; got {suffix!r}.")
    data = encode_image(rgb, _FORMATS[suffix], quality=quality)
    with open_atomically(target) as file:
        file.write(data)


def encode_image(rgb: Tensor, format: str = "JPEG", *, quality: int = 95) -> bytes:
    """Return a picture as the bytes of a file with 8 bits per channel.

    Args:
        rgb: ``[H, W, 3]`` floating point, or ``[H, W, 4]`` with alpha but for JPEG; values outside [0, 1] are clipped.
        format: ``"JPEG"``, ``"PNG"`` or ``"WEBP"``.
        quality: of JPEG and WebP, 1 to 100.

    Raises:
        InvalidInput: on another shape, or when a value is NaN or infinite.
    """
    check_shape("rgb", rgb, "H W 4" if rgb.shape[-1] == 4 and format != "JPEG" else "H W 3")
    check_finite("rgb", rgb)
    options = {} if format == "PNG" else {"quality": quality}
    buffer = (
        io.BytesIO()
    )  # Pillow writes JPEGs past a file object and does not notice a disk that takes only a part
    Image.fromarray(to_uint8(rgb)).save(buffer, format=format, **options)
    return buffer.getvalue()


def to_uint8(rgb: Tensor) -> np.ndarray:
    """Return values in [0, 1], clipped, as bytes 0 to 255 in main memory."""
    return (rgb.detach().to("cpu", torch.float32).clamp(0, 1) * 255).round().to(torch.uint8).numpy()


def _name_of(source: BinarySource) -> str:
    if isinstance(source, (str, os.PathLike)):
        return Path(source).name
    return Path(str(getattr(source, "name", "") or "stream")).name


@contextmanager
def _opened(source: BinarySource) -> Iterator[BinaryIO]:
    if isinstance(source, (str, os.PathLike)):
        with open(source, "rb") as file:
            yield file
    else:
        position = source.tell()
        data = source.read() if position else b""
        if not position:
            source.seek(0)
        yield io.BytesIO(data) if position else source


@dataclass(frozen=True)
class _Light:
    """How numbers of a float file become display values."""

    kind: str
    exposure: float
    floats: str

    def picture(
        self, values: np.ndarray, alpha: np.ndarray | None, gpano: GPano | None, max_width: int
    ) -> DecodedImage:
        """Convert ``[H, W, 3]`` float32 (in place) or ``[H, W, 4]`` RGBE to a picture, shrunk, then tone-mapped."""
        width = values.shape[1]
        if values.dtype == np.uint8:
            rgb = np.empty((*values.shape[:2], 3), np.float32)
            for top in range(0, rgb.shape[0], _BAND_ROWS):
                rgb[top : top + _BAND_ROWS] = floats_from_rgbe(values[top : top + _BAND_ROWS])
            values = rgb
        missing = None if alpha is None else torch.from_numpy(np.subtract(1, alpha, out=alpha))
        light, missing = _shrink(torch.from_numpy(values), missing, max_width)
        rgb = light.numpy()
        for top in range(0, rgb.shape[0], _BAND_ROWS):
            rgb[top : top + _BAND_ROWS] = self.toned(rgb[top : top + _BAND_ROWS])
        return DecodedImage(light, missing, width, gpano, self.read_as)

    def toned(self, rgb: np.ndarray) -> np.ndarray:
        if self.floats == "linear light":
            tone_map(rgb, self.exposure)
        else:
            np.clip(np.nan_to_num(rgb, copy=False, nan=0.0), 0, 1, out=rgb)
        return rgb

    @property
    def read_as(self) -> str:
        if self.floats == "linear light":
            return f"{self.kind}, light tone-mapped at {self.exposure:+.2g} stops (exposure changes it)"
        return f"{self.kind}, values used as they are (float_values changes it)"


def _from_tiff(deep: DeepTiff, exposure: float, floats: str, max_width: int) -> DecodedImage:
    rgb, alpha = deep.read()
    gpano = gpano_from_xmp(deep.xmp)
    if alpha is not None:
        np.clip(np.nan_to_num(alpha, copy=False, nan=0.0), 0, 1, out=alpha)
    bits = 8 * deep.dtype.itemsize
    if deep.dtype.kind == "u":
        light = _Light(f"TIFF, {bits} bits", 0.0, "display values")
        return light.picture(rgb, alpha, gpano, max_width)._replace(read_as=f"TIFF, {bits} bits")
    if floats == "auto":
        with np.errstate(invalid="ignore"):
            floats = "linear light" if float(np.nanmax(rgb)) > 1 + 1e-4 else "display values"
    return _Light(f"TIFF, {bits}-bit floats", exposure, floats).picture(rgb, alpha, gpano, max_width)


def _from_pillow(file: BinaryIO, name: str, max_width: int) -> DecodedImage:
    try:
        with warnings.catch_warnings():
            # This reader is for large panoramas; the budget is checked below.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(file, formats=_PILLOW_FORMATS) as opened:
                check_budget(
                    name, "pixels", opened.width * opened.height, MOST_PIXELS, "Shrink the file first."
                )
                kind, full_width = str(opened.format), opened.width
                stored, lens = (
                    opened.size,
                    None,
                )  # drafts change the size; tags of a PNG are read with its pixels
                if 0 < max_width < opened.width:
                    size = (max_width, max(1, round(opened.height * max_width / opened.width)))
                    opened.draft(
                        "RGB", size
                    )  # JPEG only: decode at 1/2, 1/4 or 1/8, still at least this size
                deep = _decode_deep_png(opened, file, name)
                if deep is None:
                    opened.load()
                    lens = lens_from_exif(opened.getexif(), *stored)
                    upright = ImageOps.exif_transpose(opened)
                    if upright.size != opened.size:
                        full_width = opened.height * full_width // opened.width
                gpano = gpano_from_xmp(_xmp_of(opened))
    except UnidentifiedImageError as error:
        kinds = "PNG, JPEG, WebP, BMP, GIF, TIFF, HDR, EXR"
        raise FormatError(f"{name}: not a picture in a known format ({kinds}).") from error
    except Image.DecompressionBombError as error:
        raise FormatError(f"{name}: too large to read; {error} Shrink the file first.") from error
    del opened  # and with it the decoder's memory: for WebP more than the picture
    rgb, missing, bits = _from_upright(upright, max_width) if deep is None else _from_deep(deep, max_width)
    return DecodedImage(rgb, missing, full_width, gpano, f"{kind}, {bits}", lens)


def _from_upright(picture: Image.Image, max_width: int) -> tuple[Tensor, Tensor | None, str]:
    if picture.mode in ("I;16", "I;16B", "I;16L", "I", "F"):
        rgb, _ = _shrink(_from_gray(picture), None, max_width)
        return rgb, None, "floats" if picture.mode == "F" else "16 bits"
    mode = "RGBA" if picture.has_transparency_data else "RGB"
    shown = picture
    if 0 < max_width < picture.width:
        height = max(1, round(picture.height * max_width / picture.width))
        shown = picture.convert(mode).resize((max_width, height), Image.Resampling.BOX)
    values = np.empty((shown.height, shown.width, 3), np.float32)
    nothing = np.empty(values.shape[:2], np.float32) if mode == "RGBA" else None
    for top in range(0, shown.height, _BAND_ROWS):  # in bands, so that only the result is held in float
        bottom = min(top + _BAND_ROWS, shown.height)
        band = np.asarray(shown.crop((0, top, shown.width, bottom)).convert(mode))
        np.divide(band[..., :3], np.float32(255), out=values[top:bottom])
        if nothing is not None:
            np.divide(255 - band[..., 3], np.float32(255), out=nothing[top:bottom])
    return torch.from_numpy(values), None if nothing is None else torch.from_numpy(nothing), "8 bits"


def _xmp_of(picture: Image.Image) -> bytes | str | None:
    for key in ("xmp", "XML:com.adobe.xmp"):
        if isinstance(found := picture.info.get(key), (bytes, str)):
            return found
    return None


def _from_gray(picture: Image.Image) -> Tensor:
    values = np.asarray(picture).astype(np.float32)
    if picture.mode != "F":
        values /= np.float32(65535)
    values = np.clip(np.nan_to_num(values, nan=0.0), 0, 1)
    return torch.from_numpy(values)[..., None].expand(-1, -1, 3).contiguous()


def _decode_deep_png(picture: Image.Image, file: BinaryIO, name: str) -> np.ndarray | None:
    """Return ``[H, W, 2, 3 or 4]`` samples of a 16-bit PNG with more than gray, or None for any other picture.

    Pillow keeps only the high byte of each channel of these.
    """
    if picture.format != "PNG":
        return None
    position = file.tell()
    file.seek(0)
    head = file.read(32)
    file.seek(position)
    if len(head) < 26 or head[:8] != _PNG_SIGNATURE or head[24] != 16:
        return None
    if head[25] not in _PNG_COLOR_TYPES_WITH_MORE_THAN_GRAY:
        return None
    try:
        import av
    except ImportError:
        logger.warning("%s: read with 8 of its 16 bits; install the av package to keep all", name)
        return None
    picture.verify()  # checksums of all chunks; a damaged file raises here
    file.seek(0)
    with av.open(file, mode="r", format="png_pipe") as container:
        frame = next(container.decode(video=0))
    channels = {"rgb48be": 3, "rgba64be": 4, "ya16be": 2}[frame.format.name]
    plane = frame.planes[0]
    rows = np.frombuffer(memoryview(plane), ">u2").reshape(frame.height, plane.line_size // 2)
    return rows[:, : frame.width * channels].reshape(frame.height, frame.width, channels)


def _from_deep(samples: np.ndarray, max_width: int) -> tuple[Tensor, Tensor | None, str]:
    height, width, channels = samples.shape
    rgb = np.empty((height, width, 3), np.float32)
    rgb[...] = samples[..., : 3 if channels > 2 else 1]  # exact: 16 bits fit into a float's 24
    rgb /= np.float32(65535)
    missing = None
    if channels != 3:
        alpha = samples[..., -1].astype(np.float32)
        alpha /= np.float32(65535)
        missing = torch.from_numpy(np.subtract(1, alpha, out=alpha))
    return *_shrink(torch.from_numpy(rgb), missing, max_width), "16 bits"


def _shrink(rgb: Tensor, missing: Tensor | None, max_width: int) -> tuple[Tensor, Tensor | None]:
    """Shrink by averaging; transparent pixels do not bleed into opaque ones."""
    height, width = rgb.shape[:2]
    if not 0 < max_width < width:
        return rgb, missing
    rows = max(1, round(height * max_width / width))

    def area(values: Tensor) -> Tensor:  # [h, W, C] -> [w, C]
        planes = values.permute(2, 0, 1)[None]
        return torch.nn.functional.interpolate(planes, (1, max_width), mode="area")[0, :, 0].mT

    small = torch.empty(rows, max_width, 3)
    gone = None if missing is None else torch.empty(rows, max_width)
    for row in range(rows):  # one by one: no second picture
        above = slice(row * height // rows, -(-(row + 1) * height // rows))
        colors = rgb[above]
        if missing is None or gone is None:
            small[row] = area(colors)
            continue
        opacity = 1 - missing[above, :, None]
        seen = area(opacity)
        small[row] = torch.where(seen > 0, area(colors * opacity) / seen.clamp(min=1e-9), area(colors))
        gone[row] = 1 - seen[:, 0]
    return small, gone
