"""The camera of a photo: given, from its file, estimated, or assumed, and which of these."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from torch import Tensor

from ..depth.learned.head import DepthHead
from ..depth.learned.photo import estimate_photo_camera
from ..errors import InvalidInput
from ..features.dinov2 import Dinov2
from ..io.exif import ExifLens
from ..io.images import read_picture
from .photo import check_photo

__all__ = ["ASSUMED_FOV_DEG", "LoadedPhoto", "PhotoLens", "choose_lens", "load_photo"]

ASSUMED_FOV_DEG = 65.0
"""Field of view along the longer side where nothing tells: that of a phone's main camera, or 28 mm on 35 mm film."""


class LoadedPhoto(NamedTuple):
    """A photo and the lens that its file names.

    Attributes:
        rgb: ``[H, W, 3]`` float32 in [0, 1].
        lens: from its EXIF tags, or None.
        report: what was read, in words.
    """

    rgb: Tensor
    lens: ExifLens | None
    report: str


@dataclass(frozen=True)
class PhotoLens:
    """Field of view and tilt of a photo's camera.

    Attributes:
        fov_x_rad: horizontal field of view.
        pitch_rad: up.
        roll_rad: head tilted to the right.
        source: where they come from.
    """

    fov_x_rad: float
    pitch_rad: float
    roll_rad: float
    source: str


def load_photo(path: Path | str, *, max_width: int = 0) -> LoadedPhoto:
    """Read a photo and what its file says of the lens.

    Args:
        path: see `read_picture`.
        max_width: a wider photo is shrunk to this many columns; 0 keeps the size.

    Raises:
        FormatError: when the file is no picture.
        InvalidInput: when it is a whole panorama, by its tags or its borders, or of an extreme shape.
    """
    path = Path(path)
    picture = read_picture(path, max_width=max_width)
    if picture.gpano is not None:
        raise InvalidInput(
            f"{path.name} must be a perspective photo; its GPano tags call it a panorama. Give it as one (--panorama, "
            "Load Panorama)."
        )
    check_photo(picture.rgb)
    lens = picture.lens
    named = (
        "no EXIF tags of the lens"
        if lens is None
        else f"{math.degrees(lens.fov_x_rad):.1f} degrees ({lens.read_as})"
    )
    rows, columns = picture.rgb.shape[:2]
    return LoadedPhoto(picture.rgb, lens, f"{path.name}: {picture.read_as}, {columns}x{rows}, {named}")


def choose_lens(
    rgb: Tensor,  # [H, W, 3]
    *,
    fov_x_rad: float | None = None,
    pitch_rad: float | None = None,
    roll_rad: float | None = None,
    exif: ExifLens | None = None,
    networks: tuple[Dinov2, DepthHead] | None = None,
) -> PhotoLens:
    """Choose the camera of a photo: what is given first, then the file's lens, the networks' estimate, a usual lens.

    Args:
        rgb: ``[H, W, 3]`` in [0, 1].
        fov_x_rad: horizontal field of view, if known.
        pitch_rad: how far it looks up, if known.
        roll_rad: how far it is tilted to the right, if known.
        exif: lens of the file, if any.
        networks: backbone and head; without them the camera is taken for level.

    Raises:
        InvalidInput: for a photo or a field of view that `check_photo` refuses.
    """
    check_photo(rgb, fov_x_rad)
    height, width = rgb.shape[:2]
    is_known = (fov_x_rad is not None or exif is not None) and None not in (pitch_rad, roll_rad)
    seen = estimate_photo_camera(rgb, *networks) if networks is not None and not is_known else None
    if fov_x_rad is not None:
        fov, source = fov_x_rad, "given"
    elif exif is not None:
        fov, source = exif.fov_x_rad, exif.read_as
    elif seen is not None:
        fov, source = seen.fov_x_rad, "estimated from the picture, not measured"
    else:
        across = math.tan(math.radians(ASSUMED_FOV_DEG) / 2) * width / max(height, width)
        fov, source = 2 * math.atan(across), f"assumed: {ASSUMED_FOV_DEG:g} degrees along the longer side"
    level = (seen.pitch_rad, seen.roll_rad) if seen is not None else (0.0, 0.0)
    pitch = level[0] if pitch_rad is None else pitch_rad
    roll = level[1] if roll_rad is None else roll_rad
    tilt = (
        "given"
        if None not in (pitch_rad, roll_rad)
        else "estimated"
        if seen is not None
        else "taken for level"
    )
    check_photo(rgb, fov)
    return PhotoLens(
        fov,
        pitch,
        roll,
        f"field of view {math.degrees(fov):.1f} degrees: {source}; tilt {tilt}, {math.degrees(pitch):+.1f} degrees up, "
        f"{math.degrees(roll):+.1f} to the right",
    )
