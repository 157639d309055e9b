"""EvoWorld's `camera_poses.txt`: a table with a heading, Unity's positions and Euler angles.

Source: JiahaoPlus/EvoWorld, its example and how its data set reads it; Unity manual, Transform.eulerAngles (degrees,
applied in the order z, x, y; left-handed, y up).
"""

from __future__ import annotations

import csv
import math

import torch

from ...errors import FormatError
from .raw import RawPath, check_count

__all__ = ["is_evoworld", "read_evoworld"]

_COLUMNS = ["Frame", "PosX", "PosY", "PosZ", "RotX", "RotY", "RotZ"]


def is_evoworld(text: str) -> bool:
    """Return whether text begins with the heading of such a table."""
    return text.lstrip("\ufeff")[:200].split("\n", 1)[0].strip() == ",".join(_COLUMNS)


def read_evoworld(source: str, text: str) -> RawPath:
    """Read the table; one pose per line, in the order of the frame numbers."""
    rows = []
    for line, parts in enumerate(csv.reader(text.lstrip("\ufeff").splitlines()[1:]), 2):
        if not parts:
            continue
        try:
            row = [float(part) for part in parts]
        except ValueError:
            row = []
        if len(row) != len(_COLUMNS) or not all(map(math.isfinite, row)):
            raise FormatError(
                f"{source}: line {line} must hold {len(_COLUMNS)} numbers, {', '.join(_COLUMNS)}; got "
                f"{','.join(parts)[:60]!r}."
            )
        rows.append(row)
    check_count(source, rows)
    table = torch.tensor(sorted(rows), dtype=torch.float64)
    cosine, sine = table[:, 4:].deg2rad().cos(), table[:, 4:].deg2rad().sin()
    turns = []
    for axis, (a, b) in enumerate(((1, 2), (2, 0), (0, 1))):  # which axis each angle turns to which
        turn = torch.eye(3, dtype=torch.float64).repeat(len(table), 1, 1)
        turn[:, a, a] = turn[:, b, b] = cosine[:, axis]
        turn[:, a, b], turn[:, b, a] = -sine[:, axis], sine[:, axis]
        turns.append(turn)
    matrices = torch.eye(4, dtype=torch.float64).repeat(len(table), 1, 1)
    matrices[:, :3, :3] = turns[1] @ turns[0] @ turns[2]
    matrices[:, :3, 3] = table[:, 1:4]
    return RawPath("EvoWorld's camera_poses.txt", matrices, pose="c2w", camera_axes="RUF", world_axes="RUF")
