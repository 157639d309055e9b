"""Worlds as files that the viewer in the browser reads: what nodes with a view show."""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import torch

from ..matrix3d_core.io.atomic import open_atomically
from ..matrix3d_core.io.motion_file import motion_bytes
from ..matrix3d_core.io.splats import (
    held_labels,
    keeps_labels,
    lighter_format,
    read_gaussians,
    write_gaussians,
)
from ..matrix3d_core.io.world_json import coverage_record
from ..matrix3d_core.scene.gaussians import Gaussians
from ._adapters import gaussians_from_host, world_info_of
from ._cache import LastResult
from ._host import Types, save_target

__all__ = ["WrittenFile", "describe_file", "keep_world", "read_shown", "world_to_show"]


@dataclass(frozen=True)
class WrittenFile:
    """A world's file for the browser."""

    path: Path
    shown: dict[str, object]


_written: LastResult[WrittenFile] = LastResult()


def keep_world(key: str | None, splat: Types.SPLAT | Types.File3D, format: str = "auto") -> WrittenFile:
    """Write a world for the browser, unless the last run wrote the same."""
    return _written.get(key, splat, format, lambda: _write(splat, format), lambda made: made.path.is_file())


def world_to_show(
    key: str | None, splat: Types.SPLAT | Types.File3D, format: str = "auto"
) -> dict[str, object]:
    """Return what the viewer shows of a world: its file, and where the walk starts where that is known."""
    shown = {**keep_world(key, splat, format).shown, "start_pose": None, "is_metric": False}
    info = world_info_of(splat)
    if info is not None:
        start = info.start_pose
        shown["is_world"], shown["is_metric"] = True, info.is_metric
        shown["coverage"] = coverage_record(info.coverage)
        shown["start_pose"] = None if start is None else start.flatten().tolist()
    return shown


def describe_file(path: Path, filename: str, subfolder: str) -> dict[str, object]:
    """Name a file in the temp folder to the browser."""
    status = path.stat()
    return {
        "filename": filename,
        "subfolder": subfolder,
        "type": "temp",
        "bytes": status.st_size,
        "stamp": status.st_mtime_ns // 1_000_000,
    }


def _write_part(suffix: str, data: bytes | None) -> dict[str, object]:
    """Write what the browser is given beside the splats, in the order of their file; nothing for None."""
    if data is None:
        return {}
    path, filename, subfolder = save_target("matrix3d/world", f".{suffix}", kind="temp")
    with open_atomically(path) as file:
        file.write(data)
    return {suffix: describe_file(path, filename, subfolder)}


def _packed(origins: torch.Tensor | None) -> bytes | None:
    """Return where each splat comes from, one byte each."""
    return None if origins is None else gzip.compress(origins.to(torch.uint8).numpy().tobytes(), 6, mtime=0)


def _write(splat: Types.SPLAT | Types.File3D, format: str) -> WrittenFile:
    count, origins, motions = None, None, None
    if isinstance(splat, Types.File3D):
        path, filename, subfolder = save_target("matrix3d/world", f".{splat.format}", kind="temp")
        data = splat.get_bytes()
        with open_atomically(path) as file:
            file.write(data)
        held = held_labels(splat.format, data[:4096])
        if "origins" in held or "motions" in held:
            gaussians = read_shown(splat)
            origins, motions = gaussians.origins, motion_bytes(gaussians)
    else:
        gaussians = gaussians_from_host(splat)
        count, origins, motions = len(gaussians), gaussians.origins, motion_bytes(gaussians)
        kind = lighter_format(gaussians) if format == "auto" else format
        path, filename, subfolder = save_target("matrix3d/world", f".{kind}", kind="temp")
        # The browser gets origins and motions in files of their own, so no format loses them.
        write_gaussians(path, gaussians if keeps_labels(kind) else gaussians.without_labels())
    shown = {**describe_file(path, filename, subfolder), "count": count}
    shown |= _write_part("origins", _packed(origins)) | _write_part("motions", motions)
    return WrittenFile(path, shown)


def read_shown(splat: Types.SPLAT | Types.File3D) -> Gaussians:
    """Return the Gaussians that the viewer shows."""
    if isinstance(splat, Types.File3D):
        # The browser takes opacities for logits as well.
        return read_gaussians(BytesIO(splat.get_bytes()), kind=splat.format, axes="RDF", opacity="logit")
    return gaussians_from_host(splat)
