"""What the optimiser looks at: key frames, held-out frames, and the crop of each step."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from ..geometry.crops import crop_erp, upstream_crop_rotations
from ..geometry.pinhole import intrinsics_from_fov
from ..geometry.rotations import matrix_from_yaw_pitch_roll
from ..scene.panorama import PanoramaGeometry
from ..scene.trajectory import Trajectory
from .config import OptimiseConfig

__all__ = ["Picture", "View", "ViewSampler", "held_out_frames", "key_frames"]


def key_frames(count: int, stride: int) -> list[int]:
    """Return every ``stride``-th frame of ``count``, the first and the last included, ascending."""
    return sorted({*range(0, count, stride), count - 1})


def held_out_frames(keys: list[int], most: int) -> list[int]:
    """Return frames half way between neighbouring key frames, at most ``most``, spread along the path."""
    middles = [(a + b) // 2 for a, b in pairwise(keys) if b - a >= 2]
    if len(middles) <= most:
        return middles
    return [middles[(2 * i + 1) * len(middles) // (2 * most)] for i in range(most)]


@dataclass(frozen=True)
class Picture:
    """One panorama to train on.

    Attributes:
        rgb: ``[H, W, 3]`` float32.
        weight: ``[H, W]`` float32 weight of each pixel in the loss.
        camera_from_world: ``[4, 4]`` float64 pose.
        fov_rad: field of view of its crops.
    """

    rgb: Tensor
    weight: Tensor
    camera_from_world: Tensor
    fov_rad: float


@dataclass(frozen=True)
class View:
    """One crop to train on: where it is cut from, and the pinhole camera that sees the same."""

    picture: Picture
    rotation_crop_from_panorama: Tensor  # [3, 3] float64
    camera_from_world: Tensor  # [4, 4] float64
    K_px: Tensor  # [3, 3] float64
    size_px: int

    def crop(self) -> tuple[Tensor, Tensor]:
        """Return the crop's ``rgb [S, S, 3]`` and ``weight [S, S]``, bilinear."""
        image = torch.cat((self.picture.rgb, self.picture.weight.unsqueeze(-1)), dim=-1)
        both = crop_erp(image, self.rotation_crop_from_panorama[None], self.K_px, self.size_px, self.size_px)[
            0
        ]
        return both[..., :3].contiguous(), both[..., 3].contiguous()


def look(picture: Picture, rotation: Tensor, size_px: int) -> View:
    """Point a crop's camera into a panorama."""
    pose = torch.eye(4, dtype=torch.float64)
    pose[:3, :3] = rotation
    K_px = intrinsics_from_fov(picture.fov_rad, size_px, size_px)
    return View(picture, rotation, pose @ picture.camera_from_world, K_px, size_px)


class ViewSampler:
    """Draws the view of each step from a seed: the same sequence on every run."""

    def __init__(
        self,
        frames: Tensor,  # [T, H, W, 3]
        trajectory: Trajectory,
        keys: list[int],
        *,
        geometry: PanoramaGeometry | None,
        mask: Tensor | None,  # [T, H, W]
        config: OptimiseConfig,
    ) -> None:
        self._config = config
        self._random = torch.Generator().manual_seed(config.seed)
        self._crops = upstream_crop_rotations()
        self._source: Picture | None = None
        if geometry is not None:
            start = torch.eye(4, dtype=torch.float64)
            if trajectory.frame_of_reference != "panorama":
                start = trajectory.camera_from_world[0]
            fov = math.radians(config.source_fov_deg)
            self._source = Picture(geometry.rgb.float(), torch.ones(geometry.depth_ray.shape), start, fov)
        self.pictures = []
        for frame in keys:
            pose = trajectory.camera_from_world[frame]
            if self._source is not None and torch.allclose(
                pose, self._source.camera_from_world, rtol=0, atol=1e-9
            ):
                continue  # the panorama itself shows more
            weight = torch.ones(frames.shape[1:3])
            if mask is not None:
                low, high = config.weight_filled, config.weight_seen
                weight = low + (high - low) * mask[frame].float()
            self.pictures.append(Picture(frames[frame].float(), weight, pose, math.pi / 2))
        self._queue: list[tuple[int, int]] = []

    def draw(self) -> View:
        """Return the next view."""
        chance, turn, height = torch.rand(3, generator=self._random, dtype=torch.float64).tolist()
        size = self._config.crop_size_px
        if self._source is not None and (chance < self._config.source_share or not self.pictures):
            pitch = math.asin(2 * height - 1)  # even over the sphere
            angles = torch.tensor((math.tau * turn, pitch, 0.0), dtype=torch.float64)
            return look(self._source, matrix_from_yaw_pitch_roll(*angles).mT, size)
        if not self._queue:
            pairs = [(p, c) for p in range(len(self.pictures)) for c in range(len(self._crops))]
            self._queue = [pairs[i] for i in torch.randperm(len(pairs), generator=self._random).tolist()]
        picture, crop = self._queue.pop()
        yaw = torch.tensor((math.tau * turn, 0.0, 0.0), dtype=torch.float64)
        return look(self.pictures[picture], self._crops[crop] @ matrix_from_yaw_pitch_roll(*yaw).mT, size)
