"""SOG: Gaussians as lossless WebP pictures in a zip, about a fifteenth of a PLY's size.

A pixel per Gaussian, Gaussians in Morton order. Positions: the logarithm ``sign(v) ln(1 + |v|)`` in 16 bits between
the minimum and maximum, low and high bytes in two pictures. Rotations: largest component left out, the others
in 8 bits. Scales (their logarithms) and base colors: a byte into a table of 256 values. Opacity: 8 bits. Harmonics:
a number in 16 bits into a palette, whose coefficients are bytes into another table.

Axes are written as they are, OpenCV, as splat-transform does: readers of PlayCanvas convert PLY and SOG alike.

Source: PlayCanvas, The SOG Format, version 2 (developer.playcanvas.com).
"""

from __future__ import annotations

import io
import json
import logging
import math
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

import numpy as np
import torch
from PIL import Image, UnidentifiedImageError, features

from ..errors import BackendUnavailable, FormatError, InvalidInput
from ..progress import ProgressEvent, ProgressFn, no_progress
from ..scene.gaussians import Gaussians
from ..strict_json import brief, parse_json
from .atomic import BinarySource, BinaryTarget, open_atomically, read_source
from .columns import checked_gaussians, columns_to_write
from .findings import Findings, damage_as_format_error
from .limits import check_budget, check_gaussians
from .ply_dialects import note_antialiased

__all__ = ["read_sog", "write_sog"]

_log = logging.getLogger(__name__)

_VERSION = 2
_TABLE = 256
_PALETTE_ROW = 64  # centroids side by side in a row of the palette's picture
_MOST_PALETTE = 1 << 16
_FIRST_TAG = 252  # alpha of a rotation's pixel: this plus the component left out
_LONGEST_SIDE = 16383  # of a WebP
_MOST_META_BYTES = 1 << 20
_MOST_MEMBERS = 1000
_BYTES_A_PIXEL = 8  # of a picture at most; uncompressed it takes 4
_PER_BYTE = 16  # maximum Gaussians per byte of a file; real files need ten bytes for one
_SAMPLE = 1 << 16
_BATCH = 1 << 13
_ORDERS = np.array([[1, 2, 3], [0, 2, 3], [0, 1, 3], [0, 1, 2]])


# Writing -------------------------------------------------------------------------------------------


def write_sog(
    target: BinaryTarget,
    gaussians: Gaussians,
    *,
    palette: int = 0,
    effort: int = 2,
    seed: int = 0,
    progress: ProgressFn = no_progress,
) -> None:
    """Write Gaussians as a bundled SOG of version 2; a path appears only when the file is complete.

    Steps: positions 1/65535 of the world's extent in the logarithm of ``1 + |v|``, rotation components
    ``sqrt(0.5) * 2 / 255``, opacity 1/255; scales and colors as close as 256 values allow. Harmonics are replaced
    by the nearest of the palette. The order of the Gaussians changes.

    Args:
        target: path (its folder must exist) or binary file open for writing.
        gaussians: at least one, all values finite.
        palette: harmonics in the palette, up to 65536; 0 takes one for 16 Gaussians, 64 to 4096. More is slower
            and closer.
        effort: of the WebP compression, 0 to 6.
        seed: of the palette's initial entries.
        progress: called once per picture and per round of the palette.

    Raises:
        InvalidInput: when the set is empty, a value is NaN or infinite, or a setting is out of range.
        BackendUnavailable: when Pillow cannot write WebP.
    """
    if not 0 <= palette <= _MOST_PALETTE or not 0 <= effort <= 6:
        raise InvalidInput(
            f"palette must be 0 to {_MOST_PALETTE} and effort 0 to 6; got {palette}, {effort}."
        )
    _need_webp()
    means, quats, scales, opacities, sh = columns_to_write(
        gaussians, most=_LONGEST_SIDE * (_LONGEST_SIDE - 4)
    )
    count = len(means)
    bases = sh.shape[1]
    rounds = 8 if bases > 1 else 0
    steps = _Steps(6 + rounds + (1 if bases > 1 else 0), progress)

    order = _morton_order(means)
    means, quats, scales, opacities, sh = (v[order] for v in (means, quats, scales, opacities, sh))
    width = max(4, 4 * math.ceil(math.sqrt(count) / 4))
    height = max(4, 4 * math.ceil(count / width / 4))
    files: dict[str, bytes] = {}

    def add(name: str, pixels: np.ndarray, size: tuple[int, int] = (width, height)) -> None:
        steps.next(f"write {name}")
        files[name] = _to_webp(pixels, size, effort)

    logs = np.sign(means) * np.log1p(np.abs(means.astype(np.float64)))
    least, most = logs.min(axis=0), logs.max(axis=0)
    span = np.where(most > least, most - least, 1)
    fixed = np.rint((logs - least) / span * 65535).astype(np.uint32)
    add("means_l.webp", fixed & 255)
    add("means_u.webp", fixed >> 8)
    add("quats.webp", _pack_rotations(quats))
    scale_table, scale_codes = _fit_table(np.log(np.maximum(scales, np.float32(1e-9))))
    add("scales.webp", scale_codes)
    color_table, color_codes = _fit_table(sh[:, 0])
    alpha = np.rint(opacities * 255).clip(0, 255).astype(np.uint8)
    add("sh0.webp", np.concatenate([color_codes, alpha[:, None]], axis=1))
    meta: dict[str, Any] = {
        "version": _VERSION,
        "asset": {"generator": "matrix3d"},
        "count": count,
        "means": {
            "mins": least.tolist(),
            "maxs": most.tolist(),
            "files": ["means_l.webp", "means_u.webp"],
        },
        "scales": {"codebook": scale_table.tolist(), "files": ["scales.webp"]},
        "quats": {"files": ["quats.webp"]},
        "sh0": {"codebook": color_table.tolist(), "files": ["sh0.webp"]},
    }
    if bases > 1:
        size = palette or min(4096, max(64, count // 16))
        centroids, labels = _fit_palette(sh[:, 1:].reshape(count, -1), min(size, count), rounds, seed, steps)
        table, codes = _fit_table(centroids)
        rows = -(-len(centroids) // _PALETTE_ROW)
        add("shN_centroids.webp", codes.reshape(-1, 3), (_PALETTE_ROW * (bases - 1), rows))
        add("shN_labels.webp", np.stack([labels & 255, labels >> 8, np.zeros_like(labels)], axis=1))
        meta["shN"] = {
            "count": len(centroids),
            "bands": math.isqrt(bases) - 1,
            "codebook": table.tolist(),
            "files": ["shN_centroids.webp", "shN_labels.webp"],
        }
    steps.next("write the bundle")
    with open_atomically(target) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as bundle:
        for name, content in (("meta.json", json.dumps(meta).encode()), *files.items()):
            bundle.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), content)


class _Steps:
    """Counts the steps of a job for its progress callback."""

    def __init__(self, total: int, progress: ProgressFn) -> None:
        self.done, self.total, self.progress = 0, total, progress

    def next(self, phase: str) -> None:
        self.progress(ProgressEvent(min(self.done, self.total), self.total, phase))
        self.done += 1


def _need_webp() -> None:
    if not features.check("webp"):
        raise BackendUnavailable("SOG needs a Pillow with WebP; install the package 'pillow' from PyPI.")


def _to_webp(pixels: np.ndarray, size: tuple[int, int], effort: int) -> bytes:
    """Pack pixels row by row, the rest of the picture black; opaque unless they have alpha."""
    width, height = size
    picture = np.zeros((height * width, 4), np.uint8)
    picture[:, 3] = 255
    picture[: len(pixels), : pixels.shape[1]] = pixels
    file = io.BytesIO()
    image = Image.fromarray(picture.reshape(height, width, 4), "RGBA")
    image.save(file, "WEBP", lossless=True, exact=True, quality=50, method=effort)
    return file.getvalue()


def _morton_order(means: np.ndarray) -> np.ndarray:
    """Order along a Morton curve, so that neighbors in the picture are neighbors in space."""
    least, most = means.min(axis=0), means.max(axis=0)
    cells = ((means - least) / np.where(most > least, most - least, 1) * 1023).astype(np.uint32)
    code = np.zeros(len(means), np.uint32)
    for bit in range(10):
        for axis in range(3):
            code |= (cells[:, axis] >> bit & 1) << (3 * bit + axis)
    return np.argsort(code, kind="stable")


def _pack_rotations(quats: np.ndarray) -> np.ndarray:  # [N, 4] uint8
    largest = np.abs(quats).argmax(axis=1)
    left_out = np.take_along_axis(quats, largest[:, None], axis=1)
    others = np.take_along_axis(quats, _ORDERS[largest], axis=1) * np.where(left_out < 0, -1, 1)
    stored = np.rint((others * math.sqrt(2) * 0.5 + 0.5) * 255).clip(0, 255)
    return np.concatenate([stored, _FIRST_TAG + largest[:, None]], axis=1).astype(np.uint8)


def _fit_table(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Quantize to 256 values with small squared error; return them and the nearest index for each value.

    Lloyd's iteration in one dimension, over a histogram, from entries spread evenly over the range and over the
    values, so that rare extremes are kept as well.
    """
    flat = values.reshape(-1).astype(np.float64)
    low, high = float(flat.min()), float(flat.max())
    if low == high:
        return np.full(_TABLE, low), np.zeros(values.shape, np.uint8)
    bins = 1 << 14
    weight, edges = np.histogram(flat, bins, (low, high))
    middle = (edges[1:] + edges[:-1]) / 2
    share = np.cumsum(weight) / weight.sum()
    by_value = np.interp(np.linspace(0, 1, _TABLE // 2), share, middle)
    table = np.sort(np.concatenate([by_value, np.linspace(low, high, _TABLE - _TABLE // 2)]))
    for _ in range(30):
        code = np.searchsorted((table[1:] + table[:-1]) / 2, middle)
        total = np.bincount(code, weight, _TABLE)
        moment = np.bincount(code, weight * middle, _TABLE)
        table = np.sort(np.where(total > 0, moment / np.where(total > 0, total, 1), table))
    codes = np.searchsorted((table[1:] + table[:-1]) / 2, flat)
    return table, codes.astype(np.uint8).reshape(values.shape)


def _fit_palette(
    values: np.ndarray, size: int, rounds: int, seed: int, steps: _Steps
) -> tuple[np.ndarray, np.ndarray]:
    """Group ``[N, D]`` vectors around ``size`` centroids; return them and each vector's nearest."""
    rng = torch.Generator().manual_seed(seed)
    points = torch.from_numpy(np.ascontiguousarray(values))
    sample = points[torch.randperm(len(points), generator=rng)[: max(_SAMPLE, 8 * size)]]
    centroids = sample[:size].clone()
    for number in range(rounds):
        steps.next(f"group colors, round {number + 1} of {rounds}")
        label = _nearest(sample, centroids)
        total = torch.zeros_like(centroids).index_add_(0, label, sample)
        members = torch.bincount(label, minlength=size)
        filled = members > 0
        centroids[filled] = total[filled] / members[filled, None]
    return centroids.numpy(), _nearest(points, centroids).numpy().astype(np.uint32)


def _nearest(points: torch.Tensor, centroids: torch.Tensor) -> torch.Tensor:  # [N]
    half = centroids.square().sum(1) / 2
    return torch.cat([(half - part @ centroids.mT).argmin(1) for part in points.split(_BATCH)])


# Reading -------------------------------------------------------------------------------------------


def read_sog(
    source: BinarySource,
    *,
    drop_invalid: bool = False,
    most: int | None = None,
    findings: Findings | None = None,
) -> Gaussians:
    """Read a bundled SOG of version 2. Axes are left as they are.

    Tables whose first value is null, as a writer's bug left them, are repaired as PlayCanvas' engine does: the first
    value becomes ``second + (second - last) / 255``.

    Args:
        source: path, or binary file open for reading.
        drop_invalid: leave out Gaussians with NaN or infinite values instead of refusing the file.
        most: Gaussians that the file may hold; None uses the default for its size.
        findings: receives repairs, and what the file states about itself.

    Raises:
        FormatError: when the file is no zip, lacks a part, is of another version, or claims more than it can
            hold or than is read.
        BackendUnavailable: when Pillow cannot read WebP.
    """
    _need_webp()
    data, name = read_source(source)
    with damage_as_format_error(name):
        return _read(data, name, drop_invalid, most, findings or Findings())


def _read(data: bytes, name: str, drop_invalid: bool, most: int | None, findings: Findings) -> Gaussians:
    try:
        # Each record of the list of members takes Python ten times its size, so they are counted first.
        check_budget(name, "members", data.count(b"PK\x01\x02"), _MOST_MEMBERS, "A SOG has about ten.")
        bundle = zipfile.ZipFile(io.BytesIO(data))
    except zipfile.BadZipFile as error:
        raise FormatError(
            f"{name}: is no zip ({error}); a SOG must be bundled. It may be truncated."
        ) from error
    parts = _Bundle(bundle, name, len(data), most, findings)
    _note_model(parts.meta, findings)
    count = parts.count
    with np.errstate(over="ignore"):
        sizes = np.exp(parts.numbers("scales", "codebook", _TABLE)).astype(np.float32)
    colors = parts.numbers("sh0", "codebook", _TABLE).astype(np.float32)
    lows, highs = (parts.picture("means", i, 3) for i in (0, 1))
    least, largest = (parts.numbers("means", key, 3) for key in ("mins", "maxs"))
    quats, scales, shades = (
        parts.picture(key, 0, wide) for key, wide in (("quats", 4), ("scales", 3), ("sh0", 4))
    )
    _check_tags(quats, name)
    rest = None if parts.meta.get("shN") is None else _Palette(parts)
    fields = (
        np.empty((count, 3), np.float32),
        np.empty((count, 4), np.float32),
        np.empty((count, 3), np.float32),
        np.empty(count, np.float32),
        np.empty((count, 1 if rest is None else 1 + rest.per, 3), np.float32),
    )
    for start in range(0, count, _BATCH):
        rows = slice(start, start + _BATCH)
        means = fields[0][rows]
        fixed = lows[rows].astype(np.uint32) | highs[rows].astype(np.uint32) << 8
        logs = least + (largest - least) * (fixed / 65535)
        with np.errstate(over="ignore", invalid="ignore"):  # such values are refused later
            means[:] = np.sign(logs) * np.expm1(np.abs(logs))
        fields[1][rows] = _unpack_rotations(quats[rows])
        fields[2][rows] = sizes[scales[rows]]
        fields[3][rows] = shades[rows, 3].astype(np.float32) / 255
        fields[4][rows, 0] = colors[shades[rows, :3]]
        if rest is not None:
            fields[4][rows, 1:] = rest.values(rows)
    return checked_gaussians(name, *fields, drop_invalid)


def _note_model(meta: Mapping[str, Any], findings: Findings) -> None:
    model = meta.get("model")
    if isinstance(model, str):
        note_antialiased(model == "antialiased", findings)
        if model == "2dgs":
            findings.note("layout", "2D Gaussians: flat splats.")


class _Bundle:
    """The parts of a SOG, each checked when it is asked for."""

    def __init__(
        self, bundle: zipfile.ZipFile, name: str, size: int, most: int | None, findings: Findings
    ) -> None:
        self.bundle, self.name, self.findings = bundle, name, findings
        self.by_name = {PurePosixPath(info.filename).name: info for info in bundle.infolist()}
        meta = parse_json(self.read("meta.json", _MOST_META_BYTES), source=f"{name}: meta.json")
        if not isinstance(meta, dict) or meta.get("version") != _VERSION:
            got = meta.get("version") if isinstance(meta, dict) else type(meta).__name__
            raise FormatError(
                f"{name}: SOG version must be {_VERSION}; got {got!r}. Convert it with splat-transform."
            )
        self.meta: dict[str, Any] = meta
        count = meta.get("count")
        if isinstance(count, bool) or not isinstance(count, int) or count < 1:
            raise FormatError(f"{name}: count must be a whole number from 1; got {count!r}.")
        if count > _PER_BYTE * size + (1 << 16):
            raise FormatError(
                f"{name}: meta.json promises {count} Gaussians, more than {size} bytes can hold."
            )
        check_gaussians(name, count, size, most)
        self.count = count

    def read(self, part: str, most: int) -> bytes:
        info = self.by_name.get(part)
        if info is None:
            raise FormatError(f"{self.name}: lacks {part}; is this a SOG?")
        check_budget(self.name, f"bytes in {part}", info.file_size, most, "It is damaged, or not a SOG.")
        try:
            return self.bundle.read(info)
        except (zipfile.BadZipFile, EOFError, OSError, RuntimeError, ValueError, zlib.error) as error:
            raise FormatError(f"{self.name}: {part} cannot be unpacked ({error}); it is damaged.") from error

    def section(self, key: str) -> Mapping[str, Any]:
        section = self.meta.get(key)
        if not isinstance(section, dict):
            raise FormatError(f"{self.name}: meta.json lacks {key}.")
        return section

    def numbers(self, key: str, field: str, count: int) -> np.ndarray:
        values = self.section(key).get(field)
        if not isinstance(values, list) or len(values) != count:
            raise FormatError(f"{self.name}: {key}.{field} of meta.json must be {count} numbers.")
        if field == "codebook" and values[0] is None and all(type(v) in (int, float) for v in values[1:]):
            values = [values[1] + (values[1] - values[-1]) / (count - 1), *values[1:]]
            self.findings.note("repaired", f"{key}.codebook begins with null; its first value was computed.")
            _log.warning("%s: %s.codebook begins with null, a writer's bug; repaired.", self.name, key)
        if not all(type(v) in (int, float) for v in values):
            raise FormatError(
                f"{self.name}: {key}.{field} of meta.json must be {count} numbers; "
                f"{sum(type(v) not in (int, float) for v in values)} are not. Write the file again."
            )
        return np.array(values, np.float64)

    def picture(
        self, key: str, number: int, channels: int, *, pixels: int = 0, width: int = 0
    ) -> np.ndarray:  # [pixels, channels]
        """Read a picture of at least ``pixels`` (one per Gaussian by default), row by row."""
        files = self.section(key).get("files")
        if not isinstance(files, list) or len(files) <= number or not isinstance(files[number], str):
            raise FormatError(f"{self.name}: {key}.files of meta.json must name {number + 1} picture(s).")
        pixels = pixels or self.count
        content = self.read(files[number], _BYTES_A_PIXEL * pixels + _MOST_META_BYTES)
        try:
            with Image.open(io.BytesIO(content), formats=("WEBP", "PNG")) as image:
                if width and image.width != width:
                    raise FormatError(
                        f"{self.name}: {files[number]} must be {width} wide; got {image.width}."
                    )
                if not pixels <= image.width * image.height <= 2 * pixels + (1 << 16):
                    raise FormatError(
                        f"{self.name}: {files[number]} must have about {pixels} pixels; "
                        f"got {image.width}x{image.height}."
                    )
                values = np.asarray(image.convert("RGBA"))
        except (
            UnidentifiedImageError,
            Image.DecompressionBombError,
            OSError,
            SyntaxError,
            ValueError,
            zlib.error,
        ) as error:
            if isinstance(error, FormatError):
                raise
            raise FormatError(
                f"{self.name}: {files[number]} is not a picture ({error}); it is damaged."
            ) from error
        return values.reshape(-1, 4)[:pixels, :channels]


def _check_tags(pixels: np.ndarray, name: str) -> None:
    bad = int((pixels[:, 3] < _FIRST_TAG).sum())
    if bad:
        raise FormatError(f"{name}: {bad} of {len(pixels)} rotations have no valid tag; the file is damaged.")


def _unpack_rotations(pixels: np.ndarray) -> np.ndarray:  # [N, 4] wxyz
    largest = pixels[:, 3].astype(np.int64) - _FIRST_TAG
    others = (pixels[:, :3] / np.float32(255) * 2 - 1) / np.float32(math.sqrt(2))
    quats = np.empty((len(pixels), 4), np.float32)
    np.put_along_axis(quats, _ORDERS[largest], others, axis=1)
    left_out = np.sqrt((1 - (others * others).sum(axis=1, keepdims=True)).clip(min=0))
    np.put_along_axis(quats, largest[:, None], left_out, axis=1)
    return quats


class _Palette:
    """The harmonics above the first: a label for each Gaussian into a palette, whose bytes lead into a table."""

    def __init__(self, parts: _Bundle) -> None:
        section, name = parts.section("shN"), parts.name
        bands, size = section.get("bands"), section.get("count")
        if (
            type(bands) is not int
            or bands not in (1, 2, 3)
            or type(size) is not int
            or not 1 <= size <= _MOST_PALETTE
        ):
            raise FormatError(
                f"{name}: shN must have 1 to 3 bands and a palette of 1 to 65536; "
                f"got {brief(bands)}, {brief(size)}."
            )
        self.per = (bands + 1) ** 2 - 1
        table = parts.numbers("shN", "codebook", _TABLE).astype(np.float32)
        rows, wide = -(-size // _PALETTE_ROW), _PALETTE_ROW * self.per
        codes = parts.picture("shN", 0, 3, pixels=rows * wide, width=wide)
        self.palette = table[codes.reshape(-1, self.per, 3)]
        self.labels = parts.picture("shN", 1, 2)
        largest = int((self.labels[:, 0] | self.labels[:, 1].astype(np.uint16) << 8).max())
        if largest >= size:
            raise FormatError(f"{name}: names color {largest} of a palette of {size}; the file is damaged.")

    def values(self, rows: slice) -> np.ndarray:  # [n, K - 1, 3]
        """Return the harmonics of some Gaussians."""
        labels = self.labels[rows].astype(np.int64)
        result: np.ndarray = self.palette[labels[:, 0] | labels[:, 1] << 8]
        return result
