"""Trajectory: the camera path that every stage shares."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ..checks import check_shape
from ..errors import InvalidInput
from .camera import Camera, camera_of, check_intrinsics, select_intrinsics

__all__ = ["FRAMES_OF_REFERENCE", "Trajectory"]

FRAMES_OF_REFERENCE = ("panorama", "world")
"""``panorama``: the origin is the center of the source panorama and +z its front.
``world``: a frame given from outside; the panorama is at the first pose."""

_ORTHONORMAL_TOLERANCE = 1e-3
_AFFINE_TOLERANCE = 1e-12  # a general inverse rounds the last row; stored poses have it exact


@dataclass(frozen=True)
class Trajectory:
    """A camera path: one world-to-camera pose per frame.

    OpenCV axes (x right, y down, z forward); ``x_cam = R x_world + t``. A pose without intrinsics
    is a panorama camera: its +z axis points at the ERP's center column.

    Attributes:
        camera_from_world: ``[T, 4, 4]`` float64, rigid (w2c), ``T >= 1``.
        K_px: optional ``[T, 3, 3]`` intrinsics in pixels (centers at half integers).
        image_size_px: optional ``(height, width)``, needed with ``K_px``.
        fps: frames per second, for playback.
        frame_of_reference: one of `FRAMES_OF_REFERENCE`.
        is_metric: True when one unit is one meter.
        name: what to call it in lists and files.
    """

    camera_from_world: Tensor
    K_px: Tensor | None = None
    image_size_px: tuple[int, int] | None = None
    fps: float = 12.0
    frame_of_reference: str = "panorama"
    is_metric: bool = False
    name: str = "trajectory"

    def __post_init__(self) -> None:
        poses = self.camera_from_world
        count = check_shape("camera_from_world", poses, "T 4 4")["T"]
        if count < 1:
            raise InvalidInput("a trajectory must have at least 1 frame; got 0.")
        poses = poses.detach().to("cpu", torch.float64)
        if not torch.isfinite(poses).all():
            bad = int((~torch.isfinite(poses)).flatten(1).any(1).nonzero()[0])
            raise InvalidInput(f"camera_from_world must be finite; frame {bad} holds NaN or infinity.")
        bottom = torch.tensor([0.0, 0.0, 0.0, 1.0], dtype=torch.float64)
        rotation = poses[:, :3, :3]
        error = (rotation @ rotation.mT - torch.eye(3, dtype=torch.float64)).abs().amax((1, 2))
        determinant = torch.linalg.det(rotation)
        is_affine = ((poses[:, 3] - bottom).abs() <= _AFFINE_TOLERANCE).all(1)
        is_good = (
            is_affine & (error <= _ORTHONORMAL_TOLERANCE) & (determinant > 0)
        )  # NaN, of huge numbers, is not
        if not is_good.all():
            frame = int((~is_good).nonzero()[0])
            if not is_affine[frame]:
                raise InvalidInput(
                    f"frame {frame}: the last row of a pose must be 0 0 0 1; got {poses[frame, 3].tolist()}. "
                    "Poses are row-major 4x4 world-to-camera matrices; is this one transposed?"
                )
            raise InvalidInput(
                f"frame {frame}: the 3x3 part must be a rotation; R R^T is off by "
                f"{float(error[frame]):.3g} and det R = {float(determinant[frame]):.3g}. "
                "Remove scale or mirroring from the pose."
            )
        check_intrinsics(self.K_px, count, self.image_size_px)
        if not (self.fps > 0 and self.fps < float("inf")):
            raise InvalidInput(f"fps must be positive; got {self.fps}.")
        if self.frame_of_reference not in FRAMES_OF_REFERENCE:
            raise InvalidInput(
                f"frame_of_reference must be one of {', '.join(FRAMES_OF_REFERENCE)}; "
                f"got {self.frame_of_reference!r}."
            )
        poses = torch.cat([poses[:, :3], bottom.expand(count, 1, 4)], 1)
        object.__setattr__(self, "camera_from_world", poses)

    def __len__(self) -> int:
        return self.camera_from_world.shape[0]

    def camera(self, frame: int, size_px: tuple[int, int] | None = None) -> Camera:
        """Return the camera of one frame: a pinhole with the path's intrinsics, or a panorama's where it has none.

        Args:
            frame: its number.
            size_px: rows and columns of the picture at hand, for which intrinsics are scaled; None: `image_size_px`.

        Raises:
            InvalidInput: when neither says the size.
        """
        own = self.image_size_px or size_px
        if own is None:
            raise InvalidInput("size_px must be given for a path without image_size_px; got None.")
        camera = camera_of(select_intrinsics(self.K_px, frame), own)
        return camera if size_px is None else camera.resized(*size_px)

    def check_frames(self, name: str, size_px: tuple[int, int]) -> None:
        """Raise InvalidInput unless frames of that many rows and columns are what the path's cameras take.

        Those are 2:1 panoramas of any size, or pictures of the size that the intrinsics are for.
        """
        self.camera(0, None if self.image_size_px else size_px).check_picture(name, size_px)

    def select(self, index: Tensor | slice) -> Trajectory:
        """Return the path of some frames, in the order of ``index`` (numbers may repeat), with their intrinsics."""
        poses, K_px = self.camera_from_world[index], select_intrinsics(self.K_px, index)
        return replace(self, camera_from_world=poses, K_px=K_px)

    @property
    def world_from_camera(self) -> Tensor:
        """``[T, 4, 4]`` float64 camera-to-world poses (c2w), inverted in closed form."""
        rotation = self.camera_from_world[:, :3, :3].mT
        pose = torch.eye(4, dtype=torch.float64).repeat(len(self), 1, 1)
        pose[:, :3, :3] = rotation
        pose[:, :3, 3] = -(rotation @ self.camera_from_world[:, :3, 3:]).squeeze(-1)
        return pose

    @property
    def panorama_from_world(self) -> Tensor:
        """``[4, 4]`` float64 pose of the source panorama: the identity, or the first pose of a ``world`` path."""
        if self.frame_of_reference == "panorama":
            return torch.eye(4, dtype=torch.float64)
        return self.camera_from_world[0]

    @property
    def world_from_panorama(self) -> Tensor:
        """``[4, 4]`` float64: the pose of the source panorama, inverse of `panorama_from_world`."""
        if self.frame_of_reference == "panorama":
            return torch.eye(4, dtype=torch.float64)
        return self.world_from_camera[0]

    @property
    def centers(self) -> Tensor:
        """``[T, 3]`` float64 camera centers in the world."""
        return self.world_from_camera[:, :3, 3]

    @property
    def forwards(self) -> Tensor:
        """``[T, 3]`` float64 unit viewing directions in the world."""
        return self.camera_from_world[:, 2, :3]

    @property
    def length(self) -> float:
        """Length of the path, world units."""
        return float(self.centers.diff(dim=0).norm(dim=-1).sum())

    @classmethod
    def from_centers(
        cls, rotations_world_from_camera: Tensor, centers: Tensor, **fields: object
    ) -> Trajectory:
        """Build from ``[T, 3, 3]`` world-from-camera rotations and ``[T, 3]`` camera centers."""
        count = check_shape("rotations_world_from_camera", rotations_world_from_camera, "T 3 3")["T"]
        check_shape("centers", centers, f"{count} 3")
        rotation = rotations_world_from_camera.to(torch.float64).mT
        pose = torch.eye(4, dtype=torch.float64).repeat(count, 1, 1)
        pose[:, :3, :3] = rotation
        pose[:, :3, 3] = -(rotation @ centers.to(torch.float64).unsqueeze(-1)).squeeze(-1)
        return cls(pose, **fields)  # type: ignore[arg-type]
