"""Converts exceptions of decoders to the project's own error, in one place per format."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ..errors import FormatError, Matrix3DError

__all__ = ["as_format_error"]


@contextmanager
def as_format_error(path_name: str, what: str) -> Iterator[None]:
    """Convert whatever a decoder raises on a damaged file to one `FormatError`.

    Decoders raise more types than they document (zip and zlib errors, OverflowError, RecursionError, MemoryError,
    Pillow's bombs). The project's own errors and a missing file pass as they are.

    Args:
        path_name: the file's name, which begins the message.
        what: what the file failed to be, such as ``"damaged or truncated"``.
    """
    try:
        yield
    except (Matrix3DError, FileNotFoundError):
        raise
    except Exception as error:
        reason = str(error).strip().rstrip(".") or type(error).__name__
        raise FormatError(f"{path_name}: {what}; {reason}.") from error
