"""Dense registration of a frame to a picture of the world: a smooth warp field and a gain per channel.

Frames of video models agree with one rigid scene only up to shifts of a few pixels that vary over the picture and
from frame to frame. Here a frame is registered to a reference, a render of what the world is known to look like from
its pose: ``gain * frame(x + s(x)) = reference(x)``, with shifts ``s`` from a coarse lattice of cubic B-splines.
Shifts and gain are pulled to none by as much as the two differ in the end: what a reference shows distorted, as far
from the panorama, must not bend the frame.

Source: B. Lucas and T. Kanade, An iterative image registration technique, 1981 (Gauss-Newton on intensities);
D. Rueckert et al., Nonrigid registration using free-form deformations, 1999 (B-spline lattice); S. Geman and
D. McClure, Statistical methods for tomographic image reconstruction, 1987 (robust weights). Formulas only.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn.functional import grid_sample

from ..scene.camera import Camera

__all__ = ["FrameWarp", "agreement", "identity_warp", "register_frame"]

LATTICE = (12, 20)
"""Control points: rows and columns."""
_STIFFNESS = 0.002  # of differences of neighboring control points, in the mean curvature
_JITTER = 0.004  # of the height: how far frames are shifted, root mean square per axis
_GAIN_NOISE = 0.04  # residuals of this size leave half of a gain in doubt
_CORRELATED = 2e-3  # of the height squared, times channels: residuals that go together, as whole surfaces err
_NOISE_LEAST = 0.001
_OUTLIER_LEAST = 0.03  # residuals far below it are never outliers
_LEAST_SHARE = 0.02  # of the pixels that must be known for a frame to be registered at all


@dataclass(frozen=True)
class FrameWarp:
    """How a frame is resampled.

    Attributes:
        shifts: ``[2, h, w]`` float32 control points: columns and rows, as shares of the picture's height.
        gain: ``[3]`` float32 factor per channel.
    """

    shifts: Tensor
    gain: Tensor

    def field_px(self, camera: Camera) -> Tensor:  # [2, H, W]
        """Return the shift of every pixel of a camera's picture: columns and rows, pixels."""
        down, across = _lattice_basis(self.shifts.shape[1:], camera)
        return camera.height * (down @ self.shifts @ across.T)

    def apply(self, frame: Tensor, camera: Camera) -> Tensor:
        """Return the resampled frame ``[H, W, 3]``, bicubic, in [0, 1]."""
        picture = _sampled(frame.permute(2, 0, 1), self.field_px(camera), camera, "bicubic")
        return (picture * self.gain[:, None, None]).clamp(0, 1).permute(1, 2, 0).contiguous()


def identity_warp() -> FrameWarp:
    """Return the warp that changes nothing."""
    return FrameWarp(torch.zeros(2, *LATTICE), torch.ones(3))


def register_frame(
    frame: Tensor,  # [H, W, 3]
    reference: Tensor,  # [H, W, 3]
    weight: Tensor,  # [H, W]
    camera: Camera,
    start: FrameWarp | None = None,
    *,
    scales: tuple[int, ...] = (4, 2, 1),
    iterations: int = 3,
) -> FrameWarp:
    """Find the warp with which a frame shows what a reference shows.

    Args:
        frame: ``[H, W, 3]``.
        reference: ``[H, W, 3]`` what it should show.
        weight: ``[H, W]`` how much each pixel of the reference is worth, 0 where it is unknown.
        camera: of both.
        start: where to start from.
        scales: the pictures are reduced by these factors, coarse to fine.
        iterations: Gauss-Newton steps at each.

    Returns:
        The warp; ``start`` where too little is known.
    """
    warp = start or identity_warp()
    maps = torch.cat((frame, reference, weight[..., None]), -1)
    for scale in scales:
        small = camera.downsampled(scale)
        reduced = maps if scale == 1 else camera.crop(maps, small)
        planes = reduced.permute(2, 0, 1).contiguous()
        known = planes[6] * (planes[6] > 0.99 * float(weight.max())) * small.row_weights().float()[:, None]
        if float((known > 0).float().mean()) < _LEAST_SHARE:
            continue
        for _ in range(iterations):
            warp = _gauss_newton(warp, planes[:3], planes[3:6], known, small)
    return warp


def agreement(
    shown: Tensor,  # [H, W, 3]
    reference: Tensor,  # [H, W, 3]
    weight: Tensor,  # [H, W]
    camera: Camera,
    rows: int = 120,
) -> Tensor:
    """Return how far a registered frame can be trusted, ``[h, w]`` in 0..1 at about ``rows`` rows.

    Less where it differs from the reference by much more than it does on the whole; 1 where ``weight`` is 0.
    """
    small = camera.downsampled(max(1, round(camera.height / rows)))
    known = (weight > 0).float()[..., None]
    off = (shown - reference).abs().mean(-1, keepdim=True) * known
    size, share = camera.crop(torch.cat((off, known), -1), small).unbind(-1)
    size = size / share.clamp_min(1e-6)
    if not bool((share > 0.5).any()):
        return torch.ones_like(share)
    trust = _robust(size, float(size[share > 0.5].median()))
    return torch.where(share > 0.5, trust, 1.0)


def _gauss_newton(
    warp: FrameWarp, frame: Tensor, reference: Tensor, known: Tensor, camera: Camera
) -> FrameWarp:
    """Take one step; pictures are ``[3, H, W]``."""
    shown = _sampled(frame, warp.field_px(camera), camera, "bilinear")
    size, noise = _residuals(shown * warp.gain[:, None, None] - reference, known)
    weight = known * _robust(size, noise)
    gain = (weight * shown * reference).sum((1, 2)) / (weight * shown.square()).sum((1, 2)).clamp_min(1e-6)
    gain = 1 + (gain - 1) / (1 + (noise / _GAIN_NOISE) ** 2)
    shown = shown * gain[:, None, None]
    off = shown - reference
    size, noise = _residuals(off, known)
    weight = known * _robust(size, noise)
    slope_x, slope_y = _slopes(0.5 * (shown + reference), camera)
    down, across = _lattice_basis(warp.shifts.shape[1:], camera)
    # Slopes per share of the height, the unit of the control points.
    slopes = camera.height * slope_x, camera.height * slope_y
    count = warp.shifts[0].numel()
    matrix, right = torch.zeros(2, count, 2, count), torch.zeros(2, count)
    for a in range(2):
        right[a] = (down.T @ (weight * (slopes[a] * off).sum(0)) @ across).reshape(-1)
        for b in range(a, 2):
            matrix[a, :, b] = _gram(weight * (slopes[a] * slopes[b]).sum(0), down, across)
    matrix[1, :, 0] = matrix[0, :, 1].T
    scale = float(matrix.diagonal(dim1=0, dim2=2).diagonal().mean()) + 1e-12
    pull = _CORRELATED * (camera.height * noise / _JITTER) ** 2
    smooth = scale * _STIFFNESS * _smoothness(tuple(warp.shifts.shape[1:]), camera.wraps)
    smooth = smooth + pull * torch.eye(count)
    for a in range(2):
        matrix[a, :, a] += smooth
        right[a] += smooth @ warp.shifts[a].reshape(-1)
    factor = torch.linalg.cholesky(matrix.reshape(2 * count, -1).double())
    step = torch.cholesky_solve(-right.reshape(-1, 1).double(), factor)
    return replace(warp, shifts=warp.shifts + step.float().reshape(warp.shifts.shape), gain=gain)


def _residuals(off: Tensor, known: Tensor) -> tuple[Tensor, float]:
    """Return the size of residuals ``[3, H, W]`` per pixel, and their median."""
    size = off.abs().mean(0)
    return size, max(float(size[known > 0].median()), _NOISE_LEAST)


def _robust(size: Tensor, noise: float) -> Tensor:
    """Geman and McClure's weights."""
    return (1 + (size / max(3 * noise, _OUTLIER_LEAST)).square()).square().reciprocal()


def _gram(weight: Tensor, down: Tensor, across: Tensor) -> Tensor:  # [H, W] -> [h w, h w]
    """Return ``B^T W B`` of the separable basis ``B = down x across``."""
    rows, columns = down.shape[1], across.shape[1]
    pairs = (across[:, :, None] * across[:, None, :]).reshape(len(across), -1)
    heights = (down[:, :, None] * down[:, None, :]).reshape(len(down), -1)
    product = (heights.T @ (weight @ pairs)).reshape(rows, rows, columns, columns)
    return product.permute(0, 2, 1, 3).reshape(rows * columns, rows * columns)


@functools.cache
def _smoothness(shape: tuple[int, int], wraps: bool) -> Tensor:  # [h w, h w]
    """Return the sum of squared differences of neighbors as a quadratic form."""
    rows, columns = shape
    down, across = _differences(rows, False), _differences(columns, wraps)
    return torch.kron(down, torch.eye(columns)) + torch.kron(torch.eye(rows), across)


def _differences(count: int, wraps: bool) -> Tensor:  # [n, n]
    step = torch.roll(torch.eye(count), 1, dims=1) - torch.eye(count)
    step = step if wraps else step[:-1]
    return step.T @ step


def _lattice_basis(shape: tuple[int, ...], camera: Camera) -> tuple[Tensor, Tensor]:  # [H, h], [W, w]
    return _spline_basis(shape[0], camera.height, False), _spline_basis(shape[1], camera.width, camera.wraps)


@functools.cache
def _spline_basis(count: int, size: int, wraps: bool) -> Tensor:  # [size, count]
    """Return the uniform cubic B-splines of ``count`` control points at pixel centers; periodic, or one beyond."""
    share = (torch.arange(size, dtype=torch.float64) + 0.5) / size
    at = share * count if wraps else 1 + share * (count - 3)
    left = at.floor().clamp(max=math.inf if wraps else count - 3)
    t = at - left
    values = (1 - t) ** 3, 3 * t**3 - 6 * t**2 + 4, -3 * t**3 + 3 * t**2 + 3 * t + 1, t**3
    basis = torch.zeros(size, count, dtype=torch.float64)
    for offset, value in enumerate(values, -1):
        column = (left.long() + offset) % count
        basis.scatter_add_(1, column[:, None], value[:, None] / 6)
    return basis.float()


def _slopes(planes: Tensor, camera: Camera) -> tuple[Tensor, Tensor]:  # [C, H, W]
    """Central differences, per pixel."""
    wide = camera.pad(planes[None], 1)[0]
    return 0.5 * (wide[:, 1:-1, 2:] - wide[:, 1:-1, :-2]), 0.5 * (wide[:, 2:, 1:-1] - wide[:, :-2, 1:-1])


def _sampled(planes: Tensor, field: Tensor, camera: Camera, mode: str) -> Tensor:  # [C, H, W]
    """Look a picture up at its pixel centers plus ``field [2, H, W]`` pixels, around the border of a panorama."""
    height, width = camera.size_px
    reach = min(height // 2, math.ceil(float(field.abs().max())) + 3)
    wide = camera.pad(planes[None], reach)
    y, x = torch.meshgrid(torch.arange(height) + 0.5, torch.arange(width) + 0.5, indexing="ij")
    across = (x + field[0] + reach) / (width + 2 * reach)
    down = (y + field[1] + reach) / (height + 2 * reach)
    grid = torch.stack((across, down), -1)[None] * 2 - 1
    return grid_sample(wide, grid.to(planes), mode=mode, padding_mode="border", align_corners=False)[0]
