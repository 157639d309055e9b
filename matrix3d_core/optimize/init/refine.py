"""Distances of key frames refined at the full resolution where depth jumps.

A plane sweep works on small pictures, so that its silhouettes are off by pixels of the frame. Near them each pixel
tries the distances of its neighbors: the one at which it has the colors of other frames, that other key frames
show and do not look through, and that neighbors of its color have. Pixels of the sky's color try the sky too: between
leaves none of their neighbors may have it.

Source: C. Barnes et al., PatchMatch, 2009 (propagation); J. Schoenberger et al., Pixelwise View Selection for
Unstructured Multi-View Stereo, 2016 (consistency between the maps).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ...depth.plane_sweep import frames_beside
from ...progress import ProgressEvent, ProgressFn, no_progress
from ...scene.camera import Camera
from ...scene.trajectory import Trajectory
from .fusion import KeyDepth
from .sources import AGREE

__all__ = ["refine_depth"]

_REACHES = (-5.0, -2.5, 2.5, 5.0)  # baselines to the frames that are compared
_STEPS_PX = (6, 3, 1)  # to the neighbors whose distances are tried, round after round
_MAPS = 4  # key frames whose maps are compared
_THROUGH, _SHOWS, _SMOOTH = 0.05, 0.01, 0.01  # prices in color difference, summed over channels
_SKY_GAIN = 0.01
_LIKE_SKY = 0.15  # color difference, summed over channels, to the sky around up to which a pixel may be sky
_SKY_AROUND_PX = (4, 16, 48)  # squares that the sky is averaged over: the smallest that holds some counts
_LEAST_SKY = 0.02  # share of such a square and those beside it
_MOST_OFF = 0.15  # color difference up to which a refined distance is known
_REACH_PX = 3


def refine_depth(
    depths: Mapping[int, KeyDepth],
    frames: Tensor,  # [T, H, W, 3]
    trajectory: Trajectory,
    nearest: float | None,
    *,
    progress: ProgressFn = no_progress,
) -> dict[int, KeyDepth]:
    """Move the silhouettes of key frames to where the frames have them.

    Args:
        depths: key frame to what is known.
        frames: ``[T, H, W, 3]`` in [0, 1].
        trajectory: their poses.
        nearest: as for `plane_sweep_depth`.
        progress: called before each key frame.

    Returns:
        Key frame to what is known then. A refined pixel is known where more key frames show it than look through it,
        and it was known before or has the colors of other frames.
    """
    size, keys = (frames.shape[1], frames.shape[2]), sorted(depths)
    open_pixels = {key: _open_pixels(depths[key], trajectory.camera(key, size)) for key in keys}
    state = {key: _State.of(depths[key], open_pixels[key], frames[key].float()) for key in keys}
    rounds = len(_STEPS_PX) * len(keys)
    for done in range(rounds):
        step, index = _STEPS_PX[done // len(keys)], done % len(keys)
        progress(ProgressEvent(done, rounds, f"refine depth {done + 1} of {rounds}"))
        key = keys[index]
        beside = frames_beside(trajectory, key, nearest, _REACHES)
        around = sorted(keys, key=lambda other: (abs(keys.index(other) - index), other))[1 : _MAPS + 1]
        if beside and around:
            maps = np.stack([state[other].map() for other in around])
            own, others, maps_of = (_Pictures.of(frames, trajectory, key, n) for n in ([key], beside, around))
            state[key].propagate(step, own, others, maps_of, maps)
    return {key: state[key].result(depths[key]) for key in keys}


@dataclass(frozen=True)
class _Pictures:
    """Some frames with their poses, from the camera of a key frame, and lenses."""

    rgb: list[np.ndarray]
    poses: np.ndarray
    lenses: np.ndarray

    @classmethod
    def of(cls, frames: Tensor, trajectory: Trajectory, key: int, chosen: Sequence[int]) -> _Pictures:
        size, back = (frames.shape[1], frames.shape[2]), trajectory.world_from_camera[key]
        return cls(
            [frames[n].float().contiguous().numpy() for n in chosen],
            np.stack([(trajectory.camera_from_world[n] @ back)[:3].numpy() for n in chosen]),
            np.stack([trajectory.camera(n, size).kernel_values().numpy() for n in chosen]),
        )


@dataclass
class _State:
    """Where the refinement of a key frame is.

    Attributes:
        inverse: ``[H, W]`` as of `KeyDepth`.
        is_open: ``[H, W]`` bool, pixels that are refined.
        is_known: ``[H, W]`` bool, before.
        off: ``[H, W]`` color difference of refined pixels to the other frames, -1 beforehand.
        votes: ``[H, W]`` key frames that show the point less those that look through it.
        may_be_sky: ``[H, W]`` bool, pixels of the color of the sky around.
    """

    inverse: np.ndarray
    is_open: np.ndarray
    is_known: np.ndarray
    off: np.ndarray
    votes: np.ndarray
    may_be_sky: np.ndarray

    @classmethod
    def of(cls, depth: KeyDepth, is_open: Tensor, rgb: Tensor) -> _State:
        off, votes = np.full(is_open.shape, -1, np.float32), np.zeros(is_open.shape, np.int64)
        may_be_sky = _may_be_sky(depth, rgb).numpy()
        return cls(depth.inverse.numpy(), is_open.numpy(), depth.is_known.numpy(), off, votes, may_be_sky)

    def map(self) -> np.ndarray:  # [H, W]
        """Return what the other key frames may rely on, -1 elsewhere."""
        return np.where(self.is_known | self.is_open, self.inverse, np.float32(-1))

    def propagate(
        self, step: int, own: _Pictures, beside: _Pictures, around: _Pictures, maps: np.ndarray
    ) -> None:
        """Let pixels take the distance of neighbors ``step`` pixels away."""
        from .kernels_propagation import take_neighbors

        found = np.empty_like(self.inverse)
        prices = [np.float32(value) for value in (_THROUGH, _SHOWS, _SMOOTH)]
        given = own.rgb[0], own.lenses[0], self.inverse, self.is_open, step
        others = np.stack(beside.rgb), beside.poses, beside.lenses, maps, around.poses, around.lenses
        sky = self.may_be_sky, np.float32(_SKY_GAIN)
        take_neighbors(len(found), *given, *others, AGREE, *prices, *sky, found, self.off, self.votes)
        self.inverse = found

    def result(self, depth: KeyDepth) -> KeyDepth:
        """Return what is known now."""
        is_compared = self.is_open & (self.off >= 0)
        fits = (self.votes > 0) & (self.is_known | (self.off < _MOST_OFF))
        is_known = torch.from_numpy(np.where(is_compared, fits, self.is_known))
        return replace(depth, inverse=torch.from_numpy(self.inverse), is_known=is_known)


def _open_pixels(depth: KeyDepth, camera: Camera) -> Tensor:  # [H, W] bool
    """Return what is refined: pixels near a jump, and those without a known distance."""
    unsure = (depth.is_near_jump | ~depth.is_known).float()[None, None]
    return F.max_pool2d(camera.pad(unsure, _REACH_PX), 2 * _REACH_PX + 1, stride=1)[0, 0] > 0


def _may_be_sky(depth: KeyDepth, rgb: Tensor) -> Tensor:  # [H, W] bool
    """Return where the color is like that of the nearest sky which is known, away from jumps."""
    sky = (depth.sky() & ~depth.is_near_jump).float()
    planes = torch.cat((rgb * sky[..., None], sky[..., None]), -1).permute(2, 0, 1)[None]
    off = torch.full(sky.shape, torch.nan)
    for side in _SKY_AROUND_PX:
        squares = F.avg_pool2d(planes, side, ceil_mode=True)
        around = F.avg_pool2d(F.pad(squares, (1, 1, 1, 1), mode="replicate"), 3, stride=1)
        mean = torch.where(around[:, 3:] > _LEAST_SKY, around[:, :3] / around[:, 3:], torch.nan)
        mean = mean.repeat_interleave(side, -2).repeat_interleave(side, -1)[0].permute(1, 2, 0)
        off = torch.where(off.isnan(), (mean[: rgb.shape[0], : rgb.shape[1]] - rgb).abs().sum(-1), off)
    return off < _LIKE_SKY
