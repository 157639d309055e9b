"""Defaults that all entry points for camera paths share: core functions, nodes, the console, the path editor."""

from __future__ import annotations

__all__ = ["DEFAULT_CLEARANCE", "DEFAULT_FRAMES"]

DEFAULT_FRAMES = 81
"""Frames of a path: one clip of Wan 2.1."""

DEFAULT_CLEARANCE = 0.3
"""Distance that a path keeps from every surface, world units (meters where the geometry is metric)."""
