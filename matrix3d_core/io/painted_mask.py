"""Masks painted on a panorama, as the workflow stores them."""

from __future__ import annotations

import re

import numpy as np
import torch
from torch import Tensor

from ..errors import FormatError, InvalidInput

__all__ = ["parse_painted_mask", "write_painted_mask"]

_HEAD = re.compile(r"mask1:(\d{1,5})x(\d{1,5}):")
_MOST_CHARACTERS = 4_000_000
_MOST_COLUMNS = 8192


def parse_painted_mask(text: str, height: int) -> Tensor:  # [H, 2H]
    """Read a painted mask at another size.

    The text is ``mask1:WxH:`` and the lengths of runs, row by row, in base 36 with commas: of 0, of 1, of 0 and so on.
    The last run may be omitted. Empty text is an empty mask.

    Args:
        text: as above.
        height: rows wanted; columns are twice that.

    Returns:
        ``[H, 2H]`` float32, 1 where painted; enlarged, its edge is soft.

    Raises:
        FormatError: when the text is something else.
    """
    if height < 1:
        raise InvalidInput(f"height must be at least 1; got {height}.")
    if not text.strip():
        return torch.zeros(height, 2 * height)
    head = _HEAD.match(text)
    if head is None or len(text) > _MOST_CHARACTERS:
        raise FormatError(f"the painted mask must begin with mask1:WxH:; got {text[:40]!r}. Paint it again.")
    width, rows = int(head[1]), int(head[2])
    if width != 2 * rows or not 2 <= width <= _MOST_COLUMNS:
        raise FormatError(
            f"the painted mask must be 2:1 and at most {_MOST_COLUMNS} columns; got {width}x{rows}."
        )
    try:
        runs = [int(run, 36) for run in text[head.end() :].split(",") if run]
    except ValueError as error:
        raise FormatError("the painted mask must hold lengths of runs in base 36. Paint it again.") from error
    if sum(runs) > width * rows or min(runs, default=0) < 0:
        raise FormatError(
            f"the runs of the painted mask must fit into {width}x{rows} pixels. Paint it again."
        )
    values = np.arange(len(runs)) % 2 == 1
    flat = np.zeros(width * rows, dtype=np.float32)
    painted = np.repeat(values, runs)
    flat[: len(painted)] = painted
    mask = torch.from_numpy(flat).reshape(1, 1, rows, width)
    if rows == height:
        return mask[0, 0]
    mode = "area" if height < rows else "bilinear"
    padded = torch.cat((mask[..., -1:], mask, mask[..., :1]), -1) if mode == "bilinear" else mask
    if mode == "area":
        return torch.nn.functional.interpolate(padded, (height, 2 * height), mode="area")[0, 0]
    columns = (torch.arange(2 * height) + 0.5) / (2 * height) * width + 0.5  # in the padded picture
    wide = torch.nn.functional.interpolate(padded, (height, width + 2), mode="bilinear", align_corners=False)[
        0, 0
    ]
    low = columns.floor().long().clamp(0, width)
    return torch.lerp(wide[:, low], wide[:, low + 1], columns - low)


def write_painted_mask(mask: Tensor) -> str:  # [H, 2H] bool
    """Return the text that `parse_painted_mask` reads."""
    rows, width = mask.shape
    flat = mask.flatten().to(torch.int8).numpy()
    edges = np.flatnonzero(np.diff(np.concatenate(([0], flat)))).tolist()
    if not edges:
        return ""
    runs = np.diff([0, *edges, len(flat)]).tolist()
    return f"mask1:{width}x{rows}:" + ",".join(np.base_repr(run, 36).lower() for run in runs)
