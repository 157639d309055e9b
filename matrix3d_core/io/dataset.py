"""Data sets for other trainers: pictures, masks and depth of a path, with their poses.

    images/00000.png, images/00000_07.png   frames, or the crops of a panoramic frame
    masks/00000.png.png                     white = use (COLMAP's naming)
    depths/00000.png                        16 bits, thousandths of a unit along the optical axis, 0 = not known
    sparse/0/                               COLMAP
    transforms.json, sparse_pc.ply          nerfstudio

Poses are known, so no structure from motion is needed. Units and world stay the trajectory's.
"""

from __future__ import annotations

import math
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ..checks import check_shape
from ..errors import InvalidInput
from ..geometry.crops import upstream_crop_rotations
from ..progress import ProgressEvent, ProgressFn, no_progress
from ..scene.camera import Camera
from ..scene.gaussians import Gaussians
from ..scene.panorama import PanoramaGeometry
from ..scene.trajectory import Trajectory
from .atomic import naming_the_file, open_atomically
from .colmap import PosedImage, write_colmap
from .images import write_image
from .nerfstudio import write_transforms

__all__ = [
    "CROP_SETS",
    "DATASET_LAYOUTS",
    "PICTURE_KINDS",
    "DatasetConfig",
    "crop_turns",
    "points_from_gaussians",
    "points_from_geometry",
    "write_dataset",
]

DATASET_LAYOUTS = ("colmap + nerfstudio", "colmap", "colmap text", "nerfstudio")
"""Layouts of the camera files; ``colmap`` alone is binary."""

CROP_SETS = ("12 crops", "6 cube faces", "4 level crops", "whole panoramas")
"""How panoramic frames are cut. Whole panoramas are for nerfstudio alone."""

PICTURE_KINDS = ("png", "jpg")

_DEPTH_STEPS = 1000.0


@dataclass(frozen=True)
class DatasetConfig:
    """How a data set is written.

    Attributes:
        layout: one of `DATASET_LAYOUTS`.
        crops: one of `CROP_SETS`; for panoramic frames.
        fov_rad: field of view of the crops.
        crop_size_px: side of the crops; 0 keeps the panorama's resolution in their middle.
        stride: use every n-th frame; the first is always used.
        kind: one of `PICTURE_KINDS`.
    """

    layout: str = DATASET_LAYOUTS[0]
    crops: str = CROP_SETS[0]
    fov_rad: float = math.pi / 2
    crop_size_px: int = 0
    stride: int = 1
    kind: str = "png"

    def __post_init__(self) -> None:
        for name, options in (("layout", DATASET_LAYOUTS), ("crops", CROP_SETS), ("kind", PICTURE_KINDS)):
            if getattr(self, name) not in options:
                raise InvalidInput(
                    f"{name} must be one of {', '.join(options)}; got {getattr(self, name)!r}."
                )
        if not math.radians(20) <= self.fov_rad <= math.radians(150):
            raise InvalidInput(
                f"field of view of the crops must be 20 to 150 degrees; got {math.degrees(self.fov_rad):.3g}."
            )
        if self.stride < 1 or self.crop_size_px < 0 or 0 < self.crop_size_px < 16:
            raise InvalidInput(
                "stride must be at least 1 and crop_size 0 or at least 16; "
                f"got {self.stride} and {self.crop_size_px}."
            )


def write_dataset(
    target: str | os.PathLike[str],
    frames: Tensor,  # [T, H, W, 3]
    trajectory: Trajectory,
    *,
    mask: Tensor | None = None,  # [T, H, W]
    depth_ray: Tensor | None = None,  # [T, H, W]
    points: tuple[Tensor, Tensor] | None = None,  # [N, 3], [N, 3]
    config: DatasetConfig | None = None,
    progress: ProgressFn = no_progress,
) -> int:
    """Write a folder that COLMAP's readers or nerfstudio train from; it appears when it is complete.

    Frames of a trajectory with intrinsics are perspective and go as they are; others are panoramas and are cut.

    Args:
        target: the folder to make; its parent must exist, it must not.
        frames: ``[T, H, W, 3]`` in [0, 1], one per pose.
        trajectory: their poses.
        mask: ``[T, H, W]``, above one half = train on this pixel.
        depth_ray: ``[T, H, W]`` ray distance, world units; 0, NaN and infinity mean not known.
        points: world points and colors in [0, 1] to start from (see `points_from_gaussians`).
        config: layout and crops.
        progress: called before each frame; when it raises, no files remain.

    Returns:
        Number of pictures written.

    Raises:
        InvalidInput: when sizes or lengths do not fit, the folder exists, or whole panoramas are requested for COLMAP.
    """
    config = config or DatasetConfig()
    target = Path(target)
    if target.exists():
        raise InvalidInput(f"{target.name} exists already; choose another name.")
    cameras = _Cameras(frames, trajectory, config)
    for name, values in (("mask", mask), ("depth_ray", depth_ray)):
        if values is not None:
            check_shape(name, values, " ".join(map(str, frames.shape[:3])))
    chosen = range(0, len(trajectory), config.stride)
    images: list[PosedImage] = []
    masks: dict[str, str] = {}
    depths: dict[str, str] = {}
    with (
        naming_the_file(target),
        tempfile.TemporaryDirectory(
            dir=target.parent, prefix=f".{target.name}.", suffix=".partial"
        ) as holder,
    ):
        folder = Path(holder) / "dataset"
        wanted = [
            "images",
            *(["masks"] if mask is not None else []),
            *(["depths"] if depth_ray is not None else []),
        ]
        for name in wanted:
            (folder / name).mkdir(parents=True)
        for step, frame in enumerate(chosen):
            progress(
                ProgressEvent(step, len(chosen), "write frames", preview=frames[frame] if step == 0 else None)
            )
            views = cameras.views(frame)
            images += views
            for view, rgb in zip(views, cameras.cut(frames[frame], frame, "bilinear"), strict=True):
                write_image(folder / "images" / view.name, rgb)
            if mask is not None:
                for view, values in zip(
                    views, cameras.cut(mask[frame, ..., None], frame, "nearest"), strict=True
                ):
                    masks[view.name] = f"masks/{view.name}.png"
                    _write_gray(folder / masks[view.name], ((values[..., 0] > 0.5) * 255).byte().numpy())
            if depth_ray is not None:
                for view, values in zip(
                    views, cameras.cut(depth_ray[frame, ..., None], frame, "nearest"), strict=True
                ):
                    depths[view.name] = f"depths/{Path(view.name).stem}.png"
                    _write_gray(folder / depths[view.name], _depth_steps(values[..., 0], view.camera))
        progress(ProgressEvent(len(chosen), len(chosen), "write poses"))
        xyz, colors = (None, None) if points is None else points
        if config.layout != "nerfstudio":
            sparse = folder / "sparse" / "0"
            sparse.mkdir(parents=True)
            write_colmap(sparse, images, points=xyz, colors=colors, as_text=config.layout == "colmap text")
        if "nerfstudio" in config.layout:
            write_transforms(
                folder, images, masks=masks, depths=depths, points=xyz, colors=colors, trajectory=trajectory
            )
        os.rename(folder, target)
    return len(images)


def points_from_gaussians(
    gaussians: Gaussians, count: int = 200_000, *, seed: int = 0
) -> tuple[Tensor, Tensor]:
    """Return at most ``count`` centers ``[N, 3]`` and colors, sampled among the opaque ones."""
    solid = (gaussians.opacities > 0.1).nonzero()[:, 0]
    chosen = _pick(solid if len(solid) else torch.arange(len(gaussians)), count, seed)
    return gaussians.means[chosen], gaussians.colors[chosen].clamp(0, 1)


def points_from_geometry(
    geometry: PanoramaGeometry,
    count: int = 200_000,
    *,
    world_from_panorama: Tensor | None = None,  # [4, 4]
    seed: int = 0,
) -> tuple[Tensor, Tensor]:
    """Return at most ``count`` points of a panorama's measured surfaces, evenly over the sphere, and colors.

    The points are in the world frame of ``world_from_panorama``; None: the panorama is at its origin.
    """
    from ..geometry.spherical import erp_directions

    rows = (torch.arange(geometry.height) + 0.5) / geometry.height * math.pi
    rng = torch.Generator().manual_seed(seed)
    # Rows near the poles hold more pixels per area; keep a fraction of the sine of their angle.
    is_kept = torch.rand(geometry.depth_ray.shape, generator=rng) < rows.sin()[:, None]
    found = (is_kept & geometry.is_valid & ~geometry.is_sky).flatten().nonzero()[:, 0]
    chosen = _pick(found, count, seed)
    directions = erp_directions(geometry.height, geometry.width, dtype=torch.float64).reshape(-1, 3)[chosen]
    places = directions * geometry.depth_ray.flatten()[chosen, None].double()
    if world_from_panorama is not None:
        places = places @ world_from_panorama[:3, :3].mT + world_from_panorama[:3, 3]
    return places, geometry.rgb.reshape(-1, 3)[chosen]


def _pick(index: Tensor, count: int, seed: int) -> Tensor:
    if len(index) <= count:
        return index
    order = torch.randperm(len(index), generator=torch.Generator().manual_seed(seed))[:count]
    return index[order.sort().values]


class _Cameras:
    """The views of each frame."""

    def __init__(self, frames: Tensor, trajectory: Trajectory, config: DatasetConfig) -> None:
        size = check_shape("frames", frames, f"{len(trajectory)} H W 3")
        self.trajectory, self.config, self.size = trajectory, config, (size["H"], size["W"])
        trajectory.check_frames("frames", self.size)
        self.turns: Tensor | None = None
        if config.crops != "whole panoramas":
            self.turns = crop_turns(config.crops)
        elif config.layout != "nerfstudio":
            trajectory.camera(0, self.size).as_pinhole(
                "whole panoramas must go to nerfstudio alone; COLMAP's readers need crops."
            )

    def _cameras(self, frame: int) -> list[tuple[Camera, Tensor | None]]:
        camera, config = self.trajectory.camera(frame, self.size), self.config
        if self.turns is None:
            return [(camera, None)]
        side = config.crop_size_px
        side = side or max(16, round(2 * math.tan(config.fov_rad / 2) * self.size[1] / math.tau))
        return [*camera.perspective_views(self.turns, side, config.fov_rad)]

    def views(self, frame: int) -> list[PosedImage]:
        pose, kind = self.trajectory.camera_from_world[frame], self.config.kind
        found = []
        for number, (camera, turn) in enumerate(self._cameras(frame)):
            if turn is None:
                return [PosedImage(f"{frame:05}.{kind}", pose, camera)]
            full = torch.eye(4, dtype=torch.float64)
            full[:3, :3] = turn
            found.append(PosedImage(f"{frame:05}_{number:02}.{kind}", full @ pose, camera))
        return found

    def cut(self, picture: Tensor, frame: int, mode: str) -> Tensor:  # [V, h, w, C]
        own = self.trajectory.camera(frame, self.size)
        return torch.stack([own.crop(picture.float(), *view, mode) for view in self._cameras(frame)])


def crop_turns(crops: str) -> Tensor:  # [V, 3, 3]
    """Return the rotations, crop from panorama, of one of `CROP_SETS` but the last."""
    twelve = upstream_crop_rotations()
    if crops == "12 crops":
        return twelve
    level = twelve[[6, 9, 0, 3]]  # ahead, right, behind, left
    if crops == "4 level crops":
        return level
    ahead = level[0]
    down = torch.stack([ahead[0], -ahead[2], ahead[1]])  # rows: right, down and forward of the crop
    up = torch.stack([ahead[0], ahead[2], -ahead[1]])
    return torch.cat([level, torch.stack([down, up])])


def _depth_steps(depth_ray: Tensor, camera: Camera) -> np.ndarray:  # [h, w] uint16
    steps = (camera.depth_from_ray(depth_ray.double()) * _DEPTH_STEPS).round()
    return torch.where((steps > 0) & (steps < 65536), steps, 0).numpy().astype(np.uint16)


def _write_gray(path: Path, values: np.ndarray) -> None:
    with open_atomically(path) as file:
        Image.fromarray(values).save(file, format="PNG")
