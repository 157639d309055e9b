"""Still layers below what flows and drifts: what moves fades in and out, and no hole may open there."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from ..scene.gaussians import SH_C0, Gaussians
from ..scene.labels import STILL

__all__ = ["cloud_cover", "copies_over_base"]

_BEHIND, _SKY_BEHIND = (
    1.01,
    1.1,
)  # distance of the base from the origin, relative to what moves over it; renderers
# that sort by depth along the axis would mix a sky with its neighbors at the picture's edge
_SOFT = 1.3  # size of a cloud's copies: two grids of splats over each other would show
_SMOOTH_NEIGHBORS = 24
_ROUNDS, _CLEAR_SHARE, _CLEAR = 8, 0.35, 0.02
_FULL_COVER, _LEAST_COVER = 0.18, 0.04  # difference from the clear sky


def copies_over_base(gaussians: Gaussians, chosen: Tensor, *, is_sky: bool) -> tuple[Gaussians, Tensor]:
    """Return the world with a still base of some Gaussians, and two copies of each that may move, at the end.

    Half a period apart, the copies fade into each other, so that a pattern moves as a whole. The base has the smooth
    color below: of a sky that without its clouds and sun, else the mean of neighbors. It lies 1 % farther from the
    origin, a sky 10 %. Of a sky only what differs from the clear sky is copied, as opaque as it differs.

    Args:
        gaussians: the world, on the CPU.
        chosen: ``[N]`` bool.
        is_sky: whether it is sky.

    Returns:
        The world and ``[N + 2 M]`` bool, which are the copies; their phases are set.
    """
    part = gaussians.select(chosen)
    colors = part.colors.detach().double()
    if is_sky:
        smooth, cover = cloud_cover(part.means.double(), colors)
    else:
        smooth, cover = (
            _mean_of_neighbors(part.means.double(), colors),
            torch.ones(len(part), dtype=torch.float64),
        )
    is_seen = cover >= _LEAST_COVER
    if not bool(is_seen.any()):
        is_seen, cover = torch.ones_like(is_seen), torch.ones_like(cover)
    copies = part.select(is_seen)
    opacities = copies.opacities * cover[is_seen].to(copies.opacities)
    copies = replace(copies, opacities=opacities, scales=copies.scales * (_SOFT if is_sky else 1.0))
    base = gaussians.label("motions").clone()
    base[chosen] = STILL
    means, sh = gaussians.means.clone(), gaussians.sh.clone()
    means[chosen] = (_SKY_BEHIND if is_sky else _BEHIND) * means[chosen]
    sh[chosen] = 0
    sh[chosen, 0] = ((smooth - 0.5) / SH_C0).to(sh)
    still = replace(gaussians, means=means, sh=sh)
    still = still if gaussians.motions is None else still.with_labels(motions=base)
    plain = replace(copies, motion_table={}, motions=None)
    both = Gaussians.concatenate(
        still, *(plain.with_labels(phases=torch.full((len(plain),), p)) for p in (0, 128))
    )
    if gaussians.instances is not None:  # those of what they are copies of
        own = [gaussians.instances, *2 * [copies.label("instances")]]
        both = replace(both, instances=torch.cat(own), instance_names=gaussians.instance_names)
    return both, torch.arange(len(both)) >= len(gaussians)


def _mean_of_neighbors(means: Tensor, colors: Tensor) -> Tensor:
    from scipy.spatial import cKDTree

    count = min(_SMOOTH_NEIGHBORS, len(means))
    near = cKDTree(means.numpy()).query(means.numpy(), k=count, workers=-1)[1].reshape(len(means), -1)
    return colors[torch.from_numpy(near)].mean(1)


def cloud_cover(means: Tensor, colors: Tensor) -> tuple[Tensor, Tensor]:
    """Return ``[N, 3]`` the clear sky behind each part of a sky, and ``[N]`` how much of it is hidden, 0 to 1.

    The clear sky is a smooth function of the direction (polynomials of degree 3), first through the bluest parts, then
    through those that differ least from it.

    Args:
        means: ``[N, 3]`` float64, seen from the origin.
        colors: ``[N, 3]`` float64.
    """
    way = means / means.norm(dim=-1, keepdim=True).clamp_min(1e-12)
    x, y, z = way.unbind(-1)
    terms = [
        torch.ones_like(x),
        x,
        y,
        z,
        x * y,
        y * z,
        x * z,
        y * y,
        x * x - z * z,
        y**3,
        x * y * y,
        z * y * y,
    ]
    basis = torch.stack(terms, -1)
    blue = colors[:, 2] - colors[:, 0]
    clear = blue >= blue.quantile(1 - _CLEAR_SHARE) if len(blue) else blue > 0
    fitted = colors.clone()
    for _ in range(_ROUNDS):
        chosen = basis[clear]
        solved = torch.linalg.solve(
            chosen.mT @ chosen + 1e-6 * len(chosen) * torch.eye(len(terms), dtype=torch.float64),
            chosen.mT @ colors[clear],
        )
        fitted = (basis @ solved).clamp(0, 1)
        apart = (colors - fitted).abs().amax(-1)
        clear = apart <= apart.quantile(_CLEAR_SHARE).clamp_min(_CLEAR)
    apart = (colors - fitted).abs().amax(-1)
    return fitted, (apart / _FULL_COVER).clamp(0, 1)
