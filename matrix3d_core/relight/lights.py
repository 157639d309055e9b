"""The host's lights (``LOAD3D_LIGHT_INFO``): a list of dicts, in the axes of its viewers (y up)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from ..errors import InvalidInput
from ..light.irradiance import linear_from_srgb
from ..strict_json import brief
from .relight import Lamp

__all__ = ["lamps_from_text", "lights_from_host"]

_RANGE = 30.0
_KINDS = ("directional", "point", "spot")


def lights_from_host(lights: Sequence[Mapping[str, Any]]) -> tuple[list[Lamp], Tensor | None]:
    """Return the lamps among the host's lights, and the direction towards its first directional light.

    Points and spots become lamps that shine all around; white of intensity 1 lights a white surface fully at a distance
    of 1. The viewer's world is turned by half a turn about x: ``(x, y, z)`` there is ``(x, -y, -z)`` here.

    Args:
        lights: dicts with ``type`` (directional, point, spot), ``color`` (#rrggbb), ``intensity``, ``position`` and
            ``target`` (x, y, z), and ``range`` (0: 30 units).

    Raises:
        InvalidInput: for what is no such list, unknown types, or numbers that are not finite.
    """
    if not isinstance(lights, Sequence) or isinstance(lights, str):
        raise InvalidInput(f"light_info must be a list of lights; got {type(lights).__name__}.")
    lamps: list[Lamp] = []
    sun: Tensor | None = None
    for light in lights:
        if not isinstance(light, Mapping):
            raise InvalidInput(f"light_info must hold dicts; got {brief(light)}.")
        kind = str(light.get("type", "directional"))
        if kind not in _KINDS:
            raise InvalidInput(f"the type of a light must be one of {', '.join(_KINDS)}; got {kind!r}.")
        place = _place(light, "position", (5.0, 8.0, 5.0))
        if kind == "directional":
            towards = place - _place(light, "target", (0.0, 0.0, 0.0))
            if sun is None and float(towards.norm()) > 0:
                sun = towards / towards.norm()
            continue
        intensity, reach = _number(light, "intensity", 1.0), _number(light, "range", 0.0)
        color = (intensity * _linear_color(light.get("color", "#ffffff"))).tolist()
        x, y, z = place.tolist()
        lamps.append(Lamp((x, y, z), (color[0], color[1], color[2]), reach or _RANGE))
    return lamps, sun


def lamps_from_text(text: str) -> list[Lamp]:
    """Return lamps from lines ``x y z`` or ``x y z brightness`` or ``x y z brightness #rrggbb``; # alone is a comment.

    Raises:
        InvalidInput: naming the line.
    """
    lamps = []
    for number, line in enumerate(text.splitlines(), 1):
        words = line.replace(",", " ").split()
        if not words or words[0] == "#":
            continue
        try:
            values = [float(word) for word in words[:4]]
            color = _linear_color(words[4] if len(words) == 5 else "#ffd9a0")
            if len(values) < 3 or len(words) > 5 or not all(map(math.isfinite, values)):
                raise ValueError
        except ValueError:
            raise InvalidInput(
                f"line {number} of lamps must be x y z, then a brightness and a color #rrggbb if wanted; "
                f"got {brief(line)}."
            ) from None
        bright = values[3] if len(values) == 4 else 2.0
        red, green, blue = (bright * color).tolist()
        lamps.append(Lamp((values[0], values[1], values[2]), (red, green, blue), _RANGE))
    return lamps


def _place(light: Mapping[str, Any], name: str, default: tuple[float, float, float]) -> Tensor:
    given = light.get(name)
    if given is None:
        given = dict(zip("xyz", default, strict=True))
    if not isinstance(given, Mapping):
        raise InvalidInput(f"{name} of a light must hold x, y and z; got {brief(given)}.")
    x, y, z = (_number(given, axis, 0.0, least=-math.inf) for axis in "xyz")
    return torch.tensor((x, -y, -z), dtype=torch.float64)


def _number(values: Mapping[str, Any], name: str, default: float, *, least: float = 0.0) -> float:
    try:
        value = float(values.get(name, default) or 0.0)
    except (TypeError, ValueError):
        value = math.nan
    if not (math.isfinite(value) and value >= least):
        raise InvalidInput(f"{name} of a light must be a finite number; got {brief(values.get(name))}.")
    return value


def _linear_color(code: object) -> Tensor:  # [3]
    digits = str(code).strip().removeprefix("#")
    if len(digits) != 6 or not all(digit in "0123456789abcdefABCDEF" for digit in digits):
        raise InvalidInput(f"the color of a light must be #rrggbb; got {brief(code)}.")
    return linear_from_srgb(torch.tensor([int(digits[k : k + 2], 16) / 255 for k in (0, 2, 4)]))
