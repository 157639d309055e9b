"""The host's folders, types, progress and interruption; its other subjects have a ``_host_*.py`` each."""

from __future__ import annotations

import os
import re
from pathlib import Path

import comfy.model_management
import comfy.utils
import folder_paths
import torch
from comfy_api.latest import ComfyExtension, Types, io, ui
from PIL import Image
from server import PromptServer

from ..matrix3d_core.errors import InvalidInput
from ..matrix3d_core.io.atomic import naming_the_file
from ..matrix3d_core.io.images import to_uint8
from ..matrix3d_core.progress import ProgressEvent, ProgressFn

__all__ = [
    "ComfyExtension",
    "PromptServer",
    "Types",
    "input_files",
    "io",
    "output_folder",
    "progress_to_host",
    "resolve_input",
    "resolve_input_file",
    "resolve_inside",
    "save_target",
    "tell_user",
    "ui",
]

_PREVIEW_PX = 768
_MOST_NAME_BYTES = 200  # of the 255 that file systems allow; numbers, endings and partial files add to it
_MOST_FOLDERS = 32


def progress_to_host(node_id: str | None = None) -> ProgressFn:
    """Return a progress callback that drives the node's bar, previews and status line.

    Raises the host's interrupt exception out of the callback when the user pressed stop, which is
    how a running job of the core learns of it.
    """
    bars: dict[int, comfy.utils.ProgressBar] = {}
    last_phase = [""]

    def report(event: ProgressEvent) -> None:
        comfy.model_management.throw_exception_if_processing_interrupted()
        total = max(1, event.total)
        bar = bars.setdefault(total, comfy.utils.ProgressBar(total))
        preview = None
        if event.preview is not None:
            preview = ("JPEG", _to_pillow(event.preview), _PREVIEW_PX)
        bar.update_absolute(event.done, total, preview)
        if event.phase and event.phase != last_phase[0] and node_id is not None and PromptServer.instance:
            last_phase[0] = event.phase
            PromptServer.instance.send_progress_text(event.phase, node_id)

    return report


def tell_user(node_id: str | None, text: str) -> None:
    """Write a sentence onto a node's face, as the host does with the state of a running node."""
    if text and node_id is not None and PromptServer.instance:
        PromptServer.instance.send_progress_text(text, node_id)


def _to_pillow(image: torch.Tensor) -> Image.Image:
    return Image.fromarray(to_uint8(image))


def resolve_inside(root: str | Path, name: str, *, what: str = "file") -> Path:
    """Return the real path of ``name`` under ``root``; refuse whatever leaves it, links included.

    Raises:
        InvalidInput: for an absolute path, a parent reference, a null byte or a link that leads out.
    """
    base = Path(root).resolve()
    if not name or "\0" in name or Path(name).is_absolute() or re.match(r"^[A-Za-z]:", name):
        raise InvalidInput(f"{what} must be a name inside the host's {base.name} folder; got {name!r}.")
    try:
        path = (base / name).resolve()
        os.fsencode(path)
    except (OSError, RuntimeError, ValueError) as error:  # links in a circle, too long, half a surrogate pair
        shown = ascii(name if len(name) <= 80 else f"{name[:77]}...")
        raise InvalidInput(
            f"{what} must be a name that the disk can hold; got {shown} ({_why(error)})."
        ) from error
    if path != base and base not in path.parents:
        raise InvalidInput(f"{what} must stay inside the host's {base.name} folder; got {name!r}.")
    return path


def _why(error: Exception) -> str:
    if isinstance(error, ValueError):
        return "it cannot be encoded"
    return (error.strerror if isinstance(error, OSError) else None) or "its links run in a circle"


def input_files(suffixes: tuple[str, ...]) -> list[str]:
    """List files of the host's input folder (subfolders included) whose names end with one of these, sorted."""
    base = Path(folder_paths.get_input_directory())
    if not base.is_dir():
        return []
    found = (p for p in base.rglob("*") if p.name.lower().endswith(suffixes))
    return sorted(p.relative_to(base).as_posix() for p in found)


def resolve_input_file(name: str) -> Path:
    """Return the path of an existing file of the host's input folder.

    Raises:
        InvalidInput: when it lies outside the folder or does not exist.
    """
    path = resolve_inside(folder_paths.get_input_directory(), name, what="input file")
    if not path.is_file():
        raise InvalidInput(f"input file {name!r} does not exist; put it into the host's input folder.")
    return path


def resolve_input(name: str) -> Path:
    """Return the path of an existing file or folder of the host's input folder.

    Raises:
        InvalidInput: when it lies outside the folder or does not exist.
    """
    path = resolve_inside(folder_paths.get_input_directory(), name, what="input file")
    return path if path.is_dir() else resolve_input_file(name)


def output_folder(name: str) -> Path:
    """Return a folder of that name below the host's output folder (it need not exist)."""
    return resolve_inside(folder_paths.get_output_directory(), name, what="folder")


def save_target(filename_prefix: str, suffix: str, *, kind: str = "output") -> tuple[Path, str, str]:
    """Reserve the next free numbered name below the output (or temp) folder, as core's save nodes do.

    Args:
        filename_prefix: may hold subfolders and the host's ``%date%``-like placeholders.
        suffix: with the dot, such as ``".ply"``.
        kind: ``"output"`` or ``"temp"``.

    Returns:
        The full path, the file name, and the subfolder relative to the root.

    Raises:
        InvalidInput: when the prefix leads out of the folder, or is no name that the disk can hold.
        DiskError: when its folder cannot be made.
    """
    root = folder_paths.get_output_directory() if kind == "output" else folder_paths.get_temp_directory()
    prefix = filename_prefix or "world"
    _check_length(prefix)
    wanted = resolve_inside(root, prefix, what="filename_prefix")
    with naming_the_file(wanted):
        folder, name, counter, subfolder, _ = folder_paths.get_save_image_path(prefix, root)
    _check_length(f"{subfolder}/{name}")  # with what stood for %date% and the like
    filename = f"{name}_{counter:05}_{suffix}"
    return Path(folder) / filename, filename, subfolder


def _check_length(prefix: str) -> None:
    """Refuse names that a disk has no room for, before folders are made for them."""
    parts = re.split(r"[/\\]", prefix)
    sizes = [len(part.encode("utf-8", "surrogatepass")) for part in parts]
    if max(sizes) > _MOST_NAME_BYTES or sum(sizes) > 4 * _MOST_NAME_BYTES or len(parts) > _MOST_FOLDERS:
        raise InvalidInput(
            f"filename_prefix must be names of at most {_MOST_NAME_BYTES} bytes, {4 * _MOST_NAME_BYTES} in all, in at "
            f"most {_MOST_FOLDERS} folders; got {len(parts)} parts, the longest of {max(sizes)} bytes, {sum(sizes)} in "
            "all. Choose a shorter one."
        )
