"""Draw Gaussians as a camera of either kind sees them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from ..scene.camera import Camera, Pinhole
from ..scene.gaussians import Gaussians
from .splat import render_gaussians, render_gaussians_panorama

__all__ = ["CameraView", "render_view"]


@dataclass(frozen=True)
class CameraView:
    """A picture of the camera's size: ``rgb [H, W, 3]``, ``alpha`` and ``depth_ray [H, W]``, inf where nothing is."""

    rgb: Tensor
    alpha: Tensor
    depth_ray: Tensor
    backend: str


def render_view(
    gaussians: Gaussians,
    camera_from_world: Tensor,  # [4, 4]
    camera: Camera,
    *,
    background: Sequence[float] = (0.0, 0.0, 0.0),
    backend: str = "auto",
    antialiased: bool = False,
) -> CameraView:
    """Draw Gaussians for one camera; expected depth comes as ray distance for both kinds.

    Args:
        gaussians: any number, also none.
        camera_from_world: ``[4, 4]`` rigid world-to-camera pose.
        camera: lens and size; a pinhole without skew.
        background: three numbers, composited behind everything.
        backend: splat backend.
        antialiased: dim what is smaller than a pixel instead of letting it grow.

    Raises:
        InvalidInput: see `render_gaussians` and `render_gaussians_panorama`.
        BackendUnavailable: when the backend cannot run here or draws no panoramas.
    """
    if isinstance(camera, Pinhole):
        flat = render_gaussians(
            gaussians,
            camera_from_world,
            camera.K_px,
            *camera.size_px,
            background=background,
            backend=backend,
            antialiased=antialiased,
        )
        return CameraView(flat.rgb, flat.alpha, camera.ray_from_depth(flat.depth_z), flat.backend)
    ball = render_gaussians_panorama(
        gaussians,
        camera_from_world,
        *camera.size_px,
        background=background,
        backend=backend,
        antialiased=antialiased,
    )
    return CameraView(ball.rgb, ball.alpha, ball.depth_ray, ball.backend)
