"""A one-line description of a camera path."""

from __future__ import annotations

import math

from ..scene.trajectory import Trajectory
from .edit import is_closed
from .rescale import initial_yaw

__all__ = ["describe_trajectory"]


def describe_trajectory(trajectory: Trajectory) -> str:
    """Return one line: frames, duration, length, reach, heading and whether it closes."""
    unit = "m" if trajectory.is_metric else "units"
    centers = trajectory.centers
    reach = float((centers - centers[0]).norm(dim=-1).max())
    heading = math.degrees(initial_yaw(trajectory))
    heading = heading - 360 if heading > 180 else heading
    side = "front" if abs(heading) < 0.05 else f"{abs(heading):.1f}° {'right' if heading > 0 else 'left'}"
    return (
        f"{trajectory.name}: {len(trajectory)} frames at {trajectory.fps:g} fps "
        f"({len(trajectory) / trajectory.fps:.1f} s), length {trajectory.length:.3g} {unit}, "
        f"reaches {reach:.3g} {unit} from its start, starts facing {side}"
        + (", returns to its first pose" if is_closed(trajectory) else "")
    )
