"""Guidance: what a panorama's geometry shows along a camera path."""

from __future__ import annotations

import time

from ..matrix3d_core.guidance.render import GUIDANCE_MODES, describe_guidance, render_guidance
from ..matrix3d_core.guidance.scene_mesh import EDGE_THRESHOLD
from ..matrix3d_core.raster.mesh import MESH_BACKENDS
from ..matrix3d_core.scene.panorama import PanoramaGeometry
from ..matrix3d_core.scene.trajectory import Trajectory
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
            description="Turns the panorama into a 3D mesh and renders it as panoramas along the camera "
            "path: color, a mask of what is seen, and distance. What the panorama could not see stays "
            "black with mask 0.",
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
                GeometryType.Input("geometry", tooltip="The panorama with its distances, from PanoDepth."),
                TrajectoryType.Input("trajectory", tooltip="Where the camera goes; one frame per pose."),
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
                    tooltip="Columns of mesh vertices; 0 = as width. More keeps thin things and far ground: "
                    "2048 is what upstream uses.",
                ),
                io.Float.Input(
                    "edge_threshold",
                    default=EDGE_THRESHOLD,
                    min=0.001,
                    max=10.0,
                    step=0.005,
                    round=False,
                    tooltip="The mesh is torn where distances of neighboring vertices differ by more than this "
                    "fraction, as stated for a mesh of 1024 rows; coarser meshes scale it. Higher keeps more surface "
                    "and stretches it over gaps.",
                ),
                io.Combo.Input(
                    "mode",
                    options=list(GUIDANCE_MODES),
                    default="mesh",
                    tooltip="mesh: closed mesh straight to the panorama. points: splatted points, for "
                    "comparison. upstream: the original cube map path with its quirks, for parity.",
                ),
                backend_input(MESH_BACKENDS, "the mesh"),
                io.Boolean.Input(
                    "exact_first_frame",
                    default=True,
                    tooltip="Frames at the panorama's own center show the panorama itself, with nothing "
                    "missing, instead of the torn mesh.",
                ),
            ],
            outputs=[
                io.Image.Output(display_name="frames", tooltip="One panorama per pose; black = not seen."),
                io.Mask.Output(display_name="mask", tooltip="1 where the frame shows something, else 0."),
                DepthType.Output(
                    display_name="depth",
                    tooltip="Distance along each pixel's ray in world units, infinite where not seen.",
                ),
                io.String.Output(display_name="report", tooltip="Backend, share seen per frame, and time."),
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


NODES = [MeshGuidanceRender]
