"""The sample scene: a sunny terrace, ray-traced with exact color and ray distance from any viewpoint.

World frame: x right, y down, z forward, meters; the origin is the sample panorama's camera, 1.6 m above
the ground. Surfaces are matt and lit by a fixed sun and sky, so every viewpoint sees the same color at
the same point. The scene is meant for viewpoints inside the terrace, with ``|x| < 3.5``,
``-4 < z < 7.5`` and ``-1.5 < y < 1.4``, outside of the pots and the fountain.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from types import ModuleType

import numpy as np
import torch
from torch import Tensor

from ..checks import check_shape
from ..errors import InvalidInput
from ..geometry.spherical import directions_from_pixels
from .scene_layout import Material, SceneTables, terrace
from .textures import SUN_DIRECTION, albedo, sky_color

__all__ = ["CAMERA_HEIGHT", "intersector", "render_erp", "render_pinhole", "trace"]

CAMERA_HEIGHT = 1.6
"""Meters from the ground to the origin."""

_SUN = np.array([2.75, 2.40, 1.80])
_SKY = np.array([0.66, 0.76, 0.92])
_BOUNCE = np.array([0.52, 0.42, 0.30])
_EPSILON = 1e-5
_CHUNK = 1 << 17


def trace(origins: Tensor, directions: Tensor, *, backend: str = "auto") -> tuple[Tensor, Tensor]:
    """Trace rays to the first surface.

    Args:
        origins: ``[..., 3]`` world points, meters; broadcast against ``directions``.
        directions: ``[..., 3]``, any length but zero.
        backend: ``"auto"``, ``"numba"`` or ``"numpy"`` (the same result, slower).

    Returns:
        ``rgb [..., 3]`` float32 display color in [0, 1] and ``distance [..., 1 dimension less]``
        float64 Euclidean distance in meters, inf where the ray meets the sky.

    Raises:
        InvalidInput: on a wrong shape, a zero or non-finite ray.
    """
    check_shape("origins", origins, "... 3")
    check_shape("directions", directions, "... 3")
    origins, directions = torch.broadcast_tensors(origins, directions)
    start = origins.detach().to("cpu", torch.float64).reshape(-1, 3).numpy()
    ray = directions.detach().to("cpu", torch.float64).reshape(-1, 3).numpy()
    length = np.linalg.norm(ray, axis=1, keepdims=True)
    if not (np.isfinite(start).all() and np.isfinite(length).all() and (length > 0).all()):
        raise InvalidInput("origins and directions must be finite and directions not zero.")
    rgb, distance = _trace_all(np.ascontiguousarray(start), ray / length, backend)
    shape = directions.shape[:-1]
    return torch.from_numpy(rgb).reshape(*shape, 3), torch.from_numpy(distance).reshape(shape)


def render_erp(
    center: Tensor,  # [3]
    height: int,
    width: int,
    *,
    samples: int = 4,
    rotation_world_from_camera: Tensor | None = None,
    backend: str = "auto",
) -> tuple[Tensor, Tensor]:  # [H, W, 3], [H, W]
    """Render a panorama.

    Args:
        center: ``[3]`` camera position, meters.
        height: rows.
        width: columns, usually twice the rows.
        samples: color samples per pixel, averaged.
        rotation_world_from_camera: ``[3, 3]``; None keeps the world's axes.
        backend: see `trace`.

    Returns:
        ``rgb [H, W, 3]`` float32 and ``depth_ray [H, W]`` float32, exact along the ray through the pixel
        center, inf for sky.
    """
    if height < 1 or width < 1:
        raise InvalidInput(f"height and width must be at least 1; got {width}x{height}.")
    rotation = torch.eye(3) if rotation_world_from_camera is None else rotation_world_from_camera

    def rays(columns: Tensor, rows: Tensor) -> Tensor:
        local = directions_from_pixels(columns, rows, height=height, width=width)
        return local @ rotation.to("cpu", torch.float64).mT

    return _render(center, rays, height, width, samples, backend)


def render_pinhole(
    camera_from_world: Tensor,  # [4, 4]
    K_px: Tensor,  # [3, 3]
    height: int,
    width: int,
    *,
    samples: int = 4,
    backend: str = "auto",
) -> tuple[Tensor, Tensor]:  # [H, W, 3], [H, W]
    """Render a pinhole view.

    Args:
        camera_from_world: ``[4, 4]`` rigid, OpenCV axes.
        K_px: ``[3, 3]`` intrinsics in pixels, pixel centers at half integers.
        height: rows.
        width: columns.
        samples: color samples per pixel, averaged.
        backend: see `trace`.

    Returns:
        ``rgb [H, W, 3]`` float32 and ``depth_ray [H, W]`` float32: the ray distance (not z), inf for sky.
    """
    check_shape("camera_from_world", camera_from_world, "4 4")
    check_shape("K_px", K_px, "3 3")
    pose = camera_from_world.detach().to("cpu", torch.float64)
    inverse = torch.linalg.inv(K_px.detach().to("cpu", torch.float64))
    rotation = pose[:3, :3].mT
    center = -(rotation @ pose[:3, 3])

    def rays(columns: Tensor, rows: Tensor) -> Tensor:
        pixels = torch.stack((columns + 0.5, rows + 0.5, torch.ones_like(columns)), dim=-1)
        result: Tensor = pixels @ inverse.mT @ rotation.mT
        return result

    return _render(center, rays, height, width, samples, backend)


@functools.cache
def intersector(backend: str = "auto") -> ModuleType:
    """Return the module with `closest_hit` and `is_occluded`: compiled when numba is there, else numpy."""
    if backend not in ("auto", "numba", "numpy"):
        raise InvalidInput(f"backend must be auto, numba or numpy; got {backend!r}.")
    if backend != "numpy":
        try:
            from . import intersect_numba

            return intersect_numba
        except ImportError:
            if backend == "numba":
                raise
    from . import intersect_numpy

    return intersect_numpy


@functools.cache
def _tables() -> SceneTables:
    return terrace()


def _render(
    center: Tensor,
    rays: Callable[[Tensor, Tensor], Tensor],
    height: int,
    width: int,
    samples: int,
    backend: str,
) -> tuple[Tensor, Tensor]:
    if samples < 1:
        raise InvalidInput(f"samples must be at least 1; got {samples}.")
    check_shape("center", center, "3")
    center = center.detach().to("cpu", torch.float64)
    total = torch.zeros(height, width, 3, dtype=torch.float32)
    depth_ray = torch.empty(height, width, dtype=torch.float32)
    band = max(1, _CHUNK // width)
    for top in range(0, height, band):
        rows, columns = torch.meshgrid(
            torch.arange(top, min(top + band, height), dtype=torch.float64),
            torch.arange(width, dtype=torch.float64),
            indexing="ij",
        )
        part = slice(top, top + band)
        directions = torch.nn.functional.normalize(rays(columns, rows), dim=-1).reshape(-1, 3).numpy()
        start = np.broadcast_to(center.numpy(), directions.shape).copy()
        distance = intersector(backend).closest_hit(start, directions, _tables())[0]
        depth_ray[part] = torch.from_numpy(distance).reshape(rows.shape).float()
        for dx, dy in _subpixels(samples):
            rgb, _ = trace(center, rays(columns + dx, rows + dy), backend=backend)
            total[part] += rgb
    return total / samples, depth_ray


def _subpixels(samples: int) -> list[tuple[float, float]]:
    """Offsets from the pixel center that cover the pixel evenly and average to zero."""
    golden = 0.6180339887498949
    offsets = [((k + 0.5) / samples - 0.5, (k * golden + 0.5) % 1.0 - 0.5) for k in range(samples)]
    mean = sum(y for _, y in offsets) / samples
    return [(x, y - mean) for x, y in offsets]


def _trace_all(origins: np.ndarray, directions: np.ndarray, backend: str) -> tuple[np.ndarray, np.ndarray]:
    rgb = np.empty((len(origins), 3), np.float32)
    distance = np.empty(len(origins))
    for first in range(0, len(origins), _CHUNK):
        part = slice(first, first + _CHUNK)
        rgb[part], distance[part] = _trace_chunk(origins[part], directions[part], backend)
    return rgb, distance


def _trace_chunk(origins: np.ndarray, directions: np.ndarray, backend: str) -> tuple[np.ndarray, np.ndarray]:
    distance, material, normal = intersector(backend).closest_hit(origins, directions, _tables())
    rgb = np.empty((len(origins), 3))
    sky = material == Material.SKY
    rgb[sky] = sky_color(directions[sky])
    hit = ~sky
    points = origins[hit] + distance[hit, None] * directions[hit]
    rgb[hit] = _display(
        albedo(points, normal[hit], material[hit]) * _light(points, normal[hit], material[hit], backend)
    )
    return rgb, distance


def _display(linear: np.ndarray) -> np.ndarray:
    """Tone curve: soft shoulder, then the display's gamma."""
    exposed = linear * 0.62
    curved = exposed * (1 + exposed / 2.2) / (1 + exposed)
    gray = curved @ np.array([[0.2126], [0.7152], [0.0722]])
    result: np.ndarray = np.clip(gray + 1.22 * (curved - gray), 0.0, 1.0) ** (1 / 2.2)
    return result


def _sky_rays() -> list[tuple[np.ndarray, float]]:
    """Directions towards the sky and the share of its light that each represents."""
    rays = [(np.array([0.0, -1.0, 0.0]), 0.16)]
    for elevation, count, turn, share in ((60.0, 5, 20.0, 0.44), (27.0, 11, 50.0, 0.40)):
        for k in range(count):
            azimuth, tilt = np.radians(turn + 360.0 * k / count), np.radians(elevation)
            ray = (np.cos(tilt) * np.sin(azimuth), -np.sin(tilt), np.cos(tilt) * np.cos(azimuth))
            rays.append((np.array(ray), share / count))
    return rays


def _sun_rays() -> list[np.ndarray]:
    """Three points on a slightly enlarged sun: shadow edges get soft steps."""
    across = np.cross(SUN_DIRECTION, [0.0, 1.0, 0.0])
    across /= np.linalg.norm(across)
    over = np.cross(SUN_DIRECTION, across)
    turns = (0.4 + np.array([0, 1, 2]) * 2 * np.pi / 3).tolist()
    rays = [SUN_DIRECTION + 0.009 * (np.cos(a) * across + np.sin(a) * over) for a in turns]
    return [ray / np.linalg.norm(ray) for ray in rays]


def _light(points: np.ndarray, normal: np.ndarray, material: np.ndarray, backend: str) -> np.ndarray:
    """Irradiance over pi at surface points, a function of point and normal only."""
    start = points + normal * (_EPSILON * (1 + np.abs(points).max(1, keepdims=True)))
    light = np.zeros_like(points)
    for ray in _sun_rays():
        light += (_visible(start, normal, ray, backend) / 3)[:, None] * _SUN
    sky = np.zeros(len(points))
    for ray, share in _sky_rays():
        sky += _visible(start, normal, ray, backend) * share * 2
    light += sky[:, None] * _SKY
    light += ((0.55 + 0.45 * normal[:, 1]) * (0.35 + 0.65 * np.minimum(sky, 1.0)))[:, None] * _BOUNCE
    return light + 0.05


def _visible(start: np.ndarray, normal: np.ndarray, ray: np.ndarray, backend: str) -> np.ndarray:
    """Cosine towards ``ray`` where nothing blocks it, else 0."""
    cosine: np.ndarray = np.maximum(normal @ ray, 0.0)
    at = np.flatnonzero(cosine > 0)
    if len(at):
        blocked = intersector(backend).is_occluded(
            np.ascontiguousarray(start[at]), np.broadcast_to(ray, (len(at), 3)).copy(), _tables()
        )
        cosine[at[blocked]] = 0.0
    return cosine
