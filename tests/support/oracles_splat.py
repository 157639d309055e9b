"""Slow references for Gaussian rasterization, written from the definitions with scalars and loops."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch

from matrix3d_core.raster.splat_contract import SplatInputs, SplatRenderer, SplatView
from matrix3d_core.scene.camera import camera_of
from matrix3d_core.scene.gaussians import Gaussians

PINHOLE = torch.tensor([[40.0, 0.0, 24.0], [0.0, 42.0, 16.0], [0.0, 0.0, 1.0]], dtype=torch.float64)
SIZE = (33, 47)  # not a multiple of any tile


def cloud(count: int, seed: int = 0, *, size_px: float = 2.5, opaque: float = 0.0) -> Gaussians:
    """Random Gaussians that fill the view of PINHOLE, a few of them outside of it."""
    rng = torch.Generator().manual_seed(seed)
    z = 1.0 + 3 * torch.rand(count, generator=rng)
    x = (torch.rand(count, generator=rng) * 2 - 1) * 0.7 * z
    y = (torch.rand(count, generator=rng) * 2 - 1) * 0.5 * z
    spread = torch.exp(0.5 * torch.randn(count, 3, generator=rng))
    quats = torch.nn.functional.normalize(torch.randn(count, 4, generator=rng), dim=-1)
    opacities = torch.sigmoid(torch.randn(count, generator=rng) + opaque)
    colors = torch.rand(count, 3, generator=rng)
    scales = size_px / 40 * z[:, None] * spread
    return Gaussians.from_colors(torch.stack((x, y, z), -1), quats, scales, opacities, colors)


def draw_with(
    render: SplatRenderer,
    tensors: Sequence[torch.Tensor],
    pose: torch.Tensor,
    K_px: torch.Tensor | None,
    *size: int,
    **view,
) -> tuple[torch.Tensor, ...]:
    """Call a backend itself; ``K_px`` None draws a panorama."""
    return render(SplatInputs(*tensors), SplatView(pose, camera_of(K_px, size), **view))


def turned_camera() -> torch.Tensor:
    """A pose without any zero in it."""
    angle_x, angle_y = 0.1, -0.15
    cx, sx, cy, sy = math.cos(angle_x), math.sin(angle_x), math.cos(angle_y), math.sin(angle_y)
    about_x = torch.tensor([[1, 0, 0], [0, cx, -sx], [0, sx, cx]], dtype=torch.float64)
    about_y = torch.tensor([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]], dtype=torch.float64)
    pose = torch.eye(4, dtype=torch.float64)
    pose[:3, :3] = about_x @ about_y
    pose[:3, 3] = torch.tensor([0.1, -0.05, 0.2])
    return pose


def rotation_from_quat(w: float, x: float, y: float, z: float) -> np.ndarray:
    """Rotate the three unit vectors by q v q* with Hamilton products."""

    def product(a, b):
        return (
            a[0] * b[0] - a[1] * b[1] - a[2] * b[2] - a[3] * b[3],
            a[0] * b[1] + a[1] * b[0] + a[2] * b[3] - a[3] * b[2],
            a[0] * b[2] - a[1] * b[3] + a[2] * b[0] + a[3] * b[1],
            a[0] * b[3] + a[1] * b[2] - a[2] * b[1] + a[3] * b[0],
        )

    columns = []
    for axis in ((0, 1, 0, 0), (0, 0, 1, 0), (0, 0, 0, 1)):
        columns.append(product(product((w, x, y, z), axis), (w, -x, -y, -z))[1:])
    return np.array(columns).T


def draw_slowly(gaussians: Gaussians, camera_from_world, K_px, height: int, width: int):
    """Composite from the definition, pixel by pixel, in float64; no tiles, no frustum test.

    The Jacobian comes from central differences of the projection, the inverse covariance from numpy.
    """
    pose = camera_from_world.double().numpy()
    fx, fy, cx, cy = (float(K_px[0, 0]), float(K_px[1, 1]), float(K_px[0, 2]), float(K_px[1, 2]))

    def project(p):
        return np.array([fx * p[0] / p[2] + cx, fy * p[1] / p[2] + cy])

    splats = []
    colors = gaussians.colors.double().numpy()
    for i in range(len(gaussians)):
        center = pose[:3, :3] @ gaussians.means[i].double().numpy() + pose[:3, 3]
        if center[2] <= 0.01:
            continue
        step = 1e-6
        jacobian = np.stack(
            [(project(center + step * e) - project(center - step * e)) / (2 * step) for e in np.eye(3)],
            axis=1,
        )
        axes = pose[:3, :3] @ rotation_from_quat(*gaussians.quats_wxyz[i].double().tolist())
        half = jacobian @ axes @ np.diag(gaussians.scales[i].double().numpy())
        inverse = np.linalg.inv(half @ half.T + 0.3 * np.eye(2))
        splats.append((center[2], project(center), inverse, float(gaussians.opacities[i]), colors[i]))
    splats.sort(key=lambda splat: splat[0])

    rgb, alpha, depth = np.zeros((height, width, 3)), np.zeros((height, width)), np.zeros((height, width))
    for row in range(height):
        for column in range(width):
            clear = 1.0
            for z, mean, inverse, opacity, color in splats:
                offset = np.array([column + 0.5, row + 0.5]) - mean
                value = min(0.999, opacity * math.exp(-0.5 * offset @ inverse @ offset))
                if value < 1 / 255 or clear < 1e-4:
                    continue
                rgb[row, column] += color * value * clear
                depth[row, column] += z * value * clear
                clear *= 1 - value
            alpha[row, column] = 1 - clear
    return torch.from_numpy(rgb), torch.from_numpy(alpha), torch.from_numpy(depth)
