"""One optimisation step on one view: the compiled CPU way and the plain torch way for every other engine."""

from __future__ import annotations

import math
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from ..compiled import ONE_PARALLEL_KERNEL
from ..raster.splat import RenderFn
from ..scene.gaussians import Gaussians
from .config import OptimiseConfig
from .losses import photometric_loss
from .views import View

__all__ = ["GROW_MOST", "LOGIT_LIMITS", "SHRINK_MOST", "CpuTrainer", "TorchTrainer", "Trainer"]

SHRINK_MOST = 0.85
"""No axis shrinks below this share of its first length (or of the middle axis, where that is shorter): the
first discs just cover the surface between their middles. Smaller ones would look the same in crops at
training resolution and leave gaps at a closer look.
Source: Z. Yu et al., Mip-Splatting, 2024 (the smallest size that the sampling of the input justifies)."""
GROW_MOST = 10.0
"""No axis grows beyond this multiple of the Gaussian's first size."""
LOGIT_LIMITS = (-7.0, 6.9)


class Trainer(Protocol):
    """Holds the parameters and moves them."""

    def step(self, view: View, rate: float) -> float:
        """Take one step with all learning rates times ``rate``; return the loss before it."""
        ...

    def gaussians(self) -> Gaussians:
        """Return a copy of the current Gaussians on the CPU."""
        ...


def _size(gaussians: Gaussians) -> Tensor:  # [N]
    """A Gaussian's middle axis: for a disc, its shorter half-width."""
    return gaussians.scales.median(dim=-1).values.clamp_min(1e-12)


def _scale_floor(scales: Tensor, size: Tensor) -> Tensor:  # [N, 3], [N, 1] -> [N, 3]
    """Return the smallest scale that each axis may take."""
    return (SHRINK_MOST * torch.minimum(scales, size)).clamp_min(1e-12)


def _epsilon(config: OptimiseConfig) -> float:
    """Adam's epsilon for a loss that is a mean over a crop's pixels; see ``OptimiseConfig.least_pixels``."""
    return max(1e-15, config.least_pixels / (3 * config.crop_size_px**2))


class CpuTrainer:
    """Compiled forward, loss, backward and Adam; only the Gaussians in view are touched."""

    def __init__(self, gaussians: Gaussians, config: OptimiseConfig) -> None:
        from . import kernels_numba

        def own(tensor: Tensor) -> np.ndarray:
            return tensor.detach().float().contiguous().clone().numpy()

        self._config = config
        self._kernels = kernels_numba
        self._size = own(_size(gaussians))
        size = torch.from_numpy(self._size)[:, None]
        floor = _scale_floor(gaussians.scales.float(), size)
        self._floors = own(floor.log())
        scales = torch.minimum(torch.maximum(gaussians.scales.float(), floor), GROW_MOST * size)
        opacities = gaussians.opacities.float().clamp(*(1 / (1 + math.exp(-v)) for v in LOGIT_LIMITS))
        quats = torch.nn.functional.normalize(gaussians.quats_wxyz.float(), dim=-1)
        colours = gaussians.colours.float().clamp(0, 1)
        self._active = tuple(own(t) for t in (gaussians.means, quats, scales, opacities, colours))
        raw = (gaussians.means.float(), quats, scales.log(), torch.logit(opacities)[:, None], colours)
        self._values = own(torch.cat(raw, dim=-1))
        self._first, self._second = np.zeros_like(self._values), np.zeros_like(self._values)
        self._steps = np.zeros(len(gaussians), np.int32)
        counted = np.arange(config.steps + 1)[:, None]
        betas = np.array([config.beta1, config.beta2])
        self._corrections = (1 - betas**counted).astype(np.float32)
        self._limits = np.array((math.log(GROW_MOST), *LOGIT_LIMITS), np.float32)

    def step(self, view: View, rate: float) -> float:
        """Take one step; see `Trainer`."""
        with ONE_PARALLEL_KERNEL:
            return self._step(view, rate)

    def _step(self, view: View, rate: float) -> float:
        from ..raster import splat_numba

        config, size = self._config, view.size_px
        target, weight = np.empty((size, size, 3), np.float32), np.empty((size, size), np.float32)
        self._kernels.crop_panorama(
            view.picture.rgb.numpy(), view.picture.weight.numpy(),
            view.rotation_crop_from_panorama.numpy(), float(view.K_px[0, 0]), target, weight,
        )  # fmt: skip
        means, quats, scales, opacities, colours = self._active
        pose, K_px = view.camera_from_world.numpy(), view.K_px.numpy()
        drawing = splat_numba.forward(means, quats, scales, opacities, colours, pose, K_px, size, size)
        loss, gradient = self._kernels.loss_and_gradient(drawing.rgb, target, weight, config.ssim_share)
        nothing = np.zeros((size, size), np.float32)
        rows = splat_numba.backward(drawing, gradient, nothing, nothing)
        rates = (
            config.rate_means,
            config.rate_quats,
            config.rate_scales,
            config.rate_opacities,
            config.rate_colours,
        )
        rates_now = np.array(
            (*(r * rate for r in rates), config.beta1, config.beta2, _epsilon(config)), np.float32
        )
        self._kernels.adam_rows(
            drawing.visible, *rows, *self._active, self._values, self._first, self._second,
            self._steps, self._size, self._floors, rates_now, self._limits, self._corrections,
        )  # fmt: skip
        return loss

    def gaussians(self) -> Gaussians:
        """Return a copy; see `Trainer`."""
        return Gaussians.from_colours(*(torch.from_numpy(a.copy()) for a in self._active))


class TorchTrainer:
    """Any engine, autograd and torch's Adam over all Gaussians, on the device of the parameters."""

    def __init__(
        self, gaussians: Gaussians, config: OptimiseConfig, render: RenderFn, device: torch.device
    ) -> None:
        self._render, self._device = render, device
        self._ssim_share = config.ssim_share
        g = gaussians.detach().to(device)
        self._size = _size(g)[:, None].float()
        floor = _scale_floor(g.scales.float(), self._size)
        self._log_limits = floor.log(), (GROW_MOST * self._size).log()
        scales = torch.minimum(torch.maximum(g.scales.float(), floor), GROW_MOST * self._size)
        opacities = g.opacities.float().clamp(*(1 / (1 + math.exp(-v)) for v in LOGIT_LIMITS))
        # Means move in units of each Gaussian's own size: one learning rate then fits near and far.
        self._origin = g.means.float().clone()
        values = (
            torch.zeros_like(self._origin),
            torch.nn.functional.normalize(g.quats_wxyz.float(), dim=-1),
            scales.log(),
            torch.logit(opacities),
            g.colours.float().clamp(0, 1),
        )
        rates = (
            config.rate_means,
            config.rate_quats,
            config.rate_scales,
            config.rate_opacities,
            config.rate_colours,
        )
        self._parameters = [value.clone().requires_grad_() for value in values]
        groups = [{"params": [p], "lr": r, "base": r} for p, r in zip(self._parameters, rates, strict=True)]
        self._adam = torch.optim.Adam(groups, betas=(config.beta1, config.beta2), eps=_epsilon(config))

    def _activated(self) -> tuple[Tensor, ...]:
        shift, quats, log_scales, logits, colours = self._parameters
        return self._origin + shift * self._size, quats, log_scales.exp(), logits.sigmoid(), colours

    def step(self, view: View, rate: float) -> float:
        """Take one step; see `Trainer`."""
        target, weight = (t.to(self._device) for t in view.crop())
        rgb, _, _ = self._render(
            *self._activated(), view.camera_from_world.to(self._device), view.K_px, view.size_px, view.size_px
        )
        loss = photometric_loss(rgb, target, weight, self._ssim_share)
        self._adam.zero_grad(set_to_none=True)
        loss.backward()
        for group in self._adam.param_groups:
            group["lr"] = group["base"] * rate
        self._adam.step()
        with torch.no_grad():
            _, _, log_scales, logits, colours = self._parameters
            low, high = self._log_limits
            log_scales.copy_(torch.minimum(torch.maximum(log_scales, low), high))
            logits.clamp_(*LOGIT_LIMITS)
            colours.clamp_(0, 1)
        return float(loss.detach())

    def gaussians(self) -> Gaussians:
        """Return a copy; see `Trainer`."""
        means, quats, scales, opacities, colours = (t.detach().cpu().clone() for t in self._activated())
        return Gaussians.from_colours(
            means, torch.nn.functional.normalize(quats, dim=-1), scales, opacities, colours
        )
