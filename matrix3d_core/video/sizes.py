"""Moved to `diffusion.sizes`; this name goes before the first release."""

from ..diffusion.sizes import fit_frame_count

__all__ = ["fit_frame_count"]
