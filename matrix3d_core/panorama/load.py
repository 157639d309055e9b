"""Loads a panorama from a file: one eye of stereo, partial panoramas placed, the horizon leveled."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from ..checks import check_two_to_one
from ..errors import FormatError, InvalidInput
from ..geometry.rotations import matrix_from_yaw_pitch_roll
from ..io.gpano import GPano
from ..io.images import FLOAT_KINDS, DecodedImage, read_picture
from ..io.limits import MOST_PIXELS, check_budget
from .views import rotate_panorama

__all__ = ["EYES", "LoadedPanorama", "load_panorama"]

_LAYOUTS = ("", "half side by side", "half over-under", "VR180")
EYES = (
    "whole picture",
    *(f"{side} eye{layout and ', '}{layout}" for layout in _LAYOUTS for side in ("left", "right")),
)
"""Which eye of a stereo picture is used: over-under has the left eye on top, side by side at the left. Without a layout
the shape decides: 1:1 or 4:1, each eye a whole panorama. The layouts name pictures of 2:1: *half* ones have each
eye squeezed to half its columns or rows; in VR180 an eye shows the 180 x 180 degrees ahead."""

_LEAST_TILT_DEG = 0.05  # a pixel of a panorama with 7200 columns
_ALIKE = 0.8


class LoadedPanorama(NamedTuple):
    """A panorama and how it was read.

    Attributes:
        rgb: ``[H, W, 3]`` float32 in [0, 1], ``W == 2 * H``.
        missing: ``[H, W]`` float32, 1 where the file has no pixels; None when it is complete.
        report: what was read and done, one item per line, with the input that changes it.
    """

    rgb: Tensor
    missing: Tensor | None
    report: str


def load_panorama(
    path: str | os.PathLike[str],
    *,
    max_width: int = 0,
    eye: str = EYES[0],
    exposure: float = 0.0,
    floats: str = FLOAT_KINDS[0],
    use_tags: bool = True,
) -> LoadedPanorama:
    """Read a panorama as its file and tags describe it.

    Args:
        path: see `read_picture`.
        max_width: a wider panorama is shrunk to this many columns; 0 keeps the size.
        eye: one of `EYES`; a stereo picture is 1:1 (over-under) or 4:1 (side by side), or 2:1 where a layout is named.
            A squeezed eye is stretched to 2:1, of VR180 the half that it does not show is missing (black).
        exposure: in stops, for light (HDR, EXR).
        floats: what the numbers of a float file are.
        use_tags: honor the GPano tags: a part of the sphere is placed and the rest is missing (black), pitch
            and roll of the camera are undone. Off: the picture as it is.

    Raises:
        FormatError: when the file cannot be read, or is no equirectangular picture by its own tags.
        InvalidInput: when the result is not 2:1 (the message has advice for other shapes), or a setting is unknown.
    """
    if eye not in EYES:
        raise InvalidInput(f"eye must be one of {', '.join(EYES)}; got {eye!r}.")
    path = Path(path)
    max_width -= max_width % 2
    # Side by side, one eye is half as wide as the picture.
    picture = read_picture(
        path, max_width=max_width * (1 if eye == EYES[0] else 2), exposure=exposure, floats=floats
    )
    rgb, missing = picture.rgb, picture.missing
    lines = [f"{path.name}: {picture.read_as}, {picture.full_width} columns"]
    tags = picture.gpano if use_tags else None
    if eye != EYES[0]:
        rgb, missing, line = _one_eye(path.name, rgb, missing, eye)
        lines.append(line)
    if tags and tags.projection not in ("", "equirectangular"):
        raise FormatError(
            f"{path.name}: its GPano tags call it {tags.projection}, not equirectangular. Convert it first, or turn "
            "use_tags off to use it as it is."
        )
    if tags and tags.is_part and eye == EYES[0]:
        rgb, missing, line = _placed(path.name, picture, tags, max_width)
        lines.append(line)
    check_two_to_one(path.name, rgb.shape[0], rgb.shape[1])
    if 0 < max_width < rgb.shape[1]:
        rgb = _resized(rgb, max_width // 2, max_width)
        missing = None if missing is None else _resized(missing, max_width // 2, max_width)
    if tags and max(abs(tags.pitch_deg or 0), abs(tags.roll_deg or 0)) > _LEAST_TILT_DEG:
        rgb, missing = _leveled(rgb, missing, tags)
        lines.append(
            f"GPano: leveled, the camera looked {tags.pitch_deg or 0:+.4g} degrees up and was tilted "
            f"{tags.roll_deg or 0:+.4g} degrees (use_tags off keeps it)"
        )
    if tags and tags.heading_deg is not None:
        lines.append(f"GPano: the center looks to compass heading {tags.heading_deg:.4g} degrees")
    if missing is not None:
        lines.append(f"missing: {float(missing.mean()):.1%} of the picture, 1 in the mask")
    if eye == EYES[0] and (halves := _halves_alike(rgb)):
        lines.append(
            f"suspicious: its {halves} halves are equal. Is it a stereo picture? Set eye to "
            + ("half over-under." if halves.startswith("upper") else "half side by side, or to VR180.")
        )
    return LoadedPanorama(rgb, missing, "\n".join(lines))


def _one_eye(name: str, rgb: Tensor, missing: Tensor | None, eye: str) -> tuple[Tensor, Tensor | None, str]:
    height, width = rgb.shape[:2]
    side, _, layout = eye.partition(", ")
    second = side == EYES[2]
    if layout and (width != 2 * height or height % 2):
        raise InvalidInput(
            f"{name}: {layout} is a picture of 2:1 with even rows; got {width}x{height}. Set eye to {side} for 1:1 or "
            f"4:1, or to {EYES[0]}."
        )
    if not layout and width == height and height % 2 == 0:
        layout = "over-under"
    elif not layout and width == 4 * height:
        layout = "side by side"
    if not layout:
        raise InvalidInput(
            f"{name}: one eye is read from a stereo picture of 1:1 (over-under) or 4:1 (side by side), or of 2:1 with "
            f"eye set to half side by side, half over-under or VR180; got {width}x{height}. Set eye to {EYES[0]}."
        )
    if layout.endswith("over-under"):
        part = (slice(height // 2 * second, height // 2 * (1 + second)), slice(None))
    else:
        part = (slice(None), slice(width // 2 * second, width // 2 * (1 + second)))
    taken = f"stereo: {side} of {layout}"
    rgb, missing = rgb[part].contiguous(), None if missing is None else missing[part].contiguous()
    if layout == "VR180":
        quarter = (width // 4, width // 4)  # the eye shows the half ahead
        missing = torch.zeros(rgb.shape[:2]) if missing is None else missing
        missing = torch.nn.functional.pad(missing, quarter, value=1.0)
        return torch.nn.functional.pad(rgb, (0, 0, *quarter)), missing, f"{taken}, the half ahead"
    if layout.startswith("half"):
        rgb, missing = _unsqueezed(rgb), None if missing is None else _unsqueezed(missing)
        taken = f"{taken}, stretched to {width}x{height}"
    return rgb, missing, taken


def _unsqueezed(values: Tensor) -> Tensor:  # [H, H] or [H / 2, 2 H], with channels or not
    """Double the columns of a square, or else the rows, bilinearly; columns wrap around the sphere."""
    height, width = values.shape[:2]
    if height != width:
        return _resized(values, 2 * height, width)
    around = torch.cat((values[:, -1:], values, values[:, :1]), dim=1)
    return _resized(around, height, 2 * width + 4)[:, 2:-2].contiguous()


def _placed(name: str, picture: DecodedImage, tags: GPano, max_width: int) -> tuple[Tensor, Tensor, str]:
    """Place a part of the sphere in a panorama of its original density."""
    assert tags.full is not None  # a part has both
    assert tags.area is not None
    left, top, columns, rows = tags.area
    # The picture may have been shrunk since its tags were written; its columns give the factor.
    width = 2 * max(1, round(tags.full[0] * picture.full_width / columns / 2))
    width = min(width, max_width) if max_width else width
    height = width // 2
    check_budget(name, "pixels of the whole sphere", width * height, MOST_PIXELS, "Set max_width.")
    x, x_end = (round(value * width / tags.full[0]) for value in (left, left + columns))
    y, y_end = (round(value * height / tags.full[1]) for value in (top, top + rows))
    x_end, y_end = min(max(x_end, x + 1), width), min(max(y_end, y + 1), height)
    rgb, missing = torch.zeros(height, width, 3), torch.ones(height, width)
    inside = (slice(y, y_end), slice(x, x_end))
    rgb[inside] = _resized(picture.rgb, y_end - y, x_end - x)
    missing[inside] = 0 if picture.missing is None else _resized(picture.missing, y_end - y, x_end - x)
    degrees = f"{360 * columns / tags.full[0]:.4g}x{180 * rows / tags.full[1]:.4g} degrees"
    place = f"columns {x} to {x_end}, rows {y} to {y_end} of {width}x{height}"
    return (
        rgb,
        missing,
        f"GPano: a crop, {degrees} of the sphere, placed at {place} (use_tags off keeps it as it is)",
    )


def _resized(values: Tensor, height: int, width: int) -> Tensor:  # [h, w] or [h, w, C]
    """Shrink by averaging, grow bilinearly."""
    if values.shape[:2] == (height, width):
        return values
    planes = (values[..., None] if values.ndim == 2 else values).permute(2, 0, 1)[None]
    shrinks = height <= values.shape[0] and width <= values.shape[1]
    how = {"mode": "area"} if shrinks else {"mode": "bilinear", "align_corners": False}
    done = torch.nn.functional.interpolate(planes, (height, width), **how)[0].permute(1, 2, 0)
    return done[..., 0] if values.ndim == 2 else done


def _leveled(rgb: Tensor, missing: Tensor | None, tags: GPano) -> tuple[Tensor, Tensor | None]:
    """Level a picture of a tilted camera; its center keeps its column."""
    angles = (0.0, math.radians(tags.pitch_deg or 0), math.radians(tags.roll_deg or 0))
    world_from_camera = matrix_from_yaw_pitch_roll(*torch.tensor(angles, dtype=torch.float64))
    turned = rotate_panorama(rgb, world_from_camera.mT).clamp(0, 1)
    if missing is None:
        return turned, None
    return turned, rotate_panorama(missing[..., None], world_from_camera.mT)[..., 0].clamp(0, 1)


def _halves_alike(rgb: Tensor) -> str:
    """Return which halves of a picture are equal, as those of a stereo picture are."""
    step = max(1, rgb.shape[0] // 256)  # a subset of the pixels suffices, without a copy
    planes = rgb[::step, ::step].permute(2, 0, 1)[None]
    small = torch.nn.functional.interpolate(planes, (64, 128), mode="area")[0].mean(0)
    for name, first, second in (
        ("left and right", small[:, :64], small[:, 64:]),
        ("upper and lower", small[:32], small[32:]),
    ):
        a, b = (
            half - half.mean(0, keepdim=True) - half.mean(1, keepdim=True) + half.mean()
            for half in (first, second)
        )
        power = float(a.square().mean() * b.square().mean()) ** 0.5
        if power > 1e-5 and float((a * b).mean()) > _ALIKE * power:
            return name
    return ""
