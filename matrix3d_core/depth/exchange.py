"""Moved to `depth.conversions`; this name goes before the first release."""

from .conversions import depth_from_image

__all__ = ["depth_from_image"]
