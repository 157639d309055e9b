"""COLMAP models: known cameras, poses and points as `cameras`, `images` and `points3D`, text or binary.

The world is not transformed (COLMAP's cameras are OpenCV's: x right, y down, z forward; pixel centers at half
integers), so a scene trained from it is in the trajectory's frame and units.

Source: COLMAP documentation, "Output Format" (text and binary layout of a sparse model, camera PINHOLE).
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ..checks import check_finite, check_shape
from ..errors import InvalidInput
from ..geometry.rotations import quats_from_matrix
from ..scene.camera import Camera
from .atomic import open_atomically

__all__ = ["PosedImage", "write_colmap"]

_PINHOLE = 1
_POINT = np.dtype(
    [("id", "<u8"), ("xyz", "<f8", 3), ("rgb", "u1", 3), ("error", "<f8"), ("track", "<u8")], align=False
)


@dataclass(frozen=True)
class PosedImage:
    """A picture of a data set: its name and its camera.

    Attributes:
        name: file name below the folder of pictures.
        camera_from_world: ``[4, 4]`` float64, rigid.
        camera: a pinhole without skew, or an equirectangular panorama's.
    """

    name: str
    camera_from_world: Tensor
    camera: Camera

    def __post_init__(self) -> None:
        if not self.name or any(c in self.name for c in "\0\n\r"):
            raise InvalidInput(f"name of a picture must be a file name; got {self.name!r}.")
        if float(self.camera.kernel_values()[2]):
            raise InvalidInput(f"intrinsics of {self.name} must have no skew; got {self.camera}.")

    @property
    def pinhole(self) -> tuple[float, float, float, float]:
        """Focal lengths and principal point, fx, fy, cx, cy, in pixels."""
        camera = self.camera.as_pinhole(
            f"{self.name} is a panorama, which has no pinhole camera. Cut it into crops first."
        )
        return *camera.focal_px, *camera.principal_px


def write_colmap(
    folder: Path,
    images: Sequence[PosedImage],
    *,
    points: Tensor | None = None,  # [N, 3]
    colors: Tensor | None = None,  # [N, 3]
    as_text: bool = False,
) -> None:
    """Write the three files of a sparse model into an existing folder; each appears when it is complete.

    Pictures with equal intrinsics and size share a camera. Ids count from 1.

    Args:
        folder: usually ``sparse/0``.
        images: at least one, perspective.
        points: ``[N, 3]`` world points; without them the model is empty, which some trainers refuse.
        colors: ``[N, 3]`` in [0, 1], of ``points``; gray by default.
        as_text: ``.txt`` instead of ``.bin``.

    Raises:
        InvalidInput: when there is no picture, one is a panorama, two have one name, or points are not finite.
    """
    if not images:
        raise InvalidInput("images must hold at least 1 picture; got none.")
    if len({image.name for image in images}) < len(images):
        raise InvalidInput("names of pictures must differ; got one twice.")
    cameras: dict[tuple[int, int, float, float, float, float], int] = {}
    of_image = [
        cameras.setdefault((image.camera.width, image.camera.height, *image.pinhole), len(cameras) + 1)
        for image in images
    ]
    poses = torch.stack([image.camera_from_world.double() for image in images])
    rows = np.concatenate([quats_from_matrix(poses[:, :3, :3]).numpy(), poses[:, :3, 3].numpy()], axis=1)
    table = _point_table(points, colors)
    writers = (
        (_camera_text, _image_text, _point_text) if as_text else (_camera_bytes, _image_bytes, _point_bytes)
    )
    suffix = "txt" if as_text else "bin"
    contents = (
        writers[0](cameras),
        writers[1](images, of_image, rows),
        writers[2](table),
    )
    for name, content in zip(("cameras", "images", "points3D"), contents, strict=True):
        with open_atomically(folder / f"{name}.{suffix}") as file:
            file.write(content)


def _point_table(points: Tensor | None, colors: Tensor | None) -> np.ndarray:
    if points is None:
        return np.zeros(0, _POINT)
    count = check_shape("points", points, "N 3")["N"]
    check_finite("points", points)
    table = np.zeros(count, _POINT)
    table["id"] = np.arange(1, count + 1)
    table["xyz"] = points.detach().cpu().double().numpy()
    table["rgb"] = 128
    if colors is not None:
        check_shape("colors", colors, f"{count} 3")
        check_finite("colors", colors)
        table["rgb"] = (colors.detach().cpu().float().clamp(0, 1) * 255).round().numpy()
    return table


def _camera_text(cameras: dict) -> bytes:
    lines = ["# CAMERA_ID, MODEL, WIDTH, HEIGHT, fx, fy, cx, cy"]
    lines += [f"{number} PINHOLE {' '.join(map(repr, camera))}" for camera, number in cameras.items()]
    return ("\n".join(lines) + "\n").encode()


def _image_text(images: Sequence[PosedImage], cameras: list[int], rows: np.ndarray) -> bytes:
    lines = ["# IMAGE_ID, QW, QX, QY, QZ, TX, TY, TZ, CAMERA_ID, NAME; an empty line for its 2D points"]
    for number, (image, camera, row) in enumerate(zip(images, cameras, rows.tolist(), strict=True), 1):
        lines += [f"{number} {' '.join(map(repr, row))} {camera} {image.name}", ""]
    return ("\n".join(lines) + "\n").encode()


def _point_text(table: np.ndarray) -> bytes:
    lines = ["# POINT3D_ID, X, Y, Z, R, G, B, ERROR, no track"]
    columns = (table["id"].tolist(), table["xyz"].tolist(), table["rgb"].tolist())
    for number, (x, y, z), (r, g, b) in zip(*columns, strict=True):
        lines.append(f"{number} {x!r} {y!r} {z!r} {r} {g} {b} 0")
    return ("\n".join(lines) + "\n").encode()


def _camera_bytes(cameras: dict) -> bytes:
    parts = [struct.pack("<Q", len(cameras))]
    for camera, number in cameras.items():
        parts.append(struct.pack("<IiQQ4d", number, _PINHOLE, *camera))
    return b"".join(parts)


def _image_bytes(images: Sequence[PosedImage], cameras: list[int], rows: np.ndarray) -> bytes:
    parts = [struct.pack("<Q", len(images))]
    for number, (image, camera, row) in enumerate(zip(images, cameras, rows.tolist(), strict=True), 1):
        parts.append(struct.pack("<I7dI", number, *row, camera) + image.name.encode() + b"\0")
        parts.append(struct.pack("<Q", 0))
    return b"".join(parts)


def _point_bytes(table: np.ndarray) -> bytes:
    return struct.pack("<Q", len(table)) + table.tobytes()
