"""Clips as files: encoded for a shard, and unpacked to the folders that training reads.

The files of a clip, in a shard with the clip's key and a dot in front:

    frame_0000.jpg ...   colors (or png)
    depth_0000.npz ...   ray distance in meters, float16, inf for sky (array ``depth``)
    normal.npz           of the first frame, float16, in its camera's axes (array ``normal``)
    class.png            of the first frame, 8 bits, `SurfaceClass`
    instance.png         of the first frame, 16 bits, number of the object
    cameras.json         poses relative to the first frame, see `io.cameras_json`
    txt                  caption
    meta.json            scene, route, measures, and the names of the files above
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from torch import Tensor

from ..errors import FormatError
from ..io.atomic import naming_the_file, open_atomically
from ..io.cameras_json import format_trajectory
from ..io.images import encode_image
from ..progress import ProgressEvent, ProgressFn, no_progress
from .clip import SceneClip
from .shards import read_index, read_shard

__all__ = ["FRAME_FORMATS", "encode_clip", "unpack_shards"]

FRAME_FORMATS = {"jpg": "JPEG", "png": "PNG"}
"""Files of the colors: JPEG of quality 95, or lossless PNG."""

_NUMBERED = re.compile(r"(frame|depth)_(.+)")


def encode_clip(clip: SceneClip, *, frame_format: str = "jpg") -> dict[str, bytes]:
    """Return the files of a clip by the part of their name after the key; the same clip gives the same bytes."""
    files = {}
    for number, (frame, depth) in enumerate(zip(clip.frames, clip.depth, strict=True)):
        files[f"frame_{number:04d}.{frame_format}"] = encode_image(frame / 255, FRAME_FORMATS[frame_format])
        files[f"depth_{number:04d}.npz"] = _npz("depth", depth)
    files["normal.npz"] = _npz("normal", clip.normal)
    files["class.png"] = _png(clip.surface_class.numpy().astype(np.uint8))
    files["instance.png"] = _png(clip.instance.numpy().astype(np.uint16))
    files["cameras.json"] = format_trajectory(clip.trajectory).encode()
    files["txt"] = clip.caption.encode()
    meta = {**clip.meta, "frames": len(clip.frames), "files": sorted(files)}
    files["meta.json"] = json.dumps(meta, indent=1, sort_keys=True, ensure_ascii=False).encode()
    return files


def _npz(name: str, values: Tensor) -> bytes:
    buffer = io.BytesIO()
    with np.errstate(over="ignore"):  # beyond 65 km: as far as the sky
        arrays: dict[str, Any] = {name: values.numpy().astype(np.float16)}
    np.savez_compressed(buffer, **arrays)
    return buffer.getvalue()


def _png(values: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(values).save(buffer, format="PNG")
    return buffer.getvalue()


def unpack_shards(
    folder: Path | str,
    out: Path | str,
    *,
    skip: Collection[str] = (),
    progress: ProgressFn = no_progress,
) -> list[Path]:
    """Unpack shards to clip folders as `training.clips` reads them.

    A damaged shard does not keep the others from being unpacked. A clip counts once its ``cameras.json`` is there,
    which is written last; clips that are there already are left alone.

    Args:
        folder: with the shards and their index.
        out: gets a folder per clip, named by its key: ``frames``, ``depth``, ``cameras.json``, ``caption.txt``,
            ``meta.json``, and of the first frame ``normal.npz``, ``class.png``, ``instance.png``.
        skip: keys of clips that are left out, after a look at the contact sheet.
        progress: called once per shard.

    Returns:
        The clip folders.

    Raises:
        FormatError: at the end, when shards were damaged; names them.
        DiskError: when the disk refuses a file.
    """
    folder, out = Path(folder), Path(out)
    shards = read_index(folder)["shardlist"]
    clips, damaged = [], []
    for number, shard in enumerate(shards):
        progress(ProgressEvent(number, len(shards), "unpack shards"))
        wanted = [key for key in shard["keys"] if key not in skip]
        clips += [out / key for key in wanted]
        if all((out / key / "cameras.json").is_file() for key in wanted):
            continue
        try:
            for key, files in read_shard(folder / shard["url"]):
                if key in wanted:
                    _write_folder(out / key, files)
        except (FormatError, FileNotFoundError) as error:
            damaged.append(str(error) if isinstance(error, FormatError) else f"{shard['url']}: is missing.")
    if damaged:
        raise FormatError(
            f"{damaged[0]} {len(shards) - len(damaged)} of {len(shards)} shards were unpacked"
            f"{': not ' + ', '.join(text.partition(':')[0] for text in damaged) if len(damaged) > 1 else ''}."
        )
    return clips


def _write_folder(folder: Path, files: Mapping[str, bytes]) -> None:
    with naming_the_file(folder):
        for name in ("frames", "depth"):
            (folder / name).mkdir(parents=True, exist_ok=True)
    for part in sorted(files, key=lambda part: part == "cameras.json"):
        with open_atomically(folder / _path_of(part)) as file:
            file.write(files[part])


def _path_of(part: str) -> str:
    if found := _NUMBERED.fullmatch(part):
        return f"{'frames' if found[1] == 'frame' else found[1]}/{found[2]}"
    return "caption.txt" if part == "txt" else part
