"""The slow, obvious splat backend: plain torch and autograd, the reference for the others."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from ..geometry.rotations import matrix_from_quats
from ..geometry.spherical import directions_from_pixels
from ..scene.camera import Camera, Equirect, Pinhole
from . import splat_contract as contract

__all__ = ["render"]

_TILE_PX = 16
_FAR_PX = 1e9  # where a panorama's Gaussian is seen from behind its own camera: nowhere


def _widened(half: Tensor) -> Tensor:  # [N, 2, 3] -> [N, 2, 2]
    return half @ half.mT + contract.LOWPASS_PX2 * torch.eye(2).to(half)


def _kept_light(half: Tensor) -> Tensor:  # [N, 2, 3] -> [N]
    """Area before the low-pass over area after it: what anti-aliasing multiplies the opacity by.

    Source: Z. Yu et al., Mip-Splatting, 2024, eq. (10).
    """
    sharp = torch.linalg.cross(half[:, 0], half[:, 1]).square().sum(-1)
    result: Tensor = (sharp.clamp_min(1e-30) / torch.linalg.det(_widened(half))).sqrt()
    return result


@dataclass(frozen=True)
class _PinholeProjection:
    """Gaussians in the picture of one camera.

    Attributes:
        camera: the camera.
        middle_px: ``[N, 2]`` projected means.
        half_px: ``[N, 2, 3]`` the Gaussians' axes in pixels; times their transpose they are the covariance.
        depth: ``[N]`` along the optical axis.
    """

    camera: Pinhole
    middle_px: Tensor
    half_px: Tensor
    depth: Tensor

    @classmethod
    def of(cls, camera: Pinhole, splats: contract.SplatInputs, pose: Tensor) -> _PinholeProjection:
        """Project means and axes.

        Source: Zwicker et al. 2002, eq. (24)-(26), (31): ``Cov2D = J W Cov3D W^T J^T + low-pass``.
        """
        rotation, translation = pose[:3, :3].to(splats.means), pose[:3, 3].to(splats.means)
        (fx, fy), (cx, cy) = camera.focal_px, camera.principal_px
        x, y, z = (splats.means @ rotation.T + translation).unbind(-1)
        safe_z = torch.where(z.abs() < 1e-12, torch.full_like(z, 1e-12), z)
        tan_x, tan_y = x / safe_z, y / safe_z
        limit_x = contract.TAN_LIMIT * camera.width / (2 * fx)
        limit_y = contract.TAN_LIMIT * camera.height / (2 * fy)
        middle_x, middle_y = (camera.width / 2 - cx) / fx, (camera.height / 2 - cy) / fy
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
        half = jacobian @ rotation @ (matrix_from_quats(splats.quats_wxyz) * splats.scales.unsqueeze(-2))
        return cls(camera, torch.stack((fx * tan_x + cx, fy * tan_y + cy), dim=-1), half, z)

    def reach(self, variances: Tensor, limit: Tensor) -> Tensor:  # [N, 2], [N] -> [N, 2]
        """Half the sides of the box outside which a Gaussian's power is above its limit, pixels."""
        return (2 * limit.clamp_min(0).unsqueeze(-1) * variances).sqrt() + 1

    def touched(self, reach: Tensor, rows: Tensor, columns: Tensor) -> Tensor:  # -> [N]
        """Tell which Gaussians may reach a tile."""
        low, high = self.middle_px - reach, self.middle_px + reach
        touches = (low[:, 0] < columns[-1] + 1) & (high[:, 0] > columns[0])
        return touches & (low[:, 1] < rows[-1] + 1) & (high[:, 1] > rows[0])

    def offsets(self, rows: Tensor, columns: Tensor, index: Tensor) -> Tensor:  # -> [P, K, 2]
        """Offsets in pixels of a tile's pixels from Gaussians."""
        pixels = torch.stack(torch.meshgrid(columns + 0.5, rows + 0.5, indexing="xy"), dim=-1)
        return pixels.reshape(-1, 1, 2) - self.middle_px[index]


@dataclass(frozen=True)
class _PanoramaProjection:
    """Gaussians, each in the picture of a pinhole camera of its own that looks straight at it.

    Attributes:
        camera: the panorama.
        axes: ``[N, 3, 3]`` that camera's axes in rows: two across the view, one towards the Gaussian.
        half_px: ``[N, 2, 3]`` the Gaussian's axes in its pixels.
        depth: ``[N]`` ray distance.
    """

    camera: Equirect
    axes: Tensor
    half_px: Tensor
    depth: Tensor

    @classmethod
    def of(cls, camera: Equirect, splats: contract.SplatInputs, pose: Tensor) -> _PanoramaProjection:
        """Project the axes."""
        rotation, translation = pose[:3, :3].to(splats.means), pose[:3, 3].to(splats.means)
        local = splats.means @ rotation.T + translation
        distance = local.norm(dim=-1)
        towards = local / distance.unsqueeze(-1)
        # Any two axes across the view do: what is drawn does not depend on how the camera is rolled.
        least = torch.nn.functional.one_hot(towards.abs().argmin(-1), 3).to(towards)
        first = torch.nn.functional.normalize(torch.linalg.cross(towards, least), dim=-1)
        second = torch.linalg.cross(towards, first)
        across = torch.stack((first, second), dim=-2)
        half = across @ rotation @ (matrix_from_quats(splats.quats_wxyz) * splats.scales.unsqueeze(-2))
        half = half * (camera.height / math.pi / distance)[:, None, None]
        return cls(camera, torch.cat((across, towards.unsqueeze(-2)), dim=-2), half, distance)

    def reach(self, variances: Tensor, limit: Tensor) -> Tensor:  # [N, 2], [N] -> [N]
        """Angle outside which a Gaussian's power is above its limit."""
        largest = variances.sum(-1)  # at least the larger eigenvalue
        return torch.atan((2 * limit.clamp_min(0) * largest).sqrt() / (self.camera.height / math.pi))

    def touched(self, reach: Tensor, rows: Tensor, columns: Tensor) -> Tensor:  # -> [N]
        """Tell which Gaussians may reach a tile."""
        rays = self._rays(rows, columns)
        center = torch.nn.functional.normalize(rays.mean(0), dim=-1)
        tile_radius = torch.acos((rays @ center).clamp(-1, 1)).max()
        angle = torch.acos((self.axes[:, 2] @ center).clamp(-1, 1))
        return angle <= reach + tile_radius + 1e-3

    def offsets(self, rows: Tensor, columns: Tensor, index: Tensor) -> Tensor:  # -> [P, K, 2]
        """Offsets of a tile's rays from Gaussians, in pixels of their own cameras."""
        u, v, w = torch.einsum("pi,kji->pkj", self._rays(rows, columns), self.axes[index]).unbind(-1)
        ahead = w > 0
        w = torch.where(ahead, w, torch.ones_like(w))
        offset = self.camera.height / math.pi * torch.stack((u / w, v / w), dim=-1)
        return torch.where(ahead.unsqueeze(-1), offset, torch.full_like(offset, _FAR_PX))

    def _rays(self, rows: Tensor, columns: Tensor) -> Tensor:  # [h], [w] -> [h w, 3]
        across, down = torch.meshgrid(columns, rows, indexing="xy")
        return directions_from_pixels(
            across, down, height=self.camera.height, width=self.camera.width
        ).reshape(-1, 3)


def _in_view(
    camera: Camera, splats: contract.SplatInputs, pose: Tensor, near: float
) -> tuple[Tensor, Tensor]:
    """Depth of each Gaussian, and which may be drawn; see the contract."""
    means = splats.means
    local = means @ pose[:3, :3].to(means).T + pose[:3, 3].to(means)
    if isinstance(camera, Equirect):
        depth = local.norm(dim=-1)
        return depth, depth > near
    x, y, z = local.unbind(-1)
    (fx, fy), (cx, cy), margin = camera.focal_px, camera.principal_px, contract.MARGIN_PX
    radius = contract.REACH * splats.scales.amax(-1)
    inside = z > near
    for coordinate, focal, low, high in (
        (x, fx, -cx - margin, camera.width - cx + margin),
        (y, fy, -cy - margin, camera.height - cy + margin),
    ):
        tan_low, tan_high = low / focal, high / focal
        inside &= (coordinate - z * tan_high) < radius * (1 + tan_high**2) ** 0.5
        inside &= (z * tan_low - coordinate) < radius * (1 + tan_low**2) ** 0.5
    return z, inside


def render(splats: contract.SplatInputs, view: contract.SplatView) -> tuple[Tensor, ...]:
    """Draw Gaussians; see `SplatRenderer`."""
    pose, camera = view.camera_from_world, view.camera
    with torch.no_grad():
        depth, drawn = _in_view(camera, splats, pose, view.near_z)
        drawn = drawn & (splats.opacities > contract.ALPHA_MIN) & (depth < contract.FAR)
        drawn = drawn.nonzero().squeeze(-1)
        drawn = drawn[torch.argsort(depth[drawn], stable=True)]
    shown = contract.SplatInputs(*(values[drawn] for values in splats))
    projected: _PinholeProjection | _PanoramaProjection
    if isinstance(camera, Equirect):
        projected = _PanoramaProjection.of(camera, shown, pose)
    else:
        projected = _PinholeProjection.of(camera, shown, pose)
    half, depth, opacity = projected.half_px, projected.depth, shown.opacities
    if view.antialiased:
        opacity = opacity * _kept_light(half)
    covariance = _widened(half)
    conic = torch.linalg.inv(covariance) if len(drawn) else covariance
    with torch.no_grad():
        limit = torch.log(opacity / contract.ALPHA_MIN)
        reach = projected.reach(covariance.diagonal(dim1=-2, dim2=-1), limit)

    def draw_tile(rows: Tensor, columns: Tensor, index: Tensor) -> Tensor:  # -> [h, w, 6]
        offset = projected.offsets(rows, columns, index)
        power = 0.5 * torch.einsum("pki,kij,pkj->pk", offset, conic[index], offset)
        alpha = (opacity[index] * torch.exp(-power)).clamp_max(contract.ALPHA_MAX)
        alpha = torch.where(power <= limit[index], alpha, torch.zeros_like(alpha))
        after = torch.cumprod(1 - alpha, dim=-1)
        before = torch.cat((torch.ones_like(after[:, :1]), after[:, :-1]), dim=-1)
        alpha = torch.where(before >= contract.T_MIN, alpha, torch.zeros_like(alpha))
        weight = alpha * before
        value = torch.cat(
            (shown.colors[index], torch.ones_like(depth[index])[:, None], depth[index][:, None]), dim=-1
        )
        half_way = torch.full_like(offset[:, :1, 0].sum(1), -1)
        if view.median and len(index):
            beyond = after <= 0.5
            found = drawn[index][beyond.to(torch.uint8).argmax(-1)].to(weight)
            half_way = torch.where(beyond.any(-1), found, half_way)
        picture = torch.cat((weight @ value, half_way.unsqueeze(-1)), dim=-1)
        result: Tensor = picture.unflatten(0, (len(rows), len(columns)))
        return result

    bands = []
    for top in range(0, camera.height, _TILE_PX):
        band = []
        for left in range(0, camera.width, _TILE_PX):
            rows = torch.arange(top, min(top + _TILE_PX, camera.height)).to(splats.means)
            columns = torch.arange(left, min(left + _TILE_PX, camera.width)).to(splats.means)
            with torch.no_grad():
                index = projected.touched(reach, rows, columns).nonzero().squeeze(-1)
            band.append(
                checkpoint(draw_tile, rows, columns, index, use_reentrant=False)
            )  # keeps memory small
        bands.append(torch.cat(band, dim=1))
    picture = torch.cat(bands, dim=0)
    pictures = picture[..., :3], picture[..., 3], picture[..., 4]
    return (*pictures, picture[..., 5].detach().long()) if view.median else pictures
