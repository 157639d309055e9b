"""Depth fusion: surfaces that several pictures agree on, each from the picture that shows it at the highest resolution.

What the panorama shows from afar the camera passes at close range later on, and what it does not show the key frames
estimate, each with errors of its own. A point stays where more pictures show it than look through it, and becomes
a surfel of the one that is nearest to it.

Source: P. Merrell et al., Real-Time Visibility-Based Fusion of Depth Maps, 2007 (support and free-space violations).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ...depth.plane_sweep import PlaneSweepDepth
from ...depth.resample import resized
from ...scene.camera import Camera
from ...scene.labels import ORIGIN_OBSERVED
from ...scene.trajectory import Trajectory
from .sources import AGREE, SurfelSource, enlarged, remove_specks

__all__ = ["KeyDepth", "fuse_views", "key_depth"]

_BEND = 0.05  # of the inverse distance, between neighbors of a small map: a jump in depth
_ASIDE = 0.03  # how much closer a neighbor's color must be than that of the pixel's own place
_SKY = 1e30  # as a distance in maps that are compared
_TIE = 1e-6
_FINER = 1.25
"""How much smaller a key frame's pixel must be on a surface to replace one of the panorama."""


@dataclass(frozen=True)
class _Maps:
    """Ray distance maps ``[K, H, W]`` of one size, inf where they say nothing, with poses, lenses and pixel sizes."""

    depth_ray: np.ndarray
    poses: np.ndarray
    lenses: np.ndarray
    pixel_rad: np.ndarray

    @classmethod
    def of(cls, depths: Sequence[Tensor], poses: Sequence[Tensor], cameras: Sequence[Camera]) -> _Maps:
        return cls(
            np.stack([depth.float().numpy() for depth in depths]),
            np.stack([pose.double().numpy() for pose in poses]),
            np.stack([camera.kernel_values().numpy() for camera in cameras]),
            np.array([camera.pixel_rad for camera in cameras]),
        )

    def compare(
        self, depth_ray: Tensor, world_from_camera: Tensor, camera: Camera, skip: int = -1
    ) -> tuple[Tensor, Tensor]:  # [h, w] each
        """Return the smallest footprint at which a map shows each point of a picture, and the votes for it."""
        from .kernels_fusion import compare_views

        finest, votes = np.empty(depth_ray.shape), np.empty(depth_ray.shape, np.int64)
        own = depth_ray.double().numpy(), world_from_camera.double().numpy(), camera.kernel_values().numpy()
        # Of pictures that show a point equally finely, from a camera that rests, the first one takes it.
        first = np.where(np.arange(len(self.pixel_rad)) < skip, 1 - _TIE, 1 + _TIE)
        others = self.depth_ray, self.poses, self.lenses, self.pixel_rad * first
        compare_views(depth_ray.shape[0], *own, *others, skip, AGREE, finest, votes)
        return torch.from_numpy(finest), torch.from_numpy(votes)


@dataclass(frozen=True)
class KeyDepth:
    """What is known of a key frame's distance.

    Attributes:
        inverse: ``[H, W]`` float32, 1 / ray distance, 0 in the sky; a guess where it is not known.
        is_known: ``[H, W]`` bool, more than a guess.
        is_near_jump: ``[H, W]`` bool, so close to a jump in depth that the small map's pixels mix both sides.
    """

    inverse: Tensor
    is_known: Tensor
    is_near_jump: Tensor

    def sky(self) -> Tensor:  # [H, W] bool
        """Return which pixels are known to show the sky."""
        return self.is_known & (self.inverse == 0)

    def depth_ray(self) -> Tensor:  # [H, W]
        """Return the known ray distance, inf elsewhere and in the sky."""
        return torch.where(self.is_known & (self.inverse > 0), 1 / self.inverse, torch.inf)


def key_depth(
    sweep: PlaneSweepDepth,
    known: Tensor | None,  # [h, w]
    rgb: Tensor,  # [H, W, 3]
    camera: Camera,
) -> KeyDepth:
    """Combine what is known of a key frame's distance, at the frame's resolution.

    That is what the panorama says where the frame shows its surfaces, and else, or where something stands before them,
    what the sweep is confident of. At a jump in depth a pixel takes the distance of the neighbor that has its color.

    Args:
        sweep: of the key frame, at any size.
        known: see `known_depth`; None without a panorama.
        rgb: the key frame.
        camera: of the key frame.

    Source: J. Kopf et al., Joint Bilateral Upsampling, 2007 (the idea).
    """
    size = sweep.depth_ray.shape if known is None else known.shape
    surface = resized(remove_specks(sweep.is_confident & ~sweep.is_sky).float(), size) > 0.5
    sky = resized((sweep.is_confident & sweep.is_sky).float(), size) > 0.5
    found = enlarged(sweep.depth_ray, size)
    swept = torch.where(surface, found, torch.where(sky, torch.inf, torch.nan))
    if known is not None:
        is_before = surface & (found < known * (1 - 2 * AGREE))
        swept = torch.where(torch.isnan(known) | is_before, swept, known)
    inverse, is_near_jump = _upsampled(swept, camera.crop(rgb, camera.resized(*size)), rgb, camera)
    guess = torch.where(
        resized(sweep.is_sky.float(), rgb.shape[:2]) > 0.5,
        torch.inf,
        enlarged(sweep.depth_ray, rgb.shape[:2]),
    )
    is_known = inverse >= 0
    return KeyDepth(torch.where(is_known, inverse, 1 / guess).float(), is_known, is_near_jump)


def _upsampled(
    depth: Tensor, small: Tensor, rgb: Tensor, camera: Camera
) -> tuple[Tensor, Tensor]:  # [H, W] each
    """Enlarge distances, inf: sky, NaN: none: linearly within a surface, at jumps from the neighbor of like color.

    Returns the inverse distance, -1 for none, and where there is a jump.
    """
    (rows, columns), (height, width) = depth.shape, rgb.shape[:2]
    near = torch.where(torch.isnan(depth), -1.0, 1 / depth)  # 0: sky
    padded = camera.resized(rows, columns).pad(torch.cat((near[None], small.permute(2, 0, 1)))[None], 1)
    around = F.unfold(padded, 3).reshape(4, 9, rows, columns)
    top = around[0].amax(0)
    bend = torch.stack([(around[0, a] - 2 * near + around[0, b]).abs() for a, b in ((1, 7), (3, 5))]).amax(0)
    mixed = (around[0].amin(0) < 0) | (bend > _BEND * top)
    row = ((torch.arange(height) + 0.5) * rows / height).long()
    column = ((torch.arange(width) + 0.5) * columns / width).long()
    best, cost = torch.full((height, width), -1.0), torch.full((height, width), torch.inf)
    for k in range(9):
        theirs = around[:, k][:, row][:, :, column]
        off = (theirs[1:].permute(1, 2, 0) - rgb).abs().sum(-1) + _ASIDE * (k != 4)
        better = (theirs[0] >= 0) & (off < cost)
        best, cost = torch.where(better, theirs[0], best), torch.where(better, off, cost)
    smooth = F.interpolate(near[None, None], (height, width), mode="bilinear")[0, 0]
    is_mixed = mixed[row][:, column]
    return torch.where(is_mixed, best, smooth), is_mixed


def _with_sky(depths: Mapping[int, Tensor], skies: Mapping[int, Tensor]) -> list[Tensor]:
    """Return the distances of key frames, ascending, with the sky marked in them."""
    return [
        torch.where(skies[key], _SKY, depths[key]) if key in skies else depths[key] for key in sorted(depths)
    ]


def fuse_views(
    sources: Sequence[SurfelSource],
    depths: Mapping[int, Tensor],  # key frame -> [H, W]
    frames: Tensor,  # [T, H, W, 3]
    trajectory: Trajectory,
    skies: Mapping[int, Tensor] | None = None,  # key frame -> [H, W] bool
) -> list[SurfelSource]:
    """Add what key frames are confident of, and let nearer ones replace what the sources show coarsely.

    Args:
        sources: the panorama's surfaces and sky; only surfaces are replaced.
        depths: ray distance of key frames where it is trusted, inf elsewhere and in the sky.
        frames: the frames.
        trajectory: their poses.
        skies: which pixels of key frames are known to show the sky: they look through whatever is there.
    """
    if not depths:
        return list(sources)
    size = (frames.shape[1], frames.shape[2])
    keys = sorted(depths)
    cameras = [trajectory.camera(key, size) for key in keys]
    poses = [trajectory.camera_from_world[key] for key in keys]
    maps = _Maps.of(_with_sky(depths, skies or {}), poses, cameras)
    beyond = [source.use for source in sources if source.name == "sky"]
    result, known = [], []
    for source in sources:
        surface = source.use & torch.isfinite(source.depth_ray)
        if source.name == "sky" or not bool(surface.any()):
            result.append(source)
            continue
        depth = torch.where(surface, source.depth_ray.double(), torch.inf)
        finest, _ = maps.compare(depth, source.world_from_camera, source.camera)
        coarse = surface & (finest * _FINER < depth * source.camera.pixel_rad)
        result.append(replace(source, use=source.use & ~coarse))
        back = torch.linalg.inv(source.world_from_camera.double())
        for sky in beyond:
            depth = torch.where(sky, _SKY, depth)
        known.append(_Maps.of([depth], [back], [source.camera]))
    for number, key in enumerate(keys):
        depth, camera, pose = depths[key].double(), cameras[number], trajectory.world_from_camera[key]
        own = depth * camera.pixel_rad
        finest, votes = maps.compare(depth, pose, camera, number)
        keep = torch.isfinite(depth) & (own < finest)
        for map_ in known:
            theirs, more = map_.compare(depth, pose, camera)
            keep &= own * _FINER < theirs
            votes += more
        keep &= votes > 0
        if bool(keep.any()):
            result.append(
                SurfelSource(frames[key], depth.float(), keep, pose, "filled", ORIGIN_OBSERVED, camera)
            )
    return result
