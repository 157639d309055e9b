"""What key frames show and nothing placed so far covers: by given distances, or by those of a plane sweep."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch import Tensor

from ...depth.plane_sweep import PlaneSweepDepth
from ...depth.resample import resized
from ...scene.camera import Camera
from ...scene.labels import ORIGIN_OBSERVED, ORIGIN_UNOBSERVED
from ...scene.trajectory import Trajectory
from .fusion import KeyDepth
from .sources import AGREE, KnownDepth, SurfelSource, enlarged

__all__ = ["fill_from_background", "find_disocclusions", "sweep_disocclusions"]


def find_disocclusions(
    known: Sequence[KnownDepth],
    depth_ray: Tensor,  # [T, H, W]
    mask: Tensor,  # [T, H, W]
    trajectory: Trajectory,
    key_frames: Sequence[int],
) -> dict[int, Tensor]:  # frame -> [H, W] bool
    """Find the pixels of each key frame that show something which no earlier picture shows."""
    new: dict[int, Tensor] = {}
    known = list(known)
    for frame in key_frames:
        camera = trajectory.camera(frame, (depth_ray.shape[1], depth_ray.shape[2]))
        row, column = ((mask[frame] < 0.5) & torch.isfinite(depth_ray[frame])).nonzero(as_tuple=True)
        pose = trajectory.world_from_camera[frame]
        local = camera.rays()[row, column] * depth_ray[frame][row, column, None]
        points = local @ pose[:3, :3].T + pose[:3, 3]
        is_new = torch.ones(len(points), dtype=torch.bool)
        for other in known:
            is_new &= ~other.shows(points)
        fresh = torch.zeros_like(mask[frame], dtype=torch.bool)
        fresh[row[is_new], column[is_new]] = True
        if fresh.any():
            new[frame] = fresh
        known.append(KnownDepth(depth_ray[frame], trajectory.camera_from_world[frame], camera))
    return new


@dataclass
class _Placed:
    """What is placed already, at the resolution of the sweep: points with footprints, and distance maps."""

    size: tuple[int, int]
    points: list[np.ndarray] = field(default_factory=list)
    footprints: list[np.ndarray] = field(default_factory=list)
    maps: list[np.ndarray] = field(default_factory=list)
    confident: list[np.ndarray] = field(default_factory=list)
    poses: list[np.ndarray] = field(default_factory=list)
    lenses: list[np.ndarray] = field(default_factory=list)

    def add_known(self, known: KnownDepth) -> None:
        """Add a map at the least distance that each pixel touches: only what is clearly before it is forbidden."""
        least = -torch.nn.functional.adaptive_max_pool2d(-known.depth_ray[None, None].float(), self.size)
        everywhere = np.ones(self.size, np.bool_)
        self.add_map(least[0, 0].numpy(), everywhere, known.camera_from_world, known.camera)

    def add_map(self, depth: np.ndarray, confident: np.ndarray, pose: Tensor, camera: Camera) -> None:
        """Add a distance map of the sweep's size, seen by a camera of any."""
        self.maps.append(depth)
        self.confident.append(confident)
        self.poses.append(pose.numpy())
        self.lenses.append(_lens(camera.resized(*self.size)))

    def add_points(self, source: SurfelSource, stride: int) -> None:
        """Add every ``stride``-th pixel of what becomes surfels."""
        points, footprints = _footprints(source, stride)
        self.points.append(points.numpy())
        self.footprints.append(footprints.numpy())

    def distances(self, pose: Tensor, camera: Camera) -> Tensor:  # [h, w]
        """Draw what is placed into a frame: distances, infinite where nothing is."""
        from ...depth import kernels_plane_sweep as kernels

        covered = np.full(self.size, np.inf)
        for points, footprints in zip(self.points, self.footprints, strict=True):
            kernels.cover_distance(points, footprints, pose.numpy(), _lens(camera), covered)
        return torch.from_numpy(covered).float()

    def forbids(self, depth: Tensor, world_from_camera: Tensor, camera: Camera) -> Tensor:  # [h, w] bool
        """Return which points of a frame are in front of a surface that a picture confidently shows."""
        from ...depth import kernels_plane_sweep as kernels

        forbidden = np.empty(self.size, np.bool_)
        own = depth.numpy(), world_from_camera.numpy(), _lens(camera)
        others = (np.stack(part) for part in (self.maps, self.confident, self.poses, self.lenses))
        kernels.find_forbidden(self.size[0], *own, *others, 2 * AGREE, forbidden)
        return torch.from_numpy(forbidden)


def _lens(camera: Camera) -> np.ndarray:  # [6]
    return camera.kernel_values().numpy()


def sweep_disocclusions(
    placed: Sequence[SurfelSource],
    known: Sequence[KnownDepth],
    swept_depth: Mapping[int, PlaneSweepDepth],
    frames: Tensor,
    trajectory: Trajectory,
    refined: Mapping[int, KeyDepth] | None = None,
) -> list[SurfelSource]:
    """Find what key frames show and nothing placed so far covers.

    What is placed is rendered into each key frame. A hole there is a disocclusion: it is filled however narrow it is,
    or it would stay black, as from one key frame to the next an edge disoccludes only a pixel or two. A point in
    front of a surface that a picture shows with confidence would occlude it, so it cannot be there: such a hole takes
    the distance of its neighbors, the farther side first. What is in front of the panorama's surfaces was placed
    before, see `fuse_views`. Where ``refined`` knows better what is sky, holes follow it.
    """
    size: tuple[int, int] = (frames.shape[1], frames.shape[2])
    rows, columns = next(iter(swept_depth.values())).depth_ray.shape
    so_far = _Placed((rows, columns))
    for map_ in known:
        so_far.add_known(map_)
    for source in placed:
        so_far.add_points(source, max(1, source.use.shape[0] // (3 * rows)))
    found = []
    for frame in sorted(swept_depth):
        sweep, pose = swept_depth[frame], trajectory.camera_from_world[frame]
        back, camera = trajectory.world_from_camera[frame], trajectory.camera(frame, size)
        small = camera.resized(rows, columns)
        depth, kept, trusted = _uncovered(sweep, so_far, pose, back, small)
        if bool(kept.any()):
            source = _source_of(frames[frame], sweep, depth, kept, trusted, back, camera)
            if refined is not None and frame in refined:
                source = _with_sky(source, refined[frame], sweep)
            found.append(source)
            # At the resolution of the sweep: one point per pixel that was a hole.
            so_far.add_points(replace(source, depth_ray=depth, use=kept, camera=small), 1)
        so_far.add_map(sweep.depth_ray.numpy(), sweep.is_confident.numpy(), pose, small)
    return found


def _uncovered(
    sweep: PlaneSweepDepth, placed: _Placed, pose: Tensor, back: Tensor, camera: Camera
) -> tuple[Tensor, Tensor, Tensor]:  # [h, w] each
    """Return a key frame's distances, the pixels that become surfels, and those whose distance is trusted."""
    there = placed.distances(pose, camera)
    wrong = placed.forbids(sweep.depth_ray, back, camera)
    hole = torch.isinf(there)
    trusted = sweep.is_confident & ~wrong
    depth = fill_from_background(torch.where(hole, sweep.depth_ray, there), hole & wrong, camera)
    return depth, hole, trusted


def _source_of(
    rgb: Tensor,
    sweep: PlaneSweepDepth,
    depth: Tensor,
    kept: Tensor,
    trusted: Tensor,
    world_from_camera: Tensor,
    camera: Camera,
) -> SurfelSource:
    size = camera.size_px
    limit = sweep.depth_ray[sweep.is_sky].min() if bool(sweep.is_sky.any()) else torch.inf
    sky = resized((depth >= limit).float(), size) > 0.5
    origin = torch.where(resized(trusted.float(), size) > 0.5, ORIGIN_OBSERVED, ORIGIN_UNOBSERVED)
    origin[sky] = ORIGIN_OBSERVED
    return SurfelSource(
        rgb,
        enlarged(depth, size),
        resized(kept.float(), size) > 0.5,
        world_from_camera,
        "filled",
        ORIGIN_UNOBSERVED,
        camera,
        sky,
        origin.to(torch.uint8),
        max(1, round(size[0] / depth.shape[0])),
    )


def _with_sky(source: SurfelSource, refined: KeyDepth, sweep: PlaneSweepDepth) -> SurfelSource:
    """Tell sky from surfaces as the refined distances do: the sweep is too coarse for the gaps between leaves."""
    assert source.sky is not None
    assert source.origins is not None
    if not bool(sweep.is_sky.any()):
        return source
    sky = refined.sky()
    surface = refined.is_known & ~sky & source.sky
    depth = torch.where(sky & ~source.sky, sweep.depth_ray[sweep.is_sky].min(), source.depth_ray)
    depth = torch.where(surface, refined.depth_ray(), depth)
    origins = torch.where(sky, ORIGIN_OBSERVED, source.origins).to(torch.uint8)
    return replace(source, depth_ray=depth, sky=(source.sky & ~surface) | sky, origins=origins)


def _footprints(source: SurfelSource, stride: int) -> tuple[Tensor, Tensor]:  # [N, 3], [N]
    """Return every ``stride``-th pixel's point in the world and its footprint.

    That of the source is stretched where the surface slants; what was found by a sweep is too noisy for that.
    """
    depth, use = source.depth_ray[::stride, ::stride].double(), source.use[::stride, ::stride]
    local = source.camera.rays()[::stride, ::stride] * depth[..., None]
    plain = stride * source.camera.pixel_rad * depth
    spread = plain
    if source.name != "filled":
        beside = (local[1:] - local[:-1]).norm(dim=-1)
        # Of the neighbors above and below the nearer: the other may be across a depth edge.
        reach = torch.minimum(torch.cat((beside, beside[-1:])), torch.cat((beside[:1], beside)))
        spread = torch.maximum(plain, torch.minimum(reach, 2 * plain))
    pose = source.world_from_camera.double()
    use = use & torch.isfinite(depth)
    return local[use] @ pose[:3, :3].T + pose[:3, 3], spread[use]


def fill_from_background(depth: Tensor, unknown: Tensor, camera: Camera) -> Tensor:  # [H, W]
    """Fill unknown pixels from their neighbors, the farthest of those known, ring by ring."""
    depth = torch.where(unknown, 0.0, depth)
    while bool((unknown := depth <= 0).any()) and bool((depth > 0).any()):
        around = torch.nn.functional.max_pool2d(camera.pad(depth[None, None], 1), 3, stride=1)[0, 0]
        depth = torch.where(unknown, around, depth)
    return depth
