"""Adam in two ways: compiled, for the Gaussians in view alone, and torch's own over all of them."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from .config import OptimizeConfig
from .parameters import GROW_MOST, LOGIT_LIMITS, WIDTHS, Activated, Parameters, Traits
from .strategies.base import Growth

__all__ = ["DenseAdam", "SparseAdam", "learning_rates"]


def learning_rates(config: OptimizeConfig) -> Parameters[float]:
    """Return the rate of each kind of parameter at the start; that of the means in units of each one's size."""
    return Parameters(
        config.lr_means, config.lr_quats, config.lr_scales, config.lr_opacities, config.lr_colors
    )


def _epsilon(config: OptimizeConfig, crop_px: int) -> float:
    """Adam's epsilon for a loss that is a mean over a crop's pixels; see ``OptimizeConfig.adam_eps_pixels``."""
    return max(1e-15, config.adam_eps_pixels / (3 * crop_px**2))


class SparseAdam:
    """Compiled Adam over rows of one table; a row out of view keeps its value and its moments.

    Each row counts its own steps. Gradients come in the renderer's terms and values go back to it in place.
    """

    def __init__(self, raw: Parameters[Tensor], config: OptimizeConfig) -> None:
        from . import kernels_numba

        self._kernel = kernels_numba.adam_rows
        self._config = config
        self.crop_px = config.crop_size_px
        self._values = _table(raw)
        self._first, self._second = np.zeros_like(self._values), np.zeros_like(self._values)
        self._steps = np.zeros(len(self._values), np.int32)
        counted = np.arange(config.steps + 1)[:, None]
        betas = np.array([config.beta1, config.beta2])
        self._corrections = (1 - betas**counted).astype(np.float32)
        self._limits = np.array((math.log(GROW_MOST), *LOGIT_LIMITS), np.float32)

    @property
    def raw(self) -> Parameters[Tensor]:
        """The parameters, as views of the table."""
        parts = torch.from_numpy(self._values).split(tuple(WIDTHS), dim=1)
        return Parameters(*parts)._replace(opacities=parts[3][:, 0])

    def step(
        self,
        visible: np.ndarray,
        gradients: tuple[np.ndarray, ...],
        active: Activated[np.ndarray],
        traits: Traits,
        decay: float,
    ) -> None:
        """Move the rows ``visible`` and refresh their activated values, with all rates times ``decay``."""
        config = self._config
        rates = (*(rate * decay for rate in learning_rates(config)), config.beta1, config.beta2)
        numbers = np.array((*rates, _epsilon(config, self.crop_px)), np.float32)
        kept = (self._values, self._first, self._second, self._steps)
        own = (traits.size.numpy(), traits.log_scale_min.numpy(), traits.lr_scale.numpy())
        limits = (self._limits, self._corrections)
        self._kernel(len(visible), visible, *gradients, *active, *kept, *own, numbers, *limits)

    def grow(self, raw: Parameters[Tensor], growth: Growth) -> None:
        """Continue with the parameters after a densification; new rows are reset."""
        self._values = _table(raw)
        parents, is_new = growth.parents.numpy(), growth.is_new.numpy()
        for name in ("_first", "_second", "_steps"):
            kept = np.ascontiguousarray(getattr(self, name)[parents])
            kept[is_new] = 0
            setattr(self, name, kept)

    def state(self) -> dict[str, Tensor]:
        """Return what a checkpoint needs."""
        arrays = {"values": self._values, "first": self._first, "second": self._second, "steps": self._steps}
        return {name: torch.from_numpy(array) for name, array in arrays.items()}

    def load(self, state: dict[str, Tensor]) -> None:
        """Restore a checkpoint."""
        for name in ("values", "first", "second", "steps"):
            setattr(self, f"_{name}", state[name].contiguous().clone().numpy())


def _table(raw: Parameters[Tensor]) -> np.ndarray:  # [N, 14]
    parts = raw._replace(opacities=raw.opacities[:, None])
    return torch.cat([part.float() for part in parts], dim=-1).contiguous().numpy()


class DenseAdam:
    """torch's Adam over all rows of all parameters, on their device."""

    def __init__(self, raw: Parameters[Tensor], config: OptimizeConfig) -> None:
        self._config = config
        self.crop_px = config.crop_size_px
        self.raw = raw
        self._start({})

    def _start(self, moments: dict[str, dict[str, Tensor]]) -> None:
        """Make the parameters leaves and give them their moments."""
        config = self._config
        self.raw = Parameters(*(value.detach().clone().requires_grad_() for value in self.raw))
        groups = [
            {"params": [value], "lr": rate, "base": rate}
            for value, rate in zip(self.raw, learning_rates(config), strict=True)
        ]
        epsilon = _epsilon(config, self.crop_px)
        self._adam = torch.optim.Adam(groups, betas=(config.beta1, config.beta2), eps=epsilon)
        for name, value in self.raw._asdict().items():
            if name in moments:
                self._adam.state[value] = moments[name]

    def zero_grad(self) -> None:
        """Forget the gradients."""
        self._adam.zero_grad(set_to_none=True)

    @torch.no_grad()
    def step(self, traits: Traits, decay: float) -> None:
        """Move all rows against their gradients, with all rates times ``decay``, and keep the limits."""
        for group in self._adam.param_groups:
            group["lr"] = group["base"] * decay
        lr_scale = traits.lr_scale
        before = None if bool((lr_scale == 1).all()) else [value.detach().clone() for value in self.raw]
        self._adam.step()
        for value, old in zip(self.raw, before or (), strict=False):
            share = lr_scale.reshape(-1, *[1] * (value.ndim - 1))
            value.copy_(torch.where(share == 0, old, old + share * (value - old)))
        self.raw.scales.copy_(
            torch.minimum(torch.maximum(self.raw.scales, traits.log_scale_min), traits.log_scale_max)
        )
        self.raw.opacities.clamp_(*LOGIT_LIMITS)
        self.raw.colors.clamp_(0, 1)

    def grow(self, raw: Parameters[Tensor], growth: Growth) -> None:
        """Continue with the parameters after a densification; new rows are reset."""
        parents, is_new = (t.to(raw.means.device) for t in (growth.parents, growth.is_new))
        moments = {}
        for name, value in self.raw._asdict().items():
            if old := self._adam.state.get(value, {}):
                moments[name] = {"step": old["step"].clone()}
                for key in ("exp_avg", "exp_avg_sq"):
                    moments[name][key] = old[key][parents].clone()
                    moments[name][key][is_new] = 0
        self.raw = raw
        self._start(moments)

    def state(self) -> dict[str, Tensor]:
        """Return what a checkpoint needs."""
        parts = {f"raw.{name}": value.detach() for name, value in self.raw._asdict().items()}
        for name, value in self.raw._asdict().items():
            parts |= {f"adam.{name}.{key}": part for key, part in self._adam.state.get(value, {}).items()}
        return parts

    def load(self, state: dict[str, Tensor]) -> None:
        """Restore a checkpoint."""
        device = self.raw.means.device
        names = ("step", "exp_avg", "exp_avg_sq")
        moments = {}
        for name in Parameters._fields:
            if f"adam.{name}.step" in state:
                moments[name] = {key: state[f"adam.{name}.{key}"].clone() for key in names}
                for key in names[1:]:
                    moments[name][key] = moments[name][key].to(device)
        self.raw = Parameters(*(state[f"raw.{name}"].to(device) for name in Parameters._fields))
        self._start(moments)
