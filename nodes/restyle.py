"""Other looks of a world: the views that cover it, styles for pictures, and colors refitted from edited views."""

from __future__ import annotations

import json
import math

import torch

from ..matrix3d_core.scene.trajectory import Trajectory
from ..matrix3d_core.styles.covering_views import MOST_VIEWS, covering_views, views_report
from ..matrix3d_core.styles.picture_styles import PICTURE_STYLES, style_pictures
from ..matrix3d_core.styles.restyle import restyle_gaussians
from ..matrix3d_core.styles.view_maps import depth_picture, normal_picture, render_view_maps
from ._adapters import gaussians_from_host, images_from_host, masks_from_host, splat_to_host, world_info_of
from ._host import Types, io, progress_to_host
from ._inputs import (
    report_output,
    splat_backend_input,
    splat_input,
    splat_output,
    trajectory_input,
    trajectory_output,
)
from ._search import PANORAMA_WORDS, SPLAT_WORDS
from ._types import DepthType

__all__ = ["NODES", "ImageStylize", "WorldRestyle", "WorldViews"]

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


class ImageStylize(io.ComfyNode):
    """Give pictures another look without a model."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="ImageStylize",
            display_name="Stylize Images",
            category=_CATEGORY,
            description="Gives pictures another look without a model: the palette and light of a reference, cartoon, "
            "ink, evening or night. Panoramas stay seamless.",
            search_aliases=[
                *PANORAMA_WORDS,
                "stylize",
                "style transfer",
                "color transfer",
                "color match",
                "color grading",
                "cartoon",
                "ink drawing",
                "day to night",
                "golden hour",
            ],
            inputs=[
                io.Image.Input(
                    "images", tooltip="Pictures, such as those of World Views, or a panorama (2:1)."
                ),
                io.Combo.Input(
                    "style",
                    options=list(PICTURE_STYLES),
                    default=PICTURE_STYLES[0],
                    tooltip="palette: palette and light of the reference (optimal transport), one map for all "
                    "pictures. cartoon: flat areas, dark lines. ink: line drawing with a wash. evening: warm light, "
                    "cool shadows. night: moonlight, with lamps on.",
                ),
                io.Float.Input(
                    "strength",
                    default=1.0,
                    min=0.0,
                    max=1.0,
                    step=0.05,
                    tooltip="0 leaves the pictures, 1 is the whole style.",
                ),
                io.Image.Input(
                    "reference",
                    optional=True,
                    tooltip="For palette: one or more pictures of any size whose colors are taken.",
                ),
                io.Mask.Input(
                    "lights",
                    optional=True,
                    tooltip="For night: lamps and windows that are lit (SAM 3 or any MASK), one for each picture or "
                    "one for all. Without it small bright warm spots shine.",
                ),
            ],
            outputs=[io.Image.Output(display_name="images", tooltip="The pictures in their new look.")],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def execute(
        cls,
        images: torch.Tensor,
        style: str,
        strength: float,
        reference: torch.Tensor | None = None,
        lights: torch.Tensor | None = None,
    ) -> io.NodeOutput:
        styled = style_pictures(
            images_from_host(images, "images"),
            style,
            reference=None if reference is None else images_from_host(reference, "reference"),
            lights=None if lights is None else masks_from_host(lights, "lights"),
            strength=strength,
            progress=progress_to_host(cls.hidden.unique_id),
        )
        return io.NodeOutput(styled)


class WorldRestyle(io.ComfyNode):
    """Give a world the look of edited views."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="WorldRestyle",
            display_name="Restyle World",
            category=_CATEGORY,
            description="Gives a world the look of edited views: colors are refitted to what the views agree on, "
            "geometry stays as it is. Compare both in Preview Splats.",
            search_aliases=[
                *SPLAT_WORDS,
                "restyle",
                "world style",
                "style transfer",
                "recolor",
                "edit world",
                "instruct",
            ],
            inputs=[
                splat_input("Gaussian splats; of a batch, the first is restyled."),
                io.Image.Input(
                    "edited",
                    tooltip="The images of World Views after an edit: one for each pose, of the same aspect. "
                    "Panoramas where the trajectory has no intrinsics.",
                ),
                trajectory_input("Poses and intrinsics of the views, from World Views."),
                io.Boolean.Input(
                    "match_views",
                    default=True,
                    tooltip="Bring views whose color or light differs as a whole to what all agree on, as models that "
                    "edit one view at a time need. Off: only the mean that ignores outliers.",
                ),
                splat_backend_input(optional=True, advanced=True),
            ],
            outputs=[
                splat_output(
                    "The world in its new look; positions, sizes, opacities and labels are the same."
                ),
                report_output(
                    "JSON: spread (standard deviation) of a splat's color over the views in the edited views and in "
                    "the new world, and the share of splats that the views show; the others follow their neighbors."
                ),
            ],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def execute(
        cls,
        splat: Types.SPLAT,
        edited: torch.Tensor,
        trajectory: Trajectory,
        match_views: bool,
        backend: str = "auto",
    ) -> io.NodeOutput:
        restyled = restyle_gaussians(
            gaussians_from_host(splat),
            images_from_host(edited, "edited"),
            trajectory,
            correct=match_views,
            backend=backend,
            progress=progress_to_host(cls.hidden.unique_id),
        )
        world = splat_to_host(restyled.gaussians, info=world_info_of(splat))
        return io.NodeOutput(world, json.dumps(restyled.report(len(trajectory)), indent=2))


NODES = [WorldViews, ImageStylize, WorldRestyle]
