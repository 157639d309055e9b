"""Levels a panorama and rotates its most interesting side to the front."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypedDict

import torch
from torch import Tensor

from ..checks import check_finite, check_shape, check_two_to_one
from ..errors import InvalidInput
from ..geometry.rotations import matrix_from_yaw_pitch_roll
from .resample import pad_erp, resize_erp
from .views import rotate_panorama

__all__ = [
    "Canonical",
    "CanonicalReport",
    "Tilt",
    "angles_from_matrix",
    "canonicalize",
    "estimate_tilt",
    "interesting_yaw",
    "straightening_rotation",
]

_WORKING_WIDTH = 1024
_MOST_EDGES = 24_000
_MOST_TILT = math.radians(32)
_RELIABLE_TILT = math.radians(30)
_GRID_STEP = math.radians(2.0)
_COARSE_SIGMA = math.radians(2.0)
_FINE_SIGMA = math.radians(0.8)
_RING = math.radians(5)
_LATITUDE_LIMIT = math.radians(60)
_BLUR_PX = 1.5
_ENOUGH_CONFIDENCE = 0.33


@dataclass(frozen=True)
class Tilt:
    """The true up direction of a panorama.

    Attributes:
        up: ``[3]`` float64 unit vector in the panorama's axes; (0, -1, 0) is upright.
        confidence: 0..1, by what share the edges' agreement drops a few degrees away; buildings reach about
            0.5, noise and open landscapes stay below 0.25.
    """

    up: Tensor
    confidence: float

    @property
    def angle_rad(self) -> float:
        """Angle between the panorama's vertical and the true one."""
        return math.atan2(math.hypot(float(self.up[0]), float(self.up[2])), -float(self.up[1]))


class CanonicalReport(TypedDict, total=False):
    """What `canonicalize` found and did, angles in radians; steps that were off are left out."""

    tilt_rad: float
    confidence: float
    straightened: bool
    interest_yaw_rad: float
    yaw_rad: float
    pitch_rad: float
    roll_rad: float


@dataclass(frozen=True)
class Canonical:
    """A rotated panorama.

    Attributes:
        rgb: ``[H, W, 3]``.
        source_from_result: ``[3, 3]`` float64: direction ``d`` of the result is direction
            ``source_from_result @ d`` of the source.
        report: angles in radians, confidence; JSON values.
    """

    rgb: Tensor
    source_from_result: Tensor
    report: CanonicalReport


def canonicalize(
    panorama: Tensor,  # [H, W, 3]
    *,
    straighten: bool = True,
    recenter: bool = True,
    yaw_rad: float = 0.0,
    pitch_rad: float = 0.0,
    roll_rad: float = 0.0,
    min_confidence: float = _ENOUGH_CONFIDENCE,
) -> Canonical:
    """Level a panorama, face its most interesting side, then rotate by the given angles.

    Args:
        panorama: ``[H, W, 3]`` in [0, 1], 2:1.
        straighten: undo a tilt when `estimate_tilt` is confident enough.
        recenter: rotate to `interesting_yaw`, by whole columns: without a tilt no pixel changes.
        yaw_rad: additional yaw of the view, to the right.
        pitch_rad: additional pitch, up.
        roll_rad: additional roll of the camera, to the right.
        min_confidence: a tilt found with less is not corrected.

    Returns:
        The panorama, the rotation, and what was found.

    Raises:
        InvalidInput: on a wrong shape or values that are not finite.
    """
    size = check_shape("panorama", panorama, "H W 3")
    check_two_to_one("panorama", size["H"], size["W"])
    check_finite("panorama", panorama)
    angles = torch.tensor((yaw_rad, pitch_rad, roll_rad), dtype=torch.float64)
    check_finite("yaw, pitch and roll", angles)
    rotation = torch.eye(3, dtype=torch.float64)
    report: CanonicalReport = {}
    if straighten:
        tilt = estimate_tilt(panorama)
        is_confident = tilt.confidence >= min_confidence
        report["tilt_rad"] = tilt.angle_rad
        report["confidence"] = tilt.confidence
        report["straightened"] = is_confident
        if is_confident:
            rotation = straightening_rotation(tilt.up)
    if recenter:
        small = _shrunk(panorama)
        yaw = interesting_yaw(rotate_panorama(small, rotation))
        yaw = round(yaw / math.tau * size["W"]) / size["W"] * math.tau
        report["interest_yaw_rad"] = yaw
        rotation = rotation @ _turn(yaw)
    rotation = rotation @ matrix_from_yaw_pitch_roll(*angles)
    report["yaw_rad"], report["pitch_rad"], report["roll_rad"] = angles_from_matrix(rotation)
    return Canonical(rotate_panorama(panorama, rotation).clamp(0, 1), rotation, report)


def _turn(yaw_rad: float) -> Tensor:
    zero = torch.tensor(0.0, dtype=torch.float64)
    return matrix_from_yaw_pitch_roll(torch.tensor(yaw_rad, dtype=torch.float64), zero, zero)


def straightening_rotation(up: Tensor) -> Tensor:  # [3] -> [3, 3]
    """Return the smallest rotation that takes (0, -1, 0) to ``up``: the source of a leveled panorama."""
    start = torch.tensor((0.0, -1.0, 0.0), dtype=torch.float64)
    up = torch.nn.functional.normalize(up.double(), dim=0)
    axis, cosine = torch.linalg.cross(start, up), float(start @ up)
    if cosine < -1 + 1e-9:
        raise InvalidInput("up must not point straight down; flip the panorama first.")
    cross = torch.tensor(
        [[0, -axis[2], axis[1]], [axis[2], 0, -axis[0]], [-axis[1], axis[0], 0]], dtype=torch.float64
    )
    return torch.eye(3, dtype=torch.float64) + cross + cross @ cross / (1 + cosine)


def angles_from_matrix(world_from_camera: Tensor) -> tuple[float, float, float]:
    """Return yaw, pitch and roll (radians) of a rotation; the inverse of `matrix_from_yaw_pitch_roll`.

    At a pitch of +-90 degrees the roll is 0.
    """
    R = world_from_camera.double()
    pitch = math.atan2(-float(R[1, 2]), math.hypot(float(R[0, 2]), float(R[2, 2])))
    if math.hypot(float(R[0, 2]), float(R[2, 2])) < 1e-9:
        return math.atan2(-float(R[2, 0]), float(R[0, 0])), pitch, 0.0
    return math.atan2(float(R[0, 2]), float(R[2, 2])), pitch, math.atan2(float(R[1, 0]), float(R[1, 1]))


def interesting_yaw(panorama: Tensor, *, window_rad: float = math.pi / 2) -> float:
    """Return the yaw of the most interesting side.

    Interest is the strength of brightness and color edges, its square root taken (many edges count more
    than one strong one), weighted by area and by nearness to the horizon: full at it, none beyond 50
    degrees above or below, so that sky and ground do not vote. Summed over a raised cosine ``window_rad``
    wide; of equal maxima the one nearest to the present front wins. No randomness is involved.

    Args:
        panorama: ``[H, W, 3]``, 2:1.
        window_rad: width of the view that counts.

    Returns:
        Yaw in radians, -pi..pi; 0 for a picture without edges.
    """
    small = _shrunk(panorama, 512)
    height, width = small.shape[:2]
    right = small.roll(-1, 1) - small.roll(1, 1)
    below = torch.cat((small[1:], small[-1:])) - torch.cat((small[:1], small[:-1]))
    latitude = (0.5 - (torch.arange(height).double() + 0.5) / height) * math.pi
    ring = torch.cos(latitude).clamp_min(0.05)[:, None, None]
    strength = torch.sqrt(((right.double() / ring) ** 2 + below.double() ** 2).sum(-1))
    near = torch.cos((latitude / math.radians(50)).clamp(-1, 1) * (0.5 * math.pi)) ** 2
    columns = ((strength - 0.02).clamp_min(0).sqrt() * (near * torch.cos(latitude))[:, None]).sum(0)
    if float(columns.max()) <= 0:
        return 0.0
    azimuth = ((torch.arange(width).double() + 0.5) / width - 0.5) * math.tau
    offset = torch.remainder(azimuth[:, None] - azimuth[None, :] + math.pi, math.tau) - math.pi
    window = torch.where(offset.abs() < window_rad, 0.5 + 0.5 * torch.cos(offset / window_rad * math.pi), 0.0)
    score = window @ columns
    is_best = score >= score.max() * (1 - 1e-9)
    return float(azimuth[is_best][azimuth[is_best].abs().argmin()])


def _shrunk(panorama: Tensor, width: int = _WORKING_WIDTH) -> Tensor:
    if panorama.shape[1] <= width:
        return panorama.float()
    return resize_erp(panorama.float(), width // 2, width).clamp(0, 1)


def estimate_tilt(panorama: Tensor) -> Tilt:  # [H, W, 3]
    """Estimate the true up of a panorama from vertical edges.

    A straight line in the world projects to a great circle; the normal of that circle is the edge's gradient,
    seen as a vector in space. The normals of all vertical lines are perpendicular to the vertical. So
    every edge votes for the directions perpendicular to its normal, and the up direction within 40 degrees
    of the picture's own with most votes wins; a finer search and a least-squares fit to the edges that
    agree follow. The confidence compares the votes of the winner with those of the other candidates: near
    0 when no direction stands out, as in open landscapes.

    Args:
        panorama: ``[H, W, 3]`` in [0, 1], 2:1.

    Returns:
        The up direction and its confidence; (0, -1, 0) and 0 without edges.

    Source: the great-circle constraint of vanishing directions: S. T. Barnard, Interpreting perspective
        images, 1983.
    """
    normals, weights = _edge_normals(_shrunk(panorama))
    upright = torch.tensor((0.0, -1.0, 0.0), dtype=torch.float64)
    if len(normals) < 200:
        return Tilt(upright, 0.0)
    steps = torch.arange(-_MOST_TILT, _MOST_TILT + 1e-9, _GRID_STEP, dtype=torch.float64)
    grid = torch.cartesian_prod(steps, steps)
    candidates = torch.stack(
        (torch.sin(grid[:, 0]), -torch.cos(grid[:, 0]).clamp_min(0.1), torch.tan(grid[:, 1])), -1
    )
    candidates = torch.nn.functional.normalize(candidates, dim=-1)
    candidates = candidates[-candidates[:, 1] >= math.cos(_MOST_TILT)]
    votes = _votes(candidates, normals, weights, _COARSE_SIGMA)
    up = candidates[votes.argmax()]
    for sigma in (_COARSE_SIGMA, _FINE_SIGMA, _FINE_SIGMA, _FINE_SIGMA):
        agree = weights * torch.exp(-0.5 * (torch.asin((normals @ up).clamp(-1, 1)) / sigma) ** 2)
        _, vectors = torch.linalg.eigh((normals * agree[:, None]).mT @ normals)
        refined = vectors[:, 0] * (-1.0 if float(vectors[1, 0]) > 0 else 1.0)
        if float(refined @ up) > math.cos(math.radians(5)):
            up = refined
    tilt = Tilt(up, _confidence(up, normals, weights))
    return tilt if tilt.angle_rad < _RELIABLE_TILT else Tilt(up, 0.0)


def _confidence(up: Tensor, normals: Tensor, weights: Tensor) -> float:
    """Return by what share the votes fall when the direction moves by a few degrees: lines make a sharp peak."""
    across = torch.nn.functional.normalize(
        torch.linalg.cross(up, torch.tensor((0.0, 0.0, 1.0)).double()), dim=0
    )
    along = torch.linalg.cross(up, across)
    turns = torch.arange(16, dtype=torch.float64) / 16 * math.tau
    ring = torch.cos(turns)[:, None] * across + torch.sin(turns)[:, None] * along
    beside = math.cos(_RING) * up + math.sin(_RING) * ring
    votes = _votes(torch.cat((up[None], beside)), normals, weights, _FINE_SIGMA)
    return max(0.0, 1 - float(votes[1:].mean() / votes[0].clamp_min(1e-12)))


def _votes(candidates: Tensor, normals: Tensor, weights: Tensor, sigma: float) -> Tensor:
    votes = [
        (torch.exp(-0.5 * ((normals @ part.mT).float() / sigma) ** 2) * weights.float()[:, None]).sum(0)
        for part in candidates.split(64)
    ]
    return torch.cat(votes).double()


def _blurred(gray: Tensor) -> Tensor:  # [H, W]
    """Blur by a Gaussian: gradients of steps one pixel wide are biased towards rows and columns."""
    reach = math.ceil(3 * _BLUR_PX)
    kernel = torch.exp(-0.5 * (torch.arange(-reach, reach + 1).to(gray) / _BLUR_PX) ** 2)
    padded = pad_erp(gray.unsqueeze(-1), reach)[None, None, ..., 0]
    across = torch.nn.functional.conv2d(padded, (kernel / kernel.sum())[None, None, None, :])
    return torch.nn.functional.conv2d(across, (kernel / kernel.sum())[None, None, :, None])[0, 0]


def _edge_normals(small: Tensor) -> tuple[Tensor, Tensor]:  # [N, 3], [N]
    """Return the unit normals of the great circles along the strongest edges, and their weights."""
    height, width = small.shape[:2]
    gray = _blurred(small.mean(-1).double())
    above, below = torch.cat((gray[:1], gray[:-1])), torch.cat((gray[1:], gray[-1:]))
    smooth = 0.25 * above + 0.5 * gray + 0.25 * below  # the smoothing across, as Sobel's filter has it
    right = (smooth.roll(-1, 1) - smooth.roll(1, 1)) * (width / (2 * math.tau))
    across = 0.25 * gray.roll(1, 1) + 0.5 * gray + 0.25 * gray.roll(-1, 1)
    down = (torch.cat((across[1:], across[-1:])) - torch.cat((across[:1], across[:-1]))) * (height / math.tau)
    latitude = (0.5 - (torch.arange(height).double() + 0.5) / height) * math.pi
    ring = torch.cos(latitude)[:, None]
    right = right / ring.clamp_min(1e-3)
    strength = torch.sqrt(right**2 + down**2)
    strength = torch.where(latitude.abs()[:, None] < _LATITUDE_LIMIT, strength, 0.0)
    # Along the ridge only: an edge two pixels wide would vote twice, its flanks less exactly.
    level = float(strength.flatten().topk(min(_MOST_EDGES, strength.numel())).values[-1])
    index = ((strength >= max(level, 0.35)).flatten()).nonzero()[:, 0]
    if len(index) == 0:
        return torch.zeros(0, 3, dtype=torch.float64), torch.zeros(0, dtype=torch.float64)
    row, column = torch.div(index, width, rounding_mode="floor"), index % width
    azimuth = ((column.double() + 0.5) / width - 0.5) * math.tau
    polar = (row.double() + 0.5) / height * math.pi
    east = torch.stack((torch.cos(azimuth), torch.zeros_like(azimuth), -torch.sin(azimuth)), -1)
    south = torch.stack(
        (torch.cos(polar) * torch.sin(azimuth), torch.sin(polar), torch.cos(polar) * torch.cos(azimuth)), -1
    )
    gradient = right.flatten()[index, None] * east + down.flatten()[index, None] * south
    weight = torch.sqrt(gradient.norm(dim=-1)).clamp(max=4.0) * torch.sin(polar)
    return torch.nn.functional.normalize(gradient, dim=-1), weight
