"""Pictures of factory scenes: color, exact ray distance, normals, classes and instances."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from ..checks import check_finite, check_shape
from ..errors import InvalidInput
from ..progress import ProgressEvent, ProgressFn, no_progress
from ..scene.camera import Camera, Equirect
from .scene import Scene

__all__ = ["SceneFrame", "exposed", "render_scene"]

_BAND_RAYS = 1 << 15  # 16 MB of hits and mirrors
_MIDDLE = 0.42  # display value of a well exposed picture
_GAIN = 1.4  # before the tone curve, whose toe is dark


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

    work = _Work(scene, camera, camera_from_world.detach().to("cpu", torch.float64).numpy())
    total = camera.height * camera.width
    light, normal = np.empty((total, 9), np.float32), np.empty((total, 3), np.float32)
    depth, shape = np.empty(total, np.float32), np.empty(total, np.int64)
    band = max(1, _BAND_RAYS // samples)
    for first in range(0, total, band):
        part = slice(first, min(first + band, total))
        depth[part], normal[part], shape[part] = work.look(part, samples, light_rays, seed, light[part])
        progress(ProgressEvent(part.stop, total, "render scene"))
    if light_rays:
        _smooth(camera, light, depth, normal, work.turn)
    rgb = np.empty((total, 3), np.float32)
    develop(total, _GAIN * scene.environment.exposure, light, rgb)
    instance = np.where(shape < 0, 0, scene.geometry.kinds[shape, 2]).astype(np.int32)
    classes = np.array([0, *(item.surface_class for item in scene.objects)], np.uint8)
    size = camera.size_px
    return SceneFrame(
        torch.from_numpy(rgb).reshape(*size, 3),
        torch.from_numpy(depth).reshape(size),
        torch.from_numpy(normal).reshape(*size, 3),
        torch.from_numpy(classes[instance]).reshape(size),
        torch.from_numpy(instance).reshape(size),
    )


def exposed(scene: Scene, camera_from_world: Tensor) -> Scene:
    """Return the scene with an exposure at which a view has the brightness of a good photograph.

    Meters a small panorama: the mean of its logarithms becomes a middle gray. All frames of a path need the same one.

    Args:
        scene: its own exposure is replaced.
        camera_from_world: ``[4, 4]`` where to meter.
    """
    camera = Equirect((32, 64))
    weight = camera.row_weights()[:, None].float() / (32 * 64)
    exposure = 1.0
    for _ in range(4):  # the tone curve is not inverted: a few steps reach its middle
        scene = replace(scene, environment=replace(scene.environment, exposure=exposure))
        frame = render_scene(scene, camera, camera_from_world, light_rays=6)
        middle = float(torch.exp((frame.rgb.mean(-1).clamp(0.01, 0.99).log() * weight).sum()))
        exposure *= min(12.0, max(0.1, (_MIDDLE / middle) ** 1.6))
    return replace(scene, environment=replace(scene.environment, exposure=exposure))


class _Work:
    """Kernels and their arguments for one picture."""

    def __init__(self, scene: Scene, camera: Camera, pose: np.ndarray) -> None:
        self.turn = np.ascontiguousarray(pose[:3, :3].T)
        self.center = -self.turn @ pose[:3, 3]
        self.lens, self.size, self.pixel = camera.kernel_values().numpy(), camera.size_px, camera.pixel_rad
        self.scene = (scene.geometry, scene.looks)
        self.lights = (_environment_row(scene), _lamp_rows(scene))

    def look(
        self, part: slice, samples: int, light_rays: int, seed: int, light: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Write the light of a band of pixels; return distance, normal and shape at their centers."""
        from .kernels_light import Hit, gather, mirror
        from .kernels_materials import paint

        rows = self._trace(part, samples, seed)
        centers = rows if samples == 1 else self._trace(part, 1, seed)
        depth, normal = centers[:, Hit.DISTANCE].copy(), centers[:, Hit.NORMAL : Hit.NORMAL + 3].copy()
        shape = centers[:, Hit.SHAPE].astype(np.int64)
        paint(len(rows), self.scene[1], rows)
        mirrors, found = np.empty_like(rows), np.empty((len(rows), 9))
        first = part.start * samples
        gather(
            len(rows), first, seed, light_rays, *self.scene, *self.lights, rows, mirrors, self.pixel, found
        )
        if (mirrors[:, Hit.SHAPE] > -2).any():
            paint(len(rows), self.scene[1], mirrors)
            mirror(len(rows), first, seed, *self.scene, *self.lights, rows, mirrors, found)
        found[:, :3] = np.minimum(found[:, :3], 8.0)  # one bright sample does not fill a pixel
        light[:] = found.reshape(-1, samples, 9).mean(1)
        lit = np.maximum((rows[:, Hit.SHAPE].reshape(-1, samples) >= 0).sum(1), 1)
        light[:, 6:] *= (samples / lit)[:, None]
        return depth, normal, shape

    def _trace(self, part: slice, samples: int, seed: int) -> np.ndarray:
        from .kernels_light import Hit, trace_first

        rows = np.empty(((part.stop - part.start) * samples, Hit.WIDTH))
        trace_first(
            len(rows),
            part.start,
            self.center,
            self.turn,
            self.lens,
            self.size,
            samples,
            seed,
            *self.scene,
            rows,
        )
        return rows


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
