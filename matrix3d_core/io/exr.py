"""OpenEXR files: lists channels of all parts, reads single ones, and writes one map or picture."""

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

__all__ = [
    "EXR_MAGIC",
    "ExrChannel",
    "list_channels",
    "read_attributes",
    "read_channels",
    "read_colors",
    "write_colors",
    "write_map",
]

EXR_MAGIC = b"\x76\x2f\x31\x01"
"""The first four bytes of an EXR file."""

_MOST_BYTES = (
    6 << 30
)  # all channels together, which the package decodes at once where there are several parts
_MOST_CHANNELS = 1024
_BAND_ROWS = 256  # the tallest block that a compression packs together
_KINDS = {"HALF": "f2", "FLOAT": "f4", "UINT": "u4"}
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
    _openexr()
    with path.open("rb") as file:
        if file.read(4) != EXR_MAGIC:
            raise FormatError(f"{path.name}: not an EXR file.")
    with as_format_error(path.name, "damaged EXR"):
        headers = _headers(path)
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


def read_attributes(path: Path) -> dict[str, str]:
    """Return the texts and numbers of all parts' headers, by name; the first part that has one counts.

    Raises:
        FormatError: when the file is damaged.
        BackendUnavailable: without the OpenEXR package.
    """
    found: dict[str, str] = {}
    with as_format_error(path.name, "damaged EXR"), _openexr().File(str(path), True, True) as file:
        for part in file.parts:
            for name, value in part.header.items():
                if isinstance(value, (str, bytes, int, float)):
                    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
                    found.setdefault(name, text)
    return found


def read_channels(path: Path, wanted: Sequence[ExrChannel], *, outside: float) -> np.ndarray:  # [C, H, W]
    """Read channels over the display window, as float32.

    Args:
        path: the file; its headers have been read with `list_channels`.
        wanted: channels of parts of one display window.
        outside: the value where the file has no data (its data window is smaller).

    Memory: the result and a band of rows; of a file of several parts all channels besides.

    Raises:
        FormatError: when the file is damaged.
    """
    with as_format_error(path.name, "damaged EXR"):
        headers = _headers(path)
        _, _, columns, rows = _window(headers[wanted[0].part], "displayWindow")
        planes = np.full((len(wanted), rows, columns), outside, np.float32)
        _fill(list(planes), path, wanted, headers)
    return planes


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
    with as_format_error(path.name, "damaged EXR"):
        headers = _headers(path)
        _, _, columns, rows = _window(headers[planes["R"].part], "displayWindow")
        rgb = np.zeros((rows, columns, 3), np.float32)
        alpha = np.zeros((rows, columns), np.float32) if "A" in planes else None
        views = [rgb[..., 0], rgb[..., 1], rgb[..., 2], *([] if alpha is None else [alpha])]
        _fill(views, path, [planes[component] for component in "RGBA"[: len(views)]], headers)
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
    _write(path, {"Z": values})


def write_colors(path: Path, light: np.ndarray) -> None:
    """Write ``[H, W, 3]`` float32 linear light as channels R, G and B; the file appears when it is complete.

    Raises:
        BackendUnavailable: without the OpenEXR package.
        DiskError: when the disk refuses the file.
    """
    planes = {name: np.ascontiguousarray(light[..., k], np.float32) for k, name in enumerate("RGB")}
    _write(path, planes)


def _write(path: Path, planes: dict[str, np.ndarray]) -> None:
    openexr = _openexr()
    partial = path.with_name(f".{path.stem}.{secrets.token_hex(4)}.partial.exr")
    header = {"compression": openexr.ZIP_COMPRESSION, "type": openexr.scanlineimage}
    try:
        with naming_the_file(path):
            with openexr.File(header, planes) as file:
                file.write(str(partial))
            os.replace(partial, path)
    except (RuntimeError, TypeError) as error:  # OpenEXR's exception when the disk refuses
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
    library: ModuleType = OpenEXR
    return library


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


def _headers(path: Path) -> list[dict[str, Any]]:
    with _openexr().File(str(path), True, True) as file:
        return [dict(part.header) for part in file.parts]


def _fill(
    planes: Sequence[np.ndarray], path: Path, wanted: Sequence[ExrChannel], headers: list[dict[str, Any]]
) -> None:
    """Write channels into ``[H, W]`` planes over the display window, a band of rows at a time.

    The package's class that reads bands knows one part and is deprecated; its other class decodes everything.
    """
    openexr = _openexr()
    if len(headers) > 1 or not hasattr(openexr, "InputFile"):
        with openexr.File(str(path), True) as file:
            for plane, channel in zip(planes, wanted, strict=True):
                part = file.parts[channel.part]
                _place(plane, np.asarray(part.channels[channel.name].pixels), 0, part.header)
        return
    _, top, columns, rows = _window(headers[0], "dataWindow")
    file = openexr.InputFile(str(path))
    try:
        kinds = file.header()["channels"]
        kinds = [np.dtype(_KINDS[str(kinds[channel.name].type)]) for channel in wanted]
        for row in range(0, rows, _BAND_ROWS):
            last = min(row + _BAND_ROWS, rows) - 1
            names = tuple(channel.name for channel in wanted)
            bands = file.channels(names, scanLine1=top + row, scanLine2=top + last)
            for plane, band, kind in zip(planes, bands, kinds, strict=True):
                _place(plane, np.frombuffer(band, kind).reshape(-1, columns), row, headers[0])
    finally:
        file.close()


def _place(plane: np.ndarray, values: np.ndarray, row: int, header: dict[str, Any]) -> None:
    """Put rows of the data window, from ``row`` on, at their position in the display window."""
    left, top, _, _ = _window(header, "dataWindow")
    shown_left, shown_top, columns, rows = _window(header, "displayWindow")
    x, y = left - shown_left, top - shown_top + row
    x_from, y_from = max(0, -x), max(0, -y)
    shown = values[y_from : max(0, rows - y), x_from : max(0, columns - x)]
    plane[y + y_from : y + y_from + shown.shape[0], x + x_from : x + x_from + shown.shape[1]] = shown
