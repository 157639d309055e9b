"""SplatPreview: walk through a world in the browser."""

from __future__ import annotations

from ..matrix3d_core.io.atomic import open_atomically
from ..matrix3d_core.io.splats import PREVIEW_FORMATS, lighter_format, write_gaussians
from ..matrix3d_core.scene.trajectory import Trajectory
from ._adapters import gaussians_from_host
from ._host import Types, io, save_target
from ._types import TrajectoryType

__all__ = ["NODES", "SplatPreview"]


class SplatPreview(io.ComfyNode):
    """Show Gaussian splats in the node, first person."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="SplatPreview",
            display_name="Splat Preview (walk)",
            category="Matrix-3D/splat",
            description=(
                "Walk through a splat world inside the node: W A S D and the mouse, orbit mode, full screen, "
                "screenshots. Also hands the world on as a file for core's preview and save nodes."
            ),
            search_aliases=[
                "walk",
                "first person",
                "view splat",
                "view gaussian",
                "3dgs viewer",
                "world viewer",
            ],
            is_output_node=True,
            inputs=[
                io.MultiType.Input(
                    io.Splat.Input("splat"),
                    types=[
                        io.File3DSplatAny,
                        io.File3DPLY,
                        io.File3DSPZ,
                        io.File3DSPLAT,
                        io.File3DKSPLAT,
                    ],
                    tooltip="Gaussian splats, or a splat file. World axes: x right, y down, z forward. Of a "
                    "batch, the first is shown.",
                ),
                io.Combo.Input(
                    "format",
                    options=["auto", *PREVIEW_FORMATS],
                    default="auto",
                    advanced=True,
                    tooltip="File made for the browser. ply keeps every digit, spz is a tenth of its size; "
                    "auto takes ply below 16 MB. A file given as input is shown as it is.",
                ),
                TrajectoryType.Input(
                    "trajectory",
                    optional=True,
                    tooltip="The walk starts at its first frame, upright. Without it: at the world's origin, "
                    "the panorama's centre, looking at its front.",
                ),
            ],
            outputs=[
                io.File3DSplatAny.Output(
                    display_name="model_3d",
                    tooltip="The file shown, for core's Preview Splat, Save Splat and other nodes.",
                ),
            ],
        )

    @classmethod
    def execute(
        cls, splat: Types.SPLAT | Types.File3D, format: str = "auto", trajectory: Trajectory | None = None
    ) -> io.NodeOutput:
        count = None
        if isinstance(splat, Types.File3D):
            path, filename, subfolder = save_target("matrix3d/world", f".{splat.format}", kind="temp")
            with open_atomically(path) as file:
                file.write(splat.get_bytes())
        else:
            gaussians = gaussians_from_host(splat)
            count = len(gaussians)
            kind = lighter_format(gaussians) if format == "auto" else format
            path, filename, subfolder = save_target("matrix3d/world", f".{kind}", kind="temp")
            write_gaussians(path, gaussians)
        shown: dict[str, object] = {
            "filename": filename,
            "subfolder": subfolder,
            "type": "temp",
            "count": count,
            "bytes": path.stat().st_size,
            "stamp": path.stat().st_mtime_ns // 1_000_000,
            "start_pose": None,
            "is_metric": False,
        }
        if trajectory is not None:
            shown["start_pose"] = trajectory.camera_from_world[0].flatten().tolist()
            shown["is_metric"] = trajectory.is_metric
        return io.NodeOutput(Types.File3D(str(path)), ui={"matrix3d_splat": [shown]})


NODES = [SplatPreview]
