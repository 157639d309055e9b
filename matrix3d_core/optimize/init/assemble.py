"""The initial Gaussians of a fit: surfels on all that a panorama and the frames of a path show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ...depth.plane_sweep import PlaneSweepDepth
from ...depth.resample import resized
from ...errors import InvalidInput
from ...raster.camera_view import render_view
from ...scene.camera import Camera, Equirect
from ...scene.gaussians import Gaussians
from ...scene.labels import ORIGIN_OBSERVED, ORIGIN_SOURCE, ORIGIN_UNOBSERVED
from ...scene.panorama import PanoramaGeometry
from ...scene.trajectory import Trajectory
from .density import make_surfels
from .disocclusions import find_disocclusions, sweep_disocclusions
from .fusion import KeyDepth, fuse_views
from .sky import sky_behind
from .sources import KnownDepth, SurfelSource, remove_specks, world_points

__all__ = ["GaussianInit", "extend_gaussians", "init_gaussians"]

_FILLED_DENSITY = 0.4  # of what the source shows: made up without detail


@dataclass(frozen=True)
class GaussianInit:
    """The initial Gaussians of a fit.

    Attributes:
        gaussians: the surfels, in the trajectory's frame, with their origins and what is known of their classes.
        is_sky: ``[N]`` bool, surfels of the sky shell, which keep their distance.
        counts: how many by origin: ``source``, ``sky``, ``filled``.
        lr_scale: ``[N]`` float32, share of the learning rates for each; None: all of them.
        sh_bases_dropped: spherical harmonics beyond the base that given Gaussians had.
    """

    gaussians: Gaussians
    is_sky: Tensor
    counts: dict[str, int]
    lr_scale: Tensor | None = None
    sh_bases_dropped: int = 0


def init_gaussians(
    *,
    geometry: PanoramaGeometry | None = None,
    frames: Tensor | None = None,  # [T, H, W, 3]
    depth_ray: Tensor | None = None,  # [T, H, W]
    mask: Tensor | None = None,  # [T, H, W]
    trajectory: Trajectory | None = None,
    key_frames: Sequence[int] = (),
    swept_depth: Mapping[int, PlaneSweepDepth] | None = None,
    trusted: Mapping[int, KeyDepth] | None = None,
    max_gaussians: int = 300_000,
    adaptive_density: bool = False,
) -> GaussianInit:
    """Lay surfels over everything that the panorama and the key frames show, in the trajectory's frame.

    The panorama's own texels come first (or, without a panorama, the first key frame's). Then, key frame by key
    frame, what is new: pixels whose point no earlier one shows. Sky is at its own stand-in distance, facing
    the center, with fewer and larger surfels.

    Args:
        geometry: the source panorama.
        frames: the filled frames.
        depth_ray: their ray distances.
        mask: 1 where a frame shows the source panorama; only what is below one half can be new. Without it
            ``depth_ray`` of panoramas serves the first picture only.
        trajectory: poses of the frames; the panorama is at the origin of a ``panorama`` trajectory and
            at the first pose of a ``world`` one.
        key_frames: frames to search for new content, ascending.
        swept_depth: distances of key frames that `plane_sweep_depth` found, at any size.
        trusted: what of them is trusted, see `key_depth` and `refine_depth`; given with ``swept_depth``.
        max_gaussians: the finest even density that keeps below this is used, but no finer than the pictures.
        adaptive_density: use surfels of twice the size where a picture is so smooth that it makes no difference.

    Raises:
        InvalidInput: when there is neither a panorama nor a distance to start from.
    """
    if max_gaussians < 100:
        raise InvalidInput(f"max_gaussians must be at least 100; got {max_gaussians}.")
    if geometry is not None:
        sources, known = _start_from_panorama(geometry, trajectory)
    elif frames is not None and trajectory is not None and (depth_ray is not None or swept_depth):
        sources, known = _start_from_frame(frames, trajectory, depth_ray, swept_depth or {})
    else:
        raise InvalidInput(
            "initial Gaussians need a distance to start from; got no geometry, no depth and no initial splat. "
            "Connect one of them."
        )
    if frames is not None and trajectory is not None:
        if depth_ray is not None:
            sources += _disoccluded(known, frames, depth_ray, mask, trajectory, key_frames)
        elif swept_depth:
            sources = _fused(sources, trusted or {}, frames, trajectory)
            sources += sweep_disocclusions(sources, [known], swept_depth, frames, trajectory, trusted)
    if geometry is not None and bool(geometry.is_sky.any()):
        sources.append(sky_behind(geometry, sources[0].world_from_camera))
    made = make_surfels(sources, max_gaussians, adaptive=adaptive_density)
    return GaussianInit(made.gaussians, made.is_sky, made.counts)


def _fused(
    sources: list[SurfelSource], trusted: Mapping[int, KeyDepth], frames: Tensor, trajectory: Trajectory
) -> list[SurfelSource]:
    depths = {key: depth.depth_ray() for key, depth in trusted.items()}
    skies = {key: depth.sky() for key, depth in trusted.items()}
    return fuse_views(sources, depths, frames, trajectory, skies)


def _start_from_panorama(
    geometry: PanoramaGeometry, trajectory: Trajectory | None
) -> tuple[list[SurfelSource], KnownDepth]:
    pose = torch.eye(4, dtype=torch.float64) if trajectory is None else trajectory.world_from_panorama
    camera = Equirect((geometry.height, geometry.width))
    sources, known = _start_from(
        geometry.rgb, geometry.depth_ray, geometry.is_sky, pose, camera, geometry.is_filled
    )
    return [replace(source, classes=geometry.classes) for source in sources], known


def _start_from(
    rgb: Tensor,
    depth_ray: Tensor,
    sky: Tensor,
    world_from_camera: Tensor,
    camera: Camera,
    filled: Tensor | None = None,
) -> tuple[list[SurfelSource], KnownDepth]:
    """Return the first picture as surfaces and sky, and what it says of distances; what was filled in is coarser."""
    seen = torch.ones_like(sky) if filled is None else ~filled
    parts = [("source", ~sky & seen, ORIGIN_SOURCE, 1.0), ("sky", sky & seen, ORIGIN_SOURCE, 1.0)]
    if filled is not None:
        parts += [
            (name, use & filled, ORIGIN_UNOBSERVED, _FILLED_DENSITY)
            for name, use in (("filled", ~sky), ("sky", sky))
        ]
    sources = [
        SurfelSource(rgb, depth_ray, use, world_from_camera, name, origin, camera, density=density)
        for name, use, origin, density in parts
    ]
    return sources, KnownDepth(depth_ray, torch.linalg.inv(world_from_camera), camera)


def _start_from_frame(
    frames: Tensor,
    trajectory: Trajectory,
    depth_ray: Tensor | None,
    swept_depth: Mapping[int, PlaneSweepDepth],
) -> tuple[list[SurfelSource], KnownDepth]:
    size = (frames.shape[1], frames.shape[2])
    if depth_ray is None:
        first = min(swept_depth)
        distance = resized(swept_depth[first].depth_ray, size)
        sky = resized(swept_depth[first].is_sky.float(), size) > 0.5
    else:
        first, distance = 0, depth_ray[0]
        sky = ~torch.isfinite(distance)
    camera = trajectory.camera(first, size)
    sources, _ = _start_from(frames[first], distance, sky, trajectory.world_from_camera[first], camera)
    return sources, KnownDepth(distance, trajectory.camera_from_world[first], camera)


def _disoccluded(
    known: KnownDepth,
    frames: Tensor,
    depth_ray: Tensor,
    mask: Tensor | None,
    trajectory: Trajectory,
    key_frames: Sequence[int],
) -> list[SurfelSource]:
    """Return what key frames with a distance disocclude."""
    if mask is None:
        if isinstance(known.camera, Equirect):
            return []  # all directions are shown already
        mask = torch.zeros(frames.shape[:3])
    new = find_disocclusions([known], depth_ray, mask, trajectory, key_frames)
    size, poses = (frames.shape[1], frames.shape[2]), trajectory.world_from_camera
    return [
        SurfelSource(
            frames[frame],
            depth_ray[frame],
            pixels,
            poses[frame],
            "filled",
            ORIGIN_OBSERVED,
            trajectory.camera(frame, size),
        )
        for frame, pixels in new.items()
    ]


def extend_gaussians(
    world: Gaussians,
    *,
    frames: Tensor,  # [T, H, W, 3]
    trajectory: Trajectory,
    depths: Mapping[int, Tensor],
    skies: Mapping[int, Tensor] | None = None,
    max_gaussians: int,
    backend: str = "auto",
) -> GaussianInit:
    """Add surfels to a world where key frames show more: pixels that it covers by less than half.

    Args:
        world: Gaussians that exist already; they come first and keep their labels.
        frames: the frames.
        trajectory: their poses, in the world's frame.
        depths: key frame to ray distance, at any size; inf or absent sky adds nothing.
        skies: key frame to ``[h, w]`` bool, what belongs to the sky shell.
        max_gaussians: of all together.
        backend: splat backend that draws the world.
    """
    size = (frames.shape[1], frames.shape[2])
    sources: list[SurfelSource] = []
    known: list[KnownDepth] = []
    for frame in sorted(depths):
        depth, camera = resized(depths[frame], size), trajectory.camera(frame, size)
        pose, back = trajectory.camera_from_world[frame], trajectory.world_from_camera[frame]
        points = world_points(camera, depth, back)
        new = (_coverage(world, pose, camera, backend) < 0.5) & torch.isfinite(depth)
        for other in known:
            new &= ~other.shows(points)
        new = remove_specks(new)
        sky = torch.zeros_like(new)
        if skies is not None and frame in skies:
            sky = resized(skies[frame].float(), size) > 0.5
        for name, use in (("filled", new & ~sky), ("sky", new & sky)):
            if bool(use.any()):
                sources.append(SurfelSource(frames[frame], depth, use, back, name, ORIGIN_OBSERVED, camera))
        known.append(KnownDepth(torch.where(new, depth, torch.inf), pose, camera))
    return _added(world, sources, max_gaussians)


def _coverage(world: Gaussians, pose: Tensor, camera: Camera, backend: str) -> Tensor:  # [H, W]
    """Return how opaque the world is in a frame, drawn at half its resolution."""
    with torch.no_grad():
        drawn = render_view(world, pose, camera.downsampled(2), backend=backend)
        return resized(drawn.alpha, camera.size_px)


def _added(world: Gaussians, sources: list[SurfelSource], max_gaussians: int) -> GaussianInit:
    """Return a world with the surfels of ``sources`` after its own Gaussians, where there is room."""
    room = max_gaussians - len(world)
    counts = {"given": len(world), "sky": 0, "filled": 0}
    is_sky = torch.zeros(len(world), dtype=torch.bool)
    if not sources or room < 100:
        return GaussianInit(world.with_labels(origins=world.label("origins")), is_sky, counts)
    added = make_surfels(sources, room, adaptive=False)
    counts |= {"sky": added.counts["sky"], "filled": added.counts["filled"]}
    return GaussianInit(
        Gaussians.concatenate(world, added.gaussians),
        torch.cat((is_sky, added.is_sky)),
        counts,
    )
