"""The slow, obvious splat engine: plain torch and autograd, the reference for the others."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from ..geometry.rotations import matrix_from_quats
from . import splat as contract

__all__ = ["project", "render"]

_TILE_PX = 16


def project(
    means: Tensor,  # [N, 3]
    quats_wxyz: Tensor,  # [N, 4]
    scales: Tensor,  # [N, 3]
    camera_from_world: Tensor,  # [4, 4]
    K_px: Tensor,  # [3, 3]
    height: int,
    width: int,
) -> tuple[Tensor, Tensor, Tensor]:  # [N, 2], [N, 2, 2], [N]
    """Project Gaussians to the image: means in pixels, 2x2 covariances, camera depths.

    Source: Zwicker et al. 2002, eq. (24)-(26), (31): ``Cov2D = J W Cov3D W^T J^T + low-pass``.
    """
    rotation, translation = camera_from_world[:3, :3].to(means), camera_from_world[:3, 3].to(means)
    fx, fy, cx, cy = (float(v) for v in (K_px[0, 0], K_px[1, 1], K_px[0, 2], K_px[1, 2]))
    x, y, z = (means @ rotation.T + translation).unbind(-1)
    safe_z = torch.where(z.abs() < 1e-12, torch.full_like(z, 1e-12), z)
    tan_x, tan_y = x / safe_z, y / safe_z
    limit_x, limit_y = contract.TAN_LIMIT * width / (2 * fx), contract.TAN_LIMIT * height / (2 * fy)
    middle_x, middle_y = (width / 2 - cx) / fx, (height / 2 - cy) / fy
    clamped_x = tan_x.clamp(middle_x - limit_x, middle_x + limit_x)
    clamped_y = tan_y.clamp(middle_y - limit_y, middle_y + limit_y)
    zero = torch.zeros_like(z)
    jacobian = torch.stack(
        (
            torch.stack((fx / safe_z, zero, -fx * clamped_x / safe_z), dim=-1),
            torch.stack((zero, fy / safe_z, -fy * clamped_y / safe_z), dim=-1),
        ),
        dim=-2,
    )
    half = jacobian @ rotation @ (matrix_from_quats(quats_wxyz) * scales.unsqueeze(-2))
    covariance = half @ half.mT + contract.LOWPASS_PX2 * torch.eye(2).to(means)
    return torch.stack((fx * tan_x + cx, fy * tan_y + cy), dim=-1), covariance, z


def is_in_view(
    means: Tensor,
    scales: Tensor,
    camera_from_world: Tensor,
    K_px: Tensor,
    height: int,
    width: int,
    near_z: float,
) -> Tensor:  # [N] bool
    """Tell which Gaussians touch the widened frustum; see the contract in `raster.splat`."""
    rotation, translation = camera_from_world[:3, :3].to(means), camera_from_world[:3, 3].to(means)
    fx, fy, cx, cy = (float(v) for v in (K_px[0, 0], K_px[1, 1], K_px[0, 2], K_px[1, 2]))
    x, y, z = (means @ rotation.T + translation).unbind(-1)
    radius = contract.REACH * scales.amax(-1)
    margin = contract.MARGIN_PX
    inside = z > near_z
    for coordinate, focal, low, high in (
        (x, fx, -cx - margin, width - cx + margin),
        (y, fy, -cy - margin, height - cy + margin),
    ):
        tan_low, tan_high = low / focal, high / focal
        inside &= (coordinate - z * tan_high) < radius * (1 + tan_high**2) ** 0.5
        inside &= (z * tan_low - coordinate) < radius * (1 + tan_low**2) ** 0.5
    return inside


def render(
    means: Tensor,
    quats_wxyz: Tensor,
    scales: Tensor,
    opacities: Tensor,
    colours: Tensor,
    camera_from_world: Tensor,
    K_px: Tensor,
    height: int,
    width: int,
    *,
    near_z: float = contract.NEAR_Z,
) -> tuple[Tensor, Tensor, Tensor]:
    """Draw Gaussians; see `raster.splat.RenderFn`."""
    with torch.no_grad():
        drawn = is_in_view(means, scales, camera_from_world, K_px, height, width, near_z)
        drawn &= opacities > contract.ALPHA_MIN
        drawn = drawn.nonzero().squeeze(-1)
        z = (means[drawn] @ camera_from_world[2, :3].to(means)) + camera_from_world[2, 3].to(means)
        drawn = drawn[torch.argsort(z, stable=True)]
    opacity, colour = opacities[drawn], colours[drawn]
    mean_px, covariance, depth = project(
        means[drawn], quats_wxyz[drawn], scales[drawn], camera_from_world, K_px, height, width
    )
    conic = torch.linalg.inv(covariance) if len(drawn) else covariance
    with torch.no_grad():
        limit = torch.log(opacity / contract.ALPHA_MIN)
        reach = (2 * limit.unsqueeze(-1) * covariance.diagonal(dim1=-2, dim2=-1)).sqrt() + 1
        low, high = mean_px - reach, mean_px + reach

    def draw_tile(top: int, left: int, index: Tensor) -> Tensor:  # -> [h, w, 5]
        rows = torch.arange(top, min(top + _TILE_PX, height)).to(means) + 0.5
        columns = torch.arange(left, min(left + _TILE_PX, width)).to(means) + 0.5
        pixels = torch.stack(torch.meshgrid(columns, rows, indexing="xy"), dim=-1).reshape(-1, 2)
        offset = pixels.unsqueeze(1) - mean_px[index]  # [P, K, 2]
        power = 0.5 * torch.einsum("pki,kij,pkj->pk", offset, conic[index], offset)
        alpha = (opacity[index] * torch.exp(-power)).clamp_max(contract.ALPHA_MAX)
        alpha = torch.where(power <= limit[index], alpha, torch.zeros_like(alpha))
        after = torch.cumprod(1 - alpha, dim=-1)
        before = torch.cat((torch.ones_like(after[:, :1]), after[:, :-1]), dim=-1)
        alpha = torch.where(before >= contract.T_MIN, alpha, torch.zeros_like(alpha))
        weight = alpha * before
        value = torch.cat(
            (colour[index], torch.ones_like(depth[index])[:, None], depth[index][:, None]), dim=-1
        )
        return (weight @ value).unflatten(0, (len(rows), len(columns)))

    bands = []
    for top in range(0, height, _TILE_PX):
        band = []
        for left in range(0, width, _TILE_PX):
            touches = (low[:, 0] < left + _TILE_PX) & (high[:, 0] > left)
            touches &= (low[:, 1] < top + _TILE_PX) & (high[:, 1] > top)
            index = touches.nonzero().squeeze(-1)
            band.append(checkpoint(draw_tile, top, left, index, use_reentrant=False))  # keeps memory small
        bands.append(torch.cat(band, dim=1))
    picture = torch.cat(bands, dim=0)
    return picture[..., :3], picture[..., 3], picture[..., 4]
