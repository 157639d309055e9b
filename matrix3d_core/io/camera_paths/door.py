"""Reads camera paths: detects the format, reads the file, and reports what was found."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ...errors import FormatError
from ...strict_json import parse_json
from .arrays import is_object_of_arrays, read_arrays, read_object_of_arrays
from .colmap_model import find_model, is_images_text, read_model
from .evoworld import is_evoworld, read_evoworld
from .finish import ImportedPath, finish
from .lists import is_bare_list, is_trainer_list, read_bare_list, read_trainer_list
from .nerf import is_camera_path, is_transforms, read_camera_path, read_transforms
from .own import FORMAT_NAME, is_own, read_own
from .raw import PathOptions, RawPath
from .recammaster import is_recammaster, read_recammaster
from .text import is_rows, read_rows

__all__ = ["MAX_BYTES", "PATH_SUFFIXES", "file_of", "import_text", "import_trajectory"]

MAX_BYTES = 100_000_000
MOST_MODEL_BYTES = 4_000_000_000
"""COLMAP's images hold 2D points, which are skipped."""
PATH_SUFFIXES = (".json", ".txt", ".npz", ".npy", ".glb", ".gltf", "images.bin")
"""Suffixes of files that may hold a camera path."""

_Reader = Callable[[str, Any, PathOptions], RawPath]
_JSON: tuple[tuple[Callable[[Any], bool], _Reader], ...] = (
    (is_own, lambda source, data, _: read_own(source, data)),
    (is_transforms, lambda source, data, _: read_transforms(source, data)),
    (is_camera_path, lambda source, data, _: read_camera_path(source, data)),
    (is_recammaster, lambda source, data, options: read_recammaster(source, data, options.camera)),
    (is_object_of_arrays, lambda source, data, _: read_object_of_arrays(source, data)),
    (is_trainer_list, lambda source, data, _: read_trainer_list(source, data)),
    (is_bare_list, lambda source, data, _: read_bare_list(source, data)),
)
"""Tried in this order: the first that recognizes the JSON reads it."""

_KNOWN = (
    "a list of 4x4 or 3x4 matrices, this library's own JSON, nerfstudio's or Blender's transforms.json, a splat "
    "trainer's cameras.json, ReCamMaster's camera_extrinsics.json, EvoWorld's camera_poses.txt, VGGT's or Depth "
    "Anything 3's extrinsics"
)


def import_trajectory(path: str | os.PathLike[str], options: PathOptions | None = None) -> ImportedPath:
    """Read a camera path of any known format.

    Args:
        path: a file with one of `PATH_SUFFIXES`, or a folder with a COLMAP model or a `transforms.json`.
        options: overrides.

    Raises:
        FormatError: when it is none of them, too large or damaged; the message begins with its name.
        InvalidInput: when an option cannot be met.
    """
    options = options or PathOptions()
    name = Path(path).name if os.path.isdir(path) else Path(path).stem
    path = file_of(path)
    suffix, size = path.suffix.lower(), path.stat().st_size
    is_model = path.name.lower() == "images.bin"
    most = MOST_MODEL_BYTES if is_model or path.name.lower() == "images.txt" else MAX_BYTES
    if suffix in (".glb", ".gltf"):
        from ..gltf_cameras import read_gltf_raw

        raw = read_gltf_raw(path, fps=options.fps or 24.0, camera=options.camera)
        return finish(path.name, raw, options, name)
    if size > most:
        raise FormatError(
            f"{path.name}: a camera path must be at most {most // 1_000_000} MB; "
            f"got {size / 1e6:.0f} MB. Is this the right file?"
        )
    if is_model:
        return finish(path.name, read_model(path), options, name)
    if suffix in (".npz", ".npy"):
        return finish(path.name, read_arrays(path), options, name)
    if suffix == ".txt":
        with path.open("rb") as file:
            head = file.read(200_000).decode("utf-8", "replace")
        if is_images_text(head):
            return finish(path.name, read_model(path), options, name)
    if size > MAX_BYTES:
        raise FormatError(f"{path.name}: is no COLMAP model, and too large for another camera path.")
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise FormatError(f"{path.name}: must be UTF-8 text; byte {error.start} is not.") from error
    return import_text(text, source=path.name, name=name, options=options)


def file_of(path: str | os.PathLike[str]) -> Path:
    """Return the file that is read for a path: itself, or the one in a folder."""
    path = Path(path)
    if not path.is_dir():
        return path
    return path / "transforms.json" if (path / "transforms.json").is_file() else find_model(path)


def import_text(
    text: str, *, source: str = "pasted text", name: str = "pasted", options: PathOptions | None = None
) -> ImportedPath:
    """Read a camera path from text: any of the JSON formats, or rows of numbers; see `import_trajectory`."""
    options = options or PathOptions()
    if len(text) > MAX_BYTES:
        raise FormatError(f"{source}: a camera path must be at most {MAX_BYTES // 1_000_000} MB of text.")
    if is_evoworld(text):
        return finish(source, read_evoworld(source, text), options, name)
    if text.lstrip("\ufeff \t\r\n")[:1] not in ("[", "{") and is_rows(text):
        return finish(source, read_rows(source, text), options, name)
    data = parse_json(text, source=source)
    for is_it, read in _JSON:
        if is_it(data):
            return finish(source, read(source, data, options), options, name)
    got = type(data).__name__
    if isinstance(data, Mapping):
        got = f"an object with {', '.join(map(repr, list(data)[:6])) or 'nothing in it'}"
    raise FormatError(
        f'{source}: must be a camera path: {_KNOWN}; got {got}. Other objects need "format": "{FORMAT_NAME}".'
    )
