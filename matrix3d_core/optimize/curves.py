"""A picture of how a fit went."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

__all__ = ["draw_curves"]

_SIZE, _PAD = (320, 640), 44


def draw_curves(
    losses: Sequence[float],
    ratios: Sequence[tuple[int, float]],
    counts: Sequence[tuple[int, int]],
    steps: int,
) -> Tensor:  # [320, 640, 3]
    """Draw the loss, the held-out PSNR and the number of Gaussians over the steps.

    Args:
        losses: mean loss of equal parts of the run.
        ratios: step and PSNR in dB.
        counts: step and number of Gaussians.
        steps: length of the run.
    """
    from PIL import Image, ImageDraw

    height, width = _SIZE
    image = Image.new("RGB", (width, height), (250, 250, 248))
    draw = ImageDraw.Draw(image)
    box = (_PAD, 28, width - 16, height - 30)
    draw.rectangle(box, outline=(190, 190, 186))
    series: list[tuple[str, tuple[int, int, int], list[tuple[float, float]], str]] = []
    if losses:
        at = [(k + 0.5) / len(losses) * max(steps, 1) for k in range(len(losses))]
        series.append(("loss", (196, 78, 46), list(zip(at, losses, strict=True)), "{:.4f}"))
    series.append(("held-out PSNR, dB", (38, 110, 170), [(float(s), v) for s, v in ratios], "{:.1f}"))
    series.append(("splats", (90, 150, 80), [(float(s), float(v)) for s, v in counts], "{:.0f}"))
    x = float(_PAD)
    for name, color, points, form in series:
        if not points:
            continue
        values = [v for _, v in points]
        label = f"{name}: {form.format(values[0])} to {form.format(values[-1])}"
        draw.text((x, 8), label, fill=color)
        x += draw.textlength(label) + 22
        low, high = min(values), max(values)
        room = (high - low) or 1.0
        line = [
            (
                box[0] + s / max(steps, 1) * (box[2] - box[0]),
                box[3] - 6 - (v - low) / room * (box[3] - box[1] - 12),
            )
            for s, v in points
        ]
        _line(draw, line, color)
    draw.text((box[0], height - 22), "0", fill=(110, 110, 108))
    end = f"{steps} steps"
    draw.text((box[2] - draw.textlength(end), height - 22), end, fill=(110, 110, 108))
    return torch.from_numpy(np.asarray(image, np.float32) / 255)


def _line(draw: Any, points: list[tuple[float, float]], color: tuple[int, int, int]) -> None:
    if len(points) > 1:
        draw.line(points, fill=color, width=2)
    for px, py in points:
        draw.ellipse((px - 2, py - 2, px + 2, py + 2), fill=color)
