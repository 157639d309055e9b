"""Draw 3D Gaussians through pinhole and panorama cameras, by any backend; what they agree on is in `splat_contract`."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from ..checks import check_shape, check_two_to_one
from ..errors import InvalidInput
from ..geometry.harmonics import sh_basis
from ..scene.camera import Camera, Equirect, Pinhole
from ..scene.gaussians import SH_C0, Gaussians
from .splat_backends import SPLAT_BACKENDS
from .splat_contract import NEAR_Z, SplatFrame, SplatInputs, SplatPanorama, SplatView

__all__ = [
    "SPLAT_BACKENDS",
    "SplatFrame",
    "SplatPanorama",
    "colors_from_sh",
    "render_gaussians",
    "render_gaussians_panorama",
]


def render_gaussians(
    gaussians: Gaussians,
    camera_from_world: Tensor,  # [4, 4] or [V, 4, 4]
    K_px: Tensor,  # [3, 3] or [V, 3, 3]
    height: int,
    width: int,
    *,
    background: Sequence[float] | Tensor = (0.0, 0.0, 0.0),
    backend: str = "auto",
    near_z: float = NEAR_Z,
    antialiased: bool = False,
    median_depth: bool = False,
) -> SplatFrame:
    """Draw Gaussians as seen by one pinhole camera, or by several.

    OpenCV axes, pixel centers at half integers. Differentiable with respect to means, quaternions,
    scales, opacities, SH coefficients, the background and the camera's pose (a pose that requires a gradient
    gets one), not its intrinsics. Gaussians at exactly the same depth are drawn in index order.

    Args:
        gaussians: any number, also none; float32 (the torch backend also takes float64).
        camera_from_world: ``[4, 4]`` rigid world-to-camera pose, or ``[V, 4, 4]`` for a batch of views.
        K_px: ``[3, 3]`` intrinsics in pixels, no skew; or ``[V, 3, 3]``.
        height: rows of the picture, at least 1.
        width: columns of the picture, at least 1.
        background: three numbers, composited behind everything.
        backend: ``"auto"`` or one of ``SPLAT_BACKENDS.names``.
        near_z: Gaussians with a smaller camera depth are not drawn, world units.
        antialiased: dim what is smaller than a pixel instead of letting it grow.
        median_depth: also return the median depth.

    Returns:
        Pictures ``[H, W, ...]``, or ``[V, H, W, ...]`` when ``camera_from_world`` is a batch.

    Raises:
        InvalidInput: on wrong shapes, sizes, skewed intrinsics or an unknown backend.
        BackendUnavailable: when the backend cannot run here.

    Source: see `splat_contract`.
    """
    is_batch = camera_from_world.ndim == 3
    views = check_shape("camera_from_world", camera_from_world, "V 4 4" if is_batch else "4 4").get("V", 1)
    check_shape("K_px", K_px, f"{views} 3 3" if K_px.ndim == 3 else "3 3")
    intrinsics = K_px.detach().to("cpu", torch.float64)
    for K in intrinsics.reshape(-1, 3, 3):
        focal = (float(K[0, 0]), float(K[1, 1]))
        if not (min(focal) > 0 and math.isfinite(sum(focal))):
            raise InvalidInput(f"K_px must have positive focal lengths; got {focal[0]:g} and {focal[1]:g}.")
        if float(K[0, 1]) != 0:
            raise InvalidInput(f"K_px must have no skew; got {float(K[0, 1]):g} at [0, 1].")
    cameras = [Pinhole((height, width), K) for K in intrinsics.reshape(-1, 3, 3)]
    pictures = _render_views(
        gaussians,
        camera_from_world,
        cameras if K_px.ndim == 3 else cameras * views,
        background=background,
        backend=backend,
        near_z=near_z,
        antialiased=antialiased,
        median=median_depth,
    )
    return SplatFrame(*pictures)


def render_gaussians_panorama(
    gaussians: Gaussians,
    camera_from_world: Tensor,  # [4, 4] or [V, 4, 4]
    height: int,
    width: int,
    *,
    background: Sequence[float] | Tensor = (0.0, 0.0, 0.0),
    backend: str = "auto",
    near_z: float = NEAR_Z,
    antialiased: bool = False,
    median_depth: bool = False,
) -> SplatPanorama:
    """Draw Gaussians all around a point as an equirectangular picture, or a batch of them.

    The mapping is that of `geometry.spherical`: the center column looks along the camera's +z. What the
    border cuts in two continues on the other side; gradients as in `render_gaussians`.

    Args:
        gaussians: any number, also none.
        camera_from_world: ``[4, 4]`` rigid world-to-camera pose, or ``[V, 4, 4]``.
        height: rows, at least 1.
        width: columns, twice the rows.
        background: three numbers, composited behind everything.
        backend: ``"auto"`` or one of ``SPLAT_BACKENDS.names`` that can draw panoramas.
        near_z: Gaussians with a smaller ray distance are not drawn, world units.
        antialiased: dim what is smaller than a pixel instead of letting it grow.
        median_depth: also return the median ray distance.

    Raises:
        InvalidInput: on wrong shapes or sizes or an unknown backend.
        BackendUnavailable: when the backend cannot run here or draws no panoramas.

    Source: see `splat_contract`.
    """
    is_batch = camera_from_world.ndim == 3
    views = check_shape("camera_from_world", camera_from_world, "V 4 4" if is_batch else "4 4").get("V", 1)
    check_two_to_one("panorama", height, width)
    pictures = _render_views(
        gaussians,
        camera_from_world,
        [Equirect((height, width))] * views,
        background=background,
        backend=backend,
        near_z=near_z,
        antialiased=antialiased,
        median=median_depth,
    )
    return SplatPanorama(*pictures)


def _render_views(
    gaussians: Gaussians,
    camera_from_world: Tensor,  # [4, 4] or [V, 4, 4]
    cameras: Sequence[Camera],  # one of each pose
    *,
    background: Sequence[float] | Tensor,
    backend: str,
    near_z: float,
    antialiased: bool,
    median: bool,
) -> tuple[Tensor, Tensor, Tensor, str, Tensor | None]:
    if not near_z > 0:
        raise InvalidInput(f"near_z must be positive; got {near_z}.")
    if not cameras:
        raise InvalidInput("camera_from_world must hold at least one view; got none.")
    means = gaussians.means
    back = torch.as_tensor(background, dtype=means.dtype, device=means.device)
    check_shape("background", back, "3")
    needs = {
        name for name, is_needed in _NEEDS.items() if is_needed(means, cameras[0], median, camera_from_world)
    }
    if backend == "auto" and not means.is_cuda:
        needs |= {"cpu"}  # do not move a caller's CPU tensors to the device behind the scenes
    name, render = SPLAT_BACKENDS.load(backend, needs=needs)
    shade = colors_from_sh
    if gaussians.sh.shape[1] > 1 and "compiled_sh" in SPLAT_BACKENDS.backend(name).features:
        from .splat_numba_sh import colors_from_sh as shade

    def draw(pose: Tensor, camera: Camera) -> list[Tensor]:
        center = -(pose[:3, :3].mT @ pose[:3, 3])
        colors = shade(gaussians.sh, means, center.to(means))
        splats = SplatInputs(means, gaussians.quats_wxyz, gaussians.scales, gaussians.opacities, colors)
        rgb, alpha, depth_sum, *index = render(splats, SplatView(pose, camera, near_z, antialiased, median))
        hit = alpha > 0
        safe = torch.where(hit, alpha, torch.ones_like(alpha))
        depth = torch.where(hit, depth_sum / safe, torch.full_like(alpha, torch.inf))
        pictures = [rgb + (1 - alpha).unsqueeze(-1) * back, alpha, depth]
        return [*pictures, _depth_of(index[0], means, pose, camera)] if median else pictures

    if camera_from_world.ndim == 2:
        pictures = draw(camera_from_world, cameras[0])
    else:
        drawn = [draw(pose, camera) for pose, camera in zip(camera_from_world, cameras, strict=True)]
        pictures = [torch.stack(column) for column in zip(*drawn, strict=True)]
    rgb, alpha, depth = pictures[:3]
    return rgb, alpha, depth, name, pictures[3] if median else None


_NEEDS: dict[str, Callable[[Tensor, Camera, bool, Tensor], bool]] = {
    "panorama": lambda _means, camera, _median, _pose: isinstance(camera, Equirect),
    "median": lambda _means, _camera, median, _pose: median,
    "pose": lambda _means, _camera, _median, pose: pose.requires_grad and torch.is_grad_enabled(),
    "float64": lambda means, _camera, _median, _pose: means.dtype == torch.float64,
    "cuda": lambda means, _camera, _median, _pose: means.is_cuda,
}


def _depth_of(index: Tensor, means: Tensor, pose: Tensor, camera: Camera) -> Tensor:  # [H, W] -> [H, W]
    """Depth of the Gaussian that each pixel names, inf at -1; differentiable in the mean and the pose."""
    found = index >= 0
    if not len(means):
        return torch.full(index.shape, torch.inf).to(means)
    chosen = means[index.clamp_min(0).long()]
    pose = pose.to(means)
    if isinstance(camera, Equirect):
        depth = (chosen @ pose[:3, :3].mT + pose[:3, 3]).norm(dim=-1)
    else:
        depth = chosen @ pose[2, :3] + pose[2, 3]
    return torch.where(found, depth, torch.full_like(depth, torch.inf))


def colors_from_sh(sh: Tensor, means: Tensor, center: Tensor) -> Tensor:  # [N, K, 3] -> [N, 3]
    """Evaluate view-dependent colors as seen from ``center``; negative light is cut to 0.

    Args:
        sh: ``[N, K, 3]`` coefficients, K = 1, 4, 9 or 16 (degree 0 to 3).
        means: ``[N, 3]`` where the Gaussians are.
        center: ``[3]`` where the camera is. The direction runs from it to the Gaussian; gradients flow
            through it to both ends.

    Source: real spherical harmonics with the Condon-Shortley phase, as the 3DGS file format uses them.
    """
    colors = 0.5 + SH_C0 * sh[:, 0]
    if sh.shape[1] > 1:
        direction = torch.nn.functional.normalize(means - center, dim=-1)
        colors = colors + (sh_basis(direction, sh.shape[1])[:, 1:].unsqueeze(-1) * sh[:, 1:]).sum(1)
    return colors.clamp_min(0.0)
