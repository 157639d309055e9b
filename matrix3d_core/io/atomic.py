"""Files that appear under their name only when they are complete."""

from __future__ import annotations

import contextlib
import io
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

__all__ = ["BinarySource", "BinaryTarget", "open_atomically", "open_source", "read_source"]

BinaryTarget = str | os.PathLike[str] | BinaryIO
"""Where to write: a path, or a binary file that is open for writing."""

BinarySource = str | os.PathLike[str] | BinaryIO
"""Where to read: a path, or a binary file that is open for reading (read from its position to its end)."""


@contextmanager
def open_atomically(target: BinaryTarget) -> Iterator[BinaryIO]:
    """Open ``target`` for writing; a path gets its content in one step, or none when the body raises.

    The bytes go to a hidden file in the same folder, which takes the final name at the end. A file
    object is passed through untouched.

    Raises:
        OSError: when the disk does not take it; the error names ``target``.
    """
    if not isinstance(target, (str, os.PathLike)):
        yield target
        return
    path = Path(target)
    partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}.partial")
    try:
        with partial.open("xb") as file:
            yield file
        os.replace(partial, path)
    except OSError as error:
        if error.errno is None or error.filename not in (None, str(partial)):
            raise
        raise OSError(error.errno, error.strerror, str(path)) from error  # a full disk has no name for it
    finally:
        with contextlib.suppress(OSError):
            partial.unlink()


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
