"""A street at night or dusk: lamps, lit windows and signs, cars with their lights on."""

from __future__ import annotations

from .parts.place import Place
from .parts.weather import night
from .street import PHRASES, build_street

__all__ = ["build"]


def build(p: Place) -> None:
    """Build a street whose lamps are lit."""
    p.b.facts.append(PHRASES[build_street(p, lit=p.u(0.7, 1.2))])
    night(p)
