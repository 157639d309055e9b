"""Hand-written keyframes: positions with camera angles or a point to look at."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from ..checks import check_shape
from ..errors import FormatError, InvalidInput
from ..geometry.rotations import matrix_from_yaw_pitch_roll
from ..strict_json import brief, parse_json

__all__ = ["look_at", "parse_keyframes"]

MAX_KEYFRAMES = 10_000
_KEYS = {"position", "yaw", "pitch", "roll", "look_at"}


def look_at(
    eye: Tensor,  # [..., 3]
    target: Tensor,  # [..., 3]
    *,
    roll_rad: float = 0.0,
) -> Tensor:  # [..., 3, 3]
    """Return the world-from-camera rotation that looks from ``eye`` at ``target`` with the world upright.

    Looking straight up or down, the azimuth is taken as 0.

    Raises:
        InvalidInput: when eye and target coincide.
    """
    check_shape("eye", eye, "... 3")
    check_shape("target", target, "... 3")
    x, y, z = (target - eye).to(torch.float64).unbind(-1)
    if bool(((target - eye).norm(dim=-1) < 1e-12).any()):
        raise InvalidInput("look_at must differ from the position; they coincide.")
    yaw, pitch = torch.atan2(x, z), torch.atan2(-y, torch.hypot(x, z))
    return matrix_from_yaw_pitch_roll(yaw, pitch, torch.full_like(yaw, roll_rad))


def parse_keyframes(text: str, *, source: str = "keyframes") -> tuple[Tensor, Tensor]:
    """Parse keyframes from JSON text.

    The text is a list of objects, each with ``position`` [x, y, z] (x right, y down, z forward,
    world units) and either ``yaw``, ``pitch``, ``roll`` in degrees (each 0 when absent; positive
    is to the right, up, and a roll to the right) or ``look_at`` [x, y, z] (with ``roll``).

    Returns:
        ``[K, 3]`` positions and ``[K, 3, 3]`` world-from-camera rotations, float64.

    Raises:
        FormatError: naming the line of a syntax error, or the keyframe that is wrong.
    """
    data = parse_json(text, source=source)
    if not isinstance(data, list) or not data:
        raise FormatError(f"{source}: must be a list of 1 or more keyframes; got {brief(data)}.")
    if len(data) > MAX_KEYFRAMES:
        raise FormatError(f"{source}: must hold at most {MAX_KEYFRAMES} keyframes; got {len(data)}.")
    parsed = [_keyframe(f"{source}: keyframe {number}", item) for number, item in enumerate(data)]
    positions, rotations = zip(*parsed, strict=True)
    return torch.stack(positions), torch.stack(rotations)


def _keyframe(where: str, item: Any) -> tuple[Tensor, Tensor]:
    if not isinstance(item, Mapping):
        raise FormatError(f'{where} must be an object such as {{"position": [0, 0, 1]}}; got {brief(item)}.')
    unknown = sorted(set(item) - _KEYS)
    if unknown:
        raise FormatError(
            f"{where} may hold {', '.join(sorted(_KEYS))}; got {', '.join(map(repr, unknown))}."
        )
    if "position" not in item:
        raise FormatError(f"{where} must have a position [x, y, z]; it is missing.")
    position = _vector(where, "position", item["position"])
    yaw, pitch, roll = (math.radians(_number(where, k, item.get(k, 0.0))) for k in ("yaw", "pitch", "roll"))
    if "look_at" not in item:
        angles = torch.tensor([yaw, pitch, roll], dtype=torch.float64)
        return position, matrix_from_yaw_pitch_roll(*angles)
    if "yaw" in item or "pitch" in item:
        raise FormatError(f"{where} must have either look_at or yaw and pitch; got both.")
    try:
        return position, look_at(position, _vector(where, "look_at", item["look_at"]), roll_rad=roll)
    except InvalidInput as error:
        raise FormatError(f"{where}: {error}") from error


def _vector(where: str, key: str, value: Any) -> Tensor:
    if not isinstance(value, list) or len(value) != 3:
        raise FormatError(f"{where} {key} must be three numbers [x, y, z]; got {brief(value)}.")
    return torch.tensor([_number(where, key, v) for v in value], dtype=torch.float64)


def _number(where: str, key: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise FormatError(f"{where} {key} must be finite numbers; got {brief(value)}.")
    return float(value)
