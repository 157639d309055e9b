"""What every trainer does: hold the parameters, densify them, keep what goes with each Gaussian."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Protocol

import torch
from torch import Tensor

from ..scene.gaussians import Gaussians
from .compensation import FrameCorrections
from .config import OptimizeConfig
from .parameters import Activated, Parameters, Traits, grown_values, start_values
from .strategies import STRATEGIES
from .strategies.base import Growth
from .views import View

__all__ = ["Optimizer", "Trainer", "known_depth", "part_of"]


class Optimizer(Protocol):
    """Moves the parameters ``raw`` and remembers what it needs for the next step."""

    crop_px: int

    @property
    def raw(self) -> Parameters[Tensor]:
        """The parameters."""
        ...

    def grow(self, raw: Parameters[Tensor], growth: Growth) -> None:
        """Continue with the parameters after a densification; new rows are reset."""
        ...

    def state(self) -> dict[str, Tensor]:
        """Return what a checkpoint needs."""
        ...

    def load(self, state: dict[str, Tensor]) -> None:
        """Restore a checkpoint."""
        ...


class Trainer(ABC):
    """Gaussians that are being fitted. A subclass renders, differentiates and steps in its own way."""

    optimizer: Optimizer

    def __init__(
        self,
        gaussians: Gaussians,
        config: OptimizeConfig,
        device: torch.device,
        *,
        is_sky: Tensor | None = None,
        lr_scale: Tensor | None = None,
        corrections: FrameCorrections | None = None,
    ) -> None:
        self.config, self.device = config, device
        self.corrections = corrections or FrameCorrections(config, 1, 1.0)
        self.strategy = STRATEGIES.get(config.densify)
        self.start, self.traits = start_values(gaussians, device, is_sky=is_sky, lr_scale=lr_scale)

    @abstractmethod
    def step(self, view: View, decay: float) -> float:
        """Take one step with all learning rates times ``decay``; return the loss before it."""

    @abstractmethod
    def activated(self) -> Activated[Tensor]:
        """Return the values as they are rendered, with unit quaternions."""

    @abstractmethod
    def grow(self, raw: Parameters[Tensor], growth: Growth) -> None:
        """Continue with the parameters ``raw`` after a densification."""

    def gaussians(self) -> Gaussians:
        """Return a copy of the current Gaussians on the CPU, with their labels."""
        drawn = Gaussians.from_colors(*(value.detach().cpu().clone() for value in self.activated()))
        return drawn.with_labels(
            **{kind: values.cpu().clone() for kind, values in self.traits.labels.items()}
        )

    @torch.no_grad()
    def densify(self, random: torch.Generator) -> int:
        """Split, move or drop Gaussians as the strategy says; return how many there are now."""
        if self.strategy is not None:
            growth = self.strategy.plan(
                self.traits.population(self.activated()),
                most=self.config.max_gaussians,
                min_opacity=self.config.min_opacity,
                random=random,
            )
            self.grow(grown_values(self.optimizer.raw, growth), growth)
            self.traits = self.traits.grown(growth)
        return len(self.traits.size)

    def shrink_views(self, crop_size_px: int) -> None:
        """Expect smaller views from now on."""
        self.optimizer.crop_px = crop_size_px

    def state(self) -> dict[str, Tensor]:
        """Return what a checkpoint needs."""
        parts = {f"traits.{name}": value for name, value in self.traits.state().items()}
        parts |= {f"optimizer.{name}": value for name, value in self.optimizer.state().items()}
        parts |= {f"corrections.{name}": value for name, value in self.corrections.state().items()}
        return {name: value.detach().cpu().contiguous() for name, value in parts.items()}

    def load(self, state: dict[str, Tensor]) -> None:
        """Restore a checkpoint."""
        self.traits = Traits.from_state(part_of(state, "traits"), self.device)
        self.optimizer.load(part_of(state, "optimizer"))
        self.corrections.load(part_of(state, "corrections"))


def part_of(state: dict[str, Tensor], name: str) -> dict[str, Tensor]:
    """Return the tensors of a checkpoint whose names begin with ``name`` and a dot, without that."""
    return {key.removeprefix(f"{name}."): v for key, v in state.items() if key.startswith(f"{name}.")}


def known_depth(view: View) -> Tensor | None:  # [H, W, 2]
    """Return distance along the view's own depth axis and weight, where the picture knows it."""
    if view.picture.inverse_depth is None:
        return None
    sampled = view.sample(view.picture.inverse_depth)
    depth = view.camera.depth_from_ray(1 / sampled[..., 0].clamp_min(1e-9))
    known = (sampled[..., 1] > 0.98).float() * sampled[..., 1]
    return torch.stack((depth, known), -1)
