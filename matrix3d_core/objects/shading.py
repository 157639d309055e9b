"""Objects in a world's light: what reaches their surfaces, and what they keep from the surfaces around them.

The light is that of a panorama. It falls on a surface as irradiance of degree 2; how much of it an object keeps away is
counted direction by direction: the object is drawn, as seen from each of some hundred directions of the panorama that
give equal shares of its light, as a map of heights, and a point below the map is in its shadow. The same maps shade the
object itself.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ..checks import check_finite, check_shape, check_two_to_one
from ..errors import InvalidInput
from ..geometry.harmonics import sh_rotation
from ..geometry.rotations import matrix_from_quats
from ..geometry.spherical import erp_directions
from ..light.irradiance import (
    irradiance_from_panorama,
    linear_from_srgb,
    row_solid_angles,
    shade,
    srgb_from_linear,
)
from ..progress import ProgressEvent, ProgressFn, no_progress
from ..raster.splat import render_gaussians_panorama
from ..scene.gaussians import SH_C0, Gaussians

__all__ = [
    "DirectLight",
    "apply_gain",
    "direct_light",
    "light_at",
    "lit_object",
    "normals_of",
    "shadow_gain",
]

_ROWS = 64  # of the panorama that light is taken from
_DIRECTIONS = 256
_RETURNED = (
    0.2  # of the light from a direction comes back from what blocks it, which is lit itself: a middle albedo
)
_LEAST = 0.02  # of the light that is left in the deepest shadow: it can be divided out again
_SEEN = 0.004  # a gain nearer to 1 leaves Gaussians as they are, bit by bit
_REACH = 4.0  # heights of the object, from its middle: how far its shadow is followed
_BIAS = 2.5  # cells of the map of heights
_CELL = 1.3  # standard deviations of a Gaussian of middle size


@dataclass(frozen=True)
class DirectLight:
    """Directions of equal light.

    Attributes:
        directions: ``[D, 3]`` unit vectors towards the light, world frame.
        radiance: ``[D, 3]`` linear light times the solid angle that each stands for.
        irradiance: ``[9, 3]`` harmonics of the whole panorama, see `light.irradiance.shade`.
    """

    directions: Tensor
    radiance: Tensor
    irradiance: Tensor


def direct_light(
    panorama: Tensor, world_from_panorama: Tensor | None = None, *, is_linear: bool = False
) -> DirectLight:
    """Return the light of a panorama.

    Args:
        panorama: ``[H, W, 3]`` display color (sRGB) in [0, 1], or linear light, the sun far above 1.
        world_from_panorama: ``[4, 4]`` its pose; None: it is turned as the world is.
        is_linear: whether it is linear light, an HDRI.

    Raises:
        InvalidInput: for another shape, NaN, or a panorama that is black.
    """
    size = check_shape("panorama", panorama, "H W 3")
    check_two_to_one("panorama", size["H"], size["W"])
    check_finite("panorama", panorama)
    linear = panorama.double().clamp_min(0)
    linear = linear if is_linear else linear_from_srgb(linear)
    if size["H"] > _ROWS:
        whole = torch.nn.functional.adaptive_avg_pool2d(linear.permute(2, 0, 1)[None], (_ROWS, 2 * _ROWS))
        linear = whole[0].permute(1, 2, 0)
    rows = len(linear)
    energy = linear * row_solid_angles(rows)[:, None, None]
    weight = energy.mean(-1).flatten()
    if not float(weight.sum()) > 0:
        raise InvalidInput("panorama must hold some light; it is black. Connect the scene's panorama.")
    step = weight.sum() / _DIRECTIONS
    marks = (torch.arange(_DIRECTIONS, dtype=torch.float64) + 0.5) * step
    taken = torch.searchsorted(weight.cumsum(0), marks).clamp_max(len(weight) - 1)
    directions = erp_directions(rows, 2 * rows).double().reshape(-1, 3)
    radiance = energy.reshape(-1, 3)[taken] * (step / weight[taken]).unsqueeze(-1)
    turned = directions[taken]
    coefficients = irradiance_from_panorama(linear)
    if world_from_panorama is not None:
        turn = world_from_panorama[:3, :3].double()
        turned = turned @ turn.mT
        coefficients = sh_rotation(turn, 9) @ coefficients
    return DirectLight(turned, radiance, coefficients)


def light_at(world: Gaussians, place: Tensor, *, backend: str = "auto") -> DirectLight:
    """Return the light that a world itself sends to a place: a small panorama drawn there.

    Args:
        world: without the object.
        place: ``[3]`` world units.
        backend: splat backend; must draw panoramas.
    """
    pose = torch.eye(4, dtype=torch.float64)
    pose[:3, 3] = -place.double()
    with torch.no_grad():
        seen = render_gaussians_panorama(world.without_labels(), pose, _ROWS, 2 * _ROWS, backend=backend)
    alpha = seen.alpha.double().unsqueeze(-1)
    total = (seen.rgb.double() * row_solid_angles(_ROWS)[:, None, None]).sum((0, 1))
    mean = total / (alpha * row_solid_angles(_ROWS)[:, None, None]).sum((0, 1)).clamp_min(1e-9)
    return direct_light((seen.rgb.double() + (1 - alpha) * mean).clamp(0, 1).cpu())


def normals_of(gaussians: Gaussians, outward_from: Tensor | None = None) -> Tensor:  # [N, 3] float64
    """Return the shortest axis of each Gaussian.

    Args:
        gaussians: flat ones have a normal worth its name.
        outward_from: ``[3]``; axes are turned away from it. None: as the rotation has them.
    """
    matrices = matrix_from_quats(gaussians.quats_wxyz.double())
    shortest = gaussians.scales.argmin(-1)
    normals: Tensor = matrices.gather(2, shortest[:, None, None].expand(-1, 3, 1)).squeeze(-1)
    if outward_from is None:
        return normals
    outward = (normals * (gaussians.means.double() - outward_from.double())).sum(-1, keepdim=True)
    return torch.where(outward < 0, -normals, normals)


def _lit_share(
    points: Tensor,  # [N, 3]
    normals: Tensor,  # [N, 3]
    blockers: Gaussians,
    light: DirectLight,
    progress: ProgressFn,
) -> Tensor:  # [N, 3]
    """Return how much of the light that a surface faces comes past the blockers, or back from them, by color."""
    centers = blockers.means.double()
    middle = centers.mean(0)
    centers, points = centers - middle, points - middle
    cell = _CELL * float(blockers.scales.double().sort(-1).values[:, 1].median())
    extent = float(centers.norm(dim=-1).max())
    cell = max(cell, extent / 256)
    size = int(2 * extent / cell) + 4
    total, free = (
        torch.zeros(len(points), 3, dtype=torch.float64),
        torch.zeros(len(points), 3, dtype=torch.float64),
    )
    for number, (toward, radiance) in enumerate(zip(light.directions, light.radiance, strict=True)):
        if number % 32 == 0:
            progress(ProgressEvent(number, len(light.directions), "cast shadows"))
        facing = (normals @ toward).clamp_min(0)
        basis = _plane(toward)
        heights = torch.full((size * size,), -torch.inf, dtype=torch.float64)
        at = (centers @ basis + extent) / cell + 1
        base, height = at.floor().long().clamp(0, size - 2), centers @ toward
        for down in (0, 1):
            for across in (0, 1):
                index = (base[:, 0] + down) * size + base[:, 1] + across
                heights.scatter_reduce_(0, index, height, "amax")
        found = ((points @ basis + extent) / cell + 1.5).floor().long()
        inside = ((found >= 0) & (found < size)).all(-1)
        index = (found[:, 0] * size + found[:, 1]).clamp(0, size * size - 1)
        hidden = inside & (heights[index] > points @ toward + _BIAS * cell)
        total += facing.unsqueeze(-1) * radiance
        free += torch.where(hidden, 0.0, facing).unsqueeze(-1) * radiance
    share = torch.where(total > 0, free / total.clamp_min(1e-30), 1.0)
    return share + (1 - share) * _RETURNED


def _plane(toward: Tensor) -> Tensor:  # [3] -> [3, 2]
    """Return two unit vectors across a direction."""
    other = torch.zeros(3, dtype=torch.float64)
    other[toward.abs().argmin()] = 1.0
    first = torch.nn.functional.normalize(torch.linalg.cross(toward, other), dim=-1)
    return torch.stack((first, torch.linalg.cross(toward, first)), -1)


def apply_gain(gaussians: Gaussians, gain: Tensor, *, invert: bool = False) -> Gaussians:
    """Multiply the linear light of Gaussians, their view-dependent part in proportion.

    Args:
        gaussians: the world.
        gain: ``[N, 3]``; where all three are 1, Gaussians stay as they are, bit by bit.
        invert: divide instead.
    """
    changed = (gain != 1).any(-1)
    if not bool(changed.any()):
        return gaussians
    factor = gain[changed].double()
    before = gaussians.colors[changed].double()
    linear = linear_from_srgb(before)
    after = srgb_from_linear(linear / factor if invert else linear * factor)
    sh = gaussians.sh.clone()
    rest = factor.clamp_min(1e-6) ** ((-1 if invert else 1) / 2.2)
    sh[changed, 0] = ((after - 0.5) / SH_C0).to(sh.dtype)
    sh[changed, 1:] = (sh[changed, 1:].double() * rest.unsqueeze(1)).to(sh.dtype)
    return replace(gaussians, sh=sh)


def lit_object(
    item: Gaussians,
    light: DirectLight,
    normals: Tensor,  # [N, 3]
    *,
    strength: float = 1.0,
    progress: ProgressFn = no_progress,
) -> Gaussians:
    """Return an object whose colors were its albedo as the light shows it.

    Args:
        item: in the world, colors in [0, 1].
        light: where it stands.
        normals: its surfaces', outward.
        strength: 1 the light as it is, 0 the object's own colors; between them both are mixed in linear light.
        progress: called while shadows are cast.
    """
    if not strength:
        return item
    share = _lit_share(item.means.double(), normals, item, light, progress)
    gain = share * shade(light.irradiance, normals) / torch.pi
    return apply_gain(item, 1 + strength * (gain - 1))


def shadow_gain(
    world: Gaussians,
    item: Gaussians,
    light: DirectLight,
    *,
    viewer: Tensor,
    strength: float = 1.0,
    progress: ProgressFn = no_progress,
) -> Tensor:  # [N, 3]
    """Return the factors of linear light by which an object dims the world around it.

    Args:
        world: without the object; its sky is left out.
        item: the object in the world.
        light: where it stands.
        viewer: ``[3]`` place from which the world was seen: surfaces face it.
        strength: 1 the shadow as it is, 0 none.
        progress: called between directions.

    Returns:
        ``[N, 3]`` float64 in [0.02, 1]; exactly 1 out of reach.
    """
    gain = torch.ones(len(world), 3, dtype=torch.float64)
    if not strength or not len(item):
        return gain
    means = world.means.double()
    middle = item.means.double().mean(0)
    size = (item.means.double() - middle).norm(dim=-1).max()
    near = ((means - middle).norm(dim=-1) < _REACH * size).nonzero()[:, 0]
    if not len(near):
        return gain
    part = world.select(near)
    normals = normals_of(part, viewer)
    normals = torch.where(
        ((normals * (viewer.double() - part.means.double())).sum(-1, keepdim=True)) < 0, -normals, normals
    )
    share = _lit_share(part.means.double(), normals, item, light, progress)
    found = (1 + strength * (share - 1)).clamp_min(_LEAST)
    gain[near] = torch.where((found > 1 - _SEEN).all(-1, keepdim=True), 1.0, found)
    return gain
