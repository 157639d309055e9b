"""What a panorama's distance says of frames along a path: ray distances where the frames show the same surface."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from ..progress import ProgressEvent, ProgressFn, no_progress
from ..raster.mesh import open_mesh_renderer, shade_hits
from ..scene.panorama import PanoramaGeometry
from ..scene.trajectory import Trajectory
from .scene_mesh import mesh_from_panorama

__all__ = ["known_depth"]

_SAME_COLOR = 0.1
_WINDOW_PX = 5
_SKY = 0.75  # of the distance of the sky, which is twice that of the farthest surface


def known_depth(
    geometry: PanoramaGeometry,
    frames: Tensor,  # [T, H, W, 3]
    trajectory: Trajectory,
    keys: Sequence[int],
    *,
    rows: int = 240,
    progress: ProgressFn = no_progress,
) -> dict[int, Tensor]:  # key -> [h, w]
    """Render the panorama's surfaces into frames and keep the distance where the colors agree.

    Where they don't, a frame shows something that the panorama does not: the back of an object, or what is behind it.
    Surfaces seen at a grazing angle are kept whole (`depth_jumps`); nothing is known across the jumps.

    Args:
        geometry: the panorama.
        frames: ``[T, H, W, 3]`` in [0, 1].
        trajectory: their poses.
        keys: which frames.
        rows: of the result, about; frames are averaged down to that.
        progress: called before each frame.

    Returns:
        ``[h, w]`` ray distance of each key frame; inf in the sky, NaN where nothing is known.
    """
    mesh = mesh_from_panorama(geometry, height=geometry.height, close_poles=True, grazing=True)
    _, renderer = open_mesh_renderer(mesh, needs=("cast",))
    size = (frames.shape[1], frames.shape[2])
    factor = max(1, round(size[0] / rows))
    sky = float(geometry.depth_ray[geometry.is_sky].min()) if bool(geometry.is_sky.any()) else torch.inf
    world_from_panorama = trajectory.world_from_panorama
    found = {}
    for number, key in enumerate(keys):
        progress(ProgressEvent(number, len(keys), f"render known depth {number + 1} of {len(keys)}"))
        full = trajectory.camera(key, size)
        camera = full.downsampled(factor)
        shown = full.crop(frames[key].float(), camera)
        pose = trajectory.camera_from_world[key] @ world_from_panorama
        frame = shade_hits(mesh, renderer.cast(pose, camera.rays()))
        planes = (shown - frame.rgb).abs().mean(-1)[None, None]
        off = F.avg_pool2d(camera.pad(planes, _WINDOW_PX // 2), _WINDOW_PX, stride=1)[0, 0]
        distance = torch.where(frame.depth_ray > _SKY * sky, torch.inf, frame.depth_ray)
        found[key] = torch.where(frame.is_seen & (off < _SAME_COLOR), distance, torch.nan)
    return found
