"""Draw 3D Gaussians through a pinhole camera: the contract that every splat engine keeps.

Each Gaussian is projected by the local affine approximation of the perspective (EWA splatting),
widened by a small low-pass kernel, and composited front to back in order of camera depth:

    power = 1/2 d^T Cov2D^-1 d            d = pixel centre - projected mean
    alpha = min(ALPHA_MAX, opacity exp(-power)), dropped below ALPHA_MIN
    pixel = sum_i colour_i alpha_i T_i,   T_i = prod_{j<i} (1 - alpha_j), ends once T_i < T_MIN

What is drawn at all: means with ``z > near_z`` whose sphere of `REACH` standard deviations touches the
view frustum widened by `MARGIN_PX`. The engines share every constant below, so their pictures agree.

Source: M. Zwicker et al., EWA Splatting, 2002; B. Kerbl et al., 3D Gaussian Splatting, 2023 (formulas).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ..checks import check_shape
from ..errors import InvalidInput
from ..scene.gaussians import SH_C0, Gaussians
from .registry import Backend, Registry

__all__ = [
    "ALPHA_MAX",
    "ALPHA_MIN",
    "LOWPASS_PX2",
    "MARGIN_PX",
    "NEAR_Z",
    "REACH",
    "SPLAT_ENGINES",
    "T_MIN",
    "RenderFn",
    "SplatFrame",
    "colours_from_sh",
    "render_gaussians",
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
TAN_LIMIT = 1.3
"""The affine approximation is taken no further out than this times the half image, or it explodes."""

RenderFn = Callable[..., tuple[Tensor, Tensor, Tensor]]
"""``render(means, quats_wxyz, scales, opacities, colours, camera_from_world, K_px, height, width,
near_z=...) -> (rgb_premultiplied [H, W, 3], alpha [H, W], depth_sum [H, W])``, where ``depth_sum`` is
the sum of weight times camera depth. Differentiable in the first five."""


@dataclass(frozen=True)
class SplatFrame:
    """One picture of a set of Gaussians.

    Attributes:
        rgb: ``[H, W, 3]`` composited over the background; not clamped.
        alpha: ``[H, W]`` coverage in [0, 1].
        depth_z: ``[H, W]`` expected camera depth ``sum(w z) / sum(w)``, inf where alpha is 0.
        engine: which engine drew it.
    """

    rgb: Tensor
    alpha: Tensor
    depth_z: Tensor
    engine: str


def render_gaussians(
    gaussians: Gaussians,
    camera_from_world: Tensor,  # [4, 4]
    K_px: Tensor,  # [3, 3]
    height: int,
    width: int,
    *,
    background: Sequence[float] | Tensor = (0.0, 0.0, 0.0),
    engine: str = "auto",
    near_z: float = NEAR_Z,
) -> SplatFrame:
    """Draw Gaussians as seen by one pinhole camera.

    OpenCV axes, pixel centres at half integers. Differentiable with respect to means, quaternions,
    scales, opacities, SH coefficients and the background; not with respect to the camera. Gaussians at
    exactly the same depth are drawn in index order.

    Args:
        gaussians: any number, also none; float32 (the torch engine also takes float64).
        camera_from_world: ``[4, 4]`` rigid world-to-camera pose.
        K_px: ``[3, 3]`` intrinsics in pixels, no skew.
        height: rows of the picture, at least 1.
        width: columns of the picture, at least 1.
        background: three numbers, composited behind everything.
        engine: ``"auto"`` or one of ``SPLAT_ENGINES.names``.
        near_z: Gaussians with a smaller camera depth are not drawn, world units.

    Raises:
        InvalidInput: on wrong shapes, sizes, skewed intrinsics or an unknown engine.
        BackendUnavailable: when the engine cannot run here.

    Source: see the module.
    """
    check_shape("camera_from_world", camera_from_world, "4 4")
    check_shape("K_px", K_px, "3 3")
    if height < 1 or width < 1:
        raise InvalidInput(f"height and width must be at least 1; got {width}x{height}.")
    focal = (float(K_px[0, 0]), float(K_px[1, 1]))
    if not (min(focal) > 0 and math.isfinite(sum(focal))):
        raise InvalidInput(f"K_px must have positive focal lengths; got {focal[0]:g} and {focal[1]:g}.")
    if float(K_px[0, 1]) != 0:
        raise InvalidInput(f"K_px must have no skew; got {float(K_px[0, 1]):g} at [0, 1].")
    if not near_z > 0:
        raise InvalidInput(f"near_z must be positive; got {near_z}.")
    means = gaussians.means
    back = torch.as_tensor(background, dtype=means.dtype, device=means.device)
    check_shape("background", back, "3")
    name, render = _load(engine, means)
    centre = -(camera_from_world[:3, :3].T @ camera_from_world[:3, 3])
    colours = colours_from_sh(gaussians.sh, means, centre.to(means))
    rgb, alpha, depth_sum = render(
        means, gaussians.quats_wxyz, gaussians.scales, gaussians.opacities, colours,
        camera_from_world, K_px, height, width, near_z=near_z,
    )  # fmt: skip
    hit = alpha > 0
    safe = torch.where(hit, alpha, torch.ones_like(alpha))
    depth_z = torch.where(hit, depth_sum / safe, torch.full_like(alpha, torch.inf))
    return SplatFrame(rgb + (1 - alpha).unsqueeze(-1) * back, alpha, depth_z, name)


def _load(engine: str, means: Tensor) -> tuple[str, RenderFn]:
    needs = {"float64"} if means.dtype == torch.float64 else set()
    needs |= {"cuda"} if means.device.type == "cuda" else set()
    if engine == "auto" and not means.is_cuda:
        needs |= {"cpu"}  # do not move a caller's CPU tensors to the device behind the scenes
    return SPLAT_ENGINES.load(engine, needs=needs)


def colours_from_sh(sh: Tensor, means: Tensor, centre: Tensor) -> Tensor:  # [N, K, 3] -> [N, 3]
    """Evaluate view-dependent colours as seen from ``centre``; negative light is cut to 0.

    Args:
        sh: ``[N, K, 3]`` coefficients, K = 1, 4, 9 or 16 (degree 0 to 3).
        means: ``[N, 3]`` where the Gaussians are.
        centre: ``[3]`` where the camera is. The direction runs from it to the Gaussian; it is taken as
            given (no gradient through it).

    Source: real spherical harmonics with the Condon-Shortley phase, as the 3DGS file format uses them.
    """
    colours = 0.5 + SH_C0 * sh[:, 0]
    if sh.shape[1] > 1:
        direction = torch.nn.functional.normalize((means - centre).detach(), dim=-1)
        colours = colours + (_sh_basis(direction, sh.shape[1]).unsqueeze(-1) * sh[:, 1:]).sum(1)
    return colours.clamp_min(0.0)


def _sh_basis(direction: Tensor, bases: int) -> Tensor:  # [N, 3] -> [N, bases - 1]
    x, y, z = direction.unbind(-1)
    c1 = math.sqrt(3 / (4 * math.pi))
    values = [-c1 * y, c1 * z, -c1 * x]
    if bases > 4:
        c2 = math.sqrt(15 / (4 * math.pi))
        values += [
            c2 * x * y,
            -c2 * y * z,
            math.sqrt(5 / (16 * math.pi)) * (3 * z * z - 1),
            -c2 * x * z,
            c2 / 2 * (x * x - y * y),
        ]
    if bases > 9:
        c33, c32 = math.sqrt(35 / (32 * math.pi)), math.sqrt(105 / (4 * math.pi))
        c31, c30 = math.sqrt(21 / (32 * math.pi)), math.sqrt(7 / (16 * math.pi))
        values += [
            -c33 * y * (3 * x * x - y * y),
            c32 * x * y * z,
            -c31 * y * (5 * z * z - 1),
            c30 * z * (5 * z * z - 3),
            -c31 * x * (5 * z * z - 1),
            c32 / 2 * z * (x * x - y * y),
            -c33 * x * (x * x - 3 * y * y),
        ]
    return torch.stack(values, dim=-1)


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
        frozenset({"gradients", "cuda"}),
        _probe_gsplat,
        _load_gsplat,
        "CUDA rasteriser of the gsplat package",
    )
)
SPLAT_ENGINES.register(
    Backend(
        "numba",
        frozenset({"gradients", "cpu"}),
        _probe_numba,
        _load_numba,
        "CPU tile rasteriser, compiled on first use",
    )
)
SPLAT_ENGINES.register(
    Backend(
        "torch",
        frozenset({"gradients", "cpu", "cuda", "float64"}),
        lambda: None,
        _load_torch,
        "plain torch, slow, the reference for the others",
    )
)
