"""Photos into panoramas, panoramas upright, and views, crops and cube faces out of them."""

from __future__ import annotations

import json
import math

import torch

from ..matrix3d_core.panorama.composite import (
    BORDERS,
    SIZES,
    CompositeSettings,
    composite_photos,
    composite_width,
)
from ..matrix3d_core.panorama.composite_known import composite_texels
from ..matrix3d_core.panorama.cube_layouts import FACE_ORDERS, faces_from_pictures
from ..matrix3d_core.panorama.photo import (
    MAPPINGS,
    Placement,
    fovs_from_moge,
    place_photo,
    project_on_canvas,
)
from ..matrix3d_core.panorama.resample import INTERPOLATIONS
from ..matrix3d_core.panorama.upright import canonicalize
from ..matrix3d_core.panorama.views import (
    CROP_SETS,
    cut_crops,
    faces_of_all,
    panoramas_from_faces,
    perspective_views,
)
from ._adapters import image_from_host, images_from_host, mask_from_host, masks_from_host
from ._host import io, progress_to_host, ui
from ._search import PANORAMA_WORDS, WORLD_WORDS
from ._types import MoGeGeometryType, PlacementType

__all__ = [
    "NODES",
    "CubemapToPano",
    "PanoCanonicalize",
    "PanoComposite",
    "PanoCrops",
    "PanoProject",
    "PanoTexelComposite",
    "PanoToCubemap",
    "PanoView",
]

_CATEGORY = "Matrix-3D/panorama"
_INTERPOLATION_TIP = (
    "bicubic is sharpest, bilinear never overshoots, nearest takes single pixels (upstream's training crops). "
    "The first two average where the result is coarser than the panorama."
)


def _degrees(name: str, tooltip: str, limit: float = 180.0, default: float = 0.0) -> io.Float.Input:
    return io.Float.Input(
        name, default=default, min=-limit, max=limit, step=0.5, round=0.001, tooltip=tooltip
    )


def _yaw_pitch_roll(thing: str) -> list:
    return [
        _degrees(
            "yaw", f"Degrees; positive turns {thing} to the right. 0 is the panorama's center column.", 360.0
        ),
        _degrees("pitch", f"Degrees; positive turns {thing} up. 90 is straight up.", 90.0),
        _degrees("roll", "Degrees; positive tilts the head to the right."),
    ]


def _vertical_fov() -> io.Float.Input:
    return io.Float.Input(
        "fov_vertical",
        default=0.0,
        min=0.0,
        max=179.0,
        step=0.5,
        round=0.001,
        advanced=True,
        tooltip="Vertical field of view in degrees; 0 takes it from the picture's shape (square pixels).",
    )


def _interpolation() -> io.Combo.Input:
    return io.Combo.Input(
        "interpolation",
        options=list(INTERPOLATIONS),
        default=INTERPOLATIONS[0],
        advanced=True,
        tooltip=_INTERPOLATION_TIP,
    )


class PanoProject(io.ComfyNode):
    """A photo on the sphere: what an inpainting model continues."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="PanoProject",
            display_name="Project Photo to Panorama",
            category=_CATEGORY,
            description="Puts a photo on an empty panorama where its camera looked, and makes the mask of "
            "what is to be generated around it. Chain several for photos in several directions.",
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
                *_yaw_pitch_roll("the photo"),
                io.Int.Input(
                    "width",
                    default=1600,
                    min=64,
                    max=16384,
                    step=32,
                    tooltip="Columns of the canvas; it is half as high. Multiples of 32 suit FLUX; upstream uses 1600.",
                ),
                io.Int.Input(
                    "mask_grow",
                    default=5,
                    min=0,
                    max=256,
                    step=1,
                    tooltip="How many canvas pixels of the photo's rim are to be generated again, so that both sides "
                    "join. Upstream's is about 5 at a width of 1600. Composite Photo into Panorama puts the rim back.",
                ),
                _vertical_fov(),
                io.Float.Input(
                    "feather",
                    default=4.0,
                    min=0.0,
                    max=45.0,
                    step=0.5,
                    advanced=True,
                    tooltip="Degrees over which this photo fades in over photos that are on the canvas already.",
                ),
                io.Combo.Input(
                    "mapping",
                    options=list(MAPPINGS),
                    default=MAPPINGS[0],
                    advanced=True,
                    tooltip="exact: half-pixel centers, each canvas pixel averaged. upstream: Matrix-3D's canvas, half "
                    "a pixel off at the border and with single pixels picked; one photo only, mask_grow does "
                    "not count.",
                ),
                MoGeGeometryType.Input(
                    "moge_geometry",
                    optional=True,
                    tooltip="From Run MoGe Inference of the same photo: its field of view is used.",
                ),
                PlacementType.Input(
                    "placement",
                    optional=True,
                    tooltip="From the Project node before: its photos are drawn first, this one on top.",
                ),
                io.Image.Input(
                    "canvas",
                    optional=True,
                    tooltip="A panorama to draw on, instead of a black one; its size counts. Needs canvas_mask.",
                ),
                io.Mask.Input(
                    "canvas_mask",
                    optional=True,
                    tooltip="1 where that canvas is still to be generated, 0 where it is kept.",
                ),
            ],
            outputs=[
                io.Image.Output(
                    display_name="canvas", tooltip="The panorama in the making; black where nothing is."
                ),
                io.Mask.Output(
                    display_name="mask",
                    tooltip="1 (white) = to be generated, 0 = keep: as InpaintModelConditioning wants it.",
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
        mask_grow: int,
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
            grow_px=mask_grow,
            feather_rad=math.radians(feather),
            mapping=mapping,
            progress=progress_to_host(cls.hidden.unique_id),
        )
        preview = ui.PreviewImage(picture[None], cls=cls)
        return io.NodeOutput(picture[None], mask[None], placed, ui=preview)


class PanoComposite(io.ComfyNode):
    """The photos' own pixels back into the generated panorama."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="PanoComposite",
            display_name="Composite Photo into Panorama",
            category=_CATEGORY,
            description="Puts the photos' own pixels back into the panorama generated around them: colors of the "
            "generated side are matched, the border is blended.",
            search_aliases=[
                *PANORAMA_WORDS,
                "pano composite",
                "paste photo back",
                "restore pixels",
                "gain match",
                "feather",
                "blend panorama",
            ],
            inputs=[
                io.Image.Input("panorama", tooltip="The generated panorama (2:1)."),
                PlacementType.Input(
                    "placement", tooltip="From Project Photo to Panorama, the last of the chain."
                ),
                io.Combo.Input(
                    "size",
                    options=list(SIZES),
                    default=SIZES[0],
                    tooltip="Size of the result. keep the photo's pixels: as large as needed for a view at the photo's "
                    "pose to return the photo itself within 1/255; often 6000 to 10000 columns.",
                ),
                io.Float.Input(
                    "feather",
                    default=2.0,
                    min=0.0,
                    max=45.0,
                    step=0.25,
                    tooltip="Degrees over which the border is blended.",
                ),
                io.Combo.Input(
                    "border",
                    options=list(BORDERS),
                    default=BORDERS[0],
                    tooltip="outside the photo: all of the photo is kept, the generated side is corrected towards it. "
                    "inside the photo: its rim fades into the generated side; smoother where both disagree.",
                ),
                io.Boolean.Input(
                    "match_gain",
                    default=True,
                    tooltip="Give the generated side the photo's colors: one gain and offset per channel, measured in "
                    "a band inside the border, and a smooth correction near it.",
                ),
                io.Int.Input(
                    "output_width",
                    default=4096,
                    min=4,
                    max=16384,
                    step=32,
                    advanced=True,
                    tooltip="Columns of the result, for size 'given width'.",
                ),
            ],
            outputs=[
                io.Image.Output(display_name="panorama", tooltip="The finished panorama."),
                io.Mask.Output(display_name="photo", tooltip="1 where a photo is shown, 0 where generated."),
                io.String.Output(
                    display_name="report",
                    tooltip="JSON: gain and offset; with kept pixels, how many 255ths a photo's view is off at most.",
                ),
            ],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def execute(
        cls,
        panorama: torch.Tensor,
        placement: Placement,
        size: str,
        feather: float,
        border: str,
        match_gain: bool,
        output_width: int = 4096,
    ) -> io.NodeOutput:
        generated = image_from_host(panorama, "panorama")
        settings = CompositeSettings(
            feather_rad=math.radians(feather),
            border=border,
            match_gain=match_gain,
            keep_pixels=size == SIZES[1],
        )
        done = composite_photos(
            generated,
            placement,
            width=composite_width(placement, generated.shape[1], size, output_width),
            settings=settings,
            progress=progress_to_host(cls.hidden.unique_id),
        )
        return io.NodeOutput(done.rgb[None], done.photo_weight[None], json.dumps(done.report, indent=2))


class PanoCanonicalize(io.ComfyNode):
    """A panorama turned upright and to the front."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="PanoCanonicalize",
            display_name="Level Panorama",
            category=_CATEGORY,
            description="Straightens a tilted panorama and turns its interesting side to the front. FLUX with the "
            "panorama LoRA returns any side first; a camera path then heads for nothing in particular.",
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
                    tooltip="Undo a tilt, found from the edges of vertical things; left alone when unsure.",
                ),
                io.Boolean.Input(
                    "face_interest",
                    default=True,
                    tooltip="Turn to the 90 degrees with most detail near the horizon. Without a tilt this only moves "
                    "columns: no pixel changes.",
                ),
                *_yaw_pitch_roll("the view"),
                io.Float.Input(
                    "least_confidence",
                    default=0.33,
                    min=0.0,
                    max=1.0,
                    step=0.01,
                    advanced=True,
                    tooltip="A tilt found with less is left alone. Buildings give about 0.5, landscapes under 0.25.",
                ),
            ],
            outputs=[
                io.Image.Output(display_name="panorama", tooltip="The turned panorama, same size."),
                io.Float.Output(display_name="yaw", tooltip="Degrees the view was turned to the right."),
                io.Float.Output(display_name="pitch", tooltip="Degrees it was turned up."),
                io.Float.Output(display_name="roll", tooltip="Degrees it was tilted to the right."),
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
        face_interest: bool,
        yaw: float,
        pitch: float,
        roll: float,
        least_confidence: float = 0.33,
    ) -> io.NodeOutput:
        done = canonicalize(
            image_from_host(panorama, "panorama"),
            straighten=straighten,
            face_interest=face_interest,
            yaw_rad=math.radians(yaw),
            pitch_rad=math.radians(pitch),
            roll_rad=math.radians(roll),
            least_confidence=least_confidence,
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
                *_yaw_pitch_roll("the view"),
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
                    tooltip="Views of each panorama, each turned further to the right.",
                ),
                _degrees(
                    "yaw_step", "Degrees between views; 0 spreads them evenly over the full circle.", 360.0
                ),
                _vertical_fov(),
                _interpolation(),
            ],
            outputs=[io.Image.Output(display_name="views", tooltip="All views of the first panorama first.")],
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
                    tooltip="Overwrite the outermost rows and columns as upstream's training crops have them.",
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
            description="Joins six cube faces to a panorama, seamless over edges and corners.",
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


class PanoTexelComposite(io.ComfyNode):
    """Real texels where there are some, the model's pixels in the holes."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="PanoTexelComposite",
            display_name="Composite Known Pixels",
            category=_CATEGORY,
            description="Shows the panorama's own texels wherever the guidance has them, at its full size, and the "
            "video model's pixels only in the holes.",
            search_aliases=[
                *PANORAMA_WORDS,
                "pano texel composite",
                "composite",
                "keep texels",
                "paste guidance",
                "sharpen video",
                "upscale panorama video",
            ],
            inputs=[
                io.Image.Input(
                    "frames", tooltip="Frames of the video model (2:1); enlarged to the guidance's size."
                ),
                io.Image.Input(
                    "guidance",
                    tooltip="Frames of MeshGuidanceRender, as many; may be larger than those of the model.",
                ),
                io.Mask.Input(
                    "mask",
                    tooltip="1 where the guidance shows something, 0 in the holes; the guidance's size.",
                ),
                io.Int.Input(
                    "feather",
                    default=8,
                    min=0,
                    max=256,
                    step=1,
                    tooltip="Pixels of the guidance beside a hole over which both are blended.",
                ),
                io.Boolean.Input(
                    "match_gain",
                    default=True,
                    tooltip="Give each generated frame the guidance's colors first: one gain and offset per channel, "
                    "smooth in time.",
                ),
            ],
            outputs=[
                io.Image.Output(display_name="frames", tooltip="One frame per pose at the guidance's size.")
            ],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def execute(
        cls,
        frames: torch.Tensor,
        guidance: torch.Tensor,
        mask: torch.Tensor,
        feather: int,
        match_gain: bool,
    ) -> io.NodeOutput:
        done = composite_texels(
            images_from_host(frames, "frames"),
            images_from_host(guidance, "guidance"),
            masks_from_host(mask, "mask"),
            feather_px=feather,
            match_gain=match_gain,
            progress=progress_to_host(cls.hidden.unique_id),
        )
        return io.NodeOutput(done)


NODES = [
    PanoProject,
    PanoComposite,
    PanoCanonicalize,
    PanoView,
    PanoCrops,
    PanoToCubemap,
    CubemapToPano,
    PanoTexelComposite,
]
