"""The parameters that a fit moves, by gsplat's names, and what goes with each Gaussian beside them."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Generic, NamedTuple, TypeVar

import numpy as np
import torch
from torch import Tensor

from ..scene.gaussians import Gaussians
from .strategies.base import Growth, Population

__all__ = [
    "GROW_MOST",
    "LOGIT_LIMITS",
    "SHRINK_MOST",
    "WIDTHS",
    "Activated",
    "Parameters",
    "Traits",
    "start_values",
]

SHRINK_MOST = 0.85
"""No axis shrinks below this share of its first length (or of the middle axis, where that is shorter): the
first surfels just cover the surface between their middles. Smaller ones would look the same in crops at
training resolution and leave gaps at a closer look.
Source: Z. Yu et al., Mip-Splatting, 2024 (the smallest size that the sampling of the input justifies)."""
GROW_MOST = 10.0
"""No axis grows beyond this multiple of the Gaussian's first size."""
LOGIT_LIMITS = (-7.0, 6.9)
_OPACITY_LIMITS = tuple(1 / (1 + math.exp(-logit)) for logit in LOGIT_LIMITS)

T = TypeVar("T")


class Activated(NamedTuple, Generic[T]):
    """What a renderer takes: means ``[N, 3]``, unit quaternions ``[N, 4]``, scales, opacities ``[N]``, RGB."""

    means: T
    quats: T
    scales: T
    opacities: T
    colors: T


class Parameters(NamedTuple, Generic[T]):
    """What an optimizer moves: as `Activated`, but scales are logarithms and opacities logits."""

    means: T
    quats: T
    scales: T
    opacities: T
    colors: T


WIDTHS = Parameters(means=3, quats=4, scales=3, opacities=1, colors=3)
"""Numbers per Gaussian, in the order of a table of all."""


def raw_values(active: Activated[Tensor]) -> Parameters[Tensor]:
    """Return the parameters of values that are within the limits."""
    return Parameters(
        active.means, active.quats, active.scales.log(), torch.logit(active.opacities), active.colors
    )


def grown_values(raw: Parameters[Tensor], growth: Growth) -> Parameters[Tensor]:
    """Return the parameters after a densification, on their device."""
    parents, device = growth.parents.to(raw.quats.device), raw.quats.device
    return Parameters(
        growth.means.to(device),
        raw.quats[parents],
        growth.scales.to(device).log(),
        torch.logit(growth.opacities.clamp(*_OPACITY_LIMITS)).to(device),
        raw.colors[parents],
    )


@dataclass(frozen=True)
class Traits:
    """What a fit knows of each Gaussian beside its parameters.

    Attributes:
        size: ``[N]`` its middle axis at first, of a surfel the shorter half-width; unit of its steps.
        log_scale_min: ``[N, 3]`` least log scale of each axis.
        log_scale_max: ``[N, 1]`` largest.
        lr_scale: ``[N]`` share of the learning rates.
        is_sky: ``[N]`` bool, keeps its distance and size.
        gradient_sum: ``[N]`` summed lengths of the screen-space gradient since the last densification.
        gradient_count: ``[N]`` steps that took part.
        labels: ``[N]`` each, see `scene.labels`; parts of a Gaussian inherit them.
    """

    size: Tensor
    log_scale_min: Tensor
    log_scale_max: Tensor
    lr_scale: Tensor
    is_sky: Tensor
    gradient_sum: Tensor
    gradient_count: Tensor
    labels: dict[str, Tensor]

    def population(self, active: Activated[Tensor]) -> Population:
        """Return what a densification strategy takes, on the CPU."""
        score = self.gradient_sum.cpu() / self.gradient_count.cpu().double().clamp_min(1)
        means, quats, scales, opacities, _ = (value.detach().cpu() for value in active)
        return Population(means, quats, scales, opacities, score, self.is_sky.cpu())

    def grown(self, growth: Growth) -> Traits:
        """Return what goes with the Gaussians after a densification."""
        device = self.size.device
        parents, shrink = growth.parents.to(device), growth.shrink.to(device)
        log_shrink = torch.from_numpy(np.log(growth.shrink.numpy()))[:, None].to(device)
        return Traits(
            self.size[parents] * shrink,
            self.log_scale_min[parents] + log_shrink,
            self.log_scale_max[parents] + log_shrink,
            self.lr_scale[parents],
            self.is_sky[parents],
            torch.zeros(len(parents), device=device),
            torch.zeros(len(parents), device=device),
            {kind: values[parents] for kind, values in self.labels.items()},
        )

    def state(self) -> dict[str, Tensor]:
        """Return what a checkpoint needs."""
        own = {field.name: getattr(self, field.name) for field in fields(self) if field.name != "labels"}
        return own | {f"labels.{kind}": values for kind, values in self.labels.items()}

    @staticmethod
    def from_state(state: dict[str, Tensor], device: torch.device) -> Traits:
        """Read a checkpoint."""
        held = {name: values.contiguous().clone().to(device) for name, values in state.items()}
        labels = {name.removeprefix("labels."): held.pop(name) for name in list(held) if "." in name}
        return Traits(**held, labels=labels)


def start_values(
    gaussians: Gaussians,
    device: torch.device,
    *,
    is_sky: Tensor | None = None,
    lr_scale: Tensor | None = None,
) -> tuple[Activated[Tensor], Traits]:
    """Return Gaussians brought within their limits, as copies on ``device``, and what goes with them."""
    count = len(gaussians)
    given = gaussians.detach().to(device)
    size = given.scales.median(dim=-1, keepdim=True).values.clamp_min(1e-12).float()
    least = (SHRINK_MOST * torch.minimum(given.scales.float(), size)).clamp_min(1e-12)
    scales = torch.minimum(torch.maximum(given.scales.float(), least), GROW_MOST * size)
    active = Activated(
        given.means.float().clone(),
        torch.nn.functional.normalize(given.quats_wxyz.float(), dim=-1),
        scales,
        given.opacities.float().clamp(*_OPACITY_LIMITS),
        given.colors.float().clamp(0, 1),
    )
    traits = Traits(
        size[:, 0].clone(),
        least.log(),
        (GROW_MOST * size).log(),
        torch.ones(count, device=device) if lr_scale is None else lr_scale.float().clone().to(device),
        torch.zeros(count, dtype=torch.bool, device=device) if is_sky is None else is_sky.clone().to(device),
        torch.zeros(count, device=device),
        torch.zeros(count, device=device),
        {kind: values.clone() for kind, values in given.labels.items()},
    )
    return active, traits
