"""Words that people type into the front end's node search, for whole families of nodes.

The front end compares every word that was typed with the words of one alias: an alias may hold several.
"""

from __future__ import annotations

__all__ = ["PANORAMA_WORDS", "PATH_WORDS", "SPLAT_WORDS", "WORLD_WORDS"]

_PACK = "matrix3d world"

PANORAMA_WORDS = (_PACK, "360 vr panorama")
"""Nodes that read, make or show panoramas."""

WORLD_WORDS = (_PACK, "3d world", "360 vr panorama")
"""Nodes between a panorama and the world made of it."""

SPLAT_WORDS = (_PACK, "3d gaussian splat ply", "3dgs")
"""Nodes that make, change, show, read or write splats."""

PATH_WORDS = (_PACK, "3d camera path world")
"""Nodes that make, change, show, read or write camera paths."""
