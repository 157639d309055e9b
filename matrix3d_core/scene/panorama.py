"""PanoramaGeometry: a panorama with what is known of its depth."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypedDict

import torch
from torch import Tensor

from ..checks import check_shape, check_two_to_one
from ..errors import InvalidInput

__all__ = ["GeometryReport", "PanoramaGeometry"]


class GeometryReport(TypedDict, total=False):
    """How the distances of a panorama were made, JSON-serializable; each way of making them has keys of its own."""

    source: str
    size: list[int]
    """Columns and rows."""
    given_size: list[int]
    given_counts: dict[str, int]
    """Pixels of the given map by `depth.missing` class."""
    given_outside_mask: int
    unknown_filled: int
    sky_pixels: int
    filled_pixels: int
    """Pixels of the panorama that were made up."""
    sky_rule: str
    island_pixels_to_sky: int
    scale: str
    factor: float
    distance_min: float
    distance_max: float
    distance_geometric_mean: float
    distance_percentiles: list[float]
    """5, 50 and 95 %."""
    marked: list[str]
    read_as: str
    ground: dict[str, float]
    """Fields of `depth.scale.GroundFit`."""
    class_ground: dict[str, float]
    """Fields of `depth.learned.ground.ClassGround`."""
    backbone: str
    """Name of the file."""
    views: str
    disagreement: float
    """Median over the sphere of the deviation of overlapping views' log distances."""
    seconds: float
    advice: str
    """How to get something better."""
    camera_height: float
    dome_radius: float
    horizon_deg: float
    note: str
    photo: str
    """How the photo that it was filled in around was read and placed, lines of text."""
    photo_seconds: float


@dataclass(frozen=True)
class PanoramaGeometry:
    """An equirectangular picture and its ray distance, seen from the world's origin.

    Attributes:
        rgb: ``[H, W, 3]`` float32 in [0, 1].
        depth_ray: ``[H, W]`` float32, Euclidean distance along each pixel's ray, finite and
            positive everywhere (sky and repaired pixels hold their stand-in distance).
        is_valid: ``[H, W]`` bool, True where the distance was measured or given.
        is_sky: ``[H, W]`` bool, True where the pixel shows sky.
        is_metric: True when one unit is one meter.
        report: what was done: counts, factors, source.
        is_filled: ``[H, W]`` bool, True where the picture itself was made up, not seen; None: nowhere.
        classes: ``[H, W]`` uint8, what the picture shows, index into `scene.labels.CLASSES`; None: not known.
    """

    rgb: Tensor
    depth_ray: Tensor
    is_valid: Tensor
    is_sky: Tensor
    is_metric: bool = False
    report: GeometryReport = field(default_factory=GeometryReport)
    is_filled: Tensor | None = None
    classes: Tensor | None = None

    def __post_init__(self) -> None:
        size = check_shape("rgb", self.rgb, "H W 3")
        height, width = size["H"], size["W"]
        check_two_to_one("rgb", height, width)
        for name in ("depth_ray", "is_valid", "is_sky"):
            check_shape(name, getattr(self, name), f"{height} {width}")
        for name in ("is_filled", "classes"):
            if (values := getattr(self, name)) is not None:
                check_shape(name, values, f"{height} {width}")
        if not bool((torch.isfinite(self.depth_ray) & (self.depth_ray > 0)).all()):
            raise InvalidInput(
                "depth_ray must be finite and positive everywhere; repair it first (see matrix3d_core.depth)."
            )

    @property
    def height(self) -> int:
        """Rows of the panorama."""
        return self.rgb.shape[0]

    @property
    def width(self) -> int:
        """Columns of the panorama."""
        return self.rgb.shape[1]
