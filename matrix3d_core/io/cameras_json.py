"""Camera paths as JSON: upstream's bare list of 4x4 matrices, and a self-describing layout.

Both keep float64 values bit for bit. Paths of other tools are read by the same function.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import torch

from ..errors import InvalidInput
from ..scene.camera import intrinsics_list
from ..scene.trajectory import Trajectory
from .atomic import open_atomically
from .camera_paths.door import import_text, import_trajectory
from .camera_paths.finish import likely_frame
from .camera_paths.own import AXES, CONVENTION, FORMAT_NAME, FORMAT_VERSION
from .camera_paths.raw import PathOptions

__all__ = ["LAYOUTS", "format_trajectory", "parse_trajectory", "read_trajectory", "write_trajectory"]

LAYOUTS = ("upstream", "matrix3d")


def read_trajectory(path: str | os.PathLike[str], options: PathOptions | None = None) -> Trajectory:
    """Read a camera path of any format that `camera_paths.door.import_trajectory` knows, which also gives a report."""
    return import_trajectory(path, options).trajectory


def parse_trajectory(
    text: str,
    *,
    source: str = "JSON text",
    name: str = "trajectory",
    options: PathOptions | None = None,
) -> Trajectory:
    """Parse a camera path from text; see `camera_paths.door.import_text`, which also gives a report.

    Args:
        text: JSON or rows of numbers.
        source: its name in messages, usually the file name.
        name: name of the result when the text does not give one.
        options: what to overrule.

    Raises:
        FormatError: naming the source and, where there is one, the line or the frame.
    """
    return import_text(text, source=source, name=name, options=options).trajectory


def write_trajectory(
    path: str | os.PathLike[str], trajectory: Trajectory, *, layout: str = "matrix3d"
) -> None:
    """Write a camera path; the file appears whole or not at all.

    Args:
        path: target file; an existing one is replaced.
        trajectory: what to write.
        layout: ``"upstream"`` (poses only) or ``"matrix3d"`` (everything).

    Raises:
        InvalidInput: see `format_trajectory`.
        DiskError: when the folder cannot be written.
    """
    path = Path(path)
    text = format_trajectory(trajectory, layout=layout)
    with open_atomically(path) as file:
        file.write(text.encode())


def format_trajectory(trajectory: Trajectory, *, layout: str = "matrix3d") -> str:
    """Return the JSON text of a camera path in one of `LAYOUTS`, indented by 4 as upstream writes it.

    Raises:
        InvalidInput: for an unknown layout, and for a bare list that would be read back with another panorama position.
    """
    if layout not in LAYOUTS:
        raise InvalidInput(f"layout must be one of {', '.join(LAYOUTS)}; got {layout!r}.")
    poses = trajectory.camera_from_world.tolist()
    if layout == "upstream":
        _check_bare(trajectory)
        return json.dumps(poses, indent=4)
    header: dict[str, Any] = {
        "format": FORMAT_NAME,
        "version": FORMAT_VERSION,
        "name": trajectory.name,
        "axes": AXES,
        "convention": CONVENTION,
        "frame_of_reference": trajectory.frame_of_reference,
        "is_metric": trajectory.is_metric,
        "fps": trajectory.fps,
        "image_size_px": None if trajectory.image_size_px is None else list(trajectory.image_size_px),
        "intrinsics_px": intrinsics_list(trajectory.K_px),
        "poses": poses,
    }
    return json.dumps(header, indent=4, ensure_ascii=False)


def _check_bare(trajectory: Trajectory) -> None:
    """Refuse a path whose panorama position a bare list, which cannot store it, would change."""
    frame = likely_frame(trajectory.camera_from_world)
    is_identity = torch.equal(trajectory.camera_from_world[0], torch.eye(4, dtype=torch.float64))
    if frame == trajectory.frame_of_reference or is_identity:
        return
    places = {"panorama": "at the origin", "world": "at the first pose, with its rotation"}
    raise InvalidInput(
        f"a bare list does not store the panorama's position: it would be read back {places[frame]}, and is "
        f"{places[trajectory.frame_of_reference]}. Save it in layout 'matrix3d', or begin the path at the panorama."
    )
