"""Known pixels, of a photo or of the guidance, composited into generated panoramas."""

from __future__ import annotations

import json
import math

import torch

from ..matrix3d_core.panorama.composite import (
    BLEND_REGIONS,
    SIZES,
    CompositeSettings,
    composite_photos,
    composite_width,
)
from ..matrix3d_core.panorama.composite_known import composite_texels
from ..matrix3d_core.panorama.photo import Placement
from ._adapters import image_from_host, images_from_host, masks_from_host
from ._host import io, progress_to_host
from ._search import PANORAMA_WORDS
from ._types import PlacementType

__all__ = ["NODES", "PanoComposite", "PanoTexelComposite"]

_CATEGORY = "Matrix-3D/panorama"


class PanoComposite(io.ComfyNode):
    """The photos' own pixels back into the generated panorama."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="PanoComposite",
            display_name="Composite Photo into Panorama",
            category=_CATEGORY,
            description="Blends the original photos back into the panorama generated around them: colors of the "
            "generated part are matched, the edge is feathered.",
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
                    tooltip="Degrees over which the edge is blended.",
                ),
                io.Combo.Input(
                    "blend_region",
                    options=list(BLEND_REGIONS),
                    default=BLEND_REGIONS[0],
                    tooltip="outside the photo: the whole photo is kept, and the generated part is corrected towards "
                    "it. inside the photo: its edge fades into the generated part; smoother where both disagree.",
                ),
                io.Boolean.Input(
                    "match_gain",
                    default=True,
                    tooltip="Match the generated part to the photo's colors: one gain and offset per channel, "
                    "measured in a band inside the edge, and a smooth correction near it.",
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
                    tooltip="JSON: gain and offset; with kept pixels, the maximum error of a photo's view, in 1/255.",
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
        blend_region: str,
        match_gain: bool,
        output_width: int = 4096,
    ) -> io.NodeOutput:
        generated = image_from_host(panorama, "panorama")
        settings = CompositeSettings(
            feather_rad=math.radians(feather),
            blend_region=blend_region,
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


class PanoTexelComposite(io.ComfyNode):
    """Real texels where there are some, the model's pixels in the holes."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="PanoTexelComposite",
            display_name="Composite Known Pixels",
            category=_CATEGORY,
            description="Composites the panorama's original texels over the video wherever the guidance has them, at "
            "its full resolution; the video model's pixels remain only in disoccluded regions.",
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
                    tooltip="Frames of Render Mesh Guidance, as many; may be larger than those of the model.",
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
                    tooltip="Pixels beside a hole over which both are blended.",
                ),
                io.Boolean.Input(
                    "match_gain",
                    default=True,
                    tooltip="Match each generated frame to the guidance's colors first: one gain and offset per "
                    "channel, smooth in time.",
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


NODES = [PanoComposite, PanoTexelComposite]
