"""Distances of panorama pixels: EXR, NPY, NPZ and 16-bit PNG files.

The readers give the numbers as they are. NaN, infinity, zero and negative values are handled by
`matrix3d_core.depth`, not here.
"""

from __future__ import annotations

import os
import secrets
import zipfile
import zlib
from pathlib import Path
from types import ModuleType

import numpy as np
import torch
from PIL import Image, UnidentifiedImageError
from torch import Tensor

from ..checks import check_shape
from ..errors import BackendUnavailable, FormatError, InvalidInput
from .atomic import open_atomically

__all__ = ["DEPTH_SUFFIXES", "read_depth", "write_depth"]

DEPTH_SUFFIXES = (".exr", ".npy", ".npz", ".png")
"""File names that `read_depth` takes."""

_ARRAY_NAMES = ("depth", "depth_ray", "distance")
_CHANNEL_NAMES = ("depth", "z", "y", "r", "v")


def read_depth(path: str | os.PathLike[str], *, png_scale: float = 0.001) -> Tensor:  # [H, W]
    """Read one depth map.

    EXR: the channel called depth, Z, Y, R or V (in this order, upper or lower case, layer names
    ignored), or the only one; needs the OpenEXR package. NPY: the array. NPZ: the array called depth,
    depth_ray or distance, or the first. PNG: 16-bit grey times ``png_scale``. Dimensions of size 1
    around the map are dropped.

    Args:
        path: the file; its suffix says the format.
        png_scale: what one step of a PNG stands for; 0.001 reads millimetres as metres.

    Returns:
        ``[H, W]`` float32, values as stored (NaN, infinity, zero and negative included).

    Raises:
        FormatError: when the content is not what the suffix claims, damaged, or not one map.
        BackendUnavailable: for EXR without the OpenEXR package.
        InvalidInput: for another suffix or a scale that is not positive.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in DEPTH_SUFFIXES:
        raise InvalidInput(f"a depth file must end in {', '.join(DEPTH_SUFFIXES)}; got {path.name!r}.")
    if not path.is_file():
        raise FileNotFoundError(f"{path.name}: no such file")
    if suffix == ".exr":
        values = _read_exr(path)
    elif suffix == ".png":
        values = _read_png(path, png_scale)
    else:
        values = _read_numpy(path)
    return _as_map(values, path.name)


def write_depth(path: str | os.PathLike[str], depth: Tensor) -> None:  # [H, W]
    """Write one depth map as NPZ (compressed, array ``depth``), NPY or EXR (channel ``Z``), float32.

    The file appears under its name only when it is complete.

    Args:
        path: where to; the suffix says the format.
        depth: ``[H, W]``; infinity and NaN are kept.

    Raises:
        InvalidInput: on another shape or suffix.
        BackendUnavailable: for EXR without the OpenEXR package.
    """
    check_shape("depth", depth, "H W")
    path = Path(path)
    values = np.ascontiguousarray(depth.detach().to("cpu", torch.float32).numpy())
    suffix = path.suffix.lower()
    if suffix == ".npz":
        with open_atomically(path) as file:
            np.savez_compressed(file, depth=values)
    elif suffix == ".npy":
        with open_atomically(path) as file:
            np.save(file, values, allow_pickle=False)
    elif suffix == ".exr":
        _write_exr(path, values)
    else:
        raise InvalidInput(f"depth must be written as .npz, .npy or .exr; got {path.name!r}.")


def _as_map(values: np.ndarray, name: str) -> Tensor:
    if values.dtype.kind not in "fiu":
        raise FormatError(f"{name}: must hold numbers; got {values.dtype}.")
    shape = values.shape
    while values.ndim > 2 and values.shape[0] == 1:
        values = values[0]
    while values.ndim > 2 and values.shape[-1] == 1:
        values = values[..., 0]
    if values.ndim != 2 or 0 in values.shape:
        raise FormatError(f"{name}: must hold one map [H, W]; got shape {list(shape)}.")
    return torch.from_numpy(np.array(values, dtype=np.float32))


def _read_numpy(path: Path) -> np.ndarray:
    try:
        with path.open("rb") as file:  # np.load leaves a file that it opened itself open when it fails
            loaded = np.load(file, allow_pickle=False)
            if isinstance(loaded, np.ndarray):
                return loaded
            names = [name for name in _ARRAY_NAMES if name in loaded.files] or loaded.files
            if not names:
                raise FormatError(f"{path.name}: holds no array.")
            return loaded[names[0]]
    except FormatError:
        raise
    except (ValueError, OSError, EOFError, KeyError, zipfile.BadZipFile, zlib.error) as error:
        reason = "it holds Python objects" if "pickle" in str(error).lower() else str(error)
        raise FormatError(f"{path.name}: not a readable NumPy file; {reason}.") from error


def _read_png(path: Path, png_scale: float) -> np.ndarray:
    if not 0 < png_scale < float("inf"):
        raise InvalidInput(f"png_scale must be positive; got {png_scale}.")
    try:
        with Image.open(path) as picture:
            picture.load()
            if picture.mode not in ("I;16", "I;16B", "I;16L", "I"):
                raise FormatError(
                    f"{path.name}: a depth PNG must be 16-bit grey; got mode {picture.mode}. "
                    "Use 16 bits, or connect the picture as a depth image."
                )
            return np.asarray(picture).astype(np.float32) * np.float32(png_scale)
    except UnidentifiedImageError as error:
        raise FormatError(f"{path.name}: not a PNG.") from error
    except (OSError, SyntaxError) as error:
        raise FormatError(f"{path.name}: damaged or cut off; {error}.") from error


def _openexr() -> ModuleType:
    try:
        import OpenEXR
    except ImportError as error:
        raise BackendUnavailable(
            f"EXR files need the OpenEXR package ({error}). Install it with: pip install OpenEXR"
        ) from error
    if not hasattr(OpenEXR, "File"):
        raise BackendUnavailable(
            "EXR files need OpenEXR 3.3 or newer. Install it with: pip install -U OpenEXR"
        )
    return OpenEXR


def _read_exr(path: Path) -> np.ndarray:
    openexr = _openexr()
    with path.open("rb") as file:
        if file.read(4) != b"\x76\x2f\x31\x01":
            raise FormatError(f"{path.name}: not an EXR file.")
    try:
        with openexr.File(str(path), separate_channels=True) as file:
            channels = {name: np.array(channel.pixels) for name, channel in file.channels().items()}
    except Exception as error:  # the package raises RuntimeError, OSError or its own kinds
        raise FormatError(f"{path.name}: damaged EXR; {error}.") from error
    by_short_name = {name.rsplit(".", 1)[-1].lower(): values for name, values in channels.items()}
    for wanted in _CHANNEL_NAMES:
        if wanted in by_short_name:
            return by_short_name[wanted]
    if len(channels) == 1:
        return next(iter(channels.values()))
    found = ", ".join(sorted(channels)) or "none"
    raise FormatError(f"{path.name}: has no channel called depth, Z, Y, R or V; found {found}.")


def _write_exr(path: Path, values: np.ndarray) -> None:
    openexr = _openexr()
    partial = path.with_name(f".{path.stem}.{secrets.token_hex(4)}.partial.exr")
    header = {"compression": openexr.ZIP_COMPRESSION, "type": openexr.scanlineimage}
    try:
        with openexr.File(header, {"Z": values}) as file:
            file.write(str(partial))
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)
