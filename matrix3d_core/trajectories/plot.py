"""A picture of a camera path in its scene: from above and from the side. Drawn with Pillow only."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from ..errors import InvalidInput
from ..geometry.spherical import erp_directions
from ..scene.panorama import PanoramaGeometry
from ..scene.trajectory import Trajectory
from .placement import in_panorama_frame

__all__ = ["plot_trajectory"]

_BACKGROUND = (19, 21, 26)
_PANEL = (27, 30, 37)
_GRID = (41, 45, 54)
_AXIS = (66, 72, 86)
_TEXT = (176, 184, 198)
_BRIGHT = (232, 236, 243)
_START_COLOR, _END_COLOR = (92, 200, 255), (255, 196, 84)
_COLLISION = (255, 74, 74)
_SUPERSAMPLING = 2
_MAX_POINTS = 120_000


@dataclass(frozen=True)
class _View:
    """One panel: which world axes it shows and its position in the picture, in drawn pixels."""

    title: str
    across: int  # world axis drawn to the right
    up: int  # world axis drawn upwards ...
    up_sign: float  # ... with this sign
    labels: tuple[str, str]
    left: float
    top: float
    size: float
    center: Tensor  # [2] world coordinates in the middle
    span: float  # world units across the panel

    def to_px(self, points: Tensor) -> Tensor:  # [N, 3] -> [N, 2]
        scale = self.size / self.span
        x = self.left + self.size / 2 + (points[:, self.across] - self.center[0]) * scale
        y = self.top + self.size / 2 - (self.up_sign * points[:, self.up] - self.center[1]) * scale
        return torch.stack((x, y), dim=-1)


def plot_trajectory(
    trajectory: Trajectory,
    geometry: PanoramaGeometry | None = None,
    *,
    height_px: int = 512,
    colliding_frames: tuple[int, ...] = (),
) -> Tensor:  # [H, W, 3]
    """Draw a camera path from above (left) and from the right-hand side (right).

    The scene is drawn as dots in the panorama's colors, dimmer the farther they are above or below
    the cameras (seen from above) or to the left or right of them (seen from the side). The path
    runs from blue to orange, with dots and viewing wedges at some frames; colliding frames are red.

    Args:
        trajectory: the path; with geometry it is drawn in the panorama's frame.
        geometry: the panorama around it, if there is one.
        height_px: height of the picture, 128 or more; it is about twice as wide.
        colliding_frames: frames to mark.

    Returns:
        ``[height_px, W, 3]`` float32 in [0, 1].
    """
    if height_px < 128:
        raise InvalidInput(f"height_px must be at least 128; got {height_px}.")
    if any(not 0 <= frame < len(trajectory) for frame in colliding_frames):
        raise InvalidInput(f"colliding_frames must lie in 0..{len(trajectory) - 1}; got {colliding_frames}.")
    if geometry is not None:
        trajectory = in_panorama_frame(trajectory)
    text_px = max(9, round(height_px / 36))
    margin = round(0.7 * text_px)
    top = round(2.0 * text_px)
    size = height_px - top - margin - round(2.2 * text_px)
    width_px = 2 * size + 3 * margin
    views = _views(trajectory, geometry, size, top, margin)

    s = _SUPERSAMPLING
    canvas = np.empty((height_px * s, width_px * s, 3), dtype=np.uint8)
    canvas[:] = _BACKGROUND
    big = [_enlarged(view, s) for view in views]
    for view in big:
        box = (int(view.top), int(view.left), int(view.size))
        canvas[box[0] : box[0] + box[2], box[1] : box[1] + box[2]] = _PANEL
    picture = Image.fromarray(canvas)
    for view in big:
        _draw_grid(ImageDraw.Draw(picture), view, s)
    if geometry is not None:
        canvas = np.array(picture)
        for view in big:
            _draw_points(canvas, view, geometry, trajectory.centers)
        picture = Image.fromarray(canvas)
    for view in big:
        panel = picture.crop(_box(view))
        _draw_path(ImageDraw.Draw(panel), view, trajectory, frozenset(colliding_frames), height_px * s)
        picture.paste(panel, _box(view)[:2])
    picture = picture.resize((width_px, height_px), Image.Resampling.LANCZOS)
    _draw_labels(ImageDraw.Draw(picture), views, trajectory, colliding_frames, geometry, text_px, margin)
    return torch.from_numpy(np.array(picture)).to(torch.float32) / 255


def _views(
    trajectory: Trajectory, geometry: PanoramaGeometry | None, size: int, top: int, margin: int
) -> tuple[_View, _View]:
    """Choose one scale for both panels: the whole path with room around it, and some of the scene."""
    centers = trajectory.centers
    low, high = centers.amin(0), centers.amax(0)
    extent = float((high - low).max())
    span = 1.5 * extent
    if geometry is not None:
        seen = geometry.depth_ray[~geometry.is_sky]
        around = 2.2 * float((seen if seen.numel() else geometry.depth_ray).median())
        span = max(span, min(around, 5.0 * extent) if extent > 0 else around)
    span = span if span > 0 else 2.0
    middle = (low + high) / 2
    above = torch.stack((middle[0], middle[2]))
    side = torch.stack((middle[2], -middle[1]))
    return (
        _View("from above", 0, 2, 1.0, ("x right", "z forward"), margin, top, size, above, span),
        _View("from the side", 2, 1, -1.0, ("z forward", "y up"), 2 * margin + size, top, size, side, span),
    )


def _enlarged(view: _View, factor: int) -> _View:
    return _View(
        view.title,
        view.across,
        view.up,
        view.up_sign,
        view.labels,
        view.left * factor,
        view.top * factor,
        view.size * factor,
        view.center,
        view.span,
    )


def _box(view: _View) -> tuple[int, int, int, int]:
    left, top, size = int(view.left), int(view.top), int(view.size)
    return left, top, left + size, top + size


def _round_step(span: float) -> float:
    """A round number near a fifth of the span: 1, 2 or 5 times a power of ten."""
    raw = span / 5
    power = 10 ** math.floor(math.log10(raw))
    result: float = next(f * power for f in (1, 2, 5, 10) if f * power >= raw * 0.999)
    return result


def _draw_grid(draw: Any, view: _View, line: int) -> None:
    step, half = _round_step(view.span), view.span / 2
    scale = view.size / view.span
    for axis in (0, 1):
        middle = float(view.center[axis])
        for k in range(math.ceil((middle - half) / step), math.floor((middle + half) / step) + 1):
            offset = (k * step - middle) * scale
            color = _AXIS if k == 0 else _GRID
            if axis == 0:
                x = view.left + view.size / 2 + offset
                draw.line((x, view.top, x, view.top + view.size - 1), fill=color, width=line)
            else:
                y = view.top + view.size / 2 - offset
                draw.line((view.left, y, view.left + view.size - 1, y), fill=color, width=line)


def _draw_points(canvas: np.ndarray, view: _View, geometry: PanoramaGeometry, centers: Tensor) -> None:
    """Paint the scene's surface as small dots into one panel, the dim ones first."""
    stride = max(1, math.ceil(math.sqrt(geometry.height * geometry.width / _MAX_POINTS)))
    depth = geometry.depth_ray.cpu()[::stride, ::stride].numpy()
    directions = erp_directions(geometry.height, geometry.width)[::stride, ::stride].numpy()
    near, far = _squares(depth).min(0), _squares(depth).max(0)
    is_sky = _squares(geometry.is_sky.cpu()[::stride, ::stride].numpy()).any(0)
    is_surface = (far <= 1.25 * near) & ~is_sky
    corners = _squares(directions * depth[..., None])[:, is_surface]
    px = view.to_px(torch.from_numpy(corners.reshape(-1, 3))).numpy().reshape(4, -1, 2).astype(np.float32)
    left, top, right, bottom = _box(view)
    low_corner, high_corner = np.array([left, top]), np.array([right, bottom])
    seen = ((px.max(0) >= low_corner) & (px.min(0) <= high_corner)).all(-1)
    px, corners = px[:, seen], corners[:, seen]
    if not len(px[0]):
        return
    rgb = geometry.rgb.cpu()[::stride, ::stride][:-1].numpy()[is_surface][seen].clip(0, 1)

    hidden = ({0, 1, 2} - {view.across, view.up}).pop()
    low, high = float(centers[:, hidden].min()), float(centers[:, hidden].max())
    level = corners[..., hidden].mean(0)
    away = (low - level).clip(min=0) + (level - high).clip(min=0)
    strength = 0.36 + 0.52 * np.exp(-away / (0.1 * view.span))
    shade = (0.65 * rgb + 0.35 * rgb.mean(-1, keepdims=True)) * 180 + 50  # dark gray, not black
    color = (_PANEL + (shade - _PANEL) * strength[:, None]).round().astype(np.uint8)

    dot = max(2, round(view.size / 300))
    place, square = _fill(px, 0.7 * dot)
    inside = ((place >= low_corner) & (place < high_corner)).all(-1)
    place, square = place[inside], square[inside]
    # Among equals, points nearer to the viewer (above, or on the right-hand side) cover the others.
    towards = level if view.across == 2 else -level
    rank = np.lexsort((towards, strength)).argsort()
    order = rank[square].argsort(kind="stable")
    columns, rows = place[order].astype(np.int64).T
    painted = color[square[order]]
    for down in range(dot):
        for across in range(dot):
            canvas[np.minimum(rows + down, bottom - 1), np.minimum(columns + across, right - 1)] = painted


def _squares(grid: np.ndarray) -> np.ndarray:  # [h, w, ...] -> [4, h - 1, w, ...]
    """The four corners of each square of neighboring pixels: here, right, below, below right."""
    right = np.roll(grid, -1, axis=1)
    return np.stack((grid[:-1], right[:-1], grid[1:], right[1:]))


def _fill(px: np.ndarray, spacing: float) -> tuple[np.ndarray, np.ndarray]:  # [4, Q, 2] -> [N, 2], [N]
    """Spread points over squares given by their corners in the drawing, about ``spacing`` apart.

    Returns:
        The points and the square each belongs to.
    """
    powers = []
    for one, other in ((px[1] - px[0], px[3] - px[2]), (px[2] - px[0], px[3] - px[1])):
        length = np.maximum(np.hypot(*one.T), np.hypot(*other.T))
        powers.append(np.ceil(np.log2(np.maximum(length / spacing, 1))).clip(0, 6).astype(np.int64))
    code = powers[0] * 8 + powers[1]
    places, squares = [], []
    for kind in np.unique(code):
        which = np.flatnonzero(code == kind)
        across, down = ((np.arange(2**power, dtype=np.float32) + 0.5) / 2**power for power in divmod(kind, 8))
        a, b, c, d = px[:, which, None, None]  # each [q, 1, 1, 2]
        upper, lower = a + (b - a) * across[:, None], c + (d - c) * across[:, None]
        filled = upper + (lower - upper) * down[:, None, None]  # [q, down, across, 2]
        places.append(filled.reshape(-1, 2))
        squares.append(which.repeat(len(down) * len(across)))
    return np.concatenate(places), np.concatenate(squares)


def _draw_path(draw: Any, view: _View, trajectory: Trajectory, red: frozenset[int], height: int) -> None:
    """Draw into the cropped panel, clipped to it."""
    unit = height / 512
    offset = torch.tensor([int(view.left), int(view.top)], dtype=torch.float64)
    px = (view.to_px(trajectory.centers) - offset).tolist()
    count = len(px)
    line = max(2, round(2.8 * unit))
    for frame in range(count - 1):
        draw.line((*px[frame], *px[frame + 1]), fill=_BACKGROUND, width=line + round(3 * unit))
    for frame in range(count - 1):
        color = _COLLISION if frame in red or frame + 1 in red else _mix(frame / (count - 1))
        draw.line((*px[frame], *px[frame + 1]), fill=color, width=line, joint="curve")
    marked = sorted({round(k * (count - 1) / 8) for k in range(9)})
    scale = view.size / view.span
    flat = torch.stack(
        (trajectory.forwards[:, view.across], -view.up_sign * trajectory.forwards[:, view.up]), dim=-1
    )
    for frame in marked:
        color = _COLLISION if frame in red else _mix(frame / max(1, count - 1))
        _draw_wedge(draw, px[frame], flat[frame], min(26 * unit, 0.12 * view.span * scale), color, unit)
    for frame in range(count):
        if frame in red or frame % max(1, round(count / 27)) == 0:
            color = _COLLISION if frame in red else _mix(frame / max(1, count - 1))
            _dot(draw, px[frame], (2.6 if frame in red else 1.9) * unit, color)
    _dot(draw, px[0], 5.5 * unit, _START_COLOR, outline=_BRIGHT, width=round(1.4 * unit))
    x, y = px[-1]
    r = 5.0 * unit
    if count > 1:
        fill = _COLLISION if count - 1 in red else _END_COLOR
        draw.rectangle(
            (x - r, y - r, x + r, y + r), fill=None, outline=_BRIGHT, width=max(2, round(3 * unit))
        )
        draw.rectangle((x - r, y - r, x + r, y + r), fill=None, outline=fill, width=max(1, round(1.8 * unit)))


def _draw_wedge(
    draw: Any, at: list[float], direction: Tensor, length: float, color: tuple[int, int, int], unit: float
) -> None:
    """A viewing wedge, as long as the viewing direction projected to the drawing plane."""
    x, y = (direction * length).tolist()
    if math.hypot(x, y) < 0.15 * length:
        return
    side = 0.42
    tips = [(at[0] + x - side * y, at[1] + y + side * x), (at[0] + x + side * y, at[1] + y - side * x)]
    faint = tuple(round(0.85 * c + 0.15 * p) for c, p in zip(color, _PANEL, strict=True))
    draw.line((tuple(at), tips[0], tips[1], tuple(at)), fill=faint, width=max(1, round(1.3 * unit)))


def _dot(draw: Any, at: list[float], radius: float, color: tuple[int, int, int], **outline: Any) -> None:
    x, y = at
    draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=color, **outline)


def _mix(fraction: float) -> tuple[int, int, int]:
    r, g, b = (round(s + (e - s) * fraction) for s, e in zip(_START_COLOR, _END_COLOR, strict=True))
    return r, g, b


def _draw_labels(
    draw: Any,
    views: tuple[_View, _View],
    trajectory: Trajectory,
    red: tuple[int, ...],
    geometry: PanoramaGeometry | None,
    text_px: int,
    margin: int,
) -> None:
    font, small = ImageFont.load_default(text_px), ImageFont.load_default(max(8, round(0.86 * text_px)))
    unit = "m" if (geometry.is_metric if geometry is not None else trajectory.is_metric) else "units"
    pad = round(0.5 * text_px)
    for view in views:
        draw.text((view.left, view.top - pad), view.title, font=font, fill=_BRIGHT, anchor="ls")
        right, bottom = view.left + view.size - pad, view.top + view.size - pad
        across, up = view.labels
        arm = text_px
        draw.text((right - 1.6 * arm, bottom), across, font=small, fill=_TEXT, anchor="rs")
        _draw_arrow(draw, (right - 1.2 * arm, bottom - 0.3 * arm), (1.2 * arm, 0.0))
        start = (view.left + 0.8 * arm, view.top + pad + 1.2 * arm)
        _draw_arrow(draw, start, (0.0, -1.2 * arm))
        draw.text((view.left + 1.6 * arm, view.top + pad), up, font=small, fill=_TEXT, anchor="lt")
        _draw_scale_bar(draw, view, small, unit, pad)
    first = views[0]
    summary = f"{trajectory.name}: {len(trajectory)} frames, length {trajectory.length:.3g} {unit}"
    y = first.top + first.size + round(1.35 * text_px)
    draw.text((first.left, y), summary, font=font, fill=_TEXT, anchor="ls")
    _draw_legend(draw, views[1], red, font, y, text_px)


def _draw_scale_bar(draw: Any, view: _View, font: Any, unit: str, pad: int) -> None:
    step = _round_step(view.span)
    length = step / view.span * view.size
    x, y = view.left + pad, view.top + view.size - pad
    draw.line((x, y, x + length, y), fill=_BRIGHT, width=2)
    for end in (x, x + length):
        draw.line((end, y - 4, end, y), fill=_BRIGHT, width=2)
    draw.text((x + 2, y - 6), f"{step:g} {unit}", font=font, fill=_BRIGHT, anchor="ls")


def _draw_legend(draw: Any, view: _View, red: tuple[int, ...], font: Any, y: float, text_px: int) -> None:
    entries = [("start", _START_COLOR), ("end", _END_COLOR)]
    if red:
        entries.append((f"{len(red)} colliding", _COLLISION))
    x = view.left + view.size
    for label, color in reversed(entries):
        x -= draw.textlength(label, font=font)
        draw.text((x, y), label, font=font, fill=_TEXT, anchor="ls")
        r = 0.32 * text_px
        x -= 3 * r
        center = y - 0.36 * text_px
        if label == "end":
            draw.rectangle((x - r, center - r, x + r, center + r), outline=color, width=2)
        else:
            draw.ellipse((x - r, center - r, x + r, center + r), fill=color)
        x -= 1.6 * text_px


def _draw_arrow(draw: Any, start: tuple[float, float], along: tuple[float, float]) -> None:
    (x, y), (dx, dy) = start, along
    end = (x + dx, y + dy)
    draw.line((x, y, *end), fill=_TEXT, width=1)
    for turn in (1, -1):
        back = (end[0] - 0.3 * dx + turn * 0.25 * dy, end[1] - 0.3 * dy - turn * 0.25 * dx)
        draw.line((*end, *back), fill=_TEXT, width=1)
