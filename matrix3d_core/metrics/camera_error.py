"""How far the cameras of a generated video are from the commanded ones: R_err, T_err and ATE."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from ..errors import InvalidInput
from ..geometry.fitting import fit_similarity
from ..scene.trajectory import Trajectory

__all__ = ["CameraErrors", "camera_errors"]

_GOLDEN = (math.sqrt(5) - 1) / 2
_STILL = 1e-9  # of the coordinates: rounding, which must not be scaled up


@dataclass(frozen=True)
class CameraErrors:
    """Errors of generated poses; units are those of the commanded path.

    Attributes:
        rotation_rad: R_err, mean angle over the frames, radians.
        translation: T_err, mean distance over the frames; None when the commanded path stays in one place, where no
            scale can be found.
        ate: mean distance after the best similarity of the centers (absolute trajectory error); None likewise, or for
            fewer than 3 frames.
        scale: what the generated centers were multiplied by for ``translation``.
        reach: largest distance of the commanded path from its first pose.
        angles_rad: ``[T]`` angle of each frame.
        distances: ``[T]`` distance of each frame, after scaling.
    """

    rotation_rad: float
    translation: float | None
    ate: float | None
    scale: float
    reach: float
    angles_rad: Tensor
    distances: Tensor


def camera_errors(generated: Trajectory, commanded: Trajectory) -> CameraErrors:
    """Compare the poses of a generated video with the commanded ones.

    Both paths are expressed in the frame of their first camera, so a common rotation and shift does not count.
    Generated centers are multiplied by the scale (0 or more) that makes the sum of distances smallest, as solved poses
    have no scale. R_err is the mean angle between orientations, T_err the mean distance between centers. For ATE the
    centers are aligned by the best similarity instead (rotation, shift and scale), whatever their first pose.

    Args:
        generated: given or solved poses, one per frame.
        commanded: of the same frames.

    Raises:
        InvalidInput: for different lengths or fewer than 2 frames.

    Source: H. Duan et al., WorldScore: A Unified Evaluation Benchmark for World Generation, 2025, camera
    controllability (there the angle is in degrees); J. Sturm et al., A Benchmark for the Evaluation of RGB-D SLAM
    Systems, 2012 (ATE; here the mean instead of the root mean square).
    """
    if len(generated) != len(commanded) or len(commanded) < 2:
        raise InvalidInput(
            "generated and commanded must have one pose per frame, for at least 2 frames; got "
            f"{len(generated)} and {len(commanded)}. Select the poses of the same frames from both."
        )
    ours, theirs = (path.camera_from_world[0] @ path.world_from_camera for path in (generated, commanded))
    turn = ours[:, :3, :3].mT @ theirs[:, :3, :3]
    sine = torch.stack((turn - turn.mT).unbind(-1), -1)[:, [2, 0, 1], [1, 2, 0]].norm(dim=-1) / 2
    angles = torch.atan2(sine, (turn.diagonal(dim1=1, dim2=2).sum(-1) - 1) / 2)
    centers, wanted = ours[:, :3, 3], theirs[:, :3, 3]
    reach = float(wanted.norm(dim=-1).max())
    scale = 0.0 if _stays(generated) else _least_distances(centers, wanted)
    distances = (scale * centers - wanted).norm(dim=-1)
    is_still = _stays(commanded)
    ate = None
    if not is_still and len(commanded) > 2:
        factor, rotation, shift = fit_similarity(generated.centers, commanded.centers)
        aligned = factor * generated.centers @ rotation.mT + shift
        ate = float((aligned - commanded.centers).norm(dim=-1).mean())
    return CameraErrors(
        rotation_rad=float(angles.mean()),
        translation=None if is_still else float(distances.mean()),
        ate=ate,
        scale=scale,
        reach=reach,
        angles_rad=angles,
        distances=distances,
    )


def _stays(trajectory: Trajectory) -> bool:
    """Tell whether all centers are one place, to rounding."""
    centers = trajectory.centers
    spread = float((centers - centers[0]).norm(dim=-1).max())
    return spread <= _STILL * max(1.0, float(centers.abs().max()))


def _least_distances(centers: Tensor, wanted: Tensor) -> float:
    """Return the scale of ``centers``, 0 or more, with the smallest sum of distances to ``wanted``."""
    energy = centers.square().sum(-1)
    moves = energy > energy.max() * 1e-24
    best = ((centers * wanted).sum(-1)[moves] / energy[moves]).clamp_min(0)  # of each frame alone
    low, high = float(best.min()), float(best.max())
    for _ in range(100):  # the sum is convex: golden section
        step = _GOLDEN * (high - low)
        left, right = high - step, low + step
        sums = [float((s * centers - wanted).norm(dim=-1).sum()) for s in (left, right)]
        low, high = (low, right) if sums[0] <= sums[1] else (left, high)
    return (low + high) / 2
