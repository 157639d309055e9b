"""What a file may ask for: counts, pixels, members and bytes are checked before memory is taken for them."""

from __future__ import annotations

from ..errors import FormatError

__all__ = ["MOST_PIXELS", "check_budget"]

MOST_PIXELS = 178_956_970
"""Pixels of one picture or map: 18918x9459 at 2:1, and what Pillow takes at most by default."""


def check_budget(path_name: str, what: str, number: float, limit: float, way_out: str) -> None:
    """Raise when a file announces more of something than is read; call it before the memory is taken.

    Args:
        path_name: the file's name, which leads the message.
        what: what is counted, in the plural: ``"pixels"``, ``"Gaussians"``, ``"bytes of depth.npy"``.
        number: how many the file announces; NaN is refused, too.
        limit: how many are read at most.
        way_out: a sentence that says what to do: ``"Shrink the picture first."``.

    Raises:
        FormatError: with the number, the limit and the way out.
    """
    if not number <= limit:
        raise FormatError(f"{path_name}: too large to read; {number:,} {what}, at most {limit:,}. {way_out}")
