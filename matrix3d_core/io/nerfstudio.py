"""nerfstudio data sets: `transforms.json` and a point cloud, perspective or equirectangular.

Poses are camera-to-world with OpenGL's camera axes (x right, y up, z back) in a world whose z is up; the rotation
of the world is in ``applied_transform``, as nerfstudio's own converters do it, so that it can be undone.

Source: nerfstudio documentation, "Data conventions"; its cameras' ray directions for EQUIRECTANGULAR (the middle
column is the forward direction, fx = fy = height).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..checks import check_finite, check_shape
from ..errors import InvalidInput
from ..scene.camera import Equirect, Pinhole
from ..scene.trajectory import Trajectory
from .atomic import open_atomically
from .colmap import PosedImage

__all__ = ["WORLD_FROM_OPENCV", "format_transforms", "write_transforms"]

WORLD_FROM_OPENCV = ((1.0, 0.0, 0.0, 0.0), (0.0, 0.0, 1.0, 0.0), (0.0, -1.0, 0.0, 0.0))
"""The transform of world points: x stays, y is forward, z is up."""

_MODELS = {Pinhole: "OPENCV", Equirect: "EQUIRECTANGULAR"}
_POINTS_NAME = "sparse_pc.ply"


def write_transforms(
    folder: Path,
    images: Sequence[PosedImage],
    *,
    image_folder: str = "images",
    masks: Mapping[str, str] | None = None,
    depths: Mapping[str, str] | None = None,
    points: Tensor | None = None,  # [N, 3]
    colors: Tensor | None = None,  # [N, 3]
    trajectory: Trajectory | None = None,
) -> None:
    """Write `transforms.json`, and `sparse_pc.ply` where there are points, into an existing folder.

    Args:
        folder: of the data set.
        images: at least one; all perspective, or all equirectangular panoramas.
        image_folder: of the pictures, relative.
        masks: name of a picture to the path of its mask (white = use), relative.
        depths: name of a picture to the path of its depth along the optical axis, relative; 16-bit PNG in
            thousandths of a unit is what nerfstudio reads by default.
        points: ``[N, 3]`` world points, OpenCV axes.
        colors: ``[N, 3]`` in [0, 1]; gray by default.
        trajectory: the path of the pictures: its other fields are kept under ``matrix3d``, which others ignore.

    Raises:
        InvalidInput: when there is no picture, kinds are mixed, or points are not finite.
    """
    text = format_transforms(
        images,
        image_folder=image_folder,
        masks=masks,
        depths=depths,
        points_name=None if points is None else _POINTS_NAME,
        trajectory=trajectory,
    )
    if points is not None:
        content = _points_ply(points, colors)
        with open_atomically(folder / _POINTS_NAME) as file:
            file.write(content)
    with open_atomically(folder / "transforms.json") as file:
        file.write(text.encode())


def format_transforms(
    images: Sequence[PosedImage],
    *,
    image_folder: str = "images",
    masks: Mapping[str, str] | None = None,
    depths: Mapping[str, str] | None = None,
    points_name: str | None = None,
    trajectory: Trajectory | None = None,
) -> str:
    """Return the text of a `transforms.json`; see `write_transforms`."""
    kinds = {type(image.camera) for image in images}
    if len(kinds) != 1:
        raise InvalidInput("images must hold at least 1 picture, all perspective or all panoramas.")
    turn = torch.eye(4, dtype=torch.float64)
    turn[:3] = torch.tensor(WORLD_FROM_OPENCV, dtype=torch.float64)
    flip = torch.diag(torch.tensor([1.0, -1.0, -1.0, 1.0], dtype=torch.float64))
    cameras = [_camera(image) for image in images]
    shared = all(camera == cameras[0] for camera in cameras)
    frames = []
    for image, camera in zip(images, cameras, strict=True):
        pose = turn @ torch.linalg.inv(image.camera_from_world.double()) @ flip
        frame: dict[str, Any] = {
            "file_path": f"{image_folder}/{image.name}",
            "transform_matrix": (pose + 0.0).tolist(),
        }
        if not shared:
            frame |= camera
        if masks and image.name in masks:
            frame["mask_path"] = masks[image.name]
        if depths and image.name in depths:
            frame["depth_file_path"] = depths[image.name]
        frames.append(frame)
    document: dict[str, Any] = {"camera_model": _MODELS[kinds.pop()]}
    if shared:
        document |= cameras[0]
    document["applied_transform"] = [list(row) for row in WORLD_FROM_OPENCV]
    if points_name is not None:
        document["ply_file_path"] = points_name
    if trajectory is not None:
        document["matrix3d"] = {
            key: getattr(trajectory, key) for key in ("frame_of_reference", "is_metric", "fps")
        }
    document["frames"] = frames
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _camera(image: PosedImage) -> dict[str, Any]:
    height, width = image.camera.size_px
    if isinstance(image.camera, Pinhole):
        (fx, fy, cx, cy), lens = image.pinhole, {"k1": 0.0, "k2": 0.0, "p1": 0.0, "p2": 0.0}
    else:
        (fx, fy, cx, cy), lens = (float(height), float(height), width / 2, height / 2), {}
    return {"fl_x": fx, "fl_y": fy, "cx": cx, "cy": cy, "w": width, "h": height} | lens


def _points_ply(points: Tensor, colors: Tensor | None) -> bytes:
    count = check_shape("points", points, "N 3")["N"]
    check_finite("points", points)
    turn = torch.tensor(WORLD_FROM_OPENCV, dtype=torch.float64)[:, :3]
    table = np.zeros(count, [("xyz", "<f4", 3), ("rgb", "u1", 3)])
    table["xyz"] = (points.detach().cpu().double() @ turn.mT).numpy()
    table["rgb"] = 128
    if colors is not None:
        check_shape("colors", colors, f"{count} 3")
        check_finite("colors", colors)
        table["rgb"] = (colors.detach().cpu().float().clamp(0, 1) * 255).round().numpy()
    header = ["ply", "format binary_little_endian 1.0", f"element vertex {count}"]
    header += [f"property float {axis}" for axis in "xyz"]
    header += [f"property uchar {name}" for name in ("red", "green", "blue")]
    return ("\n".join([*header, "end_header", ""])).encode() + table.tobytes()
