"""Gaussian PLY: the lossless exchange format of Gaussian splats, laid out as the host writes it.

Per Gaussian, as 32-bit little-endian floats: ``x y z nx ny nz f_dc_0..2 f_rest_0..(3K-4) opacity
scale_0..2 rot_0..3``. ``f_rest`` is channel-major (all of red, then green, then blue), opacity is a
logit, scales are natural logarithms, ``rot`` is wxyz. Normals are zero. Axes are written as they
are: OpenCV (x right, y down, z forward). A world that carries labels has one property more for each kind: ``origin``,
``class``, ``instance``, ``motion`` and ``phase`` (see `scene.labels`), one with time-varying colors ``wave_0..(6H-1)``:
red, green and blue of each term. They are floats as well, because some readers assume rows of floats; they ignore them.
Comments name the instances and hold the motions as JSON.

Other layouts are read as well: text, PlayCanvas' compressed PLY (see `matrix3d_core.io.ply_compressed`), files with a
``filter_3D`` column (Mip-Splatting, Gaussian Opacity Fields and Matrix-3D's optimization), files whose opacities are
probabilities (Matrix-3D's feed-forward stage) or whose scales are no logarithms, and the dialects of
`matrix3d_core.io.ply_dialects`. How a file was interpreted is in `Findings`.

Source: Kerbl et al., 3D Gaussian Splatting for Real-Time Radiance Field Rendering, 2023 (property
names); Turk, The PLY Polygon File Format, 1994; Yu et al., Mip-Splatting, 2024 (3D filter).
"""

from __future__ import annotations

import json
import logging
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import BinaryIO

import numpy as np
import torch

from ..errors import FormatError, InvalidInput
from ..geometry.rotations import quats_multiply
from ..scene.gaussians import Gaussians
from ..scene.labels import LABELS, MOST_NAMES, check_instance_names
from ..scene.motion import MOST_MOTIONS, Motion, motion_from_dict, motion_to_dict
from .atomic import BinarySource, BinaryTarget, open_atomically, open_source
from .columns import UNIT, all_finite, checked_gaussians, in_reach, make_unit
from .findings import Findings, damage_as_format_error
from .ply_dialects import (
    FLAT,
    Layout,
    are_linear,
    are_probabilities,
    find_layout,
    is_point_cloud,
    note_comments,
)
from .ply_header import PlyHeader, read_ply_header, read_rows
from .points import gaussians_of_points
from .threads import in_order

__all__ = [
    "FLAT_ENOUGH",
    "OPACITY_KINDS",
    "SCALE_KINDS",
    "labels_named",
    "read_ply",
    "write_flat_ply",
    "write_ply",
]

OPACITY_KINDS = ("auto", "logit", "probability")
"""What a file's opacity column may hold; ``auto`` detects it."""

SCALE_KINDS = ("auto", "logarithm", "linear")
"""What a file's scales may be; ``auto`` detects it."""

FLAT_ENOUGH = 1e-2
"""Thickness, relative to the smaller radius, up to which a Gaussian counts as flat."""

_log = logging.getLogger(__name__)

_SMALLEST_SCALE = 1e-8  # the host's own lower bounds, so that both write the same bytes
_SMALLEST_OPACITY = 1e-6
_KERNELS_FROM = 50_000  # Gaussians below which loading a compiled kernel takes longer than it saves
_CHUNK = 1 << 14  # Gaussians at a time: about a megabyte, which stays in the cache
_AHEAD = 3  # chunks being processed by threads
_MEANS = ("x", "y", "z")
_SCALES = ("scale_0", "scale_1", "scale_2")
_QUATS = ("rot_0", "rot_1", "rot_2", "rot_3")
_COLORS = ("f_dc_0", "f_dc_1", "f_dc_2")
_NAME = re.compile(r'instance (\d{1,8}) ("[^"\\]*(?:\\.[^"\\]*)*")')
_MOTION = re.compile(r"motion (\d{1,3}) (\{.*\})")
_WAVE = re.compile(r"wave_(\d{1,3})")
_TO_THIRD = torch.tensor(((0.5, 0.5, 0.5, 0.5), (0.5, -0.5, -0.5, -0.5), (1.0, 0.0, 0.0, 0.0)))
"""Rotations that make axis 0, 1 or 2 of a Gaussian its third: x to y to z to x, back, none."""


# Writing -------------------------------------------------------------------------------------------


def write_ply(target: BinaryTarget, gaussians: Gaussians) -> None:
    """Write Gaussians as a binary PLY; a path appears only when the file is complete.

    Opacities are clamped to [1e-6, 1 - 1e-6] and scales to 1e-8 before their logarithm, as the host does.

    Args:
        target: path (its folder must exist) or binary file open for writing.
        gaussians: at least one, all values finite.

    Raises:
        InvalidInput: when the set is empty, or a value is NaN or infinite.
    """
    _write(target, gaussians, dropped=())


def write_flat_ply(target: BinaryTarget, gaussians: Gaussians, *, flatten: bool = False) -> str | None:
    """Write 2D Gaussians: as `write_ply`, but with two scales; the third axis is the normal of the flat surfel.

    The axes of each Gaussian are permuted cyclically so that the thinnest is the third, whose scale is omitted.

    Args:
        target: path (its folder must exist) or binary file open for writing.
        gaussians: at least one, all values finite.
        flatten: also write Gaussians that are not flat, without their thickness.

    Returns:
        A sentence on the thickness that was lost, or None.

    Raises:
        InvalidInput: as `write_ply`, and when the thinnest scale of a Gaussian is above `FLAT_ENOUGH` of its next
            one, unless ``flatten``.

    Source: Huang et al., 2D Gaussian Splatting for Geometrically Accurate Radiance Fields, 2024.
    """
    scales = gaussians.scales.detach()
    sizes = scales.double().clamp_min(_SMALLEST_SCALE)
    thickness = sizes.amin(dim=1) / sizes.median(dim=1).values
    thick = thickness[thickness > FLAT_ENOUGH]
    lost = None
    if len(thick):
        shares = f"(half of them above {thick.median():.2g}, one {thick.max():.2g})"
        found = f"{len(thick)} of {len(scales)} splats are thicker {shares}"
        if not flatten:
            raise InvalidInput(
                f"gaussians must be flat to be written as 2D Gaussians, their thinnest scale at most {FLAT_ENOUGH:g} "
                f"of the next; {found}. Choose ply 2dgs flatten to leave out the thickness, or save them as a usual "
                "PLY."
            )
        lost = f"2D Gaussians have no thickness; {found} than {FLAT_ENOUGH:g} of their radius."
    thinnest = sizes.argmin(dim=1)
    quats = quats_multiply(gaussians.quats_wxyz, _TO_THIRD.to(gaussians.quats_wxyz)[thinnest])
    circle = (thinnest[:, None] + torch.arange(1, 4, device=thinnest.device)) % 3
    turned = replace(gaussians, quats_wxyz=quats, scales=scales.gather(1, circle))
    _write(target, turned, dropped=_SCALES[2:])
    return lost


def _write(target: BinaryTarget, gaussians: Gaussians, *, dropped: tuple[str, ...]) -> None:
    if len(gaussians) == 0:
        raise InvalidInput("gaussians must hold at least 1 Gaussian to be written; got 0.")
    bases = gaussians.sh.shape[1]
    names = [*_MEANS, "nx", "ny", "nz", *_COLORS]
    names += [f"f_rest_{i}" for i in range(3 * (bases - 1))]
    names += ["opacity", *_SCALES, *_QUATS]
    header = ["ply", "format binary_little_endian 1.0"]
    labels = {kind: values.cpu().numpy() for kind, values in gaussians.labels.items()}
    names += [LABELS[kind].name for kind in labels]
    if gaussians.color_waves is not None:
        waves = gaussians.color_waves.detach().cpu().float().flatten(1).numpy()
        names += [f"wave_{i}" for i in range(waves.shape[1])]
    else:
        waves = np.empty((len(gaussians), 0), np.float32)
    header += [f"comment {LABELS[kind].name}: {LABELS[kind].what}" for kind in labels]
    header += [f"element vertex {len(gaussians)}"]
    kept = [column for column, name in enumerate(names) if name not in dropped]
    header += [f"property float {names[column]}" for column in kept]
    header += [f"comment instance {n} {json.dumps(name)}" for n, name in gaussians.instance_names.items()]
    header += [
        f"comment motion {n} {json.dumps(motion_to_dict(m))}" for n, m in gaussians.motion_table.items()
    ]
    header += ["end_header", ""]
    columns = [t.detach().cpu().float().contiguous().numpy() for t in gaussians.tensors()]
    pack = _pack_rows
    if len(gaussians) >= _KERNELS_FROM:
        from .ply_numba import pack_rows as pack
    # A few tables in rotation: threads fill the next ones while one is written.
    tables = np.zeros((_AHEAD + 1, min(_CHUNK, len(gaussians)), len(names)), dtype="<f4")

    def fill(start: int) -> np.ndarray:
        part = [values[start : start + _CHUNK] for values in columns]
        rows: np.ndarray = tables[start // _CHUNK % len(tables)][: len(part[0])]
        first = len(names) - waves.shape[1]
        for column, values in enumerate(labels.values(), first - len(labels)):
            rows[:, column] = values[start : start + _CHUNK]
        rows[:, first:] = waves[start : start + _CHUNK]
        if not _fill(rows, part, pack):
            gaussians.check_finite()
        return rows

    with open_atomically(target) as file:
        file.write("\n".join(header).encode("ascii"))
        for rows in in_order(fill, range(0, len(gaussians), _CHUNK), ahead=_AHEAD):
            stored = np.ascontiguousarray(rows[:, kept]) if dropped else rows
            file.write(stored.data.cast("B"))


def _fill(rows: np.ndarray, part: list[np.ndarray], pack: Callable[..., bool]) -> bool:
    """Store a chunk in the file's layout; return whether all its values are finite."""
    means, quats, scales, opacities, sh = part
    # Logarithms of contiguous numbers take a third of the time.
    odds = opacities.clip(_SMALLEST_OPACITY, 1 - _SMALLEST_OPACITY)
    odds /= 1.0 - odds
    logits = np.log(odds, out=odds)
    sizes = np.maximum(scales, _SMALLEST_SCALE)
    np.log(sizes, out=sizes)
    is_finite = pack(rows, means, quats, sizes, logits, sh)
    return bool(is_finite) and all_finite(scales) and all_finite(opacities)  # infinite ones have been clamped


def _pack_rows(
    rows: np.ndarray,
    means: np.ndarray,
    quats: np.ndarray,
    sizes: np.ndarray,
    logits: np.ndarray,
    sh: np.ndarray,
) -> bool:
    """As `ply_numba.pack_rows`."""
    bases = sh.shape[1]
    rest_end = 6 + 3 * bases
    _as_blocks(rows, 0, 3)[:] = _as_blocks(means, 0, 3)
    _as_blocks(rows, 6, 3)[:] = _as_blocks(sh.reshape(len(sh), -1), 0, 3)
    if bases > 1:
        rows[:, 9:rest_end].reshape(len(rows), 3, bases - 1)[...] = sh[:, 1:].transpose(0, 2, 1)
    rows[:, rest_end] = logits
    _as_blocks(rows, rest_end + 1, 3)[:] = _as_blocks(sizes, 0, 3)
    _as_blocks(rows, rest_end + 4, 4)[:] = _as_blocks(quats, 0, 4)
    return all_finite(rows)


def _as_blocks(table: np.ndarray, first: int, count: int) -> np.ndarray:  # [N, F] float32 -> [N] of bytes
    """Return some neighboring columns of a contiguous table as one: copied four times as fast as number by number."""
    record = np.dtype(
        {
            "names": ["block"],
            "formats": [f"V{4 * count}"],
            "offsets": [4 * first],
            "itemsize": 4 * table.shape[1],
        }
    )
    return table.view(record)[:, 0]["block"]


# Reading -------------------------------------------------------------------------------------------


def read_ply(
    source: BinarySource,
    *,
    drop_invalid: bool = False,
    opacity: str = "auto",
    scale: str = "auto",
    bake_filter: bool = True,
    points: bool = False,
    findings: Findings | None = None,
) -> Gaussians:
    """Read a Gaussian PLY, binary of either byte order or text, SH degree 0 to 3, plain or compressed.

    Properties may come in any order and of any scalar type; unknown ones and further elements are
    skipped. Rotations are made unit length. Axes are left as they are.

    Args:
        source: path, or binary file open for reading.
        drop_invalid: leave out Gaussians with NaN or infinite values, a zero rotation or sizes beyond any scene instead
            of refusing the file.
        opacity: one of `OPACITY_KINDS`. ``"auto"``: see `ply_dialects.are_probabilities`.
        scale: one of `SCALE_KINDS`. ``"auto"``: see `ply_dialects.are_linear`.
        bake_filter: when the file has a ``filter_3D`` column f, widen the scales to
            ``sqrt(s^2 + f^2)`` and reduce the opacities by ``sqrt(prod s^2 / prod s'^2)``, as the renderer that the
            file was made for does. Without it such a world looks thinner and sharper than it was trained.
        points: read a plain point cloud as round, opaque Gaussians instead of refusing it.
        findings: receives how the file was interpreted.

    Raises:
        FormatError: when the file is no PLY, is truncated, lacks properties (they are listed), holds invalid
            Gaussians, or when the kind of its opacities is ambiguous.
        InvalidInput: for an unknown kind of opacity or scale.
    """
    for kind, kinds, what in ((opacity, OPACITY_KINDS, "opacity"), (scale, SCALE_KINDS, "scale")):
        if kind not in kinds:
            raise InvalidInput(f"{what} must be one of {', '.join(kinds)}; got {kind!r}.")
    findings = findings or Findings()
    with open_source(source) as (file, size, name), damage_as_format_error(name):
        header = read_ply_header(file, size, name)
        note_comments(header, findings)
        if header.is_compressed:
            from .ply_compressed import read_compressed

            return read_compressed(file, header, name, drop_invalid)
        if is_point_cloud(header):
            return _read_points(file, header, size, name, points, findings)
        layout = find_layout(header, name, findings)
        _check_size(header, size, name)
        raw = _read_columns(file, header, name, layout, is_linear=scale == "linear")
        is_linear = scale == "linear"
        if scale == "auto" and raw.least_scale >= 0:
            if are_linear(np.log(raw.scales[:, : layout.flat_axes]).max(axis=1), raw.means):
                is_linear = True
                raw = _read_columns(file, header, name, layout, is_linear=True)
                _log.warning(
                    "%s: all scales are 0 or more and fit its size as they are; they are read as linear scales. "
                    'Read it with scale="logarithm" if that is wrong.',
                    name,
                )
        return _finish(raw, layout, name, findings, opacity, is_linear, scale, bake_filter, drop_invalid)


def _finish(
    raw: _Raw,
    layout: Layout,
    name: str,
    findings: Findings,
    opacity: str,
    is_linear: bool,
    scale: str,
    bake_filter: bool,
    drop_invalid: bool,
) -> Gaussians:
    """Resolve what needs all values, and check them after the last change."""
    computed = raw.opacities
    findings.note(
        "scale",
        'linear, not logarithms: all are 0 or more and fit the size of the world. If wrong: scale "logarithm".'
        if is_linear and scale == "auto"
        else f"{'linear' if is_linear else 'logarithms'}, "
        + ("as asked for." if scale != "auto" else 'as usual. To read them as linear: scale "linear".'),
    )
    if layout.opacity_steps:
        raw.opacities = raw.logits / np.float32(layout.opacity_steps)
        findings.note("opacity", "bytes, from 0 to their largest.")
    elif opacity != "auto":
        findings.note("opacity", f"{opacity}, as asked for.")
        raw.opacities = raw.logits if opacity == "probability" else raw.opacities
    elif are_probabilities(name, raw.logits, findings, linear_scales=is_linear):
        raw.opacities = raw.logits
    if raw.filters is not None and bake_filter:
        raw.scales, raw.opacities = _bake(raw.scales, raw.opacities, raw.filters, layout.flat_axes)
        findings.note("filter", "filter_3D of the file is baked into scales and opacities.")
    if layout.flat_axes == 2:
        raw.scales[:, 2] = FLAT * raw.scales[:, :2].min(axis=1)
    fields = (raw.means, raw.quats, raw.scales, raw.opacities, raw.sh)
    if raw.is_fine and raw.opacities is computed and layout.flat_axes == 3 and raw.filters is None:
        labels = {kind: torch.from_numpy(values) for kind, values in raw.labels.items()}
        waves = None if raw.waves is None else torch.from_numpy(raw.waves)
        found = replace(Gaussians.from_columns(map(torch.from_numpy, fields), labels), color_waves=waves)
    else:
        found = checked_gaussians(name, *fields, drop_invalid, raw.labels, raw.waves)
    return replace(found, instance_names=raw.instance_names, motion_table=raw.motion_table)


def _read_points(
    file: BinaryIO, header: PlyHeader, size: int, name: str, points: bool, findings: Findings
) -> Gaussians:
    _check_size(header, size, name)
    faces = header.lists.get("face", 0)
    what = f"a mesh of {faces} faces" if faces else "a plain point cloud"
    if not points:
        raise FormatError(
            f"{name}: is {what}, not Gaussians: {header.element('vertex').count} points without sizes and rotations. "
            "Read its points as balls (points in Load Splats), or train splats from the pictures it was made of."
        )
    findings.note("layout", f"{what}: points read as opaque balls, sized by the distance to their neighbors.")
    return gaussians_of_points(file, header, name)


@dataclass
class _Raw:
    """A file's columns; ``opacities`` are the logistic function of ``logits``."""

    means: np.ndarray
    quats: np.ndarray
    scales: np.ndarray
    logits: np.ndarray
    opacities: np.ndarray
    sh: np.ndarray
    filters: np.ndarray | None
    labels: dict[str, np.ndarray]
    waves: np.ndarray | None
    instance_names: dict[int, str]
    motion_table: dict[int, Motion]
    least_scale: float = 0.0  # as it is stored
    is_fine: bool = False  # no values that `checked_gaussians` refuses or changes


def _read_columns(file: BinaryIO, header: PlyHeader, name: str, layout: Layout, *, is_linear: bool) -> _Raw:
    """Read the vertex element in chunks, so that the file is never in memory as a whole."""
    element = header.element("vertex")
    found, count = element.dtype.names or (), element.count
    wave_names = _wave_names(found)
    raw = _Raw(
        np.empty((count, 3), np.float32),
        np.empty((count, 4), np.float32),
        np.empty((count, 3), np.float32),
        np.empty(count, np.float32),
        np.empty(count, np.float32),
        np.empty((count, layout.bases, 3), np.float32),
        np.empty(count, np.float32) if "filter_3D" in found else None,
        {kind: np.empty(count, _number_type(kind)) for kind in _labels_of(header, found)},
        np.empty((count, len(wave_names) // 3, 3), np.float32) if wave_names else None,
        _instance_names(header),
        _motion_table(header),
    )
    columns = layout.columns
    is_plain = layout.is_usual and all(element.dtype[prop] == np.dtype("<f4") for prop in found)
    unpack: Callable[..., bool] | None = None
    places = np.empty(0, np.int64)
    if is_plain and count >= _KERNELS_FROM:
        from .ply_numba import unpack_rows as unpack

        places = np.array([found.index(str(prop)) for prop in columns])
    stored_axes = layout.flat_axes

    def parse(piece: tuple[slice, np.ndarray]) -> tuple[float, bool]:
        """Fill some rows; return their least stored scale, and whether they are fine."""
        rows, records = piece
        count = len(records)
        targets = (raw.means[rows], raw.quats[rows], raw.scales[rows], raw.logits[rows])
        harmonics = raw.sh[rows].reshape(count, -1)
        if unpack is not None:
            is_fine = unpack(records.view("<f4").reshape(count, -1), places, UNIT, *targets, harmonics)
        else:
            with np.errstate(over="ignore", invalid="ignore"):
                table = np.stack([_column(records, c) for c in columns], axis=1)
                table[:, 11:14] = layout.shade(table[:, 11:14])
            is_fine = _unpack_rows(table, *targets, harmonics)
        scales, opacities = raw.scales[rows], raw.opacities[rows]
        least = float(np.fmin.reduce(scales[:, :stored_axes], axis=None))  # ignores NaN
        with np.errstate(over="ignore", invalid="ignore"):  # the result is checked below
            if not is_linear:
                np.exp(scales, out=scales)
            np.negative(raw.logits[rows], out=opacities)
            np.exp(opacities, out=opacities)
        opacities += 1
        np.reciprocal(opacities, out=opacities)
        if raw.filters is not None:
            raw.filters[rows] = records["filter_3D"]
        for kind, values in raw.labels.items():
            label, numbers = LABELS[kind], records[LABELS[kind].name].astype(np.float64)
            with np.errstate(invalid="ignore"):
                means_one = (numbers >= 0) & (numbers < label.numbers) & (numbers == np.floor(numbers))
            values[rows] = np.where(means_one, numbers, label.missing)
        if raw.waves is not None:
            for column, prop in enumerate(wave_names):
                raw.waves[rows, column // 3, column % 3] = np.nan_to_num(
                    records[prop], posinf=0.0, neginf=0.0
                )
        is_fine = is_fine and in_reach(raw.means[rows], scales, opacities, harmonics)
        return least, is_fine

    pieces = read_rows(file, header, element, name, chunk=_CHUNK, buffers=_AHEAD + 1)
    raw.least_scale, raw.is_fine = math.inf, True
    for least, is_fine in in_order(parse, pieces, ahead=_AHEAD):
        raw.least_scale, raw.is_fine = (
            min(raw.least_scale, least),
            raw.is_fine and is_fine,
        )  # NaN: keeps the first
    return raw


def _number_type(kind: str) -> np.dtype:
    """Return numpy's name for the numbers of a kind of label."""
    return torch.empty(0, dtype=LABELS[kind].dtype).numpy().dtype


def _labels_of(header: PlyHeader, found: Sequence[str]) -> list[str]:
    """Return the kinds of labels of a file; classes only where a comment says that they are numbered our way."""
    kinds = [kind for kind, label in LABELS.items() if label.name in found]
    is_ours = f"class: {LABELS['classes'].what}" in header.comments
    return [kind for kind in kinds if kind != "classes" or is_ours]


def _instance_names(header: PlyHeader) -> dict[int, str]:
    """Return the names that the comments give; what is no name is left out."""
    names: dict[int, str] = {}
    for comment in header.comments:
        if (found := _NAME.fullmatch(comment)) is None or len(names) == MOST_NAMES:
            continue
        try:
            name = {int(found[1]): str(json.loads(found[2]))}
            check_instance_names(name)
        except (ValueError, InvalidInput):
            continue
        names |= name
    return names


def _motion_table(header: PlyHeader) -> dict[int, Motion]:
    """Return the motions that the comments give; what is no motion is left out."""
    table: dict[int, Motion] = {}
    for comment in header.comments:
        if (found := _MOTION.fullmatch(comment)) is None or not 0 < int(found[1]) <= MOST_MOTIONS:
            continue
        try:
            table[int(found[1])] = motion_from_dict(json.loads(found[2]))
        except (ValueError, RecursionError, InvalidInput):
            continue
    return table


def _wave_names(found: Sequence[str]) -> list[str]:
    """Return the properties of time-varying colors, in order; none when they are not complete."""
    numbers = sorted(int(match[1]) for name in found if (match := _WAVE.fullmatch(name)))
    is_whole = numbers == list(range(len(numbers))) and len(numbers) % 6 == 0
    return [f"wave_{number}" for number in numbers] if is_whole else []


def labels_named(head: bytes) -> list[str]:
    """Return the kinds of labels that the first bytes of a file announce."""
    return [kind for kind, label in LABELS.items() if f" {label.name}\n".encode() in head]


def _column(records: np.ndarray, source: str | float) -> np.ndarray:
    if isinstance(source, str):
        return records[source].astype(np.float32, copy=False)
    return np.full(len(records), source, np.float32)


def _unpack_rows(
    table: np.ndarray,
    means: np.ndarray,
    quats: np.ndarray,
    sizes: np.ndarray,
    logits: np.ndarray,
    sh: np.ndarray,
) -> bool:
    """As `ply_numba.unpack_rows`, which see, but for columns in the order of the targets."""
    means[:], quats[:], sizes[:] = table[:, :3], table[:, 3:7], table[:, 7:10]
    logits[:], sh[:] = table[:, 10], table[:, 11:]
    return make_unit(quats) and all_finite(table)


def _bake(
    scales: np.ndarray, opacities: np.ndarray, filters: np.ndarray, axes: int
) -> tuple[np.ndarray, np.ndarray]:
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        wide = np.sqrt(scales**2 + filters[:, None] ** 2)
        dimming = (scales[:, :axes].astype(np.float64) / wide[:, :axes]).prod(axis=1)
    return wide, (opacities * dimming).astype(np.float32)


def _check_size(header: PlyHeader, size: int, name: str) -> None:
    vertex = header.element("vertex")
    if vertex.count == 0:
        raise FormatError(f"{name}: holds no Gaussians.")
    needed, left = vertex.count * vertex.dtype.itemsize, size - vertex.offset
    if not header.is_text and needed > left:
        raise FormatError(
            f"{name}: is truncated: the header promises {vertex.count} Gaussians ({needed} bytes), "
            f"{max(0, left)} bytes follow it."
        )
