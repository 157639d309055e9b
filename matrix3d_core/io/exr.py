"""OpenEXR files: what a header lists, single channels of any part, and one map written."""

from __future__ import annotations

import os
import secrets
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from ..errors import BackendUnavailable, DiskError, FormatError
from .atomic import naming_the_file
from .foreign import as_format_error
from .limits import MOST_PIXELS, check_budget

__all__ = ["EXR_MAGIC", "ExrChannel", "list_channels", "read_channels", "read_colors", "write_map"]

EXR_MAGIC = b"\x76\x2f\x31\x01"
"""The first four bytes of an EXR file."""

_MOST_BYTES = 6 << 30  # all channels together, which the package decodes at once
_MOST_CHANNELS = 1024
_MAIN_LAYERS = ("", "beauty", "combined", "rgba", "rgb", "color", "composite", "finalimage", "image")


@dataclass(frozen=True)
class ExrChannel:
    """One channel of an EXR file.

    Attributes:
        part: number of its part.
        name: as the part has it, such as ``ViewLayer.Depth.Z``.
        full_name: with the part's name before it where a file has several parts.
    """

    part: int
    name: str
    full_name: str


def list_channels(path: Path) -> list[ExrChannel]:
    """List the channels of all parts, from the headers alone.

    Raises:
        FormatError: when it is no EXR file, damaged, deep, or larger than what is read.
        BackendUnavailable: without the OpenEXR package.
    """
    openexr = _openexr()
    with path.open("rb") as file:
        if file.read(4) != EXR_MAGIC:
            raise FormatError(f"{path.name}: not an EXR file.")
    with as_format_error(path.name, "damaged EXR"), openexr.File(str(path), True, True) as file:
        headers = [dict(part.header) for part in file.parts]
    _check_size(path.name, headers)
    channels = []
    for number, header in enumerate(headers):
        part = str(header.get("name", ""))
        for channel in header["channels"]:
            inside = len(headers) > 1 and part and not f"{channel.name}.".startswith(f"{part}.")
            channels.append(
                ExrChannel(number, channel.name, f"{part}.{channel.name}" if inside else channel.name)
            )
    return channels


def read_channels(path: Path, wanted: Sequence[ExrChannel], *, outside: float) -> list[np.ndarray]:
    """Read channels, each ``[H, W]`` over the display window, as stored (float32, float16 or uint32).

    Args:
        path: the file; its headers have been looked at with `list_channels`.
        wanted: channels of parts of one display window.
        outside: the value where the file has no data (its data window is smaller).

    Raises:
        FormatError: when the file is damaged.
    """
    with as_format_error(path.name, "damaged EXR"), _openexr().File(str(path), True) as file:
        found = []
        for channel in wanted:
            part = file.parts[channel.part]
            found.append(_on_display(np.array(part.channels[channel.name].pixels), part.header, outside))
    return found


def read_colors(path: Path) -> tuple[np.ndarray, np.ndarray | None, str]:
    """Read the colors of a picture: ``[H, W, 3]`` float32 light, ``[H, W]`` alpha or None, and their layer's name.

    R, G and B of the file, else of its only colored layer, else of the one called beauty, combined or rgba; else a
    lone Y. Premultiplied colors are divided by alpha.

    Raises:
        FormatError: when there are no colors or several layers of them; the message lists the channels.
        BackendUnavailable: without the OpenEXR package.
    """
    channels = list_channels(path)
    layers: dict[str, dict[str, ExrChannel]] = {}
    for channel in channels:
        layer, _, component = channel.full_name.rpartition(".")
        layers.setdefault(layer, {})[component.upper()] = channel
    colored = {name: layer for name, layer in layers.items() if {"R", "G", "B"} <= layer.keys()}
    colored = {name: layer for name, layer in colored.items() if "crypto" not in name.lower()}
    main = {n: layer for n, layer in colored.items() if n.rpartition(".")[2].lower() in _MAIN_LAYERS}
    chosen = main if len(colored) > 1 and len(main) == 1 else colored
    if not colored and len(channels) <= 2 and "Y" in layers.get("", {}):
        chosen = {
            "": {**dict.fromkeys("RGB", layers[""]["Y"]), **{k: v for k, v in layers[""].items() if k == "A"}}
        }
    if len(chosen) != 1:
        names = ", ".join(sorted(channel.full_name for channel in channels)[:24])
        what = "several layers hold colors" if chosen else "has no R, G and B"
        raise FormatError(f"{path.name}: {what}; found {names}. Save the picture's layer alone.")
    name, planes = next(iter(chosen.items()))
    with as_format_error(path.name, "damaged EXR"), _openexr().File(str(path), True) as file:
        part = file.parts[planes["R"].part]

        def plane(component: str) -> np.ndarray:
            return _on_display(np.asarray(part.channels[planes[component].name].pixels), part.header, 0.0)

        red = plane("R")
        rgb = np.empty((*red.shape, 3), np.float32)
        rgb[..., 0] = red
        for index, component in enumerate("GB", start=1):
            rgb[..., index] = plane(component)
        alpha = plane("A").astype(np.float32) if "A" in planes else None
    if alpha is not None:
        np.nan_to_num(alpha, copy=False, nan=0.0)
        np.clip(alpha, 0, 1, out=alpha)
        for row, weight in zip(rgb, alpha, strict=True):  # by rows: no second picture
            row /= np.where(weight > 0, weight, 1)[:, None]
    return rgb, alpha, name


def write_map(path: Path, values: np.ndarray) -> None:
    """Write one ``[H, W]`` float32 map as channel ``Z``; the file appears when it is complete.

    Raises:
        BackendUnavailable: without the OpenEXR package.
        DiskError: when the disk refuses the file.
    """
    openexr = _openexr()
    partial = path.with_name(f".{path.stem}.{secrets.token_hex(4)}.partial.exr")
    header = {"compression": openexr.ZIP_COMPRESSION, "type": openexr.scanlineimage}
    try:
        with naming_the_file(path):
            with openexr.File(header, {"Z": values}) as file:
                file.write(str(partial))
            os.replace(partial, path)
    except (RuntimeError, TypeError) as error:  # what OpenEXR makes of a disk that refuses
        raise DiskError(
            f"{path.name} could not be written: {str(error)[:200].rstrip('.')} ({path.parent}). Free some space, or "
            "save to another folder."
        ) from error
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)


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


def _window(header: dict[str, Any], name: str) -> tuple[int, int, int, int]:
    """Return left, top, columns and rows."""
    low, high = ([int(value) for value in corner] for corner in header[name])
    return low[0], low[1], high[0] - low[0] + 1, high[1] - low[1] + 1


def _check_size(name: str, headers: list[dict[str, Any]]) -> None:
    way_out = "Save the pass alone, or a smaller picture."
    total = 0
    check_budget(
        name, "channels", sum(len(header["channels"]) for header in headers), _MOST_CHANNELS, way_out
    )
    for header in headers:
        if "deep" in str(header.get("type", "")):
            raise FormatError(f"{name}: a deep EXR holds many samples per pixel. Flatten it to one first.")
        for window in ("dataWindow", "displayWindow"):
            _, _, columns, rows = _window(header, window)
            if columns < 1 or rows < 1:
                raise FormatError(f"{name}: damaged EXR; its {window} is {columns}x{rows}.")
            check_budget(name, "pixels", columns * rows, MOST_PIXELS, way_out)
            total += 4 * columns * rows * len(header["channels"]) * (window == "dataWindow")
    check_budget(name, "bytes in all channels together", total, _MOST_BYTES, way_out)


def _on_display(values: np.ndarray, header: dict[str, Any], outside: float) -> np.ndarray:
    left, top, _, _ = _window(header, "dataWindow")
    shown_left, shown_top, columns, rows = _window(header, "displayWindow")
    if values.shape == (rows, columns) and (left, top) == (shown_left, shown_top):
        return values
    kind = values.dtype if values.dtype.kind == "f" else np.dtype(np.float32)
    result = np.full((rows, columns), outside, kind)
    x, y = left - shown_left, top - shown_top
    x_from, y_from = max(0, -x), max(0, -y)
    shown = values[y_from : rows - y, x_from : columns - x]
    result[y + y_from : y + y_from + shown.shape[0], x + x_from : x + x_from + shown.shape[1]] = shown
    return result
