"""Where the Gaussians of a world come from, as colours; see `scene.provenance`."""

from __future__ import annotations

from ..scene.provenance import ORIGIN_COLOURS, colour_by_origin

__all__ = ["ORIGIN_COLOURS", "colour_by_origin"]
