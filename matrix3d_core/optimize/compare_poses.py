"""Do geometry and frames contradict the poses? Asked before a fit, answered in a fraction of a second.

The panorama's points are looked up in some frames as the poses say, and as they would have to be read were the
panorama elsewhere, the matrices inverted, the cameras OpenGL's, two of these at once, or the camera at rest. Colors
are compared by correlation, frame by frame, so that exposure and flicker do not count; a verdict needs most frames, so
that degraded ones do not count either.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ..geometry.spherical import directions_from_pixels, sample_erp
from ..scene.camera import Camera
from ..scene.panorama import PanoramaGeometry
from ..scene.trajectory import Trajectory
from ..trajectories.placement import PANORAMA_PLACES, in_panorama_frame, place_panorama

__all__ = ["compare_poses", "diagnose_poses"]

_ROWS = 128
"""Frames are compared at this height, where small errors of depth and of a video model blur away."""
_MOST_FRAMES = 8
_CELLS = 32
_SAME = 1e-3
_DIFFERS = 0.005
_CLEARLY = 0.6
_LEAST_GAIN = 0.03
_MOST_ERROR = 0.7
_VOTES = 0.75
_FLIP = torch.diag(torch.tensor([1.0, -1.0, -1.0, 1.0], dtype=torch.float64))

_AND = " + "
"""Between the names of two readings at once."""

_PLACED = (
    "the poses contradict the frames: the panorama's points match them better with the panorama {name} ({other:.2f} of "
    "the contrast is unexplained, {given:.2f} as it is). Set panorama_at of Load Trajectory to '{name}', or check that "
    "trajectory, geometry and frames belong together."
)
_SAYS = {
    "at the first pose": _PLACED,
    "at the first pose, yaw kept": _PLACED,
    "at the origin": _PLACED,
    "inverted": "the poses look inverted: their inverses explain the frames better. Poses must be camera-from-world "
    "(w2c); set pose of Load Trajectory to 'c2w'.",
    "opengl": "the poses look as if their axes were OpenGL's (y up, z back): so they explain the frames better. Set "
    "axes of Load Trajectory to 'opengl'.",
    "still": "the poses do not explain the frames: the panorama's points would match better if the camera had not "
    "moved. Check that trajectory, geometry and frames belong together and share one scale.",
}
_PAIR = (
    "the poses contradict the frames in two ways at once: read otherwise they match them better ({other:.2f} of the "
    "contrast is unexplained, {given:.2f} as it is). Set {settings} in Load Trajectory, or check that trajectory, "
    "geometry and frames belong together."
)
_SETTINGS = {
    "inverted": "pose to 'c2w'",
    "opengl": "axes to 'opengl'",
    **{where: f"panorama_at to '{where}'" for where in PANORAMA_PLACES[1:]},
}


@dataclass(frozen=True)
class _Points:
    """Points of a panorama in its own frame, their colors and weights."""

    places: Tensor  # [N, 3] float64
    colors: Tensor  # [N, 3]
    weights: Tensor  # [N]


def diagnose_poses(frames: Tensor, trajectory: Trajectory, geometry: PanoramaGeometry) -> list[str]:
    """Return at most one sentence: that another reading of the poses explains the frames clearly better.

    Args:
        frames: ``[T, H, W, 3]`` panoramas, or pictures of the trajectory's size when it has intrinsics.
        trajectory: their poses, as they are going to be used.
        geometry: the panorama that the world starts from.
    """
    errors = compare_poses(frames, trajectory, geometry)
    given = errors.pop("given", None)
    if given is None:
        return []
    found = []
    for name, other in errors.items():
        differs = (other - given).abs() > _DIFFERS
        if int(differs.sum()) < 2:
            continue
        votes = float((other < given)[differs].double().mean())
        mine, its = float(given[differs].median()), float(other[differs].median())
        is_clear = its < _CLEARLY * mine and mine - its > _LEAST_GAIN and its < _MOST_ERROR
        if is_clear and votes >= _VOTES:
            # Of readings that explain about as much, the simplest is meant.
            found.append((its + _LEAST_GAIN * name.count(_AND), its, name, mine))
    if not found:
        return []
    _, its, name, mine = min(found)
    settings = " and ".join(_SETTINGS[one] for one in name.split(_AND)) if _AND in name else ""
    return [_SAYS.get(name, _PAIR).format(name=name, other=its, given=mine, settings=settings)]


def compare_poses(
    frames: Tensor, trajectory: Trajectory, geometry: PanoramaGeometry
) -> dict[str, Tensor]:  # [F] each
    """Return for each reading of the poses what share of the contrast of some frames it does not explain.

    ``given`` is how they are going to be read; others are left out where they are the same. Empty when there is
    nothing to compare. 0 is a perfect match, 1 none at all.
    """
    points = _points_of(geometry)
    if points is None:
        return {}
    chosen = torch.linspace(0, len(trajectory) - 1, min(_MOST_FRAMES, len(trajectory))).round().long()
    readings = {name: poses[chosen] for name, poses in _readings(trajectory).items()}
    reach = float((points.places.norm(dim=-1)).median())
    kept = {"given": readings.pop("given")}
    for name, poses in readings.items():
        if not any(_is_same(poses, other, reach) for other in kept.values()):
            kept[name] = poses
    small = [_small(frames[int(i)]) for i in chosen]
    errors: dict[str, list[float]] = {name: [] for name in kept}
    for k, picture in enumerate(small):
        if float(picture.std()) < 5e-3:
            continue
        camera = trajectory.camera(int(chosen[k]), (picture.shape[0], picture.shape[1]))
        for name, poses in kept.items():
            errors[name].append(_unexplained(points, poses[k], picture, camera))
    return {name: torch.tensor(values, dtype=torch.float64) for name, values in errors.items() if values}


def _readings(trajectory: Trajectory) -> dict[str, Tensor]:
    """Return camera-from-panorama poses ``[T, 4, 4]`` for every reading; simple ones before pairs."""
    poses, inverses = trajectory.camera_from_world, trajectory.world_from_camera
    matrices = {
        (): poses,
        ("inverted",): inverses,
        ("opengl",): _FLIP @ poses @ _FLIP,
        ("inverted", "opengl"): _FLIP @ inverses @ _FLIP,
    }
    readings: dict[tuple[str, ...], Tensor] = {}
    for names, matrix in matrices.items():
        path = replace(trajectory, camera_from_world=matrix)
        for where in PANORAMA_PLACES:
            changes = names if where == "auto" else (*names, where)
            readings[changes] = in_panorama_frame(place_panorama(path, where)).camera_from_world
    readings["still",] = readings[()][:1].expand_as(poses)
    simple_first = sorted((changes for changes in readings if len(changes) <= 2), key=len)
    return {_AND.join(changes) or "given": readings[changes] for changes in simple_first}


def _points_of(geometry: PanoramaGeometry) -> _Points | None:
    height, width = geometry.depth_ray.shape
    rows = torch.linspace(0, height - 1, min(height, _ROWS // 2)).round().long()
    columns = (torch.arange(2 * len(rows)) * width / (2 * len(rows))).long()
    distance = geometry.depth_ray[rows].double()
    # Next to an edge of the depth a point may be either surface.
    near = torch.maximum(distance / distance.roll(1, 1), distance.roll(1, 1) / distance)
    is_smooth = (near < 1.1) & (near.roll(-1, 1) < 1.1)
    is_known = (is_smooth & ~geometry.is_sky[rows] & geometry.is_valid[rows])[:, columns]
    if int(is_known.sum()) < 100:
        return None
    grid = torch.meshgrid(columns.double(), rows.double(), indexing="xy")
    directions = directions_from_pixels(*grid, height=height, width=width)
    colors = sample_erp(_small(geometry.rgb), directions.float())
    weights = ((rows + 0.5) / height * math.pi).sin()[:, None].expand(is_known.shape)
    places = directions * distance[:, columns, None]
    return _Points(places[is_known], colors[is_known], weights[is_known].double())


def _small(picture: Tensor) -> Tensor:  # [h, w, 3]
    height, width = picture.shape[:2]
    if height <= _ROWS:
        return picture.float()
    size = (_ROWS, 2 * _ROWS if width == 2 * height else max(1, round(_ROWS * width / height)))
    shrunk = torch.nn.functional.interpolate(picture.float().permute(2, 0, 1)[None], size, mode="area")
    return shrunk[0].permute(1, 2, 0)


def _is_same(poses: Tensor, others: Tensor, reach: float) -> bool:
    turned = (poses[:, :3, :3] - others[:, :3, :3]).abs().max()
    moved = (poses[:, :3, 3] - others[:, :3, 3]).abs().max()
    return float(turned) < _SAME and float(moved) < _SAME * reach


def _unexplained(points: _Points, camera_from_panorama: Tensor, picture: Tensor, camera: Camera) -> float:
    """Return 1 - the correlation of the points' colors with those at their places in a picture."""
    local = points.places @ camera_from_panorama[:3, :3].T + camera_from_panorama[:3, 3]
    xy, distance = camera.project(local)
    there, is_seen = camera.lookup(picture, local, mode="bilinear")
    column, row = (xy / torch.tensor((camera.width, camera.height)) * _CELLS).nan_to_num().unbind(-1)
    column, row = (2 * column).clamp(0, 2 * _CELLS - 1).long(), row.clamp(0, _CELLS - 1).long()
    cell = row * 2 * _CELLS + column
    nearest = torch.full((2 * _CELLS * _CELLS,), math.inf, dtype=torch.float64)
    nearest.scatter_reduce_(0, cell[is_seen], distance[is_seen], "amin")
    is_seen = is_seen & (distance < 1.2 * nearest[cell])  # occluded points are not compared
    if int(is_seen.sum()) < 50:
        return 1.0
    weights = points.weights[is_seen][:, None] / points.weights[is_seen].sum()
    a, b = points.colors[is_seen].double(), there[is_seen].double()
    a, b = a - (weights * a).sum(0), b - (weights * b).sum(0)
    size = math.sqrt(float((weights * a * a).sum()) * float((weights * b * b).sum()))
    return 1.0 - float((weights * a * b).sum()) / size if size > 1e-12 else 1.0
