"""What surfels are made of, and what is known already: pictures with distances, each with its camera and pose."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ...depth.resample import resized
from ...scene.camera import Camera

__all__ = ["AGREE", "KnownDepth", "SurfelSource", "enlarged", "remove_specks", "world_points"]

AGREE = 0.04
"""A point within this share of its distance of a surface that another picture shows is the same point."""


@dataclass(frozen=True)
class SurfelSource:
    """Pixels of one picture that become surfels.

    Attributes:
        rgb: ``[H, W, 3]``.
        depth_ray: ``[H, W]``.
        use: ``[H, W]`` bool.
        world_from_camera: ``[4, 4]`` pose.
        name: what they count as: ``source``, ``sky`` or ``filled``.
        origin: index into `scene.labels.ORIGINS`, of all pixels.
        camera: the picture's camera.
        sky: ``[H, W]`` bool, pixels that join the sky shell.
        origins: ``[H, W]`` uint8 instead of one origin for all.
        grain_px: rows per row of the map that the distances were enlarged from.
        classes: ``[H, W]`` uint8, index into `scene.labels.CLASSES`; None: not known.
        instances: ``[H, W]`` int32, the object that each pixel shows; None: none.
        density: surfels along a row of a panorama, as a share of the finest.
    """

    rgb: Tensor
    depth_ray: Tensor
    use: Tensor
    world_from_camera: Tensor
    name: str
    origin: int
    camera: Camera
    sky: Tensor | None = None
    origins: Tensor | None = None
    grain_px: int = 1
    classes: Tensor | None = None
    instances: Tensor | None = None
    density: float = 1.0

    @property
    def facing(self) -> Tensor | None:
        """``[H, W]`` bool, pixels whose surfels face the camera whatever the slope: the sky. None: none."""
        return self.use if self.name == "sky" else self.sky


@dataclass(frozen=True)
class KnownDepth:
    """A distance map ``[H, W]`` of what is placed already."""

    depth_ray: Tensor
    camera_from_world: Tensor
    camera: Camera

    def shows(self, points: Tensor) -> Tensor:  # [..., 3] -> [...]
        """Return which points of the world are on the surface that the map shows."""
        local = points @ self.camera_from_world[:3, :3].T + self.camera_from_world[:3, 3]
        nearest, inside = self.camera.lookup(self.depth_ray, local)
        reach: Tensor = local.norm(dim=-1)
        return inside & ((nearest - reach).abs() < AGREE * reach)


def world_points(camera: Camera, depth_ray: Tensor, world_from_camera: Tensor) -> Tensor:  # [H, W, 3]
    """Return the point that every pixel shows."""
    local = camera.rays() * depth_ray[..., None]
    return local @ world_from_camera[:3, :3].T + world_from_camera[:3, 3]


def enlarged(depth: Tensor, size: Sequence[int]) -> Tensor:  # [h, w] -> [H, W]
    """Enlarge distances so that planes stay planes; at edges the nearest pixel's."""
    near = torch.nn.functional.interpolate(1 / depth[None, None], tuple(size), mode="bilinear")[0, 0]
    plain = resized(depth, size)
    return torch.where((near * plain - 1).abs() < AGREE, 1 / near, plain)


def remove_specks(pixels: Tensor) -> Tensor:
    """Drop pixels without enough neighbors of their kind."""
    around = torch.nn.functional.avg_pool2d(pixels.float()[None, None], 3, stride=1, padding=1)[0, 0]
    return pixels & (around > 0.4)
