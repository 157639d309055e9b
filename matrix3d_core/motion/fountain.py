"""Water that was not there: a fountain of Gaussians that fly freely and fall back."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from ..errors import InvalidInput
from ..scene.gaussians import Gaussians
from ..scene.labels import CLASS_WATER, ORIGIN_UNOBSERVED
from ..scene.motion import AT_HOME, Motion
from .animate import EARTH_GRAVITY, set_motion

__all__ = ["FountainConfig", "make_fountain"]

MOST_DROPS = 200_000


@dataclass(frozen=True)
class FountainConfig:
    """A fountain. World units.

    Attributes:
        height: that the water rises above the nozzle.
        drop: from the nozzle down to where it lands, 0 or more.
        radius: around the nozzle at which it lands.
        drops: number of Gaussians, 8 to 200000.
        size: standard deviation of a drop across its way.
        color: red, green and blue, 0 to 1.
        period_s: of the loop; a drop's life is what physics says, rounded to a whole fraction of it.
        units_per_meter: for gravity.
        seed: of the random spread.
    """

    height: float = 0.6
    drop: float = 1.0
    radius: float = 0.6
    drops: int = 4000
    size: float = 0.008
    color: Sequence[float] = (0.84, 0.90, 0.95)
    period_s: float = 6.0
    units_per_meter: float = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        positive = (self.height, self.radius, self.size, self.period_s, self.units_per_meter)
        if not all(0 < value < math.inf for value in positive) or not 0 <= self.drop < math.inf:
            raise InvalidInput(
                "height, radius, size and period of a fountain must be above 0, its drop 0 or more; got "
                f"{self.height}, {self.radius}, {self.size}, {self.period_s} and {self.drop}."
            )
        if not 8 <= self.drops <= MOST_DROPS:
            raise InvalidInput(f"a fountain must have 8 to {MOST_DROPS} drops; got {self.drops}.")


def make_fountain(nozzle: Sequence[float], config: FountainConfig | None = None) -> Gaussians:
    """Return the Gaussians of a fountain with their motion, to be joined with a world; y points down.

    Water leaves the nozzle at ``sqrt(2 g height)`` upward, up to 10 % slower, and sideways such that it lands within
    the radius, most of it near its edge.

    Args:
        nozzle: three numbers, where the water comes out.
        config: its size and look.

    Raises:
        InvalidInput: when the nozzle is not three finite numbers.

    Source: ballistics: position = v t + g t^2 / 2.
    """
    c = config or FountainConfig()
    place = torch.tensor(tuple(nozzle), dtype=torch.float64)
    if place.shape != (3,) or not bool(torch.isfinite(place).all()):
        raise InvalidInput(f"the nozzle of a fountain must be three finite numbers; got {list(nozzle)}.")
    g = EARTH_GRAVITY * c.units_per_meter
    upward = math.sqrt(2 * g * c.height)
    flight = (upward + math.sqrt(upward**2 + 2 * g * c.drop)) / g
    life = c.period_s / max(1, round(c.period_s / flight))
    dice = torch.Generator().manual_seed(c.seed)
    draw = torch.rand(5, c.drops, generator=dice, dtype=torch.float64)
    around = 2 * math.pi * draw[0]
    speed = c.radius / flight * (0.35 + 0.65 * draw[1].sqrt())
    lift = upward * (1 - 0.1 * draw[2])
    phase = torch.arange(c.drops, dtype=torch.float64) * 256 // c.drops / 256
    velocity = torch.stack([speed * around.cos(), -lift, speed * around.sin()], -1)
    gravity = torch.tensor((0.0, g, 0.0), dtype=torch.float64)
    seconds = (life * (AT_HOME[0] + AT_HOME[1] * phase))[:, None]
    means = place + velocity * seconds + 0.5 * gravity * seconds**2
    size = c.size * (0.6 + 0.8 * draw[3])
    scales = torch.stack([size, 2.5 * size, size], -1)  # drawn out along their fall
    light = (torch.tensor(tuple(c.color), dtype=torch.float64) * (0.85 + 0.3 * draw[4][:, None])).clamp(0, 1)
    quats = torch.tensor((1.0, 0.0, 0.0, 0.0)).repeat(c.drops, 1)
    opacities = torch.full((c.drops,), 0.45)
    made = Gaussians.from_colors(means.float(), quats, scales.float(), opacities, light.float())
    ones = torch.ones(c.drops, dtype=torch.bool)
    made = made.with_labels(origins=ones * ORIGIN_UNOBSERVED, classes=ones * CLASS_WATER)
    motion = Motion("fountain", life, center=tuple(place.tolist()), gravity=(0.0, g, 0.0))
    return set_motion(made, ones, motion, phases=(phase * 256).round())
