"""Pictures of factory scenes: color, exact ray distance, normals, classes and instances."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..checks import check_finite, check_shape
from ..errors import InvalidInput
from ..progress import ProgressEvent, ProgressFn, no_progress
from ..scene.camera import Camera
from .scene import Environment, Scene

__all__ = ["SceneFrame", "render_scene"]

_BAND_PIXELS = 1 << 16


@dataclass(frozen=True)
class SceneFrame:
    """What a camera sees.

    Attributes:
        rgb: ``[H, W, 3]`` float32 display color, 0..1.
        depth_ray: ``[H, W]`` float32 meters along the ray through the pixel center, inf for sky.
        normal: ``[H, W, 3]`` float32 unit normal of the surface there in the scene's frame, towards the camera; 0 for
            sky.
        surface_class: ``[H, W]`` uint8, `SurfaceClass`.
        instance: ``[H, W]`` int32, 0 for sky; ``k`` is ``scene.objects[k - 1]``.
    """

    rgb: Tensor
    depth_ray: Tensor
    normal: Tensor
    surface_class: Tensor
    instance: Tensor


def render_scene(
    scene: Scene,
    camera: Camera,
    camera_from_world: Tensor,  # [4, 4]
    *,
    samples: int = 1,
    seed: int = 0,
    progress: ProgressFn = no_progress,
) -> SceneFrame:
    """Render a scene.

    Args:
        scene: what is there.
        camera: panorama or pinhole.
        camera_from_world: ``[4, 4]`` rigid pose, OpenCV axes, meters.
        samples: jittered color samples per pixel; 1 is the pixel center.
        seed: of the jitter. The same seed gives the same bits for any number of threads.
        progress: called after every band of rows; raise in it to stop.

    Raises:
        InvalidInput: on a wrong pose or number of samples.
    """
    check_shape("camera_from_world", camera_from_world, "4 4")
    check_finite("camera_from_world", camera_from_world)
    if samples < 1:
        raise InvalidInput(f"samples must be at least 1; got {samples}.")
    from .kernels_render import picture

    pose = camera_from_world.detach().to("cpu", torch.float64).numpy()
    rotation = np.ascontiguousarray(pose[:3, :3].T)
    center = -rotation @ pose[:3, 3]
    height, width = camera.size_px
    total = height * width
    rgb, normal = np.empty((total, 3), np.float32), np.empty((total, 3), np.float32)
    depth, instance = np.empty(total, np.float32), np.empty(total, np.int32)
    surface_class = np.empty(total, np.uint8)
    classes = np.array([0, *(item.surface_class for item in scene.objects)], np.uint8)
    band = max(1, _BAND_PIXELS // samples)
    for first in range(0, total, band):
        part = slice(first, min(first + band, total))
        picture(
            part.stop - first,
            first,
            center,
            rotation,
            camera.kernel_values().numpy(),
            (height, width),
            samples,
            seed,
            scene.geometry,
            scene.looks,
            environment_row(scene.environment),
            _lamp_rows(scene),
            classes,
            rgb[part],
            depth[part],
            normal[part],
            surface_class[part],
            instance[part],
        )
        progress(ProgressEvent(part.stop, total, "render scene"))
    return SceneFrame(
        torch.from_numpy(rgb).reshape(height, width, 3),
        torch.from_numpy(depth).reshape(height, width),
        torch.from_numpy(normal).reshape(height, width, 3),
        torch.from_numpy(surface_class).reshape(height, width),
        torch.from_numpy(instance).reshape(height, width),
    )


def environment_row(environment: Environment) -> np.ndarray:  # [18]
    """Return the environment as the kernels read it."""
    sun = np.array(environment.sun_direction, np.float64)
    length = np.linalg.norm(sun)
    if not (np.isfinite(length) and length > 0):
        raise InvalidInput(f"sun_direction must be finite and not zero; got {environment.sun_direction}.")
    return np.array(
        (
            *(sun / length),
            *environment.sun_color,
            *environment.sky_top,
            *environment.sky_horizon,
            environment.clouds,
            environment.haze,
            environment.ambient,
            environment.stars,
            environment.exposure,
            environment.seed,
        ),
        np.float64,
    )


def _lamp_rows(scene: Scene) -> np.ndarray:  # [L, 7]
    rows = [(*lamp.position, *lamp.color, lamp.range) for lamp in scene.lamps]
    return np.array(rows, np.float64).reshape(-1, 7)
