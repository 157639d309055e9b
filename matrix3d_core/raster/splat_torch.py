"""The slow, obvious splat engine: plain torch and autograd, the reference for the others."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from ..geometry.rotations import matrix_from_quats
from ..geometry.spherical import directions_from_pixels
from . import splat as contract

__all__ = ["project", "render"]

_TILE_PX = 16
_FAR_PX = 1e9  # where a panorama's Gaussian is seen from behind its own camera: nowhere


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
    mean_px, half, z = _half_pinhole(means, quats_wxyz, scales, camera_from_world, K_px, height, width)
    return mean_px, _widened(half), z


def _widened(half: Tensor) -> Tensor:  # [N, 2, 3] -> [N, 2, 2]
    return half @ half.mT + contract.LOWPASS_PX2 * torch.eye(2).to(half)


def _kept_light(half: Tensor) -> Tensor:  # [N, 2, 3] -> [N]
    """Area before the low-pass over area after it: what anti-aliasing multiplies the opacity by.

    Source: Z. Yu et al., Mip-Splatting, 2024, eq. (10).
    """
    sharp = torch.linalg.cross(half[:, 0], half[:, 1]).square().sum(-1)
    result: Tensor = (sharp.clamp_min(1e-30) / torch.linalg.det(_widened(half))).sqrt()
    return result


def _half_pinhole(
    means: Tensor,
    quats_wxyz: Tensor,
    scales: Tensor,
    camera_from_world: Tensor,
    K_px: Tensor,
    height: int,
    width: int,
) -> tuple[Tensor, Tensor, Tensor]:  # [N, 2], [N, 2, 3], [N]
    """Project means, and the three axes of each Gaussian; axes times their transpose is the covariance."""
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
    return torch.stack((fx * tan_x + cx, fy * tan_y + cy), dim=-1), half, z


def _half_panorama(
    means: Tensor, quats_wxyz: Tensor, scales: Tensor, camera_from_world: Tensor, focal_px: float
) -> tuple[Tensor, Tensor, Tensor]:  # [N, 3, 3], [N, 2, 3], [N]
    """Project each Gaussian with a pinhole camera of its own that looks straight at it.

    Returns:
        That camera's axes in rows (two across the view, one towards the Gaussian), the Gaussian's axes in
        its pixels, and the ray distance.
    """
    rotation, translation = camera_from_world[:3, :3].to(means), camera_from_world[:3, 3].to(means)
    local = means @ rotation.T + translation
    distance = local.norm(dim=-1)
    towards = local / distance.unsqueeze(-1)
    # Any two axes across the view do: what is drawn does not depend on how the camera is rolled.
    least = torch.nn.functional.one_hot(towards.abs().argmin(-1), 3).to(towards)
    first = torch.nn.functional.normalize(torch.linalg.cross(towards, least), dim=-1)
    second = torch.linalg.cross(towards, first)
    across = torch.stack((first, second), dim=-2)
    half = across @ rotation @ (matrix_from_quats(quats_wxyz) * scales.unsqueeze(-2))
    half = half * (focal_px / distance)[:, None, None]
    return torch.cat((across, towards.unsqueeze(-2)), dim=-2), half, distance


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
    K_px: Tensor | None,
    height: int,
    width: int,
    *,
    near_z: float = contract.NEAR_Z,
    antialiased: bool = False,
    median: bool = False,
) -> tuple[Tensor, ...]:
    """Draw Gaussians; see `raster.splat.RenderFn`."""
    pose = camera_from_world
    with torch.no_grad():
        local = means @ pose[:3, :3].to(means).T + pose[:3, 3].to(means)
        if K_px is None:
            depth = local.norm(dim=-1)
            drawn = depth > near_z
        else:
            depth = local[:, 2]
            drawn = is_in_view(means, scales, pose, K_px, height, width, near_z)
        drawn &= (opacities > contract.ALPHA_MIN) & (depth < contract.FAR)
        drawn = drawn.nonzero().squeeze(-1)
        drawn = drawn[torch.argsort(depth[drawn], stable=True)]
    opacity, colour = opacities[drawn], colours[drawn]
    shape = means[drawn], quats_wxyz[drawn], scales[drawn], pose
    if K_px is None:
        focal_px = height / math.pi
        middle, half, depth = _half_panorama(*shape, focal_px)
    else:
        middle, half, depth = _half_pinhole(*shape, K_px, height, width)
    if antialiased:
        opacity = opacity * _kept_light(half)
    covariance = _widened(half)
    conic = torch.linalg.inv(covariance) if len(drawn) else covariance
    with torch.no_grad():
        limit = torch.log(opacity / contract.ALPHA_MIN)
        variances = covariance.diagonal(dim1=-2, dim2=-1)
        if K_px is None:
            largest = variances.sum(-1)  # at least the larger eigenvalue
            radius = torch.atan((2 * limit.clamp_min(0) * largest).sqrt() / focal_px)
        else:
            reach = (2 * limit.clamp_min(0).unsqueeze(-1) * variances).sqrt() + 1
            low, high = middle - reach, middle + reach

    def offsets(rows: Tensor, columns: Tensor, index: Tensor) -> Tensor:  # -> [P, K, 2] pixels
        if K_px is not None:
            pixels = torch.stack(torch.meshgrid(columns + 0.5, rows + 0.5, indexing="xy"), dim=-1)
            return pixels.reshape(-1, 1, 2) - middle[index]
        rays = _rays(rows, columns, height, width)
        u, v, w = torch.einsum("pi,kji->pkj", rays, middle[index]).unbind(-1)
        ahead = w > 0
        w = torch.where(ahead, w, torch.ones_like(w))
        offset = focal_px * torch.stack((u / w, v / w), dim=-1)
        return torch.where(ahead.unsqueeze(-1), offset, torch.full_like(offset, _FAR_PX))

    def touched(rows: Tensor, columns: Tensor) -> Tensor:  # -> [K]
        if K_px is not None:
            touches = (low[:, 0] < columns[-1] + 1) & (high[:, 0] > columns[0])
            return touches & (low[:, 1] < rows[-1] + 1) & (high[:, 1] > rows[0])
        rays = _rays(rows, columns, height, width)
        centre = torch.nn.functional.normalize(rays.mean(0), dim=-1)
        tile_radius = torch.acos((rays @ centre).clamp(-1, 1)).max()
        angle = torch.acos((middle[:, 2] @ centre).clamp(-1, 1))
        return angle <= radius + tile_radius + 1e-3

    def draw_tile(rows: Tensor, columns: Tensor, index: Tensor) -> Tensor:  # -> [h, w, 6]
        offset = offsets(rows, columns, index)
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
        half_way = torch.full_like(offset[:, :1, 0].sum(1), -1)
        if median and len(index):
            beyond = after <= 0.5
            found = drawn[index][beyond.to(torch.uint8).argmax(-1)].to(weight)
            half_way = torch.where(beyond.any(-1), found, half_way)
        picture = torch.cat((weight @ value, half_way.unsqueeze(-1)), dim=-1)
        result: Tensor = picture.unflatten(0, (len(rows), len(columns)))
        return result

    bands = []
    for top in range(0, height, _TILE_PX):
        band = []
        for left in range(0, width, _TILE_PX):
            rows = torch.arange(top, min(top + _TILE_PX, height)).to(means)
            columns = torch.arange(left, min(left + _TILE_PX, width)).to(means)
            with torch.no_grad():
                index = touched(rows, columns).nonzero().squeeze(-1)
            band.append(
                checkpoint(draw_tile, rows, columns, index, use_reentrant=False)
            )  # keeps memory small
        bands.append(torch.cat(band, dim=1))
    picture = torch.cat(bands, dim=0)
    pictures = picture[..., :3], picture[..., 3], picture[..., 4]
    return (*pictures, picture[..., 5].detach().long()) if median else pictures


def _rays(rows: Tensor, columns: Tensor, height: int, width: int) -> Tensor:  # [h], [w] -> [h w, 3]
    across, down = torch.meshgrid(columns, rows, indexing="xy")
    return directions_from_pixels(across, down, height=height, width=width).reshape(-1, 3)
