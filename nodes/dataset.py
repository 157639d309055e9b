"""Export: pictures with known poses for those who train elsewhere."""

from __future__ import annotations

import math

import torch

from ..matrix3d_core.io.dataset import (
    CROP_SETS,
    DATASET_LAYOUTS,
    PICTURE_KINDS,
    DatasetConfig,
    points_from_gaussians,
    points_from_geometry,
    write_dataset,
)
from ..matrix3d_core.scene.panorama import PanoramaGeometry
from ..matrix3d_core.scene.trajectory import Trajectory
from ._adapters import gaussians_from_host, images_from_host, masks_from_host
from ._host import Types, io, progress_to_host, save_target
from ._search import SPLAT_WORDS
from ._types import DepthType, GeometryType, TrajectoryType

__all__ = ["NODES", "DatasetExport"]


class DatasetExport(io.ComfyNode):
    """Write frames with their poses as a COLMAP or nerfstudio data set."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="DatasetExport",
            display_name="Export Dataset",
            category="Matrix-3D/files",
            description="Writes frames, masks, depth and known poses into a folder that COLMAP's readers (LichtFeld, "
            "Brush, Postshot, gsplat) or nerfstudio train from. No feature matching or bundle adjustment is needed. "
            "Panoramic frames are cut into perspective crops.",
            search_aliases=[
                *SPLAT_WORDS,
                "dataset export",
                "colmap",
                "nerfstudio",
                "transforms.json",
                "export dataset",
                "export cameras",
                "training data",
                "nerf",
                "3dgs dataset",
                "gaussian splat dataset",
            ],
            is_output_node=True,
            inputs=[
                io.Image.Input("frames", tooltip="One picture per pose, panoramas (2:1) or perspective."),
                TrajectoryType.Input(
                    "trajectory",
                    tooltip="Poses of the frames. One with intrinsics makes them perspective pictures.",
                ),
                io.String.Input(
                    "filename_prefix",
                    default="matrix3d/dataset",
                    tooltip="Name of the folder below the output folder; a number is added. Subfolders with a slash.",
                ),
                io.Combo.Input(
                    "layout",
                    options=list(DATASET_LAYOUTS),
                    default=DATASET_LAYOUTS[0],
                    tooltip="Which camera files are written beside the images: sparse/0 for COLMAP's readers (binary, "
                    "or text), transforms.json for nerfstudio.",
                ),
                io.Combo.Input(
                    "crops",
                    options=list(CROP_SETS),
                    default=CROP_SETS[0],
                    tooltip="How panoramic frames are cut. 12: level, 45 degrees up and down, four ways each. "
                    "Whole panoramas: nerfstudio's equirectangular camera, layout nerfstudio only.",
                ),
                io.Float.Input(
                    "fov",
                    default=90.0,
                    min=20.0,
                    max=150.0,
                    step=1.0,
                    tooltip="Field of view of the crops in degrees. Below 90, cube faces and level crops leave gaps.",
                ),
                io.Int.Input(
                    "crop_size",
                    default=0,
                    min=0,
                    max=4096,
                    step=16,
                    tooltip="Side of the crops in pixels; 0 = the panorama's own resolution (width / 3.14 at 90 "
                    "degrees).",
                ),
                io.Int.Input(
                    "stride",
                    default=1,
                    min=1,
                    max=1000,
                    step=1,
                    tooltip="Write every n-th frame; the first is always written.",
                ),
                io.Combo.Input(
                    "image_format",
                    options=list(PICTURE_KINDS),
                    default=PICTURE_KINDS[0],
                    advanced=True,
                    tooltip="png: lossless. jpg: quality 95, about a fifth of the size.",
                ),
                io.Int.Input(
                    "max_points",
                    default=200_000,
                    min=1,
                    max=5_000_000,
                    step=1000,
                    advanced=True,
                    tooltip="Maximum number of initial points, sampled at random from splat or geometry.",
                ),
                io.Mask.Input(
                    "mask",
                    optional=True,
                    tooltip="1 = train on this pixel. Becomes masks/<picture>.png, white = use.",
                ),
                DepthType.Input(
                    "depth",
                    optional=True,
                    tooltip="Ray distance of the frames. Becomes 16-bit PNGs in thousandths of a unit along the view "
                    "axis; beyond 65.5 units they hold 0, unknown.",
                ),
                io.Splat.Input("splat", optional=True, tooltip="Its centers become the initial points."),
                GeometryType.Input(
                    "geometry",
                    optional=True,
                    tooltip="The source panorama's surfaces become the initial points when there is no splat.",
                ),
            ],
            outputs=[
                io.String.Output(display_name="folder", tooltip="Path of the dataset."),
                io.Int.Output(display_name="pictures", tooltip="Number of images written."),
            ],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def execute(
        cls,
        frames: torch.Tensor,
        trajectory: Trajectory,
        filename_prefix: str = "matrix3d/dataset",
        layout: str = DATASET_LAYOUTS[0],
        crops: str = CROP_SETS[0],
        fov: float = 90.0,
        crop_size: int = 0,
        stride: int = 1,
        image_format: str = PICTURE_KINDS[0],
        max_points: int = 200_000,
        mask: torch.Tensor | None = None,
        depth: torch.Tensor | None = None,
        splat: Types.SPLAT | None = None,
        geometry: PanoramaGeometry | None = None,
    ) -> io.NodeOutput:
        config = DatasetConfig(layout, crops, math.radians(fov), crop_size, stride, image_format)
        points = None
        if splat is not None:
            points = points_from_gaussians(gaussians_from_host(splat), max_points)
        elif geometry is not None:
            points = points_from_geometry(
                geometry, max_points, world_from_panorama=trajectory.world_from_panorama
            )
        path, _, _ = save_target(filename_prefix or "matrix3d/dataset", "")
        count = write_dataset(
            path,
            images_from_host(frames, "frames"),
            trajectory,
            mask=None if mask is None else masks_from_host(mask),
            depth_ray=None if depth is None else depth.to("cpu", torch.float32),
            points=points,
            config=config,
            progress=progress_to_host(cls.hidden.unique_id),
        )
        return io.NodeOutput(str(path), count)


NODES = [DatasetExport]
