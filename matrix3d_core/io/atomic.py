"""Files that appear under their name only when they are complete."""

from __future__ import annotations

import errno
import io
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from ..errors import DiskError

__all__ = ["BinarySource", "BinaryTarget", "naming_the_file", "open_atomically", "open_source", "read_source"]

BinaryTarget = str | os.PathLike[str] | BinaryIO
"""Target: a path, or a binary file that is open for writing."""

_FULL = ("the disk is full", "Free some space, or save to another disk.")
_CLOSED = ("its folder cannot be written to", "Allow writing there, or save to another folder.")
_WAYS_OUT = {
    errno.ENOSPC: _FULL,
    errno.EDQUOT: _FULL,
    errno.EFBIG: ("the file system takes no file that large", "Save to another disk, or save less."),
    errno.EACCES: _CLOSED,
    errno.EPERM: _CLOSED,
    errno.EROFS: _CLOSED,
    errno.ENOENT: ("its folder does not exist", "Make the folder first."),
    errno.ENOTDIR: ("its folder is a file", "Choose another folder."),
    errno.EISDIR: ("there is a folder of that name", "Choose another name."),
    errno.ENAMETOOLONG: ("its name is too long", "Choose a shorter one."),
    errno.EIO: ("the disk reports an error", "Check the disk, or save to another."),
}

BinarySource = str | os.PathLike[str] | BinaryIO
"""Source: a path, or a binary file that is open for reading (read from its position to its end)."""


@contextmanager
def open_atomically(target: BinaryTarget) -> Iterator[BinaryIO]:
    """Open ``target`` for writing; a path gets its content in one step, or none when the body raises.

    The bytes go to a hidden file in the same folder, which takes the final name at the end. A file
    object is passed through untouched.

    Raises:
        DiskError: names the file and the way out when the disk refuses it.
    """
    if not isinstance(target, (str, os.PathLike)):
        yield target
        return
    path = Path(target)
    partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}.partial")
    try:
        with naming_the_file(path):
            with partial.open("xb") as file:
                yield file
            os.replace(partial, path)
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)


@contextmanager
def naming_the_file(path: str | os.PathLike[str]) -> Iterator[None]:
    """Convert errors of the disk while ``path`` is written to one sentence with the file's name and the way out.

    Errors about another file, and those without the system's number, pass as they are.

    Raises:
        DiskError: in their place; its ``errno`` is the system's.
    """
    path = Path(path)
    try:
        yield
    except DiskError:
        raise
    except Exception as error:
        number = getattr(error, "errno", None)  # PyAV's errors have one, too
        about = getattr(error, "filename", None)
        named = path if about is None else Path(os.fsdecode(about))
        is_ours = (
            named.name.strip(".").startswith(path.name) or named in path.parents
        )  # itself, partial, folder
        if not isinstance(number, int) or not is_ours:
            raise
        if not isinstance(error, OSError) and number not in _WAYS_OUT:
            raise
        why, way_out = _WAYS_OUT.get(number, (os.strerror(number), "Save it somewhere else."))
        failure = DiskError(f"{path.name} could not be written: {why} ({path.parent}). {way_out}")
        failure.errno, failure.filename = number, str(path)
        raise failure from error


def read_source(source: BinarySource) -> tuple[bytes, str]:
    """Return the content of ``source`` and a name for messages."""
    if isinstance(source, (str, os.PathLike)):
        path = Path(source)
        return path.read_bytes(), path.name
    return source.read(), Path(str(getattr(source, "name", "") or "stream")).name


@contextmanager
def open_source(source: BinarySource) -> Iterator[tuple[BinaryIO, int, str]]:
    """Open ``source`` for reading in pieces; yield the file at its start, its size in bytes and a name for messages.

    A file object is read to its end and stays open.
    """
    if isinstance(source, (str, os.PathLike)):
        path = Path(source)
        with path.open("rb") as file:
            yield file, path.stat().st_size, path.name
    else:
        data, name = read_source(source)
        yield io.BytesIO(data), len(data), name
