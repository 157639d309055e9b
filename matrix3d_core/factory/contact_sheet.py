"""Contact sheets: the first frame of every clip of a folder of shards, with its key and caption, to look at."""

from __future__ import annotations

import io
import textwrap
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from ..io.atomic import open_atomically
from .shards import read_first_frames

__all__ = ["write_contact_sheets"]

_COLUMNS, _ROWS = 4, 6
_WIDTH, _TEXT_PX, _LINES, _GAP = 360, 13, 4, 8


def write_contact_sheets(folder: Path | str) -> list[Path]:
    """Write ``contact_sheet_000.jpg`` and so on into a folder of shards, 24 clips on each.

    Raises:
        FormatError: when a shard or the index is damaged.
        DiskError: when the disk refuses a file.
    """
    folder = Path(folder)
    sheets: list[list[Image.Image]] = []
    for number, (key, frame, caption) in enumerate(read_first_frames(folder)):
        if number % (_COLUMNS * _ROWS) == 0:
            sheets.append([])
        sheets[-1].append(_cell(key, frame, caption))
    paths = []
    for number, cells in enumerate(sheets):
        width, height = cells[0].size
        rows = -(-len(cells) // _COLUMNS)
        columns = min(_COLUMNS, len(cells))
        sheet = Image.new("RGB", (columns * (width + _GAP) + _GAP, rows * (height + _GAP) + _GAP), "white")
        for place, cell in enumerate(cells):
            row, column = divmod(place, _COLUMNS)
            sheet.paste(cell, (_GAP + column * (width + _GAP), _GAP + row * (height + _GAP)))
        buffer = io.BytesIO()
        sheet.save(buffer, format="JPEG", quality=90)
        paths.append(folder / f"contact_sheet_{number:03d}.jpg")
        with open_atomically(paths[-1]) as file:
            file.write(buffer.getvalue())
    return paths


def _cell(key: str, frame: bytes, caption: str) -> Image.Image:
    cell = Image.new("RGB", (_WIDTH, _WIDTH // 2 + (_LINES + 1) * (_TEXT_PX + 3) + 4), "white")
    with Image.open(io.BytesIO(frame), formats=("JPEG", "PNG")) as picture:
        cell.paste(picture.convert("RGB").resize((_WIDTH, _WIDTH // 2), Image.Resampling.LANCZOS), (0, 0))
    draw = ImageDraw.Draw(cell)
    y = _WIDTH // 2 + 3
    lines = textwrap.wrap(caption, width=54, max_lines=_LINES, placeholder=" ...")
    for line, color in ((key, "black"), *((line, "#444444") for line in lines)):
        draw.text((0, y), line, fill=color, font=ImageFont.load_default(_TEXT_PX))
        y += _TEXT_PX + 3
    return cell
