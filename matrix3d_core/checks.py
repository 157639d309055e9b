"""Checks for the public functions of the library: shapes, finiteness, ranges."""

from __future__ import annotations

import torch
from torch import Tensor

from .errors import InvalidInput

__all__ = ["check_finite", "check_floating", "check_shape", "check_two_to_one"]


def check_shape(name: str, tensor: Tensor, spec: str) -> dict[str, int]:
    """Bind the named dimensions of ``spec`` (such as ``"... N 3"``) to sizes, or raise.

    A leading ``...`` matches any number of leading dimensions. Numbers must match exactly;
    a name used twice must have the same size both times.

    Returns:
        ``{name: size}`` for every named dimension.

    Raises:
        InvalidInput: when ``tensor`` is not a tensor or its shape does not fit.
    """
    if not isinstance(tensor, Tensor):
        raise InvalidInput(f"{name} must be a tensor; got {type(tensor).__name__}.")
    wanted, actual = spec.split(), list(tensor.shape)
    if wanted and wanted[0] == "...":
        wanted = wanted[1:]
        actual = actual[max(0, len(actual) - len(wanted)) :]
    sizes: dict[str, int] = {}
    fits = len(wanted) == len(actual) and all(
        size == int(dim) if dim.isdigit() else sizes.setdefault(dim, size) == size
        for dim, size in zip(wanted, actual, strict=True)
    )
    if not fits:
        shape = ", ".join(spec.split())
        raise InvalidInput(f"{name} must have shape [{shape}]; got {list(tensor.shape)}.")
    return sizes


def check_floating(name: str, tensor: Tensor) -> None:
    """Raise unless ``tensor`` holds floating point numbers."""
    if not tensor.is_floating_point():
        raise InvalidInput(f"{name} must be floating point; got {tensor.dtype}. Convert it first.")


def check_finite(name: str, tensor: Tensor) -> None:
    """Raise when ``tensor`` holds NaN or infinity, naming how many."""
    bad = int((~torch.isfinite(tensor)).sum())
    if bad:
        raise InvalidInput(f"{name} must be finite; {bad} of {tensor.numel()} values are NaN or infinite.")


def check_two_to_one(name: str, height: int, width: int) -> None:
    """Raise unless an equirectangular image is exactly twice as wide as it is high, 2 rows or more."""
    if height < 2 or width != 2 * height:
        raise InvalidInput(
            f"{name} must be equirectangular, twice as wide as it is high and at least 4x2; "
            f"got {width}x{height}. {_advice(width, height)}"
        )


_STRIP = "This looks like a strip of six cube faces: use Cubemap to Panorama."
_PHOTO = "an ordinary photo goes through Project Photo to Panorama"
_SHAPES = (
    (
        1,
        1,
        "This shape often holds two eyes, one above the other (over-under stereo): choose one eye in Load "
        f"Panorama with eye; {_PHOTO}.",
    ),
    (
        4,
        1,
        "This shape often holds two eyes side by side (stereo): choose one eye in Load Panorama with eye.",
    ),
    (6, 1, _STRIP),
    (1, 6, _STRIP),
    (3, 2, f"Six cube faces in two rows go through Cubemap to Panorama; {_PHOTO}."),
    (2, 3, f"Six cube faces in two columns go through Cubemap to Panorama; {_PHOTO}."),
    (4, 3, f"A cross of cube faces goes through Cubemap to Panorama; {_PHOTO}."),
    (3, 4, f"A cross of cube faces goes through Cubemap to Panorama; {_PHOTO}."),
)


def _advice(width: int, height: int) -> str:
    """Return the advice for a shape that is not 2:1."""
    if height < 2 or abs(width - 2 * height) <= 0.1 * height:
        return "Resize or pad it to 2:1 first."
    for across, down, advice in _SHAPES:
        if width * down == height * across:
            return advice
    if width > 2 * height:
        return "It shows only a part of the sphere: pad it above and below to 2:1, and have the padding generated."
    return f"{_PHOTO[0].upper()}{_PHOTO[1:]}; a panorama that lacks rows is padded to 2:1."
