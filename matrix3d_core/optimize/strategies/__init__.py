"""Ways to split, add, move and drop Gaussians while a fit runs: one file each, by name in `STRATEGIES`."""

from __future__ import annotations

from .adc import ADC
from .base import Strategy
from .mcmc import MCMC

__all__ = ["STRATEGIES"]

STRATEGIES: dict[str, Strategy] = {"adc": ADC, "mcmc": MCMC}
"""What the setting ``densify`` may be besides ``off``."""
