"""Selections as lists of operations: what was clicked, boxed, lassoed and brushed in a viewer."""

from __future__ import annotations

import json
import math
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from ..errors import FormatError, InvalidInput
from ..progress import ProgressEvent, ProgressFn, no_progress
from ..raster.camera_view import render_view
from ..scene.camera import Pinhole
from ..scene.gaussians import Gaussians
from ..scene.labels import check_instance_names
from ..scene.trajectory import Trajectory
from ..strict_json import brief, parse_json
from .labeling import find_instance, label_gaussians, mask_votes
from .picking import object_at
from .selection import inside_shape

__all__ = [
    "OPERATIONS",
    "SELECTION_MODES",
    "SelectionOperation",
    "Selector",
    "name_selection",
    "parse_operations",
]

OPERATIONS = ("click", "box", "sphere", "lasso", "brush", "all")
SELECTION_MODES = ("add", "subtract", "replace")
"""What an operation does with the selection before it."""

VERSION = 1
MOST_OPERATIONS = 200
MOST_POINTS = 4000
MOST_CHARACTERS = 400_000
_FARTHEST = 1e6  # world units
_ROWS = (192, 1024)  # of the picture on which a lasso or a brush is drawn
_PX_PER_SPLAT = 4.0
_MARGIN = 0.25  # around what is drawn, of its size
_BEHIND = 0.02  # of the distance: hidden splats this close behind the surface are selected with it


class _Choice(Protocol):
    """What an operation points at."""

    def choose(self, gaussians: Gaussians) -> Tensor: ...  # [N] bool


@dataclass(frozen=True)
class SelectionOperation:
    """One operation.

    Attributes:
        kind: one of `OPERATIONS`.
        mode: one of `SELECTION_MODES`.
        choice: what it points at.
        key: canonical text; equal operations choose the same.
    """

    kind: str
    mode: str
    choice: _Choice
    key: str


class Selector:
    """Resolves operations on one world. What an operation chooses is kept, so undoing and adding is fast."""

    def __init__(self, gaussians: Gaussians, start: Tensor | None = None) -> None:
        """Take the world, on the CPU, and what is selected before the first operation: ``[N]`` bool."""
        self.gaussians = gaussians
        self._start = torch.zeros(len(gaussians), dtype=torch.bool) if start is None else start
        self._kept: OrderedDict[str, np.ndarray[Any, Any]] = OrderedDict()

    def resolve(
        self, operations: Sequence[SelectionOperation], *, progress: ProgressFn = no_progress
    ) -> Tensor:  # [N] bool
        """Return which Gaussians are selected after these operations.

        Args:
            operations: in order.
            progress: called before each operation.
        """
        chosen = self._start.clone()
        for number, operation in enumerate(operations):
            progress(ProgressEvent(number, len(operations), "select splats"))
            found = self._find(operation)
            if operation.mode == "replace":
                chosen = found
            elif operation.mode == "add":
                chosen = chosen | found
            else:
                chosen = chosen & ~found
        return chosen

    def _find(self, operation: SelectionOperation) -> Tensor:
        kept = self._kept.get(operation.key)
        if kept is None:
            kept = np.packbits(operation.choice.choose(self.gaussians).numpy())
            self._kept[operation.key] = kept
            while len(self._kept) > MOST_OPERATIONS:
                self._kept.popitem(last=False)
        self._kept.move_to_end(operation.key)
        return torch.from_numpy(np.unpackbits(kept, count=len(self.gaussians)).astype(bool))


@dataclass(frozen=True)
class _All:
    """Everything."""

    def choose(self, gaussians: Gaussians) -> Tensor:
        return torch.ones(len(gaussians), dtype=torch.bool)


@dataclass(frozen=True)
class _Click:
    """A ray from the eye."""

    origin: tuple[float, ...]
    direction: tuple[float, ...]
    tolerance: float

    def choose(self, gaussians: Gaussians) -> Tensor:
        return object_at(
            gaussians,
            torch.tensor(self.origin, dtype=torch.float64),
            torch.tensor(self.direction, dtype=torch.float64),
            tolerance=self.tolerance,
        )


@dataclass(frozen=True)
class _Solid:
    """A box or a sphere; see `inside_shape`."""

    shape: str
    place: Mapping[str, Any]

    def choose(self, gaussians: Gaussians) -> Tensor:
        return inside_shape(gaussians.means, self.shape, **self.place)


@dataclass(frozen=True)
class _Drawing:
    """Lines on a view: the border of an area, or strokes.

    Attributes:
        camera_from_world: ``[4, 4]`` float64.
        fov_y_rad: vertical field of view.
        aspect: width over height.
        lines: ``[P, 2]`` each, x and y as fractions of width and height.
        radius: of the strokes, as a fraction of the height; None: one line around an area.
        through: also what is hidden.
    """

    camera_from_world: Tensor
    fov_y_rad: float
    aspect: float
    lines: tuple[Tensor, ...]
    radius: float | None
    through: bool

    def choose(self, gaussians: Gaussians) -> Tensor:
        nothing = torch.zeros(len(gaussians), dtype=torch.bool)
        window = self._window()
        local = gaussians.means.detach().double() @ self.camera_from_world[:3, :3].T
        local = local + self.camera_from_world[:3, 3]
        place = self._fractions(local)
        low, high = window
        is_inside = ((place >= low) & (place <= high)).all(-1)
        if not bool(is_inside.any()):
            return nothing
        lens = self._lens(window, int(is_inside.sum()))
        mask = self.rasterize(window, lens.size_px)
        cell = (place - low) / (high - low) * torch.tensor((lens.width, lens.height), dtype=torch.float64)
        column, row = cell.nan_to_num(0, 0, 0).long().unbind(-1)
        drawn = mask[row.clamp(0, lens.height - 1), column.clamp(0, lens.width - 1)] & is_inside
        if self.through:
            return drawn
        path = Trajectory(self.camera_from_world[None], K_px=lens.K_px[None], image_size_px=lens.size_px)
        votes = mask_votes(gaussians, mask[None].float(), path)
        # A surface is thicker than its first splat: what is barely seen is chosen by its center.
        seen = render_view(gaussians.detach(), self.camera_from_world, lens)
        surface, _ = lens.lookup(seen.depth_ray.double(), local)
        is_front = local.norm(dim=-1) <= (1 + _BEHIND) * surface + 2 * gaussians.scales.detach().amax(-1)
        barely = votes.seen < 0.5
        chosen: Tensor = votes.chosen() | (drawn & is_front & barely)
        return chosen

    def rasterize(self, window: tuple[Tensor, Tensor], size_px: tuple[int, int]) -> Tensor:  # [H, W] bool
        """Return the pixels of a window of the view whose centers are inside of the line, or within the strokes."""
        low, high = window
        rows, columns = size_px
        x = low[0] + (torch.arange(columns, dtype=torch.float64) + 0.5) / columns * (high[0] - low[0])
        y = low[1] + (torch.arange(rows, dtype=torch.float64) + 0.5) / rows * (high[1] - low[1])
        mask = torch.zeros(rows, columns, dtype=torch.bool)
        if self.radius is None:
            line = self.lines[0]
            for start, end in zip(line, line.roll(-1, 0), strict=True):
                crossed = (start[1] > y) != (end[1] > y)
                if bool(crossed.any()):
                    at = start[0] + (y[crossed] - start[1]) / (end[1] - start[1]) * (end[0] - start[0])
                    mask[crossed] ^= x[None] < at[:, None]
            return mask
        x = x * self.aspect
        for line in self.lines:
            points = line * torch.tensor((self.aspect, 1.0), dtype=torch.float64)
            for start, end in zip(points, torch.cat((points[1:], points[-1:])), strict=True):
                way = end - start
                share = ((x[None] - start[0]) * way[0] + (y[:, None] - start[1]) * way[1]) / max(
                    float(way @ way), 1e-18
                )
                share = share.clamp(0, 1)
                off = (x[None] - start[0] - share * way[0]).square() + (
                    y[:, None] - start[1] - share * way[1]
                ).square()
                mask |= off <= self.radius**2
        return mask

    def _window(self) -> tuple[Tensor, Tensor]:
        """Return the corners of the part of the view with the drawing and some margin, as fractions."""
        points = torch.cat(self.lines)
        wide = (self.radius or 0.0) * torch.tensor((1 / self.aspect, 1.0), dtype=torch.float64)
        low, high = points.amin(0) - wide, points.amax(0) + wide
        margin = (_MARGIN * (high - low)).clamp_min(0.01)
        return (low - margin).clamp(0, 1), (high + margin).clamp(0, 1)

    def _fractions(self, local: Tensor) -> Tensor:  # [N, 3] -> [N, 2]
        """Return where points are in the view; infinite behind the camera."""
        half = math.tan(self.fov_y_rad / 2)
        depth = local[:, 2:]
        spread = torch.tensor((half * self.aspect, half), dtype=torch.float64)
        return torch.where(depth > 0, 0.5 + 0.5 * local[:, :2] / (depth * spread), math.inf)

    def _lens(self, window: tuple[Tensor, Tensor], count: int) -> Pinhole:
        """Return the camera of a window, with some pixels for each of its Gaussians."""
        low, high = window
        size = (high - low) * torch.tensor((self.aspect, 1.0), dtype=torch.float64)
        wide = float(size[0] / size[1])
        rows = math.sqrt(_PX_PER_SPLAT * count / wide)
        rows = int(min(max(rows, _ROWS[0]), _ROWS[1], _ROWS[1] / wide))
        rows = max(16, rows)
        columns = max(16, round(rows * wide))
        half = math.tan(self.fov_y_rad / 2)
        whole = torch.tensor((columns, rows), dtype=torch.float64) / (high - low)  # pixels of the whole view
        fx, fy = (whole / 2 / torch.tensor((half * self.aspect, half), dtype=torch.float64)).tolist()
        cx, cy = ((0.5 - low) * whole).tolist()
        K_px = torch.tensor(((fx, 0, cx), (0, fy, cy), (0, 0, 1)), dtype=torch.float64)
        return Pinhole((rows, columns), K_px)


def name_selection(gaussians: Gaussians, chosen: Tensor, name: str) -> Gaussians:
    """Return the world with an instance of that name that holds the chosen Gaussians and no others.

    Args:
        gaussians: the world.
        chosen: ``[N]`` bool; nothing chosen returns the world as it is.
        name: of the instance, see `check_instance_names`.

    Raises:
        InvalidInput: for a name that is no line of text.
    """
    check_instance_names({1: name})
    if not bool(chosen.any()):
        return gaussians
    left = (gaussians.label("instances") == find_instance(gaussians, name)) & ~chosen
    if bool(left.any()):
        gaussians = label_gaussians(gaussians, left, instance="")
    return label_gaussians(gaussians, chosen, instance=name)


def parse_operations(text: str, *, source: str = "operations") -> list[SelectionOperation]:
    """Parse what the viewer stores: JSON with ``operations`` and ``applied``, how many of them count.

    Those beyond ``applied`` (all count without it) have been undone; they are checked as well. Each has ``op`` (one of
    `OPERATIONS`) and ``mode`` (one of `SELECTION_MODES`, ``add`` without it), in world units and degrees, OpenCV axes:

    - click: ``origin`` and ``direction`` of a ray, ``tolerance`` of colors (see `region_around`).
    - box: ``center``, ``size``, ``yaw``. sphere: ``center``, ``radius``.
    - lasso: ``camera`` (16 numbers, world-to-camera row by row), ``fov`` (vertical), ``aspect`` (width over height),
      ``points`` ([x, y] as fractions of the picture), ``through`` (also what is hidden).
    - brush: the same with ``strokes``, a list of such points each, and ``radius``, a fraction of the picture's height.
    - all: everything; with ``subtract`` nothing.

    Empty text means no operations.

    Raises:
        FormatError: naming the line of a syntax error, or the operation that is wrong.
    """
    if len(text) > MOST_CHARACTERS:
        raise FormatError(
            f"{source}: must be at most {MOST_CHARACTERS} characters; got {len(text)}. Undo or clear some."
        )
    if not text.strip():
        return []
    data = parse_json(text, source=source)
    if not isinstance(data, Mapping):
        raise FormatError(f"{source}: must be an object with operations and applied; got {brief(data)}.")
    if data.get("version", VERSION) != VERSION:
        raise FormatError(f"{source}: version must be {VERSION}; got {brief(data['version'])}. Select again.")
    listed = data.get("operations", [])
    if not isinstance(listed, list) or len(listed) > MOST_OPERATIONS:
        got = len(listed) if isinstance(listed, list) else brief(listed)
        raise FormatError(f"{source}: operations must be a list of at most {MOST_OPERATIONS}; got {got}.")
    applied = data.get("applied", len(listed))
    if isinstance(applied, bool) or not isinstance(applied, int) or not 0 <= applied <= len(listed):
        raise FormatError(f"{source}: applied must lie in 0..{len(listed)}; got {brief(applied)}.")
    return [_operation(f"{source}: operation {n}", one) for n, one in enumerate(listed)][:applied]


def _operation(source: str, value: Any) -> SelectionOperation:
    if not isinstance(value, Mapping):
        raise FormatError(f"{source} must be an object; got {brief(value)}.")
    kind, mode = value.get("op"), value.get("mode", SELECTION_MODES[0])
    if kind not in OPERATIONS:
        raise FormatError(f"{source}: op must be one of {', '.join(OPERATIONS)}; got {brief(kind)}.")
    if mode not in SELECTION_MODES:
        raise FormatError(f"{source}: mode must be one of {', '.join(SELECTION_MODES)}; got {brief(mode)}.")
    fields = _Fields(source, value)
    choice: _Choice
    if kind == "all":
        choice = _All()
    elif kind == "click":
        direction = fields.numbers("direction", 3)
        if not any(direction):
            raise FormatError(f"{source}: direction must not be 0.")
        choice = _Click(fields.numbers("origin", 3), direction, fields.number("tolerance", 0.01, 1, 0.15))
    elif kind == "box":
        size = fields.numbers("size", 3)
        if not min(size) > 0:
            raise FormatError(f"{source}: size must be positive; got {brief(value.get('size'))}.")
        yaw_rad = math.radians(fields.number("yaw", -1e6, 1e6, 0.0))
        choice = _Solid("box", {"center": fields.numbers("center", 3), "size": size, "yaw_rad": yaw_rad})
    elif kind == "sphere":
        radius = fields.number("radius", 1e-6, _FARTHEST)
        choice = _Solid("sphere", {"center": fields.numbers("center", 3), "radius": radius})
    else:
        choice = _drawing(fields, kind)
    rest = {name: one for name, one in value.items() if name != "mode"}
    return SelectionOperation(kind, mode, choice, json.dumps(rest, sort_keys=True))


def _drawing(fields: _Fields, kind: str) -> _Drawing:
    camera = torch.tensor(fields.numbers("camera", 16), dtype=torch.float64).reshape(4, 4)
    try:
        Trajectory(camera[None])
    except InvalidInput as error:
        raise FormatError(f"{fields.source}: camera must be a rigid world-to-camera pose: {error}") from error
    through = fields.value.get("through", False)
    if not isinstance(through, bool):
        raise FormatError(f"{fields.source}: through must be true or false; got {brief(through)}.")
    radius: float | None = None
    if kind == "lasso":
        lines: tuple[Tensor, ...] = (fields.points("points", fields.value.get("points"), 3),)
    else:
        radius, strokes = fields.number("radius", 0.0005, 1.0), fields.value.get("strokes")
        if not isinstance(strokes, list) or not 1 <= len(strokes) <= MOST_POINTS:
            raise FormatError(f"{fields.source}: strokes must be a list of strokes; got {brief(strokes)}.")
        lines = tuple(fields.points(f"stroke {n}", one, 1) for n, one in enumerate(strokes))
        if sum(map(len, lines)) > MOST_POINTS:
            raise FormatError(f"{fields.source}: strokes must hold at most {MOST_POINTS} points together.")
    fov_y_rad = math.radians(fields.number("fov", 1, 170))
    return _Drawing(camera, fov_y_rad, fields.number("aspect", 0.05, 20), lines, radius, through)


@dataclass(frozen=True)
class _Fields:
    """The values of one operation, checked one by one."""

    source: str
    value: Mapping[str, Any]

    def number(self, name: str, low: float, high: float, default: float | None = None) -> float:
        value = self.value.get(name, default)
        if not _is_number(value) or not low <= value <= high:
            raise FormatError(f"{self.source}: {name} must lie in {low:g}..{high:g}; got {brief(value)}.")
        return float(value)

    def numbers(self, name: str, count: int) -> tuple[float, ...]:
        value = self.value.get(name)
        if not isinstance(value, list) or len(value) != count or not all(map(_is_number, value)):
            raise FormatError(
                f"{self.source}: {name} must be {count} finite numbers up to {_FARTHEST:g}; got {brief(value)}."
            )
        return tuple(map(float, value))

    def points(self, name: str, value: Any, least: int) -> Tensor:  # [P, 2]
        if not isinstance(value, list) or not least <= len(value) <= MOST_POINTS:
            raise FormatError(
                f"{self.source}: {name} must be a list of {least} to {MOST_POINTS} points; got {brief(value)}."
            )
        for point in value:
            is_point = isinstance(point, list) and len(point) == 2 and all(map(_is_number, point))
            if not is_point or not all(-1 <= part <= 2 for part in point):
                raise FormatError(
                    f"{self.source}: the points of {name} must be [x, y], fractions of the picture; got {brief(point)}."
                )
        return torch.tensor(value, dtype=torch.float64)


def _is_number(value: Any) -> bool:
    return not isinstance(value, bool) and isinstance(value, int | float) and abs(value) <= _FARTHEST
