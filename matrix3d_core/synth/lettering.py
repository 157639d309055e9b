"""Words as pixels, for signs and posters."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..errors import InvalidInput

__all__ = ["lettering"]


def lettering(words: str, color: Sequence[float], background: Sequence[float]) -> np.ndarray:  # [H, W, 3]
    """Draw words in one or more lines with a margin.

    Args:
        words: lines end with a newline; at most 400 characters.
        color: of the letters, linear light.
        background: of the rest, linear light.

    Returns:
        ``[H, W, 3]`` uint8 display color, 64 pixels a line.
    """
    from PIL import Image, ImageDraw, ImageFont

    if not words.strip() or len(words) > 400:
        raise InvalidInput(f"words must have 1 to 400 characters; got {len(words)}.")
    font = ImageFont.load_default(size=52)
    left, top, right, bottom = ImageDraw.Draw(Image.new("L", (1, 1))).multiline_textbbox(
        (0, 0), words, font=font
    )
    size = (int(right - left) + 48, int(bottom - top) + 40)
    mask = Image.new("L", size)
    ImageDraw.Draw(mask).multiline_text((24 - left, 20 - top), words, fill=255, font=font, align="center")
    share = np.asarray(mask, np.float64)[..., None] / 255
    linear = share * np.asarray(color, np.float64) + (1 - share) * np.asarray(background, np.float64)
    return np.round(255 * np.clip(linear, 0, 1) ** (1 / 2.2)).astype(np.uint8)
