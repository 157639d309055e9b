"""Gaussians as columns of numbers, shared by all readers and writers of splat files.

Files are untrusted, so `checked_gaussians` checks every value once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import torch

from ..errors import FormatError, InvalidInput
from ..scene.gaussians import SH_C0, Gaussians

__all__ = [
    "FARTHEST",
    "STRONGEST",
    "THINNEST",
    "UNIT",
    "all_finite",
    "checked_gaussians",
    "columns_to_write",
    "in_reach",
    "make_unit",
    "rgba_bytes",
]

UNIT = 3e-7
"""Rounding error of the length of a unit quaternion."""

FARTHEST = 1e9
"""Upper bound of positions and sizes, world units; the Earth is 1.3e7 m across."""

THINNEST = 1e-12
"""Lower bound of scales, world units: smaller ones, zero included, are clamped to it."""

STRONGEST = 1e6
"""Upper bound of SH coefficients; trained ones stay below 100."""


def columns_to_write(
    gaussians: Gaussians, *, most: int = (1 << 31) - 1
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return means, unit rotations, scales, opacities and harmonics as contiguous float32 arrays.

    A zero rotation becomes the identity.

    Raises:
        InvalidInput: when the set is empty or larger than ``most``, or a value is NaN or infinite.
    """
    if not 1 <= len(gaussians) <= most:
        raise InvalidInput(f"gaussians must hold 1 to {most} Gaussians to be written; got {len(gaussians)}.")
    gaussians.check_finite()
    means, quats, scales, opacities, sh = (
        t.detach().cpu().float().contiguous().numpy() for t in gaussians.tensors()
    )
    norms = np.sqrt(np.einsum("ij,ij->i", quats, quats))
    if norms.min() == 0:
        quats = np.where(norms[:, None] > 0, quats, np.array([1, 0, 0, 0], np.float32))
        norms = np.where(norms > 0, norms, np.float32(1))
    if np.abs(norms - 1).max() > UNIT:
        quats = quats / norms[:, None]
    return means, quats, scales, opacities, sh


def rgba_bytes(sh: np.ndarray, opacities: np.ndarray) -> np.ndarray:  # [N, 4] uint8
    """Return base color, clamped to [0, 1], and opacity in steps of 1/255."""
    rgba = np.concatenate([0.5 + SH_C0 * sh[:, 0], opacities[:, None]], axis=1)
    result: np.ndarray = np.rint(rgba * 255).clip(0, 255).astype(np.uint8)
    return result


def checked_gaussians(
    name: str,
    means: np.ndarray,  # [N, 3]
    quats_wxyz: np.ndarray,  # [N, 4], any length
    scales: np.ndarray,  # [N, 3]
    opacities: np.ndarray,  # [N]
    sh: np.ndarray,  # [N, K, 3]
    drop_invalid: bool,
    labels: Mapping[str, np.ndarray] | None = None,  # [N] each
    waves: np.ndarray | None = None,  # [N, 2 H, 3]
) -> Gaussians:
    """Build Gaussians from a file's values; refuse or drop the invalid ones. Rotations are scaled in place.

    Call it after the last change to the values: the result is finite, within bounds, and opacities lie in [0, 1].
    """
    fields: tuple[np.ndarray, ...] = (means, quats_wxyz, scales, opacities, sh)
    if not (make_unit(quats_wxyz) and in_reach(means, scales, opacities, sh)):
        with np.errstate(invalid="ignore"):
            scales = np.where((scales >= 0) & (scales < THINNEST), np.float32(THINNEST), scales)
        fields = (means, quats_wxyz, scales, opacities, sh)
        is_good, reasons = _judge(*fields)
        bad = int((~is_good).sum())
        if bad and not drop_invalid:
            raise FormatError(
                f"{name}: {bad} of {len(is_good)} Gaussians hold {', '.join(reasons)} "
                f"(first: number {int(np.argmin(is_good))}). Read it with drop_invalid to leave them out."
            )
        if bad == len(is_good):
            raise FormatError(f"{name}: holds no valid Gaussian; they hold {', '.join(reasons)}.")
        fields = tuple(values[is_good] for values in fields)
        labels = {kind: values[is_good] for kind, values in (labels or {}).items()}
        waves = None if waves is None else waves[is_good]
    columns = (torch.from_numpy(np.require(values, np.float32, ["C", "W"])) for values in fields)
    made = Gaussians.from_columns(
        columns, {kind: torch.from_numpy(values) for kind, values in (labels or {}).items()}
    )
    return made if waves is None else replace(made, color_waves=torch.from_numpy(waves))


def in_reach(means: np.ndarray, scales: np.ndarray, opacities: np.ndarray, sh: np.ndarray) -> bool:
    """Return whether all values are finite and within bounds, and opacities are in [0, 1]."""
    # The minimum and maximum of numbers with NaN are NaN, which compares as false.
    return bool(
        _is_within(means, -FARTHEST, FARTHEST)
        and _is_within(scales, THINNEST, FARTHEST)
        and _is_within(opacities, 0, 1)
        and _is_within(sh, -STRONGEST, STRONGEST)
    )


def _is_within(values: np.ndarray, low: float, high: float) -> bool:
    return bool(values.size == 0 or (values.min() >= low and values.max() <= high))


def _judge(
    means: np.ndarray, quats: np.ndarray, scales: np.ndarray, opacities: np.ndarray, sh: np.ndarray
) -> tuple[np.ndarray, list[str]]:
    """Return which Gaussians are valid ``[N]``, and why the others are not."""
    count = len(means)
    is_finite = np.ones(count, bool)
    for values in (means, quats, scales, opacities, sh):
        is_finite &= np.isfinite(values).reshape(count, -1).all(axis=1)
    with np.errstate(invalid="ignore"):
        is_finite &= np.abs(np.square(quats).sum(axis=1) - 1) < 1e-3  # overflowed values are zero now
    faults = {"NaN, infinity or a zero rotation": ~is_finite}
    with np.errstate(invalid="ignore"):
        tests = {
            "a negative scale": scales < 0,
            f"a scale above {FARTHEST:g} units": scales > FARTHEST,
            f"a position beyond {FARTHEST:g} units": np.abs(means) > FARTHEST,
            "an opacity outside of 0 to 1": (opacities < 0) | (opacities > 1),
            f"a color beyond {STRONGEST:g}": np.abs(sh) > STRONGEST,
        }
    faults |= {what: is_finite & test.reshape(count, -1).any(axis=1) for what, test in tests.items()}
    is_good = ~np.logical_or.reduce(list(faults.values()))
    return is_good, [what for what, rows in faults.items() if rows.any()]


def make_unit(quats: np.ndarray) -> bool:
    """Scale quaternions to unit length in place; return False when some cannot be (they become NaN)."""
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        norms = quats[:, 0] * quats[:, 0]
        for column in range(1, 4):
            norms += quats[:, column] * quats[:, column]
        np.sqrt(norms, out=norms)
        least, most = norms.min(), norms.max()
        if not (abs(least - 1) < UNIT and abs(most - 1) < UNIT):
            for column in range(4):
                quats[:, column] /= norms
    return bool(least > 0 and np.isfinite(most))


def all_finite(values: np.ndarray) -> bool:
    """Return whether no value is NaN or infinite. Any of these makes the sum non-finite; finite values rarely do."""
    with np.errstate(invalid="ignore", over="ignore"):
        return bool(np.isfinite(values.sum())) or bool(np.isfinite(values).all())
