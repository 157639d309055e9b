"""Draw 3D Gaussians through a pinhole camera: the contract that every splat engine keeps.

Each Gaussian is projected by the local affine approximation of the perspective (EWA splatting),
widened by a small low-pass kernel, and composited front to back in order of camera depth:

    power = 1/2 d^T Cov2D^-1 d            d = pixel centre - projected mean
    alpha = min(ALPHA_MAX, opacity exp(-power)), dropped below ALPHA_MIN
    pixel = sum_i colour_i alpha_i T_i,   T_i = prod_{j<i} (1 - alpha_j), ends once T_i < T_MIN

What is drawn at all: means with ``near_z < z < FAR`` whose sphere of `REACH` standard deviations touches the
view frustum widened by `MARGIN_PX`. The engines share every constant below, so their pictures agree.

Anti-aliased, each opacity is multiplied by the area of the projected Gaussian before the low-pass over its
area after it, so that what is smaller than a pixel dims instead of growing.

A panorama (equirectangular, 2:1) has no image plane. There each Gaussian is projected by a pinhole camera of
its own that looks straight at it, with as many pixels per radian as the panorama has rows, and each panorama
pixel takes its value where its ray meets that camera's picture (up to 90 degrees away). So nothing depends
on longitude or latitude: no seam at the border, no pole, and turning the world turns the picture. Depth and
order are ray distances, and nothing nearer than ``near_z`` is drawn.

The median depth of a pixel is the depth of the Gaussian at which T falls to one half.

Source: M. Zwicker et al., EWA Splatting, 2002; B. Kerbl et al., 3D Gaussian Splatting, 2023; Z. Yu et al.,
Mip-Splatting, 2024; L. Huang et al., On the Error Analysis of 3D Gaussian Splatting and an Optimal Projection
Strategy, 2024 (formulas).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ..checks import check_shape, check_two_to_one
from ..errors import InvalidInput
from ..geometry.harmonics import sh_basis
from ..scene.gaussians import SH_C0, Gaussians
from .registry import Backend, Registry

__all__ = [
    "ALPHA_MAX",
    "ALPHA_MIN",
    "FAR",
    "LOWPASS_PX2",
    "MARGIN_PX",
    "MOST_ENTRIES",
    "NEAR_Z",
    "REACH",
    "SPLAT_ENGINES",
    "TILE",
    "T_MIN",
    "RenderFn",
    "SplatFrame",
    "SplatPanorama",
    "check_entries",
    "colours_from_sh",
    "render_gaussians",
    "render_gaussians_panorama",
]

ALPHA_MAX = 0.999
ALPHA_MIN = 1.0 / 255.0
T_MIN = 1e-4
LOWPASS_PX2 = 0.3
"""Added to both diagonal entries of the projected covariance: a pixel's own footprint, in pixels squared."""
REACH = 3.33
"""Standard deviations after which even an opaque Gaussian falls below ALPHA_MIN: sqrt(2 ln 255)."""
MARGIN_PX = 4.0
NEAR_Z = 0.01
FAR = 1e18
"""Nothing at a greater depth is drawn: squares of such distances leave float32."""
TAN_LIMIT = 1.3
"""The affine approximation is taken no further out than this times the half image, or it explodes."""

TILE = 16
"""Side of the squares, in pixels, for which the compiled engines list Gaussians."""
MOST_ENTRIES = 2**29
"""What the lists of all tiles may hold together: they are indexed with 32 bits and take 8 to 12 bytes each."""

RenderFn = Callable[..., tuple[Tensor, ...]]
"""``render(means, quats_wxyz, scales, opacities, colours, camera_from_world, K_px, height, width,
near_z=..., antialiased=False, median=False) -> (rgb_premultiplied [H, W, 3], alpha [H, W],
depth_sum [H, W])``, where ``depth_sum`` is the sum of weight times depth. ``K_px`` None draws a panorama
(engines with the feature ``"panorama"``). Differentiable in the first five and, with the feature
``"pose"``, in ``camera_from_world``. With ``median`` (feature ``"median"``) a fourth picture holds, per
pixel, the integer index of the Gaussian whose depth is the median, or -1."""


@dataclass(frozen=True)
class SplatFrame:
    """One picture of a set of Gaussians, or a batch of them with one dimension more in front.

    Attributes:
        rgb: ``[H, W, 3]`` composited over the background; not clamped.
        alpha: ``[H, W]`` coverage in [0, 1].
        depth_z: ``[H, W]`` expected camera depth ``sum(w z) / sum(w)``, inf where alpha is 0.
        engine: which engine drew it.
        median_z: ``[H, W]`` median camera depth, inf where alpha stays below one half; None unless asked for.
    """

    rgb: Tensor
    alpha: Tensor
    depth_z: Tensor
    engine: str
    median_z: Tensor | None = None


@dataclass(frozen=True)
class SplatPanorama:
    """One equirectangular picture of a set of Gaussians, or a batch with one dimension more in front.

    Attributes:
        rgb: ``[H, W, 3]`` composited over the background; not clamped.
        alpha: ``[H, W]`` coverage in [0, 1].
        depth_ray: ``[H, W]`` expected ray distance, inf where alpha is 0.
        engine: which engine drew it.
        median_ray: ``[H, W]`` median ray distance, inf where alpha stays below one half; None unless asked for.
    """

    rgb: Tensor
    alpha: Tensor
    depth_ray: Tensor
    engine: str
    median_ray: Tensor | None = None


def render_gaussians(
    gaussians: Gaussians,
    camera_from_world: Tensor,  # [4, 4] or [V, 4, 4]
    K_px: Tensor,  # [3, 3] or [V, 3, 3]
    height: int,
    width: int,
    *,
    background: Sequence[float] | Tensor = (0.0, 0.0, 0.0),
    engine: str = "auto",
    near_z: float = NEAR_Z,
    antialiased: bool = False,
    median_depth: bool = False,
) -> SplatFrame:
    """Draw Gaussians as seen by one pinhole camera, or by several.

    OpenCV axes, pixel centres at half integers. Differentiable with respect to means, quaternions,
    scales, opacities, SH coefficients, the background and the camera's pose (a pose that requires a gradient
    gets one), not its intrinsics. Gaussians at exactly the same depth are drawn in index order.

    Args:
        gaussians: any number, also none; float32 (the torch engine also takes float64).
        camera_from_world: ``[4, 4]`` rigid world-to-camera pose, or ``[V, 4, 4]`` for a batch of views.
        K_px: ``[3, 3]`` intrinsics in pixels, no skew; or ``[V, 3, 3]``.
        height: rows of the picture, at least 1.
        width: columns of the picture, at least 1.
        background: three numbers, composited behind everything.
        engine: ``"auto"`` or one of ``SPLAT_ENGINES.names``.
        near_z: Gaussians with a smaller camera depth are not drawn, world units.
        antialiased: dim what is smaller than a pixel instead of letting it grow.
        median_depth: also return the median depth.

    Returns:
        Pictures ``[H, W, ...]``, or ``[V, H, W, ...]`` when ``camera_from_world`` is a batch.

    Raises:
        InvalidInput: on wrong shapes, sizes, skewed intrinsics or an unknown engine.
        BackendUnavailable: when the engine cannot run here.

    Source: see the module.
    """
    is_batch = camera_from_world.ndim == 3
    views = check_shape("camera_from_world", camera_from_world, "V 4 4" if is_batch else "4 4").get("V", 1)
    check_shape("K_px", K_px, f"{views} 3 3" if K_px.ndim == 3 else "3 3")
    for K in K_px if K_px.ndim == 3 else (K_px,):
        focal = (float(K[0, 0]), float(K[1, 1]))
        if not (min(focal) > 0 and math.isfinite(sum(focal))):
            raise InvalidInput(f"K_px must have positive focal lengths; got {focal[0]:g} and {focal[1]:g}.")
        if float(K[0, 1]) != 0:
            raise InvalidInput(f"K_px must have no skew; got {float(K[0, 1]):g} at [0, 1].")
    pictures = _render_views(
        gaussians, camera_from_world, K_px, height, width,
        background=background, engine=engine, near_z=near_z, antialiased=antialiased, median=median_depth,
    )  # fmt: skip
    return SplatFrame(*pictures)


def render_gaussians_panorama(
    gaussians: Gaussians,
    camera_from_world: Tensor,  # [4, 4] or [V, 4, 4]
    height: int,
    width: int,
    *,
    background: Sequence[float] | Tensor = (0.0, 0.0, 0.0),
    engine: str = "auto",
    near_z: float = NEAR_Z,
    antialiased: bool = False,
    median_depth: bool = False,
) -> SplatPanorama:
    """Draw Gaussians all around a point as an equirectangular picture, or a batch of them.

    The mapping is that of `geometry.spherical`: the centre column looks along the camera's +z. What the
    border cuts in two continues on the other side; gradients as in `render_gaussians`.

    Args:
        gaussians: any number, also none.
        camera_from_world: ``[4, 4]`` rigid world-to-camera pose, or ``[V, 4, 4]``.
        height: rows, at least 1.
        width: columns, twice the rows.
        background: three numbers, composited behind everything.
        engine: ``"auto"`` or one of ``SPLAT_ENGINES.names`` that can draw panoramas.
        near_z: Gaussians with a smaller ray distance are not drawn, world units.
        antialiased: dim what is smaller than a pixel instead of letting it grow.
        median_depth: also return the median ray distance.

    Raises:
        InvalidInput: on wrong shapes or sizes or an unknown engine.
        BackendUnavailable: when the engine cannot run here or draws no panoramas.

    Source: see the module.
    """
    check_shape("camera_from_world", camera_from_world, "V 4 4" if camera_from_world.ndim == 3 else "4 4")
    check_two_to_one("panorama", height, width)
    pictures = _render_views(
        gaussians, camera_from_world, None, height, width,
        background=background, engine=engine, near_z=near_z, antialiased=antialiased, median=median_depth,
    )  # fmt: skip
    return SplatPanorama(*pictures)


def _render_views(
    gaussians: Gaussians,
    camera_from_world: Tensor,
    K_px: Tensor | None,
    height: int,
    width: int,
    *,
    background: Sequence[float] | Tensor,
    engine: str,
    near_z: float,
    antialiased: bool,
    median: bool,
) -> tuple[Tensor, Tensor, Tensor, str, Tensor | None]:
    if height < 1 or width < 1:
        raise InvalidInput(f"height and width must be at least 1; got {width}x{height}.")
    if not near_z > 0:
        raise InvalidInput(f"near_z must be positive; got {near_z}.")
    means = gaussians.means
    back = torch.as_tensor(background, dtype=means.dtype, device=means.device)
    check_shape("background", back, "3")
    needs = {name for name, is_needed in _NEEDS.items() if is_needed(K_px, median, camera_from_world)}
    name, render = _load(engine, means, needs)

    shade = colours_from_sh
    if name == "numba" and gaussians.sh.shape[1] > 1:
        from .splat_numba_sh import colours_from_sh as shade

    def draw(pose: Tensor, K: Tensor | None) -> list[Tensor]:
        centre = -(pose[:3, :3].mT @ pose[:3, 3])
        colours = shade(gaussians.sh, means, centre.to(means))
        rgb, alpha, depth_sum, *index = render(
            means, gaussians.quats_wxyz, gaussians.scales, gaussians.opacities, colours,
            pose, K, height, width, near_z=near_z, antialiased=antialiased, median=median,
        )  # fmt: skip
        hit = alpha > 0
        safe = torch.where(hit, alpha, torch.ones_like(alpha))
        depth = torch.where(hit, depth_sum / safe, torch.full_like(alpha, torch.inf))
        pictures = [rgb + (1 - alpha).unsqueeze(-1) * back, alpha, depth]
        return [*pictures, _depth_of(index[0], means, pose, is_ray=K is None)] if median else pictures

    if camera_from_world.ndim == 2:
        pictures = draw(camera_from_world, None if K_px is None else K_px.reshape(3, 3))
    else:
        intrinsics = [K_px] * len(camera_from_world) if K_px is None or K_px.ndim == 2 else K_px
        drawn = [draw(pose, K) for pose, K in zip(camera_from_world, intrinsics, strict=True)]
        if not drawn:
            raise InvalidInput("camera_from_world must hold at least one view; got none.")
        pictures = [torch.stack(column) for column in zip(*drawn, strict=True)]
    rgb, alpha, depth = pictures[:3]
    return rgb, alpha, depth, name, pictures[3] if median else None


_NEEDS: dict[str, Callable[[Tensor | None, bool, Tensor], bool]] = {
    "panorama": lambda K_px, _median, _pose: K_px is None,
    "median": lambda _K_px, median, _pose: median,
    "pose": lambda _K_px, _median, pose: pose.requires_grad and torch.is_grad_enabled(),
}


def _depth_of(index: Tensor, means: Tensor, pose: Tensor, *, is_ray: bool) -> Tensor:  # [H, W] -> [H, W]
    """Depth of the Gaussian that each pixel names, inf at -1; differentiable in the mean and the pose."""
    found = index >= 0
    if not len(means):
        return torch.full(index.shape, torch.inf).to(means)
    chosen = means[index.clamp_min(0).long()]
    pose = pose.to(means)
    if is_ray:
        depth = (chosen @ pose[:3, :3].mT + pose[:3, 3]).norm(dim=-1)
    else:
        depth = chosen @ pose[2, :3] + pose[2, 3]
    return torch.where(found, depth, torch.full_like(depth, torch.inf))


def _load(engine: str, means: Tensor, needs: set[str]) -> tuple[str, RenderFn]:
    needs = needs | ({"float64"} if means.dtype == torch.float64 else set())
    needs |= {"cuda"} if means.device.type == "cuda" else set()
    if engine == "auto" and not means.is_cuda:
        needs |= {"cpu"}  # do not move a caller's CPU tensors to the device behind the scenes
    return SPLAT_ENGINES.load(engine, needs=needs)


def check_entries(entries: int, height: int, width: int) -> None:
    """Refuse lists of tiles that are too long.

    Raises:
        InvalidInput: when they hold more than `MOST_ENTRIES`.
    """
    if entries > MOST_ENTRIES:
        raise InvalidInput(
            f"the Gaussians may cover at most {MOST_ENTRIES:,} tiles of {TILE}x{TILE} pixels together; these cover "
            f"{entries:,} of a picture of {width}x{height}. Draw a smaller picture, or remove the largest Gaussians."
        )


def colours_from_sh(sh: Tensor, means: Tensor, centre: Tensor) -> Tensor:  # [N, K, 3] -> [N, 3]
    """Evaluate view-dependent colours as seen from ``centre``; negative light is cut to 0.

    Args:
        sh: ``[N, K, 3]`` coefficients, K = 1, 4, 9 or 16 (degree 0 to 3).
        means: ``[N, 3]`` where the Gaussians are.
        centre: ``[3]`` where the camera is. The direction runs from it to the Gaussian; gradients flow
            through it to both ends.

    Source: real spherical harmonics with the Condon-Shortley phase, as the 3DGS file format uses them.
    """
    colours = 0.5 + SH_C0 * sh[:, 0]
    if sh.shape[1] > 1:
        direction = torch.nn.functional.normalize(means - centre, dim=-1)
        colours = colours + (sh_basis(direction, sh.shape[1])[:, 1:].unsqueeze(-1) * sh[:, 1:]).sum(1)
    return colours.clamp_min(0.0)


def _probe_gsplat() -> str | None:
    from importlib.util import find_spec

    if not torch.cuda.is_available():
        return "needs a CUDA device"
    if find_spec("gsplat") is None:
        return "the gsplat package is not installed"
    from importlib.metadata import version

    found = version("gsplat")
    if tuple(int(part) for part in found.split("+")[0].split(".")[:2]) < (1, 4):
        return f"needs gsplat 1.4 or newer, found {found}"
    return None


def _load_gsplat() -> RenderFn:
    from .splat_gsplat import open_gsplat

    return open_gsplat()


def _probe_warp() -> str | None:
    from importlib.util import find_spec

    if not torch.cuda.is_available():
        return "needs a CUDA device"
    return None if find_spec("warp") is not None else "the warp-lang package is not installed"


def _load_warp() -> RenderFn:
    from .splat_warp import open_warp

    return open_warp("cuda")


def _probe_numba() -> str | None:
    from importlib.util import find_spec

    return None if find_spec("numba") is not None else "the numba package is not installed"


def _load_numba() -> RenderFn:
    from .splat_numba import render

    return render


def _load_torch() -> RenderFn:
    from .splat_torch import render

    return render


SPLAT_ENGINES: Registry[RenderFn] = Registry("splat")
SPLAT_ENGINES.register(
    Backend(
        "gsplat",
        frozenset({"gradients", "pose", "cuda"}),
        _probe_gsplat,
        _load_gsplat,
        "CUDA rasteriser of the gsplat package",
    )
)
SPLAT_ENGINES.register(
    Backend(
        "warp",
        frozenset({"gradients", "pose", "panorama", "median", "cuda"}),
        _probe_warp,
        _load_warp,
        "CUDA rasteriser by warp-lang, needs no compiler",
    )
)
SPLAT_ENGINES.register(
    Backend(
        "numba",
        frozenset({"gradients", "pose", "panorama", "median", "cpu"}),
        _probe_numba,
        _load_numba,
        "CPU tile rasteriser, compiled on first use",
    )
)
SPLAT_ENGINES.register(
    Backend(
        "torch",
        frozenset({"gradients", "pose", "panorama", "median", "cpu", "cuda", "float64"}),
        lambda: None,
        _load_torch,
        "plain torch, slow, the reference for the others",
    )
)
