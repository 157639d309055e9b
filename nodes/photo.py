"""Photos projected onto a panorama."""

from __future__ import annotations

import math
from typing import Any

import torch

from ..matrix3d_core.depth.preview import colorize_depth
from ..matrix3d_core.io.images import IMAGE_SUFFIXES, encode_image
from ..matrix3d_core.outpaint.learned import learned_photo_world
from ..matrix3d_core.outpaint.lens import load_photo
from ..matrix3d_core.panorama.photo import MAPPINGS, Placement, fovs_from_moge, place_photo, project_on_canvas
from ._adapters import distance_from_host, image_from_host, mask_from_host
from ._file_inputs import file_input, file_state, load_width_input, preview_columns
from ._host import io, progress_to_host, resolve_input_file, ui
from ._host_depth import backbone_state, learned_networks
from ._host_routes import answer_posts
from ._inputs import (
    AUTO_BACKBONE,
    backbone_input,
    camera_height_input,
    vertical_fov_input,
    yaw_pitch_roll_inputs,
)
from ._search import PANORAMA_WORDS, WORLD_WORDS
from ._types import DepthType, GeometryType, MoGeGeometryType, PlacementType

__all__ = ["NODES", "PanoProject", "PhotoLoad", "PhotoToPanorama"]

_CATEGORY = "Matrix-3D/panorama"


class PanoProject(io.ComfyNode):
    """A photo on the sphere: what an inpainting model continues."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="PanoProject",
            display_name="Project Photo to Panorama",
            category=_CATEGORY,
            description="Projects a photo onto an empty panorama in its camera's direction, and makes the mask of "
            "what is to be outpainted. Chain several for photos in several directions.",
            search_aliases=[
                *WORLD_WORDS,
                "photo to panorama",
                "image to panorama",
                "outpaint 360",
                "equirectangular projection",
                "i2p",
                "photo to 3d",
                "image to 3d",
                "image to world",
                "photo to world",
                "photo to 360",
            ],
            inputs=[
                io.Image.Input("image", tooltip="One photo, without lens distortion."),
                io.Float.Input(
                    "fov",
                    default=70.0,
                    min=0.1,
                    max=179.0,
                    step=0.5,
                    round=0.001,
                    tooltip="Horizontal field of view of the photo in degrees, edge to edge. A phone's main camera "
                    "held sideways has about 70. Not used when moge_geometry is linked.",
                ),
                *yaw_pitch_roll_inputs("the photo"),
                io.Int.Input(
                    "width",
                    default=1600,
                    min=64,
                    max=16384,
                    step=32,
                    tooltip="Columns of the canvas; it is half as high. Multiples of 32 suit FLUX; upstream uses 1600.",
                ),
                io.Int.Input(
                    "grow_mask_by",
                    default=5,
                    min=0,
                    max=256,
                    step=1,
                    tooltip="How many canvas pixels of the photo's edge are regenerated, so that both sides blend. "
                    "Upstream's is about 5 at a width of 1600. Composite Photo into Panorama restores the edge.",
                ),
                vertical_fov_input(),
                io.Float.Input(
                    "feather",
                    default=4.0,
                    min=0.0,
                    max=45.0,
                    step=0.5,
                    advanced=True,
                    tooltip="Degrees over which this photo is blended over earlier photos on the canvas.",
                ),
                io.Combo.Input(
                    "mapping",
                    options=list(MAPPINGS),
                    default=MAPPINGS[0],
                    advanced=True,
                    tooltip="exact: half-pixel centers, each canvas pixel averaged. upstream: Matrix-3D's canvas, "
                    "half a pixel off at the border and with single pixels sampled; one photo only, grow_mask_by is "
                    "ignored.",
                ),
                MoGeGeometryType.Input(
                    "moge_geometry",
                    optional=True,
                    tooltip="From Run MoGe Inference of the same photo: its field of view is used.",
                ),
                PlacementType.Input(
                    "placement",
                    optional=True,
                    tooltip="From the previous Project Photo to Panorama: its photos are drawn first, this one on top.",
                ),
                io.Image.Input(
                    "canvas",
                    optional=True,
                    tooltip="A panorama to draw on instead of a black one; its size is used. Needs canvas_mask.",
                ),
                io.Mask.Input(
                    "canvas_mask",
                    optional=True,
                    tooltip="1 where that canvas is still to be generated, 0 where it is kept.",
                ),
            ],
            outputs=[
                io.Image.Output(display_name="canvas", tooltip="The incomplete panorama; black where empty."),
                io.Mask.Output(
                    display_name="mask",
                    tooltip="1 (white) = generate, 0 = keep: as InpaintModelConditioning expects it.",
                ),
                PlacementType.Output(
                    display_name="placement",
                    tooltip="All photos and where they are, for Composite Photo into Panorama.",
                ),
            ],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def execute(
        cls,
        image: torch.Tensor,
        fov: float,
        yaw: float,
        pitch: float,
        roll: float,
        width: int,
        grow_mask_by: int,
        fov_vertical: float = 0.0,
        feather: float = 4.0,
        mapping: str = MAPPINGS[0],
        moge_geometry: dict | None = None,
        placement: Placement | None = None,
        canvas: torch.Tensor | None = None,
        canvas_mask: torch.Tensor | None = None,
    ) -> io.NodeOutput:
        rgb = image_from_host(image, "image")
        fovs = (math.radians(fov), math.radians(fov_vertical) if fov_vertical else None)
        if moge_geometry is not None:
            fovs = fovs_from_moge(moge_geometry, rgb.shape[0], rgb.shape[1])
        photo = place_photo(
            rgb, *fovs, yaw_rad=math.radians(yaw), pitch_rad=math.radians(pitch), roll_rad=math.radians(roll)
        )
        picture, mask, placed = project_on_canvas(
            photo,
            width=width,
            earlier=placement,
            canvas=None if canvas is None else image_from_host(canvas, "canvas"),
            mask=None if canvas_mask is None else mask_from_host(canvas_mask, "canvas_mask"),
            grow_px=grow_mask_by,
            feather_rad=math.radians(feather),
            mapping=mapping,
            progress=progress_to_host(cls.hidden.unique_id),
        )
        preview = ui.PreviewImage(picture[None], cls=cls)
        return io.NodeOutput(picture[None], mask[None], placed, ui=preview)


def _fov_input(tooltip: str) -> Any:
    return io.Float.Input("fov", default=0.0, min=0.0, max=150.0, step=0.5, round=0.001, tooltip=tooltip)


class PhotoLoad(io.ComfyNode):
    """A photo from the host's input folder, with the field of view that its file names."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="PhotoLoad",
            display_name="Load Photo",
            category=_CATEGORY,
            description="Load a perspective photo together with the field of view from its EXIF tags, which Load Image "
            "does not keep.",
            search_aliases=[*PANORAMA_WORDS, "load image", "exif", "focal length", "fov", "photo to world"],
            inputs=[
                file_input(
                    "image",
                    "photo",
                    IMAGE_SUFFIXES,
                    tooltip="A picture in the host's input folder. A whole panorama is refused: use Load Panorama.",
                ),
                load_width_input("photos", 0, advanced=True),
                _fov_input("Horizontal field of view in degrees, if you know it. 0: from the EXIF tags."),
            ],
            outputs=[
                io.Image.Output(display_name="image", tooltip="The photo, upright."),
                io.Float.Output(
                    display_name="fov",
                    tooltip="Horizontal field of view in degrees, given or from EXIF; 0 when neither tells.",
                ),
                io.String.Output(display_name="report", tooltip="How the file was read, in words."),
            ],
        )

    @classmethod
    def fingerprint_inputs(cls, image: str, **_: Any) -> object:
        return file_state(image)

    @classmethod
    def execute(cls, image: str, max_width: int = 0, fov: float = 0.0) -> io.NodeOutput:
        loaded = load_photo(resolve_input_file(image), max_width=max_width)
        of_file = 0.0 if loaded.lens is None else math.degrees(loaded.lens.fov_x_rad)
        return io.NodeOutput(loaded.rgb[None], fov or of_file, loaded.report)


def _preview(question: dict[str, Any]) -> bytes:
    """Return what a Load Photo node is going to give as a small JPEG, from the values of its widgets."""
    path = resolve_input_file(str(question.get("image", "")))
    return encode_image(load_photo(path, max_width=preview_columns(question)).rgb)


answer_posts("/matrix3d/photo/preview", _preview)


class PhotoToPanorama(io.ComfyNode):
    """A photo as a whole panorama with distances, without a generative model."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="PhotoToPanorama",
            display_name="Photo to Panorama Geometry",
            category=_CATEGORY,
            description="Estimates the depth of a photo with the learned depth (DINOv2-small), places it on the "
            "sphere and continues colors and depth around it without a model. What was filled in is marked.",
            search_aliases=[
                *WORLD_WORDS,
                "photo to world",
                "photo to 3d",
                "image to 3d",
                "monocular depth",
                "fov",
            ],
            inputs=[
                io.Image.Input("image", tooltip="One perspective photo, without lens distortion."),
                _fov_input(
                    "Horizontal field of view in degrees, edge to edge. 0: estimated from the picture. Load Photo "
                    "reads it from EXIF."
                ),
                camera_height_input("; scales the depth where the photo shows ground."),
                io.Int.Input(
                    "working_width",
                    default=4096,
                    min=64,
                    max=16384,
                    step=2,
                    tooltip="Columns of the geometry. At 4096 a photo of 65 degrees is about 700 columns wide.",
                ),
                io.Int.Input(
                    "max_width",
                    default=8192,
                    min=256,
                    max=16384,
                    step=32,
                    tooltip="Columns of the panorama at most. It is as wide as the photo's pixels need; a photo that "
                    "needs more is reduced.",
                ),
                io.Boolean.Input(
                    "estimate_tilt",
                    default=True,
                    advanced=True,
                    tooltip="Estimate pitch and roll of the camera from the picture. Off: the two values below.",
                ),
                *yaw_pitch_roll_inputs("the photo", advanced=True)[1:],
                DepthType.Input(
                    "depth",
                    optional=True,
                    tooltip="Ray distance of the photo, infinite in the sky, instead of an estimate; no model is "
                    "needed then. Set fov, pitch and roll.",
                ),
                backbone_input(),
            ],
            outputs=[
                GeometryType.Output(
                    display_name="geometry", tooltip="The panorama with a ray distance for every pixel."
                ),
                io.Image.Output(
                    display_name="panorama",
                    tooltip="The whole panorama; a view at the photo's pose returns the photo within 1/255.",
                ),
                io.Image.Output(display_name="preview", tooltip="Depth visualization: near is bright."),
                io.Mask.Output(
                    display_name="filled",
                    tooltip="1 where the panorama was filled in, 0 where it is the photo; the geometry's size.",
                ),
                PlacementType.Output(
                    display_name="placement",
                    tooltip="The photo and where it is, for Composite Photo into Panorama.",
                ),
                io.String.Output(
                    display_name="report", tooltip="Camera, scale and what was filled in, in words."
                ),
            ],
            is_output_node=True,
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def validate_inputs(cls, backbone: str = AUTO_BACKBONE) -> bool:
        return True  # the node itself says where the file goes

    @classmethod
    def fingerprint_inputs(cls, backbone: str = AUTO_BACKBONE, **_: Any) -> object:
        return backbone_state(backbone)

    @classmethod
    def execute(
        cls,
        image: torch.Tensor,
        fov: float,
        camera_height: float,
        working_width: int,
        max_width: int,
        estimate_tilt: bool = True,
        pitch: float = 0.0,
        roll: float = 0.0,
        depth: torch.Tensor | None = None,
        backbone: str = AUTO_BACKBONE,
    ) -> io.NodeOutput:
        world = learned_photo_world(
            image_from_host(image, "image"),
            learned_networks(backbone) if depth is None else None,
            depth_ray=None if depth is None else distance_from_host(depth),
            fov_x_rad=math.radians(fov) if fov else None,
            pitch_rad=None if estimate_tilt else math.radians(pitch),
            roll_rad=None if estimate_tilt else math.radians(roll),
            camera_height=camera_height,
            height=working_width // 2,
            most_width=max_width,
            progress=progress_to_host(cls.hidden.unique_id),
        )
        geometry = world.geometry
        preview = colorize_depth(geometry.depth_ray, geometry.is_sky)[None]
        return io.NodeOutput(
            geometry,
            world.rgb[None],
            preview,
            world.filled[None].float(),
            world.placement,
            world.report,
            ui=ui.PreviewImage(preview, cls=cls),
        )


NODES = [PanoProject, PhotoLoad, PhotoToPanorama]
