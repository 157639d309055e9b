"""Guidance: the panorama's geometry rendered along a camera path, and its disoccluded regions inpainted."""

from __future__ import annotations

import time

import torch

from ..matrix3d_core.guidance.fill import FILL_METHODS, describe_fill, fill_guidance
from ..matrix3d_core.guidance.render import GUIDANCE_MODES, GuidanceFrames, describe_guidance, render_guidance
from ..matrix3d_core.guidance.scene_mesh import EDGE_THRESHOLD
from ..matrix3d_core.raster.mesh import MESH_BACKENDS
from ..matrix3d_core.scene.panorama import PanoramaGeometry
from ..matrix3d_core.scene.trajectory import Trajectory
from ._adapters import images_from_host
from ._host import io, progress_to_host
from ._inputs import backend_input
from ._search import WORLD_WORDS
from ._types import DepthType, GeometryType, TrajectoryType


class MeshGuidanceRender(io.ComfyNode):
    """The scene mesh along a path."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="MeshGuidanceRender",
            display_name="Render Mesh Guidance",
            category="Matrix-3D/guidance",
            description="Builds a 3D mesh from the panorama and renders it as panoramas along the camera path: color, "
            "visibility mask and ray distance. Disoccluded regions stay black with mask 0.",
            search_aliases=[
                *WORLD_WORDS,
                "mesh guidance render",
                "condition render",
                "warp panorama",
                "depth warp",
                "panorama mesh",
                "novel view",
                "reproject",
                "depth to video",
                "camera control",
            ],
            inputs=[
                GeometryType.Input("geometry", tooltip="The panorama with its depth, from Panorama Depth."),
                TrajectoryType.Input("trajectory", tooltip="Camera path; one frame per pose."),
                io.Int.Input(
                    "width",
                    default=960,
                    min=64,
                    max=8192,
                    step=32,
                    tooltip="Columns of the frames; the height is half of it. Video models use 960 or 1440.",
                ),
                io.Int.Input(
                    "mesh_width",
                    default=960,
                    min=0,
                    max=8192,
                    step=32,
                    tooltip="Columns of mesh vertices; 0 = as width. More preserves thin structures and distant "
                    "ground; upstream uses 2048.",
                ),
                io.Float.Input(
                    "edge_threshold",
                    default=EDGE_THRESHOLD,
                    min=0.001,
                    max=10.0,
                    step=0.005,
                    round=False,
                    tooltip="Mesh edges are cut where the depth of neighboring vertices differs by more than this "
                    "fraction, stated for a mesh of 1024 rows and scaled for others. Higher keeps more surface but "
                    "stretches it across depth discontinuities.",
                ),
                io.Combo.Input(
                    "mode",
                    options=list(GUIDANCE_MODES),
                    default="mesh",
                    tooltip="mesh: mesh rasterized directly to equirectangular. points: splatted points, for "
                    "comparison. upstream: Matrix-3D's cubemap renderer with its quirks, for parity.",
                ),
                backend_input(MESH_BACKENDS, "the mesh"),
                io.Boolean.Input(
                    "exact_first_frame",
                    default=True,
                    tooltip="Frames at the panorama's center show the panorama itself, complete, instead of the mesh.",
                ),
            ],
            outputs=[
                io.Image.Output(display_name="frames", tooltip="One panorama per pose; black = disoccluded."),
                io.Mask.Output(display_name="mask", tooltip="1 where the frame shows something, else 0."),
                DepthType.Output(
                    display_name="depth",
                    tooltip="Distance along each pixel's ray in world units, infinite where disoccluded.",
                ),
                io.String.Output(
                    display_name="report", tooltip="Backend, visible fraction per frame, and time."
                ),
            ],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def execute(
        cls,
        geometry: PanoramaGeometry,
        trajectory: Trajectory,
        width: int,
        mesh_width: int,
        edge_threshold: float,
        mode: str,
        backend: str,
        exact_first_frame: bool,
    ) -> io.NodeOutput:
        start = time.perf_counter()
        frames = render_guidance(
            geometry,
            trajectory,
            height=width // 2,
            mesh_height=mesh_width // 2 or None,
            edge_threshold=edge_threshold,
            mode=mode,
            backend=backend,
            exact_first_frame=exact_first_frame,
            progress=progress_to_host(cls.hidden.unique_id),
        )
        report = describe_guidance(frames, time.perf_counter() - start)
        return io.NodeOutput(frames.rgb, frames.mask, frames.depth_ray, report)


class PanoFill(io.ComfyNode):
    """Model-free fill of guidance frames."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="PanoFill",
            display_name="Inpaint Guidance (no model)",
            category="Matrix-3D/guidance",
            description="Inpaints disoccluded regions of guidance frames, consistently over all frames: continues the "
            "surfaces of the background to where they meet, with their texture. A stand-in for the video model "
            "that runs anywhere.",
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
                io.Mask.Input("mask", tooltip="1 where a frame is valid; below 0.5 is inpainted."),
                DepthType.Input(
                    "depth", tooltip="Distance along each ray, as Render Mesh Guidance gives it."
                ),
                TrajectoryType.Input("trajectory", tooltip="The path the frames were rendered along."),
                backend_input(MESH_BACKENDS, "the new surfaces into the frames"),
                io.Combo.Input(
                    "method",
                    options=list(FILL_METHODS),
                    default=FILL_METHODS[0],
                    tooltip="exemplar: continues floors, walls and ceilings to where they meet, with texture from "
                    "beside the hole, and closes the sides of objects. smooth: extends color and distance as smoothly "
                    "as possible, without detail; for comparison.",
                ),
            ],
            outputs=[
                io.Image.Output(display_name="frames", tooltip="The frames without holes."),
                DepthType.Output(display_name="depth", tooltip="Distance of every pixel, finite everywhere."),
                io.Mask.Output(display_name="filled", tooltip="1 where content was inpainted, else 0."),
                io.String.Output(display_name="report", tooltip="Inpainted fraction, and time."),
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
        method: str,
    ) -> io.NodeOutput:
        start = time.perf_counter()
        guidance = GuidanceFrames(images_from_host(frames, "frames"), mask.cpu(), depth.cpu(), "given")
        filled = fill_guidance(
            guidance,
            trajectory,
            method=method,
            backend=backend,
            progress=progress_to_host(cls.hidden.unique_id),
        )
        report = describe_fill(filled, method, time.perf_counter() - start)
        return io.NodeOutput(filled.rgb, filled.depth_ray, filled.is_filled.float(), report)


NODES = [MeshGuidanceRender, PanoFill]
