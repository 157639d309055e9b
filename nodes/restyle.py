"""Other looks of a world: the views that cover it, as pictures to edit."""

from __future__ import annotations

import json
import math

from ..matrix3d_core.scene.trajectory import Trajectory
from ..matrix3d_core.styles.covering_views import MOST_VIEWS, covering_views, views_report
from ..matrix3d_core.styles.view_maps import depth_picture, normal_picture, render_view_maps
from ._adapters import gaussians_from_host
from ._host import Types, io, progress_to_host
from ._inputs import report_output, splat_backend_input, splat_input, trajectory_input, trajectory_output
from ._search import SPLAT_WORDS
from ._types import DepthType

__all__ = ["NODES", "WorldViews"]

_CATEGORY = "Matrix-3D/edit"


class WorldViews(io.ComfyNode):
    """Show a whole world in few pictures."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="WorldViews",
            display_name="World Views",
            category=_CATEGORY,
            description="Renders the few perspective views that show most of a world, with depth and normals for "
            "ControlNet: pictures to edit, to relight or to find masks in.",
            search_aliases=[
                *SPLAT_WORDS,
                "world views",
                "covering views",
                "multi view",
                "multiview",
                "controlnet depth",
                "controlnet normal",
                "restyle world",
            ],
            inputs=[
                splat_input("Gaussian splats; of a batch, the first is shown."),
                io.Int.Input(
                    "views",
                    default=16,
                    min=1,
                    max=MOST_VIEWS,
                    tooltip="How many pictures; the most useful come first. The report says how much of the world "
                    "they show.",
                ),
                io.Int.Input(
                    "size",
                    default=768,
                    min=16,
                    max=4096,
                    step=8,
                    tooltip="Side of the square pictures: what the model that edits them was trained on.",
                ),
                io.Float.Input(
                    "fov",
                    default=90.0,
                    min=20.0,
                    max=140.0,
                    step=1.0,
                    tooltip="Field of view in degrees. Wider views are fewer, and stretched at their corners.",
                ),
                trajectory_input(
                    "Places along this path are viewed from, looking anywhere. Without it: the origin, and free "
                    "places around it.",
                    optional=True,
                ),
                splat_backend_input(optional=True, advanced=True),
            ],
            outputs=[
                io.Image.Output(display_name="images", tooltip="The views, over black."),
                io.Image.Output(
                    display_name="depth_map",
                    tooltip="Inverse depth for ControlNet: near is white; one scale for all views.",
                ),
                io.Image.Output(
                    display_name="normals",
                    tooltip="Normals for ControlNet: red right, green up, blue towards the camera.",
                ),
                io.Mask.Output(display_name="alpha", tooltip="1 where the world hides the background."),
                trajectory_output("Poses and intrinsics of the views."),
                DepthType.Output(
                    display_name="depth",
                    tooltip="Distance along each ray in world units, infinite where empty.",
                ),
                report_output("JSON: share of what can be seen that one, two, ... of the views show."),
            ],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def execute(
        cls,
        splat: Types.SPLAT,
        views: int,
        size: int,
        fov: float,
        trajectory: Trajectory | None = None,
        backend: str = "auto",
    ) -> io.NodeOutput:
        world, progress = gaussians_from_host(splat), progress_to_host(cls.hidden.unique_id)
        found = covering_views(
            world,
            trajectory,
            views=views,
            size_px=size,
            fov_rad=math.radians(fov),
            backend=backend,
            progress=progress,
        )
        maps = render_view_maps(world, found.trajectory, backend=backend, progress=progress)
        return io.NodeOutput(
            maps.rgb,
            depth_picture(maps.depth_z),
            normal_picture(maps.normals),
            maps.alpha,
            found.trajectory,
            maps.depth_ray,
            json.dumps(views_report(found), indent=2),
        )


NODES = [WorldViews]
