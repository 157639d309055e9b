"""The lens of a photo, from its EXIF tags."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["ExifLens", "lens_from_exif"]

_EXIF_IFD = 0x8769
_FOCAL_MM, _FOCAL_35MM = 0x920A, 0xA405
_ORIGINAL_WIDTH, _ORIGINAL_HEIGHT = 0xA002, 0xA003
_PLANE_X, _PLANE_UNIT = 0xA20E, 0xA210
_ORIENTATION = 0x0112
_MM_PER_UNIT = {2: 25.4, 3: 10.0, 4: 1.0, 5: 1e-3}
_DIAGONAL_35MM = math.hypot(36.0, 24.0)
_LEAST_RATIO, _MOST_RATIO = 0.004, 50.0  # 179 degrees, and half a degree
_SAME_SHAPE = 0.02


@dataclass(frozen=True)
class ExifLens:
    """The lens that a file's tags describe.

    Attributes:
        focal_ratio: focal length over the width of the upright picture, without a unit.
        read_as: which tags it is from, and whether the file is a crop of the photo.
    """

    focal_ratio: float
    read_as: str

    @property
    def fov_x_rad(self) -> float:
        """Horizontal field of view between the outer edges."""
        return 2 * math.atan(0.5 / self.focal_ratio)


def lens_from_exif(exif: Any, width: int, height: int) -> ExifLens | None:
    """Return the lens of a picture, or None when its tags do not tell.

    The focal length equivalent to 35 mm film relates the diagonals of the two pictures; without it the focal length
    and the resolution of the focal plane do. The tags hold for the photo as it was taken (``PixelXDimension`` by
    ``PixelYDimension``): a smaller file of the same shape was resized, one of another shape is taken for a crop along
    one axis.

    Args:
        exif: Pillow's ``Image.Exif``.
        width: columns as stored, before the orientation is applied.
        height: rows as stored.

    Source: CIPA DC-008, Exif 2.32; CIPA DCG-001 (the equivalent focal length is by the diagonal).
    """
    tags: Mapping[int, Any] = exif.get_ifd(_EXIF_IFD)
    taken = _number(tags.get(_ORIGINAL_WIDTH)), _number(tags.get(_ORIGINAL_HEIGHT))
    taken_width, taken_height = taken if all(taken) else (float(width), float(height))
    notes = ""
    if abs(taken_width * width / (taken_height * height) - 1) < _SAME_SHAPE < abs(width / height - 1):
        taken_width, taken_height = taken_height, taken_width  # turned by a program that left the tags alone
    if abs(taken_width * height / (taken_height * width) - 1) > _SAME_SHAPE:
        notes = f", a crop of {taken_width:.0f}x{taken_height:.0f}"
    scale = max(width / taken_width, height / taken_height)
    focal_mm, focal_35mm = _number(tags.get(_FOCAL_MM)), _number(tags.get(_FOCAL_35MM))
    plane_x, unit = _number(tags.get(_PLANE_X)), _MM_PER_UNIT.get(int(_number(tags.get(_PLANE_UNIT)) or 2))
    if focal_35mm:
        focal_px = focal_35mm / _DIAGONAL_35MM * math.hypot(taken_width, taken_height) * scale
        notes = f"EXIF, {focal_35mm:g} mm on 35 mm film{notes}"
    elif focal_mm and plane_x and unit:
        focal_px = focal_mm * plane_x / unit * scale
        notes = f"EXIF, {focal_mm:g} mm and the focal plane's resolution{notes}"
    else:
        return None
    upright = height if int(_number(exif.get(_ORIENTATION)) or 1) >= 5 else width
    ratio = focal_px / upright
    return ExifLens(ratio, notes) if _LEAST_RATIO < ratio < _MOST_RATIO else None


def _number(value: Any) -> float:
    """Return a tag's value, 0 when it is missing or no positive number."""
    try:
        number = float(value)
    except (TypeError, ValueError, ZeroDivisionError):
        return 0.0
    return number if math.isfinite(number) and number > 0 else 0.0
