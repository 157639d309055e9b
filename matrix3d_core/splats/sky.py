"""Which splats of a world are its sky."""

from __future__ import annotations

import torch
from torch import Tensor

from ..checks import check_shape
from ..scene.gaussians import Gaussians

__all__ = ["find_sky_splats"]

_BIN = 1.1  # ratio of distances that counts as one: frames along a path each have their shell around them
_GAP = 0.6  # the sky is twice as far as the farthest surface: between them hardly anything is
_MOST_BETWEEN = 0.3  # of the shell's number: silhouettes seen from many places leave some there
_LEAST_SHARE = 0.002


def find_sky_splats(gaussians: Gaussians, center: Tensor) -> Tensor:  # [N], [3] -> [N] bool
    """Find the sky shell: many splats at one distance, far behind all others.

    Files of splats do not say which are sky; the fit puts sky twice as far away as the farthest surface of the source
    panorama and holds it there. The shell is the farthest distance (within 10 %) that at least 0.2 % of the splats have
    while from 0.6 of it up to it there are less than a third as many; all from there on is sky.

    Args:
        gaussians: the world.
        center: ``[3]`` place of the source panorama.

    Returns:
        ``[N]`` bool; all False without such a shell, or with nothing before it.
    """
    check_shape("center", center, "3")
    none = torch.zeros(len(gaussians), dtype=torch.bool, device=gaussians.means.device)
    if len(gaussians) < 2:
        return none
    distance = (gaussians.means.double() - center.to(gaussians.means).double()).norm(dim=-1)
    ordered = distance.sort().values.clamp_min(1e-12)
    counts = torch.searchsorted(ordered, ordered * _BIN, right=True) - torch.arange(
        len(ordered), device=ordered.device
    )
    before = torch.searchsorted(ordered, ordered / _BIN) - torch.searchsorted(ordered, ordered * _GAP)
    is_shell = (counts >= max(2, _LEAST_SHARE * len(ordered))) & (before <= _MOST_BETWEEN * counts)
    if not bool(is_shell.any()):
        return none
    shells = ordered[is_shell]
    found: Tensor = distance >= shells[shells > shells[-1] / _BIN][0]
    return none if bool(found.all()) else found
