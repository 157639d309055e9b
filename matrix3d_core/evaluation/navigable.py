"""Navigable range: how far one can walk from the start, in eight directions, before a world falls apart."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import Any

import torch
from torch import Tensor

from ..checks import check_shape
from ..errors import InvalidInput
from ..geometry.cubemap import cubemap_rotations
from ..geometry.rotations import matrix_from_yaw_pitch_roll
from ..progress import ProgressEvent, ProgressFn, attentive, no_progress
from ..raster.camera_view import render_view
from ..scene.camera import Camera, Pinhole
from ..scene.gaussians import Gaussians
from ..splats.evaluation_views import mean_psnr
from ..splats.sky import find_sky_splats

__all__ = [
    "DIRECTIONS",
    "LEAST_PSNR",
    "MOST_HOLES",
    "Direction",
    "NavigableRange",
    "Place",
    "Truth",
    "navigable_range",
]

DIRECTIONS = 8
LEAST_PSNR = 20.0
"""Mean PSNR of a place, dB, below which a walk ends."""
MOST_HOLES = 0.005
"""Share of a place's pixels that may be holes."""

_HOLE_ALPHA = 0.5
_CLEARANCE = 0.3  # how near to a surface the camera goes, meters

Truth = Callable[[Camera, Tensor], tuple[Tensor, Tensor]]
"""``truth(camera, camera_from_world [4, 4])`` gives ``rgb [H, W, 3]`` and ``depth_ray [H, W]``, inf for sky, of what is
really there, in the world's frame."""


@dataclass(frozen=True)
class Place:
    """One place of a walk: ``distance`` from the start, mean ``psnr`` of its views in dB, and share of ``holes``."""

    distance: float
    psnr: float
    holes: float

    @property
    def is_good(self) -> bool:
        """Whether one can still be here."""
        return self.psnr >= LEAST_PSNR and self.holes <= MOST_HOLES


@dataclass(frozen=True)
class Direction:
    """A walk in one direction.

    Attributes:
        yaw_deg: from the start's forward axis, right positive.
        range: distance of the last good place; up to the surface, where one ends the walk.
        ended_by: ``psnr`` or ``holes`` of the next place, ``surface`` (counts as reached), or ``limit``.
        places: all that were looked at.
    """

    yaw_deg: float
    range: float
    ended_by: str
    places: tuple[Place, ...]


@dataclass(frozen=True)
class NavigableRange:
    """The walks in all directions; distances in world units, meters for metric worlds."""

    directions: tuple[Direction, ...]

    @property
    def _open(self) -> list[float]:
        """Ranges of the directions that no surface ends; of all when surfaces end all."""
        found = [d.range for d in self.directions if d.ended_by != "surface"]
        return found or [d.range for d in self.directions]

    @property
    def worst(self) -> float:
        """Smallest range of the directions that no surface blocks."""
        return min(self._open)

    @property
    def median(self) -> float:
        """Median range of the directions that no surface blocks."""
        return median(self._open)

    @property
    def reached(self) -> int:
        """How many directions were walked to a surface or to the limit."""
        return sum(d.ended_by in ("surface", "limit") for d in self.directions)

    def report(self) -> dict[str, Any]:
        """Return all numbers, JSON-serializable."""
        return {
            "worst": round(self.worst, 3),
            "median": round(self.median, 3),
            "reached": self.reached,
            "directions": [
                {
                    "yaw_deg": d.yaw_deg,
                    "range": round(d.range, 3),
                    "ended_by": d.ended_by,
                    "places": [
                        {
                            "distance": round(p.distance, 3),
                            "psnr": round(p.psnr, 2),
                            "holes": round(p.holes, 5),
                        }
                        for p in d.places
                    ],
                }
                for d in self.directions
            ],
        }


@attentive
def navigable_range(
    gaussians: Gaussians,
    truth: Truth,
    start: Tensor,  # [4, 4]
    *,
    step: float = 0.5,
    limit: float = 20.0,
    size_px: int = 96,
    is_sky: Tensor | None = None,
    backend: str = "auto",
    progress: ProgressFn = no_progress,
) -> NavigableRange:
    """Walk from the start in eight level directions, 45 degrees apart, and compare what is seen with the truth.

    At each place six square views of 90 degrees cover the sphere, the first along the walk. The place is good while
    the mean of their PSNRs is at least 20 dB and at most 0.5 % of all pixels are holes: pixels where the truth is a
    surface and the splats without the sky have alpha below 0.5. A direction ends at its last good place; at a surface
    of the truth, 0.3 before it, where it counts as reached; or at the limit. Worst and median are taken over the
    directions that no surface ends, so that a near wall is not held against a world.

    Args:
        gaussians: the world.
        truth: what is really there, in the same frame and units.
        start: ``[4, 4]`` world-to-camera pose; its forward axis is direction 0; up is ``-y``.
        step: distance between places, world units.
        limit: farthest place, world units.
        size_px: side of the views, at least 16.
        is_sky: ``[N]`` bool; None finds the sky shell, see `find_sky_splats`.
        backend: splat backend.
        progress: called before each place; raising in it stops.

    Raises:
        InvalidInput: for a start that looks straight up or down, or numbers out of range.
        BackendUnavailable: when the backend cannot run here.
    """
    check_shape("start", start, "4 4")
    if not (0 < step <= limit < math.inf) or size_px < 16:
        raise InvalidInput(
            f"step must be positive, limit at least step and size_px at least 16; got {step}, {limit} and {size_px}."
        )
    gaussians.check_finite()
    pose = start.detach().to("cpu", torch.float64)
    center = -(pose[:3, :3].mT @ pose[:3, 3])
    ahead = pose[2, :3]
    if float(ahead[[0, 2]].norm()) < 1e-6:
        raise InvalidInput("start must not look straight up or down; direction 0 is its forward axis.")
    is_sky = find_sky_splats(gaussians, center) if is_sky is None else is_sky
    worlds = (gaussians, gaussians.select((~is_sky).nonzero()[:, 0]) if bool(is_sky.any()) else gaussians)
    yaw = math.atan2(float(ahead[0]), float(ahead[2]))
    walks = []
    for number in range(DIRECTIONS):
        angle = yaw + number * math.tau / DIRECTIONS
        turn = matrix_from_yaw_pitch_roll(*torch.tensor((angle, 0.0, 0.0), dtype=torch.float64))

        def look(distance: float, turn: Tensor = turn, number: int = number) -> tuple[Place, float]:
            progress(
                ProgressEvent(
                    number, DIRECTIONS, f"walk in direction {number + 1} of {DIRECTIONS}, {distance:g} far"
                )
            )
            return _look(worlds, truth, center + distance * turn[:, 2], turn, distance, size_px, backend)

        walks.append(_walk(look, number * 360 / DIRECTIONS, step, limit))
    progress(ProgressEvent(DIRECTIONS, DIRECTIONS, "directions walked"))
    return NavigableRange(tuple(walks))


def _walk(
    look: Callable[[float], tuple[Place, float]], yaw_deg: float, step: float, limit: float
) -> Direction:
    """Walk until a place is not good, a surface is in the way, or the limit is reached."""
    places: list[Place] = []
    reached = 0.0
    while True:
        place, free = look(reached if not places else min(len(places) * step, limit))
        places.append(place)
        if not place.is_good:
            why = "psnr" if place.psnr < LEAST_PSNR else "holes"
            return Direction(yaw_deg, reached, why, tuple(places))
        reached = place.distance
        if reached >= limit:
            return Direction(yaw_deg, reached, "limit", tuple(places))
        way = free - _CLEARANCE
        if way < min(step, limit - reached):
            return Direction(yaw_deg, reached + max(0.0, way), "surface", tuple(places))


def _look(
    worlds: tuple[Gaussians, Gaussians],
    truth: Truth,
    center: Tensor,
    turn: Tensor,
    distance: float,
    size_px: int,
    backend: str,
) -> tuple[Place, float]:
    """Compare the six views of a place; also return how far the nearest surface is ahead."""
    lens = Pinhole.from_fov(math.pi / 2, size_px, size_px)
    seen, real, holes = [], [], 0
    free = math.inf
    for face, rotation in enumerate(cubemap_rotations()):
        pose = torch.eye(4, dtype=torch.float64)
        pose[:3, :3] = rotation.double() @ turn.mT
        pose[:3, 3] = -(pose[:3, :3] @ center)
        rgb, depth_ray = truth(lens, pose)
        with torch.no_grad():
            whole = render_view(worlds[0], pose, lens, backend=backend)
            solid = whole if worlds[1] is worlds[0] else render_view(worlds[1], pose, lens, backend=backend)
        seen.append(whole.rgb.clamp(0, 1).cpu())
        real.append(rgb.clamp(0, 1).cpu())
        holes += int((torch.isfinite(depth_ray).cpu() & (solid.alpha.cpu() < _HOLE_ALPHA)).sum())
        if face == 0:
            middle = size_px // 2
            free = float(depth_ray[middle - 1 : middle + 1, middle - 1 : middle + 1].min())
    share = holes / (6 * size_px * size_px)
    return Place(distance, mean_psnr(torch.stack(seen), torch.stack(real)), share), free
