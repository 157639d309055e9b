"""Filling of what guidance frames leave open."""

from __future__ import annotations

import time

import torch

from ..matrix3d_core.guidance.fill import describe_fill, fill_guidance
from ..matrix3d_core.guidance.render import GuidanceFrames
from ..matrix3d_core.raster.mesh import MESH_BACKENDS
from ..matrix3d_core.scene.trajectory import Trajectory
from ._adapters import images_from_host
from ._host import io, progress_to_host
from ._inputs import backend_input
from ._search import WORLD_WORDS
from ._types import DepthType, TrajectoryType


class PanoFill(io.ComfyNode):
    """Model-free fill of guidance frames."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="PanoFill",
            display_name="Inpaint Guidance (no model)",
            category="Matrix-3D/guidance",
            description="Fills what guidance frames leave open by continuing the background smoothly, the "
            "same way in all frames. A stand-in for the video model that runs anywhere: it closes holes "
            "but invents no detail.",
            search_aliases=[
                *WORLD_WORDS,
                "pano fill",
                "inpaint",
                "hole filling",
                "disocclusion",
                "outpaint",
                "fill holes",
                "complete frames",
            ],
            inputs=[
                io.Image.Input("frames", tooltip="Guidance frames, one panorama per pose."),
                io.Mask.Input("mask", tooltip="1 where a frame shows something; below 0.5 gets filled."),
                DepthType.Input("depth", tooltip="Distance along each ray, as MeshGuidanceRender gives it."),
                TrajectoryType.Input("trajectory", tooltip="The path the frames were rendered along."),
                backend_input(MESH_BACKENDS, "the new surfaces into the frames"),
            ],
            outputs=[
                io.Image.Output(display_name="frames", tooltip="The same frames without open pixels."),
                DepthType.Output(display_name="depth", tooltip="Distance of every pixel, finite everywhere."),
                io.Mask.Output(display_name="filled", tooltip="1 where the content was made up, else 0."),
                io.String.Output(display_name="report", tooltip="How much was made up, and the time."),
            ],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def execute(
        cls,
        frames: torch.Tensor,
        mask: torch.Tensor,
        depth: torch.Tensor,
        trajectory: Trajectory,
        backend: str,
    ) -> io.NodeOutput:
        start = time.perf_counter()
        guidance = GuidanceFrames(images_from_host(frames, "frames"), mask.cpu(), depth.cpu(), "given")
        filled = fill_guidance(
            guidance, trajectory, backend=backend, progress=progress_to_host(cls.hidden.unique_id)
        )
        report = describe_fill(filled, time.perf_counter() - start)
        return io.NodeOutput(filled.rgb, filled.depth_ray, filled.is_filled.float(), report)


NODES = [PanoFill]
