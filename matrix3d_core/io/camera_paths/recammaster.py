"""ReCamMaster's `camera_extrinsics.json`: per frame and camera a matrix written as text.

``{"frame0": {"cam01": "[r r r 0] [r r r 0] [r r r 0] [x y z 1] "}}``: camera-to-world, transposed, Unreal's axes
(x forward, y right, z up), centimeters.

Source: KlingAIResearch/ReCamMaster, its camera files and how its inference script reads them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from ...errors import FormatError
from ...strict_json import brief
from .raw import RawPath, check_count, matrix_of, natural_order

__all__ = ["is_recammaster", "read_recammaster"]

_FRAME = re.compile(r"frame_?\d{1,9}")


def is_recammaster(data: Any) -> bool:
    """Return whether JSON is an object of frames that hold cameras."""
    return (
        isinstance(data, Mapping)
        and bool(data)
        and all(_FRAME.fullmatch(key) for key in data)
        and isinstance(next(iter(data.values())), Mapping)
    )


def read_recammaster(source: str, data: Mapping[str, Any], camera: str = "") -> RawPath:
    """Read the path of one camera; the first one by default."""
    frames = [list(data)[i] for i in natural_order(list(data))]
    check_count(source, frames, "frame")
    names = [key for key in data[frames[0]] if isinstance(key, str)]
    names = [names[i] for i in natural_order(names)]
    chosen = camera or (names[0] if names else "")
    if chosen not in names:
        raise FormatError(
            f"{source}: camera must be one of {', '.join(names[:20]) or 'none'}; got {chosen!r}."
        )
    poses = []
    for frame in frames:
        cameras = data[frame]
        if not isinstance(cameras, Mapping) or chosen not in cameras:
            raise FormatError(f"{source}: {frame} must hold {chosen}, as the first frame does.")
        poses.append(_matrix(source, f"{frame} {chosen}", cameras[chosen]))
    notes = [] if len(names) == 1 else [f"camera {chosen} of {len(names)}: {', '.join(names[:20])}"]
    return RawPath(
        "ReCamMaster's camera_extrinsics.json",
        torch.stack(poses),
        pose="c2w",
        camera_axes="FRU",
        world_axes="FRU",
        unit=0.01,
        notes=notes,
    )


def _matrix(source: str, where: str, value: Any) -> Tensor:
    if isinstance(value, str):
        rows = re.findall(r"\[([^\]]*)\]", value)
        try:
            value = [[float(v) for v in row.replace(",", " ").split()] for row in rows]
        except ValueError as error:
            raise FormatError(
                f"{source}: {where} must be 4 rows such as [1 0 0 0]; got {brief(value)}."
            ) from error
    return matrix_of(source, where, value).mT.contiguous()
