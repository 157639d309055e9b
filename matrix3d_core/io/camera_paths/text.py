"""Rows of numbers: RealEstate10K and CameraCtrl (19 columns), TUM (8), KITTI (12), flat 4x4 (16).

Sources: RealEstate10K's format page; hehao13/CameraCtrl; TUM RGB-D benchmark, "File formats"; KITTI odometry.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

import torch

from ...errors import FormatError
from ...geometry.rotations import matrix_from_quats
from .raw import RawPath, check_count, pinhole

__all__ = ["is_rows", "parse_rows", "read_rows", "rows_as_path"]

_KNOWN = "19 numbers (RealEstate10K, CameraCtrl), 8 (TUM), 12 (KITTI) or 16 (a flat 4x4 matrix)"
_SPLIT = re.compile(r"[\s,;]+")


def is_rows(text: str) -> bool:
    """Return whether one of the first few lines that are no comments is a row of numbers of a known length."""
    lines = [
        line for line in text[:20_000].splitlines() if line.strip() and not line.lstrip().startswith("#")
    ]
    return any(_numbers(line) is not None for line in lines[:2])


def read_rows(source: str, text: str) -> RawPath:
    """Read rows; a first line that is a link or a caption, and lines that begin with #, are skipped."""
    return rows_as_path(source, parse_rows(source, text))


def parse_rows(source: str, text: str) -> list[list[float]]:
    """Return the rows of numbers, all of one length."""
    rows: list[list[float]] = []
    is_first = True
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        row = _numbers(line)
        if row is None and not is_first:
            shown = line.strip() if len(line.strip()) <= 60 else line.strip()[:57] + "..."
            raise FormatError(f"{source}: line {number} must be {_KNOWN}; got {shown!r}.")
        is_first = False
        if row is None:
            continue
        if not all(map(math.isfinite, row)):
            raise FormatError(f"{source}: line {number}: numbers must be finite.")
        if rows and len(row) != len(rows[0]):
            raise FormatError(f"{source}: line {number} must have {len(rows[0])} numbers; got {len(row)}.")
        rows.append(row)
    check_count(source, rows)
    return rows


def rows_as_path(source: str, rows: Sequence[Sequence[float]]) -> RawPath:
    """Convert rows of one length to a path.

    19: timestamp, fx fy cx cy of pictures that are 1 wide and high, two unused numbers, a 3x4 world-to-camera matrix.
    8: timestamp, tx ty tz, qx qy qz qw, camera-to-world. 12: a 3x4 camera-to-world matrix. 16: world-to-camera.
    """
    widths = {len(row) for row in rows}
    if len(widths) != 1 or next(iter(widths)) not in (8, 12, 16, 19):
        raise FormatError(f"{source}: rows must hold {_KNOWN}; got {sorted(widths)}.")
    table = torch.tensor(rows, dtype=torch.float64)
    matrices = torch.eye(4, dtype=torch.float64).repeat(len(table), 1, 1)
    if table.shape[1] == 8:
        quats = table[:, [7, 4, 5, 6]]
        lengths = quats.norm(dim=-1)
        if bool((lengths - 1).abs().max() > 1e-2):
            frame = int((lengths - 1).abs().argmax())
            raise FormatError(
                f"{source}: frame {frame}: a TUM row ends with a unit quaternion qx qy qz qw; its length is "
                f"{float(lengths[frame]):.3g}."
            )
        matrices[:, :3, :3] = matrix_from_quats(quats / lengths[:, None])
        matrices[:, :3, 3] = table[:, 1:4]
        return RawPath("a TUM trajectory", matrices, pose="c2w", times=table[:, 0])
    if table.shape[1] == 19:
        for i, (fx, fy, cx, cy) in enumerate(table[:, 1:5].tolist()):
            pinhole(source, f"frame {i}", fx, fy, cx, cy)
        matrices[:, :3] = table[:, 7:].reshape(-1, 3, 4)
        angle = math.degrees(2 * math.atan(0.5 / float(table[0, 1])))
        return RawPath(
            "RealEstate10K or CameraCtrl text",
            matrices,
            times=table[:, 0],
            notes=[
                f"its horizontal field of view is {angle:.1f} degrees; without a picture size it is not kept"
            ],
        )
    if table.shape[1] == 12:
        matrices[:, :3] = table.reshape(-1, 3, 4)
        return RawPath("KITTI poses", matrices, pose="c2w")
    return RawPath("rows of flat 4x4 matrices", table.reshape(-1, 4, 4))


def _numbers(line: str) -> list[float] | None:
    """Parse a line as a row of numbers of a known length, or return None."""
    parts = _SPLIT.split(line.strip(" \t\r\n,;[]"))
    if len(parts) not in (8, 12, 16, 19) or any("_" in part for part in parts):
        return None
    try:
        return [float(part) for part in parts]
    except ValueError:
        return None
