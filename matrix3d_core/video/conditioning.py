"""Moved to `diffusion.conditioning`; this name goes before the first release."""

from ..diffusion.conditioning import prepare_guidance

__all__ = ["prepare_guidance"]
