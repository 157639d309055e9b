"""How well a walk in a loop ends where it began."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypedDict

import torch
from torch import Tensor

from ..checks import check_shape, check_two_to_one
from ..errors import InvalidInput
from ..geometry.spherical import erp_directions, sample_erp
from ..scene.trajectory import Trajectory
from .image import SSIM_WINDOW_PX, psnr, ssim

__all__ = ["LoopError", "LoopReport", "measure_loop"]

_AMPLIFIED = 3.0


class LoopReport(TypedDict):
    """Numbers of a `LoopError`, rounded, JSON-serializable."""

    position_error: float
    position_error_of_length: float
    angle_error_deg: float
    length: float
    psnr: float
    ssim: float | None


@dataclass(frozen=True)
class LoopError:
    """The error when a loop closes.

    Attributes:
        position: distance between the first and the last camera, world units.
        angle_rad: angle between their orientations.
        length: of the path between them, world units.
        psnr: of the last picture, turned like the first, against the first, dB; inf when they are equal.
        ssim: likewise; None for pictures smaller than its window.
        picture: ``[3 H, W, 3]``: first, last turned like it, and three times their difference.
    """

    position: float
    angle_rad: float
    length: float
    psnr: float
    ssim: float | None
    picture: Tensor

    def report(self) -> LoopReport:
        """Return the numbers; an infinite ratio as 99 dB, which JSON can hold."""
        share = self.position / self.length if self.length > 0 else 0.0
        return {
            "position_error": round(self.position, 6),
            "position_error_of_length": round(share, 6),
            "angle_error_deg": round(math.degrees(self.angle_rad), 5),
            "length": round(self.length, 4),
            "psnr": round(min(self.psnr, 99.0), 3),
            "ssim": None if self.ssim is None else round(self.ssim, 4),
        }


def measure_loop(
    first: Tensor,  # [H, W, 3]
    last: Tensor,  # [H, W, 3]
    first_pose: Tensor,  # [4, 4]
    last_pose: Tensor,  # [4, 4]
    *,
    length: float = 0.0,
    mask: Tensor | None = None,  # [H, W]
) -> LoopError:
    """Compare the panoramas at the two ends of a loop.

    The last picture is turned to the first one's orientation; a difference in position is not made up
    for, so it shows as an error of the picture too.

    Args:
        first: panorama at the start.
        last: panorama at the end, same size.
        first_pose: world-to-camera.
        last_pose: in the same world.
        length: of the path, for the relative error.
        mask: of the first picture; only where it is positive pixels count.

    Raises:
        InvalidInput: when sizes differ or are not 2:1.
    """
    size = check_shape("first", first, "H W 3")
    check_two_to_one("first", size["H"], size["W"])
    if last.shape != first.shape:
        raise InvalidInput(
            f"both pictures must have the same size; got {size['W']}x{size['H']} and "
            f"{last.shape[1]}x{last.shape[0]}."
        )
    check_shape("first_pose", first_pose, "4 4")
    check_shape("last_pose", last_pose, "4 4")
    ends = Trajectory(torch.stack((first_pose, last_pose)))
    turn = ends.camera_from_world[1, :3, :3] @ ends.camera_from_world[0, :3, :3].mT  # last from first camera
    sine = (turn - turn.mT)[[2, 0, 1], [1, 2, 0]].norm() / 2
    angle = math.atan2(float(sine), (float(turn.trace()) - 1) / 2)
    turned = last
    if angle > 1e-9:
        rays = erp_directions(size["H"], size["W"], dtype=torch.float64) @ turn.mT
        turned = sample_erp(last, rays)
    count = None if mask is None else mask
    is_large = min(size["H"], size["W"]) >= SSIM_WINDOW_PX
    difference = ((first - turned).abs() * _AMPLIFIED).clamp(0, 1)
    return LoopError(
        position=float((ends.centers[1] - ends.centers[0]).norm()),
        angle_rad=angle,
        length=length,
        psnr=psnr(turned, first, count),
        ssim=ssim(turned, first) if is_large else None,
        picture=torch.cat((first, turned, difference)).clamp(0, 1),
    )
