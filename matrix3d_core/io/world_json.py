"""world.json: metadata that a splat file cannot store, in a sidecar file.

``world.spz`` has ``world.world.json``. All positions and directions in it are in the axes of the splat file, which it
names; in memory (`WorldInfo`) they are in the library's (OpenCV: x right, y down, z forward).

    {"format": "matrix3d-world", "version": 1, "file": "world.spz", "count": 300000, "axes": "RDF",
     "up": [0, -1, 0], "meters_per_unit": 1.0, "ground_height": -1.6,
     "start_pose": {"position": [0, 0, 0], "forward": [0, 0, 1], "up": [0, -1, 0]},
     "bounds": {"min": [...], "max": [...]}, "core_bounds": {"min": [...], "max": [...]},
     "coverage": {"version": 1, "origin": [-4.0, 0, -4.0], "cell": 0.5, "quality": [[0, 35, 100, ...], ...]},
     "instances": [{"number": 1, "name": "fountain", "class": "water", "count": 1200}],
     "motions": [{"number": 1, "kind": "turn", "period_s": 6, "direction": [0, 1, 0], "center": [1, 0, 2]}],
     "source": "...", "license": "..."}

``ground_height`` is along ``up`` from the origin. ``core_bounds`` hold the middle 98 % of the centers along each
axis, which excludes sky and outliers. ``coverage`` says where the world looks whole (see `scene.coverage`): percent on
a level grid, first the cell at ``origin``; rows go forward and columns to the right, as ``axes`` names these, ``cell``
units apart. ``instances`` lists the objects that the splats' labels name (`scene.labels`), for editors; what a splat is
part of is in the splat file. ``motions`` lists how they move (`scene.motion`), likewise. Unknown values are null;
files without ``coverage``, ``instances`` or ``motions`` are as good.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..checks import check_finite
from ..errors import FormatError, InvalidInput
from ..scene.coverage import CoverageMap
from ..scene.gaussians import Gaussians
from ..scene.labels import CLASSES, NO_INSTANCE
from ..scene.motion import MOST_MOTIONS, Motion, motion_from_dict, motion_to_dict
from ..scene.trajectory import Trajectory
from ..strict_json import brief, parse_json
from .atomic import open_atomically
from .axes import OPENCV, axes_matrix, is_axes

__all__ = [
    "InstanceInfo",
    "WorldInfo",
    "coverage_record",
    "describe_world",
    "find_world_info",
    "format_world_info",
    "list_instances",
    "parse_world_info",
    "sidecar_path",
    "write_world_info",
]

FORMAT_NAME, FORMAT_VERSION = "matrix3d-world", 1
COVERAGE_VERSION = 1
MAX_BYTES = 1_000_000
_MOST_INSTANCES = 5000  # that are listed
_FARTHEST = 1e12  # world units; larger values are errors
_UP = (0.0, -1.0, 0.0)

Point = tuple[float, float, float]
Box = tuple[Point, Point]


@dataclass(frozen=True)
class InstanceInfo:
    """An object of a world.

    Attributes:
        number: as the splats carry it.
        name: empty when it has none.
        label: its class, one of `scene.labels.CLASSES`, or empty.
        count: of its splats.
    """

    number: int
    name: str = ""
    label: str = ""
    count: int = 0


@dataclass(frozen=True)
class WorldInfo:
    """Metadata of a world for viewers and editors. OpenCV axes, world units.

    Attributes:
        axes: three letters, axes of the splat file (see `matrix3d_core.io.axes`).
        meters_per_unit: None when the scale is not known.
        ground_height: of the ground above the origin, along ``up``; None when it is not known.
        up: unit vector.
        start_pose: ``[4, 4]`` float64 world-to-camera, the viewer's start, or None.
        bounds: minimum and maximum of the centers, or None.
        core_bounds: the same without the outer 1 % at either end, or None.
        count: Gaussians, or None.
        source: where the world comes from, free text.
        license: free text.
        coverage: where the world looks whole, or None.
        instances: the world's objects.
        motions: how its splats move, by number.
    """

    axes: str = OPENCV
    meters_per_unit: float | None = None
    ground_height: float | None = None
    up: Point = _UP
    start_pose: Tensor | None = None
    bounds: Box | None = None
    core_bounds: Box | None = None
    count: int | None = None
    source: str = ""
    license: str = ""
    coverage: CoverageMap | None = None
    instances: tuple[InstanceInfo, ...] = ()
    motions: Mapping[int, Motion] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not is_axes(self.axes):
            raise InvalidInput(f"axes must be three of the letters R/L, U/D, F/B; got {self.axes!r}.")
        scale = self.meters_per_unit
        if scale is not None and not 0 < scale <= _FARTHEST:
            raise InvalidInput(f"meters_per_unit must be positive, at most {_FARTHEST:g}; got {scale}.")
        if not abs(math.hypot(*self.up) - 1) < 1e-3:
            raise InvalidInput(f"up must be a direction of length 1; got {list(self.up)}.")
        places = {"ground_height": [self.ground_height or 0.0]}
        places |= {key: [v for end in box or () for v in end] for key, box in self._boxes().items()}
        if self.start_pose is not None:
            places["start_pose"] = self.start_pose.flatten().tolist()
        for key, values in places.items():
            if not all(abs(value) <= _FARTHEST for value in values):  # NaN compares as false
                raise InvalidInput(f"{key} must lie within {_FARTHEST:g} units; got {values}.")
        for key, text in (("source", self.source), ("license", self.license)):
            if any("\ud800" <= letter <= "\udfff" for letter in text):
                raise InvalidInput(f"{key} must be Unicode text; it holds half of a surrogate pair.")

    def _boxes(self) -> dict[str, Box | None]:
        return {"bounds": self.bounds, "core_bounds": self.core_bounds}

    @property
    def is_metric(self) -> bool:
        """True when one unit is one meter."""
        return self.meters_per_unit == 1.0


def describe_world(
    gaussians: Gaussians,
    *,
    trajectory: Trajectory | None = None,
    axes: str = OPENCV,
    meters_per_unit: float | None = None,
    eye_height: float | None = None,
    source: str = "",
    license: str = "",
    coverage: CoverageMap | None = None,
) -> WorldInfo:
    """Collect the metadata of a world.

    Args:
        gaussians: the world, OpenCV axes.
        trajectory: its first pose is the viewer's start, and it may state that units are meters.
        axes: axes that the file will have.
        meters_per_unit: overrides the trajectory's unit.
        eye_height: of the origin above the ground, world units.
        source: where the world comes from.
        license: of the world.
        coverage: where it looks whole, see `matrix3d_core.splats.coverage`.

    Raises:
        InvalidInput: when a position is NaN, infinite or too large, or a text is not Unicode.
    """
    check_finite("means", gaussians.means)
    centers = gaussians.means.detach().cpu().numpy().astype(np.float64)
    bounds = core = None
    if len(centers):
        bounds = _box(centers.min(axis=0), centers.max(axis=0))
        core = _box(*np.quantile(centers, (0.01, 0.99), axis=0))
    if meters_per_unit is None and trajectory is not None and trajectory.is_metric:
        meters_per_unit = 1.0
    return WorldInfo(
        axes=axes,
        meters_per_unit=meters_per_unit,
        ground_height=None if eye_height is None else -eye_height,
        start_pose=None if trajectory is None else trajectory.camera_from_world[0],
        bounds=bounds,
        core_bounds=core,
        count=len(gaussians),
        source=source,
        license=license,
        coverage=coverage,
        instances=list_instances(gaussians),
        motions=gaussians.motion_table,
    )


def list_instances(gaussians: Gaussians) -> tuple[InstanceInfo, ...]:
    """Return the objects of a world that have splats, each with its commonest class."""
    if gaussians.instances is None:
        return ()
    found = []
    for number in gaussians.instances.unique().tolist()[:_MOST_INSTANCES]:
        if number != NO_INSTANCE:
            classes = gaussians.label("classes")[gaussians.instances == number]
            commonest = int(classes.mode().values)
            label = CLASSES[commonest] if commonest < len(CLASSES) else ""
            found.append(InstanceInfo(number, gaussians.instance_names.get(number, ""), label, len(classes)))
    return tuple(found)


def _box(least: np.ndarray, most: np.ndarray) -> Box:
    first, second = (tuple(float(v) for v in corner) for corner in (least, most))
    return first, second  # type: ignore[return-value]


def sidecar_path(path: str | os.PathLike[str]) -> Path:
    """Return the path of a splat file's sidecar: ``world.spz`` has ``world.world.json``."""
    path = Path(path)
    return path.with_name(f"{path.stem}.world.json")


def write_world_info(splat_file: str | os.PathLike[str], info: WorldInfo) -> Path:
    """Write the sidecar of a splat file and return its path; it appears only when complete."""
    target = sidecar_path(splat_file)
    with open_atomically(target) as file:
        file.write(format_world_info(info, file_name=Path(splat_file).name).encode())
    return target


def find_world_info(splat_file: str | os.PathLike[str]) -> WorldInfo | None:
    """Read the sidecar of a splat file; None when it has none.

    Raises:
        FormatError: when it is invalid.
    """
    path = sidecar_path(splat_file)
    if not path.is_file():
        return None
    size = path.stat().st_size
    if size > MAX_BYTES:
        raise FormatError(
            f"{path.name}: must be at most {MAX_BYTES // 1_000_000} MB; got {size / 1e6:.0f} MB."
        )
    return parse_world_info(path.read_bytes(), source=path.name)


def format_world_info(info: WorldInfo, *, file_name: str = "") -> str:
    """Return the JSON text of a sidecar."""
    turn = axes_matrix(info.axes).numpy()

    def vector(values: Any) -> list[float]:
        return [float(v) + 0.0 for v in turn @ np.asarray(values, np.float64)]

    def box(corners: Box | None) -> dict[str, list[float]] | None:
        if corners is None:
            return None
        ends = np.array([vector(corner) for corner in corners])
        return {"min": ends.min(axis=0).tolist(), "max": ends.max(axis=0).tolist()}

    start = None
    if info.start_pose is not None:
        rotation, shift = info.start_pose[:3, :3].numpy(), info.start_pose[:3, 3].numpy()
        start = {
            "position": vector(-(rotation.T @ shift)),
            "forward": vector(rotation[2]),
            "up": vector(-rotation[1]),
        }
    coverage = coverage_record(info.coverage)
    if coverage is not None:
        coverage["origin"] = vector(coverage["origin"])
    data = {
        "format": FORMAT_NAME,
        "version": FORMAT_VERSION,
        "file": file_name,
        "count": info.count,
        "axes": info.axes,
        "up": vector(info.up),
        "meters_per_unit": info.meters_per_unit,
        "ground_height": info.ground_height,
        "start_pose": start,
        "bounds": box(info.bounds),
        "core_bounds": box(info.core_bounds),
        "coverage": coverage,
        "instances": [
            {"number": i.number, "name": i.name, "class": i.label, "count": i.count} for i in info.instances
        ],
        "source": info.source,
        "license": info.license,
    }
    if info.motions:
        to_file = torch.from_numpy(turn)
        data["motions"] = [
            {"number": n, **motion_to_dict(m.mapped(to_file))} for n, m in info.motions.items()
        ]
    return json.dumps(data, indent=2, ensure_ascii=False) + "\n"


def coverage_record(coverage: CoverageMap | None) -> dict[str, Any] | None:
    """Return a coverage map as JSON values, in OpenCV axes; None for None."""
    if coverage is None:
        return None
    return {
        "version": COVERAGE_VERSION,
        "origin": list(coverage.origin),
        "cell": coverage.cell,
        "quality": (100 * coverage.quality).round().int().tolist(),
    }


def parse_world_info(text: str | bytes, *, source: str = "JSON text") -> WorldInfo:
    """Parse a sidecar.

    Args:
        text: the JSON, or its UTF-8 bytes.
        source: its name in messages.

    Raises:
        FormatError: naming the source and the field.
    """
    data = parse_json(text, source=source, most_bytes=MAX_BYTES)
    if not isinstance(data, dict) or data.get("format") != FORMAT_NAME:
        raise FormatError(f'{source}: must be an object with "format": "{FORMAT_NAME}".')
    version = data.get("version")
    if type(version) is not int or not 1 <= version:
        raise FormatError(f"{source}: version must be a whole number from 1; got {brief(version)}.")
    if version > FORMAT_VERSION:
        raise FormatError(
            f"{source}: version {version} is newer than this library reads ({FORMAT_VERSION}). Update the pack."
        )
    axes = data.get("axes", OPENCV)
    if not is_axes(axes):
        raise FormatError(f"{source}: axes must be three of the letters R/L, U/D, F/B; got {brief(axes)}.")
    reader = _Fields(source, data, axes_matrix(OPENCV, axes).numpy())
    up = reader.direction(data.get("up"), "up")
    try:
        return WorldInfo(
            axes=axes,
            meters_per_unit=reader.number("meters_per_unit"),
            ground_height=reader.number("ground_height"),
            up=_UP if up is None else (float(up[0]), float(up[1]), float(up[2])),
            start_pose=reader.pose(),
            bounds=reader.box("bounds"),
            core_bounds=reader.box("core_bounds"),
            count=reader.count(),
            source=reader.text("source"),
            license=reader.text("license"),
            coverage=reader.coverage(),
            instances=reader.instances(),
            motions=reader.motions(),
        )
    except InvalidInput as error:
        raise FormatError(f"{source}: {error}") from error


class _Fields:
    """Reads a sidecar's fields, converted to OpenCV axes."""

    def __init__(self, source: str, data: Mapping[str, Any], turn: np.ndarray) -> None:
        self.source, self.data, self.turn = source, data, turn

    def number(self, key: str) -> float | None:
        value = self.data.get(key)
        if value is None:
            return None
        if type(value) not in (int, float):
            raise FormatError(f"{self.source}: {key} must be a number or null; got {brief(value)}.")
        return float(value)

    def count(self) -> int | None:
        value = self.data.get("count")
        if value is None or (type(value) in (int, float) and 0 <= value <= _FARTHEST):
            return None if value is None else int(value)
        raise FormatError(
            f"{self.source}: count must be a whole number up to {int(_FARTHEST)}; got {brief(value)}."
        )

    def instances(self) -> tuple[InstanceInfo, ...]:
        listed = self.data.get("instances") or []
        if not isinstance(listed, list) or len(listed) > _MOST_INSTANCES:
            raise FormatError(f"{self.source}: instances must be a list of at most {_MOST_INSTANCES}.")
        found = []
        for value in listed:
            value = value if isinstance(value, dict) else {}
            number, count = value.get("number"), value.get("count", 0)
            name, label = value.get("name", ""), value.get("class", "")
            if type(number) is not int or type(count) is not int or not isinstance(name, str):
                raise FormatError(
                    f"{self.source}: an instance must have a whole number and count, and a name; got {brief(value)}."
                )
            found.append(InstanceInfo(number, name, label if label in CLASSES else "", count))
        return tuple(found)

    def motions(self) -> dict[int, Motion]:
        listed = self.data.get("motions") or []
        if not isinstance(listed, list) or len(listed) > MOST_MOTIONS:
            raise FormatError(f"{self.source}: motions must be a list of at most {MOST_MOTIONS}.")
        found = {}
        for value in listed:
            number = value.get("number") if isinstance(value, dict) else None
            if type(number) is not int or not 0 < number <= MOST_MOTIONS:
                raise FormatError(
                    f"{self.source}: a motion must have a number from 1 to {MOST_MOTIONS}; got {brief(value)}."
                )
            found[number] = motion_from_dict(value).mapped(torch.from_numpy(self.turn))
        return found

    def text(self, key: str) -> str:
        value = self.data.get(key) or ""
        return value if isinstance(value, str) else brief(value)

    def vector(self, value: Any, where: str) -> np.ndarray | None:
        if value is None:
            return None
        is_list = isinstance(value, list) and len(value) == 3
        if not is_list or not all(type(v) in (int, float) and abs(v) <= _FARTHEST for v in value):
            raise FormatError(
                f"{self.source}: {where} must be three numbers, at most {_FARTHEST:g}; got {brief(value)}."
            )
        return self.turn @ np.array(value, np.float64)

    def direction(self, value: Any, where: str) -> np.ndarray | None:
        """Read a vector and normalize it."""
        vector = self.vector(value, where)
        length = 0.0 if vector is None else float(np.linalg.norm(vector))
        if vector is not None and not length > 1e-6:
            raise FormatError(f"{self.source}: {where} must be a direction; got {brief(value)}.")
        return None if vector is None else vector / length

    def box(self, key: str) -> Box | None:
        value = self.data.get(key)
        if value is None:
            return None
        corners = (
            [self.vector(value.get(end), f"{key}.{end}") for end in ("min", "max")]
            if isinstance(value, dict)
            else []
        )
        if len(corners) != 2 or corners[0] is None or corners[1] is None:
            raise FormatError(f'{self.source}: {key} must have "min" and "max"; got {brief(value)}.')
        return _box(np.minimum(corners[0], corners[1]), np.maximum(corners[0], corners[1]))

    def coverage(self) -> CoverageMap | None:
        """Read the map; one of a later version is left out."""
        value = self.data.get("coverage")
        if value is None:
            return None
        if not isinstance(value, dict) or type(value.get("version")) is not int:
            raise FormatError(f"{self.source}: coverage must have a version, a number; got {brief(value)}.")
        if value["version"] > COVERAGE_VERSION:
            return None
        origin, cell = self.vector(value.get("origin"), "coverage.origin"), value.get("cell")
        rows = value.get("quality")
        is_grid = isinstance(rows, list) and all(isinstance(row, list) and row for row in rows)
        if (
            origin is None
            or not isinstance(cell, int | float)
            or not isinstance(rows, list)
            or not is_grid
            or len({len(row) for row in rows}) != 1
        ):
            raise FormatError(
                f"{self.source}: coverage must have origin, cell and quality, rows of equal length; got {brief(value)}."
            )
        if not all(type(v) in (int, float) and 0 <= v <= 100 for row in rows for v in row):
            raise FormatError(f"{self.source}: coverage.quality must be numbers from 0 to 100.")
        quality = torch.tensor(rows, dtype=torch.float32) / 100
        return CoverageMap(quality, (float(origin[0]), float(origin[1]), float(origin[2])), float(cell))

    def pose(self) -> Tensor | None:
        value = self.data.get("start_pose")
        if value is None:
            return None
        parts = []
        for key in ("position", "forward", "up"):
            read = self.vector if key == "position" else self.direction
            part = read(value.get(key), f"start_pose.{key}") if isinstance(value, dict) else None
            if part is None:
                raise FormatError(
                    f"{self.source}: start_pose must have position, forward and up; got {brief(value)}."
                )
            parts.append(part)
        position, forward, up = parts
        right = np.cross(forward, up)
        if not np.linalg.norm(right) > 1e-6:
            raise FormatError(
                f"{self.source}: forward and up of start_pose must point in different directions."
            )
        right = right / np.linalg.norm(right)
        pose = np.eye(4)
        pose[:3, :3] = np.stack([right, np.cross(forward, right), forward])
        pose[:3, 3] = -pose[:3, :3] @ position
        return torch.from_numpy(pose)
