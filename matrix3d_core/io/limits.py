"""Limits on files: counts, pixels, members and bytes are checked before memory is allocated for them."""

from __future__ import annotations

from ..errors import FormatError

__all__ = ["MOST_GAUSSIANS", "MOST_PIXELS", "check_budget", "check_gaussians"]

MOST_PIXELS = 178_956_970
"""Pixels of one picture or map: 18918x9459 at 2:1, and what Pillow takes at most by default."""

MOST_GAUSSIANS = 20_000_000
"""Gaussians that a packed file may hold: 1.1 GB of memory without harmonics, 4.7 GB with them."""

_ANY_FILE = 1_000_000  # Gaussians that a file of any size may hold


def check_gaussians(path_name: str, count: int, size: int, most: int | None) -> None:
    """Raise when a packed file of ``size`` bytes claims more Gaussians than is usual, or than ``most`` allows.

    Usual is one for each byte, at least a million and at most `MOST_GAUSSIANS`: real files need ten bytes for one.

    Raises:
        FormatError: with the number, the limit and the way out.
    """
    limit = most or min(MOST_GAUSSIANS, max(_ANY_FILE, size))
    way_out = (
        "Raise max_splats to read it." if most else f"It has {size / 1e6:.3g} MB; set max_splats to read it."
    )
    check_budget(path_name, "Gaussians", count, limit, way_out)


def check_budget(path_name: str, what: str, number: float, limit: float, way_out: str) -> None:
    """Raise when a file announces more of something than is read; call it before the memory is allocated.

    Args:
        path_name: the file's name, which begins the message.
        what: what is counted, in the plural: ``"pixels"``, ``"Gaussians"``, ``"bytes of depth.npy"``.
        number: how many the file announces; NaN is refused, too.
        limit: how many are read at most.
        way_out: a sentence that says what to do: ``"Shrink the picture first."``.

    Raises:
        FormatError: with the number, the limit and the way out.
    """
    if not number <= limit:
        raise FormatError(f"{path_name}: too large to read; {number:,} {what}, at most {limit:,}. {way_out}")
