"""Super-resolution of panoramas."""

from __future__ import annotations

from typing import Any

import torch

from ..matrix3d_core.panorama.upscale import upscale_panoramas
from ._adapters import images_from_host
from ._host import io, progress_to_host
from ._host_upscale import enlarge_with
from ._search import PANORAMA_WORDS

__all__ = ["NODES", "PanoUpscale"]


class PanoUpscale(io.ComfyNode):
    """Panoramas enlarged by the host's upscale model, without a seam."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="PanoUpscale",
            display_name="Upscale Panorama (using Model)",
            category="Matrix-3D/panorama",
            description="Super-resolution of panoramas or frames of a panoramic video with an upscale model: each is "
            "continued around its border first, so that left and right still meet, and resized to the rows asked for.",
            search_aliases=[
                *PANORAMA_WORDS,
                "pano upscale",
                "super resolution",
                "superres",
                "esrgan",
                "enlarge panorama",
                "upscale 360",
                "upscale video frames",
            ],
            inputs=[
                io.Image.Input("images", tooltip="Panoramas (2:1), as many as there are."),
                io.UpscaleModel.Input("upscale_model", tooltip="From Load Upscale Model."),
                io.Int.Input(
                    "width",
                    default=0,
                    min=0,
                    max=16384,
                    step=32,
                    tooltip="Columns of the result; the height is half of it. 0 = as the model enlarges.",
                ),
            ],
            outputs=[io.Image.Output(display_name="images", tooltip="The enlarged panoramas.")],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def execute(cls, images: torch.Tensor, upscale_model: Any, width: int) -> io.NodeOutput:
        return io.NodeOutput(
            upscale_panoramas(
                images_from_host(images, "images"),
                enlarge_with(upscale_model),
                width=width,
                progress=progress_to_host(cls.hidden.unique_id),
            )
        )


NODES = [PanoUpscale]
