"""Sizes and lengths that the panoramic video models can take."""

from __future__ import annotations

import math

from ..errors import InvalidInput

__all__ = [
    "CUSTOM_SIZE",
    "FRAME_FITS",
    "SIZE_PRESETS",
    "check_size",
    "fit_frame_count",
    "latent_frames",
    "latent_size",
    "resolve_size",
    "size_multiple",
]

CUSTOM_SIZE = "custom"

SIZE_PRESETS: dict[str, tuple[int, int] | None] = {
    "480x960": (480, 960),
    "720x1440": (720, 1440),
    "704x1408 (5B)": (704, 1408),
    CUSTOM_SIZE: None,
}
"""Height and width in pixels by name. 480x960 and 720x1440 are the sizes of the two Wan 2.1 LoRAs,
704x1408 that of the Wan 2.2 5B one."""

FRAME_FITS = ("exact", "trim", "pad")
"""What to do with a number of frames that is not 4k + 1: refuse it, drop the last ones, or repeat the last."""

_TIME_FACTOR = 4


def size_multiple(factor: int) -> int:
    """Return the factor that must divide both sides: the VAE's reduction times the network's 2x2 patches."""
    return 2 * factor


def resolve_size(preset: str, height: int, width: int, *, factor: int = 8) -> tuple[int, int]:
    """Return height and width in pixels of a preset, or the custom ones, checked.

    Args:
        preset: a name of `SIZE_PRESETS`.
        height: rows, read with ``custom`` only.
        width: columns, read with ``custom`` only.
        factor: pixels per latent, 8 for Wan 2.1 and 16 for Wan 2.2 5B.

    Raises:
        InvalidInput: for an unknown preset or a size that the model cannot take.
    """
    if preset not in SIZE_PRESETS:
        raise InvalidInput(f"size must be one of {', '.join(SIZE_PRESETS)}; got {preset!r}.")
    size = SIZE_PRESETS[preset] or (height, width)
    check_size(*size, factor=factor)
    return size


def check_size(height: int, width: int, *, factor: int = 8) -> None:
    """Raise unless both sides are positive multiples of `size_multiple`; the message names the nearest size.

    Raises:
        InvalidInput: when they are not.
    """
    multiple = size_multiple(factor)
    if height < multiple or width < multiple or height % multiple or width % multiple:
        near = tuple(max(1, round(side / multiple)) * multiple for side in (height, width))
        raise InvalidInput(
            f"height and width must be multiples of {multiple} for a VAE of {factor} pixels per latent; "
            f"got {height}x{width}. Nearest is {near[0]}x{near[1]}."
        )


def fit_frame_count(count: int, fit: str = "exact") -> int:
    """Return how many frames to use of ``count``: a number 4k + 1, as the video VAE needs.

    Args:
        count: frames there are.
        fit: one of `FRAME_FITS`.

    Raises:
        InvalidInput: for no frames, an unknown ``fit``, or a count that does not fit with ``"exact"``.
    """
    if fit not in FRAME_FITS:
        raise InvalidInput(f"fit_frames must be one of {', '.join(FRAME_FITS)}; got {fit!r}.")
    if count < 1:
        raise InvalidInput("frames must hold at least 1 picture; got an empty batch.")
    below = (count - 1) // _TIME_FACTOR * _TIME_FACTOR + 1
    if below == count:
        return count
    above = below + _TIME_FACTOR
    if fit == "exact":
        raise InvalidInput(
            f"the number of frames must be 4k + 1 (1, 5, 9, ... 77, 81, 85, ...); got {count}. Give {below} or "
            f"{above}, or set fit_frames to trim (uses the first {below}) or pad (repeats the last up to {above})."
        )
    return below if fit == "trim" else above


def latent_frames(frames: int) -> int:
    """Return the latent frames of ``4k + 1`` frames: ``k + 1``."""
    return math.ceil((frames - 1) / _TIME_FACTOR) + 1


def latent_size(height: int, width: int, *, factor: int = 8) -> tuple[int, int]:
    """Return rows and columns of the latent of a checked size."""
    return height // factor, width // factor
