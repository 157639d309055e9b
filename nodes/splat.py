"""Splats: fit them to panoramic frames."""

from __future__ import annotations

import json

import torch

from ..matrix3d_core.optimise.config import OPTIMISE_PRESETS
from ..matrix3d_core.optimise.loop import optimise_gaussians, preset_config
from ..matrix3d_core.raster.splat import SPLAT_ENGINES
from ..matrix3d_core.scene.panorama import PanoramaGeometry
from ..matrix3d_core.scene.trajectory import Trajectory
from ._adapters import gaussians_from_host, images_from_host, splat_to_host
from ._host import Types, io, progress_to_host, ui
from ._types import DepthType, GeometryType, TrajectoryType

__all__ = ["NODES", "GSOptimize"]

_ENGINE_TIP = (
    "What draws the splats. auto takes the best one that works here (gsplat on CUDA, numba on the CPU); a "
    "named one is used or refused, never replaced."
)


class GSOptimize(io.ComfyNode):
    """Fit Gaussian splats to the frames of a path."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="GSOptimize",
            display_name="GS Optimize",
            category="Matrix-3D/splat",
            description="Fits Gaussian splats to panoramic frames with known camera poses: discs on the "
            "panorama's own surfaces and on what was filled in, refined against crops of the frames. The "
            "world keeps the frame and the units of the trajectory.",
            search_aliases=[
                "gaussian splatting", "3dgs", "reconstruct", "splat optimisation", "train splats", "world",
            ],
            inputs=[
                io.Image.Input("frames", tooltip="Complete panoramas (2:1), one per pose, from PanoFill or a video."),
                TrajectoryType.Input("trajectory", tooltip="The path that the frames show; same length."),
                io.Combo.Input(
                    "preset", options=list(OPTIMISE_PRESETS), default="draft",
                    tooltip="draft: a few minutes on two CPU cores. standard: finer, several times longer.",
                ),
                io.Int.Input(
                    "iterations", default=0, min=0, max=100_000, step=50,
                    tooltip="Optimisation steps, one crop each; 0 = what the preset says.",
                ),
                io.Int.Input(
                    "max_gaussians", default=0, min=0, max=10_000_000, step=10_000,
                    tooltip="Upper bound of the number of splats; 0 = what the preset says. About 300000 match "
                    "a panorama of 960x480.",
                ),
                io.Int.Input(
                    "crop_size", default=0, min=0, max=2048, step=32,
                    tooltip="Side of the 90 degree crops in pixels; 0 = what the preset says. At least 16.",
                ),
                io.Combo.Input("engine", options=["auto", *SPLAT_ENGINES.names], default="auto", tooltip=_ENGINE_TIP),
                io.Int.Input(
                    "seed", default=0, min=0, max=2**31 - 1, control_after_generate=False,
                    tooltip="For the order and the directions of the crops. Same seed, same world (on the CPU).",
                ),
                GeometryType.Input(
                    "geometry", optional=True,
                    tooltip="The source panorama with its distances, from PanoDepth: the sharpest colours and "
                    "the surfaces that splats start on.",
                ),
                DepthType.Input(
                    "depth", optional=True,
                    tooltip="Distance of the frames, from PanoFill: places splats on what the panorama cannot see.",
                ),
                io.Mask.Input(
                    "mask", optional=True,
                    tooltip="1 where a frame shows the source panorama (mask of MeshGuidanceRender). Filled "
                    "pixels count less.",
                ),
                io.Splat.Input("initial", optional=True, tooltip="Splats to continue from instead of new ones."),
            ],
            outputs=[
                io.Splat.Output(display_name="splat", tooltip="The world, in the trajectory's frame and units."),
                io.String.Output(
                    display_name="report",
                    tooltip="JSON: count, PSNR and SSIM on frames that were held out, seconds, engine.",
                ),
                io.Image.Output(display_name="preview", tooltip="The view ahead from the first pose."),
            ],
            hidden=[io.Hidden.unique_id],
        )  # fmt: skip

    @classmethod
    def execute(
        cls,
        frames: torch.Tensor,
        trajectory: Trajectory,
        preset: str,
        iterations: int,
        max_gaussians: int,
        crop_size: int,
        engine: str,
        seed: int,
        geometry: PanoramaGeometry | None = None,
        depth: torch.Tensor | None = None,
        mask: torch.Tensor | None = None,
        initial: Types.SPLAT | None = None,
    ) -> io.NodeOutput:
        changes = {"steps": iterations, "max_gaussians": max_gaussians, "crop_size_px": crop_size}
        config = preset_config(
            preset, engine=engine, seed=seed, **{name: value for name, value in changes.items() if value}
        )
        result = optimise_gaussians(
            images_from_host(frames, "frames"),
            trajectory,
            geometry=geometry,
            depth_ray=None if depth is None else depth.to("cpu", torch.float32),
            mask=None if mask is None else mask.to("cpu", torch.float32),
            initial=None if initial is None else gaussians_from_host(initial, "initial"),
            config=config,
            progress=progress_to_host(cls.hidden.unique_id),
        )
        preview = result.preview.unsqueeze(0)
        return io.NodeOutput(
            splat_to_host(result.gaussians),
            json.dumps(result.report, indent=2),
            preview,
            ui=ui.PreviewImage(preview, cls=cls),
        )


NODES = [GSOptimize]
