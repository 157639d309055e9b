"""How visible a panorama's left/right border is, and how far its poles are from being points."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from ..checks import check_finite, check_shape
from ..errors import InvalidInput

__all__ = [
    "NEIGHBOR_COLUMNS",
    "NEIGHBOR_ROWS",
    "PoleReport",
    "SeamReport",
    "describe_seam",
    "pole_error",
    "seam_error",
]

NEIGHBOR_COLUMNS = 8
"""Steps on either side of the border that its own step is compared with."""

NEIGHBOR_ROWS = 4
"""Rows next to a pole's row that it is compared with."""

_FLOOR = 0.25 / 255
"""A quarter of an 8-bit level, added above and below: flat pictures give 1, not 0/0."""


@dataclass(frozen=True)
class SeamReport:
    """Color steps over the left/right border of panoramas.

    Attributes:
        error: step over the border divided by the steps beside it; 1 = as smooth as inside.
        per_image: the same for each picture.
        border_step: mean absolute color difference between the last and the first column.
        inner_step: the same between neighboring columns, over `NEIGHBOR_COLUMNS` steps on either side.
    """

    error: float
    per_image: tuple[float, ...]
    border_step: float
    inner_step: float


@dataclass(frozen=True)
class PoleReport:
    """Change of color along the first and the last row of panoramas.

    Attributes:
        error: the larger of ``top`` and ``bottom``; 1 = as constant as the rows beside it ask for.
        top: spread along the first row divided by the spread expected there.
        bottom: the same of the last row.
        per_image: the larger of both, for each picture.
    """

    error: float
    top: float
    bottom: float
    per_image: tuple[float, ...]


def seam_error(images: Tensor) -> SeamReport:  # images: [T, H, W, C]
    """Compare the color step over the left/right border with the steps beside it.

    A step is the mean absolute difference of two neighboring columns, over rows and channels. The number
    is ``(border + f) / (inner + f)`` with inner the mean of the 8 steps before and the 8 after the border,
    and f a quarter of an 8-bit level. 1 means that the border is indistinguishable from its surroundings;
    a visible line in a smooth sky gives 5 and more. Over several pictures steps are averaged first.

    Args:
        images: ``[T, H, W, C]`` in [0, 1], at least 18 columns.

    Raises:
        InvalidInput: for another shape, NaN, or too few columns.
    """
    size = check_shape("images", images, "T H W C")
    check_finite("images", images)
    if size["W"] < 2 * NEIGHBOR_COLUMNS + 2 or 0 in images.shape:
        raise InvalidInput(
            f"images must be at least {2 * NEIGHBOR_COLUMNS + 2} columns wide; got {list(images.shape)}."
        )
    near = NEIGHBOR_COLUMNS + 1
    around = torch.cat((images[:, :, -near:], images[:, :, :near]), dim=2).double()
    steps = (around[:, :, 1:] - around[:, :, :-1]).abs().mean(dim=(1, 3))  # [T, 17]
    border = steps[:, NEIGHBOR_COLUMNS]
    inner = (steps.sum(1) - border) / (2 * NEIGHBOR_COLUMNS)
    ratios = (border + _FLOOR) / (inner + _FLOOR)
    total = (border.mean() + _FLOOR) / (inner.mean() + _FLOOR)
    return SeamReport(float(total), tuple(ratios.tolist()), float(border.mean()), float(inner.mean()))


def pole_error(images: Tensor) -> PoleReport:  # images: [T, H, W, C]
    """Compare how much color changes along the rows at the poles with what the rows beside them ask for.

    Around a pole, a row is a circle of radius ``sin`` of its angle from the pole, so in a smooth world the
    standard deviation of color along it falls in proportion. The expected spread of the pole's row is
    the mean over the next 4 rows of their spread times ``sin(first row) / sin(row)``; the number is
    ``(spread + f) / (expected + f)`` with f a quarter of an 8-bit level. 1 means that the pole is as
    smooth as its surroundings; a picture that ignores the sphere gives 4 and more.

    Args:
        images: ``[T, H, W, C]`` in [0, 1], equirectangular, at least 10 rows.

    Raises:
        InvalidInput: for another shape, NaN, or too few rows.
    """
    size = check_shape("images", images, "T H W C")
    check_finite("images", images)
    if size["H"] < 2 * (NEIGHBOR_ROWS + 1) or 0 in images.shape:
        raise InvalidInput(
            f"images must be at least {2 * (NEIGHBOR_ROWS + 1)} rows high; got {list(images.shape)}."
        )
    top = _pole(images[:, : NEIGHBOR_ROWS + 1], size["H"])
    bottom = _pole(images[:, -NEIGHBOR_ROWS - 1 :].flip(1), size["H"])
    worst = torch.maximum(_ratio(*top), _ratio(*bottom))
    means = [float(_ratio(spread.mean(), expected.mean())) for spread, expected in (top, bottom)]
    return PoleReport(max(means), means[0], means[1], tuple(worst.tolist()))


def _pole(rows: Tensor, height: int) -> tuple[Tensor, Tensor]:
    """Spread of the first of ``[T, 5, W, C]`` rows and what the others expect of it, each ``[T]``."""
    spread = rows.double().var(dim=2, correction=0).mean(-1).sqrt()  # [T, 5]
    angles = (torch.arange(rows.shape[1], dtype=torch.float64) + 0.5) * math.pi / height
    radius = torch.sin(angles).to(spread.device)
    return spread[:, 0], (spread[:, 1:] * (radius[0] / radius[1:])).mean(1)


def _ratio(spread: Tensor, expected: Tensor) -> Tensor:
    return (spread + _FLOOR) / (expected + _FLOOR)


def describe_seam(seam: SeamReport, pole: PoleReport) -> str:
    """Return a few lines for people about both reports; with several pictures, the worst one is named."""
    lines = [
        f"border: {seam.error:.2f} (1 = as smooth as beside it); "
        f"step {255 * seam.border_step:.2f}, beside it {255 * seam.inner_step:.2f} of 255",
        f"poles: {pole.error:.2f} (1 = as smooth as beside them); top {pole.top:.2f}, bottom {pole.bottom:.2f}",
    ]
    if len(seam.per_image) > 1:
        worst = max(range(len(seam.per_image)), key=seam.per_image.__getitem__)
        pole_worst = max(range(len(pole.per_image)), key=pole.per_image.__getitem__)
        lines.append(
            f"worst of {len(seam.per_image)} pictures: border {seam.per_image[worst]:.2f} in number {worst}, "
            f"poles {pole.per_image[pole_worst]:.2f} in number {pole_worst}"
        )
    return "\n".join(lines)
