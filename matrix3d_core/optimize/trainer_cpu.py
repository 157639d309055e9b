"""The compiled way on the CPU: forward, loss, backward and Adam of the Gaussians in view alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from ..scene.gaussians import Gaussians
from .config import OptimizeConfig
from .losses import depth_loss
from .optimizers import SparseAdam
from .parameters import Activated, Parameters, raw_values
from .strategies.base import Growth
from .trainers import Trainer, known_depth
from .views import View

if TYPE_CHECKING:
    from ..raster.splat_numba import ForwardState

__all__ = ["CpuTrainer"]


class CpuTrainer(Trainer):
    """Compiled forward, loss, backward and Adam; only the Gaussians in view are touched."""

    optimizer: SparseAdam

    def __init__(self, gaussians: Gaussians, config: OptimizeConfig, **more: Any) -> None:
        from . import kernels_numba

        super().__init__(gaussians, config, torch.device("cpu"), **more)
        self._kernels = kernels_numba
        self._active = _arrays(self.start)
        self.optimizer = SparseAdam(raw_values(self.start), config)

    def activated(self) -> Activated[Tensor]:
        """Return the values; see `Trainer`."""
        return Activated(*(torch.from_numpy(array) for array in self._active))

    def grow(self, raw: Parameters[Tensor], growth: Growth) -> None:
        """Continue; see `Trainer`."""
        active = self.activated()
        self._active = _arrays(
            Activated(
                growth.means,
                active.quats[growth.parents],
                growth.scales,
                torch.sigmoid(raw.opacities),
                active.colors[growth.parents],
            )
        )
        self.optimizer.grow(raw, growth)

    def step(self, view: View, decay: float) -> float:
        """Take one step; see `Trainer`."""
        from ..raster import splat_numba

        with torch.inference_mode(False), torch.enable_grad():
            pose = self.corrections.pose(view).numpy()
            state = splat_numba.forward(self._active, pose, view.camera)
            target, weight = self._target(view)
            loss, g_rgb = self._photometric(state.rgb, target, weight, view, decay)
            off, g_alpha, g_depth = self._depth(state, view)
        gathers = self.strategy is not None and self.strategy.uses_screen_gradient
        follows = self.corrections.poses is not None and view.picture.number >= 0
        gradients, extras = splat_numba.backward(state, g_rgb, g_alpha, g_depth, pose=follows, screen=gathers)
        if extras.pose is not None:
            self.corrections.move(view, torch.from_numpy(extras.pose), decay)
        visible = state.visible
        if extras.screen is not None:
            self.traits.gradient_sum.numpy()[visible] += extras.screen
            self.traits.gradient_count.numpy()[visible] += 1
        self._regularize(gradients, visible, weight.size)
        self.optimizer.step(visible, gradients, self._active, self.traits, decay)
        return loss + off

    def _target(self, view: View) -> tuple[np.ndarray, np.ndarray]:
        if view.rotation is not None:
            return self._crop(view, view.rotation, view.picture.rgb)
        rgb, weight = view.crop()
        weight = weight * view.camera.row_weights().float()[:, None]
        return np.ascontiguousarray(rgb.numpy()), np.ascontiguousarray(weight.numpy())

    def _crop(self, view: View, rotation: Tensor, image: Tensor) -> tuple[np.ndarray, np.ndarray]:
        """Cut a perspective view out of a panorama ``[H, W, 3]`` of the training image's camera; also its weight."""
        (height, width), focal_px = view.camera.size_px, float(view.camera.kernel_values()[1])
        cut, weight = np.empty((height, width, 3), np.float32), np.empty((height, width), np.float32)
        source = (image.numpy(), view.picture.weight.numpy(), rotation.numpy())
        self._kernels.crop_panorama(height, *source, focal_px, cut, weight)
        return cut, weight

    def _photometric(
        self, rgb: np.ndarray, target: np.ndarray, weight: np.ndarray, view: View, decay: float
    ) -> tuple[float, np.ndarray]:
        """Return the loss and its gradient in the render, and move the picture's exposure."""
        exposure, number, share = self.corrections.exposure, view.picture.number, self.config.ssim_lambda
        shown = torch.from_numpy(rgb).clone().requires_grad_()
        changed, parameters = exposure.apply(shown, number, view.place)
        if parameters is None:
            return self._kernels.loss_and_gradient(rgb, target, weight, share)
        picture = changed.detach().contiguous().numpy()
        loss, gradient = self._kernels.loss_and_gradient(picture, target, weight, share)
        to_rgb, to_exposure = torch.autograd.grad(
            changed, (shown, parameters), torch.from_numpy(gradient), allow_unused=True
        )
        exposure.step(number, to_exposure, decay)
        return loss, to_rgb.contiguous().numpy()

    def _depth(self, state: ForwardState, view: View) -> tuple[float, np.ndarray, np.ndarray]:
        """Return the depth term and its gradients in opacity and summed depth."""
        config = self.config
        known = self._known_depth(view) if config.depth_weight + config.normal_weight > 0 else None
        if known is None:
            return 0.0, np.zeros_like(state.alpha), np.zeros_like(state.alpha)
        alpha = torch.from_numpy(state.alpha).requires_grad_()
        depth_sum = torch.from_numpy(state.depth_sum).requires_grad_()
        term = depth_loss(alpha, depth_sum, known, view, config.depth_weight, config.normal_weight)
        to_alpha, to_depth = torch.autograd.grad(term, (alpha, depth_sum))
        return float(term.detach()), to_alpha.numpy(), to_depth.numpy()

    def _known_depth(self, view: View) -> Tensor | None:
        """`known_depth`, by the compiled crop where it can be."""
        near = view.picture.inverse_depth
        if near is None or view.rotation is None:
            return known_depth(view)
        sampled, _ = self._crop(view, view.rotation, near)
        size, focal_px = view.camera.height, float(view.camera.kernel_values()[1])
        at = (np.arange(size) + 0.5 - size / 2) / focal_px
        slant = np.sqrt(at[:, None] ** 2 + at[None, :] ** 2 + 1).astype(np.float32)
        depth = 1 / (np.maximum(sampled[..., 0], 1e-9) * slant)
        known = np.where(sampled[..., 1] > 0.98, sampled[..., 1], 0).astype(np.float32)
        return torch.from_numpy(np.stack((depth, known), -1))

    def _regularize(self, gradients: tuple[np.ndarray, ...], visible: np.ndarray, pixels: int) -> None:
        """Add what pulls on Gaussians in view, on the scale of a loss that is a mean over pixels; hold the sky."""
        config = self.config
        of = Activated(*gradients)
        if config.opacity_reg > 0:
            of.opacities[:] += np.float32(config.opacity_reg / pixels)
        if config.scale_reg > 0:
            of.scales[:] += (config.scale_reg / pixels) / self.traits.size.numpy()[visible][:, None]
        if bool(self.traits.is_sky.any()):
            fixed = self.traits.is_sky.numpy()[visible]
            of.means[fixed] = 0  # the sky keeps its distance: it must not move forward to reduce the loss
            of.scales[fixed] = 0

    def state(self) -> dict[str, Tensor]:
        """Return what a checkpoint needs."""
        return super().state() | {f"active.{k}": v for k, v in self.activated()._asdict().items()}

    def load(self, state: dict[str, Tensor]) -> None:
        """Restore a checkpoint."""
        super().load(state)
        self._active = _arrays(Activated(*(state[f"active.{name}"] for name in Activated._fields)))


def _arrays(active: Activated[Tensor]) -> Activated[np.ndarray]:
    """Return compact float32 copies that kernels may write into."""
    return Activated(*(value.detach().float().contiguous().clone().numpy() for value in active))
