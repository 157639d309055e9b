"""Run lengths of Radiance pictures, compiled."""

from __future__ import annotations

from typing import Any

from ..compiled import compiled

__all__ = ["decode_rgbe"]


@compiled()
def _new_row(packed: Any, at: int, row: Any) -> int:
    """Decode one row, component after component; return where it ends, or -1."""
    columns = row.shape[0]
    for component in range(4):
        column = 0
        while column < columns:
            if at >= packed.shape[0]:
                return -1
            count = int(packed[at])
            at += 1
            is_run = count > 128
            count = count - 128 if is_run else count
            if count == 0 or column + count > columns or at + (1 if is_run else count) > packed.shape[0]:
                return -1
            for k in range(count):
                row[column + k, component] = packed[at if is_run else at + k]
            at += 1 if is_run else count
            column += count
    return at


@compiled()
def _old_row(packed: Any, at: int, row: Any) -> int:
    """Decode one flat row, in which (1, 1, 1, n) repeats the pixel before; return where it ends, or -1."""
    columns = row.shape[0]
    column, shift = 0, 0
    while column < columns:
        if at + 4 > packed.shape[0]:
            return -1
        if packed[at] == 1 and packed[at + 1] == 1 and packed[at + 2] == 1:
            count = int(packed[at + 3]) << shift
            if column == 0 or column + count > columns:
                return -1
            for k in range(count):
                row[column + k] = row[column - 1]
            column += count
            shift += 8
            if shift > 24:
                return -1
        else:
            row[column] = packed[at : at + 4]
            column += 1
            shift = 0
        at += 4
    return at


@compiled()
def decode_rgbe(packed: Any, rgbe: Any) -> int:
    """Decode bytes ``[N]`` into ``[H, W, 4]``; return how many rows could be read."""
    rows: int = rgbe.shape[0]
    columns: int = rgbe.shape[1]
    at = 0
    for row in range(rows):
        is_new = 8 <= columns < 32768 and at + 4 <= packed.shape[0]
        is_new = is_new and packed[at] == 2 and packed[at + 1] == 2 and packed[at + 2] < 128
        if is_new and int(packed[at + 2]) * 256 + int(packed[at + 3]) == columns:
            at = _new_row(packed, at + 4, rgbe[row])
        else:
            at = _old_row(packed, at, rgbe[row])
        if at < 0:
            return row
    return rows
