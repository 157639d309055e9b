"""Photos projected onto a panorama."""

from __future__ import annotations

import math

import torch

from ..matrix3d_core.panorama.photo import MAPPINGS, Placement, fovs_from_moge, place_photo, project_on_canvas
from ._adapters import image_from_host, mask_from_host
from ._host import io, progress_to_host, ui
from ._inputs import vertical_fov_input, yaw_pitch_roll_inputs
from ._search import WORLD_WORDS
from ._types import MoGeGeometryType, PlacementType

__all__ = ["NODES", "PanoProject"]

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


NODES = [PanoProject]
