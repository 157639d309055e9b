"""Pictures of factory scenes: color, exact ray distance, normals, classes and instances."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..checks import check_finite, check_shape
from ..compiled import in_slices
from ..errors import InvalidInput
from ..progress import ProgressEvent, ProgressFn, no_progress
from ..scene.camera import Camera
from .scene import Scene

__all__ = ["SceneFrame", "render_scene"]

_BAND_RAYS = 1 << 17  # between reports of progress
_BLOCK_RAYS = 1 << 10  # 0.5 MB of hits and mirrors, which stay in the cache of a core
_GAIN = 1.4  # before the tone curve, whose toe is dark


@dataclass(frozen=True)
class SceneFrame:
    """What a camera sees.

    Attributes:
        rgb: ``[H, W, 3]`` float32 display color, 0..1.
        radiance: ``[H, W, 3]`` float32 linear light, exposed, of which the tone curve makes ``rgb``. The sun's disk is
            as bright as looks right, not as bright as the light that it sends (pi times the environment's sun_color).
        depth_ray: ``[H, W]`` float32 meters along the ray through the pixel center, inf for sky.
        normal: ``[H, W, 3]`` float32 unit normal of the surface there in the scene's frame, towards the camera; 0 for
            sky.
        surface_class: ``[H, W]`` uint8, `SurfaceClass`.
        instance: ``[H, W]`` int32, 0 for sky; ``k`` is ``scene.objects[k - 1]``.
    """

    rgb: Tensor
    radiance: Tensor
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
    light_rays: int = 2,
    seed: int = 0,
    progress: ProgressFn = no_progress,
) -> SceneFrame:
    """Render a scene.

    Args:
        scene: what is there.
        camera: panorama or pinhole.
        camera_from_world: ``[4, 4]`` rigid pose, OpenCV axes, meters.
        samples: jittered color samples per pixel; 1 is the pixel center.
        light_rays: random rays per sample for the light from all around (sky, other surfaces, corners in shade),
            smoothed over neighbors afterwards; 0 guesses it from the normal alone, for speed.
        seed: of the jitter. The same seed gives the same bits for any number of threads.
        progress: called after every band of rows; raise in it to stop.

    Raises:
        InvalidInput: on a wrong pose or number of samples or rays.
    """
    check_shape("camera_from_world", camera_from_world, "4 4")
    check_finite("camera_from_world", camera_from_world)
    if samples < 1 or light_rays < 0:
        raise InvalidInput(
            f"samples must be at least 1 and light_rays at least 0; got {samples} and {light_rays}."
        )
    from .kernels_picture import develop

    total = camera.height * camera.width
    light, normal = np.empty((total, 9), np.float32), np.empty((total, 3), np.float32)
    depth, shape = np.empty(total, np.float32), np.empty(total, np.int32)
    pose = camera_from_world.detach().to("cpu", torch.float64).numpy()
    work = _Work(scene, camera, pose, (samples, light_rays, seed), (light, depth, normal, shape))
    band = max(1, _BAND_RAYS // samples)
    for first in range(0, total, band):
        count = min(band, total - first)
        in_slices(functools.partial(work.look, first), count, max(1, _BLOCK_RAYS // samples))
        progress(ProgressEvent(first + count, total, "render scene"))
    if light_rays:
        _smooth(camera, light, depth, normal, work.turn)
    rgb = np.empty((total, 3), np.float32)
    exposure = np.float32(_GAIN * scene.environment.exposure)
    develop(total, _GAIN * scene.environment.exposure, light, rgb)
    radiance = exposure * (light[:, :3] + light[:, 3:6] * light[:, 6:])
    instance = np.where(shape < 0, 0, scene.geometry.kinds[shape, 2]).astype(np.int32)
    classes = np.array([0, *(item.surface_class for item in scene.objects)], np.uint8)
    size = camera.size_px
    return SceneFrame(
        torch.from_numpy(rgb).reshape(*size, 3),
        torch.from_numpy(radiance).reshape(*size, 3),
        torch.from_numpy(depth).reshape(size),
        torch.from_numpy(normal).reshape(*size, 3),
        torch.from_numpy(classes[instance]).reshape(size),
        torch.from_numpy(instance).reshape(size),
    )


class _Work:
    """Kernels and their arguments for one picture."""

    def __init__(
        self,
        scene: Scene,
        camera: Camera,
        pose: np.ndarray,
        settings: tuple[int, int, int],  # samples, light rays, seed
        results: tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray],  # light, depth, normal, shape
    ) -> None:
        self.turn = np.ascontiguousarray(pose[:3, :3].T)
        self.center = -self.turn @ pose[:3, 3]
        self.lens, self.size, self.pixel = camera.kernel_values().numpy(), camera.size_px, camera.pixel_rad
        self.scene = (scene.geometry, scene.looks)
        self.lights = (_environment_row(scene), _lamp_rows(scene))
        self.settings, self.results = settings, results

    def look(self, first: int, begin: int, until: int) -> None:
        """Write the results of pixels ``first + begin`` to ``first + until - 1``, block by block, on this thread."""
        from .kernels_light import Hit, collect, gather, mirror, trace_first, workspace
        from .kernels_materials import paint

        samples, light_rays, seed = self.settings
        block = max(1, _BLOCK_RAYS // samples)
        most = min(block, until - begin) * samples
        tables = np.empty((most, Hit.WIDTH)), np.empty((most, Hit.WIDTH)), np.empty((most, 9))
        lens, space = (self.center, self.turn, self.lens, self.size), workspace()
        for start in range(first + begin, first + until, block):
            count, ray = min(block, first + until - start), start * samples
            rows, mirrors, light = (table[: count * samples] for table in tables)
            trace_first(start, *lens, samples, seed, *self.scene, rows, space)
            centers = rows
            if samples > 1:
                centers = np.empty((count, Hit.WIDTH))
                trace_first(start, *lens, 1, seed, *self.scene, centers, space)
            paint(self.scene[1], rows)
            if gather(
                ray, seed, light_rays, *self.scene, *self.lights, rows, mirrors, self.pixel, light, space
            ):
                paint(self.scene[1], mirrors)
                mirror(ray, seed, *self.scene, *self.lights, rows, mirrors, light, space)
            collect(start, samples, centers, rows, light, *self.results)


def _smooth(
    camera: Camera, light: np.ndarray, depth: np.ndarray, normal: np.ndarray, turn: np.ndarray
) -> None:
    """Blur the light from all around over each surface, in place."""
    from .kernels_picture import smooth_light

    size = camera.size_px
    rays = camera.rays() @ torch.from_numpy(turn).mT
    far = depth.reshape(size)
    point = (rays.numpy() * np.where(np.isfinite(far), far, 0.0)[..., None]).astype(np.float32)
    around = np.ascontiguousarray(light[:, 6:]).reshape(*size, 3)
    result = np.empty_like(around)
    for stride in (1, 2, 4, 8):
        smooth_light(
            size[0],
            stride,
            camera.wraps,
            camera.pixel_rad,
            point,
            normal.reshape(*size, 3),
            far,
            around,
            result,
        )
        around, result = result, around
    light[:, 6:] = around.reshape(-1, 3)


def _environment_row(scene: Scene) -> np.ndarray:  # [19]
    """Return the environment as the kernels read it."""
    environment = scene.environment
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
            scene.is_indoor,
        ),
        np.float64,
    )


def _lamp_rows(scene: Scene) -> np.ndarray:  # [L, 7]
    rows = [(*lamp.position, *lamp.color, lamp.range) for lamp in scene.lamps]
    return np.array(rows, np.float64).reshape(-1, 7)
