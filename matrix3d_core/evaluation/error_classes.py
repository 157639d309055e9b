"""Where a world differs from the truth: squared error and wrong distances by class of pixel.

Each pixel of a view off the path belongs to one class, the first that applies: a hole of the world; a thin structure;
sky; close to a silhouette; a surface that the source panorama does not see; one that it sees.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from ..errors import InvalidInput
from ..raster.camera_view import render_view
from ..raster.splat import render_gaussians
from ..scene.camera import Camera, Pinhole
from ..scene.gaussians import Gaussians

__all__ = [
    "ERROR_CLASSES",
    "SILHOUETTE_PX",
    "WRONG_DEPTH",
    "ErrorClasses",
    "classify_pixels",
    "find_silhouettes",
]

ERROR_CLASSES = ("holes", "thin", "sky", "edges", "hidden", "seen")
WRONG_DEPTH = 0.15
"""Relative error from which a distance counts as wrong."""
SILHOUETTE_PX = 4
_THIN_PX = 5
_JUMP = 0.15
_BEND = 0.07  # of the inverse depth: on a plane it is linear, however steep
_SAME_SURFACE = 0.03
_HOLE_ALPHA = 0.5


def find_silhouettes(depth_ray: Tensor, camera: Camera) -> Tensor:  # [H, W] bool
    """Return the pixels at both sides of a jump in depth of more than 15 %, grazing surfaces excepted.

    Args:
        depth_ray: ``[H, W]`` true ray distance, inf for sky.
        camera: a pinhole of that size.
    """
    near = _inverse_depth(depth_ray, camera)
    found = torch.zeros_like(near, dtype=torch.bool)
    for turned, marks in ((near, found), (near.mT, found.mT)):
        before, after = turned[:, :-1], turned[:, 1:]
        is_jump = (before - after).abs() > _JUMP * torch.maximum(before, after)
        step = F.pad(after - before, (1, 1), mode="replicate")  # of each pair and the pairs beside it
        bend = torch.minimum((step[:, 1:-1] - step[:, :-2]).abs(), (step[:, 1:-1] - step[:, 2:]).abs())
        is_jump &= bend > _BEND * torch.maximum(before, after)
        marks[:, :-1] |= is_jump
        marks[:, 1:] |= is_jump
    return found


def classify_pixels(
    depth_ray: Tensor,  # [H, W]
    camera_from_world: Tensor,  # [4, 4]
    camera: Pinhole,
    source_depth: Tensor,  # [h, 2h]
    source_from_world: Tensor,  # [4, 4]
    source: Camera,
    surface_alpha: Tensor,  # [H, W]
) -> Tensor:  # [H, W] uint8
    """Return the class of each pixel, an index into `ERROR_CLASSES`.

    Args:
        depth_ray: true ray distance of the view, inf for sky.
        camera_from_world: the view's pose.
        camera: the view's camera.
        source_depth: true ray distance of the source panorama.
        source_from_world: its pose.
        source: its camera.
        surface_alpha: opacity of the world without its sky.
    """
    is_sky = torch.isinf(depth_ray)
    silhouettes = find_silhouettes(depth_ray, camera)
    close = _spread(silhouettes, SILHOUETTE_PX)
    rays = camera.rays()
    points = rays * torch.where(is_sky, 1.0, depth_ray).unsqueeze(-1).double()
    pose = source_from_world.double() @ torch.linalg.inv(camera_from_world.double())
    local = points @ pose[:3, :3].T + pose[:3, 3]
    nearest, _ = source.lookup(source_depth.double(), local)
    is_hidden = nearest < (1 - _SAME_SURFACE) * local.norm(dim=-1)
    classes = torch.where(is_hidden, ERROR_CLASSES.index("hidden"), ERROR_CLASSES.index("seen"))
    for name, pixels in (
        ("edges", close),
        ("sky", is_sky),
        ("thin", _thin(_inverse_depth(depth_ray, camera)) & ~is_sky),
        ("holes", ~is_sky & (surface_alpha < _HOLE_ALPHA)),
    ):
        classes = torch.where(pixels, ERROR_CLASSES.index(name), classes)
    return classes.to(torch.uint8)


@dataclass
class ErrorClasses:
    """Sums over views; `add` one after the other, then `report`.

    Attributes:
        squared: ``[6]`` sum of squared color errors by class of `ERROR_CLASSES`.
        pixels: ``[6]`` number of pixels.
        wrong: ``[6]`` number of pixels whose distance is wrong by more than 15 %.
        edge_wrong: ``[2]`` pixels within 4 pixels of a true silhouette whose distance is more than 15 % from every
            true distance within 4 pixels, so from both sides; and all pixels there.
    """

    squared: Tensor
    pixels: Tensor
    wrong: Tensor
    edge_wrong: Tensor
    ratios: list[float]

    @classmethod
    def empty(cls) -> ErrorClasses:
        """Return the sums of no view."""
        zero = torch.zeros(len(ERROR_CLASSES), dtype=torch.float64)
        return cls(zero.clone(), zero.clone(), zero.clone(), torch.zeros(2, dtype=torch.float64), [])

    def add(
        self,
        gaussians: Gaussians,
        is_sky: Tensor,  # [N] bool
        truth: tuple[Tensor, Tensor],  # [H, W, 3], [H, W]
        camera_from_world: Tensor,
        camera: Pinhole,
        source: tuple[Tensor, Tensor, Camera],
    ) -> Tensor:  # [H, W, 3]
        """Draw one view of a world, compare it with the truth and return the picture.

        Args:
            gaussians: the world.
            is_sky: its sky shell, see `find_sky_splats`.
            truth: true color and ray distance of the view.
            camera_from_world: its pose.
            camera: its camera.
            source: true ray distance, pose and camera of the source panorama.
        """
        rgb, depth_ray = truth
        if rgb.shape[:2] != depth_ray.shape:
            raise InvalidInput(
                f"truth must have one size; got {list(rgb.shape)} and {list(depth_ray.shape)}."
            )
        with torch.no_grad():
            picture = render_view(gaussians, camera_from_world, camera).rgb.clamp(0, 1)
            solid = render_gaussians(
                gaussians.select(~is_sky), camera_from_world, camera.K_px, *camera.size_px, median_depth=True
            )
        assert solid.median_z is not None
        drawn = camera.ray_from_depth(solid.median_z)  # inf where the sky shows
        classes = classify_pixels(depth_ray, camera_from_world, camera, *source, solid.alpha).long().flatten()
        squared = (picture - rgb).double().square().mean(-1)
        is_wrong = _is_off(drawn, depth_ray)
        count = len(ERROR_CLASSES)
        self.squared += torch.bincount(classes, squared.flatten(), count)
        self.pixels += torch.bincount(classes, minlength=count)
        self.wrong += torch.bincount(classes, is_wrong.double().flatten(), count)
        close = _spread(find_silhouettes(depth_ray, camera), SILHOUETTE_PX)
        between = close & _is_off_around(drawn, depth_ray)
        self.edge_wrong += torch.tensor((float(between.sum()), float(close.sum())), dtype=torch.float64)
        self.ratios.append(-10 * math.log10(max(float(squared.mean()), 1e-9)))
        return picture

    def report(self) -> dict[str, Any]:
        """Return mean and least PSNR, wrong distances, and by class its share of pixels, of the error, and the gain.

        ``gain_db`` is what the whole would gain were the class perfect.
        """
        total, pixels = float(self.squared.sum()), float(self.pixels.sum())
        by_class = {}
        for k, name in enumerate(ERROR_CLASSES):
            share = float(self.squared[k]) / max(total, 1e-12)
            by_class[name] = {
                "pixels": round(float(self.pixels[k]) / pixels, 4),
                "error": round(share, 4),
                "gain_db": round(-10 * math.log10(max(1 - share, 1e-6)), 2),
                "wrong_depth": round(float(self.wrong[k] / self.pixels[k].clamp_min(1)), 4),
            }
        return {
            "psnr": round(sum(self.ratios) / len(self.ratios), 3),
            "psnr_least": round(min(self.ratios), 3),
            "wrong_depth": round(float(self.wrong.sum()) / pixels, 4),
            "edge_wrong_depth": round(float(self.edge_wrong[0] / self.edge_wrong[1].clamp_min(1)), 4),
            "holes": by_class["holes"]["pixels"],
            "classes": by_class,
        }


def _inverse_depth(depth_ray: Tensor, camera: Camera) -> Tensor:  # [H, W]
    """Return 1 / camera depth, 0 for sky: linear in the picture on a plane."""
    return 1 / (depth_ray.double() * camera.rays()[..., 2])


def _spread(pixels: Tensor, reach_px: int) -> Tensor:  # [H, W] bool
    return _pooled(pixels.float(), reach_px) > 0


def _pooled(image: Tensor, reach_px: int) -> Tensor:  # [H, W]
    """Return the largest value within a square."""
    return F.max_pool2d(image.float()[None, None], 2 * reach_px + 1, stride=1, padding=reach_px)[0, 0]


def _thin(near: Tensor) -> Tensor:  # [H, W] bool
    """Return what is nearer than its surroundings and narrower than 5 pixels in some direction."""
    opened = near[None, None].float()
    pad = _THIN_PX // 2
    found = torch.zeros_like(near, dtype=torch.bool)
    for window, margin in (((1, _THIN_PX), (0, pad)), ((_THIN_PX, 1), (pad, 0))):
        eroded = -F.max_pool2d(-opened, window, stride=1, padding=margin)
        reopened = F.max_pool2d(eroded, window, stride=1, padding=margin)[0, 0]
        found |= near - reopened > _JUMP * near
    return found


def _is_off(drawn: Tensor, depth_ray: Tensor) -> Tensor:  # [H, W] bool
    """Return where a distance differs by more than 15 %; sky (inf) is right only where it is sky."""
    both_sky = torch.isinf(drawn) & torch.isinf(depth_ray)
    return ~both_sky & ~((drawn - depth_ray).abs() <= WRONG_DEPTH * depth_ray)


def _is_off_around(drawn: Tensor, depth_ray: Tensor) -> Tensor:  # [H, W] bool
    """Return where a distance is off all true ones within 4 pixels: at no surface's distance, however steep it is."""
    reach = SILHOUETTE_PX
    padded = F.pad(depth_ray[None, None], (reach,) * 4, mode="replicate")[0, 0]
    off = torch.ones_like(drawn, dtype=torch.bool)
    height, width = drawn.shape
    for row in range(2 * reach + 1):
        for column in range(2 * reach + 1):
            off &= _is_off(drawn, padded[row : row + height, column : column + width])
    return off
