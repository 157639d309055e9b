"""Training crops of the depth head: features, small picture and truth, one safetensors file per scene.

features      [N, L, h, w, C] float16, of the backbone
image         [N, 3, 8 h, 8 w] uint8
log_distance  [N, 4 h, 4 w] float16, logarithm of the ray distance in camera heights, inf in the sky
surface_class [N, 4 h, 4 w] uint8, of `head.SURFACE_CLASSES`
normal        [N, 3, 4 h, 4 w] int8, 127 times the world's unit normal towards the camera
camera        [N, 4, 3] float32: rotation world from camera, then tan(fov / 2) along x and y, and 0
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from ...errors import FormatError, InvalidInput
from ...io.tensors import write_tensors
from .head import HEAD_STRIDE
from .losses import DepthTargets

__all__ = ["CropBatch", "CropFiles", "view_rays", "write_crops"]


@dataclass(frozen=True)
class CropBatch:
    """Input and truth of a step.

    Attributes:
        features: one ``[B, h, w, C]`` float32 per layer.
        images: ``[B, 3, 8 h, 8 w]`` in [0, 1].
        rays: ``[B, h, w, 3]`` at the tokens' centers, y down.
        targets: at ``4 h x 4 w``.
        tan_half_fov: ``[B]`` tangent of half the horizontal field of view.
        down: ``[B, 3]`` gravity in the camera's axes.
    """

    features: list[Tensor]
    images: Tensor
    rays: Tensor
    targets: DepthTargets
    tan_half_fov: Tensor
    down: Tensor


def view_rays(world_from_camera: Tensor, tan_half_fov: Tensor, height: int, width: int) -> Tensor:
    """Return ``[B, H, W, 3]`` unit directions in the world.

    Args:
        world_from_camera: ``[B, 3, 3]`` rotations, OpenCV axes.
        tan_half_fov: ``[B, 2]`` tangents of half the fields of view along x and y.
        height: rows.
        width: columns.
    """
    x = ((torch.arange(width) + 0.5) / width * 2 - 1).to(tan_half_fov)
    y = ((torch.arange(height) + 0.5) / height * 2 - 1).to(tan_half_fov)
    grid_y, grid_x = torch.meshgrid(y, x, indexing="ij")
    grid = torch.stack((grid_x, grid_y), dim=-1)[None] * tan_half_fov[:, None, None, :]
    local = F.normalize(torch.cat((grid, torch.ones_like(grid[..., :1])), dim=-1), dim=-1)
    return torch.einsum("bij,bhwj->bhwi", world_from_camera, local)


def write_crops(
    path: Path,
    *,
    features: Sequence[Tensor],
    images: Tensor,
    log_distance: Tensor,
    surface_class: Tensor,
    normal: Tensor,
    world_from_camera: Tensor,
    tan_half_fov: Tensor,
) -> None:
    """Write the crops of a scene; see the module for shapes, with ``features`` one tensor ``[N, h, w, C]`` per layer,
    ``images`` ``[N, 3, 8 h, 8 w]`` in [0, 1], ``normal`` unit ``[N, 3, 4 h, 4 w]`` and the cameras as `view_rays` takes
    them."""
    tail = F.pad(tan_half_fov.float(), (0, 1))[:, None, :]
    write_tensors(
        path,
        {
            "features": torch.stack(list(features), dim=1).half(),
            "image": (images * 255).round().clamp(0, 255).to(torch.uint8),
            "log_distance": log_distance.half(),
            "surface_class": surface_class.to(torch.uint8),
            "normal": (normal * 127).round().to(torch.int8),
            "camera": torch.cat((world_from_camera.float(), tail), dim=1),
        },
    )


class CropFiles:
    """All crops below a folder, read one by one from files that stay mapped.

    Args:
        files: written by `write_crops`.

    Raises:
        InvalidInput: when there is none.
        FormatError: when one is damaged or of another kind.
    """

    def __init__(self, files: Sequence[Path]) -> None:
        from safetensors import SafetensorError, safe_open

        if not files:
            raise InvalidInput("files must hold at least one file of crops; got none. Render some first.")
        self._open: list[Any] = []
        self._index: list[tuple[int, int]] = []
        for number, path in enumerate(files):
            try:
                file = safe_open(str(path), framework="pt", device="cpu")
                count = file.get_slice("camera").get_shape()[0]
            except (SafetensorError, OSError) as error:
                raise FormatError(
                    f"{path.name} holds no training crops ({error}). Delete it and render again."
                ) from error
            self._open.append(file)
            self._index += [(number, crop) for crop in range(count)]

    def __len__(self) -> int:
        return len(self._index)

    def batch(self, indices: Sequence[int]) -> CropBatch:
        """Read crops."""
        names = ("features", "image", "log_distance", "surface_class", "normal", "camera")
        rows = [
            [self._open[number].get_slice(name)[crop : crop + 1] for name in names]
            for number, crop in (self._index[i] for i in indices)
        ]
        features, image, log_distance, surface_class, normal, camera = (
            torch.cat(parts) for parts in zip(*rows, strict=True)
        )
        rotation, tangents = camera[:, :3], camera[:, 3, :2]
        height, width = features.shape[2:4]
        targets = DepthTargets(
            log_distance.float(),
            surface_class.long(),
            F.normalize(normal.float(), dim=1, eps=1e-3),
            view_rays(rotation, tangents, HEAD_STRIDE * height, HEAD_STRIDE * width),
        )
        rays = view_rays(rotation, tangents, height, width)
        pictures = image.float() / 255
        return CropBatch(
            list(features.float().unbind(1)), pictures, rays, targets, tangents[:, 0], rotation[:, 1]
        )
