"""Fits an imported camera path to a panorama: heading, scale, and a check of its units."""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ..collision.surface import visible_distance
from ..errors import InvalidInput
from ..geometry.rotations import matrix_from_yaw_pitch_roll
from ..scene.panorama import PanoramaGeometry
from ..scene.trajectory import Trajectory
from .edit import transform
from .placement import relative_to_first

__all__ = [
    "RESCALE_MODES",
    "RescaleResult",
    "UnitCheck",
    "adapt_to_scene",
    "check_units",
    "fit_to_depth",
    "initial_yaw",
    "rescale_upstream",
]

logger = logging.getLogger(__name__)

RESCALE_MODES = ("none", "fit", "upstream")
REACH = 0.5
"""A rescaled path covers at most this fraction of the distance to the surface in any direction."""
TOO_LARGE, TOO_SMALL = 50.0, 1 / 500


@dataclass(frozen=True)
class RescaleResult:
    """A rescaled path.

    Attributes:
        trajectory: the path in the panorama's frame.
        factor: what the camera centers were multiplied by.
        yaw_rad: heading of the first pose, in [0, 2 pi), right positive.
        roll_columns: whole columns by which upstream rolls the panorama to the left, -W/2 to W/2; 0 unless
            rescaled as upstream does.
    """

    trajectory: Trajectory
    factor: float
    yaw_rad: float
    roll_columns: int = 0


@dataclass(frozen=True)
class UnitCheck:
    """The extent of a path compared with that of the scene.

    Attributes:
        extent: farthest distance of a camera from the first one, path units.
        scene_distance: median ray distance of what is not sky, scene units.
        factor: factor by which the path reaches half the scene's distance.
        problem: a message when the units cannot match, else None.
        is_too_large: True when the path is far larger than the scene.
    """

    extent: float
    scene_distance: float
    factor: float
    problem: str | None
    is_too_large: bool


def initial_yaw(trajectory: Trajectory, *, upstream_exact: bool = False) -> float:
    """Return the heading of the first pose: the rotation of a panorama that has it in its center.

    Args:
        trajectory: the path.
        upstream_exact: the angle between the first forward axis and +z, as Matrix-3D takes it;
            the same as the heading only when the first pose looks level.

    Returns:
        Radians in [0, 2 pi); positive to the right. 0 when the camera looks straight up or down.

    Source: Matrix-3D, user trajectories.
    """
    x, _, z = trajectory.forwards[0].tolist()
    if upstream_exact:
        angle = math.acos(min(1.0, max(-1.0, z)))
        return (math.tau - angle) % math.tau if x < 0 else angle
    return math.atan2(x, z) % math.tau if math.hypot(x, z) > 1e-9 else 0.0


def rescale_upstream(
    trajectory: Trajectory,
    geometry: PanoramaGeometry,
    *,
    reach: float = REACH,
    turned: bool = False,
) -> RescaleResult:
    """Rescale an imported path against the depth as Matrix-3D does.

    The path is made relative to its first pose, which is taken to look along the first heading of
    the file (its angle to +z) on the level; then it is scaled so that the nearest miss of any
    surface seen from the panorama's center is at ``reach`` of its distance. Distances are looked up as
    upstream does, at truncated pixels. Frames at the origin do not count (upstream gets NaN there).

    Args:
        trajectory: the path, in any units.
        geometry: the panorama, not rolled.
        reach: largest allowed ratio of camera distance to surface distance.
        turned: return upstream's own result, for a panorama that has been rolled to the left by
            ``roll_columns``: its first pose is the identity. Otherwise the path is rotated instead, by
            as many columns, so that it matches the panorama as it is.

    Raises:
        InvalidInput: when the path overflows or ``reach`` is not positive.

    Source: Matrix-3D, user trajectories; facts in docs/conventions.md.
    """
    _check_reach(reach)
    yaw = initial_yaw(trajectory, upstream_exact=True)
    relative = relative_to_first(trajectory)
    height, width = geometry.height, geometry.width
    # Upstream rolls the panorama to the left by a whole number of columns.
    roll = int(math.degrees(yaw) / 360 * width + width // 2) % width - width // 2
    ratios = []
    for x, y, z in relative.centers.tolist():
        size = math.sqrt(x * x + y * y + z * z)
        if size == 0.0:
            continue
        azimuth = math.degrees(math.acos(min(1.0, max(-1.0, z / size))))
        azimuth = 360 - azimuth if x < 0 else azimuth
        elevation = math.degrees(math.asin(min(1.0, max(-1.0, y / size))))
        row = int((elevation + 90) / 180 * (height - 1))
        column = (int(azimuth / 360 * width) + width // 2) % width
        ratios.append(size / float(geometry.depth_ray[row, (column + roll) % width]))
    factor = _factor(max(ratios, default=0.0), reach)
    scaled = replace(transform(relative, scale=factor), is_metric=geometry.is_metric)
    if roll and not turned:
        turn = torch.tensor(roll / width * math.tau, dtype=torch.float64)
        level = torch.zeros_like(turn)
        scaled = transform(scaled, rotation=matrix_from_yaw_pitch_roll(turn, level, level))
    return RescaleResult(scaled, factor, yaw, roll)


def fit_to_depth(
    trajectory: Trajectory, geometry: PanoramaGeometry, *, reach: float = REACH
) -> RescaleResult:
    """Fit an imported path to the panorama: start at its center, stay within ``reach`` of the surfaces.

    The first camera moves to the origin; every camera keeps the rotation it has. The path is scaled
    (up or down) so that the largest ratio of camera distance to visible distance in its direction
    is ``reach``; sky does not limit it, unless there is nothing but sky: then the median distance does.

    Args:
        trajectory: the path, in any units.
        geometry: the panorama.
        reach: largest allowed ratio.
    """
    _check_reach(reach)
    moved = transform(trajectory, translation=-trajectory.centers[0])
    poses = moved.camera_from_world.clone()
    poses[0, :3, 3] = 0.0
    centers = moved.centers
    sizes = centers.norm(dim=-1)
    away = sizes > 1e-12 * float(sizes.max()) if float(sizes.max()) > 0 else sizes > 0
    away[0] = False
    ratio = 0.0
    if bool(away.any()):
        ratio = float((sizes[away] / visible_distance(geometry, centers[away])).max())
        if ratio == 0.0:
            ratio = float(sizes.max()) / _scene_distance(geometry)
    factor = _factor(ratio, reach)
    fitted = replace(
        moved, camera_from_world=poses, frame_of_reference="panorama", is_metric=geometry.is_metric
    )
    return RescaleResult(transform(fitted, scale=factor), factor, initial_yaw(trajectory))


def adapt_to_scene(
    trajectory: Trajectory, geometry: PanoramaGeometry | None, *, rescale: str = "none"
) -> RescaleResult:
    """Place an imported path in a scene as asked, and refuse one whose units cannot be the scene's.

    Args:
        trajectory: the path as read.
        geometry: the panorama; needed unless ``rescale`` is ``"none"``.
        rescale: ``"none"`` keeps the poses (with geometry, the units are checked: far too large is
            an error, far too small a warning in the log), ``"fit"`` see `fit_to_depth`,
            ``"upstream"`` see `rescale_upstream`.

    Raises:
        InvalidInput: when geometry is missing, or the path is over 50 times larger than the scene.
    """
    if rescale not in RESCALE_MODES:
        raise InvalidInput(f"rescale must be one of {', '.join(RESCALE_MODES)}; got {rescale!r}.")
    if geometry is None:
        if rescale != "none":
            raise InvalidInput(
                f"geometry must be connected for rescale {rescale!r}: the path is scaled against its depth."
            )
        return RescaleResult(trajectory, 1.0, initial_yaw(trajectory))
    if rescale == "fit":
        return fit_to_depth(trajectory, geometry)
    if rescale == "upstream":
        return rescale_upstream(trajectory, geometry)
    units = check_units(trajectory, geometry)
    if units.problem and units.is_too_large:
        raise InvalidInput(units.problem)
    if units.problem:
        logger.warning("%s", units.problem)
    return RescaleResult(trajectory, 1.0, initial_yaw(trajectory))


def check_units(trajectory: Trajectory, geometry: PanoramaGeometry) -> UnitCheck:
    """Compare the size of a path with the size of the scene.

    A path that reaches more than 50 times the scene's median distance, or less than 1/500 of it
    (rotations in place aside), is almost certainly in other units.
    """
    centers = trajectory.centers
    extent = float((centers - centers[0]).norm(dim=-1).max())
    scene = _scene_distance(geometry)
    factor = REACH * scene / extent if extent > 0 else 1.0
    problem, ratio = None, extent / scene
    if ratio > TOO_LARGE or 0 < ratio < TOO_SMALL:
        size = f"{ratio:.3g} times" if ratio > 1 else f"1/{1 / ratio:.3g} of"
        problem = (
            f"the camera path reaches {extent:.3g} units from its start, {size} the scene's median "
            f"distance of {scene:.3g}: the units do not match. Rescale it (rescale 'fit' or "
            f"'upstream'), or multiply it by about {factor:.3g}."
        )
    return UnitCheck(extent, scene, factor, problem, ratio > TOO_LARGE)


def _scene_distance(geometry: PanoramaGeometry) -> float:
    seen: Tensor = geometry.depth_ray[~geometry.is_sky]
    return float((seen if seen.numel() else geometry.depth_ray.flatten()).median())


def _check_reach(reach: float) -> None:
    if not (math.isfinite(reach) and reach > 0):
        raise InvalidInput(f"reach must be positive; got {reach}.")


def _factor(ratio: float, reach: float) -> float:
    if not math.isfinite(ratio):
        raise InvalidInput("the camera path must have finite extent; its size overflows. Check its units.")
    return reach / ratio if ratio > 0 else 1.0
