"""Time of day and weather of outdoor scenes, and the daylight around rooms."""

from __future__ import annotations

import math

from ...scene import Environment
from .palette import linear
from .place import Place

__all__ = ["daylight", "night"]

_Triple = tuple[float, float, float]


def _sun(p: Place, elevation_deg: float) -> _Triple:
    """Unit vector towards a sun at this height, from any side; y is down."""
    azimuth, e = p.u(0, math.tau), math.radians(elevation_deg)
    return math.cos(e) * math.sin(azimuth), -math.sin(e), math.cos(e) * math.cos(azimuth)


def _blend(a: _Triple, b: _Triple, t: float, gain: float = 1.0) -> _Triple:
    x, y, z = ((u + (v - u) * t) * gain for u, v in zip(a, b, strict=True))
    return x, y, z


def daylight(p: Place, *, evenings: float = 0.2, haze: float = 1.0, indoors: float = 1.0) -> str:
    """Set the sun, the sky and the air, and return the weather in words; the facts get them too.

    Args:
        evenings: share of scenes with a low sun or dusk.
        haze: factor of the usual haze.
        indoors: factor of the exposure, above 1 for rooms.
    """
    clouds = p.pick((p.u(0.0, 0.15), p.u(0.2, 0.55), p.u(0.5, 0.75), p.u(0.85, 1.0)))
    is_late = p.chance(evenings)
    elevation = p.u(4, 16) if is_late else p.u(20, 68)
    warm = max(0.0, 1.0 - elevation / 22.0)
    gray = max(0.0, (clouds - 0.6) / 0.4)
    top = _blend(linear((0.26, 0.47, 0.80)), linear((0.70, 0.73, 0.78)), gray)
    horizon = _blend(linear((0.76, 0.85, 0.94)), linear((0.97, 0.78, 0.58)), warm * (1 - gray))
    horizon = _blend(horizon, linear((0.84, 0.86, 0.88)), gray)
    dim = 1.0 - 0.45 * warm
    strength = (1.0 - 0.93 * gray**0.7) * (0.75 if is_late else 1.0) * p.u(0.85, 1.1)
    fog = p.u(0.012, 0.03) if indoors == 1.0 and p.chance(0.06) else p.u(0.0002, 0.003)
    haze *= 1.0 if indoors == 1.0 else 0.2
    p.b.environment = Environment(
        sun_direction=_sun(p, elevation),
        sun_color=_blend((1.0, 0.95, 0.87), (1.0, 0.62, 0.34), warm, strength),
        sky_top=_blend(top, top, 0, dim),
        sky_horizon=_blend(horizon, horizon, 0, dim),
        clouds=clouds,
        haze=fog * haze,
        ambient=0.03 if indoors == 1.0 else 0.07,
        exposure=p.u(1.15, 1.75) * (1.0 + 0.35 * gray + 0.4 * warm) * indoors,
        seed=p.n(0, 99_999),
    )
    words = (
        "under an overcast sky"
        if gray > 0.3
        else "under drifting clouds"
        if clouds > 0.3
        else "under a clear sky"
    )
    if fog * haze > 0.01:
        words = "in fog"
    p.b.facts += [words, "in the low evening sun" if is_late and gray < 0.5 else "by day"]
    return words


def night(p: Place, *, dusk: float = 0.4) -> None:
    """Set a night or blue hour: lamps give most of the light."""
    is_dusk = p.chance(dusk)
    moon = p.u(0.02, 0.06)
    p.b.environment = Environment(
        sun_direction=_sun(p, p.u(25, 60)),
        sun_color=(0.55 * moon, 0.65 * moon, moon) if not is_dusk else (0.02, 0.022, 0.03),
        sky_top=linear((0.16, 0.24, 0.42) if is_dusk else (0.03, 0.05, 0.11)),
        sky_horizon=linear((0.52, 0.50, 0.54) if is_dusk else (0.10, 0.10, 0.15)),
        clouds=p.u(0.0, 0.7),
        haze=p.u(0.0003, 0.003),
        ambient=0.012 if is_dusk else 0.006,
        stars=0.0 if is_dusk else p.u(0.2, 1.0),
        exposure=p.u(2.2, 3.2) if is_dusk else p.u(3.0, 4.5),
        seed=p.n(0, 99_999),
    )
    p.b.facts += ["at dusk" if is_dusk else "at night", "in the light of lamps"]
