"""Panoramas leveled, and perspective views, crops and cube faces of them."""

from __future__ import annotations

import json
import math

import torch

from ..matrix3d_core.panorama.cube_layouts import FACE_ORDERS, faces_from_pictures
from ..matrix3d_core.panorama.resample import INTERPOLATIONS
from ..matrix3d_core.panorama.upright import canonicalize
from ..matrix3d_core.panorama.views import (
    CROP_SETS,
    cut_crops,
    faces_of_all,
    panoramas_from_faces,
    perspective_views,
)
from ._adapters import image_from_host, images_from_host
from ._host import io, progress_to_host
from ._inputs import degrees_input, vertical_fov_input, yaw_pitch_roll_inputs
from ._search import PANORAMA_WORDS

__all__ = ["NODES", "CubemapToPano", "PanoCanonicalize", "PanoCrops", "PanoToCubemap", "PanoView"]

_CATEGORY = "Matrix-3D/panorama"
_INTERPOLATION_TIP = (
    "bicubic is sharpest, bilinear never overshoots, nearest samples single pixels (upstream's training crops). The "
    "first two are antialiased where the result is coarser than the panorama."
)


def _interpolation() -> io.Combo.Input:
    return io.Combo.Input(
        "interpolation",
        options=list(INTERPOLATIONS),
        default=INTERPOLATIONS[0],
        advanced=True,
        tooltip=_INTERPOLATION_TIP,
    )


class PanoCanonicalize(io.ComfyNode):
    """A panorama turned upright and to the front."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="PanoCanonicalize",
            display_name="Level Panorama",
            category=_CATEGORY,
            description="Levels a tilted panorama and centers its most detailed side. FLUX with the panorama LoRA may "
            "place any side in front; a camera path would then lead nowhere in particular.",
            search_aliases=[
                *PANORAMA_WORDS,
                "pano canonicalize",
                "straighten",
                "level horizon",
                "rotate panorama",
                "yaw",
                "recenter 360",
                "upright",
            ],
            inputs=[
                io.Image.Input("panorama", tooltip="One panorama (2:1)."),
                io.Boolean.Input(
                    "straighten",
                    default=True,
                    tooltip="Undo a tilt, estimated from vertical edges; skipped when the confidence is low.",
                ),
                io.Boolean.Input(
                    "recenter",
                    default=True,
                    tooltip="Rotate so that the 90 degrees with most detail near the horizon are centered. Without a "
                    "tilt this only shifts columns: no resampling.",
                ),
                *yaw_pitch_roll_inputs("the view"),
                io.Float.Input(
                    "min_confidence",
                    default=0.33,
                    min=0.0,
                    max=1.0,
                    step=0.01,
                    advanced=True,
                    tooltip="A tilt with lower confidence is not corrected. Buildings give about 0.5, landscapes "
                    "under 0.25.",
                ),
            ],
            outputs=[
                io.Image.Output(display_name="panorama", tooltip="The leveled panorama, same size."),
                io.Float.Output(display_name="yaw", tooltip="Degrees rotated to the right."),
                io.Float.Output(display_name="pitch", tooltip="Degrees rotated up."),
                io.Float.Output(display_name="roll", tooltip="Degrees rolled clockwise."),
                io.String.Output(
                    display_name="report", tooltip="JSON: tilt, confidence, what was done; degrees."
                ),
            ],
        )

    @classmethod
    def execute(
        cls,
        panorama: torch.Tensor,
        straighten: bool,
        recenter: bool,
        yaw: float,
        pitch: float,
        roll: float,
        min_confidence: float = 0.33,
    ) -> io.NodeOutput:
        done = canonicalize(
            image_from_host(panorama, "panorama"),
            straighten=straighten,
            recenter=recenter,
            yaw_rad=math.radians(yaw),
            pitch_rad=math.radians(pitch),
            roll_rad=math.radians(roll),
            min_confidence=min_confidence,
        )
        report = {
            name.replace("_rad", "_deg"): math.degrees(value)
            if name.endswith("_rad") and isinstance(value, float)
            else value
            for name, value in done.report.items()
        }
        turned = (report["yaw_deg"], report["pitch_deg"], report["roll_deg"])
        return io.NodeOutput(done.rgb[None], *turned, json.dumps(report, indent=2))


class PanoView(io.ComfyNode):
    """Perspective views of panoramas."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="PanoView",
            display_name="Panorama to Perspective View",
            category=_CATEGORY,
            description="Perspective views of panoramas: one direction, or several around the circle.",
            search_aliases=[
                *PANORAMA_WORDS,
                "pano view",
                "perspective",
                "crop panorama",
                "equirectangular to perspective",
                "look around",
                "fov",
            ],
            inputs=[
                io.Image.Input("panorama", tooltip="Panoramas (2:1); each is viewed in the same way."),
                *yaw_pitch_roll_inputs("the view"),
                io.Float.Input(
                    "fov",
                    default=90.0,
                    min=0.1,
                    max=179.0,
                    step=0.5,
                    round=0.001,
                    tooltip="Horizontal field of view in degrees, edge to edge.",
                ),
                io.Int.Input("width", default=1024, min=1, max=16384, step=8, tooltip="Columns of a view."),
                io.Int.Input("height", default=768, min=1, max=16384, step=8, tooltip="Rows of a view."),
                io.Int.Input(
                    "count",
                    default=1,
                    min=1,
                    max=360,
                    step=1,
                    tooltip="Views per panorama, each rotated further to the right.",
                ),
                degrees_input(
                    "yaw_step", "Degrees between views; 0 spreads them evenly over the full circle.", 360.0
                ),
                vertical_fov_input(),
                _interpolation(),
            ],
            outputs=[io.Image.Output(display_name="views", tooltip="All views, grouped by panorama.")],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def execute(
        cls,
        panorama: torch.Tensor,
        yaw: float,
        pitch: float,
        roll: float,
        fov: float,
        width: int,
        height: int,
        count: int,
        yaw_step: float,
        fov_vertical: float = 0.0,
        interpolation: str = INTERPOLATIONS[0],
    ) -> io.NodeOutput:
        views = perspective_views(
            images_from_host(panorama, "panorama"),
            yaw_rad=math.radians(yaw),
            pitch_rad=math.radians(pitch),
            roll_rad=math.radians(roll),
            fov_x_rad=math.radians(fov),
            fov_y_rad=math.radians(fov_vertical) if fov_vertical else None,
            height=height,
            width=width,
            count=count,
            yaw_step_rad=math.radians(yaw_step),
            mode=interpolation,
            progress=progress_to_host(cls.hidden.unique_id),
        )
        return io.NodeOutput(views)


class PanoCrops(io.ComfyNode):
    """Matrix-3D's twelve crops of a panorama."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="PanoCrops",
            display_name="Panorama Crops (12)",
            category=_CATEGORY,
            description="The twelve square views that Matrix-3D cuts out of a panorama, for depth or for training "
            "splats.",
            search_aliases=[
                *PANORAMA_WORDS,
                "pano crops",
                "12 views",
                "icosahedron",
                "perspective crops",
                "training views",
                "split panorama",
            ],
            inputs=[
                io.Image.Input("panorama", tooltip="Panoramas (2:1)."),
                io.Combo.Input(
                    "views",
                    options=list(CROP_SETS),
                    default=CROP_SETS[1],
                    tooltip="icosahedron: MoGe's order, upstream's field of view is 100. yaw x pitch: backwards, left, "
                    "ahead, right; each level, 45 degrees down, 45 up; upstream's field of view is 90.",
                ),
                io.Int.Input(
                    "size", default=1024, min=4, max=8192, step=8, tooltip="Side of a crop in pixels."
                ),
                io.Float.Input(
                    "fov",
                    default=90.0,
                    min=0.1,
                    max=179.0,
                    step=0.5,
                    round=0.001,
                    tooltip="Field of view in degrees, both ways.",
                ),
                _interpolation(),
                io.Boolean.Input(
                    "upstream_border",
                    default=False,
                    advanced=True,
                    tooltip="Reproduce the outermost rows and columns of upstream's training crops.",
                ),
            ],
            outputs=[
                io.Image.Output(display_name="crops", tooltip="Twelve per panorama, in upstream's order.")
            ],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def execute(
        cls,
        panorama: torch.Tensor,
        views: str,
        size: int,
        fov: float,
        interpolation: str = INTERPOLATIONS[0],
        upstream_border: bool = False,
    ) -> io.NodeOutput:
        crops = cut_crops(
            images_from_host(panorama, "panorama"),
            views,
            size,
            fov_rad=math.radians(fov),
            mode=interpolation,
            upstream_border=upstream_border,
            progress=progress_to_host(cls.hidden.unique_id),
        )
        return io.NodeOutput(crops)


class PanoToCubemap(io.ComfyNode):
    """Cube faces of a panorama."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="PanoToCubemap",
            display_name="Panorama to Cubemap",
            category=_CATEGORY,
            description="Six square faces of 90 degrees: front, right, back, left, up, down.",
            search_aliases=[
                *PANORAMA_WORDS,
                "cube map",
                "skybox",
                "equirectangular to cubemap",
                "e2c",
                "six faces",
            ],
            inputs=[
                io.Image.Input("panorama", tooltip="Panoramas (2:1)."),
                io.Int.Input(
                    "size",
                    default=512,
                    min=1,
                    max=8192,
                    step=8,
                    tooltip="Side of a face in pixels. A third of the panorama's width keeps its sharpness.",
                ),
                _interpolation(),
            ],
            outputs=[
                io.Image.Output(
                    display_name="faces",
                    tooltip="Front, right, back, left, up, down; the side faces upright. Up's lower edge and down's "
                    "upper edge touch front.",
                )
            ],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def execute(
        cls, panorama: torch.Tensor, size: int, interpolation: str = INTERPOLATIONS[0]
    ) -> io.NodeOutput:
        batch = images_from_host(panorama, "panorama")
        progress = progress_to_host(cls.hidden.unique_id)
        return io.NodeOutput(faces_of_all(batch, size, mode=interpolation, progress=progress))


class CubemapToPano(io.ComfyNode):
    """A panorama of cube faces."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="CubemapToPano",
            display_name="Cubemap to Panorama",
            category=_CATEGORY,
            description="Converts six cube faces to a panorama, seamless across edges and corners.",
            search_aliases=[
                *PANORAMA_WORDS,
                "cube map",
                "skybox",
                "cubemap to equirectangular",
                "c2e",
                "cross",
                "strip",
            ],
            inputs=[
                io.Image.Input(
                    "faces",
                    tooltip="Square faces, six for each panorama; or one picture of six: a strip, a grid or a cross.",
                ),
                io.Int.Input(
                    "width",
                    default=0,
                    min=0,
                    max=32768,
                    step=2,
                    tooltip="Columns of the panorama; 0 = four times a face.",
                ),
                io.Combo.Input(
                    "order",
                    options=list(FACE_ORDERS),
                    default=FACE_ORDERS[0],
                    optional=True,
                    advanced=True,
                    tooltip="Order of the faces, in a strip or grid from left to right and from top to bottom. The "
                    "second is that of OpenGL, DirectX and game engines. A cross needs none.",
                ),
            ],
            outputs=[io.Image.Output(display_name="panorama", tooltip="Twice as wide as high.")],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def execute(cls, faces: torch.Tensor, width: int, order: str = FACE_ORDERS[0]) -> io.NodeOutput:
        batch = faces_from_pictures(images_from_host(faces, "faces"), order)
        return io.NodeOutput(
            panoramas_from_faces(batch, width, progress=progress_to_host(cls.hidden.unique_id))
        )


NODES = [PanoCanonicalize, PanoView, PanoCrops, PanoToCubemap, CubemapToPano]
