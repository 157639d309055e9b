"""The plain way for every splat backend: autograd over all Gaussians, on the device of the parameters."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ..raster.splat_contract import SplatInputs, SplatRenderer, SplatView
from ..scene.gaussians import Gaussians
from .config import OptimizeConfig
from .losses import depth_loss, photometric_loss
from .optimizers import DenseAdam
from .parameters import Activated, Parameters, raw_values
from .strategies.base import Growth
from .trainers import Trainer, known_depth
from .views import View

__all__ = ["TorchTrainer"]


class TorchTrainer(Trainer):
    """Any backend and torch's Adam. Means move in units of each Gaussian's own size: one rate fits near and far."""

    optimizer: DenseAdam

    def __init__(
        self,
        gaussians: Gaussians,
        config: OptimizeConfig,
        render: SplatRenderer,
        device: torch.device,
        **more: Any,
    ) -> None:
        super().__init__(gaussians, config, device, **more)
        self._render = render
        raw = raw_values(self.start)
        self._anchor = raw.means
        self.optimizer = DenseAdam(raw._replace(means=torch.zeros_like(raw.means)), config)

    def _rendered(self) -> Activated[Tensor]:
        raw = self.optimizer.raw
        means = self._anchor + raw.means * self.traits.size[:, None]
        return Activated(means, raw.quats, raw.scales.exp(), raw.opacities.sigmoid(), raw.colors)

    def activated(self) -> Activated[Tensor]:
        """Return the values; see `Trainer`."""
        values = self._rendered()
        return values._replace(quats=torch.nn.functional.normalize(values.quats.detach(), dim=-1))

    def grow(self, raw: Parameters[Tensor], growth: Growth) -> None:
        """Move the anchors; see `Trainer`."""
        self._anchor = raw.means
        self.optimizer.grow(raw._replace(means=torch.zeros_like(raw.means)), growth)

    def step(self, view: View, decay: float) -> float:
        """Take one step; see `Trainer`."""
        corrections, number = self.corrections, view.picture.number
        pose = corrections.pose(view).to(self.device)
        if follows := corrections.poses is not None and number >= 0:
            pose = pose.detach().clone().requires_grad_()
        values = self._rendered()
        gathers = self.strategy is not None and self.strategy.uses_screen_gradient
        if gathers:
            values.means.retain_grad()
        rgb, alpha, depth_sum = self._render(SplatInputs(*values), SplatView(pose, view.camera))[:3]
        changed, exposure = corrections.exposure.apply(rgb, number, view.place)
        loss = self._loss(view, changed, alpha, depth_sum)
        self.optimizer.zero_grad()
        (loss + self._regularization(values, rgb.shape[0] * rgb.shape[1])).backward()
        if exposure is not None and exposure.grad is not None:
            corrections.exposure.step(number, exposure.grad.cpu(), decay)
        if follows and pose.grad is not None:
            corrections.move(view, pose.grad.cpu(), decay)
        if gathers and values.means.grad is not None:
            self._gather(values.means, pose)
        self._hold_sky()
        self.optimizer.step(self.traits, decay)
        return float(loss.detach())

    def _loss(self, view: View, rgb: Tensor, alpha: Tensor, depth_sum: Tensor) -> Tensor:
        config = self.config
        target, weight = (t.to(self.device) for t in view.crop())
        weight = weight * view.camera.row_weights().to(weight)[:, None]
        loss = photometric_loss(rgb, target, weight, config.ssim_lambda)
        if config.depth_weight + config.normal_weight > 0 and (known := known_depth(view)) is not None:
            known = known.to(self.device)
            loss = loss + depth_loss(alpha, depth_sum, known, view, config.depth_weight, config.normal_weight)
        return loss

    def _regularization(self, values: Activated[Tensor], pixels: int) -> Tensor:
        """Return what pulls opacities and sizes down, on the scale of a loss that is a mean over pixels."""
        config, total = self.config, torch.zeros((), device=self.device)
        if config.opacity_reg > 0:
            total = total + config.opacity_reg / pixels * values.opacities.sum()
        if config.scale_reg > 0:
            total = total + config.scale_reg / pixels * (values.scales / self.traits.size[:, None]).sum()
        return total

    def _gather(self, means: Tensor, pose: Tensor) -> None:
        """Add the length of the screen-space gradient of every Gaussian in view."""
        view = pose.detach().to(means)
        distance = (means.detach() @ view[:3, :3].T + view[:3, 3]).norm(dim=-1)
        assert means.grad is not None
        slope = means.grad.norm(dim=-1) * distance
        self.traits.gradient_sum.add_(slope)
        self.traits.gradient_count.add_((slope > 0).float())

    def _hold_sky(self) -> None:
        if bool(self.traits.is_sky.any()):
            for value in (self.optimizer.raw.means, self.optimizer.raw.scales):
                if value.grad is not None:
                    value.grad[self.traits.is_sky] = 0

    def state(self) -> dict[str, Tensor]:
        """Return what a checkpoint needs."""
        return super().state() | {"anchor": self._anchor.detach().cpu().contiguous()}

    def load(self, state: dict[str, Tensor]) -> None:
        """Restore a checkpoint."""
        super().load(state)
        self._anchor = state["anchor"].to(self.device).clone()
